"""The loop of a venue: on a clock, an epoch is built, proposed, signed by others, published; every account is proven in
it, and its bundle is with the relayer.

A round does what can be done now and returns. Nothing that counts is in memory alone: an epoch is in its directory, a
proposal in its file, signatures are where signers put them, what is published is on the chain, what is proven on the
shelf, what is handed over in the outbox. Each of these is whole or not there, and doing one again does nothing; so a
round may end anywhere (`kill -9`), and the next goes on. A feed, a tick, an account that fails is told and tried again,
and stops nothing else.
"""

from __future__ import annotations

import re
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuits import statements
from primitives.errors import BadInput, TailproofError
from relayer.intake import Intake
from relayer.outbox import OtherContent, Outbox
from relayer.outbox_steps import State as Carried
from relayer.parcel import COVER
from relayer.submit import NotSubmitted
from risk.epochs.provenance import Sources, read_source
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape
from risk.models.model import named_statement, parse_model
from verifier_contracts.ledger import Source
from verifier_contracts.system import Contracts, System
from verifier_contracts.vault import Factor

from .. import epochs, signing
from ..bundling import kind_of_key
from ..farm.accounts import Shelf
from ..farm.cluster import NoWorkers, renew
from ..farm.contexts import KINDS, Contexts, State
from ..farm.dispatch import Dispatch, Result
from ..farm.work import Job, Refusal, Site
from ..keys import KeyDirectory
from ..liquidation_reading import FactorBook
from ..watching import Held
from . import feeds
from .config import VenueConfig
from .feeds import Feed, Snapshot
from .openings import Openings
from .rounds import EPOCH, Proposal, Rounds, Signatures, name
from .ticks import Tick, Ticks

if TYPE_CHECKING:
    from distributed import Client

Heard = Callable[..., object]
AGAIN, LOST_AGAIN = 30.0, 5.0
"""Seconds after which what was refused of an account, or of a tick, is tried again; and what was lost."""
TICK_EVERY = 1.0
"""Seconds between looks at the clock while accounts are proven."""
KEPT_EPOCHS = 64
"""Directories beside the one that stands; older ones go to an archive. The oracle keeps as many contents."""


def nowhere(point: str) -> None:
    """A place at which a test may end the process."""


@dataclass
class Accounts:
    """How the accounts are under one epoch.

    states : by account: "on chain", "handed over", "refused", "lost", "no opening", "not registered".
    reasons : of those refused or lost.  names : of what the relayer has of them.
    """

    epoch_id: int = 0
    states: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    names: dict[str, tuple[str, int]] = field(default_factory=dict)
    next_look: dict[str, float] = field(default_factory=dict)

    def counts(self) -> dict[str, int]:
        """Accounts by state."""
        return dict(sorted(Counter(self.states.values()).items()))


