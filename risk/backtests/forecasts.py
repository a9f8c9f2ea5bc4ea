"""Forecasts of Value at Risk and Expected Shortfall beside the losses that followed, and the CSV files that hold them.

    date,pnl,var,es                  or                  date,loss,var,es
    2020-12-31,-812.5,1400,1900                          2020-12-31,812.5,1400,1900

One row a day, oldest first; VaR and ES are losses, so positive, and were forecast before the day. Other columns are not
read, and told. Every cell that is read is a decimal number; nothing is filled in.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said, suggestion
from primitives.texts import text_of
from risk.backtests.distributions import Floats

LEAST_DAYS = 250
"""A year of trading: Basel's period, and at 99 % two to three exceptions where forecasts are right."""
MOST_DAYS = 10_000
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_NUMBER = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?([eE][-+]?[0-9]{1,2})?", re.ASCII)


@dataclass(frozen=True, eq=False)
class Forecasts:
    """Of n days, all in one unit of money.

    losses, var, shortfall : float64 (n,), losses positive; shortfall > var, shortfall > 0.  alpha : the tail's
    probability, 0.025 at 97.5 %.  labels : n dates.  ignored : columns that were not read.

    Raises
    ------
    BadInput : numbers of days that differ, fewer than 250 or more than 10,000 days, alpha not in (0, 0.5], a value
        that is no finite number, ES not above VaR or not positive.
    """

    losses: Floats
    var: Floats
    shortfall: Floats
    alpha: float
    labels: tuple[str, ...]
    ignored: tuple[str, ...] = ()
    source: str | Path | None = None

    def __post_init__(self) -> None:
        n = len(self.losses)
        if not 0 < self.alpha <= 0.5:
            raise BadInput("alpha", self.alpha, "above 0 and at most 0.5: the tail's probability, 0.025 at 97.5 %")
        if not LEAST_DAYS <= n <= MOST_DAYS:
            raise BadInput("number of days", n, f"from {LEAST_DAYS} to {MOST_DAYS}: fewer tell too little of a tail",
                           source=self.source)
        for name, values in (("var", self.var), ("es", self.shortfall), ("labels", self.labels)):
            if len(values) != n:
                raise BadInput(f"number of {name}", len(values), f"{n}, the days", source=self.source)
        for name, values in (("losses", self.losses), ("var", self.var), ("es", self.shortfall)):
            self._require(np.isfinite(values), name, values, "a finite number")
        self._require(self.shortfall > 0, "es", self.shortfall, "positive: a loss that is expected")
        self._require(self.shortfall > self.var, "es", self.shortfall, "above var of the same day: the mean of what is "
                      "beyond it")

    @property
    def exceptions(self) -> NDArray[np.bool_]:
        """(n,), the days whose loss was beyond VaR."""
        return np.asarray(self.losses > self.var)

    def _require(self, right: NDArray[np.bool_], name: str, values: Floats, bound: str) -> None:
        if not right.all():
            day = int(np.argmin(right))
            raise BadInput(f"{name} of {self.labels[day]}", float(values[day]), bound, source=self.source)


def parse_forecasts(data: bytes, alpha: float, *, source: str | Path | None = None) -> Forecasts:
    """Read a CSV file as above.

    Raises
    ------
    BadInput : naming line and column: not UTF-8 or not CSV, a column that is missing or there twice, both or neither of
        pnl and loss, a row with more or fewer fields, a date that does not exist or does not come later, a cell
        that is no decimal number; and what `Forecasts` refuses.
    """
    columns, rows = read_rows(data, source)
    signs = [name for name in ("pnl", "loss") if name in columns]
    if len(signs) != 1:
        raise BadInput("line 1", ",".join(columns), 'a header with one of "pnl" (gains positive) and "loss" (losses '
                       'positive)', source=source)
    found = numbers(columns, rows, (signs[0], "var", "es"), source)
    losses = -found[signs[0]] if signs[0] == "pnl" else found[signs[0]]
    used = ("date", signs[0], "var", "es")
    return Forecasts(losses, found["var"], found["es"], alpha, dates(columns, rows, source),
                     tuple(name for name in columns if name not in used), source)


def read_rows(data: bytes, source: str | Path | None) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Columns in lower case, and rows with their line numbers; blank lines at the end are left out."""
    text = text_of(data, source=source)
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
    except csv.Error as error:
        raise BadInput("CSV", Said(f"not readable ({error})"), "rows of fields, quoted or not", source=source) from None
    while rows and not any(rows[-1][1]):
        rows.pop()
    if not rows:
        raise BadInput("line 1", "", 'a header "date,pnl,var,es"', source=source)
    columns = [name.lower() for name in rows[0][1]]
    for line, cells in rows[1:]:
        if len(cells) != len(columns):
            raise BadInput(f"line {line}", ",".join(cells), f"{len(columns)} fields", source=source)
    return columns, rows[1:]


def numbers(columns: Sequence[str], rows: Sequence[tuple[int, list[str]]], names: Sequence[str],
            source: str | Path | None) -> Mapping[str, Floats]:
    """Columns of decimal numbers, by name."""
    found = {}
    for name in names:
        at = _place(columns, name, source)
        values = np.empty(len(rows))
        for row, (line, cells) in enumerate(rows):
            values[row] = float(cells[at]) if _NUMBER.fullmatch(cells[at]) else math.nan
            if not math.isfinite(values[row]):
                raise BadInput(f"line {line}, {name}", cells[at], "a decimal number", source=source)
        found[name] = values
    return found


def dates(columns: Sequence[str], rows: Sequence[tuple[int, list[str]]], source: str | Path | None) -> tuple[str, ...]:
    """The column of dates, each later than the one before."""
    at, before = _place(columns, "date", source), ""
    for line, cells in rows:
        text = cells[at]
        try:
            if not _DATE.fullmatch(text):
                raise ValueError
            date.fromisoformat(text)
        except ValueError:
            raise BadInput(f"line {line}, date", text, "a date such as 2020-12-31", source=source) from None
        if text <= before:
            raise BadInput(f"line {line}, date", text, f"later than {before}, the row before it: oldest first",
                           source=source)
        before = text
    return tuple(cells[at] for _, cells in rows)


def _place(columns: Sequence[str], name: str, source: str | Path | None) -> int:
    if columns.count(name) != 1:
        found = Said("given twice" if name in columns else "no such column")
        raise BadInput(f"line 1, {name}", found, f"one of the columns, once: there are {', '.join(columns)}"
                       + suggestion(name, columns), source=source)
    return columns.index(name)
