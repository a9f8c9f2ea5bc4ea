"""A venue on the embedded chain: a folder with all that its file names, signers with keys of their own, and a farm that
proves in this process."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from real_system import RealSystem
from venue_accounts import Member

from primitives.errors import TailproofError
from relayer.intake import Intake
from relayer.outbox import Outbox
from risk.exact.clock import format_time, parse_time
from tailproof import epochs, signing, signing_journal
from tailproof.farm.dispatch import Result
from tailproof.farm.work import Job, Refusal
from tailproof.farm.worker import prove_bundle, prove_margin
from tailproof.relaying import open_outbox, read_parcel
from tailproof.venue import feeds, running
from tailproof.venue.config import VenueConfig
from tailproof.venue.cosigning import Cosigner, Terms
from tailproof.venue.feeds import FolderFeed
from tailproof.venue.openings import Store, openings_of
from tailproof.venue.rounds import Rounds
from tailproof.venue.running import Venue
from verifier_contracts.signers import LocalSigner

CONFIG = """
signatures = ["signatures"]
interval = 300

[feed]
folder = "feed"
max_age = 600
replayed = true

[epoch]
model = "model.toml"
collateral = "collateral.json"
valid_for = 120
allow_trial = true

[accounts]
store = "accounts"

[prove]
key = "keys/{kind}"
every = 1

[relay]
outbox = "relay.db"
"""


class Killed(BaseException):
    """Stands for kill -9: nothing catches it."""


class Inline:
    """In place of `Dispatch`: proves here, one after the other."""

    def __init__(self, client: Any, keys: Any, epoch: Any, site: Any, **options: Any) -> None:
        self.keys, self.epoch, self.expelled = keys, epoch, list[str]()

    def require_ready(self) -> None:
        pass

    def run(self, jobs: list[Job], total: int, *, told: Callable[[Result], None], stopped: Callable[[], bool]) -> None:
        for job in jobs:
            if stopped():
                return
            try:
                made = prove_margin(self.keys, self.epoch, job.opening, job.context) if job.claim is None else \
                    prove_bundle(self.keys, job.opening, job.context, epoch=self.epoch, claim=job.claim)
                told(Result(job, bundle=made))
            except TailproofError as error:
                told(Result(job, refusal=Refusal.of(error)))


@contextmanager
def no_workers() -> Iterator[Any]:
    yield None


@dataclass
class VenueSite:
    """A venue's folder.  heard : events of all processes so far."""

    real: RealSystem
    home: Path
    kind: str = "margin"
    heard: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    sequence: int = 0

    def make(self) -> VenueSite:
        real, home = self.real, self.home
        for name in ("signatures", "accounts", "feed"):
            (home / name).mkdir(parents=True, exist_ok=True)
        (home / "accounts").chmod(0o700)
        (home / "keys").symlink_to(real.path("keys"))
        shutil.copy(real.path("collateral.json"), home / "collateral.json")
        sources = epochs.arrays_of(real.epoch).provenance.sources                       # type: ignore[union-attr]
        (home / "model.toml").write_bytes(sources.model)
        self.book = json.loads(sources.book)
        Rounds(home / "rounds").make()
        shutil.copytree(real.path("epoch"), home / "rounds" / "epochs" / "before")
        (home / "venue.toml").write_text(CONFIG.format(kind=self.kind))
        return self

    def feed(self, seconds: int = 600, spot: str | None = None, **manifest: Any) -> int:
        """Prices later than the book's by so many seconds; returns their valuation."""
        book = json.loads(json.dumps(self.book))
        valuation = parse_time(book["valuation"], field="valuation") + seconds
        book["valuation"] = format_time(valuation)
        if spot is not None:
            first = book["underlyings"][0]
            ratio = Decimal(spot) / Decimal(first["spot"])
            for curve in book["expiries"]:
                if curve["underlying"] == first["symbol"]:
                    curve["forward"] = f"{Decimal(curve['forward']) * ratio:.2f}"
            first |= {"spot": spot, "perpetual": spot}
        self.sequence += 1
        feeds.write(self.home / "feed", self.sequence, manifest.get("written_at", int(time.time())),
                    {"book": json.dumps(book).encode()}, replayed=manifest.get("replayed", True))
        return valuation

    def config(self) -> VenueConfig:
        return VenueConfig.load(self.home / "venue.toml")

    def outbox(self) -> Outbox:
        return open_outbox(str(self.home / "relay.db"), self.real.system)

    def venue(self, at: Callable[[str], object] = running.nowhere) -> Venue:
        """As a process makes it at its start."""
        real, config, outbox = self.real, self.config(), self.outbox()
        assert config.feed.folder is not None
        intake = Intake(outbox, lambda document: read_parcel(document, real.system), clock=time.time)
        openings = openings_of(config.store, config.secret, real.system, real.at, "margin-tiny")
        assert isinstance(openings.sources[0], Store)
        return Venue(config, real.system, real.at, FolderFeed(config.feed.folder), openings, outbox, intake, no_workers,
                     self.hear, at=at)

    def hear(self, event: str, **facts: Any) -> None:
        self.heard.append((event, facts))

    def events(self, name: str) -> list[dict[str, Any]]:
        return [facts for event, facts in self.heard if event == name]

    def signer(self, place: int, **terms: Any) -> Cosigner:
        """A signer with a journal of its own."""
        key = LocalSigner(self.real.world.publishers[place])
        journal = self.home / f"journal-{place}"
        if not journal.exists():
            signing_journal.create(journal, signing.owner_of(self.real.at.oracle, key.address), self.real.chain.now(),
                                   never_signed=True)
        own = Terms(**{"model": (self.home / "model.toml").read_bytes(),
                       "collateral": (self.home / "collateral.json").read_bytes(), "history": None, "valid_for": 600,
                       "allow_trial": True, "accepts_changes": True, **terms})
        return Cosigner(self.real.at, Rounds(self.home / "rounds"), key, journal, self.home / "signatures", own,
                        self.hear)

    def sign(self, *places: int) -> int:
        """Have signers look once; how many signed."""
        return sum(self.signer(place).round() for place in places)

    def tick(self, venue: Venue, *signers: int) -> None:
        """From the clock's next turn to the last bundle."""
        before = venue.published
        for _ in range(3):
            venue.once()
        self.sign(*(signers or (0, 1)))
        for _ in range(4):
            venue.once()
        assert venue.published == before + 1, (venue.troubles, self.heard[-5:])

    def later(self, seconds: int) -> None:
        self.real.chain.travel_to(self.real.chain.now() + seconds)

    def documents(self) -> dict[str, str]:
        """What the relayer has, by name."""
        return {item.name: item.document for item in self.outbox().latest(1_000)}


def add(site: VenueSite, members: list[Member]) -> None:
    """Their salt files, in the venue's store."""
    for one in members:
        one.opening.save(site.home / "accounts" / f"{one.account}.json")


def inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have venues prove in this process."""
    monkeypatch.setattr(running, "Dispatch", Inline)
