from __future__ import annotations

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.build import parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.models.calibration import Calibration, log_returns
from risk.models.copula import StudentCopula
from risk.models.garch import Garch
from risk.scenarios import filtered_historical, monte_carlo
from risk.scenarios.scenarios import simulate

BTC = Garch(mean=0.001, omega=1.3e-5, alpha=0.08, beta=0.91, degrees=3.5)
ETH = Garch(mean=0.0, omega=2e-4, alpha=0.17, beta=0.80, degrees=6.0)
TWO = Calibration((BTC, ETH), (0.0014, 0.0025), StudentCopula(4.0, ((1.0, 0.85), (0.85, 1.0))))


def test_paths_run_through_each_asset_s_garch_and_are_rounded_once() -> None:
    z = np.array([[[1.0, -2.0], [0.5, 0.0]]])                # one scenario, two steps, two assets
    scenarios = simulate(TWO, ("BTC", "ETH"), z)
    for i, (g, v) in enumerate(zip(TWO.garch, TWO.variances, strict=True)):
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
    sizes = {"scenarios": 40, "horizon": 3}
    drawn = monte_carlo.innovations(TWO, seed=1, **sizes)
    assert drawn.shape == (40, 3, 2)
    assert (drawn == monte_carlo.innovations(TWO, seed=1, **sizes)).all()
    assert not (drawn == monte_carlo.innovations(TWO, seed=2, **sizes)).any()
    assert np.corrcoef(drawn.reshape(-1, 2).T)[0, 1] > 0.6


def test_filtered_historical_draws_whole_days(us: Epoch, us_sources: Sources) -> None:
    """Every innovation vector is the residual vector of one day: assets are never mixed from two days."""
    _, _, history = parse_sources(us_sources)
    assert history is not None
    assert us.provenance is not None
    calibration, returns = us.provenance.calibration, log_returns(history)
    residuals = np.stack([g.residuals(returns[:, i]) for i, g in enumerate(calibration.garch)], axis=1)
    drawn = filtered_historical.innovations(calibration, history, seed=5, scenarios=300, horizon=2)
    days = np.array([[np.flatnonzero((residuals == vector).all(axis=1))[0] for vector in path] for path in drawn])
    assert len(np.unique(days)) > 500
    for step in range(2):                                    # one day from each of 300 equal parts, from bad to good
        ranks = np.argsort(np.argsort(residuals.sum(axis=1)))[days[:, step]]
        assert np.abs(np.sort(ranks) / len(residuals) - (np.arange(300) + 0.5) / 300).max() < 1 / 300
    assert np.std(residuals, axis=0) == pytest.approx(1, abs=0.1)
