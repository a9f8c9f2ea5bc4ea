"""Typed calls of what liquidates: calls by silence, partial closes, and the coordinator of lots.

A *shortfall* is what every irreversible step rests on (Shortfalls.sol); one that was shown is remembered by
PartialClose and comes without its proof then (`Shortfall.shown`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from verifier_contracts.addresses import checksummed
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Receipt
from verifier_contracts.eip712 import Domain
from verifier_contracts.ledger import NO_PROOF
from verifier_contracts.vault import Factor

COORDINATOR_DOMAIN = ("Tailproof LiquidationCoord", "1")


class LotState(IntEnum):
    """What the coordinator says of a lot."""

    NONE = 0
    OPEN = 1
    STUCK = 2
    AWARDED = 3
    VOIDED = 4
    FAILED = 5
    RELEASED = 6

    @property
    def over(self) -> bool:
        """Whether nothing holds the collateral any more."""
        return self >= LotState.AWARDED


class Shortfall(NamedTuple):
    """That an account is short at maintenance margin. claimed : the proof's V, 10**-6 quote units, at least the
    vault's; factors : the epoch's whole list; words : of a `cover` proof of side 0 for PartialClose."""

    epoch_id: int
    claimed: int
    factors: Sequence[Factor]
    words: Sequence[int] = NO_PROOF

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return self.epoch_id, self.claimed, list(map(tuple, self.factors)), list(self.words)

    @property
    def shown(self) -> Shortfall:
        """The same without its proof, once it was shown."""
        return self._replace(words=NO_PROOF)


NO_SHORTFALL = Shortfall(0, 0, ())
"""Where none is asked for."""


class Posting(NamedTuple):
    """An escrow of a commitment, as `tailproof.escrowing.Sealing` has it."""

    digest: int
    words: Sequence[int]
    proof: Sequence[int]

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return self.digest, list(self.words), list(self.proof)


# -- silence -----------------------------------------------------------------------------------------------------------
class Note(NamedTuple):
    """That an account fell silent. noted_at : live; clock : the account's, of the cover that ended; generation : of the
    `cover` verifier in force then."""

    account: str
    noted_at: int
    clock: int
    generation: int


class Queue(NamedTuple):
    """Notes of a venue. length : of those that are not over; first : of them, None if there is none; mass_until : live
    time until which nobody of the venue is called by silence, 0 if never."""

    length: int
    first: Note | None
    mass_until: int


class SilenceCalls(Contract):
    """Calls of accounts that nobody has covered: slowly, and in the order of their notes."""

    name = "SilenceCalls"

    def note(self, account: str, *, sender: str | None = None) -> Receipt:
        """Note that an account's cover has run out; anyone may."""
        return self.transact("noteSilence", account, sender=sender, pending=True)

    def call(self, venue: str, most: int, *, sender: str | None = None) -> Receipt:
        """Call accounts of a venue that were silent for long enough, looking at so many notes; anyone may."""
        return self.transact("callSilent", venue, most, sender=sender, pending=True)

    def queue_of(self, venue: str) -> Queue:
        """Notes of a venue."""
        length, (account, noted_at, clock, generation), mass_until = self.read("queueOf", venue)
        first = Note(checksummed(account), noted_at, clock, generation) if length else None
        return Queue(int(length), first, int(mass_until))

    def called(self) -> tuple[int, int]:
        """The epoch in which accounts were last called, and how many in it."""
        return int(self.read("calledIn")), int(self.read("called"))

    def patience(self) -> int:
        """Live seconds from a note to the call."""
        return int(self.read("PATIENCE"))


# -- partial closes ----------------------------------------------------------------------------------------------------
class ForcedFills(NamedTuple):
    """Fills that a venue makes without the owner, see CommitmentDesk.sol.

    version : that they lead to.  cash, concession : 10**-6 quote units.  words : of the `transition` proof.
    """

    account: str
    version: int
    new_commitment: int
    fill_digest: int
    cash: int
    concession: int
    deadline: int
    venue_signature: bytes
    words: Sequence[int]

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return *self[:8], list(self.words)


