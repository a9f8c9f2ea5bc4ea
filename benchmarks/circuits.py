"""Multiplication chains: uniform witness, as many rows as one likes. `chainK` has 2**K - 4 multiplications.

The other circuits are `circom/es1000.circom` and our own statements; both have witnesses that are mostly bits.
"""

from __future__ import annotations

import numpy as np

from primitives import field
from primitives.field import MODULUS, FieldArray
from primitives.r1cs import R1CS, SparseMatrix


def chain(log: int) -> tuple[R1CS, FieldArray]:
    """x_{i+1} = x_i (x_i + c), 2**log - 4 times; the last x is public. Wires: 1, out, a = x_0, c, x_1, x_2, ..."""
    n = 2**log - 4
    inner = np.arange(4, 4 + n - 1)                                     # x_1 .. x_{n-1}; x_n is the output
    x = np.concatenate([[2], inner]).astype(np.int32)
    following = np.concatenate([inner, [1]]).astype(np.int32)
    ones = np.zeros(n, np.int32)
    single = np.arange(n + 1)
    both = np.stack([x, np.full(n, 3, np.int32)], axis=1).reshape(-1)
    system = R1CS(SparseMatrix(single, x, ones), SparseMatrix(2 * single, both, np.zeros(2 * n, np.int32)),
                  SparseMatrix(single, following, ones), field.encode([1]), 4 + n - 1, 1)
    value, c, values = 3, 5, [3]
    for _ in range(n):
        value = value * (value + c) % MODULUS
        values.append(value)
    return system, field.encode([1, values[-1], values[0], c, *values[1:-1]])
