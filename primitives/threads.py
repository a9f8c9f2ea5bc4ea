"""Split a loop over the processor's cores.

Compiled functions release the GIL, so threads suffice; every part writes its own elements, so results do not depend on
the number of threads. The pool is our own, of a few lines: that of the standard library takes three times as long to
import, and to hand work over.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from itertools import pairwise
from queue import SimpleQueue

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput

Part = Callable[[int, int], object]

SETTING = "TAILPROOF_THREADS"
MOST_THREADS = 1024


class _Own(threading.local):
    serving = False
    """Whether this thread is one of the pool's."""


_own = _Own()


class _Pool:
    """Threads that wait for work; as many as were ever asked for at once."""

    def __init__(self) -> None:
        self._work = SimpleQueue[tuple[Part, int, int, SimpleQueue[BaseException | None]]]()
        self._threads = 0
        self._lock = threading.Lock()

    def submit(self, part: Part, begin: int, end: int, done: SimpleQueue[BaseException | None]) -> None:
        """Run part(begin, end) on some thread, then put what it raised, or None, where the caller waits for it."""
        self._work.put((part, begin, end, done))

    def grow(self, threads: int) -> None:
        """Have at least so many."""
        with self._lock:
            while self._threads < threads:
                self._threads += 1
                threading.Thread(target=self._serve, name=f"tailproof-{self._threads}", daemon=True).start()

    def _serve(self) -> None:
        _own.serving = True
        while True:
            part, begin, end, done = self._work.get()
            try:
                part(begin, end)
                done.put(None)
            except BaseException as error:         # the caller raises it
                done.put(error)
            del part, done                         # what a task held must not live until the next one


_pool = _Pool()


def count() -> int:
    """Threads to use: TAILPROOF_THREADS if set and not empty, else the cores this process may run on.

    Raises
    ------
    BadInput : the setting is no number, or one that cannot be meant: it is never set aside or cut down in silence.
    """
    if chosen := os.environ.get(SETTING, ""):
        if not (chosen.isascii() and chosen.isdecimal() and len(chosen) < 10 and 1 <= int(chosen) <= MOST_THREADS):
            raise BadInput(SETTING, chosen, f"an integer in [1, {MOST_THREADS}], or not set")
        return int(chosen)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(total: int, part: Part, *, least: int = 1) -> None:
    """Call `part(begin, end)` on consecutive ranges that cover 0 .. total-1, in parallel.

    Parameters
    ----------
    total : number of elements.
    part : called from this thread and others; must be safe to run beside itself on other ranges. If it calls `share`
        itself, that may go unshared: threads of the pool do not wait for each other.
    least : elements that are worth a thread of their own.
    """
    parts = min(count(), total // least) if total >= 2 * least and not _own.serving else 1
    if parts == 1:
        part(0, total)
        return
    bounds = [total * k // parts for k in range(parts + 1)]
    done = SimpleQueue[BaseException | None]()
    _pool.grow(parts - 1)
    for begin, end in pairwise(bounds[1:]):
        _pool.submit(part, begin, end, done)
    try:
        part(bounds[0], bounds[1])
    finally:
        errors = [done.get() for _ in range(parts - 1)]        # nobody works on after `share` has returned
    for error in errors:
        if error is not None:
            raise error


def share_rows(starts: NDArray[np.int64], part: Part, *, least: int) -> None:
    """`share` the rows of a sparse matrix so that every part has about as many entries.

    Parameters
    ----------
    starts : (rows + 1,); row i has the entries starts[i] .. starts[i+1]-1.
    part : called with ranges of rows.
    least : entries that are worth a thread of their own.
    """
    rows, entries = len(starts) - 1, int(starts[-1])

    def entries_part(begin: int, end: int) -> None:            # the rows that start there; the last ones may be empty
        part(int(starts[:rows].searchsorted(begin)), rows if end == entries else int(starts[:rows].searchsorted(end)))

    share(entries, entries_part, least=least)


def _after_fork() -> None:
    global _pool
    _pool = _Pool()                            # a child inherits the pool but none of its threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
