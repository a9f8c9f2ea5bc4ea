"""Poseidon over the BN254 scalar field with circomlib's parameters, and the tagged sponge of the statements.

The permutation is that of [Grassi, Khovratovich, Rechberger, Roy, Schofnegger: Poseidon, USENIX Security 2021], x**5,
8 full rounds; constants and MDS matrix come out of the paper's Grain LFSR and equal circomlib's.

After the first round every S-box input is a fixed linear form in the outputs of earlier S-boxes. `schedule(t)` holds
these forms once per width; a batch of n permutations is the same forms stamped n times, in values here and in
constraints in `circuits.gadgets.poseidon`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cache

import numpy as np
from numpy.typing import NDArray

from primitives import field, threads
from primitives.field import MODULUS, FieldArray
from primitives.limbs import PRODUCTS, accumulate, copy_one, multiply_one, settle
from primitives.native import compiled

FULL_ROUNDS = 8
PARTIAL_ROUNDS = dict(zip(range(2, 18), [56, 57, 56, 60, 60, 63, 64, 63, 60, 66, 60, 65, 70, 60, 64, 68], strict=True))
RATE = 16
"""Elements absorbed per permutation, at most; the capacity is one element."""
_BLOCK = 64                        # permutations a thread holds the intermediate values of at a time


class Tag(IntEnum):
    """What is hashed; tag and length enter the initial state, so no two kinds or lengths share a hash."""

    LEAF = 1
    NODE = 2
    EPOCH = 3
    PORTFOLIO = 4
    COLLATERAL = 5
    BATCH = 6
    ASSET = 7
    FILL = 8
    MEMBER = 9
    HEADER = 10
    SETTLED = 11
    MARK = 12
    ESCROW = 13
    WRAP = 14
    KEYSTREAM = 15


def initial(tag: Tag, length: int) -> int:
    """The capacity element a hash of `length` elements begins with: tag * 2**32 + length."""
    if not 0 < length < 1 << 32:
        raise ValueError(f"a hash takes between 1 and 2**32 - 1 elements, not {length}")
    return int(tag) << 32 | length


def chunks(length: int) -> Iterator[slice]:
    """How the sponge cuts its elements: greedily into RATE, the last chunk as long as what is left."""
    return (slice(begin, min(begin + RATE, length)) for begin in range(0, length, RATE))


# -- parameters ----------------------------------------------------------------------------------------------------
@compiled
def _grain(state: NDArray[np.uint8], out: NDArray[np.uint8]) -> None:
    """Fill `out` with bits of the self-shrinking Grain LFSR; state: uint8 (80,), changed in place."""
    kept, head, first, step = 0, 0, 2, 0
    while kept < len(out):
        bit = state[(head + 62) % 80] ^ state[(head + 51) % 80] ^ state[(head + 38) % 80] \
            ^ state[(head + 23) % 80] ^ state[(head + 13) % 80] ^ state[head]
        state[head] = bit
        head = (head + 1) % 80
        step += 1
        if step <= 160:            # the warm-up bits are thrown away
            continue
        if first == 2:             # bits come in pairs: the second is kept if the first is one
            first = bit
            continue
        if first == 1:
            out[kept] = bit
            kept += 1
        first = 2


@cache
def parameters(t: int) -> tuple[list[list[int]], list[list[int]]]:
    """Round constants, FULL_ROUNDS + PARTIAL_ROUNDS[t] lists of t integers, and MDS matrix, t x t, for width t."""
    if t not in PARTIAL_ROUNDS:
        raise ValueError(f"Poseidon has widths 2 to 17, not {t}")
    rounds = FULL_ROUNDS + PARTIAL_ROUNDS[t]
    # Field kind 1 (prime), S-box 0 (x**5), field bits, width, rounds, thirty ones: the paper's initial state.
    seed = "".join(format(value, f"0{bits}b") for value, bits in
                   [(1, 2), (0, 4), (254, 12), (t, 12), (FULL_ROUNDS, 10), (PARTIAL_ROUNDS[t], 10), (2**30 - 1, 30)])
    wanted = rounds * t
    stream = np.empty(254 * (2 * wanted + 4 * t), np.uint8)
    _grain(np.array([int(c) for c in seed], np.uint8), stream)
    text = stream.tobytes().translate(bytes([48, 49]) + bytes(254)).decode()
    numbers = (int(text[i:i + 254], 2) for i in range(0, len(text), 254))
    constants: list[int] = []
    while len(constants) < wanted:                 # constants are drawn by rejection, matrix entries modulo r
        constants.append(next(number for number in numbers if number < MODULUS))
    points = [next(numbers) % MODULUS for _ in range(2 * t)]
    matrix = [[pow(x + y, -1, MODULUS) for y in points[t:]] for x in points[:t]]      # a Cauchy matrix
    return [constants[i:i + t] for i in range(0, wanted, t)], matrix


# -- the schedule --------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Schedule:
    """The permutation of width t as linear forms between S-boxes.

    Local wire 0 is the constant one, wires 1 .. t are the first round's S-box outputs and t + 1 + 3 s + (0, 1, 2) the
    square, fourth and fifth power that later S-box s makes of its input.

    Attributes
    ----------
    starts : int64 (S + 1,), CSR bounds of the form that enters later S-box s; its first term is the constant.
    columns, words : int32 (terms,), field array (terms, 4): local wires and coefficients of all forms.
    mix : (t, t, 4), the output state as forms in the last t S-box outputs.
    constants : (t, 4), added before the first round's S-boxes.
    """

    t: int
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    words: FieldArray
    mix: FieldArray
    constants: FieldArray

    @property
    def boxes(self) -> int:
        """S-boxes after the first round."""
        return len(self.starts) - 1


@cache
def schedule(t: int) -> Schedule:
    """The schedule of width t, 2 to 17."""
    integers, matrix_integers = parameters(t)
    constants, matrix = field.encode(integers), field.encode(matrix_integers)
    unit = np.zeros((t, t + 1, 4), np.uint64)
    unit[np.arange(t), 1 + np.arange(t)] = field.ONE
    state, columns = unit, list(range(t + 1))      # state (t, wires in use, 4); column 0 is the constant
    lengths, places, words, boxes = [], [], [], 0
    for index in range(1, len(constants)):
        state = field.matmul(matrix, state)
        state[:, 0] = field.add(state[:, 0], constants[index])
        full = not FULL_ROUNDS // 2 <= index < len(constants) - FULL_ROUNDS // 2
        for row in state[:t if full else 1]:
            lengths.append(len(columns))
            places.extend(columns)
            words.append(row)
        fresh = [t + 3 + 3 * (boxes + k) for k in range(t if full else 1)]
        boxes += len(fresh)
        if full:
            state, columns = unit, [0, *fresh]
        else:
            state = np.concatenate([state, np.zeros((t, 1, 4), np.uint64)], axis=1)
            state[0] = 0
            state[0, -1] = field.ONE
            columns = columns + fresh
    return Schedule(t, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), np.array(places, np.int32),
                    np.concatenate(words), matrix, constants[0])


@compiled
def box_input(x: FieldArray, values: FieldArray, low: int, high: int, s: int, t: int, starts: NDArray[np.int64],
              columns: NDArray[np.int32], words: FieldArray, total: NDArray[np.uint64]) -> None:
    """x[0] = what enters later S-box s; local wire c is values[low + c] up to t and values[high + c - t - 1] beyond.

    total: nine zero words to sum in.
    """
    copy_one(x, 0, words, starts[s])
    pending = 0
    for k in range(starts[s] + 1, starts[s + 1]):
        c = columns[k]
        accumulate(total, values, low + c if c <= t else high + c - t - 1, words, k)
        pending += 1
        if pending == PRODUCTS:
            settle(x, 0, total)
            pending = 0
    if pending:
        settle(x, 0, total)


@compiled
def fill_boxes(values: FieldArray, begin: int, end: int, t: int, first: int, powers: int, starts: NDArray[np.int64],
               columns: NDArray[np.int32], words: FieldArray, x: FieldArray, total: NDArray[np.uint64]) -> None:
    """Fill in the later S-boxes of permutations begin .. end-1; x, total: one zero element and nine words to work in.

    Permutation i has its first round's outputs at values[first + i t ...] and its later powers at
    values[powers + 3 S i ...].
    """
    boxes = len(starts) - 1
    for i in range(begin, end):
        low, high = first + i * t - 1, powers + 3 * boxes * i
        for s in range(boxes):
            box_input(x, values, low, high, s, t, starts, columns, words, total)
            y = high + 3 * s
            multiply_one(values, y, x, 0, x, 0)
            multiply_one(values, y + 1, values, y, values, y)
            multiply_one(values, y + 2, values, y + 1, x, 0)


def box_room() -> tuple[FieldArray, NDArray[np.uint64]]:
    """What `fill_boxes` works in."""
    return np.zeros((1, 4), np.uint64), np.zeros(9, np.uint64)


# -- on field arrays -----------------------------------------------------------------------------------------------
def _last_boxes(states: FieldArray) -> FieldArray:
    """Outputs of the last round's S-boxes, (n, t, 4) -> (n, t, 4)."""
    n, t = states.shape[:2]
    plan = schedule(t)
    x = field.add(states, plan.constants)
    square = field.multiply(x, x)
    values = np.empty((n * (t + 3 * plan.boxes), 4), np.uint64)
    values[:n * t] = field.multiply(field.multiply(square, square), x).reshape(-1, 4)
    fill_boxes(values, 0, n, t, 0, n * t, plan.starts, plan.columns, plan.words, *box_room())
    last: FieldArray = values[n * t:].reshape(n, plan.boxes, 3, 4)[:, plan.boxes - t:, 2]
    return last


