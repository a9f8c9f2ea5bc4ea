"""Sums of products of 52-bit limbs, by column, and their Montgomery reduction: with IFMA, and in double precision.

Column k counts multiples of 2**(52 k). A column is a word of 64 bits a lane, in which many products of limbs pile up
before anything is carried; it may be negative. Both ways of multiplying below lead to the same reduced columns.

Doubles [N. Emmart, "A study of high performance multiple precision arithmetic on graphics processing units", 2018]: for
integers x, y below 2**52, fma(x, y, 2**104) rounds x y to a multiple of 2**52, and a second fma gives the rest exactly,
between -2**51 and 2**51. Added to 2**104 and to 3 * 2**51, both stand in the mantissa, unit 1, so that the bits of the
doubles can be added as integers, less a constant. That takes a rounding to nearest and no more: neither fast-math, nor
subnormals.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence

from llvmlite import ir

from .emitter import VECTOR, Emitter, Value
from .field import LANES, LIMB_BITS, LIMB_MASK, LIMBS, RADIX, Field, limbs_of
from .processor import PORTABLE

DOUBLES = ir.VectorType(ir.DoubleType(), LANES)


def spread(products: int) -> int:
    """No reduced column of a sum of so many products of elements exceeds this times 2**52 in magnitude."""
    return 2 * LIMBS * (products + 1) + 2              # a low and a high part for each limb, and what is carried


class Columns(ABC):
    """Ten columns: room for products of two elements."""

    def __init__(self, emit: Emitter, words: Sequence[Value] | None = None) -> None:
        self.emit = emit
        self.words = [emit.splat(0)] * (2 * LIMBS) if words is None else list(words)

    @abstractmethod
    def add(self, k: int, a: Value, b: Value, first: int = 0, end: int = 2 * LIMBS) -> None:
        """Columns k and k+1 together gain the product of two limbs, of which only the low 52 bits count.

        Other columns than first .. end-1 are left alone, and what they would have gained is lost.
        """

    @abstractmethod
    def low_product(self, a: Value, b: Value) -> Value:
        """A word that is the product of two limbs modulo 2**52."""

    def word(self, k: int) -> Value:
        """Column k."""
        return self.words[k]

    def double(self) -> None:
        """Twice every column."""
        self.words = [self.emit.builder.add(word, word) for word in self.words]

    def add_product(self, a: Sequence[Value], b: Sequence[Value], first: int = 0, end: int = 2 * LIMBS) -> None:
        """Add the product of two numbers given by their limbs, or its part in columns first .. end-1."""
        for i, x in enumerate(a):
            for j, y in enumerate(b):
                self.add(i + j, x, y, first, end)

    def set_square(self, a: Sequence[Value]) -> None:
        """Make empty columns the square of an element."""
        for i in range(LIMBS):
            for j in range(i + 1, LIMBS):
                self.add(i + j, a[i], a[j])
        self.double()
        for i in range(LIMBS):
            self.add(2 * i, a[i], a[i])

    def reduce(self, field: Field) -> list[Value]:
        """The five upper columns, after the lower ones were made to vanish modulo q.

        Columns 0..3 in turn are replaced by their multiple of 2**-52 mod q, one column up; a classic Montgomery step
        removes column 4. What is added goes to columns of its own, so that it need not wait for the products.
        """
        b, added = self.emit.builder, type(self)(self.emit)

        def total(k: int) -> Value:
            return b.add(self.word(k), added.word(k))

        for k in range(LIMBS):
            if k < LIMBS - 1:
                factor, multiplier, base = total(k), field.limb_inverse, k + 1
            else:
                factor = self.low_product(total(k), self.emit.splat(field.negated_inverse))
                multiplier, base = field.modulus, k
            for j, limb in enumerate(limbs_of(multiplier)):
                added.add(base + j, factor, self.emit.splat(limb))
            added.words[k + 1] = b.add(added.words[k + 1], b.ashr(total(k), self.emit.splat(LIMB_BITS)))
        return [total(k) for k in range(LIMBS, 2 * LIMBS)]


class FusedColumns(Columns):
    """Two IFMA instructions a product: its low and its high 52 bits."""

    def add(self, k: int, a: Value, b: Value, first: int = 0, end: int = 2 * LIMBS) -> None:
        for place, part in ((k, "l"), (k + 1, "h")):
            if first <= place < end:
                self.words[place] = self._multiply_add(part, self.words[place], a, b)

    def low_product(self, a: Value, b: Value) -> Value:
        return self._multiply_add("l", self.emit.splat(0), a, b)

    def _multiply_add(self, part: str, total: Value, a: Value, b: Value) -> Value:
        return self.emit.call(f"llvm.x86.avx512.vpmadd52{part}.uq.512", VECTOR, total, a, b)


def _bits(value: float) -> int:
    """The bits of a double, as an integer."""
    (result,) = struct.unpack("<q", struct.pack("<d", value))
    return int(result)


class DoubleColumns(Columns):
    """Two fused multiply-adds of doubles and four simple instructions a product."""

    HIGH, LOW = 2.0**104, 3 * 2.0**51

    def __init__(self, emit: Emitter, words: Sequence[Value] | None = None) -> None:
        super().__init__(emit, words)
        self.surplus = [0] * (2 * LIMBS)           # of the words, through the constants that doubles carry
        self.converted: dict[int, tuple[Value, Value]] = {}

    def add(self, k: int, a: Value, b: Value, first: int = 0, end: int = 2 * LIMBS) -> None:
        high, low = self._product(a, b)
        for place, part, surplus in ((k, low, self.LOW), (k + 1, high, self.HIGH)):
            if first <= place < end:
                self.words[place] = self.emit.builder.add(self.words[place], part)
                self.surplus[place] += _bits(surplus)

    def low_product(self, a: Value, b: Value) -> Value:
        return self.emit.builder.sub(self._product(a, b)[1], self.emit.splat(_bits(self.LOW)))

    def word(self, k: int) -> Value:
        if self.surplus[k]:
            surplus = self.emit.splat(self.surplus[k] % (1 << 64))
            self.words[k], self.surplus[k] = self.emit.builder.sub(self.words[k], surplus), 0
        return self.words[k]

    def double(self) -> None:
        super().double()
        self.surplus = [2 * surplus for surplus in self.surplus]

    def _product(self, a: Value, b: Value) -> tuple[Value, Value]:
        """The product in units of 2**52, rounded, and the rest, as the bits of doubles near HIGH and LOW."""
        build, x, y = self.emit.builder, self._double_of(a), self._double_of(b)
        high = self._fused(x, y, self._splat(self.HIGH))
        offset = build.fadd(build.fsub(self._splat(self.HIGH), high), self._splat(self.LOW))
        return build.bitcast(high, VECTOR), build.bitcast(self._fused(x, y, offset), VECTOR)

    def _double_of(self, limb: Value) -> Value:
        """The low 52 bits as a double: the mantissa of 2**52 + limb, less 2**52."""
        if id(limb) not in self.converted:
            build = self.emit.builder
            mantissa = build.and_(limb, self.emit.splat(LIMB_MASK))
            shifted = build.bitcast(build.or_(mantissa, self.emit.splat(_bits(2.0**52))), DOUBLES)
            self.converted[id(limb)] = limb, build.fsub(shifted, self._splat(2.0**52))
        return self.converted[id(limb)][1]

    def _fused(self, x: Value, y: Value, z: Value) -> Value:
        return self.emit.call("llvm.fma.v8f64", DOUBLES, x, y, z)

    @staticmethod
    def _splat(value: float) -> Value:
        return ir.Constant(DOUBLES, [ir.Constant(DOUBLES.element, value)] * LANES)


def _columns(emit: Emitter, words: Sequence[Value] | None = None) -> Columns:
    """Columns that this processor can multiply into."""
    return DoubleColumns(emit, words) if PORTABLE else FusedColumns(emit, words)


# -- modulo 2**260 ----------------------------------------------------------------------------------------------------
# Where a result is known to be small, its five lower columns are enough, and what they would carry beyond is dropped.
def carry(emit: Emitter, words: Sequence[Value], wraps: bool) -> list[Value]:
    """The number that five columns hold, in limbs below 2**52; the top one takes what is left unless it `wraps`."""
    b, mask, above, limbs = emit.builder, emit.splat(LIMB_MASK), None, []
    for word in words:
        total = word if above is None else b.add(word, above)
        limbs.append(b.and_(total, mask))
        above = b.ashr(total, emit.splat(LIMB_BITS))
    return limbs if wraps else [*limbs[:-1], total]


def low_half(emit: Emitter, a: Sequence[Value], number: int) -> list[Value]:
    """Limbs of the product of a number and a constant modulo 2**260."""
    columns = _columns(emit)
    columns.add_product(a, [emit.splat(limb) for limb in limbs_of(number)], end=LIMBS)
    return carry(emit, [columns.word(k) for k in range(LIMBS)], wraps=True)


def less_multiple(emit: Emitter, field: Field, words: Sequence[Value], multiple: Sequence[Value]) -> list[Value]:
    """Five columns less a multiple (its limbs) of q, modulo 2**260."""
    columns = _columns(emit, [*words, *[emit.splat(0)] * LIMBS])
    columns.add_product(multiple, [emit.splat(limb) for limb in limbs_of(RADIX - field.modulus)], end=LIMBS)
    return [columns.word(k) for k in range(LIMBS)]


SHORTAGE = 2 * LIMBS - 1           # so many words below 2**52 make column 4 of a product, which `scale` drops


def scale(emit: Emitter, field: Field, a: Sequence[Value], number: Sequence[Value],
          quotient: Sequence[Value]) -> list[Value]:
    """Columns of a * number - m q modulo 2**260, m being what columns 5 and up of a * quotient hold. IFMA only.

    With quotient = floor(number * 2**260 / q), m is at most a * number / q and falls short of that by less than
    a / 2**260, the quotient's own fraction, plus what columns 0 .. 4 hold, SHORTAGE and crumbs.
    """
    b, upper, lower = emit.builder, FusedColumns(emit), FusedColumns(emit)
    upper.add_product(a, quotient, first=LIMBS)
    lower.add_product(a, number, end=LIMBS)
    multiple, above = list[Value](), emit.splat(0)
    for word in upper.words[LIMBS:]:               # bits beyond the 52nd do not count in products
        multiple.append(b.add(word, above))
        above = b.lshr(multiple[-1], emit.splat(LIMB_BITS))
    return less_multiple(emit, field, lower.words[:LIMBS], multiple)


# -- whole products ---------------------------------------------------------------------------------------------------
# In double precision a product is three hundred instructions, or twice as many where vectors have 256 bits. It becomes
# a function of the module: inlined everywhere, it runs slower, and takes a minute to compile.
def dot(emit: Emitter, field: Field, pairs: Sequence[tuple[Sequence[Value], Sequence[Value]]]) -> list[Value]:
    """Reduced columns of a sum of products of elements, given by their limbs."""
    if PORTABLE:
        cells = _cells(emit)
        for a, b in pairs:
            emit.call_apart("columns.add_product", _add_product, [cells, *a, *b])
        return _reduced(emit, field, cells)
    columns = FusedColumns(emit)
    for a, b in pairs:
        columns.add_product(a, b)
    return columns.reduce(field)


def square(emit: Emitter, field: Field, a: Sequence[Value]) -> list[Value]:
    """Reduced columns of the square of an element, given by its limbs."""
    if PORTABLE:
        cells = _cells(emit)
        emit.call_apart("columns.set_square", _set_square, [cells, *a])
        return _reduced(emit, field, cells)
    columns = FusedColumns(emit)
    columns.set_square(a)
    return columns.reduce(field)


def _cells(emit: Emitter) -> Value:
    """Empty columns in memory."""
    with emit.builder.goto_entry_block():
        cells = emit.builder.alloca(VECTOR, 2 * LIMBS)
    _write(emit, cells, [emit.splat(0)] * (2 * LIMBS))
    return cells


def _read(emit: Emitter, cells: Value) -> list[Value]:
    return [emit.builder.load(emit.builder.gep(cells, [emit.integer(k)]), align=8) for k in range(2 * LIMBS)]


def _write(emit: Emitter, cells: Value, words: Sequence[Value]) -> None:
    for k, word in enumerate(words):
        emit.builder.store(word, emit.builder.gep(cells, [emit.integer(k)]), align=8)


def _add_product(emit: Emitter, cells: Value, *limbs: Value) -> None:
    columns = DoubleColumns(emit, _read(emit, cells))
    columns.add_product(limbs[:LIMBS], limbs[LIMBS:])
    _write(emit, cells, [columns.word(k) for k in range(2 * LIMBS)])


def _set_square(emit: Emitter, cells: Value, *limbs: Value) -> None:
    columns = DoubleColumns(emit)
    columns.set_square(limbs)
    _write(emit, cells, [columns.word(k) for k in range(2 * LIMBS)])


def _reduced(emit: Emitter, field: Field, cells: Value) -> list[Value]:
    def reduce(emit: Emitter, cells: Value) -> None:
        _write(emit, cells, DoubleColumns(emit, _read(emit, cells)).reduce(field))

    emit.call_apart(f"columns.reduce.{field.modulus}", reduce, [cells])
    return _read(emit, cells)[:LIMBS]
