"""What a venue and its signers leave for each other: epochs and contents in one folder, signatures in those of signers.

    ROUNDS/epochs/000007/          the epoch directory of tick 7, sources and all
    ROUNDS/contents/000007.json    which epoch, and the content that is proposed of it
    SIGNATURES/000007-0x…-….json   a signer's signature of that content (`oracle sign`)

Nothing here is believed by who reads it: signers make the epoch again, and the venue looks at each signature.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from primitives import jsonio
from primitives.errors import BadInput, TailproofError
from primitives.jsonio import Node
from verifier_contracts.epoch_content import EpochContent, OracleDomain
from verifier_contracts.oracle import SignerSet

from ..quorums import require_signature
from ..signing import SignedContent
from ..watching import Library

SCHEMA = "tailproof.venue-round/1"
LATEST = 10**12 - 1
LARGEST = 1 << 16
"""Bytes of a content or a signature, which are some thousand."""
MOST_NAMES = 64
"""Of files that a signer's may have."""
_NUMBER = r"[0-9]{6,12}"
EPOCH = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
"""Names of epoch directories: those of ticks, and of what others put there."""


@dataclass(frozen=True)
class Proposal:
    """What is to be signed.  tick : whose.  epoch : name of its directory in ROUNDS/epochs."""

    tick: int
    epoch: str
    content: EpochContent


def name(tick: int) -> str:
    """Of a tick's files."""
    return f"{tick:06d}"


def read_proposal(node: Node, tick: int) -> Proposal:
    """What a file of ROUNDS/contents says; raises BadInput naming the field."""
    parts = node.document(SCHEMA, {"epoch", "content"})
    return Proposal(tick, parts["epoch"].text(EPOCH, "the name of an epoch directory"),
                    EpochContent.from_json(parts["content"]))


@dataclass(frozen=True)
class Rounds:
    """The folder in which a venue proposes."""

    folder: Path

    @property
    def epochs(self) -> Path:
        """Where epoch directories are."""
        return self.folder / "epochs"

    @property
    def contents(self) -> Path:
        return self.folder / "contents"

    def library(self) -> Library:
        """The epochs of this folder, none of them a link: signers copy what they look at, and follow none."""
        return Library([self.epochs], linked=False)

    def make(self) -> None:
        """Make the folders; raises BadInput where they cannot be."""
        for folder in (self.epochs, self.contents):
            with jsonio.refusing_to_write(folder):
                folder.mkdir(parents=True, exist_ok=True)

    def propose(self, proposal: Proposal) -> None:
        """Have a content signed; whole or not at all, and never over another."""
        jsonio.write(self._path(proposal.tick), {"schema": SCHEMA, "epoch": proposal.epoch,
                                                 "content": proposal.content.to_json()})

    def proposal(self, tick: int) -> Proposal | None:
        """Of a tick, if there is one; raises BadInput where it is malformed."""
        path = self._path(tick)
        return read_proposal(_read(path), tick) if path.exists() else None

    def ticks(self) -> list[int]:
        """Of which something was proposed, oldest first."""
        return sorted(int(path.stem) for path in self.contents.glob("*.json") if re.fullmatch(_NUMBER, path.stem))

    def built(self) -> list[int]:
        """Numbers of epoch directories, oldest first; directories of other names are of others."""
        return sorted(int(path.name) for path in self.epochs.iterdir() if re.fullmatch(_NUMBER, path.name))

    def put_away(self, number: int) -> None:
        """Move an epoch directory where nobody looks through them: to ROUNDS/archive."""
        archive = self.folder / "archive"
        archive.mkdir(exist_ok=True)
        (self.epochs / name(number)).rename(archive / name(number))

    def _path(self, tick: int) -> Path:
        return self.contents / f"{name(tick)}.json"


def _read(path: Path) -> Node:
    """A small file that somebody else may have put there: no link is followed, no pipe waited for."""
    return Node(jsonio.read(path, limit=LARGEST, foreign=True), source=path)


def signature_path(folder: Path, proposal: Proposal, signer: str) -> Path:
    """Where a signer puts its signature of a content."""
    return folder / f"{name(proposal.tick)}-{signer}-{proposal.content.digest().hex()[:8]}.json"


def signature_paths(folder: Path, proposal: Proposal, signer: str) -> list[Path]:
    """Every name that a signer may give its file, in the order in which it takes them."""
    first = signature_path(folder, proposal, signer)
    return [first, *(first.with_name(f"{first.stem}-{number}.json") for number in range(2, MOST_NAMES + 1))]


