"""What the page knows of the statements, written from where they are defined: `python -m tailproof.page.facts`.

A browser records no circuit and draws no standard scenarios, so it is told the digests of this version's circuits and
of the shapes of epochs; the words of a verdict are those of the commands.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from circuits import statements
from circuits.statements import Statement, netting
from circuits.statements.pin import pinned
from primitives.poseidon import FULL_ROUNDS, PARTIAL_ROUNDS, RATE, Tag
from risk.epochs.header import TRIAL
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape
from risk.grid.grid_standard import StandardMap
from verifier_contracts.context import STATEMENTS, TYPE

from .. import certifying
from .. import netting as groups
from ..bundling import KINDS
from ..keys import INSECURE
from ..statement_table import TABLE, kind_of

CHALLENGED = ("solvency", "netting")
"""Kinds that answer a challenge."""
NOT_SHOWN = (
    "what the account holds, beyond what its commitment hides",
    "that a contract has taken it, and that it still counts: the chain knows versions, rotated keys and newer epochs",
    "that the epoch's scenarios are wise, or follow from their sources",
)
"""Of a bundle, on the page."""


def facts() -> dict[str, Any]:
    """All of it, as `web/facts.json` has it."""
    found = [statements.get(name) for name in statements.names()]
    verified = [one for one in found if kind_of(one) in (*KINDS, *CHALLENGED)]
    shapes = {str(one.shape.digest()): one.shape for one in verified if one.reads_epoch}
    return {
        "statements": {one.name: _statement(one) if one in verified else {"kind": kind_of(one), "shape": None}
                       for one in found},
        "shapes": {digest: {"digest": digest, **_shape(shape)} for digest, shape in shapes.items()},
        "poseidon": {"full_rounds": FULL_ROUNDS, "partial_rounds": {str(t): n for t, n in PARTIAL_ROUNDS.items()},
                     "rate": RATE, "tags": {tag.name: int(tag) for tag in Tag}},
        "context": {"type": TYPE, "statements": list(STATEMENTS)},
        "words": {"insecure": INSECURE, "trial": TRIAL, "bundles": list(KINDS),
                  "commands": {kind: row.verify for kind, row in TABLE.items()},
                  "not_shown": {"bundle": NOT_SHOWN, "solvency": certifying.NOT_SHOWN, "netting": groups.NOT_SHOWN}},
    }


def _statement(one: Statement) -> Mapping[str, Any]:
    group = one.preset if isinstance(one.preset, netting.Preset) else None
    return {"kind": kind_of(one), "public_inputs": list(one.public_inputs),
            "r1cs_digest": pinned()[one.name]["r1cs_digest"],
            "shape": str(one.shape.digest()) if one.reads_epoch else None,
            **({} if group is None else {"netting": {
                "places": group.places, "place_bits": group.place_bits, "balance_depth": group.balance_depth,
                "empty_commitment": str(netting.empty_commitment(group))}})}


def _shape(shape: EpochShape | GridShape) -> Mapping[str, Any]:
    """A shape, and for a grid what manifests say of it, as JSON: its numbers are then read as those of a manifest."""
    if not isinstance(shape, GridShape):
        return {"json": shape.to_json(), "manifest": None}
    assert isinstance(shape.map, StandardMap)
    sizes = {**shape.tail.to_json(), "depth": shape.depth, "lanes": shape.lanes, "width": shape.width,
             "value_bits": shape.value_bits}
    return {"json": shape.to_json(), "manifest": json.dumps({"standard": shape.map.to_json(), "shape": sizes})}


if __name__ == "__main__":
    print(json.dumps(facts(), indent=1, ensure_ascii=False))
