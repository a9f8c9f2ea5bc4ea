"""The 8-ary Poseidon tree that epochs commit to their instrument leaves with.

A leaf that is absent is 0; every node above, also one whose eight children are all absent, is
H(NODE; child_0, ..., child_7). The depth is fixed, and leaves and nodes hash under different tags, so that no node can
be taken for a leaf.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from primitives import field
from primitives.errors import BadInput, Said
from primitives.field import FieldArray
from primitives.poseidon import Tag, hash_rows

ARITY = 8


class Tree:
    """All levels of the tree over given leaves.

    Parameters
    ----------
    leaves : (n, 4) digests, n <= 8**depth; the rest of the leaf level is 0.
    depth : levels of nodes above the leaves, at least 1.

    Attributes
    ----------
    levels : levels[l] is (8**(depth - l), 4): levels[0] the leaves, levels[depth] the root alone.

    Raises
    ------
    BadInput : more leaves than the tree holds.
    """

    def __init__(self, leaves: FieldArray, depth: int) -> None:
        capacity = ARITY**depth
        if depth < 1 or len(leaves) > capacity:
            raise BadInput("number of leaves", len(leaves), f"at most 8**depth = {capacity}, with depth >= 1")
        level = np.zeros((capacity, 4), np.uint64)
        level[:len(leaves)] = leaves
        self.depth = depth
        self.levels = [level]
        while len(self.levels[-1]) > 1:
            self.levels.append(hash_rows(Tag.NODE, self.levels[-1].reshape(-1, ARITY, 4)))

    @property
    def root(self) -> int:
        """The root as an integer in [0, r)."""
        return field.decode(self.levels[-1])[0]

    def children(self, leaf: int, level: int) -> FieldArray:
        """The eight nodes of `level` among which the path of a leaf passes: (8, 4)."""
        if not 0 <= leaf < len(self.levels[0]):
            raise BadInput("leaf index", leaf, f"in [0, {len(self.levels[0])})")
        parent = leaf // ARITY**(level + 1)
        siblings: FieldArray = self.levels[level][ARITY * parent:ARITY * (parent + 1)]
        return siblings


class Branch:
    """One path of a `Tree`, for whoever may not see the rest.

    Parameters
    ----------
    leaf : place of the leaf.
    levels : by level, the eight nodes among which the path passes: (8, 4) each, `Tree.children` of the leaf.

    Attributes
    ----------
    depth : of the tree.  root : as an integer in [0, r).

    Raises
    ------
    BadInput : a place that is none, or levels of which one does not hash to a node of the next.
    """

    def __init__(self, leaf: int, levels: Sequence[FieldArray]) -> None:
        self.leaf, self.depth, self._levels = leaf, len(levels), levels
        if not levels or not 0 <= leaf < ARITY**self.depth:
            raise BadInput("leaf index", leaf, f"in [0, {ARITY**self.depth})")
        above = hash_rows(Tag.NODE, np.stack(levels))
        for level in range(1, self.depth):
            if (levels[level][leaf // ARITY**level % ARITY] != above[level - 1]).any():
                raise BadInput(f"path[{level}]", Said("(another node)"), f"one that has the hash of path[{level - 1}]")
        self.root = field.decode(above[-1:])[0]

    def children(self, leaf: int, level: int) -> FieldArray:
        """As `Tree.children`, of this leaf alone."""
        if leaf != self.leaf:
            raise BadInput("leaf index", leaf, f"{self.leaf}: no other path is known")
        return self._levels[level]
