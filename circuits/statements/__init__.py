"""The statements there are, by name."""

from __future__ import annotations

from dataclasses import replace

from circuits.statements import (
    batch,
    cover,
    disclose,
    escrow,
    flat,
    grid,
    leaf_field,
    margin,
    netting,
    solvency,
    transition,
)
from circuits.statements.statement import Statement
from primitives.errors import BadInput, suggestion
from primitives.poseidon import Tag
from risk.exact.shape import EpochShape, Tail, TailSize, WeightedTail
from risk.grid.grid_shape import GRID_1000, GRID_1000_WEIGHTED, GRID_TINY, GRID_TINY_WEIGHTED, GridShape

__all__ = ["Statement", "get", "names"]


def _margin(name: str, preset: margin.Preset) -> Statement:
    shape = preset.shape
    title = (f"exact margin over {shape.scenarios} scenarios, {preset.slots} positions, tail {shape.tail}, "
             f"{shape.capacity} instruments; full revaluation")
    return Statement(name, title, margin.PUBLIC_INPUTS, preset, margin.define)


def _five_by_fifty(scenarios: int, tail: Tail, depth: int, slots: int) -> margin.Preset:
    """Five lanes of 50 bits: gross exposure below 2**48, about 281 million quote units."""
    return margin.Preset(EpochShape(scenarios, tail, depth), slots, gross_bits=48, threshold_bits=48, gap_bits=49)


def _four_by_sixty_three(scenarios: int, tail: Tail, depth: int, slots: int) -> margin.Preset:
    """Four lanes of 63 bits: gross exposure below 2**61."""
    shape = EpochShape(scenarios, tail, depth, lanes=4, width=63)
    return margin.Preset(shape, slots, gross_bits=61, threshold_bits=61, gap_bits=62)


def _grid(name: str, preset: grid.Preset) -> Statement:
    shape = preset.shape
    title = (f"exact margin over {shape.scenarios} scenarios interpolated between {shape.nodes} nodes, "
             f"{shape.underlyings} underlyings, {shape.regimes} correlation regimes, {preset.slots} positions, "
             f"tail {shape.tail}, {shape.capacity} instruments")
    return Statement(name, title, grid.PUBLIC_INPUTS, preset, grid.define)


def _solvency(name: str, preset: solvency.Preset) -> Statement:
    shape = preset.shape
    title = (f"collateral in at most {preset.assets} assets covers a hidden margin and buffer; {shape.scenarios} "
             f"scenarios on a grid, {preset.slots} positions, tail {shape.tail}, {shape.capacity} instruments")
    return Statement(name, title, solvency.PUBLIC_INPUTS, preset, solvency.define)


def _netting(name: str, preset: netting.Preset) -> Statement:
    shape = preset.shape
    title = (f"one margin over {preset.places} protocols, {preset.member_slots} positions on each, covered by what all "
             f"of them keep; {shape.scenarios} scenarios on a grid, tail {shape.tail}, {shape.capacity} instruments")
    return Statement(name, title, netting.public_inputs(preset), preset, netting.define)


def _transition(name: str, slots: int, fills: int) -> Statement:
    title = f"new commitment from the old one by at most {fills} signed fills; {slots} positions"
    return Statement(name, title, transition.PUBLIC_INPUTS, transition.Preset(slots, fills), transition.define)


def _batch(name: str, account: margin.Preset, size: int) -> Statement:
    shape = account.shape
    title = (f"exact margins of at most {size} accounts over {shape.scenarios} scenarios, {account.slots} positions "
             f"each, tail {shape.tail}, {shape.capacity} instruments; full revaluation")
    return Statement(name, title, batch.PUBLIC_INPUTS, batch.Preset(account, size), batch.define)


def _cover(name: str, preset: margin.Preset | grid.Preset) -> Statement:
    shape, on_grid = preset.shape, isinstance(preset, grid.Preset)
    title = (f"collateral of a public value covers a hidden exact margin and buffer, or falls short; {shape.scenarios} "
             f"scenarios, {preset.slots} positions, tail {shape.tail}, {shape.capacity} instruments; "
             f"{'on a grid' if on_grid else 'full revaluation'}")
    return Statement(name, title, cover.PUBLIC_INPUTS, cover.Preset(preset),
                     cover.define_on_grid if on_grid else cover.define)


