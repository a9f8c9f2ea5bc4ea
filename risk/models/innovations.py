"""The law of one asset's innovations: what a return looks like once its volatility is divided out. Mean 0, variance 1.

normal    Gauss's
t         Student's with `degrees` degrees of freedom, scaled to unit variance
skew-t    Hansen's: as t, but its two halves stretched by 1 - skew and 1 + skew
          [Hansen, Autoregressive conditional density estimation, International Economic Review 35, 1994]

Everything here is made of `risk.exact` functions: an innovation is the same to the bit on every machine.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.elementary import exp, log, log_gamma, student_t_tail, student_t_tail_inverse
from risk.exact.normal import normal_tail_inverse

Floats = NDArray[np.float64]
LAWS = ("normal", "skew-t", "t")
LEAST_DEGREES = 2.5
"""At unit variance, a t law with fewer degrees has a *smaller* Expected Shortfall: 2.910 at 3 degrees, 2.775 at 2.5,
0.617 at 2.01 (97.5 %). Fewer would make a wild asset look tame."""
MOST_DEGREES = 1000.0
_LARGEST_SKEW = 0.99
DEGREES, SKEWS = (LEAST_DEGREES, MOST_DEGREES), (-_LARGEST_SKEW, _LARGEST_SKEW)


@dataclass(frozen=True)
class Law:
    """One of `LAWS`; degrees is None for the normal law, skew is 0 for all but skew-t.

    Raises
    ------
    BadInput : an unknown name; degrees missing, superfluous or out of [2.5, 1000]; a skew out of [-0.99, 0.99].
    """

    name: str
    degrees: float | None = None
    skew: float = 0.0

    def __post_init__(self) -> None:
        if self.name not in LAWS:
            raise BadInput("innovations", self.name, f"one of {', '.join(LAWS)}")
        if (self.degrees is None) != (self.name == "normal"):
            raise BadInput("degrees", self.degrees, "absent: the normal law has none" if self.name == "normal"
                           else "given")
        if self.degrees is not None and not LEAST_DEGREES <= self.degrees <= MOST_DEGREES:
            raise BadInput("degrees", self.degrees, f"a number in [{LEAST_DEGREES}, {MOST_DEGREES}]: at fixed variance "
                           "Expected Shortfall falls as degrees approach 2 (G5)")
        if not -_LARGEST_SKEW <= self.skew <= _LARGEST_SKEW or (self.skew != 0 and self.name != "skew-t"):
            raise BadInput("skew", self.skew, f"a number in [{-_LARGEST_SKEW}, {_LARGEST_SKEW}]"
                           if self.name == "skew-t" else "absent: only skew-t has one")

    def to_json(self) -> dict[str, Any]:
        return {"innovations": self.name} | ({} if self.degrees is None else {"degrees": self.degrees}) \
            | ({"skew": self.skew} if self.name == "skew-t" else {})

    def from_tails(self, lower: Floats, upper: Floats) -> Floats:
        """The innovation below which the probability is `lower`, above which it is `upper`; any shape.

        Both are given since the smaller one is exact far out, where the other is 1 in doubles.
        """
        if self.degrees is None:
            z = normal_tail_inverse(np.minimum(lower, upper))
            return np.where(lower < upper, -z, z)
        left = lower < 0.5 * (1.0 - self.skew)
        tail = np.where(left, lower / (1.0 - self.skew), upper / (1.0 + self.skew))
        t = student_t_tail_inverse(np.minimum(tail, 0.5), self.degrees) * self._scale
        if self.name == "t":
            return np.where(left, -t, t)
        a, b = self._centre
        return (np.where(left, -(1.0 - self.skew) * t, (1.0 + self.skew) * t) - a) / b

    @cached_property
    def _scale(self) -> float:
        """Of Student's t to unit variance."""
        assert self.degrees is not None
        return math.sqrt((self.degrees - 2.0) / self.degrees)

    @cached_property
    def _centre(self) -> tuple[float, float]:
        """Hansen's a and b."""
        assert self.degrees is not None
        nu, skew = self.degrees, self.skew
        log_c = log_gamma(0.5 * (nu + 1.0)) - log_gamma(0.5 * nu) - 0.5 * float(log(math.pi * (nu - 2.0)))
        a = 4.0 * skew * float(exp(log_c)) * (nu - 2.0) / (nu - 1.0)
        return a, math.sqrt(1.0 + 3.0 * skew * skew - a * a)

    @cached_property
    def downside(self) -> float:
        """E[z**2; z < 0], the share of the variance on the losing side: 1/2 for a symmetric law."""
        if self.name != "skew-t" or self.skew == 0:
            return 0.5
        assert self.degrees is not None
        a, b = self._centre
        # z < 0 is y < a in units y = b z + a, whose left half is (1 - skew) times a unit-variance t, its right half
        # (1 + skew) times one, with weights (1 - skew) and (1 + skew).
        moments = []
        for side, stretch in ((-1.0, 1.0 - self.skew), (1.0, 1.0 + self.skew)):
            end = a if (a < 0) == (side < 0) else 0.0        # of the half's part below a
            low = self._moments(end / stretch)
            base = self._moments(0.0)
            zero, one, two = low if side < 0 else tuple(x - y for x, y in zip(low, base, strict=True))
            moments.append(stretch * (stretch * stretch * two - 2.0 * a * stretch * one + a * a * zero))
        return (moments[0] + moments[1]) / (b * b)

    def _moments(self, c: float) -> tuple[float, float, float]:
        """Integrals of 1, s and s**2 up to c against the unit-variance t density of s."""
        assert self.degrees is not None
        nu, t = self.degrees, c / self._scale
        zero = _t_cdf(t, nu)
        constant = log_gamma(0.5 * (nu + 1.0)) - log_gamma(0.5 * nu) - 0.5 * float(log(math.pi * nu))
        density = float(exp(constant - 0.5 * (nu + 1.0) * log(1.0 + t * t / nu)))
        one = -nu / (nu - 1.0) * (1.0 + t * t / nu) * density
        two = nu * ((nu - 1.0) / (nu - 2.0) * _t_cdf(t * math.sqrt((nu - 2.0) / nu), nu - 2.0) - zero)
        return zero, one * self._scale, two * self._scale * self._scale


NORMAL = Law("normal")


def _t_cdf(t: float, degrees: float) -> float:
    tail = float(student_t_tail(np.array([abs(t)]), degrees)[0])
    return tail if t < 0 else 1.0 - tail
