"""Where a venue's prices come from: a folder that somebody fills, or an endpoint that answers with all of it.

A feed is a manifest with the book, and the history where the model reads one, each named with its SHA-256. In a folder
`feed.json` is written last, over the one before; over HTTP one document holds everything:

    {"schema": "tailproof.feed/1", "sequence": 7, "written_at": 1609459200, "replayed": false,
     "book": {"file": "book-7.json", "sha256": "…"}, "history": {"file": "history-7.csv", "sha256": "…"}}

with "text" in place of "file" over HTTP. What does not have its digest is being written, or was cut off, and is not
believed; nor is what is too old, or of the future.
"""

from __future__ import annotations

import hashlib
import re
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from primitives import jsonio
from primitives.errors import BadInput, Said, TailproofError
from primitives.jsonio import Node
from risk.epochs.provenance import LARGEST_SOURCE, read_source
from risk.exact.clock import parse_time
from verifier_contracts.signers import endpoint_name

from ..number_forms import duration

SCHEMA, MANIFEST = "tailproof.feed/1", "feed.json"
AHEAD = 60
"""Seconds by which a feed's clock may be ahead of this machine's."""
TRIES = 3
"""Of a folder that is replaced while it is read."""
REQUEST_SECONDS = 15.0
LARGEST_ANSWER = 2 * LARGEST_SOURCE
LARGEST_MANIFEST = 1 << 16
_NAME, _DIGEST = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,127}", r"[0-9a-f]{64}"
_LAST = 253_402_300_799


class FeedDown(TailproofError):
    """Nothing that can be believed is there now: no answer, or something half written. It may be there soon."""

    try_again = True


class FeedStale(TailproofError):
    """What is there is whole, and too old."""

    try_again = True


@dataclass(frozen=True)
class Snapshot:
    """Prices at one time.

    book, history : files, byte for byte; history is None where the feed has none.  valuation : of the book, Unix
    seconds.  sequence : grows with each that is written.  written_at : Unix seconds.  replayed : of the past, fed anew.
    """

    book: bytes
    history: bytes | None
    valuation: int
    sequence: int
    written_at: int
    replayed: bool


@dataclass(frozen=True)
class Manifest:
    """What a feed says of itself.  parts : by "book" and maybe "history", a file's name or text, and its SHA-256."""

    sequence: int
    written_at: int
    replayed: bool
    parts: dict[str, tuple[str, str]]


class Feed(Protocol):
    """Where snapshots come from.  name : as it may be shown."""

    @property
    def name(self) -> str: ...

    def read(self) -> Snapshot:
        """What is there now.

        Raises
        ------
        FeedDown : nothing whole is there.  BadInput : what is there is none.
        """


def require_young(snapshot: Snapshot, now: float, most: int, *, replayed: bool, source: str) -> None:
    """Refuse what is too old, or of the future.

    Parameters
    ----------
    now : Unix seconds of this machine's clock.  most : seconds that it may be old, by when it was written and, unless
        it is replayed, by when its prices are from.
    replayed : whether prices of the past are wanted.

    Raises
    ------
    FeedStale : it is older.  BadInput : it is of the future, or replayed where that is not wanted.
    """
    if snapshot.replayed and not replayed:
        raise BadInput("replayed", True, "false: prices of the past are for trials (feed.replayed of the venue's file)",
                       source=source)
    times = {"written_at": snapshot.written_at}
    if not snapshot.replayed:
        times["valuation"] = snapshot.valuation
    for name, at in times.items():
        if at > now + AHEAD:
            raise BadInput(name, at, f"at most {int(now) + AHEAD}: by this machine's clock it is of the future",
                           source=source)
        if now - at > most:
            raise FeedStale(f"{source}: {name} is {duration(int(now - at))} ago: must be at most {duration(most)} "
                            "(feed.max_age)")


# -- a folder ----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class FolderFeed:
    """A folder with a manifest, and files beside it."""

    folder: Path

    @property
    def name(self) -> str:
        return str(self.folder)

    def read(self) -> Snapshot:
        """As `Feed.read`. Whoever writes replaces the manifest last: one that has changed meanwhile is read again."""
        path = self.folder / MANIFEST
        for _ in range(TRIES):
            before = self._manifest(path)
            found = self._whole(before, path)
            if isinstance(found, Snapshot):
                return found
            if self._manifest(path) == before:
                break
        raise FeedDown(f"{path}: {found} does not have the digest that the manifest names: it is being written, or was "
                       "cut off")

    @staticmethod
    def _manifest(path: Path) -> Any:
        if not path.exists():
            raise FeedDown(f"{path}: no feed is there yet")
        return jsonio.read(path, limit=LARGEST_MANIFEST, foreign=True)

    def _whole(self, document: Any, path: Path) -> Snapshot | str:
        """The snapshot, or the name of a file that is another."""
        manifest, data = read_manifest(Node(document, source=path)), dict[str, bytes]()
        for name, (file, digest) in manifest.parts.items():
            try:
                data[name] = read_source(self.folder / file, foreign=True)
            except BadInput:                       # not there yet, or not any more
                return file
            if hashlib.sha256(data[name]).hexdigest() != digest:
                return file
        return _snapshot(manifest, data, path)


