"""What is wrong with a circuit as it is written; found while it is recorded, before any witness exists."""

from __future__ import annotations

from primitives.errors import TailproofError


class CircuitError(TailproofError):
    """A circuit that would lose a constraint, repeat one, or leave room for a second witness: a mistake in its code."""
