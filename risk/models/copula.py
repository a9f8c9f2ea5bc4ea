"""The Student-t copula: how extreme days of several assets come together.

[Demarta and McNeil, The t copula and related copulas, International Statistical Review 73, 2005.]
Unlike the Gaussian copula it has tail dependence: in the worst scenarios the assets fall together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.elementary import student_t_quantile, student_t_tail, student_t_tail_inverse
from risk.market.instruments import MOST_ASSETS

Floats = NDArray[np.float64]
_DEGREES = (2.01, 200.0)


@dataclass(frozen=True)
class StudentCopula:
    """Degrees of freedom and correlation matrix of m assets.

    Raises
    ------
    BadInput : degrees out of [2.01, 200], or a matrix that is no positive definite correlation matrix.
    """

    degrees: float
    correlation: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        low, high = _DEGREES
        if not low <= self.degrees <= high:
            raise BadInput("copula.degrees", self.degrees, f"a number in [{low}, {high}]")
        size = len(self.correlation)
        for i, row in enumerate(self.correlation):         # all lengths before any value: row j is read with row i
            if len(row) != size:
                raise BadInput(f"length of copula.correlation[{i}]", len(row), f"{size}: the matrix is square")
        for i, row in enumerate(self.correlation):
            for j, value in enumerate(row):
                if not -1 <= value <= 1 or value != self.correlation[j][i] or (i == j and value != 1):
                    raise BadInput(f"copula.correlation[{i}][{j}]", value,
                                   "in [-1, 1], 1 on the diagonal, equal to its mirror image")
        _ = self.root

    @cached_property
    def root(self) -> list[list[float]]:
        """The lower triangular Cholesky factor, computed in a fixed order."""
        root: list[list[float]] = []
        for i, row in enumerate(self.correlation):
            root.append([])
            for j in range(i):
                inner = row[j]
                for k in range(j):
                    inner -= root[i][k] * root[j][k]
                root[i].append(inner / root[j][j])
            square = row[i]
            for value in root[i]:
                square -= value * value
            if not square > 1e-12:
                raise BadInput("copula.correlation", f"rank {i} of {len(self.correlation)}", "positive definite")
            root[i].append(math.sqrt(square))
        return root

    def sample(self, uniforms: Floats) -> Floats:
        """Variates of the multivariate t distribution from independent uniforms: (..., m) -> (..., m).

        The conditional distribution method (inverse Rosenblatt transform): given j coordinates y of the spherical t,
        the next is sqrt((nu + |y|**2)/(nu + j)) times a t variate with nu + j degrees of freedom. It needs no normal
        and no chi-square variates, and exactly one uniform a coordinate.
        """
        nu, root = self.degrees, self.root
        spherical: list[Floats] = []
        norm = np.zeros(uniforms.shape[:-1])
        for j in range(len(root)):
            y = np.sqrt((nu + norm) / (nu + j)) * student_t_quantile(uniforms[..., j], nu + j)
            spherical.append(y)
            norm = norm + y * y
        out = np.empty(uniforms.shape)
        for i, row in enumerate(root):
            value = np.zeros(uniforms.shape[:-1])
            for weight, y in zip(row, spherical, strict=False):        # row i has i + 1 weights
                value = value + weight * y
            out[..., i] = value
        return out

    def innovations(self, variates: Floats, asset: int, degrees: float) -> Floats:
        """Coordinate `asset` of `sample` brought to the asset's own Student-t law, scaled to unit variance.

        Goes through tail probabilities, not through the distribution function, which is 1 in doubles far out.
        """
        x = variates[..., asset]
        t = student_t_tail_inverse(student_t_tail(np.abs(x), self.degrees), degrees)
        return np.where(x < 0, -t, t) * math.sqrt((degrees - 2.0) / degrees)

    def log_likelihood(self, ranks: Floats) -> float:
        """Of pseudo-observations in (0, 1), (n, m); see `pseudo_observations`."""
        from scipy.special import gammaln, stdtrit

        nu, m = self.degrees, len(self.correlation)
        x = stdtrit(nu, ranks)
        root = np.linalg.cholesky(np.array(self.correlation))
        squares = np.sum(np.linalg.solve(root, x.T) ** 2, axis=0)
        joint = gammaln((nu + m) / 2) - gammaln(nu / 2) - np.log(np.diag(root)).sum() \
            - (nu + m) / 2 * np.log1p(squares / nu)
        single = gammaln((nu + 1) / 2) - gammaln(nu / 2) - (nu + 1) / 2 * np.log1p(x**2 / nu)
        return float(np.sum(joint - single.sum(axis=1)))

    def to_json(self) -> dict[str, Any]:
        return {"degrees": self.degrees, "correlation": [list(row) for row in self.correlation]}

    @classmethod
    def from_json(cls, node: Node) -> StudentCopula:
        """Read a table of `degrees` and `correlation`."""
        parts = node.object(required={"degrees", "correlation"})
        rows = [tuple(value.number(-1.0, 1.0) for value in row.array())
                for row in parts["correlation"].array(at_least=1, at_most=MOST_ASSETS)]
        try:
            return cls(parts["degrees"].number(*_DEGREES), tuple(rows))
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=node.source) from None


def pseudo_observations(residuals: Floats) -> Floats:
    """Ranks of each column divided by n + 1: (n, m) -> (n, m), inside (0, 1)."""
    from scipy.stats import rankdata

    ranks: Floats = rankdata(residuals, axis=0) / (len(residuals) + 1)
    return ranks


def fit(residuals: Floats, assets: Sequence[str]) -> StudentCopula:
    """Correlations by inverting Kendall's tau, rho = sin(pi tau / 2), then degrees by maximum likelihood on the ranks.

    The two-step estimator of Demarta and McNeil, section 3; rounded to six decimals.

    Parameters
    ----------
    residuals : (n, m).

    Raises
    ------
    BadInput : the correlations found are no positive definite matrix (more assets than the data can tell apart).
    """
    from scipy.optimize import minimize_scalar
    from scipy.stats import kendalltau

    m = len(assets)
    matrix = [[1.0] * m for _ in range(m)]
    for i in range(m):
        for j in range(i):
            tau = float(kendalltau(residuals[:, i], residuals[:, j]).statistic)
            matrix[i][j] = matrix[j][i] = round(math.sin(math.pi / 2 * tau), 6)
    correlation = tuple(tuple(row) for row in matrix)
    ranks = pseudo_observations(residuals)
    found = minimize_scalar(lambda log_nu: -StudentCopula(math.exp(log_nu), correlation).log_likelihood(ranks),
                            bounds=(math.log(2.1), math.log(150.0)), method="bounded", options={"xatol": 1e-6})
    return StudentCopula(round(math.exp(float(found.x)), 6), correlation)
