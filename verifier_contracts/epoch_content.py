"""What publishers sign of an epoch, and that they freeze one or release a leaf: EIP-712 messages of the `RiskOracle`.

A signature is good on one chain, for one oracle. Whoever has signed a content must sign no other with the same
`previous` before its deadline is over: two such signatures cost the stake (`Equivocation.sol`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak

from primitives.errors import BadInput
from primitives.jsonio import Node
from prover.curve import ORDER
from verifier_contracts.addresses import checksummed, read_bytes32
from verifier_contracts.eip712 import Domain

DOMAIN_NAME, DOMAIN_VERSION = "Tailproof RiskOracle", "1"
SCHEMA = "tailproof.epoch-content/1"
FIRST = bytes(32)
"""`previous` of the first epoch that an oracle publishes."""
MARK_BITS, MARK_LANES = 64, 4
LONGEST_DEADLINE = 3_600
"""Seconds from an epoch's id to its deadline, at most."""

_TYPES: Mapping[str, Sequence[tuple[str, str]]] = {
    "EpochContent": (("id", "uint40"), ("deadline", "uint40"), ("root", "bytes32"), ("modelId", "bytes32"),
                     ("dataRoot", "bytes32"), ("factorsHash", "bytes32"), ("marks", "uint256"), ("regime", "uint16"),
                     ("lagSeconds", "uint32"), ("previous", "bytes32")),
    "Freeze": (("epochId", "uint40"),),
    "Release": (("epochId", "uint40"), ("kind", "uint256"), ("leafId", "uint256")),
}
CONTENT_TYPEHASH = keccak(text="EpochContent(" + ",".join(f"{kind} {name}" for name, kind in _TYPES["EpochContent"])
                          + ")")


@dataclass(frozen=True)
class EpochContent:
    """An epoch as the oracle knows it.

    id : time of publication, seconds since 1970; deadline : last second at which it may be published.
    root : in (0, r).  model_id, data_root, factors_hash : 32 bytes, not 0.
    marks : of the first four underlyings, in 10⁻⁶ quote units below 2**64; 0 where there is none.
    regime : in [0, 2**16).  lag_seconds : that the scenarios cover, wall time, in [1, 2**32).
    previous : digest of the content published before, `FIRST` for the first.

    Raises
    ------
    BadInput : a field does not fit the type that the contract gives it.
    """

    id: int
    deadline: int
    root: int
    model_id: bytes
    data_root: bytes
    factors_hash: bytes
    marks: tuple[int, ...]
    regime: int
    lag_seconds: int
    previous: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "marks", (*self.marks, *[0] * (MARK_LANES - len(self.marks))))
        for name, low, high in (("id", 1, 1 << 40), ("deadline", self.id, self.id + LONGEST_DEADLINE + 1),
                                ("root", 1, ORDER), ("regime", 0, 1 << 16), ("lag_seconds", 1, 1 << 32)):
            if not low <= getattr(self, name) < high:
                raise BadInput(name, getattr(self, name), f"an integer in [{low}, {high})")
        for name in ("model_id", "data_root", "factors_hash", "previous"):
            value = getattr(self, name)
            if len(value) != 32 or (name != "previous" and not any(value)):
                raise BadInput(name, "0x" + value.hex(), "32 bytes" + ("" if name == "previous" else ", not 0"))
        if len(self.marks) != MARK_LANES or not all(0 <= mark < 1 << MARK_BITS for mark in self.marks):
            raise BadInput("marks", self.marks, f"at most {MARK_LANES} integers in [0, 2**{MARK_BITS})")

    def words(self) -> tuple[Any, ...]:
        """The struct as the ABI takes it."""
        marks = sum(mark << MARK_BITS * lane for lane, mark in enumerate(self.marks))
        return (self.id, self.deadline, self.root.to_bytes(32, "big"), self.model_id, self.data_root,
                self.factors_hash, marks, self.regime, self.lag_seconds, self.previous)

    @classmethod
    def of_words(cls, words: Sequence[Any]) -> EpochContent:
        """What `words` gives."""
        id, deadline, root, model, data, factors, marks, regime, lag, previous = words
        lanes = tuple(marks >> MARK_BITS * lane & (1 << MARK_BITS) - 1 for lane in range(MARK_LANES))
        return cls(id, deadline, int.from_bytes(root, "big"), bytes(model), bytes(data), bytes(factors), lanes, regime,
                   lag, bytes(previous))

    def digest(self) -> bytes:
        """hashStruct (EIP-712), which the next content names as `previous`."""
        encoded = [value if isinstance(value, bytes) else value.to_bytes(32, "big") for value in self.words()]
        return keccak(b"".join([CONTENT_TYPEHASH, *encoded]))

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "id": self.id, "deadline": self.deadline, "root": str(self.root),
                "model_id": "0x" + self.model_id.hex(), "data_root": "0x" + self.data_root.hex(),
                "factors_hash": "0x" + self.factors_hash.hex(), "marks": [str(mark) for mark in self.marks],
                "regime": self.regime, "lag_seconds": self.lag_seconds, "previous": "0x" + self.previous.hex()}

    @classmethod
    def from_json(cls, node: Node) -> EpochContent:
        """Read what `to_json` wrote; raises BadInput naming the field."""
        found = node.document(SCHEMA, {field.name for field in fields(cls)})
        marks = tuple(mark.decimal(0, (1 << MARK_BITS) - 1)
                      for mark in found["marks"].array(at_least=MARK_LANES, at_most=MARK_LANES))
        return cls(found["id"].integer(1, (1 << 40) - 1), found["deadline"].integer(1, (1 << 40) - 1),
                   found["root"].decimal(1, ORDER - 1), read_bytes32(found["model_id"]),
                   read_bytes32(found["data_root"]), read_bytes32(found["factors_hash"]), marks,
                   found["regime"].integer(0, (1 << 16) - 1), found["lag_seconds"].integer(1, (1 << 32) - 1),
                   read_bytes32(found["previous"]))


