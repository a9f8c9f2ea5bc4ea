"""Losses that are known and not borne hold the fund's backers: from which moment, until when, and never for ever."""

from __future__ import annotations

from liquidation_world import DAY, HOUR, MINUTE, LiquidationWorld, Stage, State
from revmchain import account

BUYER = account(0xB1D0)
FREE = 6 * HOUR


def open_losses(w: LiquidationWorld) -> int:
    return int(w.coordinator("openLosses"))


def note(w: LiquidationWorld, who: str) -> int:
    w.coordinator("noteLoss", who)
    return open_losses(w)


def test_a_loss_is_open_from_the_proof_of_a_shortfall_until_its_call_ends(lw: LiquidationWorld) -> None:
    w = lw
    who = w.owner
    w.register(w.owner_key, 1_500)
    w.deposit(who, 1_000)
    assert note(w, who) == 0, "short, and nobody has shown it"
    w.shortfall(who)
    assert open_losses(w) == 0, "until somebody says so"
    assert note(w, who) == 1
    assert note(w, who) == 1, "an account counts once"
    w.deposit(who, 800)
    w.cover(who)
    assert note(w, who) == 0
    assert not w.coordinator("isLossOpen", who)


def test_a_call_that_fell_is_no_loss(lw: LiquidationWorld) -> None:
    who = lw.trouble()
    assert note(lw, who) == 1
    lw.s.freeze(lw.s.ledger("callOf", who)[2])
    assert note(lw, who) == 0


def test_silence_is_no_loss_before_its_shortfall_is_shown(lw: LiquidationWorld) -> None:
    w = lw
    who = w.owner
    w.register(w.owner_key, 1_500)
    w.deposit(who, 1_000)
    w.run(62 * MINUTE)
    w.silence("noteSilence", who)
    w.run(31 * MINUTE)
    w.silence("callSilent", w.venue, 5)
    assert note(w, who) == 0
    w.to_venue(who)
    w.closes("showShortfall", who, w.short(who))
    assert note(w, who) == 1


def test_a_lot_is_a_loss_until_it_is_over_or_recorded(lw: LiquidationWorld) -> None:
    w = lw
    who = w.trouble()
    w.to_lots(who)
    lot = w.open_lot(who, margin=0)
    assert open_losses(w) == 1
    w.house("set", lot, Stage.FAILED)
    w.coordinator("failLot", lot)
    assert w.state(lot) is State.STUCK
    assert open_losses(w) == 0, "what it has lost is recorded"
    assert note(w, who) == 0
    w.coordinator("reviveLot", lot, w.short(who))
    assert open_losses(w) == 1, "called, and short again"
    again = w.open_lot(who, s=w.short(who))
    w.deposit(who, 1_000)
    w.cover(who)
    w.coordinator("voidLot", again)
    assert open_losses(w) == 0


def test_a_failed_lot_leaves_a_loss_where_it_was_short_and_an_award_leaves_none(lw: LiquidationWorld) -> None:
    w = lw
    who = w.trouble()
    lot = w.to_award(who, 100, BUYER)
    w.house("set", lot, Stage.FAILED)
    w.coordinator("failLot", lot)
    assert w.state(lot) is State.FAILED
    assert open_losses(w) == 1
    again = w.open_lot(who, s=w.short(who))
    w.house("win", again, BUYER, 0)
    to = w.key("loss winner")
    w.deposit(to.address, 900)
    w.coordinator("award", w.awarding(again, who, to, 1_900), sender=BUYER)
    assert open_losses(w) == 0
    assert note(w, who) == 0, "what is left is a commitment to nothing"


def test_backers_are_held_for_a_day_and_then_free_for_six_hours_whatever_is_open(lw: LiquidationWorld) -> None:
    w = lw
    keys = [w.key(f"dust {number}") for number in range(3)]
    for key in keys:
        w.register(key, 10)
        w.deposit(key.address, 5)
    for key in keys:
        w.shortfall(key.address)
    start = w.now
    assert note(w, keys[0].address) == 1
    w.wait(start + DAY - 1 - w.now)
    assert note(w, keys[1].address) == 2, "another does not begin a day anew"
    w.wait(1)
    assert open_losses(w) == 0
    w.wait(FREE - 1)
    assert note(w, keys[2].address) == 0, "not before six hours are over"
    w.wait(1)
    assert note(w, keys[0].address) == 3, "then what is open holds again"
    w.wait(DAY)
    assert open_losses(w) == 0


def test_losses_one_after_the_other_hold_no_longer(lw: LiquidationWorld) -> None:
    """Each over before the next: dust that is cheap to make."""
    w = lw
    keys = [w.key(f"dust {number}") for number in range(2)]
    for key in keys:
        w.register(key, 10)
        w.deposit(key.address, 5)
        w.shortfall(key.address)
    first, second = (key.address for key in keys)
    start = w.now
    assert note(w, first) == 1
    w.deposit(first, 100)
    w.cover(first)
    assert note(w, first) == 0
    over = w.now
    w.wait(FREE - 1)
    assert note(w, second) == 1, "held, within the same day"
    w.wait(start + DAY - w.now)
    assert open_losses(w) == 0
    assert over < start + DAY


def test_after_six_quiet_hours_a_day_begins_anew(lw: LiquidationWorld) -> None:
    w = lw
    keys = [w.key(f"dust {number}") for number in range(2)]
    for key in keys:
        w.register(key, 10)
        w.deposit(key.address, 5)
        w.shortfall(key.address)
    first, second = (key.address for key in keys)
    note(w, first)
    w.deposit(first, 100)
    w.cover(first)
    note(w, first)
    w.wait(FREE)
    begun = w.now
    assert note(w, second) == 1
    w.wait(begun + DAY - 1 - w.now)
    assert open_losses(w) == 1
    w.wait(1)
    assert open_losses(w) == 0


def test_a_slashed_bond_is_booked_at_once(lw: LiquidationWorld) -> None:
    w = lw
    who = w.trouble()
    w.bonds("post", w.venue, 5_000)
    w.s.quote("mint", w.bonds.address, 5_000)
    w.to_lots(who)
    lot = w.open_lot(who)
    w.house("set", lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.run(4 * MINUTE)
    w.coordinator("reportBreach", lot)
    assert w.fund("booked") == 50


def test_a_breach_of_a_venue_without_a_bond_books_nothing(lw: LiquidationWorld) -> None:
    """There is nothing to book, and the breach stands all the same."""
    w = lw
    who = w.trouble()
    w.to_lots(who)
    lot = w.open_lot(who)
    w.house("set", lot, Stage.DISCLOSURE)
    w.coordinator("orderDisclosure", lot)
    w.run(4 * MINUTE)
    w.coordinator("reportBreach", lot)
    assert w.s.desk("breachedAt", w.venue) == w.now
    assert w.fund("bookings") == 0


def test_a_shortfall_of_an_earlier_call_is_none(lw: LiquidationWorld) -> None:
    """Shown while it was called before, cured since, and silent now."""
    w = lw
    who = w.trouble()
    w.to_venue(who)
    w.closes("showShortfall", who, w.short(who))
    assert w.closes("isShown", who)
    w.deposit(who, 1_000)
    w.cover(who)
    assert not w.closes("isShown", who)
    w.run(62 * MINUTE)
    w.silence("noteSilence", who)
    w.run(31 * MINUTE)
    w.silence("callSilent", w.venue, 5)
    assert not w.closes("isShown", who)
    assert note(w, who) == 0
