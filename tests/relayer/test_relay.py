"""What a relayer does, one thing at a time, over a fake chain."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fake_chain import GWEI, SIGNER, FakeChain, FakeNode, Tx, parcel, read
from relay_world import POLICY, World, require_each_once

from primitives.errors import BadInput
from relayer.desk import Says, Verdict
from relayer.outbox import Item
from relayer.parcel import Parcel
from relayer.relay_status import status
from relayer.submit import NotSubmitted
from verifier_contracts.ledger import Row
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


# -- what one submitter can do to the others ---------------------------------------------------------------------------
def brought(world: World, *numbers: int, false: bool = True) -> str:
    """A batch of margins with these numbers, each time another."""
    digest = len(documents) + 1
    rows = tuple(Row(f"0x{number:040x}", 1, 7, 5) for number in numbers)
    one = Parcel("batch-16", "00" * 32, bytes(32), 1_700_000_000, 5, rows, (1,) * 8, digest)
    documents[str(-digest)] = one
    world.outbox.take(one.name, one.says, str(-digest), world.now)
    world.chain.false |= {one.name} if false else set()
    return one.name


documents = dict[str, Parcel]()


def with_batches(world: World) -> None:
    world.relay._read = lambda document: documents.get(document) or read(document)


@pytest.mark.parametrize("left_alone", [False, True])
def test_false_batches_hold_no_margin_back(world: World, left_alone: bool) -> None:
    """One a round kept every margin that it named for ever, and for as long as a contract was left alone."""
    with_batches(world)
    world.take(1, 2)
    name = brought(world, 1, 2)
    if left_alone:
        breaker = world.relay.contract("0x" + "ba" * 20)
        breaker.failed(world.now, "three times", at_once=True)
        loaded = world.desk.load
        world.desk.load = lambda parcels: loaded(parcels) if parcels[0].slot == "margin" else replace(   # type: ignore[method-assign]
            loaded(parcels), recipient="0x" + "ba" * 20)
    world.step()
    assert (item(world, 1).state, item(world, 2).state) == ("sent", "sent")
    found = world.outbox.find(name)
    assert found is not None
    assert found.state == ("queued" if left_alone else "refused")


def test_a_true_batch_still_goes_in_place_of_its_margins(world: World) -> None:
    with_batches(world)
    world.take(1, 2)
    name = brought(world, 1, 2, false=False)
    brought(world, 1, 3)                                       # a false one beside it
    world.step()
    found = world.outbox.find(name)
    assert found is not None
    assert found.state == "sent"
    assert (item(world, 1).state, item(world, 2).state) == ("queued", "queued")


def test_many_that_wait_for_what_never_comes_keep_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("relayer.relay.LOOKED_AT", 2)
    for number in range(1, 6):
        world.desk.verdicts[parcel(number).name] = Verdict(Says.LATER, "UnknownEpoch")
        world.take(number)
    for _ in range(3):
        world.step()
        world.now += 2.5                                       # the first two are due again before all were looked at
    world.take(9)
    world.step()
    assert item(world, 9).state == "sent"
    assert all(item(world, number).reason == "UnknownEpoch" for number in range(1, 6)), "each has been looked at"


def test_what_takes_more_gas_than_is_signed_for_keeps_nobody(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended every round, so nothing else was ever sent."""
    dear, asked = parcel(1).name, FakeNode.eth_estimateGas

    def estimate(self: FakeNode, call: Any, *more: Any) -> str:
        told = asked(self, call, *more)
        return hex(10**7) if dear in bytes.fromhex(call["data"][2:]).decode("latin-1") else told
    monkeypatch.setattr(FakeNode, "eth_estimateGas", estimate)
    world = World(str(folder / "outbox.db"), FakeChain(random.Random(3), base_fee=10 * GWEI), gas=200_000)
    world.take(1, 2, 3)
    world.step()
    world.step()
    assert [item(world, number).state for number in (1, 2, 3)] == ["queued", "sent", "sent"]
    assert "GasAboveCap" in item(world, 1).reason
    assert not world.relay.trouble
    world.now += 1_801
    world.step()
    assert item(world, 1).state == "refused"


def test_what_cannot_be_read_any_more_is_refused_and_ends_nothing(world: World) -> None:
    """As after a statement has been replaced in the deployment: else it ended each relayer that was started on it."""
    world.take(1, 2, 3)
    world.step()                                               # on their way
    world.take(4, 5)

    def read_now(document: str) -> Parcel:
        if document in ("1", "4"):
            raise NotSubmitted("OtherStatement", "margin-tiny", "margin-full")
        return read(document)
    world.outbox.close()
    world.start()
    world.relay._read = read_now
    world.step()
    assert item(world, 4).state == "refused"
    assert item(world, 4).reason.startswith("it cannot be read any more: ")
    for _ in range(3):
        mine(world)
    assert [item(world, number).state for number in (1, 2, 3, 5)] == ["refused", "final", "final", "final"]


def test_under_another_root_or_key_it_says_something_else() -> None:
    """Who brings what is true was told that it is known, where what is false had its name; and it was lost."""
    one = parcel(1)
    others = [replace(one, root=6), replace(one, key_digest=b"\1" * 32), replace(one, circuit="01" * 32)]
    assert {other.name for other in others} == {one.name}
    assert len({one.says, *(other.says for other in others)}) == 4
    assert replace(one, words=(2,) * 8).says == one.says, "a proof can be made again"


def test_what_was_refused_is_carried_with_the_proof_that_is_brought_anew(world: World) -> None:
    """Whoever brings a false proof first else keeps every true one of the same margin out, until the next start."""
    loaded, sent = world.desk.load, list[tuple[int, ...]]()

    def load(parcels: Any) -> Any:
        sent.append(parcels[0].words)
        return loaded(parcels)
    world.desk.load = load                                                                     # type: ignore[method-assign]
    world.relay._read = lambda document: replace(parcel(1), words=(int(document),) * 8)
    world.chain.false = frozenset({parcel(1).name})
    world.outbox.take(parcel(1).name, parcel(1).says, "7", world.now)
    world.step()
    assert (item(world, 1).state, sent.pop()) == ("refused", (7,) * 8)
    world.chain.false = frozenset()
    assert world.outbox.take(parcel(1).name, parcel(1).says, "8", world.now)[1] == "again"
    world.step()
    assert (item(world, 1).state, sent.pop()) == ("sent", (8,) * 8)


@pytest.mark.parametrize("liars", [1, 3])
def test_a_node_that_answers_what_no_contract_does_ends_no_relayer(world: World, liars: int) -> None:
    """One of three is outvoted, and left alone for a while; of all of them the round fails, and is heard."""
    judged = world.desk.judge

    def judge(peer: Any, parcels: Any, block: int | None) -> Any:
        if int(peer.name[-1]) < liars:
            raise BadInput("answer of RiskOracle.rootOf", "0x", "what RiskOracle answers")
        return judged(peer, parcels, block)
    world.desk.judge = judge                                                                   # type: ignore[method-assign]
    world.take(1)
    world.step()
    assert item(world, 1).state == ("sent" if liars == 1 else "queued")
    assert [facts["node"] for event, facts in world.said if event == "node is not believed"] == [
        f"http://node{place}" for place in range(liars)]
    assert bool(world.relay.trouble) == (liars == 3)
    if liars == 3:
        world.desk.judge = judged                                                              # type: ignore[method-assign]
        world.now += 60
        world.step()
        assert item(world, 1).state == "sent", "it goes on once they answer"