@dataclass(frozen=True)
class OracleDomain:
    """Which oracle a signature is for.  chain_id : EIP-155; oracle : its address."""

    chain_id: int
    oracle: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "oracle", checksummed(self.oracle, "oracle"))

    def content(self, content: EpochContent) -> dict[str, Any]:
        """The whole message of an epoch, as signers take it for `eth_signTypedData_v4`."""
        return self._message("EpochContent", *content.words())

    def freeze(self, epoch_id: int) -> dict[str, Any]:
        """That an epoch be frozen for good."""
        return self._message("Freeze", epoch_id)

    def release(self, epoch_id: int, kind: int, leaf_id: int) -> dict[str, Any]:
        """That nobody holds what a leaf was of, so that it may be missing."""
        return self._message("Release", epoch_id, kind, leaf_id)

    def _message(self, kind: str, *values: Any) -> dict[str, Any]:
        return Domain(DOMAIN_NAME, DOMAIN_VERSION, self.chain_id, self.oracle).message(kind, _TYPES[kind], values)


def signer_of(message: dict[str, Any], signature: bytes) -> str:
    """Who signed a message.

    Raises
    ------
    BadInput : the signature is none.
    """
    try:
        return str(Account.recover_message(encode_typed_data(full_message=message), signature=signature))
    except Exception:                                      # what eth-keys complains about differs by backend
        raise BadInput("signature", "0x" + signature.hex(), "65 bytes of an ECDSA signature") from None


def quorum(signatures: Mapping[str, bytes], signers: Sequence[str]) -> bytes:
    """Signatures as the oracle takes them: 66 bytes each, index, r, s, v, by rising index.

    Parameters
    ----------
    signatures : 65 bytes r, s, v by address.  signers : of the set, in the order of their indices.

    Raises
    ------
    BadInput : a signature is not of the set.
    """
    places = {checksummed(signer): index for index, signer in enumerate(signers)}
    ordered = []
    for signer, signature in signatures.items():
        if checksummed(signer) not in places:
            raise BadInput("signer", signer, "one of the set in force")
        ordered.append(bytes([places[checksummed(signer)]]) + signature)
    return b"".join(sorted(ordered))
