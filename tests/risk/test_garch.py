from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.build import parse_sources
from risk.epochs.provenance import Sources
from risk.models import garch
from risk.models.calibration import log_returns
from risk.models.garch import Garch, sample_variance

BTC = Garch(mean=0.001, omega=1.3e-5, alpha=0.08, beta=0.91, degrees=3.5)


def returns(n: int = 60) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(3).standard_t(5, n) * 0.02


def test_variances_follow_the_recursion() -> None:
    r = returns()
    v = BTC.variances(r)
    assert v.shape == (61,)
    assert v[0] == pytest.approx(BTC.omega + (BTC.alpha + BTC.beta) * np.var(r), rel=1e-12)
    for t in (0, 7, 59):
        assert v[t + 1] == pytest.approx(BTC.omega + BTC.alpha * (r[t] - BTC.mean) ** 2 + BTC.beta * v[t], rel=1e-12)
    assert BTC.residuals(r) == pytest.approx((r - BTC.mean) / np.sqrt(v[:-1]), rel=1e-12)


def test_simulation_is_the_inverse_of_the_filter() -> None:
    """Residuals of a path, sent through the simulation from its first variance, give the path and its forecast back."""
    r = returns(20)
    total, after = BTC.simulate(float(BTC.variances(r)[0]), BTC.residuals(r)[None])
    assert total[0] == pytest.approx(r.sum(), rel=1e-9)
    assert after[0] == pytest.approx(BTC.variances(r)[-1], rel=1e-9)


@pytest.mark.parametrize("persistent", [False, True])
def test_average_variance_is_the_mean_of_expectations(persistent: bool) -> None:
    g = replace(BTC, beta=0.92) if persistent else BTC
    today = np.array([0.0004, 0.01])
    expected, v = np.zeros(2), today
    for _ in range(30):
        expected, v = expected + v / 30, g.omega + (g.alpha + g.beta) * v
    assert g.average_variance(today, 30) == pytest.approx(expected, rel=1e-12)
    assert g.average_variance(today, 1) == pytest.approx(today)


def test_far_expiries_move_less_than_near_ones() -> None:
    shocked, today = np.array([0.01]), np.array([0.001])
    ratios = [float(BTC.average_variance(shocked, n)[0] / BTC.average_variance(today, n)[0])
              for n in (1, 10, 100, 1000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(10)
    assert 1 < ratios[-1] < 3


def test_the_fit_is_arch_s_and_its_likelihood_ours(us_sources: Sources) -> None:
    from arch import arch_model

    _, _, history = parse_sources(us_sources)
    assert history is not None
    r = log_returns(history)[-1000:, 0]
    fitted = garch.fit(r)
    result = arch_model(100 * r, vol="GARCH", p=1, q=1, dist="t", rescale=False).fit(
        disp="off", backcast=sample_variance(r) * 1e4)
    assert fitted.log_likelihood(r) == pytest.approx(result.loglikelihood + len(r) * math.log(100), abs=1e-3)
    assert fitted.variances(r)[:-1] == pytest.approx((result.conditional_volatility / 100) ** 2, rel=1e-5)
    for worse in (replace(fitted, degrees=fitted.degrees * 1.5), replace(fitted, omega=fitted.omega * 2)):
        assert worse.log_likelihood(r) < fitted.log_likelihood(r) - 0.1


def test_too_few_returns_to_fit_are_refused() -> None:
    with pytest.raises(BadInput, match="number of returns of BTC is 249: must be at least 250"):
        garch.fit(returns(249), asset="BTC")


@pytest.mark.parametrize(("change", "field"), [
    ({"omega": 0.0}, "omega"), ({"omega": -1e-6}, "omega"), ({"alpha": -0.1}, "alpha"), ({"beta": 1.1}, "beta"),
    ({"beta": 0.9201}, r"alpha \+ beta"), ({"degrees": 2.0}, "degrees"), ({"degrees": math.nan}, "degrees"),
    ({"mean": 5.0}, "mean"), ({"mean": math.inf}, "mean")])
def test_a_parameter_out_of_bounds_is_refused(change: dict[str, float], field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field} is"):
        replace(BTC, **change)


def test_persistence_of_one_is_allowed_in_exact_decimals() -> None:
    assert replace(BTC, alpha=0.081689554, beta=0.918310446).alpha + 0.918310446 == pytest.approx(1)
