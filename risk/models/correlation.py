"""How the dependence of assets moves: static, exponentially weighted, DCC and cDCC correlations of their residuals.

    Q_{t+1} = (1 - a - b) S + a z_t z_t' + b Q_t,    R_t = diag(Q_t)**-1/2 Q_t diag(Q_t)**-1/2

static  R does not move                       ewma    a = 1 - lambda, b = lambda, no S
dcc     [Engle, Dynamic conditional correlation, Journal of Business and Economic Statistics 20, 2002]
cdcc    z_t replaced by diag(Q_t)**1/2 z_t, which makes S the mean of what enters Q
        [Aielli, Dynamic conditional correlation: on properties and estimation, the same 31, 2013]

z_t are the innovations that the assets' volatility models leave. Days of the history are brought to today's dependence
by R_t = L_t L_t':  z* = L_T L_t**-1 z_t  is decorrelated by the dependence of its own day and correlated by today's.
A static correlation leaves them as they were.

Nothing here decomposes by a library: the Cholesky factor is computed in a fixed order, so it is the same to the bit
everywhere. A matrix that is not positive definite (pivots above 1e-10) or has a condition number of 1e8 is refused.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from primitives.jsonio import Node, observe
from risk.market.instruments import MOST_ASSETS

Floats = NDArray[np.float64]
Matrix = tuple[tuple[float, ...], ...]
FAMILIES = ("cdcc", "dcc", "ewma", "static")
LEAST_PIVOT = 1e-10
MOST_CONDITION = 1e8
DEFAULT_DECAY = 0.97
_DECAY = (0.5, 0.9999)


@dataclass(frozen=True)
class Correlation:
    """A family and its parameters. Rows and columns in the order of the model's assets.

    a, b : of the recursion above; 0 for static.
    matrix : of static: R; of dcc and cdcc: S. None for ewma, and for a static one that only history is resampled under.
    current : R of the next step, where no history is read to tell it. None for static.

    Raises
    ------
    BadInput : a and b negative or a + b > 1 (of dcc, >= 1), a matrix that is no correlation matrix, or one missing.
    """

    family: str
    a: float = 0.0
    b: float = 0.0
    matrix: Matrix | None = None
    current: Matrix | None = None

    def __post_init__(self) -> None:
        if self.family not in FAMILIES:
            raise BadInput("correlation.family", self.family, f"one of {', '.join(FAMILIES)}")
        if self.family in ("dcc", "cdcc"):
            for name in ("a", "b"):
                if not 0 <= getattr(self, name) < 1:
                    raise BadInput(f"correlation.{name}", getattr(self, name), "a number in [0, 1)")
            if not self.a + self.b < 1:
                raise BadInput("correlation.a + b", self.a + self.b, "below 1")
            if self.matrix is None:
                raise BadInput("correlation.matrix", None, "given")
        for name in ("matrix", "current"):
            if getattr(self, name) is not None:
                require_correlations(getattr(self, name), f"correlation.{name}")

    @classmethod
    def ewma(cls, decay: float = DEFAULT_DECAY, current: Matrix | None = None) -> Correlation:
        """Exponentially weighted: decay is lambda, in [0.5, 0.9999]."""
        if not _DECAY[0] <= decay <= _DECAY[1]:
            raise BadInput("correlation.lambda", decay, f"a number in [{_DECAY[0]}, {_DECAY[1]}]")
        return cls("ewma", 1.0 - decay, decay, current=current)

    @classmethod
    def from_json(cls, node: Node, size: int) -> Correlation:
        """Read a table as the model file has it, for so many assets.

        Raises
        ------
        BadInput : naming file and key.
        """
        family = Node(node.value.get("family") if isinstance(node.value, dict) else None,
                      field=f"{node.field}.family", source=node.source).choice(FAMILIES)
        required = {"static": (), "ewma": ("lambda",), "dcc": ("a", "b", "matrix"), "cdcc": ("a", "b", "matrix")}
        optional = {"static": ("matrix",)}
        parts = node.object({"family", *required[family]}, optional.get(family, ("current",)))
        matrices = {name: read_matrix(parts[name], size) for name in ("matrix", "current") if name in parts}
        if family == "ewma":
            observe(parts["lambda"].field, "number", low=_DECAY[0], high=_DECAY[1])
        try:
            if family == "ewma":
                return cls.ewma(parts["lambda"].number(0.0, 1.0), matrices.get("current"))
            a, b = (parts[name].number(0.0, 1.0) if name in parts else 0.0 for name in ("a", "b"))
            return cls(family, a, b, matrices.get("matrix"), matrices.get("current"))
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=node.source) from None

    def to_json(self) -> dict[str, Any]:
        """The table of the model file."""
        shown: dict[str, Any] = {"family": self.family}
        if self.family == "ewma":
            shown["lambda"] = self.b
        elif self.family != "static":
            shown |= {"a": self.a, "b": self.b}
        return shown | {name: [list(row) for row in value] for name in ("matrix", "current")
                        if (value := getattr(self, name)) is not None}

    @property
    def moves(self) -> bool:
        return self.family != "static"

    def path(self, residuals: Floats, steps: NDArray[np.int64] | None = None) -> Floats:
        """R of each day and of the next step: (n, m) residuals -> (n + 1, m, m).

        Over a gap of k steps, Q takes k - 1 steps towards S and one with what was seen. Before the first day, Q is S
        (of ewma: the residuals' own mean of z z').
        """
        n, m = residuals.shape
        spans = [1] * n if steps is None else steps.tolist()
        if self.matrix is not None:
            target = np.array(self.matrix)
        else:
            target = np.empty((m, m))
            for i in range(m):
                for j in range(i + 1):
                    target[i, j] = target[j, i] = math.fsum(residuals[:, i] * residuals[:, j]) / n
        if not self.moves:
            return np.broadcast_to(_normalised(target[None]), (n + 1, m, m))
        path, q = np.empty((n + 1, m, m)), target
        if self.family == "ewma":                            # in place: forecasts of a year ask for all days each day
            path[0] = target
            entering = self.a * (residuals[:, :, None] * residuals[:, None, :]) + 0.0         # no zero is negative
            for before, after, moved in zip(path[:-1], path[1:], entering, strict=True):
                np.multiply(self.b, before, out=after)
                np.add(moved, after, out=after)
            return _normalised(path)
        anchor = (1.0 - self.a - self.b) * target
        for t in range(n):
            for _ in range(spans[t] - 1):
                q = anchor + (self.a + self.b) * q
            path[t] = q
            z = residuals[t]
            if self.family == "cdcc":
                z = z * np.sqrt(np.diagonal(q))
            q = anchor + self.a * (z[:, None] * z[None, :]) + self.b * q
        path[n] = q
        return _normalised(path)

    def today(self, residuals: Floats, steps: NDArray[np.int64] | None = None) -> Matrix:
        """R of the next step, checked as any published matrix is.

        Raises
        ------
        BadInput : it is too close to singular to be used.
        """
        matrix = tuple(tuple(row) for row in self.path(residuals, steps)[-1].tolist())
        require_correlations(matrix, "correlation of the next step")
        return matrix

    def to_today(self, residuals: Floats, steps: NDArray[np.int64] | None = None) -> Floats:
        """z* = L_T L_t**-1 z_t of every day: (n, m) -> (n, m).

        Raises
        ------
        BadInput : the correlation of a day, or today's, is too close to singular to be divided by.
        """
        if not self.moves:
            return residuals
        path = self.path(residuals, steps)
        roots = _roots(path, "correlation")
        own, now = roots[:-1], roots[-1]
        white = np.empty_like(residuals)
        for i in range(residuals.shape[1]):
            rest = residuals[:, i]
            for j in range(i):
                rest = rest - own[:, i, j] * white[:, j]
            white[:, i] = rest / own[:, i, i]
        out = np.empty_like(residuals)
        for i in range(residuals.shape[1]):
            value = np.zeros(len(residuals))
            for j in range(i + 1):
                value = value + now[i, j] * white[:, j]
            out[:, i] = value
        return out


def _normalised(q: Floats) -> Floats:
    """(n, m, m) -> (n, m, m) with exact ones on the diagonal, each value in [-1, 1] and equal to its mirror image."""
    deviation = np.sqrt(np.diagonal(q, axis1=1, axis2=2))
    r: Floats = q / (deviation[:, :, None] * deviation[:, None, :])
    r = np.clip(r, -1.0, 1.0)
    m = q.shape[1]
    r[:, np.arange(m), np.arange(m)] = 1.0
    return r


def _roots(path: Floats, field: str) -> Floats:
    """Lower Cholesky factors of (n, m, m), all days at once, in a fixed order."""
    n, m = path.shape[:2]
    roots = np.zeros((n, m, m))
    for i in range(m):
        for j in range(i):
            inner = path[:, i, j]
            for k in range(j):
                inner = inner - roots[:, i, k] * roots[:, j, k]
            roots[:, i, j] = inner / roots[:, j, j]
        square = path[:, i, i]
        for k in range(i):
            square = square - roots[:, i, k] * roots[:, i, k]
        low = ~(square > LEAST_PIVOT)
        if low.any():
            raise BadInput(f"{field} of day {int(np.argmax(low))} of the history", Said(f"rank {i} of {m}"),
                           "positive definite: two of the assets move as one")
        roots[:, i, i] = np.sqrt(square)
    return roots


def cholesky(matrix: Matrix) -> list[list[float]] | int:
    """The lower triangular factor, row by row, in a fixed order; or the first row whose pivot is not above 1e-10."""
    root: list[list[float]] = []
    for i, row in enumerate(matrix):
        root.append([])
        for j in range(i):
            inner = row[j]
            for k in range(j):
                inner -= root[i][k] * root[j][k]
            root[i].append(inner / root[j][j])
        square = row[i]
        for value in root[i]:
            square -= value * value
        if not square > LEAST_PIVOT:
            return i
        root[i].append(math.sqrt(square))
    return root


def condition(root: list[list[float]], matrix: Matrix) -> float:
    """Condition number in the largest row sum, |R| |R**-1|: at least that in the Euclidean norm, at most m times it."""
    m = len(root)
    inverse = [[0.0] * m for _ in range(m)]                  # of the factor
    for column in range(m):
        for i in range(column, m):
            value = 1.0 if i == column else 0.0
            for k in range(column, i):
                value -= root[i][k] * inverse[k][column]
            inverse[i][column] = value / root[i][i]
    whole = [[math.fsum(inverse[k][i] * inverse[k][j] for k in range(max(i, j), m)) for j in range(m)]
             for i in range(m)]
    return max(math.fsum(abs(v) for v in row) for row in matrix) * max(math.fsum(abs(v) for v in row) for row in whole)


def require_correlations(matrix: Matrix, field: str) -> list[list[float]]:
    """The Cholesky factor of a correlation matrix.

    Raises
    ------
    BadInput : not square, symmetric, in [-1, 1] with ones on the diagonal; not positive definite; or a condition number
        of 1e8 or more, beyond which residuals divided by its factor are rounding noise.
    """
    size = len(matrix)
    for i, row in enumerate(matrix):                         # all lengths before any value: row j is read with row i
        if len(row) != size:
            raise BadInput(f"length of {field}[{i}]", len(row), f"{size}: the matrix is square")
    for i, row in enumerate(matrix):
        for j, value in enumerate(row):
            if not -1 <= value <= 1 or value != matrix[j][i] or (i == j and value != 1):
                raise BadInput(f"{field}[{i}][{j}]", value,
                               "in [-1, 1], 1 on the diagonal, equal to its mirror image")
    root = cholesky(matrix)
    if isinstance(root, int):
        raise BadInput(field, Said(f"rank {root} of {size}"),
                       f"positive definite: `model fit --repair` finds the nearest correlation matrix, "
                       f"at a Frobenius distance of at most {_distance(matrix):.2g}")
    found = condition(root, matrix)
    if not found < MOST_CONDITION:
        raise BadInput(f"condition number of {field}", float(f"{found:.3g}"),
                       f"below {MOST_CONDITION:.0e}: two of the assets are one")
    return root


def _distance(matrix: Matrix) -> float:
    """How far a matrix must be moved towards the identity to be usable, in the Frobenius norm."""
    low, high = 0.0, 1.0
    for _ in range(40):
        share = (low + high) / 2
        moved = tuple(tuple(v if i == j else v * (1.0 - share) for j, v in enumerate(row))
                      for i, row in enumerate(matrix))
        low, high = (share, high) if isinstance(cholesky(moved), int) else (low, share)
    return high * math.sqrt(math.fsum(v * v for i, row in enumerate(matrix) for j, v in enumerate(row) if i != j))


def read_matrix(node: Node, size: int) -> Matrix:
    """Rows of numbers in [-1, 1], one row an asset; what else a correlation matrix needs is checked by who takes it."""
    rows = tuple(tuple(value.number(-1.0, 1.0) for value in row.array())
                 for row in node.array(at_least=1, at_most=MOST_ASSETS))
    if len(rows) != size:
        raise BadInput(f"length of {node.field}", len(rows), f"{size}, one row an asset", source=node.source)
    return rows
