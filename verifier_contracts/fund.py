"""Typed calls of the insurance fund and of the allocator of losses.

A vault names the allocator that was installed in it, and that names the fund: `fund_of` follows them.
"""

from __future__ import annotations

from typing import NamedTuple

from primitives.errors import BadInput
from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import ZERO_ADDRESS, Contract
from verifier_contracts.chain import Receipt
from verifier_contracts.vault import CollateralVault

SHARED = ZERO_ADDRESS
"""The shared tranche; every other is the venue's with its address."""
EXIT_WINDOW = 2 * 86_400
"""Seconds for which a notice is good."""


class Tranche(NamedTuple):
    """assets, target : quote units; nobody leaves below the target. generation : how often it has lost all."""

    assets: int
    target: int
    generation: int
    shares: int


class Position(NamedTuple):
    """Of a backer. leaving : shares that notice was given for; leaves_at : second from which they may leave."""

    shares: int
    leaving: int
    generation: int
    leaves_at: int


class Caps(NamedTuple):
    """What the shared tranche pays at most, quote units: for an account in 24 h, under an epoch, in 24 h."""

    account: int
    epoch: int
    day: int


class Deficit(NamedTuple):
    """Of one loss. amount : recorded and not charged to gains; start : its place on the line of deficits; forwarded :
    repaid by fees and handed to the venue's clearing account. Quote units."""

    venue: str
    amount: int
    start: int
    forwarded: int


class LotTerms(NamedTuple):
    """What is public of a lot. value, margin : 10**-6 quote units; horizon : seconds."""

    lot_id: int
    account: str
    epoch_id: int
    version: int
    value: int
    margin: int
    horizon: int


class Pool(NamedTuple):
    """Gains of a venue's accounts under one epoch. part : what losses took, in 10**-24; paid : paid out and not
    debited yet, below 0 dust."""

    gained: int
    closes_at: int
    epoch_id: int
    previous: int
    part: int
    paid: int


class InsuranceFund(Contract):
    """Money that stands for what failed accounts cannot pay."""

    name = "InsuranceFund"

    def back(self, tranche: str, amount: int, least: int, *, sender: str | None = None) -> Receipt:
        """Back a tranche with quote units that the sender has approved, for at least so many shares."""
        return self.transact("back", tranche, amount, least, sender=sender)

    def request_exit(self, tranche: str, shares: int, *, sender: str | None = None) -> Receipt:
        """Give seven days' notice for shares, in place of an earlier notice."""
        return self.transact("requestExit", tranche, shares, sender=sender)

    def exit(self, tranche: str, to: str, *, sender: str | None = None) -> Receipt:
        """Leave with what notice was given for."""
        return self.transact("exit", tranche, to, sender=sender, pending=True)

    def pay_fees(self, amount: int, *, sender: str | None = None) -> Receipt:
        """Pay fees in: deficits first, then the shared tranche."""
        return self.transact("payFees", amount, sender=sender)

    def book_received(self, *, sender: str | None = None) -> Receipt:
        """Count as fees what was sent without a call."""
        return self.transact("bookReceived", sender=sender)

    def forward_repaid(self, loss_id: bytes, *, sender: str | None = None) -> Receipt:
        """Hand what fees repaid of a deficit to its venue's clearing account."""
        return self.transact("forwardRepaid", loss_id, sender=sender)

    def tranche_of(self, tranche: str) -> Tranche:
        """What a tranche has."""
        return Tranche(*self.read("trancheOf", tranche))

    def position_of(self, tranche: str, backer: str) -> Position:
        """What a backer has of it."""
        return Position(*self.read("positionOf", tranche, backer))

    def worth_of(self, tranche: str, shares: int) -> int:
        """What shares are worth now, quote units, rounded down."""
        return int(self.read("worthOf", tranche, shares))

    def shares_for(self, tranche: str, amount: int) -> int:
        """How many shares an amount would buy now: `back` by the same formula."""
        found = self.tranche_of(tranche)
        return amount * (found.shares + 10**6) // (found.assets + 1)

    def caps(self) -> Caps:
        """What binds the shared tranche."""
        return Caps(*self.read("caps"))

    def deficit_of(self, loss_id: bytes) -> Deficit:
        """What a loss left; zeros if nothing."""
        venue, *rest = self.read("deficitOf", loss_id)
        return Deficit(checksummed(venue), *rest)

    def standing_deficit(self) -> int:
        """All that was recorded, neither charged to gains nor repaid, quote units."""
        return int(self.read("deficits")) - int(self.read("repaid"))

    def payable_for(self, venue: str, account: str, epoch_id: int, amount: int) -> tuple[int, int]:
        """What it would pay of a loss now: of the venue's tranche, and of the shared one."""
        own, shared = self.read("payableFor", venue, account, epoch_id, amount)
        return int(own), int(shared)

    def standing_bid(self, terms: LotTerms) -> int:
        """Its blind bid for a lot, quote units; below 0: what it pays."""
        return int(self.read("standingBid", tuple(terms)))

    def open_losses(self) -> int | None:
        """Losses that are known and not resolved; None: there is nobody to ask yet, and nobody leaves."""
        watch = checksummed(self.read("watch"))
        return None if watch == ZERO_ADDRESS else int(_Watch(self.chain, watch).read("openLosses"))


class _Watch(Contract):
    name = "ILossWatch"


class LossAllocator(Contract):
    """Losses that nobody insured, charged to what was gained meanwhile."""

    name = "LossAllocator"

    def fund(self) -> str:
        """The fund that keeps the deficits."""
        return checksummed(self.read("fund"))

    def due_of(self, account: str) -> int:
        """What losses have charged to an account's gains and it was not debited yet, quote units."""
        return int(self.read("statusOf", account)[0])

    def pool_of(self, number: int) -> Pool:
        """One pool of gains, counted from 1."""
        return Pool(*self.read("poolOf", number))

    def pool_count(self) -> int:
        """How many there are."""
        return int(self.read("poolCount"))

    def sweep_dust(self, number: int, *, sender: str | None = None) -> Receipt:
        """Give the fund what rounding up has left of a pool that is closed."""
        return self.transact("sweepDust", number, sender=sender)


def fund_of(vault: CollateralVault) -> tuple[InsuranceFund, LossAllocator]:
    """Fund and allocator of a vault.

    Raises
    ------
    BadInput : none is installed.
    """
    address = checksummed(vault.read("allocator"))
    if address == ZERO_ADDRESS:
        raise BadInput("--deployment", vault.address, "a vault in which an allocator is installed, and with it a fund")
    allocator = LossAllocator(vault.chain, address)
    return InsuranceFund(vault.chain, allocator.fund()), allocator
