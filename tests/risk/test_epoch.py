from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.epochs.epoch import Epoch, Header, largest_changes, pack
from risk.exact.shape import EpochShape, TailSize

SHAPE = EpochShape(scenarios=8, tail=TailSize(5, 2), depth=2)


def example(instruments: int = 9, seed: int = 1, shape: EpochShape = SHAPE) -> Epoch:
    rng = np.random.default_rng(seed)
    return Epoch.of(shape, [int(id) for id in rng.choice(10**6, instruments, replace=False) + 1],
                    rng.integers(-10**9, 10**9, (instruments, shape.scenarios)),
                    long=rng.integers(0, 10**6, instruments), short=rng.integers(0, 10**6, instruments),
                    underlying=rng.integers(0, 2, instruments), header=Header(underlyings=("BTC", "ETH")))


def altered(epoch: Epoch, name: str, place: Any, value: int) -> Epoch:
    array = getattr(epoch, name).copy()
    array[place] = value
    return replace(epoch, **{name: array})


def test_leaves_and_root_follow_the_specification() -> None:
    epoch = example()
    leaves = epoch.leaves()
    assert leaves.shape == (10, 5 + 2)
    assert not leaves[0].any()
    row, changes = leaves[3], [int(a) for a in epoch.changes[3]]
    assert list(row[:5]) == [epoch.ids[3], epoch.underlying[3], epoch.long[3], epoch.short[3], epoch.amax[3]]
    assert row[5] == sum(a << 50 * p for p, a in enumerate(changes[:5]))
    assert row[6] == sum(a << 50 * p for p, a in enumerate(changes[5:]))
    digests = [hash_integers(Tag.LEAF, list(row)) for row in leaves] + [0] * 53
    digests.append(hash_integers(Tag.HEADER, epoch.header.leaf([])))
    nodes = [hash_integers(Tag.NODE, digests[i:i + 8]) for i in range(0, 64, 8)]
    tree_root = hash_integers(Tag.NODE, nodes)
    assert epoch.root == hash_integers(Tag.EPOCH, [tree_root, SHAPE.digest(), 0])


def test_equal_numbers_have_equal_roots_and_each_number_counts() -> None:
    epoch = example()
    assert example().root == epoch.root
    changed = [altered(epoch, name, 4, int(getattr(epoch, name)[4]) + 1) for name in ("ids", "long", "short", "amax")]
    changed += [altered(epoch, "underlying", 4, 1 - int(epoch.underlying[4])), altered(epoch, "changes", (4, 7), 5),
                replace(epoch, shape=replace(SHAPE, tail=TailSize(2)))]
    assert len({e.root for e in [epoch, *changed]}) == 8


def test_a_row_is_found_by_its_id() -> None:
    epoch = example()
    assert [epoch.index_of(id) for id in epoch.ids] == list(range(10))
    with pytest.raises(BadInput, match="instrument id is 10000000: must be in the epoch"):
        epoch.index_of(10**7)


@pytest.mark.parametrize(("name", "place", "value", "clause", "field"), [
    ("ids", 4, 0, "E1", "leaf 4: id"), ("ids", 4, 1 << 248, "E1", "leaf 4: id"), ("ids", 4, -1, "E1", "leaf 4: id"),
    ("ids", 0, 10**7, "E1", "leaf 0: id"), ("long", 0, 1, "E1", "leaf 0: long"), ("amax", 0, 1, "E1", "leaf 0: amax"),
    ("underlying", 0, 1, "E1", "leaf 0: underlying"),
    ("changes", (4, 2), 2**40, "E2", r"leaf 4: changes\[2\]"),
    ("changes", (4, 2), -2**40, "E2", r"leaf 4: changes\[2\]"),
    ("changes", (4, 2), -2**63, "E2", r"leaf 4: changes\[2\]"),
    ("amax", 4, 2**44, "E2", "leaf 4: amax"), ("amax", 4, -1, "E2", "leaf 4: amax"),
    ("amax", 4, 10, "E2", r"leaf 4: changes\[0\]"),
    ("long", 4, -1, "E3", "leaf 4: long"), ("short", 4, -1, "E3", "leaf 4: short"),
    ("short", 4, 2**44, "E3", "leaf 4: short"),
    ("underlying", 4, 2, "E5", "leaf 4: underlying"), ("underlying", 4, -1, "E5", "leaf 4: underlying")])
