"""Keccak digests: how sources, terms and shapes are named."""

from __future__ import annotations

from typing import Any

from primitives import jsonio


def keccak256(data: bytes) -> bytes:
    """Ethereum's Keccak-256, 32 bytes."""
    from eth_hash.auto import keccak

    return bytes(keccak(data))


def content_digest(data: bytes) -> str:
    """The name of a file's content: "0x" and 64 hex digits."""
    return "0x" + keccak256(data).hex()


def field_digest(value: Any) -> int:
    """keccak256 of the canonical JSON of a value >> 8, which makes it a field element: in [0, 2**248)."""
    return int.from_bytes(keccak256(jsonio.canonical(value)), "big") >> 8
