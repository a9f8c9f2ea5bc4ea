"""Why a scenario costs what it costs: how much of a loss the move of each asset's price, and of its volatility, makes
alone.

Positions are revalued at the end of the horizon with one thing moved as in the scenario and all else as today, against
nothing moved. Parts of a book that is not linear do not sum to the whole: `rest` is what moves do together, and what a
scenario does besides (skews, basis, damping; on a grid the interpolation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from risk.margins.contributions import Breakdown, Positions
from risk.margins.shocks import Market
from risk.scenarios.scenarios import Scenarios
from risk.valuation.revaluation import value_changes


@dataclass(frozen=True)
class Causes:
    """Of one scenario; money units, positive where it loses.

    time : what the horizon's passing alone loses.  spots, volatilities : of each asset, beside that.
    total : the loss in the scenario; all parts sum to it exactly.
    """

    scenario: int
    time: int
    spots: tuple[int, ...]
    volatilities: tuple[int, ...]
    rest: Fraction
    total: Fraction


def causes(market: Market, positions: Positions, found: Breakdown, scenarios: Scenarios, wanted: Sequence[int]
           ) -> tuple[Causes, ...]:
    """Causes of the losses in some scenarios.

    Parameters
    ----------
    positions : (row of the epoch, lots), that `found` is the breakdown of, on the basis of changes.
    scenarios : those that its losses were taken in, (S,).  wanted : which of them.

    Raises
    ------
    BadInput : a position that the epoch's book does not list.
    """
    out = []
    for s in wanted:
        losses = _losses(market, positions, _one_by_one(scenarios, s))
        assets = scenarios.returns.shape[1]
        time, alone = losses[0], [loss - losses[0] for loss in losses[1:]]
        total = found.money(found.losses[s])
        out.append(Causes(s, time, tuple(alone[:assets]), tuple(alone[assets:]),
                          total - time - sum(alone), total))
    return tuple(out)


def _one_by_one(scenarios: Scenarios, s: int) -> Scenarios:
    """Nothing moved; then each asset's price; then each one's variance: 1 + 2 m scenarios."""
    assets = scenarios.returns.shape[1]
    returns = np.zeros((1 + 2 * assets, assets), np.int64)
    variances = np.tile(scenarios.today, (1 + 2 * assets, 1))
    for i in range(assets):
        returns[1 + i, i] = scenarios.returns[s, i]
        variances[1 + assets + i, i] = scenarios.variances[s, i]
    return Scenarios(returns, variances, scenarios.today)


def _losses(market: Market, positions: Positions, scenarios: Scenarios) -> list[int]:
    changes = value_changes(market.book, market.model, market.calibration, scenarios)
    totals = [0] * len(scenarios.returns)
    for row, lots in positions:
        totals = [total - lots * change for total, change
                  in zip(totals, changes[market.listing(row)].tolist(), strict=True)]
    return totals
