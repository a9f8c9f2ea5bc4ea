"""A rank-1 constraint system as three sparse matrices: what circuits make and the prover proves.

A witness z, a field array with one element per wire, satisfies it if (A z) * (B z) = C z row by row. Wire 0 is the
constant one, wires 1 .. `public` are the public inputs in order, the others are private.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.field import FieldArray


@dataclass(frozen=True)
class SparseMatrix:
    """CSR without values of its own: entries refer to a table of coefficients by number.

    Attributes
    ----------
    starts : int64 (rows + 1,); row i has the entries starts[i] .. starts[i+1]-1.
    wires : int32 (entries,), columns.
    coefficients : int32 (entries,), rows of the system's table.
    """

    starts: NDArray[np.int64]
    wires: NDArray[np.int32]
    coefficients: NDArray[np.int32]

    @property
    def rows(self) -> int:
        """Number of rows."""
        return len(self.starts) - 1

    @property
    def entries(self) -> int:
        """Number of stored coefficients."""
        return len(self.wires)

    @cached_property
    def reach(self) -> tuple[int, int]:
        """The least lengths of a table and of a vector that hold all that the entries name."""
        return _reach(self.coefficients), _reach(self.wires)

    def check_operands(self, table: FieldArray, vector: FieldArray) -> None:
        """Refuse a table or vector that entries reach beyond: kernels would read what lies there.

        Raises
        ------
        ValueError : it is too short, or no field array (n, 4).
        """
        for name, array, least in zip(("table", "vector"), (table, vector), self.reach, strict=True):
            if array.ndim != 2 or array.shape[1] != 4 or array.dtype != np.uint64 or len(array) < least:
                raise ValueError(f"the {name} has shape {array.shape} and dtype {array.dtype}: must be (n, 4), "
                                 f"n >= {least}, and uint64")


@dataclass(frozen=True)
class R1CS:
    """The system (A, B, C).

    Attributes
    ----------
    a, b, c : the matrices, equally many rows.
    table : (m, 4) Montgomery, the coefficients the matrices refer to.
    wires : number of wires, the constant one and public inputs included.
    public : number of public inputs.

    Raises
    ------
    ValueError : the arrays do not fit together; kernels trust a system that exists.
    """

    a: SparseMatrix
    b: SparseMatrix
    c: SparseMatrix
    table: FieldArray
    wires: int
    public: int

    def __post_init__(self) -> None:
        if not 0 <= self.public < self.wires < 1 << 31:
            raise ValueError(f"{self.wires} wires cannot hold the constant and {self.public} public inputs")
        if self.table.dtype != np.uint64 or self.table.ndim != 2 or self.table.shape[1] != 4:
            raise ValueError("the coefficient table is not a field array of shape (m, 4)")
        if not self.a.rows == self.b.rows == self.c.rows:
            raise ValueError(f"matrices of {self.a.rows}, {self.b.rows} and {self.c.rows} rows")
        for name, matrix in zip("ABC", (self.a, self.b, self.c), strict=True):
            _check(name, matrix, self.wires, len(self.table))

    @property
    def rows(self) -> int:
        """Number of constraints."""
        return self.a.rows

    @property
    def domain(self) -> int:
        """log2 of the evaluation domain Groth16 needs: a row each, and one per public input and for the constant."""
        return max(1, (self.rows + self.public).bit_length())

    def products(self, witness: FieldArray) -> tuple[FieldArray, FieldArray, FieldArray]:
        """A z, B z and C z for a witness z (wires, 4): three arrays (rows, 4)."""
        if witness.shape != (self.wires, 4) or witness.dtype != np.uint64:
            raise ValueError(f"a witness has shape ({self.wires}, 4) and dtype uint64, not {witness.shape}, "
                             f"{witness.dtype}")
        z = np.ascontiguousarray(witness)
        left, right, result = (np.empty((self.rows, 4), np.uint64) for _ in range(3))
        for matrix, out in ((self.a, left), (self.b, right), (self.c, result)):
            field.combine(out, matrix.starts, matrix.wires, matrix.coefficients, self.table, z)
        return left, right, result

    def broken(self, witness: FieldArray) -> NDArray[np.int64]:
        """Numbers of the rows that a witness does not satisfy."""
        left, right, result = self.products(witness)
        return np.flatnonzero((field.multiply(left, right) != result).any(axis=1))

    def digest(self) -> str:
        """SHA-256 (hex) of the system itself: independent of the order of terms in a row and of the table's layout.

        Hashed are the sizes; the distinct coefficients in increasing order as 32-byte little-endian residues; then
        per matrix, as little-endian int64, the row bounds, and as int32 the wires and the coefficients' ranks, each
        row's terms in order of their wires.

        Raises
        ------
        ValueError : a row names a wire twice or has a zero coefficient, so that the system is not in normal form.
        """
        matrices = (self.a, self.b, self.c)
        used = np.zeros(len(self.table), np.bool_)
        for matrix in matrices:
            used[matrix.coefficients] = True
        plain = field.canonical(self.table[used])
        if len(plain) and not plain.any(axis=1).all():
            raise ValueError("a zero coefficient is stored")
        ordered, rank = np.unique(plain[:, ::-1], axis=0, return_inverse=True)
        ranks = np.zeros(len(self.table), np.int32)
        ranks[used] = rank.reshape(-1)
        total = hashlib.sha256(b"tailproof r1cs 1\n")
        total.update(np.array([self.rows, self.wires, self.public, len(ordered)], "<i8").tobytes())
        total.update(np.ascontiguousarray(ordered[:, ::-1]).astype("<u8").tobytes())
        for matrix in matrices:
            keys = np.repeat(np.arange(matrix.rows), np.diff(matrix.starts)) * self.wires + matrix.wires
            order = np.argsort(keys, kind="stable")
            if (np.diff(keys[order]) == 0).any():
                raise ValueError("a row names a wire twice")
            total.update(matrix.starts.astype("<i8").tobytes())
            total.update(matrix.wires[order].astype("<i4").tobytes())
            total.update(ranks[matrix.coefficients[order]].astype("<i4").tobytes())
        return total.hexdigest()


def _reach(numbers: NDArray[np.int32]) -> int:
    """One more than the largest, or 0; negative ones, which reach before the beginning, count as the largest of all."""
    return int(numbers.view(np.uint32).max()) + 1 if len(numbers) else 0


def _check(name: str, matrix: SparseMatrix, wires: int, coefficients: int) -> None:
    starts = matrix.starts
    if starts.dtype != np.int64 or matrix.wires.dtype != np.int32 or matrix.coefficients.dtype != np.int32:
        raise ValueError(f"matrix {name}: starts are int64, wires and coefficients int32")
    if starts.ndim != 1 or not len(starts) or starts[0] != 0 or (np.diff(starts) < 0).any() \
            or starts[-1] != len(matrix.wires) or len(matrix.wires) != len(matrix.coefficients):
        raise ValueError(f"matrix {name}: row bounds do not fit the entries")
    for what, values, limit in (("wire", matrix.wires, wires), ("coefficient", matrix.coefficients, coefficients)):
        if len(values) and not (values.min() >= 0 and values.max() < limit):
            raise ValueError(f"matrix {name}: a {what} is outside [0, {limit})")
