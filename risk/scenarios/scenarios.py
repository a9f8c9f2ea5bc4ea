"""What the scenarios of an epoch are: per asset a log return over the horizon, and the variance it leaves behind.

They are rounded to integers as soon as they are drawn, and everything after starts from the integers. Scenarios that
the model did not draw (stress, handwritten sets) say where they came from, and what else they do (`Shocks`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.models.calibration import Calibration
from risk.models.rate_shocks import RATE_SHOCKS
from risk.models.scenario_set import SHOCK_UNIT

RETURN_UNIT = 10**9
"""Log returns are integers of 10**-9."""
VARIANCE_UNIT = 10**12
"""Variances per step are integers of 10**-12."""
LARGEST_RETURN = 8 * RETURN_UNIT
"""No asset is taken to rise or fall by a factor of e**8 = 2981 within the horizon."""
LARGEST_VARIANCE = 10**4 * VARIANCE_UNIT
KINDS = ("model", "dependence-0", "dependence-1", "historical", "black-swan", "handwritten", "rates")
"""Where a scenario came from; the place in this list is what arrays hold, so nothing is ever put between."""
COLUMNS_OF_SHOCKS = ("kind", "origin", "volatility", "basis", "damping", "linear", "absolute")


@dataclass(frozen=True, eq=False)
class Shocks:
    """What scenarios are and do besides their returns and variances.

    table : int64 (S, 7 + m). By column, shocks in 10**-12 as in `risk.models.scenario_set.Row`:

    kind        place in `KINDS`
    origin      historical: first row of the history that the scenario repeats; handwritten: row of the set; rates:
                place in `risk.models.rate_shocks.RATE_SHOCKS`; else 0
    volatility  relative change of implied volatility, on top of what variances say
    basis       relative change of futures' and perpetuals' prices over the spot
    damping     share of the change of value that counts
    linear, absolute    skews
    then        per asset, relative change of the spot; counts only where the kind is handwritten
    """

    table: NDArray[np.int64]

    @classmethod
    def of(cls, kind: str, count: int, assets: int, **columns: NDArray[np.int64] | int) -> Shocks:
        """Scenarios of one kind. columns : by name, damping 1 and others 0 by default; spot: (count, m)."""
        table = np.zeros((count, len(COLUMNS_OF_SHOCKS) + assets), np.int64)
        columns = {"kind": KINDS.index(kind), "damping": SHOCK_UNIT, **columns}
        for name, values in columns.items():
            if name == "spot":
                table[:, len(COLUMNS_OF_SHOCKS):] = values
            else:
                table[:, COLUMNS_OF_SHOCKS.index(name)] = values
        return cls(table)

    def column(self, name: str) -> NDArray[np.int64]:
        """(S,)."""
        return self.table[:, COLUMNS_OF_SHOCKS.index(name)]

    @property
    def spot(self) -> NDArray[np.int64]:
        """(S, m)."""
        return self.table[:, len(COLUMNS_OF_SHOCKS):]

    @property
    def written(self) -> NDArray[np.bool_]:
        """Where spots follow from `spot`, not from returns: (S,)."""
        return self.column("kind") == KINDS.index("handwritten")

    @property
    def rates(self) -> NDArray[np.bool_]:
        """Where rates are shocked: (S,)."""
        return self.column("kind") == KINDS.index("rates")

    def violation(self) -> str | None:
        """What a table must be and is not; None for a good one."""
        kinds, damping = self.column("kind"), self.column("damping")
        if ((kinds < 0) | (kinds >= len(KINDS))).any():
            return f"kinds in [0, {len(KINDS) - 1}]"
        origin = self.column("origin")[self.rates]
        if ((origin < 0) | (origin >= len(RATE_SHOCKS))).any():
            return f"origins of rates in [0, {len(RATE_SHOCKS) - 1}]"
        return None if ((damping > 0) & (np.abs(self.table) < 1 << 53).all(1)).all() else "damped by more than 0"


@dataclass(frozen=True, eq=False)
class Scenarios:
    """S scenarios of m assets.

    returns : int64 (S, m), log return over the horizon in 10**-9.
    variances : int64 (S, m), conditional variance of the step after the horizon in 10**-12.
    today : int64 (m,), conditional variance of the first step in 10**-12.
    shocks : None where the model drew all of them.
    """

    returns: NDArray[np.int64]
    variances: NDArray[np.int64]
    today: NDArray[np.int64]
    shocks: Shocks | None = None

    def at(self, paths: NDArray[np.int64]) -> Scenarios:
        """Those of the given indices."""
        return Scenarios(self.returns[paths], self.variances[paths], self.today,
                         None if self.shocks is None else Shocks(self.shocks.table[paths]))

    @property
    def kinds(self) -> tuple[str, ...]:
        """Where each came from: S names of `KINDS`."""
        if self.shocks is None:
            return (KINDS[0],) * len(self.returns)
        return tuple(KINDS[kind] for kind in self.shocks.column("kind").tolist())

    def counts(self) -> dict[str, int]:
        """How many of each kind, of those that there are, in the order of `KINDS`."""
        kinds = self.kinds
        return {kind: kinds.count(kind) for kind in KINDS if kind in kinds}

    @classmethod
    def joined(cls, parts: Sequence[Scenarios]) -> Scenarios:
        """Parts of one model one after the other; they agree on today."""
        if len(parts) == 1:
            return parts[0]
        m = parts[0].returns.shape[1]
        shocks = [part.shocks or Shocks.of(KINDS[0], len(part.returns), m) for part in parts]
        return cls(np.concatenate([part.returns for part in parts]), np.concatenate([part.variances for part in parts]),
                   parts[0].today, Shocks(np.concatenate([part.table for part in shocks])))

    def at_bound(self, bound: float) -> int:
        """How many scenarios have a log return of +-bound."""
        return int((np.abs(self.returns) >= round(bound * RETURN_UNIT)).any(axis=1).sum())


def simulate(calibration: Calibration, assets: tuple[str, ...], innovations: NDArray[np.float64], *,
             bound: float | None = None, jumps: NDArray[np.float64] | None = None, followed: bool = False
             ) -> Scenarios:
    """Run each asset's volatility over the horizon and round.

    Student-t log returns have no finite E exp(r): a book that is short anything that rises then has no Expected
    Shortfall at all, and one path in a million moves it by a third. A bound that is published with the model ends this
    in price space, where losses are; a path beyond it stays, at the bound, and is counted (`Scenarios.at_bound`).

    Parameters
    ----------
    innovations : (S, h, m), of unit variance.
    bound : on |log return| over the horizon.
    jumps : (S, m), what is added to log returns (`risk.models.jumps`). Variances take them as a surprise of the last
        step, alpha J**2 and, of losses, gamma J**2 on top.
    followed : whether the steps of the horizon that come after a jump follow it, too, as where jumps were fitted
        together with volatilities: a path's own surprises are larger by the root of what jumps, at any step alike, are
        expected to add to their variance.

    Raises
    ------
    BadInput : a return beyond +-8 or a variance that is 0 or beyond 10**4 after rounding; names scenario and asset.
    """
    paths = [volatility.simulate(variance, innovations[:, :, i]) for i, (volatility, variance)
             in enumerate(zip(calibration.volatilities, calibration.variances, strict=True))]
    returns = np.stack([path[0] for path in paths], axis=1)
    after = np.stack([path[1] for path in paths], axis=1)
    if jumps is not None:
        weights = np.where(jumps < 0, np.array([v.alpha + v.gamma for v in calibration.volatilities]),
                           np.array([v.alpha for v in calibration.volatilities]))
        surprises = weights * (jumps * jumps)
        if followed:
            returns = _following(calibration, returns, surprises, innovations.shape[1])
        returns, after = returns + jumps, after + surprises
    returns = returns * RETURN_UNIT
    if bound is not None:
        returns = np.clip(returns, -bound * RETURN_UNIT, bound * RETURN_UNIT)
    variances = after * VARIANCE_UNIT
    return rounded(returns, variances, np.array(calibration.variances) * VARIANCE_UNIT, assets)


def _following(calibration: Calibration, returns: NDArray[np.float64], surprises: NDArray[np.float64], steps: int
               ) -> NDArray[np.float64]:
    """Log returns of the diffusion, whose variances jumps have raised: (S, m)."""
    out = returns.copy()
    for i, (volatility, variance) in enumerate(zip(calibration.volatilities, calibration.variances, strict=True)):
        share, drift = volatility.aftermath(steps), steps * volatility.mean
        if share:                                  # of one step alone there is none after
            whole = steps * float(volatility.average_variance(np.array([variance]), steps)[0])
            out[:, i] = drift + (returns[:, i] - drift) * np.sqrt(1.0 + surprises[:, i] * share / whole)
    return out


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
