"""Points of BabyJubJub in constraints: on the curve, out of its small subgroup, from one form to the other.

Formulas for the Edwards form are complete: A is a square modulo r and D is not, so no denominator is 0 at any point of
the curve. Off the curve nothing holds, so whoever brings a point has to show first that it is one.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.signals import Linear, concatenate
from primitives.babyjubjub import A, D

CLEARING_ROWS = 18
"""Of `cleared`, for each point."""


class Montgomery(NamedTuple):
    """Finite points v**2 = u**3 + MONTGOMERY_A u**2 + u.  u, v : of one shape."""

    u: Linear
    v: Linear


class Edwards(NamedTuple):
    """Points A x**2 + y**2 = 1 + D x**2 y**2.  x, y : of one shape."""

    x: Linear
    y: Linear


def cleared(cs: ConstraintSystem, points: Edwards, clause: str) -> Montgomery:
    """8 P of each point (k,), in Montgomery's form: 18 rows each.

    Enforces that P is on the curve and 8 P is not the identity; then 8 P has prime order l, whatever P is. Residues
    are all that it takes.

    Without the curve's equation a key may be chosen on another curve, where discrete logarithms are easy; without the
    cofactor's clearing, or with a key of at most eight multiples, a secret shared with it takes eight values.

    How: three doublings, (2xy / (A x**2 + y**2), (y**2 - A x**2) / (2 - A x**2 - y**2)), whose denominators are not 0
    at points of the curve. The map u = (1 + y) / (1 - y), v = u / x is undefined at (0, 1), for which u's row has no
    solution. At points of order l, x is not 0.
    """
    count = len(points.x)
    with cs.scope("clear"):
        x, y = (coordinate.reshape(1, count) for coordinate in points)
        for number in range(3):
            xx, yy = cs.multiply(x, x, f"{clause} xx/{number}"), cs.multiply(y, y, f"{clause} yy/{number}")
            if number == 0:
                cs.equal(xx * (yy * D), A * xx + yy - 1, f"{clause} on the curve")
            xy = cs.multiply(x, y, f"{clause} xy/{number}")
            x = cs.divide(2 * xy, A * xx + yy, f"{clause} x/{number}")
            y = cs.divide(yy - A * xx, 2 - A * xx - yy, f"{clause} y/{number}")
        u = cs.divide(1 + y, 1 - y, f"{clause} u")
        v = cs.divide(u, x, f"{clause} v")
    return Montgomery(u.reshape(count), v.reshape(count))


def to_edwards(cs: ConstraintSystem, point: Montgomery, clause: str) -> Edwards:
    """x = u / v, y = (u - 1) / (u + 1): two rows for each point.

    Takes for granted that the points are of order l, so that v is not 0 and u not -1.
    """
    return Edwards(cs.divide(point.u, point.v, f"{clause} x"), cs.divide(point.u - 1, point.u + 1, f"{clause} y"))


def stacked(point: Edwards) -> Linear:
    """x, y in the last axis: (..., 2)."""
    shape = point.x.shape
    return concatenate([point.x.reshape(*shape, 1), point.y.reshape(*shape, 1)])


def table(points: list[tuple[int, int]]) -> np.ndarray:
    """Coefficients of the two coordinates as multilinear polynomials in bits: (2, 2**w), Python integers.

    points[j] is the value where bits b_0, b_1, ... are those of j; coefficient m multiplies the product of the bits
    that m has.
    """
    values = np.array(points, object).T.copy()
    step = 1
    while step < values.shape[1]:
        for j in range(values.shape[1]):
            if j & step:
                values[:, j] -= values[:, j ^ step]
        step *= 2
    return values
