"""Live time, finality, freezing and the breaker of the oracle."""

from __future__ import annotations

import math
import random

import pytest
from oracle_world import BLOCKS, DAY, FINALITY, HOUR, LAYOUT, LIMITS, MARKS, MINUTE, build_oracle_world
from world import refused, started

from verifier_contracts.errors import ContractRefused
from verifier_contracts.events import read_events


@pytest.fixture
def calm(oracles):
    """Epochs may be a day apart, so that none is missing while a test waits."""
    oracles.set_limits(heartbeat=DAY)
    return oracles


def told(oracles, receipt):
    """The oracle's events of a transaction."""
    return [(event.name, dict(event.arguments)) for event in read_events(
        oracles.chain, {"oracle": oracles.oracle}, receipt.block).events]


# -- finality ----------------------------------------------------------------------------------------------------------
@pytest.mark.both_chains
def test_an_epoch_is_final_after_twenty_live_minutes_and_blocks(calm):
    content = calm.publish()
    live = calm.oracle.facts_of(content.id).live_at
    calm.mine(BLOCKS)
    calm.later(FINALITY - (calm.oracle.live_time() - live) - 1)
    assert calm.oracle.live_time() == live + FINALITY - 1
    assert not calm.oracle.is_final(content.id)
    assert calm.oracle.latest_final_epoch_id() == 0
    calm.later(1)
    assert calm.oracle.is_final(content.id)
    assert calm.oracle.latest_final_epoch_id() == content.id


def test_time_alone_is_not_enough(calm):
    content = calm.publish()
    block = calm.oracle.facts_of(content.id).block_number
    height = calm.chain.web3.eth.block_number
    assert height == block
    calm.later(HOUR)
    calm.mine(BLOCKS - 1 - (calm.chain.web3.eth.block_number - height))
    assert calm.chain.web3.eth.block_number == block + BLOCKS - 1
    assert not calm.oracle.is_final(content.id)
    calm.mine(1)
    assert calm.oracle.is_final(content.id)


def test_the_last_final_epoch_stands_in(calm):
    first = calm.publish()
    calm.settle()
    second, third = calm.next(), calm.next()
    assert calm.oracle.latest_final_epoch_id() == first.id
    calm.settle()
    assert calm.oracle.latest_final_epoch_id() == third.id
    calm.oracle.hold(third.id, HOUR, sender=calm.guardian)
    assert not calm.oracle.is_final(third.id)
    assert calm.oracle.latest_final_epoch_id() == second.id
    assert calm.oracle.latest_epoch_id() == third.id
    calm.later(HOUR + 1)
    assert calm.oracle.latest_final_epoch_id() == third.id


# -- freezing ----------------------------------------------------------------------------------------------------------
def test_a_guardian_freezes_for_two_hours(calm):
    content = calm.publish()
    with refused("AccessManagedUnauthorized"):
        calm.oracle.hold(content.id, HOUR, sender=calm.relayer)
    for wrong in (0, 2 * HOUR + 1):
        with refused("HoldTooLong"):
            calm.oracle.hold(content.id, wrong, sender=calm.guardian)
    with refused("UnknownEpoch"):
        calm.oracle.hold(content.id + 1, HOUR, sender=calm.guardian)
    receipt = calm.oracle.hold(content.id, 2 * HOUR, sender=calm.guardian)
    until = calm.oracle.facts_of(content.id).held_until
    assert until == calm.chain.now() + 2 * HOUR
    assert told(calm, receipt) == [("EpochHeld", {"epochId": content.id, "until": until})]
    with refused("FrozenEpoch"):
        calm.oracle.root_of(content.id)
    with refused("FrozenEpoch"):
        calm.oracle.hold(content.id, HOUR, sender=calm.guardian)
    assert calm.oracle.stored_root_of(content.id) == (content.root, False)
    calm.chain.travel_to(until)
    with refused("FrozenEpoch"):
        calm.oracle.root_of(content.id)
    calm.chain.travel_to(until + 1)
    assert calm.oracle.root_of(content.id) == content.root
    with refused("AlreadyHeld"):
        calm.oracle.hold(content.id, HOUR, sender=calm.guardian)


