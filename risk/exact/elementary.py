"""exp, log, the normal and the Student-t distribution, equal to the last bit on every machine.

An auditor must get the publisher's root, not one that is almost the same. The libraries of two machines round exp or
erf differently in the last bit, and one flipped bit in 10**5 prices flips a rounded price now and then. IEEE 754 fixes
the result of + - * / and the square root to the bit, so everything here is made of those alone (and of exact scaling by
powers of two), element by element and in a fixed order: no library function, no reduction whose order could change.

Accuracy is that of double precision to a few last places; the tests compare with SciPy.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_LN2_HIGH = float.fromhex("0x1.62e42fefa38p-1")            # 42 bits: n * _LN2_HIGH is exact for |n| < 2**11
_LN2_LOW = float.fromhex("0x1.ef35793c7673p-45")
_INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
_INVERSE_SQRT_TAU = float.fromhex("0x1.9884533d43651p-2")  # 1 / sqrt(2 pi)
_HALF_LOG_TAU = float.fromhex("0x1.d67f1c864beb5p-1")      # log(2 pi) / 2
_HALF_LOG_PI = float.fromhex("0x1.250d048e7a1bdp-1")       # log(pi) / 2
_NORMAL_TERMS = 160                # of Marsaglia's series: enough up to |x| = 8.5, where Phi is 0 or 1 in doubles
_NORMAL_END = 8.5
_FRACTION_TERMS = 200              # of the continued fraction of the incomplete beta function
_BISECTIONS = 16                   # leave Newton's method a bracket it squares away in three steps
_NEWTON_STEPS = 3


def exp(x: ArrayLike) -> Floats:
    """e**x for |x| <= 700, by x = n log 2 + r and the Taylor series of e**r, |r| <= 0.35."""
    x = np.asarray(x, np.float64)
    n = np.rint(x * _INVERSE_LN2)
    r = (x - n * _LN2_HIGH) - n * _LN2_LOW
    total = np.ones_like(r)
    for k in range(14, 0, -1):
        total = 1.0 + r * total / k
    return np.ldexp(total, n.astype(np.int32))


def log(x: ArrayLike) -> Floats:
    """Natural logarithm for normal x > 0, by x = m 2**n with m near 1 and the series of 2 artanh((m - 1)/(m + 1))."""
    m, n = np.frexp(np.asarray(x, np.float64))             # m in [1/2, 1)
    small = m < 0.7071067811865476
    m, n = np.where(small, 2.0 * m, m), np.where(small, n - 1, n).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    total = np.zeros_like(s)
    for k in range(23, 1, -2):
        total = square * (1.0 / k + total)
    return n * _LN2_HIGH + ((2.0 * s + 2.0 * s * total) + n * _LN2_LOW)


def normal_cdf(x: ArrayLike) -> Floats:
    """Phi(x) to an absolute 1e-15: 1/2 + phi(x) (x + x**3/3 + x**5/(3 5) + ...).

    G. Marsaglia, Evaluating the normal distribution, Journal of Statistical Software 11(4), 2004.
    """
    x = np.asarray(x, np.float64)
    inner = np.where(np.abs(x) < _NORMAL_END, x, 0.0)
    square = inner * inner
    term, total = inner.copy(), inner.copy()
    for k in range(3, 2 * _NORMAL_TERMS, 2):
        term = term * square / k
        total = total + term
    density = _INVERSE_SQRT_TAU * exp(-0.5 * square)
    return np.where(x >= _NORMAL_END, 1.0, np.where(x <= -_NORMAL_END, 0.0, 0.5 + density * total))


def log_gamma(x: float) -> float:
    """log Gamma(x) for x > 0: Stirling's series after stepping up to x >= 16 (DLMF 5.11.1)."""
    shift = 1.0
    while x < 16.0:
        shift, x = shift * x, x + 1.0
    inverse = 1.0 / x
    square = inverse * inverse
    series = 0.0
    for coefficient in (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = coefficient + square * series
    return ((x - 0.5) * float(log(x)) - x + _HALF_LOG_TAU + series * inverse) - float(log(shift))


def student_t_tail(t: ArrayLike, degrees: float) -> Floats:
    """P(T > t) for t >= 0 and Student's T with any real degrees of freedom > 0, accurate however small.

    Half the regularised incomplete beta function I_x(degrees/2, 1/2) at x = degrees/(degrees + t**2).
    """
    t = np.asarray(t, np.float64)
    square = t * t
    total = degrees + square
    return 0.5 * _incomplete_beta(degrees / total, square / total, 0.5 * degrees, 0.5)


def student_t_tail_inverse(tail: ArrayLike, degrees: float) -> Floats:
    """The t >= 0 with P(T > t) = tail, for 0 < tail <= 1/2: doubling, bisection, then Newton's method."""
    tail = np.asarray(tail, np.float64)
    high = np.ones_like(tail)
    while (outside := student_t_tail(high, degrees) > tail).any():
        high = np.where(outside, 2.0 * high, high)
    low = np.where(high > 1.0, 0.5 * high, 0.0)
    for _ in range(_BISECTIONS):
        middle = 0.5 * (low + high)
        outside = student_t_tail(middle, degrees) > tail
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    t = 0.5 * (low + high)
    constant = log_gamma(0.5 * (degrees + 1.0)) - log_gamma(0.5 * degrees) - 0.5 * float(log(degrees)) - _HALF_LOG_PI
    for _ in range(_NEWTON_STEPS):
        density = exp(constant - 0.5 * (degrees + 1.0) * log(1.0 + t * t / degrees))
        t = np.minimum(np.maximum(t + (student_t_tail(t, degrees) - tail) / density, low), high)
    return t


def student_t_quantile(u: ArrayLike, degrees: float) -> Floats:
    """The t with P(T <= t) = u, for 0 < u < 1."""
    u = np.asarray(u, np.float64)
    t = student_t_tail_inverse(np.where(u < 0.5, u, 1.0 - u), degrees)       # 1 - u is exact for u >= 1/2
    return np.where(u < 0.5, -t, t)


def _incomplete_beta(x: Floats, complement: Floats, a: float, b: float) -> Floats:
    """I_x(a, b) with complement = 1 - x given, by the continued fraction DLMF 8.17.22 on whichever side converges."""
    swap = x > (a + 1.0) / (a + b + 2.0)
    left = _beta_fraction(np.where(swap, 0.0, x), np.where(swap, 1.0, complement), a, b)
    right = _beta_fraction(np.where(swap, complement, 0.0), np.where(swap, x, 1.0), b, a)
    return np.where(swap, 1.0 - right, left)


def _beta_fraction(x: Floats, complement: Floats, a: float, b: float) -> Floats:
    """I_x(a, b) for x at most about (a + 1)/(a + b + 2), by the modified Lentz algorithm; each element stops alone."""
    constant = log_gamma(a + b) - log_gamma(a) - log_gamma(b)
    inside = x > 0
    front = exp(constant + a * log(np.where(inside, x, 1.0)) + b * log(np.where(inside, complement, 1.0))) / a
    c = np.ones_like(x)
    d = 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    going = inside
    for m in range(1, _FRACTION_TERMS):
        if not going.any():
            break
        for coefficient in (m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m)),
                            -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1.0 / _off_zero(1.0 + coefficient * x * d)
            c = _off_zero(1.0 + coefficient * x / c)
            value = np.where(going, value * (c * d), value)
        going = going & (np.abs(c * d - 1.0) > 2.0**-52)
    return np.where(inside, front * value, 0.0)


def _off_zero(x: Floats) -> Floats:
    """Lentz's guard: a denominator that vanishes is moved off zero."""
    return np.where(np.abs(x) < 1e-300, 1e-300, x)
