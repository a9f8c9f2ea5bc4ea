"""What a publisher's key has signed, so that it never signs two epochs where there is room for one (R12).

Two contents with one `previous`, the later's id not after the earlier's deadline, cost the whole stake. A withheld
round leaves no trace on the chain, so only the signer can know of it: this file is that memory. It is written before
the signature is made, and synced; what is in it counts as signed, whatever happened then.

    FILE         a line of JSON for each content, under one that says whose journal it is; each names the hash of the
                 line before
    FILE.head    how many lines there are, and the hash of the last

A file that was cut, edited or put back from an old copy does not fit its head, and nothing is signed any more. Losing
both at once, or putting both back, is noticed by what the chain has of this signer, if it published since; and a new
journal signs nothing for an hour, unless its key has never signed: by then every earlier content is dead. One key on
two machines is beyond what a file can see: keep it on one.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import stat
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput, TailproofError
from primitives.jsonio import Node
from verifier_contracts.addresses import read_address
from verifier_contracts.epoch_content import LONGEST_DEADLINE, EpochContent

if sys.platform != "win32":
    import fcntl

SCHEMA = "tailproof.signing-journal/1"
HEAD_SCHEMA = "tailproof.signing-journal-head/1"
_HEX = r"[0-9a-f]{64}"
LARGEST = 64 << 20
"""Bytes: some 200,000 contents."""


class JournalDamaged(BadInput):
    """The journal is not what was written: nothing may be signed before somebody has looked."""


class JournalBusy(TailproofError):
    """Another process signs with this journal."""

    try_again = True


class Equivocation(TailproofError):
    """Signing would be signing a second content in the place of one that can still be published."""

    checked_and_false = True

    def __init__(self, earlier: Entry, content: EpochContent) -> None:
        super().__init__(f"not signed: content {earlier.digest.hex()} of id {earlier.id} was signed after the same "
                         f"predecessor and may be published until {earlier.deadline}; wait, and sign one of a later id "
                         f"than that (this one's is {content.id}): two would cost the stake")


@dataclass(frozen=True)
class Owner:
    """Whose journal it is: one key's, for one oracle."""

    chain_id: int
    oracle: str
    signer: str


@dataclass(frozen=True)
class Entry:
    """A content that was signed, or may have been."""

    id: int
    deadline: int
    previous: bytes
    digest: bytes


class Journal:
    """A journal that is open, and nobody else's meanwhile; made by `opened`.

    free_after : nothing of an id up to here is signed: what an earlier journal held is not known.
    entries : oldest first.
    """

    def __init__(self, path: Path, owner: Owner, free_after: int, created: int, lines: list[bytes],
                 descriptor: int) -> None:
        self.path, self.owner, self.free_after, self.created = path, owner, free_after, created
        self._lines, self._descriptor = lines, descriptor
        self.entries = [_entry(line, path) for line in lines[1:]]

    def holds(self, digest: bytes) -> bool:
        """Whether a content is in it."""
        return any(entry.digest == digest for entry in self.entries)

    def record(self, content: EpochContent, now: int) -> None:
        """Write down that a content is about to be signed; does nothing if it is there.

        now : the chain's time.

        Raises
        ------
        Equivocation : another one can still be published in its place.
        BadInput : the journal is too young to know that.
        """
        digest = content.digest()
        if self.holds(digest):
            return
        for entry in self.entries:
            if entry.previous == content.previous and (content.id <= entry.deadline or now <= entry.deadline):
                raise Equivocation(entry, content)
        if content.id <= self.free_after:
            raise BadInput("id", content.id, f"above {self.free_after}: until then a content that an earlier journal "
                           "may have held can be published", source=self.path)
        self._append({"id": content.id, "deadline": content.deadline, "previous": content.previous.hex(),
                      "digest": digest.hex()})
        self.entries.append(Entry(content.id, content.deadline, content.previous, digest))

    def _append(self, facts: dict[str, Any]) -> None:
        line = _line({**facts, "before": _hash(self._lines[-1])})
        _require_there(self._descriptor, self.path)
        with jsonio.refusing_to_write(self.path):
            if os.write(self._descriptor, line) != len(line):
                raise OSError("the disk took a part of a line")
            os.fsync(self._descriptor)
        self._lines.append(line)
        _write_head(self.path, self._lines)


def default_path(owner: Owner) -> Path:
    """In the user's own state directory."""
    home = os.environ.get("XDG_STATE_HOME")
    base = Path(home) if home else Path.home() / ".local" / "state"
    return base / "tailproof" / "journals" / f"{owner.chain_id}-{owner.oracle.lower()}-{owner.signer.lower()}.jsonl"


