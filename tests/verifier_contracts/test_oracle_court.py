"""False leaves, missing leaves, double signatures, stakes and rewards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyrevm
import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from oracle_world import (
    ASSET,
    BLOCKS,
    DAY,
    FINALITY,
    LAYOUT,
    LEAF,
    LIMITS,
    MARK,
    MARKS,
    STAKE,
    create,
    factors_hash,
    listed,
)
from revmchain import Refusal
from world import HOUR, refused

from prover.curve import ORDER
from verifier_contracts.abi import encode_call, encode_deployment
from verifier_contracts.compiler import compile_contracts, compile_sources
from verifier_contracts.eip712 import sign
from verifier_contracts.errors import Reverted
from verifier_contracts.events import read_events
from verifier_contracts.oracle import ANSWER, RiskOracle, evidence

PROOF_GAS = 305_000
BOUND = 1 << LAYOUT.value_bits


@pytest.fixture
def calm(oracles):
    """Epochs may be a day apart, so that none is missing while a test waits."""
    oracles.set_limits(heartbeat=DAY)
    return oracles


def pack(*values: int) -> int:
    """A packed element as the field has it."""
    return sum(value << LAYOUT.width * place for place, value in enumerate(values)) % ORDER


def told(oracles, receipt):
    """The court's events of a transaction."""
    return [(event.name, dict(event.arguments)) for event in read_events(
        oracles.chain, {"court": oracles.court}, receipt.block).events]


# -- bounds, one proof -------------------------------------------------------------------------------------------------
FALSE = [
    (LEAF, 1 << 248, 0, 1 << 248),                          # an id too long (E1)
    (LEAF, 5, 1, 2), (LEAF, 5, 1, ORDER - 1),               # no such underlying (E5)
    *[(LEAF, 5, k, x) for k in (2, 3, 4) for x in (BOUND, ORDER - 1)],                          # rates, amax (E2, E3)
    *[(LEAF, 0, k, 1) for k in (1, 2, 3, 4, 5)],            # the null leaf (E1)
    (LEAF, 5, 5, pack(BOUND)), (LEAF, 5, 5, pack(-BOUND)), (LEAF, 5, 5, pack(0, 0, 0, 0, BOUND)),
    (LEAF, 5, 5, pack(0, 0, -BOUND)),                       # a value change (E2)
    (LEAF, 5, 6, pack(0, 0, 0, 1)), (LEAF, 5, 6, pack(0, 0, 0, -1)), (LEAF, 5, 6, pack(0, 0, 0, 0, -1)),
    (LEAF, 5, 5, 1 << 251), (LEAF, 5, 5, ORDER - (1 << 251)), (LEAF, 5, 7, 1),                  # absent lanes (E4)
    (ASSET, 5, 1, 1 << 80), (ASSET, 5, 2, 1 << 80), (ASSET, 5, 1, ORDER - 1), (ASSET, 0, 1, 1), (ASSET, 0, 2, 1),  # E8
]
TRUE = [
    (LEAF, 5, 0, 5), (LEAF, 0, 0, 0), (LEAF, (1 << 248) - 1, 0, (1 << 248) - 1), (LEAF, 5, 1, 1), (LEAF, 5, 1, 0),
    *[(LEAF, 5, k, x) for k in (2, 3, 4) for x in (0, BOUND - 1)], *[(LEAF, 0, k, 0) for k in (1, 2, 3, 4, 5)],
    (LEAF, 5, 5, pack(BOUND - 1)), (LEAF, 5, 5, pack(*[BOUND - 1] * 5)), (LEAF, 5, 5, pack(*[1 - BOUND] * 5)),
    (LEAF, 5, 5, pack(1 - BOUND, BOUND - 1, -1, 1, 0)), (LEAF, 5, 6, pack(BOUND - 1, 1 - BOUND, -1)), (LEAF, 5, 7, 0),
    (ASSET, 5, 1, (1 << 80) - 1), (ASSET, 5, 0, 5), (ASSET, 0, 1, 0), (MARK, 5, 1, ORDER - 1), (MARK, 0, 4, 3),
]


@pytest.mark.parametrize("shown", FALSE, ids=str)
def test_an_element_out_of_bound_refutes(calm, shown):
    content = calm.publish()
    calm.challenge(content, calm.prove(content, *shown))
    assert calm.oracle.stored_root_of(content.id) == (content.root, True)
    assert calm.oracle.facts_of(content.id).refuted
    with refused("FrozenEpoch"):
        calm.oracle.root_of(content.id)


@pytest.mark.parametrize("shown", TRUE, ids=str)
def test_an_honest_element_stands(calm, shown):
    content = calm.publish()
    with refused("FieldStands"):
        calm.challenge(content, calm.prove(content, *shown))


# -- contradictions, two proofs ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(("one", "other"), [
    ((LEAF, 5, 2, 7), (LEAF, 5, 2, 8)), ((ASSET, 5, 1, 7), (ASSET, 5, 1, 8)), ((MARK, 5, 4, 7), (MARK, 5, 4, 8)),
    ((LEAF, 5, 4, 9), (LEAF, 5, 5, pack(0, 10))), ((LEAF, 5, 4, 9), (LEAF, 5, 6, pack(0, 0, -10))),
    ((ASSET, 5, 1, 8), (ASSET, 5, 2, 7))], ids=str)
