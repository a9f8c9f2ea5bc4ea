"""A keeper: does what anyone may do in a liquidation, as soon as it is due, and keeps to what it may spend.

All it knows is read from the chain, round by round; its journal keeps what it has spent today. Every step is tried
without effect first: what a contract refuses, somebody else has done, or the state was a block old, and nothing is
spent. Two keepers, or one that was killed and begins again, do no harm.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

from primitives import jsonio
from primitives.errors import BadInput, TailproofError
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import LARGEST_CHAIN_ID, Chain, Receipt
from verifier_contracts.errors import (
    ContractRefused,
    FeeAboveCap,
    GasAboveCap,
    InsufficientFunds,
    NodeBusy,
    NodeError,
    NodeUnreachable,
    Reverted,
)
from verifier_contracts.fees import gas_limit
from verifier_contracts.senders import locked

from .keeper_steps import STEPS, Entry, Step, agenda
from .liquidation_reading import Reader, Site
from .liquidation_state import Moment, State

SCHEMA = "tailproof.keeper-journal/1"
DAY = 86_400
MOST_USED = 1 << 96
"""Of gas, or of quote units: as much as a vault holds of a token."""
FAVOURS = 2
"""At most one part in so many of a day's gas goes to steps that are for the good of others alone. Anybody can make such
steps due for dust, and would else have a keeper without gas when it is to reveal."""
RESERVED = 4
"""One part in so many of a day's gas is for duties, if there are any: on a day on which thousands fall silent the steps
that anyone may do use up all else, and a price that is not revealed costs its bond."""
DUTIES_EVERY = 60.0
"""Seconds after which duties are looked at again while accounts are read."""
Told = Literal["done", "refused", "excluded", "unaffordable", "too dear", "failed"]


# -- what may be spent -------------------------------------------------------------------------------------------------
@dataclass
class Budget:
    """Gas of a day, kept in a journal so that it is one budget however often a keeper begins again.

    about : the coordinator.  most : gas a day (UTC).  path : the journal; None keeps nothing.  sender : whose gas.

    What a step needs is booked before it is sent. If nothing is signed it is taken back, else the limit that was signed
    stays: what a transaction used is the node's word, and a node that lies could have a keeper spend without end. Who
    is killed in between has booked too much, never too little.
    """

    SCHEMA: ClassVar[str] = SCHEMA
    ABOUT: ClassVar[str] = "coordinator"
    """What the journal calls whatever it is about."""
    chain_id: int
    about: str
    sender: str
    most: int
    path: Path | None = None
    day: int = 0
    used: int = 0

    def load(self) -> None:
        """Read the journal, where there is one.

        Raises
        ------
        BadInput : it is another keeper's, or none.
        """
        if self.path is None or not self.path.exists():
            return
        kept = read_journal(self.path, self.SCHEMA, self.ABOUT)
        for name, ours in (("chain_id", self.chain_id), (self.ABOUT, self.about), ("sender", self.sender)):
            if kept[name] != ours:
                raise BadInput(name, kept[name], f"{ours}: this journal is another keeper's", source=self.path)
        self.day, self.used = kept["day"], kept["used"]

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the journal to this process, and read it. Two keepers that wrote one each knew only what they had spent
        themselves, and spent twice as much.

        Raises
        ------
        BadInput : another process has it; or as `load`.
        """
        if self.path is None:
            yield
            return
        name = hashlib.sha256(os.fsencode(os.path.realpath(self.path))).hexdigest()[:32]
        with locked(f"journal-{name}", 0) as ours:
            if not ours:
                raise BadInput("--journal", str(self.path), "a file that no other keeper is writing: each has its own")
            self.load()
            yield

    def room(self, day: int) -> int:
        """Gas that is left of a day."""
        return self.most - (self.used if day == self.day else 0)

    def book(self, day: int, gas: int) -> None:
        """Book gas, or below 0 take some back; in the file before this returns."""
        if day != self.day:
            self.day, self.used = day, 0
        self.used = max(0, self.used + gas)
        if self.path is not None:
            jsonio.write(self.path, {
                "schema": self.SCHEMA, "chain_id": self.chain_id, self.ABOUT: self.about, "sender": self.sender,
                "day": self.day, "used": str(self.used)}, over=True)


