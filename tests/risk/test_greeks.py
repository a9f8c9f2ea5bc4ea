"""Greeks: closed form against balls and against bumps, the edges, and what a portfolio's are."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from benchmarks.risk.greeks import GOAL, errors
from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.clock import DAY, YEAR
from risk.greeks import lots as lots_module
from risk.greeks.bumped import bumped_coin_linear, bumped_linear, bumped_options
from risk.greeks.closed import NAMES, Greeks, carries, coin_linear_greeks, coin_option, linear_greeks, option_greeks
from risk.greeks.exposures import LONGEST_WINDOW, Offset, exposures, horizon_seconds, rolls
from risk.greeks.lots import lot_greeks
from risk.greeks.terms import funding, rates
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.portfolio import Portfolio
from risk.margins.shocks import Market
from risk.market.book import Funding
from risk.market.discount import DiscountCurve
from risk.market.instruments import Settlement
from risk.valuation.pricing import black_76

SECOND = 1 / YEAR


@pytest.fixture(scope="module")
def market(crypto: Epoch) -> Market:
    return Market(crypto)


def of(crypto: Epoch, **lots: int) -> list[tuple[int, int]]:
    rows = [(crypto.row_of(symbol.replace("_", "-")), count) for symbol, count in lots.items()]
    assert all(row is not None for row, _ in rows)
    return rows                                                                      # type: ignore[return-value]


# -- formulas ------------------------------------------------------------------------------------------------------
def test_the_closed_form_is_exact_far_in_far_out_and_in_the_last_second() -> None:
    """`make risk-bench` takes a hundred thousand of these."""
    found = errors(1500, seed=7)
    assert max(found.values()) <= GOAL / 100, found


@pytest.mark.parametrize(("name", "call", "spot", "strike", "yield_", "rate", "years", "volatility", "published"), [
    ("delta", True, 105, 100, .10, .10, .5, .36, .5946), ("delta", False, 105, 100, .10, .10, .5, .36, -.3566),
    ("gamma", True, 55, 60, 0, .10, .75, .30, .0278), ("vega", True, 55, 60, 0, .10, .75, .30, 18.9358),
    ("theta", False, 430, 405, .05, .07, 1 / 12, .20, -31.1924), ("rho", True, 72, 75, 0, .09, 1.0, .19, 38.7325),
    ("carry", False, 500, 490, .05, .08, .25, .15, -42.2254)])
def test_published_greeks_are_haugs(name: str, call: bool, spot: float, strike: float, yield_: float, rate: float,
                                    years: float, volatility: float, published: float) -> None:
    """The Complete Guide to Option Pricing Formulas, 1998, pages 11 to 16; his rho is rho + carry here, and what he has
    for a yield of dividends is -carry."""
    found = option_greeks(spot, spot * math.exp((rate - yield_) * years), strike, volatility, years, rate, call)
    ours = found.rho + found.carry if name == "rho" else getattr(found, name)
    assert float(ours) == pytest.approx(published, abs=5.1e-5)


def test_the_value_is_that_of_epochs() -> None:
    forward = np.array([100.0, 100.0, 100.0, 100.0])
    strike, call = np.array([60.0, 100.0, 140.0, 140.0]), np.array([True, False, True, False])
    found = option_greeks(99.0, forward, strike, 0.8, 0.25, 0.03, call)
    assert found.value == pytest.approx(black_76(forward, strike, 0.8, 0.25, math.exp(-0.0075), call), rel=1e-12)


def sized(found: Greeks, spot: Any, deviation: Any, volatility: Any, years: Any) -> dict[str, Any]:
    """What differences of a Greek are counted in: prices in spots, lengths in deviations."""
    return {"delta": 1.0, "gamma": 1 / (spot * deviation), "vega": spot * np.sqrt(years), "vanna": 1 / volatility,
            "volga": spot * np.sqrt(years) / volatility, "theta": spot * volatility / np.sqrt(years) + spot,
            "rho": years * spot, "carry": years * spot}


def test_bumps_of_what_epochs_are_valued_by_agree() -> None:
    rng = np.random.default_rng(3)
    n = 3000
    years, volatility = np.exp(rng.uniform(math.log(1 / 365), math.log(3), n)), np.exp(rng.uniform(-3, 1, n))
    spot, deviation = np.exp(rng.uniform(-3, 10, n)), volatility * np.sqrt(years)
    forward = spot * np.exp(rng.normal(0, 0.1, n) * years)
    arguments = (spot, forward, forward * np.exp(rng.uniform(-2, 2, n) * np.minimum(deviation, 1.0)), volatility, years,
                 rng.uniform(-0.1, 0.2, n), rng.random(n) < 0.5)
    closed, bumped = option_greeks(*arguments), bumped_options(*arguments)
    for name, scale in sized(closed, spot, deviation, volatility, years).items():
        apart = np.abs(getattr(closed, name) - getattr(bumped, name)) / scale
        assert apart.max() < 2e-6, (name, apart.max())
    assert np.abs(closed.delta).max() > 0.9


def test_the_last_second_bends_within_a_hair_and_bumps_follow() -> None:
    strikes = np.array([29_000.0, 29_001.0, 29_003.0, 29_050.0])
    arguments = (29_001.72, 29_001.72, strikes, 0.8, SECOND, 0.01, True)
    closed, bumped = option_greeks(*arguments), bumped_options(*arguments)
    assert np.all((closed.delta >= 0) & (closed.delta <= 1))
    assert closed.gamma[1] > 0.05, "all of the delta turns within a few dollars"
    assert closed.gamma[3] < 1e-10 * closed.gamma[1]
    for name, most in (("delta", 1e-5), ("gamma", 1e-2), ("vega", 1e-5), ("theta", 1e-5)):
        ours, theirs = getattr(closed, name), getattr(bumped, name)
        assert np.abs(ours - theirs).max() <= most * np.abs(ours).max(), name


def test_deep_in_and_out_of_the_money() -> None:
    call, put = (option_greeks(100.0, 100.0, np.array([1e-3, 1e6]), 0.8, 0.1, 0.0, side) for side in (True, False))
    assert call.delta.tolist() == [1.0, pytest.approx(0.0, abs=1e-200)]
    assert put.delta.tolist() == [pytest.approx(0.0, abs=1e-200), -1.0]
    for one in (call, put):
        for name in ("gamma", "vega", "vanna", "volga"):
            assert np.abs(getattr(one, name)).max() < 1e-200


def test_a_certain_option_is_its_pay_off() -> None:
    found = option_greeks(100.0, 100.0, np.array([90.0, 100.0, 110.0]), 0.0, 1.0, 0.0, True)
    assert (found.value.tolist(), found.delta.tolist()) == ([10, 0, 0], [1, 0.5, 0])
    for name in ("gamma", "vega", "vanna", "volga", "theta"):
        assert not getattr(found, name).any()


def test_huge_volatilities_stay_numbers() -> None:
    found = option_greeks(1e4, 1e4, np.array([1e-6, 1e4, 1e12]), 20.0, 100.0, 0.0, True)
    assert all(np.isfinite(column).all() for column in found)
    assert found.value == pytest.approx([1e4] * 3)


def test_spots_perpetuals_and_futures() -> None:
    for arguments in ((100.0, 100.0), (101.0, 100.0), (104.0, 100.0, 0.5), (96.0, 100.0, SECOND)):
        closed, bumped = linear_greeks(*arguments), bumped_linear(*arguments)
        assert float(closed.delta) == arguments[0] / 100.0
        for name in NAMES:
            assert float(getattr(bumped, name)) == pytest.approx(float(getattr(closed, name)), rel=1e-6, abs=1e-6), name
    funded, bumped = linear_greeks(101.0, 100.0, 0.0, 0.1), bumped_linear(101.0, 100.0, 0.0, 0.1)
    assert float(funded.theta) == pytest.approx(-10.1)
    assert float(bumped.theta) == pytest.approx(-10.1)
    assert float(funded.delta) == 1.01
    future = linear_greeks(104.0, 100.0, 0.5)
    assert float(future.theta) == pytest.approx(-104 * math.log(1.04) / 0.5)
    assert float(linear_greeks(104.0, 100.0).theta) == 0


def test_put_and_call_differ_by_the_forward() -> None:
    call, put = (option_greeks(100.0, 103.0, 110.0, 0.7, 0.4, 0.05, side) for side in (True, False))
    discount, carry = math.exp(-0.02), math.log(1.03) / 0.4
    forward = {"delta": discount * 1.03, "theta": discount * (0.05 * (103 - 110) - 103 * carry),
               "rho": -0.4 * discount * (103 - 110), "carry": 0.4 * discount * 103}
    for name in NAMES:
        difference = float(getattr(call, name) - getattr(put, name))
        assert difference == pytest.approx(forward.get(name, 0.0), abs=1e-12), name


def test_contracts_that_pay_in_coins() -> None:
    """By differences of what they pay: S B / F, and S' (1/F - 1/F')."""
    spot, forward, years, strike = 100.0, 103.0, 0.4, 110.0
    carry = float(carries(forward, spot, years))

    def worth(spot: float, carry: float, volatility: float = 0.7) -> float:
        future = spot * math.exp(carry * years)
        return float(black_76(future, strike, volatility, years, 1.0, True)) * spot / future

    arguments = (spot, forward, strike, 0.7, years, carry, True)
    found, bumped = coin_option(option_greeks(*arguments)), coin_option(bumped_options(*arguments))
    assert float(found.value) == pytest.approx(worth(spot, carry))
    wanted = {"delta": (worth(100.01, carry) - worth(99.99, carry)) / 0.02,
              "vega": (worth(spot, carry, 0.7001) - worth(spot, carry, 0.6999)) / 0.0002, "rho": 0.0,
              "carry": (worth(spot, carry + 1e-5) - worth(spot, carry - 1e-5)) / 2e-5}
    for name, value in wanted.items():
        assert float(getattr(found, name)) == pytest.approx(value, rel=1e-5), name
        assert float(getattr(bumped, name)) == pytest.approx(value, rel=1e-5), name
    for arguments in ((101.0, 100.0, 0.0, 101.0), (104.0, 100.0, 0.5, 104.0), (104.0, 100.0, 0.5, 90.0),
                      (101.0, 100.0, 0.0, 90.0, 0.2)):
        closed, by_bump = coin_linear_greeks(*arguments), bumped_coin_linear(*arguments)
        for name in NAMES:
            assert float(getattr(by_bump, name)) == pytest.approx(float(getattr(closed, name)), rel=1e-6, abs=1e-9)
    assert float(coin_linear_greeks(104.0, 100.0, 0.5, 90.0).delta) == 1 / 90
    assert float(coin_linear_greeks(101.0, 100.0, 0.0, 101.0, 0.2).theta) == pytest.approx(-0.2 * 100 / 101)


def test_discounting_shrinks_at_the_forward_rate() -> None:
    """On a curve the zero rate discounts, and the forward rate at the expiry is what passing time gives back."""
    steep, flat = (option_greeks(100.0, 103.0, 90.0, 0.5, 0.5, 0.02, True, passing) for passing in (0.08, None))
    assert float(steep.theta - flat.theta) == pytest.approx(0.06 * float(flat.value))
    for name in NAMES:
        if name != "theta":
            assert getattr(steep, name) == getattr(flat, name)
    assert float(bumped_options(100.0, 103.0, 90.0, 0.5, 0.5, 0.02, True, 0.08).theta) == pytest.approx(
        float(steep.theta), rel=1e-8)


def test_books_that_say_more_are_read_and_those_that_say_less_as_before(market: Market) -> None:
    years = np.array([0.1, 0.7])
    for one in rates(market.book, years):
        assert one.tolist() == pytest.approx([0.01, 0.01])
    assert funding(market.book, "BTC") == 0.0

    half, year = (market.book.valuation + YEAR // n for n in (2, 1))          # forward rates of 2 %, then of 6 %
    curve = DiscountCurve(market.book.valuation, ((half, 0.02), (year, 0.04)))
    more = replace(market.book, discounts=curve, underlyings=tuple(
        replace(one, funding=Funding(0.0001, 8.0, "deribit") if one.symbol == "BTC" else None)
        for one in market.book.underlyings))
    zero, passing = rates(more, years)
    assert zero.tolist() == pytest.approx([0.02, (0.01 + 0.06 * 0.2) / 0.7])
    assert passing.tolist() == pytest.approx([0.02, 0.06])
    assert [funding(more, symbol) for symbol in ("BTC", "ETH")] == [pytest.approx(0.0001 * 3 * 365), 0.0]


# -- an epoch's lots -------------------------------------------------------------------------------------------------
def test_lots_of_everything_that_is_listed(market: Market) -> None:
    found = lot_greeks(market)
    by_symbol = {listing.instrument.symbol: i for i, listing in enumerate(market.book.listings)}
    columns = dict(zip(NAMES, found.closed[by_symbol["BTC-SPOT"]], strict=True))
    assert columns == {"delta": 0.01, **dict.fromkeys(NAMES[1:], 0.0)}
    assert found.closed[by_symbol["BTC-PERP"]][0] == pytest.approx(0.01 * 29_024.5 / 29_001.72)
    assert not found.closed[by_symbol["BTC-25DEC20"]].any(), "what has settled does not move"
    assert not found.inside.any()
    near = np.abs(found.closed - found.bumped) <= 1e-5 * np.abs(found.closed).max(0)
    assert near.all(), np.argwhere(~near)


def test_an_expiry_inside_the_horizon_is_flagged(crypto_sources: Sources) -> None:
    book = crypto_sources.book.replace(b"2021-01-29T08:00:00Z", b"2021-01-02T08:00:00Z")
    market = Market(build(replace(crypto_sources, book=book), accepted={"G2": "an expiry that has been moved"}))
    found = lot_greeks(market)
    inside = {market.book.listings[i].instrument.symbol for i in np.flatnonzero(found.inside)}
    assert "BTC-29JAN21-29000-C" in inside
    assert "BTC-26MAR21" not in inside
    rows = [(market.epoch.row_of("BTC-29JAN21-29000-C") or 0, 1)]
    held = exposures(market, [("a", rows)]).held[0]
    assert (held.inside, held.ends, held.brief) == (True, True, False)
    # The roll ends in the pay-off at today's spot: what remains of the value is the intrinsic one.
    value = float(option_greeks(*_arguments(market, "BTC-29JAN21-29000-C")).value)
    assert held.roll == pytest.approx(0.1e6 * (29_001.72 - 29_000 - value), abs=2)


def _arguments(market: Market, symbol: str) -> tuple[float, ...]:
    """Of `option_greeks`."""
    listing = next(one for one in market.book.listings if one.instrument.symbol == symbol)
    return tuple(float(column[0]) for column in lots_module._arguments(market.book, [listing], np.array([29_001.72])))


def test_a_kind_that_is_not_known_is_refused(crypto: Epoch) -> None:
    market = Market(crypto)
    strange = SimpleNamespace(symbol="BTC-VAR", kind=SimpleNamespace(optional=False), underlying="BTC", expiry=None,
                              lot=1, settlement="cash")
    market.book = SimpleNamespace(listings=[SimpleNamespace(instrument=strange, settled=None)],  # type: ignore[assignment]
                                  underlyings=market.book.underlyings, valuation=market.book.valuation)
    with pytest.raises(BadInput, match="BTC-VAR: kind"):
        lot_greeks(market)


def test_what_is_settled_in_coins_has_greeks_of_its_own(crypto: Epoch) -> None:
    """A linear delta for one would be a wrong number, silently."""
    market = Market(crypto)
    symbols = ("BTC-PERP", "BTC-29JAN21", "BTC-29JAN21-29000-C")
    chosen = [one for one in market.book.listings if one.instrument.symbol in symbols]
    linear = {one.instrument.symbol: one for one in chosen}
    coins = [replace(one, instrument=replace(one.instrument, settlement=Settlement.COIN)) for one in chosen]
    real = market.book
    market.book = replace(real, listings=tuple(coins))
    found = lot_greeks(market)
    for i, one in enumerate(coins):
        instrument = one.instrument
        if instrument.symbol == "BTC-PERP":
            assert found.closed[i][0] == pytest.approx(float(instrument.lot) / 29_024.5)
        elif instrument.symbol == "BTC-29JAN21":
            assert found.closed[i][0] == pytest.approx(float(instrument.lot) / 29_271.87)
        else:
            assert found.closed[i][NAMES.index("rho")] == 0
            assert found.closed[i][0] == pytest.approx(
                0.1 * float(option_greeks(29_001.72, 29_271.87, 29_000, 0.7807,
                                          ((linear[instrument.symbol].instrument.expiry or 0) - real.valuation) / YEAR,
                                          0.0, True).delta) * 29_001.72 / 29_271.87)


# -- portfolios --------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def portfolios(crypto: Epoch, fixtures: Path) -> list[tuple[str, list[tuple[int, int]]]]:
    return [(path.stem, Portfolio.read(path).rows(crypto))
            for path in sorted((fixtures / "btc_eth" / "portfolios").glob("*.json"))]


def test_units_foretell_what_small_moves_gain(market: Market, portfolios: Any) -> None:
    """Against full revaluation, at once: moves of one asset's spot, and of the volatility of each of its expiries."""
    found = exposures(market, portfolios)
    rows = [position for _, positions in portfolios for position in positions]
    now = Market(market.epoch)
    now.model = replace(now.model, horizon=0)
    for asset, own in found.assets.items():
        for percent in (-0.2, 0.2):
            gained = now.gains(rows, [{asset: (Fraction(percent) / 100, Fraction(0))}])[0] / 1e6
            assert gained == pytest.approx(own.of("delta") * percent + own.of("gamma") * percent**2 / 2, abs=0.1)
    # A volatility that rises by a tenth of a percent lifts each expiry's by what the model then expects until there.
    held = [one for one in found.held if one.asset == "BTC" and one.held.of("vega")]
    expected = math.fsum(one.held.of("vega") * 100 * _volatility(market, one.name) * _lift(market, one.name)
                         for one in held)
    assert now.gains(rows, [{"BTC": (Fraction(0), Fraction(1, 1000))}])[0] / 1e6 == pytest.approx(expected, rel=1e-3)


