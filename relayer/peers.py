"""Several nodes of one chain, of which one or the other may be down, behind, or a liar.

What a decision rests on must be said by as many as `quorum` asks for (by default more than half): a receipt by its
block's hash, numbers by the greatest that so many reach. Whoever contradicts the others, a block of its own, or the
chain id is not asked for a while. With one node there is nobody to contradict it but itself; hashes and nonces are
ours even then.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import inf
from typing import TypeVar

from primitives.errors import BadInput
from relayer.breaker import Breaker
from relayer.outbox_steps import Found, Sight
from verifier_contracts.answers import block as read_block
from verifier_contracts.answers import digest, known, mined, quantity
from verifier_contracts.chain import Chain
from verifier_contracts.errors import (
    AnswerRefused,
    FeeAboveCap,
    ImplausibleAnswer,
    NodeBusy,
    NodeError,
    NodeUnreachable,
)
from verifier_contracts.fees import Caps, fees
from verifier_contracts.node import HTTP, Node, Transport
from verifier_contracts.sending import KNOWN, NONCE
from verifier_contracts.signers import endpoint_name

T = TypeVar("T")
REQUEST_SECONDS = 15.0
BEHIND = 8
"""Blocks by which a node may be behind the others and still be asked."""


class NoAgreement(NodeError):
    """Too few nodes answer, or too few say the same."""

    def __init__(self, what: str, answers: int, quorum: int) -> None:
        super().__init__("nodes", f"{what}: {answers} agree, {quorum} must")


class Peer:
    """One node. asked, failed : requests and failures so far."""

    def __init__(self, transport: Transport, chain_id: int) -> None:
        self.name, self.chain_id, self._transport = transport.name, chain_id, transport
        self.node, self.breaker = Node(transport, patience=0.0), Breaker()
        self.head, self.tip = 0, ""
        self.failed = self.lies = 0
        self._chain: Chain | None = None
        self._blocks: dict[int, str] = {}

    @staticmethod
    def at(url: str, chain_id: int) -> Peer:
        """The node behind a URL; raises BadInput if it is none."""
        return Peer(HTTP(url, endpoint_name(url)), chain_id)

    def chain(self) -> Chain:
        """For reading contracts."""
        if self._chain is None:
            self._chain = Chain(self._transport, chain_id=self.chain_id, patience=0.0)
        return self._chain

    def look(self) -> int:
        """The number of its latest block; raises ImplausibleAnswer where it is of another chain."""
        if self.node.once("eth_chainId", read=lambda value: quantity(value, 256), seconds=REQUEST_SECONDS) != \
                self.chain_id:
            raise ImplausibleAnswer(self.name, f"is not of chain {self.chain_id}")
        latest = self.node.once("eth_getBlockByNumber", "latest", False, read=read_block, seconds=REQUEST_SECONDS)
        self.head, self.tip = latest.number, latest.block_hash
        self._blocks = {latest.number: latest.block_hash}
        return self.head

    def nonces(self, sender: str, block: str) -> int:
        """Used by a sender at a block."""
        return self.node.once("eth_getTransactionCount", sender, block, read=quantity, seconds=REQUEST_SECONDS)

    def receipt(self, transaction: str) -> Found | None:
        """Of a transaction; raises ImplausibleAnswer where its block is not the one that the node has at that number,
        or is yet to come."""
        told = self.node.once("eth_getTransactionReceipt", transaction, seconds=REQUEST_SECONDS,
                              read=lambda value: mined(value, transaction))
        if told is None:
            return None
        canonical = self._block_hash(told.block)
        if told.block_hash is not None and told.block_hash != canonical:
            raise ImplausibleAnswer(self.name, f"says that {transaction} is in block {told.block_hash}, and has "
                                    f"{canonical} at its number")
        return Found(transaction, told.block, canonical, told.succeeded, told.gas_used)

    def _block_hash(self, number: int) -> str:
        if number not in self._blocks:
            try:
                told = self.node.once("eth_getBlockByNumber", hex(number), False, read=read_block,
                                      seconds=REQUEST_SECONDS)
            except NodeError as error:
                raise ImplausibleAnswer(self.name, f"has no block {number}, and a receipt from it") from error
            self._blocks[number] = told.block_hash
        return self._blocks[number]

    def hand_over(self, raw: bytes, transaction: str) -> str:
        """Give it a signed transaction; returns "taken", "known", or in its words why not. What it says the hash is
        counts for nothing."""
        try:
            self.node.once("eth_sendRawTransaction", "0x" + raw.hex(), read=digest, seconds=REQUEST_SECONDS)
        except AnswerRefused as refused:
            if KNOWN.search(refused.message):
                return "known"
            if NONCE.search(refused.message) and self._has(transaction):
                return "known"
            return refused.message[:200]
        return "taken"

    def _has(self, transaction: str) -> bool:
        try:
            return self.node.once("eth_getTransactionByHash", transaction, read=known, seconds=REQUEST_SECONDS)
        except NodeError:
            return False


class Peers:
    """All nodes of a relayer.

    Parameters
    ----------
    quorum : how many must say the same; None: more than half.
    clock : seconds since 1970.
    heard : told (event, facts) of what is wrong with a node.

    Raises
    ------
    BadInput : no node, or a quorum of more than there are.
    """

    def __init__(self, peers: Sequence[Peer], *, clock: Callable[[], float], quorum: int | None = None,
                 heard: Callable[..., object] = lambda event, **facts: None) -> None:
        if not peers:
            raise BadInput("nodes", 0, "at least one")
        self.all, self._clock, self._heard = tuple(peers), clock, heard
        self.quorum = len(peers) // 2 + 1 if quorum is None else quorum
        if not 1 <= self.quorum <= len(peers):
            raise BadInput("quorum", quorum, f"an integer in [1, {len(peers)}], the number of nodes")
        self._there: tuple[Peer, ...] = ()

    def available(self) -> tuple[Peer, ...]:
        """Nodes that answered in this round, or may be tried."""
        now = self._clock()
        return tuple(peer for peer in self._there if peer.breaker.allows(now))

    def agreed(self, what: str, ask: Callable[[Peer], T], key: Callable[[T], Hashable] = lambda value: value) -> T:
        """An answer that `quorum` nodes give alike; raises NoAgreement where none is.

        key : of an answer, by which it is the same as another's.
        """
        votes: list[tuple[Peer, Hashable, T]] = []
        for peer in self.available():
            answered, value = self._try(peer, lambda peer=peer: ask(peer))          # type: ignore[misc]
            if not answered or value is None:
                continue
            votes.append((peer, key(value[0]), value[0]))
            same = [vote for vote in votes if vote[1] == votes[-1][1]]
            if len(same) >= self.quorum:
                for other in (vote for vote in votes if vote[1] != votes[-1][1]):
                    self._heard("node contradicts the others", node=other[0].name, about=what)
                return votes[-1][2]
        raise NoAgreement(what, max((sum(vote[1] == other[1] for other in votes) for vote in votes), default=0),
                          self.quorum)

    def sight(self, sender: str, depth: int) -> Sight:
        """Where the chain and the sender's nonces are, without receipts; raises NoAgreement."""
        now = self._clock()
        self._there = tuple(peer for peer in self.all if peer.breaker.allows(now))
        heads = self._each(lambda peer: peer.look())
        head = self._reached("latest block", [told for _, told in heads])
        self._there = tuple(peer for peer, told in heads if told >= head - BEHIND)
        final = hex(max(head - depth + 1, 0))
        settled = self._reached("settled nonces", [n for _, n in self._each(lambda peer: peer.nonces(sender, final))])
        used = self._reached("nonces", [n for _, n in self._each(lambda peer: peer.nonces(sender, "latest"))])
        waits = [n for _, n in self._each(lambda peer: peer.nonces(sender, "pending"))]
        return Sight(self._clock(), head, used, settled, max(used, self._reached("pending nonces", waits)), {})

    def tips(self) -> frozenset[str]:
        """Latest blocks of the nodes, by hash: while these stay, nothing that is in a block can move."""
        return frozenset(peer.tip for peer in self.available())

    def receipts(self, transactions: Sequence[str]) -> dict[str, Found | None]:
        """Of those that enough nodes agree about."""
        found: dict[str, Found | None] = {}
        for transaction in transactions:
            try:
                found[transaction] = self.agreed(
                    f"receipt of {transaction}",
                    lambda peer, asked=transaction: peer.receipt(asked))                # type: ignore[misc]
            except NoAgreement:
                continue
        return found

    def hand_over(self, raw: bytes, transaction: str) -> dict[str, str]:
        """Give every node a signed transaction: what each said, by name. A line that broke is "no answer": it may have
        been taken."""
        said = {}
        for peer in self.available():
            answered, told = self._try(peer, lambda peer=peer: peer.hand_over(raw, transaction))    # type: ignore[misc]
            said[peer.name] = told[0] if answered and told is not None else "no answer"
        return said

    def fees(self, caps: Caps) -> tuple[int, int | None]:
        """Fee and tip to sign with, in wei a gas, below the caps: of what the nodes ask for the one in the middle, so
        that one alone makes nothing dear or too cheap to be mined. Raises FeeAboveCap, NoAgreement."""
        def ask(peer: Peer) -> tuple[float, dict[str, int] | FeeAboveCap]:
            try:
                told = fees(peer.node, caps)
            except FeeAboveCap as above:
                return inf, above
            return told.get("gasPrice", told.get("maxFeePerGas", 0)), told

        answers = sorted((answer for _, answer in self._each(ask)), key=lambda answer: answer[0])
        if len(answers) < self.quorum:
            raise NoAgreement("fees", len(answers), self.quorum)
        told = answers[len(answers) // 2][1]
        if isinstance(told, FeeAboveCap):
            raise told
        return (told["gasPrice"], None) if "gasPrice" in told else (
            told["maxFeePerGas"], told["maxPriorityFeePerGas"])

    def _each(self, ask: Callable[[Peer], T]) -> list[tuple[Peer, T]]:
        found = []
        for peer in self.available():
            answered, value = self._try(peer, lambda peer=peer: ask(peer))          # type: ignore[misc]
            if answered and value is not None:
                found.append((peer, value[0]))
        return found

    def _reached(self, what: str, numbers: Sequence[int]) -> int:
        """The greatest number that `quorum` nodes reach."""
        if len(numbers) < self.quorum:
            raise NoAgreement(what, len(numbers), self.quorum)
        return sorted(numbers, reverse=True)[self.quorum - 1]

    def _try(self, peer: Peer, ask: Callable[[], T]) -> tuple[bool, tuple[T] | None]:
        now = self._clock()
        try:
            value = ask()
        except ImplausibleAnswer as lie:
            peer.lies += 1
            peer.breaker.failed(now, str(lie), at_once=True)
            self._heard("node is not believed", node=peer.name, why=str(lie))
            return False, None
        except BadInput as other:
            # Of another chain, when it was first asked; or an answer that no contract of ours gives. Raised from here
            # it would end the relayer, at the word of one node.
            peer.breaker.failed(now, str(other), at_once=True)
            if other.field == "chain id":
                self._heard("node is of another chain", node=peer.name)
            else:
                peer.lies += 1
                self._heard("node is not believed", node=peer.name, why=str(other)[:300])
            return False, None
        except NodeError as error:
            peer.failed += 1
            if isinstance(error, NodeBusy | NodeUnreachable):
                peer.breaker.failed(now, str(error), after=getattr(error, "after", 0.0))
            self._heard("node failed", node=peer.name, why=type(error).__name__)
            return False, None
        peer.breaker.worked()
        return True, (value,)

