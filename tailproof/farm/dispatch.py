"""The loop that has many accounts proven: a few jobs a worker ahead, lost ones again, nothing believed unverified.

A worker may die, fail or lie. Dask gives what a dead one had to another. A failure is tried again. A bundle counts once
it verifies here against key, epoch, commitment and context of the caller's, and a refusal once it is found here too;
who says otherwise is sent away from the scheduler, and the job goes to somebody else.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import secrets
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from primitives.errors import BadInput, TailproofError

from ..attestation import margin_inputs
from ..auditing import audit
from ..bundle import Bundle
from ..covering import cover_inputs
from ..epochs import AnyEpoch
from ..keys import KeyDirectory
from . import worker
from .cluster import NoWorkers
from .work import Answer, Job, Refusal, Site

if TYPE_CHECKING:
    from distributed import Client, Future

AHEAD = 2
"""Jobs a thread of a worker: one at work, and one that is there when it ends."""
ATTEMPTS = 3
"""Of one job, before it is given up."""
LONELY = 60.0
"""Seconds without any worker after which the rest is given up."""
LIMIT = 600.0
"""Seconds of one proof, after which its worker ends itself."""
TICK = 1.0
FETCH = 30.0
"""Seconds in which an answer has to come that is there."""
KILLED = "KilledWorker"
"""Dask's word of a job on which several workers have ended: it is given to no more."""
CANCELLED = (asyncio.CancelledError, concurrent.futures.CancelledError)
"""What Dask raises of a job that its scheduler has forgotten, or lost with itself."""


@dataclass(frozen=True)
class Result:
    """What became of a job: a bundle that verified, or why there is none.

    refusal : found here too: there is no proof.  lost : why nobody could find out; to be tried again.
    attempts : how often it was given to a worker.
    """

    job: Job
    bundle: Bundle | None = None
    refusal: Refusal | None = None
    lost: str | None = None
    attempts: int = 1


@dataclass(frozen=True)
class Tally:
    """How far a run is.  left : seconds that the rest takes at the pace so far; None before the first result."""

    done: int
    total: int
    proven: int
    left: float | None


