"""Rates a lot, term by term: what the leaves of an epoch hold as two sums, told apart in its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node

CONTINGENCY, ROUNDING, INTERPOLATION = "contingency", "rounding", "interpolation"
NAMES = (CONTINGENCY, ROUNDING, "lag", "funding", "gas", "spread", "impact", "concentration", "basis", "confidence",
         "depeg", "short_options", "wrong_way", "open_interest", INTERPOLATION)
"""In the order in which they are charged and shown."""
RATE_BITS = 44
"""A rate is below 2**44 (E3)."""


@dataclass(frozen=True, eq=False)
class Terms:
    """names : T of `NAMES`.  long, short : money units a lot, int64 (n, T), >= 0; a row a listing."""

    names: tuple[str, ...]
    long: NDArray[np.int64]
    short: NDArray[np.int64]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Terms) and self.names == other.names \
            and np.array_equal(self.long, other.long) and np.array_equal(self.short, other.short)

    __hash__ = None  # type: ignore[assignment]  # arrays have none

    def side(self, name: str) -> NDArray[np.int64]:
        """Of the "long" or the "short" side."""
        found: NDArray[np.int64] = getattr(self, name)
        return found

    def total(self, side: str) -> NDArray[np.int64]:
        """The rate: (n,)."""
        values = self.side(side)
        total = np.zeros(len(values), np.int64)
        for column in range(len(self.names)):
            total = total + values[:, column]
        return total

    def add(self, name: str, long: NDArray[np.int64], short: NDArray[np.int64]) -> Terms:
        """With one more term, (n,) each."""
        return Terms((*self.names, name), np.concatenate([self.long, long[:, None]], axis=1),
                     np.concatenate([self.short, short[:, None]], axis=1))

    def to_json(self) -> dict[str, Any]:
        return {"terms": list(self.names), "long": self.long.tolist(), "short": self.short.tolist()}

    @classmethod
    def from_json(cls, node: Node, rows: int) -> Terms:
        """Read what `to_json` wrote, of so many listings.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        parts = node.object({"terms", "long", "short"})
        names = tuple(entry.choice(NAMES) for entry in parts["terms"].array(at_least=1, at_most=len(NAMES)))
        if len(set(names)) != len(names):
            raise parts["terms"].refuse("free of repetitions")
        sides = [np.array([[value.integer(0, 2**RATE_BITS - 1) for value in row.array(at_least=len(names),
                                                                                    at_most=len(names))]
                           for row in parts[side].array(at_least=rows, at_most=rows)], np.int64
                          ).reshape(rows, len(names)) for side in ("long", "short")]
        return cls(names, sides[0], sides[1])


def require_sums(terms: Terms, long: NDArray[np.int64], short: NDArray[np.int64], *, source: str) -> None:
    """Refuse terms that do not sum to the rates of the leaves.

    Parameters
    ----------
    long, short : of the listings, (n,).

    Raises
    ------
    BadInput : naming side and row.
    """
    for side, rates in (("long", long), ("short", short)):
        for row in np.flatnonzero(terms.total(side) != rates):
            raise BadInput(f"addons.{side}[{row}]", int(terms.total(side)[row]), f"terms that sum to {rates[row]}, the "
                           "rate of the leaf", source=source)
