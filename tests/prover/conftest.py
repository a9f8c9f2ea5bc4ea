"""Small constraint systems with their witnesses and keys."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
import pytest

import prover
from primitives import field
from primitives.r1cs import R1CS, SparseMatrix
from prover.curve import ORDER


@dataclass(frozen=True)
class Instance:
    """A system, a witness for it, and its public inputs as integers."""

    r1cs: R1CS
    witness: field.FieldArray

    @property
    def public(self) -> list[int]:
        return field.decode(self.witness[1:self.r1cs.public + 1])


def system(a, b, c, wires, public):
    """An R1CS from rows of {wire: coefficient}."""
    numbers: dict[int, int] = {}

    def matrix(rows):
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows], dtype=np.int64)])
        ids = [numbers.setdefault(value % ORDER, len(numbers)) for row in rows for value in row.values()]
        return SparseMatrix(starts, np.array([wire for row in rows for wire in row], np.int32), np.array(ids, np.int32))

    matrices = [matrix(rows) for rows in (a, b, c)]
    return R1CS(*matrices, field.encode(list(numbers) or [1]), wires, public)


def random_instance(seed, rows, public=2, inputs=2):
    """Every row multiplies two random linear forms of earlier wires into a new wire; bits and extremes among inputs."""
    rng = random.Random(seed)
    values = [1, *(rng.choice([0, 1, ORDER - 1, rng.randrange(ORDER)]) for _ in range(public + inputs))]
    a, b, c = [], [], []

    def form():
        wires = rng.sample(range(len(values)), min(len(values), rng.randrange(1, 4)))
        return {wire: rng.choice([1, -1, 2, rng.randrange(1, ORDER)]) for wire in sorted(wires)}

    def value(row):
        return sum(k * values[wire] for wire, k in row.items()) % ORDER

    for _ in range(rows):
        left, right = form(), form()
        product = value(left) * value(right) % ORDER
        a, b, c = [*a, left], [*b, right], [*c, {len(values): 1}]
        values.append(product)
    return Instance(system(a, b, c, len(values), public), field.encode(values))


@pytest.fixture(scope="session")
def make_system():
    return system


@pytest.fixture(scope="session")
def make_instance():
    return random_instance


@pytest.fixture(scope="session")
def cubic():
    """y = x**3 + x + 5, y public: x = 3."""
    r1cs = system([{2: 1}, {3: 1}, {0: 5, 2: 1, 4: 1}], [{2: 1}, {2: 1}, {0: 1}], [{3: 1}, {4: 1}, {1: 1}], 5, 1)
    return Instance(r1cs, field.encode([1, 35, 3, 9, 27]))


@pytest.fixture(scope="session")
def cubic_key(cubic):
    return prover.setup(cubic.r1cs, backend="reference")


@pytest.fixture(scope="session")
def cubic_proof(cubic, cubic_key):
    return prover.prove(cubic_key, cubic.witness, backend="reference")
