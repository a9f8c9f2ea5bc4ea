"""The identity of a statement: its name, and the digest of its constraint system."""

from __future__ import annotations

from functools import cache

from circuits import statements


@cache
def r1cs_digest(name: str) -> str:
    """SHA-256 of the constraint system of a statement, hex: what a key is made for (see `primitives.r1cs`).

    Raises
    ------
    BadInput : there is no such statement.
    """
    return statements.get(name).build().r1cs().digest()
