"""Backtests against closed forms, SciPy, and forecasts that are right or wrong by construction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom, norm

from benchmarks.backtest import (
    conditional_coverage,
    e_process,
    independence,
    kupiec,
    most_in_250_days,
    z2,
)

ALPHA = .025
VAR, ES = norm.isf(ALPHA), norm.pdf(norm.isf(ALPHA)) / ALPHA


def normal_days(n: int, deviation: float = 1.0, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(n) * deviation


def test_kupiec_is_the_likelihood_ratio_of_binomials() -> None:
    """Its paper's table: 255 days at 5 % accept 7 to 20 exceptions at the 5 % level, and none else."""
    assert [n for n in range(60) if kupiec(255, n, .05) >= .05] == list(range(7, 21))
    ratio = 2 * (binom.logpmf(12, 500, 12 / 500) - binom.logpmf(12, 500, .01))
    assert kupiec(500, 12, .01) == pytest.approx(math.erfc(math.sqrt(ratio / 2)), rel=1e-12)
    assert kupiec(100, 0, .01) == pytest.approx(math.erfc(math.sqrt(-100 * math.log(.99))), rel=1e-12)


def test_independence_sees_clusters_and_nothing_else() -> None:
    apart, together = np.zeros(1000, bool), np.zeros(1000, bool)
    apart[::40] = True
    together[100:125] = True
    assert independence(together) < 1e-20
    assert independence(apart) > .2
    assert independence(np.zeros(50, bool)) == 1.0
    flags = np.random.default_rng(5).random(800) < .03
    both = conditional_coverage(flags, ALPHA)
    a, b = kupiec(800, int(flags.sum()), ALPHA), independence(flags)
    assert min(a, b) / 2 < both <= 1


def test_independence_by_counts() -> None:
    """A chain 0 0 1 1 0 1 0 0 0 1: n00 = 3, n01 = 3, n10 = 2, n11 = 1."""
    flags = np.array([0, 0, 1, 1, 0, 1, 0, 0, 0, 1], bool)
    chain = 6 * math.log(1 / 2) + 2 * math.log(2 / 3) + math.log(1 / 3)
    plain = 5 * math.log(5 / 9) + 4 * math.log(4 / 9)
    assert independence(flags) == pytest.approx(math.erfc(math.sqrt(chain - plain)), rel=1e-12)


def test_z2_is_nothing_for_a_right_forecast_and_falls_for_a_low_one() -> None:
    days = normal_days(200_000)
    assert z2(days, days > VAR, np.full(len(days), ES), ALPHA) == pytest.approx(0.0, abs=.03)
    days = 2 * days                                     # sd twice as large: -E[L; L > VAR] / (ES alpha) + 1
    expected = 1 - 2 * norm.pdf(VAR / 2) / (ES * ALPHA)
    assert z2(days, days > VAR, np.full(len(days), ES), ALPHA) == pytest.approx(expected, rel=.02)
    assert expected < -.7


def test_the_e_process_bets_rightly() -> None:
    days = normal_days(1500)
    var, es = np.full(1500, VAR), np.full(1500, ES)
    assert e_process(days, var, es, ALPHA).max() < 20
    assert e_process(1.5 * days, var, es, ALPHA).max() > 20
    wealth = e_process(np.array([3.0, 0.0, 3.0]), np.full(3, 2.0), np.full(3, 3.0), .5)
    # e = 2, 0, 2: nothing is bet on the first day, then a half, as e = 2 was seen; then on sqrt(2) x 0: nothing.
    assert wealth == pytest.approx([1.0, .5, .5])


def test_wealth_seldom_passes_twenty_where_forecasts_are_right() -> None:
    passed = sum(e_process(normal_days(600, seed=s), np.full(600, VAR), np.full(600, ES), ALPHA).max() > 20
                 for s in range(100))
    assert passed <= 8                                  # at most 5 % of them, by Ville


def test_most_in_250_days() -> None:
    flags = np.zeros(600, bool)
    flags[[10, 250, 259, 300, 510]] = True
    assert most_in_250_days(flags) == 3
    assert most_in_250_days(flags[:100]) == 1
