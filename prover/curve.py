"""BN254 on Python integers: both groups, written once, complete, and slow enough for single points only.

The curve y**2 = x**3 + 3 over F_q holds G1 (order r, cofactor 1). Its sextic twist y**2 = x**3 + 3/(9+u) over
F_q[u]/(u**2+1) holds G2, the subgroup of order r; most points of the twist lie outside it. Parameters: EIP-196 and
EIP-197.

A finite point is a pair of affine coordinates, the identity is None. A G2 coordinate is a pair (c0, c1), meaning
c0 + c1*u.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Generic, TypeAlias, TypeVar

BASE_MODULUS = 21888242871839275222246405745257275088696311157297823662689037894645226208583
"""q, the order of the field the coordinates live in."""

ORDER = 21888242871839275222246405745257275088548364400416034343698204186575808495617
"""r, the order of both groups, and so the modulus of the scalar field."""

BN_PARAMETER = 4965661367192848881
"""x: q = 36 x**4 + 36 x**3 + 24 x**2 + 6 x + 1, and r likewise [Barreto, Naehrig 2005]."""

TWIST_COFACTOR = 2 * BASE_MODULUS - ORDER
"""The order of the twist divided by r."""

_Q = BASE_MODULUS

Fp2: TypeAlias = tuple[int, int]
G1: TypeAlias = tuple[int, int]
G2: TypeAlias = tuple[Fp2, Fp2]
F = TypeVar("F")


@dataclass(frozen=True)
class CoordinateField(Generic[F]):
    """What the point formulas need of the field their coordinates live in."""

    zero: F
    one: F
    add: Callable[[F, F], F]
    subtract: Callable[[F, F], F]
    multiply: Callable[[F, F], F]
    invert: Callable[[F], F]


def multiply_fp2(x: Fp2, y: Fp2) -> Fp2:
    return (x[0] * y[0] - x[1] * y[1]) % _Q, (x[0] * y[1] + x[1] * y[0]) % _Q


def _invert_fp2(x: Fp2) -> Fp2:
    norm = pow(x[0] * x[0] + x[1] * x[1], -1, _Q)
    return x[0] * norm % _Q, -x[1] * norm % _Q


FP = CoordinateField[int](0, 1, lambda x, y: (x + y) % _Q, lambda x, y: (x - y) % _Q, lambda x, y: x * y % _Q,
                          lambda x: pow(x, -1, _Q))
FP2 = CoordinateField[Fp2]((0, 0), (1, 0), lambda x, y: ((x[0] + y[0]) % _Q, (x[1] + y[1]) % _Q),
                           lambda x, y: ((x[0] - y[0]) % _Q, (x[1] - y[1]) % _Q), multiply_fp2, _invert_fp2)


@dataclass(frozen=True)
class Group(Generic[F]):
    """One of the two groups: y**2 = x**3 + b over `field`, with its generator.

    All operations work on every point of the curve, inside the subgroup or not, and on the identity.
    """

    name: str
    field: CoordinateField[F]
    b: F
    generator: tuple[F, F]

    def on_curve(self, point: tuple[F, F]) -> bool:
        """Whether reduced coordinates satisfy the curve equation; says nothing about the subgroup."""
        x, y = point
        f = self.field
        return f.multiply(y, y) == f.add(f.multiply(f.multiply(x, x), x), self.b)

    def in_subgroup(self, point: tuple[F, F]) -> bool:
        """Whether a point of the curve has order r: of G1's all have, of the twist's few."""
        return self.name == "G1" or _in_g2(point)

    def negate(self, point: tuple[F, F] | None) -> tuple[F, F] | None:
        return None if point is None else (point[0], self.field.subtract(self.field.zero, point[1]))

    def add(self, p: tuple[F, F] | None, q: tuple[F, F] | None) -> tuple[F, F] | None:
        """p + q by the chord and tangent rule."""
        if p is None or q is None:
            return q if p is None else p
        f, (x1, y1), (x2, y2) = self.field, p, q
        if x1 != x2:
            slope = f.multiply(f.subtract(y2, y1), f.invert(f.subtract(x2, x1)))
        elif y1 == y2 and y1 != f.zero:
            square = f.multiply(x1, x1)
            slope = f.multiply(f.add(f.add(square, square), square), f.invert(f.add(y1, y1)))
        else:
            return None
        x3 = f.subtract(f.multiply(slope, slope), f.add(x1, x2))
        return x3, f.subtract(f.multiply(slope, f.subtract(x1, x3)), y1)

    def multiply(self, point: tuple[F, F] | None, scalar: int) -> tuple[F, F] | None:
        """scalar * point, for any integer scalar."""
        return self.combine([scalar], [point])

    def combine(self, scalars: Sequence[int], points: Sequence[tuple[F, F] | None]) -> tuple[F, F] | None:
        """The sum of scalars[i] * points[i] for any integers, by one double-and-add for all, in Jacobian coordinates.

        The running time depends on the scalars: of the secrets that pass here (a proof's r and s, a ceremony's factor)
        each is used once and forgotten.
        """
        f, terms = self.field, []
        for scalar, point in zip(scalars, points, strict=True):
            if point is not None:
                terms.append((abs(scalar), point if scalar >= 0 else (point[0], f.subtract(f.zero, point[1]))))
        x, y, z = f.one, f.one, f.zero
        for bit in reversed(range(max((scalar.bit_length() for scalar, _ in terms), default=0))):
            x, y, z = self._double(x, y, z)
            for scalar, point in terms:
                if scalar >> bit & 1:
                    x, y, z = self._add_affine(x, y, z, point)
        if z == f.zero:
            return None
        inverse = f.invert(z)
        square = f.multiply(inverse, inverse)
        return f.multiply(x, square), f.multiply(y, f.multiply(square, inverse))

    def _double(self, x: F, y: F, z: F) -> tuple[F, F, F]:
        """Twice a Jacobian point ("dbl-2009-l" of the Explicit-Formulas Database); z = 0 is infinity."""
        f = self.field
        if z == f.zero:
            return x, y, z
        a, b = f.multiply(x, x), f.multiply(y, y)
        c, mixed = f.multiply(b, b), f.add(x, b)
        half = f.subtract(f.subtract(f.multiply(mixed, mixed), a), c)
        d, e = f.add(half, half), f.add(f.add(a, a), a)
        x3 = f.subtract(f.multiply(e, e), f.add(d, d))
        c2 = f.add(c, c)
        c4 = f.add(c2, c2)
        yz = f.multiply(y, z)
        return x3, f.subtract(f.multiply(e, f.subtract(d, x3)), f.add(c4, c4)), f.add(yz, yz)

    def _add_affine(self, x: F, y: F, z: F, point: tuple[F, F]) -> tuple[F, F, F]:
        """Jacobian plus affine, complete."""
        f = self.field
        if z == f.zero:
            return *point, f.one
        square = f.multiply(z, z)
        h = f.subtract(f.multiply(point[0], square), x)
        slope = f.subtract(f.multiply(point[1], f.multiply(square, z)), y)
        if h == f.zero:
            return self._double(x, y, z) if slope == f.zero else (f.one, f.one, f.zero)
        h2 = f.multiply(h, h)
        h3, v = f.multiply(h2, h), f.multiply(x, h2)
        x3 = f.subtract(f.subtract(f.multiply(slope, slope), h3), f.add(v, v))
        y3 = f.subtract(f.multiply(slope, f.subtract(v, x3)), f.multiply(y, h3))
        return x3, y3, f.multiply(z, h)


G1_GROUP = Group[int]("G1", FP, 3, (1, 2))
G2_GROUP = Group[Fp2]("G2", FP2, multiply_fp2((3, 0), _invert_fp2((9, 1))), (
    (10857046999023057135944570762232829481370756359578518086990519993285655852781,
     11559732032986387107991004021392285783925812861821192530917403151452391805634),
    (8495653923123431417604973247489272438418190587263600148770280649306958101930,
     4082367875863433681332203403145435568316851327593401208105741076214120093531)))


def canonical(point: object, depth: int) -> bool:
    """Whether this is a pair of integers in [0, q) (depth 1, a point of G1), or a pair of such pairs (2, of G2)."""
    if not isinstance(point, tuple) or len(point) != 2:
        return False
    if depth > 1:
        return all(canonical(part, depth - 1) for part in point)
    return all(type(value) is int and 0 <= value < _Q for value in point)


@cache
def _twist_constants() -> tuple[Fp2, Fp2]:
    """(9+u) to the powers (q-1)/3 and (q-1)/2: they bring the Frobenius image of a point back to the twist."""
    def power(value: Fp2, exponent: int) -> Fp2:
        result = FP2.one
        for bit in format(exponent, "b"):
            result = multiply_fp2(result, result)
            result = multiply_fp2(result, value) if bit == "1" else result
        return result

    return power((9, 1), (_Q - 1) // 3), power((9, 1), (_Q - 1) // 2)


def _frobenius(point: G2) -> G2:
    """ψ: an endomorphism of the twist that multiplies points of order r by q."""
    conjugates = [(part[0], -part[1] % _Q) for part in point]
    x, y = map(multiply_fp2, conjugates, _twist_constants())
    return x, y


@lru_cache(maxsize=256)
def _in_g2(point: G2) -> bool:
    """[6x+2] P + ψ(P) + ψ³(P) = ψ²(P), which holds for points of order r and no others of the twist.

    Four times faster than multiplying by r [El Housni, Guillevic, Piellard, AFRICACRYPT 2022], and remembered: every
    layer checks for itself what enters it, and the same few points pass through them all.
    """
    one = _frobenius(point)
    two = _frobenius(one)
    scaled = G2_GROUP.multiply(point, 6 * BN_PARAMETER + 2)
    return G2_GROUP.add(G2_GROUP.add(scaled, one), _frobenius(two)) == two
