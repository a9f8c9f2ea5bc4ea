"""Maximum likelihood for jumps and the volatilities of all assets at once, and for how many of the jumps are systemic.

Volatilities that are fitted alone have the jumps of their history in them already, in heavy tails and in variances that
jumps have raised. So the two are fitted together: the sum over assets of the log-likelihood of each asset's returns
(`risk.fitting.jump_likelihood`), with intensity and sizes the same for all assets, times each one's scale. Innovations
are normal: beside heavy tails, jumps are hardly told apart.

How many jumps all assets have together does not show in one asset's returns. Given all else, it is what makes pairs of
returns likeliest, a mixture of bivariate normals over the numbers of common and own jumps: exactly for
Merton's sizes, with their first two moments for Kou's. Correlation is the model's own.

What is looked for are numbers without bounds (logarithms, shares by softmax), by BFGS from several starts, then by
Newton's method on exact gradients until half of g' H**-1 g, what there is to gain, is next to nothing.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, minimize_scalar

from primitives.errors import BadInput, Said
from risk.fitting import volatility as volatilities
from risk.fitting.jump_likelihood import Law, likelihood_of, log_likelihood
from risk.fitting.likelihood import Data
from risk.fitting.volatility import Fit
from risk.models.jumps import MOST_A_YEAR, MOST_EXPECTED, Jumps
from risk.models.volatility import Volatility

Floats = NDArray[np.float64]
Steps = NDArray[np.int64]
Vector = NDArray[np.complex128]
SOURCE = "maximum likelihood, together with the volatilities"
GAIN = 1e-6
"""Of log-likelihood, that a fit leaves ungained where it has converged."""
MOST_INTENSITY = 0.25
"""A step: more is no jump but a way to move."""
LEAST_FOUND = 1.0
"""Jumps of an asset that the history must be expected to have: with fewer there is nothing to fit."""
FEW_FOUND = 10.0
_COMPLEX_STEP = 1e-30
_STARTS = ((0.02, 3.0), (0.1, 1.5), (0.005, 5.0))
"""Jumps a step, and their size in deviations."""
_PAIRED = 3
"""Common jumps in a step, and own ones, that pairs are taken to have at most."""


@dataclass(frozen=True)
class JumpFit:
    """What was found.

    jumps, volatilities : rounded, of all assets.  log_likelihood : of them.  lost : by rounding.
    gain : over the volatilities alone, with normal innovations.  left : of log-likelihood, that another step of
    Newton's method would gain.  found : jumps of an asset that the history is expected to have.
    """

    jumps: Jumps
    volatilities: tuple[Volatility, ...]
    log_likelihood: float
    lost: float
    gain: float
    left: float
    converged: bool
    found: float
    doubts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        own = {name: value for name, value in vars(self.jumps).items() if name not in ("scale", "fitted", "source")}
        return {"parameters": {**own, "sizes": dict(self.jumps.sizes), "scale": list(self.jumps.scale)},
                "log_likelihood": self.log_likelihood, "lost": self.lost, "gain": self.gain, "left": self.left,
                "converged": self.converged, "jumps_expected": self.found, "doubts": list(self.doubts)}


@dataclass(frozen=True)
class _Problem:
    """data, families : of each asset.  family : of the jumps.  unit : a size, the first asset's deviation.
    most : intensity a step."""

    data: tuple[Data, ...]
    families: tuple[str, ...]
    family: str
    unit: float
    most: float

    @property
    def own(self) -> list[slice]:
        """Where each asset's parameters are: mean in units, log omega, shares of persistence."""
        ends = [0, *itertools.accumulate(4 if family == "garch" else 5 for family in self.families)]
        return [slice(begin, end) for begin, end in itertools.pairwise(ends)]

    @property
    def common(self) -> int:
        """Where those of the jumps begin: intensity, sizes, scales of all assets but the first."""
        return self.own[-1].stop

    @property
    def count(self) -> int:
        return self.common + (3 if self.family == "merton" else 4) + len(self.data) - 1

    def full(self, x: NDArray[Any], asset: int) -> Vector:
        """As `risk.fitting.likelihood` has it."""
        mean, omega, *shares = x[self.own[asset]]
        weights = np.exp(np.array([*shares, 0.0]) - max(0.0, *(share.real for share in shares)))
        parts = weights / np.sum(weights)
        up, down, beta = (parts[0], parts[0], parts[1]) if self.families[asset] == "garch" else \
            (2 * parts[0], 2 * parts[1], parts[2])
        return np.array([self.unit * mean, self.unit**2 * np.exp(omega), up, down, beta, 0.0, 0.0], np.complex128)

    def law(self, x: NDArray[Any], asset: int) -> Law:
        at = self.common
        scale = np.exp(x[self.count - len(self.data) + asset]) if asset else 1.0
        intensity = self.most / (1 + np.exp(-x[at]))
        if self.family == "merton":
            return Law("merton", intensity, (scale * self.unit * x[at + 1], scale * self.unit * np.exp(x[at + 2])))
        return Law("kou", intensity, (1 / (1 + np.exp(-x[at + 1])), *(scale * self.unit * np.exp(x[at + 2 + i])
                                                                      for i in range(2))))

    def value(self, x: Floats) -> float:
        with np.errstate(all="ignore"):
            found = sum(self._of(x, asset).real for asset in range(len(self.data)))
        return found if math.isfinite(found) else -1e300

    def _of(self, x: NDArray[Any], asset: int) -> complex:
        return log_likelihood(self.data[asset], self.full(x, asset), self.law(x, asset))

    def gradient(self, x: Floats) -> Floats:
        out = np.zeros(len(x))
        for i in range(len(x)):
            moved = x.astype(np.complex128)
            moved[i] += 1j * _COMPLEX_STEP
            with np.errstate(all="ignore"):
                for asset, own in enumerate(self.own):
                    if i >= self.common or own.start <= i < own.stop:
                        out[i] += self._of(moved, asset).imag / _COMPLEX_STEP
        return np.nan_to_num(out, posinf=0.0, neginf=0.0)

    def hessian(self, x: Floats) -> Floats:
        """By central differences of the gradient."""
        out, h = np.empty((len(x), len(x))), 1e-5
        for i in range(len(x)):
            step = np.zeros(len(x))
            step[i] = h
            out[i] = (self.gradient(x + step) - self.gradient(x - step)) / (2 * h)
        return 0.5 * (out + out.T)