class Closing(NamedTuple):
    """A forced close with all that makes it one, see PartialClose.sol.

    flat : whether nothing is left; then `cover_words` are of `flat`, and there is no band.
    covering, missing : V that covers at initial margin, and V that falls short of it and delta.
    """

    fills: ForcedFills
    shortfall: Shortfall
    escrow: Posting
    flat: bool
    epoch_id: int
    covering: int
    missing: int
    factors: Sequence[Factor]
    cover_words: Sequence[int]
    band_words: Sequence[int] = NO_PROOF

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return (self.fills.argument(), self.shortfall.argument(), self.escrow.argument(), self.flat, self.epoch_id,
                self.covering, self.missing, list(map(tuple, self.factors)), list(self.cover_words),
                list(self.band_words))


class PartialClose(Contract):
    """The times of owner and venue, shortfalls, and forced closes."""

    name = "PartialClose"

    def pass_to_venue(self, account: str, *, sender: str | None = None) -> Receipt:
        """Let the venue's time begin; anyone may."""
        return self.transact("passToVenue", account, sender=sender, pending=True)

    def show_shortfall(self, account: str, shortfall: Shortfall, *, sender: str | None = None) -> Receipt:
        """Show that an account is short, for what comes next; whoever can prove it may."""
        return self.transact("showShortfall", account, shortfall.argument(), sender=sender, pending=True)

    def close(self, closing: Closing, *, sender: str | None = None) -> Receipt:
        """Close a part of a called account by fills that its venue signed; anyone may bring it."""
        return self.transact("closePartial", closing.argument(), sender=sender, pending=True)

    def venues_time_of(self, account: str) -> tuple[int, int]:
        """Live times from which the venue may close, and until which it alone has; zeros before."""
        first, until = self.read("venuesTimeOf", account)
        return int(first), int(until)

    def conceded_of(self, account: str) -> int:
        """What forced closes conceded in the last 24 hours, 10**-6 quote units."""
        return int(self.read("concededOf", account))

    def is_shown(self, account: str) -> bool:
        """Whether a shortfall was shown of an account's present version, in this call."""
        return bool(self.read("isShown", account))

    def owners_time(self) -> int:
        """Live seconds of the owner's alone."""
        return int(self.read("OWNERS_TIME"))

    def venues_time(self) -> int:
        """Live seconds of the venue's."""
        return int(self.read("VENUES_TIME"))

    def band(self) -> int:
        """Delta, basis points of the margin: how much further than cover a close may go."""
        return int(self.read("band"))


# -- lots --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class OwnLot:
    """A lot as the coordinator keeps it.

    since : live time of the call that it was opened in.  ordered_at : live time of the order of its disclosure, 0
    before.  value, margin : 10**-6 quote units.
    """

    account: str
    since: int
    state: LotState
    breached: bool
    ordered_at: int
    venue: str
    epoch_id: int
    version: int
    value: int
    margin: int


class HandOver(NamedTuple):
    """A lot's positions on their way to who bought it: an account never registered, which consents as in a
    registration. words : of a `transition` of no fills; zeros where the re-salting was shown before."""

    account: str
    to: str
    new_commitment: int
    deadline: int
    consent: bytes
    words: Sequence[int] = NO_PROOF

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return *self[:5], list(self.words)


