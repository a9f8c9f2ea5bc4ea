"""Accounts that nobody covers are called: when, in what order, how many; and what a called account may still do."""

from __future__ import annotations

import pytest
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from ledger_world import BUFFERS, LIVES
from liquidation_world import ANYBODY, COVER, DAY, FACTORS, HOUR, MARGIN, MINUTE, NONE, LiquidationWorld, refused
from revmchain import account

PATIENCE = 30 * MINUTE


def covered(w: LiquidationWorld, key: LocalAccount | None = None, margin: int = 500, step: int = 1,
            venue: str | None = None) -> str:
    """An account with 1,000 against a margin, covered now."""
    key = key or w.owner_key
    w.register(key, margin, venue)
    w.deposit(key.address, 1_000)
    w.cover(key.address, step)
    return str(key.address)


def until(w: LiquidationWorld, who: str) -> int:
    return int(w.s.ledger("stateOf", who)[5])


def silent(w: LiquidationWorld, who: str) -> None:
    """Its cover has run out; noted at once."""
    while w.now <= until(w, who):
        w.run(min(300, until(w, who) + 1 - w.now))
    epoch, clock = w.s.ledger("stateOf", who)[1], until(w, who)
    if epoch and clock > epoch:
        w.live_to(max(w.live, w.s.oracle("liveAtOf", epoch) + clock - epoch + 1))
    w.silence("noteSilence", who)


def called_by_silence(w: LiquidationWorld) -> str:
    who = covered(w)
    silent(w, who)
    w.live_to(w.live + PATIENCE)
    w.silence("callSilent", w.venue, 1)
    return who


# -- when --------------------------------------------------------------------------------------------------------------
def test_silence_begins_when_the_cover_has_run_out_to_the_second(lw):
    who = covered(lw)
    end = until(lw, who)
    assert end == lw.epoch + LIVES[1]
    while lw.now < end:
        lw.run(min(300, end - lw.now))
    with refused("NotSilent", who):                                         # reduce-only from the next second on
        lw.silence("noteSilence", who)
    lw.run(1)
    assert lw.status(who) == "ReduceOnly"
    lw.silence("noteSilence", who)
    length, first, mass = lw.silence("queueOf", lw.venue)
    assert (length, first[0].lower(), first[1], first[2], mass) == (1, who.lower(), lw.live, end, 0)


def test_what_stops_the_live_clock_makes_a_cover_good_for_longer(lw):
    """R20: an hour without epochs is nobody's silence."""
    who = covered(lw)
    start, at = lw.live, lw.epoch
    lw.wait(HOUR)                                                              # the clock runs for one heartbeat more
    lw.publish()
    stopped = HOUR - (lw.live - start)
    assert stopped == HOUR - 1_200
    lw.run(1)
    assert lw.now > until(lw, who)
    with refused("SilenceTooYoung", who, lw.s.oracle("liveAtOf", at) + LIVES[1]):
        lw.silence("noteSilence", who)
    lw.live_to(lw.s.oracle("liveAtOf", at) + LIVES[1])
    with refused("SilenceTooYoung"):
        lw.silence("noteSilence", who)
    lw.run(1)
    lw.silence("noteSilence", who)


def test_a_cover_that_ends_early_is_no_silence_before_its_time(lw):
    who = covered(lw)
    lw.s.freeze(lw.epoch)
    lw.run(300)
    assert lw.status(who) == "Frozen"
    with refused("SilenceTooYoung", who, until(lw, who)):
        lw.silence("noteSilence", who)


def test_a_call_comes_half_an_hour_of_live_time_after_the_note(lw):
    who = covered(lw)
    silent(lw, who)
    noted = lw.live
    lw.wait(HOUR)                                                                    # epochs are missing
    lw.publish()
    assert lw.live < noted + PATIENCE
    lw.live_to(noted + PATIENCE - 1)
    with refused("NothingToCall", lw.venue):
        lw.silence("callSilent", lw.venue, 1)
    lw.run(1)
    epoch = lw.epoch
    lw.silence("callSilent", lw.venue, 1)
    called, since, by, covered_at, stands = lw.s.ledger("callOf", who)
    assert (called, since, by, stands) == (lw.now, lw.live, epoch, True)
    assert covered_at + LIVES[1] == until_cover(lw, who)
    assert lw.status(who) == "Called"
    assert lw.silence("queueOf", lw.venue)[0] == 0


