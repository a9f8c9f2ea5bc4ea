"""Handwritten sets: Derive's published cases to the last digits, presets, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.epochs import epoch_directory
from risk.epochs.audit import check
from risk.epochs.build import build
from risk.epochs.provenance import Sources
from risk.exact.clock import YEAR
from risk.exact.expected_shortfall import expected_shortfall
from risk.exact.shape import EpochShape, TailSize
from risk.market.book import Book, Curve, Listing, Underlying
from risk.market.instruments import Instrument, Kind, Settlement
from risk.models.calibration import calibrate
from risk.models.model import Model, parse_model, parse_toml
from risk.models.model_text import render
from risk.models.scenario_set import SHOCK_UNIT, Row, parse_set, preset_text, presets
from risk.scenarios import sets
from risk.valuation.pricing import black_76
from risk.valuation.revaluation import unrounded

CASES = json.loads((Path(__file__).parent / "derive_cases.json").read_text())["cases"]
ASSETS = ("BTC", "ETH")
SCAN = """\
schema = "tailproof.model/2"
name = "scan"
estimator = "handwritten"
assets = ["BTC", "ETH"]
horizon = 0
set = "derive-pm2-2025-02"

[epoch]
scenarios = 31
tail = "1"
depth = 3
"""
OWN = SCAN.replace('set = "derive-pm2-2025-02"\n', "") + """
[set]
scenarios = [{spot = -0.2, volatility = 0.5}, {spot = {BTC = 0.1, ETH = 0.2}, damping = 0.5},
             {spot = 0.0, basis = 0.01}]

[set.tenor]
short_power = 0.3
"""


def scan(case: dict[str, Any]) -> Model:
    """Derive's set with what the case changes of it."""
    model = parse_model(SCAN.replace(', "ETH"', "").replace("= 31", f"= {len(case['losses'])}").encode())
    assert model.set is not None
    changed = dict(case["changed"])
    rows = [replace(row, volatility=round(changed["down"] * SHOCK_UNIT)) if row.volatility < 0 and "down" in changed
            else row for row in model.set.rows]
    if "tails" in changed:
        tails = [replace(rows[23], spot=(round(spot * SHOCK_UNIT),), damping=round(damping * SHOCK_UNIT))
                 for spot, damping in changed["tails"]]
        rows = [*rows[:23], *tails, *rows[-2:]]
    skew = {name: value for name, value in changed.items()
            if name in ("linear_cap", "absolute_cap", "width", "level", "level_slope")}
    tenor = {name: value for name, value in changed.items() if name == "least_volatility"}
    return replace(model, set=replace(model.set, rows=tuple(rows), skew=replace(model.set.skew, **skew),
                                      tenor=replace(model.set.tenor, **tenor)))


def changes(model: Model, case: dict[str, Any], options: list[dict[str, Any]]) -> np.ndarray:
    """What the case's perpetual and collateral (if there are no options) or options of one expiry gain: (S,), quote
    units."""
    valuation = 1_740_000_000
    terms = {"venue": "derive", "underlying": "BTC", "quote": "USD", "lot": Decimal(1), "settlement": Settlement.CASH}
    listed = [Listing(Instrument(symbol=f"O{i}", kind=Kind.CALL if option["call"] else Kind.PUT,
                                 expiry=valuation + option["seconds"], strike=round(option["strike"] * 1e6), **terms),
                      0, 0, None) for i, option in enumerate(options)]
    amounts = [option["amount"] for option in options]
    perpetual = case["perpetual"]
    if not options and perpetual:
        listed.append(Listing(Instrument(symbol="P", kind=Kind.PERPETUAL, **terms), 0, 0, None))
        amounts.append(perpetual["amount"])
    if not options and case["collateral"]:              # at a price of its own, in dollars; moves as the spot does
        collateral = case["collateral"]
        held = terms | {"settlement": Settlement.PHYSICAL}
        listed.append(Listing(Instrument(symbol="S", kind=Kind.SPOT, **held), 0, 0, None))
        amounts.append(collateral["amount"] * collateral["price"] / collateral["quote"] / case["spot"])
    # Money has six places, the cases' prices have more: what is tested here is the valuation, not the book.
    curves = {("BTC", valuation + o["seconds"]): Curve(o["forward"] * 1e6, {
        round(other["strike"] * 1e6): other["volatility"] for other in options}) for o in options}
    book = Book("derive", "USD", valuation, options[0]["rate"] if options else 0.0,
                (Underlying("BTC", case["spot"] * 1e6, perpetual and perpetual["price"] * 1e6),), curves, tuple(listed))
    each = unrounded(book, model, calibrate(model, None), sets.scenarios(model)) / 1e6
    return np.array(amounts) @ each


