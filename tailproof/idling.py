"""The file of venues that collateral may be placed at. JSON.

    {"schema": "tailproof.idle/1", "collateral": "250000", "buffer": 500,
     "venues": [{"name": "money market", "yearly": 450, "exit": 3600, "haircut": 200, "cap": "100000",
                 "failure": 10000}]}

Money is decimal text in quote units, rates are basis points, times seconds.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, fields
from pathlib import Path

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.cascades.idle import LARGEST_MONEY, MOST_VENUES, UNIT, Venue
from risk.exact.money import parse_money
from risk.market.instruments import SYMBOL

SCHEMA = "tailproof.idle/1"
_NAME = r"(?=.*\S)[^\x00-\x1f]{1,60}"


@dataclass(frozen=True)
class IdleFile:
    """collateral : money units.  buffer : basis points."""

    collateral: int
    buffer: int
    venues: tuple[Venue, ...]


def read_idle(path: str | Path) -> IdleFile:
    """Read a file of venues.

    Raises
    ------
    BadInput : naming the field.
    """
    return parse_idle(Node.read(path))


def parse_idle(node: Node) -> IdleFile:
    """The same of a document."""
    parts = node.document(SCHEMA, {"collateral", "buffer", "venues"})
    return IdleFile(_money(parts["collateral"]), parts["buffer"].integer(0, UNIT),
                    tuple(_venue(one) for one in parts["venues"].array(at_least=1, at_most=MOST_VENUES)))


def _venue(node: Node) -> Venue:
    known = {one.name: one for one in fields(Venue)}
    required = {name for name, one in known.items() if one.default is MISSING}
    parts = node.object(required, set(known) - required)
    asset = parts["asset"].text(SYMBOL.pattern, "a symbol") if "asset" in parts else ""
    if asset and "share" not in parts:
        raise BadInput(f"{node.field}.share", None, "given beside an asset: what its fall costs", source=node.source)
    for name in ("cushion", "share"):
        if name in parts and not asset:
            raise parts[name].refuse("absent where no asset is named, whose fall it is of")
    numbers = {name: part.integer(*known[name].metadata["bounds"]) for name, part in parts.items()
               if name not in ("name", "asset", "cap")}
    return Venue(parts["name"].text(_NAME, "a name"), cap=_money(parts["cap"]),
                 asset=asset, **numbers)


def _money(node: Node) -> int:
    return parse_money(node.value, field=node.field, low=0, high=LARGEST_MONEY, source=node.source)
