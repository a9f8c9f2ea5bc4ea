"""Submitting through nodes that fail, lie or forget: nothing is sent twice, nothing is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from bundles import bundle, claim
from eth_account import Account
from nodes import HANG_UP, Loopback, anvil, changing, error, loopback, url_of
from system_world import SystemWorld, build_system
from world import GENESIS, HOUR

from relayer.submit import submit
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.errors import AnswerRefused, TransactionPending, TransactionUndecided
from verifier_contracts.system import System
from verifier_contracts.system_config import REQUIRED_SLOTS

KEY = "0x" + "11" * 32
ME = Account.from_key(KEY).address


@dataclass(frozen=True)
class Stage:
    """A deployed system on anvil, and a loopback node before it through which the relayer goes."""

    world: SystemWorld
    node: Loopback

    def chain(self, **terms) -> Chain:
        return Chain.connect(self.node.url, key_variable="RELAYER", terms=Terms(**{"timeout": 20.0, **terms}))

    def submit(self, **terms):
        return submit(bundle(self.world), self.world.system, self.chain(**terms))

    def rpc(self, method, *params):
        return self.world.chain.web3.provider.make_request(method, list(params))["result"]

    def sent(self) -> int:
        """How many transactions of the relayer's were ever mined."""
        return self.world.chain.web3.eth.get_transaction_count(ME)

    def margin(self) -> int:
        return self.world.at.ledger.margin_of(self.world.owner.address, 24 * HOUR)


@pytest.fixture(scope="module")
def built() -> Iterator[SystemWorld]:
    with anvil("--timestamp", str(GENESIS)) as chain:
        yield build_system(chain, slots=REQUIRED_SLOTS)


@pytest.fixture
def stage(built: SystemWorld, monkeypatch) -> Iterator[Stage]:
    monkeypatch.setenv("RELAYER", KEY)
    monkeypatch.setattr(System, "open", System.bind)            # a hundred questions, which fail like any other
    snapshot = built.chain.snapshot()
    with loopback(url_of(built.chain)) as node:
        made = Stage(built, node)
        made.rpc("anvil_setBalance", ME, hex(10**20))
        yield made
    made.rpc("evm_setAutomine", True)
    built.chain.restore(snapshot)


def test_headers_of_proof_of_authority_chains(stage):
    stage.node.hook = changing("eth_getBlockByNumber", lambda block: block.update(extraData="0x" + "ab" * 97))
    assert stage.submit().outcome == "attested"
    assert stage.chain().now() > 0


@pytest.mark.parametrize("said", ["already known", "already imported", "nonce too low"])
def test_a_node_that_has_taken_it_and_says_no(stage, said):
    def hook(request, forward):
        response = forward(request)
        return error(request, -32000, said) if request["method"] == "eth_sendRawTransaction" else response
    stage.node.hook = hook
    assert stage.submit().outcome == "attested"
    stage.node.hook = lambda request, forward: forward(request)
    assert stage.submit().outcome == "already attested"
    assert stage.sent() == 1


def test_a_line_that_breaks_after_the_node_has_it(stage):
    def hook(request, forward):
        response = forward(request)
        return HANG_UP if request["method"] == "eth_sendRawTransaction" else response
    stage.node.hook = hook
    assert stage.submit().outcome == "attested"
    assert len(stage.node.signed) == stage.sent() == 1


def test_a_line_that_breaks_before_the_node_has_it(stage):
    broken = []

    def hook(request, forward):
        if request["method"] == "eth_sendRawTransaction" and not broken:
            broken.append(True)
            return HANG_UP
        return forward(request)
    stage.node.hook = hook
    assert stage.submit().outcome == "attested"
    assert len(stage.node.signed) == stage.sent() == 1


def test_ten_requests_and_then_a_pause(stage):
    """As public endpoints have it: after ten, whatever is asked within half a second of the next is answered 429."""
    asked, refused = [], []

    def hook(request, forward):
        now = time.monotonic()
        asked.append(now)
        if len(asked) > 10 and now - asked[10] < 0.5:
            refused.append(request["method"])
            return 429, error(request, -32005, "limit exceeded")
        if len(asked) > 10:
            asked[:] = [now]
        return forward(request)
    stage.node.hook = hook
    assert stage.submit().outcome == "attested"
    assert refused, "it was not tested"
    assert stage.sent() == 1


