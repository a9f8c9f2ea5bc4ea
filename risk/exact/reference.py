"""exp, log, the normal and the Student-t distribution as plain formulas on arrays: what defines their bits.

`risk.exact.elementary` computes the same bits a hundred times faster, and is what everything else calls; the tests hold
the two together. IEEE 754 fixes the result of + - * / and of comparisons to the bit, so everything here is made of
those alone (and of exact scaling by powers of two), element by element and in a fixed order: no library function, no
reduction whose order could change.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from primitives.errors import BadInput

Floats = NDArray[np.float64]

LN2_HIGH = float.fromhex("0x1.62e42fefa38p-1")             # 42 bits: n * LN2_HIGH is exact for |n| < 2**11
LN2_LOW = float.fromhex("0x1.ef35793c7673p-45")
INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
INVERSE_SQRT_TAU = float.fromhex("0x1.9884533d43651p-2")   # 1 / sqrt(2 pi)
EXP_END = 800.0                                            # beyond it e**x is 0 or infinite in doubles
ROOT_HALF = 0.7071067811865476
HALF_LOG_TAU = float.fromhex("0x1.d67f1c864beb5p-1")       # log(2 pi) / 2
HALF_LOG_PI = float.fromhex("0x1.250d048e7a1bdp-1")        # log(pi) / 2
NORMAL_TERMS = 160                 # of Marsaglia's series: enough up to |x| = 8.5, where Phi is 0 or 1 in doubles
NORMAL_END = 8.5
FRACTION_TERMS = 200               # of the continued fraction of the incomplete beta function
BISECTIONS = 16                    # leave Newton's method a bracket it squares away in three steps
NEWTON_STEPS = 3

TABLE_OCTAVES = 64                 # tail probabilities from 2**-64 have a table
TABLE_PARTS_BITS = 4               # each octave has 16 rows
TABLE_ROWS = (TABLE_OCTAVES - 1) << TABLE_PARTS_BITS
TABLE_ORDER = 11                   # of the polynomial: (1/33)**12 is what it leaves out
TABLE_LEAST = 2.0**-TABLE_OCTAVES
ROW_SHIFT = 52 - TABLE_PARTS_BITS
FIRST_ROW = (1023 - TABLE_OCTAVES) << TABLE_PARTS_BITS
LEAST_DEGREES = 1.0


def exp(x: ArrayLike) -> Floats:
    """e**x, by x = n log 2 + r and the Taylor series of e**r, |r| <= 0.35."""
    bounded: Floats = np.minimum(np.maximum(np.asarray(x, np.float64), -EXP_END), EXP_END)
    n = np.rint(bounded * INVERSE_LN2)
    r = (bounded - n * LN2_HIGH) - n * LN2_LOW
    total = np.ones_like(r)
    for k in range(14, 0, -1):
        total = 1.0 + r * total / k
    return np.ldexp(total, np.where(n == n, n, 0.0).astype(np.int32))


def log(x: ArrayLike) -> Floats:
    """Natural logarithm, by x = m 2**n with m near 1 and the series of 2 artanh((m - 1)/(m + 1)).

    -infinity at 0, NaN below.
    """
    x = np.asarray(x, np.float64)
    m, n = np.frexp(np.where((x > 0) & (x < np.inf), x, 1.0))                # m in [1/2, 1)
    small = m < ROOT_HALF
    m, n = np.where(small, 2.0 * m, m), np.where(small, n - 1, n).astype(np.float64)
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    total = np.zeros_like(s)
    for k in range(23, 1, -2):
        total = square * (1.0 / k + total)
    value = n * LN2_HIGH + ((2.0 * s + 2.0 * s * total) + n * LN2_LOW)
    return np.where(x > 0, np.where(x < np.inf, value, np.inf), np.where(x == 0, -np.inf, np.nan))


def normal_cdf(x: ArrayLike) -> Floats:
    """Phi(x) to an absolute 1.1e-15: 1/2 + phi(x) (x + x**3/3 + x**5/(3 5) + ...).

    G. Marsaglia, Evaluating the normal distribution, Journal of Statistical Software 11(4), 2004.
    """
    x = np.asarray(x, np.float64)
    inner = np.where(np.abs(x) >= NORMAL_END, 0.0, x)
    square = inner * inner
    term, total = inner.copy(), inner.copy()
    for k in range(3, 2 * NORMAL_TERMS, 2):
        term = term * square / k
        total = total + term
    density = INVERSE_SQRT_TAU * exp(-0.5 * square)
    return np.where(x >= NORMAL_END, 1.0, np.where(x <= -NORMAL_END, 0.0, 0.5 + density * total))


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
    return ((x - 0.5) * float(log(x)) - x + HALF_LOG_TAU + series * inverse) - float(log(shift))


# -- Student's t -----------------------------------------------------------------------------------------------------
def student_t_tail(t: ArrayLike, degrees: float) -> Floats:
    """P(T > t) for t >= 0 and Student's T with any real degrees of freedom > 0, accurate however small.

    Half the regularised incomplete beta function I_x(degrees/2, 1/2) at x = degrees/(degrees + t**2).
    """
    t = np.asarray(t, np.float64)
    square = t * t
    total = degrees + square
    tail = 0.5 * _incomplete_beta(degrees / total, square / total, 0.5 * degrees)
    return np.where(t == t, tail, np.nan)


def student_t_tail_inverse(tail: ArrayLike, degrees: float) -> Floats:
    """The t >= 0 with P(T > t) = tail, for 0 < tail <= 1/2, else NaN: from `quantile_table`, below 2**-64 by search."""
    tail = np.asarray(tail, np.float64)
    valid = (tail > 0) & (tail <= 0.5)
    within = np.where(valid & (tail >= TABLE_LEAST), tail, 0.5)
    rows = quantile_table(degrees)[np.minimum((within.view(np.int64) >> ROW_SHIFT) - FIRST_ROW, TABLE_ROWS - 1)]
    delta = within - rows[..., 0]
    t = rows[..., -1]
    for k in range(TABLE_ORDER, 0, -1):
        t = t * delta + rows[..., k]
    t = np.array(np.where(valid, t, np.nan))
    deep = valid & (tail < TABLE_LEAST)
    t[deep] = _searched(tail[deep], degrees)
    return t


def student_t_quantile(u: ArrayLike, degrees: float) -> Floats:
    """The t with P(T <= t) = u, for 0 < u < 1, else NaN."""
    u = np.asarray(u, np.float64)
    t = student_t_tail_inverse(np.where(u < 0.5, u, 1.0 - u), degrees)       # 1 - u is exact for u >= 1/2
    return np.where(u < 0.5, -t, t)


@lru_cache(maxsize=64)
def quantile_table(degrees: float) -> Floats:
    """Taylor polynomials of t as a function of the tail probability p: (rows, 1 + order + 1).

    A row is a sixteenth of an octave of p: its centre c (of the last row, its end 1/2, where t is 0), and the
    coefficients of 1, p - c, ..., (p - c)**11. With density f, dt/dp = -1/f makes t a solution of
    (degrees + t**2) t'' = (degrees + 1) t t'**2 [G. Steinbrecher, W. Shaw, Quantile mechanics, European Journal of
    Applied Mathematics 19, 2008], from which follow all coefficients but two. t is analytic but at p = 0 and 1, at
    least 32 half-widths away, so the terms left out are below 1e-17 t for degrees >= 1; the polynomial is then as
    accurate as its first coefficient, which comes from a search.
    """
    if not degrees >= LEAST_DEGREES:
        raise BadInput("degrees", degrees, "at least 1")
    centre = row_centres()
    a = [np.where(centre == 0.5, 0.0, _searched(centre, degrees))]
    a.append(-1.0 / exp(density_constant(degrees) - 0.5 * (degrees + 1.0) * log(1.0 + a[0] * a[0] / degrees)))
    first, q, w = list[Floats](), list[Floats](), list[Floats]()             # series of t', degrees + t**2, t'**2
    for n in range(TABLE_ORDER - 1):
        first.append((n + 1) * a[n + 1])
        q.append(convolution(a, a, n) + (degrees if n == 0 else 0.0))
        w.append(convolution(first, first, n))
        total = (degrees + 1.0) * convolution(a, w, n)
        for j in range(1, n + 1):
            total = total - q[j] * (((n - j + 2) * (n - j + 1)) * a[n - j + 2])
        a.append(total / (q[0] * ((n + 2) * (n + 1))))
    return np.stack([centre, *a], axis=1)


def row_centres() -> Floats:
    """What the rows of a table of quantiles are centred on: probabilities, (rows,)."""
    bits = ((np.arange(TABLE_ROWS) + FIRST_ROW) << ROW_SHIFT) + (1 << ROW_SHIFT - 1)
    centre: Floats = bits.view(np.float64)
    centre[-1] = 0.5
    return centre


def convolution(x: list[Floats], y: list[Floats], n: int) -> Floats:
    """Coefficient n of the product of two series."""
    total = np.zeros_like(x[0])
    for j in range(n + 1):
        total = total + x[j] * y[n - j]
    return total


def density_constant(degrees: float) -> float:
    """Logarithm of the density of Student's t at 0."""
    return log_gamma(0.5 * (degrees + 1.0)) - log_gamma(0.5 * degrees) - 0.5 * float(log(degrees)) - HALF_LOG_PI


