"""Trading with cash inside the commitment: a signed fill moves lots and cash, cover is proven before and after.

Tiny presets, sources instead of bare numbers, Groth16 keys and proofs. What the circuits say is beside what the
reference says, on a grid and in full revaluation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from circuits import statements
from circuits.soundness.forgery import forge
from circuits.statements import cover, flat, grid, leaf_field, margin, transition
from circuits.statements.cover import Claim
from primitives.errors import BadInput
from primitives.field import decode
from primitives.poseidon import Tag
from prover import VerificationKey, prove, verify
from prover.groth16.setup import setup
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import GridEpoch
from risk.margins.fills import trade
from risk.margins.grid_margin import grid_margin
from risk.margins.levels import value_today
from risk.margins.margin import margin as full_margin
from risk.market.instruments import CASH_UNITS

FIXTURES = Path(__file__).parent.parent / "fixtures" / "levels"
PRESETS = ("cover-tiny", "cover-grid-tiny")
SYMBOLS = ("BTC-SPOT", "BTC-PERP", "ETH-PERP")
DEPOSIT = 30_000_000                                  # lots of cash: 30,000 USD
LOTS, PRICE = 80, 29_001_720_625                      # 0.8 BTC of spot, at a price that is no whole number of lots
LEVER = 20_000                                        # 200 BTC more, on credit
BUFFER, CONTEXT = 500, 77


@cache
def epoch_of(preset: str) -> Epoch | GridEpoch:
    """The fixture's market for tiny shapes: three instruments and cash, as a trial."""
    read = Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json")
    book = json.loads(read.book)
    book["instruments"] = [each for each in book["instruments"] if each["symbol"] in SYMBOLS]
    sources = replace(read, book=json.dumps(book).encode(), model=b'purpose = "trial"\nseed = 1\n' + read.model)
    shape = statements.get(preset).shape
    if not isinstance(shape, EpochShape):
        return build_grid(sources, shape, regime=1)
    text = read.model.decode()
    begin = text.index("[epoch]")
    section = f'[epoch]\nscenarios = {shape.scenarios}\ntail = "{shape.tail}"\ndepth = {shape.depth}'
    model = 'purpose = "trial"\nseed = 1\n' + text[:begin] + section + text[text.index("\n\n", begin):]
    return build(replace(sources, model=model.encode()))


def required(epoch: Any, slots: list[tuple[int, int]]) -> int:
    """By the code that margins are published with."""
    return (grid_margin if isinstance(epoch, GridEpoch) else full_margin)(epoch, rows_of(epoch, slots)).required


def rows_of(epoch: Any, slots: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(epoch.index_of(id) if id else 0, lots) for id, lots in slots]


@dataclass(frozen=True)
class Account:
    """A commitment's opening."""

    slots: list[tuple[int, int]]
    salt: int

    @property
    def commitment(self) -> int:
        return margin.commit(self.salt, self.slots)


@cache
def key_of(name: str) -> Any:
    return setup(statements.get(name).build().r1cs())


def proven(name: str, inputs: Any) -> list[int]:
    """Prove it, have it verified, and say what the public inputs were."""
    key, statement = key_of(name), statements.get(name)
    witness = statement.build().witness(inputs)
    public = decode(witness[1:1 + len(statement.public_inputs)])
    checked: VerificationKey = key.verification_key
    proof = prove(key, witness)
    assert verify(checked, public, proof)
    for place in range(len(public)):
        assert not verify(checked, [value + (i == place) for i, value in enumerate(public)], proof)
    return public


def traded(account: Account, legs: Any, salt: int) -> Account:
    """The account after a list of fills that the venue signed, by proof."""
    preset = statements.get("transition-tiny").preset
    inputs = transition.assign(preset, account.slots, account.salt, legs, 5, salt, CONTEXT)
    public = proven("transition-tiny", inputs)
    fills = transition.fill("fills", preset.fills, legs)
    after = Account(transition.apply(account.slots, fills).slots, salt)
    assert public == [CONTEXT, account.commitment, after.commitment, transition.digest(5, fills)]
    return after


