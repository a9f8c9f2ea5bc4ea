"""Attacks on margin state, by owners, venues, guardians and makers of forged keys: each fails, and shows what stops it.

Numbers are those of docs/attacks.md.
"""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_account import Account
from ledger_world import (
    DAY,
    EXIT_AGE,
    FACTORS,
    GRACE,
    LIVES,
    MAX_AGE,
    MINUTE,
    NOWHERE,
    SKIPPED,
    VENUE,
    build,
    key_at,
    key_bytes,
    refused,
    send_contract,
    statement_id,
)
from test_commitment_desk import fund, send_as
from test_ledger_attest import rotated
from world import started

from verifier_contracts.abi import encode_call

RICH = 10**9


def cover_key(world):
    """Where the key of combined covers lies."""
    return key_at(world, key_bytes(world.keys["cover"]))


# -- her own liquidation -----------------------------------------------------------------------------------------------
def test_an_owner_does_not_void_her_way_out_of_a_shortfall(ledgers):
    """Of a void commitment no shortfall can be proven: whoever has fallen short would void it first, and keep what her
    collateral owes until venue and she agree on another."""
    ledgers.deposit(RICH)
    ledgers.cover(RICH, step=1)
    fund(ledgers, ledgers.owner)
    data = encode_call(ledgers.desk.artifact, "voidCommitment", [ledgers.owner.address])
    assert send_as(ledgers, ledgers.owner, ledgers.desk.address, data)["status"] == 0
    assert ledgers.ledger.read("commitmentOf", ledgers.owner.address) == ledgers.commitment
    ledgers.shortfall(RICH)
    assert ledgers.status() == "Called"
    assert send_as(ledgers, ledgers.owner, ledgers.desk.address, data)["status"] == 0


def test_an_owner_voids_what_is_flat(ledgers):
    ledgers.flat()
    fund(ledgers, ledgers.owner)
    data = encode_call(ledgers.desk.artifact, "voidCommitment", [ledgers.owner.address])
    assert send_as(ledgers, ledgers.owner, ledgers.desk.address, data)["status"] == 1
    assert ledgers.ledger.read("commitmentOf", ledgers.owner.address) == 0


# -- verifiers ---------------------------------------------------------------------------------------------------------
def test_a_verifier_without_code_proves_nothing():
    """A call of what is not there succeeds. The registry names none; the ledger does not rely on that."""
    with started() as chain:
        registry = send_contract(chain, "Teller", [])
        world = build(chain, verifiers=registry.address)
        world.deposit(RICH)
        margin, cover = world.margin_proof(), world.cover_proof(RICH)
        registry.transact("tell", encode(["address", "bytes32", "uint32"], [NOWHERE, bytes(32), 1]))
        for act in (lambda: world.attest(proof=margin), lambda: world.cover(RICH, proof=cover)):
            with refused("VerifierWithoutCode"):
                act()


# -- calls that rest on what was withdrawn -----------------------------------------------------------------------------
def test_a_call_under_a_false_epoch_ends_at_maintenance_margin(ledgers):
    """An account between maintenance and initial margin, called by one false epoch, would have to find collateral that
    it never lacked."""
    ledgers.deposit(RICH)
    ledgers.shortfall(RICH)
    later = ledgers.next_epoch()
    with refused("CureAtInitialMargin"):
        ledgers.cover(RICH, epoch=later)
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    ledgers.cover(RICH, epoch=later)
    assert ledgers.status() == "Valid"


def test_a_call_under_a_forged_key_ends_at_maintenance_margin(ledgers):
    ledgers.deposit(RICH)
    new = rotated(ledgers, "cover")
    epoch = ledgers.next_epoch()
    ledgers.ledger.transact("proveShortfall", ledgers.owner.address, epoch, ledgers.version(), RICH, 1, FACTORS,
                            ledgers.cover_proof(RICH, side=0, epoch=epoch))
    assert ledgers.status() == "Called"
    with refused("CureAtInitialMargin"):
        ledgers.cover(RICH, epoch=epoch, key=new)
    ledgers.registry.transact("distrust", statement_id("cover"), 1, sender=ledgers.guardian)
    ledgers.cover(RICH, epoch=epoch, key=new)
    assert ledgers.status() == "Valid"


