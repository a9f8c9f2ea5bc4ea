"""What a relayer does, one thing at a time, over a fake chain."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fake_chain import GWEI, SIGNER, FakeChain, Tx, parcel
from relay_world import POLICY, World, require_each_once

from primitives.errors import BadInput
from relayer.desk import Says, Verdict
from relayer.outbox import Item
from relayer.relay_status import status
from verifier_contracts.signers import transaction_hash


@pytest.fixture
def world(folder: Path) -> World:
    return World(str(folder / "outbox.db"), FakeChain(random.Random(3), base_fee=10 * GWEI))


def item(world: World, number: int) -> Item:
    found = world.outbox.find(parcel(number).name)
    assert found is not None
    return found


def mine(world: World, blocks: int = 70) -> None:
    world.chain.mine()
    world.chain.idle(blocks)
    world.step()
    world.step()


def troubles(world: World) -> list[str]:
    told: list[str] = status(world.relay, world.now, 60.0)["troubles"]
    return told


def test_final_is_deep_and_not_before(world: World) -> None:
    world.take(1)
    world.step()
    assert item(world, 1).state == "sent"
    world.chain.mine()
    world.step()
    assert item(world, 1).state == "mined"
    world.chain.idle(62)
    world.step()
    assert item(world, 1).state == "mined"
    world.chain.idle(1)
    world.step()
    assert item(world, 1).state == "final"


def test_no_node_has_what_is_not_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """At the moment at which it is handed over: a process may be killed right after."""
    take, handed = world.chain.take, []

    def looked(raw: bytes) -> str | None:
        assert world.outbox.raw(transaction_hash(raw)) == raw
        handed.append(raw)
        return take(raw)
    monkeypatch.setattr(world.chain, "take", looked)
    world.take(1, 2)
    world.step()
    world.chain.base_fee = 40 * GWEI                                                         # and so a replacement
    world.chain.mine()
    world.now += 61
    world.step()
    world.step()
    assert len(set(handed)) == 2


def test_a_nonce_that_is_missing_before_ours_is_filled_after_a_while(world: World) -> None:
    """Somebody's transaction waits, ours is behind it, and then the pool forgets it."""
    world.chain.pool[0] = Tx("0x" + "ab" * 32, 0, 30 * GWEI, GWEI, 21_000, None)
    world.take(1)
    world.step()
    assert sorted(world.chain.pool) == [0, 1]
    del world.chain.pool[0]
    world.step()
    world.now += POLICY.gap_after - 1
    world.step()
    assert sorted(world.chain.pool) == [1]
    world.now += 1
    world.step()
    assert sorted(world.chain.pool) == [0, 1]
    assert world.chain.pool[0].names is None
    mine(world)
    require_each_once(world, range(1, 2))


def test_nothing_is_signed_above_the_cap(folder: Path) -> None:
    world = World(str(folder / "outbox.db"), FakeChain(random.Random(3), base_fee=300 * GWEI))
    world.chain.mine()
    world.take(1)
    world.step()
    assert item(world, 1).state == "checked"
    assert world.chain.pool == {}
    assert any("fee that the node asks for" in trouble for trouble in troubles(world))
    world.chain.base_fee = 10 * GWEI
    world.chain.mine()
    world.step()
    assert item(world, 1).state == "sent"


def test_fees_rise_to_the_cap_and_no_further(folder: Path) -> None:
    world = World(str(folder / "outbox.db"), FakeChain(random.Random(3), base_fee=10 * GWEI),
                  policy=replace(POLICY, fee_cap=30 * GWEI))
    world.take(1)
    world.step()
    fees = [world.chain.pool[0].fee]
    for _ in range(6):
        world.chain.idle(1)
        world.now += 61
        world.step()
        world.step()
        fees.append(world.chain.pool[0].fee)
    assert fees[0] == 21 * GWEI
    assert all(later == earlier or later * 100 >= earlier * 113 for earlier, later in pairwise(fees))
    assert 26 * GWEI < fees[-1] == fees[-2] <= 30 * GWEI
    assert any("at its cap" in trouble for trouble in troubles(world))
    mine(world)
    require_each_once(world, range(1, 2))


def test_what_the_contract_would_not_take_any_more_is_replaced_by_nothing(world: World) -> None:
    world.take(1)
    world.step()
    world.chain.base_fee = 40 * GWEI
    world.chain.mine()
    world.chain.false = frozenset({parcel(1).name})
    world.now += 61
    world.step()
    world.step()
    assert world.chain.pool[0].names is None
    mine(world)
    assert (item(world, 1).state, item(world, 1).reason, item(world, 1).tries) == ("refused", "ProofRejected", 0)
    assert len(world.chain.carried()) == 0


def test_what_fails_when_mined_is_tried_again_and_not_for_ever(world: World) -> None:
    """Nor as often as it would go: the contract is left alone for a while."""
    world.chain.fails = frozenset({parcel(1).name})
    world.take(1)
    for _ in range(3):
        world.step()
        mine(world)
    assert item(world, 1).tries == 3
    assert any("is left alone: attest failed when mined" in trouble for trouble in troubles(world))
    used = world.chain.blocks[-1].used
    mine(world)
    assert world.chain.blocks[-1].used == used, "nothing was sent"
    for _ in range(2):
        world.now += 3_600
        world.step()
        mine(world)
    assert item(world, 1).state == "refused"
    assert item(world, 1).reason.startswith("mined 5 times without effect")
    assert world.chain.blocks[-1].used == 5


