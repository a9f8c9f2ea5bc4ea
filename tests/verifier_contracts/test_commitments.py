"""Who may register a commitment (A1): the venue that holds the positions, with the owner's consent, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_utils.crypto import keccak
from toykey import ToyKey
from world import HOUR, refused

from prover.curve import ORDER
from verifier_contracts.abi import encode_deployment
from verifier_contracts.compiler import compile_sources

EMPTY_PORTFOLIO = 12345

WALLET = """\
// SPDX-License-Identifier: MIT
pragma solidity ^0.8.28;

/// A smart account that consents to whatever was set beforehand (ERC-1271).
contract Wallet {
    bytes32 private immutable approved;

    constructor(bytes32 approved_) {
        approved = approved_;
    }

    function isValidSignature(bytes32 digest, bytes calldata) external view returns (bytes4) {
        return digest == approved ? this.isValidSignature.selector : bytes4(0);
    }
}
"""


def consent_of(world, commitment=EMPTY_PORTFOLIO, venue=None, deadline=None, owner=None):
    return world.manager.consent((owner or world.owner).address, venue or world.roles.venue, commitment,
                                 world.chain.now() + HOUR if deadline is None else deadline)


def test_register_raises_the_version_and_voids_the_attestation(world):
    world.attest()
    world.register(77)
    assert world.manager.commitment_of(world.owner.address) == 77
    state = world.manager.state_of(world.owner.address)
    assert (state.version, state.attested_at, state.epoch_id) == (2, 0, world.epoch)
    with refused("NotAttested"):
        world.manager.margin_of(world.owner.address, 24 * HOUR)


def test_an_owner_cannot_register_an_empty_portfolio(world):
    consent = consent_of(world)
    signature = consent.sign(world.owner)
    owner_who_sends = world.relayer                     # any sender that is no venue
    with refused("AccessControlUnauthorizedAccount"):
        world.manager.register(consent, signature, sender=owner_who_sends)
    for role in ("admin", "publisher", "guardian"):
        with refused("AccessControlUnauthorizedAccount"):
            world.manager.register(consent, signature, sender=getattr(world.roles, role))


def test_not_even_an_owner_who_is_a_venue(world):
    """A venue cannot hold its own positions: consent and registration would be in one hand."""
    venue = world.roles.venue
    consent = world.manager.consent(venue, venue, EMPTY_PORTFOLIO, world.chain.now() + HOUR)
    with refused("VenueIsOwner"):
        world.manager.register(consent, bytes(65), sender=venue)


def test_a_venue_alone_cannot_register(world):
    consent = consent_of(world)
    stranger = Account.from_key(b"\x09" * 32)
    good = consent.sign(world.owner)
    for signature in (consent.sign(stranger), bytes(65), b"", good[:-1], good[:64] + bytes([good[64] ^ 1])):
        with refused("ConsentNotByOwner"):
            world.manager.register(consent, signature, sender=world.roles.venue)
    world.manager.register(consent, good, sender=world.roles.venue)


@pytest.mark.parametrize("field", ["account", "venue", "commitment", "deadline", "chain_id", "manager"])
def test_consent_to_something_else_is_no_consent(world, field):
    consent = consent_of(world)
    other = {"account": world.relayer, "venue": world.relayer, "commitment": 54321, "deadline": consent.deadline + 1,
             "chain_id": consent.chain_id + 1, "manager": world.registry.address}[field]
    with refused("ConsentNotByOwner"):
        world.manager.register(consent, replace(consent, **{field: other}).sign(world.owner), sender=world.roles.venue)


def test_consent_is_good_once(world):
    consent = consent_of(world)
    signature = consent.sign(world.owner)
    world.manager.register(consent, signature, sender=world.roles.venue)
    with refused("WrongVersion"):
        world.manager.register(consent, signature, sender=world.roles.venue)
    with refused("ConsentNotByOwner"):
        world.manager.register(replace(consent, version=consent.version + 1), signature, sender=world.roles.venue)


def test_consent_expires(world):
    consent = consent_of(world, deadline=world.chain.now() + 600)
    signature = consent.sign(world.owner)
    world.manager.check("registerCommitment", consent.account, consent.commitment, consent.version, consent.deadline,
                        signature, sender=world.roles.venue)
    world.chain.travel_to(consent.deadline + 1)
    with refused("ConsentExpired"):
        world.manager.register(consent, signature, sender=world.roles.venue)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_versions_follow_one_another(world, version):
    with refused("WrongVersion"):
        world.register(EMPTY_PORTFOLIO, version=version)


@pytest.mark.parametrize("commitment", [0, ORDER, 2**256 - 1])
def test_commitments_are_nonzero_field_elements(world, commitment):
    with refused("CommitmentOutOfField"):
        world.register(commitment)


def test_another_venue_cannot_register_for_the_account(world):
    """It does not hold the positions, whatever the owner consents to."""
    other = world.chain.senders[5]
    world.manager.transact("grantRole", world.manager.read("VENUE_ROLE"), other, sender=world.roles.admin)
    consent = consent_of(world, venue=other)
    with refused("NotVenueOfAccount"):
        world.manager.register(consent, consent.sign(world.owner), sender=other)
    newcomer = Account.from_key(ToyKey(0).scalar("newcomer").to_bytes(32, "big"))
    first = consent_of(world, venue=other, owner=newcomer)
    world.manager.register(first, first.sign(newcomer), sender=other)
    assert world.manager.venue_of(newcomer.address) == other


def test_an_account_moves_only_by_its_venue_or_the_admin(world):
    venue, other, account = world.roles.venue, world.chain.senders[5], world.owner.address
    with refused("AccessControlUnauthorizedAccount"):
        world.manager.move_account(account, other, sender=venue)            # the other is no venue yet
    world.manager.transact("grantRole", world.manager.read("VENUE_ROLE"), other, sender=world.roles.admin)
    for stranger in (world.relayer, other):
        with refused("AccessControlUnauthorizedAccount"):
            world.manager.move_account(account, other, sender=stranger)
    with refused("AccountNotRegistered"):
        world.manager.move_account(world.relayer, other, sender=venue)
    world.manager.move_account(account, other, sender=venue)
    assert world.manager.venue_of(account) == other
    with refused("NotVenueOfAccount"):
        world.register(EMPTY_PORTFOLIO)
    world.manager.move_account(account, venue, sender=world.roles.admin)
    world.register(EMPTY_PORTFOLIO)


def test_a_venue_without_its_role_moves_nothing(world):
    venue, other = world.roles.venue, world.chain.senders[5]
    role = world.manager.read("VENUE_ROLE")
    world.manager.transact("grantRole", role, other, sender=world.roles.admin)
    world.manager.transact("revokeRole", role, venue, sender=world.roles.admin)
    with refused("AccessControlUnauthorizedAccount"):
        world.manager.move_account(world.owner.address, other, sender=venue)
    with refused("AccessControlUnauthorizedAccount"):
        world.register(EMPTY_PORTFOLIO)


def test_a_smart_account_can_consent(world):
    """The wallet approves the digest of one consent; ERC-1271."""
    wallet = compile_sources({"Wallet.sol": WALLET})["Wallet"]
    venue = world.roles.venue
    # Its address is known before it is deployed, so the digest can be a constructor argument.
    sender = world.chain.senders[6]
    nonce = world.chain.web3.eth.get_transaction_count(sender)
    address = "0x" + keccak(rlp.encode([bytes.fromhex(sender[2:]), nonce]))[12:].hex()
    consent = world.manager.consent(address, venue, EMPTY_PORTFOLIO, world.chain.now() + HOUR)
    message = encode_typed_data(full_message=consent.typed_data())
    digest = keccak(b"\x19" + message.version + message.header + message.body)
    receipt = world.chain.send(None, encode_deployment(wallet, [digest]), sender=sender)
    assert receipt.contract == consent.account
    with refused("ConsentNotByOwner"):
        world.manager.register(replace(consent, commitment=1), b"", sender=venue)
    world.manager.register(consent, b"", sender=venue)
    assert world.manager.commitment_of(address) == EMPTY_PORTFOLIO
