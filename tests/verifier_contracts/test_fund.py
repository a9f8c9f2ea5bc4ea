"""The insurance fund and the allocator of losses, guard by guard."""

from __future__ import annotations

import pytest
from fundworld import CAPS, DAY, HMAX, PHI, SHARED, FundWorld, build, loss_id
from revmchain import account, refused, vault_artifacts
from vaultworld import LAG, START

A, B, C, D = (account(i) for i in range(0xC1, 0xC5))
NOTICE, WINDOW = 7 * DAY, 2 * DAY
UNIT = 1_000_000
"""Shares of a unit at first."""


@pytest.fixture
def w() -> FundWorld:
    return build()


@pytest.fixture
def insured(w: FundWorld) -> FundWorld:
    """A shared tranche of 10,000, a venue's own of 1,000 and its bond of 2,000."""
    w.back(A, 10_000)
    w.back(w.venue, 1_000, w.venue)
    w.stake(w.venue, 2_000, 3_000)
    return w


# -- backers -----------------------------------------------------------------------------------------------------------
def test_who_backs_owns_shares_and_fees_raise_their_price(w: FundWorld) -> None:
    assert w.back(A, 1_000) == 1_000 * UNIT
    w.fees(C, 1_000)
    shares = w.back(B, 1_000)
    assert 499 * UNIT < shares < 501 * UNIT
    assert (w.worth(A), w.assets()) == (1_999, 3_000)
    assert w.worth(A) + w.worth(B) <= 3_000
    assert w.in_hand(w.fund.address) == w.fund("held") == 3_000


def test_only_venues_have_tranches_of_their_own(w: FundWorld) -> None:
    with refused("NotAVenue", C.lower()):
        w.back(A, 1, C)
    w.back(A, 5, w.venue)
    assert (w.assets(w.venue), w.assets()) == (5, 0)


def test_nothing_is_refused_and_so_are_fewer_shares_than_asked(w: FundWorld) -> None:
    for call in (lambda: w.back(A, 0),):
        with refused("TooFewShares", 0, 1):
            call()
    with refused("NoAmount"):
        w.fees(A, 0)
    with refused("TooFewShares", 7 * UNIT, 7 * UNIT + 1):
        w.back(A, 7, least=7 * UNIT + 1)
    w.back(A, 7, least=7 * UNIT)


def test_a_first_backer_cannot_make_the_second_ones_money_his(w: FundWorld) -> None:
    """He backs one unit and raises its price by fees: he loses nearly all of it, the second next to nothing."""
    w.back(A, 1)
    w.fees(A, 1_000_000)
    w.back(B, 1_000_000)
    assert w.worth(B) >= 999_998
    assert w.worth(A) <= 500_001


def test_what_is_sent_moves_no_price_until_it_is_booked_as_fees(w: FundWorld) -> None:
    w.back(A, 100)
    w.quote("mint", w.fund.address, 50)
    assert (w.worth(A), w.fund("held")) == (100, 100)
    assert w.fund("bookReceived") == 50
    assert (w.assets(), w.fund("held")) == (150, 150)
    with refused("NoAmount"):
        w.fund("bookReceived")


def test_notice_is_seven_days_and_good_for_two(w: FundWorld) -> None:
    w.back(A, 100)
    with refused("NoAmount"):
        w.fund("exit", SHARED, A, sender=A)
    with refused("SharesShort", SHARED, A.lower(), 100 * UNIT, 100 * UNIT + 1):
        w.fund("requestExit", SHARED, 100 * UNIT + 1, sender=A)
    w.fund("requestExit", SHARED, 100 * UNIT, sender=A)
    w.pass_time(NOTICE - 1)
    with refused("ExitNotDue", SHARED, A.lower(), START + NOTICE, START + NOTICE + WINDOW):
        w.fund("exit", SHARED, A, sender=A)
    w.pass_time(1)
    with refused("NoReceiver"):
        w.fund("exit", SHARED, SHARED, sender=A)
    w.pass_time(WINDOW)
    with refused("ExitNotDue"):
        w.fund("exit", SHARED, A, sender=A)
    w.pass_time(-1)
    assert w.fund("exit", SHARED, C, sender=A) == 100
    assert (w.in_hand(C), w.assets(), w.fund("held"), w.fund("positionOf", SHARED, A)[0]) == (100, 0, 0, 0)
    with refused("NoAmount"):
        w.fund("exit", SHARED, C, sender=A)


