"""What an account's margin is worth, as the ledger judges it; and what time it is on chains that stand still."""

from __future__ import annotations

import pytest
from eth_account import Account
from ledger_world import MAX_AGE, MINUTE
from nodes import loopback, scripted, url_of
from oracle_world import OracleWorld
from system_world import SystemWorld
from world import HOUR, refused

from verifier_contracts.chain import Chain, Terms
from verifier_contracts.errors import ImplausibleAnswer
from verifier_contracts.ledger import MarginStatus
from verifier_contracts.oracle import RiskOracle
from verifier_contracts.standing import Standing, standing


def found(world: SystemWorld, max_age: int | None = None) -> Standing:
    return standing(world.at, world.owner.address, max_age)


def test_an_account_is_judged_as_the_ledger_judges_it(system_world: SystemWorld) -> None:
    w = system_world
    assert standing(w.at, Account.create().address).reading.status is MarginStatus.UNKNOWN
    assert found(w).reading.status is MarginStatus.NOT_ATTESTED
    w.attest()
    told = found(w)
    assert (told.reading.status, told.until, told.readable) == (MarginStatus.VALID, w.epoch + MAX_AGE, True)
    assert w.at.ledger.margin_of(w.owner.address, MAX_AGE) == told.word.value == told.reading.margin == w.margin
    w.register(w.commitment + 1)
    told = found(w)
    assert (told.reading.status, told.until, told.readable) == (MarginStatus.NOT_ATTESTED, None, False)
    with refused("MarginUnavailable"):
        w.at.ledger.margin_of(w.owner.address, MAX_AGE)
    w.flat(commitment=w.commitment + 1)
    told = found(w)
    assert (told.reading.status, told.until, told.readable) == (MarginStatus.FLAT, None, True)


def test_a_held_epoch_and_a_newer_one(system_world: SystemWorld) -> None:
    w = system_world
    w.attest()
    newer = w.next_epoch(5 * MINUTE)
    told = found(w)
    assert (told.reading.status, told.latest_epoch_id, told.readable) == (MarginStatus.SUPERSEDED, newer, False)
    told = found(w, MAX_AGE)
    assert (told.reading.status, told.readable) == (MarginStatus.VALID, True), "she said how old is young enough"
    w.at.oracle.hold(w.epoch, 600, sender=w.guardian)
    assert found(w, MAX_AGE).reading.status is MarginStatus.FROZEN


def test_a_margin_ages_to_the_second(system_world: SystemWorld) -> None:
    w = system_world
    w.attest()
    age = w.chain.now() - w.epoch
    assert found(w, age + HOUR).reading.status is MarginStatus.VALID
    assert found(w, age - 1).reading.status is MarginStatus.STALE
    for late, status in ((0, MarginStatus.VALID), (1, MarginStatus.STALE)):
        w.chain.travel_to(w.epoch + MAX_AGE + late)
        assert found(w).reading.status is status


@pytest.mark.both_chains
def test_on_a_quiet_chain_the_time_is_the_next_blocks(oracles: OracleWorld) -> None:
    if oracles.chain.in_process:
        pytest.skip("its clock moves with its blocks")
    last = oracles.chain.now()
    ask = oracles.chain.web3.provider.make_request
    ask("anvil_removeBlockTimestampInterval", [])                                # type: ignore[arg-type]
    ask("evm_increaseTime", [27 * HOUR])                                         # type: ignore[arg-type]
    assert oracles.chain.next_time() >= last + 26 * HOUR
    assert oracles.chain.clock() >= last + 26 * HOUR
    content = oracles.publish(id=oracles.chain.next_time(), deadline=oracles.chain.next_time() + 600)
    assert content.id >= last + 26 * HOUR
    ask("anvil_setBlockTimestampInterval", [1])                                  # type: ignore[arg-type]


@pytest.mark.both_chains
def test_publishing_is_tried_in_the_next_block(oracles: OracleWorld) -> None:
    """geth runs an estimate in the latest block, whose time may be long before the id's (EpochInFuture)."""
    if oracles.chain.in_process:
        pytest.skip("a node is asked")
    content = oracles.content()
    with loopback(url_of(oracles.chain)) as node:
        tried = []

        def hook(request, forward):
            if request["method"] == "eth_estimateGas":
                tried.append(request["params"][1:])
            return forward(request)
        node.hook = hook
        oracle = RiskOracle(Chain.connect(node.url, key_variable="UNSET"), oracles.oracle.address)
        oracle.publish(content, 1, oracles.signatures(oracle.domain.content(content)), sender=oracles.chain.senders[5])
    assert tried == [["pending"]]


def test_a_chain_whose_clock_lies_gets_no_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SENDER", "0x" + "11" * 32)
    with scripted({"eth_chainId": hex(5), "eth_getBlockByNumber": {"timestamp": hex(10**11)}}) as node:
        chain = Chain.connect(node.url, key_variable="SENDER", terms=Terms(timeout=0.5), patience=0.5)
        for asked in (chain.next_time, chain.clock):
            with pytest.raises(ImplausibleAnswer):
                asked()


def test_a_node_without_pending_blocks_is_asked_for_the_latest() -> None:
    def block(params):
        return {"timestamp": hex(1000)} if params[0] == "latest" else None
    with scripted({"eth_chainId": hex(31337), "eth_getBlockByNumber": block}) as node:
        assert Chain.connect(node.url, key_variable="UNSET", patience=0.5).next_time() == 1000
