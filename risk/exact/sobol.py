"""Quasi-random uniforms: Sobol points in 52-bit integers, shifted by the seed, the same on every machine.

Points of a Sobol sequence fill the unit cube far more evenly than independent ones: of the first 2**k, each coordinate
falls once into each of 2**k equal intervals, and pairs of low dimensions fill cells as evenly. Directions are those of
S. Joe and F. Kuo, Constructing Sobol sequences with better two-dimensional projections, SIAM Journal on Scientific
Computing 30, 2008 (`sobol_directions.json`).

Order: point n is the exclusive or of the directions of the set bits of n ^ (n >> 1), as in I. Antonov and V. Saleev,
1979, which is the order of SciPy's `qmc.Sobol`; nothing is skipped unless asked for. Shift: one 52-bit word a dimension
is xor-ed to all its points (a digital shift), so that every point alone is uniformly distributed over seeds while all
of them together stay a digital net. It comes from the raw stream of PCG64, as everywhere (`risk.exact.uniforms`).

Only for whole powers of two of points are strata filled evenly; other counts are allowed.
"""

from __future__ import annotations

import json
import math
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from primitives.native import compiled_ieee
from primitives.threads import share

BITS = 52
MOST_DIMENSIONS = 4096
_DIRECTIONS_FILE = Path(__file__).parent / "sobol_directions.json"
_LEAST = 1 << 14
_UNIT = 2.0**-BITS


def sobol_uniforms(seed: int, count: int, shape: tuple[int, ...], *, skip: int = 0) -> NDArray[np.float64]:
    """Points skip, ..., skip + count - 1, shifted: (count, *shape) inside (0, 1), exact multiples of 2**-53.

    Parameters
    ----------
    seed : of the shift, an integer >= 0.
    shape : of one point; its coordinates in C order are the dimensions, of which the first are the most even.

    Raises
    ------
    BadInput : more than 4096 dimensions, or points beyond 2**52.
    """
    directions, out = _checked(count, math.prod(shape), skip), np.empty((count, math.prod(shape)))
    shift = (np.random.PCG64(seed).random_raw(len(directions)) >> np.uint64(64 - BITS)).astype(np.int64)

    def part(begin: int, end: int) -> None:
        _shifted(skip + begin, directions, shift, np.empty(len(directions), np.int64), out[begin:end])

    share(count, part, least=max(1, _LEAST // max(1, len(directions))))
    return out.reshape(count, *shape)


def sobol_integers(count: int, dimensions: int, *, skip: int = 0) -> NDArray[np.int64]:
    """Points skip, ..., skip + count - 1 of the sequence itself, times 2**52: int64 (count, dimensions).

    Raises
    ------
    BadInput : more than 4096 dimensions, or points beyond 2**52.
    """
    directions, out = _checked(count, dimensions, skip), np.empty((count, dimensions), np.int64)
    _integers(skip, directions, np.empty(dimensions, np.int64), out)
    return out


def _checked(count: int, dimensions: int, skip: int) -> NDArray[np.int64]:
    if not 1 <= dimensions <= MOST_DIMENSIONS:
        raise BadInput("number of dimensions", dimensions, f"in [1, {MOST_DIMENSIONS}]: assets x steps of a path")
    if not (count >= 0 and skip >= 0 and count + skip <= 1 << BITS):
        raise BadInput("points", Said(f"{skip} .. {skip + count}"), f"in [0, 2**{BITS}]")
    return _directions(dimensions)


@cache
def _rows() -> list[list[int]]:
    """The file's: polynomial and first direction integers of each dimension."""
    rows: list[list[int]] = json.loads(_DIRECTIONS_FILE.read_text())["dimensions"]
    return rows


@lru_cache(maxsize=16)
def _directions(dimensions: int) -> NDArray[np.int64]:
    """Direction integers times 2**(52 - j): (dimensions, 52).

    With the polynomial x**s + a_1 x**(s-1) + ... + a_(s-1) x + 1, direction integers follow
    m_j = 2 a_1 m_(j-1) ^ 4 a_2 m_(j-2) ^ ... ^ 2**s m_(j-s) ^ m_(j-s).
    """
    out = np.empty((dimensions, BITS), np.int64)
    for row, numbers in zip(out, _rows(), strict=False):
        m = numbers[1:] or [1] * BITS              # dimension 1 has no polynomial
        if numbers:
            degree = numbers[0].bit_length() - 1
            while len(m) < BITS:
                value = m[-degree]
                for k in range(1, degree + 1):
                    if numbers[0] >> (degree - k) & 1:
                        value ^= m[-k] << k
                m.append(value)
        row[:] = [value << (BITS - 1 - j) for j, value in enumerate(m)]
    return out


@compiled_ieee
def _place(first: int, directions: NDArray[np.int64], state: NDArray[np.int64]) -> None:
    """state = point `first`."""
    gray = first ^ (first >> 1)
    for d in range(len(state)):
        state[d] = 0
        for j in range(BITS):
            if (gray >> j) & 1:
                state[d] ^= directions[d, j]


@compiled_ieee
def _advance(n: int, directions: NDArray[np.int64], state: NDArray[np.int64]) -> None:
    """state = point n + 1, from point n: the lowest bit of n that is 0 says which direction to add."""
    j = 0
    while (n >> j) & 1:
        j += 1
    if j < BITS:                                                   # after the last point comes none
        for d in range(len(state)):
            state[d] ^= directions[d, j]


@compiled_ieee
def _shifted(first: int, directions: NDArray[np.int64], shift: NDArray[np.int64], state: NDArray[np.int64],
             out: NDArray[np.float64]) -> None:
    _place(first, directions, state)
    for i in range(len(out)):
        for d in range(len(state)):
            out[i, d] = (float(state[d] ^ shift[d]) + 0.5) * _UNIT
        _advance(first + i, directions, state)


@compiled_ieee
def _integers(first: int, directions: NDArray[np.int64], state: NDArray[np.int64], out: NDArray[np.int64]) -> None:
    _place(first, directions, state)
    for i in range(len(out)):
        for d in range(len(state)):
            out[i, d] = state[d]
        _advance(first + i, directions, state)
