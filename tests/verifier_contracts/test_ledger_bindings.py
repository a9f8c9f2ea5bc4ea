"""The bindings of ledger, desk, attestor, registry of verifiers and authority, on contracts with toy keys."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from eth_account import Account
from eth_account.signers.local import LocalAccount
from ledger_world import DAY, FACTORS, GUARDIAN, HOUR, MAX_AGE, LedgerWorld, refused
from toykey import CIRCUIT, ToyKey

from primitives.errors import BadInput
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import LONGEST_CONSENT, ZERO_ADDRESS, proof_words
from verifier_contracts.context import Context
from verifier_contracts.creation import deploy_verifier
from verifier_contracts.errors import ImplausibleAnswer
from verifier_contracts.governance import AccessManager, Role, role_name
from verifier_contracts.ledger import (
    INITIAL,
    AccountWord,
    BatchAttestor,
    CommitmentDesk,
    LedgerLens,
    MarginLedger,
    MarginStatus,
    Row,
    Source,
    Support,
    Transition,
    combiner_key,
)
from verifier_contracts.vault import Factor
from verifier_contracts.verifier_registry import WAIT, Active, Candidate, VerifierRegistry

LIST = [Factor(*factor) for factor in FACTORS]


@pytest.fixture
def ledger(ledgers: LedgerWorld) -> MarginLedger:
    return MarginLedger(ledgers.chain, ledgers.ledger.address)


@pytest.fixture
def desk(ledgers: LedgerWorld, ledger: MarginLedger) -> CommitmentDesk:
    return CommitmentDesk(ledgers.chain, ledgers.desk.address, ledger)


@pytest.fixture
def authority(ledgers: LedgerWorld) -> AccessManager:
    return AccessManager(ledgers.chain, ledgers.authority.address)


@pytest.fixture
def registry(ledgers: LedgerWorld) -> VerifierRegistry:
    return VerifierRegistry(ledgers.chain, ledgers.registry.address)


# -- ledger ------------------------------------------------------------------------------------------------------------
def test_what_is_attested_is_read_as_what_it_is(ledgers: LedgerWorld, ledger: MarginLedger) -> None:
    me, made = ledgers.owner.address, {"sender": ledgers.relayer}
    assert ledger.state_of(me).source is None
    assert ledger.try_margin_of(me).status is MarginStatus.NOT_ATTESTED
    ledger.attest(me, ledgers.epoch, 1, ledgers.margin, ledgers.margin_proof(), **made)
    word = ledger.state_of(me)
    assert (word.source, word.generation, word.value, word.hides_margin) == (Source.MARGIN, 1, ledgers.margin, False)
    reading = ledger.try_margin_of(me, HOUR, ledgers.epoch, ledgers.venue)
    assert reading == (MarginStatus.VALID, ledgers.margin, ledgers.epoch, ledgers.epoch + HOUR)
    assert reading.status.readable
    assert ledger.margin_of(me, HOUR) == ledgers.margin

    ledgers.deposit(10 * ledgers.margin)
    ledger.cover_by_margin(me, 0, LIST, **made)
    assert ledger.state_of(me).source is Source.MARGIN_COVERED
    assert Source.MARGIN_COVERED.slot == "margin"
    assert not ledger.is_reduce_only(me)
    lens = LedgerLens(ledgers.chain, ledgers.lens.address, ledger)
    assert lens.is_covered_now(me, LIST)
    assert lens.try_margins_of([me, ledgers.stranger], HOUR)[0] == reading
    assert lens.try_margins_of([ledgers.stranger])[0].status is MarginStatus.UNKNOWN

    epoch = ledgers.next_epoch()
    claimed = 5 * ledgers.margin
    ledger.attest_cover(me, epoch, 1, INITIAL, claimed, LIST, ledgers.cover_proof(claimed, step=1, epoch=epoch), **made)
    word = ledger.state_of(me)
    assert (word.source, word.hides_margin, word.value) == (Source.COVER, True, claimed)
    assert word.clock == epoch + ledger.life_of(INITIAL)
    with refused("MarginHidden"):
        ledger.margin_of(me, HOUR)

    epoch = ledgers.next_epoch()
    proof = ledgers.cover_proof(claimed, side=0, epoch=epoch)
    ledgers.deposit(claimed)
    ledger.prove_shortfall(me, epoch, 1, claimed, LIST, proof, **made)
    assert ledger.is_called(me)
    assert ledger.state_of(me).called
    ledger.attest_flat(me, 1, ledgers.flat_proof(), **made)
    assert ledger.is_flat(me)
    assert ledger.state_of(me).source is Source.FLAT
    assert ledger.try_margin_of(me).status is MarginStatus.FLAT


@pytest.mark.parametrize(("statement", "epoch"), [("margin", 1), ("cover", 1), ("flat", 0), ("transition", 0)])
def test_contexts_are_the_contracts(ledgers: LedgerWorld, ledger: MarginLedger, registry: VerifierRegistry,
                                    statement: str, epoch: int) -> None:
    lens, me = LedgerLens(ledgers.chain, ledgers.lens.address, ledger), ledgers.owner.address
    digest = registry.active(statement).key_digest
    made = ledger.context(statement, digest, me, epoch * ledgers.epoch, 1, b"\x01" * 32)
    assert isinstance(made, Context)
    assert made.field_element() == lens.context_of(statement, me, epoch * ledgers.epoch, 1, b"\x01" * 32)


def test_settings_are_read(ledgers: LedgerWorld, ledger: MarginLedger) -> None:
    assert [ledger.buffer_of(step) for step in range(4)] == ledgers.settings["buffers"]
    assert ledger.max_epoch_age() == MAX_AGE
    assert ledger.exit_epoch_age() == ledgers.settings["exitEpochAge"]
    assert ledger.superseded_grace() == ledgers.settings["supersededGrace"]
    assert ledger.vault() == ledgers.vault.address
    assert ledger.commitment_of(ledgers.owner.address) == ledgers.commitment
    assert ledger.settled_by_of(ledgers.owner.address) == 0


# -- what is signed ----------------------------------------------------------------------------------------------------
def test_a_consent_registers_once_and_is_revoked(ledgers: LedgerWorld, desk: CommitmentDesk) -> None:
    me, until = ledgers.owner.address, ledgers.chain.now() + DAY
    consent = desk.consent(me, ledgers.venue, 77, until)
    assert (consent.version, consent.nonce) == (2, 0)
    desk.revoke_consents(sender=ledgers.relayer)                        # of others: nothing to her
    desk.register(consent, consent.sign(ledgers.owner), sender=ledgers.venue)
    assert desk.ledger.commitment_of(me) == 77
    with refused("WrongVersion"):
        desk.register(consent, consent.sign(ledgers.owner), sender=ledgers.venue)
    stale = replace(desk.consent(me, ledgers.venue, 78, until), nonce=1)
    with refused("ConsentNotByOwner"):
        desk.register(stale, stale.sign(ledgers.owner), sender=ledgers.venue)


def test_a_consent_to_a_hand_over_is_for_version_0(ledgers: LedgerWorld, desk: CommitmentDesk) -> None:
    taker, until = Account.from_key(b"\x05" * 32), ledgers.chain.now() + DAY
    consent = desk.hand_over_consent(taker.address, ledgers.venue, 77, until)
    assert consent.sign(taker) == ledgers.consent(77, owner=taker, version=0, deadline=until)
    with pytest.raises(BadInput, match="version"):
        replace(consent, version=1)
    with pytest.raises(BadInput, match="never registered"):
        desk.hand_over_consent(ledgers.owner.address, ledgers.venue, 77, until)
    with pytest.raises(BadInput, match="deadline"):
        desk.hand_over_consent(taker.address, ledgers.venue, 77, until + LONGEST_CONSENT)


def test_a_deadline_is_near(ledgers: LedgerWorld, desk: CommitmentDesk) -> None:
    far = ledgers.chain.now() + LONGEST_CONSENT + 60
    with pytest.raises(BadInput, match="deadline"):
        desk.consent(ledgers.owner.address, ledgers.venue, 77, far)
    with pytest.raises(BadInput, match="deadline"):
        desk.transition_consent(ledgers.owner.address, 77, 5, 0, far)


@pytest.mark.parametrize(("field", "value"), [("commitment", 0), ("version", 0), ("nonce", 2**32), ("desk", "0x12")])
def test_messages_have_bounds(ledgers: LedgerWorld, desk: CommitmentDesk, field: str, value: Any) -> None:
    consent = desk.consent(ledgers.owner.address, ledgers.venue, 77, 1)
    with pytest.raises(BadInput, match=field):
        replace(consent, **{field: value})


NOTHING = AccountWord(0, 0, 0, 0, 0, 0)
REGISTERED = AccountWord(0, 0, 1, 0, 0, 1_900_000_000)
PROVEN = AccountWord(5, 1_000, 1, 2_000, 8, 0)


class Lying(MarginLedger):
    """A ledger behind a node that says what it likes."""

    told: tuple[AccountWord, int, str]

    def state_of(self, account: str) -> AccountWord:
        return self.told[0]

    def commitment_of(self, account: str) -> int:
        return self.told[1]

    def venue_of(self, account: str) -> str:
        return self.told[2]


@pytest.mark.parametrize("told", [(NOTHING, 0, ""), (REGISTERED, 9, "venue"), (REGISTERED, 0, "venue"),
                                  (PROVEN, 9, "venue"), (replace(PROVEN, basis=1, clock=5), 9, "venue"),
                                  (replace(PROVEN, basis=15, value=0), 9, "venue")])
def test_accounts_that_can_be_are_believed(ledgers: LedgerWorld, told: Any) -> None:
    lying = Lying(ledgers.chain, ledgers.ledger.address)
    lying.told = (told[0], told[1], ledgers.venue if told[2] else ZERO_ADDRESS)
    assert lying.plausible_version(ledgers.owner.address, 1_800_000_000) == told[0].version


@pytest.mark.parametrize("told", [
    (replace(NOTHING, version=7), 0, ""), (NOTHING, 0, "venue"), (NOTHING, 9, ""),
    (replace(NOTHING, epoch_id=1), 0, ""),
    (replace(PROVEN, basis=0), 9, "venue"), (replace(PROVEN, attested_at=0), 9, "venue"), (PROVEN, 0, "venue"),
    (replace(REGISTERED, value=5), 9, "venue"), (replace(PROVEN, basis=2), 9, "venue"),
    (replace(REGISTERED, version=2**40 - 1), 9, "venue"), (replace(PROVEN, epoch_id=1_900_000_000), 9, "venue"),
    (replace(PROVEN, attested_at=1_900_000_000), 9, "venue")])
def test_accounts_that_cannot_be_are_not_signed_for(ledgers: LedgerWorld, told: Any) -> None:
    lying = Lying(ledgers.chain, ledgers.ledger.address)
    lying.told = (told[0], told[1], ledgers.venue if told[2] else ZERO_ADDRESS)
    with pytest.raises(ImplausibleAnswer):
        lying.plausible_version(ledgers.owner.address, 1_800_000_000)


# -- steps -------------------------------------------------------------------------------------------------------------
def venue_with_a_key(world: LedgerWorld, desk: CommitmentDesk) -> LocalAccount:
    """The account's venue from now on: one whose key is at hand, as fills are signed with it."""
    venue = Account.from_key(b"\x33" * 32)
    world.authority.transact("grantRole", Role.VENUE, venue.address, 0, sender=world.admin)
    desk.move(world.owner.address, venue.address, sender=world.venue)
    world.chain.web3.eth.send_transaction({"from": world.admin, "to": venue.address, "value": 10**18})
    return venue


