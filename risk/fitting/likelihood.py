"""Log-likelihood of a volatility model, as a function of parameters that may be complex: for exact derivatives.

The derivative of an analytic function is Im f(x + ih)/h without cancellation, however small h [Squire and Trapp, Using
complex variables to estimate derivatives of real functions, SIAM Review 40, 1998]. That it is the likelihood of
`risk.models.volatility.Volatility` is tested, not assumed.

A full vector of parameters is (mean, omega, up, down, beta, eta, skew): up and down weigh the squares of gains and
losses (alpha and alpha + gamma), eta = 1/degrees.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter
from scipy.special import loggamma, stdtr

from risk.models.innovations import Law
from risk.models.volatility import Volatility, sample_variance

Floats = NDArray[np.float64]
Vector = NDArray[np.complex128]
_LOG_TAU = math.log(2 * math.pi)
_STEP = 1e-30


class Data:
    """Returns, what they span, and what does not depend on parameters.

    returns : (n,), normalised.  spans : int64 (n,).
    """

    def __init__(self, returns: Floats, spans: NDArray[np.int64]) -> None:
        self.returns, self.spans = returns, spans
        self.variance = sample_variance(returns, spans)
        self.gaps = np.flatnonzero(spans > 1)

    def __len__(self) -> int:
        return len(self.returns)


def variances(data: Data, full: Vector, share: complex) -> Vector:
    """Of each return over its span: complex (n,). share : E[z**2; z < 0]."""
    mean, omega, up, down, beta = full[:5]
    persistence = up + share * (down - up) + beta
    e = data.returns - data.spans * mean
    weight = np.where(e.real < 0, down, up)
    out = np.empty(len(data), np.complex128)
    v, at = omega + (0.5 * (up + down) + beta) * data.variance, 0
    for gap in [*data.gaps.tolist(), len(data)]:
        if gap > at:                                   # a run of single steps is a linear filter
            moves = omega + weight[at:gap] * (e[at:gap] * e[at:gap])
            later, _ = lfilter([1.0], np.array([1.0, -beta]), moves, zi=np.array([beta * v]))
            out[at], out[at + 1:gap], v = v, later[:-1], later[-1]
        if gap < len(data):
            whole = v
            for _ in range(int(data.spans[gap]) - 1):
                v = omega + persistence * v
                whole = whole + v
            out[gap] = whole
            v = omega + weight[gap] * (e[gap] * e[gap] / whole * v) + beta * v
        at = gap + 1
    return out


def log_likelihood(data: Data, full: Vector, law: str) -> complex:
    """Of all returns."""
    v = variances(data, full, downside(full, law))
    z2 = (data.returns - data.spans * full[0]) / np.sqrt(v)
    return complex(np.sum(log_density(z2, full, law) - 0.5 * np.log(v)))


def log_density(z: Vector, full: Vector, law: str) -> Vector:
    """Of innovations."""
    if law == "normal":
        return -0.5 * (_LOG_TAU + z * z)
    nu, skew = 1.0 / full[5], full[6]
    log_c = loggamma((nu + 1) / 2) - loggamma(nu / 2) - 0.5 * np.log(np.pi * (nu - 2))
    if law == "t":
        return log_c - (nu + 1) / 2 * np.log1p(z * z / (nu - 2))
    a = 4 * skew * np.exp(log_c) * (nu - 2) / (nu - 1)
    b = np.sqrt(1 + 3 * skew * skew - a * a)
    y = b * z + a
    side = np.where(y.real < 0, 1 - skew, 1 + skew)
    return np.log(b) + log_c - (nu + 1) / 2 * np.log1p((y / side) ** 2 / (nu - 2))


def downside(full: Vector, law: str) -> complex:
    """E[z**2; z < 0]; its derivatives by differences, the rest being no complex function."""
    if law != "skew-t" or full[2] == full[3]:
        return 0.5
    eta, skew = float(full[5].real), float(full[6].real)
    value, small = _downside(eta, skew), 1e-6
    by_eta = (_downside(eta + small, skew) - _downside(eta - small, skew)) / (2 * small)
    by_skew = (_downside(eta, skew + small) - _downside(eta, skew - small)) / (2 * small)
    return complex(value, by_eta * full[5].imag + by_skew * full[6].imag)


def _downside(eta: float, skew: float) -> float:
    """As `Law.downside`, with SciPy."""
    nu = 1 / eta
    c = math.exp(math.lgamma((nu + 1) / 2) - math.lgamma(nu / 2)) / math.sqrt(math.pi * (nu - 2))
    a = 4 * skew * c * (nu - 2) / (nu - 1)
    b2 = 1 + 3 * skew * skew - a * a
    scale = math.sqrt((nu - 2) / nu)

    def moments(end: float) -> tuple[float, float, float]:
        t = end / scale
        density = c * scale * (1 + t * t / nu) ** (-(nu + 1) / 2)
        zero = float(stdtr(nu, t))
        two = nu * ((nu - 1) / (nu - 2) * float(stdtr(nu - 2, t * scale)) - zero)
        return zero, -nu / (nu - 1) * (1 + t * t / nu) * density * scale, two * scale**2

    total = 0.0
    for side, stretch in ((-1, 1 - skew), (1, 1 + skew)):
        end = a if (a < 0) == (side < 0) else 0.0
        zero, one, two = moments(end / stretch)
        if side > 0:
            zero, one, two = (x - y for x, y in zip((zero, one, two), moments(0.0), strict=True))
        total += stretch * (stretch**2 * two - 2 * a * stretch * one + a * a * zero)
    return total / b2


def full_vector(volatility: Volatility) -> Vector:
    """Parameters as they stand in a model."""
    law: Law = volatility.law
    return np.array([volatility.mean, volatility.omega, volatility.alpha, volatility.alpha + volatility.gamma,
                     volatility.beta, 0.0 if law.degrees is None else 1 / law.degrees, law.skew], np.complex128)


def likelihood_of(volatility: Volatility, returns: Floats, spans: NDArray[np.int64] | None = None) -> float:
    """Log-likelihood of a model's parameters on returns as they are."""
    spans = np.ones(len(returns), np.int64) if spans is None else spans
    return log_likelihood(Data(returns, spans), full_vector(volatility), volatility.law.name).real