def test_a_call_by_the_key_in_force_is_cured_at_initial_margin_only(ledgers):
    """What an earlier call rested on does not help with a later one."""
    ledgers.deposit(RICH)
    new = rotated(ledgers, "cover")
    epoch = ledgers.next_epoch()
    for generation, key in ((1, None), (0, new)):
        ledgers.ledger.transact("proveShortfall", ledgers.owner.address, epoch, ledgers.version(), RICH, generation,
                                FACTORS, ledgers.cover_proof(RICH, side=0, epoch=epoch, key=key))
        ledgers.cover(RICH, step=1, epoch=epoch, key=new)
    ledgers.ledger.transact("proveShortfall", ledgers.owner.address, epoch, ledgers.version(), RICH, 0, FACTORS,
                            ledgers.cover_proof(RICH, side=0, epoch=epoch, key=new))
    ledgers.registry.transact("distrust", statement_id("cover"), 1, sender=ledgers.guardian)
    with refused("CureAtInitialMargin"):
        ledgers.cover(RICH, epoch=epoch, key=new)


# -- one proof, twice --------------------------------------------------------------------------------------------------
def test_a_cover_is_no_shortfall_and_a_shortfall_no_cover(ledgers):
    """Both sides are one statement, under one context: the claim tells them apart."""
    ledgers.deposit(RICH)
    good = ledgers.cover_proof(RICH)
    bad = ledgers.cover_proof(RICH, side=0)
    with refused("ProofRejected"):
        ledgers.ledger.transact("proveShortfall", ledgers.owner.address, ledgers.epoch, 1, RICH, 0, FACTORS, good)
    with refused("ProofRejected"):
        ledgers.cover(RICH, proof=bad)


def test_a_cover_for_an_action_attests_nothing_and_an_attested_one_lets_nothing_out(ledgers):
    action = b"\x07" * 32
    ledgers.deposit(RICH)
    with refused("ProofRejected"):
        ledgers.cover(RICH, step=1, proof=ledgers.cover_proof(RICH, step=1, action=action))
    with refused("ProofRejected"):
        ledgers.vault.transact("cover", ledgers.owner.address, ledgers.epoch, 1, action, RICH, RICH,
                               ledgers.cover_proof(RICH, step=1))


def test_a_flat_proof_of_an_attestation_lets_nothing_out(ledgers):
    with refused("ProofRejected"):
        ledgers.vault.transact("flat", ledgers.owner.address, 1, b"\x07" * 32, ledgers.flat_proof())


def test_one_proof_in_two_slots_of_a_combination_is_for_one_account(ledgers):
    other = Account.from_key(b"\x31" * 32)
    ledgers.register(ledgers.commitment, owner=other)                   # even with an equal commitment
    for who in (ledgers.owner.address, other.address):
        ledgers.deposit(RICH, who)
    proof = ledgers.cover_proof(RICH)
    rows = [(who, 1, RICH, ledgers.commitment) for who in (ledgers.owner.address, other.address)]
    with refused("ProofRejected"):
        ledgers.attestor.transact("attestCovers", ledgers.epoch, 0, 0, FACTORS, cover_key(ledgers), rows,
                                  [proof, proof])
    receipt = ledgers.attestor.transact("attestCovers", ledgers.epoch, 0, 0, FACTORS, cover_key(ledgers),
                                        [rows[0], rows[0]], [proof, proof])
    (event,) = ledgers.events(receipt, ledgers.ledger, "AttestationSkipped")
    assert SKIPPED[event["why"]] == "Stands"