def write(folder: Path, sequence: int, written_at: int, files: dict[str, bytes], *, replayed: bool, keep: int = 2
          ) -> None:
    """Put a snapshot into a folder: its files first, the manifest last; a reader finds this one whole, or the last.

    files : "book" and maybe "history".  keep : snapshots whose files stay, for whoever is reading the last.
    """
    with jsonio.refusing_to_write(folder):
        folder.mkdir(parents=True, exist_ok=True)
    entries: dict[str, Any] = {}
    for name, data in files.items():
        file = f"{name}-{sequence}.{'json' if name == 'book' else 'csv'}"
        with jsonio.replacing(folder / file) as out:
            out.write(data)
        entries[name] = {"file": file, "sha256": hashlib.sha256(data).hexdigest()}
    jsonio.write(folder / MANIFEST, {"schema": SCHEMA, "sequence": sequence, "written_at": written_at,
                                     "replayed": replayed, **entries}, over=True)
    for path in folder.iterdir():
        match = re.fullmatch(r"(?:book|history)-(\d{1,15})\.(?:json|csv)", path.name)
        if match is not None and int(match[1]) <= sequence - keep:
            path.unlink(missing_ok=True)


def last_sequence(folder: Path) -> int:
    """Of what is in a folder, 0 if nothing is; raises BadInput where what is there is no manifest."""
    path = folder / MANIFEST
    return read_manifest(Node.read(path)).sequence if path.exists() else 0


# -- over HTTP ---------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class HttpFeed:
    """An endpoint that answers GET with one document.  url : https, or http on this machine."""

    url: str
    _asking: list[threading.Thread] = field(default_factory=list, repr=False, compare=False)

    def __post_init__(self) -> None:
        from ..farm.transport import encrypted
        name = endpoint_name(self.url, "feed.url")
        parts = urlsplit(self.url)
        if parts.username or parts.password:
            raise BadInput("feed.url", name, "without user and password")
        if parts.scheme != "https" and not encrypted(f"tcp://{parts.netloc}"):
            raise BadInput("feed.url", name, "https://…, or on this machine: whoever is between could write the prices")

    @property
    def name(self) -> str:
        """Scheme, host and port: a path may hold a provider's secret."""
        return endpoint_name(self.url, "feed.url")

    def read(self) -> Snapshot:
        """As `Feed.read`."""
        node = Node(jsonio.loads(self._get(), source=self.name), source=self.name)
        manifest, data = read_manifest(node, "text"), dict[str, bytes]()
        for name, (text, digest) in manifest.parts.items():
            data[name] = text.encode()
            if hashlib.sha256(data[name]).hexdigest() != digest:
                raise FeedDown(f"{self.name}: {name} does not have the digest beside it")
        return _snapshot(manifest, data, self.name)

    def _get(self) -> bytes:
        """In a thread, for so long and no longer: a socket's own limit is one of silence, which an endpoint that sends
        a byte now and then never reaches."""
        if any(thread.is_alive() for thread in self._asking):
            raise FeedDown(f"{self.name}: the last request has not ended yet")
        found = list[bytes | Exception]()

        def ask() -> None:
            try:
                found.append(self._asked())
            except Exception as error:
                found.append(error)
        self._asking[:] = [threading.Thread(target=ask, name="feed", daemon=True)]
        self._asking[0].start()
        self._asking[0].join(REQUEST_SECONDS + 1.0)
        if not found:
            raise FeedDown(f"{self.name}: no whole answer within {REQUEST_SECONDS:g} s")
        if isinstance(found[0], Exception):
            raise found[0]
        return found[0]

    def _asked(self) -> bytes:
        import requests
        until, body = time.monotonic() + REQUEST_SECONDS, bytearray()
        try:
            with requests.get(self.url, timeout=REQUEST_SECONDS, stream=True, allow_redirects=False) as answer:
                if answer.status_code != 200:
                    raise FeedDown(f"{self.name}: HTTP {answer.status_code} instead of a feed")
                for part in answer.iter_content(1 << 16):
                    body += part
                    if len(body) > LARGEST_ANSWER or time.monotonic() > until:
                        raise FeedDown(f"{self.name}: the answer is longer than {LARGEST_ANSWER} bytes, or does not "
                                       "end")
                promised = answer.headers.get("Content-Length", "")
                if "Content-Encoding" not in answer.headers and promised.isdigit() and int(promised) != len(body):
                    raise FeedDown(f"{self.name}: the answer was cut off")
        except (requests.RequestException, UnicodeError) as error:
            raise FeedDown(f"{self.name}: no answer ({type(error).__name__})") from None
        return bytes(body)


def feed_of(folder: Path | None, url: str | None) -> Feed:
    """The feed that a venue's or a signer's settings name; raises BadInput unless it is one of the two."""
    if folder is not None and url is None:
        return FolderFeed(folder)
    if url is not None and folder is None:
        return HttpFeed(url)
    raise BadInput("feed", Said("two" if folder is not None else "none"), "one of folder and url")


# -- what both have ----------------------------------------------------------------------------------------------------
def read_manifest(node: Node, place: str = "file") -> Manifest:
    """What a feed says of itself.  place : "file", or "text" over HTTP.  Raises BadInput naming the field."""
    parts = node.document(SCHEMA, {"sequence", "written_at", "replayed", "book"}, {"history"})
    found = dict[str, tuple[str, str]]()
    for name in ("book", "history"):
        if name in parts:
            told = parts[name].object({place, "sha256"})
            text = told[place].text(_NAME, "the name of a file beside it") if place == "file" else told[place].text()
            found[name] = text, told["sha256"].text(_DIGEST, "64 hex digits")
    return Manifest(parts["sequence"].integer(0, 1 << 50), parts["written_at"].integer(0, _LAST),
                    parts["replayed"].boolean(), found)


def _snapshot(manifest: Manifest, data: dict[str, bytes], source: str | Path) -> Snapshot:
    book = jsonio.loads(data["book"], source=source)
    told = book.get("valuation") if isinstance(book, dict) else None
    return Snapshot(data["book"], data.get("history"), parse_time(told, field="book.valuation", source=source),
                    manifest.sequence, manifest.written_at, manifest.replayed)
