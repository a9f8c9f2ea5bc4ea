"""Eight field elements at once: lane arithmetic on AVX-512 IFMA, or in double precision where that is missing.

Besides its interval [low * q, high * q) a `Lanes` knows `spread`: no limb exceeds spread * 2**52 in magnitude. Limbs
that `wrap` stand for the value modulo 2**260 only. Additions, subtractions and products never carry; they only change
the interval and the spread. `normalize` makes the value non-negative by adding a multiple of q and propagates carries;
a product normalizes its operands by itself and checks that they fit 260 bits; `reduce` brings a value hardly above q.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import ClassVar

from llvmlite import ir

from . import columns
from .emitter import I1, I8, I32, I64, I256, BoundError, Element, Emitter, Mask, Value, kernel_for, require, up
from .field import EIGHT, LANES, LIMB_BITS, LIMB_MASK, LIMBS, RADIX, STORED, Field, Layout, limbs_of
from .processor import PORTABLE

__all__ = ["I1", "I8", "I32", "I64", "BoundError", "Emitter", "Lanes", "Mask", "Value", "exchange_lanes",
           "ir", "kernel"]

HALF = ir.VectorType(I64, LANES // 2)

MAX_SPREAD = 1 << 10            # limbs stay below 2**62, so signed carries cannot overflow
MAX_TERMS = 64                  # products whose columns are summed up before they are reduced
DROPPED, INVERSE_BITS = 26, 50   # reduce looks at the top limb without so many bits, and at 1/q with so many


class Lanes(Element):
    """Eight elements of a prime field, one per lane, as five vectors of 52-bit limbs."""

    LAYOUT: ClassVar[Layout] = EIGHT
    STORED: ClassVar[float] = STORED
    PRODUCT: ClassVar[float] = 3

    def __init__(self, emit: Emitter, field: Field, limbs: list[Value], low: float, high: float, spread: int = 1,
                 signed: bool = False, wraps: bool = False) -> None:
        """`signed`: limbs may be negative. `tidy`, if nothing spreads them: every limb is below 2**52."""
        require(spread <= MAX_SPREAD, f"limbs may reach {spread} * 2**52")
        self.emit, self.field, self.limbs = emit, field, limbs
        self.low, self.high, self.spread, self.signed, self.wraps = low, high, spread, signed, wraps
        self.tidy = spread == 1 and not signed and not wraps
        self._normal: Lanes | None = None          # what `normalize` wrote

    # -- making and storing ----------------------------------------------------------------------------------------
    @classmethod
    def constant(cls, emit: Emitter, field: Field, value: int) -> Lanes:
        """The integer `value` (given in plain form) in all lanes."""
        limbs = [emit.splat(limb) for limb in limbs_of(field.encode(value))]
        return cls(emit, field, limbs, 0, 1)

    @classmethod
    def load(cls, emit: Emitter, field: Field, pointer: Value, index: int | Value,
             bound: float | None = None) -> Lanes:
        """Value number `index` of a lanes array (40 words each); the caller vouches for `bound`."""
        base = emit.times(index, LIMBS)
        limbs = [emit.load(pointer, emit.plus(base, i)) for i in range(LIMBS)]
        return cls(emit, field, limbs, 0, STORED if bound is None else bound)

    def store(self, pointer: Value, index: int | Value, bound: float | None = None) -> None:
        """Store as value number `index` of a lanes array, checking that it is below bound * q."""
        value, bound = self.normalize(), STORED if bound is None else bound
        require(value.high <= bound, f"stores a value below {value.high} q, promised {bound} q")
        base = self.emit.times(index, LIMBS)
        for i, limb in enumerate(value.limbs):
            self.emit.store(pointer, self.emit.plus(base, i), limb)

    @classmethod
    def gather(cls, emit: Emitter, field: Field, addresses: Sequence[Value]) -> Lanes:
        """The packed elements at these eight byte pointers."""
        halves = [emit.load(address, 0, HALF) for address in addresses]
        rows = [emit.shuffle(halves[one], halves[two], range(LANES)) for one, two in ROWS]
        return cls.from_words(emit, field, transpose(emit, rows))

    def scatter(self, addresses: Sequence[Value]) -> None:
        """Store each lane as a packed element, checking the packed bound."""
        for (one, two), row in zip(ROWS, transpose_back(self.emit, self.to_words()), strict=True):
            self.emit.store(addresses[one], 0, self.emit.shuffle(row, row, [0, 1, 2, 3]))
            self.emit.store(addresses[two], 0, self.emit.shuffle(row, row, [4, 5, 6, 7]))

    @classmethod
    def from_words(cls, emit: Emitter, field: Field, words: list[Value]) -> Lanes:
        """Four vectors of packed 64-bit words -> limbs."""
        mask, b = emit.splat(LIMB_MASK), emit.builder
        limbs = [b.and_(words[0], mask)]
        limbs += [b.and_(emit.shift_pair(words[i + 1], words[i], 52 - 12 * i), mask) for i in range(3)]
        limbs += [b.lshr(words[3], emit.splat(16))]
        return cls(emit, field, limbs, 0, STORED)

    def to_words(self) -> list[Value]:
        """Limbs -> four vectors of packed words, checking the packed bound."""
        value = self.normalize()
        require(value.high <= STORED, f"packs a value below {value.high} q")
        b, emit, limbs = self.emit.builder, self.emit, value.limbs
        words = [b.or_(limbs[0], b.shl(limbs[1], emit.splat(52)))]
        for i in range(1, 4):
            words.append(b.or_(b.lshr(limbs[i], emit.splat(12 * i)),
                               b.shl(limbs[i + 1], emit.splat(52 - 12 * i))))
        return words

    @classmethod
    def everywhere(cls, emit: Emitter, field: Field, value: Value) -> Lanes:
        """A stored form below q, as one 256-bit integer, in all lanes."""
        b, limbs = emit.builder, []
        for i in range(LIMBS):
            limb = b.trunc(b.lshr(value, ir.Constant(I256, LIMB_BITS * i)), I64)
            limbs.append(b.and_(emit.everywhere(limb), emit.splat(LIMB_MASK)))
        return cls(emit, field, limbs, 0, 1)

    def first(self) -> Value:
        """The stored form in lane 0, below q, as one 256-bit integer."""
        b, value = self.emit.builder, ir.Constant(I256, 0)
        for i, limb in enumerate(self.canonical().limbs):
            word = b.zext(b.extract_element(limb, ir.Constant(I32, 0)), I256)
            value = b.or_(value, b.shl(word, ir.Constant(I256, LIMB_BITS * i)))
        return value

    # -- lazy additions --------------------------------------------------------------------------------------------
    def _make(self, limbs: list[Value], low: float, high: float, spread: int = 1, signed: bool = False,
              wraps: bool = False) -> Lanes:
        return Lanes(self.emit, self.field, limbs, low, high, spread, signed, wraps)

    def __add__(self, other: Lanes) -> Lanes:
        limbs = [self.emit.builder.add(a, b) for a, b in zip(self.limbs, other.limbs, strict=True)]
        return self._make(limbs, self.low + other.low, self.high + other.high,
                          self.spread + other.spread, self.signed or other.signed, self.wraps or other.wraps)

    def __sub__(self, other: Lanes) -> Lanes:
        limbs = [self.emit.builder.sub(a, b) for a, b in zip(self.limbs, other.limbs, strict=True)]
        return self._make(limbs, self.low - other.high, self.high - other.low,
                          self.spread + other.spread, True, self.wraps or other.wraps)

    def __neg__(self) -> Lanes:
        zero = self.emit.splat(0)
        limbs = [self.emit.builder.sub(zero, a) for a in self.limbs]
        return self._make(limbs, -self.high, -self.low, self.spread, True, self.wraps)

    def negate_where(self, mask: Mask) -> Lanes:
        """Minus the value in the lanes of `mask` (exact zero stays exact zero)."""
        b, zero = self.emit.builder, self.emit.splat(0)
        limbs = [b.select(mask.bits, b.sub(zero, a), a) for a in self.limbs]
        return self._make(limbs, min(self.low, -self.high), max(self.high, -self.low), self.spread, True, self.wraps)

    def select(self, mask: Mask, other: Lanes) -> Lanes:
        """This value in the lanes of `mask`, the other elsewhere."""
        limbs = [self.emit.builder.select(mask.bits, a, b) for a, b in zip(self.limbs, other.limbs, strict=True)]
        return self._make(limbs, min(self.low, other.low), max(self.high, other.high),
                          max(self.spread, other.spread), self.signed or other.signed, self.wraps or other.wraps)

    def _carry(self, limbs: list[Value], low: float, high: float) -> Lanes:
        require(high * self.field.modulus < RADIX, f"value may reach {high} q, beyond 260 bits")
        return self._make(columns.carry(self.emit, limbs, self.wraps), low, high)

    def _lift(self, lift: int) -> list[Value]:
        """Limbs of the value plus a multiple of q."""
        if not lift:
            return self.limbs
        return [self.emit.builder.add(limb, self.emit.splat(more))
                for limb, more in zip(self.limbs, limbs_of(lift * self.field.modulus), strict=True)]

    def normalize(self) -> Lanes:
        """The same residue, non-negative, with every limb below 2**52."""
        if self.tidy:
            return self
        if self._normal is None:
            require(self.spread + 1 <= MAX_SPREAD, "limbs too wide to carry")
            lift = max(0, math.ceil(-self.low))
            self._normal = self._carry(self._lift(lift), self.low + lift, self.high + lift)
        return self._normal

    def reduce(self) -> Lanes:
        """The same residue, hardly above q: less the multiple of q that the top limb names [Barrett 1986]."""
        q, unit = self.field.modulus, 1 << (LIMB_BITS * (LIMBS - 1))
        # Carries from lower limbs may change the top one by so much, to either side if they are signed. Where it could
        # turn negative, the value is lifted; and as much is taken off, so that the multiple is never above the value.
        slack = self.spread + 1
        least = slack if self.signed or self.wraps else 0
        lift = max(0, math.ceil(2 * least * unit / q - self.low))
        require((self.high + lift) * q < RADIX, f"value may reach {self.high + lift} q, beyond 260 bits")
        limbs, b, emit = self._lift(lift), self.emit.builder, self.emit
        top = b.and_(b.sub(limbs[-1], emit.splat(least)), emit.splat(LIMB_MASK))
        inverse = (unit << DROPPED + INVERSE_BITS) // q
        multiple = b.lshr(b.mul(b.lshr(top, emit.splat(DROPPED)), emit.splat(inverse)), emit.splat(INVERSE_BITS))
        bound = up(1 + (2 * slack + 1 + (1 << DROPPED)) * unit / q + 2.0**(LIMB_BITS - DROPPED - INVERSE_BITS))
        return self._make(columns.less_multiple(emit, self.field, limbs, [multiple]), 0, bound,
                          self.spread + 3, self.signed or PORTABLE, wraps=True)

    def canonical(self) -> Lanes:
        """The same residue below q."""
        b, emit = self.emit.builder, self.emit
        value = (self.reduce() if self.high > 2 or self.low < 0 else self).normalize()
        less = value._carry([b.sub(limb, emit.splat(c)) for limb, c in
                            zip(value.limbs, limbs_of(self.field.modulus), strict=True)], 0, 1)
        negative = Mask(emit, b.icmp_signed("<", less.limbs[-1], emit.splat(0)))
        return self._make(value.select(negative, less).limbs, 0, 1)

    # -- products --------------------------------------------------------------------------------------------------
    def __mul__(self, other: Lanes) -> Lanes:
        """Montgomery product a * b / 2**260 (101 multiply-adds)."""
        return Lanes.dot([(self, other)])

    @staticmethod
    def dot(pairs: Sequence[tuple[Lanes, Lanes]]) -> Lanes:
        """Montgomery sum of products with a single reduction (50 multiply-adds a pair, and 51)."""
        tidy = [(a.normalize(), b.normalize()) for a, b in pairs]
        first = tidy[0][0]
        reduced = columns.dot(first.emit, first.field, [(a.limbs, b.limbs) for a, b in tidy])
        return Lanes.from_columns(first.emit, first.field, reduced, len(tidy), sum(a.high * b.high for a, b in tidy))

    def square(self) -> Lanes:
        """Montgomery square (81 multiply-adds)."""
        a = self.normalize()
        return Lanes.from_columns(a.emit, a.field, columns.square(a.emit, a.field, a.limbs), 1, a.high * a.high)

    @classmethod
    def from_columns(cls, emit: Emitter, field: Field, reduced: list[Value], terms: int, product: float) -> Lanes:
        """From the reduced columns of a sum of so many products, below product * q**2; left for others to carry."""
        require(terms <= MAX_TERMS, "columns would overflow")
        # beyond product / 2**260: the last folded column, the last quotient, and crumbs below 2**-40
        excess = field.limb_inverse / field.modulus + 1 + 2**-40
        bound = up(product * field.modulus / RADIX + excess)
        return cls(emit, field, reduced, 0, bound, columns.spread(terms), signed=PORTABLE)

    # -- tests -----------------------------------------------------------------------------------------------------
    def _equals(self, value: int, count: int | None) -> Mask:
        """Mask: the lowest `count` limbs (all if None) equal those of an integer; for tidy values."""
        same = [Mask(self.emit, self.emit.builder.icmp_unsigned("==", limb, self.emit.splat(wanted)))
                for limb, wanted in list(zip(self.limbs, limbs_of(value), strict=True))[:count]]
        return functools.reduce(Mask.__and__, same)

    def is_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the residue is zero. With limbs=1 a cheap necessary condition only."""
        value = self.normalize()
        first, last = math.ceil(value.low), math.ceil(value.high) - 1
        hits = [value._equals(k * self.field.modulus, limbs) for k in range(first, last + 1)]
        return functools.reduce(Mask.__or__, hits)

    def is_exact_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the stored integer itself (not only its residue) is zero."""
        require(self.tidy, "needs tidy limbs")
        return self._equals(0, limbs)


# -- moving lanes --------------------------------------------------------------------------------------------------
EVEN, ODD = [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]
LOWER, UPPER = [0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]
ROWS = [(0, 2), (1, 3), (4, 6), (5, 7)]      # which two packed elements share a vector before transposing


def transpose(emit: Emitter, rows: list[Value]) -> list[Value]:
    """Four vectors [4 words of one element | 4 words of another] (ROWS) -> word k of all elements."""
    low01, high01 = emit.shuffle(rows[0], rows[1], EVEN), emit.shuffle(rows[0], rows[1], ODD)
    low23, high23 = emit.shuffle(rows[2], rows[3], EVEN), emit.shuffle(rows[2], rows[3], ODD)
    return [emit.shuffle(low01, low23, LOWER), emit.shuffle(high01, high23, LOWER),
            emit.shuffle(low01, low23, UPPER), emit.shuffle(high01, high23, UPPER)]


def transpose_back(emit: Emitter, words: list[Value]) -> list[Value]:
    """Inverse of `transpose`: word k of all elements -> the four ROWS vectors."""
    spread_low, spread_high = [0, 1, 8, 9, 2, 3, 10, 11], [4, 5, 12, 13, 6, 7, 14, 15]
    low01, low23 = emit.shuffle(words[0], words[2], spread_low), emit.shuffle(words[0], words[2], spread_high)
    high01, high23 = emit.shuffle(words[1], words[3], spread_low), emit.shuffle(words[1], words[3], spread_high)
    return [emit.shuffle(low01, high01, EVEN), emit.shuffle(low01, high01, ODD),
            emit.shuffle(low23, high23, EVEN), emit.shuffle(low23, high23, ODD)]


def exchange_lanes(values: Sequence[Lanes]) -> list[Lanes]:
    """Eight Lanes -> eight Lanes: lane j of result i is lane i of value j."""
    emit, field, columns = values[0].emit, values[0].field, []
    tidy = [value.normalize() for value in values]
    for limb in range(LIMBS):
        rows = [value.limbs[limb] for value in tidy]
        low = [emit.shuffle(rows[a], rows[b], [0, 1, 2, 3, 8, 9, 10, 11]) for a, b in ROWS]
        high = [emit.shuffle(rows[a], rows[b], [4, 5, 6, 7, 12, 13, 14, 15]) for a, b in ROWS]
        columns.append(transpose(emit, low) + transpose(emit, high))
    bound = max(value.high for value in tidy)
    return [Lanes(emit, field, [column[i] for column in columns], 0, bound) for i in range(LANES)]


kernel = functools.partial(kernel_for, Lanes)
"""Decorator for kernels on eight lanes; see `emitter.kernel_for`."""
