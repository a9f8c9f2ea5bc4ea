"""Scenario maps: exact integer interpolation, the standard scenarios, and the shape that binds them."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.exact.shape import TailSize
from risk.grid.grid_map import POINT_UNIT, ExplicitMap, Nodes, bilinear, require_weights
from risk.grid.grid_shape import GRID_1000, GRID_TINY, GridShape
from risk.grid.grid_standard import StandardMap

STANDARD = GRID_1000.map
NODES = Nodes((-6000, -1000, 0, 2500, 6000), (900, 1300, 2600))
SCALE = POINT_UNIT // 1000
assert isinstance(STANDARD, StandardMap)


def points(spot: int, volatility: int) -> tuple[np.ndarray, np.ndarray]:
    return np.array([spot]), np.array([volatility])


@settings(max_examples=200, deadline=None)
@given(spot=st.integers(-6000 * SCALE, 6000 * SCALE), volatility=st.integers(900 * SCALE, 2600 * SCALE),
       bits=st.sampled_from([0, 1, 4, 8, 15]))
def test_weights_are_those_of_bilinear_interpolation(spot: int, volatility: int, bits: int) -> None:
    """Against rational arithmetic: a weight is off by at most one unit and a half, a coordinate's by half a unit."""
    weights = bilinear(NODES, *points(spot, volatility), bits).reshape(5, 3)
    require_weights(weights.reshape(1, -1), bits)

    def exact(axis: tuple[int, ...], at: int) -> list[Fraction]:
        tents = []
        for i, x in enumerate(axis):
            before = axis[i - 1] if i else x - 1
            after = axis[i + 1] if i + 1 < len(axis) else x + 1
            here = Fraction(at, SCALE)
            tents.append(max(Fraction(0), min((here - before) / (x - before), (after - here) / (after - x))))
        return tents

    along, across = exact(NODES.spot, spot), exact(NODES.volatility, volatility)
    half = Fraction(1, 2)
    for a in range(5):
        assert abs(int(weights[a].sum()) - along[a] * 2**bits) <= half
        for b in range(3):
            assert abs(int(weights[a, b]) - along[a] * across[b] * 2**bits) <= 3 * half
    for b in range(3):
        assert abs(int(weights[:, b].sum()) - across[b] * 2**bits) <= half


def test_a_scenario_at_a_node_is_that_node() -> None:
    spot, volatility = NODES.points()
    assert np.array_equal(bilinear(NODES, spot, volatility, 8), 256 * np.eye(15, dtype=np.int64))


@pytest.mark.parametrize(("spot", "volatility", "says"), [
    (-6000 * SCALE - 1, 1000 * SCALE, "spot of scenario"), (6000 * SCALE + 1, 1000 * SCALE, "spot of scenario"),
    (0, 900 * SCALE - 1, "volatility of scenario"), (0, 2600 * SCALE + 1, "volatility of scenario")])
