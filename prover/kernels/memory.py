"""Aligned, huge-page-backed NumPy arrays."""

from __future__ import annotations

import ctypes
import math
import mmap
import threading
import weakref
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

HUGE = 1 << 21
KEPT = 4                        # regions that wait to be used again, at most
WASTE = 4                       # how many times larger than asked for they may be

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
    return _laid_out(_map(count * np.dtype(dtype).itemsize), count, dtype).reshape(shape)


def _map(size: int) -> mmap.mmap:
    """Memory of the process's own, with room to begin on a huge page; what is not touched costs nothing."""
    # Private, where the system has the notion: shared memory gets no huge pages by default.
    private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_ANONYMOUS") else {}
    region = mmap.mmap(-1, max(size, 1) + (HUGE if size >= HUGE else 0), **private)
    if size >= HUGE and hasattr(mmap, "MADV_HUGEPAGE"):
        region.madvise(mmap.MADV_HUGEPAGE)
    return region


def _laid_out(region: mmap.mmap, count: int, dtype: type[Any]) -> NDArray[Any]:
    begin = -ctypes.addressof(ctypes.c_char.from_buffer(region)) % HUGE if len(region) > HUGE else 0
    array: NDArray[Any] = np.frombuffer(region, dtype, count, begin)
    return array


# -- memory that is used again -------------------------------------------------------------------------------------
_left: list[mmap.mmap] = []
"""What arrays of `uninitialized` have left, the latest last."""
_lock = threading.RLock()
"""Reentrant: the garbage collector may find an array, and so call `_leave`, while this very thread holds the lock."""


@overload
def uninitialized(shape: tuple[int, ...]) -> NDArray[np.uint64]: ...


@overload
def uninitialized(shape: tuple[int, ...], dtype: type[Word]) -> NDArray[Word]: ...


def uninitialized(shape: tuple[int, ...], dtype: type[Any] = np.uint64) -> NDArray[Any]:
    """Like `empty`, but with whatever content; if large, in memory that an earlier one has left.

    A page that the system hands out for the first time takes longer to get than to fill; on virtual machines, whose
    host takes back what has been free for a moment, many times longer.
    """
    count = math.prod(shape)
    size = count * np.dtype(dtype).itemsize
    if size < HUGE:
        return empty(shape, dtype)
    with _lock:
        fitting = [region for region in _left[:] if size + HUGE <= len(region) <= WASTE * size + HUGE]
        region = min(fitting, key=len) if fitting else None
        if region in _left:
            _left.remove(region)
    if region is None:
        region = _map(size)
    array = _laid_out(region, count, dtype)
    weakref.finalize(array, _leave, region).atexit = False     # views of it keep it alive
    return array.reshape(shape)


def _leave(region: mmap.mmap) -> None:
    with _lock:
        _left.append(region)
        del _left[:-KEPT]


def held() -> int:
    """Bytes that nobody is using."""
    with _lock:
        return sum(map(len, _left))


def release() -> None:
    """Give them back to the system."""
    with _lock:
        _left.clear()


def reading(array: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A contiguous, aligned, read-only view (or copy): compiled code then sees one type, whoever may write there."""
    view = np.require(array, requirements=["C", "A"]).view()
    view.flags.writeable = False
    return view
