"""Lots of the auction house, stage by stage, limits to the second and to the unit."""

from __future__ import annotations

import math

import pytest
from houseworld import (
    AGENT,
    AWARD,
    BEFORE,
    BIDDERS,
    BLIND,
    COMMIT,
    DISCLOSURE,
    EXTENSION,
    FAILED,
    KAPPA,
    LEAST_BOND,
    LIQUIDATOR,
    MARGIN,
    MONEY,
    RECEIVER,
    RESERVE,
    REVEAL,
    SEAL,
    SEAT_BOND,
    STANDING,
    STEP,
    STRANGER,
    USD,
    VALUE,
    HouseWorld,
    bid_digest,
    build,
    deploy_house,
    key_of,
    word,
)
from revmchain import account, refused
from revmsystem import LAG

from verifier_contracts.auction import LotTerms, SealedPrice, Stage

A, B, C, D, E, NEW = BIDDERS
LONGEST = 2_400


@pytest.fixture
def w() -> HouseWorld:
    return build()


def entry(w: HouseWorld, lot: int, place: int) -> tuple[str, int, bytes]:
    bidder, price, commitment = w.house("lotOf", lot)[18][place]
    return bidder, price, commitment


# -- opening -----------------------------------------------------------------------------------------------------------
def test_a_lot_opens_with_the_fund_on_it(w: HouseWorld) -> None:
    terms = w.terms_of()
    w.house("open", tuple(terms), sender=w.system.coordinator)
    (end, count, extensions, shortfall, winner, delivered, revealed, forfeited, passed, released, blind_ends,
     award_ends, _, step, whose, reserve, digest, keys, entries) = w.house("lotOf", terms.lot_id)
    assert (end, count, extensions, shortfall, winner) == (0, 1, 0, False, 0)
    assert (delivered, revealed, forfeited, passed, released, award_ends) == (0, 0, 0, 0, 0, 0)
    assert blind_ends == w.live + BLIND
    assert (step, reserve, whose) == (STEP, RESERVE, FAILED.lower())
    assert digest == terms.digest() == w.house("digestOf", tuple(terms))
    assert entries[0] == (AGENT.lower(), STANDING, bytes(32))
    assert entries[1:] == ((account(0), 0, bytes(32)),) * 4
    assert keys == (0,) * 5
    assert w.stage(terms.lot_id) is Stage.BLIND


@pytest.mark.parametrize("function", ["open", "showShortfall", "voidLot", "settle"])
def test_only_the_coordinator_moves_lots(w: HouseWorld, function: str) -> None:
    lot = w.sold(0)
    w.house("clear", lot)
    arguments = {"open": (tuple(w.terms_of()),), "settle": (lot, RECEIVER)}.get(function, (lot,))
    for who in (A, STRANGER, w.system.risk):
        with refused("AccessManagedUnauthorized", who.lower()):
            w.house(function, *arguments, sender=who)


def test_a_number_is_one_lots_for_ever(w: HouseWorld) -> None:
    lot = w.open()
    with refused("LotExists", lot):
        w.house("open", tuple(w.terms[lot]), sender=w.system.coordinator)
    w.void(lot)
    with refused("LotExists", lot):
        w.house("open", tuple(w.terms[lot]._replace(version=8)), sender=w.system.coordinator)
    with refused("LotExists", 0):
        w.house("open", tuple(w.terms_of(lot_id=0)), sender=w.system.coordinator)


def test_no_lot_opens_that_the_lag_does_not_cover(w: HouseWorld) -> None:
    """R15: 180 minutes before, 40 for the auction."""
    assert BEFORE + LONGEST == LAG
    with refused("LagTooShort", LAG - 1, LAG):
        w.open(horizon=LAG - 1)
    w.open(horizon=LAG)


@pytest.mark.parametrize(("value", "margin", "horizon"), [
    (VALUE, MARGIN, LAG), (MARGIN, VALUE, LAG), (0, 10**9 * USD + 1, LAG), (3 * 10**9, 0, 86_400 * 7),
    (10**15 + 7, 1, 17_001), (0, 1 << 97, 17_001)])
def test_a_bond_is_kappa_times_the_larger_by_the_root_of_time(w: HouseWorld, value: int, margin: int, horizon: int
                                                             ) -> None:
    """R30: the least b with b >= kappa X sqrt(window / horizon), up to what rounding up thrice adds."""
    lot = w.open(value=value, margin=margin, horizon=horizon)
    size, bond = max(value, margin), w.bond(lot)
    assert bond >= LEAST_BOND
    assert bond**2 * horizon * 10**8 >= (KAPPA * size)**2 * LONGEST
    exact = KAPPA * size / 10**4 * math.sqrt(LONGEST / horizon)
    assert bond <= max(LEAST_BOND, exact * (1 + 1e-9) + 2)


def test_a_lot_of_nothing_has_the_least_bond_and_step(w: HouseWorld) -> None:
    lot = w.open(value=0, margin=0)
    assert w.house("lotOf", lot)[12:16] == (LEAST_BOND, 1, FAILED.lower(), 0)


