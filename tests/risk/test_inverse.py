"""Inverse contracts: paid in coins, valued at the spot; in epochs of changes and of levels."""

from __future__ import annotations

import copy
import json
import math
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from worlds import STATED, world
from worlds import book as small_book

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.clock import YEAR
from risk.exact.money import UNIT
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY
from risk.margins.fills import trade
from risk.margins.levels import value_today
from risk.margins.margin import margin
from risk.margins.reference_books import NOTIONAL, reference_books
from risk.market.book import parse_book
from risk.market.instruments import Instrument, Kind
from risk.valuation.inverse import (
    accrued_change,
    inverse_change,
    inverse_delta,
    inverse_option,
    inverse_option_delta,
)

JUL = "2024-07-19T08:00:00Z"
PERP = {"symbol": "I-PERP", "kind": "perpetual", "underlying": "BTC", "lot": "10", "settlement": "coin",
        "reference": "50000"}
FUTURE = {**PERP, "symbol": "I-JUL", "kind": "future", "expiry": JUL}
OLD = {**FUTURE, "symbol": "I-OLD", "expiry": "2024-06-14T08:00:00Z", "settled": "62500"}
OPTIONS = [{"symbol": f"I-{kind}-{strike}", "kind": kind, "underlying": "BTC", "lot": "0.1", "settlement": "coin",
            "expiry": JUL, "strike": strike} for kind in ("call", "put") for strike in ("50000", "60000")]
SPOT, MARK, FORWARD = 60000.0, 60010.0, 60500.0
TRIAL = 'purpose = "trial"\nseed = 7\n'


def made(change: Callable[[dict[str, Any]], Any] = lambda b: None) -> dict[str, Any]:
    book = copy.deepcopy(small_book())
    book["expiries"][0]["forward"], book["rate"] = f"{FORWARD:g}", "0.05"
    book["instruments"] += copy.deepcopy([PERP, FUTURE, OLD, *OPTIONS])
    change(book)
    return book


def sources(head: str = TRIAL, change: Callable[[dict[str, Any]], Any] = lambda b: None) -> Sources:
    of = world(made(change))
    return replace(of, model=of.model.decode().replace("horizon", head + "horizon", 1).encode())


@pytest.fixture(scope="module")
def changes() -> Epoch:
    return build(sources())


@pytest.fixture(scope="module")
def levels() -> Epoch:
    return build(sources(TRIAL + 'basis = "level"\n'))


def row(epoch: Epoch, symbol: str) -> int:
    found = epoch.row_of(symbol)
    assert found is not None
    return found


def black(forward: Any, strike: float, deviation: Any, call: bool) -> Any:
    """Undiscounted, with library functions."""
    upper = np.log(forward / strike) / deviation + deviation / 2
    sign = 1 if call else -1
    return sign * (forward * ndtr(sign * upper) - strike * ndtr(sign * (upper - deviation)))


def expected(epoch: Epoch) -> dict[str, Any]:
    """Changes of a lot in quote units, written apart from the product: prices in coins, at the spot after."""
    made_of = epoch.provenance
    assert made_of is not None
    model, book, _ = parse_sources(made_of.sources)
    after = SPOT * np.exp(made_of.scenarios.returns[:, 0] / 1e9)
    expiry = next(one.instrument.expiry for one in book.listings if one.instrument.symbol == "I-JUL")
    assert expiry is not None
    years = (expiry - book.valuation) / YEAR
    left = years - 1 / 365
    forward = after * (FORWARD / SPOT) ** (left / years)
    steps = math.ceil(left * model.steps_per_year)
    law = made_of.calibration.volatilities[0]
    ratio = np.sqrt(law.average_variance(made_of.scenarios.variances[:, 0] / 1e12, steps)
                    / law.average_variance(np.array([made_of.scenarios.today[0] / 1e12]), steps))
    found = {"I-PERP": 10 * after * (1 / MARK - 1 / (MARK * after / SPOT)),
             "I-JUL": 10 * after * (1 / FORWARD - 1 / forward), "I-OLD": np.zeros(len(after))}
    for kind in ("call", "put"):
        for strike in (50000.0, 60000.0):
            coins = [black(f, strike, vol * math.sqrt(t), kind == "call") / f
                     for f, vol, t in ((FORWARD, 0.6, years), (forward, 0.6 * ratio, left))]
            found[f"I-{kind}-{strike:.0f}"] = 0.1 * (coins[1] * after - coins[0] * SPOT)
    return found