def _searched(tail: Floats, degrees: float) -> Floats:
    """The inverse of the tail by doubling, bisection, then Newton's method."""
    high = np.ones_like(tail)
    while (outside := student_t_tail(high, degrees) > tail).any():
        high = np.where(outside, 2.0 * high, high)
    low = np.where(high > 1.0, 0.5 * high, 0.0)
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        outside = student_t_tail(middle, degrees) > tail
        low, high = np.where(outside, middle, low), np.where(outside, high, middle)
    t = 0.5 * (low + high)
    constant = density_constant(degrees)
    for _ in range(NEWTON_STEPS):
        density = exp(constant - 0.5 * (degrees + 1.0) * log(1.0 + t * t / degrees))
        t = np.minimum(np.maximum(t + (student_t_tail(t, degrees) - tail) / density, low), high)
    return t


def _incomplete_beta(x: Floats, complement: Floats, a: float) -> Floats:
    """I_x(a, 1/2) with complement = 1 - x given, by the continued fraction DLMF 8.17.22 on whichever side converges."""
    swap = x > (a + 1.0) / (a + 2.5)
    left = _beta_fraction(np.where(swap, 0.0, x), np.where(swap, 1.0, complement), a, 0.5)
    right = _beta_fraction(np.where(swap, complement, 0.0), np.where(swap, x, 1.0), 0.5, a)
    return np.where(swap, 1.0 - right, left)


