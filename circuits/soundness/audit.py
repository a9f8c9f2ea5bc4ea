"""The whole examination of a circuit: what it must hold, and a finding for everything that does not.

An audit that finds nothing says: at the given witnesses every wire is pinned, nothing can be changed alone or with its
consequences, every named attack is refused by just the constraints it names, and every group of constraints is needed
by some attack. It is evidence from instances, not a proof for all inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuits.builder import ConstraintSystem
from circuits.soundness.forgery import Attack, complaint, forge, refusing_groups, unneeded, without
from circuits.soundness.mutation import alternatives, survivors, wire_mutations
from circuits.soundness.uniqueness import given_wires, unpinned
from circuits.steps import named
from primitives.field import FieldArray
from primitives.r1cs import R1CS

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Freedom:
    """Wires that may take another value without harm, and when.

    Attributes
    ----------
    label : of the wires.
    reason : why no output depends on them.
    holds : from the system and a witness, which elements (of the label's shape, or one value for all) are free.
    """

    label: str
    reason: str
    holds: Callable[[ConstraintSystem, FieldArray], NDArray[np.bool_] | bool]

    def allows(self, cs: ConstraintSystem, witness: FieldArray) -> NDArray[np.int64]:
        """The wires it lets move; none in a circuit without such wires."""
        try:
            wires = cs.find(self.label)
        except KeyError:
            return np.zeros(0, np.int64)
        free: NDArray[np.int64] = wires[np.broadcast_to(self.holds(cs, witness), wires.shape)]
        return free


@dataclass(frozen=True, eq=False)
class Subject:
    """A circuit and what is known about it.

    Attributes
    ----------
    cases : honest inputs by name, to examine it at.
    attacks : see `circuits.soundness.forgery`.
    freedoms : harmless ones.
    outputs : public inputs whose value the statement is about: an alternative that changes one is a forgery.
    free_inputs : public inputs that nothing determines.
    inherited : groups of constraints that must be here, and whose attacks are on another circuit of the same clauses.
    """

    name: str
    cs: ConstraintSystem
    cases: Mapping[str, Mapping[str, Any]]
    attacks: tuple[Attack, ...] = ()
    freedoms: tuple[Freedom, ...] = ()
    outputs: tuple[str, ...] = ()
    free_inputs: frozenset[str] = field(default=frozenset())
    inherited: frozenset[str] = field(default=frozenset())

    @cached_property
    def refusals(self) -> tuple[frozenset[str], ...]:
        """Per attack, the groups of constraints that refuse it."""
        return tuple(refusing_groups(self.cs, forge(self.cs, attack.inputs, attack.overrides))
                     for attack in self.attacks)


@dataclass(frozen=True)
class Finding:
    """Something that should not be.

    Attributes
    ----------
    check : "honest", "uniqueness", "mutation", "alternative", "attack" or "coverage".
    label : of the wires or rows concerned, or the name of the attack.
    detail : what is wrong.
    """

    check: str
    label: str
    detail: str

    def __str__(self) -> str:
        return f"{self.check}: {self.label}: {self.detail}"


def audit(subject: Subject, *, thorough: bool = True, progress: Progress | None = None) -> list[Finding]:
    """All checks on all cases.

    Parameters
    ----------
    thorough : change hints in every way there is, and the other private inputs at every case; otherwise in three ways,
        and at the first case.
    """
    system, findings = subject.cs.r1cs(), list[Finding]()
    hints = frozenset(subject.cs.hints)
    given = frozenset(label for label in subject.cs.inputs if label not in hints and label not in subject.cs.publics)
    for number, (case, inputs) in enumerate(subject.cases.items()):
        if progress:
            progress(case, number, len(subject.cases) + 1)
        findings += examine(subject, system, case, inputs)
        findings += replaced(subject, system, case, inputs, hints, None if thorough else ("+ 1", "1 - x", "halved"))
        if thorough or number == 0:
            # Hashes bind what is given, and notice one change as well as any other.
            findings += replaced(subject, system, case, inputs, given, ("+ 1",))
    if progress:
        progress("attacks", len(subject.cases), len(subject.cases) + 1)
    for attack, found in zip(subject.attacks, subject.refusals, strict=True):
        if found != attack.refused_by:
            findings.append(Finding("attack", attack.name, f"is refused by {', '.join(sorted(found)) or 'nothing'}, "
                                                           f"not by {', '.join(sorted(attack.refused_by))}"))
    findings += [Finding("coverage", label, "no attack needs these rows")
                 for label in unneeded(subject.cs, subject.refusals) if label not in subject.inherited]
    findings += [Finding("coverage", label, "is not in this circuit")
                 for label in sorted(subject.inherited - set(subject.cs.groups()))]
    return findings


def forgotten(subject: Subject, groups: frozenset[str]) -> list[Finding]:
    """What an audit of the circuit without some groups of constraints would find, at the first case."""
    system = without(subject.cs, groups)
    case, inputs = next(iter(subject.cases.items()))
    return [*examine(subject, system, case, inputs), *passing_without(subject, groups)]


def passing_without(subject: Subject, groups: frozenset[str]) -> list[Finding]:
    """Attacks that nothing but these groups of constraints refuses."""
    return [Finding("attack", attack.name, f"passes without {', '.join(sorted(groups))}")
            for attack, refused_by in zip(subject.attacks, subject.refusals, strict=True) if refused_by <= groups]


def examine(subject: Subject, system: R1CS, case: str, inputs: Mapping[str, Any]) -> Iterator[Finding]:
    """Honesty, uniqueness and mutation at one witness."""
    cs = subject.cs
    said = complaint(cs, inputs)
    witness = forge(cs, inputs)
    if said is not None or len(system.broken(witness)):
        yield Finding("honest", case, said or "an honest witness breaks rows")
        return
    free = np.concatenate([np.zeros(0, np.int64), *(freedom.allows(cs, witness) for freedom in subject.freedoms)])
    given = given_wires(cs, subject.free_inputs)
    loose = np.setdiff1d(unpinned(system, witness, given), free)
    yield from _by_label(cs, loose, "uniqueness", case, "not pinned")
    unbound = np.concatenate([np.zeros(0, np.int64), *(cs.find(name).reshape(-1) for name in subject.free_inputs)])
    for move, wires in survivors(system, witness, wire_mutations(witness)).items():
        loose = np.setdiff1d(wires, np.concatenate([free, unbound]))
        yield from _by_label(cs, loose, "mutation", case, f"{move} goes unnoticed")


def _by_label(cs: ConstraintSystem, wires: NDArray[np.int64], check: str, case: str, what: str) -> Iterator[Finding]:
    """One finding per block of wires."""
    by_block: dict[str, list[str]] = {}
    for wire in wires.tolist():
        label = cs.wire_label(wire)
        by_block.setdefault(label.split("[")[0], []).append(label)
    for label, found in by_block.items():
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield Finding(check, label, f"{what} at {case}: {found[0]}{more}")


def replaced(subject: Subject, system: R1CS, case: str, inputs: Mapping[str, Any], labels: frozenset[str],
             changes: tuple[str, ...] | None) -> Iterator[Finding]:
    """Alternatives to one witness that no freedom explains; see `circuits.soundness.mutation.alternatives`."""
    cs, witness = subject.cs, forge(subject.cs, inputs)
    for other in alternatives(cs, inputs, sorted(labels), subject.outputs, system, changes):
        allowed = any(freedom.label == other.label and not other.outputs
                      and np.broadcast_to(freedom.holds(cs, witness), cs.inputs[other.label]).reshape(-1)[other.element]
                      for freedom in subject.freedoms)
        if not allowed:
            effect = f", and changes {', '.join(other.outputs)}" if other.outputs else ""
            yield Finding("alternative", named(other.label, other.element, cs.inputs[other.label]),
                          f"{other.change} passes at {case}{effect}")

