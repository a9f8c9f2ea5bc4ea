"""The instrument tree against its definition on integers."""

from __future__ import annotations

import numpy as np
import pytest

from primitives.errors import BadInput
from primitives.field import decode, encode
from primitives.merkle import Branch, Tree
from primitives.poseidon import Tag, hash_integers


def literal_root(leaves: list[int], depth: int) -> int:
    level = leaves + [0] * (8**depth - len(leaves))
    for _ in range(depth):
        level = [hash_integers(Tag.NODE, level[i:i + 8]) for i in range(0, len(level), 8)]
    return level[0]


@pytest.mark.parametrize(("count", "depth"), [(0, 1), (1, 1), (8, 1), (1, 2), (9, 2), (64, 2)])
def test_root_is_the_definition(count: int, depth: int) -> None:
    leaves = list(range(1, count + 1))
    tree = Tree(encode(leaves), depth)
    assert tree.root == literal_root(leaves, depth)
    assert [len(level) for level in tree.levels] == [8**(depth - level) for level in range(depth + 1)]


def test_every_leaf_counts_and_so_does_its_place() -> None:
    leaves = list(range(1, 65))
    roots = {Tree(encode(leaves), 2).root}
    for place in (0, 7, 8, 63):
        changed = leaves.copy()
        changed[place] += 100
        roots.add(Tree(encode(changed), 2).root)
    roots.add(Tree(encode(leaves[::-1]), 2).root)
    roots.add(Tree(encode(leaves), 3).root)
    assert len(roots) == 7


def test_children_along_a_path_lead_to_the_root() -> None:
    tree = Tree(encode(np.arange(1, 100)), 3)
    for leaf in (0, 7, 8, 98, 511):
        digest = tree.levels[0][leaf]
        for level in range(3):
            children = tree.children(leaf, level)
            assert (children == digest).all(axis=1).any()
            digest = encode(hash_integers(Tag.NODE, decode(children)))
        assert decode(digest) == [tree.root]


def test_too_many_leaves_and_absent_ones_are_refused() -> None:
    with pytest.raises(BadInput, match=r"number of leaves is 9: must be at most 8\*\*depth = 8"):
        Tree(encode(np.arange(9)), 1)
    with pytest.raises(BadInput, match="number of leaves"):
        Tree(encode([1]), 0)
    for leaf in (-1, 8):
        with pytest.raises(BadInput, match="leaf index"):
            Tree(encode([1]), 1).children(leaf, 0)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_a_branch_is_one_path_of_its_tree(depth: int) -> None:
    tree = Tree(encode(list(range(1, 8**depth - 3))), depth)
    for place in (0, 5, 8**depth - 1):
        levels = [tree.children(place, level) for level in range(depth)]
        branch = Branch(place, levels)
        assert (branch.root, branch.depth) == (tree.root, depth)
        assert all((branch.children(place, level) == levels[level]).all() for level in range(depth))
        with pytest.raises(BadInput, match="no other path"):
            branch.children(place ^ 1, 0)
        for level in range(depth):
            changed = [nodes.copy() for nodes in levels]
            changed[level][(place // 8**level + 1) % 8] = encode([10**9])[0]
            if level < depth - 1:
                with pytest.raises(BadInput, match=f"path\\[{level + 1}\\]"):
                    Branch(place, changed)
            else:
                assert Branch(place, changed).root != tree.root
    for place in (-1, 8**depth):
        with pytest.raises(BadInput, match="leaf index"):
            Branch(place, levels)
