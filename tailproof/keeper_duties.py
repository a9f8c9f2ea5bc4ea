"""What a keeper does by files and keys that it was given: reveal a bidder's own prices, deliver openings as a venue,
give a committee member's share of a decryption, put members' shares together and deliver.

None of them tells what is secret: a price is in a transaction when it may be revealed and not before, an opening in no
log and in no command, a share is sealed to who was named to read it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol

from committee.decryption import Partial, Request, open_alone, open_together
from committee.group import Committee, Share
from committee.members import Identity, Member
from primitives.errors import BadInput
from verifier_contracts.auction import SealedPrice, Stage
from verifier_contracts.bindings import GAS_CAPS
from verifier_contracts.chain import Receipt

from . import escrowing
from .keeping import DutyStep
from .keys import KeyDirectory
from .liquidation_reading import Site
from .liquidation_state import PublicLot, State
from .progress import Progress, quiet
from .sealed_bid import load_sealed_bid

if TYPE_CHECKING:
    from verifier_contracts.system import System

_REVEAL_GAS = 120_000
_Sending = Callable[[str], Receipt | None]


@dataclass
class Revealing:
    """Reveals the prices of bid files in time; files that come later are found.

    site : whose house.  folder : of files that `auction commit` wrote, whatever they are called.
    unreadable : files that are none, by name, and why: one of them may be a bid whose bond is lost unrevealed.
    """

    name: ClassVar[str] = "reveal"
    site: Site
    folder: Path
    unreadable: dict[str, str] = field(default_factory=dict)

    def troubles(self) -> list[str]:
        """Files that no price is read from."""
        return [f"{name} is no bid that can be revealed: {why}" for name, why in sorted(self.unreadable.items())]

    def due(self, state: State) -> list[DutyStep]:
        """A reveal for each price that was committed to, and that nobody has shown yet."""
        found = []
        for bid in self._bids():
            lot = state.lot(bid.lot_id)
            if lot is not None and self._is_open(state, lot, bid):
                found.append(DutyStep("reveal", f"lot {bid.lot_id} bidder {bid.bidder}", self._send(bid), _REVEAL_GAS))
        return found

    def _bids(self) -> list[SealedPrice]:
        found = []
        self.unreadable.clear()
        try:
            paths = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.unreadable[self.folder.name] = error.strerror or type(error).__name__
            return []
        for path in paths:
            try:
                bid = load_sealed_bid(path)
            except BadInput as error:
                self.unreadable[path.name] = f"{error.field} must be {error.bound}"
                continue
            if (bid.chain_id, bid.house) == (self.site.chain.chain_id, self.site.house.address):
                found.append(bid)
        return found

    def _is_open(self, state: State, lot: PublicLot, bid: SealedPrice) -> bool:
        place = lot.lot.place_of(bid.bidder)
        if lot.lot.digest != bid.digest or place is None or lot.stage(state.rules.times, state.now.live) is not (
                Stage.REVEAL):
            return False
        one = lot.lot.places[place]
        return one.commitment == bid.commitment() and not one.revealed

    def _send(self, bid: SealedPrice) -> _Sending:
        return lambda sender: self.site.house.reveal(bid, sender=sender)


class Opener(Protocol):
    """Who can open escrows, and how."""

    def may_open(self, request: Request) -> bool:
        """Whether it can open this one by now."""

    def never_opens(self, request: Request) -> bool:
        """Whether it never will: it was encrypted to others."""

    def elements(self, request: Request) -> list[int]:
        """Of the opening: salt, id_0, q_0, ..."""

    def troubles(self) -> list[str]:
        """What keeps it from it, in words for people."""


@dataclass(frozen=True)
class OwnKey:
    """A venue's key, or an owner's, opens what was encrypted to it."""

    identity: Identity

    def may_open(self, request: Request) -> bool:
        """At once."""
        return not self.never_opens(request)

    def never_opens(self, request: Request) -> bool:
        """What is not encrypted to it."""
        return self.identity.key not in request.recipients

    def elements(self, request: Request) -> list[int]:
        """By the secret alone."""
        return open_alone(request, self.identity)

    def troubles(self) -> list[str]:
        """None."""
        return []


@dataclass
class Together:
    """Members' shares of a decryption, put together as soon as there are enough that hold.

    reader : to whom they are sealed.  folder : that they come to, whatever the files are called.
    A share that does not hold, or that somebody else gives in a member's name, is told, and keeps no other from
    counting.
    """

    committee: Committee
    reader: Identity
    folder: Path
    unreadable: dict[str, str] = field(default_factory=dict)

    def may_open(self, request: Request) -> bool:
        """Once as many members as it takes have given shares that hold."""
        return not self.never_opens(request) and len(self.shares(request)) >= self.committee.threshold

    def never_opens(self, request: Request) -> bool:
        """What is not encrypted to this committee's key."""
        return self.committee.key not in request.recipients

    def elements(self, request: Request) -> list[int]:
        """By the shares that hold."""
        return open_together(self.committee, request, list(self.shares(request).values())).elements

    def troubles(self) -> list[str]:
        """Files that are no share of this reader's, and shares that do not hold."""
        return [f"{name} is no share that can be used: {why}" for name, why in sorted(self.unreadable.items())]

    def shares(self, request: Request) -> dict[int, Partial]:
        """Of each member one that holds."""
        found: dict[int, Partial] = {}
        self.unreadable.clear()
        try:
            paths = sorted(path for path in self.folder.iterdir() if not path.name.startswith("."))
        except OSError as error:
            self.unreadable[self.folder.name] = error.strerror or type(error).__name__
            return found
        for path in paths:
            try:
                share = Partial.load(path, self.reader)
            except BadInput as error:
                self.unreadable[path.name] = f"{error.field} must be {error.bound}"
                continue
            if share.request != request.digest or share.member in found:
                continue
            if share.holds(self.committee, request):
                found[share.member] = share
            else:
                self.unreadable[path.name] = f"it does not hold for member {share.member}"
        return found


