"""The oracle itself, against definitions."""

from __future__ import annotations

import random

import numpy as np
import pytest

from primitives import field
from primitives.errors import BadInput
from primitives.r1cs import SparseMatrix
from prover.backend import load_backend
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from prover.domain import root_of_unity
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2

REFERENCE = load_backend("reference")


def scalars(count, seed):
    return [random.Random(seed).randrange(ORDER) for _ in range(count)]


def polynomial(coefficients, x):
    return sum(c * pow(x, i, ORDER) for i, c in enumerate(coefficients)) % ORDER


@pytest.mark.parametrize("log_size", [0, 1, 3])
@pytest.mark.parametrize("coset", [None, 1, 7, ORDER - 1])
def test_the_transform_is_evaluation(log_size, coset):
    coefficients, root = scalars(1 << log_size, log_size), root_of_unity(log_size)
    values = REFERENCE.ntt(field.encode(coefficients), coset=coset)
    points = [(coset or 1) * pow(root, i, ORDER) % ORDER for i in range(1 << log_size)]
    assert field.decode(values) == [polynomial(coefficients, x) for x in points]
    assert field.decode(REFERENCE.ntt(values, inverse=True, coset=coset)) == coefficients


def test_roots_of_unity_have_their_order():
    for k in (1, 2, 28):
        assert pow(root_of_unity(k), 1 << (k - 1), ORDER) == ORDER - 1
        assert pow(root_of_unity(k), 2, ORDER) == root_of_unity(k - 1)


def test_the_quotient_is_the_numerator_on_the_odd_coset():
    a, b = (scalars(4, seed) for seed in (1, 2))                      # coefficients
    on_domain = [REFERENCE.ntt(field.encode(x)) for x in (a, b)]
    c = field.decode(REFERENCE.ntt(field.multiply(*on_domain), inverse=True))
    points = [root_of_unity(3) * pow(root_of_unity(2), i, ORDER) % ORDER for i in range(4)]
    expected = [(polynomial(a, x) * polynomial(b, x) - polynomial(c, x)) % ORDER for x in points]
    assert field.decode(REFERENCE.quotient(*on_domain)) == expected


def test_sparse_products_and_inverses():
    matrix = SparseMatrix(np.array([0, 2, 2, 3]), np.array([0, 2, 1], np.int32), np.array([0, 1, 1], np.int32))
    vector, table = [5, ORDER - 1, 11], [2, ORDER - 3]
    product = REFERENCE.matrix_times_vector(matrix, field.encode(table), field.encode(vector))
    assert field.decode(product) == [(10 - 33) % ORDER, 0, 3]
    assert field.decode(REFERENCE.batch_inverse(field.encode([1, 2, ORDER - 1]))) == [1, (ORDER + 1) // 2, ORDER - 1]
    with pytest.raises(ZeroDivisionError):
        REFERENCE.batch_inverse(field.encode([1, 0]))


def test_sums_of_points():
    edges = [0, 1, ORDER - 1, 2, 2]
    for group, prepare, msm, multiples, encode, decode in (
            (G1_GROUP, REFERENCE.prepare_g1, REFERENCE.msm_g1, REFERENCE.multiples_g1, encode_g1, decode_g1),
            (G2_GROUP, REFERENCE.prepare_g2, REFERENCE.msm_g2, REFERENCE.multiples_g2, encode_g2, decode_g2)):
        points = [group.multiply(group.generator, k) for k in (7, 0, 5, 5, ORDER - 5)]
        expected = group.multiply(group.generator, (-5 + 2 * 5 + 2 * -5) % ORDER)
        assert msm(prepare(encode(points)), field.encode(edges)) == expected
        assert msm(prepare(encode(points[2::2])), field.encode([1, 1])) is None
        assert decode(multiples(group.generator, field.encode(edges))) == \
            [group.multiply(group.generator, k) for k in edges]


def test_pairing_products():
    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    minus_six = G1_GROUP.multiply(g1, -6)
    pairs = [(G1_GROUP.multiply(g1, 2), G2_GROUP.multiply(g2, 3)), (minus_six, g2)]
    assert REFERENCE.pairing_product_is_one(pairs)
    assert not REFERENCE.pairing_product_is_one(pairs[:1])
    assert REFERENCE.pairing_product_is_one([])


def test_pairings_refuse_what_is_no_point():
    g1, g2 = G1_GROUP.generator, G2_GROUP.generator
    outside = ((2, 0), (10993830646704400342460079956282858283368423716262815588736825818221725267450,
                        19651196284784701048630008112400756208183277717409031481820775712594563219220))
    for left, right in (((1, 3), g2), (g1, ((1, 0), (2, 0))), (g1, outside)):
        negated = G1_GROUP.negate(left)
        with pytest.raises(BadInput, match=r"pairs\[0\]"):
            REFERENCE.pairing_product_is_one([(left, right), (negated, right)])
