"""The last year, forecast day by day from the days before it alone: what backtests and procyclicality are read from.

Of one step, each asset held long and all of them together, as `risk forecast` makes them with the model file's
parameters. Those may have been fitted on the same days; a file made with --refit says more (--forecasts).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache

from primitives.errors import BadInput
from risk.backtests.forecasts import LEAST_DAYS, Forecasts
from risk.backtests.judging import Judgement, judge
from risk.backtests.rolling import FIRST, roll_books
from risk.models.model import Estimator

from .section import Command
from .subject import Subject

YEAR = LEAST_DAYS
MOST_BOOKS = 4


@dataclass(frozen=True)
class Rolled:
    """A book's forecasts over the year, judged.  commands : that make and judge them."""

    name: str
    judged: Judgement
    commands: tuple[Command, ...]

    @property
    def forecasts(self) -> Forecasts:
        return self.judged.forecasts


def why_not(subject: Subject) -> str | None:
    """Why no forecasts are made here; None if they are."""
    return _made(subject)[1]


def year_of(subject: Subject) -> tuple[Rolled, ...]:
    """Forecasts of the last 250 returns, one book an asset (the first four) and all of them; none where `why_not`."""
    return _made(subject)[0]


def _not_meant(subject: Subject) -> str | None:
    model, history = subject.market.model, subject.history
    if history is None:
        return "There is no price history to forecast over: give one with --history."
    if model.estimator != Estimator.FILTERED_HISTORICAL:
        return f"Forecasts are made by filtered historical simulation; this model is {model.estimator}."
    if model.jumps is not None:
        return "Forecasts are made of the days of the past, which had their jumps; this model adds jumps of its own."
    if not history.daily:
        return "Forecasts are made of days, and this history is of times within a day."
    if len(history.times) - 1 < FIRST + YEAR:
        return f"{FIRST + YEAR} returns are needed, {FIRST} before the first forecast; there are " \
            f"{len(history.times) - 1}."
    return None


@lru_cache(maxsize=2)
def _made(subject: Subject) -> tuple[tuple[Rolled, ...], str | None]:
    """The forecasts, or why there are none."""
    reason = _not_meant(subject)
    if reason is not None:
        return (), reason
    try:
        return _rolled(subject), None
    except BadInput as error:                      # a tail of too few days, an asset that never loses
        return (), f"None could be made: {error}."


def _rolled(subject: Subject) -> tuple[Rolled, ...]:
    model, history = subject.market.model, subject.history
    assert history is not None                     # `_not_meant` has looked
    first = len(history.times) - 1 - YEAR
    shown = model.assets[:MOST_BOOKS]
    books: dict[str, Mapping[str, float]] = {f"long {asset}": {asset: 1.0} for asset in shown}
    if len(model.assets) > 1:
        books["long all"] = dict.fromkeys(model.assets, 1.0)
    level = level_of(subject)
    out = []
    rolled = roll_books(model, history, list(books.values()), float(1 - level), first=first, progress=subject.progress)
    for (name, book), found in zip(books.items(), rolled, strict=True):
        text = ",".join(f"{asset}=1" for asset in book)
        file = f"{name.replace(' ', '-')}.csv"
        commands = (("risk", "forecast", subject.model_file, subject.history_file, "--book", text, "--first",
                     str(first), "--level", str(level), "--out", file),
                    ("risk", "backtest", file, "--level", str(level)))
        out.append(Rolled(name, judge(found.forecasts), commands))
    return tuple(out)


def level_of(subject: Subject) -> Decimal:
    """Of VaR and ES: the epoch's own in four places, at least 0.5."""
    share = subject.numbers.shape.tail.share(subject.numbers.shape.scenarios)
    near = round(10**4 * (1 - min(share, Fraction(1, 2))))
    return Decimal(min(near, 9_999)) / 10**4