def beta_constant(a: float, b: float) -> float:
    """-log B(a, b)."""
    return log_gamma(a + b) - log_gamma(a) - log_gamma(b)


def fraction_coefficients(a: float, b: float) -> Floats:
    """Of x in the even and odd partial numerators of DLMF 8.17.22: (FRACTION_TERMS - 1, 2)."""
    return np.array([(m * (b - m) / ((a + 2 * m - 1) * (a + 2 * m)),
                      -(a + m) * (a + b + m) / ((a + 2 * m) * (a + 2 * m + 1))) for m in range(1, FRACTION_TERMS)])


def _beta_fraction(x: Floats, complement: Floats, a: float, b: float) -> Floats:
    """I_x(a, b) for x at most about (a + 1)/(a + b + 2), by the modified Lentz algorithm; each element stops alone."""
    inside = x > 0
    logs = beta_constant(a, b) + a * log(np.where(inside, x, 1.0)) + b * log(np.where(inside, complement, 1.0))
    front = exp(logs) / a
    c = np.ones_like(x)
    d = 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    going = inside
    for pair in fraction_coefficients(a, b):
        if not going.any():
            break
        for coefficient in pair:
            d = 1.0 / _off_zero(1.0 + coefficient * x * d)
            c = _off_zero(1.0 + coefficient * x / c)
            value = np.where(going, value * (c * d), value)
        going = going & (np.abs(c * d - 1.0) > 2.0**-52)
    return np.where(inside, front * value, 0.0)


def _off_zero(x: Floats) -> Floats:
    """Lentz's guard: a denominator that vanishes is moved off zero."""
    return np.where(np.abs(x) < 1e-300, 1e-300, x)
