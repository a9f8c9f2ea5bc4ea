"""From scalars to signed digits: halve, sort out the trivial terms, cut the rest into windows."""

from __future__ import annotations

import functools
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from primitives import threads
from primitives.native import compiled

from .additions import SIGN_BIT
from .endomorphism import halve
from .field import SCALAR_MODULUS, Words, words_of
from .memory import reading, uninitialized

TERM_BITS = 128                 # of a half-length scalar, sign included
CHUNK = 1024                    # terms cut at a time
LEAST = 1 << 10                 # scalars that are worth a thread of their own
ALL_ONES = np.uint64(2**64 - 1)
ONE = tuple(np.uint64(word) for word in words_of((1 << 256) % SCALAR_MODULUS))

References: TypeAlias = NDArray[np.uint32]
Digits: TypeAlias = NDArray[np.int16]
Marks: TypeAlias = NDArray[np.uint8]


class Terms(NamedTuple):
    """The terms of a sum over m points (see `convert.with_images`): term i belongs to point i, m + i to its image."""

    halves: Words
    """(2 m, 2): signed 128-bit multipliers."""
    names: References
    """Numbers of the terms whose multiplier is not 0, 1 or -1."""
    units: References
    """References (with sign) to the terms whose multiplier is 1 or -1."""


@compiled
def _halve_and_sort_out(scalars: Words, identities: Marks, halves: Words, names: References, units: References,
                        first: int, last: int) -> tuple[int, int]:
    """Do scalars first .. last-1; names and units start at entry 2 * first; returns how many there are."""
    images, above, ones = halves.shape[0] // 2, 2 * first, 2 * first
    for i in range(first, last):
        if identities[i] or (scalars[i, 0] == 0 and not (scalars[i, 1] | scalars[i, 2] | scalars[i, 3])):
            halves[i, 0] = halves[i, 1] = halves[images + i, 0] = halves[images + i, 1] = 0
            continue                                   # witnesses are mostly bits: halve nothing for them
        if scalars[i, 0] == ONE[0] and scalars[i, 1] == ONE[1] and scalars[i, 2] == ONE[2] and scalars[i, 3] == ONE[3]:
            halves[i, 0] = 1
            halves[i, 1] = halves[images + i, 0] = halves[images + i, 1] = 0
            units[ones] = i
            ones += 1
            continue
        halve(scalars, i, halves, i, images + i)
        for t in (i, images + i):
            low, high = halves[t, 0], halves[t, 1]
            minus = int((low & high) == ALL_ONES)
            unit = minus | (int(low == 1) & int(high == 0))
            names[above] = t
            units[ones] = t | minus * SIGN_BIT
            above += int((low | high) != 0) & (1 - unit)
            ones += unit
    return above - 2 * first, ones - 2 * first


def terms_of(scalars: Words, points: int, identities: Marks | None = None) -> Terms:
    """Halve Montgomery scalars (n, 4) for the first n of so many points and sort out the trivial terms.

    identities : (n,), not zero where a point is the identity: its terms then are zero.
    """
    n, source = len(scalars), reading(scalars)
    marks = np.zeros(n, np.uint8) if identities is None else identities
    halves, (names, units) = uninitialized((2 * points, 2)), np.empty((2, 2 * n + 1), np.uint32)
    found: dict[int, tuple[int, int]] = {}

    def one_range(first: int, last: int) -> None:
        found[first] = _halve_and_sort_out(source, marks, halves, names, units, first, last)

    threads.share(n, one_range, least=LEAST)
    ranges = sorted(found.items())
    return Terms(halves, np.concatenate([names[2 * first:2 * first + above] for first, (above, _) in ranges]),
                 np.concatenate([units[2 * first:2 * first + ones] for first, (_, ones) in ranges]))


def windows_of(bits: int) -> int:
    """How many windows of `bits` bits a term has."""
    return -(-TERM_BITS // bits)


@functools.cache
def digit_bias(bits: int) -> Words:
    """Words of the sum of 2**(bits-1) at every window.

    Adding it to a term does all carries at once: each signed digit is then the window's unsigned digit minus
    2**(bits-1), with no dependence between windows.
    """
    return np.array(words_of(sum(1 << (bits * w + bits - 1) for w in range(windows_of(bits))))[:3], np.uint64)


@compiled
def _cut(halves: Words, names: References, bits: int, bias: Words, first: int, last: int, digits: Digits,
         words: Words) -> None:
    """Digits of terms first .. last-1; words: (4, CHUNK) to work in."""
    windows, mask, one, half = digits.shape[0], np.uint64((1 << bits) - 1), np.uint64(1), np.int64(1 << (bits - 1))
    for start in range(first, last, CHUNK):
        size = min(CHUNK, last - start)
        for k in range(size):                          # words = term + bias, word-major
            t, carry = names[start + k], np.uint64(0)
            for j in range(3):
                word = halves[t, j] if j < 2 else np.uint64(np.int64(halves[t, 1]) >> 63)
                total = word + bias[j]
                overflow = np.uint64(total < word)
                total += carry
                carry = overflow | np.uint64(total < carry)
                words[j, k] = total
            words[3, k] = np.uint64(0)
        for w in range(windows):
            j, shift = (w * bits) >> 6, np.uint64((w * bits) & 63)
            for k in range(size):
                window = (words[j, k] >> shift) | ((words[j + 1, k] << one) << (np.uint64(63) - shift))
                digits[w, start + k] = np.int64(window & mask) - half


def digits_of(terms: Terms, bits: int) -> Digits:
    """Signed digits (windows, names), in [-2**(bits-1), 2**(bits-1)); row w has the weight 2**(bits * w)."""
    count = len(terms.names)
    digits = uninitialized((windows_of(bits), max(count, 1)), np.int16)

    def one_range(first: int, last: int) -> None:
        _cut(terms.halves, terms.names, bits, digit_bias(bits), first, last, digits,
             np.empty((4, CHUNK), np.uint64))

    threads.share(count, one_range, least=LEAST)
    return digits