def test_a_bond_above_the_least_by_a_unit(w: HouseWorld) -> None:
    size = LEAST_BOND * 10**4 // KAPPA
    while w.bond(w.open(value=size, margin=0)) == LEAST_BOND:
        size += size // 64
    assert w.bond(w.open(value=size, margin=0)) > LEAST_BOND


def test_units_are_the_quote_assets(w: HouseWorld) -> None:
    """Of a token with two decimals a millionth counts as nothing, rounded up."""
    few = build(token="SilentToken", seated=0)
    lot = few.open(value=VALUE + 1, margin=MARGIN)
    _, step, _, reserve = few.house("lotOf", lot)[12:16]
    assert (step, reserve) == (STEP // 10**4, RESERVE // 10**4 + 1)
    assert few.bond(lot) == max(LEAST_BOND, -(-w.bond(w.open()) // 10**4))


def test_numbers_of_a_lot_fit_their_words(w: HouseWorld) -> None:
    wide = (1 << 128) - 1
    with refused("AmountTooWide"):
        w.open(value=0, margin=wide)
    with refused("AmountTooWide"):                         # of the bond alone
        w.open(value=0, margin=1 << 99)
    most = ((1 << 95) - 1) * 100 // 95
    with refused("PriceTooWide", 1 << 95):
        w.open(value=most + 1, margin=0, horizon=(1 << 32) - 1)
    w.open(value=most, margin=0, horizon=(1 << 32) - 1)
    for standing in (1 << 95, -(1 << 95) - 1):
        w.fund("set", standing)
        with refused("PriceTooWide", standing):
            w.open()
    w.fund("set", -(1 << 95))
    w.open()


def test_a_step_fits_its_word() -> None:
    w = build(seated=0)
    house = deploy_house(w, w.escrow.address, w.fund.address, w.quote.address, bounds=(1, 1, 5_000))
    w.system.authority("setTargetFunctionRole", house.address, [house.selector("open")], 5, sender=w.system.admin)
    size = 100 << 96
    with refused("AmountTooWide", 1 << 96):
        # A horizon at which the bond is small enough: the step alone is too wide.
        house("open", (1, FAILED, 1, 1, 0, size, (1 << 32) - 1), sender=w.system.coordinator)


# -- blind stage -------------------------------------------------------------------------------------------------------
def test_a_bid_locks_its_bond_and_stands(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, STANDING + STEP)
    assert w.stake(A) == (MONEY - w.bond(lot), w.bond(lot))
    assert entry(w, lot, 1) == (A.lower(), STANDING + STEP, bytes(32))
    assert w.house("lotOf", lot)[1] == 2


def test_bids_are_for_seats(w: HouseWorld) -> None:
    lot = w.open()
    with refused("AccessManagedUnauthorized", STRANGER.lower()):
        w.bid(lot, STRANGER, 0)
    w.system.authority("grantRole", LIQUIDATOR, NEW, 0, sender=w.system.admin)
    w.give(NEW, MONEY)
    w.house("deposit", NEW, MONEY, sender=NEW)
    with refused("NoSeat", NEW.lower()):
        w.bid(lot, NEW, 0)
    w.system.authority("revokeRole", LIQUIDATOR, A, sender=w.system.admin)
    with refused("AccessManagedUnauthorized", A.lower()):
        w.bid(lot, A, 0)


def test_a_bid_needs_its_bond_to_the_unit(w: HouseWorld) -> None:
    lot = w.open(margin=MARGIN * 10)
    bond = w.bond(lot)
    assert bond > SEAT_BOND
    w.house("withdraw", MONEY - bond + 1, A, sender=A)
    with refused("FreeShort", A.lower(), bond - 1, bond):
        w.bid(lot, A, 0)
    w.give(A, 1)
    w.house("deposit", A, 1, sender=A)
    w.bid(lot, A, 0)
    assert w.stake(A) == (0, bond)
    # What is locked counts for the seat, and raising a bid needs no second bond.
    w.bid(lot, A, 10_000 * USD)
    assert w.stake(A) == (0, bond)


def test_a_bid_beats_the_fund_by_a_step(w: HouseWorld) -> None:
    lot = w.open()
    with refused("BidTooLow", lot, STANDING + STEP - 1, STANDING + STEP):
        w.bid(lot, A, STANDING + STEP - 1)
    w.bid(lot, A, STANDING + STEP)


def test_a_bid_beats_ones_own_by_a_step(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, B, 7 * USD)
    w.bid(lot, A, 0)
    with refused("BidTooLow", lot, STEP - 1, STEP):
        w.bid(lot, A, STEP - 1)
    w.bid(lot, A, STEP)
    assert (entry(w, lot, 2)[:2], entry(w, lot, 1)[:2]) == ((A.lower(), STEP), (B.lower(), 7 * USD))
    assert w.house("lotOf", lot)[1] == 3


def test_who_is_full_beats_the_lowest_by_a_step(w: HouseWorld) -> None:
    lot = w.open()
    for bidder, price in ((A, 3_000 * USD), (B, 1_000 * USD), (C, 2_000 * USD), (D, 4_000 * USD)):
        w.bid(lot, bidder, price)
    assert w.house("lotOf", lot)[1] == 5
    with refused("BidTooLow", lot, 1_000 * USD + STEP - 1, 1_000 * USD + STEP):
        w.bid(lot, E, 1_000 * USD + STEP - 1)
    w.bid(lot, E, 1_000 * USD + STEP)
    assert entry(w, lot, 2)[:2] == (E.lower(), 1_000 * USD + STEP)
    assert (w.stake(B), w.stake(E)) == ((MONEY, 0), (MONEY - w.bond(lot), w.bond(lot)))
    assert w.house("lotOf", lot)[1] == 5
    # Outbid, B may come again, at the lowest one's cost.
    with refused("BidTooLow", lot, 1_500 * USD, 1_500 * USD + STEP):
        w.bid(lot, B, 1_500 * USD)
    w.bid(lot, B, 2_500 * USD)
    assert entry(w, lot, 2)[:2] == (B.lower(), 2_500 * USD)
    assert w.stake(E) == (MONEY, 0)
    # The lowest raises his own: his place and bond stay.
    w.bid(lot, C, 2_000 * USD + STEP)
    assert entry(w, lot, 3)[:2] == (C.lower(), 2_000 * USD + STEP)


def test_the_funds_place_is_nobody_elses(w: HouseWorld) -> None:
    w.fund("set", 10**6 * USD)
    lot = w.open()
    for bidder, price in zip(BIDDERS[:5], range(5), strict=True):
        w.bid(lot, bidder, 10**6 * USD + STEP * (price + 1) * 2)
    assert entry(w, lot, 0)[:2] == (AGENT.lower(), 10**6 * USD)
    assert {entry(w, lot, place)[0] for place in range(1, 5)} == {b.lower() for b in (B, C, D, E)}


def test_the_failed_account_does_not_bid(w: HouseWorld) -> None:
    lot = w.open(account=A)
    with refused("OwnLot", lot, A.lower()):
        w.bid(lot, A, 0)
    w.bid(lot, B, 0)


def test_bids_end_to_the_second(w: HouseWorld) -> None:
    lot = w.open()
    w.to(w.blind_ends(lot) - EXTENSION - 1)
    w.bid(lot, A, 0)                                       # not late by a second
    assert w.house("lotOf", lot)[2] == 0
    ends = w.blind_ends(lot)
    w.to(ends)
    with refused("WrongStage", lot, Stage.DISCLOSURE):
        w.bid(lot, B, 0)


def test_a_late_bid_extends_the_stage_twice(w: HouseWorld) -> None:
    lot = w.open()
    first = w.blind_ends(lot)
    w.to(first - EXTENSION)
    w.bid(lot, A, 0)
    assert (w.blind_ends(lot), w.house("lotOf", lot)[2]) == (first + EXTENSION, 1)
    w.bid(lot, B, 0)                                       # early again
    assert w.blind_ends(lot) == first + EXTENSION
    w.to(first + EXTENSION - 1)
    w.bid(lot, A, STEP)
    assert (w.blind_ends(lot), w.house("lotOf", lot)[2]) == (first + 2 * EXTENSION, 2)
    w.to(first + 2 * EXTENSION - 1)
    w.bid(lot, B, STEP)
    assert (w.blind_ends(lot), w.house("lotOf", lot)[2]) == (first + 2 * EXTENSION, 2)
    w.to(first + 2 * EXTENSION)
    assert w.stage(lot) is Stage.DISCLOSURE


def test_the_shortlist_is_told_once_it_is_closed(w: HouseWorld) -> None:
    lot = w.open()
    with refused("WrongStage", 77, Stage.NONE):
        w.house("shortlistOf", 77)
    w.bid(lot, A, 0)
    w.bid(lot, B, 0)
    with refused("WrongStage", lot, Stage.BLIND):
        w.house("shortlistOf", lot)
    w.after(lot, Stage.DISCLOSURE)
    bidders, keys, count = w.house("shortlistOf", lot)
    assert bidders == (AGENT.lower(), A.lower(), B.lower(), account(0), account(0))
    assert keys == (key_of(99), key_of(0), key_of(1), (0, 0), (0, 0))
    assert count == 3


# -- stages ------------------------------------------------------------------------------------------------------------
def test_stages_change_to_the_second(w: HouseWorld) -> None:
    lot = w.open()
    assert w.stage(77) is Stage.NONE
    at = w.live
    for stage, length in ((Stage.BLIND, BLIND), (Stage.DISCLOSURE, DISCLOSURE), (Stage.COMMIT, COMMIT),
                          (Stage.SEALED, SEAL), (Stage.REVEAL, REVEAL)):
        assert w.stage(lot) is stage
        at += length
        w.to(at - 1)
        assert w.stage(lot) is stage
        w.to(at)
    assert w.stage(lot) is Stage.CLEARING


@pytest.mark.parametrize("stage", [Stage.BLIND, Stage.DISCLOSURE, Stage.COMMIT, Stage.SEALED, Stage.REVEAL,
                                   Stage.CLEARING, Stage.AWARD, Stage.SETTLED, Stage.VOIDED, Stage.FAILED])
def test_each_step_has_its_stage(w: HouseWorld, stage: Stage) -> None:
    lot = w.open()
    w.bid(lot, A, 0)
    w.show(lot)
    w.after(lot, Stage.COMMIT) if stage not in (Stage.BLIND, Stage.DISCLOSURE, Stage.VOIDED) else None
    w.deliver(lot)
    if stage > Stage.COMMIT and stage is not Stage.VOIDED:
        w.commit(lot, A, USD)
    if stage in (Stage.DISCLOSURE, Stage.SEALED, Stage.REVEAL, Stage.CLEARING):
        w.after(lot, stage)
    if stage in (Stage.AWARD, Stage.SETTLED, Stage.FAILED):
        w.after(lot, Stage.REVEAL)
        w.reveal(lot, A, USD)
        w.after(lot, Stage.CLEARING)
        w.house("clear", lot)
    if stage is Stage.SETTLED:
        w.settle(lot)
    if stage is Stage.VOIDED:
        w.void(lot)
    if stage is Stage.FAILED:
        for _ in range(2):
            w.go(AWARD + 1)
            w.house("fail", lot)
    assert w.stage(lot) is stage
    over = stage >= Stage.SETTLED
    steps = {Stage.BLIND: lambda: w.bid(lot, B, 0), Stage.COMMIT: lambda: w.commit(lot, A, USD, 2),
             Stage.REVEAL: lambda: w.reveal(lot, A, USD), Stage.CLEARING: lambda: w.house("clear", lot)}
    for wanted, step in steps.items():
        if wanted is not stage:
            with refused("WrongStage", lot, stage):
                step()
    if stage is not Stage.AWARD:
        for step in (lambda: w.settle(lot), lambda: w.house("fail", lot)):
            with refused("WrongStage", lot, stage):
                step()
    if stage not in (Stage.AWARD, Stage.SETTLED):
        with refused("WrongStage", lot, stage):
            w.winner(lot)
    for step in (lambda: w.void(lot), lambda: w.show(lot)):
        if over:
            with refused("WrongStage", lot, stage):
                step()
    if not over:
        with refused("WrongStage", lot, stage):
            w.house("refund", lot, A)


def test_of_no_lot_there_is_nothing(w: HouseWorld) -> None:
    for step in (lambda: w.void(9), lambda: w.show(9), lambda: w.house("clear", 9), lambda: w.house("refund", 9, A),
                 lambda: w.house("blindBid", 9, bytes(32), 0, sender=A),
                 lambda: w.house("commit", 9, bytes(32), word(1), sender=A)):
        with refused("WrongStage", 9, Stage.NONE):
            step()


def test_time_stands_still_with_the_oracles_clock(w: HouseWorld) -> None:
    """Liquidation is paused for hours in the middle: every deadline is later by as much."""
    lot = w.open()
    w.bid(lot, A, 0)
    w.go(BLIND - EXTENSION - 60)
    live = w.live
    w.system.oracle("stopClock", 3 * 3_600, sender=w.system.guardian)
    for _ in range(18):
        w.system.pass_time(600)
        w.system.publish([])
        assert (w.live, w.stage(lot)) == (live, Stage.BLIND)
    w.go(EXTENSION + 60)
    assert w.stage(lot) is Stage.DISCLOSURE


def test_a_lot_that_opens_after_a_stop_runs_on_live_time(w: HouseWorld) -> None:
    w.system.oracle("stopClock", 3_600, sender=w.system.guardian)
    for _ in range(6):
        w.system.pass_time(600)
        w.system.publish([])
    lot = w.open()
    assert w.blind_ends(lot) == w.live + BLIND == w.system.now - 3_600 + BLIND


@pytest.mark.parametrize("stage", [Stage.COMMIT, Stage.REVEAL])
def test_a_stop_of_the_breaker_moves_no_deadline(w: HouseWorld, stage: Stage) -> None:
    """A jump of prices trips the breaker while people commit or reveal: nobody is late for it."""
    lot = w.open()
    w.bid(lot, A, 0)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    if stage is Stage.REVEAL:
        w.commit(lot, A, USD)
        w.after(lot, stage)
    w.system.pass_time(250)
    w.system.publish([], marks=(25_000_000_000, 3_000_000_000))
    assert w.system.oracle("isTripped")
    live = w.live
    for _ in range(3):
        w.system.pass_time(300)
        assert (w.system.oracle("isTripped"), w.live) == (True, live)
    assert w.stage(lot) is stage
    if stage is Stage.COMMIT:
        w.commit(lot, A, USD)
    else:
        w.reveal(lot, A, USD)


# -- commit ------------------------------------------------------------------------------------------------------------
def test_a_commitment_is_what_the_page_says(w: HouseWorld) -> None:
    lot = [w.open() for _ in range(2)][1]
    digest = w.terms[lot].digest()
    for price in (-5, 7, (1 << 95) - 1):
        said = w.sealed(lot, A, price, 9)
        assert said == bid_digest(lot, digest, w.house.address, A, price, word(9))
        assert said == SealedPrice(1, w.house.address, lot, digest, A, price, word(9)).commitment()


@pytest.fixture
def committing(w: HouseWorld) -> tuple[HouseWorld, int]:
    """A and B shortlisted, time to commit."""
    lot = w.open()
    w.bid(lot, A, 0)
    w.bid(lot, B, 0)
    w.after(lot, Stage.COMMIT)
    return w, lot


def test_only_the_shortlist_commits(committing: tuple[HouseWorld, int]) -> None:
    w, lot = committing
    w.deliver(lot, 0b11111, public=True)
    with refused("NotShortlisted", lot, C.lower()):
        w.commit(lot, C, USD)
    w.commit(lot, A, USD)


def test_only_who_got_the_opening_commits(committing: tuple[HouseWorld, int]) -> None:
    w, lot = committing
    w.deliver(lot, 0b00011)                                # fund and A
    with refused("NotDelivered", lot, B.lower()):
        w.commit(lot, B, USD)
    w.commit(lot, A, USD)
    w.deliver(lot, 0, public=True)
    w.commit(lot, B, USD)


def test_the_fund_does_not_commit(committing: tuple[HouseWorld, int]) -> None:
    w, lot = committing
    w.deliver(lot)
    with refused("FundStands", lot):
        w.commit(lot, AGENT, USD)


def test_the_funds_agent_does_not_bid_besides(w: HouseWorld) -> None:
    """One man, one place: the second one's bond would never be found again."""
    w.seat(AGENT, 70)
    lot = w.open()
    with refused("FundStands", lot):
        w.bid(lot, AGENT, 10_000 * USD)


def test_a_delivery_is_noted_in_time_or_never(w: HouseWorld) -> None:
    """A venue that waits for the reveals does not choose then whether bidders are bound."""
    lot = w.open()
    w.bid(lot, A, 9_000 * USD)
    w.show(lot)
    w.escrow("deliver", lot, 0b11111, False)
    with refused("WrongStage", lot, Stage.BLIND):
        w.house("noteDelivery", lot)
    with refused("WrongStage", 77, Stage.NONE):
        w.house("noteDelivery", 77)
    w.after(lot, Stage.SEALED)
    for stage in (Stage.SEALED, Stage.REVEAL, Stage.CLEARING):
        w.after(lot, stage)
        with refused("WrongStage", lot, stage):
            w.house("noteDelivery", lot)
    w.house("clear", lot)
    assert w.winner(lot) == (AGENT.lower(), STANDING)


@pytest.mark.parametrize("stage", [Stage.DISCLOSURE, Stage.COMMIT])
def test_a_delivery_that_anybody_noted_binds(w: HouseWorld, stage: Stage) -> None:
    lot = w.open()
    w.bid(lot, A, 9_000 * USD)
    w.bid(lot, B, 0)
    w.show(lot)
    w.after(lot, stage)
    w.escrow("deliver", lot, 0b10, False)
    w.house("noteDelivery", lot, sender=STRANGER)
    w.escrow("deliver", lot, 0, False)                     # another order took its place: what was noted stays
    w.house("noteDelivery", lot, sender=STRANGER)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), 9_000 * USD)


def test_one_commitment_notes_the_delivery_for_all(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, 0)
    w.bid(lot, B, 9_000 * USD)
    w.show(lot)
    w.after(lot, Stage.COMMIT)
    w.escrow("deliver", lot, 0b11111, False)
    w.commit(lot, A, USD)
    w.after(lot, Stage.REVEAL)
    w.reveal(lot, A, USD)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (B.lower(), 9_000 * USD)


def test_a_commitment_is_something(committing: tuple[HouseWorld, int]) -> None:
    w, lot = committing
    w.deliver(lot)
    with refused("NoCommitment", lot, A.lower()):
        w.house("commit", lot, w.terms[lot].digest(), bytes(32), sender=A)


def test_the_last_commitment_counts(committing: tuple[HouseWorld, int]) -> None:
    w, lot = committing
    w.deliver(lot)
    w.commit(lot, A, 5 * USD, salt=1)
    w.commit(lot, A, 3 * USD, salt=2)
    w.after(lot, Stage.REVEAL)
    with refused("OtherBid", lot, A.lower(), w.sealed(lot, A, 5 * USD, 1)):
        w.reveal(lot, A, 5 * USD, 1)
    w.reveal(lot, A, 3 * USD, 2)
    assert entry(w, lot, 1)[1] == 3 * USD


# -- reveal ------------------------------------------------------------------------------------------------------------
def test_a_reveal_is_of_what_was_committed(w: HouseWorld) -> None:
    lot = w.open()
    for bidder in (A, B):
        w.bid(lot, bidder, 0)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    w.commit(lot, A, 9 * USD)
    w.after(lot, Stage.REVEAL)
    with refused("NoCommitment", lot, B.lower()):
        w.reveal(lot, B, 9 * USD)
    with refused("NotShortlisted", lot, C.lower()):
        w.reveal(lot, C, 9 * USD)
    for price, salt in ((9 * USD + 1, 1), (9 * USD, 2)):
        with refused("OtherBid", lot, A.lower(), w.sealed(lot, A, price, salt)):
            w.reveal(lot, A, price, salt)
    w.reveal(lot, A, 9 * USD, sender=STRANGER)             # it names its bidder
    w.reveal(lot, A, 9 * USD)
    assert entry(w, lot, 1)[1] == 9 * USD
    assert w.house("lotOf", lot)[6] == 0b10


def test_a_lower_reveal_leaves_the_blind_bid(w: HouseWorld) -> None:
    lot = w.sold(5_000 * USD, sealed=(4_999 * USD,))
    assert entry(w, lot, 1)[1] == 5_000 * USD
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), 5_000 * USD)
    w.go(AWARD)
    assert w.settle(lot) == (A.lower(), 5_000 * USD)


