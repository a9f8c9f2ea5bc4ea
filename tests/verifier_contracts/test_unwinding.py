"""What a called account has at other protocols: unwound in one order, all of it or nothing, by whoever comes."""

from __future__ import annotations

from itertools import pairwise

import pytest
from ledger_world import MAX_AGE
from liquidation_world import (
    ANYBODY,
    FACTORS,
    MINUTE,
    NO_PROOF,
    Stage,
    refused,
)
from revmchain import account
from revmsystem import COIN_ID, MARKS, ONE, QUOTE_ID
from unwinding_world import (
    BOTH,
    COIN_FACTOR,
    KEEPER,
    TERMS,
    Mode,
    UnwindingWorld,
    reference_protocols,
)

from verifier_contracts.unwinding import Listing, Phase, Step, Terms, haircut_of, steps_of
from verifier_contracts.vault import Factor

LIQUIDATE = 2
MARKED = 1 << 31
CRASHED = [Factor(QUOTE_ID, ONE, ONE), Factor(COIN_ID, ONE * 2 // 10, ONE * 3 // 10)]


def stepped(said):
    """Phase and amount of each step that was taken."""
    return [(Phase(one[3]).name, one[4]) for one in said if one[0] == "Stepped"]


def sums(said):
    """Received, repaid, pay, deposited."""
    return next(one[4:] for one in said if one[0] == "Unwound")


def crash(uw: UnwindingWorld, price: int = 300_000) -> None:
    """The coin falls, at the protocols and in the newest epoch."""
    for protocol in (uw.pool, uw.options):
        protocol("setPrice", price, sender=uw.admin)
    uw.newest(CRASHED)


# -- what happens ----------------------------------------------------------------------------------------------------
def test_what_is_elsewhere_becomes_collateral(uw):
    """1,000,000 coins sell for 1,980,000, of which the pool is owed 400,000; three options against one, of 500,000
    each, and 400,000 of security. The keeper has his cap."""
    who = uw.short_account()
    assert uw.positions(who) == {"pool": (0, 1_000_000, 400_000), "options": (4, 0, 0)}
    before, since = uw.w.value(who), uw.w.since(who)
    said = uw.events(who)
    assert said == [
        ("Stepped", who, uw.writer.address, Phase.CLOSE, 1_400_000),
        ("Stepped", who, uw.lender.address, Phase.SELL, 1_580_000),
        ("Unwound", who, since, KEEPER, 2_980_000, 0, 30_000, 2_950_000)]
    assert uw.w.value(who) == before + 2_950_000
    assert uw.positions(who) == {"pool": (0, 0, 0), "options": (0, 0, 0)}
    assert uw.unwinder("owed", KEEPER) == TERMS.pay(2_980_000) == 30_000
    assert uw.cash(uw.unwinder.address) == 30_000
    assert uw.w.status(who) == "Called"                                                # only cover ends a call


def test_who_is_rescued_is_cured_by_cover(uw):
    who = uw.open_account()
    uw.spread(who)
    uw.fall(who, 1_500_000)
    uw.to_time(who)
    uw.liquidate(who)
    uw.w.publish_now()
    uw.w.cover(who)
    assert uw.w.status(who) == "Valid"


def test_a_debt_is_repaid_out_of_what_came_from_elsewhere(uw):
    """A million coins bring 297,000, of which a debt of 400,000 leaves 103,000."""
    who = uw.short_account()
    crash(uw)
    said = uw.events(who)
    assert stepped(said) == [("CLOSE", 400_000), ("SELL", 0), ("REPAY", 103_000)]
    pay = 400_000 * TERMS.share // 10_000
    assert sums(said) == (400_000, 103_000, pay, 400_000 - 103_000 - pay)
    assert uw.unwinder("mostRepaidOf", who, uw.lender.address) == 10**7 - 103_000
    assert uw.w.s.quote("allowance", uw.unwinder.address, uw.lender.address) == 0


def test_a_debt_takes_no_more_than_the_account_allowed(uw):
    who = uw.short_account(most=50_000)
    crash(uw)
    said = uw.events(who)
    assert stepped(said) == [("CLOSE", 400_000), ("SELL", 0), ("REPAY", 50_000)]
    assert sums(said)[1] == 50_000
    assert ("DebtStands", who, uw.lender.address, 103_000 - 50_000) in said
    assert uw.unwinder("mostRepaidOf", who, uw.lender.address) == 0


def test_a_debt_takes_no_more_than_what_was_rescued_and_no_unit_of_what_was_there(uw):
    who = uw.short_account(long=0, short=0)
    crash(uw)
    before = uw.w.value(who)
    said = uw.events(who)
    assert stepped(said) == [("SELL", 0)]
    assert ("DebtStands", who, uw.lender.address, 103_000) in said
    assert sums(said) == (0, 0, 0, 0)
    assert uw.w.value(who) == before


def test_two_debts_share_what_there_is(uw):
    """400,000 came, of which 8,000 are the keeper's: the less risky debt of 300,000 first."""
    who, other = uw.open_account(), uw.hostile()
    uw.spread(who, long=0, debt=600_000)
    uw.join(who, other, 10**7)
    other("set", [0, 0, 300_000], [0, 0])
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    crash(uw)
    said = uw.events(who)
    assert stepped(said) == [("CLOSE", 400_000), ("SELL", 0), ("REPAY", 300_000), ("REPAY", 92_000)]
    assert ("DebtStands", who, uw.lender.address, 600_000 - 297_000 - 92_000) in said


def test_the_keepers_part_comes_before_debts(uw):
    """Else nobody unwinds whom debts have eaten."""
    who = uw.short_account(long=0, short=1, debt=900_000)
    crash(uw)
    said = uw.events(who)
    pay = 400_000 * TERMS.share // 10_000
    assert sums(said) == (400_000, 400_000 - pay, pay, 0)
    assert ("DebtStands", who, uw.lender.address, 900_000 - 297_000 - (400_000 - pay)) in said


def test_a_writer_whose_security_does_not_do_owes_the_rest(uw):
    who = uw.short_account(long=0, short=2, debt=0)
    uw.options("setPrice", 2_500_000, sender=uw.admin)
    said = uw.events(who)
    assert stepped(said) == [("CLOSE", 0), ("SELL", 1_980_000), ("REPAY", 2 * 1_000_000 - 800_000)]
    assert uw.positions(who)["options"] == (0, 0, 0)


# -- on what it rests ------------------------------------------------------------------------------------------------
def test_nothing_happens_to_whom_nobody_has_called(uw):
    who = uw.open_account()
    uw.spread(who)
    uw.w.run(60 * MINUTE)
    uw.newest()
    with refused("NotCalled", who):
        uw.liquidate(who, short=(*uw.short(who)[:3], NO_PROOF))


def test_nothing_happens_to_whom_nobody_has_shown_to_be_short(uw):
    """R5. A solvent sleeper whom a false epoch has called."""
    who = uw.short_account()
    uw.w.margins[uw.w.commitment(who)] = 500_000
    for short in (uw.short(who), (*uw.short(who)[:3], NO_PROOF)):
        with refused("ProofRejected"):
            uw.liquidate(who, short=short)
    assert uw.positions(who)["pool"] == (0, 1_000_000, 400_000)


def test_a_shortfall_that_was_shown_need_not_be_proven_again(uw):
    who = uw.short_account()
    shown = uw.short(who)
    uw.w.closes("showShortfall", who, shown)
    uw.liquidate(who, short=(*shown[:3], NO_PROOF))


def test_a_call_that_fell_is_none(uw):
    who = uw.short_account()
    uw.w.s.freeze(uw.w.s.ledger("callOf", who)[2])
    with refused("CallFell", who):
        uw.liquidate(who)


def test_the_owners_time_is_hers(uw):
    who = uw.open_account()
    uw.spread(who)
    uw.fall(who, 20_000_000)
    uw.w.run(45 * MINUTE)                                                              # but nobody passed it on
    uw.newest()
    with refused("OwnersTime", who):
        uw.liquidate(who)
    uw.w.closes("passToVenue", who)
    uw.liquidate(who)


def test_nothing_is_sold_while_prices_jump_or_liquidation_is_paused(uw):
    who = uw.short_account()
    arguments = uw.arguments(who)
    uw.w.wait(240)
    uw.w.s.publish([tuple(factor) for factor in BOTH], [2 * mark for mark in MARKS])
    with refused("BreakerTripped"):
        uw.unwinder("liquidate", *arguments)
    uw.w.s.vault("pause", LIQUIDATE, 60, sender=uw.w.s.guardian)
    with refused("LiquidationPaused", uw.w.now + 60):
        uw.unwinder("liquidate", *arguments)


def test_prices_are_of_an_epoch_that_counts_now(uw):
    """A cheater would sell at the lowest of half an hour."""
    who = uw.short_account()
    old = uw.w.epoch
    uw.newest()
    uw.w.wait(16 * MINUTE)
    with refused("SupersededEpoch", old, uw.w.epoch):
        uw.liquidate(who, epoch=old)
    with refused("WrongFactors"):
        uw.liquidate(who, factors=CRASHED, steps=uw.steps(who, CRASHED))
    uw.w.wait(MAX_AGE)
    with refused("StaleEpoch"):
        uw.liquidate(who)


def test_no_lot_is_changed_under_its_bidders(uw):
    who = uw.short_account()
    uw.w.live_to(uw.w.closes("venuesTimeOf", who)[1])
    lot = uw.w.open_lot(who, 0)
    uw.newest()
    with refused("LotIsOpen", who, lot):
        uw.liquidate(who)
    uw.w.house("set", lot, Stage.DISCLOSURE)
    uw.w.coordinator("orderDisclosure", lot)
    uw.w.escrow("deliver", lot, 3, False)
    uw.w.house("set", lot, Stage.FAILED)
    uw.w.coordinator("failLot", lot)
    uw.liquidate(who)


# -- ordered and complete --------------------------------------------------------------------------------------------
def test_there_is_one_order(uw):
    """Any two steps exchanged, one twice, or one instead of another."""
    who = uw.short_account()
    steps = uw.steps(who)
    assert [(step.phase, step.adapter) for step in steps] == [
        (phase, adapter.address) for phase in Phase for adapter in (uw.writer, uw.lender)]
    for place in range(1, len(steps)):
        other = [*steps]
        other[place - 1], other[place] = other[place], other[place - 1]
        with refused("StepsOutOfOrder", place):
            uw.liquidate(who, steps=other)
        with refused("StepsOutOfOrder", place):
            uw.liquidate(who, steps=[*steps[:place], steps[place - 1], *steps[place + 1:]])


def test_none_is_left_out(uw):
    """Of a friend's protocol, say."""
    who = uw.short_account()
    steps = uw.steps(who)
    for place in range(len(steps)):
        with refused("StepsMissing", 5, 6):
            uw.liquidate(who, steps=[*steps[:place], *steps[place + 1:]])
    with refused("StepsMissing", 3, 6):
        uw.liquidate(who, steps=[step for step in steps if step.adapter == uw.writer.address])
    with refused("StepsMissing", 7, 6):
        uw.liquidate(who, steps=[*steps, steps[-1]])


def test_no_step_is_of_a_protocol_that_the_account_has_not_joined(uw):
    who = uw.short_account()
    steps = uw.steps(who)
    other = uw.hostile()
    with refused("NotMember", who, other.address):
        uw.liquidate(who, steps=[*steps[:5], Step(other.address, Phase.REPAY)])


def test_the_least_risky_asset_is_first_then_the_least_systemic_protocol(uw):
    who = uw.open_account()
    uw.spread(who)
    quote, same, coin = uw.hostile(9_000), uw.hostile(POOL, COIN_ID), uw.hostile(39, COIN_ID)
    for adapter in (quote, same, coin):
        uw.join(who, adapter)
        adapter("set", [1, 1, 0], [5, 5])
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    pools = sorted((uw.lender.address, same.address), key=lambda one: int(one, 16))
    order = [quote.address, coin.address, uw.writer.address, *pools]
    assert [step.adapter for step in uw.steps(who)[:5]] == order
    steps = uw.steps(who)
    for place in range(1, 5):
        other = [*steps]
        other[place - 1], other[place] = other[place], other[place - 1]
        with refused("StepsOutOfOrder", place):
            uw.liquidate(who, steps=other)
    said = [one for one in uw.events(who) if one[0] == "Stepped"]
    assert [one[2] for one in said if one[3] == Phase.CLOSE] == [quote.address, coin.address, uw.writer.address,
                                                                 *(p for p in pools if p == same.address)]


POOL = 700
"""The rank of the lending pool."""


def test_what_an_epoch_has_no_factor_for_comes_last_and_is_not_sold(uw):
    who = uw.open_account()
    uw.spread(who, coins=1_000_000)
    quote = uw.hostile(9_000)
    uw.join(who, quote)
    uw.fall(who, 20_000_000)
    uw.to_time(who, FACTORS)
    bare = [Factor(*factor) for factor in FACTORS]
    steps = uw.steps(who, bare)
    assert [step.adapter for step in steps[:3]] == [quote.address, uw.writer.address, uw.lender.address]
    with refused("FactorMissing", COIN_ID):
        uw.liquidate(who, steps=steps, factors=bare)


def test_a_factor_that_is_more_held_than_owed_stops_nobody(uw):
    """No honest epoch has one. It counts as no haircut."""
    who = uw.open_account()
    uw.spread(who)
    uw.fall(who, 20_000_000)
    uw.to_time(who, [BOTH[0], Factor(COIN_ID, ONE * 3 // 2, ONE)])
    uw.liquidate(who)


def test_nothing_to_do_is_the_adapters_word(uw):
    """It is not called then, and its steps are there all the same."""
    who = uw.open_account()
    uw.spread(who)
    idle = uw.hostile()
    uw.join(who, idle)
    idle("behave", Mode.REVERT, Mode.HONEST)
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    assert len(uw.steps(who)) == 9
    uw.liquidate(who)


def test_where_there_is_nothing_nobody_is_paid_for_it(uw):
    who = uw.short_account()
    uw.liquidate(who)
    uw.w.run(5 * MINUTE)
    uw.newest()
    with refused("NothingToUnwind", who):
        uw.liquidate(who)
    lonely = uw.open_account(key=uw.w.key("lonely"))
    uw.fall(lonely, 20_000_000)
    uw.to_time(lonely)
    with refused("NothingToUnwind", lonely):
        uw.liquidate(lonely)


def test_coins_are_not_sold_for_less_than_they_count_for(uw):
    """1.6 a coin after the haircut; the pool pays 99 % of its price, a debt included."""
    who = uw.short_account(coins=1_000_000, debt=400_000)
    least = 1_600_000
    uw.pool("setPrice", 1_616_161, sender=uw.admin)
    with refused("SoldTooLow", uw.lender.address, least - 1, least):
        uw.liquidate(who)
    uw.pool("setPrice", 1_616_162, sender=uw.admin)
    uw.liquidate(who)


# -- what is left out ------------------------------------------------------------------------------------------------
def test_for_ten_minutes_all_or_nothing_to_the_second(uw):
    who = uw.short_account()
    until = uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE
    uw.newest()
    uw.w.wait(until - 1 - uw.w.live)
    assert uw.w.live == until - 1
    with refused("CompleteTime", who, until):
        uw.liquidate(who, [uw.writer.address])
    uw.w.wait(1)
    uw.liquidate(who, [uw.writer.address])


def test_after_ten_minutes_one_may_be_left_out_and_comes_next_time(uw):
    who = uw.short_account()
    with refused("CompleteTime"):
        uw.liquidate(who, [uw.writer.address])
    uw.w.live_to(uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE)
    uw.newest()
    said = uw.events(who, [uw.writer.address])
    assert said[0] == ("LeftOut", who, uw.writer.address)
    assert stepped(said) == [("SELL", 1_580_000)]
    assert uw.positions(who)["options"] == (4, 0, 0)
    paid = TERMS.pay(1_580_000)
    assert sums(said)[2] == paid == 30_000
    said = uw.events(who, sender=ANYBODY)
    assert sums(said) == (1_400_000, 0, 0, 1_400_000)                                  # the cap is of the whole call


def test_parts_are_paid_as_the_whole(uw):
    who = uw.short_account(debt=400_000, coins=600_000)
    uw.w.live_to(uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE)
    uw.newest()
    first = sums(uw.events(who, [uw.writer.address]))
    assert first[:3] == (788_000, 0, 15_760)
    second = sums(uw.events(who, sender=ANYBODY))
    assert second[:3] == (1_400_000, 0, 30_000 - 15_760)
    assert uw.unwinder("owed", KEEPER) + uw.unwinder("owed", ANYBODY) == TERMS.cap


def test_a_third_part_is_paid_as_the_whole(uw):
    who, other = uw.open_account(), uw.hostile()
    uw.spread(who, coins=200_000, debt=0)
    uw.join(who, other)
    other("set", [1, 0, 0], [1_000_000, 0])
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    uw.w.live_to(uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE)
    uw.newest()
    pays = [sums(uw.events(who, out))[2] for out in (
        [uw.writer.address, uw.lender.address], [uw.writer.address], [])]
    assert pays == [20_000, 7_920, TERMS.cap - 27_920]


def test_another_call_is_paid_anew(uw):
    who = uw.short_account()
    uw.liquidate(who)
    uw.w.margins[uw.w.commitment(who)] = 500_000
    uw.w.publish_now()
    uw.w.cover(who)
    uw.give(who, coins=1_000_000)
    uw.pool("supply", 1_000_000, sender=who)
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    assert sums(uw.events(who))[2] == TERMS.pay(1_980_000)


def test_a_stop_of_the_clock_is_no_time_to_leave_out(uw):
    who = uw.short_account()
    uw.w.s.vault("pause", LIQUIDATE, 20 * MINUTE, sender=uw.w.s.guardian)
    end = uw.w.now + 20 * MINUTE
    uw.w.run(15 * MINUTE)
    uw.newest()
    uw.w.wait(end - uw.w.now)
    assert uw.w.live < uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE
    with refused("CompleteTime"):
        uw.liquidate(who, [uw.writer.address])
    uw.liquidate(who)


def test_a_suspended_protocol_is_left_out_at_once_and_must_be(uw):
    who = uw.short_account()
    uw.unwinder("suspend", uw.writer.address, sender=uw.w.s.risk)
    with refused("IsSuspended", uw.writer.address):
        uw.liquidate(who)
    with refused("CompleteTime"):
        uw.liquidate(who, [uw.lender.address, uw.writer.address])
    said = uw.events(who, [uw.writer.address])
    assert stepped(said) == [("SELL", 1_580_000)]


def test_what_is_left_out_is_the_accounts_and_named_once(uw):
    who = uw.short_account()
    uw.w.live_to(uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE)
    uw.newest()
    both = sorted((uw.writer.address, uw.lender.address), key=lambda one: int(one, 16))
    who_, steps, _, grounds = uw.arguments(who, [uw.lender.address])
    for out in ([uw.lender.address] * 2, both[::-1]):
        with refused("LeftOutOfOrder", 1):
            uw.unwinder("liquidate", who_, steps, out, grounds)
    other = uw.hostile()
    with refused("NotMember", who, other.address):
        uw.unwinder("liquidate", who_, steps, [other.address], grounds)
    wrong = [(uw.lender.address, *step[1:]) for step in steps]
    with refused("IsLeftOut", uw.lender.address):
        uw.unwinder("liquidate", who_, wrong, [uw.lender.address], grounds)
    with refused("NothingToUnwind"):
        uw.unwinder("liquidate", who_, [], both, grounds)


# -- who joins -------------------------------------------------------------------------------------------------------
def test_an_account_joins_by_itself_and_quits_when_nothing_is_left(uw):
    who = uw.open_account()
    uw.join(who, uw.lender, 500)
    uw.join(who, uw.writer)
    assert uw.members(who) == [uw.lender.address, uw.writer.address]
    assert uw.unwinder("isMember", who, uw.lender.address)
    assert not uw.unwinder("isMember", ANYBODY, uw.lender.address)
    uw.give(who, coins=5)
    uw.pool("supply", 5, sender=who)
    with refused("PositionsLeft", who, uw.lender.address):
        uw.unwinder("quit", uw.lender.address, sender=who)
    with refused("NotMember", ANYBODY, uw.lender.address):
        uw.unwinder("quit", uw.lender.address, sender=ANYBODY)
    uw.unwinder("quit", uw.writer.address, sender=who)
    assert uw.members(who) == [uw.lender.address]
    assert not uw.unwinder("isMember", who, uw.writer.address)


@pytest.mark.parametrize("place", range(3))
def test_any_one_of_what_is_there_keeps_a_member(uw, place):
    who, other = uw.open_account(), uw.hostile()
    uw.join(who, other)
    other("set", [int(place == n) for n in range(3)], [0, 0])
    with refused("PositionsLeft"):
        uw.unwinder("quit", other.address, sender=who)
    other("set", [0, 0, 0], [0, 0])
    uw.unwinder("quit", other.address, sender=who)


def test_who_quits_leaves_the_others_joined(uw):
    who = uw.open_account()
    made = [uw.hostile() for _ in range(3)]
    for adapter in made:
        uw.join(who, adapter, 7)
    uw.unwinder("quit", made[0].address, sender=who)
    assert sorted(uw.members(who)) == sorted(one.address for one in made[1:])
    assert uw.unwinder("mostRepaidOf", who, made[0].address) == 0
    uw.join(who, made[0])                                                              # and anew with less
    assert uw.unwinder("mostRepaidOf", who, made[0].address) == 0


def test_whoever_joined_a_suspended_protocol_may_quit(uw):
    who, other = uw.open_account(), uw.hostile()
    uw.join(who, other)
    other("behave", Mode.REVERT, Mode.REVERT)
    with refused("AdapterFailed"):
        uw.unwinder("quit", other.address, sender=who)
    uw.unwinder("suspend", other.address, sender=uw.w.s.risk)
    uw.unwinder("quit", other.address, sender=who)
    with refused("IsSuspended", other.address):
        uw.join(who, other)
    uw.unwinder("listProtocol", other.address, QUOTE_ID, 1, sender=uw.admin)
    uw.join(who, other)


def test_a_called_account_neither_joins_nor_quits(uw):
    who, other = uw.open_account(), uw.hostile()
    uw.join(who, uw.lender)
    uw.fall(who, 20_000_000)
    with refused("AccountCalled", who):
        uw.join(who, other)
    with refused("AccountCalled", who):
        uw.unwinder("quit", uw.lender.address, sender=who)


def test_what_a_debt_may_take_is_raised_and_never_lowered(uw):
    who = uw.open_account()
    uw.join(who, uw.lender, 500)
    with refused("MostRepaidLowered", 499, 500):
        uw.join(who, uw.lender, 499)
    uw.join(who, uw.lender, 501)
    assert uw.members(who) == [uw.lender.address]
    assert uw.unwinder("mostRepaidOf", who, uw.lender.address) == 501


def test_eight_protocols_at_most(uw):
    who = uw.open_account()
    for _ in range(8):
        uw.join(who, uw.hostile())
    with refused("TooManyProtocols", who):
        uw.join(who, uw.lender)


def test_only_what_was_listed_is_joined(uw):
    who = uw.open_account()
    with refused("NotListed", ANYBODY):
        uw.unwinder("join", ANYBODY, 0, sender=who)
    with refused("NotListed", ANYBODY):
        uw.unwinder("suspend", ANYBODY, sender=uw.w.s.risk)


def test_protocols_are_listed_by_the_admin_and_suspended_by_risk(uw):
    arguments = uw.lender.address, COIN_ID, 1
    for sender in (uw.w.s.risk, uw.w.s.guardian, ANYBODY):
        with refused("AccessManagedUnauthorized", sender):
            uw.unwinder("listProtocol", *arguments, sender=sender)
    for sender in (uw.w.s.guardian, ANYBODY):
        with refused("AccessManagedUnauthorized", sender):
            uw.unwinder("suspend", uw.lender.address, sender=sender)
    for asset in (77, 0, 1 << 31):
        with refused("AssetNotListed", asset):
            uw.unwinder("listProtocol", uw.lender.address, asset, 1, sender=uw.admin)
    with refused("SettingMissing", "adapter"):
        uw.unwinder("listProtocol", ANYBODY, COIN_ID, 1, sender=uw.admin)
    logs = uw.w.logs(uw.unwinder, "listProtocol", *arguments, sender=uw.admin)
    assert logs == [("ProtocolListed", uw.lender.address, COIN_ID, 1)]
    assert uw.listing(uw.lender.address) == Listing(True, False, 1, COIN_ID)


def test_shares_of_pools_are_not_listed(uw):
    """Epochs have no factors for them, so that nothing would bound what they are sold for."""
    s, share = uw.w.s, uw.w.s.machine.deploy(uw.w.s.coin.artifact, sender=uw.admin)
    marking = s.machine.deploy(reference_protocols()["HostileAdapter"], share.address, sender=uw.admin)
    s.marks("setCurve", MARKED, (marking.address, 1, 1, 1), sender=uw.admin)
    s.vault("listAsset", share.address, MARKED, 10**9, sender=uw.admin)
    with refused("AssetNotListed", MARKED):
        uw.unwinder("listProtocol", uw.lender.address, MARKED, 1, sender=uw.admin)


# -- what keepers earn -----------------------------------------------------------------------------------------------
def test_a_keeper_collects_what_he_earned_once(uw):
    who = uw.short_account()
    uw.liquidate(who)
    to = account(0x9A1D)
    with refused("NoReceiver"):
        uw.unwinder("collect", account(0), sender=KEEPER)
    with refused("NoAmount"):
        uw.unwinder("collect", to, sender=ANYBODY)
    uw.unwinder("collect", to, sender=KEEPER)
    assert (uw.cash(to), uw.cash(uw.unwinder.address)) == (30_000, 0)
    with refused("NoAmount"):
        uw.unwinder("collect", to, sender=KEEPER)


# -- the protocols ---------------------------------------------------------------------------------------------------
def test_they_rely_on_membership_and_on_a_proven_margin(uw):
    who = uw.open_account()
    uw.give(who, 10**7, 1_000_000)
    with refused("NotAllowed", who):
        uw.pool("borrow", 1, sender=who)
    with refused("NotAllowed", who):
        uw.options("write", 1, 0, 5, sender=who)
    uw.join(who, uw.lender, 200_000)
    uw.join(who, uw.writer)
    with refused("TooMuch", 200_001, 200_000):                                         # half of 500,000, as repaid
        uw.pool("borrow", 200_001, sender=who)
    uw.pool("borrow", 200_000, sender=who)
    with refused("TooLittle", SECURED - 1, SECURED):
        uw.options("write", 1, SECURED - 125_000 - 1, 5, sender=who)
    uw.options("write", 1, SECURED - 125_000, 5, sender=who)
    uw.fall(who, 20_000_000)
    with refused("NotLendable", 8):
        uw.pool("borrow", 1, sender=who)


SECURED = 400_000


def test_nobody_else_unwinds_anybody(uw):
    who = uw.short_account()
    for adapter in (uw.lender, uw.writer):
        for name, arguments in (("close", (who, b"")), ("sell", (who, b"")), ("repay", (who, 1))):
            with refused("NotUnwinder", ANYBODY):
                adapter(name, *arguments, sender=ANYBODY)
    with refused("NotAllowed", ANYBODY):
        uw.pool("sellOut", who, ANYBODY, sender=ANYBODY)
    with refused("NotAllowed", ANYBODY):
        uw.options("endAll", who, ANYBODY, sender=ANYBODY)


# -- deployment ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("place", "name"), [(0, "authority"), (1, "closes"), (2, "payShare"), (3, "payCap")])
def test_deployment_names_what_is_missing(uw, place, name):
    arguments = [uw.w.s.authority.address, uw.w.closes.address, 200, 5]
    arguments[place] = ANYBODY if place < 2 else 0
    with refused("SettingMissing", name):
        uw.w.s.machine.deploy(uw.unwinder.artifact, *arguments, sender=uw.admin)


def test_a_keepers_share_is_bounded(uw):
    arguments = uw.w.s.authority.address, uw.w.closes.address
    with refused("ShareTooLarge", 1_001, 1_000):
        uw.w.s.machine.deploy(uw.unwinder.artifact, *arguments, 1_001, 5, sender=uw.admin)
    uw.w.s.machine.deploy(uw.unwinder.artifact, *arguments, 1_000, 5, sender=uw.admin)


# -- the binding's order ---------------------------------------------------------------------------------------------
def test_haircuts_are_between_a_debts_value_and_a_holdings():
    listing = Listing(True, False, 1, COIN_ID)
    assert haircut_of(listing, BOTH) == 10_000 - 6_666
    assert haircut_of(Listing(True, False, 1, QUOTE_ID), BOTH) == 0
    assert haircut_of(listing, BOTH[:1]) == haircut_of(listing, [Factor(COIN_ID, 0, 0)]) == 10_000
    assert haircut_of(listing, [Factor(COIN_ID, 3, 2)]) == 0
    assert COIN_FACTOR.asset == COIN_ID


def test_steps_rise_by_phase_haircut_rank_and_address():
    one, other, third = (account(n) for n in (3, 2, 1))
    listings = {one: Listing(True, False, 5, COIN_ID), other: Listing(True, False, 5, COIN_ID),
                third: Listing(True, False, 9, QUOTE_ID)}
    steps = steps_of(listings, BOTH, {(one, Phase.SELL): b"route"})
    assert [step.adapter for step in steps] == [third, other, one] * 3
    assert [step.phase for step in steps] == [phase for phase in Phase for _ in range(3)]
    assert all(a.phase <= b.phase for a, b in pairwise(steps))
    assert [step.data for step in steps if step.data] == [b"route"]
    assert Terms(200, 30).pay(1_000) == 20
    assert Terms(200, 30).pay(10_000, 12) == 18
