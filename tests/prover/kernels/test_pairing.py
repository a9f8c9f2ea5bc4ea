"""Pairings in lanes against py_ecc: the same values, one on balanced products, and no point that is none."""

from __future__ import annotations

import os
import random
import subprocess
import sys

import numpy as np
import pytest
from py_ecc import optimized_bn128 as oracle

from primitives.errors import BadInput
from prover.curve import BASE_MODULUS as Q
from prover.curve import G1_GROUP, G2_GROUP, ORDER, TWIST_COFACTOR, multiply_fp2
from prover.kernels import pairing, steps
from prover.kernels.field import BASE, LANES, LIMBS, STORED, int_of, limbs_of
from prover.kernels.pairing import pairing_product, pairing_product_is_one
from prover.kernels.program import Program

RNG = random.Random(254)
G1, G2 = G1_GROUP.generator, G2_GROUP.generator
COFACTOR_PRIMES = [10069, 5864401, 1875725156269, 197620364512881247228717050342013327560683201906968909]


def g1(scalar):
    return G1_GROUP.multiply(G1, scalar)


def g2(scalar):
    return G2_GROUP.multiply(G2, scalar)


LOGARITHMS = [(RNG.randrange(1, ORDER), RNG.randrange(1, ORDER)) for _ in range(7)]
POOL = [(g1(s), g2(t)) for s, t in LOGARITHMS]
P, T = POOL[0]


def to_oracle(coefficients):
    """Coefficients over Fp2 of w**i -> an element of py_ecc's Fp12, where u = w**6 - 9."""
    return oracle.FQ12([(a - 9 * b) % Q for a, b in coefficients] + [b for _, b in coefficients])


def oracle_pairing(p, q):
    return oracle.pairing((oracle.FQ2(q[0]), oracle.FQ2(q[1]), oracle.FQ2.one()),
                          (oracle.FQ(p[0]), oracle.FQ(p[1]), oracle.FQ(1)))


def balanced(count):
    """`count` finite pairs whose product is one."""
    chosen = [k % len(POOL) for k in range(count - 1)]
    rest = -sum(s * t for s, t in (LOGARITHMS[k] for k in chosen))
    return [*(POOL[k] for k in chosen), (g1(rest), G2)]


# -- values -----------------------------------------------------------------------------------------------------------
def test_a_pairing_is_py_eccs_and_bilinear():
    value = to_oracle(pairing_product([POOL[0]]))
    assert value == oracle_pairing(*POOL[0])
    s, t = LOGARITHMS[0]
    assert to_oracle(pairing_product([(g1(s * t), G2)])) == value
    assert to_oracle(pairing_product([(G1, g2(s * t))])) == value
    assert to_oracle(pairing_product([POOL[0], POOL[0]])) == value * value
    assert value ** ORDER == oracle.FQ12.one() != value


@pytest.mark.parametrize("count", [2, 3, 7, 8, 9, 16, 17, 259])
def test_balanced_products_are_one_and_others_are_not(count):
    pairs = balanced(count)
    assert pairing_product_is_one(pairs)
    assert not pairing_product_is_one([*pairs[:-1], (G1_GROUP.add(pairs[-1][0], G1), G2)])
    assert not pairing_product_is_one(pairs[1:])


def test_few_pairs():
    assert pairing_product_is_one([])
    assert pairing_product([]) == [(1, 0)] + [(0, 0)] * 5
    assert not pairing_product_is_one([(P, T)])
    assert not pairing_product_is_one([(P, T), (P, T)])
    assert pairing_product_is_one([(P, T), (G1_GROUP.negate(P), T)])
    assert pairing_product_is_one([(P, T), (P, G2_GROUP.negate(T))])
    assert not pairing_product_is_one([(P, T), (G1_GROUP.negate(P), G2_GROUP.negate(T))])


def test_the_identity_is_neutral_wherever_it_stands():
    assert pairing_product_is_one([(None, None)])
    assert pairing_product_is_one([(None, T)])
    assert pairing_product_is_one([(P, None), (None, T), (None, None)] * 6)
    assert not pairing_product_is_one([(None, T), (P, T)])
    for at in (0, 3, 8):
        pairs = balanced(8)
        pairs[at:at] = [(None, T), (P, None), (None, None)]
        assert pairing_product_is_one(pairs)
        assert not pairing_product_is_one([*pairs, (P, T)])


