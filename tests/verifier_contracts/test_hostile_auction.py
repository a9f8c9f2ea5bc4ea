"""Attacks on auctions, by bidders, venues, keepers and tokens: each fails, or costs what the page says.

Numbers are those of docs/liquidation.md; A… of the sentences there.
"""

from __future__ import annotations

import pytest
from eth_utils.crypto import keccak
from houseworld import (
    AGENT,
    AWARD,
    BIDDERS,
    EXTENSION,
    LIQUIDATOR,
    MONEY,
    RECEIVER,
    RESERVE,
    STANDING,
    STEP,
    STRANGER,
    USD,
    HouseWorld,
    bid_digest,
    build,
    deploy_house,
    key_of,
    word,
)
from revmchain import Refusal, account, refused

from verifier_contracts.auction import Stage

A, B, C, D, E, NEW = BIDDERS


@pytest.fixture
def w() -> HouseWorld:
    return build()


@pytest.fixture
def sealing(w: HouseWorld) -> tuple[HouseWorld, int]:
    """A and B are shortlisted and got the opening; time to commit."""
    lot = w.open()
    w.bid(lot, A, 1_000 * USD)
    w.bid(lot, B, 2_000 * USD)
    w.show(lot)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    return w, lot


# -- copied calldata ---------------------------------------------------------------------------------------------------
def test_a_copied_commitment_wins_nothing_and_costs_the_bond(sealing: tuple[HouseWorld, int]) -> None:
    """B sends A's commitment as his own, and, once A has revealed, A's price and salt."""
    w, lot = sealing
    w.commit(lot, A, 39_000 * USD)
    w.house("commit", lot, w.terms[lot].digest(), w.sealed(lot, A, 39_000 * USD), sender=B)
    w.after(lot, Stage.REVEAL)
    w.reveal(lot, A, 39_000 * USD)
    with refused("OtherBid", lot, B.lower(), w.sealed(lot, B, 39_000 * USD)):
        w.reveal(lot, B, 39_000 * USD)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), 39_000 * USD)
    assert w.stake(B) == (MONEY - w.bond(lot), 0)


def test_a_front_run_reveal_does_what_its_author_wanted(sealing: tuple[HouseWorld, int]) -> None:
    w, lot = sealing
    w.commit(lot, A, 39_000 * USD)
    w.after(lot, Stage.REVEAL)
    w.reveal(lot, A, 39_000 * USD, sender=B)               # from the mempool
    w.reveal(lot, A, 39_000 * USD)                         # A's own still goes through
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), 39_000 * USD)


def test_who_sees_a_reveal_can_commit_no_more(sealing: tuple[HouseWorld, int]) -> None:
    """Nor in the minute before: a reorganisation that undoes the first reveals must be longer than that."""
    w, lot = sealing
    w.commit(lot, A, 39_000 * USD)
    for stage in (Stage.SEALED, Stage.REVEAL):
        w.after(lot, stage)
        with refused("WrongStage", lot, stage):
            w.commit(lot, B, 39_000 * USD + 1)
        if stage is Stage.SEALED:
            with refused("WrongStage", lot, stage):
                w.reveal(lot, A, 39_000 * USD)


def test_a_reveal_is_of_one_lot_chain_and_house(w: HouseWorld) -> None:
    """What A committed to elsewhere, or B here, with the price and salt that belong to it."""
    first, *others = (w.open(version=version) for version in range(6))
    other = deploy_house(w, w.escrow.address, w.fund.address, w.quote.address)
    price, here = 39_000 * USD, w.house.address
    made = {}
    for place, lot in enumerate(others):
        digest = w.terms[lot].digest()
        made[lot] = (bid_digest(first, w.terms[first].digest(), here, A, price, word(1)),
                     bid_digest(lot, w.terms[first].digest(), here, A, price, word(1)),
                     bid_digest(lot, digest, other.address, A, price, word(1)),
                     bid_digest(lot, digest, here, A, price, word(1), chain_id=2),
                     bid_digest(lot, digest, here, B, price, word(1)))[place]
        w.bid(lot, A, 0)
        w.deliver(lot)
    w.after(first, Stage.COMMIT)
    for lot in others:
        w.house("commit", lot, w.terms[lot].digest(), made[lot], sender=A)
    w.after(first, Stage.REVEAL)
    for lot in others:
        with refused("OtherBid", lot, A.lower(), w.sealed(lot, A, price)):
            w.reveal(lot, A, price)


