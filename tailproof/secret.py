"""The trader's opening of a commitment: salt and slots.  Whoever has this file knows the portfolio."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.field import MODULUS

SCHEMA = "tailproof.opening/1"


def draw_salt() -> int:
    """A uniform field element from the operating system's randomness: the commitment hides only as well as this."""
    return secrets.randbelow(MODULUS)


@dataclass(frozen=True)
class Opening:
    """What opens `commitment`: the salt and the (instrument id, signed lots) of every slot in use."""

    statement: str
    commitment: int
    salt: int
    slots: Sequence[tuple[int, int]]

    def save(self, path: str | Path) -> None:
        """Write with mode 0600, and never over an existing file: losing a salt means losing the commitment."""
        jsonio.write(path, {
            "schema": SCHEMA, "statement": self.statement, "commitment": str(self.commitment), "salt": str(self.salt),
            "slots": [{"id": str(number), "lots": lots} for number, lots in self.slots]}, mode=0o600)

    @staticmethod
    def load(path: str | Path) -> Opening:
        """Read an opening.

        Raises
        ------
        BadInput : it is not exactly one, or others than its owner may read it. No value in it is shown.
        """
        require_private(path)
        try:
            return Opening._parse(jsonio.Node.read(path))
        except BadInput as error:
            if error.field == "file":                  # says why it cannot be read
                raise
            raise BadInput(error.field, "(hidden)", error.bound, source=error.source) from None

    @staticmethod
    def of(document: Mapping[str, Any]) -> Opening:
        """As a wallet keeps it; raises BadInput."""
        return Opening._parse(jsonio.Node(dict(document)))

    @staticmethod
    def _parse(document: jsonio.Node) -> Opening:
        parts = document.document(SCHEMA, {"statement", "commitment", "salt", "slots"})
        slots = []
        for entry in parts["slots"].array(at_most=64):
            slot = entry.object({"id", "lots"})
            slots.append((slot["id"].decimal(0, 2**248 - 1), slot["lots"].integer(-2**40 + 1, 2**40 - 1)))
        return Opening(parts["statement"].text(), parts["commitment"].decimal(0, MODULUS - 1),
                       parts["salt"].decimal(0, MODULUS - 1), slots)


def require_private(path: str | Path, kind: str = "salt file", what: str = "the portfolio") -> None:
    """Refuse a secret that others may read; raises BadInput."""
    try:
        mode = stat.S_IMODE(os.stat(path).st_mode)
    except OSError:
        return                                         # reading it will say so
    if os.name == "posix" and mode & 0o077:
        raise BadInput(f"mode of the {kind}", Said(f"{mode:04o}"), f"0600: who reads it knows {what} (chmod 600)",
                       source=path)


def without_core_dumps() -> None:
    """Have this process, which holds openings of many, leave no memory in a file when it crashes."""
    try:
        import resource
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    except (ImportError, OSError, ValueError):     # not on every system
        pass
