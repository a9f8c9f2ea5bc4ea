"""Margins over protocols in parts; marginal and incremental Expected Shortfall; both by Greek: exact, and against brute
force."""

from __future__ import annotations

import itertools
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.risk.euler import failures
from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.header import Header
from risk.epochs.provenance import Sources
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import EpochShape, Tail, TailSize, WeightedTail
from risk.greeks.buckets import BUCKETS, buckets
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.contributions import breakdown, lot_changes
from risk.margins.levels import from_today
from risk.margins.marginal import attaining, effect, marginals
from risk.margins.netted import netted
from risk.margins.portfolio import Portfolio
from risk.margins.shocks import Market

SCENARIOS = 6
TAILS = [TailSize(5, 2), TailSize(1), TailSize(2), TailSize(SCENARIOS),
         WeightedTail(TailSize(7, 3), (1, 1, 2, 3, 5, 2))]
LOSSES = st.lists(st.integers(-3, 3), min_size=SCENARIOS, max_size=SCENARIOS)
Named = list[tuple[str, list[tuple[int, int]]]]


@pytest.fixture(scope="module")
def portfolios(crypto: Epoch, fixtures: Path) -> Named:
    return [(path.stem, Portfolio.read(path).rows(crypto))
            for path in sorted((fixtures / "btc_eth" / "portfolios").glob("*.json"))]


def test_every_sum_is_exact_on_random_books() -> None:
    """`make risk-bench` takes ten thousand of these: full, grid, levels, ties, masses."""
    found = failures(60, seed=5)
    assert not any(found.values()), found


def test_protocols_of_the_fixtures(crypto: Epoch, portfolios: Named) -> None:
    found = netted(crypto, portfolios)
    assert found.names == tuple(name for name, _ in portfolios)
    assert sum(part.numerator for part in found.protocols) == found.together.shortfall.numerator
    assert found.saved == sum(breakdown(crypto, own).required for _, own in portfolios) - found.together.required > 0
    hedge = found.protocols[found.names.index("cross_asset_hedge")]
    assert hedge.numerator < 0, "it gains where the short ones lose"
    assert {asset for _, asset in found.cells} == {"BTC", "ETH"}


def test_an_empty_protocol_has_a_part_of_nothing(crypto: Epoch, portfolios: Named) -> None:
    found = netted(crypto, [portfolios[0], ("empty", [])])
    assert (found.protocols[1].numerator, found.protocols[1].addons) == (0, 0)
    assert found.saved == 0
    with pytest.raises(BadInput, match="protocols"):
        netted(crypto, [portfolios[0], portfolios[0]])


# -- marginals -----------------------------------------------------------------------------------------------------
def brute(losses: list[int], direction: list[int], tail: Tail) -> Fraction:
    """The slope of K ES(L + e D) at e = 0 from above: e so small that no order but that of ties changes."""
    small = Fraction(1, 10**4)
    moved = [int(10**4 * loss + d) for loss, d in zip(losses, direction, strict=True)]
    return (Fraction(expected_shortfall(moved, tail).numerator, 10**4)
            - expected_shortfall(losses, tail).numerator) / small


@given(LOSSES, LOSSES, st.sampled_from(TAILS))
def test_the_marginal_is_the_slope_ties_or_not(losses: list[int], direction: list[int], tail: Tail) -> None:
    mass = attaining(losses, expected_shortfall(losses, tail), direction)
    assert sum(mass) == tail.numerator
    assert all(0 <= held <= weight for held, weight in zip(mass, tail.weights(SCENARIOS), strict=True))
    assert sum(held * loss for held, loss in zip(mass, losses, strict=True)) \
        == expected_shortfall(losses, tail).numerator, "it attains Expected Shortfall"
    assert sum(held * loss for held, loss in zip(mass, direction, strict=True)) == brute(losses, direction, tail)


def tied_epoch() -> Epoch:
    """Two scenarios tie at Value at Risk; of instrument 2 one of them loses, the other gains."""
    return Epoch.of(EpochShape(3, TailSize(1), 1), [1, 2], np.array([[-5, -5, 0], [-1, 1, 0]]),
                    header=Header(underlyings=("A",)), long=np.array([0, 3]), short=np.array([0, 4]))


def test_at_a_tie_both_sides_cost() -> None:
    one, two = marginals(tied_epoch(), [(1, 1)])
    assert not one.tied
    assert (one.buy.numerator, one.sell.numerator, one.lots) == (5, -5, 1)
    assert two.tied
    assert (two.buy.numerator, two.sell.numerator) == (1, 1)
    assert (two.buy.addons, two.sell.addons) == (3, 4)


def test_a_lot_that_closes_gives_its_addon_back() -> None:
    _, long = marginals(tied_epoch(), [(2, 7)])
    assert (long.buy.addons, long.sell.addons) == (3, -3)
    _, short = marginals(tied_epoch(), [(2, -7)])
    assert (short.buy.addons, short.sell.addons) == (-4, 4)


