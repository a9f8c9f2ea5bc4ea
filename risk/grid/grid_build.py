"""From market data to a grid epoch: the same model and book as for full revaluation, other scenarios.

Nodes and standard scenarios are in units of today's forecast; here they become prices. Every instrument is revalued at
every node, which the epoch publishes, and in every scenario of every regime, which nobody sees but the bound on the
interpolation error (E6): a long position is charged, per lot, the most that interpolated value changes exceed full
ones, a short position the most that they fall short of them, rounded up. Both are of rounded changes; what rounding the
full ones took is the unit of E11, so together the charges cover the distance to *unrounded* full revaluation. Levels
are a constant more than changes, at nodes as in scenarios, and a mix of nodes leaves a constant as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.addons.terms import INTERPOLATION
from risk.epochs.build import (
    FIRST,
    Inputs,
    Progress,
    addons,
    assemble,
    prepare,
    require_enough,
    require_equally_likely,
)
from risk.epochs.drawing import Drawn
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.epochs.rounding import require_lots
from risk.exact.shape import EpochShape, Tail
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.grid_map import POINT_UNIT, ScenarioMap
from risk.grid.grid_shape import GridShape
from risk.grid.grid_standard import StandardMap
from risk.grid.haircuts import asset_factors, parse_collateral, swings
from risk.market.book import Book
from risk.models.calibration import Calibration
from risk.models.model import Estimator, Model
from risk.models.procyclicality import State
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, Scenarios, rounded
from risk.valuation.revaluation import lot_values, revalue

STAGES = ("read", "calibrate", "nodes", "scenarios", "commit")


class InterpolationError(NamedTuple):
    """ε per lot, int64 (n,), 10**-6 quote units, >= 0: added to the rates of the two sides."""

    long: NDArray[np.int64]
    short: NDArray[np.int64]


class Valuation(NamedTuple):
    """What sources say about instruments, before any epoch is made of it.

    nodes : the scenarios that nodes are, Γ of them.  changes : int64 (n, Γ), value changes there, or levels.
    scenarios : the standard scenarios of each regime.  full : int64 (regimes, n, S), the same there.
    near_ties : of the changes at nodes, see `risk.valuation.revaluation.Revaluation`.
    """

    inputs: Inputs
    nodes: Scenarios
    changes: NDArray[np.int64]
    scenarios: tuple[Scenarios, ...]
    full: NDArray[np.int64]
    near_ties: int | None = None

    @property
    def model(self) -> Model:
        return self.inputs.model

    @property
    def book(self) -> Book:
        return self.inputs.book

    @property
    def calibration(self) -> Calibration:
        return self.inputs.calibration


def build_grid(sources: Sources, shape: GridShape, *, regime: int = 0, collateral: bytes | None = None,
               previous_root: int = FIRST, previous_state: State | None = None,
               accepted: Mapping[str, str] | None = None, progress: Progress | None = None) -> GridEpoch:
    """The grid epoch that sources determine.

    Parameters
    ----------
    shape : of a `StandardMap` with the model's horizon. Scenarios, tail and packing are the shape's; what the model
        file says of these is for full revaluation.
    collateral : content of a collateral file, see `risk.grid.haircuts`; None for an epoch without collateral.
    previous_root, previous_state, accepted, progress : as in `risk.epochs.build.build`.

    Raises
    ------
    BadInput : from any source; a shape of another horizon or fewer underlyings than the model, or with masses that
        the standard scenarios were not chosen for; E1 to E6, E8, E10, E11.
    """
    valued = value(sources, shape, previous_root=previous_root, previous_state=previous_state, accepted=accepted,
                   progress=progress)
    return assemble_grid(shape, valued, regime, collateral)


def value(sources: Sources, shape: GridShape, *, previous_root: int = FIRST, previous_state: State | None = None,
          accepted: Mapping[str, str] | None = None, progress: Progress | None = None) -> Valuation:
    """Revalue every instrument at every node and in every scenario of every regime; errors as `build_grid`."""
    def stage(name: str) -> None:
        if progress is not None:
            progress(name, STAGES.index(name), len(STAGES))

    inputs = prepare(sources, shape.layout, previous_root=previous_root, previous_state=previous_state,
                     accepted=accepted, progress=progress)
    model, book, calibration = inputs.model, inputs.book, inputs.calibration
    standard = _standard(shape, model)
    require_enough(model, shape.tail, shape.scenarios, source=sources.paths.get("model"))
    stage("nodes")
    m = len(model.assets)
    spot, volatility = (np.repeat(axis[:, None], m, axis=1) for axis in shape.map.nodes.points())
    nodes = applied(model, calibration, spot, volatility)
    revaluation = revalue(book, model, calibration, nodes)
    stage("scenarios")
    scenarios = tuple(applied(model, calibration, spot[:, :m], volatility[:, :m])
                      for spot, volatility in zip(*standard.points, strict=True))
    require_lots(book, scenarios[0], shape.tail, source=sources.paths.get("book"))
    full = np.stack([lot_values(book, model, calibration, drawn) for drawn in scenarios])
    stage("commit")
    return Valuation(inputs, nodes, revaluation.changes, scenarios, full, revaluation.near_ties)


def _standard(shape: GridShape, model: Model) -> StandardMap:
    if model.estimator == Estimator.HANDWRITTEN:
        raise BadInput("estimator", str(model.estimator), "one with a model: a grid is laid in units of its forecast")
    if model.jumps is not None:
        raise BadInput("jumps", model.jumps.family, "absent: the standard scenarios of a grid have none")
    if model.stress.sets:
        raise BadInput("stress.sets", ", ".join(model.stress.sets), "absent: the standard scenarios of a grid have "
                       "none")
    if not isinstance(shape.map, StandardMap):
        raise BadInput("shape.map", type(shape.map).__name__, "a standard map: others have no scenarios to revalue in")
    if shape.map.horizon != model.horizon:
        raise BadInput("horizon", model.horizon, f"{shape.map.horizon}, that of the standard scenarios")
    _require_masses(shape.tail, shape.map)
    if len(model.assets) > shape.underlyings:
        raise BadInput("number of assets", len(model.assets), f"at most {shape.underlyings}, the shape's underlyings")
    return shape.map


def _require_masses(tail: Tail, standard: StandardMap) -> None:
    """Scenarios stand for the masses that they were chosen for, and for no others."""
    if standard.weighting is None:
        require_equally_likely(tail, "standard scenarios without a population are scenarios", field="shape.masses")
    elif tail != standard.weighting.tail:
        raise BadInput("shape.masses", str(tail), f"{standard.weighting.tail}, which the standard scenarios were "
                       "chosen for")


def applied(model: Model, calibration: Calibration, spot: NDArray[np.int64], volatility: NDArray[np.int64]
            ) -> Scenarios:
    """Shocks in units of today's forecast as scenarios of the model's assets: (n, m) coordinates in 10**-7.

    The log return is its expectation over the horizon plus `spot` standard deviations, forecast for the whole
    horizon; the variance left behind is today's times the square of `volatility`.
    """
    today = np.array(calibration.variances)
    expected = np.array([volatility.mean for volatility in calibration.volatilities]) * model.horizon
    forecast = np.array([volatility.average_variance(np.array([variance]), model.horizon)[0] for volatility, variance
                         in zip(calibration.volatilities, calibration.variances, strict=True)])
    returns = expected + spot / POINT_UNIT * np.sqrt(forecast * model.horizon)
    multiple = volatility / POINT_UNIT
    return rounded(returns * RETURN_UNIT, today * (multiple * multiple) * VARIANCE_UNIT, today * VARIANCE_UNIT,
                   model.assets)


def interpolation_error(map: ScenarioMap, underlying: NDArray[np.int64], changes: NDArray[np.int64],
                        full: NDArray[np.int64]) -> InterpolationError:
    """E6: the least whole ε_long >= V_grid - V_full and ε_short >= V_full - V_grid, over all scenarios and regimes.

    Parameters
    ----------
    underlying : (n,).  changes : (n, Γ), at nodes.  full : (regimes, n, S), in scenarios.
    """
    long, short = (np.zeros(len(changes), np.int64) for _ in range(2))
    unit = 1 << map.weight_bits
    for weights, exact in zip(map.weights, full, strict=True):
        for u in np.unique(underlying):
            rows = np.flatnonzero(underlying == u)
            over = changes[rows] @ weights[:, u].T - exact[rows] * unit            # V_grid - V_full in 2**-f: (., S)
            long[rows] = np.maximum(long[rows], -(-over.max(axis=1) // unit))
            short[rows] = np.maximum(short[rows], -(over.min(axis=1) // unit))
    return InterpolationError(long, short)


def assemble_grid(shape: GridShape, valued: Valuation, regime: int = 0, collateral: bytes | None = None) -> GridEpoch:
    """Put everything together; errors as `build_grid`."""
    terms = addons(valued.inputs, list(valued.full), shape.tail)
    arrays = assemble(valued.inputs, Drawn(valued.nodes), valued.changes, valued.near_ties, terms)
    error = interpolation_error(shape.map, arrays.underlying[1:], valued.changes, valued.full)
    made = arrays.provenance
    if made is not None and made.addons is not None:
        made = replace(made, addons=terms.add(INTERPOLATION, error.long, error.short))
    arrays = replace(arrays, long=arrays.long + np.append(0, error.long),
                     short=arrays.short + np.append(0, error.short), provenance=made)
    epoch = GridEpoch(shape, arrays, regime, () if collateral is None else _factors(valued, shape, collateral),
                      collateral)
    _ = epoch.root                                 # checks E1 to E5 and E8, then hashes
    return epoch


def _factors(valued: Valuation, shape: GridShape, collateral: bytes) -> tuple[Factors, ...]:
    swung = swings([drawn.returns for drawn in valued.scenarios], valued.model.assets, shape.tail)
    return asset_factors(parse_collateral(collateral), {u.symbol: u.spot for u in valued.book.underlyings}, swung)


def full_revaluation(shape: GridShape, valued: Valuation, regime: int = 0) -> Epoch:
    """The same instruments revalued in each standard scenario of a regime: what a grid epoch is measured against."""
    layout = EpochShape(shape.scenarios, shape.tail, shape.depth, shape.lanes, shape.width, shape.value_bits)
    inputs = replace(valued.inputs, model=replace(valued.model, shape=layout))
    return assemble(inputs, Drawn(valued.nodes), valued.full[regime],
                    charged=addons(valued.inputs, list(valued.full), shape.tail))
