"""Reverse stress of an account in its three forms, put together: what is deterministic, and a search where the book is
not linear, whose word counts once the book is revalued there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

from primitives.errors import BadInput
from risk.exact.money import LARGEST_PRICE
from risk.margins.shocks import Market
from risk.stress import words
from risk.stress.book_loss import BookLoss
from risk.stress.factors import SCENARIOS, Factors
from risk.stress.reverse import (
    BROKEN,
    CLOSED_FORM,
    FOUND,
    IMPOSSIBLE,
    SEARCH,
    UNFOUND,
    Inside,
    Point,
    epoch_losses,
    in_box,
    inside,
    linear_point,
    slopes_of,
    starts,
    verified,
)
from risk.stress.tilting import REACHED, Ball, Tilt

if TYPE_CHECKING:
    from .epochs import AnyEpoch

Positions = Sequence[tuple[int, int]]
CURVE = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Shares of the collateral, for the curve of losses over implausibility."""
_CURVE_STARTS = 3
"""Of each of its points: they are shown, and nothing hangs on them."""


@dataclass(frozen=True)
class Search:
    """How the search for the least implausible point went.

    state : "found"; "broken", the account already loses the collateral where nothing moves but time; "impossible", no
        move can; "not found", none was.
    point : if found.  seen : the largest loss that was met.  bound : what no move can exceed, None if there is none.
    """

    state: str
    point: Point | None
    seen: int
    bound: int | None


@dataclass(frozen=True, eq=False)
class Reverse:
    """All of it. Money units.

    losses : in the epoch's scenarios.  inside : None where none of them breaks.
    tilted : "already", "reached" or "never"; tilt : None for the last.  ball : for other tilts.
    still : the loss where no spot moves and the horizon passes.
    """

    collateral: int
    book: BookLoss
    factors: Factors
    losses: tuple[Fraction, ...]
    inside: Inside | None
    search: Search
    ball: Ball
    tilted: str
    tilt: Tilt | None
    still: int


def reverse(numbers: AnyEpoch, positions: Positions, collateral: int, *, covariance: str = SCENARIOS,
            market: Market | None = None) -> Reverse:
    """Reverse stress of positions (row of the epoch, lots).

    Parameters
    ----------
    collateral : money units, above 0: what a loss from today on must reach.
    covariance : "scenarios" or "published", see `Factors.of`.
    market : of the epoch, where the caller has it.

    Raises
    ------
    BadInput : collateral out of bounds; an epoch of bare numbers, or of a handwritten set; a position that the book
        does not list.
    """
    if not 0 < collateral <= LARGEST_PRICE:
        raise BadInput("collateral", collateral, f"in [1, {LARGEST_PRICE}] money units: without any, an account is "
                       "broken already")
    market = Market(numbers) if market is None else market
    factors = Factors.of(market, covariance)
    book, losses = BookLoss(market, positions, factors), epoch_losses(market, positions)
    tail = numbers.shape.tail
    ball = Ball(losses, factors.weights, tail.share(len(losses)))
    how, tilt = ball.exhausting(collateral)
    still = book.exact(book.moves([0.0] * len(factors.assets)))
    return Reverse(collateral, book, factors, losses, inside(losses, factors, collateral), search(book, collateral),
                   ball, how, tilt, still)


def search(book: BookLoss, collateral: int, *, most: int | None = None) -> Search:
    """The least implausible move that loses the collateral.

    most : starts of the search; by default all that `starts` gives.
    """
    factors, bound = book.factors, book.bound()
    at_mean = book.exact(book.moves(factors.mean))
    if at_mean >= collateral:
        return Search(BROKEN, None, at_mean, bound)
    if bound is not None and bound < collateral:
        return Search(IMPOSSIBLE, None, at_mean, bound)
    if book.linear:
        slopes, loss = slopes_of(book)
        if slopes.any():
            made = linear_point(factors, slopes, loss, collateral)
            point = verified(book, made, collateral, CLOSED_FORM) if in_box(factors, made) else None
            if point is not None:
                return Search(FOUND, point, point.loss, bound)
    begins, seen = starts(book, collateral)
    if not begins:
        return Search(UNFOUND, None, round(seen), bound)
    from risk.fitting.least_implausible import least_implausible
    proposals = least_implausible(
        book.at, float(collateral), mean=factors.mean, deviation=factors.deviation, correlation=factors.correlation,
        low=factors.low, high=factors.high, starts=begins[:most])
    for proposal in proposals:                     # nearest first
        point = verified(book, proposal, collateral, SEARCH)
        if point is not None:
            return Search(FOUND, point, max(round(seen), point.loss), bound)
    return Search(UNFOUND, None, round(seen), bound)


def sentences(found: Reverse, quote: str) -> dict[str, str]:
    """A sentence for each form: "inside", "point", "tilting"."""
    one = found.search
    return {"inside": words.inside_sentence(found.inside, found.losses, found.collateral, quote),
            "point": words.point_sentence(one.state, one.point, found.collateral, one.seen, one.bound, quote),
            "tilting": words.tilt_sentence(found.tilted, found.tilt, found.ball, found.collateral, quote)}


def curve(found: Reverse) -> list[Point]:
    """The least implausible moves of losses below and beyond the collateral, where there are any, by rising loss."""
    levels = [round(share * found.collateral) for share in CURVE]
    points = [found.search.point if level == found.collateral else search(found.book, level, most=_CURVE_STARTS).point
              for level in levels if level > 0]
    return [point for point in points if point is not None]


def draw(found: Reverse, path: Path, *, title: str, subtitle: str, quote: str) -> None:
    """The picture, as PNG; errors as `risk.stress.plot.reverse`."""
    from risk.stress import plot
    plot.reverse(found.losses, found.factors, found.ball, found.collateral, path, inside=found.inside,
                 curve=[(point.distance, point.loss) for point in curve(found)],
                 tilt=found.tilt if found.tilted == REACHED else None, title=title, subtitle=subtitle, quote=quote)
