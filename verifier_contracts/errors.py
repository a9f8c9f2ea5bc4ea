"""What can go wrong between here and a contract, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from primitives.errors import TailproofError


class Reverted(Exception):
    """An EVM call failed; `data` is what it returned, from which `bindings` makes a `ContractRefused`.

    reason : the machine's own word, if the contract gave no data ("OutOfGas").
    transaction, gas_used : of the transaction that was mined and failed, if one was.
    """

    transaction: str | None = None
    gas_used: int = 0

    def __init__(self, data: bytes, reason: str = "") -> None:
        self.data, self.reason = data, reason
        super().__init__(f"0x{data.hex()}" if data else reason or "no data")


class ContractRefused(TailproofError):
    """A contract reverted. Nothing was sent, unless `transaction` names what was.

    name : of the contract's error ("AlreadyAttested"), or what the machine said ("OutOfGas"), or "NoReason".
    arguments : of that error, by name.
    transaction, gas_used : of a transaction that was mined and failed, if one was.
    """

    checked_and_false = True

    def __init__(self, name: str, arguments: Mapping[str, Any] | None = None, *, action: str = "",
                 transaction: str | None = None, gas_used: int = 0) -> None:
        self.name, self.arguments, self.action = name, dict(arguments or {}), action
        self.transaction, self.gas_used = transaction, gas_used
        shown = ", ".join(f"{key}={_shown(value)}" for key, value in self.arguments.items())
        where = f" in transaction {transaction}, which used {gas_used} gas" if transaction else ""
        super().__init__(f"{action or 'the contract'} refused: {name}({shown}){where}")


class TransactionUndecided(TailproofError):
    """A transaction was handed to the network and no receipt came in time. It may still be mined: do not send another.

    transaction : its hash, if the node told it or we signed it ourselves.
    """

    def __init__(self, transaction: str | None, why: str) -> None:
        self.transaction = transaction
        super().__init__(f"transaction {transaction or '(hash unknown)'} was sent and is undecided ({why}): "
                         "look for its receipt before sending it again")


def _shown(value: Any) -> str:
    return "0x" + value.hex() if isinstance(value, bytes) else str(value)
