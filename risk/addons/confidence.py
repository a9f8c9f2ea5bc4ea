"""Feeds that are unsure of themselves: (1 - c) of spot value, where the lowest confidence c is below a threshold.

Derive takes the lowest over all feeds of what an account holds [derivexyz/v2-core, PMRM oracle contingency]. A rate a
lot knows no account, and the statement has no such minimum (docs/addons.md counts the rows it would take), so each leaf
is charged by the lowest over all feeds that there are: of the whole epoch (scope "epoch"), which is never more than
the lowest over what is held, so that no account pays less; or of its own underlying ("underlying"), as Derive's
managers, which hold one underlying each. Under the latter an account across underlyings may pay less than by the lowest
of all it holds.
"""

from __future__ import annotations

import math
from fractions import Fraction

from primitives.errors import BadInput
from risk.addons.lot import Lot
from risk.market.book import Book
from risk.models.addon_rules import EPOCH, Confidence


def lowest(book: Book, underlying: str, rule: Confidence) -> Fraction:
    """Over the feeds that a leaf of an underlying is charged by.

    Raises
    ------
    BadInput : a feed that living listings need, and that says nothing of itself.
    """
    stated = {} if book.liquidity is None else book.liquidity.confidences
    needed = {(one.instrument.underlying, expiry) for one in book.listings if one.settled is None
              for expiry in (None, one.instrument.expiry)
              if one.instrument.underlying in {u.symbol for u in book.underlyings}}
    for feed in sorted(needed, key=lambda feed: (feed[0], feed[1] or 0)):
        if feed not in stated:
            raise BadInput("liquidity.confidences", None, f"given for the feed of {feed[0]}"
                           + ("" if feed[1] is None else f" expiring at {feed[1]} (Unix seconds)")
                           + ": [addons.confidence] charges by the lowest")
    feeds = needed if rule.scope == EPOCH else {feed for feed in needed if feed[0] == underlying}
    return min(Fraction(stated[feed]) for feed in feeds)


def charge(lot: Lot, confidence: Fraction, rule: Confidence) -> int:
    """Money units a lot."""
    return math.ceil((1 - confidence) * rule.factor * lot.exposure) if confidence < rule.threshold else 0
