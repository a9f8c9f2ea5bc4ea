"""Expected Shortfall in exact integers, with the certificate that the circuit checks.

The convention is that of Rockafellar and Uryasev [Conditional value-at-risk for general loss distributions, Journal of
Banking & Finance 26, 2002, eq. 26] on S equally likely scenarios: with the losses sorted in descending order, a tail of
K/D scenarios and k = floor(K/D),

    K ES = D (L_(1) + ... + L_(k)) + (K - k D) L_(k+1).

Loss k + 1 counts in part. Libraries differ here (some round the tail up, some down): at 1 % of 715 scenarios by about
1 % of the result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.shape import TailSize


@dataclass(frozen=True, eq=False)
class ShortfallCertificate:
    """Expected Shortfall and what convinces a checker that it is right without sorting (STATEMENT C12 to C16).

    Attributes
    ----------
    threshold : t = L_(k+1), in the unit of the losses; the smallest loss if the tail holds every scenario.
    threshold_scenario : a scenario outside the flagged ones (if there is any) whose loss is t.
    flags : bool (S,), true at k scenarios with the largest losses; among equal losses the earlier scenario goes first.
    numerator : K ES, an exact integer.
    """

    tail: TailSize
    threshold: int
    threshold_scenario: int
    flags: NDArray[np.bool_]
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
        """The smallest loss that at most K/D scenarios exceed: the lower (1 - K/(D S))-quantile, which is t."""
        return self.threshold


def expected_shortfall(losses: Sequence[int] | NDArray[Any], tail: TailSize) -> ShortfallCertificate:
    """The certificate for losses of S equally likely scenarios.

    Parameters
    ----------
    losses : S integers of any size and sign; a positive number is a loss.
    tail : K/D with 0 < K/D <= S.

    Raises
    ------
    BadInput : no losses, or a tail larger than their number.
    TypeError : a loss is not an integer.
    """
    values = [_exact(loss) for loss in losses]
    if not values or tail.size > len(values):
        raise BadInput("tail", str(tail), f"above 0 and at most the number of scenarios, {len(values)}")
    order = sorted(range(len(values)), key=lambda s: -values[s])                 # stable: ties keep their order
    counted = tail.counted
    at = order[min(counted, len(values) - 1)]
    flags = np.zeros(len(values), bool)
    flags[order[:counted]] = True
    numerator = tail.denominator * sum(values[s] for s in order[:counted]) \
        + (tail.numerator - counted * tail.denominator) * values[at]
    return ShortfallCertificate(tail, values[at], at, flags, numerator)


def _exact(loss: object) -> int:
    if isinstance(loss, int | np.integer) and not isinstance(loss, bool):
        return int(loss)
    raise TypeError(f"losses are exact integers, not {type(loss).__name__}")
