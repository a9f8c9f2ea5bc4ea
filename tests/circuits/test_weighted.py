"""The certificate of scenarios with masses: small worlds exhausted, an integer reference, attacks, planted faults."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.clauses import shortfall
from circuits.errors import CircuitError
from circuits.gadgets import expected_shortfall as gadget
from circuits.gadgets.expected_shortfall import certificate
from circuits.intervals import unsigned
from circuits.signals import Linear
from circuits.soundness import margin as single
from circuits.soundness import weighted as cheats
from circuits.soundness.audit import examine, replaced
from circuits.soundness.forgery import Attack, forge, missed, refusing_groups, without
from circuits.soundness.registry import FAMILIES, family_of
from circuits.statements import batch, grid, margin
from primitives import field
from primitives.field import MODULUS, decode
from risk.epochs.epoch import Epoch
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import EpochShape, TailSize, WeightedTail
from risk.grid.grid_epoch import GridEpoch
from risk.margins.grid_margin import scenario_losses

TINY: margin.Preset = statements.get("margin-tiny-w").preset
GRID_TINY: grid.Preset = statements.get("margin-grid-tiny-w").preset


# -- small worlds, exhausted -----------------------------------------------------------------------------------------
BITS, SCENARIOS = 2, 3
LOSSES, THRESHOLDS = range(-1, 2), range(-2, 3)
POINTERS = np.array([e for e in product(range(-4, 6), repeat=SCENARIOS) if sum(e) == 1 or not any(e)])
"""Every pointer of small integers that sums to 1, most of them no booleans; and none at all."""


def shortfall_circuit(tail: WeightedTail) -> ConstraintSystem:
    """Losses given, 2 K ES public."""
    cs = ConstraintSystem()
    doubled = cs.public("doubled")
    losses = cs.private("loss", (SCENARIOS,))
    threshold = cs.bits("threshold + 4", 3) - 4
    proven = certificate(cs, losses, threshold, tail, BITS)
    cs.equal(proven.doubled, doubled, "doubled")
    return cs.finish()


class Accepted(NamedTuple):
    """What passes: 2 K ES as proven, as it is, and for which losses (N, 3)."""

    proven: NDArray[Any]
    true: NDArray[Any]
    losses: NDArray[Any]


def by_minimisation(losses: tuple[int, ...], tail: WeightedTail) -> int:
    """K ES = min_t K t + sum p max(0, L - t), without sorting."""
    weights = tail.weights(len(losses))
    return min(tail.numerator * t + sum(p * max(0, loss - t) for p, loss in zip(weights, losses, strict=True))
               for t in losses)


def world(tail: WeightedTail, dropped: str = "C0", obvious: bool = False) -> Accepted:
    """All losses in {-1, 0, 1}, flags, thresholds in reach, pointers, and slacks (or shares, if nothing ties them), on
    the recorded rows; assignments that a range refuses whatever else is assigned are left out.

    Parameters
    ----------
    dropped : the beginning of labels whose rows are left out.
    obvious : the circuit is that of sum p e in place of w, where slack follows from the pointer.
    """
    cs = shortfall_circuit(tail)
    system = without(cs, [label for label in cs.groups() if label.startswith(dropped)])
    matrices = [_dense(system, matrix) for matrix in (system.a, system.b, system.c)]
    p, K, m = np.array(tail.weights(SCENARIOS)), tail.numerator, tail.weight_bits
    vectors = list(product(LOSSES, repeat=SCENARIOS))
    base = np.array([(*losses, *flags, t) for losses in vectors for flags in product((0, 1), repeat=SCENARIOS)
                     for t in THRESHOLDS])
    loss, flag, t = base[:, :3], base[:, 3:6], base[:, 6]
    gap, left = (2 * flag - 1) * (loss - t[:, None]), K - flag @ p
    possible = np.ones(len(base), bool)
    if not dropped.startswith("C13"):
        possible &= ((gap >= 0) & (gap < 1 << BITS)).all(axis=1)
    if not dropped.startswith("C14 left"):
        possible &= (left >= 0) & (left < 1 << m)
    loose = dropped.startswith(("C14 slack", "C14 share"))
    slacks = np.arange(-(1 << m), 1 << m) if loose else np.arange(1 << m)
    chosen, e, x = (array.reshape(-1) for array in np.meshgrid(
        np.flatnonzero(possible), np.arange(len(POINTERS)), slacks, indexing="ij"))
    loss, flag, t, gap, left, e = loss[chosen], flag[chosen], t[chosen], gap[chosen], left[chosen], POINTERS[e]
    if obvious:
        kept = x == e @ p - 1 - left
        loss, flag, t, gap, left, e, x = (array[kept] for array in (loss, flag, t, gap, left, e, x))
    elif not dropped.startswith("C15 one"):
        kept = e.sum(axis=1) == 1
        loss, flag, t, gap, left, e, x = (array[kept] for array in (loss, flag, t, gap, left, e, x))
    doubled = 2 * K * t + (gap + loss - t[:, None]) @ p
    witness = np.zeros((len(x), cs.wires))
    share = left + 1 + x
    put(cs, witness, {
        "one": np.ones(len(x)), "doubled": doubled, "loss": loss, "threshold + 4 bit": bits(t + 4, 3),
        "C12 flag": flag, "C13 gap bit": bits(gap, BITS), "C14 left bit": bits(left, m), "C15 pointer": e,
        "C14 slack bit": bits(x * 0 if dropped == "C14 share" else x, m), "C14 share": share})
    broken = np.zeros(len(x), bool)
    for start in range(0, len(x), 50_000):
        part = slice(start, start + 50_000)
        a, b, c = (witness[part] @ matrix.T for matrix in matrices)
        broken[part] = (a * b != c).any(axis=1)
    for i in np.random.default_rng(1).choice(len(x), 3):                # the bulk evaluation against the field
        exact = field.encode(np.array([int(value) % MODULUS for value in witness[i]], object))
        assert (len(system.broken(exact)) > 0) == broken[i]
    truth = {vector: 2 * by_minimisation(vector, tail) for vector in vectors}
    passed = loss[~broken]
    return Accepted(doubled[~broken], np.array([truth[tuple(vector)] for vector in passed.tolist()]), passed)


def bits(values: NDArray[Any], count: int) -> NDArray[Any]:
    """(..., count); what does not fit, which only a dropped range allows, is all in the lowest one."""
    found = values[..., None] >> np.arange(count) & 1
    outside = (values < 0) | (values >= 1 << count)
    found[outside] = 0
    found[..., 0] = np.where(outside, values, found[..., 0])
    return found


def put(cs: ConstraintSystem, witness: NDArray[Any], values: dict[str, NDArray[Any]]) -> None:
    labels = {block.label for block in cs.allocations}
    for label, array in values.items():
        if label in labels:
            witness[:, cs.find(label).reshape(-1)] = array.reshape(len(array), -1)


def _dense(system: Any, matrix: Any) -> NDArray[np.float64]:
    """(rows, wires), with coefficients as the integers closest to 0: exact in doubles for the numbers here."""
    table = [value - MODULUS if 2 * value > MODULUS else value for value in decode(system.table)]
    dense = np.zeros((system.rows, system.wires))
    for row, (begin, end) in enumerate(zip(matrix.starts[:-1], matrix.starts[1:], strict=True)):
        for wire, id in zip(matrix.wires[begin:end], matrix.coefficients[begin:end], strict=True):
            dense[row, wire] += table[id]
    assert abs(dense).max() < 2**30
    return dense


SMALL = [(1, 2, 5), (1, 1, 2), (2, 5, 5)]


@pytest.mark.parametrize("masses", SMALL, ids=str)
def test_exhaustively_no_certificate_proves_anything_but_the_expected_shortfall(masses: tuple[int, ...]) -> None:
    for K in range(1, sum(masses)):
        found = world(WeightedTail(TailSize(K), masses))
        assert np.array_equal(found.proven, found.true)
        assert len(np.unique(found.losses, axis=0)) == len(LOSSES)**SCENARIOS          # each has a certificate


def test_the_obvious_form_proves_more_than_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sum p e in place of w: over tied losses of unequal weight it is any integer."""
    def obvious(cs: ConstraintSystem, flag: Linear, gap: Linear, tail: WeightedTail, _: int) -> None:
        weights = np.array([tail.weights(flag.size)], object)
        left = cs.nonnegative(tail.numerator - (weights @ flag)[0], tail.weight_bits, "C14 left")
        pointer = cs.hint("C15 pointer", flag.shape)
        cs.equal(pointer * (gap + flag), 0, "C15 threshold is an unflagged loss")
        cs.represent((weights @ pointer)[0] - 1 - left, tail.weight_bits, "C14 slack")
        cs.equal(pointer.sum(), 1, "C15 one")

    monkeypatch.setattr(gadget, "_weighted", obvious)
    found = world(WeightedTail(TailSize(4), (1, 2, 5)), obvious=True)
    assert (found.proven > found.true).any()
    assert not (found.proven < found.true).any()


