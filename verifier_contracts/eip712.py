"""Typed messages that people sign: EIP-712, with the domain that every contract here has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount

_DOMAIN = (("name", "string"), ("version", "string"), ("chainId", "uint256"), ("verifyingContract", "address"))


@dataclass(frozen=True)
class Domain:
    """Where a signature is good.  name, version : the contract's constants; chain_id : EIP-155; contract : address."""

    name: str
    version: str
    chain_id: int
    contract: str

    def message(self, kind: str, fields: Sequence[tuple[str, str]], values: Sequence[Any]) -> dict[str, Any]:
        """The whole message, as wallets take it for `eth_signTypedData_v4`.

        kind : name of the struct; fields : its names and Solidity types, in order; values : of each field.
        """
        return {
            "types": {"EIP712Domain": _named(_DOMAIN), kind: _named(fields)},
            "primaryType": kind,
            "domain": {"name": self.name, "version": self.version, "chainId": self.chain_id,
                       "verifyingContract": self.contract},
            "message": dict(zip((name for name, _ in fields), values, strict=True)),
        }


def message_off_chain(name: str, version: str, kind: str, fields: Sequence[tuple[str, str]], values: Sequence[Any]
                      ) -> dict[str, Any]:
    """A message that no contract reads: its domain has a name and a version, and neither chain nor contract, both of
    which EIP-712 leaves open. It is no message of any contract: those of all contracts here have both."""
    return {
        "types": {"EIP712Domain": _named(_DOMAIN[:2]), kind: _named(fields)},
        "primaryType": kind,
        "domain": {"name": name, "version": version},
        "message": dict(zip((field for field, _ in fields), values, strict=True)),
    }


def sign(message: Mapping[str, Any], key: LocalAccount) -> bytes:
    """65 bytes r, s, v of whose key is at hand."""
    return bytes(key.sign_message(encode_typed_data(full_message=dict(message))).signature)


def _named(fields: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, kind in fields]
