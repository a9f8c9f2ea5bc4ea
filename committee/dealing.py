"""Dealings: each dealer shares a secret of his own among the roster's members, each share in a letter to its member.

The same for a new key and for a renewal; what differs is which secret is dealt. For a new key each member deals a fresh
one and the key's is their sum [Pedersen 1991]; a proof of possession of what he deals keeps a dealer from making it out
of others'. (The last to deal can bias bits of the key, which Diffie and Hellman's problem does not mind [Gennaro,
Jarecki, Krawczyk, Rabin 2007]; nobody learns anything of the sum as long as one dealer is honest.) For a renewal old
members deal their shares [Desmedt, Jajodia 1997; Herzberg, Jarecki, Krawczyk, Yung 1995].

A member who finds his share wrong shows it by a `Complaint`: the letter's shared secret and a proof that it is that, so
that anybody can open this one letter and see. No dealer can be accused falsely, and none gets away. For the same reason
a letter comes with a proof that its writer knows its ephemeral scalar: else he might take over R of an honest dealer's
letter, and the member's complaint would open that one too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from committee.files import (
    digest_of,
    equality_json,
    hexed,
    point_text,
    possession_json,
    read_bytes32,
    read_equality,
    read_key,
    read_point,
    read_possession,
    read_sealed,
    read_secret,
    sealed_json,
)
from committee.members import MOST_MEMBERS, Identity, Roster
from committee.proofs import Equality, Possession, nonce
from committee.sharing import commitments_to, committed_at, draw_polynomial, value_at
from primitives import babyjubjub, elgamal, jsonio
from primitives.babyjubjub import BASE, COFACTOR, SUBGROUP_ORDER, Point, multiply
from primitives.elgamal import Binding, Sealed
from primitives.errors import BadInput, Said
from primitives.jsonio import Node

LETTER = {"ephemeral", "wrapped", "ciphertext", "writer"}
DEALING, DEALER, COMPLAINTS = "tailproof.dealing/1", "tailproof.dealer/1", "tailproof.complaints/1"


@dataclass(frozen=True)
class Dealer:
    """What a dealer of a new key keeps until it is certified: his part of the secret, and the nonce of his part of the
    key's proof of possession.

    spent : digest of the committee that the nonce has answered for.
    """

    roster: bytes
    secret: int
    nonce: int
    spent: bytes | None = None

    def save(self, path: str | Path) -> None:
        """Mode 0600; to a new file, or over the one before once it is spent."""
        spent = {} if self.spent is None else {"spent": hexed(self.spent)}
        jsonio.write(path, {"schema": DEALER, "roster": hexed(self.roster), "secret": str(self.secret),
                            "nonce": str(self.nonce), **spent}, mode=0o600, over=self.spent is not None)

    @staticmethod
    def load(path: str | Path) -> Dealer:
        """Errors as `read_secret`."""
        def parse(node: Node) -> Dealer:
            parts = node.document(DEALER, {"roster", "secret", "nonce"}, {"spent"})
            secret, drawn = (parts[name].decimal(1, SUBGROUP_ORDER - 1) for name in ("secret", "nonce"))
            return Dealer(read_bytes32(parts["roster"]), secret, drawn,
                          read_bytes32(parts["spent"]) if "spent" in parts else None)
        return read_secret(path, parse)


@dataclass(frozen=True)
class Letter:
    """sealed : one element, the share.  writer : proof that R's logarithm is known, for this dealing and member."""

    sealed: Sealed
    writer: Possession

    def to_json(self) -> dict[str, Any]:
        return {**sealed_json(self.sealed), "writer": possession_json(self.writer)}

    @staticmethod
    def of(node: Node) -> Letter:
        """Raises BadInput if malformed; whether the proof holds, `Dealing.of` says."""
        sealed = read_sealed(node, 1, {"writer"})
        return Letter(sealed, read_possession(node.object(LETTER)["writer"]))


