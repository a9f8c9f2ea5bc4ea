"""What one account costs: a proof, its verification, its place in a block. Measured here, or said by whoever plans."""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from circuits import statements
from primitives import threads
from primitives.errors import BadInput

from ..keys import KeyDirectory, OpenedKey
from ..known_answers import example, prove_known_answer
from ..proving import proven

PROOFS = 5
"""Proofs of each process, after one that is not counted: it prepares the key."""


@dataclass(frozen=True)
class Units:
    """What work costs, and what goes wrong with it. Times in seconds.

    proof : of one process of one thread, beside as many others as the machine has cores.  opening : until a new process
    has made its first proof.  verification : of one bundle, by the caller, who does one after the other; with what
    caller and scheduler do beside for an account.
    block : from one to the next.  block_gas : of a block that the venue may use.  combination, combined : gas of a
    transaction, and of each account in it.  together : accounts in a transaction at most.
    calls : of a node for each account.  call : what one takes; the relayer makes one after the other.
    failures : of a machine an hour.  recovery : until it is back.
    straggling : share of proofs that take longer.  slowness : how many times.
    """

    proof: float
    opening: float
    verification: float
    block: float = 12.0
    block_gas: int = 15_000_000
    combination: int = 226_000
    combined: int = 64_100
    together: int = 64
    calls: float = 1.0
    call: float = 0.01
    failures: float = 0.1
    recovery: float = 120.0
    straggling: float = 0.01
    slowness: float = 5.0

    def gas(self, accounts: int) -> int:
        """Of all transactions that show the margins of so many accounts."""
        return -(-accounts // self.together) * self.combination + accounts * self.combined

    def a_block(self) -> int:
        """Accounts that one block takes: by gas, and by what the relayer asks the node meanwhile."""
        whole, rest = divmod(self.block_gas, self.gas(self.together))
        by_gas = whole * self.together + max(0, rest - self.combination) // self.combined
        asking = self.calls * self.call
        return min(by_gas, int(self.block / asking)) if asking > 0 else by_gas


@dataclass(frozen=True)
class Measured:
    """Seconds, as `Units` has them, of witness and proof, and of a verification without anything beside it.

    processes : that proved at once.  samples : proofs that `proof` is the median of.
    """

    proof: float
    opening: float
    verification: float
    processes: int
    samples: int


def measure(key: Path, processes: int, *, proofs: int = PROOFS) -> Measured:
    """Time proofs of a made-up instance, in as many processes at once as the machine will have at work.

    Raises
    ------
    BadInput : the key is of none of our statements, or broken; more processes than threads to use.
    """
    if not 1 <= processes <= threads.count():
        raise BadInput("--cores", processes, f"an integer in [1, {threads.count()}] where this machine is measured")
    from prover import verify
    keys = KeyDirectory.load(key)
    keys.verification_key()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn"), initializer=_alone) as pool:
        rows = list(pool.map(_prove, [str(key)] * processes, [proofs] * processes))
    samples = [seconds for _, each in rows for seconds in each]
    verification_key, known = keys.verification_key(), prove_known_answer(keys)
    verify(verification_key, known.inputs, known.proof)
    begun = time.perf_counter()
    for _ in range(proofs):
        verify(verification_key, known.inputs, known.proof)
    return Measured(statistics.median(samples), statistics.median(row[0] for row in rows),
                    (time.perf_counter() - begun) / proofs, processes, len(samples))


def _alone() -> None:
    os.environ[threads.SETTING] = "1"              # as a worker with a core of its own


def _prove(key: str, proofs: int) -> tuple[float, list[float]]:
    """Seconds until the first proof, and of each after it."""
    begun = time.perf_counter()
    keys = OpenedKey.load(key)
    statement = statements.get(keys.statement)
    inputs = example(statement)
    proven(keys, statement, inputs)
    opening, samples = time.perf_counter() - begun, list[float]()
    for _ in range(proofs):
        begun = time.perf_counter()
        proven(keys, statement, inputs)
        samples.append(time.perf_counter() - begun)
    return opening, samples
