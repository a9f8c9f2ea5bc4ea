"""Lots: opened after everybody's time, sold by proofs, paid to the unit, ended once; and what if all are silent."""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.crypto import keccak
from ledger_world import BUFFERS, FINAL_AGE
from liquidation_world import (
    ANYBODY,
    BREACH_LEAST,
    BREACH_SHARE,
    COMMITTEE_DELIVERS,
    DAY,
    EMPTY,
    EMPTY_FILLS,
    FACTORS,
    HOUR,
    MINUTE,
    NO_PROOF,
    NO_SHORTFALL,
    UNKNOWN_LOSS,
    VENUE_DELIVERS,
    LiquidationWorld,
    Stage,
    State,
    refused,
    settings_of,
)
from revmchain import account
from revmsystem import LAG, MARKS

LIQUIDATE = 2
BIDDER = account(0xB1D)


@pytest.fixture
def ripe(lw: LiquidationWorld) -> LiquidationWorld:
    """The owner's account holds 1,000 against 1,500, and its owner's and its venue's time is over."""
    lw.to_lots(lw.trouble())
    return lw


@pytest.fixture
def on_sale(ripe: LiquidationWorld) -> LiquidationWorld:
    """Lot 1 is open, its shortlist known."""
    ripe.open_lot(ripe.owner)
    ripe.house("set", 1, Stage.DISCLOSURE)
    return ripe


@pytest.fixture
def sold(on_sale: LiquidationWorld) -> LiquidationWorld:
    """Somebody has won lot 1 for 300, the opening delivered, and his new account has 800 of its own."""
    w = on_sale
    w.coordinator("orderDisclosure", 1)
    w.escrow("deliver", 1, 3, False)
    price(w, 300)
    w.deposit(w.key("new").address, 800)
    return w


def price(w: LiquidationWorld, amount: int) -> None:
    if amount > 0:
        w.s.quote("mint", w.house.address, amount)
    w.house("win", 1, BIDDER, amount)


def balance(w: LiquidationWorld, contract: Any) -> int:
    return int(w.s.quote("balanceOf", contract.address))


def money(w: LiquidationWorld) -> int:
    """Everywhere but in the hands of people."""
    return sum(balance(w, one) for one in (w.s.vault, w.house, w.fund, w.bonds, w.allocator, w.coordinator))


def award(w: LiquidationWorld, value: int = 1_800, sender: str = BIDDER, **changes: Any) -> None:
    w.coordinator("award", w.awarding(1, w.owner, w.key("new"), value, **changes), sender=sender)


# -- opening -----------------------------------------------------------------------------------------------------------
def test_a_lot_is_locked_and_handed_to_the_house(ripe):
    w, who = ripe, ripe.owner
    proof = w.margin_proof(who, w.epoch, 1_500)
    logs = w.logs(w.coordinator, "openLot", who, w.epoch, FACTORS, 1_500, proof, NO_SHORTFALL)
    assert logs == [("LotLocked", who, 1), ("LotOpened", 1, who, w.venue, w.epoch, 1, 1_000, 1_500)]
    terms = w.house("termsOf", 1)
    assert terms == (1, who.lower(), w.epoch, 1, 1_000, 1_500, LAG)
    assert w.s.vault("lotOf", who) == 1
    assert w.lot(1) == (who.lower(), w.since(who), State.OPEN, False, 0, w.venue.lower(), w.epoch, 1, 1_000, 1_500)
    with refused("LotOpen", who, 1):
        w.open_lot(who)


def test_where_nobody_who_knows_speaks_a_lot_has_no_margin(ripe):
    ripe.open_lot(ripe.owner, margin=0)
    assert ripe.house("termsOf", 1)[5] == 0


def test_a_lot_comes_after_the_venues_time_to_the_second(lw):
    who = lw.trouble()
    with refused("VenuesTime", who, 0):
        lw.open_lot(who)
    lw.to_venue(who)
    until = lw.closes("venuesTimeOf", who)[1]
    lw.live_to(until - 1)
    with refused("VenuesTime", who, until):
        lw.open_lot(who)
    lw.run(1)
    lw.open_lot(who)


def test_only_of_called_accounts_whose_call_stands(ripe):
    w, who = ripe, ripe.owner
    with refused("NotCalled", ANYBODY):
        w.coordinator("openLot", ANYBODY, w.epoch, FACTORS, 0, NO_PROOF, NO_SHORTFALL)
    w.s.freeze(w.s.ledger("callOf", who)[2])
    with refused("CallFell", who):
        w.open_lot(who)


