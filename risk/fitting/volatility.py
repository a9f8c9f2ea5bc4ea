"""Maximum likelihood for one asset's volatility, on any scale, telling what it is unsure of.

Returns are divided by a power of two near their robust deviation, which is exact; what is found is scaled back. So
fit(k r) = (k mean, k**2 omega, alpha, gamma, beta, degrees, skew): optimisers' tolerances see one scale.

SLSQP from several starts, then Newton's method on exact gradients until their norm is below 1e-7, with parameters at
their bounds held there. What is returned is rounded to six significant digits: what is printed is what is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from decimal import ROUND_FLOOR, Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from primitives.errors import BadInput, Said
from risk.fitting.likelihood import Data, Floats, downside, likelihood_of, log_likelihood
from risk.models.innovations import LEAST_DEGREES, MOST_DEGREES, Law
from risk.models.volatility import Volatility

LEAST_RETURNS = 250
"""Fewer are refused; fewer than 500 are doubted."""
FEW_RETURNS = 500
GRADIENT = 1e-7
NAMES = ("mean", "omega", "up", "down", "beta", "eta", "skew")
_LOW = np.array([-10.0, 1e-10, 0.0, 0.0, 0.0, 1 / MOST_DEGREES, -0.99])
_HIGH = np.array([10.0, 10.0, 1.0, 1.0, 1.0, 1 / LEAST_DEGREES, 0.99])
_STARTS = ((0.05, 0.90), (0.10, 0.80), (0.03, 0.96), (0.20, 0.60), (0.01, 0.98))
_COMPLEX_STEP = 1e-30


@dataclass(frozen=True)
class Fit:
    """What was found.

    volatility : rounded.  log_likelihood : of it.  lost : by rounding.
    gradient : norm of the log-likelihood's, before rounding, on normalised returns, of parameters not at bounds.
    errors : standard errors by parameter, from the observed information; absent for those at a bound.
    bounds : parameters at a bound, in words.  doubts : what to be unsure of, in words.
    """

    asset: str
    volatility: Volatility
    log_likelihood: float
    lost: float
    gradient: float
    converged: bool
    returns: int
    errors: dict[str, float]
    bounds: tuple[str, ...]
    doubts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"parameters": self.volatility.to_json(), "log_likelihood": self.log_likelihood, "lost": self.lost,
                "gradient": self.gradient, "converged": self.converged, "returns": self.returns,
                "standard_errors": self.errors, "bounds": list(self.bounds), "doubts": list(self.doubts)}


@dataclass(frozen=True)
class _Problem:
    """A family on normalised data; `integrated` holds persistence at 1."""

    data: Data
    family: str
    law: str
    integrated: bool = False
    free: tuple[int, ...] = field(default=(), init=False)

    def __post_init__(self) -> None:
        names = {"ewma": ("up",), "garch": ("mean", "omega", "up", "beta"),
                 "gjr": ("mean", "omega", "up", "down", "beta")}[self.family]
        names += {"normal": (), "t": ("eta",), "skew-t": ("eta", "skew")}[self.law]
        free = tuple(NAMES.index(name) for name in names if not (name == "beta" and self.integrated))
        object.__setattr__(self, "free", free)

    def full(self, x: NDArray[Any]) -> NDArray[np.complex128]:
        """The whole vector from the free part."""
        out = np.zeros(7, np.complex128)
        out[list(self.free)] = x
        if self.family != "gjr":
            out[3] = out[2]
        if self.family == "ewma" or self.integrated:
            share = downside(out, self.law)
            out[4] = 1 - out[2] - share * (out[3] - out[2])
        return out

    def value(self, x: NDArray[Any]) -> float:
        found = log_likelihood(self.data, self.full(x), self.law).real
        return found if math.isfinite(found) else -1e300

    def gradient(self, x: Floats) -> Floats:
        out = np.empty(len(x))
        for i in range(len(x)):
            moved = x.astype(np.complex128)
            moved[i] += 1j * _COMPLEX_STEP
            out[i] = log_likelihood(self.data, self.full(moved), self.law).imag / _COMPLEX_STEP
        return out

    def hessian(self, x: Floats) -> Floats:
        """By central differences of the gradient."""
        out = np.empty((len(x), len(x)))
        low, high = self.bounds
        for i in range(len(x)):
            h = min(1e-5 * max(abs(x[i]), 1e-3), 0.5 * max(x[i] - low[i], 1e-12), 0.5 * max(high[i] - x[i], 1e-12))
            up, down = x.copy(), x.copy()
            up[i], down[i] = x[i] + h, x[i] - h
            out[i] = (self.gradient(up) - self.gradient(down)) / (up[i] - down[i])
        return 0.5 * (out + out.T)

    @property
    def bounds(self) -> tuple[Floats, Floats]:
        low, high = _LOW[list(self.free)].copy(), _HIGH[list(self.free)].copy()
        if self.family == "ewma":
            low[0], high[0] = 1e-4, 0.5
        return low, high

    def room(self, x: NDArray[Any]) -> float:
        """1 - persistence."""
        full = self.full(x)
        return float((1 - full[2] - downside(full, self.law) * (full[3] - full[2]) - full[4]).real)

    def start(self, up: float, beta: float) -> Floats:
        full = np.array([0.0, self.data.variance * max(1 - up - beta, 1e-3), up, up, beta, 1 / 6, 0.0])
        return np.clip(full[list(self.free)], *self.bounds)


def fit(returns: Floats, spans: NDArray[np.int64] | None = None, *, family: str = "garch", law: str = "t",
        asset: str = "asset") -> Fit:
    """The most likely parameters.

    Parameters
    ----------
    returns : (n,), log returns.  spans : int64 (n,), how many steps each spans; by default one.
    family, law : see `Volatility`, `Law`.

    Raises
    ------
    BadInput : fewer than 250 returns, or returns that never move.
    """
    if len(returns) < LEAST_RETURNS:
        raise BadInput(f"number of returns of {asset}", len(returns), f"at least {LEAST_RETURNS} to fit a volatility")
    spans = np.ones(len(returns), np.int64) if spans is None else spans
    scale = _scale(returns, spans, asset)
    data = Data(returns / scale, spans)
    problem, x, spread = _best(_Problem(data, family, law))
    x, gradient, held = _polish(problem, x)
    if family != "ewma" and not problem.integrated and problem.room(x) < 1e-7:
        problem, x, gradient, held = _integrated(problem, x)
    volatility = rounded(problem.full(x).real, family, law, scale, problem.integrated)
    best = problem.value(x) - len(returns) * math.log(scale)
    kept = likelihood_of(volatility, returns, spans)
    converged = gradient < GRADIENT and best - kept < 0.005
    errors, flat = _errors(problem, x, held, scale)
    bounds = tuple(_at_bound(problem, i, x) for i in held) + (("alpha + beta = 1: shocks never die out",)
                                                              if problem.integrated else ())
    return Fit(asset, volatility, kept, best - kept, gradient, converged, len(returns), errors, bounds,
               tuple(_doubts(volatility, len(returns), errors, flat, spread, converged)))


def _scale(returns: Floats, spans: NDArray[np.int64], asset: str) -> float:
    """A power of two near the deviation per step: by the median, or the mean square where most returns are zero."""
    one = np.abs(returns - np.median(returns)) / np.sqrt(spans)
    robust, plain = 1.4826 * float(np.median(one)), float(np.sqrt(np.mean(one * one)))
    if not plain > 0:
        raise BadInput(f"returns of {asset}", Said("all equal"), "of a price that moves")
    return float(2.0 ** round(math.log2(max(robust, 0.1 * plain))))


def _best(problem: _Problem) -> tuple[_Problem, Floats, float]:
    """The best of several starts, and how far in likelihood the worst that another start ended at stays behind."""
    found = []
    count = len(problem.data)
    bounds = list(zip(*problem.bounds, strict=True))
    held = [] if problem.family == "ewma" or problem.integrated else [{"type": "ineq", "fun": problem.room}]
    for up, beta in _STARTS:
        result = minimize(lambda x: -problem.value(x) / count, problem.start(up, beta),
                          jac=lambda x: -problem.gradient(x) / count, bounds=bounds, constraints=held, method="SLSQP",
                          options={"maxiter": 300, "ftol": 1e-13})
        x = np.clip(result.x, *problem.bounds)
        if problem.integrated or problem.family == "ewma" or problem.room(x) > -1e-8:
            found.append((problem.value(x), x))
    if not found:
        raise BadInput("optimum of the fit", Said("out of bounds from every start"), "within bounds")
    best, x = max(found, key=lambda one: one[0])
    return problem, x, best - min(value for value, _ in found)


def _polish(problem: _Problem, x: Floats) -> tuple[Floats, float, list[int]]:
    """Newton's method with an active set: where it ends, the norm of the free gradient, indices held at bounds."""
    low, high = problem.bounds
    norm = math.inf
    held: list[int] = []
    for _ in range(60):
        gradient = problem.gradient(x)
        near = 1e-9 * np.maximum(1.0, np.abs(high - low)) * np.where(np.abs(low) < 1e-6, 1e-1, 1.0)
        held = [i for i in range(len(x)) if (x[i] - low[i] <= near[i] and gradient[i] <= 0)
                or (high[i] - x[i] <= near[i] and gradient[i] >= 0)]
        free = [i for i in range(len(x)) if i not in held]
        norm = float(np.linalg.norm(gradient[free]))
        if norm < GRADIENT or not free:
            break
        hessian = problem.hessian(x)[np.ix_(free, free)]
        values, vectors = np.linalg.eigh(hessian)
        step = np.zeros(len(x))
        step[free] = vectors @ ((vectors.T @ gradient[free]) / np.maximum(np.abs(values), 1e-8))
        length, before = 1.0, problem.value(x)
        while length > 1e-10:
            moved = np.clip(x + length * step, low, high)
            inside = problem.integrated or problem.family == "ewma" or problem.room(moved) > -1e-9
            if inside and (problem.value(moved) > before or
                           (problem.value(moved) > before - 1e-9 * abs(before)
                            and np.linalg.norm(problem.gradient(moved)[free]) < norm)):
                x = moved
                break
            length *= 0.5
        else:
            break
    return x, norm, held


