"""What makes a model and its history doubtful, the book aside: the gates G4, G6, G7, G10 and G13.

A gate says where an input is outside of what markets do, by a bound that the model file may set (`Gates`). It refuses,
or is accepted by name with a reason, in the model file or when the epoch is built; the reason is in the manifest. G5,
at least 2.5 degrees of freedom, is `risk.models.innovations`' and cannot be accepted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from risk.exact.clock import DAY, parse_time
from risk.exact.elementary import log
from risk.exact.expected_shortfall import expected_shortfall
from risk.market.history import History
from risk.models.calibration import Calibration, log_returns
from risk.models.model import Estimator, Model, Purpose, ScenarioDesign
from risk.models.scenario_set import SHOCK_UNIT
from risk.models.volatility import sample_variance

LONGEST_INTEGRATED = 10
"""Steps that a variance whose shocks never die out may be followed (G6)."""
LARGEST_DEVIATION = 1.5
"""Of a log return over the horizon (G6): at it, one standard deviation is a price divided by 4.5."""
LARGEST_MEAN = 0.25
"""Of a step's deviation (G6): a mean beyond moves every scenario to one side, and with it the margin of the other."""
CLIP_DEVIATIONS = 10.0
"""Over the horizon, that a bound on returns must leave room for (G6), unless it is the usual one or wider."""
LARGEST_RESIDUAL = 2.0
"""Deviation of the history's innovations (G10), 1 by a fit: beyond, the model's variances are not this history's."""
LARGEST_APART = 0.3
"""Between a published correlation and that of the history's innovations (G10)."""
LEAST_DAYS = 250
"""Returns (G7) that days are drawn from, or a forecast begins with."""
LONGEST_UNFITTED = 366 * DAY
"""Seconds (G13) from the last row that parameters were fitted on to the history's last: a year, as models are reviewed
[Regulation (EU) 153/2013, Art. 47 and 60]."""
LARGEST_STRESS_WEIGHT = 0.25
"""Share of stress (G7) that leaves the model's tail thick enough: at it, the worst 2.5 % may be the worst 3.3 % of the
model, which is what Regulation (EU) 153/2013, Art. 28 (1) b asks for."""
LEAST_POPULATION = 2**16
"""Paths (G7) whose Expected Shortfall another seed moves by less than the error that is stated of the scenarios."""
LEAST_SCAN = 0.01
"""Of the price (G10): Expected Shortfall of an asset by a set that is written down, on either side."""
LARGEST_DRIFT_ERRORS = 4.0
"""Standard errors of a history's mean (G13) that a drift with jumps may be away from it."""
_NORMAL_MAD = 1.4826
"""Deviation of a normal law over its median absolute deviation."""


@dataclass(frozen=True)
class Doubt:
    """gate : "G1" to "G16".  accepted : the reason in the model file, or None."""

    gate: str
    field: str
    found: str
    bound: str
    accepted: str | None = None

    def __str__(self) -> str:
        text = f"[{self.gate}] {self.field} is {self.found}: must be {self.bound}"
        return text if self.accepted is None else f"{text} (accepted: {self.accepted})"


def doubts(model: Model, history: History) -> Iterator[Doubt]:
    """Every gate that a model and its history do not pass."""
    for doubt in (*of_history(model, history), *of_parameters(model)):
        yield Doubt(doubt.gate, doubt.field, doubt.found, doubt.bound, model.gates.accepted.get(doubt.gate))