def _flat(name: str, slots: int) -> Statement:
    return Statement(name, f"a commitment of {slots} positions holds nothing", flat.PUBLIC_INPUTS, flat.Preset(slots),
                     flat.define)


def _leaf_field(name: str, shape: EpochShape | GridShape, kind: Tag = Tag.LEAF) -> Statement:
    preset = leaf_field.Preset(shape, kind)
    what = {Tag.ASSET: "an asset's collateral factors", Tag.MARK: "an instrument's marks"}.get(kind, "an instrument")
    title = (f"one of the {preset.elements} elements of {what} in a published epoch of {shape.scenarios} scenarios, "
             f"tail {shape.tail}, {shape.capacity} instruments")
    return Statement(name, title, leaf_field.PUBLIC_INPUTS, preset, leaf_field.define)


def _escrow(name: str, slots: int, recipients: int, whom: str) -> Statement:
    title = f"the opening of a commitment of {slots} positions, encrypted to {recipients} public keys: {whom}"
    return Statement(name, title, escrow.PUBLIC_INPUTS, escrow.Preset(slots, recipients), escrow.define)


def _disclose(name: str, slots: int) -> Statement:
    return Statement(name, f"the opening of a commitment of {slots} positions, for everybody to read",
                     disclose.PUBLIC_INPUTS, disclose.Preset(slots), disclose.define)


_HOLDERS, _SHORTLIST = "venue, committee and owner", "those on a shortlist"

_GRID_TINY = grid.Preset(GRID_TINY, slots=3, gap_bits=53)
_GRID_1000 = grid.Preset(GRID_1000, slots=32)

# Scenarios with masses, "-w": rings by rank, most scenarios where the tail is; 97.5 %, as tails of 2**13 and 2**15.
_TAIL_TINY = WeightedTail.parse("13/2", "2x1 3x2 1x5 2x3")
_TAIL_256 = WeightedTail.parse("1024/5", "32x1 48x2 32x4 32x8 32x16 32x32 32x64 16x256")
_TAIL_1000 = WeightedTail.parse("4096/5", "80x1 216x2 128x4 128x8 128x16 128x32 128x64 64x256")
_GRID_TINY_W = replace(_GRID_TINY, shape=GRID_TINY_WEIGHTED)
_GRID_1000_W = replace(_GRID_1000, shape=GRID_1000_WEIGHTED)

_TINY, _TINY_W = (_five_by_fifty(8, tail, depth=2, slots=3) for tail in (TailSize(5, 2), _TAIL_TINY))
_FULL_256, _FULL_256_W = (_five_by_fifty(256, tail, depth=3, slots=16) for tail in (TailSize(32, 5), _TAIL_256))
_FULL_256_N4096 = _five_by_fifty(256, TailSize(32, 5), depth=4, slots=16)
_FULL_1000 = _four_by_sixty_three(1000, TailSize(51, 2), depth=4, slots=32)
_FULL_1000_W = _four_by_sixty_three(1000, _TAIL_1000, depth=4, slots=32)

