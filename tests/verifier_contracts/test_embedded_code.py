"""What the embedded chain runs itself does what py-evm does: every program ends alike, to the unit of gas."""

from __future__ import annotations

import random
from typing import Any

import pytest
from eth.vm import opcode_values as op
from eth.vm.forks.prague.computation import PragueComputation
from ledger_world import send_contract

from verifier_contracts import embedded, embedded_code
from verifier_contracts.abi import encode_call
from verifier_contracts.chain import Chain

OURS = sorted(embedded_code._TAKEN)
OTHERS = [op.DIV, op.MOD, op.SLT, op.BYTE, op.SAR, op.SIGNEXTEND, op.SHA3, op.ADDRESS, op.CALLDATALOAD, op.CALLDATASIZE,
          op.PC, op.GAS, op.MSIZE, op.MSTORE8, op.SLOAD, op.SSTORE, op.TLOAD, op.TSTORE, op.CODESIZE, op.MCOPY, op.STOP]
NUMBERS = [0, 1, 2, 5, 31, 32, 33, 64, 255, 256, 257, (1 << 128) - 1, 1 << 255, (1 << 256) - 1, (1 << 256) - 32]
WHO = b"\x11" * 20


class Plain(PragueComputation):
    """py-evm as it is."""

    _precompiles = embedded._PRECOMPILES


@pytest.fixture(scope="module")
def state() -> Any:
    backend = Chain.embedded(timestamp=1_800_000_000).web3.provider.ethereum_tester.backend  # type: ignore[attr-defined]
    return backend.chain.get_vm().state


def ended(state: Any, kind: Any, code: bytes, gas: int) -> tuple[Any, ...]:
    """Everything that a run leaves behind."""
    message = embedded_message(code, gas)
    snapshot = state.snapshot()
    try:
        done = kind.apply_computation(state, message, state.get_transaction_context_class()(0, WHO))
        stack = [int.from_bytes(word, "big") if isinstance(word, bytes) else word for word in done._stack.values]
        kept = [state.get_storage(WHO, slot) for slot in range(4)]
        return (type(done._error), done.get_gas_used(), done._gas_meter.gas_remaining, done._gas_meter.gas_refunded,
                stack, bytes(done._memory._bytes), done.output, kept)
    finally:
        state.revert(snapshot)


def embedded_message(code: bytes, gas: int) -> Any:
    from eth.vm.message import Message
    return Message(gas, WHO, WHO, 0, b"\x07" * 40, code)


def agree(state: Any, code: bytes, gas: int = 100_000) -> tuple[Any, ...]:
    ours, theirs = (ended(state, kind, code, gas) for kind in (embedded._Computation, Plain))
    assert ours == theirs, code.hex()
    return ours


def pushed(*numbers: int) -> bytes:
    """Numbers onto the stack, the last one on top."""
    return b"".join(bytes([op.PUSH32]) + number.to_bytes(32, "big") for number in numbers)


@pytest.mark.parametrize("code", [code for code in OURS if code < op.PUSH1])
def test_an_instruction_on_every_pair_of_edges(state: Any, code: int) -> None:
    for a in NUMBERS:
        for b in NUMBERS:
            agree(state, pushed(*range(100, 117), 7, a, b) + bytes([code, op.PUSH1, 3]))
    for c in (0, 1, 1 << 255):                               # a modulus below the two
        agree(state, pushed(c, NUMBERS[-2], NUMBERS[-2]) + bytes([code]))


@pytest.mark.parametrize("code", OURS)
def test_what_fails_fails_alike(state: Any, code: int) -> None:
    wanted = embedded_code._TAKEN[code]
    for depth in range(wanted + 2):
        ran = agree(state, pushed(*[0] * depth) + bytes([code]))
        assert (ran[0].__name__ == "InsufficientStack") == (depth < wanted)
    for depth in (1022, 1023, 1024, 1025):
        agree(state, bytes([op.PUSH0]) * depth + bytes([code]))
    enough = agree(state, pushed(*[0] * 17) + bytes([code]))[1]
    for gas in (enough - 1, enough, enough + 1):
        agree(state, pushed(*[0] * 17) + bytes([code]), gas)
    for size in range(33):                                   # the end of the code, in the middle of a number too
        agree(state, bytes([code]) + b"\x21" * size)


def test_jumps(state: Any) -> None:
    land = bytes([op.JUMPDEST, op.PUSH1, 9])
    for place in (0, 1, 2, 3, 4, 5, 6, 7, 100, 1 << 255):
        for condition in (0, 1):
            code = bytes([op.PUSH1, condition, op.PUSH1, op.JUMPDEST, op.POP])
            agree(state, pushed(condition, place) + bytes([op.JUMPI]) + land)
            agree(state, code + pushed(place) + bytes([op.JUMP]) + land, 3_000)
    good = agree(state, pushed(34) + bytes([op.JUMP]) + land)
    assert (good[0], good[4]) == (type(None), [9])
    hidden = agree(state, pushed(35) + bytes([op.JUMP, op.PUSH1, op.JUMPDEST]))
    assert hidden[0].__name__ == "InvalidInstruction", "a number that looks like a destination"


def test_programs_of_chance(state: Any) -> None:
    """Of ours and others, most of them with enough on the stack; loops end when gas does."""
    rng, finished = random.Random(8), 0
    for _ in range(1_500):
        parts = [bytes([op.JUMPDEST]), pushed(*(rng.choice(NUMBERS) for _ in range(rng.randrange(3, 20))))]
        for _ in range(rng.randrange(5, 60)):
            code = rng.choice(OURS if rng.random() < 0.8 else OTHERS)
            if op.PUSH1 <= code <= op.PUSH32:
                parts.append(bytes([code]) + rng.randbytes(code - op.PUSH0))
            elif code in (op.MLOAD, op.MSTORE, op.MSTORE8, op.SHA3, op.MCOPY):
                parts.append(bytes([op.PUSH1, rng.randrange(100), op.PUSH1, rng.randrange(100), op.PUSH1,
                                    rng.randrange(200), code]))
            elif code in (op.JUMP, op.JUMPI):
                parts.append(bytes([op.PUSH1, rng.randrange(2), op.PUSH0, code]))
            else:
                parts.append(bytes([code]))
        finished += agree(state, b"".join(parts), rng.choice([300, 3_000, 30_000]))[0] is type(None)
    assert 100 < finished < 1_400


def test_calls_before_leave_nothing_warm_for_an_estimate() -> None:
    """They run on one state, which is kept: slots that one has read would be cheap for the next (EIP-2929)."""
    chain = Chain.embedded(timestamp=1_800_000_000)
    authority = send_contract(chain, "Authority", [chain.senders[0]])
    data = encode_call(authority.artifact, "grantRole", (77, chain.senders[3], 0))
    estimates = set()
    for _ in range(3):
        estimates.add(chain.estimate_gas(authority.address, data, sender=chain.senders[0]))
        chain.call(authority.address, data, sender=chain.senders[0])
    (used,) = estimates
    assert chain.send(authority.address, data, sender=chain.senders[0]).gas_used == used
