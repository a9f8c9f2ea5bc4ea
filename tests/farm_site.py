"""A venue of few accounts with a small key: what tests of the farm prove."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from margin_site import system_file
from oracle_epochs import build

from circuits import statements
from risk.margins.portfolio import Portfolio
from tailproof import epochs
from tailproof.attestation import commit
from tailproof.farm.work import Job, Site
from tailproof.keys import KeyDirectory, make_keys
from tailproof.secret import Opening
from verifier_contracts.context import Context

STATEMENT, EPOCH_ID, VERSION = "margin-tiny", 5, 3
MANAGER = "0x" + "11" * 20                         # of `system_file`


def begin_quickly() -> None:
    """Workers of this process begin as copies of one that has imported what they need: a fresh one, as users have it,
    takes a second to."""
    import dask
    from distributed.utils import get_mp_context
    dask.config.set({"distributed.worker.multiprocessing-method": "forkserver"})
    get_mp_context().set_forkserver_preload(["distributed", "tailproof.farm.worker"])


@dataclass(frozen=True)
class Farm:
    """home : with epoch, key, deployment.json and in/, a salt file for each of `openings`."""

    home: Path
    keys: KeyDirectory
    epoch: Any
    openings: dict[str, Opening]

    @property
    def site(self) -> Site:
        return Site(str(self.home / "key"), self.keys.key_digest, str(self.home / "epoch"), self.epoch.root)

    def job(self, account: str) -> Job:
        return Job(self.openings[account], Context("margin", 31337, MANAGER, bytes.fromhex(self.keys.key_digest[2:]),
                                                   account, EPOCH_ID, VERSION))

    def jobs(self) -> list[Job]:
        return [self.job(account) for account in self.openings]


def account(number: int) -> str:
    return f"0x{number:040x}"


def make(home: Path, *, accounts: int) -> Farm:
    home.mkdir(exist_ok=True)
    build(home / "epoch")
    epoch, keys = epochs.load(home / "epoch"), make_keys(statements.get(STATEMENT), home / "key")
    system_file(home / "deployment.json", STATEMENT, bytes.fromhex(keys.key_digest[2:]))
    (home / "in").mkdir()
    openings = {}
    for number in range(1, accounts + 1):
        portfolio = home / f"{number}.json"
        portfolio.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
            {"instrument": "BTC-PERP", "lots": 7 * number - 20}]}))
        opening = commit(statements.get(STATEMENT), epoch, Portfolio.read(portfolio))
        opening.save(home / "in" / f"{account(number)}-{VERSION}.json")
        openings[account(number)] = opening
    return Farm(home, keys, epoch, openings)
