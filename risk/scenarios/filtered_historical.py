"""Filtered historical simulation: yesterday's surprises at today's volatility.

Each asset's history is divided by its GARCH volatility; a scenario draws whole days of these residuals, all assets of
one day together, so that dependence and tails are the market's own, and sends them through the GARCH from today's
volatility [Barone-Adesi, Giannopoulos, Vosper, VaR without correlations for portfolios of derivative securities,
Journal of Futures Markets 19, 1999].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.uniforms import latin_hypercube
from risk.market.history import History
from risk.models.calibration import Calibration, log_returns


def innovations(calibration: Calibration, history: History, *, seed: int, scenarios: int,
                horizon: int) -> NDArray[np.float64]:
    """Residuals of days drawn from the history, one day a step: (S, h, m).

    Days are drawn by strata: in each step, one from each of S equal parts of the days in order of their mean residual.
    Every day is as likely as in plain bootstrapping, but bad and good days come in the proportion they really had.
    """
    returns = log_returns(history)
    residuals = np.stack([garch.residuals(returns[:, i]) for i, garch in enumerate(calibration.garch)], axis=1)
    total = np.zeros(len(residuals))
    for column in residuals.T:
        total = total + column
    order = np.argsort(total, kind="stable")
    places = np.floor(latin_hypercube(seed, scenarios, (horizon,)) * len(residuals)).astype(np.int64)
    drawn: NDArray[np.float64] = residuals[order[places]]
    return drawn
