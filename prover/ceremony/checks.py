"""The two checks that ceremonies are made of, and their failure."""

from __future__ import annotations

import secrets

import numpy as np

from primitives import field
from primitives.errors import TailproofError
from primitives.field import FieldArray
from prover.backend import Backend
from prover.curve import G1, G1_GROUP, G2
from prover.points import PointArray

SOUNDNESS_BITS = 128
"""Random multipliers have this many bits: a false statement survives a combined check with probability 2**-128."""


class BrokenCeremony(TailproofError):
    """A check of a ceremony failed: the key or the powers must not be used. The message names the check."""


def require(holds: bool, what: str) -> None:
    """Fail unless a check holds; `what` says what was to hold."""
    if not holds:
        raise BrokenCeremony(f"the ceremony is broken: not true that {what}")


def same_ratio(a: G1 | None, b: G1 | None, c: G2 | None, d: G2 | None, backend: Backend) -> bool:
    """Whether b is to a as d is to c: e(a, d) = e(b, c); False if any of them is infinity."""
    minus_b = G1_GROUP.negate(b)
    if a is None or minus_b is None or c is None or d is None:
        return False
    return backend.pairing_product_is_one([(a, d), (minus_b, c)])


def multipliers(count: int) -> FieldArray:
    """Random scalars of SOUNDNESS_BITS bits, from the operating system, (count, 4)."""
    low, high = np.frombuffer(secrets.token_bytes(2 * 8 * count), np.uint64).reshape(2, count)
    return field.add(field.encode(low), field.multiply(field.encode(high), field.encode([1 << 64])))


def combination_g1(points: PointArray, scalars: FieldArray, backend: Backend) -> G1 | None:
    """The sum of scalars[i] * points[i]."""
    return backend.msm_g1(backend.prepare_g1(points), scalars)


def combination_g2(points: PointArray, scalars: FieldArray, backend: Backend) -> G2 | None:
    """The sum of scalars[i] * points[i]."""
    return backend.msm_g2(backend.prepare_g2(points), scalars)