def test_two_that_contradict_refute(calm, one, other):
    content = calm.publish()
    receipt = calm.challenge(content, calm.prove(content, *one), calm.prove(content, *other))
    assert calm.oracle.facts_of(content.id).refuted
    assert calm.court.refuter_of(content.id)[:2] == (calm.challenger, 2)
    assert told(calm, receipt) == [("LeafRefuted", {"epochId": content.id, "challenger": calm.challenger})]


@pytest.mark.parametrize(("one", "other"), [
    ((LEAF, 5, 2, 7), (LEAF, 5, 2, 7)), ((LEAF, 5, 2, 7), (LEAF, 6, 2, 8)), ((LEAF, 5, 1, 1), (ASSET, 5, 1, 8)),
    ((LEAF, 5, 2, 7), (LEAF, 5, 3, 8)), ((LEAF, 5, 4, 9), (LEAF, 5, 5, pack(9, -9))),
    ((LEAF, 5, 4, 9), (LEAF, 6, 5, pack(10))), ((LEAF, 5, 5, pack(10)), (LEAF, 5, 4, 9)),
    ((LEAF, 5, 3, 9), (LEAF, 5, 5, pack(10))), ((ASSET, 5, 1, 7), (ASSET, 5, 2, 7)), ((ASSET, 5, 2, 8), (ASSET, 5, 1,
                                                                                                         7)),
    ((ASSET, 5, 1, 8), (ASSET, 6, 2, 7)), ((ASSET, 5, 0, 5), (ASSET, 5, 1, 1)), ((MARK, 5, 4, 9), (MARK, 5, 5, 10))],
    ids=str)
def test_two_that_agree_stand(calm, one, other):
    content = calm.publish()
    with refused("FieldStands"):
        calm.challenge(content, calm.prove(content, *one), calm.prove(content, *other))


def test_one_or_two_proofs(calm):
    content = calm.publish()
    false = calm.prove(content, LEAF, 5, 2, BOUND)
    for proofs in ((), (false, false, false)):
        with refused("WrongNumberOfProofs"):
            calm.challenge(content, *proofs)


# -- what a proof is good for ------------------------------------------------------------------------------------------
def test_a_proof_in_the_mempool_is_its_makers(calm):
    content = calm.publish()
    proof = calm.prove(content, LEAF, 5, 2, BOUND)
    with refused("ProofRejected"):
        calm.challenge(content, proof, sender=calm.relayer)
    calm.challenge(content, proof)
    assert calm.court.refuter_of(content.id)[0] == calm.challenger


@pytest.mark.parametrize("changes", [
    {"statement": "leaf-field-asset"}, {"chain_id": 1}, {"manager": "0x" + "12" * 20}, {"key_digest": b"\x01" * 32},
    {"epoch_id": 1}, {"version": 1}, {"action_hash": ANSWER}, {"action_hash": bytes(32)}], ids=str)
def test_each_field_of_the_context(calm, changes):
    content = calm.publish()
    with refused("ProofRejected"):
        calm.challenge(content, calm.prove(content, LEAF, 5, 2, BOUND, **changes))


def test_every_proof_is_looked_at(calm):
    content = calm.publish()
    good, other = calm.prove(content, LEAF, 5, 2, 7), calm.prove(content, LEAF, 5, 2, 8)
    for proofs in ((good, other._replace(words=good.words)), (good._replace(words=other.words), other),
                   (good, other._replace(x=9)), (good, other._replace(id=6)), (good, other._replace(place=3))):
        with refused("ProofRejected" if proofs[1].place != 3 else "UnknownKind"):
            calm.challenge(content, *proofs)


def test_the_same_root_in_another_epoch(calm):
    first = calm.publish()
    second = calm.next()
    proof = calm.prove(first, LEAF, 5, 2, BOUND)
    with refused("ProofRejected"):
        calm.challenge(second, proof)


def test_the_root_is_the_epochs(calm):
    first = calm.publish()
    second = calm.next(root=first.root - 1)
    proof = calm.prove(replace(second, root=first.root), LEAF, 5, 2, BOUND)
    with refused("ProofRejected"):
        calm.challenge(second, proof)


def test_the_context_as_the_contract_computes_it(calm):
    for kind in (LEAF, ASSET, MARK):
        for action in (ANSWER, keccak(text="challenge")):
            context = calm.court.context(calm.challenger, 5, kind, action)
            assert context.field_element() == calm.court.context_of(calm.challenger, 5, kind, action)


def test_no_verifier_no_challenge(calm):
    content = calm.publish()
    proof = calm.prove(content, LEAF, 5, 2, BOUND)
    calm.verifiers.transact("set", keccak(text="leaf-field"), "0x" + "00" * 20, bytes(32))
    with refused("NoVerifier"):
        calm.challenge(content, proof)
    calm.verifiers.transact("set", keccak(text="leaf-field"), calm.relayer, proof_key(calm))     # no code there
    with refused("AddressEmptyCode"):
        calm.challenge(content, proof)


def proof_key(oracles) -> bytes:
    return oracles.key.verification_key.digest()


