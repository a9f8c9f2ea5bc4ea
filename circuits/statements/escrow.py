"""The `escrow` statement: the words in calldata encrypt the opening of this commitment to these public keys.

Public: digest, challenge, evaluation. Let y be

    y = (context, commitment, P_0.x, P_0.y, P_1.x, ..., R.x, R.y, w_0, w_1, ..., c_0, c_1, ...),

the recipients' keys P, then the words of `primitives.elgamal`: R = e B, the content key K wrapped for each, salt and
slots under a keystream. The circuit proves that they are what it says, hashes y to the digest and evaluates
sum_k y_k challenge**k. A contract puts together its own y, context, commitment and keys from storage, the words from
calldata, takes the digest from calldata, and computes challenge and evaluation (`public_inputs`); why its y is then the
circuit's says `circuits.clauses.calldata`. X1 to X8 are those of docs/statements.md; C1 is shared with `margin`.

Whoever holds the secret key of one P_i can then open the commitment: venue, owner, or enough members of a committee.
Nothing is said of e and K: a prover who tells them to others, or draws them badly, could as well tell the opening.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from circuits.builder import ConstraintSystem
from circuits.clauses import calldata
from circuits.clauses.inputs import Inputs, require_integer
from circuits.clauses.portfolio import commit, content_inputs, open_content
from circuits.gadgets.babyjubjub import Edwards, cleared, stacked, to_edwards
from circuits.gadgets.poseidon import hash_rows, stream
from circuits.gadgets.scalar_multiplication import LEAST_BITS, ascending, fixed_base, variable_base
from circuits.signals import concatenate
from circuits.statements import transition
from circuits.statements.transition import Pairs
from primitives import babyjubjub, elgamal
from primitives.babyjubjub import Point
from primitives.elgamal import EPHEMERAL_BITS, Binding, Ephemeral, Sealed
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.exact.digests import keccak256

PUBLIC_INPUTS: Mapping[str, str] = {
    "digest": "H(ESCROW; y) of context, commitment, recipients' keys and ciphertext",
    "challenge": "keccak256 of a tag, the key's digest, the contract's y and the digest, >> 8",
    "evaluation": "the contract's y as a polynomial, at the challenge",
}
CHALLENGE_TAG = keccak256(b"tailproof escrow challenge")
"""Sets these hashes apart from all others that a contract computes."""


@dataclass(frozen=True)
class Preset:
    """The sizes of one instance.

    Parameters
    ----------
    slots : J, as in the `margin` statement that reads the commitments.
    recipients : how many keys the opening is encrypted to: venue, committee and owner, or a shortlist.
    scalar_bits : of the ephemeral scalar; `EPHEMERAL_BITS` but where the circuit is examined.

    Raises
    ------
    BadInput : a size is out of bounds.
    """

    slots: int
    recipients: int = 3
    scalar_bits: int = EPHEMERAL_BITS

    def __post_init__(self) -> None:
        require_integer("slots", self.slots, 1, 64)
        require_integer("recipients", self.recipients, 1, 16)
        require_integer("scalar_bits", self.scalar_bits, LEAST_BITS, EPHEMERAL_BITS)

    @property
    def elements(self) -> int:
        """Of an opening: the salt and two for each slot."""
        return 2 * self.slots + 1

    @property
    def words(self) -> int:
        """Of a ciphertext in calldata."""
        return 2 + self.recipients + self.elements


def define(cs: ConstraintSystem, preset: Preset) -> None:
    """Record the statement."""
    count = preset.recipients
    digest, challenge, evaluation = map(cs.public, PUBLIC_INPUTS)
    with cs.scope("content"):
        context, commitment = cs.private("context"), cs.private("portfolio_commitment")
        binding = concatenate([context.reshape(1), commitment.reshape(1)])
    opening = open_content(cs, preset.slots, commitment)                                # C1: the registered slots
    with cs.scope("ephemeral"):
        bits = cs.boolean("X1 bit", (preset.scalar_bits,))                              # X1: e
        ephemeral = to_edwards(cs, fixed_base(cs, bits, "X2"), "X2 R")                  # X2: R = e B
    with cs.scope("recipients"):
        keys = Edwards(cs.private("x", (count,)), cs.private("y", (count,)))
        points = cleared(cs, keys, "X3")                                                # X3: keys of large order
        shared = to_edwards(cs, variable_base(cs, bits, points, "X4"), "X4 S")          # X4: S_i = e (8 P_i)
        repeated = binding.reshape(1, 2).broadcast((count, 2))
        pads = hash_rows(cs, Tag.WRAP, concatenate([stacked(shared), stacked(keys), repeated]), "X5 hash")
        content_key = cs.private("content key")
        wrapped = pads + content_key                                                    # X5: K for each recipient
    with cs.scope("ciphertext"):
        pad = stream(cs, Tag.KEYSTREAM, concatenate([content_key.reshape(1), binding]), preset.elements, "X6 stream")
        ciphertext = opening + pad                                                      # X6: salt and slots under K
    with cs.scope("content"):
        y = concatenate([binding, stacked(keys).reshape(2 * count), stacked(ephemeral).reshape(2), wrapped, ciphertext])
        cs.equal(hash_rows(cs, Tag.ESCROW, y, "X7 hash"), digest, "X7")                 # X7
        calldata.require_evaluation(cs, y, challenge, evaluation, "X8")                 # X8


# -- what the contract computes --------------------------------------------------------------------------------------
class PublicInputs(NamedTuple):
    """In the order that the verifier takes them."""

    digest: int
    challenge: int
    evaluation: int


def content(binding: Binding, recipients: Sequence[Point], sealed: Sealed) -> list[int]:
    """y.

    Raises
    ------
    BadInput : a value that is no field element: its residue would pass for another.
    """
    y = [*binding, *(value for key in recipients for value in key), *sealed.words()]
    for place, value in enumerate(y):
        require_integer(f"y[{place}]", value, 0, MODULUS - 1)
    return [int(value) for value in y]


def public_inputs(key_digest: bytes, y: Sequence[int], digest: int | None = None) -> PublicInputs:
    """What the contract hands to the verifier for its own y and a digest from calldata (by default the right one).

    Raises
    ------
    BadInput : the key digest is not 32 bytes.
    """
    given = hash_integers(Tag.ESCROW, y) if digest is None else digest
    challenge = calldata.challenge_of(CHALLENGE_TAG, key_digest, [*y, given])
    return PublicInputs(given, challenge, calldata.evaluate(y, challenge))


# -- the witness -----------------------------------------------------------------------------------------------------
def assign(preset: Preset, slots: Pairs, salt: int, recipients: Sequence[Point], context: int, key_digest: bytes,
           ephemeral: Ephemeral | None = None) -> Inputs:
    """The inputs of `define`, honest and complete.

    Parameters
    ----------
    slots : (instrument id, lots) in the order they were committed in; unused ones at the end may be left out.
    salt : of the commitment, secret, in [0, r).
    recipients : public keys, as many as the preset has, in the order in which the contract lists them.
    context : in [0, r).
    key_digest : 32 bytes, of the verification key; the challenge depends on it.
    ephemeral : drawn if left out. Whoever knows it can open the ciphertext; use it for nothing else.

    Raises
    ------
    BadInput : too many slots, a value out of bounds, another number of recipients, a key that is none or lies outside
        the subgroup of prime order: who holds its secret could not open what would be proven.
    """
    for name, value in (("salt", salt), ("context", context)):
        require_integer(name, value, 0, MODULUS - 1)
    filled = transition.fill("slots", preset.slots, slots)
    if len(recipients) != preset.recipients:
        raise BadInput("number of recipients", len(recipients), f"{preset.recipients}, as this statement has")
    for number, key in enumerate(recipients):
        babyjubjub.require_key(f"recipients[{number}]", key)
    drawn = elgamal.draw_ephemeral(salt, context) if ephemeral is None else ephemeral
    require_integer("ephemeral bits", drawn.bits, 0, (1 << preset.scalar_bits) - 1)
    require_integer("content key", drawn.content_key, 0, MODULUS - 1)
    return unchecked_inputs(preset, filled, salt, recipients, context, key_digest, drawn)


def unchecked_inputs(preset: Preset, slots: Pairs, salt: int, recipients: Sequence[Point], context: int,
                     key_digest: bytes, ephemeral: Ephemeral) -> Inputs:
    """What `assign` computes, for all J slots."""
    binding = Binding(context, commit(salt, slots))
    message = [salt, *(value for slot in slots for value in slot)]
    sealed = elgamal.seal(message, recipients, binding, ephemeral, preset.scalar_bits)
    return {**public_inputs(key_digest, content(binding, recipients, sealed))._asdict(),
            "content/context": context, "content/portfolio_commitment": binding.commitment,
            **content_inputs(salt, slots), "ephemeral/X1 bit": ascending(ephemeral.bits, preset.scalar_bits),
            "recipients/x": [key.x for key in recipients], "recipients/y": [key.y for key in recipients],
            "recipients/content key": ephemeral.content_key}


def sealed_of(preset: Preset, inputs: Inputs) -> Sealed:
    """The words that inputs prove: what goes to the contract beside digest and proof."""
    binding = Binding(int(inputs["content/context"]), int(inputs["content/portfolio_commitment"]))
    bits = sum(int(bit) << i for i, bit in enumerate(inputs["ephemeral/X1 bit"]))
    recipients = [Point(int(x), int(y)) for x, y in zip(inputs["recipients/x"], inputs["recipients/y"], strict=True)]
    slots = zip(inputs["commitment/id"], inputs["commitment/lots"], strict=True)
    message = [int(inputs["commitment/salt"]), *(int(value) for slot in slots for value in slot)]
    return elgamal.seal(message, recipients, binding, Ephemeral(bits, int(inputs["recipients/content key"])),
                        preset.scalar_bits)


# -- who reads it ----------------------------------------------------------------------------------------------------
class Opening(NamedTuple):
    """Of a commitment.  slots : (instrument id, signed lots), all J."""

    salt: int
    slots: list[tuple[int, int]]


def opening_of(elements: Sequence[int], commitment: int) -> Opening:
    """The opening that was decrypted, if it is that of the commitment.

    Parameters
    ----------
    elements : of `primitives.elgamal.unseal`, residues.

    Raises
    ------
    BadInput : they do not hash to the commitment: a wrong key, another account's words, or words nobody has proven.
    """
    salt, *rest = (int(value) for value in elements)
    pairs = list(zip(rest[::2], rest[1::2], strict=True))
    if commit(salt, pairs) != commitment:
        raise BadInput("decrypted opening", "(hidden)", f"that of commitment {commitment}: the secret key, context, "
                       "commitment or words are others than those it was encrypted with")
    return Opening(salt, [(id, lots - MODULUS if 2 * lots > MODULUS else lots) for id, lots in pairs])


def read(words: Sequence[int], recipients: Sequence[Point], number: int, secret: int, binding: Binding) -> Opening:
    """What recipient `number` reads with his secret key.

    Raises
    ------
    BadInput : malformed words, a secret key that is none or another's, or words that open nothing.
    """
    babyjubjub.require_scalar("secret key", secret)
    if not 0 <= number < len(recipients):
        raise BadInput("recipient", number, f"an integer in [0, {len(recipients) - 1}]")
    key = recipients[number]
    if babyjubjub.multiply(secret, babyjubjub.BASE) != key:
        raise BadInput("secret key", "(hidden)", f"that of recipient {number}")
    sealed = Sealed.of_words(words, len(recipients))
    shared = elgamal.shared_point(secret, sealed.ephemeral)
    return opening_of(elgamal.unseal(sealed, number, key, shared, binding), binding.commitment)


