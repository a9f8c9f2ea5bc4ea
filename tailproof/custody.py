"""What keepers sign: a venue, that a commitment is to an account's positions; a custodian, that one is to its assets.

A commitment hides positions as well as it hides that there are none: whoever may choose both can prove solvency of
anything. So a proof is worth what those are worth who say whose commitments these are. Each says so of one account,
from a time to a time in which he lets nothing change it, by a signature of EIP-712 that no contract reads:

    Attestation(string kind,address account,uint256 commitment,uint256 asOf,uint256 until)

*Enforced here*: who signed what. *Taken on trust*: that a custodian has what he says, keeps it until then, and commits
to it once (A5); that a venue looked (A1). A custodian who signs two commitments for one account counts assets twice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from eth_utils.crypto import keccak

from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed, read_address
from verifier_contracts.eip712 import message_off_chain
from verifier_contracts.signers import Signer

from .quorums import require_signature

SCHEMA = "tailproof.attestation/1"
DOMAIN_NAME, DOMAIN_VERSION = "Tailproof attestation", "1"
LATEST = 2**40 - 1
Kind = Literal["positions", "collateral"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_FIELDS = (("kind", "string"), ("account", "address"), ("commitment", "uint256"), ("asOf", "uint256"),
           ("until", "uint256"))
_ACCOUNT = keccak(text="Account(address keeper,address account)")


def kept_by(keeper: str, account: str) -> int:
    """An account at a keeper, as statements bind it (`holder` of solvency, `member` of netting): keccak256 of type,
    keeper and account >> 8. What one keeper has of an account is so never shown as what another has of it."""
    words = [bytes(12) + bytes.fromhex(address[2:]) for address in (keeper, account)]
    return int.from_bytes(keccak(_ACCOUNT + b"".join(words)), "big") >> 8


@dataclass(frozen=True)
class Attestation:
    """A keeper's word about one account.

    kind : whether `commitment` is to positions or to collateral.  signer, account : addresses.
    as_of, until : Unix seconds, first and last at which it is so.  signature : 65 bytes r, s, v.

    Raises
    ------
    BadInput : a field out of bounds, an end before the beginning, or an account that attests for itself.
    """

    kind: Kind
    signer: str
    account: str
    commitment: int
    as_of: int
    until: int
    signature: bytes

    def __post_init__(self) -> None:
        for name in ("signer", "account"):
            object.__setattr__(self, name, checksummed(getattr(self, name), name))
        if self.signer == self.account:
            raise BadInput("signer", self.signer, "another than the account: nobody attests for herself")
        if not 0 < self.commitment < MODULUS:
            raise BadInput("commitment", self.commitment, "an integer in [1, r - 1]")
        if not 0 <= self.as_of <= self.until <= LATEST:
            raise BadInput("until", self.until, f"at or after {self.as_of}, from when on it is so, and below 2**40")

    @property
    def message(self) -> dict[str, Any]:
        """What is signed."""
        return _message(self.kind, self.account, self.commitment, self.as_of, self.until)

    def require_signed(self) -> None:
        """Refuse a signature that is not the signer's, or of two forms that one could have; raises BadInput."""
        require_signature(self.message, self.signer, self.signature)

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": self.kind, "signer": self.signer, "account": self.account,
                "commitment": str(self.commitment), "as_of": self.as_of, "until": self.until,
                "signature": "0x" + self.signature.hex()}

    def save(self, path: Path) -> None:
        """Write it for the account's owner."""
        jsonio.write(path, self.to_json())

    @staticmethod
    def load(path: Path) -> Attestation:
        """Read what `save` wrote, signed by whom it says; raises BadInput naming the field."""
        try:
            made = Attestation.of(Node.read(path))
            made.require_signed()
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=path) from None
        return made

    @staticmethod
    def of(node: Node) -> Attestation:
        """One at a place in a document; its signature is not looked at."""
        parts = node.document(SCHEMA, {field.name for field in fields(Attestation)})
        kind = parts["kind"].choice(KINDS)
        return Attestation(
            "positions" if kind == "positions" else "collateral", read_address(parts["signer"]),
            read_address(parts["account"]), parts["commitment"].decimal(1, MODULUS - 1),
            parts["as_of"].integer(0, LATEST), parts["until"].integer(0, LATEST),
            bytes.fromhex(parts["signature"].text(r"0x[0-9a-f]{130}", "0x and 130 hex digits")[2:]))


def attest(kind: Kind, account: str, commitment: int, as_of: int, until: int, signer: Signer) -> Attestation:
    """Sign what is kept of an account; raises BadInput as `Attestation`, or what the signer raises."""
    unsigned = Attestation(kind, signer.address, account, commitment, as_of, until, b"")
    made = Attestation(kind, signer.address, account, commitment, as_of, until, signer.sign_message(unsigned.message))
    made.require_signed()
    return made


def _message(kind: str, account: str, commitment: int, as_of: int, until: int) -> dict[str, Any]:
    return message_off_chain(DOMAIN_NAME, DOMAIN_VERSION, "Attestation", _FIELDS,
                             [kind, account, commitment, as_of, until])
