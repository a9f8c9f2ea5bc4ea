"""A verification key whose trapdoor is known: it makes a valid proof for any inputs.

This is what an insecure setup lets its maker do, and what lets these tests reach a contract with whatever a contract
should refuse or accept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache
from typing import Any

from prover import Proof, VerificationKey
from prover.curve import G1_GROUP, G2_GROUP, ORDER, Group
from verifier_contracts.selftest import KnownAnswer

CIRCUIT = hashlib.sha256(b"toy circuit").digest()


class ToyKey:
    def __init__(self, inputs: int = 4, *, seed: str = "toy", insecure_setup: bool = True) -> None:
        self.seed = seed
        self.alpha, self.beta, self.gamma, self.delta = (self.scalar(name) for name in ("α", "β", "γ", "δ"))
        self.ic = [self.scalar(f"IC{index}") for index in range(inputs + 1)]
        self.verification_key = VerificationKey(g1(self.alpha), g2(self.beta), g2(self.gamma), g2(self.delta),
                                                tuple(g1(k) for k in self.ic), insecure_setup)

    def scalar(self, text: str) -> int:
        return int.from_bytes(hashlib.sha256(f"{self.seed} {text}".encode()).digest(), "big") % ORDER

    def prove(self, inputs: Sequence[int]) -> Proof:
        """A valid proof, the same for the same inputs: a and b at will, and c from the verification equation
        a·b = α·β + γ·(IC_0 + Σ x_i·IC_i) + δ·c."""
        a, b = self.scalar(f"a {list(inputs)}"), self.scalar(f"b {list(inputs)}")
        vk_x = self.ic[0] + sum(x * k for x, k in zip(inputs, self.ic[1:], strict=True))
        c = (a * b - self.alpha * self.beta - self.gamma * vk_x) * pow(self.delta, -1, ORDER)
        return Proof(g1(a), g2(b), g1(c))

    def known_answer(self) -> KnownAnswer:
        """A valid proof of the inputs 1, 2, 3, ..."""
        inputs = tuple(range(1, len(self.ic)))
        return KnownAnswer(inputs, self.prove(inputs))


_WINDOW = 4


@cache
def _multiples(group: Group[Any]) -> list[list[tuple[Any, Any]]]:
    """Of the generator by j 16^i, i a row and 0 < j < 16: what makes a multiplication a sum of at most 64 points."""
    rows, base = [], group.generator
    for _ in range(-(-ORDER.bit_length() // _WINDOW)):
        row = [base]
        while len(row) < 1 << _WINDOW:
            row.append(group.combine([1, 1], [row[-1], base]))
        base = row.pop()
        rows.append(row)
    return rows


def _multiple(group: Group[Any], scalar: int) -> Any:
    digits = [scalar >> _WINDOW * i & (1 << _WINDOW) - 1 for i in range(-(-ORDER.bit_length() // _WINDOW))]
    points = [row[digit - 1] for row, digit in zip(_multiples(group), digits, strict=True) if digit]
    return group.combine([1] * len(points), points)


@cache
def g1(scalar: int) -> tuple[int, int]:
    point = _multiple(G1_GROUP, scalar % ORDER)
    assert point is not None
    return point


@cache
def g2(scalar: int) -> tuple[tuple[int, int], tuple[int, int]]:
    point = _multiple(G2_GROUP, scalar % ORDER)
    assert point is not None
    return point
