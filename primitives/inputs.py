"""Opening a file that somebody names as input: never a wait for a pipe that nobody writes to, never a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_input(path: str | Path, *, pipes: bool = False) -> BinaryIO:
    """A file opened for reading, in binary.

    Parameters
    ----------
    pipes : accept a pipe too, for what is read once, front to back: `<(...)` of a shell, /dev/stdin behind a `|`. One
        that nobody has opened for writing is at its end.

    Raises
    ------
    OSError : it is absent, unreadable, or a folder, a device, a pipe that is not wanted.
    """
    file = open(path, "rb", opener=_open_at_once)
    try:
        mode = os.fstat(file.fileno()).st_mode
        if pipes and stat.S_ISFIFO(mode):
            os.set_blocking(file.fileno(), True)           # for its content one waits, as long as there is a writer
        elif not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "neither a regular file nor a pipe" if pipes else "no regular file")
    except BaseException:
        file.close()
        raise
    return file


def _open_at_once(path: str, flags: int) -> int:
    """Without O_NONBLOCK the system opens a pipe when somebody opens its other end, which may be never."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))
