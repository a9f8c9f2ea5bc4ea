"""Which elements of leaves refute an epoch: LeafJudge.sol in Python, so that nothing is proven or sent in vain.

The contract decides. What is said here is held against it by a test under random elements.
"""

from __future__ import annotations

from typing import NamedTuple

from prover.curve import ORDER
from verifier_contracts.oracle import LeafLayout

LEAF, ASSET, MARK = 1, 7, 12
"""Tags of the leaves that proofs show."""
UNDERLYING, AMAX, FIRST_PACKED, SPOT = 1, 4, 5, 4
ID_BITS, FACTOR_BITS, MARK_LANES, MARK_MASK = 248, 80, 4, (1 << 64) - 1


class Field(NamedTuple):
    """One element of a leaf.  kind : its tag; element : k; x : in [0, r)."""

    kind: int
    id: int
    element: int
    x: int


def breaks_bound(field: Field, form: LeafLayout) -> bool:
    """Whether no true epoch holds this element (E1 to E5, E8)."""
    kind, id, k, x = field
    if kind not in (LEAF, ASSET):
        return False
    if id == 0 and k != 0:
        return x != 0
    if kind == ASSET:
        return k != 0 and x >> FACTOR_BITS != 0
    if k == 0:
        return x >> ID_BITS != 0
    if k == UNDERLYING:
        return x >= form.underlyings
    if k < FIRST_PACKED:
        return x >> form.value_bits != 0
    return packs_beyond(x, k, (1 << form.value_bits) - 1, form)


def contradict(a: Field, b: Field, form: LeafLayout) -> bool:
    """Whether two elements cannot both be true: two leaves of an id, a value above amax, an asset worth more than it
    costs. The order matters for the last two: amax, or v, first."""
    if a.id != b.id or a.kind != b.kind:
        return False
    if a.element == b.element:
        return a.x != b.x
    if a.kind == ASSET:
        return (a.element, b.element) == (1, 2) and a.x > b.x
    packed = a.kind == LEAF and a.element == AMAX and b.element >= FIRST_PACKED
    return packed and packs_beyond(b.x, b.element, a.x, form)


def packs_beyond(x: int, k: int, bound: int, form: LeafLayout) -> bool:
    """Whether a packed element holds a value above `bound` in size, or anything in an absent lane (E4)."""
    first = (k - FIRST_PACKED) * form.lanes
    rest, half = x - ORDER if x > ORDER >> 1 else x, 1 << form.width - 1
    for p in range(form.lanes):
        digit = ((rest + half) & (2 * half - 1)) - half
        if abs(digit) > (bound if first + p < form.values else 0):
            return True
        rest = (rest - digit) >> form.width
    return rest != 0


def contradicts_marks(mark: Field, underlying: Field, marks: tuple[int, ...], form: LeafLayout) -> bool:
    """Whether the spot in a MARK leaf is not what was signed for the underlying that the LEAF of its id names."""
    if (mark.kind, mark.element, underlying.kind, underlying.element) != (MARK, SPOT, LEAF, UNDERLYING):
        return False
    if mark.id != underlying.id or mark.id == form.cash_id or underlying.x >= MARK_LANES:
        return False
    return marks[underlying.x] != mark.x
