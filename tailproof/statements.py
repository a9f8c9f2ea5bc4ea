"""The identity of a statement: its name, and the digest of its constraint system."""

from __future__ import annotations

from functools import cache

from circuits import statements
from circuits.statements import Statement
from primitives.errors import BadInput


@cache
def r1cs_digest(name: str) -> str:
    """SHA-256 of the constraint system of a statement, hex: what a key is made for (see `primitives.r1cs`).

    Raises
    ------
    BadInput : there is no such statement.
    """
    return statements.get(name).build().r1cs().digest()


def require_circuit(statement: Statement, digest: bytes, where: str) -> None:
    """Refuse what was made for another version of a statement.

    Parameters
    ----------
    digest : of the constraint system; where : whose it is, as a user knows it.

    Raises
    ------
    BadInput : it is not this version's.
    """
    if digest.hex() != r1cs_digest(statement.name):
        raise BadInput(where, digest.hex(), f"{r1cs_digest(statement.name)}, the digest of the constraints of "
                       f"{statement.name} in this version")