def test_every_inverse_contract_is_revalued_in_coins_at_the_spot(changes: Epoch) -> None:
    for symbol, quote in expected(changes).items():
        assert np.abs(changes.changes[row(changes, symbol)] - quote * 1e6).max() < 0.51, symbol
    assert np.abs(changes.changes[row(changes, "I-PERP")]).max() > 10**5          # they move


HANDWRITTEN = """schema = "tailproof.model/2"
name = "scan"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
[epoch]
scenarios = 4
tail = "1"
depth = 2
[set]
scenarios = [{spot = -0.2}, {spot = 0.2, basis = 0.045}, {spot = -0.1, basis = -0.045}, {spot = 0.1, damping = 0.5}]
"""


def test_a_shock_of_the_basis_moves_the_mark_and_what_is_damped_counts_in_part() -> None:
    """M' = S' (M/S) (1 + b), by hand in four rows; a linear perpetual beside."""
    epoch = build(replace(world(made(), model=HANDWRITTEN), history=None))
    spots, bases, parts = np.array([0.8, 1.2, 0.9, 1.1]), np.array([1, 1.045, 0.955, 1]), np.array([1, 1, 1, 0.5])
    marks, forwards = MARK * spots * bases, FORWARD * spots * bases
    for symbol, quote in (("I-PERP", 10 * SPOT * spots * (1 / MARK - 1 / marks)),
                          ("I-JUL", 10 * SPOT * spots * (1 / FORWARD - 1 / forwards)),
                          ("BTC-PERP", 0.01 * (marks - MARK))):
        assert np.abs(epoch.changes[row(epoch, symbol)] - quote * parts * 1e6).max() < 0.51, symbol


def test_on_levels_a_lot_is_its_notional_and_the_coins_since_its_reference(levels: Epoch) -> None:
    """Against a hand-written level: N (1 + S'/R - S'/F') for perpetuals, coins at the spot for options, P/R settled."""
    made_of = levels.provenance
    assert made_of is not None
    after = SPOT * np.exp(made_of.scenarios.returns[:, 0] / 1e9)
    level = 10 * (1 + after / 50000 - after / (MARK * after / SPOT))
    assert np.abs(levels.changes[row(levels, "I-PERP")] - level * 1e6).max() < 0.51
    assert set(levels.changes[row(levels, "I-OLD")].tolist()) == {12_500_000}          # 10 USD x 62,500/50,000
    quote = expected(levels)
    for name in ("I-call-50000", "I-put-60000"):
        mark = levels.mark(levels.ids[row(levels, name)])
        assert mark.short - mark.long == 1
        moved = levels.changes[row(levels, name)] - (mark.long + 0.5)
        assert np.abs(moved - quote[name] * 1e6).max() < 1.01, name
    mark = levels.mark(levels.ids[row(levels, "I-PERP")])
    assert mark.long == math.floor(10 * UNIT * (1 + Fraction(60000, 50000) - Fraction(60000, 60010)))
    assert (mark.price, mark.spot) == (60_010 * UNIT, 60_000 * UNIT)


def test_levels_follow_a_contract_from_day_to_day() -> None:
    """A lot bought at one mark and closed at the next gains its coins at the spot after, and what its coins gained."""
    def at(spot: float, mark: float) -> int:
        def change(book: dict[str, Any]) -> None:
            book["underlyings"][0] |= {"spot": f"{spot:.2f}", "perpetual": f"{mark:.2f}"}
        epoch = build(sources(TRIAL + 'basis = "level"\n', change))
        return value_today(epoch, [(row(epoch, "I-PERP"), 10_000)])
    before, then = (60000.0, 60010.0), (61000.0, 60900.0)
    gained = (at(*then) - at(*before)) / 1e6
    coins = 100_000 * (1 / before[1] - 1 / then[1])
    accrued = 100_000 * (1 / 50000 - 1 / before[1])
    assert gained == pytest.approx(coins * then[0] + accrued * (then[0] - before[0]), abs=0.02)


def test_the_formulas_and_their_deltas() -> None:
    s, f, c = 60000.0, np.array([30000.0, 60500.0, 90000.0]), np.array([0.5, 60500 / 60000, 1.5])
    after = s * np.exp(np.linspace(-1, 1, 21))[:, None]
    assert np.allclose(inverse_change(f, after, f * after / s), after / f - s / f, rtol=1e-12, atol=1e-12)
    step = 1e-4 * s
    moved = [inverse_change(f, s + h, f * (s + h) / s) for h in (step, -step)]
    assert np.allclose((moved[0] - moved[1]) / (2 * step), inverse_delta(f), rtol=1e-9)
    whole = [change + accrued_change(f, 50000.0, s, s + h) for change, h in zip(moved, (step, -step), strict=True)]
    assert np.allclose((whole[0] - whole[1]) / (2 * step), inverse_delta(50000.0), rtol=1e-9)
    for call in (True, False):
        value = [inverse_option(s + h, c * (s + h), 60000.0, 0.6, 0.3, call) for h in (step, -step)]
        assert np.allclose((value[0] - value[1]) / (2 * step),
                           inverse_option_delta(c * s, 60000.0, 0.6, 0.3, call), rtol=1e-5)
        assert np.allclose(inverse_option(s, c * s, 60000.0, 0.6, 0.3, call),
                           black(c * s, 60000.0, 0.6 * math.sqrt(0.3), call) * s / (c * s), rtol=1e-12)


