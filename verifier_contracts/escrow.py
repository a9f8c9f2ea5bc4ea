"""The escrow as a Python object: keys, committees, posts, disclosures. Nothing here encrypts or proves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from primitives.babyjubjub import Point
from primitives.errors import BadInput
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Chain, Receipt
from verifier_contracts.errors import ContractRefused
from verifier_contracts.generator import ERRORS
from verifier_contracts.ledger import MarginLedger

SHORTLIST = 5
"""Keys that a delivery is encrypted to; a place that nobody needs repeats the first."""
Shown = tuple[Point, int]
"""A proof of possession: T and s (docs/committee.md)."""


class CommitteeKey(NamedTuple):
    """A committee's key. renewed_at : when shares of it were dealt last; replaced_at : 0 while it is in force."""

    key: Point
    renewed_at: int
    replaced_at: int


class Keys(NamedTuple):
    """What an account's opening is encrypted to now. generation : of the committee's key."""

    venue: Point
    committee: Point
    owner: Point
    generation: int

    @property
    def recipients(self) -> tuple[Point, Point, Point]:
        """In the order of the words."""
        return self.venue, self.committee, self.owner


class Escrow(Contract):
    """Encrypted openings, their holders' keys, and disclosures.

    ledger : whose commitments they open.
    """

    name = "Escrow"

    def __init__(self, chain: Chain, address: str, ledger: MarginLedger) -> None:
        super().__init__(chain, address)
        self.ledger = ledger

    # -- keys ----------------------------------------------------------------------------------------------------------
    def key_of(self, holder: str) -> Point | None:
        """A registered key; None if there is none."""
        x, y = self.read("keyOf", holder)
        return Point(x, y) if y else None

    def generation(self) -> int:
        """Of the committee's key in force; 0 before the first."""
        return int(self.read("generation"))

    def committee(self, generation: int) -> CommitteeKey:
        """A committee's key; zeros for a generation that there is not."""
        (x, y), renewed, replaced = self.read("committees", generation)
        return CommitteeKey(Point(x, y), renewed, replaced)

    def context_of_key(self, holder: str) -> bytes:
        """What a proof of possession of a holder's key is made for, 32 bytes."""
        return bytes(self.read("contextOfKey", holder))

    def context_of_committee(self, generation: int) -> bytes:
        """What the proof of possession of a committee's key is made for, 32 bytes."""
        return bytes(self.read("contextOfCommittee", generation))

    def register_key(self, key: Point, shown: Shown, *, sender: str | None = None) -> Receipt:
        """Register the sender's own key, with a proof of possession."""
        return self.transact("registerKey", key, shown, sender=sender)

    def keys_for(self, account: str) -> Keys:
        """The keys that an opening of this account has to be encrypted to.

        Raises
        ------
        BadInput : somebody has none yet; says who, and which command registers one.
        """
        generation = self.generation()
        if not generation:
            raise BadInput("committee", None, "registered (`committee register`): there is none yet")
        venue, found = self.ledger.venue_of(account), {}
        for who, holder in (("venue", venue), ("owner", account)):
            key = self.key_of(holder)
            if key is None:
                raise BadInput(f"key of the {who} {holder}", None, "registered by it (`escrow key`)")
            found[who] = key
        return Keys(found["venue"], self.committee(generation).key, found["owner"], generation)

    # -- posts ---------------------------------------------------------------------------------------------------------
    def post(self, account: str, version: int, digest: int, words: Sequence[int], proof: Sequence[int], *,
             sender: str | None = None) -> Receipt:
        """Post the encrypted opening of an account's present commitment; anybody may. digest : public input of the
        proof.  words : of `primitives.elgamal.Sealed`."""
        return self.transact("postEscrow", account, version, digest, list(words), list(proof), sender=sender)

    def show(self, account: str, venue: str, version: int, commitment: int, digest: int, words: Sequence[int],
             proof: Sequence[int], *, sender: str | None = None) -> Receipt:
        """Show the encrypted opening of what an account will hold, for a post without words; anybody may.
        venue, version : that it will have."""
        return self.transact("showEscrow", account, venue, version, commitment, digest, list(words), list(proof),
                             sender=sender)

    def refresh(self, account: str, generation: int, digest: int, *, sender: str | None = None) -> Receipt:
        """Have the ledger know how long an account's last post is good by now; anybody may."""
        return self.transact("refresh", account, generation, digest, sender=sender)

    # -- disclosures ---------------------------------------------------------------------------------------------------
    def deliver(self, lot: int, recipients: Sequence[Point], digest: int, words: Sequence[int],
                proof: Sequence[int], *, sender: str | None = None) -> Receipt:
        """Deliver an opening that was ordered, encrypted to those it was ordered for; anybody who has it may."""
        return self.transact("deliver", lot, list(recipients), digest, list(words), list(proof), sender=sender)

    def publish(self, lot: int, words: Sequence[int], proof: Sequence[int], *, sender: str | None = None) -> Receipt:
        """Show an opening to everybody, once that was ordered; anybody who has it may. The contract is asked first with
        words of nothing: an order may have ended while the proof was made, and a node that is asked with these has read
        what is nobody's to read then."""
        try:
            self.attempt("publishOpening", lot, [0] * len(words), [0] * 8, sender=sender or self.chain.default_sender())
        except ContractRefused as refused:
            if refused.name not in ERRORS:
                raise
        return self.transact("publishOpening", lot, list(words), list(proof), sender=sender)

    def is_public_order(self, lot: int) -> bool:
        """Whether a lot's last order is to show the opening to everybody."""
        account, recipients, *_ = self.read("orders", lot)
        return int(account, 16) != 0 and recipients == 0

    def delivered_to(self, lot: int) -> tuple[int, bool]:
        """Of a lot's last order: places that it was delivered to, as bits; whether everybody can read it."""
        seats, published = self.read("deliveredTo", lot)
        return int(seats), bool(published)
