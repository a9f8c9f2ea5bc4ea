"""The same day on another machine's chain: every transaction of it again, block by block, at the same second.

The embedded chain and anvil are two implementations of one rule book. Senders, nonces and times being the same, so are
contracts' addresses, hence contexts, hence proofs: nothing is proven anew, and whatever differs is one of the two's
fault. Compared are each transaction's gas, success and logs.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from primitives.errors import TailproofError

if TYPE_CHECKING:
    from verifier_contracts.chain import Chain

SPIKE = 900 * 10**9
"""Wei for a unit of gas in the blocks of the spike."""
FEE = 2_000 * 10**9


class Differs(TailproofError):
    """Two chains do not agree on a transaction."""

    checked_and_false = True


@dataclass(frozen=True)
class Sent:
    """A transaction as it was mined. base_fee : of its block, wei.  logs : (address, topics, data), in lower case."""

    time: int
    block: int
    base_fee: int
    sender: str
    to: str | None
    data: str
    value: int
    gas: int
    used: int
    succeeded: bool
    logs: tuple[tuple[str, tuple[str, ...], str], ...]


@dataclass(frozen=True)
class Replayed:
    """How it went: transactions; blocks mined at the spike's price; what a keeper with the default cap was refused."""

    transactions: int
    seconds: float
    spiked: int
    refused: str


def recorded(chain: Chain) -> Iterator[Sent]:
    """Every transaction of an embedded chain from its first block on."""
    from verifier_contracts.addresses import checksummed
    backend = chain.web3.provider.ethereum_tester.backend  # type: ignore[attr-defined]
    for header, transaction, used, succeeded, logs in backend.mined():
        told = tuple(("0x" + log.address.hex(), tuple(f"0x{topic:064x}" for topic in log.topics), "0x" + log.data.hex())
                     for log in logs)
        yield Sent(header.timestamp, header.block_number, header.base_fee_per_gas,
                   checksummed("0x" + transaction.sender.hex()),
                   checksummed("0x" + transaction.to.hex()) if transaction.to else None,
                   "0x" + transaction.data.hex(), transaction.value, transaction.gas, used, succeeded, told)


@contextmanager
def anvil(chain_id: int, timestamp: int) -> Iterator[str | None]:
    """anvil, mining when told to, on a port that it chooses: its address; None where it is not installed."""
    from verifier_contracts.compiler import node_modules
    binary = node_modules() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    if not binary.exists():
        yield None
        return
    with tempfile.TemporaryFile("w+b") as said:
        node = subprocess.Popen([str(binary), "--port", "0", "--chain-id", str(chain_id), "--timestamp", str(timestamp),
                                 "--no-mining", "--auto-impersonate", "--gas-limit", str(30_000_000),
                                 "--hardfork", "prague"], stdout=said, stderr=subprocess.STDOUT)
        try:
            yield _address(node, said)
        finally:
            node.kill()
            node.wait()


def _address(node: subprocess.Popen[bytes], said: Any) -> str:
    import os
    import re
    patience = time.monotonic() + 60
    while time.monotonic() < patience and node.poll() is None:
        text = os.pread(said.fileno(), 1 << 20, 0).decode(errors="replace")
        found = re.search(r"Listening on (127\.0\.0\.1:\d+)\n", text)
        if found:
            return f"http://{found[1]}"
        time.sleep(0.02)
    raise TailproofError("anvil does not answer")


def replay(url: str, sent: Sequence[Sent], *, spike: Callable[[int], bool]) -> Replayed:
    """Send all of it again; raises `Differs` at the first difference.

    Parameters
    ----------
    spike : whether a second lies in the minutes in which blocks are dear.
    """
    from web3 import HTTPProvider, Web3
    began, web3 = time.perf_counter(), Web3(HTTPProvider(url))

    def ask(method: str, *params: Any) -> Any:
        answer = web3.provider.make_request(method, list(params))     # type: ignore[arg-type]
        if "error" in answer:
            raise TailproofError(f"anvil, {method}: {answer['error']}")
        return answer["result"]
    for sender in {one.sender for one in sent}:
        ask("anvil_setBalance", sender, hex(10**24))
    spiked, refused, block, second = 0, "", 0, sent[0].time - sent[0].block
    for number, one in enumerate(sent):
        for _ in range(one.block - block - 1):             # what is final depends on how many blocks there were
            second += 1
            ask("evm_setNextBlockTimestamp", hex(second))
            ask("evm_mine")
        block, second = one.block, one.time
        dear = spike(one.time)
        ask("anvil_setNextBlockBaseFeePerGas", hex(SPIKE if dear else one.base_fee))
        ask("evm_setNextBlockTimestamp", hex(one.time))
        fields = {"from": one.sender, "data": one.data, "value": hex(one.value), "gas": hex(one.gas),
                  "maxFeePerGas": hex(FEE), "maxPriorityFeePerGas": "0x0"} | ({} if one.to is None else {"to": one.to})
        name = ask("eth_sendTransaction", fields)
        ask("evm_mine")
        receipt = ask("eth_getTransactionReceipt", name)
        if receipt is None:
            raise Differs(f"transaction {number} at {one.time} was not mined by anvil")
        logs = tuple((log["address"].lower(), tuple(log["topics"]), log["data"]) for log in receipt["logs"])
        _compared(number, one, (int(receipt["gasUsed"], 16), int(receipt["status"], 16) == 1, logs))
        if dear and not spiked:                            # a block has told the price
            refused = _capped(url, one)
        spiked += dear
    return Replayed(len(sent), time.perf_counter() - began, spiked, refused)


def _compared(number: int, one: Sent, found: tuple[int, bool, Any]) -> None:
    """Raises `Differs` unless gas, success and logs are those of the original."""
    used, succeeded, logs = found
    if found != (one.used, one.succeeded, one.logs):
        raise Differs(f"transaction {number} at {one.time}, from {one.sender} to {one.to}: anvil says gas {used}, "
                      f"success {succeeded}, {len(logs)} logs; the embedded chain {one.used}, "
                      f"{one.succeeded}, {len(one.logs)}" + ("" if logs == one.logs else ": the logs are others"))


def _capped(url: str, one: Sent) -> str:
    """What a keeper is told who would send this with the default caps, and does not: nothing is signed above them."""
    from eth_account import Account

    from verifier_contracts.chain import Chain
    from verifier_contracts.errors import FeeAboveCap
    from verifier_contracts.signers import LocalSigner
    poor = Chain.connect(url, signer=LocalSigner(Account.create()))
    try:
        poor.send(one.sender, b"", gas=21_000)
    except FeeAboveCap as refused:
        return f"FeeAboveCap: {refused}"
    except TailproofError as other:
        return f"{type(other).__name__}: {other}"
    return "was NOT refused"
