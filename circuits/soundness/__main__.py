"""Audit the statements' circuits: python -m circuits.soundness [NAME ...]

Without names, every kind of statement is audited in full on its small instance. A name of a registered margin statement
examines that size: its wires are pinned, and none can change alone. Exits 1 if there are findings.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from circuits import statements
from circuits.soundness import batch, margin, transition
from circuits.soundness.audit import Finding, Subject, audit, examine
from circuits.statements.margin import Preset

SMALL = {"margin": margin.subject, "transition": transition.subject, "batch": batch.subject}


def main(names: list[str]) -> int:
    """Print findings; the exit code."""
    failed = False
    for name in names or list(SMALL):
        if name in SMALL:
            subject = SMALL[name]()
            found: Iterator[Finding] = iter(audit(subject, progress=_show))
        else:
            statement = statements.get(name)
            if not isinstance(statement.preset, Preset):
                print(f"{name}: only sizes of margin are examined by name, or one of {', '.join(SMALL)}")
                return 2
            subject = margin.full_size(statement)
            found = _examined(subject)
        findings = list(found)
        failed |= bool(findings)
        print(f"{subject.name}: {subject.cs.rows} rows, {subject.cs.wires} wires, {len(subject.attacks)} attacks, "
              f"{len(findings)} findings")
        for finding in findings:
            print(f"  {finding}")
    return int(failed)


def _examined(subject: Subject) -> Iterator[Finding]:
    for case, inputs in subject.cases.items():
        yield from examine(subject, subject.cs.r1cs(), case, inputs)


def _show(stage: str, done: int, total: int) -> None:
    print(f"  {done + 1}/{total} {stage}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
