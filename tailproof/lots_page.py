"""The public page of lots: what everybody may know of them, as one JSON document and a file for each lot.

Amounts that readers of JSON may round are decimal strings. Times are live seconds (`live_time` says which it is now);
nothing of an account is in it but what the chain shows everybody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.jsonio import Node
from verifier_contracts.addresses import read_address, read_bytes32
from verifier_contracts.auction import LARGEST_PRICE, Lot, LotTerms, Stage, Times
from verifier_contracts.chain import LARGEST_CHAIN_ID

from .bidding import House, opened_lots
from .progress import Progress, quiet

SCHEMA = "tailproof.lots/1"
_STAGES = tuple(stage.name.lower() for stage in Stage)
_STARTS = ("disclosure", "commit", "sealed", "reveal", "clearing")
_UINT = {bits: (1 << bits) - 1 for bits in (16, 40, 96, 128, 256)}


def public_lots(at: House, *, only: int | None = None, going_on: bool = False, progress: Progress = quiet
                ) -> dict[str, Any]:
    """The page. only : one lot alone.  going_on : without those that have ended."""
    times, live, found = at.house.times(), at.oracle.live_time(), []
    for terms in opened_lots(at, progress=progress):
        if only in (None, terms.lot_id):
            lot, stage = at.house.lot_of(terms.lot_id), at.house.stage_of(terms.lot_id)
            if lot.digest == terms.digest() and not (going_on and lot.end.over):
                found.append(lot_json(terms, lot, stage.name.lower(), times))
    return {"schema": SCHEMA, "chain_id": at.chain.chain_id, "house": at.house.address, "quote": at.coin.address,
            "live_time": live, "lots": found}


def write_page(page: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write `lots.json` and `lot-N.json` in a folder, each whole or not at all, over what was there before."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for one in page["lots"]:
        paths.append(folder / f"lot-{one['lot_id']}.json")
        jsonio.write(paths[-1], {**page, "lots": [one]}, over=True)
    jsonio.write(folder / "lots.json", page, over=True)        # last: what it lists is there
    return [*paths, folder / "lots.json"]


def lot_json(terms: LotTerms, lot: Lot, stage: str, times: Times) -> dict[str, Any]:
    """A lot for the public page. value, margin : 10**-6 quote units; other amounts: quote units; times: live."""
    places: Sequence[dict[str, Any]] = [
        {"bidder": one.bidder, "price": str(one.price), "fund": place == 0,
         "commitment": "0x" + one.commitment.hex() if any(one.commitment) else None, "delivered": one.delivered,
         "revealed": one.revealed, "forfeited": one.forfeited, "passed_over": one.passed}
        for place, one in enumerate(lot.places)]
    named = stage in ("award", "settled") and lot.winner is not None
    winner = lot.places[lot.winner or 0] if named else None
    best = max((one.price for one in lot.places if not one.passed), default=None)
    return {"lot_id": str(terms.lot_id), "account": lot.account, "digest": "0x" + lot.digest.hex(),
            "epoch_id": terms.epoch_id, "version": terms.version, "value": str(terms.value),
            "margin": str(terms.margin), "horizon": terms.horizon, "stage": stage, "bond": str(lot.bond),
            "step": str(lot.step), "reserve": str(lot.reserve), "shortfall_shown": lot.shortfall,
            "starts": starts_json(lot, times), "extensions": lot.extensions, "places": places,
            "best": None if best is None else str(best),
            "winner": winner and winner.bidder, "price": winner and str(winner.price),
            "award_ends": lot.award_ends or None}


def starts_json(lot: Lot, times: Times) -> dict[str, int]:
    """The first live second of each stage after the blind one."""
    return {stage.name.lower(): at for stage, at in lot.starts(times).items()}


# -- reading -----------------------------------------------------------------------------------------------------------
def read_page(path: str | Path) -> list[str]:
    """Numbers of the lots of a page that somebody published.

    Raises
    ------
    BadInput : it is not exactly a page, by field.
    """
    parts = Node.read(path).document(SCHEMA, {"chain_id", "house", "quote", "live_time", "lots"})
    parts["chain_id"].integer(1, LARGEST_CHAIN_ID)
    read_address(parts["house"])
    read_address(parts["quote"])
    parts["live_time"].integer(0, _UINT[40])
    return [_read_lot(node) for node in parts["lots"].array()]


def _read_lot(node: Node) -> str:
    numbers, amounts = ("epoch_id", "version", "horizon", "extensions"), ("bond", "step")
    parts = node.object({"lot_id", "account", "digest", "value", "margin", "stage", "reserve", "shortfall_shown",
                         "starts", "places", "best", "winner", "price", "award_ends", *numbers, *amounts})
    for name in numbers:
        parts[name].integer(0, _UINT[40])
    for name in amounts:
        parts[name].decimal(0, _UINT[96])
    for name in ("value", "margin"):
        parts[name].decimal(0, _UINT[128])
    read_address(parts["account"])
    read_bytes32(parts["digest"])
    parts["stage"].choice(_STAGES)
    parts["shortfall_shown"].boolean()
    _price(parts["reserve"])
    for start in parts["starts"].object(set(_STARTS)).values():
        start.integer(0, _UINT[40])
    for place in parts["places"].array(at_most=5):
        _read_place(place)
    for name in ("best", "price"):
        if parts[name].value is not None:
            _price(parts[name])
    if parts["winner"].value is not None:
        read_address(parts["winner"])
    if parts["award_ends"].value is not None:
        parts["award_ends"].integer(0, _UINT[40])
    number = parts["lot_id"].decimal(1, _UINT[256])
    return str(number)


def _read_place(node: Node) -> None:
    said = ("fund", "delivered", "revealed", "forfeited", "passed_over")
    parts = node.object({"bidder", "price", "commitment", *said})
    read_address(parts["bidder"])
    _price(parts["price"])
    if parts["commitment"].value is not None:
        read_bytes32(parts["commitment"])
    for name in said:
        parts[name].boolean()


def _price(node: Node) -> None:
    node.decimal(-LARGEST_PRICE - 1, LARGEST_PRICE)
