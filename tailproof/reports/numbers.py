"""Figures as a report writes them: the same text that the commands print."""

from __future__ import annotations

import math
import re
from fractions import Fraction

from risk.exact.money import display_money
from risk.scenarios.scenarios import RETURN_UNIT

_NUMBER = re.compile(r"[+-]?[0-9][0-9,.]*(?:e[+-]?[0-9]+)?(?: ?%)?|-|")


def is_number(cell: str) -> bool:
    """Whether a cell is set flush right: a number, a share, or none."""
    return _NUMBER.fullmatch(cell) is not None


def money(units: Fraction | int) -> str:
    """10**-6 quote units to the second place: "-1,234.50"."""
    return display_money(round(units), "").rstrip()


def share(part: Fraction | float, whole: Fraction | float) -> str:
    """In percent, "-" of nothing."""
    return f"{100 * float(part) / float(whole):.1f}" if whole else "-"


def move(log_return: int) -> float:
    """A log return in 10**-9 as a relative move of the price."""
    return math.expm1(log_return / RETURN_UNIT)


def moved(log_return: int) -> str:
    """The same, as commands print it: "+2.7 %"."""
    return f"{100 * move(log_return):+.1f} %"
