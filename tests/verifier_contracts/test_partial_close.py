"""T1: a part of a called account is closed by its venue, in its time, as much as is needed, at a bounded price."""

from __future__ import annotations

import pytest
from ledger_world import BUFFERS, FINAL_AGE
from liquidation_world import (
    ANYBODY,
    BAND,
    CONCESSION,
    COVER,
    DAY,
    FACTORS,
    MINUTE,
    LiquidationWorld,
    refused,
)
from revmsystem import FILLS, digest_of, signed, struct_of

LIQUIDATE, LEAF = 2, 1


@pytest.fixture
def called(lw: LiquidationWorld) -> LiquidationWorld:
    """The owner's account is short by 500 of 1,500, called, and her time is over."""
    lw.to_venue(lw.trouble())
    return lw


def enough(w: LiquidationWorld) -> int:
    """Covered at initial margin (1,000 >= 820 * 1.2), and short of it with the band (1,000 < 820 * 1.25)."""
    return w.commit_to(820, w.commitment(w.owner))


def test_a_part_is_closed_and_the_call_ends(called):
    w, who = called, called.owner
    new, version = enough(w), w.version(w.owner) + 1
    closing = w.closing(who, new, concession=7)
    fills = closing[0]
    logs = w.logs(w.closes, "closePartial", closing)
    assert logs == [
        ("ShortfallShown", who, closing[1][0], version - 1, 1_000),
        ("TransitionForced", who, version, new, fills[3], 123, 7),
        ("AccountCured", who, w.epoch, version),
        ("CoverAttested", who, w.epoch, version, 1_000, w.epoch + 60 * MINUTE),
        ("PartlyClosed", who, w.venue, version, 7, False)]
    assert (w.commitment(who), w.version(who), w.status(who)) == (new, version, "Valid")
    assert int.from_bytes(w.escrow("postedOf", who, new), "big") == 77
    assert w.value(who) == 1_000                                                       # no unit has left
    assert w.closes("concededOf", who) == 7
    assert w.s.ledger("settledByOf", who) == w.now + 60 * MINUTE


def test_all_is_closed_where_nothing_is_left(called):
    w = called
    w.closes("closePartial", w.closing(w.owner, w.commit_to(0, w.commitment(w.owner)), flat=True))
    assert w.status(w.owner) == "Flat"


def test_flat_is_proven(called):
    w = called
    with refused("ProofRejected"):
        w.closes("closePartial", w.closing(w.owner, w.commit_to(1, w.commitment(w.owner)), flat=True))


# -- whose time it is ------------------------------------------------------------------------------------------------
def test_the_first_twenty_live_minutes_are_the_owners_alone_to_the_second(lw):
    who = lw.trouble()
    start = lw.since(who)
    lw.s.vault("pause", LIQUIDATE, 3_000, sender=lw.s.guardian)                 # her time stands still with the clock
    lw.run(3_000)
    assert lw.live == start
    lw.live_to(start + 20 * MINUTE - 1)
    with refused("OwnersTime", who, start + 20 * MINUTE):
        lw.closes("passToVenue", who)
    with refused("OwnersTime"):
        lw.closes("closePartial", lw.closing(who, enough(lw)))
    assert lw.closes("venuesTimeOf", who) == (0, 0)
    lw.run(1)
    assert lw.logs(lw.closes, "passToVenue", who) == [("PassedToVenue", who, lw.venue, lw.live)]
    assert lw.closes("venuesTimeOf", who) == (lw.live, lw.live + 20 * MINUTE)
    at = lw.live
    lw.run(60)
    lw.closes("passToVenue", who)                                                           # once
    assert lw.closes("venuesTimeOf", who)[0] == at


def test_and_until_the_epoch_of_the_call_is_final(lw):
    """R18. A demand gives the epoch as long again."""
    who = lw.trouble()
    epoch = lw.epoch
    lw.s.machine.evm.set_balance(ANYBODY, 10**19)
    lw.s.machine.evm.message_call(ANYBODY, lw.s.court.address, calldata=lw.s.court.data(
        "demandLeaf", epoch, LEAF, 0, (lw.s.content(FACTORS).words(), [], [])),
        value=lw.s.court("bondNeededFor", epoch) or 1)
    lw.live_to(lw.since(who) + 20 * MINUTE - 1)
    lw.run(1)
    with refused("EpochNotFinal", epoch):
        lw.closes("passToVenue", who)


def test_another_call_has_its_own_times(called):
    w, who = called, called.owner
    w.deposit(who, 800)
    w.cover(who)
    w.register(w.owner_key, 3_000)
    w.shortfall(who)
    assert w.closes("venuesTimeOf", who) == (0, 0)
    with refused("OwnersTime"):
        w.closes("passToVenue", who)