# -- clearing ----------------------------------------------------------------------------------------------------------
def test_the_best_price_wins_and_is_paid(w: HouseWorld) -> None:
    lot = w.sold(1_000 * USD, 2_000 * USD, 3_000 * USD, sealed=(39_000 * USD, 38_999 * USD, None))
    w.house("clear", lot, sender=STRANGER)
    assert w.winner(lot) == (A.lower(), 39_000 * USD)
    ends = w.house("lotOf", lot)[11]
    assert ends == w.live + AWARD
    held = w.house("held")
    assert w.settle(lot) == (A.lower(), 39_000 * USD)
    assert w.winner(lot) == (A.lower(), 39_000 * USD)
    assert w.quote("balanceOf", RECEIVER) == 39_000 * USD
    assert w.house("held") == held - 39_000 * USD == w.quote("balanceOf", w.house.address)
    assert w.stake(A) == (MONEY - 39_000 * USD, 0)
    for bidder in (B, C):
        w.house("refund", lot, bidder, sender=STRANGER)
        assert w.stake(bidder) == (MONEY, 0)
    for bidder in (A, B):
        with refused("NothingToRelease", lot, bidder.lower()):
            w.house("refund", lot, bidder)
    with refused("NothingToRelease", lot, AGENT.lower()):
        w.house("refund", lot, AGENT)
    with refused("NotShortlisted", lot, D.lower()):
        w.house("refund", lot, D)


