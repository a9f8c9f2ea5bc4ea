"""A grid epoch: risk arrays at nodes, a correlation regime, and what collateral is worth.

Its instrument leaves are those of an epoch with a scenario for each node (`risk.epochs.epoch`). Collateral factors are
in a tree of their own, a leaf H(ASSET; id, v, d) for each asset and, first, one of the null asset (0, 0, 0), which
accounts with fewer assets open. Whoever opens a leaf shows its id and never its place, so the order of assets means
nothing. The root binds both trees, shape and regime: H(EPOCH; tree root, shape, regime, assets root). Switching the
regime changes nothing but the root: correlations can jump to one with the next block.

E8, on top of E1 to E6: asset ids are distinct and not 0, and 0 <= v <= d < 2**80. Of two leaves of one asset a prover
would pick the better; and if an asset were worth more as collateral than it costs as a debt, borrowing it against
itself would create value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.errors import BadInput
from primitives.merkle import ARITY, Tree
from primitives.poseidon import Tag, hash_integers, hash_rows
from risk.epochs.epoch import ID_BITS, Epoch, Violation
from risk.epochs.header import Header
from risk.epochs.marks import Mark
from risk.grid.grid_shape import GridShape
from risk.market.instruments import Instrument

ASSET_DEPTH = 2
"""Of the tree of collateral factors, in every shape."""
MOST_ASSETS = ARITY**ASSET_DEPTH - 1
"""Assets that an epoch can list; the null asset takes a leaf, too."""
FACTOR_BITS = 80


class Factors(NamedTuple):
    """What one base unit of an asset counts for, in 2**-64 x 10**-6 quote units: as collateral, and as a debt."""

    id: int
    value: int
    debt: int


NO_ASSET = Factors(0, 0, 0)


@dataclass(frozen=True, eq=False)
class GridEpoch:
    """Risk arrays of n leaves over Γ nodes.

    Parameters
    ----------
    arrays : an epoch of `shape.layout`: `changes` (n, Γ) are at the nodes. Its own root is not published.
    regime : which map is in force.
    assets : collateral, in any order.
    collateral : the file the factors were made from; None for bare numbers.

    Raises
    ------
    BadInput : arrays of another layout, more underlyings than the shape holds, more than MOST_ASSETS assets, a regime
        that is none.
    """

    shape: GridShape
    arrays: Epoch
    regime: int = 0
    assets: tuple[Factors, ...] = ()
    collateral: bytes | None = None

    def __post_init__(self) -> None:
        if self.arrays.shape != self.shape.layout:
            raise BadInput("shape of the arrays", str(self.arrays.shape.to_json()), f"{self.shape.layout.to_json()}")
        if not 0 <= self.regime < self.shape.regimes:
            raise BadInput("regime", self.regime, f"in [0, {self.shape.regimes})")
        if len(self.header.underlyings) > self.shape.underlyings:
            raise BadInput("number of underlyings", len(self.header.underlyings), f"at most {self.shape.underlyings}")
        if len(self.assets) > MOST_ASSETS:
            raise BadInput("number of assets", len(self.assets), f"at most {MOST_ASSETS}: an epoch lists no more")

    @classmethod
    def of(cls, shape: GridShape, ids: Sequence[int], changes: NDArray[np.int64], *,
           underlying: NDArray[np.int64] | None = None, regime: int = 0, assets: Sequence[Factors] = (),
           **columns: Any) -> GridEpoch:
        """The epoch of given instruments: `risk.epochs.epoch.Epoch.of` with m changes at nodes, int64 (m, Γ)."""
        columns.setdefault("header", Header(underlyings=tuple(f"underlying-{u}" for u in range(shape.underlyings))))
        arrays = Epoch.of(shape.layout, ids, changes, underlying=underlying, **columns)
        return cls(shape, arrays, regime, tuple(assets))

    def under(self, regime: int) -> GridEpoch:
        """The same in another correlation regime."""
        return replace(self, regime=regime)

    # -- what it holds -----------------------------------------------------------------------------------------
    @property
    def header(self) -> Header:
        return self.arrays.header

    @property
    def instruments(self) -> tuple[Instrument, ...]:
        return self.arrays.instruments

    @property
    def ids(self) -> NDArray[Any]:
        return self.arrays.ids

    @property
    def underlying(self) -> NDArray[np.int64]:
        return self.arrays.underlying

    @property
    def long(self) -> NDArray[np.int64]:
        return self.arrays.long

    @property
    def short(self) -> NDArray[np.int64]:
        return self.arrays.short

    @property
    def amax(self) -> NDArray[np.int64]:
        return self.arrays.amax

    @property
    def changes(self) -> NDArray[np.int64]:
        """(n, Γ)."""
        return self.arrays.changes

    def index_of(self, id: int) -> int:
        """The row of an instrument id; errors as `Epoch.index_of`."""
        return self.arrays.index_of(id)

    def row_of(self, symbol: str) -> int | None:
        """The row of an instrument by its symbol; None if the epoch does not hold it."""
        return self.arrays.row_of(symbol)

    @property
    def levels(self) -> bool:
        """Whether `changes` holds values."""
        return self.arrays.levels

    @property
    def cash_id(self) -> int:
        """As `Epoch.cash_id`."""
        return self.arrays.cash_id

    def mark(self, id: int) -> Mark:
        """As `Epoch.mark`."""
        return self.arrays.mark(id)

    # -- collateral --------------------------------------------------------------------------------------------
    @property
    def listed(self) -> tuple[Factors, ...]:
        """What the leaves of the asset tree say: nothing of the null asset, then the assets."""
        return listed(self.assets)

    def asset_place(self, id: int) -> int:
        """Where in `listed`, and in the asset tree, an asset is; 0 is the null asset's id.

        Raises
        ------
        BadInput : the epoch does not list it.
        """
        for place, factors in enumerate(self.listed):
            if factors.id == id:
                return place
        raise BadInput("asset held", id, "listed in the epoch")

    # -- what it must keep -------------------------------------------------------------------------------------
    def violations(self) -> Iterator[Violation]:
        """Every precondition E1 to E5, E7, E8 and E12 that these numbers break. E6 takes the model: see
        `risk.grid.grid_audit`."""
        yield from self.arrays.violations()
        seen: set[int] = set()
        for row, asset in enumerate(self.assets):
            if asset.id in seen or not 0 < asset.id < 1 << ID_BITS:
                yield Violation("E8", f"assets[{row}].id", asset.id, f"in (0, 2**{ID_BITS}), and no other asset's")
            seen.add(asset.id)
            if not 0 <= asset.value <= asset.debt:
                yield Violation("E8", f"assets[{row}].value", asset.value, f"in [0, debt factor = {asset.debt}]")
            if not asset.debt < 1 << FACTOR_BITS:
                yield Violation("E8", f"assets[{row}].debt", asset.debt, f"below 2**{FACTOR_BITS}")

    # -- what it commits to ------------------------------------------------------------------------------------
    def leaves(self) -> NDArray[Any]:
        """Instrument leaves (id, u, long, short, amax, A_0, ..., A_{E-1}): object (n, 5 + E), Python integers.

        Raises
        ------
        BadInput : the epoch breaks one of E1 to E5 or E8; names the first.
        """
        for violation in self.violations():
            raise violation.error()
        return self.arrays.leaves()

    @cached_property
    def tree(self) -> Tree:
        """Of the instruments, settlements and header: that of the arrays."""
        for violation in self.violations():
            raise violation.error()
        return self.arrays.tree

    @cached_property
    def asset_tree(self) -> Tree:
        """Of the collateral factors."""
        return asset_tree(self.assets)

    @cached_property
    def root(self) -> int:
        """What the publisher puts on chain, in [0, r)."""
        return grid_root(self.tree.root, self.shape.digest(), self.regime, self.asset_tree.root)


def listed(assets: Sequence[Factors]) -> tuple[Factors, ...]:
    """What the leaves of the asset tree say."""
    return (NO_ASSET, *assets)


def asset_tree(assets: Sequence[Factors]) -> Tree:
    """Of collateral factors."""
    rows = np.array([tuple(factors) for factors in listed(assets)], object)
    return Tree(hash_rows(Tag.ASSET, field.encode(rows)), ASSET_DEPTH)


def grid_root(tree_root: int, shape_digest: int, regime: int, assets_root: int) -> int:
    """What binds both trees, the shape and the regime."""
    return hash_integers(Tag.EPOCH, [tree_root, shape_digest, regime, assets_root])
