"""How the ceremony's hashes and beacons become scalars and points: iden3's choices, on which interoperation hangs.

A 32-byte seed keys ChaCha20 (RFC 8439, with a 64-bit counter and a zero nonce); its output is read as big-endian pairs
of little-endian words. Field elements are drawn by rejection, and, as drawn, are taken to be in Montgomery form.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable, Iterator

from primitives.errors import BadInput
from prover.ceremony.transcript import Beacon
from prover.compressed import square_root_fp, square_root_fp2
from prover.curve import (
    BASE_MODULUS,
    G1,
    G2,
    G2_GROUP,
    ORDER,
    TWIST_COFACTOR,
    F,
    Group,
    multiply_fp2,
)

LEAST_ITERATIONS, MOST_ITERATIONS = 10, 26
"""log2 of a beacon's SHA-256 iterations: snarkjs makes none with fewer; these take half a minute to check, and no
ceremony we know of had more than 2**10. A file that asks for more may have been made to keep its reader busy."""

HASHED_AT_ONCE = 1 << 20        # between two reports

_Q = BASE_MODULUS


class Stream:
    """ChaCha20 output, and what is drawn from it."""

    def __init__(self, seed: bytes) -> None:
        self._words = _chacha(struct.unpack(">8I", seed[:32]))

    def word(self) -> int:
        """The next 32 bits."""
        return next(self._words)

    def element(self, modulus: int) -> int:
        """A field element."""
        while True:
            value = sum((self.word() << 32 | self.word()) << 64 * i for i in range(4)) & ((1 << 254) - 1)
            if value < modulus:
                return value * pow(1 << 256, -1, modulus) % modulus

    def scalar(self) -> int:
        return self.element(ORDER)

    def point_g1(self) -> G1:
        """A point of G1: an x until there is a y, whose sign is another bit."""
        while True:
            x, greater = self.element(_Q), bool(self.word() & 1)
            y = square_root_fp((x * x * x + 3) % _Q)
            if y is not None:
                return x, y if (y > _Q // 2) == greater else -y % _Q

    def point_g2(self) -> G2:
        """A point of the twist, moved into the subgroup by the cofactor."""
        field = G2_GROUP.field
        while True:
            x, greater = (self.element(_Q), self.element(_Q)), bool(self.word() & 1)
            y = square_root_fp2(field.add(multiply_fp2(multiply_fp2(x, x), x), G2_GROUP.b))
            if y is not None:
                point = (x, y if ((y[1] or y[0]) > _Q // 2) == greater else field.subtract((0, 0), y))
                return finite(G2_GROUP, G2_GROUP.multiply(point, TWIST_COFACTOR))


def _chacha(key: tuple[int, ...]) -> Iterator[int]:
    counter = 0
    while True:
        start = [0x61707865, 0x3320646E, 0x79622D32, 0x6B206574, *key, counter & 0xFFFFFFFF, counter >> 32, 0, 0]
        state = list(start)
        for _ in range(10):
            for a, b, c, d in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                               (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
                for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
                    state[x] = (state[x] + state[y]) & 0xFFFFFFFF
                    mixed = state[z] ^ state[x]
                    state[z] = (mixed << turn | mixed >> 32 - turn) & 0xFFFFFFFF
        yield from ((x + y) & 0xFFFFFFFF for x, y in zip(state, start, strict=True))
        counter += 1


def hash_to_g2(digest: bytes) -> G2:
    """The point of G2, of unknown logarithm, that a digest stands for."""
    return Stream(digest).point_g2()


def beacon_stream(beacon: Beacon, progress: Callable[[int, int], None] | None = None) -> Stream:
    """What a beacon decides: its value, hashed 2**iterations times with SHA-256.

    Parameters
    ----------
    progress : called with (hashes done, hashes in all).

    Raises
    ------
    BadInput : an empty value, or iterations out of bounds.
    """
    if not 0 < len(beacon.value) < 256:
        raise BadInput("beacon", beacon.value.hex(), "of 1 to 255 bytes")
    if not LEAST_ITERATIONS <= beacon.iterations <= MOST_ITERATIONS:
        raise BadInput("beacon iterations", beacon.iterations, f"in [{LEAST_ITERATIONS}, {MOST_ITERATIONS}] (as log2)")
    value, total = beacon.value, 1 << beacon.iterations
    for done in range(0, total, HASHED_AT_ONCE):
        if progress is not None:
            progress(done, total)
        for _ in range(min(HASHED_AT_ONCE, total - done)):
            value = hashlib.sha256(value).digest()
    return Stream(value)


def finite(group: Group[F], point: tuple[F, F] | None) -> tuple[F, F]:
    """A point that only bad luck of 1 in r can make infinity."""
    if point is None:
        raise ArithmeticError(f"infinity in {group.name}: a secret or a hash was zero")
    return point
