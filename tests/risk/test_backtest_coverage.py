"""Backtests of Value at Risk against published tables, SciPy, statsmodels, and chains that cluster by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, chi2, norm
from statsmodels.api import OLS

from primitives.errors import BadInput
from risk.backtests.coverage import (
    conditional_coverage,
    dynamic_quantile,
    independence,
    kupiec,
    most_in_a_year,
    traffic_light,
)
from risk.backtests.distributions import binomial_at_most, chi_square_survival, normal_survival, simulated

ALPHA = .025


def flags_of(seed: int, days: int, alpha: float = ALPHA) -> np.ndarray:
    return np.random.default_rng(seed).random(days) < alpha


def chain(seed: int, days: int, comes: float, stays: float) -> np.ndarray:
    """Exceptions with probability `comes` after a calm day and `stays` after one of their own."""
    u, out = np.random.default_rng(seed).random(days), np.zeros(days, bool)
    for t in range(1, days):
        out[t] = u[t] < (stays if out[t - 1] else comes)
    return out


# -- distributions -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("degrees", range(1, 9))
def test_chi_square_is_scipys(degrees: int) -> None:
    for x in (1e-9, .3, 1.0, 3.84, 11.0, 60.0, 700.0):
        assert chi_square_survival(x, degrees) == pytest.approx(chi2.sf(x, degrees), rel=1e-11)
    assert chi_square_survival(0.0, degrees) == 1.0


def test_normal_and_binomial_are_scipys() -> None:
    for x in (-3.0, 0.0, 1.6449, 8.0):
        assert normal_survival(x) == pytest.approx(norm.sf(x), rel=1e-13)
    for trials, p, count in ((250, .01, 4), (1000, .025, 40), (10_000, .001, 3), (7, .5, 7), (7, .5, 9), (5, .3, 0)):
        assert binomial_at_most(trials, p, count) == pytest.approx(binom.cdf(count, trials, p), rel=1e-10)


def test_a_simulated_p_is_never_too_small() -> None:
    null = np.arange(99.0)
    assert simulated(1000.0, null) == .01
    assert simulated(98.0, null) == .02                      # a tie counts against a rejection
    assert simulated(-1.0, null) == 1.0


# -- coverage ----------------------------------------------------------------------------------------------------------
def test_kupiec_is_the_likelihood_ratio_of_binomials() -> None:
    """Its paper's table: 255 days at 5 % accept 7 to 20 exceptions at the 5 % level, and none else."""
    assert [n for n in range(60) if kupiec(255, n, .05).p >= .05] == list(range(7, 21))
    ratio = 2 * (binom.logpmf(12, 500, 12 / 500) - binom.logpmf(12, 500, .01))
    assert kupiec(500, 12, .01) == pytest.approx((ratio, math.erfc(math.sqrt(ratio / 2))), rel=1e-12)
    assert kupiec(100, 0, .01).p == pytest.approx(math.erfc(math.sqrt(-100 * math.log(.99))), rel=1e-12)
    assert kupiec(100, 100, .01).statistic == pytest.approx(-200 * math.log(.01), rel=1e-12)
    assert kupiec(100, 1, .01) == pytest.approx((0.0, 1.0))


def test_independence_sees_clusters_and_nothing_else() -> None:
    apart, together = np.zeros(1000, bool), np.zeros(1000, bool)
    apart[::40] = True
    together[100:125] = True
    assert independence(together).p < 1e-20
    assert independence(apart).p > .2
    assert independence(np.zeros(50, bool)).p == independence(np.ones(50, bool)).p == 1.0
    flags = flags_of(5, 800, .03)
    both = conditional_coverage(flags, ALPHA)
    parts = kupiec(800, int(flags.sum()), ALPHA).statistic + independence(flags).statistic
    assert both == pytest.approx((parts, chi2.sf(parts, 2)), rel=1e-11)


