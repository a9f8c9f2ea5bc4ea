"""A token of ERC-20, which is nobody's of ours: what it says is its own word, and the vault believes none of it.

EIP-20, with the names of its metadata, which are optional there.
"""

from __future__ import annotations

from typing import Any

from primitives.errors import BadInput
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Receipt
from verifier_contracts.compiler import Artifact
from verifier_contracts.errors import ContractRefused


def _function(name: str, takes: list[str], gives: list[str]) -> dict[str, Any]:
    return {"type": "function", "name": name, "stateMutability": "nonpayable" if name == "approve" else "view",
            "inputs": [{"name": f"argument{place}", "type": kind} for place, kind in enumerate(takes)],
            "outputs": [{"name": "", "type": kind} for kind in gives]}


_ERC20 = Artifact("ERC20", [
    _function("balanceOf", ["address"], ["uint256"]), _function("allowance", ["address", "address"], ["uint256"]),
    _function("approve", ["address", "uint256"], ["bool"]), _function("decimals", [], ["uint8"]),
    _function("symbol", [], ["string"])], b"", b"")


class Token(Contract):
    """A token. Amounts are in its smallest unit."""

    name = "ERC20"

    @property
    def artifact(self) -> Artifact:
        return _ERC20

    def balance_of(self, account: str) -> int:
        """What an account has."""
        return int(self.read("balanceOf", account))

    def allowance(self, owner: str, spender: str) -> int:
        """What a spender may still take of an owner's."""
        return int(self.read("allowance", owner, spender))

    def approve(self, spender: str, amount: int, *, sender: str | None = None) -> Receipt:
        """Let a spender take so much of the sender's in all. Some tokens answer nothing, some False: what counts is the
        allowance afterwards."""
        return self.transact("approve", spender, amount, sender=sender)

    def told(self) -> tuple[str, int] | None:
        """Symbol and decimals; None where the token does not say. For show: nothing is computed with them."""
        try:
            return str(self.read("symbol")), int(self.read("decimals"))
        except (ContractRefused, BadInput):
            return None
