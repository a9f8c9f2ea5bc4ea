"""Fp12 elements spread across lanes, and the line functions of the ate pairing: formulas that emit code.

Fp12 = Fp2[w] / (w**6 - xi), xi = 9 + u. A *row* is one Fp12 element held in a single `Fp2` value: lane i holds the
coefficient of w**i, lanes 6 and 7 are idle. A row product then costs 1302 multiply-adds, a fifth of an Fp12 product
in one lane of eight, so the parts of a pairing that exist only once (accumulator, final exponentiation) do not waste
seven lanes. Large products are as well served: eight row products by a line take 1.0 us, eight products side by side
in eight lanes 0.94 us (six of eight lanes busy, but fewer reductions and spills).

Bounds: rows are stored below STORED q, point coordinates below POINT q, lines below LINE q.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from .coordinates import Fp2
from .field import BASE, LANES, LIMBS, STORED
from .lanes import I1, I64, Emitter, Lanes, Mask, Value, ir

POINT = 2
LINE = 3
DEGREE = 6
IDLE = [6, 7]

Point: TypeAlias = tuple[Fp2, Fp2, Fp2]
Line: TypeAlias = tuple[Fp2, Fp2, Fp2]


# -- Fp2 helpers ------------------------------------------------------------------------------------------------------
def load(emit: Emitter, memory: Value, index: Value, bound: float = STORED) -> Fp2:
    """The Fp2 value in the lanes values number `index` and `index` + 1."""
    return Fp2(Lanes.load(emit, BASE, memory, index, bound),
               Lanes.load(emit, BASE, memory, emit.plus(index, 1), bound))


def store(emit: Emitter, memory: Value, index: Value, value: Fp2, bound: float = STORED) -> None:
    value.a.store(memory, index, bound)
    value.b.store(memory, emit.plus(index, 1), bound)


def constant(emit: Emitter, value: tuple[int, int]) -> Fp2:
    """One Fp2 integer pair in all lanes."""
    return Fp2(*[Lanes.constant(emit, BASE, part) for part in value])


def dot(pairs: Sequence[tuple[Fp2, Fp2]]) -> Fp2:
    """Sum of Fp2 products, one reduction a part."""
    real, imaginary = [], []
    for x, y in pairs:
        real += [(x.a, y.a), (x.b, (-y.b).normalize())]
        imaginary += [(x.a, y.b), (x.b, y.a)]
    return Fp2(Lanes.dot(real), Lanes.dot(imaginary))


def twice(x: Fp2) -> Fp2:
    return x + x


def times_xi(x: Fp2) -> Fp2:
    """(9 + u) x: ten times the bound, too wide for `reduce`, fine in a product that is reduced."""
    eight = twice(twice(twice(x)))
    return Fp2(eight.a + x.a - x.b, eight.b + x.b + x.a)


def scale(x: Fp2, factor: Lanes) -> Fp2:
    """Fp2 times Fp."""
    return Fp2(x.a * factor, x.b * factor)


def conjugate(x: Fp2) -> Fp2:
    """The q-th power of an Fp2 element."""
    return Fp2(x.a, (-x.b).normalize())


# -- moving lanes -----------------------------------------------------------------------------------------------------
def shuffle(x: Fp2, y: Fp2, order: Sequence[int]) -> Fp2:
    """Lane k of the result is lane order[k] of x, or lane order[k] - 8 of y."""
    def part(a: Lanes, b: Lanes) -> Lanes:
        a, b = a.normalize(), b.normalize()
        limbs = [a.emit.shuffle(s, t, order) for s, t in zip(a.limbs, b.limbs, strict=True)]
        return Lanes(a.emit, a.field, limbs, 0, max(a.high, b.high))
    return Fp2(part(x.a, y.a), part(x.b, y.b))


def broadcast(emit: Emitter, memory: Value, index: Value, lane: Value, bound: float) -> Fp2:
    """One lane of a stored Fp2 value, in all lanes (read from memory: no shuffles)."""
    b = emit.builder

    def part(number: Value) -> Lanes:
        limbs = []
        for limb in range(LIMBS):
            place = b.add(emit.times(emit.plus(emit.times(number, LIMBS), limb), LANES), emit.integer(lane))
            limbs.append(emit.everywhere(b.load(emit.address(memory, place, 8, I64), align=8)))
        return Lanes(emit, BASE, limbs, 0, bound)

    return Fp2(part(index), part(emit.plus(index, 1)))


def lane_mask(emit: Emitter, lanes: Sequence[int]) -> Mask:
    """Mask that holds in the given lanes."""
    kind = ir.VectorType(I1, LANES)
    return Mask(emit, ir.Constant(kind, [ir.Constant(I1, int(k in lanes)) for k in range(LANES)]))


# -- rows -------------------------------------------------------------------------------------------------------------
def row_product(factors: Sequence[tuple[int, Fp2]], row: Fp2) -> Fp2:
    """row times the sum of c * w**i over (i, c) in factors; each c is the same in all lanes.

    Per factor 200 multiply-adds, plus 102.
    """
    row, wrapped = row.normalize(), times_xi(row).normalize()
    minus = Fp2((-row.b).normalize(), (-wrapped.b).normalize())     # minus imaginary parts: plain, wrapped
    real, imaginary = [], []
    for i, c in factors:
        order = [k - i if k >= i else LANES + DEGREE + k - i for k in range(DEGREE)] + IDLE
        turned = shuffle(row, wrapped, order)
        turned_minus = shuffle(Fp2(minus.a, minus.a), Fp2(minus.b, minus.b), order).a
        real += [(c.a, turned.a), (c.b, turned_minus)]
        imaginary += [(c.a, turned.b), (c.b, turned.a)]
    return Fp2(Lanes.dot(real), Lanes.dot(imaginary)).reduce()


def row_square(row: Fp2) -> Fp2:
    """902 multiply-adds: each lane needs two doubled products and two plain ones.

    Lane 2m sums g[m]**2, xi-or-not g[m+3]**2 and the doubled pairs; lane 2m+1 has three doubled pairs, the third of
    which is counted as two plain products.
    """
    row, wrapped = row.normalize(), times_xi(row).normalize()
    doubled = twice(row).normalize()
    left: list[list[int]] = [[] for _ in range(4)]
    right: list[list[int]] = [[] for _ in range(4)]
    for k in range(DEGREE):
        pairs = [(i, (k - i) % DEGREE) for i in range(DEGREE) if i < (k - i) % DEGREE]
        alone = [(i, i) for i in range(DEGREE) if 2 * i % DEGREE == k]
        chosen = pairs[:2] + (alone or [pairs[2], pairs[2]])
        for s, (i, j) in enumerate(chosen):
            left[s].append(i)
            right[s].append(j if i + j < DEGREE else LANES + j)
    products = []
    for s in range(4):
        source = doubled if s < 2 else row
        products.append((shuffle(source, source, left[s] + IDLE), shuffle(row, wrapped, right[s] + IDLE)))
    return dot(products).reduce()


def row_cyclotomic_square(row: Fp2) -> Fp2:
    """Square of a row of order dividing q**4 - q**2 + 1: 502 multiply-adds.

    Granger and Scott, "Faster squaring in the cyclotomic subgroup of sixth degree extensions" (PKC 2010).
    """
    row, wrapped = row.normalize(), times_xi(row).normalize()
    triple = (twice(row) + row).normalize()
    x, z = [0, 2, 1, 0, 2, 1], [3, 2, 4, 0, 5, 1]
    y = [0, LANES + 5, 1, 3, 2, 4]
    t = [LANES + 3, LANES + 5, LANES + 4, 3, LANES + 5, 4]
    total = dot([(shuffle(triple, triple, x + IDLE), shuffle(row, wrapped, y + IDLE)),
                 (shuffle(triple, triple, z + IDLE), shuffle(row, wrapped, t + IDLE))])
    signs = lane_mask(row.emit, (0, 2, 4))
    return (total.reduce() + twice(row).negate_where(signs)).reduce()


def row_conjugate(row: Fp2) -> Fp2:
    """The q**6-th power: odd coefficients change sign."""
    return row.negate_where(lane_mask(row.emit, (1, 3, 5))).reduce()


# -- lines ------------------------------------------------------------------------------------------------------------
# T = (x : y : z) is homogeneous on the twist. A line is r0 * yP + r1 * xP * w + r2 * w**3, scaled by the z of P, so
# that P = (px / pz, py / pz) needs no inversion; factors in Fp2 vanish in the final exponentiation. Formulas: Costello,
# Lange, Naehrig, "Faster pairing computations on curves with high-degree twists" (PKC 2010), as arranged by Aranha et
# al., "Faster explicit formulas for computing pairings over ordinary curves" (EUROCRYPT 2011).
def double(point: Point, twist_b3: Fp2) -> tuple[Point, Line]:
    """2 T and the tangent (r0, r1, r2); twist_b3 = 3 b'."""
    x, y, z = point
    b, j, c = y.square(), x.square(), z.square()
    e = twist_b3 * c
    h = twice(y * z)
    f = e + e + e
    xy, g = x * y, b + f
    x3 = twice((b - f) * xy)
    y3 = square_minus(g, e).reduce()
    z3 = twice(twice(b * h))
    return (x3.reduce(), y3, z3.reduce()), ((-h).reduce(), (j + j + j).reduce(), (e - b).reduce())


