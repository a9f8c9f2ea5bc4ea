"""Sparse matrix times vector, on lanes: eight products at a time, that pile up in columns and are reduced once.

Rows are done eight at a time. Where they are short, each has a lane of its own. Where one is long, each takes all lanes
in turn, eight entries at a time; the eight partial sums of the eight rows then change places.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from primitives import threads
from primitives.native import compiled
from primitives.r1cs import SparseMatrix

from .columns import FusedColumns
from .emitter import I8, I32, I64, Emitter, Value
from .field import EDGE_RADIX, EIGHT, LANES, LIMBS, SCALAR, STORED, Words
from .lanes import MAX_TERMS, Lanes, exchange_lanes, kernel
from .memory import empty, reading

SHORT = 28                      # entries; a row that takes all lanes costs some twenty products more
LEAST = 1 << 12                 # entries that are worth a thread of their own

Numbers: TypeAlias = NDArray[np.int32]
Starts: TypeAlias = NDArray[np.int64]


def add_products(emit: Emitter, table: Value, coefficients: Value, values: Value, wires: Value, entries: list[Value],
                 used: list[Value], nothing: Value, cells: Value) -> None:
    """Add the product of an entry a lane to the ten columns in `cells`; of those that are not used, nothing."""
    b, factors, elements = emit.builder, list[Value](), list[Value]()
    for entry, wanted in zip(entries, used, strict=True):
        coefficient, wire = (b.zext(b.load(emit.address(array, entry, 4, I32), align=4), I64)
                             for array in (coefficients, wires))
        factors.append(b.select(wanted, emit.address(table, coefficient, 32, I8), nothing))
        elements.append(emit.address(values, wire, 32, I8))
    x, y = (Lanes.gather(emit, SCALAR, addresses) for addresses in (factors, elements))
    columns = columns_in(emit, cells)
    columns.add_product(x.limbs, y.limbs)
    for i in range(2 * LIMBS):
        emit.store(cells, i, columns.word(i))


def columns_in(emit: Emitter, cells: Value) -> FusedColumns:
    """The columns that lie there."""
    return FusedColumns(emit, [emit.load(cells, i) for i in range(2 * LIMBS)])


def sum_in(emit: Emitter, cells: Value) -> Lanes:
    """The sums of up to MAX_TERMS products a lane, whose columns lie there; columns are zero afterwards."""
    reduced = columns_in(emit, cells).reduce(SCALAR)
    for i in range(2 * LIMBS):
        emit.store(cells, i, emit.splat(0))
    return Lanes.from_columns(emit, SCALAR, reduced, MAX_TERMS, MAX_TERMS * STORED**2)


def store_rows(emit: Emitter, sums: Lanes, out: Value, row: Value, left: Value, beyond: Value) -> None:
    """out[row ..] = sums of products, one a lane; those of lanes `left` and up go to `beyond`."""
    b = emit.builder
    places = [b.select(b.icmp_signed("<", emit.integer(lane), left), emit.address(out, emit.plus(row, lane), 32, I8),
                       beyond) for lane in range(LANES)]
    # both operands of the products were in the form of the edge, and were divided by our radix
    (sums * Lanes.constant(emit, SCALAR, EIGHT.radix // EDGE_RADIX)).canonical().scatter(places)


# -- short rows: a lane each -----------------------------------------------------------------------------------------
@kernel
def add_from_rows(emit: Emitter, table: Value, coefficients: Value, values: Value, wires: Value, starts: Value,
                  row: Value, left: Value, j: Value, nothing: Value, cells: Value) -> None:
    """Add entry j of rows row .. row + left - 1, eight at most."""
    b, entries, used = emit.builder, list[Value](), list[Value]()
    for lane in range(LANES):
        exists = b.icmp_signed("<", emit.integer(lane), left)
        place = b.select(exists, emit.plus(row, lane), row)
        start, end = (b.load(emit.address(starts, emit.plus(place, k), 8, I64), align=8) for k in range(2))
        entry = b.add(start, j)
        used.append(b.and_(exists, b.icmp_signed("<", entry, end)))
        entries.append(b.select(used[-1], entry, emit.integer(0)))
    add_products(emit, table, coefficients, values, wires, entries, used, nothing, cells)


@kernel
def end_short(emit: Emitter, cells: Value, out: Value, row: Value, left: Value, beyond: Value) -> None:
    """Write the sums of rows row .. row + left - 1, eight at most."""
    store_rows(emit, sum_in(emit, cells), out, row, left, beyond)


# -- long rows: all lanes --------------------------------------------------------------------------------------------
@kernel
def add_from_row(emit: Emitter, table: Value, coefficients: Value, values: Value, wires: Value, k: Value, left: Value,
                 nothing: Value, cells: Value) -> None:
    """Add entries k .. k + left - 1, eight at most."""
    used = [emit.builder.icmp_signed("<", emit.integer(lane), left) for lane in range(LANES)]
    entries = [emit.builder.select(exists, emit.plus(k, lane), k) for lane, exists in enumerate(used)]
    add_products(emit, table, coefficients, values, wires, entries, used, nothing, cells)


@kernel
def end_terms(emit: Emitter, cells: Value, sums: Value, slot: Value) -> None:
    """sums[slot] += the sums so far."""
    (Lanes.load(emit, SCALAR, sums, slot) + sum_in(emit, cells)).reduce().store(sums, slot)


@kernel
def end_long(emit: Emitter, sums: Value, out: Value, row: Value, left: Value, beyond: Value) -> None:
    """Write the sums over all lanes of rows row .. row + left - 1, eight at most; `sums` are zero afterwards."""
    total, *others = exchange_lanes([Lanes.load(emit, SCALAR, sums, slot) for slot in range(LANES)])
    for other in others:
        total = total + other
    for place in range(LIMBS * LANES):
        emit.store(sums, place, emit.splat(0))
    store_rows(emit, total, out, row, left, beyond)


# -- all rows --------------------------------------------------------------------------------------------------------
@compiled
def _multiply(out: Words, starts: Starts, coefficients: Numbers, wires: Numbers, table: Words, values: Words,
              first: int, last: int, cells: Words, sums: Words, nothing: Words, beyond: Words) -> None:
    """Rows first .. last-1. `cells` (10, 8), `sums` (8, 5, 8) and `nothing` (4,) are zero."""
    for row in range(first, last, LANES):
        left, longest = min(LANES, last - row), 0
        for slot in range(left):
            longest = max(longest, starts[row + slot + 1] - starts[row + slot])
        if longest <= SHORT:
            for j in range(longest):
                add_from_rows(table, coefficients, values, wires, starts, row, left, j, nothing, cells)
            end_short(cells, out, row, left, beyond)
            continue
        for slot in range(left):
            k, end = starts[row + slot], starts[row + slot + 1]
            while k < end:
                stop = min(end, k + MAX_TERMS * LANES)
                for i in range(k, stop, LANES):
                    add_from_row(table, coefficients, values, wires, i, stop - i, nothing, cells)
                end_terms(cells, sums, slot)
                k = stop
        end_long(sums, out, row, left, beyond)


def multiply(out: Words, matrix: SparseMatrix, table: Words, vector: Words) -> None:
    """out (rows, 4) = matrix, with coefficients as row numbers of `table` (m, 4), times vector (wires, 4)."""
    elements, values = reading(table), reading(vector)

    def rows(first: int, last: int) -> None:
        cells, sums = empty((2 * LIMBS, LANES)), empty((LANES, LIMBS, LANES))
        _multiply(out, matrix.starts, matrix.coefficients, matrix.wires, elements, values, first, last, cells, sums,
                  np.zeros(4, np.uint64), np.empty(4, np.uint64))

    threads.share_rows(matrix.starts, rows, least=LEAST)
