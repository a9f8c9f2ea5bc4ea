"""Epochs come in signed by a quorum, in order, in time, and as a chain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth.db.account import AccountDB
from eth_utils.address import to_canonical_address
from oracle_world import BLOCKS, DAY, HOUR, LIMITS, STAKE, create, factors_hash, keys
from test_oracle_clock import told
from world import refused

from prover.curve import ORDER
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.eip712 import sign
from verifier_contracts.epoch_content import FIRST, OracleDomain
from verifier_contracts.oracle import RiskOracle


@pytest.mark.both_chains
def test_publish(oracles):
    content = oracles.content()
    oracles.bring(content, (1, 3, 4))
    oracle = oracles.oracle
    assert oracle.root_of(content.id) == content.root
    assert oracle.latest_epoch_id() == content.id
    assert oracle.content_digest_of(content.id) == content.digest()
    assert oracle.factors_hash_of(content.id) == content.factors_hash == factors_hash([])
    assert oracle.lag_seconds_of(content.id) == 13_200
    facts = oracle.facts_of(content.id)
    assert (facts.sequence, facts.previous_id, facts.signers, facts.generation) == (0, 0, 0b11010, 1)
    second = oracles.next()
    facts = oracle.facts_of(second.id)
    assert (facts.sequence, facts.previous_id) == (1, content.id)
    assert second.previous == content.digest()
    assert (facts.extended, facts.refuted, facts.open_demands, facts.held_until) == (False, False, 0, 0)


def test_what_is_told(oracles):
    content = oracles.content(regime=3, marks=(1, 2, 3, 4))
    receipt = oracles.bring(content)
    logs = oracles.chain.web3.eth.get_transaction_receipt(receipt.transaction)["logs"]
    assert len(logs) == 1
    assert bytes(logs[0]["data"]) == content.root.to_bytes(32, "big") + content.model_id
    assert [bytes(topic) for topic in logs[0]["topics"][1:]] == [content.id.to_bytes(32, "big"), content.digest()]


def test_more_than_a_quorum_is_as_good(oracles):
    oracles.bring(oracles.content(), (0, 1, 2, 3, 4))
    assert oracles.oracle.facts_of(oracles.oracle.latest_epoch_id()).signers == 0b11111


# -- signatures --------------------------------------------------------------------------------------------------------
def test_fewer_than_a_quorum(oracles):
    with refused("QuorumNotMet"):
        oracles.bring(oracles.content(), (0, 1))


def test_bytes_left_over(oracles):
    content = oracles.content()
    good = oracles.signatures(oracles.oracle.domain.content(content))
    with refused("QuorumNotMet"):
        oracles.oracle.publish(content, 1, good + b"\x00")


@pytest.mark.parametrize("order", [(0, 1, 1), (0, 0, 1), (1, 0, 2), (2, 1, 0)])
def test_signers_rise_so_that_none_counts_twice(oracles, order):
    content = oracles.content()
    message = oracles.oracle.domain.content(content)
    signatures = b"".join(bytes([i]) + sign(message, oracles.publishers[i]) for i in order)
    with refused("SignerOrder"):
        oracles.oracle.publish(content, 1, signatures)


def test_a_signer_past_the_end(oracles):
    content = oracles.content()
    good = oracles.signatures(oracles.oracle.domain.content(content))
    with refused("UnknownSigner"):
        oracles.oracle.publish(content, 1, good[:132] + b"\x05" + good[133:])


def test_another_ones_signature(oracles):
    content = oracles.content()
    message = oracles.oracle.domain.content(content)
    stranger = keys(6)
    outsider = next(one for one in stranger if one not in oracles.publishers)
    good = oracles.signatures(message)
    with refused("WrongSigner"):
        oracles.oracle.publish(content, 1, good[:132] + b"\x02" + sign(message, outsider))
    with refused("WrongSigner"):
        oracles.oracle.publish(content, 1, good[:132] + b"\x03" + good[133:])


def test_what_was_signed_for_another_content_oracle_or_chain(oracles):
    content, domain = oracles.content(), oracles.oracle.domain
    for message in (domain.content(replace(content, root=content.root - 1)),
                    OracleDomain(domain.chain_id + 1, domain.oracle).content(content),
                    OracleDomain(domain.chain_id, oracles.court.address).content(content)):
        with refused("WrongSigner"):
            oracles.oracle.publish(content, 1, oracles.signatures(message))


def test_an_oracle_says_for_which_domain_it_wants_signatures(oracles):
    """EIP-5267: name, version, chain and contract; no salt, no extensions. What publishers sign has the same."""
    fresh = RiskOracle(oracles.chain, create(oracles.chain, compile_contracts()["RiskOracle"], [
        oracles.access.address, LIMITS.words(), BLOCKS], gas=16_700_000))
    fields, name, version, chain, contract, salt, extensions = fresh.read("eip712Domain")
    assert (fields, name, version, chain) == (b"\x0f", "Tailproof RiskOracle", "1", oracles.chain.chain_id)
    assert (contract.lower(), salt, list(extensions)) == (fresh.address.lower(), bytes(32), [])
    signed = fresh.domain.content(oracles.content())["domain"]
    assert signed == {"name": name, "version": version, "chainId": chain, "verifyingContract": fresh.address}


@pytest.mark.parametrize("field", ["id", "deadline", "root", "model_id", "data_root", "factors_hash", "marks", "regime",
                                   "lag_seconds", "previous"])
def test_every_field_is_signed(oracles, field):
    content = oracles.content()
    signatures = oracles.signatures(oracles.oracle.domain.content(content))
    value = getattr(content, field)
    other = value - 1 if isinstance(value, int) and value else 1 if value == 0 else \
        b"\x99" * 32 if isinstance(value, bytes) else (1, 2, 3, 4)
    with refused("WrongSigner"):
        oracles.oracle.publish(replace(content, **{field: other}), 1, signatures)


@pytest.mark.both_chains
def test_a_signature_has_one_form(oracles):
    """s and n − s verify alike; only the low one is taken."""
    n = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    content = oracles.content()
    good = oracles.signatures(oracles.oracle.domain.content(content))
    s, v = int.from_bytes(good[33:65], "big"), good[65]
    other = good[:33] + (n - s).to_bytes(32, "big") + bytes([55 - v]) + good[66:]
    with refused("HighSignature"):
        oracles.oracle.publish(content, 1, other)
    with refused("WrongSigner"):
        oracles.oracle.publish(content, 1, good[:65] + b"\x00" + good[66:])
    oracles.oracle.publish(content, 1, good)


# -- time --------------------------------------------------------------------------------------------------------------
def test_no_epoch_from_the_future(oracles):
    now = oracles.chain.now()
    with refused("EpochInFuture"):
        oracles.bring(oracles.content(id=now + 600, deadline=now + 1200))
    published = signed(oracles, oracles.content(id=now + 600, deadline=now + 1200))
    oracles.chain.travel_to(now + 599)
    with refused("EpochInFuture"):
        oracles.oracle.check("publish", *published)
    oracles.chain.travel_to(now + 600)
    oracles.oracle.check("publish", *published)


def signed(oracles, content, generation=1):
    """What is sent to publish it."""
    return content.words(), generation, oracles.signatures(oracles.oracle.domain.content(content))


def test_epochs_keep_a_distance(oracles):
    first = oracles.publish()
    oracles.later(1000)
    for early in (first.id, first.id - 1):
        with refused("EpochNotIncreasing"):
            oracles.bring(oracles.content(id=early, deadline=early + HOUR))
    for early in (first.id + 1, first.id + LIMITS.min_interval - 1):
        with refused("EpochTooSoon"):
            oracles.bring(oracles.content(id=early, deadline=early + HOUR))
    just = first.id + LIMITS.min_interval
    oracles.bring(oracles.content(id=just, deadline=just + HOUR))


def test_a_frozen_epoch_is_replaced_at_once(oracles):
    first = oracles.publish()
    oracles.later(5)
    with refused("EpochTooSoon"):
        oracles.bring(oracles.content())
    oracles.oracle.hold(first.id, 60, sender=oracles.guardian)
    oracles.publish()
    assert oracles.oracle.latest_epoch_id() > first.id


def test_the_last_second_of_the_deadline(oracles):
    content = oracles.content()
    content = replace(content, deadline=content.id + 100)
    oracles.chain.travel_to(content.deadline)
    oracles.oracle.check("publish", *signed(oracles, content))
    oracles.chain.travel_to(content.deadline + 1)
    with refused("Expired"):
        oracles.oracle.check("publish", *signed(oracles, content))


def test_deadlines_are_near(oracles):
    content = oracles.content()
    words = (content.words()[0], content.id + HOUR + 1, *content.words()[2:])
    with refused("WrongSigner"):                                            # its signature would be looked at first
        oracles.oracle.transact("publish", words, 1, oracles.signatures(oracles.oracle.domain.content(content)))
    message = oracles.oracle.domain.content(content)
    message["message"]["deadline"] = content.id + HOUR + 1
    with refused("DeadlineTooLate"):
        oracles.oracle.transact("publish", words, 1, oracles.signatures(message))
    oracles.bring(replace(content, deadline=content.id + HOUR))


# -- chain and form ----------------------------------------------------------------------------------------------------
def test_each_names_the_one_before(oracles):
    with refused("WrongPrevious"):
        oracles.bring(oracles.content(previous=b"\x01" * 32))
    first = oracles.publish()
    oracles.later(300)
    for wrong in (FIRST, b"\x01" * 32):
        with refused("WrongPrevious"):
            oracles.bring(oracles.content(previous=wrong))
    second = oracles.publish()
    oracles.later(300)
    with refused("WrongPrevious"):
        oracles.bring(oracles.content(previous=first.digest()))
    oracles.bring(oracles.content(previous=second.digest()))


@pytest.mark.parametrize("root", [0, ORDER, 2**256 - 1])
def test_roots_are_nonzero_field_elements(oracles, root):
    content = oracles.content()
    words = (*content.words()[:2], root.to_bytes(32, "big"), *content.words()[3:])
    message = oracles.oracle.domain.content(content)
    message["message"]["root"] = words[2]
    with refused("RootOutOfField"):
        oracles.oracle.transact("publish", words, 1, oracles.signatures(message))


@pytest.mark.parametrize(("place", "name"), [(3, "modelId"), (4, "dataRoot"), (5, "factorsHash")])
def test_digests_are_there(oracles, place, name):
    content = oracles.content()
    words = (*content.words()[:place], bytes(32), *content.words()[place + 1:])
    message = oracles.oracle.domain.content(content)
    message["message"][name] = bytes(32)
    with refused("DigestMissing"):
        oracles.oracle.transact("publish", words, 1, oracles.signatures(message))


def test_the_largest_root(oracles):
    content = oracles.publish(root=ORDER - 1)
    assert oracles.oracle.root_of(content.id) == ORDER - 1


# -- lag ---------------------------------------------------------------------------------------------------------------
def test_the_lag_is_covered(oracles):
    with refused("LagTooShort"):
        oracles.publish(lag_seconds=13_199)
    oracles.publish(lag_seconds=13_200)


def test_a_lag_is_thirty_days_at_most(oracles):
    with refused("LagTooLong"):
        oracles.publish(lag_seconds=30 * DAY + 1)
    oracles.publish(lag_seconds=30 * DAY)


def test_a_longer_lag_takes_force_with_the_first_epoch_that_covers_it(oracles):
    oracles.publish()
    oracles.set_limits(required_lag=20_000)
    assert (oracles.oracle.required_lag(), oracles.oracle.announced_lag()) == (13_200, 20_000)
    oracles.next(lag_seconds=19_999)                                         # else nobody could publish
    assert oracles.oracle.required_lag() == 13_200
    oracles.next(lag_seconds=20_000)
    assert (oracles.oracle.required_lag(), oracles.oracle.announced_lag()) == (20_000, 0)
    oracles.later(300)
    with refused("LagTooShort"):
        oracles.publish(lag_seconds=19_999)
    oracles.set_limits(required_lag=15_000)
    oracles.publish(lag_seconds=15_000)


# -- content that is kept ----------------------------------------------------------------------------------------------
def test_content_of_the_newest_64_is_kept(oracles):
    first = oracles.publish()
    for _ in range(63):
        oracles.next(240)
    assert oracles.oracle.content_digest_of(first.id) == first.digest()
    oracles.next(240)
    with refused("ContentForgotten"):
        oracles.oracle.content_digest_of(first.id)
    assert oracles.oracle.root_of(first.id) == first.root
    assert oracles.oracle.is_final(first.id)


def test_unknown_epochs(oracles):
    for read in (oracles.oracle.root_of, oracles.oracle.lag_seconds_of, oracles.oracle.factors_hash_of,
                 oracles.oracle.content_digest_of, oracles.oracle.facts_of, oracles.oracle.stored_root_of):
        with refused("UnknownEpoch"):
            read(5)
    assert not oracles.oracle.is_final(5)


# -- sets of signers ---------------------------------------------------------------------------------------------------
def seat(oracles, accounts, quorum=2):
    for one in accounts:
        if oracles.court.stake_of(one.address) < STAKE:
            oracles.court.stake(one.address, STAKE)
    return oracles.govern("rotateSigners", [one.address for one in accounts], quorum)


def test_the_set_before_counts_for_a_day_more(oracles):
    others = keys(8)[5:]
    others.sort(key=lambda one: int(one.address, 16))
    seat(oracles, others)
    assert oracles.oracle.signers().signers == tuple(one.address for one in others)
    oracles.bring(oracles.content())
    oracles.later(300)
    oracles.bring(oracles.content(), (0, 2), generation=2, among=others)
    until = oracles.oracle.signers(1).valid_until
    content = oracles.content()
    oracles.chain.travel_to(until - 300)
    oracles.bring(oracles.content())
    oracles.chain.travel_to(until)
    oracles.oracle.check("publish", *signed(oracles, oracles.content()))
    oracles.chain.travel_to(until + 1)
    with refused("SetExpired"):
        oracles.oracle.check("publish", *signed(oracles, oracles.content()))
    oracles.bring(oracles.content(), (0, 1), generation=2, among=others)
    assert content.previous != FIRST


def test_rotation_gives_a_day(oracles):
    receipt = seat(oracles, oracles.publishers[:3])
    names = [one.address for one in oracles.publishers[:3]]
    assert told(oracles, receipt) == [("SignersRotated", {"generation": 2, "signers": names, "quorum": 2})]
    until = oracles.oracle.signers(1).valid_until
    assert until == oracles.chain.now() + DAY
    assert oracles.oracle.signers(2).valid_until == 2**40 - 1


def test_no_such_set(oracles):
    for generation in (0, 2):
        with refused("UnknownSet"):
            oracles.bring(oracles.content(), generation=generation)


def test_a_revoked_set_counts_no_more(oracles):
    with refused("SetInForce"):
        oracles.govern("revokeSigners", 1, sender=oracles.guardian)
    seat(oracles, oracles.publishers[:3])
    with refused("AccessManagedUnauthorized"):
        oracles.govern("revokeSigners", 1, sender=oracles.relayer)
    oracles.govern("revokeSigners", 1, sender=oracles.guardian)
    assert oracles.oracle.signers(1).valid_until == oracles.chain.now() - 1      # not even in the same block
    with refused("SetExpired"):
        oracles.bring(oracles.content())
    with refused("SetExpired"):
        oracles.govern("revokeSigners", 1, sender=oracles.guardian)


@pytest.mark.parametrize(("size", "quorum"), [(4, 2), (3, 4), (0, 0), (1, 0), (17, 9)])
def test_two_quorums_share_a_signer(oracles, size, quorum):
    accounts = keys(size)
    for one in accounts:
        oracles.court.stake(one.address, STAKE)
    with refused("BadQuorum"):
        oracles.govern("rotateSigners", [one.address for one in accounts], quorum)


def test_sixteen_signers_are_possible(oracles):
    accounts = keys(16)
    seat(oracles, accounts, 9)
    oracles.bring(oracles.content(), range(7, 16), generation=2, among=accounts)
    assert oracles.oracle.facts_of(oracles.oracle.latest_epoch_id()).signers == 0xFF80


@pytest.mark.parametrize("order", [(1, 0, 2), (0, 0, 1)])
def test_addresses_of_a_set_rise(oracles, order):
    with refused("SignersNotRising"):
        oracles.govern("rotateSigners", [oracles.publishers[i].address for i in order], 2)


def test_a_publisher_has_staked(oracles):
    outsider = next(one for one in keys(8) if one not in oracles.publishers)
    oracles.court.stake(outsider.address, STAKE - 1)
    with refused("StakeMissing"):
        oracles.govern("rotateSigners", [outsider.address], 1)
    oracles.court.stake(outsider.address, 1)
    oracles.govern("rotateSigners", [outsider.address], 1)


def test_only_the_admin_seats_signers(oracles):
    with refused("AccessManagedUnauthorized"):
        oracles.govern("rotateSigners", [oracles.publishers[0].address], 1, sender=oracles.guardian)


@pytest.mark.parametrize("generation", [(1 << 12) - 1, (1 << 12) - 2])
def test_twelve_bits_count_the_sets(oracles, monkeypatch, generation):
    """As many as an epoch's facts have. Nobody waits for thousands of rotations: the chain reads that they were."""
    if not oracles.chain.in_process:
        pytest.skip("what a chain reads is changed in this process")
    assert oracles.oracle.generation() == 1
    place = []

    def read(self, address, slot, *rest, **options):
        value = real(self, address, slot, *rest, **options)
        if address == to_canonical_address(oracles.oracle.address) and value & 0xFFFF == 1 and place in ([], [slot]):
            place[:] = [slot]
            return value ^ 1 ^ generation
        return value

    real = AccountDB.get_storage
    monkeypatch.setattr(AccountDB, "get_storage", read)
    assert oracles.oracle.generation() == generation
    if generation + 1 == 1 << 12:
        with refused("SetsExhausted"):
            seat(oracles, oracles.publishers, 3)
    else:
        seat(oracles, oracles.publishers, 3)
