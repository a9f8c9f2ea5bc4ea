"""Aligned, huge-page-backed NumPy arrays."""

from __future__ import annotations

import math
import mmap

import numpy as np
from numpy.typing import DTypeLike, NDArray

HUGE = 1 << 21


def empty(shape: int | tuple[int, ...], dtype: DTypeLike = np.uint64) -> NDArray[np.uint64]:
    """A zeroed array that starts on a page, on huge pages where the system grants them.

    Page alignment keeps a packed point inside one cache line; huge pages keep the random gathers of the MSM from
    missing the TLB.
    """
    count = math.prod(shape) if isinstance(shape, tuple) else shape
    size = count * np.dtype(dtype).itemsize
    # Private, where the system has the notion: shared memory gets no huge pages by default.
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
    region = mmap.mmap(-1, max(size, 1), **private)
    if size >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        region.madvise(mmap.MADV_HUGEPAGE)
    array: NDArray[np.uint64] = np.frombuffer(region, dtype, count=count).reshape(shape)
    return array


def copy(array: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same values in an aligned array."""
    result = empty(array.shape, array.dtype)
    result[...] = array
    return result
