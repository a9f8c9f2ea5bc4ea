"""The escrow on a ledger: clocks of committees, posts bound to every word, disclosures; keys are test_escrow_keys.py's.

Keys of statements are toys, which prove whatever is claimed: what keeps a post out is the contract's own y alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from escrow_posts import (
    DIGEST,
    SLOTS,
    WORDS,
    disclosed_inputs,
    public,
    sealed_inputs,
    secret_of,
    words_for,
)
from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak
from ledger_world import DAY, LedgerWorld, send_contract
from world import refused

from primitives.babyjubjub import BASE, Point
from primitives.field import MODULUS
from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import ContractRefused

LOT = 77
BIDDERS = ("bidder 1", "bidder 2")


@pytest.fixture
def w(ledgers: LedgerWorld) -> LedgerWorld:
    """One account, in escrow; the coordinator is `other_venue`."""
    ledgers.authority.transact("grantRole", 5, ledgers.other_venue, 0, sender=ledgers.admin)
    ledgers.authority.transact("setTargetFunctionRole", ledgers.escrow.address,
                               [keccak(text="orderDisclosure(uint256,address,(uint256,uint256)[])")[:4]], 5,
                               sender=ledgers.admin)
    return ledgers


@contextmanager
def refused_with(name: str, argument: Any) -> Iterator[None]:
    """The block must end in a contract's refusal of this name and first argument."""
    with refused(name) as caught:
        yield
    assert str(argument).lower() in str(caught.value).lower(), caught.value


def rotate(w: LedgerWorld, generation: int) -> None:
    w.escrow.transact("registerCommittee", generation, *w.committee(generation), sender=w.admin, gas=900_000)


def test_a_new_key_leaves_seven_days_to_escrow_anew(w: LedgerWorld) -> None:
    me = w.owner.address
    first = w.ledger.read("escrowedUntilOf", me)
    with refused("AccessManagedUnauthorized"):
        w.escrow.transact("registerCommittee", 2, *w.committee(2), sender=w.stranger)
    for wrong in (1, 3):
        with refused("WrongGeneration"):
            w.escrow.transact("registerCommittee", wrong, *w.committee(wrong), sender=w.admin)
    with refused("PossessionNotShown"):                        # made for the generation before
        w.escrow.transact("registerCommittee", 2, *w.committee(1), sender=w.admin)
    w.chain.travel_to(w.chain.now() + 3 * DAY)
    rotate(w, 2)
    replaced = w.chain.now()
    assert w.ledger.read("escrowedUntilOf", me) == first, "nobody has told the ledger"
    with refused("NothingPosted"):
        w.escrow.transact("refresh", me, 2, DIGEST)
    with refused("NothingPosted"):
        w.escrow.transact("refresh", me, 1, DIGEST + 1)
    w.escrow.transact("refresh", me, 1, DIGEST)
    assert w.ledger.read("escrowedUntilOf", me) == replaced + 7 * DAY < first
    w.chain.travel_to(replaced + 7 * DAY)
    assert w.ledger.read("isEscrowed", me) is True
    w.chain.travel_to(replaced + 7 * DAY + 1)
    assert w.ledger.read("isEscrowed", me) is False
    w.post()
    assert w.ledger.read("escrowedUntilOf", me) == replaced + 37 * DAY
    with refused("NothingPosted"):                             # an older post of the same commitment
        w.escrow.transact("refresh", me, 1, DIGEST)


def test_shares_are_renewed_every_thirty_days_or_nothing_new_is_encrypted_to_them(w: LedgerWorld) -> None:
    me, (_, _, members, threshold, digest) = w.owner.address, w.committee()
    begun = w.escrow.read("committees", 1)[1]
    w.chain.travel_to(begun + 30 * DAY - 1)
    w.post(digest=5)                                           # the next second is the last
    with refused("CommitteeOverdue"):
        w.post(digest=6)
    assert w.ledger.read("escrowedUntilOf", me) == begun + 37 * DAY
    with refused("AccessManagedUnauthorized"):
        w.escrow.transact("renewCommittee", 1, members, threshold, digest, sender=w.stranger)
    with refused("WrongGeneration"):
        w.escrow.transact("renewCommittee", 2, members, threshold, digest, sender=w.admin)
    with refused("NoSuchThreshold"):
        w.escrow.transact("renewCommittee", 1, members, 4, digest, sender=w.admin)
    receipt = w.escrow.transact("renewCommittee", 1, members[1:], 2, digest, sender=w.admin)
    (event,) = w.events(receipt, w.escrow, "CommitteeRenewed")
    assert (event["generation"], len(event["members"])) == (1, 2)
    renewed = w.chain.now()
    assert tuple(w.escrow.read("committees", 1)[0]) == public(secret_of("committee 1"))
    w.escrow.transact("refresh", me, 1, 5, sender=w.stranger)
    assert w.ledger.read("escrowedUntilOf", me) == renewed + 37 * DAY
    w.chain.travel_to(renewed + 36 * DAY)                      # replaced late, and no longer good for that
    rotate(w, 2)
    w.escrow.transact("refresh", me, 1, 5)
    assert w.ledger.read("escrowedUntilOf", me) == renewed + 37 * DAY


