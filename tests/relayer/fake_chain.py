"""A chain of one account and one contract in memory, behind several nodes that fail, lag and lie by a seeded dice.

The contract takes names: a transaction with a false one fails, one with a name that it has already does nothing for it.
What is counted is more than it would do: how often each name was carried by a transaction of the chain that stands in
the end.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import rlp
from eth_account import Account
from eth_utils.crypto import keccak

from relayer.desk import Says, Verdict
from relayer.outbox import Load
from relayer.parcel import Parcel
from relayer.peers import Peer
from verifier_contracts.errors import ContractRefused, NodeBusy, NodeUnreachable
from verifier_contracts.ledger import Row
from verifier_contracts.signers import LocalSigner, transaction_hash

CHAIN_ID = 31
KEY = b"\x07" * 32
SIGNER = LocalSigner(Account.from_key(KEY))
DESK = "0x" + "de" * 20
GWEI = 10**9
MEMORY = 1_000
"""Blocks whose receipts nodes keep."""
REJECTED = "0x" + keccak(text="ProofRejected()")[:4].hex()


@dataclass(frozen=True)
class Tx:
    """names : that it carries; None: it is somebody else's, or carries nothing."""

    transaction: str
    nonce: int
    fee: int
    tip: int
    gas: int
    names: tuple[str, ...] | None

    @staticmethod
    def of(raw: bytes) -> Tx:
        parts = rlp.decode(raw[1:])
        _, nonce, tip, fee, gas = (int.from_bytes(part, "big") for part in parts[:5])
        data = parts[7]
        return Tx(transaction_hash(raw), nonce, fee, tip, gas,
                  tuple(json.loads(data[1:])) if data[:1] == b"\x02" else None)


@dataclass
class Block:
    number: int
    block_hash: str
    txs: tuple[Tx, ...]
    base_fee: int
    # The state after it.
    used: int
    shown: frozenset[str]


@dataclass
class Faults:
    """Chances for each request, or each block."""

    busy: float = 0.0
    lost_question: float = 0.0
    lost_answer: float = 0.0
    odd_word: float = 0.0
    dropped: float = 0.0
    reorg: float = 0.0
    deepest: int = 63
    foreign: float = 0.0
    other_relayer: float = 0.0
    idle_block: float = 0.3
    lie: float = 0.0
    liars: tuple[int, ...] = ()
    lag: int = 0