def test_its_margin_is_proven_under_a_young_epoch(ripe):
    w, who = ripe, ripe.owner
    with refused("ProofRejected"):
        w.open_lot(who, margin=1_499)
    epoch = w.epoch
    proof = w.margin_proof(who, epoch, 1_500)
    with refused("ProofRejected"):
        other = w.margin_proof(who, epoch, 1_500, w.s.ledger)
        w.coordinator("openLot", who, epoch, FACTORS, 1_500, other, NO_SHORTFALL)
    with refused("ValueTooWide"):
        w.closes("requireMargin", who, epoch, 1 << 91, proof)
    with refused("WrongFactors"):
        w.coordinator("openLot", who, epoch, [], 1_500, proof, NO_SHORTFALL)
    w.run(30 * MINUTE)
    w.closes("requireMargin", who, epoch, 1_500, proof)
    w.run(1)
    with refused("StaleEpoch", epoch):
        w.coordinator("openLot", who, epoch, FACTORS, 1_500, proof, NO_SHORTFALL)
    with refused("StaleEpoch"):
        w.closes("requireMargin", who, epoch, 1_500, proof)
    w.s.freeze(w.epoch)
    with refused("FrozenEpoch"):
        w.coordinator("openLot", who, w.epoch, FACTORS, 0, NO_PROOF, NO_SHORTFALL)


def test_nothing_is_opened_or_awarded_while_prices_jump_or_liquidation_is_paused(sold):
    w = sold
    awarding = w.awarding(1, w.owner, w.key("new"), 1_800)
    w.wait(240)
    w.s.publish(FACTORS, [2 * mark for mark in MARKS])
    with refused("BreakerTripped"):
        w.coordinator("award", awarding, sender=BIDDER)
    with refused("BreakerTripped"):
        w.coordinator("openLot", w.owner, w.epoch, FACTORS, 0, NO_PROOF, NO_SHORTFALL)
    w.s.vault("pause", LIQUIDATE, 60, sender=w.s.guardian)
    with refused("LiquidationPaused", w.now + 60):
        w.coordinator("award", awarding, sender=BIDDER)
    with refused("LiquidationPaused"):
        w.coordinator("openLot", w.owner, w.epoch, FACTORS, 0, NO_PROOF, NO_SHORTFALL)


def test_an_account_that_was_disclosed_once_is_locked_again_for_a_reason_only(on_sale):
    """Else a solvent sleeper's collateral is locked over and over."""
    w, who = on_sale, on_sale.owner
    w.coordinator("orderDisclosure", 1)
    w.escrow("deliver", 1, 3, False)
    w.house("set", 1, Stage.FAILED)
    w.coordinator("failLot", 1)
    assert w.coordinator("disclosed", who, w.commitment(who))
    with refused("EpochBeforeCall"):
        w.open_lot(who)
    assert w.open_lot(who, s=w.short(who)) == 2


def test_a_lot_that_was_not_disclosed_may_follow_without(ripe):
    w, who = ripe, ripe.owner
    w.open_lot(who)
    epoch = w.lot(1)[6]
    w.run(300)
    w.s.freeze(epoch)
    w.coordinator("voidLot", 1)
    assert w.open_lot(who) == 2


# -- disclosure ------------------------------------------------------------------------------------------------------
def test_disclosure_is_ordered_once_to_the_shortlist(ripe):
    w, who = ripe, ripe.owner
    w.open_lot(who)
    with refused("WrongStage", 1, Stage.BLIND):
        w.coordinator("orderDisclosure", 1)
    w.house("set", 1, Stage.DISCLOSURE)
    with refused("HoldersTime"):
        w.coordinator("orderPublicDisclosure", 1)
    assert w.logs(w.coordinator, "orderDisclosure", 1) == [], "the escrow says it"
    assert (w.escrow("orders", 1), w.escrow("recipientsOf", 1), w.lot(1)[4]) == (1, 2, w.live)
    w.house("set", 1, Stage.COMMIT)
    with refused("AlreadyOrdered", 1):
        w.coordinator("orderDisclosure", 1)
    with refused("WrongState", 2, State.NONE):
        w.coordinator("orderDisclosure", 2)


def test_if_neither_venue_nor_committee_delivers_everybody_is_shown(on_sale):
    w = on_sale
    w.wait(1_800)                                                # live time stood still for a while
    w.publish()
    assert w.live < w.now
    w.coordinator("orderDisclosure", 1)
    assert w.lot(1)[4] == w.live
    until = w.live + COMMITTEE_DELIVERS
    w.live_to(until - 1)
    with refused("HoldersTime", 1, until):
        w.coordinator("orderPublicDisclosure", 1)
    w.run(1)
    w.escrow("deliver", 1, 1, False)
    with refused("AlreadyDelivered", 1):
        w.coordinator("orderPublicDisclosure", 1)
    w.escrow("deliver", 1, 0, False)
    w.house("set", 1, Stage.REVEAL)
    with refused("WrongStage", 1, Stage.REVEAL):
        w.coordinator("orderPublicDisclosure", 1)
    w.house("set", 1, Stage.COMMIT)
    w.coordinator("orderPublicDisclosure", 1)
    assert (w.escrow("orders", 1), w.escrow("recipientsOf", 1)) == (2, 0)