def test_a_blind_bid_stands_where_nobody_commits(w: HouseWorld) -> None:
    lot = w.sold(1_000 * USD, 2_000 * USD)
    w.house("clear", lot)
    assert w.winner(lot) == (B.lower(), 2_000 * USD)


def test_the_fund_stands_where_nobody_bids(w: HouseWorld) -> None:
    lot = w.sold()
    w.house("clear", lot)
    assert w.winner(lot) == (AGENT.lower(), STANDING)
    held = w.house("held")
    assert w.settle(lot) == (AGENT.lower(), STANDING)
    assert (w.house("held"), w.quote("balanceOf", RECEIVER)) == (held, 0)


@pytest.mark.parametrize(("price", "shown", "wins"), [
    (RESERVE, False, True), (RESERVE - 1, False, False), (RESERVE - 1, True, True), (0, True, True),
    (-1, False, False), (STANDING + STEP, True, True)])
def test_below_the_reserve_a_lot_is_sold_on_a_shortfall_alone(w: HouseWorld, price: int, shown: bool, wins: bool
                                                             ) -> None:
    """R29, R5: a solvent sleeper's account is disclosed at worst, never sold."""
    lot = w.sold(STANDING + STEP, sealed=(price,), shown=shown)
    w.house("clear", lot)
    assert w.stage(lot) is (Stage.AWARD if wins else Stage.FAILED)
    if wins:
        assert w.winner(lot) == (A.lower(), price)
    else:
        w.house("refund", lot, A)                          # nobody's fault
        assert w.stake(A) == (MONEY, 0)


