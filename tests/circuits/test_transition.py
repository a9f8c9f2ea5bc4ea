"""The transition statement: sizes, honest transitions against plain sums, attacks, and all of a small world."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product

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
from circuits.statements.transition import Edges, Pairs, Preset
from primitives.errors import BadInput, Unsatisfied
from primitives.field import MODULUS, decode
from primitives.poseidon import Tag, hash_integers
from primitives.r1cs import SparseMatrix
from risk.margins.margin import QUANTITY_BITS

TINY: Preset = statements.get("transition-tiny").preset
LARGEST = 2**40 - 1


def formula(p: Preset) -> int:
    """Two portfolios, the fills, T2 over all edges, T3 to T5, C6, T6, and the equalities of C1, C1, T1, C20."""
    J, F = p.slots, p.fills
    edges = J * (J - 1) // 2 + F * (F - 1) // 2 + 2 * F * J + J
    return 2 * hash_cost(2 * J + 1) + hash_cost(2 * F + 1) + edges + 2 * J + F + (QUANTITY_BITS + 2) * J \
        + 4 * J + J * (J - 1) // 2 + 4


PINNED = {"transition-tiny": (1_264, 11), "transition-16": (5_028, 13), "transition-32": (10_492, 14)}


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


def assert_canonical(slots: Pairs) -> None:
    """An instrument has one slot, and only slots with lots have a name."""
    names = [id for id, _ in slots if id]
    assert len(names) == len(set(names))
    assert all((id == 0) == (lots == 0) for id, lots in slots)


LOTS = st.one_of(st.integers(-3, 3), st.integers(-2**39, 2**39), st.sampled_from([LARGEST, -LARGEST]))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(st.tuples(st.integers(1, 4), LOTS), max_size=3),
       fills=st.lists(st.tuples(st.integers(1, 5), LOTS), max_size=2))
def test_whatever_fits_is_provable(before: Pairs, fills: Pairs) -> None:
    """And nothing else is refused: instruments listed twice, closed and reopened, names without lots, empty fills."""
    after = net(before)
    after.update(net(fills))
    held = {id: lots for id, lots in after.items() if lots}
    if len(held) > 3:
        with pytest.raises(BadInput, match=rf"number of instruments after the fills is {len(held)}: must be at most 3"):
            transition.assign(TINY, before, 1, fills, 2, 3, 4)
    elif any(abs(lots) > LARGEST for lots in held.values()):
        with pytest.raises(BadInput, match=r"slots\[.\] lots of . after the fills"):
            transition.assign(TINY, before, 1, fills, 2, 3, 4)
    else:
        assert_canonical(check("transition-tiny", before, fills))


@pytest.mark.parametrize(("before", "fills", "after"), [
    pytest.param([(1, 5), (2, 5), (3, 5)], [(1, -5), (4, 5)], [(4, 5), (2, 5), (3, 5)],
                 id="all slots full: close one, open another"),
    pytest.param([(1, 5), (2, 5), (3, 5)], [(4, 5), (1, -5)], [(4, 5), (2, 5), (3, 5)], id="the other way round"),
    pytest.param([(1, 5), (2, 5), (3, 5)], [(4, 7), (4, -7)], [(1, 5), (2, 5), (3, 5)],
                 id="all slots full: fills of what is not held cancel"),
    pytest.param([(1, LARGEST), (1, -5)], [(1, 5)], [(1, LARGEST), (0, 0), (0, 0)],
                 id="one instrument in two slots: only the net has to fit"),
    pytest.param([(1, LARGEST)], [(1, LARGEST), (1, -LARGEST)], [(1, LARGEST), (0, 0), (0, 0)],
                 id="2^41 lots on the way"),
    pytest.param([(1, 5), (1, 3), (2, 1)], [], [(1, 8), (2, 1), (0, 0)], id="a list is put into canonical form"),
    pytest.param([(1, 5), (1, -5), (1, 0)], [(2, 1)], [(2, 1), (0, 0), (0, 0)], id="a list that cancels"),
    pytest.param([(1, 0), (2, 0), (3, 0)], [(3, 4), (4, 5)], [(4, 5), (0, 0), (3, 4)], id="names without lots")])
def test_no_arrangement_of_slots_is_refused(before: Pairs, fills: Pairs, after: Pairs) -> None:
    found = check("transition-tiny", before, fills)
    assert_canonical(found)
    assert sorted(found) == sorted(after)


def test_numpy_integers_are_integers() -> None:
    wide = [(np.int64(5), np.int64(-LARGEST)), (np.uint32(6), np.int8(1))]
    assert check("transition-tiny", wide, [(np.int64(5), np.int64(1))])[0] == (5, 1 - LARGEST)


def test_what_does_not_fit_is_refused_by_name() -> None:
    with pytest.raises(BadInput, match="number of instruments after the fills is 4: must be at most 3, the slots of"):
        transition.assign(TINY, [(1, 5), (2, 5), (3, 5)], 1, [(4, 5)], 2, 3, 4)
    with pytest.raises(BadInput, match=r"slots\[0\] lots of 1 after the fills is 1099511627776: must be an integer in"):
        transition.assign(TINY, [(1, LARGEST), (2, 5)], 1, [(1, 1)], 2, 3, 4)
    with pytest.raises(BadInput, match=r"slots\[1\] lots is 5: must be an integer in \[0, 0\]"):
        transition.assign(TINY, [(1, 5), (0, 5)], 1, [], 2, 3, 4)
    with pytest.raises(BadInput, match="lots of the null instrument are 3: must be 0 in all"):
        transition.apply([(0, 5), (0, -2)], [])


def test_lots_of_no_instrument_are_cleared_where_they_cancel() -> None:
    """An old commitment that lists them can only have been registered by a venue; `assign` takes none."""
    before: Pairs = [(0, 5), (0, -5), (cheats.A, 1)]
    inputs = transition.unchecked_inputs(before, 1, [(0, 0)] * 2, 2, transition.apply(before, [(0, 0)] * 2), 3, 4)
    cs = cheats.circuit()
    assert cs.violations(cs.witness(inputs)) == []
    assert list(inputs["new/commitment/lots"]) == [0, 0, 1]


@pytest.mark.parametrize("name", ["transition-16", "transition-32"])
def test_a_full_portfolio_may_be_exchanged(name: str) -> None:
    """As many positions closed, and others opened, as fills allow, with no empty slot to begin with or to end with."""
    preset = statements.get(name).preset
    before = [(100 + j, (-1)**j * (j + 1)) for j in range(preset.slots)]
    half = preset.fills // 2
    fills = [*((id, -lots) for id, lots in before[3:3 + half]), *((500 + f, LARGEST - f) for f in range(half))]
    after = check(name, before, fills)
    assert_canonical(after)
    assert after[3:3 + half] == fills[half:]


@pytest.mark.parametrize("name", ["transition-16", "transition-32"])
def test_full_size(name: str) -> None:
    preset = statements.get(name).preset
    before = [(100 + j, (-1)**j * (j + 1)) for j in range(preset.slots - 2)]
    fills = [(100, 5), (101, 2), (999, 1), (103, LARGEST), (998, -LARGEST), (100, -6)]
    after = check(name, before, fills)
    assert after[:2] == [(999, 1), (998, -LARGEST)], "slots of closed positions take new ones at once"
    assert after[preset.slots - 2:] == [(0, 0), (0, 0)]
    assert check(name, [], []) == [(0, 0)] * preset.slots


def test_quantities_at_their_bounds() -> None:
    assert check("transition-tiny", [(1, LARGEST), (2, -LARGEST)], [(1, -LARGEST), (2, LARGEST)]) == [(0, 0)] * 3
    assert check("transition-tiny", [(1, 1 - LARGEST)], [(1, -1)])[0] == (1, -LARGEST)


def test_what_flows_is_the_provers_choice_and_changes_nothing() -> None:
    """Lots may go round where three entries name one instrument: no output depends on it."""
    cs, honest = cheats.circuit(), cheats.told()
    around = dict(cheats.HONEST)
    for ends, lots in ((("fill 0", "new 0"), 2), (("fill 0", "old 0"), -2), (("old 0", "new 0"), -2)):
        around[ends] = around.get(ends, 0) + lots
    inputs = cheats.told(after=cheats.AFTER, flow=around)
    assert cs.violations(cs.witness(inputs)) == []
    assert inputs["new_commitment"] == honest["new_commitment"]


@pytest.mark.parametrize(("slots", "fills"), [(1, 1), (2, 3), (16, 8)])
def test_edges_join_what_they_should(slots: int, fills: int) -> None:
    """All pairs of old slots, of fills, of a fill and a slot; an old slot and the new one in its place."""
    edges = set(zip(*(ends.tolist() for ends in Edges.of(slots, fills)), strict=True))
    kinds = ["old"] * slots + ["fill"] * fills + ["new"] * slots
    joined = {("old", "old"), ("fill", "fill"), ("fill", "old"), ("fill", "new")}
    expected = {(a, b) for a, one in enumerate(kinds) for b, other in enumerate(kinds) if (one, other) in joined
                and (a < b or one != other)} | {(j, slots + fills + j) for j in range(slots)}
    assert edges == expected


def test_the_new_commitment_is_what_margin_opens(book) -> None:
    """Trade into a portfolio, then prove its margin under the commitment that the transition proved."""
    epoch = book.random_epoch(book.TINY.shape)
    ids = [int(id) for id in epoch.ids]
    moved = transition.assign(TINY, [(ids[1], 10), (ids[2], -4)], 1, [(ids[1], -10), (ids[3], 7)], 2, 3, 4)
    proven = margin.assign(book.TINY, epoch, [(3, 7), (2, -4), (0, 0)], salt=3, context=5)
    assert proven["portfolio_commitment"] == moved["new_commitment"]


# -- attacks ---------------------------------------------------------------------------------------------------------
NAMED = {"old-other-slots", "new-other-slots", "wrong-digest", "no-fills", "fill-elsewhere", "fill-omitted",
         "fill-twice", "sign-flip", "position-dropped", "position-doubled", "positions-netted", "lots-out-of-nothing",
         "id-change", "slot-swap", "fill-spread", "position-split", "null-lots", "name-kept", "quantity-2^40",
         "context-swap"}


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
    """Without them it reports the sign and the inverses of nothing, in slots without lots only."""
    found = audit(replace(cheats.subject(), freedoms=(), attacks=()), thorough=False)
    labels = {finding.label.split("[")[0] for finding in found if finding.check != "coverage"}
    assert labels == {"slots/C6 buy", "slots/T6/inverse of lots", "slots/T6/inverse of id",
                      "slots/T6/inverse of difference"}
    assert not any("at ordinary" in finding.detail for finding in found)


@pytest.mark.parametrize(("group", "loose"), [
    ("old/commitment/C1", "old_commitment"), ("new/commitment/C1", "new_commitment"), ("fills/T1", "fill_digest"),
    ("slots/T2 lots stay with their instrument", None), ("slots/T3 all that was held", None),
    ("slots/T4 all of a fill", None), ("slots/T5 all that is held now", None),
    ("slots/T6/in use", "slots/T6/inverse of lots"), ("slots/T6/no lots", None), ("slots/T6/no name", None),
    ("slots/T6/named", "slots/T6/inverse of id"), ("slots/T6/apart", "slots/T6/inverse of difference"),
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
MOVES = ("T2", "T3", "T4", "T5")
FORM = ("T6/in use", "T6/no lots", "T6/no name", "T6/named", "T6/apart")


def rows_over_small_field(cs: ConstraintSystem, groups: Sequence[str], prime: int) -> list[tuple[dict[int, int], ...]]:
    """Rows of groups, as (A, B, C) of coefficients by wire, taken to the field of `prime` elements."""
    system = cs.r1cs()

    def small(id: int) -> int:
        value = decode(system.table[id:id + 1])[0]
        return (value if value <= MODULUS // 2 else value - MODULUS) % prime

    def side(matrix: SparseMatrix, row: int) -> dict[int, int]:
        entries = range(matrix.starts[row], matrix.starts[row + 1])
        return {int(matrix.wires[k]): small(matrix.coefficients[k]) for k in entries}

    return [(side(system.a, row), side(system.b, row), side(system.c, row)) for label, rows in cs.groups().items()
            if label.startswith(tuple(f"slots/{group}" for group in groups)) for row in rows]


class World:
    """Every assignment over a small field to some wires of a small instance, and which of them satisfy constraints.

    Parameters
    ----------
    free : labels whose wires take all values together: prime**n assignments.
    derive : computes values of further wires, {label: (n, assignments)}, from those.
    """

    def __init__(self, preset: Preset, free: Sequence[str],
                 derive: Callable[[World], dict[str, np.ndarray]] | None = None, prime: int = PRIME) -> None:
        self.cs, self.preset, self.prime = ConstraintSystem(), preset, prime
        transition.define(self.cs, preset)
        wires = np.concatenate([self.cs.find(label).reshape(-1) for label in free])
        every = np.indices([prime] * len(wires), np.int8).reshape(len(wires), -1)
        self.values = {0: np.ones(every.shape[1], np.int8), **dict(zip(wires.tolist(), every, strict=True))}
        for label, derived in (derive(self) if derive else {}).items():
            self.values |= zip(self.cs.find(label).tolist(), (derived % prime).astype(np.int8), strict=True)

    def of(self, label: str) -> np.ndarray:
        return np.stack([self.values[wire] for wire in self.cs.find(label).reshape(-1).tolist()])

    def satisfies(self, groups: Sequence[str]) -> np.ndarray:
        """Which assignments; some do, some do not."""
        def evaluate(form: dict[int, int]) -> np.ndarray:
            return sum((self.values[w] * c for w, c in form.items()), np.zeros(1, np.int8)) % self.prime

        good = np.ones(len(self.values[0]), np.bool_)
        for a, b, c in rows_over_small_field(self.cs, groups, self.prime):
            good &= (evaluate(a) * evaluate(b) - evaluate(c)) % self.prime == 0
        assert 0 < good.sum() < len(good)
        return good


def moves_by_its_fills(preset: Preset, groups: Sequence[str] = MOVES, *, derive: bool = False, prime: int = PRIME
                       ) -> bool:
    """Whether all solutions of these constraints, over a small field, move each instrument by its fills.

    Parameters
    ----------
    derive : compute all lots from what flows, by T3 to T5, which takes fewer values to go through.
    """
    ends = [f"{part}/id" for part in ("old/commitment", "fills", "new/commitment")]
    lots = [f"{part}/lots" for part in ("old/commitment", "fills", "new/commitment")]

    def from_flow(world: World) -> dict[str, np.ndarray]:
        J, F = preset.slots, preset.fills
        sums = Edges.of(J, F).balance(2 * J + F).astype(np.int8) @ world.of("slots/flow")
        held, filled, kept = np.split(sums, [J, J + F])
        return dict(zip(lots, (held, filled, -kept), strict=True))

    world = World(preset, [*ends, "slots/flow", *([] if derive else lots)], from_flow if derive else None, prime)
    good = world.satisfies(groups)
    for instrument in range(prime):
        before, filled, after = (((world.of(id) == instrument) * world.of(q)).sum(axis=0)[good]
                                 for id, q in zip(ends, lots, strict=True))
        assert filled.any()
        if ((after - before - filled) % prime).any():
            return False
    return True


@pytest.mark.parametrize(("slots", "fills", "prime"), [(1, 1, 3), (1, 2, 3), (2, 1, 3), (2, 2, 2), (3, 1, 2)])
def test_all_witnesses_of_a_small_world(slots: int, fills: int, prime: int) -> None:
    """Half a million assignments of (2, 1): five names and seven edges, of which lots follow. Of two elements for more:
    signs are then not seen."""
    assert moves_by_its_fills(Preset(slots, fills), derive=slots + fills > 2, prime=prime)


@pytest.mark.parametrize("dropped", MOVES)
def test_without_any_group_the_small_world_cheats(dropped: str) -> None:
    assert not moves_by_its_fills(Preset(1, 1), [group for group in MOVES if group != dropped])


def portfolios_of_form(groups: Sequence[str]) -> set[tuple[tuple[int, int], ...]]:
    """All pairs of slots over a field of three, (id, lots) each, for which T6 can be satisfied."""
    hints = [f"slots/T6/inverse of {what}" for what in ("lots", "id", "difference")]
    wires = ["new/commitment/id", "new/commitment/lots", "slots/T6/in use", *hints]
    world = World(Preset(2, 1), wires)
    good = world.satisfies(groups)
    ids, lots = world.of("new/commitment/id")[:, good], world.of("new/commitment/lots")[:, good]
    return {((a, x), (b, y)) for a, b, x, y in np.unique(np.concatenate([ids, lots]), axis=1).T.tolist()}


def canonical_portfolios() -> set[tuple[tuple[int, int], ...]]:
    """The same by definition."""
    slots = list(product(range(PRIME), repeat=2))
    return {(one, other) for one in slots for other in slots
            if all((id == 0) == (lots == 0) for id, lots in (one, other)) and (one[0] != other[0] or one == (0, 0))}


def test_t6_admits_exactly_the_canonical_portfolios_of_a_small_world() -> None:
    assert portfolios_of_form(FORM) == canonical_portfolios()


@pytest.mark.parametrize("dropped", FORM)
def test_without_any_group_t6_admits_others(dropped: str) -> None:
    assert portfolios_of_form([group for group in FORM if group != dropped]) > canonical_portfolios()


def test_every_small_portfolio_and_list_of_fills_that_fits_has_a_flow() -> None:
    """Two slots, two fills, three instruments and the null one, lots of -1 to 1: none that fits is refused.

    By T2 to T6 in plain integers; that the circuit says the same is seen above.
    """
    preset = Preset(2, 2)
    source, target = Edges.of(preset.slots, preset.fills)
    balance = Edges.of(preset.slots, preset.fills).balance(6)
    entries = [(0, 0), *product((1, 2, 3), (-1, 0, 1))]
    seen = 0
    for before, fills in product(product(entries, repeat=2), repeat=2):
        after = net(before)
        after.update(net(fills))
        held = {id: lots for id, lots in after.items() if lots}
        if len(held) > preset.slots:
            continue
        slots, flow = transition.apply(before, fills)
        ids = np.array([id for id, _ in [*before, *fills, *slots]])
        assert not flow[ids[source] != ids[target]].any()
        assert (balance @ flow).tolist() == [*(q for _, q in [*before, *fills]), *(-q for _, q in slots)]
        assert dict(pair for pair in slots if pair[0]) == held
        assert_canonical(slots)
        seen += 1
    assert seen > 5_000
