"""Greeks of Black-76 by closed form, to about 1e-12 of themselves from one second to expiry on, however far in or out.

The market is moved as the rest of the engine moves it: with spot S the forward is F = S exp(c T), its carry c staying
where the book has it; the rate r discounts, and forwards are quotes that do not hang on it.

delta   dV/dS           gamma   d2V/dS2         per unit of the underlying
vega    dV/dsigma       vanna   d2V/dS dsigma   volga   d2V/dsigma2     of the volatility of the strike
theta   dV/dt           per year, with spot, carry, rate and volatility standing still
rho     dV/dr           with forwards as quoted: what discounting does
carry   dV/dc           what the forward does; rho + carry is the rho of Black, Scholes and Merton

With x = ln(F/K), w = sigma sqrt(T), d1 = x/w + w/2, d2 = d1 - w and the discount D, from F phi(d1) = K phi(d2)
[E. G. Haug, The complete guide to option pricing formulas, 2007, chapter 2].
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.exact.elementary import exp, log
from risk.exact.normal import normal_tail
from risk.valuation.reference import CERTAIN

Floats = NDArray[np.float64]

_INVERSE_SQRT_TAU = float.fromhex("0x1.9884533d43651p-2")  # 1 / sqrt(2 pi)
_NEAR = 0.05
_TERMS = 17
_WIDE = 1.0
_NODES = ((0.18343464249564980494, 0.36268378337836198297), (0.52553240991632898582, 0.31370664587788728734),
          (0.79666647741362673959, 0.22238103445337447054), (0.96028985649753623168, 0.10122853629037625915))
"""Of Gauss and Legendre on [-1, 1], eight points: (node, weight) of the positive half [DLMF 3.5(v)]."""


class Greeks(NamedTuple):
    """Raw: quote units, units of the underlying, years, volatility and rate per year. value : of one unit."""

    value: Floats
    delta: Floats
    gamma: Floats
    vega: Floats
    vanna: Floats
    volga: Floats
    theta: Floats
    rho: Floats
    carry: Floats


NAMES = Greeks._fields[1:]


def option_greeks(spot: ArrayLike, forward: ArrayLike, strike: ArrayLike, volatility: ArrayLike, years: ArrayLike,
                  rate: ArrayLike, call: ArrayLike, passing: ArrayLike | None = None) -> Greeks:
    """Of one option on one unit of the underlying; arguments broadcast.

    Where the deviation of the log price is below `CERTAIN` the option is its pay-off on the forward: delta is that of
    the forward or 0, at the strike half of it, and what needs a density is 0.

    Parameters
    ----------
    spot, forward, strike : positive.  volatility : per square root of a year, >= 0.  years : to expiry, > 0.
    rate : zero rate until the expiry, a year.  call : true for a call, false for a put.
    passing : forward rate at the expiry, by which discounting shrinks as time passes; by default `rate`.
    """
    s, f, k, vol, t, r = (np.asarray(number, np.float64) for number in (spot, forward, strike, volatility, years, rate))
    at_end = r if passing is None else np.asarray(passing, np.float64)
    sign = np.where(call, 1.0, -1.0)
    root = np.sqrt(t)
    deviation = vol * root
    certain = deviation <= CERTAIN
    w = np.where(certain, 1.0, deviation)
    sigma = np.where(certain, 1.0, vol)
    x, discount = _log_ratio(f, k), exp(-r * t)
    upper, lower = x / w + 0.5 * w, x / w - 0.5 * w
    density = np.where(certain, 0.0, _density(upper))
    step = np.where(f == k, 0.5, np.where(sign * (f - k) > 0, 1.0, 0.0))
    inside = np.where(certain, step, _cdf(sign * upper))                    # of the forward: the undiscounted delta
    per_spot = f / s
    value = discount * (np.where(certain, 0.0, _out_of_the_money(f, np.abs(x), w, np.minimum(f, k)))
                        + np.maximum(sign * (f - k), 0.0))
    vega = discount * f * density * root
    held = sign * inside * f
    theta = at_end * value - discount * (held * (_log_ratio(f, s) / t) + 0.5 * f * density * sigma / root)
    found = (value, discount * sign * inside * per_spot, discount * density * per_spot / (s * w), vega,
             -discount * per_spot * density * lower / sigma, vega * upper * lower / sigma, theta, -t * value,
             discount * held * t)
    return Greeks(*np.broadcast_arrays(*(one + 0.0 for one in found)))          # no zero is negative


def linear_greeks(price: ArrayLike, spot: ArrayLike, years: ArrayLike = 0.0, funding: ArrayLike = 0.0) -> Greeks:
    """Of spot, a perpetual (years 0), or a future on one unit of the underlying, whose price keeps its ratio to the
    spot as the spot moves; margined daily, so nothing is discounted.

    Parameters
    ----------
    price, spot : positive.  years : to expiry, 0 where there is none.
    funding : what a long perpetual pays, of its price a year.
    """
    p, s, t, paid = (np.asarray(number, np.float64) for number in (price, spot, years, funding))
    dated = t > 0
    nothing = np.zeros(np.broadcast_shapes(p.shape, s.shape, t.shape))
    theta = np.where(dated, -p * _log_ratio(p, s) / np.where(dated, t, 1.0), -p * paid) + 0.0
    return Greeks(*np.broadcast_arrays(p, p / s, nothing, nothing, nothing, nothing, theta, nothing, p * t))


def coin_option(found: Greeks) -> Greeks:
    """Of an option that pays in coins, from those of the linear one at the rate c.

    With B undiscounted it is worth B S/F = exp(-c T) B: its discount is the carry, and no rate is in it.
    """
    return found._replace(rho=np.zeros(np.shape(found.rho)), carry=found.carry + found.rho)


def coin_linear_greeks(price: ArrayLike, spot: ArrayLike, years: ArrayLike, counted_from: ArrayLike,
                       funding: ArrayLike = 0.0) -> Greeks:
    """Of a quote unit of a perpetual or future that pays S' (1/F - 1/F') at the spot S', F' = S' exp(c T').

    Parameters
    ----------
    price, spot, years, funding : as of `linear_greeks`.
    counted_from : price from which coins are counted: `price` of today's change, a reference where coins stay.
    """
    p, s, t, r, paid = (np.asarray(number, np.float64) for number in (price, spot, years, counted_from, funding))
    dated = t > 0
    nothing = np.zeros(np.broadcast_shapes(p.shape, s.shape, t.shape, r.shape))
    theta = np.where(dated, -(_log_ratio(p, s) / np.where(dated, t, 1.0)), -paid) * (s / p) + 0.0
    return Greeks(*np.broadcast_arrays(s / r - s / p, 1.0 / r, nothing, nothing, nothing, nothing, theta, nothing,
                                       t * s / p))


def carries(forward: ArrayLike, spot: ArrayLike, years: ArrayLike) -> Floats:
    """ln(F/S)/T, per year."""
    return _log_ratio(np.asarray(forward, np.float64), np.asarray(spot, np.float64)) / np.asarray(years, np.float64)


def _log_ratio(a: Floats, b: Floats) -> Floats:
    """ln(a / b), accurate to its own last places where a is near b, too: 2 artanh((a - b) / (a + b))."""
    s = (a - b) / (a + b)
    square = s * s
    series = np.zeros(np.shape(s))
    for j in range(_TERMS, 1, -2):
        series = square * (1.0 / j + series)
    return np.where(np.abs(s) < _NEAR, 2.0 * (s + s * series), log(a / b))


def _density(x: Floats) -> Floats:
    return _INVERSE_SQRT_TAU * exp(-0.5 * (x * x))


def _cdf(x: Floats) -> Floats:
    """Phi(x), accurate to its own last places in both tails."""
    tail = normal_tail(np.abs(x))
    return np.where(x < 0, tail, 1.0 - tail)


def _out_of_the_money(forward: Floats, distance: Floats, w: Floats, least: Floats) -> Floats:
    """Undiscounted price of the call or put that is out of the money; distance = |ln(F/K)|, least = min(F, K).

    With the ratio of Mills R(y) = (1 - Phi(y)) / phi(y) it is least phi(y) (R(y) - R(y + w)) for y = distance/w - w/2.
    Where the two are near each other, their difference is the integral of -R' = 1 - y R(y) instead.
    """
    y = distance / w - 0.5 * w
    front = least * _density(y)
    wide = least * _cdf(-y) - front * _mills(y + w)
    narrow = np.zeros(np.shape(y))
    width = np.minimum(w, _WIDE)
    for node, weight in _NODES:
        for side in (-1.0, 1.0):
            at = y + width * (0.5 + 0.5 * side * node)
            narrow = narrow + weight * _slope(at)
    return np.where(w < _WIDE, front * (0.5 * width * narrow), np.maximum(wide, 0.0))


def _mills(y: Floats) -> Floats:
    """R(y) for y >= 0: by the law's tail, from 3 on by Laplace's continued fraction."""
    inner = np.minimum(np.maximum(y, 0.0), 3.0)
    return np.where(y < 3.0, _cdf(-inner) / _density(inner), 1.0 / _fraction(y))


def _slope(y: Floats) -> Floats:
    """-R'(y) = 1 - y R(y) for y >= -1/2; far out, where that is a small difference, (f - y) / f of f = 1 / R."""
    inner = np.minimum(np.maximum(y, -0.5), 3.0)
    far = np.maximum(y, 3.0)
    near = 1.0 - inner * (_cdf(-inner) / _density(inner))
    fraction = _fraction(far)
    return np.where(y < 3.0, near, _rest(far) / fraction)


def _fraction(y: Floats) -> Floats:
    far = np.maximum(y, 3.0)
    return far + _rest(far)


def _rest(far: Floats) -> Floats:
    """1/(y + 2/(y + 3/(y + ...))): what Laplace's fraction of 1/R(y) has beyond y >= 3."""
    fraction = far
    for k in range(120, 1, -1):
        fraction = far + k / fraction
    return 1.0 / fraction
