"""What a cascade is simulated from, out of files: a configuration, and the contracts' own parameters file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from primitives.jsonio import Node
from risk.cascades.parameters import LARGEST_MONEY, LAWS, MOST_ASSETS, TOXIC, Asset, Cascade
from risk.cascades.presets import PRESETS, preset
from risk.market.instruments import SYMBOL

if TYPE_CHECKING:
    from verifier_contracts.system_config import SystemConfig

SCHEMA = "tailproof.cascade/1"
SECTIONS = ("market", "shock", "population", "liquidators", "tiers")
PATIENCE = 1_200
"""Live seconds that the owner has alone, and then the venue (PartialClose.sol)."""
_Section = TypeVar("_Section")


def read_cascade(path: str | Path) -> Cascade:
    """A preset, with what the file says otherwise.

    Raises
    ------
    BadInput : naming the field; the gate `toxic-liquidation` too.
    """
    return parse_cascade(Node.read(path), source=path)


def parse_cascade(node: Node, *, source: str | Path | None = None) -> Cascade:
    """The same of a document."""
    parts = node.document(SCHEMA, {"preset"}, {"assets", "accept", *SECTIONS})
    base = preset(parts["preset"].choice(list(PRESETS)))
    changed: dict[str, Any] = {}
    for name in SECTIONS:
        if name in parts:
            changed[name] = _section(parts[name], getattr(base, name))
    if "assets" in parts:
        changed["assets"] = tuple(_asset(entry) for entry in parts["assets"].array(at_least=1, at_most=MOST_ASSETS))
    if "accept" in parts:
        reasons = parts["accept"].object((), {TOXIC})
        changed["accept"] = {name: reason.text(r"[\s\S]*\S[\s\S]*", "a reason") for name, reason in reasons.items()}
    return replace(base, **changed, source=source)


def with_system(cascade: Cascade, system: SystemConfig) -> Cascade:
    """The same, with the tiers' terms and caps as this configuration gives them to contracts.

    Clocks are rounded up to blocks. What tranches and bonds hold is no parameter of contracts and stays.
    """
    terms, block = system.liquidation.terms, cascade.shock.block_seconds
    # A cap beyond what a tranche can have here binds nothing; contracts take up to 2**96, which says there is none.
    account, epoch, day = (min(cap, LARGEST_MONEY) for cap in (system.liquidation.caps.account,
                                                               system.liquidation.caps.epoch,
                                                               system.liquidation.caps.day))
    patience = -(-PATIENCE // block)
    tiers = replace(
        cascade.tiers, initial=system.ledger.buffers[1], haircut=terms.largest_haircut, concession=terms.concession,
        standing=terms.bid_per_margin, owner=patience, venue=patience, auction_time=-(-terms.longest // block),
        epoch_blocks=-(-system.oracle.limits.min_interval // block),
        fund=replace(cascade.tiers.fund, account=account, epoch=epoch, day=day))
    return replace(cascade, tiers=tiers)


def _section(node: Node, base: _Section) -> _Section:
    known = {one.name: one for one in fields(base)}                                     # type: ignore[arg-type]
    parts = node.object((), set(known))
    return replace(base, **{name: _value(part, known[name].metadata, getattr(base, name))  # type: ignore[type-var]
                            for name, part in parts.items()})


def _value(node: Node, metadata: Mapping[str, Any], base: Any) -> Any:
    if "bounds" in metadata:
        return node.integer(*metadata["bounds"])
    if isinstance(base, bool):
        return node.boolean()
    if isinstance(base, str):
        return node.choice(list(LAWS))
    return _section(node, base)


def _asset(node: Node) -> Asset:
    parts = node.object({one.name for one in fields(Asset)})
    numbers = {one.name: parts[one.name].integer(*one.metadata["bounds"]) for one in fields(Asset)
               if "bounds" in one.metadata}
    return Asset(parts["symbol"].text(SYMBOL.pattern, "a symbol"), **numbers)
