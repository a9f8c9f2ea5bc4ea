"""The files that commands write and others read: epochs, and what travels between trader, venue, relayer and auditor.

Their examples are made by the writers themselves, from the templates of `tailproof new`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from primitives import jsonio
from risk.epochs.build import build
from risk.epochs.drawing import Drawn
from risk.epochs.epoch import Epoch
from risk.epochs.epoch_directory import Manifest
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape, TailSize, WeightedTail
from risk.grid.grid_directory import GridManifest
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.valuation.weighted import Quality, Reference

from .. import templates
from .observed import MARK, Format

_ASSETS = (f"{MARK}-A", f"{MARK}-B")
_DAY = 1_609_459_200


def _reading(read: Callable[[Path], object], name: str) -> Callable[[Any], object]:
    """A parser of files as one of documents."""
    def parse(document: Any) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            jsonio.write(path, document, mode=0o600)
            return read(path)

    return parse


@cache
def _epoch() -> Epoch:
    model = templates.model(_ASSETS).replace('statement = "margin-full-256x16"', 'scenarios = 8\ntail = "2"\ndepth = 2')
    model = model.replace('family = "garch"', 'family = "gjr"\ngamma = 0.0', 1).replace("horizon = 1 ", "horizon = 2 ")
    model = model.replace('innovations = "t"', 'innovations = "skew-t"\nskew = 0.1', 1)
    tail = 'family = "garch"\nmean = 0.0\nomega = 1.0e-5\nalpha = 0.08\nbeta = 0.90\n'
    assert tail in model
    sources = Sources(model.encode(), templates.book(_ASSETS, valuation=_DAY).encode(), None, {})
    return build(sources)


def epoch_examples() -> Sequence[Any]:
    made = _epoch()
    assert made.provenance is not None
    quality = Quality(1024, (Reference("long", 2.0, 2.1),), 0.9, 5.0)
    chosen = replace(made, provenance=replace(made.provenance, drawn=Drawn(made.provenance.scenarios, 1, quality)))
    calibration = made.provenance.calibration
    ewma = [{"family": "ewma", "lambda": 0.95, "mean": 0.0, "innovations": "normal"}]
    garch = {"family": "garch", "mean": 0.0, "omega": 1e-5, "alpha": 0.1, "beta": 0.8, "innovations": "normal"}
    weighted = EpochShape(8, WeightedTail(TailSize(2), (1,) * 7 + (2,)), 2)
    documents = [Manifest.of(epoch).to_json() for epoch in (chosen, made, Epoch.of(weighted, [1], made.changes[1:2]))]
    documents[0]["calibration"]["volatility"] = [*ewma, garch]
    documents[0]["calibration"]["correlation"] = None
    assert calibration.correlation is not None
    history = {**documents[1]["sources"], "history": documents[1]["sources"]["model"]}
    return [*documents, {**documents[1], "sources": history}]


def grid_examples() -> Sequence[Any]:
    bare = Epoch.of(GRID_TINY.layout, [1], _epoch().changes[1:2, :GRID_TINY.nodes])
    bare = replace(bare, header=replace(bare.header, underlyings=_ASSETS))
    weighted = GridShape(GRID_TINY.map, WeightedTail(TailSize(2), (1,) * 7 + (2,)), GRID_TINY.depth)
    return [GridManifest.of(GridEpoch(GRID_TINY, bare, 1, (Factors(7, 1, 2),))).to_json(),
            GridManifest.of(GridEpoch(weighted, bare)).to_json()]


_SHAPE = {"tail": "K/D, of the number of scenarios or of the sum of masses",
          "masses": "mass of each scenario [all alike]",
          "depth": "the trees have 8^depth leaves", "lanes": "value changes to a packed element",
          "width": "bits of a lane",
          "value_bits": "value changes and rates are below 2^value_bits, in 10^-6 quote units"}

EPOCH = Format(
    "epoch", "Manifest of an epoch directory: what it is and what its root is (JSON)", "manifest.json", epoch_examples,
    _reading(Manifest.read, "manifest.json"),
    {"schema": "says what the file is", "venue": "whose instruments", "quote": "currency of every number",
     "regime": "of full revaluation, always 0", "timestamp": "valuation",
     "underlyings": "assets, in the order of arrays",
     "model": "the model file", "model.name": "its name", "model.digest": "keccak256 of the file",
     "shape": "sizes, which the circuit has built in", "shape.mode": "full revaluation", "shape.scenarios": "S",
     **{f"shape.{key}": said for key, said in _SHAPE.items()},
     "shape_digest": "of the shape; in the root", "tree_root": "of the instrument leaves",
     "root": "what is published", "leaves": "the null leaf, then the instruments", "leaves[].id": "digest of the terms",
     "leaves[].symbol": "name", "leaves[].terms": "what the id is the digest of",
     **{f"leaves[].terms.{key}": f"as in the book{more}" for key, more in (
         ("schema", " (says what terms these are)"), ("kind", ""), ("venue", ""), ("underlying", ""), ("quote", ""),
         ("lot", ""), ("settlement", ""), ("expiry", ""), ("strike", ""))},
     "sources": "keccak256 of each source file", "sources.model": "of model.toml", "sources.book": "of book.json",
     "sources.history": "of history.csv",
     "calibration": "state of the model at the valuation; null of bare numbers",
     "calibration.volatility": "parameters by asset, as in the model file",
     **{f"calibration.volatility[].{key}": "as in the model file" for key in (
         "family", "mean", "omega", "alpha", "gamma", "beta", "lambda", "innovations", "degrees", "skew")},
     "calibration.variances": "of the next step, log returns squared, by asset",
     "calibration.correlation": "of the next step's innovations",
     "scenarios": "how the scenarios came about", "scenarios.bounded": "paths beyond the clip, taken at it",
     "scenarios.quality": "of scenarios with masses", "scenarios.quality.population": "paths they were chosen from",
     "scenarios.quality.floor": "least margin over true Expected Shortfall that the adversary found",
     "scenarios.quality.gross": "among books of at most this gross over margin",
     "scenarios.quality.bias": "mean difference of the reference books",
     "scenarios.quality.references": "twelve books",
     "scenarios.quality.references[].book": "name",
     "scenarios.quality.references[].population": "Expected Shortfall over all paths, in deviations of the asset",
     "scenarios.quality.references[].scenarios": "the same by the scenarios",
     "scenarios.quality.references[].difference": "the latter over the former, less 1"})

GRID_EPOCH = Format(
    "grid-epoch", "Manifest of a grid epoch directory (JSON); its arrays/ is an epoch directory", "grid.json",
    grid_examples, _reading(GridManifest.read, "grid.json"),
    {"schema": "says what the file is", "regime": "correlation regime in force",
     "standard": "parameters of the standard scenarios", "standard.spot_nodes": "nodes of spot, 10^-3 deviations",
     "standard.volatility_nodes": "nodes of volatility, 10^-3 of today's",
     "standard.weight_bits": "f: weights are in 2^-f", "standard.scenarios": "S, even", "standard.underlyings": "U",
     "standard.correlations": "of any two underlyings, by regime", "standard.seed": "of the standard scenarios",
     "standard.horizon": "steps", "standard.alpha": "of the GARCH that all follow", "standard.beta": "of the same",
     "standard.degrees": "of the t distribution", "shape": "sizes",
     **{f"shape.{key}": said for key, said in _SHAPE.items()},
     "shape_digest": "of shape and weights; in the root", "tree_root": "of the instrument leaves",
     "assets_root": "of the collateral leaves", "root": "what is published", "assets": "collateral factors",
     "assets[].id": "digest of token and decimals",
     "assets[].value": "of a base unit as collateral, 2^-64 x 10^-6 quote units",
     "assets[].debt": "of a base unit as debt, in the same unit",
     "collateral": "whether there is a collateral.json beside it"})