@pytest.mark.parametrize("name", CASES)
def test_losses_are_those_that_derive_publishes(name: str) -> None:
    """Every scenario of every case within 1e-9 of itself, before rounding (found: 2e-11). What Derive does beyond a set
    is done here: each expiry's value after the shock is discounted by a static rate, and a skew turns against the
    holder."""
    case = CASES[name]
    model = scan(case)
    assert model.set is not None
    damping = np.array([row.damping for row in model.set.rows]) / SHOCK_UNIT
    is_skew = np.array([row.linear != 0 or row.absolute != 0 for row in model.set.rows])
    factor = np.ones(len(damping))
    factor[-2:] = case["changed"].get("damping_of_linear", 1), case["changed"].get("damping_of_absolute", 1)
    total = changes(model, case, []) if case["perpetual"] or case["collateral"] else np.zeros(len(damping))
    expiries = [list(group) for _, group in groupby(case["options"], lambda option: option["seconds"])]
    for options, discounts, published in zip(expiries, case["discounts"], case["mark_to_market"], strict=True):
        years = options[0]["seconds"] / YEAR
        now = sum(o["amount"] * float(black_76(o["forward"], o["strike"], o["volatility"], years,
                                               np.exp(-o["rate"] * years), o["call"])) for o in options)
        assert now == pytest.approx(published, rel=1e-9)
        after = now + changes(model, case, options) / damping
        loss = (after * np.where(after >= 0, *discounts) - now) * damping * factor
        total += np.where(is_skew, -np.abs(loss), loss)
    expected = np.array(case["losses"])
    np.testing.assert_allclose(total, expected, rtol=1e-9, atol=1e-12)


def test_a_worst_case_margin_is_the_worst_row(crypto_sources: Sources) -> None:
    epoch = build(Sources(SCAN.encode(), crypto_sources.book, None, {}))
    assert epoch.provenance is not None
    row = epoch.row_of("BTC-SPOT")
    assert row is not None
    for lots in (3, -3):
        losses = -lots * epoch.changes[row]
        assert expected_shortfall(losses, epoch.shape.tail).ceiling == losses.max()
    # Long: 18 % of spot; 0.66 damped by 0.036/0.66 is only 3.6 % of it.
    assert -epoch.changes[row].min() == round(0.18 * 29001.72 * 0.01 * 1e6)
    assert epoch.provenance.scenarios.kinds == ("handwritten",) * 31


def test_rows_repeat_and_say_which_they_are(crypto_sources: Sources) -> None:
    few, many = (build(Sources(SCAN.replace("= 31", f"= {count}").encode(), crypto_sources.book, None, {}))
                 for count in (31, 64))
    assert (many.changes[:, :31] == few.changes).all()
    assert (many.changes[:, 31:62] == few.changes).all()
    assert many.provenance is not None
    shocks = many.provenance.scenarios.shocks
    assert shocks is not None
    assert shocks.column("origin").tolist() == [s % 31 for s in range(64)]


