"""Why an EVM call failed, from whatever a node answered: there is no standard, and nodes hide it in eight places.

The contract's data comes as `data` itself (geth, erigon, anvil), behind a word ("Reverted 0x…" of Parity and
Nethermind, "err: 0x… (supplied gas …)"), in an object or two in it (Hardhat, Ganache), at the end of the message
("execution reverted: 0x…"), or not at all. Data of a named error is a selector and whole words, 4 + 32·n bytes, which
neither hashes nor addresses are: that is what is looked for at any depth. A place that is the data's own is believed
whatever its length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from verifier_contracts.errors import Reverted

_HEX = re.compile(r"0x((?:[0-9a-fA-F]{2})*)(?![0-9a-zA-Z])")
_SAID = re.compile(r"revert|vm exception|vm execution|vm error|invalid opcode|invalid jump|stack (?:under|over)flow|"
                   r"evm ?error|bad instruction|opcode .*not|not ?activated", re.IGNORECASE)
_OUT_OF_GAS = re.compile(r"out ?of ?gas|gas required exceeds|gas too low|intrinsic gas", re.IGNORECASE)
_OWN_PLACES = ("data", "return", "result", "output", "returnData", "revertData")
_DEPTH, _NODES = 8, 1_000
"""How far into an answer is looked, so that a hostile one costs no more than an honest one."""


def reverted(error: Any) -> Reverted | None:
    """What an error of `eth_call` or `eth_estimateGas` says of the EVM; None if it is the node's own failure.

    Parameters
    ----------
    error : the JSON-RPC error: an object with code, message and data, or whatever else a node puts there.
    """
    message = error.get("message") if isinstance(error, Mapping) else error
    message = message if isinstance(message, str) else ""
    found = list(dict.fromkeys(_candidates(error)))
    if found:
        return Reverted(found[0], others=found[1:])
    if _OUT_OF_GAS.search(message):
        return Reverted(b"", "OutOfGas")
    if _SAID.search(message) or (isinstance(error, Mapping) and error.get("code") == 3):
        return Reverted(b"")
    return None


def _candidates(error: Any) -> Iterator[bytes]:
    """Possible data, likeliest first: named errors in the places for data, then in words, then any bytes in a place."""
    strings = list(_strings(error))
    own = [text for key, text in strings if key in _OWN_PLACES]
    for texts in (own, [text for _, text in strings]):
        for text in texts:
            for digits in _HEX.findall(text):
                if len(digits) % 64 == 8:
                    yield bytes.fromhex(digits)
    for text in own:
        whole = re.fullmatch(r"(?:Reverted )?" + _HEX.pattern, text.strip())
        if whole and whole[1]:
            yield bytes.fromhex(whole[1])


def _strings(error: Any) -> Iterator[tuple[str, str]]:
    """Every string in an answer with the name it has there, outermost first."""
    level: list[tuple[str, Any]] = [("", error)]
    seen = 0
    for _ in range(_DEPTH):
        below: list[tuple[str, Any]] = []
        for key, value in level:
            seen += 1
            if seen > _NODES:
                return
            if isinstance(value, str):
                yield key, value[:1 << 20]
            elif isinstance(value, Mapping):
                below += [(str(name), inner) for name, inner in value.items()]
            elif isinstance(value, list):
                below += [(key, inner) for inner in value]
        level = below
