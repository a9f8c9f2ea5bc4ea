"""Books made against a scenario set: scenarios are public before trades, so somebody will look for what they miss.

The adversary holds legs (instruments, long or short) and wants a book whose margin, Expected Shortfall by scenarios,
is as small a part as possible of its Expected Shortfall over all paths. For a fixed tail of paths that is a linear
programme, maximise c b such that ES_scenarios(b) <= 1 and gross(b) <= G, where gross adds up what the legs would be
margined at alone; its optimum has another tail, and so on until nothing improves.

Expected Shortfall is the largest of linear functions, one for each way to fill the tail, so the programme is solved by
cutting planes: a dual simplex method on a tableau that gets the one tail most violated as its next row. It need not be
exact, only the same everywhere: sums, products and quotients in a fixed order. What it finds joins the books that the
scenarios are balanced on, and the worst of the last round is the floor that the epoch prints.

J. E. Kelley, The cutting-plane method for solving convex programs, Journal of SIAM 8, 1960; R. T. Rockafellar and
S. Uryasev, Optimization of conditional value-at-risk, Journal of Risk 2, 2000.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from primitives import threads
from primitives.native import compiled
from risk.exact.uniforms import uniforms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GROSS = 5.0
"""Legs' own margins that a book may add up to, times its margin: more than five to one is not a hedge but a bet on what
scenarios miss, which the rates on lots have to pay for."""
_TAILS = 8
"""How often the tail is looked up anew."""
_CUTS = 150
"""Tails that one programme may take in; some twenty do."""
_FEW = 4
"""Legs that every other start has."""
_TOLERANCE = 1e-3
_ZERO = 1e-9


@dataclass(frozen=True, eq=False)
class Legs:
    """What the adversary may hold, on all paths of a population.

    values : int32 (n, legs), value change of one unit of each leg on every path, any scale.
    tail : as a fraction of probability, such as (1, 40).
    """

    values: NDArray[np.int32]
    tail: tuple[int, int]

    @cached_property
    def own(self) -> Floats:
        """(legs,): Expected Shortfall over all paths of one unit of each leg, long or short, whichever is larger."""
        found = []
        for column in self.values.T:
            losses = column.astype(np.int64)
            found.append(max(population_shortfall(-losses, self.tail), population_shortfall(losses, self.tail)))
        return np.maximum(np.array(found), 1.0)


@dataclass(frozen=True, eq=False)
class Target:
    """A scenario set beside the population it stands for.

    chosen : (S,), the paths that are scenarios.
    masses : (S,), p_s.
    """

    legs: Legs
    chosen: Ints
    masses: Ints


@dataclass(frozen=True, eq=False)
class Found:
    """A book and what it gets away with.

    book : (legs,), units of each leg.
    ratio : its margin by the scenarios over its Expected Shortfall over all paths.
    """

    book: Floats
    ratio: float


def attack(target: Target, start: Floats, gross: float = GROSS) -> Found:
    """The book that is found from a start: (legs,), multiples of what each leg has as its own Expected Shortfall."""
    scale = target.legs.own
    inside = target.legs.values[target.chosen] / scale                     # (S, legs) in units of a leg's own margin
    book, best = start, Found(start / scale, 1.0)
    cuts: list[Floats] = []
    for _ in range(_TAILS):
        slope = -_tail_mean(target, book / scale) / scale
        tableau = _Tableau(np.concatenate([slope, -slope]), gross)
        for cut in cuts:
            tableau.require(cut)
        for _ in range(_CUTS):
            held = tableau.solution()
            book = held[:len(slope)] - held[len(slope):]
            shortfall, gradient = weighted_shortfall(inside, book, target.masses, target.legs.tail)
            if shortfall <= 1.0 + _TOLERANCE:
                break
            cuts.append(np.concatenate([gradient, -gradient]))
            tableau.require(cuts[-1])
        ratio = _ratio(target, book / scale)
        if ratio >= best.ratio - _TOLERANCE:
            return best
        best = Found(book / scale, ratio)
    return best


def population_shortfall(losses: Ints, tail: tuple[int, int]) -> float:
    """Expected Shortfall of equally likely integer losses, (n,) -> in the same unit; n times tail must be whole or is
    taken down to what is."""
    n = len(losses)
    count = n * tail[0] // tail[1]
    quantile = int(np.partition(losses, n - count)[n - count])
    return (count * quantile + int(np.maximum(losses - quantile, 0).sum())) / count


def losses_of(values: NDArray[np.int32], book: Floats) -> Floats:
    """-values @ book, every sum in the order of the legs: (n, legs), (legs,) -> (n,)."""
    out = np.empty(len(values))
    threads.share(len(values), lambda begin, end: _losses(values, book, out, begin, end), least=1 << 14)
    return out


@compiled
def _losses(values: NDArray[np.int32], book: Floats, out: Floats, begin: int, end: int) -> None:
    for i in range(begin, end):
        total = 0.0
        for j in range(len(book)):
            total -= np.float64(values[i, j]) * book[j]
        out[i] = total


def _worst(target: Target, book: Floats) -> tuple[Floats, NDArray[np.bool_]]:
    """Losses on all paths, and which of them are the book's tail: as many as the tail has, first come first served."""
    losses = losses_of(target.legs.values, book)
    count = len(losses) * target.legs.tail[0] // target.legs.tail[1]
    quantile = np.partition(losses, len(losses) - count)[len(losses) - count]
    worst = losses > quantile
    ties = np.flatnonzero(losses == quantile)
    worst[ties[:count - int(worst.sum())]] = True
    return losses, worst


