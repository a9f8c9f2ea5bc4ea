"""What a mutant of the contracts gets wrong by one second, one byte, one bit or one event (`cases/chain/mutate.py`)."""

from __future__ import annotations

from pathlib import Path

import pytest
from eth_abi.abi import decode
from eth_utils.crypto import keccak
from toykey import CIRCUIT, ToyKey
from world import GENESIS, HOUR, MODEL_ID, STATEMENT, World, build_world, refused

import verifier_contracts
from verifier_contracts.abi import encode_call
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_sources
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.errors import Reverted

DAY = 24 * HOUR

READER = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

interface Manager {
    function marginOf(address account, uint256 maxAge) external view returns (uint128);
}

/// Reads in a transaction, whose time is its block's; that of a call is a node's choice.
contract Reader {
    uint128 public seen;

    function read(Manager manager, address account, uint256 maxAge) external {
        seen = manager.marginOf(account, maxAge);
    }
}

contract Talkative {
    bytes32 public constant KEY_DIGEST = bytes32(uint256(1));
    bytes32 public constant CIRCUIT_DIGEST = bytes32(uint256(2));
    bool public constant INSECURE = false;

    error ProofRejected();

    function verifyProof(uint256[8] calldata, uint256[4] calldata inputs) external pure {
        if (inputs[3] == 4) return;
        bytes memory more = abi.encodePacked(ProofRejected.selector, uint256(0));
        assembly { revert(add(more, 0x20), mload(more)) }
    }
}
"""

WORDS = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

import {AccountState, packState} from "./AccountState.sol";

contract Words {
    function through(uint128 margin, uint40 epochId, uint40 version, uint48 attestedAt)
        external
        pure
        returns (uint128, uint40, uint40, uint48)
    {
        AccountState state = packState(margin, epochId, version, attestedAt);
        return (state.margin(), state.epochId(), state.version(), state.attestedAt());
    }
}
"""


@pytest.fixture(scope="module")
def built() -> World:
    """On the embedded chain, whose blocks are a second apart."""
    return build_world(Chain.embedded(timestamp=GENESIS), ToyKey())


@pytest.fixture
def world(built):
    snapshot = built.chain.snapshot()
    yield built
    built.chain.restore(snapshot)


def next_block_at(world: World, moment: int) -> None:
    world.chain.travel_to(moment - 1)


# -- seconds ---------------------------------------------------------------------------------------------------------
def test_an_epoch_proves_in_its_last_second_and_not_after_it(world):
    next_block_at(world, world.epoch + DAY)
    world.attest()
    assert world.chain.now() == world.epoch + DAY
    assert world.manager.state_of(world.owner.address).attested_at == world.epoch + DAY
    world.register(world.commitment)
    with refused("StaleEpoch"):
        world.attest()


def test_a_margin_is_read_in_its_last_second_and_not_after_it(world):
    world.attest()
    reader = compile_sources({"Reader.sol": READER})["Reader"]
    where = world.chain.send(None, reader.creation).contract
    data = encode_call(reader, "read", [world.manager.address, world.owner.address, 2 * HOUR])
    next_block_at(world, world.epoch + 2 * HOUR)
    world.chain.send(where, data, gas=200_000)
    assert world.chain.now() == world.epoch + 2 * HOUR
    with pytest.raises(Reverted):
        world.chain.send(where, data, gas=200_000)


def test_a_consent_is_good_in_its_last_second_and_not_after_it(world):
    deadline = world.chain.now() + 100
    for moment in (deadline, deadline + 1):
        consent = world.manager.consent(world.owner.address, world.roles.venue, 77, deadline)
        call = [consent.account, consent.commitment, consent.version, deadline, consent.sign(world.owner)]
        data = encode_call(world.manager.artifact, "registerCommitment", call)
        if moment == deadline:
            next_block_at(world, moment)
            world.chain.send(world.manager.address, data, sender=world.roles.venue, gas=300_000)
            assert world.chain.now() == deadline
        else:
            with pytest.raises(Reverted):
                world.chain.send(world.manager.address, data, sender=world.roles.venue, gas=300_000)


def test_an_epoch_may_be_of_the_second_that_it_is_published_in_and_not_of_the_next(world):
    def send(epoch: int) -> None:
        data = encode_call(world.registry.artifact, "publishEpoch", [epoch, 5, MODEL_ID])
        world.chain.send(world.registry.address, data, sender=world.roles.publisher, gas=200_000)
    now = world.chain.now()
    with pytest.raises(Reverted):
        send(now + 2)                                       # mined in the second now + 1
    send(now + 2)
    assert world.registry.latest_epoch_id() == world.chain.now() == now + 2


