"""A number beside its bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Report = Callable[[str], None]
"""What is being done, for who waits."""


@dataclass(frozen=True)
class Figure:
    """What was measured, in its unit.

    value : None where it was not measured; `note` says why.
    most, least : its bounds; None where there is none.
    details : for the JSON only.
    """

    what: str
    value: float | None
    unit: str = ""
    most: float | None = None
    least: float | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def missed(self) -> bool:
        """Whether it was measured and is out of its bounds; a value that is no number is."""
        if self.value is None:
            return False
        return not ((self.most is None or self.value <= self.most) and (self.least is None or self.value >= self.least))

    @property
    def bound(self) -> str:
        """In words."""
        parts = [f"{sign} {bound:g}{self._unit}" for sign, bound in (("≥", self.least), ("≤", self.most))
                 if bound is not None]
        return ", ".join(parts)

    @property
    def row(self) -> str:
        """Of a table in Markdown."""
        value = "not run" if self.value is None else f"{self.value:.3g}{self._unit}"
        note = f" ({self.note})" if self.note else ""
        return f"| {self.what} | {value}{' MISSED' if self.missed else ''}{note} | {self.bound} |"

    @property
    def _unit(self) -> str:
        return f" {self.unit}" if self.unit else ""

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "value": self.value, "unit": self.unit, "most": self.most, "least": self.least,
                "missed": self.missed, "note": self.note, **({"details": self.details} if self.details else {})}