def test_six_freezes_in_seven_days(calm):
    epochs = [calm.publish(), *(calm.next() for _ in range(7))]
    calm.oracle.hold(epochs[0].id, 1, sender=calm.guardian)
    first = calm.chain.now()
    for content in epochs[1:6]:
        calm.later(10)
        calm.oracle.hold(content.id, 1, sender=calm.guardian)
    with refused("HeldTooOften"):
        calm.oracle.hold(epochs[6].id, 1, sender=calm.guardian)
    calm.chain.travel_to(first + 7 * DAY - 3)
    with refused("HeldTooOften"):
        calm.oracle.hold(epochs[6].id, 1, sender=calm.guardian)
    calm.chain.travel_to(first + 7 * DAY - 1)                                # the next block is a second later
    calm.oracle.hold(epochs[6].id, 1, sender=calm.guardian)
    with refused("HeldTooOften"):                                            # the second was ten seconds later
        calm.oracle.hold(epochs[7].id, 1, sender=calm.guardian)


def test_a_quorum_freezes_for_good(calm):
    content = calm.publish()
    message = calm.oracle.domain.freeze(content.id)
    calm.oracle.hold(content.id, 10, sender=calm.guardian)
    with refused("QuorumNotMet"):
        calm.oracle.freeze(content.id, 1, calm.signatures(message, (0, 1)))
    with refused("WrongSigner"):
        calm.oracle.freeze(content.id, 1, calm.signatures(calm.oracle.domain.freeze(content.id + 1)))
    with refused("UnknownEpoch"):
        calm.oracle.freeze(content.id + 1, 1, calm.signatures(calm.oracle.domain.freeze(content.id + 1)))
    receipt = calm.oracle.freeze(content.id, 1, calm.signatures(message))
    assert told(calm, receipt) == [("EpochFrozen", {"epochId": content.id})]
    calm.later(DAY)
    with refused("FrozenEpoch"):
        calm.oracle.root_of(content.id)
    assert calm.oracle.stored_root_of(content.id) == (content.root, True)
    assert not calm.oracle.is_final(content.id)
    with refused("FrozenEpoch"):
        calm.oracle.freeze(content.id, 1, calm.signatures(message))
    with refused("FrozenEpoch"):
        calm.oracle.hold(content.id, 10, sender=calm.guardian)


# -- live time ---------------------------------------------------------------------------------------------------------
def lost_over(oracles, seconds: int) -> int:
    """Seconds that live time loses while these pass; the call's own clock cancels out."""
    before = oracles.chain.now() - oracles.oracle.live_time()
    oracles.later(seconds)
    return oracles.chain.now() - oracles.oracle.live_time() - before


@pytest.mark.both_chains
def test_live_time_is_wall_time_while_all_is_well(calm):
    calm.publish()
    assert lost_over(calm, HOUR) == 0


def test_a_stop_counts_in_full_and_lapses(calm):
    calm.publish()
    with refused("AccessManagedUnauthorized"):
        calm.govern("stopClock", HOUR, sender=calm.relayer)
    for wrong in (0, DAY + 1):
        with refused("StopTooLong"):
            calm.govern("stopClock", wrong, sender=calm.vault)
    calm.govern("stopClock", DAY, sender=calm.vault)
    start = calm.chain.now()
    assert lost_over(calm, 8 * HOUR) == 8 * HOUR                            # more than any other stop may
    calm.set_limits(heartbeat=DAY)
    calm.publish()                                                          # which puts it behind
    calm.chain.travel_to(start + DAY + HOUR)
    calm.publish()
    assert calm.chain.now() - calm.oracle.live_time() in (DAY, DAY - 1)


