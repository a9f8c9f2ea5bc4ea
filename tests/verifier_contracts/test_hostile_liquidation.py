"""Attacks on calls, lots, openings and the fund, by owners, venues, bidders and guardians: each fails, and shows what
stops it.

Numbers are those of docs/attacks.md.
"""

from __future__ import annotations

import pytest
from ledger_world import DAY, LIVES, LedgerWorld
from liquidation_world import HOUR, VENUE_DELIVERS, LiquidationWorld, Stage, State
from liquidation_world import refused as refuses
from test_lots import BIDDER, award, money, on_sale, ripe, sold  # noqa: F401
from test_silence_calls import PATIENCE
from world import refused

HUGE = 10**15


# -- positions that a venue makes up -----------------------------------------------------------------------------------
def made_up(w: LiquidationWorld, margin: int, shown: int, value: int = 1) -> int:
    """A lot of an account that a venue and its owner made up, of which nobody has shown the opening to anybody."""
    who = w.trouble(value, margin, w.key(f"made up {w.made}"))
    w.to_lots(who)
    lot = w.open_lot(who, margin=shown)
    w.house("set", lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.house("set", lot, Stage.FAILED)
    return lot


@pytest.mark.parametrize("shown", [HUGE, 0])
def test_a_venue_does_not_make_up_a_loss_that_others_gains_and_all_fees_to_come_pay(lw, shown):
    """It owes its clearing account nothing but what tranches and caps reach: else one account of positions that never
    were, at no collateral, takes what its customers gained, stands as a deficit that takes all fees for ever, and keeps
    every backer of the fund in it."""
    w = lw
    lot = made_up(w, HUGE, shown, value=4_000)
    account_of = w.lot(lot)[0]
    w.s.quote("mint", w.fund.address, 70)
    w.allocator("bear", 900)
    w.s.quote("mint", w.allocator.address, 900)
    total, loss = money(w), bytes(w.coordinator("lossIdOf", lot))
    (shared,) = [log for log in w.logs(w.coordinator, "failLot", lot) if log[0] == "LossShared"]
    assert shared == ("LossShared", lot, loss, 0, 70, 0, 0)
    assert (w.fund("asked", loss), w.bonds("clearing", w.venue), money(w)) == (70, 70, total)
    assert int(w.allocator("losses", loss)[3]) == 0, "charged to gains"
    assert (w.state(lot), w.s.vault("lotOf", account_of)) == (State.STUCK, lot)


def test_what_is_taken_to_be_lost_of_positions_is_paid_once(lw):
    """Else a venue that alone has the opening lets lot after lot of one account be stuck, and is paid for each."""
    w = lw
    lot = made_up(w, 9_000, 9_000)
    who = w.lot(lot)[0]
    w.s.quote("mint", w.fund.address, 50_000)
    w.coordinator("failLot", lot)
    paid = w.bonds("clearing", w.venue)
    assert paid == 8_999
    while w.final_epoch() <= w.s.ledger("callOf", who)[0]:
        w.run(60)
    w.coordinator("reviveLot", lot, w.short(who))
    again = w.open_lot(who, s=w.short(who))
    w.house("set", again, Stage.FAILED)
    w.coordinator("failLot", again)
    assert w.bonds("clearing", w.venue) == paid
    assert w.state(again) == State.STUCK


def test_a_lot_that_was_stuck_is_locked_again_for_a_reason_only_also_where_nobody_ordered(ripe):  # noqa: F811
    w, who = ripe, ripe.owner
    w.open_lot(who, margin=0)
    w.house("set", 1, Stage.FAILED)
    w.coordinator("failLot", 1)
    w.run(7 * DAY, every=1_200)
    w.coordinator("releaseLot", 1, sender=w.s.admin)
    with refuses("EpochBeforeCall"):
        w.open_lot(who, margin=0)


# -- who opens lots ----------------------------------------------------------------------------------------------------
def test_an_owner_does_not_open_her_lots_over_and_over_without_the_margin(on_sale):  # noqa: F811
    """By M the fund stands for the lot: without it nobody bids for what is worth less than nothing. Whoever can show
    that she falls short can show M."""
    w, who = on_sale, on_sale.owner
    w.coordinator("orderDisclosure", 1)
    w.escrow("deliver", 1, 3, False)
    w.house("set", 1, Stage.FAILED)
    w.coordinator("failLot", 1)
    with refuses("MarginMissing", who):
        w.open_lot(who, margin=0, s=w.short(who), sender=who)
    assert w.open_lot(who, s=w.short(who)) == 2


# -- what a winner's bond hangs on -------------------------------------------------------------------------------------
def test_a_venue_does_not_register_the_winners_account_before_him(sold):  # noqa: F811
    """His consent lies in the open before the award does: as a registration it would make his account no fresh one, in
    every block until his time is over and his bond gone."""
    w, to = sold, sold.key("new").address
    made = w.awarding(1, w.owner, w.key("new"), 1_800)
    _, _, new, deadline, consent, _ = made[1]
    with refuses("ConsentNotByOwner", to):
        w.s.desk("registerCommitment", to, new, 1, deadline, consent, sender=w.venue)
    w.coordinator("award", made, sender=BIDDER)
    assert w.commitment(to) == new


def test_a_consent_to_a_registration_takes_over_no_lot(sold):  # noqa: F811
    w, to = sold, sold.key("new")
    made = w.awarding(1, w.owner, to, 1_800)
    hand = made[1]
    registering = w.consent(to, w.venue, hand[2], 1, hand[3])
    with refuses("ConsentNotByOwner", to.address):
        w.coordinator("award", (made[0], (*hand[:4], registering, hand[5]), *made[2:]), sender=BIDDER)


def test_a_guardians_hold_takes_no_winners_bond(sold):  # noqa: F811
    """While the call's epoch is held nothing is awarded, and the winner's minutes run: the lot is void, before they
    cost him his bond; the account stays called."""
    w, who = sold, sold.owner
    w.house("set", 1, Stage.REVEAL)
    w.s.oracle("holdEpoch", w.s.ledger("callOf", who)[2], 2 * HOUR, sender=w.s.guardian)
    with refuses("NothingToVoid", 1):                                                   # nobody's minutes run yet
        w.coordinator("voidLot", 1)
    w.house("win", 1, BIDDER, 300)
    with refuses("CallChanged", 1):
        award(w)
    w.coordinator("voidLot", 1)
    assert (w.state(1), w.house("stageOf", 1), w.s.vault("lotOf", who)) == (State.VOIDED, Stage.VOIDED, 0)
    assert w.status(who) == "Called"
    w.run(2 * HOUR + 300)
    assert w.open_lot(who, s=w.short(who)) == 2                                         # it stands again


# -- breaches ----------------------------------------------------------------------------------------------------------
def test_a_venue_whose_account_was_cured_in_time_is_in_no_breach(on_sale):  # noqa: F811
    """After a cure by a transition nobody can deliver what was ordered any more; that the lot has not been voided yet
    is nobody's breach. Else an owner cures, and an accomplice waits and has the venue slashed."""
    w, who = on_sale, on_sale.owner
    w.bonds("post", w.venue, 60)
    w.s.quote("mint", w.bonds.address, 60)
    w.coordinator("orderDisclosure", 1)
    w.transition(who, w.commit_to(820, w.commitment(who)), 1)
    w.live_to(w.lot(1)[4] + VENUE_DELIVERS)
    assert (w.state(1), w.status(who)) == (State.OPEN, "Valid")
    with refuses("NoBreach", 1):
        w.coordinator("reportBreach", 1)
    assert (w.bonds("bonds", w.venue), w.s.desk("breachedAt", w.venue)) == (60, 0)


# -- silence -----------------------------------------------------------------------------------------------------------
def test_an_account_that_moved_and_came_back_is_called_again(lw):
    """Two venues and an owner: her note at the first is passed by while she is at the second; back at the first she
    would count as noted for ever, and be called by silence never."""
    w = lw
    w.register(w.owner_key, 500)
    who, other = w.owner, w.s.venues[1].address
    w.run(LIVES[0] + 1)
    w.silence("noteSilence", who)
    w.s.desk("moveAccount", who, other, sender=w.venue)
    w.silence("callSilent", w.venue, 1)                                                 # passed by
    w.s.desk("moveAccount", who, w.venue, sender=other)
    w.register(w.owner_key, 500)
    w.silence("noteSilence", who)
    with refuses("AlreadyNoted", who):
        w.silence("noteSilence", who)
    w.live_to(w.live + PATIENCE)
    w.silence("callSilent", w.venue, 1)
    assert w.status(who) == "Called"


# -- escrow ------------------------------------------------------------------------------------------------------------
def test_a_holder_does_not_change_its_key_before_each_post(ledgers: LedgerWorld) -> None:
    """A post is to the keys that stand: with a new one in every block a venue vetoes every award, and an owner every
    close of a part, for as long as it pleases them."""
    w = ledgers
    for _ in range(2):
        with refused("KeyTooYoung"):
            w.register_key(w.venue)
    w.post(digest=5)
    w.chain.travel_to(w.chain.now() + DAY)
    w.register_key(w.venue)
    with refused("KeyTooYoung"):
        w.register_key(w.venue)
    w.post(digest=6)


def test_what_was_escrowed_to_another_venue_is_not_escrowed_to_this_one(ledgers: LedgerWorld) -> None:
    """The same positions under the same commitment at another venue: it cannot open them, and would lose its bond for
    what it cannot deliver."""
    w, me = ledgers, ledgers.owner.address
    w.post(digest=321)
    w.escrow.transact("refresh", me, 1, 321)
    w.desk.transact("moveAccount", me, w.other_venue, sender=w.venue)
    w.register(w.commitment, sender=w.other_venue)
    w.register_key(w.other_venue)
    assert w.ledger.read("isEscrowed", me) is False
    with refused("NothingPosted"):
        w.escrow.transact("refresh", me, 1, 321)
    w.post(digest=321)
    w.escrow.transact("refresh", me, 1, 321)
    assert w.ledger.read("isEscrowed", me) is True
