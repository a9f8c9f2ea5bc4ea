"""Nodes with fixed answers: what they lie about is not signed, and what they fail at is not lost."""

from __future__ import annotations

import threading
import time

import pytest
from eth_account import Account
from eth_account.typed_transactions import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes
from nodes import HANG_UP, NOTHING, WEB_PAGE, scripted

from primitives.errors import BadInput
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.errors import (
    FeeAboveCap,
    GasAboveCap,
    ImplausibleAnswer,
    InsufficientFunds,
    NodeBusy,
    NodeError,
    NonceTaken,
    OddAnswer,
    SenderBusy,
    TransactionPending,
    TransactionUndecided,
)
from verifier_contracts.fees import GWEI, MAX_FEE, Caps
from verifier_contracts.ledger import CommitmentDesk, MarginLedger
from verifier_contracts.node import HTTP, Node
from verifier_contracts.senders import alone
from verifier_contracts.sending import Signed, created_address, hand_over

SOME_KEY = "0x" + "11" * 32
ME = Account.from_key(SOME_KEY).address
TO = "0x" + "22" * 20
LIE = "0x" + "ab" * 32


def word(*values):
    return "0x" + "".join(value.to_bytes(32, "big").hex() for value in values)


def answers(**changes):
    """A node on which everything works, for the key above; mined transactions are the last that was sent."""
    sent = []

    def take(params):
        sent.append("0x" + _hash(params[0]).hex())
        return sent[-1]

    def receipt(params):
        return {"status": "0x1", "blockNumber": "0x1", "gasUsed": "0x1", "transactionHash": params[0]} if sent else None

    return {"eth_chainId": "0x7", "eth_estimateGas": "0xcf08", "eth_getTransactionCount": "0x3",
            "eth_getBlockByNumber": {"number": "0x1", "timestamp": "0x1", "baseFeePerGas": "0x7"},
            "eth_maxPriorityFeePerGas": "0x1", "eth_sendRawTransaction": take, "eth_blockNumber": "0x5",
            "eth_getTransactionReceipt": receipt, "eth_call": word(1)} | changes


def _hash(raw):
    return keccak(bytes.fromhex(raw[2:]))


def connect(node, monkeypatch, *, timeout=1.0, caps=None, patience=0.0, **terms):
    monkeypatch.setenv("TAILPROOF_PRIVATE_KEY", SOME_KEY)
    return Chain.connect(node.url, terms=Terms(caps or Caps(), timeout, **terms), patience=patience)


def signed(node):
    return [TypedTransaction.from_bytes(HexBytes(raw)).as_dict() for raw in node.signed]


# -- what is signed ------------------------------------------------------------------------------------------------
def test_what_works(monkeypatch):
    with scripted(answers()) as node:
        receipt = connect(node, monkeypatch).send(TO, b"\x01")
        (transaction,) = signed(node)
        assert receipt.transaction == "0x" + _hash(node.signed[0]).hex()
    assert (transaction["chainId"], transaction["nonce"], transaction["value"]) == (7, 3, 0)
    assert transaction["maxFeePerGas"] == 2 * 7 + 1


@pytest.mark.parametrize(("changes", "refusal"), [
    ({"eth_maxPriorityFeePerGas": hex(10**15)}, FeeAboveCap),
    ({"eth_getBlockByNumber": {"timestamp": "0x1", "baseFeePerGas": hex(10**15)}}, FeeAboveCap),
    ({"eth_getBlockByNumber": {"timestamp": "0x1"}, "eth_gasPrice": hex(10**15)}, FeeAboveCap),
    ({"eth_estimateGas": hex(30_000_000)}, GasAboveCap), ({"eth_estimateGas": hex(2**300)}, OddAnswer),
    ({"eth_estimateGas": "0x-5"}, OddAnswer), ({"eth_getTransactionCount": hex(2**70)}, OddAnswer),
    ({"eth_maxPriorityFeePerGas": "0x-1"}, OddAnswer), ({"eth_estimateGas": True}, OddAnswer)])
