"""What a farm costs over bare proving, and a thousand accounts against the ideal; on this machine's cores.

    python -m benchmarks.farm [--accounts 1000] [--workers 2] [--slice 60] [--rounds 5] [--out out/venue] [--tiny]

Bare: as many processes as the farm has workers, each with key and epoch open, prove a slice of the accounts, every one
its share, and nobody verifies. The farm is given the same slice: openings travel, proofs come back, the caller verifies
each and keeps it. The two take turns, and the medians of their rounds are compared: the bound is 3 %. Then the farm
proves all accounts from its start, workers and keys included, and the time is held against the ideal, which is a bare
proof's median times the accounts over the workers: the bound is 1.1. Exit code 1 above one of them. The bounds are for
`margin-full-256x16` on quiet cores. The key is made the first time, which is not counted.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from eth_utils.crypto import keccak

from circuits import statements
from circuits.statements import margin
from primitives import threads
from tailproof import epochs
from tailproof.attestation import prove_margin
from tailproof.farm import cluster
from tailproof.farm.accounts import Shelf
from tailproof.farm.dispatch import Dispatch, Result
from tailproof.farm.work import Job, Site
from tailproof.keys import KeyDirectory, OpenedKey
from tailproof.secret import Opening
from verifier_contracts.context import Context

from .venue import keys_of, sources_of

OVERHEAD, IDEAL = 1.03, 1.10
"""Farm over bare; a thousand accounts over the ideal (issue 13)."""


@dataclass(frozen=True)
class Bare:
    """seconds : until the last process was done.  proofs : of each account, seconds."""

    seconds: float
    proofs: tuple[float, ...]


def jobs_of(keys: KeyDirectory, epoch: epochs.AnyEpoch, count: int) -> list[Job]:
    """Accounts that hold every instrument of the epoch that fits, each other lots of them."""
    preset = statements.get(keys.statement).preset
    rows = [row for row in epoch.instruments if row.id != epoch.cash_id][:preset.slots - 1]
    made = []
    for number in range(count):
        slots = [(epoch.cash_id, 30_000_000 + number), *((row.id, (number * 7 + at * 13) % 401 - 200 or 1)
                                                         for at, row in enumerate(rows))]
        salt = int.from_bytes(keccak(text=f"salt {number}"), "big") >> 4
        opening = Opening(keys.statement, margin.commit(salt, margin.fill(preset, slots)), salt, slots)
        made.append(Job(opening, Context("margin", 31337, "0x" + "11" * 20, bytes.fromhex(keys.key_digest[2:]),
                                         f"0x{number + 1:040x}", 1, 1)))
    return made


# -- bare --------------------------------------------------------------------------------------------------------------
def _alone() -> None:
    os.environ[threads.SETTING] = "1"              # as a worker with a core of its own


def _prove(site: Site, jobs: Sequence[Job]) -> list[float]:
    """Seconds of each proof."""
    keys, epoch = _opened(site)
    spent = []
    for job in jobs:
        begun = time.perf_counter()
        prove_margin(keys, epoch, job.opening, job.context)
        spent.append(time.perf_counter() - begun)
    return spent


@cache
def _opened(site: Site) -> tuple[OpenedKey, epochs.AnyEpoch]:
    return OpenedKey.load(site.key), epochs.load(site.epoch)


def bare(pools: Sequence[ProcessPoolExecutor], site: Site, jobs: Sequence[Job]) -> Bare:
    """Each process its share."""
    begun = time.perf_counter()
    running = [pool.submit(_prove, site, jobs[at::len(pools)]) for at, pool in enumerate(pools)]
    proofs = [seconds for one in running for seconds in one.result()]
    return Bare(time.perf_counter() - begun, tuple(proofs))


# -- the farm ----------------------------------------------------------------------------------------------------------
def farmed(dispatch: Dispatch, shelf: Shelf, jobs: Sequence[Job]) -> float:
    """Seconds until the last bundle is verified and kept."""
    kept = 0

    def told(result: Result) -> None:
        nonlocal kept
        if result.bundle is None:
            raise SystemExit(f"{result.job}: {result.refusal or result.lost}")
        shelf.put(result.job, result.bundle)
        kept += 1
    begun = time.perf_counter()
    dispatch.run(jobs, len(jobs), told=told)
    if kept != len(jobs):
        raise SystemExit(f"{kept} of {len(jobs)} accounts are proven")
    return time.perf_counter() - begun


def main(told: Callable[[str], object] = print) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--slice", type=int, default=60, help="Accounts of a round.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("out/venue"))
    parser.add_argument("--tiny", action="store_true", help="The smallest statement: a trial of the benchmark.")
    options = parser.parse_args()
    workers = options.workers
    statement = "margin-tiny" if options.tiny else "margin-full-256x16"
    keys = keys_of(options.out / "keys", {"margin": statement})["margin"]
    with tempfile.TemporaryDirectory(prefix="tailproof-farm-") as folder:
        home = Path(folder)
        epoch = epochs.build(sources_of(statement))
        epochs.save(epoch, home / "epoch")
        site = Site(str(keys.path.absolute()), keys.key_digest, str(home / "epoch"), epoch.root)
        jobs = jobs_of(keys, epoch, max(options.accounts, options.slice))
        part = jobs[:options.slice]
        pools = [ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_alone)
                 for _ in range(workers)]
        with cluster.local(workers) as client:
            dispatch = Dispatch(client, keys, epoch, site)
            dispatch.require_ready()
            bare(pools, site, part[:2 * workers])          # keys are opened, and nothing is counted yet
            farmed(dispatch, Shelf(home / "warm"), part[:2 * workers])
            alone, together = list[Bare](), list[float]()
            for number in range(options.rounds):
                alone.append(bare(pools, site, part))
                together.append(farmed(dispatch, Shelf(home / f"round {number}"), part))
                told(f"round {number + 1}: bare {alone[-1].seconds:.2f} s, farm {together[-1]:.2f} s")
        for pool in pools:
            pool.shutdown()
        begun = time.perf_counter()
        with cluster.local(workers) as client:
            dispatch = Dispatch(client, keys, epoch, site)
            dispatch.require_ready()
            started = time.perf_counter() - begun
            farmed(dispatch, Shelf(home / "all"), jobs[:options.accounts])
        whole = time.perf_counter() - begun
    proof = statistics.median(seconds for one in alone for seconds in one.proofs)
    seconds, over = statistics.median(one.seconds for one in alone), statistics.median(together)
    ideal = options.accounts * proof / workers
    told(f"{statement}, {workers} workers: {len(part)} accounts bare {seconds:.2f} s, by the farm {over:.2f} s: "
         f"{over / seconds:.3f} (bound {OVERHEAD})")
    told(f"{options.accounts} accounts in {whole:.1f} s, of which {started:.1f} s until workers are ready; ideal "
         f"{ideal:.1f} s, {1000 * proof:.0f} ms a proof: {whole / ideal:.3f} (bound {IDEAL})")
    (options.out / "farm.json").write_text(json.dumps({
        "statement": statement, "workers": workers, "slice": len(part), "bare": [one.seconds for one in alone],
        "farm": together, "overhead": over / seconds, "proof": proof, "accounts": options.accounts, "seconds": whole,
        "ready": started, "ideal": ideal, "against_ideal": whole / ideal, "bounds": [OVERHEAD, IDEAL]}, indent=1))
    return 0 if over / seconds <= OVERHEAD and whole / ideal <= IDEAL else 1


if __name__ == "__main__":
    sys.exit(main())
