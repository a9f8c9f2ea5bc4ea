"""Copulas: how extreme days of several assets come together, whatever the law of each.

gaussian    no tail dependence: extremes are independent in the limit
t           in the worst scenarios the assets fall together
            [Demarta and McNeil, The t copula and related copulas, International Statistical Review 73, 2005]
grouped-t   as t, but each group of assets has degrees of its own; their mixing variables are comonotone
            [Daul, De Giorgi, Lindskog, McNeil, The grouped t-copula with an application to credit risk, RISK 16, 2003]

Correlations are not part of a `Dependence`: they may move (`risk.models.correlation`), and a copula is made of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.elementary import student_t_quantile, student_t_tail
from risk.exact.gamma import chi_square_quantile
from risk.exact.normal import normal_tail, normal_tail_inverse
from risk.models.correlation import Matrix, require_correlations
from risk.models.innovations import Law

Floats = NDArray[np.float64]
FAMILIES = ("gaussian", "grouped-t", "t")
_DEGREES = (2.01, 200.0)


class Copula(Protocol):
    """What scenarios are drawn from: m assets from `uniforms` independent uniforms."""

    @property
    def uniforms(self) -> int: ...

    def sample(self, uniforms: Floats) -> Floats:
        """Variates: (..., `uniforms`) -> (..., m)."""

    def tail(self, x: Floats, asset: int) -> Floats:
        """P(X > x) of coordinate `asset` for x >= 0; every coordinate is symmetric."""


def innovations(copula: Copula, variates: Floats, asset: int, law: Law) -> Floats:
    """Coordinate `asset` of `sample` brought to the asset's own law.

    Goes through tail probabilities, not through the distribution function, which is 1 in doubles far out.
    """
    x = variates[..., asset]
    tail = copula.tail(np.abs(x), asset)
    return law.from_tails(np.where(x < 0, tail, 1.0 - tail), np.where(x < 0, 1.0 - tail, tail))


@dataclass(frozen=True)
class GaussianCopula:
    """Correlated normal variates. Raises BadInput for a matrix that is no correlation matrix."""

    correlation: Matrix

    def __post_init__(self) -> None:
        _ = self.root

    @cached_property
    def root(self) -> list[list[float]]:
        """The lower triangular Cholesky factor."""
        return require_correlations(self.correlation, "correlation")

    @property
    def uniforms(self) -> int:
        return len(self.correlation)

    def sample(self, uniforms: Floats) -> Floats:
        return _mixed(self.root, _normals(uniforms))

    def tail(self, x: Floats, asset: int) -> Floats:
        return normal_tail(np.minimum(x, 37.0))


@dataclass(frozen=True)
class StudentCopula:
    """Degrees of freedom and correlation matrix of m assets.

    Raises
    ------
    BadInput : degrees out of [2.01, 200], or a matrix that is no positive definite correlation matrix.
    """

    degrees: float
    correlation: Matrix

    def __post_init__(self) -> None:
        _require_degrees(self.degrees, "copula.degrees")
        _ = self.root

    @cached_property
    def root(self) -> list[list[float]]:
        """The lower triangular Cholesky factor, computed in a fixed order."""
        return require_correlations(self.correlation, "copula.correlation")

    @property
    def uniforms(self) -> int:
        return len(self.correlation)

    def sample(self, uniforms: Floats) -> Floats:
        """Variates of the multivariate t distribution from independent uniforms: (..., m) -> (..., m).

        The conditional distribution method (inverse Rosenblatt transform): given j coordinates y of the spherical t,
        the next is sqrt((nu + |y|**2)/(nu + j)) times a t variate with nu + j degrees of freedom. It needs no normal
        and no chi-square variates, and exactly one uniform a coordinate.
        """
        nu = self.degrees
        spherical: list[Floats] = []
        norm = np.zeros(uniforms.shape[:-1])
        for j in range(len(self.root)):
            y = np.sqrt((nu + norm) / (nu + j)) * student_t_quantile(uniforms[..., j], nu + j)
            spherical.append(y)
            norm = norm + y * y
        return _mixed(self.root, spherical)

    def tail(self, x: Floats, asset: int) -> Floats:
        return student_t_tail(x, self.degrees)


@dataclass(frozen=True)
class GroupedStudentCopula:
    """The t copula with degrees by group; degrees : per asset. One uniform more than assets, for the mixing variable.

    X_i = sqrt(nu_i / W_i) Z_i with Z correlated normal and W_i the chi-square quantile with nu_i degrees of one common
    uniform, so that assets of one group have a t copula and those of two are mixed by comonotone variables.
    """

    degrees: tuple[float, ...]
    correlation: Matrix

    def __post_init__(self) -> None:
        if len(self.degrees) != len(self.correlation):
            raise BadInput("number of degrees", len(self.degrees), f"{len(self.correlation)}, one an asset")
        for i, degrees in enumerate(self.degrees):
            _require_degrees(degrees, f"copula.degrees[{i}]")
        _ = self.root

    @cached_property
    def root(self) -> list[list[float]]:
        return require_correlations(self.correlation, "copula.correlation")

    @property
    def uniforms(self) -> int:
        return len(self.correlation) + 1

    def sample(self, uniforms: Floats) -> Floats:
        out = _mixed(self.root, _normals(uniforms[..., 1:]))
        scales = {nu: np.sqrt(nu / chi_square_quantile(uniforms[..., 0], nu)) for nu in dict.fromkeys(self.degrees)}
        for i, nu in enumerate(self.degrees):
            out[..., i] = out[..., i] * scales[nu]
        return out

    def tail(self, x: Floats, asset: int) -> Floats:
        return student_t_tail(x, self.degrees[asset])


@dataclass(frozen=True)
class Dependence:
    """A copula's family and parameters, without correlations.

    degrees : of each asset; empty for gaussian, all equal for t.  groups : names, for grouped-t, in file order.

    Raises
    ------
    BadInput : degrees out of [2.01, 200].
    """

    family: str
    degrees: tuple[float, ...] = ()
    groups: tuple[tuple[tuple[str, ...], float], ...] = ()

    def __post_init__(self) -> None:
        for degrees in self.degrees:
            _require_degrees(degrees, "copula.degrees")

    @classmethod
    def from_json(cls, node: Node, assets: tuple[str, ...]) -> Dependence:
        """Read a table as the model file has it.

        Raises
        ------
        BadInput : naming file and key; a group of grouped-t with an unknown asset, an asset in no or two groups.
        """
        family = Node(node.value.get("family") if isinstance(node.value, dict) else None,
                      field=f"{node.field}.family", source=node.source).choice(FAMILIES)
        if family == "gaussian":
            node.object({"family"})
            return cls(family)
        if family == "t":
            degrees = node.object({"family", "degrees"})["degrees"].number(*_DEGREES)
            return cls(family, (degrees,) * len(assets))
        groups, seen = [], dict.fromkeys(assets, 0.0)
        for entry in node.object({"family", "groups"})["groups"].array(at_least=1, at_most=len(assets)):
            parts = entry.object({"assets", "degrees"})
            members = tuple(name.choice(assets) for name in parts["assets"].array(at_least=1))
            degrees = parts["degrees"].number(*_DEGREES)
            for name in members:
                if seen[name]:
                    raise BadInput(parts["assets"].field, name, "in one group, once", source=node.source)
                seen[name] = degrees
            groups.append((members, degrees))
        for name, degrees in seen.items():
            if not degrees:
                raise BadInput(f"{node.field}.groups", name, "an asset of some group: each is in one",
                               source=node.source)
        return cls(family, tuple(seen.values()), tuple(groups))

    def to_json(self) -> dict[str, Any]:
        """The table of the model file."""
        if self.family == "gaussian":
            return {"family": self.family}
        if self.family == "t":
            return {"family": self.family, "degrees": self.degrees[0]}
        return {"family": self.family,
                "groups": [{"assets": list(members), "degrees": degrees} for members, degrees in self.groups]}

    def under(self, correlation: Matrix) -> Copula:
        """The copula with these correlations."""
        if self.family == "gaussian":
            return GaussianCopula(correlation)
        if self.family == "t":
            return StudentCopula(self.degrees[0], correlation)
        return GroupedStudentCopula(self.degrees, correlation)


def _require_degrees(degrees: float, field: str) -> None:
    low, high = _DEGREES
    if not low <= degrees <= high:
        raise BadInput(field, degrees, f"a number in [{low}, {high}]")


def _normals(uniforms: Floats) -> list[Floats]:
    x = normal_tail_inverse(np.minimum(uniforms, 1.0 - uniforms))
    normal = np.where(uniforms < 0.5, -x, x)
    return [normal[..., j] for j in range(uniforms.shape[-1])]


def _mixed(root: list[list[float]], independent: list[Floats]) -> Floats:
    """Lower triangular weights times independent coordinates, in a fixed order."""
    out = np.empty((*independent[0].shape, len(root)))
    for i, row in enumerate(root):
        value = np.zeros(independent[0].shape)
        for weight, y in zip(row, independent, strict=False):              # row i has i + 1 weights
            value = value + weight * y
        out[..., i] = value
    return out
