"""Sparse matrices of scalars times vectors of points, on the adding machine (`buckets`).

A row of a sparse matrix times points is a sum of a few to a few thousand multiples. Every coefficient is halved by the
curve's endomorphism, as in the multi-scalar multiplication, and written in non-adjacent form: signed binary digits of
which two in three are zero [Reitwiesner, 1960]. Then all rows are found together, from the highest digit to the lowest,
by Horner's rule: in each round a row's sum so far is doubled and the points whose coefficient has a digit there are
added or subtracted. A round is one call of the adding machine, where each row is a bucket.

Rows are sorted by their highest digit, so that rows of bits take few rounds.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.field import FieldArray
from primitives.native import compiled
from primitives.r1cs import SparseMatrix
from prover.points import PointArray

from .additions import ARENA_BIT, INDEX_MASK, SIGN_BIT
from .arithmetic import LANES
from .buckets import IDENTITY, References, Space, add_up_buckets
from .convert import at_edge, with_images
from .digits import terms_of
from .field import Words
from .memory import empty
from .msm import borrow_space
from .tasks import in_turn

CHUNK = 1 << 15                 # references of one round, about

Masks = NDArray[np.uint64]


class Forms(NamedTuple):
    """Coefficients in non-adjacent form, each as two halves.

    Attributes
    ----------
    masks : (m, 2, 2, 2): for each coefficient and half, where its digits are 1 and where -1, as two words each.
    lengths : (m,): one more than the place of the highest digit of either half.
    """

    masks: Masks
    lengths: NDArray[np.int64]


def non_adjacent_forms(table: FieldArray) -> Forms:
    """The forms of coefficients (m, 4).

    With x = 3 k, the digits of k are the bits of x & ~k less those of k & ~x, halved.
    """
    count = len(table)
    halves = terms_of(table, count).halves
    low, high = halves[:, 0].copy(), halves[:, 1].copy()
    negative = high >> np.uint64(63) == 1
    low[negative], high[negative] = -low[negative], ~high[negative] + (low[negative] == 0)
    low3 = low + (low << np.uint64(1))
    high3 = high + (high << np.uint64(1) | low >> np.uint64(63)) + (low3 < low)
    masks = np.empty((2 * count, 2, 2), np.uint64)
    for sign, (a, b) in enumerate((((low3, high3), (low, high)), ((low, high), (low3, high3)))):
        rest, above = a[0] & ~b[0], a[1] & ~b[1]
        side = np.where(negative, 1 - sign, sign)
        masks[np.arange(2 * count), side, 0] = rest >> np.uint64(1) | above << np.uint64(63)
        masks[np.arange(2 * count), side, 1] = above >> np.uint64(1)
    masks = np.ascontiguousarray(masks.reshape(2, count, 2, 2).swapaxes(0, 1))
    used = np.bitwise_or.reduce(masks, axis=(1, 2))
    bits = np.unpackbits(used.astype("<u8").view(np.uint8), axis=1, bitorder="little")
    return Forms(masks, np.where(bits.any(axis=1), 128 - bits[:, ::-1].argmax(axis=1), 0))


@compiled
def _name_terms(starts: NDArray[np.int64], wires: NDArray[np.int32], coefficients: NDArray[np.int32], masks: Masks,
                rows: NDArray[np.int64], first: int, last: int, digit: int, images: int, begun: NDArray[np.bool_],
                sums: int, order: References, counts: References) -> None:
    """One round of Horner's rule for some rows: bucket i - first + 1 = twice the sum so far, and the digits' points."""
    word, shift, one = digit >> 6, np.uint64(digit & 63), np.uint64(1)
    counts[0] = 0
    place = 0
    for i in range(first, last):
        before = place
        if begun[i]:
            order[place] = order[place + 1] = sums + i
            place += 2
        for k in range(starts[rows[i]], starts[rows[i] + 1]):
            for half in range(2):
                for sign in range(2):
                    if masks[coefficients[k], half, sign, word] >> shift & one:
                        order[place] = (wires[k] + half * images) | (sign * SIGN_BIT)
                        place += 1
        if begun[i] and place > before + 2:                    # not the sum with itself: that holds up pairs beside it
            order[before + 1], order[before + 2] = order[before + 2], order[before + 1]
        if place == before + 1 and order[before] & SIGN_BIT:
            order[place] = IDENTITY                            # so that the negative is worked out
            place += 1
        counts[i - first + 1] = place - before


@compiled
def _keep_sums(memory: Words, arena: Words, space: Space, sums: int, begun: NDArray[np.bool_], first: int) -> None:
    """What the round has added up becomes the rows' sums so far; memory and arena as (points, words)."""
    for b in range(1, space.counts.size):
        if space.counts[b]:
            name = np.int64(space.sums[b])
            place = name & INDEX_MASK
            for word in range(memory.shape[1]):
                memory[sums + first + b - 1, word] = arena[place, word] if name & ARENA_BIT else memory[place, word]
            begun[first + b - 1] = True


def combine(matrix: SparseMatrix, table: FieldArray, points: PointArray) -> PointArray:
    """Sparse matrix of scalars (rows, n) times points (n, 2, 4) or (n, 2, 2, 4): (rows, ...)."""
    if not matrix.entries:
        return np.zeros((matrix.rows, *points.shape[1:]), np.uint64)
    forms, packed = non_adjacent_forms(table), with_images(points)
    images, rows = len(packed) // 2, matrix.rows
    memory = empty((len(packed) + rows + LANES, *packed.shape[1:]))        # packed points, then a sum a row
    memory[:len(packed)] = packed
    flat, begun = memory.reshape(len(memory), -1), np.zeros(rows, np.bool_)
    lengths = _largest(forms.lengths[matrix.coefficients], matrix.starts)
    order = np.argsort(lengths, kind="stable")
    terms = 2 + 2 * np.diff(matrix.starts)[order]

    def some_rows(bounds: tuple[int, int]) -> None:
        first, last = bounds
        with borrow_space(packed.shape[1:], int(terms[first:last].sum()) + last - first, last - first + 1) as space:
            for digit in reversed(range(lengths[order[last - 1]])):
                _name_terms(matrix.starts, matrix.wires, matrix.coefficients, forms.masks, order, first, last, digit,
                            images, begun, len(packed), space.order, space.counts)
                add_up_buckets(memory, space)
                _keep_sums(flat, space.arena.reshape(len(space.arena), -1), space, len(packed), begun, first)

    in_turn(some_rows, _chunks(terms))
    out = np.zeros((rows, *points.shape[1:]), np.uint64)
    out[order] = at_edge(memory[len(packed):len(packed) + rows])
    return out


def _largest(values: NDArray[np.int64], starts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The largest of each row's values, 0 where there are none."""
    filled = np.flatnonzero(np.diff(starts))
    out = np.zeros(len(starts) - 1, np.int64)
    if len(filled):
        out[filled] = np.maximum.reduceat(values, starts[filled])
    return out


def _chunks(terms: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Bounds of runs of rows with about CHUNK terms each."""
    numbers = (np.cumsum(terms) - terms) // CHUNK
    ends = [*(np.flatnonzero(np.diff(numbers)) + 1), len(terms)]
    return [(int(begin), int(end)) for begin, end in zip([0, *ends], ends, strict=False) if begin < end]
