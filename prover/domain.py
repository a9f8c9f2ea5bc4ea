"""Evaluation domains: the groups of 2**k-th roots of unity in the scalar field.

They are the powers of 5**((r-1) / 2**k), in natural order; 5 generates the multiplicative group of F_r. This is iden3's
choice, on which the bytes of a `.zkey` depend.
"""

from __future__ import annotations

from prover.curve import ORDER

GENERATOR = 5
"""Generates the multiplicative group of the scalar field."""

MAX_DOMAIN = 27
"""log2 of the largest domain: a proof needs the odd coset too, and 2**28 is the last power of two to divide r-1."""


def root_of_unity(log_size: int) -> int:
    """The primitive 2**log_size-th root of unity every domain here is made of."""
    return pow(GENERATOR, (ORDER - 1) >> log_size, ORDER)
