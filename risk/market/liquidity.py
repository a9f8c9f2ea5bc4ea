"""How liquid a venue's markets are, and what its feeds say of themselves: a book's table `liquidity`, optional.

    "liquidity": {"as_of": "2020-12-31T00:00:00Z",
                  "markets": [{"underlying": "BTC", "kind": "call", "daily_volume": "1200", "open_interest": "90000",
                               "half_spread": "0.0005", "size": "250"}],
                  "confidences": [{"underlying": "BTC", "confidence": "0.97"},
                                  {"underlying": "BTC", "expiry": "2021-01-29T08:00:00Z", "confidence": "0.9"}],
                  "gas_price": "0.000105", "quote_price": "0.999"}

A market is all instruments of one kind on one underlying. Volume (a day's), open interest and size are in units of the
underlying; the half spread is a fraction of spot. `size` is the largest position that the venue admits in one contract
whose terms state no size themselves (`Instrument.most`): what impact is charged for, and what whoever registers a
commitment holds it to. A confidence without an expiry is that of the spot and perpetual feed, with one that of forward
and volatilities. `gas_price` is quote units for a unit of gas, `quote_price` what the quote token is worth in the
currency that it stands for.

These are the venue's observations, signed with the epoch; what is charged for them the model file says
(`risk.models.addon_rules`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal

from primitives import jsonio
from primitives.jsonio import Node
from risk.exact.clock import parse_time
from risk.exact.money import parse_decimal_in
from risk.market.instruments import LISTED, Kind

_LARGEST = "1000000000000000"
_LEAST = "0.000000000001"


@dataclass(frozen=True)
class Market:
    """daily_volume, open_interest, size : units of the underlying.  half_spread : fraction of spot."""

    daily_volume: Decimal
    open_interest: Decimal
    half_spread: Decimal
    size: Decimal


@dataclass(frozen=True)
class Liquidity:
    """A book's table, checked.

    as_of : Unix seconds, at most the valuation.  markets : by underlying and kind.
    confidences : in [0, 1], by underlying and expiry (None: spot and perpetual).
    gas_price, quote_price : None where not stated.
    """

    as_of: int
    markets: Mapping[tuple[str, Kind], Market]
    confidences: Mapping[tuple[str, int | None], Decimal]
    gas_price: Decimal | None
    quote_price: Decimal | None


def parse_liquidity(node: Node, underlyings: Collection[str], valuation: int) -> Liquidity:
    """Read the table.

    Parameters
    ----------
    underlyings : symbols that the book lists.  valuation : Unix seconds.

    Raises
    ------
    BadInput : naming file and field: unknown or missing keys, numbers out of bounds, an underlying that is not the
        book's, a market or a feed given twice, facts from after the valuation.
    """
    parts = node.object({"as_of", "markets"}, {"confidences", "gas_price", "quote_price"})
    as_of = parse_time(parts["as_of"].value, field=parts["as_of"].field, source=node.source)
    if as_of > valuation:
        raise parts["as_of"].refuse("at or before the valuation")
    markets: dict[tuple[str, Kind], Market] = {}
    for entry in parts["markets"].array(at_least=1):
        given = entry.object({"underlying", "kind", "daily_volume", "open_interest", "half_spread", "size"})
        key = (given["underlying"].choice(underlyings), Kind(given["kind"].choice(LISTED)))
        if key in markets:
            raise given["kind"].refuse("given once for each underlying")
        markets[key] = Market(_decimal(given["daily_volume"], _LEAST, _LARGEST),
                              _decimal(given["open_interest"], "0", _LARGEST),
                              _decimal(given["half_spread"], "0", "1"), _decimal(given["size"], _LEAST, _LARGEST))
    confidences: dict[tuple[str, int | None], Decimal] = {}
    for entry in parts["confidences"].array() if "confidences" in parts else ():
        given = entry.object({"underlying", "confidence"}, {"expiry"})
        expiry = parse_time(given["expiry"].value, field=given["expiry"].field, source=node.source) \
            if "expiry" in given else None
        feed = (given["underlying"].choice(underlyings), expiry)
        if feed in confidences:
            raise entry.refuse("given once for each feed")
        confidences[feed] = _decimal(given["confidence"], "0", "1")
    return Liquidity(as_of, markets, confidences,
                     _decimal(parts["gas_price"], "0", "1000000") if "gas_price" in parts else None,
                     _decimal(parts["quote_price"], "0", "10") if "quote_price" in parts else None)


def largest_positions(data: bytes) -> dict[str, str]:
    """The largest positions that a book file admits, as it has them, for people: "BTC call" -> "250"."""
    markets = Node(jsonio.loads(data)).value.get("liquidity", {}).get("markets", ())
    return {f"{entry['underlying']} {entry['kind']}": entry["size"] for entry in markets}


def _decimal(node: Node, low: str, high: str) -> Decimal:
    return parse_decimal_in(node.value, low, high, field=node.field, source=node.source)