def test_no_opening_is_ordered_of_an_account_that_was_cured(on_sale):
    w = on_sale
    w.deposit(w.owner, 800)
    w.cover(w.owner)
    with refused("CallChanged", 1):
        w.coordinator("orderDisclosure", 1)
    with refused("CallChanged", 1):
        w.coordinator("showShortfall", 1, NO_SHORTFALL)


def test_the_house_hears_of_a_shortfall_that_was_shown(on_sale):
    w = on_sale
    with refused("ProofRejected"):
        w.coordinator("showShortfall", 1, (*w.short(w.owner)[:3], NO_PROOF))
    assert not w.house("shown", 1)
    w.coordinator("showShortfall", 1, w.short(w.owner))
    assert w.house("shown", 1)


# -- award: what moves -----------------------------------------------------------------------------------------------
def test_an_award_moves_everything_at_once(sold):
    w, who, to = sold, sold.owner, sold.key("new").address
    w.s.coin("mint", who, 70)
    w.s.coin("approve", w.s.vault.address, 70, sender=who)
    w.s.vault("deposit", who, w.s.coin.address, 70, sender=who)
    total, old = money(w), w.commitment(who)
    awarding = w.awarding(1, who, w.key("new"), 1_800)
    new = awarding[1][2]
    accounts = w.s.desk("accounts")
    logs = w.logs(w.coordinator, "award", awarding, sender=BIDDER)
    lost = bytes(w.coordinator("lossIdOf", 1))
    assert logs == [
        ("ShortfallShown", who, awarding[4][0], 1, 1_000),
        ("LossShared", 1, lost, 300, 0, 0, 0),
        ("CommitmentHandedOver", who, to, w.venue, new),
        ("BasketTransferred", 1, who, to),
        ("Deposited", who, w.s.quote.address, w.coordinator.address, 300),
        ("Paid", 1, w.s.quote.address, who, 300),
        ("LotReleased", who, 1),
        ("CoverAttested", to, w.epoch, 1, 1_800, w.epoch + HOUR),
        ("LotAwarded", 1, who, to, BIDDER, 300)]
    assert (w.commitment(to), w.version(to), w.status(to)) == (new, 1, "Valid")
    assert new != old
    assert (w.commitment(who), w.version(who)) == (EMPTY, 2)
    assert (w.value(to), w.value(who)) == (1_800, 0)
    assert w.s.vault("balanceOf", to, w.s.coin.address) == 70
    assert w.s.vault("owed", who, w.s.quote.address) == 300
    assert int.from_bytes(w.escrow("postedOf", to, new), "big") == 77
    assert (w.state(1), w.house("stageOf", 1), w.house("endings", 1)) == (State.AWARDED, Stage.SETTLED, 1)
    assert (w.s.vault("lotOf", who), w.s.desk("accounts")) == (0, accounts + 1)
    assert (money(w), balance(w, w.coordinator)) == (total, 0)
    w.s.vault("collect", w.s.quote.address, who, sender=who)                  # hers, without a proof
    assert w.s.quote("balanceOf", who) == 300


def test_who_has_been_sold_out_is_flat_and_free(sold):
    w, who = sold, sold.owner
    award(w)
    w.run(300)
    with refused("AccountEmpty", who):
        w.coordinator("openLot", who, w.epoch, FACTORS, 0, NO_PROOF, NO_SHORTFALL)
    w.s.ledger("attestFlat", who, 2, 0, w.flat_proof(who, 2, EMPTY))
    assert w.status(who) == "Flat"
    w.register(w.owner_key, 10)


def test_a_price_below_zero_is_the_funds(sold):
    w, to = sold, sold.key("new").address
    price(w, -200)
    w.s.quote("mint", w.fund.address, 900)
    total = money(w)
    award(w, 2_000, least=200)
    assert (w.value(to), balance(w, w.fund), money(w)) == (2_000, 700, total)
    assert w.fund("asked", w.coordinator("lossIdOf", 1)) == 200
    assert w.s.vault("owed", w.owner, w.s.quote.address) == 0


@pytest.mark.parametrize(("held", "gains", "split"), [(900, 0, (200, 0, 0)), (150, 20, (150, 20, 30)),
                                                      (0, 500, (0, 200, 0)), (0, 0, (0, 0, 200))])
