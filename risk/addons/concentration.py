"""Concentration: a large position takes longer to close than a call takes to be made.

At a share p of a day's volume V, q units take q / (p V) days, which are added to the lag; the term is what Expected
Shortfall grows by over these, on top of the lag's own:

    ES (sqrt(1 + (tau + T) / h) - sqrt(1 + tau / h)),       T = q / (p V) days.

All of the position is taken to wait for all of that time, though it shrinks on the way: too much by a factor of about
sqrt(3) where T is what matters [Basel Committee, MAR33.5, liquidity horizons; CME, SPAN 2, liquidity and concentration
against average daily volume].
"""

from __future__ import annotations

from fractions import Fraction

from risk.addons.lag import longer
from risk.addons.lot import Lot
from risk.exact.clock import DAY
from risk.market.liquidity import Market
from risk.models.addon_rules import Lag


def seconds(market: Market, participation: Fraction, size: Fraction) -> Fraction:
    """T, that closing so many units of the underlying takes."""
    return size / (participation * Fraction(market.daily_volume)) * DAY


def charge(lot: Lot, side: int, market: Market, lag: Lag, participation: Fraction, size: Fraction, window: int) -> int:
    """Money units a lot.  size : units of the underlying.  window : seconds that scenarios are of."""
    closing = seconds(market, participation, size)
    return longer(lot, side, lag.seconds + closing, window) - longer(lot, side, Fraction(lag.seconds), window)
