"""The prover's kernels: `python -m pytest benchmarks/test_kernels.py`.

Kernels are compiled before the clock starts, bases prepared and tables made. TAILPROOF_THREADS chooses the threads;
TAILPROOF_FORCE_PORTABLE=1 shows what a processor without IFMA can do. `kernels.md` says what the numbers mean.
"""

from __future__ import annotations

import functools

import numpy as np
import pytest

from primitives import field
from primitives.r1cs import SparseMatrix
from prover.curve import G1_GROUP, G2_GROUP
from prover.kernels import KernelBackend

BACKEND = KernelBackend()


@functools.cache
def uniform(log):
    words = np.random.default_rng(log).integers(0, 1 << 64, (1 << log, 4), np.uint64)
    words[:, 3] >>= np.uint64(4)                           # below r
    return words


@functools.cache
def mostly_bits(log):
    """45 % zeros, 45 % ones, 10 % uniform: what a witness of range checks looks like."""
    words, draw = uniform(log).copy(), np.random.default_rng(log).random(1 << log)
    words[draw < 0.9] = field.ONE
    words[draw < 0.45] = 0
    return words


@functools.cache
def bases(group, log):
    if group == "G1":
        return BACKEND.prepare_g1(BACKEND.multiples_g1(G1_GROUP.generator, uniform(log)))
    return BACKEND.prepare_g2(BACKEND.multiples_g2(G2_GROUP.generator, uniform(log)))


@pytest.mark.parametrize(("group", "log"), [("G1", 14), ("G1", 16), ("G1", 18), ("G2", 14), ("G2", 16)])
@pytest.mark.parametrize("scalars", [uniform, mostly_bits], ids=["uniform", "bits"])
def test_msm(benchmark, group, log, scalars):
    prepared, words = bases(group, log), scalars(log)
    msm = BACKEND.msm_g1 if group == "G1" else BACKEND.msm_g2
    assert benchmark(msm, prepared, words) is not None


@pytest.mark.parametrize("log", [14, 16, 18])
@pytest.mark.parametrize("inverse", [False, True], ids=["forward", "inverse"])
def test_ntt(benchmark, log, inverse):
    assert benchmark(BACKEND.ntt, uniform(log), inverse=inverse).shape == (1 << log, 4)


@pytest.mark.parametrize("log", [14, 16, 18])
def test_quotient(benchmark, log):
    """Six transforms and what is between them."""
    assert benchmark(BACKEND.quotient, uniform(log), mostly_bits(log)).shape == (1 << log, 4)


@pytest.mark.parametrize(("group", "count"), [("G1", 100_000), ("G2", 20_000)])
def test_multiples(benchmark, group, count):
    """Fixed-base multiples, as a setup makes them."""
    words = uniform(17)[:count]
    if group == "G1":
        points = benchmark(BACKEND.multiples_g1, G1_GROUP.generator, words)
    else:
        points = benchmark(BACKEND.multiples_g2, G2_GROUP.generator, words)
    assert len(points) == count


@pytest.mark.parametrize("group", ["G1", "G2"])
def test_prepare(benchmark, group):
    points = (BACKEND.multiples_g1(G1_GROUP.generator, uniform(16)) if group == "G1"
              else BACKEND.multiples_g2(G2_GROUP.generator, uniform(16)))
    assert benchmark(BACKEND.prepare_g1 if group == "G1" else BACKEND.prepare_g2, points).count == 1 << 16


@pytest.mark.parametrize(("rows", "terms"), [(1 << 19, 2), (1 << 14, 64)], ids=["short", "long"])
def test_sparse_product(benchmark, rows, terms):
    """A million entries, in rows as those of range checks have them and in rows as those of Poseidon."""
    rng, entries = np.random.default_rng(terms), rows * terms
    matrix = SparseMatrix(np.arange(0, entries + 1, terms), rng.integers(0, 1 << 17, entries, np.int32),
                          rng.integers(0, 1 << 10, entries, np.int32))
    product = benchmark(BACKEND.matrix_times_vector, matrix, uniform(10), mostly_bits(17))
    assert product.shape == (rows, 4)


@pytest.mark.parametrize("log", [14, 16, 18])
def test_batch_inverse(benchmark, log):
    inverse = benchmark(BACKEND.batch_inverse, uniform(log))
    assert np.array_equal(field.multiply(inverse[:9], uniform(log)[:9]), field.encode([1] * 9))