def of_history(model: Model, history: History) -> Iterator[Doubt]:
    """G4, G7, G10, G13: single returns that no market makes, too few of them, prices that hardly move, an old fit,
    jumps that drift.

    Robust deviations are 1.4826 times the median absolute deviation from the median, per step of the market.
    """
    bounds, returns = model.gates, log_returns(history)
    yield from _of_window(model, history)
    fitted = any(v.family != "ewma" for v in model.volatilities)
    least = bounds.least_returns if fitted else min(LEAST_DAYS, bounds.least_returns)
    if len(returns) < least:
        yield Doubt("G7", "number of returns", str(len(returns)),
                    f"at least {least:g} for {'GARCH parameters' if fitted else 'a forecast and days to draw'}")
    for i, asset in enumerate(model.assets):
        one = returns[:, i] / np.sqrt(history.steps)
        middle = _median(one)
        robust = _NORMAL_MAD * _median(np.abs(one - middle))
        wild = np.abs(one - middle) > bounds.robust_deviations * robust
        for day in np.flatnonzero(wild) if robust > 0 else ():
            label = history.labels[day + 1]
            if label not in model.events and label[:10] not in model.events:
                yield Doubt("G4", f"return of {asset} on {label}", f"{returns[day, i]:+.4f}",
                            f"within {bounds.robust_deviations:g} robust deviations of {robust:.2g}, or real and said "
                            f"so: [events] \"{label[:10]}\" = \"why\" in the model file")
        if asset not in model.pegged:
            zero = np.count_nonzero(returns[:, i] == 0) / len(returns)
            deviation = math.sqrt(math.fsum(one * one) / len(one))
            if zero > bounds.zero_returns:
                yield Doubt("G10", f"share of zero returns of {asset}", f"{zero:.3g}",
                            f"at most {bounds.zero_returns:g}, or pegged = true")
            if deviation < bounds.least_deviation:
                yield Doubt("G10", f"deviation of {asset}", f"{deviation:.2g}",
                            f"at least {bounds.least_deviation:g} a step, or pegged = true")
    yield from _of_innovations(model, history)
    yield from _of_jumps(model, history)


def fit_window(model: Model, history: History) -> History:
    """The rows that the model says its parameters were fitted on; all, where it says nothing.

    Raises
    ------
    BadInput : rows that the history has not: of another first or last one, or fewer than two.
    """
    if model.fitted is None:
        return history
    texts = (model.fitted.since, model.fitted.until)
    since, until = (parse_time(text if "T" in text else f"{text}T00:00:00Z", field="fitted") for text in texts)
    for name, text, time in (("since", texts[0], since), ("until", texts[1], until)):
        if time not in history.times:
            raise BadInput(f"fitted.{name}", text, f"a row of the history, {history.labels[0]} to {history.labels[-1]}")
    return history.between(since, until)


def _of_window(model: Model, history: History) -> Iterator[Doubt]:
    """G7 and G13 on what parameters were fitted on: a part that is long enough, and not long ago."""
    if model.fitted is None:
        return
    window = fit_window(model, history)
    if len(window.steps) < model.gates.least_returns:
        yield Doubt("G7", "number of returns that were fitted on", str(len(window.steps)),
                    f"at least {model.gates.least_returns:g}")
    if history.closed - window.closed > LONGEST_UNFITTED:
        yield Doubt("G13", "fitted.until", model.fitted.until, f"within {LONGEST_UNFITTED // DAY} days of the "
                    f"history's last row, {history.labels[-1]}")


def _of_innovations(model: Model, history: History) -> Iterator[Doubt]:
    """G10: parameters that leave more to innovations than their law has, or correlations that the history has not.

    Coarse, and without a fit: what `tailproof model check` finds to the hundredth of a likelihood, every audit finds
    where it would take most of a margin away.
    """
    returns = log_returns(history)
    found = np.stack([volatility.residuals(one, history.steps) if np.any(one) else one
                      for volatility, one in zip(model.volatilities, returns.T, strict=True)], axis=1)
    deviations = [math.sqrt(math.fsum(column * column) / len(column)) for column in found.T]
    expected = _with_jumps(model, history)
    for i, (asset, deviation) in enumerate(zip(model.assets, deviations, strict=True)):
        most = LARGEST_RESIDUAL * math.sqrt(1.0 + expected[i][i])
        if deviation > most:
            yield Doubt("G10", f"deviation of the history's innovations of {asset}", f"{deviation:.3g}",
                        f"at most {round(most, 2)}: the model's variances are not those of this history")
    matrix = model.correlation.matrix
    for i, j in () if matrix is None else combinations(range(len(model.assets)), 2):
        assert matrix is not None                      # just looked
        stated = (matrix[i][j] + expected[i][j]) / math.sqrt((1.0 + expected[i][i]) * (1.0 + expected[j][j]))
        scale = deviations[i] * deviations[j] * len(found)
        seen = math.fsum(found[:, i] * found[:, j]) / scale if scale else stated
        if abs(stated - seen) > LARGEST_APART:
            yield Doubt("G10", f"correlation of {model.assets[i]} and {model.assets[j]}", f"{stated:g}",
                        f"within {LARGEST_APART} of the {seen:.2f} that the history's innovations have")