@pytest.mark.parametrize("threads", ["1", "2", "3"])
def test_any_number_of_threads_gives_the_same(monkeypatch, threads):
    monkeypatch.setenv("TAILPROOF_THREADS", threads)
    pairs = [*balanced(70), (None, T), *[(P, None)] * 40]               # the last blocks have nothing to multiply
    assert pairing_product_is_one(pairs)
    assert pairing_product([*pairs, POOL[0]]) == pairing_product([POOL[0]])


# -- points that are none ---------------------------------------------------------------------------------------------
def twist_points():
    """Points of the twist outside the subgroup: random ones, of the cofactor's order, and of its prime factors'."""
    x = 1
    while True:
        y2 = G2_GROUP.field.add(multiply_fp2(multiply_fp2((x, 0), (x, 0)), (x, 0)), G2_GROUP.b)
        root = oracle_root(y2)
        if root is not None:
            break
        x += 1
    found = ((x, 0), root)
    cleared = G2_GROUP.multiply(found, ORDER)
    small = [G2_GROUP.multiply(cleared, TWIST_COFACTOR // prime) for prime in COFACTOR_PRIMES
             if TWIST_COFACTOR % prime == 0]
    points = [found, cleared, G2_GROUP.add(T, cleared), *small, *(G2_GROUP.add(T, p) for p in small)]
    return [point for point in points if point is not None]


def oracle_root(value):
    """A square root in Fp2 by the norm, or None."""
    a, b = value
    for sign in (1, -1):
        norm = pow(a * a + b * b, (Q + 1) // 4, Q)
        half = (a + sign * norm) * pow(2, -1, Q) % Q
        real = pow(half, (Q + 1) // 4, Q)
        root = (real, b * pow(2 * real, -1, Q) % Q)
        if multiply_fp2(root, root) == value:
            return root
    return None


OUTSIDE = twist_points()
(PX, PY), ((X0, X1), (Y0, Y1)) = P, T
BAD_P = [(PX, PY + 1), (PX + Q, PY), (PX, PY + Q), (PX, PY - Q), (-1, PY), (0, 0), (PY, PX), (Q, Q), (1 << 256, 2),
         (float(1), 2), (True, 2), (np.uint64(1), np.uint64(2)), (PX, PY, 1), (PX,), (), [PX, PY], "point", 5, T]
BAD_Q = [((X0, X1), (Y0, (Y1 + 1) % Q)), ((X0 + Q, X1), (Y0, Y1)), ((X0, X1 + Q), (Y0, Y1)), ((X1, X0), (Y1, Y0)),
         ((X0, X1), (Y0, -Y1)), ((0, 0), (0, 0)), ((X0, X1), (0, 0)), P, ((X0, X1, 0), (Y0, Y1)),
         ((X0, X1), (Y0, Y1), (1, 0)), (X0, X1, Y0, Y1), *OUTSIDE]


@pytest.mark.parametrize("bad", BAD_P)
def test_a_wrong_p_is_named(bad):
    for at, pairs in ((0, []), (3, balanced(12))):
        for partner in (T, None):
            with pytest.raises(BadInput) as error:
                pairing_product_is_one([*pairs[:at], (bad, partner), *pairs[at:]])
            assert error.value.field == f"pairs[{at}].P"


@pytest.mark.parametrize("bad", BAD_Q)
def test_a_wrong_q_is_named(bad):
    for at, pairs in ((0, []), (8, balanced(12))):
        for partner in (P, None):
            with pytest.raises(BadInput) as error:
                pairing_product_is_one([*pairs[:at], (partner, bad), *pairs[at:]])
            assert error.value.field == f"pairs[{at}].Q"


def test_points_outside_the_subgroup_are_what_the_test_above_says():
    assert len(OUTSIDE) >= 7
    for point in OUTSIDE:
        assert G2_GROUP.on_curve(point)
        assert not G2_GROUP.in_subgroup(point)


# -- the instructions -------------------------------------------------------------------------------------------------
EDGES = [0, 1, Q - 1, Q, Q + 1, int(STORED * Q) - 1]


def row_of_limbs(values):
    """Stored integers, any representative below STORED q, as the parts of a row; idle lanes hold the largest."""
    padded = [*values, *[(EDGES[-1], EDGES[-1])] * (LANES - len(values))]
    return np.array([np.array([limbs_of(value[part]) for value in padded], np.uint64).T for part in range(2)])


@pytest.mark.parametrize("case", range(8))
def test_row_instructions_on_stored_values_up_to_the_bound(case):
    rng = random.Random(case)

    def stored():
        return EDGES[-1] if case == 0 else rng.choice([*EDGES, rng.randrange(EDGES[-1])])

    rows = [[(stored(), stored()) for _ in range(6)] for _ in range(2)]
    a, b = (to_oracle([(BASE.decode(x), BASE.decode(y)) for x, y in row]) for row in rows)
    room = pairing.Pairs(1)

    def evaluate(formula):
        program = Program()
        registers = pairing.OWN.registers
        registers[steps.F:steps.F + 2], registers[steps.WANTED:steps.WANTED + 2] = map(row_of_limbs, rows)
        room.run(program.assemble(formula(program.row(steps.F), program.row(steps.WANTED))), 0, 0, 0)
        values = [int_of(registers[steps.F + part, :, lane], 52) for part in range(2) for lane in range(6)]
        assert max(values) < STORED * Q
        return to_oracle(pairing.get(registers, steps.F)[:6])

    bar = oracle.FQ12([c if i % 2 == 0 else -c for i, c in enumerate(a.coeffs)])
    assert evaluate(lambda f, g: f * g) == a * b
    assert evaluate(lambda f, g: f.square()) == a * a
    assert evaluate(lambda f, g: f.conjugate()) == bar
    assert evaluate(lambda f, g: pairing.inverse(g)) * b == oracle.FQ12.one()
    assert evaluate(lambda f, g: f * g * f.square() * (g * g).conjugate() * f) == (
        a * b * a * a * oracle.FQ12([c if i % 2 == 0 else -c for i, c in enumerate((b * b).coeffs)]) * a)


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_frobenius_and_cyclotomic_squares(n):
    unit = pairing_product([POOL[1]])
    program, room = Program(), pairing.Pairs(1)
    pairing.put(pairing.OWN.registers, steps.F, unit)
    f = program.row(steps.F)
    room.run(program.assemble(f.frobenius(n) * f.cyclotomic_square()), 0, 0, 0)
    assert to_oracle(pairing.get(pairing.OWN.registers, steps.F)[:6]) == to_oracle(unit) ** (Q**n % ORDER + 2)


def test_only_the_last_value_of_a_program_can_be_its_result():
    program = Program()
    f = program.row(steps.F)
    first = f.square()
    assert program.assemble(first).shape == (1, 4)
    first * f
    with pytest.raises(ValueError, match="last value"):
        program.assemble(first)


def test_the_inverse_of_zero_is_zero_and_no_product_can_hide_it():
    program, room = Program(), pairing.Pairs(1)
    pairing.put(pairing.OWN.registers, steps.F, [(0, 0)] * 6)
    room.run(program.assemble(pairing.inverse(program.row(steps.F))), 0, 0, 0)
    assert pairing.get(pairing.OWN.registers, steps.F) == [(0, 0)] * LANES
    assert not room.result_is(pairing.INITIAL[steps.ONE:steps.ONE + 2])


def test_one_wrong_coefficient_is_not_one():
    room = pairing.Pairs(1)
    one = [(1, 0), *[(0, 0)] * 5]
    for at in range(6):
        for part in range(2):
            wrong = [list(value) for value in one]
            wrong[at][part] += 1
            registers = np.zeros((2, LIMBS, LANES), np.uint64)
            pairing.put(registers, 0, wrong)
            pairing.put(pairing.OWN.registers, steps.F, one)
            assert not room.result_is(registers)


# -- other processors -------------------------------------------------------------------------------------------------
def test_without_ifma_the_answers_are_the_same():
    code = (f"from prover.kernels.processor import PORTABLE; from prover.kernels.pairing import *; assert PORTABLE\n"
            f"pairs = {balanced(9)!r}\n"
            f"print(pairing_product(pairs[:2]), pairing_product_is_one(pairs), pairing_product_is_one(pairs[1:]))")
    environment = {**os.environ, "TAILPROOF_FORCE_PORTABLE": "1"}
    shown = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == f"{pairing_product(balanced(9)[:2])} True False"
