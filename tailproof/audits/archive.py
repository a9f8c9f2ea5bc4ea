"""What an audit needs, in one directory, so that it can be made again without any network.

    archive.json                what is audited, with which options; size and SHA-256 of every other file
    bundle.json                 of a bundle
    keys/N, config/             keys; configuration of a system, with the keys that it names
    epochs/N                    epoch directories
    contents/N.json             publishers' signatures
    history.csv, collateral.json, contracts.json
    chain.json                  every question to the node about one block, with its answer

An audit of the archive asks the very questions that were asked when it was collected. A byte of a file that is changed
is noticed, since no digest is then right. A byte of archive.json, or all of the archive made anew, is seen by its own
digest alone: who has it from elsewhere gives it (`--expect`); without, that the archive is the one is on trust, and the
report says so and names the digest.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput, Said, TailproofError, unreadable
from primitives.inputs import open_input
from primitives.jsonio import Node
from risk.epochs import epoch_directory
from risk.epochs.epoch_directory import creating
from risk.epochs.provenance import read_source
from risk.grid import grid_directory
from verifier_contracts.addresses import read_address
from verifier_contracts.pinned import PinnedChain

from ..keys import NOTE, PROVING_KEY, VERIFICATION_KEY
from .finding import Finding, looked, trusted
from .given import Given
from .report import KINDS, LATEST
from .run import Made, Subject

SCHEMA, CHAIN_SCHEMA = "tailproof.audit-archive/1", "tailproof.audit-chain/1"
MANIFEST = "archive.json"
LARGEST = 1 << 30
"""Bytes of one file."""
_OF_EPOCH = (epoch_directory.MANIFEST, *epoch_directory.SOURCES.values(), *(
    f"{name}.npy" for name in (*epoch_directory.COLUMNS, *epoch_directory.SCENARIOS, epoch_directory.SHOCKS)))
_OF_GRID = (grid_directory.MANIFEST, grid_directory.COLLATERAL)
_PATH = r"(?!.*(?:^|/)\.)[A-Za-z0-9_.-]{1,100}(?:/[A-Za-z0-9_.-]{1,100}){0,4}"


class TamperedArchive(TailproofError):
    """Files of an archive are not the ones that were collected.  wrong : by path, what."""

    checked_and_false = True

    def __init__(self, archive: Path, wrong: Mapping[str, str]) -> None:
        self.wrong = dict(wrong)
        first = "; ".join(f"{path} {said}" for path, said in list(wrong.items())[:5])
        more = f", and {len(wrong) - 5} more" if len(wrong) > 5 else ""
        super().__init__(f"{archive}: not what was collected, nothing was audited: {first}{more}")

    def as_dict(self) -> dict[str, object]:
        """For `--json`."""
        return {"error": type(self).__name__, "message": str(self), "wrong": self.wrong}


@dataclass(frozen=True)
class Entry:
    """A file.  digest : SHA-256, hex."""

    path: str
    size: int
    digest: str


@dataclass(frozen=True)
class Archive:
    """What archive.json says.

    kind, account, path : of the subject: an address, or where it lies.  at : Unix seconds.
    commitment, publishers, previous : as in `Given`.  files : all others.
    """

    kind: str
    account: str | None
    path: str | None
    at: int
    commitment: int | None
    publishers: tuple[str, ...]
    previous: str | None
    files: tuple[Entry, ...]

    def to_json(self) -> dict[str, Any]:
        return {"schema": SCHEMA, "kind": self.kind, "account": self.account, "path": self.path, "at": self.at,
                "commitment": None if self.commitment is None else str(self.commitment),
                "publishers": list(self.publishers), "previous": self.previous,
                "files": [vars(entry) for entry in self.files]}

    @staticmethod
    def of(node: Node) -> Archive:
        """Read what `to_json` wrote; raises BadInput naming the field."""
        from primitives.field import MODULUS
        parts = node.document(SCHEMA, {"kind", "account", "path", "at", "commitment", "publishers", "previous",
                                       "files"})

        def path(one: Node) -> str:
            return one.text(_PATH, "a path below the archive, of letters, digits and . _ -")
        files = [entry.object({"path", "size", "digest"}) for entry in parts["files"].array(at_least=1)]
        entries = tuple(Entry(path(one["path"]), one["size"].integer(0, LARGEST),
                              one["digest"].text(r"[0-9a-f]{64}", "64 hex digits")) for one in files)
        if [one.path for one in entries] != sorted({one.path for one in entries}):
            raise parts["files"].refuse("sorted by path, each once")
        optional = {name: None if parts[name].value is None else parts[name] for name in (
            "account", "path", "commitment", "previous")}
        account, where, commitment, previous = optional.values()
        kind = parts["kind"].choice(KINDS)
        if (account is None) == (kind == "account") or (where is None) != (kind == "account"):
            raise parts["kind"].refuse("an account with its address, or what has a path")
        return Archive(kind, None if account is None else read_address(account), None if where is None else path(where),
                       parts["at"].integer(0, LATEST),
                       None if commitment is None else commitment.decimal(1, MODULUS - 1),
                       tuple(map(read_address, parts["publishers"].array())),
                       None if previous is None else path(previous), entries)


# -- collecting --------------------------------------------------------------------------------------------------------
def collect(out: Path, subject: Subject, given: Given, made: Made, chain: PinnedChain | None, *,
            proving_keys: bool = True) -> str:
    """Write an archive of an audit that was just made; its digest.

    Parameters
    ----------
    made : the audit.  chain : that it asked.
    proving_keys : whether proving keys, which are large, come along: without, nobody sees in the archive that a key is
        of its circuit, and how it was made.

    Raises
    ------
    BadInput : the directory holds something, or cannot be written; a private report, whose secret is not archived.
    """
    if given.opening is not None:
        raise BadInput("--opening", str(given.opening), "absent: what an archive holds, others see")
    with creating(out) as fresh:
        places = {path: f"epochs/{number}" for number, path in enumerate(made.used.epochs)}
        for path, place in places.items():
            _copy_epoch(path, fresh / place)
        for number, path in enumerate(given.keys):
            _copy_key(path, fresh / "keys" / str(number), proving_keys)
        if given.config is not None:
            _copy_config(given.config, fresh / "config", made.used.keys.values() if proving_keys else ())
        for number, path in enumerate(given.signatures):
            _copy(path, fresh / "contents" / f"{number}.json")
        for name, source in (("history.csv", given.history), ("collateral.json", given.collateral),
                             ("contracts.json", given.deployment),
                             ("bundle.json", subject.path if subject.kind == "bundle" else None)):
            if source is not None:
                _copy(source, fresh / name)
        if chain is not None:
            jsonio.write(fresh / "chain.json", {"schema": CHAIN_SCHEMA, **chain.kept()})
        where = None if subject.path is None else "bundle.json" if subject.kind == "bundle" else places[subject.path]
        archive = Archive(subject.kind, subject.account or None, where, given.at, given.commitment, given.publishers,
                          None if given.previous is None else places.get(given.previous),
                          tuple(Entry(name, *_measured(fresh / name)) for name in _names(fresh)))
        Archive.of(Node(archive.to_json(), source=out / MANIFEST))       # names that nobody could read back
        jsonio.write(fresh / MANIFEST, archive.to_json())
        return _measured(fresh / MANIFEST)[1]


def _copy(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(read_source(source))


def _copy_epoch(source: Path, to: Path) -> None:
    """The files of an epoch, and nothing that lies beside them. No link is followed: whoever made the directory could
    have one there to what the auditor alone may read, and the archive shows it to others."""
    for folder in (Path(), Path(grid_directory.ARRAYS)):
        for name in (*_OF_EPOCH, *(_OF_GRID if folder == Path() else ())):
            path, copy = source / folder / name, to / folder / name
            if not os.path.lexists(path):
                continue
            if any(one.is_symlink() for one in (path, *(above for above in path.parents if source in above.parents))):
                raise BadInput("epoch directory", Said(f"a link: {folder / name}"), "files alone", source=source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                with open_input(path, links=False) as file, copy.open("xb") as out:
                    shutil.copyfileobj(file, out)
            except OSError as error:
                raise BadInput("file", unreadable(error), "a readable file", source=path) from None


def _copy_key(source: Path, to: Path, proving: bool) -> None:
    if not source.is_dir():
        _copy(source, to)
        return
    to.mkdir(parents=True)
    for name in (NOTE, VERIFICATION_KEY, *((PROVING_KEY,) if proving else ())):
        if (source / name).is_file():
            shutil.copyfile(source / name, to / name)


def _copy_config(source: Path, to: Path, proving: Any) -> None:
    """The configuration, with the keys that it names beside it; proving keys of some."""
    from verifier_contracts.system_config import SystemConfig

    from ..systems import key_path
    config, document = SystemConfig.load(source), json.loads(source.read_bytes())
    whole = {path.resolve() for path in proving}
    for slot, named in config.verifiers.items():
        path = key_path(config, named)
        _copy_key(path, to / "keys" / slot, path.resolve() in whole)
        document["verifiers"][slot] = f"keys/{slot}"
    jsonio.write(to / "system.json", document)


def _names(folder: Path) -> list[str]:
    """Every file below a folder, by its path there."""
    found = []
    for place, folders, files in os.walk(folder, followlinks=False):
        links = [name for name in folders if os.path.islink(os.path.join(place, name))]
        found += [os.path.relpath(os.path.join(place, name), folder) for name in (*files, *links)]
    return sorted(found)


def _measured(path: Path) -> tuple[int, str]:
    total, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
            size += len(block)
    return size, total.hexdigest()


# -- reading -----------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Opened:
    """An archive whose files are the ones that were collected."""

    root: Path
    archive: Archive
    digest: str
    subject: Subject
    given: Given
    chain: PinnedChain | None

    def findings(self, expected: str | None, own: Sequence[str]) -> Iterator[Finding]:
        """What an archive's reader must know.  own : names of what she brought herself."""
        yield looked("archive.files", "archive", "Every file of the archive is the one that was collected", True, "",
                     evidence=[("files", len(self.archive.files)),
                               ("bytes", sum(entry.size for entry in self.archive.files))])
        facts = [("archive.json, SHA-256", self.digest)]
        if expected is None:
            yield trusted("archive.origin", "archive", "The archive is the one that its collector made",
                          "compare its digest with the collector's (--expect): who makes an archive anew makes it "
                          "whole",
                          evidence=facts)
        else:
            yield looked("archive.origin", "archive", "The archive is the one that you expect", expected == self.digest,
                         f"its digest is {self.digest}, and {expected} was expected", evidence=facts)
        brought = ", ".join(own) or "nothing"
        yield trusted("archive.contents", "archive", "Keys, configuration and node's answers in the archive are ones "
                      "that you would trust", f"the collector's word, but for what you brought: {brought}")


