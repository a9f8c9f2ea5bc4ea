from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from arch.univariate import SkewStudent
from scipy import special, stats

from primitives.errors import BadInput
from risk.epochs.build import parse_sources
from risk.epochs.provenance import Sources
from risk.exact.gamma import chi_square_quantile, gamma_tails
from risk.exact.normal import normal_tail, normal_tail_inverse
from risk.models.calibration import log_returns
from risk.models.innovations import NORMAL, Law
from risk.models.volatility import Volatility, sample_variance

BTC = Volatility.garch(mean=0.001, omega=1.3e-5, alpha=0.08, beta=0.91, degrees=3.5)
GJR = Volatility("gjr", 0.0004, 2e-6, 0.02, 0.9, 0.1, Law("skew-t", 6.0, -0.2))
EWMA = Volatility.ewma(0.97, NORMAL)


def returns(n: int = 60) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.random.default_rng(3).standard_t(5, n) * 0.02


# -- functions and laws --------------------------------------------------------------------------------------------
def test_normal_tails_are_scipy_s() -> None:
    tails = np.concatenate([10.0 ** -np.linspace(0.31, 299, 3000), np.linspace(0.01, 0.5, 500)])
    assert normal_tail_inverse(tails) == pytest.approx(stats.norm.isf(tails), rel=1e-14, abs=1e-15)
    x = np.linspace(0, 37, 5000)
    assert normal_tail(x) == pytest.approx(stats.norm.sf(x), rel=1e-12)


@pytest.mark.parametrize("degrees", [2.01, 3.0, 10.0, 200.0])
def test_chi_square_quantiles_are_scipy_s(degrees: float) -> None:
    u = np.concatenate([10.0 ** -np.linspace(0.3, 15, 200), 1 - 10.0 ** -np.linspace(0.3, 6, 100)])
    assert chi_square_quantile(u, degrees) == pytest.approx(stats.chi2.ppf(u, degrees), rel=1e-9)
    x = np.linspace(0, 5 * degrees, 500)
    assert gamma_tails(x, degrees / 2)[0] == pytest.approx(special.gammainc(degrees / 2, x), abs=1e-13)


@pytest.mark.parametrize(("degrees", "skew"), [(3.0, -0.2), (6.0, 0.4), (2.6, -0.5), (30.0, 0.0)])
def test_the_skewed_law_is_hansen_s(degrees: float, skew: float) -> None:
    law, u = Law("skew-t", degrees, skew), np.linspace(0.0005, 0.9995, 999)
    assert law.from_tails(u, 1 - u) == pytest.approx(SkewStudent().ppf(u, [degrees, skew]), abs=1e-11)
    far = law.from_tails(np.array([1e-30]), np.array([1.0]))
    assert far == pytest.approx(SkewStudent().ppf(np.array([1e-30]), [degrees, skew]), rel=1e-9)


@pytest.mark.parametrize("law", [NORMAL, Law("t", 5.0), Law("skew-t", 6.0, -0.3), Law("skew-t", 4.5, 0.5)])
def test_laws_have_mean_zero_variance_one_and_the_share_of_losses_they_say(law: Law) -> None:
    u = (np.arange(400_000) + 0.5) / 400_000
    z = law.from_tails(u, 1 - u)
    assert z.mean() == pytest.approx(0, abs=1e-4)
    assert (z * z).mean() == pytest.approx(1, abs=0.01)
    assert (z * z)[z < 0].sum() / len(z) == pytest.approx(law.downside, abs=0.006)


@pytest.mark.parametrize(("name", "degrees", "skew", "field"), [
    ("cauchy", None, 0.0, "innovations"), ("t", None, 0.0, "degrees"), ("normal", 3.0, 0.0, "degrees"),
    ("t", 2.49, 0.0, "degrees"), ("t", math.nan, 0.0, "degrees"), ("t", 5.0, 0.1, "skew"), ("skew-t", 5.0, 1.0, "skew"),
    ("skew-t", 5.0, math.nan, "skew")])
def test_what_is_no_law_is_refused(name: str, degrees: float | None, skew: float, field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field} is"):
        Law(name, degrees, skew)


# -- filters -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", [BTC, GJR, EWMA])
def test_variances_follow_the_recursion(model: Volatility) -> None:
    r = returns()
    v = model.variances(r)
    assert v.shape == (61,)
    assert v[0] == pytest.approx(model.omega + (model.alpha + model.gamma / 2 + model.beta) * np.var(r), rel=1e-12)
    for t in range(60):
        e = r[t] - model.mean
        weight = model.alpha + (model.gamma if e < 0 else 0)
        assert v[t + 1] == pytest.approx(model.omega + weight * e**2 + model.beta * v[t], rel=1e-12)
    assert model.residuals(r) == pytest.approx((r - model.mean) / np.sqrt(v[:-1]), rel=1e-12)