def test_a_second_notice_takes_the_place_of_the_first(w: FundWorld) -> None:
    w.back(A, 100)
    w.fund("requestExit", SHARED, 100 * UNIT, sender=A)
    w.pass_time(NOTICE)
    w.fund("requestExit", SHARED, 40 * UNIT, sender=A)
    with refused("ExitNotDue"):
        w.fund("exit", SHARED, A, sender=A)
    w.pass_time(NOTICE)
    assert w.fund("exit", SHARED, A, sender=A) == 40
    assert w.worth(A) == 60


def test_nobody_leaves_while_a_loss_is_open_or_a_deficit_stands(insured: FundWorld) -> None:
    w = insured
    w.fund("requestExit", SHARED, 1_000 * UNIT, sender=A)
    w.fund("requestExit", w.venue, 1_000 * UNIT, sender=w.venue)
    w.pass_time(NOTICE)
    w.watch("set", 1)
    for tranche, who in ((SHARED, A), (w.venue, w.venue)):
        with refused("LossesOpen", 1):
            w.fund("exit", tranche, who, sender=who)
    w.watch("set", 0)
    paid = w.insure(1, 9_000)
    assert paid == 1_000 + 3_000
    with refused("DeficitStands", 5_000):
        w.fund("exit", SHARED, A, sender=A)
    w.fees(C, 4_999)
    with refused("DeficitStands", 1):
        w.fund("exit", SHARED, A, sender=A)
    w.fees(C, 1)
    assert w.fund("exit", SHARED, A, sender=A) == 700


def test_nobody_leaves_below_the_target(w: FundWorld) -> None:
    w.back(A, 100)
    w.fund("setTarget", SHARED, 60, sender=w.admin)
    w.fund("requestExit", SHARED, 41 * UNIT, sender=A)
    w.pass_time(NOTICE)
    with refused("BelowTarget", SHARED, 59, 60):
        w.fund("exit", SHARED, A, sender=A)
    w.fund("requestExit", SHARED, 40 * UNIT, sender=A)
    w.pass_time(NOTICE)
    assert w.fund("exit", SHARED, A, sender=A) == 40


def test_who_has_given_notice_bears_losses_until_he_is_gone(insured: FundWorld) -> None:
    w = insured
    w.fund("requestExit", SHARED, 10_000 * UNIT, sender=A)
    w.pass_time(NOTICE)
    assert w.insure(1, 1_000 + 2_500) == 3_500
    assert w.fund("exit", SHARED, A, sender=A) == 7_500


def test_nobody_leaves_a_fund_that_has_nobody_to_ask_for_losses() -> None:
    w = build()
    a = vault_artifacts()
    bare = w.machine.deploy(a["InsuranceFund"], w.authority.address, w.desk.address, PHI, CAPS, sender=w.admin)
    w.give(A, 5, spender=bare)
    bare("back", SHARED, 5, 0, sender=A)
    bare("requestExit", SHARED, 5, sender=A)
    w.pass_time(NOTICE)
    with refused("SettingMissing", "watch"):
        bare("exit", SHARED, A, sender=A)
    for arguments, name in (((A, w.allocator.address), "watch"), ((w.watch.address, A), "allocator")):
        with refused("SettingMissing", name):
            bare("install", *arguments, sender=w.admin)
    with refused("AlreadyInstalled"):
        w.fund("install", w.watch.address, w.allocator.address, sender=w.admin)


def test_a_tranche_that_has_lost_all_begins_anew(insured: FundWorld) -> None:
    w = insured
    w.fund("requestExit", w.venue, 1_000 * UNIT, sender=w.venue)
    w.insure(1, 1_000)
    assert w.fund("trancheOf", w.venue) == (0, 0, 1, 0)
    assert w.fund("positionOf", w.venue, w.venue) == (0, 0, 1, 0)
    assert w.back(B, 10, w.venue) == 10 * UNIT
    assert (w.worth(B, w.venue), w.worth(w.venue, w.venue)) == (10, 0)
    w.pass_time(NOTICE)
    with refused("NoAmount"):
        w.fund("exit", w.venue, A, sender=w.venue)
    w.back(w.venue, 7, w.venue)
    assert w.worth(w.venue, w.venue) == 7