def test_put_call_parity_in_coins_and_the_payoff() -> None:
    """C - P = 1 - K/F coins; at the expiry max(0, S - K)/S and max(0, K - S)/S coins."""
    f, k = np.geomspace(1e3, 1e6, 31), 60000.0
    call, put = (inverse_option(1.0, f, k, 0.8, 0.5, side) for side in (True, False))
    assert np.allclose(call - put, 1 - k / f, rtol=0, atol=1e-13 * (1 + k / f))
    for side in (True, False):
        assert np.allclose(inverse_option(f, f, k, 0.8, 0.0, side), np.maximum((f - k) * (1 if side else -1), 0),
                           rtol=1e-14)
        assert set(inverse_option_delta(f, k, 0.8, 0.0, side).tolist()) <= {0.0, 1.0 if side else -1.0}
    assert inverse_option(50000.0, 50000.0, 60000.0, 0.6, 0.0, False) / 50000 == pytest.approx(0.2)   # Deribit's way


def test_a_hedge_of_coins_and_short_contracts_is_worth_dollars(changes: Epoch) -> None:
    """The classic: so many coins and so many contracts sold at the mark make a dollar balance, but for the basis."""
    contracts = 6001                                                    # of 10 USD, and 1 BTC at 60,010
    held = [(row(changes, "BTC-SPOT"), 100), (row(changes, "I-PERP"), -contracts)]
    alone = margin(changes, held[:1])
    both = margin(changes, held)
    assert both.required - both.addons <= 0.001 * (alone.required - alone.addons)


def test_a_lot_of_dollars_is_charged_as_the_coins_that_it_is(changes: Epoch) -> None:
    """0.1 % of 10/60,010 coins at 60,000, rounded up; 0.2 % short. An option's lot is coins. From a reference below the
    mark it holds more coins on levels, and is charged for as many; from one above, as for those that it trades."""
    for reference, price in (("50000", 50000), ("6000", 6000), ("70000", 60010), (None, 60010)):
        document = made()
        (own,) = (one for one in document["instruments"] if one["symbol"] == "I-PERP")
        own.pop("reference", None)
        own.update({} if reference is None else {"reference": reference})
        listed = {one.instrument.symbol: one for one in parse_book(json.dumps(document).encode()).listings}
        notional = Fraction(10 * 60000, price) * UNIT
        assert (listed["I-PERP"].long, listed["I-PERP"].short) == (math.ceil(notional / 1000),
                                                                   math.ceil(notional / 500)), reference
    assert listed["I-call-50000"].short == 12 * UNIT                    # 0.2 % of 0.1 x 60,000


def test_lots_too_small_for_money_are_refused_in_their_own_unit() -> None:
    def small(book: dict[str, Any]) -> None:
        next(one for one in book["instruments"] if one["symbol"] == "I-PERP")["lot"] = "0.0001"
    with pytest.raises(BadInput, match=r"I-PERP: lot is '0.0001': must be at least 0.01 USD: or rounding"):
        build(sources(TRIAL, small))


def test_reference_books_hold_as_much_of_inverse_contracts(changes: Epoch) -> None:
    book = parse_book(json.dumps(made()).encode())
    assert reference_books(changes, book, ["I-PERP"])["long BTC"] == {"I-PERP": round(NOTIONAL / (
        Fraction(10 * 60000, 60010) * UNIT))}


def test_the_settlement_is_a_term_and_other_ids_stay() -> None:
    book = parse_book(json.dumps(made()).encode())
    listed = {one.instrument.symbol: one.instrument for one in book.listings}
    perpetual, inverse = listed["BTC-PERP"], listed["I-PERP"]
    assert perpetual.terms().keys() == inverse.terms().keys() - {"reference"}
    assert inverse.terms()["settlement"] == "coin"
    assert len({one.id for one in listed.values()}) == len(listed)
    assert replace(inverse, reference=None).id != inverse.id
    for one in listed.values():
        assert Instrument.from_terms(one.symbol, Node(one.terms())) == one
    assert (perpetual.inverse, inverse.inverse, inverse.notional, listed["I-call-50000"].notional) == (
        False, True, True, False)


