"""What a history and a fit give reason to doubt: the gates that concern model and history alone (G4, G6, G7, G10)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from risk.market.history import History
from risk.models.calibration import log_returns
from risk.models.model import Model

_LONGEST_INTEGRATED = 10


@dataclass(frozen=True)
class Doubt:
    """gate : "G4" to "G10".  accepted : the reason in the model file, or None."""

    gate: str
    field: str
    found: str
    bound: str
    accepted: str | None

    def __str__(self) -> str:
        text = f"[{self.gate}] {self.field} is {self.found}: must be {self.bound}"
        return text if self.accepted is None else f"{text} (accepted: {self.accepted})"


def doubts(model: Model, history: History) -> Iterator[Doubt]:
    """Every gate that a model and its history do not pass."""
    bounds, returns = model.gates, log_returns(history)

    def doubt(gate: str, field: str, found: str, bound: str) -> Doubt:
        return Doubt(gate, field, found, bound, bounds.accepted.get(gate))

    if len(returns) < bounds.least_returns:
        yield doubt("G7", "number of returns", str(len(returns)), f"at least {bounds.least_returns:g}")
    for i, (asset, volatility) in enumerate(zip(model.assets, model.volatilities, strict=True)):
        one = returns[:, i] / np.sqrt(history.steps)
        robust = 1.4826 * float(np.median(np.abs(one - np.median(one))))
        wild = np.abs(one - np.median(one)) > bounds.robust_deviations * robust
        for day in np.flatnonzero(wild) if robust > 0 else ():
            label = history.labels[day + 1]
            if label not in model.events:
                yield doubt("G4", f"return of {asset} on {label}", f"{returns[day, i]:+.4f}",
                            f"within {bounds.robust_deviations:g} robust deviations of {robust:.2g}, or in [events]")
        if asset not in model.pegged:
            zero, deviation = float(np.mean(returns[:, i] == 0)), math.sqrt(float(np.mean(one * one)))
            if zero > bounds.zero_returns:
                yield doubt("G10", f"share of zero returns of {asset}", f"{zero:.3g}",
                            f"at most {bounds.zero_returns:g}, or pegged = true")
            if deviation < bounds.least_deviation:
                yield doubt("G10", f"deviation of {asset}", f"{deviation:.2g}",
                            f"at least {bounds.least_deviation:g} a step, or pegged = true")
        yield from _persistence(asset, volatility.persistence, model, doubt) if volatility.family != "ewma" else ()


def half_life(persistence: float) -> float:
    """Steps after which half of a shock to the variance is left."""
    return math.log(0.5) / math.log(persistence) if 0 < persistence < 1 else (math.inf if persistence else 0.0)


def _persistence(asset: str, persistence: float, model: Model, doubt: object) -> Iterator[Doubt]:
    assert callable(doubt)
    steps = half_life(persistence)
    if steps <= model.gates.half_life:
        return
    if asset not in model.integrated:
        yield doubt("G6", f"half-life of {asset}'s variance", f"{steps:.4g} steps",
                    f"at most {model.gates.half_life:g}, or declared by integrated = true")
    elif model.horizon > _LONGEST_INTEGRATED:
        yield doubt("G6", f"horizon with {asset} integrated", str(model.horizon), f"at most {_LONGEST_INTEGRATED}")
