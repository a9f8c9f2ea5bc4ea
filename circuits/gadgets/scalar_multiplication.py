"""Multiples of points of prime order l, by a scalar e = 2**n + 1 + 2 (b_0 + 2 b_1 + ... + 2**(n-1) b_(n-1)).

Chords on the Montgomery curve cost three rows where complete Edwards additions cost six, but have exceptions: where two
points have one u, the slope's row is 0 = 0, and a prover puts the sum wherever he likes. Here no exception can occur.
A point of prime order is m P for an integer m modulo l, two such points have one u only if their m are equal or
opposite modulo l, and of every chord drawn here the two m are integers that neither add up to, nor differ by, a
multiple of l. The scalar's form makes it so: it has no leading zeros, and signed digits are never 0. `require_scalar`
refuses other sizes while recording.

Counted per bit of the scalar, for a point that is not known beforehand: 6 rows with digits +-1 (one for the sign, five
for 2 A +- P as (A +- P) + A, which needs no ordinate in between), 6 with windows of two bits and 6.7 with three, so
there are no windows. For `BASE`, whose multiples are constants: 2 with windows of two bits, 2.3 with three.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from circuits.builder import ConstraintSystem, quotients
from circuits.errors import CircuitError
from circuits.gadgets.babyjubjub import Montgomery, table
from circuits.signals import Linear, concatenate
from primitives import babyjubjub
from primitives.babyjubjub import BASE, MONTGOMERY_A, SUBGROUP_ORDER, Point
from primitives.field import MODULUS

LEAST_BITS = 4


def require_scalar(cs: ConstraintSystem, bits: Linear, label: str) -> None:
    """Refuse scalars whose largest value reaches l, or too short for windows.

    Raises
    ------
    CircuitError : so.
    """
    n = len(bits)
    if not n >= LEAST_BITS or not 3 * 2**n - 1 < SUBGROUP_ORDER:
        raise CircuitError(f"{cs.label(label)}: scalars of {n} bits reach 3 2**{n} - 1, which must be below the order, "
                           f"and have {LEAST_BITS} bits at least")


def fixed_base_rows(n: int) -> int:
    """Of `fixed_base`."""
    top = 2 + n % 2
    return (4 if top == 3 else 1) + 4 * ((n - top) // 2)


def variable_base_rows(n: int) -> int:
    """Of `variable_base`, for each point."""
    return 4 + 6 * n


def fixed_base(cs: ConstraintSystem, bits: Linear, clause: str) -> Montgomery:
    """e BASE for bits (n,), booleans from the lowest: `fixed_base_rows(n)` rows.

    The top two or three bits choose among constants; each two bits below choose a constant (j + 1) 4**i 2 BASE, added
    by a chord. In multiples of BASE the sum begins at 0.83 2**n or more and grows, what is added is at most half of
    2**n and shrinks by four, and the end is e < l: so the two are never equal, nor opposite.
    """
    require_scalar(cs, bits, clause)
    n = len(bits)
    low = n - 2 - n % 2
    first, rest = base_multiples(n)
    _require_apart(cs, n, clause)
    with cs.scope("base"):
        total = _choose(cs, bits[low:].reshape(1, n - low), [first], f"{clause} top")
        if not low:
            return Montgomery(total.u[0], total.v[0])
        added = _choose(cs, bits[:low].reshape(low // 2, 2)[::-1], rest[::-1], f"{clause} window")
        return _chords(cs, total, added, clause)


@cache
def base_multiples(n: int) -> tuple[list[Point], list[list[Point]]]:
    """What `fixed_base` chooses among: for the top bits, and for each window of two bits from the lowest."""
    low = n - 2 - n % 2
    windows, shift, step = list[list[Point]](), 0, babyjubjub.add(BASE, BASE)
    for i in range(low // 2):
        row = [step]
        for _ in range(3):
            row.append(babyjubjub.add(row[-1], step))
        windows.append(row)
        shift, step = shift + 2 * 4**i, row[3]
    first = [babyjubjub.multiply((1 << n) + 1 - shift, BASE)]
    for _ in range((1 << n - low) - 1):
        first.append(babyjubjub.add(first[-1], step))
    return first, windows


def _require_apart(cs: ConstraintSystem, n: int, label: str) -> None:
    """The argument of `fixed_base`, in integers: refuse sizes for which it does not hold."""
    windows = (n - 2 - n % 2) // 2
    least, most = (1 << n) + 1 - sum(2 * 4**i for i in range(windows)), (3 << n) - 1
    for i in reversed(range(windows)):
        if not (4 * 2 * 4**i < least and most < SUBGROUP_ORDER):
            raise CircuitError(f"{cs.label(label)}: a chord through equal points cannot be excluded")
        least += 2 * 4**i


def _choose(cs: ConstraintSystem, bits: Linear, points: list[list[Point]], label: str) -> Montgomery:
    """By bits (m, w), one of 2**w constant points each: 2**w - 1 - w rows each, the products of bits."""
    w = bits.shape[1]
    terms: list[Linear | None] = [None]
    for j in range(1, 1 << w):
        highest = j.bit_length() - 1
        rest, bit = terms[j ^ (1 << highest)], bits[:, highest]
        terms.append(bit if rest is None else cs.multiply(rest, bit, f"{label} product/{j}"))
    tables = np.array([table([babyjubjub.to_montgomery(point) for point in row]) for row in points], object) % MODULUS
    coordinates = []
    for coordinate in range(2):
        value = cs.signal(tables[:, coordinate, 0])
        for j, term in enumerate(terms):
            value = value if term is None else value + term * tables[:, coordinate, j]
        coordinates.append(value)
    return Montgomery(*coordinates)


def _chords(cs: ConstraintSystem, first: Montgomery, others: Montgomery, clause: str) -> Montgomery:
    """first (1,) and others (m,) added up in order: three rows each. No partial sum has the next one's u."""
    m = len(others.u)
    slope, u, v = (cs.allocate(f"{clause} {name}", (m,))[0] for name in ("slope", "u", "v"))
    before = Montgomery(concatenate([first.u, u[:-1]]), concatenate([first.v, v[:-1]]))
    for i in range(m):
        cs.compute([slope[i:i + 1], u[i:i + 1], v[i:i + 1]],
                   [before.u[i], before.v[i], others.u[i], others.v[i]], _chord, f"{clause} chord")
    cs.equal(slope * (others.u - before.u), others.v - before.v, f"{clause} slope")
    cs.equal(slope * slope, u + MONTGOMERY_A + before.u + others.u, f"{clause} u")
    cs.equal(slope * (before.u - u), v + before.v, f"{clause} v")
    return Montgomery(u[m - 1], v[m - 1])


