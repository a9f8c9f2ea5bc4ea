"""Which of several forecasts of the same losses is better: scores, and the set of those that none beats.

losses, var, shortfall : float (n,), losses positive.  alpha : tail's probability. Scores are per day; less is better.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from risk.backtests.distributions import SIMULATIONS, Floats, Result, normal_survival
from risk.exact.uniforms import uniforms


def fz0(losses: Floats, var: Floats, shortfall: Floats, alpha: float) -> Floats:
    """(L - VaR)+ / (alpha ES) + VaR / ES + log ES - 1, whose mean only the true VaR and ES make least; differences do
    not change with the unit of money [Patton, Ziegel, Chen, Dynamic semiparametric models for Expected Shortfall,
    Journal of Econometrics 211, 2019, equation 6, with signs for losses]."""
    found: Floats = np.maximum(losses - var, 0.0) / (alpha * shortfall) + var / shortfall + np.log(shortfall) - 1.0
    return found


def diebold_mariano(ours: Floats, theirs: Floats, *, lags: int | None = None) -> Result:
    """Our mean score is not less than theirs: a small p says that ours is better. Normal, variance by Newey and West
    with `lags`, by default 4 (n / 100)^(2/9) [Diebold and Mariano, Comparing predictive accuracy, Journal of Business &
    Economic Statistics 13, 1995; Newey and West, Econometrica 55, 1987]. Equal scores have p = 1.

    Raises
    ------
    BadInput : numbers of days that differ, or fewer than two.
    """
    if len(ours) != len(theirs) or len(ours) < 2:
        raise BadInput("number of scores", Said(f"{len(ours)} and {len(theirs)}"), "the same for both, at least 2")
    difference, n = ours - theirs, len(ours)
    lags = int(4 * (n / 100) ** (2 / 9)) if lags is None else lags
    centred = difference - difference.mean()
    variance = math.fsum(centred * centred) / n
    for lag in range(1, min(lags, n - 1) + 1):
        variance += 2 * (1 - lag / (lags + 1)) * math.fsum(centred[lag:] * centred[:-lag]) / n
    mean = float(difference.mean())
    if variance <= 0:
        return Result(0.0, 1.0) if mean == 0 else Result(math.copysign(math.inf, mean), float(mean > 0))
    statistic = mean / math.sqrt(variance / n)
    return Result(statistic, normal_survival(-statistic))


@dataclass(frozen=True)
class ConfidenceSet:
    """p : (k,), of each model.  eliminated : the order in which models went, the last one that is left at the end.
    A model belongs to the set of confidence 1 - s if its p is above s."""

    p: tuple[float, ...]
    eliminated: tuple[int, ...]


def confidence_set(scores: Floats, *, block: int | None = None, simulations: int = SIMULATIONS, seed: int = 0,
                   days: NDArray[np.int64] | None = None) -> ConfidenceSet:
    """The model confidence set by the range statistic: while some difference of two mean scores is larger than chance,
    the model that loses most goes [Hansen, Lunde, Nason, The model confidence set, Econometrica 79, 2011, 3.1.2].

    Parameters
    ----------
    scores : (n, k), less is better.
    block : mean length of blocks of the stationary bootstrap [Politis and Romano, Journal of the American Statistical
        Association 89, 1994]; the cube root of n by default.
    days : (simulations, n), days of each resample, in place of ours.

    Raises
    ------
    BadInput : fewer than two models or days; a score that is no number; a block not in [1, n].
    """
    n, k = scores.shape
    if k < 2 or n < 2:
        raise BadInput("scores", Said(f"{k} models, {n} days"), "at least two of each")
    if not np.isfinite(scores).all():
        day, model = np.argwhere(~np.isfinite(scores))[0]
        raise BadInput(f"scores[{day}, {model}]", float(scores[day, model]), "a finite number")
    block = max(1, round(n ** (1 / 3))) if block is None else block
    if not 1 <= block <= n:
        raise BadInput("block", block, f"from 1 to {n}, the days")
    mean = scores.mean(0)
    days = _resampled(n, block, simulations, seed) if days is None else days
    drawn = np.stack([scores[row].mean(0) for row in days]) - mean                       # (B, k), around 0
    apart, chance = mean[:, None] - mean, drawn[:, :, None] - drawn[:, None, :]
    variance = (chance * chance).mean(0)
    # Models whose scores differ by nothing are not told apart.
    scale = np.sqrt(np.where(variance > 1e-30 * max(1.0, float(np.abs(mean).max()) ** 2), variance, np.inf))
    apart, chance = apart / scale, np.abs(chance / scale)
    left, p, order, so_far = list(range(k)), np.ones(k), list[int](), 0.0
    while len(left) > 1:
        inner = np.ix_(left, left)
        worst = float(apart[inner].max())
        largest = chance[:, left][:, :, left].max((1, 2))
        so_far = max(so_far, float((largest > worst).mean()) if worst > 0 else 1.0)
        gone = left.pop(int(np.argmax(apart[inner].max(1))))
        p[gone] = so_far
        order.append(gone)
    return ConfidenceSet(tuple(float(x) for x in p), (*order, left[0]))


def _resampled(n: int, block: int, simulations: int, seed: int) -> NDArray[np.int64]:
    """(simulations, n) days: each follows the day before with probability 1 - 1/block, else begins a block anywhere."""
    fresh = uniforms(seed, (simulations, n)) < 1 / block
    start = (uniforms(seed + 1, (simulations, n)) * n).astype(np.int64)
    at = np.arange(n)
    last = np.maximum.accumulate(np.where(fresh, at, 0), axis=1)                          # where its block began
    return (np.take_along_axis(start, last, 1) + at - last) % n
