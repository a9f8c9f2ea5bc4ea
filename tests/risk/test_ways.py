"""Isolated, cross, scan and portfolio margins of one book, what falls short when, and the books of a table."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from primitives.errors import BadInput
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.header import Header
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape, TailSize
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins import random_books as random_books_module
from risk.margins.contributions import METHODS
from risk.margins.levels import from_today
from risk.margins.portfolio import Portfolio
from risk.margins.random_books import KINDS, MOST, random_books
from risk.margins.scan import DEFAULT_SET, scan, scanned, set_changes
from risk.margins.shocks import Market
from risk.margins.stress_moves import DEFAULT, DRAWN, stress_changes
from risk.margins.ways import (
    MILLION,
    QUANTILES,
    SCALED,
    BookMargins,
    NamedBook,
    losses_of,
    margins_of,
    saving_quantiles,
    scaled,
    shortfalls,
)
from risk.margins.ways_study import ALL, study, usual_books


@pytest.fixture(scope="module")
def market(crypto: Epoch) -> Market:
    return Market(crypto)


@pytest.fixture(scope="module")
def given_books(crypto: Epoch, fixtures: Path) -> list[NamedBook]:
    return [NamedBook(path.stem, tuple(Portfolio.read(path).rows(crypto)))
            for path in sorted((fixtures / "btc_eth" / "portfolios").glob("*.json"))]


def by_methods(epoch: Any, book: NamedBook) -> tuple[int, ...]:
    return tuple(method(epoch, book.positions) for method in METHODS.values())


def test_margins_are_those_of_compare(crypto: Epoch, market: Market, given_books: list[NamedBook],
                                      trial_sources: Sources, fixtures: Path) -> None:
    """In one pass, on every kind of epoch, what `risk compare` finds by breakdowns."""
    for book in given_books:
        found = margins_of(crypto, book)
        assert (found.isolated, found.cross, found.portfolio) == by_methods(crypto, book)
        assert scanned(market, book.positions, set_changes(market, DEFAULT_SET)) == scan(market, book.positions)
    grid = build_grid(trial_sources, GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3))
    levels = from_today(build(Sources.read(fixtures / "levels" / "model.toml", fixtures / "levels" / "book.json")))
    for epoch in (grid, levels):
        book = NamedBook("some", tuple((row, (-1) ** row * 100 * row) for row in range(1, 8)))
        found = margins_of(epoch, book)
        assert (found.isolated, found.cross, found.portfolio) == by_methods(epoch, book)


BOOKS = st.lists(st.tuples(st.integers(1, 3), st.integers(-1000, 1000)), min_size=1, max_size=4)


@given(st.lists(st.lists(st.integers(-9, 9), min_size=5, max_size=5), min_size=3, max_size=3), BOOKS)
def test_netting_more_never_asks_more(changes: list[list[int]], positions: list[tuple[int, int]]) -> None:
    epoch = Epoch.of(EpochShape(5, TailSize(3, 2), 1), [1, 2, 3], np.array(changes),
                     underlying=np.array([0, 1, 0]), header=Header(underlyings=("A", "B")))
    found = margins_of(epoch, NamedBook("any", tuple(positions)))
    assert found.isolated >= found.cross >= found.portfolio
    for way in ("isolated", "cross"):
        saving = found.saving(way)
        assert saving is None or 0 <= saving <= 1
    assert found.saving("scan") is None


# -- what falls short ------------------------------------------------------------------------------------------------
def account(*each: int, cross: int, portfolio: int, scan: int | None = None) -> BookMargins:
    return BookMargins(NamedBook("a", tuple((i + 1, 1) for i in range(len(each)))), each, cross, portfolio, scan)


def test_what_each_way_falls_short_by() -> None:
    """By hand: two positions; in the scenarios one loses what the other gains, both lose, one loses much."""
    book = account(10, 10, cross=15, portfolio=8, scan=30)
    losses = np.array([[14, 9, 50], [-20, 3, -10]])
    found = {one.way: one for one in shortfalls([book], {"bad": [losses]})}
    # The whole loses -6, 12 and 40.
    assert (found["isolated"].short, found["isolated"].worst) == (2, 40 * MILLION // 8)
    assert found["isolated"].total == (4 + 40) * MILLION // 8
    assert found["isolated"].needless == 1, "the first close: the account as a whole gains"
    assert (found["cross"].short, found["cross"].total) == (1, 25 * MILLION // 8)
    assert (found["portfolio"].short, found["portfolio"].total) == (2, (4 + 32) * MILLION // 8)
    assert (found["scan"].short, found["scan"].worst) == (1, 10 * MILLION // 8)
    for one in found.values():
        assert one.cases == 3
        assert one.share == Fraction(one.short, 3)
        assert one.mean == Fraction(one.total, 3 * MILLION)


def test_scaled_margins_hold_what_cross_does() -> None:
    books = [account(9, cross=9, portfolio=3), account(9, cross=6, portfolio=4)]
    first, second = scaled(books)
    assert (first.scaled, second.scaled) == (7, 9), "15/7 of each, rounded up"
    found = {one.way: one.short for one in shortfalls((first, second), {"bad": [np.array([[8]]), np.array([[8]])]})}
    assert found == {"isolated": 0, "cross": 1, "portfolio": 2, SCALED: 1}
    assert scaled([account(0, cross=0, portfolio=0)])[0].scaled == 0


def test_sizes_round_up_and_books_without_margin_are_left_out() -> None:
    some, none = account(3, cross=3, portfolio=3), account(0, cross=0, portfolio=0)
    found = shortfalls([some, none], {"bad": [np.array([[4]]), np.array([[7]])]})
    assert {one.way: (one.cases, one.total) for one in found} == dict.fromkeys(("isolated", "cross", "portfolio"),
                                                                               (1, 333_334))
    assert shortfalls([none], {"bad": [np.array([[7]])]}) == ()


def test_numbers_beyond_a_machine_word_stay_exact() -> None:
    changes = np.array([[-2**49, 2**49]])
    own = losses_of(changes, [0], [(1, 2**40 - 1)])
    assert own.tolist() == [[(2**40 - 1) * 2**49, -(2**40 - 1) * 2**49]]
    assert losses_of(changes, [0], [(1, -3)]).dtype == np.int64
    huge = account(2**85, cross=2**85, portfolio=2**85)
    found = shortfalls([huge], {"bad": [np.array([[5]]), ]})
    assert all(one.short == 0 for one in found)
    over = shortfalls([huge], {"bad": [np.array([[2**86]], object)]})
    assert all(one.worst == MILLION for one in over)


def test_losses_are_those_of_positions(market: Market, given_books: list[NamedBook]) -> None:
    changes = stress_changes(market, ("black-swan",), scenarios=4)["black-swan"]
    book = given_books[2]
    own = losses_of(changes, [market.listing(row) for row, _ in book.positions], book.positions)
    for (row, lots), losses in zip(book.positions, own, strict=True):
        assert losses.tolist() == [-lots * change for change in changes[market.listing(row)].tolist()]


# -- stress ----------------------------------------------------------------------------------------------------------
def test_stress_is_what_it_says(market: Market) -> None:
    found = stress_changes(market, DEFAULT, (DEFAULT_SET,), scenarios=64, seed=3)
    assert {name: changes.shape[1] for name, changes in found.items()} == {
        DRAWN: 64, "dependence-0": 64, "dependence-1": 64, "black-swan": 64, DEFAULT_SET: 33}
    bitcoin, ether = (next(i for i, listing in enumerate(market.book.listings)
                           if listing.instrument.symbol == name) for name in ("BTC-SPOT", "ETH-SPOT"))
    ranks = {name: [np.argsort(np.argsort(changes[i])) for i in (bitcoin, ether)] for name, changes in found.items()}
    together = {name: float(np.corrcoef(*ranks[name])[0, 1]) for name in (DRAWN, "dependence-0", "dependence-1")}
    assert together["dependence-1"] > 0.95 > together[DRAWN] > 0.6 > 0.35 > abs(together["dependence-0"])
    assert len(np.unique(found["black-swan"][bitcoin])) == 2
    again, other = (stress_changes(market, (), scenarios=64, seed=seed)[DRAWN] for seed in (3, 4))
    assert np.array_equal(again, stress_changes(market, (), scenarios=64, seed=3)[DRAWN])
    assert not np.array_equal(again, other)


def test_days_of_the_history_are_stress_too(us: Epoch) -> None:
    found = stress_changes(Market(us), ("2008-10-15",), scenarios=8)
    assert set(found) == {DRAWN, "2008-10-15"}
    assert found["2008-10-15"].min() < 0


@pytest.mark.parametrize(("options", "field"), [
    ({"stresses": ("dependence-0", "dependence-0")}, "stress sets"),
    ({"stresses": ("2020-03-12",)}, "stress sets"),
    ({"stresses": ("nonsense",)}, "stress sets"),
    ({"presets": ("nonsense",)}, "--set"),
    ({"scenarios": 0}, "scenarios"),
    ({"scenarios": 5000}, "scenarios"),
])
def test_stress_that_there_is_not_is_refused(market: Market, options: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput) as error:
        stress_changes(market, **options)
    assert error.value.field == field


def test_a_handwritten_model_draws_nothing(crypto_sources: Sources) -> None:
    model = b"""schema = "tailproof.model/2"
