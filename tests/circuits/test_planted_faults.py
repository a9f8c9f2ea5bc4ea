"""Mistakes planted in the code of `margin`, each a line that a tired author could have written.

(Forgetting any one group of constraints altogether is tested in test_soundness.py.) What catches a mistake: recording
the circuit, an honest witness, a wire that is not pinned, an alternative witness, or an attack that passes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from circuits.builder import ConstraintSystem
from circuits.clauses import leaves, portfolio, shortfall
from circuits.errors import CircuitError
from circuits.gadgets import expected_shortfall, packing, ranges
from circuits.intervals import ANY
from circuits.signals import Linear, concatenate
from circuits.soundness import margin as cheats
from circuits.soundness.audit import Finding, Subject, examine, replaced
from circuits.soundness.forgery import forge, refusing_groups
from circuits.statements import margin

Plant = Callable[[pytest.MonkeyPatch], None]


def recorded() -> ConstraintSystem:
    cs = ConstraintSystem()
    margin.define(cs, cheats.AUDIT)
    return cs.finish()


def audited(cs: ConstraintSystem) -> list[Finding]:
    """The checks that take no minutes: the ordinary witness, its hints and leaf values, and all attacks."""
    inputs = {label: value for label, value in cheats.ordinary().inputs.items() if label in cs.inputs}
    subject = Subject("margin", cs, {"ordinary": inputs}, freedoms=cheats.FREEDOMS, outputs=("margin",),
                      free_inputs=frozenset({"context"}))
    findings = list(examine(subject, cs.r1cs(), "ordinary", inputs))
    if findings and findings[0].check == "honest":
        return findings
    doubtful = frozenset(cs.hints) | {"leaf/long", "leaf/amax", "leaf/packed", "commitment/id"}
    findings += replaced(subject, cs.r1cs(), "ordinary", inputs, doubtful, ("+ 1",))
    for attack in cheats.attacks():
        if attack.name.endswith(" kept"):              # on the hashes, which no fault here touches
            continue
        try:
            witness = forge(cs, {k: v for k, v in attack.inputs.items() if k in cs.inputs}, attack.overrides)
        except KeyError:                               # the wires it forces are not there any more
            continue
        if not len(cs.r1cs().broken(witness)):
            findings.append(Finding("attack", attack.name, "passes"))
    return findings


def leaving_out(module: Any, label: str, column: int) -> Plant:
    """A hash that takes 0 instead of one of its elements."""
    def plant(patch: pytest.MonkeyPatch) -> None:
        true = module.hash_rows

        def faulty(cs: ConstraintSystem, tag: Any, elements: Linear, name: str) -> Linear:
            if name == label:
                parts = [elements[..., :column], elements[..., column:column + 1] * 0, elements[..., column + 1:]]
                elements = concatenate(parts)
            return true(cs, tag, elements, name)

        patch.setattr(module, "hash_rows", faulty)
    return plant


def instead(module: Any, name: str, faulty: Any) -> Plant:
    return lambda patch: patch.setattr(module, name, faulty)


def bits_as_hint(label: str) -> Plant:
    """A range that is only claimed."""
    def plant(patch: pytest.MonkeyPatch) -> None:
        true = ConstraintSystem.bits
        patch.setattr(ConstraintSystem, "bits", lambda cs, name, bits, shape=():
                      cs.hint(name, shape) if name == label else true(cs, name, bits, shape))
    return plant


def other_equation(label: str, change: Callable[[Any, Any], tuple[Any, Any]]) -> Plant:
    """An equation of something else."""
    def plant(patch: pytest.MonkeyPatch) -> None:
        true = ConstraintSystem.equal
        patch.setattr(ConstraintSystem, "equal", lambda cs, left, right, name:
                      true(cs, *(change(left, right) if name == label else (left, right)), name))
    return plant


def unranged(cs: ConstraintSystem, value: Any, bits: int, label: str) -> Linear:
    return cs.signal(value)


def claimed_range(cs: ConstraintSystem, value: Any, bits: int, label: str) -> Linear:
    """Trusts the comment that says the value fits."""
    return cs.signal(value).within(ranges.unsigned(bits))


def pointer_may_be_flagged(left: Any, right: Any) -> tuple[Any, Any]:
    """e * v = 0 instead of e * (v + b) = 0."""
    pointer, factor, _ = left.use()
    flags = factor.cs.find("tail/C12 flag")
    gaps = [factor[i].wires != flags[i] for i in range(len(flags))]
    kept = [Linear(factor.cs, (1,), factor[i:i + 1].starts * 0 + [0, int(g.sum())], factor[i].wires[g],
                   factor[i].ids[g], ANY) for i, g in enumerate(gaps)]
    return pointer * concatenate(kept), right


def floor(cs: ConstraintSystem, doubled: Linear, tail: int, bits: int) -> Any:
    remainder = ranges.below(cs, "C17 remainder", tail, "C17 K - 1 - remainder")
    positive = cs.boolean("C18 positive")
    return ranges.exact_quotient(cs, doubled - 2 * remainder, 2 * tail, positive, bits, "C18 |shortfall|")


def remainder_by_bits(cs: ConstraintSystem, name: str, bound: int, label: str) -> Linear:
    return cs.bits(name, (bound - 1).bit_length())


def one_sided(cs: ConstraintSystem, choice: Linear, one: Linear, zero: Linear, label: str) -> Linear:
    """short + buy * long instead of short + buy * (long - short)."""
    return zero + cs.multiply(choice, one, label)


def losses_not_negated(cs: ConstraintSystem, weights: Linear, packed: Linear, lanes: Linear, *rest: Any, **named: Any
                       ) -> None:
    packed_product(cs, weights, packed, -lanes, *rest, **named)


packed_product = packing.packed_product

AT_RECORDING: dict[str, tuple[Plant, str]] = {
    "salt not hashed": (leaving_out(portfolio, "C1 hash", 0), "no row mentions wire commitment/salt"),
    "underlying not hashed": (leaving_out(leaves, "C2 hash", 1), r"no row mentions wire leaf/underlying\[0\]"),
    "threshold only claimed": (bits_as_hint("C10 threshold + 2**T"), "risk/C9|can wrap around r"),
    "remainder only claimed": (bits_as_hint("C17 remainder"), "C17|can wrap around r"),
    "gross without range": (instead(ConstraintSystem, "nonnegative", unranged), "risk/C9: lanes in .* can carry"),
    "sign not boolean": (instead(ConstraintSystem, "boolean", lambda cs, name, shape=(): cs.hint(name, shape)),
                         "the sign lies in any residue, so it is no boolean"),
    "product forgotten": (other_equation("C9", lambda left, right: (right, right)), "never became a constraint"),
    "product used twice": (other_equation("C9", lambda left, right: (left.cs.wire(left) + left, right)), "second time"),
}


@pytest.mark.parametrize("name", AT_RECORDING)
def test_seen_while_recording(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, says = AT_RECORDING[name]
    plant(monkeypatch)
    with pytest.raises(CircuitError, match=says):
        recorded()


AT_AUDIT: dict[str, tuple[Plant, str, str]] = {
    "lots not hashed": (leaving_out(portfolio, "C1 hash", 2), "honest", "ordinary"),
    "id of slot 1 not hashed": (leaving_out(portfolio, "C1 hash", 3), "honest", "ordinary"),
    "long rate not hashed": (leaving_out(leaves, "C2 hash", 2), "honest", "ordinary"),
    "losses not negated": (instead(packing, "packed_product", losses_not_negated), "honest", "ordinary"),
    "rounded down": (instead(shortfall, "round_up", floor), "honest", "ordinary"),
    "one flag more": (other_equation("C14 count", lambda left, right: (left, right + 1)), "honest", "ordinary"),
    "rate of one side": (instead(portfolio, "select", one_sided), "honest", "ordinary"),
    "gross range only claimed": (instead(ConstraintSystem, "nonnegative", claimed_range), "attack", "gross-carry"),
    "remainder below 2**n": (instead(expected_shortfall, "below", remainder_by_bits), "attack", "remainder-K'"),
    "pointer may be flagged": (other_equation("C15 threshold is an unflagged loss", pointer_may_be_flagged), "attack",
                               "threshold-at-flagged"),
    "flags not counted": (other_equation("C14 count", lambda left, right: (left * 0, 0)), "attack", "k+1"),
}


@pytest.mark.parametrize("name", AT_AUDIT)
def test_seen_by_the_audit(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant, check, label = AT_AUDIT[name]
    plant(monkeypatch)
    findings = audited(recorded())
    assert (check, label) in {(finding.check, finding.label) for finding in findings}, list(map(str, findings))


def test_without_a_fault_there_is_nothing_to_see() -> None:
    assert audited(recorded()) == []


def test_a_leaf_id_on_a_wire_of_its_own_lets_leaves_be_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    """C2 needs the *same wire* as C1: with a copy that nothing equates, swapped-leaf passes."""
    true = margin.read_leaves
    monkeypatch.setattr(margin, "read_leaves",
                        lambda cs, ids, shape: true(cs, cs.private("copied id", ids.shape), shape))
    cs = recorded()
    attack = next(attack for attack in cheats.attacks() if attack.name == "swapped-leaf")
    opened = cheats.ordinary().epoch.ids[[4, 2, 3]]
    assert attack.inputs["commitment/id"][0] != opened[0]
    assert refusing_groups(cs, forge(cs, {**attack.inputs, "copied id": opened})) == frozenset()