def test_a_broken_precondition_stops_packing(name: str, place: Any, value: int, clause: str, field: str) -> None:
    epoch = altered(example(), name, place, value)
    with pytest.raises(BadInput, match=rf"^{field} is -?\d+: must be .*\({clause}\)$"):
        epoch.leaves()
    with pytest.raises(BadInput, match=clause):
        _ = epoch.root
    assert clause in {violation.clause for violation in epoch.violations()}


def test_a_duplicate_id_is_refused() -> None:
    """Attack duplicate-id: the prover would open whichever of the two leaves is cheaper."""
    epoch = example()
    with pytest.raises(BadInput, match=r"leaf 6: id is .* different from every other id \(E1\)"):
        altered(epoch, "ids", 6, epoch.ids[2]).leaves()


def test_bounds_are_met_exactly() -> None:
    top = 2**44 - 1
    epoch = altered(altered(example(), "long", 4, top), "short", 4, top)
    epoch = altered(altered(altered(epoch, "amax", 4, top), "changes", (4, 0), top), "changes", (4, 1), -top)
    assert not list(epoch.violations())
    assert all(abs(element) < MODULUS for element in epoch.leaves().ravel())


def test_aliased_tables_pack_alike_so_the_check_comes_first() -> None:
    """Attack aliased-table: the packed elements cannot tell the two apart, only the check before packing can."""
    honest, aliased = np.zeros((1, 8), np.int64), np.zeros((1, 8), np.int64)
    honest[0, :2] = -1, 1
    aliased[0, :2] = 2**50 - 1, 0
    assert (pack(honest, SHAPE) == pack(aliased, SHAPE)).all()
    assert Epoch.of(SHAPE, [1], honest).leaves()[1, 4] == 1
    with pytest.raises(BadInput, match=r"leaf 1: amax is 1125899906842623: must be in \[0, 2\*\*44\) \(E2\)"):
        Epoch.of(SHAPE, [1], aliased).leaves()


def test_absent_lanes_are_zero() -> None:
    """E4: eight scenarios in lanes of five leave two lanes of the second element empty."""
    packed = pack(np.full((1, 8), 3, np.int64), SHAPE)
    assert packed[0, 1] == 3 + (3 << 50) + (3 << 100)


def test_largest_changes() -> None:
    changes = np.array([[1, -5, 3], [-2**63, 0, 1], [0, 0, 0]], np.int64)
    assert largest_changes(changes).tolist() == [5, 2**63 - 1, 0]
    assert largest_changes(np.zeros((0, 3), np.int64)).shape == (0,)


@pytest.mark.parametrize("instruments", [0, 1, 62])
def test_from_the_null_leaf_alone_to_a_full_tree(instruments: int) -> None:
    epoch = example(instruments)
    assert len(epoch.ids) == instruments + 1
    assert 0 < epoch.root < MODULUS


def test_more_leaves_than_the_tree_holds_are_refused() -> None:
    with pytest.raises(BadInput, match=r"number of leaves is 64: must be in \[1, 63\]: .* 8\*\*depth = 64, 1 of"):
        example(63)


@pytest.mark.parametrize(("name", "wrong"), [
    ("changes", np.zeros((10, 7), np.int64)), ("changes", np.zeros((10, 8))), ("amax", np.zeros(9, np.int64)),
    ("long", np.zeros(10, np.int32)), ("underlying", np.zeros((10, 1), np.int64))])
def test_arrays_that_do_not_fit_are_refused(name: str, wrong: NDArray[Any]) -> None:
    with pytest.raises(BadInput, match=f"^{name} is .*: must be int64"):
        replace(example(), **{name: wrong})


def test_money_in_floats_is_refused_not_truncated() -> None:
    with pytest.raises(BadInput, match=r"^short is float64 \(2,\): must be int64"):
        Epoch.of(SHAPE, [1], np.zeros((1, 8), np.int64), short=np.array([0.5]))  # type: ignore[arg-type]


def test_leaves_are_a_copy() -> None:
    epoch = example()
    epoch.leaves()[1, 1] = 99
    assert epoch.leaves()[1, 1] != 99
