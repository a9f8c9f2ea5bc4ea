"""Backtests of Expected Shortfall against closed forms, slow loops, and forecasts right or wrong by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm, t, ttest_1samp

from primitives.errors import BadInput
from risk.backtests.shortfall import e_process, exceedance_residuals, z1, z2, z2_statistic, z3

ALPHA = .025
VAR, ES = norm.isf(ALPHA), norm.pdf(norm.isf(ALPHA)) / ALPHA


def normal_days(n: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n)


def flat(n: int) -> tuple[np.ndarray, np.ndarray]:
    return np.full(n, VAR), np.full(n, ES)


def test_z1_and_z2_by_hand() -> None:
    losses, var, es = np.array([3.0, 1.0, 5.0, -2.0]), np.full(4, 2.0), np.array([4.0, 4.0, 4.0, 4.0])
    assert z1(losses, var, es).statistic == pytest.approx(1 - (3 / 4 + 5 / 4) / 2)
    assert z2(losses, var, es, .25).statistic == z2_statistic(losses, var, es, .25) == pytest.approx(1 - 2.0)


def test_z2_is_nothing_for_a_right_forecast_and_falls_for_a_low_one() -> None:
    days, forecast = normal_days(200_000), flat(200_000)
    assert z2_statistic(days, *forecast, ALPHA) == pytest.approx(0.0, abs=.03)
    assert z1(days, *forecast, simulations=99).statistic == pytest.approx(0.0, abs=.005)
    expected = 1 - 2 * norm.pdf(VAR / 2) / (ES * ALPHA)      # sd twice as large: 1 - E[L; L > VAR] / (ES alpha)
    assert z2_statistic(2 * days, *forecast, ALPHA) == pytest.approx(expected, rel=.02)
    assert expected < -.7


def test_their_five_percent_point_is_seven_tenths() -> None:
    """Acerbi and Székely: -0.70 for Z2 of 250 days at 97.5 %, hardly different from law to law; -1.8 at 0.01 %."""
    var, es = flat(250)
    over = np.zeros(250)

    def p(worth: float, tail_index: float, simulations: int = 9999) -> float:
        losses = over.copy()
        losses[:10] = (1 - worth) * 250 * ALPHA * ES / 10
        return z2(losses, var, es, ALPHA, simulations=simulations, tail_index=tail_index).p

    assert p(-.70, 0.0) == pytest.approx(.05, abs=.01)
    assert p(-.70, .1) == pytest.approx(.05, abs=.012)
    assert p(-1.8, 0.0) < .001
    assert p(.5, 0.0) > .5


def test_no_exceptions_and_nothing_else_is_no_reason_for_doubt() -> None:
    var, es = flat(300)
    assert z1(np.zeros(300), var, es) is None
    assert z2(np.zeros(300), var, es, ALPHA) == (1.0, 1.0)
    assert exceedance_residuals(np.zeros(300), var, es) is None
    assert e_process(np.zeros(300), var, es, ALPHA).max() == 1.0


def test_all_exceptions_are_refused_by_every_test() -> None:
    var, es = flat(300)
    losses = np.full(300, 5.0)
    assert z1(losses, var, es).p == .001
    assert z2(losses, var, es, ALPHA).p == .001
    assert exceedance_residuals(losses, var, es).p == .001   # all equal, and above
    assert exceedance_residuals(np.full(300, ES), var, es).p == 1.0
    wealth = e_process(np.full(3000, 1e6), *flat(3000), ALPHA)
    assert np.isfinite(wealth).all()
    assert wealth.max() > 1e100


def test_right_forecasts_are_seldom_refused_and_low_ones_often() -> None:
    """Days of Student's t with four degrees, of changing size. At 5 %, of 200 and 60 series.

    Low is an ES whose excess over VaR is a third of what it should be; for Z2 both a third too low."""
    var = t.isf(ALPHA, 4)
    es = t.pdf(var, 4) / ALPHA * (4 + var * var) / 3
    tests = {"z1": lambda x, v, e, s: z1(x, v, e, simulations=199, seed=s),
             "z2": lambda x, v, e, s: z2(x, v, e, ALPHA, simulations=199, seed=s),
             "residuals": lambda x, v, e, s: exceedance_residuals(x, v, e, simulations=199, seed=s)}
    for name, test in tests.items():
        refused, seen = 0, 0
        for s in range(200):
            rng = np.random.default_rng(s)
            size = np.exp(rng.standard_normal(500) / 2)
            losses = size * rng.standard_t(4, 500)
            found = test(losses, var * size, es * size, s)
            refused += found is not None and found.p <= .05
            if s < 60:
                low = test(losses, *((var * size * 2 / 3, es * size * 2 / 3) if name == "z2" else
                                     (var * size, (var + (es - var) / 3) * size)), s)
                seen += low is not None and low.p <= .05
        assert refused <= 21, name                           # 10 expected, deviation 3.1
        assert seen >= 30, name


def test_residuals_are_students_statistic() -> None:
    rng = np.random.default_rng(3)
    losses, var, es = 2 + rng.exponential(1.4, 40), np.full(40, 2.0), np.full(40, 3.0)
    found = exceedance_residuals(losses, var, es)
    assert found.statistic == pytest.approx(ttest_1samp(losses - 3.0, 0.0).statistic, rel=1e-12)
    assert found.p == pytest.approx(ttest_1samp(losses - 3.0, 0.0, alternative="greater").pvalue, abs=.06)
    assert exceedance_residuals(losses[:4], var[:4], es[:4]) is None
    assert exceedance_residuals(losses[:5], var[:5], es[:5]) is not None


def test_z3_is_its_definition() -> None:
    """By loops over days, and with a simulated expectation in place of the exact one."""
    rng = np.random.default_rng(2)
    n, size, alpha = 60, 400, .05
    scale = np.exp(rng.standard_normal(n) / 3)
    draws, losses = scale[:, None] * rng.standard_normal((n, size)), scale * rng.standard_normal(n)
    ordered, count = -np.sort(-draws, axis=1), int(n * alpha)

    def shortfall(day: int, ranks: np.ndarray) -> float:
        return ordered[day][np.sort(ranks)[:count]].mean()

    ranks = np.array([(draws[day] > losses[day]).sum() for day in range(n)])
    ranks = np.minimum(ranks, size - 1)
    trials = (rng.random((20_000, n)) * size).astype(int)
    worst = np.sort(trials, axis=1)[:, :count]
    parts = [shortfall(day, ranks) / ordered[day][worst].mean() for day in range(n)]
    assert z3(losses, draws, alpha).statistic == pytest.approx(1 - np.mean(parts), abs=.004)


def test_z3_holds_right_forecasts_and_refuses_low_ones() -> None:
    refused = seen = 0
    for s in range(120):
        rng = np.random.default_rng(s)
        draws, losses = rng.standard_normal((250, 500)), rng.standard_normal(250)
        refused += z3(losses, draws, ALPHA, simulations=99, seed=s).p <= .05
        seen += z3(1.5 * losses, draws, ALPHA, simulations=99, seed=s).p <= .05
    assert refused <= 15                                     # 6 expected, deviation 2.4
    assert seen >= 100


def test_the_e_process_bets_rightly() -> None:
    days, forecast = normal_days(1500), flat(1500)
    assert e_process(days, *forecast, ALPHA).max() < 20
    assert e_process(1.5 * days, *forecast, ALPHA).max() > 20
    wealth = e_process(np.array([3.0, 0.0, 3.0]), np.full(3, 2.0), np.full(3, 3.0), .5)
    # e = 2, 0, 2: nothing is bet on the first day, then a half, as e = 2 was seen; then on sqrt(2) x 0: nothing.
    assert wealth == pytest.approx([1.0, .5, .5])


def test_wealth_seldom_passes_twenty_where_forecasts_are_right() -> None:
    passed = sum(e_process(normal_days(600, s), *flat(600), ALPHA).max() > 20 for s in range(100))
    assert passed <= 8                                       # at most 5 % of them, by Ville


def test_the_tail_index_is_that_of_the_excess() -> None:
    """Heavier tails make the same Z1 less of a surprise."""
    var, es = flat(400)
    losses = np.where(np.arange(400) < 10, VAR + 1.7 * (ES - VAR), 0.0)
    light, heavy = (z1(losses, var, es, simulations=9999, tail_index=x).p for x in (0.0, .5))
    assert light < heavy
    assert light == pytest.approx(1 - _gamma_cdf(10, 17.0), abs=.006)        # the sum of ten exponentials


def _gamma_cdf(k: int, x: float) -> float:
    return 1 - math.exp(-x) * math.fsum(x ** j / math.factorial(j) for j in range(k))


@pytest.mark.parametrize(("call", "field"), [
    (lambda: z1(np.ones(9), *flat(9), tail_index=1.0), "tail index"),
    (lambda: z2(np.ones(9), *flat(9), ALPHA, tail_index=-.1), "tail index"),
    (lambda: z2(np.ones(9), *flat(9), ALPHA, tail_index=math.nan), "tail index"),
    (lambda: z3(np.ones(39), np.ones((39, 5)), ALPHA), "number of days"),
    (lambda: z3(np.ones(40), np.ones((39, 5)), ALPHA), "number of forecasts"),
    (lambda: z3(np.ones(40), -np.ones((40, 5)), ALPHA), "expected ES of day 0")])
def test_bad_input_is_named(call: object, field: str) -> None:
    with pytest.raises(BadInput) as error:
        call()
    assert error.value.field == field
