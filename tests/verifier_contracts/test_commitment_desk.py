"""Who may say which positions an account holds: consents, voids, moves, pauses, transitions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from ledger_world import (
    DAY,
    FACTORS,
    GENESIS,
    HOUR,
    LIVES,
    NOWHERE,
    VENUE,
    LedgerWorld,
    refused,
    send_contract,
    statement_id,
)

from prover.curve import ORDER
from verifier_contracts.bindings import proof_words

OPEN, EXIT, LIQUIDATE, SETTLE = range(4)
RICH = 10**9
FILLS = 987654321
NEXT = 13579


# -- registration ------------------------------------------------------------------------------------------------------
def test_register_raises_the_version_and_voids_the_attestation(ledgers):
    ledgers.attest()
    receipt = ledgers.register(77)
    (event,) = ledgers.events(receipt, ledgers.desk, "CommitmentRegistered")
    assert event == {"account": ledgers.owner.address, "venue": ledgers.venue, "version": 2, "commitment": 77}
    assert ledgers.ledger.read("commitmentOf", ledgers.owner.address) == 77
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[:5] == (0, ledgers.epoch, 2, 0, 0)
    assert ledgers.status() == "NotAttested"


def test_the_clock_of_silence_starts_with_the_first_commitment_and_runs_on(ledgers):
    first = ledgers.ledger.read("stateOf", ledgers.owner.address)[5]
    assert GENESIS + LIVES[0] <= first <= ledgers.chain.now() + LIVES[0]
    ledgers.chain.travel_to(ledgers.chain.now() + HOUR)
    ledgers.register(77)
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[5] == first
    other = Account.from_key(b"\x0a" * 32)
    ledgers.register(78, owner=other)
    assert ledgers.ledger.read("stateOf", other.address)[5] == ledgers.chain.now() + LIVES[0]


def test_only_a_venue_registers(ledgers):
    signature = ledgers.consent(77)
    for sender in (ledgers.relayer, ledgers.admin, ledgers.guardian):
        with refused("NotVenue"):
            ledgers.register(77, sender=sender, signature=signature)
    with refused("NotVenueOfAccount"):
        ledgers.register(77, sender=ledgers.other_venue)
    ledgers.authority.transact("revokeRole", VENUE, ledgers.venue, sender=ledgers.admin)
    with refused("NotVenue"):
        ledgers.register(77)


def test_a_venue_alone_cannot_register(ledgers):
    stranger = Account.from_key(b"\x09" * 32)
    good = ledgers.consent(77)
    for bad in (ledgers.consent(77, owner=stranger, account=ledgers.owner.address), bytes(65), b"", good[:-1],
                good[:64] + bytes([good[64] ^ 1])):
        with refused("ConsentNotByOwner"):
            ledgers.register(77, signature=bad)
    ledgers.register(77, signature=good)


def test_nobody_consents_for_the_zero_address(ledgers):
    """What cannot be recovered is recovered as 0."""
    for signature in (b"", bytes(65), ledgers.consent(77)):
        with refused("ConsentNotByOwner"):
            ledgers.register(77, account=NOWHERE, signature=signature, version=1)


def test_a_desk_says_for_which_domain_it_wants_signatures(ledgers):
    """EIP-5267: name, version, chain and contract, no salt, no extensions; and what it verifies is of this domain."""
    desk = send_contract(ledgers.chain, "CommitmentDesk", [ledgers.authority.address, ledgers.ledger.address,
                                                           ledgers.registry.address])
    fields, name, version, chain, contract, salt, extensions = desk.read("eip712Domain")
    assert (fields, name, version, chain) == (b"\x0f", "Tailproof CommitmentDesk", "1", ledgers.chain.chain_id)
    assert (to_checksum_address(contract), salt, list(extensions)) == (desk.address, bytes(32), [])
    # The ledger takes no word of a desk that is not its own: the signature is asked before that.
    for domain, error in ({}, "NotDesk"), ({"name": ""}, "ConsentNotByOwner"):
        signature = ledgers.consent(77, contract=desk.address, **domain)
        with refused(error):
            desk.check("registerCommitment", ledgers.owner.address, 77, 2, ledgers.deadline(), signature,
                       sender=ledgers.venue)


def test_no_signature_in_its_other_form(ledgers):
    """s and n - s: both are valid for ecrecover; one is refused, so that a consent has one form."""
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    good = ledgers.consent(77)
    other = good[:32] + (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big") + bytes([55 - good[64]])
    with refused("ConsentNotByOwner"):
        ledgers.register(77, signature=other)


@pytest.mark.parametrize("field", ["venue", "commitment", "version", "nonce", "deadline", "chain_id", "contract"])
def test_consent_to_something_else_is_no_consent(ledgers, field):
    changes: dict[str, Any] = {"venue": ledgers.relayer, "version": 3, "nonce": 1, "deadline": ledgers.deadline() + 1,
                               "chain_id": ledgers.chain.chain_id + 1, "contract": ledgers.ledger.address}
    signature = ledgers.consent(78) if field == "commitment" else ledgers.consent(77, **{field: changes[field]})
    with refused("ConsentNotByOwner"):
        ledgers.register(77, signature=signature)


def test_consents_expire_to_the_second(ledgers):
    deadline = ledgers.chain.now() + 600
    signature = ledgers.consent(77, deadline=deadline)
    arguments = (ledgers.owner.address, 77, 2, deadline, signature)
    ledgers.chain.travel_to(deadline)
    ledgers.desk.check("registerCommitment", *arguments, sender=ledgers.venue)
    ledgers.chain.travel_to(deadline + 1)
    with refused("ConsentExpired"):
        ledgers.desk.check("registerCommitment", *arguments, sender=ledgers.venue)


def test_consents_can_be_revoked(ledgers):
    signature = ledgers.consent(77)
    fund(ledgers, ledgers.owner)
    receipt = ledgers.desk.transact("revokeConsents", sender=ledgers.relayer)         # somebody else's
    assert ledgers.desk.read("nonceOf", ledgers.relayer) == 1
    revoke(ledgers, ledgers.owner)
    assert ledgers.desk.read("nonceOf", ledgers.owner.address) == 1
    with refused("ConsentNotByOwner"):
        ledgers.register(77, signature=signature)
    (event,) = ledgers.events(receipt, ledgers.desk, "ConsentsRevoked")
    assert event == {"account": ledgers.relayer, "nonce": 1}
    ledgers.register(77)


def fund(world: LedgerWorld, account: LocalAccount) -> None:
    world.chain.web3.eth.send_transaction({"from": world.admin, "to": account.address, "value": 10**18})


def send_as(world: LedgerWorld, account: LocalAccount, to: str, data: bytes, **fields: Any) -> Any:
    """A transaction signed by the account's own key."""
    web3 = world.chain.web3
    transaction = {"to": to, "data": data, "nonce": web3.eth.get_transaction_count(account.address), "gas": 3_000_000,
                   "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 1, "chainId": world.chain.chain_id, "value": 0,
                   **fields}
    signed = account.sign_transaction(transaction)
    return web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))


