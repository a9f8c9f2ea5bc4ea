"""Whether forecasts of Value at Risk and Expected Shortfall held on the days that followed.

losses, VaR, ES are per day, float (n,), losses positive; alpha is the tail's probability, 0.025 at 97.5 %.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlog1py, xlogy
from scipy.stats import chi2

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
LARGEST_BET = 0.5
_BETS = np.linspace(0.0, LARGEST_BET, 51)
RED = 10
"""Exceptions of 99 % VaR in 250 days from which Basel's traffic light is red [BCBS, Minimum capital requirements for
market risk, MAR99]; five and more are yellow."""


def kupiec(days: int, exceptions: int, alpha: float) -> float:
    """p-value of "exceptions happen with probability alpha": likelihood ratio, chi-square with 1 degree of freedom
    [Kupiec, Techniques for verifying the accuracy of risk measurement models, Journal of Derivatives 3, 1995]."""
    return float(chi2.sf(_coverage(days, exceptions, alpha), 1))


def independence(exceptions: Flags) -> float:
    """p-value of "an exception today says nothing of tomorrow", against a Markov chain of first order [Christoffersen,
    Evaluating interval forecasts, International Economic Review 39, 1998]."""
    return float(chi2.sf(_markov(exceptions), 1))


def conditional_coverage(exceptions: Flags, alpha: float) -> float:
    """p-value of both at once, 2 degrees of freedom (the same paper)."""
    return float(chi2.sf(_coverage(len(exceptions), int(exceptions.sum()), alpha) + _markov(exceptions), 2))


def z2(losses: Floats, exceptions: Flags, shortfall: Floats, alpha: float) -> float:
    """1 - sum(L [L > VaR] / ES) / (n alpha): about 0 if the forecast is right, -0.70 is its 5 % point for many laws
    [Acerbi and Székely, Backtesting Expected Shortfall, Risk, December 2014]."""
    return float(1.0 - math.fsum(losses[exceptions] / shortfall[exceptions]) / (len(losses) * alpha))


def e_process(losses: Floats, var: Floats, shortfall: Floats, alpha: float) -> Floats:
    """Wealth after each day of who bets against the forecasts: (n,). Above 20 it is refuted at 5 %, at whatever day.

    M_t = prod(1 + b_s (e_s - 1)), e = (L - VaR)+ / (alpha (ES - VaR)), whose mean is at most 1 where the forecasts are
    right or too high; b_s in [0, 1/2] is what would have grown most on the days before (GREL), 0 at first [Wang, Wang,
    Ziegel, E-backtesting, arXiv:2209.00991].
    """
    e = np.maximum(losses - var, 0.0) / (alpha * (shortfall - var))
    growth = np.log1p(_BETS * (e[:, None] - 1.0))                             # (n, bets), of each day
    earlier = np.vstack([np.zeros((1, len(_BETS))), np.cumsum(growth, 0)[:-1]])
    found: Floats = np.exp(np.cumsum(growth[np.arange(len(e)), earlier.argmax(1)]))
    return found


def most_in_250_days(exceptions: Flags) -> int:
    """The largest number of exceptions in 250 days in a row, for Basel's zones."""
    total = np.concatenate([[0], np.cumsum(exceptions)])
    return int((total[250:] - total[:-250]).max()) if len(exceptions) >= 250 else int(total[-1])


def _coverage(days: int, exceptions: int, alpha: float) -> float:
    def log_likelihood(p: float) -> float:
        return float(xlogy(exceptions, p) + xlog1py(days - exceptions, -p))

    return -2.0 * (log_likelihood(alpha) - log_likelihood(exceptions / days))


def _markov(exceptions: Flags) -> float:
    """Likelihood ratio of a first-order chain against independence."""
    before, after = exceptions[:-1], exceptions[1:]
    counts = np.array([[np.sum((before == a) & (after == b)) for b in (False, True)] for a in (False, True)])

    def log_likelihood(stays: float, comes: float) -> float:
        return float(xlogy(comes, comes / max(stays + comes, 1)) + xlogy(stays, stays / max(stays + comes, 1)))

    return 2.0 * (sum(log_likelihood(*row) for row in counts) - log_likelihood(*counts.sum(0)))
