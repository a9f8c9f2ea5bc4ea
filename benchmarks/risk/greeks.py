"""Greeks by closed form against ball arithmetic, on random options from a second to three years from expiry.

The reference is Black-76 as textbooks write it, in 256 bits, so that nothing cancels; a ball that does not hold a value
to 60 digits would be an error here. Half of the strikes lie anywhere within a factor of e**6 of the forward, where most
options are worth nothing or their intrinsic value; half within a few deviations of it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from benchmarks.risk.figures import Figure, Report
from risk.greeks.closed import Greeks, option_greeks

INPUTS = 100_000
GOAL = 1e-9
LEAST = 1e-280
"""Below it a double has lost digits, or soon will: there only smallness is asked for."""


def random_options(count: int, seed: int = 1) -> tuple[NDArray[np.float64], ...]:
    """Arguments of `option_greeks`: `count` of each."""
    rng = np.random.default_rng(seed)

    def spread(low: float, high: float) -> NDArray[np.float64]:
        return np.exp(rng.uniform(np.log(low), np.log(high), count))

    years, volatility, forward = spread(1 / 31_536_000, 3.0), spread(0.01, 10.0), spread(0.01, 1e5)
    spot = forward * np.exp(rng.normal(0, 0.1, count) * np.sqrt(years))
    anywhere, near = rng.uniform(-6, 6, count), rng.normal(0, 2, count) * volatility * np.sqrt(years)
    strike = forward * np.exp(np.where(rng.random(count) < 0.5, anywhere, near))
    return spot, forward, strike, volatility, years, rng.uniform(-0.1, 0.2, count), rng.random(count) < 0.5


def exact(spot: float, forward: float, strike: float, volatility: float, years: float, rate: float, call: bool
          ) -> Greeks:
    """The same as balls."""
    s, f, k, v, t, r = map(arb, (spot, forward, strike, volatility, years, rate))
    sign = 1 if call else -1
    w = v * t.sqrt()
    d1 = (f / k).log() / w + w / 2
    d2 = d1 - w
    discount, density = (-r * t).exp(), (-d1 * d1 / 2).exp() / (2 * arb.pi()).sqrt()

    def normal(x: arb) -> arb:
        return (-x / arb(2).sqrt()).erfc() / 2

    value = discount * sign * (f * normal(sign * d1) - k * normal(sign * d2))
    inside = discount * sign * normal(sign * d1)
    vega = discount * f * density * t.sqrt()
    return Greeks(value, inside * f / s, discount * density * f / (s * s * w), vega,
                  -discount * f / s * density * d2 / v, vega * d1 * d2 / v,
                  r * value - inside * f * (f / s).log() / t - discount * f * density * v / (2 * t.sqrt()),
                  -t * value, inside * f * t)


def errors(count: int, seed: int = 1, report: Report = lambda text: None) -> dict[str, float]:
    """The largest relative error of each Greek; infinite where something is not as small as it should be."""
    options = random_options(count, seed)
    found = option_greeks(*options)
    worst = dict.fromkeys(Greeks._fields, 0.0)
    before, ctx.prec = ctx.prec, 256
    try:
        for i in range(count):
            if i % 5000 == 0:
                report(f"Greeks: {i} of {count}")
            reference = exact(*(column[i].item() for column in options))
            for name, ours, ball in zip(Greeks._fields, found, reference, strict=True):
                value = float(ours[i])
                if abs(float(ball)) < LEAST:
                    error = 0.0 if abs(value) < 2 * LEAST else np.inf
                else:
                    error = abs(float((arb(value) - ball) / ball))
                worst[name] = max(worst[name], error if error == error else np.inf)
    finally:
        ctx.prec = before
    return worst


def figures(report: Report, count: int = INPUTS) -> Iterator[Figure]:
    """The worst of them."""
    found = errors(count, report=report)
    yield Figure(f"Greeks by closed form, {count:,} random options: largest relative error", max(found.values()), "",
                 most=GOAL, details=found)
