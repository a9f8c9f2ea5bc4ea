"""Against ball arithmetic (FLINT's Arb): an interval that holds the true value, whatever was rounded on the way.

Other tests compare with SciPy, whose last bits are nobody's truth. Here errors are bounded, not compared (D7 of the
specification): elementary functions in units of the last place, Black's formula by the forward, and the cells of an
epoch, each of which must round as the true value does unless it is counted as near a tie.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from flint import arb, ctx

from benchmarks.risk import elementary
from benchmarks.risk.elementary import largest
from risk.epochs.build import parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.clock import YEAR
from risk.exact.elementary import student_t_tail
from risk.exact.money import UNIT
from risk.exact.uniforms import uniforms
from risk.market.book import Listing
from risk.market.instruments import Kind
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT
from risk.valuation.pricing import black_76
from risk.valuation.revaluation import unrounded

GRID = uniforms(7, (100_000,))
NEAR = 2.0**-17
"""Of a unit of 10^-6: how far cells of the fixture may be from the truth. A lot is worth up to 3 x 10^9 units, where
doubles are 2^-21 apart; `near_ties` counts what a last bit could turn, this what all that was rounded could."""


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    before, ctx.prec = ctx.prec, 128
    yield
    ctx.prec = before


def test_exp_log_and_the_normal_distribution_are_within_their_bounds() -> None:
    """Two units of the last place; five of those of 1. A quarter of the points of row `elementary` of risk-bench."""
    found = elementary.errors(25_000)
    assert found["exp"] < 2
    assert found["log"] < 2
    assert found["cdf"] < elementary.CDF


@pytest.mark.parametrize("degrees", [2.5, 3.044, 5.0, 30.0])
def test_the_tail_of_t_is_the_incomplete_beta_function(degrees: float) -> None:
    """P(T > t) = I(nu / (nu + t^2); nu/2, 1/2) / 2, Abramowitz and Stegun 26.7.1."""
    t, nu = 60 * GRID[:2000] ** 3, arb(degrees)
    assert largest(arb(y) / ((nu / (nu + arb(at) ** 2)).beta_lower(nu / 2, arb("0.5"), regularized=True) / 2) - 1
                   for at, y in zip(t.tolist(), student_t_tail(t, degrees).tolist(), strict=True)) < 5e-12


@pytest.mark.parametrize(("name", "wrong", "bound"), [
    ("exp", lambda y: y * (1 + 3 * 2.0**-52), 2), ("log", lambda y: y * (1 + 3 * 2.0**-52), 2),
    ("normal_cdf", lambda y: y + 2e-15, elementary.CDF)])
def test_a_planted_error_is_seen(name: str, wrong: Callable[[np.ndarray], np.ndarray], bound: float,
                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """Three units of the last place; 2e-15."""
    right = getattr(elementary, name)
    monkeypatch.setattr(elementary, name, lambda x: wrong(right(x)))
    found = elementary.errors(1000)
    assert [key for key, error in found.items() if error > (elementary.CDF if key == "cdf" else 2)] == [name[-3:]]
    assert found[name[-3:]] > bound


def black(forward: arb, strike: arb, deviation: arb, discount: arb, call: bool) -> arb:
    """F. Black, 1976, in balls; deviation is volatility times the root of time, 0 the pay-off."""
    sign = 1 if call else -1
    intrinsic = sign * (forward - strike)
    if not deviation > 0:
        return discount * (intrinsic if intrinsic > 0 else arb(0))
    upper = (forward / strike).log() / deviation + deviation / 2
    lower, root = upper - deviation, arb(2).sqrt()
    return discount * sign * (forward * (-sign * upper / root).erfc() - strike * (-sign * lower / root).erfc()) / 2


def test_black_s_formula_is_within_1e_11_of_the_forward() -> None:
    """A second to three years, volatilities of 1 % to 1000 %, strikes e^-6 to e^6 times the forward."""
    n = 10_000
    u = uniforms(8, (4, n))
    years, volatility = np.exp(np.log(3 * 31_536_000) * u[0]) / 31_536_000, 0.01 * 1000.0 ** u[1]
    forward, strike = np.full(n, 100.0), 100.0 * np.exp(12 * u[2] - 6)
    call = u[3] < 0.5
    found = black_76(forward, strike, volatility, years, 1.0, call)
    assert largest((arb(y) - black(arb(100), arb(k), arb(v) * arb(t).sqrt(), arb(1), c)) / 100
                   for y, k, v, t, c in zip(found.tolist(), strike.tolist(), volatility.tolist(), years.tolist(),
                                            call.tolist(), strict=True)) < 1e-11


def test_cells_round_as_the_true_value_does_unless_they_are_near_a_tie(crypto: Epoch, crypto_sources: Sources) -> None:
    """Every listing of the fixture in each seventh scenario: revalued in balls, from the integers of the scenario."""
    assert crypto.provenance is not None
    model, book, _ = parse_sources(crypto_sources)
    calibration, scenarios = crypto.provenance.calibration, crypto.provenance.scenarios
    units = unrounded(book, model, calibration, scenarios)
    chosen, ties, furthest = range(0, len(scenarios.returns), 7), 0, 0.0
    for i, listing in enumerate(book.listings):
        if listing.settled is not None:
            continue
        row = crypto.row_of(listing.instrument.symbol)
        assert row is not None
        asset = model.assets.index(listing.instrument.underlying)
        law = calibration.volatilities[asset]

        def ratio(s: int, steps: int) -> arb:
            def mean(variance: arb) -> arb:
                p, total, v = arb(law.persistence), arb(0), variance     # noqa: B023  used at once
                for _ in range(steps):
                    total, v = total + v, p * v + arb(law.omega)         # noqa: B023
                return total / steps
            after = arb(int(scenarios.variances[s, asset])) / int(VARIANCE_UNIT)      # noqa: B023
            today = arb(int(scenarios.today[asset])) / int(VARIANCE_UNIT)             # noqa: B023
            return (mean(after) / mean(today)) ** (arb(model.volatility_response) / 2)

        for s in chosen:
            true = _change(listing, book, model, arb(int(scenarios.returns[s, asset])) / int(RETURN_UNIT), s, ratio)
            cell = float(units[i, s])
            furthest = max(furthest, float((arb(cell) - true).abs_upper()))
            if abs(abs(cell - round(cell)) - 0.5) <= NEAR:
                ties += 1
            else:
                assert (true - int(crypto.changes[row, s])).abs_upper() < 0.5
    assert furthest < NEAR
    assert ties in range(4)                                 # 2^-16 of 2,700 cells


def _change(listing: Listing, book, model, log_return: arb, s: int, ratio) -> arb:  # type: ignore[no-untyped-def]
    """Value change of a lot, 10^-6 quote units."""
    instrument = listing.instrument
    under = book.underlyings[model.assets.index(instrument.underlying)]
    spot = arb(under.spot) / UNIT
    after = spot * log_return.exp()
    if instrument.kind == Kind.SPOT:
        change = after - spot
    elif instrument.kind == Kind.PERPETUAL:
        change = arb(under.perpetual) / UNIT * (after / spot - 1)
    else:
        curve = book.curves[instrument.underlying, instrument.expiry]
        years = arb(instrument.expiry - book.valuation) / int(YEAR)
        left = years - arb(model.horizon) / arb(model.steps_per_year)
        left = left if left > 0 else arb(0)
        forward = arb(curve.forward) / UNIT
        moved = after * (forward / spot) ** (left / years)
        if not instrument.kind.optional:
            change = moved - forward
        else:
            strike, vol = arb(instrument.strike) / UNIT, arb(curve.volatilities[instrument.strike])
            steps = max(1, int(np.ceil(float(left.mid()) * model.steps_per_year)))
            rate, call = arb(book.rate), instrument.kind == Kind.CALL
            change = black(moved, strike, vol * ratio(s, steps) * left.sqrt(), (-rate * left).exp(), call) \
                - black(forward, strike, vol * years.sqrt(), (-rate * years).exp(), call)
    return change * arb(str(instrument.lot)) * UNIT

