"""Sparse matrix times vector on lanes, against sums of integers."""

from __future__ import annotations

import itertools
import random

import numpy as np
import pytest

from primitives import field
from primitives.field import MODULUS as R
from primitives.r1cs import SparseMatrix
from prover.backend import load_backend
from prover.kernels import KernelBackend
from prover.kernels.lanes import MAX_TERMS
from prover.kernels.processor import PORTABLE
from prover.kernels.sparse import LANES, LEAST, SHORT, multiply

FULL = MAX_TERMS * LANES
ROWS = {"no rows": [], "no entries": [0] * 13, "one": [1], "seven": [1] * 7, "eight": [2] * 8, "nine": [3] * 9,
        "a lane each": [0, 1, SHORT, 2, 0, 5, SHORT - 1, 3, 1],
        "one too long for a lane": [1, 0, SHORT + 1, 2, SHORT],
        "whole vectors and parts": [*range(SHORT, SHORT + 20)],
        "as many as are reduced at once": [FULL - 1, FULL, FULL + 1, 0, 2 * FULL, 3],
        "many, and threads": [*[3] * 40, LEAST, 0, 0, *[1] * 300, 2 * LEAST + 5, 0]}


@pytest.mark.skipif(PORTABLE, reason="no IFMA here")
@pytest.mark.parametrize("lengths", ROWS.values(), ids=ROWS.keys())
@pytest.mark.parametrize("largest", [False, True])
@pytest.mark.parametrize("threads", ["1", "2", "5"])
def test_rows_of_all_lengths(lengths: list[int], largest: bool, threads: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", threads)
    rng = random.Random(len(lengths))
    table = [R - 1] * 3 if largest else [0, 1, R - 1, 2, *(rng.randrange(R) for _ in range(5))]
    values = [R - 1] * 4 if largest else [0, 1, R - 1, *(rng.randrange(R) for _ in range(50))]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    wires = np.array([rng.randrange(len(values)) for _ in range(starts[-1])], np.int32)
    coefficients = np.array([rng.randrange(len(table)) for _ in range(starts[-1])], np.int32)
    around = np.full((len(lengths) + 2, 4), 7, np.uint64)              # what must not be written to
    multiply(around[1:-1], SparseMatrix(starts, wires, coefficients), field.encode(table), field.encode(values))
    products = [table[c] * values[w] for c, w in zip(coefficients, wires, strict=True)]
    wanted = [sum(products[a:b]) % R for a, b in itertools.pairwise(starts)]
    assert np.array_equal(around[1:-1], field.encode(wanted).reshape(-1, 4))               # fully reduced
    assert (around[[0, -1]] == 7).all()


@pytest.mark.parametrize("backend", ["kernels", "reference"])
def test_entries_that_reach_beyond_their_operands_are_refused(backend: str) -> None:
    """What lies there would be read, and make a product of it."""
    product = load_backend(backend).matrix_times_vector
    table, vector = field.encode([1, 5]), field.encode([3, 0, 9])
    matrix = SparseMatrix(np.array([0, 2, 3]), np.array([0, 2, 1], np.int32), np.array([1, 0, 1], np.int32))
    assert field.decode(product(matrix, table, vector)) == [24, 0]
    for wrong in (vector[:2], vector[:0], vector[:, :3], vector.reshape(-1), vector.astype(np.int64)):
        with pytest.raises(ValueError, match=r"the vector has .* n >= 3"):
            product(matrix, table, wrong)
    with pytest.raises(ValueError, match=r"the table has .* n >= 2"):
        product(matrix, table[:1], vector)
    with pytest.raises(ValueError, match="the vector has"):
        product(SparseMatrix(matrix.starts, matrix.wires - 1, matrix.coefficients), table, vector)
    nothing = SparseMatrix(np.array([0, 0]), np.zeros(0, np.int32), np.zeros(0, np.int32))
    assert field.decode(product(nothing, table[:0], vector[:0])) == [0]


def test_the_backend_takes_what_a_key_holds() -> None:
    """Tables and vectors that nobody may write to, and that are not contiguous."""
    table, vector = field.encode([R - 1, 5, 7, 11]), field.encode([3, 0, R - 2, 1, 9, 8])
    matrix = SparseMatrix(np.array([0, 2, 2, 3]), np.array([0, 2, 1], np.int32), np.array([1, 0, 1], np.int32))
    table.flags.writeable = False
    got = KernelBackend().matrix_times_vector(matrix, table[::2], vector[::2])
    assert field.decode(got) == [(7 * 3 - 9) % R, 0, 7 * (R - 2) % R]
