"""Points in time as whole Unix seconds, written in one form of RFC 3339: 2021-03-26T08:00:00Z."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from primitives.errors import BadInput
from primitives.jsonio import observe

DAY = 86_400
YEAR = 365 * DAY
"""Years are of 365 days (ACT/365 fixed)."""
LAST = 253_402_300_799
"""9999-12-31T23:59:59Z."""
_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", re.ASCII)


def parse_time(text: object, *, field: str, source: str | Path | None = None) -> int:
    """Unix seconds.

    Raises
    ------
    BadInput : another form, another time zone, a day that does not exist, or before 1970.
    """
    observe(field, "time")
    try:
        if not isinstance(text, str) or not _FORM.fullmatch(text):
            raise ValueError
        seconds = int(datetime.fromisoformat(text).timestamp())
        if seconds < 0:
            raise ValueError
    except ValueError:
        bound = 'a time in UTC from 1970 on, such as "2021-03-26T08:00:00Z"'
        raise BadInput(field, text, bound, source=source) from None
    return seconds


def format_time(seconds: int) -> str:
    """The text that `parse_time` reads; of a time that it has no form for, after the year 9999, the seconds."""
    if seconds > LAST:
        return f"{seconds} s after 1970"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