def register_as(world: LedgerWorld, desk: CommitmentDesk, venue: LocalAccount, commitment: int) -> None:
    consent = desk.consent(world.owner.address, venue.address, commitment, world.chain.now() + DAY)
    data = encode_call(desk.artifact, "registerCommitment", [
        consent.account, commitment, consent.version, consent.deadline, consent.sign(world.owner)])
    web3 = world.chain.web3
    signed = venue.sign_transaction({"to": desk.address, "data": data, "nonce": 0, "gas": 500_000, "value": 0,
                                     "maxFeePerGas": 10**11, "maxPriorityFeePerGas": 1,
                                     "chainId": world.chain.chain_id})
    assert web3.eth.wait_for_transaction_receipt(web3.eth.send_raw_transaction(signed.raw_transaction))["status"] == 1


def test_a_step_with_cover_is_signed_by_both_and_carried(ledgers: LedgerWorld, ledger: MarginLedger,
                                                         desk: CommitmentDesk) -> None:
    me, relayer = ledgers.owner.address, ledgers.relayer
    venue = venue_with_a_key(ledgers, desk)
    assert (ledger.commitment_of(me), ledger.venue_of(me)) == (0, venue.address)
    register_as(ledgers, desk, venue, ledgers.commitment)
    ledgers.register_key(venue)
    ledgers.post()
    version, new, fills, cash, claimed = ledger.version_of(me) + 1, 4_321, 99, -250, 10**12
    ledgers.deposit(claimed)
    owners = desk.transition_consent(me, new, fills, cash, ledgers.chain.now() + DAY)
    assert owners.version == version
    venues = desk.fills(me, venue.address, version, fills, cash)
    proof = proof_words(ledgers.keys["transition"].prove([
        ledgers.context("transition", epoch=0, version=version), ledgers.commitment, new, fills]))
    step = Transition(me, version, new, fills, cash, owners.deadline, owners.sign(ledgers.owner), venues.sign(venue),
                      proof, Support.COVER, ledgers.epoch, claimed, LIST,
                      ledgers.cover_proof(claimed, step=1, version=version, commitment=new))
    for field, wrong, error in (("owner_signature", venues.sign(venue), "TransitionNotByOwner"),
                                ("venue_signature", owners.sign(ledgers.owner), "FillsNotByVenue"),
                                ("cash", cash + 1, "FillsNotByVenue"), ("words", step.support_words, "ProofRejected"),
                                ("support_words", proof, "ProofRejected")):
        with refused(error):
            desk.apply(step._replace(**{field: wrong}), sender=relayer)
    desk.apply(step, sender=relayer)
    assert (ledger.commitment_of(me), ledger.version_of(me)) == (new, version)
    assert ledger.state_of(me).source is Source.COVER
    with refused("WrongVersion"):
        desk.apply(step, sender=relayer)


