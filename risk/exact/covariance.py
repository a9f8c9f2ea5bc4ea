"""The step from one matrix of conditional covariances to the next along a history, in machine code.

    Q' = anchor + a z z' + b Q

is EWMA (no anchor), DCC and cDCC (z times the root of Q's diagonal) in one; see `risk.models.correlation`. The bits are
those of the same formulas in NumPy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled_ieee

Floats = NDArray[np.float64]


def covariances(first: Floats, anchor: Floats, a: float, b: float, residuals: Floats, steps: NDArray[np.int64], *,
                rescaled: bool = False) -> Floats:
    """Q of each day and of the next step: (n, m) residuals -> (n + 1, m, m).

    Parameters
    ----------
    first : before the first day, (m, m).  anchor : (m, m).
    steps : how many steps each day spans, >= 1, (n,). All but the last of them are unseen: Q = anchor + (a + b) Q.
    rescaled : whether residuals are multiplied by the root of Q's diagonal, as in cDCC.
    """
    n, m = residuals.shape
    out = np.empty((n + 1, m, m))
    out[0] = first
    _path(np.array((a, b, a + b)), int(rescaled), np.ascontiguousarray(anchor), np.ascontiguousarray(residuals),
          np.ascontiguousarray(steps, np.int64), np.empty(m), out)
    return out


@compiled_ieee
def _path(parameters: Floats, rescaled: int, anchor: Floats, residuals: Floats, steps: NDArray[np.int64], z: Floats,
          out: Floats) -> None:
    a, b, kept = parameters[0], parameters[1], parameters[2]
    m = residuals.shape[1]
    for t in range(len(residuals)):
        for _ in range(steps[t] - 1):
            for i in range(m):
                for j in range(m):
                    out[t, i, j] = anchor[i, j] + kept * out[t, i, j]
        for i in range(m):
            z[i] = residuals[t, i]
            if rescaled != 0:
                z[i] = z[i] * np.sqrt(out[t, i, i])
        for i in range(m):
            for j in range(m):
                out[t + 1, i, j] = anchor[i, j] + a * (z[i] * z[j]) + b * out[t, i, j]
