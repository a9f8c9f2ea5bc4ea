"""BLAKE2b-512 (RFC 7693) continued from a saved state, which `hashlib` cannot do: `.ptau` files hold such states."""

from __future__ import annotations

import struct

from primitives.errors import BadInput

BLOCK = 128
_MASK = 2**64 - 1
_IV = (0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
       0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179)
_ORDERS = [[int(digit, 16) for digit in order] for order in (
    "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
    "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
    "0123456789abcdef", "ea489fd61c02b753")]
_MIXES = ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
          (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14))


def digest_from_state(state: bytes, more: bytes) -> bytes:
    """The 64-byte digest of what led to the state, followed by `more`.

    Parameters
    ----------
    state : the last, unfinished block (128 bytes); eight words of chaining value; the bytes compressed so far; the
        bytes of the block that are filled. All words are 64 bits, little endian.

    Raises
    ------
    BadInput : the block is said to hold more bytes than it can.
    """
    *chain, compressed, filled = struct.unpack("<10Q", state[BLOCK:BLOCK + 80])
    if filled > BLOCK or compressed % BLOCK:
        raise BadInput("hash state", (compressed, filled), "whole blocks, and at most one begun")
    data = state[:filled] + more
    last = max(0, (len(data) - 1) // BLOCK * BLOCK)        # the last block, full or not, is compressed as such
    for start in range(0, last, BLOCK):
        compressed += BLOCK
        chain = _compress(chain, data[start:start + BLOCK], compressed, False)
    final = data[last:]
    chain = _compress(chain, final + bytes(BLOCK - len(final)), compressed + len(final), True)
    return struct.pack("<8Q", *chain)


def _compress(chain: list[int], block: bytes, count: int, final: bool) -> list[int]:
    words, v = struct.unpack("<16Q", block), [*chain, *_IV]
    v[12] ^= count & _MASK
    v[13] ^= count >> 64
    if final:
        v[14] ^= _MASK
    for order in _ORDERS:
        for i, (a, b, c, d) in enumerate(_MIXES):
            v[a] = (v[a] + v[b] + words[order[2 * i]]) & _MASK
            v[d] = _rotate(v[d] ^ v[a], 32)
            v[c] = (v[c] + v[d]) & _MASK
            v[b] = _rotate(v[b] ^ v[c], 24)
            v[a] = (v[a] + v[b] + words[order[2 * i + 1]]) & _MASK
            v[d] = _rotate(v[d] ^ v[a], 16)
            v[c] = (v[c] + v[d]) & _MASK
            v[b] = _rotate(v[b] ^ v[c], 63)
    return [x ^ y ^ z for x, y, z in zip(chain, v[:8], v[8:], strict=True)]


def _rotate(word: int, places: int) -> int:
    return (word >> places | word << 64 - places) & _MASK
