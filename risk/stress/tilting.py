"""How much less favourable scenarios as a whole would have to be: the worst mean loss in a ball of relative entropy.

Of all weights Q with sum q ln(q / p) <= k nats, the mean loss is largest under q ~ p exp(theta L) for the theta at
which the entropy is k [T. Breuer and I. Csiszar, Systematic stress tests with entropic plausibility constraints,
Journal of Banking & Finance 37, 2013]. Both grow with theta, from the plain mean at 0 to the largest loss, which takes
-ln(its own probability) nats; so theta is found by bisection.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.elementary import exp, log

Floats = NDArray[np.float64]
ALREADY, REACHED, NEVER = "already", "reached", "never"
_MOST_THETA = 2.0**40
_STEPS = 200


@dataclass(frozen=True, eq=False)
class Tilt:
    """Scenarios under a tilt.

    theta : per money unit.  weights : probabilities, (S,).  entropy : nats.  mean, expected_shortfall : money units.
    """

    theta: float
    weights: Floats
    entropy: float
    mean: float
    expected_shortfall: float


class Ball:
    """Losses with their weights, ready to be tilted.

    Parameters
    ----------
    losses : one per scenario, money units.  weights : of each, integers.  level : probability of the tail.

    Raises
    ------
    BadInput : no losses, or not as many weights, or one that is not positive.
    """

    def __init__(self, losses: Sequence[Fraction | int], weights: Sequence[int], level: Fraction) -> None:
        if not losses or len(losses) != len(weights) or min(weights) <= 0:
            raise BadInput("losses and weights", (len(losses), len(weights)), "as many, one at least, above 0")
        self.losses = np.array([float(loss) for loss in losses])
        total = math.fsum(weights)
        self.plain = np.array(weights, np.float64) / total
        self.level = float(level)
        self.largest, least = float(self.losses.max()), float(self.losses.min())
        self.span = self.largest - least
        self._down = (self.losses - self.largest) / self.span if self.span else np.zeros(len(self.losses))
        self.most_entropy = -float(log(np.array([math.fsum(self.plain[self.losses == self.largest])]))[0])

    def tilted(self, theta: float) -> Tilt:
        """theta : per span of the losses, at least 0."""
        grown = exp(theta * self._down)                       # at most 1, and 1 at the largest loss
        whole = math.fsum(self.plain * grown)
        weights = self.plain * grown / whole
        mean_down = math.fsum(weights * self._down)
        entropy = max(0.0, theta * mean_down - float(log(np.array([whole]))[0]))
        return Tilt(theta / self.span if self.span else 0.0, weights, entropy, math.fsum(weights * self.losses),
                    self._shortfall(weights))

    def at_entropy(self, nats: float) -> Tilt:
        """The worst weights within so many nats.

        Raises
        ------
        BadInput : fewer than 0, or as many as the largest loss alone takes: beyond them nothing gets worse.
        """
        if not 0 <= nats:
            raise BadInput("nats", nats, "at least 0")
        if self.span and nats >= self.most_entropy:
            raise BadInput("nats", nats, f"below {self.most_entropy:.6g}, at which only the largest loss is left")
        return self._first(lambda tilt: tilt.entropy >= nats) if nats and self.span else self.tilted(0.0)

    def exhausting(self, collateral: int) -> tuple[str, Tilt | None]:
        """The least tilt under which the mean loss is the collateral, and how that went: "already", it is without any;
        "reached"; "never", no loss exceeds it, so no weights do."""
        plain = self.tilted(0.0)
        if plain.mean >= collateral:
            return ALREADY, plain
        if collateral >= self.largest:
            return NEVER, None
        return REACHED, self._first(lambda tilt: tilt.mean >= collateral)

    def _first(self, enough: Callable[[Tilt], bool]) -> Tilt:
        low, high = 0.0, 1.0
        while not enough(self.tilted(high)) and high < _MOST_THETA:
            low, high = high, 2.0 * high
        for _ in range(_STEPS):
            middle = 0.5 * (low + high)
            if not low < middle < high:
                break
            low, high = (low, middle) if enough(self.tilted(middle)) else (middle, high)
        return self.tilted(high)

    def _shortfall(self, weights: Floats) -> float:
        """Expected Shortfall at the level, by these weights: the loss at which the tail ends counts in part."""
        left, parts = self.level, list[float]()
        for s in np.argsort(-self.losses, kind="stable").tolist():
            counted = min(left, float(weights[s]))
            parts.append(counted * float(self.losses[s]))
            left -= counted
            if left <= 0.0:
                break
        return math.fsum(parts) / self.level