def test_kinds_have_verifiers_of_their_own(calm):
    content = calm.publish()
    calm.verifiers.transact("set", keccak(text="leaf-field-asset"), "0x" + "00" * 20, bytes(32))
    asset = calm.prove(content, LEAF, 5, 1, 1 << 80)._replace(place=(ASSET << 16) + 1)
    with refused("NoVerifier"):
        calm.challenge(content, asset)


# -- once, and whatever publishers do ----------------------------------------------------------------------------------
def test_an_epoch_is_refuted_once(calm):
    content = calm.publish()
    calm.refute(content)
    with refused("AlreadyRefuted"):
        calm.refute(content)
    with refused("UnknownEpoch"):
        calm.refute(replace(content, id=content.id + 1))


def test_publishers_who_freeze_it_first_are_slashed_all_the_same(calm):
    content = calm.publish()
    calm.oracle.freeze(content.id, 1, calm.signatures(calm.oracle.domain.freeze(content.id)))
    calm.refute(content)
    calm.court.settle_refutation(content.id)
    assert calm.court.stake_of(calm.publishers[0].address) == 0


def test_nor_does_a_hold_before_that_help_them(calm):
    content = calm.publish()
    calm.oracle.hold(content.id, 1, sender=calm.guardian)
    calm.oracle.freeze(content.id, 1, calm.signatures(calm.oracle.domain.freeze(content.id)))
    assert not calm.oracle.facts_of(content.id).refuted
    calm.refute(content)
    assert calm.oracle.facts_of(content.id).refuted


def test_an_epoch_on_hold_can_be_refuted(calm):
    content = calm.publish()
    calm.oracle.hold(content.id, HOUR, sender=calm.guardian)
    calm.refute(content)
    calm.later(2 * HOUR)
    with refused("FrozenEpoch"):
        calm.oracle.root_of(content.id)


# -- slashing and rewards ----------------------------------------------------------------------------------------------
@pytest.mark.both_chains
def test_signers_are_slashed_and_the_challenger_rewarded(calm):
    content = calm.content()
    calm.bring(content, (0, 2, 3))
    calm.court.stake(calm.publishers[0].address, 5)
    calm.refute(content)
    _, proofs, base_fee = calm.court.refuter_of(content.id)
    assert proofs == 1
    assert base_fee == calm.chain.web3.eth.get_block("latest")["baseFeePerGas"] > 0         # not what was bid above it
    calm.court.settle_refutation(content.id, sender=calm.relayer)
    assert [calm.court.stake_of(one.address) for one in calm.publishers] == [5, STAKE, 0, 0, STAKE]
    reward = 3 * PROOF_GAS * base_fee + 3 * STAKE // 10
    assert calm.court.owed_to(calm.challenger) == reward
    assert calm.court.forfeited() == 3 * STAKE - reward
    with refused("NotRefuted"):
        calm.court.settle_refutation(content.id)


def test_a_reward_is_never_more_than_what_was_slashed(calm):
    first = calm.content()
    calm.bring(first)
    calm.refute(first)
    calm.court.settle_refutation(first.id)
    before = calm.court.owed_to(calm.challenger)
    second = calm.next()                                                     # by the same, who have nothing left
    calm.refute(second)
    calm.court.settle_refutation(second.id)
    assert calm.court.owed_to(calm.challenger) == before


def test_what_is_owed_is_claimed_once(calm):
    content = calm.publish()
    calm.refute(content)
    calm.court.settle_refutation(content.id)
    owed = calm.court.owed_to(calm.challenger)
    target = "0x" + "77" * 20
    with refused("NothingOwed"):
        calm.court.claim(target, sender=calm.relayer)
    receipt = calm.court.claim(target, sender=calm.challenger)
    assert told(calm, receipt) == [("Claimed", {"claimant": calm.challenger, "to": target, "amount": owed})]
    assert calm.chain.web3.eth.get_balance(calm.chain.web3.to_checksum_address(target)) == owed
    with refused("NothingOwed"):
        calm.court.claim(target, sender=calm.challenger)


def test_forfeited_stakes_are_assigned_by_governance(calm):
    content = calm.publish()
    calm.refute(content)
    calm.court.settle_refutation(content.id)
    left = calm.court.forfeited()
    with refused("AccessManagedUnauthorized"):
        calm.govern("assignForfeited", calm.relayer, sender=calm.guardian)
    with refused("NotOracle"):
        calm.court.transact("assignForfeited", calm.relayer)
    calm.govern("assignForfeited", calm.relayer)
    assert (calm.court.forfeited(), calm.court.owed_to(calm.relayer)) == (0, left)


def test_stakes_are_held_for_seven_days_after_the_last_signature(calm):
    leaver = calm.relayer
    calm.court.stake(leaver, STAKE)
    others = sorted([leaver, calm.publishers[0].address], key=lambda one: int(one, 16))
    calm.govern("rotateSigners", others, 2)
    with refused("StakeHeld"):
        calm.court.unstake(sender=leaver)
    calm.govern("rotateSigners", [calm.publishers[0].address], 1)
    until = calm.oracle.signers(2).valid_until
    calm.chain.travel_to(until + 7 * DAY)
    with refused("StakeHeld"):
        calm.court.check("unstake", sender=leaver)
    calm.chain.travel_to(until + 7 * DAY + 1)
    calm.court.check("unstake", sender=leaver)
    calm.court.unstake(sender=leaver)
    assert (calm.court.stake_of(leaver), calm.court.owed_to(leaver)) == (0, STAKE)


