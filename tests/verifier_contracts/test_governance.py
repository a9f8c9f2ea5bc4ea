"""Pausing, rotating the key, and keys whose maker can forge."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toykey import CIRCUIT, ToyKey, g1
from world import HOUR, STATEMENT, refused

from primitives.errors import BadInput
from verifier_contracts.abi import encode_deployment, refusal
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts, compile_sources
from verifier_contracts.deployment import Roles, deploy, deploy_verifier, verifier_is_authentic
from verifier_contracts.errors import ContractRefused, Reverted

YES = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

contract Yes {
    bytes32 public constant KEY_DIGEST = bytes32(uint256(1));
    bytes32 public constant CIRCUIT_DIGEST = bytes32(uint256(2));
    bool public constant INSECURE = false;

    function verifyProof(uint256[8] calldata, uint256[4] calldata) external pure {}
}

contract No {
    bytes32 public constant KEY_DIGEST = bytes32(uint256(1));
    bytes32 public constant CIRCUIT_DIGEST = bytes32(uint256(2));
    bool public constant INSECURE = false;

    error Nope();

    function verifyProof(uint256[8] calldata, uint256[4] calldata) external pure {
        revert Nope();
    }
}

contract Otherwise {
    bytes32 public constant KEY_DIGEST = bytes32(uint256(1));
    bytes32 public constant CIRCUIT_DIGEST = bytes32(uint256(2));
    bool public constant INSECURE = false;

    error Nope();

    function verifyProof(uint256[8] calldata, uint256[4] calldata inputs) external pure {
        if (inputs[3] != 4) revert Nope();
    }
}
"""


@pytest.fixture(scope="module")
def other_key() -> ToyKey:
    return ToyKey(seed="other")


# -- pause -------------------------------------------------------------------------------------------------------------
def test_pause_stops_everything_that_rests_on_the_verifier(world):
    words = world.prove(world.claim())
    with refused("AccessControlUnauthorizedAccount"):
        world.manager.pause(sender=world.roles.admin)
    world.attest()
    world.manager.pause(sender=world.roles.guardian)
    for action in (lambda: world.attest(words=words), lambda: world.register(5),
                   lambda: world.manager.margin_of(world.owner.address, 24 * HOUR)):
        with refused("EnforcedPause"):
            action()
    with refused("AccessControlUnauthorizedAccount"):
        world.manager.unpause(sender=world.roles.guardian)
    world.manager.unpause(sender=world.roles.admin)
    assert world.manager.margin_of(world.owner.address, 24 * HOUR) == world.margin


# -- rotation ----------------------------------------------------------------------------------------------------------
def test_rotation_refuses_proofs_of_the_old_key(world, other_key):
    old = world.prove(world.claim())
    verifier = deploy_verifier(world.chain, other_key.verification_key, STATEMENT, CIRCUIT)
    digest = other_key.verification_key.digest()
    world.manager.rotate_key(verifier, other_key.expectation(), sender=world.roles.admin)
    assert (world.manager.key_digest(), world.manager.verifier()) == (digest, verifier)
    with refused("ProofRejected"):
        world.attest(words=old)
    # Not even a proof by the new key passes that is bound to the old one.
    with refused("ProofRejected"):
        bound_to_old = replace(world, key=other_key).prove(world.claim(key_digest=world.deployment.key_digest))
        world.attest(words=bound_to_old)
    replace(world, key=other_key).attest()
    assert world.manager.margin_of(world.owner.address, 24 * HOUR) == world.margin


def test_rotation_is_the_admins(world, other_key):
    verifier = deploy_verifier(world.chain, other_key.verification_key, STATEMENT, CIRCUIT)
    for role in ("publisher", "guardian", "venue"):
        with refused("AccessControlUnauthorizedAccount"):
            world.manager.rotate_key(verifier, other_key.expectation(), sender=getattr(world.roles, role))


def test_rotation_to_the_key_in_force_is_refused(world, key):
    verifier = deploy_verifier(world.chain, key.verification_key, STATEMENT, CIRCUIT)
    with refused("KeyUnchanged"):
        world.manager.rotate_key(verifier, key.expectation(), sender=world.roles.admin)


def test_rotation_names_the_key_it_means(world, other_key):
    verifier = deploy_verifier(world.chain, other_key.verification_key, STATEMENT, CIRCUIT)
    with refused("KeyDigestMismatch"):
        world.manager.rotate_key(verifier, other_key.expectation(key_digest=b"\x01" * 32), sender=world.roles.admin)


def test_rotation_names_the_circuit_it_means(world, other_key):
    verifier = deploy_verifier(world.chain, other_key.verification_key, STATEMENT, bytes(31) + b"\x01")
    with refused("CircuitDigestMismatch"):
        world.manager.rotate_key(verifier, other_key.expectation(), sender=world.roles.admin)


