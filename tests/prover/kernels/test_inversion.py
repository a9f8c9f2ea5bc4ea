"""Inversion of one coordinate a lane, against Python's."""

from __future__ import annotations

import random

import numpy as np
import pytest

from prover.curve import FP2
from prover.kernels.arithmetic import LANES, LAYOUT
from prover.kernels.field import BASE
from prover.kernels.field import BASE_MODULUS as Q
from prover.kernels.inversion import invert
from prover.kernels.windows import from_state, to_state


def inverses(values: list) -> list:
    block = to_state(values)
    running, rests, state = block[None].copy(), np.zeros((1, *LAYOUT.shape), np.uint64), np.zeros((4, 5), np.uint64)
    invert(running, rests, state)
    return [from_state(np.roll(running[0], -lane, axis=-1)) for lane in range(LANES)]


def numbers() -> list[int]:
    rng = random.Random(11)
    edges = [1, 2, 3, Q - 1, Q - 2, (Q + 1) // 2, 1 << 253, (1 << 253) - 1, 1 << 62, (1 << 62) - 1, 1 << 124, 5]
    edges += [pow(LAYOUT.radix, -1, Q) * k % Q for k in (1, 2, Q - 1, 1 << 62, 1 << 200)]      # small when stored
    return edges + [rng.randrange(1, Q) for _ in range(150 - len(edges))]


def test_in_the_prime_field() -> None:
    values = numbers()
    for k in range(0, len(values) - LANES, LANES):
        assert inverses(values[k:k + LANES]) == [pow(x, -1, Q) for x in values[k:k + LANES]]


def test_in_the_quadratic_extension() -> None:
    values = numbers()
    pairs = [*zip(values, reversed(values), strict=True), (0, 1), (1, 0), (0, Q - 1), (Q - 1, Q - 1)] + [(1, 1)] * 7
    for k in range(0, len(pairs) - LANES, LANES):
        assert inverses(pairs[k:k + LANES]) == [FP2.invert(x) for x in pairs[k:k + LANES]]


@pytest.mark.parametrize("value", [0, Q])
def test_zero_ends_too(value: int) -> None:
    running = np.zeros((1, *LAYOUT.shape), np.uint64)
    running[0] = LAYOUT.block(BASE, [value] * LANES)
    invert(running, np.zeros((1, *LAYOUT.shape), np.uint64), np.zeros((4, 5), np.uint64))
    assert LAYOUT.integers(BASE, running[0]) == [0] * LANES