def place_of(folder: Path, proposal: Proposal, domain: OracleDomain, signer: str) -> Path | None:
    """Where a signer may put its signature of a content; None where it is there already. Somebody else's file under its
    name keeps it from nothing: it takes the next name.

    Raises
    ------
    BadInput : every name is taken by what is none.
    """
    for path in signature_paths(folder, proposal, signer):
        if not os.path.lexists(path):
            return path
        try:
            one = SignedContent.of(_read(path))
            if (one.chain_id, one.oracle, one.content, one.signer) == (
                    domain.chain_id, domain.oracle, proposal.content, signer):
                require_signature(domain.content(proposal.content), signer, one.signature, path)
                return None
        except (TailproofError, OSError):
            continue
    raise BadInput("output", str(signature_path(folder, proposal, signer)), "a name that is free: others' files have "
                   "all of them", source=folder)


@dataclass(frozen=True)
class Gathered:
    """Signatures of a content.  files : good ones, by signer.  signed : what these say, as it was looked at: a file may
    be another by now.  odd : files that are none, each with what is wrong."""

    files: Mapping[str, Path]
    signed: Mapping[Path, SignedContent]
    odd: Mapping[Path, str]


MOST_READ, MOST_KNOWN = 64, 4_096
"""Files of other names than signers give theirs that are read in a round; and in all, of one tick."""
_Stamp = tuple[int, int, int, int]


@dataclass
class Signatures:
    """Signatures of proposals in the folders of signers, each looked at: one that is of something else, or false, keeps
    no other from counting.

    A signer may put into its folder what it likes. So files under the names that signers give theirs come first
    (`signature_paths`), until one of a signer's is good. Others, which people have put there by hand, are read a few
    at a time, and none again that is as it was.
    """

    folders: Sequence[Path]
    _known: dict[Path, tuple[_Stamp, SignedContent | str]] = field(default_factory=dict)
    _of: Proposal | None = None
    _left: int = 0
    _room: int = 0

    def gather(self, proposal: Proposal, domain: OracleDomain, seated: SignerSet) -> Gathered:
        """Those that the oracle would count."""
        if proposal != self._of:
            self._known, self._of = {}, proposal
        files, signed, odd = dict[str, Path](), dict[Path, SignedContent](), dict[Path, str]()

        def take(paths: Iterable[tuple[Path, str]], most: int, room: int) -> None:
            self._left, self._room = most, room
            for path, of in paths:
                found = self._look(path, proposal, domain) if of not in files else None
                if isinstance(found, str):
                    odd[path] = found
                elif found is not None and found.signer not in seated.signers:
                    odd[path] = f"{path}: signer is {found.signer}: must be one of set {seated.generation}"
                elif found is not None and files.setdefault(found.signer, path) == path:
                    signed[path] = found

        named = {path: signer for signer in seated.signers for folder in self.folders
                 for path in signature_paths(folder, proposal, signer)}
        take(named.items(), len(named), MOST_KNOWN + len(named))
        if len(files) < seated.quorum:
            take(((path, "") for path in _of_tick(self.folders, proposal.tick) if path not in named), MOST_READ,
                 MOST_KNOWN)
        return Gathered(files, signed, odd)

    def _look(self, path: Path, proposal: Proposal, domain: OracleDomain) -> SignedContent | str | None:
        """What a file has: a signature of this content, or why it is none; None where there is none, or it is not its
        turn to be read."""
        try:
            found = os.lstat(path)
        except OSError:
            return None
        stamp, known = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns), self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        if self._left <= 0 or (known is None and len(self._known) >= self._room):
            return None
        self._left -= 1
        told = _read_signature(path, proposal, domain)
        self._known[path] = stamp, told
        return told


def _of_tick(folders: Sequence[Path], tick: int) -> Iterator[Path]:
    for folder in folders:
        if folder.is_dir():
            yield from sorted(folder.glob(f"{name(tick)}-*.json"))


def _read_signature(path: Path, proposal: Proposal, domain: OracleDomain) -> SignedContent | str:
    try:
        one = SignedContent.of(_read(path))
        for field_, found, wanted in (("chain_id", one.chain_id, domain.chain_id),
                                      ("oracle", one.oracle, domain.oracle)):
            if found != wanted:
                raise BadInput(field_, found, str(wanted), source=path)
        if one.content != proposal.content:
            raise BadInput("content", "0x" + one.content.digest().hex(),
                           f"0x{proposal.content.digest().hex()}, which was proposed", source=path)
        require_signature(domain.content(proposal.content), one.signer, one.signature, path)
        return one
    except (TailproofError, OSError) as error:
        return str(error)[:300]
