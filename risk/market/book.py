"""The venue's book: what is listed, what it is worth now, and what holding it costs on top of Expected Shortfall. JSON.

    {"schema": "tailproof.book/1", "venue": "example", "quote": "USD", "valuation": "2020-12-31T00:00:00Z",
     "rate": "0.01",                                    of the quote currency, continuously compounded, ACT/365
     "underlyings": [{"symbol": "BTC", "spot": "29001.72", "perpetual": "29010",
                      "funding": {"rate": "0.0001", "hours": "8", "source": "deribit"}}],      optional, of perpetuals
     "expiries": [{"underlying": "BTC", "expiry": "2021-01-29T08:00:00Z", "forward": "29100",
                   "volatilities": [{"strike": "30000", "volatility": "0.85"}],
                   "quoted_at": "2020-12-30T23:59:00Z", "venues": ["deribit", "okx"]}],      optional, see G9
     "ssvi": [{"underlying": "BTC", "rho": "-0.3", "eta": "1.2", "gamma": "0.4"}],           optional, see theta
     "contingencies": [{"underlying": "BTC", "kind": "call", "long": "0", "short": "0.005"}],
     "instruments": [{"symbol": "BTC-CALL", "kind": "call", "underlying": "BTC", "lot": "0.1", "settlement": "cash",
                      "expiry": "2021-01-29T08:00:00Z", "strike": "30000"}],
     "released": ["BTC-25DEC20"],                       optional: listed before, and held by nobody any more
     "liquidity": {...}}                                optional: volumes, spreads, feeds; see risk/market/liquidity.py

An instrument that is settled in "coin" is inverse: its `lot` counts units of the quote currency, where it is no
option, and it may name the price `reference` that its coins are counted from in epochs of levels. `exercise` may be
said of an option: it is European, and an American one is refused.

In place of "rate" there may be a curve, "discount": [{"until": "2021-03-26T08:00:00Z", "rate": "0.011"}, ...], which
every expiry lies within (`risk.market.discount`). An underlying may say what holding it earns, "yield" a year: then
forwards are held against it and the rates (G2).

Numbers are decimals in quotes: exact, and never a binary float on the way. A contingency is a fraction of the spot
value of a lot, charged per lot held long or short; it covers what the scenarios do not (liquidation, basis, jumps of
the surface). Where one margin is taken over several venues, an instrument and a contingency may name another "venue"
than the book's: one contract is then listed once for each venue, under different symbols and ids, at the rates of that
venue's own contingencies. There is no falling back to another venue's. An instrument may also say "most", the lots of
the largest position that it is for: a contract is then listed once for each size, under ids of their own.

In place of volatilities by strike an expiry may have a slice of a surface, or quotes of several venues
(`risk.market.smiles`).

An instrument whose expiry has passed stays listed while it is held, with what it `settled` at (E7): its
value does not change any more, so its leaf is all zero but for id and underlying.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import YEAR, format_time, parse_time
from risk.exact.money import LARGEST_PRICE, format_money, parse_decimal, parse_decimal_in, parse_money
from risk.market.discount import DiscountCurve
from risk.market.instruments import (
    CASH,
    LARGEST_MOST,
    LISTED,
    MOST_ASSETS,
    SYMBOL,
    Instrument,
    Kind,
    Settlement,
)
from risk.market.liquidity import Liquidity, parse_liquidity
from risk.market.smiles import (
    FEED,
    POINT,
    SOURCES,
    parse_quoted,
    parse_ssvi,
    require_volatility,
    slice_volatility,
    sources_of,
    wanted,
)
from risk.surfaces.quotes import Consensus
from risk.surfaces.ssvi import Ssvi
from risk.surfaces.svi import Slice

SCHEMA = "tailproof.book/1"
_REQUIRED: Mapping[str, frozenset[str]] = {
    "": frozenset({"schema", "venue", "quote", "valuation", "rate", "underlyings", "expiries", "contingencies",
                   "instruments"}),
    "underlyings[]": frozenset({"symbol", "spot"}),
    "expiries[]": frozenset({"underlying", "expiry", "forward"}),
    "expiries[].volatilities[]": POINT,
    "expiries[].quotes[]": FEED, "expiries[].quotes[].volatilities[]": POINT,
    "contingencies[]": frozenset({"underlying", "kind", "long", "short"}),
    "instruments[]": frozenset({"symbol", "kind", "underlying", "lot", "settlement"})}
_MOST_NODES = 64
EUROPEAN, AMERICAN = EXERCISES = ("european", "american")
_SYMBOL_MEANING = "1 to 48 letters, digits and . _ / -, no sign first"


@dataclass(frozen=True)
class Funding:
    """What long perpetuals pay short ones: `rate` of the position every `hours` hours, by whose word."""

    rate: float
    hours: float
    source: str

    @property
    def per_year(self) -> float:
        return self.rate * (YEAR / 3600 / self.hours)


@dataclass(frozen=True)
class Underlying:
    """spot and perpetual (the perpetual's mark; None if none is listed): money units for one unit of it.

    funding : of its perpetuals; None where the book takes none into account.
    earns : a year, continuously compounded; None where the book does not say.
    """

    symbol: str
    spot: int
    perpetual: int | None
    funding: Funding | None = None
    earns: float | None = None


@dataclass(frozen=True)
class Curve:
    """One expiry of an underlying: forward in money units, implied volatility per strike (money units -> per year).

    volatilities : of a slice, those of the strikes that are listed.
    quoted_at : Unix seconds of the oldest of its volatilities.  venues : whose they are. None where not stated.
    slice : where volatilities are those of a surface; ssvi : with the total variance at the money, what it is made of.
    consensus : of quotes by venue.
    """

    forward: int
    volatilities: Mapping[int, float]
    quoted_at: int | None = None
    venues: tuple[str, ...] | None = None
    slice: Slice | None = None
    ssvi: tuple[Ssvi, float] | None = None
    consensus: Consensus | None = None


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
    the order in the file does not matter. rate : a year; 0 where there is a curve in its place, `discounts`."""

    venue: str
    quote: str
    valuation: int
    rate: float
    underlyings: tuple[Underlying, ...]
    curves: Mapping[tuple[str, int], Curve]
    listings: tuple[Listing, ...]
    discounts: DiscountCurve | None = None
    liquidity: Liquidity | None = None

    def log_discount(self, years: NDArray[np.float64]) -> NDArray[np.float64]:
        """Logarithm of the value today of one paid after so many years; any shape."""
        return -self.rate * years if self.discounts is None else self.discounts.log_discount(years)


def parse_book(data: bytes, *, source: str | Path | None = None, left_out: str | None = None) -> Book:
    """Read a book file.

    Parameters
    ----------
    left_out : a venue whose quotes are not looked at, to see what hangs on them.

    Raises
    ------
    BadInput : naming file and field: unknown or missing keys, numbers out of bounds, an instrument on an underlying,
        expiry or strike the book gives no price or volatility for, two instruments of one symbol or of equal terms,
        an expired one without what it settled at.
    """
    root = Node(jsonio.loads(data, source=source), source=source)
    bare = _REQUIRED[""] - {"rate"}                # which a curve may stand in place of
    if isinstance(root.value, dict) and root.value.get("schema", SCHEMA) == SCHEMA:
        root.complete({**_REQUIRED, "": bare if "discount" in root.value else _REQUIRED[""],
                       "expiries[]": lambda entry: _REQUIRED["expiries[]"] | sources_of(entry)})
    parts = root.document(SCHEMA, bare, {"rate", "discount", "released", "ssvi", "liquidity"})
    if "discount" in parts and "rate" in parts:
        raise parts["rate"].refuse("absent: the curve, discount, is in its place")
    venue, quote = (parts[name].text(SYMBOL.pattern, _SYMBOL_MEANING) for name in ("venue", "quote"))
    valuation = parse_time(parts["valuation"].value, field="valuation", source=source)
    underlyings = _underlyings(parts["underlyings"])
    spots = {underlying.symbol: underlying.spot for underlying in underlyings}
    ssvi = parse_ssvi(parts["ssvi"], spots) if "ssvi" in parts else {}
    discounts = _discounts(parts["discount"], valuation) if "discount" in parts else None
    curves = _curves(parts["expiries"], spots, valuation, ssvi, left_out)
    if discounts is not None:
        for place, (_, expiry) in enumerate(curves):
            if expiry > discounts.last:
                raise BadInput(f"expiries[{place}].expiry", format_time(expiry), "at most the last node of the "
                               f"discount curve, {format_time(discounts.last)}: beyond it nothing says a rate",
                               source=source)
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
            notional = _most_units(instrument, _goes_by(instrument, underlyings, curves)) * spots[instrument.underlying]
            long, short = (math.ceil(notional * Fraction(rate)) for rate in rates)       # a charge is rounded up
        listings[instrument.id] = Listing(instrument, long, short, settled)
    for entry in parts["released"].array() if "released" in parts else ():
        if entry.text(SYMBOL.pattern, _SYMBOL_MEANING) in symbols:
            raise entry.refuse("none of the instruments: what is listed is not released")
    return Book(venue, quote, valuation, float(_decimal(parts["rate"], "-1", "1")) if "rate" in parts else 0.0,
                underlyings, _with_listed_strikes(curves, listings.values(), valuation),
                tuple(listings[id] for id in sorted(listings)), discounts,
                parse_liquidity(parts["liquidity"], spots, valuation) if "liquidity" in parts else None)


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
        parts = entry.object(_REQUIRED["underlyings[]"], {"perpetual", "funding", "yield"})
        symbol = parts["symbol"].text(SYMBOL.pattern, _SYMBOL_MEANING)
        if symbol in found:
            raise parts["symbol"].refuse("different from every other symbol")
        found[symbol] = Underlying(symbol, _price(parts["spot"]),
                                   _price(parts["perpetual"]) if "perpetual" in parts else None,
                                   _funding(parts["funding"]) if "funding" in parts else None,
                                   float(_decimal(parts["yield"], "-1", "1")) if "yield" in parts else None)
        if found[symbol].funding is not None and found[symbol].perpetual is None:
            raise parts["funding"].refuse("absent: no perpetual of this underlying has a price")
    return tuple(found.values())


def _discounts(node: Node, valuation: int) -> DiscountCurve:
    nodes: list[tuple[int, float]] = []
    for entry in node.array(at_least=1, at_most=_MOST_NODES):
        parts = entry.object({"until", "rate"})
        until = _time(parts["until"])
        if until <= (nodes[-1][0] if nodes else valuation):
            raise parts["until"].refuse("later than the node before it" if nodes else "later than the valuation")
        nodes.append((until, float(_decimal(parts["rate"], "-1", "1"))))
    return DiscountCurve(valuation, tuple(nodes))


def _funding(node: Node) -> Funding:
    parts = node.object({"rate", "hours", "source"})
    return Funding(float(_decimal(parts["rate"], "-0.1", "0.1")), float(_decimal(parts["hours"], "0.01", "720")),
                   parts["source"].text(SYMBOL.pattern, _SYMBOL_MEANING))


def _curves(node: Node, spots: Mapping[str, int], valuation: int, ssvi: Mapping[str, Ssvi], left_out: str | None
            ) -> dict[tuple[str, int], Curve]:
    found: dict[tuple[str, int], Curve] = {}
    for entry in node.array():
        parts = entry.object(_REQUIRED["expiries[]"], {"quoted_at", "venues", *SOURCES})
        key = (parts["underlying"].choice(spots), _time(parts["expiry"]))
        if key in found:
            raise parts["expiry"].refuse("given once for each underlying")
        if key[1] <= valuation:
            raise parts["expiry"].refuse("later than the valuation")
        quoted = parse_quoted(entry, parts, ssvi.get(key[0]), valuation, left_out)
        agreed = quoted.consensus
        quoted_at = _quoted_at(parts["quoted_at"], valuation) if "quoted_at" in parts else None
        venues = _venues(parts["venues"]) if "venues" in parts else None
        found[key] = Curve(_price(parts["forward"]), quoted.volatilities,
                           quoted_at if agreed is None else agreed.quoted_at,
                           venues if agreed is None else agreed.venues, quoted.slice, quoted.ssvi, agreed)
    return found


def _quoted_at(node: Node, valuation: int) -> int:
    time = _time(node)
    if time > valuation:
        raise node.refuse("no later than the valuation")
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
    parts = node.object(_REQUIRED["instruments[]"], {"expiry", "strike", "settled", "venue", "reference", "exercise",
                                                    "most"})
    if "exercise" in parts:
        _require_european(parts)
    terms = {"kind": Kind(parts["kind"].choice(LISTED)), "underlying": parts["underlying"].choice(spots),
             "lot": parse_decimal(parts["lot"].value, field=parts["lot"].field, source=node.source),
             "settlement": Settlement(parts["settlement"].choice(set(Settlement))),
             "expiry": _time(parts["expiry"]) if "expiry" in parts else None,
             "strike": _price(parts["strike"]) if "strike" in parts else None,
             "reference": _price(parts["reference"]) if "reference" in parts else None,
             "most": parts["most"].integer(1, LARGEST_MOST) if "most" in parts else None}
    settled = parse_money(parts["settled"].value, field=parts["settled"].field, low=0, high=LARGEST_PRICE,
                          source=node.source) if "settled" in parts else None
    symbol = parts["symbol"].text(SYMBOL.pattern, _SYMBOL_MEANING)
    try:
        return Instrument(symbol=symbol, venue=_venue(parts, venue), quote=quote, **terms), settled  # type: ignore[arg-type]
    except BadInput as error:
        raise BadInput(f"{node.field}.{error.field}", error.value, error.bound, source=node.source) from None


def _require_european(parts: Mapping[str, Node]) -> None:
    """Refuse what is not priced: exercise before expiry, and a word on it where there is nothing to exercise."""
    exercise = parts["exercise"].choice(EXERCISES)
    if not Kind(parts["kind"].value).optional:
        raise parts["exercise"].refuse(f"absent: a {parts['kind'].value} is not exercised")
    if exercise == AMERICAN:
        raise parts["exercise"].refuse(
            '"european": Black-76 says nothing of exercise before expiry, which is worth most where carry is, so a '
            "short position would be margined for too little; those of Deribit and Derive are European")


def _most_units(instrument: Instrument, price: int) -> Fraction:
    """Units of the underlying that a lot is charged for: those that it stands for at the price that it goes by, or, as
    epochs of levels count its coins from `reference`, those at that, where they are more. Else whoever lists a contract
    from a tenth of the spot is charged for a tenth of the coins that its holder has."""
    units = instrument.underlying_units(price)
    return units if instrument.reference is None else max(units, instrument.underlying_units(instrument.reference))


def _goes_by(instrument: Instrument, underlyings: Iterable[Underlying], curves: Mapping[tuple[str, int], Curve]) -> int:
    """The price that a living instrument goes by, money units: forward, a perpetual's mark, spot."""
    if instrument.expiry is not None:
        return curves[instrument.underlying, instrument.expiry].forward
    own = next(one for one in underlyings if one.symbol == instrument.underlying)
    return own.spot if instrument.kind != Kind.PERPETUAL or own.perpetual is None else own.perpetual


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
    if instrument.strike is None:
        return
    if curve.slice is not None:
        require_volatility(node, instrument.symbol, slice_volatility(
            curve.slice, instrument.strike, curve.forward, (instrument.expiry - valuation) / YEAR))
    elif instrument.strike not in curve.volatilities:
        raise _member(node, "strike").refuse(wanted(curve.consensus, instrument.strike))


def _with_listed_strikes(curves: Mapping[tuple[str, int], Curve], listings: Collection[Listing], valuation: int
                         ) -> dict[tuple[str, int], Curve]:
    """Curves of slices with the volatilities of the strikes that are listed."""
    strikes: dict[tuple[str, int], set[int]] = {}
    for instrument in (listing.instrument for listing in listings):
        if instrument.expiry is not None and instrument.strike is not None:
            strikes.setdefault((instrument.underlying, instrument.expiry), set()).add(instrument.strike)
    return {key: curve if curve.slice is None else replace(curve, volatilities={
        strike: slice_volatility(curve.slice, strike, curve.forward, (key[1] - valuation) / YEAR)
        for strike in sorted(strikes.get(key, ()))}) for key, curve in curves.items()}


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
