"""The margin ledger: margins, covers, flat accounts and shortfalls move by proofs, and each deviation is refused."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from ledger_world import (
    BUFFERS,
    DAY,
    EXIT_AGE,
    FACTORS,
    FOREVER,
    GRACE,
    HOUR,
    LIVES,
    MAX_AGE,
    MINUTE,
    NOWHERE,
    build,
    candidate,
    key_at,
    key_bytes,
    refused,
    send_contract,
    statement_id,
)
from liquidation_world import refused as refuses
from revmchain import Refusal
from toykey import CIRCUIT, ToyKey
from world import started

from tailproof.ladder import Ladder
from verifier_contracts.bindings import proof_words
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.errors import ContractRefused
from verifier_contracts.sending import created_address

RICH = 10**9


# -- margins -----------------------------------------------------------------------------------------------------------
def test_a_valid_proof_moves_the_margin(ledgers):
    assert ledgers.status() == "NotAttested"
    with refused("MarginUnavailable"):
        ledgers.ledger.read("marginOf", ledgers.owner.address, HOUR)
    receipt = ledgers.attest()
    assert ledgers.reading() == (1, ledgers.margin, ledgers.epoch, ledgers.epoch + HOUR)
    assert ledgers.ledger.read("marginOf", ledgers.owner.address, HOUR) == ledgers.margin
    now = ledgers.chain.now()
    state = ledgers.ledger.read("stateOf", ledgers.owner.address)
    assert state[:5] == (ledgers.margin, ledgers.epoch, 1, now, 8)
    (event,) = ledgers.events(receipt, ledgers.ledger, "MarginAttested")
    assert event == {"account": ledgers.owner.address, "epochId": ledgers.epoch, "version": 1,
                     "margin": ledgers.margin}


def test_margins_at_the_ends_of_their_range(ledgers):
    for margin in (0, 2**91 - 1):
        epoch = ledgers.next_epoch()
        ledgers.attest(margin, epoch=epoch)
        assert ledgers.reading()[:3] == (1, margin, epoch)
    epoch = ledgers.next_epoch()
    with refused("ValueTooWide"):
        ledgers.attest(2**91, epoch=epoch)


@pytest.mark.parametrize("field", ["chain_id", "manager", "key_digest", "account", "epoch_id", "version", "action_hash",
                                   "statement"])
def test_a_proof_bound_to_another_context_is_refused(ledgers, field):
    other = {"chain_id": ledgers.chain.chain_id + 1, "manager": ledgers.desk.address, "key_digest": b"\x01" * 32,
             "account": ledgers.relayer, "epoch_id": ledgers.epoch - 1, "version": 2, "action_hash": b"\x01" * 32,
             "statement": "cover"}
    context = ledgers.context("margin", **{field: other[field]}) if field != "statement" else \
        ledgers.context("cover", key=ledgers.keys["margin"])
    with refused("ProofRejected"):
        ledgers.attest(proof=proof_words(ledgers.keys["margin"].prove(
            [context, ledgers.root, ledgers.commitment, ledgers.margin])))


@pytest.mark.parametrize("field", ["margin", "root", "commitment"])
def test_a_proof_of_another_public_input_is_refused(ledgers, field):
    values = {"margin": ledgers.margin + 1, "root": ledgers.root + 1, "commitment": ledgers.commitment + 1}
    with refused("ProofRejected"):
        ledgers.attest(proof=ledgers.margin_proof(**{field: values[field]}))


def test_the_same_margin_again_returns_quietly(ledgers):
    """Whoever sends margin and trade together is not hurt by a copy of his proof that was faster."""
    ledgers.attest()
    before = ledgers.ledger.read("stateOf", ledgers.owner.address)
    receipt = ledgers.attest(proof=[0] * 8)
    assert ledgers.events(receipt, ledgers.ledger, "MarginAttested") == []
    assert ledgers.ledger.read("stateOf", ledgers.owner.address) == before
    with refused("AlreadyAttested"):
        ledgers.attest(ledgers.margin + 1)


def test_an_account_must_be_registered_and_at_the_version(ledgers):
    with refused("AccountNotRegistered"):
        ledgers.attest(account=ledgers.stranger, version=0, proof=[0] * 8)
    with refused("WrongVersion"):
        ledgers.attest(version=2)
    with refused("WrongVersion"):
        ledgers.attest(version=0)


def test_an_older_epoch_is_refused_after_a_newer_one(ledgers):
    newer = ledgers.next_epoch(MINUTE)
    ledgers.attest(epoch=newer)
    with refused("EpochOlderThanLast"):
        ledgers.attest()
    ledgers.register(ledgers.commitment)
    with refused("EpochOlderThanLast"):
        ledgers.attest()                                                # a new commitment does not reopen it


def test_where_the_last_epoch_is_frozen_an_older_one_stands_in(ledgers):
    newer = ledgers.next_epoch(MINUTE)
    ledgers.attest(epoch=newer)
    ledgers.oracle.transact("freeze", newer, True)
    assert ledgers.status() == "Frozen"
    ledgers.attest()
    assert ledgers.reading()[:3] == (1, ledgers.margin, ledgers.epoch)


def test_unknown_and_frozen_epochs_are_refused(ledgers):
    with refused("UnknownEpoch"):
        ledgers.attest(epoch=ledgers.epoch + 1)
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    with refused("FrozenEpoch"):
        ledgers.attest()


def test_an_epoch_is_good_to_the_last_second_of_its_age(ledgers):
    proof = ledgers.margin_proof()
    arguments = (ledgers.owner.address, ledgers.epoch, 1, ledgers.margin, 0, proof)
    ledgers.chain.travel_to(ledgers.epoch + MAX_AGE)
    ledgers.ledger.check("attest", *arguments)
    ledgers.chain.travel_to(ledgers.epoch + MAX_AGE + 1)
    with refused("StaleEpoch"):
        ledgers.ledger.check("attest", *arguments)


def test_a_superseded_epoch_has_a_grace_and_no_more(ledgers):
    """Else the best of several epochs could be chosen, up to the age limit."""
    successor = ledgers.next_epoch(MINUTE)
    proof = ledgers.margin_proof()
    arguments = (ledgers.owner.address, ledgers.epoch, 1, ledgers.margin, 0, proof)
    ledgers.chain.travel_to(successor + GRACE)
    ledgers.ledger.check("attest", *arguments)
    ledgers.chain.travel_to(successor + GRACE + 1)
    with refused("SupersededEpoch"):
        ledgers.ledger.check("attest", *arguments)
    # Where the newest is frozen, it supersedes nothing but what is before the last final one.
    ledgers.oracle.transact("freeze", successor, True)
    ledgers.ledger.check("attest", *arguments)
    ledgers.oracle.transact("finalise", successor)
    with refused("SupersededEpoch"):
        ledgers.ledger.check("attest", *arguments)


# -- readers -----------------------------------------------------------------------------------------------------------
def test_every_status_has_its_reason(ledgers):
    account, venue = ledgers.owner.address, ledgers.venue
    assert ledgers.status(ledgers.stranger) == "Unknown"
    ledgers.attest()
    assert ledgers.status() == ledgers.status(venue=venue) == ledgers.status(min_epoch=ledgers.epoch) == "Valid"
    assert ledgers.status(venue=ledgers.other_venue) == "Unknown"
    assert ledgers.status(min_epoch=ledgers.epoch + 1) == "Superseded"
    age = ledgers.chain.now() - ledgers.epoch
    assert ledgers.status(max_age=age + 1) == "Valid"
    assert ledgers.status(max_age=age - 1) == "Stale"
    with refused("MarginUnavailable"):
        ledgers.ledger.read("marginOf", account, age - 1)
    assert ledgers.reading(max_age=FOREVER)[3] == ledgers.epoch + 2**40 - 1
    ledgers.chain.travel_to(ledgers.epoch + 1_000)
    assert (ledgers.status(max_age=1_000), ledgers.status(max_age=999)) == ("Valid", "Stale")
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    assert ledgers.status() == "Frozen"
    ledgers.oracle.transact("freeze", ledgers.epoch, False)
    ledgers.registry.transact("distrust", statement_id("margin"), 1, sender=ledgers.guardian)
    assert ledgers.status() == "Distrusted"


def test_a_venue_without_its_role_is_believed_nothing(ledgers):
    ledgers.attest()
    ledgers.authority.transact("revokeRole", 3, ledgers.venue, sender=ledgers.admin)
    assert ledgers.reading() == (0, 0, 0, 0)
    with refused("MarginUnavailable"):
        ledgers.ledger.read("marginOf", ledgers.owner.address, HOUR)


def test_many_accounts_are_read_at_once(ledgers):
    ledgers.attest()
    accounts = [ledgers.owner.address, ledgers.stranger]
    readings = ledgers.lens.read("tryMarginsOf", ledgers.ledger.address, accounts, HOUR, 0, NOWHERE)
    assert list(readings) == [ledgers.reading(account) for account in accounts]


def test_contexts_are_told(ledgers):
    for epoch, version, action in ((ledgers.epoch, 1, bytes(32)), (2**40 - 1, 2**40 - 1, b"\xff" * 32)):
        told = ledgers.lens.read("contextOf", ledgers.ledger.address, statement_id("cover"), ledgers.owner.address,
                                 epoch, version, action)
        assert told == ledgers.context("cover", epoch=epoch, version=version, action=action)


# -- keys --------------------------------------------------------------------------------------------------------------
def rotated(world, statement="margin"):
    key = ToyKey(4, seed=f"{statement}, second")
    given = candidate(world.chain, key, deploy_verifier(world.chain, key.verification_key, statement, CIRCUIT))
    world.registry.transact("announce", statement_id(statement), given, sender=world.admin)
    world.chain.travel_to(world.chain.now() + 7 * DAY)
    world.registry.transact("activate", statement_id(statement), given)
    return key


def test_proofs_in_flight_outlive_a_rotation_until_the_sunset(ledgers):
    new = rotated(ledgers)
    epoch = ledgers.next_epoch()
    with refused("ProofRejected"):
        ledgers.attest(epoch=epoch)                                     # by the old key, for the one in force
    ledgers.attest(epoch=epoch, generation=1)
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[4] == 8
    epoch = ledgers.next_epoch()
    ledgers.attest(epoch=epoch, key=new)
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[4] == 16
    ledgers.chain.travel_to(ledgers.chain.now() + DAY)
    epoch = ledgers.next_epoch()
    with refused("SunsetPassed"):
        ledgers.attest(epoch=epoch, generation=1)


def test_distrust_voids_margins_and_lets_them_be_proven_again(ledgers):
    new = rotated(ledgers)
    epoch = ledgers.next_epoch()
    ledgers.attest(epoch=epoch, generation=1)
    ledgers.registry.transact("distrust", statement_id("margin"), 1, sender=ledgers.guardian)
    assert ledgers.status() == "Distrusted"
    ledgers.attest(ledgers.margin + 5, epoch=epoch, key=new)            # the same epoch, though something stood there
    assert ledgers.reading()[:2] == (1, ledgers.margin + 5)


def test_margins_of_the_last_generation_stand_and_fall_with_it(lw):
    """As many as the word has bits for."""
    margin, who = statement_id("margin"), lw.owner
    for generation in range(2, 32):
        given = lw.s.candidate("margin", generation)
        lw.s.registry("announce", margin, given, sender=lw.s.admin)
        lw.wait(7 * DAY)
        lw.s.registry("activate", margin, given)
    lw.publish()
    lw.register(lw.owner_key, 500)
    lw.s.ledger("attest", who, lw.epoch, 1, 500, 0, lw.margin_proof(who, lw.epoch, 500, lw.s.ledger))
    assert (lw.status(who), lw.s.ledger("stateOf", who)[4]) == ("Valid", 31 << 3)
    for generation, status in ((15, "Valid"), (31, "Distrusted")):
        lw.s.registry("distrust", margin, generation, sender=lw.s.guardian)
        assert lw.status(who) == status


# -- cover -------------------------------------------------------------------------------------------------------------
def test_a_hidden_margin_is_covered(ledgers):
    ledgers.deposit(RICH)
    receipt = ledgers.cover(RICH // 2)
    assert ledgers.reading() == (1, RICH // 2, ledgers.epoch, ledgers.epoch + LIVES[0])
    assert ledgers.reading(max_age=DAY)[3] == ledgers.epoch + LIVES[0]
    assert ledgers.reading(max_age=HOUR - 1)[3] == ledgers.epoch + HOUR - 1
    assert not ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    with refused("MarginHidden"):
        ledgers.ledger.read("marginOf", ledgers.owner.address, HOUR)
    (event,) = ledgers.events(receipt, ledgers.ledger, "CoverAttested")
    assert (event["value"], event["validUntil"]) == (RICH // 2, ledgers.epoch + LIVES[0])
    ledgers.chain.travel_to(ledgers.epoch + LIVES[0])
    assert ledgers.status(max_age=DAY) == "Valid"
    ledgers.chain.travel_to(ledgers.epoch + LIVES[0] + 1)
    assert ledgers.status(max_age=DAY) == "ReduceOnly"
    assert ledgers.ledger.read("isReduceOnly", ledgers.owner.address)


def test_a_cover_claims_no_more_than_the_vault_counts(ledgers):
    ledgers.deposit(RICH)
    with refused("ClaimAboveValue"):
        ledgers.cover(RICH + 1)
    proof = ledgers.cover_proof(RICH)
    ledgers.deposit(RICH + 1)                                           # dust does not hurt a proof in flight
    ledgers.cover(RICH, proof=proof)


@pytest.fixture(scope="module")
def told():
    """A ledger whose vault answers with whatever it was told."""
    with started() as chain:
        yield build(chain, vault_of=lambda chain, authority, oracle: lambda ledger: send_contract(chain, "Teller", []))


def words(*numbers):
    return b"".join(number.to_bytes(32, "big") for number in numbers)


def test_a_vault_answers_with_one_value_of_128_bits(told):
    proof = told.cover_proof(RICH)
    for answer in (b"", words(RICH)[:31], words(RICH, 0), words(2**128 + RICH), words(2**255)):
        told.vault.transact("tell", answer)
        with refused("VaultAnswerMalformed"):
            told.cover(RICH, proof=proof)
    told.vault.transact("tell", words(2**128 - 1))
    told.cover(RICH, proof=proof)


def test_a_vault_answers_with_a_value_for_each_account(told):
    row = (told.owner.address, told.version(), RICH // 2, told.commitment)
    epoch = told.next_epoch()
    call = ("attestCovers", epoch, 0, 0, FACTORS, key_at(told, key_bytes(told.keys["cover"])), [row],
            [told.cover_proof(RICH // 2, epoch=epoch)])
    for answer in (b"", words(32, 0), words(32, 2, RICH, RICH), words(32, 1, RICH, 0), words(32, 2, RICH),
                   words(32, 1, 2**128 + RICH)):
        told.vault.transact("tell", answer)
        with refused("VaultAnswerMalformed"):
            told.attestor.transact(*call, sender=told.relayer)
    told.vault.transact("tell", words(32, 1, RICH))
    told.attestor.transact(*call, sender=told.relayer)
    assert told.reading()[:3] == (1, RICH // 2, epoch)


def test_a_cover_claim_fits_its_lane(ledgers):
    """2^144 would be the side, and 2^128 the buffer."""
    ledgers.deposit(2**127)
    with refused("ValueTooWide"):
        ledgers.cover(2**96)
    ledgers.cover(2**96 - 1)


@pytest.mark.parametrize("step", range(4))
def test_the_ladder_is_the_contracts_own(ledgers, step):
    ledgers.deposit(RICH)
    other = (step + 1) % 4
    with refused("ProofRejected"):
        ledgers.cover(RICH, step=step, proof=ledgers.cover_proof(RICH, step=other))
    with refused("ProofRejected"):                                      # the other side: a shortfall
        ledgers.cover(RICH, step=step, proof=ledgers.cover_proof(RICH, step=step, side=0))
    ledgers.cover(RICH, step=step)
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[5] == ledgers.epoch + LIVES[step]
    assert (ledgers.ledger.read("bufferOf", step), ledgers.ledger.read("lifeOf", step)) == (BUFFERS[step], LIVES[step])
    with refused("NoSuchStep"):
        ledgers.ledger.read("bufferOf", 4)
    with refused("NoSuchStep"):
        ledgers.ledger.read("lifeOf", 4)


def test_the_vaults_factors_are_the_epochs(ledgers):
    ledgers.deposit(RICH)
    with pytest.raises(ContractRefused, match="WrongFactors"):
        ledgers.cover(RICH, factors=[(1, 2 << 64, 1 << 64)])


def test_a_cover_shown_again_is_good_no_longer(ledgers):
    ledgers.deposit(RICH)
    ledgers.cover(RICH)
    before = ledgers.ledger.read("stateOf", ledgers.owner.address)
    assert ledgers.events(ledgers.cover(RICH, proof=[0] * 8), ledgers.ledger, "CoverAttested") == []
    assert ledgers.ledger.read("stateOf", ledgers.owner.address) == before
    ledgers.cover(RICH - 1)                                             # of less collateral: says more
    ledgers.cover(RICH, proof=[0] * 8)                                  # says less: nothing happens
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[0] == RICH - 1
    ledgers.cover(RICH, step=2)                                         # for longer
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[5] == ledgers.epoch + LIVES[2]


def test_a_cover_under_a_newer_epoch_takes_the_place_of_a_longer_one(ledgers):
    """What stands longer, or of less collateral, says nothing about another epoch's prices."""
    ledgers.deposit(RICH)
    ledgers.cover(RICH - 1, step=3)
    newer = ledgers.next_epoch(MINUTE)
    ledgers.cover(RICH, step=0, epoch=newer)
    assert ledgers.reading() == (1, RICH, newer, newer + LIVES[0])


