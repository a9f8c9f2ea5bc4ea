"""How an epoch's model would have done on a history: forecast of volatility, returns beyond it, path of correlations.

An exception of a holder is a return below the forecast quantile of the tail, of a seller one above the opposite
quantile; the same parameters judge all days, so this is in sample: it shows a model that does not fit, and proves none.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GRID_1000
from risk.grid.grid_standard import StandardMap
from risk.margins.contributions import AnyEpoch
from risk.market.history import History
from risk.models.calibration import log_returns
from risk.models.model import Model
from risk.models.regime import regimes_of
from risk.models.volatility import Volatility

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class AssetPast:
    """One asset. Log returns over `History.steps` each.

    returns, deviations : (n,), and the forecast standard deviation of each.
    low, high : (n,), quantiles forecast.  now : deviation forecast of the step after the last.
    due : exceptions expected on each side.
    """

    asset: str
    returns: Floats
    deviations: Floats
    low: Floats
    high: Floats
    now: float
    due: float

    @property
    def below(self) -> int:
        """Exceptions of holders."""
        return int(np.count_nonzero(self.returns < self.low))

    @property
    def above(self) -> int:
        """Exceptions of sellers."""
        return int(np.count_nonzero(self.returns > self.high))


@dataclass(frozen=True, eq=False)
class Past:
    """labels, times : of each return, (n,).  level : probability of the tail.
    pairs : correlation of two assets on each day and of the next step, (n + 1,).
    regimes : correlations of a grid's regimes.  regimes_now : which of them today's correlations lie between.
    """

    labels: tuple[str, ...]
    times: tuple[int, ...]
    level: Fraction
    assets: tuple[AssetPast, ...]
    pairs: dict[tuple[str, str], Floats]
    regimes: tuple[float, ...]
    regimes_now: tuple[int, ...]


def look_back(epoch: AnyEpoch, model: Model, history: History) -> Past:
    """Run the model of an epoch over a history.

    Parameters
    ----------
    history : its assets in the model's order.
    """
    returns, level = log_returns(history), epoch.shape.tail.share(epoch.shape.scenarios)
    assets, residuals = [], []
    for i, (asset, volatility) in enumerate(zip(model.assets, model.volatilities, strict=True)):
        column = returns[:, i]
        residuals.append(volatility.residuals(column, history.steps))
        assets.append(_asset(asset, volatility, column, residuals[-1], history, level))
    path = model.correlation.path(np.stack(residuals, axis=1), history.steps)
    pairs = {(model.assets[j], model.assets[i]): path[:, i, j] for i in range(len(model.assets)) for j in range(i)}
    grid = epoch.shape.map if isinstance(epoch, GridEpoch) else GRID_1000.map
    regimes = grid.correlations if isinstance(grid, StandardMap) else ()
    now = tuple(tuple(row) for row in path[-1].tolist())
    return Past(history.labels[1:], history.times[1:], level, tuple(assets), pairs, regimes,
                regimes_of(now, regimes) if regimes else ())


def _asset(asset: str, volatility: Volatility, returns: Floats, residuals: Floats, history: History, level: Fraction
           ) -> AssetPast:
    """The forecast deviation of a return follows from its residual: r = k mean + deviation z."""
    variances = volatility.variances(returns, history.steps)
    expected = volatility.mean * history.steps
    tail = np.array([float(level)])
    low, high = (float(volatility.law.from_tails(*sides)[0]) for sides in ((tail, 1.0 - tail), (1.0 - tail, tail)))
    deviations = np.sqrt(variances[:-1])
    return AssetPast(asset, returns, deviations, expected + deviations * low, expected + deviations * high,
                     float(np.sqrt(variances[-1])), float(level * len(returns)))
