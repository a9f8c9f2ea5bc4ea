"""Prices of futures and European options, on arrays, the same on every machine.

Everything is a function of the forward: F. Black, The pricing of commodity contracts, Journal of Financial Economics 3,
1976. With F = S exp((r - q) T) these are the prices of Black, Scholes and Merton.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from primitives.threads import share
from risk.exact.elementary import exp, log
from risk.valuation import kernels

Floats = NDArray[np.float64]
Numbers = Floats | float
_LEAST = 4096
"""Options that are worth a thread of their own."""


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
    deviation = volatility * np.sqrt(years)
    arrays = np.broadcast_arrays(forward, strike, deviation, discount, np.where(call, 1.0, -1.0))
    f, k, d, df, sign = (np.ascontiguousarray(array, np.float64).reshape(-1) for array in arrays)
    out = np.empty(arrays[0].shape)
    results = out.reshape(-1)

    def part(begin: int, end: int) -> None:
        kernels.black_76_all(f[begin:end], k[begin:end], d[begin:end], df[begin:end], sign[begin:end],
                             results[begin:end], np.empty(kernels.SCRATCH))

    share(len(results), part, least=_LEAST)
    return out


def forward_after(spot: Numbers, forward: Numbers, spot_after: Numbers, years: Numbers, years_after: Numbers) -> Floats:
    """The forward after spot has moved and time has passed, at the carry that today's forward implies.

    F' = S' (F / S)**(T' / T), T' >= 0; at T' = 0 it is the spot.
    """
    return spot_after * exp(log(forward / spot) / years * years_after)