def test_of_a_loss_fund_gains_and_deficit_bear_every_unit(sold, held, gains, split):
    w = sold
    covered_at = w.s.ledger("callOf", w.owner)[3]
    price(w, -200)
    w.s.quote("mint", w.fund.address, held)
    w.allocator("bear", gains)
    w.s.quote("mint", w.allocator.address, gains)
    awarding = w.awarding(1, w.owner, w.key("new"), 1_800 + split[0] + split[1])
    logs = w.logs(w.coordinator, "award", awarding, sender=BIDDER)
    loss_id = bytes(w.coordinator("lossIdOf", 1))
    (shared,) = [log for log in logs if log[0] == "LossShared"]
    assert shared == ("LossShared", 1, loss_id, 0, *split)
    assert sum(split) == 200
    assert (w.value(w.key("new").address), balance(w, w.coordinator)) == (1_800 + split[0] + split[1], 0)
    venue, start, end, amount = w.allocator("losses", loss_id)
    owed = split[1] + split[2]
    assert (venue, start, end, amount) == ((w.venue.lower(), covered_at, w.now, owed) if owed
                                           else (account(0), 0, 0, 0))
    assert w.coordinator("creditorOf", loss_id) == (w.key("new").address.lower() if owed else account(0))


def test_a_winner_says_what_he_takes_at_least(sold):
    w = sold
    price(w, -200)
    w.s.quote("mint", w.fund.address, 150)
    with refused("PaidTooLittle", 150, 151):
        award(w, 1_950, least=151)
    award(w, 1_950, least=150)


@pytest.mark.parametrize("who", ["house", "fund", "allocator"])
def test_what_is_said_to_be_paid_has_come(sold, who):
    w = sold
    if who == "house":
        w.house("keep", 1)
        with refused("WrongAmount", 299, 300):
            award(w)
        return
    price(w, -200)
    if who == "allocator":
        w.allocator("bear", 200)
        w.s.quote("mint", w.allocator.address, 200)
        w.allocator("keep", 1)
    else:
        w.s.quote("mint", w.fund.address, 200)
        w.fund("keep", 1)
    with refused("WrongAmount", 199, 200):
        award(w, 1_999)


def test_collateral_that_came_with_a_price_is_not_capped(sold):
    w = sold
    w.s.vault("lowerCap", w.s.quote.address, 1, sender=w.s.risk)
    award(w)


# -- award: on what conditions ---------------------------------------------------------------------------------------
def test_an_award_wants_a_shortfall_that_holds_now(sold):
    """R5: also where the auction is over and the price is right."""
    w = sold
    shown = w.short(w.owner)
    with refused("ProofRejected"):
        award(w, short=(*shown[:3], NO_PROOF))
    w.coordinator("showShortfall", 1, shown)
    epoch = shown[0]
    while w.now <= epoch + FINAL_AGE:
        w.run(min(300, epoch + FINAL_AGE + 1 - w.now))
    with refused("StaleEpoch", epoch, FINAL_AGE):
        award(w, short=shown)
    w.deposit(w.owner, 500)
    with refused("ProofRejected"):
        award(w, 2_300, short=w.short(w.owner))
    assert w.value(w.owner) == 1_500


def test_a_shortfall_that_was_shown_before_costs_the_award_no_proof(sold):
    w = sold
    shown = w.short(w.owner)
    w.coordinator("showShortfall", 1, shown)
    award(w, short=(*shown[:3], NO_PROOF))


def test_a_shortfall_that_was_shown_serves_its_version(sold):
    w, who = sold, sold.owner
    shown = w.short(who)
    award(w, short=shown)
    with refused("ProofRejected"):
        w.closes("showShortfall", who, (*shown[:3], NO_PROOF))


def test_only_the_winner_or_who_has_his_word_takes_it(sold):
    w = sold
    with refused("NotAccepted", 1, BIDDER):
        award(w, sender=ANYBODY)
    key = w.key("a winner who signs")
    w.house("win", 1, key.address, 300)
    new = w.salted(w.commitment(w.owner))
    to = w.key("new").address
    for signature in (w.acceptance(key, 2, to, new), w.acceptance(key, 1, ANYBODY, new),
                      w.acceptance(key, 1, to, new + 1), w.acceptance(key, 1, to, new, 1),
                      w.acceptance(w.owner_key, 1, to, new)):
        with refused("NotAccepted", 1, key.address):
            award(w, sender=ANYBODY, new=new, acceptance=signature)
    with refused("NotAccepted", 1, key.address):
        award(w, sender=ANYBODY, new=new, least=1, acceptance=w.acceptance(key, 1, to, new))
    award(w, sender=ANYBODY, new=new, acceptance=w.acceptance(key, 1, to, new))


def test_only_what_the_house_has_cleared(sold):
    w = sold
    w.house("set", 1, Stage.CLEARING)
    with refused("WrongStage", 1, Stage.CLEARING):
        award(w)


