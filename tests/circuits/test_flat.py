"""Flat against its specification: sizes, exactly the empty are accepted, named attacks."""

from __future__ import annotations

import pytest
from attacking import assert_refused_by_the_named_alone
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import statements
from circuits.gadgets.poseidon import hash_cost
from circuits.soundness import flat as cheats
from circuits.soundness.audit import audit
from circuits.soundness.forgery import Attack, forge
from circuits.statements import flat, margin, transition
from primitives.errors import BadInput
from primitives.field import MODULUS, decode


@pytest.mark.parametrize(("name", "rows", "domain"), [("flat-tiny", 389, 9), ("flat-16", 1_458, 11),
                                                      ("flat-32", 2_698, 12)])
def test_row_counts(name: str, rows: int, domain: int) -> None:
    statement = statements.get(name)
    assert statement.rows == hash_cost(2 * statement.slots + 1) + 1 + statement.slots + 1 == rows
    assert statement.domain == domain
    assert statement.public_inputs == ("context", "portfolio_commitment")
    assert not statement.reads_epoch


def accepted(slots: list[tuple[int, int]]) -> bool:
    cs = statements.get("flat-tiny").build()
    return not cs.violations(forge(cs, flat.unchecked_inputs(slots, 5, 6)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 1, 2**248 - 1]), st.sampled_from([0, 1, -1, 2**40 - 1, MODULUS // 2])),
                min_size=3, max_size=3))
def test_exactly_what_holds_no_lots_is_accepted(slots: list[tuple[int, int]]) -> None:
    """Whatever the names, the null instrument's included; and so q id = 0 in every slot."""
    assert accepted(slots) == all(lots == 0 for _, lots in slots)


def test_null_lots_do_not_pass_for_nothing() -> None:
    """R4 of the design's review: an empty fill put null lots (0, +9), (0, -9) into empty slots. Today's transition does
    not let that happen; a venue may still register it, and `flat` refuses it."""
    assert not accepted([(0, 9), (0, -9), (0, 0)])
    assert accepted([(0, 0), (0, 0), (0, 0)])


def test_the_commitment_that_a_transition_leads_to_is_flat_when_all_is_sold() -> None:
    """Also after a venue's record of names without lots: an empty list of fills clears it."""
    preset = statements.get("transition-tiny").preset
    closed = transition.apply([(1, 10), (2, -4), (0, 0)], transition.fill("fills", preset.fills, [(1, -10), (2, 4)]))
    inputs = flat.assign(statements.get("flat-tiny").preset, closed.slots, 5, 6)
    assert inputs["portfolio_commitment"] == margin.commit(5, [(0, 0)] * 3)
    witness = statements.get("flat-tiny").build().witness(inputs)
    assert decode(witness[1:3]) == [6, margin.commit(5, [(0, 0)] * 3)]


@pytest.mark.parametrize(("field", "slots", "salt", "context"), [
    ("number of slots", [(0, 0)] * 4, 5, 6), ("lots", [(1, 1)], 5, 6), ("lots", [(0, 1)], 5, 6),
    ("id", [(2**248, 0)], 5, 6), ("salt", [], MODULUS, 6), ("context", [], 5, -1)])
def test_what_is_not_flat_is_refused_before_any_work(field: str, slots: list[tuple[int, int]], salt: int, context: int
                                                     ) -> None:
    with pytest.raises(BadInput, match=field):
        flat.assign(statements.get("flat-tiny").preset, slots, salt, context)


@pytest.mark.parametrize("slots", [0, 65, True])
def test_sizes_out_of_bounds_are_refused(slots: int) -> None:
    with pytest.raises(BadInput, match="slots"):
        flat.Preset(slots)


def test_the_harness_is_green() -> None:
    assert audit(cheats.subject()) == []


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda attack: attack.name)
def test_attacks_are_refused_by_the_constraints_they_name(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)
