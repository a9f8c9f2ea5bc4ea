"""Three EVMs that share no code of the curve: revm (Rust), py-evm with its own arithmetic (Python), geth's (Go).

`embedded` and anvil are no evidence beside revm: theirs is revm's arithmetic. What a machine runs is code in accounts,
so that a precompile can be moved to an address where there is nothing, or something that answers too little.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pyrevm
import pytest

GETH = "v1.17.10"
"""The release whose `evm` is asked; `make evm` builds it."""
GAS = 30_000_000
CALLER = bytes(19) + b"\xee"


@dataclass(frozen=True)
class Answer:
    """Of a call: whether it succeeded, and what it returned or reverted with."""

    success: bool
    output: bytes


Machine = Callable[[Mapping[int, bytes], int, bytes], Answer]
"""Runs (code by address, address to call, calldata)."""


def revm(accounts: Mapping[int, bytes], to: int, data: bytes) -> Answer:
    machine = pyrevm.EVM(gas_limit=1 << 40, spec_id="CANCUN")
    for place, code in accounts.items():
        machine.insert_account_info(f"0x{place:040x}", pyrevm.AccountInfo(nonce=1, balance=0, code=code))
    try:
        return Answer(True, bytes(machine.message_call("0x" + CALLER.hex(), f"0x{to:040x}", calldata=data, gas=GAS)))
    except RuntimeError as error:                           # "Revert { gas_used: 21018, output: 0x0000dead }"
        found = re.search(r"output: 0x([0-9a-f]*)", str(error))
        return Answer(False, bytes.fromhex(found[1]) if found else b"")


def py_evm(accounts: Mapping[int, bytes], to: int, data: bytes) -> Answer:
    from eth.chains.base import MiningChain
    from eth.consensus.noproof import NoProofConsensus
    from eth.db.atomic import AtomicDB
    from eth.vm.forks.cancun import CancunVM
    fork = CancunVM.configure(consensus_class=NoProofConsensus)
    family = MiningChain.configure("Chain", vm_configuration=((0, fork),), chain_id=1)
    chain = family.from_genesis(AtomicDB(), {"difficulty": 0, "gas_limit": GAS}, {})
    vm = chain.get_vm()
    for place, code in accounts.items():
        vm.state.set_code(place.to_bytes(20, "big"), code)
    computation = vm.execute_bytecode(CALLER, 1 << 30, GAS, to.to_bytes(20, "big"), CALLER, 0, data, accounts[to],
                                      to.to_bytes(20, "big"))
    return Answer(computation.is_success, bytes(computation.output))


def geth(accounts: Mapping[int, bytes], to: int, data: bytes) -> Answer:
    forks = {f"{name}Block": 0 for name in ("homestead", "eip150", "eip155", "eip158", "byzantium", "constantinople",
                                            "petersburg", "istanbul", "berlin", "london", "mergeNetsplit")}
    genesis = {"config": {"chainId": 1, **forks, "terminalTotalDifficulty": 0, "shanghaiTime": 0, "cancunTime": 0,
                          "blobSchedule": {"cancun": {"target": 3, "max": 6, "baseFeeUpdateFraction": 3338477}}},
               "difficulty": "0x0", "gasLimit": hex(GAS), "baseFeePerGas": "0x0",
               "alloc": {f"0x{place:040x}": {"balance": "0x0", "code": "0x" + code.hex()}
                         for place, code in accounts.items()}}
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "genesis.json").write_text(json.dumps(genesis))
        (Path(folder) / "input").write_text("0x" + data.hex())
        done = subprocess.run([str(geth_binary()), "run", "--prestate", f"{folder}/genesis.json", "--receiver",
                               f"0x{to:040x}", "--sender", "0x" + CALLER.hex(), "--gas", str(GAS), "--inputfile",
                               f"{folder}/input"], capture_output=True, text=True, check=True, timeout=60)
    output, _, failure = done.stdout.partition("error:")
    assert re.fullmatch(r"(0x[0-9a-f]*)?\s*", output), done.stdout + done.stderr
    return Answer(not failure, bytes.fromhex(output.strip().removeprefix("0x")))


def geth_binary() -> Path:
    """Where `make evm` leaves it; the test is skipped where nobody has made it."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    binary = base / "tailproof" / "geth" / GETH / "evm"
    if not binary.is_file():
        pytest.skip(f"geth's evm {GETH} is not built: `make evm` does it, with Go and minutes of its compiler")
    return binary


MACHINES: Mapping[str, Machine] = {"revm": revm, "py-evm": py_evm, "geth": geth}
