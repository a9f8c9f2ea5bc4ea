from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from primitives.errors import BadInput
from risk.market.book import parse_book

JAN, MAR = "2021-01-29T08:00:00Z", "2021-03-26T08:00:00Z"


def example() -> dict[str, Any]:
    return {
        "schema": "tailproof.book/1", "venue": "example", "quote": "USD", "valuation": "2021-01-01T00:00:00Z",
        "rate": "0.01", "underlyings": [{"symbol": "BTC", "spot": "29001.72", "perpetual": "29010"},
                                        {"symbol": "ETH", "spot": "737.8"}],
        "expiries": [{"underlying": "BTC", "expiry": JAN, "forward": "29100",
                      "volatilities": [{"strike": "30000", "volatility": "0.85"}]}],
        "contingencies": [{"underlying": "BTC", "kind": kind, "long": "0.001", "short": "0.0123457"}
                          for kind in ("spot", "perpetual", "future", "call")],
        "instruments": [
            {"symbol": "BTC-SPOT", "kind": "spot", "underlying": "BTC", "lot": "0.01", "settlement": "physical"},
            {"symbol": "BTC-PERP", "kind": "perpetual", "underlying": "BTC", "lot": "0.01", "settlement": "cash"},
            {"symbol": "BTC-JAN", "kind": "future", "underlying": "BTC", "lot": "1", "settlement": "cash",
             "expiry": JAN},
            {"symbol": "BTC-C", "kind": "call", "underlying": "BTC", "lot": "0.1", "settlement": "cash", "expiry": JAN,
             "strike": "30000"},
            {"symbol": "ETH-OLD", "kind": "future", "underlying": "ETH", "lot": "1", "settlement": "cash",
             "expiry": "2020-12-25T08:00:00Z", "settled": "626.41"}]}


def parse(book: Any) -> Any:
    return parse_book(json.dumps(book).encode(), source="book.json")


def test_reads_a_book() -> None:
    book = parse(example())
    assert (book.venue, book.quote, book.valuation, book.rate) == ("example", "USD", 1609459200, 0.01)
    assert [u.spot for u in book.underlyings] == [29_001_720_000, 737_800_000]
    assert book.curves["BTC", 1611907200].volatilities == {30_000_000_000: 0.85}
    by_symbol = {listing.instrument.symbol: listing for listing in book.listings}
    assert len(by_symbol) == 5
    assert by_symbol["ETH-OLD"].settled == 626_410_000
    assert (by_symbol["ETH-OLD"].long, by_symbol["ETH-OLD"].short) == (0, 0)


def test_a_contingency_is_rounded_up() -> None:
    """0.01 BTC at 29,001.72 is 290.0172 USD; 1.23457 % of it 3.58046534604 USD."""
    listing = next(x for x in parse(example()).listings if x.instrument.symbol == "BTC-SPOT")
    assert (listing.long, listing.short) == (290_018, 3_580_466)


def test_the_order_in_the_file_does_not_matter() -> None:
    turned = example()
    for key in ("instruments", "contingencies"):
        turned[key] = turned[key][::-1]
    assert parse(turned) == parse(example())
    ids = [listing.instrument.id for listing in parse(turned).listings]
    assert ids == sorted(ids)


def of_two_venues() -> dict[str, Any]:
    """The perpetual once more, at a venue whose liquidation is slower."""
    book = example()
    book["instruments"].append(book["instruments"][1] | {"symbol": "slow/BTC-PERP", "venue": "slow"})
    book["contingencies"].append({"venue": "slow", "underlying": "BTC", "kind": "perpetual", "long": "0.03",
                                  "short": "0.04"})
    return book


def test_one_contract_may_be_listed_for_two_venues_at_their_own_rates() -> None:
    by_symbol = {listing.instrument.symbol: listing for listing in parse(of_two_venues()).listings}
    own, slow = by_symbol["BTC-PERP"], by_symbol["slow/BTC-PERP"]
    assert (own.instrument.venue, slow.instrument.venue) == ("example", "slow")
    assert own.instrument.id != slow.instrument.id
    assert own.instrument.terms() | {"venue": "slow"} == slow.instrument.terms()
    assert (own.long, own.short, slow.long, slow.short) == (290_018, 3_580_466, 8_700_516, 11_600_688)
    named = of_two_venues()
    for entry in (*named["instruments"], *named["contingencies"]):
        entry.setdefault("venue", "example")
    assert parse(named) == parse(of_two_venues())      # naming the book's own venue changes nothing


def test_no_venue_is_charged_what_another_charges() -> None:
    book = of_two_venues()
    del book["contingencies"][-1]
    with pytest.raises(BadInput, match="given for perpetual on BTC at slow, which slow/BTC-PERP is"):
        parse(book)
    book = of_two_venues()
    book["contingencies"].append(book["contingencies"][-1])
    with pytest.raises(BadInput, match="given once for each underlying and venue"):
        parse(book)
    book = of_two_venues()
    book["instruments"][-1]["venue"] = "-"
    with pytest.raises(BadInput, match=r"instruments\[5\].venue"):
        parse(book)


def put(*path: Any, value: Any) -> Callable[[Any], None]:
    def change(book: Any) -> None:
        for key in path[:-1]:
            book = book[key]
        if value is None:
            del book[path[-1]]
        else:
            book[path[-1]] = value
    return change