def test_only_called_accounts_whose_call_stands(called):
    w, who = called, called.owner
    closing = w.closing(who, enough(w))
    w.s.freeze(w.s.ledger("callOf", who)[2])
    with refused("CallFell", who):
        w.closes("closePartial", closing)
    with refused("NotCalled", ANYBODY):
        w.closes("passToVenue", ANYBODY)
    w.run(300)
    w.deposit(who, 800)
    w.cover(who)
    with refused("NotCalled", who):
        w.closes("closePartial", closing)


def test_not_while_liquidation_is_paused(called):
    w, who = called, called.owner
    closing = w.closing(who, enough(w))
    w.s.vault("pause", LIQUIDATE, 60, sender=w.s.guardian)
    with refused("LiquidationPaused", w.now + 60):
        w.closes("closePartial", closing)


def test_not_while_a_lot_is_open_and_the_owner_may_still_cure(lw):
    who = lw.trouble()
    lw.to_lots(who)
    lot = lw.open_lot(who)
    with refused("LotIsOpen", who, lot):
        lw.closes("closePartial", lw.closing(who, enough(lw)))
    lw.transition(who, enough(lw), COVER)
    assert lw.status(who) == "Valid"


# -- that it was short -----------------------------------------------------------------------------------------------
def test_nothing_is_closed_of_an_account_that_is_not_short(called):
    """R5. The account was called rightly, and tops up until it is above maintenance."""
    w, who = called, called.owner
    w.deposit(who, 500)
    with refused("ProofRejected"):
        w.closes("closePartial", w.closing(who, w.commit_to(1_240, w.commitment(who))))


def test_its_epoch_came_after_the_call(lw):
    who = lw.trouble()
    lw.publish_now()
    lw.live_to(lw.since(who) + 20 * MINUTE)
    called_at = lw.s.ledger("callOf", who)[0]
    early = min(epoch for epoch in lw.s.factors if epoch >= called_at)
    assert early == called_at
    with refused("EpochBeforeCall", early, called_at):
        lw.closes("closePartial", lw.closing(who, enough(lw), short=lw.short(who, early)))


def test_its_epoch_is_final_not_frozen_and_not_old(called):
    w, who = called, called.owner
    fresh = w.epoch
    with refused("EpochNotFinal", fresh):
        w.closes("closePartial", w.closing(who, enough(w), short=w.short(who, fresh)))
    final = w.final_epoch()
    shown = w.short(who, final)
    while w.now < final + FINAL_AGE:
        w.run(min(300, final + FINAL_AGE - w.now))
    w.closes("showShortfall", who, shown)
    w.run(1)
    with refused("StaleEpoch", final, FINAL_AGE):
        w.closes("showShortfall", who, shown)
    w.s.freeze(w.final_epoch())
    frozen = max(e for e in w.s.factors if e < w.now - 20 * MINUTE)
    with refused("EpochNotFinal"):
        w.closes("showShortfall", who, w.short(who, frozen))


@pytest.mark.parametrize("part", ["commitment", "version", "epoch", "manager", "buffer", "side"])
def test_a_shortfall_of_something_else_is_none(called, part):
    w, who = called, called.owner
    epoch = w.final_epoch()
    good = {"who": who, "epoch": epoch, "claimed": 1_000, "buffer": BUFFERS[0], "version": w.version(who),
            "commitment": w.commitment(who), "manager": w.closes}
    bad = good | {"commitment": {"commitment": w.commit_to(9_000)}, "version": {"version": w.version(who) + 1},
                  "epoch": {"epoch": w.epoch}, "manager": {"manager": w.s.ledger}, "buffer": {"buffer": BUFFERS[1]},
                  "side": {}}[part]
    side = 0
    if part == "side":
        w.margins[w.commitment(who)] = 10
        side = 1
    with refused("ProofRejected"):
        w.closes("showShortfall", who, (epoch, 1_000, FACTORS, w.side(side, **bad)))


def test_dust_stops_no_shortfall_and_a_top_up_does(called):
    w, who = called, called.owner
    shown = w.short(who, claimed=1_010)
    w.deposit(who, 10)
    w.closes("showShortfall", who, shown)
    w.deposit(who, 1)
    with refused("ClaimBelowValue", 1_010, 1_011):
        w.closes("closePartial", w.closing(who, enough(w), short=shown))
    with refused("ValueTooWide", 1 << 96, 1 << 96):
        w.closes("showShortfall", who, w.short(who, claimed=1 << 96))


