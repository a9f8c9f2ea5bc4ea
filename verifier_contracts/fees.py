"""What a transaction may cost. A node names fee and gas; what is signed stays below bounds that are not the node's.

Without them a node could have everything the sender has: it need only name a fee, and share with a validator.
"""

from __future__ import annotations

from dataclasses import dataclass

from verifier_contracts.answers import base_fee, quantity
from verifier_contracts.errors import FeeAboveCap, GasAboveCap
from verifier_contracts.node import Node

GWEI = 10**9
MAX_FEE = 200 * GWEI
"""Default of the most that a unit of gas may cost, in wei."""

CALL_GAS = 500_000
"""Default of the most gas that a call may use. What needs another bound has it where the call is made: ours use 0.1 to
0.3 million, while chains that charge for their parent's space in gas (Arbitrum) need `--gas-limit`."""


def creation_gas(code: bytes) -> int:
    """Default of the most gas that a deployment may use: 200 a byte to keep (EIP-170's charge), up to 40 a byte to send
    (EIP-7623), 32,000 to create, and a million for the constructor."""
    return 1_100_000 + 240 * len(code)


@dataclass(frozen=True)
class Caps:
    """Bounds for each transaction.

    fee : wei a gas (`--max-fee`).
    gas : most gas (`--gas-limit`); None: the default of the call.
    """

    fee: int = MAX_FEE
    gas: int | None = None


def gas_limit(estimate: int) -> int:
    """The limit to send with: 2 % above the estimate, because state may change before the transaction is mined."""
    return estimate + -(-estimate // 50)


def limited(estimate: int, caps: Caps, default: int, node: str) -> int:
    """The gas limit for an estimate; raises `GasAboveCap` above the cap of the user, or else of the call."""
    limit, cap = gas_limit(estimate), default if caps.gas is None else caps.gas
    if limit > cap:
        raise GasAboveCap("gas that the node asks for", limit, f"at most {cap} (--gas-limit allows more, if this chain "
                          "counts gas in another way)", source=node)
    return limit


def fees(node: Node, caps: Caps) -> dict[str, int]:
    """EIP-1559 fees that stay good while the base fee doubles (less, where the cap is lower), or the node's gas price
    on a chain without them; in wei. Raises `FeeAboveCap`."""
    base = node.ask("eth_getBlockByNumber", "latest", False, read=base_fee)
    if base is None:
        price = node.ask("eth_gasPrice", read=_wei)
        _require(price, caps, node.name)
        return {"gasPrice": price}
    tip = node.ask_optional("eth_maxPriorityFeePerGas", read=_wei, default=None)
    if tip is None:                                # older nodes know only the sum
        tip = max(0, node.ask("eth_gasPrice", read=_wei) - base)
    _require(base + tip, caps, node.name)
    return {"maxFeePerGas": min(2 * base + tip, caps.fee), "maxPriorityFeePerGas": tip}


def _require(price: int, caps: Caps, node: str) -> None:
    if price > caps.fee:
        raise FeeAboveCap("fee that the node asks for", f"{price / GWEI:g} gwei a gas",
                          f"at most {caps.fee / GWEI:g} gwei a gas (--max-fee allows more)", source=node)


def _wei(value: object) -> int:
    return quantity(value, 128)