@pytest.mark.parametrize(("dropped", "understates"), [
    ("C13", True), ("C14 left", False), ("C14 slack bit", False), ("C14 share", False), ("C15 thr", False),
    ("C15 one", False)])
def test_without_a_clause_the_small_world_proves_something_else(dropped: str, understates: bool) -> None:
    """Without C14 or C15 more than the truth, never less (docs/statements.md)."""
    found = [world(WeightedTail(TailSize(K), (1, 2, 5)), dropped) for K in (3, 4, 6)]
    assert any((each.proven != each.true).any() for each in found)
    assert any((each.proven < each.true).any() for each in found) == understates


def test_a_flag_and_the_largest_gap_do_not_make_up_for_a_weight() -> None:
    """v + b = 2**n at a flagged loss, and w = p - 1: half of 2**(n + 1) in C15 would put t between two losses."""
    tail = WeightedTail(TailSize(6), (5, 1, 2))
    cs = shortfall_circuit(tail)
    losses, t = (2, -2, -2), -1
    doubled = 2 * 6 * t + 2 * 5 * (2 - t)
    assert doubled > 2 * by_minimisation(losses, tail)
    forged = {"loss": losses, "threshold + 4": t + 4, "C12 flag": [1, 0, 0], "C15 pointer": [1, 0, 0],
              "C14 slack": (5 - 1) - 1 - (6 - 5), "doubled": doubled}
    assert refusing_groups(cs, forge(cs, forged)) == {"C15 threshold is an unflagged loss"}