@pytest.mark.parametrize(("change", "message"), [
    (put("schema", value="tailproof.book/2"), r"schema is 'tailproof.book/2'"),
    (put("colour", value="red"), r"colour is 'red': must be absent"),
    (put("rate", value=None), r"rate is missing: must be given"),
    (put("rate", value=0.01), r"rate is 0\.01: must be a decimal in quotes"),
    (put("rate", value="5"), r"rate is '5': must be between -1 and 1"),
    (put("valuation", value="2021-01-01"), r"valuation is .* a time in UTC"),
    (put("venue", value=""), r"venue is ''"),
    (put("underlyings", value=[]), r"length of underlyings is 0"),
    (put("underlyings", 0, "spot", value="0"), r"underlyings\[0\]\.spot is '0': must be between 0\.000001"),
    (put("underlyings", 0, "spot", value="-1"), r"underlyings\[0\]\.spot is"),
    (put("underlyings", 0, "spot", value="NaN"), r"underlyings\[0\]\.spot is"),
    (put("underlyings", 1, "symbol", value="BTC"), r"underlyings\[1\]\.symbol is 'BTC': must be different"),
    (put("underlyings", 0, "perpetual", value=None),
     r"instruments\[1\]\.underlying is 'BTC': must be an underlying with"),
    (put("expiries", 0, "underlying", value="XRP"), r"expiries\[0\]\.underlying is 'XRP': must be one of BTC, ETH"),
    (put("expiries", 0, "forward", value="0"), r"expiries\[0\]\.forward is"),
    (put("expiries", 0, "expiry", value="2021-01-01T00:00:00Z"),
     r"expiries\[0\]\.expiry is .* later than the valuation"),
    (put("expiries", 0, "volatilities", 0, "volatility", value="0"),
     r"expiries\[0\]\.volatilities\[0\]\.volatility is"),
    (put("expiries", 0, "volatilities", 0, "volatility", value="21"),
     r"expiries\[0\]\.volatilities\[0\]\.volatility is '21': must be between 0\.0001 and 20"),
    (put("contingencies", 0, "short", value="-0.1"), r"contingencies\[0\]\.short is '-0\.1': must be between 0 and 10"),
    (put("contingencies", 0, value={"underlying": "BTC", "kind": "call", "long": "0", "short": "0"}),
     r"contingencies\[3\]\.kind is 'call': must be given once"),
    (put("contingencies", 0, value=None),
     r"contingencies is missing: must be given for spot on BTC at example, which BTC-SPOT is"),
    (put("instruments", 0, "kind", value="swap"), r"instruments\[0\]\.kind is 'swap': must be one of call, future"),
    (put("instruments", 0, "lot", value="0"), r"instruments\[0\]\.lot is '0': must be above 0"),
    (put("instruments", 0, "lot", value=0.01), r"instruments\[0\]\.lot is 0\.01: must be a decimal in quotes"),
    (put("instruments", 0, "settlement", value="cash"), r'instruments\[0\]\.settlement is .* "physical" for a spot'),
    (put("instruments", 0, "strike", value="5"),
     r"instruments\[0\]\.strike is 5000000: must be absent: a spot has none"),
    (put("instruments", 2, "expiry", value=None), r"instruments\[2\]\.expiry is missing: must be given"),
    (put("instruments", 2, "expiry", value=MAR), r"instruments\[2\]\.expiry is .* among the expiries of BTC"),
    (put("instruments", 3, "strike", value="31000"),
     r"instruments\[3\]\.strike is '31000': must be a strike with a volatility"),
    (put("instruments", 3, "symbol", value="BTC-JAN"), r"instruments\[3\]\.symbol is 'BTC-JAN': must be different"),
    (put("instruments", 1, value={"symbol": "X", "kind": "spot", "underlying": "BTC", "lot": "0.010",
                                  "settlement": "physical"}),
     r"instruments\[1\] is 'X': must be different in its terms from BTC-SPOT"),
    (put("instruments", 4, "settled", value=None), r"instruments\[4\]\.settled is missing: must be given: .* \(E7\)"),
    (put("instruments", 2, "settled", value="5"), r"instruments\[2\]\.settled is '5': must be absent: .* not expired")])
def test_a_wrong_entry_is_refused_with_its_place(change: Callable[[Any], None], message: str) -> None:
    book = example()
    change(book)
    with pytest.raises(BadInput, match=r"^book\.json: " + message):
        parse(book)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\xff", b'{"schema": NaN}', b'{"a": 1, "a": 2}'])
def test_malformed_json_is_refused(data: bytes) -> None:
    with pytest.raises(BadInput, match=r"^book\.json: "):
        parse_book(data, source="book.json")


def test_a_repeated_strike_or_expiry_is_refused() -> None:
    book = example()
    book["expiries"] *= 2
    with pytest.raises(BadInput, match=r"expiries\[1\]\.expiry is .* given once"):
        parse(book)
    book = example()
    book["expiries"][0]["volatilities"].append({"strike": "30000.00", "volatility": "0.5"})
    with pytest.raises(BadInput, match=r"volatilities\[1\]\.strike is '30000.00': must be given once"):
        parse(book)
