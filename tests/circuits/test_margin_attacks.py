"""Named attacks on `margin`: each is refused by the constraints it names and by no others.

By no others: so that without those constraints the forged witness would pass.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone

from circuits.builder import ConstraintSystem
from circuits.errors import CircuitError
from circuits.gadgets import packing
from circuits.soundness import margin as cheats
from circuits.soundness.forgery import Attack, complaint, forge, missed, refusing_groups, square_root
from circuits.statements import margin
from primitives.errors import BadInput
from primitives.field import MODULUS
from risk.epochs.epoch import Epoch, pack
from risk.exact.shape import EpochShape, TailSize

STATEMENT_11 = {                   # those of §11 that are on this circuit
    "commitment-other-slots", "swapped-leaf", "foreign-child", "node-as-leaf", "foreign-top", "wrong-regime",
    "other-shape", "sigma-2", "q-2^40", "sign-flipped", "gross-carry", "cheap-side-rate", "lane-carry",
    "threshold-wrap", "flag-2", "gap-negated", "k-1", "k+1", "threshold-between-ranks", "floor-not-ceil",
    "remainder-K'", "negative-margin", "y-2^g", "margin-1", "context-swap"}


def test_every_attack_of_the_specification_is_here() -> None:
    assert {attack.name.split(",")[0] for attack in cheats.attacks()} >= STATEMENT_11


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda a: f"{a.name} ({', '.join(sorted(a.refused_by))})")
def test_attack_is_refused_by_the_named_constraints_alone(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_an_attack_that_names_the_wrong_constraints_is_noticed() -> None:
    attack = next(a for a in cheats.attacks() if a.says)
    other = frozenset(cheats.circuit().groups()) - attack.refused_by
    for wrong in (replace(attack, refused_by=attack.refused_by | {min(other)}), replace(attack, refused_by=frozenset()),
                  replace(attack, says="something else")):
        with pytest.raises(AssertionError):
            assert_refused_by_the_named_alone(cheats.circuit(), wrong)


def test_no_group_of_constraints_is_without_an_attack_that_needs_it() -> None:
    assert missed(cheats.circuit(), cheats.attacks()) == []


def test_a_group_that_no_attack_needs_is_reported() -> None:
    others = [a for a in cheats.attacks() if a.refused_by != {"tail/C14 count"}]
    assert missed(cheats.circuit(), others) == ["tail/C14 count"]


def test_attacks_pay(book) -> None:
    """The classic ones would understate the margin of the true portfolio."""
    by_name = {attack.name: attack for attack in cheats.attacks()}
    honest = cheats.ordinary().inputs["margin"]
    for name in ("commitment-other-slots", "sigma-2", "loss-lowered", "gap-0", "flag-half", "shortfall-denied"):
        assert by_name[name].inputs["margin"] < honest, name
    assert by_name["threshold-wrap"].inputs["margin"] == 4                  # for 1000
    assert by_name["gross-carry"].inputs["margin"] <= 3 * 2**20 + 2


# -- one bit too loose -------------------------------------------------------------------------------------------------
LOOSE = {"gap_bits": 50, "threshold_bits": 49}


@pytest.mark.parametrize("bits", [{"gap_bits": 50}, {"threshold_bits": 49}, {"gross_bits": 48, "gap_bits": 51}])
def test_bounds_one_bit_too_loose_are_refused_while_recording(bits: dict[str, int], book) -> None:
    with pytest.raises(CircuitError, match=r"risk/C9: lanes in .* can carry over 50 bits"):
        book.compiled(replace(book.TINY, **bits))


def test_the_forgery_that_one_bit_allows(book, monkeypatch: pytest.MonkeyPatch) -> None:
    """STATEMENT §8.3: gaps of 50 bits in lanes of 50, and a loss of 2**48 - 1 is proven away."""
    monkeypatch.setattr(packing, "unique", lambda *arguments: None)
    shape = EpochShape(12, TailSize(32, 5), depth=2)
    preset = margin.Preset(shape, 1, gross_bits=48, threshold_bits=48, gap_bits=50)
    cs = ConstraintSystem()
    margin.define(cs, preset)
    cs.finish()
    changes = np.full((1, 12), 10, np.int64)
    changes[0, 0] = -(2**16 - 1)
    changes[0, 5:10] = -np.arange(100, 105)
    many = 2**32 + 2**16 + 1                           # (2**16 - 1) * many = 2**48 - 1
    epoch = book.epoch_of(shape, changes)
    inputs = dict(margin.assign(preset, epoch, [(1, many)], salt=1, context=1))
    assert inputs["margin"] > 2**48 * 5 // 32
    losses = [int(loss) for loss in inputs["risk/loss"]]
    assert losses[0] == 2**48 - 1
    losses[0], losses[1] = losses[0] - 2**50, losses[1] + 1
    order = sorted(range(12), key=lambda s: -losses[s])
    total = 5 * sum(losses[s] for s in order[:6]) + 2 * losses[order[6]]
    ceiling = -(-total // 32)
    inputs |= {"risk/loss": losses, "risk/C10 threshold + 2**T": losses[order[6]] + 2**48,
               "tail/C12 flag": np.isin(np.arange(12), order[:6]), "tail/C15 pointer": np.arange(12) == order[6],
               "result/C17 remainder": 32 * ceiling - total, "margin": ceiling}
    witness = cs.witness(inputs)                       # not even a strict run objects
    assert cs.violations(witness) == []
    assert ceiling < 2**48 // 50


def test_threshold_wrap_with_an_integer_tail(book) -> None:
    """Without C10 four of five lanes shift down by 2**50 and t, which C15 does not pin here, hides halfway."""
    preset = book.with_shape(book.TINY, tail=TailSize(2))
    changes = -np.array([[1000, 900, 800, 700, 5, 600, 500, 4]])
    case = book.case(preset, book.epoch_of(preset.shape, changes), [(1, 1)])
    losses = [int(loss) for loss in case.inputs["risk/loss"]]
    for lanes in ([0, 1, 2, 3, 4], [5, 6, 7]):
        for s in lanes[:-1]:
            losses[s] -= 2**50
        for s in lanes[1:]:
            losses[s] += 1
    forged = case.inputs | {
        "risk/loss": losses, "risk/C10 threshold + 2**T": -2**49 + 10 + 2**48,
        "tail/C12 flag": np.isin(np.arange(8), [4, 7]), "result/C17 remainder": 1, "margin": 6}
    assert case.inputs["margin"] == 950
    cs = book.compiled(preset)
    assert refusing_groups(cs, forge(cs, forged)) == {"risk/C10 threshold + 2**T bit"}
    assert "risk/C10 threshold + 2**T is " in (complaint(cs, forged) or "")


# -- what the circuit leaves to others ---------------------------------------------------------------------------------
def unchecked(epoch: Epoch) -> Epoch:
    """The epoch with its leaves built without the checks E1 to E5: a dishonest publisher."""
    terms = [column.astype(object) for column in (epoch.ids, epoch.underlying, epoch.long, epoch.short, epoch.amax)]
    epoch.__dict__["_leaves"] = np.concatenate([np.stack(terms, axis=1), pack(epoch.changes, epoch.shape)], axis=1)
    return epoch


DISHONEST = {"duplicate-id": "E1", "aliased-table": "E2", "negative-rate": "E3"}


@pytest.fixture
def dishonest(book):
    """Epochs of two instruments that no publisher may sign, by name of the attack; and an honest one."""
    def make(name: str) -> Epoch:
        changes = np.zeros((2, 8), np.int64)
        changes[0, :2] = [-1, 1]
        epoch = book.epoch_of(book.TINY.shape, changes, np.array([3, 3]), np.array([3, 3]))
        if name == "duplicate-id":
            epoch.ids[2] = epoch.ids[1]                # without losses; whoever holds the first opens the second
        elif name == "aliased-table":
            epoch.changes[1, :2] = [2**50 - 1, 0]      # packs like (-1, 1), and amax is still 1
        elif name == "negative-rate":
            epoch.long[1] = -4
        return epoch

    return make


def test_the_publishers_duties_are_needed(book, dishonest) -> None:
    """The circuit takes what is published: what breaks E1 to E3 must not be."""
    preset, cs = book.TINY, book.compiled(book.TINY)

    def accepted(epoch: Epoch, row: int, **forged: Any) -> int:
        inputs = margin.unchecked_inputs(preset, epoch, margin.fill(preset, [(row, -5)]), 1, 1)
        assert cs.violations(forge(cs, inputs | forged)) == []
        return int((inputs | forged)["margin"])

    honest = accepted(unchecked(dishonest("")), 1)
    assert accepted(unchecked(dishonest("duplicate-id")), 2) < honest
    epoch = unchecked(dishonest("negative-rate"))
    inputs = margin.unchecked_inputs(preset, epoch, margin.fill(preset, [(1, 5)]), 1, 1)
    assert cs.violations(forge(cs, inputs)) == []
    assert int(inputs["margin"]) < 0
    # By the aliased table, the seller of 5 loses 5 (2**50 - 1) in one scenario; the circuit sees 5.
    aliased = unchecked(dishonest("aliased-table"))
    assert aliased.root == dishonest("").root
    assert book.reference_margin(preset, aliased, [(1, -5)]) > 2**50 > 100 > honest


@pytest.mark.parametrize("name", DISHONEST)
def test_such_epochs_are_refused_by_name(name: str, book, dishonest) -> None:
    with pytest.raises(BadInput, match=rf"\({DISHONEST[name]}\)"):
        margin.assign(book.TINY, dishonest(name), [(1, 1)], 1, 1)


def test_margin_plus_r_is_no_witness_value(book) -> None:
    case = book.case()
    for name in ("margin", "context", "epoch_root", "portfolio_commitment"):
        with pytest.raises(BadInput, match=f"witness input {name} is .*between -r and r"):
            book.compiled(book.TINY).witness(case.inputs | {name: int(case.inputs[name]) + MODULUS})


@pytest.mark.parametrize("value", [0, 1, 4, 9, 2**128, MODULUS - 1, 12345 * 12345])
def test_square_roots(value: int) -> None:
    root = square_root(value)
    assert root is not None
    assert root * root % MODULUS == value
    assert square_root(5 * (value or 1)) is None
