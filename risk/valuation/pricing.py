"""Prices of futures and European options, on arrays, the same on every machine.

Everything is a function of the forward: F. Black, The pricing of commodity contracts, Journal of Financial Economics 3,
1976. With F = S exp((r - q) T) these are the prices of Black, Scholes and Merton.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.elementary import exp, log, normal_cdf

Floats = NDArray[np.float64]
Numbers = Floats | float
_CERTAIN = 1e-12
"""A standard deviation of the log price below this moves no price by a money unit; dividing by it could overflow."""


def black_76(forward: Numbers, strike: Numbers, volatility: Numbers, years: Numbers, discount: Numbers,
             call: NDArray[np.bool_] | bool) -> Floats:
    """Price of a European option on a forward, in the unit of forward and strike; arguments broadcast.

    Parameters
    ----------
    forward, strike : positive.
    volatility : per square root of a year, >= 0.
    years : to expiry, >= 0; at 0 the price is the pay-off.
    discount : value today of one paid at expiry.
    call : true for a call, false for a put.
    """
    deviation = np.asarray(volatility * np.sqrt(years), np.float64)
    uncertain = deviation > _CERTAIN
    divisor = np.where(uncertain, deviation, 1.0)
    upper = log(forward / strike) / divisor + 0.5 * divisor
    sign = np.where(call, 1.0, -1.0)
    price = sign * (forward * normal_cdf(sign * upper) - strike * normal_cdf(sign * (upper - divisor)))
    payoff = np.maximum(sign * (forward - strike), 0.0)
    # Rounding can leave a worthless option a last bit below zero, where no option can be.
    return discount * np.where(uncertain, np.maximum(price, 0.0), payoff)


def forward_after(spot: Numbers, forward: Numbers, spot_after: Numbers, years: Numbers, years_after: Numbers) -> Floats:
    """The forward after spot has moved and time has passed, at the carry that today's forward implies.

    F' = S' (F / S)**(T' / T), T' >= 0; at T' = 0 it is the spot.
    """
    return spot_after * exp(log(forward / spot) / years * years_after)
