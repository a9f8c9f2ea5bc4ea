"""Prime fields of BN254, and how their elements lie in memory (plain Python, no code generation).

A field element x is stored in Montgomery form x * radix mod q [P. Montgomery, 1985], not necessarily below q. There
are two layouts, one for each arithmetic (see `processor`):

* EIGHT: eight elements side by side in five limbs of 52 bits, 40 words `[limb][lane]`; radix 2**260;
* SINGLE: one element in four words of 64 bits; radix 2**256.

Either also has a packed form, four little-endian 64-bit words an element, for points at rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]

LIMB_BITS = 52
LIMBS = 5
LANES = 8
LIMB_MASK = (1 << LIMB_BITS) - 1
RADIX = 1 << (LIMB_BITS * LIMBS)
EDGE_RADIX = 1 << 256          # of the Montgomery forms that the rest of the project has
WORDS = LIMBS * LANES          # 64-bit words of one lanes value

STORED = 27 / 16               # packed eight-lane values, and what their `reduce` returns, are below this * q

BASE_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583
SCALAR_MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617


def limbs_of(value: int) -> list[int]:
    """The five 52-bit limbs of a non-negative integer (the top limb takes what is left)."""
    parts = [(value >> (LIMB_BITS * i)) & LIMB_MASK for i in range(LIMBS - 1)]
    return [*parts, value >> (LIMB_BITS * (LIMBS - 1))]


def words_of(value: int) -> list[int]:
    """The four 64-bit words of an integer below 2**256."""
    return [(value >> (64 * i)) & (2**64 - 1) for i in range(4)]


def int_of(words: Iterable[Any], bits: int = 64) -> int:
    """The integer whose little-endian words (or limbs, with bits=52) are given."""
    return sum(int(word) << (bits * i) for i, word in enumerate(words))


class Field:
    """A prime field with the constants that Montgomery products need."""

    def __init__(self, modulus: int) -> None:
        self.modulus = modulus
        self.negated_inverse = -pow(modulus, -1, 1 << LIMB_BITS) % (1 << LIMB_BITS)
        self.limb_inverse = pow(2, -LIMB_BITS, modulus)
        self.radix_inverse = pow(RADIX, -1, modulus)

    def encode(self, value: int) -> int:
        """Montgomery form of an integer, eight-lane radix."""
        return value * RADIX % self.modulus

    def decode(self, value: int) -> int:
        """Integer below q from a Montgomery form of any size, eight-lane radix."""
        return value * self.radix_inverse % self.modulus

    def splat(self, value: int) -> Words:
        """One integer in all eight lanes: array (5, 8)."""
        return EIGHT.block(self, [value] * LANES)

    def lanes(self, values: Sequence[int]) -> Words:
        """Eight integers -> lanes array (5, 8)."""
        return EIGHT.block(self, values)

    def from_lanes(self, block: Words) -> list[int]:
        """Lanes array (5, 8) -> eight integers."""
        return EIGHT.integers(self, block)


@dataclass(frozen=True)
class Layout:
    """How elements of a field lie in memory: `lanes` side by side, each in `limbs` limbs."""

    lanes: int
    limbs: int
    limb_bits: int

    @property
    def radix(self) -> int:
        """What Montgomery forms are multiplied by."""
        return 1 << (self.limbs * self.limb_bits)

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of one value: (limbs, lanes)."""
        return self.limbs, self.lanes

    def block(self, field: Field, values: Sequence[int]) -> Words:
        """One integer a lane -> array (limbs, lanes)."""
        mask = (1 << self.limb_bits) - 1
        forms = [value * self.radix % field.modulus for value in values]
        return np.array([[form >> (self.limb_bits * i) & mask for form in forms] for i in range(self.limbs)], np.uint64)

    def integers(self, field: Field, block: Words) -> list[int]:
        """Array (limbs, lanes) -> one integer a lane."""
        inverse = pow(self.radix, -1, field.modulus)
        return [int_of(block[:, lane], self.limb_bits) * inverse % field.modulus for lane in range(self.lanes)]

    def pack(self, field: Field, values: Iterable[int]) -> Words:
        """Integers -> array (n, 4) of packed Montgomery words."""
        raw = b"".join((value * self.radix % field.modulus).to_bytes(32, "little") for value in values)
        return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(-1, 4)

    def unpack(self, field: Field, words: Words) -> list[int]:
        """Array (n, 4) of packed Montgomery words -> list of integers."""
        inverse = pow(self.radix, -1, field.modulus)
        return [int_of(row) * inverse % field.modulus for row in words]


EIGHT = Layout(LANES, LIMBS, LIMB_BITS)
SINGLE = Layout(1, 4, 64)

BASE = Field(BASE_MODULUS)
SCALAR = Field(SCALAR_MODULUS)