def test_a_lot_without_value_has_a_reserve_of_nothing(w: HouseWorld) -> None:
    lot = w.open(value=0)
    w.bid(lot, A, 0)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), 0)


def test_who_does_not_reveal_pays_his_bond_and_is_out(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, 9_000 * USD)
    w.bid(lot, B, 1_000 * USD)
    w.show(lot)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    w.commit(lot, A, 50_000 * USD)
    w.after(lot, Stage.CLEARING)
    bond = w.bond(lot)
    w.house("clear", lot)
    assert w.winner(lot) == (B.lower(), 1_000 * USD)
    assert w.stake(A) == (MONEY - bond, 0)
    assert w.stake(w.fund.address) == (0, 0)               # the lot may still be voided
    w.settle(lot)
    assert w.stake(w.fund.address) == (bond, 0)
    with refused("NothingToRelease", lot, A.lower()):
        w.house("refund", lot, A)
    failed = w.quote("balanceOf", FAILED)
    w.house("payFund", sender=STRANGER)
    assert w.quote("balanceOf", w.fund.address) == bond
    assert w.quote("balanceOf", FAILED) == failed == 0
    assert w.stake(w.fund.address) == (0, 0)


def test_whom_nothing_was_delivered_to_is_free(w: HouseWorld) -> None:
    """A venue that delivers to its friend alone takes nobody's bond, and the bid does not stand."""
    lot = w.open()
    w.bid(lot, A, 9_000 * USD)
    w.bid(lot, B, 1_000 * USD)
    w.show(lot)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot, 0b00100)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (B.lower(), 1_000 * USD)
    w.settle(lot)
    w.house("refund", lot, A)
    assert w.stake(A) == (MONEY, 0)