@pytest.mark.parametrize(("masses", "m"), [((1, 1, 1), 0), ((1, 1, 2), 1), ((1, 2, 5), 3), ((1, 2, 8), 3),
                                           ((1, 2, 9), 4)])
def test_certificate_rows(masses: tuple[int, ...], m: int) -> None:
    rows = SCENARIOS * (BITS + 3) + 2 * m + 3
    assert shortfall_circuit(WeightedTail(TailSize(2), masses)).rows == rows + 3 + 1


def test_gaps_and_weights_that_could_be_confused_are_refused_while_recording() -> None:
    """n + m + 3 bits must stay below r: the bracket of C15 would be a multiple of it otherwise."""
    tail = WeightedTail(TailSize(1, 2), (1, 2**31 - 1, 1))

    def recorded(gap_bits: int) -> None:
        cs = ConstraintSystem()
        losses = cs.private("loss", (3,))
        certificate(cs, losses, cs.bits("threshold", 3), tail, gap_bits)

    assert tail.weight_bits == 32
    recorded(218)
    with pytest.raises(CircuitError, match="gaps of 222 bits and weights of 32 can be confused"):
        recorded(222)


def test_a_certificate_is_for_as_many_scenarios_as_there_are_masses() -> None:
    cs = ConstraintSystem()
    with pytest.raises(Exception, match="one for each of the 4 scenarios"):
        certificate(cs, cs.private("loss", (4,)), cs.bits("threshold", 3), WeightedTail(TailSize(1), (1, 1, 2)), 4)


# -- sizes -----------------------------------------------------------------------------------------------------------
WEIGHTING = {"margin-full-256x16": 28, "margin-grid-1000x32": 14, "solvency-grid-1000x32": 14, "netting-grid-4x8": 14,
             "margin-tiny": 11, "margin-grid-tiny": 11, "solvency-tiny": 11, "netting-tiny": 11, "batch-tiny": 22}


@pytest.mark.parametrize("name", WEIGHTING)
def test_weighting_costs_few_rows_and_no_domain(name: str) -> None:
    """At most a hundred rows on any preset. (The grid's K is a power of two with masses only, which saves some.)"""
    plain, massed = statements.get(name), statements.get(f"{name}-w")
    assert massed.rows - plain.rows == WEIGHTING[name] <= 100
    assert massed.domain == plain.domain
    assert massed.shape.tail.share(massed.shape.scenarios) == pytest.approx(0.025 if "tiny" not in name else 13 / 38)


def test_every_statement_with_a_tail_has_one_with_masses() -> None:
    with_tail = {name.split("-")[0] for name in statements.names() if statements.get(name).reads_epoch}
    massed = {name.split("-")[0] for name in statements.names() if name.endswith("-w")}
    assert with_tail == massed == {"margin", "solvency", "netting", "batch", "cover", "leaf"}
    assert "margin-grid-1000x32-w" in statements.names()


