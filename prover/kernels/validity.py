"""Which of many points are no points of their group: not reduced, off the curve, or, on the twist, outside G2.

The twist has r h points, h = 2 q - r = 10069 * 5864401 * ..., of which those of order r are G2. A point outside it has
a part whose order divides h, so is at least 10069. A sum of points with independent multipliers, uniform below
2**MULTIPLIER_BITS, of which one or more lie outside, then lies in G2 with a probability of 2**-13 at most: whatever the
other multipliers are, one residue modulo that order does it, which at most 2 of 2**14 multipliers have. So ROUNDS such
sums, whose multipliers are short, find a point outside but for a chance of 2**-130, at a fifteenth of the time that it
takes to look at each.
"""

from __future__ import annotations

import secrets
from typing import Any

import numpy as np

from primitives import field, threads
from primitives.field import FieldArray
from primitives.native import compiled
from prover.curve import BASE_MODULUS
from prover.points import PointArray, decode_g1, decode_g2
from prover.words import first_not_below

from .arithmetic import LANES, kernel
from .convert import INWARDS, coordinates_of, in_vectors, scaled
from .coordinates import Fp, Fp2
from .emitter import Emitter, Value
from .field import Words
from .msm import msm, prepare
from .windows import GROUPS

MULTIPLIER_BITS, ROUNDS = 14, 10
FEW = 16                        # points that are looked at one by one
LEAST = 1 << 10                 # vectors of points that are worth a thread of their own
G1_DIMENSIONS = 3


def curve_constant(emit: Emitter) -> Any:
    """b of y**2 = x**3 + b."""
    b = GROUPS[emit.dimensions].b
    return Fp.constant(emit, b) if emit.dimensions == G1_DIMENSIONS else Fp2(*(Fp.constant(emit, part) for part in b))


@kernel(returns=True)
def off_curve(emit: Emitter, points: Value, i: Value) -> Value:
    """One bit a lane: points[i ..], at the edge, is neither the identity nor on its curve."""
    x, y = coordinates_of(emit, points, i)
    identity = x.is_exact_zero() & y.is_exact_zero()
    x, y = scaled(x, INWARDS), scaled(y, INWARDS)
    holds = (y.square() - x.square() * x - curve_constant(emit)).is_zero()
    return emit.mask_bits((~(holds | identity)).bits)


@compiled
def _first_off_curve(points: Words, first: int, last: int) -> int:
    """Number of the first of vectors first .. last-1 with a point off the curve; `last` if there is none."""
    for i in range(first, last):
        if off_curve(points, i * LANES):
            return i
    return last


def first_off_curve(points: PointArray) -> int | None:
    """Index of the first of some reduced points at the edge that is not on its curve, or None."""
    source, found = in_vectors(points), list[int]()

    def one_range(first: int, last: int) -> None:
        place = _first_off_curve(source, first, last)
        if place < last:
            found.append(place)

    threads.share(len(source) // LANES, one_range, least=LEAST)
    if not found:
        return None
    begin, group = LANES * min(found), GROUPS[points.ndim]
    decoded = _decode(points[begin:begin + LANES])
    return next(i for i, point in enumerate(decoded, begin) if point is not None and not group.on_curve(point))


def first_outside(points: PointArray) -> int | None:
    """Index of the first of some points (n, 2, 2, 4) of the twist that is not in G2, or None."""
    low, high = 0, len(points)                         # if there is one, the first is among low .. high-1
    if high > FEW and _all_inside(points):
        return None
    while high - low > FEW:
        middle = (low + high) // 2
        if _all_inside(points[low:middle]):
            low = middle
        else:
            high = middle
    group = GROUPS[points.ndim]
    return next((i for i, point in enumerate(decode_g2(points[low:high]), low)
                 if point is not None and not group.in_subgroup(point)), None)


def _all_inside(points: PointArray) -> bool:
    """Whether random sums of points of the twist are in G2; see above."""
    bases, group = prepare(points), GROUPS[points.ndim]
    for _ in range(ROUNDS):
        total = msm(bases, _multipliers(len(points)))
        if total is not None and not group.in_subgroup(total):
            return False
    return True


def _multipliers(count: int) -> FieldArray:
    """Short scalars from the operating system, (count, 4)."""
    drawn = np.frombuffer(secrets.token_bytes(2 * count), np.uint16) & ((1 << MULTIPLIER_BITS) - 1)
    return field.encode(drawn)


def first_invalid(points: PointArray) -> int | None:
    """Index of the first of (n, 2, 4) or (n, 2, 2, 4) at the edge that is not a reduced point of its group, or None."""
    large = first_not_below(points.reshape(-1, 4), BASE_MODULUS)
    reduced = points if large is None else points[:large // (2 if points.ndim == G1_DIMENSIONS else 4)]
    off = first_off_curve(reduced)
    on_curve = reduced if off is None else reduced[:off]
    outside = None if points.ndim == G1_DIMENSIONS else first_outside(on_curve)
    if outside is not None:
        return outside
    return len(on_curve) if len(on_curve) < len(points) else None


def _decode(points: PointArray) -> Any:
    return decode_g1(points) if points.ndim == G1_DIMENSIONS else decode_g2(points)
