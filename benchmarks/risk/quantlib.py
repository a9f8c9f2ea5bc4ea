"""Prices and Greeks against QuantLib's Black calculator; where the two differ, ball arithmetic says who is right.

Options as in `benchmarks.risk.greeks`: a second to three years, volatilities of 1 to 1000 % a year, strikes from e**-6
to e**6 forwards. QuantLib takes differences of cumulative normals, so that what is far out of the money keeps few of
its digits or none; no number of ours is excused by that, each is held against the balls of `benchmarks.risk.greeks`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from flint import arb, ctx

from benchmarks.risk.figures import Figure, Report
from benchmarks.risk.greeks import LEAST, exact, random_options
from risk.greeks.closed import Greeks, option_greeks
from risk.valuation.pricing import black_76

GOAL, PRICES = 1e-9, 1e-11
WIDEST = 6.0
"""Most |ln(K/F)|. Farther out prices are right to a part of the strike, of which a forward is a part below 1e-3."""
NAMES = ("delta", "gamma", "vega", "vanna", "volga", "theta", "rho", "carry")
"""Greeks that QuantLib's calculator has; its rho is rho + carry here, its rho of dividends -carry."""


@dataclass
class Agreement:
    """Of one Greek: how often QuantLib's is within `GOAL` of ours, relative, and who is right where it is not.

    apart : how many are not.  wrong : of these, ours that are not within `GOAL` of the balls either.
    ours, theirs : of these, the largest error of ours and the median one of theirs.
    """

    near: int = 0
    apart: int = 0
    wrong: int = 0
    ours: float = 0.0
    errors: list[float] = field(default_factory=list)

    @property
    def theirs(self) -> float:
        return float(np.median(self.errors)) if self.errors else 0.0

    def to_json(self) -> dict[str, float]:
        return {"near": self.near, "apart": self.apart, "wrong": self.wrong, "ours": self.ours, "theirs": self.theirs}


@dataclass(frozen=True)
class Found:
    """price : the largest difference of prices, in forwards.  greeks : by name."""

    price: float
    greeks: Mapping[str, Agreement]

    @property
    def wrong(self) -> int:
        return sum(one.wrong for one in self.greeks.values())


def calculator(forward: float, strike: float, deviation: float, discount: float, call: bool) -> Any:
    """QuantLib's Black calculator of an option; deviation is volatility times the root of time."""
    import QuantLib as ql

    payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, strike)
    return ql.BlackCalculator(payoff, forward, deviation, discount)


def theirs(spot: float, forward: float, strike: float, volatility: float, years: float, rate: float, call: bool
           ) -> tuple[float, dict[str, float]]:
    """Price, and Greeks in our conventions, by QuantLib, whose volga of 1.44 is divided by the deviation in place of
    the volatility: 1/sqrt(T) of what its own vega, bumped, says.
    """
    one = calculator(forward, strike, volatility * math.sqrt(years), math.exp(-rate * years), call)
    carry = -one.dividendRho(years)
    return one.value(), {"delta": one.delta(spot), "gamma": one.gamma(spot), "vega": one.vega(years),
                         "vanna": one.vanna(spot, years), "volga": one.volga(years) * math.sqrt(years),
                         "theta": one.theta(spot, years), "rho": one.rho(years) - carry, "carry": carry}


def compare(count: int, seed: int = 1, report: Report = lambda text: None) -> Found:
    """So many random options."""
    spot, forward, strike, *terms = random_options(count, seed)
    options = (spot, forward, np.clip(strike, forward * math.exp(-WIDEST), forward * math.exp(WIDEST)), *terms)
    _, forward, strike, volatility, years, rate, call = options
    prices = black_76(forward, strike, volatility, years, np.exp(-rate * years), call)
    ours, price, greeks = option_greeks(*options), 0.0, {name: Agreement() for name in NAMES}
    before, ctx.prec = ctx.prec, 256
    try:
        for i in range(count):
            if i % 5000 == 0:
                report(f"QuantLib: {i} of {count}")
            option = tuple(column[i].item() for column in options)
            value, found = theirs(*option)
            price = max(price, abs(float(prices[i]) - value) / option[1])
            balls: Greeks | None = None
            for name, agreement in greeks.items():
                mine, other = float(getattr(ours, name)[i]), found[name]
                if abs(mine - other) <= max(GOAL * abs(other), LEAST):
                    agreement.near += 1
                    continue
                balls = balls or exact(*option)
                _judge(agreement, mine, other, getattr(balls, name))
    finally:
        ctx.prec = before
    return Found(price, greeks)


def _judge(agreement: Agreement, mine: float, other: float, ball: Any) -> None:
    def error(value: float) -> float:
        found = abs(float((arb(value) - ball) / ball)) if abs(float(ball)) >= LEAST else float(abs(value) >= 2 * LEAST)
        return found if found == found else math.inf

    agreement.apart += 1
    agreement.ours = max(agreement.ours, error(mine))
    agreement.wrong += error(mine) > GOAL
    agreement.errors.append(error(other))


def figures(count: int, report: Report) -> Iterator[Figure]:
    """Prices beside their bound; Greeks that neither QuantLib nor ball arithmetic confirms."""
    found = compare(count, report=report)
    what = f"{count:,} random options against QuantLib"
    yield Figure(f"{what}: prices, in forwards", found.price, most=PRICES)
    apart, all_ = (sum(getattr(one, name) for one in found.greeks.values()) for name in ("apart", "near"))
    yield Figure(f"the same: Greeks, of {apart + all_:,}, that are neither within {GOAL:g} of QuantLib's nor of balls'",
                 found.wrong, most=0, note=f"{100 * all_ / (apart + all_):.1f} % are within of QuantLib's, elsewhere "
                 f"balls say ours", details={name: one.to_json() for name, one in found.greeks.items()})
