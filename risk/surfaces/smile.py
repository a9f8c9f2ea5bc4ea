"""One expiry of an underlying as checks see it: a slice, or volatilities of some strikes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from risk.surfaces.calls import call
from risk.surfaces.ssvi import Ssvi
from risk.surfaces.svi import Slice

Point = tuple[float, float]


@dataclass(frozen=True)
class Strike:
    """name : for messages.  x : strike over forward.  volatility : a year."""

    name: str
    x: float
    volatility: float


@dataclass(frozen=True)
class Smile:
    """An expiry, by its name for messages.

    years : to it.
    slice : total variance for every strike; or None, and only `strikes` are known, in ascending order.
    ssvi : surface and total variance at the money that the slice is made of; None for one of raw SVI.
    """

    underlying: str
    expiry: str
    years: float
    slice: Slice | None = None
    strikes: tuple[Strike, ...] = ()
    ssvi: tuple[Ssvi, float] | None = None

    @cached_property
    def points(self) -> list[Point]:
        """(strike, undiscounted call), both as shares of the forward, of the strikes."""
        x = np.array([strike.x for strike in self.strikes])
        values = call(x, np.array([strike.volatility for strike in self.strikes]) * np.sqrt(self.years))
        return list(zip(x.tolist(), values.tolist(), strict=True))

    def calls(self, x: NDArray[np.float64], k: NDArray[np.float64]) -> NDArray[np.float64]:
        """Undiscounted calls of the slice at strikes x over the forward, k = ln(x)."""
        assert self.slice is not None
        return call(x, np.sqrt(np.maximum(self.slice.total_variance(k), 0.0)))
