"""Cover against its specification: sizes, exactly one provable side whatever the claim, named attacks."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.soundness import cover as cheats
from circuits.soundness.forgery import Attack, forge, refusing_groups
from circuits.statements import cover, grid, margin
from circuits.statements.cover import Claim
from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS, decode
from risk.epochs.epoch import Epoch
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GridShape
from risk.margins.grid_margin import grid_margin
from risk.margins.margin import margin as full_margin

TINY = ("cover-tiny", "cover-grid-tiny", "cover-tiny-w", "cover-grid-tiny-w")
MOST = 2**96 - 1
GOLDEN = jsonio.read(Path(__file__).parents[2] / "circuits" / "statements" / "pins.json")


# -- sizes -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [*TINY, "cover-full-256x16"])
def test_row_counts(name: str) -> None:
    """Beyond a margin's: parts of the claim, its packing, one product, the distance; less C19 (docs/statements.md)."""
    statement = statements.get(name)
    parts = statements.get(name.replace("cover", "margin")).rows
    required = distance_bits(statement)
    assert statement.rows == parts + 96 + 16 + 1 + 1 + 1 + required + 1 - 1
    assert statement.public_inputs == ("context", "epoch_root", "portfolio_commitment", "claim")


def distance_bits(statement: statements.Statement) -> int:
    """Of 10**4 V or of M (10**4 + beta), whichever can be larger."""
    preset = statement.preset.margin
    largest = 2**preset.gross_bits - 1 + preset.slots * (2**40 - 1) * (2**44 - 1)
    return max(10**4 * MOST, largest * (10**4 + 2**16 - 1)).bit_length()


def test_the_full_sizes_fit_the_domains_of_their_margins() -> None:
    for name in ("full-256x16", "full-1000x32", "grid-1000x32", "grid-1000x32-w"):
        assert GOLDEN[f"cover-{name}"]["domain"] == GOLDEN[f"margin-{name}"]["domain"]


# -- against the integer reference -------------------------------------------------------------------------------------
@cache
def epoch_of(name: str, seed: int = 1, regime: int = 0) -> Any:
    """Three instruments of a tiny statement."""
    shape = statements.get(name).shape
    rng = np.random.default_rng(seed)
    rates = {"long": rng.integers(0, 1000, 3), "short": rng.integers(0, 1000, 3)}
    if isinstance(shape, GridShape):
        return GridEpoch.of(shape, (1, 2, 3), rng.integers(-10**6, 10**6 + 1, (3, shape.nodes)),
                            underlying=rng.integers(0, 2, 3), regime=regime, **rates)
    return Epoch.of(shape, (1, 2, 3), rng.integers(-10**6, 10**6 + 1, (3, shape.scenarios)), **rates)


def required_of(epoch: Any, positions: list[tuple[int, int]]) -> int:
    """By the code that margins are published with."""
    return (grid_margin if isinstance(epoch, GridEpoch) else full_margin)(epoch, positions).required


def accepted(name: str, epoch: Any, positions: list[tuple[int, int]], claim: Claim) -> bool:
    """Whether the circuit takes what is claimed of a portfolio."""
    statement = statements.get(name)
    slots = [*positions, *[(0, 0)] * (3 - len(positions))]
    inputs = cover.unchecked_inputs(statement.preset, epoch, slots, 5, claim, 6)
    return not statement.build().violations(forge(statement.build(), inputs))


@settings(max_examples=40, deadline=None)
@given(name=st.sampled_from(TINY), seed=st.integers(0, 5), buffer=st.sampled_from([0, 1, 500, 9999, 2**16 - 1]),
       lots=st.lists(st.integers(-2**20, 2**20), max_size=3), edge=st.integers(-1, 1))