def _lift(market: Market, symbol: str) -> float:
    instrument = next(one.instrument for one in market.book.listings if one.instrument.symbol == symbol)
    assert instrument.expiry is not None
    steps = math.ceil((instrument.expiry - market.book.valuation) / DAY)
    law, today = market.calibration.volatilities[0], market.calibration.variances[0]
    after, before = (float(law.average_variance(np.array([today * factor]), steps)[0]) for factor in (1.001**2, 1))
    return math.sqrt(after / before) - 1


def _volatility(market: Market, symbol: str) -> float:
    instrument = next(one.instrument for one in market.book.listings if one.instrument.symbol == symbol)
    return market.book.curves[instrument.underlying, instrument.expiry].volatilities[instrument.strike]  # type: ignore[index]


def test_netting_is_a_sum_over_protocols(market: Market, portfolios: Any) -> None:
    found = exposures(market, portfolios)
    for asset, whole in found.assets.items():
        parts = [own[asset] for own in found.protocols.values() if asset in own]
        assert np.allclose(sum(part.units for part in parts), whole.units, rtol=1e-12)
        assert np.allclose(sum(part.raw for part in parts), whole.raw, rtol=1e-12)
        alone = [exposures(market, [one]).assets.get(asset) for one in portfolios]
        assert np.allclose(sum(one.units for one in alone if one), whole.units, rtol=1e-12)
    assert np.allclose(found.total.units, sum(whole.units for whole in found.assets.values()))
    assert np.isnan(found.total.raw).all(), "units of two assets do not add up"
    assert found.across_protocols["BTC"].offset > 1000
    assert found.across_protocols["ETH"].offset == 0


