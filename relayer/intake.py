"""How bundles come in: by a command, from a folder, over HTTP (`intake_http`); all of them here, and once each.

What no state of the contracts could ever take is refused before it is kept. What is taken is in the outbox before
anybody is told so.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from primitives.errors import BadInput
from relayer.outbox import Item, OtherContent, Outbox
from relayer.parcel import Parcel
from relayer.submit import NotSubmitted

LARGEST_DOCUMENT = 64 << 10
"""Bytes of a bundle, or a batch of 16: they have 2 and 8 thousand."""
TAKEN, REFUSED = "taken", "refused"
"""Folders, in the one that is watched, to which files go."""
_UNFINISHED = 5.0
"""Seconds for which a file that does not read may still be being written."""


class Intake:
    """read : a parcel from a document.  clock : seconds since 1970.  heard : told (event, facts)."""

    def __init__(self, outbox: Outbox, read: Callable[[str], Parcel], *, clock: Callable[[], float],
                 heard: Callable[..., object] = lambda event, **facts: None) -> None:
        self._outbox, self._read, self._clock, self._heard = outbox, read, clock, heard

    def take(self, document: str, source: str) -> tuple[Item, str]:
        """Take a document; returns the item and whether it is "new", "known", or was refused and goes "again".

        source : who brought it, for the log.

        Raises
        ------
        BadInput : it is no bundle.  NotSubmitted : it is for something else.
        OtherContent : its name is taken by another content.  OutboxBusy : the database does not answer.
        """
        if len(document.encode()) > LARGEST_DOCUMENT:
            raise BadInput("bundle", f"{len(document.encode())} bytes", f"at most {LARGEST_DOCUMENT} bytes")
        parcel = self._read(document)
        item, how = self._outbox.take(parcel.name, parcel.says, document, self._clock())
        self._heard("taken", item=item.name, how=how, source=source)
        return item, how

    def sweep(self, folder: Path) -> int:
        """Take every .json file in a folder, and move it to `taken/`, or to `refused/` with a .why.json beside it that
        names the reason. Whoever is killed in between finds it again, and knows it. Returns how many were moved."""
        moved = 0
        for path in sorted(folder.glob("*.json")):
            if path.name.startswith(".") or path.is_symlink() or not path.is_file():
                continue
            try:
                with path.open("rb") as file:
                    document = file.read(LARGEST_DOCUMENT + 1).decode()
                self.take(document, "folder")
            except (BadInput, NotSubmitted, OtherContent, UnicodeDecodeError) as error:
                if isinstance(error, BadInput | UnicodeDecodeError) and self._unfinished(path):
                    continue
                put = self._put(path, folder / REFUSED)
                put.with_name(f"{put.name}.why.json").write_text(json.dumps(reason(error), sort_keys=True) + "\n")
                self._heard("refused file", file=path.name, why=str(error)[:300])
            else:
                self._put(path, folder / TAKEN)
            moved += 1
        return moved

    def _unfinished(self, path: Path) -> bool:
        return 0 <= self._clock() - path.stat().st_mtime < _UNFINISHED

    @staticmethod
    def _put(path: Path, folder: Path) -> Path:
        """Move a file, over none that is there; returns where it is."""
        folder.mkdir(exist_ok=True)
        names = itertools.chain([path.name], (f"{path.stem}-{number}.json" for number in itertools.count(2)))
        to = next(folder / name for name in names if not (folder / name).exists())
        os.rename(path, to)
        return to


def reason(error: Exception) -> dict[str, Any]:
    """An error as JSON."""
    tell = getattr(error, "as_dict", None)
    facts: dict[str, Any] = tell() if tell else {"error": type(error).__name__, "message": str(error)[:500]}
    return facts


def require_folder(folder: Path) -> None:
    """Refuse what files cannot be moved about in; raises BadInput."""
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        raise BadInput("folder", str(folder), "a folder that can be written to")


