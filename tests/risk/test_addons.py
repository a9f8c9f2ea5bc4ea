"""Add-ons, term by term: closed values, what they may never do, and what is refused."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import MODEL as PRODUCTION
from worlds import STATED, book, world

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.addons import (
    accrual,
    basis,
    concentration,
    confidence,
    depeg,
    gas,
    impact,
    lag,
    open_interest,
    short_options,
    wrong_way,
)
from risk.addons.lot import Lot, lots_of, most_lots, root_up, shortfall
from risk.addons.terms import Terms, require_sums
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, prepare
from risk.epochs.chain import changes
from risk.epochs.difference import BrokenDuty
from risk.epochs.epoch import Epoch
from risk.exact.clock import DAY, YEAR, parse_time
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize
from risk.grid import grid_audit, grid_directory
from risk.grid.grid_build import Valuation, assemble_grid, full_revaluation, interpolation_error, value
from risk.grid.grid_shape import GRID_1000
from risk.margins.grid_margin import compare
from risk.margins.margin import margin
from risk.market.book import Funding, parse_book
from risk.market.instruments import Instrument, Kind, Settlement
from risk.market.liquidity import Market
from risk.models.addon_rules import BasisRule, Caps, Confidence, Depeg, Gas, Impact, Lag, ShortOptions
from risk.models.model import parse_model

USD = 10**6
MODEL = PRODUCTION.replace("horizon = 1", 'purpose = "trial"\nseed = 1\nhorizon = 1')
"""A trial, so that rules do not change the scenarios."""
RULES = """
[addons.lag]
heartbeat_seconds = 3600
keeper_seconds = 600
blocks = 20
block_seconds = 12
[addons.gas]
units = 900000
least_lots = 100
[addons.impact]
coefficient = 1.0
[addons.concentration]
participation = 0.1
[addons.basis]
base = 0.0225
per_year = 0.09
[addons.confidence]
threshold = 0.55
factor = 1.0
scope = "underlying"
[addons.depeg]
threshold = 0.98
factor = 2.0
[addons.short_options]
rate = 0.003
tiers = [{above = 0, multiple = 1}, {above = 10000, multiple = 2}, {above = 70000, multiple = 4}]
positions = 2
[addons.open_interest]
BTC = {lower = 1e9, upper = 5e9}
[addons.wrong_way]
ETH = {recovery = 0.1}
"""
KINDS = ("spot", "perpetual", "call", "put")


def liquidity(**more: Any) -> dict[str, Any]:
    expiries = ("2024-07-19T08:00:00Z", "2024-09-27T08:00:00Z")
    return {"as_of": "2024-06-18T00:00:00Z", "gas_price": "0.000105", "quote_price": "0.97",
            "markets": [{"underlying": asset, "kind": kind, "daily_volume": "10000", "open_interest": "12500",
                         "half_spread": "0.0005", "size": "100"} for asset in ("BTC", "ETH") for kind in KINDS],
            "confidences": [{"underlying": "BTC", "confidence": "0.9"}, {"underlying": "ETH", "confidence": "0.5"},
                            *({"underlying": "BTC", "expiry": expiry, "confidence": "0.8"} for expiry in expiries)],
            **more}


def with_facts(**more: Any) -> dict[str, Any]:
    return {**book(), "liquidity": liquidity(**more)}


def built(rules: str = RULES, *, model: str = MODEL, **facts: Any) -> Epoch:
    return build(world(with_facts(**facts), model=model + rules))


@pytest.fixture(scope="module")
def plain() -> Epoch:
    return build(world(model=MODEL))


@pytest.fixture(scope="module")
def charged() -> Epoch:
    return built()


def terms(epoch: Epoch) -> Terms:
    assert epoch.provenance is not None
    assert epoch.provenance.addons is not None
    return epoch.provenance.addons


def term(epoch: Epoch, name: str, symbol: str) -> tuple[int, int]:
    row, column = epoch.row_of(symbol), terms(epoch).names.index(name)
    assert row is not None
    return int(terms(epoch).long[row - 1, column]), int(terms(epoch).short[row - 1, column])


def a_lot(kind: Kind = Kind.PERPETUAL, *, lot: str = "1", notional: int = 1000 * USD, value: int | None = None,
          losses: tuple[int, int] = (100 * USD, 120 * USD), years: Fraction = Fraction(0), strike: int | None = None,
          most: int | None = 100) -> Lot:
    instrument = Instrument("X", kind, "venue", "BTC", "USD", Decimal(lot), Settlement.PHYSICAL if kind == Kind.SPOT
                            else Settlement.CASH, expiry=0 if kind.expires else None, strike=strike)
    return Lot(0, instrument, Fraction(instrument.lot), Fraction(notional),
               Fraction(notional if value is None else value), (Fraction(losses[0]), Fraction(losses[1])),
               Fraction(4, 10**4), years, MARKET, most)


MARKET = Market(Decimal("400"), Decimal("1000"), Decimal("0.001"), Decimal("100"))


# -- each term, by hand ---------------------------------------------------------------------------------------------
def test_a_lag_of_three_horizons_doubles_the_shortfall() -> None:
    """sqrt(1 + 3) - 1 = 1."""
    assert lag.charge(a_lot(), 0, Lag(3 * DAY, None), DAY) == 100 * USD
    assert lag.charge(a_lot(), 1, Lag(3 * DAY, None), DAY) == 120 * USD
    assert lag.charge(a_lot(losses=(0, 0)), 0, Lag(DAY, None), DAY) == 0


def test_a_lag_is_rounded_up() -> None:
    found = lag.charge(a_lot(losses=(3, 0)), 0, Lag(DAY, None), DAY)
    assert found == 2                              # 3 (sqrt 2 - 1) = 1.243


def test_funding_goes_on_while_a_position_is_closed() -> None:
    """0.0001 every 8 hours of 1000 over a day and a half is 0.45; the side that is paid is given nothing."""
    paid = Funding(0.0001, 8.0, "test")
    value = a_lot(notional=990 * USD, value=1000 * USD)
    assert accrual.charge(value, 0, paid, Fraction(3, 2) * DAY) == 450_000
    assert accrual.charge(value, 1, paid, Fraction(3, 2) * DAY) == 0
    assert accrual.charge(value, 1, replace(paid, rate=-0.0001), Fraction(3, 2) * DAY) == 450_000
    assert accrual.charge(value, 0, replace(paid, rate=1e-12), Fraction(1)) == 1             # rounded up
    assert accrual.charge(a_lot(Kind.SPOT), 0, paid, Fraction(DAY)) == 0
    assert accrual.charge(value, 0, None, Fraction(DAY)) == 0
    coins = replace(value, instrument=replace(value.instrument, settlement=Settlement.COIN))
    assert accrual.charge(coins, 0, paid, Fraction(3, 2) * DAY) == 445_500                   # of the coins, at spot


def test_gas_is_paid_by_the_smallest_position() -> None:
    """900,000 x 0.0001 = 90 of a position; over 7 lots, 12.857143 a lot."""
    assert gas.charge(Gas(900_000, 1), Decimal("0.0001")) == 90 * USD
    assert gas.charge(Gas(900_000, 7), Decimal("0.0001")) == 12_857_143
    assert 7 * gas.charge(Gas(900_000, 7), Decimal("0.0001")) >= 90 * USD


def test_impact_is_the_square_root_law() -> None:
    """Y sigma sqrt(q/V) N = 1 x 0.02 x sqrt(100/400) x 1000 = 10; half a spread of 0.001 is 1."""
    assert impact.charge(a_lot(), MARKET, Impact(Fraction(1), None), Fraction(4, 10**4), Fraction(100)) == 10 * USD
    assert impact.spread(a_lot(), MARKET) == 1 * USD
    assert impact.spread(a_lot(notional=1), MARKET) == 1                       # rounded up


def test_concentration_is_the_rest_of_a_longer_lag() -> None:
    """100 units at a tenth of 400 a day take 2.5 days: sqrt(1 + (0.5 + 2.5)) - 1 is 1, of which the lag has its own."""
    own = lag.charge(a_lot(), 0, Lag(DAY // 2, None), DAY)
    found = concentration.charge(a_lot(), 0, MARKET, Lag(DAY // 2, None), Fraction(1, 10), Fraction(100), DAY)
    assert own + found == 100 * USD
    assert own == math.ceil(100 * USD * (math.sqrt(1.5) - 1))


def test_basis_grows_with_the_expiry_and_is_not_of_spot() -> None:
    """Derive's 4.5 % x (0.5 + 2 T) at half a year is 6.75 %."""
    rule = BasisRule(Fraction("0.0225"), Fraction("0.09"))
    assert basis.charge(a_lot(Kind.FUTURE, years=Fraction(1, 2)), rule) == 67_500_000
    assert basis.charge(a_lot(), rule) == 22_500_000
    assert basis.charge(a_lot(Kind.SPOT), rule) == 0


