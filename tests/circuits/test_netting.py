"""Netting against its specification: sizes, one margin for several protocols, named attacks."""

from __future__ import annotations

import json
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
from circuits.soundness import netting as cheats
from circuits.soundness import solvency as single
from circuits.soundness.audit import examine, forgotten, replaced
from circuits.soundness.forgery import Attack, forge, missed, refusing_groups
from circuits.statements import grid, netting
from circuits.statements.netting import Member, Preset, balance_tree, empty_commitment
from primitives.errors import BadInput
from primitives.field import MODULUS
from primitives.poseidon import Tag, hash_integers
from risk.epochs.provenance import Sources
from risk.grid.grid_build import build_grid
from risk.grid.grid_epoch import MOST_ASSETS, Factors, GridEpoch
from risk.grid.grid_shape import GRID_1000, GRID_TINY
from risk.margins.grid_margin import cross_margin

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
TINY: Preset = statements.get("netting-tiny").preset
FULL: Preset = statements.get("netting-grid-4x8").preset
COLLATERAL = b"""{"schema": "tailproof.collateral/1", "assets": [
    {"symbol": "USDC", "token": "eip155:1/erc20:0xa0b86991", "decimals": 6, "price": "1", "fall": "0.01",
     "rise": "0.01", "protocol": "0.01", "liquidation": "0.001"}]}"""
NUMBER = 77


@cache
def compiled(preset: Preset) -> ConstraintSystem:
    cs = ConstraintSystem()
    netting.define(cs, preset)
    return cs.finish()


