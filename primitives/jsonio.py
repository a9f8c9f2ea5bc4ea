"""Strict JSON: what is read is checked by name and bound, what is written is complete or absent.

Python's own `json` accepts NaN, lets the last of two equal keys win, and turns 1e400 into infinity. Here all of that
is a `BadInput` that names the file and the place.
"""

from __future__ import annotations

import json
import math
import os
import re
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from primitives.errors import BadInput, Said, suggestion, unreadable
from primitives.inputs import open_input
from primitives.texts import MARK, text_of

LARGEST_EXACT = 2**53 - 1
"""Integers beyond this lose digits in tools that read JSON numbers as doubles; write them as decimal strings."""
LARGEST_FILE = 64 << 20
DEEPEST = 100
"""Levels of nesting. Python's parser recurses, and libraries that raise the recursion limit (py_ecc does) let a hostile
document overflow the stack instead of raising."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_STRING_OR_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)


# -- reading -------------------------------------------------------------------------------------------------------
def loads(text: str | bytes, *, source: str | Path | None = None) -> Any:
    """Parse one JSON document, which a byte order mark may stand before.

    Raises
    ------
    BadInput : not UTF-8, not JSON, a duplicate key, NaN, an infinity or a number too large for a double, half of a
        surrogate pair, which no UTF-8 can hold, or nested too deeply.
    """
    def refuse(value: str, bound: str) -> Any:
        raise BadInput("JSON document", value, bound, source=source)

    def number(text: str) -> float:
        value = float(text)
        return value if math.isfinite(value) else refuse(text, "free of numbers that no double can hold")

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(items)
        if len(result) != len(items):
            seen: set[str] = set()
            for key, _ in items:
                if key in seen:
                    raise BadInput(f"key {key!r}", Said("twice in one object"), "given once", source=source)
                seen.add(key)
        return result

    try:
        text = text_of(text, source=source) if isinstance(text, bytes) else text.removeprefix(MARK)
        if _too_deep(text):
            raise BadInput("JSON document", Said("nested too deeply"), f"at most {DEEPEST} levels deep", source=source)
        found = json.loads(text, parse_float=number, object_pairs_hook=pairs,
                           parse_constant=lambda name: refuse(name, "free of NaN and infinities"))
        if _SURROGATE.search(text) and re.search("[\ud800-\udfff]", json.dumps(found, ensure_ascii=False)):
            raise BadInput("JSON document", Said("half of a surrogate pair"), "valid Unicode", source=source)
        return found
    except json.JSONDecodeError as error:
        raise BadInput(f"line {error.lineno}, column {error.colno}", text[error.pos:error.pos + 40],
                       f"valid JSON ({error.msg})", source=source) from None
    except ValueError as error:                    # an integer of thousands of digits
        raise BadInput("JSON document", Said(f"not readable ({error})"), "made of numbers of ordinary size",
                       source=source) from None


def _too_deep(text: str) -> bool:
    """Whether brackets outside of strings ever stand deeper than DEEPEST."""
    if text.count("[") + text.count("{") <= DEEPEST:
        return False
    depth = 0
    for found in _STRING_OR_BRACKET.finditer(text):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(found[0], 0)
        if depth > DEEPEST:
            return True
    return False


def read(path: str | Path, *, limit: int = LARGEST_FILE, foreign: bool = False) -> Any:
    """Parse a JSON file of at most `limit` bytes; see `loads`.

    foreign : it is in a folder that others write to: only a regular file is read, not what a link names, nor a pipe
        that is held open.

    Raises
    ------
    BadInput : also when the file is absent, unreadable or too large.
    """
    try:
        with open_input(path, pipes=not foreign, links=not foreign) as file:
            data = file.read(limit + 1)
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=path) from None
    if len(data) > limit:
        raise BadInput("file size", Said("too large"), f"at most {limit} bytes", source=path)
    return loads(data, source=path)


_observers: list[Callable[[str, str, Mapping[str, Any]], None]] = []


@contextmanager
def observing(observer: Callable[[str, str, Mapping[str, Any]], None]) -> Iterator[None]:
    """Have every check of a value told to `observer` as (field, kind of check, its bounds), inside the block.

    This is how formats are described by what their parsers really ask (`tailproof.formats`), and by nothing else.
    """
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


def observe(field: str, kind: str, **bounds: Any) -> None:
    """Tell observers what is asked of a value; for checks that are made elsewhere than in `Node`."""
    for observer in _observers:
        observer(field, kind, bounds)


@contextmanager
def embedded(field: str, name: str) -> Iterator[None]:
    """Around the parsing of a document of another format that stands at a place of this one: observers are told its
    name, and nothing of what is inside, which is that format's."""
    observe(field, "document", name=name)
    with unobserved():
        yield


@contextmanager
def unobserved() -> Iterator[None]:
    """Around checks of a document that is no place of the one that is observed, such as a text within it."""
    outer = _observers[:]
    _observers.clear()
    try:
        yield
    finally:
        _observers[:] = outer