def permute(states: FieldArray) -> FieldArray:
    """The permutation of each row: (n, t, 4) -> (n, t, 4), t from 2 to 17."""
    return _permute(states, states.shape[1])


def _permute(states: FieldArray, kept: int) -> FieldArray:
    """The first `kept` elements of the permutation of each row."""
    n, t = states.shape[:2]
    mix = np.ascontiguousarray(schedule(t).mix[:kept].swapaxes(0, 1))
    out = np.empty((n, kept, 4), np.uint64)

    def part(begin: int, end: int) -> None:
        for at in range(begin, end, _BLOCK):
            block = slice(at, min(at + _BLOCK, end))
            out[block] = field.matmul(_last_boxes(states[block]), mix)

    threads.share(n, part, least=8)
    return out


def hash_rows(tag: Tag, rows: FieldArray) -> FieldArray:
    """H(tag; row) for each row: (n, m, 4) -> (n, 4), m >= 1.

    h = tag * 2**32 + m; for each chunk of the row h = permutation(h, chunk)[0]. This is circomlib's `PoseidonEx` with
    h as `initialState`, chained; nothing is padded, since m is in the initial state.
    """
    n, m = rows.shape[:2]
    h = np.broadcast_to(field.encode(initial(tag, m)), (n, 4))
    for chunk in chunks(m):
        h = _permute(np.concatenate([h[:, None], rows[:, chunk]], axis=1), 1)[:, 0]
    return np.ascontiguousarray(h)


