"""Value at Risk: whether losses beyond it are as many as they should be, and follow on nothing.

exceptions : bool (n,), the days whose loss was beyond VaR.  alpha : the tail's probability, 0.025 at 97.5 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.backtests.distributions import (
    Floats,
    Result,
    binomial_at_most,
    chi_square_survival,
    random_days,
    simulated,
)

Flags = NDArray[np.bool_]
YEAR = 250
LAGS = 4
_YELLOW, _RED = 0.95, 0.9999
_MULTIPLIERS = (1.5,) * 5 + (1.7, 1.76, 1.83, 1.88, 1.92, 2.0)


def kupiec(days: int, exceptions: int, alpha: float) -> Result:
    """Proportion of failures: exceptions happen with probability alpha. Likelihood ratio, chi-square with one degree of
    freedom [Kupiec, Techniques for verifying the accuracy of risk measurement models, Journal of Derivatives 3, 1995].

    Raises
    ------
    BadInput : alpha not in (0, 1); no days; more exceptions than days.
    """
    require_alpha(alpha)
    if days < 1:
        raise BadInput("days", days, "at least 1")
    if not 0 <= exceptions <= days:
        raise BadInput("exceptions", exceptions, f"from 0 to {days}, the days")
    ratio = float(_coverage(days, np.array(exceptions), alpha))
    return Result(ratio, chi_square_survival(ratio, 1))


def independence(exceptions: Flags, *, simulations: int = 0, seed: int = 0) -> Result:
    """An exception today says nothing of tomorrow, against a Markov chain of first order; chi-square with one degree of
    freedom [Christoffersen, Evaluating interval forecasts, International Economic Review 39, 1998].

    simulations : if any, p is of as many random orders of the same days instead, which holds for few exceptions too.

    Raises
    ------
    BadInput : fewer than two days.
    """
    require_days(exceptions, 2)
    ratio = float(_markov(exceptions[None])[0])
    if not simulations:
        return Result(ratio, chi_square_survival(ratio, 1))
    null = np.concatenate([_markov(exceptions[np.argsort(u, axis=1, kind="stable")])
                           for u in random_days(seed, simulations, len(exceptions))])
    return Result(ratio, simulated(ratio, null))


def conditional_coverage(exceptions: Flags, alpha: float, *, simulations: int = 0, seed: int = 0) -> Result:
    """Both at once, two degrees of freedom (the same paper); `simulations` of independent days if any.

    Raises
    ------
    BadInput : alpha not in (0, 1); fewer than two days.
    """
    require_alpha(alpha)
    require_days(exceptions, 2)

    def ratios(flags: Flags) -> Floats:
        return _coverage(flags.shape[1], flags.sum(1), alpha) + _markov(flags)

    ratio = float(ratios(exceptions[None])[0])
    if not simulations:
        return Result(ratio, chi_square_survival(ratio, 2))
    null = np.concatenate([ratios(u < alpha) for u in random_days(seed, simulations, len(exceptions))])
    return Result(ratio, simulated(ratio, null))


def dynamic_quantile(exceptions: Flags, var: Floats, alpha: float, *, lags: int = LAGS, simulations: int = 0,
                     seed: int = 0) -> Result:
    """Nothing that was known before tells exceptions: neither those of the last days nor VaR itself.

    Exceptions less alpha are regressed on a constant, on themselves at 1 .. lags days before, and on VaR; what these
    explain, over alpha (1 - alpha), is chi-square with as many degrees as regressors that others do not combine to
    [Engle and Manganelli, CAViaR, Journal of Business & Economic Statistics 22, 2004, theorem 4 and section 6].

    Raises
    ------
    BadInput : alpha not in (0, 1); another number of VaRs than of days; fewer than twice as many days as regressors.
    """
    require_alpha(alpha)
    if len(var) != len(exceptions):
        raise BadInput("number of VaRs", len(var), f"{len(exceptions)}, the days")
    require_days(exceptions, 2 * (lags + 2) + lags)
    found, rank = _explained(exceptions[None], var, alpha, lags)
    if not simulations:
        return Result(float(found[0]), chi_square_survival(float(found[0]), int(rank[0])))
    null = np.concatenate([_explained(u < alpha, var, alpha, lags)[0]
                           for u in random_days(seed, simulations, len(exceptions))])
    return Result(float(found[0]), simulated(float(found[0]), null))


@dataclass(frozen=True)
class Light:
    """Basel's traffic light of `days` days.

    at_most : probability of no more exceptions if VaR is right.  zone : green; yellow from 95 %, red from 99.99 % on.
    multiplier : of 250 days at 99 %, that of the capital requirement; None elsewhere.
    """

    days: int
    exceptions: int
    at_most: float
    zone: str
    multiplier: float | None


def traffic_light(exceptions: Flags, alpha: float) -> Light:
    """Of the last 250 days [Basel Committee, Minimum capital requirements for market risk, MAR99: green 0-4, yellow
    5-9, red 10 and more of 250 at 99 %; for other days and levels the probabilities that these zones were made of].

    Raises
    ------
    BadInput : alpha not in (0, 1); no days.
    """
    require_alpha(alpha)
    require_days(exceptions, 1)
    last = exceptions[-YEAR:]
    count = int(last.sum())
    at_most = binomial_at_most(len(last), alpha, count)
    # Where exceptions are so rare that even none is 95 % likely, none is no reason for doubt.
    zone = "green" if at_most < _YELLOW or count == 0 else "yellow" if at_most < _RED else "red"
    standard = len(last) == YEAR and abs(alpha - 0.01) < 1e-12
    return Light(len(last), count, at_most, zone, _MULTIPLIERS[min(count, 10)] if standard else None)


def most_in_a_year(exceptions: Flags) -> int:
    """The largest number of exceptions in 250 days in a row."""
    total = np.concatenate([[0], np.cumsum(exceptions)])
    return int((total[YEAR:] - total[:-YEAR]).max()) if len(exceptions) >= YEAR else int(total[-1])


def require_alpha(alpha: float) -> None:
    """Raises BadInput unless alpha is a probability between 0 and 1."""
    if not 0 < alpha < 1:
        raise BadInput("alpha", alpha, "between 0 and 1: the tail's probability, 0.025 at 97.5 %")


def require_days(exceptions: Flags, least: int) -> None:
    """Raises BadInput for fewer days than a test needs."""
    if len(exceptions) < least:
        raise BadInput("number of days", len(exceptions), f"at least {least} for this test")


def _xlogy(x: Floats, y: Floats) -> Floats:
    """x log y, 0 where x is."""
    found: Floats = x * np.log(np.where(x > 0, y, 1.0))
    return found


def _coverage(days: int, exceptions: NDArray[np.int64], alpha: float) -> Floats:
    count, rest = np.asarray(exceptions, np.float64), np.asarray(days - exceptions, np.float64)
    found: Floats = 2.0 * (_xlogy(count, count / (days * alpha)) + _xlogy(rest, rest / (days * (1 - alpha))))
    return np.maximum(found, 0.0)


def _markov(flags: Flags) -> Floats:
    """Likelihood ratio of a chain of first order against independence: (k, n) -> (k,)."""
    before, after = flags[:, :-1], flags[:, 1:]
    n11 = np.sum(before & after, 1).astype(np.float64)
    n10, n01 = before.sum(1) - n11, after.sum(1) - n11
    n00 = before.shape[1] - n11 - n10 - n01

    def likelihood(stays: Floats, comes: Floats) -> Floats:
        every = np.maximum(stays + comes, 1)
        return _xlogy(stays, stays / every) + _xlogy(comes, comes / every)

    found: Floats = 2.0 * (likelihood(n00, n01) + likelihood(n10, n11) - likelihood(n00 + n10, n01 + n11))
    return np.maximum(found, 0.0)


def _explained(flags: Flags, var: Floats, alpha: float, lags: int) -> tuple[Floats, NDArray[np.int64]]:
    """What regressors explain of each row, and how many of them are independent: (k, n) -> (k,), (k,)."""
    hits = flags - alpha
    n = flags.shape[1]
    y = hits[:, lags:]
    # VaR enters as its distance from its mean, in units of itself: the same space, and well conditioned.
    spread = var[lags:] - var[lags:].mean()
    size = np.abs(spread).max()
    flat = size <= 1e-12 * np.abs(var).max()
    columns = [np.ones_like(y), *(hits[:, lags - i:n - i] for i in range(1, lags + 1)),
               np.broadcast_to(np.zeros_like(spread) if flat else spread / size, y.shape)]
    x = np.stack(columns, 2)
    x = x / np.maximum(np.sqrt((x * x).sum(1, keepdims=True)), 1e-300)
    values, vectors = np.linalg.eigh(np.einsum("kni,knj->kij", x, x))
    used = values > 1e-9
    along = np.einsum("kij,ki->kj", vectors, np.einsum("kni,kn->ki", x, y))
    explained = np.where(used, along * along / np.where(used, values, 1.0), 0.0).sum(1)
    return explained / (alpha * (1 - alpha)), used.sum(1)