def test_one_stop_in_seven_days(calm):
    calm.govern("stopClock", HOUR, sender=calm.vault)
    start = calm.chain.now()
    calm.chain.travel_to(start + 7 * DAY - 1)
    with refused("StoppedTooRecently"):
        calm.oracle.check("stopClock", HOUR, sender=calm.vault)
    calm.chain.travel_to(start + 7 * DAY)
    calm.oracle.check("stopClock", HOUR, sender=calm.vault)


def test_a_stop_forgets_nothing_of_the_one_before(calm):
    """Nothing has settled the clock since then."""
    calm.publish()
    calm.govern("stopClock", HOUR, sender=calm.vault)
    calm.later(7 * DAY)
    before = calm.oracle.live_time()
    calm.govern("stopClock", HOUR, sender=calm.vault)
    assert 0 <= calm.oracle.live_time() - before <= 2


def test_a_stop_ends_early(calm):
    with refused("ClockNotStopped"):
        calm.govern("resumeClock", sender=calm.vault)
    calm.govern("stopClock", HOUR, sender=calm.vault)
    calm.later(100)
    with refused("AccessManagedUnauthorized"):
        calm.govern("resumeClock", sender=calm.relayer)
    calm.govern("resumeClock", sender=calm.vault)
    assert lost_over(calm, 2 * HOUR) == 0
    assert 100 <= calm.chain.now() - calm.oracle.live_time() <= 102
    with refused("ClockNotStopped"):
        calm.govern("resumeClock", sender=calm.vault)


def test_a_stop_that_has_lapsed_is_not_ended(calm):
    calm.govern("stopClock", HOUR, sender=calm.vault)
    end = calm.chain.now() + HOUR
    calm.chain.travel_to(end - 1)
    calm.oracle.check("resumeClock", sender=calm.vault)
    calm.chain.travel_to(end)
    with refused("ClockNotStopped"):
        calm.oracle.check("resumeClock", sender=calm.vault)


def test_credit_comes_back_only_before_the_first_of_several_stops(calm):
    """Of a trip, and of epochs that are missing long after it."""
    first = calm.publish()
    calm.oracle.hold(first.id, MINUTE, sender=calm.guardian)
    calm.later(7 * HOUR)                                                     # all credit is gone
    calm.publish()
    calm.next(4 * HOUR, marks=(2 * MARKS[0], MARKS[1]))
    assert HOUR <= lost_over(calm, DAY + 5 * HOUR) <= HOUR + MINUTE          # four running hours gave one


def test_credit_comes_back_after_a_stop_that_a_trip_fell_into(calm):
    """The stop, when it ends early, is put behind with all that was in it: running hours count again from there."""
    first = calm.publish()
    calm.oracle.hold(first.id, MINUTE, sender=calm.guardian)
    calm.later(7 * HOUR)                                                     # all credit is gone
    calm.publish()
    calm.govern("stopClock", DAY, sender=calm.vault)
    second = calm.next(marks=(2 * MARKS[0], MARKS[1]))
    calm.later(7 * HOUR)
    assert not calm.oracle.is_tripped()
    calm.govern("resumeClock", sender=calm.vault)
    calm.later(8 * HOUR)
    calm.oracle.hold(second.id, MINUTE, sender=calm.guardian)
    assert 2 * HOUR <= lost_over(calm, 5 * HOUR) <= 2 * HOUR + 2 * MINUTE    # eight running hours gave two


def test_missing_epochs_stop_it_for_six_hours(oracles):
    oracles.publish()
    assert lost_over(oracles, LIMITS.heartbeat) <= 1
    assert lost_over(oracles, 5 * HOUR) == 5 * HOUR
    assert 6 * HOUR - 2 <= 5 * HOUR + lost_over(oracles, 3 * HOUR) <= 6 * HOUR
    assert lost_over(oracles, 3 * HOUR) == 0
    before = oracles.oracle.live_time()
    oracles.publish()
    assert 0 <= oracles.oracle.live_time() - before <= 2                    # what was lost stays lost, and no more
    assert lost_over(oracles, LIMITS.heartbeat - 5) == 0


