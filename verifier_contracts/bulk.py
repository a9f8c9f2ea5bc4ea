"""Many questions to one contract in one request, with nothing deployed: `eth_call` of a creation whose code asks them.

A node that takes ten requests a second would answer for five accounts in that time; like this for as many as fit. The
code, in order: while there are questions behind it, copy the next to memory (CODECOPY), ask (STATICCALL), fail if that
failed, and append what came (RETURNDATACOPY); then return it all, as if it were the code of a new contract, which
EIP-170 bounds; EIP-3860 bounds code and questions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import Contract
from verifier_contracts.chain import Chain
from verifier_contracts.errors import ImplausibleAnswer, Reverted

LONGEST = 164
"""Bytes of a question at most: a selector and five words."""
MOST_BYTES = 24_000
"""Of answers in one request (EIP-170: 24,576)."""
MOST_ASKED = 49_000
"""Bytes of questions in one request (EIP-3860: 49,152, with the code before them)."""


def read_many(contract: Contract, function: str, arguments: Sequence[Sequence[Any]], words: int,
              block: int | None = None) -> list[list[int]]:
    """What a view function, which refuses nothing, returns for each: so many words, as integers.

    arguments : of each, all of one length.  block : None: the latest.

    Raises
    ------
    ImplausibleAnswer : the node gives something else.
    """
    questions = [encode_call(contract.artifact, function, each) for each in arguments]
    try:
        answers = ask_many(contract.chain, contract.address, questions, 32 * words, block)
    except (Reverted, ValueError) as odd:
        raise ImplausibleAnswer(contract.chain.name, f"gives no {contract.name}.{function} of {len(questions)} ({odd})"
                                ) from None
    return [[int.from_bytes(answer[32 * i:32 * i + 32], "big") for i in range(words)] for answer in answers]


def ask_many(chain: Chain, address: str, questions: Sequence[bytes], size: int, block: int | None = None
             ) -> list[bytes]:
    """Answers of a contract, each of `size` bytes, in the order of the questions.

    Parameters
    ----------
    questions : calldata, all of one length.  block : None: the latest.

    Raises
    ------
    Reverted : the contract refused one of them.
    ValueError : the answers are of another size: another contract is there. Or questions of several lengths, or of more
        than LONGEST bytes.
    """
    if not questions:
        return []
    length = len(questions[0])
    if not 4 <= length <= LONGEST or any(len(one) != length for one in questions):
        raise ValueError(f"questions of one length, 4 to {LONGEST} bytes")
    at_once = min(MOST_BYTES // size, MOST_ASKED // length)
    found: list[bytes] = []
    for start in range(0, len(questions), at_once):
        part = questions[start:start + at_once]
        data = chain.call(None, code(address, length) + b"".join(part), block=block)
        if len(data) != size * len(part):
            raise ValueError(f"{len(data)} bytes for {len(part)} answers of {size}")
        found += [data[place:place + size] for place in range(0, len(data), size)]
    return found


def code(address: str, length: int) -> bytes:
    """What asks questions of some length, which follow it; answers are gathered behind the memory of a question."""
    answers, asked = f"60{-(-length // 32) * 32:02x}", f"60{length:02x}"
    return bytes.fromhex(
        f"{answers} 610052 5b 3881106014 57 50 {answers}9003 {answers}f3 5b {asked} 81 6000 39"
        f"6000 6000 {asked} 6000 73 {address[2:]} 5afa 6042 57 60006000fd 5b 3d 6000 83 3e {asked} 01 90 3d 01 90"
        "6005 56")
