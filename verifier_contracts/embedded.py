"""A whole chain inside this process: py-evm through eth-tester, mended in five places.

- The three precompiles of BN254 are delegated to pyrevm. Theirs is Python: a pairing check of four pairs takes 0.7 s,
  and 15 ms here; and what was computed lately is known, since every transaction is run three times (to see what it
  uses, to see that this suffices, and to do it). Gas is charged as EIP-1108 has it.
- Its commonest instructions run without a dozen calls each (`embedded_code`).
- A failed call raises `Reverted` with the contract's data; eth-tester puts it into a message as the repr of bytes.
- The gas estimate comes from what a run used; eth-tester bisects thirty million and stops 21,000 above.
- Its clock is its own, a second a block; py-evm's blocks have this machine's time wherever that is later.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pyrevm
from eth.abc import BlockHeaderAPI, ComputationAPI
from eth.exceptions import Revert, VMError
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES, PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.spoof import SpoofTransaction
from eth_tester.backends.pyevm.main import PyEVMBackend, _get_vm_for_block_number

from verifier_contracts.embedded_code import Stream, prices
from verifier_contracts.errors import Reverted

CHAIN_ID = 131277322940537
"""eth-tester's own, which it answers whatever the backend says."""

_CALLER = "0x" + "00" * 20
_machine = pyrevm.EVM(gas_limit=1 << 40, spec_id="CANCUN")


def _delegated(number: int, gas: Callable[[int], int]) -> Callable[[ComputationAPI], ComputationAPI]:
    """The precompile at address `number`, computed by pyrevm; `gas` is its price by the length of the input."""
    address = f"0x{number:040x}"

    @lru_cache(maxsize=1 << 10)
    def output(data: bytes) -> bytes:
        """A function of the input alone; what raises is not kept."""
        return bytes(_machine.message_call(_CALLER, address, calldata=data, gas=1 << 32))

    def run(computation: ComputationAPI) -> ComputationAPI:
        data = bytes(computation.msg.data)
        computation.consume_gas(gas(len(data)), reason=f"precompile {number}")
        try:
            computation.output = output(data)
        except RuntimeError as error:
            raise VMError(f"precompile {number}: {error}") from None
        return computation

    return run


_PRECOMPILES = {
    **PRAGUE_PRECOMPILES,
    (6).to_bytes(20, "big"): _delegated(6, lambda length: 150),
    (7).to_bytes(20, "big"): _delegated(7, lambda length: 6_000),
    (8).to_bytes(20, "big"): _delegated(8, lambda length: 45_000 + 34_000 * (length // 192)),
}


class _Computation(PragueComputation):
    _precompiles = _PRECOMPILES
    _prices = prices(PragueComputation.opcodes)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.code = Stream(self.msg.code, self, self._prices)


class _State(PragueState):
    computation_class = _Computation


class _Machine(PragueVM):
    _state_class = _State

    @staticmethod
    def create_header_from_parent(parent_header: BlockHeaderAPI | None, **fields: Any) -> BlockHeaderAPI:
        if parent_header is not None:
            fields.setdefault("timestamp", parent_header.timestamp + 1)
        return PragueVM.create_header_from_parent(parent_header, **fields)


def _floor(data: bytes) -> int:
    """What a transaction with this calldata costs at least (EIP-7623), however little it does."""
    return 21_000 + 10 * (4 * len(data) - 3 * data.count(0))


class EmbeddedBackend(PyEVMBackend):
    """eth-tester's backend on the machine above, its first block at `timestamp`, with so many funded accounts."""

    def __init__(self, timestamp: int, accounts: int = 10) -> None:
        super().__init__(genesis_parameters=self.generate_genesis_params({"timestamp": timestamp}),
                         genesis_state=self.generate_genesis_state(num_accounts=accounts),
                         vm_configuration=((0, _Machine),))

    def call(self, transaction: dict[str, Any], block_number: Any = "latest") -> bytes:
        """Run a transaction without keeping its effects; raises `Reverted`."""
        gas = transaction.get("gas", self._max_available_gas())
        return bytes(self._run(self._spoof(transaction, gas, block_number), block_number).output)

    def estimate_gas(self, transaction: dict[str, Any], block_number: Any = "latest") -> int:
        """A limit that suffices, less than 1 % above the smallest that does; raises `Reverted` if none does.

        It exceeds the gas used wherever a call deep down needs most of what is left: a call passes on 63/64.
        """
        spoof = self._spoof(transaction, self._max_available_gas(), block_number)
        limit = max(int(spoof.intrinsic_gas + self._run(spoof, block_number).get_gas_used()), _floor(spoof.data))
        while True:
            try:
                self._run(self._spoof(transaction, limit, block_number), block_number)
            except Reverted:
                limit += limit // 128
            else:
                return limit

    def _spoof(self, transaction: dict[str, Any], gas: int, block_number: Any) -> SpoofTransaction:
        """The transaction with a gas limit, and the word of its sender in place of a signature."""
        unsigned = self._get_normalized_and_unsigned_evm_transaction({**transaction, "gas": gas}, block_number)
        return SpoofTransaction(unsigned, from_=transaction["from"])

    def _run(self, spoof: SpoofTransaction, block_number: Any) -> ComputationAPI:
        state = _get_vm_for_block_number(self.chain, block_number).state
        snapshot = state.snapshot()
        try:
            computation = state.apply_transaction(spoof)
        finally:
            state.revert(snapshot)
        if computation.is_error:
            error = computation.error
            data = bytes(error.args[0]) if isinstance(error, Revert) and error.args else b""
            raise Reverted(data, "" if isinstance(error, Revert) else type(error).__name__)
        return computation