def revoke(world: LedgerWorld, account: LocalAccount) -> None:
    from eth_utils.crypto import keccak
    assert send_as(world, account, world.desk.address, keccak(text="revokeConsents()")[:4])["status"] == 1


def test_a_consent_is_good_once(ledgers):
    signature = ledgers.consent(77)
    ledgers.register(77, signature=signature)
    with refused("WrongVersion"):
        ledgers.register(77, signature=signature, version=2)
    with refused("ConsentNotByOwner"):
        ledgers.register(77, signature=signature)


@pytest.mark.parametrize("version", [0, 1, 3])
def test_versions_follow_one_another(ledgers, version):
    with refused("WrongVersion"):
        ledgers.register(77, version=version)


@pytest.mark.parametrize("commitment", [0, ORDER, 2**256 - 1])
def test_commitments_are_nonzero_field_elements(ledgers, commitment):
    with refused("CommitmentOutOfField"):
        ledgers.register(commitment)


def test_a_venue_holds_no_positions_of_its_own(ledgers):
    with refused("VenueIsOwner"):
        ledgers.register(77, account=ledgers.venue, signature=bytes(65), version=1)
    with refused("VenueIsOwner"):
        ledgers.authority.transact("grantRole", VENUE, ledgers.owner.address, 0, sender=ledgers.admin)
        ledgers.desk.transact("moveAccount", ledgers.owner.address, ledgers.owner.address, sender=ledgers.venue)


