"""What accounts lose under a stress set, beside the margin that is proven for them; and what a venue would have to
cover of it.

Losses are changes from today, whole (no tail is taken, no add-on charged). What is *uncovered* of an account's is what
its margin, or on levels what it can be closed for today, does not hold: the sum over accounts is the venue's, the two
largest together are cover-2 of a principle that funds are sized by (CPMI-IOSCO, Principles for financial market
infrastructures, 4).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import TailSize
from risk.exact.sobol import sobol_uniforms
from risk.margins.contributions import breakdown, instrument_of, label
from risk.margins.levels import closing_value
from risk.margins.shocks import Market
from risk.scenarios import stress
from risk.scenarios.jumps import jumps
from risk.scenarios.scenarios import simulate
from risk.stress.sets import Moves, StressSet, changes, losses, own_draw
from risk.valuation.revaluation import value_changes

Positions = Sequence[tuple[int, int]]
REDRAWN = 2**13
"""Scenarios of a redraw under another dependence."""
BREAK_SHARE = Fraction(1, 4)
"""Of what a break of dependence would add to Expected Shortfall: the charge."""


@dataclass(frozen=True)
class PositionLoss:
    """name : the symbol.  kind : "put", "perpetual", ...; "" of bare numbers.  loss : money units."""

    name: str
    kind: str
    lots: int
    loss: int


@dataclass(frozen=True)
class Outcome:
    """An account under a set.

    margin : what is proven for it.  holds : what stands behind its losses: its margin, or on levels its value today.
    losses : one per scenario.  at : the worst scenario.  moves : what happens there.  positions : their losses there,
    worst first. Money units, all.
    """

    account: str
    stress: StressSet
    margin: int
    holds: int
    losses: tuple[int, ...]
    at: int
    moves: Moves
    positions: tuple[PositionLoss, ...]

    @property
    def worst(self) -> int:
        return self.losses[self.at]

    @property
    def uncovered(self) -> int:
        """What the worst scenario takes beyond what the account holds."""
        return max(0, self.worst - max(0, self.holds))


def outcomes(market: Market, accounts: Mapping[str, Positions], sets: Sequence[StressSet]) -> list[list[Outcome]]:
    """Every account under every set: a list a set, in the accounts' order.

    Parameters
    ----------
    accounts : positions (row of the epoch, lots) by name.

    Raises
    ------
    BadInput : a position that the book does not list; a change of value beyond what epochs hold.
    """
    standing = {name: _standing(market, positions) for name, positions in accounts.items()}
    found = []
    for chosen in sets:
        each = changes(market, chosen)
        found.append([_outcome(market, name, positions, *standing[name], chosen, losses(market, each, positions))
                      for name, positions in accounts.items()])
    return found


def _standing(market: Market, positions: Positions) -> tuple[int, int]:
    """The margin, and what stands behind losses."""
    margin = breakdown(market.epoch, positions).required
    return margin, closing_value(market.epoch, positions) if market.epoch.levels else margin


def _outcome(market: Market, name: str, positions: Positions, margin: int, holds: int, chosen: StressSet,
             each: list[tuple[int, ...]]) -> Outcome:
    whole = tuple(sum(column) for column in zip(*each, strict=True)) or (0,) * len(chosen.labels)
    at = max(range(len(whole)), key=lambda s: (whole[s], -s))
    parts = [PositionLoss(label(market.epoch, row), _kind(market, row), lots, own[at])
             for (row, lots), own in zip(positions, each, strict=True)]
    return Outcome(name, chosen, margin, holds, whole, at, chosen.moves(at),
                   tuple(sorted(parts, key=lambda part: -part.loss)))


def _kind(market: Market, row: int) -> str:
    instrument = instrument_of(market.epoch, row)
    return "" if instrument is None else str(instrument.kind)


@dataclass(frozen=True)
class Venue:
    """What a set leaves to the venue in that of its scenarios which leaves most. Accounts lose together there: each in
    a scenario of its own would be no scenario.

    at : the scenario.  beyond : accounts that lose more than they hold.  uncovered : what they lack together.
    cover_2 : what the two of them lack that lack most.
    """

    at: int
    beyond: int
    uncovered: int
    cover_2: int

    @classmethod
    def of(cls, found: Sequence[Outcome]) -> Venue:
        """Of the outcomes of one set."""
        lacking = [sorted((max(0, one.losses[s] - max(0, one.holds)) for one in found), reverse=True)
                   for s in range(len(found[0].losses))]
        at = max(range(len(lacking)), key=lambda s: (sum(lacking[s]), -s))
        return cls(at, sum(1 for amount in lacking[at] if amount), sum(lacking[at]), sum(lacking[at][:2]))


# -- a break of dependence -------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Dependence:
    """Expected Shortfall at the epoch's level, over redraws of the model: as it is, with independent assets, and with
    all at the same quantile of their laws. Money units, exact."""

    own: Fraction
    independent: Fraction
    comonotone: Fraction

    @property
    def charge(self) -> Fraction:
        """A quarter of what the dearer break adds; 0 where none does."""
        return BREAK_SHARE * max(Fraction(0), self.independent - self.own, self.comonotone - self.own)


def dependence(market: Market, accounts: Mapping[str, Positions]) -> dict[str, Dependence]:
    """What breaks of dependence do to each account. Redraws are the same for all: 2^13 of Sobol's points, shifted by
    the epoch's seed.

    Raises
    ------
    BadInput : the model draws nothing.
    """
    model, calibration = market.model, market.calibration
    drawn, seed = own_draw(market), market.epoch.header.seed
    own = jumps(model, calibration, seed=seed, count=REDRAWN, weighted=True)
    redraws = [simulate(calibration, model.assets, drawn(seed, REDRAWN), bound=model.scenarios.clip, jumps=own,
                        followed=model.follows_jumps),
               *(stress.scenarios(name, model, calibration, market.history, seed=seed, count=REDRAWN,
                                  uniforms=sobol_uniforms, drawn=drawn) for name in ("dependence-0", "dependence-1"))]
    each = [value_changes(market.book, model, calibration, one) for one in redraws]
    size = model.shape.tail.share(model.shape.scenarios) * REDRAWN
    tail = TailSize(size.numerator, size.denominator)
    found = {}
    for name, positions in accounts.items():
        whole = [np.zeros(REDRAWN, object) for _ in each]
        for row, lots in positions:
            for total, values in zip(whole, each, strict=True):
                total -= lots * values[market.listing(row)].astype(object)
        found[name] = Dependence(*(expected_shortfall(total.tolist(), tail).value for total in whole))
    return found
