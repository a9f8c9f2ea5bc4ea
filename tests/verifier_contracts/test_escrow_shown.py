"""Escrows that are shown before the transaction in which they are posted: good for what a post would be good for then,
and for nothing else. As in test_escrow.py, what keeps one out is the contract alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from escrow_posts import DIGEST, WORDS, public, sealed_inputs, secret_of, shown, words_for
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from ledger_world import DAY, LedgerWorld
from liquidation_world import NO_PROOF
from test_ledger_attest import rotated
from world import one_block, refused

from primitives.babyjubjub import Point
from verifier_contracts.abi import encode_call
from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Receipt

NEXT = 31_337
"""What the owner will hold."""


@pytest.fixture
def w(ledgers: LedgerWorld) -> LedgerWorld:
    """One account at version 1, in escrow; another venue with a key."""
    ledgers.register_key(ledgers.other_venue)
    return ledgers


def keys_of(w: LedgerWorld, account: str, venue: str) -> list[Point]:
    at = w.escrow.read("generation")
    return [Point(*key) for key in (w.escrow.read("keyOf", venue), w.escrow.read("committees", at)[0],
                                    w.escrow.read("keyOf", account))]


def show(w: LedgerWorld, who: str | None = None, venue: str | None = None, *, version: int = 2,
         commitment: int = NEXT, digest: int = DIGEST, sent: Sequence[int] | None = None, sender: str | None = None,
         proven: int = NEXT, keys: Sequence[Point] | None = None, **context: Any) -> Receipt:
    """sent : other words than those that are proven; proven, keys, context : what else the proof is of."""
    account, venue = who or w.owner.address, venue or w.venue
    keys = keys or keys_of(w, account, venue)
    bound = w.context("escrow", **{"account": account, "epoch": 0, "version": version} | context)
    words, key = words_for(bound, proven, keys), w.keys["escrow"]
    proof = key.prove(sealed_inputs(key.verification_key.digest(), bound, proven, keys, words, digest))
    return w.escrow.transact("showEscrow", account, venue, version, commitment, digest,
                             list(words if sent is None else sent), proof_words(proof), sender=sender or w.stranger)


def post(w: LedgerWorld, account: str | None = None, *, version: int = 2, digest: int = DIGEST) -> Receipt:
    """What was shown, by whoever likes: no words, no proof."""
    return w.escrow.transact("postEscrow", account or w.owner.address, version, digest, [], NO_PROOF,
                             sender=w.stranger)


def test_what_was_shown_is_posted_once_without_its_words(w: LedgerWorld) -> None:
    me = w.owner.address
    receipt = show(w)
    (event,) = w.events(receipt, w.escrow, "EscrowShown")
    keys, context = keys_of(w, me, w.venue), w.context("escrow", epoch=0, version=2)
    assert (event["account"].lower(), event["commitment"], event["version"]) == (me.lower(), NEXT, 2)
    assert (event["venue"].lower(), event["generation"], event["digest"]) == (w.venue.lower(), 1, DIGEST)
    assert (event["context"], event["holders"]) == (context, [value for key in keys for value in key])
    assert event["words"] == words_for(context, NEXT, keys)
    assert w.events(receipt, w.escrow, "EscrowPosted") == []
    # Nothing is in escrow by it.
    assert bytes(w.escrow.read("postedOf", me, NEXT)) == bytes(32)
    with refused("WrongVersion"):
        post(w)
    w.register(NEXT)
    assert w.ledger.read("isEscrowed", me) is False
    with refused("NothingPosted"):
        w.escrow.transact("refresh", me, 1, DIGEST)
    post(w)
    assert w.escrow.read("postedOf", me, NEXT) == keccak(encode(["uint32", "address", "uint256"], [1, w.venue, DIGEST]))
    assert w.ledger.read("escrowedUntilOf", me) == w.escrow.read("committees", 1)[1] + 37 * DAY
    with refused("NothingShown"):
        post(w)
    w.escrow.transact("refresh", me, 1, DIGEST)


def test_it_is_no_escrow_of_what_stands_now(w: LedgerWorld) -> None:
    show(w)
    for version in (0, 2):
        with refused("WrongVersion"):
            post(w, version=version)
    with refused("NothingShown"):
        post(w, version=1)


def another_digest(w: LedgerWorld) -> tuple[str, int]:
    show(w, digest=DIGEST + 1)
    w.register(NEXT)
    return w.owner.address, 2


def another_commitment(w: LedgerWorld) -> tuple[str, int]:
    show(w)
    w.register(NEXT + 1)
    return w.owner.address, 2


def a_later_version(w: LedgerWorld) -> tuple[str, int]:
    show(w)
    w.register(NEXT + 1)
    w.register(NEXT)
    return w.owner.address, 3


def another_venue(w: LedgerWorld) -> tuple[str, int]:
    """Shown while both venues have keys that are as old: see `in_one_block`."""
    w.chain.travel_to(w.chain.now() + DAY)
    in_one_block(w, [(sender, "") for sender in (w.venue, w.other_venue)])
    show(w, version=3)
    w.desk.transact("moveAccount", w.owner.address, w.other_venue, sender=w.venue)
    w.register(NEXT, sender=w.other_venue)
    return w.owner.address, 3


def another_account(w: LedgerWorld) -> tuple[str, int]:
    """Both holders' keys are as old, and what they hold is the same."""
    other = Account.from_key(b"\x07" * 32)
    w.chain.travel_to(w.chain.now() + DAY)
    in_one_block(w, [(w.owner, ""), (other, "")])
    show(w)
    w.register(1, owner=other)
    w.register(NEXT, owner=other)
    return other.address, 2


