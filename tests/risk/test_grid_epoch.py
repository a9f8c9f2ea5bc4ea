"""Grid epochs: what they commit to, what they must keep, and margins in them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from primitives import field
from primitives.errors import BadInput
from primitives.poseidon import Tag, hash_integers
from risk.epochs.epoch import Epoch, Header
from risk.exact.shape import EpochShape, TailSize
from risk.grid.grid_build import interpolation_error
from risk.grid.grid_epoch import MOST_ASSETS, NO_ASSET, Factors, GridEpoch
from risk.grid.grid_map import ExplicitMap, Nodes
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.grid_margin import compare, grid_margin, netted_changes, scenario_losses

ASSETS = tuple(Factors(id, 5 * id, 6 * id) for id in (7, 3, 9, 1, 8))


def tiny(instruments: int = 6, seed: int = 1, **columns) -> GridEpoch:
    rng = np.random.default_rng(seed)
    changes = rng.integers(-1000, 1001, (instruments, GRID_TINY.nodes))
    long, short = rng.integers(0, 50, (2, instruments))
    given = {"long": long, "short": short, "underlying": rng.integers(0, 2, instruments)} | columns
    return GridEpoch.of(GRID_TINY, range(1001, 1001 + instruments), changes, **given)


# -- what it commits to ----------------------------------------------------------------------------------------------
def tree_root(leaves: list[int]) -> int:
    """Of a tree of 64 leaves."""
    level = [*leaves, *[0] * (64 - len(leaves))]
    while len(level) > 1:
        level = [hash_integers(Tag.NODE, level[i:i + 8]) for i in range(0, len(level), 8)]
    return level[0]


def test_the_root_is_that_of_leaves_assets_shape_and_regime() -> None:
    epoch = tiny(assets=ASSETS, regime=1)
    digests = [hash_integers(Tag.LEAF, [int(x) for x in row]) for row in epoch.leaves()]
    header = hash_integers(Tag.HEADER, epoch.header.leaf([]))
    instruments = tree_root([*digests, *[0] * (63 - len(digests)), header])
    factors = [[0, 0, 0], [7, 35, 42], [3, 15, 18], [9, 45, 54], [1, 5, 6], [8, 40, 48]]
    leaves = [hash_integers(Tag.ASSET, row) for row in factors]
    assert [epoch.asset_place(id) for id, _, _ in factors] == list(range(6))
    assert field.decode(epoch.asset_tree.levels[0][epoch.asset_place(9)]) == [leaves[3]]
    assert epoch.root == hash_integers(Tag.EPOCH, [instruments, GRID_TINY.digest(), 1, tree_root(leaves)])
    # Nothing but the root depends on the regime.
    other = epoch.under(0)
    assert other.tree.root == epoch.tree.root
    assert other.root == hash_integers(Tag.EPOCH, [instruments, GRID_TINY.digest(), 0, tree_root(leaves)])
    assert (epoch.index_of(1003), epoch.row_of("none")) == (3, None)


def test_every_number_reaches_the_root() -> None:
    epoch = tiny(assets=ASSETS)
    arrays = epoch.arrays

    def bumped(name: str) -> GridEpoch:
        values = getattr(arrays, name).copy()
        values.reshape(-1)[-1] += 1 if name != "underlying" else 1 - 2 * values.reshape(-1)[-1]
        amax = np.maximum(arrays.amax, abs(values).max(axis=1)) if name == "changes" else arrays.amax
        return replace(epoch, arrays=replace(arrays, **({"amax": amax} | {name: values})))

    others = [bumped(name) for name in ("ids", "underlying", "long", "short", "amax", "changes")]
    others += [replace(epoch, assets=(*ASSETS[:4], ASSETS[4]._replace(**{name: value})))
               for name, value in (("id", 4), ("value", 41), ("debt", 49))]
    assert len({other.root for other in [epoch, *others]}) == 10


def test_without_assets_a_null_leaf_is_left() -> None:
    assert tiny().listed == (NO_ASSET,)
    assert tiny().asset_place(0) == 0
    with pytest.raises(BadInput, match="asset held is 5: must be listed in the epoch"):
        tiny().asset_place(5)


def test_an_epoch_lists_as_many_assets_as_its_tree_holds() -> None:
    most = [Factors(id, 1, 2) for id in range(1, MOST_ASSETS + 1)]
    assert tiny(assets=most).asset_place(MOST_ASSETS) == 63
    with pytest.raises(BadInput, match="number of assets is 64: must be at most 63"):
        tiny(assets=[*most, Factors(999, 1, 2)])


# -- what it must keep -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("assets", "says"), [
    ([(5, 2, 1)], r"assets\[0\].value is 2: must be in \[0, debt factor = 1\] \(E8\)"),
    ([(5, -1, 1)], r"assets\[0\].value"), ([(5, 0, 2**80)], r"assets\[0\].debt"), ([(0, 1, 1)], r"assets\[0\].id"),
    ([(5, 1, 1), (5, 0, 1)], r"assets\[1\].id is 5: .* no other asset's"), ([(2**248, 1, 1)], r"assets\[0\].id")])
def test_factors_that_break_E8(assets: list, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        _ = tiny(assets=[Factors(*asset) for asset in assets]).root


def test_E1_to_E5_hold_on_grids_too() -> None:
    epoch = tiny()
    amax = epoch.amax.copy()
    amax[2] -= 1
    real = np.arange(len(epoch.ids)) > 0
    for clause, arrays in {"E1": replace(epoch.arrays, ids=epoch.ids * 0 + 5), "E2": replace(epoch.arrays, amax=amax),
                           "E3": replace(epoch.arrays, long=epoch.long - 51 * real),
                           "E5": replace(epoch.arrays, underlying=epoch.underlying + 2 * real)}.items():
        broken = GridEpoch(GRID_TINY, arrays)
        assert {violation.clause for violation in broken.violations()} == {clause}
        with pytest.raises(BadInput, match=clause):
            broken.leaves()


def test_parts_that_do_not_fit() -> None:
    epoch = tiny()
    with pytest.raises(BadInput, match=r"regime is 2: must be in \[0, 2\)"):
        epoch.under(2)
    with pytest.raises(BadInput, match="shape of the arrays"):
        replace(epoch, shape=replace(GRID_TINY, depth=3))
    with pytest.raises(BadInput, match="number of underlyings is 3"):
        tiny(header=Header(underlyings=("a", "b", "c")))
    with pytest.raises(BadInput, match="number of leaves is 65"):
        tiny(instruments=64)                           # and the null leaf


# -- margins ---------------------------------------------------------------------------------------------------------
def by_definition(epoch: GridEpoch, positions: list[tuple[int, int]]) -> int:
    """L_s = -sum_u sum_γ W[s, u, γ] R[u, γ]; ES as the minimum of Rockafellar and Uryasev; one rounding at the end."""
    shape, weights = epoch.shape, epoch.shape.map.weights[epoch.regime]
    netted = netted_changes(epoch, positions)
    losses = [-sum(int(weights[s, u, g]) * netted[u, g] for u in range(shape.underlyings) for g in range(shape.nodes))
              for s in range(shape.scenarios)]
    assert tuple(losses) == scenario_losses(epoch, positions)
    K, D = shape.tail.numerator, shape.tail.denominator
    total = min(K * t + D * sum(max(0, loss - t) for loss in losses) for t in losses)
    addons = sum(abs(q) * int(epoch.long[i] if q >= 0 else epoch.short[i]) for i, q in positions)
    return max(0, -(-total // (K * 2**shape.weight_bits))) + addons


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), lots=st.lists(st.integers(-2**40 + 1, 2**40 - 1), max_size=6),
       regime=st.integers(0, 1))
def test_margins_are_those_of_the_definition(seed: int, lots: list[int], regime: int) -> None:
    epoch = tiny(seed=seed, regime=regime)
    positions = [(i + 1, q) for i, q in enumerate(lots)]
    found = grid_margin(epoch, positions)
    assert found.required == by_definition(epoch, positions)
    assert found.standalone == tuple(by_definition(epoch, [position]) for position in positions)
    assert found.netting_benefit >= 0
    assert found.gross == sum(abs(q) * int(epoch.amax[i]) for i, q in positions)


@pytest.mark.parametrize(("positions", "says"), [([(7, 1)], r"positions\[0\].row"),
                                                 ([(1, 2**40)], r"positions\[0\].lots")])
def test_positions_out_of_bounds(positions: list, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        grid_margin(tiny(), positions)


# -- E6: interpolation never understates -----------------------------------------------------------------------------
@st.composite
def worlds(draw: st.DrawFn) -> tuple[GridShape, np.ndarray, np.ndarray, np.ndarray]:
    """A random map, and value changes at its nodes and in its scenarios that have nothing to do with each other."""
    bits, scenarios, n = draw(st.integers(0, 6)), draw(st.integers(1, 6)), draw(st.integers(1, 4))
    magnitude = draw(st.sampled_from([1, 10, 10**6, 2**44 - 1]))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    cuts = np.sort(rng.integers(0, 2**bits + 1, (2, scenarios, 2, 3)), axis=-1)
    weights = np.diff(cuts, axis=-1, prepend=0, append=2**bits)
    tail = draw(st.sampled_from([TailSize(1, 2), TailSize(1), TailSize(scenarios)]))
    shape = GridShape(ExplicitMap(Nodes((0, 1), (1, 2)), bits, weights), tail, depth=2)
    return (shape, rng.integers(0, 2, n), rng.integers(-magnitude, magnitude + 1, (n, 4)),
            rng.integers(-magnitude, magnitude + 1, (2, n, scenarios)))


@settings(max_examples=150, deadline=None)
@given(world=worlds(), data=st.data())
def test_grid_margins_are_never_below_full_ones(world, data) -> None:
    shape, underlying, changes, full = world
    n = len(changes)
    error = interpolation_error(shape.map, underlying, changes, full)
    assert (error.long >= 0).all()
    assert (error.short >= 0).all()
    regime = data.draw(st.integers(0, 1))
    if max(error.long.max(), error.short.max()) >= 2**44:
        return                                         # such rates break E3: no epoch
    header = Header(underlyings=("a", "b"))
    epoch = GridEpoch.of(shape, range(1, n + 1), changes, underlying=underlying, long=error.long, short=error.short,
                         regime=regime, header=header)
    layout = EpochShape(shape.scenarios, shape.tail, 2)
    exact = Epoch.of(layout, range(1, n + 1), full[regime], underlying=underlying, header=header)
    lots = data.draw(st.lists(st.integers(-10**6, 10**6), min_size=n, max_size=n))
    found = compare(epoch, exact, [(i + 1, q) for i, q in enumerate(lots)])
    assert found.excess >= 0
    assert found.interpolation == sum(q * int(error.long[i]) if q > 0 else -q * int(error.short[i])
                                      for i, q in enumerate(lots))


@settings(max_examples=100, deadline=None)
@given(world=worlds())
def test_the_interpolation_error_is_the_least_that_bounds(world) -> None:
    """Against rational arithmetic, both ways: enough in every scenario and regime, one less is not enough in one."""
    shape, underlying, changes, full = world
    error, unit = interpolation_error(shape.map, underlying, changes, full), 1 << shape.weight_bits
    for i, u in enumerate(underlying):
        over = [int(w) for regime in range(2) for w in
                shape.map.weights[regime, :, u] @ changes[i] - full[regime, i] * unit]
        assert int(error.long[i]) * unit >= max(over)
        assert error.long[i] == 0 or (int(error.long[i]) - 1) * unit < max(over)
        assert int(error.short[i]) * unit >= -min(over)
        assert error.short[i] == 0 or (int(error.short[i]) - 1) * unit < -min(over)


def test_compare_refuses_other_instruments() -> None:
    epoch = tiny()
    other = Epoch.of(EpochShape(8, TailSize(5, 2), 2), range(6), np.zeros((6, 8), np.int64))
    with pytest.raises(BadInput, match="instruments of the two epochs"):
        compare(epoch, other, [])
