"""The discount curve of a book, forwards held against it, and scenarios that shock rates."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from worlds import STATED, future, world
from worlds import book as small_book

from primitives.errors import BadInput
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, parse_sources
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.clock import YEAR, parse_time
from risk.market.book import parse_book
from risk.market.discount import DiscountCurve
from risk.models.rate_shocks import RATE_SHOCKS, rate_shift
from risk.scenarios.scenarios import KINDS, Shocks
from risk.valuation.revaluation import prices_today, value_changes

JUL, SEP, DEC = "2024-07-19T08:00:00Z", "2024-09-27T08:00:00Z", "2024-12-27T08:00:00Z"
NODES = [{"until": "2024-07-01T00:00:00Z", "rate": "0.05"}, {"until": "2024-09-01T00:00:00Z", "rate": "0.04"},
         {"until": DEC, "rate": "0.02"}]
STRESS = '[stress]\nsets = ["rates"]\nweight = 0.25\n'
Change = Callable[[dict[str, Any]], Any]


def made(change: Change = lambda b: None, *, curve: Any = NODES) -> dict[str, Any]:
    book: dict[str, Any] = json.loads(json.dumps(small_book()))
    book["instruments"].append(future("BTC-SEP", SEP))
    if curve is not None:
        del book["rate"]
        book["discount"] = json.loads(json.dumps(curve))
    change(book)
    return book


def sources(change: Change = lambda b: None, *, curve: Any = NODES, more: str = "") -> Sources:
    model = 'purpose = "trial"\nseed = 5\n' + STATED.format(horizon=2, variance=0.0016) + more
    return world(made(change, curve=curve), model=model)


def test_between_nodes_forward_rates_are_constant() -> None:
    """By hand: L(t) = z t at nodes, straight between, z_1 t before the first."""
    curve = DiscountCurve(0, ((YEAR // 2, 0.04), (YEAR, 0.03), (3 * YEAR, 0.05)))
    at = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 2.0, 3.0])
    assert curve.log_discount(at).tolist() == pytest.approx(
        [0.0, -0.01, -0.02, -0.025, -0.03, -0.09, -0.15], abs=1e-15)
    assert curve.log_discount(0.75).shape == ()
    assert (np.diff(curve.log_discount(np.linspace(0.5, 1, 9)), 2) == pytest.approx(0, abs=1e-15))


def test_a_curve_that_is_flat_prices_as_the_rate_does() -> None:
    flat = [{"until": JUL, "rate": "0.03"}, {"until": DEC, "rate": "0.03"}]
    by_curve = build(sources(curve=flat))
    by_rate = build(sources(lambda b: b.update(rate="0.03"), curve=None))
    assert np.abs(by_curve.changes - by_rate.changes).max() <= 1
    assert by_rate.changes.any()


def black(forward: Any, strike: float, deviation: Any, call: bool) -> Any:
    upper = np.log(forward / strike) / deviation + deviation / 2
    sign = 1 if call else -1
    return sign * (forward * ndtr(sign * upper) - strike * ndtr(sign * (upper - deviation)))


def test_options_are_discounted_at_their_own_tenor_today_and_after() -> None:
    """Against NumPy's interp on the nodes."""
    epoch = build(sources())
    assert epoch.provenance is not None
    _, book, _ = parse_sources(epoch.provenance.sources)
    tenors = [0.0, *((parse_time(node["until"], field="x") - book.valuation) / YEAR for node in NODES)]
    lines = [0.0, *(t * float(node["rate"]) for t, node in zip(tenors[1:], NODES, strict=True))]
    drawn, law = epoch.provenance.scenarios, epoch.provenance.calibration.volatilities[0]
    after = 60000 * np.exp(drawn.returns[:, 0] / 1e9)
    found = 0
    prices = {one.instrument.id: price for one, price in zip(book.listings, prices_today(book), strict=True)}
    for listing in book.listings:
        one = listing.instrument
        if not one.kind.optional:
            continue
        assert one.expiry is not None and one.strike is not None  # noqa: PT018
        years = (one.expiry - book.valuation) / YEAR
        left, steps = years - 2 / 365, math.ceil((years - 2 / 365) * 365)
        ratio = np.sqrt(law.average_variance(drawn.variances[:, 0] / 1e12, steps)
                        / law.average_variance(np.array([drawn.today[0] / 1e12]), steps))
        values = [np.exp(-np.interp(t, tenors, lines)) * black(f, one.strike / 1e6, 0.6 * v * math.sqrt(t),
                                                               one.kind == "call")
                  for f, v, t in ((60000.0, 1.0, years), (after, ratio, left))]
        assert float(prices[one.id]) == pytest.approx(values[0] * 1e6, rel=1e-12)
        row = epoch.row_of(one.symbol) or 0
        assert np.abs(epoch.changes[row] - 0.1 * (values[1] - values[0]) * 1e6).max() < 0.51
        found += 1
    assert found == 12


