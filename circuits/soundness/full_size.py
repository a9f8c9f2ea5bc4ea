"""Registered statements at their own size, each at one random witness without any freedom: for uniqueness and mutation.

Every slot is filled, no two losses are equal, and nothing is 0 that could be otherwise, so that whatever comes loose is
a finding. The attacks are on smaller instances, whose numbers make each constraint needed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from circuits.clauses.collateral import Holding
from circuits.soundness.audit import Subject
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
from circuits.statements.batch import Account
from circuits.statements.netting import Member
from circuits.statements.solvency import Collateral
from circuits.statements.statement import Statement
from primitives import babyjubjub
from primitives.babyjubjub import BASE, SUBGROUP_ORDER
from primitives.elgamal import Ephemeral
from primitives.field import MODULUS
from primitives.poseidon import Tag
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape
from risk.grid.grid_epoch import Factors, GridEpoch
from risk.grid.grid_shape import GridShape

SEED = 1
LARGEST = 10**6
"""Of random value changes, and of random lots: exposures stay far below the bounds of every preset."""


def margin_at(statement: Statement) -> Subject:
    """Margin by full revaluation."""
    epoch = _epoch(statement.preset.shape, statement.slots)
    inputs = margin.assign(statement.preset, epoch, _positions(statement.slots), salt=11, context=12)
    return _subject(statement, inputs, ("margin",), "context")


def grid_at(statement: Statement) -> Subject:
    """Margin on a grid."""
    epoch = _grid_epoch(statement.preset.shape, statement.slots)
    inputs = grid.assign(statement.preset, epoch, _positions(statement.slots), salt=11, context=12)
    return _subject(statement, inputs, ("margin",), "context")


def cover_at(statement: Statement) -> Subject:
    """Ample collateral."""
    preset: cover.Preset = statement.preset
    epoch = _epoch_of(preset.shape, statement.slots)
    claim = cover.Claim(2**80 + 12345, 500, True)
    inputs = cover.assign(preset, epoch, _positions(statement.slots), salt=11, claim=claim, context=12)
    return _subject(statement, inputs, (), "context", "claim")


def flat_at(statement: Statement) -> Subject:
    """Names in every slot, and lots in none."""
    slots = [(id, 0) for id in _ids(statement.slots)]
    return _subject(statement, flat.assign(statement.preset, slots, salt=11, context=12), (), "context")


def leaf_field_at(statement: Statement) -> Subject:
    """The last element of a leaf in the midst of others."""
    preset: leaf_field.Preset = statement.preset
    if preset.kind == Tag.MARK:
        marks = [[1000 + leaf, *range(leaf, leaf + 4)] for leaf in range(20)]
        published = leaf_field.Published(preset, marks, other_root=7, first=21)
    else:
        published = leaf_field.Published.of(preset, _epoch_of(preset.shape, 20, 20))
    return _subject(statement, leaf_field.assign(published, 13, preset.elements - 1, context=12), (), "context")


def solvency_at(statement: Statement) -> Subject:
    """Ample collateral in every slot, and debts in every asset."""
    preset: solvency.Preset = statement.preset
    epoch = _grid_epoch(preset.shape, statement.slots, preset.assets)
    kept = Collateral(21, 22, _holdings(epoch, preset.assets))
    inputs = solvency.assign(preset, epoch, _positions(statement.slots), 11, kept, buffer=500, context=12)
    return _subject(statement, inputs, (), "context", "holder", "buffer")


def netting_at(statement: Statement) -> Subject:
    """A member in every place, each in a full tree of balances of its own protocol."""
    preset: netting.Preset = statement.preset
    epoch, number = _grid_epoch(preset.shape, statement.slots, preset.group_assets), 7
    positions, each = _positions(statement.slots), preset.member_slots
    members = []
    for p in range(preset.places):
        member = Member(100 + p, 11 + p, positions[p * each:(p + 1) * each], 21 + p, _holdings(epoch, preset.assets))
        leaves = _ids(8**preset.balance_depth)
        leaves[p] = member.balance_leaf(preset, number)
        members.append(replace(member, balances=netting.balance_tree(preset, leaves), place=p))
    inputs = netting.assign(preset, epoch, number, members, buffer=500, context=12)
    return _subject(statement, inputs, ("margin",), "context", "buffer", "epoch_number",
                    *(f"member_{p}" for p in range(preset.places)))


def transition_at(statement: Statement) -> Subject:
    """Half of the fills trade what is held, the others open positions in the slots that are left."""
    preset: transition.Preset = statement.preset
    opened = preset.fills // 2
    slots = [(1000 + j, q) for j, (_, q) in enumerate(_positions(preset.slots - opened))]
    fills = [(1000 + f + (opened > f) * len(slots), f + 1) for f in range(preset.fills)]
    inputs = transition.assign(preset, slots, 11, fills, nonce=12, new_salt=13, context=14)
    return _subject(statement, inputs, (), "context")


def escrow_at(statement: Statement) -> Subject:
    """A full portfolio, and as many keys as there is room for."""
    preset: escrow.Preset = statement.preset
    rng = random.Random(SEED)
    keys = [babyjubjub.multiply(rng.randrange(1, SUBGROUP_ORDER), BASE) for _ in range(preset.recipients)]
    ephemeral = Ephemeral(rng.getrandbits(preset.scalar_bits), rng.randrange(MODULUS))
    slots = [(id, q) for id, (_, q) in zip(_ids(preset.slots), _positions(preset.slots), strict=True)]
    inputs = escrow.assign(preset, slots, 11, keys, 12, bytes(range(32)), ephemeral)
    return _subject(statement, inputs, (), "challenge")


def disclose_at(statement: Statement) -> Subject:
    """A full portfolio."""
    slots = [(id, q) for id, (_, q) in zip(_ids(statement.slots), _positions(statement.slots), strict=True)]
    inputs = disclose.assign(statement.preset, slots, 11, 12, bytes(range(32)))
    return _subject(statement, inputs, (), "context", "challenge")


def batch_at(statement: Statement) -> Subject:
    """As many accounts as there is room for."""
    preset: batch.Preset = statement.preset
    epoch = _epoch(preset.shape, preset.slots)
    accounts = [Account(_positions(preset.slots, seed), salt=seed, context=seed + 1)
                for seed in range(SEED, SEED + preset.size)]
    return _subject(statement, batch.assign(preset, epoch, accounts, bytes(range(32))), (), "challenge")


def _subject(statement: Statement, inputs: Mapping[str, Any], outputs: tuple[str, ...], *free: str) -> Subject:
    return Subject(statement.name, statement.build(), {"random book": inputs}, outputs=outputs,
                   free_inputs=frozenset(free))


def _positions(count: int, seed: int = SEED) -> list[tuple[int, int]]:
    """Random lots, none of them 0, of the instruments at leaves 1 to count."""
    rng = np.random.default_rng(seed)
    lots = rng.integers(1, LARGEST, count) * rng.choice([-1, 1], count)
    return [(leaf, int(q)) for leaf, q in enumerate(lots, 1)]


def _changes(count: int, columns: int) -> tuple[Any, dict[str, Any]]:
    """Random value changes (count, columns), and rates by side."""
    rng = np.random.default_rng(SEED)
    long, short = rng.integers(1, LARGEST, (2, count))
    return rng.integers(-LARGEST, LARGEST + 1, (count, columns)), {"long": long, "short": short}


def _ids(count: int) -> list[int]:
    rng = random.Random(SEED)
    return [rng.getrandbits(248) for _ in range(count)]


def _epoch_of(shape: EpochShape | GridShape, instruments: int, assets: int = 0) -> Epoch | GridEpoch:
    return _grid_epoch(shape, instruments, assets) if isinstance(shape, GridShape) else _epoch(shape, instruments)


def _epoch(shape: EpochShape, instruments: int) -> Epoch:
    changes, rates = _changes(instruments, shape.scenarios)
    return Epoch.of(shape, _ids(instruments), changes, **rates)


def _grid_epoch(shape: GridShape, instruments: int, assets: int = 0) -> GridEpoch:
    changes, rates = _changes(instruments, shape.nodes)
    rng = random.Random(SEED)
    listed = [Factors(2000 + k, rng.randrange(2**60, 2**62), rng.randrange(2**62, 2**64)) for k in range(assets)]
    return GridEpoch.of(shape, _ids(instruments), changes, underlying=np.arange(instruments) % shape.underlyings,
                        regime=shape.regimes - 1, assets=listed, **rates)


def _holdings(epoch: GridEpoch, count: int) -> list[Holding]:
    """Balances far above debts, in assets from the last listed one backwards."""
    rng = random.Random(SEED)
    return [Holding(factors.id, rng.randrange(2**60, 2**61), rng.randrange(1, 2**30))
            for factors in epoch.assets[::-1][:count]]