def test_a_margin_does_not_displace_a_cover(ledgers):
    """Else a proof of the margin, copied from somewhere, would uncover an account."""
    ledgers.deposit(RICH)
    ledgers.cover(RICH)
    with refused("CoverStands"):
        ledgers.attest()
    newer = ledgers.next_epoch()
    with refused("CoverStands"):
        ledgers.attest(epoch=newer)
    ledgers.chain.travel_to(ledgers.epoch + LIVES[0] + 1)
    newer = ledgers.next_epoch()
    ledgers.attest(epoch=newer)
    assert ledgers.reading()[:2] == (1, ledgers.margin)


def test_a_cover_rests_on_its_key_and_its_epoch(ledgers):
    ledgers.deposit(RICH)
    ledgers.cover(RICH)
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    assert ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    ledgers.oracle.transact("freeze", ledgers.epoch, False)
    assert not ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    ledgers.registry.transact("distrust", statement_id("cover"), 1, sender=ledgers.guardian)
    assert ledgers.status() == "Distrusted"
    assert ledgers.ledger.read("isReduceOnly", ledgers.owner.address)


def test_covers_age_and_order_like_margins(ledgers):
    ledgers.deposit(RICH)
    newer = ledgers.next_epoch(MINUTE)
    ledgers.cover(RICH, epoch=newer)
    with refused("EpochOlderThanLast"):
        ledgers.cover(RICH - 1)
    with refused("WrongVersion"):
        ledgers.cover(RICH - 1, epoch=newer, version=2)
    ledgers.chain.travel_to(newer + MAX_AGE + 1)
    with refused("StaleEpoch"):
        ledgers.cover(RICH - 1, epoch=newer)


