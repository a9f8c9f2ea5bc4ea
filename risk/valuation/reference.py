"""Black-76 as a plain formula on arrays: what defines the bits of `risk.valuation.pricing`, which has them from machine
code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.exact.reference import log, normal_cdf

Floats = NDArray[np.float64]
CERTAIN = 1e-12
"""A standard deviation of the log price below this moves no price by a money unit; dividing by it could overflow."""


def black_76(forward: ArrayLike, strike: ArrayLike, volatility: ArrayLike, years: ArrayLike, discount: ArrayLike,
             call: ArrayLike) -> Floats:
    """See `risk.valuation.pricing.black_76`."""
    forward, strike, volatility, years, discount = (
        np.asarray(number, np.float64) for number in (forward, strike, volatility, years, discount))
    deviation = volatility * np.sqrt(years)
    uncertain = deviation > CERTAIN
    divisor = np.where(uncertain, deviation, 1.0)
    upper = log(forward / strike) / divisor + 0.5 * divisor
    sign = np.where(call, 1.0, -1.0)
    price = sign * (forward * normal_cdf(sign * upper) - strike * normal_cdf(sign * (upper - divisor)))
    value = np.where(uncertain, price, sign * (forward - strike))
    # Rounding can leave a worthless option a last bit below zero, where no option can be.
    return discount * np.where(value <= 0, 0.0, value)
