"""The BN254 scalar field on arrays.

A field array has shape (..., 4) and dtype uint64: little-endian words, Montgomery form x * 2**256 mod r, fully
reduced, so equal elements have equal words. Functions take and return whole arrays and broadcast like NumPy over all
axes but the last.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from primitives import threads
from primitives.errors import BadInput
from primitives.limbs import (
    MODULUS,
    PRODUCTS,
    RADIX,
    accumulate,
    add_one,
    clear_one,
    copy_one,
    multiply_one,
    settle,
    subtract_one,
)
from primitives.native import compiled

__all__ = ["MODULUS", "ONE", "ZERO", "FieldArray", "add", "canonical", "combine", "decode", "encode", "inverse",
           "matmul", "multiply", "negate", "subtract", "words"]

FieldArray: TypeAlias = NDArray[np.uint64]


# -- kernels: flat (n, 4) arrays; a step of 0 repeats a single operand ---------------------------------------------
@compiled
def _multiply(out: FieldArray, x: FieldArray, x_step: int, y: FieldArray, y_step: int, begin: int, end: int) -> None:
    for i in range(begin, end):
        multiply_one(out, i, x, i * x_step, y, i * y_step)


@compiled
def _add(out: FieldArray, x: FieldArray, x_step: int, y: FieldArray, y_step: int, begin: int, end: int) -> None:
    for i in range(begin, end):
        add_one(out, i, x, i * x_step, y, i * y_step)


@compiled
def _subtract(out: FieldArray, x: FieldArray, x_step: int, y: FieldArray, y_step: int, begin: int, end: int) -> None:
    for i in range(begin, end):
        subtract_one(out, i, x, i * x_step, y, i * y_step)


@compiled
def _negate_where(out: FieldArray, zero: FieldArray, where: NDArray[np.bool_]) -> None:
    for i in range(len(out)):
        if where[i]:
            subtract_one(out, i, zero, 0, out, i)


@compiled
def _running_products(out: FieldArray, x: FieldArray, one: FieldArray) -> None:
    """out[i] = x[0] ... x[i-1]; one more element than x."""
    copy_one(out, 0, one, 0)
    for i in range(len(x)):
        multiply_one(out, i + 1, out, i, x, i)


@compiled
def _peel(out: FieldArray, x: FieldArray, products: FieldArray, rest: FieldArray) -> None:
    """out[i] = 1 / x[i], from the running products and rest[0] = 1 / (x[0] ... x[n-1]); rest is used up."""
    for i in range(len(x) - 1, -1, -1):
        multiply_one(out, i, rest, 0, products, i)
        multiply_one(rest, 0, rest, 0, x, i)


@compiled
def _matmul(out: FieldArray, x: FieldArray, y: FieldArray, m: int, inner: int, n: int, total: FieldArray) -> None:
    """out (m, n, 4) = x (m, inner, 4) @ y (inner, n, 4), all flat; total: nine zero words to sum in."""
    for i in range(m):
        for j in range(n):
            clear_one(out, i * n + j)
            for k in range(inner):
                accumulate(total, x, i * inner + k, y, k * n + j)
                if k % PRODUCTS == PRODUCTS - 1 or k == inner - 1:
                    settle(out, i * n + j, total)


@compiled
def _combine(out: FieldArray, starts: NDArray[np.int64], wires: NDArray[np.int32], coefficients: NDArray[np.int32],
             table: FieldArray, values: FieldArray, begin: int, end: int, total: FieldArray) -> None:
    """Rows begin .. end-1 of `combine`; total: nine zero words to sum in."""
    for i in range(begin, end):
        clear_one(out, i)
        pending = 0
        for k in range(starts[i], starts[i + 1]):
            w = wires[k]
            if values[w, 0] | values[w, 1] | values[w, 2] | values[w, 3]:      # witnesses are mostly bits
                accumulate(total, values, w, table, coefficients[k])
                pending += 1
                if pending == PRODUCTS:
                    settle(out, i, total)
                    pending = 0
        if pending:
            settle(out, i, total)


# -- integers in and out -------------------------------------------------------------------------------------------
def words(integers: Sequence[int]) -> FieldArray:
    """Integers in [0, 2**256) -> (n, 4) little-endian words, without the Montgomery factor."""
    raw = b"".join(value.to_bytes(32, "little") for value in integers)
    return np.frombuffer(raw, "<u8").astype(np.uint64).reshape(-1, 4)


_ONE, _RADIX_SQUARED = words([1]), words([RADIX * RADIX % MODULUS])
ONE: FieldArray = words([RADIX % MODULUS])[0]
ZERO: FieldArray = np.zeros(4, np.uint64)
ONE.flags.writeable = ZERO.flags.writeable = False


def encode(integers: ArrayLike) -> FieldArray:
    """Signed integers, any nested sequence or array of shape s -> field array of shape (*s, 4).

    A negative x becomes r - |x|.

    Raises
    ------
    BadInput : an integer is not strictly between -r and r; nothing is wrapped.
    TypeError : something is no integer (a float that happens to be whole included).
    """
    array = np.asarray(integers)
    if array.dtype.kind == "f" and not isinstance(integers, np.ndarray):
        array = np.asarray(integers, object)           # NumPy makes floats of [-1, 2**63], and of []
    if array.dtype.kind == "b":
        return np.where(array[..., None], ONE, ZERO)
    raw = np.zeros((array.size, 4), np.uint64)
    if array.dtype.kind in "iu":
        flat = array.reshape(-1).astype(np.uint64 if array.dtype.kind == "u" else np.int64)
        raw[:, 0] = np.abs(flat).astype(np.uint64)     # |-2**63| wraps to -2**63, whose uint64 is 2**63: right
        negative = flat < 0
    else:
        exact = [operator.index(value) for value in array.reshape(-1)]
        for position, value in enumerate(exact):
            if not -MODULUS < value < MODULUS:
                raise BadInput(f"field element {position}", value, "strictly between -r and r")
        raw[:] = words([abs(value) for value in exact])
        negative = np.array([value < 0 for value in exact], np.bool_)
    _multiply(raw, raw, 1, _RADIX_SQUARED, 0, 0, len(raw))
    if negative.any():
        _negate_where(raw, ZERO.reshape(1, 4), negative)
    return raw.reshape(*array.shape, 4)


def canonical(values: FieldArray) -> FieldArray:
    """Montgomery form -> plain residues below r as little-endian words, same shape."""
    flat = _flat(values)
    out = np.empty_like(flat)
    _multiply(out, flat, 1, _ONE, 0, 0, len(flat))
    return out.reshape(values.shape)


def decode(values: FieldArray) -> list[int]:
    """Field array of any shape -> flat list of integers in [0, r)."""
    raw = canonical(values).astype("<u8").tobytes()
    return [int.from_bytes(raw[i:i + 32], "little") for i in range(0, len(raw), 32)]


# -- arithmetic ----------------------------------------------------------------------------------------------------
def _flat(values: FieldArray) -> FieldArray:
    if values.dtype != np.uint64 or values.ndim < 1 or values.shape[-1] != 4:
        raise TypeError(f"not a field array: dtype {values.dtype}, shape {values.shape}")
    return np.ascontiguousarray(values).reshape(-1, 4)


def _pair(x: FieldArray, y: FieldArray) -> tuple[FieldArray, FieldArray, int, FieldArray, int]:
    """(empty result, x flat, its step, y flat, its step) after broadcasting."""
    a, b = _flat(x), _flat(y)
    shape = np.broadcast_shapes(x.shape, y.shape)
    out = np.empty(shape, np.uint64)
    count = out.size // 4
    if len(a) not in (1, count):
        a = _flat(np.broadcast_to(x, shape))
    if len(b) not in (1, count):
        b = _flat(np.broadcast_to(y, shape))
    return out, a, int(len(a) == count), b, int(len(b) == count)


def multiply(x: FieldArray, y: FieldArray) -> FieldArray:
    """x * y, elementwise."""
    out, a, a_step, b, b_step = _pair(x, y)
    flat = out.reshape(-1, 4)
    threads.share(len(flat), lambda begin, end: _multiply(flat, a, a_step, b, b_step, begin, end), least=1 << 14)
    return out


def add(x: FieldArray, y: FieldArray) -> FieldArray:
    """x + y, elementwise."""
    out, a, a_step, b, b_step = _pair(x, y)
    _add(out.reshape(-1, 4), a, a_step, b, b_step, 0, out.size // 4)
    return out


def subtract(x: FieldArray, y: FieldArray) -> FieldArray:
    """x - y, elementwise."""
    out, a, a_step, b, b_step = _pair(x, y)
    _subtract(out.reshape(-1, 4), a, a_step, b, b_step, 0, out.size // 4)
    return out


def negate(x: FieldArray) -> FieldArray:
    """-x, elementwise."""
    return subtract(ZERO, x)


def inverse(x: FieldArray) -> FieldArray:
    """1 / x, elementwise: one inversion and 3 (n - 1) products [Montgomery's trick].

    Raises
    ------
    ZeroDivisionError : an element is zero; the message gives its flat index.
    """
    flat = _flat(x)
    zeros = np.flatnonzero(~flat.any(axis=1))
    if len(zeros):
        raise ZeroDivisionError(f"element {zeros[0]} of the field array has no inverse")
    products, out = np.empty((len(flat) + 1, 4), np.uint64), np.empty_like(flat)
    _running_products(products, flat, ONE.reshape(1, 4))
    rest = encode([pow(decode(products[-1])[0], -1, MODULUS)])
    _peel(out, flat, products, rest)
    return out.reshape(x.shape)


def matmul(x: FieldArray, y: FieldArray) -> FieldArray:
    """(m, k, 4) @ (k, n, 4) -> (m, n, 4)."""
    if x.ndim != 3 or y.ndim != 3 or x.shape[1] != y.shape[0]:
        raise TypeError(f"matmul of shapes {x.shape} and {y.shape}")
    a, b = _flat(x), _flat(y)
    out = np.empty((x.shape[0], y.shape[1], 4), np.uint64)
    if out.size and x.shape[1]:
        _matmul(_flat(out), a, b, x.shape[0], x.shape[1], y.shape[1], np.zeros(9, np.uint64))
    else:
        out[...] = 0
    return out


def combine(out: FieldArray, starts: NDArray[np.int64], wires: NDArray[np.int32], coefficients: NDArray[np.int32],
            table: FieldArray, values: FieldArray) -> None:
    """Sparse matrix times vector, in place: out[i] = sum of table[coefficients[k]] * values[wires[k]].

    Parameters
    ----------
    out : (rows, 4), contiguous, overwritten.
    starts : int64 (rows + 1,); row i has the entries k = starts[i] .. starts[i+1]-1 (CSR).
    wires, coefficients : int32 (entries,), indices into `values` (n, 4) and `table` (m, 4). They are trusted:
        `primitives.r1cs.R1CS` checks its own when it is made.
    """
    known, vector = _flat(table), _flat(values)
    threads.share_rows(starts, lambda begin, end: _combine(
        out, starts, wires, coefficients, known, vector, begin, end, np.zeros(9, np.uint64)), least=1 << 12)