def in_one_block(w: LedgerWorld, holders: Sequence[tuple[str | LocalAccount, str]]) -> None:
    """Keys of these holders, registered in the same second; a name makes another key."""
    web3 = w.chain.web3
    for who, _ in holders:
        if not isinstance(who, str):
            w.chain.send(who.address, b"", value=10**18)
    with one_block(w.chain):
        for who, name in holders:
            address = who if isinstance(who, str) else who.address
            secret = secret_of(address + name)
            arguments = (public(secret), shown(secret, w.escrow.read("contextOfKey", address)))
            fields = {"to": w.escrow.address, "data": encode_call(w.escrow.artifact, "registerKey", arguments),
                      "value": 0, "gas": 700_000, "gasPrice": 10**10}
            if isinstance(who, str):
                web3.eth.send_transaction({**fields, "from": web3.to_checksum_address(who)})
            else:
                signed = who.sign_transaction({**fields, "nonce": web3.eth.get_transaction_count(address)})
                web3.eth.send_raw_transaction(signed.raw_transaction)
    times = {w.escrow.read("keyedAt", who if isinstance(who, str) else who.address) for who, _ in holders}
    assert times == {w.chain.now()}, "in the same second"


def another_key_of_the_owner(w: LedgerWorld) -> tuple[str, int]:
    return another_key(w, w.owner)


def another_key_of_the_venue(w: LedgerWorld) -> tuple[str, int]:
    return another_key(w, w.venue)


def another_key(w: LedgerWorld, who: str | LocalAccount) -> tuple[str, int]:
    w.chain.travel_to(w.chain.now() + DAY)
    show(w)
    in_one_block(w, [(who, "'s next")])
    w.register(NEXT)
    return w.owner.address, 2


def another_committee(w: LedgerWorld) -> tuple[str, int]:
    show(w)
    w.escrow.transact("registerCommittee", 2, *w.committee(2), sender=w.admin, gas=900_000)
    w.register(NEXT)
    return w.owner.address, 2


def another_verifier(w: LedgerWorld) -> tuple[str, int]:
    show(w)
    rotated(w, "escrow")
    w.register(NEXT)
    return w.owner.address, 2


@pytest.mark.parametrize("changed", [another_digest, another_commitment, a_later_version, another_venue,
                                     another_account, another_key_of_the_owner, another_key_of_the_venue,
                                     another_committee, another_verifier])
def test_nothing_else_is_taken_for_it(w: LedgerWorld, changed: Callable[[LedgerWorld], tuple[str, int]]) -> None:
    account, version = changed(w)
    assert w.version(account) == version
    with refused("NothingShown"):
        post(w, account, version=version)
    assert w.ledger.read("isEscrowed", account) is False


def test_nor_is_it_good_for_shares_that_are_to_be_destroyed(w: LedgerWorld) -> None:
    show(w)
    w.register(NEXT)
    w.chain.travel_to(w.escrow.read("committees", 1)[1] + 30 * DAY + 1)
    with refused("CommitteeOverdue"):
        post(w)
    with refused("CommitteeOverdue"):
        show(w)


def test_what_is_shown_is_proven(w: LedgerWorld) -> None:
    me, keys = w.owner.address, keys_of(w, w.owner.address, w.venue)
    words = words_for(w.context("escrow", epoch=0, version=2), NEXT, keys)
    for place in (0, WORDS - 1):
        with refused("ProofRejected"):
            show(w, sent=[*words[:place], words[place] ^ 1, *words[place + 1:]])
    for changes in ({"proven": NEXT + 1}, {"keys": keys_of(w, me, w.other_venue)}, {"epoch": 1},
                    {"action": b"\x01" * 32}, {"manager": w.escrow.address}, {"chain_id": 5}, {"account": w.venue},
                    {"key_digest": bytes(32)}):
        with refused("ProofRejected"):
            show(w, **changes)                                 # type: ignore[arg-type]
    with refused("ProofRejected"):
        show(w, venue=w.other_venue, keys=keys)
    with refused("WrongNumberOfWords"):
        show(w, sent=[])
    with refused("NoKeyOf"):
        show(w, venue=w.stranger, keys=keys)
    with refused("NoKeyOf"):
        show(w, Account.from_key(b"\x09" * 32).address, keys=keys)


def test_strangers_show_beside_each_other_and_hurt_nobody(w: LedgerWorld) -> None:
    """Who saw a show on its way shows another before it, or the same: neither takes the place of the first."""
    me = w.owner.address
    show(w)
    show(w)
    show(w, digest=5, sender=w.relayer)
    show(w, commitment=NEXT, version=3)
    w.register(NEXT)
    post(w, digest=5)                                          # whoever posts first: it is an escrow, too
    post(w)
    assert w.escrow.read("postedOf", me, NEXT) == keccak(encode(["uint32", "address", "uint256"], [1, w.venue, DIGEST]))
    w.post()                                                   # words are as good as ever
    assert w.ledger.read("isEscrowed", me) is True
