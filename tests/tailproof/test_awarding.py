"""What `liquidation award` makes is taken by the contracts as they are deployed. Proofs are toys here, of what is true;
all else, what is signed and what is shown before among it, is the command's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from ledger_world import FACTORS
from lot_world import LotWorld, build_lots
from system_world import EMPTY_FILLS, LIQUIDATORS, build_system
from world import refused, started

from primitives.errors import BadInput
from tailproof import liquidating
from tailproof.escrowing import Sealing
from tailproof.liquidation_reading import open_site
from tailproof.withdrawing import Ground
from verifier_contracts.auction import Stage
from verifier_contracts.bindings import proof_words
from verifier_contracts.liquidation import Award
from verifier_contracts.vault import Factor

BIDDER = LIQUIDATORS[1]
TAKER = Account.from_key(keccak(text="who takes the lot"))
PRICE = 3_000_000


@pytest.fixture(scope="module")
def lots() -> Iterator[LotWorld]:
    """A lot that somebody has won above 0; its taker has a key and what he adds."""
    with started() as chain:
        yield won(build_lots(build_system(chain)))


def won(lots: LotWorld) -> LotWorld:
    lots.fall(130_000_000)
    lots.call()
    lots.to_lots()
    lot = lots.open()
    lots.bid(lot, BIDDER, PRICE)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    lots.show(lot)
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    lots.w.register_key(TAKER)
    lots.w.deposit(40_000_000, account=TAKER.address)
    return lots


@pytest.fixture
def made(lots: LotWorld, monkeypatch: pytest.MonkeyPatch) -> Award:
    w = lots.w
    opening = SimpleNamespace(commitment=lots.commitment(lots.owner))
    after = SimpleNamespace(commitment=lots.commit_to(lots.margins[opening.commitment]))

    def prove_short(site: Any, keys: Any, on: Ground, *_: Any, **__: Any) -> liquidating.Shortfall:
        epoch, claimed, factors, words = lots.short(lots.owner)
        return liquidating.Shortfall(epoch, claimed, [Factor(*one) for one in factors], words)

    def prove_transition(keys: Any, before: Any, fills: Sequence[Any], nonce: int, then: Any, context: Any,
                         **_: Any) -> list[int]:
        assert not fills
        return proof_words(w.keys["transition"].prove(
            [context.field_element(), before.commitment, then.commitment, EMPTY_FILLS]))

    def seal_next(there: Any, keys: Any, then: Any, account: str, version: int, holders: Any, **_: Any) -> Sealing:
        return Sealing(*lots.posting(account, version, then.commitment))

    def prove_cover(keys: Any, epoch: Any, then: Any, claim: Any, context: Any, **_: Any) -> list[int]:
        return proof_words(w.keys["cover"].prove(
            [context.field_element(), lots.roots[context.epoch_id], then.commitment,
             claim.value | claim.buffer << 128 | int(claim.covered) << 144]))

    for stand_in in (prove_short, prove_transition, seal_next, prove_cover):
        monkeypatch.setattr(liquidating, stand_in.__name__, stand_in)
    monkeypatch.setattr(liquidating, "required_margin", lambda epoch, then: lots.margins[then.commitment])
    monkeypatch.setattr(liquidating, "require_in_force", lambda there, keys, statement:
                        w.keys[statement].verification_key.digest())
    on: Any = Ground(SimpleNamespace(), lots.epoch, tuple(Factor(*one) for one in FACTORS))    # type: ignore[arg-type]
    final = replace(on, epoch_id=lots.short(lots.owner)[0])
    keys = liquidating.CloseKeys("transition", "cover", "escrow")                              # type: ignore[arg-type]
    from eth_account.messages import encode_typed_data
    found = liquidating.prove_award(
        open_site(w.system, w.at), keys, final, on, opening, after, int(lots.coordinator.read("lots")),  # type: ignore[arg-type]
        TAKER.address, sign=lambda data: bytes(TAKER.sign_message(encode_typed_data(full_message=data)).signature),
        least_paid=0, valid_for=3_600, sender=BIDDER.address)
    assert isinstance(found, Award)
    return found


def kept(lots: LotWorld, award: Award) -> None:
    lots.by("award", "coordinator", "award", lots.accepted(award.argument(), BIDDER))
    assert lots.commitment(TAKER.address) == award.hand_over.new_commitment
    assert lots.ledger.read("isEscrowed", TAKER.address)


def test_an_award_is_taken_as_it_is_made(lots: LotWorld, made: Award) -> None:
    before = lots.state_now()
    kept(lots, made)
    lots.back_to(before)


def test_the_takers_consent_registers_nothing(lots: LotWorld, made: Award) -> None:
    """His venue would register it first, and the hand-over would find no fresh account."""
    hand = made.hand_over
    with refused("ConsentNotByOwner"):
        lots.desk.transact("registerCommitment", hand.to, hand.new_commitment, 1, hand.deadline, hand.consent,
                           sender=lots.w.venue)
    with pytest.raises(BadInput, match="never registered"):
        lots.w.at.desk.hand_over_consent(lots.owner, lots.w.venue, 5, lots.w.chain.now() + 60)


def test_what_was_shown_before_is_left_out(lots: LotWorld, made: Award) -> None:
    before, w = lots.state_now(), lots.w
    site = open_site(w.system, w.at)
    short = liquidating.show_before(site, made, sender=w.relayer)
    assert not short.escrow.words
    assert not any((*short.escrow.proof, *short.hand_over.words, *short.cover_words))
    whose = TAKER.address, made.hand_over.new_commitment
    assert not any(lots.escrow.read("postedOf", *whose)), "shown, not posted"
    kept(lots, short)
    assert any(lots.escrow.read("postedOf", *whose))
    lots.back_to(before)
    with refused("NothingShown"):
        lots.coordinator.transact("award", lots.accepted(made._replace(
            escrow=made.escrow._replace(words=())).argument(), BIDDER), sender=w.relayer)


# -- what a rival can do in front of it --------------------------------------------------------------------------------
@pytest.mark.parametrize(("value", "most", "least", "highest"), [
    (40_000, 10**9, 40_000 + 400 + 10**6, 40_000 + 400 + 10**6), (10**12, 2 * 10**12, 10**12 + 10**10 + 10**6,
                                                                  10**12 + 10**10 + 10**6),
    (10**9, 10**9 + 1_000, 10**9 + 500, 10**9 + 1_000), (5, 5, 5, 5), (5, 6, 5, 6), (0, 0, 0, 0)])
def test_a_shortfall_is_claimed_above_what_there_is(value: int, most: int, least: int, highest: int) -> None:
    claims = {liquidating.claim_of(value, most) for _ in range(200)}
    assert least <= min(claims) <= max(claims) <= highest
    assert len(claims) > 20 or highest - least < 20, "near the margin it does not tell it"


def test_a_deposit_of_dust_in_front_of_an_award_costs_the_winner_nothing(
        lots: LotWorld, made: Award, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival deposits one unit for the failed account: of a shortfall that claims V to the unit, the award would fail,
    again and again, until the winner's minutes are over and his bond is lost."""
    before = lots.state_now()
    opening: Any = SimpleNamespace(commitment=lots.commitment(lots.owner))
    epoch, exact, factors, _ = lots.short(lots.owner)
    on: Any = Ground(SimpleNamespace(), epoch, tuple(Factor(*one) for one in factors))         # type: ignore[arg-type]
    claimed = liquidating.short_of(lots.w.at, on, opening, lots.owner)
    assert isinstance(claimed, int)
    assert claimed > exact
    lots.w.deposit(1, account=lots.owner)
    with refused("ClaimBelowValue"):
        lots.coordinator.transact("award", lots.accepted(made.argument(), BIDDER), sender=lots.w.relayer)
    short = made.shortfall._replace(claimed=claimed, words=lots.short(lots.owner, claimed=claimed)[3])
    kept(lots, made._replace(shortfall=short))
    lots.back_to(before)


def test_another_shortfall_shown_in_front_of_an_award_does_not_stop_it(lots: LotWorld, made: Award) -> None:
    """Of an account the last one that was shown is kept, and a bidder who lost knows the opening, too."""
    before, w = lots.state_now(), lots.w
    short = liquidating.show_before(open_site(w.system, w.at), made, sender=w.relayer)
    other = lots.short(lots.owner, claimed=made.shortfall.claimed + 1)
    lots.by("show another", "closes", "showShortfall", lots.owner, other)
    kept(lots, short)
    lots.back_to(before)
