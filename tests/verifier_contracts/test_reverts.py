"""Why a call failed, in every shape in which nodes say so (`cases/chain/relay.py`; the issues are the nodes' own)."""

from __future__ import annotations

import subprocess
import sys

import pytest
from eth_utils.crypto import keccak
from ledger_world import build
from nodes import anvil, error, loopback, url_of
from world import GENESIS

from verifier_contracts.abi import refusal
from verifier_contracts.answers import octets
from verifier_contracts.chain import Chain
from verifier_contracts.errors import AnswerRefused, ContractRefused, Reverted
from verifier_contracts.ledger import MarginLedger, MarginStatus
from verifier_contracts.reverts import reverted

STALE = "0x" + "5e1b0eab" + "00" * 64
DATA = bytes.fromhex(STALE[2:])
HASH, ADDRESS = "0x" + "ab" * 32, "0x" + "cd" * 20


@pytest.mark.parametrize("told", [
    {"code": 3, "message": "execution reverted", "data": STALE},                                      # geth
    {"code": -32015, "message": "VM execution error.", "data": "Reverted " + STALE},                  # Nethermind 6024
    {"code": -32015, "message": "VM execution error.", "data": f"err: {STALE} (supplied gas 36000000)"},       # 8813
    {"code": -32000, "message": "execution reverted", "data": STALE},                                 # viem 4092
    {"code": 3, "message": "execution reverted: " + STALE},                                           # Nethermind 11095
    {"code": -32603, "message": "Error: VM Exception while processing transaction: reverted with custom error",
     "data": {"message": "x", "data": STALE}},                                                        # hardhat 3157
    {"code": -32603, "message": "x", "data": {"originalError": {"code": 3, "data": STALE}}},          # metamask
    {"code": -32000, "message": "VM Exception while processing transaction: revert",
     "data": {HASH: {"error": "revert", "return": STALE, "from": ADDRESS}, "stack": "", "name": "e"}},  # ganache
    {"code": -32603, "message": "Internal error", "data": [{"x": [{"output": STALE.upper().replace("0X", "0x")}]}]},
    f"execution reverted {STALE}",
])
def test_the_data_is_found_in_every_shape(told):
    found = reverted(told)
    assert found is not None
    assert found.data == DATA


@pytest.mark.parametrize(("told", "reason"), [
    ({"code": -32600, "message": "execution was reverted"}, ""), ({"code": 3, "message": ""}, ""),
    ({"code": -32000, "message": "out of gas"}, "OutOfGas"),
    ({"code": -32603, "message": "EVM error OutOfGas"}, "OutOfGas"),
    ({"code": -32000, "message": "gas required exceeds allowance (30000000)"}, "OutOfGas"),
    ({"code": -32000, "message": "invalid opcode: PUSH0"}, ""), ({"code": 3, "message": "x", "data": {"a": 1}}, ""),
    ({"code": 3, "message": "x", "data": "0x08c379a0zz"}, ""),
    ({"code": -32000, "message": f"execution reverted in {HASH} of {ADDRESS}"}, "")])
def test_a_failure_without_data_is_one_too(told, reason):
    found = reverted(told)
    assert found is not None
    assert (found.data, found.reason) == (b"", reason)


@pytest.mark.parametrize("told", [
    {"code": -32603, "message": "Internal error"}, {"code": -32000, "message": "header not found"}, {}, None, 7, [],
    {"code": -32000, "message": f"missing trie node {HASH}"}, {"message": {"message": "x"}}])
def test_a_nodes_own_failure_is_none(told):
    assert reverted(told) is None


def test_a_hostile_answer_costs_no_more_than_an_honest_one():
    deep = {"data": STALE}
    for _ in range(500):
        deep = {"x": deep}
    assert reverted(deep) is None
    assert reverted({"data": [["0x"] * 100] * 5_000}) is None