# -- a public margin that counts as cover ------------------------------------------------------------------------------
def test_a_public_margin_counts_as_cover(ledgers):
    account = ledgers.owner.address
    enough = ledgers.margin * (10_000 + BUFFERS[1]) // 10_000 + 1
    with refused("NoMargin"):
        ledgers.ledger.transact("coverByMargin", account, 1, FACTORS)
    ledgers.attest()
    assert ledgers.ledger.read("isReduceOnly", account)
    ledgers.deposit(enough - 1)
    with refused("NotCovered"):
        ledgers.ledger.transact("coverByMargin", account, 1, FACTORS)
    ledgers.deposit(enough)
    receipt = ledgers.ledger.transact("coverByMargin", account, 1, FACTORS)
    (event,) = ledgers.events(receipt, ledgers.ledger, "MarginCovered")
    assert (event["value"], event["validUntil"]) == (enough, ledgers.epoch + LIVES[1])
    assert not ledgers.ledger.read("isReduceOnly", account)
    assert ledgers.reading()[:2] == (1, ledgers.margin)
    for value, covers in ((ledgers.margin - 1, False), (ledgers.margin, True)):
        ledgers.deposit(value)
        assert ledgers.lens.read("isCoveredNow", ledgers.ledger.address, account, FACTORS) is covers
    ledgers.chain.travel_to(ledgers.epoch + LIVES[1])
    assert not ledgers.ledger.read("isReduceOnly", account)
    assert ledgers.lens.read("isCoveredNow", ledgers.ledger.address, account, FACTORS)
    ledgers.chain.travel_to(ledgers.epoch + LIVES[1] + 1)
    assert ledgers.ledger.read("isReduceOnly", account)
    assert not ledgers.lens.read("isCoveredNow", ledgers.ledger.address, account, FACTORS)


