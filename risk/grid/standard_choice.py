"""Standard scenarios with masses: which paths of the standardised population stand for all of them.

As for full revaluation (`risk.valuation.weighted`), but on the grid: standard listings are valued at the *nodes* and
interpolated on every path, by the very weights that the statement has built in. So the tails that are kept are those of
books that a grid can represent, bounded where the grid bounds them. A listing's underlying moves by 3.2 % a step.

The choice is a constant of the proving key. It takes a minute a regime, so `standard_choices.json` holds what came out;
`python -m risk.grid.standard_data` makes it again, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.clock import DAY
from risk.exact.shape import EpochShape, TailSize, WeightedTail
from risk.grid.grid_map import NODE_UNIT, POINT_UNIT, Nodes, bilinear
from risk.market.calendar import Calendar
from risk.models.calibration import Calibration
from risk.models.correlation import Correlation
from risk.models.model import Estimator, Model, Purpose
from risk.models.volatility import Volatility
from risk.scenarios.adversary import population_shortfall
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, rounded
from risk.valuation.panel import UNIT, Panel
from risk.valuation.weighted import Quality, choose_from

Ints = NDArray[np.int64]

SCHEMA = "tailproof.standard-choices/1"
FILE = Path(__file__).parent / "standard_choices.json"
LARGEST_POPULATION = 2**20
_VARIANCE = 1e-3
"""Per step, of the underlyings that listings are priced on; a cryptocurrency's."""


@dataclass(frozen=True)
class Weighting:
    """What scenarios with masses are chosen for.

    tail : masses p_1, ..., p_S, and how much of them the tail holds.
    population : paths they are chosen from, a multiple of the sum of the masses.

    Raises
    ------
    BadInput : another population.
    """

    tail: WeightedTail
    population: int

    def __post_init__(self) -> None:
        total = sum(self.tail.masses)
        if type(self.population) is not int or not 0 < self.population <= LARGEST_POPULATION \
                or self.population % total:
            raise BadInput("population", self.population,
                           f"a multiple of {total}, the sum of the masses, of at most 2**20")

    def to_json(self) -> dict[str, Any]:
        """Its part of a map's parameters."""
        return {**self.tail.to_json(), "population": self.population}


@dataclass(frozen=True, eq=False)
class Choice:
    """What one regime's scenarios are.

    paths : (S,), indices of the population; scenario s has the mass p_s.
    bounded : paths of the population that some underlying took beyond the outermost nodes, and that stay there.
    quality : what the scenarios are worth.
    """

    paths: Ints
    bounded: int
    quality: Quality

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"paths": self.paths.tolist(), "bounded": self.bounded, "quality": self.quality.to_json()}

    @classmethod
    def from_json(cls, node: Node) -> Choice:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        parts = node.object({"paths", "bounded", "quality"})
        paths = [entry.integer(0, LARGEST_POPULATION - 1) for entry in parts["paths"].array(at_least=1)]
        return cls(np.array(paths), parts["bounded"].integer(0, LARGEST_POPULATION),
                   Quality.from_json(parts["quality"]))


def within(nodes: Nodes, spot: Ints, volatility: Ints) -> tuple[Ints, Ints]:
    """Points with what is beyond the outermost nodes moved onto them: coordinates in 10**-7, of one shape."""
    scale = POINT_UNIT // NODE_UNIT
    return (np.clip(spot, nodes.spot[0] * scale, nodes.spot[-1] * scale),
            np.clip(volatility, nodes.volatility[0] * scale, nodes.volatility[-1] * scale))