def test_a_heartbeat_is_counted_from_publication(oracles):
    """Not from the epoch's own time."""
    oracles.later(LIMITS.heartbeat)
    now = oracles.chain.now()
    oracles.publish(id=now - LIMITS.heartbeat + 100, deadline=now + 600)
    assert lost_over(oracles, LIMITS.heartbeat - 5) == 0


def test_a_new_oracle_has_all_its_credit():
    with started() as chain:
        new = build_oracle_world(chain, LAYOUT)
        new.publish()
        new.later(LIMITS.heartbeat + 5)
        assert 6 * HOUR - 10 <= lost_over(new, DAY) <= 6 * HOUR


def test_credit_comes_back_slowly(oracles):
    """Six hours a day: halting over and over gains no more than a quarter of the time."""
    oracles.publish()
    oracles.later(LIMITS.heartbeat + 10 * HOUR)                             # all credit is gone
    oracles.set_limits(heartbeat=4 * HOUR)
    oracles.publish()
    oracles.later(4 * HOUR)
    assert HOUR - 3 <= lost_over(oracles, 5 * HOUR) <= HOUR + 3             # four running hours gave one


def test_a_frozen_newest_epoch_is_a_missing_one(calm):
    content = calm.publish()
    calm.later(100)
    calm.oracle.hold(content.id, MINUTE, sender=calm.guardian)
    # also after it stands again: no new one came
    assert lost_over(calm, 3 * HOUR) == 3 * HOUR
    second = calm.publish()
    assert lost_over(calm, HOUR) == 0
    calm.oracle.freeze(content.id, 1, calm.signatures(calm.oracle.domain.freeze(content.id)))
    assert lost_over(calm, HOUR) == 0                                       # an older one does not matter
    calm.oracle.freeze(second.id, 1, calm.signatures(calm.oracle.domain.freeze(second.id)))
    assert lost_over(calm, HOUR) == HOUR


def test_a_trip_stops_it_for_six_hours(calm):
    calm.publish()
    calm.next(marks=(2 * MARKS[0], MARKS[1]))
    assert calm.oracle.is_tripped()
    assert lost_over(calm, 5 * HOUR) == 5 * HOUR
    assert HOUR - 2 <= lost_over(calm, 3 * HOUR) <= HOUR
    assert not calm.oracle.is_tripped()


def test_what_overlaps_counts_once(calm):
    calm.publish()
    calm.next(marks=(2 * MARKS[0], MARKS[1]))
    calm.govern("stopClock", 2 * HOUR, sender=calm.vault)
    calm.oracle.freeze(calm.oracle.latest_epoch_id(), 1,
                       calm.signatures(calm.oracle.domain.freeze(calm.oracle.latest_epoch_id())))
    assert lost_over(calm, HOUR) == HOUR
    assert lost_over(calm, HOUR) == HOUR
    assert lost_over(calm, HOUR) == HOUR
    assert 5 * HOUR - 5 <= lost_over(calm, 10 * HOUR) <= 5 * HOUR            # the stop took nothing of their credit


def test_live_time_never_runs_backwards_nor_ahead(oracles):
    """Random epochs, trips, freezes, stops and waiting."""
    rng = random.Random(11)
    oracles.publish()
    last, wall = oracles.oracle.live_time(), oracles.chain.now()
    for _ in range(60):
        action = rng.choice(["epoch", "jump", "stop", "resume", "hold", "reset", "wait", "wait"])
        try:
            if action in ("epoch", "jump"):
                marks = MARKS if action == "epoch" else (rng.randrange(1, 2**40), MARKS[1])
                oracles.publish(marks=marks)
            elif action == "stop":
                oracles.govern("stopClock", rng.randrange(1, DAY), sender=oracles.vault)
            elif action == "resume":
                oracles.govern("resumeClock", sender=oracles.vault)
            elif action == "hold":
                oracles.oracle.hold(oracles.oracle.latest_epoch_id(), HOUR, sender=oracles.guardian)
            elif action == "reset":
                oracles.oracle.reset_breaker()
        except ContractRefused:
            pass                                                             # part of the story
        live, now = oracles.oracle.live_time(), oracles.chain.now()
        assert 0 <= live - last <= now - wall + 1, action
        last, wall = live, now
        oracles.later(rng.choice([1, 250, 700, 2 * HOUR, 9 * HOUR]))
        live, now = oracles.oracle.live_time(), oracles.chain.now()
        assert 0 <= live - last <= now - wall + 1, action
        last, wall = live, now