def test_vega_by_expiry_and_what_offsets(crypto: Epoch, market: Market) -> None:
    near, far = "BTC-29JAN21-29000-C", "BTC-26MAR21-30000-C"
    book = of(crypto, **{near.replace("-", "_"): -10, far.replace("-", "_"): 10})
    found = exposures(market, [("calendar", book)])
    assert [one.expiry for one in found.expiries] == ["2021-01-29T08:00:00Z", "2021-03-26T08:00:00Z"]
    first, second = (one.vega for one in found.expiries)
    assert first < 0 < second
    offset = found.across_expiries["BTC"]
    assert offset.gross == pytest.approx(second - first)
    assert offset.net == pytest.approx(first + second)
    assert offset.offset == pytest.approx(2 * min(-first, second))
    assert offset.share == pytest.approx(offset.offset / offset.gross)
    two = exposures(market, [("a", book[:1]), ("b", book[1:]), ("c", book[:1])])
    assert [name for name, _ in two.expiries[0].protocols] == ["a", "c"]
    assert two.expiries[0].vega == pytest.approx(2 * first)


def test_nothing_offsets_nothing() -> None:
    assert (Offset.of([]).share, Offset.of([-1.0, -2.0]).offset) == (0.0, 0.0)


def test_the_roll_is_what_passing_time_takes(crypto: Epoch, market: Market) -> None:
    rolled = rolls(market, horizon_seconds(market))
    assert horizon_seconds(market) == 2 * DAY
    assert rolled.tolist() == market.lot_changes([{}])[:, 0].tolist()
    assert not rolls(market, 0).any()
    call = market.listing(crypto.row_of("BTC-29JAN21-29000-C") or 0)
    day, two = (int(rolls(market, window)[call]) for window in (DAY, 2 * DAY))
    assert two < day < 0
    greeks = lot_greeks(market)
    assert day / 1e6 == pytest.approx(greeks.closed[call][NAMES.index("theta")] / 365, rel=0.02)
    assert int(rolls(market, LONGEST_WINDOW)[call]) == pytest.approx(
        1e5 * (1.72 - float(option_greeks(*_arguments(market, "BTC-29JAN21-29000-C")).value)), abs=2)


