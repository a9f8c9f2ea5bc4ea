"""Expected Shortfall and Value at Risk of reference books."""

from __future__ import annotations

from functools import lru_cache

from .. import telling
from .book_figures import BookFigures, book_figures
from .numbers import money
from .section import Block, Row, Said, Section, Table, Words
from .subject import Subject

HEADER = ("book", "ES", "VaR", "VaR 99 %", "add-ons", "margin", "error of ES, %")
LARGE_ERROR = 0.1


@lru_cache(maxsize=2)
def figures_of(subject: Subject) -> tuple[BookFigures, ...]:
    """Several sections speak of them."""
    return book_figures(subject.numbers)


def row(one: BookFigures) -> Row:
    """As `risk books` prints it."""
    return (one.name, money(one.expected_shortfall), money(one.value_at_risk), money(one.value_at_risk_99),
            money(one.addons), money(one.margin), "-" if one.error is None else f"{100 * one.error:.0f}")


def books(subject: Subject) -> Section:
    found, command = figures_of(subject), (subject.command("risk", "books"),)
    errors = [one.error for one in found if one.error is not None]
    said: list[Block] = [Said(f"Of {telling.tail(subject.numbers)}, in {subject.quote}.", command),
            Table(HEADER, tuple(map(row, found)), command)]
    if errors and max(errors) >= LARGE_ERROR:
        said.append(Said(f"One standard error of these numbers is {100 * min(errors):.0f} to {100 * max(errors):.0f} % "
                         "of themselves, if draws were independent: another seed would have given others. More "
                         "scenarios, or scenarios with masses, make that less.", command, warns=True))
    return Section("books", "Expected Shortfall and Value at Risk of reference books", (
        Words("Each book holds about a million of every asset it has, by its spot or nearest future; straddles are of "
              "the nearest expiry, sold. VaR is the loss at which the tail begins. Nobody's portfolio is among them."),
        *said))
