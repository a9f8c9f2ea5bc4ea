"""The tables of a transform: roots of unity, twiddles, twists, and orders; see `ntt` for what they are good for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.native import compiled
from prover.domain import root_of_unity

from .arithmetic import ELEMENT, LANES, LAYOUT, kernel
from .emitter import I8, Emitter, Value
from .factors import FACTOR
from .field import EDGE_RADIX, SCALAR, Words
from .field import SCALAR_MODULUS as R

Order: TypeAlias = NDArray[np.uint32]
Tables = TypeVar("Tables")

LOG_LANES = LANES.bit_length() - 1
LOG_FINE = 6                    # log2 of the blocks of a fine twist: few enough for the first cache


def reverse(value: int, bits: int) -> int:
    """The number with the bits in opposite order."""
    return int(format(value, f"0{bits}b")[::-1], 2) if bits else 0


def reverse_all(values: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Each number with its lowest `bits` bits in opposite order."""
    out = np.zeros_like(values)
    for i in range(bits):
        out |= (values >> i & 1) << (bits - 1 - i)
    return out


# -- factors ---------------------------------------------------------------------------------------------------------
@kernel
def factors_at(emit: Emitter, values: Value, k: Value, table: Value) -> None:
    """Entry k of a table of factors = the LANES elements (n, 4) from LANES * k on."""
    places = [emit.address(values, emit.plus(emit.times(k, LANES), lane), 32, I8) for lane in range(LANES)]
    to_own_form = ELEMENT.constant(emit, SCALAR, LAYOUT.radix // EDGE_RADIX)
    FACTOR.of(ELEMENT.gather(emit, SCALAR, places) * to_own_form).store(emit, table, k)


@compiled
def fill(values: Words, table: Words) -> None:
    """All entries."""
    for k in range(table.shape[0]):
        factors_at(values, k, table)


def factors(values: Words) -> Words:
    """Elements (LANES * n, 4) -> table of factors (n, WORDS, LANES)."""
    table = np.empty((len(values) // LANES, FACTOR.WORDS, LANES), np.uint64)
    fill(np.ascontiguousarray(values), table)
    return table


def single_factors(values: Words) -> Words:
    """Elements (n, 4) -> table of factors (n, WORDS) for all lanes."""
    padded = np.concatenate([values, np.zeros((-len(values) % LANES, 4), np.uint64)])
    return np.ascontiguousarray(factors(padded).swapaxes(1, 2).reshape(-1, FACTOR.WORDS)[:len(values)])


# -- tables ----------------------------------------------------------------------------------------------------------
def powers(base: int, count: int) -> Words:
    """base**k for k < count (a power of two), elements (count, 4)."""
    table = np.empty((count, 4), np.uint64)
    table[:1], done = field.encode([1]), 1
    while done < count:
        table[done:2 * done], done = field.multiply(table[:done], field.encode([pow(base, done, R)])), 2 * done
    return table


def twiddle_table(powers: Words) -> Words:
    """For every round: w**j, w**2j, w**3j, j < length / 4, with w the root of the round's length; see `step // 3`.

    powers : those of the root of the longest round, whose every fourth, sixteenth ... root is that of the next ones.
    """
    size = len(powers)
    depth = size.bit_length() - 1
    rows = [np.arange(1 << k)[:, None] * np.array([1, 2, 3]) * (size >> (k + 2))
            for k in range(depth % 2, depth - 1, 2)]
    return single_factors(powers[np.concatenate(rows or [np.zeros((1, 3), np.int64)]).reshape(-1)])


def reversed_powers(log: int, bases: Sequence[int], factor: int) -> Words:
    """Block k = factor * bases[lane]**reverse(k), in lanes, for k < 2**log."""
    blocks = 1 << log
    table = field.encode([factor] * LANES).reshape(1, LANES, 4)
    for t in range(log):
        step = field.encode([pow(base, blocks >> (t + 1), R) for base in bases])
        table = np.concatenate([table, field.multiply(table, step)])
    return factors(table.reshape(-1, 4))


class Rounds:
    """What all transforms of one length share."""

    def __init__(self, log: int) -> None:
        self.log, self.depth = log, log - LOG_LANES
        self.blocks = 1 << self.depth
        forwards = powers(pow(root_of_unity(log), LANES, R), self.blocks)
        self.inwards = twiddle_table(np.roll(forwards[::-1], 1, axis=0))
        self.outwards = twiddle_table(forwards)
        self.natural = np.arange(1 << log, dtype=np.uint32)

    @cached_property
    def scattered(self) -> Order:
        """The order between the two halves of a transform: which frequency each element is."""
        k = np.arange(self.blocks)
        lanes = (k - k % LANES)[:, None] + np.arange(LANES)
        frequencies = reverse_all(lanes, self.depth) + (reverse_all(k % LANES, LOG_LANES)[:, None] << self.depth)
        return frequencies.astype(np.uint32).reshape(-1)


class Twist:
    """Twists of one length and direction: the powers of a root in each lane, as products of a fine and a coarse one.

    Outwards they hold the powers of `shift` too, which then also come as `shifts` from lane to lane; inwards they hold
    the division by the length.
    """

    def __init__(self, log: int, shift: int, outwards: bool) -> None:
        root, depth = root_of_unity(log), log - LOG_LANES
        root = root if outwards else pow(root, -1, R)
        bases = [shift * pow(root, lane, R) % R for lane in range(LANES)]
        bits = min(LOG_FINE, depth)
        self.fine = reversed_powers(bits, [pow(base, 1 << (depth - bits), R) for base in bases], 1)
        self.coarse = reversed_powers(depth - bits, bases, 1 if outwards else pow(1 << log, -1, R))
        self.shifts = single_factors(powers(pow(shift, 1 << depth, R), LANES if shift != 1 else 1))


class Latest(Generic[Tables]):
    """The tables that were asked for last, made once.

    Parameters
    ----------
    make : what makes them, from what they are asked for by.
    most : how many are kept.
    """

    def __init__(self, make: Callable[..., Tables], most: int) -> None:
        self._make, self._most, self._lock, self._made = make, most, threading.Lock(), dict[Any, Tables]()

    def __call__(self, *wanted: int) -> Tables:
        with self._lock:
            found = self._made.get(wanted)
        tables = self._make(*wanted) if found is None else found       # perhaps in two threads at once, which is fine
        with self._lock:
            self._made.pop(wanted, None)
            self._made[wanted] = tables
            while len(self._made) > self._most:
                del self._made[next(iter(self._made))]
        return tables

    def held(self) -> int:
        """Bytes of the arrays of all of them."""
        with self._lock:
            parts = [part for tables in self._made.values() for part in list(vars(tables).values())]
        return sum(part.nbytes for part in parts if isinstance(part, np.ndarray))

    def release(self) -> None:
        """Give them back to the system."""
        with self._lock:
            self._made.clear()


rounds_of, twist_of = Latest(Rounds, most=4), Latest(Twist, most=6)