class Venue:
    """One venue of one deployment.

    Parameters
    ----------
    outbox : the relayer's.  read : a parcel from a bundle's text.  openings : of the accounts.
    workers : makes a client of the farm, which is kept.  heard : told (event, facts); facts hold no secret.
    clock : seconds since 1970.  at : told the name of every point between two steps, for tests.

    published : epochs by this process.  expelled : workers that were sent away.  alive_at : second of the last sign.

    Raises
    ------
    BadInput : the key is of no statement of KINDS, or not the one in force; the state is another deployment's.
    """

    def __init__(self, config: VenueConfig, system: System, there: Contracts, feed: Feed, openings: Openings,
                 outbox: Outbox, intake: Intake, workers: Callable[[], AbstractContextManager[Client]], heard: Heard, *,
                 clock: Callable[[], float] = time.time, at: Callable[[str], object] = nowhere,
                 stop: threading.Event | None = None) -> None:
        self.config, self.system, self.there, self.feed = config, system, there, feed
        self.openings, self.outbox, self.intake, self.heard = openings, outbox, intake, heard
        self.stop = threading.Event() if stop is None else stop
        self._clock, self._at, self._workers = clock, at, workers
        self.keys = KeyDirectory.load(config.prove.key)
        self.kind = kind_of_key(self.keys)
        if self.kind not in KINDS:
            raise BadInput("prove.key", self.keys.statement, "the key of a margin or cover statement")
        self._key = self.keys.verification_key()
        self.rounds_of = Rounds(config.rounds)
        self.rounds_of.make()
        self.ticks = Ticks.open(config.state, system.chain_id, system.contracts["ledger"])
        self.shelf = Shelf(config.state / "proven")
        self.library, self._signatures = self.rounds_of.library(), Signatures(config.signatures)
        if config.feed.replayed and not there.chain.development:
            raise BadInput("feed.replayed", True, "false: prices of the past are for development chains",
                           source=config.path)
        collateral = config.epoch.collateral
        on_grid = isinstance(statements.get(self.keys.statement).shape, GridShape)
        # On a grid the epoch itself has its collateral; else only what is signed of it has.
        self._inside = collateral if on_grid else None
        self._beside = None if collateral is None or on_grid else read_source(collateral)
        self.factors = FactorBook(self.library, self._beside)
        self.accounts = Accounts()
        self.troubles: dict[str, str] = {}
        self.rounds, self.alive_at, self.expelled, self.published = 0, 0.0, 0, 0
        self.latest: tuple[int, int] | None = None
        """Id and root of the latest epoch, as of the last look."""
        self.proving = False
        self._not_before = self._swept_at = 0.0
        self._farm: ExitStack | None = None
        self._client: Client | None = None
        self._odd = set[Path]()

    # -- rounds --------------------------------------------------------------------------------------------------------
    def close(self) -> None:
        """Let the workers go."""
        if self._farm is not None:
            self._farm.close()
        self._farm = self._client = None

    def once(self) -> bool:
        """One round; returns whether anything happened. Whatever fails of it is told, and ends that part of it only."""
        self.rounds += 1
        happened = False
        for part, work in (("tick", self._tick), ("accounts", self._accounts)):
            if self.stop.is_set():
                break
            happened = self._part(part, work) or happened
        self.alive_at = self._clock()
        return happened

    def _part(self, part: str, work: Callable[[], bool]) -> bool:
        """A part of a round: what fails of it is told."""
        try:
            happened = work()
            self.troubles.pop(part, None)
            return happened
        except Exception as error:
            self._trouble(part, error)
            return False

    def _trouble(self, part: str, error: Exception) -> None:
        """Say what failed, once for as long as it does. Of a defect of ours only where it is: its words may hold
        anything."""
        ours, told = isinstance(error, TailproofError | OSError), _described(error)
        if self.troubles.get(part) != told:
            self.heard("failed" if ours else "defect", part=part, error=type(error).__name__, why=told)
        self.troubles[part] = told

    @property
    def settled(self) -> bool:
        """Whether every account of the latest epoch is with the relayer or on chain, or has no proof."""
        states = self.accounts.states
        return self.accounts.epoch_id == self.there.oracle.latest_epoch_id() and bool(states) and not any(
            state == "lost" for state in states.values())

    def facts(self) -> dict[str, Any]:
        """What is told of it at its start."""
        return {"ledger": self.system.contracts["ledger"], "feed": self.feed.name, "statement": self.keys.statement,
                "interval": self.config.interval, "outbox": self.outbox.name, "state": str(self.config.state)}

    # -- ticks ---------------------------------------------------------------------------------------------------------
    def _tick(self) -> bool:
        last = self.ticks.last()
        if last and last[0].outcome == "open":
            return self._advance(last[0])
        if not self._due():
            return False
        # What a process that was killed has built and not written down is nobody's: its prices may be old by now.
        return self._begin(max([*self.ticks.numbers(), *self.rounds_of.ticks(), *self.rounds_of.built(), 0]) + 1)

    def _due(self) -> bool:
        """By the chain's clock. Live time stands still where epochs are missing, and would ask for none."""
        if self._clock() < self._not_before:
            return False
        oracle, interval = self.there.oracle, self.config.interval
        latest = oracle.latest_epoch_id()
        return not latest or self.there.chain.next_time() >= latest + max(interval, oracle.min_interval())

    def _begin(self, number: int) -> bool:
        """Take what the feed has, and make an epoch of it; or the last one again, where prices are the same."""
        tick = Tick(number, self._clock())
        feed, settings = self.feed, self.config.feed
        snapshot = feed.read()
        feeds.require_young(snapshot, self._clock(), settings.max_age, replayed=settings.replayed, source=feed.name)
        standing = signing.standing(self.there.oracle)
        before = None if standing is None else self._held(standing[1])
        if before is not None:
            arrays = epochs.arrays_of(before.epoch)
            if snapshot.valuation < arrays.header.timestamp:
                raise BadInput("valuation", snapshot.valuation, f"at least {arrays.header.timestamp}, that of the last "
                               "epoch", source=feed.name)
            if snapshot.valuation == arrays.header.timestamp and re.fullmatch(EPOCH, before.path.name):
                return self._built(tick, before.path.name, before.leaves.root)
        own = self.config.epoch
        sources = sources_of(read_source(own.model), snapshot, {"model": str(own.model), "book": feed.name,
                                                                "history": feed.name})
        self._at("before built")
        made = epochs.build(sources, statement=own.statement, regime=own.regime, collateral=self._inside,
                            previous=None if before is None else before.path)
        epochs.save(made, self.rounds_of.epochs / name(number))
        self._at("after built")
        return self._built(tick, name(number), made.root)

    def _built(self, tick: Tick, epoch: str, root: int) -> bool:
        self.ticks.save(tick.at("built", self._clock(), epoch=epoch, root=root))
        self.heard("built", tick=tick.number, epoch=epoch, root=str(root))
        return True

    def _held(self, root: int) -> Held:
        """The epoch of a root that stands, in the folder of rounds."""
        self.library.refresh()
        held = self.library.by_root(root)
        if held is None:
            raise BadInput("previous epoch", str(root), "in this folder: the next one follows on the last that stands; "
                           "put its directory there", source=self.rounds_of.epochs)
        return held

    def _advance(self, tick: Tick) -> bool:
        """One step of a tick that is open."""
        assert tick.epoch is not None
        proposal = self.rounds_of.proposal(tick.number)
        if proposal is None:
            return self._propose(tick, tick.epoch)
        oracle, content = self.there.oracle, proposal.content
        if signing.is_published(oracle, content):
            self._published(tick, proposal, 0)
            return True
        seated = oracle.signers()
        found = self._signatures.gather(proposal, oracle.domain, seated)
        for path in found.odd.keys() - self._odd:
            self._odd.add(path)
            self.heard("signature not counted", file=path.name, why=found.odd[path])
        if self.there.chain.next_time() > content.deadline:
            return self._failed(tick, f"{len(found.files)} of {seated.quorum} signatures until the deadline")
        if len(found.files) < seated.quorum:
            return False
        self._at("before published")
        done = signing.bring(found.signed, oracle)
        self._at("after published")
        self._published(tick, proposal, 0 if done.receipt is None else done.receipt.gas_used)
        return True

    def _propose(self, tick: Tick, epoch: str) -> bool:
        directory, own = self.rounds_of.epochs / epoch, self.config.epoch
        if self._clock() - tick.begun_at > self.config.feed.max_age:
            return self._failed(tick, "its prices are old by now: nobody was there to propose it")
        standing = signing.standing(self.there.oracle)
        previous = None if standing is None or standing[1] == tick.root else self._held(standing[1]).path
        try:
            candidate = signing.propose(directory, self.there.oracle, self.there.court, previous=previous,
                                        collateral=self._beside, valid_for=own.valid_for,
                                        allow_trial=own.allow_trial)
        except BadInput as error:                  # another epoch stands by now, or it is of no use: a new one is made
            return self._failed(tick, _told(error))
        self._at("before proposed")
        self.rounds_of.propose(Proposal(tick.number, epoch, candidate.content))
        self._at("after proposed")
        self.ticks.save(tick.at("proposed", self._clock()))
        self.heard("proposed", tick=tick.number, epoch_id=candidate.content.id, deadline=candidate.content.deadline,
                   digest="0x" + candidate.content.digest().hex())
        return True

    def _published(self, tick: Tick, proposal: Proposal, gas: int) -> None:
        self.ticks.save(tick.at("published", self._clock(), outcome="published", epoch_id=proposal.content.id, gas=gas))
        self.heard("published", tick=tick.number, epoch_id=proposal.content.id, gas_used=gas)
        self._swept_at = 0.0
        self.published += 1
        self._tidy()

    def _tidy(self) -> None:
        """Put old epochs away, and forget bundles of epochs before the last two: what counts of them is with the
        relayer."""
        published = [tick for tick in self.ticks.last(KEPT_EPOCHS) if tick.epoch_id is not None]
        used = {tick.epoch for tick in published}
        for number in self.rounds_of.built()[:-KEPT_EPOCHS]:
            if name(number) not in used:
                self.rounds_of.put_away(number)
        recent = [tick.epoch_id for tick in published][-2:]
        if len(recent) == 2:
            self.shelf.forget_before(min(id for id in recent if id is not None))

    def _failed(self, tick: Tick, why: str) -> bool:
        self.ticks.save(tick.at("failed", self._clock(), outcome="failed", why=why))
        self.heard("tick failed", tick=tick.number, why=why)
        self._not_before = self._clock() + min(AGAIN, self.config.interval)
        return False

    # -- accounts ------------------------------------------------------------------------------------------------------
    def _accounts(self) -> bool:
        """Prove every account that is not proven in the latest epoch, and hand it over."""
        now = self._clock()
        if now - self._swept_at < self.config.prove.every:
            return False
        oracle = self.there.oracle
        epoch_id = oracle.latest_epoch_id()
        if not epoch_id or self.there.chain.next_time() > epoch_id + self.there.ledger.max_epoch_age():
            return False
        if self.accounts.epoch_id != epoch_id:
            self.accounts = Accounts(epoch_id)
            self.troubles.pop("an account", None)
        root = oracle.root_of(epoch_id)
        self.latest = epoch_id, root
        held = self._held(root)
        contexts = self._contexts(held, epoch_id)
        states, before = contexts.look(self.openings.accounts()), self.published
        jobs = self._jobs(contexts, states, now)
        if self.published != before:               # while they were made: the next round makes those of that epoch
            return True
        if self.stop.is_set():                     # not all were looked at
            return False
        self._swept_at = now
        # Whose proof is the oldest comes first: where there is more to prove than time, nobody is left out for ever.
        jobs.sort(key=lambda job: states[job.context.account].word.epoch_id)
        if jobs and self._prove(held, jobs):
            return True
        if jobs:
            self._swept_at = self._clock()
        if not self.stop.is_set():
            self._note(epoch_id, bool(jobs))
        return bool(jobs)

    def _contexts(self, held: Held, epoch_id: int) -> Contexts:
        active = self.there.registry.active(self.kind)
        if "0x" + active.key_digest.hex() != self.keys.key_digest:
            raise BadInput("prove.key", self.keys.key_digest, f"0x{active.key_digest.hex()}, the key in force for "
                           f"{self.kind}", source=self.keys.path)
        factors: tuple[Factor, ...] = ()
        if self.kind == COVER:
            listed = self.factors.find(self.there, epoch_id)
            if listed is None:
                raise BadInput("epoch.collateral", None, f"given: the list of factors that epoch {epoch_id} was signed "
                               "with")
            factors = listed
        return Contexts(self.kind, self.system, active.key_digest, held.epoch, epoch_id, self.there, factors,
                        self.config.prove.step)

    def _jobs(self, contexts: Contexts, states: dict[str, State], now: float) -> list[Job]:
        """What is to be proven now; what is proven already is handed over. Of thousands this takes a while, in which
        ticks go on: where another epoch is published meanwhile, nothing is to be proven in this one."""
        taken = self.outbox.states([name for name, _ in self.accounts.names.values()])
        due = [account for account, state in states.items()
               if self._is_due(account, state, contexts.epoch_id, taken, now)]
        contexts.value(due)
        found, before, looked = list[Job](), self.published, self._clock()
        for account in due:
            if self._clock() - looked >= TICK_EVERY:
                self._part("tick", self._tick)
                looked = self.alive_at = self._clock()
            if self.stop.is_set() or self.published != before:
                return []
            try:
                job = self._job(contexts, account, states[account])
                if job is not None and not self._handed_before(job, contexts):
                    found.append(job)
            except TailproofError as error:
                if getattr(error, "try_again", False):
                    raise
                self._refused(account, str(Refusal.of(error)))
            except Exception as error:             # of this account, whatever it is: others have nothing to do with it
                self._refused(account, _described(error))
                self._trouble("an account", error)
        return found

    def _is_due(self, account: str, state: State, epoch_id: int, taken: Mapping[str, tuple[Carried, str]], now: float
                ) -> bool:
        """Whether an account is to be proven now; what is known of others is noted."""
        if not state.commitment:
            self._is(account, "not registered")
        elif self._stands(state, epoch_id):
            self._is(account, "on chain")
        else:
            return not self._with_relayer(account, state.word.version, taken) and \
                now >= self.accounts.next_look.get(account, 0.0)
        return False

    def _job(self, contexts: Contexts, account: str, state: State) -> Job | None:
        opening = self.openings.find(account, state.commitment)
        if opening is None:
            self._is(account, "no opening")
            self.accounts.next_look[account] = self._clock() + AGAIN
            return None
        return contexts.job(account, opening)

    def _handed_before(self, job: Job, contexts: Contexts) -> bool:
        """Whether a bundle is on the shelf from before; it is handed over then."""
        if not self.shelf.holds(job, self.keys, self._key, contexts.epoch):
            return False
        self._hand(job, self.shelf.place(job))
        return True

    def _stands(self, state: State, epoch_id: int) -> bool:
        """Whether the ledger has a proof of this account under the epoch, whoever brought it."""
        word = state.word
        if word.source is None or word.called:
            return False
        if word.source is Source.FLAT:
            return True
        of_kind = word.source is Source.COVER if self.kind == COVER else word.source < Source.COVER
        return of_kind and word.epoch_id == epoch_id

    def _with_relayer(self, account: str, version: int, taken: Mapping[str, tuple[Carried, str]]) -> bool:
        """Whether the outbox has it, and has not refused it.  taken : what it has, by name."""
        name, known = self.accounts.names.get(account, ("", -1))
        if known != version or name not in taken:
            return False
        state, reason = taken[name]
        if state is Carried.REFUSED:
            del self.accounts.names[account]
            self._refused(account, f"by the contracts: {reason.split(':')[0]}")
        return True

    def _prove(self, held: Held, jobs: list[Job]) -> bool:
        """Have jobs proven. Ticks go on meanwhile: returns whether another epoch was published, in which the rest is to
        be proven."""
        settings, before, looked = self.config.prove, self.published, self._clock()

        def stopped() -> bool:
            nonlocal looked
            if not self.stop.is_set() and self._clock() - looked >= TICK_EVERY:
                self._part("tick", self._tick)
                looked = self._clock()
            return self.stop.is_set() or self.published != before
        site = Site(str(settings.key.absolute()), self.keys.key_digest, str(held.path.absolute()), held.leaves.root)
        try:
            client = self._farm_client()
            dispatch = Dispatch(client, self.keys, held.epoch, site, limit=float(settings.limit),
                                renewed=lambda: renew(client))
            self.proving = True
            dispatch.require_ready()
            dispatch.run(jobs, len(jobs), told=self._told, stopped=stopped)
        except (NoWorkers, OSError, RuntimeError) as error:
            self.close()                           # the next round makes another
            raise NoWorkers(f"the farm failed ({type(error).__name__})") from None
        finally:
            self.proving = False
        if dispatch.expelled:
            self.expelled += len(dispatch.expelled)
            self.heard("workers sent away", workers=" ".join(dispatch.expelled))
        return self.published != before

    def _farm_client(self) -> Client:
        if self._client is None:
            with ExitStack() as stack:
                self._client = stack.enter_context(self._workers())
                self._farm = stack.pop_all()
        return self._client

    def _told(self, result: Result) -> None:
        account, self.alive_at = result.job.context.account, self._clock()
        try:
            if result.bundle is not None:
                self._at("before shelved")
                path = self.shelf.place(result.job)
                if not path.exists():
                    self.shelf.put(result.job, result.bundle)
                self._at("after shelved")
                self._hand(result.job, path)
            elif result.refusal is not None:
                self._refused(account, str(result.refusal))
            else:
                self._lose(account, str(result.lost))
        except Exception as error:
            self._lose(account, _described(error))

    def _hand(self, job: Job, path: Path) -> None:
        """Into the outbox, in which the same is the same."""
        account = job.context.account
        try:
            self._at("before handed")
            item, _ = self.intake.take(path.read_text(), "venue")
            self._at("after handed")
        except (BadInput, NotSubmitted) as error:
            self._refused(account, f"by the relayer: {_told(error)}")
            return
        except OtherContent as other:              # of an earlier look at the collateral; it counts, or is refused soon
            self.accounts.names[account] = other.name, job.context.version
            self._is(account, "handed over")
            return
        self.accounts.names[account] = item.name, job.context.version
        self._is(account, "handed over")

    def _is(self, account: str, state: str, why: str = "") -> None:
        mine = self.accounts
        if (mine.states.get(account), mine.reasons.get(account, "")) != (state, why):
            self.heard(state, account=account, epoch_id=mine.epoch_id, **({"why": why} if why else {}))
        mine.states[account] = state
        mine.reasons.pop(account, None)
        if why:
            mine.reasons[account] = why

    def _lose(self, account: str, why: str) -> None:
        self._is(account, "lost", why)
        self.accounts.next_look[account] = self._clock() + LOST_AGAIN

    def _refused(self, account: str, why: str) -> None:
        self._is(account, "refused", why)
        self.accounts.next_look[account] = self._clock() + AGAIN

    def _note(self, epoch_id: int, proved: bool) -> None:
        """How long it took, with the tick that published the epoch."""
        counts, last = self.accounts.counts(), self.ticks.last()
        if not last or last[0].epoch_id != epoch_id or not counts:
            return
        tick, now = last[0], self._clock()
        if "proven" not in tick.seconds and not counts.get("lost"):
            tick = tick.at("proven", now)
            self.heard("proven", tick=tick.number, epoch_id=epoch_id, seconds=tick.seconds["proven"], accounts=counts)
        if "on chain" not in tick.seconds and not counts.get("handed over") and counts.get("on chain"):
            tick = tick.at("on chain", now)
            self.heard("all on chain", tick=tick.number, epoch_id=epoch_id, seconds=tick.seconds["on chain"])
        if tick is not last[0]:
            self.ticks.save(tick)


def sources_of(model: bytes, snapshot: Snapshot, paths: dict[str, str]) -> Sources:
    """What an epoch is made from: of a feed's history nothing where the model reads none; raises BadInput."""
    named = named_statement(model, source=paths["model"])
    shape = None if named is None else statements.get(named).shape
    reads = parse_model(model, shape=shape if isinstance(shape, EpochShape) else None, source=paths["model"]
                        ).needs_history
    history = snapshot.history if reads else None
    return Sources(model, snapshot.book, history, {name: path for name, path in paths.items()
                                                   if name != "history" or history is not None})


def _told(error: Exception) -> str:
    """What failed, in words that hold no value of an opening: those are hidden where they are read."""
    return str(error)[:500] if isinstance(error, TailproofError) else f"{type(error).__name__}: {error}"[:300]


def _described(error: Exception) -> str:
    """The same, and of what is a defect of ours where it is."""
    return _told(error) if isinstance(error, TailproofError | OSError) else \
        f"a defect of Tailproof, please report it: {type(error).__name__} at {_where(error)}"


def _where(error: Exception) -> str:
    """File and line, without a value."""
    frames = traceback.extract_tb(error.__traceback__)
    return ", ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in frames[-3:])
