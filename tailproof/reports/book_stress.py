"""What stress that an epoch need not hold does to its reference books, and what takes their margin. Nobody's portfolio
is among them, so it may be shown.

Margins are of what may be lost from today on, also where the epoch has levels: these books hold no cash.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from primitives.errors import BadInput, suggestion
from risk.margins.contributions import AnyEpoch
from risk.margins.levels import from_today
from risk.margins.reference_books import reference_books
from risk.margins.shocks import Market
from risk.models.model import Estimator
from risk.stress import outcomes, words
from risk.stress.outcomes import Dependence, Outcome
from risk.stress.sets import StressSet

from .book_figures import rows_of
from .numbers import money

Positions = Sequence[tuple[int, int]]
Accounts = Mapping[str, Positions]
_FEW = 4
"""Scenarios of a set of which one sentence says enough."""
_MOST_SENTENCES = 3


@dataclass(frozen=True, eq=False)
class BookStress:
    """sets, found : an outcome a book, of each set.  dependence : by book, of those of several assets."""

    sets: tuple[StressSet, ...]
    found: tuple[tuple[Outcome, ...], ...]
    dependence: Mapping[str, Dependence]


def from_today_on(market: Market) -> Market:
    """The market that reference books are margined in."""
    return Market(from_today(market.epoch)) if market.epoch.levels else market


def accounts(market: Market) -> dict[str, Positions]:
    """Positions (row of the epoch, lots) of every reference book."""
    epoch: AnyEpoch = market.epoch
    symbols = {instrument.symbol for instrument in epoch.instruments}
    return {name: rows_of(epoch, lots) for name, lots in reference_books(epoch, market.book, symbols).items()}


def account(market: Market, name: str) -> Positions:
    """Of one book.

    Raises
    ------
    BadInput : there is none of this name.
    """
    known = accounts(market)
    if name not in known:
        raise BadInput("--reference-book", name, f"one of {', '.join(known)}{suggestion(name, list(known))}")
    return known[name]


def book_stress(market: Market, sets: Sequence[StressSet], *, dependence: bool) -> BookStress:
    """Every reference book under every set.

    Parameters
    ----------
    market : as `from_today_on` gives it.  dependence : whether the model is redrawn under other dependence.

    Raises
    ------
    BadInput : a change of value beyond what epochs hold; of `dependence`, a model that draws nothing.
    """
    books = accounts(market)
    several = {name: rows for name, rows in books.items()
               if len({int(market.epoch.underlying[row]) for row, _ in rows}) > 1}
    return BookStress(tuple(sets), tuple(map(tuple, outcomes.outcomes(market, books, sets))),
                      outcomes.dependence(market, several) if dependence else {})


def table(made: BookStress) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Header and rows: each book's margin, and its worst loss in each set in percent of that."""
    header = ("book", "margin", *(f"{one.name}, %" for one in made.sets))
    return header, [(row[0].account, money(row[0].holds), *map(_percent, row))
                    for row in zip(*made.found, strict=True)]


def sentences(made: BookStress, quote: str) -> list[str]:
    """Of each set what it does to the book that loses most beside its margin; of one with many scenarios, such as a
    whole history, to three that lose most in different ones."""
    return [words.sentence(one, quote, about=one.account) for stress, found in
            zip(made.sets, made.found, strict=True) for one in _hardest(stress, found)]


def dependence_sentences(made: BookStress, quote: str) -> list[str]:
    """Of each book of several assets what a break of dependence would do."""
    return [f"{name}: {words.dependence_sentence(one, quote)}" for name, one in made.dependence.items()]


def telling(market: Market) -> tuple[str, ...]:
    """Books of which reverse stress is told: all assets long, all short, or the one there is; and a straddle sold."""
    known = list(accounts(market))
    whole = [name for name in ("long all", "short all") if name in known] \
        or [name for name in known if name.startswith(("long ", "short ")) and "straddle" not in name][:2]
    return (*whole, *[name for name in known if name.startswith("short straddle ")][:1])


def draws(market: Market) -> bool:
    """Whether a model has a law to redraw, and a distance that moves are far by."""
    return market.model.estimator != Estimator.HANDWRITTEN


def _hardest(stress: StressSet, found: Sequence[Outcome]) -> Iterator[Outcome]:
    told = set[int]()
    for one in sorted(found, key=lambda one: (-_share(one), -one.worst)):
        if one.at not in told:
            told.add(one.at)
            yield one
        if len(told) == (1 if len(stress.labels) <= _FEW else _MOST_SENTENCES):
            return


def _share(one: Outcome) -> Fraction:
    return Fraction(one.worst, one.holds) if one.holds > 0 else Fraction(0)


def _percent(one: Outcome) -> str:
    return f"{float(100 * _share(one)):.0f}" if one.holds > 0 else "-"
