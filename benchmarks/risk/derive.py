"""Scenario losses of Derive's portfolio manager, from its own published test cases.

Twelve of the 139 cases of derivexyz/v2-core (`tests/risk/derive_cases.json`), 31 scenarios each, in numbers alone. What
Derive does beyond a set is done here: each expiry's value after the shock is discounted by a static rate, and a skew
turns against the holder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from risk.exact.clock import YEAR
from risk.market.book import Book, Curve, Listing, Underlying
from risk.market.instruments import Instrument, Kind, Settlement
from risk.models.calibration import calibrate
from risk.models.model import Model, parse_model
from risk.models.scenario_set import SHOCK_UNIT
from risk.scenarios import sets
from risk.valuation.pricing import black_76
from risk.valuation.revaluation import unrounded

CASES: Mapping[str, dict[str, Any]] = json.loads((ROOT / "tests" / "risk" / "derive_cases.json").read_text())["cases"]
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
GOAL = 1e-9
_LEAST = 1e-3
"""Dollars; what is nearer to 0 is held to a part of it: some cases have losses of 0."""


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


def losses(case: dict[str, Any]) -> tuple[np.ndarray, float]:
    """Of every scenario, unrounded; and how far today's value of the options is from the published, relative."""
    model = scan(case)
    assert model.set is not None
    damping = np.array([row.damping for row in model.set.rows]) / SHOCK_UNIT
    is_skew = np.array([row.linear != 0 or row.absolute != 0 for row in model.set.rows])
    factor = np.ones(len(damping))
    factor[-2:] = case["changed"].get("damping_of_linear", 1), case["changed"].get("damping_of_absolute", 1)
    total = changes(model, case, []) if case["perpetual"] or case["collateral"] else np.zeros(len(damping))
    today = 0.0
    expiries = [list(group) for _, group in groupby(case["options"], lambda option: option["seconds"])]
    for options, discounts, published in zip(expiries, case["discounts"], case["mark_to_market"], strict=True):
        years = options[0]["seconds"] / YEAR
        now = sum(o["amount"] * float(black_76(o["forward"], o["strike"], o["volatility"], years,
                                               np.exp(-o["rate"] * years), o["call"])) for o in options)
        today = max(today, abs(now / published - 1))
        after = now + changes(model, case, options) / damping
        loss = (after * np.where(after >= 0, *discounts) - now) * damping * factor
        total = total + np.where(is_skew, -np.abs(loss), loss)
    return total, today


def error(case: dict[str, Any]) -> float:
    """The largest over scenarios and today's values, relative to what is published."""
    found, today = losses(case)
    published = np.array(case["losses"])
    apart = np.abs(found - published)
    return max(today, float((apart / np.maximum(np.abs(published), _LEAST)).max()))


def figures(report: Report) -> Iterator[Figure]:
    """The worst of all cases."""
    report("Derive's cases")
    found = {name: error(case) for name, case in CASES.items()}
    count = sum(len(case["losses"]) for case in CASES.values())
    yield Figure(f"{len(CASES)} of Derive's 139 cases, {count} scenario losses: largest relative error",
                 max(found.values()), "", most=GOAL, details=found)
