"""What can go wrong between here and a contract, by name.

Three kinds, told apart because they ask for different things: a contract's refusal is an answer (`checked_and_false`);
a network or node that failed may be asked again (`try_again`: nothing is lost, and nothing will be sent twice); and
`BadInput` must be changed by whoever gave it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from primitives.errors import BadInput, TailproofError

LONGEST_SHOWN = 300
"""Bytes that are shown of what a contract said."""


# -- the contract --------------------------------------------------------------------------------------------------
class Reverted(Exception):
    """An EVM call failed; `data` is what it returned, from which `bindings` makes a `ContractRefused`.

    reason : the machine's own word, if the contract gave no data ("OutOfGas").
    others : further strings of bytes in the node's answer that may be the data: which is, only the errors' names tell.
    transaction, gas_used : of the transaction that was mined and failed, if one was.
    """

    transaction: str | None = None
    gas_used: int = 0

    def __init__(self, data: bytes, reason: str = "", others: Sequence[bytes] = ()) -> None:
        self.data, self.reason, self.others = data, reason, tuple(others)
        super().__init__(f"0x{data.hex()}" if data else reason or "no data")


class ContractRefused(TailproofError):
    """A contract reverted. Nothing was sent, unless `transaction` names what was.

    name : of the contract's error ("AlreadyAttested"), or what the machine said ("OutOfGas"), or "NoReason".
    arguments : of that error, by name; addresses with checksum, bytes as bytes, roles by their names.
    contract, function : what was asked ("MarginLedger", "attest"; "constructor" for a deployment).
    transaction, gas_used : of a transaction that was mined and failed, if one was.
    """

    checked_and_false = True

    def __init__(self, name: str, arguments: Mapping[str, Any] | None = None, *, contract: str = "", function: str = "",
                 transaction: str | None = None, gas_used: int = 0) -> None:
        self.name, self.arguments, self.contract, self.function = name, dict(arguments or {}), contract, function
        self.transaction, self.gas_used = transaction, gas_used
        shown = ", ".join(f"{key}={_short(value)}" for key, value in self.arguments.items())
        where = f" in transaction {transaction}, which used {gas_used} gas" if transaction else ""
        action = f"deployment of {contract}" if function == "constructor" else f"{contract}.{function}".strip(".")
        super().__init__(f"{action or 'the contract'} refused: {name}({shown}){where}")

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: `error` is the contract's own name for it. Integers that JSON readers may round are strings."""
        return {"error": self.name, "contract": self.contract, "function": self.function,
                "arguments": {key: plain(value) for key, value in self.arguments.items()},
                "transaction": self.transaction, "gas_used": self.gas_used, "message": str(self)}


@dataclass(frozen=True)
class Call:
    """A transaction that somebody else may sign and send.

    sender : as whom it was tried.  to : None for a creation.  value : wei.  gas : limit that suffices.
    """

    chain_id: int
    sender: str
    to: str | None
    value: int
    data: bytes
    gas: int

    def to_json(self) -> dict[str, Any]:
        """As `--calldata` writes it."""
        return {"schema": "tailproof.calldata/1", "chain_id": self.chain_id, "from": self.sender, "to": self.to,
                "value": str(self.value), "data": "0x" + self.data.hex(), "gas": self.gas}


class Withheld(Exception):
    """Not an error: a transaction would succeed, and was not to be sent (`Terms.withhold`).  call : what it is."""

    def __init__(self, call: Call) -> None:
        self.call = call
        super().__init__(f"withheld: a transaction to {call.to}")


# -- the network and the node --------------------------------------------------------------------------------------
class NodeError(TailproofError):
    """The network or a node failed, or says what cannot be.

    node : "scheme://host:port", without the path, which may hold a provider's secret.
    method : JSON-RPC method that was asked, if it was one.
    """

    try_again = True

    def __init__(self, node: str, message: str, *, method: str | None = None) -> None:
        self.node, self.method = node, method
        super().__init__(f"{node}: {message}" + (f" ({method})" if method else ""))

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"error": type(self).__name__, "node": self.node, "method": self.method, "message": str(self)}


class NodeUnreachable(NodeError):
    """Nobody answered there, or not in time."""


