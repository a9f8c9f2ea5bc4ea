"""Scalar vectors on galois: conversions and the number-theoretic transform, as in a textbook."""

from __future__ import annotations

from typing import Any

import galois
import numpy as np

from primitives.field import FieldArray
from prover.curve import ORDER
from prover.domain import GENERATOR

Scalars = galois.GF(ORDER, primitive_element=GENERATOR, verify=False)
"""The scalar field. `verify=False`: galois would factor r-1 first, for minutes."""

_RADIX = (1 << 256) % ORDER
_INVERSE_RADIX = pow(_RADIX, -1, ORDER)


def to_scalars(array: FieldArray) -> Any:
    """(n, 4) Montgomery words -> galois array (n,). It shares no code with `primitives.field`, being its oracle."""
    raw = np.ascontiguousarray(array).astype("<u8").tobytes()
    return Scalars([int.from_bytes(raw[i:i + 32], "little") * _INVERSE_RADIX % ORDER for i in range(0, len(raw), 32)])


def from_scalars(scalars: Any) -> FieldArray:
    """Galois array (n,) -> (n, 4) Montgomery words."""
    raw = b"".join((int(value) * _RADIX % ORDER).to_bytes(32, "little") for value in scalars)
    return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(-1, 4)


def powers(base: int, count: int) -> Any:
    """1, base, base**2, ...: count of them."""
    values = [1]
    for _ in range(count - 1):
        values.append(values[-1] * base % ORDER)
    return Scalars(values[:count])


def evaluate(coefficients: Any, root: int) -> Any:
    """Values at 1, root, root**2, ... of the polynomial with these 2**k coefficients [Cooley and Tukey, 1965]."""
    size = len(coefficients)
    if size == 1:
        return coefficients
    even = evaluate(coefficients[::2], root * root % ORDER)
    odd = evaluate(coefficients[1::2], root * root % ORDER) * powers(root, size // 2)
    return Scalars(np.concatenate([even + odd, even - odd]))


def interpolate(values: Any, root: int) -> Any:
    """The inverse of `evaluate`."""
    scale = pow(len(values), -1, ORDER)
    return evaluate(values, pow(root, -1, ORDER)) * Scalars(scale)