def test_a_shortfall_that_was_shown_is_not_looked_at_again_and_serves_no_other_call(called):
    w, who = called, called.owner
    shown = w.short(who)
    logs = w.logs(w.closes, "showShortfall", who, shown)
    assert logs == [("ShortfallShown", who, shown[0], 1, 1_000)]
    empty = (*shown[:3], [0] * 8)
    assert w.logs(w.closes, "showShortfall", who, empty) == []
    for wrong in ((w.final_epoch(), 1_001, FACTORS, [0] * 8),):
        with refused("ProofRejected"):
            w.closes("showShortfall", who, wrong)
    w.deposit(who, 800)
    w.cover(who)
    w.register(w.owner_key, 3_000)
    w.shortfall(who)
    w.to_venue(who)
    with refused("ProofRejected"):
        w.closes("showShortfall", who, (w.final_epoch(), 1_800, FACTORS, [0] * 8))


def test_a_shortfall_that_was_shown_serves_its_epoch(called):
    w, who = called, called.owner
    w.run(25 * MINUTE)
    one, other = sorted(e for e in w.s.factors if w.s.oracle("isFinal", e) and e > w.now - FINAL_AGE)[-2:]
    w.closes("showShortfall", who, w.short(who, one))
    with refused("ProofRejected"):
        w.closes("showShortfall", who, (other, 1_000, FACTORS, [0] * 8))
    w.closes("showShortfall", who, w.short(who, other))


def test_factors_are_the_epochs(called):
    w, who = called, called.owner
    shown = w.short(who)
    with refused("WrongFactors"):
        w.closes("showShortfall", who, (shown[0], shown[1], [], shown[3]))


# -- the fills -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["another venue", "the owner"])
def test_its_venue_signs(called, who):
    w = called
    key = w.s.venues[1] if who == "another venue" else w.owner_key
    with refused("FillsNotByVenue", w.owner, w.venue):
        w.closes("closePartial", w.closing(w.owner, enough(w), key=key))


def test_fills_signed_for_the_owner_are_forced_on_nobody(called):
    """R2: an unapplied fill is another message."""
    w, who = called, called.owner
    closing = w.closing(who, enough(w))
    f = closing[0]
    ordinary = signed(w.s.venues[0], digest_of("Tailproof CommitmentDesk", w.s.desk.address, struct_of(
        FILLS, [who, w.venue, f[1], f[3], f[4]])))
    with refused("FillsNotByVenue"):
        w.closes("closePartial", ((*f[:7], ordinary, f[8]), *closing[1:]))


@pytest.mark.parametrize("place", [3, 4, 5, 6])
def test_the_venue_signs_digest_cash_concession_and_deadline(called, place):
    w = called
    closing = w.closing(w.owner, enough(w))
    fills = [*closing[0]]
    fills[place] += 1
    with refused("FillsNotByVenue"):
        w.closes("closePartial", (tuple(fills), *closing[1:]))