def _chord(*points: list[int]) -> list[list[int]]:
    """Slopes and sums from (u, v) of two points each, residues."""
    slopes, us, vs = list[int](), list[int](), list[int]()
    for u1, v1, u2, v2 in zip(*points, strict=True):
        (slope,) = quotients([v2 - v1], [u2 - u1])
        u = (slope * slope - MONTGOMERY_A - u1 - u2) % MODULUS
        slopes, us, vs = [*slopes, slope], [*us, u], [*vs, (slope * (u1 - u) - v1) % MODULUS]
    return [slopes, us, vs]


def variable_base(cs: ConstraintSystem, bits: Linear, points: Montgomery, clause: str) -> Montgomery:
    """e P of each point (k,) for bits (n,), booleans from the lowest: `variable_base_rows(n)` rows for each point.

    Takes for granted that the points are of prime order l (`circuits.gadgets.babyjubjub.cleared`).

    From m = 2, each bit b from the highest makes m' = 2 m + s with s = 2 b - 1, the sum of m + s and m, so that m = e
    in the end. No chord has an exception: m is 2, or odd and at least 3, so it is not +-1; m + s and m differ by 1 and
    add up to an odd number below l.
    """
    require_scalar(cs, bits, clause)
    n, k = len(bits), len(points.u)
    with cs.scope("multiples"):
        falling = bits[::-1].reshape(n, 1).broadcast((n, k))
        u, v = (coordinate.reshape(1, k).broadcast((n, k)) for coordinate in points)
        side = 2 * cs.multiply(falling, v, f"{clause} bit v") - v                          # v of s P
        twice = _doubled(cs, points, clause)
        names = ("slope", "between", "slopes", "u", "v")
        slope, between, slopes, after_u, after_v = (cs.allocate(f"{clause} {name}", (n, k))[0] for name in names)
        before_u = concatenate([twice.u.reshape(1, k), after_u[:-1]], axis=0)
        before_v = concatenate([twice.v.reshape(1, k), after_v[:-1]], axis=0)
        for i in range(n):
            cs.compute([slope[i], between[i], slopes[i], after_u[i], after_v[i]],
                       [before_u[i], before_v[i], points.u, side[i]], _twice_and_once, f"{clause} step")
        cs.equal(slope * (u - before_u), side - before_v, f"{clause} slope")
        cs.equal(slope * slope, between + MONTGOMERY_A + before_u + u, f"{clause} between")
        cs.equal(slopes * (before_u - between), 2 * before_v, f"{clause} slopes")          # of this chord and the next
        second = slopes - slope
        cs.equal(second * second, after_u + MONTGOMERY_A + before_u + between, f"{clause} u")
        cs.equal(second * (before_u - after_u), after_v + before_v, f"{clause} v")
    return Montgomery(after_u[n - 1], after_v[n - 1])


def _twice_and_once(*points: list[int]) -> list[list[int]]:
    """(A + Q) + A from (u, v) of A and Q each, residues; the first slope, the u in between, the sum of both slopes."""
    rows = []
    for u1, v1, u2, v2 in zip(*points, strict=True):
        (slope,) = quotients([v2 - v1], [u2 - u1])
        between = (slope * slope - MONTGOMERY_A - u1 - u2) % MODULUS
        (slopes,) = quotients([2 * v1], [u1 - between])
        second = slopes - slope
        u = (second * second - MONTGOMERY_A - u1 - between) % MODULUS
        rows.append([slope, between, slopes, u, (second * (u1 - u) - v1) % MODULUS])
    return [list(column) for column in zip(*rows, strict=True)]


def _doubled(cs: ConstraintSystem, point: Montgomery, clause: str) -> Montgomery:
    """2 P of points that are not of order 2: four rows each."""
    square = cs.multiply(point.u, point.u, f"{clause} uu")
    tangent = cs.divide(3 * square + 2 * MONTGOMERY_A * point.u + 1, 2 * point.v, f"{clause} tangent")
    u = cs.wire(tangent * tangent - (MONTGOMERY_A + 2 * point.u), f"{clause} twice u")
    v = cs.wire(tangent * (point.u - u) - point.v, f"{clause} twice v")
    return Montgomery(u, v)


def ascending(bits: int, count: int) -> list[int]:
    """The bits of an integer, lowest first: the input of what takes them."""
    return [bits >> i & 1 for i in range(count)]
