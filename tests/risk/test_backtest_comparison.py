"""Scores, model confidence set and P&L attribution against arch, statsmodels and SciPy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import MCS, StationaryBootstrap
from scipy.stats import ks_2samp, norm, spearmanr
from statsmodels.api import OLS

from benchmarks.risk.attribution import attributions
from primitives.errors import BadInput
from risk.backtests.attribution import attribute, kolmogorov_smirnov, spearman
from risk.backtests.comparison import confidence_set, diebold_mariano, fz0

ALPHA = .025
VAR, ES = norm.isf(ALPHA), norm.pdf(norm.isf(ALPHA)) / ALPHA


def test_fz0_is_the_papers_with_its_signs() -> None:
    y, v, e = np.array([-3.0, 1.0, -2.0]), np.array([-2.0, -2.0, -2.5]), np.array([-3.0, -3.0, -2.8])
    papers = -1.0 * (y <= v) * (v - y) / (ALPHA * e) + v / e + np.log(-e) - 1
    assert fz0(-y, -v, -e, ALPHA) == pytest.approx(papers, rel=1e-14)


def test_the_true_forecast_has_the_least_score() -> None:
    losses = np.random.default_rng(1).standard_normal(400_000)

    def mean(var: float, es: float) -> float:
        return fz0(losses, np.full(len(losses), var), np.full(len(losses), es), ALPHA).mean()

    assert mean(VAR, ES) == pytest.approx(math.log(ES), abs=.01)             # E (L - VaR)+ = alpha (ES - VaR)
    for var, es in ((1.15 * VAR, 1.15 * ES), (.85 * VAR, .85 * ES), (VAR, 1.2 * ES), (VAR, .9 * ES), (.8 * VAR, ES)):
        assert mean(var, es) > mean(VAR, ES)


def test_diebold_mariano_is_a_regression_with_newey_wests_errors() -> None:
    rng = np.random.default_rng(2)
    noise = np.convolve(rng.standard_normal(503), [1, .6, .3, .1], "valid")
    a, b = rng.standard_normal(500), np.zeros(500)
    a = a + noise + .1
    fit = OLS(a - b, np.ones(500)).fit(cov_type="HAC", cov_kwds={"maxlags": 5, "use_correction": False})
    found = diebold_mariano(a, b)                                            # 4 x 5^(2/9) = 5.7
    assert found.statistic == pytest.approx(fit.tvalues[0], rel=1e-10)
    assert found.p == pytest.approx(norm.cdf(fit.tvalues[0]), rel=1e-10)
    assert diebold_mariano(b, a).p == pytest.approx(1 - found.p)
    assert diebold_mariano(a, a) == (0.0, 1.0)
    assert diebold_mariano(b, b + 1).p == 0.0
    assert diebold_mariano(b + 1, b).p == 1.0


@pytest.mark.parametrize("seed", range(4))
def test_the_confidence_set_is_archs_on_the_same_resamples(seed: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((300, 6)) + rng.standard_normal((300, 1)) + np.array([0, .02, .05, .1, .2, .4])
    theirs = MCS(scores, size=.1, reps=500, block_size=7, method="R", bootstrap="stationary", seed=99)
    theirs.compute()
    days = np.array([np.asarray(data[0][0]).astype(int) for data in
                     StationaryBootstrap(7, np.arange(300), seed=99).bootstrap(500)])
    ours = confidence_set(scores, days=days)
    assert list(ours.p) == pytest.approx(theirs.pvalues["Pvalue"].sort_index().tolist())
    assert list(ours.eliminated) == theirs.pvalues.index.tolist()
    assert {i for i, p in enumerate(ours.p) if p > .1} == set(theirs.included)


def test_the_own_bootstrap_comes_to_the_same() -> None:
    rng = np.random.default_rng(5)
    scores = rng.standard_normal((400, 4)) + np.array([0, .05, .1, .3])
    theirs = MCS(scores, size=.1, reps=4000, block_size=7, method="R", bootstrap="stationary", seed=1)
    theirs.compute()
    ours = confidence_set(scores, block=7, simulations=4000)
    assert list(ours.p) == pytest.approx(theirs.pvalues["Pvalue"].sort_index().tolist(), abs=.04)
    assert ours == confidence_set(scores, block=7, simulations=4000)


def test_the_best_is_kept_and_what_is_worse_by_much_goes() -> None:
    kept = 0
    for seed in range(60):
        scores = np.random.default_rng(seed).standard_normal((250, 3)) + np.array([0, 0, .8])
        p = confidence_set(scores, simulations=199, seed=seed).p
        kept += min(p[:2]) > .1
        assert p[2] <= .1
        assert max(p) == 1.0
    assert kept >= 48                                        # two that are equal are both in a set of 90 %


def test_models_that_are_the_same_are_not_told_apart() -> None:
    one = np.random.default_rng(1).standard_normal(250)
    assert min(confidence_set(np.stack([one, one], 1)).p) == 1.0
    found = confidence_set(np.stack([one, one, one + 1], 1))
    assert min(found.p[:2]) == 1.0


@pytest.mark.parametrize(("scores", "block", "field"), [
    (np.zeros((9, 1)), None, "scores"), (np.zeros((1, 2)), None, "scores"), (np.zeros((9, 2)), 0, "block"),
    (np.zeros((9, 2)), 10, "block"), (np.array([[0.0, 1.0], [2.0, math.nan]]), None, "scores[1, 1]")])
def test_scores_that_are_none_are_refused(scores: np.ndarray, block: int | None, field: str) -> None:
    with pytest.raises(BadInput) as error:
        confidence_set(scores, block=block)
    assert error.value.field == field
    with pytest.raises(BadInput):
        diebold_mariano(np.zeros(3), np.zeros(4))


# -- attribution -------------------------------------------------------------------------------------------------------
def test_distances_are_scipys_with_equals_too() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(250)
    for y in (x + .3 * rng.standard_normal(250), np.round(x), rng.standard_normal(250), -x):
        assert spearman(np.round(x, 1), y) == pytest.approx(spearmanr(np.round(x, 1), y).statistic, rel=1e-12)
        assert kolmogorov_smirnov(x, y) == pytest.approx(ks_2samp(x, y).statistic, rel=1e-12)


def test_zones_of_attribution() -> None:
    rng = np.random.default_rng(4)
    full = rng.standard_normal(250)
    assert attribute(full, full).zone == "green"
    assert attribute(full + .05 * rng.standard_normal(250), full).zone == "green"
    assert attribute(.75 * full, full).zone != "green"       # the ranks are the same, the sizes not
    assert attribute(.5 * full, full).zone == "red"
    assert attribute(rng.permutation(full), full).zone == "red"   # the sizes are the same, the ranks not
    found = [attribute(full + c * rng.standard_normal(250), full) for c in np.linspace(.3, 1.3, 21)]
    for one in found:
        good, bad = one.spearman > .8 and one.ks < .09, one.spearman < .7 or one.ks > .12
        assert one.zone == ("green" if good else "red" if bad else "amber")
    assert {one.zone for one in found} == {"green", "amber", "red"}


@pytest.mark.parametrize(("model", "full", "field"), [
    (np.arange(19.0), np.arange(19.0), "number of gains"), (np.arange(30.0), np.arange(29.0), "number of gains"),
    (np.arange(30.0), np.where(np.arange(30) == 7, math.nan, 1.0), "full[7]"),
    (np.zeros(30), np.arange(30.0), "model")])
def test_gains_that_say_nothing_are_refused(model: np.ndarray, full: np.ndarray, field: str) -> None:
    with pytest.raises(BadInput) as error:
        attribute(model, full)
    assert error.value.field == field


def test_the_fixtures_grid_says_nearly_what_full_revaluation_does() -> None:
    found = attributions(40)
    assert len(found) == 40
    assert sum(one.zone == "green" for one in found) >= 36
    assert min(one.spearman for one in found) > .95
