"""`tailproof venue run`, `check` and `signer`: a venue that runs, and who signs its epochs, each a process apart."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from primitives.errors import BadInput, Said, TailproofError

from ..extras import require
from ..secret import without_core_dumps
from .console import CONTINUED, FILE, Integer, Outcome, reporting, table
from .node import Endpoint, talking_to_a_node
from .relay import writer
from .stopping import stopping
from .vault import DEPLOYMENT, opened

if TYPE_CHECKING:
    from distributed import Client

    from ..hearing import Hearing
    from ..venue.config import VenueConfig
    from ..venue.cosigning import Cosigner
    from ..venue.feeds import Feed
    from ..venue.running import Venue

LOG = click.option("--log", type=CONTINUED, help="Append what happens, a line of JSON each.  [default: stderr]")
KEEPER_AGAIN = 30.0
"""Seconds after which a keeper that failed begins again."""


@click.command("run")
@click.argument("config", type=FILE)
@DEPLOYMENT
@talking_to_a_node(sends=True)
@LOG
@click.option("--ticks", type=Integer(1, 10**6), help="End once so many epochs of this run are published, and every "
              "account is with the relayer or has no proof.")
@reporting
def run(config: Path, deployment: Path, endpoint: Endpoint, log: Path | None, ticks: int | None) -> Outcome:
    """Run a venue by its file CONFIG, until it is interrupted or terminated: on a clock, an epoch is built from its
    feed, signed by others, published; every account is proven in it, and its bundle goes into the relayer's outbox."""
    require("farm", "relay")
    from ..hearing import Hearing
    from ..venue.config import VenueConfig
    if endpoint.dry_run or endpoint.calldata is not None:
        raise BadInput("--dry-run and --calldata", Said("given"), "absent: a venue sends (`venue check` does not)")
    settings = VenueConfig.load(config)
    without_core_dumps()
    with ExitStack() as stack:
        hearing = Hearing(writer(log, stack))
        stack.enter_context(_alone(settings))
        made = _assembled(settings, deployment, endpoint, hearing, stack)
        stack.enter_context(stopping(made.stop))
        stack.callback(made.stop.set)
        if settings.keeper is not None:
            _keeping(settings, deployment, endpoint, hearing, made.stop, stack)
        url = None
        if settings.listen is not None:
            from ..venue.page import serve
            served = serve(made, hearing.counts, settings.listen, time.time, time.monotonic)
            stack.callback(served.close)
            url = served.url
        hearing("started", listening=url, **made.facts())
        done = _follow(made, ticks)
        hearing("stopped", rounds=made.rounds)
    counts = made.accounts.counts()
    return Outcome({"rounds": made.rounds, "published": done, "epoch_id": made.accounts.epoch_id, "accounts": counts,
                    "insecure_setup": made.system.insecure},
                   [*table([(state, count) for state, count in counts.items()], ("state", "accounts")),
                    f"stopped after {done} epochs"])


def _follow(made: Venue, ticks: int | None) -> int:
    """Rounds until the venue is stopped; how many epochs it published."""
    first = made.published
    try:
        while not made.stop.is_set():
            happened = made.once()
            if ticks is not None and made.published - first >= ticks and made.settled:
                break
            if not happened:
                made.stop.wait(1.0)
    finally:
        made.close()
    return made.published - first


@contextmanager
def _alone(config: VenueConfig) -> Iterator[None]:
    """One process runs a state."""
    from verifier_contracts.senders import locked
    name = hashlib.sha256(os.fsencode(os.path.realpath(config.state))).hexdigest()[:32]
    with locked(f"venue-{name}", 0.0) as ours:
        if not ours:
            raise BadInput("state", str(config.state), "a directory that no other venue is running on",
                           source=config.path)
        yield


def _assembled(config: VenueConfig, deployment: Path, endpoint: Endpoint, hearing: Hearing, stack: ExitStack) -> Venue:
    from circuits import statements
    from relayer.intake import Intake

    from ..keys import KeyDirectory
    from ..relaying import open_outbox, read_parcel
    from ..venue.feeds import feed_of
    from ..venue.openings import margin_of, openings_of
    from ..venue.running import Venue
    statement = margin_of(statements.get(KeyDirectory.load(config.prove.key).statement))
    system, there = opened(deployment, endpoint)
    openings = openings_of(config.store, config.secret, system, there, statement)
    outbox = open_outbox(config.outbox, system)
    stack.callback(outbox.close)
    intake = Intake(outbox, lambda document: read_parcel(document, system), clock=time.time)
    return Venue(config, system, there, feed_of(config.feed.folder, config.feed.url), openings, outbox, intake,
                 _workers(config), hearing)