# -- posts -------------------------------------------------------------------------------------------------------------
def test_a_post_keeps_a_digest_tells_the_words_and_the_ledger(w: LedgerWorld) -> None:
    me = w.owner.address
    keys, context = w.holders(me), w.context("escrow", epoch=0)
    words = words_for(context, w.commitment, keys)
    assert len(words) == WORDS
    receipt = w.post(digest=321)
    (event,) = w.events(receipt, w.escrow, "EscrowPosted")
    assert (event["account"].lower(), event["commitment"], event["version"]) == (me.lower(), w.commitment, 1)
    assert (event["generation"], event["context"], event["digest"]) == (1, context, 321)
    assert event["words"] == words
    assert event["holders"] == [value for key in keys for value in key]
    assert w.escrow.read("postedOf", me, w.commitment) == keccak(encode(
        ["uint32", "address", "uint256"], [1, w.venue, 321]))
    assert event["venue"].lower() == w.venue.lower()
    assert w.ledger.read("isEscrowed", me) is True
    assert w.escrow.read("slots") == SLOTS


@pytest.mark.parametrize("place", range(WORDS))
def test_not_one_word_may_be_another_than_was_proven(w: LedgerWorld, place: int) -> None:
    words = words_for(w.context("escrow", epoch=0), w.commitment, w.holders(w.owner.address))
    changed = [*words[:place], (words[place] + 1) % MODULUS, *words[place + 1:]]
    with refused("ProofRejected"):
        w.post(words=words, sent_words=changed)
    with refused("ProofRejected"):                             # garbage from here on
        w.post(words=words, sent_words=[*words[:place], *[7] * (WORDS - place)])
    w.post(words=words)


def test_a_residue_passes_for_no_word_and_none_is_missing_or_left_over(w: LedgerWorld) -> None:
    words = words_for(w.context("escrow", epoch=0), w.commitment, w.holders(w.owner.address))
    for place in (0, 5, WORDS - 1):
        same = [*words[:place], words[place] + MODULUS, *words[place + 1:]] if words[place] + MODULUS < 2**256 else \
            [*words[:place], MODULUS, *words[place + 1:]]
        with refused_with("WordOutOfField", place):
            w.post(words=words, sent_words=same)
    for wrong in (words[:-1], [*words, 0], []):
        with refused("WrongNumberOfWords"):
            w.post(words=words, sent_words=wrong or [0])
    with refused_with("WordOutOfField", WORDS - 1):
        w.post(words=words, sent_words=[*words[:-1], MODULUS])


def test_the_proof_is_for_this_account_version_commitment_and_statement(w: LedgerWorld) -> None:
    other = Account.from_key(b"\x07" * 32)
    w.register(w.commitment, owner=other)                      # the same commitment, copied
    w.register_key(other)
    me, keys = w.owner.address, w.holders(w.owner.address)
    bound = w.context("escrow", epoch=0)
    words = words_for(bound, w.commitment, keys)
    key = w.keys["escrow"]
    digest = key.verification_key.digest()

    def proof(context: int, commitment: int, said: int = DIGEST, recipients: Sequence[Any] = keys) -> list[int]:
        return proof_words(key.prove(sealed_inputs(digest, context, commitment, recipients, words, said)))

    with refused("ProofRejected"):                             # replayed to another account
        w.post(other.address, words=words, proof=proof(bound, w.commitment))
    with refused("ProofRejected"):                             # another account's keys
        w.post(words=words, proof=proof(bound, w.commitment, recipients=w.holders(other.address)))
    with refused("ProofRejected"):
        w.post(words=words, proof=proof(bound, w.commitment + 1))
    with refused("ProofRejected"):
        w.post(words=words, digest=5, proof=proof(bound, w.commitment))
    for changes in ({"version": 2}, {"epoch": 1}, {"action": b"\x01" * 32}, {"manager": w.escrow.address},
                    {"chain_id": 5}, {"key_digest": bytes(32)}):
        fields: dict[str, Any] = {"epoch": 0} | changes
        with refused("ProofRejected"):
            w.post(words=words, proof=proof(w.context("escrow", **fields), w.commitment))
    with refused("ProofRejected"):
        w.post(words=words, proof=proof(w.context("delivery", epoch=0, key=key), w.commitment))
    with refused("ProofRejected"):                             # anybody else's verifier
        w.post(words=words, proof=proof_words(w.keys["delivery"].prove(
            sealed_inputs(digest, bound, w.commitment, keys, words))))
    w.post(words=words, proof=proof(bound, w.commitment))
    for version in (0, 2):
        with refused("WrongVersion"):
            w.post(version=version)
    before = w.commitment
    w.register(before + 1)
    assert w.ledger.read("isEscrowed", me) is False
    with refused("WrongVersion"):
        w.post(version=1, words=words, commitment=before, proof=proof(bound, before))
    with refused("ProofRejected"):                             # an escrow of what she held before
        w.post(commitment=before)
    w.post()