def test_confidence_charges_below_the_threshold_only() -> None:
    rule = Confidence(Fraction("0.55"), Fraction(1), "epoch")
    assert confidence.charge(a_lot(), Fraction("0.5"), rule) == 500 * USD
    assert confidence.charge(a_lot(), Fraction("0.55"), rule) == 0


def test_a_peg_that_holds_costs_nothing() -> None:
    rule = Depeg(Fraction("0.98"), Fraction(2))
    assert depeg.charge(a_lot(), Decimal("0.97"), rule) == 20 * USD
    assert depeg.charge(a_lot(), Decimal("0.98"), rule) == 0
    assert depeg.charge(a_lot(), Decimal("1.01"), rule) == 0


OKX = tuple((Fraction(above), Fraction(multiple)) for above, multiple in (
    (0, 1), (10_000, 2), (70_000, 4), (170_000, 6), (300_000, 8), (470_000, 10), (700_000, 12)))


@pytest.mark.parametrize(("raw", "multiple"), [
    (0, 1), (10_000, 1), (10_001, 2), (70_000, 2), (70_001, 4), (170_000, 4), (300_000, 6), (470_000, 8),
    (700_000, 10), (700_001, 12)])
def test_tiers_are_okxs(raw: int, multiple: int) -> None:
    """[OKX help centre, 2025-01-02, MR7 of BTC and ETH before the change: (0, 10,000], (10,000, 70,000] ...]"""
    assert ShortOptions(Fraction("0.003"), OKX, 1).multiple(Fraction(raw)) == multiple


