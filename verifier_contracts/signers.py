"""Who signs: a key in this process, or a signer behind JSON-RPC that keeps its key to itself.

A remote signer is asked to sign, never to send, and is not believed: what it returns is taken apart, and each field
must be what was asked for. So one that is broken, or that somebody else commands, can refuse, and no more: another
recipient, value, chain, nonce, fee or calldata never reaches a node.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import rlp
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_account.signers.local import LocalAccount
from eth_keys.constants import SECPK1_N
from eth_utils.crypto import keccak

from primitives.errors import BadInput, Said
from verifier_contracts.addresses import checksummed
from verifier_contracts.answers import accounts, anything, octets
from verifier_contracts.errors import AnswerRefused, NodeError, SignedOtherwise
from verifier_contracts.node import HTTP, Node, Transport

SIGNER_SECONDS = 300.0
"""For which a remote signer may think: somebody may have to press a button."""
_TRANSACTION = ("eth_signTransaction", "account_signTransaction")
_TYPED_DATA = ("eth_signTypedData_v4", "eth_signTypedData", "account_signTypedData")
_UNKNOWN_METHOD = -32601
_FEE_MARKET = 2
"""EIP-2718 type of the transactions of EIP-1559."""
_NAMES = {
    _FEE_MARKET: ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas", "to", "value", "data",
                  "accessList"),
    0: ("nonce", "gasPrice", "gas", "to", "value", "data"),
}


class Signer(Protocol):
    """One account's key, wherever it is."""

    @property
    def address(self) -> str:
        """With checksum."""

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes:
        """A transaction as it goes over the wire.

        fields : chainId, nonce, gas, value (integers); to (absent: a creation), data (0x-hex); maxFeePerGas and
            maxPriorityFeePerGas, or gasPrice.
        """

    def sign_message(self, message: Mapping[str, Any]) -> bytes:
        """65 bytes r, s, v (27 or 28) over an EIP-712 message as `eip712.Domain.message` makes it, s low."""


class LocalSigner:
    """A key in this process."""

    def __init__(self, account: LocalAccount) -> None:
        self._account, self.address = account, str(account.address)

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes:
        return bytes(self._account.sign_transaction(dict(fields)).raw_transaction)

    def sign_message(self, message: Mapping[str, Any]) -> bytes:
        return bytes(self._account.sign_message(encode_typed_data(full_message=dict(message))).signature)