def test_a_commitment_is_voided_by_those_who_may(ledgers: LedgerWorld, ledger: MarginLedger, desk: CommitmentDesk
                                                 ) -> None:
    with refused("MayNotVoid"):
        desk.void(ledgers.owner.address, sender=ledgers.stranger)
    desk.void(ledgers.owner.address, sender=ledgers.guardian)
    assert ledger.commitment_of(ledgers.owner.address) == 0
    assert ledger.version_of(ledgers.owner.address) == 2


def test_strangers_margins_come_together(ledgers: LedgerWorld, ledger: MarginLedger) -> None:
    attestor = BatchAttestor(ledgers.chain, ledgers.attestor.address)
    me, key = ledgers.owner.address, combiner_key(ledgers.keys["margin"].verification_key)
    row = Row(me, 1, ledgers.margin, ledgers.commitment)
    with refused("ProofRejected"):
        attestor.attest_margins(ledgers.epoch, key, [row._replace(value=row.value + 1)], [ledgers.margin_proof()],
                                sender=ledgers.relayer)
    attestor.attest_margins(ledgers.epoch, key, [row], [ledgers.margin_proof()], sender=ledgers.relayer)
    assert ledger.margin_of(me, HOUR) == ledgers.margin
    ledgers.deposit(10**12)
    attestor.attest_covers(ledgers.epoch, 1, LIST, combiner_key(ledgers.keys["cover"].verification_key),
                           [row._replace(value=10**12)], [ledgers.cover_proof(10**12, step=1)], sender=ledgers.relayer)
    assert ledger.state_of(me).source is Source.COVER