def test_short_options_are_charged_each_at_the_tier_of_the_most_there_can_be() -> None:
    """0.003 x 1000 = 3 a lot; 100 lots x 40 positions are 12,000 raw: the second tier."""
    rule = ShortOptions(Fraction("0.003"), OKX, 40)
    assert short_options.charge(a_lot(Kind.CALL, strike=USD), rule, 100) == 6 * USD
    assert short_options.charge(a_lot(Kind.CALL, strike=USD), replace(rule, positions=33), 100) == 3 * USD
    assert short_options.charge(a_lot(), rule, 100) == 0


def test_a_token_of_the_venues_own_is_charged_to_its_recovery() -> None:
    """Long: 0.9 x 1000 = 900, of which Expected Shortfall has 100. Owing it gains."""
    assert wrong_way.charge(a_lot(), 0, Fraction(1, 10), 0.0) == 800 * USD
    assert wrong_way.charge(a_lot(), 1, Fraction(1, 10), 0.0) == 0
    call = a_lot(Kind.CALL, value=50 * USD, losses=(30 * USD, 0), strike=1000 * USD)
    assert wrong_way.charge(call, 0, Fraction(1, 10), 0.0) == 20 * USD
    put = a_lot(Kind.PUT, value=50 * USD, losses=(0, 200 * USD), strike=1000 * USD)
    assert wrong_way.charge(put, 1, Fraction(1, 10), 0.0) == 700 * USD         # 1000 - 100, less 200
    assert wrong_way.charge(put, 0, Fraction(1, 10), 0.0) == 0
    assert wrong_way.charge(replace(put, years=Fraction(1)), 1, Fraction(1, 10), 0.1) > 700 * USD


def test_open_interest_takes_margins_to_the_notional() -> None:
    """dYdX v4: a quarter of the way from the lower to the upper cap, margin is a quarter of the way to all of it."""
    assert open_interest.charge(a_lot(), 0, Fraction(1, 4), 20 * USD) == 220 * USD          # (1000 - 100 - 20) / 4
    assert open_interest.charge(a_lot(), 0, Fraction(1), 20 * USD) + 100 * USD + 20 * USD == 1000 * USD
    assert open_interest.charge(a_lot(), 0, Fraction(0), 0) == 0
    long_call = a_lot(Kind.CALL, value=50 * USD, losses=(30 * USD, 0), strike=USD)
    assert open_interest.charge(long_call, 0, Fraction(1), 0) == 20 * USD      # it cannot lose more than it is worth
    assert open_interest.charge(long_call, 1, Fraction(1), 0) == 1000 * USD


def test_the_share_of_open_interest_is_of_all_kinds_together() -> None:
    made = prepare(world(with_facts(), model=MODEL + RULES)).book
    caps = Caps(Fraction(10**9), Fraction(5 * 10**9))
    assert open_interest.share(made, "BTC", caps) == Fraction(1, 2)           # 4 x 12,500 x 60,000 = 3e9
    assert open_interest.share(made, "ETH", caps) == 0                        # 1.5e8
    assert open_interest.share(made, "BTC", Caps(Fraction(1), Fraction(2))) == 1


# -- exact arithmetic -----------------------------------------------------------------------------------------------
def test_roots_are_the_least_integers_not_below() -> None:
    for square in (Fraction(0), Fraction(1, 3), Fraction(2), Fraction(4), Fraction(10**40 + 1), Fraction(10**9, 7)):
        root = root_up(square)
        assert root * root >= square
        assert root == 0 or (root - 1) ** 2 < square


def test_shortfalls_are_those_of_margins() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        losses = rng.integers(-10**6, 10**6, 40)
        share = Fraction(int(rng.integers(1, 20)), int(rng.integers(1, 4)))
        tail = TailSize(share.numerator, share.denominator)
        assert shortfall(losses, tail.weights(40), tail.numerator) == expected_shortfall(losses, tail).value


def test_a_lot_that_pays_coins_is_charged_for_the_coins_it_stands_for() -> None:
    """An inverse perpetual counts quote units: as many as its linear sister is worth by the perpetual's mark."""
    document = with_facts()
    mark = next(one["perpetual"] for one in document["underlyings"] if one["symbol"] == "BTC")
    linear = next(one for one in document["instruments"] if one["kind"] == "perpetual" and one["underlying"] == "BTC")
    coin = {**linear, "symbol": "COIN", "lot": str(Decimal(linear["lot"]) * Decimal(mark)), "settlement": "coin"}
    epoch = build(world({**document, "instruments": [*document["instruments"], coin]}, model=MODEL + RULES))
    for name in ("spread", "impact", "basis", "confidence", "depeg", "gas"):
        for mine, other in zip(term(epoch, name, "COIN"), term(epoch, name, linear["symbol"]), strict=True):
            assert abs(mine - other) <= 1, name
    assert most_lots_of(epoch, "COIN") == most_lots_of(epoch, linear["symbol"])


def most_lots_of(epoch: Epoch, symbol: str) -> int:
    assert epoch.provenance is not None
    listed = parse_book(epoch.provenance.sources.book)
    (listing,) = (one for one in listed.listings if one.instrument.symbol == symbol)
    most = most_lots(listed, listing)
    assert most is not None
    return most


