"""Greeks of one lot of everything that a book lists, by closed form and by bump, in quote units.

What has settled, and cash, have none. Volatility is that of the strike and stays with it as the spot moves; what a
model makes of it in scenarios is in the scenarios, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.clock import YEAR
from risk.exact.money import UNIT
from risk.greeks.bumped import bumped_coin_linear, bumped_linear, bumped_options
from risk.greeks.closed import (
    NAMES,
    Greeks,
    carries,
    coin_linear_greeks,
    coin_option,
    linear_greeks,
    option_greeks,
)
from risk.greeks.terms import funding, rates
from risk.margins.shocks import Market
from risk.market.book import Book, Listing
from risk.market.instruments import Kind
from risk.models.model import Basis
from risk.valuation.revaluation import quoted_price

Floats = NDArray[np.float64]
_LINEAR = (Kind.SPOT, Kind.PERPETUAL, Kind.FUTURE)


@dataclass(frozen=True, eq=False)
class LotGreeks:
    """closed, bumped : (n, 8), per lot of each listing of the book, columns as `NAMES`; raw units (`Greeks`).
    spots : (n,), of its underlying, quote units; 0 of cash.
    inside : bool (n,), whether it expires before the horizon is over: the margin is then of its pay-off (G12).
    """

    closed: Floats
    bumped: Floats
    spots: Floats
    inside: NDArray[np.bool_]


def lot_greeks(market: Market) -> LotGreeks:
    """Of an epoch's market today.

    Raises
    ------
    BadInput : the book lists a kind of instrument that has no formula here; names it.
    """
    book = market.book
    n = len(book.listings)
    closed, bumped, spots, inside = np.zeros((n, len(NAMES))), np.zeros((n, len(NAMES))), np.zeros(n), np.zeros(n, bool)
    horizon = market.model.horizon / market.model.steps_per_year
    today = {underlying.symbol: underlying.spot / UNIT for underlying in book.underlyings}
    options = list[int]()
    for i, listing in enumerate(book.listings):
        instrument = listing.instrument
        spots[i] = today.get(instrument.underlying, 0.0)
        if listing.settled is not None or instrument.kind == Kind.CASH:
            continue
        years = _years(book, listing)
        inside[i] = instrument.expiry is not None and years <= horizon
        if instrument.kind.optional:
            options.append(i)
        elif instrument.kind in _LINEAR:
            price, lot = quoted_price(book, instrument) / UNIT, float(instrument.lot)
            paid = funding(book, instrument.underlying) if instrument.kind == Kind.PERPETUAL else 0.0
            if instrument.inverse:
                counted_from = _counted_from(market, listing, price)
                found = (coin_linear_greeks(price, spots[i], years, counted_from, paid),
                         bumped_coin_linear(price, spots[i], years, counted_from, paid))
            else:
                found = linear_greeks(price, spots[i], years, paid), bumped_linear(price, spots[i], years, paid)
            closed[i], bumped[i] = (lot * _row(one) for one in found)
        else:
            raise BadInput(f"{instrument.symbol}: kind", str(instrument.kind),
                           f"one that Greeks are known of: {', '.join(map(str, (*_LINEAR, Kind.CALL, Kind.PUT)))}")
    if options:
        listed = [book.listings[i] for i in options]
        arguments = _arguments(book, listed, spots[options])
        coins = np.array([listing.instrument.inverse for listing in listed])
        lots = np.array([[float(listing.instrument.lot)] for listing in listed])
        for out, greeks in ((closed, option_greeks), (bumped, bumped_options)):
            found_of = greeks(*arguments)
            out[options] = lots * np.where(coins[:, None], _row(coin_option(found_of)), _row(found_of))
    return LotGreeks(closed, bumped, spots, inside)


def _row(found: Greeks) -> Floats:
    """(..., 8) without the value."""
    return np.stack(found[1:], axis=-1)


def _years(book: Book, listing: Listing) -> float:
    expiry = listing.instrument.expiry
    return 0.0 if expiry is None else (expiry - book.valuation) / YEAR


def _arguments(book: Book, listings: list[Listing], spots: Floats) -> tuple[Floats, ...]:
    """Of `option_greeks`."""
    rows = []
    for listing in listings:
        instrument = listing.instrument
        assert instrument.expiry is not None and instrument.strike is not None  # noqa: PT018  an option has both
        curve = book.curves[instrument.underlying, instrument.expiry]
        rows.append((curve.forward / UNIT, instrument.strike / UNIT, curve.volatilities[instrument.strike],
                     _years(book, listing), float(instrument.kind == Kind.CALL), float(instrument.inverse)))
    forward, strike, volatility, years, call, coins = np.array(rows).T
    carry, (zero, passing) = carries(forward, spots, years), rates(book, years)
    return (spots, forward, strike, volatility, years, np.where(coins > 0, carry, zero), call > 0,
            np.where(coins > 0, carry, passing))


def _counted_from(market: Market, listing: Listing, price: float) -> float:
    """Where the coins of an inverse perpetual or future are counted from, as revaluation does: today's price, or on
    levels its reference."""
    named = listing.instrument.reference
    return price if named is None or market.model.basis != Basis.LEVEL else named / UNIT
