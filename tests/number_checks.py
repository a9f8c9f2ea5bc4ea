"""What of an answer breaks the one form of numbers (docs/numbers.md): read of what a command says, not of its code."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tailproof.number_forms import is_document, line
from tailproof.printable import printable

ELEMENT = re.compile(r"(?<![0-9A-Za-z_.+-])[1-9][0-9]{38,77}(?![0-9A-Za-z_])(?!\.[0-9])")
BARE_TIME = re.compile(r"(?<![0-9A-Za-z_.,-])1[4-9][0-9]{8}(?![0-9A-Za-z_.,])(?! \([12])")
LIVE = frozenset(("live", "live_time", "blind_ends", "reveal_from", "reveal_until", "award_ends", "ends", "passed_at",
                  "epoch_live_at", "disclosure", "commit", "sealed", "reveal", "clearing"))
"""Members in live time, which has no date."""
OTHERS = frozenset(("peak_memory_bytes", "found", "expected", "gas", "bytes", "quote_id", "seed"))
"""Counts and numbers of other things that happen to be as large as a time."""
COUNTS = frozenset((
    "account", "approved", "arguments", "bound", "bundle", "day", "epoch", "evidence", "expected", "found", "id", "lot",
    "lot_id", "freed", "previous", "published", "scale", "size", "strike", "value", "x", "y", "field", "chain", "nonce",
    "lots", "rows", "spot", "mark", "forward", "commitment", "root", "name", "message", "command", "block",
    "price", "shares"))
"""Members that may be whole numbers as text and are no amounts, or are amounts whose unit the words beside them say; so
are those with a dot, which name a parameter by its place in a file."""
NO_TIMES = re.compile(r"live second [0-9]+|asset [0-9]+ of epochs|quoteId.*|\S*quote_id.*")


def faults_of(data: Mapping[str, Any], lines: Iterable[str]) -> Iterator[str]:
    """Numbers of an answer, or of lines as they are printed, that have another form than theirs."""
    if not is_document(data):
        yield from _members(data, frozenset(data.get("units", ())), "")
    for text in lines:
        shown = line(printable(text))
        if _has_hash(shown):
            yield f"a hash in decimal: {shown}"
        if BARE_TIME.search(NO_TIMES.sub("", shown)):
            yield f"seconds without a date: {shown}"


def _has_hash(text: str) -> bool:
    """Whether a word of up to 256 bits that is no amount stands there in decimal; larger ones are mistakes."""
    return any(1 << 128 <= int(found) < 1 << 256 for found in ELEMENT.findall(text))


def _members(value: Any, units: frozenset[str], key: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        if is_document(value):
            return
        for name, one in value.items():
            yield from _members(one, units, key if re.fullmatch(r"0x[0-9a-fA-F]{40}", str(name)) else str(name))
            if (type(one) is int and 1_400_000_000 <= one < 2_400_000_000
                    and str(name).rsplit(".", 1)[-1] not in LIVE | OTHERS
                    and f"{name}_utc" not in value and value.get("clock") != "live"):
                yield f"seconds without a date: {name} {one}"
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _members(one, units, key)
    elif (type(value) is int and value >= 1 << 128) or (isinstance(value, str) and _has_hash(value)):
        yield f"a hash in decimal: {key} {value}"
    elif (isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,38}", value) and key not in units | COUNTS
            and "." not in key):
        yield f"an amount without a unit: {key} {value}"
