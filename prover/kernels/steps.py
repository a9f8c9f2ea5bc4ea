"""The instructions that a pairing is made of, and the one compiled function that runs programs of them.

Registers are an array (REGISTERS, 5, 8) of lanes values: number r is one Fp value in each of eight lanes. An Fp2 value
takes two registers, a row (see tower.py) is one Fp2 value. Pairs of points lie apart, eight to a block, in an array of
BLOCK lanes values a block.

A program is an array (n, 4) of int32, an instruction a row (operation, out, a, b). `program.py` records programs from
formulas. Compiling one function that runs every program, instead of one function a formula, keeps the first use short:
each kernel goes through LLVM once.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled

from . import tower
from .coordinates import Fp2
from .field import BASE, LANES, LIMBS, RADIX, STORED
from .field import BASE_MODULUS as Q
from .lanes import Emitter, Lanes, Value, kernel
from .tower import LINE, POINT

# -- where things are: registers --------------------------------------------------------------------------------------
F = 0                                  # a row: the accumulator, and every program's result
WANTED = 2                             # a row to compare with
CHORD = 4                              # r0, r1, r2 of eight lines
ONE = 10                               # the row 1
UNIT = 12                              # the Fp value 1, in all lanes
FROBENIUS = 14                         # + 2 (n - 1): the factors of the q**n-th power of a row, n = 1 .. 4
FREE = 22                              # the first register that programs may use
REGISTERS = 64

# -- where things are: a block of eight pairs (P, Q) ------------------------------------------------------------------
P = 0                                  # x, y, z with P = (x / z, y / z)
Q_POINT = 3                            # x, y (Fp2 each), as are the other points that are added to T:
MINUS_Q, PI_Q, MINUS_PI2_Q, MINUS_PI3_Q = 7, 11, 15, 19
T = 23                                 # x, y, z (Fp2 each)
C = 29                                 # x, y of one more point of G1 (batches of proofs only)
BLOCK = 31

# -- flags: one word of eight bits a block, a bit a lane --------------------------------------------------------------
ON_CURVE, ON_TWIST, IN_SUBGROUP, ON_CURVE_TOO, SAME = range(5)
FLAGS = 5


class Step(IntEnum):
    """The operations; `out`, `a`, `b` are registers unless said otherwise."""

    ROW_MULTIPLY = 0
    ROW_SQUARE = 1
    ROW_CYCLOTOMIC_SQUARE = 2
    ROW_CONJUGATE = 3
    MULTIPLY_FP2 = 4                   # lane by lane
    CONJUGATE_MULTIPLY_FP2 = 5         # conjugate(a) * b, lane by lane
    NORM = 6                           # Fp: the norm of lane 0 of the Fp2 value a, in all lanes
    CONJUGATE_SCALE = 7                # lane 0 of the Fp2 value a, conjugated, times the Fp value b, in all lanes
    MULTIPLY = 8                       # Fp
    SQUARE = 9                         # Fp
    COMPARE = 10                       # rows a and b -> flag SAME
    ENCODE = 11                        # of every block: canonical words -> Montgomery form, and flags; b: also C
    PREPARE = 12                       # of every block: T = Q, and what else is added to T
    TANGENTS = 13                      # row out = a times the tangents at T of all pairs; T = 2 T
    CHORDS = 14                        # row out = a times the chords of all pairs; T = T + point b of the block
    CHECK_SUBGROUP = 15                # of every block, after all chords -> flag IN_SUBGROUP


def fp2_power(base: tuple[int, int], exponent: int) -> tuple[int, int]:
    """(a + b u)**exponent on integers."""
    a, b = 1, 0
    for bit in bin(exponent)[2:]:
        a, b = (a + b) * (a - b) % Q, 2 * a * b % Q
        if bit == "1":
            a, b = (a * base[0] - b * base[1]) % Q, (a * base[1] + b * base[0]) % Q
    return a, b


XI = (9, 1)
INVERSE_82 = pow(82, -1, Q)                                                 # 1 / xi = (9 - u) / 82
TWIST_B = 3 * 9 * INVERSE_82 % Q, -3 * INVERSE_82 % Q                       # b' = 3 / xi
TWIST_B3 = 3 * TWIST_B[0] % Q, 3 * TWIST_B[1] % Q
GAMMA_X, GAMMA_Y = fp2_power(XI, (Q - 1) // 3), fp2_power(XI, (Q - 1) // 2)  # pi(x, y) = (GAMMA_X x^q, GAMMA_Y y^q)


# -- kernels on registers ---------------------------------------------------------------------------------------------
@kernel(apart=True)
def _row_multiply(emit: Emitter, registers: Value, out: Value, a: Value, b: Value) -> None:
    factors = [(i, tower.broadcast(emit, registers, a, i, STORED)) for i in range(tower.DEGREE)]
    tower.store(emit, registers, out, tower.row_product(factors, tower.load(emit, registers, b)))


@kernel(apart=True)
def _row_line(emit: Emitter, registers: Value, row: Value, lane: Value) -> None:
    """Multiply a row by one of the eight lines, in place."""
    factors = [(power, tower.broadcast(emit, registers, CHORD + 2 * k, lane, LINE))
               for k, power in enumerate((0, 1, 3))]
    tower.store(emit, registers, row, tower.row_product(factors, tower.load(emit, registers, row)))


@kernel(apart=True)
def _move(emit: Emitter, registers: Value, out: Value, a: Value) -> None:
    tower.store(emit, registers, out, tower.load(emit, registers, a))


@kernel(apart=True)
def _row_square(emit: Emitter, registers: Value, out: Value, a: Value) -> None:
    tower.store(emit, registers, out, tower.row_square(tower.load(emit, registers, a)))


@kernel(apart=True)
def _row_cyclotomic_square(emit: Emitter, registers: Value, out: Value, a: Value) -> None:
    tower.store(emit, registers, out, tower.row_cyclotomic_square(tower.load(emit, registers, a)))


@kernel(apart=True)
def _row_conjugate(emit: Emitter, registers: Value, out: Value, a: Value) -> None:
    tower.store(emit, registers, out, tower.row_conjugate(tower.load(emit, registers, a)))


@kernel(apart=True)
def _multiply_fp2(emit: Emitter, registers: Value, out: Value, a: Value, b: Value) -> None:
    tower.store(emit, registers, out, tower.load(emit, registers, a) * tower.load(emit, registers, b))


@kernel(apart=True)
def _conjugate_multiply_fp2(emit: Emitter, registers: Value, out: Value, a: Value, b: Value) -> None:
    value = tower.conjugate(tower.load(emit, registers, a)) * tower.load(emit, registers, b)
    tower.store(emit, registers, out, value)


@kernel(apart=True)
def _norm(emit: Emitter, registers: Value, out: Value, a: Value) -> None:
    value = tower.broadcast(emit, registers, a, 0, STORED)
    Lanes.dot([(value.a, value.a), (value.b, value.b)]).store(registers, out, STORED)


@kernel(apart=True)
def _conjugate_scale(emit: Emitter, registers: Value, out: Value, a: Value, b: Value) -> None:
    value = tower.conjugate(tower.broadcast(emit, registers, a, 0, STORED))
    tower.store(emit, registers, out, tower.scale(value, Lanes.load(emit, BASE, registers, b)))


@kernel(apart=True)
def _multiply(emit: Emitter, registers: Value, out: Value, a: Value, b: Value) -> None:
    (Lanes.load(emit, BASE, registers, a) * Lanes.load(emit, BASE, registers, b)).store(registers, out, STORED)


@kernel(apart=True)
def _square(emit: Emitter, registers: Value, out: Value, a: Value) -> None:
    Lanes.load(emit, BASE, registers, a).square().store(registers, out, STORED)


@kernel(apart=True, returns=True)
def _compare(emit: Emitter, registers: Value, a: Value, b: Value) -> Value:
    difference = tower.load(emit, registers, a) - tower.load(emit, registers, b)
    return emit.mask_bits(difference.is_zero().bits)


# -- kernels on blocks ------------------------------------------------------------------------------------------------
@kernel(apart=True)
def _encode(emit: Emitter, blocks: Value, place: Value) -> None:
    """Plain integers below q, as four rows of 64-bit words -> Montgomery form, in place."""
    first = emit.times(place, LIMBS)
    words = [emit.load(blocks, emit.plus(first, k)) for k in range(4)]
    plain = Lanes.from_words(emit, BASE, words)
    (plain * Lanes.constant(emit, BASE, RADIX % Q)).store(blocks, place, STORED)


@kernel(apart=True, returns=True)
def _on_curve(emit: Emitter, blocks: Value, place: Value) -> Value:
    """Lanes where the affine point satisfies y**2 = x**3 + 3."""
    x, y = (Lanes.load(emit, BASE, blocks, emit.plus(place, k)) for k in range(2))
    rest = y.square() - x.square() * x - Lanes.constant(emit, BASE, 3)
    return emit.mask_bits(rest.is_zero().bits)


@kernel(apart=True, returns=True)
def _on_twist(emit: Emitter, blocks: Value, place: Value) -> Value:
    """Lanes where the affine point satisfies y**2 = x**3 + 3 / xi."""
    x, y = (tower.load(emit, blocks, emit.plus(place, 2 * k)) for k in range(2))
    rest = y.square() - x.square() * x - tower.constant(emit, TWIST_B)
    return emit.mask_bits(rest.is_zero().bits)


@kernel(apart=True)
def _prepare(emit: Emitter, blocks: Value, base: Value) -> None:
    def pi(point: tuple[Fp2, Fp2]) -> tuple[Fp2, Fp2]:
        x, y = map(tower.conjugate, point)
        return x * tower.constant(emit, GAMMA_X), y * tower.constant(emit, GAMMA_Y)

    def negate(point: tuple[Fp2, Fp2]) -> tuple[Fp2, Fp2]:
        return point[0], (-point[1]).reduce()

    q = tower.load(emit, blocks, emit.plus(base, Q_POINT)), tower.load(emit, blocks, emit.plus(base, Q_POINT + 2))
    pi_q = pi(q)
    pi2_q = pi(pi_q)
    pi3_q = pi(pi2_q)
    placed = ((T, q), (MINUS_Q, negate(q)), (PI_Q, pi_q), (MINUS_PI2_Q, negate(pi2_q)), (MINUS_PI3_Q, negate(pi3_q)))
    for place, (x, y) in placed:
        tower.store(emit, blocks, emit.plus(base, place), x, POINT)
        tower.store(emit, blocks, emit.plus(base, place + 2), y, POINT)
    tower.store(emit, blocks, emit.plus(base, T + 4), tower.constant(emit, (1, 0)), POINT)


def _load_t(emit: Emitter, blocks: Value, base: Value) -> tower.Point:
    x, y, z = (tower.load(emit, blocks, emit.plus(base, T + 2 * k), POINT) for k in range(3))
    return x, y, z


def _load_addend(emit: Emitter, blocks: Value, base: Value, point: Value) -> tuple[Fp2, Fp2]:
    place = emit.builder.add(base, emit.integer(point))
    return tower.load(emit, blocks, place, POINT), tower.load(emit, blocks, emit.plus(place, 2), POINT)


def _store_step(emit: Emitter, registers: Value, blocks: Value, base: Value, t: tower.Point, line: tower.Line) -> None:
    """The new T, and the line at P."""
    x, y, z = (Lanes.load(emit, BASE, blocks, emit.plus(base, P + k), POINT) for k in range(3))
    for k, value in enumerate(t):
        tower.store(emit, blocks, emit.plus(base, T + 2 * k), value, POINT)
    for k, value in enumerate(tower.evaluate(line, x, y, z)):
        tower.store(emit, registers, CHORD + 2 * k, value, LINE)


@kernel(apart=True)
def _double_step(emit: Emitter, registers: Value, blocks: Value, base: Value) -> None:
    t, tangent = tower.double(_load_t(emit, blocks, base), tower.constant(emit, TWIST_B3))
    _store_step(emit, registers, blocks, base, t, tangent)


@kernel(apart=True)
def _add_step(emit: Emitter, registers: Value, blocks: Value, base: Value, point: Value) -> None:
    t, chord = tower.add(_load_t(emit, blocks, base), *_load_addend(emit, blocks, base, point))
    _store_step(emit, registers, blocks, base, t, chord)


@kernel(apart=True, returns=True)
def _at_point(emit: Emitter, blocks: Value, base: Value, point: Value) -> Value:
    """Lanes where the projective T is finite and equals an affine point of the block."""
    x, y, z = _load_t(emit, blocks, base)
    x2, y2 = _load_addend(emit, blocks, base, point)
    mask = (x2 * z - x).is_zero() & (y2 * z - y).is_zero() & ~z.is_zero()
    return emit.mask_bits(mask.bits)


# -- running programs -------------------------------------------------------------------------------------------------
@compiled
def run(program: NDArray[np.int32], registers: NDArray[np.uint64], blocks: NDArray[np.uint64],
        begin: int, end: int, pairs: int, flags: NDArray[np.int64]) -> None:
    """Execute a program over blocks begin .. end-1.

    Parameters
    ----------
    program : (n, 4), rows (operation, out, a, b).
    registers : (REGISTERS, 5, 8).
    blocks : (at least end * BLOCK, 5, 8).
    pairs : how many pairs there are in all blocks, from block 0 on; lines of lanes beyond are computed, to check the
        point, but not multiplied in.
    flags : (blocks, FLAGS), written by the steps that check something.
    """
    for k in range(program.shape[0]):
        step, out, a, b = program[k, 0], program[k, 1], program[k, 2], program[k, 3]
        if step == Step.ROW_CYCLOTOMIC_SQUARE:
            _row_cyclotomic_square(registers, out, a)
        elif step == Step.ROW_MULTIPLY:
            _row_multiply(registers, out, a, b)
        elif step == Step.ROW_SQUARE:
            _row_square(registers, out, a)
        elif step == Step.TANGENTS:
            _move(registers, out, a)
            for block in range(begin, end):
                _double_step(registers, blocks, BLOCK * block)
                for lane in range(min(LANES, pairs - LANES * block)):
                    _row_line(registers, out, lane)
        elif step == Step.CHORDS:
            _move(registers, out, a)
            for block in range(begin, end):
                _add_step(registers, blocks, BLOCK * block, b)
                for lane in range(min(LANES, pairs - LANES * block)):
                    _row_line(registers, out, lane)
        elif step == Step.SQUARE:
            _square(registers, out, a)
        elif step == Step.MULTIPLY:
            _multiply(registers, out, a, b)
        elif step == Step.ROW_CONJUGATE:
            _row_conjugate(registers, out, a)
        elif step == Step.MULTIPLY_FP2:
            _multiply_fp2(registers, out, a, b)
        elif step == Step.CONJUGATE_MULTIPLY_FP2:
            _conjugate_multiply_fp2(registers, out, a, b)
        elif step == Step.NORM:
            _norm(registers, out, a)
        elif step == Step.CONJUGATE_SCALE:
            _conjugate_scale(registers, out, a, b)
        elif step == Step.COMPARE:
            flags[0, SAME] = _compare(registers, a, b)
        elif step == Step.ENCODE:
            for block in range(begin, end):
                base = BLOCK * block
                for place in range(base + P, base + MINUS_Q):
                    _encode(blocks, place)
                flags[block, ON_CURVE] = _on_curve(blocks, base + P)
                flags[block, ON_TWIST] = _on_twist(blocks, base + Q_POINT)
                if b:
                    _encode(blocks, base + C)
                    _encode(blocks, base + C + 1)
                    flags[block, ON_CURVE_TOO] = _on_curve(blocks, base + C)
        elif step == Step.PREPARE:
            for block in range(begin, end):
                _prepare(blocks, BLOCK * block)
        elif step == Step.CHECK_SUBGROUP:
            for block in range(begin, end):
                flags[block, IN_SUBGROUP] = _at_point(blocks, BLOCK * block, MINUS_PI3_Q)
