"""The coefficients of a `.zkey`, its section 4 and most of its bytes.

    how many (u32), then matrix (0 for u, 1 for v), row, wire (u32) and x * 2**512 mod r for each

Millions of entries hold a few thousand distinct values, mostly in order of their rows. So the section is read in parts
that stay in the cache, each value is looked up among those that were seen before, and the file's pages are given
back behind the reader.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from primitives import field
from primitives.errors import BadInput, Said
from primitives.field import FieldArray
from primitives.r1cs import SparseMatrix
from prover.curve import ORDER
from prover.files.elements import require_below
from prover.files.sections import Cursor
from prover.mapped import give_back
from prover.words import first_not_below

ENTRY = np.dtype([("matrix", "<u4"), ("row", "<u4"), ("wire", "<u4"), ("value", "<u8", (4,))])
AT_ONCE = 1 << 15               # entries
LOG_SLOTS = 16

Entries = NDArray[np.void]


def read_coefficients(cursor: Cursor, wires: int, n: int) -> tuple[SparseMatrix, SparseMatrix, FieldArray]:
    """The matrices of u and v, n rows each, every row's entries in the order of the file, and their common table.

    Raises
    ------
    BadInput : the section ends too soon or too late, an entry names a matrix, row or wire that does not exist, or a
        value is not canonical.
    """
    count = cursor.u32("number of entries", most=2**31 - 2)
    entries: Entries = cursor.view(ENTRY, (count,), "entries")
    cursor.end()
    limits = {"matrix": 2, "row": n, "wire": wires}
    values, matrices = Values(), (Matrix(n, count), Matrix(n, count))
    for begin in range(0, count, AT_ONCE):
        part = entries[begin:begin + AT_ONCE]
        columns = np.stack([part[name] for name in limits])
        for (name, limit), largest in zip(limits.items(), columns.max(axis=1).tolist(), strict=True):
            if largest >= limit:
                raise cursor.refuse(name, largest, f"below {limit}")
        numbers = values.numbers(part["value"])
        for k, matrix in enumerate(matrices):
            chosen = np.flatnonzero(columns[0] == k)
            matrix.append(columns[1].take(chosen), columns[2].take(chosen), numbers.take(chosen))
        give_back(part)
    table = values.table
    if first_not_below(table, ORDER) is not None:
        require_below(cursor, np.ascontiguousarray(entries["value"]), ORDER, "value")
        raise cursor.refuse("value", Said("not canonical"), "below r, and the same when read twice")
    left, right = (matrix.in_order(entries, k) for k, matrix in enumerate(matrices))
    return left, right, field.canonical(table)             # x * 2**512 -> x * 2**256


class Values:
    """Numbers 256-bit values, equal ones alike but for the few that a slot had to forget.

    A value is looked for in one slot, which remembers the number of a value that belongs there, and compared word by
    word. A value that finds another one takes a new number; so the table grows by as many rows as values were looked up
    in the worst of cases, and no choice of values makes the search slow.
    """

    def __init__(self) -> None:
        self._slots = np.zeros(1 << LOG_SLOTS, np.intp)
        self._words, self._count = np.zeros((4, 1 << 10), np.uint64), 1      # number 0 is the value 0

    @property
    def table(self) -> NDArray[np.uint64]:
        """The values by number, (m, 4)."""
        return np.ascontiguousarray(self._words[:, :self._count].T)

    def numbers(self, values: NDArray[np.uint64]) -> NDArray[np.intp]:
        """For each of (n, 4) values its row in `table`."""
        words = np.ascontiguousarray(values.T)
        # Words of a reduced product are as good as random, and where they are not, a wrong guess costs little.
        slots = (words[0] * np.uint64(0x9E3779B97F4A7C15) >> np.uint64(64 - LOG_SLOTS)).astype(np.intp)
        numbers = self._slots.take(slots)
        missing = self._differing(words, numbers)
        if len(missing):
            _, first = np.unique(slots[missing], return_index=True)          # one new value a slot
            new = missing[np.sort(first)]
            self._slots[slots[new]] = self._append(words[:, new])
            numbers[missing] = self._slots[slots[missing]]
            others = missing[self._differing(words[:, missing], numbers[missing])]
            numbers[others] = self._append(words[:, others])
        return numbers

    def _differing(self, words: NDArray[np.uint64], numbers: NDArray[np.intp]) -> NDArray[np.intp]:
        """Places at which the numbered value is another one."""
        differs = self._words[0].take(numbers) != words[0]
        for known, word in zip(self._words[1:], words[1:], strict=True):
            differs |= known.take(numbers) != word
        return np.flatnonzero(differs)

    def _append(self, words: NDArray[np.uint64]) -> NDArray[np.intp]:
        """New numbers for values (4, n)."""
        begin, self._count = self._count, self._count + words.shape[1]
        while self._count > self._words.shape[1]:
            self._words = np.concatenate([self._words, np.empty_like(self._words)], axis=1)
        self._words[:, begin:self._count] = words
        return np.arange(begin, self._count)


class Matrix:
    """A sparse matrix in the making; takes entries in any order, and least time in that of their rows."""

    def __init__(self, rows: int, most: int) -> None:
        self._counts, self._entries = np.zeros(rows + 1, np.int64), 0        # of row i at i + 1
        self._wires, self._numbers = np.empty(most, np.int32), np.empty(most, np.int32)    # untouched memory is free
        self._last, self._ordered = 0, True

    def append(self, rows: NDArray[np.uint32], wires: NDArray[np.uint32], numbers: NDArray[np.intp]) -> None:
        """Entries whose rows and wires exist."""
        if not len(rows):
            return
        begin, self._entries = self._entries, self._entries + len(rows)
        self._wires[begin:self._entries], self._numbers[begin:self._entries] = wires, numbers
        starts = np.concatenate([[0], np.flatnonzero(rows[1:] != rows[:-1]) + 1, [len(rows)]])
        runs = rows[starts[:-1]].astype(np.int64)
        np.add.at(self._counts, runs + 1, np.diff(starts))
        self._ordered = self._ordered and self._last <= runs[0] and bool((runs[1:] > runs[:-1]).all())
        self._last = int(runs[-1])

    def in_order(self, entries: Entries, number: int) -> SparseMatrix:
        """The matrix; `entries` holds all that were appended, as those of matrix `number`."""
        wires, numbers = self._wires[:self._entries], self._numbers[:self._entries]
        if not self._ordered:
            order = np.argsort(entries["row"][entries["matrix"] == number], kind="stable")
            if len(order) != self._entries:
                raise BadInput("entries", Said("another matrix when read again"),
                               "the same: somebody writes to this file")
            wires, numbers = wires[order], numbers[order]
        return SparseMatrix(np.cumsum(self._counts), wires, numbers)
