"""An opening put into escrow, read by each holder, and shown to all: Groth16 proofs, and generated verifiers on a chain
that take the words a contract would see and no others."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest

from circuits import statements
from circuits.statements import disclose, escrow
from primitives import babyjubjub
from primitives.elgamal import Binding
from primitives.errors import BadInput
from primitives.field import MODULUS, decode
from prover import prove, verify
from prover.groth16.setup import setup
from tailproof.statements import r1cs_digest
from verifier_contracts.bindings import proof_words, verifier_refusal
from verifier_contracts.chain import Chain
from verifier_contracts.context import Context
from verifier_contracts.creation import deploy_verifier

SECRETS = [3**50, 5**60, 7**70]
KEYS = [babyjubjub.multiply(secret, babyjubjub.BASE) for secret in SECRETS]
SLOTS, SALT = [(2**247 + 1, -15), (7, 10)], 2**250 + 3
ACCOUNT = "0x" + "ab" * 20


@cache
def key_of(name: str) -> Any:
    return setup(statements.get(name).build().r1cs())


@cache
def chain_and_verifier(name: str) -> tuple[Chain, str]:
    chain = Chain.embedded()
    return chain, deploy_verifier(chain, key_of(name).verification_key, name, bytes.fromhex(r1cs_digest(name)))


def context_of(name: str, slot: str, version: int = 4) -> int:
    digest = key_of(name).verification_key.digest()
    return Context(slot, 1, "0x" + "cd" * 20, digest, ACCOUNT, 0, version).field_element()


def accepted(name: str, public: Any, proof: Any) -> bool:
    """By our verifier and by the generated one, which agree."""
    chain, verifier = chain_and_verifier(name)
    ours = verify(key_of(name).verification_key, list(public), proof)
    assert ours == (verifier_refusal(chain, verifier, list(public), proof_words(proof)) is None)
    return ours


def proven(name: str, inputs: Any) -> tuple[list[int], Any]:
    statement = statements.get(name)
    witness = statement.build().witness(inputs)
    return decode(witness[1:1 + len(statement.public_inputs)]), prove(key_of(name), witness)


@pytest.mark.parametrize("name", ["escrow-tiny", "delivery-tiny"])
def test_an_escrow_is_believed_for_its_own_words_alone(name: str) -> None:
    preset, digest = statements.get(name).preset, key_of(name).verification_key.digest()
    keys = (KEYS * 2)[:preset.recipients]
    context = context_of(name, name.split("-")[0])
    inputs = escrow.assign(preset, SLOTS, SALT, keys, context, digest)
    public, proof = proven(name, inputs)
    # The contract: context, commitment and keys from storage, words and digest from calldata.
    words = escrow.sealed_of(preset, inputs).words()
    binding = Binding(context, inputs["content/portfolio_commitment"])
    y = [*binding, *(value for key in keys for value in key), *words]
    assert tuple(public) == escrow.public_inputs(digest, y, public[0])
    assert accepted(name, public, proof)
    for place in range(0, len(y), 5):
        changed = [*y[:place], (y[place] + 1) % MODULUS, *y[place + 1:]]
        told = escrow.public_inputs(digest, changed, public[0])
        assert not verify(key_of(name).verification_key, list(told), proof), place
    swapped = list(y)
    first = 2 + 2 * preset.recipients + 2
    swapped[first], swapped[first + 1] = y[first + 1], y[first]
    assert not accepted(name, escrow.public_inputs(digest, swapped, public[0]), proof)
    assert not accepted(name, escrow.public_inputs(bytes(32), y, public[0]), proof)
    # Each holder reads it; under another version's context nobody does.
    for number in range(3):
        opening = escrow.read(words, keys, number, SECRETS[number], binding)
        assert opening == (SALT, [*SLOTS, (0, 0)])
        with pytest.raises(BadInput, match="decrypted opening"):
            escrow.read(words, keys, number, SECRETS[number], binding._replace(context=context_of(name, "escrow", 5)))


def test_a_disclosure_is_believed_for_the_opening_alone() -> None:
    name = "disclose-tiny"
    preset, digest = statements.get(name).preset, key_of(name).verification_key.digest()
    context = context_of(name, "disclose")
    inputs = disclose.assign(preset, SLOTS, SALT, context, digest)
    public, proof = proven(name, inputs)
    words, commitment = disclose.words_of([*SLOTS, (0, 0)], SALT), inputs["portfolio_commitment"]
    assert tuple(public) == disclose.public_inputs(digest, context, commitment, words)
    assert accepted(name, public, proof)
    for place in range(0, len(words), 2):
        changed = [*words[:place], (words[place] + 1) % MODULUS, *words[place + 1:]]
        assert not accepted(name, disclose.public_inputs(digest, context, commitment, changed), proof)
    assert not accepted(name, disclose.public_inputs(digest, context + 1, commitment, words), proof)
    assert not accepted(name, disclose.public_inputs(digest, context, commitment + 1, words), proof)