def test_no_fee_gas_or_nonce_beyond_reason_is_signed(monkeypatch, changes, refusal):
    with scripted(answers(**changes)) as node:
        with pytest.raises(refusal):
            connect(node, monkeypatch).send(TO, b"\x01")
        assert node.signed == []


def test_the_user_moves_the_caps(monkeypatch):
    dear = answers(eth_maxPriorityFeePerGas=hex(MAX_FEE), eth_estimateGas=hex(5_000_000))
    with scripted(dear) as node:
        with pytest.raises(GasAboveCap, match="--gas-limit"):
            connect(node, monkeypatch, caps=Caps(fee=MAX_FEE * 2)).send(TO, b"\x01")
        with pytest.raises(FeeAboveCap, match="--max-fee"):
            connect(node, monkeypatch, caps=Caps(gas=6_000_000)).send(TO, b"\x01")
        connect(node, monkeypatch, caps=Caps(MAX_FEE * 2, 6_000_000)).send(TO, b"\x01")
        assert signed(node)[0]["gas"] == 5_100_000
    with scripted(answers()) as node:
        with pytest.raises(GasAboveCap):
            connect(node, monkeypatch, caps=Caps(gas=50_000)).send(TO, b"\x01")


def test_room_for_a_rising_base_fee_ends_at_the_cap(monkeypatch):
    with scripted(answers(eth_getBlockByNumber={"timestamp": "0x1", "baseFeePerGas": hex(150 * GWEI)})) as node:
        connect(node, monkeypatch).send(TO, b"\x01")
        assert signed(node)[0]["maxFeePerGas"] == MAX_FEE


@pytest.mark.parametrize("chain_id", [0, 2**53, 2**70])
def test_chain_ids_that_no_file_can_hold_are_refused(chain_id):
    with scripted({"eth_chainId": hex(chain_id)}) as node, pytest.raises(BadInput, match="chain id"):
        Chain.connect(node.url)


def test_the_chain_is_the_one_asked_for():
    with scripted({"eth_chainId": "0x1"}) as node:
        assert Chain.connect(node.url, chain_id=1).chain_id == 1
        with pytest.raises(BadInput, match="5, as asked for"):
            Chain.connect(node.url, chain_id=5)


# -- what happened -------------------------------------------------------------------------------------------------
def test_a_hash_that_we_did_not_sign_is_not_ours(monkeypatch):
    """The node says another hash, and shows a receipt for it: of our transaction nothing is known."""
    lying = answers(eth_sendRawTransaction=LIE, eth_getTransactionReceipt={
        "status": "0x1", "blockNumber": "0x1", "gasUsed": "0x1", "transactionHash": LIE})
    with scripted(lying) as node:
        with pytest.raises(TransactionUndecided) as caught:
            connect(node, monkeypatch).send(TO, b"\x01")
        assert caught.value.transaction == "0x" + _hash(node.signed[0]).hex()
        assert len(node.signed) == 1


@pytest.mark.parametrize(("contract", "gas_used"), [(ME, "0x1"), ("0xnonsense", "0x1"), (None, "0xffffff")])
def test_a_receipt_that_contradicts_what_was_signed_is_named(monkeypatch, contract, gas_used):
    def receipt(params):
        return {"status": "0x1", "blockNumber": "0x1", "gasUsed": gas_used, "transactionHash": params[0],
                "contractAddress": contract}
    with scripted(answers(eth_getTransactionReceipt=receipt)) as node, pytest.raises(ImplausibleAnswer):
        connect(node, monkeypatch).send(None, b"\x01")


