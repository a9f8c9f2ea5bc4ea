"""Gas: what closing a position costs whoever closes it, however small it is.

units x price is a cost of the position, not of a lot; a lot is charged all of it, divided by the smallest position that
is to pay for it. So positions of that size and more pay in full, and larger ones pay too much.
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from risk.exact.money import UNIT
from risk.models.addon_rules import Gas


def charge(rule: Gas, price: Decimal) -> int:
    """Money units a lot.  price : quote units for a unit of gas."""
    return math.ceil(Fraction(price) * rule.units * UNIT / rule.least_lots)
