"""Which correlation regime of a grid a published correlation belongs to. No publisher picks it.

A regime has one correlation for every two underlyings. Today's matrix has as many as pairs; their mean lies between two
regimes, and which of the two is dearer depends on the portfolio: longs pay more where correlations are high, spreads
where they are low. So both neighbours are named, and a margin is that of the dearer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from risk.models.correlation import Matrix

_CLEAR = 0.01
"""So near a regime's own correlation, the mean belongs to it alone: less than the standard error of any estimate."""


def mean_correlation(matrix: Matrix) -> float:
    """Mean of the entries off the diagonal; 0 for a single asset."""
    pairs = [matrix[i][j] for i in range(len(matrix)) for j in range(i)]
    return math.fsum(pairs) / len(pairs) if pairs else 0.0


def regimes_of(matrix: Matrix, correlations: Sequence[float]) -> tuple[int, ...]:
    """Indices of the regimes that today's correlations lie between: one if it is clear, else two, the lower first.

    Parameters
    ----------
    correlations : of each regime, in any order, one or more.

    Beyond the outermost regime there is no second neighbour, and the outermost is all that a grid can say; a matrix of
    one asset belongs to every regime alike, and gets the lowest.
    """
    mean = mean_correlation(matrix)
    order = sorted(range(len(correlations)), key=lambda k: correlations[k])
    near = min(order, key=lambda k: abs(correlations[k] - mean))
    if abs(correlations[near] - mean) <= _CLEAR or len(matrix) == 1:
        return (near,)
    below = [k for k in order if correlations[k] < mean]
    above = [k for k in order if correlations[k] > mean]
    return tuple(sorted((*below[-1:], *above[:1]), key=lambda k: correlations[k]))