class NodeBusy(NodeError):
    """The node asks to be asked less (HTTP 429 and 503, code -32005): it did nothing. `after` : seconds, if it said."""

    after: float = 0.0


class OddAnswer(NodeError):
    """The answer is no JSON-RPC, or no value of the method's type."""


class AnswerRefused(NodeError):
    """The node answered with an error of its own. `error` : its JSON; `message` : its words."""

    def __init__(self, node: str, error: Any, *, method: str | None = None) -> None:
        self.error = error
        said = error.get("message") if isinstance(error, Mapping) else error
        self.message = said if isinstance(said, str) else repr(said)
        super().__init__(node, self.message if len(self.message) <= 300 else self.message[:300] + " …", method=method)


class ImplausibleAnswer(NodeError):
    """The node says what cannot be, or contradicts what is known here. Ask another node."""


class SignedOtherwise(ImplausibleAnswer):
    """A signer returned something else than it was asked to sign; nothing was sent.

    field : what differs.  found, wanted : as text.
    """

    checked_and_false = True

    def __init__(self, node: str, field: str, found: str, wanted: str) -> None:
        self.field = field
        super().__init__(node, f"signed another thing than asked: {field} is {found[:100]}, must be {wanted[:100]}; "
                         "nothing was sent")


class _Sent(TailproofError):
    """About a transaction that may exist."""

    try_again = True
    transaction: str | None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"error": type(self).__name__, "transaction": self.transaction, "message": str(self)}


class TransactionUndecided(_Sent):
    """A transaction was handed to the network and was not confirmed in time. It may still be mined; whoever tries
    again is first told so (`TransactionPending`), or finds it done.

    transaction : its hash: of what we signed, or told by a node that signs itself; None where the line broke first.
    """

    def __init__(self, transaction: str | None, why: str) -> None:
        self.transaction = transaction
        super().__init__(f"transaction {transaction or '(hash unknown)'} was sent and is undecided ({why}): "
                         "look for its receipt before sending it again")


class TransactionPending(_Sent):
    """An earlier transaction of the sender is not mined yet, and so nothing was sent.

    nonces : of the transactions that wait, first and last.
    """

    transaction = None

    def __init__(self, sender: str, nonces: tuple[int, int], waited: float) -> None:
        self.sender, self.nonces = sender, nonces
        first, last = nonces
        which = f"nonce {first}" if first == last else f"nonces {first} to {last}"
        super().__init__(f"nothing was sent: {sender} has a transaction in flight ({which}) that was not mined within "
                         f"{waited:g} s; wait for it, or replace it from the wallet that sent it")


class NonceTaken(_Sent):
    """The network has another transaction of the sender with the nonce that we signed; ours can have no effect."""

    def __init__(self, transaction: str, sender: str, nonce: int, said: str) -> None:
        self.transaction = transaction
        super().__init__(f"nothing was done: nonce {nonce} of {sender} went to another transaction, sent from "
                         f"elsewhere ({said})")


class SenderBusy(_Sent):
    """Another process on this machine sends with the same key on the same chain, and did not end in time."""

    transaction = None

    def __init__(self, sender: str, waited: float) -> None:
        super().__init__(f"nothing was sent: another process sends with the key of {sender}, and did not end within "
                         f"{waited:g} s")


# -- what must be changed ------------------------------------------------------------------------------------------
class FeeAboveCap(BadInput):
    """The node names a fee per gas above what may be paid; nothing was signed."""


class GasAboveCap(BadInput):
    """A transaction would need more gas than it may use; nothing was signed."""


class InsufficientFunds(BadInput):
    """The sender cannot pay for the transaction; the network did not take it."""


class ChainTooOld(BadInput):
    """The chain's machine lacks an instruction that our contracts' code has; nothing was sent."""


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)


def _short(value: Any) -> str:
    """For people: a contract may say a megabyte."""
    told = _shown(value)
    return told if len(told) <= 2 * LONGEST_SHOWN else told[:2 * LONGEST_SHOWN] + "…"


def plain(value: Any) -> Any:
    """As JSON: bytes in hex, and integers from 2**53, which most readers would round, as strings."""
    if isinstance(value, bytes) or (isinstance(value, int) and not -1 << 53 < value < 1 << 53):
        return _shown(value)
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value
