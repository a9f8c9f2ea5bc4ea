"""Attacks on oracle and court, by publishers, challengers and demanders: each fails, and shows what stops it.

Numbers are those of docs/attacks.md.
"""

from __future__ import annotations

import pytest
from ledger_world import send_contract
from oracle_world import ASSET, DAY, LAYOUT, LEAF, LIMITS, STAKE, factors_hash, listed
from world import refused

NOBODY = "0x" + "00" * 20
ROW = [5, 1, 20, 20, 30, 7, 0, 0]
LONGEST_LAG = 30 * DAY


@pytest.fixture
def calm(oracles):
    """Epochs may be a day apart, so that none is missing while a test waits."""
    oracles.set_limits(heartbeat=DAY)
    return oracles


def demand(oracles, content, kind, id, listing=None, *, bond):
    return oracles.court.demand(content.id, kind, id, listing, bond=bond, sender=oracles.challenger)


def test_no_epoch_keeps_gains_for_ever(oracles):
    """A lag of 136 years, in one epoch that is refuted a minute later, would keep all that is settled meanwhile, and
    every later gain of the same accounts."""
    with refused("LagTooLong"):
        oracles.publish(lag_seconds=LONGEST_LAG + 1)
    oracles.publish(lag_seconds=LONGEST_LAG)
    oracles.next(lag_seconds=13_200)


def test_a_refutation_without_a_proof_is_nobodys_reward(calm):
    """A list of factors that is false by itself needs no proof, so no context names who found it: a copy from the
    mempool that comes first would take a tenth of all stakes."""
    content = calm.publish(factors_hash=factors_hash([(3, 2, 1)]))
    calm.court.challenge_factors(content.id, [(3, 2, 1)], sender=calm.relayer)
    calm.court.settle_refutation(content.id, sender=calm.relayer)
    assert calm.court.owed_to(calm.relayer) == 0
    assert calm.court.forfeited() == 3 * STAKE


def test_a_refutation_by_proof_is_its_makers_even_if_settled_by_another(calm):
    content = calm.publish()
    calm.refute(content)
    calm.court.settle_refutation(content.id, sender=calm.relayer)
    assert calm.court.owed_to(calm.relayer) == 0
    owed = calm.court.owed_to(calm.challenger)
    assert owed >= 3 * STAKE // 10
    assert calm.court.forfeited() == 3 * STAKE - owed


def test_signatures_of_a_release_carry_no_bond_away(calm):
    """They name no sender, so whoever copies them would take the bond."""
    content, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(content)
    bond = 2 * calm.court.bond_needed()
    demand(calm, content, LEAF, 5, listing, bond=bond)
    signatures = calm.signatures(calm.oracle.domain.release(content.id, LEAF, 5))
    calm.court.answer_released(content.id, LEAF, 5, 1, signatures, sender=calm.relayer)
    assert calm.court.owed_to(calm.relayer) == 0
    assert calm.court.forfeited() == bond


def test_a_flood_of_demands_costs_by_its_square(calm):
    """Leaves are shown one by one, in 20 minutes: with a flat bond, whoever demands more than anybody can prove would
    freeze an honest epoch and get most bonds back."""
    content, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(content)
    for open_, (kind, id, where) in enumerate([(LEAF, 0, None), (ASSET, 0, None), (LEAF, 5, listing)]):
        needed = (1 + open_) * 3 * 305_000 * 10**7                      # at the lowest price
        assert calm.court.bond_needed(content.id) >= needed
        with refused("BondTooSmall"):
            demand(calm, content, kind, id, where, bond=needed - 1)
        demand(calm, content, kind, id, where, bond=calm.court.bond_needed(content.id) * 2)
    other = calm.next()
    assert calm.court.bond_needed(other.id) < calm.court.bond_needed(content.id)     # each epoch by itself


@pytest.mark.parametrize("place, missing", [(0, "oracle"), (1, "verifiers"), (3, "stakeRequired")])
def test_no_court_without_its_settings(calm, place, missing):
    arguments = [calm.oracle.address, calm.verifiers.address, tuple(LAYOUT), STAKE]
    arguments[place] = 0 if missing == "stakeRequired" else NOBODY
    with refused("SettingMissing") as caught:
        send_contract(calm.chain, "EpochCourt", arguments)
    assert caught.value.arguments["name"] == missing


@pytest.mark.parametrize("place, missing", [(0, "authority"), (2, "finalityBlocks")])
def test_no_oracle_without_its_settings(calm, place, missing):
    arguments = [calm.access.address, LIMITS.words(), 3]
    arguments[place] = 0 if missing == "finalityBlocks" else NOBODY
    with refused("SettingMissing") as caught:
        send_contract(calm.chain, "RiskOracle", arguments)
    assert caught.value.arguments["name"] == missing