@pytest.mark.parametrize("contract", [None, "computed"])
def test_the_contracts_address_is_computed_here(monkeypatch, contract):
    """CREATE; the examples are of mainnet's first contracts' kind: sender and nonce decide."""
    assert created_address("0x6ac7ea33f8831ea9dcc53393aaa88b25a785dbf0", 1) == \
        "0x343c43A37D37dfF08AE8C4A11544c718AbB4fCF8"
    ours = created_address(ME, 3)

    def receipt(params):
        return {"status": "0x1", "blockNumber": "0x1", "gasUsed": "0x1", "transactionHash": params[0],
                "contractAddress": contract and ours.lower()}
    with scripted(answers(eth_getTransactionReceipt=receipt)) as node:
        assert connect(node, monkeypatch).send(None, b"\x01").contract == ours


# -- what fails ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", [HANG_UP, WEB_PAGE, NOTHING, 5, {}])
def test_a_line_that_breaks_while_sending_leaves_a_hash_to_look_for(monkeypatch, answer):
    with scripted(answers(eth_sendRawTransaction=answer, eth_getTransactionReceipt=None)) as node:
        with pytest.raises(TransactionUndecided) as caught:
            connect(node, monkeypatch).send(TO, b"\x01")
        assert caught.value.transaction == "0x" + _hash(node.signed[0]).hex()
        assert len(node.signed) == 1


@pytest.mark.parametrize("receipt", [None, WEB_PAGE, NOTHING, HANG_UP, {}, {"status": "0x1"}, 7,
                                     {"error": {"code": -32000, "message": "header not found"}}])
def test_a_receipt_that_does_not_come_is_undecided_not_lost(monkeypatch, receipt):
    with scripted(answers(eth_getTransactionReceipt=receipt, eth_getTransactionByHash={"hash": "0x"})) as node:
        with pytest.raises(TransactionUndecided) as caught:
            connect(node, monkeypatch).send(TO, b"\x01")
        assert caught.value.transaction == "0x" + _hash(node.signed[0]).hex()
        assert len(node.signed) == 1


def test_what_a_node_forgot_it_is_given_again_and_nothing_else(monkeypatch):
    """The first answer is lost and so is the transaction; its bytes go out again, and are mined."""
    taken = []

    def take(params):
        taken.append(params[0])
        return HANG_UP if len(taken) == 1 else "0x" + _hash(params[0]).hex()

    def receipt(params):
        return {"status": "0x1", "blockNumber": "0x1", "gasUsed": "0x1",
                "transactionHash": params[0]} if len(taken) > 1 else None
    with scripted(answers(eth_sendRawTransaction=take, eth_getTransactionReceipt=receipt,
                          eth_getTransactionByHash=None)) as node:
        connect(node, monkeypatch, timeout=5).send(TO, b"\x01")
        assert len(node.signed) == 1
        assert len(taken) == 2


@pytest.mark.parametrize("said", ["already known", "AlreadyKnown", "already imported", "Known transaction: 0xab",
                                  "nonce too low", "transaction underpriced"])
def test_an_error_about_what_the_node_has_already_is_no_failure(monkeypatch, said):
    has = {"eth_sendRawTransaction": {"error": {"code": -32000, "message": said}},
           "eth_getTransactionByHash": {"hash": "0x"},
           "eth_getTransactionReceipt": lambda params: {"status": "0x1", "blockNumber": "0x1", "gasUsed": "0x1",
                                                        "transactionHash": params[0]}}
    with scripted(answers(**has)) as node:
        assert connect(node, monkeypatch).send(TO, b"\x01").block == 1
        assert node.count("eth_sendRawTransaction") == 1


@pytest.mark.parametrize(("said", "kind"), [
    ("nonce too low", NonceTaken), ("replacement transaction underpriced", NonceTaken),
    ("insufficient funds for gas * price + value", InsufficientFunds), ("filter not found", NodeError)])
def test_what_a_node_did_not_take_is_said_by_name_and_not_sent_again(monkeypatch, said, kind):
    took_none = {"eth_sendRawTransaction": {"error": {"code": -32000, "message": said}},
                 "eth_getTransactionByHash": None, "eth_getTransactionReceipt": None}
    with scripted(answers(**took_none)) as node:
        with pytest.raises(kind):
            connect(node, monkeypatch).send(TO, b"\x01")
        assert node.count("eth_sendRawTransaction") == 1