@pytest.mark.parametrize(("vol", "o"), [("GARCH", 0), ("GARCH", 1), ("EWMA", 0)])
def test_the_filter_is_arch_s(vol: str, o: int, us_sources: Sources) -> None:
    from arch.univariate import GARCH, ConstantMean, EWMAVariance, ZeroMean

    _, _, history = parse_sources(us_sources)
    assert history is not None
    r = log_returns(history)[-800:, 0]
    if vol == "EWMA":
        one, model, parameters = ZeroMean(r, volatility=EWMAVariance(0.97), rescale=False), EWMA, []
    else:
        model = replace(GJR, law=Law("t", 6.0)) if o else BTC
        one = ConstantMean(r, volatility=GARCH(1, o, 1), rescale=False)
        parameters = [model.mean, model.omega, model.alpha, *([model.gamma] if o else []), model.beta]
    fixed = one.fix(parameters) if parameters else one.fit(disp="off", backcast=sample_variance(r))
    volatility = one.volatility
    resids, out = r - model.mean, np.empty(len(r))
    volatility.compute_variance(np.array(parameters[1:]), resids, out, sample_variance(r),
                                np.array([[0.0, 1e9]] * len(r)))
    assert model.variances(r)[:-1] == pytest.approx(out, rel=1e-12)
    assert fixed is not None


@pytest.mark.parametrize("model", [BTC, replace(GJR, law=Law("t", 6.0))], ids=["garch", "gjr"])
def test_forecasts_are_arch_s(model: Volatility, us_sources: Sources) -> None:
    """Of each of sixty steps ahead, by its closed form."""
    from arch.univariate import GARCH, ConstantMean

    _, _, history = parse_sources(us_sources)
    assert history is not None
    r = log_returns(history)[-800:, 0]
    one = ConstantMean(r, volatility=GARCH(1, int(model.gamma > 0), 1), rescale=False)
    fixed = one.fix([model.mean, model.omega, model.alpha, *([model.gamma] if model.gamma else []), model.beta])
    theirs = fixed.forecast(horizon=60, method="analytic").variance.to_numpy()[-1]
    first = float(model.variances(r)[-1])
    assert [model.ahead(first, i) for i in range(60)] == pytest.approx(theirs.tolist(), rel=1e-10)
    assert float(model.average_variance(np.array([first]), 60)[0]) == pytest.approx(theirs.mean(), rel=1e-10)


def test_simulation_is_the_inverse_of_the_filter() -> None:
    """Residuals of a path, sent through the simulation from its first variance, give the path and its forecast back."""
    r = returns(20)
    for model in (BTC, GJR, EWMA):
        total, after = model.simulate(float(model.variances(r)[0]), model.residuals(r)[None])
        assert total[0] == pytest.approx(r.sum(), rel=1e-9)
        assert after[0] == pytest.approx(model.variances(r)[-1], rel=1e-9)


@pytest.mark.parametrize("model", [BTC, replace(BTC, beta=0.92), GJR, EWMA])
def test_average_variance_is_the_mean_of_expectations(model: Volatility) -> None:
    today = np.array([0.0004, 0.01])
    expected, v = np.zeros(2), today
    for i in range(60):
        assert model.ahead(0.01, i) == pytest.approx(v[1], rel=1e-10)
        expected, v = expected + v / 60, model.omega + model.persistence * v
    assert model.average_variance(today, 60) == pytest.approx(expected, rel=1e-10)
    assert model.average_variance(today, 1) == pytest.approx(today)


def test_average_variance_is_what_paths_have() -> None:
    """Skewed innovations: the share of the variance on the losing side decides how long shocks last."""
    u = np.random.default_rng(5).random((40_000, 20))
    z = GJR.law.from_tails(u, 1 - u)
    variance, paths = 0.0002, []
    v = np.full(len(z), variance)
    for step in z.T:
        paths.append(v)
        move = np.sqrt(v) * step
        v = GJR.omega + np.where(move < 0, GJR.alpha + GJR.gamma, GJR.alpha) * move**2 + GJR.beta * v
    found = np.mean(paths)
    assert found == pytest.approx(float(GJR.average_variance(np.array([variance]), 20)[0]), rel=0.01)
    assert found != pytest.approx(float(replace(GJR, law=Law("t", 6.0)).average_variance(np.array([variance]), 20)[0]),
                                  rel=0.01)


def test_far_expiries_move_less_than_near_ones() -> None:
    shocked, today = np.array([0.01]), np.array([0.001])
    ratios = [float(BTC.average_variance(shocked, n)[0] / BTC.average_variance(today, n)[0])
              for n in (1, 10, 100, 1000)]
    assert ratios == sorted(ratios, reverse=True)
    assert ratios[0] == pytest.approx(10)
    assert 1 < ratios[-1] < 3


