"""The curve's gadgets: what they compute, accept, refuse and cost, at ordinary points and at the edges."""

from __future__ import annotations

import random

import pytest

from circuits.builder import ConstraintSystem
from circuits.errors import CircuitError
from circuits.gadgets import scalar_multiplication
from circuits.gadgets.babyjubjub import CLEARING_ROWS, Edwards, Montgomery, cleared, table, to_edwards
from circuits.gadgets.scalar_multiplication import (
    ascending,
    base_multiples,
    fixed_base,
    fixed_base_rows,
    variable_base,
    variable_base_rows,
)
from circuits.soundness.forgery import forge, refusing_groups
from primitives import babyjubjub
from primitives.babyjubjub import BASE, GENERATOR, IDENTITY, SUBGROUP_ORDER, Point, add, multiply, to_montgomery
from primitives.elgamal import EPHEMERAL_BITS, ephemeral_scalar
from primitives.errors import Unsatisfied
from primitives.field import MODULUS, decode

SMALL = [multiply(SUBGROUP_ORDER * k, GENERATOR) for k in range(8)]
COUNTS = {4: 5, 5: 8, 6: 9, 7: 12, 249: 496}
"""Rows of `fixed_base` by bits: products of the top window, then four a window of two."""


def values(point: Edwards | Montgomery, witness: object) -> list[tuple[int, int]]:
    first, second = (decode(coordinate.values(witness)) for coordinate in point)           # type: ignore[arg-type]
    return list(zip(first, second, strict=True))


# -- e BASE ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("n", COUNTS)
def test_multiples_of_the_base(n: int) -> None:
    cs = ConstraintSystem()
    bits = cs.boolean("e", (n,))
    before = cs.rows
    point = fixed_base(cs, bits, "R")
    assert cs.rows - before == fixed_base_rows(n) == COUNTS[n]
    result = to_edwards(cs, point, "R")
    assert cs.rows - before == COUNTS[n] + 2
    cs.finish()
    rng = random.Random(n)
    for number in {0, 1, 2**n - 1, 2**(n - 1), *[rng.getrandbits(n) for _ in range(40 if n < 8 else 2)]}:
        witness = cs.witness({"e": ascending(number, n)})
        assert cs.violations(witness) == []
        assert values(result, witness) == [multiply(ephemeral_scalar(number, n), BASE)]


def test_no_chord_of_the_base_has_an_exception() -> None:
    """Exhausted for all scalars of few bits: partial sums, in multiples of the base, against what is added next."""
    for n in range(4, 11):
        first, windows = base_multiples(n)
        numbers = {multiply(k, BASE): k for k in range(1, 3 * 2**n)}
        reached = {numbers[point] for point in first}
        for row in reversed(windows):
            added = [numbers[point] for point in row]
            assert min(reached) > max(added)
            reached = {m + a for m in reached for a in added}
        assert reached == {ephemeral_scalar(bits, n) for bits in range(2**n)}
        assert max(reached) == 3 * 2**n - 1


# -- e P -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("n", [4, 7, EPHEMERAL_BITS])
def test_multiples_of_any_point(n: int) -> None:
    cs = ConstraintSystem()
    bits = cs.boolean("e", (n,))
    keys = Edwards(cs.private("x", (2,)), cs.private("y", (2,)))
    before = cs.rows
    points = cleared(cs, keys, "P")
    assert cs.rows - before == 2 * CLEARING_ROWS
    before = cs.rows
    result = variable_base(cs, bits, points, "S")
    assert cs.rows - before == 2 * variable_base_rows(n) == 2 * (4 + 6 * n)
    shared = to_edwards(cs, result, "S")
    cs.finish()
    rng = random.Random(n)
    for number in {0, 2**n - 1, *[rng.getrandbits(n) for _ in range(16 if n < 8 else 1)]}:
        # In the subgroup, and outside of it: 8 P is in it.
        first = multiply(rng.randrange(1, SUBGROUP_ORDER), BASE)
        second = add(GENERATOR, multiply(rng.randrange(99), BASE))
        witness = cs.witness({"e": ascending(number, n), "x": [first.x, second.x], "y": [first.y, second.y]})
        assert cs.violations(witness) == []
        assert values(points, witness) == [to_montgomery(multiply(8, point)) for point in (first, second)]
        e = ephemeral_scalar(number, n)
        assert values(shared, witness) == [multiply(8 * e, first), multiply(8 * e, second)]