@pytest.mark.parametrize("margin", [1, 9_999, 10_001, 7_654_321])
def test_the_risk_engines_ladder_is_the_ledgers(ledgers, margin):
    """What `risk margin --system` asks for at each step is what the ledger takes, and a unit less is not."""
    account, ladder = ledgers.owner.address, Ladder(tuple(BUFFERS), tuple(LIVES))
    ledgers.attest(margin)
    for step, enough in enumerate(ladder.required(margin)):
        ledgers.deposit(enough - 1)
        with refused("NotCovered"):
            ledgers.ledger.transact("coverByMargin", account, step, FACTORS)
        ledgers.deposit(enough)
        ledgers.ledger.transact("coverByMargin", account, step, FACTORS)


@pytest.mark.parametrize("step", range(4))
def test_a_margin_and_its_buffer_are_cover_to_the_unit(ledgers, step):
    account, enough = ledgers.owner.address, 1_000 * (10_000 + BUFFERS[step])
    ledgers.attest(10_000_000)
    ledgers.deposit(enough - 1)
    with refused("NotCovered"):
        ledgers.ledger.transact("coverByMargin", account, step, FACTORS)
    ledgers.deposit(enough)
    ledgers.ledger.transact("coverByMargin", account, step, FACTORS)
    before = ledgers.ledger.read("stateOf", account)
    receipt = ledgers.ledger.transact("coverByMargin", account, step, FACTORS)      # says nothing new
    assert ledgers.events(receipt, ledgers.ledger, "MarginCovered") == []
    assert ledgers.ledger.read("stateOf", account) == before


