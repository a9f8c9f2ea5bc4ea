"""The margin statement against its specification: sizes, matrices, margins."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits import statements
from circuits.gadgets.poseidon import hash_cost
from circuits.statements import margin
from circuits.statements.margin import Preset
from primitives.errors import BadInput
from primitives.field import MODULUS, decode, encode
from risk.exact.shape import EpochShape, TailSize


def five_by_fifty(scenarios: int, slots: int, tail: TailSize, depth: int) -> Preset:
    return Preset(EpochShape(scenarios, tail, depth), slots, 48, 48, 49)


def four_by_sixty_three(depth: int) -> Preset:
    return Preset(EpochShape(1000, TailSize(51, 2), depth, lanes=4, width=63), 32, 61, 61, 62)


PUBLISHED_ROWS = {                 # STATEMENT §6
    five_by_fifty(256, 16, TailSize(32, 5), 3): 64_068,
    five_by_fifty(256, 16, TailSize(32, 5), 4): 70_660,
    five_by_fifty(250, 16, TailSize(25, 4), 3): 63_154,
    five_by_fifty(250, 16, TailSize(25, 4), 4): 69_746,
    four_by_sixty_three(3): 408_611,
    four_by_sixty_three(4): 421_795,
    five_by_fifty(1000, 32, TailSize(51, 2), 3): 334_260,
    five_by_fifty(1000, 32, TailSize(51, 2), 4): 347_444,
}


def formula(p: Preset) -> int:
    """The row counts of STATEMENT §6, summed."""
    S, J, E, K = p.shape.scenarios, p.slots, p.shape.packs, p.shape.tail.numerator
    bits = (K - 1).bit_length()
    tail = S * (p.gap_bits + 2) + 1 + (S + 1) * p.shape.tail.fractional
    result = bits + (bits + 1) * (K != 1 << bits) + p.gross_bits + 2
    return (J * hash_cost(E + 5) + 3645 + J * (63 + 412 * (p.shape.depth - 2)) + 264 + hash_cost(2 * J + 1) + 45 * J
            + p.gross_bits + 1 + J * E + p.threshold_bits + 1 + tail + result + 4)


@pytest.mark.parametrize("preset", PUBLISHED_ROWS, ids=lambda p: f"{p.shape.scenarios}x{p.slots} {p.shape.capacity}")
def test_published_row_counts(preset: Preset, book) -> None:
    assert book.compiled(preset).rows == formula(preset) == PUBLISHED_ROWS[preset]


def test_registered_sizes() -> None:
    pinned = {"margin-tiny": (6_352, 13, 4), "margin-full-256x16": (64_068, 16, 4),
              "margin-full-256x16-n4096": (70_660, 17, 4), "margin-full-1000x32": (421_795, 19, 4)}
    for name, sizes in pinned.items():
        statement = statements.get(name)
        assert (statement.rows, statement.domain, len(statement.public_inputs)) == sizes
        assert statement.rows + len(statement.public_inputs) + 1 <= 2**statement.domain
        assert statement.build().r1cs().domain == statement.domain if statement.rows < 10**5 else True


def test_an_unknown_statement_is_refused() -> None:
    with pytest.raises(BadInput, match=r"statement is 'margin': must be one of margin-tiny, "):
        statements.get("margin")


def test_the_matrices_multiplied_out_with_python_integers(book) -> None:
    case = book.case()
    cs = book.compiled(case.preset)
    system = cs.r1cs()
    w, table = decode(cs.witness(case.inputs)), decode(system.table)
    sides = []
    for matrix in (system.a, system.b, system.c):
        starts, wires, ids = matrix.starts.tolist(), matrix.wires.tolist(), matrix.coefficients.tolist()
        sides.append([sum(table[ids[k]] * w[wires[k]] for k in range(starts[i], starts[i + 1])) % MODULUS
                      for i in range(matrix.rows)])
    assert len(sides[0]) == cs.rows == system.rows
    assert all((a * b - c) % MODULUS == 0 for a, b, c in zip(*sides, strict=True))
    assert [decode(side) for side in system.products(encode(w))] == sides
    assert w[:5] == [1, *(int(case.inputs[name]) for name in margin.PUBLIC_INPUTS)]


@pytest.mark.parametrize("name", ["margin-full-256x16", "margin-full-256x16-n4096", "margin-full-1000x32"])
def test_full_size_portfolios(name: str, book) -> None:
    statement = statements.get(name)
    case = book.case(statement.preset)
    assert case.inputs["margin"] == book.reference_margin(case.preset, case.epoch, case.positions)
    assert statement.build().violations(statement.build().witness(case.inputs)) == []


# -- margins against the integer reference ---------------------------------------------------------------------------
def check(book, preset: Preset, changes: np.ndarray, lots: list[int], long: list[int], short: list[int]) -> int:
    """Prove-ready witness of positions in rows 1, 2, ...; returns the margin after comparing it."""
    epoch = book.epoch_of(preset.shape, changes, long, short)
    positions = [(i + 1, q) for i, q in enumerate(lots)]
    case = book.case(preset, epoch, positions)
    cs = book.compiled(preset)
    witness = cs.witness(case.inputs)
    assert cs.violations(witness) == []
    proven = decode(witness[4:5])[0]
    assert proven == case.inputs["margin"] == book.reference_margin(preset, epoch, positions)
    return proven


TAILS = [TailSize(5, 2), TailSize(1, 3), TailSize(2), TailSize(8), TailSize(15, 2), TailSize(1), TailSize(4, 3)]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), tail=st.sampled_from(TAILS), magnitude=st.sampled_from([0, 1, 2, 10**6, 2**44 - 1]))
def test_margins_are_the_references(data, tail: TailSize, magnitude: int, book) -> None:
    """Ties (magnitudes 0 to 2), negative Expected Shortfall, fractional tails, K/D close to 0 and to S."""
    preset = book.with_shape(book.TINY, tail=tail)
    numbers = st.integers(-magnitude, magnitude)
    changes = np.array(data.draw(st.lists(st.lists(numbers, min_size=8, max_size=8), min_size=3, max_size=3)))
    most = max(1, (2**48 - 1) // max(1, 3 * int(abs(changes).max())))
    lots = data.draw(st.lists(st.integers(-min(most, 2**40 - 1), min(most, 2**40 - 1)), min_size=0, max_size=3))
    rates = st.lists(st.integers(0, 2**44 - 1), min_size=3, max_size=3)
    check(book, preset, changes, lots, data.draw(rates), data.draw(rates))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("tail", TAILS, ids=str)
def test_extreme_quantities_and_exposures(sign: int, tail: TailSize, book) -> None:
    preset = book.with_shape(book.TINY, tail=tail)
    largest = 2**40 - 1
    changes = np.zeros((3, 8), np.int64)
    changes[0] = [-1, 1, -1, 1, -1, 1, -1, 1]
    for lots in ([sign * largest], [sign * largest] * 3, [-sign * largest, sign * largest, 0]):
        check(book, preset, changes, lots, [2**44 - 1] * 3, [0, 1, 2])
    # Gross exposure 2**48 - 1 exactly: (2**16 - 1) * (2**32 + 2**16 + 1).
    many = 2**32 + 2**16 + 1
    changes[0] = 65535 * np.array([1, -1, 1, 1, -1, -1, 0, 1])
    check(book, preset, changes, [sign * many], [0] * 3, [0] * 3)
    changes[0] = 65535                 # every scenario loses, or wins, all of it
    assert check(book, preset, changes, [sign * many], [0] * 3, [0] * 3) == (0 if sign > 0 else 2**48 - 1)


def test_an_empty_portfolio_has_margin_0(book) -> None:
    assert check(book, book.TINY, np.ones((1, 8), np.int64), [], [5], [5]) == 0


def test_duplicate_instruments_add_up(book) -> None:
    epoch = book.random_epoch(book.TINY.shape)
    cs = book.compiled(book.TINY)
    for positions in ([(3, 5), (3, 7)], [(3, 5), (3, -5), (3, 1)]):
        case = book.case(book.TINY, epoch, positions)
        assert cs.violations(cs.witness(case.inputs)) == []
        merged = book.reference_margin(book.TINY, epoch, [(3, sum(q for _, q in positions))])
        assert case.inputs["margin"] >= merged


@pytest.mark.parametrize(("scenarios", "tail"), [
    (1, TailSize(1)), (1, TailSize(1, 2)), (5, TailSize(5)), (6, TailSize(11, 2)), (11, TailSize(32, 5))])
def test_other_scenario_counts(scenarios: int, tail: TailSize, book) -> None:
    """One scenario, k = S (C15 absent), counts that no lane number divides."""
    preset = book.with_shape(book.TINY, scenarios=scenarios, tail=tail)
    case = book.case(preset)
    cs = book.compiled(preset)
    assert cs.rows == formula(preset)
    assert cs.violations(cs.witness(case.inputs)) == []
    assert case.inputs["margin"] == book.reference_margin(preset, case.epoch, case.positions)
    assert ("tail/C15 one" in cs.groups()) == (tail.numerator % tail.denominator != 0)


def test_one_slot_and_sixty_four(book) -> None:
    for slots in (1, 64):
        preset = replace(book.TINY, slots=slots)
        epoch = book.random_epoch(preset.shape, instruments=62)      # and the leaves of nothing and of the header
        case = book.case(preset, epoch)
        cs = book.compiled(preset)
        assert cs.rows == formula(preset)
        assert cs.violations(cs.witness(case.inputs)) == []


# -- what is refused before a witness exists -------------------------------------------------------------------------
@pytest.mark.parametrize(("positions", "says"), [
    ([(1, 1)] * 4, "number of positions is 4: must be at most 3"),
    ([(1, 2**40)], r"positions\[0\] lots is 1099511627776: must be an integer in \[-1099511627775, 1099511627775\]"),
    ([(1, 1), (2, -2**40)], r"positions\[1\] lots"),
    ([(21, 1)], r"positions\[0\] leaf is 21: must be an integer in \[0, 20\]"),
    ([(-1, 1)], r"positions\[0\] leaf"),
    ([(1, 1.0)], r"positions\[0\] lots"),
    ([(1, True)], r"positions\[0\] lots"),
    ([(1, 2**39), (2, 2**39)], r"gross exposure \(the sum of \|lots\| amax\)"),
])
def test_portfolios_out_of_bounds(positions: list, says: str, book) -> None:
    epoch = book.random_epoch(book.TINY.shape)
    with pytest.raises(BadInput, match=says):
        margin.assign(book.TINY, epoch, positions, salt=1, context=1)


def test_salt_context_and_shape_out_of_bounds(book) -> None:
    epoch = book.random_epoch(book.TINY.shape)
    for salt, context, says in [(MODULUS, 1, "salt"), (-1, 1, "salt"), (1, MODULUS, "context"), (1, "1", "context")]:
        with pytest.raises(BadInput, match=f"^{says}"):
            margin.assign(book.TINY, epoch, [], salt, context)
    other = book.with_shape(book.TINY, tail=TailSize(2))
    with pytest.raises(BadInput, match="epoch shape"):
        margin.assign(other, epoch, [], 1, 1)
    with pytest.raises(BadInput, match="number of positions"):
        margin.fill(book.TINY, [(1, 1)] * 4)


@pytest.mark.parametrize("changes", [{"slots": 0}, {"slots": 65}, {"gross_bits": 0}, {"threshold_bits": 47},
                                     {"gap_bits": 48}, {"slots": 3.0}])
def test_presets_out_of_bounds(changes: dict, book) -> None:
    with pytest.raises(BadInput, match=next(iter(changes))):
        replace(book.TINY, **changes)


def test_a_shallow_tree_is_refused(book) -> None:
    with pytest.raises(BadInput, match="depth"):
        book.with_shape(book.TINY, depth=1)


def test_the_commitment_is_of_all_slots(book) -> None:
    case = book.case()
    slots = [(int(case.epoch.ids[leaf]), lots) for leaf, lots in case.positions]
    salt = case.inputs["commitment/salt"]
    assert margin.commit(salt, margin.fill(book.TINY, slots)) == case.inputs["portfolio_commitment"]
    assert margin.commit(salt, slots) != case.inputs["portfolio_commitment"]