def read_journal(path: str | Path, schema: str = SCHEMA, about: str = Budget.ABOUT) -> dict[str, Any]:
    """A keeper's journal; raises BadInput by field."""
    parts = jsonio.Node.read(path).document(schema, {"chain_id", about, "sender", "day", "used"})
    return {"chain_id": parts["chain_id"].integer(1, LARGEST_CHAIN_ID), about: read_address(
        parts[about]), "sender": read_address(parts["sender"]), "day": parts["day"].integer(0, 1 << 32),
        "used": parts["used"].decimal(0, MOST_USED)}


# -- steps -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Done:
    """What became of a step. refused : the contract's name for why not, or what failed."""

    step: str
    subject: str
    told: Told
    receipt: Receipt | None = None
    refused: str | None = None

    def to_json(self) -> dict[str, Any]:
        sent = {} if self.receipt is None else {"transaction": self.receipt.transaction,
                                                "gas_used": self.receipt.gas_used}
        return {"step": self.step, "subject": self.subject, "outcome": self.told,
                **({} if self.refused is None else {"refused": self.refused}), **sent}


class Duty(Protocol):
    """Something that a keeper does by a key or a file that it was given, beside what anyone may."""

    @property
    def name(self) -> str:
        """Of its steps, for people."""

    def due(self, state: State) -> Sequence[DutyStep]:
        """What is due of it now."""

    def troubles(self) -> Sequence[str]:
        """What keeps it from doing all that it is for, in words for people; nothing secret."""


@dataclass(frozen=True)
class DutyStep:
    """A step of a duty. send : proves what there is to prove, and sends it as somebody; None where nothing is sent."""

    name: str
    subject: str
    send: Callable[[str], Receipt | None]
    gas: int
    """The most that it may use."""

    def most(self) -> int:
        """What is booked for it."""
        return self.gas

    def sending(self, sender: str) -> Callable[[int], Receipt | None]:
        """How it is sent, whatever was booked: its own bound is that of its call."""
        return lambda _: self.send(sender)


@dataclass(frozen=True)
class Round:
    """What a round found and did. ahead : what will be due, the next first."""

    state: State
    done: tuple[Done, ...]
    ahead: tuple[Entry, ...]

    def next(self) -> tuple[Entry, Moment] | None:
        """The step that comes next by its clock."""
        coming = [(entry, moment) for entry in self.ahead if not entry.waits and (moment := entry.next(self.state))]
        return min(coming, key=lambda pair: self.state.now.left(pair[1]), default=None)


