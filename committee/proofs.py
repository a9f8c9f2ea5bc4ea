"""Proofs about logarithms on BabyJubJub, made non-interactive by keccak256 so that contracts can check them.

* `Possession`: whoever made it knows the secret of a public key [Schnorr 1991]. Over the key itself and a context, so
  it passes for no other key, contract or generation; without it a key may be made out of others' keys.
* `Equality`: two points have one logarithm to two bases [Chaum, Pedersen 1992]: a partial decryption is the member's.

Challenges are keccak256(keccak256(tag), words ...) >> 8 of 32-byte words, 248 bits: a false statement passes with
probability 2**-248 for each one that is tried.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from primitives import babyjubjub
from primitives.babyjubjub import BASE, SUBGROUP_ORDER, Point, multiply

POSSESSION, EQUALITY = "tailproof possession", "tailproof equality"


def keccak256(data: bytes) -> bytes:
    """Ethereum's Keccak-256, 32 bytes."""
    from eth_hash.auto import keccak

    return bytes(keccak(data))


def challenge(tag: str, context: bytes, *points: Point) -> int:
    """keccak256(keccak256(tag), context, x, y, ...) >> 8; context of 32 bytes."""
    assert len(context) == 32
    words = [coordinate.to_bytes(32, "big") for point in points for coordinate in point]
    return int.from_bytes(keccak256(b"".join([keccak256(tag.encode()), context, *words])), "big") >> 8


def nonce(secret: int, *said: bytes) -> int:
    """A scalar to hide a secret with, once: fresh randomness hashed with the secret and what is proven."""
    seed = secrets.token_bytes(64) + secret.to_bytes(32, "big") + b"".join(said)
    return int.from_bytes(hashlib.sha512(b"tailproof nonce" + seed).digest(), "big") % (SUBGROUP_ORDER - 1) + 1


@dataclass(frozen=True)
class Possession:
    """commitment : T = k B.  response : s = k + c p in [0, l), for a key P = p B and c the challenge of P and T."""

    commitment: Point
    response: int

    @classmethod
    def of(cls, secret: int, context: bytes) -> Possession:
        """Of a secret in [1, l)."""
        key, k = multiply(secret, BASE), nonce(secret, context)
        commitment = multiply(k, BASE)
        return cls(commitment, respond(k, secret, challenge(POSSESSION, context, key, commitment)))

    def holds(self, key: Point, context: bytes) -> bool:
        """s B = T + c P, for a key in the subgroup of prime order (`babyjubjub.require_key`)."""
        c = challenge(POSSESSION, context, key, self.commitment)
        return answers(self.response, self.commitment, key, c, BASE)


@dataclass(frozen=True)
class Equality:
    """commitments : T = k B and U = k Q.  response : s = k + c p, for P = p B and D = p Q."""

    commitment: Point
    other: Point
    response: int

    @classmethod
    def of(cls, secret: int, base: Point, context: bytes) -> Equality:
        """That p B and p Q have one logarithm, for a secret in [1, l) and Q of order l."""
        key, point, k = multiply(secret, BASE), multiply(secret, base), nonce(secret, context)
        first, second = multiply(k, BASE), multiply(k, base)
        return cls(first, second, respond(k, secret, challenge(EQUALITY, context, key, base, point, first, second)))

    def holds(self, key: Point, base: Point, point: Point, context: bytes) -> bool:
        """s B = T + c P and s Q = U + c D. All of P, Q and D have to be in the subgroup of prime order: a part of small
        order in D would cancel in one of eight tries."""
        c = challenge(EQUALITY, context, key, base, point, self.commitment, self.other)
        return (babyjubjub.in_subgroup(point) and answers(self.response, self.commitment, key, c, BASE)
                and answers(self.response, self.other, point, c, base))


def respond(k: int, secret: int, c: int) -> int:
    """s = k + c p modulo l."""
    return (k + c * secret) % SUBGROUP_ORDER


def answers(response: int, commitment: Point, key: Point, c: int, base: Point) -> bool:
    """Whether s Q = T + c P; s canonical, T on the curve."""
    if not (0 <= response < SUBGROUP_ORDER and babyjubjub.is_on_curve(commitment)):
        return False
    return multiply(response, base) == babyjubjub.add(commitment, multiply(c, key))
