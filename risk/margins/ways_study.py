"""The table of ways of margining: books, their margins, what the portfolio margin saves, which way falls short when.

What `tailproof risk tables` prints, for whoever wants it without a command line.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from primitives.errors import BadInput
from risk.margins.levels import from_today
from risk.margins.reference_books import reference_books
from risk.margins.scan import DEFAULT_SET, scanned, set_changes
from risk.margins.shocks import Market
from risk.margins.stress_moves import stress_changes
from risk.margins.ways import (
    WAYS,
    BookMargins,
    NamedBook,
    Shortfall,
    losses_of,
    margins_of,
    saving_quantiles,
    scaled,
    shortfalls,
)

ALL = "all"


@dataclass(frozen=True, eq=False)
class Study:
    """books : margins of each, in the order given.
    savings : by kind of book and way, quantiles of what the portfolio margin saves (`risk.margins.ways.QUANTILES`).
    shortfalls : by kind of book.  set : what scan takes the worst loss over.
    """

    books: tuple[BookMargins, ...]
    savings: dict[tuple[str, str], tuple[Fraction, ...]]
    shortfalls: dict[str, tuple[Shortfall, ...]]
    set: str

    @property
    def factor(self) -> Fraction:
        """What cross asks of all books together over what portfolio margins do: what `scaled` raises them by."""
        asked, total = 0, 0
        for one in self.books:
            asked, total = asked + one.cross, total + one.portfolio
        return Fraction(asked, total) if total else Fraction(1)

    def kinds(self) -> tuple[str, ...]:
        """Of books, in the order of the first of each; `ALL` last where there are several."""
        own = tuple(dict.fromkeys(one.book.kind for one in self.books))
        return own if len(own) == 1 else (*own, ALL)


def study(market: Market, books: Sequence[NamedBook], *, scan_set: str = DEFAULT_SET, stresses: Sequence[str] = (),
          presets: Sequence[str] = (), scenarios: int = 256, seed: int = 1,
          report: Callable[[str, int, int], None] = lambda stage, done, total: None) -> Study:
    """Margin every book in every way, and hold it against stress.

    Parameters
    ----------
    scan_set : preset that `scan` takes the worst loss over.
    stresses, presets, scenarios, seed : as `risk.margins.stress_moves.stress_changes`.

    Raises
    ------
    BadInput : no books; from `stress_changes`; a preset that there is not.
    """
    if not books:
        raise BadInput("books", 0, "at least one")
    epoch, moves = from_today(market.epoch), set_changes(market, scan_set)
    stressed = stress_changes(market, stresses, presets, scenarios=scenarios, seed=seed)
    found = list[BookMargins]()
    for i, book in enumerate(books):
        report("margins", i, len(books))
        found.append(margins_of(epoch, book, scanned(market, book.positions, moves)))
    found = list(scaled(found))
    of_kind = {kind: [i for i, book in enumerate(books) if book.kind == kind] for kind in {b.kind: 0 for b in books}}
    if len(of_kind) > 1:
        of_kind[ALL] = list(range(len(books)))
    places = [[market.listing(row) for row, _ in book.positions] for book in books]
    losses = {name: [losses_of(changes, where, book.positions) for where, book in zip(places, books, strict=True)]
              for name, changes in stressed.items()}
    report("margins", len(books), len(books))
    return Study(
        tuple(found),
        {(kind, way): saving_quantiles([found[i] for i in own], way) for kind, own in of_kind.items()
         for way in WAYS[:-1]},
        {kind: shortfalls([found[i] for i in own], {name: [every[i] for i in own] for name, every in losses.items()})
         for kind, own in of_kind.items()}, scan_set)


def usual_books(market: Market) -> tuple[NamedBook, ...]:
    """The reference books of an epoch, where nobody names others."""
    epoch = market.epoch
    found = reference_books(epoch, market.book, [listing.instrument.symbol for listing in market.book.listings])
    return tuple(NamedBook(name, tuple((epoch.row_of(symbol) or 0, lots) for symbol, lots in positions.items()),
                           "reference") for name, positions in found.items())