@pytest.mark.parametrize(("name", "valid"), [("Yes", False), ("No", True), ("Otherwise", False)])
def test_a_verifier_that_answers_without_verifying_is_refused(world, other_key, name, valid):
    artifact = compile_sources({"Yes.sol": YES})[name]
    verifier = world.chain.send(None, artifact.creation).contract
    expected = other_key.expectation(key_digest=(1).to_bytes(32, "big"), circuit_digest=(2).to_bytes(32, "big"))
    with refused("VerifierSelfTestFailed") as caught:
        world.manager.rotate_key(verifier, expected, sender=world.roles.admin)
    assert caught.value.arguments["valid"] == valid


def test_a_verifier_of_another_number_of_inputs_is_refused(world, other_key):
    other = ToyKey(5)
    verifier = deploy_verifier(world.chain, other.verification_key, STATEMENT, CIRCUIT)
    expected = other_key.expectation(key_digest=other.verification_key.digest())
    with refused("VerifierSelfTestFailed"):
        world.manager.rotate_key(verifier, expected, sender=world.roles.admin)


@pytest.mark.parametrize("part", ["off the curve", "another point"])
def test_a_key_that_no_proof_is_valid_for_is_refused_on_chain_too(world, other_key, part):
    """The proof of all zeros that was asked before was refused by these as by a good one."""
    broken = replace(other_key.verification_key)
    x, y = broken.ic[0]
    object.__setattr__(broken, "ic", ((x, y + 1) if part == "off the curve" else g1(77), *broken.ic[1:]))
    verifier = deploy_verifier(world.chain, broken, STATEMENT, CIRCUIT)
    with refused("VerifierSelfTestFailed"):
        world.manager.rotate_key(verifier, other_key.expectation(key_digest=broken.digest()),
                                 sender=world.roles.admin)


def test_an_address_without_a_verifier_is_refused(world, other_key):
    for address in (world.relayer, world.registry.address):
        with pytest.raises(ContractRefused):
            world.manager.rotate_key(address, other_key.expectation(), sender=world.roles.admin)


# -- insecure setups ---------------------------------------------------------------------------------------------------
def test_an_insecure_key_is_not_deployed_without_permission(key):
    chain = Chain.embedded(timestamp=1_800_000_000)
    with pytest.raises(BadInput, match="INSECURE"):
        deploy(chain, key.verification_key, STATEMENT, CIRCUIT, key.known_answer())
    assert chain.web3.eth.block_number == 0


def test_an_insecure_key_is_refused_by_the_contract_itself(world):
    roles = world.roles
    with refused("InsecureSetup"):
        send_manager(world, allow=False, verifier=world.deployment.verifier, key=world.key, roles=roles)


def test_permission_is_public_and_for_ever(world):
    assert world.manager.allows_insecure_setup()
    receipt = world.chain.web3.eth.get_transaction_receipt(deployment_transaction(world))
    topics = {log["topics"][0].hex().removeprefix("0x") for log in receipt["logs"]}
    assert world.chain.web3.keccak(text="InsecureSetupAllowed()").hex().removeprefix("0x") in topics


def test_a_manager_without_permission_takes_no_insecure_key_at_rotation_either(world):
    chain, secure = world.chain, ToyKey(seed="secure", insecure_setup=False)
    deployment = deploy(chain, secure.verification_key, STATEMENT, CIRCUIT, secure.known_answer())
    _, manager = deployment.open(chain)
    assert not manager.allows_insecure_setup()
    assert not deployment.insecure_setup
    insecure = ToyKey(seed="other")
    verifier = deploy_verifier(chain, insecure.verification_key, STATEMENT, CIRCUIT)
    with refused("InsecureSetup"):
        manager.rotate_key(verifier, insecure.expectation())
    assert manager.key_digest() == secure.verification_key.digest()


# -- what an auditor checks --------------------------------------------------------------------------------------------
def test_the_verifier_on_chain_is_the_one_of_the_key(world, other_key):
    assert verifier_is_authentic(world.chain, world.deployment, world.key.verification_key)
    assert not verifier_is_authentic(world.chain, world.deployment, other_key.verification_key)


def send_manager(world, *, allow: bool, verifier: str, key: ToyKey, roles: Roles) -> None:
    code = encode_deployment(compile_contracts()["MarginManager"], [
        world.registry.address, verifier, key.expectation(), HOUR, allow,
        (roles.admin, 0, roles.guardian, roles.venue)])
    try:
        world.chain.send(None, code)
    except Reverted as error:
        raise refusal(error, "MarginManager", "constructor") from None


def deployment_transaction(world):
    """The transaction that created the manager: the third of the chain."""
    return world.chain.web3.eth.get_block(3)["transactions"][0]
