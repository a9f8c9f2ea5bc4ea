from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from risk.valuation.pricing import black_76, forward_after

PRICES = st.floats(0.01, 1e6)


def bsm(spot: float, strike: float, rate: float, volatility: float, years: float, call: bool) -> float:
    forward = spot * math.exp(rate * years)
    return float(black_76(forward, strike, volatility, years, math.exp(-rate * years), call))


def test_textbook_values() -> None:
    """Hull, Options, Futures and Other Derivatives: examples of the Black-Scholes-Merton and of Black's model."""
    assert bsm(42, 40, 0.10, 0.20, 0.5, True) == pytest.approx(4.7594, abs=5e-5)
    assert bsm(42, 40, 0.10, 0.20, 0.5, False) == pytest.approx(0.8086, abs=5e-5)
    discount = math.exp(-0.09 * 4 / 12)
    assert float(black_76(20, 20, 0.25, 4 / 12, discount, False)) == pytest.approx(1.1166, abs=5e-5)


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
