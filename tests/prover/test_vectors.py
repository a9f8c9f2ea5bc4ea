"""Operations on vectors of points, against sums of single ones."""

from __future__ import annotations

import numpy as np
import pytest

from primitives import field
from primitives.r1cs import SparseMatrix
from prover.backend import load_backend
from prover.curve import G1_GROUP, G2_GROUP, ORDER
from prover.points import decode_g1, decode_g2, encode_g1, encode_g2
from prover.vectors import IntegerPointVectors, point_vectors

SCALARS = [0, 1, ORDER - 1, 2**64 + 5, ORDER // 2, 3]


@pytest.fixture(scope="module")
def vectors(backend):
    return point_vectors(load_backend(backend))


def test_the_integers_stand_in_for_a_backend_without():
    assert isinstance(point_vectors(load_backend("reference")), IntegerPointVectors)


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
