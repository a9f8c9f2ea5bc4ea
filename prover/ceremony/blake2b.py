"""BLAKE2b-512 (RFC 7693) whose state can be kept and continued, unlike that of `hashlib`: `.ptau` files hold states."""

from __future__ import annotations

import struct

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.native import compiled

BLOCK = 128
STATE_BYTES = 216
_IV = np.array([0x6A09E667F3BCC908, 0xBB67AE8584CAA73B, 0x3C6EF372FE94F82B, 0xA54FF53A5F1D36F1,
                0x510E527FADE682D1, 0x9B05688C2B3E6C1F, 0x1F83D9ABFB41BD6B, 0x5BE0CD19137E2179], np.uint64)
_PARAMETERS = np.uint64(0x01010040)     # a digest of 64 bytes, no key, sequential
_ORDERS = np.array([[int(digit, 16) for digit in order] for order in (
    "0123456789abcdef", "ea489fd61c02b753", "b8c052fdae367194", "7931dcbe265a40f8", "905724afe1bc683d",
    "2c6a0b834d75fe19", "c51fed4a0763928b", "db7ec13950f4862a", "6fe9b308c2d714a5", "a2847615fb9e3cd0",
    "0123456789abcdef", "ea489fd61c02b753")], np.int64)
_MIXES = np.array([(0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                   (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)], np.int64)

Words = NDArray[np.uint64]


class State:
    """A hash that has begun: what was put in so far."""

    def __init__(self) -> None:
        self._chain, self._compressed, self._tail = _IV.copy(), 0, b""
        self._chain[0] ^= _PARAMETERS

    @classmethod
    def read(cls, content: bytes) -> State:
        """The state that `write` wrote.

        Parameters
        ----------
        content : the last, unfinished block (128 bytes); eight words of chaining value; the bytes compressed so far;
            the bytes of the block that are filled; eight bytes more. All words are 64 bits, little endian.

        Raises
        ------
        BadInput : the block is said to hold more bytes than it can.
        """
        *chain, compressed, filled = struct.unpack("<10Q", content[BLOCK:BLOCK + 80])
        if filled > BLOCK or compressed % BLOCK:
            raise BadInput("hash state", (compressed, filled), "whole blocks, and at most one begun")
        state = cls()
        state._chain[:], state._compressed, state._tail = chain, compressed, content[:filled]
        return state

    def write(self) -> bytes:
        """The state in STATE_BYTES, as `.ptau` files have it."""
        block = self._tail + bytes(BLOCK - len(self._tail))
        return block + struct.pack("<10Q", *self._chain.tolist(), self._compressed, len(self._tail)) + bytes(8)

    def update(self, data: bytes) -> None:
        """Put in more."""
        data = self._tail + data
        whole = max(0, (len(data) - 1) // BLOCK)           # the last block, full or not, waits: it may be the final one
        _compress(self._chain, _words(data, whole), self._compressed + BLOCK, 0, _IV, _ORDERS, _MIXES,
                  np.empty(16, np.uint64))
        self._compressed, self._tail = self._compressed + BLOCK * whole, data[BLOCK * whole:]

    def digest(self) -> bytes:
        """The 64-byte digest of all that was put in."""
        chain, final = self._chain.copy(), self._tail + bytes(BLOCK - len(self._tail))
        _compress(chain, _words(final, 1), self._compressed + len(self._tail), 1, _IV, _ORDERS, _MIXES,
                  np.empty(16, np.uint64))
        return chain.astype("<u8").tobytes()


def _words(data: bytes, blocks: int) -> Words:
    return np.frombuffer(data, "<u8", 16 * blocks).reshape(blocks, 16)


@compiled
def _compress(chain: Words, blocks: Words, count: int, final: int, iv: Words, orders: NDArray[np.int64],
              mixes: NDArray[np.int64], v: Words) -> None:
    """Blocks (n, 16) one after another; `count` is how many bytes there are up to the end of the first."""
    for block in range(blocks.shape[0]):
        for i in range(8):
            v[i], v[8 + i] = chain[i], iv[i]
        v[12] ^= np.uint64(count + 128 * block)            # 2**63 bytes are more than there will be
        if final:
            v[14] = ~v[14]
        for turn in range(12):
            for i in range(8):
                a, b, c, d = mixes[i, 0], mixes[i, 1], mixes[i, 2], mixes[i, 3]
                v[a] += v[b] + blocks[block, orders[turn, 2 * i]]
                x = v[d] ^ v[a]
                v[d] = x >> np.uint64(32) | x << np.uint64(32)
                v[c] += v[d]
                x = v[b] ^ v[c]
                v[b] = x >> np.uint64(24) | x << np.uint64(40)
                v[a] += v[b] + blocks[block, orders[turn, 2 * i + 1]]
                x = v[d] ^ v[a]
                v[d] = x >> np.uint64(16) | x << np.uint64(48)
                v[c] += v[d]
                x = v[b] ^ v[c]
                v[b] = x >> np.uint64(63) | x << np.uint64(1)
        for i in range(8):
            chain[i] ^= v[i] ^ v[8 + i]
