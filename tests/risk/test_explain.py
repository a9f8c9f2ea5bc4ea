"""The scenarios of a tail, and the days that they are made of or resemble."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.contributions import breakdown
from risk.margins.explain import DRAWN, NEAREST, drawn_days, explain, nearest_days
from risk.margins.past import look_back
from risk.margins.portfolio import Portfolio
from risk.margins.shocks import sources_of
from risk.market.history import History
from risk.models.calibration import residuals
from risk.scenarios.scenarios import Scenarios


@pytest.fixture(scope="module")
def spread(us: Epoch, fixtures: Path) -> list[tuple[int, int]]:
    return Portfolio.read(fixtures / "us_markets" / "portfolios" / "index_spread.json").rows(us)


def test_the_worst_come_first_and_all_together_are_expected_shortfall(us: Epoch, spread: list[tuple[int, int]]) -> None:
    found = breakdown(us, spread)
    tail = explain(us, found, most=1000)
    assert [one.loss for one in tail] == sorted((one.loss for one in tail), reverse=True)
    assert sum(one.mass for one in tail) == found.shortfall.tail.numerator
    assert sum((one.part for one in tail if one.part is not None), Fraction(0)) == 1
    for one in tail:
        assert sum(loss for _, loss in one.positions) == one.loss
    assert explain(us, found, most=2) == tail[:2]


def test_drawn_days_are_the_days_that_were_drawn(us: Epoch, spread: list[tuple[int, int]]) -> None:
    """One step: the scenario's return is today's deviation times the residual of the day that is named."""
    model, book, history = sources_of(us)
    assert history is not None
    assert us.provenance is not None
    days = drawn_days(us, model, book, history)
    assert len(days) == 256
    places = np.array([day for drawn in days if drawn is not None for day in drawn])
    assert len(places) == 256
    today = model.correlation.to_today(residuals(model, history), history.steps)
    first = us.provenance.calibration.volatilities[0]
    expected = first.mean + np.sqrt(us.provenance.calibration.variances[0]) * today[places, 0]
    assert np.abs(expected * 1e9 - us.provenance.scenarios.returns[:, 0]).max() < 2
    worst = explain(us, breakdown(us, spread), most=1)[0]
    assert worst.days is not None
    assert worst.days.how == DRAWN
    assert worst.days.labels == (history.labels[int(places[worst.scenario]) + 1],)


def test_a_draw_from_elsewhere_is_not_called_drawn(us: Epoch, spread: list[tuple[int, int]]) -> None:
    """Another seed (here: another predecessor) draws other days; then the nearest are named, and called so."""
    found = breakdown(us, spread)
    chained = replace(us, header=replace(us.header, previous=7))
    one = explain(chained, found, most=1)[0]
    assert one.days is not None
    assert one.days.how == NEAREST
    made = us.provenance
    assert made is not None
    shifted = replace(made.scenarios, returns=made.scenarios.returns + 1)
    other = replace(us, provenance=replace(made, drawn=replace(made.drawn, scenarios=shifted)))
    again = explain(other, found, most=1)[0]
    assert again.days is not None
    assert again.days.how == NEAREST


def test_the_nearest_days_are_nearest(us: Epoch) -> None:
    """A scenario that repeats a span of the history is told to be that span, gaps counted."""
    model, _, history = sources_of(us)
    assert history is not None
    two = replace(model, horizon=2)
    logs = np.log(history.prices)
    start = 1234
    end = next(k for k in range(start, start + 3) if history.steps[start:k].sum() == 2)
    returns = np.rint((logs[end] - logs[start]) * 1e9).astype(np.int64)
    scenarios = Scenarios(np.stack([returns, returns + 10**7]), np.ones((2, 3), np.int64), np.ones(3, np.int64))
    found = nearest_days(two, history, scenarios, [0])[0]
    assert found is not None
    assert found.labels == (history.labels[start], history.labels[end])
    assert found.returns == tuple(returns.tolist())


def test_monte_carlo_names_days_of_a_history_that_is_given(crypto: Epoch, fixtures: Path) -> None:
    found = breakdown(crypto, Portfolio.read(fixtures / "btc_eth" / "portfolios" / "covered_call.json").rows(crypto))
    assert all(one.days is None for one in explain(crypto, found, most=3))
    prices = np.array([[100.0, 10.0], [101.0, 10.1], [50.0, 5.0], [49.0, 5.0], [98.0, 10.0]])
    history = History(("BTC", "ETH"), tuple(86400 * k for k in range(5)), prices, np.ones(4, np.int64),
                      tuple(f"day {k}" for k in range(5)))
    for one in explain(crypto, found, most=3, history=history):
        assert one.days is not None
        assert one.days.how == NEAREST
        assert one.days.labels in (("day 0", "day 2"), ("day 1", "day 3")), "it loses when prices fall"


def test_a_grid_tells_its_standard_scenarios(trial_sources: Sources, fixtures: Path) -> None:
    grid = build_grid(trial_sources, GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3), regime=1)
    held = Portfolio.read(fixtures / "btc_eth" / "portfolios" / "covered_call.json")
    tail = explain(grid, breakdown(grid, held.rows(grid)), most=9)
    assert len(tail) == 3
    assert sum((one.part for one in tail if one.part is not None), Fraction(0)) == 1
    assert all(returns < 0 for returns in tail[0].returns[:1]), "long BTC loses when it falls"


def test_a_look_back_counts_what_lies_outside(us: Epoch) -> None:
    model, _, history = sources_of(us)
    assert history is not None
    found = look_back(us, model, history)
    for i, one in enumerate(found.assets):
        z = residuals(model, history)[:, i]
        low, high = (float(model.volatilities[i].law.from_tails(np.array([p]), np.array([1 - p]))[0])
                     for p in (0.025, 0.975))
        assert (one.below, one.above) == (int((z < low).sum()), int((z > high).sum()))
        assert one.due == pytest.approx(0.025 * len(z))
        assert 0.5 * one.due < one.below < 1.6 * one.due
    assert set(found.pairs) == {("SP500", "NASDAQ"), ("SP500", "WTI"), ("NASDAQ", "WTI")}
    assert all(len(path) == len(found.labels) + 1 for path in found.pairs.values())
    assert found.regimes == (0.3, 0.6, 0.85, 0.999)
    assert found.regimes_now == (0, 1)
