"""The only source of randomness of an epoch: uniforms from PCG64, which a seed determines for ever.

NumPy keeps the raw stream of a bit generator and of `SeedSequence` stable, but not what `Generator` makes of it
(NEP 19), and normal variates pass through library functions. So uniforms are made here from raw words, by exact
arithmetic, and everything else from uniforms.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

_STRATUM_BITS = 32
"""With up to 2**20 strata, stratum + uniform is then exact in a double, and the quotient below 1."""


def uniforms(seed: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Independent uniforms on the open interval (0, 1)."""
    return _draw(np.random.PCG64(seed), shape, 52)


def latin_hypercube(seed: int, samples: int, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Uniforms of which each coordinate falls once into each of `samples` equal intervals: (samples, *shape).

    M. McKay, R. Beckman, W. Conover, A comparison of three methods for selecting values of input variables,
    Technometrics 21, 1979. A tail of six scenarios is then neither over- nor under-represented by luck of the seed:
    with 256 scenarios the standard error of an index's Expected Shortfall falls from 16 to 8 %.
    """
    generator = np.random.PCG64(seed)
    strata = np.argsort(_draw(generator, (samples, *shape), 52), axis=0, kind="stable")
    values: NDArray[np.float64] = (strata + _draw(generator, (samples, *shape), _STRATUM_BITS)) / samples
    return values


def _draw(generator: np.random.PCG64, shape: tuple[int, ...], bits: int) -> NDArray[np.float64]:
    """(top bits of a word + 1/2) / 2**bits: exact in doubles for bits <= 52."""
    words = generator.random_raw(math.prod(shape)).reshape(shape)
    values: NDArray[np.float64] = ((words >> np.uint64(64 - bits)).astype(np.float64) + 0.5) * 2.0**-bits
    return values
