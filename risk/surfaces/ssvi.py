"""SSVI: a whole surface by three parameters and the total variance at the money of each expiry.

    w(k) = theta / 2 (1 + rho phi k + sqrt((phi k + rho)**2 + 1 - rho**2))
    phi  = eta theta**-gamma (1 + theta)**(gamma - 1)

[Gatheral, Jacquier, Arbitrage-free SVI volatility surfaces, Quantitative Finance 14, 2014, section 4.] theta is total
variance: at-the-money volatility squared times years. Every slice is one of raw SVI, as which it is evaluated.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from primitives.jsonio import Node
from risk.exact.elementary import exp, log
from risk.exact.money import parse_decimal_in
from risk.surfaces.svi import Slice

BOUNDS = {"rho": ("-0.999999", "0.999999"), "eta": ("0.000001", "100"), "gamma": ("0.000001", "0.999999")}
THETA = ("0.00000001", "100")


@dataclass(frozen=True)
class Ssvi:
    """What all expiries of an underlying have in common."""

    rho: float
    eta: float
    gamma: float

    @classmethod
    def parse(cls, parts: Mapping[str, Node]) -> Ssvi:
        """From members of an object, decimals in quotes.

        Raises
        ------
        BadInput : naming the parameter.
        """
        return cls(**{name: float(parse_decimal_in(parts[name].value, low, high, field=parts[name].field,
                                                   source=parts[name].source)) for name, (low, high) in BOUNDS.items()})

    def phi(self, theta: float) -> float:
        """How much a unit of log-moneyness bends a slice whose total variance at the money is theta."""
        return float(self.eta * exp((self.gamma - 1.0) * log(1.0 + theta) - self.gamma * log(theta)))

    def slice(self, theta: float) -> Slice:
        """The slice of total variance theta at the money, as raw SVI."""
        phi, rest = self.phi(theta), 1.0 - self.rho * self.rho
        return Slice(0.5 * theta * rest, 0.5 * theta * phi, self.rho, -self.rho / phi, float(np.sqrt(rest)) / phi)

    def wing(self, theta: float) -> float:
        """theta phi (1 + |rho|), below 4: then no wing is too steep."""
        return theta * self.phi(theta) * (1.0 + abs(self.rho))

    def bend(self, theta: float) -> float:
        """theta phi**2 (1 + |rho|), at most 4: then, beside `wing`, no butterfly has a negative price at any strike
        (theorem 4.2). That it is sufficient is proven; it is not necessary where theta phi is small."""
        phi = self.phi(theta)
        return theta * phi * phi * (1.0 + abs(self.rho))
