"""Coordinate types: how the point formulas see G1 (Fp) and G2 (Fp2) coordinates.

A kernel learns its coordinate type from the dimensions of its first array argument:
Fp arrays have shape (n, ..., 4) or (n, 5, 8) with 3 dimensions, Fp2 arrays one dimension more.
"""

from __future__ import annotations

from .field import BASE
from .lanes import Lanes, store_coordinate


class Fp:
    """One lanes value; 32 bytes packed."""

    parts = 1

    @staticmethod
    def constant(emit, value):
        return Lanes.constant(emit, BASE, value)

    @staticmethod
    def load(emit, state, index, bound):
        return Lanes.load(emit, BASE, state, index, bound)

    @staticmethod
    def gather(references, number):
        """Coordinate 0 (x) or 1 (y) of eight packed points."""
        return references.coordinate(BASE, number)

    @staticmethod
    def scatter(emit, arena, first, number, value):
        store_coordinate(emit, arena, first, 2, number, value)

    @staticmethod
    def cofactor(value):
        """The product of the other conjugates: value * cofactor lies in the prime field."""
        return Lanes.constant(value.emit, value.field, 1)

    @staticmethod
    def select(mask, yes, no):
        return mask.select(yes, no)


class Fp2:
    """a + b u with u**2 = -1; 64 bytes packed (a first)."""

    parts = 2

    def __init__(self, a, b):
        self.a, self.b, self.emit = a, b, a.emit

    # -- arithmetic: the same operators as Lanes
    def __add__(self, other):
        return Fp2(self.a + other.a, self.b + other.b)

    def __sub__(self, other):
        return Fp2(self.a - other.a, self.b - other.b)

    def __neg__(self):
        return Fp2(-self.a, -self.b)

    def __mul__(self, other):
        """Two sums of two products, one reduction each (302 multiply-adds, as Karatsuba)."""
        return Fp2(Lanes.dot([(self.a, other.a), (-self.b, other.b)]),
                   Lanes.dot([(self.a, other.b), (self.b, other.a)]))

    def square(self):
        return Fp2((self.a + self.b) * (self.a - self.b), (self.a + self.a) * self.b)

    def normalize(self):
        return Fp2(self.a.normalize(), self.b.normalize())

    def reduce(self):
        return Fp2(self.a.reduce(), self.b.reduce())

    def negate_where(self, mask):
        return Fp2(self.a.negate_where(mask), self.b.negate_where(mask))

    def is_zero(self, limbs=5):
        return self.a.is_zero(limbs) & self.b.is_zero(limbs)

    def is_exact_zero(self, limbs=5):
        return self.a.is_exact_zero(limbs) & self.b.is_exact_zero(limbs)

    def store(self, state, index, bound):
        base = self.emit.builder.mul(self.emit.integer(index), self.emit.integer(2))
        self.a.store(state, base, bound)
        self.b.store(state, self.emit.plus(base, 1), bound)

    # -- coordinate type
    @staticmethod
    def constant(emit, value):
        return Fp2(Lanes.constant(emit, BASE, value), Lanes.constant(emit, BASE, 0))

    @staticmethod
    def load(emit, state, index, bound):
        base = emit.builder.mul(emit.integer(index), emit.integer(2))
        return Fp2(Lanes.load(emit, BASE, state, base, bound),
                   Lanes.load(emit, BASE, state, emit.plus(base, 1), bound))

    @staticmethod
    def gather(references, number):
        return Fp2(references.coordinate(BASE, 2 * number), references.coordinate(BASE, 2 * number + 1))

    @staticmethod
    def scatter(emit, arena, first, number, value):
        store_coordinate(emit, arena, first, 4, 2 * number, value.a)
        store_coordinate(emit, arena, first, 4, 2 * number + 1, value.b)

    @staticmethod
    def cofactor(value):
        return Fp2(value.a, -value.b)

    @staticmethod
    def select(mask, yes, no):
        return Fp2(mask.select(yes.a, no.a), mask.select(yes.b, no.b))


def coordinate_type(emit):
    return {3: Fp, 4: Fp2}[emit.dimensions]
