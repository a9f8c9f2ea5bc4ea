"""How the constraints of a system respond to its wires, at one witness.

Row i is f_i(z) = (A_i z)(B_i z) - C_i z. Moving wire w alone by d changes it by

    f_i(z + d e_w) - f_i(z) = d (B_i z A_iw + A_i z B_iw - C_iw) + d**2 A_iw B_iw,

so a first and a second order coefficient for each row and wire say everything, exactly.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.field import FieldArray
from primitives.r1cs import R1CS

_BLOCK = 1 << 19                   # entries handled at a time: bounds memory at full size


class Response(NamedTuple):
    """Of some rows to all wires in them: row i and wire w of each pair, and the two coefficients (pairs, 4)."""

    rows: NDArray[np.int64]
    wires: NDArray[np.int64]
    first: FieldArray
    second: FieldArray


class _Block(NamedTuple):
    """What of a response depends on the system alone: pairs of row and wire, and what A, B, C and A B hold there."""

    rows: NDArray[np.int64]
    wires: NDArray[np.int64]
    a: FieldArray
    b: FieldArray
    c: FieldArray
    second: FieldArray


_kept: tuple[weakref.ref[R1CS], _Block] | None = None
"""Of the last system that fits one block: a harness asks for the responses of one system at many witnesses."""


def responses(system: R1CS, witness: FieldArray) -> Iterator[Response]:
    """The response of every row, a block of consecutive rows at a time."""
    left, right, _ = system.products(witness)
    for block in _blocks(system):
        first = field.subtract(field.add(field.multiply(block.a, right[block.rows]),
                                         field.multiply(block.b, left[block.rows])), block.c)
        yield Response(block.rows, block.wires, first, block.second)


def _blocks(system: R1CS) -> Iterator[_Block]:
    global _kept
    kept = _kept
    if kept is not None and kept[0]() is system:
        yield kept[1]
        return
    entries = system.a.starts + system.b.starts + system.c.starts
    begin = 0
    while begin < system.rows:
        end = max(begin + 1, int(np.searchsorted(entries, entries[begin] + _BLOCK, side="right")) - 1)
        block = _block(system, begin, end)
        if end - begin == system.rows:
            _kept = weakref.ref(system), block
        yield block
        begin = end


def _block(system: R1CS, begin: int, end: int) -> _Block:
    keys, words = [], []
    for matrix in (system.a, system.b, system.c):
        span = slice(int(matrix.starts[begin]), int(matrix.starts[end]))
        rows = np.repeat(np.arange(begin, end), np.diff(matrix.starts[begin:end + 1]))
        keys.append(rows * system.wires + matrix.wires[span])
        words.append(system.table[matrix.coefficients[span]])
    ordered = np.sort(np.concatenate(keys))        # np.unique hashes, which takes ten times as long with such keys
    pairs = ordered[np.diff(ordered, prepend=-1) != 0]
    a, b, c = (np.zeros((len(pairs), 4), np.uint64) for _ in range(3))
    for column, key, word in zip((a, b, c), keys, words, strict=True):
        column[np.searchsorted(pairs, key)] = word
    return _Block(pairs // system.wires, pairs % system.wires, a, b, c, field.multiply(a, b))