# -- accounts with code (EIP-7702) -------------------------------------------------------------------------------------
def delegate(world: LedgerWorld, account: LocalAccount, to: str) -> None:
    """The account's code becomes 0xef0100 and the delegate's address."""
    fund(world, account)
    nonce = world.chain.web3.eth.get_transaction_count(account.address)
    authorization = account.sign_authorization(
        {"chainId": world.chain.chain_id, "address": to, "nonce": nonce + 1})
    receipt = send_as(world, account, account.address, b"", authorizationList=[authorization])
    assert receipt["status"] == 1
    assert world.chain.code(account.address) == bytes.fromhex("ef0100" + to[2:])


@pytest.fixture
def yes_man(ledgers):
    """A wallet to whom every signature is valid."""
    from verifier_contracts.compiler import compile_sources
    source = ("// SPDX-License-Identifier: MIT\npragma solidity ^0.8.28;\ncontract YesMan {\n"
              "    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) "
              "{ return 0x1626ba7e; }\n    receive() external payable {}\n}\n")
    return ledgers.chain.send(None, compile_sources({"YesMan.sol": source})["YesMan"].creation).contract


def test_a_delegated_account_signs_with_its_key(ledgers, yes_man):
    """A consent signed before the delegation stays good, and a delegate that says yes to everything consents to
    nothing."""
    signature = ledgers.consent(77)
    delegate(ledgers, ledgers.owner, yes_man)
    for word in (b"", bytes(65), b"yes"):
        with refused("ConsentNotByOwner"):
            ledgers.register(77, signature=word)
    ledgers.register(77, signature=signature)


def test_a_contract_is_asked_by_erc_1271(ledgers, yes_man):
    ledgers.register(77, account=yes_man, signature=b"anything", version=1)
    assert ledgers.ledger.read("commitmentOf", yes_man) == 77
    with refused("ConsentNotByOwner"):
        ledgers.register(77, account=ledgers.oracle.address, signature=b"", version=1)


def test_a_contract_whose_code_is_as_long_as_a_delegation_is_none(ledgers):
    """23 bytes: the answer of ERC-1271 to everything, and nothing behind it."""
    code = bytes.fromhex("631626ba7e60e01b5f5260205ff3").ljust(23, b"\0")
    short = ledgers.chain.send(None, bytes.fromhex("60178060095f395ff3") + code).contract
    assert ledgers.chain.code(short) == code
    ledgers.register(77, account=short, signature=b"anything", version=1)
    assert ledgers.ledger.read("commitmentOf", short) == 77


# -- voiding and moving ------------------------------------------------------------------------------------------------
def void(world, sender):
    return world.desk.transact("voidCommitment", world.owner.address, sender=sender)


@pytest.mark.parametrize("who", ["venue", "guardian"])
def test_venue_and_guardian_void_a_commitment(ledgers, who):
    ledgers.attest()
    receipt = void(ledgers, getattr(ledgers, who))
    (event,) = ledgers.events(receipt, ledgers.desk, "CommitmentVoided")
    assert event == {"account": ledgers.owner.address, "by": getattr(ledgers, who), "version": 2}
    assert ledgers.ledger.read("commitmentOf", ledgers.owner.address) == 0
    assert ledgers.status() == "NotAttested"
    ledgers.register(77)
    assert ledgers.version() == 3


def test_nobody_else_voids(ledgers):
    for sender in (ledgers.stranger, ledgers.other_venue, ledgers.admin):
        with refused("MayNotVoid"):
            void(ledgers, sender)
    ledgers.authority.transact("revokeRole", VENUE, ledgers.venue, sender=ledgers.admin)
    with refused("MayNotVoid"):
        void(ledgers, ledgers.venue)
    with refused("AccountNotRegistered"):
        ledgers.desk.transact("voidCommitment", ledgers.stranger, sender=ledgers.guardian)


def test_nobody_stands_between_a_flat_account_and_the_way_out(ledgers):
    ledgers.flat()
    for sender in (ledgers.venue, ledgers.guardian):
        with refused("AccountIsFlat"):
            void(ledgers, sender)
    with refused("AccountIsFlat"):
        ledgers.desk.transact("moveAccount", ledgers.owner.address, ledgers.other_venue, sender=ledgers.venue)