def hash_integers(tag: Tag, elements: Sequence[int]) -> int:
    """H(tag; elements) of integers in (-r, r), as an integer in [0, r)."""
    return field.decode(hash_rows(tag, field.encode(np.array([elements], object))))[0]


# -- a keystream -----------------------------------------------------------------------------------------------------
def stream_width(elements: int, outputs: int) -> int:
    """t of the permutation that turns a key of so many elements and a number into so many outputs."""
    return 1 + max(elements + 1, outputs)


def stream(tag: Tag, elements: Sequence[int], count: int) -> list[int]:
    """`count` field elements that nobody can tell from random ones who does not know all of `elements`.

    Block n is the permutation of (tag * 2**32 + count, elements, n, 0, ...), whose capacity, element 0, is kept back:
    a sponge that absorbs once and squeezes once, in counter mode. Blocks are of RATE outputs, the last of what is left.

    Raises
    ------
    ValueError : no output is wanted, or there are RATE elements or more.
    """
    if len(elements) >= RATE:
        raise ValueError(f"a stream takes fewer than {RATE} elements, not {len(elements)}")
    out: list[int] = []
    for number, block in enumerate(chunks(count)):
        wanted = block.stop - block.start
        t = stream_width(len(elements), wanted)
        state = [initial(tag, count), *elements, number]
        mixed = permute(field.encode(np.array([state + [0] * (t - len(state))], object)))
        out += field.decode(mixed[0])[1:1 + wanted]
    return out
