"""An EVM chain, embedded in this process or behind a JSON-RPC URL: reading, and sending what is known to succeed.

A transaction is first run without effect, so that a refusal costs no gas and comes with its reason; it is sent with an
explicit gas limit 2 % above the estimate, and a nonce of our own where we sign.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hexbytes import HexBytes
from web3 import EthereumTesterProvider, HTTPProvider, Web3
from web3.exceptions import ContractLogicError, Web3Exception, Web3RPCError
from web3.types import RPCEndpoint

from primitives.errors import BadInput, TailproofError
from verifier_contracts.addresses import checksummed
from verifier_contracts.errors import Reverted, TransactionUndecided

KEY_VARIABLE = "TAILPROOF_PRIVATE_KEY"
"""Environment variable with the private key that signs transactions; without it, accounts unlocked in the node do."""


MALFORMED = (ValueError, TypeError, AttributeError, LookupError)
"""What web3 lets through when an answer is no JSON-RPC, or has another type than the method's: a web page, say."""


class NodeError(TailproofError):
    """The node answered a request with an error that is not a contract's."""


@dataclass(frozen=True)
class Receipt:
    """A mined, successful transaction. `contract` is the address it created, if it created one."""

    transaction: str
    block: int
    gas_used: int
    gas_limit: int
    contract: str | None