def test_a_tranche_that_has_lost_all_but_dust_can_be_backed_again() -> None:
    """Else its shares would be worth so little that a new backer's were too many to count."""
    w = build(caps=((1 << 96) - 1,) * 3)
    w.back(A, 1 << 60)
    w.stake(w.venue, 1 << 61, 0)
    for loss in range(1, 6):
        w.insure(loss, w.assets() - 1)
        w.pass_time(DAY)
        w.back(B, 1 << 60)
    assert w.worth(B) >= (1 << 60) - 1
    assert w.worth(A) == 0


# -- losses ------------------------------------------------------------------------------------------------------------
def test_the_venues_tranche_pays_first_and_all_that_it_has(insured: FundWorld) -> None:
    w = insured
    assert w.insure(1, 600) == 600
    assert (w.assets(w.venue), w.assets(), w.in_hand(w.coordinator)) == (400, 10_000, 600)
    assert w.insure(2, 600) == 600
    assert (w.assets(w.venue), w.assets()) == (0, 9_800)
    assert w.fund("deficits") == 0
    assert w.insure(3, 9_000) == 1_000 + 2_000 - 200           # what its tranche has paid today counts as its stake


def test_a_venue_draws_no_more_than_it_stands_for(insured: FundWorld) -> None:
    """Its tranche, with what that has paid in the last day, and its free bond."""
    w = insured
    assert w.insure(1, 4_000) == 1_000 + 3_000
    assert w.insure(2, 1) == 0
    w.pass_time(DAY - 1)
    assert w.insure(3, 1) == 0
    w.pass_time(1)
    w.publish()
    assert w.insure(4, 9_000) == 2_000
    w.desk("releaseBond", 1_999, sender=w.venue)
    w.pass_time(DAY)
    w.publish()
    assert w.insure(5, 9_000) == 1


def test_a_venue_without_a_stake_draws_nothing(insured: FundWorld) -> None:
    w = insured
    assert w.insure(1, 100, venue=w.other_venue) == 0
    assert w.insure(2, 100, venue=SHARED) == 0
    assert (w.assets(), w.fund("deficits")) == (10_000, 200)


@pytest.fixture
def rich(w: FundWorld) -> FundWorld:
    """Nothing binds but the caps."""
    w.back(A, 100_000)
    for venue in (w.venue, w.other_venue):
        w.stake(venue, 50_000, 0)
    return w


def test_an_account_has_its_cap_a_day(rich: FundWorld) -> None:
    assert rich.insure(1, 6_000) == CAPS[0]
    rich.publish(START + 1)
    assert rich.insure(2, 1) == 0
    rich.pass_time(DAY)
    assert rich.insure(3, 1) == 1


def test_an_epoch_has_its_cap(rich: FundWorld) -> None:
    assert rich.insure(1, 5_000, who=A) == 5_000
    assert rich.insure(2, 5_000, who=B) == CAPS[1] - 5_000
    rich.pass_time(DAY)
    assert rich.insure(3, 1, who=C) == 0
    rich.publish()
    assert rich.insure(4, 1, who=C) == 1


def test_a_day_has_its_cap_over_all_venues(rich: FundWorld) -> None:
    assert rich.insure(1, 5_000, who=A, epoch=1) == 5_000
    assert rich.insure(2, 5_000, who=B, epoch=2, venue=rich.other_venue) == CAPS[2] - 5_000
    rich.pass_time(DAY - 1)
    assert rich.insure(3, 5_000, who=C, epoch=3) == 0
    rich.pass_time(1)
    assert rich.insure(4, 5_000, who=C, epoch=3) == 5_000


def test_caps_bind_backers_money_and_no_venues_own(rich: FundWorld) -> None:
    rich.back(rich.venue, 20_000, rich.venue)
    assert rich.insure(1, 20_000) == 20_000
    assert rich.assets() == 100_000


