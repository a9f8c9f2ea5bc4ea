"""What a cheater would try against `leaf-field`: have an epoch say what it does not, to refute an honest publisher, or
to hide that a leaf is not there.

The `AUDIT` instance is on a grid of three regimes, whose epochs have two trees; its leaves have eight elements, as
nodes have, so that only the tag tells them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness.audit import Subject
from circuits.soundness.forgery import Attack, forge, keep_hash
from circuits.soundness.grid import random_weights
from circuits.statements import leaf_field
from circuits.statements.leaf_field import Preset, Published, place_of
from primitives import field
from primitives.field import MODULUS
from primitives.merkle import ARITY
from primitives.poseidon import Tag, hash_integers
from risk.exact.shape import TailSize
from risk.grid.grid_map import ExplicitMap, Nodes
from risk.grid.grid_shape import GridShape

AUDIT = Preset(GridShape(ExplicitMap(Nodes((-1000, 0, 1000), (900, 2000)), 3, random_weights(3, 6, 3, 6, 3)),
                         TailSize(3, 2), depth=2, lanes=2, width=50))
HALF = pow(2, -1, MODULUS)
CONTEXT, OTHER_ROOT, REGIME = 12, 4711, 1
LEAF, ELEMENT = 9, 3
"""Ninth of eleven leaves, in the second node; its element 3, `short`."""
MARK, PLACE, VALUE = "field/L4 element", "field/L4 place", "field/L5"


@cache
def circuit() -> ConstraintSystem:
    """The instance that all attacks are on."""
    cs = ConstraintSystem()
    leaf_field.define(cs, AUDIT)
    return cs.finish()


def _leaves() -> list[list[int]]:
    rng = np.random.default_rng(5)
    return [[1000 + leaf, *(int(value) for value in rng.integers(1, 2**40, AUDIT.elements - 1))] for leaf in range(11)]


@cache
def published() -> Published:
    """What the publisher put out."""
    return Published(AUDIT, _leaves(), REGIME, OTHER_ROOT)


def told(element: int = ELEMENT, leaf: int = LEAF) -> dict[str, Any]:
    """Honest inputs."""
    return leaf_field.unchecked_inputs(published(), leaf, element, CONTEXT)


def marked(marks: Mapping[int, int], place: int, x: int | None = None) -> dict[str, Any]:
    """Inputs of a prover who chooses elements in these shares, and says they are element `place`."""
    elements = published().leaves[LEAF]
    chosen = np.zeros(AUDIT.elements, object)
    for k, share in marks.items():
        chosen[k] = share % MODULUS
    value = sum(share * elements[k] for k, share in marks.items()) % MODULUS if x is None else x
    return {**told(), MARK: chosen, "place": place_of(AUDIT.kind, place), "x": value}


# -- L1, L2: the leaf ------------------------------------------------------------------------------------------------
def other_leaves() -> Iterator[Attack]:
    """Forge a leaf, and take it one step further up at a time."""
    cs = circuit()
    witness = forge(cs, told())

    def forged(number: int) -> dict[str, Any]:
        elements = told()["leaf/element"].copy()
        elements[ELEMENT - 1] = 77 + number
        return {**told(), "leaf/element": elements, "x": 77 + number}

    def in_path(number: int) -> dict[str, Any]:
        inputs = forged(number)
        leaf = hash_integers(AUDIT.kind, [inputs["id"], *map(int, inputs["leaf/element"])])
        children = inputs["epoch/children 0"].copy()
        children[0, LEAF % ARITY] = field.encode(leaf)
        return {**inputs, "epoch/children 0": children}

    def in_top(number: int) -> dict[str, Any]:
        inputs = in_path(number)
        nodes = inputs["epoch/top"].copy()
        nodes[LEAF // ARITY] = field.encode(hash_integers(Tag.NODE, field.decode(inputs["epoch/children 0"][0])))
        return {**inputs, "epoch/top": nodes}

    def in_tree(number: int) -> dict[str, Any]:
        return {**in_top(number), "epoch/other root": OTHER_ROOT}

    def product_0(label: str) -> dict[str, NDArray[Any]]:
        return {label: np.zeros(cs.find(label).shape, object)}

    path, top = "epoch/L2 path", "epoch/L2 top"
    yield Attack("other-element", frozenset({path}), forged(0), says=f"{path}[0]")
    yield from keep_hash(cs, "other-element", "leaf/L1 hash/chunk 0", witness, forged)
    yield Attack("other-element, product 0", frozenset({f"{path} product"}), forged(0), product_0(f"{path} product"))
    yield Attack("other-id", frozenset({path}), {**told(), "id": 1000}, gain="two leaves of one id", says=f"{path}[0]")
    yield from keep_hash(cs, "foreign-leaf", "epoch/L2 node 0/chunk 0", witness, in_path)
    yield Attack("foreign-leaf", frozenset({top}), in_path(0), says=f"{top}[0]")
    yield Attack("foreign-leaf, product 0", frozenset({f"{top} product"}), in_path(0), product_0(f"{top} product"))
    yield from keep_hash(cs, "foreign-node", "epoch/L2 root/chunk 0", witness, in_top)
    yield Attack("foreign-node", frozenset({"epoch/L3"}), in_top(0), says="epoch/L3")
    yield from keep_hash(cs, "foreign-tree", "epoch/L3 hash/chunk 0", witness, in_tree)
    # A leaf that is not there: its place holds 0, which nothing hashes to.
    absent = told()["epoch/children 0"]
    yield Attack("absent-leaf", frozenset({path}),
                 {**in_path(0), "epoch/children 0": absent}, says=f"{path}[0]")
    # The node above the leaf as a leaf of eight elements, one level too high.
    children = field.decode(told()["epoch/children 0"][0])
    node = {**told(1), "id": children[0], "leaf/element": np.array(children[1:], object), "x": children[1],
            "epoch/children 0": told()["epoch/top"][None]}
    yield Attack("node-as-leaf", frozenset({path, top}), node, says=f"{path}[0]")


def other_epochs() -> Iterator[Attack]:
    root, rest = published().tree.root, (AUDIT.shape.digest(), REGIME, OTHER_ROOT)
    for name, content in {
            "other-shape": (root, replace(AUDIT.shape, depth=3).digest(), *rest[1:]),
            "no-assets": (root, *rest[:2]), "trees-swapped": (OTHER_ROOT, *rest[:2], root)}.items():
        other = hash_integers(Tag.EPOCH, content)
        yield Attack(name, frozenset({"epoch/L3"}), {**told(), "epoch_root": other}, says="epoch/L3")
    # A root whose regime no circuit knows: holders cannot prove, and the leaf must not be shown as if they could.
    regimes = AUDIT.regimes
    past = leaf_field.unchecked_inputs(replace(published(), regime=regimes), LEAF, ELEMENT, CONTEXT)
    label = "risk/C11 regime"
    yield Attack("regime-past-the-end", frozenset({label}), {**past, label: [0, -1, 2]}, says=f"{label}[1]")
    yield Attack("two-regimes", frozenset({f"{label}, one"}), {**past, label: [0, 1, 1]}, says=f"{label}, one")
    yield Attack("other-regime", frozenset({"epoch/L3"}), {**told(), label: [1, 0, 0]}, says="epoch/L3")


# -- L4, L5: the element ---------------------------------------------------------------------------------------------
def other_fields() -> Iterator[Attack]:
    """Read one element as another, a mixture, one past the end, or one of another kind of leaf."""
    cs, n = circuit(), AUDIT.elements
    one = f"{MARK}, one"
    yield Attack("element-of-another-place", frozenset({PLACE}), marked({3: 1}, 4), gain="`short` read as `amax`",
                 says=PLACE)
    yield Attack("past-the-end", frozenset({PLACE}), marked({3: 1}, n), says=PLACE)
    yield Attack("past-the-end, of none", frozenset({PLACE, one}), marked({}, n), says=one)
    yield Attack("past-the-end, of two", frozenset({one}), marked({n - 1: 1, 1: 1}, n), says=one)
    yield Attack("past-the-end, of shares", frozenset({MARK}), marked({n - 1: 2, n - 2: -1}, n),
                 says=f"{MARK}[{n - 2}]")
    yield Attack("no-element", frozenset({one}), marked({}, 0), gain="an id of 0", says=one)
    yield Attack("two-elements", frozenset({one}), marked({1: 1, 2: 1}, 3), says=one)
    yield Attack("element-half", frozenset({MARK}), marked({2: HALF, 4: HALF}, 3), says=f"{MARK}[2]")
    other = {**told(), "place": place_of(Tag.ASSET, ELEMENT)}
    yield Attack("other-kind", frozenset({PLACE}), other, gain="a rate read as an asset's factor", says=PLACE)
    yield Attack("x-other", frozenset({VALUE}), {**told(), "x": told()["x"] + 1}, says=VALUE)
    chosen = np.full(cs.find(f"{VALUE} product").shape, None, object)
    chosen[ELEMENT] = 5
    yield Attack("x-other, product forged", frozenset({f"{VALUE} product"}), {**told(), "x": 5},
                 {f"{VALUE} product": chosen})
    yield Attack("context-swap", frozenset({"result/C20"}), {**told(), "context": 13}, {"result/C20": CONTEXT**2})


@cache
def attacks() -> tuple[Attack, ...]:
    """All of them, in the order of the constraints."""
    return tuple(attack for family in (other_leaves, other_epochs, other_fields) for attack in family())


# -- the examination -------------------------------------------------------------------------------------------------
def cases() -> dict[str, dict[str, Any]]:
    """Honest witnesses to examine the circuit at."""
    twice = replace(published(), leaves=[*_leaves()[:10], [*_leaves()[LEAF][:-1], 5]])
    null = replace(published(), leaves=[[0] * AUDIT.elements, *_leaves()[1:]], regime=0)
    return {
        "ordinary": told(),
        "the id": told(0),
        "the last element": told(AUDIT.elements - 1, 0),
        "one of two leaves of an id": leaf_field.unchecked_inputs(twice, 10, ELEMENT, CONTEXT),
        "the null leaf": leaf_field.unchecked_inputs(null, 0, ELEMENT, CONTEXT),
    }


@cache
def subject() -> Subject:
    """The statement as the audit takes it: the leaf is given, and determines id, place and x."""
    return Subject("leaf-field", circuit(), cases(), attacks(), free_inputs=frozenset({"context"}))