def test_grids_and_levels_have_the_same_greeks(trial_sources: Sources, crypto: Epoch, fixtures: Path,
                                               market: Market) -> None:
    grid = Market(build_grid(trial_sources, GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3)))
    symbol = "ETH-29JAN21-680-P"
    one, other = (exposures(m, [("a", [(m.epoch.row_of(symbol) or 0, 7)])]).held[0] for m in (market, grid))
    assert one.held.raw.tolist() == other.held.raw.tolist()
    assert one.roll == other.roll
    levels = fixtures / "levels"
    account = build(Sources.read(levels / "model.toml", levels / "book.json"))
    rows = Portfolio.read(levels / "portfolios" / "funded_straddle.json").rows(account)
    found = exposures(Market(account), [("mine", rows)])
    cash = next(held for held in found.held if held.name == "CASH")
    assert not cash.held.raw.any()
    assert cash.roll == 0
    assert cash.asset == "CASH"
    assert list(found.assets) == ["BTC"]


def test_what_lives_for_less_than_a_day_is_flagged(crypto: Epoch) -> None:
    own = Market(crypto)
    symbol = "BTC-29JAN21-29000-C"
    row = crypto.row_of(symbol) or 0
    expiry = own.book.listings[own.listing(row)].instrument.expiry
    assert expiry is not None
    for left, brief in ((3600, True), (DAY, False)):
        own.book = replace(own.book, valuation=expiry - left)
        assert exposures(own, [("a", [(row, 1)])]).held[0].brief is brief
    assert not exposures(own, [("a", [(crypto.row_of("BTC-25DEC20") or 0, 1)])]).held[0].brief, "it has settled"


def test_senseless_questions_are_refused(market: Market, portfolios: Any) -> None:
    with pytest.raises(BadInput, match="protocols"):
        exposures(market, [portfolios[0], portfolios[0]])
    for window in (-1, LONGEST_WINDOW + 1):
        with pytest.raises(BadInput, match="window"):
            exposures(market, portfolios, window=window)


def test_an_empty_book_has_none(market: Market) -> None:
    found = exposures(market, [("empty", [])])
    assert (found.held, found.assets, found.expiries, found.roll) == ((), {}, (), 0)
    assert not found.total.units.any()