@dataclass
class FakeChain:
    """false : names whose proofs do not hold."""

    rng: random.Random
    false: frozenset[str] = frozenset()
    faults: Faults = field(default_factory=Faults)
    fails: frozenset[str] = frozenset()
    """Names that are taken where they are tried, and fail when they are mined."""
    base_fee: int | None = None
    """Of every block, in place of the dice."""

    def __post_init__(self) -> None:
        self.blocks = [Block(0, self._hash(), (), 10 * GWEI, 0, frozenset())]
        self.pool: dict[int, Tx] = {}
        self.deepest = self.reorgs = 0
        self.happened: Counter[str] = Counter()

    # -- the chain -----------------------------------------------------------------------------------------------------
    def _hash(self) -> str:
        return "0x" + sha256(self.rng.randbytes(16)).hexdigest()

    def mine(self, *, idle: bool = False) -> None:
        last = self.blocks[-1]
        base = self.base_fee or min(max(last.base_fee * self.rng.randrange(88, 114) // 100, GWEI), 90 * GWEI)
        txs, used, shown = [], last.used, set(last.shown)
        while not idle and used in self.pool and self.pool[used].fee >= base:
            tx = self.pool.pop(used)
            txs.append(tx)
            used += 1
            if self.succeeds(tx):
                shown |= set(tx.names or ())
        if self.faults.other_relayer and self.rng.random() < self.faults.other_relayer:
            known = [name for tx in self.pool.values() for name in tx.names or () if name not in self.false]
            shown |= set(known[:1])
        self.blocks.append(Block(len(self.blocks), self._hash(), tuple(txs), base, used, frozenset(shown)))
        self.pool = {nonce: tx for nonce, tx in self.pool.items() if nonce >= used}

    def succeeds(self, tx: Tx) -> bool:
        return not set(tx.names or ()) & (self.false | self.fails)

    def reorganise(self, depth: int) -> None:
        """The last blocks are replaced by as many and one more; what was in them waits again, or is forgotten."""
        depth = min(depth, len(self.blocks) - 1)
        gone = [self.blocks.pop() for _ in range(depth)]
        for block in gone:
            for tx in block.txs:
                if self.rng.random() < 0.7:
                    self.pool.setdefault(tx.nonce, tx)
        for _ in range(depth + 1):
            self.mine(idle=self.rng.random() < 0.6)
        self.deepest, self.reorgs = max(self.deepest, depth), self.reorgs + 1

    def forget(self, depth: int) -> None:
        """A reorganisation after which nobody remembers what was in the blocks."""
        del self.blocks[-depth:]
        for _ in range(depth + 1):
            self.mine(idle=True)

    def idle(self, blocks: int) -> None:
        """Blocks with nothing in them."""
        for _ in range(blocks):
            self.mine(idle=True)

    def foreign(self) -> None:
        """Somebody else has the sender's key, and takes the next nonce."""
        nonce = self.blocks[-1].used
        self.pool[nonce] = Tx(self._hash(), nonce, 10**12, 1, 21_000, None)
        self.happened["foreign"] += 1

    def pass_time(self) -> None:
        """A few blocks, and what goes wrong with them."""
        faults = self.faults
        for _ in range(self.rng.randrange(1, 6)):
            self.mine(idle=self.rng.random() < faults.idle_block)
        if self.rng.random() < faults.dropped and self.pool:
            del self.pool[self.rng.choice(sorted(self.pool))]
            self.happened["dropped"] += 1
        if self.rng.random() < faults.foreign:
            self.foreign()
        if self.rng.random() < faults.reorg:
            self.reorganise(self.rng.choice([1, 2, 3, 7, faults.deepest]))
            self.happened["reorg"] += 1

    def carried(self) -> Counter[str]:
        """How often each name was carried with success by the chain that stands."""
        txs = (tx for block in self.blocks for tx in block.txs if self.succeeds(tx))
        return Counter(name for tx in txs for name in tx.names or ())

    def take(self, raw: bytes) -> str | None:
        """Into the pool; or why not."""
        tx = Tx.of(raw)
        there = self.pool.get(tx.nonce)
        if tx.nonce < self.blocks[-1].used:
            return "nonce too low"
        if there is not None and there.transaction == tx.transaction:
            return "already known"
        if there is not None and (tx.fee * 100 < there.fee * 110 or tx.tip * 100 < there.tip * 110):
            return "replacement transaction underpriced"
        self.pool[tx.nonce] = tx
        return None

    def peers(self, count: int) -> list[Peer]:
        return [Peer(FakeNode(self, place), CHAIN_ID) for place in range(count)]


class Refusal(Exception):
    def __init__(self, code: int, message: str, data: str | None = None) -> None:
        self.told = {"code": code, "message": message} | ({} if data is None else {"data": data})


class FakeNode:
    """One node: a transport for `Peer`."""

    def __init__(self, chain: FakeChain, place: int) -> None:
        self.chain, self.place, self.name = chain, place, f"http://node{place}"
        self.asked: Counter[str] = Counter()

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        faults, rng = self.chain.faults, self.chain.rng
        self.asked[method] += 1
        if rng.random() < faults.busy:
            raise NodeBusy(self.name, "asks to be asked less (HTTP 429)")
        if rng.random() < faults.lost_question:
            raise NodeUnreachable(self.name, "no answer (ReadTimeout)")
        try:
            answer = {"result": getattr(self, method)(*params)}
        except Refusal as refusal:
            answer = {"error": refusal.told}
        if rng.random() < faults.lost_answer:
            raise NodeUnreachable(self.name, "no answer (ReadTimeout)")
        if self.place in faults.liars and rng.random() < faults.lie:
            self.chain.happened["lie"] += 1
            return self._lie(method, params, answer)
        return answer

    def _seen(self, block: str = "latest") -> Block:
        blocks = self.chain.blocks
        last = max(len(blocks) - 1 - (self.chain.rng.randrange(self.chain.faults.lag + 1)), 0)
        if block in ("latest", "pending"):
            return blocks[last]
        number = int(block, 16)
        if number >= len(blocks):
            raise Refusal(-32000, "header not found")
        return blocks[number]

    def eth_chainId(self) -> str:
        return hex(CHAIN_ID)

    def eth_accounts(self) -> list[str]:
        return []

    def eth_blockNumber(self) -> str:
        return hex(self._seen().number)

    def eth_getTransactionCount(self, sender: str, block: str) -> str:
        used = self._seen(block).used
        while block == "pending" and used in self.chain.pool:
            used += 1
        return hex(used)

    def eth_getBlockByNumber(self, block: str, whole: bool) -> Any:
        found = self._seen(block)
        return {"number": hex(found.number), "hash": found.block_hash, "timestamp": hex(1_700_000_000 + found.number),
                "baseFeePerGas": hex(found.base_fee)}

    def eth_maxPriorityFeePerGas(self) -> str:
        return hex(GWEI)

    def eth_sendRawTransaction(self, raw: str) -> str:
        data, rng = bytes.fromhex(raw[2:]), self.chain.rng
        if rng.random() < self.chain.faults.odd_word:              # says so and does not take it
            raise Refusal(-32000, rng.choice(["already known", "nonce too low", "txpool is full"]))
        why = self.chain.take(data)
        if rng.random() < self.chain.faults.odd_word:              # takes it and says no
            raise Refusal(-32000, rng.choice(["already known", "nonce too low", "internal error"]))
        if why is not None:
            raise Refusal(-32000, why)
        return transaction_hash(data)

    def eth_getTransactionByHash(self, transaction: str) -> Any:
        known = any(tx.transaction == transaction for tx in self.chain.pool.values()) or \
            self.eth_getTransactionReceipt(transaction) is not None
        return {"hash": transaction} if known else None

    def eth_getTransactionReceipt(self, transaction: str) -> Any:
        for block in reversed(self.chain.blocks[-MEMORY:]):
            for tx in block.txs:
                if tx.transaction == transaction:
                    return self._receipt(tx.transaction, block, self.chain.succeeds(tx))
        return None

    @staticmethod
    def _receipt(transaction: str, block: Block, succeeded: bool) -> Any:
        return {"transactionHash": transaction, "status": hex(succeeded), "blockNumber": hex(block.number),
                "blockHash": block.block_hash, "gasUsed": hex(90_000)}

    def eth_call(self, call: Any, block: str) -> str:
        data = bytes.fromhex(call["data"][2:])
        names = json.loads(data[1:])
        if data[:1] == b"\x02":
            self.eth_estimateGas(call)
            return "0x"
        shown = self._seen(block).shown
        return "0x" + bytes(name in shown for name in names).hex()

    def eth_estimateGas(self, call: Any, *_: Any) -> str:
        names = json.loads(bytes.fromhex(call["data"][2:])[1:])
        if set(names) & self.chain.false:
            raise Refusal(3, "execution reverted", REJECTED)
        return hex(100_000)

    def _lie(self, method: str, params: list[Any], answer: Any) -> Any:
        chain, rng = self.chain, self.chain.rng
        if method == "eth_getTransactionReceipt":
            forged = self._receipt(params[0], rng.choice(chain.blocks), rng.random() < 0.7)
            if rng.random() < 0.3:
                forged["blockHash"] = chain._hash()
            return {"result": rng.choice([None, forged])}
        if method == "eth_getBlockByNumber" and params[0] == "latest":
            number = max(int(answer["result"]["number"], 16) + rng.choice([-70, -1, 0, 1, 70]), 0)
            return {"result": {**answer["result"], "number": hex(number), "hash": chain._hash()}}
        if method == "eth_getTransactionCount":
            return {"result": hex(max(int(answer.get("result", "0x0"), 16) + rng.choice([-70, -1, 1, 70]), 0))}
        if method == "eth_chainId":
            return {"result": "0x1"}
        if method == "eth_call" and params[0]["data"][:4] != "0x02":
            count = len(answer.get("result", "0x")) // 2 - 1
            return {"result": "0x" + bytes(rng.randrange(2) for _ in range(count)).hex()}
        if method in ("eth_call", "eth_estimateGas"):
            return {"error": {"code": 3, "message": "execution reverted", "data": REJECTED}}
        if method == "eth_sendRawTransaction":
            return {"result": chain._hash()}
        return answer


class FakeDesk:
    """What `LedgerDesk` is for real contracts."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}
        """In place of "go"."""

    def judge(self, peer: Peer, parcels: Sequence[Parcel], block: int | None) -> tuple[Verdict, ...]:
        names = [one.name for one in parcels]
        told = peer.chain().call(DESK, b"\x01" + json.dumps(names).encode(), block=block)
        return tuple(Verdict(Says.STANDS, "attested") if one else self.verdicts.get(name, Verdict(Says.GO))
                     for name, one in zip(names, told, strict=True))

    def load(self, parcels: Sequence[Parcel]) -> Load:
        data = b"\x02" + json.dumps([one.name for one in parcels]).encode()
        return Load("attest" if len(parcels) == 1 else "attestMargins", DESK, data, 12_000_000)

    def refused(self, refusal: ContractRefused, parcel: Parcel) -> Verdict:
        return Verdict(Says.REFUSED, refusal.name)

    def combines(self, peer: Peer, slot: str) -> bool:
        return True

    def preparation(self, slot: str) -> Load | None:
        return None


def parcel(number: int, *, epoch: int = 1_700_000_000) -> Parcel:
    return Parcel("margin", "00" * 32, bytes(32), epoch, 5, (Row(f"0x{number:040x}", 1, 7, 5),), (1,) * 8)


def read(document: str) -> Parcel:
    return parcel(int(document))


def fill(take: Callable[[str, str, str, float], object], numbers: Sequence[int], now: float = 0.0) -> None:
    """Take parcels by number."""
    for number in numbers:
        one = parcel(number)
        take(one.name, one.says, str(number), now)