def test_a_lot_counts_by_the_regime_that_loses_most_and_never_below_0() -> None:
    """Each side by itself: two regimes, of which one gains in every scenario."""
    inputs = prepare(world(with_facts(), model=MODEL + RULES))
    n, tail = len(inputs.book.listings), TailSize(2)
    falls, rises = (np.full((n, 10), move, np.int64) for move in (-30, 20))

    def shortfalls(*regimes: np.ndarray) -> set[tuple[Fraction, Fraction]]:
        return {lot.shortfall for lot in lots_of(inputs.book, inputs.model, inputs.calibration, regimes, tail)}

    assert shortfalls(falls) == {(30, 0)}
    assert shortfalls(rises) == {(0, 20)}
    assert shortfalls(falls, rises) == shortfalls(rises, falls) == {(30, 20)}


# -- what is in leaves and manifest ---------------------------------------------------------------------------------
def test_rates_are_the_sums_of_their_terms(charged: Epoch, plain: Epoch) -> None:
    found = terms(charged)
    assert np.array_equal(found.total("long"), charged.long[1:])
    assert np.array_equal(found.total("short"), charged.short[1:])
    columns = [found.names.index(name) for name in ("contingency", "rounding")]
    assert np.array_equal(found.long[:, columns].sum(axis=1), plain.long[1:])
    assert np.array_equal(charged.changes, plain.changes)
    assert set(found.names) == {"contingency", "rounding", "lag", "gas", "spread", "impact", "concentration", "basis",
                                "confidence", "depeg", "short_options", "wrong_way", "open_interest"}
    for name in found.names:
        column = found.names.index(name)
        assert (found.long[:, column] >= 0).all()
        assert found.long[:, column].any() or found.short[:, column].any(), name


def test_terms_are_what_their_formulas_say(charged: Epoch) -> None:
    """A BTC perpetual of 0.01: spot value 600, of its Expected Shortfall and the model's forecast."""
    inputs = prepare(world(with_facts(), model=MODEL + RULES))
    row = charged.row_of("BTC-PERP")
    lot = next(lot for lot in lots_of(inputs.book, inputs.model, inputs.calibration, [charged.changes[1:]],
                                      charged.shape.tail) if lot.row + 1 == row)
    es = [float(loss) for loss in lot.shortfall]
    for side, found in enumerate(term(charged, "lag", "BTC-PERP")):
        assert found == pytest.approx(es[side] * (math.sqrt(1 + 4440 / DAY) - 1), abs=2)
    sigma = math.sqrt(inputs.calibration.variances[0])
    assert term(charged, "impact", "BTC-PERP")[0] == pytest.approx(600 * USD * sigma * math.sqrt(100 / 10000), abs=1)
    assert term(charged, "spread", "BTC-PERP") == (300_000, 300_000)
    assert term(charged, "gas", "BTC-PERP") == (945_000, 945_000)              # 94.5 over 100 lots
    assert term(charged, "basis", "BTC-PERP") == (13_500_000, 13_500_000)
    assert term(charged, "depeg", "BTC-PERP") == (12_000_000, 12_000_000)      # 2 x 0.01 x 600
    assert term(charged, "confidence", "BTC-PERP") == (0, 0)
    assert term(charged, "confidence", "ETH-PERP") == (15_000_000, 15_000_000)                 # half of 30
    assert term(charged, "short_options", "BTC-JUL-60000-C") == (0, 36_000_000)      # 18 x 2: 18 x 1000 x 2 = 36,000
    years = (parse_time("2024-07-19T08:00:00Z", field="") - parse_time("2024-06-19T00:00:00Z", field="")) / YEAR
    assert term(charged, "basis", "BTC-JUL-60000-C")[1] == math.ceil((0.0225 + 0.09 * years) * 6000 * USD)
    long, short = term(charged, "wrong_way", "ETH-PERP")
    assert short == 0
    assert long == pytest.approx(0.9 * 3001 * 0.01 * USD - _alone(charged, "ETH-PERP"), abs=1)


def _alone(epoch: Epoch, symbol: str) -> float:
    row = epoch.row_of(symbol)
    assert row is not None
    return float(expected_shortfall(-epoch.changes[row], epoch.shape.tail).value)


def test_open_interest_is_half_the_way_to_the_notional(charged: Epoch) -> None:
    row = charged.row_of("BTC-PERP")
    assert row is not None
    before = _alone(charged, "BTC-PERP") + int(charged.long[row]) - term(charged, "open_interest", "BTC-PERP")[0]
    assert term(charged, "open_interest", "BTC-PERP")[0] == pytest.approx((600 * USD - before) / 2, abs=1)
    assert term(charged, "open_interest", "ETH-PERP") == (0, 0)


def test_levels_are_charged_as_changes_are(charged: Epoch) -> None:
    level = built(model=MODEL.replace("horizon = 1", 'basis = "level"\nhorizon = 1'))
    for symbol in ("BTC-PERP", "BTC-JUL-60000-C", "ETH-SPOT"):
        for name in terms(charged).names:
            assert term(level, name, symbol) == pytest.approx(term(charged, name, symbol), abs=3), (symbol, name)
    assert term(level, "lag", "CASH") == (0, 0)
    assert level.long[level.row_of("CASH")] == 0


