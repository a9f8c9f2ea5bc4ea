"""Which Greek a loss comes from: every value change of every scenario in parts that sum to it exactly.

Each part is a revaluation in which only one thing happens, less the one in which only time passes:

time           what passes while nothing moves (theta, carry)
delta          today's delta times the move of the spot
curvature      what the move of the spot does beyond that: gamma and all above it
volatility     what the move of volatility, its skew included, does alone: vega and all above it
basis          what futures and perpetuals do against the spot
rates          what a shock of the rates does
cross          what is left: moves that happen at once do more, or less, than each alone (vanna among it)
interpolation  on a grid, what interpolating between its nodes adds; with levels, a unit of rounding

Sums over the tail's masses so split Expected Shortfall, and a trade's marginal Expected Shortfall, by Greek in integers
with nothing left over. They are revaluations, not an expansion: in a tail a Taylor series is worth little.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from risk.exact.money import UNIT
from risk.greeks.closed import NAMES
from risk.greeks.lots import lot_greeks
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import Positions, lot_changes
from risk.margins.explain import scenarios_of
from risk.margins.levels import from_today
from risk.margins.shocks import Market
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios.scenarios import COLUMNS_OF_SHOCKS, Scenarios, Shocks
from risk.valuation.revaluation import spots_after, value_changes

Ints = NDArray[np.int64]
BUCKETS = ("time", "delta", "curvature", "volatility", "basis", "rates", "cross", "interpolation")
_SHOCKED = {"spot": (), "volatility": ("volatility", "linear", "absolute"), "basis": ("basis",), "rates": ()}
"""Columns of `Shocks` that each kind of move has, besides the spots."""


@dataclass(frozen=True, eq=False)
class Buckets:
    """changes : by bucket, value change of a lot of each row of the epoch in each scenario, int64 (rows, S), in
    1/2**weight_bits of 10**-6 quote units; they sum to the changes that margins from today on are made of."""

    changes: dict[str, Ints]
    weight_bits: int

    def parts(self, positions: Positions, mass: Sequence[int]) -> dict[str, int]:
        """Sum of mass x loss of positions (row of the epoch, lots), by bucket: with the tail's masses, parts of K ES.

        mass : S integers.
        """
        held = [s for s, count in enumerate(mass) if count]
        found = dict.fromkeys(BUCKETS, 0)
        for name, changes in self.changes.items():
            for row, lots in positions:
                own = changes[row]
                for s in held:
                    found[name] -= lots * mass[s] * int(own[s])
        return found


def buckets(market: Market) -> Buckets:
    """Of an epoch with sources.

    Raises
    ------
    BadInput : from `risk.greeks.lots.lot_greeks`.
    """
    epoch, model, book = market.epoch, market.model, market.book
    scenarios = scenarios_of(epoch, model)

    def changes(*moves: str) -> Ints:
        return value_changes(book, model, market.calibration, _only(scenarios, moves))

    time = changes()
    by_spot, by_volatility, by_basis, by_rates = (changes(name) - time for name in _SHOCKED)
    full = value_changes(book, model, market.calibration, scenarios)
    delta = _by_delta(market, scenarios)
    found = {"time": time, "delta": delta, "curvature": by_spot - delta, "volatility": by_volatility,
             "basis": by_basis, "rates": by_rates,
             "cross": full - time - by_spot - by_volatility - by_basis - by_rates}
    bits = epoch.shape.weight_bits if isinstance(epoch, GridEpoch) else 0
    listings = [market.listing(row) for row in range(1, len(epoch.ids))]
    out = {name: np.concatenate([np.zeros((1, full.shape[1]), np.int64), values[listings] << bits])
           for name, values in found.items()}
    today = from_today(epoch)
    whole = np.concatenate([np.zeros((1, full.shape[1]), np.int64), full[listings] << bits])
    out["interpolation"] = np.stack([lot_changes(today, row) for row in range(len(epoch.ids))]) - whole
    return Buckets(out, bits)


def _only(scenarios: Scenarios, moves: Sequence[str]) -> Scenarios:
    """The scenarios with nothing happening but these of spot, volatility, basis and rates."""
    returns = scenarios.returns if "spot" in moves else np.zeros_like(scenarios.returns)
    variances = scenarios.variances if "volatility" in moves else \
        np.broadcast_to(scenarios.today, scenarios.variances.shape).copy()
    if scenarios.shocks is None:
        return replace(scenarios, returns=returns, variances=variances)
    table = scenarios.shocks.table.copy()
    kept = {"kind", "origin", "damping", *(name for move in moves for name in _SHOCKED[move])}
    for i, name in enumerate(COLUMNS_OF_SHOCKS):
        if name not in kept:
            table[:, i] = 0
    if "spot" not in moves:
        table[:, len(COLUMNS_OF_SHOCKS):] = 0
    if "rates" not in moves:                       # a kind of its own: as any other, they are shocked in no way
        table[np.array([kind == "rates" for kind in scenarios.kinds]), COLUMNS_OF_SHOCKS.index("kind")] = 0
    return replace(scenarios, returns=returns, variances=variances, shocks=Shocks(table))


def _by_delta(market: Market, scenarios: Scenarios) -> Ints:
    """Delta times the move of the spot, rounded to money: (n, S)."""
    assets = market.model.assets
    spot = np.array([underlying.spot for underlying in market.book.underlyings]) / UNIT
    moved = spots_after(spot, scenarios) - spot[:, None]
    if scenarios.shocks is not None:
        moved = moved * (scenarios.shocks.column("damping") / SHOCK_UNIT)
    deltas = lot_greeks(market).closed[:, NAMES.index("delta")]
    # Cash is on no asset and has no delta; any will do.
    rows = [assets.index(listing.instrument.underlying) if listing.instrument.underlying in assets else 0
            for listing in market.book.listings]
    out: Ints = np.rint(deltas[:, None] * moved[rows] * UNIT).astype(np.int64)
    return out
