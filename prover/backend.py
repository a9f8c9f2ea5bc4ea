"""What the protocol asks of an arithmetic: operations on whole vectors, nothing about limbs or lanes.

Everything above this interface (Groth16, the ceremony, the file formats) reads like the papers; everything below it
computes. There are two implementations: `prover.reference`, slow and obvious, the oracle; and `prover.kernels`.

Forms at the edge
-----------------
Scalars: (n, 4) uint64, Montgomery form x * 2**256 mod r, fully reduced (`primitives.field`).
Points: (n, 2, 4) and (n, 2, 2, 4) uint64, see `prover.points`; or, singly, integers, see `prover.curve`.
Domains: the 2**k-th roots of unity in natural order, see `prover.domain`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Protocol, TypeAlias

from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.curve import G1, G2
from prover.points import PointArray

MOST_PUBLIC = 1 << 16
"""Public inputs of a key at most: a verifier adds up a point for each, and its key in JSON has to stay readable. One
bound for setup, loading and verification, so that nobody makes a key whose proofs are then refused."""


class Backend(Protocol):
    """Vector arithmetic over the BN254 scalar field and its two groups."""

    name: str

    def matrix_times_vector(self, matrix: SparseMatrix, table: FieldArray, vector: FieldArray) -> FieldArray:
        """Sparse matrix (rows, wires), with coefficients as row numbers of `table`, times vector (wires, 4).

        Raises
        ------
        ValueError : the table or the vector is shorter than what the matrix refers to.
        """

    def ntt(self, values: FieldArray, *, inverse: bool = False, coset: int | None = None) -> FieldArray:
        """Number-theoretic transform of (2**k, 4), natural order in and out.

        Forward: coefficients -> values at coset * w**i. Inverse: values at coset * w**i -> coefficients. `coset` is
        the shift, 1 if None.
        """

    def quotient(self, a: FieldArray, b: FieldArray) -> FieldArray:
        """From values (2**k, 4) of A and B on the domain to those of A*B - C on the odd coset, C having their products.

        The odd coset is root_of_unity(k+1) * w**i. As A*B = C on the domain, A*B - C = H * (X**(2**k) - 1), whose
        values on the odd coset determine it; they are the scalars of the key's H points.
        """

    def batch_inverse(self, values: FieldArray) -> FieldArray:
        """1/x for each of (n, 4); a zero raises ZeroDivisionError."""

    def prepare_g1(self, points: PointArray) -> Any:
        """Bases of `msm_g1` in whatever form this backend likes; once per key."""

    def prepare_g2(self, points: PointArray) -> Any:
        """Bases of `msm_g2` in whatever form this backend likes; once per key."""

    def msm_g1(self, prepared: Any, scalars: FieldArray) -> G1 | None:
        """Multi-scalar multiplication: the sum of scalars[i] * points[i]."""

    def msm_g2(self, prepared: Any, scalars: FieldArray) -> G2 | None:
        """Multi-scalar multiplication: the sum of scalars[i] * points[i]."""

    def multiples_g1(self, base: G1, scalars: FieldArray) -> PointArray:
        """scalars[i] * base for one base and many scalars, (n, 2, 4)."""

    def multiples_g2(self, base: G2, scalars: FieldArray) -> PointArray:
        """scalars[i] * base for one base and many scalars, (n, 2, 2, 4)."""

    def pairing_product_is_one(self, pairs: Sequence[tuple[G1, G2]]) -> bool:
        """Whether the product of e(P, Q) is one.

        Raises
        ------
        BadInput : a coordinate is not canonical, a point is off its curve, or in G2 outside the subgroup.
        """

    # -- what a ceremony and the full check of a key need besides ---------------------------------------------------
    def first_invalid_g1(self, points: PointArray) -> int | None:
        """Index of the first of (n, 2, 4) that is not a reduced point of G1, or None; the identity is valid."""

    def first_invalid_g2(self, points: PointArray) -> int | None:
        """Index of the first of (n, 2, 2, 4) that is not a reduced point of G2, subgroup included, or None."""

    def scale_g1(self, points: PointArray, scalar: int) -> PointArray:
        """scalar * points[i] for one scalar and many points, (n, 2, 4)."""

    def combine_g1(self, matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
        """Sparse matrix of scalars times a vector of points: (rows, 2, 4)."""

    def combine_g2(self, matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
        """Sparse matrix of scalars times a vector of points: (rows, 2, 2, 4)."""

    def uncompressed(self, points: PointArray) -> bytes:
        """`prover.points.uncompressed`, for many points."""


BackendName: TypeAlias = str


@cache
def _load(name: BackendName) -> Backend:
    # Imported here: the reference needs py_ecc and galois, the kernels compile; nobody should pay for both.
    if name == "kernels":
        from prover.kernels import KernelBackend
        return KernelBackend()
    if name == "reference":
        from prover.reference import ReferenceBackend
        return ReferenceBackend()
    raise ValueError(f"no backend named {name!r}: there are 'kernels' and 'reference'")


def load_backend(backend: BackendName | Backend) -> Backend:
    """The backend of that name, or the backend itself."""
    return _load(backend) if isinstance(backend, str) else backend
