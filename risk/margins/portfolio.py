"""A portfolio: which instruments, how many lots. Read from JSON; `tailproof schema portfolio` publishes its schema."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives.errors import BadInput, suggestion
from primitives.jsonio import Node
from risk.epochs.epoch import Epoch
from risk.grid.grid_epoch import GridEpoch
from risk.margins.margin import QUANTITY_BITS, Margin, margin
from risk.market.instruments import SYMBOL

SCHEMA = "tailproof.portfolio/1"
LARGEST_LOTS = 2**QUANTITY_BITS - 1
MOST_POSITIONS = 64
"""J <= 64: no statement has more slots."""


@dataclass(frozen=True)
class Portfolio:
    """Positions as (instrument symbol, signed lots), each instrument at most once, in the order of the slots.

    source : the file it came from, for messages.
    """

    positions: tuple[tuple[str, int], ...]
    description: str = ""
    source: str | None = None

    @classmethod
    def read(cls, path: str | Path) -> Portfolio:
        """Read a portfolio file.

        Raises
        ------
        BadInput : malformed, a symbol that is none, an instrument twice, lots that are no integer or reach 2**40, more
            than 64 positions; naming file, field, value and bound.
        """
        root = Node.read(path)
        if isinstance(root.value, dict) and root.value.get("schema", SCHEMA) == SCHEMA:
            root.complete({"": ("schema", "positions"), "positions[]": ("instrument", "lots")})
        parts = root.document(SCHEMA, {"positions"}, {"description"})
        positions: dict[str, int] = {}
        for node in parts["positions"].array(at_most=MOST_POSITIONS):
            position = node.object(required={"instrument", "lots"})
            symbol = position["instrument"].text(SYMBOL.pattern, "the symbol of an instrument")
            if symbol in positions:
                raise position["instrument"].refuse("an instrument that no earlier position holds")
            positions[symbol] = position["lots"].integer(-LARGEST_LOTS, LARGEST_LOTS)
        description = parts["description"].text() if "description" in parts else ""
        return cls(tuple(positions.items()), description, str(path))

    def to_json(self) -> dict[str, Any]:
        """What `read` reads."""
        described = {"description": self.description} if self.description else {}
        return {"schema": SCHEMA, **described,
                "positions": [{"instrument": symbol, "lots": lots} for symbol, lots in self.positions]}

    def rows(self, epoch: Epoch | GridEpoch) -> list[tuple[int, int]]:
        """The positions as (row of the epoch, lots).

        Raises
        ------
        BadInput : the epoch does not hold an instrument.
        """
        found = []
        for i, (symbol, lots) in enumerate(self.positions):
            row = epoch.row_of(symbol)
            if row is None:
                near = suggestion(symbol, [instrument.symbol for instrument in epoch.instruments])
                raise BadInput(f"positions[{i}].instrument", symbol, f"an instrument of the epoch{near}",
                               source=self.source)
            found.append((row, lots))
        return found

    def margin(self, epoch: Epoch) -> Margin:
        """The margin in an epoch.

        Raises
        ------
        BadInput : the epoch does not hold an instrument.
        """
        return margin(epoch, self.rows(epoch))
