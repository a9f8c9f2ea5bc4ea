"""Many questions to one contract in one request, with nothing deployed: `eth_call` of a creation whose code asks them.

A node that takes ten requests a second would answer for five accounts in that time; like this for as many as fit. Each
question is a selector and one word. The code, in order: while there are questions behind it, copy the next to memory
(CODECOPY), ask (STATICCALL), fail if that failed, and append what came (RETURNDATACOPY); then return it all, as if it
were the code of a new contract, which EIP-170 bounds.
"""

from __future__ import annotations

from collections.abc import Sequence

from verifier_contracts.chain import Chain

QUESTION = 36
"""Bytes of a selector and a word."""
MOST_BYTES = 24_000
"""Of answers in one request (EIP-170: 24,576)."""
_BEFORE = bytes.fromhex("6040" "610052" "5b" "3881106014" "57" "50" "60409003" "6040f3" "5b" "6024" "81" "6000" "39"
                        "6000" "6000" "6024" "6000" "73")
_BEHIND = bytes.fromhex("5afa" "6042" "57" "60006000fd" "5b" "3d" "6000" "83" "3e" "6024" "01" "90" "3d" "01" "90"
                        "6005" "56")


def ask_many(chain: Chain, address: str, questions: Sequence[bytes], size: int, block: int | None = None
             ) -> list[bytes]:
    """Answers of a contract, each of `size` bytes, in the order of the questions.

    Parameters
    ----------
    questions : calldata, of QUESTION bytes each.  block : None: the latest.

    Raises
    ------
    Reverted : the contract refused one of them.
    ValueError : the answers are of another size: another contract is there.
    """
    at_once = MOST_BYTES // size
    found: list[bytes] = []
    for start in range(0, len(questions), at_once):
        part = questions[start:start + at_once]
        data = chain.call(None, code(address) + b"".join(part), block=block)
        if len(data) != size * len(part):
            raise ValueError(f"{len(data)} bytes for {len(part)} answers of {size}")
        found += [data[place:place + size] for place in range(0, len(data), size)]
    return found


def code(address: str) -> bytes:
    """What asks; questions follow it."""
    return _BEFORE + bytes.fromhex(address[2:]) + _BEHIND