def test_exactly_one_side_is_provable(name: str, seed: int, buffer: int, lots: list[int], edge: int) -> None:
    """One unit above, at, or below what just covers margin and buffer."""
    epoch = epoch_of(name, seed)
    positions = [(i + 1, q) for i, q in enumerate(lots)]
    needed = -(-required_of(epoch, positions) * (10**4 + buffer) // 10**4)
    value = max(0, needed + edge)
    assert accepted(name, epoch, positions, Claim(value, buffer, True)) == (value >= needed)
    assert accepted(name, epoch, positions, Claim(value, buffer, False)) == (value < needed)


@pytest.mark.parametrize("name", TINY)
def test_equality_is_cover(name: str) -> None:
    """10**4 V = M (10**4 + beta) to the last unit; and 10**4 times less than the smallest unit beside it."""
    epoch, positions = epoch_of(name), [(1, 10_000), (2, -20_000)]
    required = required_of(epoch, positions)
    for buffer, value in ((0, required), (10**4, 2 * required)):
        assert 10**4 * value == required * (10**4 + buffer)
        assert accepted(name, epoch, positions, Claim(value, buffer, True))
        assert not accepted(name, epoch, positions, Claim(value, buffer, False))
        assert not accepted(name, epoch, positions, Claim(value - 1, buffer, True))
        assert accepted(name, epoch, positions, Claim(value - 1, buffer, False))


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(("value", "buffer"), [(0, 0), (0, 2**16 - 1), (MOST, 0), (MOST, 2**16 - 1)])
def test_extremes_of_claims(name: str, value: int, buffer: int) -> None:
    """With nothing held, nothing is due, and everything covers it. The largest V covers whatever can be due here."""
    assert accepted(name, epoch_of(name), [], Claim(value, buffer, True))
    assert not accepted(name, epoch_of(name), [], Claim(value, buffer, False))
    held = [(1, 2**20), (2, -2**20), (3, 2**20)]
    assert accepted(name, epoch_of(name), held, Claim(value, buffer, value == MOST))
    assert not accepted(name, epoch_of(name), held, Claim(value, buffer, value != MOST))


def test_the_largest_margin_is_provable_on_both_sides() -> None:
    """2**40 - 1 lots at the largest rate in every slot: M (10**4 + beta) exceeds every V that would cover it, and
    its distance has its bits."""
    statement = statements.get("cover-tiny")
    shape, rate = statement.shape, 2**44 - 1
    epoch = Epoch.of(shape, (1, 2, 3), np.zeros((3, 8), np.int64), long=np.full(3, rate), short=np.full(3, rate))
    positions = [(leaf, 2**40 - 1) for leaf in (1, 2, 3)]
    required = required_of(epoch, positions)
    assert required == 3 * (2**40 - 1) * rate
    for buffer in (0, 2**16 - 1):
        needed = -(-required * (10**4 + buffer) // 10**4)
        assert needed < MOST
        for value in (0, needed - 1, needed, MOST):
            assert accepted("cover-tiny", epoch, positions, Claim(value, buffer, value >= needed))
            assert not accepted("cover-tiny", epoch, positions, Claim(value, buffer, value < needed))


# -- claims ------------------------------------------------------------------------------------------------------------
def test_a_claim_packs_as_the_contract_does() -> None:
    assert Claim(5, 7, True).packed() == 5 + 7 * 2**128 + 2**144
    assert Claim(MOST, 2**16 - 1, True).packed() < 2**145 < MODULUS
    assert Claim(0, 0, False).packed() == 0
    rng = random.Random(2)
    claims = [Claim(rng.randrange(2**96), rng.randrange(2**16), rng.random() < 0.5) for _ in range(50)]
    assert len({claim.packed() for claim in claims}) == len(set(claims))


@pytest.mark.parametrize(("field", "arguments"), [
    ("value", (-1, 0, False)), ("value", (2**96, 0, True)), ("value", (1.0, 0, True)), ("buffer", (0, -1, True)),
    ("buffer", (0, 2**16, True)), ("covered", (0, 0, 1)), ("covered", (0, 0, -1))])
def test_claims_out_of_bounds_are_refused(field: str, arguments: tuple[Any, ...]) -> None:
    """A negative V is a shortfall without a proof."""
    with pytest.raises(BadInput, match=field):
        Claim(*arguments)


@pytest.mark.parametrize("name", TINY)
def test_only_what_is_true_is_assigned(name: str) -> None:
    statement, epoch, positions = statements.get(name), epoch_of(name), [(1, 10_000), (2, -20_000)]
    required = required_of(epoch, positions)
    for value in (required - 1, required):
        true, false = (Claim(value, 0, side == (value >= required)) for side in (True, False))
        inputs = cover.assign(statement.preset, epoch, positions, 5, true, 6)
        witness = statement.build().witness(inputs)
        assert decode(witness[1:5]) == [6, epoch.root, inputs["portfolio_commitment"], true.packed()]
        with pytest.raises(BadInput, match=r"10\*\*4 V - M"):
            cover.assign(statement.preset, epoch, positions, 5, false, 6)


def test_what_a_margin_would_refuse_is_refused() -> None:
    preset, epoch = statements.get("cover-tiny").preset, epoch_of("cover-tiny")
    claim = Claim(MOST, 0, True)
    for match, arguments in (("positions", ([(1, 1)] * 4, 5)), ("leaf", ([(9, 1)], 5)), ("lots", ([(1, 2**40)], 5)),
                             ("salt", ([], MODULUS))):
        with pytest.raises(BadInput, match=match):
            cover.assign(preset, epoch, arguments[0], arguments[1], claim, 6)
    with pytest.raises(BadInput, match="epoch shape"):
        cover.assign(preset, epoch_of("cover-tiny-w"), [], 5, claim, 6)


def test_the_margin_is_that_of_the_margin_statement() -> None:
    """The same rows for C1 to C18: whatever is attacked there is attacked here."""
    for name, define in (("cover-tiny", margin.define), ("cover-grid-tiny-w", grid.define)):
        statement = statements.get(name)
        other = ConstraintSystem()
        define(other, statement.preset.margin)
        sizes = {label: len(rows) for label, rows in other.finish().groups().items() if label != "result/C19"}
        ours = {label: len(rows) for label, rows in statement.build().groups().items()}
        assert sizes.items() <= ours.items()
        assert {label for label in ours if label not in sizes} == {
            "claim/V1 value bit", "claim/V1 buffer bit", "claim/V1 side", "claim/V2", "result/V3 margin and buffer",
            "result/V3 distance bit", "result/V3 distance"}


# -- attacks -----------------------------------------------------------------------------------------------------------
SUBJECTS = {"full": cheats.subject, "masses": cheats.masses_subject}


@pytest.mark.parametrize("attack", cheats.subject().attacks, ids=lambda attack: attack.name)
def test_attacks_are_refused_by_the_constraints_they_name(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.subject().cs, attack)


@pytest.mark.parametrize("subject", SUBJECTS)
def test_no_shortfall_by_an_overstated_margin(subject: str) -> None:
    """Each way to overstate a margin, and each time the claim that it would take an account by is false: cover of the
    very same V is provable. Were the clauses that make a margin exact from above left out, the shortfall would be."""
    found = SUBJECTS[subject]()
    forged = [attack for attack in found.attacks if attack.name.startswith("shortfall-forged")]
    assert len(forged) >= 4
    for attack in forged:
        assert attack.inputs["claim/V1 side"] == 0
        assert refusing_groups(found.cs, forge(found.cs, attack.inputs, attack.overrides)) == attack.refused_by
        assert attack.refused_by < found.inherited | found.cs.groups().keys()
        assert all(label.startswith(("tail/", "result/C17")) for label in attack.refused_by)
