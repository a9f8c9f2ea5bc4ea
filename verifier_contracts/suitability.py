"""Whether a chain's machine can run our contracts, found out before anything is sent.

The compiler's target is Cancun. Small programs are run by `eth_call` as if to deploy them: one without the instruction,
so that a node which runs nothing in this way is not taken for an old one, and then one with each.
"""

from __future__ import annotations

from verifier_contracts.answers import octets
from verifier_contracts.errors import AnswerRefused, ChainTooOld, Reverted
from verifier_contracts.node import Node

_ONE = (1).to_bytes(32, "big")
_CONTROL = "0x60016000526020" "6000f3"
"""PUSH1 1 PUSH1 0 MSTORE PUSH1 32 PUSH1 0 RETURN: known to every EVM."""

_PROBES = (
    ("PUSH0 (EIP-3855, Shanghai)", "0x60015f5260205ff3"),
    ("TLOAD (EIP-1153, Cancun)", "0x60005c506001" "6000526020" "6000f3"),
    ("MCOPY (EIP-5656, Cancun)", "0x6001600052" "602060006020" "5e" "60206020f3"),
)


def require_instructions(node: Node) -> None:
    """Raise `ChainTooOld` if the chain lacks an instruction that the compiler may have used."""
    if not _returns_one(node, _CONTROL):
        return
    for name, code in _PROBES:
        if not _returns_one(node, code):
            raise ChainTooOld("instructions of the chain's EVM", f"no {name.split()[0]}",
                              f"those of Cancun, {name} among them: our contracts cannot run there", source=node.name)


def _returns_one(node: Node, code: str) -> bool:
    try:
        return node.run("eth_call", {"data": code, "gas": hex(200_000)}, "latest", read=octets) == _ONE
    except (Reverted, AnswerRefused):
        return False
