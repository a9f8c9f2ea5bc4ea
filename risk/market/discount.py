"""A discount curve by nodes: zero rates of the quote currency, continuously compounded, ACT/365.

Between nodes the logarithm of the discount factor is a straight line, that is, forward rates are constant between them;
before the first node its rate holds. After the last there is no curve: what expires later is refused by the book. The
curve is one of tenors: when the horizon has passed, two years are still discounted at the rate of two years.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.exact.clock import YEAR

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DiscountCurve:
    """valuation : Unix seconds.  nodes : (Unix seconds, rate a year), at least one, ascending, after the valuation."""

    valuation: int
    nodes: tuple[tuple[int, float], ...]

    @property
    def last(self) -> int:
        """Unix seconds of the last node."""
        return self.nodes[-1][0]

    @cached_property
    def _line(self) -> tuple[Floats, Floats]:
        """Tenors in years, from 0 on, and what is discounted until there: minus the logarithm of the factor."""
        years = np.array([0.0, *((time - self.valuation) / YEAR for time, _ in self.nodes)])
        rates = np.array([0.0, *(rate for _, rate in self.nodes)])
        return years, rates * years

    def log_discount(self, years: ArrayLike) -> Floats:
        """Logarithm of the value today of one paid after so many years, any shape, 0 to the last node."""
        tenors, until = self._line
        at = np.asarray(years, np.float64)
        place = np.clip(np.searchsorted(tenors, at, side="right") - 1, 0, len(tenors) - 2)
        slope = (until[place + 1] - until[place]) / (tenors[place + 1] - tenors[place])
        return -(until[place] + slope * (at - tenors[place]))