def _workers(config: VenueConfig) -> Callable[[], AbstractContextManager[Client]]:
    """Where workers come from; raises BadInput for what is wrong with that now."""
    from primitives import threads

    from ..farm import cluster
    from ..farm.transport import Tls, require_safe
    own = config.prove
    if own.scheduler is None:
        count = cluster.default_workers() if own.workers is None else own.workers
        if count > threads.count():
            raise BadInput("prove.workers", count, f"at most {threads.count()}, the threads to use", source=config.path)
        return lambda: cluster.local(count)
    tls = None if own.tls is None else Tls(*own.tls)
    require_safe(own.scheduler, tls, insecure=False)
    address = own.scheduler
    return lambda: cluster.remote(address, tls)


def _keeping(config: VenueConfig, deployment: Path, endpoint: Endpoint, hearing: Hearing, stop: threading.Event,
             stack: ExitStack) -> None:
    """A keeper's steps beside the venue, in a thread with a node's connection of its own. What fails of it is told."""
    from risk.epochs.provenance import read_source

    from ..keeping import Budget, Keeper, keeping
    from ..liquidation_reading import FactorBook, Reader, open_site, site_library
    from ..venue.rounds import Rounds
    from .keeper import duties_of, left_out
    own = config.keeper
    assert own is not None
    system, there = opened(deployment, endpoint)
    site = open_site(system, there)
    book = FactorBook(site_library((Rounds(config.rounds).epochs,)),
                      None if config.epoch.collateral is None else read_source(config.epoch.collateral))
    duties = []
    if config.secret is not None and (own.delivery is not None or own.disclose is not None):
        duties = duties_of(system, site, None, config.secret, (own.delivery, own.disclose), (None,) * 4, None)
    budget = Budget(there.chain.chain_id, site.coordinator.address, there.chain.default_sender(), own.gas_per_day,
                    config.state / "keeper.json")
    stack.enter_context(budget.held())
    keeper = Keeper(Reader(site, book), budget, left_out((), not own.favours), (), duties, stop.is_set)

    def work() -> None:
        while not stop.is_set():
            try:
                for found in keeping(keeper, every=own.every, sleep=stop.wait):
                    if isinstance(found, Exception):
                        hearing("keeper failed", error=type(found).__name__, why=str(found)[:300])
                        continue
                    for one in found.done:
                        if one.told not in ("excluded", "refused"):
                            hearing("keeper", **one.to_json())
            except Exception as error:             # a defect of a step of it stops no epoch
                hearing("keeper failed", error=type(error).__name__,
                        why=str(error)[:300] if isinstance(error, TailproofError) else "")
                stop.wait(KEEPER_AGAIN)

    thread = threading.Thread(target=work, name="keeper", daemon=True)
    thread.start()

    def end() -> None:
        stop.set()
        thread.join(120.0)
    stack.callback(end)


@click.command("check")
@click.argument("config", type=FILE)
@DEPLOYMENT
@talking_to_a_node()
@reporting
def check(config: Path, deployment: Path, endpoint: Endpoint) -> Outcome:
    """Say whether a venue's file CONFIG works: feed, epoch, key, signers, accounts, outbox and workers are tried, and
    nothing is written, sent or proven. Exit code 1 if something does not work."""
    require("farm", "relay")
    from ..relaying import open_outbox
    from ..venue.checking import check as tried
    from ..venue.config import VenueConfig
    from ..venue.feeds import feed_of
    from ..venue.openings import openings_of
    from ..venue.page import host_of
    settings = VenueConfig.load(config)
    system, there = opened(deployment, endpoint)
    if settings.listen is not None:
        host_of(settings.listen)

    def outbox() -> str:
        path = Path(settings.outbox)
        if "://" not in settings.outbox and not path.exists():
            if not path.parent.is_dir():
                raise BadInput("relay.outbox", settings.outbox, "in a folder that is there", source=config)
            return f"{path}: none yet, the first run makes it"
        box = open_outbox(settings.outbox, system)
        box.close()
        return box.name

    def workers() -> str:
        own = settings.prove
        source = _workers(settings)
        if own.scheduler is None:
            from ..farm.cluster import default_workers
            return f"{default_workers() if own.workers is None else own.workers} on this machine"
        with source() as client:
            return f"{len(client.nthreads())} of the scheduler"

    found = list(tried(settings, system, there, lambda: feed_of(settings.feed.folder, settings.feed.url),
                       lambda statement: openings_of(settings.store, settings.secret, system, there, statement),
                       outbox, workers))
    return Outcome({"checks": [one.to_json() for one in found]},
                   table([(one.name, "works" if one.works else "DOES NOT WORK", one.found) for one in found]),
                   all(one.works for one in found))


@click.command("signer")
@click.argument("rounds", type=FILE)
@DEPLOYMENT
@talking_to_a_node(signs=True)
@click.option("--out", type=FILE, metavar="DIR", required=True, help="Folder that signatures are put into; the venue's "
              "file names it.")
