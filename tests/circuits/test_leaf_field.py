"""Leaf-field against its specification: sizes, what an epoch says and nothing else, named attacks."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone

from circuits import statements
from circuits.gadgets.poseidon import hash_cost
from circuits.soundness import leaf_field as cheats
from circuits.soundness.audit import audit
from circuits.soundness.forgery import Attack
from circuits.statements import leaf_field
from circuits.statements.leaf_field import Preset, Published, place_of
from primitives.errors import BadInput, Unsatisfied
from primitives.field import MODULUS, decode
from primitives.poseidon import Tag
from risk.epochs.epoch import Epoch
from risk.epochs.header import Header
from risk.epochs.marks import Mark
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.grid_shape import GridShape
from risk.market.instruments import CASH_UNITS, Instrument
from risk.models.model import Basis

NAMES = [name for name in statements.names() if name.startswith("leaf-field-")]
TINY = [name for name in NAMES if "tiny" in name]
IDS = (7, 2**248 - 1, 5)


@pytest.mark.parametrize("name", NAMES)
def test_row_counts(name: str) -> None:
    """As docs/statements.md has it."""
    preset: Preset = statements.get(name).preset
    on_grid = isinstance(preset.shape, GridShape)
    n = preset.elements
    assert statements.get(name).rows == (hash_cost(n) + 412 * preset.depth + hash_cost(3 + on_grid) + 1
                                         + on_grid * (preset.regimes + 1) + (n + 1) + 1 + n + 1)
    assert statements.get(name).public_inputs == ("context", "epoch_root", "id", "place", "x")


@pytest.mark.parametrize(("name", "elements", "rows"), [
    ("leaf-field-full-256", 57, 3_874), ("leaf-field-full-1000", 255, 12_182), ("leaf-field-grid-1000", 12, 2_488),
    ("leaf-field-assets-1000", 3, 1_403),
    ("leaf-field-marks-full-256", 5, 1_838), ("leaf-field-marks-grid-1000", 5, 2_291)])
def test_sizes(name: str, elements: int, rows: int) -> None:
    assert statements.get(name).preset.elements == elements
    assert statements.get(name).rows == rows


def test_every_margin_has_statements_that_read_its_leaves() -> None:
    """Its shape, and with it masses, and the assets beside it. (One tiny statement of a layout is enough.)"""
    read = {(statements.get(name).shape.digest(), statements.get(name).preset.kind) for name in NAMES}
    for name in statements.names():
        if "tiny" not in name and name.startswith(("margin-", "cover-", "batch-", "solvency-", "netting-")):
            shape = statements.get(name).shape
            kinds = (Tag.LEAF, Tag.ASSET) if isinstance(shape, GridShape) else (Tag.LEAF,)
            assert {(shape.digest(), kind) for kind in kinds} <= read, name


# -- what an epoch says ------------------------------------------------------------------------------------------------
def levels_of(shape: Any) -> Any:
    """Two instruments, of which one has settled, and cash."""
    on_grid = isinstance(shape, GridShape)
    header = Header(basis=Basis.LEVEL, underlyings=("A", "B"))
    cash = Instrument.cash(header.quote).id
    rng, count = np.random.default_rng(3), shape.nodes if on_grid else shape.scenarios
    values = np.stack([rng.integers(0, 10**6, count), np.full(count, CASH_UNITS), np.full(count, 70)])
    marks = [Mark(7, 5 * 10**5, 5 * 10**5 + 1, 10**6, 2 * 10**6), Mark.cash(cash), Mark(9, 70, 70, 1, 1)]
    return (GridEpoch if on_grid else Epoch).of(shape, (7, cash, 9), values, header=header, marks=marks,
                                                settlements=[(9, 70)])


@cache
def epoch_of(name: str) -> Any:
    shape = statements.get(name).shape
    rng = np.random.default_rng(3)
    rates = {"long": rng.integers(0, 1000, 3), "short": rng.integers(0, 1000, 3)}
    if statements.get(name).preset.kind == Tag.MARK:
        return levels_of(shape)
    if isinstance(shape, GridShape):
        assets = [Factors(id, 2 * id, 3 * id) for id in range(2001, 2012)]
        return GridEpoch.of(shape, IDS, rng.integers(-10**6, 10**6 + 1, (3, shape.nodes)), regime=shape.regimes - 1,
                            underlying=np.array([0, 1, 1]), assets=assets, **rates)
    return Epoch.of(shape, IDS, rng.integers(-10**6, 10**6 + 1, (3, shape.scenarios)), **rates)


@pytest.mark.parametrize("name", TINY)
def test_every_element_of_every_leaf_can_be_shown(name: str) -> None:
    statement, epoch = statements.get(name), epoch_of(name)
    preset, cs = statement.preset, statement.build()
    published = Published.of(preset, epoch)
    assert published.root == epoch.root
    rows = [list(factors) for factors in epoch.listed] if preset.kind == Tag.ASSET else epoch.leaves().tolist()
    if preset.kind == Tag.MARK:
        rows = [list(mark) for mark in (epoch.arrays if isinstance(epoch, GridEpoch) else epoch).marks]
    for leaf, row in enumerate(rows):
        assert len(row) == preset.elements
        for element, value in enumerate(row):
            if leaf in (0, 2, len(rows) - 1) or element == 1:
                witness = cs.witness(leaf_field.assign(published, leaf, element, 6))
                assert decode(witness[1:6]) == [6, epoch.root, row[0], place_of(preset.kind, element), value % MODULUS]


def test_a_place_says_kind_and_element() -> None:
    assert place_of(Tag.LEAF, 4) == 4 + (1 << 16)
    assert place_of(Tag.ASSET, 1) == 1 + (7 << 16)
    assert len({place_of(kind, k) for kind in Tag for k in range(2**16 - 1, 2**16)}) == len(Tag)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize(("public", "change"), [
    ("id", 1), ("place", 1), ("place", 1 << 16), ("x", 1), ("epoch_root", 1)])
def test_nothing_else_can(name: str, public: str, change: int) -> None:
    """The strict program names what is wrong; see the attacks for what a cheater could try."""
    published = Published.of(statements.get(name).preset, epoch_of(name))
    inputs = leaf_field.assign(published, 1, 1, 6)
    with pytest.raises(Unsatisfied):
        statements.get(name).build().witness({**inputs, public: inputs[public] + change})


# -- false epochs ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", TINY)
def test_a_false_leaf_can_be_shown(name: str) -> None:
    """Two leaves of one id, and residues that no honest table holds: this is how an epoch is refuted."""
    preset: Preset = statements.get(name).preset
    width = preset.elements
    leaves = [[0] * width, [9, *range(1, width)], [9, *[MODULUS - 5] * (width - 1)]]
    published = Published(preset, leaves, regime=0, other_root=77)
    cs = statements.get(name).build()
    first, second = (cs.witness(leaf_field.assign(published, leaf, width - 1, 6)) for leaf in (1, 2))
    assert decode(first[1:6])[:4] == decode(second[1:6])[:4]
    assert (decode(first[5:6]), decode(second[5:6])) == ([width - 1], [MODULUS - 5])


def test_an_epoch_of_another_shape_does_not_open() -> None:
    """Nobody could prove a margin under it: an answer to `demandLeaf` must not be possible either."""
    statement = statements.get("leaf-field-grid-tiny")
    other = Published.of(statements.get("leaf-field-grid-tiny").preset, epoch_of("leaf-field-grid-tiny"))
    inputs = leaf_field.assign(other, 1, 1, 6)
    root = epoch_of("leaf-field-assets-tiny").root
    assert root == inputs["epoch_root"]                 # one epoch, read by both
    weighted = statements.get("margin-grid-tiny-w").shape
    foreign = Published(Preset(weighted), other.leaves, other.regime, other.other_root, other.level)
    assert foreign.root != root
    with pytest.raises(Unsatisfied, match="L3"):
        statement.build().witness({**inputs, "epoch_root": foreign.root})


@pytest.mark.parametrize(("field", "arguments"), [
    ("leaf", (4, 1, 6)), ("leaf", (-1, 1, 6)), ("element", (1, 7, 6)), ("element", (1, -1, 6)),
    ("context", (1, 1, MODULUS))])
def test_what_is_not_there_is_refused_by_name(field: str, arguments: tuple[int, int, int]) -> None:
    preset: Preset = statements.get("leaf-field-tiny").preset
    assert preset.elements == 7
    with pytest.raises(BadInput, match=field):
        leaf_field.assign(Published.of(preset, epoch_of("leaf-field-tiny")), *arguments)


def test_other_mistakes_are_refused_by_name() -> None:
    full, on_grid = statements.get("leaf-field-tiny").preset, statements.get("leaf-field-grid-tiny").preset
    with pytest.raises(BadInput, match="kind"):
        Preset(full.shape, Tag.ASSET)
    with pytest.raises(BadInput, match="kind"):
        Preset(on_grid.shape, Tag.NODE)
    with pytest.raises(BadInput, match="epoch shape"):
        Published.of(full, epoch_of("leaf-field-grid-tiny"))
    with pytest.raises(BadInput, match="regime"):
        leaf_field.assign(Published(on_grid, [[0] * on_grid.elements], regime=on_grid.regimes), 0, 0, 6)
    with pytest.raises(BadInput, match="number of elements of leaf 1"):
        leaf_field.assign(Published(full, [[0] * 7, [0] * 6]), 0, 0, 6)


# -- attacks -----------------------------------------------------------------------------------------------------------
def test_the_harness_is_green() -> None:
    assert audit(cheats.subject(), thorough=False) == []


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda attack: attack.name)
def test_attacks_are_refused_by_the_constraints_they_name(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)
