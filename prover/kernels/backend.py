"""The prover's interface to its fast arithmetic; see `prover.backend.Backend`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from primitives import field
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.curve import G1, G2, ORDER
from prover.points import PointArray

from . import memory, sparse
from . import ntt as transforms
from .combinations import combine
from .convert import base_words
from .memory import uninitialized
from .msm import SPACES, Bases, msm, prepare
from .multiples import multiples
from .ntt import BLOCKS
from .pairing import pairing_product_is_one
from .processor import PORTABLE
from .twiddles import rounds_of, twist_of
from .validity import first_invalid


def memory_held() -> dict[str, int]:
    """Bytes of working memory kept for the next proof, by use; bases count for themselves (`Bases.size`).

    Tables are those of transforms, of the lengths that were asked for last.
    """
    return {"sums": SPACES.held(), "transforms": BLOCKS.held(), "vectors": memory.held(),
            "tables": rounds_of.held() + twist_of.held()}


def release_memory() -> None:
    """Give that memory back to the system."""
    SPACES.release()
    BLOCKS.release()
    memory.release()
    rounds_of.release()
    twist_of.release()


class KernelBackend:
    """Vector arithmetic by compiled kernels; stateless, so one instance serves all."""

    name = "kernels"

    def matrix_times_vector(self, matrix: SparseMatrix, table: FieldArray, vector: FieldArray) -> FieldArray:
        """Sparse matrix (rows, wires), with coefficients as row numbers of `table`, times vector (wires, 4)."""
        matrix.check_operands(table, vector)
        out = uninitialized((matrix.rows, 4))
        if PORTABLE:
            field.combine(out, matrix.starts, matrix.wires, matrix.coefficients, table, vector)
        else:
            sparse.multiply(out, matrix, table, vector)
        return out

    def ntt(self, values: FieldArray, *, inverse: bool = False, coset: int | None = None) -> FieldArray:
        """Number-theoretic transform of (2**k, 4), natural order in and out."""
        return transforms.ntt(values, inverse=inverse, coset=coset)

    def quotient(self, a: FieldArray, b: FieldArray) -> FieldArray:
        """From values of A and B on the domain to those of A*B - C on the odd coset, C having their products."""
        return transforms.quotient(a, b)

    def batch_inverse(self, values: FieldArray) -> FieldArray:
        """1/x for each of (n, 4); a zero raises ZeroDivisionError."""
        return field.inverse(values)

    def prepare_g1(self, points: PointArray) -> Bases:
        """Bases of `msm_g1`: packed, with their images under the curve's endomorphism."""
        return prepare(points)

    def prepare_g2(self, points: PointArray) -> Bases:
        """Bases of `msm_g2`."""
        return prepare(points)

    def msm_g1(self, prepared: Bases, scalars: FieldArray) -> G1 | None:
        """Multi-scalar multiplication: the sum of scalars[i] * points[i]."""
        result: G1 | None = msm(prepared, scalars)
        return result

    def msm_g2(self, prepared: Bases, scalars: FieldArray) -> G2 | None:
        """Multi-scalar multiplication: the sum of scalars[i] * points[i]."""
        result: G2 | None = msm(prepared, scalars)
        return result

    def multiples_g1(self, base: G1, scalars: FieldArray) -> PointArray:
        """scalars[i] * base for one base and many scalars, (n, 2, 4)."""
        return multiples(base, scalars, 3)

    def multiples_g2(self, base: G2, scalars: FieldArray) -> PointArray:
        """scalars[i] * base for one base and many scalars, (n, 2, 2, 4)."""
        return multiples(base, scalars, 4)

    def first_invalid_g1(self, points: PointArray) -> int | None:
        """Index of the first of (n, 2, 4) that is not a reduced point of G1, or None; the identity is valid."""
        return first_invalid(points)

    def first_invalid_g2(self, points: PointArray) -> int | None:
        """The same for (n, 2, 2, 4), subgroup included."""
        return first_invalid(points)

    def scale_g1(self, points: PointArray, scalar: int) -> PointArray:
        """scalar * points[i] for one scalar and many points, (n, 2, 4)."""
        count = len(points)
        diagonal = SparseMatrix(np.arange(count + 1, dtype=np.int64), np.arange(count, dtype=np.int32),
                                np.zeros(count, np.int32))
        return combine(diagonal, field.encode([scalar % ORDER]), points)

    def combine_g1(self, matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
        """Sparse matrix of scalars times a vector of points: (rows, 2, 4)."""
        return combine(matrix, table, points)

    def combine_g2(self, matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
        """Sparse matrix of scalars times a vector of points: (rows, 2, 2, 4)."""
        return combine(matrix, table, points)

    def uncompressed(self, points: PointArray) -> bytes:
        """`prover.points.uncompressed`, for many points."""
        words = base_words(points.reshape(-1, 4))[:, ::-1].astype(">u8")       # big-endian, and c1 before c0
        return bytes((words.reshape(-1, 2, 4)[:, ::-1] if points.ndim == 4 else words).tobytes())

    def pairing_product_is_one(self, pairs: Sequence[tuple[G1, G2]]) -> bool:
        """Whether the product of e(P, Q) is one; False if a point is off its curve or outside its subgroup."""
        return pairing_product_is_one(pairs)