def test_marginals_are_what_a_lot_more_costs(crypto: Epoch, portfolios: Named) -> None:
    """Of a large book one lot does not move the tail; of what is held it is Euler's part of a lot."""
    book = [(row, 1000 * lots) for row, lots in portfolios[2][1]]
    found = breakdown(crypto, book)
    every = {one.row: one for one in marginals(crypto, book)}
    assert len(every) == len(crypto.ids) - 1
    for (row, lots), part in zip(book, found.positions, strict=True):
        assert every[row].buy.numerator * lots == part.numerator
        assert not every[row].tied
    for row in itertools.islice(every, 0, None, 17):
        more = effect(crypto, book, [(row, 1)])
        assert more.incremental == more.marginal == every[row].buy.numerator
        assert more.addons == every[row].buy.addons
        less = effect(crypto, book, [(row, -1)])
        assert less.incremental == every[row].sell.numerator
        assert less.addons == every[row].sell.addons


def test_a_large_trade_moves_the_tail(crypto: Epoch, portfolios: Named) -> None:
    book = portfolios[3][1]
    perpetual = crypto.row_of("BTC-PERP") or 0
    small, large = (effect(crypto, book, [(perpetual, lots)]) for lots in (1, 20_000))
    assert small.moved <= large.moved
    assert large.moved > 0
    assert large.marginal == 20_000 * small.marginal
    assert large.required == breakdown(crypto, [*book[:2], (perpetual, book[2][1] + 20_000)]).required \
        - breakdown(crypto, book).required
    undone = effect(crypto, [*book, (perpetual, 7)], [(perpetual, -7)])
    assert undone.after.required == breakdown(crypto, book).required


def test_what_a_margin_refuses_a_trade_refuses(crypto: Epoch, portfolios: Named) -> None:
    with pytest.raises(BadInput, match="lots"):
        effect(crypto, portfolios[0][1], [(1, 2**40)])
    with pytest.raises(BadInput, match="row"):
        effect(crypto, portfolios[0][1], [(10_000, 1)])


# -- Greeks ----------------------------------------------------------------------------------------------------------
def test_buckets_of_a_straddle_a_spot_and_a_future(crypto: Epoch, portfolios: Named) -> None:
    found = buckets(Market(crypto))
    assert tuple(found.changes) == BUCKETS
    assert np.array_equal(sum(found.changes.values()), crypto.changes)
    spot = crypto.row_of("ETH-SPOT") or 0
    assert np.abs(found.changes["delta"][spot] - crypto.changes[spot]).max() <= 1, "a spot is delta alone"
    straddle = dict(portfolios)["short_straddle"]
    own = breakdown(crypto, straddle)
    parts = found.parts(straddle, own.shortfall.tail_mass)
    assert sum(parts.values()) == own.shortfall.numerator
    assert abs(parts["delta"]) < parts["curvature"] / 100, "its delta is hedged"
    assert parts["volatility"] > 0 > parts["time"], "short volatility, paid by time"
    assert parts["basis"] == parts["interpolation"] == 0


@pytest.fixture(scope="module")
def stressed_sources(crypto_sources: Sources) -> Sources:
    """With scenarios that shock volatility and basis besides."""
    stress = b'[stress]\nsets = ["black-swan"]\nweight = 0.25\n\n[epoch]'
    return replace(crypto_sources, model=crypto_sources.model.replace(b"[epoch]", stress))


def test_basis_and_volatility_of_stress_have_buckets(stressed_sources: Sources) -> None:
    epoch = build(stressed_sources)
    found = buckets(Market(epoch))
    assert np.array_equal(sum(found.changes.values()), epoch.changes)
    perpetual, spot = (epoch.row_of(name) or 0 for name in ("BTC-PERP", "BTC-SPOT"))
    assert np.abs(found.changes["basis"][perpetual]).max() > 10**6
    assert not found.changes["basis"][spot].any()
    assert not found.changes["volatility"][perpetual].any()


def test_buckets_on_grids_and_levels_leave_their_rounding(trial_sources: Sources, fixtures: Path) -> None:
    grid = build_grid(trial_sources, GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3))
    found = buckets(Market(grid))
    assert found.weight_bits == grid.shape.weight_bits > 0
    assert found.changes["interpolation"].any()
    for row in (1, 17, 90):
        assert (sum(values[row] for values in found.changes.values()) == lot_changes(grid, row)).all()
    levels = build(Sources.read(fixtures / "levels" / "model.toml", fixtures / "levels" / "book.json"))
    found = buckets(Market(levels))
    assert np.abs(found.changes["interpolation"]).max() <= 1
    assert np.array_equal(sum(found.changes.values()), from_today(levels).changes)             # type: ignore[union-attr]


def test_a_handwritten_set_has_no_time(crypto_sources: Sources) -> None:
    model = b"""schema = "tailproof.model/2"
name = "scan"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
set = "derive-pm2-2026-11"
purpose = "trial"

[epoch]
scenarios = 33
tail = "1"
depth = 3
lanes = 5
width = 50
"""
    epoch: Any = build(replace(crypto_sources, model=model))
    found = buckets(Market(epoch))
    assert np.array_equal(sum(found.changes.values()), epoch.changes)
    assert not found.changes["time"].any()
    assert found.changes["volatility"].any()
    spot = epoch.row_of("BTC-SPOT")
    assert np.abs(found.changes["delta"][spot] - epoch.changes[spot]).max() <= 1, "damped rows, too, are delta alone"
