"""What a section is made of. Every figure in it says which command prints it.

`Words` hold for every epoch and have no figure of one; all else carries the commands that print what it shows, as the
words behind `tailproof`. A test reads each with the real command line, and runs it.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

Command = tuple[str, ...]
Row = tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """A paragraph that any report of this kind says; items : sentences under it.  title : above it."""

    text: str
    items: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True)
class Said:
    """A paragraph about this epoch.  warns : it is not to be overlooked.  items : sentences under it."""

    text: str
    commands: tuple[Command, ...]
    warns: bool = False
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class Table:
    """Rows of text under a header; cells that are the name of a zone are coloured.  title : above it."""

    header: Row
    rows: tuple[Row, ...]
    commands: tuple[Command, ...]
    title: str = ""


@dataclass(frozen=True)
class Image:
    """A picture.  said : what it shows, also for who cannot see it."""

    png: bytes = field(repr=False)
    said: str
    commands: tuple[Command, ...]


Block = Words | Said | Table | Image


@dataclass(frozen=True)
class Section:
    """id : of the anchor, and of `risk report --section`."""

    id: str
    title: str
    blocks: tuple[Block, ...]


def commands_of(sections: Sequence[Section]) -> list[Command]:
    """Every command that a report names, once, in its order."""
    found = [command for section in sections for block in section.blocks if not isinstance(block, Words)
             for command in block.commands]
    return list(dict.fromkeys(found))


def written(command: Command) -> str:
    """As it is typed in a shell."""
    return shlex.join(("tailproof", *command))


def to_json(section: Section) -> dict[str, Any]:
    """For machines: text as it stands on the page; of a picture what it shows."""
    return {"id": section.id, "title": section.title, "blocks": [_block_json(block) for block in section.blocks]}


def _block_json(block: Block) -> dict[str, Any]:
    commands = {} if isinstance(block, Words) else {"commands": [written(command) for command in block.commands]}
    match block:
        case Words():
            return {"kind": "words", "title": block.title, "text": block.text, "items": list(block.items)}
        case Said():
            return {"kind": "said", "text": block.text, "items": list(block.items), "warns": block.warns, **commands}
        case Table():
            return {"kind": "table", "title": block.title, "header": list(block.header),
                    "rows": [list(row) for row in block.rows], **commands}
        case Image():
            return {"kind": "picture", "said": block.said, **commands}
