"""The transition statement: sizes, honest transitions against plain sums, attacks, and all of a small world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.gadgets.poseidon import hash_cost
from circuits.soundness import transition as cheats
from circuits.soundness.audit import audit, forgotten
from circuits.soundness.forgery import Attack
from circuits.statements import margin, transition
from circuits.statements.transition import Pairs, Preset
from primitives.errors import BadInput, Unsatisfied
from primitives.field import MODULUS, decode
from primitives.poseidon import Tag, hash_integers
from primitives.r1cs import SparseMatrix
from risk.margins.margin import QUANTITY_BITS

TINY: Preset = statements.get("transition-tiny").preset
LARGEST = 2**40 - 1


def formula(p: Preset) -> int:
    """Two portfolios, the fills, T2 to T5, C6, and the equalities of C1, C1, T1, C20."""
    J, F = p.slots, p.fills
    return 2 * hash_cost(2 * J + 1) + hash_cost(2 * F + 1) + F * J + F + 3 * J + (QUANTITY_BITS + 2) * J + 4


PINNED = {"transition-tiny": (1_239, 11), "transition-16": (4_568, 13), "transition-32": (8_740, 14)}


@pytest.mark.parametrize("name", PINNED)
def test_sizes(name: str) -> None:
    statement = statements.get(name)
    assert (statement.rows, statement.domain) == PINNED[name]
    assert statement.rows == formula(statement.preset)
    assert statement.public_inputs == ("context", "old_commitment", "new_commitment", "fill_digest")
    assert statement.build().r1cs().domain == statement.domain


def test_a_transition_reads_no_epoch() -> None:
    assert not statements.get("transition-16").reads_epoch
    with pytest.raises(BadInput, match="statement is 'transition-16': must be one that reads an epoch"):
        _ = statements.get("transition-16").shape
    assert statements.get("margin-tiny").reads_epoch


# -- honest transitions ----------------------------------------------------------------------------------------------
def net(pairs: Pairs) -> Counter[int]:
    """Lots by instrument, without zeros."""
    total: Counter[int] = Counter()
    for id, lots in pairs:
        total[id] += lots
    return Counter({id: lots for id, lots in total.items() if lots})


def check(name: str, before: Pairs, fills: Pairs) -> list[tuple[int, int]]:
    """The new portfolio, after its witness was compared with plain sums and plain hashes."""
    statement = statements.get(name)
    inputs = transition.assign(statement.preset, before, salt=1, fills=fills, nonce=2, new_salt=3, context=4)
    cs = statement.build()
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    after = list(zip(inputs["new/commitment/id"], inputs["new/commitment/lots"], strict=True))
    expected = net(before)
    expected.update(net(fills))
    assert net(after) == Counter({id: lots for id, lots in expected.items() if lots})
    J, F = statement.preset.slots, statement.preset.fills

    def padded(pairs: Pairs, count: int) -> list[int]:
        return [int(value) for pair in [*pairs, *[(0, 0)] * (count - len(pairs))] for value in pair]

    assert decode(witness[:5]) == [1, 4, hash_integers(Tag.PORTFOLIO, [1, *padded(before, J)]),
                                   hash_integers(Tag.PORTFOLIO, [3, *padded(after, J)]),
                                   hash_integers(Tag.FILL, [2, *padded(fills, F)])]
    return after


LOTS = st.one_of(st.integers(-3, 3), st.integers(-2**39, 2**39))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(st.tuples(st.integers(1, 3), LOTS), max_size=3),
       fills=st.lists(st.tuples(st.integers(1, 3), LOTS), max_size=2))
def test_net_positions_move_by_the_fills(before: Pairs, fills: Pairs) -> None:
    """Duplicate instruments, closed and reopened positions, slots of no lots with a name, fills of nothing."""
    open_slots = 3 - sum(1 for _, lots in before if lots)
    held = {id for id, lots in before if lots}
    if len({id for id, lots in fills if lots} - held) > open_slots:
        with pytest.raises(BadInput, match=r"fills\[.\] is .: must be of an instrument that one of the 3 slots holds"):
            transition.assign(TINY, before, 1, fills, 2, 3, 4)
    elif any(abs(lots) > LARGEST for _, lots in transition.apply(transition.fill("slots", 3, before), fills).slots):
        with pytest.raises(BadInput, match=r"slots\[.\] lots after the fills"):
            transition.assign(TINY, before, 1, fills, 2, 3, 4)
    else:
        check("transition-tiny", before, fills)


@pytest.mark.parametrize("name", ["transition-16", "transition-32"])
def test_full_size(name: str) -> None:
    preset = statements.get(name).preset
    before = [(100 + j, (-1)**j * (j + 1)) for j in range(preset.slots - 2)]
    fills = [(100, 5), (101, 2), (999, 1), (103, LARGEST), (998, -LARGEST), (100, -6)]
    after = check(name, before, fills)
    assert after[0] == after[1] == (0, 0), "closed positions leave empty slots"
    assert after[preset.slots - 2:] == [(999, 1), (998, -LARGEST)]
    assert check(name, [], []) == [(0, 0)] * preset.slots


def test_quantities_at_their_bounds() -> None:
    assert check("transition-tiny", [(1, LARGEST), (2, -LARGEST)], [(1, -LARGEST), (2, LARGEST)]) == [(0, 0)] * 3
    assert check("transition-tiny", [(1, 1 - LARGEST)], [(1, -1)])[0] == (1, -LARGEST)


def test_a_closed_slot_may_keep_its_name_or_take_another() -> None:
    """Only the lots count: a position that is closed, or not yet open, has no name to keep."""
    cs = cheats.circuit()
    for name in (0, cheats.A, cheats.CHEAP):
        inputs = cheats.told(fills=[(cheats.A, -10), cheats.FILLS[1]], after=[(name, 0), *cheats.AFTER[1:]])
        assert cs.violations(cs.witness(inputs)) == []


def test_fills_may_be_spread_over_slots_of_their_instrument() -> None:
    A, B = cheats.A, cheats.B
    cs = cheats.circuit()
    inputs = cheats.told([(A, 10), (A, 5), (B, 1)], [(A, -12), (B, 2)], after=[(A, 0), (A, 3), (B, 3)],
                         traded=np.array([A, A, B], object), part=np.array([[-10, -2, 0], [0, 0, 2]], object))
    assert cs.violations(cs.witness(inputs)) == []


def test_the_new_commitment_is_what_margin_opens(book) -> None:
    """Trade into a portfolio, then prove its margin under the commitment that the transition proved."""
    epoch = book.random_epoch(book.TINY.shape)
    ids = [int(id) for id in epoch.ids]
    moved = transition.assign(TINY, [(ids[1], 10), (ids[2], -4)], 1, [(ids[1], -10), (ids[3], 7)], 2, 3, 4)
    proven = margin.assign(book.TINY, epoch, [(0, 0), (2, -4), (3, 7)], salt=3, context=5)
    assert proven["portfolio_commitment"] == moved["new_commitment"]


# -- attacks ---------------------------------------------------------------------------------------------------------
NAMED = {"old-other-slots", "new-other-slots", "wrong-digest", "no-fills", "fill-elsewhere", "fill-omitted",
         "fill-twice", "sign-flip", "lots-out-of-nothing", "id-change", "slot-swap", "quantity-2^40", "context-swap"}


def test_every_named_attack_is_here() -> None:
    assert {attack.name.split(",")[0] for attack in cheats.attacks()} >= NAMED


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda a: f"{a.name} ({', '.join(sorted(a.refused_by))})")
def test_attack_is_refused_by_the_named_constraints_alone(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_no_group_of_constraints_is_without_an_attack_that_needs_it() -> None:
    needed = {group for attack in cheats.attacks() if len(attack.refused_by) == 1 for group in attack.refused_by}
    assert needed == set(cheats.circuit().groups())


def test_the_audit_is_green() -> None:
    assert audit(cheats.subject()) == []


def test_the_audit_knows_its_freedoms_by_name() -> None:
    """Without them it reports the sign of nothing, and the name of what is not traded, in slots without lots only."""
    found = audit(replace(cheats.subject(), freedoms=(), attacks=()), thorough=False)
    labels = {finding.label.split("[")[0] for finding in found if finding.check != "coverage"}
    assert labels == {"slots/C6 buy", "slots/traded"}
    assert not any("at ordinary" in finding.detail for finding in found)


@pytest.mark.parametrize(("group", "loose"), [
    ("old/commitment/C1", "old_commitment"), ("new/commitment/C1", "new_commitment"), ("fills/T1", "fill_digest"),
    ("slots/T2 a fill goes where its instrument is", None), ("slots/T3 all of a fill goes somewhere", None),
    ("slots/T4 new lots", None), ("slots/T5 held before", None), ("slots/T5 held after", None),
    ("slots/C6 buy", None), ("slots/C6 |lots| bit", "slots/C6 |lots| bit"), ("result/C20", "result/C20")])
def test_the_audit_is_red_without_any_group(group: str, loose: str | None) -> None:
    """What comes loose is named; where a group binds only what is given, or leaves discrete choices, attacks tell."""
    found = forgotten(cheats.subject(), frozenset({group}))
    passing = {finding.label for finding in found if finding.check == "attack"}
    assert passing == {attack.name for attack in cheats.attacks() if attack.refused_by == {group}} != set()
    unpinned = {finding.label for finding in found if finding.check == "uniqueness"}
    assert (loose in unpinned) if loose else not unpinned


def test_a_fill_of_2_40_lots_is_not_what_a_venue_signs() -> None:
    """The circuit takes the venue's word for it (A1); the witness program does not."""
    with pytest.raises(Unsatisfied, match=r"fills/lots\[0\] is 1099511627776"):
        cheats.circuit().witness(cheats.told(fills=[(cheats.B, 2**40), (0, 0)]))


