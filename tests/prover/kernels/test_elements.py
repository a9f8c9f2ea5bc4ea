"""Both arithmetics against integers, driven to the edges of the bounds that their operands declare."""

from __future__ import annotations

import itertools
import random
from typing import Any

import llvmlite.binding as llvm
import numba
import numpy as np
import pytest
from llvmlite import ir

from prover.kernels.emitter import I8, BoundError, Element, Emitter, kernel_for
from prover.kernels.field import BASE, LANES, LIMB_BITS, LIMBS, RADIX, SCALAR, Field, int_of
from prover.kernels.lanes import Lanes
from prover.kernels.processor import PORTABLE
from prover.kernels.single import Single

ARITHMETICS = [pytest.param(Lanes, id="lanes"), pytest.param(Single, id="single")]
FIELDS = [pytest.param(BASE, id="base"), pytest.param(SCALAR, id="scalar")]

# What is computed from three loaded values, the same on integers (m = 1/radix), and the bound of the stored result.
EXPRESSIONS = [
    (lambda a, b, c: a * b, lambda a, b, c, m: a * b * m, 3),
    (lambda a, b, c: (a - b) * (c - a), lambda a, b, c, m: (a - b) * (c - a) * m, 3),
    (lambda a, b, c: (a + b) * (b + c), lambda a, b, c, m: (a + b) * (b + c) * m, 3),
    (lambda a, b, c: a.square(), lambda a, b, c, m: a * a * m, 3),
    (lambda a, b, c: (a - b).square(), lambda a, b, c, m: (a - b) ** 2 * m, 3),
    (lambda a, b, c: (a - b).reduce(), lambda a, b, c, m: a - b, 2),
    (lambda a, b, c: (a - b - c).reduce(), lambda a, b, c, m: a - b - c, 2),
    (lambda a, b, c: (a + b + c).reduce(), lambda a, b, c, m: a + b + c, 2),
    (lambda a, b, c: (a * b - c - c).reduce(), lambda a, b, c, m: a * b * m - 2 * c, 2),
    (lambda a, b, c: (-a).reduce(), lambda a, b, c, m: -a, 2),
    (lambda a, b, c: (a - b).normalize(), lambda a, b, c, m: a - b, 4),
    (lambda a, b, c: a.canonical(), lambda a, b, c, m: a, 1),
    (lambda a, b, c: (a - b - c).canonical(), lambda a, b, c, m: a - b - c, 1),
    (lambda a, b, c: (a + b + c + a + b + c).reduce(), lambda a, b, c, m: 2 * (a + b + c), 2),
    (lambda a, b, c: a.dot([(a, b), (-b, c)]), lambda a, b, c, m: (a * b - b * c) * m, 3),
    (lambda a, b, c: a.dot([(a, b), (b, c), (c, a)]), lambda a, b, c, m: (a * b + b * c + c * a) * m, 3),
    (lambda a, b, c: (b - a).is_zero().select(a, c), lambda a, b, c, m: (a, b, c, m), 2),
    (lambda a, b, c: a.is_exact_zero().select(b, c), lambda a, b, c, m: (a, b, c, m), 2),
    (lambda a, b, c: a.negate_where((b - c).is_zero()).normalize(), lambda a, b, c, m: (a, b, c, m), 4)]
CHOICES = {16: lambda a, b, c, q: a if (a - b) % q == 0 else c, 17: lambda a, b, c, q: b if a == 0 else c,
           18: lambda a, b, c, q: -a if (b - c) % q == 0 else a}


def evaluator(element: type[Element], field: Field) -> Any:
    """Compiled code that fills out[i, k] with expression k of the values data[i, 0:3]."""

    @kernel_for(element)
    def evaluate(emit: Emitter, out: Any, data: Any, i: Any) -> None:
        values = [element.load(emit, field, data, emit.plus(emit.times(i, 3), k)) for k in range(3)]
        for k, (expression, _, bound) in enumerate(EXPRESSIONS):
            expression(*values).store(out, emit.plus(emit.times(i, len(EXPRESSIONS)), k), bound)

    @numba.njit
    def run(out: Any, data: Any) -> None:
        for i in range(len(out)):
            evaluate(out, data, i)

    return run


