"""The same book margined in four ways, and which of them falls short when things go wrong: measured, not asserted.

isolated   each position has collateral of its own, its margin alone. What it loses beyond that somebody else pays, also
           while other positions gain: those are apart.
cross      all collateral is one, and the margin is the sum over assets of each asset's Expected Shortfall, as venues
           net within an asset and not across.
scan       the same, with the worst loss over a venue's handwritten moves in place of Expected Shortfall.
portfolio  all collateral is one, and the margin is the Expected Shortfall of everything together: what is proven.
scaled     portfolio margins, all raised by one factor so that the accounts together hold what they do under cross. A
           margin that asks for more falls short less: this one says which of the two puts the same money better.

Under every way an account holds just its margin. In a scenario it falls short by what its losses are beyond it:
sum over positions of max(0, loss - margin) where they are isolated, max(0, loss - margin) of the whole elsewhere. That
is what an insurance fund pays, and what isolation spares the holder.

Margins of one account are whole money units; Expected Shortfall is subadditive and so is rounding up, so that isolated
is at least cross, and cross at least portfolio.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from risk.exact.expected_shortfall import expected_shortfall
from risk.grid.grid_epoch import GridEpoch
from risk.margins.contributions import AnyEpoch, Positions, position_losses

WAYS = ("isolated", "cross", "scan", "portfolio")
SCALED = "scaled"
MILLION = 10**6


@dataclass(frozen=True)
class NamedBook:
    """kind : what sort of book it is, for a table of many."""

    name: str
    positions: tuple[tuple[int, int], ...]
    kind: str = "given"


@dataclass(frozen=True)
class BookMargins:
    """Margins of a book, 10**-6 quote units.

    each : of every position alone, in the book's order; `isolated` is their sum.
    scan : None where nobody asked.  scaled : None outside a study of many.
    """

    book: NamedBook
    each: tuple[int, ...]
    cross: int
    portfolio: int
    scan: int | None = None
    scaled: int | None = None

    @property
    def isolated(self) -> int:
        return sum(self.each)

    def of(self, way: str) -> int | None:
        """The margin that one of `WAYS` asks."""
        return {"isolated": self.isolated, "cross": self.cross, "scan": self.scan, "portfolio": self.portfolio}[way]

    def saving(self, way: str) -> Fraction | None:
        """What the portfolio margin saves of another way's, as a share of it; negative where it asks more (of a scan it
        may); None where that way asks nothing."""
        asked = self.of(way)
        return None if not asked else 1 - Fraction(self.portfolio, asked)


def margins_of(epoch: AnyEpoch, book: NamedBook, scan: int | None = None) -> BookMargins:
    """All ways at once; scan is for the caller to find (`risk.margins.scan`).

    Parameters
    ----------
    epoch : on the basis of changes (`risk.margins.levels.from_today`): other ways know no cash.
    """
    bits = epoch.shape.weight_bits if isinstance(epoch, GridEpoch) else 0
    unit, nothing = epoch.shape.tail.numerator << bits, [0] * epoch.shape.scenarios
    addons = [abs(lots) * int((epoch.long if lots >= 0 else epoch.short)[row]) for row, lots in book.positions]
    each = [position_losses(epoch, row, lots) for row, lots in book.positions]
    by_asset: dict[int, list[int]] = {}
    for (row, _), losses in zip(book.positions, each, strict=True):
        asset = int(epoch.underlying[row])
        by_asset[asset] = [a + b for a, b in zip(by_asset.get(asset, nothing), losses, strict=True)]

    def asked(losses: Sequence[int]) -> int:
        return max(0, -(-expected_shortfall(losses, epoch.shape.tail).numerator // unit))

    whole = nothing
    for of_asset in by_asset.values():
        whole = [a + b for a, b in zip(whole, of_asset, strict=True)]
    return BookMargins(book, tuple(asked(losses) + addon for losses, addon in zip(each, addons, strict=True)),
                       sum(map(asked, by_asset.values())) + sum(addons), asked(whole) + sum(addons), scan)


def scaled(found: Sequence[BookMargins]) -> tuple[BookMargins, ...]:
    """With the portfolio margins raised to what cross asks of all books together, each rounded up."""
    held, asked = sum(one.portfolio for one in found), sum(one.cross for one in found)
    return tuple(replace(one, scaled=-(-one.portfolio * asked // held) if held else 0) for one in found)


# -- what falls short ------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Shortfall:
    """One way, over all books in all scenarios of one stress set. Sizes are parts per million of the book's portfolio
    margin, so that ways and books compare; books that need no margin are left out.

    cases : pairs of a book and a scenario.  short : of them with a shortfall.
    total : sum of the sizes.  worst : the largest.
    needless : cases in which a position is closed for want of collateral while the account as a whole has enough.
    """

    stress: str
    way: str
    cases: int
    short: int
    total: int
    worst: int
    needless: int

    @property
    def share(self) -> Fraction:
        """Of the cases that fall short."""
        return Fraction(self.short, self.cases) if self.cases else Fraction(0)

    @property
    def mean(self) -> Fraction:
        """Size over all cases, as a share of the portfolio margin."""
        return Fraction(self.total, self.cases * MILLION) if self.cases else Fraction(0)


def shortfalls(found: Sequence[BookMargins], losses: Mapping[str, Sequence[NDArray[Any]]]) -> tuple[Shortfall, ...]:
    """Which ways fall short in which stress.

    Parameters
    ----------
    losses : by stress set, for each book (J, S) integers (`losses_of`): what every position loses in every scenario,
        money units.
    """
    out = []
    for stress, of_books in losses.items():
        tallies = {way: _Tally(stress, way) for way in (*WAYS, SCALED)}
        for book, own in zip(found, of_books, strict=True):
            if book.portfolio:
                for way, (amounts, needless) in _short(book, own).items():
                    tallies[way].add(amounts, needless, book.portfolio)
        out += [tally.result() for tally in tallies.values() if tally.cases]
    return tuple(out)


def _short(book: BookMargins, own: NDArray[Any]) -> dict[str, tuple[NDArray[Any], int]]:
    """By way, the shortfall in each scenario, and how many closes were needless."""
    if book.isolated >= 1 << 61:
        own = own.astype(object)
    whole = own.sum(axis=0)
    margins = np.array(book.each, own.dtype).reshape(-1, 1)
    apart = np.maximum(own - margins, 0).sum(axis=0)
    needless = int(np.count_nonzero((apart > 0) & (whole <= book.isolated)))
    pooled = {"cross": book.cross, "scan": book.scan, "portfolio": book.portfolio, SCALED: book.scaled}
    return {"isolated": (apart, needless), **{way: (np.maximum(whole - margin, 0), 0)
                                              for way, margin in pooled.items() if margin is not None}}


class _Tally:
    def __init__(self, stress: str, way: str) -> None:
        self.stress, self.way = stress, way
        self.cases = self.short = self.total = self.worst = self.needless = 0

    def add(self, amounts: NDArray[Any], needless: int, margin: int) -> None:
        sizes = [-(-int(amount) * MILLION // margin) for amount in amounts[amounts > 0]]
        self.cases, self.short, self.needless = (self.cases + len(amounts), self.short + len(sizes),
                                                 self.needless + needless)
        self.total, self.worst = self.total + sum(sizes), max(self.worst, *sizes, 0)

    def result(self) -> Shortfall:
        return Shortfall(self.stress, self.way, self.cases, self.short, self.total, self.worst, self.needless)


def losses_of(changes: NDArray[np.int64], listings: Sequence[int], positions: Positions) -> NDArray[Any]:
    """What positions lose in scenarios: (J, S) integers, int64 where sums of them and of margins fit, else Python's.

    changes : value change of a lot of each listing, (n, S).  listings : of each position, which.
    """
    own = changes[list(listings)] if len(listings) else changes[:0]
    lots = [count for _, count in positions]
    most = max((abs(count) for count in lots), default=0) * int(np.abs(own).max(initial=0)) * max(1, len(lots))
    dtype: type = np.int64 if most < 1 << 61 else object
    return -np.array(lots, dtype).reshape(-1, 1) * own.astype(dtype)


# -- savings over many -----------------------------------------------------------------------------------------------
QUANTILES = (Fraction(5, 100), Fraction(25, 100), Fraction(50, 100), Fraction(75, 100), Fraction(95, 100))


def saving_quantiles(found: Sequence[BookMargins], way: str) -> tuple[Fraction, ...]:
    """Of the savings against a way over books, at `QUANTILES`: of n ordered values the one numbered ceil(q n); empty
    where no book needs a margin."""
    ordered = sorted(saving for one in found if (saving := one.saving(way)) is not None)
    return tuple(ordered[-(-q.numerator * len(ordered) // q.denominator) - 1] for q in QUANTILES) if ordered else ()

