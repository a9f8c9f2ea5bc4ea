"""Compile every kernel ahead of its first use."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np

from primitives import cache, field
from primitives.r1cs import SparseMatrix
from prover.ceremony.blake2b import BLOCK, State
from prover.curve import G1_GROUP, G2_GROUP
from prover.points import encode_g1, encode_g2

from .backend import KernelBackend
from .msm import msm

Progress: TypeAlias = Callable[[str, int, int], None]


def _transforms(backend: KernelBackend) -> None:
    values = field.encode(range(64))
    backend.quotient(values, values)
    backend.quotient(values[:2], values[:2])           # too short for lanes
    backend.ntt(values)


def _sparse_products(backend: KernelBackend) -> None:
    none = np.zeros(1, np.int32)
    matrix, one, out = SparseMatrix(np.array([0, 1]), none, none), field.encode([1]), np.empty((1, 4), np.uint64)
    backend.matrix_times_vector(matrix, one, one)
    field.combine(out, matrix.starts, matrix.wires, matrix.coefficients, one, one)         # witnesses are checked by it
    backend.batch_inverse(field.encode([1]))


def _sums(backend: KernelBackend) -> None:
    bases, scalars = backend.prepare_g1(encode_g1([G1_GROUP.generator] * 9)), field.encode(range(-4, 5))
    msm(bases, scalars)
    msm(bases, scalars, bits=4)                        # so few would not go to buckets by themselves


def _sums_g2(backend: KernelBackend) -> None:
    bases, scalars = backend.prepare_g2(encode_g2([G2_GROUP.generator] * 9)), field.encode(range(-4, 5))
    msm(bases, scalars)
    msm(bases, scalars, bits=4)


def _multiples(backend: KernelBackend) -> None:
    backend.multiples_g1(G1_GROUP.generator, field.encode([2]))
    backend.multiples_g2(G2_GROUP.generator, field.encode([2]))


def _ceremonies(backend: KernelBackend) -> None:
    """What making and checking keys needs besides, for those who do."""
    one, (g1, g2) = field.encode([1]), (encode_g1([G1_GROUP.generator]), encode_g2([G2_GROUP.generator]))
    field.subtract(field.add(one, one), one)
    none = np.zeros(1, np.int32)
    matrix = SparseMatrix(np.array([0, 1]), none, none)
    backend.combine_g1(matrix, one, g1)
    backend.combine_g2(matrix, one, g2)
    backend.uncompressed(g1)
    State().update(bytes(BLOCK + 1))
    backend.first_invalid_g1(g1)
    backend.first_invalid_g2(g2)


STAGES: dict[str, Callable[[KernelBackend], None]] = {
    "sparse products": _sparse_products, "transforms": _transforms, "sums in G1": _sums, "sums in G2": _sums_g2,
    "fixed-base multiples": _multiples, "ceremonies": _ceremonies}


def _mark() -> Path | None:
    """The file that says that all kernels are in the cache."""
    folder = cache.directory(cache.sources(Path(__file__).resolve()))
    return folder / "warm" if folder else None


def is_warm() -> bool:
    """Whether an earlier run has compiled all kernels, so that a proof need not wait for them."""
    mark = _mark()
    return mark is not None and mark.exists()


def warm(progress: Progress | None = None) -> dict[str, float]:
    """Compile everything that proving, verifying, setting up and ceremonies need, or load it from the user's cache.

    Parameters
    ----------
    progress : called with (what is compiled next, stages done, stages in all).

    Returns
    -------
    Seconds that each stage took.
    """
    from .verification import warm_verify  # here, for proving does without it
    backend, seconds = KernelBackend(), dict[str, float]()
    stages: dict[str, Callable[[], None]] = {name: partial(stage, backend) for name, stage in STAGES.items()}
    stages["verification"] = warm_verify
    for done, (name, stage) in enumerate(stages.items()):
        if progress:
            progress(f"compiling {name}", done, len(stages))
        started = time.perf_counter()
        stage()
        seconds[name] = time.perf_counter() - started
    if mark := _mark():
        mark.touch(mode=0o600)
    if progress:
        progress("kernels compiled", len(stages), len(stages))
    return seconds
