"""Price history from CSV: a header `date,ASSET,...`, then rows of an ISO date and a positive price per asset.

The dialect is the narrowest: UTF-8, commas, no quotes, no spaces, no empty lines. Whatever does not fit is refused with
file, line and column; a price is never filled in, and a day that is missing is a gap.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.market.instruments import SYMBOL

LARGEST_FILE = 64 << 20
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_PRICE = re.compile(r"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?", re.ASCII)


@dataclass(frozen=True, eq=False)
class History:
    """Daily prices of m assets over n days.

    assets : their symbols.  dates : n, strictly increasing.  prices : float64 (n, m), positive and finite.
    """

    assets: tuple[str, ...]
    dates: tuple[date, ...]
    prices: NDArray[np.float64]

    @property
    def closed(self) -> int:
        """Unix seconds of the start (UTC) of the last day."""
        return int(datetime.combine(self.dates[-1], datetime.min.time(), UTC).timestamp())


def parse_history(data: bytes, *, max_gap_days: int, source: str | Path | None = None) -> History:
    """Read a price history.

    Parameters
    ----------
    max_gap_days : how many days may lie between two rows: 1 for a market that never closes.

    Raises
    ------
    BadInput : naming line and column: not UTF-8 or not this dialect, a header that names an asset twice, a row with
        more or fewer fields, a date that does not exist or does not come later, a gap, a price that is missing, not a
        plain decimal (NaN, 1e3) or not positive; fewer than two rows.
    """
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadInput(f"byte {error.start}", data[error.start:error.start + 8], "valid UTF-8", source=source) from None
    lines = text.replace("\r\n", "\n").removesuffix("\n").split("\n")
    columns = lines[0].split(",")
    assets = tuple(columns[1:])
    if columns[0] != "date" or not assets:
        raise BadInput("line 1", lines[0], 'a header "date,ASSET,..."', source=source)
    for asset in assets:
        if not SYMBOL.fullmatch(asset) or assets.count(asset) > 1:
            raise BadInput("line 1", asset, "a symbol, given once", source=source)
    dates: list[date] = []
    prices = np.empty((len(lines) - 1, len(assets)))
    for number, line in enumerate(lines[1:], 2):
        fields = line.split(",")
        if len(fields) != len(columns):
            raise BadInput(f"line {number}", line, f"{len(columns)} fields without quotes", source=source)
        dates.append(_day(fields[0], dates[-1] if dates else None, max_gap_days, f"line {number}, date", source))
        for column, (asset, price) in enumerate(zip(assets, fields[1:], strict=True)):
            value = float(price) if _PRICE.fullmatch(price) else math.nan
            if not value > 0:
                raise BadInput(f"line {number}, {asset}", price, "a positive decimal price", source=source)
            prices[number - 2, column] = value
    if len(dates) < 2:
        raise BadInput("number of days", len(dates), "at least 2", source=source)
    return History(assets, tuple(dates), prices)


def _day(text: str, before: date | None, max_gap_days: int, where: str, source: str | Path | None) -> date:
    try:
        if not _DATE.fullmatch(text):
            raise ValueError
        day = date.fromisoformat(text)
    except ValueError:
        raise BadInput(where, text, "a date such as 2020-12-31", source=source) from None
    if before is not None and day <= before:
        raise BadInput(where, text, f"later than {before}, the day before it", source=source)
    if before is not None and (day - before).days > max_gap_days:
        raise BadInput(where, text, f"at most {max_gap_days} days after {before} (max_gap_days of the model)",
                       source=source)
    return day