def test_independence_by_counts() -> None:
    """A chain 0 0 1 1 0 1 0 0 0 1: n00 = 3, n01 = 3, n10 = 2, n11 = 1."""
    flags = np.array([0, 0, 1, 1, 0, 1, 0, 0, 0, 1], bool)
    moving = 6 * math.log(1 / 2) + 2 * math.log(2 / 3) + math.log(1 / 3)
    plain = 5 * math.log(5 / 9) + 4 * math.log(4 / 9)
    assert independence(flags).p == pytest.approx(math.erfc(math.sqrt(moving - plain)), rel=1e-12)


RUGARCH = [(500, 10, .01, 3.914, .048, 4.323, .115), (312, 5, .01, .968, .325, 1.131, .568),
           (250, 17, .05, 1.54, .215, 4.034, .133), (224, 5, .01, 2.544, .111, None, None),
           (224, 7, .01, 6.535, .011, None, None)]
"""What `report(..., type = "VaR")` of R's rugarch printed, in three courses on it and in a paper's table: (days,
exceptions, alpha, LR.uc, its p, LR.cc, its p). How many exceptions follow on another is not printed; its LR.cc say that
none does."""


@pytest.mark.parametrize(("days", "count", "alpha", "ratio", "p", "both", "both_p"), RUGARCH)
def test_coverage_is_rugarchs(days: int, count: int, alpha: float, ratio: float, p: float, both: float | None,
                              both_p: float | None) -> None:
    """To the three places that it prints."""
    assert kupiec(days, count, alpha) == pytest.approx((ratio, p), abs=5.1e-4)
    if both is None:
        return
    found = {}
    for runs in range(8):
        flags = np.zeros(days, bool)
        flags[[5 * i + 2 - (i < runs) * 4 * (i % 2) for i in range(count)]] = True         # runs pairs, else alone
        follows = int((flags[1:] & flags[:-1]).sum())
        found[follows] = conditional_coverage(flags, alpha)
    assert [follows for follows, one in found.items()
            if tuple(one) == pytest.approx((both, both_p), abs=5.1e-4)] == [0]


def test_dynamic_quantile_is_what_a_regression_explains() -> None:
    flags, var = flags_of(3, 600), 1 + np.abs(np.random.default_rng(4).standard_normal(600))
    hits = flags - ALPHA
    x = np.column_stack([np.ones(596), *(hits[4 - i:600 - i] for i in range(1, 5)), var[4:]])
    explained = (OLS(hits[4:], x).fit().fittedvalues ** 2).sum() / (ALPHA * (1 - ALPHA))
    found = dynamic_quantile(flags, var, ALPHA)
    assert found.statistic == pytest.approx(explained, rel=1e-9)
    assert found.p == pytest.approx(chi2.sf(explained, 6), rel=1e-8)
    assert dynamic_quantile(flags, 1e9 * var + 1e10, ALPHA).statistic == pytest.approx(explained, rel=1e-6)


def test_a_regressor_that_says_nothing_counts_as_no_degree() -> None:
    flags = flags_of(3, 600)
    found = dynamic_quantile(flags, np.full(600, 3.0), ALPHA)
    assert found.p == pytest.approx(chi2.sf(found.statistic, 5), rel=1e-9)
    none = dynamic_quantile(np.zeros(600, bool), np.full(600, 3.0), ALPHA)
    assert none == pytest.approx((596 * ALPHA / (1 - ALPHA), chi2.sf(596 * ALPHA / (1 - ALPHA), 1)), rel=1e-9)
    assert np.isfinite(dynamic_quantile(np.ones(600, bool), np.full(600, 3.0), ALPHA)).all()


