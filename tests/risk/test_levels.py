"""Epochs of levels: values instead of changes, cash, marks (E12); margins that contain an account's equity."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from worlds import book, option, world

from primitives.errors import BadInput
from primitives.field import decode
from primitives.merkle import Tree
from primitives.poseidon import Tag, hash_integers
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build, prepare
from risk.epochs.chain import breaks
from risk.epochs.epoch import Epoch
from risk.epochs.marks import Mark
from risk.epochs.provenance import Sources
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.money import UNIT
from risk.grid import grid_audit, grid_directory
from risk.grid.grid_build import Valuation, assemble_grid, build_grid, full_revaluation, value
from risk.grid.grid_shape import GRID_TINY, GRID_TINY_WEIGHTED
from risk.margins.contributions import breakdown
from risk.margins.fills import trade
from risk.margins.grid_margin import compare, grid_margin, interpolated_changes
from risk.margins.levels import from_today, value_today
from risk.margins.margin import margin
from risk.market.book import parse_book
from risk.market.instruments import CASH_UNITS, Instrument, Kind
from risk.models.model import Basis
from risk.valuation.revaluation import prices_today, unrounded

LEVEL = 'basis = "level"\nhorizon'
OLD = {"symbol": "OLD", "kind": "future", "underlying": "BTC", "lot": "0.0000003", "settlement": "cash",
       "expiry": "2024-06-14T08:00:00Z", "settled": "61234.567891"}
DEAD = [{**option(f"OLD-{kind}", kind, "2024-06-14T08:00:00Z", "60000"), "settled": "61000"}
        for kind in ("call", "put")]


def sources(model: str = 'purpose = "trial"\nseed = 7\n' + LEVEL, change: Callable[[dict[str, Any]], Any] = lambda b: b
            ) -> Sources:
    """The small world with what has settled, by default of levels under a seed that changes share."""
    made = copy.deepcopy(book())
    made["instruments"] += [OLD, *DEAD]
    change(made)
    made_of = world(made)
    return replace(made_of, model=made_of.model.decode().replace("horizon", model, 1).encode())


@pytest.fixture(scope="module")
def levels() -> Epoch:
    return build(sources())


@pytest.fixture(scope="module")
def changes() -> Epoch:
    return build(sources('purpose = "trial"\nseed = 7\nhorizon'))


def row_of(epoch: Any, symbol: str) -> int:
    row = epoch.row_of(symbol)
    assert row is not None
    return int(row)


def books(epoch: Epoch, count: int, most: int = 10**5) -> list[list[tuple[int, int]]]:
    """Positions at random, cash among them."""
    rng, cash = np.random.default_rng(4), row_of(epoch, "CASH")
    return [[*((int(row), int(rng.integers(-most, most))) for row in rng.choice(
        [row for row in range(1, len(epoch.ids)) if row != cash], 4, replace=False)),
        (cash, int(rng.integers(-10**9, 10**9)))] for _ in range(count)]


# -- what leaves hold ----------------------------------------------------------------------------------------------
def test_a_level_is_todays_value_and_the_change(levels: Epoch, changes: Epoch) -> None:
    assert levels.levels
    assert not changes.levels
    assert set(levels.ids) == {*changes.ids, levels.cash_id}
    for row in range(1, len(changes.ids)):
        id = int(changes.ids[row])
        at, mark = levels.index_of(id), levels.mark(id)
        moved = levels.changes[at] - changes.changes[row]
        assert moved.min() >= mark.long - 1
        assert moved.max() <= mark.short + 1


def test_cash_is_worth_itself_and_costs_nothing(levels: Epoch) -> None:
    row = row_of(levels, "CASH")
    assert (levels.changes[row] == CASH_UNITS).all()
    assert (levels.long[row], levels.short[row], levels.amax[row]) == (0, 0, CASH_UNITS)
    assert levels.ids[row] == levels.cash_id
    assert margin(levels, [(row, 10**9)]).required == 0
    assert margin(levels, [(row, -(2**40 - 1))]).required == (2**40 - 1) * CASH_UNITS


def test_what_has_settled_keeps_its_pay_off(levels: Epoch) -> None:
    """In changes it is worth nothing, for a ledger has paid it; here it is paid by a fill, and until then held. What is
    no whole number of units pays for its rounding."""
    for symbol, worth, rate in (("OLD-call", 100 * UNIT, 0), ("OLD-put", 0, 0), ("OLD", 18370, 1)):
        row = row_of(levels, symbol)
        assert set(levels.changes[row].tolist()) == {worth}
        assert (levels.long[row], levels.short[row]) == (rate, rate)
    exact = Fraction("61234.567891") * UNIT * Fraction("0.0000003")
    assert (levels.mark(levels.ids[row_of(levels, "OLD")]).long, levels.mark(levels.ids[row_of(levels, "OLD")]).short
            ) == (int(exact), int(exact) + 1)


def test_marks_are_prices_of_the_book(levels: Epoch) -> None:
    """Spot, perpetual and cash to the unit; each beside its spot."""
    marks = {levels.label(row): levels.marks[row - 1] for row in range(1, len(levels.ids))}
    assert marks["BTC-SPOT"][1:] == (600 * UNIT, 600 * UNIT, 60000 * UNIT, 60000 * UNIT)
    assert marks["BTC-PERP"][1:] == (600_100_000, 600_100_000, 60010 * UNIT, 60000 * UNIT)
    assert marks["CASH"][1:] == (CASH_UNITS, CASH_UNITS, UNIT, UNIT)
    call, put = marks["BTC-JUL-60000-C"], marks["BTC-JUL-60000-P"]
    assert abs(call.long - put.long) <= 1, "at the money, without interest, they are worth the same"
    assert call.short == call.long + 1
    assert 0.05 < call.long / (0.1 * 60000 * UNIT) < 0.09


# -- margins -------------------------------------------------------------------------------------------------------
def test_a_margin_on_levels_contains_the_equity(levels: Epoch, changes: Epoch) -> None:
    """max(0, ES of losses from today - value today) + add-ons, exactly; and within a unit a lot what changes say."""
    risk = from_today(levels)
    negative = 0
    for positions in books(levels, 40):
        found, apart, worth = margin(levels, positions), breakdown(risk, positions), value_today(levels, positions)
        assert found.shortfall.value == apart.expected_shortfall - worth
        assert found.required == max(0, -(-(apart.expected_shortfall - worth) // 1)) + apart.addons
        assert [s for s, mass in enumerate(found.shortfall.tail_mass) if mass] == [
            s for s, mass in enumerate(apart.shortfall.tail_mass) if mass]
        same = [(changes.index_of(levels.ids[row]), lots) for row, lots in positions
                if levels.ids[row] != levels.cash_id]
        slack = 2 * sum(abs(lots) for _, lots in same)
        assert abs(margin(changes, same).shortfall.value - apart.expected_shortfall) <= slack
        negative += found.shortfall.value < 0
    assert 5 < negative < 35


def test_cash_moves_a_margin_by_itself(levels: Epoch) -> None:
    short, cash = row_of(levels, "BTC-SPOT"), row_of(levels, "CASH")
    poor = margin(levels, [(short, -5)])
    for lots in (1, 10**6, poor.shortfall.ceiling // CASH_UNITS + 1):
        assert margin(levels, [(short, -5), (cash, lots)]).required == max(
            0, poor.shortfall.ceiling - CASH_UNITS * lots) + poor.addons


def test_no_margin_on_levels_is_below_the_unrounded_one(levels: Epoch) -> None:
    """Long and short alike: one rounded value serves both, and the unit a lot is charged to both."""
    assert levels.provenance is not None
    inputs = prepare(levels.provenance.sources)
    moves = unrounded(inputs.book, inputs.model, inputs.calibration, levels.provenance.scenarios)
    today = [price * Fraction(listing.instrument.lot) for price, listing
             in zip(prices_today(inputs.book), inputs.book.listings, strict=True)]
    contingency = {row: (listing.long, listing.short) for row, listing in enumerate(inputs.book.listings, 1)}
    needed = 0
    for positions in books(levels, 30, most=10**7):
        losses = [sum((-q * (today[row - 1] + Fraction(float(moves[row - 1, s]))) for row, q in positions), Fraction(0))
                  for s in range(levels.shape.scenarios)]
        unit = 10**12
        scaled = expected_shortfall([int(loss * unit) for loss in losses], levels.shape.tail).value / unit
        least = max(Fraction(0), Fraction(scaled) - Fraction(1, 10**6)) + sum(
            abs(q) * contingency[row][q < 0] for row, q in positions)
        found = margin(levels, positions)
        assert found.required >= least
        needed += found.required - sum(abs(q) for _, q in positions) < least      # without the charge it might not be
    assert needed > 0


# -- bounds --------------------------------------------------------------------------------------------------------
def test_a_level_that_needs_more_bits_is_refused_with_the_bound() -> None:
    """300 BTC a lot are worth 18 million: their changes fit 44 bits, their value does not."""
    def wide(b: dict[str, Any]) -> None:
        b["instruments"][0]["lot"] = "300"

    build(sources('purpose = "trial"\nseed = 7\nhorizon', wide))
    with pytest.raises(BadInput, match=r"SPOT: value of a lot in scenario \d+ is .*below 2\*\*44 .*E2.*smaller lots"):
        build(sources(change=wide))


def test_a_tree_holds_half_as_many_instruments() -> None:
    def many(b: dict[str, Any], count: int) -> None:
        b["instruments"] = [{"symbol": f"S{i}", "kind": "spot", "underlying": "BTC", "lot": f"0.{i + 1:04d}",
                             "settlement": "physical"} for i in range(count)]

    assert len(build(sources(change=lambda b: many(b, 30))).marks) == 31
    with pytest.raises(BadInput, match=r"number of instruments is 31: must be at most 30.*cash is one more"):
        build(sources(change=lambda b: many(b, 31)))
    build(sources('purpose = "trial"\nseed = 7\nhorizon', lambda b: many(b, 62)))


def test_cash_is_reserved() -> None:
    def named(b: dict[str, Any]) -> None:
        b["instruments"][0]["symbol"] = "CASH"

    with pytest.raises(BadInput, match="symbol is 'CASH': must be another one"):
        build(sources(change=named))
    build(sources('purpose = "trial"\nseed = 7\nhorizon', named))
    listed = copy.deepcopy(book())
    listed["instruments"][0]["kind"] = "cash"
    with pytest.raises(BadInput, match=r"instruments\[0\].kind is 'cash'"):
        parse_book(world(listed).book)
    for term in ({"venue": "else"}, {"symbol": "MONEY"}, {"underlying": "EUR"}):
        with pytest.raises(BadInput, match=next(iter(term))):
            replace(Instrument.cash("USD"), **term)
    assert Instrument.cash("USD").id != Instrument.cash("EUR").id
    assert Instrument.cash("USD").kind == Kind.CASH


def test_a_basis_is_one_of_two() -> None:
    with pytest.raises(BadInput, match="basis is 'value'"):
        build(sources('basis = "value"\nhorizon'))
    said = build(sources('purpose = "trial"\nseed = 7\nbasis = "change"\nhorizon'))
    plain = build(sources('purpose = "trial"\nseed = 7\nhorizon'))
    assert said.header.basis == plain.header.basis == Basis.CHANGE
    assert np.array_equal(said.changes, plain.changes)


# -- what the root binds ---------------------------------------------------------------------------------------------
def test_marks_and_basis_are_in_the_root(levels: Epoch) -> None:
    other = (levels.marks[0]._replace(price=levels.marks[0].price + 1), *levels.marks[1:])
    assert replace(levels, marks=other).root != levels.root
    listed = [(instrument.id, instrument.symbol) for instrument in levels.instruments]
    assert replace(levels.header, basis=Basis.CHANGE).leaf(listed) != levels.header.leaf(listed)
    assert "basis" not in replace(levels.header, basis=Basis.CHANGE).to_json(), "roots of changes are what they were"


def test_a_mark_opens_in_the_tree_and_nothing_else_does(levels: Epoch) -> None:
    for id in (levels.cash_id, levels.ids[1], levels.ids[-1]):
        opened = levels.open_mark(id)
        assert opened.tree_root == levels.tree.root
        assert decode(levels.tree.levels[0][opened.place]) == [hash_integers(Tag.MARK, opened.mark)]
        for name in Mark._fields:
            forged = opened.mark._replace(**{name: getattr(opened.mark, name) + 1})
            with pytest.raises(BadInput, match="level 0"):
                _ = opened._replace(mark=forged).tree_root
        with pytest.raises(BadInput, match="path of the mark"):
            _ = opened._replace(place=opened.place ^ 1).tree_root
    nodes = levels.open_mark(levels.cash_id)
    other = (*nodes.path[0][:7], nodes.path[0][7] + 1)
    with pytest.raises(BadInput, match="level"):
        assert nodes._replace(path=(other, *nodes.path[1:])).tree_root == levels.tree.root


def test_marks_are_for_levels(levels: Epoch, changes: Epoch) -> None:
    for id in (int(changes.ids[1]), 0):
        with pytest.raises(BadInput, match="one with a mark"):
            changes.open_mark(id)
    with pytest.raises(BadInput, match="instrument id"):
        levels.mark(5)


# -- E12 -----------------------------------------------------------------------------------------------------------
def clauses(epoch: Epoch) -> set[tuple[str, str]]:
    return {(violation.clause, violation.field) for violation in epoch.violations()}


def altered(epoch: Epoch, row: int, **columns: int) -> Epoch:
    """One row with other numbers."""
    arrays = {name: getattr(epoch, name).copy() for name in columns}
    for name, number in columns.items():
        arrays[name][row] = number
    return replace(epoch, **arrays)


def test_false_cash_is_found(levels: Epoch) -> None:
    row = row_of(levels, "CASH")
    assert clauses(levels) == set()
    assert clauses(altered(levels, row, changes=999, amax=1000)) == {("E12", "least value of cash"),
                                                                     ("E12", "largest value of cash")}
    one = levels.changes.copy()
    one[row, 3] = 1001
    assert clauses(replace(altered(levels, row, amax=1001), changes=one)) == {("E12", "largest value of cash")}
    assert clauses(altered(levels, row, long=1)) == {("E12", "long rate of cash")}
    assert clauses(altered(levels, row, short=1)) == {("E12", "short rate of cash")}
    assert clauses(replace(levels, header=replace(levels.header, quote="EUR"))) == {("E12", "cash")}


def test_false_marks_are_found(levels: Epoch, changes: Epoch) -> None:
    at, cash = row_of(levels, "BTC-SPOT") - 1, row_of(levels, "CASH") - 1

    def with_mark(place: int, **marks: int) -> Epoch:
        return replace(levels, marks=(*levels.marks[:place], levels.marks[place]._replace(**marks),
                                      *levels.marks[place + 1:]))

    short, long = levels.marks[at].short, levels.marks[at].long
    assert clauses(with_mark(at, short=short + 2)) == {("E12", "BTC-SPOT: mark of a lot held short")}
    assert clauses(with_mark(at, long=long + 1)) == {("E12", "BTC-SPOT: mark of a lot held short")}
    assert clauses(with_mark(at, long=-1, short=0)) == {("E12", "BTC-SPOT: mark of a lot held short")}
    assert clauses(with_mark(at, short=2**44, long=2**44 - 1)) == {("E12", "BTC-SPOT: mark of a lot held short")}
    assert clauses(with_mark(at, price=0)) == {("E12", "BTC-SPOT: price")}
    assert clauses(with_mark(at, spot=10**18 + 1)) == {("E12", "BTC-SPOT: spot")}
    assert clauses(with_mark(cash, long=999)) == {("E12", "mark of cash")}
    assert clauses(with_mark(at, id=7)) == {("E12", "marks")}
    assert clauses(replace(levels, marks=levels.marks[:-1])) == {("E12", "marks")}
    assert clauses(replace(levels, marks=())) == {("E12", "marks")}
    assert clauses(replace(changes, marks=(Mark(int(changes.ids[1]), 1, 1, 1, 1),))) == {("E12", "marks")}
    with pytest.raises(BadInput, match="E12"):
        replace(levels, marks=()).leaves()


def test_what_has_settled_does_not_move(levels: Epoch) -> None:
    row = row_of(levels, "OLD-call")
    moved = levels.changes.copy()
    moved[row, 5] -= 1
    assert clauses(replace(levels, changes=moved)) == {("E7", "OLD-call: largest change")}
    assert clauses(altered(levels, row, long=2)) == {("E7", "OLD-call: largest change")}
    assert clauses(altered(levels, row, long=1)) == set()


def test_an_audit_finds_what_sources_do_not_give(levels: Epoch, tmp_path: Path) -> None:
    epoch_directory.save(levels, tmp_path / "honest")
    assert check(tmp_path / "honest").passed
    assert epoch_directory.load(tmp_path / "honest").marks == levels.marks
    spot = row_of(levels, "BTC-SPOT")
    mark = levels.marks[spot - 1]
    false = {"mark": replace(levels, marks=(*levels.marks[:spot - 1], mark._replace(price=mark.price + 1),
                                            *levels.marks[spot:])),
             "unpaid": altered(levels, spot, short=int(levels.short[spot]) - 1)}
    found = {}
    for name, epoch in false.items():
        epoch_directory.save(epoch, tmp_path / name)
        found[name] = {(d.clause, d.field) for d in check(tmp_path / name).differences}
    assert found["mark"] == {("E12", "BTC-SPOT: mark")}
    assert ("E11", "BTC-SPOT: short") in found["unpaid"]


def test_a_chain_keeps_its_basis(levels: Epoch, changes: Epoch) -> None:
    assert ("E9", "basis") in {(d.clause, d.field) for d in breaks(levels, changes, changes.root)}
    assert ("E9", "basis") not in {(d.clause, d.field) for d in breaks(levels, levels, levels.root)}


# -- on the grid ---------------------------------------------------------------------------------------------------
GRID = replace(GRID_TINY, depth=3)


@pytest.fixture(scope="module")
def valued(trial_sources: Sources) -> dict[Basis, Valuation]:
    made = replace(trial_sources, model=trial_sources.model.replace(b"horizon", b'basis = "level"\nhorizon', 1))
    return {Basis.LEVEL: value(made, GRID), Basis.CHANGE: value(trial_sources, GRID)}


def test_on_a_grid_cash_stays_and_errors_are_those_of_changes(valued: dict[Basis, Valuation]) -> None:
    """A mix of nodes leaves a constant as it is, for weights sum to 1."""
    levels, changes = (assemble_grid(GRID, valued[basis]) for basis in (Basis.LEVEL, Basis.CHANGE))
    for regime in range(GRID.regimes):
        cash = interpolated_changes(levels.under(regime), row_of(levels, "CASH"))
        assert set(cash.tolist()) == {CASH_UNITS << GRID.weight_bits}
    for id in changes.ids[1:]:
        one, other = levels.index_of(id), changes.index_of(id)
        assert abs(levels.long[one] - changes.long[other]) <= 2
        assert abs(levels.short[one] - changes.short[other]) <= 2
    row = row_of(levels, "CASH")
    assert (levels.long[row], levels.short[row], levels.underlying[row]) == (0, 0, 0)


def test_on_a_grid_margins_contain_equity_and_are_never_below_full_revaluation(valued: dict[Basis, Valuation]) -> None:
    rng = np.random.default_rng(3)
    epoch = assemble_grid(GRID, valued[Basis.LEVEL])
    risk, cash = from_today(epoch), row_of(epoch, "CASH")
    for number in range(20):
        regime = number % GRID.regimes
        full = full_revaluation(GRID, valued[Basis.LEVEL], regime)
        positions = [*((int(row), int(rng.integers(-500, 500))) for row in rng.choice(
            np.arange(1, len(epoch.ids)), 5, replace=False)), (cash, int(rng.integers(-10**8, 10**8)))]
        assert compare(epoch.under(regime), full, positions).excess >= 0
        found, apart = grid_margin(epoch.under(regime), positions), breakdown(risk.under(regime), positions)
        shortfall = Fraction(found.shortfall.numerator, GRID.tail.numerator << GRID.weight_bits)
        assert shortfall == apart.expected_shortfall - value_today(epoch, positions)


@pytest.mark.parametrize("shape", [GRID, replace(GRID_TINY_WEIGHTED, depth=3)], ids=["equal", "masses"])
def test_a_grid_epoch_of_levels_rebuilds(shape: Any, valued: dict[Basis, Valuation], tmp_path: Path) -> None:
    epoch = build_grid(valued[Basis.LEVEL].inputs.sources, shape, regime=1)
    assert epoch.levels
    assert epoch.arrays.open_mark(epoch.cash_id).tree_root == epoch.tree.root
    grid_directory.save(epoch, tmp_path / "epoch")
    assert grid_audit.check(tmp_path / "epoch").passed
    assert grid_directory.load(tmp_path / "epoch").root == epoch.root
    marks = (epoch.arrays.marks[0]._replace(spot=epoch.arrays.marks[0].spot + 1), *epoch.arrays.marks[1:])
    grid_directory.save(replace(epoch, arrays=replace(epoch.arrays, marks=marks)), tmp_path / "false")
    assert {d.clause for d in grid_audit.check(tmp_path / "false").differences} == {"E12"}


def test_from_today_is_for_levels(levels: Epoch, changes: Epoch) -> None:
    assert from_today(changes) is changes
    assert value_today(changes, [(1, 5)]) == 0
    assert isinstance(levels.tree, Tree)


# -- fills ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("lot", "lots", "price", "cost"), [
    ("0.01", 3, 60_000 * UNIT, 1_800_000), ("0.01", 1, 60_000_050_000, 600_000.5),
    ("0.000001", 7, 123_456, 0.000864192), ("1", 5, 0, 0)])
def test_cash_is_rounded_against_both_sides_and_none_is_lost(lot: str, lots: int, price: int, cost: float) -> None:
    traded = Instrument.from_terms("X", _node(lot))
    cash = Instrument.cash("USD").id
    found = trade(traded, lots, price)
    buyer, seller = dict(found.buyer), dict(found.seller)
    assert (buyer[traded.id], seller[traded.id]) == (lots, -lots)
    pays, is_paid = -buyer.get(cash, 0), seller.get(cash, 0)
    assert is_paid <= cost <= pays
    assert pays - is_paid == found.dust == int(pays != cost)
    assert buyer.get(cash, 0) + seller.get(cash, 0) + found.dust == 0


def _node(lot: str) -> Any:
    from primitives.jsonio import Node
    return Node({"schema": "tailproof.instrument/1", "kind": "spot", "venue": "v", "underlying": "BTC", "quote": "USD",
                 "lot": lot, "settlement": "physical"})


def test_trades_out_of_bounds_are_refused() -> None:
    traded = Instrument.from_terms("X", _node("1"))
    for match, arguments in (("lots", (traded, 0, 1)), ("lots", (traded, 2**40, 1)), ("price", (traded, 1, -1)),
                             ("cash for", (traded, 2**40 - 1, 10**6)), ("instrument", (Instrument.cash("USD"), 1, 1))):
        with pytest.raises(BadInput, match=match):
            trade(*arguments)


def test_a_manifest_without_a_basis_is_of_changes(changes: Epoch, levels: Epoch, tmp_path: Path) -> None:
    """As they were written before there was a choice; of levels, leaving it out gives another root."""
    for name, epoch in (("changes", changes), ("levels", levels)):
        epoch_directory.save(epoch, tmp_path / name)
        manifest = tmp_path / name / "manifest.json"
        document = json.loads(manifest.read_text())
        assert document.pop("basis") == ("change" if name == "changes" else "level")
        manifest.write_text(json.dumps(document))
    assert epoch_directory.load(tmp_path / "changes").root == changes.root
    with pytest.raises(BadInput, match=r"E7|E12"):
        epoch_directory.load(tmp_path / "levels")
