"""Events read on from the last look: only new blocks are asked for, and what a chain takes back is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from ledger_world import LedgerWorld
from test_events import Limited, bound

from verifier_contracts import bulk, following
from verifier_contracts.bulk import ask_many, read_many
from verifier_contracts.errors import ImplausibleAnswer, Reverted
from verifier_contracts.events import History, read_events
from verifier_contracts.following import Followed

NAMES = {"CommitmentRegistered"}


@pytest.fixture
def limited(ledgers: LedgerWorld) -> Limited:
    made: Any = Limited(ledgers.chain)
    made.block_number = ledgers.chain.block_number
    return made


def registered(ledgers: LedgerWorld, number: int) -> str:
    """Register somebody; who."""
    owner = Account.from_key((7_000 + number).to_bytes(32, "big"))
    ledgers.register(ledgers.keys["margin"].scalar(f"follower {number}"), owner=owner)
    return str(owner.address)


def accounts(found: History) -> list[str]:
    return [str(event.arguments["account"]) for event in found.events]


def follow(ledgers: LedgerWorld, limited: Limited) -> Followed:
    return Followed(limited, {"desk": bound(ledgers, limited)["desk"]}, 0, NAMES)          # type: ignore[arg-type]


def whole(ledgers: LedgerWorld) -> History:
    return read_events(ledgers.chain, {"desk": bound(ledgers)["desk"]}, 0, names=NAMES)


def test_only_what_is_new_is_asked_for(ledgers: LedgerWorld, limited: Limited) -> None:
    followed = follow(ledgers, limited)
    assert followed.read() == whole(ledgers)
    before, limited.asked = ledgers.chain.block_number(), []
    assert followed.read() == whole(ledgers)
    assert limited.asked == [], "no block, no question about logs"
    new = registered(ledgers, 1)
    found = followed.read()
    assert found == whole(ledgers)
    assert accounts(found)[-1] == new
    assert {first for first, _ in limited.asked} == {before + 1}


@pytest.mark.parametrize("remembered", [1, 64])
def test_what_a_chain_took_back_is_forgotten_however_deep(ledgers: LedgerWorld, limited: Limited, remembered: int,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "REMEMBERED", remembered)
    followed = follow(ledgers, limited)
    first, early = followed.read(), ledgers.chain.snapshot()
    for number in (1, 2):
        registered(ledgers, number)
        followed.read()
    limited.asked = []
    ledgers.chain.restore(early)
    assert followed.read() == first, "also by a chain that is shorter now"
    other = registered(ledgers, 3)
    found = followed.read()
    assert found == whole(ledgers)
    assert accounts(found) == [*accounts(first), other]
    # Where the block from before is remembered, nothing before it is asked for again.
    assert min(start for start, _ in limited.asked) == (0 if remembered == 1 else first.upto.number + 1)


def test_a_look_that_fails_loses_nothing(ledgers: LedgerWorld, limited: Limited) -> None:
    followed = follow(ledgers, limited)
    followed.read()
    registered(ledgers, 1)
    honest: Callable[..., Any] = limited.logs

    def failing(*given: Any) -> Any:
        raise ImplausibleAnswer("node", "fails")
    limited.logs = failing                                                                # type: ignore[method-assign]
    with pytest.raises(ImplausibleAnswer):
        followed.read()
    limited.logs = honest                                                                 # type: ignore[method-assign]
    assert followed.read() == whole(ledgers)


# -- many questions in one request -------------------------------------------------------------------------------------
def test_questions_of_any_length_are_answered_in_their_order(ledgers: LedgerWorld, monkeypatch: pytest.MonkeyPatch
                                                             ) -> None:
    ledger = bound(ledgers)["ledger"]
    who = [ledgers.owner.address, *(registered(ledgers, number) for number in range(1, 4)), ledgers.stranger]
    wanted = [[int(ledger.read("commitmentOf", one))] for one in who]
    assert len({commitment for (commitment,) in wanted}) == 5
    assert read_many(ledger, "commitmentOf", [[one] for one in who], 1) == wanted
    # More than fit: by their answers, and by themselves.
    asked = list[int]()
    honest = ledgers.chain.call
    monkeypatch.setattr(type(ledgers.chain), "call", lambda chain, to, data, **more: (
        asked.append(len(data)), honest(to, data, **more))[1])
    for bound_, size in (("MOST_BYTES", 64), ("MOST_ASKED", 72)):
        with monkeypatch.context() as patch:
            patch.setattr(bulk, bound_, size)
            asked.clear()
            assert read_many(ledger, "commitmentOf", [[one] for one in who], 1) == wanted
            assert len(asked) == 3
    # Two words to a question; a function of four.
    roles = bound(ledgers)["authority"]
    pairs = [[0, ledgers.admin], [0, ledgers.stranger]]
    assert read_many(roles, "hasRole", pairs, 2) == [[int(word) for word in roles.read("hasRole", *pair)]
                                                     for pair in pairs]
    assert read_many(ledger, "commitmentOf", [], 1) == []


def test_what_is_no_answer_is_refused(ledgers: LedgerWorld) -> None:
    ledger = bound(ledgers)["ledger"]
    with pytest.raises(ImplausibleAnswer, match=r"gives no MarginLedger\.stateOf of 1"):
        read_many(ledger, "stateOf", [[ledgers.stranger]], 1)
    with pytest.raises(Reverted):
        ask_many(ledgers.chain, ledger.address, [b"\x01\x02\x03\x04"], 32)
    for questions in ([bytes(4), bytes(5)], [bytes(3)], [bytes(bulk.LONGEST + 1)]):
        with pytest.raises(ValueError, match="of one length"):
            ask_many(ledgers.chain, ledger.address, questions, 32)
