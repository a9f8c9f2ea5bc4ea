"""The step from one conditional variance to the next, along a history and along simulated paths, in machine code.

    v' = omega + (alpha + gamma [e < 0]) e**2 + beta v

is EWMA (omega = gamma = 0, alpha = 1 - beta), GARCH(1,1) (gamma = 0) and GJR in one; see `risk.models.volatility`. The
bits are those of the same formulas in NumPy, whatever the number of threads.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.native import compiled_ieee, inlined_ieee
from primitives.threads import share

Floats = NDArray[np.float64]
_LEAST = 4096
"""Paths that are worth a thread of their own."""


class Recursion(NamedTuple):
    """Parameters per step. persistence : share of a variance expected to be left one step later, unseen."""

    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    persistence: float


def filtered(recursion: Recursion, first: float, returns: Floats, steps: NDArray[np.int64]) -> Floats:
    """Conditional variances of n returns, each over all of its steps, and of the single step after: (n,) -> (n + 1,).

    Parameters
    ----------
    first : variance of the first step.
    steps : how many steps each return spans, >= 1. Over more than one, variances follow their expectation, and the
        last step is taken to have had its share of the surprise.
    """
    out = np.empty(len(returns) + 1)
    _filter(np.array((*recursion, first)), np.ascontiguousarray(returns), np.ascontiguousarray(steps, np.int64), out)
    return out


def paths(recursion: Recursion, first: float, innovations: Floats) -> tuple[Floats, Floats]:
    """Log returns over h steps and the variance of the step after: (S, h) -> (S,), (S,).

    Parameters
    ----------
    first : variance of the first step.
    innovations : of unit variance; any strides.
    """
    parameters = np.array((*recursion, first))
    total, after = np.empty(len(innovations)), np.empty(len(innovations))
    share(len(innovations), lambda begin, end: _paths(parameters, innovations[begin:end], total[begin:end],
                                                      after[begin:end]), least=_LEAST)
    return total, after


@inlined_ieee
def step(variance: float, surprise: float, square: float, omega: float, alpha: float, gamma: float,
         beta: float) -> float:
    """The next variance; square: of the surprise, or what stands for it."""
    weight = alpha + gamma if surprise < 0.0 else alpha
    return omega + weight * square + beta * variance


@compiled_ieee
def _filter(parameters: Floats, returns: Floats, steps: NDArray[np.int64], out: Floats) -> None:
    mean, omega, alpha, gamma = parameters[0], parameters[1], parameters[2], parameters[3]
    beta, persistence, v = parameters[4], parameters[5], parameters[6]
    for t in range(len(returns)):
        whole = v
        for _ in range(steps[t] - 1):
            v = omega + persistence * v
            whole = whole + v
        out[t] = whole
        e = returns[t] - float(steps[t]) * mean
        square = e * e
        if steps[t] > 1:
            square = square / whole * v
        v = step(v, e, square, omega, alpha, gamma, beta)
    out[len(returns)] = v


@compiled_ieee
def _paths(parameters: Floats, innovations: Floats, total: Floats, after: Floats) -> None:
    mean, omega, alpha, gamma = parameters[0], parameters[1], parameters[2], parameters[3]
    beta, first = parameters[4], parameters[6]
    for i in range(len(total)):
        total[i] = 0.0
        after[i] = first
    for k in range(innovations.shape[1]):
        for i in range(len(total)):
            move = np.sqrt(after[i]) * innovations[i, k]
            total[i] = total[i] + (mean + move)
            after[i] = step(after[i], move, move * move, omega, alpha, gamma, beta)