def until_cover(w: LiquidationWorld, who: str) -> int:
    """Of the cover before: the epoch it was under is the first of all that the world published."""
    return min(w.s.factors) + LIVES[1]


def test_who_is_covered_again_is_passed_by_and_starts_anew(lw):
    who = covered(lw)
    silent(lw, who)
    lw.live_to(lw.live + PATIENCE)
    lw.cover(who)
    lw.silence("callSilent", lw.venue, 5)
    assert lw.status(who) == "Valid"
    assert lw.silence("queueOf", lw.venue)[0] == 0
    while lw.now <= until(lw, who):
        lw.run(min(300, until(lw, who) + 1 - lw.now))
    with refused("NothingToCall"):                                    # the old note is over, whatever its age
        lw.silence("callSilent", lw.venue, 5)
    lw.silence("noteSilence", who)


def test_a_cover_between_note_and_call_makes_the_note_another_silences(lw):
    who = covered(lw)
    silent(lw, who)
    lw.live_to(lw.live + PATIENCE)
    lw.cover(who, step=0)
    while lw.now <= until(lw, who):
        lw.run(min(300, until(lw, who) + 1 - lw.now))
    lw.silence("noteSilence", who)
    assert lw.silence("queueOf", lw.venue)[0] == 2
    lw.silence("callSilent", lw.venue, 5)
    assert lw.status(who) == "ReduceOnly"
    assert lw.silence("queueOf", lw.venue)[0] == 1
    with refused("AlreadyNoted", who):                                              # the newer note stands
        lw.silence("noteSilence", who)


def test_a_note_is_of_the_silence_that_it_was_made_in(lw):
    """Covered since, and silent again: half an hour after the old note is none after the new silence."""
    who = covered(lw)
    silent(lw, who)
    lw.live_to(lw.live + PATIENCE)
    lw.cover(who, step=0)
    while lw.now <= until(lw, who):
        lw.run(min(300, until(lw, who) + 1 - lw.now))
    lw.silence("callSilent", lw.venue, 5)
    assert lw.status(who) == "ReduceOnly"
    assert lw.silence("queueOf", lw.venue)[0] == 0


def test_who_was_never_covered_has_the_time_of_a_cover(lw):
    lw.register(lw.owner_key, 500)
    end = until(lw, lw.owner)
    assert end == lw.now + LIVES[0]
    while lw.now < end:
        lw.run(min(300, end - lw.now))
    with refused("SilenceTooYoung", lw.owner, end):
        lw.silence("noteSilence", lw.owner)
    lw.run(1)
    lw.silence("noteSilence", lw.owner)


def test_one_silence_is_noted_once(lw):
    who = covered(lw)
    silent(lw, who)
    with refused("AlreadyNoted", who):
        lw.silence("noteSilence", who)


def test_a_commitment_that_changes_does_not_end_a_silence(lw):
    """R1: the clock runs from the last cover."""
    who = covered(lw)
    lw.run(30 * MINUTE)
    lw.transition(who, lw.commit_to(900, lw.commitment(who)), NONE)
    assert until(lw, who) == until_cover(lw, who)
    silent(lw, who)
    lw.register(lw.owner_key, 900)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("callSilent", lw.venue, 1)
    assert lw.status(who) == "Called"


# -- never -------------------------------------------------------------------------------------------------------------
def test_flat_void_and_unregistered_accounts_are_never_called(lw):
    flat, void = lw.key("flat"), lw.key("void")
    lw.register(flat, 0)
    lw.s.ledger("attestFlat", flat.address, 1, 0, lw.flat_proof(flat.address, 1, lw.commitment(flat.address)))
    covered(lw, void)
    lw.s.desk("voidCommitment", void.address, sender=lw.venue)
    lw.run(2 * HOUR)
    for who in (flat.address, void.address, ANYBODY):
        with refused("NotSilent", who):
            lw.silence("noteSilence", who)
    for who, error in ((flat.address, "StillCovered"), (void.address, "CommitmentIsVoid"),
                       (ANYBODY, "CommitmentIsVoid")):
        with refused(error, who):
            lw.s.desk("callBySilence", who, sender=lw.s.coordinator)


