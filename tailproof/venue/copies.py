"""A copy of an epoch directory that somebody else writes to, for who looks at it more than once before signing.

What is looked at, made again and signed must be one and the same: whoever writes to the directory could have it be one
epoch while its sources are looked at, and another while it is made again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from primitives.errors import BadInput, Said, unreadable
from primitives.inputs import open_input

MOST_FILES, MOST_BYTES, DEEPEST = 64, 1 << 31, 3
_PART = 1 << 20


def copy_epoch(directory: Path, into: Path) -> bytes:
    """Copy a directory's files; no link is followed, no pipe waited for.

    Returns
    -------
    SHA-256 of all names and contents, 32 bytes.

    Raises
    ------
    BadInput : it is none, or has something else than files in it, or more than an epoch has.
    """
    whole, left = hashlib.sha256(), MOST_BYTES
    try:
        files = list(_files(directory, directory, 0))
        for path in files[:MOST_FILES]:
            name, one = path.relative_to(directory), hashlib.sha256()
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            with open_input(path, links=False) as file, open(into / name, "wb") as out:
                while (part := file.read(min(_PART, left + 1))):
                    left -= len(part)
                    if left < 0:
                        raise BadInput("size", Said("too large"), f"at most {MOST_BYTES} bytes", source=directory)
                    one.update(part)
                    out.write(part)
            whole.update(hashlib.sha256(str(name).encode()).digest() + one.digest())
    except OSError as error:
        raise BadInput("epoch directory", unreadable(error), "readable files", source=directory) from None
    if len(files) > MOST_FILES:
        raise BadInput("files", len(files), f"at most {MOST_FILES}", source=directory)
    return whole.digest()


def _files(folder: Path, top: Path, depth: int) -> Iterator[Path]:
    if depth > DEEPEST or folder.is_symlink():
        raise BadInput("epoch directory", Said("a link, or folders in folders"), "files", source=top)
    for count, path in enumerate(sorted(folder.iterdir())):
        if count > MOST_FILES:
            return
        if path.is_dir():
            yield from _files(path, top, depth + 1)
        else:
            yield path
