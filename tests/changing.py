"""How tests of refusals change what is valid."""

from __future__ import annotations

from prover.curve import BASE_MODULUS, G1, G2


def with_coordinate(point: G1 | G2, place: int, value: int) -> object:
    """A point of G1 or G2 with another value in place of one coordinate; q more, if it is the same value."""
    (x, y), twisted = point, isinstance(point[0], tuple)
    flat = [*x, *y] if twisted else [x, y]                              # type: ignore[misc]
    place %= len(flat)
    flat[place] = value if value != flat[place] else value + BASE_MODULUS
    return ((flat[0], flat[1]), (flat[2], flat[3])) if twisted else tuple(flat)
