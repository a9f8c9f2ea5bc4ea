"""Covers whose proof was shown before: taken for exactly what was proven, whenever the ledger asks for just that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from eth_account import Account
from ledger_world import BUFFERS, DAY, FACTORS, MINUTE, LedgerWorld, statement_id
from liquidation_world import NO_PROOF
from test_ledger_attest import rotated
from world import refused

from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Receipt

HELD = 10**9
CLAIMED = HELD // 2


@pytest.fixture
def w(ledgers: LedgerWorld) -> LedgerWorld:
    ledgers.deposit(HELD)
    return ledgers


def inputs(w: LedgerWorld, *, claimed: int = CLAIMED, step: int = 1, side: int = 1, commitment: int | None = None,
           root: int | None = None, **context: Any) -> list[int]:
    return [w.context("cover", **context), w.root if root is None else root,
            w.commitment if commitment is None else commitment, claimed | BUFFERS[step] << 128 | side << 144]


def show(w: LedgerWorld, of: list[int], proof_of: list[int] | None = None, statement: str = "cover") -> Receipt:
    proof = proof_words(w.keys[statement].prove(of if proof_of is None else proof_of))
    return w.attestor.transact("showCover", *of, proof, sender=w.stranger)


def use(w: LedgerWorld, *, account: str | None = None, claimed: int = CLAIMED, step: int = 1, epoch: int | None = None,
        generation: int = 0) -> Receipt:
    account = account or w.owner.address
    return w.ledger.transact("attestCover", account, epoch or w.epoch, w.version(account), step, claimed, generation,
                             FACTORS, NO_PROOF, sender=w.relayer)


def test_what_was_shown_covers_without_its_proof(w: LedgerWorld) -> None:
    assert not any(w.ledger.read("stateOf", w.owner.address)[:2]), "nothing yet"
    with refused("ProofRejected"):
        use(w)
    show(w, inputs(w))
    assert w.status() == "NotAttested", "nothing moves by it"
    receipt = use(w)
    (event,) = w.events(receipt, w.ledger, "CoverAttested")
    assert (event["version"], event["value"]) == (1, CLAIMED)
    assert w.status() == "Valid"


def test_what_is_shown_is_proven_by_the_cover_verifier(w: LedgerWorld) -> None:
    of = inputs(w)
    for place in range(4):
        with refused("ProofRejected"):
            show(w, of, [value + (place == at) for at, value in enumerate(of)])
    for statement in ("margin", "transition"):                 # whose prover may put any number for a context
        with refused("ProofRejected"):
            show(w, of, statement=statement)


def more(w: LedgerWorld) -> dict[str, Any]:
    return {"claimed": CLAIMED + 1}


def another_step(w: LedgerWorld) -> dict[str, Any]:
    return {"step": 2}


def another_epoch(w: LedgerWorld) -> dict[str, Any]:
    return {"epoch": w.next_epoch(MINUTE)}


def another_version_and_commitment(w: LedgerWorld) -> dict[str, Any]:
    w.register(w.commitment + 1)
    return {}


def a_commitment_that_comes_back(w: LedgerWorld) -> dict[str, Any]:
    w.register(w.commitment + 1)
    w.register(w.commitment)
    return {}


def another_account(w: LedgerWorld) -> dict[str, Any]:
    other = Account.from_key(b"\x07" * 32)
    w.register(w.commitment, owner=other)
    w.deposit(HELD, account=other.address)
    return {"account": other.address}


def another_key(w: LedgerWorld) -> dict[str, Any]:
    rotated(w, "cover")
    return {"epoch": w.next_epoch(MINUTE)}


@pytest.mark.parametrize("changed", [more, another_step, another_epoch, another_version_and_commitment,
                                     a_commitment_that_comes_back, another_account, another_key])
def test_no_other_cover_is_taken_for_it(w: LedgerWorld, changed: Callable[[LedgerWorld], dict[str, Any]]) -> None:
    show(w, inputs(w))
    asked = changed(w)
    with refused("ProofRejected"):
        use(w, **asked)


def test_the_other_side_covers_nothing_and_calls(w: LedgerWorld) -> None:
    claimed = HELD
    show(w, inputs(w, claimed=claimed, step=0, side=0))
    with refused("ProofRejected"):
        use(w, claimed=claimed, step=0)
    w.ledger.transact("proveShortfall", w.owner.address, w.epoch, 1, claimed, 0, FACTORS, NO_PROOF, sender=w.relayer)
    assert w.ledger.read("isCalled", w.owner.address) is True


def test_all_but_the_proof_is_looked_at(w: LedgerWorld) -> None:
    show(w, inputs(w, claimed=HELD + 1))
    with refused("ClaimAboveValue"):
        use(w, claimed=HELD + 1)
    show(w, inputs(w))
    w.chain.travel_to(w.epoch + DAY)
    with refused("StaleEpoch"):
        use(w)


def test_by_a_key_that_is_distrusted_nothing_was_shown(w: LedgerWorld) -> None:
    epoch = w.chain.now() + 7 * DAY - MINUTE
    show(w, inputs(w, epoch=epoch))
    w.publish(epoch)
    rotated(w, "cover")
    w.registry.transact("distrust", statement_id("cover"), 1, sender=w.guardian)
    with refused("GenerationDistrusted"):
        use(w, epoch=epoch, generation=1)