def _with_jumps(model: Model, history: History) -> list[list[float]]:
    """What fitted jumps add to the second moments of the history's innovations, (m, m): volatilities and correlations
    leave it to them. Nothing where jumps are on top, and the others are the whole."""
    m = len(model.assets)
    if model.jumps is None or not model.jumps.fitted:
        return [[0.0] * m for _ in range(m)]
    returns, each = log_returns(history), model.jumps.intensity / model.steps_per_year
    sizes = [math.sqrt(each * model.jumps.expected_square(i))
             * np.sqrt(history.steps / volatility.variances(returns[:, i], history.steps)[:-1])
             for i, volatility in enumerate(model.volatilities)]
    return [[(1.0 if i == j else model.jumps.systemic) * math.fsum(sizes[i] * sizes[j]) / len(returns)
             for j in range(m)] for i in range(m)]


def _of_jumps(model: Model, history: History) -> Iterator[Doubt]:
    """G13: jumps that carry prices where the history did not go, and with it one side's losses away.

    Coarse, and without a fit, as G10 of innovations: whatever jumps do to tails, their drift and the volatility's own
    are the mean of the model's returns. Of parameters that were fitted on a part of the history, that part's mean is as
    good; how far from it, the whole history says, or a short part would excuse more.
    """
    if model.jumps is None:
        return
    returns, steps, window = log_returns(history), math.fsum(history.steps.tolist()), fit_window(model, history)
    for i, (asset, volatility) in enumerate(zip(model.assets, model.volatilities, strict=True)):
        drift = volatility.mean + model.jumps.intensity / model.steps_per_year * model.jumps.expected_size(i)
        means = dict.fromkeys(math.fsum(log_returns(one)[:, i]) / math.fsum(one.steps.tolist())
                              for one in (history, window))
        error = math.sqrt(sample_variance(returns[:, i], history.steps) / steps)
        if all(abs(drift - seen) > LARGEST_DRIFT_ERRORS * error for seen in means):
            yield Doubt("G13", f"drift of {asset} with its jumps", f"{drift:.3g} a step", f"within "
                        f"{LARGEST_DRIFT_ERRORS:g} standard errors of {error:.2g} of the history's "
                        + ", or of what was fitted on, ".join(f"{seen:.3g}" for seen in means))


def of_parameters(model: Model) -> Iterator[Doubt]:
    """G6: a variance whose shocks hardly die out is declared, and not followed far: every step adds its constant. G7: a
    population of few paths, a tail that stress thins out. G10: a set that is written down and hardly moves."""
    weighted = not model.shape.tail.uniform
    if weighted and model.purpose != Purpose.TRIAL and model.scenarios.population < LEAST_POPULATION:
        yield Doubt("G7", "scenarios.population", str(model.scenarios.population),
                    f"at least {LEAST_POPULATION}: another seed moves the margins of fewer paths")
    if model.stress.weight > LARGEST_STRESS_WEIGHT:
        share = model.shape.tail.share(model.shape.scenarios)
        yield Doubt("G7", "stress.weight", f"{model.stress.weight:g}", f"at most {LARGEST_STRESS_WEIGHT:g}: where "
                    f"stress loses less than the model, the worst {float(share):.2%} are the worst "
                    f"{float(share) / (1 - model.stress.weight):.2%} of the model")
    yield from _of_set(model)
    for asset, volatility in zip(model.assets, model.volatilities, strict=True):
        steps = half_life(volatility.persistence)
        if steps <= model.gates.half_life:
            continue
        if volatility.family == "ewma":                # declared by its family, and without a constant that adds up
            continue
        if asset not in model.integrated:
            yield Doubt("G6", f"half-life of {asset}'s variance", f"{steps:.4g} steps",
                        f"at most {model.gates.half_life:g}, or declared by integrated = true")
        elif model.horizon > LONGEST_INTEGRATED:
            yield Doubt("G6", f"horizon with {asset} integrated", str(model.horizon), f"at most {LONGEST_INTEGRATED}")


