"""Each gadget: what it accepts, what it refuses, what it costs, and which misuse is an error while recording."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from circuits.builder import ConstraintSystem
from circuits.errors import CircuitError
from circuits.gadgets import packing
from circuits.gadgets.expected_shortfall import certificate, round_up
from circuits.gadgets.poseidon import hash_cost, hash_rows, permutation_rows, permute
from circuits.gadgets.ranges import Signed, absolute, below, exact_quotient, positive_part, select
from circuits.gadgets.tree import DIGIT_BITS, climb, climb_at, member, open_leaves
from circuits.intervals import ANY, Interval, signed, unsigned
from circuits.soundness.forgery import forge, without
from primitives import poseidon
from primitives.errors import Unsatisfied
from primitives.field import MODULUS, decode, encode
from primitives.merkle import Tree
from primitives.poseidon import Tag
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize


@pytest.fixture
def cs() -> ConstraintSystem:
    return ConstraintSystem()


def accepts(cs: ConstraintSystem, inputs: dict) -> bool:
    return cs.violations(forge(cs, inputs)) == []


# -- ranges ------------------------------------------------------------------------------------------------------------
def test_absolute(cs: ConstraintSystem) -> None:
    sign, value = cs.boolean("positive", (2,)), cs.private("value", (2,))
    size, bounded = absolute(cs, sign, value, 4, "size")
    assert cs.rows == 2 + 2 * 5
    assert (size.interval, bounded.interval) == (unsigned(4), signed(4))
    for signs, values in [([1, 0], [15, -15]), ([1, 0], [0, 0]), ([0, 1], [-1, 1])]:
        witness = cs.witness({"positive": signs, "value": values})
        assert cs.violations(witness) == []
        assert decode(size.values(witness)) == [abs(v) for v in values]
    for signs, values in [([1, 0], [16, 0]), ([1, 0], [0, -16]), ([0, 1], [1, 1]), ([1, 1], [1, -1])]:
        assert not accepts(cs, {"positive": signs, "value": values})


def test_absolute_refuses_what_it_cannot_prove(cs: ConstraintSystem) -> None:
    value, sign = cs.private("value"), cs.boolean("sign")
    with pytest.raises(CircuitError, match="no boolean"):
        absolute(cs, cs.bits("wide", 2), value, 4, "size")
    with pytest.raises(CircuitError, match="two integers to a residue"):
        absolute(cs, sign, value, 253, "size")
    far = cs.private("far", assumed=Interval(0, MODULUS - 5), reason="test")
    with pytest.raises(CircuitError, match="proves nothing"):
        absolute(cs, sign, far, 4, "size")


def test_select(cs: ConstraintSystem) -> None:
    choice = cs.boolean("choice", (2,))
    one = cs.private("a", (2,), assumed=Interval(0, 9), reason="test")
    zero = cs.private("b", (2,), assumed=Interval(0, 5), reason="test")
    chosen = select(cs, choice, one, zero, "chosen")
    assert cs.rows == 2 + 2
    assert chosen.interval == Interval(0, 9)
    assert decode(chosen.values(cs.witness({"choice": [1, 0], "a": [7, 8], "b": [3, 4]}))) == [7, 4]
    with pytest.raises(CircuitError, match="no boolean"):
        select(cs, one, one, zero, "chosen")


@pytest.mark.parametrize(("bound", "rows"), [(1, 0), (2, 1), (3, 2 + 3), (4, 2), (5, 3 + 4), (32, 5), (51, 6 + 7)])
def test_below(bound: int, rows: int, cs: ConstraintSystem) -> None:
    value = below(cs, "value", bound, "rest")
    assert cs.rows == rows
    assert value.interval == Interval(0, bound - 1)
    for number in range(-2, 2 * bound + 2):
        if number in value.interval:
            assert decode(value.values(cs.witness({"value": number}))) == [number]
        else:
            with pytest.raises(Unsatisfied):
                cs.witness({"value": number})
            assert bound == 1 or not accepts(cs, {"value": number})      # below 1 there is no wire to hold another


def test_exact_quotient(cs: ConstraintSystem) -> None:
    numerator, sign = cs.private("numerator", assumed=signed(100), reason="test"), cs.boolean("sign")
    size, quotient = exact_quotient(cs, numerator, 7, sign, 8, "quotient")
    assert quotient.interval == signed(8)
    for value in (0, 7, 7 * 255, -7, -7 * 255):
        witness = cs.witness({"numerator": value, "sign": value >= 0})
        assert cs.violations(witness) == []
        assert decode(quotient.values(witness)) == [value // 7 % MODULUS]
        assert decode(positive_part(Signed(size, quotient)).values(witness)) == [max(0, value // 7)]
    for value in (1, 6, 8, -1, 7 * 256, -7 * 256):
        assert not any(accepts(cs, {"numerator": value, "sign": s}) for s in (0, 1))


def test_a_quotient_that_could_wrap_is_refused(cs: ConstraintSystem) -> None:
    sign = cs.boolean("sign")
    wide = cs.private("wide", assumed=signed(253), reason="test")
    with pytest.raises(CircuitError, match="over 7 can wrap around r"):
        exact_quotient(cs, wide, 7, sign, 251, "quotient")
    with pytest.raises(CircuitError, match="can wrap"):
        exact_quotient(cs, cs.private("residue"), 7, sign, 8, "quotient")


# -- Poseidon ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("t", range(2, 18))
def test_permutations(t: int, cs: ConstraintSystem) -> None:
    state = cs.private("state", (3, t))
    out = permute(cs, state, "permutation")
    cs.equal(out, cs.private("expected", (3,)), "out")
    cs.finish()
    rows = 3 * permutation_rows(t)
    assert cs.rows == rows + 3
    values = encode(np.arange(3 * t).reshape(3, t) ** 3 - 5)
    expected = poseidon.permute(values)[:, 0]
    witness = cs.witness({"state": values, "expected": expected})
    assert cs.violations(witness) == []
    assert out.interval == ANY
    changed = witness.copy()
    changed[int(cs.find("permutation/rounds")[1, 2, 0])] = encode(1)
    assert cs.violations(changed)[0].startswith("permutation/rounds[1, 2, 0]")


def test_published_costs() -> None:
    """STATEMENT §1."""
    assert {t: permutation_rows(t) for t in (2, 3, 4, 9, 10, 13, 17)} == {
        2: 216, 3: 243, 4: 264, 9: 405, 10: 420, 13: 507, 17: 612}
    assert hash_cost(57) == 3 * 612 + permutation_rows(10)


@pytest.mark.parametrize("m", [1, 3, 16, 17, 33])
def test_hashes(m: int, cs: ConstraintSystem) -> None:
    elements = cs.private("elements", (2, m))
    digest = hash_rows(cs, Tag.LEAF, elements, "hash")
    assert cs.rows == 2 * hash_cost(m)
    values = encode(np.arange(2 * m).reshape(2, m))
    assert (digest.values(cs.witness({"elements": values})) == poseidon.hash_rows(Tag.LEAF, values)).all()


# -- trees -------------------------------------------------------------------------------------------------------------
def test_member(cs: ConstraintSystem) -> None:
    member(cs, cs.private("x", (2,)), cs.private("children", (2, 5)), "in")
    cs.finish()
    assert cs.rows == 2 * 4
    children = [[1, 2, 3, 4, 5], [1, 1, 0, 9, 1]]
    for x in ([1, 0], [5, 9], [3, 1]):
        assert accepts(cs, {"x": x, "children": children})
    for x, place in ([6, 0], "in[0]"), ([1, 2], "in[1]"), ([0, 5], "in[0]"):
        assert cs.violations(forge(cs, {"x": x, "children": children}))[0] == place
        with pytest.raises(Unsatisfied, match=r"^in\["):
            cs.witness({"x": x, "children": children})


@pytest.mark.parametrize(("depth", "shared"), [(2, 2), (3, 2), (2, 1), (3, 1)])
def test_open_leaves(depth: int, shared: int, cs: ConstraintSystem) -> None:
    leaves = cs.private("leaf", (3,))
    opened = open_leaves(cs, leaves, depth, "path", "top", shared)
    assert cs.rows == 3 * (8**shared - 1 + 412 * (depth - shared)) + {1: 405, 2: 3645}[shared]
    tree = Tree(encode(np.arange(1, 60)), depth)
    chosen = [0, 7, 58]
    inputs = {"leaf": tree.levels[0][chosen], "top": tree.levels[depth - shared]}
    for level in range(depth - shared):
        inputs[f"children {level}"] = np.stack([tree.children(i, level) for i in chosen])
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    assert decode(opened.values(witness)) == [tree.root]
    with pytest.raises(Unsatisfied, match=r"path( top)?\[1\]"):
        cs.witness(inputs | {"leaf": encode([1, 60, 59])})


@pytest.mark.parametrize("depth", [1, 2])
def test_climbing_at_a_place_opens_that_leaf_alone(depth: int, cs: ConstraintSystem) -> None:
    """Leaves 2 and 5 are equal to leaves 1 and 4, so that only the place tells them apart."""
    leaves, place = cs.private("leaf", (2,)), cs.boolean("place", (2, depth, DIGIT_BITS))
    opened = climb_at(cs, leaves, place, "path")
    cs.finish()
    assert cs.rows == 2 * depth * (412 + DIGIT_BITS)
    tree = Tree(encode([10, 11, 11, 13, 14, 14, 16, 17, *range(20, 20 + 8**depth - 8)]), depth)

    def inputs(*at: int, claimed: tuple[int, ...] = ()) -> dict:
        bits = [[i >> bit & 1 for bit in range(DIGIT_BITS * depth)] for i in at]
        return {"leaf": tree.levels[0][list(claimed or at)], "place": np.reshape(bits, (2, depth, DIGIT_BITS)),
                **{f"children {level}": np.stack([tree.children(i, level) for i in at]) for level in range(depth)}}

    for i in range(8**depth):
        witness = cs.witness(inputs(i, 5))
        assert cs.violations(witness) == []
        assert decode(opened.values(witness)) == [tree.root] * 2
        with pytest.raises(Unsatisfied, match=r"path path\[0\]"):
            cs.witness(inputs(i, 5, claimed=((i + 3) % 8 + i // 8 * 8, 5)))
    assert cs.violations(cs.witness(inputs(1, 2))) == []


def test_climbing_no_level_is_staying(cs: ConstraintSystem) -> None:
    leaves = cs.private("leaf", (3,))
    assert climb(cs, leaves, 0, "path") is leaves


# -- packing -----------------------------------------------------------------------------------------------------------
def test_packing_is_base_two_to_the_w(cs: ConstraintSystem) -> None:
    values = cs.private("values", (7,))
    packed = packing.pack(values, lanes=3, width=10)
    numbers = [5, -3, 1000, 0, 1, -1023, 9]
    expected = [sum(v << 10 * p for p, v in enumerate(numbers[i:i + 3])) for i in (0, 3, 6)]
    assert decode(packed.values(cs.witness({"values": numbers}))) == [v % MODULUS for v in expected]


def test_packed_products(cs: ConstraintSystem) -> None:
    weights, packed = cs.private("weights", (3,)), cs.private("packed", (3, 2))
    sums = cs.hint("sums", (4,))
    packing.packed_product(cs, weights, packed, sums, width=20, per=3, label="C9")
    cs.finish()
    assert cs.rows == 3 * 2
    table, q = np.array([[1, -2, 3, 4], [5, 6, -7, 8], [0, 1, 0, -1]], object), np.array([2, -3, 10], object)
    elements = np.array([[sum(int(v) << 20 * p for p, v in enumerate(row[i:i + 3])) for i in (0, 3)] for row in table],
                        object)
    inputs = {"weights": q, "packed": elements, "sums": q @ table}
    assert accepts(cs, inputs)
    assert not accepts(cs, inputs | {"sums": q @ table + np.array([0, 1, 0, 0])})
    # What `unique` is for: the same packed sums with a carry between lanes.
    assert accepts(cs, inputs | {"sums": q @ table + np.array([2**20, -1, 0, 0])})


@pytest.mark.parametrize(("claimed", "true", "width", "lanes", "sound"), [
    (Interval(-8, 7), Interval(0, 0), 4, 3, True), (Interval(-8, 8), Interval(-7, 0), 4, 3, True),
    (Interval(-8, 8), Interval(-8, 0), 4, 3, False), (Interval(-8, 16), Interval(0, 0), 4, 3, False),
    (ANY, Interval(0, 0), 50, 5, False), (Interval(0, 0), Interval(0, 0), 50, 5, True),
    (Interval(0, 0), Interval(0, 0), 51, 5, False), (Interval(0, 0), Interval(0, 0), 63, 4, True)])
def test_unique(claimed: Interval, true: Interval, width: int, lanes: int, sound: bool) -> None:
    if sound:
        packing.unique(claimed, true, width, lanes, "C9")
    else:
        with pytest.raises(CircuitError, match="C9"):
            packing.unique(claimed, true, width, lanes, "C9")


@pytest.mark.parametrize("slack", [0, 1])
def test_unique_is_tight(slack: int) -> None:
    """Exhaustive, two lanes of 3 bits: within the bound no two pairs of lanes pack alike, one beyond it some do."""
    claimed, true = range(-4 - slack, 4), range(4)
    alike = [(c0, c1, t0, t1) for c0, c1, t0, t1 in product(claimed, claimed, true, true)
             if c0 + 8 * c1 == t0 + 8 * t1 and (c0, c1) != (t0, t1)]
    difference = Interval(claimed[0], claimed[-1]) - Interval(true[0], true[-1])
    assert (difference.magnitude < 8) == (not alike) == (slack == 0)


# -- the Expected Shortfall certificate --------------------------------------------------------------------------------
TAILS = [TailSize(3, 2), TailSize(2), TailSize(1, 2), TailSize(5, 2), TailSize(3), TailSize(1, 3)]


def shortfall_circuit(tail: TailSize, scenarios: int = 3) -> ConstraintSystem:
    """losses given, 2 K ES public."""
    cs = ConstraintSystem()
    doubled = cs.public("doubled")
    losses = cs.private("loss", (scenarios,))
    threshold = cs.bits("threshold + 4", 3) - 4
    proven = certificate(cs, losses, threshold, tail, 4)
    cs.equal(proven.doubled, doubled, "doubled")
    assert proven.losses.interval == Interval(-4, 3) + signed(4)
    return cs.finish()


def certificates(tail: TailSize, dropped: str = "C0") -> Iterator[tuple[int, int]]:
    """What passes: (2 K ES as proven, as it is), for all losses in {-1, 0, 1}, all flags, all thresholds in reach, and
    all unit pointers.

    Parameters
    ----------
    dropped : the beginning of labels whose rows are left out.
    """
    cs = shortfall_circuit(tail)
    system = without(cs, [label for label in cs.groups() if label.startswith(dropped)])
    for losses in combinations_with_replacement([1, 0, -1], 3):
        true = 2 * expected_shortfall(losses, tail).numerator
        for flags in product([0, 1], repeat=3):
            if sum(flags) != tail.counted and dropped != "C14":         # C14 would refuse them one and all
                continue
            for t, at in product([-2, -1, 0, 1, 2], range(3) if tail.fractional else [0]):
                doubled = 2 * tail.numerator * t + tail.denominator * sum(
                    abs(x - t) * (1 if (x >= t) == bool(b) or x == t else -1) + x - t
                    for x, b in zip(losses, flags, strict=True))
                inputs = {"loss": losses, "threshold + 4": t + 4, "C12 flag": flags, "doubled": doubled}
                if tail.fractional:
                    inputs["C15 pointer"] = [int(s == at) for s in range(3)]
                if not len(system.broken(forge(cs, inputs))):
                    yield doubled, true


@pytest.mark.parametrize("tail", TAILS, ids=str)
def test_exhaustively_no_certificate_proves_anything_but_the_expected_shortfall(tail: TailSize) -> None:
    found = list(certificates(tail))
    assert all(proven == true for proven, true in found)
    assert len(found) >= 10                            # each of the ten multisets of losses has its certificate


@pytest.mark.parametrize(("dropped", "understates"), [("C13", True), ("C14", False), ("C15", False)])
def test_without_a_clause_the_small_world_proves_something_else(dropped: str, understates: bool) -> None:
    """Without C14 or C15 more than the truth, never less (docs/statements.md)."""
    found = list(certificates(TailSize(3, 2), dropped))
    assert any(proven != true for proven, true in found)
    assert any(proven < true for proven, true in found) == understates


@pytest.mark.parametrize("tail", TAILS, ids=str)
def test_certificate_rows(tail: TailSize) -> None:
    assert shortfall_circuit(tail).rows == 3 * 6 + 1 + 4 * tail.fractional + 3 + 1


@pytest.mark.parametrize("total", [-14, -13, -1, 0, 1, 6, 7, 8, 7 * 15])
def test_rounding_up(total: int, cs: ConstraintSystem) -> None:
    numerator = cs.private("numerator", assumed=signed(60), reason="test")
    size, value = round_up(cs, 2 * numerator, 7, 4)
    ceiling = -(-total // 7)
    inputs = {"numerator": total, "C17 remainder": 7 * ceiling - total, "C18 positive": ceiling >= 0}
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    assert decode(value.values(witness)) == [ceiling % MODULUS]
    assert decode(size.values(witness)) == [abs(ceiling)]
    for remainder in range(-1, 9):
        if remainder != inputs["C17 remainder"]:
            assert not any(accepts(cs, inputs | {"C17 remainder": remainder, "C18 positive": z}) for z in (0, 1))
