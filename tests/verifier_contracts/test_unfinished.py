"""Deployments that stop half way go on where they stopped; chains that cannot run the contracts are told so first."""

from __future__ import annotations

import json

import pytest
from eth_account import Account
from nodes import HANG_UP, anvil, error, loopback, url_of
from toykey import CIRCUIT, ToyKey
from world import STATEMENT

from primitives.errors import BadInput
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.deployment import Deployment, deploy
from verifier_contracts.errors import ChainTooOld, NodeError, TransactionPending, TransactionUndecided
from verifier_contracts.unfinished import SCHEMA

KEY = "0x" + "11" * 32
ME = Account.from_key(KEY).address


@pytest.fixture
def stage(monkeypatch):
    """A fresh anvil, a loopback node before it, and a way to deploy through it into a file."""
    monkeypatch.setenv("DEPLOYER", KEY)
    with anvil() as chain, loopback(url_of(chain)) as node:
        chain.web3.provider.make_request("anvil_setBalance", [ME, hex(10**20)])
        yield chain, node


def attempt(node, file, **options):
    there = Chain.connect(node.url, key_variable="DEPLOYER", terms=Terms(timeout=3.0), patience=1.0)
    key = ToyKey()
    return deploy(there, key.verification_key, STATEMENT, CIRCUIT, key.known_answer(),
                  **{"allow_insecure_setup": True, "file": file, **options})


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


@pytest.mark.parametrize("done", [0, 1, 2])
def test_what_was_deployed_before_a_failure_is_kept(stage, key, tmp_path, done):
    chain, node = stage
    file = tmp_path / "deployment.json"
    node.hook = failing(done, lambda request, forward: error(request, -32000, "the node is out of order"))
    with pytest.raises(NodeError):
        attempt(node, file)
    kept = json.loads(file.read_text())
    assert kept["schema"] == SCHEMA
    assert sorted(kept["contracts"]) == sorted(["registry", "verifier", "manager"][:done])
    with pytest.raises(BadInput, match="`contract deploy` with the same options goes on"):
        Deployment.load(file)
    node.hook = through
    made = attempt(node, file)
    assert nonce(chain) == 3, "each contract was deployed once"
    assert made == Deployment.load(file)
    assert kept["contracts"].items() <= made.to_json().items()
    _, manager = made.open(chain)
    assert manager.read("registry").lower() == made.registry.lower()


def test_a_contract_whose_receipt_never_came_is_found(stage, tmp_path):
    """It is mined while nobody looks: its address was written down before it was sent."""
    chain, node = stage
    file = tmp_path / "deployment.json"
    node.hook = lambda request, forward: HANG_UP if request["method"] == "eth_getTransactionReceipt" \
        else forward(request)
    with pytest.raises(TransactionUndecided) as caught:
        attempt(node, file)
    assert json.loads(file.read_text())["in_flight"]["transaction"] == caught.value.transaction
    node.hook = through
    made = attempt(node, file)
    assert nonce(chain) == 3
    assert made.registry == json.loads(json.dumps(chain.web3.eth.get_transaction_receipt(caught.value.transaction)[
        "contractAddress"]))


def test_a_contract_in_flight_is_not_deployed_beside(stage, tmp_path):
    chain, node = stage
    file = tmp_path / "deployment.json"
    chain.web3.provider.make_request("evm_setAutomine", [False])
    with pytest.raises(TransactionUndecided):
        attempt(node, file)
    with pytest.raises(TransactionPending):
        attempt(node, file)
    chain.web3.provider.make_request("evm_setAutomine", [True])
    chain.web3.provider.make_request("evm_mine", [])
    attempt(node, file)
    assert nonce(chain) == 3


def test_another_plan_another_file_and_another_chain_are_refused(stage, tmp_path):
    chain, node = stage
    file = tmp_path / "deployment.json"
    node.hook = failing(1, lambda request, forward: error(request, -32000, "out of order"))
    with pytest.raises(NodeError):
        attempt(node, file)
    node.hook = through
    before = file.read_bytes()
    with pytest.raises(BadInput, match="max_epoch_age"):
        attempt(node, file, max_epoch_age=5)
    chain.web3.provider.make_request("anvil_setCode", [json.loads(before)["contracts"]["registry"], "0x"])
    with pytest.raises(BadInput, match="registry"):
        attempt(node, file)
    assert file.read_bytes() == before
    assert nonce(chain) == 1


def test_a_finished_deployment_is_never_overwritten(stage, tmp_path):
    chain, node = stage
    file = tmp_path / "deployment.json"
    attempt(node, file)
    before = file.read_bytes()
    for content in (before, b'{"mine": 1}', b"[]"):
        file.write_bytes(content)
        with pytest.raises(BadInput, match="never overwritten"):
            attempt(node, file)
        assert file.read_bytes() == content
    assert nonce(chain) == 3


@pytest.mark.parametrize(("fork", "lacks"), [("london", "PUSH0"), ("shanghai", "TLOAD"), ("cancun", None)])
def test_a_chain_that_is_too_old_is_told_before_anything_is_sent(monkeypatch, tmp_path, fork, lacks):
    monkeypatch.setenv("DEPLOYER", KEY)
    with anvil("--hardfork", fork) as chain, loopback(url_of(chain)) as node:
        chain.web3.provider.make_request("anvil_setBalance", [ME, hex(10**20)])
        if lacks is None:
            attempt(node, tmp_path / "deployment.json")
            return
        with pytest.raises(ChainTooOld, match=lacks):
            attempt(node, tmp_path / "deployment.json")
        assert node.signed == []
        assert nonce(chain) == 0


def test_a_node_that_runs_no_code_without_an_address_is_not_called_old(stage, tmp_path):
    _, node = stage
    node.hook = lambda request, forward: error(request, -32602, "missing field to") \
        if request["method"] == "eth_call" and "to" not in request["params"][0] else forward(request)
    attempt(node, tmp_path / "deployment.json")
