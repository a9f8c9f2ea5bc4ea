"""Reverse stress: which scenario, and how implausible a move, takes an account's whole collateral.

    inside      the epoch's scenario nearest to the usual, by Mahalanobis' distance, that loses the collateral or more
    point       the least implausible of all moves that do, whether or not the epoch has them
    tilting     how much less favourable all scenarios together must be (`risk.stress.tilting`)

Of books that are linear in spots, loss = l0 + w'x, the point is known in closed form,

    x = mu + (c - l0 - w'mu) S w / (w'S w),    d = (c - l0 - w'mu) / sqrt(w'S w)

[A. McNeil and A. Smith, Multivariate stress scenarios and solvency, Insurance: Mathematics and Economics 50, 2012].
Other books are searched from many starts, by whoever calls (`risk.fitting.least_implausible`), and nothing of what a
search says is believed: a point is one once the book, revalued in it in whole money, loses the collateral.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import position_losses
from risk.margins.levels import from_today
from risk.margins.shocks import Market
from risk.stress.book_loss import BookLoss, Moves
from risk.stress.factors import Factors

Floats = NDArray[np.float64]
CLOSED_FORM, SEARCH = "closed form", "search"
BROKEN, FOUND, IMPOSSIBLE, UNFOUND = "broken", "found", "impossible", "not found"
_STRETCHES = (1.0, 1.25, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0, 14.0, 20.0)
_MOST_STARTS = 8
_MOST_CORNERS = 10
"""Factors of which all corners of the box are tried."""
_HALVINGS = 60


def epoch_losses(market: Market, positions: Sequence[tuple[int, int]]) -> tuple[Fraction, ...]:
    """Losses from today in each of the epoch's scenarios, as its leaves have them, money units."""
    epoch = from_today(market.epoch)
    bits = epoch.shape.weight_bits if isinstance(epoch, GridEpoch) else 0
    each = [position_losses(epoch, row, lots) for row, lots in positions]
    whole = [sum(column) for column in zip(*each, strict=True)] or [0] * epoch.shape.scenarios
    return tuple(Fraction(loss, 1 << bits) for loss in whole)


# -- (a) inside the epoch --------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Inside:
    """The nearest scenario that breaks.

    kind : where it comes from.  loss : money units.  rank : 1 for the scenario nearest to the mean.
    farther : probability of scenarios farther out.  breaking, probability : number and probability of all that break.
    moves : of spot and volatility, by asset.
    """

    scenario: int
    kind: str
    loss: Fraction
    distance: float
    rank: int
    farther: Fraction
    breaking: int
    probability: Fraction
    moves: Moves


def inside(losses: Sequence[Fraction], factors: Factors, collateral: int) -> Inside | None:
    """The breaking scenario nearest to the mean, the first of equals; None where no scenario breaks.

    losses : one per scenario, money units.
    """
    distances = factors.distances(factors.values).tolist()
    breaking = [s for s, loss in enumerate(losses) if loss >= collateral]
    if not breaking:
        return None
    nearest = min(breaking, key=lambda s: (distances[s], s))
    distance = distances[nearest]
    moved = [tuple(Fraction(value).limit_denominator(10**9) for value in row[nearest].tolist())
             for row in (factors.values, factors.volatilities)]
    return Inside(nearest, factors.kinds[nearest], losses[nearest], distance,
                  1 + len([other for other in distances if other < distance]), factors.farther(distance),
                  len(breaking), Fraction(sum(factors.weights[s] for s in breaking), sum(factors.weights)),
                  dict(zip(factors.assets, zip(*moved, strict=True), strict=True)))


# -- (b) the least implausible point -----------------------------------------------------------------------------------
@dataclass(frozen=True)
class Point:
    """A move that breaks, revalued.

    moves : whole in 10**-8.  loss : in whole money, at least the collateral.  how : "closed form" or "search".
    farther : probability of the epoch's scenarios that lie farther out.
    """

    moves: Moves
    loss: int
    distance: float
    farther: Fraction
    how: str


def linear_point(factors: Factors, slopes: Floats, loss_at_mean: float, collateral: float) -> Floats:
    """The closed form: (n,).

    slopes : of the loss, per unit of each factor, (n,); not all 0.  loss_at_mean : below the collateral.
    """
    direction = _covariance_times(factors, slopes)
    return factors.mean + (collateral - loss_at_mean) / math.fsum(slopes * direction) * direction


