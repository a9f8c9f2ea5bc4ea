from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape, TailSize
from risk.margins.margin import margin

LIMIT = 2**44 - 1
LOTS = st.one_of(st.integers(-5, 5), st.integers(-2**40 + 1, 2**40 - 1))


@st.composite
def books(draw: st.DrawFn) -> tuple[Epoch, list[tuple[int, int]]]:
    scenarios, n = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    size = draw(st.fractions(Fraction(1, 12), scenarios, max_denominator=12))
    shape = EpochShape(scenarios, TailSize(size.numerator, size.denominator), 1)
    entry = st.one_of(st.integers(-2, 2), st.integers(-LIMIT, LIMIT))

    def array(strategy: st.SearchStrategy[int], length: int) -> Any:
        return np.array(draw(st.lists(strategy, min_size=length, max_size=length)), np.int64)

    rates = st.integers(0, LIMIT)
    epoch = Epoch.of(shape, list(range(1, n + 1)), array(entry, n * scenarios).reshape(n, scenarios),
                     long=array(rates, n), short=array(rates, n))
    return epoch, draw(st.lists(st.tuples(st.integers(0, n), LOTS), max_size=6))


@given(books())
def test_margin_is_expected_shortfall_plus_addons(case: tuple[Epoch, list[tuple[int, int]]]) -> None:
    epoch, positions = case
    result = margin(epoch, positions)
    losses = [-sum(lots * int(epoch.changes[row, s]) for row, lots in positions) for s in range(epoch.shape.scenarios)]
    es = min(t + sum(max(loss - t, 0) for loss in losses) / epoch.shape.tail.size for t in map(Fraction, losses))
    addons = sum(abs(lots) * int(epoch.long[row] if lots > 0 else epoch.short[row]) for row, lots in positions)
    assert list(result.losses) == losses
    assert result.required == max(0, math.ceil(es)) + addons
    assert result.gross == sum(abs(lots) * int(epoch.amax[row]) for row, lots in positions)
    assert all(abs(loss) <= result.gross for loss in losses)


@given(books())
def test_netting_never_costs(case: tuple[Epoch, list[tuple[int, int]]]) -> None:
    epoch, positions = case
    result = margin(epoch, positions)
    assert list(result.standalone) == [margin(epoch, [position]).required for position in positions]
    assert result.netting_benefit == sum(result.standalone) - result.required >= 0


@given(books(), st.integers(-2**39, 2**39))
def test_splitting_a_position_never_lowers_the_margin(case: tuple[Epoch, list[tuple[int, int]]], part: int) -> None:
    """STATEMENT §8.7: the same instrument in two slots."""
    epoch, _ = case
    whole = margin(epoch, [(1, 2**38)]).required
    split = margin(epoch, [(1, part), (1, 2**38 - part)]).required
    assert split >= whole
    if 0 <= part <= 2**38:
        assert split == whole


def test_an_empty_portfolio_needs_nothing() -> None:
    epoch = Epoch.of(EpochShape(3, TailSize(3, 2), 1), [1], np.array([[1, -2, 3]]))
    empty = margin(epoch, [])
    assert (empty.required, empty.losses, empty.netting_benefit) == (0, (0, 0, 0), 0)
    assert margin(epoch, [(0, 5)]).required == 0


def test_a_sure_gain_needs_no_more_than_its_addons() -> None:
    epoch = Epoch.of(EpochShape(3, TailSize(3, 2), 1), [1], np.array([[10, 20, 30]]), long=np.array([4]))
    result = margin(epoch, [(1, 2)])
    assert result.shortfall.value == Fraction(-20 * 2 - 40, 3)
    assert result.shortfall.ceiling == -26
    assert result.required == 8


@pytest.mark.parametrize(("positions", "message"), [
    ([(0, 1), (2, 1)], r"positions\[1\]\.row is 2: must be in \[0, 2\)"),
    ([(-1, 1)], r"positions\[0\]\.row is -1"),
    ([(1, 2**40)], r"positions\[0\]\.lots is 1099511627776: must be below 2\*\*40"),
    ([(1, -2**40)], r"positions\[0\]\.lots is -1099511627776")])
def test_a_position_out_of_bounds_is_refused(positions: list[tuple[int, int]], message: str) -> None:
    epoch = Epoch.of(EpochShape(3, TailSize(3, 2), 1), [1], np.array([[1, -2, 3]]))
    with pytest.raises(BadInput, match=message):
        margin(epoch, positions)
