"""Where workers come from: processes of this machine, or those that a scheduler has."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from primitives import threads
from primitives.errors import BadInput, TailproofError

from ..extras import require
from .transport import Tls, require_safe, require_safe_workers

if TYPE_CHECKING:
    from distributed import Client

PATIENCE = 60.0
"""Seconds to wait for a scheduler, and for a first worker."""
IN_MEMORY = {
    "distributed.worker.memory.target": False, "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False, "distributed.worker.memory.terminate": False,
    "distributed.worker.profile.enabled": False, "distributed.admin.tick.limit": "1h",
    "distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""Nothing goes to a worker's disk; a proof that holds Python's lock for seconds is nothing to log; and Dask's pages,
which anybody on this machine could read, show nothing."""
MOST_WORKERS = 1024


class NoWorkers(TailproofError):
    """A scheduler does not answer, or has nobody who works."""

    try_again = True


def default_workers() -> int:
    """One for each thread that TAILPROOF_THREADS allows: proofs of one thread each waste none."""
    return threads.count()


@contextmanager
def local(workers: int, *, log_level: int = logging.CRITICAL, folder: str | None = None) -> Iterator[Client]:
    """Worker processes of this machine, which share TAILPROOF_THREADS and end with the block.

    They speak TLS under a certificate made for this run: other users of the machine reach the port too.

    Parameters
    ----------
    workers : processes.  log_level : of Dask, on stderr.  folder : for what Dask keeps on disk; by default one that is
        removed afterwards.

    Raises
    ------
    BadInput : more workers than threads. MissingExtra : Dask is not installed.
    """
    require("farm")
    if not 1 <= workers <= min(threads.count(), MOST_WORKERS):
        raise BadInput("--workers", workers, f"an integer in [1, {min(threads.count(), MOST_WORKERS)}], the threads "
                       f"to use ({threads.SETTING} or this machine's cores)")
    import dask
    from distributed import Client, LocalCluster, Security
    share = threads.count() // workers
    with tempfile.TemporaryDirectory(prefix="tailproof-farm-") as own, dask.config.set(IN_MEMORY), LocalCluster(
            n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0",
            silence_logs=log_level, security=Security.temporary(), protocol="tls://", memory_limit=0,
            local_directory=folder or own, env={threads.SETTING: str(share)}) as cluster, Client(
            cluster, set_as_default=False) as client:
        _let_nobody_log_jobs(client)
        yield client


def _let_nobody_log_jobs(client: Client) -> None:
    """Of a job that it cannot read, as where Tailproof is another version's or is not there, Dask would log the bytes,
    and in them an opening. Whoever is on the scheduler, or joins it, is told to be silent of that before it gets a job;
    what tells it is of Python's own, and so can be read everywhere."""
    silent = partial(logging.getLogger("distributed.protocol.pickle").setLevel, logging.WARNING)
    client.run_on_scheduler(silent)
    client.register_worker_callbacks(silent)


def renew(client: Client) -> int:
    """Begin a worker of this machine for each that has ended for good, as one does that was sent away; returns how
    many. One whose process was killed is begun again by its nanny; those of a scheduler elsewhere are not ours."""
    from distributed import SpecCluster
    from distributed.core import Status
    cluster = client.cluster
    if not isinstance(cluster, SpecCluster):
        return 0
    wanted, known = len(cluster.worker_spec), client.nthreads()
    ended = {name: worker for name, worker in list(cluster.workers.items())
             if worker.status in (Status.closed, Status.closing_gracefully, Status.failed)
             and worker.worker_address not in known}
    for name, worker in ended.items():
        del cluster.workers[name]
        cluster.worker_spec.pop(name, None)
        with suppress(Exception):                  # what is left of its process
            cluster.sync(worker.close, timeout=1.0)
    if ended:
        cluster.scale(wanted)
    return len(ended)


@contextmanager
def remote(address: str, tls: Tls | None, *, insecure: bool = False, patience: float = PATIENCE) -> Iterator[Client]:
    """The workers of a scheduler that runs already.

    Raises
    ------
    BadInput : openings would travel in the clear (see `transport`), or a certificate's file is wrong.
    NoWorkers : nobody answers there, or it has no worker.
    """
    require("farm")
    require_safe(address, tls, insecure=insecure)
    from distributed import Client
    given: Any = None if tls is None else tls.security()
    try:
        client = Client(address, security=given, set_as_default=False, timeout=patience)
    except (OSError, TimeoutError) as error:
        raise NoWorkers(f"the scheduler {address} does not answer ({type(error).__name__})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=patience)
        except TimeoutError:
            raise NoWorkers(f"the scheduler {address} has no worker") from None
        require_safe_workers(client.nthreads(), insecure=insecure)
        try:
            _let_nobody_log_jobs(client)
        except Exception as error:                 # whatever was raised there
            raise NoWorkers(f"the scheduler {address} could not be asked ({type(error).__name__})") from None
        yield client