def test_nothing_is_extrapolated(spot: int, volatility: int, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        bilinear(NODES, *points(spot, volatility), 8)


@pytest.mark.parametrize(("spot", "volatility"), [((0,), (1, 2)), ((0, 0), (1, 2)), ((2, 1), (1, 2)), ((0, 1), (0, 1)),
                                                  ((0, 1), (1, 10**6)), ((0, 1.5), (1, 2))])
def test_nodes_out_of_bounds(spot: tuple, volatility: tuple) -> None:
    with pytest.raises(BadInput, match=r"nodes\."):
        Nodes(spot, volatility)


# -- standard scenarios ----------------------------------------------------------------------------------------------
def test_standard_scenarios_are_the_same_for_ever() -> None:
    """They are constants of keys: a change of these numbers is another statement."""
    assert GRID_1000.digest() == 197059331524856857534838210918233286133084915804956144165374692041815518970
    assert GRID_TINY.digest() == 159077499257190896865813491062390844694016382185472095248919185792767156255
    assert GRID_1000.to_json() | {"weights": None} == {
        "mode": "grid", "scenarios": 1000, "tail": "51/2", "depth": 4, "lanes": 5, "width": 50, "value_bits": 44,
        "underlyings": 4, "regimes": 4, "weight_bits": 8, "weights": None, "volatility_nodes": [900, 1300, 2600],
        "spot_nodes": [-6000, -4800, -3600, -2400, -1200, 0, 1200, 2400, 3600, 4800, 6000]}


def test_standard_scenarios_are_of_unit_size_and_symmetric() -> None:
    spot, volatility = STANDARD.points
    x = spot / POINT_UNIT
    assert x.shape == volatility.shape == (4, 1000, 4)
    assert np.abs(np.sqrt((x**2).mean(axis=1)) - 1).max() < 1e-6        # forecast standard deviation: one
    assert np.array_equal(np.sort(spot, axis=1), np.sort(-spot, axis=1))        # as many bad days up as down
    assert x.max(axis=1).min() > 3.5                                   # and fat tails
    # Volatility after the horizon is a multiple of today's: 1 on average, larger after large moves.
    squares = (volatility / POINT_UNIT)**2
    assert abs(squares.mean() - 1) < 0.05
    assert all(np.corrcoef(np.abs(x[i, :, 0]), squares[i, :, 0])[0, 1] > 0.6 for i in range(4))


def test_regimes_differ_in_correlation_alone() -> None:
    x = STANDARD.points[0] / POINT_UNIT
    for regime, correlation in enumerate(STANDARD.correlations):
        found = np.corrcoef(x[regime].T)[~np.eye(4, dtype=bool)]
        assert np.abs(found - correlation).max() < 1e-6
    assert np.array_equal(STANDARD.points[0][:, :, 0], np.broadcast_to(STANDARD.points[0][0, :, 0], (4, 1000)))


def test_weights_cover_every_regime_scenario_and_underlying() -> None:
    weights = STANDARD.weights
    assert weights.shape == (4, 1000, 4, 33)
    require_weights(weights, 8)
    assert ((weights > 0).sum(axis=-1) <= 4).all()
    spot, _ = STANDARD.nodes.points()
    assert np.abs(weights @ spot / 256 - STANDARD.points[0]).max() <= 1.2 * POINT_UNIT / 512 + 1


@pytest.mark.parametrize(("change", "says"), [
    ({"scenarios": 7}, "even"), ({"scenarios": 0}, "scenarios"), ({"underlyings": 0}, "underlyings"),
    ({"correlations": ()}, "correlations"), ({"correlations": (1.0,)}, "correlations"),
    ({"correlations": (-0.1,)}, "correlations"), ({"weight_bits": 16}, "weight_bits"), ({"horizon": 0}, "horizon"),
    ({"alpha": 0.5, "beta": 0.6}, "omega"), ({"degrees": 2.0}, "degrees"), ({"seed": 1.0}, "seed")])
def test_standard_parameters_out_of_bounds(change: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        replace(GRID_TINY.map, **change)


def test_nodes_must_enclose_the_scenarios() -> None:
    with pytest.raises(BadInput, match="spot of scenario"):
        _ = replace(GRID_TINY.map, nodes=Nodes((-1000, 1000), (900, 2000))).weights


def test_parameters_survive_json() -> None:
    written = jsonio.loads(jsonio.dumps(STANDARD.to_json()))
    assert StandardMap.from_json(Node(written)) == STANDARD
    with pytest.raises(BadInput, match="even"):
        StandardMap.from_json(Node(written | {"scenarios": 3}))


# -- shapes ----------------------------------------------------------------------------------------------------------
def explicit(weights: np.ndarray, bits: int = 2) -> ExplicitMap:
    return ExplicitMap(Nodes((0, 1), (1, 2)), bits, weights)


def test_an_explicit_map_is_its_weights() -> None:
    weights = np.zeros((2, 3, 1, 4), np.int64)
    weights[..., 0] = 4
    other = weights.copy()
    other[1, 2, 0] = [3, 1, 0, 0]
    assert explicit(weights) == explicit(weights.copy())
    assert hash(explicit(weights)) == hash(explicit(weights.copy()))
    assert explicit(weights) != explicit(other)
    assert (explicit(weights).regimes, explicit(weights).scenarios, explicit(weights).underlyings) == (2, 3, 1)
    shapes = [GridShape(explicit(w), TailSize(3, 2), depth=2) for w in (weights, other)]
    assert shapes[0] != shapes[1]
    assert shapes[0].digest() != shapes[1].digest()


@pytest.mark.parametrize(("weights", "says"), [([5, -1, 0, 0], "at least 0"), ([4, 1, 0, 0], r"2\*\*2"),
                                               ([1] * 3, "4")])
def test_weights_that_do_not_interpolate(weights: list[int], says: str) -> None:
    with pytest.raises(BadInput, match=says):
        explicit(np.array([[[weights]]]))


def test_the_digest_covers_every_size() -> None:
    changed = [replace(GRID_TINY, **change) for change in (
        {"tail": TailSize(2)}, {"depth": 3}, {"lanes": 4}, {"width": 49}, {"value_bits": 43},
        {"map": replace(GRID_TINY.map, seed=2)}, {"map": replace(GRID_TINY.map, weight_bits=5)},
        {"map": replace(GRID_TINY.map, nodes=Nodes((-4001, 0, 4000), (900, 2000)))},
        {"map": replace(GRID_TINY.map, correlations=(0.5, 0.99))})]
    assert len({shape.digest() for shape in [GRID_TINY, *changed]}) == 1 + len(changed)
    assert GRID_TINY.layout.digest() != GRID_TINY.digest()


@pytest.mark.parametrize(("change", "says"), [
    ({"tail": TailSize(9)}, "tail"), ({"value_bits": 57, "lanes": 4, "width": 60}, "value_bits"),
    ({"lanes": 6}, "lanes")])
def test_shapes_out_of_bounds(change: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        replace(GRID_TINY, **change)