@dataclass
class Delivering:
    """Delivers openings of accounts that it can open, as soon as that is ordered, and shows them where everybody is to
    see them.

    opener : by what: a venue's or an owner's key, or a committee's shares.  delivery, disclose : keys of the statements
    in force; without one of them its orders are left to others.
    """

    name: ClassVar[str] = "deliver"
    system: System
    site: Site
    opener: Opener
    delivery: KeyDirectory | None
    disclose: KeyDirectory | None
    progress: Progress = quiet
    foreign: set[int] = field(default_factory=set)

    def troubles(self) -> list[str]:
        """Of what it opens by."""
        return self.opener.troubles()

    def due(self, state: State) -> list[DutyStep]:
        """A delivery, or a publication, for each order that waits for one."""
        found = []
        for lot in state.lots:
            stage = lot.stage(state.rules.times, state.now.live)
            waits = lot.own.ordered_at and not lot.delivered and lot.same_call and stage in (
                Stage.DISCLOSURE, Stage.COMMIT)
            keys = self.disclose if lot.public_order else self.delivery
            if not waits or keys is None or lot.lot_id in self.foreign:
                continue
            order = escrowing.order_of(self.system, self.site.there, lot.lot_id, progress=self.progress)
            if order.posted is None or self.opener.never_opens(order.posted.request):
                self.foreign.add(lot.lot_id)
                continue
            if not self.opener.may_open(order.posted.request):
                continue
            function = "publishOpening" if lot.public_order else "deliver"
            found.append(DutyStep("publish" if lot.public_order else "deliver", f"lot {lot.lot_id}",
                                  self._send(order, order.posted.request, keys), GAS_CAPS[function]))
        return found

    def _send(self, order: escrowing.Ordered, request: Request, keys: KeyDirectory) -> _Sending:
        there = self.site.there

        def send(sender: str) -> Receipt:
            opening = escrowing.opening_of(request, self.opener.elements(request))
            if not order.recipients:
                shown = escrowing.prove_disclosure(there, keys, opening, order, sender=sender, progress=self.progress)
                return there.escrow.publish(order.lot, shown.words, shown.proof, sender=sender)
            made = escrowing.prove_delivery(there, keys, opening, order, sender=sender, progress=self.progress)
            return there.escrow.deliver(order.lot, order.recipients, made.digest, made.words, made.proof,
                                        sender=sender)

        return send


@dataclass
class Sharing:
    """Gives a committee member's share of each decryption that was ordered and that the venue has not done in its time:
    to a file in a folder, sealed to the reader who puts shares together and delivers.

    A proof has shown that what was ordered is an account's escrow; nothing else is ever decrypted here.
    """

    name: ClassVar[str] = "share"
    system: System
    site: Site
    committee: Committee
    share: Share
    reader: Member
    folder: Path
    progress: Progress = quiet

    def troubles(self) -> list[str]:
        """None that it would not tell of a step."""
        return []

    def due(self, state: State) -> list[DutyStep]:
        """A share for each order that waits longer than the venue may take."""
        found = []
        for lot in state.lots:
            late = lot.own.ordered_at and state.now.live >= lot.own.ordered_at + state.rules.venue_delivers
            path = self.path(lot.lot_id)
            if not late or lot.delivered or not lot.same_call or path.exists():
                continue
            order = escrowing.order_of(self.system, self.site.there, lot.lot_id, progress=self.progress)
            if order.posted is not None and self.committee.key in order.posted.request.recipients:
                found.append(DutyStep("share", f"lot {lot.lot_id}", self._give(order.posted.request, path), 0))
        return found

    def path(self, lot_id: int) -> Path:
        """Where a share is put."""
        return self.folder / f"lot-{lot_id}-member-{self.share.member}.json"

    def _give(self, request: Request, path: Path) -> _Sending:
        def give(sender: str) -> None:
            Partial.of(self.committee, request, self.share).save(path, self.reader.key)

        return give
