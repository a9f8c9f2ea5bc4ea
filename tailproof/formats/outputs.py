"""Manifests of epochs. Their examples are made by the writers themselves, from the templates of `tailproof new`."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from primitives import jsonio
from risk.addons.terms import NAMES
from risk.epochs.build import build
from risk.epochs.drawing import Drawn
from risk.epochs.epoch import Epoch
from risk.epochs.epoch_directory import Manifest
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape, TailSize, WeightedTail
from risk.grid.grid_directory import GridManifest
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.grid.grid_standard import StandardMap
from risk.scenarios.scenarios import KINDS
from risk.valuation.weighted import Quality, Reference

from .. import templates
from .observed import MARK, Format

_ASSETS = (f"{MARK}-A", f"{MARK}-B")
_DAY = 1_609_459_200
_WORTH = Quality(1024, (Reference("long", 2.0, 2.1),), 0.9, 5.0)


def reading(read: Callable[[Path], object], name: str) -> Callable[[Any], object]:
    """A parser of files as one of documents."""
    def parse(document: Any) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / name
            jsonio.write(path, document, mode=0o600)
            return read(path)

    return parse


def saved(save: Callable[[Path], object]) -> Any:
    """The document that a writer of files writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "example.json"
        save(path)
        return jsonio.read(path)


@cache
def _epoch() -> Epoch:
    model = templates.model(_ASSETS).replace('statement = "margin-full-256x16"', 'scenarios = 8\ntail = "2"\ndepth = 2')
    model = model.replace("\n[epoch]", '\npurpose = "trial"\nseed = 1\n\n[epoch]')
    model = model.replace('family = "garch"', 'family = "gjr"\ngamma = 0.0', 1).replace("horizon = 1 ", "horizon = 2 ")
    model = model.replace('innovations = "t"', 'innovations = "skew-t"\nskew = 0.1', 1)
    book = json.loads(templates.book(_ASSETS, valuation=_DAY))
    perpetual = next(one for one in book["instruments"] if one["kind"] == "perpetual")
    book["instruments"].append({**perpetual, "symbol": "INVERSE", "lot": "10", "settlement": "coin", "reference": "1"})
    sources = Sources(model.encode(), json.dumps(book).encode(), None, {})
    return build(sources)


def epoch_examples() -> Sequence[Any]:
    made = _epoch()
    assert made.provenance is not None
    chosen = replace(made, provenance=replace(made.provenance, drawn=Drawn(made.provenance.scenarios, 1, _WORTH)))
    calibration = made.provenance.calibration
    ewma = [{"family": "ewma", "lambda": 0.95, "mean": 0.0, "innovations": "normal"}]
    garch = {"family": "garch", "mean": 0.0, "omega": 1e-5, "alpha": 0.1, "beta": 0.8, "innovations": "normal"}
    weighted = EpochShape(8, WeightedTail(TailSize(2), (1,) * 7 + (2,)), 2)
    documents = [Manifest.of(epoch).to_json() for epoch in (chosen, made, Epoch.of(weighted, [1], made.changes[1:2]))]
    documents[0]["calibration"]["volatility"] = [*ewma, garch]
    documents[0]["calibration"]["correlation"] = None
    assert calibration.correlation is not None
    documents[2]["calibration"] = {"volatility": ewma, "variances": [0.001], "correlation": [[1.0]]}
    documents.append(Manifest.of(Epoch.of(weighted, [1], made.changes[1:2])).to_json())
    state = {"time": "2021-01-01T00:00:00Z", "variances": [0.001], "scales": [1.0]}
    documents[0]["calibration"]["procyclicality"] = {"model": [0.001], "red": [False], "before": state, "after": state}
    documents[2]["calibration"]["procyclicality"] = {"model": [0.001], "red": [True], "before": None, "after": state}
    documents[0]["gates"] = {"accepted": [{"gate": "G3", "reason": "why", "found": ["what"]}], "flags": ["known"]}
    documents[0]["settlements"] = [{"id": "7", "value": "1.5"}]
    documents[0]["basis"] = "level"
    row = [0] * len(NAMES)
    documents[0]["addons"] = {"terms": list(NAMES), **dict.fromkeys(("long", "short"), [row] * len(made.instruments))}
    sized = replace(made.instruments[0], most=100)
    documents[0]["leaves"][1] |= {"id": str(sized.id), "terms": sized.terms()}
    documents[0]["marks"] = [{"id": "7", "long": "1.5", "short": "1.500001", "price": "1", "spot": "1"}]
    documents[0]["scenarios"]["kinds"] = dict.fromkeys(KINDS, 1)
    history = {**documents[1]["sources"], "history": documents[1]["sources"]["model"]}
    return [*documents, {**documents[1], "sources": history}]


def grid_examples() -> Sequence[Any]:
    bare = Epoch.of(GRID_TINY.layout, [1], _epoch().changes[1:2, :GRID_TINY.nodes])
    bare = replace(bare, header=replace(bare.header, underlyings=_ASSETS))
    weighted = GridShape(GRID_TINY.map, WeightedTail(TailSize(2), (1,) * 7 + (2,)), GRID_TINY.depth)
    assert isinstance(GRID_TINY.map, StandardMap)
    more = replace(weighted, map=replace(GRID_TINY.map, correlations=(0.2, 0.5, 0.9)))        # regimes that there are
    return [{**GridManifest.of(GridEpoch(GRID_TINY, bare, 1, (Factors(7, 1, 2),))).to_json(),
             "quality": [_WORTH.to_json()]},
            GridManifest.of(GridEpoch(more, bare)).to_json()]