# -- the breaker: moves and regimes ------------------------------------------------------------------------------------
def limit_after(seconds: int, mark: int = MARKS[0], bps: int = 1_000) -> int:
    """The largest move that does not trip: |Δ| <= limit · mark · sqrt(t / 1 h)."""
    return math.isqrt(mark * mark * bps * bps * seconds // (3_600 * 10**8))


@pytest.mark.parametrize("seconds", [300, 900, 1_200])                      # of 900 the root is exact
@pytest.mark.parametrize("sign", [1, -1])
def test_the_largest_move_and_the_next(calm, seconds, sign):
    first = calm.publish()
    for beyond, trips in ((0, False), (1, True)):
        snapshot = calm.chain.snapshot()
        calm.later(seconds + 5)
        now = first.id + seconds
        calm.publish(id=now, deadline=now + HOUR, marks=(MARKS[0] + sign * (limit_after(seconds) + beyond), MARKS[1]))
        assert calm.oracle.is_tripped() is trips
        calm.chain.restore(snapshot)


@pytest.mark.parametrize("lane", range(4))
def test_each_mark_has_a_limit_of_its_own(calm, lane):
    limits = [2_000] * 4
    limits[lane] = 100
    calm.set_limits(heartbeat=DAY, move_limits=tuple(limits))
    marks = (10**9, 10**9, 10**9, 10**9)
    calm.publish(marks=marks)
    moved = [*marks]
    moved[lane] += 10**9 // 100
    others = [mark + 10**9 // 100 for mark in marks]
    others[lane] = marks[lane]
    calm.next(HOUR // 2, marks=tuple(others))
    assert not calm.oracle.is_tripped()
    calm.next(HOUR // 2, marks=tuple(moved))
    assert calm.oracle.is_tripped()


def test_marks_come_and_go(calm):
    calm.set_limits(heartbeat=DAY, move_limits=(65_535,) * 4)
    calm.publish(marks=(MARKS[0],))
    calm.next(marks=MARKS)
    assert not calm.oracle.is_tripped()
    calm.next(40 * HOUR // 2, marks=(MARKS[0],))                             # even where any move is allowed
    assert calm.oracle.is_tripped()


@pytest.mark.parametrize(("before", "after", "trips"), [(0, 1, False), (1, 0, False), (0, 2, True), (3, 1, True),
                                                        (2, 2, False), (0, 65_535, True)])
def test_the_regime_jumps_by_one_at_most(calm, before, after, trips):
    calm.publish(regime=before)
    calm.next(regime=after)
    assert calm.oracle.is_tripped() is trips


def test_the_first_epoch_has_nothing_to_jump_from(calm):
    calm.publish(regime=7, marks=(1, 2, 3, 4))
    assert not calm.oracle.is_tripped()


# -- the breaker: references -------------------------------------------------------------------------------------------
def test_a_deviation_trips_it(calm):
    feed = calm.reference(deviation=500)
    calm.publish()
    largest = MARKS[0] * 10_000 // 9_500                                    # a reference that is 5 % higher, of itself
    calm.quote(feed, largest)
    with refused("NoDeviation"):
        calm.oracle.check_reference(0)
    calm.quote(feed, largest + 2)
    calm.oracle.check_reference(0, sender=calm.relayer)
    assert calm.oracle.is_tripped()


def test_a_deviation_downwards(calm):
    feed = calm.reference(deviation=500)
    calm.publish()
    calm.quote(feed, -(-MARKS[0] * 10_000 // 10_500))
    with refused("NoDeviation"):
        calm.oracle.check_reference(0)
    calm.quote(feed, MARKS[0] * 10_000 // 10_500 - 1)
    calm.oracle.check_reference(0)


def test_a_deviation_is_allowed_to_the_unit(calm):
    feed = calm.reference(deviation=2_500)
    calm.publish()
    calm.quote(feed, MARKS[0] * 4 // 5)                                     # a quarter of itself below the mark
    with refused("NoDeviation"):
        calm.oracle.check_reference(0)
    calm.quote(feed, MARKS[0] * 4 // 5 - 1)
    calm.oracle.check_reference(0)


def test_a_dead_reference_never_trips(calm):
    feed = calm.reference()
    calm.publish()
    far = 2 * MARKS[0]
    for price, updated, mood in ((far, calm.chain.now() - HOUR - 5, 0), (far, calm.chain.now() + DAY, 0), (0, None, 0),
                                 (-far, None, 0), (1 << 200, None, 0), (far, None, 1), (far, None, 3)):
        calm.quote(feed, price, updated=updated, mood=mood)
        with refused("NoDeviation"):
            calm.oracle.check_reference(0)
    calm.govern("setReference", 0, 0, (calm.relayer, 8, HOUR, 500))         # an address without code
    with refused("NoDeviation"):
        calm.oracle.check_reference(0)
    with refused("NoDeviation"):                                             # nothing to compare with
        calm.oracle.check_reference(1)
    with refused("UnknownLane"):
        calm.oracle.check_reference(4)


@pytest.mark.both_chains
def test_a_silent_failure_is_no_answer(calm):
    """A caller who gives too little gas makes a living reference fail without a word."""
    feed, other = calm.reference(), calm.reference(0, 1)
    calm.publish()
    calm.quote(feed, MARKS[0], mood=2)
    calm.quote(other, 2 * MARKS[0])
    with refused("ReferenceSilent"):
        calm.oracle.check_reference(0)


def test_one_of_two_that_agrees_is_enough(calm):
    feed, other = calm.reference(), calm.reference(0, 1)
    calm.publish()
    for first, second in ((feed, other), (other, feed)):
        calm.quote(first, 2 * MARKS[0])
        calm.quote(second, MARKS[0])
        with refused("NoDeviation"):
            calm.oracle.check_reference(0)
    calm.quote(feed, 2 * MARKS[0])
    calm.oracle.check_reference(0)


@pytest.mark.parametrize("dead", range(2))
def test_a_dead_one_of_two_stops_nothing(calm, dead):
    feeds = [calm.reference(), calm.reference(0, 1)]
    calm.publish()
    for place, feed in enumerate(feeds):
        calm.quote(feed, 2 * MARKS[0], updated=calm.chain.now() - 2 * HOUR * (place == dead))
    calm.oracle.check_reference(0)
    assert calm.oracle.is_tripped()


def test_a_mark_without_a_price_is_not_compared(calm):
    feed = calm.reference(2)
    calm.publish()
    calm.quote(feed, 100)
    with refused("NoDeviation"):
        calm.oracle.check_reference(2)


def test_a_reference_lives_to_the_last_second_of_its_age(calm):
    feed = calm.reference()
    calm.publish()
    updated = calm.chain.now()
    calm.quote(feed, 2 * MARKS[0], updated=updated)
    calm.chain.travel_to(updated + HOUR)
    calm.oracle.check("checkReference", 0)
    calm.chain.travel_to(updated + HOUR + 1)
    with refused("NoDeviation"):
        calm.oracle.check("checkReference", 0)


# -- the breaker: reset ------------------------------------------------------------------------------------------------
def tripped(oracles):
    """A tripped breaker, and a reference that agrees."""
    feed = oracles.reference()
    oracles.publish()
    oracles.next(marks=(2 * MARKS[0], MARKS[1]))
    oracles.quote(feed, 2 * MARKS[0])
    return feed


def test_a_trip_says_why_and_until_when_and_lapses_then(calm):
    calm.publish()
    calm.later(300)
    content = calm.content(marks=(2 * MARKS[0], MARKS[1]))
    receipt = calm.bring(content)
    until = calm.chain.now() + 6 * HOUR
    (trip,) = [arguments for name, arguments in told(calm, receipt) if name == "BreakerTripped"]
    assert trip == {"cause": 0, "epochId": content.id, "until": until}
    calm.chain.travel_to(until - 1)
    assert calm.oracle.is_tripped()
    calm.chain.travel_to(until)
    assert not calm.oracle.is_tripped()


def test_it_resets_after_half_an_hour(calm):
    with refused("NotTripped"):
        calm.oracle.reset_breaker()
    feed = tripped(calm)
    at = calm.chain.now() - 1
    with refused("NotCalm"):
        calm.oracle.reset_breaker()
    calm.quote(feed, 2 * MARKS[0])
    calm.chain.travel_to(at + 30 * MINUTE - 1)
    with refused("NotCalm"):
        calm.oracle.check("resetBreaker")
    calm.chain.travel_to(at + 30 * MINUTE)
    calm.oracle.check("resetBreaker")
    live = calm.oracle.live_time()
    calm.oracle.reset_breaker(sender=calm.relayer)
    assert 0 <= calm.oracle.live_time() - live <= 2                          # what the trip stopped stays stopped
    assert not calm.oracle.is_tripped()
    assert lost_over(calm, HOUR) == 0
    with refused("NotTripped"):
        calm.oracle.reset_breaker()


def test_it_resets_after_two_calm_epochs(calm):
    tripped(calm)
    marks = (2 * MARKS[0], MARKS[1])
    calm.next(marks=marks)
    with refused("NotCalm"):
        calm.oracle.reset_breaker()
    calm.next(marks=marks)
    calm.oracle.reset_breaker()
    assert not calm.oracle.is_tripped()


def test_another_trip_begins_anew(calm):
    feed = tripped(calm)
    calm.next(marks=(2 * MARKS[0], MARKS[1]))
    # tripped again: calm epochs count from here
    calm.next(marks=(4 * MARKS[0], MARKS[1]))
    calm.next(marks=(4 * MARKS[0], MARKS[1]))
    calm.quote(feed, 4 * MARKS[0])
    with refused("NotCalm"):
        calm.oracle.reset_breaker()
    calm.next(marks=(4 * MARKS[0], MARKS[1]))
    calm.oracle.reset_breaker()


@pytest.mark.parametrize("price", [None, MARKS[0]])
def test_a_reset_wants_a_reference_that_lives_and_agrees_for_six_hours(calm, price):
    feed = tripped(calm)
    at = calm.chain.now()
    calm.later(2 * HOUR)
    if price is not None:
        calm.quote(feed, price)
    with refused("ReferenceDisagrees"):
        calm.oracle.reset_breaker()
    calm.chain.travel_to(at + 6 * HOUR - 10)
    assert calm.oracle.is_tripped()
    calm.chain.travel_to(at + 6 * HOUR + 1)
    assert not calm.oracle.is_tripped()


def test_without_any_reference_only_time_resets(calm):
    calm.publish()
    calm.next(marks=(2 * MARKS[0], MARKS[1]))
    calm.later(HOUR)
    with refused("NoReference"):
        calm.oracle.reset_breaker()


def test_every_reference_must_agree(calm):
    feed = calm.reference(1)
    tripped(calm)
    calm.quote(feed, 2 * MARKS[1])
    calm.later(HOUR - 60)
    calm.govern("setReference", 0, 0, (calm.oracle.read("referenceOf", 0, 0)[0], 8, DAY, 500))
    with refused("ReferenceDisagrees"):
        calm.oracle.reset_breaker()
    calm.quote(feed, MARKS[1])
    calm.oracle.reset_breaker()


def test_a_trip_after_a_lapse_is_a_new_one(calm):
    calm.publish()
    calm.next(marks=(2 * MARKS[0], MARKS[1]))
    calm.later(10 * HOUR)
    assert not calm.oracle.is_tripped()
    calm.next(marks=(20 * MARKS[0], MARKS[1]))
    assert calm.oracle.is_tripped()
    assert lost_over(calm, 20 * HOUR) < 6 * HOUR                             # credit that came back in ten hours


# -- limits ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("changes", [
    {"required_lag": 0}, {"required_lag": 30 * DAY + 1}, {"min_interval": 59}, {"min_interval": HOUR + 1,
                                                                                "heartbeat": DAY},
    {"heartbeat": 239}, {"heartbeat": DAY + 1}, {"move_limits": (99, 1_000, 1_000, 1_000)},
    {"move_limits": (1_000, 1_000, 1_000, 0)}])
def test_limits_have_bounds(oracles, changes):
    with refused("LimitOutOfBound"):
        oracles.set_limits(**changes)
    with refused("LimitOutOfBound" if set(changes) == {"move_limits"} or changes.get("required_lag", 0) > 13_200
                 else "NotTighter"):
        oracles.govern("tightenLimits", LIMITS._replace(**changes).words(), sender=oracles.risk)


@pytest.mark.parametrize("changes", [
    {"required_lag": 1}, {"required_lag": 30 * DAY}, {"min_interval": MINUTE},
    {"min_interval": HOUR, "heartbeat": HOUR}, {"heartbeat": 240}, {"heartbeat": DAY},
    {"move_limits": (100, 1_000, 1_000, 100)}])
def test_limits_reach_their_bounds(oracles, changes):
    limits = LIMITS._replace(**changes)
    oracles.set_limits(**changes)
    assert (oracles.oracle.required_lag(), oracles.oracle.read("minInterval"), oracles.oracle.read("heartbeat"),
            oracles.oracle.read("moveLimits")) == limits.words()


def test_limits_tighten_once_a_day(oracles):
    tighter = LIMITS._replace(required_lag=14_000, move_limits=(900, 1_000, 1_000, 1_000))
    with refused("AccessManagedUnauthorized"):
        oracles.govern("tightenLimits", tighter.words(), sender=oracles.guardian)
    with refused("AccessManagedUnauthorized"):
        oracles.govern("setLimits", tighter.words(), sender=oracles.risk)
    for looser in ({"required_lag": 13_199}, {"min_interval": 241}, {"heartbeat": 601},
                   {"move_limits": (1_000, 1_000, 1_001, 1_000)}):
        with refused("NotTighter"):
            oracles.govern("tightenLimits", LIMITS._replace(**looser).words(), sender=oracles.risk)
    oracles.govern("tightenLimits", tighter.words(), sender=oracles.risk)
    at = oracles.chain.now()
    assert oracles.oracle.announced_lag() == 14_000
    assert oracles.oracle.read("moveLimits") == tighter.words()[3]
    oracles.chain.travel_to(at + DAY - 1)
    with refused("TightenedTooRecently"):
        oracles.oracle.check("tightenLimits", tighter.words(), sender=oracles.risk)
    oracles.chain.travel_to(at + DAY)
    oracles.oracle.check("tightenLimits", tighter.words(), sender=oracles.risk)
    with refused("NotTighter"):                                              # an announced lag is not taken back either
        oracles.govern("tightenLimits", tighter._replace(required_lag=13_900).words(), sender=oracles.risk)
    oracles.govern("tightenLimits", tighter.words(), sender=oracles.risk)


@pytest.mark.parametrize("source", [(19, HOUR, 500), (8, 0, 500), (8, HOUR, 0)])
def test_references_are_sensible(oracles, source):
    with refused("LimitOutOfBound"):
        oracles.govern("setReference", 0, 0, (oracles.relayer, *source))
    oracles.govern("setReference", 0, 0, (oracles.relayer, 18, 1, 1))


def test_references_have_places(oracles):
    for lane, place in ((4, 0), (0, 2)):
        with refused("UnknownLane"):
            oracles.govern("setReference", lane, place, (oracles.relayer, 8, HOUR, 500))
    with refused("AccessManagedUnauthorized"):
        oracles.govern("setReference", 0, 0, (oracles.relayer, 8, HOUR, 500), sender=oracles.risk)
