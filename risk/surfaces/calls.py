"""Undiscounted calls as shares of the forward: what arbitrage is measured in where there are strikes and no slice."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.exact.elementary import log, normal_cdf

Floats = NDArray[np.float64]
_CERTAIN = 1e-12


def call(x: ArrayLike, deviation: ArrayLike) -> Floats:
    """Black's call on a forward of 1 at strike x > 0: N(d) - x N(d - s), d = ln(1/x)/s + s/2; broadcast.

    Parameters
    ----------
    x : strike over forward.
    deviation : s = volatility times the square root of years.
    """
    x, s = np.broadcast_arrays(np.asarray(x, np.float64), np.asarray(deviation, np.float64))
    divisor = np.where(s > _CERTAIN, s, 1.0)
    d = log(1.0 / x) / divisor + 0.5 * divisor
    value = np.where(s > _CERTAIN, normal_cdf(d) - x * normal_cdf(d - divisor), 1.0 - x)
    return np.where(value > 0, value, 0.0)
