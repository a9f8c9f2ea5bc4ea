"""Files mapped into memory, and the memory given back once what it holds has been used.

A page of a mapped file that was read stays in memory, and counts as the process's own, until the system needs the room.
A proving key is read once, front to back, into forms of its own; keeping its file beside them would be waste.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.inputs import open_input


def map_file(path: str | Path) -> memoryview:
    """The content of a file, of which nothing is read before it is needed; empty for an empty file.

    Nobody can write through it, so a page given back and read again says what it said before, the file permitting.
    Should someone else shorten the file while it is in use, the operating system ends the process.

    Raises
    ------
    OSError : the file is absent or unreadable, or no regular file.
    """
    with open_input(path) as file:
        try:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except ValueError:                                 # an empty file cannot be mapped
            return memoryview(b"")
    if hasattr(mmap, "MADV_SEQUENTIAL"):
        content.madvise(mmap.MADV_SEQUENTIAL)              # halves the time of reading from disk
    return memoryview(content)


def give_back(array: NDArray[Any]) -> None:
    """Let go of the pages that lie wholly within an array made from a mapped file; used again, they are read again.

    Does nothing for any other array, and where the system does not offer it.
    """
    mapping = _mapping(array)
    if mapping is None or not array.size or not hasattr(mapping, "madvise"):
        return
    first = array.ctypes.data - np.frombuffer(mapping, np.uint8).ctypes.data
    begin, end = -(-first // mmap.PAGESIZE), (first + array.nbytes) // mmap.PAGESIZE
    if begin < end:
        mapping.madvise(mmap.MADV_DONTNEED, begin * mmap.PAGESIZE, (end - begin) * mmap.PAGESIZE)


def _mapping(array: NDArray[Any]) -> mmap.mmap | None:
    """The mapped file whose bytes a contiguous, read-only array shows, if there is one."""
    owner: object = array
    while isinstance(owner, np.ndarray):
        owner = owner.base
    if isinstance(owner, memoryview):
        owner = owner.obj
    return owner if isinstance(owner, mmap.mmap) and not array.flags.writeable and array.flags.c_contiguous else None
