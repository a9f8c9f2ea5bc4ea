"""Relations between the points of a key that let anybody forge, found without any secret.

Soundness rests on nobody knowing how the secrets of a key hang together. Where δ = kγ for a k that somebody knows,
A = [α]_1, B = [β]_2, C = -(1/k) vk_x is a proof of anything; with k = 1 that emptied contracts in 2026. A k that was
drawn cannot be found; one that was not drawn is small. Where IC_i = k IC_j, x_j can be lowered by k for every 1 that
x_i is raised by, and where IC_i = k IC_0, x_i can be made up for by other inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import isqrt
from typing import Generic

import numpy as np

from primitives import field
from primitives.errors import BadInput, Said
from primitives.r1cs import SparseMatrix
from prover.backend import Backend
from prover.curve import CoordinateField, F, Group
from prover.points import PointArray

SECRET_BOUND = 1 << 16
"""|k| up to which no two of a key's secrets, nor one of them and 1, may be in the ratio k or 1/k."""
INPUT_BOUND = 1 << 10
"""|k| up to which no IC_i may be k IC_j."""

BLOCK = 64
"""Points whose multiples are taken at once: 4 MB of them."""


@dataclass(frozen=True)
class _Steps(Generic[F]):
    """What small ratios to one point q are looked up in.

    places : i by the x of i q, for 1 <= i <= isqrt(bound); giants : j stride q for j = 1, 2, ...
    """

    places: dict[F, int]
    stride: int
    giants: list[tuple[F, F]]


