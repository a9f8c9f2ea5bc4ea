"""Open interest: the more there is of a market, the fewer can leave it, so margins rise towards the whole notional.

    margin of a lot = base + s (N - base),      s = clamp((OI - lower) / (upper - lower), 0, 1)

as dYdX v4 has it, with base what a lot needs otherwise, Expected Shortfall and all terms before this; N its spot value,
of a long option what it is worth, the most that it can lose. The term is s (N - base). Caps and open interest are of an
asset, its kinds together, in quote units at spot. A hedged book pays it for every lot.
"""

from __future__ import annotations

import math
from fractions import Fraction

from risk.addons.lot import SIDES, Lot
from risk.exact.money import UNIT
from risk.market.book import Book
from risk.models.addon_rules import Caps


def share(book: Book, asset: str, caps: Caps) -> Fraction:
    """s, of an asset whose markets the book states."""
    assert book.liquidity is not None
    spot = next(one.spot for one in book.underlyings if one.symbol == asset)
    units = Fraction(0)
    for (underlying, _), market in book.liquidity.markets.items():
        units += Fraction(market.open_interest) if underlying == asset else 0
    return min(Fraction(1), max(Fraction(0), (units * spot / UNIT - caps.lower) / (caps.upper - caps.lower)))


def charge(lot: Lot, side: int, part: Fraction, others: int) -> int:
    """Money units a lot.  others : rates of the terms before this."""
    whole = lot.value if SIDES[side] == "long" and lot.instrument.kind.optional else lot.exposure
    return math.ceil(part * max(Fraction(0), whole - lot.shortfall[side] - others))
