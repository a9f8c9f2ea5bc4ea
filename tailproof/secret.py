"""The trader's opening of a commitment: salt and slots.  Whoever has this file knows the portfolio."""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from primitives import jsonio
from primitives.errors import BadInput
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

    def save(self, path: Path) -> None:
        """Write with mode 0600, and never over an existing file: losing a salt means losing the commitment."""
        content = jsonio.dumps({
            "schema": SCHEMA, "statement": self.statement, "commitment": str(self.commitment), "salt": str(self.salt),
            "slots": [{"id": str(number), "lots": lots} for number, lots in self.slots]})
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise BadInput("salt file", str(path), "a new path (a salt is never overwritten)") from None
        except OSError as error:
            raise BadInput("salt file", str(path), f"a writable path ({error.strerror})") from None
        with os.fdopen(descriptor, "w") as file:
            file.write(content)

    @staticmethod
    def load(path: str | Path) -> Opening:
        """Read an opening; refuses whatever is not exactly one with `BadInput`."""
        parts = jsonio.Node.read(path).object({"schema", "statement", "commitment", "salt", "slots"})
        parts["schema"].choice({SCHEMA})
        slots = []
        for entry in parts["slots"].array(at_most=64):
            slot = entry.object({"id", "lots"})
            slots.append((slot["id"].decimal(0, 2**248 - 1), slot["lots"].integer(-2**40 + 1, 2**40 - 1)))
        return Opening(parts["statement"].text(), parts["commitment"].decimal(0, MODULUS - 1),
                       parts["salt"].decimal(0, MODULUS - 1), slots)
