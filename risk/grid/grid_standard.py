"""The standard scenarios: a fixed set of shocks in units of today's forecast, drawn once from a standardised model.

Every underlying follows GARCH(1,1) with Student-t innovations from its long-run variance, all with the same parameters;
the innovations of one step are multivariate t. What is kept of each path is where it ends, in units of where it began:
the return in standard deviations that were forecast for it, and the volatility after it as a multiple of that before.
Applied to an asset whose GARCH says today's variance is high, the same scenarios are large.

Correlation is not scaled away, so it comes in regimes: the same draws, correlated differently. Draws come in pairs of
opposite innovations, so that long and short positions meet equally bad days. Returns are finally brought to unit size
and to the regime's correlation by a linear map, so that both hold in this sample and not only on average.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.jsonio import LARGEST_EXACT, Node
from risk.exact.uniforms import latin_hypercube
from risk.grid.grid_map import POINT_UNIT, Nodes, bilinear
from risk.models.calibration import Calibration
from risk.models.copula import StudentCopula
from risk.models.volatility import Volatility
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, simulate

_VARIANCE = 1e-4
"""Of the standardised model, per step; it cancels."""
MOST_UNDERLYINGS = 16
MOST_REGIMES = 16
LONGEST_HORIZON = 60


@dataclass(frozen=True)
class StandardMap:
    """The parameters that determine a standard scenario set and its map; see `risk.grid.grid_map.ScenarioMap`.

    Parameters
    ----------
    scenarios : S, even.
    underlyings : U.
    correlations : of any two underlyings, one number in [0, 1) per regime.
    horizon : steps; those of the models whose epochs are built on it.
    alpha, beta : of the GARCH that all underlyings follow here.
    degrees : of freedom of the multivariate t distribution.

    Raises
    ------
    BadInput : a parameter is out of bounds. That the nodes enclose all scenarios is checked when they are drawn.
    """

    nodes: Nodes
    weight_bits: int
    scenarios: int
    underlyings: int
    correlations: tuple[float, ...]
    seed: int
    horizon: int
    alpha: float = 0.1
    beta: float = 0.88
    degrees: float = 4.0

    def __post_init__(self) -> None:
        for name, low, high in (("weight_bits", 0, 15), ("scenarios", 2, 2**20), ("underlyings", 1, MOST_UNDERLYINGS),
                                ("seed", 0, LARGEST_EXACT), ("horizon", 1, LONGEST_HORIZON)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise BadInput(name, value, f"an integer in [{low}, {high}]")
        if self.scenarios % 2:
            raise BadInput("scenarios", self.scenarios, "even: they come in opposite pairs")
        if not 1 <= len(self.correlations) <= MOST_REGIMES or any(not 0 <= c < 1 for c in self.correlations):
            raise BadInput("correlations", self.correlations, f"1 to {MOST_REGIMES} numbers in [0, 1)")
        _ = self._garch, self._correlated

    @property
    def regimes(self) -> int:
        return len(self.correlations)

    @cached_property
    def _garch(self) -> Volatility:
        return Volatility.garch(0.0, (1.0 - self.alpha - self.beta) * _VARIANCE, self.alpha, self.beta, self.degrees)

    @cached_property
    def _correlated(self) -> tuple[StudentCopula, ...]:
        U = range(self.underlyings)
        return tuple(StudentCopula(self.degrees, tuple(tuple(1.0 if i == j else c for j in U) for i in U))
                     for c in self.correlations)

    @cached_property
    def points(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Spot and volatility coordinate, in 10**-7, of every scenario: int64 (regimes, S, U) each."""
        U = self.underlyings
        independent = StudentCopula(self.degrees, tuple(tuple(float(i == j) for j in range(U))
                                                               for i in range(U)))
        spherical = independent.sample(latin_hypercube(self.seed, self.scenarios // 2, (self.horizon, U)))
        spherical = np.concatenate([spherical, -spherical]) * math.sqrt((self.degrees - 2.0) / self.degrees)
        drawn = [self._ends(copula, spherical) for copula in self._correlated]
        return np.stack([spot for spot, _ in drawn]), np.stack([volatility for _, volatility in drawn])

    def _ends(self, copula: StudentCopula, spherical: NDArray[np.float64]
              ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where the paths of one regime end: (S, U) each."""
        calibration = Calibration((self._garch,) * self.underlyings, (_VARIANCE,) * self.underlyings)
        names = tuple(f"underlying {i}" for i in range(self.underlyings))
        ends = simulate(calibration, names, _mixed(copula, spherical))
        spot = _mixed(copula, self._uncorrelated(ends.returns / RETURN_UNIT))
        volatility = np.sqrt(ends.variances / VARIANCE_UNIT / _VARIANCE)
        return np.rint(spot * POINT_UNIT).astype(np.int64), np.rint(volatility * POINT_UNIT).astype(np.int64)

    def _uncorrelated(self, returns: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns (S, U), each less what it shares with those before it, brought to mean square 1."""
        scaled = [column / math.sqrt(math.fsum(column * column) / len(column)) for column in returns.T]
        sample = [[1.0] * len(scaled) for _ in scaled]
        for i in range(len(scaled)):
            for j in range(i):
                sample[i][j] = sample[j][i] = math.fsum(scaled[i] * scaled[j]) / len(returns)
        root = StudentCopula(self.degrees, tuple(tuple(row) for row in sample)).root
        white = np.empty_like(returns)
        for i, rest in enumerate(scaled):
            for j in range(i):
                rest = rest - root[i][j] * white[:, j]
            white[:, i] = rest / root[i][i]
        return white

    @cached_property
    def weights(self) -> NDArray[np.int64]:
        """(regimes, S, U, Γ)."""
        return bilinear(self.nodes, *self.points, self.weight_bits)

    def to_json(self) -> dict[str, Any]:
        """What `from_json` reads."""
        return {"spot_nodes": list(self.nodes.spot), "volatility_nodes": list(self.nodes.volatility),
                "weight_bits": self.weight_bits, "scenarios": self.scenarios, "underlyings": self.underlyings,
                "correlations": list(self.correlations), "seed": self.seed, "horizon": self.horizon,
                "alpha": self.alpha, "beta": self.beta, "degrees": self.degrees}

    @classmethod
    def from_json(cls, node: Node) -> StandardMap:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        integers = ("weight_bits", "scenarios", "underlyings", "seed", "horizon")
        numbers = ("alpha", "beta", "degrees")
        parts = node.object({"spot_nodes", "volatility_nodes", "correlations", *integers, *numbers})
        nodes = (tuple(entry.integer(-LARGEST_EXACT, LARGEST_EXACT) for entry in parts[name].array())
                 for name in ("spot_nodes", "volatility_nodes"))
        values: dict[str, Any] = {name: parts[name].integer(0, LARGEST_EXACT) for name in integers}
        values |= {name: parts[name].number(0.0, 1000.0) for name in numbers}
        correlations = tuple(entry.number(0.0, 1.0) for entry in parts["correlations"].array())
        try:
            return cls(nodes=Nodes(*nodes), correlations=correlations, **values)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=node.source) from None


def _mixed(copula: StudentCopula, independent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates (..., U) given the copula's correlations."""
    mixed = np.zeros_like(independent)
    for i, row in enumerate(copula.root):
        for j, weight in enumerate(row):
            mixed[..., i] = mixed[..., i] + weight * independent[..., j]
    return mixed
