"""Which circuit is audited how: a registered statement belongs to a family, and a family has one instance to attack.

The instance is small and its numbers are chosen so that every constraint is needed; all registered sizes of the family
are recorded by the same code. A size can be examined as well, at one random witness: that is what `full` adds.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from circuits import statements
from circuits.soundness import (
    batch,
    cover,
    disclose,
    escrow,
    flat,
    full_size,
    grid,
    leaf_field,
    margin,
    netting,
    solvency,
    transition,
    weighted,
)
from circuits.soundness.audit import Finding, Progress, Subject, audit, examine
from circuits.statements.statement import Statement
from primitives.errors import BadInput
from risk.exact.shape import WeightedTail


@dataclass(frozen=True)
class Family:
    """Statements that one module defines, of equally likely scenarios or of scenarios with masses.

    Attributes
    ----------
    define : records their circuits.
    small : the instance to attack.
    full : a statement of the family at its own size.
    parents : other families, whose clauses it has under the same labels: attacks on those are not made twice. To each,
        beginnings of the labels of its clauses that this family has others for.
    masses : whether scenarios have masses.
    """

    define: Callable[..., None]
    small: Callable[[], Subject]
    full: Callable[[Statement], Subject]
    parents: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    masses: bool = False


FAMILIES = {
    "margin": Family(statements.margin.define, margin.subject, full_size.margin_at),
    "grid": Family(statements.grid.define, grid.subject, full_size.grid_at, {"margin": ("risk/",)}),
    "solvency": Family(statements.solvency.define, solvency.subject, full_size.solvency_at, {"grid": ("result/C19",)}),
    "netting": Family(statements.netting.define, netting.subject, full_size.netting_at,
                      {"solvency": ("commitment/", "collateral/")}),
    "transition": Family(statements.transition.define, transition.subject, full_size.transition_at),
    "batch": Family(statements.batch.define, batch.subject, full_size.batch_at),
    "cover": Family(statements.cover.define, cover.subject, full_size.cover_at, {"margin": ("result/C19",)}),
    "cover-grid": Family(statements.cover.define_on_grid, cover.grid_subject, full_size.cover_at,
                         {"grid": ("result/C19",)}),
    "flat": Family(statements.flat.define, flat.subject, full_size.flat_at),
    "leaf-field": Family(statements.leaf_field.define, leaf_field.subject, full_size.leaf_field_at),
    "escrow": Family(statements.escrow.define, escrow.subject, full_size.escrow_at),
    "disclose": Family(statements.disclose.define, disclose.subject, full_size.disclose_at),
    "margin-masses": Family(statements.margin.define, weighted.margin_subject, full_size.margin_at,
                            {"margin": ("tail/",)}, masses=True),
    "grid-masses": Family(statements.grid.define, weighted.grid_subject, full_size.grid_at,
                          {"grid": ("tail/",)}, masses=True),
    "solvency-masses": Family(statements.solvency.define, weighted.solvency_subject, full_size.solvency_at,
                              {"solvency": ("tail/",), "grid-masses": ("result/C19",)}, masses=True),
    "netting-masses": Family(statements.netting.define, weighted.netting_subject, full_size.netting_at,
                             {"netting": ("tail/",), "grid-masses": ("commitment/",)}, masses=True),
    "batch-masses": Family(statements.batch.define, weighted.batch_subject, full_size.batch_at,
                           {"batch": ("account 0/tail/",)}, masses=True),
    "cover-masses": Family(statements.cover.define, cover.masses_subject, full_size.cover_at,
                           {"margin-masses": ("result/C19",)}, masses=True),
    "cover-grid-masses": Family(statements.cover.define_on_grid, cover.grid_masses_subject, full_size.cover_at,
                                {"grid-masses": ("result/C19",)}, masses=True),
}


def family_of(statement: Statement) -> str:
    """The name of a registered statement's family."""
    masses = statement.reads_epoch and isinstance(statement.shape.tail, WeightedTail)
    families = [name for name, family in FAMILIES.items() if family.define is statement.define]
    # What reads an epoch but computes nothing from it has one family: its clauses know no tail.
    return next((name for name in families if FAMILIES[name].masses == masses), families[0])


