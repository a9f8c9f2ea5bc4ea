"""Columns of products in double precision, and with IFMA where there is one, against integers."""

from __future__ import annotations

import random

import numba
import numpy as np
import pytest

from prover.kernels.columns import Columns, DoubleColumns, FusedColumns, carry, less_multiple, low_half
from prover.kernels.field import BASE, LANES, LIMB_BITS, LIMBS, SCALAR, limbs_of
from prover.kernels.lanes import kernel
from prover.kernels.processor import PORTABLE

WAYS = [pytest.param(DoubleColumns, id="doubles"),
        pytest.param(FusedColumns, id="ifma", marks=pytest.mark.skipif(PORTABLE, reason="no IFMA here"))]
TOP = (1 << LIMB_BITS) - 1
EDGES = [0, 1, 2, TOP, TOP - 1, 1 << 51, (1 << 51) - 1, (1 << 51) + 1, 1 << 26, (1 << 26) - 1, 0x5555555555555]


def word(column: np.ndarray, lane: int) -> int:
    return int(column[lane].astype(np.int64))


@pytest.mark.parametrize("way", WAYS)
def test_products_of_limbs_are_exact(way: type[Columns]) -> None:
    @kernel
    def multiply(emit, out, data, i):
        a, b = (emit.load(data, emit.plus(emit.times(i, 2), k)) for k in range(2))
        columns = way(emit)
        columns.add(3, a, b)
        emit.store(out, emit.times(i, 3), columns.word(3))
        emit.store(out, emit.plus(emit.times(i, 3), 1), columns.word(4))
        emit.store(out, emit.plus(emit.times(i, 3), 2), columns.low_product(a, b))

    @numba.njit
    def run(out, data):
        for i in range(len(data)):
            multiply(out, data, i)

    rng = random.Random(52)
    pairs = [(a, b) for a in EDGES for b in EDGES] + [(rng.getrandbits(52), rng.getrandbits(52)) for _ in range(2000)]
    pairs += [(TOP, TOP)] * (-len(pairs) % LANES)
    high_bits = 0xabc << LIMB_BITS                                       # must not count
    data = np.array([[a | high_bits, b | high_bits] for a, b in pairs], np.uint64)
    data = data.reshape(-1, LANES, 2).transpose(0, 2, 1).copy()
    out = np.zeros((len(data), 3, LANES), np.uint64)
    run(out, data)
    for k, (a, b) in enumerate(pairs):
        low, high, modular = (word(out[k // LANES, j], k % LANES) for j in range(3))
        assert low + (high << LIMB_BITS) == a * b
        assert (modular - a * b) % (1 << LIMB_BITS) == 0


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("field", [BASE, SCALAR], ids=["base", "scalar"])
@pytest.mark.parametrize("terms", [1, 64])
def test_reduced_columns_are_the_montgomery_sum(way, field, terms):
    """With 64 terms of the largest limbs, the most that `Lanes.dot` lets pass, no column overflows."""
    @kernel
    def reduce(emit, out, data):
        columns = way(emit)
        a, b = ([emit.load(data, LIMBS * k + i) for i in range(LIMBS)] for k in range(2))
        for _ in range(terms):
            columns.add_product(a, b)
        square = way(emit)
        square.set_square(a)
        for k, words in enumerate((columns.reduce(field), square.reduce(field))):
            for i, value in enumerate(words):
                emit.store(out, LIMBS * k + i, value)

    @numba.njit
    def run(out, data):
        reduce(out, data)

    rng = random.Random(terms)
    values = [[(1 << 260) - 1, 0, 1, field.modulus, *(rng.getrandbits(260) for _ in range(4))],
              [(1 << 260) - 1, 5, (1 << 260) - 1, 1, *(rng.getrandbits(260) for _ in range(4))]]
    data = np.array([[limbs_of(value) for value in row] for row in values], np.uint64).transpose(0, 2, 1).copy()
    out = np.zeros((2, LIMBS, LANES), np.uint64)
    run(out, data)
    for lane, (a, b) in enumerate(zip(*values, strict=True)):
        for k, expected in enumerate((terms * a * b, a * a)):
            got = sum(word(out[k, i], lane) << (LIMB_BITS * i) for i in range(LIMBS))
            assert (got * (1 << 260) - expected) % field.modulus == 0
            assert 0 <= got < (expected >> 260) + field.limb_inverse + field.modulus + (field.modulus >> 40)


@pytest.mark.parametrize("way", WAYS)
def test_columns_out_of_range_gain_nothing(way):
    @kernel
    def multiply(emit, out, data):
        a, b = ([emit.load(data, LIMBS * k + i) for i in range(LIMBS)] for k in range(2))
        for k, (first, end) in enumerate(((0, 2 * LIMBS), (LIMBS, 2 * LIMBS), (0, LIMBS))):
            columns = way(emit)
            columns.add_product(a, b, first, end)
            for i in range(2 * LIMBS):
                emit.store(out, 2 * LIMBS * k + i, columns.word(i))

    @numba.njit
    def run(out, data):
        multiply(out, data)

    rng = random.Random(5)
    values = [[(1 << 260) - 1, *(rng.getrandbits(260) for _ in range(7))] for _ in range(2)]
    data = np.array([[limbs_of(value) for value in row] for row in values], np.uint64).transpose(0, 2, 1).copy()
    out = np.zeros((3, 2 * LIMBS, LANES), np.uint64)
    run(out, data)
    upper, lower = out[0].copy(), out[0].copy()
    upper[:LIMBS], lower[LIMBS:] = 0, 0
    assert np.array_equal(out[1:], [upper, lower])
    for lane in range(LANES):
        total = sum(word(out[0, k], lane) << (LIMB_BITS * k) for k in range(2 * LIMBS))
        assert total == values[0][lane] * values[1][lane]


@pytest.mark.parametrize("field", [BASE, SCALAR], ids=["base", "scalar"])
def test_arithmetic_modulo_2_to_the_260(field):
    number = (1 << 260) - 12345

    @kernel
    def compute(emit, out, data):
        a, b = ([emit.load(data, LIMBS * k + i) for i in range(LIMBS)] for k in range(2))
        results = (low_half(emit, a, number), carry(emit, less_multiple(emit, field, a, b), wraps=True),
                   carry(emit, less_multiple(emit, field, a, b[:1]), wraps=True), carry(emit, a, wraps=False))
        for k, limbs in enumerate(results):
            for i, limb in enumerate(limbs):
                emit.store(out, LIMBS * k + i, limb)

    @numba.njit
    def run(out, data):
        compute(out, data)

    rng, top = random.Random(6), (1 << 260) - 1
    values = [[top, 0, 1, field.modulus, *(rng.getrandbits(260) for _ in range(4))],
              [top, top, 1, 0, *(rng.getrandbits(260) for _ in range(4))]]
    data = np.array([[limbs_of(value) for value in row] for row in values], np.uint64).transpose(0, 2, 1).copy()
    data[0, 4, 0] += np.uint64(1) << np.uint64(55)                       # beyond 260 bits
    out = np.zeros((4, LIMBS, LANES), np.uint64)
    run(out, data)
    for lane in range(LANES):
        a, b = (sum(int(data[k, i, lane]) << (LIMB_BITS * i) for i in range(LIMBS)) for k in range(2))
        got = [sum(int(out[k, i, lane]) << (LIMB_BITS * i) for i in range(LIMBS)) for k in range(4)]
        wrapped = [a % (1 << 260) * number, a - b * field.modulus, a - (b & TOP) * field.modulus]
        assert got == [*(value % (1 << 260) for value in wrapped), a]
