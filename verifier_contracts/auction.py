"""Typed calls of the auction house, and what a bidder commits to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import ContractRefused

LARGEST_PRICE = (1 << 95) - 1
"""Quote units; prices are from minus this and one to it."""
BID_TYPE = ("SealedBid(uint256 chainId,address house,uint256 lotId,bytes32 lot,address bidder,int256 price,"
            "bytes32 salt)")


class Stage(IntEnum):
    """Where a lot is; the last three are ends."""

    NONE = 0
    BLIND = 1
    DISCLOSURE = 2
    COMMIT = 3
    SEALED = 4
    REVEAL = 5
    CLEARING = 6
    AWARD = 7
    SETTLED = 8
    VOIDED = 9
    FAILED = 10

    @property
    def over(self) -> bool:
        """Whether the lot has ended."""
        return self >= Stage.SETTLED


class LotTerms(NamedTuple):
    """What is public of an account that is sold as a whole; value and margin in 10**-6 quote units, horizon in
    seconds."""

    lot_id: int
    account: str
    epoch_id: int
    version: int
    value: int
    margin: int
    horizon: int

    def digest(self) -> bytes:
        """By which bids name the lot: its number alone may be another lot's after a reorganisation."""
        return bytes(keccak(encode(["(uint256,address,uint40,uint40,uint128,uint128,uint32)"], [tuple(self)])))


class SealedPrice(NamedTuple):
    """A price with what hides it, for one bidder, lot, house and chain.

    digest : of the lot's terms.  salt : 32 bytes.
    """

    chain_id: int
    house: str
    lot_id: int
    digest: bytes
    bidder: str
    price: int
    salt: bytes

    def commitment(self) -> bytes:
        """keccak256 over its type and all of it, as `AuctionHouse.commitmentOf`."""
        return bytes(keccak(encode(
            ["bytes32", "uint256", "address", "uint256", "bytes32", "address", "int256", "bytes32"],
            [keccak(text=BID_TYPE), *self])))


class Stake(NamedTuple):
    """What the house keeps for a bidder, quote units: free to withdraw or bid with, and locked behind bids."""

    free: int
    locked: int


class Bounds(NamedTuple):
    """What a seat and a bid need, quote units; kappa in basis points."""

    seat_bond: int
    least_bond: int
    kappa: int


class Times(NamedTuple):
    """Live seconds of the stages of a house."""

    blind: int
    disclosure: int
    commit: int
    seal: int
    reveal: int
    award: int


class Place(NamedTuple):
    """One of a shortlist. commitment : zeros if there is none.  delivered : as noted in time."""

    bidder: str
    price: int
    commitment: bytes
    delivered: bool
    revealed: bool
    forfeited: bool
    passed: bool
    released: bool


@dataclass(frozen=True)
class Lot:
    """A lot as the house keeps it, amounts in quote units, times live.

    places : the fund's first.  winner : a place, None while nobody is named.  award_ends : 0 before.
    """

    end: Stage
    extensions: int
    shortfall: bool
    winner: int | None
    blind_ends: int
    award_ends: int
    account: str
    bond: int
    step: int
    reserve: int
    digest: bytes
    places: tuple[Place, ...]

    def place_of(self, bidder: str) -> int | None:
        """Where somebody stands, if he does."""
        return next((place for place, one in enumerate(self.places) if one.bidder == bidder), None)

    def starts(self, times: Times) -> dict[Stage, int]:
        """The first live second of each stage that follows the blind one, as it stands now."""
        found, at = {}, self.blind_ends
        for stage, length in zip((Stage.DISCLOSURE, Stage.COMMIT, Stage.SEALED, Stage.REVEAL, Stage.CLEARING),
                                 (times.disclosure, times.commit, times.seal, times.reveal, 0), strict=True):
            found[stage] = at
            at += length
        return found


