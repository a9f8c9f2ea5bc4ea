"""What a trade moves inside commitments on levels: lots, and the cash they cost.

Cash comes in lots of `CASH_UNITS` money units, so a price is seldom a whole number of them. The buyer pays the cost
rounded up, the seller is paid it rounded down, each to whole lots of cash, and what is between goes to the account that
the venue keeps for dust: nobody gains by rounding, and the lots of cash of all three sum to 0. A venue signs each
side's legs as one list of fills (`circuits.statements.transition`); signed apart, lots could move without their cash.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from primitives.errors import BadInput
from risk.exact.money import UNIT
from risk.margins.margin import QUANTITY_BITS
from risk.market.instruments import CASH_UNITS, Instrument, Kind

Legs = tuple[tuple[int, int], ...]
"""(instrument id, signed lots) each: fills of one list."""


@dataclass(frozen=True)
class Trade:
    """Legs by side; dust : lots of cash that the venue's account for it is paid, 0 or 1."""

    buyer: Legs
    seller: Legs
    dust: int


def trade(instrument: Instrument, lots: int, price: int, spot: int | None = None) -> Trade:
    """The fills of a trade.

    Parameters
    ----------
    lots : that are bought, above 0.
    price : of one unit of the underlying, 10**-6 quote units, not negative; of an option, its premium; of an inverse
        option, its premium in 10**-6 coins, as it is quoted.
    spot : of the underlying, 10**-6 quote units: what coins are worth as inverse contracts are paid; others need none.

    Raises
    ------
    BadInput : cash traded for cash, lots or cash of 2**40 or more, a negative price; of an inverse contract no spot, no
        reference, or a price at which a lot would be worth less than nothing (below about half the spot).
    """
    most = (1 << QUANTITY_BITS) - 1
    if instrument.kind == Kind.CASH:
        raise BadInput("instrument", instrument.symbol, "another than cash, which pays for it")
    if not 0 < lots <= most:
        raise BadInput("lots", lots, f"in [1, {most}]")
    if price < 0:
        raise BadInput("price", price, "0 or more")
    unit = _inverse_price(instrument, price, spot) if instrument.inverse else Fraction(price)
    cost = lots * unit * Fraction(instrument.lot) / CASH_UNITS
    pays, is_paid = math.ceil(cost), math.floor(cost)
    if pays > most:
        raise BadInput(f"cash for {lots} lots of {instrument.symbol}", pays, f"at most {most} lots of {CASH_UNITS} "
                       "money units")
    cash = Instrument.cash(instrument.quote).id
    return Trade(_legs(instrument.id, lots, cash, -pays), _legs(instrument.id, -lots, cash, is_paid), pays - is_paid)


def _inverse_price(instrument: Instrument, price: int, spot: int | None) -> Fraction:
    """What one unit of what lots count costs, money units; see `risk.valuation.inverse`."""
    if spot is None or spot <= 0:
        raise BadInput("spot", spot, f"above 0: {instrument.symbol} is paid in coins, which are worth that")
    if not instrument.notional:
        return Fraction(price) * spot / UNIT
    if instrument.reference is None:
        raise BadInput("reference", None, f"given: {instrument.symbol} counts its coins from there")
    unit = Fraction(0) if price == 0 else UNIT * (1 + Fraction(spot, instrument.reference) - Fraction(spot, price))
    if unit <= 0:
        raise BadInput("price", price, f"one at which {instrument.symbol} is worth something: its notional and its "
                       "coins together cost nothing or less")
    return unit


def _legs(id: int, lots: int, cash: int, amount: int) -> Legs:
    """A fill of no cash is none, and takes no place in the list."""
    return ((id, lots), (cash, amount)) if amount else ((id, lots),)