def test_who_never_was_seated_takes_the_stake_back_at_once(calm):
    calm.court.stake(calm.relayer, 7)
    calm.court.unstake(sender=calm.relayer)
    assert calm.court.owed_to(calm.relayer) == 7


# -- rows --------------------------------------------------------------------------------------------------------------
ROW = (5, 1, 20, 30, 100, pack(1, 2, 3), 0)


def test_a_leaf_that_is_not_its_row(calm):
    content, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(content)
    for k, x in ((2, 20), (5, pack(1, 2, 3)), (0, 5)):
        with refused("FieldStands"):
            calm.court.challenge_row(content.id, calm.prove(content, LEAF, 5, k, x), listing, sender=calm.challenger)
    with refused("FieldStands"):                                             # another leaf's
        calm.court.challenge_row(content.id, calm.prove(content, LEAF, 6, 2, 21), listing, sender=calm.challenger)
    with refused("RowNotInTree"):                                            # another kind's
        calm.court.challenge_row(content.id, calm.prove(content, ASSET, 5, 2, 21), listing, sender=calm.challenger)
    with refused("RowNotInTree"):
        calm.court.challenge_row(content.id, calm.prove(content, LEAF, 5, 2, 21),
                                 listing._replace(row=(5, 1, 20, 30)), sender=calm.challenger)
    with refused("ProofRejected"):
        calm.court.challenge_row(content.id, calm.prove(content, LEAF, 5, 2, 21), listing, sender=calm.relayer)
    calm.court.challenge_row(content.id, calm.prove(content, LEAF, 5, 2, 21), listing, sender=calm.challenger)
    assert calm.oracle.facts_of(content.id).refuted


def test_a_row_that_ends_too_soon(calm):
    content, listing = listed(calm.content(), LEAF, ROW[:3])
    calm.bring(content)
    calm.court.challenge_row(content.id, calm.prove(content, LEAF, 5, 4, 0), listing, sender=calm.challenger)


def test_a_row_of_another_epoch_shows_nothing(calm):
    first, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(first)
    second = calm.next()
    proof = calm.prove(second, LEAF, 5, 2, 21)
    with refused("WrongContent"):
        calm.court.challenge_row(second.id, proof, listing, sender=calm.challenger)
    invented, other = listed(second, LEAF, ROW)
    assert invented.digest() != second.digest()
    with refused("WrongContent"):
        calm.court.challenge_row(second.id, proof, other, sender=calm.challenger)


# -- factors -----------------------------------------------------------------------------------------------------------
FACTORS = ((3, 10, 20), (5, 30, 40))


def test_factors_that_are_not_the_leaves(calm):
    content = calm.publish(factors_hash=factors_hash(FACTORS))

    def challenge(id: int, k: int, x: int, factors: Any = FACTORS, kind: int = ASSET,
                  sender: str | None = None) -> None:
        calm.court.challenge_factor(content.id, calm.prove(content, kind, id, k, x), factors,
                                    sender=sender or calm.challenger)
    for id, k, x in ((3, 1, 10), (3, 2, 20), (5, 1, 30), (5, 2, 40), (0, 1, 0), (7, 0, 7)):
        with refused("FieldStands"):
            challenge(id, k, x)
    with refused("FieldStands"):
        challenge(3, 1, 11, kind=LEAF)
    with refused("WrongFactors"):
        challenge(3, 1, 11, FACTORS[:1])
    with refused("ProofRejected"):
        challenge(3, 1, 11, sender=calm.relayer)
    for false in ((3, 1, 11), (5, 2, 30), (7, 1, 0)):                        # the last is left out
        snapshot = calm.chain.snapshot()
        challenge(*false)
        assert calm.oracle.facts_of(content.id).refuted
        calm.chain.restore(snapshot)


@pytest.mark.parametrize("factors", [[(0, 1, 1)], [(3, 1, 1), (3, 1, 1)], [(5, 1, 1), (3, 1, 1)], [(3, 2, 1)],
                                     [(3, 1, 1), (5, 1, 1), (5, 1, 1)]])
def test_a_list_that_is_false_by_itself(calm, factors):
    content = calm.publish(factors_hash=factors_hash(factors))
    calm.court.challenge_factors(content.id, factors, sender=calm.challenger)
    assert calm.oracle.facts_of(content.id).refuted
    assert calm.court.refuter_of(content.id)[1] == 0


@pytest.mark.parametrize("factors", [[], [(1, 0, 0)], [(3, 1, 1), (5, 1, 2)]])
def test_an_honest_list_stands(calm, factors):
    content = calm.publish(factors_hash=factors_hash(factors))
    with refused("FactorsStand"):
        calm.court.challenge_factors(content.id, factors)
    with refused("WrongFactors"):
        calm.court.challenge_factors(content.id, [(0, 1, 1)])