@dataclass(frozen=True)
class Dealing:
    """What a dealer publishes.

    dealer : his number, in the roster for a new key, in the committee before for a renewal.  commitments : C_0 to
    C_(t-1).  possession : of the secret behind C_0, under the roster's digest.  nonce : T = k B of his part of the
    key's proof; the identity in a renewal, which keeps its proof.  letters : a share for each member.
    """

    roster: bytes
    dealer: int
    commitments: tuple[Point, ...]
    possession: Possession
    nonce: Point
    letters: tuple[Letter, ...]

    @cached_property
    def digest(self) -> bytes:
        return digest_of(self.to_json())

    def to_json(self) -> dict[str, Any]:
        return {"schema": DEALING, "roster": hexed(self.roster), "dealer": self.dealer,
                "commitments": [point_text(point) for point in self.commitments],
                "possession": possession_json(self.possession), "nonce": point_text(self.nonce),
                "letters": [letter.to_json() for letter in self.letters]}

    @staticmethod
    def of(node: Node, roster: Roster) -> Dealing:
        """A dealing to this roster whose public parts hold; whether letters do, their members see.

        Raises
        ------
        BadInput : malformed, of another roster, another number of commitments or letters, or without possession.
        """
        keys = {"roster", "dealer", "commitments", "possession", "nonce", "letters"}
        parts, n, t = node.document(DEALING, keys), len(roster.members), roster.threshold
        require_roster(parts["roster"], roster)
        commitments = [read_point(point) for point in parts["commitments"].array(at_least=t, at_most=t)]
        first = read_key(parts["commitments"].array()[0])
        for place, point in enumerate(commitments):
            if not babyjubjub.in_subgroup(point):
                raise BadInput(f"commitments[{place}]", point_text(point), "in the subgroup of prime order",
                               source=node.source)
        found = Dealing(roster.digest, parts["dealer"].integer(1, MOST_MEMBERS), tuple(commitments),
                        read_possession(parts["possession"]), read_point(parts["nonce"]),
                        tuple(map(Letter.of, parts["letters"].array(at_least=n, at_most=n))))
        for member, letter in enumerate(found.letters, 1):
            if not letter.writer.holds(letter.sealed.ephemeral, naming(roster.digest, found.dealer, member)):
                raise BadInput(f"letters[{member - 1}].writer", Said("a proof that does not hold"),
                               f"one that dealer {found.dealer} knows the letter's ephemeral scalar",
                               source=node.source)
        if not found.possession.holds(first, found.naming()):
            raise BadInput("possession", Said("a proof that does not hold"), f"one of what dealer {found.dealer} deals",
                           source=node.source)
        return found

    def naming(self) -> bytes:
        """The context of the proof of possession."""
        return naming(self.roster, self.dealer)

    def save(self, path: str | Path) -> None:
        """To a new file."""
        jsonio.write(path, self.to_json())

    # -- letters -------------------------------------------------------------------------------------------------
    def binding(self, roster: Roster, member: int) -> Binding:
        """What the letter to a member is bound to."""
        return Binding(roster.field_element, self.dealer << 8 | member)

    def share_for(self, roster: Roster, member: int, shared: Point) -> int | None:
        """The share in a letter, opened by its shared secret; None if it is not what the commitments say."""
        letter, key = self.letters[member - 1].sealed, roster.members[member - 1].key
        (share,) = elgamal.unseal(letter, 0, key, shared, self.binding(roster, member))
        right = share < SUBGROUP_ORDER and multiply(share, BASE) == committed_at(self.commitments, member)
        return share if right else None


def naming(roster: bytes, dealer: int, member: int = 0) -> bytes:
    """The context of a dealing's proof of possession, and of those of its letters."""
    return digest_of(["tailproof dealing", hexed(roster), dealer, member])


