"""`tailproof auction`: what a liquidator does, and the public page of lots.

Prices are what a winner pays into the failed account, in the quote asset's smallest units; below 0 the fund pays him.
Times are live: they stand still while nobody can be asked to act.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput
from primitives.jsonio import NEW

from ..number_forms import duration
from .console import ADDRESS, CONTINUED, FILE, Integer, Outcome, progress, reporting, table
from .node import Endpoint, talking_to_a_node
from .vault import AMOUNT, DEPLOYMENT, opened, sent, shown

if TYPE_CHECKING:
    from ..bidding import House

LARGEST = (1 << 95) - 1


class Digest(click.ParamType[bytes]):
    """32 bytes: 0x and 64 hex digits."""

    name = "hash"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> bytes:
        if isinstance(value, bytes):
            return value
        if not re.fullmatch(r"0x[0-9a-fA-F]{64}", str(value)):
            raise BadInput("--digest", value, "0x and 64 hex digits")
        return bytes.fromhex(value[2:])


HOUSE = click.option("--house", "address", type=ADDRESS, required=True, help="The auction house of this deployment.")
LOT = click.option("--lot", "lot_id", type=Integer(1, (1 << 256) - 1), required=True, help="Number of the lot.")
PRICE = click.option("--price", type=click.IntRange(-LARGEST - 1, LARGEST), required=True, help="Smallest quote units "
                     "to pay; below 0 the fund pays you.")
DIGEST = click.option("--digest", type=Digest(), help="Hash of the terms that you have read (`auction lots`): another "
                      "lot under this number is refused.  [default: whatever lot has the number now]")


@click.group()
def auction() -> None:
    """Bid for portfolios that nobody may see (liquidator)."""


def house_of(deployment: Path, endpoint: Endpoint, address: str) -> House:
    """The house of a deployment, compared with it."""
    from ..bidding import open_house
    system, there = opened(deployment, endpoint)
    return open_house(there.chain, system, address)


def _stake(at: House, bidder: str) -> dict[str, Any]:
    stake = at.house.stake_of(bidder)
    return {"bidder": bidder, "free": str(stake.free), "locked": str(stake.locked),
            "seated": at.house.is_seated(bidder)}


def _stake_rows(at: House, told: dict[str, Any]) -> list[tuple[str, object]]:
    return [("bidder", told["bidder"]), ("free", shown(at.coin, int(told["free"]))),
            ("locked behind bids", shown(at.coin, int(told["locked"]))), ("seated", "yes" if told["seated"] else "no")]


# -- bidders -----------------------------------------------------------------------------------------------------------
@auction.command("seat")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@click.option("--deposit", type=AMOUNT, help="Smallest quote units to keep there besides; exactly so much is approved.")
@reporting
def seat(deployment: Path, address: str, endpoint: Endpoint, deposit: int | None) -> Outcome:
    """Take a seat, or have it follow a new encryption key. It needs the role, a key registered with the escrow, and
    money kept with the house: the seat's bond, and behind each bid the lot's."""
    from ..bidding import keep
    at = house_of(deployment, endpoint, address)
    sender = at.chain.default_sender()
    receipts = [] if deposit is None else keep(at, sender, deposit, sender=sender)
    receipts.append(at.house.take_seat(sender=sender))
    told, bounds = _stake(at, sender), at.house.bounds()
    return Outcome({**told, "seat_bond": str(bounds.seat_bond), "least_bond": str(bounds.least_bond),
                    "kappa_bps": bounds.kappa, **sent(receipts)},
                   table([*_stake_rows(at, told), ("seat needs", shown(at.coin, bounds.seat_bond)),
                          ("transaction", receipts[-1].transaction)]))


@auction.command("bid")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@LOT
@PRICE
@DIGEST
@reporting
def bid(deployment: Path, address: str, endpoint: Endpoint, lot_id: int, price: int, digest: bytes | None) -> Outcome:
    """Bid openly, on what is public. It binds: if nothing better is revealed you have bought, and there is no taking
    it back. The lot's bond is locked with the first bid."""
    from ..bidding import find_lot
    at = house_of(deployment, endpoint, address)
    sender, lot = at.chain.default_sender(), find_lot(at, lot_id, digest)
    receipt = at.house.blind_bid(lot_id, lot.digest, price, sender=sender)
    now, told = at.house.lot_of(lot_id), _stake(at, sender)
    return Outcome({"lot_id": str(lot_id), "account": lot.account, "digest": "0x" + lot.digest.hex(),
                    "price": str(price), "bond": str(lot.bond), "blind_ends": now.blind_ends,
                    "live_time": at.oracle.live_time(), **told, **sent([receipt])},
                   table([("lot", f"{lot_id}, account {lot.account}"), ("price", shown(at.coin, price)),
                          ("bond", shown(at.coin, lot.bond)), ("bids end in", f"{_left(at, now.blind_ends)} live s"),
                          *_stake_rows(at, told), ("transaction", receipt.transaction)]))