def test_a_margin_covers_only_under_a_fresh_epoch_and_a_trusted_key(ledgers):
    ledgers.attest()
    ledgers.deposit(RICH)
    ledgers.registry.transact("distrust", statement_id("margin"), 1, sender=ledgers.guardian)
    with refused("NoMargin"):
        ledgers.ledger.transact("coverByMargin", ledgers.owner.address, 0, FACTORS)


def test_an_old_margin_covers_nothing(ledgers):
    ledgers.attest()
    ledgers.deposit(RICH)
    ledgers.chain.travel_to(ledgers.epoch + MAX_AGE + 1)
    with refused("StaleEpoch"):
        ledgers.ledger.transact("coverByMargin", ledgers.owner.address, 0, FACTORS)


def test_a_cover_is_no_margin(ledgers):
    ledgers.deposit(RICH)
    ledgers.cover(RICH)
    assert ledgers.lens.read("isCoveredNow", ledgers.ledger.address, ledgers.owner.address, FACTORS)
    with refused("NoMargin"):
        ledgers.ledger.transact("coverByMargin", ledgers.owner.address, 0, FACTORS)
    ledgers.deposit(RICH - 1)
    assert not ledgers.lens.read("isCoveredNow", ledgers.ledger.address, ledgers.owner.address, FACTORS)


# -- flat --------------------------------------------------------------------------------------------------------------
def test_a_flat_account_is_flat_until_its_version_changes(ledgers):
    ledgers.flat()
    assert ledgers.reading() == (9, 0, 0, 2**64 - 1)
    assert ledgers.ledger.read("marginOf", ledgers.owner.address, 0) == 0
    assert not ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    ledgers.flat(proof=[0] * 8)                                         # stands: quiet
    with refused("CoverStands"):
        ledgers.attest()
    ledgers.chain.travel_to(ledgers.chain.now() + 30 * DAY)
    assert ledgers.status() == "Flat"
    ledgers.register(77)
    assert ledgers.status() == "NotAttested"


def test_flat_needs_no_oracle_and_no_venue(ledgers):
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    ledgers.authority.transact("revokeRole", 3, ledgers.venue, sender=ledgers.admin)
    ledgers.flat()
    assert ledgers.ledger.read("isFlat", ledgers.owner.address)


