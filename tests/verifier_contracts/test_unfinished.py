"""Deployments through nodes that fail go on where they stopped; chains that cannot run the contracts are told so."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest
from eth_account import Account
from nodes import HANG_UP, anvil, error, loopback, url_of
from system_world import config_for, proving_of, toy_keys

from primitives.errors import BadInput
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.errors import ChainTooOld, NodeError, TransactionPending, TransactionUndecided
from verifier_contracts.system import CONTRACTS, System
from verifier_contracts.system_config import REQUIRED_SLOTS, Delays
from verifier_contracts.system_deployment import deploy_system
from verifier_contracts.unfinished import SCHEMA

KEY = "0x" + "11" * 32
ME = Account.from_key(KEY).address
SENT = len(REQUIRED_SLOTS) + len(CONTRACTS) + 1 + 10
"""Verifiers, contracts, a token; court, three stakes, signers, three installed, roles, hand-over."""


@pytest.fixture
def stage(monkeypatch):
    """A fresh anvil, and a loopback node before it through which is deployed."""
    monkeypatch.setenv("DEPLOYER", KEY)
    with anvil() as chain, loopback(url_of(chain)) as node:
        chain.web3.provider.make_request("anvil_setBalance", [ME, hex(10**20)])
        yield chain, node


def attempt(stage, file, timeout=30.0, **changes):
    chain, node = stage
    there = Chain.connect(node.url, key_variable="DEPLOYER", terms=Terms(timeout=timeout), patience=1.0)
    keys = {slot: toy for slot, toy in toy_keys().items() if slot in REQUIRED_SLOTS}
    return deploy_system(there, config_for(chain, REQUIRED_SLOTS, **changes), proving_of(keys), file=file)


def failing(at, how):
    """A hook that lets `at` transactions through and answers the next as `how` does."""
    sent = []

    def hook(request, forward):
        if request["method"] == "eth_sendRawTransaction":
            if request["params"][0] not in sent:
                sent.append(request["params"][0])
            if len(sent) > at:
                return how(request, forward)
        return forward(request)
    return hook


def through(request, forward):
    return forward(request)


def nonce(chain):
    return chain.web3.eth.get_transaction_count(ME)


def kept_in(file):
    return json.loads(file.read_text())


@pytest.mark.parametrize("done", [pytest.param(0, marks=pytest.mark.slow), 1, 8])
def test_what_was_deployed_before_a_failure_is_kept(stage, tmp_path, done):
    chain, node = stage
    file = tmp_path / "deployment.json"
    node.hook = failing(done, lambda request, forward: error(request, -32000, "the node is out of order"))
    with pytest.raises(NodeError):
        attempt(stage, file)
    kept = kept_in(file)
    assert kept["schema"] == SCHEMA
    assert len(kept["contracts"]) == done
    with pytest.raises(BadInput, match="`contract deploy` with the same file goes on"):
        System.load(file)
    node.hook = through
    made = attempt(stage, file)
    assert nonce(chain) == SENT, "each contract was deployed once"
    assert made == System.load(file)
    assert set(kept["contracts"].values()) <= {*made.contracts.values(), *(one.verifier for one in made.verifiers)}
    made.open(chain)
    for content in (file.read_bytes(), b'{"mine": 1}', b"[]"):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="never overwritten"):
            attempt(stage, file)
        assert file.read_bytes() == content
    assert nonce(chain) == SENT


def test_a_contract_whose_receipt_never_came_is_found(stage, tmp_path):
    """It is mined while nobody looks: its address was written down before it was sent."""
    chain, node = stage
    file = tmp_path / "deployment.json"
    node.hook = lambda request, forward: HANG_UP if request["method"] == "eth_getTransactionReceipt" \
        else forward(request)
    with pytest.raises(TransactionUndecided) as caught:
        attempt(stage, file, timeout=0.5)
    flying = kept_in(file)["in_flight"]
    assert flying["transaction"] == caught.value.transaction
    node.hook = through
    made = attempt(stage, file)
    assert nonce(chain) == SENT
    receipt = chain.web3.eth.get_transaction_receipt(caught.value.transaction)
    assert receipt["contractAddress"] == flying["address"]
    assert flying["address"] in {*made.contracts.values(), *(one.verifier for one in made.verifiers)}


def test_a_contract_in_flight_is_not_deployed_beside(stage, tmp_path):
    chain, _ = stage
    file = tmp_path / "deployment.json"
    chain.web3.provider.make_request("evm_setAutomine", [False])
    with pytest.raises(TransactionUndecided):
        attempt(stage, file, timeout=0.5)
    with pytest.raises(TransactionPending):
        attempt(stage, file, timeout=0.5)
    chain.web3.provider.make_request("evm_setAutomine", [True])
    chain.web3.provider.make_request("evm_mine", [])
    attempt(stage, file)
    assert nonce(chain) == SENT


def test_another_plan_another_file_and_another_chain_are_refused(stage, tmp_path):
    chain, node = stage
    file = tmp_path / "deployment.json"
    node.hook = failing(1, lambda request, forward: error(request, -32000, "out of order"))
    with pytest.raises(NodeError):
        attempt(stage, file)
    node.hook = through
    before = file.read_bytes()
    with pytest.raises(BadInput, match="delays"):
        attempt(stage, file, delays=Delays(5, 5))
    ((name, address),) = json.loads(before)["contracts"].items()
    chain.web3.provider.make_request("anvil_setCode", [address, "0x"])
    with pytest.raises(BadInput, match=name):
        attempt(stage, file)
    assert file.read_bytes() == before
    assert nonce(chain) == 1


@contextmanager
def of_fork(monkeypatch, fork):
    """The same on the rules of a fork."""
    monkeypatch.setenv("DEPLOYER", KEY)
    with anvil("--hardfork", fork) as chain, loopback(url_of(chain)) as node:
        chain.web3.provider.make_request("anvil_setBalance", [ME, hex(10**20)])
        yield chain, node


@pytest.mark.parametrize(("fork", "lacks"), [("london", "PUSH0"), ("shanghai", "TLOAD")])
def test_a_chain_that_is_too_old_is_told_before_anything_is_sent(monkeypatch, tmp_path, fork, lacks):
    with of_fork(monkeypatch, fork) as stage:
        with pytest.raises(ChainTooOld, match=lacks):
            attempt(stage, tmp_path / "deployment.json")
        assert stage[1].signed == []
        assert nonce(stage[0]) == 0


def test_the_oldest_fork_that_will_do_does_also_where_a_node_runs_no_code_without_an_address(monkeypatch, tmp_path):
    """There the probes are refused, which says nothing of the chain."""
    with of_fork(monkeypatch, "cancun") as stage:
        chain, node = stage
        node.hook = failing(0, lambda request, forward: error(request, -32000, "out of order"))
        with pytest.raises(NodeError, match="out of order"):
            attempt(stage, tmp_path / "deployment.json")
        assert len(node.signed) == 1, "the probes were answered"
        node.hook = lambda request, forward: error(request, -32602, "missing field to") \
            if request["method"] == "eth_call" and "to" not in request["params"][0] and len(
                request["params"][0]["data"]) < 100 else forward(request)
        attempt(stage, tmp_path / "deployment.json")
        assert nonce(chain) == SENT