def test_a_loss_is_shown_once_by_the_coordinator(insured: FundWorld) -> None:
    insured.insure(1, 5)
    with refused("LossKnown", loss_id(1)):
        insured.insure(1, 5)
    with refused("AccessManagedUnauthorized"):
        insured.fund("cover", loss_id(2), insured.venue, A, 1, 5, sender=A)


def test_an_empty_fund_pays_nothing_and_says_what_is_missing(w: FundWorld) -> None:
    assert w.insure(1, 1 << 95) == 0
    assert (w.fund("deficits"), w.fund("standingOf", loss_id(1)), w.fund("held")) == (1 << 95, 1 << 95, 0)


def test_fees_repay_deficits_in_their_order_before_anybody_gets_them(insured: FundWorld) -> None:
    w = insured
    w.insure(1, 4_010)
    w.insure(2, 20)
    assert (w.fund("deficits"), w.assets()) == (30, 7_000)
    w.fees(C, 15)
    assert (w.fund("standingOf", loss_id(1)), w.fund("standingOf", loss_id(2)), w.assets()) == (0, 15, 7_000)
    before = w.desk("clearingOf", w.venue)[0]
    assert (w.fund("forwardRepaid", loss_id(1)), w.fund("forwardRepaid", loss_id(2))) == (10, 5)
    with refused("NoAmount"):
        w.fund("forwardRepaid", loss_id(2))
    w.fees(C, 100)
    assert w.fund("forwardRepaid", loss_id(2)) == 15
    assert (w.assets(), w.fund("standingOf", loss_id(2)), w.desk("clearingOf", w.venue)[0] - before) == (7_085, 0, 30)
    assert w.in_hand(w.fund.address) == w.fund("held") == 7_085


def test_what_fees_repay_is_the_winners_who_got_less_than_his_price(insured: FundWorld) -> None:
    w = insured
    w.insure(1, 4_010)
    w.insure(2, 20)
    w.watch("owe", loss_id(1), A)
    clearing, before, held = w.desk("clearingOf", w.venue)[0], w.balance(A), w.in_hand(w.vault.address)
    w.fees(C, 15)
    w.fund("forwardRepaid", loss_id(1))
    w.fund("forwardRepaid", loss_id(2))
    assert (w.balance(A) - before, w.desk("clearingOf", w.venue)[0] - clearing) == (10, 5)
    assert w.in_hand(w.vault.address) - held == 10
    assert w.in_hand(w.fund.address) == w.fund("held")


def test_caps_are_lowered_at_once_and_raised_by_the_admin(w: FundWorld) -> None:
    w.fund("tightenCaps", (5_000, 7_999, 9_000), sender=w.risk)
    for raised in ((5_001, 1, 1), (1, 8_000, 1), (1, 1, 9_001)):
        with refused("CapsNotLower"):
            w.fund("tightenCaps", raised, sender=w.risk)
    for call in (("setCaps", CAPS), ("setTarget", SHARED, 1), ("install", w.watch.address, w.allocator.address)):
        with refused("AccessManagedUnauthorized"):
            w.fund(*call, sender=w.risk)
    w.fund("setCaps", CAPS, sender=w.admin)
    assert w.fund("caps") == CAPS