@lru_cache(maxsize=16)                          # each point of a key is asked about in several pairs
def _steps(group: Group[F], q: tuple[F, F], bound: int) -> _Steps[F]:
    m = isqrt(bound)
    stride = 2 * m + 1
    first = group.multiply(q, stride)
    assert first is not None                                # stride is far below the order
    return _Steps({point[0]: i for i, point in enumerate(_multiples(group, q, m), 1)}, stride,
                  _multiples(group, first, -(-(bound - m) // stride)))


def small_ratio(group: Group[F], p: tuple[F, F], q: tuple[F, F], bound: int = SECRET_BOUND) -> int | None:
    """The k with p = k q and |k| <= bound; None if there is none.

    Baby steps and giant steps [Shanks 1971] on x alone, which stands for a point and its negative: p ± j s is looked up
    among the i q for 1 <= i <= m, with s = (2m + 1) q. About 2 isqrt(bound) additions.
    """
    f, steps = group.field, _steps(group, q, bound)
    if p[0] in steps.places:
        return _signed(group, p, q, [steps.places[p[0]]], bound)
    inverses = _inverted(f, [f.subtract(giant[0], p[0]) for giant in steps.giants])
    for j, (giant, inverse) in enumerate(zip(steps.giants, inverses, strict=True), 1):
        far = j * steps.stride
        if giant[0] == p[0]:
            return _signed(group, p, q, [far], bound)
        for y in (giant[1], f.subtract(f.zero, giant[1])):
            slope = f.multiply(f.subtract(y, p[1]), inverse)
            found = steps.places.get(f.subtract(f.subtract(f.multiply(slope, slope), p[0]), giant[0]))
            if found is not None:
                return _signed(group, p, q, [far + found, far - found], bound)
    return None


def require_unrelated(group: Group[F], p_name: str, p: tuple[F, F], q_name: str, q: tuple[F, F]) -> None:
    """Refuse p = k q and q = k p for small k; both of prime order r.

    Raises
    ------
    BadInput : naming p and what it is.
    """
    for ratio, shown in ((small_ratio(group, p, q), "{} times {}"), (small_ratio(group, q, p), "1/{} times {}")):
        if ratio is not None:
            raise BadInput(p_name, shown.format(ratio, q_name), f"independent of {q_name}: whoever knows their ratio "
                           f"can forge proofs, and none with |k| <= {SECRET_BOUND} was drawn at random")


def require_independent_inputs(ic: PointArray, arithmetic: Backend) -> None:
    """Refuse IC_i = k IC_j with i != j, |k| <= `INPUT_BOUND`: all multiples are made, and looked up by x.

    Parameters
    ----------
    ic : (ℓ+1, 2, 4), points on the curve; 1,024 ℓ additions in all.

    Raises
    ------
    BadInput : naming the two.
    """
    words = np.sort(ic[:, 0, 0])
    for begin in range(0, len(ic), BLOCK):
        multiples = _all_multiples(ic[begin:begin + BLOCK], INPUT_BOUND, arithmetic)
        for k, i in np.argwhere(np.isin(multiples[:, :, 0, 0], words)):
            for j in np.flatnonzero((ic[:, 0] == multiples[k, i, 0]).all(axis=1)):
                if j != begin + i:
                    raise BadInput(f"IC[{j}]", Said(f"plus or minus {k + 1} times IC[{begin + i}]"),
                                   "independent of it, or public inputs trade off against each other")


def _all_multiples(points: PointArray, bound: int, arithmetic: Backend) -> PointArray:
    """(bound, n, 2, 4): k times each point at place k-1; `bound` a power of two."""
    n, known = len(points), points[None]
    table = field.encode([1, 2])
    while (m := len(known)) < bound:
        # Place (k, i) + place (m-1, i), and for k = m-1 twice the one.
        pairs = np.stack([np.arange((m - 1) * n), np.tile(np.arange((m - 1) * n, m * n), m - 1)], axis=1).reshape(-1)
        wires = np.concatenate([pairs, np.arange((m - 1) * n, m * n)]).astype(np.int32)
        starts = np.concatenate([np.arange(0, 2 * (m - 1) * n, 2), 2 * (m - 1) * n + np.arange(n + 1)])
        numbers = np.repeat(np.array([0, 1], np.int32), [len(pairs), n])
        sums = arithmetic.combine_g1(SparseMatrix(starts.astype(np.int64), wires, numbers), table,
                                     np.ascontiguousarray(known.reshape(-1, 2, 4)))
        known = np.concatenate([known, sums.reshape(m, n, 2, 4)])
    return known


def _multiples(group: Group[F], point: tuple[F, F], count: int) -> list[tuple[F, F]]:
    """1 to `count` times a point of an order above 2 count, doubling how many are known at every step."""
    f, known = group.field, [point]
    while len(known) < count:
        last = known[-1]
        inverses = _inverted(f, [f.subtract(last[0], other[0]) for other in known[:-1]])
        sums = []
        for other, inverse in zip(known[:-1], inverses, strict=True):
            slope = f.multiply(f.subtract(last[1], other[1]), inverse)
            x = f.subtract(f.subtract(f.multiply(slope, slope), other[0]), last[0])
            sums.append((x, f.subtract(f.multiply(slope, f.subtract(last[0], x)), last[1])))
        double = group.add(last, last)
        assert double is not None
        known += [*sums, double]
    return known[:count]


def _inverted(f: CoordinateField[F], values: Sequence[F]) -> list[F]:
    """Inverses by one inversion [Montgomery 1987]; of zero, zero."""
    before, product = [], f.one
    for value in values:
        before.append(product)
        product = product if value == f.zero else f.multiply(product, value)
    inverse, out = f.invert(product), [f.zero] * len(values)
    for place in reversed(range(len(values))):
        if values[place] != f.zero:
            out[place] = f.multiply(inverse, before[place])
            inverse = f.multiply(inverse, values[place])
    return out


def _signed(group: Group[F], p: tuple[F, F], q: tuple[F, F], candidates: list[int], bound: int) -> int | None:
    """Which of some numbers or their negatives is the ratio."""
    found = next(k for candidate in candidates for k in (candidate, -candidate) if group.multiply(q, k) == p)
    return found if abs(found) <= bound else None
