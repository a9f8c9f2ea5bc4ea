"""What identifies a statement's circuit, to notice when it changes: a key fits one digest only."""

from __future__ import annotations

from typing import Any

from circuits.builder import ConstraintSystem
from circuits.statements.statement import Statement


def pin(statement: Statement) -> dict[str, Any]:
    """Sizes, the digest of the R1CS and the rows of each part, of a circuit recorded anew."""
    cs = ConstraintSystem()
    statement.define(cs, statement.preset)
    system = cs.finish().r1cs()
    return {
        "rows": system.rows, "wires": system.wires, "public_inputs": list(statement.public_inputs),
        "domain": system.domain, "non_zeros": [system.a.entries, system.b.entries, system.c.entries],
        "rows_by_part": {label: share.rows for label, share in cs.profile().items() if share.rows},
        "r1cs_digest": system.digest(),
    }
