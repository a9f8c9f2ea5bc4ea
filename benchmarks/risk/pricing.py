"""Option prices against ball arithmetic (FLINT's Arb, 200 bits): linear and inverse, values and deltas.

Random inputs from a second to three years, volatilities from 1 to 1000 % a year, strikes from e**-6 to e**6 forwards.
Errors are in forwards for linear prices, in coins for inverse ones; those of deltas are relative, where one is above
1e-6.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.risk.figures import Figure, Report
from risk.exact.clock import YEAR
from risk.valuation.inverse import inverse_option, inverse_option_delta
from risk.valuation.pricing import black_76

LONGEST, LEAST_VOLATILITY, MOST_VOLATILITY, WIDEST = 3.0, 0.01, 10.0, 6.0
_BITS = 200
_LEAST_DELTA = 1e-6


def errors(count: int, seed: int = 1) -> dict[str, float]:
    """Largest errors over so many random options."""
    from flint import arb, ctx
    before, ctx.prec = ctx.prec, _BITS
    try:
        return _errors(count, np.random.default_rng(seed), arb)
    finally:
        ctx.prec = before


def _errors(count: int, rng: np.random.Generator, arb: Any) -> dict[str, float]:
    years = np.exp(rng.uniform(np.log(1 / YEAR), np.log(LONGEST), count))
    volatility = np.exp(rng.uniform(np.log(LEAST_VOLATILITY), np.log(MOST_VOLATILITY), count))
    forward = np.exp(rng.uniform(np.log(1e-2), np.log(1e6), count))
    strike = forward * np.exp(rng.uniform(-WIDEST, WIDEST, count) * np.where(rng.random(count) < 0.5, 1.0, np.minimum(
        1.0, volatility * np.sqrt(years))))                # half of them within a few deviations of the money
    discount, call = np.exp(-0.2 * years * rng.random(count)), rng.random(count) < 0.5
    prices = black_76(forward, strike, volatility, years, discount, call)
    coins = inverse_option(1.0, forward, strike, volatility, years, call)
    deltas = inverse_option_delta(forward, strike, volatility, years, call)
    worst = dict.fromkeys(("linear", "inverse", "delta"), 0.0)
    half = arb(1) / 2
    for i in range(count):
        f, k, sign = arb(float(forward[i])), arb(float(strike[i])), 1 if call[i] else -1
        deviation = arb(float(volatility[i])) * arb(float(years[i])).sqrt()
        upper = (f / k).log() / deviation + deviation / 2
        above, below = (half * (-sign * x / arb(2).sqrt()).erfc() for x in (upper, upper - deviation))
        price = sign * (f * above - k * below)
        linear = arb(float(prices[i])) - arb(float(discount[i])) * price
        worst["linear"] = max(worst["linear"], abs(float(linear / f)))
        worst["inverse"] = max(worst["inverse"], abs(float(arb(float(coins[i])) - price / f)))
        if float(above) > _LEAST_DELTA:
            worst["delta"] = max(worst["delta"], abs(float(sign * arb(float(deltas[i])) / above - 1)))
    return worst


def figures(count: int, report: Report) -> Iterator[Figure]:
    """Errors beside their bounds."""
    report("pricing against balls")
    found = errors(count)
    what = f"{count:,} random options against ball arithmetic"
    yield Figure(f"{what}: linear prices, in forwards", found["linear"], most=1e-11)
    yield Figure(f"{what}: inverse prices, in coins", found["inverse"], most=1e-11)
    yield Figure(f"{what}: deltas, relative", found["delta"], most=1e-9)
