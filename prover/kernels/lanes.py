"""Emit-time lane arithmetic: Python objects whose operators write AVX-512 IFMA code.

Nothing here runs at prove time.  A kernel body is a Python function that is called once, while
Numba compiles; the operators of `Lanes` append LLVM instructions to the function being built.

Bounds.  A `Lanes` knows an interval: the value of every lane lies in [low*q, high*q).  It also
knows `spread`: no limb exceeds spread * 2**52 in magnitude.  Additions and subtractions never
carry; they only widen the interval and the spread.  `normalize` makes the value non-negative by
adding a multiple of q and propagates carries; a product normalizes its operands by itself and
checks that they fit 260 bits; `reduce` brings a value below about 1.67 q.  A bound that could
overflow raises `BoundError` while the kernel is built, so no run can ever overflow silently.
"""

from __future__ import annotations

import inspect
import math
import os

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.extending import intrinsic

from .field import LANES, LIMB_BITS, LIMB_MASK, LIMBS, RADIX, STORED, limbs_of

I1, I8, I32, I64, I256 = (ir.IntType(bits) for bits in (1, 8, 32, 64, 256))
VECTOR = ir.VectorType(I64, LANES)
HALF = ir.VectorType(I64, LANES // 2)
REFERENCES = ir.VectorType(I32, LANES)

MAX_SPREAD = 1 << 10            # limbs stay below 2**62, so signed carries cannot overflow
INDEX_SHIFT = 45                # reduce looks at the value in units of 2**(4*52 + 45) = 2**253

# Without AVX-512 IFMA the same kernels are built from plain vector operations: correct, much slower.
NATIVE = get_host_cpu_features().get("avx512ifma", False) and not os.environ.get("LANES_PORTABLE")

SIGN_BIT = 1 << 31              # point reference: negate the point
ARENA_BIT = 1 << 30             # point reference: the point lies in the second array
INDEX_MASK = ARENA_BIT - 1


class BoundError(Exception):
    """A lazily reduced value could overflow; raised while a kernel is built."""


def require(condition, message):
    if not condition:
        raise BoundError(message)


def up(bound):
    """A bound rounded up to a multiple of 2**-10 (exact in binary floating point)."""
    return math.ceil(bound * 1024) / 1024


class Emitter:
    """The few vector instructions the DSL needs, on top of an LLVM IR builder."""

    def __init__(self, builder, dimensions=0):
        self.builder, self.dimensions = builder, dimensions

    def call(self, name, result, *arguments):
        module = self.builder.module
        function = module.globals.get(name)
        if function is None:
            kind = ir.FunctionType(result, [argument.type for argument in arguments])
            function = ir.Function(module, kind, name)
        return self.builder.call(function, arguments)

    # -- integers and addresses -------------------------------------------------------------
    def integer(self, value, kind=I64):
        return ir.Constant(kind, value) if isinstance(value, int) else value

    def address(self, pointer, index, stride, kind):
        """Typed pointer to `index * stride` bytes past a byte pointer."""
        offset = self.builder.mul(self.integer(index), self.integer(stride))
        return self.builder.bitcast(self.builder.gep(pointer, [offset]), kind.as_pointer())

    def plus(self, index, constant):
        return self.builder.add(index, self.integer(constant))

    # -- vectors ----------------------------------------------------------------------------
    def splat(self, value):
        return ir.Constant(VECTOR, [ir.Constant(I64, value)] * LANES)

    def table(self, values):
        return ir.Constant(VECTOR, [ir.Constant(I64, value) for value in values])

    def load(self, pointer, index, kind=VECTOR, align=8):
        """Vector number `index` of an array of vectors."""
        stride = kind.count * kind.element.width // 8
        return self.builder.load(self.address(pointer, index, stride, kind), align=align)

    def store(self, pointer, index, value, align=8):
        stride = value.type.count * value.type.element.width // 8
        self.builder.store(value, self.address(pointer, index, stride, value.type), align=align)

    def shuffle(self, a, b, order):
        mask = ir.Constant(ir.VectorType(I32, len(order)), [ir.Constant(I32, i) for i in order])
        return self.builder.shuffle_vector(a, b, mask)

    def madd_low(self, sum_, a, b):
        """sum + the low 52 bits of the product of two 52-bit factors (higher bits are ignored)."""
        if NATIVE:
            return self.call("llvm.x86.avx512.vpmadd52l.uq.512", VECTOR, sum_, a, b)
        return self.builder.add(sum_, self.builder.and_(self.builder.mul(a, b), self.splat(LIMB_MASK)))

    def madd_high(self, sum_, a, b):
        """sum + the high 52 bits of the product."""
        if NATIVE:
            return self.call("llvm.x86.avx512.vpmadd52h.uq.512", VECTOR, sum_, a, b)
        build, wide = self.builder, ir.VectorType(ir.IntType(128), LANES)
        shift = ir.Constant(wide, [ir.Constant(wide.element, LIMB_BITS)] * LANES)
        a, b = (build.zext(build.and_(x, self.splat(LIMB_MASK)), wide) for x in (a, b))
        return build.add(sum_, build.trunc(build.lshr(build.mul(a, b), shift), VECTOR))

    def shift_pair(self, high, low, bits):
        """Low word of the 128-bit (high, low) shifted right."""
        return self.call("llvm.fshr.v8i64", VECTOR, high, low, self.splat(bits))

    def lookup(self, table, index):
        """Per lane table[index]; the table is a list of 8 or 16 constants."""
        if NATIVE and len(table) == LANES:
            return self.call("llvm.x86.avx512.permvar.di.512", VECTOR, self.table(table), index)
        if NATIVE:
            return self.call("llvm.x86.avx512.vpermi2var.q.512", VECTOR,
                             self.table(table[:LANES]), index, self.table(table[LANES:]))
        result = self.splat(table[0])
        for k, value in enumerate(table[1:], 1):
            hit = self.builder.icmp_unsigned("==", index, self.splat(k))
            result = self.builder.select(hit, self.splat(value), result)
        return result

    def mask_bits(self, mask):
        """Mask of eight lanes -> integer 0..255."""
        return self.builder.zext(self.builder.bitcast(mask, I8), I64)

    def prefetch(self, address):
        self.call("llvm.prefetch.p0", ir.VoidType(), address, ir.Constant(I32, 0),
                  ir.Constant(I32, 3), ir.Constant(I32, 1))


class Mask:
    """One truth value per lane, with `&`, `|`, `~`."""

    def __init__(self, emit, bits):
        self.emit, self.bits = emit, bits

    def __and__(self, other):
        return Mask(self.emit, self.emit.builder.and_(self.bits, other.bits))

    def __or__(self, other):
        return Mask(self.emit, self.emit.builder.or_(self.bits, other.bits))

    def __invert__(self):
        return Mask(self.emit, self.emit.builder.not_(self.bits))

    def select(self, yes, no):
        """Lanes of `yes` where the mask holds, of `no` elsewhere."""
        limbs = [self.emit.builder.select(self.bits, a, b) for a, b in zip(yes.limbs, no.limbs)]
        return Lanes(self.emit, yes.field, limbs, min(yes.low, no.low), max(yes.high, no.high),
                     max(yes.spread, no.spread), yes.signed or no.signed)


class Lanes:
    """Eight elements of a prime field, one per lane, as five vectors of 52-bit limbs."""

    def __init__(self, emit, field, limbs, low, high, spread=1, signed=False):
        """`signed`: limbs may be negative.  Neither signed nor spread: every limb is below 2**52."""
        require(spread <= MAX_SPREAD, f"limbs may reach {spread} * 2**52")
        self.emit, self.field, self.limbs = emit, field, limbs
        self.low, self.high, self.spread, self.signed = low, high, spread, signed
        self.tidy = spread == 1 and not signed

    # -- making and storing -----------------------------------------------------------------
    @classmethod
    def constant(cls, emit, field, value):
        """The integer `value` (given in plain form) in all lanes."""
        limbs = [emit.splat(limb) for limb in limbs_of(field.encode(value))]
        return cls(emit, field, limbs, 0, 1)

    @classmethod
    def load(cls, emit, field, pointer, index, bound=STORED):
        """Value number `index` of a lanes array (40 words each); the caller vouches for `bound`."""
        base = emit.builder.mul(emit.integer(index), emit.integer(LIMBS))
        limbs = [emit.load(pointer, emit.plus(base, i)) for i in range(LIMBS)]
        return cls(emit, field, limbs, 0, bound)

    @classmethod
    def broadcast(cls, emit, field, pointer, index, bound=STORED):
        """Entry `index` of a table of single elements (5 words each), in all lanes."""
        b, limbs = emit.builder, []
        base = b.mul(emit.integer(index), emit.integer(LIMBS))
        for i in range(LIMBS):
            word = b.load(emit.address(pointer, emit.plus(base, i), 8, I64), align=8)
            one = b.insert_element(ir.Constant(VECTOR, ir.Undefined), word, ir.Constant(I32, 0))
            limbs.append(emit.shuffle(one, one, [0] * LANES))
        return cls(emit, field, limbs, 0, bound)

    def store(self, pointer, index, bound=STORED):
        """Store as value number `index` of a lanes array, checking that it is below bound * q."""
        value = self.normalize()
        require(value.high <= bound, f"stores a value below {value.high} q, promised {bound} q")
        base = self.emit.builder.mul(self.emit.integer(index), self.emit.integer(LIMBS))
        for i, limb in enumerate(value.limbs):
            self.emit.store(pointer, self.emit.plus(base, i), limb)

    @classmethod
    def from_words(cls, emit, field, words):
        """Four vectors of packed 64-bit words -> limbs."""
        mask, b = emit.splat(LIMB_MASK), emit.builder
        limbs = [b.and_(words[0], mask)]
        limbs += [b.and_(emit.shift_pair(words[i + 1], words[i], 52 - 12 * i), mask) for i in range(3)]
        limbs += [b.lshr(words[3], emit.splat(16))]
        return cls(emit, field, limbs, 0, STORED)

    def to_words(self):
        """Limbs -> four vectors of packed words, checking the packed bound."""
        value = self.normalize()
        require(value.high <= STORED, f"packs a value below {value.high} q")
        b, emit, limbs = self.emit.builder, self.emit, value.limbs
        words = [b.or_(limbs[0], b.shl(limbs[1], emit.splat(52)))]
        for i in range(1, 4):
            words.append(b.or_(b.lshr(limbs[i], emit.splat(12 * i)),
                               b.shl(limbs[i + 1], emit.splat(52 - 12 * i))))
        return words

    # -- lazy additions ---------------------------------------------------------------------
    def _make(self, limbs, low, high, spread=1, signed=False):
        return Lanes(self.emit, self.field, limbs, low, high, spread, signed)

    def __add__(self, other):
        limbs = [self.emit.builder.add(a, b) for a, b in zip(self.limbs, other.limbs)]
        return self._make(limbs, self.low + other.low, self.high + other.high,
                          self.spread + other.spread, self.signed or other.signed)

    def __sub__(self, other):
        limbs = [self.emit.builder.sub(a, b) for a, b in zip(self.limbs, other.limbs)]
        return self._make(limbs, self.low - other.high, self.high - other.low,
                          self.spread + other.spread, True)

    def __neg__(self):
        zero = self.emit.splat(0)
        limbs = [self.emit.builder.sub(zero, a) for a in self.limbs]
        return self._make(limbs, -self.high, -self.low, self.spread, True)

    def negate_where(self, mask):
        """Minus the value in the lanes of `mask` (exact zero stays exact zero)."""
        b, zero = self.emit.builder, self.emit.splat(0)
        limbs = [b.select(mask.bits, b.sub(zero, a), a) for a in self.limbs]
        return self._make(limbs, min(self.low, -self.high), max(self.high, -self.low), self.spread, True)

    def _carry(self, limbs, low, high):
        b, emit = self.emit.builder, self.emit
        require(high * self.field.modulus < RADIX, f"value may reach {high} q, beyond 260 bits")
        carry, tidy = None, []
        for limb in limbs[:-1]:
            total = limb if carry is None else b.add(limb, carry)
            tidy.append(b.and_(total, emit.splat(LIMB_MASK)))
            carry = b.ashr(total, emit.splat(LIMB_BITS))
        return self._make(tidy + [b.add(limbs[-1], carry)], low, high)

    def normalize(self):
        """The same residue, non-negative, with every limb below 2**52."""
        if self.tidy:
            return self
        limbs, lift = self.limbs, max(0, math.ceil(-self.low))
        if lift:
            limbs = [self.emit.builder.add(a, self.emit.splat(c))
                     for a, c in zip(limbs, limbs_of(lift * self.field.modulus))]
        require(self.spread + 1 <= MAX_SPREAD, "limbs too wide to carry")
        return self._carry(limbs, self.low + lift, self.high + lift)

    def reduce(self):
        """The same residue below about 1.67 q: subtract the multiple of q that the top bits name."""
        q, unit = self.field.modulus, 1 << (LIMB_BITS * (LIMBS - 1) + INDEX_SHIFT)
        # lazy lower limbs move the visible top by less than `slack`: keep it inside the table ...
        slack = (self.spread + 1) << (LIMB_BITS * (LIMBS - 1))
        lift = max(0, math.ceil(slack / q - self.low)) if self.signed else 0
        high = (self.high + lift) * q + slack
        size = LANES if high < LANES * unit else 2 * LANES
        require(high < size * unit, f"value may reach {self.high + lift} q, beyond the reduction table")
        # ... and never let it name a multiple above the value
        multiples = [index * unit // q for index in range(size)]
        require(all(i * unit - m * q > slack for i, m in enumerate(multiples) if m), "ambiguous")
        worst = max(up(((i + 1) * unit + slack - m * q) / q) for i, m in enumerate(multiples))
        offset = limbs_of(lift * q)
        b, emit = self.emit.builder, self.emit
        top = b.add(self.limbs[-1], emit.splat(offset[-1])) if lift else self.limbs[-1]
        index = b.ashr(top, emit.splat(INDEX_SHIFT))
        rows = [limbs_of(m * q) for m in multiples]
        limbs = [b.add(limb, emit.lookup([offset[i] - row[i] for row in rows], index))
                 for i, limb in enumerate(self.limbs)]
        return self._carry(limbs, 0, worst)

    # -- products ---------------------------------------------------------------------------
    def __mul__(self, other):
        """Montgomery product a * b / 2**260 (101 multiply-adds)."""
        return Lanes.dot([(self, other)])

    @staticmethod
    def dot(pairs):
        """Montgomery sum of products with a single reduction (50 multiply-adds a pair, and 51)."""
        emit, field = pairs[0][0].emit, pairs[0][0].field
        require(len(pairs) <= 64, "columns would overflow")
        columns, product = [emit.splat(0)] * (2 * LIMBS), 0
        for a, b in [(a.normalize(), b.normalize()) for a, b in pairs]:
            product += a.high * b.high
            for i in range(LIMBS):
                for j in range(LIMBS):
                    columns[i + j] = emit.madd_low(columns[i + j], a.limbs[i], b.limbs[j])
                    columns[i + j + 1] = emit.madd_high(columns[i + j + 1], a.limbs[i], b.limbs[j])
        return pairs[0][0]._fold(columns, product)

    def square(self):
        """Montgomery square (81 multiply-adds)."""
        emit, a = self.emit, self.normalize()
        columns = [emit.splat(0)] * (2 * LIMBS)
        for i in range(LIMBS):
            for j in range(i + 1, LIMBS):
                columns[i + j] = emit.madd_low(columns[i + j], a.limbs[i], a.limbs[j])
                columns[i + j + 1] = emit.madd_high(columns[i + j + 1], a.limbs[i], a.limbs[j])
        columns = [emit.builder.add(column, column) for column in columns]
        for i in range(LIMBS):
            columns[2 * i] = emit.madd_low(columns[2 * i], a.limbs[i], a.limbs[i])
            columns[2 * i + 1] = emit.madd_high(columns[2 * i + 1], a.limbs[i], a.limbs[i])
        return self._fold(columns, a.high * a.high)

    def _fold(self, columns, product):
        """Ten lazy columns of a product below product * q**2 -> Montgomery-reduced lanes.

        Columns 0..3 in turn are replaced by their multiple of 2**-52 mod q, one column up (no need
        to mask them: a multiply-add reads 52 bits); a classic Montgomery step removes column 4.
        """
        b, emit, field = self.emit.builder, self.emit, self.field
        columns = list(columns)
        for k in range(LIMBS):
            if k < LIMBS - 1:
                factor, multiplier, base = columns[k], field.limb_inverse, k + 1
            else:
                factor = emit.madd_low(emit.splat(0), columns[k], emit.splat(field.negated_inverse))
                multiplier, base = field.modulus, k
            for j, limb in enumerate(limbs_of(multiplier)):
                columns[base + j] = emit.madd_low(columns[base + j], factor, emit.splat(limb))
                columns[base + j + 1] = emit.madd_high(columns[base + j + 1], factor, emit.splat(limb))
            columns[k + 1] = b.add(columns[k + 1], b.lshr(columns[k], emit.splat(LIMB_BITS)))
        # beyond product / 2**260: the last folded column, the last quotient, and crumbs below 2**-40
        excess = field.limb_inverse / field.modulus + 1 + 2**-40
        return self._carry(columns[LIMBS:], 0, up(product * field.modulus / RADIX + excess))

    # -- tests ------------------------------------------------------------------------------
    def _equals(self, value, count):
        """Mask: the lowest `count` limbs equal those of an integer (value must be tidy)."""
        result = None
        for limb, wanted in list(zip(self.limbs, limbs_of(value)))[:count]:
            same = Mask(self.emit, self.emit.builder.icmp_unsigned("==", limb, self.emit.splat(wanted)))
            result = same if result is None else result & same
        return result

    def is_zero(self, limbs=LIMBS):
        """Mask: the residue is zero.  With limbs=1 a cheap necessary condition only."""
        value = self.normalize()
        first, last = math.ceil(value.low), math.ceil(value.high) - 1
        hits = [value._equals(k * self.field.modulus, limbs) for k in range(first, last + 1)]
        result = hits[0]
        for hit in hits[1:]:
            result = result | hit
        return result

    def is_exact_zero(self, limbs=LIMBS):
        """Mask: the stored integer itself (not only its residue) is zero."""
        require(self.tidy, "needs tidy limbs")
        return self._equals(0, limbs)


# -- packed points ------------------------------------------------------------------------------
# A point is `size` packed coordinates of 32 bytes.  A reference is 32 bits: SIGN_BIT | ARENA_BIT |
# index; it names point `index` of `points`, or of `arena` when ARENA_BIT is set.
EVEN, ODD = [0, 8, 2, 10, 4, 12, 6, 14], [1, 9, 3, 11, 5, 13, 7, 15]
LOWER, UPPER = [0, 1, 4, 5, 8, 9, 12, 13], [2, 3, 6, 7, 10, 11, 14, 15]
ROWS = [(0, 2), (1, 3), (4, 6), (5, 7)]      # which two points share a vector before transposing


def transpose(emit, rows):
    """Four vectors [4 words of one point | 4 words of another] (ROWS) <-> word k of all points."""
    low01, high01 = emit.shuffle(rows[0], rows[1], EVEN), emit.shuffle(rows[0], rows[1], ODD)
    low23, high23 = emit.shuffle(rows[2], rows[3], EVEN), emit.shuffle(rows[2], rows[3], ODD)
    return [emit.shuffle(low01, low23, LOWER), emit.shuffle(high01, high23, LOWER),
            emit.shuffle(low01, low23, UPPER), emit.shuffle(high01, high23, UPPER)]


def transpose_back(emit, words):
    """Inverse of `transpose`: word k of all points -> the four ROWS vectors."""
    spread_low, spread_high = [0, 1, 8, 9, 2, 3, 10, 11], [4, 5, 12, 13, 6, 7, 14, 15]
    low01, low23 = emit.shuffle(words[0], words[2], spread_low), emit.shuffle(words[0], words[2], spread_high)
    high01, high23 = emit.shuffle(words[1], words[3], spread_low), emit.shuffle(words[1], words[3], spread_high)
    return [emit.shuffle(low01, high01, EVEN), emit.shuffle(low01, high01, ODD),
            emit.shuffle(low23, high23, EVEN), emit.shuffle(low23, high23, ODD)]


def exchange_lanes(values):
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


class References:
    """Eight point references read from a uint32 array, resolved to addresses."""

    def __init__(self, emit, points, arena, references, index, size):
        self.emit, self.size = emit, size
        b = emit.builder
        self.addresses = []
        for lane in range(LANES):
            word = b.load(emit.address(references, emit.plus(index, lane), 4, I32), align=4)
            in_arena = b.icmp_unsigned("!=", b.and_(word, ir.Constant(I32, ARENA_BIT)), ir.Constant(I32, 0))
            base = b.select(in_arena, arena, points)
            slot = b.zext(b.and_(word, ir.Constant(I32, INDEX_MASK)), I64)
            self.addresses.append(b.gep(base, [b.mul(slot, emit.integer(32 * size))]))
        whole = b.load(emit.address(references, index, 4, REFERENCES), align=4)
        self.signs = Mask(emit, b.icmp_signed("<", whole, ir.Constant(REFERENCES, [ir.Constant(I32, 0)] * LANES)))

    def coordinate(self, field, slot):
        """Packed coordinate number `slot` of the eight points, as lanes."""
        rows = [self.emit.shuffle(self._half(one, slot), self._half(two, slot), list(range(LANES)))
                for one, two in ROWS]
        return Lanes.from_words(self.emit, field, transpose(self.emit, rows))

    def _half(self, lane, slot):
        return self.emit.load(self.addresses[lane], slot, HALF, align=8)

    def prefetch(self):
        for address in self.addresses:
            for line in range(self.size // 2):
                self.emit.prefetch(self.emit.address(address, line, 64, I8))


def store_coordinate(emit, pointer, first, size, slot, value):
    """Write lanes as packed coordinate `slot` of the eight points first .. first+7."""
    b = emit.builder
    for (one, two), row in zip(ROWS, transpose_back(emit, value.to_words())):
        for lane, order in ((one, [0, 1, 2, 3]), (two, [4, 5, 6, 7])):
            place = b.add(b.mul(emit.plus(first, lane), emit.integer(size)), emit.integer(slot))
            emit.store(pointer, place, emit.shuffle(row, row, order), align=8)


# -- kernels ------------------------------------------------------------------------------------
def call_apart(body, builder, dimensions, arguments, returns):
    """Call `body` as a function of the module being built, which is made at the first call.

    Numba compiles a function once more for each function that calls it; a module's own function is compiled once.
    """
    module, name = builder.module, f"{body.__module__}.{body.__qualname__}.{dimensions}"
    function = module.globals.get(name)
    if function is None:
        result = ir.VoidType() if returns is types.void else I64
        function = ir.Function(module, ir.FunctionType(result, [value.type for value in arguments]), name)
        function.linkage = "internal"
        function.attributes.add("noinline")
        own = ir.IRBuilder(function.append_basic_block())
        value = body(Emitter(own, dimensions), *function.args)
        own.ret_void() if value is None else own.ret(value)
    return builder.call(function, arguments)


def kernel(body=None, *, returns=types.void, apart=False):
    """Turn an emit-time function `body(emit, *arguments)` into a function callable from njit code.

    Array arguments arrive as byte pointers, all others as 64-bit integers.  emit.dimensions is the
    number of dimensions of the first array: a body may choose its coordinate type from it.
    `apart` emits the body once, as a function of its own in the module being built, however often it is called there;
    otherwise every call gets a copy of the body.
    """
    if body is None:
        return lambda function: kernel(function, returns=returns, apart=apart)

    def typing(typing_context, *kinds):
        signature = returns(*[k if isinstance(k, types.Array) else types.intp for k in kinds])

        def generate(context, builder, signature, values):
            dimensions = next(kind.ndim for kind in signature.args if isinstance(kind, types.Array))
            arguments = []
            for kind, value in zip(signature.args, values):
                if isinstance(kind, types.Array):
                    value = context.make_array(kind)(context, builder, value).data
                    value = builder.bitcast(value, I8.as_pointer())
                arguments.append(value)
            if apart:
                result = call_apart(body, builder, dimensions, arguments, returns)
            else:
                result = body(Emitter(builder, dimensions), *arguments)
            return context.get_dummy_value() if returns is types.void else result

        return signature, generate

    # Numba lowers calls by the declared parameters and does not accept *kinds: show it the body's
    typing.__signature__ = inspect.signature(body)
    typing.__name__ = typing.__qualname__ = body.__name__
    typing.__doc__ = body.__doc__
    return intrinsic(typing)
