"""Aligned, huge-page-backed NumPy arrays."""

from __future__ import annotations

import math
import mmap
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

HUGE = 1 << 21

Word = TypeVar("Word", bound=np.integer[Any])


@overload
def empty(shape: int | tuple[int, ...]) -> NDArray[np.uint64]: ...


@overload
def empty(shape: int | tuple[int, ...], dtype: type[Word]) -> NDArray[Word]: ...


def empty(shape: int | tuple[int, ...], dtype: type[Any] = np.uint64) -> NDArray[Any]:
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
    array: NDArray[Any] = np.frombuffer(region, dtype, count=count).reshape(shape)
    return array


def copy(array: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The same values in an aligned array."""
    result = empty(array.shape)
    result[...] = array
    return result


def reading(array: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A contiguous, aligned, read-only view (or copy): compiled code then sees one type, whoever may write there."""
    view = np.require(array, requirements=["C", "A"]).view()
    view.flags.writeable = False
    return view
