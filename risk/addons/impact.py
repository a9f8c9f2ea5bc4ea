"""What closing moves the price by: half the spread, and the square-root law.

    half spread:  s N                      impact:  Y sigma sqrt(q / V) N

with N the spot value of a lot, sigma the underlying's deviation of a day, V a day's volume and q the largest position
that the lot is charged for, both in units of the underlying. [Toth et al., Anomalous price impact and the critical
nature of liquidity in financial markets, Physical Review X 1, 2011; Y is of order 1.] The law is of the position's
size, a rate is of a lot: at the largest size it is right, below it is too much. An option is charged on its
underlying's spot value; its own price moves by less.
"""

from __future__ import annotations

import math
from fractions import Fraction

from risk.addons.lot import Lot, root_up
from risk.market.liquidity import Market
from risk.models.addon_rules import Impact


def spread(lot: Lot, market: Market) -> int:
    """Money units a lot."""
    return math.ceil(Fraction(market.half_spread) * lot.notional)


def charge(lot: Lot, market: Market, rule: Impact, variance: Fraction, size: Fraction) -> int:
    """Money units a lot.  variance : of a day.  size : units of the underlying."""
    per_lot = rule.coefficient * lot.notional
    return root_up(per_lot * per_lot * variance * size / Fraction(market.daily_volume))