@click.option("--model", type=FILE, required=True, help="This signer's own model file: epochs of another are not "
              "signed.")
@click.option("--collateral", type=FILE, help="The same of the collateral file.")
@click.option("--feed", "folder", type=FILE, metavar="DIR", help="This signer's own feed: what the book says is held "
              "against it.")
@click.option("--feed-url", metavar="URL", help="Instead: over HTTP.")
@click.option("--tolerance", type=Integer(0, 10_000), default=100, show_default=True, help="Basis points by which "
              "prices may differ from the own feed's.")
@click.option("--max-age", type=Integer(1, 31_536_000), default=900, show_default=True, help="Seconds that the own "
              "feed may be old.")
@click.option("--replayed", is_flag=True, help="Let the own feed be of the past.")
@click.option("--history", type=FILE, help="Prices (CSV) to hold parameters against, as of `oracle sign` (G13).")
@click.option("--valid-for", type=Integer(60, 3_600), default=600, show_default=True, help="Seconds of a content at "
              "most: until then nothing else is signed in its place.")
@click.option("--first", is_flag=True, help="Sign although the epoch before is at nobody's hand any more.")
@click.option("--allow-trial", is_flag=True, help="Sign epochs whose seed was chosen; for trials only.")
@click.option("--accept-changes", is_flag=True, help="Without a feed of one's own: sign although `epoch check` tells "
              "of a change.")
@click.option("--journal", type=FILE, help="The signer's journal.  [default: one for each key and oracle, in the "
              "user's state directory]")
@click.option("--new-journal", type=click.Choice(["never-signed", "lost"]), help="Begin a journal, as of `oracle "
              "sign`.")
@click.option("--every", type=Integer(1, 3_600), default=2, show_default=True, help="Seconds between looks.")
@click.option("--once", is_flag=True, help="Look once; exit code 1 if nothing was signed.")
@LOG
@reporting
def signer(rounds: Path, deployment: Path, endpoint: Endpoint, out: Path, model: Path, collateral: Path | None,
           folder: Path | None, feed_url: str | None, tolerance: int, max_age: int, replayed: bool,
           history: Path | None, valid_for: int, first: bool, allow_trial: bool, accept_changes: bool,
           journal: Path | None, new_journal: str | None, every: int, once: bool, log: Path | None) -> Outcome:
    """Sign what a venue proposes in the folder ROUNDS, each epoch made again first, until it is interrupted or
    terminated (publisher). It is a process of its own: its key is nobody else's, least of all the venue's."""
    from .. import signing, signing_journal
    from ..hearing import Hearing
    from ..venue.cosigning import Cosigner, Terms, files_of, make_folder
    from ..venue.feeds import feed_of
    from ..venue.rounds import Rounds
    key = endpoint.signer()
    own: Feed | None = None if folder is None and feed_url is None else feed_of(folder, feed_url)
    model_bytes, collateral_bytes = files_of(model, collateral)
    _, there = opened(deployment, endpoint)
    if replayed and not there.chain.development:
        raise BadInput("--replayed", Said("given"), "absent: prices of the past are for development chains")
    owner = signing.owner_of(there.oracle, key.address)
    path = signing_journal.default_path(owner) if journal is None else journal
    seated = there.oracle.signers()
    if key.address not in seated.signers:
        raise BadInput("signer", key.address, f"one of the set in force: {', '.join(seated.signers)}")
    make_folder(out)
    if new_journal is not None:
        signing.begin_journal(path, owner, there.oracle, "lost" if new_journal == "lost" else "never-signed")
    terms = Terms(model_bytes, collateral_bytes, history, valid_for, allow_trial, own, max_age, replayed, tolerance,
                  accept_changes, first)
    stop = threading.Event()
    with ExitStack() as stack:
        hearing = Hearing(writer(log, stack))
        made = Cosigner(there, Rounds(rounds), key, path, out, terms, hearing)
        stack.enter_context(stopping(stop))
        hearing("started", **made.facts())
        signed = made.round() if once else _signing(made, stop, float(every), hearing)
        hearing("stopped", signed=signed)
    facts: dict[str, Any] = {"signer": key.address, "signed": signed}
    return Outcome(facts, [f"{key.address} has signed {signed} epochs"], not once or signed > 0)


def _signing(made: Cosigner, stop: threading.Event, every: float, hearing: Hearing) -> int:
    """Rounds until it is stopped; a node or feed that fails is asked again."""
    signed, said = 0, ""
    while not stop.is_set():
        try:
            signed += made.round()
            said = ""
        except TailproofError as error:
            if not getattr(error, "try_again", False):
                raise
            if said != str(error):
                hearing("failed", error=type(error).__name__, why=str(error)[:300])
            said = str(error)
        stop.wait(every)
    return signed