_STATEMENTS = {statement.name: statement for statement in (
    _margin("margin-tiny", _TINY),
    _margin("margin-full-256x16", _FULL_256),
    _margin("margin-full-256x16-n4096", _FULL_256_N4096),
    _margin("margin-full-1000x32", _FULL_1000),
    _grid("margin-grid-tiny", _GRID_TINY),
    _grid("margin-grid-1000x32", _GRID_1000),
    _solvency("solvency-tiny", solvency.Preset(_GRID_TINY, assets=2)),
    _solvency("solvency-grid-1000x32", solvency.Preset(_GRID_1000, assets=8)),
    _netting("netting-tiny", netting.Preset(grid.Preset(GRID_TINY, slots=4, gap_bits=53), places=2, assets=2,
                                            group_assets=2, balance_depth=1)),
    _netting("netting-grid-4x8", netting.Preset(_GRID_1000, places=4, assets=4, group_assets=5, balance_depth=2)),
    _margin("margin-tiny-w", _TINY_W),
    _margin("margin-full-256x16-w", _FULL_256_W),
    _margin("margin-full-1000x32-w", _FULL_1000_W),
    _grid("margin-grid-tiny-w", _GRID_TINY_W),
    _grid("margin-grid-1000x32-w", _GRID_1000_W),
    _solvency("solvency-tiny-w", solvency.Preset(_GRID_TINY_W, assets=2)),
    _solvency("solvency-grid-1000x32-w", solvency.Preset(_GRID_1000_W, assets=8)),
    _netting("netting-tiny-w", netting.Preset(replace(_GRID_TINY_W, slots=4), places=2, assets=2, group_assets=2,
                                              balance_depth=1)),
    _netting("netting-grid-4x8-w", netting.Preset(_GRID_1000_W, places=4, assets=4, group_assets=5, balance_depth=2)),
    _cover("cover-tiny", _TINY),
    _cover("cover-full-256x16", _FULL_256),
    _cover("cover-full-256x16-n4096", _FULL_256_N4096),
    _cover("cover-full-1000x32", _FULL_1000),
    _cover("cover-grid-tiny", _GRID_TINY),
    _cover("cover-grid-1000x32", _GRID_1000),
    _cover("cover-tiny-w", _TINY_W),
    _cover("cover-full-256x16-w", _FULL_256_W),
    _cover("cover-grid-tiny-w", _GRID_TINY_W),
    _cover("cover-grid-1000x32-w", _GRID_1000_W),
    _flat("flat-tiny", 3),
    _flat("flat-16", 16),
    _flat("flat-32", 32),
    _leaf_field("leaf-field-tiny", _TINY.shape),
    _leaf_field("leaf-field-full-256", _FULL_256.shape),
    _leaf_field("leaf-field-full-256-n4096", _FULL_256_N4096.shape),
    _leaf_field("leaf-field-full-1000", _FULL_1000.shape),
    _leaf_field("leaf-field-full-256-w", _FULL_256_W.shape),
    _leaf_field("leaf-field-full-1000-w", _FULL_1000_W.shape),
    _leaf_field("leaf-field-grid-tiny", _GRID_TINY.shape),
    _leaf_field("leaf-field-grid-1000", _GRID_1000.shape),
    _leaf_field("leaf-field-grid-1000-w", _GRID_1000_W.shape),
    _leaf_field("leaf-field-assets-tiny", _GRID_TINY.shape, Tag.ASSET),
    _leaf_field("leaf-field-assets-1000", _GRID_1000.shape, Tag.ASSET),
    _leaf_field("leaf-field-assets-1000-w", _GRID_1000_W.shape, Tag.ASSET),
    _leaf_field("leaf-field-marks-tiny", _TINY.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-full-256", _FULL_256.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-full-256-w", _FULL_256_W.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-full-1000", _FULL_1000.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-full-1000-w", _FULL_1000_W.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-grid-tiny", _GRID_TINY.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-grid-1000", _GRID_1000.shape, Tag.MARK),
    _leaf_field("leaf-field-marks-grid-1000-w", _GRID_1000_W.shape, Tag.MARK),
    _escrow("escrow-tiny", 3, 3, _HOLDERS),
    _escrow("escrow-16", 16, 3, _HOLDERS),
    _escrow("escrow-32", 32, 3, _HOLDERS),
    _escrow("delivery-tiny", 3, 5, _SHORTLIST),
    _escrow("delivery-16", 16, 5, _SHORTLIST),
    _escrow("delivery-32", 32, 5, _SHORTLIST),
    _disclose("disclose-tiny", 3),
    _disclose("disclose-16", 16),
    _disclose("disclose-32", 32),
    _transition("transition-tiny", slots=3, fills=2),
    _transition("transition-16", slots=16, fills=8),
    _transition("transition-32", slots=32, fills=16),
    _batch("batch-tiny", _TINY, size=2),
    _batch("batch-4", _FULL_256, size=4),
    _batch("batch-16", _FULL_256, size=16),
    _batch("batch-tiny-w", _TINY_W, size=2),
)}


def names() -> list[str]:
    """Names of all statements."""
    return list(_STATEMENTS)


def get(name: str) -> Statement:
    """The statement of a name.

    Raises
    ------
    BadInput : there is none.
    """
    if name not in _STATEMENTS:
        raise BadInput("statement", name, f"one of {', '.join(_STATEMENTS)}{suggestion(name, _STATEMENTS)}")
    return _STATEMENTS[name]
