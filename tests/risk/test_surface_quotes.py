"""Medians of venues: who is left out and why, and what liars can do."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from worlds import book, option, world

from primitives.errors import BadInput
from risk.epochs.build import prepare
from risk.epochs.difference import BrokenDuty
from risk.market.book import Book, parse_book
from risk.surfaces.quotes import Consensus, Feed, consensus

AT = 1_718_755_200
"""2024-06-19T00:00:00Z."""
STRIKES = (50, 55, 60, 65, 70)


def feed(venue: str, *volatilities: str, age: int = 10) -> Feed:
    return Feed(venue, AT - age, dict(zip(STRIKES, map(Fraction, volatilities), strict=False)))


def agreed(*feeds: Feed, least: int = 3) -> Consensus:
    found = consensus(feeds, AT, least=least)
    assert found == consensus(feeds[::-1], AT, least=least)          # the order in the file does not matter
    return found


def test_the_median_of_three_and_the_mean_of_the_middle_two() -> None:
    a, b, c = feed("a", "0.60"), feed("b", "0.61", age=20), feed("c", "0.64")
    found = agreed(a, b, c)
    assert found.volatilities == {50: Fraction("0.61")}
    assert (found.venues, found.quoted_at, found.short) == (("a", "b", "c"), AT - 20, {})
    assert agreed(a, b, c, feed("d", "0.62")).volatilities == {50: Fraction("0.615")}


def test_two_are_too_few() -> None:
    assert agreed(feed("a", "0.6"), feed("b", "0.6")).short == {50: 2}


def test_a_stale_feed_has_no_vote() -> None:
    feeds = [feed("a", "0.60"), feed("b", "0.61"), feed("c", "0.62")]
    late = feed("d", "0.65", age=61)
    assert agreed(*feeds, late).volatilities == {50: Fraction("0.61")}
    assert agreed(*feeds, late).stale == {"d": 61}
    assert agreed(*feeds, feed("d", "0.65", age=60)).volatilities == {50: Fraction("0.615")}


def test_an_outlying_quote_is_dropped_at_its_strike_only() -> None:
    feeds = [feed(name, "0.60", v) for name, v in (("a", "0.60"), ("b", "0.61"), ("c", "0.62"))]
    found = agreed(*feeds, feed("d", "0.61", "0.70"))
    assert found.volatilities == {50: Fraction("0.60"), 55: Fraction("0.61")}
    assert found.outlying == {"d": (55,)}
    assert agreed(*feeds, feed("d", "0.61", "0.67")).outlying == {}          # 8.9 % from 0.615
    assert agreed(*feeds[:2], feed("d", "0.61", "0.70")).short == {55: 2}


def test_a_copy_is_no_second_opinion_and_is_flagged() -> None:
    own = ("0.61", "0.60", "0.59", "0.60", "0.62")
    a, b = feed("a", *own), feed("b", "0.62", "0.61", "0.60", "0.61", "0.63")
    copy = feed("z", *own, age=30)
    found = agreed(a, b, copy)
    assert found.copied == (("a", "z"),)
    assert found.short == dict.fromkeys(STRIKES, 2)
    c = feed("c", "0.63", "0.62", "0.61", "0.62", "0.64")
    assert agreed(a, b, c, copy).volatilities == agreed(a, b, c).volatilities
    assert agreed(a, b, c, copy).venues == ("a", "b", "c")
    near = feed("y", *own[:-1], "0.6201")
    assert agreed(a, b, near).copied == ()
    few = feed("x", *own[:2])                                        # equal at two strikes may be chance
    assert agreed(a, b, few).copied == ()
    assert agreed(a, b, feed("x", *own[:3])).copied == (("a", "x"),)


def test_fewer_than_half_cannot_leave_the_honest_range() -> None:
    """Honest feeds within 10 % of each other; liars say anything, copies of the honest aside."""
    rng = np.random.default_rng(1)
    for _ in range(3000):
        n = int(rng.integers(3, 10))
        liars = int(rng.integers(0, (n - 1) // 2 + 1))
        low = rng.uniform(0.2, 2)
        honest = [Fraction(round(low * rng.uniform(1, 1.0999), 6)) for _ in range(n - liars)]
        lies = [Fraction(round(abs(low * rng.choice([rng.uniform(0.8, 1.3), rng.uniform(0.001, 10)])) + 1e-4, 6))
                for _ in range(liars)]
        found = agreed(*(Feed(f"v{i}", AT, {50: value}) for i, value in enumerate([*honest, *lies])), least=1)
        assert min(honest) <= found.volatilities[50] <= max(honest)
        assert set(found.outlying) <= {f"v{i}" for i in range(len(honest), n)}


def test_half_of_the_votes_can() -> None:
    """What the bound does not promise: two of four, near each other, move the median out."""
    found = agreed(feed("a", "0.60"), feed("b", "0.60"), feed("y", "0.64"), feed("z", "0.65"))
    assert found.volatilities[50] == Fraction("0.62")


# -- in a book -----------------------------------------------------------------------------------------------------
def quoted(*feeds: tuple[str, str, dict[str, str]]) -> dict[str, Any]:
    """The small world with the month's volatilities from venues: name, time, volatility by strike."""
    made = book()
    del made["expiries"][0]["volatilities"]
    made["expiries"][0]["quotes"] = [
        {"venue": venue, "quoted_at": time, "volatilities": [{"strike": strike, "volatility": value}
                                                             for strike, value in points.items()]}
        for venue, time, points in feeds]
    return made


def points(*values: str) -> dict[str, str]:
    return dict(zip(("50000", "60000", "70000"), values, strict=True))


