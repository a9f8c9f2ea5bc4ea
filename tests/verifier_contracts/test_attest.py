"""Attestation: a valid proof moves the margin, and each single deviation is refused by name (A2, A3, A4)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_account import Account
from world import HOUR, refused

from primitives.errors import BadInput
from prover.curve import BASE_MODULUS, G1_GROUP, G2_GROUP, ORDER
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import proof_words
from verifier_contracts.context import STATEMENTS
from verifier_contracts.errors import ContractRefused, Reverted
from verifier_contracts.fees import gas_limit


@pytest.mark.both_chains
def test_a_valid_proof_moves_the_margin(world):
    with refused("NotAttested"):
        world.manager.margin_of(world.owner.address, 24 * HOUR)
    world.attest()
    assert world.manager.margin_of(world.owner.address, 24 * HOUR) == world.margin
    state = world.manager.state_of(world.owner.address)
    assert (state.margin, state.epoch_id, state.version) == (world.margin, world.epoch, 1)
    assert state.attested_at == world.chain.now()


def test_margin_zero_and_the_largest_margin_fit(world):
    for epoch, margin in ((world.epoch, 0), (world.epoch + 1, 2**128 - 1)):
        if epoch != world.epoch:
            world.publish(epoch, world.root)
        world.attest(replace(world.claim(epoch_id=epoch), margin=margin))
        assert world.manager.margin_of(world.owner.address, 24 * HOUR) == margin


@pytest.mark.parametrize("index", range(8))
def test_a_changed_coordinate_is_refused(world, index):
    words = world.prove(world.claim())
    for changed in (words[index] + 1, words[index] ^ 1 << 77):
        with refused("PrecompileFailed"):               # off the curve
            world.attest(words=[*words[:index], changed, *words[index + 1:]])


@pytest.mark.parametrize("index", range(8))
def test_a_coordinate_plus_p_is_refused(world, index):
    words = world.prove(world.claim())
    words[index] += BASE_MODULUS
    with refused("CoordinateOutOfField"):
        world.attest(words=words)


def test_another_point_of_the_curve_is_refused(world):
    words = world.prove(world.claim())
    for index in (1, 7):                                # −A, −C
        with refused("ProofRejected"):
            world.attest(words=[*words[:index], BASE_MODULUS - words[index], *words[index + 1:]])
    with refused("ProofRejected"):                      # −B
        world.attest(words=[*words[:4], BASE_MODULUS - words[4], BASE_MODULUS - words[5], *words[6:]])
    with refused("ProofRejected"):                      # A and C exchanged
        world.attest(words=[*words[6:], *words[2:6], *words[:2]])


def test_the_proof_of_zeros_is_refused(world):
    words = world.prove(world.claim())
    for identity in (range(8), range(2), range(2, 6), range(6, 8)):
        with refused("ProofRejected"):
            world.attest(words=[0 if index in identity else word for index, word in enumerate(words)])


@pytest.mark.parametrize("field", ["root", "commitment", "margin"])
def test_a_proof_of_another_public_input_is_refused(world, field):
    for change in (1, -1):
        claim = world.claim()
        false = replace(claim, **{field: getattr(claim, field) + change})
        with refused("ProofRejected"):
            world.attest(claim, words=world.prove(false))


def test_a_margin_one_unit_off_is_refused(world):
    for margin in (world.margin - 1, world.margin + 1):
        with refused("ProofRejected"):
            world.attest(margin=margin)


def test_margin_plus_r_cannot_be_said(world):
    """The verifier alone would take margin + r for margin; here it does not fit the type."""
    claim = world.claim()
    with pytest.raises(BadInput, match=r"margin of MarginManager\.attest"):
        world.attest(claim, margin=claim.margin + ORDER)
    data = encode_call(world.manager.artifact, "attest",
                       [claim.context.account, claim.context.epoch_id, 1, 7, world.prove(claim)])
    raw = data.replace((7).to_bytes(32, "big"), (claim.margin + ORDER).to_bytes(32, "big"), 1)
    assert raw != data
    with pytest.raises(Reverted):
        world.chain.call(world.manager.address, raw)


@pytest.mark.parametrize("length", [-32, -1])
def test_short_calldata_is_refused(world, length):
    claim = world.claim()
    data = encode_call(world.manager.artifact, "attest",
                       [claim.context.account, claim.context.epoch_id, 1, claim.margin, world.prove(claim)])
    world.chain.call(world.manager.address, data)
    with pytest.raises(Reverted):
        world.chain.call(world.manager.address, data[:length])


@pytest.mark.parametrize("field", ["chain_id", "manager", "key_digest", "account", "epoch_id", "version",
                                   "action_hash"])
def test_a_proof_bound_to_another_context_is_refused(world, field):
    """A3: another chain, deployment, key, account, epoch, version or action."""
    other = {"chain_id": world.chain.chain_id + 1, "manager": world.registry.address, "key_digest": b"\x01" * 32,
             "account": world.relayer, "epoch_id": world.epoch - 1, "version": 2, "action_hash": b"\x01" * 32}
    with refused("ProofRejected"):
        world.attest(words=world.prove(world.claim(**{field: other[field]})))


@pytest.mark.parametrize("statement", [name for name in STATEMENTS if name != "margin"])
def test_a_proof_of_another_statement_is_refused(world, statement):
    """Even by the very key that `attest` takes, for the same account, epoch, version and action, and with the same
    numbers: a claim that collateral covers a margin is no margin."""
    replayed = world.claim(statement=statement)
    with refused("ProofRejected"):
        world.attest(words=world.prove(replayed))
    world.attest()


def test_another_accounts_proof_is_refused(world):
    """Even one with the very same commitment, registered by copying."""
    thief = Account.from_key(b"\x05" * 32)
    world.register(world.commitment, owner=thief)
    with refused("ProofRejected"):
        world.attest(account=thief.address)


def test_replay_is_refused_whatever_the_bytes_of_the_proof(world):
    """Anyone can re-randomise a proof: A/u, u·B is as valid as A, B. Replay is keyed on (account, epoch, version)."""
    claim = world.claim()
    again = rerandomised(world.key.prove(claim.inputs()), 12345)
    world.chain.call(world.manager.address, encode_call(
        world.manager.artifact, "attest", [claim.context.account, world.epoch, 1, claim.margin, again]))
    world.attest(claim)
    for words in (None, again):
        with refused("AlreadyAttested") as caught:
            world.attest(claim, words=words)
        assert caught.value.arguments["margin"] == world.margin


def test_an_older_epoch_is_refused_after_a_newer_one(world):
    newer = world.epoch + 60
    world.publish(newer, world.root)
    world.attest(world.claim(epoch_id=newer))
    with refused("EpochOlderThanLast"):
        world.attest()


def test_an_older_proof_submitted_first_does_not_kill_a_newer_one(world):
    newer = world.epoch + 60
    world.publish(newer, world.root)
    world.attest()
    world.attest(replace(world.claim(epoch_id=newer), margin=world.margin + 5))
    assert world.manager.margin_of(world.owner.address, 24 * HOUR) == world.margin + 5


def test_a_new_commitment_does_not_reopen_older_epochs(world):
    newer = world.epoch + 60
    world.publish(newer, world.root)
    world.attest(world.claim(epoch_id=newer))
    world.register(world.commitment)
    with refused("EpochOlderThanLast"):
        world.attest(world.claim(epoch_id=world.epoch))
    world.attest(world.claim(epoch_id=newer))


def test_a_stale_epoch_is_refused(world):
    claim = world.claim()
    world.chain.travel_to(world.epoch + 24 * HOUR - 10)
    world.manager.check("attest", claim.context.account, world.epoch, 1, claim.margin, world.prove(claim))
    world.chain.travel_to(world.epoch + 24 * HOUR + 1)
    with refused("StaleEpoch"):
        world.attest(claim)


def test_unknown_and_frozen_epochs_are_refused(world):
    with refused("UnknownEpoch"):
        world.attest(world.claim(epoch_id=world.epoch + 1))
    world.registry.freeze(world.epoch, sender=world.roles.guardian)
    with refused("FrozenEpoch"):
        world.attest()


def test_freezing_an_epoch_takes_back_the_margins_proven_under_it(world):
    world.attest()
    world.registry.freeze(world.epoch, sender=world.roles.guardian)
    with refused("FrozenEpoch"):
        world.manager.margin_of(world.owner.address, 24 * HOUR)


def test_an_equal_root_published_again_revives_no_proof(world):
    words = world.prove(world.claim())
    again = world.epoch + 60
    world.publish(again, world.root)
    with refused("ProofRejected"):
        world.attest(epoch_id=again, words=words)


def test_a_commitment_that_comes_back_revives_no_proof(world):
    """A → B → A."""
    first = world.claim()
    words = world.prove(first)
    world.register(world.commitment - 1)
    world.register(world.commitment)
    with refused("WrongVersion"):
        world.attest(first, words=words)
    with refused("ProofRejected"):
        world.attest(first, words=words, version=3)
    world.attest(world.claim())


def test_an_unregistered_account_is_refused(world):
    with refused("AccountNotRegistered"):
        world.attest(world.claim(account=world.relayer))


def test_margins_age_with_their_epoch_not_with_their_transaction(world):
    world.attest()
    age = world.chain.now() - world.epoch
    assert world.manager.margin_of(world.owner.address, age + 5) == world.margin
    with refused("StaleMargin"):
        world.manager.margin_of(world.owner.address, age - 1)
    assert world.manager.margin_of(world.owner.address, 2**256 - 1) == world.margin


@pytest.mark.both_chains
def test_too_little_gas_reverts_and_records_nothing(world):
    """From what a transaction costs before it runs up to the limit that suffices, a valid proof either passes or
    reverts: nowhere is it taken for a false one, nor a false one for true."""
    claim, before = world.claim(), world.manager.state_of(world.owner.address)
    call = [claim.context.account, world.epoch, 1, claim.margin]
    good, false = world.prove(claim), world.prove(replace(claim, margin=claim.margin + 1))
    enough = world.chain.estimate_gas(
        world.manager.address, encode_call(world.manager.artifact, "attest", [*call, good]), sender=world.relayer)
    for gas in [*range(45_000, enough - 6_000, 24_000), *range(enough - 6_000, enough - 2_500, 700)]:
        for words in (good, false):
            with pytest.raises(ContractRefused) as caught:
                world.manager.check("attest", *call, words, gas=gas)
            assert caught.value.name in {"OutOfGas", "NoReason", "PrecompileFailed", "FailedCall"}, caught.value
    world.manager.check("attest", *call, good, gas=gas_limit(enough))
    with refused("ProofRejected"):
        world.manager.check("attest", *call, false, gas=gas_limit(enough))
    with pytest.raises(ContractRefused) as mined:
        world.manager.attest(*call, good, sender=world.relayer, gas=enough - 5_000)
    assert mined.value.transaction is not None
    assert world.manager.state_of(world.owner.address) == before


def rerandomised(proof, u):
    return proof_words(replace(proof, a=G1_GROUP.multiply(proof.a, pow(u, -1, ORDER)),
                               b=G2_GROUP.multiply(proof.b, u)))