def test_where_it_is_public_everybody_is_bound(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, 9_000 * USD)
    w.bid(lot, B, 1_000 * USD)
    w.show(lot)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot, 0, public=True)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), 9_000 * USD)


def test_where_nobody_got_it_the_fund_stands_alone(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, 9_000 * USD)
    w.show(lot)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (AGENT.lower(), STANDING)
    w.go(AWARD + 1)
    w.house("fail", lot)
    assert w.stage(lot) is Stage.FAILED
    w.house("refund", lot, A)
    assert w.stake(A) == (MONEY, 0)
    assert w.stake(w.fund.address) == (0, 0)


def test_ties_fall_by_the_hash_of_all_commitments(w: HouseWorld) -> None:
    from eth_abi.abi import encode
    from eth_utils.crypto import keccak
    winners = set()
    for salt in range(1, 9):
        lot = w.open()
        for bidder in (A, B, C):
            w.bid(lot, bidder, 0)
        w.show(lot)
        w.after(lot, Stage.COMMIT)
        w.deliver(lot)
        made = []
        for bidder, price in ((A, 5 * USD), (B, 5 * USD), (C, 4 * USD)):
            w.commit(lot, bidder, price, salt)
            made.append(w.sealed(lot, bidder, price, salt))
        w.after(lot, Stage.REVEAL)
        for bidder, price in ((A, 5 * USD), (B, 5 * USD), (C, 4 * USD)):
            w.reveal(lot, bidder, price, salt)
        w.after(lot, Stage.CLEARING)
        w.house("clear", lot)

        def drawn(who: str, lot: int = lot, made: list[bytes] = made) -> bytes:
            return bytes(keccak(encode(["bytes32"] * 5 + ["address"], [
                w.terms[lot].digest(), *made, bytes(32), who])))
        assert w.winner(lot)[0] == min((A, B), key=drawn).lower()
        winners.add(w.winner(lot)[0])
        w.void(lot)
        for bidder in (A, B, C):
            w.house("refund", lot, bidder)
    assert len(winners) == 2


