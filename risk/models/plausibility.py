"""What makes a model and its history doubtful, the book aside: the gates G4, G6, G7 and G10.

A gate says where an input is outside of what markets do, by a bound that the model file may set (`Gates`). It refuses,
or is accepted by name with a reason, in the model file or when the epoch is built; the reason is in the manifest. G5,
at least 2.5 degrees of freedom, is `risk.models.innovations`' and cannot be accepted.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from risk.exact.elementary import log
from risk.market.history import History
from risk.models.calibration import Calibration, log_returns
from risk.models.model import Estimator, Model

LONGEST_INTEGRATED = 10
"""Steps that a variance whose shocks never die out may be followed (G6)."""
LARGEST_DEVIATION = 1.5
"""Of a log return over the horizon (G6): at it, one standard deviation is a price divided by 4.5."""
_NORMAL_MAD = 1.4826
"""Deviation of a normal law over its median absolute deviation."""


@dataclass(frozen=True)
class Doubt:
    """gate : "G1" to "G12".  accepted : the reason in the model file, or None."""

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
    """G4, G7 and G10: single returns that no market makes, too few of them, prices that hardly move.

    Robust deviations are 1.4826 times the median absolute deviation from the median, per step of the market.
    """
    bounds, returns = model.gates, log_returns(history)
    if len(returns) < bounds.least_returns and any(v.family != "ewma" for v in model.volatilities):
        yield Doubt("G7", "number of returns", str(len(returns)),
                    f"at least {bounds.least_returns:g} for GARCH parameters")
    for i, asset in enumerate(model.assets):
        one = returns[:, i] / np.sqrt(history.steps)
        middle = _median(one)
        robust = _NORMAL_MAD * _median(np.abs(one - middle))
        wild = np.abs(one - middle) > bounds.robust_deviations * robust
        for day in np.flatnonzero(wild) if robust > 0 else ():
            label = history.labels[day + 1]
            if label not in model.events and label[:10] not in model.events:
                yield Doubt("G4", f"return of {asset} on {label}", f"{returns[day, i]:+.4f}",
                            f"within {bounds.robust_deviations:g} robust deviations of {robust:.2g}, or in [events]")
        if asset not in model.pegged:
            zero = np.count_nonzero(returns[:, i] == 0) / len(returns)
            deviation = math.sqrt(math.fsum(one * one) / len(one))
            if zero > bounds.zero_returns:
                yield Doubt("G10", f"share of zero returns of {asset}", f"{zero:.3g}",
                            f"at most {bounds.zero_returns:g}, or pegged = true")
            if deviation < bounds.least_deviation:
                yield Doubt("G10", f"deviation of {asset}", f"{deviation:.2g}",
                            f"at least {bounds.least_deviation:g} a step, or pegged = true")


def of_parameters(model: Model) -> Iterator[Doubt]:
    """G6: a variance whose shocks hardly die out is declared, and not followed far: every step adds its constant."""
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
    """G6 and G10 on what the next steps are expected to be, with or without a history; handwritten sets expect none."""
    if model.estimator == Estimator.HANDWRITTEN:
        return
    for asset, volatility, variance in zip(model.assets, calibration.volatilities, calibration.variances, strict=True):
        step = math.sqrt(variance)
        if step < model.gates.least_deviation and asset not in model.pegged:
            yield Doubt("G10", f"forecast deviation of {asset}", f"{step:.2g}",
                        f"at least {model.gates.least_deviation:g} a step, or pegged = true")
        average = float(volatility.average_variance(np.array([variance]), model.horizon)[0])
        whole = math.sqrt(model.horizon * average)
        if whole > LARGEST_DEVIATION:
            yield Doubt("G6", f"deviation of {asset} over the horizon", f"{whole:.3g}", f"at most {LARGEST_DEVIATION}")


def half_life(persistence: float) -> float:
    """Steps after which half of a shock to the variance is left."""
    if not 0 < persistence < 1:
        return math.inf if persistence else 0.0
    return float(log(0.5) / log(persistence))


def _median(values: NDArray[np.float64]) -> float:
    """The lower of the two in the middle, if they are even in number."""
    return float(np.sort(values, kind="stable")[(len(values) - 1) // 2])