def open_archive(root: Path, expected: str | None = None) -> Opened:
    """Read an archive, once every file of it is seen to be the one that was collected.

    Raises
    ------
    TamperedArchive : a file is another, is missing, or is one too many.
    BadInput : it is no archive.
    """
    data = read_source(root / MANIFEST)
    archive = Archive.of(Node(jsonio.loads(data, source=root / MANIFEST), source=root / MANIFEST))
    if jsonio.dumps(archive.to_json()).encode() != data:
        raise BadInput("file", Said("another spelling"), "byte for byte what was written", source=root / MANIFEST)
    wrong = dict(_wrong(root, archive))
    if wrong:
        raise TamperedArchive(root, wrong)
    chain = None
    if (root / "chain.json").exists():
        document = jsonio.read(root / "chain.json")
        Node(document, source=root / "chain.json").document(CHAIN_SCHEMA, {"name", "block", "answers"})
        del document["schema"]
        chain = PinnedChain.from_kept(Node(document, source=root / "chain.json"))

    def there(name: str) -> Path | None:
        return root / name if (root / name).exists() else None
    given = Given(
        archive.at, tuple(sorted((root / "keys").iterdir())) if (root / "keys").is_dir() else (),
        (root / "epochs",) if (root / "epochs").is_dir() else (),
        None if archive.previous is None else root / archive.previous, there("history.csv"), there("collateral.json"),
        tuple(sorted((root / "contents").iterdir())) if (root / "contents").is_dir() else (), archive.publishers,
        archive.commitment, there("contracts.json"), there("config/system.json"), root=root)
    subject = Subject(archive.kind, archive.account or "", None if archive.path is None else root / archive.path)
    return Opened(root, archive, _measured(root / MANIFEST)[1], subject, given, chain)


def _wrong(root: Path, archive: Archive) -> Iterator[tuple[str, str]]:
    known, there = {entry.path: entry for entry in archive.files}, set(_names(root)) - {MANIFEST}
    for name in sorted(known.keys() | there):
        path = root / name
        if name not in known:
            yield name, "is not listed"
        elif name not in there:
            yield name, "is missing"
        elif path.is_symlink() or not path.is_file():
            yield name, "is no plain file"
        elif path.stat().st_size != known[name].size or _measured(path) != (known[name].size, known[name].digest):
            yield name, "has other bytes"


def with_own(archived: Given, own: Mapping[str, Any]) -> Given:
    """An archive's files, but for what the auditor brought herself."""
    return replace(archived, **{name: value for name, value in own.items() if value})
