"""Which position, asset and expiry a margin comes from: parts that sum to it exactly.

Expected Shortfall is K ES = sum over s of r_s L_s, with r_s how much of scenario s the tail holds
(`ShortfallCertificate.tail_mass`). A loss is the sum of the positions' losses, so the part of a position i is
sum over s of r_s L_is: integers, in units of 1/K of the unit of losses, with nothing left over. It is the derivative of
Expected Shortfall by the size of the position wherever there is one (Euler's allocation) [Tasche, Risk contributions
and performance measurement, 1999, § 4.3]. A part may be negative: the position hedges the others where it hurts.

What is not in the parts of Expected Shortfall: the rounding up to whole money, less than one unit; and where Expected
Shortfall is negative, that a margin never is. `Breakdown.rounding` holds both, so that everything sums to the margin.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.epochs.epoch import Epoch
from risk.exact.clock import format_time
from risk.exact.expected_shortfall import ShortfallCertificate
from risk.grid.grid_epoch import GridEpoch
from risk.margins.grid_margin import grid_margin, interpolated_changes
from risk.margins.margin import margin
from risk.market.instruments import Instrument, Kind

AnyEpoch = Epoch | GridEpoch
Positions = Sequence[tuple[int, int]]
UNDATED = "no expiry"


@dataclass(frozen=True)
class Part:
    """What some positions bring to a margin.

    name : symbol, asset or expiry.
    numerator : their part of K ES, in units of 1/(K 2**f) money units (f is 0 in full revaluation).
    addons : their contingency charges, money units.
    """

    name: str
    numerator: int
    addons: int


@dataclass(frozen=True, eq=False)
class Breakdown:
    """A margin in parts. Amounts are 10**-6 quote units.

    positions : a part each, in the order given.  lots : of each.  standalone : the margin of each position alone.
    assets, expiries : the same parts, gathered; largest first.
    losses : one per scenario, in 1/2**weight_bits money units; of each position: `each`, int object (J, S).
    scale : K 2**weight_bits, what numerators are divided by to be money.
    """

    positions: tuple[Part, ...]
    lots: tuple[int, ...]
    standalone: tuple[int, ...]
    assets: tuple[Part, ...]
    expiries: tuple[Part, ...]
    losses: tuple[int, ...]
    each: tuple[tuple[int, ...], ...]
    shortfall: ShortfallCertificate
    weight_bits: int
    addons: int
    required: int

    @property
    def scale(self) -> int:
        return self.shortfall.tail.numerator << self.weight_bits

    @property
    def expected_shortfall(self) -> Fraction:
        """Exact, in money units; negative where even the tail gains."""
        return Fraction(self.shortfall.numerator, self.scale)

    @property
    def value_at_risk(self) -> Fraction:
        return self.money(self.shortfall.value_at_risk)

    @property
    def rounding(self) -> Fraction:
        """max(0, ceil(ES)) - ES: below one money unit, unless Expected Shortfall is negative."""
        return self.required - self.addons - self.expected_shortfall

    def amount(self, part: Part) -> Fraction:
        """A part of Expected Shortfall in money units, exact."""
        return Fraction(part.numerator, self.scale)

    def money(self, loss: int) -> Fraction:
        """A loss of a scenario in money units, exact."""
        return Fraction(loss, 1 << self.weight_bits)


def breakdown(epoch: AnyEpoch, positions: Positions) -> Breakdown:
    """The margin of positions (row of the epoch, signed lots) in parts.

    Raises
    ------
    BadInput : as `risk.margins.margin.margin`.
    """
    if isinstance(epoch, GridEpoch):
        found, bits = grid_margin(epoch, positions), epoch.shape.weight_bits
        losses, shortfall, addons, required, standalone = (found.losses, found.shortfall, found.addons, found.required,
                                                           found.standalone)
    else:
        full, bits = margin(epoch, positions), 0
        losses, shortfall, addons, required, standalone = (full.losses, full.shortfall, full.addons, full.required,
                                                           full.standalone)
    each = tuple(position_losses(epoch, row, lots) for row, lots in positions)
    in_tail = [(s, mass) for s, mass in enumerate(shortfall.tail_mass) if mass]
    parts = tuple(Part(label(epoch, row), sum(mass * own[s] for s, mass in in_tail),
                       abs(lots) * int((epoch.long if lots >= 0 else epoch.short)[row]))
                  for (row, lots), own in zip(positions, each, strict=True))
    named = [asset_and_expiry(epoch, row) for row, _ in positions]
    return Breakdown(
        positions=parts, lots=tuple(lots for _, lots in positions), standalone=standalone,
        assets=gathered(parts, [asset for asset, _ in named]),
        expiries=gathered(parts, [expiry for _, expiry in named]),
        losses=losses, each=each, shortfall=shortfall, weight_bits=bits, addons=addons, required=required)


def position_losses(epoch: AnyEpoch, row: int, lots: int) -> tuple[int, ...]:
    """Losses of one position in each scenario, in 1/2**f money units."""
    return tuple(-lots * change for change in lot_changes(epoch, row).tolist())


def lot_changes(epoch: AnyEpoch, row: int) -> NDArray[np.int64]:
    """Value change of a lot in each scenario, in 1/2**f money units: (S,)."""
    return interpolated_changes(epoch, row) if isinstance(epoch, GridEpoch) else epoch.changes[row]


def label(epoch: AnyEpoch, row: int) -> str:
    """How a row is called."""
    return (epoch.arrays if isinstance(epoch, GridEpoch) else epoch).label(row)


def instrument_of(epoch: AnyEpoch, row: int) -> Instrument | None:
    """The instrument of a row; None in an epoch of bare numbers."""
    return epoch.instruments[row - 1] if epoch.instruments and row else None


def asset_and_expiry(epoch: AnyEpoch, row: int) -> tuple[str, str]:
    """Names of a row's asset and expiry; those of cash are its own and `UNDATED`."""
    instrument = instrument_of(epoch, row)
    if instrument is not None and instrument.kind == Kind.CASH:
        return instrument.symbol, UNDATED
    asset = epoch.header.underlyings[int(epoch.underlying[row])]
    return asset, UNDATED if instrument is None or instrument.expiry is None else format_time(instrument.expiry)