def test_a_stuck_transaction_is_not_joined_by_another(stage):
    stage.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionUndecided) as caught:
        stage.submit(timeout=0.5)
    for _ in range(2):
        with pytest.raises(TransactionPending):
            stage.submit(timeout=0.5)
    assert len(stage.node.signed) == 1
    stage.rpc("evm_mine")
    assert stage.submit().outcome == "already attested"
    assert stage.rpc("eth_getTransactionReceipt", caught.value.transaction)["status"] == "0x1"
    assert stage.sent() == 1


def test_processes_with_one_key_go_one_after_the_other(stage):
    """Three at once, two of them with the same bundle: two transactions with two nonces, and none fails when mined."""
    world = stage.world
    other = Account.from_key(b"\x0d" * 32)
    world.register(world.commitment, owner=other)
    bundles = {"one": bundle(world), "one again": bundle(world),
               "two": bundle(world, claim(world, account=other.address))}
    results = {}

    def go(name):
        results[name] = submit(bundles[name], world.system, stage.chain()).outcome
    stage.rpc("evm_setAutomine", False)
    threads = [threading.Thread(target=go, args=(name,)) for name in bundles]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        stage.rpc("evm_mine")
        time.sleep(0.1)
    assert sorted(results.values()) == ["already attested", "attested", "attested"]
    assert len(stage.node.signed) == stage.sent() == 2


def test_what_a_reorganisation_undid_is_sent_again_before_it_is_believed(stage):
    """After the first confirmation the block goes; the node has forgotten the transaction, and is given it again."""
    undone = []

    def hook(request, forward):
        response = forward(request)
        if request["method"] == "eth_getTransactionReceipt" and response.get("result") and not undone:
            undone.append(stage.rpc("anvil_rollback", 1))
            return response
        if request["method"] == "eth_blockNumber":
            stage.rpc("evm_mine")
        return response
    stage.node.hook = hook
    assert stage.submit(confirmations=3).outcome == "attested"
    assert undone
    assert stage.margin() == stage.world.margin
    assert len(stage.node.signed) == 1
    assert stage.sent() == 1


def test_without_confirmations_it_is_not_done(stage):
    with pytest.raises(TransactionUndecided, match="1 of 2 confirmations"):
        stage.submit(confirmations=2, timeout=1.0)


def test_live_chains_are_confirmed_twice_and_trials_once():
    for arguments, count in ((("--chain-id", "5"), 1), ((), 1)):
        with anvil(*arguments) as chain:                             # anvil on this machine says what it is
            assert chain._confirmations() == count
    with anvil("--chain-id", "5") as chain, loopback(url_of(chain)) as node:
        node.hook = changing("web3_clientVersion", lambda version: "Geth/v1.15")
        assert Chain.connect(node.url, key_variable="TAILPROOF_UNSET")._confirmations() == 2


@pytest.mark.parametrize("told", [(-32600, "execution was reverted"), (-32603, "Internal error")])
def test_that_another_was_faster_is_success_even_where_a_node_gives_no_reason(stage, told):
    stage.submit()

    def hook(request, forward):
        response = forward(request)
        return error(request, *told) if "error" in response else response
    stage.node.hook = hook
    assert stage.submit().outcome == "already attested"
    assert stage.sent() == 1


def test_a_node_that_gives_no_reason_is_not_believed_to_have_attested(stage):
    stage.node.hook = lambda request, forward: error(request, -32603, "Internal error") \
        if request["method"] == "eth_estimateGas" else forward(request)
    with pytest.raises(AnswerRefused):
        stage.submit()
    assert stage.node.signed == []


def test_whoever_interrupts_the_waiting_has_the_hash(stage):
    said = []
    done = stage.submit(report=lambda stage, done, total: said.append(stage))
    assert f"sent {done.transaction}" in said
