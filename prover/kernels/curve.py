"""Short-Weierstrass point formulas of kernels, written once for any coordinate type and either arithmetic.

The formulas only use `+ - * .square() .reduce()` and comparisons, so the same text serves G1 (coordinates are
elements) and G2 (coordinates are `Fp2` pairs); see `coordinates`. Formulas: the Explicit-Formulas Database, "xyzz".

Identity: in packed affine form all words zero; in XYZZ form zz = 0 (never produced here).
"""

from __future__ import annotations

from typing import Any, TypeAlias

from .emitter import Mask

Coordinate: TypeAlias = Any     # an Element or an Fp2: what both have in common is how they read here


class Affine:
    """Affine points (x, y), one a lane."""

    def __init__(self, x: Coordinate, y: Coordinate) -> None:
        self.x, self.y = x, y

    def is_identity(self) -> Mask:
        """Mask: all words are zero."""
        hit: Mask = self.x.is_exact_zero() & self.y.is_exact_zero()
        return hit

    def negate_where(self, mask: Mask) -> Affine:
        """Minus the points in the lanes of `mask`."""
        return Affine(self.x, self.y.negate_where(mask))


class XYZZ:
    """Points x/zz, y/zzz with zz**3 == zzz**2, one a lane."""

    def __init__(self, x: Coordinate, y: Coordinate, zz: Coordinate, zzz: Coordinate) -> None:
        self.x, self.y, self.zz, self.zzz = x, y, zz, zzz

    def coordinates(self) -> tuple[Coordinate, Coordinate, Coordinate, Coordinate]:
        """All four."""
        return self.x, self.y, self.zz, self.zzz


# -- affine addition, split around the shared inversion ------------------------------------------------------------
def chord(p: Affine, q: Affine) -> Coordinate:
    """Denominator of the slope of p + q when x1 != x2."""
    return q.x - p.x


def affine_add(p: Affine, q: Affine, inverse: Coordinate) -> Affine:
    """p + q for distinct x, given 1 / (x2 - x1): 2 products and a square (all points finite)."""
    return on_line(p, q, inverse * (q.y - p.y))


def on_line(p: Affine, q: Affine, slope: Coordinate) -> Affine:
    """The third point of the line through p and q, reflected."""
    x3 = slope.square() - p.x - q.x
    y3 = slope * (p.x - x3) - p.y                      # with x3 not reduced yet: y3 is what takes longest
    return Affine(x3.reduce(), y3.reduce())


class Careful:
    """The complete affine addition: any mix of chords, doublings, cancellations and identities."""

    def __init__(self, kind: Any, p: Affine, q: Affine, signed_p: Affine, signed_q: Affine) -> None:
        """`p`, `q` as stored (for the identity test); `signed_*` with the signs applied."""
        self.select, self.p, self.q = kind.select, signed_p, signed_q
        self.one, self.zero = kind.constant(p.x.emit, 1), kind.constant(p.x.emit, 0)
        self.p_is_identity, self.q_is_identity = p.is_identity(), q.is_identity()
        same_x = (q.x - p.x).is_zero()
        self.tangent = same_x & (signed_q.y - signed_p.y).is_zero()
        self.cancel = same_x & ~self.tangent
        self.idle = self.p_is_identity | self.q_is_identity | self.cancel

    def denominator(self) -> Coordinate:
        """Never zero: 1 where no slope is needed (the group has no point with y = 0)."""
        p, q = self.p, self.q
        sloped = self.select(self.tangent, p.y + p.y, q.x - p.x)
        return self.select(self.idle, self.one, sloped)

    def add(self, inverse: Coordinate) -> Affine:
        """p + q, given the inverse of `denominator`."""
        p, q, select = self.p, self.q, self.select
        square = p.x.square()
        slope = inverse * select(self.tangent, square + square + square, q.y - p.y)
        total = on_line(p, q, slope)
        vanish = (self.p_is_identity & self.q_is_identity) | (
            self.cancel & ~self.p_is_identity & ~self.q_is_identity)

        def pick(of_sum: Coordinate, of_p: Coordinate, of_q: Coordinate) -> Coordinate:
            result = select(self.q_is_identity, of_p.reduce(), of_sum)
            result = select(self.p_is_identity, of_q.reduce(), result)
            return select(vanish, self.zero, result)

        return Affine(pick(total.x, p.x, q.x), pick(total.y, p.y, q.y))


# -- XYZZ ----------------------------------------------------------------------------------------------------------
def xyzz_add_affine(p: XYZZ, q: Affine) -> XYZZ:
    """p + q, q affine, p != +-q: 8 products, 2 squares."""
    dx = q.x * p.zz - p.x
    dy = q.y * p.zzz - p.y
    return xyzz_finish(p.x, p.y, dx, dy, p.zz, p.zzz)


def xyzz_add(p: XYZZ, q: XYZZ) -> XYZZ:
    """p + q, p != +-q: 12 products, 2 squares."""
    x1, y1 = p.x * q.zz, p.y * q.zzz
    dx = q.x * p.zz - x1
    dy = q.y * p.zzz - y1
    return xyzz_finish(x1, y1, dx, dy, p.zz * q.zz, p.zzz * q.zzz)


def xyzz_finish(x1: Coordinate, y1: Coordinate, dx: Coordinate, dy: Coordinate, zz: Coordinate,
                zzz: Coordinate) -> XYZZ:
    """The sum from one point (x1, y1) and the differences to the other, all over (zz, zzz)."""
    dx2 = dx.square()
    dx3 = dx * dx2
    v = x1 * dx2
    x = (dy.square() - dx3 - v - v).reduce()
    y = (dy * (v - x) - y1 * dx3).reduce()
    return XYZZ(x, y, zz * dx2, zzz * dx3)


def xyzz_double(p: XYZZ) -> XYZZ:
    """2 p on a curve with a = 0: 6 products, 3 squares."""
    u = p.y + p.y
    v = u.square()
    w = u * v
    s = p.x * v
    square = p.x.square()
    m = square + square + square
    x = (m.square() - s - s).reduce()
    y = (m * (s - x) - w * p.y).reduce()
    return XYZZ(x, y, v * p.zz, w * p.zzz)


def select_point(kind: Any, mask: Mask, yes: XYZZ, no: XYZZ) -> XYZZ:
    """`yes` where the mask holds, `no` elsewhere."""
    return XYZZ(*[kind.select(mask, a, b) for a, b in zip(yes.coordinates(), no.coordinates(), strict=True)])