def _integrated(problem: _Problem, x: Floats) -> tuple[_Problem, Floats, float, list[int]]:
    """The same with persistence held at 1, from where the constrained fit ended."""
    held = _Problem(problem.data, problem.family, problem.law, integrated=True)
    beta = problem.free.index(NAMES.index("beta"))
    return (held, *_polish(held, np.delete(x, beta)))


def rounded(full: Floats, family: str, law: str, scale: float, integrated: bool) -> Volatility:
    """Scaled back and rounded to six significant digits; where persistence is 1, beta is what alpha and gamma leave."""
    def six(value: float) -> float:
        return float(f"{value:.6g}")

    mean, omega, up, down, beta, eta, skew = full.tolist()
    innovations = Law(law, None if law == "normal" else six(min(max(1 / eta, LEAST_DEGREES), MOST_DEGREES)),
                      six(skew) if law == "skew-t" else 0.0)
    if family == "ewma":
        return Volatility.ewma(six(beta), innovations)
    alpha = max(round(six(up), 6), 0.0)
    gamma = round(six(down - up), 6) if family == "gjr" else 0.0
    gamma = max(gamma, -alpha)
    room = 1 - Decimal(repr(alpha)) - Decimal(repr(gamma)) * Decimal(repr(innovations.downside))
    most = room.quantize(Decimal("1e-9"), ROUND_FLOOR)
    exact = most if integrated else min(Decimal(repr(six(beta))), most)
    return Volatility(family, six(mean * scale), six(omega * scale * scale), alpha, float(max(exact, Decimal(0))),
                      gamma, innovations)