def test_a_pending_transaction_is_noticed_before_another_is_sent(monkeypatch):
    pending = answers(eth_getTransactionCount=lambda params: "0x5" if params[1] == "pending" else "0x3")
    with scripted(pending) as node:
        with pytest.raises(TransactionPending) as caught:
            connect(node, monkeypatch, timeout=0.3).send(TO, b"\x01")
        assert caught.value.nonces == (3, 4)
        assert node.signed == []


def test_one_key_sends_from_one_process_at_a_time(monkeypatch):
    with scripted(answers()) as node:
        chain = connect(node, monkeypatch, timeout=0.2)
        with alone(ME, 7, 0.0), pytest.raises(SenderBusy):
            chain.send(TO, b"\x01")
        assert node.signed == []
        with alone(ME, 8, 0.0), alone(TO, 7, 0.0):                   # another chain, another key
            chain.send(TO, b"\x01")


def test_the_lock_is_handed_on():
    order = []

    def hold(name, seconds):
        with alone(ME, 9, 5.0):
            order.append(f"{name} in")
            time.sleep(seconds)
            order.append(f"{name} out")
    first = threading.Thread(target=hold, args=("first", 0.3))
    first.start()
    while not order:
        time.sleep(0.01)
    hold("second", 0.0)
    first.join()
    assert order == ["first in", "first out", "second in", "second out"]


# -- patience ------------------------------------------------------------------------------------------------------
def test_a_busy_node_is_asked_again_and_others_are_borne(monkeypatch):
    """Every question is answered by 429, a broken line, an empty body or nonsense before it is answered at all."""
    seen = {}
    with scripted(answers(eth_blockNumber="0x9")) as node:
        good = node.hook

        def hook(request, forward):
            method = request["method"]
            seen[method] = seen.get(method, 0) + 1
            if method == "eth_chainId" and seen[method] > 2:
                return good(request, forward)
            spoilt = [(429, {"error": "slow down"}), HANG_UP, NOTHING, WEB_PAGE, (503, {}), (502, b"")]
            if method == "eth_chainId":
                spoilt = spoilt[:1] * 2                              # before any answer only "busy" is borne
            return spoilt[len(seen) % len(spoilt)] if seen[method] == 1 else good(request, forward)
        node.hook = hook
        receipt = connect(node, monkeypatch, timeout=20, patience=20).send(TO, b"\x01")
        assert receipt.block == 1
        assert len(node.signed) == 1


def test_patience_ends(monkeypatch):
    busy = {"error": {"code": -32005, "message": "limit"}}
    with scripted({"eth_chainId": "0x7", "eth_getBlockByNumber": busy}) as node:
        chain = connect(node, monkeypatch, patience=0.6)
        with pytest.raises(NodeBusy):
            chain.now()
        assert 2 <= node.count("eth_getBlockByNumber") <= 4


def test_waiting_asks_about_once_a_second(monkeypatch):
    with scripted(answers(eth_getTransactionReceipt=None, eth_getTransactionByHash={"hash": "0x"})) as node:
        with pytest.raises(TransactionUndecided):
            connect(node, monkeypatch, timeout=3.5).send(TO, b"\x01")
        assert 7 <= node.count("eth_getTransactionReceipt") <= 10    # six in the first second


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"jsonrpc": "2.0", "id": 1, "result": ' + b"9" * 10_000 + b"}",
                                  b"\xff\xfe", b"null", b"[]", b'{"id": 77, "result": "0x7"}'])
def test_no_body_is_a_crash(body):
    with scripted({}) as node:
        node.hook = lambda request, forward: body
        with pytest.raises(OddAnswer):
            Chain.connect(node.url)


# -- consents ------------------------------------------------------------------------------------------------------
LEDGER = "0x" + "33" * 20


