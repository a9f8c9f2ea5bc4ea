"""The errors a user can meet, each naming what was wrong, where, and what would have been right."""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterable
from pathlib import Path


class TailproofError(Exception):
    """Base of every error this project raises on purpose."""


class Said(str):
    """Words of ours in place of a value: "too large", "absent". They are shown as they are, where a value from outside
    is quoted."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


HIDDEN = Said("(hidden)")
"""In place of a value that may be a secret."""


def unreadable(error: OSError) -> Said:
    """In place of a file's content: why the system gives none."""
    return Said(f"unreadable ({error.strerror or error})")


class BadInput(TailproofError):
    """An input from outside is malformed or out of bounds; the command line exits 2 on it.

    Parameters
    ----------
    field : what was wrong, as the user knows it: "positions[3].lots", "--tail", "pi_a[0]".
    value : what was found there (shown with repr, shortened); words about it as `Said`; None where nothing is.
    bound : what would have been right, as a phrase that follows "must be": "an integer in [1, 64]".
    source : the file, option or endpoint it came from, if any.
    """

    def __init__(self, field: str, value: object, bound: str, *, source: str | Path | None = None) -> None:
        self.field, self.bound = field, bound
        self.value = os.fspath(value) if isinstance(value, os.PathLike) else value
        self.source = None if source is None else str(source)
        place = f"{self.source}: " if self.source else ""
        verb = "are" if _several(field, value, bound) else "is"
        super().__init__(f"{place}{field} {verb} {_shown(field, self.value, bound)}: must be {bound}")

    def as_dict(self) -> dict[str, str | None]:
        """The same facts for `--json` output."""
        return {"error": type(self).__name__, "source": self.source, "field": self.field,
                "value": repr(self.value)[:200], "bound": self.bound, "message": str(self)}


_HEAD = re.compile(r" (?:of|in|to|that|which|left|held|after|by|for|beyond) ")
"""What follows the noun that a field's name is about: "values" of "values of the witness"."""
_NAME = re.compile(r"[A-Z._\[\]-]|\$")
"""What names in files, options and variables have, and words of ours do not."""


def _several(field: str, value: object, bound: str) -> bool:
    """Whether a field is more than one: options or other things beside each other, a list of what is missing, or words
    of ours in the plural: "public inputs", "lots of BTC". "line 3, date", "correlation of BTC and ETH" and "number of
    days" are one, and so is the name of a key: "seeds"."""
    parts = re.split(r", | and ", field)
    if len(parts) > 1 and (all(part.startswith("--") for part in parts)
                           or (value is None and ", " in field and "'" not in field)
                           or (isinstance(value, tuple) and len(value) == len(parts))):
        return True
    words = field.rpartition(", ")[2]                             # of "header, public inputs" the second
    head = _HEAD.split(words)[0]
    return (" " in words and head.endswith("s") and not head.endswith(("ss", "us", "is", "as"))
            and not _NAME.search(head)
            and not bound.startswith(("a ", "an ", "the ", "true", '"')))


def _shown(field: str, value: object, bound: str) -> str:
    """A value as a message has it: shortened; what is not there as what it is, and several beside each other."""
    if value is None:
        return "missing"
    if isinstance(value, str) and value == HIDDEN:
        return str(HIDDEN)
    if isinstance(value, tuple) and len(value) > 1 and (bound.startswith("given")
                                               or len(re.split(r", | and ", field)) == len(value)):
        parts = (os.fspath(part) if isinstance(part, os.PathLike) else part for part in value)
        return " and ".join(_shown("", part, "") for part in parts)
    shown = repr(value)
    return shown if len(shown) <= 100 else shown[:60] + " … " + shown[-30:]


def suggestion(word: object, known: Iterable[str]) -> str:
    """"; did you mean BTC-PERP?" to follow a bound, or "" where no known word is near."""
    if not isinstance(word, str):
        return ""
    names = {name.casefold(): name for name in known}
    near = difflib.get_close_matches(word.casefold(), names, n=1, cutoff=0.6)
    return f"; did you mean {names[near[0]]}?" if near else ""


class Unsatisfied(TailproofError):
    """A witness value breaks a constraint; the message names the label, the index, the value and the bound.

    Parameters
    ----------
    message : the whole message; or, with `value` and `bound`, the place that broke: "tail/C13 gap[417]".
    value : what was found there.
    bound : what would have been right, as a phrase that follows "must be".
    """

    def __init__(self, message: str, value: object = None, bound: str | None = None) -> None:
        self.place, self.value, self.bound = message, value, bound
        super().__init__(message if bound is None else f"{message} is {value}: must be {bound}")
