"""What a book says of rates, funding and coins, as Greeks need it; in one place, since books say more or less.

A book may have a discount curve in place of its one rate, funding of perpetuals, and contracts that pay in coins. One
that does not is read as it always was.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.market.book import Book, Listing
from risk.market.instruments import Instrument

Floats = NDArray[np.float64]
_STEP = 1e-3
"""Of a tenor: forward rates are constant between the nodes of a curve."""


def rates(book: Book, years: Floats) -> tuple[Floats, Floats]:
    """Zero rate until each tenor, and the forward rate just before it, a year each: (n,), (n,).

    The latter is what discounting shrinks by as time passes: curves are of tenors, and pass with it.
    """
    curve = getattr(book, "log_discount", None)
    if curve is None:
        flat = np.full(np.shape(years), book.rate)
        return flat, flat
    until = -curve(years)
    return until / years, (until + curve(years * (1.0 - _STEP))) / (years * _STEP)


def funding(book: Book, underlying: str) -> float:
    """What a long perpetual pays, of its price a year; 0 where the book takes none into account."""
    for one in book.underlyings:
        said = getattr(one, "funding", None)
        if one.symbol == underlying and said is not None:
            return float(said.per_year)
    return 0.0


def pays_coins(instrument: Instrument) -> bool:
    """Whether it is an inverse contract, whose pay-off is in coins of its underlying, counted at the spot."""
    return str(instrument.settlement) == "coin"


def reference(listing: Listing) -> int | None:
    """Price from which the coins of an inverse perpetual or future are counted on levels, money units; None if it names
    none."""
    found = getattr(listing.instrument, "reference", None)
    return None if found is None else int(found)
