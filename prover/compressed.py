"""Points in half their size: x, and one bit for y. Thirty-two bytes in G1, sixty-four in G2, a proof in 128.

The format is gnark-crypto's for BN254. Coordinates are big-endian, in G2 x = c0 + c1 u as c1, then c0. The two bits
that a coordinate below 2**254 leaves free at the top say what follows:

    10  x, and y is the smaller of the two roots
    11  x, and y is the larger one
    01  the point at infinity, all other bits zero
    00  not compressed (refused here)

The larger root is the one above (q-1)/2; in G2, c1 decides, or c0 if c1 is zero.
"""

from __future__ import annotations

from primitives.errors import BadInput, Said
from prover.curve import BASE_MODULUS as Q
from prover.curve import FP, FP2, G1, G1_GROUP, G2, G2_GROUP, Fp2

G1_BYTES, G2_BYTES = 32, 64
PROOF_BYTES = 2 * G1_BYTES + G2_BYTES

SMALLER, LARGER, INFINITY = 0b10 << 6, 0b11 << 6, 0b01 << 6
FLAGS = 0b11 << 6


def compress_g1(point: G1 | None) -> bytes:
    """A point of G1, coordinates in [0, q), as 32 bytes."""
    if point is None:
        return bytes([INFINITY]) + bytes(G1_BYTES - 1)
    return _flagged(point[0].to_bytes(32, "big"), larger=_is_larger(point[1]))


def compress_g2(point: G2 | None) -> bytes:
    """A point of G2, coordinates in [0, q), as 64 bytes."""
    if point is None:
        return bytes([INFINITY]) + bytes(G2_BYTES - 1)
    (x0, x1), (y0, y1) = point
    return _flagged(x1.to_bytes(32, "big") + x0.to_bytes(32, "big"), larger=_is_larger(y1 or y0))


def decompress_g1(raw: bytes, name: str = "point") -> G1 | None:
    """The point of G1 that 32 bytes stand for.

    Raises
    ------
    BadInput : under `name`: a wrong length, no compressed form, x not in [0, q), no point with this x.
    """
    body = _unflagged(raw, G1_BYTES, name)
    if body is None:
        return None
    x = _coordinate(body, name)
    root = square_root_fp(FP.add(FP.multiply(FP.multiply(x, x), x), G1_GROUP.b))
    if root is None:
        raise BadInput(name, raw.hex(), "the compressed form of a point: no point of G1 has this x")
    return x, root if _is_larger(root) == _says_larger(raw) else -root % Q


def decompress_g2(raw: bytes, name: str = "point") -> G2 | None:
    """The point of the twist that 64 bytes stand for; whether it lies in G2 is left to who uses it.

    Verification checks that for nothing; checking it here would take a thousand times longer than the rest.

    Raises
    ------
    BadInput : under `name`: a wrong length, no compressed form, a coordinate not in [0, q), no point with this x.
    """
    body = _unflagged(raw, G2_BYTES, name)
    if body is None:
        return None
    x = _coordinate(body[32:], name), _coordinate(body[:32], name)
    root = square_root_fp2(FP2.add(FP2.multiply(FP2.multiply(x, x), x), G2_GROUP.b))
    if root is None:
        raise BadInput(name, raw.hex(), "the compressed form of a point: no point of the twist has this x")
    return x, root if _is_larger(root[1] or root[0]) == _says_larger(raw) else (-root[0] % Q, -root[1] % Q)


def compress_proof(a: G1, b: G2, c: G1) -> bytes:
    """A proof as 128 bytes: A, B, C."""
    return compress_g1(a) + compress_g2(b) + compress_g1(c)


def decompress_proof(raw: bytes) -> tuple[G1, G2, G1]:
    """A, B, C of a proof in 128 bytes.

    Raises
    ------
    BadInput : names the point as snarkjs does; a proof with a point at infinity is none.
    """
    if len(raw) != PROOF_BYTES:
        raise BadInput("proof", Said(f"{len(raw)} bytes"), f"{PROOF_BYTES} bytes")
    a = decompress_g1(raw[:32], "pi_a")
    b = decompress_g2(raw[32:96], "pi_b")
    c = decompress_g1(raw[96:], "pi_c")
    if a is None or b is None or c is None:
        raise BadInput("pi_a" if a is None else "pi_b" if b is None else "pi_c", Said("the point at infinity"),
                       "finite")
    return a, b, c


# -- roots ------------------------------------------------------------------------------------------------------------
def square_root_fp(value: int) -> int | None:
    """A square root modulo q, or None; q is 3 modulo 4."""
    root = pow(value, (Q + 1) // 4, Q)
    return root if root * root % Q == value % Q else None


def square_root_fp2(value: Fp2) -> Fp2 | None:
    """A square root in Fp2, or None, by the norm [Adj, Rodríguez-Henríquez, eprint 2012/685, algorithm 8].

    (x + y u)**2 = a + b u gives x**2 = (a +- sqrt(a**2 + b**2)) / 2 and 2 x y = b.
    """
    a, b = value
    if b == 0:                                  # one of a and -a is a square, and -1 = u**2
        root = square_root_fp(a)
        return (root, 0) if root is not None else (0, pow(-a, (Q + 1) // 4, Q))
    norm = square_root_fp(a * a + b * b)
    if norm is None:
        return None
    half = pow(2, -1, Q)
    x = square_root_fp((a + norm) * half)
    if x is None:                               # then the other is a square: their product -(b/2)**2 is none
        x = square_root_fp((a - norm) * half)
    assert x
    return x, b * pow(2 * x, -1, Q) % Q


# -- bytes ------------------------------------------------------------------------------------------------------------
def _is_larger(y: int) -> bool:
    return y > Q // 2


def _flagged(body: bytes, *, larger: bool) -> bytes:
    return bytes([body[0] | (LARGER if larger else SMALLER)]) + body[1:]


def _says_larger(raw: bytes) -> bool:
    return raw[0] & FLAGS == LARGER


def _unflagged(raw: bytes, size: int, name: str) -> bytes | None:
    """The bytes without flags; None for the point at infinity."""
    if len(raw) != size:
        raise BadInput(name, Said(f"{len(raw)} bytes"), f"{size} bytes")
    flags, body = raw[0] & FLAGS, bytes([raw[0] & ~FLAGS & 255]) + raw[1:]
    if flags == INFINITY and not any(body):
        return None
    if flags not in (SMALLER, LARGER):
        raise BadInput(name, raw.hex(), "a compressed point: flags 10, 11, or 01 and zeros")
    return body


def _coordinate(raw: bytes, name: str) -> int:
    value = int.from_bytes(raw, "big")
    if value >= Q:
        raise BadInput(name, raw.hex(), "made of coordinates in [0, q)")
    return value
