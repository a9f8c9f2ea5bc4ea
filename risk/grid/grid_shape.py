"""The shape of a grid epoch: sizes, nodes, and every scenario map, in the numbers that the circuit has built in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from primitives.errors import BadInput
from risk.exact.digests import field_digest
from risk.exact.shape import EpochShape, Tail, TailSize, WeightedTail
from risk.grid.grid_map import Nodes, ScenarioMap, weights_digest
from risk.grid.grid_standard import StandardMap
from risk.grid.standard_choice import Weighting
from risk.valuation.weighted import Quality

MOST_BITS = 60
"""value_bits + weight_bits: weighted sums of value changes stay inside 64-bit integers."""


@dataclass(frozen=True)
class GridShape:
    """Sizes of a grid epoch. Like `risk.exact.shape.EpochShape`, but value changes are at the nodes of a map.

    Parameters
    ----------
    map : nodes, scenarios, underlyings, regimes and weights.
    tail : K/D with 0 < K/D <= S; or, where scenarios have masses, K/D of their sum.
    depth : d; the tree has N = 8**d leaves.
    lanes, width : P value changes of w bits to a packed element; P w <= 253.
    value_bits : value changes, `amax` and rates are smaller than 2**value_bits in absolute value (E2, E3).

    Raises
    ------
    BadInput : a size is out of its bound.
    """

    map: ScenarioMap
    tail: Tail
    depth: int
    lanes: int = 5
    width: int = 50
    value_bits: int = 44
    mode = "grid"

    def __post_init__(self) -> None:
        _ = self.layout
        self.tail.require(self.map.scenarios)
        if self.value_bits + self.map.weight_bits > MOST_BITS:
            raise BadInput("shape.value_bits + weight_bits", self.value_bits + self.map.weight_bits,
                           f"at most {MOST_BITS}")

    @cached_property
    def layout(self) -> EpochShape:
        """How leaves are laid out: as in an epoch with a scenario for each node. Tail and digest of it mean nothing."""
        return EpochShape(self.map.nodes.count, TailSize(1), self.depth, self.lanes, self.width, self.value_bits)

    @property
    def scenarios(self) -> int:
        """S."""
        return self.map.scenarios

    @property
    def nodes(self) -> int:
        """Γ."""
        return self.map.nodes.count

    @property
    def underlyings(self) -> int:
        """U."""
        return self.map.underlyings

    @property
    def regimes(self) -> int:
        return self.map.regimes

    @property
    def weight_bits(self) -> int:
        """f."""
        return self.map.weight_bits

    @property
    def quality(self) -> tuple[Quality, ...]:
        """What standard scenarios with masses are worth, per regime; none for others."""
        return tuple(choice.quality for choice in self.map.choices) if isinstance(self.map, StandardMap) else ()

    @property
    def capacity(self) -> int:
        """N = 8**d, the leaves of the tree."""
        return self.layout.capacity

    @property
    def packs(self) -> int:
        """E, the packed elements of a leaf."""
        return self.layout.packs

    def to_json(self) -> dict[str, Any]:
        """The canonical form, which the digest is taken of. "weights" are the map's, "masses" the scenarios'."""
        return {"mode": self.mode, "scenarios": self.scenarios, **self.tail.to_json(), "depth": self.depth,
                "lanes": self.lanes, "width": self.width, "value_bits": self.value_bits,
                "underlyings": self.underlyings, "regimes": self.regimes, "weight_bits": self.weight_bits,
                "spot_nodes": list(self.map.nodes.spot), "volatility_nodes": list(self.map.nodes.volatility),
                "weights": weights_digest(self.map.weights)}

    @cached_property
    def _digest(self) -> int:
        return field_digest(self.to_json())

    def digest(self) -> int:
        """The field element that stands for the shape in the epoch root: keccak256 of canonical JSON >> 8."""
        return self._digest


_MAP_1000 = StandardMap(
    Nodes(spot=(-6000, -4800, -3600, -2400, -1200, 0, 1200, 2400, 3600, 4800, 6000), volatility=(900, 1300, 2600)),
    weight_bits=8, scenarios=1000, underlyings=4, correlations=(0.3, 0.6, 0.85, 0.999), seed=1, horizon=2)
_MAP_TINY = StandardMap(
    Nodes(spot=(-4000, 0, 4000), volatility=(900, 2000)),
    weight_bits=4, scenarios=8, underlyings=2, correlations=(0.5, 0.9), seed=1, horizon=2)
GRID_1000 = GridShape(_MAP_1000, TailSize(51, 2), depth=4)
"""1000 standard scenarios of four underlyings at 33 nodes, tail 2.55 %, in four correlation regimes up to nearly 1."""
GRID_TINY = GridShape(_MAP_TINY, TailSize(5, 2), depth=2)
"""For fast tests."""

# With masses: rings by rank, most scenarios where the tail is; 97.5 %, as the tail of 2**15. Outermost nodes are the
# bound on returns and volatilities, docs/statements.md says what it costs.
_TAIL_1000 = WeightedTail.parse("4096/5", "80x1 216x2 128x4 128x8 128x16 128x32 128x64 64x256")
_TAIL_TINY = WeightedTail.parse("13/2", "2x1 3x2 1x5 2x3")
_NODES_1000 = Nodes(spot=(-7500, -6000, -4500, -3000, -1500, 0, 1500, 3000, 4500, 6000, 7500),
                    volatility=(900, 1400, 2800))
GRID_1000_WEIGHTED = GridShape(replace(_MAP_1000, nodes=_NODES_1000, weighting=Weighting(_TAIL_1000, 2**17)),
                               _TAIL_1000, depth=4)
"""1000 standard scenarios with masses out of 2**17, tail 2.5 %, else as `GRID_1000`."""
GRID_TINY_WEIGHTED = GridShape(replace(_MAP_TINY, weighting=Weighting(_TAIL_TINY, 19 * 64)), _TAIL_TINY, depth=2)
"""For fast tests."""
