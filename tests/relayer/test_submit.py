"""Submitting: nothing is spent on what would be refused, and nothing is sent twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from bundles import STATEMENT, Bundle, bundle, claim
from system_world import MINUTE, SystemWorld
from toykey import CIRCUIT, ToyKey
from world import HOUR, refused

from primitives.errors import BadInput
from prover.curve import ORDER
from relayer.submit import NotSubmitted, submit
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.verifier_registry import WAIT, Candidate


def send(world: SystemWorld, what: Bundle):
    return submit(what, world.system, world.chain, sender=world.relayer)


@contextmanager
def nothing_spent(world: SystemWorld) -> Iterator[None]:
    def spent() -> tuple[int, int]:
        eth = world.chain.web3.eth
        return eth.get_transaction_count(world.relayer), eth.get_balance(world.relayer)
    before = spent()
    yield
    assert spent() == before


@contextmanager
def not_submitted(world: SystemWorld, name: str) -> Iterator[None]:
    with nothing_spent(world), pytest.raises(NotSubmitted) as caught:
        yield
    assert caught.value.name == name


def test_submit_moves_the_margin(world):
    done = send(world, bundle(world))
    assert done.outcome == "attested"
    assert 0 < done.gas_used < done.gas_limit < done.gas_used * 1.05
    assert world.at.ledger.margin_of(world.owner.address, 24 * HOUR) == world.margin


def test_submitting_again_costs_nothing(world):
    send(world, bundle(world))
    with nothing_spent(world):
        again = send(world, bundle(world))
    assert (again.outcome, again.transaction, again.gas_used) == ("already attested", None, 0)


def test_junk_is_not_reported_as_done_because_the_margin_stands(world):
    """The contract looks at no proof of what it has attested: its answer says nothing about this bundle."""
    good = bundle(world)
    assert send(world, good).proof_checked
    with nothing_spent(world):
        assert send(world, good).proof_checked
    junk = replace(good, proof=replace(good.proof, c=good.proof.a))
    with nothing_spent(world), refused("ProofRejected"):
        send(world, junk)
    off = replace(good, proof=replace(good.proof, a=(good.proof.a[0], good.proof.a[1] + 1)))
    with nothing_spent(world), refused("PrecompileFailed"):
        send(world, off)
    with nothing_spent(world), not_submitted(world, "OtherRoot"):
        send(world, replace(good, public_inputs=good.public_inputs | {"epoch_root": 1}))
    with nothing_spent(world), not_submitted(world, "OtherCommitment"):
        send(world, replace(good, public_inputs=good.public_inputs | {"portfolio_commitment": 1}))
    with nothing_spent(world), not_submitted(world, "OtherCircuit"):
        send(world, replace(good, r1cs_digest="0" * 64))


def test_a_bundle_of_another_statement_is_not_carried(world):
    send(world, bundle(world))
    with not_submitted(world, "OtherStatement"):
        send(world, replace(bundle(world), statement="margin-tiny"))


def test_what_stands_under_a_frozen_epoch_is_not_reported_as_done(world):
    send(world, bundle(world))
    world.at.oracle.hold(world.epoch, 600, sender=world.guardian)
    with nothing_spent(world), refused("FrozenEpoch"):
        send(world, bundle(world))


def rotate(world: SystemWorld) -> None:
    """Put another margin key in force."""
    other = ToyKey(seed="other")
    verifier = deploy_verifier(world.chain, other.verification_key, STATEMENT, CIRCUIT)
    candidate = Candidate.of(world.chain, verifier, other.verification_key, CIRCUIT, other.known_answer(), sunset=HOUR)
    world.at.registry.announce("margin", candidate, sender=world.admin)
    world.later(WAIT)
    world.at.registry.activate("margin", candidate, sender=world.relayer)


def test_a_proof_by_a_rotated_key_is_said_not_to_be_checked(world):
    good = bundle(world)
    send(world, good)
    rotate(world)
    again = send(world, good)
    assert (again.outcome, again.proof_checked) == ("already attested", False)


def test_another_margin_for_what_is_attested_is_refused(world):
    send(world, bundle(world))
    with nothing_spent(world), refused("AlreadyAttested"):
        send(world, bundle(world, replace(claim(world), margin=world.margin + 1)))


def test_losing_the_race_to_an_equal_attestation_is_success(world, monkeypatch):
    """Another relayer's transaction is mined between our check and our turn: nothing is sent."""
    mine, real_send = bundle(world), world.chain.send

    def overtaken(to, data, **options):
        if to == world.ledger.address and options["sender"] == world.relayer:
            real_send(to, data, sender=world.stranger)
        return real_send(to, data, **options)

    monkeypatch.setattr(world.chain, "send", overtaken)
    with nothing_spent(world):
        done = send(world, mine)
    assert (done.outcome, done.proof_checked, done.transaction) == ("already attested", True, None)
    assert world.at.ledger.margin_of(world.owner.address, HOUR) == world.margin