@auction.command("commit")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@LOT
@PRICE
@DIGEST
@click.option("--bid", "path", type=CONTINUED, required=True, help="File that keeps price and salt, mode 0600: written "
              "before anything is sent, and needed to reveal. With the same bid in it the command goes on.")
@reporting
def commit(deployment: Path, address: str, endpoint: Endpoint, lot_id: int, price: int, digest: bytes | None,
           path: Path) -> Outcome:
    """Commit to a price once you have the opening; nobody sees it. Whoever commits and does not reveal loses the
    bond."""
    from ..bidding import find_lot, seal
    from ..lots_page import starts_json
    from ..sealed_bid import load_sealed_bid
    if os.path.lexists(path):
        try:
            load_sealed_bid(path)
        except BadInput as error:
            raise BadInput("--bid", str(path), f"{NEW}, but for this very bid ({error.bound})") from None
    at = house_of(deployment, endpoint, address)
    sender, lot = at.chain.default_sender(), find_lot(at, lot_id, digest)
    made = seal(at, lot_id, lot.digest, sender, price, path)
    receipt = at.house.commit(lot_id, lot.digest, made.commitment(), sender=sender)
    starts = starts_json(lot, at.house.times())
    return Outcome({"lot_id": str(lot_id), "account": lot.account, "bidder": sender, "path": str(path),
                    "commitment": "0x" + made.commitment().hex(), "reveal_from": starts["reveal"],
                    "reveal_until": starts["clearing"], "live_time": at.oracle.live_time(), **sent([receipt])},
                   table([("lot", f"{lot_id}, account {lot.account}"), ("kept in", path),
                          ("reveal", f"in {duration(_left(at, starts['reveal']))} of live time, until live second "
                           f"{starts['clearing']}"),
                          ("transaction", receipt.transaction)]))


@auction.command("reveal")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@click.option("--bid", "path", type=FILE, required=True, help="File that `auction commit` wrote.")
@reporting
def reveal(deployment: Path, address: str, endpoint: Endpoint, path: Path) -> Outcome:
    """Show a committed price; anybody who has the file may. A lower one than the blind bid leaves that standing."""
    from ..bidding import is_revealed, require_bid_of
    from ..sealed_bid import load_sealed_bid
    kept = load_sealed_bid(path)
    at = house_of(deployment, endpoint, address)
    require_bid_of(at, kept, path)
    before = is_revealed(at, kept)
    receipts = [] if before else [at.house.reveal(kept)]
    lot = at.house.lot_of(kept.lot_id)
    place = lot.place_of(kept.bidder)
    counts = lot.places[place].price if place is not None else kept.price
    return Outcome({"lot_id": str(kept.lot_id), "bidder": kept.bidder, "price": str(kept.price), "counts": str(counts),
                    "outcome": "already revealed" if before else "revealed", **sent(receipts)},
                   table([("lot", kept.lot_id), ("price", shown(at.coin, kept.price)),
                          ("counts", shown(at.coin, counts)),
                          ("transaction", receipts[-1].transaction if receipts else "none needed: it is revealed")]))


@auction.command("note")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@LOT
@reporting
def note(deployment: Path, address: str, endpoint: Endpoint, lot_id: int) -> Outcome:
    """Have it known, while commitments are taken, that the opening was delivered; anyone may, and whoever delivers
    should. Blind bids stand only where it is. Exit code 1 if nobody on the shortlist has it."""
    from ..bidding import find_lot
    at = house_of(deployment, endpoint, address)
    find_lot(at, lot_id, None)
    receipt = at.house.note_delivery(lot_id)
    having = [one.bidder for one in at.house.lot_of(lot_id).places if one.delivered]
    return Outcome({"lot_id": str(lot_id), "delivered": having, **sent([receipt])},
                   table([("lot", lot_id), ("delivered to", ", ".join(having) or "nobody"),
                          ("transaction", receipt.transaction)]), bool(having))


