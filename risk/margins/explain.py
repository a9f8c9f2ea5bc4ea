"""Why a margin is what it is: scenarios of its tail, days they are made of or resemble, positions that lose.

In filtered historical simulation a scenario is drawn days, one a step, and those are named: the draw is repeated from
the epoch's own seed and compared with what is published. Elsewhere (Monte Carlo, stress, standard scenarios of a grid)
no day was drawn; then the days of a price history that come nearest are named, each asset's log return counted in units
of its root mean square over the scenarios.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.epochs.build import seed_of
from risk.epochs.epoch import Epoch
from risk.exact.elementary import log
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.grid.grid_build import applied
from risk.grid.grid_standard import StandardMap
from risk.margins.contributions import AnyEpoch, Breakdown
from risk.margins.shocks import provenance_of, sources_of
from risk.market.book import Book
from risk.market.history import History
from risk.models.model import Estimator, Model
from risk.scenarios import filtered_historical, stress
from risk.scenarios.jumps import jumps
from risk.scenarios.scenarios import KINDS, RETURN_UNIT, Scenarios, simulate

DRAWN, NEAREST = "drawn", "nearest"


@dataclass(frozen=True)
class Days:
    """how : "drawn" or "nearest".  labels : one a step if drawn; of the nearest the first price and the last.
    returns : log returns per asset over the horizon that the market really had there, in 10**-9; None if drawn."""

    how: str
    labels: tuple[str, ...]
    returns: tuple[int, ...] | None = None


@dataclass(frozen=True)
class TailScenario:
    """One scenario of the tail.

    kind : where it comes from, one of `risk.scenarios.scenarios.KINDS`.
    mass : how much of it the tail holds, in units of which the tail holds K.  weight : all of it, in the same units.
    loss : money units.  part : mass x loss / (K ES), its share of Expected Shortfall; None if that is 0.
    returns : log return per asset, in 10**-9.  positions : (index of the position, loss in money units), worst first.
    """

    scenario: int
    kind: str
    mass: int
    weight: int
    loss: Fraction
    part: Fraction | None
    returns: tuple[int, ...]
    positions: tuple[tuple[int, Fraction], ...]
    days: Days | None


def explain(epoch: AnyEpoch, found: Breakdown, *, most: int, history: History | None = None
            ) -> tuple[TailScenario, ...]:
    """The scenarios that a margin hangs on, those that weigh most in Expected Shortfall first.

    Parameters
    ----------
    found : of the portfolio in this epoch.
    most : how many at most.
    history : to name the nearest days of; by default the epoch's own, if it has one.

    Raises
    ------
    BadInput : an epoch of bare numbers; a history of other assets.
    """
    shortfall = found.shortfall
    weights = shortfall.tail.weights(len(found.losses))
    held = [s for s, mass in enumerate(shortfall.tail_mass) if mass]
    held = sorted(held, key=lambda s: (-found.losses[s], s))[:most]
    model, book, own = sources_of(epoch)
    scenarios = scenarios_of(epoch, model)
    kinds = scenarios.kinds
    days = named_days(epoch, model, book, own if history is None else history, scenarios, held,
                      prefer_nearest=history is not None)
    out = []
    for s, named in zip(held, days, strict=True):
        losses = sorted(((i, found.money(each[s])) for i, each in enumerate(found.each)), key=lambda pair: -pair[1])
        mass = shortfall.tail_mass[s]
        part = Fraction(mass * found.losses[s], shortfall.numerator) if shortfall.numerator else None
        out.append(TailScenario(s, kinds[s], mass, weights[s], found.money(found.losses[s]), part,
                                tuple(scenarios.returns[s].tolist()), tuple(losses), named))
    return tuple(out)


def scenarios_of(epoch: AnyEpoch, model: Model) -> Scenarios:
    """The scenarios that losses are taken in: those published, or on a grid the standard ones of its regime."""
    made = provenance_of(epoch)
    if isinstance(epoch, Epoch):
        return made.scenarios
    standard, m = epoch.shape.map, len(model.assets)
    assert isinstance(standard, StandardMap)           # an epoch with sources was built on one
    spot, volatility = (points[epoch.regime, :, :m] for points in standard.points)
    return applied(model, made.calibration, spot, volatility)


def named_days(epoch: AnyEpoch, model: Model, book: Book, history: History | None, scenarios: Scenarios,
               wanted: Sequence[int], *, prefer_nearest: bool = False) -> list[Days | None]:
    """Days of the wanted scenarios; None for each where there is no history to name them of."""
    if history is None:
        return [None] * len(wanted)
    if isinstance(epoch, Epoch) and model.estimator == Estimator.FILTERED_HISTORICAL and not prefer_nearest:
        drawn = drawn_days(epoch, model, book, history)
        nearest = nearest_days(model, history, scenarios, wanted)
        return [near if (days := drawn[s]) is None else Days(DRAWN, tuple(history.labels[day + 1] for day in days))
                for s, near in zip(wanted, nearest, strict=True)]
    return nearest_days(model, history, scenarios, wanted)


def drawn_days(epoch: Epoch, model: Model, book: Book, history: History) -> list[tuple[int, ...] | None]:
    """Which day each step of each scenario was drawn from, as places among the history's returns.

    None for a scenario that the draw does not give: it is stress, or not of the seed that the epoch says.
    """
    made, horizon = provenance_of(epoch), model.horizon
    seed = seed_of(model, book, made.sources, epoch.header.previous)
    weighted = not model.shape.tail.uniform
    total = model.scenarios.population if weighted else model.shape.scenarios
    count = total - sum(stress.counts(model.stress, total))
    uniforms = (sobol_uniforms if weighted else latin_hypercube)(seed, count, (horizon,))
    innovations = filtered_historical.from_uniforms(model, history, uniforms)
    paths = simulate(made.calibration, model.assets, innovations, bound=model.scenarios.clip,
                     jumps=jumps(model, made.calibration, seed=seed, count=count))
    place = {row.tobytes(): i for i, row in reversed(list(enumerate(_rows(paths))))}
    days = filtered_historical.days_in_order(history)
    places = np.floor(uniforms * len(days)).astype(np.int64)
    found = [place.get(row.tobytes()) for row in _rows(made.scenarios)]
    return [None if path is None or kind != KINDS[0] else tuple(days[places[path]].tolist())
            for path, kind in zip(found, made.scenarios.kinds, strict=True)]


def _rows(scenarios: Scenarios) -> NDArray[np.int64]:
    return np.concatenate([scenarios.returns, scenarios.variances], axis=1)


def nearest_days(model: Model, history: History, scenarios: Scenarios, wanted: Sequence[int]) -> list[Days | None]:
    """The span of as many steps as the horizon whose returns are nearest, for each of the wanted scenarios."""
    elapsed = np.array([0, *itertools.accumulate(history.steps.tolist())], np.int64)
    ends = np.searchsorted(elapsed, elapsed + model.horizon)
    starts = np.flatnonzero((ends < len(elapsed)) & (elapsed[np.minimum(ends, len(elapsed) - 1)]
                                                     == elapsed + model.horizon))
    if not len(starts):
        return [None] * len(wanted)
    logs = log(history.prices)
    spans = np.rint((logs[ends[starts]] - logs[starts]) * RETURN_UNIT)
    scale = np.array([math.sqrt(math.fsum(column * column) / len(column)) or 1.0
                      for column in scenarios.returns.astype(np.float64).T])
    found: list[Days | None] = []
    for s in wanted:
        away = (spans - scenarios.returns[s]) / scale
        distance = np.zeros(len(spans))
        for column in away.T:
            distance = distance + column * column
        at = int(np.argmin(distance))
        start, end = int(starts[at]), int(ends[starts[at]])
        found.append(Days(NEAREST, (history.labels[start], history.labels[end]),
                          tuple(int(value) for value in spans[at])))
    return found
