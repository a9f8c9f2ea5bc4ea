"""A finding: one thing that an auditor wants to know, what is said of it, and on which evidence.

Four verdicts, and no fifth. What was computed here and agrees is *held*; what was computed here and does not is
*failed*; what nobody can compute from files and chain is *on trust*, and says whose word it is; what could have been
looked at, had something been given or installed, is *not looked at*, and says what is missing. Without the last two a
report would be read as if everything had been checked.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from primitives.jsonio import Node

from ..number_forms import line
from ..printable import printable

PARTS = {"proof": "The proof", "key": "The key and its circuit", "epoch": "The epoch", "publishers": "Who signed it",
         "contracts": "The contracts", "account": "The account", "archive": "The archive"}
"""Parts of a report, in order, with their headings."""


class Verdict(StrEnum):
    """What is said of a finding."""

    HELD = "held"
    FAILED = "failed"
    TRUST = "on trust"
    UNSEEN = "not looked at"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at, or should have been.

    id : the same in every report of the same thing, so that two can be compared.  part : of PARTS.
    what : a sentence that is true if the finding holds.  why : what is wrong, who is believed, or what is missing;
    empty of what is held.  evidence : (name, value).
    command : shows it alone, as a shell takes it; empty if none does.

    What comes from outside and commands a terminal, turns the direction of text or is no Unicode is kept as escapes.
    """

    id: str
    part: str
    what: str
    verdict: Verdict
    why: str = ""
    evidence: tuple[tuple[str, str], ...] = ()
    command: str = ""

    def __post_init__(self) -> None:
        for name in ("what", "why", "command"):
            object.__setattr__(self, name, printable(getattr(self, name)))
        evidence = tuple((printable(name), printable(value)) for name, value in self.evidence)
        object.__setattr__(self, "evidence", evidence)

    def to_json(self) -> dict[str, Any]:
        return {"id": self.id, "part": self.part, "what": self.what, "verdict": str(self.verdict), "why": self.why,
                "evidence": [{"name": name, "value": value} for name, value in self.evidence], "command": self.command}

    @staticmethod
    def of(node: Node) -> Finding:
        """Read what `to_json` wrote; raises BadInput naming the field."""
        parts = node.object({"id", "part", "what", "verdict", "why", "evidence", "command"})
        evidence = [entry.object({"name", "value"}) for entry in parts["evidence"].array()]
        return Finding(parts["id"].text(r"[0-9A-Za-z.:_ -]{1,200}", "a finding's name"), parts["part"].choice(PARTS),
                       parts["what"].text(), Verdict(parts["verdict"].choice(set(map(str, Verdict)))),
                       parts["why"].text(),
                       tuple((one["name"].text(), one["value"].text()) for one in evidence), parts["command"].text())


def looked(id: str, part: str, what: str, holds: bool, wrong: str, *, evidence: Iterable[tuple[str, object]] = (),
           command: str = "") -> Finding:
    """Of what was computed here.  wrong : what is said if it does not hold."""
    return Finding(id, part, what, Verdict.HELD if holds else Verdict.FAILED, "" if holds else line(wrong),
                   shown(evidence), command)


def trusted(id: str, part: str, what: str, why: str, *, evidence: Iterable[tuple[str, object]] = (),
            command: str = "") -> Finding:
    """Of what somebody says.  why : who, and what a lie would do."""
    return Finding(id, part, what, Verdict.TRUST, line(why), shown(evidence), command)


def unseen(id: str, part: str, what: str, why: str, *, evidence: Iterable[tuple[str, object]] = (),
           command: str = "") -> Finding:
    """Of what could have been looked at.  why : what is missing."""
    return Finding(id, part, what, Verdict.UNSEEN, line(why), shown(evidence), command)


def shown(evidence: Iterable[tuple[str, object]]) -> tuple[tuple[str, str], ...]:
    """Evidence as texts, numbers as commands say them (docs/numbers.md)."""
    return tuple((name, line(str(value))) for name, value in evidence)
