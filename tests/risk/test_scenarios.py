from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.build import parse_sources
from risk.epochs.provenance import Sources
from risk.models.calibration import Calibration, residuals
from risk.models.copula import Dependence
from risk.models.volatility import Volatility
from risk.scenarios import filtered_historical, monte_carlo
from risk.scenarios.filtered_historical import days_in_order
from risk.scenarios.scenarios import simulate

BTC = Volatility.garch(mean=0.001, omega=1.3e-5, alpha=0.08, beta=0.91, degrees=3.5)
ETH = Volatility.garch(mean=0.0, omega=2e-4, alpha=0.17, beta=0.80, degrees=6.0)
TWO = Calibration((BTC, ETH), (0.0014, 0.0025), ((1.0, 0.85), (0.85, 1.0)))
STUDENT = Dependence("t", (4.0, 4.0))


def test_paths_run_through_each_asset_s_volatility_and_are_rounded_once() -> None:
    z = np.array([[[1.0, -2.0], [0.5, 0.0]]])                # one scenario, two steps, two assets
    scenarios = simulate(TWO, ("BTC", "ETH"), z)
    for i, (g, v) in enumerate(zip(TWO.volatilities, TWO.variances, strict=True)):
        total = 0.0
        for step in range(2):
            move = v**0.5 * z[0, step, i]
            total, v = total + g.mean + move, g.omega + g.alpha * move**2 + g.beta * v
        assert scenarios.returns[0, i] == round(total * 1e9)
        assert scenarios.variances[0, i] == round(v * 1e12)
    assert scenarios.today.tolist() == [1_400_000_000, 2_500_000_000]


@pytest.mark.parametrize(("z", "message"), [
    (1000.0, r"scenario 1, ETH: log return x 10\*\*9 is .* in \[-8000000000, 8000000000\]"),
    (float("nan"), "scenario 1, ETH: log return")])
def test_an_absurd_scenario_is_refused_by_name(z: float, message: str) -> None:
    innovations = np.zeros((3, 1, 2))
    innovations[1, 0, 1] = z
    with pytest.raises(BadInput, match=message):
        simulate(TWO, ("BTC", "ETH"), innovations)


def test_a_variance_that_vanishes_is_refused() -> None:
    with pytest.raises(BadInput, match="BTC: variance today"):
        simulate(Calibration((BTC,), (1e-13,)), ("BTC",), np.zeros((1, 1, 1)))


def test_monte_carlo_depends_on_the_seed_alone() -> None:
    sizes = {"count": 40, "horizon": 3}
    drawn = monte_carlo.innovations(TWO, STUDENT, seed=1, **sizes)
    assert drawn.shape == (40, 3, 2)
    assert (drawn == monte_carlo.innovations(TWO, STUDENT, seed=1, **sizes)).all()
    assert not (drawn == monte_carlo.innovations(TWO, STUDENT, seed=2, **sizes)).any()
    assert np.corrcoef(drawn.reshape(-1, 2).T)[0, 1] > 0.6


def test_filtered_historical_draws_whole_days(us_sources: Sources) -> None:
    """Every innovation vector is the residual vector of one day: assets are never mixed from two days."""
    model, _, history = parse_sources(us_sources)
    assert history is not None
    own = residuals(model, history)
    today = model.correlation.to_today(own, history.steps)
    assert not np.allclose(today, own)
    drawn = filtered_historical.innovations(model, history, seed=5, count=300, horizon=2)
    days = np.array([[np.flatnonzero((today == vector).all(axis=1))[0] for vector in path] for path in drawn])
    assert len(np.unique(days)) > 500
    place = np.argsort(days_in_order(history))
    for step in range(2):                                    # one day from each of 300 equal parts, from bad to good
        ranks = place[days[:, step]]
        assert np.abs(np.sort(ranks) / len(own) - (np.arange(300) + 0.5) / 300).max() < 1 / 300
    assert np.std(own, axis=0) == pytest.approx(1, abs=0.1)
    assert np.corrcoef(place, own.sum(axis=1))[0, 1] > 0.9   # and good days are good


def test_no_fitted_parameter_moves_the_strata(us_sources: Sources, edited: Callable[[bytes, str, str], bytes]) -> None:
    """Which days are drawn does not depend on the model's parameters, only what they are worth does."""
    model, _, history = parse_sources(us_sources)
    assert history is not None
    text = edited(us_sources.model, "alpha = 0.100482", "alpha = 0.09")
    other, _, _ = parse_sources(replace(us_sources, model=text))
    assert other.volatilities != model.volatilities
    chosen = []
    for one in (model, other):
        today = one.correlation.to_today(residuals(one, history), history.steps)
        drawn = filtered_historical.innovations(one, history, seed=5, count=100, horizon=1)[:, 0]
        chosen.append([int(np.flatnonzero((today == vector).all(axis=1))[0]) for vector in drawn])
    assert chosen[0] == chosen[1]
