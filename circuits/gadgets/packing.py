"""Several small integers in one field element, P lanes of w bits: one multiplication serves them all.

A_e = sum_p 2**(w p) a_{eP+p}. Packing is linear, so a weighted sum of packed elements is the packed weighted sum.
Reading the lanes back is sound only if no lane can hand a multiple of 2**w to its neighbour unseen, which is a matter
of bounds: `unique` checks them.
"""

from __future__ import annotations

import numpy as np

from circuits.builder import LARGEST_RANGE, ConstraintSystem
from circuits.errors import CircuitError
from circuits.intervals import Interval
from circuits.signals import Linear


def pack(values: Linear, lanes: int, width: int) -> Linear:
    """(..., S) -> (..., ceil(S / P)), absent lanes 0: no rows. The result is a residue as far as anyone knows."""
    elements = -(-values.shape[-1] // lanes)
    places = np.array([1 << width * p for p in range(lanes)], object)
    return (values.pad(elements * lanes).reshape(*values.shape[:-1], elements, lanes) * places).sum(-1)


def packed_product(cs: ConstraintSystem, weights: Linear, packed: Linear, lanes: Linear, width: int, per: int,
                   label: str) -> None:
    """sum_j weights_j packed_{j,e} = pack(lanes)_e: J rows for each e.

    Parameters
    ----------
    weights, packed : (J,) and (J, E).
    lanes : (S,), the claimed sums; `unique` says when they must be the true ones.
    width, per : w and P.
    """
    claimed = pack(lanes, per, width)
    products = weights.reshape(len(weights), 1) * packed
    cs.equal(products.sum(0, f"{label} product"), claimed, label)


def unique(claimed: Interval, true: Interval, width: int, lanes: int, label: str) -> None:
    """Refuse bounds under which lanes other than the true ones pack to the same element.

    Let D_p be claimed minus true value of lane p. If |D_p| < 2**w for all p then |sum 2**(w p) D_p| < 2**(w P) < r, so
    the sum, being 0 modulo r, is 0; then 2**w divides D_0, so D_0 = 0, and so on upwards (STATEMENT §8.3).

    Raises
    ------
    CircuitError : a difference can reach 2**w, or w P exceeds 253 bits.
    """
    difference = claimed - true
    if not difference.known or difference.magnitude >= 1 << width:
        raise CircuitError(f"{label}: lanes in {claimed} that stand for sums in {true} can carry over {width} bits")
    if width * lanes > LARGEST_RANGE:
        raise CircuitError(f"{label}: {lanes} lanes of {width} bits do not fit a field element")
