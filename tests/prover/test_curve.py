"""`prover.curve` and `prover.points` against py_ecc."""

from __future__ import annotations

import math

import numpy as np
import pytest
from py_ecc import bn128 as oracle

from prover.curve import BASE_MODULUS, BN_PARAMETER, G1_GROUP, G2_GROUP, ORDER, TWIST_COFACTOR
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2
from prover.reference.vectors import PointVectors

TWIST_POINT = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))
SCALARS = [1, 2, 3, 5, 2**64 + 1, ORDER - 1, ORDER // 2, 0x1234567890abcdef << 180]


def to_oracle(point):
    if point is None:
        return None
    x, y = point
    return (oracle.FQ(x), oracle.FQ(y)) if isinstance(x, int) else (oracle.FQ2(x), oracle.FQ2(y))


@pytest.mark.parametrize("group", [G1_GROUP, G2_GROUP])
@pytest.mark.parametrize("scalar", SCALARS)
def test_multiples_are_py_eccs(group, scalar):
    expected = oracle.multiply(to_oracle(group.generator), scalar)
    assert to_oracle(group.multiply(group.generator, scalar)) == expected


@pytest.mark.parametrize("group", [G1_GROUP, G2_GROUP])
def test_the_group_law_is_complete(group):
    g = group.generator
    double, minus = group.multiply(g, 2), group.negate(g)
    assert group.add(None, g) == group.add(g, None) == g
    assert group.add(g, g) == double
    assert group.add(g, minus) is None
    assert group.add(double, minus) == g
    assert group.add(None, None) is None
    assert group.negate(None) is None


@pytest.mark.parametrize("group", [G1_GROUP, G2_GROUP])
def test_scalars_at_the_edges(group):
    g = group.generator
    assert group.multiply(g, 0) is None
    assert group.multiply(g, ORDER) is None
    assert group.multiply(g, ORDER + 1) == g
    assert group.multiply(g, -1) == group.negate(g) == group.multiply(g, ORDER - 1)
    assert group.multiply(None, 7) is None


@pytest.mark.parametrize("group", [G1_GROUP, G2_GROUP])
def test_on_curve(group):
    x, y = group.generator
    assert group.on_curve((x, y))
    assert not group.on_curve((y, x))
    assert group.in_subgroup((x, y))


def test_most_of_the_twist_is_outside_the_subgroup():
    assert G2_GROUP.on_curve(TWIST_POINT)
    assert not G2_GROUP.in_subgroup(TWIST_POINT)
    assert G2_GROUP.in_subgroup(G2_GROUP.multiply(TWIST_POINT, TWIST_COFACTOR))


def test_the_quick_test_for_the_subgroup_is_exact():
    """Here, and at the end of the kernels' Miller loop, which tests the same.

    f(ψ) = 6x+2 + ψ - ψ² + ψ³ vanishes on a point only if its order divides the norm of f, which has just r in common
    with the twist's order: ψ² - t ψ + q = 0 with t = 6x² + 1, and what f leaves modulo that is a + b ψ."""
    t, q = 6 * BN_PARAMETER**2 + 1, BASE_MODULUS
    assert q + 1 - t == ORDER
    a, b = 6 * BN_PARAMETER + 2 + q - t * q, 1 - t + t * t - q
    assert math.gcd(a * a + a * b * t + b * b * q, ORDER * TWIST_COFACTOR) == ORDER
    for point in (TWIST_POINT, G2_GROUP.multiply(TWIST_POINT, ORDER), G2_GROUP.multiply(TWIST_POINT, 7)):
        assert not G2_GROUP.in_subgroup(point)
    for k in SCALARS:
        assert G2_GROUP.in_subgroup(G2_GROUP.multiply(G2_GROUP.generator, k))


def test_points_survive_the_array_form():
    g1 = [None, *(G1_GROUP.multiply(G1_GROUP.generator, k) for k in SCALARS)]
    g2 = [*(G2_GROUP.multiply(G2_GROUP.generator, k) for k in SCALARS), None]
    assert encode_g1(g1).shape == (len(g1), 2, 4)
    assert encode_g2(g2).shape == (len(g2), 2, 2, 4)
    assert decode_g1(encode_g1(g1)) == g1
    assert decode_g2(encode_g2(g2)) == g2
    assert not encode_g1([None]).any()
    assert encode_g1([]).shape == (0, 2, 4)


def test_the_array_form_is_montgomery_c0_first():
    words = encode_g2([((1, 2), (3, 4))]).reshape(4, 4)
    for k, value in enumerate((1, 2, 3, 4)):
        stored = int.from_bytes(words[k].astype("<u8").tobytes(), "little")
        assert stored == (value << 256) % BASE_MODULUS


def test_invalid_points_are_found():
    vectors = PointVectors()
    g1 = encode_g1([G1_GROUP.generator, None, G1_GROUP.generator])
    g2 = encode_g2([G2_GROUP.generator, None, G2_GROUP.generator])
    assert vectors.first_invalid_g1(g1) is None
    assert vectors.first_invalid_g2(g2) is None
    assert vectors.first_invalid_g1(encode_g1([None, (1, 3)])) == 1
    assert vectors.first_invalid_g2(encode_g2([G2_GROUP.generator, TWIST_POINT])) == 1
    assert vectors.first_invalid_g2(encode_g2([((1, 0), (2, 0))])) == 0
    unreduced = g1.copy()
    value = int.from_bytes(unreduced[2, 0].tobytes(), "little") + BASE_MODULUS
    unreduced[2, 0] = np.frombuffer(value.to_bytes(32, "little"), np.uint64)
    assert decode_g1(unreduced) == decode_g1(g1)
    assert vectors.first_invalid_g1(unreduced) == 2


@pytest.mark.parametrize("group", [G1_GROUP, G2_GROUP])
def test_combinations_are_sums_of_multiples(group):
    g = group.generator
    points = [g, None, group.multiply(g, 5), group.negate(g), g]
    for scalars in ([0] * 5, [1] * 5, [1, 2, 3, 4, 5], [-1, 7, ORDER, 2**200, 1], [3, 0, 0, 0, -3], [1, 0, 0, 1, 0]):
        expected = (scalars[0] + 5 * scalars[2] - scalars[3] + scalars[4]) % ORDER
        assert group.combine(scalars, points) == group.multiply(g, expected)
    assert group.combine([], []) is None
    assert group.combine([1, 1, -2], [g, g, g]) is None


def test_membership_is_what_multiplication_by_the_order_says():
    """For members, for points of the twist at large, of each prime order there, and for sums of these with a member."""
    rest, small = TWIST_COFACTOR, []
    for prime in (10069, 5864401, 1875725156269, 197620364512881247228717050342013327560683201906968909):
        small.append(G2_GROUP.multiply(TWIST_POINT, ORDER * TWIST_COFACTOR // prime))
        rest, left = divmod(rest, prime)
        assert not left
    assert rest == 1
    g = G2_GROUP.generator
    members = [g, G2_GROUP.negate(g), *(G2_GROUP.multiply(g, k) for k in SCALARS)]
    others = [TWIST_POINT, G2_GROUP.multiply(TWIST_POINT, 5), *small, *(G2_GROUP.add(g, point) for point in small)]
    for point in (*members, *others):
        assert G2_GROUP.on_curve(point)
        assert G2_GROUP.in_subgroup(point) == (G2_GROUP.multiply(point, ORDER) is None) == (point in members)
