"""A bidder's file of a committed price: whoever has it knows the price, and nobody can reveal without it."""

from __future__ import annotations

import secrets
from pathlib import Path

from primitives import jsonio
from primitives.errors import BadInput
from verifier_contracts.addresses import read_address, read_bytes32
from verifier_contracts.auction import LARGEST_PRICE, SealedPrice
from verifier_contracts.chain import LARGEST_CHAIN_ID

from .secret import require_private

SCHEMA = "tailproof.sealed-bid/1"


def draw_bid_salt() -> bytes:
    """32 bytes from the operating system's randomness: prices are few, and the salt alone hides one."""
    return secrets.token_bytes(32)


def save_sealed_bid(bid: SealedPrice, path: str | Path) -> None:
    """Write with mode 0600, and never over an existing file: losing a salt means losing the bond."""
    jsonio.write(path, {
        "schema": SCHEMA, "chain_id": bid.chain_id, "house": bid.house, "lot_id": str(bid.lot_id),
        "lot": "0x" + bid.digest.hex(), "bidder": bid.bidder, "price": str(bid.price), "salt": "0x" + bid.salt.hex()},
        mode=0o600)


def load_sealed_bid(path: str | Path) -> SealedPrice:
    """Read a bid.

    Raises
    ------
    BadInput : it is not exactly one, or others than its owner may read it. No value in it is shown.
    """
    require_private(path, "bid file", "the price")
    try:
        return _parse(jsonio.Node.read(path))
    except BadInput as error:
        if error.field == "file":                      # says why it cannot be read
            raise
        raise BadInput(error.field, "(hidden)", error.bound, source=error.source) from None


def _parse(document: jsonio.Node) -> SealedPrice:
    parts = document.document(SCHEMA, {"chain_id", "house", "lot_id", "lot", "bidder", "price", "salt"})
    return SealedPrice(
        parts["chain_id"].integer(1, LARGEST_CHAIN_ID), read_address(parts["house"]),
        parts["lot_id"].decimal(1, (1 << 256) - 1), read_bytes32(parts["lot"]), read_address(parts["bidder"]),
        parts["price"].decimal(-LARGEST_PRICE - 1, LARGEST_PRICE), read_bytes32(parts["salt"]))
