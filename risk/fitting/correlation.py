"""Correlations: Kendall's tau, the nearest correlation matrix, DCC and cDCC by quasi-maximum likelihood."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.signal import lfilter

from primitives.errors import BadInput, Said
from risk.models.correlation import LEAST_PIVOT, Correlation, Matrix, cholesky, condition

Floats = NDArray[np.float64]
_PLACES = 6
_LEAST_EIGENVALUE = 1e-6
_MOST_PERSISTENT = 0.9999


@dataclass(frozen=True)
class Repair:
    """A matrix that is one, and how far from the given one it is in the Frobenius norm (0 where nothing was done)."""

    matrix: Matrix
    distance: float


@dataclass(frozen=True)
class CorrelationFit:
    """log_likelihood : of residuals, Gaussian, less that of independence (for dcc and cdcc; 0 for others)."""

    correlation: Correlation
    log_likelihood: float
    distance: float
    gradient: float
    doubts: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return {"parameters": self.correlation.to_json(), "log_likelihood": self.log_likelihood,
                "repaired_by": self.distance, "gradient": self.gradient, "doubts": list(self.doubts)}


def usable(matrix: Matrix) -> bool:
    """Whether the deterministic rooms take a matrix: pivots above 1e-10, a condition number below 1e8."""
    root = cholesky(matrix)
    return not isinstance(root, int) and condition(root, matrix) < 1e8


def nearest(matrix: Matrix | Floats) -> Repair:
    """The nearest correlation matrix with eigenvalues of at least 1e-6, to six decimals.

    Alternating projections with Dykstra's correction [Higham, Computing the nearest correlation matrix: a problem from
    finance, IMA Journal of Numerical Analysis 22, 2002].
    """
    given = np.array(matrix, np.float64)
    given = 0.5 * (given + given.T)
    np.fill_diagonal(given, 1.0)
    y, correction = given.copy(), np.zeros_like(given)
    for _ in range(2000):
        r = y - correction
        values, vectors = np.linalg.eigh(r)
        x = (vectors * np.maximum(values, _LEAST_EIGENVALUE)) @ vectors.T
        correction = x - r
        before, y = y, x.copy()
        np.fill_diagonal(y, 1.0)
        if np.linalg.norm(y - before) < 1e-12 * len(y):
            break
    low = np.linalg.eigvalsh(y)[0]
    if low < _LEAST_EIGENVALUE:                        # of the last projection; a last step towards the identity
        share = (_LEAST_EIGENVALUE - low) / (1 - low)
        y = (1 - share) * y + share * np.eye(len(y))
    found = rounded(y)
    if not usable(found):
        raise BadInput("correlation.matrix", Said(f"pivot below {LEAST_PIVOT}"), "repairable")
    return Repair(found, float(np.linalg.norm(np.array(found) - given)))


def rounded(matrix: Floats) -> Matrix:
    """To six decimals, symmetric, ones on the diagonal."""
    m = len(matrix)
    return tuple(tuple(1.0 if i == j else round(float(matrix[max(i, j), min(i, j)]), _PLACES) for j in range(m))
                 for i in range(m))


def kendall(residuals: Floats) -> Matrix:
    """sin(pi tau / 2) of each pair: what an elliptical copula's correlation is, whatever its marginal laws."""
    from scipy.stats import kendalltau

    m = residuals.shape[1]
    matrix = np.eye(m)
    for i in range(m):
        for j in range(i):
            tau = float(kendalltau(residuals[:, i], residuals[:, j]).statistic)
            matrix[i, j] = matrix[j, i] = math.sin(math.pi / 2 * tau)
    return rounded(matrix)


def accepted(matrix: Matrix, repair: bool) -> Repair:
    """A matrix as it is, or repaired if that is asked for.

    Raises
    ------
    BadInput : it needs a repair and none is asked for; names the distance.
    """
    if usable(matrix):
        return Repair(matrix, 0.0)
    near = nearest(matrix)
    if not repair:
        rank = cholesky(matrix)
        raise BadInput("correlation.matrix", Said(f"rank {rank}") if isinstance(rank, int) else Said("nearly singular"),
                       "positive definite: `model fit --repair` takes the nearest correlation matrix, at a Frobenius "
                       f"distance of {near.distance:.3g}")
    return near


def fit(residuals: Floats, spans: NDArray[np.int64], *, family: str, decay: float = 0.97, repair: bool = False
        ) -> CorrelationFit:
    """A family's parameters: ewma has its published decay, static Kendall's, dcc and cdcc are fitted with S targeted.

    Raises
    ------
    BadInput : a matrix that needs a repair, unless one is asked for.
    """
    if residuals.shape[1] == 1:
        return CorrelationFit(Correlation("static", matrix=((1.0,),)), 0.0, 0.0, 0.0, ())
    if family == "ewma":
        return CorrelationFit(Correlation.ewma(decay), 0.0, 0.0, 0.0, ())
    if family == "static":
        taken = accepted(kendall(residuals), repair)
        return CorrelationFit(Correlation("static", matrix=taken.matrix), 0.0, taken.distance, 0.0, ())
    return _dynamic(residuals, spans, family, repair)


