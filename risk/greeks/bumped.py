"""The same Greeks by revaluing at bumped prices: differences of `risk.valuation.pricing`, what epochs are valued by.

They share no formula with `risk.greeks.closed` but Black-76 itself, and so show whether the two mean the same. Central
differences over five points have an error of the fourth order in the step. A step is a fiftieth of the length over
which the price bends: in spot the deviation of the log price, divided by 1 + |d|, for out there the price bends faster.

Rounding: a price is exact to about 1e-15 of the forward, a second difference divides that by the step twice. Next to
expiry, where prices bend within a hair, digits are lost; the two columns then differ, and neither hides it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from risk.exact.elementary import exp, log
from risk.greeks.closed import Greeks
from risk.valuation.pricing import black_76, forward_after

Floats = NDArray[np.float64]
Function = Callable[[Floats], Floats]

_STEP = 0.02
_MOST = 0.5
"""Of a step, in deviations: an option that lives for years bends over the size of the price itself."""


def bumped_options(spot: ArrayLike, forward: ArrayLike, strike: ArrayLike, volatility: ArrayLike, years: ArrayLike,
                   rate: ArrayLike, call: ArrayLike, passing: ArrayLike | None = None) -> Greeks:
    """As `risk.greeks.closed.option_greeks`; volatility and years above 0."""
    s, f, k, v, t, r = (np.asarray(number, np.float64) for number in (spot, forward, strike, volatility, years, rate))
    at_end = r if passing is None else np.asarray(passing, np.float64)
    side = np.asarray(call, np.bool_)
    w = v * np.sqrt(t)
    far = 1.0 + np.abs(log(f / k) / w)
    in_spot = _STEP * np.minimum(w, _MOST) / far                            # of the log of the price
    in_time = _STEP / (far * far)                                           # of volatility and time, relative
    ratio = f / s

    def worth(spot: Floats, volatility: Floats) -> Floats:
        return black_76(spot * ratio, k, volatility, t, exp(-r * t), side)

    def at_time(passed: Floats) -> Floats:
        left = t - passed
        return black_76(forward_after(s, f, s, t, left), k, v, left, exp(at_end * passed - r * t), side)

    h, hv = in_spot * s, in_time * v
    at_rate = 1e-3 / (1.0 + t)
    return Greeks(
        worth(s, v), _first(lambda x: worth(s + x, v), h), _second(lambda x: worth(s + x, v), h),
        _first(lambda y: worth(s, v + y), hv), _first(lambda y: _first(lambda x: worth(s + x, v + y), h), hv),
        _second(lambda y: worth(s, v + y), hv), _first(at_time, in_time * t),
        _first(lambda x: black_76(f, k, v, t, exp(-(r + x) * t), side), at_rate),
        _first(lambda x: black_76(f * exp(x * t), k, v, t, exp(-r * t), side), in_spot / t))


def bumped_linear(price: ArrayLike, spot: ArrayLike, years: ArrayLike = 0.0, funding: ArrayLike = 0.0) -> Greeks:
    """As `risk.greeks.closed.linear_greeks`."""
    p, s, t, paid = (np.asarray(number, np.float64) for number in (price, spot, years, funding))
    dated = t > 0
    life = np.where(dated, t, 1.0)
    nothing = np.zeros(np.broadcast_shapes(p.shape, s.shape, t.shape))

    def worth(spot_after: Floats, left: Floats) -> Floats:
        held = p * (spot_after / s) - p * paid * (life - left)
        return np.where(dated, forward_after(s, p, spot_after, life, left), held)

    h = _STEP * s
    theta = _first(lambda x: worth(s, life - x), _STEP * life)
    carry = np.where(dated, _first(lambda x: p * exp(x * life), _STEP / life), 0.0)
    return Greeks(*np.broadcast_arrays(
        worth(s, life), _first(lambda x: worth(s + x, life), h), _second(lambda x: worth(s + x, life), h), nothing,
        nothing, nothing, theta, nothing, carry))


def bumped_coin_linear(price: ArrayLike, spot: ArrayLike, years: ArrayLike, counted_from: ArrayLike,
                       funding: ArrayLike = 0.0) -> Greeks:
    """As `risk.greeks.closed.coin_linear_greeks`."""
    p, s, t, r, paid = (np.asarray(number, np.float64) for number in (price, spot, years, counted_from, funding))
    dated = t > 0
    life = np.where(dated, t, 1.0)
    nothing = np.zeros(np.broadcast_shapes(p.shape, s.shape, t.shape, r.shape))

    def worth(spot_after: Floats, left: Floats, lift: ArrayLike = 1.0) -> Floats:
        forward = np.where(dated, forward_after(s, p, spot_after, life, left), p * (spot_after / s))
        gone = np.where(dated, 0.0, paid * (life - left) / p)
        return spot_after * (1.0 / r - 1.0 / (forward * lift) - gone)

    h = _STEP * s
    theta = _first(lambda x: worth(s, life - x), _STEP * life)
    carry = np.where(dated, _first(lambda x: worth(s, life, exp(x * life)), _STEP / life), 0.0)
    return Greeks(*np.broadcast_arrays(
        worth(s, life), _first(lambda x: worth(s + x, life), h), _second(lambda x: worth(s + x, life), h), nothing,
        nothing, nothing, theta, nothing, carry))


def _first(f: Function, h: ArrayLike) -> Floats:
    """f'(0), of the fourth order."""
    step = np.asarray(h, np.float64)
    return (8.0 * (f(step) - f(-step)) - (f(2.0 * step) - f(-2.0 * step))) / (12.0 * step)


def _second(f: Function, h: ArrayLike) -> Floats:
    """f''(0), of the fourth order."""
    step = np.asarray(h, np.float64)
    here = f(np.zeros(np.shape(step)))
    return (16.0 * (f(step) + f(-step)) - (f(2.0 * step) + f(-2.0 * step)) - 30.0 * here) / (12.0 * (step * step))