NOW, BEFORE = "2024-06-18T23:59:50Z", "2024-06-18T23:58:00Z"
THREE = [("deribit", NOW, points("0.60", "0.59", "0.61")),
         ("okx", "2024-06-18T23:59:30Z", points("0.61", "0.60", "0.62")),
         ("bybit", NOW, points("0.62", "0.61", "0.63"))]


def parsed(document: dict[str, Any], left_out: str | None = None) -> Book:
    return parse_book(json.dumps(document).encode(), source="book.json", left_out=left_out)


def test_a_book_of_quotes_is_the_book_of_their_medians() -> None:
    made = parsed(quoted(*THREE))
    plain = book()
    plain["expiries"][0] |= {"volatilities": [{"strike": strike, "volatility": value}
                                              for strike, value in points("0.61", "0.60", "0.62").items()],
                             "quoted_at": "2024-06-18T23:59:30Z", "venues": ["bybit", "deribit", "okx"]}
    key = ("BTC", 1_721_376_000)
    assert made.curves[key].volatilities == parsed(plain).curves[key].volatilities
    assert made.curves[key].quoted_at == parsed(plain).curves[key].quoted_at
    assert made.curves[key].venues == ("bybit", "deribit", "okx")
    assert parsed(quoted(*THREE), left_out="okx").curves[key].volatilities[60_000_000_000] == 0.60
    assert parsed(quoted(*THREE), left_out="deribit").curves[key].volatilities[60_000_000_000] == 0.605


def test_what_was_left_out_is_flagged_in_the_epoch() -> None:
    flags = prepare(world(quoted(*THREE, ("kraken", BEFORE, points("0.5", "0.5", "0.5")),
                                 ("paradex", NOW, points("0.61", "0.80", "0.62")),
                                 ("mirror", NOW, THREE[0][2])))).judgement.flags
    said = "\n".join(flags)
    assert "G9: kraken is left out of the volatilities of BTC at 2024-07-19T08:00:00Z: quoted 120 s before" in said
    assert "G9: deribit and mirror count as one venue in the volatilities of BTC" in said
    assert "G9: paradex is left out of the volatilities of BTC at 2024-07-19T08:00:00Z at 1 strikes (60000)" in said
    assert "not stated for 1 expiries" in said


@pytest.mark.parametrize(("change", "said"), [
    (lambda b: b["expiries"][0]["quotes"].pop(),
     "instruments.4..strike is '50000': must be one that 3 venues agree on, .*: 2 do"),
    (lambda b: b["expiries"][0].update(volatilities=[]), "of volatilities, svi, theta and quotes one"),
    (lambda b: b["expiries"][0].update(quoted_at=NOW), "expiries.0..quoted_at .* absent: the quotes say it"),
    (lambda b: b["expiries"][0].update(venues=["okx"]), "expiries.0..venues .* absent: the quotes say it"),
    (lambda b: b["expiries"][0]["quotes"][1].update(venue="deribit"), "quotes.1..venue is 'deribit': must be given"),
    (lambda b: b["expiries"][0]["quotes"][1].update(quoted_at="2024-06-19T00:00:01Z"), "at or before the valuation"),
    (lambda b: b["expiries"][0]["quotes"][1]["volatilities"].append({"strike": "50000", "volatility": "0.6"}),
     "quotes.1..volatilities.3..strike is '50000': must be given once"),
    (lambda b: b["expiries"][0]["quotes"][1]["volatilities"][0].update(volatility="0"), "volatility is '0'"),
    (lambda b: b["expiries"][0]["quotes"][1].pop("venue"), "expiries.0..quotes.1..venue"),
    (lambda b: b["expiries"][0].pop("quotes"), "expiries.0..volatilities is missing: must be given"),
    (lambda b: b["expiries"][0].update(quotes=[]), "length of expiries.0..quotes")])
def test_a_book_of_quotes_that_cannot_be_read(change: Callable[[dict[str, Any]], Any], said: str) -> None:
    made = quoted(*THREE)
    change(made)
    with pytest.raises(BadInput, match=said):
        parsed(made)


def test_a_strike_that_one_venue_alone_quotes_is_flagged_and_refused_where_it_is_listed() -> None:
    made = quoted(("deribit", NOW, {**THREE[0][2], "80000": "0.7"}), *THREE[1:])
    assert "G9: the volatilities of BTC at 2024-07-19T08:00:00Z have no median at 1 strikes (80000): too few venues " \
        "agree" in prepare(world(made)).judgement.flags
    made["instruments"].append(option("BTC-80", "call", "2024-07-19T08:00:00Z", "80000"))
    with pytest.raises(BadInput, match=r"strike is '80000': must be one that 3 venues agree on, .*: 1 do"):
        parsed(made)


def test_a_slice_is_held_against_the_quotes_beside_it() -> None:
    def with_slice(a: str) -> dict[str, Any]:
        made = quoted(*THREE)
        made["expiries"][0]["svi"] = {"a": a, "b": "0.001", "rho": "0", "m": "0", "sigma": "0.1"}
        return made

    years = (1_721_376_000 - AT) / (365 * 86400)
    assert prepare(world(with_slice(f"{0.6**2 * years:.6f}"))).judgement.accepted == ()
    with pytest.raises(BrokenDuty, match=r"G9: slice of BTC at 2024-07-19T08:00:00Z, strike 50000 is '0.5.*within 10% "
                                         "of 0.61, the median of the venues"):
        prepare(world(with_slice(f"{0.54**2 * years:.6f}")))
