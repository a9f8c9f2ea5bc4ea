"""Whose openings a venue has: in a folder of salt files, and in escrow, where its key opens them.

What is opened stays in memory: nothing here writes, and nothing that is told of an account shows a value.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from circuits import statements
from circuits.statements import Statement, cover, grid, margin
from committee.decryption import open_alone
from primitives.errors import BadInput
from verifier_contracts.addresses import checksummed

from .. import escrowing
from ..escrow_book import EscrowBook
from ..farm.accounts import NAME
from ..secret import Opening

if TYPE_CHECKING:
    from committee.members import Identity
    from verifier_contracts.system import Contracts, System

    from ..escrowing import Posted

ESCROW_EVERY = 60.0
"""Seconds between looks at what was posted."""


class Source(Protocol):
    """Where openings come from."""

    def accounts(self) -> set[str]:
        """Accounts of which something is there, checksummed."""

    def find(self, account: str, commitment: int) -> Opening | None:
        """What opens an account's commitment; None if nothing here does.

        Raises
        ------
        BadInput : a file of that account is broken, and no other opens it; no value in it is shown.
        """


@dataclass
class Store:
    """A folder of salt files, ACCOUNT.json or ACCOUNT-VERSION.json, which may be several of an account: the one that
    opens its commitment counts. Other files are nobody's concern."""

    folder: Path
    _files: dict[str, list[Path]] = field(default_factory=dict)

    def accounts(self) -> set[str]:
        """As `Source.accounts`, looked up anew; raises BadInput where it is no folder."""
        if not self.folder.is_dir():
            raise BadInput("accounts.store", str(self.folder), "a folder of salt files")
        found = dict[str, list[Path]]()
        for path in sorted(self.folder.glob("*.json")):
            match = NAME.fullmatch(path.name)
            try:
                account = None if match is None else checksummed(match[1], "name of a salt file")
            except BadInput:                       # an address with another checksum: somebody's mistake, and not ours
                continue
            if account is not None:
                found.setdefault(account, []).append(path)
        self._files = found
        return set(found)

    def find(self, account: str, commitment: int) -> Opening | None:
        broken: BadInput | None = None
        for path in reversed(self._files.get(account, [])):
            try:
                opening = Opening.load(path)
            except BadInput as error:
                broken = error
                continue
            if opening.commitment == commitment:
                return opening
        if broken is not None:
            raise broken
        return None


@dataclass
class Escrowed:
    """What was posted and encrypted to the venue's key.

    posted : the last escrow of each account and commitment.  statement : of the margin that is proven, by name.
    """

    posted: Callable[[], Mapping[tuple[str, int], Posted]]
    identity: Identity
    statement: str
    clock: Callable[[], float] = time.monotonic
    _read_at: float | None = None
    _found: Mapping[tuple[str, int], Posted] = field(default_factory=dict)

    def accounts(self) -> set[str]:
        now = self.clock()
        if self._read_at is None or now - self._read_at >= ESCROW_EVERY:
            self._found, self._read_at = self.posted(), now
        return {account for (account, _), one in self._found.items() if self.identity.key in one.request.recipients}

    def find(self, account: str, commitment: int) -> Opening | None:
        one = self._found.get((account, commitment))
        if one is None or self.identity.key not in one.request.recipients:
            return None
        return escrowing.opening_of(one.request, open_alone(one.request, self.identity), self.statement)


@dataclass(frozen=True)
class Openings:
    """Several sources; the first that has an opening counts."""

    sources: tuple[Source, ...]

    def accounts(self) -> list[str]:
        """Accounts of all, in the order of their addresses."""
        return sorted(set[str]().union(*(source.accounts() for source in self.sources)), key=str.lower)

    def find(self, account: str, commitment: int) -> Opening | None:
        """As `Source.find`: what is broken in one source does not keep another from opening."""
        broken: BadInput | None = None
        for source in self.sources:
            try:
                found = source.find(account, commitment)
            except BadInput as error:
                broken = error
                continue
            if found is not None:
                return found
        if broken is not None:
            raise broken
        return None


def margin_of(statement: Statement) -> str:
    """The margin statement whose openings a statement of KINDS reads, by name; raises BadInput for another."""
    preset = statement.preset
    if isinstance(preset, cover.Preset):
        wanted = preset.margin
        return next(name for name in statements.names() if statements.get(name).preset == wanted)
    if isinstance(preset, margin.Preset | grid.Preset):
        return statement.name
    raise BadInput("prove.key", statement.name, "the key of a margin or cover statement")


def openings_of(store: Path | None, secret: Path | None, system: System, there: Contracts, statement: str) -> Openings:
    """The sources that a venue's file names; raises BadInput where a secret cannot be read."""
    from committee.members import Identity
    sources: list[Source] = []
    if store is not None:
        sources.append(Store(store))
    if secret is not None:
        sources.append(Escrowed(EscrowBook(system, there).posted, Identity.load(secret), statement))
    return Openings(tuple(sources))
