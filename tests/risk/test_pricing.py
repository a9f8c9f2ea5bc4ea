from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.valuation.pricing import black_76, forward_after

PRICES = st.floats(0.01, 1e6)


def bsm(spot: float, strike: float, rate: float, volatility: float, years: float, call: bool, yield_: float = 0.0
        ) -> float:
    forward = spot * math.exp((rate - yield_) * years)
    return float(black_76(forward, strike, volatility, years, math.exp(-rate * years), call))


def test_textbook_values() -> None:
    """Hull, Options, Futures and Other Derivatives: examples of the Black-Scholes-Merton and of Black's model."""
    assert bsm(42, 40, 0.10, 0.20, 0.5, True) == pytest.approx(4.7594, abs=5e-5)
    assert bsm(42, 40, 0.10, 0.20, 0.5, False) == pytest.approx(0.8086, abs=5e-5)
    discount = math.exp(-0.09 * 4 / 12)
    assert float(black_76(20, 20, 0.25, 4 / 12, discount, False)) == pytest.approx(1.1166, abs=5e-5)


HAUG = [(60, 65, 0, .08, .25, .30, None, 2.1334), (100, 95, .05, .10, .5, .20, 2.4648, None),
        (19, 19, .10, .10, .75, .28, 1.7011, 1.7011), (1.56, 1.60, .08, .06, .5, .12, None, .0291),
        (75, 70, .05, .10, .5, .35, 4.0870, None)]
"""S, K, yield, rate, years, volatility, put, call; what is not printed is None."""
HAUG_TABLE = {(.10, .15): ((9.9210, 1.8734, .0408), (.0205, 1.8734, 9.9413)),
              (.10, .25): ((10.2155, 3.1217, .4551), (.3150, 3.1217, 10.3556)),
              (.10, .35): ((10.8479, 4.3693, 1.2376), (.9474, 4.3693, 11.1381)),
              (.50, .15): ((10.3192, 4.0232, 1.0646), (.8069, 4.0232, 10.5769)),
              (.50, .25): ((12.2149, 6.6997, 3.2734), (2.7026, 6.6997, 12.7857)),
              (.50, .35): ((14.4452, 9.3679, 5.7963), (4.9329, 9.3679, 15.3086))}
"""By years and volatility: puts and calls of S = 90, 100, 110, K = 100, rates and yields of 10 %."""


def test_published_tables_are_haugs() -> None:
    """Haug, The Complete Guide to Option Pricing Formulas, 1998: examples of pages 2 to 8, table of page 24. To a unit
    of the last place: 1.8734 is 1.87334."""
    for spot, strike, yield_, rate, years, volatility, put, call in HAUG:
        for side, price in ((False, put), (True, call)):
            if price is not None:
                assert bsm(spot, strike, rate, volatility, years, side, yield_) == pytest.approx(price, abs=1e-4)
    for (years, volatility), prices in HAUG_TABLE.items():
        for side, row in zip((False, True), prices, strict=True):
            assert [bsm(spot, 100, .10, volatility, years, side, .10) for spot in (90, 100, 110)] == pytest.approx(
                row, abs=1e-4)


@given(PRICES, PRICES, st.floats(0, 5), st.floats(0, 5), st.floats(0.5, 1))
def test_put_call_parity_and_no_arbitrage(forward: float, strike: float, vol: float, years: float,
                                          discount: float) -> None:
    call, put = (float(black_76(forward, strike, vol, years, discount, side)) for side in (True, False))
    slack = 1e-12 * (forward + strike)
    assert call - put == pytest.approx(discount * (forward - strike), abs=slack)
    assert max(discount * (forward - strike), 0) - slack <= call <= discount * forward + slack
    assert max(discount * (strike - forward), 0) - slack <= put <= discount * strike + slack
    assert call >= 0
    assert put >= 0


def test_dead_and_certain_options_are_worth_their_payoff() -> None:
    forward = np.array([90.0, 100.0, 110.0])
    for vol, years in ((0.5, 0.0), (0.0, 1.0), (0.0, 0.0)):
        assert black_76(forward, 100.0, vol, years, 1.0, True).tolist() == [0, 0, 10]
        assert black_76(forward, 100.0, vol, years, 1.0, False).tolist() == [10, 0, 0]


def test_greeks_have_their_signs_and_vega_matches_a_difference() -> None:
    forward = np.linspace(50, 200, 31)
    assert (np.diff(black_76(forward, 100.0, 0.6, 0.3, 1.0, True)) > 0).all()
    assert (np.diff(black_76(forward, 100.0, 0.6, 0.3, 1.0, False)) < 0).all()
    up, down = (float(black_76(100.0, 110.0, vol, 0.5, 1.0, True)) for vol in (0.6001, 0.5999))
    d1 = math.log(100 / 110) / (0.6 * math.sqrt(0.5)) + 0.3 * math.sqrt(0.5)
    vega = 100 * math.exp(-d1 * d1 / 2) / math.sqrt(2 * math.pi) * math.sqrt(0.5)
    assert (up - down) / 0.0002 == pytest.approx(vega, rel=1e-6)


def test_a_forward_keeps_its_carry() -> None:
    carry = 0.12
    forward = 100 * math.exp(carry * 0.5)
    assert float(forward_after(100.0, forward, 130.0, 0.5, 0.4)) == pytest.approx(130 * math.exp(carry * 0.4))
    assert float(forward_after(100.0, forward, 130.0, 0.5, 0.0)) == 130
    assert float(forward_after(100.0, forward, 100.0, 0.5, 0.5)) == pytest.approx(forward)
