"""What a worker does with a job. A key is opened once a process and stays open, an epoch until others have come.

A job's opening is in memory only, here as in the scheduler: no exception leaves this file, for Dask would write the
arguments and the message of one into its log; what the worker keeps for Dask is a result, which is public; and a worker
that would move its memory to disk, or leave it in a file when it crashes, does not begin.

A proof that takes longer than its limit ends its process, whatever hangs in it: Dask's nanny begins another, and the
job goes to somebody.
"""

from __future__ import annotations

import faulthandler
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from primitives.errors import BadInput, TailproofError

from .. import epochs
from ..attestation import prove_margin
from ..bundling import prove_bundle
from ..epochs import AnyEpoch
from ..keys import OpenedKey
from ..secret import without_core_dumps
from .work import Answer, Job, Refusal, Site

if TYPE_CHECKING:
    from distributed import Worker

MOST_OPENED = 4
"""Sites that stay open: two keys, and two epochs of each."""
_opened: dict[Site, tuple[OpenedKey, AnyEpoch]] = {}
_lock = threading.Lock()


def prove(job: Job, site: Site, limit: float = 0.0) -> str:
    """Prove one account; the answer as text. Raises nothing of its own.

    limit : seconds after which this process ends; 0: none.
    """
    try:
        keys, epoch = opened(site)
    except Exception as error:
        return Answer(trouble=_said(error)).encode()
    try:
        with _watched(limit):
            bundle = prove_margin(keys, epoch, job.opening, job.context) if job.claim is None else prove_bundle(
                keys, job.opening, job.context, epoch=epoch, claim=job.claim)
        return Answer(bundle=bundle).encode()
    except TailproofError as error:
        return Answer(refusal=Refusal.of(error)).encode()
    except Exception as error:                     # of which the message may hold anything
        return Answer(trouble=type(error).__name__).encode()


def ready(site: Site, dask_worker: Worker) -> str | None:
    """Open what a site names, ahead of the first job; what keeps this worker from it, or None.

    dask_worker : Dask gives it to who asks by this name.
    """
    try:
        opened(site, dask_worker)
    except Exception as error:
        return _said(error)
    return None


def opened(site: Site, here: Worker | None = None) -> tuple[OpenedKey, AnyEpoch]:
    """Key and epoch of a site, the same objects for every job of this process.

    here : the worker; by default the one that runs this job.

    Raises
    ------
    BadInput : they are not here, or are others than the caller has; this worker moves memory to disk.
    """
    with _lock:
        if site not in _opened:
            _require_memory_only(here)
            keys, epoch = _key(site), epochs.load(site.epoch)
            if keys.key_digest != site.key_digest:
                raise BadInput("key digest", keys.key_digest, f"{site.key_digest}, the caller's", source=site.key)
            if epoch.root != site.root:
                raise BadInput("epoch root", epoch.root, f"{site.root}, the caller's", source=site.epoch)
            keys.proving_key()
            while len(_opened) >= MOST_OPENED:
                del _opened[next(iter(_opened))]
            _opened[site] = keys, epoch
        return _opened[site]


def _key(site: Site) -> OpenedKey:
    """The key of a site, the one that is open already if it is that of another site too."""
    return next((keys for other, (keys, _) in _opened.items()
                 if (other.key, other.key_digest) == (site.key, site.key_digest)), None) or OpenedKey.load(site.key)


# -- proofs that hang --------------------------------------------------------------------------------------------------
_ends: dict[int, float] = {}
_watch = threading.Lock()


@contextmanager
def _watched(limit: float) -> Iterator[None]:
    """End this process if the block takes longer. The watchdog is a thread of C, which needs no lock of Python's; what
    it would write, lines of code without a value, goes nowhere."""
    if limit <= 0:
        yield
        return
    mark = threading.get_ident()
    with _watch:
        _ends[mark] = time.monotonic() + limit
        _arm()
    try:
        yield
    finally:
        with _watch:
            del _ends[mark]
            _arm()


def _arm() -> None:
    """For the thread whose time is over first."""
    if _ends:
        left = max(0.001, min(_ends.values()) - time.monotonic())
        faulthandler.dump_traceback_later(left, exit=True, file=_nowhere())
    else:
        faulthandler.cancel_dump_traceback_later()


def _nowhere() -> int:
    """A descriptor that stays open: the watchdog writes to it at its end."""
    global _null
    if _null < 0:
        _null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    return _null


_null = -1


def _require_memory_only(here: Worker | None) -> None:
    from distributed import get_worker
    data = (here or get_worker()).data
    if type(data) is not dict:
        raise BadInput("memory of the worker", type(data).__name__, "without a way to disk: start it with "
                       "--memory-limit 0")
    without_core_dumps()


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, BadInput) else type(error).__name__
