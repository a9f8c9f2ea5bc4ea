"""Price histories: CSV with one row a step of the market, oldest first, one column an asset.

    date,BTC,ETH                    or        time,BTC,ETH
    2020-12-31,29001.72,737.80                2020-12-31T23:55:00Z,29001.72,737.80

What spreadsheets make of such a file is read: a byte order mark, quotes, CRLF, blank last lines, `Date`, columns in any
order, and columns of nobody's interest, whose names are kept to be told. Everything else is strict. A cell is a plain
decimal or nothing at all is read; a price is never filled in. What is missing is a gap, counted in steps of the open
market, and a return over it is a return over that many steps.

A row of a date is the price at the end of that day, UTC; a row of a time that at that time.
"""

from __future__ import annotations

import csv
import math
import re
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from primitives.texts import text_of
from risk.exact.clock import DAY, parse_time
from risk.market.calendar import Calendar
from risk.market.instruments import SYMBOL

LARGEST_FILE = 64 << 20
_EPOCH = date(1970, 1, 1).toordinal()
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PRICE = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)
_NEGATIVE = re.compile(r"-(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)


@dataclass(frozen=True, eq=False)
class History:
    """Prices of m assets at n times.

    assets : their symbols.  times : n Unix seconds, strictly increasing; of a day its start.
    prices : float64 (n, m), positive and finite.  steps : int64 (n - 1,), open steps from each row to the next.
    labels : the times as the file has them.  ignored : columns that were not read.
    """

    assets: tuple[str, ...]
    times: tuple[int, ...]
    prices: NDArray[np.float64]
    steps: NDArray[np.int64]
    labels: tuple[str, ...]
    daily: bool = True
    ignored: tuple[str, ...] = ()

    @property
    def closed(self) -> int:
        """Unix seconds of the last row; of a day its start."""
        return self.times[-1]

    def since(self, first: int) -> History:
        """The rows from a time on."""
        return self.between(first, self.closed)

    def between(self, first: int, last: int) -> History:
        """The rows from one time to another, both included.

        Raises
        ------
        BadInput : fewer than two of them.
        """
        begin, end = bisect_left(self.times, first), bisect_right(self.times, last)
        if end - begin < 2:
            raise BadInput("number of rows", max(0, end - begin), "at least 2")
        rows, moves = slice(begin, end), slice(begin, end - 1)
        return replace(self, times=self.times[rows], prices=self.prices[rows], steps=self.steps[moves],
                       labels=self.labels[rows])

    def steps_until(self, time: int, calendar: Calendar, step_seconds: int) -> int:
        """Whole open steps between the last row and a time that no row is of.

        A day's row is known at any time of it, so its own end does not count.
        """
        since = self.closed + (DAY if self.daily else 0)
        return max(0, (calendar.open_seconds(time) - calendar.open_seconds(since)) // step_seconds)


def parse_history(data: bytes, *, assets: tuple[str, ...] | None = None, calendar: Calendar | None = None,
                  step_seconds: int = DAY, max_gap_steps: int = 5, source: str | Path | None = None) -> History:
    """Read a price history.

    Parameters
    ----------
    assets : those wanted, in the order wanted; by default all columns in the order of the file.
    calendar : when the market is open; by default always.
    max_gap_steps : how many open steps may lie between two rows.

    Raises
    ------
    BadInput : naming line and column: not UTF-8 or not CSV, a header that names an asset twice or not at all, a row
        with more or fewer fields, a time that does not exist, does not come later, lies on a closed day or between two
        steps, a gap, a price that is missing, not a plain decimal (NaN, 1e3) or not positive; fewer than two rows.
    """
    calendar = calendar or Calendar()
    rows = _rows(data, source)
    line, columns = rows[0]
    clocks = [i for i, name in enumerate(columns) if name.lower() in ("date", "time")]
    if len(clocks) != 1:
        raise BadInput("line 1", ",".join(columns), 'a header with one column "date" or "time"', source=source)
    names = [name for i, name in enumerate(columns) if i != clocks[0]]
    wanted = _wanted(names, assets, source)
    places = [columns.index(asset) for asset in wanted]
    daily = columns[clocks[0]].lower() == "date"
    times: list[int] = []
    steps: list[int] = []
    prices = np.empty((len(rows) - 1, len(wanted)))
    for row, (line, cells) in enumerate(rows[1:]):
        if len(cells) != len(columns):
            raise BadInput(f"line {line}", ",".join(cells), f"{len(columns)} fields", source=source)
        text, where = cells[clocks[0]], f"line {line}, {columns[clocks[0]]}"
        times.append(_time(text, daily, where, source))
        if calendar.closed_on(times[-1] // DAY):
            raise BadInput(where, text, "on a day that the model's calendar has open", source=source)
        if row > 0:
            steps.append(_span(times, text, rows[row][1][clocks[0]], where, calendar, step_seconds, max_gap_steps,
                               source))
        for column, (asset, place) in enumerate(zip(wanted, places, strict=True)):
            prices[row, column] = _price(cells[place], f"line {line}, {asset}", asset, source)
    if len(times) < 2:
        raise BadInput("number of rows", len(times), "at least 2", source=source)
    return History(wanted, tuple(times), prices, np.array(steps, np.int64),
                   tuple(cells[clocks[0]] for _, cells in rows[1:]), daily,
                   tuple(name for name in names if name not in wanted))


def _rows(data: bytes, source: str | Path | None) -> list[tuple[int, list[str]]]:
    """Lines with their numbers, blank ones at the end left out."""
    text = text_of(data, source=source)
    lines = text.replace("\r\n", "\n").split("\n")
    while lines and not lines[-1].strip(" ,"):
        lines.pop()
    if not lines:
        raise BadInput("line 1", "", 'a header "date,ASSET,..."', source=source)
    if ";" in lines[0] and "," not in lines[0]:
        raise BadInput("line 1", lines[0], "separated by commas, with points in decimals", source=source)
    try:
        return [(number, cells) for number, cells in
                enumerate((_cells(line) for line in lines), 1)]
    except csv.Error as error:
        raise BadInput("CSV", Said(f"not readable ({error})"), "rows of fields, quoted or not", source=source) from None


def _cells(line: str) -> list[str]:
    return next(csv.reader([line], strict=True), [""])


def _wanted(names: list[str], assets: tuple[str, ...] | None, source: str | Path | None) -> tuple[str, ...]:
    if assets is None:
        for name in names:
            if not SYMBOL.fullmatch(name):
                raise BadInput("line 1", name, "a symbol, given once", source=source)
    wanted = tuple(names) if assets is None else assets
    if not wanted:
        raise BadInput("line 1", ",".join(names), "a column for each asset", source=source)
    for asset in wanted:
        if names.count(asset) != 1:
            found = Said("no such column" if asset not in names else "given twice")
            raise BadInput(f"line 1, {asset}", found, f"one of the columns, once: there are {', '.join(names)}",
                           source=source)
    return wanted


def _time(text: str, daily: bool, where: str, source: str | Path | None) -> int:
    if not daily:
        return parse_time(text, field=where, source=source)
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        days = date.fromisoformat(text).toordinal() - _EPOCH
    except ValueError:
        raise BadInput(where, text, "a date such as 2020-12-31", source=source) from None
    return days * DAY


def _span(times: list[int], text: str, before: str, where: str, calendar: Calendar, step_seconds: int,
          max_gap_steps: int, source: str | Path | None) -> int:
    """Open steps from the row before."""
    if times[-1] <= times[-2]:
        raise BadInput(where, text, f"later than {before}, the row before it: oldest first", source=source)
    span, rest = divmod(calendar.open_seconds(times[-1]) - calendar.open_seconds(times[-2]), step_seconds)
    if rest or span < 1:
        raise BadInput(where, text, f"a whole number of steps of {step_seconds} seconds after {before} "
                       "(step_seconds and calendar of the model)", source=source)
    if span > max_gap_steps:
        raise BadInput(where, text, f"at most {max_gap_steps} steps after {before}, not {span} (max_gap_steps and "
                       "calendar of the model)", source=source)
    return span


def _price(text: str, where: str, asset: str, source: str | Path | None) -> float:
    value = float(text) if _PRICE.fullmatch(text) else math.nan
    if not value > 0:
        bound = "a positive decimal price"
        if _NEGATIVE.fullmatch(text):
            bound += f": log returns have no meaning for {asset} {text.replace('-', '−')}: use additive returns or " \
                     "leave it out"
        raise BadInput(where, text, bound, source=source)
    return value
