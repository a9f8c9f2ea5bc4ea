"""BabyJubJub: the twisted Edwards curve over BN254's scalar field that circuits compute on [EIP-2494].

    A x**2 + y**2 = 1 + D x**2 y**2,        ORDER = 8 SUBGROUP_ORDER points

A is a square modulo r and D is not, so addition is complete: one formula, for all points, without exceptions
[Bernstein, Birkner, Joye, Lange, Peters: Twisted Edwards Curves, 2008; Hisil, Wong, Carter, Dawson, 2008]. The same
curve in Montgomery's form is v**2 = u**3 + MONTGOMERY_A u**2 + u with u = (1 + y)/(1 - y), v = u/x.

Secrets belong to the subgroup of prime order that `BASE` generates. A point from outside may lie elsewhere: in the
subgroup of eight points, where a shared secret takes eight values that anybody can guess, or off the curve altogether.
`require_key` refuses these; `unpack` and `Point` alone do not.

Python's integers take a time that depends on their values. Whoever can measure this process to the microsecond, many
times with one key, may learn something of the key: hold long-lived keys where nobody else runs code.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple

from primitives.errors import BadInput
from primitives.field import MODULUS

A, D = 168700, 168696
MONTGOMERY_A = 168698
"""2 (A + D) / (A - D); the other coefficient, 4 / (A - D), is 1."""
COFACTOR = 8
SUBGROUP_ORDER = 2736030358979909402780800718157159386076813972158567259200215660948447373041
"""l, a prime of 251 bits."""
ORDER = COFACTOR * SUBGROUP_ORDER
PACKED_BYTES = 32


class Point(NamedTuple):
    """Affine coordinates in [0, r); of the curve only if somebody has checked."""

    x: int
    y: int


IDENTITY = Point(0, 1)
GENERATOR = Point(995203441582195749578291179787384436505546430278305826713579947235728471134,
                  5472060717959818805561601436314318772137091100104008585924551046643952123905)
"""Of all ORDER points [EIP-2494]."""
BASE = Point(5299619240641551281634865583518297030282874472190772894086521144482721001553,
             16950150798460657717958625567821834550301663161624707787222815936182638968203)
"""8 GENERATOR, which generates the subgroup of prime order."""

_Extended = tuple[int, int, int, int]                      # X, Y, Z, T = X Y / Z


def is_on_curve(point: Point) -> bool:
    """Whether both coordinates are in [0, r) and satisfy the equation."""
    x, y = point
    if not (0 <= x < MODULUS and 0 <= y < MODULUS):
        return False
    return (A * x * x + y * y - 1 - D * x * x * y * y) % MODULUS == 0


def in_subgroup(point: Point) -> bool:
    """Whether a point of the curve lies in the subgroup of prime order; the identity does."""
    return multiply(SUBGROUP_ORDER, point) == IDENTITY


def add(first: Point, second: Point) -> Point:
    """The sum of two points of the curve, whichever they are."""
    return _affine(_add(_extended(first), _extended(second)))


def negate(point: Point) -> Point:
    """-P = (-x, y)."""
    return Point(-point.x % MODULUS, point.y)


def multiply(scalar: int, point: Point) -> Point:
    """scalar P for any integer, negative ones and those beyond the order included."""
    if scalar < 0:
        scalar, point = -scalar, negate(point)
    total, base = _extended(IDENTITY), _extended(point)
    for bit in bin(scalar)[2:]:
        total = _add(total, total)
        if bit == "1":
            total = _add(total, base)
    return _affine(total)


def total(points: list[Point]) -> Point:
    """The sum of points of the curve; the identity for none."""
    found = _extended(IDENTITY)
    for point in points:
        found = _add(found, _extended(point))
    return _affine(found)


def to_montgomery(point: Point) -> tuple[int, int]:
    """(u, v) of a point of the curve.

    Raises
    ------
    ZeroDivisionError : the identity, or the point of order 2: they have no finite image.
    """
    x, y = point
    if x == 0:
        raise ZeroDivisionError(f"{point} has no image on the Montgomery curve")
    u = (1 + y) * pow(1 - y, -1, MODULUS) % MODULUS
    return u, u * pow(x, -1, MODULUS) % MODULUS


def _extended(point: Point) -> _Extended:
    return point.x, point.y, 1, point.x * point.y % MODULUS


def _affine(point: _Extended) -> Point:
    inverse = pow(point[2], -1, MODULUS)
    return Point(point[0] * inverse % MODULUS, point[1] * inverse % MODULUS)


def _add(first: _Extended, second: _Extended) -> _Extended:
    """add-2008-hwcd: complete for these A and D."""
    x1, y1, z1, t1 = first
    x2, y2, z2, t2 = second
    a, b, c, d = x1 * x2 % MODULUS, y1 * y2 % MODULUS, D * t1 * t2 % MODULUS, z1 * z2 % MODULUS
    e, f, g, h = (x1 + y1) * (x2 + y2) - a - b, d - c, d + c, b - A * a
    return e * f % MODULUS, g * h % MODULUS, f * g % MODULUS, e * h % MODULUS


# -- keys ------------------------------------------------------------------------------------------------------------
def require_key(name: str, point: Point) -> Point:
    """A public key: a point of the subgroup of prime order other than the identity.

    Raises
    ------
    BadInput : coordinates out of range, off the curve, of small order, or outside the subgroup; says which.
    """
    for coordinate, value in point._asdict().items():
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MODULUS:
            raise BadInput(f"{name} {coordinate}", value, "a field element, in [0, r)")
    if not is_on_curve(point):
        raise BadInput(name, tuple(point), "a point of BabyJubJub")
    if multiply(COFACTOR, point) == IDENTITY:
        raise BadInput(name, tuple(point), "a point of large order: this one's multiples are eight at most")
    if not in_subgroup(point):
        raise BadInput(name, tuple(point), "in the subgroup of prime order, of which BASE is")
    return point


def require_scalar(name: str, value: int) -> int:
    """A secret key: in [1, l).

    Raises
    ------
    BadInput : it is none; the message does not show it.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < SUBGROUP_ORDER:
        raise BadInput(name, "(hidden)", "an integer in [1, l), l the order of the subgroup")
    return value


