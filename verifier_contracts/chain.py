"""An EVM chain, embedded in this process or behind a JSON-RPC URL: reading, and sending what is known to succeed.

A transaction is first run without effect, so that a refusal costs no gas and comes with its reason; it is sent with an
explicit gas limit 2 % above the estimate, below bounds of our own (`fees`), and a nonce of our own, by one process at a
time (`senders`). Its hash and the address that it creates are computed here; what the node says of them is compared.

What a node says cannot all be checked here: balances, code and results of calls are its word. Whoever needs more runs
a node of their own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eth_account import Account

from primitives.errors import BadInput
from verifier_contracts.addresses import checksummed
from verifier_contracts.answers import (
    Block,
    Log,
    Mined,
    accounts,
    anything,
    block,
    digest,
    logs,
    octets,
    quantity,
    recipient_and_data,
    text,
    timestamp,
)
from verifier_contracts.errors import (
    AnswerRefused,
    Call,
    GasAboveCap,
    ImplausibleAnswer,
    NodeBusy,
    NodeError,
    Reverted,
    TransactionUndecided,
    Withheld,
)
from verifier_contracts.fees import CALL_GAS, Caps, creation_gas, fees, limited
from verifier_contracts.node import HTTP, Node, Transport
from verifier_contracts.senders import alone
from verifier_contracts.sending import Report, Signed, confirmed, created_address, hand_over, next_nonce
from verifier_contracts.signers import LocalSigner, Signer, endpoint_name, transaction_hash
from verifier_contracts.suitability import require_instructions

if TYPE_CHECKING:
    from web3 import Web3

    from verifier_contracts.embedded import EmbeddedBackend

KEY_VARIABLE = "TAILPROOF_PRIVATE_KEY"
"""Environment variable with the private key that signs transactions; without it, accounts unlocked in the node do."""

LARGEST_CHAIN_ID = (1 << 53) - 1
"""What every reader of JSON keeps exactly; our files and contexts hold chain ids. EIP-2294 allows not much more."""

DEVELOPMENT_CHAIN_IDS = (31337, 1337)
"""Of Hardhat and anvil, and of Ganache and `geth --dev`: chains that mine when there is something to mine."""

CLOCK_TOLERANCE = 3_600
"""Seconds by which a live chain's latest block and this machine's clock may differ."""

WEB3_SECONDS = 30.0
"""For which an answer through web3 is awaited."""


@dataclass(frozen=True)
class Terms:
    """On what terms transactions are sent.

    caps : bounds on what one may cost.
    timeout : seconds to wait for each to be confirmed, and for others of the sender before it.
    confirmations : blocks, its own included, under which a transaction counts; None: 1 on development chains, else 2.
    report : told (stage, done, total) when waiting takes long.
    sender : who sends by default, in place of the first of `Chain.senders`.
    withhold : try every transaction and send none: the first that would succeed raises `Withheld`. Its sender need not
        be one whose key is at hand.
    """

    caps: Caps = field(default_factory=Caps)
    timeout: float = 120.0
    confirmations: int | None = None
    report: Report = lambda stage, done, total: None
    sender: str | None = None
    withhold: bool = False


@dataclass(frozen=True)
class Receipt:
    """A mined, successful transaction. `contract` is the address it created, if it created one."""

    transaction: str
    block: int
    gas_used: int
    gas_limit: int
    contract: str | None


class _Embedded:
    """The way to a chain in this process."""

    name = "embedded chain"

    def __init__(self, web3: Web3, backend: EmbeddedBackend) -> None:
        self.web3, self._backend = web3, backend
        self._request = web3.provider.request_func(web3, web3.middleware_onion)

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        from web3.types import RPCEndpoint
        found = self._backend.answer(method, params)
        return self._request(RPCEndpoint(method), params) if found is None else {"result": found}


def _through(transport: Transport) -> Web3:
    """web3 over whatever carries questions to a node."""
    from web3 import Web3
    from web3.providers import JSONBaseProvider
    from web3.types import RPCEndpoint, RPCResponse

    class Carried(JSONBaseProvider):
        def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
            told: RPCResponse = transport.ask(method, list(params), WEB3_SECONDS)
            return told

        def is_connected(self, show_traceback: bool = False) -> bool:
            return True                            # whoever made the transport's chain has asked it already

    return Web3(Carried())


class Chain:
    """One chain and the accounts that may send to it; made by `Chain.embedded` or `Chain.connect`.

    Attributes
    ----------
    name : "embedded chain", or scheme and host of the URL (its path may hold a provider's secret).
    chain_id : EIP-155 chain id.
    senders : accounts that can pay for transactions; the first is the default.
    in_process : whether it is embedded.
    signed_gas : gas limits, summed, of all that was signed here or given to the node to sign: what is certain of a
        cost, where what was used is the node's word.
    """

    def __init__(self, transport: Transport, *, signer: Signer | None = None, terms: Terms | None = None,
                 chain_id: int | None = None, patience: float = 20.0) -> None:
        self._node, self.name, self._signer = Node(transport, patience), transport.name, signer
        self._terms, self.in_process = terms or Terms(), isinstance(transport, _Embedded)
        self.signed_gas = 0
        self.chain_id = self._node.ask("eth_chainId", read=lambda value: quantity(value, 256))
        if not 0 < self.chain_id <= LARGEST_CHAIN_ID:
            raise BadInput("chain id", self.chain_id, f"an integer in [1, {LARGEST_CHAIN_ID}]: files that hold others "
                           "could not be read again", source=self.name)
        if chain_id is not None and self.chain_id != chain_id:
            raise BadInput("chain id", self.chain_id, f"{chain_id}, as asked for", source=self.name)
        self.senders: tuple[str, ...] = (signer.address,) if signer else self._node.ask_optional(
            "eth_accounts", read=accounts, default=())         # public nodes do not even know the question
        self._suitable = self.in_process

    @staticmethod
    def embedded(*, timestamp: int | None = None, senders: int = 10) -> Chain:
        """A fresh chain in this process, with so many funded senders, whose keys are 1, 2, 3 …; its clock starts at
        `timestamp` (default: now) and moves one second a block."""
        from web3 import EthereumTesterProvider, Web3  # these are slow to import, and not everybody has them

        from verifier_contracts.embedded import EmbeddedBackend
        backend = EmbeddedBackend(int(time.time()) if timestamp is None else timestamp, senders)
        web3 = Web3(EthereumTesterProvider(backend))
        return Chain(_Embedded(web3, backend))

    @staticmethod
    def connect(url: str, *, key_variable: str = KEY_VARIABLE, chain_id: int | None = None, terms: Terms | None = None,
                signer: Signer | None = None, patience: float = 20.0) -> Chain:
        """The chain behind a JSON-RPC URL.

        Parameters
        ----------
        signer : who signs; by default the key in `key_variable`, an environment variable, or else accounts that the
            node has unlocked.
        chain_id : the chain that it must be.
        terms : on which transactions are sent.
        patience : seconds for which a question is repeated that the node does not answer.

        Raises
        ------
        BadInput : the URL is none, the chain another, or the variable holds no private key (its value is not shown).
        NodeError : nobody answers there, or nobody who speaks JSON-RPC.
        """
        name = endpoint_name(url)
        secret = os.environ.get(key_variable)
        if secret and signer is None:
            try:
                signer = LocalSigner(Account.from_key(secret))
            except Exception:                   # whatever it complains about, it may quote the key
                raise BadInput("private key", "(hidden)", "32 bytes in hex", source=f"${key_variable}") from None

        return Chain(HTTP(url, name), signer=signer, terms=terms, chain_id=chain_id, patience=patience)

    @property
    def transport(self) -> Transport:
        """The way to its node, for who asks on other terms."""
        return self._node.transport

    @cached_property
    def web3(self) -> Web3:
        """The same node through web3, whose raw methods serve trials and tests; nothing here uses it."""
        transport = self.transport
        return transport.web3 if isinstance(transport, _Embedded) else _through(transport)

    # -- reading -------------------------------------------------------------------------------------------------------
    def now(self) -> int:
        """Timestamp of the latest block, in seconds since 1970; the node's word (see `clock`)."""
        return self._node.ask("eth_getBlockByNumber", "latest", False, read=timestamp)

    def next_time(self) -> int:
        """Timestamp that the next block has at least: the pending block's, or the latest's where the node has none
        pending. A quiet chain's latest block may be days old.

        Raises
        ------
        ImplausibleAnswer : on other than a development chain, it is more than an hour from this machine's clock.
        """
        pending = self._node.ask_optional("eth_getBlockByNumber", "pending", False, default=None,
                                          read=lambda block: None if block is None else timestamp(block))
        theirs, ours = max(self.now(), pending or 0), int(time.time())
        if not self.development and abs(theirs - ours) > CLOCK_TOLERANCE:
            raise ImplausibleAnswer(self.name, f"the next block is of {theirs}, this machine's clock says {ours}: "
                                    f"more than {CLOCK_TOLERANCE} s apart")
        return theirs

    def clock(self) -> int:
        """The time to sign deadlines by: this machine's, once the chain's is seen to be near it; on a development
        chain, whose clock may be anywhere, the chain's own.

        Raises
        ------
        ImplausibleAnswer : they differ by more than an hour: the node is far behind, or lies.
        """
        theirs = self.next_time()
        return theirs if self.development else int(time.time())

    @cached_property
    def development(self) -> bool:
        """Whether this is a chain to try on. A chain id for trials is proof, since whatever is signed for it is good
        nowhere else; a node's word for itself counts only on this machine, where it is the user's own."""
        if self.in_process or self.chain_id in DEVELOPMENT_CHAIN_IDS:
            return True
        if urlsplit(self.name).hostname not in ("127.0.0.1", "localhost", "::1"):
            return False
        client = self._node.ask_optional("web3_clientVersion", read=text, default="")
        return client.lower().startswith(("anvil", "hardhat", "ganache", "ethereumjs"))

    def block(self, number: int | None = None) -> Block:
        """A mined block, by default the latest."""
        return self._node.ask("eth_getBlockByNumber", "latest" if number is None else hex(number), False, read=block)

    def logs(self, addresses: Sequence[str], topics: Sequence[Any], first: int, last: int | None = None
             ) -> tuple[Log, ...]:
        """Logs of contracts in blocks `first` to `last` (by default the latest), both included; see `events`, which
        keeps to what nodes allow.

        topics : for each place None (any), or a list of topics of 32 bytes, one of which must be there.

        Raises
        ------
        AnswerRefused : the node gives no so long a list, or not of so many blocks.
        ImplausibleAnswer : a log was not asked for.
        """
        wanted = [None if choice is None else ["0x" + topic.hex() for topic in choice] for choice in topics]
        asked = {"address": [checksummed(one) for one in addresses], "topics": wanted, "fromBlock": hex(first),
                 "toBlock": "latest" if last is None else hex(last)}
        found = self._node.ask("eth_getLogs", asked, read=logs)
        among = {checksummed(one) for one in addresses}
        for log in found:
            outside = log.block < first or (last is not None and log.block > last)
            if outside or log.address not in among or len(log.topics) < len(topics) or any(
                    choice is not None and log.topics[place] not in choice for place, choice in enumerate(topics)):
                raise ImplausibleAnswer(self.name, f"gives a log that was not asked for: {log.address} in block "
                                        f"{log.block}")
        return found

    def block_number(self) -> int:
        """Of the latest block."""
        return self._node.ask("eth_blockNumber", read=quantity)

    def next_nonce(self, sender: str) -> int:
        """Of a sender's next transaction, once none is in flight; raises `TransactionPending` if one stays."""
        self.settle(sender)
        return self._node.ask("eth_getTransactionCount", checksummed(sender), "latest", read=quantity)

    def code(self, address: str) -> bytes:
        """Code at an address; empty if there is none."""
        return self._node.ask("eth_getCode", checksummed(address), "latest", read=octets)

    def allows(self, gas: int) -> bool:
        """Whether the user lets a transaction have so much gas."""
        return self._terms.caps.gas is None or gas <= self._terms.caps.gas

    @property
    def highest_fee(self) -> int:
        """Wei for a unit of gas, above which nothing is signed."""
        return self._terms.caps.fee

    def call(self, to: str | None, data: bytes, *, sender: str | None = None, gas: int | None = None,
             block: int | None = None) -> bytes:
        """Run a call without effect, on the latest block or on `block`; with `to` None, a deployment of `data`.

        Raises
        ------
        Reverted : it failed.
        """
        asking = sender or self._terms.sender or (self.senders[0] if self.senders else None)
        transaction = self._transaction(to, data, asking, gas)
        return self._node.run("eth_call", transaction, "latest" if block is None else hex(block), read=octets)

    def estimate_gas(self, to: str | None, data: bytes, *, sender: str | None = None, pending: bool = False,
                     value: int = 0) -> int:
        """The gas limit that a transaction needs; more than it uses, see `embedded`.

        pending : run it in the next block, not in the latest, whose time may be long past.

        Raises
        ------
        Reverted : it would fail.
        """
        transaction = self._transaction(to, data, sender or self.default_sender(), None, value)
        return self._node.run("eth_estimateGas", transaction, *(["pending"] if pending else []), read=quantity)

    def sent(self, transaction: str) -> tuple[str | None, bytes] | None:
        """To whom a transaction went, and with which data; None if the node does not know it."""
        return self._node.ask("eth_getTransactionByHash", transaction, read=recipient_and_data)

    # -- sending -------------------------------------------------------------------------------------------------------
    def send(self, to: str | None, data: bytes, *, sender: str | None = None, gas: int | None = None,
             gas_cap: int | None = None, before: Callable[[str | None, str | None], object] | None = None,
             pending: bool = False, value: int = 0, most: int | None = None) -> Receipt:
        """Send a transaction (`to` None: deploy `data`) and wait until it is confirmed.

        Parameters
        ----------
        gas : the gas limit; by default 2 % above the estimate, and then nothing is sent that would fail.
        gas_cap : the most that the limit may be, where the user has not said (default: by the kind of transaction).
        pending : as for `estimate_gas`.
        value : wei to pay with it.
        most : the most that the limit may be, whatever the user has said.
        before : told the transaction's hash (None: the node signs) and the address that it creates, before it is out.

        Raises
        ------
        Withheld : it would succeed, and nothing is to be sent (`Terms.withhold`).
        Reverted : it would fail (nothing was sent), or it was mined and failed (`transaction` names it).
        TransactionUndecided : it was sent, and not confirmed in time.
        TransactionPending, SenderBusy, FeeAboveCap, GasAboveCap, ChainTooOld : nothing was sent.
        BadInput : nobody can sign for the sender, or it cannot pay.
        NodeError : the node failed before anything was sent, or contradicts what was.
        """
        sender, terms = checksummed(sender or self.default_sender(), "sender"), self._terms
        if sender not in self.senders and not terms.withhold:
            raise BadInput("sender", sender, f"one of the accounts that can sign: {', '.join(self.senders) or 'none'}")
        if to is None and not self._suitable:
            require_instructions(self._node)
            self._suitable = True
        if terms.withhold:
            raise Withheld(Call(self.chain_id, sender, to and checksummed(to), value, data, limited(
                self.estimate_gas(to, data, sender=sender, pending=pending, value=value), terms.caps,
                creation_gas(data) if to is None else CALL_GAS if gas_cap is None else gas_cap, self.name)))
        with self._alone(sender):
            nonce = self._node.ask("eth_getTransactionCount", sender, "latest", read=quantity) if self.in_process else \
                next_nonce(self._node, sender, terms.timeout, terms.report)
            default = gas_cap if gas_cap is not None else creation_gas(data) if to is None else CALL_GAS
            limit = gas if gas is not None else limited(self.estimate_gas(to, data, sender=sender, pending=pending,
                                                                          value=value),
                                                        terms.caps, default, self.name)
            if most is not None and limit > most:
                raise GasAboveCap("gas that the node asks for", limit, f"at most {most}, as it was tried with",
                                  source=self.name)
            creates = created_address(sender, nonce) if to is None else None
            signed, certain = self._out(self._transaction(to, data, sender, limit, value), sender, nonce,
                                        lambda transaction: before and before(transaction, creates))
            if not self.in_process:                # whoever interrupts the waiting has the hash
                terms.report(f"sent {signed.transaction}", 0, 1)
            mined = confirmed(self._node, signed, certain=certain, timeout=terms.timeout,
                              confirmations=self._confirmations(), report=terms.report)
        if not mined.succeeded:
            failure = self._post_mortem(mined, limit, to, data, sender)
            failure.transaction, failure.gas_used = signed.transaction, mined.gas_used
            raise failure
        self._compare(mined, signed, limit, creates)
        return Receipt(signed.transaction, mined.block, mined.gas_used, limit, creates)

    def _out(self, transaction: dict[str, Any], sender: str, nonce: int, before: Callable[[str | None], object]
             ) -> tuple[Signed, bool]:
        """Sign a transaction, or have it signed, and hand it over; also whether the node certainly has it."""
        if self._signer is None:
            before(None)
            self.signed_gas += int(transaction["gas"], 16)
            return Signed(self._have_sent({**transaction, "nonce": hex(nonce)}), sender, nonce, None), True
        fields = {name: value for name, value in transaction.items() if name != "from"}
        raw = self._signer.sign_transaction({**fields, **fees(self._node, self._terms.caps), "nonce": nonce,
                                             "chainId": self.chain_id, "gas": int(transaction["gas"], 16),
                                             "value": int(transaction.get("value", "0x0"), 16)})
        signed = Signed(transaction_hash(raw), sender, nonce, raw)
        before(signed.transaction)
        self.signed_gas += int(transaction["gas"], 16)
        return signed, hand_over(self._node, signed)

    def _have_sent(self, transaction: dict[str, Any]) -> str:
        """Have the node sign and send, once: where the line breaks, nobody knows the hash."""
        try:
            return self._node.once("eth_sendTransaction", transaction, read=digest)
        except AnswerRefused as refused:
            raise NodeError(self.name, f"took no transaction: {refused.message[:300]}") from None
        except NodeBusy:
            raise
        except NodeError as error:
            raise TransactionUndecided(None, type(error).__name__) from None

    def _confirmations(self) -> int:
        given = self._terms.confirmations
        return given if given is not None else 1 if self.development else 2

    @contextmanager
    def _alone(self, sender: str) -> Iterator[None]:
        if self.in_process:
            yield
        else:
            with alone(sender, self.chain_id, self._terms.timeout):
                yield

    def _compare(self, mined: Mined, signed: Signed, limit: int, creates: str | None) -> None:
        """Hold what the node says of our transaction against what we know of it."""
        if mined.contract is not None and mined.contract.lower() != (creates or "").lower():
            raise ImplausibleAnswer(self.name, f"says that transaction {signed.transaction} created {mined.contract}: "
                                    f"by its sender and nonce it is {creates or 'no contract'}")
        if mined.gas_used > limit:
            raise ImplausibleAnswer(self.name, f"says that transaction {signed.transaction} used {mined.gas_used} gas "
                                    f"of {limit}")

    def _post_mortem(self, mined: Mined, limit: int, to: str | None, data: bytes, sender: str) -> Reverted:
        """Why a mined transaction failed, as far as running it again on its block tells."""
        if to is not None:
            try:
                self.call(to, data, sender=sender, gas=limit, block=mined.block)
            except Reverted as again:
                return again
            except (BadInput, NodeError):       # that it failed is known, why is not any more
                pass
        return Reverted(b"", "FailedWhenMined")

    def settle(self, sender: str) -> None:
        """Wait until no transaction of a sender is in flight; raises `TransactionPending` if one stays."""
        if not self.in_process:
            next_nonce(self._node, checksummed(sender), self._terms.timeout, self._terms.report)

    def default_sender(self) -> str:
        """Who sends where nobody is named; raises BadInput where there is nobody."""
        if self._terms.sender is not None:
            return checksummed(self._terms.sender, "sender")
        if not self.senders:
            raise BadInput("sender", None, f"given: a keystore, a signer, ${KEY_VARIABLE} with its private key, or an "
                           "account unlocked in the node", source=self.name)
        return self.senders[0]

    # -- development chains --------------------------------------------------------------------------------------------
    def travel_to(self, timestamp: int) -> None:
        """Move the clock of the embedded chain or of anvil forward, so that `now()` is `timestamp`."""
        if timestamp <= self.now():
            raise BadInput("timestamp", timestamp, f"later than the chain's clock, {self.now()}")
        if self.in_process:
            self._development("testing_timeTravel", timestamp + 1)      # it stops one block short
        else:
            self._development("evm_setNextBlockTimestamp", timestamp)
            self._development("evm_mine")

    def snapshot(self) -> Any:
        """Remember the state of the embedded chain or of anvil, for one `restore`."""
        return self._development("evm_snapshot")

    def restore(self, snapshot: Any) -> None:
        """Return to a snapshot."""
        self._development("evm_revert", snapshot)

    def _development(self, method: str, *arguments: Any) -> Any:
        try:
            return self._node.ask(method, *arguments, read=anything)
        except AnswerRefused:
            raise NodeError(self.name, f"is no development chain: {method} failed") from None

    @staticmethod
    def _transaction(to: str | None, data: bytes, sender: str | None, gas: int | None, value: int = 0
                     ) -> dict[str, Any]:
        fields = {"from": sender and checksummed(sender, "sender"), "to": to and checksummed(to),
                  "data": "0x" + data.hex(), "gas": None if gas is None else hex(gas),
                  "value": hex(value) if value else None}
        return {name: value for name, value in fields.items() if value is not None}
