"""The `disclose` statement: the words in calldata are the opening of this commitment. The last resort: all can read.

Public: context, portfolio_commitment, challenge, evaluation. The words are salt, id_0, q_0, id_1, q_1, ..., residues, y
of `circuits.clauses.calldata`. They need no digest: the commitment is their hash, and the contract has it in storage,
so they are fixed before the challenge is known, which hashes context, commitment and words (`public_inputs`). The salt
is among them, or nobody could prove anything about the portfolio afterwards. D1 is that of docs/statements.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from circuits.builder import ConstraintSystem
from circuits.clauses import calldata
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.portfolio import commit, content_inputs, open_content
from circuits.statements import transition
from circuits.statements.transition import Pairs
from primitives.field import MODULUS
from risk.exact.digests import keccak256

PUBLIC_INPUTS: Mapping[str, str] = {
    "context": "what the proof is for: chain, contract, statement, key, account, state version and action, hashed",
    "portfolio_commitment": "the registered portfolio: slots and a secret salt, hashed",
    "challenge": "keccak256 of a tag, the key's digest, context, commitment and the contract's words, >> 8",
    "evaluation": "the contract's words as a polynomial, at the challenge",
}
CHALLENGE_TAG = keccak256(b"tailproof disclose challenge")
"""Sets these hashes apart from all others that a contract computes."""


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    slots : J, as in the `margin` statement that reads the commitments.

    Raises
    ------
    BadInput : out of bounds.
    """

    slots: int

    def __post_init__(self) -> None:
        require_integer("slots", self.slots, 1, 64)


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    context, commitment, challenge, evaluation = map(cs.public, PUBLIC_INPUTS)
    opening = open_content(cs, preset.slots, commitment)                    # C1: the words are the registered ones
    with cs.scope("content"):
        calldata.require_evaluation(cs, opening, challenge, evaluation, "D1")   # D1: ... and those in calldata
    with cs.scope("result"):
        cs.multiply(context, context, "C20")                                # C20: the context is in a row


# -- what the contract computes --------------------------------------------------------------------------------------
class PublicInputs(NamedTuple):
    """In the order that the verifier takes them."""

    context: int
    portfolio_commitment: int
    challenge: int
    evaluation: int


def words_of(slots: Pairs, salt: int) -> list[int]:
    """What goes to the contract: an opening as residues, for all J slots."""
    return [int(value) % MODULUS for value in (salt, *(value for slot in slots for value in slot))]


def public_inputs(key_digest: bytes, context: int, commitment: int, words: Sequence[int]) -> PublicInputs:
    """What the contract hands to the verifier for its own context and commitment and the words in calldata.

    Raises
    ------
    BadInput : the key digest is not 32 bytes.
    """
    challenge = calldata.challenge_of(CHALLENGE_TAG, key_digest, [context, commitment, *words])
    return PublicInputs(context, commitment, challenge, calldata.evaluate(words, challenge))


# -- the witness -----------------------------------------------------------------------------------------------------
def assign(preset: Preset, slots: Pairs, salt: int, context: int, key_digest: bytes) -> Inputs:
    """The inputs of `define`, honest and complete.

    Parameters
    ----------
    slots : (instrument id, lots) in the order they were committed in; unused ones at the end may be left out.
    salt : of the commitment, in [0, r).
    context : in [0, r).
    key_digest : 32 bytes, of the verification key; the challenge depends on it.

    Raises
    ------
    BadInput : too many slots, a value out of bounds.
    """
    for name, value in (("salt", salt), ("context", context)):
        require_integer(name, value, 0, MODULUS - 1)
    return unchecked_inputs(transition.fill("slots", preset.slots, slots), salt, context, key_digest)


def unchecked_inputs(slots: Pairs, salt: int, context: int, key_digest: bytes) -> Inputs:
    """What `assign` computes, for all J slots."""
    public = public_inputs(key_digest, context, commit(salt, slots), words_of(slots, salt))
    return {**public._asdict(), **content_inputs(salt, slots)}
