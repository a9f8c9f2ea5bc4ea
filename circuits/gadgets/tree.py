"""Opening leaves of the 8-ary tree without an index.

Membership is the vanishing of a product, prod_i (child_i - x) = 0: x *is* one of the children, and nothing says which.
A path has no position that could be aliased, and costs seven rows per level where a binary selector costs more.
"""

from __future__ import annotations

from circuits.builder import ConstraintSystem
from circuits.gadgets.poseidon import hash_rows
from circuits.signals import Linear
from primitives.merkle import ARITY
from primitives.poseidon import Tag

TOP = ARITY * ARITY
"""Nodes two levels below the root; all openings share them."""


def member(cs: ConstraintSystem, x: Linear, children: Linear, label: str) -> None:
    """x (...) equals one of children (..., m): m - 1 rows each."""
    product = children[..., 0] - x
    for i in range(1, children.shape[-1] - 1):
        product = cs.multiply(product, children[..., i] - x, f"{label} product/{i}")
    cs.equal(product * (children[..., -1] - x), 0, label)


def climb(cs: ConstraintSystem, x: Linear, levels: int, label: str) -> Linear:
    """From digests x (J,) up `levels` levels: each is a child of the node whose hash comes next.

    Takes the children as inputs "children 0", "children 1", ... of shape (J, 8).
    """
    for level in range(levels):
        children = cs.private(f"children {level}", (len(x), ARITY))
        member(cs, x, children, f"{label} path")
        x = hash_rows(cs, Tag.NODE, children, f"{label} node {level}")
    return x


def open_leaves(cs: ConstraintSystem, leaves: Linear, depth: int, path: str, top: str) -> Linear:
    """The root of a tree of 8**depth leaves that holds all of `leaves` (J,); depth >= 2.

    Cost: J (63 + 412 (depth - 2)) + 3645 rows. Below the top two levels every leaf has a path of its own; the 64 nodes
    there are shared (input "top", (64,)) and hashed to the root once.

    Parameters
    ----------
    path, top : labels of the membership rows and of the shared hashes.
    """
    x = climb(cs, leaves, depth - 2, path)
    nodes = cs.private("top", (TOP,))
    member(cs, x, nodes.reshape(1, TOP).broadcast((len(leaves), TOP)), f"{path} top")
    groups = hash_rows(cs, Tag.NODE, nodes.reshape(ARITY, ARITY), f"{top} group")
    return hash_rows(cs, Tag.NODE, groups.reshape(1, ARITY), f"{top} root")[0]