def test_without_rules_nothing_is_another(plain: Epoch, tmp_path: Path) -> None:
    """Facts alone charge nothing; a manifest without rules is what it was."""
    assert plain.provenance is not None
    assert plain.provenance.addons is None
    same = build(world(with_facts(), model=MODEL))
    assert np.array_equal(same.long, plain.long)
    assert np.array_equal(same.short, plain.short)
    epoch_directory.save(plain, tmp_path / "epoch")
    assert "addons" not in json.loads((tmp_path / "epoch" / "manifest.json").read_text())
    assert not any("add-ons" in flag for flag in plain.header.judgement.flags)


def test_a_lag_accrues_funding_where_the_book_says_what_it_is(charged: Epoch) -> None:
    """An account that is closed late has paid for it; and what a large position takes to close counts, too."""
    document = with_facts()
    document["underlyings"][0]["funding"] = {"rate": "0.0003", "hours": "8", "source": "test"}
    lag_only = RULES[:RULES.index("[addons.gas]")]
    for rules, seconds in ((lag_only, Fraction(4440)), (RULES, 4440 + Fraction(100, 1000) * DAY)):
        epoch = build(world(document, model=MODEL + rules))
        share = Fraction("0.0003") * seconds / (8 * 3600)
        assert term(epoch, "funding", "BTC-PERP") == (math.ceil(share * Fraction("600.1") * USD), 0)
        for symbol in ("BTC-SPOT", "ETH-PERP", "BTC-JUL-60000-C"):
            assert term(epoch, "funding", symbol) == (0, 0)
    assert "funding" not in terms(charged).names   # an epoch whose book says nothing of it is what it was


def test_one_rule_alone_is_one_term() -> None:
    only = built("\n[addons.basis]\nbase = 0.01\nper_year = 0.0\n")
    assert terms(only).names == ("contingency", "rounding", "basis")
    assert term(only, "basis", "BTC-PERP") == (6 * USD, 6 * USD)
    assert term(only, "basis", "BTC-SPOT") == (0, 0)


# -- what may never be ----------------------------------------------------------------------------------------------
def test_no_margin_is_lower_with_than_without(charged: Epoch, plain: Epoch) -> None:
    rng = np.random.default_rng(3)
    for _ in range(40):
        rows = rng.choice(np.arange(1, len(plain.ids)), 4, replace=False)
        held = [(int(row), int(q)) for row, q in zip(rows, rng.integers(-500, 500, 4), strict=True)]
        assert margin(charged, held).required >= margin(plain, held).required


def test_terms_grow_with_size_and_no_term_falls() -> None:
    before: Epoch | None = None
    for size in ("1", "10", "100", "1000"):
        markets = [{**market, "size": size} for market in liquidity()["markets"]]
        epoch = built(markets=markets)
        if before is not None:
            for side in ("long", "short"):
                grown = terms(epoch).side(side) - terms(before).side(side)
                own = [i for i, name in enumerate(terms(epoch).names) if name != "open_interest"]
                assert (grown[:, own] >= 0).all()
                assert (terms(epoch).total(side) >= terms(before).total(side)).all()
            assert term(epoch, "impact", "BTC-PERP") > term(before, "impact", "BTC-PERP")
            assert term(epoch, "concentration", "BTC-PERP") > term(before, "concentration", "BTC-PERP")
        before = epoch


def test_a_contract_listed_for_larger_positions_costs_more_a_lot() -> None:
    """Size buckets: the same terms but for `most`, ids of their own, equal changes, higher rates."""
    made = with_facts()
    perpetual = next(one for one in made["instruments"] if one["symbol"] == "BTC-PERP")
    made["instruments"] += [{**perpetual, "symbol": f"BTC-PERP/{most}", "most": most} for most in (100, 1000, 50_000)]
    epoch = build(world(made, model=MODEL + RULES))
    rows = [epoch.row_of(f"BTC-PERP/{most}") for most in (100, 1000, 50_000)]
    rates = [(int(epoch.long[row]), int(epoch.short[row])) for row in rows]
    assert rates == sorted(rates)
    assert rates[0] < rates[1] < rates[2]
    assert len({epoch.ids[row] for row in rows}) == 3
    assert (epoch.changes[rows] == epoch.changes[epoch.row_of("BTC-PERP")]).all()
    # 0.01 a lot: 100 lots are 1 unit, of 10,000 a day.
    assert term(epoch, "impact", "BTC-PERP/50000")[0] == pytest.approx(
        term(epoch, "impact", "BTC-PERP/100")[0] * math.sqrt(500), abs=25)


def test_the_longest_lag_covers_what_any_portfolio_grows_by(charged: Epoch) -> None:
    """ES is subadditive: sqrt(1 + tau/h) - 1 of a netted book is at most the sum of its lots'."""
    rng = np.random.default_rng(8)
    factor = math.sqrt(1 + 4440 / DAY) - 1
    column = terms(charged).names.index("lag")
    for _ in range(30):
        rows = rng.choice(np.arange(1, len(charged.ids)), 3, replace=False)
        held = [(int(row), int(q)) for row, q in zip(rows, rng.integers(-100, 100, 3), strict=True)]
        paid = sum(abs(q) * int((terms(charged).long if q >= 0 else terms(charged).short)[row - 1, column])
                   for row, q in held)
        assert paid >= float(margin(charged, held).shortfall.value) * factor