class Award(NamedTuple):
    """What gives a lot to its winner, see LiquidationCoordinator.sol.

    acceptance : the winner's signature, empty where he sends.  least_paid : of a price below 0, the least that he takes
    from the fund at once, quote units.  The rest: escrow and cover at initial margin of the new account.
    """

    lot_id: int
    hand_over: HandOver
    acceptance: bytes
    least_paid: int
    shortfall: Shortfall
    escrow: Posting
    epoch_id: int
    claimed: int
    factors: Sequence[Factor]
    cover_words: Sequence[int]

    def argument(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        return (self.lot_id, self.hand_over.argument(), self.acceptance, self.least_paid, self.shortfall.argument(),
                self.escrow.argument(), self.epoch_id, self.claimed, list(map(tuple, self.factors)),
                list(self.cover_words))


@dataclass(frozen=True)
class Acceptance:
    """What a winner signs who lets others send his award. coordinator : whose domain it is."""

    chain_id: int
    coordinator: str
    lot_id: int
    to: str
    new_commitment: int
    least_paid: int

    def typed_data(self) -> dict[str, Any]:
        """The whole message, as wallets take it for `eth_signTypedData_v4`."""
        return Domain(*COORDINATOR_DOMAIN, self.chain_id, self.coordinator).message(
            "Acceptance", (("lotId", "uint256"), ("to", "address"), ("newCommitment", "uint256"),
                           ("leastPaid", "uint256")), [self.lot_id, self.to, self.new_commitment, self.least_paid])


class LiquidationCoordinator(Contract):
    """Lots from their opening to their end."""

    name = "LiquidationCoordinator"

    def open_lot(self, account: str, epoch_id: int, factors: Sequence[Factor], margin: int = 0,
                 words: Sequence[int] = NO_PROOF, shortfall: Shortfall = NO_SHORTFALL, *, sender: str | None = None
                 ) -> Receipt:
        """Put a called account up for auction; anyone may.

        margin : M, with the words of its `margin` proof for PartialClose; 0 where nobody who knows it speaks.
        shortfall : where the opening was disclosed before.
        """
        return self.transact("openLot", account, epoch_id, list(map(tuple, factors)), margin, list(words),
                             shortfall.argument(), sender=sender, pending=True)

    def order_disclosure(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Have the opening delivered to the shortlist; anyone may."""
        return self.transact("orderDisclosure", lot_id, sender=sender, pending=True)

    def order_public_disclosure(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Have it shown to everybody, where nobody has delivered in time; anyone may."""
        return self.transact("orderPublicDisclosure", lot_id, sender=sender, pending=True)

    def show_shortfall(self, lot_id: int, shortfall: Shortfall, *, sender: str | None = None) -> Receipt:
        """Show that a lot's account is short, to the house as well."""
        return self.transact("showShortfall", lot_id, shortfall.argument(), sender=sender, pending=True)

    def award(self, award: Award, *, sender: str | None = None) -> Receipt:
        """Give a lot to its winner."""
        return self.transact("award", award.argument(), sender=sender, pending=True)

    def void_lot(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Undo a lot that has no reason any more; anyone may."""
        return self.transact("voidLot", lot_id, sender=sender, pending=True)

    def fail_lot(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """End a lot whose auction has failed; anyone may."""
        return self.transact("failLot", lot_id, sender=sender, pending=True)

    def revive_lot(self, lot_id: int, shortfall: Shortfall, *, sender: str | None = None) -> Receipt:
        """End the lock of a lot that is stuck, by a shortfall."""
        return self.transact("reviveLot", lot_id, shortfall.argument(), sender=sender, pending=True)

    def report_breach(self, lot_id: int, *, sender: str | None = None) -> Receipt:
        """Have a venue slashed that has not delivered; anyone may."""
        return self.transact("reportBreach", lot_id, sender=sender, pending=True)

    def note_loss(self, account: str, *, sender: str | None = None) -> Receipt:
        """Have it known that an account's loss is open, or is not any more; anyone may."""
        return self.transact("noteLoss", account, sender=sender)

    def is_loss_open(self, account: str) -> bool:
        """Whether a loss of an account is open, as far as was noted."""
        return bool(self.read("isLossOpen", account))

    def lots(self) -> int:
        """How many were ever opened; they are counted from 1."""
        return int(self.read("lots"))

    def lot_of(self, lot_id: int) -> OwnLot:
        """All of a lot; of one that does not exist, nothing but zeros."""
        account, since, state, breached, ordered_at, venue, *rest = self.read("lotOf", lot_id)
        return OwnLot(checksummed(account), since, LotState(state), breached, ordered_at, checksummed(venue), *rest)

    def loss_id(self, lot_id: int) -> bytes:
        """Under which fund and allocator know a lot's loss."""
        return bytes(keccak(encode(["address", "uint256"], [self.address, lot_id])))

    def stuck_until(self, lot_id: int) -> int:
        """Wall time at which an admin may release a stuck lot; 0 if it was never stuck."""
        stuck = int(self.read("stuckAt", lot_id))
        return stuck and stuck + int(self.read("STUCK_TIME"))

    def is_disclosed(self, account: str, commitment: int) -> bool:
        """Whether a disclosure of this commitment was ordered: the next lot of it wants a shortfall."""
        return bool(self.read("disclosed", account, commitment))

    def delivery_times(self) -> tuple[int, int]:
        """Live seconds from an order to the venue's breach, and to the public order."""
        return int(self.read("venueDelivers")), int(self.read("committeeDelivers"))

    def empty(self) -> tuple[int, int]:
        """Digest of no fills, and the commitment to nothing under salt 0."""
        return int(self.read("emptyFills")), int(self.read("emptyCommitment"))
