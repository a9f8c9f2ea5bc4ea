"""Scalars and points as the binary formats hold them."""

from __future__ import annotations

import numpy as np

from primitives import field
from primitives.errors import Said
from primitives.field import FieldArray
from prover.curve import BASE_MODULUS, G1, G1_GROUP, G2, G2_GROUP, ORDER
from prover.files.sections import Cursor
from prover.points import PointArray, decode_g1, decode_g2
from prover.words import first_not_below

SCALAR_BYTES = 32

_RADIX = field.words([(1 << 512) % ORDER])                 # 2**256 in Montgomery form

_OTHER_PRIMES = {
    ORDER: "the scalar field of BN254",
    BASE_MODULUS: "the base field of BN254 (the scalar field of Grumpkin)",
    0x73eda753299d7d483339d80809a1d80553bda402fffe5bfeffffffff00000001: "the scalar field of BLS12-381",
    0x1a0111ea397fe69a4b1ba7b6434bacd764774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab:
        "the base field of BLS12-381",
    0x12ab655e9a2ca55660b44d1e5c37b00159aa76fed00000010a11800000000001: "the scalar field of BLS12-377",
    0x40000000000000000000000000000000224698fc094cf91b992d30ed00000001: "the base field of Pallas",
    0x40000000000000000000000000000000224698fc0994a8dd8c46eb2100000001: "the scalar field of Pallas",
    0xffffffff00000001000000000000000000000000ffffffffffffffffffffffff: "the base field of secp256r1",
    2**64 - 2**32 + 1: "the Goldilocks field",
}
"""The fields that circom compiles for, and bases of their curves."""


def check_prime(cursor: Cursor, field_name: str, expected: int) -> None:
    """Read a field's size in bytes and its prime; refuse all but the expected one."""
    size = cursor.u32(f"{field_name} size", least=8, most=256)
    prime = cursor.integer(size, f"{field_name} prime")
    if prime != expected or size != SCALAR_BYTES:
        known = _OTHER_PRIMES.get(prime, f"an unknown field, of the prime {prime:#x}")
        raise cursor.refuse(field_name, Said(f"{known}, in {size} bytes"),
                            f"that of BN254, of the prime {expected:#x} in {SCALAR_BYTES} bytes")


def read_scalars(cursor: Cursor, count: int, what: str) -> FieldArray:
    """`count` canonical residues -> (count, 4) Montgomery."""
    return to_montgomery(cursor, cursor.array(np.uint64, (count, 4), what), what)


def to_montgomery(cursor: Cursor, residues: FieldArray, what: str) -> FieldArray:
    """Canonical residues as words -> Montgomery; refuses what is not below r."""
    require_below(cursor, residues, ORDER, what)
    return field.multiply(residues, _RADIX)


def require_below(cursor: Cursor, words: FieldArray, modulus: int, what: str) -> None:
    """Refuse (n, 4) words of which one is `modulus` or more."""
    wrong = first_not_below(words, modulus)
    if wrong is not None:
        raise cursor.refuse(f"{what}[{wrong}]", words[wrong].tolist(), f"below {modulus:#x} (words, little endian)")


def times_radix(values: FieldArray) -> FieldArray:
    """x -> x * 2**256, elementwise: the second Montgomery factor of a `.zkey`'s coefficients."""
    return field.multiply(values, _RADIX)


def read_g1(cursor: Cursor, count: int, what: str) -> PointArray:
    """`count` points where they lie, aligned or not: neither reduction nor the curve is checked."""
    return cursor.view(np.uint64, (count, 2, 4), what)


def read_g2(cursor: Cursor, count: int, what: str) -> PointArray:
    """`count` points where they lie, aligned or not: neither reduction nor the curve is checked."""
    return cursor.view(np.uint64, (count, 2, 2, 4), what)


def read_point_g1(cursor: Cursor, what: str) -> G1:
    """One finite point of G1, checked."""
    words = read_g1(cursor, 1, what)
    require_below(cursor, words.reshape(-1, 4), BASE_MODULUS, what)
    point = decode_g1(words)[0]
    if point is None or not G1_GROUP.on_curve(point):
        raise cursor.refuse(what, point, "a finite point on the curve of G1")
    return point


def read_point_g2(cursor: Cursor, what: str) -> G2:
    """One finite point of G2, checked, the subgroup included."""
    words = read_g2(cursor, 1, what)
    require_below(cursor, words.reshape(-1, 4), BASE_MODULUS, what)
    point = decode_g2(words)[0]
    if point is None or not G2_GROUP.on_curve(point) or not G2_GROUP.in_subgroup(point):
        raise cursor.refuse(what, point, "a finite point of G2, the subgroup of order r")
    return point
