"""The venue's book: what is listed, what it is worth now, and what holding it costs on top of Expected Shortfall. JSON.

    {"schema": "tailproof.book/1", "venue": "example", "quote": "USD", "valuation": "2020-12-31T00:00:00Z",
     "rate": "0.01",                                    of the quote currency, continuously compounded, ACT/365
     "underlyings": [{"symbol": "BTC", "spot": "29001.72", "perpetual": "29010"}],
     "expiries": [{"underlying": "BTC", "expiry": "2021-01-29T08:00:00Z", "forward": "29100",
                   "volatilities": [{"strike": "30000", "volatility": "0.85"}],
                   "quoted_at": "2020-12-30T23:59:00Z", "venues": ["deribit", "okx"]}],      optional, see G9
     "contingencies": [{"underlying": "BTC", "kind": "call", "long": "0", "short": "0.005"}],
     "instruments": [{"symbol": "BTC-CALL", "kind": "call", "underlying": "BTC", "lot": "0.1", "settlement": "cash",
                      "expiry": "2021-01-29T08:00:00Z", "strike": "30000"}],
     "released": ["BTC-25DEC20"]}                       optional: listed before, and held by nobody any more

Numbers are decimals in quotes: exact, and never a binary float on the way. A contingency is a fraction of the spot
value of a lot, charged per lot held long or short; it covers what the scenarios do not (liquidation, basis, jumps of
the surface). Where one margin is taken over several venues, an instrument and a contingency may name another "venue"
than the book's: one contract is then listed once for each venue, under different symbols and ids, at the rates of that
venue's own contingencies. There is no falling back to another venue's.

An instrument whose expiry has passed stays listed while it is held, with what it `settled` at (E7): its
value does not change any more, so its leaf is all zero but for id and underlying.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import parse_time
from risk.exact.money import LARGEST_PRICE, format_money, parse_decimal, parse_decimal_in, parse_money
from risk.market.instruments import CASH, LISTED, MOST_ASSETS, SYMBOL, Instrument, Kind, Settlement

SCHEMA = "tailproof.book/1"
_REQUIRED: Mapping[str, frozenset[str]] = {
    "": frozenset({"schema", "venue", "quote", "valuation", "rate", "underlyings", "expiries", "contingencies",
                   "instruments"}),
    "underlyings[]": frozenset({"symbol", "spot"}),
    "expiries[]": frozenset({"underlying", "expiry", "forward", "volatilities"}),
    "expiries[].volatilities[]": frozenset({"strike", "volatility"}),
    "contingencies[]": frozenset({"underlying", "kind", "long", "short"}),
    "instruments[]": frozenset({"symbol", "kind", "underlying", "lot", "settlement"})}
_SYMBOL_MEANING = "1 to 48 letters, digits and . _ / -, no sign first"


@dataclass(frozen=True)
class Underlying:
    """spot and perpetual (the perpetual's mark; None if none is listed): money units for one unit of it."""

    symbol: str
    spot: int
    perpetual: int | None


@dataclass(frozen=True)
class Curve:
    """One expiry of an underlying: forward in money units, implied volatility per strike (money units -> per year).

    quoted_at : Unix seconds of the oldest of its volatilities.  venues : whose they are. None where not stated.
    """

    forward: int
    volatilities: Mapping[int, float]
    quoted_at: int | None = None
    venues: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Listing:
    """An instrument as the venue lists it today.

    long, short : contingency charge per lot held on that side, money units.
    settled : the value per unit of the underlying it ended at, money units; None while it lives.
    """

    instrument: Instrument
    long: int
    short: int
    settled: int | None


@dataclass(frozen=True)
class Book:
    """A book file, checked. curves : by (underlying, expiry). listings : in ascending order of instrument id, so that
    the order in the file does not matter."""

    venue: str
    quote: str
    valuation: int
    rate: float
    underlyings: tuple[Underlying, ...]
    curves: Mapping[tuple[str, int], Curve]
    listings: tuple[Listing, ...]


def parse_book(data: bytes, *, source: str | Path | None = None) -> Book:
    """Read a book file.

    Raises
    ------
    BadInput : naming file and field: unknown or missing keys, numbers out of bounds, an instrument on an underlying,
        expiry or strike the book gives no price or volatility for, two instruments of one symbol or of equal terms,
        an expired one without what it settled at.
    """
    root = Node(jsonio.loads(data, source=source), source=source)
    if isinstance(root.value, dict) and root.value.get("schema", SCHEMA) == SCHEMA:
        root.complete(_REQUIRED)
    parts = root.document(SCHEMA, _REQUIRED[""], {"released"})
    venue, quote = (parts[name].text(SYMBOL.pattern, _SYMBOL_MEANING) for name in ("venue", "quote"))
    valuation = parse_time(parts["valuation"].value, field="valuation", source=source)
    underlyings = _underlyings(parts["underlyings"])
    spots = {underlying.symbol: underlying.spot for underlying in underlyings}
    curves = _curves(parts["expiries"], spots, valuation)
    contingencies = _contingencies(parts["contingencies"], venue, spots)

    listings: dict[int, Listing] = {}
    symbols: set[str] = set()
    for node in parts["instruments"].array():
        instrument, settled = _instrument(node, venue, quote, spots)
        _require_price(node, instrument, settled, valuation, {u.symbol: u for u in underlyings}, curves)
        if instrument.symbol in symbols:
            raise _member(node, "symbol").refuse("different from every other symbol")
        if instrument.id in listings:
            raise BadInput(node.field, instrument.symbol,
                           f"different in its terms from {listings[instrument.id].instrument.symbol}", source=source)
        symbols.add(instrument.symbol)
        long = short = 0
        if settled is None:
            rates = contingencies.get((instrument.venue, instrument.underlying, instrument.kind))
            if rates is None:
                raise BadInput("contingencies", None, f"given for {instrument.kind} on {instrument.underlying} at "
                               f"{instrument.venue}, which {instrument.symbol} is", source=source)
            notional = Fraction(instrument.lot) * spots[instrument.underlying]
            long, short = (math.ceil(notional * Fraction(rate)) for rate in rates)       # a charge is rounded up
        listings[instrument.id] = Listing(instrument, long, short, settled)
    for entry in parts["released"].array() if "released" in parts else ():
        if entry.text(SYMBOL.pattern, _SYMBOL_MEANING) in symbols:
            raise entry.refuse("not among the instruments: what is listed is not released")
    return Book(venue, quote, valuation, float(_decimal(parts["rate"], "-1", "1")), underlyings, curves,
                tuple(listings[id] for id in sorted(listings)))


def with_cash(book: Book, *, source: str | Path | None = None) -> Book:
    """The book with cash among its listings, at rates of 0, as epochs of levels hold it.

    Raises
    ------
    BadInput : the book lists something by that symbol.
    """
    if any(listing.instrument.symbol == CASH for listing in book.listings):
        raise BadInput("symbol", CASH, "another one: in epochs of levels it is cash", source=source)
    listings = [*book.listings, Listing(Instrument.cash(book.quote), 0, 0, None)]
    return replace(book, listings=tuple(sorted(listings, key=lambda listing: listing.instrument.id)))


def contingency_rates(data: bytes) -> dict[str, str]:
    """The contingencies of a book file as it has them, for people: "BTC call" -> "long 0, short 0.005"."""
    def name(entry: Mapping[str, str]) -> str:
        return " ".join(entry[key] for key in ("venue", "underlying", "kind") if key in entry)

    return {name(entry): f"long {entry['long']}, short {entry['short']}"
            for entry in Node(jsonio.loads(data)).value["contingencies"]}


def parse_contingencies(node: Node) -> Mapping[tuple[str, str, Kind], tuple[Decimal, Decimal]]:
    """The contingencies of a book that stand elsewhere, by venue ("" where none is named), underlying and kind.

    Raises
    ------
    BadInput : as in a book, but that underlyings may be any.
    """
    named = [entry.value.get("underlying") for entry in node.array() if isinstance(entry.value, dict)]
    known = {name: 0 for name in named if isinstance(name, str) and SYMBOL.fullmatch(name)}
    return _contingencies(node, "", known)


def with_contingencies(data: bytes, contingencies: object) -> bytes:
    """A book file with other contingencies; what is in them is not looked at."""
    return jsonio.dumps({**jsonio.loads(data), "contingencies": contingencies}).encode()


def released_symbols(data: bytes) -> frozenset[str]:
    """What a book file says that nobody holds any more."""
    return frozenset(Node(jsonio.loads(data)).value.get("released", ()))


def _underlyings(node: Node) -> tuple[Underlying, ...]:
    found: dict[str, Underlying] = {}
    for entry in node.array(at_least=1, at_most=MOST_ASSETS):
        parts = entry.object(_REQUIRED["underlyings[]"], {"perpetual"})
        symbol = parts["symbol"].text(SYMBOL.pattern, _SYMBOL_MEANING)
        if symbol in found:
            raise parts["symbol"].refuse("different from every other symbol")
        found[symbol] = Underlying(symbol, _price(parts["spot"]),
                                   _price(parts["perpetual"]) if "perpetual" in parts else None)
    return tuple(found.values())


def _curves(node: Node, spots: Mapping[str, int], valuation: int) -> dict[tuple[str, int], Curve]:
    found: dict[tuple[str, int], Curve] = {}
    for entry in node.array():
        parts = entry.object(_REQUIRED["expiries[]"], {"quoted_at", "venues"})
        key = (parts["underlying"].choice(spots), _time(parts["expiry"]))
        if key in found:
            raise parts["expiry"].refuse("given once for each underlying")
        if key[1] <= valuation:
            raise parts["expiry"].refuse("later than the valuation")
        volatilities: dict[int, float] = {}
        for point in parts["volatilities"].array():
            pair = point.object(_REQUIRED["expiries[].volatilities[]"])
            strike = _price(pair["strike"])
            if strike in volatilities:
                raise pair["strike"].refuse("given once for each expiry")
            volatilities[strike] = float(_decimal(pair["volatility"], "0.0001", "20"))
        found[key] = Curve(_price(parts["forward"]), volatilities,
                           _quoted_at(parts["quoted_at"], valuation) if "quoted_at" in parts else None,
                           _venues(parts["venues"]) if "venues" in parts else None)
    return found


def _quoted_at(node: Node, valuation: int) -> int:
    time = _time(node)
    if time > valuation:
        raise node.refuse("not after the valuation")
    return time


def _venues(node: Node) -> tuple[str, ...]:
    names = tuple(entry.text(SYMBOL.pattern, _SYMBOL_MEANING) for entry in node.array(at_least=1, at_most=64))
    if len(set(names)) != len(names):
        raise node.refuse("free of repetitions")
    return names


def _contingencies(node: Node, venue: str, spots: Mapping[str, int]
                   ) -> dict[tuple[str, str, Kind], tuple[Decimal, Decimal]]:
    """By venue, underlying and kind; `venue` where none is named."""
    found: dict[tuple[str, str, Kind], tuple[Decimal, Decimal]] = {}
    for entry in node.array():
        parts = entry.object(_REQUIRED["contingencies[]"], {"venue"})
        key = (_venue(parts, venue), parts["underlying"].choice(spots), Kind(parts["kind"].choice(LISTED)))
        if key in found:
            raise parts["kind"].refuse("given once for each underlying and venue")
        found[key] = (_decimal(parts["long"], "0", "10"), _decimal(parts["short"], "0", "10"))
    return found


def _instrument(node: Node, venue: str, quote: str, spots: Mapping[str, int]) -> tuple[Instrument, int | None]:
    parts = node.object(_REQUIRED["instruments[]"], {"expiry", "strike", "settled", "venue"})
    terms = {"kind": Kind(parts["kind"].choice(LISTED)), "underlying": parts["underlying"].choice(spots),
             "lot": parse_decimal(parts["lot"].value, field=parts["lot"].field, source=node.source),
             "settlement": Settlement(parts["settlement"].choice(set(Settlement))),
             "expiry": _time(parts["expiry"]) if "expiry" in parts else None,
             "strike": _price(parts["strike"]) if "strike" in parts else None}
    settled = parse_money(parts["settled"].value, field=parts["settled"].field, low=0, high=LARGEST_PRICE,
                          source=node.source) if "settled" in parts else None
    symbol = parts["symbol"].text(SYMBOL.pattern, _SYMBOL_MEANING)
    try:
        return Instrument(symbol=symbol, venue=_venue(parts, venue), quote=quote, **terms), settled  # type: ignore[arg-type]
    except BadInput as error:
        raise BadInput(f"{node.field}.{error.field}", error.value, error.bound, source=node.source) from None


def _require_price(node: Node, instrument: Instrument, settled: int | None, valuation: int,
                   underlyings: Mapping[str, Underlying], curves: Mapping[tuple[str, int], Curve]) -> None:
    """Every living instrument has the market data that its price needs; every dead one what it settled at."""
    expired = instrument.expiry is not None and instrument.expiry <= valuation
    if expired != (settled is not None):
        bound = "given: the instrument has expired (E7)" if expired else "absent: the instrument has not expired"
        raise BadInput(f"{node.field}.settled", None if settled is None else format_money(settled), bound,
                       source=node.source)
    if expired:
        return
    if instrument.kind == Kind.PERPETUAL and underlyings[instrument.underlying].perpetual is None:
        raise BadInput(f"{node.field}.underlying", instrument.underlying, "an underlying with a price of its perpetual",
                       source=node.source)
    if instrument.expiry is None:
        return
    curve = curves.get((instrument.underlying, instrument.expiry))
    if curve is None:
        raise _member(node, "expiry").refuse(f"among the expiries of {instrument.underlying}")
    if instrument.strike is not None and instrument.strike not in curve.volatilities:
        raise _member(node, "strike").refuse("a strike with a volatility at this expiry")


def _venue(parts: Mapping[str, Node], own: str) -> str:
    """The venue that is named, else the book's own."""
    return parts["venue"].text(SYMBOL.pattern, _SYMBOL_MEANING) if "venue" in parts else own


def _member(node: Node, name: str) -> Node:
    return Node(node.value[name], field=f"{node.field}.{name}", source=node.source)


def _price(node: Node) -> int:
    return parse_money(node.value, field=node.field, low=1, high=LARGEST_PRICE, source=node.source)


def _time(node: Node) -> int:
    return parse_time(node.value, field=node.field, source=node.source)


def _decimal(node: Node, low: str, high: str) -> Decimal:
    return parse_decimal_in(node.value, low, high, field=node.field, source=node.source)