def test_who_is_found_flat_or_void_between_note_and_call_is_passed_by(lw):
    flat, void = lw.key("flat"), lw.key("void")
    lw.register(flat, 0)
    covered(lw, void)
    lw.run(80 * MINUTE)
    for key in (flat, void):
        silent(lw, key.address)
    lw.live_to(lw.live + PATIENCE)
    lw.s.ledger("attestFlat", flat.address, 1, 0, lw.flat_proof(flat.address, 1, lw.commitment(flat.address)))
    lw.s.desk("voidCommitment", void.address, sender=lw.s.guardian)
    lw.silence("callSilent", lw.venue, 9)
    assert (lw.status(flat.address), lw.status(void.address)) == ("Flat", "NotAttested")
    lw.register(void, 100)                            # whose silence began with its last cover, and is noted anew
    lw.silence("noteSilence", void.address)


def test_without_a_trusted_key_nothing_is_noted_or_called_and_a_new_key_gives_new_time(lw):
    who, other = covered(lw), covered(lw, lw.key("other"))
    silent(lw, who)
    lw.live_to(lw.live + PATIENCE)
    cover = keccak(text="cover")
    lw.s.registry("distrust", cover, 1, sender=lw.s.guardian)
    with refused("NoVerifier"):
        lw.silence("callSilent", lw.venue, 1)
    with refused("NoVerifier"):
        lw.silence("noteSilence", other)
    with refused("NoVerifier"):
        lw.s.desk("callBySilence", who, sender=lw.s.coordinator)
    candidate = lw.s.candidate("cover", 2)
    lw.s.registry("announce", cover, candidate, sender=lw.s.admin)
    lw.run(7 * DAY, every=1_200)
    lw.s.registry("activate", cover, candidate)
    lw.silence("callSilent", lw.venue, 1)                                  # passed by: it was silent about another key
    assert lw.status(who) == "Distrusted"
    lw.silence("noteSilence", who)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("callSilent", lw.venue, 1)
    assert lw.status(who) == "Called"


def test_nothing_is_called_while_the_newest_epoch_is_frozen(lw):
    who = covered(lw)
    silent(lw, who)
    lw.live_to(lw.live + PATIENCE)
    lw.s.freeze(lw.epoch)
    with refused("FrozenEpoch", lw.epoch):
        lw.silence("callSilent", lw.venue, 1)


def test_calls_are_the_desks_to_make_and_the_coordinators_to_ask_for(lw):
    who = covered(lw)
    for sender in (ANYBODY, lw.venue, lw.s.admin, lw.s.guardian):
        with refused("NotDesk", sender):
            lw.s.ledger("markCalled", who, sender=sender)
        with refused("AccessManagedUnauthorized", sender):
            lw.s.desk("callBySilence", who, sender=sender)
    with refused("StillCovered", who):
        lw.s.desk("callBySilence", who, sender=lw.s.coordinator)


# -- how many ----------------------------------------------------------------------------------------------------------
def many(w: LiquidationWorld, count: int, venue: str | None = None, name: str = "one") -> list[str]:
    keys = [w.key(f"{name} {n}") for n in range(count)]
    for key in keys:
        w.register(key, 500, venue)
    return [key.address for key in keys]


def test_one_in_a_hundred_accounts_an_epoch_and_one_at_least(lw):
    people = many(lw, 199)
    lw.run(LIVES[0] + 1)
    for who in people[:4]:
        lw.silence("noteSilence", who)
    lw.live_to(lw.live + PATIENCE)
    lw.publish_now()
    lw.silence("callSilent", lw.venue, 9)
    assert [lw.status(who) for who in people[:4]] == ["Called"] + 3 * ["NotAttested"]
    with refused("NothingToCall"):
        lw.silence("callSilent", lw.venue, 9)
    many(lw, 1, name="the two hundredth")
    lw.publish_now()
    lw.silence("callSilent", lw.venue, 1)                                            # no more than it is asked for
    assert [lw.status(who) for who in people[:4]] == 2 * ["Called"] + 2 * ["NotAttested"]
    lw.silence("callSilent", lw.venue, 9)
    assert [lw.status(who) for who in people[:4]] == 3 * ["Called"] + ["NotAttested"]
    with refused("NothingToCall"):
        lw.silence("callSilent", lw.venue, 9)
    assert lw.silence("calledIn") == lw.epoch
    assert lw.silence("called") == 2


