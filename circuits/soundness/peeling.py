"""Solving for one unknown after another in a sparse system, as far as that goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled


@compiled
def peel(pinned: NDArray[np.bool_], starts: NDArray[np.int64], wires: NDArray[np.int64],
         column_starts: NDArray[np.int64], rows: NDArray[np.int64], left: NDArray[np.int64],
         queue: NDArray[np.int64]) -> None:
    """Mark every wire that is the last unknown of some row, again and again. Rows are CSR, columns CSC.

    left, queue : one place a row, to work in.
    """
    count, head, tail = len(starts) - 1, 0, 0
    for i in range(count):
        left[i] = starts[i + 1] - starts[i]
        if left[i] == 1:
            queue[tail] = i
            tail += 1
    while head < tail:
        i = queue[head]
        head += 1
        for k in range(starts[i], starts[i + 1]):
            w = wires[k]
            if not pinned[w]:
                pinned[w] = True
                for m in range(column_starts[w], column_starts[w + 1]):
                    left[rows[m]] -= 1
                    if left[rows[m]] == 1:
                        queue[tail] = rows[m]
                        tail += 1
