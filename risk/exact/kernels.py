"""Compiled twins of `risk.exact.reference`: the same operations in the same order on doubles, so the same bits.

Functions of one element are for other compiled functions; the `..._all` work on whole arrays, 1-dimensional and
contiguous. What LLVM may do is work on several elements at a time; what it must not, and is never allowed to, is fuse a
multiplication with an addition or regroup a sum (`tests/risk/test_kernels.py` reads its instructions).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from primitives.native import Emitted, compiled_ieee, inlined_ieee
from risk.exact.reference import (
    BISECTIONS,
    EXP_END,
    FIRST_ROW,
    FRACTION_TERMS,
    INVERSE_LN2,
    INVERSE_SQRT_TAU,
    LN2_HIGH,
    LN2_LOW,
    NEWTON_STEPS,
    NORMAL_END,
    NORMAL_TERMS,
    ROOT_HALF,
    ROW_SHIFT,
    TABLE_LEAST,
    TABLE_ORDER,
    TABLE_ROWS,
)

Floats = NDArray[np.float64]

_ROUND = 1.5 * 2.0**52             # x + _ROUND - _ROUND is the integer next to x, half to even, for |x| < 2**51
_LOW_BITS = (1 << 52) - 1
_HALF_EXPONENT = 1022 << 52        # exponent bits of [1/2, 1)
_TWO_52_BITS = 1075 << 52          # of 2**52: an integer below it in the low bits is added to it
_TWO_52 = 2.0**52
_LEAST_NORMAL = 2.0**-1022
_INFINITY = math.inf
_NAN = math.nan
_HALF_ULP = 2.0**-54               # less than half a last place of 1
BLOCK = 32
"""Elements whose series are summed side by side."""


class StudentT(NamedTuple):
    """Of one number of degrees of freedom.

    constants : degrees, `beta_constant` of both orders of its arguments, `density_constant`.
    fractions : `fraction_coefficients` of both orders, (2, FRACTION_TERMS - 1, 2).
    """

    constants: Floats
    fractions: Floats


def _bits(builder: Any, x: Any) -> Any:
    """The 64 bits of a double as an integer."""
    from llvmlite import ir
    return builder.bitcast(x, ir.IntType(64))


def _double(builder: Any, bits: Any) -> Any:
    """The double of these 64 bits."""
    from llvmlite import ir
    return builder.bitcast(bits, ir.DoubleType())


bits_of = Emitted(_bits, lambda builder, dimensions, arguments: _bits(builder, *arguments), returns=True)
double_of = Emitted(_double, lambda builder, dimensions, arguments: _double(builder, *arguments), real=True)


# -- exp and log -----------------------------------------------------------------------------------------------------
@inlined_ieee
def _exp_series(r: float) -> float:
    total = 1.0 + r / 14.0
    total = 1.0 + r * total / 13.0
    total = 1.0 + r * total / 12.0
    total = 1.0 + r * total / 11.0
    total = 1.0 + r * total / 10.0
    total = 1.0 + r * total / 9.0
    total = 1.0 + r * total / 8.0
    total = 1.0 + r * total / 7.0
    total = 1.0 + r * total / 6.0
    total = 1.0 + r * total / 5.0
    total = 1.0 + r * total / 4.0
    total = 1.0 + r * total / 3.0
    total = 1.0 + r * total / 2.0
    return 1.0 + r * total


@inlined_ieee
def _exp_normal(x: float) -> float:
    """e**x for |x| <= 700: the result is no subnormal number."""
    shifted = x * INVERSE_LN2 + _ROUND                             # its low bits are n
    n = shifted - _ROUND
    return _exp_series((x - n * LN2_HIGH) - n * LN2_LOW) * double_of((bits_of(shifted) + 1023) << 52)


@inlined_ieee
def exp(x: float) -> float:
    """e**x; scaled in two steps, of which the first is exact, so that a subnormal result is rounded once."""
    bounded = -EXP_END if x < -EXP_END else x
    bounded = EXP_END if bounded > EXP_END else bounded
    shifted = bounded * INVERSE_LN2 + _ROUND
    n = shifted - _ROUND
    halved = n * 0.5 + _ROUND
    first, second = bits_of(halved), bits_of(n - (halved - _ROUND) + _ROUND)
    total = _exp_series((bounded - n * LN2_HIGH) - n * LN2_LOW)
    return total * double_of((first + 1023) << 52) * double_of((second + 1023) << 52)      # of NaN a NaN


@inlined_ieee
def log(x: float) -> float:
    """Natural logarithm."""
    tiny = x < _LEAST_NORMAL
    normal = x * 2.0**54 if tiny else x
    lowered = 54.0 if tiny else 0.0
    bits = bits_of(normal)
    m = double_of((bits & _LOW_BITS) | _HALF_EXPONENT)
    n = double_of(((bits >> 52) & 2047) | _TWO_52_BITS) - (_TWO_52 + 1022.0) - lowered
    small = m < ROOT_HALF
    m = 2.0 * m if small else m
    n = n - 1.0 if small else n
    s = (m - 1.0) / (m + 1.0)
    square = s * s
    total = square * (1.0 / 23.0)
    total = square * (1.0 / 21.0 + total)
    total = square * (1.0 / 19.0 + total)
    total = square * (1.0 / 17.0 + total)
    total = square * (1.0 / 15.0 + total)
    total = square * (1.0 / 13.0 + total)
    total = square * (1.0 / 11.0 + total)
    total = square * (1.0 / 9.0 + total)
    total = square * (1.0 / 7.0 + total)
    total = square * (1.0 / 5.0 + total)
    total = square * (1.0 / 3.0 + total)
    value = n * LN2_HIGH + ((2.0 * s + 2.0 * s * total) + n * LN2_LOW)
    value = value if x < _INFINITY else x                          # also NaN
    value = value if x != 0.0 else -_INFINITY
    return _NAN if x < 0.0 else value


@compiled_ieee
def exp_all(x: Floats, out: Floats) -> None:
    """out = e**x."""
    for i in range(len(x)):
        out[i] = exp(x[i])


@compiled_ieee
def log_all(x: Floats, out: Floats) -> None:
    """out = log x."""
    for i in range(len(x)):
        out[i] = log(x[i])


# -- the normal distribution -----------------------------------------------------------------------------------------
@compiled_ieee
def normal_cdf_all(x: Floats, out: Floats, scratch: Floats) -> None:
    """out = Phi(x); scratch: (2, BLOCK), not shared with other threads.

    A series ends when its terms, falling from then on, are below half a last place of its sum, which they then leave
    as it is.
    """
    square, term = scratch[0], scratch[1]
    for begin in range(0, len(x), BLOCK):
        size = min(BLOCK, len(x) - begin)
        values, total = x[begin:begin + size], out[begin:begin + size]
        for j in range(size):
            inner = 0.0 if abs(values[j]) >= NORMAL_END else values[j]
            square[j] = inner * inner
            term[j] = inner
        for j in range(size):
            total[j] = term[j]
        k = 3
        going = 1
        while going and k < 2 * NORMAL_TERMS:
            for _ in range(3):                                     # 3 divides the number of terms after the first
                divisor = float(k)
                for j in range(size):
                    term[j] = term[j] * square[j] / divisor
                    total[j] = total[j] + term[j]
                k += 2
            going = 0
            for j in range(size):
                ended = (abs(term[j]) <= abs(total[j]) * _HALF_ULP) & (square[j] < k)
                going |= not ended
        for j in range(size):
            total[j] = 0.5 + INVERSE_SQRT_TAU * _exp_normal(-0.5 * square[j]) * total[j]
        for j in range(size):
            value = 1.0 if values[j] >= NORMAL_END else total[j]
            total[j] = 0.0 if values[j] <= -NORMAL_END else value


# -- Student's t -----------------------------------------------------------------------------------------------------
@inlined_ieee
def _off_zero(x: float) -> float:
    return 1e-300 if abs(x) < 1e-300 else x


@compiled_ieee
def _beta_fraction(x: float, complement: float, a: float, b: float, constant: float, coefficients: Floats) -> float:
    if not x > 0.0:
        return 0.0
    front = exp(constant + a * log(x) + b * log(complement)) / a
    c = 1.0
    d = 1.0 / _off_zero(1.0 - (a + b) * x / (a + 1.0))
    value = d
    for m in range(FRACTION_TERMS - 1):
        even, odd = coefficients[m, 0] * x, coefficients[m, 1] * x
        d = 1.0 / _off_zero(1.0 + even * d)
        c = _off_zero(1.0 + even / c)
        value = value * (c * d)
        d = 1.0 / _off_zero(1.0 + odd * d)
        c = _off_zero(1.0 + odd / c)
        value = value * (c * d)
        if not abs(c * d - 1.0) > 2.0**-52:
            break
    return front * value


@compiled_ieee
def student_t_tail(t: float, law: StudentT) -> float:
    """P(T > t), t >= 0."""
    if t != t:
        return t
    degrees = law.constants[0]
    square = t * t
    total = degrees + square
    x, complement, a = degrees / total, square / total, 0.5 * degrees
    if x > (a + 1.0) / (a + 2.5):
        return 0.5 * (1.0 - _beta_fraction(complement, x, 0.5, a, law.constants[2], law.fractions[1]))
    return 0.5 * _beta_fraction(x, complement, a, 0.5, law.constants[1], law.fractions[0])


@compiled_ieee
def _density(t: float, law: StudentT) -> float:
    degrees = law.constants[0]
    return exp(law.constants[3] - 0.5 * (degrees + 1.0) * log(1.0 + t * t / degrees))


@compiled_ieee
def _searched(tail: float, law: StudentT) -> float:
    high = 1.0
    while student_t_tail(high, law) > tail:
        high = 2.0 * high
    low = 0.5 * high if high > 1.0 else 0.0
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        if student_t_tail(middle, law) > tail:
            low = middle
        else:
            high = middle
    t = 0.5 * (low + high)
    for _ in range(NEWTON_STEPS):
        t = t + (student_t_tail(t, law) - tail) / _density(t, law)
        t = low if t < low else t
        t = high if t > high else t
    return t


@compiled_ieee
def fill_quantile_table(table: Floats, law: StudentT, series: Floats) -> None:
    """`reference.quantile_table`; series: (3, TABLE_ORDER) to work in."""
    degrees = law.constants[0]
    first, q, w = series[0], series[1], series[2]
    for row in range(TABLE_ROWS):
        last = row == TABLE_ROWS - 1
        centre = 0.5 if last else double_of(((row + FIRST_ROW) << ROW_SHIFT) + (1 << (ROW_SHIFT - 1)))
        table[row, 0] = centre
        a = table[row, 1:]
        a[0] = 0.0 if last else _searched(centre, law)
        a[1] = -1.0 / _density(a[0], law)
        for n in range(TABLE_ORDER - 1):
            first[n] = (n + 1.0) * a[n + 1]
            q[n] = degrees if n == 0 else 0.0
            squares = 0.0
            slopes = 0.0
            for j in range(n + 1):
                squares = squares + a[j] * a[n - j]
                slopes = slopes + first[j] * first[n - j]
            q[n] = squares + q[n]
            w[n] = slopes
            product = 0.0
            for j in range(n + 1):
                product = product + a[j] * w[n - j]
            total = (degrees + 1.0) * product
            for j in range(1, n + 1):
                total = total - q[j] * (float((n - j + 2) * (n - j + 1)) * a[n - j + 2])
            a[n + 2] = total / (q[0] * float((n + 2) * (n + 1)))


@inlined_ieee
def _polynomial(tail: float, table: Floats) -> float:
    """The quantile at TABLE_LEAST <= tail <= 1/2."""
    row = min((bits_of(tail) >> ROW_SHIFT) - FIRST_ROW, TABLE_ROWS - 1)
    delta = tail - table[row, 0]
    t = table[row, TABLE_ORDER + 1]
    for k in range(TABLE_ORDER, 0, -1):
        t = t * delta + table[row, k]
    return t


@compiled_ieee
def student_t_tail_inverse(tail: float, law: StudentT, table: Floats) -> float:
    """The t >= 0 with P(T > t) = tail."""
    if not (TABLE_LEAST <= tail <= 0.5):
        return _searched(tail, law) if 0.0 < tail < TABLE_LEAST else _NAN
    return _polynomial(tail, table)


@compiled_ieee
def student_t_tail_all(t: Floats, out: Floats, law: StudentT) -> None:
    """out = P(T > t)."""
    for i in range(len(t)):
        out[i] = student_t_tail(t[i], law)


@compiled_ieee
def student_t_tail_inverse_all(tail: Floats, out: Floats, law: StudentT, table: Floats) -> None:
    """out = the t >= 0 with P(T > t) = tail."""
    for i in range(len(tail)):
        out[i] = student_t_tail_inverse(tail[i], law, table)


@compiled_ieee
def student_t_quantile_all(u: Floats, out: Floats, law: StudentT, table: Floats) -> None:
    """out = the t with P(T <= t) = u."""
    for i in range(len(u)):
        lower = u[i] < 0.5
        t = student_t_tail_inverse(u[i] if lower else 1.0 - u[i], law, table)
        out[i] = -t if lower else t


@compiled_ieee
def quantile_by_tails_all(u: Floats, out: Floats, lower: Floats, upper: Floats) -> None:
    """out = quantiles, from a table by lower tails and one by upper tails; NaN outside [TABLE_LEAST, 1)."""
    for i in range(len(u)):
        if u[i] < 0.5:
            out[i] = _polynomial(u[i], lower) if u[i] >= TABLE_LEAST else _NAN
        else:
            out[i] = _polynomial(1.0 - u[i], upper) if u[i] < 1.0 else _NAN
