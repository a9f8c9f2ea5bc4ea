"""Opening a file that somebody names as input: never a wait for a pipe that nobody writes to, never a device."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO


def open_input(path: str | Path, *, pipes: bool = False, links: bool = True) -> BinaryIO:
    """A file opened for reading, in binary.

    Parameters
    ----------
    pipes : accept a pipe too, for what is read once, front to back: `<(...)` of a shell, /dev/stdin behind a `|`. One
        that nobody has opened for writing is at its end.
    links : follow a link that has this name. Not in a folder that others write to: they would have files read, and
        told of, that they may not read.

    Raises
    ------
    OSError : it is absent, unreadable, or a folder, a device, a pipe or link that is not wanted.
    """
    file = open(path, "rb", opener=_open_at_once if links else _open_itself)
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


def _open_itself(path: str, flags: int) -> int:
    return _open_at_once(path, flags | getattr(os, "O_NOFOLLOW", 0))
