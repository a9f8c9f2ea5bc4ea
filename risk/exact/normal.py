"""Tails of the normal law and their inverse, accurate however small, equal to the last bit on every machine."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from risk.exact.elementary import Floats, exp, log, normal_cdf

_INVERSE_SQRT_TAU = float.fromhex("0x1.9884533d43651p-2")  # 1 / sqrt(2 pi)
_FAR = 3.0
_FRACTION_TERMS = 120
# Wichura, Algorithm AS 241: the percentage points of the normal distribution, Applied Statistics 37, 1988 (PPND16).
_CENTRE = ((2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
            1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0),
           (5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
            5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0))
_MIDDLE = ((7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
            3.64784832476320460504e0, 5.76949722146069140550e0, 4.63033784615654529590e0, 1.42343711074968357734e0),
           (1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2,
            1.48103976427480074590e-1, 6.89767334985100004550e-1, 1.67638483018380384940e0, 2.05319162663775882187e0,
            1.0))
_END = ((2.01033439929228813265e-7, 2.71155556874348757815e-5, 1.24266094738807843860e-3, 2.65321895265761230930e-2,
         2.96560571828504891230e-1, 1.78482653991729133580e0, 5.46378491116411436990e0, 6.65790464350110377720e0),
        (2.04426310338993978564e-15, 1.42151175831644588870e-7, 1.84631831751005468180e-5, 7.86869131145613259100e-4,
         1.48753612908506148525e-2, 1.36929880922735805310e-1, 5.99832206555887937690e-1, 1.0))


def normal_tail(x: ArrayLike) -> Floats:
    """P(Z > x) for 0 <= x <= 37: by the series of `normal_cdf` near 0, by Laplace's continued fraction far out."""
    x = np.asarray(x, np.float64)
    far = np.maximum(x, _FAR)
    fraction = far
    for k in range(_FRACTION_TERMS, 0, -1):
        fraction = far + k / fraction
    return np.where(x < _FAR, normal_cdf(-x), _INVERSE_SQRT_TAU * exp(-0.5 * (far * far)) / fraction)


def normal_tail_inverse(tail: ArrayLike) -> Floats:
    """The x >= 0 with P(Z > x) = tail, for 1e-300 <= tail <= 1/2, to about 1e-15."""
    tail = np.asarray(tail, np.float64)
    q = 0.5 - tail
    r = 0.180625 - q * q
    near = q * _ratio(_CENTRE, np.maximum(r, 0.0))
    root = np.sqrt(-log(np.minimum(tail, 0.25)))
    far = np.where(root <= 5.0, _ratio(_MIDDLE, root - 1.6), _ratio(_END, root - 5.0))
    return np.where(q <= 0.425, near, far)


def _ratio(coefficients: tuple[tuple[float, ...], tuple[float, ...]], x: Floats) -> Floats:
    above, below = (np.zeros_like(x) for _ in range(2))
    for over, under in zip(*coefficients, strict=True):
        above, below = above * x + over, below * x + under
    return above / below