def test_its_signature_expires_to_the_second(called):
    w = called
    closing = w.closing(w.owner, enough(w), deadline=w.now + 60)
    w.wait(61)
    with refused("TransitionExpired", w.now - 1):
        w.closes("closePartial", closing)
    w.s.machine.at(w.now - 1, w.now // 12)
    w.closes("closePartial", closing)


def test_a_venue_without_its_role_closes_nothing(called):
    w = called
    w.s.authority("revokeRole", 3, w.venue, sender=w.s.admin)
    with refused("VenueWithoutRole", w.owner, w.venue):
        w.closes("closePartial", w.closing(w.owner, enough(w)))


def test_the_commitment_follows_from_the_fills(called):
    w = called
    with refused("ProofRejected"):
        w.closes("closePartial", w.closing(w.owner, w.commit_to(820)))
    closing = w.closing(w.owner, enough(w))
    fills = closing[0]
    for bad, error in (((fills[0], fills[1] + 1, *fills[2:]), "WrongVersion"),
                       ((*fills[:2], 0, *fills[3:]), "CommitmentOutOfField")):
        with refused(error):
            w.closes("closePartial", (bad, *closing[1:]))


def test_nobody_but_the_coordinator_forces_anything(called):
    w = called
    fills = w.closing(w.owner, enough(w))[0]
    for sender in (ANYBODY, w.venue, w.owner, w.s.admin):
        with refused("AccessManagedUnauthorized", sender):
            w.s.desk("forceTransition", fills, sender=sender)
    w.deposit(w.owner, 800)
    w.cover(w.owner)
    with refused("AccountNotCalled", w.owner):
        w.s.desk("forceTransition", fills, sender=w.s.coordinator)


# -- what it is afterwards -------------------------------------------------------------------------------------------
def test_the_new_commitment_is_escrowed(called):
    w, who = called, called.owner
    new = enough(w)
    bad = w.posting(who, w.version(who) + 1, new + 1)
    with refused("PostingRejected"):
        w.closes("closePartial", w.closing(who, new, posting=bad))
    w.escrow("forget", True)
    with refused("NothingEscrowed", who, new):
        w.closes("closePartial", w.closing(who, new))


def test_it_is_covered_at_initial_margin(called):
    w = called
    with refused("ProofRejected"):
        w.closes("closePartial", w.closing(w.owner, w.commit_to(834, w.commitment(w.owner))))
    assert w.status(w.owner) == "Called"
    w.closes("closePartial", w.closing(w.owner, w.commit_to(833, w.commitment(w.owner))))


def test_and_no_more_is_closed_than_that_takes(called):
    """1,000 < M * 1.25 up to M = 801: what is closed beyond is nobody's to close."""
    w = called
    assert 1_000 * 10_000 >= 800 * (10_000 + BUFFERS[1] + BAND)
    with refused("ProofRejected"):
        w.closes("closePartial", w.closing(w.owner, w.commit_to(800, w.commitment(w.owner))))
    w.closes("closePartial", w.closing(w.owner, w.commit_to(801, w.commitment(w.owner))))


def test_the_band_claims_what_there_is_or_more(called):
    """Else a venue shows the band of less collateral, and closes too much."""
    w, who = called, called.owner
    new = w.commit_to(500, w.commitment(who))
    band = w.side(0, who, w.epoch, 600, BUFFERS[1] + BAND, version=w.version(who) + 1, commitment=new, manager=w.closes)
    with refused("ClaimBelowValue", 600, 1_000):
        w.closes("closePartial", w.closing(who, new, missing=600, band=band))


def test_the_cover_claims_what_there_is_or_less(called):
    w, who = called, called.owner
    new = w.commit_to(1_200, w.commitment(who))
    cover = w.side(1, who, w.epoch, 1_500, BUFFERS[1], version=w.version(who) + 1, commitment=new)
    with refused("ClaimAboveValue", 1_500, 1_000):
        w.closes("closePartial", w.closing(who, new, covering=1_500, cover=cover))


def test_cover_and_band_are_under_one_epoch_not_before_the_shortfalls(called):
    w, who = called, called.owner
    w.run(5 * MINUTE)
    older = max(epoch for epoch in w.s.factors if epoch < w.final_epoch() and epoch > w.now - 30 * MINUTE)
    with refused("EpochsInDisorder", older, w.final_epoch()):
        w.closes("closePartial", w.closing(who, enough(w), epoch=older))


# -- at what price ---------------------------------------------------------------------------------------------------
def test_concessions_are_bounded_over_a_day(called):
    """R32: 2 % of 1,000."""
    w, who = called, called.owner
    bound = 1_000 * CONCESSION // 10_000
    with refused("ConcessionAboveBound", who, bound + 1, bound):
        w.closes("closePartial", w.closing(who, enough(w), concession=bound + 1))
    w.closes("closePartial", w.closing(who, enough(w), concession=bound - 5))
    w.register(w.owner_key, 1_500)
    w.shortfall(who)
    w.to_venue(who)
    with refused("ConcessionAboveBound", who, bound + 1, bound):
        w.closes("closePartial", w.closing(who, enough(w), concession=6))
    with refused("ConcessionAboveBound", who, bound + 1, bound):
        w.closes("closePartial", w.closing(who, w.commit_to(0, w.commitment(who)), concession=6, flat=True))
    w.closes("closePartial", w.closing(who, enough(w), concession=5))
    assert w.closes("concededOf", who) == bound
    w.run(DAY + 1, every=1_200)
    assert w.closes("concededOf", who) == 0


# -- deployment ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("place", "name"), [(0, "ledger"), (1, "desk"), (2, "escrow"), (3, "band"), (4, "concession")])
def test_deployment_names_what_is_missing(lw, place, name):
    arguments = [lw.s.ledger.address, lw.s.desk.address, lw.escrow.address, BAND, CONCESSION]
    arguments[place] = ANYBODY if place < 3 else 0
    with refused("SettingMissing", name):
        lw.s.machine.deploy(lw.closes.artifact, *arguments, sender=lw.s.admin)


def test_a_band_has_room_in_the_claim(lw):
    arguments = (lw.s.ledger.address, lw.s.desk.address, lw.escrow.address)
    with refused("ValueTooWide"):
        lw.s.machine.deploy(lw.closes.artifact, *arguments, 65_536 - BUFFERS[1], CONCESSION, sender=lw.s.admin)
    lw.s.machine.deploy(lw.closes.artifact, *arguments, 65_535 - BUFFERS[1], CONCESSION, sender=lw.s.admin)
