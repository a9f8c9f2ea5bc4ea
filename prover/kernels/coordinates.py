"""Coordinate types: how the point formulas see G1 (Fp) and G2 (Fp2) coordinates.

A kernel learns its coordinate type from the dimensions of its first array argument: Fp arrays have shape (n, 2, 4) or
(n, limbs, lanes), three dimensions; Fp2 arrays have one more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from .emitter import Element, Emitter, Mask, Value
from .field import BASE

Gather: TypeAlias = Callable[[int], Element]
"""Packed element number 0, 1, ... of the points at hand."""

Scatter: TypeAlias = Callable[[int, Element], None]
"""Store as packed element number 0, 1, ... of the points at hand."""


class Fp:
    """One element; 32 bytes packed."""

    parts = 1

    @staticmethod
    def constant(emit: Emitter, value: int) -> Element:
        """The integer `value` in all lanes."""
        return emit.element.constant(emit, BASE, value)

    @staticmethod
    def load(emit: Emitter, state: Value, index: int | Value, bound: float) -> Element:
        """Coordinate number `index` of an array (n, limbs, lanes)."""
        return emit.element.load(emit, BASE, state, index, bound)

    @staticmethod
    def gather(element: Gather, number: int) -> Element:
        """Coordinate 0 (x) or 1 (y) of packed points."""
        return element(number)

    @staticmethod
    def scatter(store: Scatter, number: int, value: Element) -> None:
        """Write coordinate 0 (x) or 1 (y) of packed points."""
        store(number, value)

    @staticmethod
    def norm(value: Element) -> Element:
        """The product of the conjugates, in the prime field: the value itself."""
        return value

    @staticmethod
    def divide(value: Element, inverse: Element) -> Element:
        """The inverse of a value, given that of its norm."""
        return inverse

    @staticmethod
    def select(mask: Mask, yes: Element, no: Element) -> Element:
        """`yes` where the mask holds, `no` elsewhere."""
        return yes.select(mask, no)

    @staticmethod
    def canonical(value: Element) -> Element:
        """Below q."""
        return value.canonical()


class Fp2:
    """a + b u with u**2 = -1; 64 bytes packed (a first). `a` and `b` are elements of either arithmetic."""

    parts = 2

    def __init__(self, a: Any, b: Any) -> None:
        self.a, self.b = a, b
        self.emit: Emitter = a.emit

    # -- arithmetic: the same operators as an element
    def __add__(self, other: Fp2) -> Fp2:
        return Fp2(self.a + other.a, self.b + other.b)

    def __sub__(self, other: Fp2) -> Fp2:
        return Fp2(self.a - other.a, self.b - other.b)

    def __neg__(self) -> Fp2:
        return Fp2(-self.a, -self.b)

    def __mul__(self, other: Fp2) -> Fp2:
        """Two sums of two products, one reduction each (302 multiply-adds, as Karatsuba)."""
        dot = self.a.dot
        return Fp2(dot([(self.a, other.a), (-self.b, other.b)]), dot([(self.a, other.b), (self.b, other.a)]))

    def square(self) -> Fp2:
        """(a + b)(a - b) + 2 a b u."""
        return Fp2((self.a + self.b) * (self.a - self.b), (self.a + self.a) * self.b)

    def normalize(self) -> Fp2:
        """Both parts non-negative."""
        return Fp2(self.a.normalize(), self.b.normalize())

    def reduce(self) -> Fp2:
        """Both parts below STORED * q."""
        return Fp2(self.a.reduce(), self.b.reduce())

    def negate_where(self, mask: Mask) -> Fp2:
        """Minus the value in the lanes of `mask`."""
        return Fp2(self.a.negate_where(mask), self.b.negate_where(mask))

    def is_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the residue is zero; with `limbs` a cheap necessary condition only."""
        return _both(self.a.is_zero(limbs), self.b.is_zero(limbs))

    def is_exact_zero(self, limbs: int | None = None) -> Mask:
        """Mask: the stored integers themselves are zero."""
        return _both(self.a.is_exact_zero(limbs), self.b.is_exact_zero(limbs))

    def store(self, state: Value, index: int | Value, bound: float | None = None) -> None:
        """Store as coordinate number `index` of an array (n, 2, limbs, lanes)."""
        base = self.emit.times(index, 2)
        self.a.store(state, base, bound)
        self.b.store(state, self.emit.plus(base, 1), bound)

    # -- coordinate type
    @staticmethod
    def constant(emit: Emitter, value: int) -> Fp2:
        """The integer `value` in all lanes."""
        return Fp2(Fp.constant(emit, value), Fp.constant(emit, 0))

    @staticmethod
    def load(emit: Emitter, state: Value, index: int | Value, bound: float) -> Fp2:
        """Coordinate number `index` of an array (n, 2, limbs, lanes)."""
        base = emit.times(index, 2)
        return Fp2(Fp.load(emit, state, base, bound), Fp.load(emit, state, emit.plus(base, 1), bound))

    @staticmethod
    def gather(element: Gather, number: int) -> Fp2:
        """Coordinate 0 (x) or 1 (y) of packed points."""
        return Fp2(element(2 * number), element(2 * number + 1))

    @staticmethod
    def scatter(store: Scatter, number: int, value: Fp2) -> None:
        """Write coordinate 0 (x) or 1 (y) of packed points."""
        store(2 * number, value.a)
        store(2 * number + 1, value.b)

    @staticmethod
    def norm(value: Fp2) -> Element:
        """a**2 + b**2, the product of the conjugates, in the prime field."""
        norm: Element = value.a.dot([(value.a, value.a), (value.b, value.b)])
        return norm

    @staticmethod
    def divide(value: Fp2, inverse: Element) -> Fp2:
        """The inverse of a value, given that of its norm."""
        return Fp2(value.a * inverse, -value.b * inverse)

    @staticmethod
    def select(mask: Mask, yes: Fp2, no: Fp2) -> Fp2:
        """`yes` where the mask holds, `no` elsewhere."""
        return Fp2(yes.a.select(mask, no.a), yes.b.select(mask, no.b))

    @staticmethod
    def canonical(value: Fp2) -> Fp2:
        """Both parts below q."""
        return Fp2(value.a.canonical(), value.b.canonical())


def _both(a: Mask, b: Mask) -> Mask:
    return a & b


def coordinate_type(emit: Emitter) -> Any:
    """Fp or Fp2, by the dimensions of the kernel's first array."""
    return {3: Fp, 4: Fp2}[emit.dimensions]