@cache
def small(name: str) -> Subject:
    """The instance of a family, with the groups of constraints that its parents' attacks cover."""
    family = FAMILIES[name]
    inherited = frozenset(label for parent, replaced in family.parents.items() for label in small(parent).cs.groups()
                          if not label.startswith(replaced))
    return replace(family.small(), inherited=inherited)


# -- examinations and reports ------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Examination:
    """What was found on one circuit.

    Attributes
    ----------
    name : "margin" or "margin-full-256x16".
    kind : "all checks" or "uniqueness and mutation".
    rows, wires, groups : of the circuit; groups are of constraints, by label.
    cases : witnesses that it was examined at.
    attacks : number of named attacks.
    seconds : that it took.
    findings : none, if all is well.
    """

    name: str
    kind: str
    rows: int
    wires: int
    groups: int
    cases: tuple[str, ...]
    attacks: int
    seconds: float
    findings: tuple[Finding, ...]

    def to_json(self) -> dict[str, Any]:
        """Everything but the time, so that the same code gives the same report."""
        return {"name": self.name, "kind": self.kind, "rows": self.rows, "wires": self.wires, "groups": self.groups,
                "cases": list(self.cases), "attacks": self.attacks,
                "findings": [{"check": f.check, "label": f.label, "detail": f.detail} for f in self.findings]}


@dataclass(frozen=True)
class Report:
    """What was found on several circuits."""

    examinations: tuple[Examination, ...]

    @property
    def findings(self) -> list[Finding]:
        """Of all of them."""
        return [finding for examination in self.examinations for finding in examination.findings]

    def to_json(self) -> dict[str, Any]:
        """For machines."""
        return {"passed": not self.findings, "examinations": [each.to_json() for each in self.examinations]}


def audit_statement(name: str, *, full: bool = False, progress: Progress | None = None) -> Report:
    """Audit a statement; see `audit_statements`."""
    return audit_statements([name], full=full, progress=progress)


def audit_statements(names: Sequence[str] = (), *, full: bool = False, progress: Progress | None = None) -> Report:
    """All checks on the small instances of some statements' families, and with `full` on their own sizes as well.

    Parameters
    ----------
    names : of registered statements, or of families, which stand for all their statements; everything if empty.
    full : uniqueness and mutation at each statement's own size.

    Raises
    ------
    BadInput : a name is neither.
    """
    chosen = [statement for name in names or FAMILIES for statement in _statements(name)]
    families = dict.fromkeys(map(family_of, chosen))
    examinations = [_examined(name, "all checks", small(name), lambda subject, said: audit(subject, progress=said),
                              progress) for name in families]
    if full:
        for statement in dict.fromkeys(chosen):
            subject = FAMILIES[family_of(statement)].full(statement)
            examinations.append(_examined(statement.name, "uniqueness and mutation", subject, _at_cases, progress))
    return Report(tuple(examinations))


def _statements(name: str) -> list[Statement]:
    """Those that a name stands for."""
    registered = statements.names()
    if name in registered:
        return [statements.get(name)]
    if name not in FAMILIES:
        raise BadInput("statement", name, f"one of {', '.join([*FAMILIES, *registered])}")
    return [statement for statement in map(statements.get, registered) if family_of(statement) == name]


def _at_cases(subject: Subject, progress: Progress | None) -> Iterable[Finding]:
    for number, (case, inputs) in enumerate(subject.cases.items()):
        if progress:
            progress(case, number, len(subject.cases))
        yield from examine(subject, subject.cs.r1cs(), case, inputs)


def _examined(name: str, kind: str, subject: Subject, checks: Callable[[Subject, Progress | None], Iterable[Finding]],
              progress: Progress | None) -> Examination:
    def said(stage: str, done: int, total: int) -> None:
        if progress:
            progress(f"{name}: {stage}", done, total)

    begin = time.monotonic()
    findings = tuple(checks(subject, said))
    cs = subject.cs
    return Examination(name, kind, cs.rows, cs.wires, len(cs.groups()), tuple(subject.cases), len(subject.attacks),
                       time.monotonic() - begin, findings)
