"""Circuits to measure with: multiplication chains (uniform witness) and an Expected Shortfall (mostly bits).

The sizes are those of research on other provers: `chainK` has 2**K - 4 multiplications, `es1000` is Expected Shortfall
over 1000 private losses with 64-bit ranges and a Poseidon commitment, as a circom user would write it.
"""

from __future__ import annotations

import random

import numpy as np

from circuits.builder import ConstraintSystem
from circuits.gadgets.poseidon import hash_rows
from primitives import field
from primitives.field import MODULUS, FieldArray
from primitives.poseidon import Tag, hash_integers
from primitives.r1cs import R1CS, SparseMatrix


def chain(log: int) -> tuple[R1CS, FieldArray]:
    """x_{i+1} = x_i (x_i + c), 2**log - 4 times; the last x is public. Wires: 1, out, a = x_0, c, x_1, x_2, ..."""
    n = 2**log - 4
    inner = np.arange(4, 4 + n - 1)                                     # x_1 .. x_{n-1}; x_n is the output
    x = np.concatenate([[2], inner]).astype(np.int32)
    following = np.concatenate([inner, [1]]).astype(np.int32)
    ones = np.zeros(n, np.int32)
    single = np.arange(n + 1)
    both = np.stack([x, np.full(n, 3, np.int32)], axis=1).reshape(-1)
    system = R1CS(SparseMatrix(single, x, ones), SparseMatrix(2 * single, both, np.zeros(2 * n, np.int32)),
                  SparseMatrix(single, following, ones), field.encode([1]), 4 + n - 1, 1)
    value, c, values = 3, 5, [3]
    for _ in range(n):
        value = value * (value + c) % MODULUS
        values.append(value)
    return system, field.encode([1, values[-1], values[0], c, *values[1:-1]])


def expected_shortfall(scenarios: int) -> tuple[R1CS, FieldArray]:
    """The k = S // 40 largest of S losses in 64 bits, summed; about 172,000 rows for S = 1000, mostly bits."""
    cs, k = ConstraintSystem(), scenarios // 40
    total, commitment = cs.public("total"), cs.public("commitment")
    threshold = cs.bits("threshold + 2**63", 64) - 2**63
    losses = cs.bits("loss + 2**63", 64, (scenarios,)) - 2**63
    flag = cs.boolean("flag", (scenarios,))
    cs.equal(flag.sum(), k, "count")
    cs.represent((2 * flag - 1) * (losses - threshold), 65, "gap")
    cs.equal(cs.multiply(flag, losses, "flagged loss").sum(), total, "total")
    cs.equal(hash_rows(cs, Tag.PORTFOLIO, losses, "hash"), commitment, "commitment")
    cs.finish()
    rng = random.Random(scenarios)
    drawn = [rng.randrange(-10**15, 10**15) for _ in range(scenarios)]
    order = sorted(range(scenarios), key=lambda s: -drawn[s])
    inputs = {"total": sum(drawn[s] for s in order[:k]), "commitment": hash_integers(Tag.PORTFOLIO, drawn),
              "threshold + 2**63": drawn[order[k]] + 2**63, "loss + 2**63": [x + 2**63 for x in drawn],
              "flag": np.isin(np.arange(scenarios), order[:k])}
    return cs.r1cs(), cs.witness(inputs)
