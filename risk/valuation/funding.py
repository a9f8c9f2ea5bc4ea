"""Funding of perpetuals: what holding one costs by itself, while its price stays where it is.

A venue has longs pay shorts a `rate` of the position every few hours, or the other way round where the rate is below 0,
so that a perpetual stays near its spot. Over a time t the book's rate is taken to stay, and the position at today's
mark M; that it is paid at the marks on the way is of second order:

linear    a coin held long pays          M rate t/interval        quote units
inverse   a quote unit held long pays    1/M rate t/interval      coins, S' each in a scenario

No scenario draws funding: the number is the publisher's choice, so the book says whose it is, a flag of the epoch
repeats it, and gate G3 bounds it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from risk.exact.clock import YEAR

Floats = NDArray[np.float64]
Numbers = Floats | float
_HOUR = 3600


def funding_share(rate: float, hours: float, years: float) -> float:
    """Of the position, what a long one pays over so many years.

    Parameters
    ----------
    rate : of the position, every `hours` hours.  years : of 365 days, >= 0.
    """
    return rate * (years * YEAR / _HOUR / hours)


def linear_funding(mark: Numbers, share: float) -> Floats:
    """What one coin of a linear perpetual held long pays, quote units. It does not move with the
    spot after."""
    return np.asarray(mark * share, np.float64)


def inverse_funding(mark: Numbers, spot_after: Numbers, share: float) -> Floats:
    """What one quote unit of an inverse perpetual held long pays, quote units. Its derivative by the spot after is
    share/mark."""
    return np.asarray(spot_after / mark * share, np.float64)
