"""What a venue remembers of its ticks: a file each, replaced whole, so that it goes on after any end.

STATE/ticks/000007.json is told, not believed: what was built is read from its directory, what was published from the
chain, what was proven is verified again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node

from .rounds import EPOCH, LATEST, name

SCHEMA, STATE_SCHEMA = "tailproof.venue-tick/1", "tailproof.venue-state/1"
OUTCOMES = ("open", "published", "failed")
KEPT = 256
"""Ticks whose files stay."""


@dataclass(frozen=True)
class Tick:
    """One turn of the clock.

    begun_at : Unix seconds.  epoch : name of its directory.  epoch_id : as which it was published.  why : it failed.
    gas : of its publication.  seconds : from the beginning until it was built, proposed, published, proven, on chain.
    """

    number: int
    begun_at: float
    outcome: str = "open"
    epoch: str | None = None
    root: int | None = None
    epoch_id: int | None = None
    why: str = ""
    gas: int = 0
    seconds: Mapping[str, float] = field(default_factory=dict)

    def at(self, stage: str, now: float, **changes: Any) -> Tick:
        """After a stage; a stage that was noted stays as it was."""
        return replace(self, seconds={stage: round(max(0.0, now - self.begun_at), 3), **self.seconds}, **changes)

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "number": self.number, "begun_at": self.begun_at, "outcome": self.outcome,
                "epoch": self.epoch, "root": None if self.root is None else str(self.root), "epoch_id": self.epoch_id,
                "why": self.why, "gas": self.gas, "seconds": dict(self.seconds)}

    @staticmethod
    def of(node: Node) -> Tick:
        """Raises BadInput naming the field."""
        parts = node.document(SCHEMA, {"number", "begun_at", "outcome", "epoch", "root", "epoch_id", "why", "gas",
                                       "seconds"})
        seconds = parts["seconds"].value
        if not isinstance(seconds, dict) or not all(type(one) in (int, float) for one in seconds.values()):
            raise parts["seconds"].refuse("seconds by stage")
        return Tick(parts["number"].integer(1, LATEST), parts["begun_at"].number(0, 1e12),
                    parts["outcome"].choice(OUTCOMES),
                    None if parts["epoch"].value is None else parts["epoch"].text(EPOCH, "a name"),
                    None if parts["root"].value is None else parts["root"].decimal(0, 1 << 256),
                    None if parts["epoch_id"].value is None else parts["epoch_id"].integer(1, (1 << 40) - 1),
                    parts["why"].text(), parts["gas"].integer(0, 1 << 60), seconds)


@dataclass(frozen=True)
class Ticks:
    """The ticks of one venue for one ledger."""

    folder: Path

    @staticmethod
    def open(state: Path, chain_id: int, ledger: str) -> Ticks:
        """Those of a state directory, made if there is none.

        Raises
        ------
        BadInput : it is another deployment's, or cannot be written.
        """
        folder, path = state / "ticks", state / "venue.json"
        with jsonio.refusing_to_write(folder):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            jsonio.write(path, {"schema": STATE_SCHEMA, "chain_id": chain_id, "ledger": ledger})
        parts = Node.read(path).document(STATE_SCHEMA, {"chain_id", "ledger"})
        for field_, found, wanted in (("chain_id", parts["chain_id"].value, chain_id),
                                      ("ledger", parts["ledger"].value, ledger)):
            if found != wanted:
                raise BadInput(field_, found, f"{wanted}: this state is another deployment's", source=path)
        return Ticks(folder)

    def numbers(self) -> list[int]:
        """Of all that are kept, oldest first."""
        return sorted(int(path.stem) for path in self.folder.glob("*.json") if re.fullmatch(r"[0-9]{6,12}", path.stem))

    def last(self, count: int = 1) -> list[Tick]:
        """The newest, oldest of them first; raises BadInput where one is malformed."""
        return [Tick.of(Node.read(self.folder / f"{name(number)}.json")) for number in self.numbers()[-count:]]

    def save(self, tick: Tick) -> None:
        """Write one down, and forget the oldest of too many."""
        jsonio.write(self.folder / f"{name(tick.number)}.json", tick.to_json(), over=True)
        for number in self.numbers()[:-KEPT]:
            (self.folder / f"{name(number)}.json").unlink(missing_ok=True)