# -- award -------------------------------------------------------------------------------------------------------------
def test_an_award_ends_to_the_second(w: HouseWorld) -> None:
    lot = w.sold(0, sealed=(RESERVE,))
    w.house("clear", lot)
    w.go(AWARD)
    ends = w.house("lotOf", lot)[11]
    with refused("AwardNotOver", lot, ends):
        w.house("fail", lot)
    before = w.system.machine.now
    w.go(1)
    with refused("AwardOver", lot, ends):
        w.settle(lot)
    w.house("fail", lot)
    assert w.winner(lot) == (AGENT.lower(), STANDING)
    assert before + 1 == w.system.machine.now
    other = w.sold(0, 0, sealed=(None, RESERVE))
    w.house("clear", other)
    w.go(AWARD)
    w.settle(other)


def test_who_does_not_carry_pays_and_the_next_best_is_named(w: HouseWorld) -> None:
    lot = w.sold(1_000 * USD, 2_000 * USD, sealed=(39_000 * USD, 38_500 * USD))
    bond = w.bond(lot)
    w.house("clear", lot)
    for expected in ((A.lower(), 39_000 * USD), (B.lower(), 38_500 * USD)):
        assert w.winner(lot) == expected
        assert w.house("lotOf", lot)[11] == w.live + AWARD
        w.go(AWARD + 1)
        w.house("fail", lot, sender=STRANGER)
    assert w.winner(lot) == (AGENT.lower(), STANDING)
    assert (w.stake(A), w.stake(B)) == ((MONEY - bond, 0), (MONEY - bond, 0))
    w.settle(lot)
    assert w.stake(w.fund.address) == (2 * bond, 0)
    w.house("payFund")
    assert w.quote("balanceOf", w.fund.address) == 2 * bond


def test_the_next_best_is_held_to_the_reserve_too(w: HouseWorld) -> None:
    lot = w.sold(1_000 * USD, 2_000 * USD, sealed=(RESERVE,), shown=False)
    w.house("clear", lot)
    w.go(AWARD + 1)
    w.house("fail", lot)
    assert w.stage(lot) is Stage.FAILED
    assert w.stake(w.fund.address) == (w.bond(lot), 0)
    w.house("refund", lot, B)
    assert w.stake(B) == (MONEY, 0)


