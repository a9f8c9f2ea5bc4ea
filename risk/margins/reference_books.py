"""Books that everybody understands, made of what an epoch lists: what a change of the epoch is told by.

Per asset long and short; its near straddle sold; and of several assets all of them long, all short, and the first
against each other one. Each holds about the same value of every asset, so that no price decides.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

from risk.margins.contributions import AnyEpoch
from risk.market.book import Book, Listing
from risk.market.instruments import Kind
from risk.valuation.revaluation import quoted_price

NOTIONAL = 10**12
"""Of each asset, in money units: a million quote units."""
_LINEAR = (Kind.SPOT, Kind.PERPETUAL, Kind.FUTURE)
Positions = dict[str, int]


def reference_books(epoch: AnyEpoch, book: Book, symbols: Collection[str]) -> dict[str, Positions]:
    """Lots by symbol, by the name of the book.

    Parameters
    ----------
    book : the epoch's own.
    symbols : those that may be used, for instance what two epochs both list.
    """
    living = [listing for listing in book.listings if listing.settled is None
              and listing.instrument.symbol in symbols and epoch.row_of(listing.instrument.symbol) is not None]
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    outright: dict[str, Positions] = {}
    found: dict[str, Positions] = {}
    for asset in epoch.header.underlyings:
        own = [listing for listing in living if listing.instrument.underlying == asset]
        linear = sorted((listing for listing in own if listing.instrument.kind in _LINEAR),
                        key=lambda listing: (_LINEAR.index(listing.instrument.kind), listing.instrument.expiry or 0))
        if linear:
            outright[asset] = {linear[0].instrument.symbol: _lots(linear[0], book, spots[asset])}
            found[f"long {asset}"] = outright[asset]
            found[f"short {asset}"] = _times(-1, outright[asset])
        straddle = _near_straddle(own, book)
        if straddle:
            found[f"short straddle {asset}"] = {listing.instrument.symbol: -_lots(listing, book, spots[asset])
                                                for listing in straddle}
    if len(outright) > 1:
        found["long all"] = {symbol: lots for one in outright.values() for symbol, lots in one.items()}
        found["short all"] = _times(-1, found["long all"])
        first, *others = outright
        found |= {f"{first} against {other}": outright[first] | _times(-1, outright[other]) for other in others}
    return found


def _lots(listing: Listing, book: Book, spot: int) -> int:
    units = listing.instrument.underlying_units(quoted_price(book, listing.instrument))
    return max(1, round(Fraction(NOTIONAL) / (units * spot)))


def _times(factor: int, positions: Positions) -> Positions:
    return {symbol: factor * lots for symbol, lots in positions.items()}


def _near_straddle(own: list[Listing], book: Book) -> tuple[Listing, ...]:
    """Call and put of the nearest expiry, at the strike nearest to its forward that both are listed at."""
    pairs: dict[tuple[int, int], dict[Kind, Listing]] = {}
    for listing in own:
        instrument = listing.instrument
        if instrument.expiry is not None and instrument.strike is not None:
            pairs.setdefault((instrument.expiry, instrument.strike), {})[instrument.kind] = listing
    whole = {key: pair for key, pair in pairs.items() if len(pair) == 2}
    if not whole:
        return ()
    asset = own[0].instrument.underlying
    best = min(whole, key=lambda key: (key[0], abs(key[1] - book.curves[(asset, key[0])].forward), key[1]))
    return tuple(whole[best].values())
