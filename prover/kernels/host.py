"""Affine point arithmetic on Python integers: slow, complete, used for a handful of points only.

Coordinates are integers below q (G1) or `Fq2` (G2); None is the identity.
"""

from __future__ import annotations

from dataclasses import dataclass

from .field import BASE_MODULUS as Q


@dataclass(frozen=True)
class Fq2:
    """a + b u with u**2 = -1; `%` reduces and pow(x, -1, Q) inverts, as for integers."""

    a: int
    b: int

    def __add__(self, other):
        return Fq2(self.a + other.a, self.b + other.b)

    def __sub__(self, other):
        return Fq2(self.a - other.a, self.b - other.b)

    def __neg__(self):
        return Fq2(-self.a, -self.b)

    def __mul__(self, other):
        if isinstance(other, int):
            return Fq2(self.a * other, self.b * other)
        return Fq2(self.a * other.a - self.b * other.b, self.a * other.b + self.b * other.a)

    __rmul__ = __mul__

    def __mod__(self, modulus):
        return Fq2(self.a % modulus, self.b % modulus)

    def __pow__(self, exponent, modulus):
        assert exponent == -1
        scale = pow(self.a * self.a + self.b * self.b, -1, modulus)
        return Fq2(self.a * scale, -self.b * scale) % modulus

    def __bool__(self):
        return bool(self.a or self.b)


G1_GENERATOR = (1, 2)
G2_GENERATOR = (
    Fq2(10857046999023057135944570762232829481370756359578518086990519993285655852781,
        11559732032986387107991004021392285783925812861821192530917403151452391805634),
    Fq2(8495653923123431417604973247489272438418190587263600148770280649306958101930,
        4082367875863433681332203403145435568316851327593401208105741076214120093531))


def integers(coordinate):
    """The integers that make up a coordinate."""
    return [coordinate] if isinstance(coordinate, int) else [coordinate.a, coordinate.b]


def coordinate(parts):
    """The inverse of `integers`."""
    return parts[0] if len(parts) == 1 else Fq2(*parts)


def add(p, q):
    """p + q for any two points."""
    if p is None or q is None:
        return q if p is None else p
    (x1, y1), (x2, y2) = p, q
    if x1 == x2 and not (y1 + y2) % Q:
        return None
    if x1 == x2:
        slope = 3 * x1 * x1 * pow(2 * y1, -1, Q) % Q
    else:
        slope = (y2 - y1) * pow(x2 - x1, -1, Q) % Q
    x3 = (slope * slope - x1 - x2) % Q
    return x3, (slope * (x1 - x3) - y1) % Q


def negate(p):
    return None if p is None else (p[0], -p[1] % Q)


def multiply(p, scalar):
    result = None
    for bit in bin(scalar)[2:]:
        result = add(result, result)
        if bit == "1":
            result = add(result, p)
    return result