def test_a_flat_proof_is_of_this_commitment_and_version(ledgers):
    for made in ({"commitment": ledgers.commitment + 1}, {"version": 2}, {"version": 0}, {"action": b"\x01" * 32},
                 {"account": ledgers.stranger}):
        with refused("ProofRejected"):
            ledgers.ledger.transact("attestFlat", ledgers.owner.address, 1, 0, ledgers.flat_proof(**made))
    with refused("WrongVersion"):
        ledgers.flat(version=2)
    ledgers.flat()


def test_flat_rests_on_its_key(ledgers):
    ledgers.flat()
    ledgers.registry.transact("distrust", statement_id("flat"), 1, sender=ledgers.guardian)
    assert ledgers.status() == "Distrusted"
    assert not ledgers.ledger.read("isFlat", ledgers.owner.address)


# -- called ------------------------------------------------------------------------------------------------------------
def test_a_shortfall_calls_at_once_and_cover_at_initial_margin_cures(ledgers):
    account = ledgers.owner.address
    ledgers.deposit(RICH)
    ledgers.cover(RICH)
    ledgers.oracle.transact("stop", 100)
    receipt = ledgers.shortfall(RICH)
    (event,) = ledgers.events(receipt, ledgers.ledger, "AccountCalled")
    assert (event["account"], event["value"]) == (account, RICH)
    state = ledgers.ledger.read("stateOf", account)
    assert state[4:] == (1, ledgers.chain.now() - 100)                  # live time
    assert ledgers.status() == "Called"
    assert ledgers.ledger.read("isCalled", account)
    assert ledgers.ledger.read("isReduceOnly", account)
    ledgers.chain.travel_to(ledgers.chain.now() + 60)
    receipt = ledgers.shortfall(RICH)                                   # a second time: nothing more
    assert ledgers.events(receipt, ledgers.ledger, "AccountCalled") == []
    assert ledgers.ledger.read("stateOf", account) == state
    with refused("AccountIsCalled"):
        ledgers.attest()
    with refused("CureAtInitialMargin"):
        ledgers.cover(RICH)
    receipt = ledgers.cover(RICH, step=1)
    assert len(ledgers.events(receipt, ledgers.ledger, "AccountCured")) == 1
    assert ledgers.status() == "Valid"
    assert not ledgers.ledger.read("isCalled", account)


def test_a_shortfall_is_of_at_least_what_the_vault_counts(ledgers):
    ledgers.deposit(RICH)
    with refused("ClaimBelowValue"):
        ledgers.shortfall(RICH - 1)
    ledgers.shortfall(RICH)


def test_a_shortfall_is_at_maintenance_margin_and_of_its_side(ledgers):
    ledgers.deposit(RICH)
    for made in ({"step": 1}, {"side": 1}, {"commitment": 5}, {"action": b"\x01" * 32}):
        with refused("ProofRejected"):
            ledgers.shortfall(RICH, **made)
    ledgers.chain.travel_to(ledgers.epoch + MAX_AGE + 1)
    with refused("StaleEpoch"):
        ledgers.shortfall(RICH)


def test_a_flat_proof_ends_a_call(ledgers):
    ledgers.shortfall(RICH)
    receipt = ledgers.flat()
    assert len(ledgers.events(receipt, ledgers.ledger, "AccountCured")) == 1
    assert ledgers.status() == "Flat"
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[5] == 0         # the call's time is no cover's


# -- what is checked at deployment -------------------------------------------------------------------------------------
@pytest.mark.parametrize("setting", ["oracle", "verifiers", "vault", "attestor", "desk", "maxEpochAge", "exitEpochAge",
                                     "finalEpochAge", "supersededGrace", "lives"])
def test_no_setting_may_be_missing(ledgers, setting):
    nothing = {"lives": [60, 0, 60, 60]}.get(setting, 0 if isinstance(ledgers.settings[setting], int) else NOWHERE)
    with refused("SettingMissing"):
        deploy_ledger(ledgers, **{setting: nothing})


def deploy_ledger(world, authority=None, **settings):
    chosen = world.settings | settings
    return send_contract(world.chain, "MarginLedger", [authority or world.authority.address, tuple(chosen.values())])


def test_no_authority_may_be_missing(ledgers):
    with refused("SettingMissing"):
        deploy_ledger(ledgers, authority=ledgers.stranger)
    with refused("SettingMissing"):
        send_contract(ledgers.chain, "CommitmentDesk",
                      [ledgers.stranger, ledgers.ledger.address, ledgers.registry.address])
    with refused("SettingMissing"):
        send_contract(ledgers.chain, "CommitmentDesk", [ledgers.authority.address, NOWHERE, ledgers.registry.address])
    with refused("SettingMissing"):
        send_contract(ledgers.chain, "CommitmentDesk",
                      [ledgers.authority.address, ledgers.ledger.address, ledgers.stranger])
    good = [ledgers.ledger.address, ledgers.registry.address, ledgers.combiner.address, 5]
    for place, bad in ((0, NOWHERE), (1, ledgers.stranger), (2, ledgers.stranger), (3, 0)):
        with refused("SettingMissing"):
            send_contract(ledgers.chain, "BatchAttestor", [*good[:place], bad, *good[place + 1:]])


