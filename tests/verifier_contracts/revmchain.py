"""Contracts on revm alone: a call takes a millisecond, so that tests can make thousands. No node, no blocks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pyrevm
import pytest
from eth_abi.abi import decode, encode
from eth_utils.abi import abi_to_signature, get_abi_input_types, get_abi_output_types
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak

from verifier_contracts import compiler
from verifier_contracts.compiler import SOURCES, Artifact, compile_sources

MOCKS = Path(__file__).parent / "solidity"
_INTERFACES = ("ICollateralVault.sol", "IMarginManager.sol", "IRiskOracle.sol", "IEpochRegistry.sol", "ILiveClock.sol",
               "IPausableClock.sol")


CODE_LIMIT = compiler.CODE_LIMIT
"""Bytes of code that a contract may have; mutants are compiled with less care for size."""


@lru_cache(maxsize=1)
def vault_artifacts() -> dict[str, Artifact]:
    """The contracts, and what tests put around the vault's."""
    mocks = {name: (SOURCES / name).read_text() for name in _INTERFACES} | \
        {path.name: path.read_text() for path in MOCKS.glob("Vault*.sol")}
    return {**compile_sources(mocks), **compiler.compile_contracts()}


class Refusal(Exception):
    """A call that reverted: the error's name and arguments."""

    def __init__(self, name: str, arguments: tuple[Any, ...], data: bytes) -> None:
        super().__init__(f"{name}{arguments}")
        self.name, self.arguments, self.data = name, arguments, data


@dataclass
class Machine:
    """One EVM. Time stands still unless a test moves it."""

    now: int

    def __post_init__(self) -> None:
        settings = pyrevm.CfgEnv(chain_id=1, limit_contract_code_size=CODE_LIMIT)
        self.evm = pyrevm.EVM(env=pyrevm.Env(cfg=settings), gas_limit=1 << 40, spec_id="CANCUN")
        self.entries: dict[str, dict[str, tuple[bytes, list[str], list[str]]]] = {}
        self._errors: dict[bytes, tuple[str, list[str]]] = {}
        self.at(self.now)

    def at(self, now: int, block: int = 1) -> None:
        self.now = now
        self.evm.set_block_env(pyrevm.BlockEnv(number=block, timestamp=now))

    def deploy(self, artifact: Artifact, *arguments: Any, sender: str) -> Contract:
        entry = next((e for e in artifact.abi if e["type"] == "constructor"), {"type": "constructor", "inputs": []})
        for e in artifact.abi:
            if e["type"] == "error":
                self._errors[keccak(text=abi_to_signature(e))[:4]] = (e["name"], get_abi_input_types(e))
        code = artifact.creation + encode(get_abi_input_types(entry), arguments)
        try:
            address = self.evm.deploy(sender, code)
        except RuntimeError as error:
            raise self.refusal(error) from None
        return Contract(self, artifact, to_checksum_address(address))

    def raw(self, to: str, data: bytes, sender: str) -> bytes:
        try:
            answer = self.evm.message_call(sender, to, calldata=data, gas=30_000_000)
        except RuntimeError as error:
            raise self.refusal(error) from None
        finally:
            self.evm.reset_transient_storage()
        return bytes(answer)

    def refusal(self, error: RuntimeError) -> Refusal:
        found = re.search(r"output: 0x([0-9a-f]*)", str(error))
        return self.named(bytes.fromhex(found[1]) if found else b"", str(error))

    def named(self, data: bytes, otherwise: str = "") -> Refusal:
        known = self._errors.get(data[:4])
        return Refusal(known[0], decode(known[1], data[4:]), data) if known else Refusal(otherwise[:200], (), data)


@dataclass(frozen=True, eq=False)
class Contract:
    """A deployed contract: `contract("function", arguments..., sender=...)`."""

    machine: Machine
    artifact: Artifact
    address: str

    def data(self, function: str, *arguments: Any) -> bytes:
        selector, inputs, _ = self._entry(function)
        words = _words_of(inputs, arguments)
        return selector + (encode(inputs, arguments) if words is None else words)

    def __call__(self, function: str, *arguments: Any, sender: str = "0x" + "ee" * 20) -> Any:
        answer = self.machine.raw(self.address, self.data(function, *arguments), sender)
        outputs = self._entry(function)[2]
        values = _values_of(outputs, answer) or decode(outputs, answer)
        return values[0] if len(values) == 1 else values

    def selector(self, function: str) -> bytes:
        return self._entry(function)[0]

    def _entry(self, function: str) -> tuple[bytes, list[str], list[str]]:
        return _entries(self.artifact.name, self.machine, self.artifact)[function]


@lru_cache(maxsize=1 << 10)
def _bits(kind: str) -> int:
    """Of an unsigned number, an address or a truth, as one word has them; 0 of anything else."""
    if kind in ("address", "bool"):
        return 160 if kind == "address" else 1
    return int(kind[4:]) if kind.startswith("uint") and kind[4:].isdigit() else 0


def _words_of(types: Sequence[str], values: Sequence[Any]) -> bytes | None:
    """What `encode` makes of numbers and addresses alone, which is most of what is asked here, in a tenth of its time;
    None of anything else, and of what it would refuse."""
    words = b""
    for kind, value in zip(types, values, strict=False):
        bits = _bits(kind)
        if kind == "address" and isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
            words += bytes(12) + bytes.fromhex(value[2:])
        elif bits > 1 and kind != "address" and type(value) is int and 0 <= value < 1 << bits:
            words += value.to_bytes(32, "big")
        else:
            return None
    return words if len(types) == len(values) else None


def _values_of(types: Sequence[str], answer: bytes) -> tuple[Any, ...] | None:
    """What `decode` makes of an answer of numbers, addresses and truths alone; None of anything else."""
    if len(answer) != 32 * len(types):
        return None
    values: list[Any] = []
    for place, kind in enumerate(types):
        word, bits = int.from_bytes(answer[32 * place:32 * place + 32], "big"), _bits(kind)
        if not bits or word >> bits:
            return None
        values.append(f"0x{word:040x}" if kind == "address" else bool(word) if kind == "bool" else word)
    return tuple(values)


def _entries(name: str, machine: Machine, artifact: Artifact) -> dict[str, tuple[bytes, list[str], list[str]]]:
    """Selector, inputs and outputs of each function."""
    if name not in machine.entries:
        machine.entries[name] = {e["name"]: (bytes(keccak(text=abi_to_signature(e))[:4]), get_abi_input_types(e),
                                             get_abi_output_types(e)) for e in reversed(artifact.abi)
                                 if e["type"] == "function"}
    return machine.entries[name]


@contextmanager
def refused(name: str, *arguments: Any) -> Any:
    """The block must end in this refusal; arguments given are compared."""
    with pytest.raises(Refusal) as caught:
        yield caught
    assert caught.value.name == name, caught.value
    if arguments:
        assert caught.value.arguments == arguments


def account(number: int) -> str:
    return to_checksum_address(f"0x{number:040x}")


def factors_hash(factors: Sequence[tuple[int, int, int]]) -> bytes:
    return bytes(keccak(encode(["(uint32,uint80,uint80)[]"], [list(factors)])))