# -- marks -------------------------------------------------------------------------------------------------------------
def test_marks_that_are_not_the_leaves(calm):
    content = calm.publish()
    good = (MARK, 5, 4, MARKS[1]), (LEAF, 5, 1, 1)
    wrong = (MARK, 5, 4, MARKS[1] + 1)

    def challenge(one: Any, other: Any, signed: Any = content, sender: str | None = None) -> None:
        calm.court.challenge_marks(content.id, calm.prove(content, *one), calm.prove(content, *other), signed,
                                   sender=sender or calm.challenger)
    for one, other in (good, (wrong, (LEAF, 6, 1, 1)), (wrong, (LEAF, 5, 2, 1)), (wrong, (ASSET, 5, 1, 1)),
                       ((MARK, 5, 3, 7), good[1]), ((LEAF, 5, 4, 7), good[1]), (wrong, (LEAF, 5, 1, 4)),
                       ((MARK, LAYOUT.cash_id, 4, 10**6), (LEAF, LAYOUT.cash_id, 1, 0))):
        with refused("FieldStands"):
            challenge(one, other)
    with refused("WrongContent"):
        challenge(wrong, good[1], replace(content, marks=(1, 2)))
    with refused("WrongContent"):
        challenge(wrong, good[1], replace(content, id=content.id + 1, deadline=content.deadline + 1))
    with refused("ProofRejected"):
        challenge(wrong, good[1], sender=calm.relayer)
    challenge(wrong, good[1])
    assert calm.court.refuter_of(content.id)[1] == 2


def test_a_challenge_of_marks_looks_at_both_proofs(calm):
    content = calm.publish()
    mark, underlying = calm.prove(content, MARK, 5, 4, 7), calm.prove(content, LEAF, 5, 1, 1)
    for one, other in ((mark, underlying._replace(words=mark.words)), (mark._replace(words=underlying.words),
                                                                       underlying)):
        with refused("ProofRejected"):
            calm.court.challenge_marks(content.id, one, other, content, sender=calm.challenger)


@pytest.mark.parametrize("function", ["row", "marks", "factor", "factors"])
def test_every_challenge_is_of_an_epoch_that_stands(calm, function):
    content, listing = listed(calm.content(factors_hash=factors_hash([(3, 2, 1)])), LEAF, ROW)
    calm.bring(content)
    calm.refute(content)
    proof = calm.prove(content, LEAF, 5, 2, 21)
    with refused("AlreadyRefuted"):
        if function == "row":
            calm.court.challenge_row(content.id, proof, listing, sender=calm.challenger)
        elif function == "marks":
            calm.court.challenge_marks(content.id, calm.prove(content, MARK, 5, 4, 7), calm.prove(content, LEAF, 5,
                                                                                                  1, 1),
                                       content, sender=calm.challenger)
        elif function == "factor":
            calm.court.challenge_factor(content.id, calm.prove(content, ASSET, 3, 1, 7), [(3, 2, 1)],
                                        sender=calm.challenger)
        else:
            calm.court.challenge_factors(content.id, [(3, 2, 1)], sender=calm.challenger)


# -- demands -----------------------------------------------------------------------------------------------------------
def demand(oracles, content, kind=LEAF, id=0, listing=None, *, bond=None):
    return oracles.court.demand(content.id, kind, id, listing, bond=bond or 2 * oracles.court.bond_needed(),
                                sender=oracles.challenger)


@pytest.mark.both_chains
def test_a_leaf_that_is_not_shown_freezes_the_epoch(calm):
    content = calm.publish()
    receipt = demand(calm, content)
    bond = calm.court.demand_of(content.id, LEAF, 0).bond
    assert told(calm, receipt) == [("LeafDemanded", {
        "epochId": content.id, "kind": LEAF, "leafId": 0, "demander": calm.challenger,
        "due": calm.oracle.live_time() + FINALITY})]
    assert (calm.oracle.facts_of(content.id).open_demands, calm.oracle.facts_of(content.id).extended) == (1, True)
    calm.settle()
    calm.settle()
    calm.settle()
    assert not calm.oracle.is_final(content.id)                              # and never will be
    with refused("AnswerTooLate"):
        calm.court.answer(content.id, calm.prove(content, LEAF, 0, 0, 0, sender=calm.relayer, action=ANSWER),
                          sender=calm.relayer)
    calm.court.close_demand(content.id, LEAF, 0, sender=calm.relayer)
    assert calm.oracle.stored_root_of(content.id)[1]
    assert not calm.oracle.facts_of(content.id).refuted
    assert calm.court.owed_to(calm.challenger) == bond
    assert calm.oracle.facts_of(content.id).open_demands == 0
    with refused("NotDemanded"):
        calm.court.close_demand(content.id, LEAF, 0)