def square_minus(g: Fp2, e: Fp2) -> Fp2:
    """g**2 - 12 e**2 with one reduction a part."""
    e4 = twice(twice(e))
    minus = Fp2((-(e4.a + e4.a + e4.a)).normalize(), (-(e4.b + e4.b + e4.b)).normalize())
    return Fp2(Lanes.dot([(g.a + g.b, g.a - g.b), (minus.a + minus.b, e.a - e.b)]),
               Lanes.dot([(g.a + g.a, g.b), (minus.a + minus.a, e.b)]))


def add(point: Point, x2: Fp2, y2: Fp2) -> tuple[Point, Line]:
    """T + (x2, y2) and the chord; T != +-(x2, y2), else z becomes (and stays) zero."""
    x, y, z = point
    o, l = y - y2 * z, x - x2 * z
    c, d = o.square(), l.square()
    e, f, g = l * d, z * c, x * d
    h = e + f - g - g
    x3 = l * h
    y3 = dot([(g - h, o), (-e, y)])
    z3 = e * z
    r2 = dot([(x2, o), (-l, y2)])
    return (x3.reduce(), y3.reduce(), z3.reduce()), (l.reduce(), (-o).reduce(), r2)


def evaluate(line: Line, px: Lanes, py: Lanes, pz: Lanes) -> Line:
    """The coefficients of w**0, w**1, w**3 at P."""
    return scale(line[0], py), scale(line[1], px), scale(line[2], pz)
