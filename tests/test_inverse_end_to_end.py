"""A book of inverse contracts, from its file to verified proofs: margin on changes, cover on levels, a fill in coins.

The fixture's market in tiny presets, as a trial.
"""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from circuits import statements
from circuits.statements import cover, margin, transition
from circuits.statements.cover import Claim
from primitives.errors import BadInput
from primitives.field import decode
from prover import prove, verify
from prover.groth16.setup import setup
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape
from risk.margins.fills import trade
from risk.margins.levels import value_today
from risk.margins.margin import margin as required_margin
from risk.market.instruments import CASH_UNITS

FIXTURES = Path(__file__).parent.parent / "fixtures" / "inverse"
SYMBOLS = ("BTC-SPOT", "BTC-PERP", "BTC-29JAN21-29000-C")
CONTEXT = 77
SPOT, MARK = 29_001_720_000, 29_024_500_000


@cache
def epoch_of(preset: str, basis: str) -> Epoch:
    read = Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json")
    book = json.loads(read.book)
    book["instruments"] = [each for each in book["instruments"] if each["symbol"] in SYMBOLS]
    assert {each["settlement"] for each in book["instruments"]} == {"physical", "coin"}
    shape = statements.get(preset).shape
    assert isinstance(shape, EpochShape)
    text = read.model.decode()
    begin = text.index("[epoch]")
    section = f'[epoch]\nscenarios = {shape.scenarios}\ntail = "{shape.tail}"\ndepth = {shape.depth}'
    head = f'purpose = "trial"\nseed = 1\nbasis = "{basis}"\n'
    model = head + text[:begin] + section + text[text.index("\n\n", begin):]
    return build(replace(read, book=json.dumps(book).encode(), model=model.encode()))


@cache
def key_of(name: str) -> Any:
    return setup(statements.get(name).build().r1cs())


def proven(name: str, inputs: Any) -> list[int]:
    """Prove it, have it verified, and say what the public inputs were."""
    key, statement = key_of(name), statements.get(name)
    witness = statement.build().witness(inputs)
    public = decode(witness[1:1 + len(statement.public_inputs)])
    proof = prove(key, witness)
    assert verify(key.verification_key, public, proof)
    assert not verify(key.verification_key, [*public[:-1], public[-1] + 1], proof)
    return public


def slots_of(epoch: Epoch, lots: dict[str, int]) -> list[tuple[int, int]]:
    slots = [(int(epoch.ids[epoch.row_of(symbol) or 0]), held) for symbol, held in lots.items()]
    return slots + [(0, 0)] * (3 - len(slots))


def rows_of(epoch: Epoch, slots: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(epoch.index_of(id) if id else 0, lots) for id, lots in slots]


def test_the_margin_of_a_book_in_coins_is_proven() -> None:
    epoch = epoch_of("margin-tiny", "change")
    slots = slots_of(epoch, {"BTC-SPOT": 100, "BTC-PERP": -2902, "BTC-29JAN21-29000-C": -1})
    found = required_margin(epoch, rows_of(epoch, slots))
    inputs = margin.committed_margin_inputs(statements.get("margin-tiny").preset, epoch, rows_of(epoch, slots), 5)
    assert inputs.margin == found.required > found.addons
    assert proven("margin-tiny", {**inputs.inputs, "context": CONTEXT, "margin": found.required}) == [
        CONTEXT, epoch.root, margin.commit(5, slots), found.required]


def test_a_fill_in_coins_moves_its_cash_and_cover_is_proven_on_levels() -> None:
    epoch = epoch_of("cover-tiny", "level")
    perpetual, cash = epoch.instruments[(epoch.row_of("BTC-PERP") or 0) - 1], epoch.cash_id
    before, salts = [(cash, 40_000_000), (0, 0), (0, 0)], (11, 12)
    deal = trade(perpetual, 3000, MARK, SPOT)
    preset = statements.get("transition-tiny").preset
    fills = transition.fill("fills", preset.fills, deal.buyer)
    public = proven("transition-tiny", transition.assign(preset, before, salts[0], deal.buyer, 5, salts[1], CONTEXT))
    after = transition.apply(before, fills).slots
    assert public == [CONTEXT, margin.commit(salts[0], before), margin.commit(salts[1], after),
                      transition.digest(5, fills)]
    worth = [value_today(epoch, rows_of(epoch, slots)) for slots in (before, after)]
    assert 0 <= worth[0] - worth[1] <= CASH_UNITS + 3000, "bought at the mark: nothing is lost but rounding"
    needed = required_margin(epoch, rows_of(epoch, after)).required
    sizes = statements.get("cover-tiny").preset
    for value, true in ((needed + 1, True), (needed - 1, False)):
        claim = Claim(value, 0, true)
        inputs = cover.assign(sizes, epoch, rows_of(epoch, after), salts[1], claim, CONTEXT)
        assert proven("cover-tiny", inputs) == [CONTEXT, epoch.root, margin.commit(salts[1], after), claim.packed()]


def test_an_american_option_in_the_book_makes_no_epoch() -> None:
    read = Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json")
    book = json.loads(read.book)
    next(each for each in book["instruments"] if each["kind"] == "call")["exercise"] = "american"
    with pytest.raises(BadInput, match='must be "european": Black-76 says nothing of exercise before expiry'):
        build(replace(read, book=json.dumps(book).encode()))
