"""The file of venues that idle collateral may be placed at."""

from __future__ import annotations

from typing import Any

from primitives.jsonio import Node

from ..idling import SCHEMA, parse_idle
from .observed import Format

_BP = "basis points"


def examples() -> list[Any]:
    """One with a venue that lends against an asset, and one that does not."""
    return [{"schema": SCHEMA, "collateral": "250000", "buffer": 500, "venues": [
        {"name": "money market", "yearly": 450, "exit": 3600, "haircut": 200, "cap": "100000", "failure": 10000},
        {"name": "lending", "yearly": 900, "exit": 604800, "haircut": 500, "cap": "80000.5", "failure": 10000,
         "asset": "ETH", "cushion": 2000, "share": 5000}]}]


IDLE = Format(
    "idle", "Venues that idle collateral may be placed at; `risk idle` takes it (JSON)", "idle.json", examples,
    lambda document: parse_idle(Node(document)),
    {"schema": "says what the file is", "collateral": "of the account, quote units",
     "buffer": f"that cover is proven with above the margin, {_BP}", "venues": "where it may be placed",
     "venues[].name": "of the venue", "venues[].yearly": f"what it yields in a year, {_BP}",
     "venues[].exit": "until what is asked back is there, s", "venues[].haircut": f"what does not count of it, {_BP}",
     "venues[].cap": "most that may be placed, quote units",
     "venues[].failure": f"what is lost if the venue fails, {_BP}",
     "venues[].asset": "that it lends against; nothing if absent",
     "venues[].cushion": f"fall of the asset that costs it nothing, {_BP}",
     "venues[].share": f"of the fall beyond that, what is lost, {_BP}"})
