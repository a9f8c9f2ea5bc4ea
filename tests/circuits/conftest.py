"""Random books: small epochs of arbitrary numbers, and portfolios in them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.statements import margin
from circuits.statements.margin import Preset
from primitives.field import MODULUS
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape, TailSize

TINY: Preset = statements.get("margin-tiny").preset


@cache
def compiled(preset: Preset) -> ConstraintSystem:
    cs = ConstraintSystem()
    margin.define(cs, preset)
    return cs.finish()


def with_shape(preset: Preset, **changes: Any) -> Preset:
    return replace(preset, shape=replace(preset.shape, **changes))


def epoch_of(shape: EpochShape, changes: np.ndarray, long: Any = None, short: Any = None, seed: int = 1) -> Epoch:
    """An epoch of given value changes (m, S) and rates (m,), with random ids."""
    rng = random.Random(seed)
    ids = [rng.getrandbits(248) for _ in changes]
    return Epoch.of(shape, ids, np.asarray(changes, np.int64), long=long, short=short)


def random_epoch(shape: EpochShape, instruments: int = 20, seed: int = 1, magnitude: int = 10**6) -> Epoch:
    rng = np.random.default_rng(seed)
    changes = rng.integers(-magnitude, magnitude + 1, (instruments, shape.scenarios))
    rates = rng.integers(0, magnitude // 10 + 2, (2, instruments))
    return epoch_of(shape, changes, rates[0], rates[1], seed)


def random_positions(preset: Preset, epoch: Epoch, seed: int = 1, limit: int = 10**6) -> list[tuple[int, int]]:
    """Distinct leaves with signed lots; one slot in eight, but at least one if there are several, stays empty."""
    rng = random.Random(seed)
    used = max(1, preset.slots - -(-preset.slots // 8))
    return [(i, rng.randint(-limit, limit)) for i in rng.sample(range(1, len(epoch.ids)), used)]


def reference_margin(preset: Preset, epoch: Epoch, positions: list[tuple[int, int]]) -> int:
    """max(0, ceil(ES)) + add-ons, ES as the minimum of Rockafellar and Uryasev: no sorting, unlike everything else."""
    K, D = preset.shape.tail.numerator, preset.shape.tail.denominator
    losses = [-sum(q * int(epoch.changes[i][s]) for i, q in positions) for s in range(preset.shape.scenarios)]
    total = min(K * t + D * sum(max(0, loss - t) for loss in losses) for t in losses)
    addons = sum(abs(q) * int(epoch.long[i] if q >= 0 else epoch.short[i]) for i, q in positions)
    return max(0, -(-total // K)) + addons


@dataclass(frozen=True)
class Case:
    """A portfolio in an epoch, and the honest inputs of its proof."""

    preset: Preset
    epoch: Epoch
    positions: list[tuple[int, int]]
    inputs: dict[str, Any]


def case(preset: Preset = TINY, epoch: Epoch | None = None, positions: list[tuple[int, int]] | None = None,
         seed: int = 1) -> Case:
    epoch = epoch or random_epoch(preset.shape, max(20, preset.slots), seed)
    positions = random_positions(preset, epoch, seed) if positions is None else positions
    salt = random.Random(seed).randrange(MODULUS)
    return Case(preset, epoch, positions, margin.assign(preset, epoch, positions, salt, context=seed))


class Book:
    """What tests reach these helpers through."""

    TINY = TINY
    TailSize = TailSize
    compiled = staticmethod(compiled)
    with_shape = staticmethod(with_shape)
    epoch_of = staticmethod(epoch_of)
    random_epoch = staticmethod(random_epoch)
    random_positions = staticmethod(random_positions)
    reference_margin = staticmethod(reference_margin)
    case = staticmethod(case)


@pytest.fixture(scope="session")
def book() -> type[Book]:
    return Book
