"""Filtered historical simulation: yesterday's surprises at today's volatility and today's dependence.

Each asset's history is divided by its volatility and decorrelated by the correlation of its own day; a scenario draws
whole days of these residuals, all assets of one day together, so that tails are the market's own, correlates them as
today and sends them through the volatility model from today's forecast [Barone-Adesi, Giannopoulos, Vosper, VaR without
correlations for portfolios of derivative securities, Journal of Futures Markets 19, 1999; for the correlations:
Pritsker, The hidden dangers of historical simulation, Journal of Banking and Finance 30, 2006].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.market.history import History
from risk.models.calibration import log_returns, residuals
from risk.models.innovations import Law
from risk.models.model import Model
from risk.models.volatility import Volatility

_FIXED = Volatility.ewma(0.94, Law("normal"))
"""What days are ordered by: RiskMetrics' filter, which nobody fits."""


def innovations(model: Model, history: History, *, seed: int, count: int, horizon: int) -> NDArray[np.float64]:
    """Residuals of days drawn from the history, under today's correlation, one day a step: (S, h, m).

    Days are drawn by strata: in each step, one from each of S equal parts of `days_in_order`. Every day is as likely as
    in plain bootstrapping, but bad and good days come in the proportion they really had.
    """
    return from_uniforms(model, history, latin_hypercube(seed, count, (horizon,)))


def population(model: Model, history: History, *, seed: int, count: int, horizon: int) -> NDArray[np.float64]:
    """The same from Sobol points, which fill the sequences of h days evenly: (count, h, m)."""
    return from_uniforms(model, history, sobol_uniforms(seed, count, (horizon,)))


def from_uniforms(model: Model, history: History, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
    """Residuals of the days at these places, (S, h) -> (S, h, m)."""
    today = model.correlation.to_today(residuals(model, history), history.steps)
    places = np.floor(uniforms * len(today)).astype(np.int64)
    drawn: NDArray[np.float64] = today[days_in_order(history)[places]]
    return drawn


def days_in_order(history: History) -> NDArray[np.int64]:
    """Days of the history from bad to good: int64 (n - 1,), by prices alone.

    By the sum over assets of the rank of their return, divided by a volatility with fixed parameters. No fitted
    parameter enters: otherwise a publisher could draw other days by a fit that is 0.008 behind in likelihood.
    """
    returns = log_returns(history)
    total = np.zeros(len(returns), np.int64)
    for column in returns.T:
        order = np.argsort(_FIXED.residuals(column, history.steps), kind="stable")
        ranks = np.empty(len(order), np.int64)
        ranks[order] = np.arange(len(order))
        total += ranks
    return np.argsort(total, kind="stable")
