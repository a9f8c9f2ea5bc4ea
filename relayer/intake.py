"""How bundles come in: by a command, from a folder, over HTTP (`intake_http`); all of them here, and once each.

What no state of the contracts could ever take is refused before it is kept. What is taken is in the outbox before
anybody is told so.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from errno import ELOOP, ENOTDIR
from pathlib import Path
from stat import S_ISREG
from typing import Any

from primitives.errors import BadInput, Said
from primitives.texts import text_of
from relayer.outbox import Item, OtherContent, Outbox, OutboxBusy
from relayer.parcel import Parcel
from relayer.submit import NotSubmitted

LARGEST_DOCUMENT = 64 << 10
"""Bytes of a bundle, or a batch of 16: they have 2 and 8 thousand."""
TAKEN, REFUSED = "taken", "refused"
"""Folders, in the one that is watched, to which files go."""
_UNFINISHED = 5.0
"""Seconds for which a file that does not read may still be being written."""
_WHY = ".why.json"
_MOST_LEFT = 1_000


class Intake:
    """read : a parcel from a document.  clock : seconds since 1970.  heard : told (event, facts)."""

    def __init__(self, outbox: Outbox, read: Callable[[str], Parcel], *, clock: Callable[[], float],
                 heard: Callable[..., object] = lambda event, **facts: None) -> None:
        self._outbox, self._read, self._clock, self._heard = outbox, read, clock, heard
        self._left = set[tuple[str, str]]()

    def take(self, document: str, source: str) -> tuple[Item, str]:
        """Take a document; returns the item and whether it is "new", "known", or was refused and goes "again".

        source : who brought it, for the log.

        Raises
        ------
        BadInput : it is no bundle.  NotSubmitted : it is for something else.
        OtherContent : its name is taken by another content.  OutboxBusy : the database does not answer.
        """
        if len(document.encode()) > LARGEST_DOCUMENT:
            raise BadInput("bundle", Said(f"{len(document.encode())} bytes"), f"at most {LARGEST_DOCUMENT} bytes")
        parcel = self._read(document)
        item, how = self._outbox.take(parcel.name, parcel.says, document, self._clock())
        self._heard("taken", item=item.name, how=how, source=source)
        return item, how

    def sweep(self, folder: Path) -> int:
        """Take every .json file in a folder, and move it to `taken/`, or to `refused/` with a .why.json beside it that
        names the reason. Whoever is killed in between finds it again, and knows it. What cannot be read or moved stays,
        and is heard. Returns how many were moved."""
        moved = 0
        for path in sorted(folder.glob("*.json")):
            if path.name.startswith("."):
                continue
            try:
                moved += self._sweep_one(path, folder)
            except OSError as error:               # not ours to read, gone meanwhile, nowhere to put it
                self._leave(path.name, error.strerror or str(error))
            except OutboxBusy as busy:
                self._leave("", str(busy))
                break
            except Exception as error:             # else one file would end every relayer that is begun on the folder
                self._leave(path.name, f"a defect of Tailproof, please report it: {type(error).__name__}")
        return moved

    def _sweep_one(self, path: Path, folder: Path) -> bool:
        """Take a file of a folder; returns whether it was moved."""
        data = _plain(path)
        if data is None:
            return False
        try:
            self.take(text_of(data), "folder")
        except (BadInput, NotSubmitted, OtherContent) as error:
            if isinstance(error, BadInput) and self._unfinished(path):
                return False
            put = self._put(path, folder / REFUSED)
            with put.with_name(put.name + _WHY).open("x") as file:
                file.write(json.dumps(reason(error), sort_keys=True) + "\n")
            self._heard("refused file", file=path.name, why=str(error)[:300])
        else:
            self._put(path, folder / TAKEN)
        return True

    def _leave(self, name: str, why: str) -> None:
        """Say, once for each file, that it stays where it is: the others go on."""
        if (name, why) not in self._left:
            if len(self._left) >= _MOST_LEFT:
                self._left.clear()
            self._left.add((name, why))
            self._heard("file left", file=name, why=why[:300])

    def _unfinished(self, path: Path) -> bool:
        return 0 <= self._clock() - path.stat().st_mtime < _UNFINISHED

    @staticmethod
    def _put(path: Path, folder: Path) -> Path:
        """Move a file, over none that is there, nor where why is to be said; returns where it is.

        Raises
        ------
        OSError : there is no such folder, but a link: whoever may put files here chose where it leads.
        """
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise NotADirectoryError(ENOTDIR, "a link in place of a folder", str(folder))
        names = itertools.chain([path.name], (f"{path.stem}-{number}.json" for number in itertools.count(2)))
        to = next(folder / name for name in names if not any(
            os.path.lexists(folder / taken) for taken in (name, name + _WHY)))
        os.rename(path, to)
        return to


def _plain(path: Path) -> bytes | None:
    """The bytes of a file, of one that is too large a byte too many; None of what is no plain file: a link would show
    the submitter's reader what only the relayer may read, a pipe would never end."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    except OSError as error:
        if error.errno == ELOOP:
            return None
        raise
    if not S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(LARGEST_DOCUMENT + 1)


def reason(error: Exception) -> dict[str, Any]:
    """An error as JSON."""
    tell = getattr(error, "as_dict", None)
    facts: dict[str, Any] = tell() if tell else {"error": type(error).__name__, "message": str(error)[:500]}
    return facts


def require_folder(folder: Path) -> None:
    """Refuse what files cannot be moved about in; raises BadInput."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput("folder", str(folder), "a folder that can be written to")