def draw_scalar() -> int:
    """Uniform in [1, l), from the operating system's randomness."""
    return secrets.randbelow(SUBGROUP_ORDER - 1) + 1


# -- encoding --------------------------------------------------------------------------------------------------------
def pack(point: Point) -> bytes:
    """32 bytes, iden3's: y little endian, the top bit set if x > (r - 1) / 2."""
    value = point.y | (int(point.x > MODULUS >> 1) << 255)
    return value.to_bytes(PACKED_BYTES, "little")


def unpack(name: str, data: bytes) -> Point:
    """The point that `pack` gives these bytes for; each point has one encoding.

    Raises
    ------
    BadInput : another length, y of r or more, no point of the curve has this y, or the sign of x = 0 is set.
    """
    if len(data) != PACKED_BYTES:
        raise BadInput(name, data.hex(), f"{PACKED_BYTES} bytes")
    value = int.from_bytes(data, "little")
    negative, y = value >> 255, value & ((1 << 255) - 1)
    if y >= MODULUS:
        raise BadInput(name, data.hex(), "a y below r")
    square = (1 - y * y) * pow(A - D * y * y, -1, MODULUS) % MODULUS       # A - D y**2 is never 0: A/D is no square
    x = square_root(square)
    if x is None:
        raise BadInput(name, data.hex(), "the y of a point of BabyJubJub")
    if x == 0 and negative:
        raise BadInput(name, data.hex(), "without a sign, as x is 0")
    return Point(MODULUS - x if (x > MODULUS >> 1) != bool(negative) and x else x, y)


def square_root(value: int) -> int | None:
    """A square root modulo r, None if there is none [Tonelli, Shanks]."""
    value %= MODULUS
    if value == 0:
        return 0
    if pow(value, (MODULUS - 1) // 2, MODULUS) != 1:
        return None
    odd, twos = MODULUS - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    generator = pow(5, odd, MODULUS)                   # 5 is no square modulo r
    root, rest = pow(value, (odd + 1) // 2, MODULUS), pow(value, odd, MODULUS)
    while rest != 1:
        order, power = 0, rest
        while power != 1:
            order, power = order + 1, power * power % MODULUS
        factor = pow(generator, 1 << (twos - order - 1), MODULUS)
        root, generator, twos = root * factor % MODULUS, factor * factor % MODULUS, order
        rest = rest * generator % MODULUS
    return root