def test_a_demand_is_answered(calm):
    content = calm.publish()
    demand(calm, content)
    bond = calm.court.demand_of(content.id, LEAF, 0).bond
    with refused("AnswerNotDue"):
        calm.court.close_demand(content.id, LEAF, 0)
    proof = calm.prove(content, LEAF, 0, 2, 0, sender=calm.relayer, action=ANSWER)
    for wrong in (calm.prove(content, LEAF, 0, 2, 0, sender=calm.relayer),   # made to refute
                  calm.prove(content, LEAF, 0, 2, 0, action=ANSWER)):        # somebody else's
        with refused("ProofRejected"):
            calm.court.answer(content.id, wrong, sender=calm.relayer)
    with refused("NotDemanded"):
        calm.court.answer(content.id, calm.prove(content, LEAF, 1, 2, 0, sender=calm.relayer, action=ANSWER),
                          sender=calm.relayer)
    calm.court.answer(content.id, proof, sender=calm.relayer)
    assert calm.court.owed_to(calm.relayer) == bond
    assert calm.oracle.root_of(content.id) == content.root
    with refused("NotDemanded"):
        calm.court.answer(content.id, proof, sender=calm.relayer)


@pytest.fixture
def court_that_sends(lw):
    """The court's address, without code for one test: of what has code nothing is sent."""
    evm, court = lw.s.machine.evm, lw.s.contracts["court"].address
    known, code = evm.basic(court), bytes(evm.get_code(court))
    evm.insert_account_info(court, pyrevm.AccountInfo(nonce=known.nonce, balance=known.balance))
    yield court
    evm.insert_account_info(court, pyrevm.AccountInfo(nonce=known.nonce, balance=known.balance, code=code))


def test_an_epochs_demands_end_with_their_bits(lw, court_that_sends):
    """Nobody pays for so many bonds: their count is written into what is stored."""
    oracle, epoch, evm = lw.s.oracle, lw.epoch, lw.s.machine.evm
    oracle("openDemand", epoch, sender=court_that_sends)
    places = [int.from_bytes(keccak(encode(["uint40", "uint256"], [epoch, slot])), "big") for slot in range(32)]
    (place,) = [place for place in places if evm.storage(oracle.address, place) >> 208 & 0xffff == 1]
    word = evm.storage(oracle.address, place)
    evm.insert_account_storage(oracle.address, place, word + (65_533 << 208))
    oracle("openDemand", epoch, sender=court_that_sends)
    assert oracle("openDemandsOf", epoch) == 65_535
    with pytest.raises(Refusal):
        oracle("openDemand", epoch, sender=court_that_sends)
    evm.insert_account_storage(oracle.address, place, word)


def test_finality_is_extended_once(calm):
    content = calm.publish()
    live = calm.oracle.facts_of(content.id).live_at
    calm.mine(3)
    demand(calm, content)
    calm.court.answer(content.id, calm.prove(content, LEAF, 0, 2, 0, sender=calm.relayer, action=ANSWER),
                      sender=calm.relayer)
    calm.later(FINALITY)
    assert not calm.oracle.is_final(content.id)
    with refused("DemandTooLate"):
        demand(calm, content)
    calm.later(live + 2 * FINALITY - calm.oracle.live_time() - 1)
    assert not calm.oracle.is_final(content.id)
    calm.later(1)
    assert calm.oracle.is_final(content.id)


def test_the_last_second_of_a_demand(calm):
    content = calm.publish()
    live = calm.oracle.facts_of(content.id).live_at
    calm.later(live + FINALITY - calm.oracle.live_time() - 3)
    demand(calm, content)
    nothing = (content.words(), [], [])                                          # a null leaf need not be listed
    for second, error in ((0, "BondTooSmall"), (1, "DemandTooLate")):            # a call brings none
        calm.later(live + FINALITY + second - calm.oracle.live_time())
        with refused(error):
            calm.court.check("demandLeaf", content.id, ASSET, 0, nothing)
    due = calm.court.demand_of(content.id, LEAF, 0).due
    proof = calm.prove(content, LEAF, 0, 2, 0, sender=calm.relayer, action=ANSWER)
    calm.later(due - calm.oracle.live_time())
    with refused("AnswerNotDue"):
        calm.court.check("closeDemand", content.id, LEAF, 0)
    calm.court.check("answerDemand", content.id, proof.argument(), sender=calm.relayer)
    calm.later(1)
    calm.court.check("closeDemand", content.id, LEAF, 0)
    with refused("AnswerTooLate"):
        calm.court.check("answerDemand", content.id, proof.argument(), sender=calm.relayer)


def test_what_may_be_demanded(calm):
    first, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(first)
    with refused("NotListedThere"):                                          # nothing was listed
        demand(calm, first, id=6)
    with refused("WrongRow"):
        demand(calm, first, id=6, listing=listing)
    with refused("RowNotInTree"):
        demand(calm, first, ASSET, 5, listing)
    with refused("RowNotInTree"):
        demand(calm, first, id=5, listing=listing._replace(path=[b"\x45" * 32]))
    with refused("UnknownKind"):
        demand(calm, first, 2)
    demand(calm, first, id=5, listing=listing)
    with refused("AlreadyDemanded"):
        demand(calm, first, id=5, listing=listing)
    demand(calm, first, ASSET, 0)
    assert calm.oracle.facts_of(first.id).open_demands == 2


def test_a_null_mark_is_nobodys(calm):
    content = calm.publish()
    with refused("NotListedThere"):
        demand(calm, content, MARK, 0)


