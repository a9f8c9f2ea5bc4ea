"""One epoch of a farm, event by event: proofs, failures, stragglers, the caller's checks, blocks.

The same rules as `dispatch`: a few jobs a worker are out at once, a lost one goes back, the caller looks at one result
after the other, and only then sends the next job. A machine that fails takes all of its workers with it, with what they
were proving, and is back after a while; its workers then open the key again.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import deque
from dataclasses import dataclass, field
from itertools import count

from .dispatch import AHEAD
from .units import Units

PROVEN, FAILED, BACK, CHECKED = range(4)


@dataclass(frozen=True)
class Course:
    """How an epoch went.

    proven : second at which the last result was checked.  mined : at which the block with the last account was.
    failures : of machines.  lost : proofs that began and never ended.  stragglers : slow proofs.
    busy : share of the workers' time, up to `proven`, that went into proofs that counted.
    """

    accounts: int
    proven: float
    mined: float
    failures: int
    lost: int
    stragglers: int
    busy: float


@dataclass
class _Farm:
    """idle : workers; those of machine m are m * cores … (m + 1) * cores - 1.  at_work : job by worker.
    waiting : jobs that the scheduler has."""

    idle: deque[int] = field(default_factory=deque)
    at_work: dict[int, int] = field(default_factory=dict)
    waiting: deque[int] = field(default_factory=deque)


def simulate(accounts: int, machines: int, cores: int, units: Units, *, seed: int = 0, most: float = math.inf
             ) -> Course | None:
    """Play one epoch; None where it is not over after `most` seconds.

    Parameters
    ----------
    cores : workers of a machine.  seed : of what fails and straggles.
    """
    chance, order = random.Random(seed), count()
    farm = _Farm()
    workers = machines * cores
    era = [0] * machines                           # how often each has failed: what it was to do before, it does not
    events = list[tuple[float, int, int, int, int, int]]()     # second, order, kind, who, era, job
    checks = deque[int]()
    checked_at = list[float]()
    following, failures, lost, stragglers, spent, now = 0, 0, 0, 0, 0.0, 0.0
    looking = False

    def later(seconds: float, kind: int, who: int, job: int = -1) -> None:
        born = era[who // cores] if kind == PROVEN else era[who] if kind in (FAILED, BACK) else 0
        heapq.heappush(events, (now + seconds, next(order), kind, who, born, job))

    def fails(machine: int) -> None:
        if units.failures > 0:
            later(chance.expovariate(units.failures / 3_600), FAILED, machine)
    for machine in range(machines):
        later(units.opening, BACK, machine)
        fails(machine)
    out = min(accounts, AHEAD * workers)
    farm.waiting.extend(range(out))
    following = out
    while len(checked_at) < accounts:
        now, _, kind, who, born, job = heapq.heappop(events)
        if now > most:
            return None
        if kind == PROVEN and born == era[who // cores]:
            del farm.at_work[who]
            spent += units.proof
            farm.idle.append(who)
            checks.append(job)
        elif kind == FAILED:
            failures += 1
            era[who] += 1
            mine = range(who * cores, (who + 1) * cores)
            broken = [farm.at_work.pop(worker) for worker in mine if worker in farm.at_work]
            lost += len(broken)
            farm.waiting.extendleft(reversed(broken))
            farm.idle = deque(worker for worker in farm.idle if worker not in mine)
            later(units.recovery + units.opening, BACK, who)
        elif kind == BACK and born == era[who]:
            farm.idle.extend(range(who * cores, (who + 1) * cores))
            if now > units.opening:                # the first time, it has its next failure already
                fails(who)
        elif kind == CHECKED:
            looking = False
            checked_at.append(now)
            if following < accounts:
                farm.waiting.append(following)
                following += 1
        if checks and not looking:
            looking = True
            later(units.verification, CHECKED, 0, checks.popleft())
        while farm.idle and farm.waiting:
            worker, next_job = farm.idle.popleft(), farm.waiting.popleft()
            slow = chance.random() < units.straggling
            stragglers += slow
            farm.at_work[worker] = next_job
            later(units.proof * (units.slowness if slow else 1.0), PROVEN, worker, next_job)
    mined = _mined(checked_at, units)
    return None if mined > most else Course(accounts, now, mined, failures, lost, stragglers,
                                            spent / (workers * now) if now else 0.0)


def _mined(ready: list[float], units: Units) -> float:
    """When the last of some accounts is in a block, each being ready at a second, in order; a block takes so many."""
    room, taken, block = units.a_block(), 0, 0
    if room < 1:
        return math.inf
    for second in ready:
        soonest = math.floor(second / units.block) + 1         # what is ready as a block is made is in the next
        if soonest > block:
            block, taken = soonest, 0
        elif taken == room:
            block, taken = block + 1, 0
        taken += 1
    return block * units.block
