"""What an account's margin is worth, as the contract judges it; epoch ids and deadlines on chains that stand still."""

from __future__ import annotations

import pytest
from eth_account import Account
from nodes import loopback, scripted, url_of
from world import HOUR, MODEL_ID, World, refused

from primitives.errors import BadInput
from verifier_contracts.bindings import EpochRegistry
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.errors import ImplausibleAnswer, NodeError
from verifier_contracts.standing import standing


def status(world: World, max_age: int | None = None) -> str:
    return standing(world.registry, world.manager, world.owner.address, max_age).status


def test_an_account_is_judged_as_the_contract_judges_it(world):
    day = world.manager.max_epoch_age()
    assert standing(world.registry, world.manager, Account.create().address).status == "unknown account"
    assert status(world) == "not attested"
    world.attest()
    found = standing(world.registry, world.manager, world.owner.address)
    assert (found.status, found.until, found.readable) == ("valid", world.epoch + day, True)
    assert world.manager.margin_of(world.owner.address, day) == found.state.margin

    world.manager.pause(sender=world.roles.guardian)
    assert status(world) == "paused"
    with refused("EnforcedPause"):
        world.manager.margin_of(world.owner.address, day)
    world.manager.unpause(sender=world.roles.admin)

    world.register(world.commitment + 1)                      # the margin is still stored, and worth nothing
    found = standing(world.registry, world.manager, world.owner.address)
    assert (found.status, found.until, found.readable) == ("not attested", None, False)
    assert found.state.margin == world.margin


def test_a_frozen_epoch_and_a_newer_one(world):
    world.attest()
    newer = world.registry.new_epoch_id(0)
    world.publish(newer, world.root)
    found = standing(world.registry, world.manager, world.owner.address)
    assert (found.status, found.latest_epoch_id, found.readable) == ("superseded", newer, True)
    world.registry.freeze(world.epoch, sender=world.roles.guardian)
    assert status(world) == "frozen"
    with refused("FrozenEpoch"):
        world.manager.margin_of(world.owner.address, 24 * HOUR)


def test_a_margin_ages_to_the_second(world):
    world.attest()
    age = world.chain.next_time() - world.epoch
    assert status(world, age + HOUR) == "valid"
    assert status(world, age - 1) == "stale"
    world.chain.travel_to(world.epoch + 24 * HOUR - 1)
    assert status(world) == "valid"
    world.chain.travel_to(world.epoch + 24 * HOUR + 1)
    assert status(world) == "stale"
    with refused("StaleMargin"):
        world.manager.margin_of(world.owner.address, 24 * HOUR)


def test_publishers_in_one_second_do_not_lock_the_registry(world):
    ids = []
    for _ in range(3):
        ids.append(world.registry.new_epoch_id(0))
        world.publish(ids[-1], world.root)
    assert ids == sorted(set(ids))
    assert world.registry.latest_epoch_id() == ids[-1]


def test_an_epoch_is_not_of_the_future(world):
    with pytest.raises(BadInput, match="valuation"):
        world.registry.new_epoch_id(world.chain.next_time() + HOUR)


@pytest.mark.both_chains
def test_on_a_quiet_chain_the_time_is_the_next_blocks(world):
    if world.chain.in_process:
        pytest.skip("its clock moves with its blocks")
    world.chain.web3.provider.make_request("evm_increaseTime", [26 * HOUR])
    last = world.chain.now()
    epoch_id = world.registry.new_epoch_id(0)
    assert epoch_id >= last + 26 * HOUR
    assert world.chain.clock() >= last + 26 * HOUR
    world.publish(epoch_id, world.root)                               # the call, too, is of the next block
    world.attest(world.claim(epoch_id=epoch_id))
    assert status(world) == "valid"


@pytest.mark.both_chains
def test_publishing_is_tried_in_the_next_block(world):
    """geth runs an estimate in the latest block, whose time may be long before the id's (EpochInFuture)."""
    if world.chain.in_process:
        pytest.skip("a node is asked")
    with loopback(url_of(world.chain)) as node:
        tried = []

        def hook(request, forward):
            if request["method"] == "eth_estimateGas":
                tried.append(request["params"][1:])
            return forward(request)
        node.hook = hook
        registry = EpochRegistry(Chain.connect(node.url, key_variable="UNSET"), world.deployment.registry)
        registry.publish(registry.new_epoch_id(0), world.root, MODEL_ID, sender=world.roles.publisher)
    assert tried == [["pending"]]


def test_a_chain_whose_clock_stands_or_lies_gets_no_epoch(monkeypatch):
    monkeypatch.setenv("SENDER", "0x" + "11" * 32)
    for name, block, kind in (("standing", {"timestamp": hex(1000)}, NodeError),
                              ("far", {"timestamp": hex(10**11)}, ImplausibleAnswer)):
        chain_id = 31337 if name == "standing" else 5
        with scripted({"eth_chainId": hex(chain_id), "eth_getBlockByNumber": block}) as node:
            chain = Chain.connect(node.url, key_variable="SENDER", terms=Terms(timeout=0.5), patience=0.5)
            with pytest.raises(kind):
                chain.time_after(1000)


def test_a_node_without_pending_blocks_is_asked_for_the_latest(monkeypatch):
    def block(params):
        return {"timestamp": hex(1000)} if params[0] == "latest" else None
    with scripted({"eth_chainId": hex(31337), "eth_getBlockByNumber": block}) as node:
        assert Chain.connect(node.url, key_variable="UNSET", patience=0.5).next_time() == 1000
