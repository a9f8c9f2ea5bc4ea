"""Margin on a grid against its specification: sizes, margins of the integer reference, named attacks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.errors import CircuitError
from circuits.gadgets.one_hot import one_hot
from circuits.gadgets.poseidon import hash_cost
from circuits.soundness import grid as cheats
from circuits.soundness import margin as single
from circuits.soundness.audit import examine, forgotten, replaced
from circuits.soundness.forgery import Attack, forge, missed
from circuits.soundness.uniqueness import given_wires, unpinned
from circuits.statements import grid
from circuits.statements.grid import Preset
from primitives.errors import BadInput, Unsatisfied
from primitives.field import MODULUS, decode
from risk.epochs.epoch import Header
from risk.epochs.provenance import Sources
from risk.exact.shape import TailSize
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GRID_1000, GRID_TINY, GridShape
from risk.margins.grid_margin import grid_margin
from risk.margins.portfolio import Portfolio

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
TINY: Preset = statements.get("margin-grid-tiny").preset
FULL: Preset = statements.get("margin-grid-1000x32").preset


@cache
def compiled(preset: Preset) -> ConstraintSystem:
    cs = ConstraintSystem()
    grid.define(cs, preset)
    return cs.finish()


def epoch_of(shape: GridShape, changes: np.ndarray, seed: int = 1, regime: int = 0, magnitude: int = 10**5
             ) -> GridEpoch:
    rng = np.random.default_rng(seed)
    rates = rng.integers(0, magnitude + 1, (2, len(changes)))
    return GridEpoch.of(shape, range(1001, 1001 + len(changes)), changes, long=rates[0], short=rates[1], regime=regime,
                        underlying=rng.integers(0, shape.underlyings, len(changes)))


# -- sizes -----------------------------------------------------------------------------------------------------------
def formula(p: Preset) -> int:
    """The row counts of STATEMENT §6, but that regimes are chosen over nodes and not over scenarios."""
    s, J, U, Γ, ρ = p.shape, p.slots, p.shape.underlyings, p.shape.nodes, p.shape.regimes
    S, E, scale = s.scenarios, s.packs, s.tail.numerator << s.weight_bits
    bits = (scale - 1).bit_length()
    tail = S * (p.gap_bits + 2) + 1 + (S + 1) * s.tail.fractional
    result = bits + (bits + 1) * (scale != 1 << bits) + p.gross_bits + 2
    risk = J * (2 * U + 1) + U * J * E + U * Γ * (p.gross_bits + 1) + ρ + 1 + ρ * U * Γ
    return (J * hash_cost(E + 5) + 3645 + J * (63 + 412 * (s.depth - 2)) + 264 + hash_cost(2 * J + 1) + 45 * J
            + p.gross_bits + 1 + risk + tail + result + 4 + hash_cost(4) - hash_cost(3))


@pytest.mark.parametrize(("preset", "rows"), [
    (TINY, None), (FULL, 123_412 - 2_436), (replace(FULL, shape=replace(GRID_1000, depth=3)), 110_228 - 2_436),
    (replace(FULL, shape=replace(GRID_1000, tail=TailSize(25))), 122_409 - 2_436)], ids=["tiny", "4096", "512", "25/1"])
def test_row_counts(preset: Preset, rows: int | None) -> None:
    """2,436 fewer than STATEMENT §6: ρUΓ = 528 products of regimes and nodes instead of (ρ - 1)S = 3000, and 36 more
    for the collateral factors in the epoch root."""
    assert compiled(preset).rows == formula(preset) == (rows or formula(preset))


def test_the_full_size_statement_fits_its_domain() -> None:
    statement = statements.get("margin-grid-1000x32")
    assert (statement.rows, statement.domain, statement.slots) == (120_976, 17, 32)
    assert statement.rows + len(statement.public_inputs) + 1 <= 2**17
    assert statement.shape == GRID_1000
    assert statement.public_inputs == ("context", "epoch_root", "portfolio_commitment", "margin")


# -- margins against the integer reference ---------------------------------------------------------------------------
def check(preset: Preset, epoch: GridEpoch, positions: list[tuple[int, int]]) -> int:
    inputs = grid.assign(preset, epoch, positions, salt=5, context=6)
    cs = compiled(preset)
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    proven = decode(witness[4:5])[0]
    assert proven == grid_margin(epoch, positions).required
    return proven


TAILS = [TailSize(5, 2), TailSize(1, 3), TailSize(2), TailSize(8), TailSize(15, 2)]


@settings(max_examples=60, deadline=None)
@given(data=st.data(), tail=st.sampled_from(TAILS), magnitude=st.sampled_from([0, 1, 2, 10**6, 2**44 - 1]),
       seed=st.integers(0, 10**6), regime=st.integers(0, 1))
def test_margins_are_the_references(data, tail: TailSize, magnitude: int, seed: int, regime: int) -> None:
    """Ties (magnitudes 0 to 2), negative Expected Shortfall, fractional tails, K/D close to 0 and to S."""
    preset = replace(TINY, shape=replace(GRID_TINY, tail=tail))
    changes = np.random.default_rng(seed).integers(-magnitude, magnitude + 1, (3, GRID_TINY.nodes))
    epoch = epoch_of(preset.shape, changes, seed, regime, min(10 * magnitude, 2**44 - 1))
    most = min(max(1, (2**48 - 1) // max(1, 3 * int(epoch.amax.max()))), 2**40 - 1)
    lots = data.draw(st.lists(st.integers(-most, most), max_size=3))
    check(preset, epoch, [(i + 1, q) for i, q in enumerate(lots)])


@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_exposure_is_provable(sign: int) -> None:
    """Gross exposure 2**48 - 1 = (2**16 - 1)(2**32 + 2**16 + 1), gained or lost at every node."""
    epoch = epoch_of(GRID_TINY, np.full((1, GRID_TINY.nodes), 2**16 - 1), magnitude=0)
    assert check(TINY, epoch, [(1, sign * (2**32 + 2**16 + 1))]) == (0 if sign > 0 else 2**48 - 1)


def test_empty_and_repeated_slots() -> None:
    epoch = epoch_of(GRID_TINY, np.random.default_rng(1).integers(-1000, 1001, (20, GRID_TINY.nodes)), regime=1)
    assert check(TINY, epoch, []) == 0
    assert check(TINY, epoch, [(3, 5), (3, 7)]) == check(TINY, epoch, [(3, 12)])
    assert check(TINY, epoch, [(3, 5), (3, -5)]) == 5 * int(epoch.long[3] + epoch.short[3])


@pytest.mark.parametrize("portfolio", ["short_straddle", "covered_call", "cross_asset_hedge", "concentrated_short"])
def test_fixture_portfolios_at_full_size(portfolio: str) -> None:
    """In a regime each; the short straddle's margin is proven to be the reference's, from market data on."""
    epoch = _fixture_epoch().under(len(portfolio) % 4)
    check(FULL, epoch, Portfolio.read(FIXTURES / "portfolios" / f"{portfolio}.json").rows(epoch))


@cache
def _fixture_epoch() -> GridEpoch:
    return build_grid(Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json"), GRID_1000)


def test_a_full_size_witness_is_pinned() -> None:
    epoch = _fixture_epoch()
    inputs = grid.assign(FULL, epoch, [(i, 5 * i - 81) for i in range(1, 33)], salt=5, context=6)
    cs = compiled(FULL)
    assert len(unpinned(cs.r1cs(), cs.witness(inputs), given_wires(cs, frozenset({"context"})))) == 0


# -- what is refused before a witness exists -------------------------------------------------------------------------
@pytest.mark.parametrize(("positions", "says"), [
    ([(1, 1)] * 4, "number of positions is 4: must be at most 3"), ([(1, 2**40)], r"positions\[0\] lots"),
    ([(4, 1)], r"positions\[0\] leaf"), ([(1, 1.0)], r"positions\[0\] lots"),
    ([(1, 2**39), (2, 2**39)], r"gross exposure \(the sum of \|lots\| amax\)")])
def test_portfolios_out_of_bounds(positions: list, says: str) -> None:
    epoch = epoch_of(GRID_TINY, np.full((3, GRID_TINY.nodes), 1000))
    with pytest.raises(BadInput, match=says):
        grid.assign(TINY, epoch, positions, salt=1, context=1)


def test_epochs_salts_and_contexts_out_of_bounds() -> None:
    epoch = epoch_of(GRID_TINY, np.zeros((1, GRID_TINY.nodes), np.int64))
    other = replace(TINY, shape=replace(GRID_TINY, map=replace(GRID_TINY.map, seed=2)))
    with pytest.raises(BadInput, match="epoch shape"):
        grid.assign(other, epoch, [], salt=1, context=1)
    for salt, context, says in ((MODULUS, 1, "salt"), (1, -1, "context")):
        with pytest.raises(BadInput, match=says):
            grid.assign(TINY, epoch, [], salt, context)
    three = GridEpoch.of(GRID_TINY, [1], np.zeros((1, GRID_TINY.nodes), np.int64), underlying=np.array([2]),
                         header=Header(underlyings=("a", "b")))
    with pytest.raises(BadInput, match="E5"):
        grid.assign(TINY, three, [], salt=1, context=1)


@pytest.mark.parametrize("changes", [{"slots": 0}, {"slots": 65}, {"gross_bits": 0}, {"gap_bits": 52}])
def test_presets_out_of_bounds(changes: dict) -> None:
    with pytest.raises(BadInput, match=next(iter(changes))):
        replace(TINY, **changes)
    with pytest.raises(BadInput, match="depth"):
        replace(TINY, shape=replace(GRID_TINY, depth=1))


def test_lanes_that_could_carry_are_refused_while_recording() -> None:
    with pytest.raises(CircuitError, match=r"risk/C9: lanes in .* can carry over 50 bits"):
        compiled(replace(TINY, gross_bits=50, gap_bits=55))


# -- attacks ---------------------------------------------------------------------------------------------------------
STATEMENT_11 = {"one-hot-2", "two-underlyings", "node-out-of-range", "regime-mix", "wrong-regime", "other-shape",
                "gross-carry"}


def test_every_attack_of_the_specification_is_here() -> None:
    assert {attack.name for attack in cheats.attacks()} >= STATEMENT_11


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda a: a.name)
def test_attack_is_refused_by_the_named_constraints_alone(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_attacks_pay() -> None:
    by_name = {attack.name: attack.inputs["margin"] for attack in cheats.attacks()}
    honest = [cheats.ordinary(regime).inputs["margin"] for regime in range(3)]
    for name in ("two-underlyings", "no-underlying", "one-hot-half", "lots-dropped", "nothing-netted", "netted-raised",
                 "nothing-in-regime"):
        assert by_name[name] < honest[1], name
    assert by_name["no-regime"] < honest[0]
    assert by_name["node-out-of-range"] < 2**40


def test_every_group_of_constraints_is_needed_by_an_attack_here_or_on_margin() -> None:
    """Groups that no attack here needs are clauses of `margin` under the same labels, where attacks need them all."""
    rest = set(missed(cheats.circuit(), cheats.attacks()))
    assert rest <= set(single.circuit().groups())
    assert not any(label.startswith("risk/") for label in rest)
    assert missed(single.circuit(), single.attacks()) == []


@pytest.mark.parametrize("case", ["ordinary", "empty slots", "one underlying", "all losses 0", "largest exposure"])
def test_witnesses_are_unique_but_for_known_freedoms(case: str) -> None:
    subject = cheats.subject()
    assert list(examine(subject, subject.cs.r1cs(), case, subject.cases[case])) == []


def test_no_hint_of_the_grid_can_be_replaced() -> None:
    subject = cheats.subject()
    hints = frozenset(label for label in subject.cs.hints if label.startswith("risk/"))
    assert hints == {cheats.MARKS, cheats.REGIME, cheats.NETTED, cheats.THRESHOLD}
    assert list(replaced(subject, subject.cs.r1cs(), "ordinary", subject.cases["ordinary"], hints, None)) == []


@pytest.mark.parametrize("label", [label for label in cheats.circuit().groups() if label.startswith("risk/")])
def test_without_a_group_of_constraints_the_harness_is_red(label: str) -> None:
    findings = forgotten(cheats.subject(), frozenset({label}))
    assert {f.label for f in findings if f.check == "attack"} == \
        {attack.name for attack in cheats.attacks() if attack.refused_by == {label}} != set()
    # Wires come loose where a group defines them; elsewhere other booleans hold them until all move at once.
    loose = {f.label for f in findings if f.check == "uniqueness"}
    assert (label in loose) == (label in {"risk/C9 lots in underlying", "risk/C9 product", "risk/C11 netted in regime",
                                          "risk/C9 underlying", "risk/C10 netted + 2**g bit"})


# -- the gadget ------------------------------------------------------------------------------------------------------
def test_one_hot_is_one_of_n() -> None:
    cs = ConstraintSystem()
    number = cs.public("number")
    choice = one_hot(cs, "choice", 3)
    cs.equal(choice.number, number, "number")
    cs.finish()
    assert cs.rows == 5
    accepted = [(marks, n) for n in range(-1, 4) for marks in np.ndindex(3, 3, 3)
                if not len(cs.r1cs().broken(forge(cs, {"number": n, "choice": list(marks)})))]
    assert accepted == [((1, 0, 0), 0), ((0, 1, 0), 1), ((0, 0, 1), 2)]
    with pytest.raises(Unsatisfied, match="choice, one is 0: must be 1"):
        cs.witness({"number": 0, "choice": [0, 0, 0]})
