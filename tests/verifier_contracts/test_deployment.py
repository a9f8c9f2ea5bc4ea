"""Deploying, and the file that remembers it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from toykey import CIRCUIT, ToyKey
from world import GENESIS, HOUR, STATEMENT

from primitives.errors import BadInput
from verifier_contracts.chain import Chain
from verifier_contracts.deployment import Deployment, Roles, deploy


@pytest.fixture
def chain() -> Chain:
    return Chain.embedded(timestamp=GENESIS)


@pytest.mark.both_chains
def test_what_is_deployed(world):
    deployment = world.deployment
    assert deployment.chain_id == world.chain.chain_id
    assert deployment.insecure_setup
    assert world.manager.key_digest() == deployment.key_digest == world.key.verification_key.digest()
    assert world.manager.circuit_digest() == deployment.circuit_digest == CIRCUIT
    assert world.manager.verifier() == deployment.verifier
    assert world.manager.max_epoch_age() == 24 * HOUR
    assert world.manager.read("defaultAdmin").lower() == world.roles.admin.lower()


def test_file_round_trip(world, tmp_path):
    path = tmp_path / "deployment.json"
    world.deployment.save(path)
    assert Deployment.load(path) == world.deployment


@pytest.mark.parametrize(("field", "value"), [
    ("schema", "other/1"), ("chain_id", "1"), ("chain_id", 0), ("statement", "a b"), ("key_digest", "0x00"),
    ("circuit_digest", None),
    ("insecure_setup", 1), ("registry", "0x12"), ("manager", None)])
def test_a_malformed_file_is_refused_by_field(world, tmp_path, field, value):
    path = tmp_path / "deployment.json"
    path.write_text(json.dumps(world.deployment.to_json() | {field: value}))
    with pytest.raises(BadInput) as caught:
        Deployment.load(path)
    assert (caught.value.field, caught.value.source) == (field, str(path))


def test_another_chain_and_empty_addresses_are_refused(world, chain):
    with pytest.raises(BadInput, match="chain id"):
        replace(world.deployment, chain_id=world.chain.chain_id + 1).open(world.chain)
    for name in ("registry", "manager"):
        with pytest.raises(BadInput, match=name):
            replace(world.deployment, **{name: "0x" + "12" * 20}).open(world.chain)


def test_a_registry_can_be_shared(world):
    second = deploy(world.chain, world.key.verification_key, STATEMENT, CIRCUIT, world.key.known_answer(),
                    registry=world.deployment.registry, allow_insecure_setup=True)
    registry, manager = second.open(world.chain)
    assert registry.root_of(world.epoch) == world.root
    assert manager.address != world.manager.address
    assert manager.read("registry").lower() == registry.address.lower()


def test_arguments_are_checked_before_anything_is_sent(chain, key):
    vk = key.verification_key
    for arguments in ({"max_epoch_age": 0}, {"max_epoch_age": 2**40}, {"registry": "0x12"},
                      {"allow_insecure_setup": False}, {"sender": "0x" + "12" * 20}):
        with pytest.raises(BadInput):
            deploy(chain, vk, STATEMENT, CIRCUIT, key.known_answer(), **{"allow_insecure_setup": True, **arguments})
    three = ToyKey(3)
    with pytest.raises(BadInput, match="public inputs"):
        deploy(chain, three.verification_key, STATEMENT, CIRCUIT, three.known_answer(), allow_insecure_setup=True)
    with pytest.raises(BadInput, match="known answer"):
        deploy(chain, vk, STATEMENT, CIRCUIT, ToyKey(seed="other").known_answer(), allow_insecure_setup=True)
    with pytest.raises(BadInput, match="venue"):
        Roles(*chain.senders[:3], venue="nobody")
    assert chain.web3.eth.block_number == 0


def test_progress(chain, key):
    seen = []
    deploy(chain, key.verification_key, STATEMENT, CIRCUIT, key.known_answer(), allow_insecure_setup=True,
           progress=lambda stage, done, total: seen.append((done, total)))
    assert seen == [(0, 3), (1, 3), (2, 3), (3, 3)]
