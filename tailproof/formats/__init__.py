"""Every file format: its JSON Schema, and docs/formats.md, out of what its parser asks (`observed`)."""

from __future__ import annotations

from typing import Any

from primitives.errors import BadInput, suggestion

from . import (
    audits,
    cascades,
    certificates,
    contracts,
    exchange,
    governed,
    idle,
    inputs,
    outputs,
    schemas,
    sharing,
    venues,
)
from .observed import Format

FORMATS: dict[str, Format] = {form.name: form for form in (
    inputs.BOOK, inputs.MODEL, inputs.PORTFOLIO, inputs.COLLATERAL, contracts.SYSTEM, outputs.EPOCH, outputs.GRID_EPOCH,
    exchange.EPOCH_CONTENT, exchange.EPOCH_SIGNATURE, exchange.OPENING,
    exchange.WALLET, exchange.CONSENT, exchange.FILLS,
    exchange.SEALED_BID, exchange.LOTS, exchange.FREEZE, exchange.RELEASE, exchange.LEAVES, contracts.CONTRACTS_FILE,
    exchange.KEY, exchange.BUNDLE, exchange.BATCH, exchange.KEEPER_JOURNAL,
    exchange.GUARD_JOURNAL, exchange.CLOSE_OFFER, *certificates.FORMATS, *sharing.FORMATS, *audits.FORMATS,
    cascades.CASCADE, idle.IDLE, *governed.FORMATS, *venues.FORMATS)}

_HEAD = """\
# Formats

Every file that people write or programs exchange, with every key. Made from the parsers (`python -m
tailproof.formats`): what stands here is what they ask, and a test holds it to that. `tailproof schema NAME` prints the
JSON Schema of one.

Keys without *optional* are needed; a default stands in brackets. Where an object has several kinds, *optional* means:
of some kinds. Decimals in quotes are exact. What values must satisfy together is in the parsers' docstrings and errors.

## history

Prices (CSV). Usually `history.csv`. One row a step of the market, oldest first.

| column | value | meaning, unit |
|---|---|---|
| `date` or `time` | `2020-12-31`, or `2020-12-31T23:55:00Z` | a day, whose price is that at its end, UTC; or a time |
| one for each asset | decimal above 0, at most 15 places on either side | price, in the quote currency |

A byte order mark, quotes, CRLF, blank last lines, `Date`, columns in any order and further columns are read; a cell
that is no plain decimal is refused, never filled in. Beside a manifest, arrays are NumPy's `.npy`, little-endian int64:
shapes and units are in `risk/epochs/epoch_directory.py`. Keys, proofs and circuits are files of snarkjs and circom.
"""


def get(name: str) -> Format:
    """A format by its name.

    Raises
    ------
    BadInput : there is none of that name.
    """
    if name not in FORMATS:
        raise BadInput("NAME", name, f"one of {', '.join(FORMATS)}{suggestion(name, FORMATS)}")
    return FORMATS[name]


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema of a format; errors as `get`."""
    return schemas.schema(get(name))


def document() -> str:
    """docs/formats.md."""
    lines = [line for form in FORMATS.values() for line in (*schemas.tables(form), "")]
    return "\n".join([_HEAD, *lines]).rstrip() + "\n"
