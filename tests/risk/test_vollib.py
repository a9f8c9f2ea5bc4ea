"""vollib as oracle: Black's formula and Greeks as Peter Jäckel's "Let's be rational" and its analytic module have them,
and the volatility that a price of ours implies."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
from vollib.black import black
from vollib.black.greeks import analytical
from vollib.black.implied_volatility import implied_volatility

from risk.greeks.closed import option_greeks
from risk.valuation.pricing import black_76


class Option(NamedTuple):
    forward: float
    strike: float
    volatility: float
    years: float
    rate: float
    call: bool

    @property
    def flag(self) -> str:
        return "c" if self.call else "p"

    @property
    def theirs(self) -> tuple[object, ...]:
        """Arguments in vollib's order."""
        return self.flag, self.forward, self.strike, self.years, self.rate, self.volatility


def options(count: int, seed: int, deviations: float) -> Iterator[Option]:
    """A second to three years, volatilities of 1 to 1000 %, strikes within so many deviations of the forward."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        years, volatility = math.exp(rng.uniform(math.log(1 / 31_536_000), math.log(3))), 0.01 * 1000 ** rng.random()
        forward = 10 ** rng.uniform(-2, 5)
        distance = rng.uniform(-deviations, deviations) * volatility * math.sqrt(years)
        yield Option(forward, forward * math.exp(max(-6.0, min(6.0, distance))), volatility, years,
                     rng.uniform(-.05, .2), bool(rng.random() < .5))


def test_prices_are_vollibs() -> None:
    for one in options(300, 1, 5.0):
        ours = float(black_76(one.forward, one.strike, one.volatility, one.years, math.exp(-one.rate * one.years),
                              one.call))
        assert ours == pytest.approx(black(*one.theirs), abs=1e-11 * one.forward), one


def test_greeks_are_vollibs() -> None:
    """Theirs are per day, per point of volatility and per point of rate. Spot is forward here, so there is no carry."""
    for one in options(150, 2, 3.0):
        ours = option_greeks(one.forward, one.forward, one.strike, one.volatility, one.years, one.rate, one.call)
        for name, scale in (("delta", 1.0), ("gamma", 1.0), ("vega", .01), ("theta", 1 / 365), ("rho", .01)):
            theirs = getattr(analytical, name)(*one.theirs)
            assert scale * float(getattr(ours, name)) == pytest.approx(theirs, rel=1e-9, abs=1e-300), (name, one)


def test_a_price_out_of_the_money_implies_the_volatility_that_it_is_of() -> None:
    """Down to prices of 1e-250 forwards: there a relative error shows, which an absolute bound says nothing of. Where a
    price is all but the forward, a last place of it is a longer way for the volatility."""
    seen = 0
    for one in options(250, 3, 25.0):
        one = one._replace(call=one.strike > one.forward)
        ours = option_greeks(one.forward, one.forward, one.strike, one.volatility, one.years, one.rate, one.call)
        price = float(ours.value)
        if price < 1e-250 * one.forward:
            continue
        found = implied_volatility(price, one.forward, one.strike, one.rate, one.years, one.flag)
        assert found == pytest.approx(one.volatility, rel=1e-10, abs=1e-14 * price / float(ours.vega)), one
        seen += price < 1e-20 * one.forward
    assert seen > 40


def test_what_epochs_are_valued_by_implies_it_as_far_as_its_bound_reaches() -> None:
    """1e-13 forwards of price over vega."""
    for one in options(200, 4, 5.0):
        one = one._replace(call=one.strike > one.forward)
        price = float(black_76(one.forward, one.strike, one.volatility, one.years, math.exp(-one.rate * one.years),
                               one.call))
        vega = float(option_greeks(one.forward, one.forward, one.strike, one.volatility, one.years, one.rate,
                                   one.call).vega)
        slack = 1e-13 * one.forward / vega
        if slack < 0.01 * one.volatility:
            found = implied_volatility(price, one.forward, one.strike, one.rate, one.years, one.flag)
            assert found == pytest.approx(one.volatility, rel=1e-10, abs=2 * slack), one
