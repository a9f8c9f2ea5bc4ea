"""Small real epochs of levels, published by an oracle whose court has verifiers of real keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from circuits import statements
from risk.epochs import epoch_directory
from risk.epochs.epoch import Epoch
from risk.epochs.epoch_directory import Manifest
from risk.epochs.provenance import Sources
from risk.exact.digests import content_digest
from risk.exact.shape import EpochShape
from risk.grid.grid_epoch import GridEpoch
from tailproof import epochs
from tailproof.epoch_leaves import EpochLeaves
from tailproof.keys import make_keys

FIXTURES = Path(__file__).parent.parent / "fixtures"
SYMBOLS = ("BTC-SPOT", "BTC-PERP", "ETH-PERP")
STATEMENTS = ("leaf-field-tiny", "leaf-field-marks-tiny")
COLLATERAL = json.dumps({"schema": "tailproof.collateral/1", "assets": [
    {"symbol": symbol, "token": f"eip155:1/erc20:0x{digit * 40}", "decimals": 6, "price": "1", "fall": "0.01",
     "rise": "0.01", "protocol": "0.01", "liquidation": "0.001"} for symbol, digit in (("USDC", "a"), ("USDT", "b"))]})


@cache
def sources(valuation: str = "2021-01-01T00:00:00Z", spot: str = "29001.72", symbols: tuple[str, ...] = SYMBOLS,
            released: tuple[str, ...] = (), statement: str = STATEMENTS[0]) -> Sources:
    """Of a trial: an epoch of so few scenarios may be nothing else."""
    read = Sources.read(FIXTURES / "levels" / "model.toml", FIXTURES / "levels" / "book.json")
    book = json.loads(read.book)
    book["instruments"] = [each for each in book["instruments"] if each["symbol"] in symbols]
    book["underlyings"][0]["spot"], book["valuation"] = spot, valuation
    if released:
        book["released"] = list(released)
    text = read.model.decode()
    shape = statements.get(statement).shape
    if isinstance(shape, EpochShape):
        begin = text.index("[epoch]")
        section = f'[epoch]\nscenarios = {shape.scenarios}\ntail = "{shape.tail}"\ndepth = {shape.depth}\nlanes = 5\n' \
            "width = 50"
        text = text[:begin] + section + text[text.index("\n\n", begin):]
    return replace(read, book=json.dumps(book).encode(), model=b'purpose = "trial"\nseed = 1\n' + text.encode())


def build(path: Path, *, previous: Path | None = None, **changes: Any) -> Path:
    """An honest epoch in a directory."""
    epochs.save(epochs.build(sources(**changes), previous=previous), path)
    return path


def grid(path: Path) -> GridEpoch:
    """One on a grid, with collateral."""
    file = path / "collateral.json"
    file.write_text(COLLATERAL)
    made = epochs.build(sources(statement="leaf-field-grid-tiny"), statement="leaf-field-grid-tiny", regime=1,
                        collateral=file)
    assert isinstance(made, GridEpoch)
    return made


def forge(source: Path, path: Path, **columns: Any) -> Path:
    """The same epoch with other arrays, in a directory whose manifest says the root that these give.

    columns : of `Epoch`, or functions that change a copy of them.
    """
    read = epoch_directory.read(source)[1]
    changed: dict[str, Any] = {}
    for name, change in columns.items():
        value = getattr(read, name)
        changed[name] = change(value.copy() if isinstance(value, np.ndarray) else value) if callable(change) else change
    false = replace(read, **changed)
    root = EpochLeaves.of(false).root
    with epoch_directory.creating(path) as fresh:
        _write(fresh, false, root)
    return path


def _write(directory: Path, epoch: Epoch, root: int) -> None:
    """As `epoch_directory.save`, which refuses what may not be published."""
    honest = Manifest.of
    Manifest.of = lambda given: replace(_bare(given), root=root)             # type: ignore[assignment,method-assign]
    try:
        epoch_directory._fill(directory, epoch)
    finally:
        Manifest.of = honest                                                 # type: ignore[method-assign]


def _bare(epoch: Epoch) -> Manifest:
    made = epoch.provenance
    assert made is not None
    tree = epoch.unchecked_tree()
    return Manifest(epoch.header, epoch.shape, epoch.shape.digest(), tree.root, 0, tuple(epoch.ids), epoch.instruments,
                    {name: content_digest(data) for name, data in made.sources.files().items()}, made.calibration,
                    made.drawn.bounded, made.drawn.quality, {}, epoch.settlements, epoch.marks)


@dataclass(frozen=True)
class Keys:
    """Key directories by statement."""

    paths: Mapping[str, Path]

    @classmethod
    def make(cls, folder: Path) -> Keys:
        for name in STATEMENTS:
            make_keys(statements.get(name), folder / name)
        return cls({name: folder / name for name in STATEMENTS})
