"""Opening leaves of the 8-ary tree without an index.

Membership is the vanishing of a product, prod_i (child_i - x) = 0: x *is* one of the children, and nothing says which.
A path has no position that could be aliased, and costs seven rows per level; a place costs three more, its bits.
"""

from __future__ import annotations

from circuits.builder import ConstraintSystem
from circuits.gadgets.poseidon import hash_rows
from circuits.gadgets.ranges import select
from circuits.signals import Linear
from primitives.merkle import ARITY
from primitives.poseidon import Tag

DIGIT_BITS = ARITY.bit_length() - 1
"""A place among eight children, in bits."""


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


def climb_at(cs: ConstraintSystem, x: Linear, place: Linear, label: str) -> Linear:
    """From digests x (J,) up as many levels as `place` (J, levels, 3) has: each is *the* child of the next node whose
    number these booleans are, lowest bit first: 412 rows a level, as `climb`, whose inputs it takes.

    Where `climb` says that something is in a tree, this says that it is at one place of it, which nothing else can be.
    """
    for level in range(place.shape[1]):
        children = cs.private(f"children {level}", (len(x), ARITY))
        chosen = children
        for bit in range(DIGIT_BITS - 1):
            chosen = select(cs, place[:, level, bit].reshape(len(x), 1), chosen[:, 1::2], chosen[:, ::2],
                            f"{label} child/{bit}")
        even, odd = chosen[:, 0], chosen[:, 1]
        cs.equal(place[:, level, -1] * (odd - even), x - even, f"{label} path")
        x = hash_rows(cs, Tag.NODE, children, f"{label} node {level}")
    return x


def open_leaves(cs: ConstraintSystem, leaves: Linear, depth: int, path: str, top: str, shared: int = 2) -> Linear:
    """The root of a tree of 8**depth leaves that holds all of `leaves` (J,); depth >= shared.

    Cost: J (8**shared - 1 + 412 (depth - shared)) rows, and 405 for every node from there to the root: 9 for two
    levels, 1 for one. Below the shared levels every leaf has a path of its own; the nodes there (input "top") are
    hashed to the root once.

    Parameters
    ----------
    path, top : labels of the membership rows and of the shared hashes.
    shared : 1 or 2 levels.
    """
    x = climb(cs, leaves, depth - shared, path)
    count = ARITY**shared
    nodes = cs.private("top", (count,))
    member(cs, x, nodes.reshape(1, count).broadcast((len(leaves), count)), f"{path} top")
    if shared == 2:
        nodes = hash_rows(cs, Tag.NODE, nodes.reshape(ARITY, ARITY), f"{top} group")
    return hash_rows(cs, Tag.NODE, nodes.reshape(1, ARITY), f"{top} root")[0]