def test_a_shortfall_that_is_shown_late_helps_the_next_best(w: HouseWorld) -> None:
    lot = w.sold(1_000 * USD, 2_000 * USD, sealed=(RESERVE,), shown=False)
    w.house("clear", lot)
    w.show(lot)
    w.go(AWARD + 1)
    w.house("fail", lot)
    assert w.winner(lot) == (B.lower(), 2_000 * USD)


def test_a_price_is_paid_from_what_is_free_and_the_own_bond(w: HouseWorld) -> None:
    lot = w.sold(0, sealed=(RESERVE,))
    w.house("clear", lot)
    bond = w.bond(lot)
    w.house("withdraw", MONEY - RESERVE + 1, A, sender=A)
    with refused("FreeShort", A.lower(), RESERVE - 1, RESERVE):
        w.settle(lot)
    assert w.stage(lot) is Stage.AWARD
    assert w.stake(A) == (RESERVE - 1 - bond, bond)
    w.give(A, 1)
    w.house("deposit", A, 1, sender=A)
    w.settle(lot)
    assert w.stake(A) == (0, 0)


def test_a_negative_price_takes_nothing(w: HouseWorld) -> None:
    lot = w.sold(-1)
    w.house("clear", lot)
    assert w.settle(lot) == (A.lower(), -1)
    assert w.stake(A) == (MONEY, 0)
    assert w.quote("balanceOf", RECEIVER) == 0


def test_a_price_has_a_receiver(w: HouseWorld) -> None:
    lot = w.sold(0, sealed=(RESERVE,))
    w.house("clear", lot)
    for to in (account(0), w.house.address):
        with refused("NoReceiver", to.lower()):
            w.house("settle", lot, to, sender=w.system.coordinator)


@pytest.mark.parametrize("stage", [Stage.BLIND, Stage.DISCLOSURE, Stage.COMMIT, Stage.SEALED, Stage.REVEAL,
                                   Stage.CLEARING, Stage.AWARD])
def test_a_void_lot_returns_every_bond(w: HouseWorld, stage: Stage) -> None:
    """Its epoch was refuted: what was forfeited on it is given back, too."""
    lot = w.open()
    for bidder in (A, B, C):
        w.bid(lot, bidder, 0)
    if stage > Stage.DISCLOSURE:
        w.after(lot, Stage.COMMIT)
        w.deliver(lot)
        w.commit(lot, A, 40_000 * USD)
        w.commit(lot, B, 39_000 * USD)
    if stage >= Stage.REVEAL:
        w.after(lot, Stage.REVEAL)
        w.reveal(lot, B, 39_000 * USD)
    if Stage.BLIND < stage <= Stage.CLEARING:
        w.after(lot, stage)
    if stage is Stage.AWARD:
        w.after(lot, Stage.CLEARING)
        w.house("clear", lot)                              # A has not revealed
        w.go(AWARD + 1)
        w.show(lot)
        w.house("fail", lot)                               # and B has not carried
        assert w.winner(lot) == (C.lower(), 0)
        assert [sum(w.stake(b)) for b in (A, B)] == [MONEY - w.bond(lot)] * 2
    w.void(lot)
    for bidder in (A, B, C):
        assert sum(w.stake(bidder)) == MONEY
        w.house("refund", lot, bidder)
        assert w.stake(bidder) == (MONEY, 0)
    assert w.stake(w.fund.address) == (0, 0)
    assert w.house("held") == 5 * MONEY


def test_a_void_lot_forgets_what_was_forfeited(w: HouseWorld) -> None:
    lot = w.sold(0)
    w.house("clear", lot)
    w.go(AWARD + 1)
    w.house("fail", lot)
    assert w.house("lotOf", lot)[7] == 0b10
    w.void(lot)
    assert w.house("lotOf", lot)[7] == 0


def test_two_lots_lock_two_bonds(w: HouseWorld) -> None:
    first, second = w.open(), w.open(account=account(0xF3), margin=2 * MARGIN)
    w.bid(first, A, 0)
    w.bid(second, A, 0)
    assert w.bond(second) > w.bond(first)
    assert w.stake(A) == (MONEY - w.bond(first) - w.bond(second), w.bond(first) + w.bond(second))
    w.void(first)
    w.house("refund", first, A)
    assert w.stake(A)[1] == w.bond(second)


def test_bounds_that_change_leave_open_lots_alone(w: HouseWorld) -> None:
    lot = w.open()
    bond = w.bond(lot)
    w.house("raiseBounds", (SEAT_BOND, LEAST_BOND, 2 * KAPPA), sender=w.system.risk)
    w.bid(lot, A, 0)
    assert w.stake(A)[1] == bond
    assert w.bond(w.open()) >= 2 * bond - 1


def test_terms_have_one_digest_each(w: HouseWorld) -> None:
    terms = w.terms_of()
    digests = {terms.digest()}
    for name, value in terms._asdict().items():
        changed = terms._replace(**{name: FAILED[:-1] + "2" if name == "account" else value + 1})
        digests.add(changed.digest())
        assert w.house("digestOf", tuple(changed)) == changed.digest()
    assert len(digests) == len(LotTerms._fields) + 1

