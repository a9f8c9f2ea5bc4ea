"""Quantiles of the chi-square law, equal to the last bit on every machine."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from risk.exact.elementary import Floats, exp, log, log_gamma
from risk.exact.normal import normal_tail_inverse

_SERIES_TERMS = 600
_FRACTION_TERMS = 300
_BISECTIONS = 30
_NEWTON_STEPS = 4


def gamma_cdf(x: ArrayLike, a: float) -> Floats:
    """P(a, x) = P(G <= x) of the gamma law with shape a and scale 1, for x >= 0: DLMF 8.7.1, 8.9.2."""
    x = np.asarray(x, np.float64)
    constant = log_gamma(a)
    below = np.minimum(x, a + 1.0)
    inside = below > 0
    term = np.full_like(below, 1.0 / a)
    total = term
    for n in range(1, _SERIES_TERMS):
        term = term * below / (a + n)
        total = total + term
        if not (term > 2.0**-54 * total).any():
            break
    series = np.where(inside, exp(np.maximum(a * log(np.where(inside, below, 1.0)) - below - constant, -700.0))
                      * total, 0.0)
    above = np.maximum(x, a + 1.0)
    b = above + 1.0 - a
    c, d = np.full_like(above, 1e300), 1.0 / b
    value = d
    going = np.ones(above.shape, np.bool_)             # each element stops alone: its bits are its own
    for n in range(1, _FRACTION_TERMS):
        coefficient = -n * (n - a)
        b = b + 2.0
        d = 1.0 / (coefficient * d + b)
        c = b + coefficient / c
        value = np.where(going, value * (c * d), value)
        going = going & (np.abs(c * d - 1.0) > 2.0**-52)
        if not going.any():
            break
    upper = exp(np.maximum(a * log(above) - above - constant, -700.0)) * value
    return np.where(x < a + 1.0, series, 1.0 - upper)


def chi_square_quantile(u: ArrayLike, degrees: float) -> Floats:
    """The x with P(chi-square <= x) = u, for 0 < u < 1: a bracket, bisection, then Newton."""
    u = np.asarray(u, np.float64)
    a = 0.5 * degrees
    z = normal_tail_inverse(np.maximum(np.minimum(u, 1.0 - u), 1e-300))
    z = np.where(u < 0.5, -z, z)
    root = 1.0 - 2.0 / (9.0 * degrees) + z * math.sqrt(2.0 / (9.0 * degrees))
    start = a * np.maximum(root, 0.05) * np.maximum(root, 0.05) * np.maximum(root, 0.05)
    low, high = 0.5 * start, 2.0 * start
    while (inside := gamma_cdf(low, a) > u).any():
        low = np.where(inside, 0.25 * low, low)
    while (inside := gamma_cdf(high, a) < u).any():
        high = np.where(inside, 2.0 * high, high)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        above = gamma_cdf(middle, a) > u
        low, high = np.where(above, low, middle), np.where(above, middle, high)
    x = 0.5 * (low + high)
    for _ in range(_NEWTON_STEPS):
        density = exp(np.maximum((a - 1.0) * log(x) - x - log_gamma(a), -700.0))
        x = np.minimum(np.maximum(x - (gamma_cdf(x, a) - u) / density, low), high)
    return 2.0 * x