def state(value=0, epoch=0, version=0, attested=0, basis=0, clock=0):
    return word(value, epoch, version, attested, basis, clock)


def consenting(now, account, commitment, venue):
    from verifier_contracts.abi import encode_call
    from verifier_contracts.compiler import compile_contracts
    artifacts = compile_contracts()
    by_call = {"0x" + encode_call(artifacts[contract], name, [ME]).hex(): answer for contract, name, answer in (
        ("MarginLedger", "stateOf", account), ("MarginLedger", "commitmentOf", word(commitment)),
        ("MarginLedger", "venueOf", word(venue)), ("CommitmentDesk", "nonceOf", word(6)))}
    return answers(eth_chainId="0x1", eth_getBlockByNumber={"timestamp": hex(now)},
                   eth_call=lambda params: by_call[params[0]["data"]])


def desk(node, monkeypatch):
    chain = connect(node, monkeypatch)
    return CommitmentDesk(chain, TO, MarginLedger(chain, LEDGER))


def test_a_consents_deadline_is_by_this_machines_clock(monkeypatch):
    now = int(time.time())
    for lie in (2**52, now + 4_000, now - 4_000):
        with scripted(consenting(lie, state(), 0, 0)) as node, pytest.raises(ImplausibleAnswer, match="clock"):
            connect(node, monkeypatch).clock()
    with scripted(consenting(now - 1_000, state(), 0, 0)) as node:
        there = desk(node, monkeypatch)
        assert abs(there.chain.clock() - now) < 60
        consent = there.consent(ME, TO, 5, now + 86_400)
        assert (consent.version, consent.nonce) == (1, 6)
        with pytest.raises(BadInput, match="deadline"):
            there.consent(ME, TO, 5, now + 2**30)


@pytest.mark.parametrize(("account", "commitment", "venue", "plausible"), [
    (state(version=41), 9, 7, True), (state(version=41), 0, 7, True),                        # void: a move, say
    (state(version=41), 9, 0, False), (state(), 9, 7, False), (state(value=3), 0, 0, False),
    (state(version=2, attested=2**39, basis=8), 9, 7, False), (state(version=2, attested=9), 9, 7, False),
    (state(version=2, epoch=2**39), 9, 7, False), (state(version=2**40 - 1), 9, 7, False)])
def test_a_state_that_contradicts_itself_is_consented_to_by_nobody(monkeypatch, account, commitment, venue, plausible):
    now = int(time.time())
    with scripted(consenting(now, account, commitment, venue)) as node:
        there = desk(node, monkeypatch)
        if plausible:
            assert there.consent(ME, TO, 5, now).version == 42
        else:
            with pytest.raises(ImplausibleAnswer):
                there.consent(ME, TO, 5, now)


# -- confirmations -------------------------------------------------------------------------------------------------
def test_a_receipt_is_read_again_under_its_confirmations(monkeypatch):
    """The block that was deep enough has gone when it is read again: that it was seen counts for nothing."""
    blocks = iter([2, None, 4])                    # seen in 2; gone under its confirmations; then in 4 for good

    def receipt(params, last=[4]):                 # noqa: B006
        block = next(blocks, last[0])
        return None if block is None else {"status": "0x1", "blockNumber": hex(block), "gasUsed": "0x1",
                                           "blockHash": word(block), "transactionHash": params[0]}
    with scripted(answers(eth_getTransactionReceipt=receipt, eth_blockNumber="0x9")) as node:
        assert connect(node, monkeypatch, timeout=5, confirmations=3).send(TO, b"\x01").block == 4


@pytest.mark.parametrize(("told", "has"), [(None, True), (LIE, False), (HANG_UP, False)])
def test_only_our_own_hash_says_that_the_node_has_it(told, has):
    signed = Signed("0x" + keccak(b"\x02").hex(), ME, 3, b"\x02")
    with scripted({"eth_sendRawTransaction": told or signed.transaction}) as node:
        assert hand_over(Node(HTTP(node.url, "node"), 0.0), signed) is has
