"""A grid epoch as a directory.

    grid.json             regime, maps, sizes, roots, collateral factors
    arrays/               value changes at nodes: an epoch directory, with book, model and history
    collateral.json       what the factors were made from

Weights are not stored: the parameters in grid.json determine them. `load` recomputes the root;
`risk.grid.grid_audit.check` makes the whole epoch again.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from primitives import jsonio
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.jsonio import Node
from risk.epochs import epoch_directory
from risk.epochs.epoch import ID_BITS
from risk.epochs.epoch_directory import creating
from risk.epochs.provenance import read_source
from risk.exact.shape import observe_sizes, read_tail
from risk.grid.grid_epoch import FACTOR_BITS, MOST_ASSETS, Factors, GridEpoch, asset_tree, grid_root
from risk.grid.grid_shape import GridShape
from risk.grid.grid_standard import StandardMap
from risk.valuation.weighted import Quality

SCHEMA = "tailproof.grid-epoch/3"
OLD_SCHEMAS = ("tailproof.grid-epoch/1", "tailproof.grid-epoch/2")
"""Of epochs whose roots are hashed otherwise: collateral among the instruments, nothing of header and settlements."""
MANIFEST = "grid.json"
ARRAYS = "arrays"
COLLATERAL = "collateral.json"
CLAIMS = ("shape_digest", "tree_root", "assets_root", "root")
"""What a manifest says of its epoch, and anyone can compute."""
CLAIMED = (*CLAIMS, "quality")
"""The same, and what standard scenarios with masses are worth: no part of the root, which binds the scenarios."""


@dataclass(frozen=True)
class GridManifest:
    """What a grid manifest claims; only `load` and `check` know whether it is so.

    collateral : whether there is a collateral file.
    quality : of standard scenarios with masses, per regime.
    """

    shape: GridShape
    shape_digest: int
    regime: int
    tree_root: int
    assets_root: int
    root: int
    assets: tuple[Factors, ...]
    collateral: bool
    quality: tuple[Quality, ...] = ()

    @classmethod
    def of(cls, epoch: GridEpoch) -> GridManifest:
        return cls(epoch.shape, epoch.shape.digest(), epoch.regime, epoch.tree.root, epoch.asset_tree.root, epoch.root,
                   epoch.assets, epoch.collateral is not None, epoch.shape.quality)

    def require_consistent(self, source: str | Path) -> None:
        """As `risk.epochs.epoch_directory.Manifest.require_consistent`."""
        digest, assets = self.shape.digest(), asset_tree(self.assets).root
        epoch_directory.require_digests(self, {
            "shape_digest": digest, "assets_root": assets,
            "root": grid_root(self.tree_root, digest, self.regime, assets)}, source)

    def to_json(self) -> dict[str, Any]:
        """Integers beyond 2**53 as decimal strings.

        Raises
        ------
        BadInput : the map is not a standard one, whose parameters could be written down.
        """
        if not isinstance(self.shape.map, StandardMap):
            raise BadInput("shape.map", type(self.shape.map).__name__, "a standard map")
        shape = self.shape
        return {"schema": SCHEMA, "regime": self.regime, "standard": self.shape.map.to_json(),
                "shape": {**shape.tail.to_json(), "depth": shape.depth, "lanes": shape.lanes, "width": shape.width,
                          "value_bits": shape.value_bits},
                **{name: str(getattr(self, name)) for name in CLAIMS},
                "assets": [{name: str(value) for name, value in asset._asdict().items()} for asset in self.assets],
                "collateral": self.collateral,
                **({"quality": [quality.to_json() for quality in self.quality]} if self.quality else {})}

    @classmethod
    def read(cls, path: str | Path, *, foreign: bool = False) -> GridManifest:
        """Read a grid manifest file, or that of a grid epoch directory.  foreign : as of `epoch_directory.read`.

        Raises
        ------
        BadInput : naming file, field, value and bound; an epoch of an older format, with what to do.
        """
        path = Path(path) / MANIFEST if os.path.isdir(path) else Path(path)
        document = Node.read(path, foreign=foreign)
        schema = document.value.get("schema") if isinstance(document.value, dict) else None
        if schema in OLD_SCHEMAS:
            sources = path.parent / ARRAYS / "sources"
            raise BadInput("schema", schema, f'"{SCHEMA}": seeds are derived now, and roots bind collateral, header '
                           f"and settlements. Build it anew from its sources: tailproof epoch build --book "
                           f"{sources / 'book.json'} --model {sources / 'model.toml'} --statement STATEMENT "
                           f"--collateral {path.parent / COLLATERAL} --out NEW", source=path)
        parts = document.document(SCHEMA, {"regime", "standard", "shape", *CLAIMS, "assets", "collateral"},
                                  {"quality"})
        sizes = parts["shape"].object({"tail", "depth", "lanes", "width", "value_bits"}, {"masses"})
        tail = read_tail(sizes)
        observe_sizes(sizes)
        depth, lanes, width, value_bits = (sizes[name].integer(1, 253) for name in
                                           ("depth", "lanes", "width", "value_bits"))
        assets = []
        for node in parts["assets"].array(at_most=MOST_ASSETS):
            asset = node.object({"id", "value", "debt"})
            assets.append(Factors(asset["id"].decimal(0, 2**ID_BITS - 1), asset["value"].decimal(0, 2**FACTOR_BITS - 1),
                                  asset["debt"].decimal(0, 2**FACTOR_BITS - 1)))
        standard = StandardMap.from_json(parts["standard"])
        try:
            shape = GridShape(standard, tail, depth, lanes, width, value_bits)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=path) from None
        quality = tuple(map(Quality.from_json, parts["quality"].array())) if "quality" in parts else ()
        claims = {name: parts[name].decimal(0, MODULUS - 1) for name in CLAIMS}
        return cls(shape, regime=parts["regime"].integer(0, shape.regimes - 1), assets=tuple(assets),
                   collateral=parts["collateral"].boolean(), quality=quality, **claims)


def save(epoch: GridEpoch, directory: str | Path) -> None:
    """Write a grid epoch into a new directory, whole or not at all.

    Raises
    ------
    BadInput : an epoch of another than a standard map; the directory holds something, or cannot be written.
    """
    manifest = GridManifest.of(epoch).to_json()
    with creating(directory) as fresh:
        epoch_directory.save(epoch.arrays, fresh / ARRAYS)
        if epoch.collateral is not None:
            (fresh / COLLATERAL).write_bytes(epoch.collateral)
        jsonio.write(fresh / MANIFEST, manifest)


def load(directory: str | Path) -> GridEpoch:
    """Read a grid epoch and make sure that its root is the manifest's.

    Raises
    ------
    BadInput : malformed, parts that do not fit together, E1 to E5 or E8 broken, a root that is not the manifest's.
    """
    manifest, epoch = read(directory)
    _ = epoch_directory.load(Path(directory) / ARRAYS)                 # compares the arrays with their own manifest
    actual = GridManifest.of(epoch)
    for name in CLAIMED:
        if getattr(actual, name) != getattr(manifest, name):
            raise BadInput(name, getattr(manifest, name), f"{getattr(actual, name)}, which the files give",
                           source=Path(directory) / MANIFEST)
    return epoch


def read(directory: str | Path, *, foreign: bool = False) -> tuple[GridManifest, GridEpoch]:
    """The manifest and the epoch of the files beside it, without comparing the two.

    foreign : as of `epoch_directory.read`.

    Raises
    ------
    BadInput : malformed files, or parts that do not fit together.
    """
    directory = Path(directory)
    manifest = GridManifest.read(directory / MANIFEST, foreign=foreign)
    _, arrays = epoch_directory.read(directory / ARRAYS, foreign=foreign)
    collateral = read_source(directory / COLLATERAL, foreign=foreign) if manifest.collateral else None
    return manifest, GridEpoch(manifest.shape, arrays, manifest.regime, manifest.assets, collateral)
