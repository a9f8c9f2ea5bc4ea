"""Options of slices in scenarios: against plain formulas, one option and one scenario at a time."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from worlds import MODEL, book, world

from primitives.errors import BadInput
from risk.epochs.build import Inputs, build, prepare
from risk.epochs.difference import BrokenDuty
from risk.epochs.drawing import draw
from risk.exact.digests import content_digest
from risk.greeks.exposures import exposures
from risk.greeks.lots import lot_greeks
from risk.greeks.smile import smile_deltas
from risk.margins.shocks import Market
from risk.market.book import parse_book
from risk.market.instruments import Kind
from risk.models.implied import Dynamics
from risk.models.model import parse_model
from risk.scenarios.scenarios import VARIANCE_UNIT, Scenarios
from risk.surfaces.svi import Slice
from risk.valuation.revaluation import spots_after, unrounded

MONTH, QUARTER = ("BTC", 1_721_376_000), ("BTC", 1_727_424_000)
SVI = {"a": "0.008", "b": "0.06", "rho": "-0.4", "m": "0.02", "sigma": "0.25"}


def sliced() -> dict[str, Any]:
    """The month by a slice, the quarter by a surface."""
    made = book()
    for entry, more in zip(made["expiries"], ({"svi": SVI}, {"theta": "0.11"}), strict=True):
        del entry["volatilities"]
        entry.update(more)
    made["ssvi"] = [{"underlying": "BTC", "rho": "-0.3", "eta": "1", "gamma": "0.5"}]
    return made


def by_strike() -> dict[str, Any]:
    """The same volatilities, strike by strike, to the last digit."""
    made, curves = book(), parse_book(json.dumps(sliced()).encode()).curves
    for entry, key in zip(made["expiries"], (MONTH, QUARTER), strict=True):
        entry["volatilities"] = [{"strike": str(strike // 10**6), "volatility": repr(volatility)}
                                 for strike, volatility in curves[key].volatilities.items()]
    return made


def drawn(document: dict[str, Any], surface: str = "") -> tuple[Inputs, Scenarios, np.ndarray]:
    inputs = prepare(world(document, model=MODEL + surface))
    scenarios = draw(inputs.model, inputs.calibration, inputs.history, seed=5).scenarios
    return inputs, scenarios, unrounded(inputs.book, inputs.model, inputs.calibration, scenarios)


def black(forward: float, strike: float, deviation: float, sign: int) -> float:
    d = math.log(forward / strike) / deviation + deviation / 2

    def cdf(x: float) -> float:
        return 0.5 * math.erfc(-x / math.sqrt(2))

    return sign * (forward * cdf(sign * d) - strike * cdf(sign * (d - deviation)))


def slow(inputs: Inputs, scenarios: Scenarios, s: int, **law: Any) -> dict[str, float]:
    """Changes of options by symbol, in money units: everything by the formulas of docs/surfaces.md."""
    model, market = inputs.model, inputs.book
    found = {}
    h = model.horizon / model.steps_per_year
    for listing in market.listings:
        one = listing.instrument
        if not one.kind.optional:
            continue
        asset = model.assets.index(one.underlying)
        curve = market.curves[one.underlying, one.expiry]
        years = (one.expiry - market.valuation) / (365 * 86400)
        spot, forward, strike = market.underlyings[asset].spot / 1e6, curve.forward / 1e6, one.strike / 1e6
        after = spot * math.exp(scenarios.returns[s, asset] / 1e9)
        forward_after = after * (forward / spot) ** ((years - h) / years)
        volatility = model.volatilities[asset]
        steps = max(1, math.ceil((years - h) * model.steps_per_year))
        then, today = (math.sqrt(float(volatility.average_variance(np.array([v / VARIANCE_UNIT]), steps)[0]))
                       for v in (float(scenarios.variances[s, asset]), float(scenarios.today[asset])))
        days = years * 365
        power = law.get("short", 0.0) if days <= 30 else law.get("long", 0.0)
        own = curve.volatilities[one.strike]
        ratio = (then / today) ** ((30 / max(days, 1)) ** power)
        if ratio > 1 and law.get("floor"):
            ratio = max(ratio, law["floor"] / own)
        moved = own
        if law.get("sticky", "delta") == "delta" and curve.slice is not None:
            a, b, rho, m, sigma = (getattr(curve.slice, name) for name in ("a", "b", "rho", "m", "sigma"))
            x = math.log(strike / forward_after) - m
            moved = math.sqrt((a + b * (rho * x + math.sqrt(x * x + sigma * sigma))) / years)
        horizon_deviation = math.sqrt(model.horizon * float(volatility.average_variance(
            np.array([float(scenarios.today[asset]) / VARIANCE_UNIT]), model.horizon)[0]))
        z = min(4.0, max(-4.0, math.log(after / spot) / horizon_deviation))
        share = min(1.0, max(-1.0, math.log(strike / forward) / (law.get("width", 3.0) * own * math.sqrt(years))))
        moved *= ratio * (1 + law.get("tilt", 0.0) * z * share)
        sign = 1 if one.kind == Kind.CALL else -1
        change = black(forward_after, strike, moved * math.sqrt(years - h), sign) \
            - black(forward, strike, own * math.sqrt(years), sign)
        found[one.symbol] = change * float(one.lot) * 1e6
    return found


LAWS = [("", {}), ('[surface]\ndynamics = "sticky-strike"\n', {"sticky": "strike"}),
        ("[surface]\nshort_power = 0.3\nlong_power = 0.13\n", {"short": 0.3, "long": 0.13}),
        ("[surface]\ntilt = 0.1\n", {"tilt": 0.1}),
        ("[surface]\ntilt = -0.2\ntilt_width = 1\n", {"tilt": -0.2, "width": 1}),
        ("[surface]\nleast_volatility = 0.9\n", {"floor": 0.9}),
        ('[surface]\ndynamics = "sticky-strike"\nshort_power = 0.5\nlong_power = 0.2\ntilt = 0.05\n'
         "least_volatility = 0.5\n", {"sticky": "strike", "short": 0.5, "long": 0.2, "tilt": 0.05, "floor": 0.5})]


@pytest.mark.parametrize("made", [sliced, by_strike], ids=["slices", "strikes"])
@pytest.mark.parametrize(("surface", "law"), LAWS, ids=lambda x: x if isinstance(x, str) else "")
def test_options_against_plain_formulas(surface: str, law: dict[str, Any], made: Any) -> None:
    inputs, scenarios, changes = drawn(made(), surface)
    rows = {listing.instrument.symbol: row for row, listing in zip(changes, inputs.book.listings, strict=True)}
    lowest, highest = (int(at) for at in (scenarios.returns[:, 0].argmin(), scenarios.returns[:, 0].argmax()))
    for s in (0, 100, lowest, highest):
        for symbol, value in slow(inputs, scenarios, s, **law).items():
            assert rows[symbol][s] == pytest.approx(value, rel=1e-9, abs=2e-3), (symbol, s)


def test_under_sticky_strike_a_slice_is_its_volatilities_to_the_bit() -> None:
    strike = '[surface]\ndynamics = "sticky-strike"\n'
    assert np.array_equal(drawn(sliced(), strike)[2], drawn(by_strike(), strike)[2])
    assert not np.array_equal(drawn(sliced())[2], drawn(by_strike())[2])


def test_values_of_slices_have_the_same_bits_everywhere() -> None:
    """Pinned down to the last bit of the doubles, before they are rounded to money."""
    law = "[surface]\nshort_power = 0.3\nlong_power = 0.13\ntilt = 0.05\nleast_volatility = 0.4\n"
    assert content_digest(drawn(sliced(), law)[2].astype("<f8").tobytes()) == \
        "0xa9d52fa43bccf4258364bcf5e49cb4611b2312db6e2a82a21fa5af9d69dbe88c"


def test_strikes_alone_know_no_dynamics() -> None:
    assert np.array_equal(drawn(by_strike())[2], drawn(by_strike(), '[surface]\ndynamics = "sticky-strike"\n')[2])


def test_along_a_slice_moneyness_keeps_its_volatility() -> None:
    """A spot and a strike that fall by as much: the option keeps its volatility, so its price falls by as much."""
    inputs, scenarios, _ = drawn(sliced())
    still = replace(scenarios, returns=np.zeros_like(scenarios.returns) - 105_360_516,
                    variances=np.broadcast_to(scenarios.today, scenarios.variances.shape).copy())
    changes = unrounded(inputs.book, inputs.model, inputs.calibration, still)
    curve = inputs.book.curves[MONTH]
    assert isinstance(curve.slice, Slice)
    row = next(i for i, listing in enumerate(inputs.book.listings) if listing.instrument.symbol == "BTC-JUL-50000-P")
    years = (MONTH[1] - inputs.book.valuation) / (365 * 86400)
    after = float(spots_after(np.array([60000.0, 3000.0]), still)[0, 0])
    then = math.sqrt(float(curve.slice.total_variance(math.log(50000 / after))) / years)
    value = black(after, 50000.0, then * math.sqrt(years - 1 / 365), -1) \
        - black(60000.0, 50000.0, curve.volatilities[50_000_000_000] * math.sqrt(years), -1)
    assert changes[row, 0] == pytest.approx(value * 0.1e6, rel=1e-6)


def test_a_tilt_follows_four_deviations_and_one_width() -> None:
    """So that no multiple comes near 0."""
    law, z = Dynamics(tilt=0.2, width=2.0), np.array([-10.0, -4.0, -1.0, 0.0, 1.0, 4.0, 10.0])
    whole = np.array([1.8, 1.8, 1.2, 1.0, 0.8, 0.2, 0.2])
    assert law.tilted(z, -5.0, 0.1) == pytest.approx(whole)           # far below the money: dearer where the spot falls
    assert law.tilted(z, 5.0, 0.1) == pytest.approx(whole[::-1])
    assert law.tilted(z, -0.1, 0.1) == pytest.approx((whole + 1) / 2)
    assert law.tilted(z, 0.0, 0.1) == pytest.approx(np.ones(7))


def test_a_rise_only_reaches_the_floor() -> None:
    """Longs gain nothing from it where volatility falls."""
    plain, floored = drawn(sliced()), drawn(sliced(), "[surface]\nleast_volatility = 2.0\n")
    inputs, scenarios, before = plain
    rises = scenarios.variances[:, 0] > scenarios.today[0]
    assert 20 < rises.sum() < 236
    rows = [i for i, listing in enumerate(inputs.book.listings) if listing.instrument.kind.optional]
    assert np.array_equal(before[rows][:, ~rises], floored[2][rows][:, ~rises])
    assert (floored[2][rows][:, rises] > before[rows][:, rises]).all()


def test_an_epoch_of_slices_builds_and_is_judged() -> None:
    epoch = build(world(sliced()))
    assert epoch.header.judgement.accepted == ()
    assert not list(epoch.violations())
    assert epoch.root == build(world(sliced())).root
    assert epoch.root != build(world(by_strike())).root


@pytest.mark.parametrize(("change", "said"), [
    ({"svi": {"a": "-0.041", "b": "0.1331", "rho": "0.306", "m": "0.3586", "sigma": "0.4153"}},
     "G8: butterfly of BTC at 2024-07-19T08:00:00Z, g at k = .* is '-0.0[0-9]*': must be at least 0"),
    ({"svi": {**SVI, "b": "1.9", "a": "-0.3"}},
     "G8: wing of BTC at 2024-07-19T08:00:00Z, b .* is '2.66': must be at most 2"),
    ({"svi": {**SVI, "a": "0.2"}},
     "G8: calendar of BTC at 2024-07-19T08:00:00Z to 2024-09-27T08:00:00Z, rise of total"),
    ({"theta": "0.35"}, "G8: ssvi-calendar of BTC at 2024-07-19T08:00:00Z to 2024-09-27T08:00:00Z"),
    ({"svi": {"a": "3", "b": "0", "rho": "0", "m": "0", "sigma": "0.1"}},
     "G8: annualised of BTC .* is '6.0.*in .0.05, 5."),
    ({"svi": {"a": "0.00005", "b": "0", "rho": "0", "m": "0", "sigma": "0.1"}}, "G8: annualised of BTC .* is '0.02")])
def test_a_broken_surface_is_refused_by_name(change: dict[str, Any], said: str) -> None:
    made = sliced()
    entry = made["expiries"][0]
    del entry["svi"]
    entry.update(change)
    with pytest.raises(BrokenDuty, match=said):
        prepare(world(made))
    accepted = prepare(world(made), accepted={"G8": "a test"}).judgement.accepted
    assert [one.gate for one in accepted] == ["G8"]


@pytest.mark.parametrize(("change", "said"), [
    (lambda b: b.pop("ssvi"), "expiries.1..theta is '0.11': must be absent: the book has no ssvi for the underlying"),
    (lambda b: b["ssvi"].append(b["ssvi"][0]), "ssvi.1..underlying is 'BTC': must be given once"),
    (lambda b: b["ssvi"][0].update(underlying="XRP"), "ssvi.0..underlying"),
    (lambda b: b["ssvi"][0].update(gamma="1"), "ssvi.0..gamma is '1'"),
    (lambda b: b["ssvi"][0].pop("eta"), "ssvi.0..eta"),
    (lambda b: b["expiries"][1].update(theta="0"), "expiries.1..theta is '0'"),
    (lambda b: b["expiries"][1].update(svi=SVI), "expiries.1. is 'svi, theta': must be of volatilities, svi"),
    (lambda b: b["expiries"][0]["svi"].pop("m"), "expiries.0..svi.m"),
    (lambda b: b["expiries"][0]["svi"].update(a=0.01), "expiries.0..svi.a .* a decimal in quotes"),
    (lambda b: b["expiries"][0].update(svi={**SVI, "a": "90"}),
     "volatility of BTC-JUL-50000-C by the slice is 3[0-9.]*:")])
def test_a_book_of_slices_that_cannot_be_read(change: Any, said: str) -> None:
    made = json.loads(json.dumps(sliced()))
    change(made)
    with pytest.raises(BadInput, match=said):
        parse_book(json.dumps(made).encode(), source="book.json")


@pytest.mark.parametrize(("table", "said"), [
    ('dynamics = "sticky"', "surface.dynamics is 'sticky'"), ("tilt = 0.21", "surface.tilt is 0.21"),
    ("tilt_width = 0.0", "surface.tilt_width"), ("short_power = -0.1", "surface.short_power"),
    ("days = 0", "surface.days"), ("skew = 1", "surface.skew")])
def test_a_table_out_of_bounds_is_refused(table: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        parse_model((MODEL + f"[surface]\n{table}\n").encode())


def test_a_handwritten_set_says_itself_what_tenor_and_skew_do() -> None:
    text = 'schema = "tailproof.model/2"\nname = "scan"\nestimator = "handwritten"\nassets = ["BTC", "ETH"]\n' \
        'horizon = 0\nset = "derive-pm2-2026-11"\n[epoch]\nscenarios = 256\ntail = "1"\ndepth = 2\nlanes = 5\n' \
        'width = 50\n[surface]\n'
    assert parse_model((text + 'dynamics = "sticky-strike"\n').encode()).dynamics.sticky == "sticky-strike"
    for key in ("tilt = 0.1", "short_power = 0.3", "least_volatility = 0.4"):
        with pytest.raises(BadInput, match=f"surface.{key.split()[0]} .* absent: of a handwritten set"):
            parse_model((text + key + "\n").encode())


# -- delta with the smile ------------------------------------------------------------------------------------------
def market_of(surface: str = "", document: dict[str, Any] | None = None) -> Market:
    return Market(build(world(sliced() if document is None else document, model=MODEL + surface)))


@pytest.mark.parametrize("surface", ["", "[surface]\ntilt = 0.1\n"])
def test_delta_with_the_smile_is_the_slope_of_an_option_on_the_moved_slice(surface: str) -> None:
    """By Black's formula at spots a little off, with the volatility of the slice there: another way than either."""
    market = market_of(surface)
    lots = lot_greeks(market)
    found = smile_deltas(market, lots)
    assert found is not None
    seen = 0
    for i, listing in enumerate(market.book.listings):
        one = listing.instrument
        assert found.floats[i] == one.kind.optional
        if not one.kind.optional:
            assert found.closed[i] == lots.closed[i, 0]
            continue
        curve, seen = market.book.curves[one.underlying, one.expiry], seen + 1
        spot = float(lots.spots[i])

        def worth(after: float, curve: Any = curve, spot: float = spot, one: Any = one) -> float:
            strike, forward = one.strike / 1e6, curve.forward / 1e6 * after / spot
            w = float(curve.slice.total_variance(math.log(strike / forward)))
            return black(forward, strike, math.sqrt(w), 1 if one.kind == Kind.CALL else -1) * float(one.lot)

        h = 1e-4 * spot
        slope = (8 * (worth(spot + h) - worth(spot - h)) - (worth(spot + 2 * h) - worth(spot - 2 * h))) / (12 * h)
        assert found.closed[i] == pytest.approx(slope, rel=1e-7, abs=1e-9), one.symbol
        assert found.bumped[i] == pytest.approx(slope, rel=1e-5, abs=1e-6), one.symbol
        assert abs(found.closed[i] - lots.closed[i, 0]) > 1e-4 * float(one.lot)      # a skew: it is another number
    assert seen == 12


def test_volatilities_that_stay_have_one_delta_and_portfolios_are_told_of_two() -> None:
    for market in (market_of('[surface]\ndynamics = "sticky-strike"\n'), market_of(document=by_strike())):
        assert smile_deltas(market, lot_greeks(market)) is None
        assert exposures(market, [("mine", [(1, 5)])]).smile == {}
    market = market_of()
    row = market.epoch.row_of("BTC-JUL-60000-C")
    spot = market.epoch.row_of("BTC-SPOT")
    assert row is not None
    assert spot is not None
    found = exposures(market, [("mine", [(row, 10), (spot, 100)]), ("other", [(row, -4)])])
    alone, moving = lot_greeks(market), smile_deltas(market, lot_greeks(market))
    assert moving is not None
    option, coin = float(moving.closed[market.listing(row)]), float(alone.closed[market.listing(spot), 0])
    expected = 600 * (6 * option + 100 * coin)
    assert found.smile["BTC"][0] == pytest.approx(expected)
    assert found.smile["BTC"][1] == pytest.approx(expected, rel=1e-5)
    assert [one.smile is None for one in found.held] == [False, True, False]
