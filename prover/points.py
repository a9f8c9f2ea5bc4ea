"""Points as arrays: the form in which whole vectors of points are computed with and stored.

A vector of n points of G1 is an array (n, 2, 4), of G2 an array (n, 2, 2, 4), of dtype uint64: affine coordinates (in
G2 c0 before c1) as little-endian words, Montgomery form x * 2**256 mod q, fully reduced; the identity is all zeros.
These are the bytes of an iden3 `.zkey`, so a key's point sections are used as they lie in the file.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from prover.curve import BASE_MODULUS, G1, G2

PointArray: TypeAlias = NDArray[np.uint64]

_RADIX = (1 << 256) % BASE_MODULUS
_INVERSE_RADIX = pow(_RADIX, -1, BASE_MODULUS)


def encode_g1(points: Sequence[G1 | None]) -> PointArray:
    """Points of G1 on integers -> (n, 2, 4)."""
    return _words([value for point in points for value in point or (0, 0)]).reshape(-1, 2, 4)


def encode_g2(points: Sequence[G2 | None]) -> PointArray:
    """Points of G2 on integers -> (n, 2, 2, 4)."""
    flat = [value for point in points for part in point or ((0, 0), (0, 0)) for value in part]
    return _words(flat).reshape(-1, 2, 2, 4)


def decode_g1(array: PointArray) -> list[G1 | None]:
    """(n, 2, 4) -> points of G1 on integers."""
    values = base_integers(array)
    return [(x, y) if x or y else None for x, y in zip(values[::2], values[1::2], strict=True)]


def decode_g2(array: PointArray) -> list[G2 | None]:
    """(n, 2, 2, 4) -> points of G2 on integers."""
    values = base_integers(array)
    points = zip(values[::4], values[1::4], values[2::4], values[3::4], strict=True)
    return [((a, b), (c, d)) if a or b or c or d else None for a, b, c, d in points]


def base_integers(array: PointArray) -> list[int]:
    """All coordinates of an array of points, flat, as integers without the Montgomery factor."""
    raw = np.ascontiguousarray(array).astype("<u8", copy=False).tobytes()
    return [int.from_bytes(raw[i:i + 32], "little") * _INVERSE_RADIX % BASE_MODULUS for i in range(0, len(raw), 32)]


def _words(integers: list[int]) -> PointArray:
    raw = b"".join((value * _RADIX % BASE_MODULUS).to_bytes(32, "little") for value in integers)
    return np.frombuffer(raw, "<u8").astype(np.uint64)


def uncompressed(points: PointArray) -> bytes:
    """Big-endian coordinates without the Montgomery factor, c1 before c0: what contracts (EIP-197) and digests read.

    64 bytes for a point of G1, 128 for one of G2; the identity is all zeros.
    """
    values = base_integers(points)
    if points.ndim == 4:
        values = [value for i in range(0, len(values), 2) for value in (values[i + 1], values[i])]
    return b"".join(value.to_bytes(32, "big") for value in values)
