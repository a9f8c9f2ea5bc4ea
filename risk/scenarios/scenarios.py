"""What the scenarios of an epoch are: per asset a log return over the horizon, and the variance it leaves behind.

They are rounded to integers as soon as they are drawn, and everything after starts from the integers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.models.calibration import Calibration

RETURN_UNIT = 10**9
"""Log returns are integers of 10**-9."""
VARIANCE_UNIT = 10**12
"""Variances per step are integers of 10**-12."""
LARGEST_RETURN = 8 * RETURN_UNIT
"""No asset is taken to rise or fall by a factor of e**8 = 2981 within the horizon."""
LARGEST_VARIANCE = 10**4 * VARIANCE_UNIT


@dataclass(frozen=True, eq=False)
class Scenarios:
    """S scenarios of m assets.

    returns : int64 (S, m), log return over the horizon in 10**-9.
    variances : int64 (S, m), conditional variance of the step after the horizon in 10**-12.
    today : int64 (m,), conditional variance of the first step in 10**-12.
    """

    returns: NDArray[np.int64]
    variances: NDArray[np.int64]
    today: NDArray[np.int64]

    def at(self, paths: NDArray[np.int64]) -> Scenarios:
        """Those of the given indices."""
        return Scenarios(self.returns[paths], self.variances[paths], self.today)

    def at_bound(self, bound: float) -> int:
        """How many scenarios have a log return of +-bound."""
        return int((np.abs(self.returns) >= round(bound * RETURN_UNIT)).any(axis=1).sum())


def simulate(calibration: Calibration, assets: tuple[str, ...], innovations: NDArray[np.float64], *,
             bound: float | None = None) -> Scenarios:
    """Run each asset's volatility over the horizon and round.

    Student-t log returns have no finite E exp(r): a book that is short anything that rises then has no Expected
    Shortfall at all, and one path in a million moves it by a third. A bound that is published with the model ends this
    in price space, where losses are; a path beyond it stays, at the bound, and is counted (`Scenarios.at_bound`).

    Parameters
    ----------
    innovations : (S, h, m), of unit variance.
    bound : on |log return| over the horizon.

    Raises
    ------
    BadInput : a return beyond +-8 or a variance that is 0 or beyond 10**4 after rounding; names scenario and asset.
    """
    paths = [volatility.simulate(variance, innovations[:, :, i]) for i, (volatility, variance)
             in enumerate(zip(calibration.volatilities, calibration.variances, strict=True))]
    returns = np.stack([path[0] for path in paths], axis=1) * RETURN_UNIT
    if bound is not None:
        returns = np.clip(returns, -bound * RETURN_UNIT, bound * RETURN_UNIT)
    variances = np.stack([path[1] for path in paths], axis=1) * VARIANCE_UNIT
    return rounded(returns, variances, np.array(calibration.variances) * VARIANCE_UNIT, assets)


def rounded(returns: NDArray[np.float64], variances: NDArray[np.float64], today: NDArray[np.float64],
            assets: tuple[str, ...]) -> Scenarios:
    """Scenarios from their numbers in whole units: (S, m), (S, m), (m,).

    Raises
    ------
    BadInput : as `simulate`.
    """
    return Scenarios(_rounded(returns, -LARGEST_RETURN, LARGEST_RETURN, "log return x 10**9", assets),
                     _rounded(variances, 1, LARGEST_VARIANCE, "variance x 10**12", assets),
                     _rounded(today[None], 1, LARGEST_VARIANCE, "variance today x 10**12", assets)[0])


def _rounded(values: NDArray[np.float64], low: int, high: int, name: str, assets: tuple[str, ...]) -> NDArray[np.int64]:
    rounded = np.rint(values)
    inside = (rounded >= low) & (rounded <= high)
    if not inside.all():
        s, i = np.argwhere(~inside)[0]
        raise BadInput(f"scenario {s}, {assets[i]}: {name}", float(values[s, i]), f"in [{low}, {high}]")
    return rounded.astype(np.int64)