@dataclass
class Keeper:
    """Does due steps, round by round.

    without : names of steps that are left out.  only : names of those that are done; empty: all.
    stopped : asked between two steps; whoever answers yes gets no more of them.
    """

    reader: Reader
    budget: Budget
    without: Collection[str] = ()
    only: Collection[str] = ()
    duties: Sequence[Duty] = ()
    stopped: Callable[[], bool] = lambda: False
    said: set[str] = field(default_factory=set)

    @property
    def site(self) -> Site:
        """The contracts."""
        return self.reader.site

    @property
    def chain(self) -> Chain:
        """Where they are."""
        return self.site.chain

    def plan(self) -> Round:
        """What is due and what comes next; nothing is sent."""
        state = self.reader.read()
        entries = agenda(state)
        told = tuple(Done(entry.step.name, entry.step.subject, "done" if self._wants(entry.step.name) else "excluded")
                     for entry in entries if entry.due(state))
        return Round(state, told, self._ahead(state, entries))

    def round(self) -> Round:
        """Read, and do what is due.

        Raises
        ------
        Withheld : of the first step that would succeed, where nothing is to be sent.
        NodeError, TransactionUndecided, … : `try_again`; what was done until then is on the chain.
        """
        done = self._duties()
        last = time.monotonic()

        def between() -> None:
            nonlocal last
            if time.monotonic() - last > DUTIES_EVERY:
                done.extend(self._duties())
                last = time.monotonic()

        state = self.reader.read(between)
        entries = agenda(state)
        for entry in entries:
            if entry.due(state) and not self.stopped():
                done.append(self._do(entry.step))
        return Round(state, tuple(done), self._ahead(state, entries))

    def _duties(self) -> list[Done]:
        """By lots alone: to read all accounts may take longer than a price can be revealed."""
        if not self.duties:
            return []
        state = self.reader.read_lots()
        return [done for duty in self.duties for done in self._duty(duty, state)]

    def _duty(self, duty: Duty, state: State) -> Iterator[Done]:
        """A duty that fails is told, and keeps nothing else from being done: a rotated key of one would else cost a
        bond that another was to save."""
        try:
            steps = duty.due(state)
        except (NodeUnreachable, NodeBusy):
            raise
        except (BadInput, NodeError) as error:
            yield Done(duty.name, "", "failed", refused=_told(error))
            return
        for mine in steps:
            if self.stopped():
                return
            try:
                yield self._attempt(mine.name, mine.subject, mine.most, mine.sending(self.budget.sender))
            except BadInput as error:
                yield Done(mine.name, mine.subject, "failed", refused=_told(error))

    def _ahead(self, state: State, entries: Sequence[Entry]) -> tuple[Entry, ...]:
        ahead = [entry for entry in entries if not entry.due(state) and self._wants(entry.step.name)
                 and not (entry.until is not None and state.now.reached(entry.until))]

        def left(entry: Entry) -> tuple[bool, int]:
            moment = entry.next(state)
            return bool(entry.waits), 0 if moment is None else state.now.left(moment)

        return tuple(sorted(ahead, key=left))

    def _wants(self, name: str) -> bool:
        return name not in self.without and (not self.only or name in self.only)

    def _do(self, step: Step) -> Done:
        if not self._wants(step.name):
            return Done(step.name, step.subject, "excluded")
        contract, sender = self.site.named(step.contract), self.budget.sender

        def estimate() -> int:
            from verifier_contracts.abi import encode_call, refusal
            data = encode_call(contract.artifact, step.function, step.arguments())
            try:
                return self.chain.estimate_gas(contract.address, data, sender=sender, pending=True)
            except Reverted as error:
                raise refusal(error, contract.name, step.function) from None

        return self._attempt(step.name, step.subject, estimate, lambda limit: contract.transact(
            step.function, *step.arguments(), sender=sender, pending=True, most=limit),
            self.budget.most // (FAVOURS if step.pays else RESERVED) if step.pays or self.duties else 0)

    def _attempt(self, name: str, subject: str, estimate: Callable[[], int], send: Callable[[int], Receipt | None],
                 reserve: int = 0) -> Done:
        """Try, book, send with what was booked at most, and book what was signed.  reserve : gas of the day that is not
        for this."""
        try:
            gas = estimate()
        except ContractRefused as refused:
            return Done(name, subject, "refused", refused=refused.name)
        except (NodeUnreachable, NodeBusy):
            raise
        except NodeError as error:                         # of this step: what comes after it is not to wait for it
            return Done(name, subject, "failed", refused=_told(error))
        limit, day = gas_limit(gas), self.chain.clock() // DAY
        if limit > self.budget.room(day) - reserve:
            return Done(name, subject, "unaffordable")
        before = self.chain.signed_gas
        self.budget.book(day, limit)
        try:
            receipt = send(limit)
        except ContractRefused as refused:                 # somebody was first between trial and block
            return Done(name, subject, "refused", refused=refused.name)
        except (FeeAboveCap, GasAboveCap, InsufficientFunds) as dear:
            return Done(name, subject, "too dear", refused=type(dear).__name__)
        except NodeError as error:
            if self.chain.signed_gas != before or isinstance(error, NodeUnreachable | NodeBusy):
                raise
            return Done(name, subject, "failed", refused=_told(error))
        finally:
            self.budget.book(day, self.chain.signed_gas - before - limit)
        return Done(name, subject, "done", receipt)


def _told(error: TailproofError) -> str:
    """What failed, without values: they may be an opening's."""
    name = type(error).__name__
    return f"{name}: {error.field} must be {error.bound}" if isinstance(error, BadInput) else name


def keeping(keeper: Keeper, *, every: float, patience: float = 300.0, sleep: Callable[[float], object] = time.sleep
            ) -> Iterator[Round | Exception]:
    """Rounds until the keeper is stopped. A node that fails is asked again, later and later; the failure is yielded.

    every : seconds between rounds; a round that did something is followed by the next at once.
    patience : most seconds to wait for a node.
    """
    pause = every
    while not keeper.stopped():
        try:
            found = keeper.round()
        except Exception as error:
            if not getattr(error, "try_again", False):
                raise
            yield error
            sleep(pause)
            pause = min(2 * pause, patience)
            continue
        yield found
        pause = every
        if not any(one.told == "done" for one in found.done):
            sleep(every)


LOSS_MAKING = tuple(step.name for step in STEPS if step.pays)
"""Steps that cost their keeper gas for the good of others alone."""
