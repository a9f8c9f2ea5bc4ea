"""The commonest instructions of py-evm's machine, run without its calls between them.

Python runs ten calls for each instruction of py-evm: an elliptic curve on chain takes seconds. `Stream` gives py-evm's
loop the instructions of a contract one by one, as py-evm's own does, but runs those that only move words, compute with
them or jump itself. What is out of the ordinary it leaves to py-evm: an instruction that would fail (too little gas,
too short or too full a stack, a jump to nowhere) or that makes memory larger, and every instruction of another kind. So
no error and no price is decided here; prices are those of py-evm's table. A test runs both beside each other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from eth.abc import OpcodeAPI
from eth.vm import opcode_values as op
from eth.vm.code_stream import CodeStream
from eth.vm.computation import BaseComputation

_WORD = (1 << 256) - 1
_NEVER = 1 << 64
"""More gas than there is: so priced, an instruction is py-evm's."""
_TAKEN = {
    op.POP: 1, op.JUMPDEST: 0, op.JUMP: 1, op.JUMPI: 2, op.MLOAD: 1, op.MSTORE: 2, op.ADD: 2, op.MUL: 2, op.SUB: 2,
    op.ADDMOD: 3, op.MULMOD: 3, op.LT: 2, op.GT: 2, op.EQ: 2, op.ISZERO: 1, op.AND: 2, op.OR: 2, op.XOR: 2, op.NOT: 1,
    op.SHL: 2, op.SHR: 2, op.PUSH0: 0, **{op.PUSH1 + i: 0 for i in range(32)},
    **{op.DUP1 + i: i + 1 for i in range(16)}, **{op.SWAP1 + i: i + 2 for i in range(16)}}
"""The instructions that are run here, and how many words each must find on the stack."""
_NEEDED = [_TAKEN.get(code, 0) for code in range(256)]


def prices(opcodes: Mapping[int, OpcodeAPI]) -> list[int]:
    """Gas of each instruction that is run here, by py-evm's table; `_NEVER` for all others."""
    return [opcodes[code].gas_cost if code in _TAKEN else _NEVER for code in range(256)]


@lru_cache(maxsize=256)
def _destinations(code: bytes) -> frozenset[int]:
    """Where a program may jump to: each JUMPDEST that is no part of a number."""
    found, place = set(), 0
    while place < len(code):
        if code[place] == op.JUMPDEST:
            found.add(place)
        place += code[place] - op.PUSH0 + 1 if op.PUSH1 <= code[place] <= op.PUSH32 else 1
    return frozenset(found)


class Stream(CodeStream):
    """The code of one computation, which runs in part as it is read. Words on the stack are integers."""

    program_counter: int

    def __init__(self, code: bytes, computation: BaseComputation, prices: list[int]) -> None:
        super().__init__(code)
        self._computation, self._prices = computation, prices

    def __iter__(self) -> Iterator[int]:
        """Instructions that py-evm shall run; gas and place are up to date whenever one is given."""
        computation: Any = self._computation
        code, end, prices, needed = self._raw_code_bytes, len(self), self._prices, _NEEDED
        meter, memory, words = computation._gas_meter, computation._memory, computation._stack.values
        push, pop, destinations = words.append, words.pop, _destinations(code)
        place, gas = self.program_counter, meter.gas_remaining
        while True:
            now = code[place] if place < end else op.STOP
            if gas >= prices[now] and needed[now] <= len(words) < 1024:
                after, done = place + 1, True
                if now >= 0x90:                                                             # SWAP
                    other = 0x8E - now
                    words[-1], words[other] = words[other], words[-1]
                elif now >= 0x80:                                                           # DUP
                    push(words[0x7F - now])
                elif now >= 0x5F:                                                           # PUSH
                    after = place + now - 0x5E
                    if after <= end:
                        push(int.from_bytes(code[place + 1:after], "big"))
                    else:
                        done = False
                elif now == 0x5B:                                                           # JUMPDEST
                    pass
                elif now == 0x57:                                                           # JUMPI
                    if words[-2]:
                        after = words[-1]
                        done = after in destinations
                    if done:
                        pop()
                        pop()
                elif now == 0x01:                                                           # ADD
                    top = pop()
                    words[-1] = (top + words[-1]) & _WORD
                elif now == 0x52:                                                           # MSTORE
                    at = words[-1]
                    if at + 32 <= len(memory._bytes):
                        pop()
                        memory._bytes[at:at + 32] = pop().to_bytes(32, "big")
                    else:
                        done = False
                elif now == 0x09:                                                           # MULMOD
                    top, by = pop(), pop()
                    words[-1] = top * by % words[-1] if words[-1] else 0
                elif now == 0x51:                                                           # MLOAD
                    at = words[-1]
                    if at + 32 <= len(memory._bytes):
                        words[-1] = int.from_bytes(memory._bytes[at:at + 32], "big")
                    else:
                        done = False
                elif now == 0x56:                                                           # JUMP
                    after = words[-1]
                    if after in destinations:
                        pop()
                    else:
                        done = False
                elif now == 0x08:                                                           # ADDMOD
                    top, by = pop(), pop()
                    words[-1] = (top + by) % words[-1] if words[-1] else 0
                elif now == 0x16:                                                           # AND
                    top = pop()
                    words[-1] &= top
                elif now == 0x14:                                                           # EQ
                    top = pop()
                    words[-1] = int(top == words[-1])
                elif now == 0x03:                                                           # SUB
                    top = pop()
                    words[-1] = (top - words[-1]) & _WORD
                elif now == 0x15:                                                           # ISZERO
                    words[-1] = int(not words[-1])
                elif now == 0x10:                                                           # LT
                    top = pop()
                    words[-1] = int(top < words[-1])
                elif now == 0x50:                                                           # POP
                    pop()
                elif now == 0x11:                                                           # GT
                    top = pop()
                    words[-1] = int(top > words[-1])
                elif now == 0x1C:                                                           # SHR
                    top = pop()
                    words[-1] = words[-1] >> top if top < 256 else 0
                elif now == 0x1B:                                                           # SHL
                    top = pop()
                    words[-1] = words[-1] << top & _WORD if top < 256 else 0
                elif now == 0x17:                                                           # OR
                    top = pop()
                    words[-1] |= top
                elif now == 0x02:                                                           # MUL
                    top = pop()
                    words[-1] = top * words[-1] & _WORD
                elif now == 0x18:                                                           # XOR
                    top = pop()
                    words[-1] ^= top
                else:                                                                       # NOT
                    words[-1] ^= _WORD
                if done:
                    place = after
                    gas -= prices[now]
                    continue
            self.program_counter, meter.gas_remaining = place + 1, gas
            yield now
            place, gas = self.program_counter, meter.gas_remaining
            if words and type(words[-1]) is bytes:
                words[-1] = int.from_bytes(words[-1], "big")