# -- registry of verifiers ---------------------------------------------------------------------------------------------
def test_a_verifier_is_announced_waited_for_activated_and_distrusted(ledgers: LedgerWorld, registry: VerifierRegistry
                                                                     ) -> None:
    chain, key = ledgers.chain, ToyKey(4, seed="cover, next")
    before = registry.active("cover")
    assert (before.generation, registry.generations_of("cover"), registry.announcement_of("cover")) == (1, 1, None)
    verifier = deploy_verifier(chain, key.verification_key, "cover", CIRCUIT)
    candidate = Candidate.of(chain, verifier, key.verification_key, CIRCUIT, key.known_answer(), sunset=HOUR)
    registry.announce("cover", candidate, sender=ledgers.admin)
    announced = registry.announcement_of("cover")
    assert announced is not None
    assert announced.ready == chain.now() + WAIT
    with refused("NotReady"):
        registry.activate("cover", candidate, sender=ledgers.stranger)
    registry.cancel("cover", sender=ledgers.guardian)
    with refused("NotAnnounced"):
        registry.activate("cover", candidate, sender=ledgers.stranger)
    registry.announce("cover", candidate, sender=ledgers.admin)
    chain.travel_to(chain.now() + WAIT)
    registry.activate("cover", candidate, sender=ledgers.stranger)
    assert registry.active("cover") == Active(verifier, key.verification_key.digest(), 2)
    assert registry.by_generation("cover", 1) == (before.verifier, before.key_digest)
    registry.distrust("cover", 1, sender=ledgers.guardian)
    assert (registry.is_trusted("cover", 1), registry.is_trusted("cover", 2)) == (False, True)
    with refused("KeyAlreadyUsed"):
        registry.announce("cover", candidate, sender=ledgers.admin)
    assert registry.allows_insecure_setup()