def test_the_new_account_is_covered_at_initial_margin(sold):
    w = sold
    with refused("ClaimAboveValue", 1_801, 1_800):
        award(w, 1_801)
    with refused("ProofRejected"):
        award(w, 1_799)
    award(w, 1_800)


def test_the_same_positions_under_another_salt(sold):
    w = sold
    old = w.commitment(w.owner)
    for new in (old, w.commit_to(1_500), w.commit_to(10, old)):
        with refused("ProofRejected"):
            award(w, new=new)


def test_a_resalting_that_was_shown_costs_the_award_no_proof(sold):
    w, who, to = sold, sold.owner, sold.key("new").address
    old = w.commitment(who)
    new, other = w.salted(old), w.salted(old)
    with refused("ProofRejected"):
        w.s.desk("showResalting", who, to, w.commit_to(1_500), EMPTY_FILLS, w.moved(to, 1, old, new, EMPTY_FILLS))
    w.s.desk("showResalting", who, to, new, EMPTY_FILLS, w.moved(to, 1, old, new, EMPTY_FILLS))

    def bare(to_key: Any, commitment: int) -> tuple[Any, ...]:
        made = w.awarding(1, who, to_key, 1_800, new=commitment)
        return (made[0], (*made[1][:5], NO_PROOF), *made[2:])

    for wrong in (bare(w.key("new"), other), bare(w.key("another"), new)):              # of these accounts, to this one
        with refused("ProofRejected"):
            w.coordinator("award", wrong, sender=BIDDER)
    w.coordinator("award", bare(w.key("new"), new), sender=BIDDER)
    assert w.commitment(to) == new


@pytest.mark.parametrize("statement", ["cover", "transition"])
def test_what_was_shown_to_a_key_that_is_distrusted_by_now_was_not_shown(sold, statement):
    w, who, to = sold, sold.owner, sold.key("new").address
    old, slot = w.commitment(who), keccak(text=statement)
    new, shown = w.salted(old), w.short(who)
    w.coordinator("showShortfall", 1, shown)
    w.s.desk("showResalting", who, to, new, EMPTY_FILLS, w.moved(to, 1, old, new, EMPTY_FILLS))
    made = w.awarding(1, who, w.key("new"), 1_800, new=new, short=(*shown[:3], NO_PROOF))
    bare = (made[0], (*made[1][:5], NO_PROOF), *made[2:])
    w.s.registry("distrust", slot, 1, sender=w.s.guardian)
    with refused({"cover": "CallChanged", "transition": "NoVerifier"}[statement]):      # the call rests on `cover`, too
        w.coordinator("award", bare, sender=BIDDER)


def test_the_new_accounts_owner_consents(sold):
    w, who = sold, sold.owner
    awarding = w.awarding(1, who, w.key("new"), 1_800)
    hand = awarding[1]
    for consent in (w.consent(w.owner_key, w.venue, hand[2], 0, hand[3]),
                    w.consent(w.key("new"), ANYBODY, hand[2], 0, hand[3]),
                    w.consent(w.key("new"), w.venue, hand[2] + 1, 0, hand[3]),
                    w.consent(w.key("new"), w.venue, hand[2], 1, hand[3])):
        with refused("ConsentNotByOwner", hand[1]):
            w.coordinator("award", (awarding[0], (*hand[:4], consent, hand[5]), *awarding[2:]), sender=BIDDER)
    w.wait(1)
    with refused("ConsentExpired", hand[3]):
        w.coordinator("award", awarding, sender=BIDDER)


def test_the_new_account_was_never_registered_and_is_no_venue(sold):
    w = sold
    w.register(w.key("new"), 5)
    with refused("AccountNotFresh", w.key("new").address):
        award(w)
    with refused("VenueIsOwner", w.venue):
        w.coordinator("award", w.awarding(1, w.owner, w.s.venues[0], 1_000), sender=BIDDER)


def test_the_new_commitment_is_escrowed(sold):
    w = sold
    with refused("PostingRejected"):
        award(w, posting=w.posting(w.key("new").address, 1, 3))
    w.escrow("forget", True)
    with refused("NothingEscrowed"):
        award(w)


def test_a_lot_is_of_its_own_account(sold):
    w = sold
    other = w.trouble(key=w.key("other"))
    awarding = w.awarding(1, w.owner, w.key("new"), 1_800)
    hand = w.awarding(1, other, w.key("new"), 1_800)[1]
    with refused("CallChanged", 1):
        w.coordinator("award", (awarding[0], hand, *awarding[2:]), sender=BIDDER)


def test_an_account_that_was_cured_and_called_again_is_another_lot(sold):
    w, who = sold, sold.owner
    w.deposit(who, 800)
    w.cover(who)
    with refused("CallChanged", 1):
        award(w, 2_600, short=NO_SHORTFALL)
    w.register(w.owner_key, 3_000)
    w.shortfall(who)
    w.to_venue(who)
    with refused("CallChanged", 1):
        award(w, 2_600)