# -- confidence: whose feeds ----------------------------------------------------------------------------------------
def test_the_lowest_of_the_epoch_is_never_cheaper_than_that_of_an_underlying(charged: Epoch) -> None:
    whole = built(RULES.replace('scope = "underlying"', 'scope = "epoch"'))
    assert term(whole, "confidence", "BTC-PERP") == (300 * USD, 300 * USD)     # ETH's 0.5
    assert term(charged, "confidence", "BTC-PERP") == (0, 0)
    for side in ("long", "short"):
        assert (terms(whole).total(side) >= terms(charged).total(side)).all()


def test_a_feed_that_says_nothing_of_itself_is_refused() -> None:
    facts = [one for one in liquidity()["confidences"] if one.get("expiry") != "2024-09-27T08:00:00Z"]
    with pytest.raises(BadInput, match=r"liquidity.confidences is missing: must be given for the feed of BTC expiring"):
        built(confidences=facts)


# -- what is refused ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("change", "message"), [
    (lambda facts: facts.pop("gas_price"), "liquidity.gas_price is missing: must be given: .addons.gas. needs it"),
    (lambda facts: facts.pop("quote_price"), "liquidity.quote_price is missing"),
    (lambda facts: facts["markets"].pop(1), "given for perpetual on BTC"),
    (lambda facts: facts["markets"][1].update(size="0.001"), "a lot of BTC-PERP at least"),
    (lambda facts: facts["markets"][1].update(daily_volume="0"), "daily_volume is '0': must be between"),
    (lambda facts: facts["markets"][1].update(kind="spot"), "given once for each underlying"),
    (lambda facts: facts["markets"][1].update(underlying="SOL"), "one of BTC, ETH"),
    (lambda facts: facts["confidences"][1].update(underlying="BTC"), "given once for each feed"),
    (lambda facts: facts["confidences"][1].update(confidence="1.1"), "between 0 and 1"),
    (lambda facts: facts.update(as_of="2024-06-20T00:00:00Z"), "at or before the valuation"),
    (lambda facts: facts.update(volume="1"), "liquidity.volume"),
])
def test_facts_are_refused(change: Callable[[dict[str, Any]], Any], message: str) -> None:
    made = with_facts()
    change(made["liquidity"])
    with pytest.raises(BadInput, match=message):
        build(world(made, model=MODEL + RULES))


def test_rules_without_facts_are_refused() -> None:
    with pytest.raises(BadInput, match=r"book.json: liquidity"):
        build(world(model=MODEL + RULES))


@pytest.mark.parametrize(("old", "new", "message"), [
    ("keeper_seconds = 600\n", "", "keeper_seconds is missing"),
    ("block_seconds = 12", "block_seconds = 12\nwindow_seconds = 60", "window_seconds is 60: must be absent"),
    ("participation = 0.1", "participation = 0", "participation"),
    ("participation = 0.1", "participation = 1.5", "participation"),
    ('scope = "underlying"', 'scope = "account"', "scope"),
    ("upper = 5e9", "upper = 1e9", "above lower"),
    ("BTC = {lower", "SOL = {lower", "SOL"),
    ("{recovery = 0.1}", "{recovery = 1.1}", "recovery"),
    ("above = 70000, multiple = 4", "above = 70000, multiple = 1", "rising"),
    ("above = 10000, multiple = 2", "above = 80000, multiple = 2", "rising"),
    ("above = 0, multiple = 1", "above = 1, multiple = 1", "rising"),
    ("positions = 2", "positions = 0", "positions"),
    ("coefficient = 1.0", "coefficient = -1.0", "coefficient"),
    ("coefficient = 1.0", "coefficient = 1.0\ndeviations = {BTC = 0.04, ETH = 0.04}", "absent: the model forecasts"),
    ("[addons.lag]\nheartbeat_seconds = 3600\nkeeper_seconds = 600\nblocks = 20\nblock_seconds = 12\n", "",
     r"beside \[addons.lag\]"),
    ("heartbeat_seconds = 3600\nkeeper_seconds = 600\nblocks = 20",
     "heartbeat_seconds = 0\nkeeper_seconds = 0\nblocks = 0", "above 0"),
    ("[addons.depeg]", "[addons.pegs]", "addons.pegs"),
    ("BTC = {lower = 1e9, upper = 5e9}\n", "", "at least one asset"),
    ("ETH = {recovery = 0.1}\n", "", "at least one asset"),
])
def test_rules_are_refused(old: str, new: str, message: str) -> None:
    assert old in RULES
    with pytest.raises(BadInput, match=message):
        parse_model((MODEL + RULES.replace(old, new, 1)).encode())


def test_an_empty_table_is_no_rule() -> None:
    with pytest.raises(BadInput, match="at least one of the tables"):
        parse_model((MODEL + "\n[addons]\n").encode())