def test_what_an_earlier_final_epoch_listed(calm):
    first, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(first)
    second = calm.next()
    with refused("NotListedThere"):                                          # not final yet
        demand(calm, second, id=5, listing=listing)
    calm.settle()
    third, later = listed(calm.content(), LEAF, ROW)
    calm.bring(third)
    fourth = calm.next()
    demand(calm, fourth, id=5, listing=listing)
    with refused("NotListedThere"):
        demand(calm, third, id=5, listing=later._replace(content=fourth))


def test_a_released_leaf_is_answered_by_the_quorum(calm):
    content, listing = listed(calm.content(), LEAF, ROW)
    calm.bring(content)
    demand(calm, content, id=5, listing=listing)
    bond = calm.court.demand_of(content.id, LEAF, 5).bond
    message = calm.oracle.domain.release(content.id, LEAF, 5)
    with refused("QuorumNotMet"):
        calm.court.answer_released(content.id, LEAF, 5, 1, calm.signatures(message, (0, 1)))
    for other in (calm.oracle.domain.release(content.id + 1, LEAF, 5), calm.oracle.domain.release(content.id, ASSET, 5),
                  calm.oracle.domain.release(content.id, LEAF, 6)):
        with refused("WrongSigner"):
            calm.court.answer_released(content.id, LEAF, 5, 1, calm.signatures(other))
    snapshot = calm.chain.snapshot()
    calm.settle()
    calm.later(10)
    with refused("AnswerTooLate"):
        calm.court.answer_released(content.id, LEAF, 5, 1, calm.signatures(message))
    calm.chain.restore(snapshot)
    calm.court.answer_released(content.id, LEAF, 5, 1, calm.signatures(message), sender=calm.relayer)
    assert (calm.court.owed_to(calm.relayer), calm.court.forfeited()) == (0, bond)
    with refused("NotDemanded"):
        calm.court.answer_released(content.id, LEAF, 5, 1, calm.signatures(message))


def test_a_demand_brings_a_bond(calm):
    content = calm.publish()
    least = 3 * PROOF_GAS * 10**7
    assert calm.court.bond_needed() >= least
    with refused("BondTooSmall"):
        demand(calm, content, bond=least - 1)
    for _ in range(60):                                                      # until gas costs next to nothing
        if calm.court.bond_needed() > least:
            calm.mine(1)
    calm.mine(2)
    demand(calm, content, bond=least)


def test_no_demand_that_nobody_could_answer(calm):
    content = calm.publish()
    calm.verifiers.transact("set", keccak(text="leaf-field"), "0x" + "00" * 20, bytes(32))
    with refused("NoVerifier"):
        demand(calm, content)


def test_without_a_verifier_a_demand_freezes_nothing(calm):
    content = calm.publish()
    demand(calm, content)
    calm.settle()
    calm.later(FINALITY)
    calm.verifiers.transact("set", keccak(text="leaf-field"), "0x" + "00" * 20, bytes(32))
    with refused("NoVerifier"):
        calm.court.close_demand(content.id, LEAF, 0)
    assert calm.oracle.root_of(content.id) == content.root
    assert not calm.oracle.is_final(content.id)


def test_nothing_is_demanded_of_a_frozen_epoch(calm):
    content = calm.publish()
    demand(calm, content)
    bond = calm.court.demand_of(content.id, LEAF, 0).bond
    calm.refute(content)
    with refused("FrozenEpoch"):
        demand(calm, content, ASSET)
    receipt = calm.court.close_demand(content.id, LEAF, 0)                   # and who did gets the bond back at once
    assert read_events(calm.chain, {"oracle": calm.oracle}, receipt.block).events == (), "nor is it frozen again"
    assert calm.court.owed_to(calm.challenger) == bond


# -- double signatures -------------------------------------------------------------------------------------------------
def double(oracles, *, later: int = 100, salt: bytes = b"\x01" * 32, **changes: Any):
    """Two contents of one place, signed by one publisher, and what commits to them."""
    earlier = oracles.content()
    other = replace(earlier, **{"id": earlier.id + later, "deadline": earlier.deadline + later, **changes})
    culprit = oracles.publishers[0]
    signatures = tuple(sign(oracles.oracle.domain.content(one), culprit) for one in (earlier, other))
    return earlier, other, signatures, salt


def commit(oracles, case, sender=None):
    earlier, later, _, salt = case
    sender = sender or oracles.challenger
    oracles.court.commit_evidence(evidence(sender, earlier, later, salt), sender=sender)
    oracles.mine(1)


def show(oracles, case, sender=None):
    earlier, later, signatures, salt = case
    return oracles.court.slash_equivocation(earlier, later, signatures, salt, sender=sender or oracles.challenger)


@pytest.mark.both_chains
def test_two_signatures_in_one_place_are_slashed(calm):
    case = double(calm)
    commit(calm, case)
    show(calm, case)
    culprit = calm.publishers[0].address
    assert calm.court.stake_of(culprit) == 0
    assert calm.court.owed_to(calm.challenger) == STAKE // 10
    assert calm.court.forfeited() == STAKE - STAKE // 10


