"""Secrets shared among n so that any t recover them and fewer learn nothing [Shamir 1979], in a way that each share can
be checked [Feldman 1987].

A polynomial f of degree t - 1 modulo l has the secret at 0 and member j's share at j, j = 1 to n. Published
commitments C_k = f_k B fix f: a share s of j is right if and only if s B = sum_k j**k C_k.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from primitives import babyjubjub
from primitives.babyjubjub import BASE, IDENTITY, SUBGROUP_ORDER, Point, multiply


def draw_polynomial(secret: int, threshold: int) -> list[int]:
    """Coefficients f_0 = secret, f_1, ..., f_(t-1); the others uniform."""
    return [secret, *(secrets.randbelow(SUBGROUP_ORDER) for _ in range(threshold - 1))]


def value_at(polynomial: Sequence[int], place: int) -> int:
    """f(place) modulo l."""
    total = 0
    for coefficient in reversed(polynomial):
        total = (total * place + coefficient) % SUBGROUP_ORDER
    return total


def commitments_to(polynomial: Sequence[int]) -> list[Point]:
    """C_k = f_k B."""
    return [multiply(coefficient, BASE) for coefficient in polynomial]


def committed_at(commitments: Sequence[Point], place: int) -> Point:
    """f(place) B = sum_k place**k C_k, Horner's way."""
    total = IDENTITY
    for commitment in reversed(commitments):
        total = babyjubjub.add(multiply(place, total), commitment)
    return total


def weights(places: Sequence[int]) -> list[int]:
    """Lagrange's: sum_i w_i f(place_i) = f(0) for every f of degree below their number; places distinct modulo l."""
    found = []
    for i, place in enumerate(places):
        above, below = 1, 1
        for other in [*places[:i], *places[i + 1:]]:
            above, below = above * other % SUBGROUP_ORDER, below * (other - place) % SUBGROUP_ORDER
        found.append(above * pow(below, -1, SUBGROUP_ORDER) % SUBGROUP_ORDER)
    return found


def combined(factors: Sequence[int], points: Sequence[Point]) -> Point:
    """sum_i factor_i P_i."""
    return babyjubjub.total([multiply(factor, point) for factor, point in zip(factors, points, strict=True)])
