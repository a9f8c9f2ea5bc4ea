"""Who holds what on the crash day, and what each does when called.

Books are the fixtures' two, at several sizes, and five more of the same market. What somebody puts in is told by the
moment up to which it covers: at initial margin under that epoch, and not much more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from risk.margins.portfolio import Portfolio

from .market import FIXTURES

CASH = 1_000
"""Lots of cash in a unit of the quote."""


class Answer(StrEnum):
    """What an owner does. RENEWS : shows cover as long as she has it, and tops up when called.  LATE : nothing until
    her account is a lot, and then tops up.  SLEEPS : nothing at all."""

    RENEWS = "renews"
    LATE = "late"
    SLEEPS = "sleeps"


@dataclass(frozen=True)
class Holder:
    """An account.

    venue : 0, which stands by its accounts, or 1, which falls silent.  book : by name.  size : in quarters of it.
    covers : number of the last epoch under which what she puts in covers at initial margin.
    spare : what she puts in beyond that, basis points of it.  least : what she puts in at least, units.
    """

    name: str
    venue: int
    book: str
    size: int
    covers: int
    answer: Answer
    spare: int = 500
    least: int = 100

    def portfolio(self) -> Portfolio:
        """Her positions: at least a lot of each."""
        return Portfolio(tuple((symbol, int(lots * self.size / 4) or (1 if lots > 0 else -1))
                               for symbol, lots in BOOKS[self.book]))


def _fixture(name: str) -> Sequence[tuple[str, int]]:
    return Portfolio.read(FIXTURES / "portfolios" / f"{name}.json").positions


BOOKS: Mapping[str, Sequence[tuple[str, int]]] = {
    "leveraged long": _fixture("leveraged_long"),
    "straddle": [("CASH", 52_000 * CASH), *_fixture("funded_straddle")[1:]],
    "long ether": [("ETH-SPOT", 2_000), ("CASH", -100_000 * CASH)],
    "short puts": [("BTC-29JAN21-26000-P", -50), ("CASH", 24_000 * CASH)],
    "short perpetual": [("BTC-PERP", -300), ("CASH", 170_000 * CASH)],
    "bull spread": [("BTC-29JAN21-29000-C", 100), ("BTC-29JAN21-32000-C", -100), ("CASH", -5_000 * CASH)],
    "long perpetual": [("BTC-PERP", 400), ("CASH", -70_000 * CASH)],
}

_STANDING = [
    # Who is covered all day, most of them by a good deal.
    *(Holder(f"hedger {i}", 0, "bull spread", 2 + i, 5, Answer.RENEWS) for i in range(1, 5)),
    *(Holder(f"bear {i}", i // 4, "short perpetual", 1 + i, 5, Answer.RENEWS) for i in range(1, 5)),
    *(Holder(f"writer {i}", 0, "short puts", i, 5, Answer.RENEWS) for i in range(1, 4)),
    *(Holder(f"saver {i}", 0, "leveraged long", i, 5, Answer.RENEWS) for i in range(1, 5)),
    *(Holder(f"islander {i}", 1, "long ether", i, 5, Answer.RENEWS) for i in range(1, 4)),
]
_CALLED = [
    # Whom the fall catches.
    *(Holder(f"bull {i}", 0, "leveraged long", 1 + i, 2, Answer.RENEWS) for i in range(1, 4)),
    Holder("ether bull", 0, "long ether", 3, 3, Answer.RENEWS),
    Holder("put writer", 0, "short puts", 6, 3, Answer.RENEWS),
    Holder("sleeper, closed by her venue", 0, "leveraged long", 4, 3, Answer.SLEEPS),
    Holder("another, closed by her venue", 0, "long perpetual", 4, 3, Answer.SLEEPS),
    Holder("late riser", 0, "long ether", 4, 3, Answer.LATE),
    Holder("sleeper, sold", 0, "leveraged long", 3, 4, Answer.SLEEPS),
]
_ALONE = [
    # Whose owner and venue are both silent.
    Holder("deep in debt", 1, "leveraged long", 4, 1, Answer.SLEEPS, least=3_000),
    Holder("nobody's bid", 1, "leveraged long", 2, 1, Answer.SLEEPS),
    Holder("solvent sleeper", 1, "bull spread", 4, 5, Answer.SLEEPS, 10_000),
]
HOLDERS: Sequence[Holder] = (*_STANDING, *_CALLED, *_ALONE)
