"""Arrays of 256-bit integers as four little-endian words: is each below a modulus?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def first_not_below(values: NDArray[np.uint64], modulus: int) -> int | None:
    """Index of the first of (n, 4) integers that is `modulus` or more, or None."""
    top = values[:, 3]
    limit = np.uint64(modulus >> 192)
    if not len(values) or top.max() < limit:
        return None
    for index in np.flatnonzero(top >= limit):
        if int.from_bytes(values[index].astype("<u8").tobytes(), "little") >= modulus:
            return int(index)
    return None