name = "scan"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
set = "derive-pm2-2026-11"

[epoch]
scenarios = 33
tail = "1"
depth = 3
lanes = 5
width = 50
"""
    own = Market(build(replace(crypto_sources, model=model)))
    assert set(stress_changes(own, (), ("derive-pm2-2025-02",))) == {"derive-pm2-2025-02"}
    for options in ({"stresses": ("black-swan",)}, {"stresses": ()}):
        with pytest.raises(BadInput, match="stress sets"):
            stress_changes(own, **options)


# -- books -----------------------------------------------------------------------------------------------------------
def test_random_books_are_of_what_lives_and_come_again(market: Market, fixtures: Path) -> None:
    books = random_books(market, 60, 5)
    assert books == random_books(market, 60, 5)
    assert books != random_books(market, 60, 6)
    assert {book.kind for book in books} == set(KINDS)
    settled = {row for row in range(1, len(market.epoch.ids))
               if market.book.listings[market.listing(row)].settled is not None}
    held = {row for book in books for row, _ in book.positions}
    assert len(held) > 60
    assert not held & settled
    assert all(2 <= len(book.positions) <= 8 for book in books if book.kind == "hedged" and len(book.positions) > 1)
    assert all(lots for book in books for _, lots in book.positions)
    assert random_books(market, 0, 5) == ()
    levels = Market(build(Sources.read(fixtures / "levels" / "model.toml", fixtures / "levels" / "book.json")))
    cash = levels.epoch.row_of("CASH")
    assert not any(row == cash for book in random_books(levels, 30, 1) for row, _ in book.positions)


def test_hedged_books_offset_in_value(market: Market) -> None:
    for book in random_books(market, 40, 9):
        if book.kind == "hedged":
            values = [lots * _value(market, row) for row, lots in book.positions]
            assert abs(sum(values)) <= 0.1 * sum(map(abs, values)), "but for whole lots, and what falls together"


def _value(market: Market, row: int) -> float:
    instrument = market.book.listings[market.listing(row)].instrument
    spot = next(one.spot for one in market.book.underlyings if one.symbol == instrument.underlying)
    return float(instrument.lot) * spot


def test_lots_that_count_quote_units_are_sized_as_such(market: Market) -> None:
    """Inverse contracts, which another room lists: of ten quote units a lot, not ten coins."""
    lot = {"lot": 10, "kind": SimpleNamespace(optional=False)}
    sizes = [random_books_module._value(SimpleNamespace(**lot, settlement=settled), 29_000 * 10**6)  # type: ignore[arg-type]
             for settled in ("cash", "coin")]
    assert sizes == [290_000 * 10**6, 10 * 10**6]
    option = SimpleNamespace(lot=1, kind=SimpleNamespace(optional=True), settlement="coin")
    assert random_books_module._value(option, 29_000 * 10**6) == 29_000 * 10**6              # type: ignore[arg-type]


def test_books_out_of_bounds_are_refused(market: Market) -> None:
    for count in (-1, MOST + 1):
        with pytest.raises(BadInput, match="random books"):
            random_books(market, count, 1)
    lonely = Market(market.epoch)
    lonely.book = replace(lonely.book, listings=tuple(
        replace(listing, settled=1) for listing in lonely.book.listings))
    with pytest.raises(BadInput, match="at least 2 that live"):
        random_books(lonely, 1, 1)


def test_a_study_of_books(market: Market, given_books: list[NamedBook]) -> None:
    books = [*given_books, *random_books(market, 12, 2)]
    told = list[tuple[str, int, int]]()
    found = study(market, books, stresses=("dependence-0",), presets=(DEFAULT_SET,), scenarios=32,
                  report=lambda *progress: told.append(progress))
    assert told[-1] == ("margins", 16, 16)
    assert found.kinds() == ("given", "random", "hedged", ALL)
    assert [one.book for one in found.books] == books
    for kind in found.kinds():
        assert {one.stress for one in found.shortfalls[kind]} == {DRAWN, "dependence-0", DEFAULT_SET}
    whole = next(one for one in found.shortfalls[ALL] if (one.stress, one.way) == (DRAWN, "portfolio"))
    assert whole.cases == sum(one.cases for kind in ("given", "random", "hedged") for one in found.shortfalls[kind]
                              if (one.stress, one.way) == (DRAWN, "portfolio"))
    assert all(one.short == 0 for one in found.shortfalls[ALL] if (one.stress, one.way) == (DEFAULT_SET, "scan")), \
        "a scan covers its own worst case"
    for (kind, way), values in found.savings.items():
        assert len(values) == len(QUANTILES)
        assert list(values) == sorted(values), (kind, way)
    with pytest.raises(BadInput, match="books"):
        study(market, [])


def test_a_break_of_correlation_hurts_hedges_across_assets(market: Market, crypto: Epoch, given_books: list[NamedBook]
                                                          ) -> None:
    """Measured: the book that nets across assets falls short where dependence breaks; margins by asset cover it."""
    hedge = next(book for book in given_books if book.name == "cross_asset_hedge")
    found = {(one.stress, one.way): one for one in study(market, [hedge], stresses=("dependence-0",)
                                                         ).shortfalls["given"]}
    assert found["dependence-0", "portfolio"].share > 2 * found[DRAWN, "portfolio"].share
    assert found["dependence-0", "cross"].share < found["dependence-0", "portfolio"].share / 4


def test_quantiles_by_hand() -> None:
    books = [account(100, cross=100, portfolio=100 - i) for i in range(20)]
    assert saving_quantiles(books, "isolated") == tuple(Fraction(i, 100) for i in (0, 4, 9, 14, 18))
    assert saving_quantiles([account(0, cross=0, portfolio=0)], "isolated") == ()


def test_usual_books_are_the_reference_books(market: Market) -> None:
    assert {book.name for book in usual_books(market)} >= {"long BTC", "short ETH", "BTC against ETH"}
    assert all(row for book in usual_books(market) for row, _ in book.positions)
