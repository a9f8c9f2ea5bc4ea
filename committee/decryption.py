"""Threshold decryption: enough members each apply their share to R, and the sums of that open an escrow.

    D_j = x_j (8 R), with a proof that D_j and Y_j = x_j B have one logarithm;   S = sum_j w_j D_j = p (8 R).

Nobody ever has p. Partial decryptions are as good as the opening to whoever has t of them, so they go out only once a
disclosure has been ordered, and to whom: sealed to a reader's key, or for everybody to see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from committee.files import (
    digest_of,
    equality_json,
    hexed,
    point_text,
    read_bytes32,
    read_equality,
    read_key,
    read_point,
    read_sealed,
    sealed_json,
)
from committee.group import Committee, Share
from committee.members import MOST_MEMBERS, Identity
from committee.proofs import Equality
from committee.sharing import combined, weights
from primitives import babyjubjub, elgamal, jsonio
from primitives.babyjubjub import COFACTOR, Point, multiply
from primitives.elgamal import Binding, Sealed
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node

REQUEST, PARTIAL = "tailproof.disclosure/1", "tailproof.partial/1"
MOST_RECIPIENTS, MOST_WORDS = 16, 2 + 16 + 129
_SEALED_ELEMENTS = 7
"""Of a partial decryption: D, T, U and s."""


@dataclass(frozen=True)
class Request:
    """An escrow to be opened, as its event on chain has it, *and from nowhere else*: there its proof has shown that
    whoever posted R knows e. A member who answers for any R that he is asked about opens whose escrow it is taken from.

    statement : name of the escrow's.  binding : its context and commitment.  recipients : keys it was encrypted to.
    sealed : the words.
    """

    statement: str
    binding: Binding
    recipients: tuple[Point, ...]
    sealed: Sealed

    @cached_property
    def digest(self) -> bytes:
        return digest_of(self.to_json())

    def number_of(self, key: Point, source: str | Path | None = None) -> int:
        """Which recipient has this key.

        Raises
        ------
        BadInput : nobody.
        """
        if key not in self.recipients:
            raise BadInput("key", point_text(key), "one that the escrow was encrypted to", source=source)
        return self.recipients.index(key)

    def base(self) -> Point:
        """8 R."""
        return multiply(COFACTOR, self.sealed.ephemeral)

    def unseal(self, number: int, shared: Point) -> list[int]:
        """The elements that recipient `number`'s shared secret opens; the commitment says whether they are right."""
        return elgamal.unseal(self.sealed, number, self.recipients[number], shared, self.binding)

    def to_json(self) -> dict[str, Any]:
        return {"schema": REQUEST, "statement": self.statement, "context": str(self.binding.context),
                "commitment": str(self.binding.commitment), "recipients": [point_text(key) for key in self.recipients],
                "words": [str(word) for word in self.sealed.words()]}

    @staticmethod
    def load(path: str | Path) -> Request:
        """Raises BadInput if malformed, with a recipient that is no key, or R of small order or off the curve."""
        node = Node.read(path)
        parts = node.document(REQUEST, {"statement", "context", "commitment", "recipients", "words"})
        recipients = tuple(read_key(key) for key in parts["recipients"].array(at_least=1, at_most=MOST_RECIPIENTS))
        words = [word.decimal(0, MODULUS - 1)
                 for word in parts["words"].array(at_least=3 + len(recipients), at_most=MOST_WORDS)]
        sealed = Sealed.of_words(words, len(recipients))
        babyjubjub.require_key("words[0], words[1]", sealed.ephemeral)
        return Request(parts["statement"].text(r"[a-z0-9-]{1,64}", "the name of a statement"),
                       Binding(parts["context"].decimal(0, MODULUS - 1), parts["commitment"].decimal(0, MODULUS - 1)),
                       recipients, sealed)

    def save(self, path: str | Path) -> None:
        """To a new file."""
        jsonio.write(path, self.to_json())


