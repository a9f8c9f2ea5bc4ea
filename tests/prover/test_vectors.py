"""Operations on vectors of points, against sums of single ones, with one thread and two."""

from __future__ import annotations

import random

import numpy as np
import pytest

from primitives import field
from primitives.r1cs import SparseMatrix
from prover.backend import load_backend
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER, TWIST_COFACTOR
from prover.kernels import combinations, convert, validity
from prover.kernels.arithmetic import LANES
from prover.kernels.endomorphism import LAMBDA
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2, uncompressed

TWIST_POINT = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))
SCALARS = [0, 1, ORDER - 1, 2**64 + 5, ORDER // 2, 3]


@pytest.fixture(params=["1", "2"])
def threads(request, monkeypatch):
    monkeypatch.setenv("TAILPROOF_THREADS", request.param)


@pytest.fixture(params=[("kernels", "1"), ("kernels", "2"), ("reference", "1")], ids="-".join)
def vectors(request, monkeypatch):
    name, count = request.param
    monkeypatch.setenv("TAILPROOF_THREADS", count)
    return load_backend(name)


def test_scaling(vectors):
    logarithms = [1, 5, 0, ORDER - 1, 77]
    points = encode_g1([G1_GROUP.multiply((1, 2), k) for k in logarithms])
    for scalar in SCALARS:
        expected = [G1_GROUP.multiply((1, 2), k * scalar % ORDER) for k in logarithms]
        assert decode_g1(vectors.scale_g1(points, scalar)) == expected
    assert vectors.scale_g1(points[:0], 5).shape == (0, 2, 4)


@pytest.mark.parametrize("group", [G1_GROUP, G2_GROUP], ids=["G1", "G2"])
def test_combinations(vectors, group):
    """Rows that are empty, that cancel, that double, that use the identity, and one with every coefficient."""
    logarithms = [1, 5, 0, ORDER - 1, 5, 9]
    rows = [[], [(0, 1), (3, 1)], [(1, 1), (4, 1)], [(1, 2), (4, 1)], [(2, 3)], [(5, 0)], [(0, 0), (1, 0)],
            [(k, (k + 1) % 6) for k in range(6)], [(5, 4), (5, 4)]]
    starts = np.cumsum([0, *map(len, rows)])
    matrix = SparseMatrix(starts, np.array([wire for row in rows for wire, _ in row], np.int32),
                          np.array([number for row in rows for _, number in row], np.int32))
    expected = [group.multiply(group.generator, sum(logarithms[i] * SCALARS[k] for i, k in row) % ORDER)
                for row in rows]
    points = [group.multiply(group.generator, k) for k in logarithms]
    if group is G1_GROUP:
        found = decode_g1(vectors.combine_g1(matrix, field.encode(SCALARS), encode_g1(points)))
    else:
        found = decode_g2(vectors.combine_g2(matrix, field.encode(SCALARS), encode_g2(points)))
    assert found == expected


@pytest.mark.usefixtures("threads")
def test_many_rows_in_many_chunks(monkeypatch):
    """Random sparse rows with coefficients of every length: the compiled sums are those of the logarithms."""
    monkeypatch.setattr(combinations, "CHUNK", 500)
    rng = random.Random(1)
    logarithms = [rng.choice([0, 1, 2, ORDER - 1, rng.randrange(ORDER)]) for _ in range(300)]
    points = load_backend("kernels").multiples_g1(G1_GROUP.generator, field.encode(logarithms))
    table = [rng.choice([1, -1]) * rng.getrandbits(rng.choice([1, 2, 8, 64, 127, 128, 253])) % ORDER for _ in range(80)]
    rows = [[(rng.randrange(300), rng.randrange(80)) for _ in range(rng.choice([0, 1, 2, 5, 40]))] for _ in range(700)]
    matrix = SparseMatrix(np.cumsum([0, *map(len, rows)]), np.array([i for row in rows for i, _ in row], np.int32),
                          np.array([k for row in rows for _, k in row], np.int32))
    sums = [sum(logarithms[i] * table[k] for i, k in row) % ORDER for row in rows]
    expected = load_backend("kernels").multiples_g1(G1_GROUP.generator, field.encode(sums))
    assert np.array_equal(combinations.combine(matrix, field.encode(table), points), expected)


def test_forms_are_non_adjacent_and_mean_the_coefficient():
    rng = random.Random(2)
    values = [0, 1, 2, 3, ORDER - 1, ORDER - 2, ORDER // 2, 2**127, 2**128 - 1]
    values += [rng.randrange(ORDER) for _ in range(50)]
    forms = combinations.non_adjacent_forms(field.encode(values))
    for value, masks, length in zip(values, forms.masks, forms.lengths, strict=True):
        plus, minus = ([int(half[sign][0]) | int(half[sign][1]) << 64 for half in masks] for sign in range(2))
        assert (plus[0] - minus[0] + LAMBDA * (plus[1] - minus[1]) - value) % ORDER == 0
        for p, m in zip(plus, minus, strict=True):
            assert not p & m
            assert not (p | m) & ((p | m) << 1)
        assert length == max((p | m).bit_length() for p, m in zip(plus, minus, strict=True))


def plus_modulus(words):
    """The same residue, not reduced."""
    value = int.from_bytes(words.astype("<u8").tobytes(), "little") + BASE_MODULUS
    return np.frombuffer(value.to_bytes(32, "little"), "<u8").astype(np.uint64)


@pytest.mark.usefixtures("threads")
def test_invalid_points_are_found_among_many(monkeypatch):
    monkeypatch.setattr(validity, "LEAST", 1)              # so few are worth a thread of their own
    kernels = load_backend("kernels")
    logarithms = field.encode(list(range(40)))
    g1, g2 = kernels.multiples_g1(G1_GROUP.generator, logarithms), kernels.multiples_g2(G2_GROUP.generator, logarithms)
    for vectors in (kernels, load_backend("reference")):
        assert vectors.first_invalid_g1(g1) is None
        assert vectors.first_invalid_g2(g2) is None
        assert vectors.first_invalid_g1(g1[:0]) is None
        assert vectors.first_invalid_g2(g2[:0]) is None
        if vectors.name == "kernels":                      # no false alarms, which a second look would hide
            assert validity._first_off_curve(g1, 0, 40 // LANES) == 40 // LANES
        for bad in (encode_g1([(1, 3)]), encode_g1([(0, 1)]), encode_g1([(1, 0)]), g1[35:36] + np.uint64(1)):
            for place in (0, 7, 8, 35, 39):
                wrong = g1.copy()
                wrong[place] = bad[0]
                assert vectors.first_invalid_g1(wrong) == place
                wrong[39] = bad[0]
                assert vectors.first_invalid_g1(wrong) == place
        for bad in (encode_g2([TWIST_POINT]), encode_g2([((1, 0), (2, 0))]), g2[35:36] + np.uint64(1)):
            wrong = g2.copy()
            wrong[35] = bad[0]
            assert vectors.first_invalid_g2(wrong) == 35
        for number, invalid in ((0, vectors.first_invalid_g1), (1, vectors.first_invalid_g2)):
            unreduced = (g1, g2)[number].copy()
            flat = unreduced.reshape(40, -1, 4)
            flat[17, 1] = plus_modulus(flat[17, 1])
            assert invalid(unreduced) == 17
            flat[9] = flat[10]
            assert invalid(unreduced) == 17
            flat[9, 0] = flat[11, 0]
            assert invalid(unreduced) == 9


def outside(order):
    """A point of the twist whose order divides `order`, which divides the cofactor."""
    return G2_GROUP.multiply(TWIST_POINT, ORDER * TWIST_COFACTOR // order)


@pytest.mark.parametrize("planted", [
    {3: outside(10069)}, {39: outside(10069)}, {0: outside(5864401)}, {20: TWIST_POINT},
    {3: outside(10069), 17: G2_GROUP.negate(outside(10069))}, {k: outside(10069) for k in range(5, 40)}],
    ids=["order 10069", "the last", "order 5864401", "any", "two that cancel", "many that are equal"])
def test_points_outside_the_subgroup_are_found_among_many(planted):
    """However small their order: a random sum of points that hide one is in the subgroup once in 2**13 times."""
    kernels = load_backend("kernels")
    points = kernels.multiples_g2(G2_GROUP.generator, field.encode([0, *range(39)]))
    for place, point in planted.items():
        valid = decode_g2(points[place:place + 1])[0]
        points[place] = encode_g2([G2_GROUP.add(valid, point)])[0]
    assert len(points) > validity.FEW
    assert kernels.first_invalid_g2(points) == min(planted)
    assert validity._all_inside(points) is False


def test_uncompressed(vectors):
    for group, encode in ((G1_GROUP, encode_g1), (G2_GROUP, encode_g2)):
        points = [None, *(group.multiply(group.generator, k) for k in (1, 2, 5, ORDER - 1, 2**70, 9, 10, 11, 12, 13))]
        array = encode(points)
        for count in (0, 1, 8, 11):
            assert vectors.uncompressed(array[:count]) == uncompressed(array[:count])
        flat = [value for part in points[1] for value in (part[::-1] if isinstance(part, tuple) else (part,))]
        assert vectors.uncompressed(array[1:2]) == b"".join(value.to_bytes(32, "big") for value in flat)


@pytest.mark.usefixtures("threads")
def test_enough_points_for_two_threads():
    """So many that each gets a part: what they are made into and back, in either group."""
    rng, kernels, count = random.Random(4), load_backend("kernels"), 2 * convert.LEAST + 5
    scalars = field.encode([rng.choice([0, 1, ORDER - 1, rng.randrange(ORDER)]) for _ in range(count)])
    in_g1 = kernels.multiples_g1(G1_GROUP.generator, scalars)
    for points in (in_g1, kernels.multiples_g2(G2_GROUP.generator, scalars)):
        assert kernels.uncompressed(points) == uncompressed(points)
        assert np.array_equal(convert.at_edge(convert.with_images(points)[:count]), points)
        assert np.array_equal(convert.identities(points), ~points.reshape(count, -1).any(axis=1))
    assert decode_g1(kernels.scale_g1(in_g1, ORDER - 1)) == [G1_GROUP.negate(point) for point in decode_g1(in_g1)]