def create(path: Path, owner: Owner, now: int, *, never_signed: bool, ahead: int = 0) -> None:
    """Begin a journal.

    never_signed : its key has signed nothing for this oracle. Else nothing of an id in the next hour is signed.
    ahead : seconds by which ids that were signed may be later than `now`.

    Raises
    ------
    BadInput : there is one, or a head of one; it cannot be written.
    """
    for there in (path, _head(path)):
        if os.path.lexists(there):
            raise BadInput("--journal", str(there), "a path where nothing is: a journal is never overwritten")
    with jsonio.refusing_to_write(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = _line({"schema": SCHEMA, "chain_id": owner.chain_id, "oracle": owner.oracle, "signer": owner.signer,
                  "created": now, "free_after": 0 if never_signed else now + ahead + LONGEST_DEADLINE})
    with jsonio.creating(path, mode=0o600) as file:
        file.write(line)
    _write_head(path, [line])


@contextmanager
def opened(path: Path, owner: Owner, patience: float = 30.0) -> Iterator[Journal]:
    """Open a journal, alone.

    Raises
    ------
    JournalDamaged : it is not there, or not as it was left; or another key's or oracle's.
    JournalBusy : another process held it for `patience` seconds.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise JournalDamaged("--journal", str(path), f"the signer's journal ({error.strerror}); a key that has signed "
                             "nothing yet begins one by --new-journal never-signed; where it was lost, --new-journal "
                             "lost begins one that signs nothing for an hour") from None
    try:
        _lock(descriptor, path, patience)
        _require_there(descriptor, path)
        yield _read(path, descriptor, owner)
    finally:
        os.close(descriptor)


def _require_there(descriptor: int, path: Path) -> None:
    """Refuse a file that is no more what the path names: a lock on it would keep nobody from the one that is there."""
    held = os.fstat(descriptor)
    try:
        there = os.stat(path, follow_symlinks=False)
    except OSError:
        there = None
    if there is None or (held.st_dev, held.st_ino) != (there.st_dev, there.st_ino):
        raise JournalDamaged("--journal", str(path), "the file that was there a moment ago: somebody has replaced it, "
                             "and nothing was signed")
    if not stat.S_ISREG(held.st_mode) or held.st_size > LARGEST:
        raise JournalDamaged("--journal", str(path), f"a regular file of at most {LARGEST} bytes")


def _lock(descriptor: int, path: Path, patience: float) -> None:
    if sys.platform == "win32":                    # no flock there
        return
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() > until:
                raise JournalBusy(f"nothing was signed: another process holds {path}, and did not end within "
                                  f"{patience:g} s") from None
            time.sleep(0.05)


def _read(path: Path, descriptor: int, owner: Owner) -> Journal:
    data = _whole(descriptor)
    lines = data.splitlines(keepends=True)
    count, last = _read_head(path)
    unfinished = bool(lines) and not lines[-1].endswith(b"\n")
    if unfinished and len(lines) == count + 1:     # cut off while it was written: nothing was signed for it
        lines = lines[:-1]
        os.ftruncate(descriptor, sum(map(len, lines)))
    if len(lines) not in (count, count + 1) or not lines or _hash(lines[count - 1]) != last:
        raise JournalDamaged("--journal", f"{len(lines)} lines", f"the {count} that {_head(path)} names: it was cut, "
                             "edited or replaced. What was signed and is not in it costs the stake if it is signed "
                             "again: look first", source=path)
    for before, line in itertools.pairwise(lines):
        if _document(line, path).get("before") != _hash(before):
            raise JournalDamaged("--journal", "a line that does not name the one before it", "as it was written",
                                 source=path)
    if len(lines) == count + 1:                    # written down, and the head was not: it counts as signed
        _write_head(path, lines)
    parts = Node(_document(lines[0], path), source=path).document(
        SCHEMA, {"chain_id", "oracle", "signer", "created", "free_after"})
    found = Owner(parts["chain_id"].integer(1, (1 << 53) - 1), read_address(parts["oracle"]),
                  read_address(parts["signer"]))
    if found != owner:
        raise JournalDamaged("--journal", str(found), f"that of {owner}", source=path)
    return Journal(path, owner, parts["free_after"].integer(0, 1 << 41), parts["created"].integer(0, 1 << 41), lines,
                   descriptor)


def _whole(descriptor: int) -> bytes:
    parts, offset = list[bytes](), 0
    while part := os.pread(descriptor, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _sync_folder(path: Path) -> None:
    """Else a power failure could take back the names of files that are whole."""
    if sys.platform == "win32":                    # a folder cannot be opened there
        return
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _document(line: bytes, path: Path) -> Any:
    try:
        found = jsonio.loads(line, source=path)
    except BadInput as error:
        raise JournalDamaged("--journal", line[:60].decode(errors="replace"), "a line of JSON", source=path) from error
    return found if isinstance(found, dict) else {}


def _entry(line: bytes, path: Path) -> Entry:
    parts = Node(_document(line, path), source=path).object({"id", "deadline", "previous", "digest", "before"})
    previous, digest = (bytes.fromhex(parts[name].text(_HEX, "64 hex digits")) for name in ("previous", "digest"))
    return Entry(parts["id"].integer(1, (1 << 40) - 1), parts["deadline"].integer(1, (1 << 40) - 1), previous, digest)


def _head(path: Path) -> Path:
    return path.with_name(path.name + ".head")


def _read_head(path: Path) -> tuple[int, str]:
    try:
        parts = Node.read(_head(path)).document(HEAD_SCHEMA, {"lines", "last"})
        return parts["lines"].integer(1, 1 << 40), parts["last"].text(_HEX, "64 hex digits")
    except BadInput as error:
        raise JournalDamaged("--journal", str(_head(path)), "the head of the journal, whole: without it nobody knows "
                             f"whether lines are missing ({error})") from None


def _write_head(path: Path, lines: list[bytes]) -> None:
    jsonio.write(_head(path), {"schema": HEAD_SCHEMA, "lines": len(lines), "last": _hash(lines[-1])}, mode=0o600,
                 over=True)
    _sync_folder(path)


def _line(facts: dict[str, Any]) -> bytes:
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode() + b"\n"


def _hash(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()
