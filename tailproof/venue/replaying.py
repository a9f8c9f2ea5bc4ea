"""A history fed at any speed: row after row, with the book moved to each row's prices.

What moves: the spots; perpetuals and forwards with them; what has expired is settled at the last price that was known.
Volatilities, rates and strikes stay those of the book: it is a replay of prices, not of a surface. A row of a date is
known at that day's end.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from primitives.errors import BadInput
from primitives.texts import text_of
from risk.exact.clock import DAY, format_time, parse_time
from risk.exact.money import UNIT, format_money
from risk.market.book import Book, parse_book
from risk.market.history import History, parse_history

from . import feeds

FASTEST = 10**9
"""Seconds of the market a second."""


@dataclass(frozen=True)
class Step:
    """A row of the history that was written.

    row : its place.  valuation : Unix seconds of its prices.  sequence : of the feed.  skipped : rows since the last
    that came and went before anything could be written.
    """

    row: int
    valuation: int
    sequence: int
    skipped: int


class Replay:
    """A history, and a book to be moved along it.

    Parameters
    ----------
    history, book : files, byte for byte.  first, last : Unix seconds between which rows are fed; by default from the
        first that a history can be cut at, two rows, to the end.
    window : rows of the history that are fed with each; None: all up to it.

    Raises
    ------
    BadInput : from either file; an underlying of the book that the history has no column of; no row to feed.
    """

    def __init__(self, history: bytes, book: bytes, *, first: int | None = None, last: int | None = None,
                 window: int | None = None) -> None:
        parsed = parse_book(book)
        self.history: History = parse_history(history, assets=tuple(one.symbol for one in parsed.underlyings),
                                              max_gap_steps=1 << 30, step_seconds=1)
        self._book, self._document = parsed, json.loads(book)
        self._lines = [line for line in text_of(history).replace("\r\n", "\n").split("\n")
                       if line.strip(" ,")]
        if window is not None and window < 2:
            raise BadInput("--window", window, "at least 2 rows")
        self._window = window
        self.rows = [row for row in range(1, len(self.history.times))
                     if (first is None or self.valuation(row) >= first)
                     and (last is None or self.valuation(row) <= last)]
        if not self.rows:
            raise BadInput("rows to replay", 0, f"at least one between --since and --until: the history is of "
                           f"{format_time(self.valuation(1))} to {format_time(self.valuation(len(self._lines) - 2))}")

    def valuation(self, row: int) -> int:
        """When a row's prices are known, Unix seconds."""
        return self.history.times[row] + (DAY if self.history.daily else 0)

    def cut(self, row: int) -> bytes:
        """The history up to a row, it included; lines as the file has them."""
        begin = 0 if self._window is None else max(0, row + 1 - self._window)
        return ("\n".join([self._lines[0], *self._lines[1 + begin:2 + row]]) + "\n").encode()

    def book(self, row: int) -> bytes:
        """The book, moved to a row's prices and time."""
        valuation, document = self.valuation(row), json.loads(json.dumps(self._document))
        spots = self._spots(row)
        ratios = {one.symbol: Fraction(spots[one.symbol], one.spot) for one in self._book.underlyings}
        document["valuation"] = format_time(valuation)
        for entry, before in zip(document["underlyings"], self._book.underlyings, strict=True):
            entry["spot"] = format_money(spots[before.symbol])
            if before.perpetual is not None:
                entry["perpetual"] = _moved(before.perpetual, ratios[before.symbol])
        curves = []
        for entry in document["expiries"]:
            expiry = parse_time(entry["expiry"], field="expiry")
            if expiry <= valuation:
                continue
            curve = self._book.curves[entry["underlying"], expiry]
            entry["forward"] = _moved(curve.forward, ratios[entry["underlying"]])
            entry.pop("quoted_at", None)           # of the book's own day
            curves.append(entry)
        document["expiries"] = curves
        for entry in document["instruments"]:
            if "expiry" in entry and "settled" not in entry and (
                    ended := parse_time(entry["expiry"], field="expiry")) <= valuation:
                entry["settled"] = format_money(self._spots(self._known_at(ended, row))[entry["underlying"]])
        return (json.dumps(document, indent=1) + "\n").encode()

    def _spots(self, row: int) -> dict[str, int]:
        return {asset: max(1, round(float(price) * UNIT)) for asset, price in
                zip(self.history.assets, self.history.prices[row], strict=True)}

    def _known_at(self, moment: int, row: int) -> int:
        """The last row that was known at a time, or the first of all."""
        times = np.array(self.history.times[:row + 1]) + (DAY if self.history.daily else 0)
        return max(0, int(np.searchsorted(times, moment, side="right")) - 1)

    def run(self, out: Path, speed: float, *, clock: Callable[[], float] = time.monotonic,
            wall: Callable[[], float] = time.time, wait: Callable[[float], object] = time.sleep,
            stopped: Callable[[], bool] = lambda: False, moved: Callable[[int], object] = lambda seconds: None
            ) -> Iterator[Step]:
        """Feed rows as their time comes. Where several have come, the last of them is written: the history beside it
        holds the others.

        Parameters
        ----------
        speed : seconds of the market a second.  clock : seconds that only grow.  wall : Unix seconds.
        moved : told, before a row is written, by how many seconds of the market it is later than the last written.

        Raises
        ------
        BadInput : a speed out of bounds; nothing can be written there.
        """
        if not 0 < speed <= FASTEST:
            raise BadInput("--speed", speed, f"above 0, at most {FASTEST}: seconds of the market a second")
        sequence, began, origin = feeds.last_sequence(out), clock(), self.valuation(self.rows[0])
        place, before = 0, origin
        while place < len(self.rows) and not stopped():
            market = origin + (clock() - began) * speed
            due = self.valuation(self.rows[place])
            if due > market:
                wait(min((due - market) / speed, 1.0))
                continue
            last = place
            while last + 1 < len(self.rows) and self.valuation(self.rows[last + 1]) <= market:
                last += 1
            row, sequence = self.rows[last], sequence + 1
            if (later := self.valuation(row) - before) > 0:
                moved(later)
            feeds.write(out, sequence, int(wall()), {"book": self.book(row), "history": self.cut(row)}, replayed=True)
            before = self.valuation(row)
            yield Step(row, before, sequence, last - place)
            place = last + 1


def _moved(price: int, ratio: Fraction) -> str:
    return format_money(max(1, round(price * ratio)))


__all__ = ["FASTEST", "Book", "Replay", "Step"]


def document_of(step: Step) -> dict[str, Any]:
    """A step as JSON."""
    return {"row": step.row, "valuation": format_time(step.valuation), "sequence": step.sequence,
            "skipped": step.skipped}