def test_a_bid_for_a_lot_that_is_another_now_is_refused(w: HouseWorld) -> None:
    """After a reorganisation lot 1 may be another account's: the bid names what it was made for."""
    lot = w.open()
    seen = w.terms[lot]._replace(account=account(0xF3))
    with refused("OtherLot", lot, seen.digest(), w.terms[lot].digest()):
        w.house("blindBid", lot, seen.digest(), 0, sender=A)
    w.bid(lot, A, 0)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    with refused("OtherLot", lot, seen.digest(), w.terms[lot].digest()):
        w.house("commit", lot, seen.digest(), w.sealed(lot, A, USD), sender=A)
    w.commit(lot, A, USD)


# -- bids that are none ------------------------------------------------------------------------------------------------
def test_a_bid_cannot_be_withdrawn(w: HouseWorld) -> None:
    """Not by money, role, a lower bid, nor a lower reveal: it wins, and is paid or costs the bond."""
    lot = w.open()
    w.bid(lot, A, RESERVE)
    free, bond = w.stake(A)
    with refused("FreeShort", A.lower(), free, free + 1):
        w.house("withdraw", free + 1, A, sender=A)
    with refused("BidTooLow", lot, 0, RESERVE + STEP):
        w.bid(lot, A, 0)
    w.system.authority("revokeRole", LIQUIDATOR, A, sender=w.system.admin)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot)
    w.commit(lot, A, 0)
    w.after(lot, Stage.REVEAL)
    w.reveal(lot, A, 0)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (A.lower(), RESERVE)
    w.house("withdraw", free, A, sender=A)
    with refused("FreeShort", A.lower(), bond, RESERVE):
        w.settle(lot)
    w.go(AWARD + 1)
    w.house("fail", lot)
    assert w.stake(A) == (0, 0)


def test_a_look_costs_a_bid_that_beats_the_fund(w: HouseWorld) -> None:
    """Who only wants to see the book cannot bid so low that he never wins."""
    lot = w.open()
    for price in (STANDING - 10**9 * USD, STANDING, STANDING + STEP - 1):
        with refused("BidTooLow", lot, price, STANDING + STEP):
            w.bid(lot, A, price)


def test_dust_keeps_nobody_out_and_gets_nobody_in(w: HouseWorld) -> None:
    """R29: one per cent of max(M, V), around a price of nothing too, where one per cent of the price is nothing."""
    lot = w.open()
    for bidder, price in zip((A, B, C, D), (-3, -2, -1, 0), strict=True):
        w.bid(lot, bidder, price)
    for price in (-2, 1, STEP - 4):
        with refused("BidTooLow", lot, price, STEP - 3):
            w.bid(lot, E, price)
    w.bid(lot, E, STEP - 3)
    with refused("BidTooLow", lot, -1 + 1, STEP - 2):
        w.bid(lot, B, 0)


def test_late_bids_do_not_go_on_for_ever(w: HouseWorld) -> None:
    lot = w.open()
    begin = w.live
    turns = 0
    while w.stage(lot) is Stage.BLIND:
        w.to(max(w.live, w.blind_ends(lot) - 1))
        w.bid(lot, (A, B)[turns % 2], turns * STEP)
        turns += 1
        if w.house("lotOf", lot)[2] == 2 and w.live == w.blind_ends(lot) - 1:
            w.go(1)
    assert w.live - begin == 10 * 60 + 2 * EXTENSION
    assert turns == 3


