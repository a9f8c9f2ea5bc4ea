"""Arithmetic modulo r on four 64-bit limbs, written out as LLVM IR.

Numba has no 64 x 64 -> 128 bit product; these small emitters write it where a compiled function calls them, so the
code runs on any CPU and needs no compiler but Numba. An emitter's value is a list of i64 limbs, little endian. The
`_emitted` functions at the end are what compiled functions call: they take uint64 arrays and *row* numbers, an element
being one row of four words.

Numbers are in Montgomery form, x * 2**256 mod r, fully reduced [P. Montgomery, Modular multiplication without trial
division, 1985].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir

from primitives.native import Emitted

MODULUS = 21888242871839275222246405745257275088548364400416034343698204186575808495617
RADIX = 1 << 256

PRODUCTS = 15
"""Products below r**2 that `accumulate` may add up between two reductions.

Reduction leaves at most 15 * r**2 / 2**256 + r < 4 r, which two conditional subtractions bring below r.
"""

I64, I128, I256 = (ir.IntType(bits) for bits in (64, 128, 256))
_NEGATED_INVERSE = -pow(MODULUS, -1, 1 << 64) % (1 << 64)


# -- emitters ------------------------------------------------------------------------------------------------------
def _limbs(value: int, count: int = 4) -> list[Any]:
    return [ir.Constant(I64, (value >> (64 * i)) & (2**64 - 1)) for i in range(count)]


def _chain(b: Any, total: list[Any], factor: Any, limbs: list[Any], start: int) -> None:
    """total += (factor * limbs) << 64 start, in place; the carry runs to the last limb."""
    carry = ir.Constant(I64, 0)
    for k in range(start, len(total)):
        # At most (2**64 - 1)**2 + 2 (2**64 - 1) = 2**128 - 1: no overflow.
        wide = b.add(b.zext(total[k], I128), b.zext(carry, I128))
        if k - start < len(limbs):
            wide = b.add(wide, b.mul(b.zext(factor, I128), b.zext(limbs[k - start], I128)))
        total[k], carry = b.trunc(wide, I64), b.trunc(b.lshr(wide, ir.Constant(I128, 64)), I64)


def _join(b: Any, limbs: list[Any]) -> Any:
    value = ir.Constant(I256, 0)
    for i, limb in enumerate(limbs):
        value = b.or_(value, b.shl(b.zext(limb, I256), ir.Constant(I256, 64 * i)))
    return value


def _split(b: Any, value: Any) -> list[Any]:
    return [b.trunc(b.lshr(value, ir.Constant(I256, 64 * i)), I64) for i in range(4)]


def _subtract_if(b: Any, value: Any, multiple: int) -> Any:
    bound = ir.Constant(I256, multiple * MODULUS)
    return b.select(b.icmp_unsigned(">=", value, bound), b.sub(value, bound), value)


def _reduce(b: Any, total: list[Any]) -> Any:
    """Nine limbs, at most PRODUCTS * r**2, to total / 2**256 mod r as one i256 (Montgomery reduction)."""
    for i in range(4):
        _chain(b, total, b.mul(total[i], ir.Constant(I64, _NEGATED_INVERSE)), _limbs(MODULUS), i)
    return _subtract_if(b, _subtract_if(b, _join(b, total[4:8]), 2), 1)


def _load(b: Any, pointer: Any, row: Any, count: int = 4) -> list[Any]:
    return [b.load(b.gep(pointer, [b.add(b.mul(row, ir.Constant(I64, count)), ir.Constant(I64, i))]))
            for i in range(count)]


def _store(b: Any, pointer: Any, row: Any, limbs: list[Any]) -> None:
    for i, limb in enumerate(limbs):
        b.store(limb, b.gep(pointer, [b.add(b.mul(row, ir.Constant(I64, len(limbs))), ir.Constant(I64, i))]))


def _emitted(body: Callable[..., None]) -> Emitted:
    """Make body(builder, *arguments) callable from compiled functions; arrays arrive as i64 pointers, else as i64."""
    def write(builder: Any, dimensions: Sequence[int], arguments: Sequence[Any]) -> None:
        words = I64.as_pointer()
        body(builder, *[builder.bitcast(value, words) if value.type.is_pointer else value for value in arguments])

    return Emitted(body, write)


# -- what kernels call ---------------------------------------------------------------------------------------------
# Arrays are C-contiguous; `out` may be an operand, since operands are loaded before the result is stored.
@_emitted
def copy_one(b: Any, out: Any, k: Any, x: Any, i: Any) -> None:
    """out[k] = x[i]."""
    _store(b, out, k, _load(b, x, i))


@_emitted
def clear_one(b: Any, out: Any, k: Any) -> None:
    """out[k] = 0."""
    _store(b, out, k, [ir.Constant(I64, 0)] * 4)


@_emitted
def multiply_one(b: Any, out: Any, k: Any, x: Any, i: Any, y: Any, j: Any) -> None:
    """out[k] = x[i] * y[j]."""
    total = [ir.Constant(I64, 0)] * 9
    left, right = _load(b, x, i), _load(b, y, j)
    for n in range(4):
        _chain(b, total, left[n], right, n)
    _store(b, out, k, _split(b, _reduce(b, total)))


@_emitted
def add_one(b: Any, out: Any, k: Any, x: Any, i: Any, y: Any, j: Any) -> None:
    """out[k] = x[i] + y[j]."""
    value = b.add(_join(b, _load(b, x, i)), _join(b, _load(b, y, j)))      # below 2 r < 2**256
    _store(b, out, k, _split(b, _subtract_if(b, value, 1)))


@_emitted
def subtract_one(b: Any, out: Any, k: Any, x: Any, i: Any, y: Any, j: Any) -> None:
    """out[k] = x[i] - y[j]."""
    left, right = _join(b, _load(b, x, i)), _join(b, _load(b, y, j))
    wrapped = b.select(b.icmp_unsigned("<", left, right), ir.Constant(I256, MODULUS), ir.Constant(I256, 0))
    _store(b, out, k, _split(b, b.add(b.sub(left, right), wrapped)))


@_emitted
def accumulate(b: Any, total: Any, x: Any, i: Any, y: Any, j: Any) -> None:
    """total (nine words) += x[i] * y[j], unreduced; at most PRODUCTS times between two `settle`s."""
    sums = _load(b, total, ir.Constant(I64, 0), 9)
    left, right = _load(b, x, i), _load(b, y, j)
    for n in range(4):
        _chain(b, sums, left[n], right, n)
    _store(b, total, ir.Constant(I64, 0), sums)


@_emitted
def settle(b: Any, out: Any, k: Any, total: Any) -> None:
    """out[k] += total, reduced; total = 0."""
    value = b.add(_reduce(b, _load(b, total, ir.Constant(I64, 0), 9)), _join(b, _load(b, out, k)))
    _store(b, out, k, _split(b, _subtract_if(b, value, 1)))
    _store(b, total, ir.Constant(I64, 0), [ir.Constant(I64, 0)] * 9)