@pytest.mark.parametrize("name", presets())
def test_presets_are_whole_and_keep_their_meaning(name: str) -> None:
    """Names are for good: a digest of what each means."""
    chosen = parse_set(Node(name, field="set"), ASSETS)
    assert chosen.name == name
    assert chosen.source
    rows, worst_linear = PINNED[name]
    assert len(chosen.rows) == rows
    assert max(abs(row.spot[0]) * row.damping for row in chosen.rows) / SHOCK_UNIT**2 == pytest.approx(worst_linear)
    assert len(set(chosen.rows)) == rows
    model = parse_model(SCAN.replace("derive-pm2-2025-02", name).replace("= 31", f"= {rows}").encode())
    assert len(sets.scenarios(model).returns) == rows


PINNED = {"derive-pm2-2025-02": (31, 0.18), "derive-pm2-2026-11": (33, 0.18), "deribit-btc-2026": (35, 0.16),
          "paradex-btc-2026-04": (24, 0.16), "okx-btc-2025-01": (9, 0.24), "2020-03-12": (3, 0.507),
          "2021-05-19": (3, 0.285), "2022-11-09": (3, 0.239)}


def test_a_preset_can_be_written_out_as_a_set_of_ones_own(crypto_sources: Sources) -> None:
    table = parse_toml(preset_text("derive-pm2-2025-02").encode())
    own = render({**parse_toml(SCAN.encode()), "set": table})
    first, second = (build(Sources(text.encode(), crypto_sources.book, None, {})) for text in (SCAN, own))
    assert (first.changes == second.changes).all()


def test_each_shock_does_what_it_says(crypto_sources: Sources) -> None:
    epoch = build(Sources(OWN.replace("= 31", "= 3").encode(), crypto_sources.book, None, {}))
    by_symbol = {i.symbol: epoch.changes[row] for row, i in enumerate(epoch.instruments, 1)}
    btc, eth, perpetual = (by_symbol[name] for name in ("BTC-SPOT", "ETH-SPOT", "BTC-PERP"))
    assert btc.tolist() == [round(29001.72e4 * x) for x in (-0.2, 0.05, 0)]
    assert eth[1] / eth[0] == pytest.approx(-0.5)
    assert btc[2] == 0                                                  # a basis is over the spot
    assert perpetual[2] > 0
    assert perpetual[2] / perpetual[0] == pytest.approx(-0.05, rel=1e-6)


def test_volatility_never_falls_below_none_at_all(crypto_sources: Sources) -> None:
    rows = "scenarios = [{spot = 0.0, volatility = -1.0}, {spot = 0.0, volatility = -3.0}, {spot = 0.0}]"
    epoch = build(Sources((OWN[:OWN.index("[set]")].replace("= 31", "= 3") + "[set]\n" + rows).encode(),
                          crypto_sources.book, None, {}), accepted={"G10": "spots stand still"})
    straddle = sum(epoch.changes[epoch.row_of(f"BTC-29JAN21-29000-{kind}")] for kind in "CP")
    assert straddle[0] == straddle[1] < 0 == straddle[2]


def test_a_basis_moves_futures_and_what_is_priced_on_them(crypto_sources: Sources) -> None:
    epoch = build(Sources(OWN.replace("= 31", "= 3").encode(), crypto_sources.book, None, {}))
    by_symbol = {i.symbol: epoch.changes[row] for row, i in enumerate(epoch.instruments, 1)}
    assert by_symbol["BTC-29JAN21"][2] == pytest.approx(0.01 * 29271.87 * 0.01 * 1e6, abs=1)
    call, put = (by_symbol[f"BTC-29JAN21-29000-{kind}"][2] for kind in "CP")
    assert put < 0 < call
    assert call - put == pytest.approx(0.01 * 29271.87 * 0.1 * 1e6, rel=1e-3)           # parity, but for the discount