class Node:
    """A place in a parsed document that knows its own name, for checks that say where they failed.

    >>> book = Node.read("book.json")
    >>> entries = book.document("tailproof.portfolio/1", {"positions"})["positions"].array(at_most=64)
    >>> lots = entries[3].object(required={"instrument", "lots"})["lots"].integer(-2**40 + 1, 2**40 - 1)
    """

    def __init__(self, value: Any, *, field: str = "document", source: str | Path | None = None) -> None:
        self.value, self.field, self.source = value, field, source

    @classmethod
    def read(cls, path: str | Path, *, foreign: bool = False) -> Node:
        """The whole of a JSON file.  foreign : as of `read`."""
        return cls(read(path, foreign=foreign), source=path)

    def refuse(self, bound: str) -> BadInput:
        """The error that says this value must be `bound`; the caller raises it."""
        found = Said("null") if self.value is None and not bound.startswith("given") else self.value
        return BadInput(self.field, found, bound, source=self.source)

    def object(self, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
        """Members by key: all of `required`, any of `optional`, nothing else."""
        observe(self.field, "object", required=frozenset(required), optional=frozenset(optional))
        if not isinstance(self.value, dict):
            raise self.refuse("an object")
        prefix = self._prefix
        known = {*required, *optional}
        for key in self.value:
            if key not in known:
                bound = f"absent: known are {', '.join(sorted(known))}{suggestion(key, known)}"
                raise BadInput(prefix + key, self.value[key], bound, source=self.source)
        missing = sorted(set(required) - set(self.value))
        if missing:
            raise BadInput(", ".join(prefix + key for key in missing), None, "given", source=self.source)
        return {key: Node(value, field=prefix + key, source=self.source) for key, value in self.value.items()}

    def document(self, schema: str, required: Collection[str], optional: Collection[str] = ()) -> dict[str, Node]:
        """Members of an object that says what it is; looked at first, since most often it is simply another file."""
        if isinstance(self.value, dict):
            Node(self.value.get("schema"), field=self._prefix + "schema", source=self.source).choice({schema})
        return self.object({"schema", *required}, optional)

    def complete(self, required: Mapping[str, Collection[str] | Callable[[Mapping[str, Any]], Collection[str]]]
                 ) -> None:
        """Refuse a document that lacks keys, naming all of them at once, however deep; else do nothing.

        Parameters
        ----------
        required : keys by the path of the objects that need them: "" is the document, "expiries[].volatilities[]"
            every entry of every such array. Where it depends on an object which keys it needs, a function of it.
        """
        missing = [f"{field}{key}" for path, keys in required.items()
                   for field, value in _objects(self.value, path.split(".") if path else [], self._prefix)
                   for key in sorted(keys(value) if callable(keys) else keys) if key not in value]
        if missing:
            raise BadInput(", ".join(missing), None, "given", source=self.source)

    @property
    def _prefix(self) -> str:
        return "" if self.field == "document" else self.field + "."

    def array(self, *, at_least: int = 0, at_most: int | None = None) -> list[Node]:
        """The elements of an array of so many."""
        observe(self.field, "array", low=at_least, high=at_most)
        if not isinstance(self.value, list):
            raise self.refuse("an array")
        if len(self.value) < at_least or (at_most is not None and len(self.value) > at_most):
            bound = f"{at_least} or more" if at_most is None else f"between {at_least} and {at_most}"
            raise BadInput(f"length of {self.field}", len(self.value), bound, source=self.source)
        return [Node(value, field=f"{self.field}[{i}]", source=self.source) for i, value in enumerate(self.value)]

    def integer(self, low: int, high: int) -> int:
        """A JSON integer in [low, high]; 3.0 is none, true is none."""
        observe(self.field, "integer", low=low, high=high)
        if type(self.value) is not int or not low <= self.value <= high:
            raise self.refuse(f"an integer in [{low}, {high}]")
        return int(self.value)

    def decimal(self, low: int, high: int) -> int:
        """An integer in [low, high] as a decimal string in its one shortest form, as snarkjs has them."""
        observe(self.field, "whole", low=low, high=high)
        if not isinstance(self.value, str) or not re.fullmatch(r"0|-?[1-9][0-9]{0,99}", self.value, re.ASCII) \
                or not low <= int(self.value) <= high:
            raise self.refuse(f"a decimal string in [{low}, {high}]")
        return int(self.value)

    def number(self, low: float, high: float) -> float:
        """A JSON number in [low, high]."""
        observe(self.field, "number", low=low, high=high)
        if type(self.value) not in (int, float) or not low <= self.value <= high:
            raise self.refuse(f"a number in [{low}, {high}]")
        return float(self.value)

    def text(self, pattern: str = r".*", meaning: str = "a string") -> str:
        """A string that a regular expression matches from end to end."""
        observe(self.field, "text", pattern=pattern, meaning=meaning)
        if not isinstance(self.value, str) or not re.fullmatch(pattern, self.value, re.ASCII | re.DOTALL):
            raise self.refuse(meaning)
        return self.value

    def choice(self, options: Collection[str]) -> str:
        """One of some strings."""
        observe(self.field, "choice", options=frozenset(map(str, options)))
        if not isinstance(self.value, str) or self.value not in options:
            raise self.refuse(f"one of {', '.join(sorted(options))}{suggestion(self.value, options)}")
        return self.value

    def boolean(self) -> bool:
        """true or false."""
        observe(self.field, "boolean")
        if not isinstance(self.value, bool):
            raise self.refuse("true or false")
        return self.value


def _objects(value: Any, path: list[str], prefix: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Objects at a path, each with what its keys are called after."""
    if not path:
        if isinstance(value, dict):
            yield prefix, value
        return
    name, rest = path[0].removesuffix("[]"), path[1:]
    below = value.get(name) if isinstance(value, dict) else None
    if not path[0].endswith("[]"):
        yield from _objects(below, rest, f"{prefix}{name}.")
    elif isinstance(below, list):
        for i, entry in enumerate(below):
            yield from _objects(entry, rest, f"{prefix}{name}[{i}].")


# -- writing -------------------------------------------------------------------------------------------------------
def canonical(value: Any) -> bytes:
    """The one encoding to take digests of: UTF-8, keys sorted by code point, no spaces, no floats, exact integers.

    Raises
    ------
    TypeError : something is neither None, a bool, an integer, a string, nor a list, tuple or dict (of string keys) of
        such.
    ValueError : an integer beyond +-(2**53 - 1), or a string that is no valid Unicode.
    """
    _check_canonical(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()


def _check_canonical(value: Any) -> None:
    if isinstance(value, dict):
        for key, item in value.items():
            if type(key) is not str:
                raise TypeError(f"canonical JSON has string keys, not {key!r}")
            _check_canonical(item)
    elif isinstance(value, list | tuple):
        for item in value:
            _check_canonical(item)
    elif type(value) is int:
        if abs(value) > LARGEST_EXACT:
            raise ValueError(f"{value} is not exact in every JSON reader: write it as a decimal string")
    elif value is not None and type(value) not in (bool, str):
        raise TypeError(f"canonical JSON has no {type(value).__name__}: {value!r}")


def dumps(value: Any) -> str:
    """Text for people and files: sorted keys, indent of two, a newline at the end; NaN and infinities refused."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, indent=2) + "\n"


NEW = "a path where nothing is yet: what exists is never overwritten"


def write(path: str | Path, value: Any, *, mode: int = 0o644, over: bool = False) -> None:
    """Write `dumps(value)` to a new file, or with `over` to any, whole or not at all; errors as `creating`."""
    data = dumps(value).encode()
    with (replacing if over else creating)(path, mode=mode) as file:
        file.write(data)


def creating(path: str | Path, *, mode: int = 0o644) -> AbstractContextManager[BinaryIO]:
    """A binary file that is `path` when the block ends, and vanishes if the block raises.

    Parameters
    ----------
    mode : permission bits of the new file (as the umask allows); 0o600 for secrets, which at no time are readable by
        others.

    Raises
    ------
    BadInput : nothing can be written there, or no more; or something is there, at the beginning or by the end: what
        exists is never overwritten, also where two write at once.
    """
    return _writing(path, mode, _take)


def replacing(path: str | Path, *, mode: int = 0o644) -> AbstractContextManager[BinaryIO]:
    """`creating`, but what is there gives way: for what a program keeps for itself."""
    return _writing(path, mode, os.replace)


def require_new(path: str | Path) -> None:
    """Refuse a path where something is, a dangling link too."""
    if os.path.lexists(path):
        raise BadInput("output", str(path), NEW)


def _take(name: str, path: Path) -> None:
    """Give a file its name if nobody has it."""
    try:
        try:
            os.link(name, path)
        except FileExistsError:
            raise
        except OSError:                            # a file system without hard links
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
            os.replace(name, path)
        else:
            os.unlink(name)
    except FileExistsError:
        raise BadInput("output", str(path), NEW) from None


@contextmanager
def _writing(path: str | Path, mode: int, place: Callable[[str, Path], None]) -> Iterator[BinaryIO]:
    path = Path(path)
    with refusing_to_write(path):
        _require_file_or_nothing(path)
        if place is _take:
            require_new(path)
        descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)      # made with mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode & ~_umask())
            place(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


@contextmanager
def refusing_to_write(path: str | Path) -> Iterator[None]:
    """Turn what the operating system says against writing `path` (no such folder, a full disk) into `BadInput`."""
    try:
        yield
    except OSError as error:
        raise BadInput("output", Said(f"not writable ({error.strerror or error})"), "a path that can be written",
                       source=path) from None


def require_writable(path: str | Path) -> None:
    """Refuse, before the work that it is for, a file that could not be written after it; leaves nothing behind.

    Raises
    ------
    BadInput : something other than a file is there, or the folder is missing or may not be written to.
    """
    with refusing_to_write(path):
        _require_file_or_nothing(Path(path))
        tempfile.TemporaryFile(dir=Path(path).parent).close()


def _require_file_or_nothing(path: Path) -> None:
    """A directory cannot be replaced by a file; a device could, and must not: root would lose /dev/null."""
    if path.exists() and not path.is_file():
        raise BadInput("output", Said("no regular file"), "a path that can be written", source=path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