# -- bits and bytes --------------------------------------------------------------------------------------------------
def test_an_account_keeps_every_bit(world):
    state = (Path(verifier_contracts.__file__).parent / "solidity" / "AccountState.sol").read_text()
    words = compile_sources({"Words.sol": WORDS, "AccountState.sol": state})["Words"]
    where = world.chain.send(None, words.creation).contract
    for bits in (0, 16, 39, 40, 47, 119, 120, 127):
        for ones in (1 << bits, (1 << bits + 1) - 1):
            margin, epoch_id, version, attested_at = (ones & ((1 << size) - 1) for size in (128, 40, 40, 48))
            for kept in ((margin, epoch_id, version, attested_at), (margin, 0, 0, 0), (0, epoch_id, 0, 0),
                         (0, 0, version, 0), (0, 0, 0, attested_at)):
                data = world.chain.call(where, encode_call(words, "through", kept))
                assert decode(["uint128", "uint40", "uint40", "uint48"], data) == kept


def test_a_new_commitment_keeps_what_was_proven_last(world):
    world.attest()
    world.register(77)
    state = world.manager.state_of(world.owner.address)
    assert (state.margin, state.epoch_id, state.version, state.attested_at) == (world.margin, world.epoch, 2, 0)


def test_a_verifier_that_says_more_than_that_a_proof_is_rejected_is_refused(world):
    talkative = compile_sources({"Reader.sol": READER})["Talkative"]
    verifier = world.chain.send(None, talkative.creation).contract
    expected = world.key.expectation(key_digest=(1).to_bytes(32, "big"), circuit_digest=(2).to_bytes(32, "big"))
    with refused("VerifierSelfTestFailed") as caught:
        world.manager.rotate_key(verifier, expected, sender=world.roles.admin)
    assert len(caught.value.arguments["answer"]) == 36


# -- events ----------------------------------------------------------------------------------------------------------
def told(world: World, address: str, receipt) -> list[tuple[object, ...]]:
    """Names and arguments of the events of one of our contracts in a transaction, in the order of their declaration."""
    artifact = {world.manager.address: world.manager.artifact, world.registry.address: world.registry.artifact}[address]
    events = {}
    for entry in artifact.abi:
        if entry["type"] == "event":
            kinds = [field["type"] for field in entry["inputs"]]
            events[keccak(text=f"{entry['name']}({','.join(kinds)})")] = entry
    found = []
    for log in world.chain.web3.eth.get_transaction_receipt(receipt.transaction)["logs"]:
        if log["address"].lower() != address.lower():
            continue
        first, *topics = (bytes(topic) for topic in log["topics"])
        entry = events[first]
        plain = iter(decode([field["type"] for field in entry["inputs"] if not field["indexed"]], bytes(log["data"])))
        indexed = iter(topics)
        values = [decode([field["type"]], next(indexed))[0] if field["indexed"] else next(plain)
                  for field in entry["inputs"]]
        found.append((entry["name"], *values))
    return found


@pytest.mark.both_chains
def test_every_change_of_state_is_told_as_it_is(world):
    manager, registry = world.manager.address, world.registry.address
    owner, venue, other = world.owner.address.lower(), world.roles.venue.lower(), world.chain.senders[5]
    epoch = world.epoch + 60
    assert told(world, registry, world.publish(epoch, 5)) == [("EpochPublished", epoch, 5, MODEL_ID)]
    assert told(world, manager, world.attest()) == [("MarginAttested", owner, world.epoch, 1, world.margin)]
    assert told(world, manager, world.register(77)) == [("CommitmentRegistered", owner, venue, 2, 77)]
    world.manager.transact("grantRole", world.manager.read("VENUE_ROLE"), other, sender=world.roles.admin)
    moved = world.manager.move_account(world.owner.address, other, sender=world.roles.venue)
    assert told(world, manager, moved) == [("AccountMoved", owner, venue, other.lower())]
    assert told(world, registry, world.registry.freeze(epoch, sender=world.roles.guardian)) == [("EpochFrozen", epoch)]
    key = ToyKey(seed="other")
    verifier = deploy_verifier(world.chain, key.verification_key, STATEMENT, CIRCUIT)
    rotated = world.manager.rotate_key(verifier, key.expectation(), sender=world.roles.admin)
    assert told(world, manager, rotated) == [
        ("KeyRotated", key.verification_key.digest(), CIRCUIT, verifier.lower(), True)]
    admin, guardian = world.roles.admin.lower(), world.roles.guardian.lower()
    assert told(world, manager, world.manager.pause(sender=world.roles.guardian)) == [("Paused", guardian)]
    assert told(world, manager, world.manager.unpause(sender=world.roles.admin)) == [("Unpaused", admin)]
