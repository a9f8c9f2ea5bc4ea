"""Addresses as strings, with the checksum of EIP-55."""

from __future__ import annotations

from pathlib import Path

from eth_typing import ChecksumAddress
from eth_utils.address import to_checksum_address

from primitives.errors import BadInput
from primitives.jsonio import Node


def checksummed(value: str, field: str = "address", *, source: str | Path | None = None) -> ChecksumAddress:
    """The address in mixed case; if it came in mixed case, its checksum must be right.

    Raises
    ------
    BadInput : it is no address, or mistyped.
    """
    try:
        result = to_checksum_address(value)
    except (ValueError, TypeError):
        raise BadInput(field, value, "an address: 0x and 40 hex digits", source=source) from None
    digits = value[2:]
    if digits not in (digits.lower(), digits.upper()) and value != result:
        raise BadInput(field, value, f"an address with the right checksum, as in {result}", source=source)
    return result


def read_address(node: Node) -> ChecksumAddress:
    """An address from JSON."""
    text = node.text(r"0x[0-9a-fA-F]{40}", "an address: 0x and 40 hex digits")
    return checksummed(text, node.field, source=node.source)


def read_bytes32(node: Node) -> bytes:
    """32 bytes from JSON."""
    return bytes.fromhex(node.text(r"0x[0-9a-f]{64}", "0x and 64 lower-case hex digits")[2:])
