"""Rounding is paid for: E11.

A value change, or a level, is rounded to whole money units, half to even, for the long and the short side alike. So a
side may be read as losing up to half a unit a lot less than it does, and with lots small enough everything would round
to nothing. Every living leaf therefore charges each side a unit a lot on top of its contingency. With r the rounded and
v the unrounded number, |r - v| <= 1/2, so in every scenario the loss -q v is at most -q r + |q|/2; Expected Shortfall
is monotone and moves with constants; hence no margin is below max(0, ES) of the *unrounded* numbers plus contingencies.

With levels r and v are values instead of changes, and nothing else is different: a holder would want a long lot's
value higher and a short lot's lower, one number serves both, and the charge is against both. What has settled is worth
its pay-off, and pays where that is no whole number of units; cash is worth whole units, and pays nothing.

The charge must not matter: it is at most a thousandth of what a lot's underlying loses in the tail, on the side where
that is more. A listing of smaller lots is refused with the lot that would do. Options are measured by their
underlying, too: far from the money they have no risk of their own at any size.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.epochs.difference import BrokenDuty
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.money import UNIT, format_decimal
from risk.exact.shape import Tail
from risk.market.book import Book, Listing
from risk.market.instruments import Instrument, Kind
from risk.models.model import Basis
from risk.scenarios.scenarios import Scenarios
from risk.valuation.revaluation import prices_today, quoted_price, spots_after

ROUNDING = 1
"""Money units that each side of a living leaf is charged a lot."""
LARGEST_SHARE = Fraction(1, 1000)
"""Of the risk of a lot."""
_SHARE_UNIT = 10**9
_LARGEST_LOT = 10**9


def charges(book: Book, basis: Basis) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Contingency and rounding a lot held long, and held short: int64 (n,) each, 0 for what has settled at whole money
    units, or for whose change is 0."""
    paid, (long, short) = rounding(book, basis), contingencies(book)
    return long + paid, short + paid


def rounding(book: Book, basis: Basis) -> NDArray[np.int64]:
    """What each side of a lot pays for rounding: int64 (n,)."""
    return np.array([ROUNDING if _is_rounded(listing, price, basis) else 0 for listing, price
                     in zip(book.listings, prices_today(book), strict=True)], np.int64)


def contingencies(book: Book) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The book's charge a lot held long, and held short: int64 (n,) each."""
    return (np.array([listing.long for listing in book.listings], np.int64),
            np.array([listing.short for listing in book.listings], np.int64))


def _is_rounded(listing: Listing, price: Fraction, basis: Basis) -> bool:
    """Whether rounding may take something."""
    if listing.settled is None:
        return listing.instrument.kind != Kind.CASH
    return basis == Basis.LEVEL and (price * Fraction(listing.instrument.lot)).denominator != 1


def require_lots(book: Book, scenarios: Scenarios, tail: Tail, *, source: str | None = None) -> None:
    """Refuse listings whose rounding is more than a thousandth of their risk.

    Parameters
    ----------
    scenarios : of the book's underlyings, in its order; tail : of them.

    Raises
    ------
    BrokenDuty : E11; names the listing and the smallest power of ten that would do.
    """
    moves = spots_after(np.ones(len(book.underlyings)), scenarios) - 1.0
    worst = [_worst(row, tail) for row in moves]
    spots = {underlying.symbol: risk * underlying.spot for underlying, risk
             in zip(book.underlyings, worst, strict=True)}
    for listing in book.listings:
        instrument = listing.instrument
        if listing.settled is not None or instrument.kind == Kind.CASH:
            continue
        risk = instrument.underlying_units(quoted_price(book, instrument)) * spots[instrument.underlying]
        if 0 < risk * LARGEST_SHARE < ROUNDING:
            raise BrokenDuty("E11", f"{instrument.symbol}: lot", format_decimal(instrument.lot),
                             _enough(instrument, risk / Fraction(instrument.lot)), source=source)


def _worst(moves: NDArray[np.float64], tail: Tail) -> Fraction:
    """The larger Expected Shortfall of holding and of owing one unit, as a fraction of its price."""
    units = np.rint(moves * _SHARE_UNIT).astype(np.int64)
    return Fraction(max(expected_shortfall(side, tail).ceiling for side in ((-units).tolist(), units.tolist())),
                    _SHARE_UNIT)


def _enough(instrument: Instrument, risk: Fraction) -> str:
    """risk : money units that one unit of what lots count loses in the tail."""
    unit = instrument.quote if instrument.notional else instrument.underlying
    why = f"or rounding to 1/{UNIT} {instrument.quote} is more than 0.1 % of its risk"
    lot = Decimal("1e-12")
    while Fraction(lot) * risk * LARGEST_SHARE < ROUNDING:
        lot *= 10
    return f"at least {format_decimal(lot)} {unit}: {why}" if lot <= _LARGEST_LOT \
        else f"larger than any that can be listed (10**9): {why}"