# -- one entry against all ---------------------------------------------------------------------------------------------
def test_an_account_that_cannot_be_valued_kills_no_batch(ledgers):
    """What an account holds may have no value just now (a mark whose epoch was frozen): it alone is left out."""
    other = Account.from_key(b"\x32" * 32)
    ledgers.register(ledgers.commitment, owner=other)
    for who in (ledgers.owner.address, other.address):
        ledgers.deposit(RICH, who)
    ledgers.vault.transact("breakDown", other.address)
    entries = [((who, 1, RICH, ledgers.commitment), ledgers.cover_proof(RICH, account=who, version=1))
               for who in (other.address, ledgers.owner.address)]
    receipt = ledgers.attestor.transact("attestCovers", ledgers.epoch, 0, 0, FACTORS, cover_key(ledgers),
                                        [row for row, _ in entries], [proof for _, proof in entries])
    (event,) = ledgers.events(receipt, ledgers.ledger, "AttestationSkipped")
    assert (event["account"], SKIPPED[event["why"]]) == (other.address, "Uncovered")
    assert ledgers.status() == "Valid"


# -- time --------------------------------------------------------------------------------------------------------------
def test_a_margin_from_before_a_move_of_prices_is_not_chosen_afterwards(ledgers):
    """Within its age an older epoch is good for the grace only, and never after a newer one was used (Euler)."""
    ledgers.deposit(RICH)
    old = ledgers.epoch
    new = ledgers.next_epoch(5 * MINUTE)
    ledgers.cover(RICH, epoch=new)
    with refused("EpochOlderThanLast"):
        ledgers.cover(RICH, step=3, epoch=old)
    with refused("EpochOlderThanLast"):
        ledgers.ledger.transact("proveShortfall", ledgers.owner.address, old, 1, RICH, 0, FACTORS,
                                ledgers.cover_proof(RICH, side=0, epoch=old))
    with refused("EpochOlderThanLast"):
        ledgers.vault.transact("cover", ledgers.owner.address, old, 1, b"\x07" * 32, RICH, RICH,
                               ledgers.cover_proof(RICH, step=1, epoch=old, action=b"\x07" * 32))


@pytest.mark.parametrize("late", [0, 1])
def test_the_last_second_of_a_cover(ledgers, late):
    ledgers.deposit(RICH)
    ledgers.cover(RICH)
    ledgers.chain.travel_to(ledgers.epoch + LIVES[0] + late)
    assert ledgers.ledger.read("isReduceOnly", ledgers.owner.address) == bool(late)
    assert ledgers.status(max_age=DAY) == ("ReduceOnly" if late else "Valid")


def test_an_exit_is_to_the_second(ledgers):
    assert EXIT_AGE <= GRACE <= MAX_AGE
    action, arguments = b"\x07" * 32, (ledgers.owner.address, ledgers.epoch, 1)
    proof = ledgers.cover_proof(RICH, step=1, action=action)
    ledgers.chain.travel_to(ledgers.epoch + EXIT_AGE)
    with refused("StaleEpoch"):                                         # mined a second later
        ledgers.vault.transact("cover", *arguments, action, RICH, RICH, proof)


# -- pairs of hands ----------------------------------------------------------------------------------------------------
def test_a_venue_and_a_guardian_together_do_not_keep_a_flat_account(ledgers):
    """Role lost, commitment to be voided, account to be moved, openings paused, margin key distrusted, epoch frozen."""
    ledgers.flat()
    account = ledgers.owner.address
    ledgers.desk.transact("pause", 0, DAY, sender=ledgers.guardian)
    for sender in (ledgers.venue, ledgers.guardian):
        with refused("AccountIsFlat"):
            ledgers.desk.transact("voidCommitment", account, sender=sender)
    with refused("AccountIsFlat"):
        ledgers.desk.transact("moveAccount", account, ledgers.other_venue, sender=ledgers.venue)
    with refused("AccountIsFlat"):
        ledgers.desk.transact("reassignAccount", account, ledgers.other_venue, sender=ledgers.admin)
    ledgers.registry.transact("distrust", statement_id("margin"), 1, sender=ledgers.guardian)
    ledgers.registry.transact("distrust", statement_id("cover"), 1, sender=ledgers.guardian)
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    ledgers.authority.transact("revokeRole", VENUE, ledgers.venue, sender=ledgers.admin)
    action = b"\x07" * 32
    ledgers.vault.transact("flat", account, 1, action, ledgers.flat_proof(action=action))
    assert ledgers.version() == 2
