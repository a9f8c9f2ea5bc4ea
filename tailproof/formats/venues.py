"""What a venue that runs reads of others, and leaves for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from primitives.jsonio import Node

from ..venue.feeds import SCHEMA, read_manifest
from ..venue.rounds import SCHEMA as ROUND
from ..venue.rounds import read_proposal
from .exchange import EPOCH_CONTENT
from .observed import Format


def feed_examples() -> Sequence[Any]:
    return [{"schema": SCHEMA, "sequence": 7, "written_at": 1_609_459_200, "replayed": False,
             **{name: {"file": f"{name}-7.x", "sha256": "ab" * 32} for name in ("book", "history")}}]


FEED = Format(
    "feed", "What a folder of prices says of itself, for a venue and its signers (JSON)", "feed.json", feed_examples,
    lambda document: read_manifest(Node(document)),
    {"schema": "says what the file is", "sequence": "grows with each that is written",
     "written_at": "when, Unix seconds", "replayed": "whether its prices are of the past, fed anew",
     "book": "the book of these prices", "history": "prices up to them, where the model reads any",
     **{f"{name}.file": "name of a file beside it" for name in ("book", "history")},
     **{f"{name}.sha256": "of its bytes, hex" for name in ("book", "history")}})


def round_examples() -> Sequence[Any]:
    return [{"schema": ROUND, "epoch": "000007", "content": content} for content in EPOCH_CONTENT.examples()]


ROUND_CONTENT = Format(
    "venue-round", "What a venue proposes to its signers (JSON)", "000007.json", round_examples,
    lambda document: read_proposal(Node(document), 7),
    {"schema": "says what the file is", "epoch": "name of its directory in ROUNDS/epochs",
     "content": "what is to be signed", **{f"content.{name}": meaning for name, meaning in EPOCH_CONTENT.keys.items()}})

FORMATS = (FEED, ROUND_CONTENT)
