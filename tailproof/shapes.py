"""Comparing an epoch's shape with the one that a statement has built in, so that people see what differs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from circuits import statements
from primitives.errors import BadInput
from risk.exact.shape import EpochShape
from risk.grid.grid_shape import GridShape


def differing(found: EpochShape | GridShape, wanted: EpochShape | GridShape) -> tuple[str, str]:
    """The sizes of two shapes that differ, by name: found, wanted; two empty texts if none does.

    Between the two kinds only the kind is named: what their sizes count is not the same.
    """
    ours, theirs = found.to_json(), wanted.to_json()
    keys = ["mode"] if ours["mode"] != theirs["mode"] else [
        key for key in dict.fromkeys([*ours, *theirs]) if ours.get(key) != theirs.get(key)]
    return _shown(ours, keys), _shown(theirs, keys)


def require_shape(found: EpochShape | GridShape, wanted: EpochShape | GridShape, statement: str, *,
                  field: str = "epoch shape", source: str | Path | None = None) -> None:
    """Refuse an epoch of another shape than a statement's; raises BadInput with what differs, and nothing else."""
    if found.digest() != wanted.digest():
        ours, theirs = differing(found, wanted)
        raise BadInput(field, ours, f"{theirs}, as {statement} has it", source=source)


def most_gross(shape: EpochShape | GridShape) -> int | None:
    """g, where statements of this shape prove books with a gross exposure below 2**g (C7); None if there is none."""
    margins = [statements.get(name) for name in statements.names() if name.startswith("margin-")]
    bits = [one.preset.gross_bits for one in margins if one.shape is not None and one.shape.digest() == shape.digest()]
    return max(bits, default=None)


def _shown(shape: dict[str, Any], keys: list[str]) -> str:
    return ", ".join(f"{key} {_value(shape.get(key, 'none'))}" for key in keys)


def _value(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 40 else text[:40] + "…"
