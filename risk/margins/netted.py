"""One margin over the portfolios of several protocols or accounts, in parts that sum to it exactly.

All positions together have one loss in each scenario, and so one tail; what a protocol, an asset, an expiry brings to
K ES is the sum over its positions of what that tail holds (`risk.margins.contributions`). A part can be negative: the
protocol hedges the others where it hurts. A part is never more than the protocol's Expected Shortfall alone, so nobody
pays for the company; and what all save is what the parts are below that.

Add-ons do not net over protocols: each closes out its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from primitives.errors import BadInput
from risk.margins.contributions import (
    AnyEpoch,
    Breakdown,
    Part,
    Positions,
    asset_and_expiry,
    breakdown,
    gathered,
)


@dataclass(frozen=True, eq=False)
class Netted:
    """Margins of protocols' portfolios, 10**-6 quote units.

    names : of the protocols, in the order given.
    together : all positions at once, one protocol after the other.
    separate : each protocol alone.
    protocols : parts of `together`, in the order of the names.
    cells : by protocol and asset, parts of `together`.
    owners : the protocol of each position of `together`.
    """

    names: tuple[str, ...]
    together: Breakdown
    separate: tuple[Breakdown, ...]
    protocols: tuple[Part, ...]
    cells: dict[tuple[str, str], Part]
    owners: tuple[str, ...]

    @property
    def saved(self) -> int:
        """What one margin for all saves against one for each; never negative, as Expected Shortfall is subadditive, and
        so is rounding up."""
        return self.apart - self.together.required

    @property
    def apart(self) -> int:
        """One margin for each, summed up."""
        return sum(one.required for one in self.separate)


def netted(epoch: AnyEpoch, portfolios: Sequence[tuple[str, Positions]]) -> Netted:
    """The margin of all, in parts.

    Raises
    ------
    BadInput : two protocols of one name; from `breakdown`.
    """
    names = [name for name, _ in portfolios]
    if len(set(names)) != len(names):
        raise BadInput("protocols", ", ".join(names), "named differently")
    together = breakdown(epoch, [position for _, positions in portfolios for position in positions])
    owners = [name for name, positions in portfolios for _ in positions]
    assets = [asset_and_expiry(epoch, row)[0] for _, positions in portfolios for row, _ in positions]
    by_name = {part.name: part for part in gathered(together.positions, owners)}
    cells: dict[tuple[str, str], Part] = {}
    for part, owner, asset in zip(together.positions, owners, assets, strict=True):
        before = cells.get((owner, asset), Part(asset, 0, 0))
        cells[owner, asset] = Part(asset, before.numerator + part.numerator, before.addons + part.addons)
    return Netted(tuple(names), together, tuple(breakdown(epoch, positions) for _, positions in portfolios),
                  tuple(by_name.get(name, Part(name, 0, 0)) for name in names), cells, tuple(owners))
