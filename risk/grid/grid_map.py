"""Scenario maps: which mix of grid nodes stands for which scenario.

A grid epoch does not publish what an instrument gains in each of S scenarios, but what it gains at each of Γ nodes:
pairs of a spot shock and a volatility, both in units of what today's forecast expects. A scenario's loss is then a
fixed linear map of the portfolio's value changes at the nodes. The map is a constant of the circuit, while the units
move with the market: tomorrow the same node is another price.

Weights are integers in units of 2**-f, not negative, and add up to 2**f for each scenario and underlying, so that no
rounding is left to anybody and every interpolated value lies between values at nodes. There is one map per correlation
regime.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from primitives.errors import BadInput, Said
from risk.exact.digests import content_digest

NODE_UNIT = 10**3
"""Coordinates of nodes are integers of 10**-3: of the forecast standard deviation over the horizon, and of today's
volatility."""
POINT_UNIT = 10**7
"""Coordinates of scenarios are integers of 10**-7 of the same."""
LARGEST_COORDINATE = 100 * NODE_UNIT
LARGEST_WEIGHT_BITS = 15


@dataclass(frozen=True)
class Nodes:
    """A rectangular grid of Γ = len(spot) x len(volatility) nodes; node γ is spot γ // V and volatility γ % V.

    Parameters
    ----------
    spot : log return of the underlying beyond its expected one, in 10**-3 of the standard deviation that today's GARCH
        forecasts for it over the horizon; ascending.
    volatility : conditional volatility after the horizon, in 10**-3 of today's; ascending, positive.

    Raises
    ------
    BadInput : fewer than two of either, not ascending, or out of bounds.
    """

    spot: tuple[int, ...]
    volatility: tuple[int, ...]

    def __post_init__(self) -> None:
        for name, low in (("spot", -LARGEST_COORDINATE), ("volatility", 1)):
            axis = getattr(self, name)
            if len(axis) < 2 or any(type(x) is not int or not low <= x <= LARGEST_COORDINATE for x in axis) \
                    or any(x >= y for x, y in pairwise(axis)):
                bound = f"two or more ascending integers in [{low}, {LARGEST_COORDINATE}]"
                raise BadInput(f"nodes.{name}", axis, bound)

    @property
    def count(self) -> int:
        """Γ."""
        return len(self.spot) * len(self.volatility)

    def points(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Spot and volatility coordinate of each node in units of points: (Γ,) each."""
        spot, volatility = np.meshgrid(np.array(self.spot), np.array(self.volatility), indexing="ij")
        scale = POINT_UNIT // NODE_UNIT
        return spot.reshape(-1) * scale, volatility.reshape(-1) * scale


class ScenarioMap(Protocol):
    """A map for each correlation regime."""

    @property
    def nodes(self) -> Nodes: ...
    @property
    def scenarios(self) -> int: ...
    @property
    def underlyings(self) -> int: ...
    @property
    def regimes(self) -> int: ...
    @property
    def weight_bits(self) -> int: ...
    @property
    def weights(self) -> NDArray[np.int64]:
        """(regimes, scenarios, underlyings, nodes), integers >= 0 that sum to 2**weight_bits over the nodes."""


@dataclass(frozen=True, eq=False)
class ExplicitMap:
    """A map given by its weights.

    Raises
    ------
    BadInput : a negative weight, or weights that do not sum to 2**weight_bits.
    """

    nodes: Nodes
    weight_bits: int
    weights: NDArray[np.int64]

    def __post_init__(self) -> None:
        if self.weights.dtype != np.int64 or self.weights.ndim != 4 or self.weights.shape[-1] != self.nodes.count:
            raise BadInput("weights", Said(f"{self.weights.dtype} {self.weights.shape}"),
                           f"int64 (regimes, scenarios, underlyings, {self.nodes.count})")
        require_weights(self.weights, self.weight_bits)

    @property
    def regimes(self) -> int:
        return self.weights.shape[0]

    @property
    def scenarios(self) -> int:
        return self.weights.shape[1]

    @property
    def underlyings(self) -> int:
        return self.weights.shape[2]

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, ExplicitMap) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[Any, ...]:
        return self.nodes, self.weight_bits, self.weights.shape, weights_digest(self.weights)


def require_weights(weights: NDArray[np.int64], bits: int) -> None:
    """Refuse weights that do not interpolate: bounds of losses rest on them (STATEMENT §8.4).

    Raises
    ------
    BadInput : naming the place.
    """
    if not 0 <= bits <= LARGEST_WEIGHT_BITS:
        raise BadInput("weight_bits", bits, f"in [0, {LARGEST_WEIGHT_BITS}]")
    for place in np.argwhere(weights < 0)[:1]:
        raise BadInput(f"weights{place.tolist()}", int(weights[tuple(place)]), "at least 0")
    sums = weights.sum(axis=-1)
    for place in np.argwhere(sums != 1 << bits)[:1]:
        raise BadInput(f"sum of weights{place.tolist()}", int(sums[tuple(place)]), f"2**{bits}")


def weights_digest(weights: NDArray[np.int64]) -> str:
    """keccak256 of the weights as little-endian 16-bit integers in C order: "0x" and 64 hex digits."""
    return content_digest(weights.astype("<u2").tobytes())


def bilinear(nodes: Nodes, spot: NDArray[np.int64], volatility: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    """Weights of bilinear interpolation in units of 2**-bits: points (...) -> (..., Γ).

    In its cell a point has real weights (1-x)(1-y), x(1-y), (1-x)y, xy. Here x and y are rounded to the nearest
    multiple of 2**-bits, and then the joint weight xy: rows and columns of the cell so have the weights of x and y,
    and none of the four is negative.

    Parameters
    ----------
    spot, volatility : coordinates in 10**-7, of one shape.

    Raises
    ------
    BadInput : a point outside the grid; interpolation does not extrapolate.
    """
    unit = 1 << bits
    along, x = _place(nodes.spot, spot, unit, "spot")
    across, y = _place(nodes.volatility, volatility, unit, "volatility")
    joint = _nearest(x * y, np.full_like(x, unit))                      # in [max(0, x + y - 2**bits), min(x, y)]
    weights = np.zeros((*spot.shape, nodes.count), np.int64)
    for right, up, weight in ((0, 0, unit - x - y + joint), (1, 0, x - joint), (0, 1, y - joint), (1, 1, joint)):
        node = (along + right) * len(nodes.volatility) + across + up
        np.put_along_axis(weights, node[..., None], weight[..., None], axis=-1)
    return weights


def _place(axis: tuple[int, ...], points: NDArray[np.int64], unit: int, name: str
           ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The interval of an axis that each point is in, and how far along it, in [0, unit]."""
    ends = np.array(axis, np.int64) * (POINT_UNIT // NODE_UNIT)
    outside = (points < ends[0]) | (points > ends[-1])
    for place in np.argwhere(outside)[:1]:
        raise BadInput(f"{name} of scenario {place.tolist()}", int(points[tuple(place)]),
                       f"between the outermost nodes, {ends[0]} and {ends[-1]}")
    cell = np.clip(np.searchsorted(ends, points, side="right") - 1, 0, len(axis) - 2)
    return cell, _nearest((points - ends[cell]) * unit, ends[cell + 1] - ends[cell])


def _nearest(numerator: NDArray[np.int64], divisor: NDArray[np.int64]) -> NDArray[np.int64]:
    """Quotients of integers >= 0, rounded half up."""
    quotient: NDArray[np.int64] = (2 * numerator + divisor) // (2 * divisor)
    return quotient
