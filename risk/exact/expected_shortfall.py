"""Expected Shortfall in exact integers, with the certificate that the circuit checks.

The convention is that of Rockafellar and Uryasev [Conditional value-at-risk for general loss distributions, Journal of
Banking & Finance 26, 2002, eq. 26]. Scenario s weighs p_s, and the tail holds K of P = sum p: with the losses sorted in
descending order and R_0 = K, loss i counts with r_i = min(p_(i), R_{i-1}), which leaves R_i = R_{i-1} - r_i, and

    K ES = r_1 L_(1) + r_2 L_(2) + ...  =  min over t of K t + sum p max(0, L - t).

On equally likely scenarios, of which the tail holds K/D, all weights are D. The loss at which the tail ends counts in
part. Libraries differ here (some round the tail up, some down): at 1 % of 715 scenarios by about 1 % of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.shape import Tail


@dataclass(frozen=True, eq=False)
class ShortfallCertificate:
    """Expected Shortfall and what convinces a checker that it is right without sorting (STATEMENT C12 to C16).

    Attributes
    ----------
    threshold : t, the largest loss that does not count in full, in the unit of the losses; the smallest loss if the
        tail holds every scenario.
    threshold_scenario : a scenario outside the flagged ones (if there is any) whose loss is t.
    flags : bool (S,), true at the scenarios with the largest losses, which count in full; among equal losses the
        earlier scenario goes first.
    tail_mass : r_s, how much of scenario s the tail holds, in the unit of `tail.weights`: S integers that sum to K,
        with K ES = sum r_s L_s. What splits the losses splits Expected Shortfall exactly: contributions are such sums.
    left : K less the weights of the flagged scenarios, what the threshold's scenario counts with.
    slack : by how much the weight of that scenario exceeds left + 1 (STATEMENT C14, of scenarios with masses).
    numerator : K ES, an exact integer.
    """

    tail: Tail
    threshold: int
    threshold_scenario: int
    flags: NDArray[np.bool_]
    tail_mass: tuple[int, ...]
    left: int
    slack: int
    numerator: int

    @property
    def value(self) -> Fraction:
        """ES, exact."""
        return Fraction(self.numerator, self.tail.numerator)

    @property
    def ceiling(self) -> int:
        """ES rounded up to the next unit: the one division, against the trader."""
        return -(-self.numerator // self.tail.numerator)

    @property
    def value_at_risk(self) -> int:
        """The smallest loss that scenarios of at most K in weight exceed: the lower (1 - K/P)-quantile, t."""
        return self.threshold


def expected_shortfall(losses: Sequence[int] | NDArray[Any], tail: Tail) -> ShortfallCertificate:
    """The certificate for losses of S scenarios.

    Parameters
    ----------
    losses : S integers of any size and sign; a positive number is a loss.
    tail : K/D with 0 < K/D <= S on equally likely scenarios; or masses, and K/D of their sum.

    Raises
    ------
    BadInput : no losses, a tail larger than their number, or another number than that of the masses.
    TypeError : a loss is not an integer.
    """
    values = [_exact(loss) for loss in losses]
    if not values:
        raise BadInput("tail", str(tail), "above 0 and at most the number of scenarios, 0")
    weights = tail.weights(len(values))
    order = sorted(range(len(values)), key=lambda s: -values[s])                 # stable: ties keep their order
    flags, mass, left = np.zeros(len(values), bool), [0] * len(values), tail.numerator
    for at in order:
        if left < weights[at]:                                                   # always happens, unless K is P
            break
        flags[at], mass[at], left = True, weights[at], left - weights[at]
    slack = weights[at] - 1 - left
    if not flags[at]:
        mass[at] = left
    numerator = sum(r * value for r, value in zip(mass, values, strict=True))
    return ShortfallCertificate(tail, values[at], at, flags, tuple(mass), left, slack, numerator)


def _exact(loss: object) -> int:
    if isinstance(loss, int | np.integer) and not isinstance(loss, bool):
        return int(loss)
    raise TypeError(f"losses are exact integers, not {type(loss).__name__}")
