"""Rates and funding of a book, as Greeks need them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.market.book import Book

Floats = NDArray[np.float64]
_STEP = 1e-3
"""Of a tenor: forward rates are constant between the nodes of a curve."""


def rates(book: Book, years: Floats) -> tuple[Floats, Floats]:
    """Zero rate until each tenor, and the forward rate just before it, a year each: (n,), (n,).

    The latter is what discounting shrinks by as time passes: curves are of tenors, and pass with it.
    """
    if book.discounts is None:
        flat = np.full(np.shape(years), book.rate)
        return flat, flat
    until = -book.log_discount(years)
    return until / years, (until + book.log_discount(years * (1.0 - _STEP))) / (years * _STEP)


def funding(book: Book, underlying: str) -> float:
    """What a long perpetual pays, of its price a year; 0 where the book takes none into account."""
    said = next(one.funding for one in book.underlyings if one.symbol == underlying)
    return 0.0 if said is None else said.per_year
