"""Parts of a margin sum to it exactly, in integers, whatever the book, the epoch and the masses."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch, Header
from risk.exact.shape import EpochShape, Tail, TailSize, WeightedTail
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.contributions import METHODS, Breakdown, breakdown
from risk.margins.grid_margin import grid_margin
from risk.margins.margin import margin
from risk.margins.portfolio import Portfolio

SCENARIOS = 8
MASSES = WeightedTail(TailSize(7, 3), (1, 1, 2, 3, 1, 5, 2, 1))


@st.composite
def epochs(draw: Any) -> Epoch | GridEpoch:
    """Full and grid, with masses and without; three instruments on two assets; ties among losses are common."""
    count = 3
    tail: Tail = draw(st.sampled_from([TailSize(5, 2), TailSize(1), TailSize(SCENARIOS), MASSES]))
    columns = {"long": np.array([0, 3, 1]), "short": np.array([2, 0, 7]), "underlying": np.array([0, 1, 0])}
    header = Header(underlyings=("A", "B"))
    size = draw(st.sampled_from([2, 10**9]))
    if draw(st.booleans()):
        changes = draw(st.lists(st.lists(st.integers(-size, size), min_size=SCENARIOS, max_size=SCENARIOS),
                                min_size=count, max_size=count))
        return Epoch.of(EpochShape(SCENARIOS, tail, 1), [1, 2, 3], np.array(changes), header=header, **columns)
    shape = GridShape(GRID_TINY.map, tail, GRID_TINY.depth)
    changes = draw(st.lists(st.lists(st.integers(-size, size), min_size=shape.nodes, max_size=shape.nodes),
                            min_size=count, max_size=count))
    return GridEpoch.of(shape, [1, 2, 3], np.array(changes), header=header, regime=1, **columns)


BOOKS = st.lists(st.tuples(st.integers(1, 3), st.integers(-2**30, 2**30)), max_size=5)


@given(epochs(), BOOKS)
def test_parts_sum_to_the_margin_exactly(epoch: Epoch | GridEpoch, positions: list[tuple[int, int]]) -> None:
    found = breakdown(epoch, positions)
    for parts in (found.positions, found.assets, found.expiries):
        assert sum(part.numerator for part in parts) == found.shortfall.numerator
        assert sum(part.addons for part in parts) == found.addons
    assert sum(map(found.amount, found.positions), Fraction(0)) + found.rounding + found.addons == found.required
    assert 0 <= found.rounding < 1 or found.expected_shortfall < 0
    whole = grid_margin(epoch, positions) if isinstance(epoch, GridEpoch) else margin(epoch, positions)
    assert (found.required, found.addons, found.standalone) == (whole.required, whole.addons, whole.standalone)


@given(epochs(), BOOKS)
def test_a_part_is_what_the_tail_loses_there(epoch: Epoch | GridEpoch, positions: list[tuple[int, int]]) -> None:
    """Each part by its definition, and at most the Expected Shortfall of the position alone: parts are never unfair."""
    found = breakdown(epoch, positions)
    for part, each, position in zip(found.positions, found.each, positions, strict=True):
        assert part.numerator == sum(r * loss for r, loss in zip(found.shortfall.tail_mass, each, strict=True))
        assert part.numerator <= breakdown(epoch, [position]).shortfall.numerator


@given(epochs(), BOOKS)
def test_netting_more_never_costs_more(epoch: Epoch | GridEpoch, positions: list[tuple[int, int]]) -> None:
    isolated, cross, whole = (method(epoch, positions) for method in METHODS.values())
    assert isolated >= cross >= whole == breakdown(epoch, positions).required
    assert isolated == sum(breakdown(epoch, positions).standalone)


def test_the_derivative_is_the_part(crypto: Epoch, fixtures: Path) -> None:
    """Euler: one lot more of a big position costs its part divided by its lots, as long as the tail stays the same."""
    rows = Portfolio.read(fixtures / "btc_eth" / "portfolios" / "cross_asset_hedge.json").rows(crypto)
    scaled = [(row, 1000 * lots) for row, lots in rows]
    found = breakdown(crypto, scaled)
    for i, (row, lots) in enumerate(scaled):
        more = breakdown(crypto, [(r, q + (r == row)) for r, q in scaled])
        assert more.shortfall.tail_mass == found.shortfall.tail_mass
        assert (more.shortfall.numerator - found.shortfall.numerator) * lots == found.positions[i].numerator


def test_names_are_symbols_assets_and_expiries(crypto: Epoch, fixtures: Path) -> None:
    rows = Portfolio.read(fixtures / "btc_eth" / "portfolios" / "cross_asset_hedge.json").rows(crypto)
    found = breakdown(crypto, rows)
    assert [part.name for part in found.positions] == ["ETH-SPOT", "BTC-PERP", "ETH-29JAN21-680-P"]
    assert {part.name for part in found.assets} == {"BTC", "ETH"}
    assert {part.name for part in found.expiries} == {"no expiry", "2021-01-29T08:00:00Z"}


def test_an_empty_book_has_no_parts(crypto: Epoch) -> None:
    found: Breakdown = breakdown(crypto, [])
    assert (found.required, found.positions, found.assets, found.rounding) == (0, (), (), 0)


def test_what_a_margin_refuses_is_refused(crypto: Epoch) -> None:
    for position in ((10_000, 1), (1, 2**40)):
        with pytest.raises(BadInput, match=r"positions\[0\]"):
            breakdown(crypto, [position])


def test_a_gain_in_the_tail_is_no_margin() -> None:
    epoch = Epoch.of(EpochShape(2, TailSize(1), 1), [1], np.array([[5, 7]]), header=Header(underlyings=("A",)))
    found = breakdown(replace(epoch), [(1, 3)])
    assert (found.required, found.expected_shortfall, found.rounding) == (0, -15, 15)