def fit(returns: Floats, spans: Steps, *, families: Sequence[str], family: str, assets: Sequence[str],
        steps_per_year: float, horizon: int, start: tuple[Sequence[Volatility], Jumps] | None = None
        ) -> tuple[JumpFit, tuple[Fit, ...]]:
    """The most likely jumps and volatilities; the share of systemic jumps is left at 1 (`systemic`).

    Parameters
    ----------
    returns : (n, m), log returns.  spans : int64 (n,), how many steps each spans.
    families : of the volatilities, "garch" or "gjr".  family : of the jumps.
    horizon : steps, over which a model may expect one jump at most.
    start : where to begin, too.

    Returns
    -------
    The fit, and the volatilities told as fits of assets.

    Raises
    ------
    BadInput : fewer than 250 returns, or returns that never move; a history in which no jumps are found.
    """
    plain = [volatilities.fit(returns[:, i], spans, family=each, law="normal", asset=asset)
             for i, (each, asset) in enumerate(zip(families, assets, strict=True))]
    data = tuple(Data(column, spans) for column in returns.T)
    problem = _Problem(data, tuple(families), family, math.sqrt(data[0].variance),
                       min(MOST_INTENSITY, MOST_EXPECTED / horizon, MOST_A_YEAR / steps_per_year))
    begins = [_begin(problem, [one.volatility for one in plain], *size) for size in _STARTS]
    if start is not None:
        begins.append(_from_model(problem, *start, steps_per_year))
    ends = [_climbed(problem, begin) for begin in begins]
    x, left = _polished(problem, max(ends, key=problem.value))
    best = problem.value(x)
    rounded = tuple(volatilities.rounded(problem.full(x, i).real, each, "normal", 1.0, False)
                    for i, each in enumerate(families))
    jumps = _rounded(problem, x, steps_per_year)
    kept = math.fsum(likelihood_of(one, jumps, i, steps_per_year, returns[:, i], spans)
                     for i, one in enumerate(rounded))
    found = jumps.intensity / steps_per_year * math.fsum(spans.tolist())
    if found < LEAST_FOUND:
        raise BadInput("jumps of an asset that the history is expected to have", Said(f"{found:.2g}"),
                       f"at least {LEAST_FOUND:g}: with fewer there is nothing to fit")
    converged = left < GAIN and best - kept < 0.005
    gain = kept - math.fsum(one.log_likelihood for one in plain)
    made = JumpFit(jumps, rounded, kept, best - kept, gain, left, converged, found,
                   tuple(_doubts(problem, x, found, gain, best - min(map(problem.value, ends)), converged)))
    fits = tuple(replace(one, volatility=own, log_likelihood=likelihood_of(own, jumps, i, steps_per_year, returns[:, i],
                                                                           spans),
                         lost=(best - kept) / len(plain), gradient=float(np.linalg.norm(problem.gradient(x))),
                         converged=converged, errors={}, bounds=(), doubts=())
                 for i, (one, own) in enumerate(zip(plain, rounded, strict=True)))
    return made, fits