_SHAPE = {"tail": "K/D, of the number of scenarios or of the sum of masses",
          "masses": "mass of each scenario [all alike]",
          "depth": "the trees have 8^depth leaves", "lanes": "value changes to a packed element",
          "width": "bits of a lane",
          "value_bits": "value changes and rates are below 2^value_bits, in 10^-6 quote units"}

_QUALITY = {"population": "paths they were chosen from",
            "floor": "least margin over true Expected Shortfall that the adversary found",
            "gross": "among books of at most this gross over margin", "bias": "mean difference of the reference books",
            "references": "twelve books", "references[].book": "name",
            "references[].population": "Expected Shortfall over all paths, in deviations of the asset",
            "references[].scenarios": "the same by the scenarios",
            "references[].difference": "the latter over the former, less 1"}

EPOCH = Format(
    "epoch", "Manifest of an epoch directory: what it is and what its root is (JSON)", "manifest.json", epoch_examples,
    reading(Manifest.read, "manifest.json"),
    {"schema": "says what the file is", "venue": "whose instruments", "quote": "currency of every number",
     "regime": "of full revaluation, always 0", "timestamp": "valuation",
     "underlyings": "assets, in the order of arrays",
     "model": "the model file", "model.name": "its name", "model.digest": "keccak256 of the file",
     "purpose": "a trial's seed is somebody's choice", "seed": "of the scenarios",
     "previous": "root of the epoch before; 0 of the first", "gates": "what the plausibility gates said",
     "gates.accepted": "gates that were not passed, and are accepted", "gates.accepted[].gate": "which",
     "gates.accepted[].reason": "why that is right", "gates.accepted[].found": "what was found",
     "gates.flags": "what is allowed and should be known",
     "shape": "sizes, which the circuit has built in", "shape.mode": "full revaluation", "shape.scenarios": "S",
     **{f"shape.{key}": said for key, said in _SHAPE.items()},
     "shape_digest": "of the shape; in the root", "tree_root": "of the instrument leaves",
     "root": "what is published", "leaves": "the null leaf, then the instruments", "leaves[].id": "digest of the terms",
     "leaves[].symbol": "name", "leaves[].terms": "what the id is the digest of",
     **{f"leaves[].terms.{key}": f"as in the book{more}" for key, more in (
         ("schema", " (says what terms these are)"), ("kind", ""), ("venue", ""), ("underlying", ""), ("quote", ""),
         ("lot", ""), ("settlement", ""), ("expiry", ""), ("strike", ""), ("reference", ""),
         ("most", ""))},
     "addons": "rates a lot by term, where the model has rules; they sum to the rates of the leaves",
     "addons.terms": "which", "addons.long": "of each instrument, in the order of leaves; 10^-6 quote units",
     "addons.short": "the same, held short",
     "basis": "what leaves hold: changes of a lot's value [change], or values, with cash as an instrument",
     "marks": "of every instrument, where leaves hold values; each is a leaf, too", "marks[].id": "digest of the terms",
     "marks[].long": "what a lot held long is worth, rounded down",
     "marks[].short": "what closing a lot held short costs, rounded up",
     "marks[].price": "of the underlying, that the instrument goes by: spot, perpetual's mark, forward",
     "marks[].spot": "of the underlying",
     "settlements": "what expired instruments ended at", "settlements[].id": "digest of the terms",
     "settlements[].value": "for one unit of the underlying, in the quote currency",
     "sources": "keccak256 of each source file", "sources.model": "of model.toml", "sources.book": "of book.json",
     "sources.history": "of history.csv",
     "calibration": "state of the model at the valuation; null of bare numbers",
     "calibration.volatility": "parameters by asset, as in the model file",
     **{f"calibration.volatility[].{key}": "as in the model file" for key in (
         "family", "mean", "omega", "alpha", "gamma", "beta", "lambda", "innovations", "degrees", "skew")},
     "calibration.variances": "of the next step, log returns squared, by asset",
     "calibration.correlation": "of the next step's innovations",
     "calibration.procyclicality": "what tools against procyclical margins did",
     "calibration.procyclicality.model": "variances of the model itself, by asset",
     "calibration.procyclicality.red": "whether the speed limit was lifted, by asset",
     **{f"calibration.procyclicality.{when}{key}": said for when, told in (
         ("before", "that the epoch before left"), ("after", "left to the next")) for key, said in (
             ("", f"state {told}"), (".time", "of the state"), (".variances", "by asset"), (".scales", "by asset"))},
     "scenarios": "how the scenarios came about", "scenarios.bounded": "paths beyond the clip, taken at it",
     "scenarios.kinds": "how many are of the model, of stress, written down",
     **{f"scenarios.kinds.{kind}": "how many" for kind in KINDS},
     "scenarios.quality": "of scenarios with masses",
     **{f"scenarios.quality.{key}": said for key, said in _QUALITY.items()}})

GRID_EPOCH = Format(
    "grid-epoch", "Manifest of a grid epoch directory (JSON); its arrays/ is an epoch directory", "grid.json",
    grid_examples, reading(GridManifest.read, "grid.json"),
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
     "collateral": "whether there is a collateral.json beside it",
     "quality": "of standard scenarios with masses, by regime",
     **{f"quality[].{key}": said for key, said in _QUALITY.items()}})
