"""Money: signed integers of 10**-6 quote units, read and written as exact decimals.

No binary float is ever taken for money: a price enters as the decimal text that somebody wrote, or as a simulated value
that is rounded to money once, in `risk.valuation.revaluation`.
"""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from primitives.errors import BadInput
from primitives.jsonio import observe

PLACES = 6
UNIT = 10**PLACES
"""Money units to one quote unit, as in USDC."""
LARGEST_PRICE = 10**12 * UNIT
"""No price, strike or forward reaches 10**12 quote units; keeps every product far inside a double's exact integers."""
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,39})(?:\.[0-9]{1,40})?", re.ASCII)


def parse_decimal(text: object, *, field: str, source: str | Path | None = None) -> Decimal:
    """An exact decimal from text such as "-12.50"; no exponent, no sign "+", no spaces.

    Raises
    ------
    BadInput : anything else, a JSON or TOML number too: those pass through binary floats.
    """
    observe(field, "decimal")
    if not isinstance(text, str) or not _DECIMAL.fullmatch(text):
        raise BadInput(field, text, 'a decimal in quotes, such as "29001.72"', source=source)
    return Decimal(text)


def parse_decimal_in(text: object, low: str, high: str, *, field: str, source: str | Path | None = None,
                     below: bool = False) -> Decimal:
    """An exact decimal in [low, high], or [low, high) where it has to be `below`; errors as `parse_decimal`."""
    observe(field, "bounded", low=low, high=high, below=below)
    value = parse_decimal(text, field=field, source=source)
    if not Decimal(low) <= value <= Decimal(high) or (below and value == Decimal(high)):
        raise BadInput(field, text, f"a decimal in [{low}, {high})" if below else f"between {low} and {high}",
                       source=source)
    return value


def parse_money(text: object, *, field: str, low: int = -LARGEST_PRICE, high: int = LARGEST_PRICE,
                source: str | Path | None = None) -> int:
    """Money units from decimal text with at most six places, within [low, high] money units.

    Raises
    ------
    BadInput : no decimal, a seventh place (never rounded away), or out of bounds.
    """
    observe(field, "money", low=low, high=high)
    units = Fraction(parse_decimal(text, field=field, source=source)) * UNIT
    if units.denominator != 1:
        raise BadInput(field, text, f"exact in {PLACES} decimal places", source=source)
    if not low <= units <= high:
        raise BadInput(field, text, f"between {format_money(low)} and {format_money(high)}", source=source)
    return int(units)


def format_money(units: int) -> str:
    """The shortest decimal text of an amount: 1500000 -> "1.5"; `parse_money` reads it back."""
    whole, rest = divmod(abs(units), UNIT)
    text = f"{whole}.{rest:0{PLACES}d}".rstrip("0").rstrip(".")
    return "-" + text if units < 0 else text


def display_money(units: int, quote: str) -> str:
    """An amount for people, rounded half to even at the second place: -1234567890000 -> "-1,234,567.89 USD"."""
    cents = round(Fraction(units, UNIT // 100))
    sign = "-" if cents < 0 else ""
    whole, rest = divmod(abs(cents), 100)
    return f"{sign}{whole:,}.{rest:02d} {quote}"


def format_decimal(value: Decimal) -> str:
    """The one shortest text of a decimal: Decimal("0.010") -> "0.01"."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
