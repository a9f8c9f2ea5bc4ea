"""Profit-and-loss attribution: whether what a risk model says a book gained is what full revaluation says [Basel
Committee, Minimum capital requirements for market risk, MAR32]. Here the model is interpolation on a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from primitives.errors import BadInput, Said
from risk.backtests.distributions import Floats

LEAST = 20
GREEN_SPEARMAN, RED_SPEARMAN = 0.80, 0.70
GREEN_KS, RED_KS = 0.09, 0.12


@dataclass(frozen=True)
class Attribution:
    """spearman : rank correlation of both.  ks : largest distance of their distributions.  zone : the worse of theirs,
    green, amber or red."""

    spearman: float
    ks: float
    zone: str


def attribute(model: Floats, full: Floats) -> Attribution:
    """Of the same days or scenarios: two times (n,), gains positive.

    Raises
    ------
    BadInput : numbers that differ, fewer than 20, a value that is no number, or one that never changes.
    """
    if len(model) != len(full) or len(model) < LEAST:
        raise BadInput("number of gains", Said(f"{len(model)} and {len(full)}"), f"the same for both, at least {LEAST}")
    for name, values in (("model", model), ("full", full)):
        if not np.isfinite(values).all():
            at = int(np.argmin(np.isfinite(values)))
            raise BadInput(f"{name}[{at}]", float(values[at]), "a finite number")
        if (values == values[0]).all():
            raise BadInput(name, float(values[0]), "gains of more than one size: ranks of equals say nothing")
    correlation, distance = spearman(model, full), kolmogorov_smirnov(model, full)
    green = correlation > GREEN_SPEARMAN and distance < GREEN_KS
    red = correlation < RED_SPEARMAN or distance > RED_KS
    return Attribution(correlation, distance, "red" if red else "green" if green else "amber")


def spearman(x: Floats, y: Floats) -> float:
    """Correlation of ranks, equals sharing theirs."""
    a, b = _ranks(x), _ranks(y)
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))


def kolmogorov_smirnov(x: Floats, y: Floats) -> float:
    """Largest distance of the two empirical distributions."""
    at = np.concatenate([x, y])
    below = [np.searchsorted(np.sort(values), at, side="right") / len(values) for values in (x, y)]
    return float(np.abs(below[0] - below[1]).max())


def _ranks(x: Floats) -> Floats:
    ordered = np.sort(x)
    found: Floats = (np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right") + 1) / 2
    return found
