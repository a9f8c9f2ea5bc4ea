"""A false leaf of a real epoch, refuted by a real `leaf-field` proof of the tiny preset, and an honest one that
stands."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from eth_utils.crypto import keccak
from oracle_world import LAYOUT, LEAF, create
from world import refused

from circuits import statements
from circuits.statements import leaf_field
from circuits.statements.leaf_field import Published
from primitives.field import MODULUS
from prover import prove, setup
from risk.epochs.epoch import Epoch
from verifier_contracts.bindings import proof_words
from verifier_contracts.creation import compile_verifier
from verifier_contracts.oracle import LeafProof


@pytest.fixture(scope="module")
def real():
    statement = statements.get("leaf-field-tiny")
    system = statement.build()
    return statement, system, setup(system.r1cs())


@pytest.mark.both_chains
def test_a_real_proof_refutes_a_false_leaf(oracles, real):
    statement, system, key = real
    preset = statement.preset
    shape = preset.shape
    assert (shape.lanes, shape.width, shape.value_bits, shape.scenarios) == (LAYOUT[:4])
    epoch = Epoch.of(shape, [7, 5], np.arange(2 * shape.scenarios, dtype=np.int64).reshape(2, -1) - 5)
    honest = Published.of(preset, epoch)
    leaves = [list(map(int, leaf)) for leaf in honest.leaves]
    leaves[2][5] += (leaves[2][4] + 1) << shape.width                         # a value change above amax, in lane 1
    false = Published(preset, leaves)
    verifier = create(oracles.chain, compile_verifier(key.verification_key, "leaf-field-tiny",
                                                      hashlib.sha256(b"leaf").digest()), ())
    oracles.verifiers.transact("set", keccak(text="leaf-field"), verifier, key.verification_key.digest())

    def shown(published: Published, content, k: int) -> LeafProof:
        context = oracles.court.context(oracles.challenger, content.id, LEAF).field_element()
        witness = system.witness(leaf_field.assign(published, 2, k, context))
        return LeafProof(5, leaf_field.place_of(preset.kind, k), published.leaves[2][k] % MODULUS,
                         proof_words(prove(key, witness)))

    content = oracles.publish(root=honest.root)
    with refused("FieldStands"):
        oracles.challenge(content, shown(honest, content, 4), shown(honest, content, 5))
    content = oracles.next(root=false.root)
    amax, packed = shown(false, content, 4), shown(false, content, 5)
    with refused("ProofRejected"):
        oracles.challenge(content, amax, packed._replace(x=packed.x + 1))
    receipt = oracles.challenge(content, amax, packed)
    assert oracles.oracle.facts_of(content.id).refuted
    assert receipt.gas_used <= 2 * 305_000
