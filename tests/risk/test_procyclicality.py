"""Tools against procyclical margins: each by an own slow loop or a closed series, and what an epoch says of them."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, parse_sources
from risk.epochs.chain import breaks
from risk.epochs.provenance import Sources
from risk.margins import plot_procyclicality
from risk.margins.procyclicality import Comparison, Metrics, study, usual_books
from risk.market.history import History, parse_history
from risk.models.calibration import Calibration, calibrate, log_returns
from risk.models.model import Model, Procyclicality, parse_model
from risk.models.procyclicality import REFILL, WINDOW, Mitigation, State, replay

MODEL = """\
schema = "tailproof.model/2"
name = "calm-and-storm"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 2

[epoch]
scenarios = 200
tail = "5"
depth = 3

[volatility.BTC]
family = "ewma"
lambda = 0.94
innovations = "normal"

[gates]
accepted = {G1 = "the book is of another market"}

[procyclicality]
floor = 0.8
speed_limit = 0.25
"""


def prices(sigma: np.ndarray, seed: int = 3) -> bytes:
    """Closes of two assets whose daily volatility is `sigma`."""
    rng = np.random.default_rng(seed)
    moves = sigma[:, None] * rng.standard_normal((len(sigma), 2)) @ np.array([[1.0, 1.0], [0.0, 0.7]])
    closes = np.exp(np.concatenate([np.zeros((1, 2)), np.cumsum(moves, 0)]))
    closes = np.round(closes / closes[-1] * [29001.72, 737.8], 6)
    days = np.datetime64("2020-12-30") - len(sigma) + np.arange(len(closes))
    return ("date,BTC,ETH\n" + "".join(f"{day},{btc:.6f},{eth:.6f}\n" for day, (btc, eth) in
                                       zip(days, closes, strict=True))).encode()


CALM_AND_STORM = prices(np.concatenate([np.full(400, 0.03), np.full(300, 0.012), np.full(60, 0.08),
                                        np.full(200, 0.02)]))


@pytest.fixture(scope="module")
def history() -> History:
    return parse_history(CALM_AND_STORM)


def model(**tools: float) -> Model:
    return replace(parse_model(MODEL.encode()), procyclicality=Procyclicality(**tools))


def deviations(chosen: Model, history: History) -> tuple[np.ndarray, np.ndarray]:
    found = replay(chosen, history, log_returns(history))
    return np.sqrt(found.model), np.sqrt(found.used)


def test_without_tools_nothing_happens(history: History) -> None:
    raw, used = deviations(model(), history)
    assert used == pytest.approx(raw, rel=1e-15)
    plain = calibrate(model(), history)
    assert plain.mitigation is None
    assert "procyclicality" not in plain.to_json()


def test_floor_is_a_share_of_all_that_was_seen(history: History) -> None:
    raw, used = deviations(model(floor=0.8), history)
    squares = log_returns(history) ** 2
    for t in range(WINDOW, len(raw)):
        assert used[t] == pytest.approx(np.maximum(raw[t], 0.8 * np.sqrt(squares[:t].mean(0))), rel=1e-12)
    assert used[:WINDOW] == pytest.approx(raw[:WINDOW], rel=1e-15)        # at first it only looks
    assert (used > raw * 1.2).any()


def test_stressed_weight_mixes_in_the_worst_window(history: History) -> None:
    raw, used = deviations(model(stressed_weight=0.25), history)
    squares = log_returns(history) ** 2
    for t in (WINDOW, 500, 720, 800, len(raw) - 1):
        worst = np.sqrt(max(squares[i:i + WINDOW, 0].mean() for i in range(t - WINDOW + 1)))
        assert used[t, 0] == pytest.approx(0.75 * raw[t, 0] + 0.25 * max(raw[t, 0], worst), rel=1e-12)
    assert (used >= raw).all()


def test_buffer_is_full_in_calm_used_in_storm_and_refills_slowly(history: History) -> None:
    chosen = model(buffer=0.25)
    found = replay(chosen, history, log_returns(history))
    raw, scales = np.sqrt(found.model[:, 0]), found.scales[:, 0]
    scale = None
    for t in range(len(raw)):
        wanted = 1.0
        if t >= WINDOW:
            wanted = min(max(1.25 * np.median(raw[t - WINDOW:t]) / raw[t], 1.0), 1.25)
            wanted = wanted if scale is None else min(wanted, scale + REFILL)
        scale = wanted
        assert scales[t] == pytest.approx(wanted, rel=1e-12)
    assert np.sqrt(found.used[:, 0]) == pytest.approx(raw * scales, rel=1e-12)
    assert scales[690] == 1.25                                            # calm
    assert scales[715] == 1.0                                             # storm
    assert np.diff(scales[WINDOW:]).max() == pytest.approx(REFILL)


def test_speed_limit_holds_the_rise_of_a_day(history: History) -> None:
    raw, used = deviations(model(speed_limit=0.1), history)
    found = replay(model(speed_limit=0.1), history, log_returns(history))
    free = found.red.any(1)[1:]
    rises = used[1:] / used[:-1]
    assert rises[~free][WINDOW:].max() == pytest.approx(1.1, rel=1e-12)
    assert (raw[1:] / raw[:-1])[WINDOW:].max() > 1.3
    assert (used[-1] == pytest.approx(raw[-1], rel=1e-12))                # it catches up


def test_red_backtests_lift_the_limit() -> None:
    """A limit of a thousandth a day would hold margins down for months: after ten exceptions it is lifted."""
    history = parse_history(prices(np.concatenate([np.full(400, 0.01), np.full(80, 0.1)])))
    found = replay(model(speed_limit=0.001), history, log_returns(history))
    red = found.red[:, 0]
    assert red.any()
    first = int(np.argmax(red))
    assert 400 < first < 440
    used, raw = np.sqrt(found.used[:, 0]), np.sqrt(found.model[:, 0])
    assert used[first - 1] < 0.5 * raw[first - 1]
    assert used[first] == pytest.approx(raw[first], rel=1e-12)


def test_after_a_gap_the_limit_is_that_of_its_days() -> None:
    sigma = np.concatenate([np.full(300, 0.01), np.full(5, 0.2)])
    lines = prices(sigma).decode().splitlines()
    del lines[-4:-2]                                                       # two rows: a gap of three days
    history = parse_history("\n".join(lines).encode())
    used = np.sqrt(replay(model(speed_limit=0.1), history, log_returns(history)).used[:, 0])
    assert history.steps[-2] == 3
    assert used[-2] / used[-3] == pytest.approx(1.1, rel=1e-9)             # the day before the gap's end is forecast …
    assert used[-3] / used[-4] <= 1.1**3 + 1e-9


def test_an_epoch_goes_on_from_the_state_before(history: History) -> None:
    chosen = model(buffer=0.25, speed_limit=0.25)
    now = history.closed + 2 * 86400
    first = calibrate(chosen, history, at=now)
    assert first.mitigation is not None
    assert first.mitigation.before is None
    assert first.variances == first.mitigation.after.variances
    assert first.mitigation.after.time == now
    low = State(now - 86400, (1e-6, 4e-6), (1.0, 1.1))
    second = calibrate(chosen, history, at=now, previous=low)
    assert second.mitigation is not None
    assert second.mitigation.before == low
    assert second.variances == pytest.approx((1e-6 * 1.25**2, 4e-6 * 1.25**2), rel=1e-12)
    assert second.mitigation.after.scales[0] <= 1.0 + REFILL
    later = calibrate(chosen, history, at=now, previous=replace(low, time=now - 3 * 86400))
    assert later.variances == pytest.approx((1e-6 * 1.25**6, 4e-6 * 1.25**6), rel=1e-12)
    at_once = calibrate(chosen, history, at=now, previous=replace(low, time=now))
    assert at_once.variances == pytest.approx((1e-6, 4e-6), rel=1e-12)     # no time, no rise
    assert second.mitigation.continues(Mitigation((0.0,), (False,), None, low))
    assert not second.mitigation.continues(first.mitigation)
    assert first.mitigation.continues(None)


@pytest.mark.parametrize(("state", "message"), [
    (State(0, (1e-4,), (1.0,)), "assets of the previous state are 1: must be 2"),
    (State(4 * 10**9, (1e-4, 1e-4), (1.0, 1.0)), "time of the previous state .* no later than the valuation"),
])
def test_a_state_that_is_not_before_is_refused(history: History, state: State, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        calibrate(model(buffer=0.25), history, at=history.closed, previous=state)


@pytest.fixture(scope="module")
def sources() -> Sources:
    book = (Path(__file__).parent.parent.parent / "fixtures" / "btc_eth" / "book.json").read_bytes()
    return Sources(MODEL.encode(), book, CALM_AND_STORM, {})


def test_an_auditor_follows_from_the_manifest_alone(sources: Sources, tmp_path: Path) -> None:
    plain = build(replace(sources, model=MODEL[:MODEL.index("[procyclicality]")].encode()))
    first = build(sources)
    assert first.provenance is not None
    before = first.provenance.calibration.mitigation
    assert before is not None
    state = replace(before.after, time=before.after.time - 86400, variances=(2e-5, 3e-5))
    second = build(sources, previous_state=state)
    assert len({plain.root, first.root, second.root}) == 3
    epoch_directory.save(second, tmp_path / "epoch")
    assert check(tmp_path / "epoch").passed
    manifest = tmp_path / "epoch" / "manifest.json"
    text = manifest.read_text()
    assert "2e-05" in text
    invented = replace(second, header=replace(second.header, previous=first.root))           # no epoch left this state
    assert [d.field for d in breaks(invented, first, first.root) if d.clause == "E9"] == [
        "valuation", "state that procyclicality went on from"]
    manifest.write_text(text.replace("2e-05", "1e-05", 1))                 # another state before: another epoch
    assert not check(tmp_path / "epoch").passed


def test_a_calibration_is_read_as_it_was_written(history: History) -> None:
    made = calibrate(model(floor=0.8, buffer=0.25), history, at=history.closed + 86400,
                     previous=State(history.closed, (1e-4, 1e-4), (1.0, 1.25)))
    assert Calibration.from_json(Node(made.to_json())) == made


def test_a_model_without_history_has_no_past(crypto_sources: Sources) -> None:
    with pytest.raises(BadInput, match=r"procyclicality is .* must be absent: the model reads no prices"):
        parse_sources(replace(crypto_sources, model=crypto_sources.model + b"\n[procyclicality]\nfloor = 0.8\n"))


def test_scenarios_are_wider_by_what_the_floor_adds(sources: Sources, edited: Callable) -> None:
    """The floor acts on what scenarios are drawn with, not beside it."""
    fixed = edited(sources.model, "horizon", 'purpose = "trial"\nseed = 7\nhorizon')          # the same draws
    low, high = (build(replace(sources, model=edited(fixed, "floor = 0.8", f"floor = {floor}")))
                 for floor in (1.0, 2.0))
    assert low.provenance is not None
    assert high.provenance is not None
    factor = math.sqrt(high.provenance.calibration.variances[0] / low.provenance.calibration.variances[0])
    assert factor == pytest.approx(2.0)
    spread = [np.abs(epoch.provenance.scenarios.returns[:, 0]).mean() for epoch in (low, high) if epoch.provenance]
    assert spread[1] / spread[0] == pytest.approx(2.0, rel=0.05)


# -- what tools do to margins -----------------------------------------------------------------------------------------
def test_metrics_of_a_known_path() -> None:
    found = Metrics.of(np.array([2.0, 1.0, 3.0, 3.0, 2.0, 4.0, 8.0]))
    assert found.peak_to_trough == 8.0
    assert found.rises == {1: 2.0, 5: 7.0, 30: 7.0}
    assert found.mean == pytest.approx(23 / 7)
    pair = Comparison("x", np.array([1.0, 2.0]), np.array([1.5, 1.8]))
    assert pair.cost == pytest.approx(0.2)
    assert pair.below == pytest.approx(-0.1)


def test_margins_are_expected_shortfall_at_the_days_volatility(history: History) -> None:
    """Of one asset, a day's margin is that of every residual at that day's deviation, worked out apart."""
    chosen = model(floor=0.8)
    found = study(chosen, history, {"short": {"BTC": -3.0}})
    z = chosen.volatilities[0].residuals(log_returns(history)[:, 0], history.steps)
    raw, used = (x[WINDOW:-1, 0] for x in deviations(chosen, history))
    for t in (0, 450, 600):
        for path, deviation in ((found.books[0].before, raw[t]), (found.books[0].after, used[t])):
            losses = np.sort(np.exp(np.sqrt(2.0) * deviation * z) - 1.0)[::-1]
            size = len(z) / 40
            full = int(size)
            assert path[t] == pytest.approx((losses[:full].sum() + (size - full) * losses[full]) / size, rel=1e-12)


def wandering(seed: int, days: int = 1200) -> bytes:
    """Prices of which the logarithm of volatility is autoregressive around 3.5 % a day."""
    rng, level, sigma = np.random.default_rng(seed), 0.0, np.empty(days)
    for t in range(days):
        level = 0.985 * level + 0.09 * rng.standard_normal()
        sigma[t] = 0.035 * math.exp(level)
    return prices(sigma, seed)


def test_the_tools_halve_peak_to_trough_at_a_fifth_of_the_margin() -> None:
    """On what BTC and ETH did, `docs/risk.md` has the numbers; here on three made-up markets."""
    ratios, costs = [], []
    for seed in (0, 3, 6):
        found = study(model(floor=0.8, speed_limit=0.25), parse_history(wandering(seed)), usual_books(("BTC", "ETH")))
        assert [book.name for book in found.books] == ["long BTC", "short BTC", "long ETH", "short ETH", "long all"]
        for book in found.books:
            before, after = Metrics.of(book.before), Metrics.of(book.after)
            ratios.append(after.peak_to_trough / before.peak_to_trough)
            costs.append(book.cost)
            assert after.rises[1] <= before.rises[1]
    assert np.mean(ratios) < 0.55
    assert max(ratios) < 0.75
    assert np.mean(costs) < 0.2


@pytest.mark.parametrize(("books", "tools", "message"), [
    ({"x": {"SOL": 1.0}}, {"floor": 0.8}, "book x is 'SOL': must be one of BTC, ETH"),
    ({"x": {"BTC": 0.0}}, {"floor": 0.8}, "book x is .* holds something"),
    ({"x": {"BTC": 1.0}}, {}, "procyclicality is missing: must be given"),
])
def test_what_cannot_be_studied_is_named(history: History, books: dict, tools: dict, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        study(model(**tools), history, books)


def test_a_short_history_is_refused() -> None:
    with pytest.raises(BadInput, match="days to look at are 0"):
        study(model(floor=0.8), parse_history(prices(np.full(200, 0.02))), {"x": {"BTC": 1.0}})


def test_a_picture_is_drawn(history: History, tmp_path: Path) -> None:
    path = tmp_path / "margins.png"
    plot_procyclicality.margins(study(model(floor=0.8), history, {"a": {"BTC": 1.0}, "b": {"ETH": -1.0}}), path,
                                title="two books")
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