def test_an_account_that_was_cured_and_called_again_at_its_version_is_another_lot(sold):
    w, who = sold, sold.owner
    version, since = w.version(who), w.since(who)
    w.deposit(who, 800)
    w.cover(who)
    w.run(10 * MINUTE)
    w.margins[w.commitment(who)] = 2_000                            # the market has moved on against it
    w.shortfall(who)
    w.to_venue(who)
    assert (w.version(who), w.s.ledger("callOf", who)[4]) == (version, True)
    assert w.since(who) > since
    with refused("CallChanged", 1):
        award(w, 2_600)
    assert w.logs(w.coordinator, "voidLot", 1)[-1] == ("LotVoided", 1)


def test_hand_overs_are_the_coordinators(sold):
    w = sold
    hand = w.awarding(1, w.owner, w.key("new"), 1_800)[1]
    for sender in (ANYBODY, BIDDER, w.venue, w.owner, w.s.admin):
        with refused("AccessManagedUnauthorized", sender):
            w.s.desk("handOver", hand, EMPTY_FILLS, EMPTY, sender=sender)
    w.deposit(w.owner, 800)
    w.cover(w.owner)
    with refused("AccountNotCalled", w.owner):
        w.s.desk("handOver", hand, EMPTY_FILLS, EMPTY, sender=w.s.coordinator)


# -- other ends ------------------------------------------------------------------------------------------------------
def test_a_lot_of_a_cured_account_is_void(on_sale):
    w, who = on_sale, on_sale.owner
    with refused("NothingToVoid", 1):
        w.coordinator("voidLot", 1)
    w.deposit(who, 800)
    w.cover(who)
    assert w.logs(w.coordinator, "voidLot", 1) == [("LotReleased", who, 1), ("LotVoided", 1)]
    assert (w.state(1), w.house("stageOf", 1), w.s.vault("lotOf", who)) == (State.VOIDED, Stage.VOIDED, 0)
    for function in ("voidLot", "failLot", "reportBreach", "releaseLot"):
        with refused("WrongState", 1, State.VOIDED):
            w.coordinator(function, 1, sender=w.s.admin)
    wish = (who, w.s.quote.address, 10, who, 0, w.version(who), w.now)
    w.post(who)
    w.margins[w.commitment(who)] = 1_400
    proof = w.side(1, who, w.epoch, 1_790, BUFFERS[1], action=w.s.vault("actionHash", wish[1], 10, who, 0))
    w.s.vault("withdraw", wish, [(w.epoch, 1_790, FACTORS, proof)], b"", sender=who)


@pytest.mark.parametrize("of", ["the lot", "the call"])
def test_a_lot_on_a_false_epoch_is_void_and_the_account_where_it_was(on_sale, of):
    w, who = on_sale, on_sale.owner
    w.run(300)
    w.s.freeze(w.lot(1)[6] if of == "the lot" else w.s.ledger("callOf", who)[2])
    w.coordinator("voidLot", 1)
    assert (w.state(1), w.status(who), w.house("endings", 1)) == (State.VOIDED, "Called", 1)
    if of == "the lot":
        assert w.open_lot(who, s=w.short(who)) == 2
    else:
        w.shortfall(who)
        with refused("VenuesTime", who, 0):                                       # another call, with its own times
            w.open_lot(who)


def test_a_guardians_hold_voids_nothing(on_sale):
    w = on_sale
    w.s.oracle("holdEpoch", w.lot(1)[6], HOUR, sender=w.s.guardian)
    with refused("NothingToVoid", 1):
        w.coordinator("voidLot", 1)


def test_a_lot_that_nobody_carried_is_followed_by_the_next(sold):
    w, who = sold, sold.owner
    with refused("WrongStage", 1, Stage.AWARD):
        w.coordinator("failLot", 1)
    w.house("set", 1, Stage.FAILED)
    assert w.logs(w.coordinator, "failLot", 1) == [("LotReleased", who, 1), ("LotFailed", 1)]
    assert (w.state(1), w.status(who), w.s.vault("lotOf", who), w.house("endings", 1)) == (State.FAILED, "Called", 0, 1)
    with refused("WrongState", 1, State.FAILED):
        w.coordinator("failLot", 1)
    with refused("WrongState", 1, State.FAILED):
        award(w)
    assert w.open_lot(who, s=w.short(who)) == 2


def test_a_failed_lot_of_a_cured_account_is_void(sold):
    w = sold
    w.house("set", 1, Stage.FAILED)
    w.deposit(w.owner, 800)
    w.cover(w.owner)
    with refused("CallChanged", 1):
        w.coordinator("failLot", 1)
    w.coordinator("voidLot", 1)
    assert (w.state(1), w.house("endings", 1)) == (State.VOIDED, 1)