def test_the_directory_holds_shocks_and_the_audit_looks_at_them(crypto_sources: Sources, tmp_path: Path) -> None:
    epoch = build(Sources(SCAN.encode(), crypto_sources.book, None, {}))
    epoch_directory.save(epoch, tmp_path / "epoch")
    read = epoch_directory.load(tmp_path / "epoch")
    assert read.provenance is not None
    assert read.provenance.scenarios.kinds == ("handwritten",) * 31
    assert check(tmp_path / "epoch").passed
    table = np.load(tmp_path / "epoch" / "shocks.npy")
    table[3, 2] += 1
    np.save(tmp_path / "epoch" / "shocks.npy", table)
    assert [d.field for d in check(tmp_path / "epoch").differences] == ["shocks[3, 2]"]
    table[3, 0] = 0                                                    # said to be the model's
    np.save(tmp_path / "epoch" / "shocks.npy", table)
    with pytest.raises(BadInput, match="kinds is"):
        epoch_directory.load(tmp_path / "epoch")
    table[3, 0] = 17
    np.save(tmp_path / "epoch" / "shocks.npy", table)
    with pytest.raises(BadInput, match=r"shocks is .* must be kinds in \[0, 6\]"):
        epoch_directory.load(tmp_path / "epoch")


@pytest.mark.parametrize(("text", "old", "new", "message"), [
    (SCAN, '"derive-pm2-2025-02"', '"derive"', r"set is 'derive': must be one of .*derive-pm2-2026-11"),
    (SCAN, 'set = "derive-pm2-2025-02"\n', "", "set is missing: must be given"),
    (SCAN, "handwritten", "filtered-historical", "set is .* must be absent: filtered-historical draws"),
    (SCAN, "horizon = 0", "horizon = 0\nseed = 1\npurpose = 'trial'", "seed is 1: must be absent"),
    (SCAN, "[epoch]", "[stress]\nsets = ['black-swan']\nweight = 0.1\n[epoch]", "stress is .*absent"),
    (SCAN, "horizon = 0", "horizon = -1", "horizon is -1"),
    (OWN, "spot = -0.2", "spot = -1.0", r"set\.scenarios\[0\]\.spot is -1\.0: must be above -1"),
    (OWN, "spot = -0.2", "spot = nan", r"set\.scenarios\[0\]\.spot is nan"),
    (OWN, "spot = -0.2, ", "", r"set\.scenarios\[0\]\.spot is missing: must be given"),
    (OWN, "ETH = 0.2", "SOL = 0.2", r"set\.scenarios\[1\]\.spot\.(ETH|SOL)"),
    (OWN, "damping = 0.5", "damping = 0.0", "damping is 0.0: must be above 0"),
    (OWN, "damping = 0.5", "damping = 1.5", "damping is 1.5"),
    (OWN, "basis = 0.01", "basis = -1", "basis is -1: must be above -1"),
    (OWN, "basis = 0.01", "linear = 1.0", r"linear is 1\.0: must be absent: the set has no \[skew\]"),
    (OWN, "basis = 0.01", "carry = 1.0", r"set\.scenarios\[2\]\.carry"),
    (OWN, "short_power", "power", r"set\.tenor\.power"),
])
def test_what_is_wrong_is_named(text: str, old: str, new: str, message: str) -> None:
    assert old in text
    with pytest.raises(BadInput, match=message):
        parse_model(text.replace(old, new, 1).encode(), source="model.toml")


@pytest.mark.parametrize(("shape", "message"), [
    (EpochShape(30, TailSize(1, 1), 3), r"epoch\.scenarios is 30: must be at least 31"),
    (EpochShape(32, TailSize(2, 1), 3), r'epoch\.tail is .2/1.: must be "1"'),
])
def test_a_set_that_does_not_fit_the_shape_is_refused(shape: EpochShape, message: str, crypto_sources: Sources) -> None:
    model = replace(parse_model(SCAN.encode()), shape=shape)
    with pytest.raises(BadInput, match=message):
        sets.scenarios(model)


def test_masses_are_refused(crypto_sources: Sources, edited: Callable[[bytes, str, str], bytes]) -> None:
    text = edited(SCAN.encode(), 'tail = "1"', 'tail = "1"\nmasses = "16x1 15x2"')
    with pytest.raises(BadInput, match="masses"):
        build(Sources(text, crypto_sources.book, None, {}))


def test_a_row_is_integers() -> None:
    assert parse_set(Node({"scenarios": [{"spot": -0.045}]}), ("BTC",)).rows == (Row((-45 * 10**9,)),)
