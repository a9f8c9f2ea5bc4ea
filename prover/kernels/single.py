"""One field element at a time, in 64 x 64 -> 128 bit products: the arithmetic of any 64-bit processor.

A `Single` is an integer in [low * q, high * q), held modulo 2**256 in one 256-bit LLVM value. Whatever the
intermediate sums, it is exact as long as its interval, lifted to start at zero, fits 256 bits; where a sum would not
fit, its wider operand is reduced first. So formulas written for the roomier lanes serve here unchanged.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

from llvmlite import ir

from .emitter import I1, I64, I256, Element, Emitter, Mask, Value, require, up
from .field import SINGLE, Field, Layout, words_of

I128, I512 = ir.IntType(128), ir.IntType(512)
WORDS = 4
RADIX = SINGLE.radix


def add_product(b: Any, x: Value, y: Value, *terms: Value) -> tuple[Value, Value]:
    """(low, high) words of x * y plus at most two words: never above 2**128 - 1."""
    total = b.mul(b.zext(x, I128), b.zext(y, I128))
    for term in terms:
        total = b.add(total, b.zext(term, I128))
    return b.trunc(total, I64), b.trunc(b.lshr(total, ir.Constant(I128, 64)), I64)


def multiply_words(b: Any, x: Sequence[Value], y: Sequence[Value]) -> list[Value]:
    """All words of the product of two integers given as words (schoolbook)."""
    words = [ir.Constant(I64, 0)] * (len(x) + len(y))
    for i, factor in enumerate(x):
        carry = ir.Constant(I64, 0)
        for j, other in enumerate(y):
            words[i + j], carry = add_product(b, factor, other, words[i + j], carry)
        words[i + len(y)] = carry
    return words


def split(b: Any, value: Value, count: int) -> list[Value]:
    """The lowest words of an integer."""
    kind = value.type
    return [b.trunc(b.lshr(value, ir.Constant(kind, 64 * i)), I64) for i in range(count)]


def join(b: Any, words: Sequence[Value], kind: Any) -> Value:
    """The integer of type `kind` with these words."""
    value = b.zext(words[0], kind)
    for i, word in enumerate(words[1:], 1):
        value = b.or_(value, b.shl(b.zext(word, kind), ir.Constant(kind, 64 * i)))
    return value


class Single(Element):
    """One element of a prime field as a 256-bit integer."""

    LAYOUT: ClassVar[Layout] = SINGLE
    STORED: ClassVar[float] = 1
    PRODUCT: ClassVar[float] = 3

    def __init__(self, emit: Emitter, field: Field, value: Value, low: float, high: float) -> None:
        self.emit, self.field, self.value, self.low, self.high = emit, field, value, low, high
        require(self._width() * field.modulus <= RADIX, f"value in [{low} q, {high} q) does not fit 256 bits")

    def _width(self) -> float:
        return self.high + max(0, math.ceil(-self.low))

    def _make(self, value: Value, low: float, high: float) -> Single:
        return Single(self.emit, self.field, value, low, high)

    def _constant(self, value: int) -> Value:
        return ir.Constant(I256, value)

    # -- making and storing ----------------------------------------------------------------------------------------
    @classmethod
    def constant(cls, emit: Emitter, field: Field, value: int) -> Single:
        """The integer `value`, given in plain form."""
        return cls(emit, field, ir.Constant(I256, value * RADIX % field.modulus), 0, 1)

    @classmethod
    def load(cls, emit: Emitter, field: Field, pointer: Value, index: int | Value,
             bound: float | None = None) -> Single:
        """Value number `index` of an array (n, 4, 1); the caller vouches for `bound`."""
        value = emit.builder.load(emit.address(pointer, index, 32, I256), align=8)
        return cls(emit, field, value, 0, cls.STORED if bound is None else bound)

    def store(self, pointer: Value, index: int | Value, bound: float | None = None) -> None:
        """Store as value number `index` of an array (n, 4, 1), reduced if it is not below bound * q."""
        value = self.normalize()
        if value.high > (self.STORED if bound is None else bound):
            value = value.reduce()
        self.emit.builder.store(value.value, self.emit.address(pointer, index, 32, I256), align=8)

    @classmethod
    def gather(cls, emit: Emitter, field: Field, addresses: Sequence[Value]) -> Single:
        """The packed element at this byte pointer."""
        return cls.load(emit, field, addresses[0], 0)

    def scatter(self, addresses: Sequence[Value]) -> None:
        """Store as a packed element."""
        self.store(addresses[0], 0)

    @classmethod
    def everywhere(cls, emit: Emitter, field: Field, value: Value) -> Single:
        """A stored form below q."""
        return cls(emit, field, value, 0, 1)

    def first(self) -> Value:
        """The stored form, below q."""
        return self.reduce().value

    # -- additions -------------------------------------------------------------------------------------------------
    def _fits(self, low: float, high: float) -> bool:
        return (high + max(0, math.ceil(-low))) * self.field.modulus <= RADIX

    def __add__(self, other: Single) -> Single:
        a, b = self, other
        while not self._fits(a.low + b.low, a.high + b.high):
            a, b = _reduce_wider(a, b)
        return self._make(self.emit.builder.add(a.value, b.value), a.low + b.low, a.high + b.high)

    def __sub__(self, other: Single) -> Single:
        a, b = self, other
        while not self._fits(a.low - b.high, a.high - b.low):
            a, b = _reduce_wider(a, b)
        return self._make(self.emit.builder.sub(a.value, b.value), a.low - b.high, a.high - b.low)

    def __neg__(self) -> Single:
        value = self if self._fits(-self.high, -self.low) else self.reduce()
        return self._make(self.emit.builder.sub(self._constant(0), value.value), -value.high, -value.low)

    def select(self, mask: Mask, other: Single) -> Single:
        """This value if the mask holds, else the other."""
        low, high = min(self.low, other.low), max(self.high, other.high)
        if not self._fits(low, high):
            return self.normalize().select(mask, other.normalize())
        return self._make(self.emit.builder.select(mask.bits, self.value, other.value), low, high)

    def negate_where(self, mask: Mask) -> Single:
        """Minus the value if the mask holds (exact zero stays exact zero)."""
        return (-self).select(mask, self)

    def normalize(self) -> Single:
        """The same residue, non-negative."""
        lift = max(0, math.ceil(-self.low))
        if not lift:
            return self
        value = self.emit.builder.add(self.value, self._constant(lift * self.field.modulus))
        return self._make(value, self.low + lift, self.high + lift)

    def reduce(self) -> Single:
        """The same residue below q, by conditional subtractions of 4 q, 2 q and q as the bound asks."""
        b, value = self.emit.builder, self.normalize()
        while value.high > 1:
            multiple = 1 << (math.ceil(value.high) - 1).bit_length() - 1
            overflow = ir.LiteralStructType([I256, I1])
            pair = self.emit.call("llvm.usub.with.overflow.i256", overflow, value.value,
                                  self._constant(multiple * self.field.modulus))
            kept = b.select(b.extract_value(pair, 1), value.value, b.extract_value(pair, 0))
            value = self._make(kept, 0, max(multiple, value.high - multiple))
        return value

    def canonical(self) -> Single:
        """The same residue below q."""
        return self.reduce()

    # -- products --------------------------------------------------------------------------------------------------
    def __mul__(self, other: Single) -> Single:
        """Montgomery product a * b / 2**256, reduction interleaved (coarsely integrated operand scanning)."""
        a, b = self.normalize(), other.normalize()
        if a.high < b.high:
            a, b = b, a
        q = self.field.modulus
        if (b.high + 1) * q > RADIX:                   # each partial sum is below (b.high + 1) q
            return (a * b.reduce())
        value = self.emit.call_apart(f"multiply.{q}", functools.partial(_multiply, modulus=q), [a.value, b.value], I256)
        bound = up(a.high * b.high * q / RADIX + 1)
        return self._make(value, 0, bound)

    @staticmethod
    def dot(pairs: Sequence[tuple[Single, Single]]) -> Single:
        """Montgomery sum of products with a single reduction."""
        if len(pairs) == 1:
            return pairs[0][0] * pairs[0][1]
        terms = [(a.normalize(), b.normalize()) for a, b in pairs]
        first = terms[0][0]
        q = first.field.modulus
        while (sum(x.high * y.high for x, y in terms) * q / RADIX + 1) * q >= RADIX:
            k = max(range(len(terms)), key=lambda k: max(terms[k][0].high, terms[k][1].high))
            terms[k] = _reduce_wider(*terms[k])
        bound = up(sum(x.high * y.high for x, y in terms) * q / RADIX + 1)
        value = first.emit.call_apart(f"dot{len(terms)}.{q}", functools.partial(_dot, modulus=q),
                                      [factor.value for term in terms for factor in term], I256)
        return first._make(value, 0, bound)

    def square(self) -> Single:
        """Montgomery square: ten word products and a reduction."""
        a, q = self.normalize(), self.field.modulus
        if (a.high * a.high * q / RADIX + 1) * q >= RADIX:
            a = a.reduce()
        value = a.emit.call_apart(f"square.{q}", functools.partial(_square, modulus=q), [a.value], I256)
        return a._make(value, 0, up(a.high * a.high * q / RADIX + 1))

    def leave_montgomery_form(self) -> Value:
        """The residue itself, without its factor 2**256, below q."""
        value = _reduced(self.emit.builder, self.emit.builder.zext(self.normalize().value, I512), self.field.modulus)
        return self._make(value, 0, up(1 + self.high * self.field.modulus / RADIX)).reduce().value

    # -- tests -----------------------------------------------------------------------------------------------------
    def is_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the residue is zero (`limbs` saves nothing here and is ignored)."""
        value = self.normalize()
        hits = [Mask(self.emit, self.emit.builder.icmp_unsigned("==", value.value, self._constant(k * q)))
                for q in [self.field.modulus] for k in range(math.ceil(value.low), math.ceil(value.high))]
        return functools.reduce(Mask.__or__, hits)

    def is_exact_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the stored integer itself (not only its residue) is zero."""
        return Mask(self.emit, self.emit.builder.icmp_unsigned("==", self.value, self._constant(0)))


def _reduce_wider(a: Single, b: Single) -> tuple[Single, Single]:
    """The same two residues, the one with the wider interval reduced; refused where there is nothing to reduce."""
    wide_a, wide_b = a.high - a.low, b.high - b.low
    require(max(wide_a, wide_b) > 1 or min(a.low, b.low) < 0, "reduced values still do not fit")
    return (a.reduce(), b) if wide_a >= wide_b else (a, b.reduce())


# -- products, each a function of the module: inlined they would gain little speed, and double the time to compile -----
def _multiply(emit: Emitter, x: Value, y: Value, modulus: int) -> Value:
    """x * y / 2**256, reduction interleaved (coarsely integrated operand scanning); y + q must fit 256 bits."""
    b, ninv = emit.builder, ir.Constant(I64, -pow(modulus, -1, 1 << 64) % (1 << 64))
    q = [ir.Constant(I64, word) for word in words_of(modulus)]
    left, right, total = split(b, x, WORDS), split(b, y, WORDS), [ir.Constant(I64, 0)] * WORDS
    for factor in left:
        low, carry = add_product(b, factor, right[0], total[0])
        quotient = b.mul(low, ninv)
        _, fold = add_product(b, quotient, q[0], low)
        for j in range(1, WORDS):
            low, carry = add_product(b, factor, right[j], total[j], carry)
            total[j - 1], fold = add_product(b, quotient, q[j], low, fold)
        total[WORDS - 1] = b.add(carry, fold)
    return join(b, total, I256)


def _square(emit: Emitter, x: Value, modulus: int) -> Value:
    """x * x / 2**256: ten word products and a reduction."""
    b = emit.builder
    words, cross = split(b, x, WORDS), [ir.Constant(I64, 0)] * (2 * WORDS)
    for i in range(WORDS):
        carry = ir.Constant(I64, 0)
        for j in range(i + 1, WORDS):
            cross[i + j], carry = add_product(b, words[i], words[j], cross[i + j], carry)
        cross[i + WORDS] = carry
    total, diagonal = join(b, cross, I512), [half for word in words for half in add_product(b, word, word)]
    return _reduced(b, b.add(b.add(total, total), join(b, diagonal, I512)), modulus)


def _dot(emit: Emitter, *factors: Value, modulus: int) -> Value:
    """(x0 * x1 + x2 * x3 + ...) / 2**256, one reduction; the sum must fit 512 bits."""
    b, total = emit.builder, ir.Constant(I512, 0)
    for x, y in zip(factors[::2], factors[1::2], strict=True):
        total = b.add(total, join(b, multiply_words(b, split(b, x, WORDS), split(b, y, WORDS)), I512))
    return _reduced(b, total, modulus)


def _reduced(b: Any, total: Value, modulus: int) -> Value:
    """A 512-bit value divided by 2**256 modulo q [Montgomery 1985], at most q above the plain quotient."""
    ninv = ir.Constant(I64, -pow(modulus, -1, 1 << 64) % (1 << 64))
    q = [ir.Constant(I64, word) for word in words_of(modulus)]
    words, above = split(b, total, 2 * WORDS), ir.Constant(I64, 0)
    for i in range(WORDS):
        quotient, carry = b.mul(words[i], ninv), ir.Constant(I64, 0)
        for j in range(WORDS):
            words[i + j], carry = add_product(b, quotient, q[j], words[i + j], carry)
        wide = b.add(b.add(b.zext(words[i + WORDS], I128), b.zext(carry, I128)), b.zext(above, I128))
        words[i + WORDS], above = b.trunc(wide, I64), b.trunc(b.lshr(wide, ir.Constant(I128, 64)), I64)
    return join(b, words[WORDS:], I256)