def on(symbol: str, **terms: Any) -> Callable[[dict[str, Any]], None]:
    def change(book: dict[str, Any]) -> None:
        one = next(one for one in book["instruments"] if one["symbol"] == symbol)
        one |= terms
        for key in [key for key, value in terms.items() if value is None]:
            del one[key]
    return change


@pytest.mark.parametrize(("change", "message"), [
    (on("BTC-SPOT", settlement="coin"), r'settlement is .*: must be "physical" for a spot'),
    (on("BTC-PERP", settlement="physical"), r'settlement is .*: must be "cash" or "coin" for a perpetual'),
    (on("BTC-PERP", reference="50000"), r"reference is 50000000000: must be absent: only inverse"),
    (on("I-call-50000", reference="50000"), r"reference is 50000000000: must be absent: only inverse"),
    (on("I-PERP", reference="0"), r"reference is '0'"),
    (on("I-PERP", lot="1000000001"), r"lot is '1000000001'"),
    (on("I-call-50000", exercise="american"), r'exercise is .american.: must be "european": Black-76 says nothing'),
    (on("BTC-JUL-50000-C", exercise="american"), r'exercise is .american.: must be "european"'),
    (on("I-call-50000", exercise="bermudan"), r"exercise is 'bermudan': must be one of american, european"),
    (on("I-PERP", exercise="european"), r"exercise is .european.: must be absent: a perpetual is not exercised")])
def test_what_is_no_inverse_contract_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_book(json.dumps(made(change)).encode())


def test_a_european_option_may_say_so() -> None:
    assert parse_book(json.dumps(made(on("I-call-50000", exercise="european"))).encode()) \
        == parse_book(json.dumps(made()).encode())


def test_levels_need_a_reference() -> None:
    without = on("I-JUL", reference=None)
    build(sources(TRIAL, without))
    with pytest.raises(BadInput, match=r"I-JUL: reference is missing: must be given: with basis = \"level\""):
        build(sources(TRIAL + 'basis = "level"\n', without))


def test_a_trade_of_an_inverse_contract_costs_its_level() -> None:
    book = parse_book(json.dumps(made()).encode())
    listed = {one.instrument.symbol: one.instrument for one in book.listings}
    perpetual, call = listed["I-PERP"], listed["I-call-50000"]
    cash = Instrument.cash("USD").id
    cost = 7 * 10 * UNIT * (1 + Fraction(60000, 50000) - Fraction(60000, 59000)) / 1000
    deal = trade(perpetual, 7, 59_000 * UNIT, 60_000 * UNIT)
    assert deal.buyer == ((perpetual.id, 7), (cash, -math.ceil(cost)))
    assert deal.seller == ((perpetual.id, -7), (cash, math.floor(cost)))
    premium = trade(call, 3, 175_500, 60_000 * UNIT)                    # 0.1755 coins each, of a tenth
    assert premium.buyer == ((call.id, 3), (cash, -int(3 * 0.1 * 0.1755 * 60000 * 1000)))
    for bad in ((perpetual, 7, 59_000 * UNIT, None), (perpetual, 7, 0, 60_000 * UNIT), (call, 1, 5, 0),
                (perpetual, 7, 27_000 * UNIT, 60_000 * UNIT),
                (replace(perpetual, reference=None), 7, 59_000 * UNIT, 60_000 * UNIT)):
        with pytest.raises(BadInput):
            trade(*bad)
    linear = listed["BTC-PERP"]
    assert trade(linear, 1, 60_000 * UNIT) == trade(linear, 1, 60_000 * UNIT, 60_000 * UNIT)


def test_epochs_of_both_bases_rebuild(changes: Epoch, levels: Epoch, tmp_path: Any) -> None:
    for name, epoch in (("changes", changes), ("levels", levels)):
        epoch_directory.save(epoch, tmp_path / name)
        found = epoch_directory.load(tmp_path / name)
        assert (found.root, found.instruments) == (epoch.root, epoch.instruments)
        assert check(tmp_path / name).passed


def test_a_grid_covers_its_interpolation_of_inverse_contracts() -> None:
    of = world(made(), model=TRIAL + STATED.format(horizon=2, variance=0.0016))
    epoch = build_grid(of, replace(GRID_TINY, depth=3), regime=1)
    symbols = [one["symbol"] for one in (PERP, FUTURE, *OPTIONS)]
    assert all(epoch.row_of(symbol) for symbol in symbols)
    assert Kind.PERPETUAL in {one.kind for one in epoch.instruments if one.inverse}
