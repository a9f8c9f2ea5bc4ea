"""Factors of both arithmetics against integers, at the edges of what may be multiplied by them."""

from __future__ import annotations

import functools
import itertools
import random
from typing import Any

import numba
import numpy as np
import pytest
from llvmlite import ir

from prover.kernels.columns import SHORTAGE
from prover.kernels.emitter import I8, BoundError, Element, Emitter, kernel_for
from prover.kernels.factors import Factor, LanesFactor, SingleFactor
from prover.kernels.field import BASE, RADIX, SCALAR, Field, int_of
from prover.kernels.lanes import Lanes
from prover.kernels.processor import PORTABLE
from prover.kernels.single import Single

WAYS = [pytest.param(Lanes, LanesFactor, id="lanes", marks=pytest.mark.skipif(PORTABLE, reason="no IFMA here")),
        pytest.param(Single, SingleFactor, id="single")]
FIELDS = [pytest.param(BASE, id="base"), pytest.param(SCALAR, id="scalar")]
CONSTANT = 3**200


def edges(q: int, largest: int) -> list[int]:
    """Stored integers up to the largest."""
    found = [0, 1, q - 1, q, q + 1, largest, largest - 1, (1 << 208) - 1, 1 << 208, (1 << 252) - 1,
             sum(1 << (52 * i) for i in range(5)), (1 << 256) // 3]
    return sorted({value for value in found if 0 <= value <= largest})


@pytest.mark.parametrize(("element", "factor"), WAYS)
@pytest.mark.parametrize("field", FIELDS)
def test_products_by_factors(element: type[Element], factor: type[Factor], field: Field) -> None:
    """A table is made of elements, and read: one factor a lane, and one in all lanes; beside a constant."""
    layout, q = element.LAYOUT, field.modulus
    bound = RADIX / q - 2**-20 if element is Lanes else 5
    stored = SHORTAGE + 1 if element is Lanes else 3

    @kernel_for(element)
    def make(emit: Emitter, data: Any, table: Any, i: Any) -> None:
        factor.of(element.load(emit, field, data, i)).store(emit, table, i)

    @kernel_for(element)
    def multiply(emit: Emitter, data: Any, table: Any, single: Any, out: Any, i: Any) -> None:
        value = element.load(emit, field, data, i, bound)
        for k, by in enumerate((factor.load(emit, field, table, i), factor.broadcast(emit, field, single, i),
                                factor.constant(emit, field, CONSTANT))):
            (by * value).store(out, emit.plus(emit.times(i, 6), 2 * k), stored)
            (by * (by * value)).canonical().store(out, emit.plus(emit.times(i, 6), 2 * k + 1))

    @numba.njit
    def run_make(data: Any, table: Any) -> None:
        for i in range(len(data)):
            make(data, table, i)

    @numba.njit
    def run(data: Any, table: Any, single: Any, out: Any) -> None:
        for i in range(len(data)):
            multiply(data, table, single, out, i)

    rng, largest = random.Random(75), int(bound * 2**32) * q // 2**32 - 1
    numbers = [0, 1, 2, q - 1, q - 2, (q + 1) // 2, pow(layout.radix, -1, q), (1 << 208) - 1, 1 << 253]
    pairs = list(itertools.product(edges(q, largest), numbers))
    pairs += [(rng.randrange(largest), rng.randrange(q)) for _ in range(300)]
    pairs += [(largest - rng.getrandbits(60), q - 1 - rng.getrandbits(60)) for _ in range(50)]
    pairs += pairs[:-len(pairs) % layout.lanes]

    def blocks(forms: list[int]) -> np.ndarray:
        mask = (1 << layout.limb_bits) - 1
        limbs = [[form >> (layout.limb_bits * i) & mask for i in range(layout.limbs)] for form in forms]
        return np.array(limbs, np.uint64).reshape(-1, layout.lanes, layout.limbs).swapaxes(1, 2).copy()

    data = blocks([value for value, _ in pairs])
    table = np.zeros((len(data), factor.WORDS, layout.lanes), np.uint64)
    run_make(blocks([number % q * layout.radix % q for _, number in pairs]), table)
    single = np.ascontiguousarray(table[:, :, 0])
    out = np.zeros((len(data), 6, *layout.shape), np.uint64)
    run(data, table, single, out)
    for k, (value, number) in enumerate(pairs):
        block, lane = divmod(k, layout.lanes)
        for j, by in enumerate((number, pairs[block * layout.lanes][1], CONSTANT)):
            once, twice = (int_of(out[block, 2 * j + more, :, lane], layout.limb_bits) for more in range(2))
            assert (once - by * value) % q == 0, (value, by)
            assert once < stored * q, (value, by)
            assert twice == by * by * value % q, (value, by)


@pytest.mark.skipif(PORTABLE, reason="no IFMA here")
def test_what_could_overflow_is_refused() -> None:
    function = ir.Function(ir.Module(), ir.FunctionType(ir.VoidType(), []), "f")
    emit = Emitter(ir.IRBuilder(function.append_basic_block()), Lanes)
    factor, one = LanesFactor.constant(emit, BASE, CONSTANT), Lanes.constant(emit, BASE, 1)

    def times(count: int) -> Lanes:
        return functools.reduce(Lanes.__add__, [one] * count)

    assert (factor * times(84)).high <= LanesFactor.PRODUCT
    with pytest.raises(BoundError, match="260 bits"):
        factor * times(85)
    with pytest.raises(BoundError, match="stores a value"):
        (factor * one).store(ir.Constant(I8.as_pointer(), None), 0)
