"""Basis: futures, perpetuals and options go by a price of their own, which may part from the spot.

    (base + per_year T) N,       T years to expiry, 0 of a perpetual

on both sides [Derive, PMRM basis contingency: 4.5 % x (0.5 + 2 T), netted per expiry]. A rate cannot net a long
against a short of the same expiry, so both are charged.
"""

from __future__ import annotations

import math

from risk.addons.lot import Lot
from risk.market.instruments import Kind
from risk.models.addon_rules import BasisRule


def charge(lot: Lot, rule: BasisRule) -> int:
    """Money units a lot; 0 of spot."""
    return 0 if lot.instrument.kind == Kind.SPOT else math.ceil((rule.base + rule.per_year * lot.years) * lot.notional)