@pytest.mark.parametrize("sunset", [HOUR - 1, 30 * DAY + 1])
def test_a_sunset_has_bounds(ledgers: LedgerWorld, sunset: int) -> None:
    key = ledgers.keys["cover"]
    with pytest.raises(BadInput, match="sunset"):
        Candidate.of(ledgers.chain, ledgers.ledger.address, key.verification_key, CIRCUIT, key.known_answer(),
                     sunset=sunset)


# -- governance --------------------------------------------------------------------------------------------------------
def test_a_holder_without_delay_acts_at_once_and_others_not_at_all(ledgers: LedgerWorld, desk: CommitmentDesk,
                                                                   authority: AccessManager) -> None:
    step = authority.perform(desk, "pause", 0, HOUR, sender=ledgers.guardian)
    assert step.done
    assert step.receipt is not None
    assert desk.paused_until(0) == ledgers.chain.now() + HOUR
    with refused("AccessManagedUnauthorized"):
        authority.perform(desk, "pause", 0, HOUR, sender=ledgers.stranger)
    with refused("AccessManagerUnauthorizedAccount"):
        authority.grant(Role.VENUE, ledgers.stranger, sender=ledgers.guardian)


def test_a_holder_with_a_delay_schedules_waits_and_does_the_same_again(ledgers: LedgerWorld, desk: CommitmentDesk,
                                                                       authority: AccessManager) -> None:
    me, chain = ledgers.stranger, ledgers.chain
    assert authority.grant(Role.ADMIN, me, 2 * DAY, sender=ledgers.admin).done
    assert authority.has_role(Role.ADMIN, me) == (True, 2 * DAY)
    account, to = ledgers.owner.address, ledgers.other_venue
    for contract, function, arguments in ((desk, "reassignAccount", (account, to)),
                                          (authority, "grantRole", (Role.RISK, me, 0))):
        first = authority.perform(contract, function, *arguments, sender=me)
        assert (first.done, first.ready) == (False, chain.now() + 2 * DAY)
        assert first.receipt is not None
        assert first.expires == first.ready + authority.expiration()
        again = authority.perform(contract, function, *arguments, sender=me)
        assert (again.receipt, again.ready) == (None, first.ready)
        with refused("AccessManagerNotReady"):
            contract.transact(function, *arguments, sender=me)
        chain.travel_to(first.ready)
        assert authority.perform(contract, function, *arguments, sender=me).done
    assert desk.ledger.venue_of(account) == to
    assert authority.has_role(Role.RISK, me) == (True, 0)