def likelihood(model_volatilities: Sequence[Volatility], jumps: Jumps, returns: Floats, spans: Steps,
               steps_per_year: float) -> float:
    """Log-likelihood of published parameters: the sum over assets."""
    return math.fsum(likelihood_of(one, jumps, i, steps_per_year, returns[:, i], spans)
                     for i, one in enumerate(model_volatilities))


def systemic(model_volatilities: Sequence[Volatility], jumps: Jumps, path: Floats, returns: Floats, spans: Steps,
             steps_per_year: float) -> tuple[float, Callable[[float], float]]:
    """The most likely share of jumps that all assets have together, to six digits, and the log-likelihood of a share:
    the sum over pairs of assets. Of one asset alone any is right: 1.

    Parameters
    ----------
    path : correlations before each return, (n, m, m).
    """
    count = len(model_volatilities)
    e = np.stack([returns[:, i] - spans * one.mean for i, one in enumerate(model_volatilities)], axis=1)
    whole = np.stack([one.variances(returns[:, i], spans)[:-1] for i, one in enumerate(model_volatilities)], axis=1)
    pairs = [_Pair.of(jumps, i, j, e, whole, path[:, i, j]) for i, j in itertools.combinations(range(count), 2)]
    expected = jumps.intensity / steps_per_year * spans.astype(np.float64)

    def value(share: float) -> float:
        return math.fsum(pair.log_likelihood(expected, share) for pair in pairs)

    if not pairs:
        return 1.0, value
    inner = minimize_scalar(lambda share: -value(float(share)), bounds=(0.0, 1.0), method="bounded",
                            options={"xatol": 1e-9})
    return max((float(f"{inner.x:.6g}"), 0.0, 1.0), key=value), value


@dataclass(frozen=True)
class _Pair:
    """Densities of two assets' returns given numbers of jumps, log: (n, common, own of the one, own of the other)."""

    logs: Floats

    @classmethod
    def of(cls, jumps: Jumps, i: int, j: int, e: Floats, whole: Floats, correlation: Floats) -> _Pair:
        unit = replace(jumps, scale=(1.0,))
        mean = unit.expected_size(0)
        variance = unit.expected_square(0) - mean * mean
        common, first, second = (np.arange(_PAIRED + 1).reshape(shape) for shape in ((1, -1, 1, 1), (1, 1, -1, 1),
                                                                                    (1, 1, 1, -1)))
        s, t = jumps.scale[i], jumps.scale[j]
        x = e[:, i, None, None, None] - s * mean * (common + first)
        y = e[:, j, None, None, None] - t * mean * (common + second)
        v = whole[:, i, None, None, None] + s * s * variance * (common + first)
        w = whole[:, j, None, None, None] + t * t * variance * (common + second)
        cross = (correlation * np.sqrt(whole[:, i] * whole[:, j]))[:, None, None, None] + s * t * variance * common
        determinant = v * w - cross * cross
        square = (w * x * x - 2 * cross * x * y + v * y * y) / determinant
        return cls(-math.log(2 * math.pi) - 0.5 * np.log(determinant) - 0.5 * square)

    def log_likelihood(self, expected: Floats, share: float) -> float:
        together, own = _poisson(share * expected), _poisson((1 - share) * expected)
        weights = together[:, :, None, None] * own[:, None, :, None] * own[:, None, None, :]
        top = self.logs.max(axis=(1, 2, 3))
        return float(np.sum(top + np.log(np.sum(weights * np.exp(self.logs - top[:, None, None, None]),
                                                axis=(1, 2, 3)))))


def _poisson(expected: Floats) -> Floats:
    """Probabilities of 0 ... `_PAIRED`: (n, `_PAIRED` + 1)."""
    counts = np.arange(_PAIRED + 1)
    return np.exp(-expected)[:, None] * expected[:, None] ** counts / np.array([math.factorial(n) for n in counts])


