"""Parameters of a system in one file, `tailproof.parameters/1`: what margins, tiers and the breaker go by.

    {"schema": "tailproof.parameters/1", "chain_id": 31337, "oracle": "0x…",     the system that they are of
     "model": "schema = …",                         the model file, byte for byte: its digest is in every epoch's root
     "contingencies": [...],                        as in the book file
     "system": {"schema": "tailproof.system/1", …}} limits and breaker, ladder, caps, terms of liquidation

Nothing is said twice: each part is the very document that `epoch build` and `contract deploy` take, read by their own
parsers, and `risk cascade --system` takes the tiers from the last. A part may be absent, where nothing of it is
governed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from circuits import statements
from primitives import jsonio
from primitives.errors import BadInput, Said
from primitives.jsonio import Node
from risk.exact.digests import content_digest, keccak256
from risk.grid.grid_shape import GridShape
from risk.market.book import parse_contingencies
from risk.models.model import Model, named_statement, parse_model, parse_toml
from verifier_contracts.addresses import read_address
from verifier_contracts.chain import LARGEST_CHAIN_ID
from verifier_contracts.system_config import SystemConfig

SCHEMA = "tailproof.parameters/1"
PARTS = ("model", "contingencies", "system")
MOST_MODEL = 200_000


class Change(NamedTuple):
    """One number. path : "system.oracle.heartbeat", "model.volatility.BTC.alpha".  before, after : as JSON has them,
    None where it is not there."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True)
class Parameters:
    """A parameters file, checked.

    document : as it stands.  model : checked, too, in `parsed_model`.  system : None where it is not governed.
    """

    chain_id: int
    oracle: str
    document: Mapping[str, Any]
    system: SystemConfig | None

    @property
    def model(self) -> bytes | None:
        """The model file."""
        text = self.document.get("model")
        return None if text is None else str(text).encode()

    @property
    def model_digest(self) -> str | None:
        """As epochs name their model."""
        return None if self.model is None else content_digest(self.model)

    @property
    def contingencies(self) -> Any:
        """As in a book file; None where they are not governed."""
        return self.document.get("contingencies")

    @property
    def parts(self) -> tuple[str, ...]:
        """Which there are."""
        return tuple(name for name in PARTS if name in self.document)

    @property
    def digest(self) -> bytes:
        """keccak256 of the canonical JSON, 32 bytes."""
        return keccak256(jsonio.canonical(self.document))

    @staticmethod
    def load(path: str | Path) -> Parameters:
        """Read a file; raises BadInput naming the field."""
        return Parameters.parse(Node.read(path), source=Path(path))

    @staticmethod
    def parse(node: Node, *, source: Path | None = None) -> Parameters:
        """The same at a place in a document.

        Raises
        ------
        BadInput : from any part; none of them; a system of another chain; numbers that are no integers.
        """
        parts = node.document(SCHEMA, {"chain_id", "oracle"}, set(PARTS))
        chain_id, oracle = parts["chain_id"].integer(1, LARGEST_CHAIN_ID), read_address(parts["oracle"])
        if not set(PARTS) & set(parts):
            raise BadInput(", ".join(PARTS), None, "given, at least one of them", source=node.source)
        if "model" in parts:
            text = parts["model"].text(rf"[\s\S]{{1,{MOST_MODEL}}}", "the text of a model file")
            with jsonio.unobserved():
                checked_model(text.encode(), field=parts["model"].field, source=node.source)
        if "contingencies" in parts:
            parse_contingencies(parts["contingencies"])
        system = None
        if "system" in parts:
            with jsonio.embedded(parts["system"].field, "system"):
                system = SystemConfig.parse(parts["system"], source=source)
        if system is not None and system.chain_id != chain_id:
            raise BadInput(f"{parts['system'].field}.chain_id", system.chain_id, f"{chain_id}, as of the parameters",
                           source=node.source)
        return Parameters(chain_id, oracle, dict(node.value), system)


def checked_model(data: bytes, *, field: str = "model", source: str | Path | None = None) -> Model:
    """A model file with the shape of the statement that it may name.

    Raises
    ------
    BadInput : as `parse_model`; fields begin with `field`.
    """
    try:
        named = named_statement(data)
        shape = None if named is None else statements.get(named).shape
        return parse_model(data, shape=shape.layout if isinstance(shape, GridShape) else shape)
    except BadInput as error:
        raise BadInput(f"{field}: {error.field}", error.value, error.bound, source=source) from None


def gathered(chain_id: int, oracle: str, *, model: bytes | None = None, book: bytes | None = None,
             system: Any = None) -> Parameters:
    """Parameters out of the files in which they stand today.

    Raises
    ------
    BadInput : as `Parameters.parse`; a model that is no UTF-8.
    """
    document: dict[str, Any] = {"schema": SCHEMA, "chain_id": chain_id, "oracle": oracle}
    if model is not None:
        try:
            document["model"] = model.decode()
        except UnicodeDecodeError as error:
            raise BadInput("--model", Said(f"byte {error.start}"), "UTF-8") from None
    if book is not None:
        found = jsonio.loads(book)
        document["contingencies"] = found.get("contingencies") if isinstance(found, dict) else None
    if system is not None:
        document["system"] = system
    return Parameters.parse(Node(document))


def changes(before: Parameters, after: Parameters) -> list[Change]:
    """What differs, number by number, in the order of paths. A model's comments are no numbers."""
    old, new = (dict(_leaves(_readable(one), "")) for one in (before, after))
    return [Change(path, old.get(path), new.get(path)) for path in sorted({*old, *new})
            if old.get(path) != new.get(path)]


def leaves(one: Parameters) -> list[tuple[str, Any]]:
    """Every number and text by its path, the model's too."""
    return list(_leaves(_readable(one), ""))


def _readable(one: Parameters) -> dict[str, Any]:
    found: dict[str, Any] = {name: one.document[name] for name in ("chain_id", "oracle")}
    if one.model is not None:
        found["model"] = parse_toml(one.model)
    if one.contingencies is not None:
        found["contingencies"] = {
            " ".join(entry[key] for key in ("venue", "underlying", "kind") if key in entry):
                {side: entry[side] for side in ("long", "short")} for entry in one.contingencies}
    if "system" in one.document:
        found["system"] = one.document["system"]
    return found


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else key)
    else:
        yield path, value