def test_a_call_is_not_shaken_off(ledgers):
    ledgers.shortfall(RICH)
    for action in (lambda: void(ledgers, ledgers.guardian), lambda: ledgers.register(77),
                   lambda: ledgers.desk.transact("moveAccount", ledgers.owner.address, ledgers.other_venue,
                                                 sender=ledgers.venue),
                   lambda: ledgers.desk.transact("reassignAccount", ledgers.owner.address, ledgers.other_venue,
                                                 sender=ledgers.admin)):
        with refused("AccountIsCalled"):
            action()


def test_an_account_that_moves_takes_no_word_along(ledgers):
    """Else one venue's commitment would pass for another's."""
    account = ledgers.owner.address
    ledgers.attest()
    old = ledgers.consent(77)
    receipt = ledgers.desk.transact("moveAccount", account, ledgers.other_venue, sender=ledgers.venue)
    (event,) = ledgers.events(receipt, ledgers.desk, "AccountMoved")
    assert event == {"account": account, "from": ledgers.venue, "to": ledgers.other_venue}
    assert ledgers.ledger.addressed("venueOf", account) == ledgers.other_venue
    assert ledgers.ledger.read("commitmentOf", account) == 0
    assert ledgers.status(venue=ledgers.other_venue) == "NotAttested"
    for sender, error in ((ledgers.venue, "NotVenueOfAccount"), (ledgers.other_venue, "ConsentNotByOwner")):
        with refused(error):
            ledgers.register(77, sender=sender, signature=old)
    ledgers.register(77, sender=ledgers.other_venue)


def test_an_account_moves_by_its_venue_or_the_admin(ledgers):
    account = ledgers.owner.address
    for sender in (ledgers.stranger, ledgers.other_venue, ledgers.admin):
        with refused("NotVenueOfAccount"):
            ledgers.desk.transact("moveAccount", account, ledgers.other_venue, sender=sender)
    with refused("NotVenue"):
        ledgers.desk.transact("moveAccount", account, ledgers.stranger, sender=ledgers.venue)
    with refused("AccessManagedUnauthorized"):
        ledgers.desk.transact("reassignAccount", account, ledgers.other_venue, sender=ledgers.venue)
    ledgers.authority.transact("revokeRole", VENUE, ledgers.venue, sender=ledgers.admin)
    with refused("NotVenueOfAccount"):
        ledgers.desk.transact("moveAccount", account, ledgers.other_venue, sender=ledgers.venue)
    ledgers.desk.transact("reassignAccount", account, ledgers.other_venue, sender=ledgers.admin)
    assert ledgers.ledger.addressed("venueOf", account) == ledgers.other_venue
    with refused("AccountNotRegistered"):
        ledgers.desk.transact("reassignAccount", ledgers.stranger, ledgers.other_venue, sender=ledgers.admin)


# -- pauses ------------------------------------------------------------------------------------------------------------
def pause(world, duration=DAY, action_class=OPEN, sender=None):
    return world.desk.transact("pause", action_class, duration, sender=sender or world.guardian)


def test_a_pause_stops_openings_and_lapses(ledgers):
    receipt = pause(ledgers)
    end = ledgers.chain.now() + DAY
    assert ledgers.events(receipt, ledgers.desk, "ClassPaused") == [{"class": OPEN, "until": end}]
    with refused("ClassIsPaused"):
        ledgers.register(77)
    signature = ledgers.consent(77)
    arguments = (ledgers.owner.address, 77, 2, ledgers.deadline(), signature)
    ledgers.chain.travel_to(end - 2)
    with refused("ClassIsPaused"):
        ledgers.desk.check("registerCommitment", *arguments, sender=ledgers.venue)
    ledgers.chain.travel_to(end)
    ledgers.desk.check("registerCommitment", *arguments, sender=ledgers.venue)


def test_a_pause_that_has_lapsed_is_not_ended(ledgers):
    pause(ledgers, HOUR)
    end = ledgers.chain.now() + HOUR
    ledgers.chain.travel_to(end - 1)
    ledgers.desk.check("unpause", OPEN, sender=ledgers.admin)
    ledgers.chain.travel_to(end)
    with refused("ClassNotPaused"):
        ledgers.desk.check("unpause", OPEN, sender=ledgers.admin)


def test_other_classes_stop_nothing_here_and_reading_and_proving_never_stop(ledgers):
    for action_class in (EXIT, LIQUIDATE, SETTLE):
        pause(ledgers, action_class=action_class)
    ledgers.register(ledgers.commitment)
    pause(ledgers)
    ledgers.deposit(RICH)
    ledgers.attest()
    ledgers.cover(RICH)
    assert ledgers.status() == "Valid"
    void(ledgers, ledgers.venue)


