"""The `leaf-field` statement: a published epoch holds a leaf of this kind and id, and its element k is x.

Public: context, epoch_root, id, place, x, where place = k + kind 2**16. It says nothing about whether x is right: that
is for the contract to judge, which reads an epoch in this way to refute it (two leaves of one id, a value out of
bounds, another than the signed one), to have it shown that a leaf is there at all, or for a single number.

One circuit reads leaves of one kind and shape. An epoch of another shape or without a regime of it does not open, just
as it does not for `margin`: so a proof also says that holders are not locked out. L1 to L5 are those of
docs/statements.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.clauses.grid_risk import choose_regime
from circuits.clauses.inputs import Inputs, require_integer
from circuits.gadgets.one_hot import one_hot
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.tree import open_leaves
from circuits.signals import Linear, concatenate
from primitives import field
from primitives.errors import BadInput
from primitives.field import MODULUS, FieldArray
from primitives.merkle import ARITY, Tree
from primitives.poseidon import Tag, hash_integers
from primitives.poseidon import hash_rows as hash_leaves
from risk.epochs.epoch import REGIME, TERMS, Epoch
from risk.epochs.marks import Mark
from risk.exact.shape import EpochShape
from risk.grid.grid_epoch import ASSET_DEPTH, Factors, GridEpoch
from risk.grid.grid_shape import GridShape

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, statement, key, epoch and action, hashed",
    "epoch_root": "the published epoch: instruments, risk arrays, collateral factors, shape and regime",
    "id": "of the instrument or asset: the leaf's first element",
    "place": "k + kind 2**16: which element, and the tag that leaves of this kind are hashed with",
    "x": "the element; k = 0 is the id itself",
}
KIND_SHIFT = 16
"""Leaves have fewer than 2**16 elements."""


@dataclass(frozen=True)
class Preset:
    """What is read.

    Parameters
    ----------
    shape : of the epochs.
    kind : the tag of its leaves: LEAF, an instrument's; MARK, what a lot is worth today, which epochs of levels have;
        or ASSET, a collateral asset's, which only grids have.

    Raises
    ------
    BadInput : epochs of this shape have no such leaves.
    """

    shape: EpochShape | GridShape
    kind: Tag = Tag.LEAF

    def __post_init__(self) -> None:
        allowed = (Tag.LEAF, Tag.MARK, *((Tag.ASSET,) if isinstance(self.shape, GridShape) else ()))
        if self.kind not in allowed:
            raise BadInput("kind", self.kind, f"one of {', '.join(tag.name for tag in allowed)} in such epochs")

    @property
    def elements(self) -> int:
        """Of one leaf, the id included."""
        fixed = {Tag.ASSET: len(Factors._fields), Tag.MARK: len(Mark._fields)}
        return fixed[self.kind] if self.kind in fixed else len(TERMS) + self.shape.packs

    @property
    def depth(self) -> int:
        """Of the tree that holds the leaves."""
        return ASSET_DEPTH if self.kind == Tag.ASSET else self.shape.depth

    @property
    def regimes(self) -> int:
        """That the epochs may be in."""
        return self.shape.regimes if isinstance(self.shape, GridShape) else 1


def place_of(kind: Tag, element: int) -> int:
    """The public input: element k of a leaf of this kind."""
    return element + (int(kind) << KIND_SHIFT)


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    context, epoch_root, id, place, x = map(cs.public, PUBLIC_INPUTS)
    with cs.scope("leaf"):
        rest = cs.private("element", (preset.elements - 1,))
        elements = concatenate([id.reshape(1), rest])
        digest = hash_rows(cs, preset.kind, elements.reshape(1, -1), "L1 hash")             # L1: a leaf of this id
    open_epoch(cs, digest, preset, epoch_root)                                              # L2, L3: ... in the epoch
    with cs.scope("field"):
        chosen = one_hot(cs, "L4 element", preset.elements)                                 # L4: one element
        cs.equal(chosen.number + (int(preset.kind) << KIND_SHIFT), place, "L4 place")
        cs.equal((chosen.marks * elements).sum(0, "L5 product"), x, "L5")                   # L5: ... is x
    with cs.scope("result"):
        cs.multiply(context, context, "C20")                                                # C20


def open_epoch(cs: ConstraintSystem, digest: Linear, preset: Preset, epoch_root: Linear) -> None:
    """L2, L3: a leaf's digest (1,) is in its tree, and that in the epoch of this shape and one of its regimes.

    H(EPOCH; tree root, shape, regime) is an epoch by full revaluation, H(EPOCH; tree root, shape, regime, assets root)
    one on a grid. The root of the tree that is not read is a private input.
    """
    shape = preset.shape
    with cs.scope("epoch"):
        root = open_leaves(cs, digest, preset.depth, "L2", "L2", shared=1)
        beside = [cs.private("other root")] if isinstance(shape, GridShape) else []
    regime = choose_regime(cs, shape).number if isinstance(shape, GridShape) else cs.signal(REGIME)
    with cs.scope("epoch"):
        trees = [*beside, root] if preset.kind == Tag.ASSET else [root, *beside]
        content = [trees[0], cs.signal(shape.digest()), regime, *trees[1:]]
        digest_of = hash_rows(cs, Tag.EPOCH, concatenate([part.reshape(1) for part in content]), "L3 hash")
        cs.equal(digest_of, epoch_root, "L3")


# -- the witness ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, eq=False)
class Published:
    """Leaves of one kind as somebody published them, right or wrong, and what stands beside their tree in the root.

    Parameters
    ----------
    leaves : per place of the tree from `first` on, the elements, any residues: false ones are what this statement is
        there to show.
    regime : as the root says it.
    other_root : of the other tree of an epoch on a grid; ignored in one by full revaluation.
    level : all leaf digests of the tree, (8**depth, 4), those of `leaves` among them: an epoch's tree also holds
        settlements, marks and a header. By default there are no others.
    first : place of the first of `leaves`.
    """

    preset: Preset
    leaves: Sequence[Sequence[int]]
    regime: int = REGIME
    other_root: int = 0
    level: FieldArray | None = None
    first: int = 0

    @classmethod
    def of(cls, preset: Preset, epoch: Epoch | GridEpoch) -> Published:
        """As an epoch is published.

        Raises
        ------
        BadInput : of another shape, without marks where they are read, or it breaks E1 to E5, E7, E8 or E12; of such
            a one, give the leaves that were published.
        """
        if epoch.shape != preset.shape:
            raise BadInput("epoch shape", str(epoch.shape.to_json()), f"the statement's, {preset.shape.to_json()}")
        instruments, first = [[int(value) for value in leaf] for leaf in epoch.leaves()], 0
        if preset.kind == Tag.MARK:
            arrays = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
            if not arrays.marks:
                raise BadInput("number of marks", 0, "above 0: epochs of levels have them")
            instruments, first = [list(mark) for mark in arrays.marks], arrays.place_of_marks
        if not isinstance(epoch, GridEpoch):
            return cls(preset, instruments, level=epoch.tree.levels[0], first=first)
        if preset.kind == Tag.ASSET:
            return cls(preset, [[int(value) for value in factors] for factors in epoch.listed], epoch.regime,
                       epoch.tree.root)
        return cls(preset, instruments, epoch.regime, epoch.asset_tree.root, epoch.tree.levels[0], first)

    @cached_property
    def tree(self) -> Tree:
        """That holds the leaves."""
        rows = np.array([[value % MODULUS for value in leaf] for leaf in self.leaves], object)
        digests = hash_leaves(self.preset.kind, field.encode(rows))
        level = np.zeros((ARITY**self.preset.depth, 4), np.uint64) if self.level is None else self.level.copy()
        level[self.first:self.first + len(digests)] = digests
        return Tree(level, self.preset.depth)

    @property
    def root(self) -> int:
        """Of the epoch, in [0, r)."""
        shape, roots = self.preset.shape, [self.tree.root]
        if isinstance(shape, GridShape):
            roots.insert(0 if self.preset.kind == Tag.ASSET else 1, self.other_root)
        return hash_integers(Tag.EPOCH, [roots[0], shape.digest(), self.regime, *roots[1:]])


def assign(published: Published, leaf: int, element: int, context: int) -> Inputs:
    """The inputs of `define`, honest and complete: they say what was published.

    Parameters
    ----------
    leaf : which of `published.leaves`: the row of an instrument, the place of a mark in `Epoch.marks` or of an asset in
        `GridEpoch.listed`.
    element : k, in [0, elements of the leaf); 0 is the id.
    context : in [0, r).

    Raises
    ------
    BadInput : a leaf or an element that is not there, leaves of another length, a context that is no field element, a
        regime that the shape does not have.
    """
    preset = published.preset
    require_integer("leaf", leaf, 0, len(published.leaves) - 1)
    require_integer("element", element, 0, preset.elements - 1)
    require_integer("context", context, 0, MODULUS - 1)
    require_integer("regime", published.regime, 0, preset.regimes - 1)
    for place, elements in enumerate(published.leaves):
        if len(elements) != preset.elements:
            raise BadInput(f"number of elements of leaf {place}", len(elements),
                           f"{preset.elements}, as leaves of this kind have")
    return unchecked_inputs(published, leaf, element, context)


def unchecked_inputs(published: Published, leaf: int, element: int, context: int) -> Inputs:
    """What `assign` computes; an element past the end is said to be 0."""
    preset, tree = published.preset, published.tree
    elements = [value % MODULUS for value in published.leaves[leaf]]
    inputs: Inputs = {
        "context": context, "epoch_root": published.root, "id": elements[0], "place": place_of(preset.kind, element),
        "x": elements[element] if element < len(elements) else 0, "leaf/element": np.array(elements[1:], object),
        "field/L4 element": np.arange(preset.elements) == element, "epoch/top": tree.levels[preset.depth - 1]}
    for level in range(preset.depth - 1):
        inputs[f"epoch/children {level}"] = tree.children(published.first + leaf, level)[None]
    if isinstance(preset.shape, GridShape):
        inputs |= {"epoch/other root": published.other_root,
                   "risk/C11 regime": np.arange(preset.regimes) == published.regime}
    return inputs
