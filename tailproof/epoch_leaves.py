"""An epoch as the chain can see it: leaves that proofs show, by kind, and the two trees over them.

What was published may be false, and is then needed as it was published. So nothing is refused here: leaves are what the
numbers give, and their root says whose they are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from circuits.statements.leaf_field import Preset, Published
from primitives.errors import BadInput
from primitives.field import MODULUS, FieldArray
from primitives.merkle import Tree
from primitives.poseidon import Tag, hash_integers
from risk.epochs.epoch import REGIME
from risk.exact.shape import EpochShape
from risk.grid.grid_epoch import ASSET_DEPTH, GridEpoch
from risk.grid.grid_shape import GridShape
from verifier_contracts.epoch_content import EpochContent
from verifier_contracts.keccak_tree import KeccakTree, row_digest
from verifier_contracts.oracle import LeafLayout, Listing

from .epochs import AnyEpoch

Row = tuple[int, ...]
KINDS = (Tag.LEAF, Tag.ASSET, Tag.MARK)
"""Of leaves that proofs show (`LeafChallenges.statementOf`)."""


@dataclass(frozen=True, eq=False)
class EpochLeaves:
    """Leaves of one epoch.

    rows : by kind, elements as residues, the id first; instruments and assets begin with the null leaf in a true epoch.
    level : digests of all leaves of the instruments' tree, (8**depth, 4): settlements and header are among them.
    places : by kind, where in its tree each row is.
    assets : digests of all leaves of the tree of assets, of an epoch on a grid.
    """

    shape: EpochShape | GridShape
    regime: int
    rows: Mapping[Tag, tuple[Row, ...]]
    level: FieldArray
    places: Mapping[Tag, Sequence[int]]
    assets: FieldArray | None = None

    @classmethod
    def of(cls, epoch: AnyEpoch) -> EpochLeaves:
        """Of an epoch, true or false."""
        arrays = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
        rows = {Tag.LEAF: _residues(arrays.unchecked_leaves().tolist()), Tag.MARK: _residues(arrays.marks)}
        first = arrays.place_of_marks
        places = {Tag.LEAF: range(len(rows[Tag.LEAF])), Tag.MARK: range(first, first + len(rows[Tag.MARK]))}
        assets = None
        if isinstance(epoch, GridEpoch):
            rows[Tag.ASSET] = _residues(epoch.listed)
            places[Tag.ASSET] = range(len(rows[Tag.ASSET]))
            assets = Published(Preset(epoch.shape, Tag.ASSET), rows[Tag.ASSET]).tree.levels[0]
        return cls(epoch.shape, epoch.regime if isinstance(epoch, GridEpoch) else REGIME, rows,
                   arrays.unchecked_tree().levels[0], places, assets)

    def published(self, kind: Tag, place: int) -> Published:
        """One leaf as `leaf-field` opens it: the first of what is returned.

        place : of the leaf among those of its kind.

        Raises
        ------
        BadInput : epochs of this shape have no such leaves; there is no such leaf.
        """
        preset, rows = Preset(self.shape, kind), self.rows.get(kind, ())
        if not 0 <= place < len(rows):
            raise BadInput("place", place, f"below {len(rows)}, the number of leaves of kind {kind.name}")
        roots = self._roots
        return Published(preset, [list(rows[place])], self.regime, roots[kind != Tag.ASSET] if len(roots) > 1 else 0,
                         self.assets if kind == Tag.ASSET else self.level, self.places[kind][place])

    @cached_property
    def _roots(self) -> list[int]:
        """Of the instruments' tree and, on a grid, of that of assets."""
        return [Tree(self.level, self.shape.depth).root,
                *([] if self.assets is None else [Tree(self.assets, ASSET_DEPTH).root])]

    @cached_property
    def root(self) -> int:
        """What is published, in [0, r)."""
        instruments, *beside = self._roots
        return hash_integers(Tag.EPOCH, [instruments, self.shape.digest(), self.regime, *beside])

    @cached_property
    def data_tree(self) -> KeccakTree:
        """Over every row that proofs can show."""
        return KeccakTree(row_digest(kind, row) for kind, row in self)

    def listing(self, content: EpochContent, kind: Tag, row: Row) -> Listing:
        """Where a row is listed, under a content that has this tree.

        Raises
        ------
        BadInput : it is not, or the content has another tree.
        """
        if content.data_root != self.data_tree.root:
            raise BadInput("data_root", "0x" + content.data_root.hex(), f"0x{self.data_tree.root.hex()}, which these "
                           "rows give")
        return Listing(content, row, self.data_tree.path(row_digest(kind, row)))

    def place(self, kind: Tag, id: int) -> int | None:
        """Of the first leaf of an id among those of its kind; None if there is none."""
        return self._places.get((kind, id))

    def __iter__(self) -> Iterator[tuple[Tag, Row]]:
        for kind in KINDS:
            for row in self.rows.get(kind, ()):
                yield kind, row

    @cached_property
    def _places(self) -> dict[tuple[Tag, int], int]:
        return {(kind, row[0]): place for kind in KINDS
                for place, row in reversed(list(enumerate(self.rows.get(kind, ()))))}


def layout_of(epoch: AnyEpoch) -> LeafLayout:
    """How an epoch's leaves are laid out."""
    shape = epoch.shape.layout if isinstance(epoch.shape, GridShape) else epoch.shape
    return LeafLayout(shape.lanes, shape.width, shape.value_bits, shape.scenarios, len(epoch.header.underlyings),
                      epoch.cash_id if epoch.levels else 0)


def require_layout(epoch: AnyEpoch, form: LeafLayout) -> None:
    """Refuse an epoch that an oracle's court would misread.

    Raises
    ------
    BadInput : of another layout, with more underlyings, or with another cash.
    """
    ours = layout_of(epoch)
    for name in ("lanes", "width", "value_bits", "values"):
        if getattr(ours, name) != getattr(form, name):
            raise BadInput(f"epoch: {name}", getattr(ours, name), f"{getattr(form, name)}, as the court reads leaves")
    if ours.underlyings > form.underlyings:
        raise BadInput("epoch: underlyings", ours.underlyings, f"at most {form.underlyings}, as the court reads leaves")
    if ours.cash_id != form.cash_id:
        raise BadInput("epoch: id of cash", ours.cash_id, f"{form.cash_id}, as the court knows it (0: of changes)")


def _residues(rows: object) -> tuple[Row, ...]:
    return tuple(tuple(int(element) % MODULUS for element in row) for row in rows)  # type: ignore[attr-defined]
