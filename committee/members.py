"""Members of a committee, and the roster that says who they are and how many it takes.

A member's own key is for letters: shares are encrypted to it. It opens no escrow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from committee.files import (
    NAME,
    digest_of,
    hexed,
    point_text,
    possession_json,
    read_bytes32,
    read_key,
    read_possession,
    read_secret,
)
from committee.proofs import Possession, keccak256
from primitives import jsonio
from primitives.babyjubjub import BASE, SUBGROUP_ORDER, Point, draw_scalar, multiply, require_scalar
from primitives.errors import BadInput, Said
from primitives.field import MODULUS
from primitives.jsonio import Node

IDENTITY, MEMBER, ROSTER = "tailproof.identity/1", "tailproof.member/1", "tailproof.roster/1"
MOST_MEMBERS = 32


def naming(name: str) -> bytes:
    """The context of a member's proof of possession."""
    return keccak256(b"tailproof member " + name.encode())


@dataclass(frozen=True)
class Member:
    """name : for people, and bound by the proof.  key : for letters.  possession : of its secret."""

    name: str
    key: Point
    possession: Possession

    def to_json(self) -> dict[str, Any]:
        """As `of` reads it, but for the schema."""
        return {"name": self.name, "key": point_text(self.key), "possession": possession_json(self.possession)}

    @staticmethod
    def of(node: Node, *, schema: bool = False) -> Member:
        """A member with a proof that holds.

        Raises
        ------
        BadInput : malformed, a key that is none, or nobody has shown to have its secret.
        """
        keys = {"name", "key", "possession"}
        parts = node.document(MEMBER, keys) if schema else node.object(keys)
        member = Member(parts["name"].text(NAME, "a name of at most 64 letters, digits, spaces, '.', '_', '-'"),
                        read_key(parts["key"]), read_possession(parts["possession"]))
        if not member.possession.holds(member.key, naming(member.name)):
            raise BadInput(parts["possession"].field, Said("a proof that does not hold"),
                           f"one of the secret of {member.name}'s key, under that name", source=node.source)
        return member

    def save(self, path: str | Path) -> None:
        """To a new file."""
        jsonio.write(path, {"schema": MEMBER, **self.to_json()})


@dataclass(frozen=True)
class Identity:
    """A member's secret."""

    name: str
    secret: int

    @classmethod
    def draw(cls, name: str) -> Identity:
        """From the operating system's randomness."""
        return cls(name, draw_scalar())

    @property
    def key(self) -> Point:
        return multiply(self.secret, BASE)

    def member(self) -> Member:
        """What others may know."""
        return Member(self.name, self.key, Possession.of(self.secret, naming(self.name)))

    def save(self, path: str | Path) -> None:
        """To a new file, mode 0600."""
        jsonio.write(path, {"schema": IDENTITY, "name": self.name, "secret": str(self.secret)}, mode=0o600)

    @staticmethod
    def load(path: str | Path) -> Identity:
        """Errors as `read_secret`."""
        def parse(node: Node) -> Identity:
            parts = node.document(IDENTITY, {"name", "secret"})
            return Identity(parts["name"].text(NAME, "a name"),
                            require_scalar("secret", parts["secret"].decimal(1, SUBGROUP_ORDER - 1)))
        return read_secret(path, parse)


@dataclass(frozen=True)
class Roster:
    """Who shall share a key.

    context : 32 bytes, what the key is for (chain, contract, generation, hashed by it): its proof of possession binds
    it.  threshold : t, how many it takes.  members : 1 to n in this order.  previous : digest of the committee whose
    key they take over, if any.
    """

    context: bytes
    threshold: int
    members: tuple[Member, ...]
    previous: bytes | None = None

    def __post_init__(self) -> None:
        if not 2 <= self.threshold <= len(self.members) <= MOST_MEMBERS:
            raise BadInput("threshold and number of members", (self.threshold, len(self.members)),
                           f"2 <= threshold <= members <= {MOST_MEMBERS}")
        for what, values in (("name", [member.name for member in self.members]),
                             ("key", [point_text(member.key) for member in self.members])):
            for value in values:
                if values.count(value) > 1:
                    raise BadInput(f"{what} of two members", value, "one member's alone")

    @cached_property
    def digest(self) -> bytes:
        """Names this roster in every file that belongs to it."""
        return digest_of(self.to_json())

    @property
    def field_element(self) -> int:
        """The digest as what letters are bound to."""
        return int.from_bytes(self.digest, "big") % MODULUS

    def number_of(self, key: Point, source: str | Path | None = None) -> int:
        """Which member has this key.

        Raises
        ------
        BadInput : nobody.
        """
        for number, member in enumerate(self.members, 1):
            if member.key == key:
                return number
        raise BadInput("identity", point_text(key), "that of a member of the roster", source=source)

    def to_json(self) -> dict[str, Any]:
        return {"schema": ROSTER, "context": hexed(self.context), "threshold": self.threshold,
                "members": [member.to_json() for member in self.members],
                **({} if self.previous is None else {"previous": hexed(self.previous)})}

    @staticmethod
    def of(node: Node) -> Roster:
        """Every member's proof checked; errors as `Member.of`."""
        parts = node.document(ROSTER, {"context", "threshold", "members"}, {"previous"})
        members = tuple(Member.of(member) for member in parts["members"].array(at_least=2, at_most=MOST_MEMBERS))
        return Roster(read_bytes32(parts["context"]), parts["threshold"].integer(2, MOST_MEMBERS), members,
                      read_bytes32(parts["previous"]) if "previous" in parts else None)

    @staticmethod
    def load(path: str | Path) -> Roster:
        return Roster.of(Node.read(path))

    def save(self, path: str | Path) -> None:
        """To a new file."""
        jsonio.write(path, self.to_json())


def gathered(context: bytes, threshold: int, files: Sequence[str | Path], previous: bytes | None = None) -> Roster:
    """The roster of members' files, in their order."""
    return Roster(context, threshold, tuple(Member.of(Node.read(file), schema=True) for file in files), previous)