def test_losing_it_at_the_last_moment_is_success_too(world, monkeypatch):
    """Between our last look and our own transaction, which then finds nothing to do."""
    mine, real_send = bundle(world), world.chain.send

    def overtaken(to, data, **options):
        look = options.get("before")
        if to == world.ledger.address and options["sender"] == world.relayer and look:
            def looked(transaction, creates):
                look(transaction, creates)
                real_send(to, data, sender=world.stranger)
            options["before"] = looked
        return real_send(to, data, **options)

    monkeypatch.setattr(world.chain, "send", overtaken)
    done = send(world, mine)
    assert done.transaction is not None
    assert 0 < done.gas_used < 60_000
    assert world.at.ledger.margin_of(world.owner.address, HOUR) == world.margin


def test_being_overtaken_while_we_look_proves_nothing_of_our_proof(world, monkeypatch):
    """The contract's answer to our question is then that of a margin that stands: it has looked at no proof."""
    good = bundle(world)
    junk = replace(good, proof=replace(good.proof, c=good.proof.a))
    real_call, faster = world.chain.call, []

    def overtaken(to, data, **options):
        if to == world.ledger.address and options.get("sender") == world.relayer and not faster:
            faster.append(True)
            world.attest()
        return real_call(to, data, **options)

    monkeypatch.setattr(world.chain, "call", overtaken)
    with refused("ProofRejected"):
        send(world, junk)
    assert faster


@pytest.mark.parametrize(("name", "change"), [
    ("OtherChain", {"chain_id": 1}), ("OtherManager", {"manager": "0x" + "12" * 20}),
    ("OtherStatement", {"statement": "cover"}), ("OtherAction", {"action_hash": b"\x01" * 32}),
    ("OtherKey", {"key_digest": b"\x01" * 32})])
def test_a_bundle_for_something_else_says_what(world, name, change):
    with not_submitted(world, name):
        send(world, bundle(world, claim(world, **change)))


def test_a_context_that_is_not_the_hash_of_its_fields_is_refused(world):
    honest = bundle(world)
    with not_submitted(world, "ContextMismatch"):
        send(world, replace(honest, context=replace(honest.context, account=world.relayer)))


def test_a_bundle_of_another_root_or_commitment_says_so(world):
    with not_submitted(world, "OtherRoot"):
        send(world, bundle(world, replace(claim(world), root=5)))
    with not_submitted(world, "OtherCommitment"):
        send(world, bundle(world, replace(claim(world), commitment=5)))


def test_after_a_rotation_the_key_is_named(world):
    rotate(world)
    epoch = world.next_epoch(5 * MINUTE)
    with not_submitted(world, "OtherKey"):
        send(world, bundle(world, claim(world, epoch_id=epoch)))


def test_the_contracts_own_reasons_come_before_any_gas(world):
    unknown = bundle(world, claim(world, epoch_id=world.epoch + 1))
    stale = bundle(world, claim(world, version=2))
    stranger = bundle(world, claim(world, account=world.relayer))
    tampered = bundle(world)
    tampered = replace(tampered, proof=replace(tampered.proof, a=(tampered.proof.a[0], tampered.proof.a[1] + 1)))
    false = bundle(world)
    false = replace(false, public_inputs=false.public_inputs | {"margin": world.margin - 1})
    for what, name in ((unknown, "UnknownEpoch"), (stale, "WrongVersion"), (stranger, "AccountNotRegistered"),
                       (tampered, "PrecompileFailed"), (false, "ProofRejected")):
        with nothing_spent(world), refused(name):
            send(world, what)


def test_a_stale_epoch_costs_no_gas(world):
    world.later(HOUR)
    with nothing_spent(world), refused("StaleEpoch"):
        send(world, bundle(world))


def test_malformed_bundles_are_bad_input(world):
    honest = bundle(world)
    for inputs in ({}, honest.public_inputs | {"extra": 1}, honest.public_inputs | {"margin": world.margin + ORDER},
                   honest.public_inputs | {"margin": -1}):
        with nothing_spent(world), pytest.raises(BadInput):
            send(world, replace(honest, public_inputs=inputs))


def test_another_chains_deployment_is_bad_input(world):
    with pytest.raises(BadInput, match="chain id"):
        submit(bundle(world), replace(world.system, chain_id=1), world.chain)
