"""Sums of a few multiples of points: double and add, one term a lane.

Buckets pay from dozens of terms on; below that, this takes the time of 128 doublings and additions, for as many terms
at once as there are lanes. Lanes start from secret points, as in `windows`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .additions import SIGN_BIT
from .arithmetic import LANES
from .buckets import IDENTITY, References
from .digits import TERM_BITS
from .field import Words
from .windows import XYZZ, adding, adding_named, as_steps, blinding, doubling, last_after, run_steps

CLIMB = as_steps([step for k in range(TERM_BITS) for step in (doubling(0), adding_named(LANES * k))])


def named_bits(halves: Words, terms: NDArray[np.int64]) -> References:
    """(vectors, TERM_BITS, LANES): what each term adds at each bit of its multiplier, highest first."""
    low, high = halves[terms, 0].copy(), halves[terms, 1].copy()
    negative = high >> np.uint64(63) == 1
    low[negative], high[negative] = -low[negative], ~high[negative] + (low[negative] == 0)
    magnitudes = np.stack([low, high], 1).astype("<u8")
    bits = np.unpackbits(magnitudes.view(np.uint8), axis=1, bitorder="little")[:, ::-1].astype(np.bool_)
    references = (terms | np.where(negative, SIGN_BIT, 0)).astype(np.uint32)
    names = np.full((-(-len(terms) // LANES) * LANES, TERM_BITS), IDENTITY, np.uint32)
    names[:len(terms)] = np.where(bits, references[:, None], np.uint32(IDENTITY))
    return np.ascontiguousarray(names.reshape(-1, LANES, TERM_BITS).swapaxes(1, 2))


def sum_few(points: Words, halves: Words, terms: NDArray[np.int64]) -> Any:
    """The sum of halves[t] * points[t] over some terms t; None for the identity."""
    if not len(terms):
        return None
    names, blind = named_bits(halves, terms), blinding(points.ndim)
    vectors, identity = len(names), np.zeros((1, *points.shape[1:]), np.uint64)
    state = np.stack([blind.start(vector)[:XYZZ] for vector in range(vectors)])
    for vector in range(vectors):
        run_steps(points, identity, names[vector].reshape(-1), state[vector], CLIMB)
    ends = np.moveaxis(state, -1, 1).reshape(vectors * LANES, XYZZ, *state.shape[2:-1])
    sum_up = as_steps([adding(len(ends) - 1, k) for k in range(len(ends) - 1)])
    started = sum(1 << (2 * LANES * vector + lane) for vector in range(vectors) for lane in range(LANES))
    return blind.group.add(last_after(ends, sum_up, points.ndim), blind.minus(started << TERM_BITS))
