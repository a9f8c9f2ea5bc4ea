"""Expected Shortfall: whether losses beyond VaR are as large as they should be.

losses, var, shortfall : float (n,), losses positive, shortfall > var and > 0.  alpha : the tail's probability, 0.025 at
97.5 %. Simulated p-values let losses beyond VaR follow a generalised Pareto law, whose mean VaR and ES fix: only its
tail index is an assumption, 1/4 by default as of Student's t with four degrees of freedom.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.backtests.distributions import (
    SIMULATIONS,
    Floats,
    Result,
    binomial_probabilities,
    random_days,
    simulated,
)
from risk.exact.uniforms import uniforms

Flags = NDArray[np.bool_]
TAIL_INDEX = 0.25
LEAST_EXCEPTIONS = 5
"""Of the bootstrap of McNeil and Frey: fewer are hardly ever drawn in two ways."""
LARGEST_BET = 0.5
_BETS = np.linspace(0.0, LARGEST_BET, 51)


def z1(losses: Floats, var: Floats, shortfall: Floats, *, simulations: int = SIMULATIONS, seed: int = 0,
       tail_index: float = TAIL_INDEX) -> Result | None:
    """1 - sum(L [L > VaR] / ES) / N over the N exceptions: about 0 if they are as large as forecast, negative if
    larger. None without exceptions, of which there is then nothing to say [Acerbi and Székely, Backtesting Expected
    Shortfall, Risk, December 2014, test 1]. p : given the days of the exceptions.

    Raises
    ------
    BadInput : tail_index not in [0, 1).
    """
    _require_tail_index(tail_index)
    over = losses > var
    count = int(over.sum())
    if not count:
        return None
    found = 1.0 - math.fsum(losses[over] / shortfall[over]) / count
    base, slope = var[over] / shortfall[over], 1 - var[over] / shortfall[over]
    null = 1.0 - (base + slope * _excess(uniforms(seed, (simulations, count)), tail_index)).mean(1)
    return Result(found, simulated(-found, -null))


def z2(losses: Floats, var: Floats, shortfall: Floats, alpha: float, *, simulations: int = SIMULATIONS, seed: int = 0,
       tail_index: float = TAIL_INDEX) -> Result:
    """1 - sum(L [L > VaR] / ES) / (n alpha): about 0 if the forecast is right, -0.70 is its 5 % point for many laws and
    250 days at 97.5 % (the same paper, test 2). It sees both too many exceptions and too large ones.

    Raises
    ------
    BadInput : tail_index not in [0, 1).
    """
    _require_tail_index(tail_index)
    n = len(losses)
    found = z2_statistic(losses, var, shortfall, alpha)
    ratio = var / shortfall
    null = []
    for u in random_days(seed, simulations, n):
        beyond = u < alpha
        excess = _excess(np.where(beyond, u / alpha, 1.0), tail_index)
        null.append(1.0 - np.where(beyond, ratio + (1 - ratio) * excess, 0.0).sum(1) / (n * alpha))
    return Result(found, simulated(-found, -np.concatenate(null)))


def z2_statistic(losses: Floats, var: Floats, shortfall: Floats, alpha: float) -> float:
    """Of `z2`, without a simulation."""
    over = losses > var
    return 1.0 - math.fsum(losses[over] / shortfall[over]) / (len(losses) * alpha)


def z3(losses: Floats, draws: Floats, alpha: float, *, simulations: int = SIMULATIONS, seed: int = 0) -> Result:
    """Of whole distributions: 1 - mean over days of (ES of n losses, drawn at the days' ranks) / (what that is expected
    to be), where a day's rank is how far in its forecast the day's loss lay (the same paper, test 3).

    Parameters
    ----------
    draws : (n, S), the equally likely losses that each day's forecast is made of.

    Raises
    ------
    BadInput : n alpha < 1; another number of days; an expected ES that is not positive.

    The expectation is exact: of order statistics of uniforms, by binomial probabilities.
    """
    n, size = len(losses), draws.shape[1]
    count = int(n * alpha)
    if count < 1:
        raise BadInput("number of days", n, f"at least {math.ceil(1 / alpha)} for this test")
    if len(draws) != n:
        raise BadInput("number of forecasts", len(draws), f"{n}, the days")
    ordered = -np.sort(-draws, axis=1)                                       # the largest loss first
    edges = np.arange(size + 1) / size
    chance = binomial_probabilities(n, edges, count - 1)
    known = count - chance @ (count - np.arange(count))                      # E min(B(n, p), count)
    expected = ordered @ (np.diff(known) / count)
    if not (expected > 0).all():
        day = int(np.argmin(expected > 0))
        raise BadInput(f"expected ES of day {day}", float(expected[day]), "positive")
    relative = (ordered / expected[:, None]).mean(0)                         # mean over days, by rank
    ranks = (ordered > losses[:, None]).sum(1)                               # scenarios that lose more

    def statistics(at: NDArray[np.int64]) -> Floats:
        worst = np.partition(at, count - 1, axis=-1)[..., :count]
        return np.asarray(1.0 - relative[np.minimum(worst, size - 1)].mean(-1))

    found = float(statistics(ranks))         # a loss between two scenarios counts as the lesser: draws tell no more
    null = np.concatenate([statistics((u * size).astype(np.int64)) for u in random_days(seed, simulations, n)])
    return Result(found, simulated(-found, -null))


def exceedance_residuals(losses: Floats, var: Floats, shortfall: Floats, *, simulations: int = SIMULATIONS,
                         seed: int = 0) -> Result | None:
    """Losses beyond VaR are ES on average, against larger ones: bootstrap of (L - ES) / (ES - VaR) over exceptions, the
    statistic being Student's, the residuals drawn again around 0. None with fewer than 5 exceptions [McNeil and Frey,
    Estimation of tail-related risk measures, Journal of Empirical Finance 7, 2000, section 4.2, who divide by the
    forecast of volatility; ES - VaR is proportional to it where only scales change. Bootstrap: Efron and Tibshirani,
    An Introduction to the Bootstrap, 1993, algorithm 16.2]."""
    over = losses > var
    count = int(over.sum())
    if count < LEAST_EXCEPTIONS:
        return None
    residuals = (losses[over] - shortfall[over]) / (shortfall[over] - var[over])
    found = float(_students(residuals[None])[0])
    at = (uniforms(seed, (simulations, count)) * count).astype(np.int64)
    return Result(found, simulated(found, _students((residuals - residuals.mean())[at])))


def e_process(losses: Floats, var: Floats, shortfall: Floats, alpha: float) -> Floats:
    """Wealth after each day of who bets against the forecasts: (n,). Above 20 it is refuted at 5 %, at whatever day.

    M_t = prod(1 + b_s (e_s - 1)), e = (L - VaR)+ / (alpha (ES - VaR)), whose mean is at most 1 where the forecasts are
    right or too high; b_s in [0, 1/2] is what would have grown most on the days before, by their own e (GREE; GREL
    would take their losses against today's forecast), 0 at first [Wang, Wang, Ziegel, E-backtesting,
    arXiv:2209.00991].
    """
    e = np.maximum(losses - var, 0.0) / (alpha * (shortfall - var))
    growth = np.log1p(_BETS * (e[:, None] - 1.0))                             # (n, bets), of each day
    earlier = np.vstack([np.zeros((1, len(_BETS))), np.cumsum(growth, 0)[:-1]])
    found: Floats = np.exp(np.minimum(np.cumsum(growth[np.arange(len(e)), earlier.argmax(1)]), 700.0))
    return found


def _excess(u: Floats, tail_index: float) -> Floats:
    """Generalised Pareto variates of mean 1 from uniforms of survival."""
    if tail_index == 0:
        return np.asarray(-np.log(u))
    return np.asarray((1 - tail_index) / tail_index * (u ** -tail_index - 1))


def _students(samples: Floats) -> Floats:
    """mean / (deviation / sqrt(n)) of each row: (k, n) -> (k,)."""
    mean, deviation = samples.mean(1), samples.std(1, ddof=1)
    flat = deviation <= 1e-14 * np.abs(samples).max(initial=1e-300)
    found: Floats = np.where(flat, np.where(np.abs(mean) <= 1e-14, 0.0, np.copysign(np.inf, mean)),
                             mean / np.where(flat, 1.0, deviation / math.sqrt(samples.shape[1])))
    return found


def _require_tail_index(tail_index: float) -> None:
    if not 0 <= tail_index < 1:
        raise BadInput("tail index", tail_index, "in [0, 1): from 1 on there is no Expected Shortfall")
