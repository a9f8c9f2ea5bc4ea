"""The margin of a portfolio in a grid epoch, exact, and what the grid costs against full revaluation.

Losses are weighted sums of value changes at nodes and come in units of 2**-f of 10**-6 quote units; Expected Shortfall
is taken of those and rounded up once, to whole money.

A grid margin is never below the full-revaluation margin of the same scenarios. By E6 no position loses more in full
than on the grid by more than the interpolation error in its add-on; so full losses are at most grid losses plus a
whole amount X, scenario by scenario. Expected Shortfall is monotone and moves with constants, and so is rounding up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from risk.epochs.epoch import Epoch
from risk.exact.expected_shortfall import ShortfallCertificate, expected_shortfall
from risk.grid.grid_epoch import GridEpoch
from risk.margins.margin import QUANTITY_BITS, margin


@dataclass(frozen=True, eq=False)
class GridMargin:
    """What a portfolio must hold, and how that came about. Amounts are 10**-6 quote units unless said otherwise.

    losses : one per scenario, S of them, in 2**-weight_bits of money.
    shortfall : Expected Shortfall of the losses, in the same unit.
    addons : sum of rate x |lots| with the rate of the side held; interpolation errors are in the rates.
    gross : sum of |lots| x amax.
    standalone : margin of each position alone.
    """

    losses: tuple[int, ...]
    shortfall: ShortfallCertificate
    weight_bits: int
    addons: int
    gross: int
    standalone: tuple[int, ...]

    def __repr__(self) -> str:
        """What it comes to; not the hundreds of losses that it came from."""
        return (f"GridMargin(required={self.required}, addons={self.addons}, scenarios={len(self.losses)}, "
                f"positions={len(self.standalone)})")

    @property
    def required(self) -> int:
        """max(0, ceil(ES)) + add-ons: what the proof shows."""
        return _required(self.shortfall, self.weight_bits, self.addons)

    @property
    def netting_benefit(self) -> int:
        """What holding the positions together saves; never negative."""
        return sum(self.standalone) - self.required


def grid_margin(epoch: GridEpoch, positions: Sequence[tuple[int, int]]) -> GridMargin:
    """The margin of positions (row of the epoch, signed lots).

    Raises
    ------
    BadInput : a row that the epoch does not have, or a quantity of 2**40 lots or more; naming the position.
    """
    for i, (row, lots) in enumerate(positions):
        if not 0 <= row < len(epoch.ids):
            raise BadInput(f"positions[{i}].row", row, f"in [0, {len(epoch.ids)})")
        if abs(lots) >= 1 << QUANTITY_BITS:
            raise BadInput(f"positions[{i}].lots", lots, f"below 2**{QUANTITY_BITS} in absolute value")
    tail, bits = epoch.shape.tail, epoch.shape.weight_bits
    losses = scenario_losses(epoch, positions)
    addons = [abs(lots) * int((epoch.long if lots >= 0 else epoch.short)[row]) for row, lots in positions]
    standalone = tuple(_required(expected_shortfall(scenario_losses(epoch, [position]), tail), bits, addon)
                       for position, addon in zip(positions, addons, strict=True))
    return GridMargin(losses=losses, shortfall=expected_shortfall(losses, tail), weight_bits=bits,
                      addons=sum(addons), standalone=standalone,
                      gross=sum(abs(lots) * int(epoch.amax[row]) for row, lots in positions))


def _required(shortfall: ShortfallCertificate, weight_bits: int, addons: int) -> int:
    return max(0, -(-shortfall.numerator // (shortfall.tail.numerator << weight_bits))) + addons


def scenario_losses(epoch: GridEpoch, positions: Sequence[tuple[int, int]]) -> tuple[int, ...]:
    """Losses in each scenario of the regime, in 2**-f of money: S integers."""
    losses = np.zeros(epoch.shape.scenarios, object)
    for row, lots in positions:
        losses = losses - int(lots) * interpolated_changes(epoch, row).astype(object)
    return tuple(losses)


def interpolated_changes(epoch: GridEpoch, row: int) -> NDArray[np.int64]:
    """Value change of one lot in each scenario of the regime, in 2**-f of money: (S,)."""
    weights = epoch.shape.map.weights[epoch.regime, :, epoch.underlying[row]]
    changes: NDArray[np.int64] = weights @ epoch.changes[row]
    return changes


def netted_changes(epoch: GridEpoch, positions: Sequence[tuple[int, int]]) -> NDArray[Any]:
    """Sum of lots x value change over the positions in each underlying: object (U, Γ), Python integers."""
    netted = np.zeros((epoch.shape.underlyings, epoch.shape.nodes), object)
    for row, lots in positions:
        u = int(epoch.underlying[row])
        netted[u] = netted[u] + int(lots) * epoch.changes[row].astype(object)
    return netted


@dataclass(frozen=True)
class CrossMargin:
    """Margins of one owner's portfolios on several protocols, 10**-6 quote units.

    separate : of each portfolio alone.  together : of all positions at once.
    """

    separate: tuple[int, ...]
    together: int

    @property
    def saved(self) -> int:
        """The capital that netting sets free; never negative, as Expected Shortfall is subadditive, and so is rounding
        up."""
        return sum(self.separate) - self.together


def cross_margin(epoch: GridEpoch, portfolios: Sequence[Sequence[tuple[int, int]]]) -> CrossMargin:
    """One margin for all portfolios, against one for each; errors as `grid_margin`."""
    together = grid_margin(epoch, [position for positions in portfolios for position in positions])
    return CrossMargin(tuple(grid_margin(epoch, positions).required for positions in portfolios), together.required)


@dataclass(frozen=True)
class Excess:
    """A portfolio's margin in full revaluation and on the grid, 10**-6 quote units.

    full, grid : margins.
    interpolation : what of the grid's add-ons covers interpolation errors.
    """

    full: int
    grid: int
    interpolation: int

    @property
    def excess(self) -> int:
        """How much more the grid asks for; never negative."""
        return self.grid - self.full

    @property
    def relative(self) -> float:
        """The excess as a fraction of the full-revaluation margin; infinite where that is 0 and the grid's is not."""
        return self.excess / self.full if self.full else float("inf") if self.excess else 0.0


def compare(epoch: GridEpoch, full: Epoch, positions: Sequence[tuple[int, int]]) -> Excess:
    """Set a portfolio's grid margin against full revaluation.

    Parameters
    ----------
    full : the same instruments revalued in each scenario of the epoch's regime, with rates free of interpolation
        errors: `risk.grid.grid_build.full_revaluation`. Rows of the two agree.

    Raises
    ------
    BadInput : epochs of other instruments, or as `grid_margin`.
    """
    if list(full.ids) != list(epoch.ids):
        raise BadInput("instruments of the two epochs", Said("different"), "the same, in the same rows")
    grid, exact = grid_margin(epoch, positions), margin(full, positions)
    return Excess(full=exact.required, grid=grid.required, interpolation=grid.addons - exact.addons)