def choose(garch: Volatility, horizon: int, nodes: Nodes, bits: int, points: tuple[Ints, Ints],
           tail: WeightedTail) -> Choice:
    """One path for each scenario of a regime.

    Parameters
    ----------
    garch : of the standardised model, of any scale.
    bits : of the weights.
    points : spot and volatility coordinate of all paths, in 10**-7, int64 (n, U) each.
    """
    spot, volatility = within(nodes, *points)
    bounded = int(((spot != points[0]) | (volatility != points[1])).any(axis=1).sum())
    # Cells are made from the lightest up. Mixtures are younger than keys that exist, whose scenarios stay as they are.
    order = np.argsort(np.array(tail.masses), kind="stable")
    rising = WeightedTail(tail.portion, tuple(tail.masses[i] for i in order))
    panel = _interpolated(garch, horizon, nodes, bits, spot, volatility)
    chosen, quality = choose_from(panel, rising, len(order), mixtures=0)
    paths = np.empty_like(chosen)
    paths[order] = chosen
    return Choice(paths, bounded, _against_full(quality, _valued(garch, horizon, *points), tail))


def _interpolated(garch: Volatility, horizon: int, nodes: Nodes, bits: int, spot: Ints, volatility: Ints) -> Panel:
    """Standard listings of U underlyings on all paths, as a grid has them."""
    at_nodes = _valued(garch, horizon, *(axis[:, None] for axis in nodes.points())).values.astype(np.int64)
    half = (1 << bits) >> 1
    values = [(bilinear(nodes, spot[:, u], volatility[:, u], bits) @ at_nodes + half) >> bits
              for u in range(spot.shape[1])]
    return Panel(_names(spot), np.concatenate(values, axis=1).astype(np.int32))


def _against_full(quality: Quality, full: Panel, tail: WeightedTail) -> Quality:
    """With the reference books' Expected Shortfall over all paths in full and without bounds: what is stated is the
    error of bounds, interpolation and choice together."""
    share = tail.share(len(tail.masses)).as_integer_ratio()
    return replace(quality, references=tuple(
        replace(reference, population=round(population_shortfall(full.losses(book), share) / UNIT, 6))
        for reference, book in zip(quality.references, full.references().values(), strict=True)))


def _valued(garch: Volatility, horizon: int, spot: Ints, volatility: Ints) -> Panel:
    """Standard listings at points (n, U) in 10**-7."""
    scaled, names = _at_scale(garch), _names(spot)
    model = Model(
        name="standard", estimator=Estimator.MONTE_CARLO, assets=names, purpose=Purpose.TRIAL, seed=0,
        horizon=horizon, step_seconds=DAY, calendar=Calendar(), steps_per_year=365.0, max_gap_steps=1,
        volatility_response=1.0, shape=EpochShape(1, TailSize(1), 1), statement=None,
        volatilities=(scaled,) * len(names), variances=(_VARIANCE,) * len(names), correlation=Correlation("static"),
        copula=None)
    deviation = math.sqrt(horizon * _VARIANCE)                             # today's variance is that of the long run
    multiple = volatility / POINT_UNIT
    paths = rounded(spot / POINT_UNIT * deviation * RETURN_UNIT, multiple * multiple * (_VARIANCE * VARIANCE_UNIT),
                    np.full(len(names), _VARIANCE * VARIANCE_UNIT), names)
    return Panel.of(model, Calibration(model.volatilities, (_VARIANCE,) * len(names)), paths)


def _at_scale(garch: Volatility) -> Volatility:
    persistence = garch.alpha + garch.beta
    return replace(garch, omega=(1.0 - persistence) * _VARIANCE)


def _names(points: Ints) -> tuple[str, ...]:
    return tuple(f"U{u + 1}" for u in range(points.shape[1]))


@cache
def _kept() -> Sequence[tuple[Mapping[str, Any], tuple[Choice, ...]]]:
    parts = Node.read(FILE).document(SCHEMA, {"sets"})
    sets = [entry.object({"standard", "regimes"}) for entry in parts["sets"].array()]
    return [(entry["standard"].value, tuple(map(Choice.from_json, entry["regimes"].array()))) for entry in sets]


def kept(standard: Mapping[str, Any]) -> tuple[Choice, ...] | None:
    """The choices of all regimes for a map's parameters, as they come in the file; None if it has none."""
    return next((choices for parameters, choices in _kept() if parameters == standard), None)
