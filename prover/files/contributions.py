"""What the contributions to a `.zkey` and a `.ptau` have in common: their kind, and a tail of named parameters.

    kind (u32): 0 a participant, 1 a beacon | bytes that follow (u32) | parameters, each once, in order of their types:
      1 name: length (u8), UTF-8 by all tools that we know; any bytes are kept as they are
      2 beacon: log2 of its iterations (u8)
      3 beacon: length (u8), value
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from primitives.errors import BadInput
from prover.ceremony.randomness import MOST_ITERATIONS
from prover.ceremony.transcript import Beacon, HasBeacon
from prover.files.sections import Cursor

MOST_CONTRIBUTIONS = 4096
"""Checking one, its beacon aside, takes tens of milliseconds: more of them than any ceremony had are not worth it."""

LONGEST_NAME = 64
"""Characters in a name of ours: snarkjs cuts longer ones."""

NAME, ITERATIONS, VALUE = 1, 2, 3


def read_parameters(cursor: Cursor) -> tuple[str | None, Beacon | None]:
    """Name and beacon of a contribution, each if there is one."""
    kind = cursor.u32("kind of contribution", most=1)
    size = cursor.u32("size of parameters")
    inner = Cursor(cursor.take(size, "parameters"), f"{cursor.name}, parameters", cursor.source)
    found: dict[int, bytes] = {}
    while inner.left:
        number = inner.integer(1, "type")
        if number not in (NAME, ITERATIONS, VALUE) or any(number <= other for other in found):
            raise inner.refuse("type", number, "1, 2 or 3, in increasing order")
        found[number] = bytes(inner.take(1 if number == ITERATIONS else inner.integer(1, "length"), "value"))
    if (kind == 1) != (ITERATIONS in found) or (kind == 1) != (VALUE in found):
        raise inner.refuse("types", sorted(found), "2 and 3 for a beacon, and for a beacon only")
    beacon = Beacon(found[VALUE], found[ITERATIONS][0]) if kind == 1 else None
    if NAME not in found:
        return None, beacon
    return found[NAME].decode("utf-8", "surrogateescape"), beacon      # whatever it is, the key is no worse for it


def require_bounded(contributions: Sequence[HasBeacon], cursor: Cursor) -> None:
    """Refuse beacons that together ask for more hashing than a single one may."""
    work = sum(1 << one.beacon.iterations for one in contributions if one.beacon is not None)
    if work > 1 << MOST_ITERATIONS:
        raise cursor.refuse("iterations of all beacons", work, f"at most 2**{MOST_ITERATIONS} together")


def check_name(name: str | None) -> None:
    """Refuse a name for a contribution of ours that snarkjs would cut, or that has control characters.

    Raises
    ------
    BadInput : naming it.
    """
    if name is not None and not (0 < len(name) <= LONGEST_NAME and len(name.encode("utf-8", "replace")) < 256
                                 and not any(unicodedata.category(letter) in ("Cc", "Cs") for letter in name)):
        raise BadInput("name", name, f"of 1 to {LONGEST_NAME} characters, in less than 256 bytes, none of them a "
                       "control character")


def write_parameters(name: str | None, beacon: Beacon | None) -> bytes:
    """The inverse of `read_parameters`."""
    tail = b""
    if name:
        encoded = name.encode("utf-8", "surrogateescape")
        tail += bytes([NAME, len(encoded)]) + encoded
    if beacon is not None:
        tail += bytes([ITERATIONS, beacon.iterations, VALUE, len(beacon.value)]) + beacon.value
    return int(beacon is not None).to_bytes(4, "little") + len(tail).to_bytes(4, "little") + tail
