"""Add-ons of inverse contracts: a lot of dollars is charged as the coins that it stands for."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest
from worlds import book as small_book
from worlds import world

from risk.addons.lot import lots_of
from risk.epochs.build import build, parse_sources
from risk.epochs.epoch import Epoch
from risk.margins.addon_parts import terms_of_epoch
from risk.margins.contributions import breakdown
from risk.margins.levels import from_today
from risk.margins.shocks import Market

FACTS = {"as_of": "2024-06-18T12:00:00Z", "markets": [
    {"underlying": asset, "kind": kind, "daily_volume": "10000", "open_interest": "1000", "half_spread": "0.0005",
     "size": "10"} for asset in ("BTC", "ETH") for kind in ("spot", "perpetual", "call", "put")]}
RULES = '''
[addons.basis]
base = 0.02
per_year = 0.0
'''
DOLLARS = "600.1"                  # of which a hundredth of a coin is 600.10 at the mark of 60,010


def made(basis: str) -> Epoch:
    book: dict[str, Any] = json.loads(json.dumps(small_book()))
    book["instruments"].append({"symbol": "I-PERP", "kind": "perpetual", "underlying": "BTC", "lot": DOLLARS,
                                "settlement": "coin", "reference": "70000"})
    book["liquidity"] = FACTS
    of = world(book)
    head = f'purpose = "trial"\nseed = 3\nbasis = "{basis}"\nhorizon'
    return build(replace(of, model=(of.model.decode().replace("horizon", head, 1) + RULES).encode()))


@pytest.mark.parametrize("basis", ["change", "level"])
def test_as_many_coins_pay_the_same_whether_paid_in_dollars_or_in_coins(basis: str) -> None:
    epoch = made(basis)
    rates = [(int(epoch.long[row]), int(epoch.short[row])) for row in (epoch.row_of("BTC-PERP") or 0,
                                                                       epoch.row_of("I-PERP") or 0)]
    assert rates[0] == rates[1]
    assert rates[0][0] > 0.02 * 600 * 1e6              # the basis is inside
    assert epoch.provenance is not None
    model, book, _ = parse_sources(epoch.provenance.sources)
    lots = {lot.instrument.symbol: lot for lot in lots_of(book, model, epoch.provenance.calibration,
                                                          [epoch.changes[1:]], model.shape.tail)}
    inverse, linear = lots["I-PERP"], lots["BTC-PERP"]
    assert (inverse.units, inverse.notional, inverse.size) == (Fraction(1, 100), linear.notional, linear.size)
    assert inverse.most == linear.most == 1000
    assert inverse.value == inverse.notional if basis == "change" else inverse.value < inverse.notional


def test_coins_that_stay_with_a_lot_are_unsure_too() -> None:
    """600.10 dollars since 20,000, at 60,000: on levels three hundredths of a coin move with the spot, on changes one.
    Feeds, the peg and open interest are about all of them; the basis is about the one that closing trades."""
    book: dict[str, Any] = json.loads(json.dumps(small_book()))
    book["instruments"].append({"symbol": "I-PERP", "kind": "perpetual", "underlying": "BTC", "lot": DOLLARS,
                                "settlement": "coin", "reference": "20000"})
    feeds = [{"underlying": asset, "confidence": "0.5"} for asset in ("BTC", "ETH")] \
        + [{"underlying": "BTC", "expiry": expiry["expiry"], "confidence": "0.5"} for expiry in book["expiries"]]
    book["liquidity"] = {**FACTS, "confidences": feeds, "quote_price": "0.95"}
    rules = RULES + """
[addons.confidence]
threshold = 0.55
factor = 1.0
scope = "epoch"
[addons.depeg]
threshold = 0.98
factor = 2.0
[addons.open_interest]
BTC = {lower = 1.0, upper = 2.0}
"""
    spot, coins = 60_000_000_000, Fraction(DOLLARS)
    for basis, held in (("change", coins / 60_010), ("level", coins / 20_000)):
        of = world(book)
        head = f'purpose = "trial"\nseed = 3\nbasis = "{basis}"\nhorizon'
        epoch = build(replace(of, model=(of.model.decode().replace("horizon", head, 1) + rules).encode()),
                      accepted={"G15": "a test of doubtful feeds"})
        row, terms = epoch.row_of("I-PERP") or 0, terms_of_epoch(epoch)
        rate = {name: int(terms.long[row - 1, i]) for i, name in enumerate(terms.names)}
        assert rate["confidence"] == math.ceil(held * spot / 2)
        assert rate["depeg"] == math.ceil(held * spot * Fraction("0.06"))
        assert rate["basis"] == math.ceil(coins / 60_010 * spot * Fraction("0.02"))
        alone = breakdown(from_today(epoch), [(row, 1)])
        assert alone.required == pytest.approx(float(held * spot), abs=3)           # all of it, at full open interest


@pytest.mark.parametrize("basis", ["change", "level"])
def test_a_token_that_fails_takes_what_revaluation_says(basis: str) -> None:
    """A hundredth of the price is left, of the mark, too, which is far below the spot: all but that is charged or in
    Expected Shortfall."""
    book: dict[str, Any] = json.loads(json.dumps(small_book()))
    book["underlyings"][0]["perpetual"] = "58500"
    book["instruments"].append({"symbol": "I-PERP", "kind": "perpetual", "underlying": "BTC", "lot": DOLLARS,
                                "settlement": "coin", "reference": "70000"})
    of = world(book)
    head = f'purpose = "trial"\nseed = 3\nbasis = "{basis}"\nhorizon'
    model = of.model.decode().replace("horizon", head, 1) + "\n[addons.wrong_way]\nBTC = {recovery = 0.01}\n"
    market = Market(build(replace(of, model=model.encode())))
    row = market.epoch.row_of("I-PERP") or 0
    lost = -market.gains([(row, 1)], [{"BTC": (Fraction(-99, 100), Fraction(0))}])[0]
    alone = breakdown(from_today(market.epoch), [(row, 1)])
    terms = terms_of_epoch(market.epoch)
    paid = int(terms.long[row - 1, terms.names.index("wrong_way")])
    assert paid > 0
    assert lost - 2 <= alone.required - alone.addons + paid <= lost + 2
