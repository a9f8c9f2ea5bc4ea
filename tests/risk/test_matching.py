"""Weighted scenarios out of a population: every cell has its size, one real path each, and tail sums are kept."""

from __future__ import annotations

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.exact.uniforms import uniforms
from risk.scenarios import matching
from risk.scenarios.matching import Cells, Ring, TailFunctions

MASSES = [1] * 8 + [2] * 8 + [8] * 5
N = 1 << 10


def cloud(seed: int = 1) -> np.ndarray:
    """Paths of two correlated, heavy-tailed factors."""
    u = uniforms(seed, (N, 3))
    x = np.log(u[:, 0] / (1 - u[:, 0])) / (0.2 + u[:, 2])
    y = x + np.log(u[:, 1] / (1 - u[:, 1]))
    return np.rint(1000 * np.stack([x, y, x - y], 1)).astype(np.int64)


def partition(features: np.ndarray) -> Cells:
    return matching.cells(matching.depth(features), features, matching.design(MASSES, N))


def test_a_design_gives_each_scenario_members_in_proportion_to_its_mass() -> None:
    rings = matching.design(MASSES, N)
    assert [ring.members for ring in rings for _ in range(ring.cells)] == [m * N // sum(MASSES) for m in MASSES]
    assert matching.design([5 * m for m in MASSES], N) == rings                # a common factor says nothing
    assert matching.design([1] * 4, 8) == (Ring(1, 2), Ring(1, 2), Ring(2, 2))  # cut where mass outside doubles


@pytest.mark.parametrize(("masses", "population"), [([2, 1], 3), ([1, 2], 4), (MASSES, N + 1)])
def test_masses_that_fall_and_populations_that_do_not_divide_are_refused(masses: list[int], population: int) -> None:
    with pytest.raises(BadInput):
        matching.design(masses, population)


def test_depth_is_the_least_two_sided_rank() -> None:
    features = np.array([[5, 0], [1, 1], [3, 2], [9, 3], [7, 4]])
    assert matching.depth(features).tolist() == [0, 0, 1, 0, 0]
    assert matching.depth(features[:, :1]).tolist() == [2, 0, 1, 0, 1]


def test_cells_partition_the_population_and_outer_rings_lie_outside() -> None:
    features = cloud()
    found = partition(features)
    assert sorted(found.order.tolist()) == list(range(N))
    assert found.sizes.tolist() == [m * N // sum(MASSES) for m in MASSES]
    depth = matching.depth(features)
    edge = found.starts[16]                                                    # the cells of mass 8 begin there
    assert depth[found.order[:edge]].max() <= depth[found.order[edge:]].min()


def test_features_too_large_for_exact_sums_are_refused() -> None:
    features = cloud()
    features[3, 1] = matching.LARGEST_FEATURE + 1
    with pytest.raises(BadInput, match="features"):
        partition(features)


def test_a_hinge_is_the_excess_over_the_quantile_and_adds_up_to_its_share() -> None:
    losses = np.arange(-500, 500)
    hinge = matching.hinges(losses, (1, 40))                                   # 25 of 1000 losses: 475 .. 499
    shortfall = (475 + 499) / 2
    assert np.count_nonzero(hinge) == 25                                       # the quantile is the 26th loss, 474
    assert hinge[-1] == round(128 * 1000 * 25 / (25 * shortfall))
    assert abs(int(hinge.sum()) - 128 * 1000 * (1 - 474 / shortfall)) < 25
    assert matching.hinges(-np.ones(40, np.int64), (1, 40)).tolist() == [0] * 40


def test_a_book_that_loses_next_to_nothing_does_not_outweigh_others() -> None:
    losses = np.full(1000, -1000)
    losses[:10] = 1500                                                         # ES of the worst 25 is 0
    assert int(matching.hinges(losses, (1, 40)).sum()) <= 128 * 1000 + 1000


def tails(features: np.ndarray, found: Cells) -> TailFunctions:
    functions = TailFunctions(found, 6)
    for column in features.T:
        for sign in (1, -1):
            functions.add(matching.hinges(sign * column, (1, 40)))
    return functions


def test_balanced_members_are_one_of_each_cell_and_keep_tail_sums() -> None:
    features = cloud()
    found = partition(features)
    functions, start = tails(features, found), matching.central(features, found)
    chosen = functions.balanced(start)
    cell = np.empty(N, np.int64)
    cell[found.order] = np.repeat(np.arange(len(MASSES)), found.sizes)
    assert cell[start].tolist() == cell[chosen].tolist() == list(range(len(MASSES)))
    before, after = (np.abs(functions.kept(members) - functions.sums()) for members in (start, chosen))
    assert int((after**2).sum()) * 20 < int((before**2).sum())


def test_no_single_exchange_improves_what_has_settled() -> None:
    features = cloud(2)
    found = partition(features)
    functions = tails(features, found)
    chosen = functions.balanced(matching.central(features, found), sweeps=100)
    least = int(((functions.kept(chosen) - functions.sums())**2).sum())
    for c in range(len(chosen)):
        for member in found.order[found.starts[c]:found.starts[c + 1]]:
            other = chosen.copy()
            other[c] = member
            assert int(((functions.kept(other) - functions.sums())**2).sum()) >= least


def test_the_starting_member_is_nearest_to_the_mean() -> None:
    features = cloud(3)
    found = partition(features)
    for c, member in enumerate(matching.central(features, found)):
        own = features[found.order[found.starts[c]:found.starts[c + 1]]].astype(float)
        away = ((own - own.mean(0))**2).sum(1)
        assert ((features[member] - own.mean(0))**2).sum() == pytest.approx(away.min())


def test_a_function_weighs_what_its_unit_says() -> None:
    losses = np.arange(1000, dtype=np.int64)
    usual, light = matching.hinges(losses, (1, 40)), matching.hinges(losses, (1, 40), matching.HINGE_UNIT // 2)
    assert np.abs(usual - 2 * light).max() <= 1
    assert usual.max() > 1.9 * light.max() > 0