def of_state(model: Model, calibration: Calibration) -> Iterator[Doubt]:
    """G6 and G10 on what the next steps are expected to be, with or without a history; handwritten sets expect none.

    Without, these numbers are the publisher's word: a bound on returns, or a mean, that takes one side's losses away
    is refused here.
    """
    if model.estimator == Estimator.HANDWRITTEN:
        return
    for asset, volatility, variance in zip(model.assets, calibration.volatilities, calibration.variances, strict=True):
        step = math.sqrt(variance)
        if step < model.gates.least_deviation and asset not in model.pegged:
            yield Doubt("G10", f"forecast deviation of {asset}", f"{step:.2g}",
                        f"at least {model.gates.least_deviation:g} a step, or pegged = true")
        average = float(volatility.average_variance(np.array([variance]), model.horizon)[0])
        place = model.assets.index(asset)
        each = 0.0 if model.jumps is None else model.jumps.intensity / model.steps_per_year      # jumps a step
        drift = volatility.mean if model.jumps is None else volatility.mean + each * model.jumps.expected_size(place)
        jumped = 0.0 if model.jumps is None else model.horizon * each * model.jumps.expected_square(place)
        whole = math.sqrt(model.horizon * average + jumped)
        if whole > LARGEST_DEVIATION:
            yield Doubt("G6", f"deviation of {asset} over the horizon", f"{whole:.3g}", f"at most {LARGEST_DEVIATION}")
        if abs(drift) > LARGEST_MEAN * step:
            yield Doubt("G6", f"mean of {asset}", f"{drift:g}",
                        f"within {LARGEST_MEAN} of the forecast deviation {step:.2g}")
        if model.scenarios.clip < min(ScenarioDesign.clip, CLIP_DEVIATIONS * whole):
            yield Doubt("G6", "scenarios.clip", f"{model.scenarios.clip:g}", f"at least {ScenarioDesign.clip:g}, or "
                        f"{CLIP_DEVIATIONS:g} deviations of {asset} over the horizon, {CLIP_DEVIATIONS * whole:.3g}")


def _of_set(model: Model) -> Iterator[Doubt]:
    """G10 on a handwritten set: what each asset loses by it, held and owed."""
    if model.set is None:
        return
    rows = [model.set.rows[s % len(model.set.rows)] for s in range(model.shape.scenarios)]
    for i, asset in enumerate(model.assets):
        moves = [row.spot[i] * row.damping // SHOCK_UNIT for row in rows]
        for side, losses in (("long", [-move for move in moves]), ("short", moves)):
            worst = expected_shortfall(losses, model.shape.tail).ceiling / SHOCK_UNIT
            if worst < LEAST_SCAN:
                yield Doubt("G10", f"Expected Shortfall of {asset} held {side} by the set", f"{worst:.3g} of the price",
                            f"at least {LEAST_SCAN:g}")


def half_life(persistence: float) -> float:
    """Steps after which half of a shock to the variance is left."""
    if not 0 < persistence < 1:
        return math.inf if persistence else 0.0
    return float(log(0.5) / log(persistence))


def _median(values: NDArray[np.float64]) -> float:
    """The lower of the two in the middle, if they are even in number."""
    return float(np.sort(values, kind="stable")[(len(values) - 1) // 2])