def test_a_pause_comes_once_a_week_for_each_class(ledgers):
    for duration in (0, DAY + 1):
        with refused("PauseTooLong"):
            pause(ledgers, duration)
    with refused("AccessManagedUnauthorized"):
        pause(ledgers, sender=ledgers.stranger)
    pause(ledgers, HOUR)
    began = ledgers.chain.now()
    with refused("AccessManagedUnauthorized"):
        ledgers.desk.transact("unpause", OPEN, sender=ledgers.guardian)
    ledgers.desk.transact("unpause", OPEN, sender=ledgers.admin)
    stopped = ledgers.chain.now() - began
    with refused("ClassNotPaused"):
        ledgers.desk.transact("unpause", OPEN, sender=ledgers.admin)
    ledgers.register(77)
    pause(ledgers, HOUR, EXIT)
    ledgers.chain.travel_to(began + 7 * DAY - 2)
    with refused("PausedTooRecently"):
        pause(ledgers)
    ledgers.chain.travel_to(began + 7 * DAY)
    pause(ledgers, HOUR)
    assert ledgers.desk.read("pausedUntil", OPEN) == ledgers.chain.now() + HOUR
    assert ledgers.desk.read("pausedSeconds", OPEN) == stopped
    again = ledgers.chain.now()
    ledgers.chain.travel_to(again + 600)
    assert ledgers.desk.read("pausedSeconds", OPEN) == stopped + 600
    ledgers.chain.travel_to(again + 7 * DAY)
    pause(ledgers, HOUR)
    assert ledgers.desk.read("pausedSeconds", OPEN) == stopped + HOUR, "of all before, not of the last alone"
    ledgers.chain.travel_to(ledgers.chain.now() + DAY)
    assert ledgers.desk.read("pausedSeconds", OPEN) == stopped + 2 * HOUR
    assert ledgers.desk.read("pausedSeconds", SETTLE) == 0


# -- transitions -------------------------------------------------------------------------------------------------------
NONE, COVER, MARGIN = range(3)


@dataclass(frozen=True)
class Step:
    """A transition and what goes with it; by default a good one."""

    world: LedgerWorld
    venue: LocalAccount
    new: int = NEXT
    fills: int = FILLS
    cash: int = -250
    version: int = 2
    support: int = NONE
    epoch: int | None = None
    value: int = 0
    deadline: int | None = None

    def digest_fields(self) -> list[tuple[str, str, Any]]:
        return [("account", "address", self.world.owner.address), ("venue", "address", self.venue.address),
                ("version", "uint40", self.version), ("fillDigest", "uint256", self.fills),
                ("cash", "int128", self.cash)]

    def owner_fields(self) -> list[tuple[str, str, Any]]:
        return [("account", "address", self.world.owner.address), ("version", "uint40", self.version),
                ("newCommitment", "uint256", self.new), ("fillDigest", "uint256", self.fills),
                ("cash", "int128", self.cash), ("nonce", "uint32", 0),
                ("deadline", "uint256", self.deadline or self.world.deadline())]

    def by_venue(self, **domain: Any) -> bytes:
        return self.world.sign(self.venue, "Fills", self.digest_fields(), **domain)

    def by_owner(self, **domain: Any) -> bytes:
        return self.world.sign(self.world.owner, "Transition", self.owner_fields(), **domain)

    def proof(self, **changes: Any) -> list[int]:
        w = self.world
        given = {"old": w.ledger.read("commitmentOf", w.owner.address), "new": self.new, "fills": self.fills}
        made = {name: changes.pop(name, value) for name, value in given.items()}
        context = w.context("transition", **{"epoch": 0, "version": self.version} | changes)
        return proof_words(w.keys["transition"].prove([context, made["old"], made["new"], made["fills"]]))

    def support_proof(self, **changes: Any) -> list[int]:
        made = {"epoch": self.epoch, "version": self.version, "commitment": self.new} | changes
        if self.support == COVER:
            return self.world.cover_proof(self.value, **{"step": 1} | made)
        return self.world.margin_proof(self.value, **made) if self.support == MARGIN else [0] * 8

    def words(self, **changes: Any) -> tuple[Any, ...]:
        fields = {"account": self.world.owner.address, "version": self.version, "new": self.new, "fills": self.fills,
                  "cash": self.cash, "deadline": self.deadline or self.world.deadline(), "owner": None, "venue": None,
                  "proof": None, "support": self.support, "epoch": self.epoch or 0, "value": self.value,
                  "factors": FACTORS if self.support == COVER else [], "support_proof": None} | changes
        makers = {"owner": self.by_owner, "venue": self.by_venue, "proof": self.proof,
                  "support_proof": self.support_proof}
        return tuple(makers[name]() if value is None and name in makers else value for name, value in fields.items())

    def apply(self, sender: str | None = None, **changes: Any) -> Any:
        return self.world.desk.transact("applyTransition", self.words(**changes), sender=sender or self.world.relayer)