def test_a_commitment_that_comes_back_begins_without_an_escrow(w: LedgerWorld) -> None:
    me, first = w.owner.address, w.commitment
    w.register(first + 1)
    w.register(first)
    assert w.ledger.read("isEscrowed", me) is False
    w.escrow.transact("refresh", me, 1, DIGEST)                # its opening is there, for all to see
    assert w.ledger.read("isEscrowed", me) is True


def test_a_version_that_keeps_the_commitment_keeps_its_escrow(w: LedgerWorld) -> None:
    w.deposit(10**9)
    assert w.ledger.read("isEscrowed", w.owner.address) is True
    until = w.ledger.read("escrowedUntilOf", w.owner.address)
    proof = w.cover_proof(10**9, step=1, action=b"\x01" * 32)
    w.vault.transact("cover", w.owner.address, w.epoch, 1, b"\x01" * 32, 10**9, 10**9, proof)
    assert (w.version(), w.ledger.read("escrowedUntilOf", w.owner.address)) == (2, until)


def test_venue_committee_and_owner_need_keys(w: LedgerWorld) -> None:
    other = Account.from_key(b"\x08" * 32)
    w.register(99, owner=other, sender=w.other_venue)
    keys = w.holders(w.owner.address)
    for missing in (w.other_venue, other.address):
        with refused_with("NoKeyOf", missing):
            w.post(other.address, keys=keys)
        w.register_key(w.other_venue if missing == w.other_venue else other)
    w.post(other.address)
    w.desk.transact("voidCommitment", other.address, sender=w.guardian)
    with refused("CommitmentIsVoid"):
        w.post(other.address, commitment=99)
    with refused("CommitmentIsVoid"):
        w.escrow.transact("refresh", other.address, 1, DIGEST)


def test_only_the_escrow_tells_the_ledger(w: LedgerWorld) -> None:
    with refused("NotEscrow"):
        w.ledger.transact("noteEscrow", w.owner.address, w.commitment, 2**40 - 1, sender=w.admin)


# -- disclosures -------------------------------------------------------------------------------------------------------
def bidders(w: LedgerWorld, count: int = 2) -> list[Point]:
    found = []
    for name in BIDDERS[:count]:
        who = Account.from_key(keccak(text=name))
        w.register_key(who)
        found.append(public(secret_of(who.address)))
    return found


def order(w: LedgerWorld, recipients: Sequence[Point], lot: int = LOT, sender: str | None = None) -> Receipt:
    return w.escrow.transact("orderDisclosure", lot, w.owner.address, list(recipients), sender=sender or w.other_venue)


def deliver(w: LedgerWorld, recipients: Sequence[Point], *, lot: int = LOT, bound: int | None = None,
            places: Sequence[Point] | None = None, sent: Sequence[int] | None = None) -> Receipt:
    places = places or [*recipients, *[recipients[0]] * (5 - len(recipients))]
    commitment = w.ledger.read("commitmentOf", w.owner.address)
    bound = bound or w.context("delivery", epoch=0, action=lot.to_bytes(32, "big"))
    words = words_for(bound, commitment, places)
    key = w.keys["delivery"]
    proof = key.prove(sealed_inputs(key.verification_key.digest(), bound, commitment, places, words))
    return w.escrow.transact("deliver", lot, list(recipients), DIGEST, list(sent or words), proof_words(proof),
                             sender=w.relayer)