def test_no_chord_of_any_point_has_an_exception() -> None:
    """As multiples of P: m P and +-P, then (m + s) P and m P, are neither equal nor opposite, for every scalar."""
    for n in range(4, 11):
        multiples = {2}
        for _ in range(n):
            following = set()
            for m in multiples:
                for s in (1, -1):
                    assert {m - s, m + s, 2 * m + s} & {0} == set()
                    assert (m + s) != m
                    assert 2 * m + s < SUBGROUP_ORDER
                    following.add(2 * m + s)
            multiples = following
        assert multiples == {ephemeral_scalar(bits, n) for bits in range(2**n)}


@pytest.mark.parametrize("n", [0, 1, 3, 250, 253])
def test_scalars_that_could_reach_the_order_are_an_error_while_recording(n: int) -> None:
    """3 2**250 - 1 is beyond l: a chord could meet its own point. 249 bits are the most."""
    assert 3 * 2**EPHEMERAL_BITS - 1 < SUBGROUP_ORDER < 3 * 2**(EPHEMERAL_BITS + 1) - 1
    cs = ConstraintSystem()
    bits, point = cs.boolean("e", (n,)), Montgomery(cs.private("u", (1,)), cs.private("v", (1,)))
    with pytest.raises(CircuitError, match="below the order"):
        fixed_base(cs, bits, "R")
    with pytest.raises(CircuitError, match="below the order"):
        variable_base(cs, bits, point, "S")


def test_windows_that_could_meet_are_an_error_while_recording(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard of `fixed_base` is not the size alone: with another order, sums come round."""
    cs = ConstraintSystem()
    monkeypatch.setattr(scalar_multiplication, "SUBGROUP_ORDER", 3 * 2**8 - 1)
    with pytest.raises(CircuitError, match="cannot be excluded"):
        scalar_multiplication._require_apart(cs, 8, "R")


def test_bits_that_are_none_are_refused() -> None:
    cs = ConstraintSystem()
    bits = cs.boolean("e", (5,))
    to_edwards(cs, fixed_base(cs, bits, "R"), "R")
    cs.finish()
    for wrong in ([2, 0, 0, 0, 0], [0, 0, 0, 0, -1], [0, pow(2, -1, MODULUS), 0, 0, 0]):
        assert refusing_groups(cs, forge(cs, {"e": wrong})) == {"e"}
        with pytest.raises(Unsatisfied, match="0 or 1"):
            cs.witness({"e": wrong})


# -- points from outside ---------------------------------------------------------------------------------------------
def clearing() -> ConstraintSystem:
    cs = ConstraintSystem()
    cleared(cs, Edwards(cs.private("x", (1,)), cs.private("y", (1,))), "P")
    return cs.finish()


@pytest.mark.parametrize("point", SMALL)
def test_points_of_small_order_are_refused(point: Point) -> None:
    """Whatever is claimed of u and v: u's row is u (1 - 1) = 2."""
    cs = clearing()
    witness = forge(cs, {"x": [point.x], "y": [point.y]})
    assert "clear/P u" in refusing_groups(cs, witness)
    for u, v in ((0, 0), (0, 5), (1, 1), (MODULUS - 1, 7)):
        forged = forge(cs, {"x": [point.x], "y": [point.y]}, {"clear/P u": u, "clear/P v": v})
        assert "clear/P u" in refusing_groups(cs, forged)
    with pytest.raises(Unsatisfied, match="clear/P u"):
        cs.witness({"x": [point.x], "y": [point.y]})


@pytest.mark.parametrize("point", [Point(5, 7), Point(0, 0), Point(BASE.x, BASE.y + 1), Point(BASE.y, BASE.x)])
def test_points_off_the_curve_are_refused(point: Point) -> None:
    cs = clearing()
    assert "clear/P on the curve" in refusing_groups(cs, forge(cs, {"x": [point.x], "y": [point.y]}))


def test_points_of_large_order_are_cleared() -> None:
    cs = clearing()
    for small in SMALL:
        point = add(multiply(77, BASE), small)
        witness = cs.witness({"x": [point.x], "y": [point.y]})
        assert cs.violations(witness) == []
        u, v = to_montgomery(multiply(8 * 77, BASE))
        found = [decode(witness[cs.find(f"clear/P {name}").reshape(-1)]) for name in ("u", "v")]
        assert found == [[u], [v]]


def test_a_table_in_bits() -> None:
    points = [(rng * 7 % 31, rng * rng % 29) for rng in range(8)]
    coefficients = table(points)
    for j, point in enumerate(points):
        found = [sum(int(coefficients[c, m]) for m in range(8) if m & j == m) for c in range(2)]
        assert tuple(found) == point


def test_the_identity_is_no_multiple() -> None:
    assert multiply(ephemeral_scalar(0), BASE) != IDENTITY
    assert babyjubjub.is_on_curve(multiply(ephemeral_scalar(0), BASE))