def modules_of_the_next(world):
    """Settings of the next ledger: modules that say that they are its own."""
    around = send_contract(world.chain, "Teller", [])
    nonce = world.chain.web3.eth.get_transaction_count(world.chain.web3.to_checksum_address(world.admin))
    around.transact("tell", words(int(created_address(world.admin, nonce + 1), 16)))
    return dict.fromkeys(("attestor", "desk", "escrow"), around.address)


@pytest.mark.parametrize("module", ["attestor", "desk", "escrow"])
def test_modules_belong_to_their_ledger(ledgers, module):
    """Its own: those of another ledger would tell this one nothing, and others could."""
    own = modules_of_the_next(ledgers)
    with refused("NotOfThisLedger") as caught:
        deploy_ledger(ledgers, **own | {module: ledgers.settings[module]})
    assert caught.value.arguments == {"module": ledgers.settings[module]}
    deploy_ledger(ledgers, **own)


def test_a_ladder_is_read_as_it_was_set(ledgers):
    buffers, lives = [0, 1, 2**15, 2**16 - 1], [1, 2**16, 2**31, 2**32 - 1]
    ledger = deploy_ledger(ledgers, buffers=buffers, lives=lives, **modules_of_the_next(ledgers))
    assert [ledger.read("bufferOf", step) for step in range(4)] == buffers
    assert [ledger.read("lifeOf", step) for step in range(4)] == lives


def test_an_accounts_clock_ends_with_its_bits(lw):
    """In 2106: nothing wraps."""
    lw.s.machine.at(2**32 - 1 - LIVES[0])
    lw.register(lw.key("the last"), 0)
    assert lw.s.ledger("stateOf", lw.key("the last").address)[5] == 2**32 - 1
    lw.s.machine.at(2**32 - LIVES[0])
    with refuses("ValueTooWide", 2**32, 2**32):
        lw.register(lw.key("too late"), 0)


def test_an_accounts_versions_end_with_their_bits(lw):
    """Nobody waits for so many: they are written into what is stored."""
    who, evm = lw.owner, lw.s.machine.evm
    lw.register(lw.owner_key, 0)
    places = [int.from_bytes(keccak(encode(["address", "uint256"], [who, slot])), "big") for slot in range(16)]
    (place,) = [place for place in places if evm.storage(lw.s.ledger.address, place) >> 136 & (2**40 - 1) == 1
                and evm.storage(lw.s.ledger.address, place) >> 224]
    word = evm.storage(lw.s.ledger.address, place)
    evm.insert_account_storage(lw.s.ledger.address, place, word + (2**40 - 3 << 136))
    assert lw.version(who) == 2**40 - 2
    lw.register(lw.owner_key, 0)
    assert lw.version(who) == 2**40 - 1
    with pytest.raises(Refusal):
        lw.s.desk("voidCommitment", who, sender=lw.venue)
    evm.insert_account_storage(lw.s.ledger.address, place, word)


@pytest.mark.parametrize(("name", "ladder"), [("buffers", [0, 0, 1, 2]), ("buffers", [0, 5, 4, 6]),
                                              ("lives", [60, 59, 60, 60])])
def test_the_ladder_rises(ledgers, name, ladder):
    with refused("LadderOutOfOrder"):
        deploy_ledger(ledgers, **{name: ladder})


def test_only_modules_and_vault_tell_the_ledger(ledgers):
    account, proof = ledgers.owner.address, [0] * 8
    for sender in (ledgers.admin, ledgers.venue, ledgers.guardian):
        with refused("NotDesk"):
            ledgers.ledger.transact("setCommitment", account, ledgers.venue, 5, 0, sender=sender)
        with refused("NotAttestor"):
            ledgers.ledger.transact("applyMargins", ledgers.epoch, 8, [], sender=sender)
        with refused("NotAttestor"):
            ledgers.ledger.transact("applyCovers", ledgers.epoch, 0, 8, [], [], sender=sender)
        for function, arguments in (
                ("coverAction", (account, ledgers.epoch, 1, bytes(32), 1, 1, proof)),
                ("checkCover", (account, ledgers.epoch, 1, bytes(32), 1, 1, proof)),
                ("flatForAction", (account, 1, bytes(32), proof)), ("settled", (account,))):
            with refused("NotVault"):
                ledgers.ledger.check(function, *arguments, sender=sender)


# -- actions of the vault ----------------------------------------------------------------------------------------------
ACTION = b"\x0a" * 32


def action(world, claimed=RICH, value=RICH, *, check=False, version=None, **made):
    made = {"step": 1, "action": ACTION} | made
    version = world.version() if version is None else version
    arguments = (world.owner.address, made.get("epoch", world.epoch), version, ACTION, value, claimed,
                 world.cover_proof(claimed, **{"version": version} | made))
    return world.vault.check("check", *arguments) if check else world.vault.transact("cover", *arguments)