def test_a_delivery_to_the_shortlists_keys_is_its_own_receipt(w: LedgerWorld) -> None:
    keys = bidders(w)
    receipt = order(w, keys)
    (event,) = w.events(receipt, w.escrow, "DisclosureOrdered")
    assert (event["lotId"], event["version"], event["commitment"]) == (LOT, 1, w.commitment)
    assert len(event["recipients"]) == 2
    assert tuple(w.escrow.read("deliveredTo", LOT)) == (0, False)
    for wrong in ([keys[1], keys[0]], keys[:1], [*keys, keys[0]], []):
        with refused("NotOrdered"):
            deliver(w, wrong or keys[:1]) if wrong else w.escrow.transact(
                "deliver", LOT, [], DIGEST, [0] * (WORDS + 2), [0] * 8)
    with refused("NotOrdered"):
        deliver(w, keys, lot=LOT + 1)
    with refused("ProofRejected"):                             # of another lot
        deliver(w, keys, bound=w.context("delivery", epoch=0, action=(LOT + 1).to_bytes(32, "big")))
    with refused("ProofRejected"):                             # an escrow is no delivery
        deliver(w, keys, bound=w.context("escrow", epoch=0))
    with refused("ProofRejected"):                             # a seat left out
        deliver(w, keys, places=[keys[0]] * 5)
    words = words_for(w.context("delivery", epoch=0, action=LOT.to_bytes(32, "big")), w.commitment,
                      [*keys, *[keys[0]] * 3])
    with refused("ProofRejected"):
        deliver(w, keys, sent=[*words[:-1], words[-1] ^ 1])
    receipt = deliver(w, keys)
    (event,) = w.events(receipt, w.escrow, "OpeningDelivered")
    assert event["words"] == words
    assert tuple(w.escrow.read("deliveredTo", LOT)) == (3, False)
    order(w, keys[:1])                                         # a later order begins anew
    assert tuple(w.escrow.read("deliveredTo", LOT)) == (0, False)


def test_disclosure_is_ordered_by_the_coordinator_for_registered_keys(w: LedgerWorld) -> None:
    keys = bidders(w)
    with refused("AccessManagedUnauthorized"):
        order(w, keys, sender=w.admin)
    with refused("KeyNotRegistered"):
        order(w, [keys[0], BASE])
    with refused("TooManyRecipients"):
        order(w, [keys[0]] * 6)
    order(w, keys)
    w.register(w.commitment + 1)                               # the account is another by now
    with refused("NotOrdered"):
        deliver(w, keys)
    w.desk.transact("voidCommitment", w.owner.address, sender=w.guardian)
    with refused("CommitmentIsVoid"):
        order(w, keys)


def publish(w: LedgerWorld, words: Sequence[int], *, proven: Sequence[int] | None = None, bound: int | None = None,
            commitment: int | None = None, lot: int = LOT) -> Receipt:
    key = w.keys["disclose"]
    bound = w.context("disclose", epoch=0) if bound is None else bound
    inputs = disclosed_inputs(key.verification_key.digest(), bound, commitment or w.commitment,
                              words if proven is None else proven)
    return w.escrow.transact("publishOpening", lot, list(words), proof_words(key.prove(inputs)), sender=w.relayer)


def test_an_opening_is_published_when_that_was_ordered_and_only_then(w: LedgerWorld) -> None:
    words = list(range(11, 12 + 2 * SLOTS))
    with refused("NotOrdered"):
        publish(w, words)
    keys = bidders(w)
    order(w, keys)
    with refused("NotOrdered"):
        publish(w, words)
    order(w, [])
    with refused("NotOrdered"):                                # shown to everybody, but delivered to nobody
        w.escrow.transact("deliver", LOT, [], DIGEST, [0] * (WORDS + 2), [0] * 8)
    for place in range(len(words)):
        with refused("ProofRejected"):
            publish(w, [*words[:place], words[place] + 1, *words[place + 1:]], proven=words)
    with refused("ProofRejected"):
        publish(w, words, bound=w.context("disclose", epoch=0, version=2))
    with refused("ProofRejected"):
        publish(w, words, commitment=w.commitment + 1)
    with refused("WrongNumberOfWords"):
        publish(w, words[:-1])
    with refused_with("WordOutOfField", 2):
        publish(w, [*words[:2], MODULUS, *words[3:]], proven=words)
    with refused("NotOrdered"):
        publish(w, words, lot=LOT + 1)
    receipt = publish(w, words)
    (event,) = w.events(receipt, w.escrow, "OpeningPublished")
    assert (event["commitment"], event["words"]) == (w.commitment, words)
    assert tuple(w.escrow.read("deliveredTo", LOT)) == (0, True)


# -- deployment --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("place", range(4))
def test_it_knows_whom_it_asks(w: LedgerWorld, place: int) -> None:
    arguments: list[Any] = [w.authority.address, w.ledger.address, w.registry.address, SLOTS]
    arguments[place] = 0 if place == 3 else "0x" + "00" * 20
    with refused("SettingMissing"):
        send_contract(w.chain, "Escrow", arguments)


def test_a_ledger_takes_no_other_ledgers_escrow(w: LedgerWorld) -> None:
    """Its own is the only one that may speak."""
    foreign = send_contract(w.chain, "Escrow", [w.authority.address, w.relayer, w.registry.address, SLOTS])
    settings = {**w.settings, "escrow": foreign.address}
    with pytest.raises(ContractRefused, match="NotOfThisLedger"):
        send_contract(w.chain, "MarginLedger", [w.authority.address, tuple(settings.values())])