def deal(roster: Roster, dealer: int, secret: int, *, renewal: bool) -> tuple[Dealing, Dealer]:
    """Share a secret among the roster's members.

    Parameters
    ----------
    dealer : his number.  secret : in [1, l).
    """
    polynomial = draw_polynomial(secret, roster.threshold)
    k = nonce(secret, roster.digest)
    dealing = Dealing(roster.digest, dealer, tuple(commitments_to(polynomial)),
                      Possession.of(secret, naming(roster.digest, dealer)),
                      babyjubjub.IDENTITY if renewal else multiply(k, BASE), ())
    letters = []
    for number, member in enumerate(roster.members, 1):
        share = value_at(polynomial, number)
        ephemeral = elgamal.draw_ephemeral(secret, share, number)
        letters.append(Letter(elgamal.seal([share], [member.key], dealing.binding(roster, number), ephemeral),
                              Possession.of(elgamal.ephemeral_scalar(ephemeral.bits),
                                            naming(roster.digest, dealer, number))))
    return replace(dealing, letters=tuple(letters)), Dealer(roster.digest, secret, k)


def require_roster(node: Node, roster: Roster) -> None:
    """Refuse what belongs to another roster."""
    if read_bytes32(node) != roster.digest:
        raise node.refuse(f"{hexed(roster.digest)}, the digest of the roster")


# -- complaints --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Complaint:
    """A member shows that the letter he had of a dealer holds no share.

    dealing : its digest.  shared : S of the letter.  proof : that it is the member's.
    """

    dealing: bytes
    dealer: int
    member: int
    shared: Point
    proof: Equality

    @classmethod
    def about(cls, dealing: Dealing, roster: Roster, identity: Identity) -> Complaint:
        """About a letter whose share is wrong."""
        member = roster.number_of(identity.key)
        base = multiply(COFACTOR, dealing.letters[member - 1].sealed.ephemeral)
        return cls(dealing.digest, dealing.dealer, member, multiply(identity.secret, base),
                   Equality.of(identity.secret, base, dealing.digest))

    def upheld(self, dealing: Dealing, roster: Roster) -> bool:
        """Whether it shows that this dealing is bad."""
        if dealing.digest != self.dealing or not 1 <= self.member <= len(roster.members):
            return False
        base = multiply(COFACTOR, dealing.letters[self.member - 1].sealed.ephemeral)
        key = roster.members[self.member - 1].key
        if not self.proof.holds(key, base, self.shared, dealing.digest):
            return False
        return dealing.share_for(roster, self.member, self.shared) is None

    def to_json(self) -> dict[str, Any]:
        return {"dealing": hexed(self.dealing), "dealer": self.dealer, "member": self.member,
                "shared": point_text(self.shared), "proof": equality_json(self.proof)}

    @staticmethod
    def of(node: Node) -> Complaint:
        """Raises BadInput if malformed; whether it holds, `upheld` says."""
        parts = node.object({"dealing", "dealer", "member", "shared", "proof"})
        return Complaint(read_bytes32(parts["dealing"]), parts["dealer"].integer(1, MOST_MEMBERS),
                         parts["member"].integer(1, MOST_MEMBERS), read_point(parts["shared"]),
                         read_equality(parts["proof"]))


def save_complaints(path: str | Path, complaints: Sequence[Complaint]) -> None:
    """To a new file."""
    jsonio.write(path, {"schema": COMPLAINTS, "complaints": [complaint.to_json() for complaint in complaints]})


def load_complaints(path: str | Path) -> list[Complaint]:
    """A member's; errors as `Complaint.of`."""
    parts = Node.read(path).document(COMPLAINTS, {"complaints"})
    return [Complaint.of(node) for node in parts["complaints"].array(at_least=1, at_most=MOST_MEMBERS)]


def shared_secret(dealing: Dealing, roster: Roster, identity: Identity) -> Point:
    """S of the letter to a member."""
    member = roster.number_of(identity.key)
    return elgamal.shared_point(identity.secret, dealing.letters[member - 1].sealed.ephemeral)
