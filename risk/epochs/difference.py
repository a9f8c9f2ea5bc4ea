"""What an audit finds."""

from __future__ import annotations

from dataclasses import dataclass

from primitives.errors import BadInput


@dataclass(frozen=True)
class Difference:
    """One thing that is not as it must be.

    clause : the duty concerned, "E1" to "E12", or "rebuild".
    field : where; published : what the epoch says; expected : what it must be.
    """

    clause: str
    field: str
    published: str
    expected: str

    def __str__(self) -> str:
        return f"[{self.clause}] {self.field} is {self.published}: must be {self.expected}"


@dataclass(frozen=True)
class Change:
    """What is another than in the epoch before, and may be: a person should see it before signing.

    field : where; before, now : what it was and is.
    """

    field: str
    before: str
    now: str

    def __str__(self) -> str:
        return f"{self.field}: {self.before} -> {self.now}"


class BrokenDuty(BadInput):
    """Sources that no epoch may be built from, by one of the publisher's duties.

    clause : "E9" to "E11"; the rest as in `BadInput`.
    """

    def __init__(self, clause: str, field: str, value: object, bound: str, *, source: str | None = None) -> None:
        super().__init__(field, value, f"{bound} ({clause})", source=source)
        self.clause = clause
