"""Encryption that circuits can prove: ElGamal over BabyJubJub, one content key wrapped for each recipient, and a
Poseidon keystream.

For an opening m_0, m_1, ... (field elements), recipients' public keys P_i = p_i B, an ephemeral scalar e and a content
key K, with a `Binding` (context, commitment) that says what it is for:

    R = e B
    S_i = e (8 P_i) = p_i (8 R)                                  Diffie and Hellman's secret, cofactor cleared
    w_i = K + H(WRAP; S_i, P_i, context, commitment)             the content key, wrapped
    c_j = m_j + stream_j(KEYSTREAM; K, context, commitment)

A hybrid of ElGamal's as in [Abdalla, Bellare, Rogaway: DHIES, 2001]: hiding rests on the computational Diffie-Hellman
problem of the subgroup and on Poseidon being a random function. The recipient's key and the binding are hashed, so a
wrapped key moved to another recipient, account or version unwraps to nothing, and if e and K are used twice for two
openings (they must not be) pads and streams differ all the same. There is no tag: what is decrypted is right if and
only if it hashes to the commitment, which the reader checks, and the `escrow` statement proves that it does.

The cofactor makes an answer depend on nothing but p_i modulo l: who has R decrypted of some other point learns nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from typing import NamedTuple

from primitives import babyjubjub
from primitives.babyjubjub import BASE, COFACTOR, IDENTITY, Point
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers, stream

EPHEMERAL_BITS = 249
"""Of the ephemeral scalar: as many as keep 3 2**n - 1 below l, see `ephemeral_scalar`."""


class Binding(NamedTuple):
    """What a ciphertext is for.  context : of the escrow proof.  commitment : of the portfolio; both in [0, r)."""

    context: int
    commitment: int


class Ephemeral(NamedTuple):
    """What an encryption is made with, secret.  bits : of the scalar, an integer in [0, 2**n).  content_key : K."""

    bits: int
    content_key: int


class Sealed(NamedTuple):
    """A ciphertext.

    ephemeral : R.  wrapped : the content key for each recipient.  ciphertext : of each element.
    """

    ephemeral: Point
    wrapped: tuple[int, ...]
    ciphertext: tuple[int, ...]

    def words(self) -> list[int]:
        """R, wrapped keys and ciphertext in the order of calldata."""
        return [*self.ephemeral, *self.wrapped, *self.ciphertext]

    @classmethod
    def of_words(cls, words: Sequence[int], recipients: int) -> Sealed:
        """What `words` gives.

        Raises
        ------
        BadInput : fewer words than a ciphertext of one element has, or one that is no field element.
        """
        if len(words) < 3 + recipients:
            raise BadInput("number of words", len(words), f"at least {3 + recipients} for {recipients} recipients")
        for place, word in enumerate(words):
            if not 0 <= word < MODULUS:
                raise BadInput(f"words[{place}]", word, "a field element, in [0, r)")
        return cls(Point(words[0], words[1]), tuple(words[2:2 + recipients]), tuple(words[2 + recipients:]))


def ephemeral_scalar(bits: int, count: int = EPHEMERAL_BITS) -> int:
    """e = 2**n + 1 + 2 bits: odd, in [2**n + 1, 3 2**n - 1], one for each integer in [0, 2**n).

    The form that circuits multiply by without exceptions (`circuits.gadgets.scalar_multiplication`). Its discrete
    logarithm lies in an interval of 2**249 of the 2**250.6 residues, which Pollard's kangaroos search in 2**125 steps,
    as long as anything takes that searches all of them.
    """
    return (1 << count) + 1 + 2 * bits


def draw_ephemeral(*secrets_to_mix: int) -> Ephemeral:
    """Fresh, from the operating system's randomness hashed with what else is secret or known, so that a generator that
    repeats itself does not repeat the keys of another opening.

    Parameters
    ----------
    secrets_to_mix : salt and slots, context: field elements.
    """
    seed = secrets.token_bytes(64) + b"".join(int(value % MODULUS).to_bytes(32, "big") for value in secrets_to_mix)
    bits = int.from_bytes(hashlib.sha512(b"tailproof ephemeral" + seed).digest(), "big") % (1 << EPHEMERAL_BITS)
    key = int.from_bytes(hashlib.sha512(b"tailproof content key" + seed).digest(), "big") % MODULUS
    return Ephemeral(bits, key)


def seal(message: Sequence[int], recipients: Sequence[Point], binding: Binding, ephemeral: Ephemeral,
         count: int = EPHEMERAL_BITS) -> Sealed:
    """Encrypt field elements for all recipients.

    Parameters
    ----------
    ephemeral : used for nothing else.
    count : bits of the scalar; fewer only where a circuit is examined.

    Raises
    ------
    BadInput : a recipient's key off the curve or of small order.
    """
    e = ephemeral_scalar(ephemeral.bits, count)
    wrapped = []
    for number, key in enumerate(recipients):
        cleared = babyjubjub.multiply(COFACTOR, key)
        if not babyjubjub.is_on_curve(key) or cleared == IDENTITY:
            babyjubjub.require_key(f"recipients[{number}]", key)
        wrapped.append((ephemeral.content_key + pad(babyjubjub.multiply(e, cleared), key, binding)) % MODULUS)
    return Sealed(babyjubjub.multiply(e, BASE), tuple(wrapped),
                  tuple(_shifted(message, ephemeral.content_key, binding, 1)))


def pad(shared: Point, recipient: Point, binding: Binding) -> int:
    """H(WRAP; S, P, context, commitment): what a wrapped content key is shifted by."""
    return hash_integers(Tag.WRAP, [*shared, *recipient, *binding])


def shared_point(secret: int, ephemeral: Point) -> Point:
    """S = p (8 R): a recipient's way to it.

    Raises
    ------
    BadInput : R is off the curve or of small order.
    """
    if not babyjubjub.is_on_curve(ephemeral):
        raise BadInput("ephemeral key", tuple(ephemeral), "a point of BabyJubJub")
    cleared = babyjubjub.multiply(COFACTOR, ephemeral)
    if cleared == IDENTITY:
        raise BadInput("ephemeral key", tuple(ephemeral), "a point of large order")
    return babyjubjub.multiply(secret, cleared)


def unseal(sealed: Sealed, number: int, recipient: Point, shared: Point, binding: Binding) -> list[int]:
    """The elements, as residues: for whoever has S of a recipient, the committee's members together included.

    Whether they are the right ones the commitment says.

    Raises
    ------
    BadInput : no such recipient.
    """
    if not 0 <= number < len(sealed.wrapped):
        raise BadInput("recipient", number, f"an integer in [0, {len(sealed.wrapped) - 1}]")
    key = (sealed.wrapped[number] - pad(shared, recipient, binding)) % MODULUS
    return _shifted(sealed.ciphertext, key, binding, -1)


def _shifted(elements: Sequence[int], key: int, binding: Binding, sign: int) -> list[int]:
    pads = stream(Tag.KEYSTREAM, [key, *binding], len(elements))
    return [(element + sign * value) % MODULUS for element, value in zip(elements, pads, strict=True)]