class Dispatch:
    """A run of many jobs under one site, on the workers of one client.

    ahead : jobs a thread.  attempts : of a job.  lonely : seconds without a worker.  limit : seconds of a proof.
    renewed : begins workers for those that have ended; how many.
    """

    def __init__(self, client: Client, keys: KeyDirectory, epoch: AnyEpoch, site: Site, *, ahead: int = AHEAD,
                 attempts: int = ATTEMPTS, lonely: float = LONELY, limit: float = LIMIT,
                 renewed: Callable[[], int] = lambda: 0) -> None:
        self.client, self.keys, self.epoch, self.site = client, keys, epoch, site
        self.ahead, self.attempts, self.lonely, self.limit, self._renewed = ahead, attempts, lonely, limit, renewed
        self.verification_key = keys.verification_key()
        self.expelled = list[str]()
        """Addresses of workers that said something false."""
        self.most_at_once = 0
        """Jobs that were with the scheduler at once, at most."""
        self._run = secrets.token_hex(8)
        self._number = 0
        self._threads = 0

    def require_ready(self) -> None:
        """Have every worker open key and epoch, before any opening travels.

        Raises
        ------
        BadInput : one cannot, and says why.
        NoWorkers : there is none, or they went away.
        """
        try:
            said = self.client.run(worker.ready, self.site)
        except Exception as error:
            raise NoWorkers(f"the workers could not be asked ({type(error).__name__})") from None
        if not said:
            raise NoWorkers("the scheduler has no worker")
        for address, trouble in said.items():
            if trouble is not None:
                raise BadInput("worker", address, f"able to open key and epoch: {trouble}")

    def run(self, jobs: Iterable[Job], total: int, *, told: Callable[[Result], None],
            tally: Callable[[Tally], None] = lambda _: None, stopped: Callable[[], bool] = lambda: False) -> None:
        """Have jobs proven. Jobs are taken as they are needed.

        Parameters
        ----------
        total : how many there are.  told : called here with each result, once, as they come.
        tally : called after each.  stopped : asked now and then; once it says yes, nothing more is told.
        """
        from distributed import wait
        source, again = iter(jobs), deque[tuple[Job, int]]()
        pending = dict[Any, tuple[Job, int]]()
        begun, done, proven, lonely_since = time.monotonic(), 0, 0, None
        self._count_threads()
        while True:
            if stopped():
                for future in pending:
                    future.cancel()
                return
            while len(pending) < max(1, self.ahead * self._threads):
                following = again.popleft() if again else next(((job, 1) for job in source), None)
                if following is None:
                    break
                try:
                    pending[self._submit(following[0])] = following
                except (OSError, RuntimeError) as error:       # the scheduler is gone
                    told(Result(following[0], lost=f"no scheduler ({type(error).__name__})", attempts=following[1]))
            self.most_at_once = max(self.most_at_once, len(pending))
            if not pending:
                return
            with suppress(TimeoutError, *CANCELLED), self.client.as_current():
                wait(list(pending), timeout=TICK, return_when="FIRST_COMPLETED")
            ended = [future for future in pending if future.done()]
            for future in ended:
                if not future.done():              # of a worker that has just been sent away
                    continue
                job, attempt = pending.pop(future)
                result = self._result(future, job, attempt)
                future.release()
                if result.lost not in (None, KILLED) and attempt < self.attempts:
                    again.append((job, attempt + 1))
                    continue
                done, proven = done + 1, proven + (result.bundle is not None)
                told(result)
                spent = time.monotonic() - begun
                tally(Tally(done, total, proven, spent / done * (total - done)))
            if not ended:
                self._renewed()
                self._count_threads()
                now = time.monotonic()
                lonely_since = None if self._threads else lonely_since or now
                if lonely_since is not None and now - lonely_since >= self.lonely:
                    for future, (job, attempt) in pending.items():
                        future.cancel()
                        told(Result(job, lost="no worker is left", attempts=attempt))
                    for job, attempt in again:
                        told(Result(job, lost="no worker is left", attempts=attempt - 1))
                    for job in source:
                        told(Result(job, lost="no worker is left", attempts=0))
                    return

    def _submit(self, job: Job) -> Future:
        self._number += 1
        return self.client.submit(worker.prove, job, self.site, self.limit,
                                  key=f"tailproof-{self._run}-{self._number}", pure=False)

    def _count_threads(self) -> None:
        try:
            self._threads = sum(self.client.nthreads().values())
        except (OSError, TimeoutError):            # the scheduler is gone, and its workers with it
            self._threads = 0

    def _result(self, future: Future, job: Job, attempt: int) -> Result:
        """What an answer is worth."""
        try:
            text = future.result(timeout=FETCH)
        except (Exception, *CANCELLED) as error:   # a worker died again and again, or cannot run what it was given
            return Result(job, lost=type(error).__name__, attempts=attempt)
        try:
            answer = Answer.decode(text)
            if answer.bundle is not None:
                self._require_true(answer.bundle, job)
                return Result(job, bundle=answer.bundle, attempts=attempt)
        except TailproofError as error:
            self._expel(future)
            return Result(job, lost=f"a worker's answer is not true ({error})", attempts=attempt)
        if answer.trouble is not None:
            return Result(job, lost=answer.trouble, attempts=attempt)
        refusal = self._refused(job)
        if refusal is None:
            self._expel(future)
            return Result(job, lost=f"a worker refused what can be proven ({answer.refusal})", attempts=attempt)
        return Result(job, refusal=refusal, attempts=attempt)

    def _require_true(self, bundle: Bundle, job: Job) -> None:
        require_true(bundle, job, self.keys, self.verification_key, self.epoch)

    def _refused(self, job: Job) -> Refusal | None:
        """Why there is no proof, found out here without one; None if nothing speaks against it."""
        try:
            statement, inputs = margin_inputs(self.keys, self.epoch, job.opening, job.context) if job.claim is None \
                else cover_inputs(self.keys, self.epoch, job.opening, job.claim, job.context)
            statement.build().witness(inputs)
        except TailproofError as error:
            return Refusal.of(error)
        return None

    def _expel(self, future: Future) -> None:
        """Send away the worker that gave a false answer, and all that it holds: nothing of it is moved to another, who
        would then seem to have said it. Dask has its jobs done again."""
        with suppress(Exception):                  # it may be gone by itself
            for address in [address for each in self.client.who_has([future]).values() for address in each]:
                self.expelled.append(address)
                self.client.sync(self.client.scheduler.unregister, address=address, expected=True,
                                 stimulus_id="tailproof-false-answer")
        self._count_threads()


def require_true(bundle: Bundle, job: Job, keys: KeyDirectory, key: Any, epoch: AnyEpoch) -> None:
    """Raise BadInput unless a bundle proves exactly what a job asks, under the caller's key and epoch."""
    claim = None if job.claim is None else job.claim.packed()
    for name, found, wanted in (("statement", bundle.statement, keys.statement),
                                ("context", bundle.context, job.context),
                                ("claim", bundle.public_inputs.get("claim"), claim)):
        if found != wanted:
            raise BadInput(f"bundle.{name}", str(found), str(wanted))
    for check in audit(bundle, key, epoch_root=epoch.root, shape=epoch.shape, key_circuit=keys.r1cs_digest,
                       commitment=job.opening.commitment):
        if not check.holds:
            raise BadInput(f"bundle: {check.name}", check.found, check.expected or "as asked")
