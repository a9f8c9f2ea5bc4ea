"""What a post to the escrow is made of where keys are toys: words that encrypt nothing, under a proof that they do."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from eth_utils.crypto import keccak

from circuits.statements import disclose, escrow
from primitives.babyjubjub import BASE, SUBGROUP_ORDER, Point, multiply
from primitives.elgamal import Binding, Ephemeral, Sealed, seal

SLOTS = 3
"""J of the worlds with toy keys."""
WORDS = 2 * SLOTS + 6
DIGEST = 987
POSSESSION = keccak(text="tailproof possession")


def secret_of(name: str) -> int:
    """A secret key, the same for the same name."""
    return int.from_bytes(keccak(text=f"escrow {name}"), "big") % SUBGROUP_ORDER


@cache
def public(secret: int) -> Point:
    return multiply(secret, BASE)


def shown(secret: int, context: bytes, key: Point | None = None) -> tuple[Point, int]:
    """T and s, straight from docs/committee.md."""
    key, k = key or public(secret), 3**100
    t = public(k)
    c = int.from_bytes(keccak(POSSESSION + context + b"".join(value.to_bytes(32, "big") for value in (*key, *t))),
                       "big") >> 8
    return t, (k + c * secret) % SUBGROUP_ORDER


def words_for(context: int, commitment: int, recipients: Sequence[Point], slots: int = SLOTS) -> list[int]:
    """An encryption to these keys, of an opening of J slots."""
    sealed: Sealed = seal(range(1, 2 * slots + 2), recipients, Binding(context, commitment), Ephemeral(12345, 678))
    return sealed.words()


def sealed_inputs(key_digest: bytes, context: int, commitment: int, recipients: Sequence[Point],
                  words: Sequence[int], digest: int = DIGEST) -> list[int]:
    y = [context, commitment, *(value for key in recipients for value in key), *words]
    return list(escrow.public_inputs(key_digest, y, digest))


def disclosed_inputs(key_digest: bytes, context: int, commitment: int, words: Sequence[int]) -> list[int]:
    return list(disclose.public_inputs(key_digest, context, commitment, words))


__all__: list[Any] = ["DIGEST", "SLOTS", "WORDS", "disclosed_inputs", "public", "sealed_inputs", "secret_of", "shown",
                      "words_for"]
