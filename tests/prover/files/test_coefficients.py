"""Section 4 of a `.zkey`: whatever its order and its values, it is read as what it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from primitives import field
from primitives.errors import BadInput
from prover.curve import ORDER
from prover.files import coefficients
from prover.files.coefficients import ENTRY, Values, read_coefficients
from prover.files.sections import Cursor

ROWS, WIRES = 64, 40


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(coefficients, "AT_ONCE", 50)


def entries_of(rng, count, values):
    """Random entries with such values (integers), in order of their rows."""
    entries = np.zeros(count, ENTRY)
    entries["matrix"], entries["wire"] = rng.integers(0, 2, count), rng.integers(0, WIRES, count)
    entries["row"] = np.sort(rng.integers(0, ROWS, count))
    if count:
        entries["value"] = field.words(values)[rng.integers(0, len(values), count)]
    return entries


def read(entries, count=None):
    content = (len(entries) if count is None else count).to_bytes(4, "little") + entries.tobytes()
    return read_coefficients(Cursor(memoryview(content), "section 4", "key"), WIRES, ROWS)


def expected(entries, number):
    """Per row, its wires and values in the order of the file."""
    rows = [[] for _ in range(ROWS)]
    for matrix, row, wire, value in entries.tolist():
        if matrix == number:
            plain = sum(int(word) << 64 * k for k, word in enumerate(value)) * pow(2, -512, ORDER) % ORDER
            rows[row].append((wire, plain))
    return rows


def found(matrix, table):
    values, wires, starts = field.decode(table), matrix.wires.tolist(), matrix.starts.tolist()
    numbers = matrix.coefficients.tolist()
    return [[(wires[k], values[numbers[k]]) for k in range(begin, end)]
            for begin, end in pairwise(starts)]


def check(entries):
    left, right, table = read(entries)
    assert found(left, table) == expected(entries, 0)
    assert found(right, table) == expected(entries, 1)
    for matrix in (left, right):
        assert (matrix.starts.dtype, matrix.wires.dtype, matrix.coefficients.dtype) == (np.int64, np.int32, np.int32)
        assert matrix.rows == ROWS
    return table


EDGES = [0, 1, 2**64 - 1, 2**64, 2**192, ORDER - 1]
SAME_LOW_WORD = [7 + (k << 64 * (1 + k % 3)) for k in range(300)]


@pytest.mark.parametrize("values", [[1], EDGES, SAME_LOW_WORD, list(range(1000)), [ORDER - 1 - k for k in range(99)]])
@pytest.mark.parametrize("count", [1, 49, 50, 51, 500])
def test_entries_are_read_in_order_of_rows_and_in_none(values, count):
    rng = np.random.default_rng(count)
    entries = entries_of(rng, count, values)
    assert len(check(entries)) <= count + 1
    check(rng.permutation(entries))
    check(entries[::-1].copy())
    entries["row"] = 3
    check(entries)
    entries["matrix"] = 1
    check(entries)


def test_no_entries():
    table = check(np.zeros(0, ENTRY))
    assert len(table) == 1


def test_equal_values_share_a_row_of_the_table():
    entries = entries_of(np.random.default_rng(1), 5000, [pow(5, k, ORDER) for k in range(20)])
    assert len(check(entries)) == 21


def test_a_part_that_is_only_slightly_out_of_order_is_noticed():
    """Between two parts, within one, and in one matrix only."""
    entries = entries_of(np.random.default_rng(2), 100, [1, 2])
    entries["row"] = 5
    for place in (49, 50, 20, 99):
        for row in (4, 6):
            changed = entries.copy()
            changed["row"][place] = row
            check(changed)


@pytest.mark.parametrize("place", [0, 49, 50, 99])
def test_what_is_wrong_is_named_wherever_it_stands(place):
    good = entries_of(np.random.default_rng(3), 100, [1, 2, ORDER - 1])
    check(good)
    for name, value, match in (("matrix", 2, "matrix"), ("row", ROWS, "row"), ("wire", WIRES, "wire"),
                               ("value", field.words([ORDER])[0], rf"value\[{place}\]"),
                               ("value", field.words([2**256 - 1])[0], rf"value\[{place}\]")):
        bad = good.copy()
        bad[name][place] = value
        with pytest.raises(BadInput, match=match):
            read(bad)
    for count in (99, 101, 2**32 - 1):
        with pytest.raises(BadInput, match="section 4"):
            read(good, count)


def test_a_file_that_changes_while_it_is_read_is_refused(monkeypatch):
    """What is read a second time may be something else by then; what was found the first time counts."""
    good = entries_of(np.random.default_rng(5), 100, [1, 2])
    bad = good.copy()
    bad["value"][60] = field.words([ORDER])[0]
    for before, after in ((bad, good), (good[::-1].copy(), good)):
        after = after.copy()
        after["matrix"][:] = 0
        content = np.frombuffer(len(before).to_bytes(4, "little") + before.tobytes(), np.uint8).copy()
        shown = Values.table.fget

        def change(values, content=content, after=after, shown=shown):
            content[4:] = np.frombuffer(after.tobytes(), np.uint8)
            return shown(values)

        monkeypatch.setattr(Values, "table", property(change))
        with pytest.raises(BadInput, match=r"read (twice|again)"):
            read_coefficients(Cursor(memoryview(content), "section 4", "key"), WIRES, ROWS)
        monkeypatch.setattr(Values, "table", property(shown))


def test_values_are_numbered_exactly():
    """Words that differ in one bit only, and thousands in one slot, are not confused; and the table stays in bounds."""
    rng = np.random.default_rng(4)
    base = rng.integers(0, 2**63, 4, np.uint64)
    flipped = np.stack([base ^ (np.arange(4) == k).astype(np.uint64) << np.uint64(bit)
                        for k in range(4) for bit in range(64)])
    crowded = np.zeros((5000, 4), np.uint64)
    crowded[:, 3] = np.arange(5000)
    values = Values()
    for _ in range(2):
        for part in (flipped, crowded, flipped[::-1], crowded[:100], flipped[:0]):
            numbers = values.numbers(part)
            assert (values.table[numbers] == part).all()
    assert len(values.table) <= 1 + 2 * (2 * len(flipped) + len(crowded) + 100)