@pytest.fixture
def step(ledgers):
    """A covered account of a venue whose key is at hand, and a step from it."""
    venue = Account.from_key(b"\x33" * 32)
    ledgers.authority.transact("grantRole", VENUE, venue.address, 0, sender=ledgers.admin)
    fund(ledgers, venue)
    ledgers.desk.transact("moveAccount", ledgers.owner.address, venue.address, sender=ledgers.venue)
    from verifier_contracts.abi import encode_call
    data = encode_call(ledgers.desk.artifact, "registerCommitment", [
        ledgers.owner.address, ledgers.commitment, 3, ledgers.deadline(),
        ledgers.consent(ledgers.commitment, venue=venue.address)])
    assert send_as(ledgers, venue, ledgers.desk.address, data)["status"] == 1
    ledgers.register_key(venue)
    ledgers.post()
    ledgers.deposit(RICH)
    return Step(ledgers, venue, version=4, epoch=ledgers.epoch)


def test_a_transition_changes_the_commitment(ledgers, step):
    ledgers.cover(RICH)
    receipt = step.apply()
    (event,) = ledgers.events(receipt, ledgers.desk, "TransitionApplied")
    assert event == {"account": ledgers.owner.address, "version": 4, "commitment": NEXT, "fillDigest": FILLS,
                     "cash": -250}
    assert ledgers.ledger.read("commitmentOf", ledgers.owner.address) == NEXT
    assert ledgers.version() == 4
    with refused("WrongVersion"):
        step.apply()


def test_without_cover_the_new_version_is_reduce_only_and_the_clock_runs_on(ledgers, step):
    ledgers.cover(RICH)
    clock = ledgers.ledger.read("stateOf", ledgers.owner.address)[5]
    step.apply()
    assert ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    assert ledgers.status() == "NotAttested"
    assert ledgers.ledger.read("stateOf", ledgers.owner.address)[5] == clock
    again = replace(step, version=5, new=NEXT + 1)
    with refused("ReduceOnly"):
        again.apply()
    # A margin alone does not bring back what the old version's cover allowed.
    ledgers.attest(commitment=NEXT)
    assert ledgers.ledger.read("isReduceOnly", ledgers.owner.address)
    with refused("ReduceOnly"):
        again.apply()
    ledgers.post()
    replace(again, support=COVER, value=RICH).apply()
    assert not ledgers.ledger.read("isReduceOnly", ledgers.owner.address)


def test_risk_is_added_only_where_the_present_commitment_is_in_escrow(ledgers, step):
    """R28: or an account grows and its owner falls silent, and nobody knows what it holds."""
    me = ledgers.owner.address
    ledgers.desk.transact("voidCommitment", me, sender=ledgers.guardian)
    data = [me, ledgers.commitment + 7, 5, ledgers.deadline(),
            ledgers.consent(ledgers.commitment + 7, venue=step.venue.address)]
    ledgers.sent_by(step.venue, ledgers.desk, "registerCommitment", *data)
    assert ledgers.ledger.read("isEscrowed", me) is False
    ledgers.cover(RICH, commitment=ledgers.commitment + 7)
    following = replace(step, version=6)
    for support in (NONE, COVER):
        with refused("EscrowMissing"):
            replace(following, support=support, value=RICH).apply()
    until = ledgers.chain.now() + 1
    ledgers.post()
    assert ledgers.ledger.read("escrowedUntilOf", me) > until
    following.apply()
    assert ledgers.ledger.read("isEscrowed", me) is False, "of the commitment that follows nothing is there yet"


