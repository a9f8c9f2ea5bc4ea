"""From R1CS to quadratic arithmetic program: the matrices extended, and the Lagrange basis at a point.

Row j of the system becomes the value at w**j of the polynomials u_i, v_i, w_i; w is a root of unity of order n, a power
of two [Groth16, section 3.1, after Gennaro, Gentry, Parno and Raykova]. Below the constraints come ℓ+1 rows
x_i * 0 = 0, one for the constant and each public input, as libsnark and snarkjs have them: they make the u_i of the
public wires linearly independent, without which a proof could be changed into one for other public inputs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.errors import BadInput
from primitives.field import FieldArray
from primitives.r1cs import R1CS, SparseMatrix
from prover.backend import MOST_PUBLIC, Backend
from prover.curve import ORDER
from prover.domain import MAX_DOMAIN, root_of_unity


def domain_of(r1cs: R1CS) -> int:
    """log2 of the domain: the smallest with a point for each constraint, each public input and the constant.

    Raises
    ------
    BadInput : there is no such domain in this field, or there are more public inputs than a verifier takes.
    """
    if r1cs.public > MOST_PUBLIC:
        raise BadInput("public inputs", r1cs.public, f"at most {MOST_PUBLIC}")
    if r1cs.domain > MAX_DOMAIN:
        raise BadInput("constraints", r1cs.rows, f"at most {(1 << MAX_DOMAIN) - r1cs.public - 1}")
    return r1cs.domain


def matrices(r1cs: R1CS) -> tuple[SparseMatrix, SparseMatrix, SparseMatrix, FieldArray]:
    """The matrices of u, v and w, n rows each, and their common table (the system's, and a one at its end)."""
    n, bound = 1 << domain_of(r1cs), r1cs.public + 1
    left = SparseMatrix(np.concatenate([r1cs.a.starts, r1cs.a.starts[-1] + np.arange(1, bound + 1)]),
                        np.concatenate([r1cs.a.wires, np.arange(bound, dtype=np.int32)]),
                        np.concatenate([r1cs.a.coefficients, np.full(bound, len(r1cs.table), np.int32)]))
    table = np.concatenate([r1cs.table, field.ONE.reshape(1, 4)])
    return padded(left, n), padded(r1cs.b, n), padded(r1cs.c, n), table


def padded(matrix: SparseMatrix, rows: int) -> SparseMatrix:
    """The matrix with empty rows below."""
    starts = np.concatenate([matrix.starts, np.full(rows - matrix.rows, matrix.starts[-1])])
    return SparseMatrix(starts, matrix.wires, matrix.coefficients)


def transposed(matrix: SparseMatrix, columns: int) -> SparseMatrix:
    """Columns as rows, each in the order of the matrix."""
    order = np.argsort(matrix.wires, kind="stable")
    rows = np.repeat(np.arange(matrix.rows, dtype=np.int32), np.diff(matrix.starts))
    return SparseMatrix(row_starts(matrix.wires, columns), rows[order], matrix.coefficients[order])


def row_starts(rows: NDArray[np.int32], count: int) -> NDArray[np.int64]:
    """CSR row bounds (count + 1,) from the row numbers of all entries."""
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(np.bincount(rows, minlength=count), out=starts[1:])
    return starts


def powers(base: int, count: int) -> FieldArray:
    """1, base, base**2, ..., (count, 4), by doubling."""
    values = field.encode([1])
    step = base % ORDER
    while len(values) < count:
        values = np.concatenate([values, field.multiply(values, field.encode([step]))])
        step = step * step % ORDER
    return values[:count]


def lagrange_at(point: int, log_size: int, backend: Backend) -> FieldArray:
    """L_j(point) for all Lagrange polynomials of the domain, (n, 4).

    L_j(X) = (X**n - 1) / n * w**j / (X - w**j), the barycentric formula; the point must lie outside the domain.
    """
    n = 1 << log_size
    roots = powers(root_of_unity(log_size), n)
    scale = (pow(point, n, ORDER) - 1) * pow(n, -1, ORDER) % ORDER
    distances = backend.batch_inverse(field.subtract(field.encode([point]), roots))
    return field.multiply(field.multiply(roots, field.encode([scale])), distances)
