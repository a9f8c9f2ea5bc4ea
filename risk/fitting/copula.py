"""Degrees of t and grouped-t copulas by maximum likelihood on ranks, under correlations that may move."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import gammaln, ndtri, stdtrit
from scipy.stats import rankdata

from risk.models.copula import Dependence

Floats = NDArray[np.float64]
_DEGREES = (2.1, 150.0)


def pseudo_observations(residuals: Floats) -> Floats:
    """Ranks of each column divided by n + 1: (n, m) -> (n, m), inside (0, 1)."""
    ranks: Floats = rankdata(residuals, axis=0) / (len(residuals) + 1)
    return ranks


def log_likelihood(degrees: float | None, path: Floats, ranks: Floats) -> float:
    """Of pseudo-observations under R of each day, (n, m, m); of the Gaussian copula if degrees is None."""
    x = ndtri(ranks) if degrees is None else stdtrit(degrees, ranks)
    roots = np.linalg.cholesky(path)
    white = np.linalg.solve(roots, x[:, :, None])[..., 0]
    squares, logs = (white**2).sum(axis=1), np.log(np.diagonal(roots, axis1=1, axis2=2)).sum(axis=1)
    if degrees is None:
        return float((-logs - 0.5 * squares + 0.5 * (x**2).sum(axis=1)).sum())
    nu, m = degrees, ranks.shape[1]
    joint = gammaln((nu + m) / 2) - gammaln(nu / 2) - logs - (nu + m) / 2 * np.log1p(squares / nu)
    single = gammaln((nu + 1) / 2) - gammaln(nu / 2) - (nu + 1) / 2 * np.log1p(x**2 / nu)
    return float((joint - single.sum(axis=1)).sum())


def fit_degrees(path: Floats, ranks: Floats) -> float:
    """The most likely degrees, rounded to six significant digits."""
    found = minimize_scalar(lambda nu: -log_likelihood(math.exp(nu), path, ranks),
                            bounds=tuple(math.log(end) for end in _DEGREES), method="bounded", options={"xatol": 1e-7})
    return float(f"{math.exp(float(found.x)):.6g}")


def fit(residuals: Floats, path: Floats, assets: Sequence[str], *, family: str,
        groups: Sequence[Sequence[str]] = ()) -> Dependence:
    """A copula's degrees.

    Parameters
    ----------
    residuals : (n, m).  path : R of each day, (n, m, m).
    groups : of grouped-t, names of assets; the degrees of each are fitted on its members alone [Daul et al.], those of
        a single asset on all of them.
    """
    ranks = pseudo_observations(residuals)
    if family == "gaussian":
        return Dependence(family)
    if len(assets) == 1:
        return Dependence("t", (4.0,))
    if family == "t":
        return Dependence(family, (fit_degrees(path, ranks),) * len(assets))
    chosen, per_asset = [], dict.fromkeys(assets, 0.0)
    for group in groups:
        rows = [assets.index(name) for name in group]
        within = path[:, rows][:, :, rows], ranks[:, rows]
        degrees = fit_degrees(*within) if len(rows) > 1 else fit_degrees(path, ranks)
        chosen.append((tuple(group), degrees))
        per_asset |= dict.fromkeys(group, degrees)
    return Dependence(family, tuple(per_asset.values()), tuple(chosen))
