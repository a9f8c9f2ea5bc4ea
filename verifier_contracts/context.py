"""What a proof is good for: the public input `context` (STATEMENT A3), computed off chain as the contract does.

    context = keccak256(abi.encode(TYPEHASH, keccak256(statement), chainid, manager, keyDigest, account, epochId,
                                   version, actionHash)) >> 8

Each field stops one replay: statement a proof shown where another is asked for, chain and manager another deployment,
key digest a proof from before a rotation, account a copied commitment, epoch an equal root that is published again,
version a commitment that comes back, action a proof meant for something else. The shift makes the hash a field element.

The statement is the *slot* that a proof is for, not the preset that fills it. Keys tell presets apart already, but only
as long as no key serves two slots: `cover` has as many public inputs as `margin`, and an action of one would be an
action of the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from primitives.errors import BadInput
from primitives.jsonio import Node
from verifier_contracts.addresses import checksummed, read_address, read_bytes32

TYPE = ("Attest(bytes32 statement,uint256 chainid,address manager,bytes32 keyDigest,address account,uint256 epochId,"
        "uint256 version,bytes32 actionHash)")
TYPEHASH = keccak(text=TYPE)
STATEMENTS = ("margin", "solvency", "netting", "transition", "batch", "cover", "flat", "leaf-field",
              "leaf-field-asset", "leaf-field-mark", "escrow", "delivery", "disclose")
"""What a proof may be of: the first part of the names of statements, which contexts hold as its keccak256. Leaves of
assets and of marks have circuits of their own, and so slots; `delivery` is an escrow to a shortlist's keys."""
MARGIN = "margin"
"""What `MarginLedger.attest` takes."""
ATTESTATION = bytes(32)
"""`action_hash` of a proof that does nothing but attest a margin."""


@dataclass(frozen=True)
class Context:
    """The fields that `context` hashes.

    statement : one of STATEMENTS.
    chain_id : EIP-155; manager, account : addresses, 0x-hex; key_digest, action_hash : 32 bytes;
    epoch_id : time of publication in seconds; version : of the account's state.

    Raises
    ------
    BadInput : a field does not fit the type that the contract gives it.
    """

    statement: str
    chain_id: int
    manager: str
    key_digest: bytes
    account: str
    epoch_id: int
    version: int
    action_hash: bytes = ATTESTATION

    def __post_init__(self) -> None:
        if self.statement not in STATEMENTS:
            raise BadInput("statement", self.statement, f"one of {', '.join(STATEMENTS)}")
        for name, bits in (("chain_id", 256), ("epoch_id", 40), ("version", 40)):
            if not 0 <= getattr(self, name) < 1 << bits:
                raise BadInput(name, getattr(self, name), f"an integer in [0, 2**{bits})")
        for name in ("manager", "account"):
            object.__setattr__(self, name, checksummed(getattr(self, name), name))
        for name in ("key_digest", "action_hash"):
            if len(getattr(self, name)) != 32:
                raise BadInput(name, getattr(self, name), "32 bytes")

    def field_element(self) -> int:
        """The public input, below 2**248 and so below r."""
        words = (TYPEHASH, keccak(text=self.statement), _word(self.chain_id), _address_word(self.manager),
                 self.key_digest, _address_word(self.account), _word(self.epoch_id), _word(self.version),
                 self.action_hash)
        return int.from_bytes(keccak(b"".join(words)), "big") >> 8

    def to_json(self) -> dict[str, Any]:
        """As `from_json` reads it."""
        return {"statement": self.statement, "chain_id": self.chain_id, "manager": self.manager,
                "key_digest": "0x" + self.key_digest.hex(), "account": self.account,
                "epoch_id": self.epoch_id, "version": self.version, "action_hash": "0x" + self.action_hash.hex()}

    @staticmethod
    def from_json(data: Any, *, source: str | None = None) -> Context:
        """Read what `to_json` wrote; raises BadInput naming the field."""
        node = data if isinstance(data, Node) else Node(data, field="context", source=source)
        fields = node.object({"statement", "chain_id", "manager", "key_digest", "account", "epoch_id", "version",
                              "action_hash"})
        return Context(fields["statement"].choice(STATEMENTS), fields["chain_id"].integer(0, (1 << 53) - 1),
                       read_address(fields["manager"]),
                       read_bytes32(fields["key_digest"]), read_address(fields["account"]),
                       fields["epoch_id"].integer(0, (1 << 40) - 1), fields["version"].integer(0, (1 << 40) - 1),
                       read_bytes32(fields["action_hash"]))


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _address_word(value: str) -> bytes:
    return bytes(12) + bytes.fromhex(value[2:])