def test_among_several_the_one_with_a_name_is_taken():
    """Four bytes and words may also be somebody's calldata: only the contracts know which is an error."""
    named = keccak(text="AccountNotRegistered(address)")[:4] + bytes(12) + b"\xcd" * 20
    told = {"code": 3, "message": "reverted", "data": {"input": STALE, "result": "0x" + named.hex()}}
    for error_told in (told, {**told, "data": {"output": STALE, "result": "0x" + named.hex()}}):
        found = reverted(error_told)
        assert found is not None
        refused = refusal(found, "MarginLedger", "attest")
        assert refused.name == "AccountNotRegistered"
    assert refusal(Reverted(DATA), "MarginLedger", "attest").name == STALE


@pytest.mark.parametrize("arguments", [
    (32).to_bytes(32, "big") + (1).to_bytes(32, "big") + b"\xff" * 32,
    (32).to_bytes(32, "big") + (2**255).to_bytes(32, "big"),
    (2**255).to_bytes(32, "big") + bytes(32), bytes(32), b""])
def test_a_reason_that_is_none_is_shown_as_the_bytes_it_is(arguments):
    """A text of other bytes than UTF-8, a length that no machine can hold: any contract can revert with them."""
    data = keccak(text="Error(string)")[:4] + arguments
    assert refusal(Reverted(data), "MarginLedger", "attest").name == "0x" + data.hex()


def test_json_of_a_refusal_names_everything(ledgers):
    with pytest.raises(ContractRefused) as caught:
        ledgers.desk.transact("pause", 0, 60, sender=ledgers.relayer)
    facts = caught.value.as_dict()
    assert (facts["error"], facts["contract"], facts["function"]) == \
        ("AccessManagedUnauthorized", "CommitmentDesk", "pause")
    assert facts["arguments"] == {"caller": ledgers.relayer}
    assert ledgers.relayer in str(caught.value)
    big = ContractRefused("X", {"margin": 2**53, "small": 5, "digest": b"\x01"}, contract="C", function="f")
    assert big.as_dict()["arguments"] == {"margin": str(2**53), "small": 5, "digest": "0x01"}


def test_a_real_nodes_refusal_survives_every_shape():
    with anvil("--timestamp", str(GENESIS)) as chain, loopback(url_of(chain)) as node:
        world = build(chain)
        through = Chain.connect(node.url, key_variable="TAILPROOF_UNSET", patience=0)
        ledger = MarginLedger(through, world.ledger.address)
        for shape in (lambda request, data: error(request, -32015, "VM execution error.", f"Reverted {data}"),
                      lambda request, data: error(request, -32603, "x", {"message": "x", "data": data}),
                      lambda request, data: error(request, 3, f"execution reverted: {data}"),
                      lambda request, data: (400, error(request, 3, "CONTRACT_REVERT_EXECUTED", data))):
            def hook(request, forward, shape=shape):
                response = forward(request)
                return shape(request, response["error"]["data"]) if "error" in response else response
            node.hook = hook
            with pytest.raises(ContractRefused) as caught:
                ledger.margin_of(world.owner.address, 60)
            assert caught.value.name == "MarginUnavailable"
            assert caught.value.arguments == {"account": world.owner.address, "status": MarginStatus.NOT_ATTESTED}
        node.hook = lambda request, forward: error(request, -32603, "Internal error")
        with pytest.raises(AnswerRefused):
            ledger.margin_of(world.owner.address, 60)


def test_a_hostile_answer_takes_memory_by_its_size() -> None:
    """An answer may have 32 MB: a hundred and fifty bytes for each pair of digits would be gigabytes."""
    asked = ("import resource; from verifier_contracts.answers import octets; told = resource.getrusage; "
             "before = told(resource.RUSAGE_SELF).ru_maxrss; octets('0x' + 'ab' * (1 << 21)); "
             "print(told(resource.RUSAGE_SELF).ru_maxrss - before)")
    told = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert int(told.stdout) < 64 << 10, "KiB, of 4 MiB"


@pytest.mark.parametrize("digits", ["0xabc", "0xzz", "ab", 7])
def test_half_a_byte_is_no_data(digits: object) -> None:
    with pytest.raises(ValueError, match="no bytes"):
        octets(digits)
