"""What accounts lose under stress that the epoch need not hold: against closed forms, histories, the epoch itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.clock import YEAR
from risk.exact.money import UNIT
from risk.margins.contributions import breakdown
from risk.margins.levels import value_today
from risk.margins.scan import DEFAULT_SET, set_changes
from risk.margins.shocks import Market
from risk.models.model import parse_toml
from risk.models.scenario_set import of_assets, preset_text, presets
from risk.stress import sets, words
from risk.stress.outcomes import Dependence, Outcome, PositionLoss, Venue, dependence, outcomes
from risk.stress.sets import Moves
from risk.valuation.pricing import black_76

CRISES = ("2020-03-12", "2021-05-19", "2022-11-09")
HANDWRITTEN = b'''schema = "tailproof.model/2"
name = "scan"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
set = "derive-pm2-2025-02"
[epoch]
scenarios = 31
tail = "1"
depth = 3
'''


@pytest.fixture(scope="module")
def market(crypto: Epoch) -> Market:
    return Market(crypto)


def rows(epoch: Epoch, **lots: int) -> list[tuple[int, int]]:
    found = []
    for symbol, count in lots.items():
        row = epoch.row_of(symbol.replace("_", "-"))
        assert row is not None
        found.append((row, count))
    return found


def one(market: Market, positions: list[tuple[int, int]], name: str) -> Outcome:
    return outcomes(market, {"mine": positions}, [sets.named(market, name)])[0][0]


# -- handwritten crises ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", CRISES)
def test_spot_loses_what_the_preset_says_to_the_unit(market: Market, name: str) -> None:
    crypto = market.epoch
    document = parse_toml(preset_text(name).encode())
    falls = [Fraction(str(row["spot"]["BTC"])) for row in document["scenarios"]]
    found = one(market, rows(crypto, BTC_SPOT=1000), name)
    assert list(found.losses) == [-1000 * round(Fraction(2900172, 100) * Fraction(1, 100) * fall * UNIT)
                                  for fall in falls]
    assert found.worst == max(found.losses) == found.positions[0].loss
    assert found.moves.spots["BTC"] == pytest.approx(float(min(falls)))
    assert "from memory" in found.stress.source
    assert name in presets()


def test_a_put_is_worth_what_black_says_at_once(market: Market) -> None:
    """No horizon passes, the whole fall happens, volatility goes where the row says."""
    listing = next(one for one in market.book.listings if one.instrument.symbol == "BTC-29JAN21-29000-P")
    curve = market.book.curves["BTC", listing.instrument.expiry or 0]
    years = ((listing.instrument.expiry or 0) - market.book.valuation) / YEAR

    def value(forward: float, volatility: float) -> float:
        return float(black_76(forward, np.array([29000.0]), np.array([volatility]), years,
                              np.exp(np.array([-market.book.rate * years])), False)[0])

    forward, volatility = curve.forward / UNIT, curve.volatilities[29_000 * UNIT]
    lot = float(listing.instrument.lot)
    change = value(forward * (1 - 0.3717) * 0.98, 2 * volatility) - value(forward, volatility)
    found = one(market, rows(market.epoch, **{"BTC-29JAN21-29000-P": -1}), "2020-03-12")
    assert found.losses[0] / UNIT == pytest.approx(change * lot, abs=1e-5)


def test_positions_sum_to_the_account_and_several_accounts_to_the_venue(market: Market) -> None:
    crypto = market.epoch
    books = {"short": rows(crypto, BTC_PERP=-5000), "long": rows(crypto, BTC_PERP=3000, ETH_SPOT=100),
             "longer": rows(crypto, BTC_PERP=9000), "none": []}
    chosen = [sets.named(market, name) for name in (*CRISES, sets.BLACK_SWAN)]
    for row in outcomes(market, books, chosen):
        for found in row:
            assert sum(part.loss for part in found.positions) == found.worst
            assert found.margin == breakdown(crypto, books[found.account]).required == found.holds
            assert found.uncovered == max(0, found.worst - found.margin)
        venue = Venue.of(row)
        together = [[max(0, each.losses[s] - each.holds) for each in row] for s in range(len(row[0].losses))]
        assert venue.uncovered == sum(together[venue.at]) == max(map(sum, together))
        assert venue.cover_2 == sum(sorted(together[venue.at])[-2:])
        assert venue.beyond == sum(amount > 0 for amount in together[venue.at])
        # Who is short gains where who is long loses: all at their own worst would be no scenario.
        assert venue.uncovered < sum(each.uncovered for each in row) or not row[0].uncovered


def test_a_set_that_lacks_an_asset_is_refused_and_one_that_has_more_is_not(us: Epoch, market: Market) -> None:
    with pytest.raises(BadInput, match=r"--set is '2020-03-12': must be one that says the spot of every"):
        sets.named(Market(us), "2020-03-12")
    assert [sets.covers(Market(us), name) for name in ("2020-03-12", sets.BLACK_SWAN, "okx-btc-2025-01")] == [
        False, True, True]
    one_asset = of_assets(parse_toml(preset_text("2020-03-12").encode()), ("BTC",))
    assert [list(row["spot"]) for row in one_asset["scenarios"]] == [["BTC"]] * 3
    document = {"scenarios": [{"spot": {"BTC": -0.5, "ETH": 0.0, "SOL": -0.9}, "label": "mine"}]}
    chosen = sets.parsed(market, document, source="mine.toml")
    assert chosen.labels == ("mine",)
    with pytest.raises(BadInput, match=r"mine\.toml: scenarios\[0\]\.spot\.ETH is missing"):
        sets.parsed(market, {"scenarios": [{"spot": {"BTC": -0.5, "ETHH": 0.0}}]}, source="mine.toml")
    with pytest.raises(BadInput, match=r"label"):
        sets.parsed(market, {"scenarios": [{"spot": -0.5, "label": ""}]}, source="mine.toml")
    with pytest.raises(BadInput, match=r"--set is '2020-03-13': must be one of"):
        sets.named(market, "2020-03-13")


# -- black swan, days of a history -------------------------------------------------------------------------------------
def test_the_black_swan_is_what_an_epoch_that_holds_it_has(market: Market, crypto_sources: Sources) -> None:
    stressed = crypto_sources.model + b'\n[stress]\nsets = ["black-swan"]\nweight = 0.125\n'
    swan = sets.black_swan(market)
    assert swan.labels[0] == "all down, basis below"
    down, up = swan.scenarios.returns[0], swan.scenarios.returns[2]
    assert (down < -0.1e9).all()
    assert (up > 0.1e9).all()
    held = build(replace(crypto_sources, model=stressed))
    assert held.provenance is not None
    at = [s for s, kind in enumerate(held.provenance.scenarios.kinds) if kind == "black-swan"][:4]
    moves = swan.moves(0)
    assert moves.basis == -0.045
    assert moves.volatilities == {"BTC": 1.0, "ETH": 1.0}
    # The epoch's draw is a Latin hypercube of another seed: the same law, not the same sample.
    assert np.allclose(held.provenance.scenarios.returns[at], swan.scenarios.returns, rtol=0.08)
    book = rows(market.epoch, BTC_SPOT=1000, ETH_PERP=-100)
    epoch_losses = [-sum(lots * int(held.changes[row][s]) for row, lots in book) for s in at]
    assert np.allclose(epoch_losses, one(market, book, "black-swan").losses, rtol=0.15, atol=1e8)


def test_days_of_a_history_are_its_price_ratios(us: Epoch) -> None:
    market = Market(us)
    history = market.history
    assert history is not None
    worst = int(np.argmin(np.diff(np.log(history.prices[:, 0]))))
    day = history.labels[worst + 1]
    chosen = sets.historical(market, day)
    assert len(chosen.labels) == market.model.horizon
    asset = market.model.assets[0]
    for at, text in enumerate(chosen.labels):
        first = history.labels.index(text.removeprefix("from "))
        ratio = history.prices[first + market.model.horizon, 0] / history.prices[first, 0] - 1
        assert chosen.moves(at).spots[asset] == pytest.approx(ratio, rel=1e-7)
    assert max(chosen.moves(at).volatilities[asset] for at in range(len(chosen.labels))) > 0.1
    calm = history.labels[int(np.argmin(np.abs(np.diff(np.log(history.prices)))
                                        .max(axis=1)[:-5]))]
    for text, bound in ((calm, "calm ones are no stress"), ("1975-01-01", "days of the history"),
                        ("yesterday", "a day such as"), ("2008-10-10/2008-10-11/2008-10-12", "a day such as"),
                        (f"{day}/1999-01-01", "the earlier day first")):
        with pytest.raises(BadInput, match=f"--historical is .*{bound}"):
            sets.historical(market, text)


def test_who_has_no_days_or_no_law_is_refused(market: Market, crypto_sources: Sources) -> None:
    with pytest.raises(BadInput, match="--history is missing: must be given"):
        sets.historical(market, "2020-03-12")
    scan = Market(build(Sources(HANDWRITTEN, crypto_sources.book, None, {})))
    with pytest.raises(BadInput, match="estimator is handwritten: must be one that draws"):
        sets.black_swan(scan)
    with pytest.raises(BadInput, match="estimator is handwritten: must be one that draws"):
        dependence(scan, {})
    assert one(scan, rows(market.epoch, BTC_SPOT=1), "2020-03-12").worst > 0


# -- dependence ------------------------------------------------------------------------------------------------------
def test_dependence_moves_what_hangs_on_it_alone(market: Market) -> None:
    crypto = market.epoch
    found = dependence(market, {"alone": rows(crypto, BTC_SPOT=1000),
                                "both": rows(crypto, BTC_SPOT=1000, ETH_SPOT=4000),
                                "spread": rows(crypto, BTC_SPOT=1000, ETH_SPOT=-4000), "none": []})
    alone, both, spread = found["alone"], found["both"], found["spread"]
    assert abs(alone.independent / alone.own - 1) < Fraction(2, 100)
    assert abs(alone.comonotone / alone.own - 1) < Fraction(2, 100)
    assert both.independent < both.own < both.comonotone
    assert spread.independent > spread.own > spread.comonotone
    assert both.charge == (both.comonotone - both.own) / 4
    assert spread.charge == (spread.independent - spread.own) / 4
    assert found["none"] == Dependence(Fraction(0), Fraction(0), Fraction(0))
    # Comonotone losses of two longs add up to the losses of each; over two days nearly, since paths differ in shape.
    eth = dependence(market, {"eth": rows(crypto, ETH_SPOT=4000)})["eth"]
    assert abs(both.comonotone / (alone.comonotone + eth.comonotone) - 1) < Fraction(1, 1000)


# -- what a person reads -----------------------------------------------------------------------------------------------
def test_the_sentence(market: Market) -> None:
    found = one(market, rows(market.epoch, BTC_PERP=-5000, **{"BTC-29JAN21-44000-C": -300}), "2021-05-19")
    assert words.sentence(found, "USD") == (
        "In '2021-05-19' (low to close) BTC rises 20.6 % and ETH 26.1 %, volatility rises 40 %: the account loses "
        f"{round(found.worst / UNIT):,} USD, {found.worst / found.margin:.3g} times its margin; the short perpetual "
        "BTC-PERP is 85 % of it.")
    gains = one(market, rows(market.epoch, BTC_PERP=-5000), "2022-11-09")
    assert "the account gains" in words.sentence(gains, "USD")
    assert "holds nothing and loses nothing" in words.sentence(one(market, [], "2022-11-09"), "USD")


@pytest.mark.parametrize(("losses", "said"), [
    ((100, 50), "the long put a is two thirds of it"), ((100, 100), "the long put a is half of it"),
    ((100, 200), "the long put b is two thirds of it"), ((100,), "the long put a is all of it"),
    ((1000, 1), "the long put a is nearly all of it"), ((60, 40), "the long put a is 60 % of it"),
    ((300, -100), "the long put a loses 1.50 times that, of which the long put b gives back 33 %")])
def test_shares_in_words(market: Market, losses: tuple[int, ...], said: str) -> None:
    parts = sorted((PositionLoss(name, "put", 1, loss * UNIT) for name, loss in zip("ab", losses, strict=False)),
                   key=lambda part: -part.loss)
    chosen = sets.named(market, "2022-11-09")
    found = Outcome("mine", chosen, UNIT, UNIT, (sum(losses) * UNIT,) * 3, 0, chosen.moves(0), tuple(parts))
    assert words.sentence(found, "USD").endswith(f"; {said}.")


@pytest.mark.parametrize(("moves", "said"), [
    (Moves({"A": -0.31, "B": -0.4}, {"A": 1.0, "B": 1.0}, -0.045),
     "A falls 31 % and B 40 %, volatility doubles, futures and perpetuals trade 4.5 % below the spot"),
    (Moves({"A": -0.31, "B": 0.0, "C": 0.25}, {"A": -0.2}),
     "A falls 31 %, B stays and C rises 25 %, volatility falls 20 %"),
    (Moves({"A": 0.0}, {"A": 2.0, "B": 0.5}, 0.01),
     "A stays, volatility goes to up to 3 times today's, futures and perpetuals trade 1 % above the spot"),
    (Moves({name: -0.01 * k for k, name in enumerate("ABCDEF", 1)}, {}),
     "C falls 3 %, D 4 %, E 5 %, F 6 % and 2 more by less")])
def test_moves_in_words(moves: Moves, said: str) -> None:
    assert words.moved(moves) == said


def test_levels_hold_their_value(edited: Callable[[bytes, str, str], bytes], crypto_sources: Sources) -> None:
    """Of levels, losses are from today on, and what stands behind them is what the account is worth."""
    text = edited(crypto_sources.model, "horizon = 2", 'basis = "level"\nhorizon = 2')
    levels = build(replace(crypto_sources, model=text))
    market = Market(levels)
    book = rows(levels, CASH=10**6, BTC_PERP=-10)
    found = one(market, book, "black-swan")
    assert found.losses == one(market, rows(levels, BTC_PERP=-10), "black-swan").losses
    assert found.holds == 10**6 * 1000 - 10 * round(Fraction("29024.5") * UNIT / 100)
    assert "value today" in words.sentence(found, "USD", levels=True)
    # Options have broken marks: what is owed is bought back at the upper one.
    option = levels.row_of("BTC-29JAN21-29000-P")
    assert option is not None
    mark = levels.mark(levels.ids[option])
    assert mark.short == mark.long + 1
    owed = one(market, [(option, -7), *rows(levels, CASH=10**6)], "black-swan")
    assert owed.holds == 10**9 - 7 * mark.short == value_today(levels, [(option, -7), *rows(levels, CASH=10**6)]) - 7
    assert one(market, [(option, 7)], "black-swan").holds == 7 * mark.long


def test_rows_of_a_set_move_skew_by_nothing_but_what_they_say(market: Market) -> None:
    """A table [surface] is of what a model draws: a model of rows may not have it, and its tilt is by deviations that
    rows do not have. So neither stress nor a scan moves by it."""
    tilted = Market(market.epoch)
    tilted.model = replace(market.model, dynamics=replace(market.model.dynamics, tilt=0.1))
    held = rows(market.epoch, **{"BTC-29JAN21-26000-P": -1})
    for name in (*CRISES, DEFAULT_SET):
        assert one(tilted, held, name).losses == one(market, held, name).losses
        assert np.array_equal(set_changes(tilted, name), set_changes(market, name))
    drawn = [outcomes(of, {"mine": held}, [sets.named(of, sets.BLACK_SWAN)])[0][0].losses for of in (tilted, market)]
    assert drawn[0] != drawn[1]                    # what the model draws does