def test_what_is_not_on_chain_yet_is_waited_for(world: World) -> None:
    name = parcel(1).name
    world.desk.verdicts[name] = Verdict(Says.LATER, "UnknownEpoch")
    world.take(1)
    world.step()
    assert (item(world, 1).state, item(world, 1).reason) == ("queued", "UnknownEpoch")
    world.desk.verdicts.clear()
    world.step()
    assert item(world, 1).state == "queued", "it is looked at again after a while"
    world.now += 5
    world.step()
    assert item(world, 1).state == "sent"
    world.desk.verdicts[parcel(2).name] = Verdict(Says.LATER, "UnknownEpoch")
    world.take(2)
    world.now += 1_801
    world.step()
    assert (item(world, 2).state, item(world, 2).reason) == ("refused", "UnknownEpoch")


def test_what_is_superseded_says_by_what(world: World) -> None:
    world.desk.verdicts[parcel(1).name] = Verdict(Says.SUPERSEDED, "WrongVersion: 2 stands")
    world.take(1)
    world.step()
    assert (item(world, 1).state, item(world, 1).reason) == ("superseded", "WrongVersion: 2 stands")


def test_what_another_attested_is_final_as_deep(world: World) -> None:
    world.chain.blocks[-1].shown = frozenset({parcel(1).name})
    world.chain.idle(10)
    world.chain.blocks[0].shown = frozenset()
    world.chain.idle(50)
    world.take(1)
    world.step()
    assert (item(world, 1).state, "not final yet" in item(world, 1).reason) == ("queued", True)
    world.chain.idle(10)
    world.now += 5
    world.step()
    assert (item(world, 1).state, item(world, 1).delivery) == ("final", None)
    assert world.chain.pool == {}


def test_a_reorganisation_of_the_same_length_is_noticed(world: World) -> None:
    world.take(1)
    world.step()
    world.chain.mine()
    world.step()
    assert item(world, 1).state == "mined"
    del world.chain.blocks[-1]
    world.chain.mine(idle=True)
    world.step()
    assert item(world, 1).state == "sent"
    assert sorted(world.chain.pool) == [0], "and handed over again"


def test_so_many_are_in_flight_and_no_more(folder: Path) -> None:
    world = World(str(folder / "outbox.db"), FakeChain(random.Random(3), base_fee=10 * GWEI), combined=1, in_flight=3)
    world.take(*range(9))
    world.step()
    assert len(world.chain.pool) == 3
    world.step()
    assert len(world.chain.pool) == 3
    world.until_done()
    require_each_once(world, range(9))


def test_what_no_node_takes_is_said(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(world.chain, "take", lambda raw: "insufficient funds for gas * price + value")
    world.take(1)
    world.step()
    assert any("insufficient funds" in trouble for trouble in troubles(world))
    monkeypatch.undo()
    world.now += 30
    world.step()
    assert troubles(world) == []
    assert sorted(world.chain.pool) == [0]


def test_anothers_transactions_in_the_outbox_are_not_taken_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.take(1)
    world.step()
    monkeypatch.setattr(world.relay, "sender", "0x" + "99" * 20)
    with pytest.raises(BadInput, match=SIGNER.address):
        world.relay.require_own()


def test_nodes_that_all_fail_end_a_round_and_nothing_else(world: World) -> None:
    world.take(1)
    world.chain.faults.lost_question = 1.0
    world.step()
    assert item(world, 1).state == "queued"
    assert any("nodes: latest block: 0 agree, 2 must" in trouble for trouble in troubles(world))
    world.chain.faults.lost_question = 0.0
    world.now += 400
    world.step()
    assert item(world, 1).state == "sent"


@pytest.mark.parametrize("lie", ["receipt", "refusal", "nonce", "chain", "head"])
def test_one_node_of_three_that_lies_changes_nothing(world: World, lie: str) -> None:
    node: Any = world.nodes[0].node.transport
    forged = {"receipt": ("eth_getTransactionReceipt", lambda *_: node._receipt(
        _[0], world.chain.blocks[0], True)), "nonce": ("eth_getTransactionCount", lambda *_: hex(999)),
        "chain": ("eth_chainId", lambda: "0x1"),
        "head": ("eth_getBlockByNumber", lambda *_: {"number": hex(9_999), "hash": "0x" + "aa" * 32, "timestamp": "0x1",
                                                     "baseFeePerGas": "0x1"})}
    if lie == "refusal":
        world.chain.faults.lie, world.chain.faults.liars = 1.0, (0,)
    else:
        setattr(node, *forged[lie])
    world.take(1)
    world.step()
    world.step()
    assert item(world, 1).state == "sent"
    assert sorted(world.chain.pool) == [0]
    for _ in range(3):
        mine(world)
        world.now += 10
    assert item(world, 1).state == "final"
    require_each_once(world, range(1, 2))