class RemoteSigner:
    """A signer that speaks JSON-RPC: web3signer, clef, or a node that signs without sending.

    Parameters
    ----------
    address : as whom to sign; None: the signer has one account, and says which.

    Raises
    ------
    BadInput : it has none or several, and none was named.
    NodeError : nobody answers there.
    """

    def __init__(self, transport: Transport, address: str | None = None) -> None:
        self._node = Node(transport)
        self.name = transport.name
        if address is None:
            held: tuple[str, ...] = self._node.ask_optional("eth_accounts", read=accounts, default=())
            if len(held) != 1:
                raise BadInput("account of the signer", ", ".join(held) or None, "named (--from): it "
                               f"has {len(held) or 'told us none'}", source=self.name)
            address = held[0]
        self.address = str(checksummed(address, "account of the signer"))

    @staticmethod
    def connect(url: str, address: str | None = None) -> RemoteSigner:
        """The signer behind a URL."""
        return RemoteSigner(HTTP(url, endpoint_name(url, "signer's URL")), address)

    def sign_transaction(self, fields: Mapping[str, Any]) -> bytes:
        """Raises `SignedOtherwise` where the result is not exactly what was asked for, or not by this account."""
        asked = {"from": self.address, **{name: hex(value) if isinstance(value, int) else value
                                          for name, value in fields.items()}}
        raw = self._ask(_TRANSACTION, asked, read=_raw_transaction)
        self._require_same(raw, fields)
        return raw

    def sign_message(self, message: Mapping[str, Any]) -> bytes:
        """Raises `SignedOtherwise` where the signature is not by this account, of this message."""
        signature = self._ask(_TYPED_DATA, self.address, _plain(message), read=octets)
        if len(signature) == 65 and signature[64] in (0, 1):
            signature = signature[:64] + bytes([27 + signature[64]])
        try:
            found = Account.recover_message(encode_typed_data(full_message=dict(message)), signature=signature)
        except Exception:                          # what eth-keys complains about differs by backend
            found = None
        if len(signature) != 65 or found != self.address:
            raise SignedOtherwise(self.name, "signature", "0x" + signature.hex(), f"by {self.address}, of the message "
                                  "that was asked for")
        if 2 * int.from_bytes(signature[32:64], "big") > SECPK1_N:
            raise SignedOtherwise(self.name, "s", "above half of the curve's order", "low")
        return signature

    def _ask(self, methods: tuple[str, ...], *params: Any, read: Any) -> bytes:
        """By the first of some names that the signer knows."""
        for method in methods:
            try:
                return bytes(self._node.once(method, *params, read=read, seconds=SIGNER_SECONDS))
            except AnswerRefused as refused:
                code = refused.error.get("code") if isinstance(refused.error, Mapping) else None
                if code != _UNKNOWN_METHOD:
                    raise NodeError(self.name, f"did not sign: {refused.message[:300]}", method=method) from None
        raise NodeError(self.name, f"is no signer: it knows none of {', '.join(methods)}")

    def _require_same(self, raw: bytes, fields: Mapping[str, Any]) -> None:
        """Hold a signed transaction against what was asked for, field by field."""
        kind = _FEE_MARKET if "maxFeePerGas" in fields else 0
        names = _NAMES[kind]
        try:
            if kind and raw[0] != kind:
                raise ValueError
            parts = rlp.decode(raw[1:] if kind else raw)
            if len(parts) != len(names) + 3 or rlp.encode(parts) != (raw[1:] if kind else raw):
                raise ValueError
            values = [*parts[:len(names)]]
            v, _, s = (int.from_bytes(part, "big") for part in parts[len(names):])
        except (rlp.DecodingError, ValueError, IndexError, TypeError):
            raise SignedOtherwise(self.name, "transaction", "0x" + raw.hex()[:80], f"of type {kind}, whole") from None
        for name, found in zip(names, values, strict=True):
            wanted = _encoded(fields.get(name, [] if name == "accessList" else b""))
            if found != wanted:
                raise SignedOtherwise(self.name, name, _shown(found), _shown(wanted))
        chain = int(fields["chainId"])
        if not kind and v not in (2 * chain + 35, 2 * chain + 36):
            raise SignedOtherwise(self.name, "chainId", f"v = {v}", f"{chain}, in v (EIP-155)")
        if 2 * s > SECPK1_N:
            raise SignedOtherwise(self.name, "s", "above half of the curve's order", "low")
        try:
            signer = str(Account.recover_transaction(raw))
        except Exception:                          # what eth-keys complains about differs by backend
            signer = "nobody"
        if signer != self.address:
            raise SignedOtherwise(self.name, "signature", f"by {signer}", f"by {self.address}")


def endpoint_name(url: str, field: str = "RPC URL") -> str:
    """scheme://host:port of a JSON-RPC URL, which alone may be shown: the path may hold a provider's secret.

    Raises
    ------
    BadInput : it is none; what was given is not shown, since it may be a key in the wrong place.
    """
    try:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https") and parts.hostname:
            return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
    except ValueError:
        pass
    scheme = re.match(r"[a-z]{1,9}:", url)
    raise BadInput(field, Said(f"{scheme[0] if scheme else ''}…"), "an http:// or https:// URL with a host")


def transaction_hash(raw: bytes) -> str:
    """Of a signed transaction: keccak256 of its bytes (EIP-2718)."""
    return "0x" + keccak(raw).hex()


def _raw_transaction(value: Any) -> bytes:
    """From web3signer's answer, the bytes; from geth's and clef's, an object that holds them."""
    return octets(value.get("raw") if isinstance(value, Mapping) else value)


def _encoded(value: Any) -> Any:
    """A field as RLP holds it."""
    if isinstance(value, int):
        return value.to_bytes((value.bit_length() + 7) // 8, "big")
    return bytes.fromhex(value[2:]) if isinstance(value, str) else value


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(anything(value))


def _plain(value: Any) -> Any:
    """A message as JSON: bytes in hex, integers that readers may round as decimal strings."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return str(value) if isinstance(value, int) and not isinstance(value, bool) and value >= 1 << 53 else value
