"""What a scan-based venue would ask: the worst loss over a handwritten set of moves, asset by asset.

Each asset's positions are revalued in every row of the set, as the set's laws say, at once and without the horizon
passing; the worst loss of an asset, at least 0, counts, and assets do not net, as at the venues whose sets these are.
Add-ons are the epoch's own, so that what differs is the way of taking risk. It enters no epoch and no proof.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from primitives.jsonio import Node
from risk.exact.shape import EpochShape, TailSize
from risk.margins.contributions import Positions
from risk.margins.shocks import Market
from risk.models.scenario_set import parse_set
from risk.scenarios import sets
from risk.valuation.revaluation import value_changes

DEFAULT_SET = "derive-pm2-2026-11"


def scan(market: Market, positions: Positions, name: str = DEFAULT_SET) -> int:
    """The margin on a preset set, 10**-6 quote units; errors as `set_changes`, and a position that the book does not
    list."""
    return scanned(market, positions, set_changes(market, name))


def set_changes(market: Market, name: str) -> NDArray[np.int64]:
    """Value change of a lot of every listing in each row of a preset set, at once: int64 (n, rows), money units.

    Raises
    ------
    BadInput : there is no such preset; it states no spot for an asset.
    """
    chosen = parse_set(Node(name, field="--set"), market.model.assets)
    shape = market.model.shape
    layout = EpochShape(len(chosen.rows), TailSize(1), shape.depth, shape.lanes, shape.width, shape.value_bits)
    model = replace(market.model, set=chosen, shape=layout, horizon=0,
                    dynamics=market.model.dynamics.of_rows)
    return value_changes(market.book, model, market.calibration, sets.scenarios(model))


def scanned(market: Market, positions: Positions, changes: NDArray[np.int64]) -> int:
    """`scan` on the changes of a set."""
    epoch, total = market.epoch, 0         # changes, also where the epoch has levels
    for asset in range(len(market.model.assets)):
        losses = [0] * changes.shape[1]
        for row, lots in positions:
            if int(epoch.underlying[row]) == asset:
                losses = [loss - lots * change for loss, change in
                          zip(losses, changes[market.listing(row)].tolist(), strict=True)]
        total += max(0, *losses)
    return total + sum(abs(lots) * int((epoch.long if lots >= 0 else epoch.short)[row]) for row, lots in positions)
