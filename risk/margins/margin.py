"""The margin of a portfolio in an epoch: max(0, ceil(ES)) + add-ons, exact.

On levels it is what an account lacks: losses are of its liquidation value, cash included (`risk.margins.levels`).

This is the number the circuit proves (STATEMENT C17 to C19), computed the plain way with Python integers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.exact.expected_shortfall import ShortfallCertificate, expected_shortfall

QUANTITY_BITS = 40
"""Q: a quantity is an integer of lots smaller than 2**40 in absolute value."""


@dataclass(frozen=True, eq=False)
class Margin:
    """What a portfolio must hold, and how that came about. All amounts are 10**-6 quote units.

    losses : one per scenario, S of them; a positive number is a loss.
    shortfall : Expected Shortfall of the losses with its certificate.
    addons : contingency charges, sum of rate x |lots| with the rate of the side held.
    gross : sum of |lots| x amax, which the statement bounds (C7).
    standalone : margin of each position alone.
    """

    losses: tuple[int, ...]
    shortfall: ShortfallCertificate
    addons: int
    gross: int
    standalone: tuple[int, ...]

    def __repr__(self) -> str:
        """What it comes to; not the hundreds of losses that it came from."""
        return (f"Margin(required={self.required}, expected_shortfall={self.shortfall.ceiling}, addons={self.addons}, "
                f"scenarios={len(self.losses)}, positions={len(self.standalone)})")

    @property
    def required(self) -> int:
        """max(0, ceil(ES)) + add-ons: what the proof shows."""
        return max(0, self.shortfall.ceiling) + self.addons

    @cached_property
    def netting_benefit(self) -> int:
        """What holding the positions together saves; never negative, as Expected Shortfall is subadditive."""
        return sum(self.standalone) - self.required


def margin(epoch: Epoch, positions: Sequence[tuple[int, int]]) -> Margin:
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
    each = [_losses(epoch, row, lots) for row, lots in positions]
    losses = [sum(column) for column in zip(*each, strict=True)] or [0] * epoch.shape.scenarios
    addons = [_addon(epoch, row, lots) for row, lots in positions]
    standalone = tuple(max(0, expected_shortfall(alone, epoch.shape.tail).ceiling) + addon
                       for alone, addon in zip(each, addons, strict=True))
    return Margin(losses=tuple(losses), shortfall=expected_shortfall(losses, epoch.shape.tail), addons=sum(addons),
                  gross=sum(abs(lots) * int(epoch.amax[row]) for row, lots in positions), standalone=standalone)


def _losses(epoch: Epoch, row: int, lots: int) -> list[int]:
    return [-lots * change for change in epoch.changes[row].tolist()]


def _addon(epoch: Epoch, row: int, lots: int) -> int:
    """Rates are per lot and not negative (E3), so splitting a position never lowers its charge."""
    return abs(lots) * int((epoch.long if lots >= 0 else epoch.short)[row])
