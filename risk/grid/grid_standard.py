"""The standard scenarios: a fixed set of shocks in units of today's forecast, drawn once from a standardised model.

Every underlying follows GARCH(1,1) with Student-t innovations from its long-run variance, all with the same parameters;
the innovations of one step are multivariate t. What is kept of each path is where it ends, in units of where it began:
the return in standard deviations that were forecast for it, and the volatility after it as a multiple of that before.
Applied to an asset whose GARCH says today's variance is high, the same scenarios are large.

Correlation is not scaled away, so it comes in regimes: the same draws, correlated differently. Draws come in pairs of
opposite innovations, so that long and short positions meet equally bad days. Returns are finally brought to unit size
and to the regime's correlation by a linear map, so that both hold in this sample and not only on average.

Standard scenarios with masses are paths of the same model, chosen out of a large population of them for each regime
(`risk.grid.standard_choice`). Size and correlation are the population's. What goes beyond the outermost nodes stays on
them: this is the published bound on returns and volatilities, and a node is needed there anyway.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from primitives.jsonio import LARGEST_EXACT, Node
from risk.exact.shape import WeightedTail, read_tail
from risk.exact.sobol import sobol_uniforms
from risk.exact.uniforms import latin_hypercube
from risk.grid.grid_map import POINT_UNIT, Nodes, bilinear
from risk.grid.standard_choice import LARGEST_POPULATION, Choice, Weighting, choose, kept, within
from risk.models.calibration import Calibration
from risk.models.copula import StudentCopula
from risk.models.volatility import Volatility
from risk.scenarios.scenarios import RETURN_UNIT, VARIANCE_UNIT, Scenarios, simulate

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
    scenarios : S, even if equally likely.
    underlyings : U.
    correlations : of any two underlyings, one number in [0, 1) per regime.
    horizon : steps; those of the models whose epochs are built on it.
    alpha, beta : of the GARCH that all underlyings follow here.
    degrees : of freedom of the multivariate t distribution.
    weighting : masses, and the population that scenarios are chosen from; None for equally likely ones.

    Raises
    ------
    BadInput : a parameter is out of bounds. That the nodes enclose all scenarios is checked when they are drawn; that
        the choice of scenarios with masses is kept, when it is asked for.
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
    weighting: Weighting | None = None

    def __post_init__(self) -> None:
        for name, low, high in (("weight_bits", 0, 15), ("scenarios", 2, 2**20), ("underlyings", 1, MOST_UNDERLYINGS),
                                ("seed", 0, LARGEST_EXACT), ("horizon", 1, LONGEST_HORIZON)):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise BadInput(name, value, f"an integer in [{low}, {high}]")
        if self.weighting is not None:
            self.weighting.tail.require(self.scenarios)
        elif self.scenarios % 2:
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
        if self.weighting is not None:
            drawn = [within(self.nodes, *self.population(i, choice.paths)) for i, choice in enumerate(self.choices)]
        else:
            spherical = self._spherical(latin_hypercube(self.seed, self.scenarios // 2,
                                                        (self.horizon, self.underlyings)))
            spherical = np.concatenate([spherical, -spherical])
            drawn = [self._whole(*self._ends(copula, spherical)) for copula in self._correlated]
        return np.stack([spot for spot, _ in drawn]), np.stack([volatility for _, volatility in drawn])

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """Of scenarios with masses: which paths they are, and what they are worth, per regime; else none.

        Raises
        ------
        BadInput : parameters whose choice is not kept. To make it takes minutes, which no manifest shall cost.
        """
        if self.weighting is None:
            return ()
        choices = kept(self.to_json())
        if choices is None:
            raise BadInput("standard scenarios with masses", Said(f"those of {self.to_json()}"),
                           "of parameters whose choice "
                           "Tailproof keeps, those of its statements")
        return choices

    def chosen(self, regime: int) -> Choice:
        """The same of one regime, chosen anew.

        Raises
        ------
        BadInput : a map of equally likely scenarios.
        """
        points = self.population(regime)
        assert self.weighting is not None                      # or there is no population
        return choose(self._garch, self.horizon, self.nodes, self.weight_bits, points, self.weighting.tail)

    def population(self, regime: int, paths: NDArray[np.int64] | None = None
                   ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Spot and volatility coordinate, in 10**-7 and unbounded, of paths that scenarios with masses are chosen from.

        Paths are Sobol points, sent through the model. `paths`: indices of those that are wanted, by default all.

        Raises
        ------
        BadInput : a map of equally likely scenarios, which have no population.
        """
        if self.weighting is None:
            raise BadInput("weighting", None, "given: equally likely scenarios have no population")
        points = sobol_uniforms(self.seed, self.weighting.population, (self.horizon, self.underlyings))
        spherical = self._spherical(points if paths is None else points[paths])
        ends = self._simulated(self._correlated[regime], spherical)
        spot = ends.returns / RETURN_UNIT / math.sqrt(self.horizon * _VARIANCE)
        return self._whole(spot, np.sqrt(ends.variances / VARIANCE_UNIT / _VARIANCE))

    def _spherical(self, uniforms: NDArray[np.float64]) -> NDArray[np.float64]:
        """Uncorrelated innovations of unit variance, (..., U) each."""
        U = range(self.underlyings)
        independent = StudentCopula(self.degrees, tuple(tuple(float(i == j) for j in U) for i in U))
        return independent.sample(uniforms) * math.sqrt((self.degrees - 2.0) / self.degrees)

    def _simulated(self, copula: StudentCopula, spherical: NDArray[np.float64]) -> Scenarios:
        calibration = Calibration((self._garch,) * self.underlyings, (_VARIANCE,) * self.underlyings)
        names = tuple(f"underlying {i}" for i in range(self.underlyings))
        return simulate(calibration, names, _mixed(copula, spherical))

    def _ends(self, copula: StudentCopula, spherical: NDArray[np.float64]
              ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Where the paths of one regime end: (S, U) each."""
        ends = self._simulated(copula, spherical)
        spot = _mixed(copula, self._uncorrelated(ends.returns / RETURN_UNIT))
        return spot, np.sqrt(ends.variances / VARIANCE_UNIT / _VARIANCE)

    @staticmethod
    def _whole(spot: NDArray[np.float64], volatility: NDArray[np.float64]
               ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
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
                "alpha": self.alpha, "beta": self.beta, "degrees": self.degrees,
                **({} if self.weighting is None else self.weighting.to_json())}

    @classmethod
    def from_json(cls, node: Node) -> StandardMap:
        """Read what `to_json` wrote.

        Raises
        ------
        BadInput : naming the file and the field.
        """
        integers = ("weight_bits", "scenarios", "underlyings", "seed", "horizon")
        numbers = ("alpha", "beta", "degrees")
        weighting = ("tail", "masses", "population")
        massed = isinstance(node.value, dict) and "masses" in node.value
        parts = node.object({"spot_nodes", "volatility_nodes", "correlations", *integers, *numbers,
                             *(weighting if massed else ())})
        nodes = (tuple(entry.integer(-LARGEST_EXACT, LARGEST_EXACT) for entry in parts[name].array())
                 for name in ("spot_nodes", "volatility_nodes"))
        values: dict[str, Any] = {name: parts[name].integer(0, LARGEST_EXACT) for name in integers}
        values |= {name: parts[name].number(0.0, 1000.0) for name in numbers}
        correlations = tuple(entry.number(0.0, 1.0) for entry in parts["correlations"].array())
        try:
            return cls(nodes=Nodes(*nodes), correlations=correlations, weighting=_weighting(parts), **values)
        except BadInput as error:
            raise BadInput(error.field, error.value, error.bound, source=node.source) from None


def _weighting(parts: Mapping[str, Node]) -> Weighting | None:
    if "masses" not in parts:
        return None
    tail = read_tail(parts)
    assert isinstance(tail, WeightedTail)                  # it has masses
    return Weighting(tail, parts["population"].integer(1, LARGEST_POPULATION))


def _mixed(copula: StudentCopula, independent: NDArray[np.float64]) -> NDArray[np.float64]:
    """Coordinates (..., U) given the copula's correlations."""
    mixed = np.zeros_like(independent)
    for i, row in enumerate(copula.root):
        for j, weight in enumerate(row):
            mixed[..., i] = mixed[..., i] + weight * independent[..., j]
    return mixed
