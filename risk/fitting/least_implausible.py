"""The nearest of all moves that lose so much, for books that are not linear: sequential quadratic programming from many
starts. What it finds is a proposal; whoever takes it revalues the book there (`risk.stress.reverse.verified`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Floats = NDArray[np.float64]
_STEP = 1e-3
"""Of differences, in deviations: far above what returns and money are rounded to."""
_SHORT = 1e-5
"""Of the level, that a move may lose less and still be one: verification moves it out."""


def least_implausible(loss: Callable[[Floats], Floats], level: float, *, mean: Floats, deviation: Floats,
                      correlation: Floats, low: Floats, high: Floats, starts: Sequence[Floats]) -> list[Floats]:
    """Moves x in the box with loss(x) >= level that are locally nearest by (x - mean)' S**-1 (x - mean), nearest first.

    Parameters
    ----------
    loss : (k, n) -> (k,).  level : above 0.  mean, deviation, low, high : (n,).  correlation : (n, n).
    starts : moves that lose the level.
    """
    inverse, n = np.linalg.inv(correlation), len(mean)
    bounds = list(zip((low - mean) / deviation, (high - mean) / deviation, strict=True))
    ends = np.array(bounds)

    def missing(z: Floats) -> float:
        return float(loss((mean + deviation * z)[None])[0]) / level - 1.0

    def gradient(z: Floats) -> Floats:
        up, down = (np.clip(z + sign * _STEP * np.eye(n), ends[:, 0], ends[:, 1]) for sign in (1.0, -1.0))
        losses = loss(mean + deviation * np.concatenate([up, down]))
        width = np.diagonal(up) - np.diagonal(down)
        steps: Floats = (losses[:n] - losses[n:]) / (level * width)
        return steps

    found: list[tuple[float, Floats]] = []
    for start in starts:
        first = (start - mean) / deviation
        result = minimize(lambda z: float(z @ inverse @ z), first, jac=lambda z: 2.0 * inverse @ z, method="SLSQP",
                          bounds=bounds, constraints=[{"type": "ineq", "fun": missing, "jac": gradient}],
                          options={"maxiter": 60, "ftol": 1e-8})
        for z in (np.clip(result.x, ends[:, 0], ends[:, 1]), first):
            if np.isfinite(z).all() and missing(z) >= -_SHORT:
                found.append((float(z @ inverse @ z), mean + deviation * z))
    found.sort(key=lambda one: one[0])
    return [x for _, x in found]
