"""Leaves of a published epoch as they are, in a file of their own: for a lie that no epoch directory can hold.

Directories hold sources and arrays, and leaves follow from them. Whoever publishes a lie need not have any: a root may
be of leaves with an element beyond every column's type, of two leaves of one id, of instruments behind marks. All that
a proof about a leaf needs are the leaves of the root that is on the chain; what is not to be shown may be a digest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from circuits import statements
from circuits.statements.leaf_field import Preset
from primitives import field, jsonio
from primitives.errors import BadInput, Said
from primitives.field import MODULUS, FieldArray
from primitives.jsonio import Node
from primitives.merkle import ARITY
from primitives.poseidon import Tag, hash_rows
from risk.exact.shape import EpochShape
from risk.grid.grid_epoch import ASSET_DEPTH
from risk.grid.grid_shape import GridShape

from .epoch_leaves import EpochLeaves

SCHEMA = "tailproof.leaves/1"
NAMES = {"leaf": Tag.LEAF, "mark": Tag.MARK, "asset": Tag.ASSET}
LARGEST_REGIME = (1 << 16) - 1


def load(path: str | Path) -> EpochLeaves:
    """Read leaves; their root says whose they are.

    Raises
    ------
    BadInput : naming the field: a statement that reads no leaves of epochs, a place out of the tree or given twice, a
        kind that is not in that tree, elements that are not as many as leaves of the kind have.
    """
    parts = Node.read(path).document(SCHEMA, {"statement", "regime", "leaves"}, {"assets"})
    preset = statements.get(parts["statement"].text()).preset
    if not isinstance(preset, Preset):
        raise BadInput("statement", parts["statement"].value, "a leaf-field statement: it says how leaves are laid out",
                       source=path)
    shape, rows, places = preset.shape, dict[Tag, list[tuple[int, ...]]](), dict[Tag, list[int]]()
    level = _tree(parts["leaves"], shape, (Tag.LEAF, Tag.MARK), shape.depth, rows, places)
    assets = None
    if isinstance(shape, GridShape):
        if "assets" not in parts:
            raise BadInput("assets", None, "given: epochs on a grid have a tree of them", source=path)
        assets = _tree(parts["assets"], shape, (Tag.ASSET,), ASSET_DEPTH, rows, places)
    elif "assets" in parts:
        raise BadInput("assets", Said("given"), "absent: only epochs on a grid have a tree of them", source=path)
    return EpochLeaves(shape, parts["regime"].integer(0, LARGEST_REGIME),
                       {kind: tuple(found) for kind, found in rows.items()}, level, places, assets)


def save(leaves: EpochLeaves, path: str | Path) -> None:
    """Write leaves where nothing is yet; those of other kinds (settlements, header) as digests.

    Raises
    ------
    BadInput : no statement reads leaves of this shape.
    """
    named = [one.name for one in map(statements.get, statements.names())
             if isinstance(one.preset, Preset) and one.preset.shape == leaves.shape]
    if not named:
        raise BadInput("shape", str(leaves.shape.to_json()), "that of a leaf-field statement")
    document = {"schema": SCHEMA, "statement": named[0], "regime": leaves.regime,
                "leaves": _entries(leaves, (Tag.LEAF, Tag.MARK), leaves.level)}
    if leaves.assets is not None:
        document["assets"] = _entries(leaves, (Tag.ASSET,), leaves.assets)
    jsonio.write(path, document)


def _entries(leaves: EpochLeaves, kinds: tuple[Tag, ...], level: FieldArray) -> list[dict[str, Any]]:
    names = {tag: name for name, tag in NAMES.items()}
    found: dict[int, dict[str, Any]] = {
        place: {"place": place, "kind": names[kind], "elements": list(map(str, row))}
        for kind in kinds for place, row in zip(leaves.places.get(kind, ()), leaves.rows.get(kind, ()), strict=True)}
    for place, digest in enumerate(field.decode(level)):
        if digest and place not in found:
            found[place] = {"place": place, "digest": str(digest)}
    return [found[place] for place in sorted(found)]


def _tree(node: Node, shape: EpochShape | GridShape, kinds: tuple[Tag, ...], depth: int,
          rows: dict[Tag, list[tuple[int, ...]]], places: dict[Tag, list[int]]) -> FieldArray:
    """Digests of all leaves of a tree, 0 where there is none; rows and their places are added by kind."""
    size = ARITY**depth
    level, seen = np.zeros((size, 4), np.uint64), set[int]()
    for entry in node.array(at_most=size):
        given = isinstance(entry.value, dict) and "digest" in entry.value
        parts = entry.object({"place", "digest"} if given else {"place", "kind", "elements"})
        place = parts["place"].integer(0, size - 1)
        if place in seen:
            raise BadInput(parts["place"].field, place, "given once", source=node.source)
        seen.add(place)
        if given:
            level[place] = field.encode([parts["digest"].decimal(0, MODULUS - 1)])[0]
            continue
        kind = NAMES[parts["kind"].choice({name for name, tag in NAMES.items() if tag in kinds})]
        count = Preset(shape, kind).elements
        row = tuple(element.decimal(0, MODULUS - 1) for element in
                    parts["elements"].array(at_least=count, at_most=count))
        rows.setdefault(kind, []).append(row)
        places.setdefault(kind, []).append(place)
    for kind, found in places.items():
        if kind in kinds:
            level[found] = hash_rows(kind, field.encode(np.array(rows[kind], object)))
    return level