def test_the_limit_is_of_all_venues_together(lw):
    mine, theirs = many(lw, 1), many(lw, 1, lw.s.venues[1].address, "other")
    lw.run(LIVES[0] + 1)
    for who in (*mine, *theirs):
        lw.silence("noteSilence", who)
    lw.live_to(lw.live + PATIENCE)
    lw.publish_now()
    lw.silence("callSilent", lw.s.venues[1].address, 1)
    with refused("NothingToCall"):
        lw.silence("callSilent", lw.venue, 1)
    lw.run(300)
    lw.silence("callSilent", lw.venue, 1)
    assert {lw.status(who) for who in (*mine, *theirs)} == {"Called"}


def test_the_oldest_first(lw):
    people = many(lw, 3)
    lw.run(LIVES[0] + 1)
    for who in reversed(people):
        lw.silence("noteSilence", who)
        lw.run(MINUTE)
    lw.live_to(lw.live + PATIENCE)
    order = []
    while len(order) < 3:
        lw.run(300)
        lw.silence("callSilent", lw.venue, 9)
        order += [who for who in people if lw.status(who) == "Called" and who not in order]
    assert order == people[::-1]


def test_an_account_that_moved_is_called_at_its_new_venue_only(lw):
    (who,) = many(lw, 1)
    lw.run(LIVES[0] + 1)
    lw.silence("noteSilence", who)
    other = lw.s.venues[1].address
    lw.s.desk("moveAccount", who, other, sender=lw.venue)
    lw.register(lw.keys[who], 500, other)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("callSilent", lw.venue, 1)
    assert lw.status(who) == "NotAttested"
    lw.silence("noteSilence", who)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("callSilent", other, 1)
    assert lw.status(who) == "Called"


def test_a_note_that_was_passed_by_at_one_venue_revives_none_at_another(lw):
    (who,) = many(lw, 1)
    other = lw.s.venues[1].address
    lw.run(LIVES[0] + 1)
    lw.silence("noteSilence", who)
    lw.s.desk("moveAccount", who, other, sender=lw.venue)
    lw.register(lw.keys[who], 500, other)
    lw.silence("noteSilence", who)                                        # at the same place as at the first venue
    lw.s.desk("voidCommitment", who, sender=other)
    lw.silence("callSilent", other, 1)
    lw.s.desk("moveAccount", who, lw.venue, sender=other)
    lw.register(lw.keys[who], 500)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("noteSilence", who)
    lw.silence("callSilent", lw.venue, 1)                                               # the first note is over
    with refused("NothingToCall", lw.venue):
        lw.silence("callSilent", lw.venue, 1)


def test_when_many_fall_silent_at_once_only_shortfalls_call_for_six_hours(lw):
    """R21: more than four, and more than a fifth of the venue's accounts, within an hour."""
    people = many(lw, 30)
    lw.run(LIVES[0] + 1)
    for who in people[:6]:
        lw.silence("noteSilence", who)
        lw.run(10 * MINUTE - 1)
    assert lw.silence("queueOf", lw.venue)[2] == 0                                 # six of thirty are a fifth
    lw.silence("noteSilence", people[6])
    stop = lw.silence("queueOf", lw.venue)[2]
    assert stop == lw.live + 6 * HOUR
    with refused("MassSilenceStops", lw.venue, stop):
        lw.silence("callSilent", lw.venue, 9)
    lw.deposit(people[0], 100)
    lw.shortfall(people[0])                                                        # whoever is short is called
    lw.live_to(stop - 1)
    with refused("MassSilenceStops"):
        lw.silence("callSilent", lw.venue, 9)
    lw.run(1)
    lw.silence("callSilent", lw.venue, 9)
    assert lw.status(people[1]) == "Called"
    for who in people[7:15]:                                                       # no second stop on the same day
        lw.silence("noteSilence", who)
    assert lw.silence("queueOf", lw.venue)[2] == stop
    lw.live_to(stop - 6 * HOUR + DAY)
    for who in people[15:22]:
        lw.silence("noteSilence", who)
    assert lw.silence("queueOf", lw.venue)[2] == lw.live + 6 * HOUR


