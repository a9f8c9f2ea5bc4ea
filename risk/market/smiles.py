"""Where an expiry of a book has its volatilities from: strikes, a slice, or quotes of several venues.

    "volatilities": [{"strike": "30000", "volatility": "0.85"}]                  of each strike that is listed, or
    "svi": {"a": "0.03", "b": "0.08", "rho": "-0.3", "m": "0.02", "sigma": "0.1"}   a slice, total variance, or
    "theta": "0.055"        total variance at the money, under the book's "ssvi" of the underlying, or
    "quotes": [{"venue": "deribit", "quoted_at": "2020-12-30T23:59:30Z",
                "volatilities": [{"strike": "30000", "volatility": "0.85"}]}, ...]    medians of three venues or more

Quotes may stand beside a slice: options are then valued by the slice, which G9 holds against the quotes' medians. Of a
slice, options of every strike have their volatility, sqrt(w(ln(K/F)) / T).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.exact.clock import parse_time
from risk.exact.elementary import log
from risk.exact.money import LARGEST_PRICE, parse_decimal_in, parse_money
from risk.market.instruments import SYMBOL
from risk.surfaces.quotes import LEAST, Consensus, Feed, consensus
from risk.surfaces.ssvi import BOUNDS as SSVI_BOUNDS
from risk.surfaces.ssvi import THETA, Ssvi
from risk.surfaces.svi import Slice

SOURCES = frozenset({"volatilities", "svi", "theta", "quotes"})
POINT = frozenset({"strike", "volatility"})
FEED = frozenset({"venue", "quoted_at", "volatilities"})
VOLATILITY = ("0.0001", "20")
"""A year: what any option's must be in."""
_VENUE = "1 to 48 letters, digits and . _ / -, no sign first"


@dataclass(frozen=True)
class Quoted:
    """volatilities : by strike, in money units; empty of a slice.  slice, ssvi : as in `Curve`.
    consensus : of quotes."""

    volatilities: Mapping[int, float]
    slice: Slice | None
    ssvi: tuple[Ssvi, float] | None
    consensus: Consensus | None


def sources_of(entry: Mapping[str, object]) -> frozenset[str]:
    """Keys that an expiry lacks, if it has no source of volatilities at all."""
    return frozenset() if SOURCES & entry.keys() else frozenset({"volatilities"})


def parse_ssvi(node: Node, underlyings: Mapping[str, object]) -> dict[str, Ssvi]:
    """The book's SSVI parameters, by underlying.

    Raises
    ------
    BadInput : naming the field; an underlying named twice or unknown.
    """
    found: dict[str, Ssvi] = {}
    for entry in node.array():
        parts = entry.object({"underlying", *SSVI_BOUNDS})
        underlying = parts["underlying"].choice(underlyings)
        if underlying in found:
            raise parts["underlying"].refuse("given once for each underlying")
        found[underlying] = Ssvi.parse(parts)
    return found


def parse_quoted(entry: Node, parts: Mapping[str, Node], ssvi: Ssvi | None, valuation: int, left_out: str | None
                 ) -> Quoted:
    """The volatilities of one expiry.

    Parameters
    ----------
    parts : members of the entry.  ssvi : the book's for the underlying.
    left_out : a venue whose quotes are not looked at; the others are then enough, however few.

    Raises
    ------
    BadInput : no source, two that contradict, or one that is out of bounds.
    """
    chosen = SOURCES & parts.keys()
    if len(chosen - {"quotes"}) > 1 or chosen == {"volatilities", "quotes"}:
        raise BadInput(entry.field, ", ".join(sorted(chosen)), "of volatilities, svi, theta and quotes one, or quotes "
                       "beside svi or theta", source=entry.source)
    if not chosen:
        raise BadInput(f"{entry.field}.volatilities", None, "given, or svi, theta or quotes", source=entry.source)
    volatilities = {strike: float(value) for strike, value in _points(parts["volatilities"]).items()} \
        if "volatilities" in parts else dict[int, float]()
    one = Slice.parse(parts["svi"]) if "svi" in parts else None
    surface = None
    if "theta" in parts:
        if ssvi is None:
            raise parts["theta"].refuse("absent: the book has no ssvi for the underlying")
        theta = float(parse_decimal_in(parts["theta"].value, *THETA, field=parts["theta"].field, source=entry.source))
        one, surface = ssvi.slice(theta), (ssvi, theta)
    agreed = None
    if "quotes" in parts:
        for key in ("quoted_at", "venues"):
            if key in parts:
                raise parts[key].refuse("absent: the quotes say it")
        feeds = _feeds(parts["quotes"], valuation)
        agreed = consensus([feed for feed in feeds if feed.venue != left_out], valuation,
                           least=LEAST if left_out is None else 1)
        if one is None:
            volatilities = {strike: float(value) for strike, value in agreed.volatilities.items()}
    return Quoted(volatilities, one, surface, agreed)


def slice_volatility(one: Slice, strike: int, forward: int, years: float) -> float:
    """sqrt(w(ln(K/F)) / T), the volatility a year of a strike; money units."""
    w = float(one.total_variance(log(strike / forward)))
    return float(np.sqrt(w / years)) if w > 0 else 0.0


def wanted(agreed: Consensus | None, strike: int) -> str:
    """What a strike without a volatility should be."""
    if agreed is None or strike not in agreed.short:
        return "a strike with a volatility at this expiry"
    return f"one that {LEAST} venues agree on, neither stale nor copied nor a tenth from the median: " \
        f"{agreed.short[strike]} do"


def require_volatility(node: Node, symbol: str, volatility: float) -> None:
    """Refuse an option whose slice gives it a volatility that could not have been written."""
    low, high = VOLATILITY
    if not float(low) <= volatility <= float(high):
        raise BadInput(f"{node.field}: volatility of {symbol} by the slice", Said(f"{volatility:.6g}"),
                       f"between {low} and {high}", source=node.source)


def _feeds(node: Node, valuation: int) -> list[Feed]:
    feeds, seen = list[Feed](), set[str]()
    for entry in node.array(at_least=1, at_most=64):
        parts = entry.object(FEED)
        venue = parts["venue"].text(SYMBOL.pattern, _VENUE)
        if venue in seen:
            raise parts["venue"].refuse("given once for each expiry")
        seen.add(venue)
        quoted_at = parse_time(parts["quoted_at"].value, field=parts["quoted_at"].field, source=node.source)
        if quoted_at > valuation:
            raise parts["quoted_at"].refuse("at or before the valuation")
        feeds.append(Feed(venue, quoted_at, _points(parts["volatilities"])))
    return feeds


def _points(node: Node) -> dict[int, Fraction]:
    found: dict[int, Fraction] = {}
    for point in node.array():
        pair = point.object(POINT)
        strike = parse_money(pair["strike"].value, field=pair["strike"].field, low=1, high=LARGEST_PRICE,
                             source=node.source)
        if strike in found:
            raise pair["strike"].refuse("given once for each expiry")
        found[strike] = Fraction(parse_decimal_in(pair["volatility"].value, *VOLATILITY, field=pair["volatility"].field,
                                                  source=node.source))
    return found
