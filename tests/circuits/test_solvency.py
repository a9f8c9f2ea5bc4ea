"""Solvency against its specification: sizes, the inequality of the integer reference, named attacks."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from attacking import assert_refused_by_the_named_alone
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import statements
from circuits.builder import ConstraintSystem
from circuits.clauses.collateral import AMOUNT_BITS, Holding, surplus_of
from circuits.gadgets.poseidon import hash_cost
from circuits.soundness import grid as gridded
from circuits.soundness import solvency as cheats
from circuits.soundness.audit import examine, forgotten
from circuits.soundness.forgery import Attack, forge, missed
from circuits.soundness.uniqueness import given_wires, unpinned
from circuits.statements import grid, solvency
from circuits.statements.solvency import Collateral, Preset
from primitives.errors import BadInput, Unsatisfied
from primitives.field import MODULUS
from risk.epochs.provenance import Sources
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import MOST_ASSETS, Factors, GridEpoch
from risk.grid.grid_shape import GRID_1000, GRID_TINY
from risk.margins.grid_margin import grid_margin
from risk.margins.portfolio import Portfolio

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
TINY: Preset = statements.get("solvency-tiny").preset
FULL: Preset = statements.get("solvency-grid-1000x32").preset
COLLATERAL = b"""{"schema": "tailproof.collateral/1", "assets": [
    {"symbol": "WBTC", "token": "eip155:1/erc20:0x2260fac5", "decimals": 8, "underlying": "BTC", "protocol": "0.02",
     "liquidation": "0.005"},
    {"symbol": "USDC", "token": "eip155:1/erc20:0xa0b86991", "decimals": 6, "price": "1", "fall": "0.01",
     "rise": "0.01", "protocol": "0.01", "liquidation": "0.001"}]}"""


@cache
def compiled(preset: Preset) -> ConstraintSystem:
    cs = ConstraintSystem()
    solvency.define(cs, preset)
    return cs.finish()


def formula(p: Preset) -> int:
    """Rows beyond those of the margin: docs/statements.md."""
    n = p.assets
    surplus = (10**4 * n * (2**AMOUNT_BITS - 1) * (2**80 - 1)).bit_length()
    return (hash_cost(2 + 2 * n) + 1 + n * (hash_cost(3) + 419) + 405
            + 2 * AMOUNT_BITS * n + 17 + 2 * n + 1 + surplus + 1 - 1)


@pytest.mark.parametrize(("preset", "rows"), [
    (TINY, None), (FULL, 129_464), (replace(FULL, assets=4), 125_562),
    (replace(FULL, margin=replace(FULL.margin, shape=replace(GRID_1000, depth=3))), 116_280)],
    ids=["tiny", "8 assets", "4 assets", "512 instruments"])
def test_row_counts(preset: Preset, rows: int | None) -> None:
    """Eight assets, each with a leaf and a path of its own, fit 2^17: their tree is small, their leaves are short."""
    margin = ConstraintSystem()
    grid.define(margin, preset.margin)
    assert compiled(preset).rows == margin.finish().rows + formula(preset)
    assert compiled(preset).rows == (rows or compiled(preset).rows)


def test_the_full_size_statement_fits_its_domain() -> None:
    statement = statements.get("solvency-grid-1000x32")
    assert (statement.rows, statement.domain, statement.slots) == (129_464, 17, 32)
    assert statement.rows + len(statement.public_inputs) + 1 <= 2**17
    assert statement.public_inputs == ("context", "epoch_root", "portfolio_commitment", "collateral_commitment",
                                       "holder", "buffer")


# -- the inequality against the integer reference --------------------------------------------------------------------
ASSETS = (Factors(11, 2**64, 2**65), Factors(12, 0, 1), Factors(13, 2**79, 2**80 - 1), Factors(14, 7, 7))


def epoch_of(seed: int = 1, regime: int = 0) -> GridEpoch:
    rng = np.random.default_rng(seed)
    changes = rng.integers(-10**6, 10**6 + 1, (3, GRID_TINY.nodes))
    return GridEpoch.of(GRID_TINY, (1, 2, 3), changes, long=rng.integers(0, 1000, 3), short=rng.integers(0, 1000, 3),
                        underlying=rng.integers(0, 2, 3), regime=regime, assets=ASSETS)


def accepted(epoch: GridEpoch, lots: list[int], holdings: list[Holding], buffer: int) -> bool:
    """Whether the circuit takes what the owner truly has."""
    kept = Collateral(3, 4, holdings)
    slots = [(i + 1, q) for i, q in enumerate(lots)]
    inputs = solvency.unchecked_inputs(TINY, epoch, [*slots, *[(0, 0)] * (3 - len(slots))], 5, kept, buffer, 6)
    return not compiled(TINY).violations(forge(compiled(TINY), inputs))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6), buffer=st.sampled_from([0, 1, 500, 2**16 - 1]),
       lots=st.lists(st.integers(-2**20, 2**20), max_size=3), edge=st.integers(-1, 1))
def test_exactly_the_solvent_are_accepted(data, seed: int, buffer: int, lots: list[int], edge: int) -> None:
    """One base unit above, at, or below what just suffices, with debts and assets in any order."""
    epoch = epoch_of(seed, seed % 2)
    needed = grid_margin(epoch, [(i + 1, q) for i, q in enumerate(lots)]).required
    debt = data.draw(st.builds(Holding, st.sampled_from([12, 13, 14]), st.just(0), st.integers(0, 2**40)))
    factor = {f.id: f.debt for f in ASSETS}[debt.asset]
    total = needed * (10**4 + buffer) * 2**64 + 10**4 * debt.debt * factor
    enough = -(-total // (10**4 * 2**64))              # of asset 11, whose factor is one money unit
    balance = max(0, enough + edge)
    holdings = data.draw(st.permutations([Holding(11, balance, 0), debt]))
    assert accepted(epoch, lots, holdings, buffer) == (balance >= enough)
    assert (surplus_of(epoch, holdings, needed, buffer) >= 0) == (balance >= enough)


@pytest.mark.parametrize("holdings", [
    [], [Holding(11, 2**96 - 1, 0)], [Holding(13, 2**96 - 1, 0), Holding(13, 2**96 - 1, 0)],
    [Holding(13, 2**96 - 1, 2**95 - 1)], [Holding(12, 2**96 - 1, 0)]])
def test_extremes_of_amounts_and_factors(holdings: list[Holding]) -> None:
    epoch = epoch_of()
    margin = grid_margin(epoch, [(1, 0)]).required
    assert margin == 0
    assert accepted(epoch, [0], holdings, 2**16 - 1) == (surplus_of(epoch, holdings, 0, 2**16 - 1) >= 0)


@pytest.mark.parametrize("portfolio", ["short_straddle", "cross_asset_hedge"])
def test_fixture_portfolios_at_full_size(portfolio: str) -> None:
    """From market data on: collateral of the margin and 5 %, to the next coin, suffices; one coin less does not."""
    epoch = build_grid(Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json"), GRID_1000, regime=3,
                       collateral=COLLATERAL)
    wbtc, usdc = (factors.id for factors in epoch.assets)
    positions = Portfolio.read(FIXTURES / "portfolios" / f"{portfolio}.json").rows(epoch)
    margin = grid_margin(epoch, positions).required
    coins = (margin * 105 // 100 + 10**6 * 29_000) * 2**64 // epoch.assets[1].value
    kept = Collateral(3, 4, [Holding(usdc, coins, 0), Holding(wbtc, 10**7, 10**7)])
    surplus = surplus_of(epoch, kept.holdings, margin, 500)
    step = 10**4 * epoch.assets[1].value
    kept = replace(kept, holdings=[Holding(usdc, coins - surplus // step, 0), kept.holdings[1]])
    inputs = solvency.assign(FULL, epoch, positions, 5, kept, 500, 6)
    cs = compiled(FULL)
    witness = cs.witness(inputs)
    assert cs.violations(witness) == []
    loose = unpinned(cs.r1cs(), witness, given_wires(cs, frozenset({"context", "holder", "buffer"})))
    assert len(loose) == 0
    less = replace(kept, holdings=[Holding(usdc, kept.holdings[0].balance - 1, 0), kept.holdings[1]])
    with pytest.raises(BadInput, match="collateral beyond margin and buffer"):
        solvency.assign(FULL, epoch, positions, 5, less, 500, 6)
    slots = [*positions, *[(0, 0)] * (32 - len(positions))]
    with pytest.raises(Unsatisfied, match="result/S5 surplus is -"):
        cs.witness(solvency.unchecked_inputs(FULL, epoch, slots, 5, less, 500, 6))


# -- what is refused before a witness exists -------------------------------------------------------------------------
@pytest.mark.parametrize(("change", "says"), [
    ({"holdings": [Holding(11, 1, 0)] * 3}, "number of assets held is 3: must be at most 2"),
    ({"holdings": [Holding(11, 2**96, 0)]}, r"holdings\[0\].balance"), ({"holdings": [Holding(11, 0, -1)]}, "debt"),
    ({"holdings": [Holding(15, 1, 0)]}, "asset held is 15: must be listed in the epoch"), ({"salt": -1}, "salt"),
    ({"holder": MODULUS}, "holder")])
def test_collateral_out_of_bounds(change: dict, says: str) -> None:
    kept = replace(Collateral(3, 4, [Holding(11, 10**12, 0)]), **change)
    with pytest.raises(BadInput, match=says):
        solvency.assign(TINY, epoch_of(), [], 5, kept, 0, 6)


@pytest.mark.parametrize(("change", "says"), [({"salt": MODULUS}, "salt"), ({"buffer": 2**16}, "buffer"),
                                              ({"context": -1}, "context"), ({"positions": [(4, 1)]}, "leaf")])
def test_the_rest_out_of_bounds(change: dict, says: str) -> None:
    given = {"positions": [], "salt": 5, "kept": Collateral(3, 4, [Holding(11, 10**12, 0)]), "buffer": 0, "context": 6}
    with pytest.raises(BadInput, match=says):
        solvency.assign(TINY, epoch_of(), **(given | change))


@pytest.mark.parametrize("assets", [0, 65])
def test_presets_out_of_bounds(assets: int) -> None:
    with pytest.raises(BadInput, match="assets"):
        replace(TINY, assets=assets)


# -- nobody who is honest is refused ---------------------------------------------------------------------------------
@pytest.mark.parametrize("preset", [TINY, FULL], ids=["tiny", "full size"])
def test_any_listed_assets_are_provable_wherever_the_publisher_lists_them(preset: Preset) -> None:
    """All slots in use, out of as many assets as an epoch lists; the same record under every order of the list."""
    rng = random.Random(1)
    listed = [Factors(100 + i, 2**64 + i, 2**65) for i in range(MOST_ASSETS)]
    bare = GridEpoch.of(preset.shape, [7], np.zeros((1, preset.shape.nodes), np.int64))
    for spread in (1, 7, MOST_ASSETS // preset.assets):
        kept = Collateral(1, 2, [Holding(100 + spread * i, 10, 1) for i in range(preset.assets)])
        commitments = set()
        for order in (listed, listed[::-1], rng.sample(listed, MOST_ASSETS)):
            epoch = replace(bare, assets=tuple(order))
            inputs = solvency.assign(preset, epoch, [], 1, kept, 0, 0)
            assert compiled(preset).violations(compiled(preset).witness(inputs)) == []
            commitments.add(inputs["collateral_commitment"])
        assert len(commitments) == 1


# -- attacks ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda a: a.name)
def test_attack_is_refused_by_the_named_constraints_alone(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_collateral_cannot_be_counted_twice() -> None:
    assert [a.name for a in cheats.attacks() if a.name.startswith("collateral-twice")] == ["collateral-twice"]


def test_every_group_of_constraints_is_needed_by_an_attack_here_or_on_the_margin() -> None:
    rest = set(missed(cheats.circuit(), cheats.attacks()))
    assert rest <= set(gridded.circuit().groups())
    assert not any(re.search(r"/S\d ", label) for label in rest)


@pytest.mark.parametrize("case", cheats.cases())
def test_witnesses_are_unique_but_for_known_freedoms(case: str) -> None:
    subject = cheats.subject()
    system, inputs = subject.cs.r1cs(), subject.cases[case]
    assert list(examine(subject, system, case, inputs)) == []


@pytest.mark.parametrize("label", [label for label in cheats.circuit().groups()
                                   if re.search("/S2 (path|top)|/S3 |/S5 ", label)])
def test_without_a_group_of_constraints_the_harness_is_red(label: str) -> None:
    findings = forgotten(cheats.subject(), frozenset({label}))
    assert {f.label for f in findings if f.check == "attack"} == \
        {attack.name for attack in cheats.attacks() if attack.refused_by == {label}} != set()
