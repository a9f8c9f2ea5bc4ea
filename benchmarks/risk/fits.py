"""Fits of GARCH on every scale, against `arch`'s at the scale that it is made for."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from arch import arch_model
from numpy.typing import NDArray

from benchmarks.risk.figures import Figure, Report
from risk.exact.uniforms import uniforms
from risk.fitting.likelihood import likelihood_of
from risk.fitting.volatility import fit
from risk.models.innovations import Law
from risk.models.volatility import Volatility, sample_variance

SCALES = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)
DAYS = 1500
_LAW = Law("t", 5.0)


def path(seed: int) -> NDArray[np.float64]:
    """Returns of a GARCH(1,1) with Student-t innovations whose deviation is about 1: (DAYS,)."""
    u = uniforms(seed, (DAYS,))
    z = _LAW.from_tails(u, 1 - u)
    out, variance = np.empty(DAYS), 1.0
    for t in range(DAYS):
        out[t] = 0.03 + np.sqrt(variance) * z[t]
        variance = 0.02 + 0.08 * (out[t] - 0.03) ** 2 + 0.9 * variance
    return out


def figures(report: Report) -> Iterator[Figure]:
    """The largest shortfall in likelihood and the largest error of the forecast over scales and three series."""
    shortfalls, forecasts = [], []
    for seed in range(3):
        unit = path(seed)
        theirs = arch_model(unit, mean="Constant", vol="GARCH", dist="t", rescale=False).fit(
            disp="off", backcast=sample_variance(unit)).params
        for scale in SCALES:
            report(f"fit at a daily deviation of {scale:g}, series {seed + 1} of 3")
            returns = unit * scale
            reference = Volatility("garch", theirs["mu"] * scale, theirs["omega"] * scale**2, theirs["alpha[1]"],
                                   min(theirs["beta[1]"], 1 - theirs["alpha[1]"] - 1e-12), law=Law("t", theirs["nu"]))
            ours = fit(returns).volatility
            shortfalls.append(likelihood_of(reference, returns) - likelihood_of(ours, returns))
            forecasts.append(abs(100 * (ours.variances(returns)[-1] / reference.variances(returns)[-1] - 1)))
    yield Figure("GARCH fits, daily sd 1e-5 to 1e-1: log-likelihood behind arch's", max(shortfalls), "", most=.01)
    yield Figure("the same: forecast variance against arch's", max(forecasts), "%", most=1)
