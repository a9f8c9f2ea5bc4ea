"""Many values of calldata under few public inputs: the contract's y is the circuit's if polynomials agree at a point.

The circuit fixes its own y by a Poseidon hash that the contract is told, the digest, and evaluates sum_k y_k
challenge**k. The contract computes the challenge, a keccak of its own y *and* of the digest, and the evaluation. If the
two y differ, their difference is a polynomial of degree below m that is not 0, and a challenge of 248 random bits is a
root of it with probability at most (m - 1) / 2**248. Whatever the digest leaves out of y can be chosen last by a
prover, to make up for a lie elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence

from circuits.builder import ConstraintSystem
from circuits.signals import Linear
from primitives.errors import BadInput
from primitives.field import MODULUS
from risk.exact.digests import keccak256


def require_evaluation(cs: ConstraintSystem, y: Linear, challenge: Linear, evaluation: Linear, clause: str) -> None:
    """sum_k y_k challenge**k is the evaluation (Horner): m - 1 rows."""
    total = y[-1]
    for k in range(len(y) - 2, 0, -1):
        total = cs.multiply(total, challenge, f"{clause} product/{k}") + y[k]
    cs.equal(total * challenge + y[0], evaluation, clause)


def challenge_of(tag: bytes, key_digest: bytes, values: Sequence[int]) -> int:
    """keccak256(tag, key digest, values) >> 8, of 32-byte words: in [0, 2**248).

    Parameters
    ----------
    tag : 32 bytes, of the statement.
    values : in [0, 2**256): y, and the digest last.

    Raises
    ------
    BadInput : the key digest is not 32 bytes.
    """
    if len(key_digest) != 32:
        raise BadInput("key digest", key_digest, "32 bytes")
    words = [int(value).to_bytes(32, "big") for value in values]
    return int.from_bytes(keccak256(b"".join([tag, key_digest, *words])), "big") >> 8


def evaluate(y: Sequence[int], challenge: int) -> int:
    """sum_k y_k challenge**k modulo r."""
    total = 0
    for value in reversed(y):
        total = (total * challenge + value) % MODULUS
    return total