def test_a_scan_of_an_instant_says_what_it_is_of() -> None:
    text = ('schema = "tailproof.model/2"\nname = "scan"\nestimator = "handwritten"\nassets = ["BTC", "ETH"]\n'
            'horizon = 0\nset = "derive-pm2-2026-11"\n[epoch]\nscenarios = 33\ntail = "1"\ndepth = 2\n')
    bare = RULES.split("[addons.gas]")[0]
    with pytest.raises(BadInput, match="window_seconds is missing"):
        parse_model((text + bare).encode())
    rules = bare.replace("block_seconds = 12", "block_seconds = 12\nwindow_seconds = 4440") \
        + "[addons.impact]\ncoefficient = 1.0\ndeviations = {BTC = 0.04, ETH = 0.05}\n"
    made = with_facts()
    sources = replace(world(made, model=text + rules), history=None)
    epoch = build(sources)
    row = epoch.row_of("BTC-PERP")
    assert row is not None
    whole = -int(epoch.changes[row].min())
    assert term(epoch, "lag", "BTC-PERP")[0] == math.ceil(whole * (math.sqrt(2) - 1))
    assert term(epoch, "impact", "BTC-PERP")[0] == math.ceil(600 * USD * 0.04 * 0.1)
    with pytest.raises(BadInput, match="deviations is missing"):
        parse_model((text + rules.replace("deviations = {BTC = 0.04, ETH = 0.05}\n", "")).encode())


def test_a_rate_that_no_leaf_holds_names_term_and_instrument() -> None:
    with pytest.raises(BadInput, match=r"BTC-\w+: gas, \w+ are? .*below 2\*\*44|: gas, "):
        built("\n[addons.gas]\nunits = 1000000000\n", gas_price="1000")


# -- gates ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("facts", "gate"), [
    ({"as_of": "2024-06-11T00:00:00Z"}, "G14: age of the liquidity"),
    ({"markets": [{**one, "half_spread": "0.06"} for one in liquidity()["markets"]]}, "G14: half spread of"),
    ({"markets": [{**one, "size": "10001"} for one in liquidity()["markets"]]}, "G14: largest position in"),
    ({"markets": [{**one, "daily_volume": "100"} for one in liquidity()["markets"]]}, None),
    ({"confidences": [{**one, "confidence": "0.29"} for one in liquidity()["confidences"]]}, "G15: confidence"),
    ({"quote_price": "0.89"}, "G15: price of USD"),
    ({"quote_price": "1.11"}, "G15: price of USD"),
])
def test_implausible_facts_are_refused(facts: dict[str, Any], gate: str | None) -> None:
    if gate is None:
        built(**facts)
        return
    with pytest.raises(BrokenDuty, match=gate):
        built(**facts)


def test_a_market_that_cannot_be_left_is_refused() -> None:
    with pytest.raises(BrokenDuty, match="G16: closing a lot of"):
        built(RULES.replace("coefficient = 1.0", "coefficient = 80.0"))


def test_a_gate_is_accepted_by_reason_which_the_root_binds() -> None:
    sources = world(with_facts(quote_price="0.89"), model=MODEL + RULES)
    epoch = build(sources, accepted={"G15": "the issuer halted redemptions"})
    assert [one.gate for one in epoch.header.judgement.accepted] == ["G15"]


def test_flags_say_which_rules_are_on(charged: Epoch) -> None:
    flags = [flag for flag in charged.header.judgement.flags if flag.startswith("add-ons")]
    assert len(flags) == 2
    assert "lag 4440 s" in flags[0]
    assert "short options as 2 positions" in flags[0]
    assert "2024-06-18" in flags[1]


