"""The container that iden3's binary formats share.

    magic (4 bytes) | version (u32) | number of sections (u32) | per section: type (u32), size (u64), content

All integers are little endian. Sections come in any order, each type at most once.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from primitives import jsonio
from primitives.errors import BadInput, Said, unreadable
from prover.mapped import map_file

MOST_SECTIONS = 256

Chunk = bytes | NDArray[Any]


class Cursor:
    """Reads a section front to back and knows its name; never beyond its end."""

    def __init__(self, content: memoryview, name: str, source: str) -> None:
        self.content, self.name, self.source, self.place = content, name, source, 0

    def refuse(self, field: str, value: object, bound: str) -> BadInput:
        """The error that says a field must be `bound`; the caller raises it."""
        return BadInput(f"{self.name}, {field}", value, bound, source=self.source)

    @property
    def left(self) -> int:
        """Bytes not read yet."""
        return len(self.content) - self.place

    def take(self, count: int, field: str) -> memoryview:
        """The next `count` bytes."""
        if count > self.left:
            raise self.refuse(field, Said(f"{self.left} bytes left"), f"{count} bytes: the section ends too soon")
        self.place += count
        return self.content[self.place - count:self.place]

    def integer(self, size: int, field: str) -> int:
        """The next `size` bytes as an integer."""
        return int.from_bytes(self.take(size, field), "little")

    def u32(self, field: str, *, least: int = 0, most: int = 2**32 - 1) -> int:
        """The next four bytes as an integer in [least, most]."""
        value = self.integer(4, field)
        if not least <= value <= most:
            raise self.refuse(field, value, f"in [{least}, {most}]")
        return value

    def array(self, dtype: np.dtype[Any] | type[np.generic] | str, shape: tuple[int, ...], field: str) -> NDArray[Any]:
        """The next bytes as an array of that shape: a read-only view if they lie aligned, else a copy."""
        values = self.view(dtype, shape, field)
        return values if values.flags.aligned else values.copy()

    def view(self, dtype: np.dtype[Any] | type[np.generic] | str, shape: tuple[int, ...], field: str) -> NDArray[Any]:
        """The next bytes as an array of that shape where they lie, aligned or not, read-only."""
        dtype = np.dtype(dtype)
        content = self.take(math.prod(shape) * dtype.itemsize, field)
        return np.frombuffer(content, dtype).reshape(shape)

    def end(self) -> None:
        """Refuse bytes that nothing has read."""
        if self.left:
            raise self.refuse("size", Said(f"{self.left} bytes too many"), "what its header says")


@dataclass(frozen=True)
class Sections:
    """An open file: where its sections lie."""

    source: str
    version: int
    places: Mapping[int, memoryview]
    names: Mapping[int, str]

    def name(self, number: int) -> str:
        return f"section {number} ({self.names[number]})"

    def __contains__(self, number: int) -> bool:
        return number in self.places

    def open(self, number: int) -> Cursor:
        """A cursor at the start of a section.

        Raises
        ------
        BadInput : there is no such section.
        """
        if number not in self.places:
            raise BadInput(self.name(number), None, "present", source=self.source)
        return Cursor(self.places[number], self.name(number), self.source)


def read_sections(path: str | Path, magic: bytes, versions: Iterable[int], names: Mapping[int, str]) -> Sections:
    """Map a file into memory and find its sections; nothing but their headers is read. See `prover.mapped`.

    Raises
    ------
    BadInput : the file is absent, unreadable, of another format or version, cut short, or has bytes left over.
    """
    source = str(path)
    try:
        content = map_file(path)
    except OSError as error:
        raise BadInput("file", unreadable(error), "a readable file", source=source) from None

    start = Cursor(content, "start of the file", source)
    found = bytes(content[:4])
    if found != magic:
        raise start.refuse("magic", found, f"{magic!r}")
    start.take(4, "magic")
    version = start.u32("version")
    if version not in set(versions):
        raise start.refuse("version", version, "one of " + ", ".join(map(str, versions)))
    places: dict[int, memoryview] = {}
    for index in range(start.u32("number of sections", most=MOST_SECTIONS)):
        number = start.u32(f"type of section at position {index}")
        size = start.integer(8, f"size of section {number}")
        if number in places:
            raise start.refuse(f"section {number}", Said("there twice"), "there once")
        places[number] = start.take(size, f"content of section {number}")
    start.end()
    return Sections(source, version, places, names)


class SectionWriter:
    """Writes sections one after another."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file

    def section(self, number: int, *chunks: Chunk) -> None:
        """One section, its content being the chunks in order."""
        views = [np.ascontiguousarray(chunk).reshape(-1).view(np.uint8).data if isinstance(chunk, np.ndarray)
                 else chunk for chunk in chunks]
        self._file.write(number.to_bytes(4, "little") + sum(map(len, views)).to_bytes(8, "little"))
        for view in views:
            self._file.write(view)


@contextmanager
def write_sections(path: str | Path, magic: bytes, version: int, count: int, *,
                   mode: int = 0o644) -> Iterator[SectionWriter]:
    """A writer for `count` sections; the file takes the place of `path` when the block ends without an error."""
    with jsonio.creating(path, mode=mode) as file:
        file.write(magic + version.to_bytes(4, "little") + count.to_bytes(4, "little"))
        yield SectionWriter(file)


@contextmanager
def naming(source: str | Path | None, *, but: Collection[str] = ()) -> Iterator[None]:
    """Checks inside, which do not know of files, name this one if they fail; `but` are fields that are none of its."""
    try:
        yield
    except BadInput as error:
        if error.source is not None or error.field in but:
            raise
        raise BadInput(error.field, error.value, error.bound, source=source) from None