def test_nothing_leaves_on_a_cover_while_only_the_owner_could_open_the_account(ledgers):
    me, new = ledgers.owner.address, ledgers.commitment + 1
    ledgers.register(new)
    version = ledgers.version()
    for check in (False, True):
        ledgers.oracle.transact("finalise", ledgers.epoch)
        with refused("EscrowMissing"):
            action(ledgers, commitment=new, check=check)
    ledgers.desk.transact("voidCommitment", me, sender=ledgers.venue)
    with refused("EscrowMissing"):                             # nor while it has no commitment
        action(ledgers, commitment=0)
    ledgers.register(new)
    ledgers.vault.check("flat", me, version + 2, ACTION, ledgers.flat_proof(action=ACTION, commitment=new))
    ledgers.post()
    until = ledgers.ledger.read("escrowedUntilOf", me)
    action(ledgers, commitment=new)
    assert ledgers.ledger.read("escrowedUntilOf", me) == until
    ledgers.chain.travel_to(until)
    epoch = ledgers.chain.now()
    ledgers.publish(epoch)
    assert ledgers.ledger.read("isEscrowed", me) is False
    with refused("EscrowMissing"):
        action(ledgers, commitment=new, epoch=epoch)


def test_a_covered_action_raises_the_version_and_leaves_it_covered(ledgers):
    action(ledgers, RICH // 2)
    assert ledgers.version() == 2
    assert ledgers.reading() == (1, RICH // 2, ledgers.epoch, ledgers.epoch + LIVES[1])
    assert not ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    with refused("WrongVersion"):
        action(ledgers, RICH // 2, version=1)                           # one proof, one action


def test_an_action_takes_its_own_proof_only(ledgers):
    for made in ({"action": b"\x0b" * 32}, {"action": bytes(32)}, {"step": 0}, {"step": 2}, {"side": 0},
                 {"commitment": 5}, {"account": ledgers.stranger}):
        with refused("ProofRejected"):
            action(ledgers, **made)
        with refused("ProofRejected"):
            ledgers.oracle.transact("finalise", ledgers.epoch)
            action(ledgers, check=True, **made)
    with refused("ClaimAboveValue"):
        action(ledgers, RICH, RICH - 1)
    with refused("ClaimAboveValue"):
        action(ledgers, RICH, RICH - 1, check=True)


def test_an_action_wants_a_younger_epoch_than_an_attestation(ledgers):
    ledgers.chain.travel_to(ledgers.epoch + EXIT_AGE + 1)
    with refused("StaleEpoch"):
        action(ledgers)
    ledgers.attest()


def test_the_second_cover_wants_a_final_epoch(ledgers):
    with refused("EpochNotFinal"):
        action(ledgers, check=True)
    ledgers.oracle.transact("finalise", ledgers.epoch)
    action(ledgers, check=True)
    assert ledgers.version() == 1
    ledgers.chain.travel_to(ledgers.epoch + 45 * MINUTE)
    action(ledgers, check=True)
    ledgers.chain.travel_to(ledgers.epoch + 45 * MINUTE + 1)
    with refused("StaleEpoch"):
        action(ledgers, check=True)


def test_no_action_of_a_called_account_or_by_a_lost_venues_word(ledgers):
    ledgers.oracle.transact("finalise", ledgers.epoch)
    ledgers.authority.transact("revokeRole", 3, ledgers.venue, sender=ledgers.admin)
    for check in (False, True):
        with refused("VenueWithoutRole"):
            action(ledgers, check=check)
    ledgers.authority.transact("grantRole", 3, ledgers.venue, 0, sender=ledgers.admin)
    ledgers.shortfall(RICH)
    for check in (False, True):
        with refused("AccountIsCalled"):
            action(ledgers, check=check)


def test_a_flat_account_acts_without_oracle_and_venue(ledgers):
    ledgers.oracle.transact("freeze", ledgers.epoch, True)
    ledgers.authority.transact("revokeRole", 3, ledgers.venue, sender=ledgers.admin)
    proof = ledgers.flat_proof(action=ACTION)
    with refused("ProofRejected"):
        ledgers.vault.transact("flat", ledgers.owner.address, 1, b"\x0b" * 32, proof)
    ledgers.vault.transact("flat", ledgers.owner.address, 1, ACTION, proof)
    assert ledgers.version() == 2
    assert ledgers.ledger.read("isFlat", ledgers.owner.address)
    with refused("WrongVersion"):
        ledgers.vault.transact("flat", ledgers.owner.address, 1, ACTION, proof)


def test_nothing_is_proven_about_a_void_commitment(ledgers):
    ledgers.desk.transact("voidCommitment", ledgers.owner.address, sender=ledgers.venue)
    for function in (lambda: ledgers.attest(commitment=0), lambda: ledgers.cover(0, commitment=0),
                     lambda: ledgers.shortfall(0, commitment=0),
                     lambda: ledgers.flat(commitment=0),
                     lambda: ledgers.vault.transact("flat", ledgers.owner.address, 2, ACTION, [0] * 8)):
        with refused("CommitmentIsVoid"):
            function()
