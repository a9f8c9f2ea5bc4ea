"""Arrays of 256-bit integers as four little-endian words: is each below a modulus?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def first_not_below(values: NDArray[np.uint64], modulus: int) -> int | None:
    """Index of the first of (n, 4) integers that is `modulus` or more, or None."""
    top = values[:, 3]
    limits = [np.uint64(modulus >> 64 * k & (1 << 64) - 1) for k in range(4)]
    if not len(values) or top.max() < limits[3]:
        return None
    # Few random values get here, but of those that people choose (-1) all may: their other words are compared at once.
    close = np.flatnonzero(top >= limits[3])
    not_below = values[close, 0] >= limits[0]
    for k in range(1, 4):
        word = values[close, k]
        not_below = (word > limits[k]) | ((word == limits[k]) & not_below)
    return int(close[not_below.argmax()]) if not_below.any() else None
