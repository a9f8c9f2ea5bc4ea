"""The scenarios of an epoch: drawn as equally likely, or chosen with masses out of a population."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.market.history import History
from risk.models.calibration import Calibration
from risk.models.model import Estimator, Model, Purpose
from risk.scenarios import filtered_historical, monte_carlo, sets, stress
from risk.scenarios.jumps import jumps
from risk.scenarios.scenarios import Scenarios, simulate
from risk.valuation.weighted import Quality, choose

LARGEST_BIAS = Fraction(3, 100)
"""Mean difference between the reference books' Expected Shortfall by the scenarios and over all paths."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """bounded : paths of which some log return was beyond the model's bound, and is taken as that.
    quality : of scenarios with masses.
    """

    scenarios: Scenarios
    bounded: int = 0
    quality: Quality | None = None


def draw(model: Model, calibration: Calibration, history: History | None, *, seed: int) -> Drawn:
    """The scenarios of a calibrated model: equally likely ones, or where the shape has masses those that stand best for
    a population. Stress has its share of the one or the other. Those of a handwritten set are its rows.

    Raises
    ------
    BadInput : scenarios that come out too far from their population; a population that the masses do not divide; a set
        or stress that does not fit the shape or the history.
    """
    if model.estimator == Estimator.HANDWRITTEN:
        return Drawn(sets.scenarios(model))
    weighted = not model.shape.tail.uniform
    uniforms = sobol_uniforms if weighted else latin_hypercube
    drawn = sampler(model, calibration, history, weighted=weighted)
    total = model.scenarios.population if weighted else model.shape.scenarios
    shares = stress.counts(model.stress, total)
    stressed = [stress.scenarios(name, model, calibration, history, seed=seed, count=count, uniforms=uniforms,
                                 drawn=drawn) for name, count in zip(model.stress.sets, shares, strict=True)]
    left = total - len(shares) * max(shares, default=0)
    own = simulate(calibration, model.assets, drawn(seed, left), bound=model.scenarios.clip,
                   jumps=jumps(model, calibration, seed=seed, count=left), followed=model.follows_jumps)
    paths = Scenarios.joined([own, *stressed])
    bounded = paths.at_bound(model.scenarios.clip)
    if not weighted:
        return Drawn(paths, bounded, None)
    chosen, quality = choose(model, calibration, paths)
    _require_unbiased(model, quality)
    return Drawn(paths.at(chosen), bounded, quality)


def sampler(model: Model, calibration: Calibration, history: History | None, *, weighted: bool
            ) -> Callable[[int, int], NDArray[np.float64]]:
    """The model's own innovations, (seed, count) -> (count, h, m); of a handwritten set there are none.

    weighted : as a population that scenarios with masses are chosen from, by Sobol's points.
    """
    def drawn(seed: int, count: int) -> NDArray[np.float64]:
        if model.estimator == Estimator.MONTE_CARLO:
            assert model.copula is not None        # `parse_model` has made sure
            sample = monte_carlo.population if weighted else monte_carlo.innovations
            return sample(calibration, model.copula, seed=seed, count=count, horizon=model.horizon)
        assert history is not None                 # `parse_sources` has made sure
        choose_days = filtered_historical.population if weighted else filtered_historical.innovations
        return choose_days(model, history, seed=seed, count=count, horizon=model.horizon)

    return drawn


def _require_unbiased(model: Model, quality: Quality) -> None:
    if abs(quality.bias) > LARGEST_BIAS and model.purpose != Purpose.TRIAL:
        raise BadInput("mean error of the reference books", quality.bias, f"at most {float(LARGEST_BIAS)} in size: "
                       "take a larger [scenarios] population, or a shape with more scenarios")