def _covariance_times(factors: Factors, slopes: Floats) -> Floats:
    scaled = factors.deviation * slopes
    return np.array([factors.deviation[i] * math.fsum(factors.correlation[i] * scaled) for i in range(len(slopes))])


def slopes_of(book: BookLoss) -> tuple[Floats, float]:
    """Of a linear book: its slopes and its loss at the mean. Exact up to rounding, since it is linear."""
    factors, step = book.factors, 0.5
    losses = book.at(np.concatenate([factors.mean[None], factors.mean + step * np.eye(len(factors.assets))]))
    return (losses[1:] - losses[0]) / step, float(losses[0])


def in_box(factors: Factors, point: Floats) -> bool:
    """Whether a move is one that the model itself could draw."""
    return bool(((point >= factors.low) & (point <= factors.high)).all())


def starts(book: BookLoss, collateral: int) -> tuple[list[Floats], float]:
    """Moves that break, to search from, nearest first and not all alike; and the largest loss that was seen.

    Every scenario's direction from the mean is stretched until it breaks or leaves the box; so are the spots one by
    one, all corners of the box, and the loss's steepest direction at the mean.
    """
    factors, n = book.factors, len(book.factors.assets)
    directions = [factors.values - factors.mean, np.diag(factors.deviation), np.diag(-factors.deviation),
                  _steepest(book)[None]]
    if n <= _MOST_CORNERS:
        corners = [[(low, high)[pick] for low, high, pick in zip(factors.low, factors.high, picks, strict=True)]
                   for picks in itertools.product((0, 1), repeat=n)]
        directions.append(np.array(corners) - factors.mean)
    ways = np.concatenate(directions)
    points = np.concatenate([np.clip(factors.mean + stretch * ways, factors.low, factors.high)
                             for stretch in _STRETCHES])
    losses = book.at(points)
    distances = factors.distances(points)
    breaking = np.flatnonzero(losses >= collateral)
    order = breaking[np.argsort(distances[breaking], kind="stable")].tolist()
    chosen: list[Floats] = []
    for place in order:
        apart = [factors.distances(points[place][None] - other + factors.mean)[0] for other in chosen]
        if all(gap > 0.3 * distances[place] for gap in apart):
            chosen.append(points[place])
        if len(chosen) == _MOST_STARTS:
            break
    return chosen, float(losses.max())


def _steepest(book: BookLoss) -> Floats:
    """Where the loss rises fastest by distance, two deviations long: S grad / sqrt(grad' S grad)."""
    factors, n = book.factors, len(book.factors.assets)
    step = 0.05 * factors.deviation
    points = np.concatenate([factors.mean + np.diag(step), factors.mean - np.diag(step)])
    losses = book.at(np.clip(points, factors.low, factors.high))
    gradient = (losses[:n] - losses[n:]) / (2.0 * step)
    direction = _covariance_times(factors, gradient)
    square = math.fsum(gradient * direction)
    return 2.0 * direction / math.sqrt(square) if square > 0.0 else np.zeros(n)


def verified(book: BookLoss, point: Floats, collateral: int, how: str) -> Point | None:
    """The point on the ray from the mean through a move, near it, at which the book, revalued in whole money, just
    loses the collateral; None where it does not, whatever a search has said.
    """
    factors = book.factors

    def at(stretch: float) -> tuple[Moves, int]:
        moves = book.moves(np.clip(factors.mean + stretch * (point - factors.mean), factors.low, factors.high))
        return moves, book.exact(moves)

    high = next((stretch for stretch in (1.0, 1.0 + 1e-6, 1.0001, 1.001, 1.01) if at(stretch)[1] >= collateral), None)
    if high is None:
        return None
    low = next((stretch for stretch in (0.999, 0.99, 0.9) if at(stretch)[1] < collateral), None)
    for _ in range(_HALVINGS if low is not None else 0):
        assert low is not None
        middle = 0.5 * (low + high)
        if not low < middle < high or high - low < 1e-10:
            break
        low, high = (low, middle) if at(middle)[1] >= collateral else (middle, high)
    moves, loss = at(high)
    where = [float(moves[asset][0]) for asset in factors.assets]
    distance = factors.distance(where)
    return Point(moves, loss, distance, factors.farther(distance), how)
