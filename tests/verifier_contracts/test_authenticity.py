"""Opening a deployment: what the file says is what the contracts say, and their code is ours."""

from __future__ import annotations

from dataclasses import replace

import pytest
from toykey import CIRCUIT, ToyKey
from world import STATEMENT

from primitives.errors import BadInput
from verifier_contracts.abi import encode_deployment
from verifier_contracts.authenticity import manager_is_ours, registry_is_ours
from verifier_contracts.bindings import MarginManager
from verifier_contracts.compiler import compile_contracts, compile_sources
from verifier_contracts.deployment import authenticity, deploy, deploy_verifier, verifier_is_authentic

FAKE = """// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;
contract Fake {
    address public verifier; address public registry; uint40 public maxEpochAge = 86400;
    bool public allowsInsecureSetup = true;
    constructor(address v, address r) { verifier = v; registry = r; }
    function marginOf(address, uint256) external pure returns (uint128) { return 0; }
    function attest(address, uint40, uint40, uint128, uint256[8] calldata) external {}
}"""


def another(world, **options):
    return deploy(world.chain, world.key.verification_key, STATEMENT, CIRCUIT, world.key.known_answer(),
                  allow_insecure_setup=True, sender=world.relayer, **options)


def fake(world):
    artifact = compile_sources({"Fake.sol": FAKE})["Fake"]
    code = encode_deployment(artifact, [world.deployment.verifier, world.deployment.registry])
    return world.chain.send(None, code, sender=world.relayer).contract


def differing(world, deployment, key=None):
    return [what for what, said, found in authenticity(world.chain, deployment, key) if said != found]


def test_every_lie_in_a_deployment_file_is_refused_by_its_field(world):
    other = another(world)
    lies = {"registry": other.registry, "insecure_setup": False, "key_digest": b"\x01" * 32,
            "circuit_digest": b"\x02" * 32, "verifier": "0x" + "12" * 20, "statement": "margin-full-1000x32"}
    for field, value in lies.items():
        lie = replace(world.deployment, **{field: value})
        with pytest.raises(BadInput) as caught:
            lie.open(world.chain)
        assert caught.value.field == field
    world.deployment.open(world.chain)
    for field in ("registry", "insecure_setup", "key_digest", "circuit_digest", "statement"):
        assert differing(world, replace(world.deployment, **{field: lies[field]})) == [field]


def test_an_address_that_is_no_verifier_is_named(world):
    with pytest.raises(BadInput) as caught:
        replace(world.deployment, verifier=world.deployment.registry).open(world.chain)
    assert caught.value.field == "verifier"


def test_after_a_rotation_a_deployment_still_opens_and_the_check_says_so(world):
    other = ToyKey(seed="other")
    verifier = deploy_verifier(world.chain, other.verification_key, STATEMENT, CIRCUIT)
    world.manager.rotate_key(verifier, other.expectation(), sender=world.roles.admin)
    world.deployment.open(world.chain)
    assert differing(world, world.deployment) == ["verifier in force"]
    assert verifier_is_authentic(world.chain, world.deployment, other.verification_key)
    assert not verifier_is_authentic(world.chain, world.deployment, world.key.verification_key)


@pytest.mark.both_chains
def test_authentic_means_all_three_contracts(world):
    assert differing(world, world.deployment, world.key.verification_key) == []
    assert differing(world, world.deployment, ToyKey(seed="other").verification_key) == ["verifier's code"]
    pretended = replace(world.deployment, manager=fake(world))
    pretended.open(world.chain)                                     # it says what the file says
    assert differing(world, pretended) == ["manager's code"]
    assert not verifier_is_authentic(world.chain, pretended, world.key.verification_key)


def test_a_registry_of_other_code_is_not_ours_and_is_not_built_upon(world):
    assert registry_is_ours(world.chain, world.deployment.registry)
    assert not registry_is_ours(world.chain, world.deployment.verifier)
    with pytest.raises(BadInput) as caught:
        another(world, registry=world.deployment.verifier)
    assert caught.value.field == "registry"


def test_one_changed_byte_of_a_manager_is_seen_immutables_too(world, monkeypatch):
    """Also in the immutables: with another domain, owners would sign for another contract."""
    artifact, code = compile_contracts()["MarginManager"], world.chain.code(world.deployment.manager)
    manager = MarginManager(world.chain, world.deployment.manager)
    assert manager_is_ours(manager)
    places = [start + length - 1 for group in artifact.immutables.values() for start, length in group]
    for place in (0, len(code) // 3, len(code) - 1, *places):
        changed = bytearray(code)
        changed[place] ^= 1
        with monkeypatch.context() as patched:
            patched.setattr(world.chain, "code", lambda address, changed=changed: bytes(changed))
            assert not manager_is_ours(manager), place
    with monkeypatch.context() as patched:
        patched.setattr(world.chain, "code", lambda address: code + b"\0")
        assert not manager_is_ours(manager)