def test_what_adds_no_risk_needs_no_escrow(ledgers, step):
    me, new = ledgers.owner.address, ledgers.commitment + 7
    ledgers.desk.transact("voidCommitment", me, sender=ledgers.guardian)
    ledgers.sent_by(step.venue, ledgers.desk, "registerCommitment", me, new, 5, ledgers.deadline(),
                    ledgers.consent(new, venue=step.venue.address))
    ledgers.attest(commitment=new)
    shedding = replace(step, version=6, support=MARGIN, value=ledgers.margin, epoch=ledgers.epoch)
    ledgers.desk.check("applyTransition", shedding.words(), sender=ledgers.relayer)
    ledgers.flat(commitment=new)                               # and what holds nothing begins without
    replace(step, version=6).apply()
    assert ledgers.ledger.read("isEscrowed", me) is False


@pytest.mark.parametrize("changes", [{"old": 5}, {"new": 5}, {"fills": 5}, {"version": 3}, {"version": 5},
                                     {"epoch": 1}, {"action": b"\x01" * 32}, {"account": "0x" + "11" * 20}])
def test_a_transitions_proof_is_its_own(ledgers, step, changes):
    ledgers.cover(RICH)
    with refused("ProofRejected"):
        step.apply(proof=step.proof(**changes))


@pytest.mark.parametrize("changes", [{"fills": 5}, {"cash": -249}, {"version": 5},
                                     {"venue": Account.from_key(b"\x34" * 32)}])
def test_fills_are_the_venues(ledgers, step, changes):
    ledgers.cover(RICH)
    with refused("FillsNotByVenue"):
        step.apply(venue=replace(step, **changes).by_venue())
    for domain in ({"chain_id": 1}, {"contract": ledgers.ledger.address}):
        with refused("FillsNotByVenue"):
            step.apply(venue=step.by_venue(**domain))
    if changes.keys() & {"fills", "cash"}:                       # nor does the owner turn them into what suits her
        with refused("FillsNotByVenue"):
            replace(step, **changes).apply(venue=step.by_venue())


@pytest.mark.parametrize("changes", [{"new": 5}, {"fills": 5}, {"cash": -249}, {"version": 5}, {"deadline": 2**40}])
def test_a_proof_is_never_consent(ledgers, step, changes):
    """Venue and committee know salt and slots too (R1)."""
    ledgers.cover(RICH)
    with refused("TransitionNotByOwner"):
        step.apply(owner=replace(step, **changes).by_owner())
    with refused("TransitionNotByOwner"):
        step.apply(owner=step.by_owner(chain_id=1))


def test_an_owner_who_sends_need_not_sign(ledgers, step):
    from verifier_contracts.abi import encode_call
    ledgers.cover(RICH)
    fund(ledgers, ledgers.owner)
    data = encode_call(ledgers.desk.artifact, "applyTransition", [step.words(owner=b"")])
    with refused("TransitionNotByOwner"):
        ledgers.desk.check("applyTransition", step.words(owner=b""), sender=ledgers.relayer)
    assert send_as(ledgers, ledgers.owner, ledgers.desk.address, data)["status"] == 1


def test_an_owners_signature_expires_and_is_revoked(ledgers, step):
    ledgers.cover(RICH)
    deadline = ledgers.chain.now() + 100
    short = replace(step, deadline=deadline)
    words = short.words()
    ledgers.chain.travel_to(deadline)
    ledgers.desk.check("applyTransition", words, sender=ledgers.relayer)
    ledgers.chain.travel_to(deadline + 1)
    with refused("TransitionExpired"):
        ledgers.desk.check("applyTransition", words, sender=ledgers.relayer)
    fund(ledgers, ledgers.owner)
    revoke(ledgers, ledgers.owner)
    with refused("TransitionNotByOwner"):
        step.apply()


def test_no_transition_by_a_lost_venues_fills(ledgers, step):
    ledgers.cover(RICH)
    ledgers.authority.transact("revokeRole", VENUE, step.venue.address, sender=ledgers.admin)
    with refused("VenueWithoutRole"):
        step.apply()


@pytest.mark.parametrize("commitment", [0, ORDER])
def test_a_new_commitment_is_a_nonzero_field_element(ledgers, step, commitment):
    ledgers.cover(RICH)
    with refused("CommitmentOutOfField"):
        replace(step, new=commitment).apply(proof=[0] * 8)