def _errors(problem: _Problem, x: Floats, held: list[int], scale: float) -> tuple[dict[str, float], bool]:
    """Standard errors in the units of the model file, and whether the likelihood is flat in some direction."""
    free = [i for i in range(len(x)) if i not in held]
    if not free:
        return {}, False
    information = -problem.hessian(x)[np.ix_(free, free)]
    values, vectors = np.linalg.eigh(information)
    if not values[0] > 0:
        return {}, True
    covariance = (vectors / values) @ vectors.T
    at = {NAMES[problem.free[i]]: j for j, i in enumerate(free)}
    units = {"mean": ("mean", scale), "omega": ("omega", scale * scale), "up": ("alpha", 1.0), "beta": ("beta", 1.0),
             "skew": ("skew", 1.0)}
    if problem.family == "ewma":
        units["up"] = ("lambda", 1.0)
    out = {units[name][0]: units[name][1] * math.sqrt(covariance[j, j]) for name, j in at.items() if name in units}
    if "eta" in at:
        eta = float(problem.full(x)[5].real)
        out["degrees"] = math.sqrt(covariance[at["eta"], at["eta"]]) / eta**2
    if "down" in at and "up" in at:
        i, j = at["up"], at["down"]
        out["gamma"] = math.sqrt(max(covariance[i, i] + covariance[j, j] - 2 * covariance[i, j], 0.0))
    return {name: float(f"{value:.3g}") for name, value in out.items()}, False


def _at_bound(problem: _Problem, i: int, x: Floats) -> str:
    name = NAMES[problem.free[i]]
    if name == "eta":
        return "degrees at the least allowed" if x[i] > 0.1 else "degrees at the most allowed: the returns look normal"
    return {'up': 'alpha', 'down': 'alpha + gamma'}.get(name, name) + ' at its bound'


def _doubts(volatility: Volatility, count: int, errors: dict[str, float], flat: bool, spread: float,
            converged: bool) -> list[str]:
    out = []
    if not converged:
        out.append("not converged")
    if count < FEW_RETURNS:
        out.append(f"few data: {count} returns, {FEW_RETURNS} are wanted (G7)")
    if flat:
        out.append("flat likelihood: some direction is not determined by the data")
    if spread > 0.01:
        out.append(f"several optima: another start ended {spread:.3g} behind in log-likelihood")
    values = {**volatility.to_json()}
    for name in ("alpha", "beta", "degrees"):
        if name in errors and errors[name] > 0.5 * max(abs(float(values.get(name, 0.0))), 1e-9):
            out.append(f"{name} is uncertain: {values.get(name)} with a standard error of {errors[name]}")
    return out
