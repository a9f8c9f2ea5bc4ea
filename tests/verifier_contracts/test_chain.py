"""Chains: reaching one, signing for one, and never leaving a transaction unaccounted for."""

from __future__ import annotations

import socket

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from nodes import scripted, url_of
from world import GENESIS, anvil

from primitives.errors import BadInput
from verifier_contracts.abi import decode_result
from verifier_contracts.bindings import VerifierFacts
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.errors import InsufficientFunds, NodeError, NodeUnreachable, Reverted
from verifier_contracts.fees import gas_limit

SOME_KEY = "0x" + "11" * 32
RETURN_ONE = bytes.fromhex("60015f5260205ff3")
REVERT_ONE = bytes.fromhex("60015f5260205ffd")


def _word(value: int) -> bytes:
    return value.to_bytes(32, "big")


@pytest.mark.parametrize("answer", ["web page", "0x", "zz", [], None])
@pytest.mark.parametrize("method", ["eth_chainId", "eth_accounts", "eth_getBlockByNumber", "eth_call", "eth_getCode",
                                    "eth_estimateGas"])
def test_a_malformed_answer_is_the_nodes_failure(method, answer):
    sender = "0x" + "22" * 20
    good = {"eth_chainId": "0x1", "eth_accounts": [sender], "eth_getBlockByNumber": {"timestamp": "0x1"},
            "eth_call": "0x01", "eth_getCode": "0x01", "eth_estimateGas": "0x5208"}
    fine = (method, answer) in [("eth_call", "0x"), ("eth_getCode", "0x"), ("eth_accounts", [])]
    with scripted({**good, method: answer}) as node:
        def everything() -> None:
            chain = Chain.connect(node.url, patience=0)
            for act in (chain.now, lambda: chain.call(sender, b""), lambda: chain.code(sender),
                        lambda: chain.estimate_gas(sender, b"", sender=sender)):
                act()
        if fine:
            everything()
        else:
            with pytest.raises(NodeError, match=r"http://127\.0\.0\.1") as refused:
                everything()
            assert "secret-path" not in str(refused.value)


@pytest.mark.parametrize(("function", "answer"), [
    ("stateOf", b"\x01"), ("versionOf", b"\x11" * 31), ("versionOf", b"\x11" * 33), ("versionOf", b"\x11" * 64),
    ("commitmentOf", b""), ("isCalled", _word(2)), ("marginOf", _word(1 << 128)), ("vault", _word(1 << 160)),
    ("tryMarginOf", _word(2**255) * 7)])
def test_another_contracts_answer_is_bad_input(function, answer):
    with pytest.raises(BadInput, match="another contract is at its address"):
        decode_result(compile_contracts()["MarginLedger"], function, answer)


@pytest.mark.parametrize("answer", [b"", _word(32) + _word(2**255), _word(2**255), _word(32) + _word(1) + b"\xff" * 32,
                                    _word(32) + _word(3) + b"abc".ljust(32, b"\1")])
def test_a_verifier_that_answers_like_none_of_ours_is_bad_input(answer):
    """Also with a length that no machine can hold, and a text that is none."""
    constants = {"STATEMENT()": answer, "INSECURE()": _word(1), "KEY_DIGEST()": _word(5), "CIRCUIT_DIGEST()": _word(6)}
    by_call = {"0x" + keccak(text=name)[:4].hex(): "0x" + data.hex() for name, data in constants.items()}
    with scripted({"eth_chainId": "0x1", "eth_call": lambda params: by_call[params[0]["data"]]}) as node:
        chain = Chain.connect(node.url)
        with pytest.raises(BadInput, match="verifier"):
            VerifierFacts.of(chain, "0x" + "22" * 20)
        by_call["0x" + keccak(text="STATEMENT()")[:4].hex()] = "0x" + (
            _word(32) + _word(4) + b"tiny".ljust(32, b"\0")).hex()
        assert VerifierFacts.of(chain, "0x" + "22" * 20) == VerifierFacts(_word(5), _word(6), "tiny", True)


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "127.0.0.1:8545", "http://", "http://[::1", "http://h:port"])
def test_what_is_no_url_is_refused(url):
    with pytest.raises(BadInput, match="RPC URL"):
        Chain.connect(url)


@pytest.mark.parametrize("url", ["wss://node/SECRET", "node.example/v3/SECRET", "0xSECRET", "http:///SECRET",
                                 "http://[SECRET", "ftp://user:SECRET@node"])
def test_a_wrong_url_is_not_echoed(url):
    with pytest.raises(BadInput, match="RPC URL") as caught:
        Chain.connect(url)
    assert "secret" not in str(caught.value).lower()
    if "://" in url:                                   # so much helps
        assert url.partition(":")[0] + ":…" in str(caught.value)


def test_an_unreachable_node_is_named_at_once():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/secret-path"
        with pytest.raises(NodeUnreachable, match=r"127\.0\.0\.1") as caught:
            Chain.connect(url)
    assert "secret-path" not in str(caught.value)
    assert "secret-path" not in str(caught.value.as_dict())


def test_something_that_is_no_node_is_an_error_that_names_it():
    with scripted({}) as node, pytest.raises(NodeError, match=r"127\.0\.0\.1"):
        Chain.connect(node.url)


def test_a_private_key_is_never_shown(monkeypatch):
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", "0xsecret")
    with scripted({"eth_chainId": "0x1"}) as node, pytest.raises(BadInput, match="private key") as caught:
        Chain.connect(node.url)
    assert "0xsecret" not in str(caught.value)


