"""Whether a venue's configuration works: everything that a round would need is tried; nothing is written or sent."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from circuits import statements
from primitives.errors import BadInput, Said, TailproofError
from risk.epochs.provenance import read_source
from risk.exact.clock import format_time
from risk.grid.grid_shape import GridShape
from verifier_contracts.system import Contracts, System

from .. import epochs, signing
from ..bundling import kind_of_key
from ..farm.contexts import KINDS, states
from ..keys import KeyDirectory
from . import feeds
from .config import VenueConfig
from .feeds import Feed, Snapshot
from .openings import Openings
from .rounds import Rounds
from .running import sources_of


@dataclass(frozen=True)
class Checked:
    """One thing that was tried.  found : what there is, or why it does not work."""

    name: str
    works: bool
    found: str

    def to_json(self) -> dict[str, Any]:
        return {"name": self.name, "works": self.works, "found": self.found}


def check(config: VenueConfig, system: System, there: Contracts, feed: Callable[[], Feed],
          openings: Callable[[str], Openings], outbox: Callable[[], object], workers: Callable[[], object]
          ) -> Iterator[Checked]:
    """Try everything, one after the other; what does not work keeps nothing else from being tried.

    Parameters
    ----------
    feed, openings, outbox, workers : open what the configuration names; `openings` of a margin statement.
    """
    taken: list[Snapshot] = []
    tries: tuple[tuple[str, Callable[[], str]], ...] = (
        ("interval", lambda: _interval(config, there)),
        ("key", lambda: _key(config, there)),
        ("feed", lambda: _feed(config, there, feed(), taken)),
        ("epoch", lambda: _epoch(config, there, taken)),
        ("signers", lambda: _signers(config, there)),
        ("accounts", lambda: _accounts(config, there, openings)),
        ("outbox", lambda: f"{outbox()}"),
        ("workers", lambda: f"{workers()}"))
    for name, work in tries:
        try:
            yield Checked(name, True, work())
        except (TailproofError, OSError) as error:
            yield Checked(name, False, str(error)[:500])


def _interval(config: VenueConfig, there: Contracts) -> str:
    least, most = there.oracle.min_interval(), there.ledger.max_epoch_age()
    if not least <= config.interval < most:
        raise BadInput("interval", config.interval, f"at least {least} s, which the oracle asks for, and below {most} "
                       "s, after which a margin rests on nothing", source=config.path)
    return f"{config.interval} s; the oracle takes epochs {least} s apart, proofs are good for {most} s"


def _key(config: VenueConfig, there: Contracts) -> str:
    keys = KeyDirectory.load(config.prove.key)
    kind = kind_of_key(keys)
    if kind not in KINDS:
        raise BadInput("prove.key", keys.statement, "the key of a margin or cover statement", source=config.path)
    keys.require(statements.get(keys.statement))
    keys.proving_key()
    active = "0x" + there.registry.active(kind).key_digest.hex()
    if keys.key_digest != active:
        raise BadInput("prove.key", keys.key_digest, f"{active}, the key in force for {kind}", source=config.path)
    return f"{keys.statement}, in force"


def _feed(config: VenueConfig, there: Contracts, feed: Feed, taken: list[Snapshot]) -> str:
    if config.feed.replayed and not there.chain.development:
        raise BadInput("feed.replayed", True, "false: prices of the past are for development chains",
                       source=config.path)
    snapshot = feed.read()
    feeds.require_young(snapshot, time.time(), config.feed.max_age, replayed=config.feed.replayed, source=feed.name)
    taken.append(snapshot)
    return f"{feed.name}: prices of {format_time(snapshot.valuation)}" + (", replayed" if snapshot.replayed else "")


def _epoch(config: VenueConfig, there: Contracts, taken: list[Snapshot]) -> str:
    """Make it, and leave it."""
    if not taken:
        raise BadInput("epoch", None, "there once the feed works")
    own, standing, before = config.epoch, signing.standing(there.oracle), None
    if standing is not None:
        library = Rounds(config.rounds).library()
        library.refresh()
        before = library.by_root(standing[1])
        if before is None:
            raise BadInput("previous epoch", str(standing[1]), "in this folder: the next one follows on the last that "
                           "stands; put its directory there", source=Rounds(config.rounds).epochs)
        if epochs.arrays_of(before.epoch).header.timestamp == taken[0].valuation:
            return f"the one that stands, {before.path.name}: its prices are the feed's"
    keys = KeyDirectory.load(config.prove.key)
    on_grid = isinstance(statements.get(keys.statement).shape, GridShape)
    made = epochs.build(sources_of(read_source(own.model), taken[0], {
        "model": str(own.model), "book": "feed", "history": "feed"}), statement=own.statement, regime=own.regime,
        collateral=own.collateral if on_grid else None, previous=None if before is None else before.path)
    if made.header.trial and not own.allow_trial:
        raise BadInput("purpose", Said("trial"), "no trial (E9); or epoch.allow_trial, on a chain to try on",
                       source=own.model)
    return f"{len(made.instruments)} instruments, root {made.root}"


def _signers(config: VenueConfig, there: Contracts) -> str:
    missing = [str(folder) for folder in config.signatures if not folder.is_dir()]
    if missing:
        raise BadInput("signatures", missing, "folders that are there", source=config.path)
    seated = there.oracle.signers()
    return f"{seated.quorum} of {len(seated.signers)} sign, into {len(config.signatures)} folders"


def _accounts(config: VenueConfig, there: Contracts, openings: Callable[[str], Openings]) -> str:
    from .openings import margin_of
    found = openings(margin_of(statements.get(KeyDirectory.load(config.prove.key).statement)))
    known = states(there, found.accounts())
    registered = [account for account, state in known.items() if state.commitment]
    opened = broken = 0
    for account in registered:
        try:
            opened += found.find(account, known[account].commitment) is not None
        except BadInput:                           # counted: which, the log of a run says
            broken += 1
    if not opened:
        raise BadInput("accounts", Said(
            f"{len(known)}, of which {len(registered)} are registered and none can be opened"),
                       "at least one that can be", source=config.path)
    return f"{len(known)}, of which {len(registered)} are registered, {opened} can be opened" + (
        f", {broken} have a broken file" if broken else "")