def test_once_for_each_place(calm):
    case = double(calm)
    calm.court.stake(calm.publishers[0].address, 3 * STAKE)
    commit(calm, case)
    show(calm, case)
    other = (*double(calm, later=200)[:3], b"\x02" * 32)
    commit(calm, other)
    with refused("AlreadyShown"):
        show(calm, other)
    elsewhere = double(calm)
    elsewhere = tuple(replace(one, previous=b"\x05" * 32) for one in elsewhere[:2])
    signed = tuple(sign(calm.oracle.domain.content(one), calm.publishers[0]) for one in elsewhere)
    case = (*elsewhere, signed, b"\x03" * 32)
    commit(calm, case)
    show(calm, case)
    assert calm.court.stake_of(calm.publishers[0].address) == 2 * STAKE


@pytest.mark.parametrize(("later", "slashed"), [(0, True), (600, True), (601, False)])
def test_after_the_deadline_there_is_room_again(calm, later, slashed):
    """R12: a round that a leader withheld is signed anew, and honest signers lose nothing."""
    case = double(calm, later=later, regime=1)
    commit(calm, case)
    if slashed:
        show(calm, case)
    else:
        with refused("NoEquivocation"):
            show(calm, case)


def test_what_is_no_double_signature(calm):
    earlier, later, signatures, salt = double(calm)
    for one, other, signed in ((earlier, earlier, (signatures[0],) * 2),
                               (later, earlier, signatures[::-1]),
                               (earlier, replace(later, previous=b"\x01" * 32), None)):
        signed = signed or tuple(sign(calm.oracle.domain.content(c), calm.publishers[0]) for c in (one, other))
        commit(calm, (one, other, signed, salt))
        with refused("NoEquivocation"):
            show(calm, (one, other, signed, salt))
    mixed = (earlier, later, (signatures[0], sign(calm.oracle.domain.content(later), calm.publishers[1])), salt)
    commit(calm, mixed)
    with refused("DifferentSigners"):
        show(calm, mixed)


def test_evidence_in_the_mempool_is_its_finders(calm):
    case = double(calm)
    earlier, later, _, salt = case
    with refused("NotCommitted"):
        show(calm, case)
    calm.court.commit_evidence(evidence(calm.challenger, earlier, later, salt), sender=calm.challenger)
    calm.mine(1)
    with refused("NotCommitted"):                                            # a copy
        show(calm, case, calm.relayer)
    with refused("NotCommitted"):
        show(calm, (*case[:3], b"\x09" * 32))
    with refused("AlreadyCommitted"):                                        # nobody restarts another one's clock
        calm.court.commit_evidence(evidence(calm.challenger, earlier, later, salt), sender=calm.relayer)
    show(calm, case)


HASTY = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// Commits and shows in one transaction.
contract Hasty {
    function both(address court, bytes calldata first, bytes calldata second) external {
        (bool done, bytes memory answer) = court.call(first);
        require(done);
        (done, answer) = court.call(second);
        if (!done) assembly { revert(add(answer, 0x20), mload(answer)) }
    }
}
"""


def test_evidence_waits_for_the_next_block(calm):
    """Else whoever saw it in the mempool would commit and show it before it, in one block."""
    earlier, later, signatures, salt = double(calm)
    hasty = compile_sources({"Hasty.sol": HASTY})["Hasty"]
    place = calm.chain.send(None, hasty.creation).contract
    commitment = evidence(place, earlier, later, salt)
    calls = [encode_call(calm.court.artifact, "commitEvidence", [commitment]),
             encode_call(calm.court.artifact, "slashEquivocation", [earlier.words(), later.words(), list(signatures),
                                                                    salt])]
    with pytest.raises(Reverted) as caught:
        calm.chain.call(place, encode_call(hasty, "both", [calm.court.address, *calls]))
    assert caught.value.data == keccak(text="NotCommitted(bytes32)")[:4] + commitment


# -- oracle and court --------------------------------------------------------------------------------------------------
def test_only_the_court_judges(calm):
    content = calm.publish()
    for function, arguments in (("refute", ()), ("openDemand", ()), ("closeDemand", (False,))):
        with refused("NotCourt"):
            calm.oracle.transact(function, content.id, *arguments)


def test_a_court_is_named_once(calm):
    with refused("CourtInstalled"):
        calm.govern("installCourt", calm.court.address)
    with refused("AccessManagedUnauthorized"):
        calm.govern("installCourt", calm.court.address, sender=calm.guardian)


def test_a_court_of_another_oracle_is_none(calm):
    fresh = RiskOracle(calm.chain, create(calm.chain, compile_contracts()["RiskOracle"], [
        calm.access.address, LIMITS.words(), BLOCKS], gas=16_700_000))
    with refused("NotCourt"):
        fresh.transact("installCourt", calm.court.address, sender=calm.admin)


@pytest.mark.parametrize("changes", [{"lanes": 0}, {"lanes": 6}, {"lanes": 2, "width": 127}, {"width": 45},
                                     {"value_bits": 0}, {"values": 0}, {"underlyings": 0}])
def test_a_layout_is_sound(calm, changes):
    form = tuple(LAYOUT._replace(**changes))
    with pytest.raises(Reverted) as caught:
        calm.chain.estimate_gas(None, encode_deployment(compile_contracts()["EpochCourt"], [
            calm.oracle.address, calm.verifiers.address, form, STAKE]))
    assert caught.value.data == keccak(text="LayoutOutOfBound()")[:4]
