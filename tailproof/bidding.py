"""What a liquidator does: take a seat, bid on what is public, commit to a price and reveal it, have bonds freed.

What would be refused is found out before anything is kept or sent; and price and salt of a commitment are in a file of
the bidder's before the commitment leaves, so that no failure loses the bond.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from primitives.errors import BadInput
from verifier_contracts.auction import AuctionHouse, Lot, LotTerms, SealedPrice, Stage
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.errors import ContractRefused
from verifier_contracts.events import read_events
from verifier_contracts.oracle import RiskOracle
from verifier_contracts.system import System
from verifier_contracts.token import Token

from .progress import Progress, quiet
from .sealed_bid import draw_bid_salt, load_sealed_bid, save_sealed_bid


@dataclass(frozen=True)
class House:
    """An auction house of a system, its oracle, its token, and the block to read its events from."""

    house: AuctionHouse
    oracle: RiskOracle
    coin: Token
    first: int

    @property
    def chain(self) -> Chain:
        """Where it is."""
        return self.house.chain


def open_house(chain: Chain, system: System, address: str) -> House:
    """The auction house at an address, if it is one of this system.

    Raises
    ------
    BadInput : there is no contract, or it asks another oracle or authority, or is paid in another token.
    """
    house = AuctionHouse(chain, address)
    if not chain.code(house.address):
        raise BadInput("--house", house.address, "the address of a contract on this chain", source=chain.name)
    wanted = {"authority": system.contracts["authority"], "oracle": system.contracts["oracle"],
              "quote": system.quote_token}
    for name, said in wanted.items():
        try:
            found = house.pointer(name)
        except (ContractRefused, BadInput):
            raise BadInput("--house", house.address, "an auction house", source=chain.name) from None
        if found != said:
            raise BadInput("--house", house.address, f"a house whose {name} is {said}, as the deployment's: it says "
                           f"{found}", source=chain.name)
    return House(house, RiskOracle(chain, wanted["oracle"]), Token(chain, wanted["quote"]), system.block)


# -- seats -------------------------------------------------------------------------------------------------------------
def keep(at: House, bidder: str, amount: int, *, sender: str) -> list[Receipt]:
    """Approve exactly the amount, unless that much is approved, and deposit it for a bidder; what was approved for a
    deposit that is then refused is taken back.

    Raises
    ------
    BadInput : the sender has less.
    """
    coin, house = at.coin, at.house
    has = coin.balance_of(sender)
    if has < amount:
        raise BadInput("--deposit", amount, f"at most {has}, what {sender} has of {coin.address}")
    receipts, allowed = [], coin.allowance(sender, house.address)
    if allowed < amount:
        if allowed:                                          # some tokens change an allowance by way of 0 only
            receipts.append(coin.approve(house.address, 0, sender=sender))
        receipts.append(coin.approve(house.address, amount, sender=sender))
    try:
        receipts.append(house.deposit(bidder, amount, sender=sender))
    except ContractRefused:
        if allowed < amount:
            coin.approve(house.address, 0, sender=sender)
        raise
    return receipts


# -- lots --------------------------------------------------------------------------------------------------------------
def opened_lots(at: House, *, progress: Progress = quiet) -> list[LotTerms]:
    """Terms of every lot that was opened, in that order, by the house's events."""
    found = read_events(at.chain, {"house": at.house}, at.first, names={"LotOpened"}, report=progress)
    return [LotTerms(*event.arguments["terms"].values()) for event in found.events]


def lots_of(at: House, bidder: str, *, progress: Progress = quiet) -> list[int]:
    """Numbers of the lots that somebody ever bid for, by the house's events."""
    found = read_events(at.chain, {"house": at.house}, at.first, names={"BlindBid"}, about=bidder, report=progress)
    return sorted({int(event.arguments["lotId"]) for event in found.events})


def find_lot(at: House, lot_id: int, digest: bytes | None) -> Lot:
    """A lot of the house; `digest`: of the terms that the bidder has read, if he pins them.

    Raises
    ------
    BadInput : there is no such lot, or it is another by now.
    """
    lot = at.house.lot_of(lot_id)
    if lot.digest == bytes(32):
        raise BadInput("--lot", lot_id, "the number of a lot that was opened", source=at.chain.name)
    if digest is not None and digest != lot.digest:
        raise BadInput("--digest", "0x" + digest.hex(), f"0x{lot.digest.hex()}, of the lot that has this number now",
                       source=at.chain.name)
    return lot


def refundable(at: House, bidder: str, *, progress: Progress = quiet) -> list[int]:
    """Lots that have ended and still hold somebody's bond."""
    found = []
    for lot_id in lots_of(at, bidder, progress=progress):
        lot = at.house.lot_of(lot_id)
        place = lot.place_of(bidder)
        if lot.end.over and place is not None and not lot.places[place].released:
            found.append(lot_id)
    return found


# -- prices ------------------------------------------------------------------------------------------------------------
def seal(at: House, lot_id: int, digest: bytes, bidder: str, price: int, path: Path) -> SealedPrice:
    """A price with a salt, kept in a new file; or, where the file keeps this very price already, what it keeps: a
    command that was interrupted goes on.

    Raises
    ------
    BadInput : the file keeps something else.
    ContractRefused : the house would take no commitment of the bidder's now.
    """
    if os.path.lexists(path):
        kept = load_sealed_bid(path)
        wanted = (at.chain.chain_id, at.house.address, lot_id, digest, bidder, price)
        if kept[:-1] != wanted:
            raise BadInput("--bid", str(path), "a new file, or one that keeps this very bid")
        return kept
    made = SealedPrice(at.chain.chain_id, at.house.address, lot_id, digest, bidder, price, draw_bid_salt())
    at.house.attempt("commit", lot_id, digest, made.commitment(), sender=bidder)
    save_sealed_bid(made, path)
    return made


def require_bid_of(at: House, bid: SealedPrice, path: Path) -> None:
    """Refuse a kept bid of another chain, house or lot; raises BadInput."""
    for name, said, found in (("chain_id", bid.chain_id, at.chain.chain_id),
                              ("house", bid.house, at.house.address)):
        if said != found:
            raise BadInput(name, said, f"{found}, where this is to be revealed", source=path)
    lot = find_lot(at, bid.lot_id, None)
    if lot.digest != bid.digest:
        raise BadInput("lot", "0x" + bid.digest.hex(), f"0x{lot.digest.hex()}, of the lot that has this number now",
                       source=path)


def is_revealed(at: House, bid: SealedPrice) -> bool:
    """Whether a price was shown already, by anybody."""
    lot = at.house.lot_of(bid.lot_id)
    place = lot.place_of(bid.bidder)
    return place is not None and lot.places[place].revealed and lot.places[place].commitment == bid.commitment()


# -- keepers -----------------------------------------------------------------------------------------------------------
def name_winner(at: House, lot_id: int, *, sender: str) -> Receipt:
    """Have the winner of a lot named, or a winner passed over whose time is out; raises ContractRefused where neither
    is due."""
    if at.house.stage_of(lot_id) is Stage.AWARD:
        return at.house.fail(lot_id, sender=sender)
    return at.house.clear(lot_id, sender=sender)
