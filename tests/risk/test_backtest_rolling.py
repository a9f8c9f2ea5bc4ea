"""Rolling forecasts: what they are made of, that they know no future, and that fits are made anew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.backtests.forecasts import parse_forecasts
from risk.backtests.judging import RED, judge
from risk.backtests.rolling import roll, tail, text_of
from risk.exact.elementary import log
from risk.fitting.model import refitted
from risk.market.history import History, parse_history
from risk.models.calibration import residuals
from risk.models.model import Model, parse_model

MODEL = """\
schema = "tailproof.model/2"
name = "rolling"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 1

[epoch]
scenarios = 200
tail = "5"
depth = 3
"""
GARCH = MODEL.replace('["BTC", "ETH"]', '["BTC"]') + """
[volatility.BTC]
family = "garch"
mean = 0.0
omega = 5e-05
alpha = 0.08
beta = 0.87
innovations = "t"
degrees = 5.0
"""
BOOK = {"BTC": 1.0, "ETH": -0.7}


def model(text: str = MODEL) -> Model:
    return parse_model(text.encode())


def returns_of(days: int, seed: int = 1, assets: int = 2) -> np.ndarray:
    """GARCH with Student's t, together by a half."""
    rng = np.random.default_rng(seed)
    z = rng.standard_t(5, (days, assets)) / np.sqrt(5 / 3) @ np.linalg.cholesky(np.full((assets, assets), .5)
                                                                                + .5 * np.eye(assets)).T
    out, v = np.empty((days, assets)), np.full(assets, 1e-3)
    for t in range(days):
        out[t] = np.sqrt(v) * z[t]
        v = 5e-5 + .08 * out[t] ** 2 + .87 * v
    return out


def history(returns: np.ndarray, drop: tuple[int, ...] = ()) -> History:
    closes = 100 * np.exp(np.vstack([np.zeros(returns.shape[1]), np.cumsum(returns, 0)]))
    dates = np.datetime64("2018-01-01") + np.arange(len(closes))
    rows = [f"{dates[t]},{','.join(f'{x:.9f}' for x in closes[t])}\n" for t in range(len(closes)) if t not in drop]
    return parse_history(f"date,{','.join(('BTC', 'ETH')[:returns.shape[1]])}\n{''.join(rows)}".encode())


def test_the_tail_by_hand() -> None:
    losses = np.arange(100.0)
    assert tail(losses, .025) == pytest.approx((97.0, (99 + 98 + .5 * 97) / 2.5))
    assert tail(losses, .02) == pytest.approx((97.0, 98.5))


def test_a_forecast_is_production_filters_over_the_days_before() -> None:
    """By the model's own residuals and correlations, one day at a time."""
    days, chosen = history(returns_of(560)), model()
    found = roll(chosen, days, BOOK, .025, first=300).forecasts
    returns, weights = np.diff(log(days.prices), axis=0), np.array([1, -.7])
    for t in (300, 437, 559):
        known = days.between(days.times[0], days.times[t])
        today = chosen.correlation.to_today(residuals(chosen, known), known.steps)
        deviation = np.sqrt([v.variances(returns[:t, i])[-1] for i, v in enumerate(chosen.volatilities)])
        moves = np.expm1(deviation * today + [v.mean for v in chosen.volatilities])
        var, es = tail(-moves @ weights, .025)
        assert (found.var[t - 300], found.shortfall[t - 300]) == pytest.approx((var, es), rel=1e-12)
        assert found.losses[t - 300] == pytest.approx(-np.expm1(returns[t]) @ weights, rel=1e-12)
        assert found.labels[t - 300] == days.labels[t + 1]


@pytest.mark.parametrize("every", [0, 100])
def test_no_forecast_knows_the_future(every: int) -> None:
    calm = returns_of(800, assets=1)
    wild = calm.copy()
    wild[700:] *= 5
    one, other = (roll(model(GARCH), history(r), {"BTC": 1.0}, .025, every=every, refit=refitted if every else None
                       ).forecasts for r in (calm, wild))
    assert np.array_equal(one.var[:201], other.var[:201])
    assert np.array_equal(one.shortfall[:201], other.shortfall[:201])
    assert other.var[202] != one.var[202]


def test_parameters_are_fitted_anew_when_they_should_be() -> None:
    days, calls = history(returns_of(1000, assets=1)), []

    def refit(now: Model, known: History) -> Model | None:
        calls.append(len(known.steps))
        return replace(now, volatilities=(replace(now.volatilities[0], omega=2e-3, alpha=0.0, beta=0.0),)) \
            if len(calls) == 2 else None

    found = roll(model(GARCH), days, {"BTC": 1.0}, .025, every=200, refit=refit)
    assert calls == [500, 700, 900]
    assert (found.refits, found.kept) == (1, 2)
    plain = roll(model(GARCH), days, {"BTC": 1.0}, .025).forecasts
    assert np.array_equal(found.forecasts.var[:200], plain.var[:200])
    assert not np.isclose(found.forecasts.var[200:], plain.var[200:]).any()


def test_a_wrong_start_is_mended_by_fits() -> None:
    """Parameters that see a twentieth of the variance, and no clusters."""
    days = history(returns_of(1100, seed=4, assets=1))
    wrong = model(GARCH.replace("omega = 5e-05", "omega = 1e-09").replace("0.08", "0.001").replace("0.87", "0.5"))
    mended = roll(wrong, days, {"BTC": 1.0}, .025, every=300, refit=refitted)
    assert (mended.refits, mended.kept) == (2, 0)
    assert judge(mended.forecasts, simulations=199).zone != RED
    fitted = refitted(wrong, days)
    assert fitted is not None
    assert fitted.volatilities[0].beta > .7


def test_over_a_gap_a_forecast_is_of_as_many_steps() -> None:
    returns = returns_of(800, assets=1)
    whole, gap = (roll(model(GARCH), history(returns, drop), {"BTC": 1.0}, .025).forecasts
                  for drop in ((), (700, 701, 702)))
    at = 699 - 500
    assert np.array_equal(whole.var[:at], gap.var[:at])
    assert gap.var[at] > 1.7 * whole.var[at]                 # four days: twice the deviation
    assert gap.labels[at] == whole.labels[at + 3]


def test_what_is_written_is_read_back() -> None:
    found = roll(model(), history(returns_of(560)), BOOK, .05, first=300).forecasts
    again = parse_forecasts(text_of(found).encode(), .05)
    for name in ("losses", "var", "shortfall"):
        assert np.array_equal(getattr(again, name), getattr(found, name))
    assert again.labels == found.labels


@pytest.mark.parametrize(("change", "field"), [
    ({"book": {"SOL": 1.0}}, "book"), ({"book": {"BTC": 0.0}}, "book"), ({"first": 79}, "first"),
    ({"first": 311}, "days left to judge by"), ({"alpha": .001}, "first")])
def test_what_cannot_be_forecast_is_refused(change: dict, field: str) -> None:
    given = {"book": BOOK, "alpha": .025, "first": 300} | change
    with pytest.raises(BadInput) as error:
        roll(model(), history(returns_of(560)), given["book"], given["alpha"], first=given["first"])
    assert error.value.field == field


def test_other_estimators_and_times_are_refused() -> None:
    days = history(returns_of(560))
    with pytest.raises(BadInput, match="estimator"):
        roll(replace(model(), estimator="monte-carlo"), days, BOOK, .025, first=300)
    with pytest.raises(BadInput, match="of days"):
        roll(model(), replace(days, daily=False), BOOK, .025, first=300)
