"""A signer of a venue's epochs, in a process of its own, with its own key, journal, model and, if it has one, feed.

It signs what `oracle sign` would: the epoch is made again from its sources, follows on the last that stands, and its
content is what comes out here. Nobody looks at what it signs. So its model and collateral files must be the epoch's,
byte for byte, and what the book says must be what its own feed says, within a tolerance. A signer without a feed signs
no epoch of which `epoch check` tells a change.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from primitives import jsonio
from primitives.errors import BadInput, Said, TailproofError
from risk.exact.clock import format_time
from risk.exact.money import format_money
from risk.grid.grid_epoch import GridEpoch
from risk.market.book import Book, parse_book
from risk.market.history import parse_history
from verifier_contracts.system import Contracts

from .. import epochs, signing
from . import feeds
from .copies import copy_epoch
from .feeds import Feed, Snapshot
from .rounds import Proposal, Rounds, place_of

if TYPE_CHECKING:
    from verifier_contracts.signers import Signer

Heard = Callable[..., object]
REMEMBERED = 64
"""Epochs that were made again, by their files and those of the one before, and need not be once more."""
MOST_PREVIOUS = 4
"""Directories of the root of the epoch before that an epoch is held against."""


@dataclass(frozen=True)
class Terms:
    """What a signer signs.

    model, collateral : files of its own, byte for byte; the epoch's must be the same.  history : as of `oracle sign`.
    valid_for : seconds of a content, at most.  feed : its own, of `max_age` seconds; None: the epoch's sources are
    taken as they are.  tolerance : basis points by which its prices may differ from the epoch's; their times may by
    `max_age`, unless it is replayed.
    accepts_changes : whether what `epoch check` calls changed is signed.
    """

    model: bytes
    collateral: bytes | None
    history: Path | None
    valid_for: int
    allow_trial: bool
    feed: Feed | None = None
    max_age: int = 900
    replayed: bool = False
    tolerance: int = 100
    accepts_changes: bool = False
    first: bool = False


@dataclass
class Cosigner:
    """One signer of one venue.

    out : folder that signatures are put into.  journal : see `signing_journal`.
    heard : told (event, facts); facts hold no secret.
    """

    there: Contracts
    rounds: Rounds
    signer: Signer
    journal: Path
    out: Path
    terms: Terms
    heard: Heard
    clock: Callable[[], float] = time.time
    _stood: set[tuple[bytes, bytes]] = field(default_factory=set)
    _own: TemporaryDirectory[str] = field(default_factory=lambda: TemporaryDirectory(prefix="tailproof-signer-"))
    _said: set[tuple[int, str]] = field(default_factory=set)

    _files: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._library = self.rounds.library()

    def round(self) -> int:
        """Look at what is proposed and sign what is good; returns how many were signed. What is wrong with one is
        heard, once, and keeps no other from being signed.

        Raises
        ------
        NodeError : from the node; the next round asks again.
        """
        signed = 0
        for tick in self.rounds.ticks()[-2:]:
            try:
                proposal = self.rounds.proposal(tick)
                if proposal is None or proposal.content.deadline < self.there.chain.next_time():
                    continue
                path = place_of(self.out, proposal, self.there.oracle.domain, self.signer.address)
                if path is None:
                    continue
                self._sign(proposal, path)
                signed += 1
            except TailproofError as error:
                if getattr(error, "try_again", False):
                    raise
                self._tell(tick, error)
            except Exception as error:             # also a defect of ours that an epoch meets: it ends no signer
                self._tell(tick, error)
        return signed

    def facts(self) -> dict[str, Any]:
        """What is told of it at its start."""
        return {"signer": self.signer.address, "oracle": self.there.oracle.address, "journal": str(self.journal),
                "out": str(self.out)}

    def _tell(self, tick: int, error: Exception) -> None:
        why = str(error)[:500]
        if (tick, why) not in self._said:
            self._said.add((tick, why))
            self.heard("not signed", tick=tick, error=type(error).__name__, why=why)

    def _sign(self, proposal: Proposal, path: Path) -> None:
        """Look at copies, in a folder of this process: the venue may change what is in its own meanwhile."""
        given, folder = self.rounds.epochs / proposal.epoch, Path(self._own.name)
        directory, refused = folder / "epoch" / given.name, list[Exception]()
        try:
            seen = copy_epoch(given, directory)
            for previous, as_before in self._previous(directory, folder):
                try:
                    self._sign_copy(proposal, directory, previous, (seen, as_before), path)
                    return
                except Exception as error:         # also sources that are none: the next directory may have better
                    if getattr(error, "try_again", False):
                        raise
                    refused.append(error)
            if refused:
                raise refused[-1]
        finally:
            for copy in list(folder.iterdir()):
                shutil.rmtree(copy)

    def _sign_copy(self, proposal: Proposal, directory: Path, previous: Path | None, known: tuple[bytes, bytes],
                   path: Path) -> None:
        oracle = self.there.oracle
        on_grid = self._require_ours(directory)
        candidate = signing.propose(directory, oracle, self.there.court, previous=previous, first=self.terms.first,
                                    collateral=None if on_grid else self.terms.collateral,
                                    valid_for=self.terms.valid_for, allow_trial=self.terms.allow_trial,
                                    given=proposal.content)
        if known not in self._stood:
            report = signing.require_stands(candidate, history=self.terms.history)
            if report.changes and self.terms.feed is None and not self.terms.accepts_changes:
                raise BadInput("changes", "; ".join(map(str, report.changes))[:300], "none that nobody has looked at "
                               "(--feed, --accept-changes, or `oracle sign` by hand)", source=directory)
            if len(self._stood) >= REMEMBERED:
                self._stood.clear()
            self._stood.add(known)
        signed = signing.sign(candidate.content, oracle, self.signer, self.journal)
        signed.save(path)
        if len(self._files) >= REMEMBERED:
            del self._files[next(iter(self._files))]
        self._files[candidate.content.root] = known[0]
        self.heard("signed", tick=proposal.tick, epoch_id=candidate.content.id, root=str(candidate.content.root),
                   digest="0x" + candidate.content.digest().hex())

    def _previous(self, directory: Path, folder: Path) -> Iterator[tuple[Path | None, bytes]]:
        """Copies of the last epoch that stands, and the digests of their files; of (None, b"") where an epoch follows
        on none, or nobody has that.

        Several: whoever can write to the folder of rounds can put another directory of the same root there, with a pipe
        in it, or with sources that are not the published ones, which no root says. What it has keeps none from being
        signed that follows on the other.
        """
        standing, refused, found = signing.standing(self.there.oracle), list[TailproofError](), 0
        if standing is None or standing[1] == epochs.load(directory).root:
            yield None, b""
            return
        self._library.refresh()
        for number, held in enumerate(self._library.all_of_root(standing[1])):
            into = folder / f"previous-{number}"
            try:
                digest = copy_epoch(held.path, into)
                if epochs.load(into).root != standing[1]:          # it is another by now
                    continue
            except TailproofError as error:
                refused.append(error)
                continue
            if digest != self._files.get(standing[1], digest):
                refused.append(BadInput("previous epoch", Said("other files"), "those that this signer signed: what an "
                                        "epoch goes on from is in them, and not in the root", source=held.path))
                continue
            yield into, digest
            if (found := found + 1) == MOST_PREVIOUS:
                return
        if refused and not found:
            raise refused[0]
        if not found:
            yield None, b""

    def _require_ours(self, directory: Path) -> bool:
        """Refuse an epoch of another model, collateral or market than this signer's; returns whether it is on a grid,
        where collateral is inside."""
        epoch = epochs.load(directory)
        arrays, on_grid = epochs.arrays_of(epoch), isinstance(epoch, GridEpoch)
        if arrays.provenance is None:
            raise BadInput("epoch: sources", None, "there: they are what a signer makes it again from",
                           source=directory)
        sources = arrays.provenance.sources
        if sources.model != self.terms.model:
            raise BadInput("model", Said("another file"), "this signer's own, byte for byte (--model)",
                           source=directory)
        if isinstance(epoch, GridEpoch) and epoch.collateral != self.terms.collateral:
            raise BadInput("collateral", Said("another file"), "this signer's own, byte for byte (--collateral)",
                           source=directory)
        if self.terms.feed is not None:
            own = self._market(self.terms.feed)
            apart = abs(arrays.header.timestamp - own.valuation)
            # The same prices under another time are other options: what has expired would be none.
            if not own.replayed and apart > self.terms.max_age:
                raise BadInput("valuation", format_time(arrays.header.timestamp), f"within {self.terms.max_age} s of "
                               f"{format_time(own.valuation)}, that of this signer's own feed", source=directory)
            require_near(parse_book(sources.book, source=directory), parse_book(own.book, source=self.terms.feed.name),
                         self.terms.tolerance, str(directory))
            if sources.history is not None and own.history is not None:
                require_same_past(sources.history, own.history, self.terms.tolerance, str(directory))
        return on_grid

    def _market(self, feed: Feed) -> Snapshot:
        found = feed.read()
        feeds.require_young(found, self.clock(), self.terms.max_age, replayed=self.terms.replayed, source=feed.name)
        return found


def require_near(book: Book, own: Book, tolerance: int, source: str) -> None:
    """Refuse a book that says something else than one's own: other instruments, or a number that is further from one's
    own than so many basis points.

    Raises
    ------
    BadInput : naming the first: spot, perpetual or forward of an underlying, charge or settlement of an instrument, or
        one that the other has not.
    """
    ours, theirs = _numbers(own), _numbers(book)
    for what in [*ours, *(what for what in theirs if what not in ours)]:
        mine, given = ours.get(what), theirs.get(what)
        if mine is None or given is None:
            raise BadInput(what, None if given is None else format_money(given), "there, as in this signer's own feed"
                           if given is None else "one that this signer's own feed has", source=source)
        if abs(given - mine) > 1 and abs(given - mine) * 10_000 > tolerance * mine:
            raise BadInput(what, format_money(given), f"within {tolerance} basis points of {format_money(mine)}, which "
                           "this signer's own feed has", source=source)


def _numbers(book: Book) -> Mapping[str, int]:
    """What a book says, money units; nothing of volatilities, which two surfaces never have alike."""
    found = {f"spot of {one.symbol}": one.spot for one in book.underlyings}
    found |= {f"perpetual of {one.symbol}": one.perpetual for one in book.underlyings if one.perpetual is not None}
    for (symbol, expiry), curve in book.curves.items():
        found[f"forward of {symbol} at {expiry}"] = curve.forward
    for one in book.listings:
        symbol = one.instrument.symbol
        found |= {f"charge of a long lot of {symbol}": one.long, f"charge of a short lot of {symbol}": one.short}
        if one.settled is not None:
            found[f"settlement of {symbol}"] = one.settled
    return found


def require_same_past(history: bytes, own: bytes, tolerance: int, source: str) -> None:
    """Refuse a history whose rows differ from one's own, where both have them, by more than so many basis points.

    Raises
    ------
    BadInput : naming the first row and asset; or they have no row in common.
    """
    ours, theirs = (parse_history(each, max_gap_steps=1 << 30, step_seconds=1) for each in (own, history))
    known = dict(zip(ours.times, ours.prices, strict=True))
    places = [(place, ours.assets.index(asset), asset) for place, asset in enumerate(theirs.assets)
              if asset in ours.assets]
    common = [(at, label, row) for at, label, row in zip(theirs.times, theirs.labels, theirs.prices, strict=True)
              if at in known]
    if not common or not places:
        raise BadInput("history", Said("another"), "one that has rows in common with this signer's own feed",
                       source=source)
    for at, label, row in common:
        for place, mine, asset in places:
            if abs(row[place] - known[at][mine]) * 10_000 > tolerance * known[at][mine]:
                raise BadInput(f"history of {label}, {asset}", float(row[place]), f"within {tolerance} basis points of "
                               f"{float(known[at][mine])}, which this signer's own feed has", source=source)


def files_of(model: Path, collateral: Path | None) -> tuple[bytes, bytes | None]:
    """The files that a signer holds epochs against; raises BadInput."""
    from risk.epochs.provenance import read_source
    return read_source(model), None if collateral is None else read_source(collateral)



def make_folder(path: Path) -> None:
    """Make a signer's folder; raises BadInput where it cannot be."""
    with jsonio.refusing_to_write(path):
        path.mkdir(parents=True, exist_ok=True)