def test_cover_comes_in_the_same_call_at_initial_margin(ledgers, step):
    covered = replace(step, support=COVER, value=RICH)
    for made in ({"step": 0}, {"version": 3}, {"commitment": ledgers.commitment}, {"side": 0}):
        with refused("ProofRejected"):
            covered.apply(support_proof=covered.support_proof(**made))
    with refused("ClaimAboveValue"):
        replace(covered, value=RICH + 1).apply()
    covered.apply()
    assert ledgers.reading() == (1, RICH, ledgers.epoch, ledgers.epoch + LIVES[1])
    assert not ledgers.ledger.read("isReduceOnly", ledgers.owner.address)


def test_a_margin_not_above_the_one_before_comes_in_the_same_call(ledgers, step):
    lower = replace(step, support=MARGIN, value=ledgers.margin)
    with refused("NoMargin"):
        lower.apply()
    ledgers.attest()
    with refused("MarginRaised"):
        replace(lower, value=ledgers.margin + 1).apply()
    with refused("ProofRejected"):
        lower.apply(support_proof=lower.support_proof(commitment=ledgers.commitment))
    newer = ledgers.next_epoch(60)
    with refused("OtherEpoch"):
        replace(lower, epoch=newer).apply()
    lower.apply()
    assert ledgers.reading()[:3] == (1, ledgers.margin, ledgers.epoch)
    assert ledgers.version() == 4


def test_a_hidden_margin_is_nothing_to_compare_with(ledgers, step):
    ledgers.cover(RICH)
    with refused("MarginHidden"):
        replace(step, support=MARGIN, value=1).apply()


def test_while_opening_is_paused_only_risk_that_does_not_rise(ledgers, step):
    ledgers.attest()
    ledgers.ledger.transact("coverByMargin", ledgers.owner.address, 0, FACTORS)
    pause(ledgers)
    for support, value in ((NONE, 0), (COVER, RICH)):
        with refused("ClassIsPaused"):
            replace(step, support=support, value=value).apply()
    replace(step, support=MARGIN, value=ledgers.margin).apply()


def test_a_called_account_reduces_with_cover_only(ledgers, step):
    ledgers.attest()
    ledgers.shortfall(RICH)
    for support in (NONE, MARGIN):
        with refused("AccountIsCalled"):
            replace(step, support=support, value=1).apply()
    replace(step, support=COVER, value=RICH).apply()
    assert not ledgers.ledger.read("isCalled", ledgers.owner.address)
    assert ledgers.status() == "Valid"


def test_a_call_outlives_a_transition_that_does_not_cure_it(ledgers, step):
    ledgers.shortfall(RICH)
    lost = replace(step, support=COVER, value=RICH)
    with refused("ProofRejected"):
        lost.apply(support_proof=[*lost.support_proof()[:6], 1, 2])
    assert ledgers.ledger.read("isCalled", ledgers.owner.address)


def test_a_flat_account_waits_for_settlement_an_hour_at_most(ledgers, step):
    """Realised losses would leave through `flat` before they are settled (R6)."""
    ledgers.cover(RICH)
    step.apply()
    applied = ledgers.chain.now()
    action = b"\x0c" * 32
    arguments = (ledgers.owner.address, 4, action, ledgers.flat_proof(commitment=NEXT, action=action))
    assert ledgers.ledger.read("settledByOf", ledgers.owner.address) == applied + HOUR
    ledgers.chain.travel_to(applied + HOUR - 2)
    with refused("SettlementPending"):
        ledgers.vault.check("flat", *arguments)
    ledgers.chain.travel_to(applied + HOUR)
    ledgers.vault.check("flat", *arguments)


def test_a_settlement_ends_the_wait(ledgers, step):
    ledgers.cover(RICH)
    step.apply()
    ledgers.vault.transact("settle", ledgers.owner.address)
    action = b"\x0c" * 32
    ledgers.vault.transact("flat", ledgers.owner.address, 4, action,
                           ledgers.flat_proof(commitment=NEXT, action=action))
    assert ledgers.status() == "Flat"


def test_a_transition_of_nobody(ledgers, step):
    with refused("AccountNotRegistered"):
        step.apply(account=ledgers.stranger)


def test_distrust_of_the_margin_key_ends_what_can_be_compared_with(ledgers, step):
    ledgers.attest()
    ledgers.registry.transact("distrust", statement_id("margin"), 1, sender=ledgers.guardian)
    with refused("NoMargin"):
        replace(step, support=MARGIN, value=1).apply()