def gas_limit(estimate: int) -> int:
    """The limit to send with: 2 % above the estimate, because state may change before the transaction is mined."""
    return estimate + -(-estimate // 50)


class Chain:
    """One chain and the accounts that may send to it; made by `Chain.embedded` or `Chain.connect`.

    Attributes
    ----------
    name : "embedded chain", or scheme and host of the URL (its path may hold a provider's secret).
    chain_id : EIP-155 chain id.
    senders : accounts that can pay for transactions; the first is the default.
    """

    def __init__(self, web3: Web3, name: str, signer: LocalAccount | None = None, timeout: float = 120.0) -> None:
        self.web3, self.name, self._signer, self._timeout = web3, name, signer, timeout
        with self._requesting():
            self.chain_id = int(web3.eth.chain_id)
        self.senders: tuple[str, ...] = (signer.address,) if signer else self._unlocked_accounts()

    @staticmethod
    def embedded(*, timestamp: int | None = None) -> Chain:
        """A fresh chain in this process, with ten funded senders; its clock starts at `timestamp` (default: now) and
        moves one second a block."""
        from verifier_contracts.embedded import EmbeddedBackend  # py-evm is slow to import
        backend = EmbeddedBackend(int(time.time()) if timestamp is None else timestamp)
        return Chain(Web3(EthereumTesterProvider(backend)), "embedded chain")

    @staticmethod
    def connect(url: str, *, key_variable: str = KEY_VARIABLE, timeout: float = 120.0) -> Chain:
        """The chain behind a JSON-RPC URL.

        Parameters
        ----------
        key_variable : environment variable with the sender's private key.
        timeout : seconds to wait for a receipt.

        Raises
        ------
        BadInput : the URL is none, nobody answers there, or the variable holds no private key (its value is not shown).
        """
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and bool(parts.hostname)
            name = f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
        except ValueError:
            valid = False
        if not valid:                              # it may hold a provider's secret, or be a key in the wrong place
            scheme = re.match(r"[a-z]{1,9}:", url)
            raise BadInput("RPC URL", f"{scheme[0] if scheme else ''}…", "an http:// or https:// URL with a host")
        signer = None
        secret = os.environ.get(key_variable)
        if secret:
            try:
                signer = Account.from_key(secret)
            except Exception:                   # whatever it complains about, it may quote the key
                raise BadInput("private key", "(hidden)", "32 bytes in hex", source=f"${key_variable}") from None
        # No retries: nobody there is an answer, and a transaction must not be sent twice.
        provider = HTTPProvider(url, request_kwargs={"timeout": 30}, exception_retry_configuration=None)
        return Chain(Web3(provider), name, signer, timeout)

    # -- reading -------------------------------------------------------------------------------------------------------
    def now(self) -> int:
        """Timestamp of the latest block, in seconds since 1970."""
        with self._requesting():
            return int(self.web3.eth.get_block("latest")["timestamp"])

    def code(self, address: str) -> bytes:
        """Code at an address; empty if there is none."""
        with self._requesting():
            return bytes(self.web3.eth.get_code(checksummed(address)))

    def call(self, to: str, data: bytes, *, sender: str | None = None, gas: int | None = None,
             block: int | None = None) -> bytes:
        """Run a call without effect, on the latest block or on `block`.

        Raises
        ------
        Reverted : it failed.
        """
        transaction = self._transaction(to, data, sender or (self.senders[0] if self.senders else None), gas)
        with self._requesting(), self._reverting():
            return bytes(self.web3.eth.call(transaction, "latest" if block is None else block))   # type: ignore[arg-type]

    def estimate_gas(self, to: str | None, data: bytes, *, sender: str | None = None) -> int:
        """The gas limit that a transaction needs; more than it uses, see `embedded`.

        Raises
        ------
        Reverted : it would fail.
        """
        transaction = self._transaction(to, data, sender or self.default_sender(), None)
        with self._requesting(), self._reverting():
            return int(self.web3.eth.estimate_gas(transaction))                                   # type: ignore[arg-type]

    # -- sending -------------------------------------------------------------------------------------------------------
    def send(self, to: str | None, data: bytes, *, sender: str | None = None, gas: int | None = None) -> Receipt:
        """Send a transaction (`to` None: deploy `data`) and wait until it is mined.

        Parameters
        ----------
        gas : the gas limit; by default 2 % above the estimate, and then nothing is sent that would fail.

        Raises
        ------
        Reverted : it would fail (nothing was sent), or it was mined and failed (`transaction` names it).
        TransactionUndecided : it was sent, and no receipt came in time.
        BadInput : nobody can sign for the sender.
        """
        sender = checksummed(sender or self.default_sender(), "sender")
        if sender not in self.senders:
            raise BadInput("sender", sender, f"one of the accounts that can sign: {', '.join(self.senders) or 'none'}")
        limit = gas_limit(self.estimate_gas(to, data, sender=sender)) if gas is None else gas
        identifier = self._broadcast(self._transaction(to, data, sender, limit), sender)
        return self._await(identifier, limit, to, data, sender)

    def _broadcast(self, transaction: dict[str, Any], sender: str) -> HexBytes:
        """Hand a transaction to the node, once. Where the line breaks meanwhile, the node may have taken it: what we
        signed has a hash to look for, and another one is never signed."""
        expected: HexBytes | None = None
        try:
            if self._signer is None:
                return self.web3.eth.send_transaction(transaction)                                # type: ignore[arg-type]
            with self._requesting():
                nonce = self.web3.eth.get_transaction_count(checksummed(sender), "pending")
                fees = self._fees()
            signed = self._signer.sign_transaction(
                {**transaction, **fees, "nonce": nonce, "chainId": self.chain_id, "value": 0})
            expected = signed.hash
            return self.web3.eth.send_raw_transaction(signed.raw_transaction)
        except (requests.RequestException, *MALFORMED) as error:
            raise TransactionUndecided(None if expected is None else "0x" + bytes(expected).hex(),
                                       type(error).__name__) from None
        except Web3Exception as error:
            raise NodeError(f"{self.name} took no transaction: {error}") from None

    def _await(self, identifier: HexBytes, limit: int, to: str | None, data: bytes, sender: str) -> Receipt:
        transaction = "0x" + bytes(identifier).hex()
        try:
            mined = self.web3.eth.wait_for_transaction_receipt(identifier, timeout=self._timeout, poll_latency=0.05)
            status, block, gas_used = (int(mined[name]) for name in ("status", "blockNumber", "gasUsed"))
        except (requests.RequestException, Web3Exception, *MALFORMED) as error:
            raise TransactionUndecided(transaction, type(error).__name__) from None
        if status != 1:
            failure = self._post_mortem(block, limit, to, data, sender)
            failure.transaction, failure.gas_used = transaction, gas_used
            raise failure
        return Receipt(transaction, block, gas_used, limit, mined.get("contractAddress"))

    def _post_mortem(self, block: int, limit: int, to: str | None, data: bytes, sender: str) -> Reverted:
        """Why a mined transaction failed, as far as running it again on its block tells."""
        if to is not None:
            try:
                self.call(to, data, sender=sender, gas=limit, block=block)
            except Reverted as again:
                return again
            except (BadInput, NodeError):       # that it failed is known, why is not any more
                pass
        return Reverted(b"", "FailedWhenMined")

    def _fees(self) -> dict[str, int]:
        """EIP-1559 fees that stay good while the base fee doubles, or the node's gas price on a chain without them."""
        base = self.web3.eth.get_block("latest").get("baseFeePerGas")
        if base is None:
            return {"gasPrice": self.web3.eth.gas_price}
        tip = self.web3.eth.max_priority_fee
        return {"maxFeePerGas": 2 * base + tip, "maxPriorityFeePerGas": tip}

    def _unlocked_accounts(self) -> tuple[str, ...]:
        try:
            with self._requesting():
                return tuple(checksummed(account, "account", source=self.name) for account in self.web3.eth.accounts)
        except NodeError:                       # public nodes do not even know the question
            return ()

    def default_sender(self) -> str:
        if not self.senders:
            raise BadInput("sender", None, f"given: set ${KEY_VARIABLE} to its private key, or unlock an account in "
                           "the node", source=self.name)
        return self.senders[0]

    # -- development chains --------------------------------------------------------------------------------------------
    def travel_to(self, timestamp: int) -> None:
        """Move the clock of the embedded chain or of anvil forward, so that `now()` is `timestamp`."""
        if timestamp <= self.now():
            raise BadInput("timestamp", timestamp, f"later than the chain's clock, {self.now()}")
        if isinstance(self.web3.provider, EthereumTesterProvider):
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
        with self._requesting():
            response = self.web3.provider.make_request(RPCEndpoint(method), list(arguments))
        if "error" in response:
            raise NodeError(f"{self.name} is no development chain: {method} failed")
        return response.get("result")

    # -- errors --------------------------------------------------------------------------------------------------------
    @contextmanager
    def _requesting(self) -> Iterator[None]:
        """Turn a node that does not answer, or not in JSON-RPC, into an error that names it."""
        try:
            yield
        except requests.RequestException as error:
            raise BadInput("RPC URL", self.name, f"a JSON-RPC endpoint that answers ({type(error).__name__})") from None
        except ContractLogicError:
            raise
        except Web3Exception as error:
            raise NodeError(f"{self.name}: {error}") from None
        except MALFORMED as error:
            raise BadInput("RPC URL", self.name, "a JSON-RPC endpoint of an Ethereum chain (malformed answer, "
                           f"{type(error).__name__})") from None

    @contextmanager
    def _reverting(self) -> Iterator[None]:
        """Turn the ways in which nodes say that an EVM call failed into `Reverted`."""
        try:
            yield
        except ContractLogicError as error:
            known = isinstance(error.data, str) and error.data.startswith("0x")
            raise Reverted(bytes.fromhex(str(error.data)[2:]) if known else b"") from None
        except Web3RPCError as error:
            if "outofgas" in str(error).lower().replace(" ", ""):
                raise Reverted(b"", "OutOfGas") from None
            raise

    @staticmethod
    def _transaction(to: str | None, data: bytes, sender: str | None, gas: int | None) -> dict[str, Any]:
        fields: Mapping[str, Any] = {"from": sender and checksummed(sender, "sender"), "to": to and checksummed(to),
                                     "data": "0x" + data.hex(), "gas": gas}
        return {name: value for name, value in fields.items() if value is not None}
