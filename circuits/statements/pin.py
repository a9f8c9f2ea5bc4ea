"""What identifies a statement's circuit, to notice when it changes: a key fits one digest only.

Pins of all statements are in pins.json: a test records every circuit anew and compares. So sizes can be told without
recording a circuit, which takes up to a second each.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from circuits.builder import ConstraintSystem
from circuits.statements.statement import Statement
from primitives import jsonio

PINS = Path(__file__).with_name("pins.json")


@cache
def pinned() -> dict[str, dict[str, Any]]:
    """What `pin` gives for every statement, by name, as it was written down. For people to read: what proves or checks
    takes sizes and digests from the circuit itself."""
    pins: dict[str, dict[str, Any]] = jsonio.read(PINS)
    return pins


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