class AuctionHouse(Contract):
    """Auctions of whole portfolios; prices are what a winner pays, below 0 what the fund pays him."""

    name = "AuctionHouse"

    # -- seats and money -------------------------------------------------------------------------------------------
    def deposit(self, bidder: str, amount: int, *, sender: str | None = None) -> Receipt:
        """Keep money there for a bidder; the sender has approved it."""
        return self.transact("deposit", bidder, amount, sender=sender)

    def withdraw(self, amount: int, to: str, *, sender: str | None = None) -> Receipt:
        """Take what is free of the sender's."""
        return self.transact("withdraw", amount, to, sender=sender)

    def pay_fund(self, *, sender: str | None = None) -> Receipt:
        """Send the fund its forfeits; anyone may."""
        return self.transact("payFund", sender=sender)

    def take_seat(self, *, sender: str | None = None) -> Receipt:
        """Take a seat, or have it follow a new encryption key."""
        return self.transact("takeSeat", sender=sender)

    # -- bids ------------------------------------------------------------------------------------------------------
    def blind_bid(self, lot_id: int, digest: bytes, price: int, *, sender: str | None = None) -> Receipt:
        """Bid on what is public; it binds."""
        return self.transact("blindBid", lot_id, digest, price, sender=sender, pending=True)

    def note_delivery(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Have it known in time that the opening was delivered; anyone may."""
        return self.transact("noteDelivery", lot_id, sender=sender, pending=True)

    def commit(self, lot_id: int, digest: bytes, commitment: bytes, *, sender: str | None = None) -> Receipt:
        """Commit to a price."""
        return self.transact("commit", lot_id, digest, commitment, sender=sender, pending=True)

    def reveal(self, bid: SealedPrice, *, sender: str | None = None) -> Receipt:
        """Show a committed price; anyone may. The house is asked first with another price and salt: a node that is
        asked with these ones too early knows a price while others may still commit."""
        try:
            self.attempt("reveal", bid.lot_id, bid.bidder, 0, bytes(32), sender=sender or self.chain.default_sender())
        except ContractRefused as refused:
            if refused.name != "OtherBid":                 # of its stage, or nobody committed
                raise
        return self.transact("reveal", bid.lot_id, bid.bidder, bid.price, bid.salt, sender=sender, pending=True)

    def clear(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Have the winner named; anyone may."""
        return self.transact("clear", lot_id, sender=sender, pending=True)

    def fail(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Pass over a winner who did not carry in time; anyone may."""
        return self.transact("fail", lot_id, sender=sender, pending=True)

    def refund(self, lot_id: int, bidder: str, *, sender: str | None = None) -> Receipt:
        """Free somebody's bond of a lot that has ended; anyone may."""
        return self.transact("refund", lot_id, bidder, sender=sender)

    # -- what the coordinator does ---------------------------------------------------------------------------------
    def open(self, terms: LotTerms, *, sender: str | None = None) -> Receipt:
        """Begin a lot."""
        return self.transact("open", tuple(terms), sender=sender)

    def show_shortfall(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Say that the shortfall is proven."""
        return self.transact("showShortfall", lot_id, sender=sender)

    def settle(self, lot_id: int, receiver: str, *, sender: str | None = None) -> Receipt:
        """End a lot by its sale."""
        return self.transact("settle", lot_id, receiver, sender=sender, pending=True)

    def void_lot(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """End a lot without one."""
        return self.transact("voidLot", lot_id, sender=sender)

    # -- reading ---------------------------------------------------------------------------------------------------
    def stage_of(self, lot_id: int) -> Stage:
        """Where a lot is."""
        return Stage(self.read("stageOf", lot_id))

    def lot_of(self, lot_id: int) -> Lot:
        """All of a lot; of one that does not exist, nothing but zeros."""
        (end, count, extensions, shortfall, winner, delivered, revealed, forfeited, passed, released, blind_ends,
         award_ends, bond, step, account, reserve, digest, _, entries) = self.read("lotOf", lot_id)
        places = tuple(Place(checksummed(bidder), price, bytes(commitment),
                             *(bool(bits >> place & 1) for bits in (delivered, revealed, forfeited, passed, released)))
                       for place, (bidder, price, commitment) in enumerate(entries[:count]))
        return Lot(Stage(end), extensions, shortfall, winner - 1 if winner else None, blind_ends, award_ends,
                   checksummed(account), bond, step, reserve, bytes(digest), places)

    def shortlist_of(self, lot_id: int) -> list[tuple[str, tuple[int, int]]]:
        """Bidders of a shortlist with their encryption keys, the fund first; refused while bids are taken."""
        bidders, keys, count = self.read("shortlistOf", lot_id)
        return [(checksummed(bidder), (key[0], key[1]))
                for bidder, key in zip(bidders[:count], keys[:count], strict=True)]

    def winner_of(self, lot_id: int) -> tuple[str, int]:
        """Who is named, and his price; refused while nobody is."""
        bidder, price = self.read("winnerOf", lot_id)
        return checksummed(bidder), int(price)

    def stake_of(self, bidder: str) -> Stake:
        """What is kept for a bidder."""
        return Stake(*self.read("stakeOf", bidder))

    def is_seated(self, bidder: str) -> bool:
        """Whether somebody has taken a seat and keeps enough for it."""
        return bool(self.read("isSeated", bidder))

    def bounds(self) -> Bounds:
        """What a seat and a bid need now."""
        return Bounds(*self.read("bounds"))

    def times(self) -> Times:
        """Lengths of the stages."""
        return Times(*(int(self.read(name)) for name in (
            "blindTime", "disclosureTime", "commitTime", "SEAL", "revealTime", "awardTime")))

    def held(self) -> int:
        """All that is kept there for somebody."""
        return int(self.read("held"))

    def pointer(self, name: str) -> str:
        """An address that is fixed: authority, oracle, escrow, quote, fund."""
        return checksummed(self.read(name))
