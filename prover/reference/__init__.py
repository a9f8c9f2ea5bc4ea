"""The oracle: every vector operation in its most obvious form, on py_ecc's curve and galois's field."""

from __future__ import annotations

from prover.reference.backend import ReferenceBackend

__all__ = ["ReferenceBackend"]
