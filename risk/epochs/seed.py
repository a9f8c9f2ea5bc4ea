"""The seed of an epoch: it follows from what is published before it, so that nobody chooses it."""

from __future__ import annotations

from risk.exact.digests import keccak256

_DOMAIN = b"tailproof.seed/2"
_BITS = 52


def derived_seed(model: bytes, previous_root: int, valuation: int) -> int:
    """The top 52 bits of keccak256("tailproof.seed/2" || keccak256(model) || previous root || valuation).

    Parameters
    ----------
    model : the model file, which has no seed of its own.
    previous_root : root of the epoch before, 32 bytes big endian; 0 for the first.
    valuation : Unix seconds, 8 bytes big endian.
    """
    text = _DOMAIN + keccak256(model) + previous_root.to_bytes(32, "big") + valuation.to_bytes(8, "big")
    return int.from_bytes(keccak256(text), "big") >> (256 - _BITS)