# -- the search ------------------------------------------------------------------------------------------------------
def _begin(problem: _Problem, plain: Sequence[Volatility], intensity: float, size: float) -> Floats:
    """Jumps of a size about 0, and volatilities without their share of the variance."""
    unit2 = problem.unit**2
    left = 1.0 / (1.0 + intensity * size * size)
    x = list[float]()
    for one in plain:
        scaled = replace(one, omega=max(left * one.omega, 1e-9 * unit2))
        x += _of_volatility(problem, scaled)
    x.append(_logit(min(intensity / problem.most, 0.9)))
    x += [0.0, math.log(size)] if problem.family == "merton" else [0.0, math.log(size), math.log(size)]
    x += [0.5 * math.log(own.variance / unit2) for own in problem.data[1:]]
    return np.array(x)


def _from_model(problem: _Problem, given: Sequence[Volatility], jumps: Jumps, steps_per_year: float) -> Floats:
    x = [number for one in given for number in _of_volatility(problem, one)]
    s, first = jumps.sizes, jumps.scale[0] / problem.unit
    x.append(_logit(jumps.intensity / steps_per_year / problem.most))
    if problem.family == "merton":
        x += [first * s["mean"], math.log(max(first * s["deviation"], 1e-9))]
    else:
        x += [_logit(s["up_share"]), math.log(first * s["up_mean"]), math.log(first * s["down_mean"])]
    return np.array(x + [math.log(scale / jumps.scale[0]) for scale in jumps.scale[1:]])


def _of_volatility(problem: _Problem, one: Volatility) -> list[float]:
    down = one.alpha + one.gamma
    shares = [one.alpha, one.beta] if one.family == "garch" else [0.5 * one.alpha, 0.5 * down, one.beta]
    slack = max(1.0 - math.fsum(shares), 1e-6)
    return [one.mean / problem.unit, math.log(one.omega / problem.unit**2),
            *(math.log(max(share, 1e-6) / slack) for share in shares)]


def _logit(share: float) -> float:
    inside = min(max(share, 1e-9), 1 - 1e-9)
    return math.log(inside / (1 - inside))


def _climbed(problem: _Problem, x: Floats) -> Floats:
    count = len(problem.data[0]) * len(problem.data)
    found = minimize(lambda at: -problem.value(at) / count, x, jac=lambda at: -problem.gradient(at) / count,
                     method="BFGS", options={"maxiter": 300, "gtol": 1e-7})
    end: Floats = found.x
    return end if problem.value(end) >= problem.value(x) else x


def _polished(problem: _Problem, x: Floats) -> tuple[Floats, float]:
    """Newton's method: where it ends, and what another step would gain."""
    left = math.inf
    for _ in range(40):
        gradient = problem.gradient(x)
        values, vectors = np.linalg.eigh(problem.hessian(x))
        along = vectors.T @ gradient
        bent = np.maximum(np.abs(values), 1e-6)
        left = 0.5 * float(np.sum(along * along / bent))
        if left < 0.01 * GAIN:
            break
        step = vectors @ (along / bent)
        step *= min(1.0, 2.0 / float(np.max(np.abs(step))))
        before, length = problem.value(x), 1.0
        while length > 1e-6 and not problem.value(x + length * step) > before:
            length *= 0.5
        if length <= 1e-6:
            break
        x = x + length * step
    return x, left


def _rounded(problem: _Problem, x: Floats, steps_per_year: float) -> Jumps:
    def six(value: complex) -> float:
        return float(f"{value.real:.6g}")

    law = problem.law(x, 0)
    names = ("mean", "deviation") if problem.family == "merton" else ("up_share", "up_mean", "down_mean")
    scales = (1.0, *(six(np.exp(x[problem.count - len(problem.data) + i])) for i in range(1, len(problem.data))))
    return Jumps(problem.family, six(law.intensity * steps_per_year), 1.0,
                 dict(zip(names, map(six, law.sizes), strict=True)), scales, SOURCE, fitted=True)


def _doubts(problem: _Problem, x: Floats, found: float, gain: float, spread: float, converged: bool) -> Iterator[str]:
    if not converged:
        yield "not converged"
    if problem.law(x, 0).intensity.real > 0.99 * problem.most:
        yield f"intensity at the most that is fitted, {problem.most:g} a step: what is found are no jumps"
    if found < FEW_FOUND:
        yield f"few jumps: {found:.2g} of an asset are expected in the history"
    if gain < problem.count - problem.common:
        yield f"jumps add {gain:.3g} to the log-likelihood, less than one for each of their parameters"
    if spread > 0.01:
        yield f"several optima: another start ended {spread:.3g} behind in log-likelihood"