def test_as_many_over_more_than_an_hour_are_no_mass(lw):
    people = many(lw, 30)
    lw.run(LIVES[0] + 1)
    for who in people[:7]:
        lw.silence("noteSilence", who)
        lw.run(10 * MINUTE)
    assert lw.silence("queueOf", lw.venue)[2] == 0


def test_four_of_few_are_no_mass(lw):
    people = many(lw, 5)
    lw.run(LIVES[0] + 1)
    for who in people[:4]:
        lw.silence("noteSilence", who)
    assert lw.silence("queueOf", lw.venue)[2] == 0
    lw.silence("noteSilence", people[4])
    assert lw.silence("queueOf", lw.venue)[2] == lw.live + 6 * HOUR


def test_accounts_are_counted_while_they_have_a_commitment(lw):
    other = lw.s.venues[1].address

    def counts() -> tuple[int, int, int]:
        return (lw.s.desk("accounts"), lw.s.desk("accountsOf", lw.venue), lw.s.desk("accountsOf", other))

    one, two = lw.key("one"), lw.key("two")
    lw.register(one, 100)
    lw.register(two, 100)
    lw.register(two, 200)
    assert counts() == (2, 2, 0)
    lw.s.desk("moveAccount", one.address, other, sender=lw.venue)
    assert counts() == (1, 1, 0)
    lw.register(one, 100, other)
    assert counts() == (2, 1, 1)
    lw.s.desk("voidCommitment", one.address, sender=other)
    lw.s.desk("voidCommitment", one.address, sender=other)
    assert counts() == (1, 1, 0)


# -- calls that fell ---------------------------------------------------------------------------------------------------
def test_a_call_whose_epoch_was_false_gives_way_to_a_shortfall_proof(lw):
    """Else an account that was called falsely could never be called rightly."""
    who = lw.trouble()
    first = lw.s.ledger("callOf", who)
    lw.shortfall(who)                                                                # a call that stands is no other's
    assert lw.s.ledger("callOf", who) == first
    lw.s.freeze(lw.epoch)
    lw.run(300)
    assert lw.s.ledger("callOf", who)[4] is False
    lw.shortfall(who)
    called, since, epoch, covered_at, stands = lw.s.ledger("callOf", who)
    assert (called, since, epoch, stands) == (lw.now, lw.live, lw.epoch, True)
    assert covered_at == first[3]


def test_or_to_silence(lw):
    who = called_by_silence(lw)
    with refused("NotSilent", who):
        lw.silence("noteSilence", who)
    with refused("AccountIsCalled", who):
        lw.s.desk("callBySilence", who, sender=lw.s.coordinator)
    lw.s.freeze(lw.epoch)
    lw.run(300)
    lw.silence("noteSilence", who)
    first = lw.since(who)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("callSilent", lw.venue, 1)
    assert lw.since(who) == lw.live > first
    assert lw.s.ledger("callOf", who)[4] is True


def test_a_call_that_fell_is_noted_in_the_very_second(lw):
    """Its clock is the live time of the call, and no time that a cover has left."""
    who = called_by_silence(lw)
    assert until(lw, who) == lw.live == lw.now
    lw.s.freeze(lw.epoch)
    lw.silence("noteSilence", who)


@pytest.mark.parametrize("step", [1, 3])                                   # a longer cover is no later one
def test_the_time_of_the_last_cover_outlives_the_call(lw, step):
    """Losses are charged to gains from then on."""
    who = covered(lw, step=step)
    at = lw.epoch
    lw.run(40 * MINUTE)
    fresh = lw.key("never covered")
    registered = lw.now
    lw.register(fresh, 1_500)
    lw.deposit(fresh.address, 1_000)
    lw.shortfall(fresh.address)
    lw.register(lw.owner_key, 1_500)
    lw.shortfall(who)
    assert lw.s.ledger("callOf", who)[3] == at
    assert lw.s.ledger("callOf", fresh.address)[3] == registered


# -- what a called account may do ------------------------------------------------------------------------------------
def test_a_call_by_silence_is_cured_at_initial_margin_and_not_below(lw):
    who = called_by_silence(lw)
    with refused("CureAtInitialMargin", 0):
        lw.cover(who, step=0)
    lw.cover(who, step=1)
    assert lw.status(who) == "Valid"


