"""What one lot more, or a trade, does to a margin: marginal and incremental Expected Shortfall, exact.

K ES(L) is the largest sum of r_s L_s over masses 0 <= r_s <= p_s that sum to K. A trade whose loss in scenario s is D_s
a lot changes it, at first, by the largest sum of r_s D_s over those r that attain the former: every scenario beyond
Value at Risk counts in full, and what the tail holds of the scenarios *at* Value at Risk goes to those of them where D
is largest [Rockafellar and Uryasev, 2002, § 4; Danskin's theorem]. Where no two scenarios tie there it is the same for
buying and selling but for the sign, and is Euler's part of a lot; at a tie both directions cost more than a derivative
says, and both are told.

Expected Shortfall is convex, so a trade of q lots raises K ES by at least q times the marginal: the incremental is
never below it, and the difference says how far the tail has moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from risk.exact.expected_shortfall import ShortfallCertificate
from risk.margins.contributions import (
    AnyEpoch,
    Breakdown,
    Positions,
    asset_and_expiry,
    breakdown,
    label,
    lot_changes,
)

BUY, SELL = 1, -1


@dataclass(frozen=True)
class Side:
    """What the first lot on one side does, per lot.

    numerator : change of K ES, in units of 1/(K 2**f) money units.
    addons : change of the add-ons, money units: negative where the lot closes one that is held.
    """

    numerator: int
    addons: int


@dataclass(frozen=True)
class Marginal:
    """Of an instrument.

    lots : held.  buy, sell : the first lot more or less.
    """

    row: int
    name: str
    asset: str
    expiry: str
    lots: int
    buy: Side
    sell: Side

    @property
    def tied(self) -> bool:
        """Whether buying and selling are not just opposite: scenarios tie at Value at Risk."""
        return self.buy.numerator != -self.sell.numerator


@dataclass(frozen=True, eq=False)
class TradeEffect:
    """A trade and a book. Amounts are 10**-6 quote units; numerators of `before.scale`.

    marginal : what the trade adds to K ES as though the tail stayed: its lots times what a first bit of it costs.
    mass : how much of each scenario that holds; marginal = sum of mass x loss of the trade.
    incremental : what it does add to K ES.
    """

    before: Breakdown
    after: Breakdown
    trade: Positions
    marginal: int
    mass: tuple[int, ...]
    incremental: int

    @property
    def scale(self) -> int:
        return self.before.scale

    @property
    def moved(self) -> Fraction:
        """Incremental less marginal, money units: what the tail's moving adds; never negative."""
        return Fraction(self.incremental - self.marginal, self.scale)

    @property
    def addons(self) -> int:
        return self.after.addons - self.before.addons

    @property
    def required(self) -> int:
        """What the margin rises by."""
        return self.after.required - self.before.required


def attaining(losses: Sequence[int], shortfall: ShortfallCertificate, direction: Sequence[int]) -> tuple[int, ...]:
    """Masses of the tail that lose most in a direction, among those that make Expected Shortfall: S integers, sum K.

    direction : a loss per scenario, in any one unit.
    """
    weights = shortfall.tail.weights(len(losses))
    at = shortfall.threshold
    mass = [weight if loss > at else 0 for loss, weight in zip(losses, weights, strict=True)]
    left = shortfall.tail.numerator - sum(mass)
    tied = [s for s, loss in enumerate(losses) if loss == at]
    for s in sorted(tied, key=lambda s: -direction[s]):
        mass[s] = min(left, weights[s])
        left -= mass[s]
    return tuple(mass)


def marginals(epoch: AnyEpoch, positions: Positions, rows: Sequence[int] | None = None) -> tuple[Marginal, ...]:
    """What a first lot of each instrument costs on top of a book.

    Parameters
    ----------
    rows : of the epoch; by default all instruments.

    Raises
    ------
    BadInput : as `risk.margins.margin.margin`.
    """
    found = breakdown(epoch, positions)
    held: dict[int, int] = {}
    for row, lots in positions:
        held[row] = held.get(row, 0) + lots
    out = []
    for row in range(1, len(epoch.ids)) if rows is None else rows:
        losses = [-change for change in lot_changes(epoch, row).tolist()]
        lots = held.get(row, 0)
        long, short = int(epoch.long[row]), int(epoch.short[row])
        buy = Side(_along(found, losses), long if lots >= 0 else -short)
        sell = Side(_along(found, [-loss for loss in losses]), short if lots <= 0 else -long)
        asset, expiry = asset_and_expiry(epoch, row)
        out.append(Marginal(row, label(epoch, row), asset, expiry, lots, buy, sell))
    return tuple(out)


def _along(found: Breakdown, direction: Sequence[int]) -> int:
    mass = attaining(found.losses, found.shortfall, direction)
    return sum(held * loss for held, loss in zip(mass, direction, strict=True) if held)


def effect(epoch: AnyEpoch, positions: Positions, trade: Positions) -> TradeEffect:
    """What a trade (row of the epoch, lots) does to a book's margin.

    Raises
    ------
    BadInput : as `risk.margins.margin.margin`, of the book and of the book after the trade.
    """
    before = breakdown(epoch, positions)
    lots: dict[int, int] = {}
    for row, count in (*positions, *trade):
        lots[row] = lots.get(row, 0) + count
    after = breakdown(epoch, list(lots.items()))
    direction = [0] * len(before.losses)
    for row, count in trade:
        direction = [loss - count * change for loss, change in
                     zip(direction, lot_changes(epoch, row).tolist(), strict=True)]
    mass = attaining(before.losses, before.shortfall, direction)
    marginal = sum(held * loss for held, loss in zip(mass, direction, strict=True) if held)
    return TradeEffect(before, after, tuple(trade), marginal, mass,
                       after.shortfall.numerator - before.shortfall.numerator)
