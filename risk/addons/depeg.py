"""Depeg: the quote token is worth less than what it stands for, so every price in it is less sure.

    factor (threshold - price) N,      while the price is below the threshold

on both sides [Derive, PMRM depeg contingency]. Prices and collateral are of the quote token; who holds it as collateral
is cut by its haircut (`risk.grid.haircuts`).
"""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

from risk.addons.lot import Lot
from risk.models.addon_rules import Depeg


def charge(lot: Lot, price: Decimal, rule: Depeg) -> int:
    """Money units a lot.  price : of the quote token."""
    return math.ceil(max(Fraction(0), rule.threshold - Fraction(price)) * rule.factor * lot.exposure)
