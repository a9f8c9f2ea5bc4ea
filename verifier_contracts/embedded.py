"""A whole chain inside this process: py-evm through eth-tester, mended in eight places.

- The three precompiles of BN254 are delegated to pyrevm. Theirs is Python: a pairing check of four pairs takes 0.7 s,
  and 15 ms here; and what was computed lately is known, since every transaction is run three times (to see what it
  uses, to see that this suffices, and to do it). Gas is charged as EIP-1108 has it.
- Its commonest instructions run without a dozen calls each (`embedded_code`).
- A failed call raises `Reverted` with the contract's data; eth-tester puts it into a message as the repr of bytes.
- The gas estimate comes from what a run used; eth-tester bisects thirty million and stops 21,000 above.
- What was hashed lately is known: selectors, addresses and keys of the state trie come again and again.
- Calls on the latest block find its state as the one before left it, read and decoded; theirs builds it anew each time.
- Calls and logs are asked for past web3's and eth-tester's formatters, which take longer than most of them.
- Its clock is its own, a second a block; py-evm's blocks have this machine's time wherever that is later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import pyrevm
from eth.abc import BlockHeaderAPI, ComputationAPI, LogAPI, SignedTransactionAPI, StateAPI
from eth.exceptions import Revert, TransactionNotFound, VMError
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.computation import PRAGUE_PRECOMPILES, PragueComputation
from eth.vm.forks.prague.state import PragueState
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
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


def _remember_hashes(most: int = 256) -> None:
    """Have eth-hash, whose backend takes ten times as long as a look-up, keep digests of short inputs."""
    keccak(b"")                                            # it chooses its backend when it is first used
    compute = keccak.hasher
    known = lru_cache(maxsize=1 << 16)(compute)

    def digest(in_data: bytearray | bytes) -> bytes:
        return known(bytes(in_data)) if len(in_data) <= most else compute(in_data)
    keccak.hasher = digest


_remember_hashes()


class EmbeddedBackend(PyEVMBackend):
    """eth-tester's backend on the machine above, its first block at `timestamp`, with so many funded accounts."""

    def __init__(self, timestamp: int, accounts: int = 10) -> None:
        super().__init__(genesis_parameters=self.generate_genesis_params({"timestamp": timestamp}),
                         genesis_state=self.generate_genesis_state(num_accounts=accounts),
                         vm_configuration=((0, _Machine),))
        self._latest: tuple[bytes, StateAPI] | None = None
        self._logs: dict[bytes, list[dict[str, Any]]] = {}

    def answer(self, method: str, params: Sequence[Any]) -> Any:
        """JSON-RPC's answer to a call on the latest block, or to a question for logs or a mined call's receipt; None to
        all else."""
        if method == "eth_call" and params[0].get("to") and params[1] in ("latest", self._newest()):
            asked = {name: int(value, 16) if name in ("gas", "value") else bytes.fromhex(value[2:])
                     for name, value in params[0].items()}
            return "0x" + self.call({"from": bytes(20), **asked}).hex()
        if method == "eth_getLogs":
            asked, latest = params[0], self.chain.get_block().number - 1
            first, last = (latest if asked[name] == "latest" else int(asked[name], 16)
                           for name in ("fromBlock", "toBlock"))
            return [log for number in range(first, min(last, latest) + 1) for log in self._logs_of(number)
                    if _wanted(log, asked["address"], asked["topics"])]
        return self._receipt(bytes.fromhex(params[0][2:])) if method == "eth_getTransactionReceipt" else None

    def _newest(self) -> str:
        """The latest block's number, as questions name it."""
        return hex(self.chain.get_block().number - 1)

    def _receipt(self, name: bytes) -> dict[str, Any] | None:
        """What is asked of a receipt here: no signature has to be recovered for it."""
        try:
            number, place = self.chain.chaindb.get_transaction_index(name)
        except TransactionNotFound:
            return None
        if number == self.chain.get_block().number:
            return None
        block = self.chain.get_canonical_block_by_number(number)
        if not block.transactions[place].to:
            return None
        receipts = block.get_receipts(self.chain.chaindb)
        before = receipts[place - 1].gas_used if place else 0
        return {"transactionHash": "0x" + name.hex(), "blockHash": "0x" + block.hash.hex(), "blockNumber": hex(number),
                "gasUsed": hex(receipts[place].gas_used - before), "contractAddress": None,
                "status": hex(int.from_bytes(receipts[place].state_root, "big"))}

    def mined(self) -> Iterator[tuple[BlockHeaderAPI, SignedTransactionAPI, int, bool, Sequence[LogAPI]]]:
        """Every transaction in its order: its block's header, itself, the gas it used, whether it succeeded, logs."""
        for number in range(1, self.chain.get_block().number):
            block, before = self.chain.get_canonical_block_by_number(number), 0
            for transaction, receipt in zip(block.transactions, block.get_receipts(self.chain.chaindb), strict=True):
                used, before = receipt.gas_used - before, receipt.gas_used
                yield (block.header, transaction, used, int.from_bytes(receipt.state_root, "big") == 1,
                       receipt.logs)

    def _logs_of(self, number: int) -> list[dict[str, Any]]:
        block = self.chain.get_canonical_block_by_number(number)
        if block.hash not in self._logs:
            mined = zip(block.transactions, block.get_receipts(self.chain.chaindb), strict=True)
            found = [(transaction.hash, log) for transaction, receipt in mined for log in receipt.logs]
            self._logs[block.hash] = [
                {"address": "0x" + log.address.hex(), "topics": [f"0x{topic:064x}" for topic in log.topics],
                 "data": "0x" + log.data.hex(), "blockNumber": hex(number), "blockHash": "0x" + block.hash.hex(),
                 "transactionHash": "0x" + transaction.hex(), "logIndex": hex(place)}
                for place, (transaction, log) in enumerate(found)]
        return self._logs[block.hash]

    def _state(self, block_number: Any) -> StateAPI:
        if block_number != "latest":
            return _get_vm_for_block_number(self.chain, block_number).state
        parent = self.chain.get_block().header.parent_hash     # of the block to come
        if self._latest is None or self._latest[0] != parent:
            self._latest = parent, _get_vm_for_block_number(self.chain, block_number).state
        return self._latest[1]

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
        nonce = self._state(block_number).get_nonce(transaction["from"])
        unsigned = self._get_normalized_and_unsigned_evm_transaction(
            {"nonce": nonce, **transaction, "gas": gas}, block_number)
        return SpoofTransaction(unsigned, from_=transaction["from"])

    def _run(self, spoof: SpoofTransaction, block_number: Any) -> ComputationAPI:
        state = self._state(block_number)
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


def _wanted(log: dict[str, Any], addresses: Sequence[str], topics: Sequence[Sequence[str] | None]) -> bool:
    """Whether a log is of one of these addresses, with these topics in their places."""
    return log["address"] in [one.lower() for one in addresses] and len(log["topics"]) >= len(topics) and all(
        choice is None or log["topics"][place] in choice for place, choice in enumerate(topics))
