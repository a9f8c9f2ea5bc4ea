"""What an auditor brings: files that she trusts, and what she wants to be told."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from risk.epochs.provenance import read_source
from risk.exact.digests import content_digest


@dataclass(frozen=True)
class Given:
    """Files and options of one audit.

    at : Unix seconds of the audit: deadlines and valuations are held against it.
    keys : key directories, or verification keys.  epochs : epoch directories, or folders of such.
    previous, history, collateral : as `epoch check` and `oracle content` take them.
    signatures, publishers : files of `oracle sign`, and addresses that must have signed.
    commitment : the registered one.  deployment, config : of a system of contracts.
    opening : of the account's commitment, for a private report.
    root : folder of an archive; None: paths are the user's own.
    """

    at: int
    keys: tuple[Path, ...] = ()
    epochs: tuple[Path, ...] = ()
    previous: Path | None = None
    history: Path | None = None
    collateral: Path | None = None
    signatures: tuple[Path, ...] = ()
    publishers: tuple[str, ...] = ()
    commitment: int | None = None
    deployment: Path | None = None
    config: Path | None = None
    opening: Path | None = field(default=None, repr=False)
    root: Path | None = None

    def name(self, path: Path) -> str:
        """A path as commands of the report have it: below an archive, wherever that lies."""
        if self.root is not None and self.root in path.parents:
            return "$ARCHIVE/" + str(path.relative_to(self.root))
        return str(path)

    def command(self, *words: object) -> str:
        """A command line; paths by `name`, what begins with $ for the shell to fill in."""
        texts = [self.name(word) if isinstance(word, Path) else str(word) for word in words]
        return " ".join(["tailproof", *(text if text.startswith("$") and shlex.quote(text[1:]) == text[1:] else
                                        shlex.quote(text) for text in texts)])

    def on_chain(self) -> Sequence[object]:
        """Options of a command that asks the contracts; the node's address may be a secret."""
        return () if self.deployment is None else ("--deployment", self.deployment, "--rpc", "$RPC")

    def collateral_bytes(self) -> bytes | None:
        """The collateral file, if one was given."""
        return None if self.collateral is None else read_source(self.collateral)


def digest_of(path: Path) -> str:
    """keccak256 of a file, 0x-hex; raises BadInput where it cannot be read."""
    return content_digest(read_source(path))
