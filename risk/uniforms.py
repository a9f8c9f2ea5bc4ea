"""The only source of randomness of an epoch: uniforms from PCG64, which a seed determines for ever.

NumPy keeps the raw stream of a bit generator and of `SeedSequence` stable, but not what `Generator` makes of it
(NEP 19), and normal variates pass through library functions. So uniforms are made here from raw words, by exact
arithmetic, and everything else from uniforms.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray


def uniforms(seed: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Independent uniforms on the open interval (0, 1): (top 52 bits of a word + 1/2) / 2**52, exact in doubles."""
    words = np.random.PCG64(seed).random_raw(math.prod(shape))
    values: NDArray[np.float64] = ((words >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
    return values.reshape(shape)
