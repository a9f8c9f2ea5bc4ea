"""Many multiples of one point: tables of its small multiples at every window, and a few additions a scalar.

A scalar is halved and cut into signed digits as in `msm`, but here a table holds every d * 2**(bits * w) * base, so
that each scalar's multiple is the sum of one entry a digit. The sums of many scalars are found at once, as `buckets`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from primitives.native import compiled
from prover.points import encode_g1, encode_g2

from .additions import SIGN_BIT
from .arithmetic import LANES
from .buckets import Space, add_up_buckets
from .convert import take_out, with_images
from .digits import Digits, Terms, digits_of, terms_of, windows_of
from .field import Words
from .memory import empty
from .msm import borrow_space
from .tasks import in_turn
from .windows import GROUPS

CHUNK = 1 << 11                 # scalars whose multiples are found together


def encode(points: Any, dimensions: int) -> Words:
    """Points on integers -> (n, 2, 4) or (n, 2, 2, 4) in Montgomery form."""
    return encode_g1(points) if dimensions == 3 else encode_g2(points)


@compiled
def _name_digits(digits: Digits, first: int, last: int, half: int, space: Space) -> None:
    """Bucket i - first + 1 = the table entries that the digits of scalar i name."""
    order, counts, windows, second = space.order, space.counts, digits.shape[0], digits.shape[1] // 2
    counts[:] = 0
    place = 0
    for i in range(first, last):
        before = place
        for k in range(2):
            for w in range(windows):
                digit = np.int64(digits[w, i + k * second])
                order[place] = ((k * windows + w) * half + abs(digit) - 1) | (SIGN_BIT & (digit >> 32))
                place += int(digit != 0)
        counts[i - first + 1] = place - before


@compiled
def _name_pairs(space: Space, windows: int, half: int, known: int) -> None:
    """Bucket w * known + j + 1 = entries known - 1 and j of window w."""
    space.counts[:] = 2
    space.counts[0] = 0
    for w in range(windows):
        for j in range(known):
            b = w * known + j
            space.order[2 * b] = w * half + known - 1
            space.order[2 * b + 1] = w * half + j


@compiled
def _take_out_sums(points: Words, space: Space, out: Words, first: int, count: int) -> None:
    """out[first ..] = the sums of buckets 1 .. count, at the edge; count in whole vectors."""
    names = space.sums[1:]
    for i in range(0, count, LANES):
        take_out(points, space.arena, names, i, out, first + i)


def multiples_table(base: Any, dimensions: int, bits: int) -> Words:
    """Packed points: entry w * 2**(bits-1) + d - 1 is d * 2**(bits * w) * base; as many again for the image of base."""
    group, half, weights = GROUPS[dimensions], 1 << (bits - 1), [base]
    for _ in range(windows_of(bits) - 1):
        weights.append(group.multiply(weights[-1], 1 << bits))
    ones = with_images(encode(weights, dimensions))
    padded = len(ones) // 2
    ones = np.concatenate([ones[:len(weights)], ones[padded:padded + len(weights)]])
    table, known = empty((len(ones), half, *ones.shape[1:])), 1
    table[:, 0] = ones
    while known < half:
        count = len(ones) * known
        with borrow_space(ones.shape[1:], 2 * count, count + 1) as space:
            _name_pairs(space, len(ones), half, known)
            add_up_buckets(table.reshape(-1, *ones.shape[1:]), space)
            table[:, known:2 * known] = space.arena[1:count + 1].reshape(len(ones), known, *ones.shape[1:])
        known *= 2
    return table.reshape(-1, *ones.shape[1:])


def window_bits(count: int) -> int:
    """Bits per window that minimise the additions, table included."""
    return min(range(4, 14), key=lambda bits: windows_of(bits) * ((1 << (bits - 1)) + count))


def multiples(base: Any, scalars: Words, dimensions: int) -> Words:
    """scalars[i] * base, (n, 2, 4) or (n, 2, 2, 4); scalars (n, 4) in Montgomery form, base finite."""
    count = len(scalars)
    bits = window_bits(count)
    padded = -(-count // LANES) * LANES
    table = multiples_table(base, dimensions, bits)
    halves = terms_of(scalars, padded).halves
    digits = digits_of(Terms(halves, np.arange(2 * padded, dtype=np.uint32), np.empty(0, np.uint32)), bits)
    out = np.empty((padded, *table.shape[1:]), np.uint64)

    def one_chunk(first: int) -> None:
        last = min(first + CHUNK, padded)
        with borrow_space(table.shape[1:], (last - first) * 2 * len(digits), last - first + 1) as space:
            _name_digits(digits, first, last, 1 << (bits - 1), space)
            add_up_buckets(table, space)
            _take_out_sums(table, space, out, first, last - first)

    in_turn(one_chunk, range(0, padded, CHUNK))
    return out[:count]
