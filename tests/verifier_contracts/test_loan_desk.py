"""A third party's protocol that lends on `IMarginManager` alone, and what its borrowers try."""

from __future__ import annotations

import pytest
from ledger_world import (
    DAY,
    HOUR,
    MINUTE,
    STATUS,
    VENUE,
    Tested,
    refused,
    send_contract,
    statement_id,
)

from verifier_contracts.abi import encode_call
from verifier_contracts.errors import Reverted

WEALTH = 10**9


@pytest.fixture
def lender(ledgers) -> Tested:
    """It lends to accounts of one venue, on margins of at most half an hour."""
    world = ledgers
    world.chain.web3.eth.send_transaction({"from": world.admin, "to": world.owner.address, "value": 10**18})
    desk = send_contract(world.chain, "LoanDesk", [world.ledger.address, world.venue, 30 * MINUTE])
    desk.transact("setWealth", world.owner.address, WEALTH)
    return desk


def borrow(world, lender, amount):
    """As the account's owner, without effect; the name of the refusal, or None."""
    data = encode_call(lender.artifact, "borrow", [amount])
    try:
        world.chain.call(lender.address, data, sender=world.owner.address)
    except Reverted as error:
        return STATUS[error.data[-1]] if len(error.data) == 36 else "TooMuch"
    return None


def test_it_lends_what_a_proven_margin_leaves(ledgers, lender):
    assert borrow(ledgers, lender, 1) == "NotAttested"
    ledgers.attest()
    assert borrow(ledgers, lender, WEALTH - ledgers.margin) is None
    assert borrow(ledgers, lender, WEALTH - ledgers.margin + 1) == "TooMuch"


def test_of_a_hidden_margin_it_counts_the_upper_bound(ledgers, lender):
    ledgers.deposit(WEALTH)
    ledgers.cover(WEALTH // 2)
    assert borrow(ledgers, lender, WEALTH - WEALTH // 2) is None
    assert borrow(ledgers, lender, WEALTH - WEALTH // 2 + 1) == "TooMuch"


def test_a_flat_account_owes_no_margin(ledgers, lender):
    ledgers.flat()
    assert borrow(ledgers, lender, WEALTH) is None


def test_an_old_margin_is_not_lent_on(ledgers, lender):
    ledgers.attest()
    ledgers.chain.travel_to(ledgers.epoch + 30 * MINUTE + 1)
    assert borrow(ledgers, lender, 1) == "Stale"


def test_a_frozen_epoch_is_not_lent_on(ledgers, lender):
    ledgers.attest()
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    assert borrow(ledgers, lender, 1) == "Frozen"


def test_a_distrusted_key_is_not_lent_on(ledgers, lender):
    ledgers.attest()
    ledgers.registry.transact("distrust", statement_id("margin"), 1, sender=ledgers.guardian)
    assert borrow(ledgers, lender, 1) == "Distrusted"


def test_another_venues_word_is_not_lent_on(ledgers, lender):
    """A friendly venue registers an empty portfolio; the account's positions are elsewhere."""
    account = ledgers.owner.address
    ledgers.attest()
    ledgers.desk.transact("moveAccount", account, ledgers.other_venue, sender=ledgers.venue)
    assert borrow(ledgers, lender, 1) == "Unknown"
    ledgers.register(77, sender=ledgers.other_venue)
    ledgers.attest(0, commitment=77)
    assert ledgers.status() == "Valid"
    assert borrow(ledgers, lender, 1) == "Unknown"


def test_a_lost_venues_word_is_not_lent_on(ledgers, lender):
    ledgers.attest()
    ledgers.authority.transact("revokeRole", VENUE, ledgers.venue, sender=ledgers.admin)
    assert borrow(ledgers, lender, 1) == "Unknown"


def test_a_void_or_replaced_commitment_is_not_lent_on(ledgers, lender):
    ledgers.attest()
    ledgers.register(77)
    assert borrow(ledgers, lender, 1) == "NotAttested"
    ledgers.attest(5, commitment=77)
    assert borrow(ledgers, lender, 1) is None
    ledgers.desk.transact("voidCommitment", ledgers.owner.address, sender=ledgers.venue)
    assert borrow(ledgers, lender, 1) == "NotAttested"


def test_a_called_account_borrows_nothing(ledgers, lender):
    ledgers.attest()
    ledgers.shortfall(WEALTH)
    assert borrow(ledgers, lender, 1) == "Called"


def test_a_cover_that_ran_out_is_not_lent_on(ledgers, lender):
    ledgers.deposit(WEALTH)
    epoch = ledgers.epoch
    ledgers.cover(WEALTH // 2)
    patient = send_contract(ledgers.chain, "LoanDesk", [ledgers.ledger.address, ledgers.venue, DAY])
    patient.transact("setWealth", ledgers.owner.address, WEALTH)
    assert borrow(ledgers, patient, 1) is None
    ledgers.chain.travel_to(epoch + HOUR + 1)
    assert borrow(ledgers, patient, 1) == "ReduceOnly"


def test_a_pause_neither_bricks_nor_fools_it(ledgers, lender):
    ledgers.attest()
    for action_class in range(4):
        ledgers.desk.transact("pause", action_class, DAY, sender=ledgers.guardian)
    assert borrow(ledgers, lender, 1) is None


def test_a_copied_attestation_does_not_make_an_atomic_borrower_fail(ledgers, lender):
    """Somebody copies his proof from the mempool and is faster: his own attestation returns quietly."""
    proof = ledgers.margin_proof()
    ledgers.attest(proof=proof)
    ledgers.attest(proof=proof)
    assert borrow(ledgers, lender, 1) is None


def test_the_wrong_hands_change_nothing_it_reads(ledgers, lender):
    ledgers.attest()
    for sender in (ledgers.stranger, ledgers.admin):
        with refused("NotDesk"):
            ledgers.ledger.transact("setCommitment", ledgers.owner.address, ledgers.venue, 1, 0, sender=sender)
        with refused("NotAttestor"):
            ledgers.ledger.transact("applyMargins", ledgers.epoch, 8, [(ledgers.owner.address, 1, 0,
                                                                        ledgers.commitment)], sender=sender)
    assert borrow(ledgers, lender, WEALTH - ledgers.margin + 1) == "TooMuch"