def test_reading_needs_no_account(monkeypatch):
    monkeypatch.delenv("TAILPROOF_PRIVATE_KEY", raising=False)
    with scripted({"eth_chainId": "0x7", "eth_getCode": "0x60"}) as node:
        chain = Chain.connect(node.url)
        assert (chain.chain_id, chain.senders) == (7, ())
        assert chain.code("0x" + "11" * 20) == b"\x60"
        with pytest.raises(BadInput, match="TAILPROOF_PRIVATE_KEY"):
            chain.send(None, RETURN_ONE)
        with pytest.raises(NodeError, match="no development chain"):
            chain.snapshot()


def test_signing_with_a_key_of_our_own(monkeypatch):
    monkeypatch.setenv("MY_KEY", SOME_KEY)
    with anvil() as unlocked:
        chain = Chain.connect(url_of(unlocked), key_variable="MY_KEY")
        assert chain.senders == (Account.from_key(SOME_KEY).address,)
        with pytest.raises(InsufficientFunds, match=r"(?i)insufficient"):
            chain.send(None, RETURN_ONE)
        unlocked.web3.provider.make_request("anvil_setBalance", [chain.senders[0], hex(10**18)])
        first, second = chain.send(None, RETURN_ONE), chain.send(None, RETURN_ONE)
        assert first.contract != second.contract
        assert chain.code(first.contract) == (1).to_bytes(32, "big")
        with pytest.raises(BadInput, match="sender"):
            chain.send(None, RETURN_ONE, sender=unlocked.senders[1])
        with pytest.raises(Reverted) as refused:
            chain.send(None, REVERT_ONE)
        assert refused.value.data == (1).to_bytes(32, "big")
        with pytest.raises(Reverted) as mined:
            chain.send(None, REVERT_ONE, gas=100_000)
        assert mined.value.transaction is not None


def test_nothing_is_sent_that_would_fail(either):
    before = either.web3.eth.get_transaction_count(either.senders[4])
    with pytest.raises(Reverted) as refused:
        either.send(None, REVERT_ONE, sender=either.senders[4])
    assert refused.value.data == (1).to_bytes(32, "big")
    assert refused.value.transaction is None
    assert either.web3.eth.get_transaction_count(either.senders[4]) == before


def test_what_was_mined_and_failed_is_named(either):
    with pytest.raises(Reverted) as mined:
        either.send(None, REVERT_ONE, sender=either.senders[4], gas=100_000)
    receipt = either.web3.eth.get_transaction_receipt(mined.value.transaction)
    assert receipt["status"] == 0


def test_time_travel(either):
    target = either.now() + 5_000
    either.travel_to(target)
    assert either.now() == target
    with pytest.raises(BadInput, match="later"):
        either.travel_to(target)


@pytest.mark.parametrize("genesis", [1, 1_500_000_000, 2**32])
def test_the_embedded_clock_is_the_callers(genesis):
    """Behind this machine's clock or ahead of it: otherwise tests would end with the year that they were written in."""
    chain = Chain.embedded(timestamp=genesis)
    assert chain.now() == genesis
    chain.send(None, RETURN_ONE)
    assert chain.now() == genesis + 1
    snapshot = chain.snapshot()
    chain.travel_to(genesis + 1000)
    chain.send(None, RETURN_ONE)
    assert chain.now() == genesis + 1001
    chain.restore(snapshot)
    chain.send(None, RETURN_ONE)
    assert chain.now() == genesis + 2


def test_precompiles_of_the_embedded_chain_equal_py_evms():
    """Results and failures, on points, identities and inputs that are padded, too long or no points at all."""
    from eth.precompiles import ecadd, ecmul, ecpairing
    generator, two = _word(1) + _word(2), bytes.fromhex(
        "030644e72e131a029b85045b68181585d97816a916871ca8d3c208c16d87cfd3"
        "15ed738c0e0a7c92e7845f96b2ae9c0a68a6a449e3538fc7ff3ebf7a5a18a2c4")
    chain = Chain.embedded(timestamp=GENESIS)
    for number, theirs, inputs in (
            (6, ecadd(gas_cost=150), [b"", generator, generator * 2, generator + two, generator + two + b"\1",
                                      _word(1) + _word(3)]),
            (7, ecmul(gas_cost=6_000), [b"", generator, generator + _word(5), two + _word(2**256 - 1),
                                        _word(1) + _word(1) + _word(5)]),
            (8, ecpairing(gas_cost_base=45_000, gas_cost_per_point=34_000), [b"", bytes(192), bytes(191),
                                                                           generator + bytes(128)])):
        for data in inputs:
            assert _ours(chain, number, data) == _theirs(theirs, data)


def test_the_gas_limit_is_two_percent_above_the_estimate():
    assert [gas_limit(estimate) for estimate in (0, 1, 50, 100_000, 100_001)] == [0, 2, 51, 102_000, 102_002]


def _ours(chain, number, data):
    try:
        return chain.call("0x" + f"{number:040x}", data)
    except Reverted:
        return "failed"


def _theirs(precompile, data):
    from eth.exceptions import VMError

    class Computation:
        output = b""
        msg = type("Message", (), {"data": data, "data_as_bytes": data})

        def consume_gas(self, amount, reason):
            pass

    try:
        return precompile(Computation()).output
    except VMError:
        return "failed"