def gathered(parts: Sequence[Part], names: Sequence[str]) -> tuple[Part, ...]:
    """Parts of one name summed up under it, largest first."""
    found: dict[str, Part] = {}
    for part, name in zip(parts, names, strict=True):
        before = found.get(name, Part(name, 0, 0))
        found[name] = Part(name, before.numerator + part.numerator, before.addons + part.addons)
    return tuple(sorted(found.values(), key=lambda part: -part.numerator))


# -- what netting is worth -----------------------------------------------------------------------------------------
def isolated(epoch: AnyEpoch, positions: Positions) -> int:
    """Each position margined alone."""
    return sum(breakdown(epoch, [position]).required for position in positions)


def cross(epoch: AnyEpoch, positions: Positions) -> int:
    """The positions on one asset margined together, assets apart."""
    by_asset: dict[int, list[tuple[int, int]]] = {}
    for row, lots in positions:
        by_asset.setdefault(int(epoch.underlying[row]), []).append((row, lots))
    return sum(breakdown(epoch, own).required for own in by_asset.values())


def portfolio(epoch: AnyEpoch, positions: Positions) -> int:
    """All positions margined together: what is proven."""
    return breakdown(epoch, positions).required


METHODS: dict[str, Callable[[AnyEpoch, Positions], int]] = {
    "isolated": isolated, "cross": cross, "portfolio": portfolio}
"""Ways to margin one book, by name: 10**-6 quote units each. Expected Shortfall is subadditive, and so is rounding up:
each of these is at most the one before it."""
