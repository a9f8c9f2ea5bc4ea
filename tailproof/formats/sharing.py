"""What members of a committee keep, and what they hand round."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from committee.dealing import Complaint, Dealer, Dealing, deal, load_complaints, save_complaints
from committee.decryption import Partial, Request
from committee.group import Committee, Confirmation, Share, Taken
from committee.members import Identity, Member, Roster
from primitives import elgamal
from primitives.elgamal import Binding
from primitives.jsonio import Node

from .observed import Format
from .outputs import reading, saved

_POINT = "32 bytes, 0x-hex: y little endian, the top bit set if x > (r - 1) / 2"
_PROOF = {"commitment": "T, a point", "response": "s, below l"}


class _Example(NamedTuple):
    """Two of two, and their renewal."""

    identity: Identity
    roster: Roster
    renewed: Roster
    dealing: Dealing
    dealer: Dealer
    spent: Dealer
    complaint: Complaint
    share: Share
    confirmation: Confirmation
    committee: Committee
    after: Committee
    request: Request
    partial: Partial


@cache
def _example() -> _Example:
    identities = [Identity("a", 5), Identity("b", 7)]
    members = tuple(identity.member() for identity in identities)
    roster = Roster(bytes(32), 2, members)
    dealt = [deal(roster, number, 11 * number, renewal=False) for number in (1, 2)]
    taken = Taken(roster, tuple(dealing for dealing, _ in dealt))
    shares = [taken.share(identity) for identity in identities]
    spent = [taken.answering(share.member, dealer) for share, (_, dealer) in zip(shares, dealt, strict=True)]
    confirmations = [taken.confirm(share, answer) for share, answer in zip(shares, spent, strict=True)]
    committee = taken.certified(confirmations)
    renewed = Roster(bytes(32), 2, members, committee.digest)
    after = Taken(renewed, tuple(deal(renewed, share.member, share.share, renewal=True)[0] for share in shares),
                  committee).committee
    sealed = elgamal.seal([1, 2, 3], [committee.key], Binding(8, 9), elgamal.draw_ephemeral(1))
    request = Request("escrow-16", Binding(8, 9), (committee.key,), sealed)
    assert spent[0] is not None
    return _Example(identities[0], roster, renewed, *dealt[0], spent[0],
                    Complaint.about(dealt[0][0], roster, identities[0]), shares[0], confirmations[0], committee,
                    after, request, Partial.of(committee, request, shares[0]))


def identity_examples() -> Sequence[Any]:
    return [saved(_example().identity.save)]


def member_examples() -> Sequence[Any]:
    return [saved(_example().identity.member().save)]


def roster_examples() -> Sequence[Any]:
    return [_example().roster.to_json(), _example().renewed.to_json()]


def dealing_examples() -> Sequence[Any]:
    return [_example().dealing.to_json()]


def dealer_examples() -> Sequence[Any]:
    return [saved(_example().dealer.save), saved(_example().spent.save)]


def complaints_examples() -> Sequence[Any]:
    return [saved(lambda path: save_complaints(path, [_example().complaint]))]


def share_examples() -> Sequence[Any]:
    return [saved(_example().share.save)]


def confirmation_examples() -> Sequence[Any]:
    made = dict(_example().confirmation.to_json())
    return [made, {key: value for key, value in made.items() if key != "response"}]


def committee_examples() -> Sequence[Any]:
    return [_example().committee.to_json(), _example().after.to_json()]


def disclosure_examples() -> Sequence[Any]:
    return [_example().request.to_json()]


def partial_examples() -> Sequence[Any]:
    return [_example().partial.to_json(), _example().partial.to_json(_example().identity.key)]


def _proof(path: str, of: str) -> dict[str, str]:
    return {path: f"proof of possession of {of}", **{f"{path}.{key}": said for key, said in _PROOF.items()}}


def _sealed(path: str) -> dict[str, str]:
    return {f"{path}.ephemeral": "R, a point", f"{path}.wrapped": "content key, wrapped",
            f"{path}.ciphertext": "elements under the keystream"}


def _member(path: str) -> dict[str, str]:
    return {f"{path}name": "of the member", f"{path}key": f"for letters; {_POINT}",
            **_proof(f"{path}possession", "the key's secret")}


def _roster(path: str) -> dict[str, str]:
    return {f"{path}schema": "says what this is", f"{path}context": "what the key is for, 32 bytes",
            f"{path}threshold": "members that it takes", f"{path}members": "in the order of their numbers, from 1",
            **_member(f"{path}members[]."), f"{path}previous": "digest of the committee whose key is taken over"}


_SCHEMA = {"schema": "says what the file is"}
FORMATS = (
    Format("identity", "A key's secret: of a committee's member, a venue, an owner; mode 0600 (JSON)",
           "identity.secret.json", identity_examples, reading(Identity.load, "identity.json"),
           {**_SCHEMA, "name": "of whose key it is", "secret": "scalar, below l"}),
    Format("member", "A key that escrows or letters are encrypted to (JSON)", "member.json", member_examples,
           lambda document: Member.of(Node(document), schema=True), {**_SCHEMA, **_member("")}),
    Format("roster", "Who shall share a committee's key (JSON)", "roster.json", roster_examples,
           lambda document: Roster.of(Node(document)), _roster("")),
    Format("dealing", "What a dealer publishes: shares in letters (JSON)", "dealing.json", dealing_examples,
           lambda document: Dealing.of(Node(document), _example().roster),
           {**_SCHEMA, "roster": "its digest", "dealer": "his number", "commitments": f"to his polynomial; {_POINT}",
            **_proof("possession", "what he deals"), "nonce": "his part of the key's proof; the identity in a renewal",
            "letters": "a share for each member, in their order", **_sealed("letters[]"),
            **_proof("letters[].writer", "the letter's ephemeral scalar")}),
    Format("dealer", "What a dealer keeps until the committee is certified; mode 0600 (JSON)", "dealer.secret.json",
           dealer_examples, reading(Dealer.load, "dealer.json"),
           {**_SCHEMA, "roster": "its digest", "secret": "what he dealt", "nonce": "of his part of the key's proof",
            "spent": "digest of the committee that the nonce has answered for"}),
    Format("complaints", "Letters that hold no share, shown to everybody (JSON)", "complaints.json",
           complaints_examples, reading(load_complaints, "complaints.json"),
           {**_SCHEMA, "complaints": "of one member", "complaints[].dealing": "its digest",
            "complaints[].dealer": "who is accused", "complaints[].member": "who complains",
            "complaints[].shared": "secret that the letter was wrapped with, a point",
            "complaints[].proof": "that it is that", "complaints[].proof.commitment": "T, a point",
            "complaints[].proof.other": "U, a point", "complaints[].proof.response": "s, below l"}),
    Format("share", "A member's share; mode 0600 (JSON)", "share.secret.json", share_examples,
           reading(Share.load, "share.json"),
           {**_SCHEMA, "committee": "its digest", "member": "his number", "share": "scalar, below l"}),
    Format("confirmation", "A member has his share, of this committee (JSON)", "confirmation.json",
           confirmation_examples, reading(Confirmation.load, "confirmation.json"),
           {**_SCHEMA, "committee": "its digest", "member": "his number", **_proof("possession", "his share"),
            "response": "his part of a new key's proof"}),
    Format("committee", "A committee's key and members (JSON)", "committee.json", committee_examples,
           reading(Committee.load, "committee.json"),
           {**_SCHEMA, "roster": "its members", **_roster("roster."), "key": f"escrows are encrypted to it; {_POINT}",
            "verification": "each member's share times the base, a point", "key_context": "what the key was made for",
            "origin": "digest of roster and dealings", **_proof("possession", "the key's secret, by all dealers")}),
    Format("disclosure", "An escrow to be opened, as it was posted on chain (JSON)", "request.json",
           disclosure_examples, reading(Request.load, "request.json"),
           {**_SCHEMA, "statement": "name of the escrow's statement", "context": "field element",
            "commitment": "field element", "recipients": f"keys in the order of y; {_POINT}",
            "words": "R.x, R.y, wrapped keys, ciphertext: field elements"}),
    Format("partial", "A member's part of a decryption, for everybody or sealed to a reader (JSON)", "partial.json",
           partial_examples, reading(lambda path: Partial.load(path, _example().identity), "partial.json"),
           {**_SCHEMA, "committee": "its digest", "request": "its digest", "member": "his number",
            "point": "share times 8 R", "proof": "that it is that", "proof.commitment": "T, a point",
            "proof.other": "U, a point", "proof.response": "s, below l",
            "sealed": "point and proof, to the reader's key",
            **_sealed("sealed")}),
)
