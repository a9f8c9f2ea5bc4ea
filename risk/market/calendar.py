"""Which days a market is open, so that time between two prices is counted in steps and not in days.

    calendar = "24/7"                                          # never closed
    calendar = ["saturday", "sunday", "2001-09-11"]            # closed weekdays and single closed days, in UTC

A closed day has no time at all: from Friday's close to Monday's is one step of a day. A day on which the market was
open and no price is known is a gap, and a return over it is a return over that many steps.
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from primitives.jsonio import Node, observe
from risk.exact.clock import DAY

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
ALWAYS = "24/7"
_EPOCH = date(1970, 1, 1).toordinal()
_THURSDAY = 3
"""Weekday of 1970-01-01."""


@dataclass(frozen=True)
class Calendar:
    """Closed weekdays (0 is Monday) and closed days that are no such weekday (days since 1970-01-01, ascending)."""

    weekdays: frozenset[int] = frozenset()
    days: tuple[int, ...] = ()

    @classmethod
    def parse(cls, node: Node) -> Calendar:
        """Read "24/7", or a list of closed weekdays and days.

        Raises
        ------
        BadInput : another word, a day that does not exist, one given twice, all seven weekdays.
        """
        observe(node.field, "choice", options=frozenset({ALWAYS}))
        if node.value == ALWAYS:
            return cls()
        if not isinstance(node.value, list):
            raise node.refuse('"24/7" or a list of closed weekdays and days, such as ["saturday", "2001-09-11"]')
        weekdays: set[int] = set()
        days: set[int] = set()
        for entry in node.array():
            name = entry.text(meaning='a weekday in lower case or a day such as "2001-09-11"')
            if name in WEEKDAYS:
                weekdays.add(WEEKDAYS.index(name))
                continue
            try:
                day = date.fromisoformat(name)
                if day.isoformat() != name or day.toordinal() < _EPOCH:
                    raise ValueError
            except ValueError:
                raise entry.refuse('a weekday in lower case or a day such as "2001-09-11"') from None
            days.add(day.toordinal() - _EPOCH)
        if len(weekdays) == len(WEEKDAYS):
            raise node.refuse("open on some weekday")
        if len({str(entry) for entry in node.value}) != len(node.value):
            raise node.refuse("free of repetitions")
        return cls(frozenset(weekdays), tuple(sorted(day for day in days if _weekday(day) not in weekdays)))

    def to_toml(self) -> str | list[str]:
        """What `parse` reads."""
        closed = [WEEKDAYS[i] for i in sorted(self.weekdays)] + [date.fromordinal(day + _EPOCH).isoformat()
                                                                 for day in self.days]
        return closed or ALWAYS

    @cached_property
    def open_days_of_a_year(self) -> float:
        """Of 365 days, those on open weekdays; single closed days are not counted."""
        return 365 * (7 - len(self.weekdays)) / 7

    def closed_on(self, day: int) -> bool:
        """Whether a day (counted from 1970-01-01) is closed."""
        at = bisect.bisect_left(self.days, day)
        return _weekday(day) in self.weekdays or (at < len(self.days) and self.days[at] == day)

    def open_seconds(self, time: int) -> int:
        """Seconds of open days from 1970-01-01 until a time: a clock that stands still on closed days."""
        day, second = divmod(time, DAY)
        weeks, rest = divmod(day, 7)
        closed = weeks * len(self.weekdays) + sum(_weekday(i) in self.weekdays for i in range(rest)) \
            + bisect.bisect_left(self.days, day)
        return (day - closed) * DAY + (0 if self.closed_on(day) else second)


def _weekday(day: int) -> int:
    return (day + _THURSDAY) % 7
