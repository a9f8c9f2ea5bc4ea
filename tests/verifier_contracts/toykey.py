"""A verification key whose trapdoor is known: it makes a valid proof for any inputs.

This is what an insecure setup lets its maker do, and what lets these tests reach a contract with whatever a contract
should refuse or accept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

from prover import Proof, VerificationKey
from prover.curve import G1_GROUP, G2_GROUP, ORDER
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


@cache
def g1(scalar: int) -> tuple[int, int]:
    point = G1_GROUP.multiply(G1_GROUP.generator, scalar % ORDER)
    assert point is not None
    return point


@cache
def g2(scalar: int) -> tuple[tuple[int, int], tuple[int, int]]:
    point = G2_GROUP.multiply(G2_GROUP.generator, scalar % ORDER)
    assert point is not None
    return point