@dataclass(frozen=True)
class Partial:
    """A member's part.  request, committee : digests.  point : D_j.  proof : that it is."""

    committee: bytes
    request: bytes
    member: int
    point: Point
    proof: Equality

    @classmethod
    def of(cls, committee: Committee, request: Request, share: Share) -> Partial:
        """Apply a share.

        Raises
        ------
        BadInput : the escrow was encrypted to other keys.
        """
        request.number_of(committee.key)
        base = request.base()
        return cls(committee.digest, request.digest, share.member, multiply(share.share, base),
                   Equality.of(share.share, base, cls.naming(committee.digest, request.digest, share.member)))

    @staticmethod
    def naming(committee: bytes, request: bytes, member: int) -> bytes:
        """The context of the proof."""
        return digest_of(["tailproof partial", hexed(committee), hexed(request), member])

    def holds(self, committee: Committee, request: Request) -> bool:
        """Whether it is the member's part of this request."""
        if (self.committee, self.request) != (committee.digest, request.digest) \
                or not 1 <= self.member <= len(committee.verification):
            return False
        return self.proof.holds(committee.verification[self.member - 1], request.base(), self.point,
                                self.naming(self.committee, self.request, self.member))

    # -- files -------------------------------------------------------------------------------------------------------
    def _binding(self) -> Binding:
        return Binding(int.from_bytes(self.request, "big") % MODULUS, self.member)

    def to_json(self, reader: Point | None = None) -> dict[str, Any]:
        """For everybody, or sealed to a reader's key."""
        head = {"schema": PARTIAL, "committee": hexed(self.committee), "request": hexed(self.request),
                "member": self.member}
        if reader is None:
            return {**head, "point": point_text(self.point), "proof": equality_json(self.proof)}
        message = [*self.point, *self.proof.commitment, *self.proof.other, self.proof.response]
        letter = elgamal.seal(message, [reader], self._binding(), elgamal.draw_ephemeral(*message))
        return {**head, "sealed": sealed_json(letter)}

    def save(self, path: str | Path, reader: Point | None = None) -> None:
        """To a new file."""
        jsonio.write(path, self.to_json(reader))

    @staticmethod
    def load(path: str | Path, reader: Identity | None = None) -> Partial:
        """Whether it holds, `holds` says; a letter that cannot be read holds nothing.

        Raises
        ------
        BadInput : malformed, or sealed and no reader given.
        """
        node = Node.read(path)
        head = {"committee", "request", "member"}
        sealed = isinstance(node.value, dict) and "sealed" in node.value
        parts = node.document(PARTIAL, {*head, "sealed"} if sealed else {*head, "point", "proof"})
        committee, request = read_bytes32(parts["committee"]), read_bytes32(parts["request"])
        member = parts["member"].integer(1, MOST_MEMBERS)
        if not sealed:
            return Partial(committee, request, member, read_point(parts["point"]), read_equality(parts["proof"]))
        letter = read_sealed(parts["sealed"], _SEALED_ELEMENTS)
        if reader is None:
            raise BadInput("reader", None, "given: this partial decryption is sealed to one", source=path)
        shared = elgamal.shared_point(reader.secret, letter.ephemeral)
        binding = Binding(int.from_bytes(request, "big") % MODULUS, member)
        x, y, t, u, v, w, s = elgamal.unseal(letter, 0, reader.key, shared, binding)
        return Partial(committee, request, member, Point(x, y), Equality(Point(t, u), Point(v, w), s))


@dataclass(frozen=True)
class Opened:
    """elements : salt, id_0, q_0, ..., residues.  members : whose parts were used.  refused : whose did not hold."""

    elements: list[int]
    members: tuple[int, ...]
    refused: tuple[int, ...]


def open_together(committee: Committee, request: Request, partials: Sequence[Partial]) -> Opened:
    """Put partial decryptions together; whether the elements are the opening, the commitment says.

    Raises
    ------
    BadInput : the escrow was encrypted to other keys, a member twice, or fewer parts that hold than the threshold,
        naming the members whose parts do not.
    """
    number = request.number_of(committee.key)
    good, bad = dict[int, Partial](), list[int]()
    for partial in partials:
        if partial.member in good or partial.member in bad:
            raise BadInput("member of a partial decryption", partial.member, "one who has given one")
        if partial.holds(committee, request):
            good[partial.member] = partial
        else:
            bad.append(partial.member)
    if len(good) < committee.threshold:
        wrong = f"; those of members {', '.join(map(str, bad))} do not hold" if bad else ""
        raise BadInput("number of partial decryptions that hold", len(good), f"{committee.threshold} or more{wrong}")
    members = sorted(good)[:committee.threshold]
    shared = combined(weights(members), [good[member].point for member in members])
    return Opened(request.unseal(number, shared), tuple(members), tuple(bad))


def open_alone(request: Request, identity: Identity) -> list[int]:
    """What a venue or an owner reads with a key of her own.

    Raises
    ------
    BadInput : the escrow was encrypted to other keys.
    """
    number = request.number_of(identity.key)
    return request.unseal(number, elgamal.shared_point(identity.secret, request.sealed.ephemeral))
