"""Which accounts of a venue are to be proven: a folder of salt files; and which are already: a folder of bundles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput, TailproofError
from verifier_contracts.addresses import checksummed
from verifier_contracts.context import Context

from ..bundle import Bundle
from ..epochs import AnyEpoch
from ..keys import KeyDirectory
from ..secret import Opening
from .dispatch import require_true
from .work import Job

NAME = re.compile(r"(0x[0-9a-fA-F]{40})(?:-(0|[1-9][0-9]{0,12}))?\.json")
LATEST = (1 << 40) - 1


@dataclass(frozen=True)
class Account:
    """One salt file.  version : of the account's state, where the file's name says it."""

    address: str
    version: int | None
    path: Path

    def opening(self) -> Opening:
        """Raises BadInput, which shows no value."""
        return Opening.load(self.path)


def read_accounts(folder: Path) -> list[Account]:
    """The accounts of a folder, in the order of their addresses.

    Raises
    ------
    BadInput : it is no folder, or has none; a file *.json is named otherwise than ACCOUNT.json or ACCOUNT-VERSION.json;
        an account is there twice.
    """
    if not folder.is_dir():
        raise BadInput("--portfolios", str(folder), "a folder of salt files ACCOUNT.json or ACCOUNT-VERSION.json")
    found = dict[str, Account]()
    for path in sorted(folder.glob("*.json")):
        match = NAME.fullmatch(path.name)
        if match is None or int(match[2] or 0) > LATEST:
            raise BadInput("name of a salt file", path.name, "ACCOUNT.json or ACCOUNT-VERSION.json", source=folder)
        address = checksummed(match[1], "name of a salt file")
        if address in found:
            raise BadInput("account", address, f"there once: {found[address].path.name} is its too", source=path)
        found[address] = Account(address, None if match[2] is None else int(match[2]), path)
    if not found:
        raise BadInput("--portfolios", str(folder), "a folder of salt files ACCOUNT.json or ACCOUNT-VERSION.json: it "
                       "has none")
    return [found[address] for address in sorted(found, key=str.lower)]


class Shelf:
    """The folder that bundles go to, a file each, named by account, epoch, version and, of a cover, its claim: never
    replaced."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with jsonio.refusing_to_write(folder):
            folder.mkdir(parents=True, exist_ok=True)

    def place(self, job: Job) -> Path:
        """Where a job's bundle goes."""
        context: Context = job.context
        claim = "" if job.claim is None else f"-cover-{job.claim.packed():x}"
        return self.folder / f"{context.account}-{context.epoch_id}-{context.version}{claim}.json"

    def holds(self, job: Job, keys: KeyDirectory, key: Any, epoch: AnyEpoch) -> bool:
        """Whether a job's bundle is there, and proves what the job asks.

        Raises
        ------
        BadInput : something else has its name.
        """
        path = self.place(job)
        if not path.exists():
            return False
        try:
            require_true(Bundle.load(path), job, keys, key, epoch)
        except TailproofError as error:
            raise BadInput("file", path.name, f"the bundle of this account, epoch and version, or absent ({error})",
                           source=self.folder) from None
        return True

    def forget_before(self, epoch_id: int) -> None:
        """Remove the bundles of earlier epochs."""
        for path in self.folder.glob("0x*-*-*.json"):
            epoch = path.name.split("-")[1]
            if epoch.isdecimal() and int(epoch) < epoch_id:
                path.unlink(missing_ok=True)

    def put(self, job: Job, bundle: Bundle) -> Path:
        """Keep a bundle; whole or not at all."""
        path = self.place(job)
        bundle.save(path)
        return path
