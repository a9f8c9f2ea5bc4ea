"""Operations on vectors of points beyond a proof's needs, for backends that bring none of their own.

Only ceremonies and the full check of a key use them. They stand on Python integers, slow and obvious, or on the
kernels' adding machine; `point_vectors` picks.
"""

from __future__ import annotations

from prover.backend import Backend, PointVectors


def point_vectors(backend: Backend) -> PointVectors:
    """The backend itself if it can do these operations, else the best there is beside it."""
    if isinstance(backend, PointVectors):
        return backend
    if backend.name == "kernels":
        from prover.vectors.compiled import CompiledPointVectors
        return CompiledPointVectors(backend)
    from prover.vectors.integers import IntegerPointVectors
    return IntegerPointVectors()