def _dynamic(residuals: Floats, spans: NDArray[np.int64], family: str, repair: bool) -> CorrelationFit:
    taken = accepted(rounded(_sample(residuals)), repair)

    def parts(x: Floats) -> tuple[float, float, Floats, Floats]:
        """a, b, S and what enters Q."""
        a, b = float(x[0] * x[1]), float((1 - x[0]) * x[1])
        if family == "dcc":
            return a, b, np.array(taken.matrix), residuals
        scaled = _scaled(residuals, spans, a, b)
        return a, b, _sample(scaled), scaled

    def lost(x: Floats) -> float:
        try:
            return -_likelihood(_path(*parts(x), spans), residuals)
        except np.linalg.LinAlgError:
            return 1e300

    box = [(1e-6, 0.9), (1e-6, _MOST_PERSISTENT)]
    best = min((minimize(lost, np.array(start), method="Nelder-Mead", bounds=box,
                         options={"xatol": 1e-8, "fatol": 1e-9, "maxfev": 250})
                for start in ((0.03, 0.98), (0.1, 0.9))), key=lambda result: float(result.fun))
    x = np.asarray(best.x)
    a, b, target, _ = parts(x)
    a, b = round(a, 6), round(b, 6)
    chosen = accepted(rounded(target), repair)
    final = Correlation(family, a, b, chosen.matrix)
    gradient = [(lost(x + h) - lost(x - h)) / (2 * 1e-6) for h in np.eye(2) * 1e-6]
    doubts = []
    if not best.success:
        doubts.append("not converged")
    if a < 1e-4:
        doubts.append("a is 0: the correlation does not move, a static one says the same")
    if a + b > 0.999:
        doubts.append("a + b is at its bound: shocks to correlation never die out, an ewma says the same")
    return CorrelationFit(final, dynamic_likelihood(final, residuals, spans), chosen.distance,
                          float(np.linalg.norm(gradient)), tuple(doubts))


def _sample(z: Floats) -> Floats:
    q = z.T @ z / len(z)
    deviation = np.sqrt(np.diagonal(q))
    out: Floats = q / np.outer(deviation, deviation)
    return out


def _scaled(z: Floats, spans: NDArray[np.int64], a: float, b: float) -> Floats:
    """diag(Q)**1/2 z of cDCC, whose mean of squares is Aielli's S; its recursion needs only ones on S's diagonal."""
    q = np.ones(z.shape[1])
    out = np.empty_like(z)
    for t, span in enumerate(spans.tolist()):
        for _ in range(span - 1):
            q = (1 - a - b) + (a + b) * q
        out[t] = z[t] * np.sqrt(q)
        q = (1 - a - b) + a * (out[t] * out[t]) + b * q
    return out


def _path(a: float, b: float, matrix: Floats, entering: Floats, spans: NDArray[np.int64]) -> Floats:
    """As `Correlation.path` without the next step, by linear filters: an optimiser asks for it hundreds of times.

    entering : (n, m), what Q moves by: z, or Aielli's diag(Q)**1/2 z.
    """
    n, m = entering.shape
    target = matrix.reshape(-1)
    moves = (1 - a - b) * target + a * (entering[:, :, None] * entering[:, None, :]).reshape(n, -1)
    q, state, at = np.empty((n, m * m)), target, 0
    for gap in [*np.flatnonzero(spans > 1).tolist(), n]:
        if gap > at:
            later, _ = lfilter([1.0], [1.0, -b], moves[at:gap], axis=0, zi=b * state[None])
            q[at], q[at + 1:gap], state = state, later[:-1], later[-1]
        if gap < n:
            for _ in range(int(spans[gap]) - 1):
                state = (1 - a - b) * target + (a + b) * state
            q[gap] = state
            state = moves[gap] + b * state
        at = gap + 1
    q = q.reshape(n, m, m)
    deviation = np.sqrt(np.diagonal(q, axis1=1, axis2=2))
    out: Floats = q / (deviation[:, :, None] * deviation[:, None, :])
    return out


def dynamic_likelihood(correlation: Correlation, residuals: Floats, spans: NDArray[np.int64]) -> float:
    """-1/2 sum of log |R_t| + z' R_t**-1 z - z' z: the correlation part of Engle's likelihood."""
    return _likelihood(correlation.path(residuals, spans)[:-1], residuals)


def _likelihood(path: Floats, residuals: Floats) -> float:
    roots = np.linalg.cholesky(path)
    white = np.linalg.solve(roots, residuals[:, :, None])[..., 0]
    logs = 2 * np.log(np.diagonal(roots, axis1=1, axis2=2)).sum()
    return float(-0.5 * (logs + (white**2).sum() - (residuals**2).sum()))
