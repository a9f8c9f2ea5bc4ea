"""Tables as text: aligned whatever script their cells are in, and as wide as the terminal at most."""

from __future__ import annotations

import os
import re
import sys
import unicodedata
from collections.abc import Sequence

from ..number_forms import is_time, line, moment
from ..printable import printable

GAP = "  "
_NUMBER = re.compile(r"[0-9+-](?!x)")
"""How a number begins; a hash or an address, 0x…, is none."""
NARROWEST = 12
"""Columns of a terminal that a column of text keeps, however many there are beside it."""


def width_of(text: str) -> int:
    """Columns of a terminal that a text takes: two for the wide characters of East Asian scripts, none for accents that
    stand on another character (Unicode UAX 11)."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.category(one) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(one) in "WF" else 1
               for one in text)


def table(rows: Sequence[Sequence[object]], header: Sequence[str] | None = None, *, width: int | None = None
          ) -> list[str]:
    """Rows as aligned text, under a header if there is one; columns of numbers are set flush right.

    Parameters
    ----------
    width : columns of a terminal to fit into, by breaking long cells into lines; None: those of the terminal that
        standard output is. Elsewhere, where programs read lines, nothing is broken.
    """
    body = [[line(printable(str(_dated(row, place, header)))) for place in range(len(row))] for row in rows]
    every = ([list(header)] if header else []) + body
    if not every:
        return []
    widths = [max(width_of(row[column]) for row in every) for column in range(len(every[0]))]
    right = [len(body) > 1 and all(_NUMBER.match(row[column]) for row in body) for column in range(len(widths))]
    limit = _terminal() if width is None else width
    if limit is not None:
        _narrow(widths, right, limit)
    lines = [text for row in every for text in _laid(row, widths, right)]
    if header:
        lines.insert(len(_laid(header, widths, right)), GAP.join("-" * width for width in widths))
    return lines


def _dated(row: Sequence[object], place: int, header: Sequence[str] | None) -> object:
    """A cell; a time, under or beside a name of one, with its date."""
    name = header[place] if header else str(row[0]) if len(row) == 2 else ""
    cell = row[place]
    return moment(cell) if isinstance(cell, int) and is_time(name, cell) else cell


def _terminal() -> int | None:
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except OSError:
        return 80


def _narrow(widths: list[int], right: Sequence[bool], limit: int) -> None:
    """Take from the widest columns of text what is too much; numbers are never broken."""
    while sum(widths) + len(GAP) * (len(widths) - 1) > limit:
        column = max((k for k in range(len(widths)) if not right[k]), key=lambda k: widths[k], default=None)
        if column is None or widths[column] <= NARROWEST:
            return
        widths[column] -= 1


def _laid(row: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> list[str]:
    """A row as one line, or as several where a cell is broken."""
    cells = [broken(cell, width) for cell, width in zip(row, widths, strict=True)]
    return [GAP.join(_padded(cell[k] if k < len(cell) else "", width, numeric)
                     for cell, width, numeric in zip(cells, widths, right, strict=True)).rstrip()
            for k in range(max(map(len, cells)))]


def _padded(text: str, width: int, right: bool) -> str:
    blank = " " * (width - width_of(text))
    return blank + text if right else text + blank


def broken(text: str, width: int) -> list[str]:
    """A text in lines of at most so many columns, broken between words, and inside those that are longer."""
    if width_of(text) <= width:
        return [text]
    lines = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if width_of(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        for character in word:
            if lines[-1] and width_of(lines[-1] + character) > width:
                lines.append("")
            lines[-1] += character
    return lines