# -- sybils ------------------------------------------------------------------------------------------------------------
def test_five_places_are_never_one_mans_without_five_bonds(w: HouseWorld) -> None:
    """Each needs the role, a key, a seat's money and a bond; and one place is always the fund's."""
    lot = w.open()
    for bidder in (A, B, C, D):
        w.bid(lot, bidder, 0)
    locked = sum(w.stake(bidder)[1] for bidder in (A, B, C, D))
    assert locked == 4 * w.bond(lot)
    w.bid(lot, E, STEP)                                    # and any other comes in for a step
    w.after(lot, Stage.DISCLOSURE)
    bidders = w.house("shortlistOf", lot)[0]
    assert bidders[0] == AGENT.lower()
    assert E.lower() in bidders
    # No role, no seat; the same money does for one seat only.
    w.escrow("setKey", NEW, *key_of(5))
    w.give(NEW, MONEY)
    w.house("deposit", NEW, MONEY, sender=NEW)
    with refused("AccessManagedUnauthorized", NEW.lower()):
        w.house("takeSeat", sender=NEW)
    w.system.authority("grantRole", LIQUIDATOR, NEW, 0, sender=w.system.admin)
    w.house("withdraw", MONEY, STRANGER, sender=NEW)
    with refused("SeatBondShort"):
        w.house("takeSeat", sender=NEW)


def test_one_bond_does_not_stand_for_two_lots(w: HouseWorld) -> None:
    first, second = w.open(), w.open(account=account(0xF3))
    w.bid(first, A, 0)
    w.house("withdraw", w.stake(A)[0], A, sender=A)
    w.give(A, w.bond(second) - 1)
    w.house("deposit", A, w.bond(second) - 1, sender=A)
    with refused("FreeShort", A.lower(), w.bond(second) - 1, w.bond(second)):
        w.bid(second, A, 0)


# -- options -----------------------------------------------------------------------------------------------------------
def test_to_look_on_and_walk_away_costs_the_bond_each_way(w: HouseWorld) -> None:
    """R30: the price of the option to wait 40 minutes, whichever way it is exercised."""
    for way in ("no reveal", "no carry"):
        lot = w.sold(RESERVE) if way == "no carry" else w.open()
        bond = w.bond(lot)
        before = sum(w.stake(A))
        if way == "no reveal":
            w.bid(lot, A, RESERVE)
            w.after(lot, Stage.COMMIT)
            w.deliver(lot)
            w.commit(lot, A, RESERVE + 1)
            w.after(lot, Stage.CLEARING)
        w.house("clear", lot)
        if way == "no carry":
            w.go(AWARD + 1)
            w.show(lot)
            w.house("fail", lot)
        assert sum(w.stake(A)) == before - bond


def test_defaults_come_to_an_end(w: HouseWorld) -> None:
    """Four winners who do not carry, one after the other, and the fund neither: four bonds, and the lot is over."""
    lot = w.sold(*(n * STEP for n in range(4)))
    w.house("clear", lot)
    begin = w.live
    for turn in range(5):
        assert w.stage(lot) is Stage.AWARD, turn
        w.go(AWARD + 1)
        w.house("fail", lot)
    assert w.stage(lot) is Stage.FAILED
    assert w.house("lotOf", lot)[4] == 0                   # nobody has it
    assert w.live - begin == 5 * (AWARD + 1)
    assert w.stake(w.fund.address) == (4 * w.bond(lot), 0)
    assert w.house("held") == 5 * MONEY


def test_a_keeper_can_neither_rush_nor_hold_up_the_winner(w: HouseWorld) -> None:
    """Whoever clears late gives him no less time: it runs from when he is named."""
    lot = w.sold(RESERVE)
    w.go(3_600)
    w.house("clear", lot, sender=STRANGER)
    with refused("AwardNotOver"):
        w.house("fail", lot, sender=STRANGER)
    w.go(AWARD)
    w.settle(lot)


