"""Memory for vectors: aligned, and used again once nobody holds it."""

from __future__ import annotations

import gc
import threading

import numpy as np
import pytest

from prover.kernels import memory
from prover.kernels.memory import HUGE, KEPT, empty, uninitialized

LARGE = (HUGE // 32, 4)


@pytest.fixture(autouse=True)
def _nothing_left():
    gc.collect()                                       # what earlier tests left in cycles must not come back in between
    memory.release()
    yield
    memory.release()


@pytest.mark.parametrize("make", [empty, uninitialized])
@pytest.mark.parametrize("shape", [(0, 4), (1, 4), (7, 2, 4), LARGE, (HUGE // 8 + 1,), (3 * HUGE // 64, 2, 4)])
def test_arrays_are_aligned_and_writable(make, shape) -> None:
    array = make(shape)
    assert array.shape == shape
    assert array.dtype == np.uint64
    assert not array.size or array.ctypes.data % (HUGE if array.nbytes >= HUGE else 4096) == 0
    array[...] = 5
    assert array.flags.c_contiguous


def test_empty_is_zero() -> None:
    first = uninitialized(LARGE)
    first[...] = 7
    del first
    assert not empty(LARGE).any()


def test_a_large_array_leaves_its_memory_to_the_next() -> None:
    first = uninitialized(LARGE)
    place = first.ctypes.data
    assert memory.held() == 0
    view = first[10:20, 1]
    del first
    assert memory.held() == 0                          # somebody still looks at it
    assert uninitialized(LARGE).ctypes.data != place
    del view
    assert memory.held() > 0
    again = [uninitialized(LARGE) for _ in range(3)]
    assert place in [array.ctypes.data for array in again]
    assert len({array.ctypes.data for array in again}) == 3


def test_only_memory_of_a_fitting_size_is_taken() -> None:
    small = uninitialized(LARGE)
    place = small.ctypes.data
    del small
    assert uninitialized((2 * LARGE[0], 4)).ctypes.data != place
    memory.release()
    large = uninitialized((8 * LARGE[0], 4))
    held = large.ctypes.data
    del large
    assert uninitialized(LARGE).ctypes.data != held    # it would keep eight times its size from others


def test_no_more_than_a_few_wait() -> None:
    arrays = [uninitialized(LARGE) for _ in range(2 * KEPT)]
    del arrays
    assert memory.held() == KEPT * 2 * HUGE
    memory.release()
    assert memory.held() == 0


def test_an_array_may_die_while_its_thread_holds_the_lock() -> None:
    """As when the garbage collector runs in the middle of `uninitialized`; in a thread, that a deadlock fails too."""
    array = [uninitialized(LARGE)]

    def die() -> None:
        with memory._lock:
            array.clear()

    thread = threading.Thread(target=die, daemon=True)
    thread.start()
    thread.join(30)
    assert not thread.is_alive()
    assert memory.held() > 0
