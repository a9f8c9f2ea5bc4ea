"""The prover's interface to its fast arithmetic; see `prover.backend.Backend`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from primitives import field
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.curve import G1, G2
from prover.points import PointArray

from . import ntt as transforms
from .msm import SPACES, Bases, msm, prepare
from .multiples import multiples
from .ntt import BLOCKS
from .pairing import pairing_product_is_one


def memory_held() -> dict[str, int]:
    """Bytes of working memory kept for the next proof, by use; bases count for themselves (`Bases.size`)."""
    return {"sums": SPACES.held(), "transforms": BLOCKS.held()}


def release_memory() -> None:
    """Give that memory back to the system."""
    SPACES.release()
    BLOCKS.release()


class KernelBackend:
    """Vector arithmetic by compiled kernels; stateless, so one instance serves all."""

    name = "kernels"

    def matrix_times_vector(self, matrix: SparseMatrix, table: FieldArray, vector: FieldArray) -> FieldArray:
        """Sparse matrix (rows, wires), with coefficients as row numbers of `table`, times vector (wires, 4)."""
        out = np.empty((matrix.rows, 4), np.uint64)
        field.combine(out, matrix.starts, matrix.wires, matrix.coefficients, table, vector)
        return out

    def ntt(self, values: FieldArray, *, inverse: bool = False, coset: int | None = None) -> FieldArray:
        """Number-theoretic transform of (2**k, 4), natural order in and out."""
        return transforms.ntt(values, inverse=inverse, coset=coset)

    def quotient(self, a: FieldArray, b: FieldArray, c: FieldArray) -> FieldArray:
        """From values (2**k, 4) of A, B, C on the domain to values of A*B - C on the odd coset."""
        return transforms.quotient(a, b, c)

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

    def pairing_product_is_one(self, pairs: Sequence[tuple[G1, G2]]) -> bool:
        """Whether the product of e(P, Q) is one; False if a point is off its curve or outside its subgroup."""
        return pairing_product_is_one(pairs)