@auction.command("clear")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@LOT
@reporting
def clear(deployment: Path, address: str, endpoint: Endpoint, lot_id: int) -> Outcome:
    """Have the winner named once all could reveal, or one passed over who did not carry the lot in time; anyone may.
    Exit code 1 if the lot has failed."""
    from ..bidding import find_lot, name_winner
    at = house_of(deployment, endpoint, address)
    find_lot(at, lot_id, None)
    receipt = name_winner(at, lot_id, sender=at.chain.default_sender())
    lot = at.house.lot_of(lot_id)
    if lot.winner is None or lot.end.over:
        return Outcome({"lot_id": str(lot_id), "winner": None, "price": None, "award_ends": None, **sent([receipt])},
                       ["FAILED: nobody is left whose price counts."], False)
    one = lot.places[lot.winner]
    return Outcome({"lot_id": str(lot_id), "winner": one.bidder, "price": str(one.price),
                    "award_ends": lot.award_ends, **sent([receipt])},
                   table([("lot", lot_id), ("winner", one.bidder), ("price", shown(at.coin, one.price)),
                          ("to carry in", f"{_left(at, lot.award_ends)} live s"),
                          ("transaction", receipt.transaction)]))


@auction.command("refund")
@DEPLOYMENT
@HOUSE
@talking_to_a_node(sends=True)
@click.option("--withdraw", type=AMOUNT, help="Smallest quote units to take out besides.")
@click.option("--all", "everything", is_flag=True, help="Take out all that is free then.")
@click.option("--to", type=ADDRESS, help="Who is paid.  [default: the sender]")
@reporting
def refund(deployment: Path, address: str, endpoint: Endpoint, withdraw: int | None, everything: bool, to: str | None
           ) -> Outcome:
    """Free your bonds of all lots that have ended, and take money out if you say how much."""
    from ..bidding import refundable
    if withdraw is not None and everything:
        raise BadInput("--withdraw and --all", (withdraw, everything), "one of them")
    if to is not None and withdraw is None and not everything:
        raise BadInput("--to", to, "given with --withdraw or --all")
    at = house_of(deployment, endpoint, address)
    sender = at.chain.default_sender()
    freed = refundable(at, sender, progress=progress)
    receipts = [at.house.refund(lot_id, sender, sender=sender) for lot_id in freed]
    amount = at.house.stake_of(sender).free if everything else withdraw
    if amount:
        receipts.append(at.house.withdraw(amount, to or sender, sender=sender))
    told = _stake(at, sender)
    return Outcome({"freed": [str(lot_id) for lot_id in freed], "withdrawn": str(amount or 0), "to": to or sender,
                    **told, **sent(receipts)},
                   table([("freed", ", ".join(map(str, freed)) or "nothing"),
                          ("withdrawn", shown(at.coin, amount or 0)), *_stake_rows(at, told)]))


# -- everybody ---------------------------------------------------------------------------------------------------------
@auction.command("lots")
@DEPLOYMENT
@HOUSE
@talking_to_a_node()
@click.option("--lot", "lot_id", type=Integer(1, (1 << 256) - 1), help="Only this one.")
@click.option("--open", "only_open", is_flag=True, help="Only lots that go on.")
@click.option("--page", type=FILE, metavar="DIR", help="Write the page for everybody to read: lots.json, and a file "
              "for each lot, over those of before.")
@reporting
def lots(deployment: Path, address: str, endpoint: Endpoint, lot_id: int | None, only_open: bool, page: Path | None
         ) -> Outcome:
    """The public page of lots: terms, stages and when they change, bids, winners."""
    from ..bidding import find_lot
    at = house_of(deployment, endpoint, address)
    if lot_id is not None:
        find_lot(at, lot_id, None)
    return lots_outcome(at, lot_id, only_open, page)


def lots_outcome(at: House, lot_id: int | None, only_open: bool, page: Path | None) -> Outcome:
    """Lots for people and machines, and as files if a folder is given."""
    from ..lots_page import public_lots, write_page
    if page is not None and (lot_id is not None or only_open):
        raise BadInput("--page", str(page), "given without --lot and --open: the page has all lots")
    found = public_lots(at, only=lot_id, going_on=only_open, progress=progress)
    live, listed = found["live_time"], found["lots"]
    lines = table([(one["lot_id"], one["account"], one["stage"], one["value"], one["margin"], one["best"] or "-",
                    _next(one, live)) for one in listed],
                  ("lot", "account", "stage", "V", "M", "best price", "until")) if listed else ["There is no lot."]
    written = [] if page is None else write_page(found, page)
    return Outcome({**found, **({} if page is None else {"page": [str(path) for path in written]})},
                   [*lines, *(f"written to {path}" for path in written[-1:])])


def _next(one: dict[str, Any], live: int) -> str:
    ends = one["award_ends"] if one["stage"] == "award" else min(
        (at for at in one["starts"].values() if at > live), default=None)
    return "" if ends is None or one["stage"] in ("settled", "voided", "failed", "clearing") else \
        f"{max(0, ends - live)} live s"


def _left(at: House, moment: int) -> int:
    return max(0, moment - at.oracle.live_time())