def test_the_standing_bid_is_phi_of_the_margin_as_far_as_the_fund_would_pay(insured: FundWorld) -> None:
    w = insured
    w.trader(B, 0)
    one = 10 ** w.quote("decimals")

    def bid(margin: int, who: str = B) -> int:
        return int(w.fund("standingBid", (7, who, w.epoch, 1, 0, margin, LAG)))

    micros = 10**6
    assert bid(4_000 * micros // one) == -2_000
    assert bid((1 << 91) - 1) == -4_000
    assert bid(1 << 91, who=D) == 0                                       # at no venue
    w.insure(1, 3_900, who=C)
    assert bid((1 << 91) - 1) == -100
    w.insure(2, 100)
    assert bid((1 << 91) - 1) == 0


def test_no_fund_or_allocator_without_its_settings(w: FundWorld) -> None:
    a, m = vault_artifacts(), w.machine
    for arguments, name in (((A, w.desk.address, PHI, CAPS), "authority"),
                            ((w.authority.address, A, PHI, CAPS), "settlement"),
                            ((w.authority.address, w.desk.address, 0, CAPS), "bidPerMargin")):
        with refused("SettingMissing", name):
            m.deploy(a["InsuranceFund"], *arguments, sender=w.admin)
    for arguments, name in (((A, w.desk.address, w.fund.address, HMAX), "authority"),
                            ((w.authority.address, A, w.fund.address, HMAX), "settlement"),
                            ((w.authority.address, w.desk.address, A, HMAX), "fund"),
                            ((w.authority.address, w.desk.address, w.fund.address, 0), "hMax"),
                            ((w.authority.address, w.desk.address, w.fund.address, 10_001), "hMax")):
        with refused("SettingMissing", name):
            m.deploy(a["LossAllocator"], *arguments, sender=w.admin)


# -- losses charged to gains -------------------------------------------------------------------------------------------
@pytest.fixture
def gained(w: FundWorld) -> FundWorld:
    """Three accounts with 1,000 each, of which two gained 300 and 100 under the present epoch; no fund."""
    w.stake(w.venue, 10_000, 10_000)
    for who in (A, B, C):
        w.trader(who, 1_000)
    w.book((A, 300), (B, 100))
    return w


def lose(w: FundWorld, loss: int, amount: int, since: int | None = None, venue: str | None = None) -> int:
    """A loss of which the fund pays nothing."""
    assert w.insure(loss, amount, venue=venue) == 0
    return w.record(loss, amount, START if since is None else since, venue)


def settled(w: FundWorld, *accounts: str) -> list[int]:
    for who in accounts:
        w.vault("settleGains", who)
        assert w.due(who) == 0
    return [w.balance(who) for who in accounts]


def test_gains_pay_in_proportion_and_nobody_else(gained: FundWorld) -> None:
    w = gained
    assert lose(w, 1, 100) == 100
    assert (w.in_hand(w.coordinator), w.fund("deficits")) == (100, 0)
    assert (w.due(A), w.due(B), w.due(C)) == (75, 25, 0)
    assert settled(w, A, B, C) == [1_225, 1_075, 1_000]
    assert w.vault("assetOf", w.quote.address)[1] == w.in_hand(w.vault.address) == 1_225 + 1_075 + 1_000


def test_a_haircut_is_never_above_h_max_and_the_rest_stands(gained: FundWorld) -> None:
    w = gained
    assert lose(w, 1, 1_000) == 160
    assert (w.fund("deficits"), w.fund("standingOf", loss_id(1))) == (840, 840)
    assert settled(w, A, B) == [1_180, 1_060]
    assert lose(w, 2, 5) == 0


def test_the_second_loss_has_what_room_the_first_has_left(gained: FundWorld) -> None:
    w = gained
    assert (lose(w, 1, 100), lose(w, 2, 100)) == (100, 60)
    assert settled(w, A, B) == [1_180, 1_060]


def test_shares_are_rounded_up_and_the_fund_gets_the_dust(gained: FundWorld) -> None:
    w = gained
    assert lose(w, 1, 3) == 3
    assert (w.due(A), w.due(B)) == (3, 1)
    settled(w, A, B)
    with refused("PoolOpen", 1, START + LAG):
        w.allocator("sweepDust", 1)
    w.pass_time(LAG)
    w.allocator("sweepDust", 1)
    assert (w.assets(), w.in_hand(w.fund.address)) == (1, 1)
    with refused("NoDust", 1):
        w.allocator("sweepDust", 1)
    assert w.vault("assetOf", w.quote.address)[1] == w.in_hand(w.vault.address) == 3_400 - 4


def test_only_what_was_gained_since_the_last_cover_pays(gained: FundWorld) -> None:
    w = gained
    w.pass_time(600)
    second = w.publish()
    w.book((C, 500))
    assert lose(w, 1, 50, since=second) == 50
    assert (w.due(A), w.due(B), w.due(C)) == (0, 0, 50)
    w.pass_time(600)
    third = w.publish()
    w.book((A, 100))
    assert w.insure(2, 40) == 0
    assert w.record(2, 40, START, until=third - 1) == 40
    assert settled(w, A, B, C)[0] == 1_400 - w_share(300, 40, (300, 500, 100), 50)
    with refused("WrongInterval", third, third - 1):
        w.record(3, 1, third, until=third - 1)
    with refused("WrongInterval", 1, w.machine.now + 1):
        w.record(3, 1, 0, until=w.machine.now + 1)


def w_share(gain: int, loss: int, gains: tuple[int, int, int], paid: int) -> int:
    """What a gain under the first epoch pays of a loss that falls on it by the room of both epochs' gains."""
    first = (gains[0] + gains[2]) * HMAX // 10_000
    second = gains[1] * HMAX // 10_000 - paid
    part = loss - loss * second // (first + second)
    return -(-part * gain // (gains[0] + gains[2]))


def test_other_venues_gains_pay_nothing(gained: FundWorld) -> None:
    w = gained
    w.stake(w.other_venue, 1_000, 1_000)
    w.trader(D, 0, w.other_venue)
    w.book((D, 100), venue=w.other_venue)
    assert lose(w, 1, 40, venue=w.other_venue) == 40
    assert (w.due(A), w.due(B), w.due(D)) == (0, 0, 40)


def test_no_gain_leaves_before_it_was_charged(gained: FundWorld) -> None:
    """Not by a withdrawal, at once or after the loss was recorded and everything is mature; nor in a basket."""
    w = gained
    with refused("GainNotMature"):
        w.flat(w.wish(1_001, account=A), sender=A)
    lose(w, 1, 100)
    w.pass_time(LAG)
    with refused("InsufficientBalance", A.lower(), w.quote.address.lower(), 1_225, 1_226):
        w.flat(w.wish(1_226, account=A), sender=A)
    w.flat(w.wish(1_225, account=A), sender=A)
    assert (w.balance(A), w.in_hand(A)) == (0, 1_225)


def test_a_withdrawal_with_cover_is_valued_after_the_haircut(gained: FundWorld) -> None:
    w = gained
    lose(w, 1, 100)
    assert (w.value(A), w.balance(A)) == (1_225, 1_300)
    assert w.vault("valuations", [A, C], w.epoch, [(1, 1 << 64, 1 << 64)]) == (1_225, 1_000)
    w.withdraw(w.wish(1_000, account=A), sender=A)
    assert (w.balance(A), w.vault("immatureOf", A)) == (225, 225)


def test_principal_is_free_at_every_stage(gained: FundWorld) -> None:
    """What was charged to a gain is not withheld from what was there before."""
    w = gained
    lose(w, 1, 100)
    assert w.vault("immatureOf", A) == 225
    w.flat(w.wish(400, account=A), sender=A)
    assert w.vault("immatureOf", A) == 225
    w.flat(w.wish(600, account=A), sender=A)
    with refused("GainNotMature", A.lower(), 1, 0):
        w.flat(w.wish(1, account=A), sender=A)
    w.flat(w.wish(1_000, account=C), sender=C)
    w.pass_time(LAG)
    w.flat(w.wish(225, account=A), sender=A)


def test_who_lost_again_what_he_gained_pays_nothing(gained: FundWorld) -> None:
    w = gained
    w.book((A, -300))
    assert lose(w, 1, 40) == 40
    assert (w.due(A), w.due(B)) == (0, 10)                  # the clearing account has the 300: it pays in proportion
    assert settled(w, A, B) == [1_000, 1_090]


def test_a_loss_after_a_haircut_takes_what_the_gain_had_left(gained: FundWorld) -> None:
    w = gained
    lose(w, 1, 100)
    w.book((A, -200))
    assert w.balance(A) == 1_025
    assert w.allocator("gainsOf", A)[0][0] == 25
    lose(w, 2, 1_000)
    assert w.due(A) <= 25
    settled(w, A, B)
    assert w.balance(A) >= 1_000
    assert w.allocator("poolOf", 1)[5] <= 0


def test_a_gain_under_the_same_epoch_after_a_loss_pays_for_later_ones_only(gained: FundWorld) -> None:
    w = gained
    lose(w, 1, 100)
    w.book((C, 400))
    assert w.due(C) == 0
    assert lose(w, 2, 60) == 60
    assert w.due(C) == 30
    settled(w, A, B, C)
    assert w.allocator("poolOf", 1)[5] <= 0


def test_a_mature_gain_pays_no_more(gained: FundWorld) -> None:
    w = gained
    w.pass_time(LAG - 1)
    assert lose(w, 1, 10) == 10
    w.pass_time(1)
    assert lose(w, 2, 10) == 0


def test_a_basket_takes_its_gains_along_uncharged_and_what_was_due_is_paid(gained: FundWorld) -> None:
    w = gained
    lose(w, 1, 100)
    w.manager("setCalled", A, True)
    w.vault("lock", A, 5, sender=w.coordinator)
    w.vault("transferBasket", A, D, sender=w.coordinator)
    assert (w.balance(A), w.balance(D), w.vault("immatureOf", D)) == (0, 1_225, 225)
    assert lose(w, 2, 100) == 15
    assert (w.due(D), w.due(B)) == (0, 25 + 15)


def test_what_a_coordinator_pays_out_is_after_the_haircut(gained: FundWorld) -> None:
    w = gained
    lose(w, 1, 100)
    w.manager("setCalled", A, True)
    w.vault("lock", A, 5, sender=w.coordinator)
    with refused("InsufficientBalance", A.lower(), w.quote.address.lower(), 1_225, 1_226):
        w.vault("pay", A, w.quote.address, 1_226, D, sender=w.coordinator)
    w.vault("pay", A, w.quote.address, 1_225, D, sender=w.coordinator)


def test_a_loss_is_charged_once_after_the_fund_has_had_it_and_no_more_than_it_left(gained: FundWorld) -> None:
    w = gained
    with refused("NotTheLastLoss", loss_id(1), loss_id(0)):
        w.record(1, 10, START)
    w.insure(1, 10)
    with refused("AboveDeficit", loss_id(1), 11, 10):
        w.record(1, 11, START)
    with refused("AboveDeficit"):
        w.record(1, 10, START, venue=w.other_venue)
    with refused("NoAmount"):
        w.record(1, 0, START)
    w.record(1, 10, START)
    with refused("LossIsRecorded", loss_id(1)):
        w.record(1, 10, START)
    with refused("AccessManagedUnauthorized"):
        w.allocator("recordLoss", loss_id(2), w.venue, 1, 1, 1, sender=A)
    w.insure(3, 5)
    w.insure(4, 5)
    with refused("NotTheLastLoss"):
        w.record(3, 5, START)


def test_the_contracts_alone_tell_and_ask_each_other(gained: FundWorld) -> None:
    w = gained
    for call in (("booked", A, 5, 5), ("settle", A), ("basketMoved", A)):
        with refused("NotVault", w.relayer.lower()):
            w.allocator(*call, sender=w.relayer)
    with refused("NotSettlement", w.relayer.lower()):
        w.allocator("clearingGained", w.venue, 5, sender=w.relayer)
    for contract, call in ((w.vault, ("advance", 5)), (w.desk, ("charge", w.venue, 5, A)),
                           (w.fund, ("relieve", loss_id(1), w.venue, 5, 5))):
        with refused("NotAllocator", w.relayer.lower()):
            contract(*call, sender=w.relayer)
    with refused("AllocatorIsInstalled"):
        w.vault("installAllocator", w.allocator.address, sender=w.admin)
    with refused("AccessManagedUnauthorized"):
        w.vault("installAllocator", w.allocator.address, sender=w.risk)


def test_a_venue_that_gained_pays_its_part_from_clearing_then_from_its_bond(gained: FundWorld) -> None:
    w = gained
    w.book((C, -400))
    assert w.allocator("venueRoomOf", w.venue, START, w.machine.now) == 160
    before = w.desk("clearingOf", w.venue)[0]
    assert lose(w, 1, 100) == 100
    assert w.desk("clearingOf", w.venue)[0] == before - 50
    assert (w.due(A), w.due(B)) == (38, 13)
    assert lose(w, 2, 1_000) == 110 + 110                   # nothing is charged twice
    assert w.desk("clearingOf", w.venue)[0] == before - 160


def test_a_venue_that_skips_settlement_is_charged_its_mean(w: FundWorld) -> None:
    w.stake(w.venue, 50_000, 50_000)
    w.trader(A, 0)
    for _ in range(7):
        w.book((A, 2_400))
        w.pass_time(DAY)
        since = w.publish()
    w.pass_time(DAY // 24 * 3)
    mean = 7 * 2_400 * 3 // (7 * 24)
    assert w.allocator("venueRoomOf", w.venue, since, w.machine.now) == mean * HMAX // 10_000 == 120
    assert lose(w, 1, 500, since=since) == 120
    assert w.balance(A) == 7 * 2_400
    assert lose(w, 2, 500, since=since) == 0
    w.book((A, 290))
    assert w.allocator("venueRoomOf", w.venue, since, w.machine.now) == 0
    assert lose(w, 3, 500, since=since) == 116


def test_a_venue_with_nothing_left_leaves_a_deficit(w: FundWorld) -> None:
    w.stake(w.venue, 300, 1)
    w.trader(A, 700)
    w.book((A, -400))
    w.desk("withdrawClearing", 1, w.venue, sender=w.venue)
    w.desk("releaseBond", 250, sender=w.venue)
    assert w.desk("slashBond", w.venue, 295, A, sender=w.coordinator) == 295
    assert w.desk("bondOf", w.venue)[:2] == (5, 5)
    assert lose(w, 1, 1_000) == 160
    assert w.fund("deficits") == 840
    with refused("AccessManagedUnauthorized"):
        w.desk("slashBond", w.venue, 1, A, sender=w.venue)
    assert [w.desk("slashBond", w.venue, 100, A, sender=w.coordinator) for _ in range(2)] == [5, 0]


def test_a_charge_reaches_the_bond_where_the_clearing_account_is_empty(w: FundWorld) -> None:
    w.stake(w.venue, 1_000, 100)
    w.trader(A, 700)
    w.trader(B, 0)
    w.book((A, -400))
    w.pass_time(60)
    w.publish()
    w.book((B, 450))
    assert w.desk("clearingOf", w.venue) == (50, 50)
    w.pass_time(LAG)
    assert lose(w, 1, 100) == 100
    assert (w.desk("clearingOf", w.venue), w.desk("bondOf", w.venue)[0], w.due(B)) == ((0, 0), 950, 0)
    assert w.in_hand(w.desk.address) == w.desk("held") == 950


def test_an_account_has_at_most_64_gains_that_wait(w: FundWorld) -> None:
    w.stake(w.venue, 1_000, 1_000)
    w.trader(A, 0)
    for _ in range(64):
        w.book((A, 1))
    with refused("TooManyGains", A.lower()):
        w.book((A, 1))
    w.manager("setCalled", A, True)
    w.vault("lock", A, 5, sender=w.coordinator)
    w.vault("transferBasket", A, D, sender=w.coordinator)
    w.vault("release", A, sender=w.coordinator)
    for _ in range(64):
        w.book((A, 1))
    assert [gain[0] for gain in w.allocator("gainsOf", A)] == [1] * 64
    w.pass_time(LAG)
    w.book((A, 1))
    assert len(w.allocator("gainsOf", A)) == 1


def test_if_all_are_silent_the_basket_stays_and_tranche_and_fund_pay(insured: FundWorld) -> None:
    """R22: nobody can disclose; the loss is paid, the collateral stays locked until an admin's rule releases it."""
    w = insured
    w.trader(D, 500)
    w.manager("setCalled", D, True)
    w.vault("lock", D, 9, sender=w.coordinator)
    w.watch("set", 1)
    assert w.insure(1, 1_800, who=D) == 1_800
    assert (w.assets(w.venue), w.assets()) == (0, 9_200)
    w.watch("set", 0)
    w.pass_time(7 * DAY)
    assert (w.balance(D), w.vault("lotOf", D)) == (500, 9)
    with refused("LotOpen"):
        w.flat(w.wish(1, account=D), sender=D)
    w.vault("release", D, sender=w.coordinator)
    assert w.vault("lotOf", D) == 0