# -- when all are silent ---------------------------------------------------------------------------------------------
@pytest.fixture
def stuck(ripe: LiquidationWorld) -> LiquidationWorld:
    """Nobody has shown the opening to anybody; the fund holds 70."""
    w = ripe
    w.open_lot(w.owner, margin=0)
    w.house("set", 1, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", 1)
    w.live_to(w.live + COMMITTEE_DELIVERS)
    w.coordinator("orderPublicDisclosure", 1)
    w.house("set", 1, Stage.FAILED)
    w.s.quote("mint", w.fund.address, 70)
    w.allocator("bear", 20)
    w.s.quote("mint", w.allocator.address, 20)
    return w


def test_where_nobody_can_prove_anything_nobody_loses_the_collateral(stuck):
    """R22: it stays locked, the fund pays the venue's clearing account, and after a week an admin unlocks it."""
    w, who = stuck, stuck.owner
    total, loss_id = money(w), bytes(w.coordinator("lossIdOf", 1))
    assert 1_000 * UNKNOWN_LOSS // 10_000 == 100
    logs = w.logs(w.coordinator, "failLot", 1)
    assert [log for log in logs if log[0] in ("LotStuck", "LossShared")] == [
        ("LotStuck", 1, w.now + 7 * DAY), ("LossShared", 1, loss_id, 0, 70, 0, 0)]
    assert (w.state(1), w.value(who), w.s.vault("lotOf", who)) == (State.STUCK, 1_000, 1)
    assert (w.bonds("clearing", w.venue), balance(w, w.fund), money(w), balance(w, w.coordinator)) == (70, 0, total, 0)
    assert w.allocator("losses", loss_id)[3] == 0
    assert w.coordinator("creditorOf", loss_id) == account(0)
    with refused("LotOpen"):
        w.open_lot(who, s=w.short(who))
    with refused("NothingToVoid", 1):
        w.coordinator("voidLot", 1)
    until = w.now + 7 * DAY
    w.run(7 * DAY - 1, every=1_200)
    with refused("StillStuck", 1, until):
        w.coordinator("releaseLot", 1, sender=w.s.admin)
    w.wait(1)
    with refused("AccessManagedUnauthorized", ANYBODY):
        w.coordinator("releaseLot", 1, sender=ANYBODY)
    w.coordinator("releaseLot", 1, sender=w.s.admin)
    assert (w.state(1), w.status(who), w.value(who), w.s.vault("lotOf", who)) == (State.RELEASED, "Called", 1_000, 0)
    w.run(1_200)
    with refused("EpochBeforeCall"):                                  # nobody locks it again without a shortfall proof
        w.coordinator("openLot", who, w.epoch, FACTORS, 0, NO_PROOF, NO_SHORTFALL)
    w.deposit(who, 800)
    w.cover(who)                                                                            # the sleeper wakes
    assert (w.status(who), w.value(who)) == ("Valid", 1_800)


def test_of_a_public_margin_the_loss_is_what_exceeds_the_collateral(ripe):
    w = ripe
    w.open_lot(w.owner, margin=1_500)
    w.house("set", 1, Stage.FAILED)
    w.s.quote("mint", w.fund.address, 9_000)
    logs = w.logs(w.coordinator, "failLot", 1)
    assert ("LossShared", 1, bytes(w.coordinator("lossIdOf", 1)), 0, 500, 0, 0) in logs


def test_a_margin_below_the_collateral_is_no_loss(lw):
    w = lw
    who = w.trouble(1_000, 1_500)
    w.deposit(who, 600)
    w.to_lots(who)
    w.open_lot(who)
    w.house("set", 1, Stage.FAILED)
    assert [log[0] for log in w.logs(w.coordinator, "failLot", 1)] == ["LotStuck"]


def test_a_stuck_lot_ends_when_its_account_is_cured(stuck):
    w = stuck
    w.coordinator("failLot", 1)
    w.deposit(w.owner, 800)
    w.cover(w.owner)
    w.coordinator("voidLot", 1)
    assert (w.state(1), w.s.vault("lotOf", w.owner), w.house("endings", 1)) == (State.VOIDED, 0, 1)
    with refused("WrongState", 1, State.VOIDED):
        w.coordinator("reviveLot", 1, NO_SHORTFALL)


def test_or_when_somebody_who_knows_speaks(stuck):
    w, who = stuck, stuck.owner
    with refused("WrongState", 1, State.OPEN):
        w.coordinator("reviveLot", 1, NO_SHORTFALL)
    w.coordinator("failLot", 1)
    shown = w.short(who)
    with refused("ProofRejected"):
        w.coordinator("reviveLot", 1, (*shown[:3], NO_PROOF))
    w.coordinator("reviveLot", 1, shown)
    assert (w.state(1), w.s.vault("lotOf", who)) == (State.RELEASED, 0)
    assert w.open_lot(who, s=w.short(who)) == 2


# -- silent venues ---------------------------------------------------------------------------------------------------
def test_a_venue_that_does_not_deliver_loses_bond_and_the_right_to_open(on_sale):
    w, who = on_sale, on_sale.owner
    w.bonds("post", w.venue, 60)
    w.s.quote("mint", w.bonds.address, 60)
    with refused("NoBreach", 1):
        w.coordinator("reportBreach", 1)
    w.coordinator("orderDisclosure", 1)
    w.live_to(w.lot(1)[4] + VENUE_DELIVERS - 1)
    with refused("NoBreach", 1):
        w.coordinator("reportBreach", 1)
    w.run(1)
    assert 1_000 * BREACH_SHARE // 10_000 == 50 > BREACH_LEAST
    logs = w.logs(w.coordinator, "reportBreach", 1)
    assert [log for log in logs if log[0] == "VenueBreached"] == [("VenueBreached", w.venue),
                                                                 ("VenueBreached", 1, w.venue, 50)]
    assert (w.bonds("bonds", w.venue), balance(w, w.fund)) == (10, 50)
    with refused("NoBreach", 1):                                                                          # once
        w.coordinator("reportBreach", 1)
    other = w.key("another")
    with refused("VenueInBreach", w.venue):
        w.register(other, 10)
    w.register(other, 10, w.s.venues[1].address)
    w.transition(who, w.commit_to(820, w.commitment(who)), 1)                          # what cures goes on
    assert w.status(who) == "Valid"
    bigger = w.commit_to(825, w.commitment(who))
    for support in (0, 1):
        with refused("VenueInBreach", w.venue):
            w.transition(who, bigger, support)
    for sender in (ANYBODY, w.venue, w.s.guardian):
        with refused("AccessManagedUnauthorized", sender):
            w.s.desk("absolve", w.venue, sender=sender)
        with refused("AccessManagedUnauthorized", sender):
            w.s.desk("breach", w.venue, sender=sender)
    assert w.logs(w.s.desk, "absolve", w.venue, sender=w.s.admin) == [("VenueAbsolved", w.venue)]
    w.transition(who, bigger, 1)


def test_a_breach_costs_a_least_amount(ripe):
    w = ripe
    w.bonds("post", w.venue, 60)
    w.s.quote("mint", w.bonds.address, 60)
    small = w.trouble(100, 900, w.key("small"))
    w.to_lots(small)
    lot = w.open_lot(small)
    w.house("set", lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.live_to(w.lot(lot)[4] + VENUE_DELIVERS)
    w.coordinator("reportBreach", lot)
    assert w.bonds("bonds", w.venue) == 60 - BREACH_LEAST


def test_a_venue_that_delivered_is_in_no_breach(on_sale):
    """R32: whatever it could not close."""
    w = on_sale
    w.coordinator("orderDisclosure", 1)
    w.live_to(w.lot(1)[4] + VENUE_DELIVERS)
    w.escrow("deliver", 1, 3, False)
    with refused("NoBreach", 1):
        w.coordinator("reportBreach", 1)


def test_a_breach_may_be_reported_after_the_end(stuck):
    w = stuck
    w.coordinator("failLot", 1)
    w.coordinator("reportBreach", 1)
    assert w.s.desk("breachedAt", w.venue) == w.now
    with refused("WrongState", 7, State.NONE):
        w.coordinator("reportBreach", 7)


# -- deployment ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("place", "name"), list(enumerate([
    "closes", "settlement", "house", "fund", "allocator", "emptyFills", "emptyCommitment", "unknownLoss", "breachShare",
    None, "venueDelivers", "committeeDelivers"])))
def test_deployment_names_what_is_missing(lw, place, name):
    settings = [*settings_of(lw.closes, lw.bonds, lw.house, lw.fund, lw.allocator)]
    settings[place] = ANYBODY if place < 5 else 0
    deploy = (lw.coordinator.artifact, lw.s.authority.address, tuple(settings))
    if name is None:
        lw.s.machine.deploy(*deploy, sender=lw.s.admin)
        return
    with refused("SettingMissing", name):
        lw.s.machine.deploy(*deploy, sender=lw.s.admin)
    settings[place] = settings_of(lw.closes, lw.bonds, lw.house, lw.fund, lw.allocator)[place]
    with refused("SettingMissing", "authority"):
        lw.s.machine.deploy(lw.coordinator.artifact, ANYBODY, tuple(settings), sender=lw.s.admin)


def test_a_public_opening_is_a_delivery(stuck):
    w = stuck
    w.escrow("deliver", 1, 0, True)
    w.coordinator("failLot", 1)
    assert w.state(1) == State.FAILED