# -- margins against the integer reference ---------------------------------------------------------------------------
@cache
def compiled(preset: Any) -> ConstraintSystem:
    cs = ConstraintSystem()
    (grid if isinstance(preset, grid.Preset) else margin).define(cs, preset)
    return cs.finish()


def reference_margin(losses: list[int], tail: WeightedTail, unit: int, addons: int) -> int:
    """max(0, ceil(ES)) + add-ons, ES as the minimum of Rockafellar and Uryasev: no sorting."""
    total = by_minimisation(tuple(losses), tail)
    return max(0, -(-total // (tail.numerator * unit))) + addons


def check(preset: Any, inputs: dict[str, Any], expected: int) -> None:
    cs = compiled(preset)
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    assert decode(witness[4:5])[0] == inputs["margin"] == expected


TAILS = [TINY.shape.tail, *(WeightedTail.parse(tail, masses) for tail, masses in (
    ("1/3", "2x1 3x2 1x5 2x3"), ("18", "2x1 3x2 1x5 2x3"), ("1", "8x1"), ("15/2", "8x1"), ("4", "1x1 1x8 6x1"),
    ("100000/7", "1x3 1x256 1x1 1x256 4x65536")))]


@settings(max_examples=80)
@given(data=st.data(), tail=st.sampled_from(TAILS), magnitude=st.sampled_from([0, 1, 2, 10**6, 2**44 - 1]))
def test_margins_are_the_references(data, tail: WeightedTail, magnitude: int) -> None:
    """Ties (magnitudes 0 to 2), negative Expected Shortfall, tails close to nothing and to everything."""
    preset = replace(TINY, shape=replace(TINY.shape, tail=tail))
    numbers = st.integers(-magnitude, magnitude)
    changes = np.array(data.draw(st.lists(st.lists(numbers, min_size=8, max_size=8), min_size=3, max_size=3)))
    most = min(max(1, (2**48 - 1) // max(1, 3 * int(abs(changes).max()))), 2**40 - 1)
    lots = data.draw(st.lists(st.integers(-most, most), min_size=3, max_size=3))
    rates = np.array(data.draw(st.lists(st.integers(0, 2**44 - 1), min_size=3, max_size=3)))
    epoch = Epoch.of(preset.shape, (11, 12, 13), changes, long=rates, short=rates)
    losses = [-sum(q * int(changes[i, s]) for i, q in enumerate(lots)) for s in range(8)]
    addons = sum(abs(q) * int(rate) for q, rate in zip(lots, rates, strict=True))
    inputs = margin.assign(preset, epoch, list(zip((1, 2, 3), lots, strict=True)), salt=5, context=6)
    check(preset, inputs, reference_margin(losses, tail, 1, addons))


@settings(max_examples=40)
@given(seed=st.integers(0, 10**6), tail=st.sampled_from(TAILS), magnitude=st.sampled_from([0, 1, 2, 10**6]),
       regime=st.integers(0, 1), lots=st.lists(st.integers(-10**6, 10**6), min_size=3, max_size=3))
def test_grid_margins_are_the_references(seed: int, tail: WeightedTail, magnitude: int, regime: int, lots: list[int]
                                         ) -> None:
    preset = replace(GRID_TINY, shape=replace(GRID_TINY.shape, tail=tail))
    rng = np.random.default_rng(seed)
    changes, rates = rng.integers(-magnitude, magnitude + 1, (3, preset.shape.nodes)), rng.integers(0, 10**5, 3)
    epoch = GridEpoch.of(preset.shape, (11, 12, 13), changes, long=rates, short=rates, regime=regime,
                         underlying=rng.integers(0, 2, 3))
    positions = list(zip((1, 2, 3), lots, strict=True))
    addons = sum(abs(q) * int(rate) for q, rate in zip(lots, rates, strict=True))
    expected = reference_margin(list(scenario_losses(epoch, positions)), tail, 1 << preset.shape.weight_bits, addons)
    check(preset, grid.assign(preset, epoch, positions, salt=5, context=6), expected)


@pytest.mark.parametrize("name", ["margin-full-256x16-w", "margin-grid-1000x32-w"])
def test_full_size_portfolios(name: str) -> None:
    statement = statements.get(name)
    subject = FAMILIES[family_of(statement)].full(statement)
    (inputs,) = subject.cases.values()
    assert statement.build().violations(statement.build().witness(inputs)) == []


def test_a_batch_of_accounts_with_masses() -> None:

    statement = statements.get("batch-tiny-w")
    changes = np.random.default_rng(4).integers(-1000, 1001, (3, 8))
    epoch = Epoch.of(statement.shape, (11, 12, 13), changes)                                # type: ignore[arg-type]
    books = [[(1, 5), (2, -7)], [(3, 11)]]
    inputs = batch.assign(statement.preset, epoch, [batch.Account(book, 1, 2) for book in books], bytes(range(32)))
    losses = [[-sum(q * int(changes[row - 1, s]) for row, q in book) for s in range(8)] for book in books]
    assert [entry.margin for entry in batch.entries_of(inputs)] \
        == [reference_margin(each, statement.shape.tail, 1, 0) for each in losses]          # type: ignore[arg-type]
    assert statement.build().violations(statement.build().witness(inputs)) == []


# -- attacks -----------------------------------------------------------------------------------------------------------
NAMED = {"flag-2", "flag-half", "gap-negated", "gap-0", "tail-overfilled", "tail-underfilled", "share-forged",
         "share-fraction", "weight-of-another", "mixed-pointer", "threshold-between-ranks", "threshold-at-flagged",
         "remainder-K'"}
SUBJECTS: dict[str, Callable[[], Any]] = {"margin": cheats.margin_subject, "grid": cheats.grid_subject}


@pytest.mark.parametrize("name", SUBJECTS)
def test_attacks_are_refused_by_the_named_constraints_alone(name: str) -> None:
    subject = SUBJECTS[name]()
    assert {attack.name.split(",")[0] for attack in subject.attacks} >= NAMED
    for attack in subject.attacks:
        assert_refused_by_the_named_alone(subject.cs, attack)
    tail = {label for label in subject.cs.groups() if label.startswith("tail/")}
    assert tail & set(missed(subject.cs, subject.attacks)) == set()


def claimed(subject: Any, honest: Callable[[dict[str, Any]], int]) -> Iterator[tuple[Attack, int, int]]:
    """Attacks on the tail with the margin they claim and the true one."""
    for attack in subject.attacks:
        if any(label.startswith("tail/") for label in attack.refused_by):
            yield attack, int(attack.inputs["margin"]), honest(attack.inputs)


LESS = {"flag-half", "gap-negated", "gap-0"}


def test_attacks_on_the_tail_claim_less_only_against_c12_and_c13() -> None:
    """Table of WEIGHTS.md: C14 and C15 guard against more than the truth, C12 and C13 against less."""
    def honest(inputs: dict[str, Any]) -> int:
        losses = [int(loss) for loss in inputs["risk/loss"]]
        addons = sum(abs(int(q)) * int(inputs["leaf/long" if int(q) >= 0 else "leaf/short"][j])
                     for j, q in enumerate(inputs["commitment/lots"]))
        return reference_margin(losses, cheats.MARGIN_TAIL, 1, addons)

    found = list(claimed(cheats.margin_subject(), honest))
    assert {attack.name for attack, margin, true in found if margin < true} == LESS
    assert all(margin > true for attack, margin, true in found if attack.name not in LESS)


def test_attacks_between_ranks_claim_more_than_the_truth_without_masses_too() -> None:
    """A threshold one unit off is swallowed by rounding, and would claim the true margin."""
    for attack in single.attacks():
        if attack.name.startswith(("threshold-between-ranks", "threshold-at-flagged")):
            losses = [int(loss) for loss in attack.inputs["risk/loss"]]
            plain = WeightedTail(single.AUDIT.shape.tail, (1,) * len(losses))               # type: ignore[arg-type]
            assert int(attack.inputs["margin"]) > reference_margin(losses, plain, 1, single.ordinary().addon)


@pytest.mark.parametrize("name", SUBJECTS)
def test_honest_witnesses_are_pinned(name: str) -> None:
    """Every wire, with and without ties, and the tail's hints replaced with all that follows from them."""
    subject = SUBJECTS[name]()
    system = subject.cs.r1cs()
    hints = frozenset({cheats.SLACK, single.FLAG, single.POINTER, single.REMAINDER})
    for case in ("ordinary", "all losses equal"):
        assert list(examine(subject, system, case, subject.cases[case])) == []
        assert list(replaced(subject, system, case, subject.cases[case], hints, ("+ 1", "1 - x"))) == []


@pytest.mark.parametrize(("subject", "prefix"), [(cheats.solvency_subject, ""), (cheats.netting_subject, ""),
                                                 (cheats.batch_subject, "account 0/")])
def test_other_statements_have_the_same_tail(subject: Callable[[], Any], prefix: str) -> None:
    """Their groups are those of the grid with masses, or of a margin's: nothing counts scenarios any more."""
    tail = {f"{prefix}{label}" for label in cheats.margin_circuit().groups() if label.startswith("tail/")}
    assert tail == {label for label in subject().cs.groups() if label.startswith(f"{prefix}tail/")}


def test_tied_losses_may_exchange_their_flags() -> None:
    """The freedom that no single change shows: which tied losses are flagged, with u, w and the slack."""
    masses = (2, 3, 5, 1, 1, 1)
    shape = EpochShape(6, WeightedTail(TailSize(6), masses), depth=2)
    preset = margin.Preset(shape, 1, 48, 48, 49)
    changes = -np.array([[9, 9, 9, 1, 1, 1]])
    honest = margin.assign(preset, Epoch.of(shape, [11], changes), [(1, 1)], salt=5, context=6)
    cs = compiled(preset)
    margins = set()
    for flagged, at in (((0, 1), 2), ((2,), 0), ((0,), 2), ((1,), 2), ((2,), 1)):
        left = 6 - sum(masses[s] for s in flagged)
        chosen = honest | {single.FLAG: [int(s in flagged) for s in range(6)], cheats.SLACK: masses[at] - 1 - left,
                           single.POINTER: [int(s == at) for s in range(6)]}
        assert cs.violations(cs.witness(chosen)) == []
        margins.add(int(chosen["margin"]))
    assert margins == {9}
    # A pointer over ties of the weight w rests anywhere; over ties of other weights nowhere.
    spread = honest | {single.FLAG: [0, 1, 0, 0, 0, 0], cheats.SLACK: 5 - 1 - 3, single.POINTER: [-6, 0, 7, 0, 0, 0]}
    assert refusing_groups(cs, forge(cs, spread)) == {"tail/C15 threshold is an unflagged loss"}


# -- planted faults ----------------------------------------------------------------------------------------------------
def unranged(cs: ConstraintSystem, value: Any, bits: int, label: str) -> Linear:
    return cs.signal(value).within(unsigned(bits))


FAULTS: dict[str, tuple[str, str]] = {
    "left only claimed": ("nonnegative", "tail-overfilled"), "slack only claimed": ("bits", "tail-underfilled"),
    "pointer anywhere": ("C15 threshold is an unflagged loss", "threshold-between-ranks"),
    "pointers not counted": ("C15 one", "threshold-between-ranks, no pointer")}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_the_tail_lets_its_attack_pass(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each a line that a tired author could have written."""
    what, passes = FAULTS[name]
    if what == "nonnegative":
        true_check = ConstraintSystem.nonnegative
        monkeypatch.setattr(ConstraintSystem, "nonnegative", lambda cs, value, bits, label: (
            unranged if label == "C14 left" else true_check)(cs, value, bits, label))
    elif what == "bits":
        true_bits = ConstraintSystem.bits
        monkeypatch.setattr(ConstraintSystem, "bits", lambda cs, label, bits, shape=(): (
            cs.hint(label, shape).within(unsigned(bits)) if label == "C14 slack"
            else true_bits(cs, label, bits, shape)))
    else:
        true_equal = ConstraintSystem.equal
        monkeypatch.setattr(ConstraintSystem, "equal", lambda cs, left, right, label: true_equal(
            cs, cs.wire(left) * 0 if label == what and not isinstance(left, Linear) else
            left * 0 if label == what else left, 0 if label == what else right, label))
    cs = ConstraintSystem()
    margin.define(cs, cheats.MARGIN)
    attack = next(attack for attack in cheats.margin_subject().attacks if attack.name == passes)
    assert len(cheats.margin_circuit().r1cs().broken(forge(cheats.margin_circuit(), attack.inputs)))
    assert not len(cs.r1cs().broken(forge(cs, attack.inputs)))


def test_inputs_of_the_witness_follow_from_the_reference() -> None:
    es = expected_shortfall([5, 9, 9, 1], WeightedTail(TailSize(7), (2, 1, 4, 3)))
    inputs = shortfall.shortfall_inputs(es)
    assert inputs["tail/C12 flag"].tolist() == [True, True, True, False]
    assert inputs["tail/C15 pointer"].tolist() == [False, False, False, True]
    assert inputs["tail/C14 slack"] == 3 - 1 - 0
