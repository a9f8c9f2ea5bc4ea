"""Stress beside the model's own scenarios: paths that the model would hardly draw, with a share of the scenarios each.

    dependence-0     assets move independently of each other: hedges between them do nothing
    dependence-1     all assets are at the same quantile of their own law at once (comonotone): nothing diversifies
    2020-03-12       what prices really did over every horizon that holds the day, or a day of first/last
    black-swan       every asset at the mean of its own worst 1 % together, or of its best 1 %; implied volatility x 2;
                     futures and perpetuals 4.5 % above or below the spot: four scenarios
    rates            draws of the model's own, and the quote currency's rates shocked besides, in six ways one after the
                     other (`risk.models.rate_shocks`): of spots and volatilities the model's tail is not thinned out

Redraws at dependence 0 and 1 are a charge for a break of correlations. Where others blend margins, here the blend is in
the scenarios, so that the certificate stays one of Expected Shortfall. With weight 1/4 for both, each has 1/8 of the
probability. Historical stress is the stressed observations of EMIR [Regulation 153/2013, Art. 28 (1) b].

Of a population, stress takes its share of the *paths* that weighted scenarios are chosen from: masses stay what the
shape says. Of equally likely scenarios it takes a share of S. Either way it follows from model file, seed and history
alone, and every scenario says what it is (`Scenarios.kinds`). A model's jumps are in all sets that are made of its law:
each asset's own at dependence 0, all at once at dependence 1, and among what a black swan is the worst of. Days of the
past had theirs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.clock import DAY, parse_time
from risk.exact.digests import keccak256
from risk.exact.sobol import sobol_uniforms
from risk.market.history import History
from risk.models.calibration import Calibration, log_returns, residuals
from risk.models.model import Estimator, Model, Stress
from risk.models.rate_shocks import RATE_SHOCKS
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios.jumps import jumps
from risk.scenarios.scenarios import (
    LARGEST_RETURN,
    LARGEST_VARIANCE,
    RETURN_UNIT,
    Scenarios,
    Shocks,
    simulate,
)

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Uniforms = Callable[[int, int, tuple[int, ...]], Floats]
"""(seed, count, shape) -> (count, *shape)."""

LEAST_STRESS = 2.0
"""Deviations of some asset's whole history that a horizon around a historical day must reach."""
SWAN_SHARE = Fraction(1, 100)
SWAN_VOLATILITY = SHOCK_UNIT
"""+100 %."""
SWAN_BASIS = SHOCK_UNIT * 45 // 1000
SWAN_PATHS = 2**14
_DOMAIN = b"tailproof.stress/1"


def counts(stress: Stress, total: int) -> tuple[int, ...]:
    """How many of `total` scenarios each set has, in the order of the sets.

    All have the same number; what does not divide is left to the model.

    Raises
    ------
    BadInput : so few that a set would have none, or nothing is left to the model.
    """
    if not stress.sets:
        return ()
    each = round(stress.weight * total) // len(stress.sets)
    if each == 0 or each * len(stress.sets) >= total:
        raise BadInput("stress.weight", stress.weight, f"at least one of {total} scenarios for each of "
                       f"{len(stress.sets)} sets, and less than all of them")
    return (each,) * len(stress.sets)


def scenarios(name: str, model: Model, calibration: Calibration, history: History | None, *, seed: int, count: int,
              uniforms: Uniforms, drawn: Callable[[int, int], Floats]) -> Scenarios:
    """`count` scenarios of a stress set.

    Parameters
    ----------
    uniforms : what the model's own scenarios are drawn from.
    drawn : the model's own innovations, (seed, count) -> (count, h, m).

    Raises
    ------
    BadInput : a day that the history has no row of, or a calm one.
    """
    seed = int.from_bytes(keccak256(_DOMAIN + seed.to_bytes(8, "big") + name.encode()), "big") >> (256 - 52)
    weighted = uniforms is sobol_uniforms
    if name == "black-swan":
        return _black_swan(model, calibration, count, drawn(seed, SWAN_PATHS),
                           jumps(model, calibration, seed=seed, count=SWAN_PATHS, weighted=weighted))
    if name in ("dependence-0", "dependence-1"):
        return _redrawn(name, model, calibration, history, uniforms, seed, count)
    if name == "rates":
        paths = simulate(calibration, model.assets, drawn(seed, count), bound=model.scenarios.clip,
                         jumps=jumps(model, calibration, seed=seed, count=count, weighted=weighted),
                         followed=model.follows_jumps)
        each = np.arange(count, dtype=np.int64) % len(RATE_SHOCKS)
        return Scenarios(paths.returns, paths.variances, paths.today,
                         Shocks.of("rates", count, len(model.assets), origin=each))
    assert history is not None                     # `parse_model` has made sure
    windows = historical(name, model, calibration, history)
    return windows.at(np.arange(count, dtype=np.int64) % len(windows.returns))


def _redrawn(name: str, model: Model, calibration: Calibration, history: History | None, uniforms: Uniforms, seed: int,
             count: int) -> Scenarios:
    """Each asset by its own law, from uniforms of its own or from one that all share."""
    m = len(model.assets)
    each = m if name == "dependence-0" else 1
    drawn = uniforms(seed, count, (model.horizon, each))
    quantiles = _quantiles(model, calibration, history)
    innovations = np.stack([quantile(drawn[:, :, i % each]) for i, quantile in enumerate(quantiles)], axis=2)
    own = jumps(model, calibration, seed=seed, count=count, systemic=0.0 if each == m else 1.0,
                weighted=uniforms is sobol_uniforms, before=model.horizon * each)
    paths = simulate(calibration, model.assets, innovations, bound=model.scenarios.clip, jumps=own,
                     followed=model.follows_jumps)
    return Scenarios(paths.returns, paths.variances, paths.today, Shocks.of(name, count, m))


