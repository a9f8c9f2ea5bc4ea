"""One key, several processes: whoever sends with it on a chain does so alone on this machine, until its transaction is
mined. The next then simulates on what the last has done, with the next nonce.

The lock is the system's (flock): it goes when its process does, however that ends. Another machine's is not seen; its
transactions are, as pending ones.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from primitives.errors import BadInput
from verifier_contracts.errors import SenderBusy

if sys.platform != "win32":
    import fcntl


@contextmanager
def alone(sender: str, chain_id: int, patience: float) -> Iterator[None]:
    """Hold the lock of a sender on a chain.

    Raises
    ------
    SenderBusy : another process held it for `patience` seconds.
    BadInput : no lock file can be made in the user's directories.
    """
    with locked(f"{chain_id}-{sender.lower()}", patience) as ours:
        if not ours:
            raise SenderBusy(sender, patience)
        yield


@contextmanager
def locked(name: str, patience: float) -> Iterator[bool]:
    """Hold a lock of this user's on this machine; yields whether it was free within `patience` seconds.

    name : of its file.  Raises BadInput as `alone`.
    """
    if sys.platform == "win32":                    # no flock there: nonces still protect, and the loser is told
        yield True
        return
    path = _directory() / f"{name}.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BadInput("lock of the sender", str(path), f"a file that can be written ({error.strerror})") from None
    try:
        yield _taken(descriptor, patience)
    finally:
        os.close(descriptor)


def _taken(descriptor: int, patience: float) -> bool:
    if sys.platform == "win32":
        return True
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.05)


def _directory() -> Path:
    """The user's own directory for what lives as long as the session or longer."""
    home = os.environ.get("XDG_STATE_HOME")
    candidates = [Path(home) / "tailproof"] if home else []
    try:
        candidates.append(Path.home() / ".local" / "state" / "tailproof")
    except RuntimeError:                           # no home directory
        pass
    candidates.append(Path(tempfile.gettempdir()) / f"tailproof-{os.getuid() if hasattr(os, 'getuid') else 0}")
    for candidate in candidates:
        path = candidate / "senders"
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if path.stat().st_uid == os.getuid() and os.access(path, os.W_OK):
            return path
    raise BadInput("lock of the sender", [str(path) for path in candidates], "in a directory that can be written")