def test_what_waits_can_be_cancelled_and_expires(ledgers: LedgerWorld, desk: CommitmentDesk, authority: AccessManager
                                                 ) -> None:
    me, chain = ledgers.stranger, ledgers.chain
    authority.grant(Role.ADMIN, me, DAY, sender=ledgers.admin)
    authority.set_role_guardian(Role.RISK, Role.GUARDIAN, sender=ledgers.admin)
    assert authority.guardian_of(Role.RISK) == Role.GUARDIAN
    arguments = (ledgers.owner.address, ledgers.other_venue)
    data = encode_call(desk.artifact, "reassignAccount", arguments)
    first = authority.perform(desk, "reassignAccount", *arguments, sender=me)
    operation = authority.operation(me, desk.address, data)
    assert authority.scheduled_for(operation) == first.ready
    with refused("AccessManagerUnauthorizedCancel"):
        authority.cancel(me, desk.address, data, sender=ledgers.relayer)
    authority.cancel(me, desk.address, data, sender=me)
    assert authority.scheduled_for(operation) == 0
    second = authority.perform(desk, "reassignAccount", *arguments, sender=me)
    assert second.receipt is not None
    chain.travel_to(second.expires + 1)
    third = authority.perform(desk, "reassignAccount", *arguments, sender=me)
    assert third.receipt is not None, "expired: scheduled anew"
    assert third.ready > second.expires


def test_who_may_call_what_is_read_and_set(ledgers: LedgerWorld, desk: CommitmentDesk, authority: AccessManager
                                           ) -> None:
    selector = encode_call(desk.artifact, "pause", (0, 1))[:4]
    assert authority.role_of(desk.address, selector) == GUARDIAN
    assert authority.can_call(ledgers.guardian, desk.address, selector) == (True, 0)
    authority.assign(desk.address, ["pause(uint8,uint40)"], Role.RISK, sender=ledgers.admin)
    assert authority.role_of(desk.address, selector) == Role.RISK
    assert authority.can_call(ledgers.guardian, desk.address, selector) == (False, 0)
    assert not authority.is_closed(desk.address)
    authority.label(Role.RISK, "risk", sender=ledgers.admin)
    authority.revoke(Role.GUARDIAN, ledgers.guardian, sender=ledgers.admin)
    assert authority.access(Role.GUARDIAN, ledgers.guardian).since == 0
    assert authority.admin_of(Role.RISK) == Role.ADMIN
    authority.set_role_admin(Role.RISK, Role.GUARDIAN, sender=ledgers.admin)
    assert authority.admin_of(Role.RISK) == Role.GUARDIAN
    authority.set_grant_delay(Role.RISK, DAY, sender=ledgers.admin)
    assert authority.grant_delay(Role.RISK) == 0, "after a setback of five days"
    assert [role_name(role) for role in (0, 7, 99, 2**64 - 1)] == ["admin", "settlement", "role 99", "everybody"]
