"""Portfolios as commands of `tailproof risk` take them: several files, trades on top, amounts as people read them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from primitives.errors import BadInput, suggestion

if TYPE_CHECKING:
    from risk.margins.portfolio import Portfolio

    from ..epochs import AnyEpoch

MONEY, TIMES_SCALE = "1e-6 quote units", "1e-6 quote units, times scale"
"""Units of amounts, as answers for programs say them under `units`."""
_LENGTHS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Holding(NamedTuple):
    """A portfolio file at a protocol, which is called as the file is. rows : of the epoch, with lots."""

    name: str
    portfolio: Portfolio
    rows: Sequence[tuple[int, int]]


def read_holdings(numbers: AnyEpoch, paths: Sequence[Path]) -> list[Holding]:
    """Read portfolio files of several protocols.

    Raises
    ------
    BadInput : from a file; two files of one name; a book that no statement of the epoch's shape proves.
    """
    from risk.margins.portfolio import Portfolio
    found: dict[str, Holding] = {}
    for path in paths:
        if path.stem in found:
            raise BadInput("PORTFOLIO", str(path), f"of another name than {path.stem}: a file's name is that of its "
                           "protocol, and each is given once")
        held = Portfolio.read(path)
        found[path.stem] = Holding(path.stem, held, rows_of(numbers, held))
    return list(found.values())


def rows_of(numbers: AnyEpoch, held: Portfolio) -> Sequence[tuple[int, int]]:
    """Positions by leaf; refuses, as `commit` does, a book so large that no statement of this shape proves it."""
    from ..shapes import most_gross
    found, bits = held.rows(numbers), most_gross(numbers.shape)
    gross = sum(abs(lots) * int(numbers.amax[row]) for row, lots in found)
    if bits is not None and gross >= 1 << bits:
        raise BadInput("gross exposure (the sum of |lots| amax)", gross, f"below 2**{bits}")
    return found


def parse_trades(numbers: AnyEpoch, texts: Sequence[str], option: str) -> list[tuple[str, int]]:
    """SYMBOL=LOTS, once each or several times; in the order given.

    Raises
    ------
    BadInput : another form, or an instrument that the epoch does not have.
    """
    found = []
    for text in texts:
        symbol, _, count = text.partition("=")
        if not re.fullmatch(r"[+-]?[0-9]{1,13}", count, re.ASCII):
            raise BadInput(option, text, "SYMBOL=LOTS with a whole number of lots")
        if numbers.row_of(symbol) is None:
            raise BadInput(option, symbol, "an instrument of the epoch"
                           + suggestion(symbol, [instrument.symbol for instrument in numbers.instruments]))
        found.append((symbol, int(count)))
    return found


def with_trades(numbers: AnyEpoch, held: Portfolio, added: Sequence[str], option: str = "--add") -> Portfolio:
    """A portfolio with trades on top.

    Raises
    ------
    BadInput : from `parse_trades`; a position of 2**40 lots or more, more than 64 positions.
    """
    from risk.margins.portfolio import LARGEST_LOTS, MOST_POSITIONS
    lots = dict(held.positions)
    for text, (symbol, count) in zip(added, parse_trades(numbers, added, option), strict=True):
        lots[symbol] = lots.get(symbol, 0) + count
        if abs(lots[symbol]) > LARGEST_LOTS:
            raise BadInput(option, text, f"such that no position exceeds {LARGEST_LOTS} lots")
    kept = {symbol: count for symbol, count in lots.items() if count or symbol in dict(held.positions)}
    if len(kept) > MOST_POSITIONS:
        raise BadInput(option, ", ".join(added), f"such that the portfolio has at most {MOST_POSITIONS} positions")
    return replace(held, positions=tuple(kept.items()))


def known_asset(numbers: AnyEpoch, asset: str, option: str) -> None:
    """Refuse an asset that the epoch does not have."""
    known = numbers.header.underlyings
    if asset not in known:
        raise BadInput(option, asset, f"an asset of the epoch: {', '.join(known)}{suggestion(asset, known)}")


def parse_length(text: str, option: str) -> int:
    """Seconds of "90s", "20m", "8h" or "2d".

    Raises
    ------
    BadInput : another form.
    """
    if not re.fullmatch(r"[0-9]{1,9}[smhd]", text, re.ASCII):
        raise BadInput(option, text, "a whole number of seconds, minutes, hours or days: 90s, 20m, 8h, 2d")
    return int(text[:-1]) * _LENGTHS[text[-1]]


def length(seconds: int) -> str:
    """The same for people: in the largest unit that it is a whole number of."""
    for unit, name in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds and seconds % unit == 0:
            count = seconds // unit
            return f"{count} {name}{'s' if count != 1 else ''}"
    return f"{seconds} second{'s' if seconds != 1 else ''}"


def shown(units: Fraction | int) -> str:
    """Money for people, without its currency."""
    from risk.exact.money import display_money
    return display_money(round(units), "").rstrip()


def wrote(*pictures: Path | None) -> list[str]:
    """Which pictures there are now."""
    return [line for picture in pictures if picture is not None for line in ("", f"wrote {picture}")]
