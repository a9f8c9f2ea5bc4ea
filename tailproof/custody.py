"""What keepers sign: a venue, that a commitment is to an account's positions; a custodian, that one is to its assets.

A commitment hides positions as well as it hides that there are none: whoever may choose both can prove solvency of
anything. So a proof is worth what those are worth who say whose commitments these are. Each says so of one account,
from a time to a time in which he lets nothing change it, by a signature of EIP-712 that no contract reads:

    Attestation(string kind,address account,uint256 commitment,uint40 asOf,uint40 until)
    Membership(address group,address account,uint40 place,uint256 commitment,uint40 asOf,uint40 until)
    Balances(uint40 epochNumber,uint256 root,uint40 asOf,uint40 until)

The second and third are a protocol's, for `netting`: that an account is in one group, at one place of its tree of
balances, and what its positions are; and the tree, for one epoch.

*Enforced here*: who signed what. *Taken on trust*: that a custodian has what he says, keeps it until then, and commits
to it once (A5); that a venue looked (A1); that a protocol gives an account one place and one group (A6, A7). Who signs
two commitments for one account counts assets twice.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, get_args

from eth_utils.crypto import keccak

from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed, read_address
from verifier_contracts.eip712 import message_off_chain
from verifier_contracts.signers import Signer

from .quorums import require_signature

DOMAIN_NAME, DOMAIN_VERSION = "Tailproof attestation", "1"
LATEST = 2**40 - 1
Kind = Literal["positions", "collateral"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_ACCOUNT = keccak(text="Account(address keeper,address account)")


def kept_by(keeper: str, account: str) -> int:
    """An account at a keeper, as statements bind it (`holder` of solvency, `member` of netting): keccak256 of type,
    keeper and account >> 8. What one keeper has of an account is so never shown as what another has of it."""
    words = [bytes(12) + bytes.fromhex(address[2:]) for address in (keeper, account)]
    return int.from_bytes(keccak(_ACCOUNT + b"".join(words)), "big") >> 8


@dataclass(frozen=True, kw_only=True)
class Word:
    """What a keeper signs.  Subclasses add fields and say how each is signed.

    signer : an address.  as_of, until : Unix seconds, first and last at which it is so.
    signature : 65 bytes r, s, v.

    Raises
    ------
    BadInput : a field out of bounds, an end before the beginning, or an account that attests for itself.
    """

    SCHEMA: ClassVar[str]
    STRUCT: ClassVar[str]
    SIGNED: ClassVar[Mapping[str, str]]
    """Fields in the order in which they are signed, before the two times, with their Solidity types."""

    signer: str
    as_of: int
    until: int
    signature: bytes = b""

    def __post_init__(self) -> None:
        object.__setattr__(self, "signer", checksummed(self.signer, "signer"))
        for name, kind in self.SIGNED.items():
            if kind == "address":
                object.__setattr__(self, name, checksummed(getattr(self, name), name))
                if getattr(self, name) == self.signer:
                    raise BadInput("signer", self.signer, f"another than the {name}: nobody attests for herself")
            elif kind == "uint256" and not 0 < getattr(self, name) < MODULUS:
                raise BadInput(name, getattr(self, name), "an integer in [1, r - 1]")
            elif kind == "uint40" and not 0 <= getattr(self, name) <= LATEST:
                raise BadInput(name, getattr(self, name), "an integer in [0, 2**40)")
        if not 0 <= self.as_of <= self.until <= LATEST:
            raise BadInput("until", self.until, f"at or after {self.as_of}, from when on it is so, and below 2**40")

    @property
    def message(self) -> dict[str, Any]:
        """What is signed."""
        types = {**self.SIGNED, "as_of": "uint40", "until": "uint40"}
        return message_off_chain(DOMAIN_NAME, DOMAIN_VERSION, self.STRUCT, [
            (_camel(name), kind) for name, kind in types.items()], [getattr(self, name) for name in types])

    def signed(self, signer: Signer) -> Self:
        """The same, signed; raises BadInput where the signer is another, or what it raises."""
        made = replace(self, signature=signer.sign_message(self.message))
        made.require_signed()
        return made

    def require_signed(self) -> None:
        """Refuse a signature that is not the signer's, or of two forms that one could have; raises BadInput."""
        require_signature(self.message, self.signer, self.signature)

    def to_json(self) -> dict[str, Any]:
        texts = {name: str(getattr(self, name)) if kind == "uint256" else getattr(self, name)
                 for name, kind in self.SIGNED.items()}
        return {"schema": self.SCHEMA, "signer": self.signer, **texts, "as_of": self.as_of, "until": self.until,
                "signature": "0x" + self.signature.hex()}

    def save(self, path: Path) -> None:
        """Write it for the account's owner."""
        jsonio.write(path, self.to_json())

    @classmethod
    def of(cls, node: Node) -> Self:
        """One at a place in a document; its signature is not looked at."""
        parts = node.document(cls.SCHEMA, {field.name for field in fields(cls)})
        found: dict[str, Any] = {name: _READ[kind](parts[name]) for name, kind in cls.SIGNED.items()}
        return cls(signer=read_address(parts["signer"]), as_of=parts["as_of"].integer(0, LATEST),
                   until=parts["until"].integer(0, LATEST), signature=bytes.fromhex(
                       parts["signature"].text(r"0x[0-9a-f]{130}", "0x and 130 hex digits")[2:]), **found)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote, signed by whom it says; raises BadInput naming the field."""
        try:
            made = cls.of(Node.read(path))
            made.require_signed()
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=path) from None
        return made


_READ: Mapping[str, Callable[[Node], Any]] = {
    "address": read_address, "uint256": lambda node: node.decimal(1, MODULUS - 1),
    "uint40": lambda node: node.integer(0, LATEST), "string": lambda node: node.choice(KINDS)}


@dataclass(frozen=True, kw_only=True)
class Attestation(Word):
    """A venue's or a custodian's about one account.  kind : whether `commitment` is to positions or to collateral."""

    SCHEMA = "tailproof.attestation/1"
    STRUCT = "Attestation"
    SIGNED: ClassVar[Mapping[str, str]] = {"kind": "string", "account": "address", "commitment": "uint256"}

    kind: Kind
    account: str
    commitment: int


@dataclass(frozen=True, kw_only=True)
class Membership(Word):
    """A protocol's about one account of its own.

    group : whose group it is in, and in no other, an address.  place : in the protocol's trees of balances, in all
    epochs.  commitment : to its positions.
    """

    SCHEMA = "tailproof.membership/1"
    STRUCT = "Membership"
    SIGNED: ClassVar[Mapping[str, str]] = {"group": "address", "account": "address", "place": "uint40",
                                           "commitment": "uint256"}

    group: str
    account: str
    place: int
    commitment: int


@dataclass(frozen=True, kw_only=True)
class BalanceRoot(Word):
    """A protocol's about all of its accounts: the root of the tree of what it keeps for them, for one epoch."""

    SCHEMA = "tailproof.balance-root/1"
    STRUCT = "Balances"
    SIGNED: ClassVar[Mapping[str, str]] = {"epoch_number": "uint40", "root": "uint256"}

    epoch_number: int
    root: int


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