# -- the manifest, and who audits it --------------------------------------------------------------------------------
def saved(epoch: Epoch, path: Path) -> Path:
    epoch_directory.save(epoch, path)
    return path


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    change(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def test_the_manifest_tells_terms_apart_and_rebuilds(charged: Epoch, tmp_path: Path) -> None:
    path = saved(charged, tmp_path / "epoch")
    loaded = epoch_directory.load(path)
    assert loaded.root == charged.root
    assert terms(loaded) == terms(charged)
    report = check(path, now=charged.header.timestamp)
    assert report.passed, report.differences


def test_terms_that_do_not_sum_to_the_rates_are_refused(charged: Epoch, tmp_path: Path) -> None:
    path = saved(charged, tmp_path / "epoch")

    def raise_one(manifest: dict[str, Any]) -> None:
        manifest["addons"]["long"][0][2] += 1

    rewrite(path, raise_one)
    with pytest.raises(BadInput, match=r"addons.long\[0\]"):
        epoch_directory.load(path)


def test_terms_that_are_moved_among_each_other_do_not_pass_an_audit(charged: Epoch, tmp_path: Path) -> None:
    path = saved(charged, tmp_path / "epoch")

    def move(manifest: dict[str, Any]) -> None:
        row = manifest["addons"]["long"][0]
        row[2], row[3] = row[3], row[2]

    rewrite(path, move)
    found = [str(difference) for difference in check(path, now=charged.header.timestamp).differences]
    assert len(found) == 2
    assert "lag, long" in found[0]


def test_a_manifest_without_its_terms_does_not_pass_an_audit(charged: Epoch, tmp_path: Path) -> None:
    path = saved(charged, tmp_path / "epoch")
    rewrite(path, lambda manifest: manifest.pop("addons"))
    found = [str(difference) for difference in check(path, now=charged.header.timestamp).differences]
    assert any("terms of the add-ons is none" in one for one in found)


def test_bare_numbers_have_no_terms(charged: Epoch, tmp_path: Path) -> None:
    path = saved(Epoch.of(charged.shape, [1], charged.changes[1:2]), tmp_path / "epoch")
    epoch_directory.load(path)
    rewrite(path, lambda manifest: manifest.update(addons={"terms": ["lag"], "long": [[0]], "short": [[0]]}))
    with pytest.raises(BadInput, match="bare numbers follow from no rules"):
        epoch_directory.load(path)


def test_sums_are_looked_at_on_both_sides() -> None:
    made = Terms(("lag",), np.array([[1]]), np.array([[2]]))
    require_sums(made, np.array([1]), np.array([2]), source="here")
    with pytest.raises(BadInput, match="short"):
        require_sums(made, np.array([1]), np.array([3]), source="here")


def test_a_chain_tells_rules_and_sizes(charged: Epoch) -> None:
    markets = [{**one, "size": "50"} if one["kind"] == "call" else one for one in liquidity()["markets"]]
    later = built(RULES.replace("keeper_seconds = 600", "keeper_seconds = 900"), markets=markets)
    told = [str(change) for change in changes(later, charged)]
    assert "model: addons.lag.keeper_seconds: 600 -> 900" in told
    assert "largest position: BTC call: 100 -> 50" in told


# -- sizes are terms ------------------------------------------------------------------------------------------------
def test_a_size_is_a_term_and_leaves_other_ids_as_they_were() -> None:
    made = a_lot().instrument
    sized = replace(made, most=100)
    assert sized.id != made.id
    assert "most" not in made.terms()
    assert sized.terms()["most"] == "100"
    assert Instrument.from_terms("X", Node(sized.terms())) == sized
    with pytest.raises(BadInput, match="most"):
        replace(made, most=0)
    with pytest.raises(BadInput, match="most"):
        replace(Instrument.cash("USD"), most=1)


def test_the_root_of_an_epoch_with_add_ons_is_the_same_everywhere() -> None:
    """As tests/determinism has it for others: no history, so that nothing but our own arithmetic is in it."""
    epoch = build(world(with_facts(), model=STATED.format(horizon=2, variance=0.0009) + RULES))
    assert epoch.root == 1797992791106423665000341828078659357306055013506766042470107742951603148725


def test_the_pages_example_builds() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "addons.md").read_text()
    rules = page.split("```toml\n")[1].split("```")[0]
    facts = json.loads("{" + page.split("```json\n")[1].split("```")[0] + "}")["liquidity"]
    (market,) = facts["markets"]
    markets = [{**market, "underlying": asset, "kind": kind} for asset in ("BTC", "ETH") for kind in KINDS]
    made = {**book(), "liquidity": {**facts, "as_of": "2024-06-18T00:00:00Z", "markets": markets}}
    assert terms(build(world(made, model=MODEL + rules))).names == ("contingency", "rounding", "lag", "spread",
                                                                    "impact")


def test_monte_carlo_is_charged_too() -> None:
    stated = STATED.format(horizon=2, variance=0.0009)
    epoch = build(world(copy.deepcopy(with_facts()), model=stated + RULES))
    assert terms(epoch).total("long").all()


# -- on a grid --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def valued() -> Valuation:
    return value(world(with_facts(), model=MODEL.replace("horizon = 1", "horizon = 2") + RULES), GRID_1000)


def test_a_grid_epoch_adds_its_interpolation_error(valued: Valuation, tmp_path: Path) -> None:
    epoch = assemble_grid(GRID_1000, valued, 1)
    found = terms(epoch.arrays)
    assert found.names[-1] == "interpolation"
    error = interpolation_error(GRID_1000.map, epoch.underlying[1:], valued.changes, valued.full)
    assert np.array_equal(found.long[:, -1], error.long)
    assert np.array_equal(found.total("short"), epoch.short[1:])
    grid_directory.save(epoch, tmp_path / "grid")
    assert grid_directory.load(tmp_path / "grid").root == epoch.root
    report = grid_audit.check(tmp_path / "grid", now=epoch.header.timestamp)
    assert report.passed, report.differences


def test_a_grid_charges_by_the_regime_that_loses_most(valued: Valuation) -> None:
    """Rates are the same in all regimes, or switching one would change them; each covers the worst."""
    epochs = [assemble_grid(GRID_1000, valued, regime) for regime in range(GRID_1000.regimes)]
    for epoch in epochs[1:]:
        assert np.array_equal(epoch.long, epochs[0].long)
    row = epochs[0].row_of("BTC-PERP")
    assert row is not None
    worst = max(float(expected_shortfall(-full[row - 1], GRID_1000.tail).value) for full in valued.full)
    assert term(epochs[0].arrays, "lag", "BTC-PERP")[0] == pytest.approx(worst * (math.sqrt(1 + 2220 / DAY) - 1), abs=2)


def test_a_grid_margin_is_still_at_least_that_of_full_revaluation(valued: Valuation) -> None:
    epoch, full = assemble_grid(GRID_1000, valued), full_revaluation(GRID_1000, valued)
    rng = np.random.default_rng(4)
    for _ in range(10):
        rows = rng.choice(np.arange(1, len(full.ids)), 3, replace=False)
        held = [(int(row), int(q)) for row, q in zip(rows, rng.integers(-50, 50, 3), strict=True)]
        found = compare(epoch, full, held)
        assert found.excess >= 0
        assert found.interpolation >= 0
