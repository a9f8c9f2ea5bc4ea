"""Raw SVI: the total variance of one expiry as a function of log-moneyness.

    w(k) = a + b (rho (k - m) + sqrt((k - m)**2 + sigma**2)),    k = ln(K/F),    implied volatility = sqrt(w(k) / T)

[Gatheral, Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative Finance 14, 2014, section 3.] Units are stated
because they are so often confused: w is *total* variance, volatility squared times years to expiry, not variance a
year; k, m and sigma are of log-moneyness; b is total variance per unit of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.exact.money import format_decimal, parse_decimal_in

Floats = NDArray[np.float64]
BOUNDS = {"a": ("-100", "100"), "b": ("0", "100"), "rho": ("-0.999999", "0.999999"), "m": ("-20", "20"),
          "sigma": ("0.000001", "20")}
"""Of the parameters as they are written: rho inside (-1, 1), sigma above 0, b not below."""


class Curvature(NamedTuple):
    """w and its first two derivatives at some log-moneyness, each of that shape."""

    w: Floats
    slope: Floats
    bend: Floats


@dataclass(frozen=True)
class Slice:
    """One expiry in raw SVI, total variance; what its parameters must satisfy together is `risk.surfaces.checks`'."""

    a: float
    b: float
    rho: float
    m: float
    sigma: float

    @classmethod
    def parse(cls, node: Node) -> Slice:
        """From an object of decimals in quotes.

        Raises
        ------
        BadInput : naming the parameter; also where the least total variance is not above 0, for then options of some
            strikes have no volatility at all.
        """
        parts = node.object(BOUNDS)
        found = cls(**{name: float(parse_decimal_in(parts[name].value, low, high, field=parts[name].field,
                                                    source=node.source)) for name, (low, high) in BOUNDS.items()})
        if not found.minimum > 0:
            raise BadInput(f"{node.field}: least total variance, a + b sigma sqrt(1 - rho**2)",
                           Said(f"{found.minimum:.6g}"), "above 0 (minimum-variance)", source=node.source)
        return found

    def to_json(self) -> dict[str, str]:
        """What `parse` reads: the shortest decimals that are these doubles."""
        return {one.name: format_decimal(Decimal(repr(getattr(self, one.name)))) for one in fields(self)}

    def total_variance(self, k: ArrayLike) -> Floats:
        """w at log-moneyness k, of any shape."""
        return self.at(k).w

    def at(self, k: ArrayLike) -> Curvature:
        """w, w' and w'' at log-moneyness k, of any shape."""
        x = np.asarray(k, np.float64) - self.m
        root = np.sqrt(x * x + self.sigma * self.sigma)
        return Curvature(self.a + self.b * (self.rho * x + root), self.b * (self.rho + x / root),
                         self.b * ((self.sigma / root) * (self.sigma / root) / root))

    @property
    def minimum(self) -> float:
        """The least total variance: at k = m - rho sigma / sqrt(1 - rho**2)."""
        return float(self.a + self.b * self.sigma * np.sqrt(1.0 - self.rho * self.rho))

    @property
    def wing(self) -> float:
        """The steeper of the two asymptotic slopes of w."""
        return self.b * (1.0 + abs(self.rho))