def test_anybody_tops_up_a_called_account_over_the_cap_and_it_is_cured(lw):
    who = lw.trouble(1_000, 1_500)
    lw.s.vault("lowerCap", lw.s.quote.address, 1_000, sender=lw.s.risk)
    with refused("ProofRejected"):
        lw.cover(who)
    with refused("CapExceeded"):
        lw.deposit(account(0x999), 800)
    lw.deposit(who, 800)                                                              # R33
    lw.cover(who)
    assert lw.status(who) == "Valid"
    with refused("CapExceeded"):
        lw.deposit(who, 1)


def test_a_called_account_only_sheds_risk_with_cover(lw):
    who = lw.trouble(1_000, 1_500)
    old = lw.commitment(who)
    smaller = lw.commit_to(100, old)
    with refused("AccountIsCalled", who):
        lw.transition(who, smaller, NONE)
    with refused("AccountIsCalled", who):
        lw.transition(who, smaller, MARGIN)
    with refused("ProofRejected"):
        lw.transition(who, lw.commit_to(1_400, old), COVER)
    lw.transition(who, smaller, COVER)
    assert lw.status(who) == "Valid"


def test_collateral_stays_while_called_and_leaves_flat(lw):
    who = lw.trouble(1_000, 1_500)
    wish = (who, lw.s.quote.address, 10, who, 0, lw.version(who), lw.now)
    action = lw.s.vault("actionHash", wish[1], 10, who, 0)
    proof = lw.side(1, who, lw.epoch, 990, BUFFERS[1], action=action)
    with refused("AccountIsCalled", who):
        lw.s.vault("withdraw", wish, [(lw.epoch, 990, FACTORS, proof)], b"", sender=who)
    empty = lw.key("empty")
    lw.register(empty, 0)
    lw.deposit(empty.address, 50)
    lw.run(LIVES[0] + 1)
    lw.silence("noteSilence", empty.address)
    lw.live_to(lw.live + PATIENCE)
    lw.silence("callSilent", lw.venue, 1)
    assert lw.status(empty.address) == "Called"
    out = (empty.address, lw.s.quote.address, 50, empty.address, 0, 1, lw.now)
    flat = lw.flat_proof(empty.address, 1, lw.commitment(empty.address),
                         lw.s.vault("actionHash", out[1], 50, empty.address, 0))
    lw.s.vault("withdrawFlat", out, flat, b"", sender=empty.address)
    assert lw.value(empty.address) == 0


def test_a_shortfall_is_proven_for_what_there_is_or_more(lw):
    """R10: a deposit of dust kills no proof; a real one does."""
    who = lw.owner
    lw.register(lw.owner_key, 1_500)
    lw.deposit(who, 1_000)
    proof = lw.side(0, who, lw.epoch, 1_005, BUFFERS[0])
    lw.deposit(who, 5)
    lw.deposit(who, 1)
    with refused("ClaimBelowValue", 1_005, 1_006):
        lw.s.ledger("proveShortfall", who, lw.epoch, 1, 1_005, 0, FACTORS, proof)
    lw.shortfall(who, claimed=1_006)
    assert lw.status(who) == "Called"


def test_a_solvent_account_is_not_called_by_proof(lw):
    lw.register(lw.owner_key, 1_000)
    lw.deposit(lw.owner, 1_000)
    with refused("ProofRejected"):
        lw.shortfall(lw.owner)


def test_deployment_names_what_is_missing(lw):
    made = lw.silence.artifact
    for index, name in enumerate(("desk", "ledger")):
        arguments = [lw.s.desk.address, lw.s.ledger.address]
        arguments[index] = ANYBODY
        with refused("SettingMissing", name):
            lw.s.machine.deploy(made, *arguments, sender=lw.s.admin)


@pytest.mark.parametrize("event", ["noted", "called"])
def test_events(lw, event):
    who = covered(lw)
    lw.run(LIVES[1] + 1)
    logs = lw.logs(lw.silence, "noteSilence", who)
    if event == "noted":
        assert logs == [("SilenceNoted", who, lw.venue, lw.live)]
        return
    lw.live_to(lw.live + PATIENCE)
    version = lw.version(who)
    assert lw.logs(lw.silence, "callSilent", lw.venue, 1) == [("AccountCalled", who, lw.epoch, version, 0)]