@pytest.mark.parametrize(("change", "message"), [
    (lambda b: b.update(rate="0.01"), "rate is '0.01': must be absent: the curve, discount, is in its place"),
    (lambda b: b.update(discount=[]), "length of discount is 0"),
    (lambda b: b["discount"][1].update(until="2024-06-30T00:00:00Z"), r"discount\[1\].until is .* later than the node"),
    (lambda b: b["discount"][0].update(until="2024-06-19T00:00:00Z"), r"discount\[0\].until is .* than the valuation"),
    (lambda b: b["discount"][0].update(rate="1.01"), r"discount\[0\].rate is '1.01'"),
    (lambda b: b["discount"].pop(), r"expiries\[1\].expiry is .*: must be at most the last node of the discount curve"),
    (lambda b: b.pop("discount"), "rate is missing"),
    (lambda b: b["underlyings"][0].update({"yield": "2"}), r"underlyings\[0\].yield is '2'")])
def test_wrong_curves_are_refused(change: Change, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        parse_book(json.dumps(made(change)).encode())


def test_a_rate_of_a_node_is_held_to_the_bound_of_rates() -> None:
    with pytest.raises(BadInput, match=r"G2: rate until 2024-07-01T00:00:00Z is '0.9 a year'"):
        build(sources(lambda b: b["discount"][0].update(rate="0.9")))


def test_forwards_are_held_against_the_curve_where_the_yield_is_said() -> None:
    """The quarter is 100.33 days; at the 1st of September 4 %, at the 27th of December 2 %."""
    def said(forward: str) -> Change:
        def change(book: dict[str, Any]) -> None:
            book["underlyings"][0]["yield"] = "0.01"
            book["expiries"][1]["forward"] = forward
        return change
    tenors = (74.0, 191 + 1 / 3)
    line = np.interp(100 + 1 / 3, tenors, [74 * 0.04, tenors[1] * 0.02]) / 365
    fair = 60000 * math.exp(line - 0.01 * (100 + 1 / 3) / 365)
    for off in (-0.0099, 0.0, 0.0099):
        build(sources(said(f"{fair * (1 + off):.2f}")))
    for off in (-0.0101, 0.0101):
        with pytest.raises(BadInput, match=r"G2: forward of BTC at 2024-09-27T08:00:00Z is .*: must be within 0.01 of "
                                           rf"{fair:.6g}, the spot at the book's rates less a yield of 0.01"):
            build(sources(said(f"{fair * (1 + off):.2f}")))
    build(sources(said(f"{fair * 1.02:.2f}")), accepted={"G2": "squeezed"})
    build(sources(lambda b: b["expiries"][1].update(forward=f"{fair * 1.02:.2f}")))      # nobody said a yield


def test_shocks_are_those_of_the_standard() -> None:
    """BCBS 368, Annex 2, for the dollar, at 0, 4 ln 2 and 40 years; and parallel ones of 100."""
    assert [rate_shift(k, 1.0) for k in range(4)] == [0.01, -0.01, 0.02, -0.02]
    steep, flat = RATE_SHOCKS.index("steepener"), RATE_SHOCKS.index("flattener")
    assert rate_shift(steep, 0.0) == pytest.approx(-0.65 * 0.03)
    assert rate_shift(flat, 0.0) == pytest.approx(0.8 * 0.03)
    half = 4 * math.log(2)
    assert rate_shift(steep, half) == pytest.approx((-0.65 * 0.03 + 0.9 * 0.015) / 2)
    assert rate_shift(flat, half) == pytest.approx((0.8 * 0.03 - 0.6 * 0.015) / 2)
    assert rate_shift(steep, 40.0) == pytest.approx(0.9 * 0.015, abs=2e-6)
    assert rate_shift(flat, 40.0) == pytest.approx(-0.6 * 0.015, abs=2e-6)


@pytest.fixture(scope="module")
def shocked() -> Epoch:
    return build(sources(more=STRESS))


def test_a_quarter_of_the_scenarios_shocks_rates(shocked: Epoch) -> None:
    """Options and futures move with the rate of their tenor, spots and perpetuals do not."""
    assert shocked.provenance is not None
    drawn = shocked.provenance.scenarios
    rated = np.array([kind == "rates" for kind in drawn.kinds])
    assert rated.sum() == 64
    assert drawn.shocks is not None
    assert drawn.shocks.column("origin")[rated].tolist() == [k % 6 for k in range(64)]
    calm = replace(drawn, shocks=Shocks.of("model", 256, 2))
    model, book, _ = parse_sources(shocked.provenance.sources)
    plain = value_changes(book, model, shocked.provenance.calibration, calm)
    now = [float(price * 1) * float(one.instrument.lot) for price, one in zip(prices_today(book), book.listings,
                                                                             strict=True)]
    shifts = {years: np.array([rate_shift(int(k), years) if is_rated else 0.0 for k, is_rated in zip(
        drawn.shocks.column("origin"), rated, strict=True)]) for years in {
            max(0.0, (one.instrument.expiry - book.valuation) / YEAR - 2 / 365) for one in book.listings
            if one.instrument.expiry is not None}}
    seen = set()
    for i, listing in enumerate(book.listings):
        one, moved = listing.instrument, shocked.changes[i + 1] - plain[i]
        if one.expiry is None:
            assert not moved.any(), one.symbol
            continue
        left = (one.expiry - book.valuation) / YEAR - 2 / 365
        shift = shifts[left]
        assert not moved[~rated].any()
        if one.kind == "future":
            assert np.abs(moved - (plain[i] + now[i]) * np.expm1(shift * left)).max() < 1.5
        seen.add((one.kind, bool(np.abs(moved[rated]).max() > 1000)))
    assert seen == {("future", True), ("call", True), ("put", True)}
    # Parity says the rest: call less put is the discounted forward less the strike, whatever the shock.
    call, put, quarter = (shocked.row_of(name) or 0 for name in ("BTC-SEP-60000-C", "BTC-SEP-60000-P", "BTC-SEP"))
    left = (parse_time(SEP, field="x") - book.valuation) / YEAR - 2 / 365
    assert book.discounts is not None
    after = np.exp(float(book.discounts.log_discount(left)) - shifts[left] * left)
    forward = (60000e6 + shocked.changes[quarter] * 100) / 1e6
    today = prices_today(book)
    at = {one.instrument.symbol: float(price) for one, price in zip(book.listings, today, strict=True)}
    values = (shocked.changes[call] - shocked.changes[put]) * 10 / 1e6 + (
        at["BTC-SEP-60000-C"] - at["BTC-SEP-60000-P"]) / 1e6
    assert np.abs(values - after * (forward - 60000)).max() < 1e-3


def test_an_epoch_with_shocks_of_rates_rebuilds_and_says_what_they_are(shocked: Epoch, tmp_path: Any) -> None:
    epoch_directory.save(shocked, tmp_path / "epoch")
    assert check(tmp_path / "epoch").passed
    assert epoch_directory.load(tmp_path / "epoch").root == shocked.root


def test_an_origin_that_is_no_shock_is_refused() -> None:
    shocks = Shocks.of("rates", 4, 2, origin=np.array([0, 5, 0, 0]))
    assert shocks.violation() is None
    for wrong in (-1, 6):
        bad = Shocks.of("rates", 4, 2, origin=np.array([0, wrong, 0, 0]))
        assert bad.violation() == "origins of rates in [0, 5]"
    assert KINDS[-1] == "rates"                       # what epochs hold is the place: old ones keep theirs
    assert KINDS[:6] == ("model", "dependence-0", "dependence-1", "historical", "black-swan", "handwritten")