def test_dynamic_quantile_sees_a_var_that_tells_exceptions() -> None:
    rng = np.random.default_rng(8)
    var = np.where(np.arange(1000) % 100 < 50, 1.0, 3.0)     # exceptions only where VaR is low: on average enough
    flags = (rng.random(1000) < 2 * ALPHA) & (var == 1.0)
    assert kupiec(1000, int(flags.sum()), ALPHA).p > .05
    assert dynamic_quantile(flags, var, ALPHA).p < .001
    assert dynamic_quantile(flags, rng.permutation(var), ALPHA).p > .01


def test_simulated_p_are_right_where_forecasts_are_and_see_clusters() -> None:
    """At 5 %, of 200 series of 300 days: rejections as few as they should be, where chi-square's own may be off."""
    var = np.ones(300)
    tests = {"independence": lambda f, s: independence(f, simulations=99, seed=s).p,
             "both": lambda f, s: conditional_coverage(f, ALPHA, simulations=99, seed=s).p,
             "quantile": lambda f, s: dynamic_quantile(f, var, ALPHA, simulations=99, seed=s).p}
    for name, p in tests.items():
        right = sum(p(flags_of(s, 300), s) <= .05 for s in range(200))
        wrong = sum(p(chain(s, 300, .02, .4), s) <= .05 for s in range(40))
        assert right <= 20, name                             # 10 expected, deviation 3.1
        assert wrong >= 16, name
    assert len({independence(flags_of(1, 300), simulations=99, seed=1) for _ in range(2)}) == 1


def test_basels_zones_are_its_table() -> None:
    """Its supervisory framework of 1996, table 2: cumulative probabilities of 0 to 10 exceptions of 250 at 99 %."""
    table = (8.11, 28.58, 54.32, 75.81, 89.22, 95.88, 98.63, 99.60, 99.89, 99.97, 99.99)
    multipliers = (1.5, 1.5, 1.5, 1.5, 1.5, 1.7, 1.76, 1.83, 1.88, 1.92, 2.0, 2.0)
    zones = ["green"] * 5 + ["yellow"] * 5 + ["red"] * 2
    for count in range(12):
        flags = np.zeros(400, bool)
        flags[:100] = True                                   # before the last 250: not looked at
        flags[400 - count:] = True
        light = traffic_light(flags, .01)
        assert (light.days, light.exceptions, light.zone) == (250, count, zones[count])
        assert light.multiplier == multipliers[count]
        assert light.at_most == pytest.approx((table[count] if count < 11 else 100) / 100, abs=6e-5)
    assert traffic_light(np.zeros(400, bool), .025).multiplier is None
    assert traffic_light(np.zeros(100, bool), .01).multiplier is None
    assert traffic_light(np.zeros(100, bool), 1e-5).zone == "green"
    assert traffic_light(np.ones(10, bool), .01).zone == "red"


def test_most_in_a_year() -> None:
    flags = np.zeros(600, bool)
    flags[[10, 250, 259, 300, 510]] = True
    assert most_in_a_year(flags) == 3
    assert most_in_a_year(flags[:100]) == 1


@pytest.mark.parametrize(("call", "field"), [
    (lambda: kupiec(0, 0, .01), "days"), (lambda: kupiec(10, 11, .01), "exceptions"),
    (lambda: kupiec(10, -1, .01), "exceptions"), (lambda: kupiec(10, 1, 0.0), "alpha"),
    (lambda: kupiec(10, 1, float("nan")), "alpha"), (lambda: kupiec(10, 1, 1.0), "alpha"),
    (lambda: independence(np.zeros(1, bool)), "number of days"),
    (lambda: conditional_coverage(np.zeros(1, bool), .01), "number of days"),
    (lambda: dynamic_quantile(np.zeros(15, bool), np.ones(15), .01), "number of days"),
    (lambda: dynamic_quantile(np.zeros(50, bool), np.ones(49), .01), "number of VaRs"),
    (lambda: traffic_light(np.zeros(0, bool), .01), "number of days")])
def test_bad_input_is_named(call: object, field: str) -> None:
    with pytest.raises(BadInput) as error:
        call()
    assert error.value.field == field
