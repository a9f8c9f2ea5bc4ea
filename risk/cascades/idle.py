"""Idle capital: how much of an account's collateral may earn elsewhere while its cover stays provable.

An account has C of the quote asset as collateral and a margin M. Placed at a venue, an amount counts after the venue's
haircut, earns its yield, and can be had back after its exit time. In each scenario of the epoch the portfolio's loss is
paid (gains do not count: they wait), and a venue that lends against an asset loses `share` of what the asset falls
beyond `cushion`. Beside that any one venue may fail: it loses what its `failure` says, and gives nothing back in time.
In every scenario, with every such failure and without one,

    10**4 V >= M (10**4 + buffer)        V = what is left and counts: the claim of a `cover` proof
    what can be had within the horizon pays the loss

Both are linear, so that the best placement is a linear program, solved exactly with those rows alone that bind; then
every amount is rounded down to the unit, which leaves more that is free, and is looked at again in whole numbers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.cascades.linear_program import largest
from risk.exact.elementary import exp
from risk.scenarios.scenarios import RETURN_UNIT

UNIT = 10_000
"""Basis points."""
MOST_VENUES = 16
LARGEST_MONEY = 2**96

_SCALE = UNIT * UNIT * UNIT
Condition = tuple[tuple[int, ...], int]


def _bounded(low: int, high: int) -> Any:
    return field(metadata={"bounds": (low, high)})


@dataclass(frozen=True)
class Venue:
    """Where money may earn.

    Parameters
    ----------
    yearly : yield, basis points a year.  exit : seconds until it is back.
    haircut : what does not count of it, basis points.  cap : most of it, money units.
    failure : what is lost if the venue fails, basis points; the rest counts, but is not back in time.
    asset : what it lends against; "" for nothing.  cushion, share : basis points.
    """

    name: str
    yearly: int = _bounded(0, 100_000)
    exit: int = _bounded(0, 366 * 86_400)
    haircut: int = _bounded(0, UNIT)
    cap: int = _bounded(0, LARGEST_MONEY)
    failure: int = _bounded(0, UNIT)
    asset: str = ""
    cushion: int = field(default=0, metadata={"bounds": (0, UNIT)})
    share: int = field(default=0, metadata={"bounds": (0, UNIT)})


@dataclass(frozen=True, eq=False)
class Account:
    """collateral, margin : money units.  buffer : basis points.  horizon : seconds.
    losses : of the portfolio in each scenario, rounded up to money units, (S,).
    moves : log return of each asset in 10**-9 by its name, int64 (S,) each.

    Raises
    ------
    BadInput : amounts out of bounds, no scenarios, or moves of another number of them.
    """

    collateral: int
    margin: int
    buffer: int
    horizon: int
    losses: tuple[int, ...]
    moves: Mapping[str, NDArray[np.int64]]

    def __post_init__(self) -> None:
        for name, value, high in (("collateral", self.collateral, LARGEST_MONEY),
                                  ("margin", self.margin, LARGEST_MONEY), ("buffer", self.buffer, UNIT)):
            if not 0 <= value <= high:
                raise BadInput(name, value, f"in [0, {high}]")
        if not self.losses or any(len(one) != len(self.losses) for one in self.moves.values()):
            raise BadInput("number of scenarios", len(self.losses), "at least 1, and the same for every asset")

    @property
    def needed(self) -> int:
        """The least V that a cover is provable with."""
        return -(-self.margin * (UNIT + self.buffer) // UNIT)


@dataclass(frozen=True)
class Outcome:
    """What a placement comes to in one scenario with one failure; money units.

    free : what was never placed.  back : what venues give back within the horizon; later : after it.
    lost : at venues.  paid : the portfolio's loss.  counts : V after all.  covered, payable : the two conditions.
    """

    scenario: int
    failing: int | None
    free: int
    back: int
    later: int
    lost: int
    paid: int
    counts: int
    covered: bool
    payable: bool


@dataclass(frozen=True)
class Placement:
    """amounts : at each venue, money units.  free : the rest: they sum to the collateral.
    bound : what no placement earns more than in a year, exact; `earned` of this one is below it by less than a unit of
    each venue.
    """

    amounts: tuple[int, ...]
    free: int
    bound: Fraction | None = None

    def earned(self, venues: Sequence[Venue]) -> Fraction:
        """In a year, money units."""
        return Fraction(sum(amount * venue.yearly for amount, venue in zip(self.amounts, venues, strict=True)), UNIT)


class Idle:
    """An account and the venues that its collateral may be placed at.

    Raises
    ------
    BadInput : none or more than 16 venues, two of a name, a venue out of its bounds or against an asset without moves.
    """

    def __init__(self, account: Account, venues: Sequence[Venue]) -> None:
        if not 1 <= len(venues) <= MOST_VENUES:
            raise BadInput("number of venues", len(venues), f"in [1, {MOST_VENUES}]")
        names = [venue.name for venue in venues]
        for venue in venues:
            if names.count(venue.name) > 1:
                raise BadInput("venue", venue.name, "given once")
            if venue.asset and venue.asset not in account.moves:
                raise BadInput(f"asset of {venue.name}", venue.asset, f"one of {', '.join(account.moves)}")
        self.account, self.venues = account, tuple(venues)
        self.failures: tuple[int | None, ...] = (None, *range(len(venues)))
        self._losses = [_venue_losses(venue, account) for venue in venues]

    # -- in whole numbers ------------------------------------------------------------------------------------------
    def outcome(self, placed: Placement, scenario: int, failing: int | None) -> Outcome:
        """One scenario, in whole numbers; what is placed is accounted for to the unit."""
        free, back, later, lost, counts, quick = placed.free, 0, 0, 0, placed.free, placed.free
        for v, (venue, amount) in enumerate(zip(self.venues, placed.amounts, strict=True)):
            kept = amount * (UNIT - self._losses[v][scenario]) // UNIT
            if failing == v:
                kept = kept * (UNIT - venue.failure) // UNIT
            value = kept * (UNIT - venue.haircut) // UNIT
            lost, counts = lost + amount - kept, counts + value
            if venue.exit <= self.account.horizon and failing != v:
                back, quick = back + kept, quick + value
            else:
                later += kept
        paid = max(0, self.account.losses[scenario])
        counts -= paid
        return Outcome(scenario, failing, free, back, later, lost, paid, counts,
                       UNIT * counts >= self.account.margin * (UNIT + self.account.buffer), quick >= paid)

    def broken(self, placed: Placement) -> list[Outcome]:
        """Every scenario with every failure in which a condition does not hold.

        Raises
        ------
        BadInput : amounts that do not sum to the collateral, or are below 0.
        """
        whole = placed.free + sum(placed.amounts)
        if whole != self.account.collateral or min(placed.free, *placed.amounts) < 0:
            raise BadInput("placement", whole, f"{self.account.collateral}, the collateral, no part of it below 0")
        found = (self.outcome(placed, s, failing) for s in range(len(self.account.losses))
                 for failing in self.failures)
        return [one for one in found if not (one.covered and one.payable)]

    # -- placements ------------------------------------------------------------------------------------------------
    def nothing(self) -> Placement:
        return Placement((0,) * len(self.venues), self.account.collateral)

    def greedy(self) -> Placement:
        """The highest yield first, each as far as all conditions go on holding."""
        placed = self.nothing()
        for v in self._by_yield():
            room = min(self.venues[v].cap, placed.free)
            for row, bound in self.conditions:
                if row[v]:
                    used = sum(a * b for a, b in zip(row, placed.amounts, strict=True))
                    room = min(room, max(0, bound - used) // row[v])
            placed = _with(placed, v, room)
        return placed

    def careless(self) -> Placement:
        """The highest yield first, as far as caps go: what looks at no scenario does."""
        placed = self.nothing()
        for v in self._by_yield():
            placed = _with(placed, v, min(self.venues[v].cap, placed.free))
        return placed

    def _by_yield(self) -> list[int]:
        return sorted(range(len(self.venues)), key=lambda v: (-self.venues[v].yearly, v))

    def best(self) -> Placement:
        """What earns most.

        Raises
        ------
        BadInput : nothing may be placed, for even free collateral does not cover.
        """
        if self.broken(self.nothing()):
            raise BadInput("collateral", self.account.collateral, f"at least {self.account.needed} and the largest "
                           f"loss, {max(0, *self.account.losses)}: cover is not provable in every scenario as it is")
        n = len(self.venues)
        rows = [[Fraction(1)] * n, *([Fraction(v == w) for w in range(n)] for v in range(n))]
        bounds = [Fraction(self.account.collateral), *(Fraction(venue.cap) for venue in self.venues)]
        gain = [Fraction(venue.yearly) for venue in self.venues]
        while True:
            found = largest(gain, rows, bounds)
            worst = self._worst(found)
            if worst is None:
                amounts = tuple(int(one) for one in found)
                earned = sum((a * b for a, b in zip(gain, found, strict=True)), Fraction(0)) / UNIT
                return Placement(amounts, self.account.collateral - sum(amounts), earned)
            row, bound = worst
            rows.append([Fraction(one, _SCALE) for one in row])
            bounds.append(Fraction(bound, _SCALE))

    def _worst(self, amounts: Sequence[Fraction]) -> Condition | None:
        """The condition that amounts break by most; None if they break none."""
        scale = math.lcm(*(one.denominator for one in amounts))
        whole = [one.numerator * (scale // one.denominator) for one in amounts]
        most, found = 0, None
        for row, bound in self.conditions:
            over = sum(a * b for a, b in zip(row, whole, strict=True)) - bound * scale
            if over > most:
                most, found = over, (row, bound)
        return found

    @cached_property
    def conditions(self) -> tuple[Condition, ...]:
        """All conditions that differ, of cover and of payment: what each placed unit takes away, and how much may be,
        in 10**-12 units. Rounding down takes less than three units a venue, for which the bounds leave room."""
        return tuple(dict.fromkeys(self._condition(s, failing, cover) for s in range(len(self.account.losses))
                                   for failing in self.failures for cover in (True, False)))

    def _condition(self, scenario: int, failing: int | None, cover: bool) -> Condition:
        row = []
        for v, venue in enumerate(self.venues):
            kept = (UNIT - self._losses[v][scenario]) * (UNIT - venue.failure if failing == v else UNIT)
            counts = cover or (venue.exit <= self.account.horizon and failing != v)
            row.append(_SCALE - kept * (UNIT - venue.haircut) if counts else _SCALE)
        room = self.account.collateral - max(0, self.account.losses[scenario]) - (self.account.needed if cover else 0)
        return tuple(row), _SCALE * max(0, room - 3 * len(self.venues))


def _with(placed: Placement, v: int, amount: int) -> Placement:
    """So much at one venue, out of what is free."""
    amounts = (*placed.amounts[:v], amount, *placed.amounts[v + 1:])
    return Placement(amounts, placed.free + placed.amounts[v] - amount)


def _venue_losses(venue: Venue, account: Account) -> list[int]:
    """What a venue loses in each scenario, basis points, rounded up."""
    if not venue.asset or not venue.share:
        return [0] * len(account.losses)
    falls = np.ceil((1.0 - exp(account.moves[venue.asset] / RETURN_UNIT)) * UNIT).astype(np.int64).tolist()
    return [min(UNIT, -(-max(0, fall - venue.cushion) * venue.share // UNIT)) for fall in falls]
