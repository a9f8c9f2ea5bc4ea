"""What a worker does with a job. Key and epoch are opened once a process and stay open.

A job's opening is in memory only, here as in the scheduler: no exception leaves this file, for Dask would write the
arguments and the message of one into its log; what the worker keeps for Dask is a result, which is public; and a worker
that would move its memory to disk, or leave it in a file when it crashes, does not begin.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING

from primitives.errors import BadInput, TailproofError

from .. import epochs
from ..attestation import prove_margin
from ..epochs import AnyEpoch
from ..keys import OpenedKey
from .work import Answer, Job, Refusal, Site

if TYPE_CHECKING:
    from distributed import Worker

_opened: dict[Site, tuple[OpenedKey, AnyEpoch]] = {}
_lock = threading.Lock()


def prove(job: Job, site: Site) -> str:
    """Prove one account; the answer as text. Raises nothing of its own."""
    try:
        keys, epoch = opened(site)
    except Exception as error:
        return Answer(trouble=_said(error)).encode()
    try:
        return Answer(bundle=prove_margin(keys, epoch, job.opening, job.context)).encode()
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
            keys, epoch = OpenedKey.load(site.key), epochs.load(site.epoch)
            if keys.key_digest != site.key_digest:
                raise BadInput("key digest", keys.key_digest, f"{site.key_digest}, the caller's", source=site.key)
            if epoch.root != site.root:
                raise BadInput("epoch root", epoch.root, f"{site.root}, the caller's", source=site.epoch)
            keys.proving_key()
            _opened[site] = keys, epoch
        return _opened[site]


def _require_memory_only(here: Worker | None) -> None:
    from distributed import get_worker
    data = (here or get_worker()).data
    if type(data) is not dict:
        raise BadInput("memory of the worker", type(data).__name__, "without a way to disk: start it with "
                       "--memory-limit 0")
    with suppress(ImportError, OSError, ValueError):           # not on every system
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, BadInput) else type(error).__name__
