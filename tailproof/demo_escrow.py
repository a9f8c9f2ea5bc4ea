"""The demo's committee, and who opens an escrow: a key that nobody has, dealt among three members, two of whom decrypt.

Members are one process here; on a chain that counts they are machines apart (docs/committee.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from circuits.statements import escrow
from committee.dealing import deal
from committee.decryption import Partial, open_alone, open_together
from committee.group import Committee, Share, Taken
from committee.members import Identity, Roster
from committee.proofs import Possession
from primitives.babyjubjub import draw_scalar
from primitives.field import MODULUS

from . import escrowing
from .keys import KeyDirectory
from .secret import Opening

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from verifier_contracts.chain import Receipt
    from verifier_contracts.system import Contracts, System

MEMBERS, THRESHOLD = 3, 2


@dataclass(frozen=True)
class Holders:
    """Everything secret. identities : by the holder's address."""

    committee: Committee
    shares: list[Share]
    identities: Mapping[str, Identity]


def prepare(there: Contracts, admin: str, holders: Mapping[str, LocalAccount], *, members: int = MEMBERS,
            threshold: int = THRESHOLD) -> Holders:
    """Deal a key among members, register it, and register a key of each holder."""
    committee, shares = _dealt(there.escrow.context_of_committee(1), members, threshold)
    possession = committee.possession
    assert possession is not None
    there.authority.perform(there.escrow, "foundCommittee", committee.key, (possession.commitment, possession.response),
                            list(committee.verification), committee.threshold, committee.digest, sender=admin)
    identities = {}
    for number, address in enumerate(holders):
        identity = identities[address] = Identity.draw(f"holder {number}")
        shown = Possession.of(identity.secret, there.escrow.context_of_key(address))
        there.escrow.register_key(identity.key, (shown.commitment, shown.response), sender=address)
    return Holders(committee, shares, identities)


def _dealt(context: bytes, count: int, threshold: int) -> tuple[Committee, list[Share]]:
    members = [Identity.draw(f"member {number}") for number in range(1, count + 1)]
    roster = Roster(context, threshold, tuple(member.member() for member in members))
    with TemporaryDirectory(prefix="tailproof-demo-") as name:
        files, dealers = [], []
        for number in range(1, count + 1):
            dealing, dealer = deal(roster, number, draw_scalar(), renewal=False)
            files.append(Path(name) / f"dealing{number}.json")
            dealing.save(files[-1])
            dealers.append(dealer)
        taken = Taken.of(roster, files)
    shares = [taken.share(member) for member in members]
    confirmations = [taken.confirm(share, taken.answering(share.member, dealer))
                     for share, dealer in zip(shares, dealers, strict=True)]
    return taken.certified(confirmations), shares


def post(there: Contracts, keys: KeyDirectory, opening: Opening, account: str, *, sender: str) -> Receipt:
    """Encrypt, prove and post the opening of an account's present commitment."""
    made = escrowing.prove_escrow(there, keys, opening, account, there.escrow.keys_for(account), sender=sender)
    return there.escrow.post(account, there.ledger.version_of(account), made.digest, made.words, made.proof,
                             sender=sender)


def openings(system: System, there: Contracts, account: str, holders: Holders) -> int:
    """How many holders read from the chain what opens the account: its venue alone, two of the committee together."""
    request = escrowing.posted(system, there, account)[account, there.ledger.commitment_of(account)].request
    parts = [Partial.of(holders.committee, request, share) for share in holders.shares[:THRESHOLD]]
    venue = holders.identities[there.ledger.venue_of(account)]
    read = [open_alone(request, venue), open_together(holders.committee, request, parts).elements]
    return sum(escrow.opening_of(elements, request.binding.commitment) is not None for elements in read)


def post_changed(there: Contracts, keys: KeyDirectory, opening: Opening, account: str, *, sender: str) -> Receipt:
    """A new escrow, of which one word is another than was proven."""
    made = escrowing.prove_escrow(there, keys, opening, account, there.escrow.keys_for(account), sender=sender)
    changed = [*made.words[:-1], (made.words[-1] + 1) % MODULUS]
    return there.escrow.post(account, there.ledger.version_of(account), made.digest, changed, made.proof, sender=sender)