# -- gaps ----------------------------------------------------------------------------------------------------------
def simulated(seed: int, n: int, model: Volatility) -> tuple[np.ndarray[tuple[int, ...], np.dtype[np.float64]], ...]:
    """Returns and their true variances."""
    rng = np.random.default_rng(seed)
    nu = model.law.degrees
    z = rng.standard_normal(n) if nu is None else rng.standard_t(nu, n) * math.sqrt((nu - 2) / nu)
    r, true, v = np.empty(n), np.empty(n), model.omega / (1 - model.persistence)
    for t in range(n):
        true[t] = v
        r[t] = model.mean + math.sqrt(v) * z[t]
        v = model.omega + (model.alpha + (model.gamma if z[t] < 0 else 0)) * (r[t] - model.mean) ** 2 + model.beta * v
    return r, true


@pytest.mark.parametrize("model", [
    Volatility("garch", 0.0005, 4e-6, 0.08, 0.88, law=NORMAL),
    Volatility("garch", 0.0, 4e-6, 0.06, 0.9, law=Law("t", 8.0)),
    Volatility("gjr", 0.0005, 4e-6, 0.03, 0.88, 0.08, NORMAL)])
@pytest.mark.parametrize("missing", ["weekends", "at random"])
def test_days_that_are_missing_leave_the_variance_unbiased(model: Volatility, missing: str) -> None:
    """F8: dropped weekends made the variance per day 29 % too high. On average the variance over gaps, and that of the
    step after them, is that of the path, within two standard errors."""
    rng, gaps, after = np.random.default_rng(1), [], []
    for seed in range(24):
        r, true = simulated(seed, 2500, model)
        keep = np.ones(len(r), bool)
        if missing == "weekends":
            keep[5::7] = keep[6::7] = False
        else:
            keep[rng.random(len(r)) < 0.3] = False
        keep[-1] = True
        ends = np.flatnonzero(keep)
        spans = np.diff(np.concatenate([[-1], ends]))
        sums = np.add.reduceat(r, np.concatenate([[0], ends[:-1] + 1]))
        starts = np.concatenate([[0], ends[:-1] + 1])
        over, found = np.add.reduceat(true, starts), model.variances(sums, spans)[:-1]
        gaps.append(found[spans > 1].mean() / over[spans > 1].mean() - 1)
        after.append(found[1:][spans[:-1] > 1].mean() / over[1:][spans[:-1] > 1].mean() - 1)
        assert sample_variance(sums, spans) == pytest.approx(np.var(r), rel=0.15)
    for values in (gaps, after):
        assert abs(np.mean(values)) < 2 * np.std(values, ddof=1) / math.sqrt(len(values)) + 1e-3
        assert np.std(values) < 0.05


def test_a_gap_of_one_step_is_no_gap_and_a_long_one_is_the_sum_of_forecasts() -> None:
    r = returns(30)
    assert (BTC.variances(r, np.ones(30, np.int64)) == BTC.variances(r)).all()
    spans = np.ones(30, np.int64)
    spans[10] = 5
    one, gapped = BTC.variances(r, spans), [BTC.variances(r, spans)[9]]
    e = r[9] - BTC.mean
    v = BTC.omega + BTC.alpha * e * e + BTC.beta * gapped[0]
    assert one[10] == pytest.approx(5 * BTC.average_variance(np.array([v]), 5)[0], rel=1e-12)


@pytest.mark.parametrize(("change", "field"), [
    ({"omega": 0.0}, "omega"), ({"omega": -1e-6}, "omega"), ({"alpha": -0.1}, "alpha"), ({"beta": 1.1}, "beta"),
    ({"beta": 0.9201}, r"alpha \+ beta"), ({"mean": 5.0}, "mean"), ({"mean": math.inf}, "mean"),
    ({"alpha": True}, "alpha"), ({"alpha": "0.1"}, "alpha"), ({"gamma": 0.1}, "gamma"), ({"family": "arch"}, "family")])
def test_a_parameter_out_of_bounds_is_refused(change: dict[str, float], field: str) -> None:
    with pytest.raises(BadInput, match=f"^{field} is"):
        replace(BTC, **change)


def test_numpy_s_numbers_are_numbers() -> None:
    """F11: they used to raise decimal.InvalidOperation."""
    assert replace(BTC, alpha=np.float64(0.08)) == BTC


def test_persistence_of_one_is_allowed_in_exact_decimals() -> None:
    assert replace(BTC, alpha=0.081689554, beta=0.918310446).persistence == pytest.approx(1)
    with pytest.raises(BadInput, match="lambda is 1"):
        Volatility.ewma(1.0, NORMAL)


