"""The liquidation haircut as a function of size: what selling a holding in a hurry costs.

    "liquidation": {"half_spread": "0.0005", "daily_volume": "12000", "size": "500", "deviation": "0.04",
                    "coefficient": "1"}

in a collateral file, in place of a fraction: half the spread and the square-root law,

    L(q) = s + Y sigma sqrt(q / V),

with V a day's volume and q the largest holding that counts, both in whole tokens, sigma a day's deviation of the price
and Y of order 1 (`risk.addons.impact`); rounded up at the ninth place. Who holds more than `size` is cut as who holds
it: deposits of an asset should be capped there, which the vault does not do.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from primitives.jsonio import Node
from risk.addons.lot import root_up
from risk.exact.money import parse_decimal_in

_PLACES = 10**9
_BOUNDS = {"half_spread": ("0", "1"), "daily_volume": ("0.000001", "1000000000000000"),
           "size": ("0.000001", "1000000000000000"), "deviation": ("0", "10"), "coefficient": ("0", "100")}


def closing_cost(half_spread: Fraction, daily_volume: Fraction, size: Fraction, deviation: Fraction,
                 coefficient: Fraction) -> Decimal:
    """Fraction of the value, rounded up to nine places; may be 1 or more.

    Parameters
    ----------
    daily_volume, size : whole tokens.  deviation : of a day's log return.
    """
    scaled = coefficient * deviation * _PLACES
    return Decimal(root_up(scaled * scaled * size / daily_volume) + math.ceil(half_spread * _PLACES)) / _PLACES


def read_closing_cost(node: Node) -> Decimal:
    """What a table says.

    Raises
    ------
    BadInput : keys missing or unknown, numbers out of bounds, a cost of the whole value and more.
    """
    parts = node.object(set(_BOUNDS))
    read = {name: Fraction(parse_decimal_in(parts[name].value, *_BOUNDS[name], field=parts[name].field,
                                            source=node.source)) for name in _BOUNDS}
    cost = closing_cost(**read)
    if cost >= 1:
        raise parts["size"].refuse(f"one that can be sold: it would cost {cost} of its value")
    return cost