def _tail_mean(target: Target, book: Floats) -> Floats:
    """Mean value change of each leg over the book's tail: (legs,)."""
    _, worst = _worst(target, book)
    return target.legs.values[worst].sum(0, dtype=np.int64) / int(worst.sum())


def _ratio(target: Target, book: Floats) -> float:
    """Margin by the scenarios over Expected Shortfall by all paths; 1 where there is nothing to lose."""
    losses, worst = _worst(target, book)
    true = _in_order(losses[worst]) / int(worst.sum())
    inside = target.legs.values[target.chosen].astype(np.float64)
    margin, _ = weighted_shortfall(inside, book, target.masses, target.legs.tail)
    return margin / true if true > 0.0 else 1.0


def weighted_shortfall(values: Floats, book: Floats, masses: Ints, tail: tuple[int, int]) -> tuple[float, Floats]:
    """Expected Shortfall of a book by weighted scenarios, and its gradient: (S, legs), (legs,) -> float, (legs,)."""
    losses, gradient = np.zeros(len(values)), np.zeros(len(book))
    _subtract(np.ascontiguousarray(values.T), book, losses)
    order = np.argsort(-losses, kind="stable")
    whole, held = tail[0] * int(masses.sum()), tail[1] * masses[order]            # all in units of mass / tail[1]
    inside = np.clip(whole - (np.cumsum(held) - held), 0, held) / whole
    tail_rows, weights = order[inside > 0.0], inside[inside > 0.0]
    _subtract(values[tail_rows], weights, gradient)
    return _in_order(losses[tail_rows] * weights), gradient


@compiled
def _subtract(rows: Floats, times: Floats, out: Floats) -> None:
    """out -= times[i] rows[i], row by row: (n, k), (n,), (k,)."""
    for i in range(len(times)):
        for j in range(len(out)):
            out[j] -= times[i] * rows[i, j]


@compiled
def _sum(values: Floats, out: Floats) -> None:
    total = 0.0
    for i in range(len(values)):
        total += values[i]
    out[0] = total


def _in_order(values: Floats) -> float:
    out = np.empty(1)
    _sum(np.ascontiguousarray(values), out)
    return float(out[0])


class _Tableau:
    """maximise d x over x >= 0, sum(x) <= gross, and rows a x <= 1 as they come, by the dual simplex method.

    Condensed form: each basic variable is rhs - T nonbasic, and the objective's d are <= 0 at an optimum. Variables
    0 .. n-1 are x, n is gross's slack, later ones those of rows in order.
    """

    def __init__(self, slope: Floats, gross: float) -> None:
        self._n = len(slope)
        self._rows, self._rhs, self._slope = np.ones((1, self._n)), np.array([gross]), slope.copy()
        self._basic, self._nonbasic = [self._n], list(range(self._n))
        best = int(np.argmax(slope))
        if slope[best] > 0.0:
            self._pivot(0, best)

    def require(self, row: Floats) -> None:
        """a x <= 1, and make the solution satisfy it."""
        own = np.zeros(self._n)
        for j, variable in enumerate(self._nonbasic):
            if variable < self._n:
                own[j] = row[variable]
        rhs = np.ones(1)
        held = np.array([i for i, variable in enumerate(self._basic) if variable < self._n], np.int64)
        times = row[[self._basic[i] for i in held]]
        _subtract(self._rows[held], times, own)
        _subtract(self._rhs[held][:, None], times, rhs)
        self._basic.append(self._n + len(self._basic))
        self._rows, self._rhs = np.vstack([self._rows, own]), np.append(self._rhs, rhs[0])
        for _ in range(4 * self._n):
            least = int(np.argmin(self._rhs))
            usable = self._rows[least] < -_ZERO
            if self._rhs[least] >= -_ZERO or not usable.any():
                return
            ratios = np.where(usable, self._slope / np.where(usable, self._rows[least], -1.0), np.inf)
            self._pivot(least, int(np.argmin(ratios)))

    def solution(self) -> Floats:
        values = np.zeros(self._n)
        for variable, value in zip(self._basic, self._rhs, strict=True):
            if variable < self._n:
                values[variable] = value
        return values

    def _pivot(self, i: int, j: int) -> None:
        pivot = self._rows[i, j]
        row, rhs, column = self._rows[i] / pivot, self._rhs[i] / pivot, self._rows[:, j].copy()
        row[j], column[i] = 1.0 / pivot, 0.0
        self._rows[:, j] = 0.0
        self._rows = self._rows - column[:, None] * row
        self._rhs = self._rhs - column * rhs
        self._rows[i], self._rhs[i] = row, rhs
        slope = self._slope[j]
        self._slope[j] = 0.0
        self._slope = self._slope - slope * row
        self._basic[i], self._nonbasic[j] = self._nonbasic[j], self._basic[i]


def starts(count: int, legs: int) -> Sequence[Floats]:
    """Books to start from, the same for every epoch: by turns with no leg left out, and of `_FEW` legs. (legs,) each.

    Books of many legs lead to optima that look alike; spreads of few are elsewhere, and are what people hold.
    """
    held, by_chance = uniforms(0, (count, legs)) * 2.0 - 1.0, uniforms(1, (count, legs))
    for k in range(1, count, 2):
        held[k, np.argsort(by_chance[k], kind="stable")[_FEW:]] = 0.0
    return list(held)
