"""Random books of what an epoch lists, from a seed: what a table of many accounts is made of.

random   two to eight instruments, sides by chance, up to a million quote units of the underlying each
hedged   pairs: each position against an opposite one of the same value, half the time on another asset

They are a sample of possibilities, not of anybody's accounts; a share of books says nothing about a share of money.
"""

from __future__ import annotations

from fractions import Fraction

from primitives.errors import BadInput
from risk.exact.money import UNIT
from risk.exact.uniforms import uniforms
from risk.margins.shocks import Market
from risk.margins.ways import NamedBook
from risk.market.instruments import Instrument, Kind

KINDS = ("random", "hedged")
MOST = 100_000
_NOTIONAL = 10**12
"""Money units: a million quote units."""
_POSITIONS = 8
_DRAWS = 4


def random_books(market: Market, count: int, seed: int) -> tuple[NamedBook, ...]:
    """`count` books, of the two kinds in turn.

    Raises
    ------
    BadInput : a count out of bounds; an epoch that lists less than two living instruments.
    """
    if not 0 <= count <= MOST:
        raise BadInput("random books", count, f"in [0, {MOST}]")
    epoch, book = market.epoch, market.book
    spots = {underlying.symbol: underlying.spot for underlying in book.underlyings}
    rows, value, asset = list[int](), dict[int, Fraction](), dict[int, str]()
    for row in range(1, len(epoch.ids)):
        listing = book.listings[market.listing(row)]
        if listing.settled is None and listing.instrument.kind != Kind.CASH:
            rows.append(row)
            asset[row] = listing.instrument.underlying
            value[row] = _value(listing.instrument, spots[asset[row]])
    if count and len(rows) < 2:
        raise BadInput("instruments", len(rows), "at least 2 that live, to make books of")
    drawn = uniforms(seed, (count, 1 + _POSITIONS * _DRAWS)).tolist() if count else []
    return tuple(_book(f"{KINDS[i % 2]} {i}", KINDS[i % 2], numbers, rows, value, asset)
                 for i, numbers in enumerate(drawn))


def _book(name: str, kind: str, numbers: list[float], rows: list[int], value: dict[int, Fraction],
          asset: dict[int, str]) -> NamedBook:
    positions: dict[int, int] = {}
    wanted = 2 + int(numbers[0] * (_POSITIONS - 1))
    for k in range(wanted if kind == "random" else (wanted + 1) // 2):
        place, side, size, other = numbers[1 + _DRAWS * k:1 + _DRAWS * (k + 1)]
        row, notional = rows[int(place * len(rows))], round(_NOTIONAL * Fraction(0.1 + 0.9 * size))
        sign = 1 if side < 0.5 else -1
        _add(positions, row, sign * _lots(notional, value[row]))
        if kind == "hedged":
            away = other < 0.5
            against = [one for one in rows if one != row and (asset[one] != asset[row]) == away] or \
                [one for one in rows if one != row]
            chosen = against[int((2 * other % 1.0) * len(against))]
            _add(positions, chosen, -sign * _lots(notional, value[chosen]))
    return NamedBook(name, tuple((row, lots) for row, lots in positions.items() if lots), kind)


def _value(instrument: Instrument, spot: int) -> Fraction:
    """What a lot stands for, money units; lots of inverse perpetuals and futures count quote units."""
    counts_quotes = str(instrument.settlement) == "coin" and not instrument.kind.optional
    return Fraction(instrument.lot) * (UNIT if counts_quotes else spot)


def _add(positions: dict[int, int], row: int, lots: int) -> None:
    positions[row] = positions.get(row, 0) + lots


def _lots(notional: int, value: Fraction) -> int:
    return max(1, round(notional / value))
