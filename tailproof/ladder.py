"""Initial and maintenance margin of one proof: the ladder of buffers that the ledger holds for ever.

A proof shows one number, M = max(0, ES, rounded up) + add-ons, or that collateral covers it. The ledger asks for

    V >= M (10**4 + beta) / 10**4

with beta of the step that the occasion takes: maintenance for a shortfall, initial for whatever may add risk, for a
cure and for whoever buys a lot, two more above for cover that lasts longer. So both are numbers of one proof, and the
ratio between them is the contract's: fixed when it is deployed, changed by nobody, not even by governance, and no part
of an epoch. What the risk engine shows is `covering.least_value`, which the ledger's inequality holds to the unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives.jsonio import Node

STEPS = ("maintenance", "initial", "above initial", "highest")
OWNER = "MarginLedger.bufferOf, fixed at deployment"


@dataclass(frozen=True)
class Ladder:
    """buffers : basis points of the margin, rising.  lives : seconds that a cover at each is good, from its epoch."""

    buffers: tuple[int, int, int, int]
    lives: tuple[int, int, int, int]

    def required(self, margin: int) -> Sequence[int]:
        """The least collateral at each step, 10**-6 quote units, rounded up."""
        from .covering import least_value
        return [least_value(margin, buffer) for buffer in self.buffers]

    def to_json(self, margin: int) -> list[dict[str, Any]]:
        """For machines, beside the margin that is proven."""
        return [{"step": name, "buffer": buffer, "life": life, "required": str(required)}
                for name, buffer, life, required
                in zip(STEPS, self.buffers, self.lives, self.required(margin), strict=True)]


def read_ladder(path: str | Path) -> Ladder:
    """Of a deployment file, or of the configuration of a system that is not deployed.

    Raises
    ------
    BadInput : it is neither, or malformed.
    """
    from verifier_contracts.system import SCHEMA, System
    from verifier_contracts.system_config import SystemConfig
    document = Node.read(path).value
    if isinstance(document, dict) and document.get("schema") == SCHEMA:
        fixed = System.load(path).settings
        return Ladder(fixed.buffers, fixed.lives)
    ledger = SystemConfig.load(path).ledger
    return Ladder(ledger.buffers, ledger.lives)
