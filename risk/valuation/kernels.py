"""Compiled twin of `risk.valuation.reference`, and its use on the options of a book in all scenarios."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled_ieee
from risk.exact.kernels import BLOCK, log, normal_cdf_all
from risk.valuation.reference import CERTAIN

Floats = NDArray[np.float64]
SCRATCH = (12, BLOCK)
"""Shape of the memory that the functions here work in; threads share none."""


class Options(NamedTuple):
    """Of n options, at the end of the horizon in S scenarios: (n,), or (keys, S) where options have it in common.

    key : row of `forwards` and `ratios`.  strike.  volatility : today's.  root_years : to expiry, square root.
    discount.  sign : 1 for a call, -1 for a put.  now : today's price.
    forwards : in each scenario.  ratios : of the volatility in each scenario to today's.
    """

    key: NDArray[np.int64]
    strike: Floats
    volatility: Floats
    root_years: Floats
    discount: Floats
    sign: Floats
    now: Floats
    forwards: Floats
    ratios: Floats


@compiled_ieee
def _block(forward: Floats, strike: Floats, deviation: Floats, discount: Floats, sign: Floats, out: Floats,
           scratch: Floats) -> None:
    """Prices of at most BLOCK options; deviation: of the log price."""
    upper, lower, above, below, series = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4:6]
    size = len(out)
    for j in range(size):
        divisor = deviation[j] if deviation[j] > CERTAIN else 1.0
        distance = log(forward[j] / strike[j]) / divisor + 0.5 * divisor
        upper[j] = sign[j] * distance
        lower[j] = sign[j] * (distance - divisor)
    normal_cdf_all(upper[:size], above[:size], series)
    normal_cdf_all(lower[:size], below[:size], series)
    for j in range(size):
        price = sign[j] * (forward[j] * above[j] - strike[j] * below[j])
        value = price if deviation[j] > CERTAIN else sign[j] * (forward[j] - strike[j])
        out[j] = discount[j] * (0.0 if value <= 0.0 else value)


@compiled_ieee
def black_76_all(forward: Floats, strike: Floats, deviation: Floats, discount: Floats, sign: Floats, out: Floats,
                 scratch: Floats) -> None:
    """out = prices; all (n,)."""
    for begin in range(0, len(out), BLOCK):
        end = min(begin + BLOCK, len(out))
        _block(forward[begin:end], strike[begin:end], deviation[begin:end], discount[begin:end], sign[begin:end],
               out[begin:end], scratch)


@compiled_ieee
def option_changes(options: Options, first: int, out: Floats, scratch: Floats) -> None:
    """out = price after each scenario less today's, of the options from `first` on: (rows, S)."""
    deviation, strike, discount, sign = scratch[6], scratch[7], scratch[8], scratch[9]
    scenarios = out.shape[1]
    for row in range(len(out)):
        i = first + row
        key = options.key[i]
        for j in range(BLOCK):
            strike[j] = options.strike[i]
            discount[j] = options.discount[i]
            sign[j] = options.sign[i]
        for begin in range(0, scenarios, BLOCK):
            size = min(BLOCK, scenarios - begin)
            for j in range(size):
                deviation[j] = options.volatility[i] * options.ratios[key, begin + j] * options.root_years[i]
            values = out[row, begin:begin + size]
            _block(options.forwards[key, begin:begin + size], strike[:size], deviation[:size], discount[:size],
                   sign[:size], values, scratch)
            for j in range(size):
                values[j] = values[j] - options.now[i]
