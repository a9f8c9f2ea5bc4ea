"""Liquidation lag: a position moves on while it is being closed.

With scenarios of h seconds and tau seconds from the call to the close, independent returns make Expected Shortfall
larger by sqrt((h + tau) / h) [square root of time: Basel Committee, MAR33.4]. A lot is charged

    ES (sqrt(1 + tau / h) - 1)

of its own Expected Shortfall, rounded up: as no position is netted in it, it is at least what a portfolio's would grow
by, for Expected Shortfall is subadditive. With calendars h counts open time only, which is the shorter and so the
dearer.
"""

from __future__ import annotations

import math
from fractions import Fraction

from risk.addons.lot import Lot, root_up
from risk.models.addon_rules import Lag


def longer(lot: Lot, side: int, seconds: Fraction, window: int) -> int:
    """Expected Shortfall over so many seconds more, rounded up, less what it was, rounded down: money units."""
    loss = lot.shortfall[side]
    return max(0, root_up(loss * loss * (1 + seconds / window)) - math.floor(loss))


def charge(lot: Lot, side: int, rule: Lag, window: int) -> int:
    """Money units a lot.  window : seconds that scenarios are of."""
    return longer(lot, side, Fraction(rule.seconds), window)