# -- disclosure --------------------------------------------------------------------------------------------------------
def test_a_venue_that_favours_a_friend_gains_him_only_the_price(w: HouseWorld) -> None:
    """A29: whom it withholds from is free; the friend pays first price, above the reserve or on a shortfall; and the
    committee or everybody may deliver to the rest as long as they can commit."""
    lot = w.open()
    for bidder, price in ((A, 2_000 * USD), (B, 9_000 * USD)):
        w.bid(lot, bidder, price)
    w.after(lot, Stage.COMMIT)
    w.deliver(lot, 0b00010)
    with refused("NotDelivered", lot, B.lower()):
        w.commit(lot, B, 39_000 * USD)
    w.deliver(lot, 0b00110)                                # the committee
    w.commit(lot, B, 39_000 * USD)
    w.after(lot, Stage.REVEAL)
    w.reveal(lot, B, 39_000 * USD)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.winner(lot) == (B.lower(), 39_000 * USD)


def test_a_missing_delivery_takes_no_bond(w: HouseWorld) -> None:
    lot = w.open()
    for bidder in (A, B, C, D):
        w.bid(lot, bidder, RESERVE + BIDDERS.index(bidder))
    w.after(lot, Stage.COMMIT)
    for bidder in (A, B, C, D):
        with refused("NotDelivered", lot, bidder.lower()):
            w.commit(lot, bidder, RESERVE)
    w.after(lot, Stage.CLEARING)
    w.house("clear", lot)
    assert w.stage(lot) is Stage.FAILED                    # no shortfall was shown: who could have
    for bidder in (A, B, C, D):
        w.house("refund", lot, bidder)
        assert w.stake(bidder) == (MONEY, 0)


# -- Black Thursday ----------------------------------------------------------------------------------------------------
def test_an_auction_that_nobody_reaches_sells_for_no_song(w: HouseWorld) -> None:
    """One bidder alone, as when blocks are full: he pays the reserve, or no less than the fund stands for and only on a
    shortfall."""
    for shown, ends in ((False, Stage.FAILED), (True, Stage.AWARD)):
        lot = w.sold(STANDING + STEP, shown=shown)
        w.house("clear", lot)
        assert w.stage(lot) is ends


# -- tokens ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("entered", ["fail", "clear", "refund", "blindBid", "withdraw", "settle"])
def test_a_token_that_calls_back_in_a_settlement_gains_nothing(w: HouseWorld, entered: str) -> None:
    lot = w.sold(0, 0, sealed=(RESERVE, None))
    w.house("clear", lot)
    w.system.authority("grantRole", 5, w.quote.address, 0, sender=w.system.admin)
    calls = {"blindBid": (lot, w.terms[lot].digest(), 10**12), "withdraw": (1, w.quote.address),
             "settle": (lot, RECEIVER), "refund": (lot, A)}
    w.quote("setHook", w.house.address, w.house.data(entered, *calls.get(entered, (lot,))))
    w.settle(lot)
    assert not w.quote("hookSucceeded")
    assert w.quote("balanceOf", RECEIVER) == RESERVE
    assert w.house("held") == 5 * MONEY - RESERVE == w.quote("balanceOf", w.house.address)
    assert w.stake(A) == (MONEY - RESERVE, 0)


def test_a_blacklisted_bidder_stops_nobody(w: HouseWorld) -> None:
    lot = w.sold(1_000 * USD, RESERVE)
    w.quote("setBlacklisted", A, True)
    w.house("clear", lot)
    w.settle(lot)
    w.house("refund", lot, A)
    with pytest.raises(Refusal):
        w.house("withdraw", MONEY, A, sender=A)
    w.house("withdraw", MONEY, STRANGER, sender=A)         # his money is his to send elsewhere
    assert w.quote("balanceOf", STRANGER) == MONEY


def test_hashes_of_this_page_are_those_of_the_contract(w: HouseWorld) -> None:
    kind = keccak(text="SealedBid(uint256 chainId,address house,uint256 lotId,bytes32 lot,address bidder,int256 price,"
                  "bytes32 salt)")
    assert w.house("BID_TYPEHASH") == kind
