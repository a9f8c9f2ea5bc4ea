"""Survival functions in closed form, seeded uniforms, and p-values of simulation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from risk.exact.uniforms import uniforms

Floats = NDArray[np.float64]
SIMULATIONS = 999
"""Of a simulated p-value, which is then a multiple of 0.001."""
_AT_ONCE = 1 << 20


class Result(NamedTuple):
    """statistic and p : of one test; p is the probability of as bad a statistic where the forecasts are right."""

    statistic: float
    p: float


def chi_square_survival(x: float, degrees: int) -> float:
    """P(X > x) for chi-square with whole degrees of freedom [Abramowitz and Stegun, 26.4.4 and 26.4.5]."""
    if x <= 0:
        return 1.0
    half = x / 2
    if degrees % 2:
        terms = [math.erfc(math.sqrt(half))]
        powers = [j - 0.5 for j in range(1, (degrees + 1) // 2)]
    else:
        terms, powers = [], [float(j) for j in range(degrees // 2)]
    return math.fsum([*terms, *(math.exp(s * math.log(half) - half - math.lgamma(s + 1)) for s in powers)])


def normal_survival(x: float) -> float:
    """P(Z > x)."""
    return math.erfc(x / math.sqrt(2)) / 2


def binomial_probabilities(trials: int, p: Floats, most: int) -> Floats:
    """P(B = j) for j = 0 .. most: p (k,) in [0, 1] -> (k, most + 1)."""
    j = np.arange(most + 1)
    ways = np.array([math.lgamma(trials + 1) - math.lgamma(i + 1) - math.lgamma(trials - i + 1) for i in j])
    inner = np.clip(p, 1e-300, 1 - 1e-16)[:, None]
    found: Floats = np.exp(ways + j * np.log(inner) + (trials - j) * np.log1p(-inner))
    found[p <= 0] = j == 0
    found[p >= 1] = j == trials
    return found


def binomial_at_most(trials: int, p: float, count: int) -> float:
    """P(B <= count)."""
    return 1.0 if count >= trials else min(1.0, math.fsum(binomial_probabilities(trials, np.array([p]), count)[0]))


def simulated(statistic: float, under_the_null: Floats) -> float:
    """p-value of a statistic that is bad when large: (1 + those as large) / (1 + simulations), which is never too small
    for a finite number of simulations [Dufour, Monte Carlo tests with nuisance parameters, Journal of Econometrics 133,
    2006]; ties count against a rejection."""
    as_bad = int(np.sum(under_the_null >= statistic - 1e-12 * max(1.0, abs(statistic))))
    return (1 + as_bad) / (1 + len(under_the_null))


def random_days(seed: int, simulations: int, days: int) -> Iterator[Floats]:
    """Uniforms in parts of (k, days), `simulations` rows in all."""
    done, size = 0, max(1, _AT_ONCE // days)
    for part in range(-(-simulations // size)):
        rows = min(size, simulations - done)
        yield uniforms(seed + part, (rows, days))
        done += rows