@pytest.mark.parametrize("element", ARITHMETICS)
@pytest.mark.parametrize("field", FIELDS)
def test_operators_on_edge_values_and_random_ones(element: type[Element], field: Field) -> None:
    rng, q, layout = random.Random(8), field.modulus, element.LAYOUT
    limit = int(16 * element.STORED) * q // 16 - 1
    edges = [x for x in (0, 1, q - 1, q, q + 1, limit, 1 << 252, (1 << 253) - 1, 1 << 253, 1 << 208) if x <= limit]
    triples = list(itertools.product(edges, repeat=3))
    triples += [tuple(rng.randrange(limit) for _ in range(3)) for _ in range(200)]
    triples += [(a, a, (q - a) % q) for a, _, _ in triples[-100:]]
    triples += triples[:-len(triples) % layout.lanes]
    count, mask = len(triples) // layout.lanes, (1 << layout.limb_bits) - 1
    data = np.empty((count, 3, *layout.shape), np.uint64)
    for k, triple in enumerate(triples):
        for j, value in enumerate(triple):
            data[k // layout.lanes, j, :, k % layout.lanes] = limbs_of(element, value)
    out = np.zeros((count, len(EXPRESSIONS), *layout.shape), np.uint64)
    evaluator(element, field)(out, data)
    shrink = pow(layout.radix, -1, q)
    for k, (a, b, c) in enumerate(triples):
        for j, (_, on_integers, bound) in enumerate(EXPRESSIONS):
            want = CHOICES[j](a, b, c, q) if j in CHOICES else on_integers(a, b, c, shrink)
            limbs = out[k // layout.lanes, j, :, k % layout.lanes]
            got = int_of(limbs, layout.limb_bits)
            assert int(limbs.max()) <= mask, (j, a, b, c)
            assert got < bound * q, (j, a, b, c)
            assert (got - want) % q == 0, (j, a, b, c)


def limbs_of(element: type[Element], value: int) -> list[int]:
    layout = element.LAYOUT
    return [value >> (layout.limb_bits * i) & ((1 << layout.limb_bits) - 1) for i in range(layout.limbs)]


@pytest.mark.parametrize("element", ARITHMETICS)
@pytest.mark.parametrize("name", ["STORED", "PRODUCT"])
def test_values_as_large_as_a_kernel_may_declare(element: type[Element], name: str) -> None:
    bound, q, lanes = getattr(element, name), BASE.modulus, element.LAYOUT.lanes

    @kernel_for(element)
    def evaluate(emit: Emitter, out: Any, data: Any, i: Any) -> None:
        a, b = (element.load(emit, BASE, data, emit.plus(emit.times(i, 2), k), bound) for k in range(2))
        for k, value in enumerate((a * b, a.square(), a.dot([(a, b), (b, a)]), a.reduce(), b.canonical())):
            value.store(out, emit.plus(emit.times(i, 5), k), 4)

    @numba.njit
    def run(out: Any, data: Any) -> None:
        for i in range(len(out)):
            evaluate(out, data, i)

    rng, largest = random.Random(3), int(16 * bound) * q // 16 - 1
    edges = [0, 1, min(q, largest), largest, largest - 1, largest // 2, (1 << 254) % largest, (1 << 208) - 1,
             largest - (1 << 52)]
    pairs = list(itertools.product(edges, repeat=2)) + [(rng.randrange(largest), largest) for _ in range(55)]
    data = np.zeros((len(pairs) // lanes, 2, *element.LAYOUT.shape), np.uint64)
    for k, pair in enumerate(pairs):
        for j, value in enumerate(pair):
            data[k // lanes, j, :, k % lanes] = limbs_of(element, value)
    out, shrink = np.zeros((len(data), 5, *element.LAYOUT.shape), np.uint64), pow(element.LAYOUT.radix, -1, q)
    run(out, data)
    for k, (a, b) in enumerate(pairs):
        got = [int_of(out[k // lanes, j, :, k % lanes], element.LAYOUT.limb_bits) for j in range(5)]
        for value, want in zip(got, (a * b * shrink, a * a * shrink, 2 * a * b * shrink, a, b), strict=True):
            assert (value - want) % q == 0, (a, b)
        assert max(got[:3]) < 4 * q
        assert got[3] <= element.STORED * q
        assert got[4] == b % q


@pytest.mark.parametrize("field", FIELDS)
def test_lanes_reduce_all_that_fits_their_limbs(field: Field) -> None:
    """Around every multiple of q up to 2**260, from tidy limbs, from sums, differences and products."""
    q, wide = field.modulus, RADIX / field.modulus - 2**-20
    ways = [(lambda a, b, c: a.reduce(), lambda a, b, c: a),
            (lambda a, b, c: (b + b).reduce(), lambda a, b, c: 2 * b),
            (lambda a, b, c: (b - c).reduce(), lambda a, b, c: b - c),
            (lambda a, b, c: (b - c).reduce().reduce(), lambda a, b, c: b - c),
            (lambda a, b, c: (b.reduce() - c).reduce(), lambda a, b, c: b - c),
            (lambda a, b, c: (b.reduce() + c + c.square()).reduce(), lambda a, b, c: b + c + c * c * pow(RADIX, -1, q)),
            (lambda a, b, c: (b - c).canonical(), lambda a, b, c: b - c)]

    @kernel_for(Lanes)
    def evaluate(emit: Emitter, out: Any, data: Any, i: Any) -> None:
        a, b, c = (Lanes.load(emit, field, data, emit.plus(emit.times(i, 3), k), bound)
                   for k, bound in enumerate((wide, wide / 2, wide / 2 - 1.01)))
        for k, (way, _) in enumerate(ways):
            way(a, b, c).store(out, emit.plus(emit.times(i, len(ways)), k), 1.01)

    @numba.njit
    def run(out: Any, data: Any) -> None:
        for i in range(len(out)):
            evaluate(out, data, i)

    rng, largest = random.Random(260), int(wide * 2**32) * q // 2**32
    near = [multiple * q + off for multiple in range(85) for off in (-(1 << 208), -1, 0, 1, (1 << 208) - 1)]
    ends = [value for value in [*near, *((k << 208) - 1 for k in range(1, 1 << 52, 1 << 46))] if 0 <= value < largest]
    rows = [(value, value % (largest // 2), rng.choice(ends) % (largest // 2 - 2 * q)) for value in ends]
    rows += [(rng.randrange(largest), rng.randrange(largest // 2), rng.randrange(largest // 2 - 2 * q))
             for _ in range(400)]
    rows += rows[:-len(rows) % LANES]
    data = np.array([[limbs_of(Lanes, value) for value in row] for row in rows], np.uint64)
    data = data.reshape(-1, LANES, 3, LIMBS).transpose(0, 2, 3, 1).copy()
    out = np.zeros((len(data), len(ways), LIMBS, LANES), np.uint64)
    run(out, data)
    for k, row in enumerate(rows):
        for j, (_, on_integers) in enumerate(ways):
            got = int_of(out[k // LANES, j, :, k % LANES], LIMB_BITS)
            assert (got - on_integers(*row)) % q == 0, (j, row)
            assert got < (q if j == len(ways) - 1 else q + q // 512), (j, row)


@pytest.mark.parametrize("element", ARITHMETICS)
def test_packed_form_survives_the_largest_value(element: type[Element]) -> None:
    lanes, largest = element.LAYOUT.lanes, int(16 * element.STORED) * BASE.modulus // 16 - 1
    words = np.array([[value >> (64 * i) & (2**64 - 1) for i in range(4)]
                      for value in [largest, 0, 1, BASE.modulus - 1] * 2], np.uint64)

    @kernel_for(element)
    def through(emit: Emitter, out: Any, data: Any, i: Any) -> None:
        def places(base: Any) -> list[Any]:
            return [emit.builder.gep(base, [emit.times(emit.plus(i, k), 32)]) for k in range(lanes)]

        element.gather(emit, BASE, places(data)).scatter(places(out))

    @numba.njit
    def run(out: Any, data: Any) -> None:
        for i in range(0, len(data), lanes):
            through(out, data, i)

    out = np.zeros_like(words)
    run(out, words)
    assert np.array_equal(out, words)


def build(element: type[Element], write: Any) -> Element:
    """What `write` makes of the constant one, in a function that is never run."""
    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), []), "f")
    emit = Emitter(ir.IRBuilder(function.append_basic_block()), element)
    result: Element = write(element.constant(emit, BASE, 1))
    return result


def doubled(value: Any, times: int) -> Any:
    for _ in range(times):
        value = value + value
    return value


def test_lanes_refuse_what_could_overflow() -> None:
    assert build(Lanes, lambda one: doubled(one, 6) * one).high < 2
    assert build(Lanes, lambda one: doubled(one, 6).reduce()).high < 1.01
    for wrong in (lambda one: doubled(one, 7) * one,             # beyond 260 bits
                  lambda one: doubled(one, 7).reduce(),
                  lambda one: (doubled(one, 6) - doubled(one, 5)).reduce(),
                  lambda one: (one + one + one).to_words(),      # beyond 256 bits, packed
                  lambda one: doubled(one, 11)):                 # limbs too wide to carry
        with pytest.raises(BoundError):
            build(Lanes, wrong)


def test_single_reduces_operands_that_would_not_fit() -> None:
    assert build(Single, lambda one: doubled(one, 2)).high == 4
    assert build(Single, lambda one: doubled(one, 9)).high <= 5.29
    with pytest.raises(BoundError):
        build(Single, lambda one: Single(one.emit, BASE, one.value, 0, 6))


@pytest.mark.parametrize("triple", ["aarch64-unknown-linux-gnu", "aarch64-apple-darwin", "x86_64-pc-windows-msvc"])
def test_other_processors_get_machine_code_too(triple: str) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    machine = llvm.Target.from_triple(triple).create_target_machine(opt=3)
    for element in [Single] + [Lanes] * PORTABLE:
        module = ir.Module()
        module.triple, module.data_layout = triple, str(machine.target_data)
        kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I8.as_pointer()])
        function = ir.Function(module, kind, "evaluate")
        emit = Emitter(ir.IRBuilder(function.append_basic_block()), element)
        out, data = function.args
        values = [element.load(emit, BASE, data, k) for k in range(3)]
        for k, (expression, _, bound) in enumerate(EXPRESSIONS):
            expression(*values).store(out, k, bound)
        element.everywhere(emit, BASE, values[0].first()).scatter([out] * element.LAYOUT.lanes)
        emit.builder.ret_void()
        parsed = llvm.parse_assembly(str(module))
        parsed.verify()
        assert "evaluate" in machine.emit_assembly(parsed)