def show_cover(name: str, epoch: Any, account: Account, value: int) -> bool:
    """Prove the one side that is true of a collateral value, and find the other refused."""
    preset, positions = statements.get(name).preset, rows_of(epoch, account.slots)
    true = 10**4 * value >= required(epoch, account.slots) * (10**4 + BUFFER)
    claim = Claim(value, BUFFER, true)
    inputs = cover.assign(preset, epoch, positions, account.salt, claim, CONTEXT)
    assert proven(name, inputs) == [CONTEXT, epoch.root, account.commitment, claim.packed()]
    cs = statements.get(name).build()
    other = cover.unchecked_inputs(preset, epoch, positions, account.salt, Claim(value, BUFFER, not true), CONTEXT)
    assert cs.violations(forge(cs, other))
    return true


@pytest.mark.parametrize("name", PRESETS)
def test_a_fill_moves_lots_and_cash_and_cover_follows(name: str) -> None:
    epoch: Any = epoch_of(name)
    spot, cash = epoch.instruments[epoch.row_of("BTC-SPOT") - 1], epoch.cash_id
    before = Account([(cash, DEPOSIT), (0, 0), (0, 0)], 11)
    assert required(epoch, before.slots) == 0, "who holds cash alone lacks nothing"
    assert show_cover(name, epoch, before, 0)

    deal = trade(spot, LOTS, PRICE)
    after = traded(before, deal.buyer, 12)
    paid = -dict(deal.buyer)[cash]
    assert sorted(after.slots) == sorted([(cash, DEPOSIT - paid), (spot.id, LOTS), (0, 0)])
    exact = LOTS * PRICE // 100                                   # a lot is 0.01 BTC; money units
    assert 0 < paid * CASH_UNITS - exact < CASH_UNITS, "rounded up, against the holder"

    # Nothing was gained or lost but the rounding and the price's distance from the mark; the risk is new.
    worth = [value_today(epoch, rows_of(epoch, account.slots)) for account in (before, after)]
    assert worth[0] - worth[1] == paid * CASH_UNITS - LOTS * epoch.mark(spot.id).long
    module = grid if isinstance(epoch, GridEpoch) else margin
    sizes = statements.get(name).preset.margin
    proof_of = module.committed_margin_inputs(sizes, epoch, rows_of(epoch, after.slots), 12)
    needed = required(epoch, after.slots)
    assert proof_of.margin == needed
    assert show_cover(name, epoch, after, -(-needed * (10**4 + BUFFER) // 10**4))

    # On borrowed cash the account lacks something: shortfall is provable, and one unit more covers it.
    lever = trade(spot, LEVER, PRICE)
    deep = traded(after, lever.buyer, 13)
    needed = required(epoch, deep.slots)
    least = -(-needed * (10**4 + BUFFER) // 10**4)
    assert needed > 10**9
    assert not show_cover(name, epoch, deep, least - 1)
    assert show_cover(name, epoch, deep, least)

    # Sold at the same price, all that is missing is the dust: cash below 0 by two roundings of each deal at most.
    back = trade(spot, LOTS + LEVER, PRICE)
    closed = traded(deep, back.seller, 14)
    (held,) = [slot for slot in closed.slots if slot[1]]
    assert held[0] == cash
    assert DEPOSIT - 3 <= held[1] < DEPOSIT
    assert required(epoch, closed.slots) == 0


def test_flat_wants_no_cash_either() -> None:
    epoch = epoch_of("cover-tiny")
    preset = statements.get("flat-tiny").preset
    for lots in (1, -1, DEPOSIT):
        with pytest.raises(BadInput, match=r"slots\[0\] lots"):
            flat.assign(preset, [(epoch.cash_id, lots)], 11, CONTEXT)
        cs = statements.get("flat-tiny").build()
        assert cs.violations(forge(cs, flat.unchecked_inputs([(epoch.cash_id, lots), (0, 0), (0, 0)], 11, CONTEXT)))
    paid_out = traded(Account([(epoch.cash_id, DEPOSIT), (0, 0), (0, 0)], 11), [(epoch.cash_id, -DEPOSIT)], 12)
    public = proven("flat-tiny", flat.assign(preset, paid_out.slots, 12, CONTEXT))
    assert public == [CONTEXT, paid_out.commitment]


@pytest.mark.parametrize("name", PRESETS)
def test_a_split_account_could_prove_neither_side_and_no_fill_splits_one(name: str) -> None:
    """R4: one fill of a lot as 1 + 2**39 and -2**39 over two slots is net right, and bricks the account: C7 refuses
    both sides of every claim. T6 refuses the split itself."""
    epoch: Any = epoch_of(name)
    spot = epoch.instruments[epoch.row_of("BTC-SPOT") - 1].id
    split = [(spot, 5 + 2**39), (spot, 1 - 2**39), (0, 0)]
    preset, cs = statements.get(name).preset, statements.get(name).build()
    for value in (0, 2**96 - 1):
        for covered in (True, False):
            inputs = cover.unchecked_inputs(preset, epoch, rows_of(epoch, split), 11, Claim(value, 0, covered), CONTEXT)
            broken = {violation.split("[")[0] for violation in cs.violations(forge(cs, inputs), 10**6)}
            assert any("C7" in label for label in broken), broken
    fills = [(spot, 1), (0, 0)]
    honest = transition.apply([(spot, 5), (0, 0), (0, 0)], fills)
    assert honest.slots == [(spot, 6), (0, 0), (0, 0)]
    flow = honest.flow.copy()
    forged = transition.Applied(split, flow)
    inputs = transition.unchecked_inputs([(spot, 5), (0, 0), (0, 0)], 11, fills, 5, forged, 12, CONTEXT)
    moved = statements.get("transition-tiny").build()
    labels = {violation.split("[")[0] for violation in moved.violations(forge(moved, inputs), 10**6)}
    assert "slots/T6/apart" in labels


def test_lots_do_not_move_without_their_cash() -> None:
    """Both legs are one signed list: leaving one out is another digest."""
    epoch: Any = epoch_of("cover-tiny")
    spot, cash = epoch.instruments[epoch.row_of("BTC-SPOT") - 1], epoch.cash_id
    slots, legs = [(cash, DEPOSIT), (0, 0), (0, 0)], list(trade(spot, LOTS, PRICE).buyer)
    preset = statements.get("transition-tiny").preset
    signed = transition.digest(5, transition.fill("fills", preset.fills, legs))
    cs = statements.get("transition-tiny").build()
    for some in ([legs[0]], [legs[1]], [legs[0], (cash, legs[1][1] + 1)], [legs[1], legs[0]]):
        inputs = transition.assign(preset, slots, 11, some, 5, 12, CONTEXT)
        assert set(cs.violations(forge(cs, {**inputs, "fill_digest": signed}), 99)) == {
            "fills/T1"}


@pytest.mark.parametrize("name", ["leaf-field-marks-tiny", "leaf-field-marks-grid-tiny"])
def test_every_mark_can_be_shown_and_is_no_instrument(name: str) -> None:
    statement = statements.get(name)
    epoch = epoch_of("cover-grid-tiny" if "grid" in name else "cover-tiny")
    arrays = epoch.arrays if isinstance(epoch, GridEpoch) else epoch
    published = leaf_field.Published.of(statement.preset, epoch)
    assert published.root == epoch.root
    cs = statement.build()
    for leaf, mark in enumerate(arrays.marks):
        for element, value in enumerate(mark):
            inputs = leaf_field.assign(published, leaf, element, 6)
            place = leaf_field.place_of(Tag.MARK, element)
            assert decode(cs.witness(inputs)[1:6]) == [6, epoch.root, mark.id, place, value]
            for public, wrong in (("place", leaf_field.place_of(Tag.LEAF, element)), ("x", value + 1),
                                  ("place", leaf_field.place_of(Tag.MARK, len(mark)))):
                assert cs.violations(forge(cs, {**inputs, public: wrong}))
    # The circuit for instruments does not open a mark, nor that for marks an instrument: tags differ.
    other = leaf_field.Published(statement.preset, [[int(x) for x in arrays.leaves()[1][:5]]], published.regime,
                                 published.other_root, arrays.tree.levels[0], 1)
    inputs = leaf_field.unchecked_inputs(other, 0, 1, 6)
    inputs["epoch/top"] = arrays.tree.levels[statement.preset.depth - 1]
    inputs["epoch/children 0"] = arrays.tree.children(1, 0)[None]
    labels = {violation.split("[")[0] for violation in cs.violations(forge(cs, {
        **inputs, "epoch_root": epoch.root}))}
    assert labels == {"epoch/L2 path"}


def test_an_epoch_of_changes_has_no_marks_to_show() -> None:
    shape = statements.get("leaf-field-marks-tiny").shape
    bare = Epoch.of(shape, (1, 2), np.zeros((2, shape.scenarios), np.int64))
    with pytest.raises(BadInput, match="number of marks"):
        leaf_field.Published.of(statements.get("leaf-field-marks-tiny").preset, bare)
