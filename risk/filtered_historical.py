"""Filtered historical simulation: yesterday's surprises at today's volatility.

Each asset's history is divided by its GARCH volatility; a scenario draws whole days of these residuals, all assets of
one day together, so that dependence and tails are the market's own, and sends them through the GARCH from today's
volatility [Barone-Adesi, Giannopoulos, Vosper, VaR without correlations for portfolios of derivative securities,
Journal of Futures Markets 19, 1999].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.calibration import Calibration, log_returns
from risk.history import History
from risk.uniforms import uniforms


def innovations(calibration: Calibration, history: History, *, seed: int, scenarios: int,
                horizon: int) -> NDArray[np.float64]:
    """Residuals of days drawn with replacement, one day a step: (S, h, m)."""
    returns = log_returns(history)
    residuals = np.stack([garch.residuals(returns[:, i]) for i, garch in enumerate(calibration.garch)], axis=1)
    days = np.floor(uniforms(seed, (scenarios, horizon)) * len(residuals)).astype(np.int64)
    drawn: NDArray[np.float64] = residuals[days]
    return drawn
