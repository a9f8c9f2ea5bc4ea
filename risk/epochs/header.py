"""What an epoch says of itself besides its numbers, and how the root binds it.

The last leaf of the tree, whatever else is in it, is

    H(HEADER; previous root, valuation in Unix seconds, 1 for a trial or else 0, digest of the whole header)

so that one opening, at a place that everybody knows, shows a contract which epoch came before, how old the prices are
and whether the seed was somebody's choice. The statements never open it: its tag is no instrument's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from primitives.jsonio import Node
from risk.exact.clock import format_time
from risk.exact.digests import field_digest
from risk.models.model import GATES, Basis, Purpose

SCHEMA = "tailproof.header/1"
TRIAL = "TRIAL: the seed of this epoch was somebody's choice, its margins prove nothing to anybody else"
_REASON = r"(?=.*\S)[^\x00-\x1f]{1,500}"
_FOUND = r"[^\x00-\x1f]{1,2000}"


@dataclass(frozen=True)
class Accepted:
    """A gate that was not passed, why that is right, and what was found."""

    gate: str
    reason: str
    found: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """What the plausibility gates said.  flags : what is allowed and should be known."""

    accepted: tuple[Accepted, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def reasons(self) -> Mapping[str, str]:
        """By gate."""
        return {one.gate: one.reason for one in self.accepted}

    def lines(self) -> list[str]:
        """For people."""
        return [*(f"ACCEPTED {one.gate}, since {one.reason}: {found}" for one in self.accepted for found in one.found),
                *self.flags]

    def to_json(self) -> dict[str, Any]:
        return {"accepted": [{"gate": one.gate, "reason": one.reason, "found": list(one.found)}
                             for one in self.accepted], "flags": list(self.flags)}

    @classmethod
    def from_json(cls, node: Node) -> Judgement:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        parts = node.object({"accepted", "flags"})
        accepted = []
        for entry in parts["accepted"].array(at_most=len(GATES)):
            one = entry.object({"gate", "reason", "found"})
            accepted.append(Accepted(one["gate"].choice(GATES), one["reason"].text(_REASON, "a reason"),
                                     tuple(line.text(_FOUND, "a line") for line in one["found"].array(at_least=1))))
        return cls(tuple(accepted), tuple(line.text(_FOUND, "a line") for line in parts["flags"].array()))


@dataclass(frozen=True)
class Header:
    """What an epoch says about itself besides its numbers.

    venue : whose instruments these are.  quote : the currency of every number.
    timestamp : Unix seconds of the valuation.  underlyings : their symbols, in the order of the column u.
    model, model_digest : name of the model and keccak256 of its file.
    purpose, seed : whether the seed was chosen, and what it is.  previous : root of the epoch before, 0 for the first.
    judgement : what the plausibility gates said.
    basis : what leaves hold. The digest says it of levels only: of changes, roots are what they were before there was a
        choice.
    """

    venue: str = "none"
    quote: str = "USD"
    timestamp: int = 0
    underlyings: tuple[str, ...] = ("none",)
    model: str = "none"
    model_digest: str = "0x" + "00" * 32
    purpose: Purpose = Purpose.TRIAL
    seed: int = 0
    previous: int = 0
    judgement: Judgement = field(default_factory=Judgement)
    basis: Basis = Basis.CHANGE

    @property
    def trial(self) -> bool:
        """Whether somebody chose the seed."""
        return self.purpose == Purpose.TRIAL

    @property
    def predecessor(self) -> str:
        """The epoch before, for people."""
        return str(self.previous) if self.previous else "none: the first of its chain"

    def leaf(self, listed: Sequence[tuple[int, str]]) -> list[int]:
        """What the header's leaf hashes.  listed : id and symbol of each instrument, so that a symbol has one id."""
        symbols = [[str(id), symbol] for id, symbol in listed]
        return [self.previous, self.timestamp, int(self.trial),
                field_digest({"schema": SCHEMA, **self.to_json(), "listed": symbols})]

    def to_json(self) -> dict[str, Any]:
        """As in a manifest."""
        return {"venue": self.venue, "quote": self.quote, "timestamp": format_time(self.timestamp),
                "underlyings": list(self.underlyings), "model": {"name": self.model, "digest": self.model_digest},
                "purpose": str(self.purpose), "seed": self.seed, "previous": str(self.previous),
                "gates": self.judgement.to_json(),
                **({"basis": str(self.basis)} if self.basis != Basis.CHANGE else {})}
