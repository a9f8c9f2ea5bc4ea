"""Prime fields of BN254 and their five-limb Montgomery constants (plain Python, no code generation).

A field element x is stored as x * 2**260 mod q ("Montgomery form"), not necessarily below q.
Two layouts are used:

* packed: four 64-bit words, little endian, value below STORED * q (it must fit 256 bits);
* lanes:  five 52-bit limbs per element, eight elements side by side, as 40 words `[limb][lane]`.
"""

from __future__ import annotations

import numpy as np

LIMB_BITS = 52
LIMBS = 5
LANES = 8
LIMB_MASK = (1 << LIMB_BITS) - 1
RADIX = 1 << (LIMB_BITS * LIMBS)
WORDS = LIMBS * LANES          # 64-bit words of one lanes value

STORED = 27 / 16               # packed values, and what `reduce` returns, are below STORED * q

BASE_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583
SCALAR_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def limbs_of(value):
    """The five 52-bit limbs of a non-negative integer (the top limb takes what is left)."""
    parts = [(value >> (LIMB_BITS * i)) & LIMB_MASK for i in range(LIMBS - 1)]
    return parts + [value >> (LIMB_BITS * (LIMBS - 1))]


def words_of(value):
    """The four 64-bit words of an integer below 2**256."""
    return [(value >> (64 * i)) & (2**64 - 1) for i in range(4)]


def int_of(words, bits=64):
    """The integer whose little-endian words (or limbs, with bits=52) are given."""
    return sum(int(word) << (bits * i) for i, word in enumerate(words))


class Field:
    """A prime field with the constants that the Montgomery product needs."""

    def __init__(self, modulus):
        self.modulus = modulus
        self.negated_inverse = -pow(modulus, -1, 1 << LIMB_BITS) % (1 << LIMB_BITS)
        self.limb_inverse = pow(2, -LIMB_BITS, modulus)
        self.radix_inverse = pow(RADIX, -1, modulus)

    def encode(self, value):
        """Montgomery form of an integer."""
        return value * RADIX % self.modulus

    def decode(self, value):
        """Integer below q from a Montgomery form of any size."""
        return value * self.radix_inverse % self.modulus

    def pack(self, values):
        """Integers -> array (n, 4) of packed Montgomery words."""
        raw = b"".join(self.encode(value).to_bytes(32, "little") for value in values)
        return np.frombuffer(raw, np.uint64).reshape(-1, 4).copy()

    def unpack(self, words):
        """Array (n, 4) of packed Montgomery words -> list of integers."""
        return [self.decode(int_of(row)) for row in words]

    def splat(self, value):
        """One integer in all eight lanes: array (5, 8)."""
        return self.lanes([value] * LANES)

    def lanes(self, values):
        """Eight integers -> lanes array (5, 8)."""
        return np.array([limbs_of(self.encode(v)) for v in values], np.uint64).T.copy()

    def from_lanes(self, block):
        """Lanes array (5, 8) -> eight integers."""
        return [self.decode(int_of(block[:, lane], LIMB_BITS)) for lane in range(LANES)]


BASE = Field(BASE_MODULUS)
SCALAR = Field(SCALAR_MODULUS)
