"""How many machines a venue needs so that every account's margin is in a block before the next epoch."""

from __future__ import annotations

import math
from dataclasses import dataclass

from primitives.errors import BadInput

from .simulation import Course, simulate
from .units import Units

MOST_MACHINES = 100_000
RUNS = 5
"""Epochs that are played with different luck; the plan has to hold in every one."""


@dataclass(frozen=True)
class Plan:
    """machines : the fewest that held in every epoch played; None where none would: `bound_by` says by what.

    least : machines that the proofs alone would take, if nothing ever failed.  courses : of the epochs played with
    `machines`; one_less : whether one machine less failed in some epoch (None where there is no fewer).
    blocks : that the accounts fill.  gas : of all.
    """

    machines: int | None
    least: int
    bound_by: str | None
    courses: tuple[Course, ...]
    one_less: bool | None
    blocks: int
    gas: int


def plan(accounts: int, interval: float, cores: int, units: Units, *, runs: int = RUNS, seed: int = 0) -> Plan:
    """Search for the fewest machines, by playing epochs.

    Parameters
    ----------
    interval : seconds from one epoch to the next, in which all accounts are proven and mined.  cores : of a machine.

    Raises
    ------
    BadInput : a unit that cannot be.
    """
    _require(units)
    room, gas = units.a_block(), units.gas(accounts)
    blocks = -(-accounts // room) if room else 0
    least = max(1, math.ceil(accounts * units.proof / (interval * cores)))

    def beyond(bound: str) -> Plan:
        return Plan(None, least, bound, (), None, blocks, gas)
    if not room or blocks * units.block > interval:
        return beyond("relaying: the blocks of an interval do not take so many accounts")
    if accounts * units.verification > interval:
        return beyond("verification: one caller does not look at so many bundles in an interval")
    if units.opening + units.proof + units.block > interval:
        return beyond("the interval: one proof and one block do not fit")

    def courses(machines: int) -> tuple[Course, ...] | None:
        played = list[Course]()
        for run in range(runs):
            course = simulate(accounts, machines, cores, units, seed=seed + run, most=interval)
            if course is None:
                return None
            played.append(course)
        return tuple(played)
    low, high = least - 1, least                   # `low` does not hold
    most = min(MOST_MACHINES, max(least, -(-accounts // cores)) * 2)
    found = courses(high)
    while found is None:
        if high >= most:
            return beyond("failures and stragglers: more machines do not help")
        low, high = high, min(most, high * 2)
        found = courses(high)
    while high - low > 1:
        middle = (low + high) // 2
        fewer = courses(middle)
        if fewer is None:
            low = middle
        else:
            high, found = middle, fewer
    one_less = None if high == 1 else courses(high - 1) is None
    return Plan(high, least, None, found, one_less, blocks, gas)


def _require(units: Units) -> None:
    for name, value in vars(units).items():
        if not (math.isfinite(value) and value >= 0):
            raise BadInput(name, value, "a number from 0 on")
    for name in ("proof", "block"):
        if getattr(units, name) <= 0:
            raise BadInput(name, getattr(units, name), "above 0")
    if units.slowness < 1 or units.straggling > 1 or units.together < 1:
        raise BadInput("slowness, straggling, together", (units.slowness, units.straggling, units.together),
                       "at least 1, at most 1, at least 1")
