"""Instruments of a published epoch: their leaves, and the tree and root that hold them.

Leaves of any number of portfolios may be read at once, as one array of ids: the top of the tree is then hashed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.clauses.inputs import Inputs
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.tree import open_leaves
from circuits.intervals import unsigned
from circuits.signals import Linear, Signal, concatenate
from primitives.merkle import Tree
from primitives.poseidon import Tag


class Layout(Protocol):
    """What the circuit must know of an epoch's shape to open its leaves; see `risk.exact.shape.EpochShape`."""

    @property
    def depth(self) -> int: ...
    @property
    def value_bits(self) -> int: ...
    @property
    def packs(self) -> int: ...
    def digest(self) -> int: ...


class LeafTable(Protocol):
    """What the witness needs of an epoch; see `risk.epochs.epoch.Epoch`."""

    @property
    def ids(self) -> NDArray[Any]: ...
    @property
    def long(self) -> NDArray[np.int64]: ...
    @property
    def short(self) -> NDArray[np.int64]: ...
    @property
    def amax(self) -> NDArray[np.int64]: ...
    @property
    def tree(self) -> Tree: ...
    @property
    def root(self) -> int: ...
    def leaves(self) -> NDArray[Any]: ...


class Leaves(NamedTuple):
    """What J leaves say: underlying, long, short, amax, digest (J,) and the packed value changes (J, E)."""

    underlying: Linear
    long: Linear
    short: Linear
    amax: Linear
    packed: Linear
    digest: Linear

    def of(self, slots: slice) -> Leaves:
        """Those of some slots, such as one portfolio's."""
        return Leaves(*(column[slots] for column in self))


def read_leaves(cs: ConstraintSystem, ids: Linear, shape: Layout, underlying: Linear | None = None) -> Leaves:
    """C2: the leaf of each id (J,), hashed: h(E + 5) rows each. The id in the leaf is the wire given.

    Parameters
    ----------
    underlying : (J,), if other constraints say what it is; else an input that nothing reads.
    """
    J = len(ids)
    with cs.scope("leaf"):
        money = unsigned(shape.value_bits)
        if underlying is None:
            underlying = cs.private("underlying", (J,))
        long = cs.private("long", (J,), assumed=money, reason="E3")
        short = cs.private("short", (J,), assumed=money, reason="E3")
        amax = cs.private("amax", (J,), assumed=money, reason="E2")
        packed = cs.private("packed", (J, shape.packs))
        columns = [column.reshape(J, 1) for column in (ids, underlying, long, short, amax)]
        digest = hash_rows(cs, Tag.LEAF, concatenate([*columns, packed]), "C2 hash")
    return Leaves(underlying, long, short, amax, packed, digest)


def open_epoch(cs: ConstraintSystem, digests: Linear, shape: Layout, regime: Signal, epoch_root: Linear,
               beside: Sequence[Linear] = ()) -> None:
    """C3, C4, C5: leaf digests (J,) are in the tree under a published root, H(EPOCH; tree root, shape, regime, ...).

    The shape is a constant of the circuit: an epoch of another one does not open.

    Parameters
    ----------
    beside : what else the epoch commits to, such as the root of its collateral factors.
    """
    with cs.scope("epoch"):
        tree_root = open_leaves(cs, digests, shape.depth, path="C3", top="C4")
        rest = [cs.signal(value).reshape(1) for value in (regime, *beside)]
        content = concatenate([tree_root.reshape(1), cs.signal([shape.digest()]), *rest])
        cs.equal(hash_rows(cs, Tag.EPOCH, content, "C5 hash"), epoch_root, "C5")


def leaf_inputs(table: LeafTable, rows: NDArray[np.int64]) -> Inputs:
    """For the leaves at these rows (J,). Drop "leaf/underlying" where the underlying is no input."""
    leaves = table.leaves()[rows]                                       # (J, 5 + E) Python integers
    _, underlying, long, short, amax = leaves[:, :5].T
    return {"leaf/underlying": underlying, "leaf/long": long, "leaf/short": short, "leaf/amax": amax,
            "leaf/packed": leaves[:, 5:]}


def path_inputs(tree: Tree, places: NDArray[np.int64]) -> Inputs:
    """For the leaves at these places (J,) of a tree, whatever they hold."""
    inputs = {"epoch/top": tree.levels[tree.depth - 2]}
    for level in range(tree.depth - 2):
        inputs[f"epoch/children {level}"] = np.stack([tree.children(int(place), level) for place in places])
    return inputs