def formula(p: Preset) -> int:
    """Rows beyond those of the margin, whose own commitment is left out: docs/statements.md."""
    P, n, K = p.places, p.places * p.assets, p.group_assets
    total = AMOUNT_BITS + (n - 1).bit_length()
    surplus = (10**4 * K * (2**total - 1) * (2**80 - 1)).bit_length()
    J = p.member_slots
    members = P * (hash_cost(2 + J + -(-J // 6)) + 1 + hash_cost(3 + 2 * p.assets) + 415 * p.balance_depth + 2) + 1
    factors = K * (hash_cost(3) + 419) + 405
    return (members + factors - hash_cost(2 * p.slots + 1) - 1
            + n * (2 * K + 2) + 2 * K * total + 17 + 2 * K + 1 + surplus + 1)


@pytest.mark.parametrize(("preset", "rows"), [
    (TINY, None), (FULL, 130_781), (replace(FULL, balance_depth=1), 129_121),
    (replace(FULL, margin=replace(FULL.margin, shape=replace(GRID_1000, depth=3))), 117_597)],
    ids=["tiny", "4096", "8 accounts", "512 instruments"])
def test_row_counts(preset: Preset, rows: int | None) -> None:
    margin = ConstraintSystem()
    grid.define(margin, preset.margin)
    assert compiled(preset).rows == margin.finish().rows + formula(preset)
    assert compiled(preset).rows == (rows or compiled(preset).rows)


def test_the_full_size_statement_fits_its_domain() -> None:
    statement = statements.get("netting-grid-4x8")
    assert (statement.rows, statement.domain, statement.slots, len(statement.public_inputs)) == (130_781, 17, 32, 18)
    assert statement.rows + len(statement.public_inputs) + 1 <= 2**17
    assert statement.public_inputs[:9] == ("context", "epoch_root", "epoch_number", "buffer", "margin", "places",
                                           "member_0", "portfolio_commitment_0", "balance_root_0")


# -- against the integer reference -----------------------------------------------------------------------------------
ASSETS = (Factors(11, 2**64, 2**65), Factors(12, 5, 6), Factors(13, 2**70, 2**71))


def epoch_of(seed: int = 1, regime: int = 0) -> GridEpoch:
    rng = np.random.default_rng(seed)
    changes = rng.integers(-10**6, 10**6 + 1, (4, GRID_TINY.nodes))
    return GridEpoch.of(GRID_TINY, (1, 2, 3, 4), changes, long=rng.integers(0, 1000, 4), assets=ASSETS, regime=regime,
                        short=rng.integers(0, 1000, 4), underlying=rng.integers(0, 2, 4))


def member(id: int, positions: list[tuple[int, int]], holdings: list[Holding], place: int = 0, preset: Preset = TINY
           ) -> Member:
    """A member among others in a tree of its protocol."""
    made = Member(id, id + 1, positions, id + 2, holdings, place=place)
    leaves = [1000 + k for k in range(8**preset.balance_depth)]
    leaves[place] = made.balance_leaf(preset, NUMBER)
    return replace(made, balances=balance_tree(preset, leaves))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), seed=st.integers(0, 10**6), buffer=st.sampled_from([0, 500, 2**16 - 1]), edge=st.integers(-1, 1))
def test_margins_are_of_the_sum_and_exactly_the_solvent_are_accepted(data, seed: int, buffer: int, edge: int) -> None:
    epoch = epoch_of(seed, seed % 2)
    lots = st.lists(st.tuples(st.integers(1, 4), st.integers(-2**20, 2**20)), max_size=2)
    books = data.draw(st.lists(lots, min_size=1, max_size=2))
    reference = cross_margin(epoch, books)
    assert reference.saved >= 0
    debt = data.draw(st.integers(0, 2**50))
    owed = -(-(reference.together * (10**4 + buffer) * 2**64 + 10**4 * debt * 6) // (10**4 * 2**64))
    share = data.draw(st.integers(0, owed)) if len(books) == 2 else 0
    held = [[Holding(11, max(0, owed - share + edge), debt and 0), Holding(12, 0, debt)], [Holding(11, share, 0)]]
    members = [member(100 + p, book, holdings, p) for p, (book, holdings) in enumerate(zip(books, held, strict=False))]
    inputs = netting.unchecked_inputs(TINY, epoch, NUMBER, members, buffer, 6)
    assert inputs["margin"] == reference.together
    enough = surplus_of(epoch, [h for m in members for h in m.holdings], reference.together, buffer) >= 0
    cs = compiled(TINY)
    broken = refusing_groups(cs, forge(cs, inputs))
    assert broken == (set() if enough else {"result/S5 surplus bit"})
    if max(0, owed - share + edge) + share >= owed:
        assert enough


def test_a_hedge_across_protocols_at_full_size() -> None:
    """Four protocols hold legs of hedges, from market data on: one margin is far below the sum of four."""
    epoch = build_grid(Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json"), GRID_1000, regime=2,
                       collateral=COLLATERAL)

    def row(symbol: str) -> int:
        found = epoch.row_of(symbol)
        assert found is not None
        return found

    btc, eth = row("BTC-PERP"), row("ETH-PERP")
    books = [[(btc, 500)], [(btc, -480)], [(eth, 900)], [(eth, -1000), (row("BTC-SPOT"), 5)]]
    reference = cross_margin(epoch, books)
    assert reference.together < 0.25 * sum(reference.separate)
    each = reference.together * 11 // 10 * 2**64 // epoch.assets[0].value // 4
    members = [member(200 + p, book, [Holding(epoch.assets[0].id, each, 0)], 3 * p, FULL)
               for p, book in enumerate(books)]
    inputs = netting.assign(FULL, epoch, NUMBER, members, 500, 6)
    assert inputs["margin"] == reference.together
    cs = compiled(FULL)
    assert cs.violations(cs.witness(inputs)) == []
    # No protocol alone could have been shown such collateral for its own book.
    assert all(surplus_of(epoch, m.holdings, alone, 0) < 0 for m, alone in zip(members, reference.separate, strict=True)
               if alone)


def test_places_may_stay_empty() -> None:
    epoch = epoch_of()
    alone = [member(100, [(1, 5)], [Holding(11, 10**12, 0)])]
    inputs = netting.assign(TINY, epoch, NUMBER, alone, 0, 6)
    assert (inputs["member_1"], inputs["balance_root_1"]) == (0, 0)
    assert inputs["portfolio_commitment_1"] == empty_commitment(TINY)
    assert compiled(TINY).violations(compiled(TINY).witness(inputs)) == []
    nobody = netting.assign(TINY, epoch, NUMBER, [], 0, 6)
    assert nobody["margin"] == 0
    assert compiled(TINY).violations(compiled(TINY).witness(nobody)) == []


def test_what_an_empty_place_holds_does_not_count() -> None:
    """Balances made up for nobody are in no tree and add nothing; picking them is refused."""
    epoch = epoch_of()
    broke = [member(100, [(1, 5)], [])]
    inputs = netting.unchecked_inputs(TINY, epoch, NUMBER, broke, 0, 6)
    rich = replace(netting.NOBODY, holdings=[Holding(11, 2**90, 0)])
    made_up = netting.unchecked_inputs(TINY, epoch, NUMBER, [*broke, rich], 0, 6)
    # Counting the second place: its picks, and the mark that it is used.
    assert made_up["group/N4 pick"][2, 0] == 1
    for used, groups in ((0, {"group/N4 one asset"}), (1, {"balances/N2 root"})):
        forged = {**made_up, "balances/N3 used": [1, used]}
        assert refusing_groups(compiled(TINY), forge(compiled(TINY), forged)) == groups
    made_up["group/N4 pick"][2:] = 0
    made_up["group/S3 balance"][:] = 0
    assert refusing_groups(compiled(TINY), forge(compiled(TINY), made_up)) == {"result/S5 surplus bit"}
    assert refusing_groups(compiled(TINY), forge(compiled(TINY), inputs)) == {"result/S5 surplus bit"}


# -- nobody who is honest is refused ---------------------------------------------------------------------------------
def test_members_may_hold_any_listed_assets_wherever_the_publisher_lists_them() -> None:
    """Each member another asset, and one in common, out of as many as an epoch lists, under every order of the list."""
    listed = [Factors(100 + i, 2**64 + i, 2**65) for i in range(MOST_ASSETS)]
    bare = GridEpoch.of(FULL.shape, [7], np.zeros((1, FULL.shape.nodes), np.int64))
    members = [member(1 + p, [], [Holding(100 + 15 * p, 10, 1), Holding(162, 7, 0)], 9 * p, FULL)
               for p in range(FULL.places)]
    for order in (listed, listed[::-1], listed[1::2] + listed[::2]):
        inputs = netting.assign(FULL, replace(bare, assets=tuple(order)), NUMBER, members, 0, 6)
        assert compiled(FULL).violations(compiled(FULL).witness(inputs)) == []


def test_one_contract_on_two_venues_is_netted_each_at_its_own_rates() -> None:
    """Long at one venue, short at a slower one: no risk is left, and each side pays what its own venue charges."""
    read = Sources.read(FIXTURES / "model.toml", FIXTURES / "book.json")
    book = json.loads(read.book)
    perpetuals = [entry for entry in book["instruments"] if entry["kind"] == "perpetual"]
    rates = [entry for entry in book["contingencies"] if entry["kind"] == "perpetual"]
    book["instruments"] = [*perpetuals, perpetuals[0] | {"symbol": "slow/BTC-PERP", "venue": "slow"}]
    book["contingencies"] = [*rates, rates[0] | {"venue": "slow", "long": "0.03", "short": "0.04"}]
    trial = read.model.replace(b"horizon =", b'purpose = "trial"\nseed = 1\nhorizon =')       # of few scenarios
    epoch = build_grid(replace(read, model=trial, book=json.dumps(book).encode()), GRID_TINY, collateral=COLLATERAL)
    own, slow = epoch.row_of("BTC-PERP"), epoch.row_of("slow/BTC-PERP")
    assert own is not None
    assert slow is not None
    assert epoch.ids[own] != epoch.ids[slow]
    assert epoch.short[slow] - epoch.short[own] == 8_700_516             # 0.04 against 0.01 of 290.0172
    usdc = epoch.assets[0].id
    members = [member(100, [(own, 50)], [Holding(usdc, 10**10, 0)]), member(101, [(slow, -50)], [])]
    inputs = netting.assign(TINY, epoch, NUMBER, members, 0, 6)
    assert inputs["margin"] == 50 * (epoch.long[own] + epoch.short[slow])
    assert compiled(TINY).violations(compiled(TINY).witness(inputs)) == []
    # The cheaper venue's leaf, for what is registered at the slower one:
    cheaper = netting.unchecked_inputs(TINY, epoch, NUMBER, [members[0], replace(members[1], positions=[(own, -50)])],
                                       0, 6)
    assert cheaper["margin"] < inputs["margin"]
    cheaper["portfolio_commitment_1"] = inputs["portfolio_commitment_1"]
    assert refusing_groups(compiled(TINY), forge(compiled(TINY), cheaper)) == {"member 1/commitment/N1"}


def test_only_the_registered_place_opens() -> None:
    """The places are one public number, which says of each member where its balances are."""
    members = [member(100 + p, [], [Holding(11, 5, 0)], place) for p, place in enumerate((6, 3))]
    inputs = netting.assign(TINY, epoch_of(), NUMBER, members, 0, 6)
    assert inputs["places"] == 6 + 8 * 3
    for places in (6, 3 + 8 * 6, 6 + 8 * 4):
        assert refusing_groups(compiled(TINY), forge(compiled(TINY), {**inputs, "places": places})) == {
            "balances/N2 places"}


@given(slots=st.lists(st.tuples(st.integers(0, 2**248), st.integers(-2**40 + 1, 2**40 - 1)), min_size=1, max_size=9),
       which=st.integers(0, 8), other=st.integers(-2**40 + 1, 2**40 - 1))
def test_lots_are_packed_without_loss(slots: list[tuple[int, int]], which: int, other: int) -> None:
    changed = list(slots)
    changed[which % len(slots)] = (changed[which % len(slots)][0], other)
    assert (netting.commit(1, 2, slots) == netting.commit(1, 2, changed)) == (slots == changed)
    rows = hash_integers(Tag.MEMBER, [1, 2, *(id for id, _ in slots), *(
        sum(q * 2**(41 * p) for p, (_, q) in enumerate(slots[at:at + 6])) % MODULUS for at in range(0, len(slots), 6))])
    assert netting.commit(1, 2, slots) == rows


# -- what is refused before a witness exists -------------------------------------------------------------------------
@pytest.mark.parametrize(("change", "says"), [
    ({"id": 0}, r"members\[0\].id"), ({"salt": -1}, r"members\[0\].salt"), ({"balance_salt": MODULUS}, "balance_salt"),
    ({"place": 1}, "where the tree holds this member's balances"), ({"place": 8}, r"members\[0\].place"),
    ({"balances": None}, r"members\[0\].balances"), ({"positions": [(1, 1)] * 3}, "number of positions"),
    ({"holdings": [Holding(11, 1, 0)] * 3}, "number of assets held"), ({"holdings": [Holding(11, 5, 0)]}, "place"),
    ({"positions": [(9, 1)]}, "leaf")])
def test_members_out_of_bounds(change: dict, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        netting.assign(TINY, epoch_of(), NUMBER, [replace(member(100, [], [Holding(11, 1, 0)]), **change)], 0, 6)


@pytest.mark.parametrize(("change", "says"), [({"number": -1}, "epoch_number"), ({"buffer": 2**16}, "buffer"),
                                              ({"context": MODULUS}, "context"), ({"number": NUMBER + 1}, "place")])
def test_the_rest_out_of_bounds(change: dict, says: str) -> None:
    given = {"number": NUMBER, "members": [member(100, [], [Holding(11, 1, 0)])], "buffer": 0, "context": 6}
    with pytest.raises(BadInput, match=says):
        netting.assign(TINY, epoch_of(), **(given | change))


def test_too_many_members_and_too_little_collateral() -> None:
    with pytest.raises(BadInput, match="number of members is 3: must be at most 2"):
        netting.assign(TINY, epoch_of(), NUMBER, [member(100 + p, [], []) for p in range(3)], 0, 6)
    different = [member(100, [], [Holding(11, 1, 0), Holding(12, 1, 0)]), member(101, [], [Holding(13, 1, 0)])]
    with pytest.raises(BadInput, match="number of different assets in the group is 3: must be at most 2"):
        netting.assign(TINY, epoch_of(), NUMBER, different, 0, 6)
    with pytest.raises(BadInput, match="asset held is 14: must be listed in the epoch"):
        netting.assign(TINY, epoch_of(), NUMBER, [member(100, [], [Holding(14, 1, 0)])], 0, 6)
    with pytest.raises(BadInput, match="collateral beyond margin and buffer"):
        netting.assign(TINY, epoch_of(), NUMBER, [member(100, [(1, 10**6)], [Holding(11, 1, 0)])], 0, 6)


@pytest.mark.parametrize("change", [{"places": 3}, {"places": 0}, {"assets": 0}, {"group_assets": 0},
                                    {"balance_depth": 0}, {"places": 4, "balance_depth": 22}])
def test_presets_out_of_bounds(change: dict) -> None:
    with pytest.raises(BadInput, match="margin.slots" if change == {"places": 3} else [*change][-1]):
        replace(TINY, **change)


# -- attacks ---------------------------------------------------------------------------------------------------------
STATEMENT_11 = {"protocol-left-out", "lag-leaf-swap", "collateral-twice", "stale-epoch", "two-leaves"}


def test_every_attack_of_the_specification_is_here() -> None:
    assert {attack.name for attack in cheats.attacks()} >= STATEMENT_11


@pytest.mark.parametrize("attack", cheats.attacks(), ids=lambda a: f"{a.name} ({', '.join(sorted(a.refused_by))})")
def test_attack_is_refused_by_the_named_constraints_alone(attack: Attack) -> None:
    assert_refused_by_the_named_alone(cheats.circuit(), attack)


def test_every_group_of_constraints_is_needed_by_an_attack_here_or_on_solvency() -> None:
    rest = set(missed(cheats.circuit(), cheats.attacks()))
    assert rest <= set(single.circuit().groups())
    assert not any(label.startswith(("member", "balances", "group")) for label in rest)


@pytest.mark.parametrize("case", cheats.cases())
def test_witnesses_are_unique_but_for_known_freedoms(case: str) -> None:
    subject = cheats.subject()
    system, inputs = subject.cs.r1cs(), subject.cases[case]
    assert list(examine(subject, system, case, inputs)) == []
    assert list(replaced(subject, system, case, inputs, frozenset({cheats.USED}), None)) == []


@pytest.mark.parametrize("label", [label for label in cheats.circuit().groups()
                                   if label.startswith(("balances/N", "group/"))])
def test_without_a_group_of_constraints_the_harness_is_red(label: str) -> None:
    findings = forgotten(cheats.subject(), frozenset({label}))
    assert {f.label for f in findings if f.check == "attack"} == \
        {attack.name for attack in cheats.attacks() if attack.refused_by == {label}} != set()
