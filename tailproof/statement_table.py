"""Every kind of statement and the commands that it has: one table, which `statement show` prints and a test holds to.

A kind is what contexts name (`verifier_contracts.context.STATEMENTS`); presets of one kind differ in size. Where there
is no command, the table says why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from circuits.statements import (
    Statement,
    batch,
    cover,
    disclose,
    escrow,
    flat,
    grid,
    leaf_field,
    margin,
    netting,
    solvency,
    transition,
)
from primitives.poseidon import Tag


@dataclass(frozen=True)
class Row:
    """What a kind of statement has.

    needs : beside key and salt file.  commit, prove, verify, submit : commands, by their words after `tailproof`; or,
    in brackets, why there is none.
    """

    needs: str
    commit: str
    prove: str
    verify: str
    submit: str

    def to_json(self) -> dict[str, str]:
        return dict(vars(self))


_BY_CONTRACT = "(the contract does, of what it computes itself)"
_NO_CONTRACT = "(no contract takes it: it is for who asked)"
_LEAF = Row("epoch", "(an epoch is the commitment)", "oracle challenge", _BY_CONTRACT, "oracle challenge")
TABLE: Mapping[str, Row] = {
    "margin": Row("epoch", "commit", "prove", "verify", "submit"),
    "cover": Row("epoch, value, buffer and side", "commit", "prove", "verify", "submit"),
    "flat": Row("nothing", "commit", "prove", "verify", "submit"),
    "solvency": Row("epoch, challenge, attestations of venue and custodian", "commit", "solvency prove",
                    "solvency verify", _NO_CONTRACT),
    "netting": Row("epoch, challenge, memberships and balances of protocols", "netting commit", "netting prove",
                   "netting verify", _NO_CONTRACT),
    "transition": Row("fills that the venue signed", "trade apply", "trade apply", _BY_CONTRACT, "trade apply"),
    "batch": Row("epoch, and the openings of all accounts", "commit", "batch prove", "batch verify", "relay submit"),
    "leaf-field": _LEAF,
    "leaf-field-asset": _LEAF,
    "leaf-field-mark": _LEAF,
    "escrow": Row("keys that the contract lists", "commit", "escrow post", _BY_CONTRACT, "escrow post"),
    "delivery": Row("keys of a shortlist", "commit", "escrow deliver", _BY_CONTRACT, "escrow deliver"),
    "disclose": Row("nothing", "commit", "escrow publish", _BY_CONTRACT, "escrow publish"),
}


def kind_of(statement: Statement) -> str:
    """Which row a statement has."""
    preset = statement.preset
    if isinstance(preset, escrow.Preset):
        return "delivery" if statement.name.startswith("delivery") else "escrow"
    if isinstance(preset, leaf_field.Preset):
        return {Tag.ASSET: "leaf-field-asset", Tag.MARK: "leaf-field-mark"}.get(preset.kind, "leaf-field")
    return next(kind for kind, presets in (
        ("margin", margin.Preset | grid.Preset), ("cover", cover.Preset), ("flat", flat.Preset),
        ("solvency", solvency.Preset), ("netting", netting.Preset), ("transition", transition.Preset),
        ("batch", batch.Preset), ("disclose", disclose.Preset)) if isinstance(preset, presets))
