"""Split a loop over the processor's cores.

Kernels release the GIL, so threads suffice; every part writes its own elements, so results do not depend on the
number of threads.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

_pool: ThreadPoolExecutor | None = None


def count() -> int:
    """Threads to use: TAILPROOF_THREADS if set, else the cores this process may run on."""
    chosen = os.environ.get("TAILPROOF_THREADS", "")
    if chosen.isdecimal() and int(chosen) > 0:
        return int(chosen)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def share(total: int, part: Callable[[int, int], object], *, least: int = 1) -> None:
    """Call `part(begin, end)` on consecutive ranges that cover 0 .. total-1, in parallel.

    Parameters
    ----------
    total : number of elements.
    part : called from worker threads; must be safe to run beside itself on other ranges. Must not call `share`.
    least : elements that are worth a thread of their own.
    """
    global _pool
    parts = min(count(), total // least) if total >= 2 * least else 1
    if parts == 1:
        part(0, total)
        return
    if _pool is None:
        _pool = ThreadPoolExecutor(max_workers=64, thread_name_prefix="tailproof")
    bounds = [total * k // parts for k in range(parts + 1)]
    list(_pool.map(part, bounds[:-1], bounds[1:]))


def _after_fork() -> None:
    global _pool
    _pool = None                               # a child inherits the pool but none of its threads


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
