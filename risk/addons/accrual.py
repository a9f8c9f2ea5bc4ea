"""Funding while a position is closed: a perpetual goes on paying it until it is gone.

Over tau seconds from the call to the close, and the T more that a large position takes (`risk.addons.concentration`),
the side that pays funding at a rate every `hours` hours pays

    |rate| (tau + T) / (3600 hours) of the position,

at today's mark, with the rate that somebody wrote; of an inverse perpetual in coins, at today's spot. Scenarios hold
the horizon's funding alone, and the lag's term has what they hold grow by the square root of time: funding is no chance
move, it grows by time itself. The side that is paid is given nothing for it.
"""

from __future__ import annotations

import math
from fractions import Fraction

from risk.addons.lot import SIDES, Lot
from risk.market.book import Funding
from risk.market.instruments import Kind

_HOUR = 3600


def charge(lot: Lot, side: int, funding: Funding | None, seconds: Fraction) -> int:
    """Money units a lot; 0 of what is no perpetual.  seconds : from the call until the close."""
    if funding is None or lot.instrument.kind != Kind.PERPETUAL:
        return 0
    paid = Fraction(repr(funding.rate)) * seconds / (_HOUR * Fraction(repr(funding.hours)))
    position = lot.notional if lot.instrument.notional else lot.value
    return math.ceil(max(Fraction(0), paid if SIDES[side] == "long" else -paid) * position)