def _quantiles(model: Model, calibration: Calibration, history: History | None) -> list[Callable[[Floats], Floats]]:
    """Per asset, innovations from uniforms, monotone: of its law, or of its residuals where those are resampled."""
    if model.estimator == Estimator.MONTE_CARLO:
        return [_of_law(volatility.law.from_tails) for volatility in calibration.volatilities]
    assert history is not None
    return [_of_sample(np.sort(column, kind="stable")) for column in residuals(model, history).T]


def _of_law(from_tails: Callable[[Floats, Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda u: from_tails(u, 1.0 - u)


def _of_sample(ordered: Floats) -> Callable[[Floats], Floats]:
    return lambda u: ordered[np.floor(u * len(ordered)).astype(np.int64)]


def historical(name: str, model: Model, calibration: Calibration, history: History) -> Scenarios:
    """Log returns as they were over every window of h steps that holds a day named, each once, the earliest first.

    A window ends with the first row that is h steps or more after its own first: over a gap it holds the whole return.
    Variances end where the model's filter saw them go: today's times what it saw after the window over before.

    Raises
    ------
    BadInput : days that the history has no row of, or calm ones.
    """
    first, last = (parse_time(f"{day}T00:00:00Z", field="stress.sets") for day in
                   (name.split("/") if "/" in name else (name, name)))
    named = [i for i, time in enumerate(history.times) if first <= time < last + DAY and i > 0]
    if not named:
        raise BadInput("stress.sets", name, f"days of the history, from {history.labels[1]} to {history.labels[-1]}")
    windows = [(start, end) for start, end in _windows(history.steps.tolist(), model.horizon)
               if start < named[-1] and named[0] <= end]               # rows are in the order of time
    if not windows:
        raise BadInput("stress.sets", name, f"in a stretch of {model.horizon} steps, the horizon, of the history")
    returns = log_returns(history)
    begin, end = (np.array(ends, np.int64) for ends in zip(*windows, strict=True))
    total = np.zeros((len(windows), len(model.assets)))
    for offset in range(int((end - begin).max())):                     # in the order of the steps
        inside = begin + offset < end
        total[inside] = total[inside] + returns[(begin + offset)[inside]]
    steps = history.steps.tolist()
    usual = np.array([math.sqrt(math.fsum(column * column) / math.fsum(steps)) for column in returns.T])        # a step
    lengths = np.array([math.fsum(steps[start:end]) for start, end in windows])
    if np.all(np.abs(total) < LEAST_STRESS * usual * np.sqrt(lengths)[:, None]):
        raise BadInput("stress.sets", name, f"days around which some asset moved by {LEAST_STRESS:g} deviations of its "
                       "history: calm ones are no stress, and thin out the model's tail")
    limit = model.scenarios.clip * RETURN_UNIT
    moved = np.rint(np.clip(total * RETURN_UNIT, -limit, limit)).astype(np.int64)
    today = _today(calibration)
    variances = np.empty(total.shape)
    over = np.append(history.steps, 1)
    for i, volatility in enumerate(model.volatilities):
        path = volatility.variances(returns[:, i], history.steps) / over
        variances[:, i] = np.rint(today[i] * (path[end] / path[begin]))
    return Scenarios(np.clip(moved, -LARGEST_RETURN, LARGEST_RETURN),
                     np.clip(variances, 1, LARGEST_VARIANCE).astype(np.int64), today,
                     Shocks.of("historical", len(windows), len(model.assets), origin=begin))


def _windows(steps: list[int], horizon: int) -> list[tuple[int, int]]:
    """First and last row of every shortest stretch of at least h steps."""
    found, end, length = list[tuple[int, int]](), 0, 0
    for start in range(len(steps)):
        while end < len(steps) and length < horizon:
            length += steps[end]
            end += 1
        if length < horizon:
            break
        found.append((start, end))
        length -= steps[start]
    return found


def _black_swan(model: Model, calibration: Calibration, count: int, innovations: Floats, own: Floats | None
                ) -> Scenarios:
    """Four scenarios over and over: all down or all up, basis below or above.  own : jumps of the paths."""
    paths = simulate(calibration, model.assets, innovations, bound=model.scenarios.clip, jumps=own,
                     followed=model.follows_jumps)
    tail = len(paths.returns) * SWAN_SHARE.numerator // SWAN_SHARE.denominator
    ordered = np.sort(paths.returns, axis=0, kind="stable")
    down, up = (np.array([_mean(column) for column in part.T.tolist()], np.int64)
                for part in (ordered[:tail], ordered[-tail:]))
    corner = np.arange(count, dtype=np.int64) % 4
    m = len(model.assets)
    return Scenarios(np.where(corner[:, None] < 2, down, up), np.tile(paths.today, (count, 1)), paths.today,
                     Shocks.of("black-swan", count, m, volatility=SWAN_VOLATILITY,
                               basis=np.where(corner % 2 == 0, -SWAN_BASIS, SWAN_BASIS)))


def _mean(values: list[int]) -> int:
    """Away from 0, so that the stress is not less than it says."""
    total = 0
    for value in values:
        total += value
    return total // len(values) if total < 0 else -(-total // len(values))


def _today(calibration: Calibration) -> Ints:
    return simulate(calibration, tuple(map(str, range(len(calibration.variances)))),
                    np.zeros((1, 1, len(calibration.variances)))).today
