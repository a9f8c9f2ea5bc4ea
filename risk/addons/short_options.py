"""Short options: a charge for each that is owed, which scenarios may value at nothing; and more for many.

Scan-based venues count *net* short options: per strike and expiry at Derive (0.3 % of spot each, maintenance), over the
whole risk unit at OKX, whose raw charge is multiplied by its tier (MR7: 1 to 12). A rate a lot knows neither what else
is held at the strike nor how much in all. So every short lot is charged, without netting: the sum of all short lots is
at least the net ones. And the tier is that of `positions` times the largest size (64 times by default, the slots of the
largest portfolio): at least that of what is held, whatever it is. Both err against the holder, never for her. A venue
that admits less in all may say fewer positions; then whoever registers commitments must hold them to it.
"""

from __future__ import annotations

import math
from fractions import Fraction

from risk.addons.lot import Lot
from risk.exact.money import UNIT
from risk.models.addon_rules import ShortOptions


def charge(lot: Lot, rule: ShortOptions, most: int | None) -> int:
    """Money units a lot held short; 0 of what is no option.  most : lots; None where there is one tier."""
    if not lot.instrument.kind.optional:
        return 0
    raw = rule.rate * lot.notional
    multiple = rule.multiple(raw * most * rule.positions / UNIT) if most is not None else rule.tiers[0][1]
    return math.ceil(raw * multiple)


def one_tier(rule: ShortOptions) -> bool:
    """Whether size does not matter."""
    return len(rule.tiers) == 1


def largest_raw(lot: Lot, rule: ShortOptions, most: int) -> Fraction:
    """Quote units that its tier is looked up by."""
    return rule.rate * lot.notional * most * rule.positions / UNIT