# -- a small world ---------------------------------------------------------------------------------------------------
PRIME = 3
GROUPS = ("T2", "T3", "T4", "T5 held before", "T5 held after")


def rows_over_small_field(cs: ConstraintSystem, groups: Sequence[str]) -> list[tuple[dict[int, int], ...]]:
    """Rows of groups, as (A, B, C) of coefficients by wire, taken to the field of PRIME elements."""
    system = cs.r1cs()

    def small(id: int) -> int:
        value = decode(system.table[id:id + 1])[0]
        return (value if value <= MODULUS // 2 else value - MODULUS) % PRIME

    def side(matrix: SparseMatrix, row: int) -> dict[int, int]:
        entries = range(matrix.starts[row], matrix.starts[row + 1])
        return {int(matrix.wires[k]): small(matrix.coefficients[k]) for k in entries}

    return [(side(system.a, row), side(system.b, row), side(system.c, row)) for label, rows in cs.groups().items()
            if label.startswith(tuple(f"slots/{group}" for group in groups)) for row in rows]


def moves_by_its_fills(slots: int, fills: int, groups: Sequence[str] = GROUPS, *, derive: bool = False) -> bool:
    """Whether all solutions of these constraints, over a field of three, move each instrument by its fills.

    Parameters
    ----------
    derive : compute the fills' and the new lots by T3 and T4, which takes fewer values to go through.
    """
    cs = ConstraintSystem()
    transition.define(cs, Preset(slots, fills))
    derived = ["fills/lots", "new/commitment/lots"]
    free = ["old/commitment/id", "new/commitment/id", "slots/traded", "fills/id", "old/commitment/lots", "slots/part",
            *([] if derive else derived)]
    wires = np.concatenate([cs.find(label).reshape(-1) for label in free])
    every = np.indices([PRIME] * len(wires), np.int8).reshape(len(wires), -1)
    values = {0: np.ones(every.shape[1], np.int8), **dict(zip(wires.tolist(), every, strict=True))}

    def of(label: str) -> np.ndarray:
        return np.stack([values[wire] for wire in cs.find(label).reshape(-1).tolist()])

    if derive:
        part = of("slots/part").reshape(fills, slots, -1)
        sums = [part.sum(axis=1), of("old/commitment/lots") + part.sum(axis=0)]
        for label, lots in zip(derived, sums, strict=True):
            values |= zip(cs.find(label).tolist(), lots.astype(np.int8) % PRIME, strict=True)

    def evaluate(form: dict[int, int]) -> np.ndarray:
        return sum((values[wire] * coefficient for wire, coefficient in form.items()), np.zeros(1, np.int8)) % PRIME

    good = np.ones(every.shape[1], np.bool_)
    for a, b, c in rows_over_small_field(cs, groups):
        good &= (evaluate(a) * evaluate(b) - evaluate(c)) % PRIME == 0
    assert 0 < good.sum() < len(good)
    for instrument in range(PRIME):
        before, after, filled = (((of(f"{part}/id") == instrument) * of(f"{part}/lots")).sum(axis=0)[good]
                                 for part in ("old/commitment", "new/commitment", "fills"))
        assert filled.any()
        if ((after - before - filled) % PRIME).any():
            return False
    return True


@pytest.mark.parametrize(("slots", "fills"), [(1, 1), (1, 2), (2, 1), (2, 2)])
def test_all_witnesses_of_a_small_world(slots: int, fills: int) -> None:
    assert moves_by_its_fills(slots, fills, derive=slots > 1)


@pytest.mark.parametrize("dropped", GROUPS)
def test_without_any_group_the_small_world_cheats(dropped: str) -> None:
    assert not moves_by_its_fills(1, 1, [group for group in GROUPS if group != dropped])
