"""Field inversion: one integer gcd for all lanes.

Lanes are multiplied together, the product is inverted as an integer, and each lane's inverse is that times the product
of all others. The gcd is that of D. Bernstein and B.-Y. Yang ("Fast constant-time gcd computation and modular
inversion", 2019), in variable time: f and g are replaced by (f, g) * M / 2**STEPS for a matrix M of words, found from
their lowest words alone; d and e, with f = d * x and g = e * x modulo q throughout, follow.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir

from primitives.native import compiled

from .arithmetic import LANES, PRODUCT, kernel
from .coordinates import coordinate_type
from .emitter import I64, I256, Element, Emitter, Value
from .field import BASE, BASE_MODULUS, Words
from .lanes import Lanes

STEPS = 62                     # divisions by two between two updates of the whole numbers
LOWEST = (1 << STEPS) - 1
I320 = ir.IntType(320)         # room for |d|, |e| below 16 q times a word
F, G, D, E = range(4)          # rows of `state`, uint64 (4, 5): signed integers


def wide(value: int) -> Value:
    """A constant of 320 bits."""
    return ir.Constant(I320, value)


def row(emit: Emitter, state: Value, k: int) -> Value:
    """Pointer to row k of the state."""
    return emit.address(state, k, 40, I320)


def turned(value: Element, shift: int) -> Any:
    """Lane k of the result is lane k + shift."""
    if not isinstance(value, Lanes):
        return value
    tidy, order = value.normalize(), [(k + shift) % LANES for k in range(LANES)]
    return Lanes(tidy.emit, tidy.field, [tidy.emit.shuffle(limb, limb, order) for limb in tidy.limbs], 0, tidy.high)


@kernel(apart=True)
def begin_inversion(emit: Emitter, running: Value, rests: Value, state: Value) -> None:
    """state = (q, x, 0, 1), with x the product of the norms of running[0]; rests[0] = those of all other lanes."""
    kind, b = coordinate_type(emit), emit.builder
    total: Any = kind.norm(kind.load(emit, running, 0, PRODUCT))
    rest: Any = emit.element.constant(emit, BASE, 1)
    shift = LANES // 2
    while shift:
        others = turned(total, shift)
        rest, total, shift = rest * others, total * others, shift // 2
    rest.store(rests, 0, PRODUCT)
    for k, value in ((F, wide(BASE_MODULUS)), (G, b.zext(total.first(), I320)), (D, wide(0)), (E, wide(1))):
        b.store(value, row(emit, state, k), align=8)


@kernel(returns=True)
def trailing_zeros(emit: Emitter, state: Value, word: Value) -> Value:
    """How many of the lowest bits of a nonzero word are zero."""
    return emit.call("llvm.cttz.i64", I64, word, ir.Constant(ir.IntType(1), 1))


@kernel(apart=True)
def update(emit: Emitter, state: Value, u: Value, v: Value, s: Value, t: Value) -> None:
    """(f, g) = (u f + v g, s f + t g) / 2**STEPS, and the same for (d, e) modulo q."""
    b = emit.builder
    f, g, d, e = (b.load(row(emit, state, k), align=8) for k in (F, G, D, E))
    inverse = ir.Constant(I64, -pow(BASE_MODULUS, -1, 1 << STEPS) % (1 << STEPS))
    for (x, y), (k, m) in (((u, v), (F, D)), ((s, t), (G, E))):
        x, y = b.sext(x, I320), b.sext(y, I320)
        quotient = b.add(b.mul(x, f), b.mul(y, g))
        b.store(b.ashr(quotient, wide(STEPS)), row(emit, state, k), align=8)
        residue = b.add(b.mul(x, d), b.mul(y, e))
        multiple = b.and_(b.mul(b.trunc(residue, I64), inverse), ir.Constant(I64, LOWEST))
        residue = b.add(residue, b.mul(b.zext(multiple, I320), wide(BASE_MODULUS)))
        b.store(b.ashr(residue, wide(STEPS)), row(emit, state, m), align=8)


@kernel(apart=True)
def end_inversion(emit: Emitter, running: Value, rests: Value, state: Value) -> None:
    """running[0] = its inverses, from d = +-1/x."""
    kind, b = coordinate_type(emit), emit.builder
    f, d = (b.load(row(emit, state, k), align=8) for k in (F, D))
    value = b.select(b.icmp_signed("<", f, wide(0)), b.sub(wide(0), d), d)
    value = b.add(value, wide(16 * BASE_MODULUS))      # |d| grows by less than q a round
    for multiple in (16, 8, 4, 2, 1):
        less = b.sub(value, wide(multiple * BASE_MODULUS))
        value = b.select(b.icmp_signed("<", less, wide(0)), value, less)
    inverse: Any = emit.element.everywhere(emit, BASE, b.trunc(value, I256))
    radix = emit.element.LAYOUT.radix                  # x and 1/x are plain: two factors short of Montgomery form
    inverse = inverse * emit.element.constant(emit, BASE, radix * radix)
    inverse = inverse * emit.element.load(emit, BASE, rests, 0, PRODUCT)
    kind.divide(kind.load(emit, running, 0, PRODUCT), inverse).store(running, 0, PRODUCT)


ONE, FEW, ALL = np.uint64(1), np.uint64(63), np.uint64(2**64 - 1)


@compiled
def invert(running: Words, rests: Words, state: Words) -> None:
    """Replace the coordinates running[0], one a lane and none of them zero, by their inverses."""
    begin_inversion(running, rests, state)
    eta = -1
    while state[G, 0] | state[G, 1] | state[G, 2] | state[G, 3] | state[G, 4]:
        f, g = state[F, 0], state[G, 0]
        u, v, s, t = ONE, np.uint64(0), np.uint64(0), ONE
        left = STEPS
        while True:
            zeros = trailing_zeros(state, g | (ONE << np.uint64(left)))
            shift = np.uint64(zeros)
            g, u, v = g >> shift, u << shift, v << shift
            eta, left = eta - zeros, left - zeros
            if left == 0:
                break
            if eta < 0:
                eta, f, g, u, v, s, t = -eta, g, -f, s, t, -u, -v
            # Add the multiple of f that clears as many bits of g as eta and the steps left allow.
            bits = min(eta + 1, left)
            factor = f * g * (f * f - np.uint64(2)) & (ALL >> np.uint64(64 - bits)) & FEW      # -g / f modulo 64
            g, s, t = g + f * factor, s + u * factor, t + v * factor
        update(state, np.int64(u), np.int64(v), np.int64(s), np.int64(t))
    end_inversion(running, rests, state)
