"""The auction house beside a model in Python, under random sequences of everybody's calls.

The model says of each call whether it passes or which error it gets, and who has what afterwards. After each call: all
money is somebody's free, somebody's locked, or forfeited in a lot that goes on; each lot ended at most once; what is
locked is the bonds of lots that hold it; the fund has the first place of each; live time did not run backwards.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from houseworld import (
    AGENT,
    AWARD,
    BIDDERS,
    COMMIT,
    DISCLOSURE,
    EXTENSION,
    MARGIN,
    MONEY,
    REVEAL,
    SEAL,
    SEAT_BOND,
    STANDING,
    STRANGER,
    USD,
    VALUE,
    HouseWorld,
    build,
    word,
)
from revmchain import Refusal, account

from verifier_contracts.auction import Stage

CALLS = 2_500
PEOPLE = BIDDERS[:5]


@dataclass
class Place:
    bidder: str
    price: int
    commitment: bytes = bytes(32)
    secret: tuple[int, int] | None = None
    revealed: bool = False
    forfeited: bool = False
    passed: bool = False
    released: bool = False


@dataclass
class Lot:
    number: int
    account: str
    blind_ends: int
    bond: int
    step: int
    reserve: int
    places: list[Place]
    end: Stage | None = None
    extensions: int = 0
    shortfall: bool = False
    winner: int | None = None
    award_ends: int = 0
    delivered: int = 0
    escrow: int = 0


class Model:
    """Runs each call on the contracts and on itself."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.w: HouseWorld = build()
        self.free: Counter = Counter(dict.fromkeys(PEOPLE, MONEY))
        self.locked: Counter = Counter()
        self.paid_in, self.paid_out = 5 * MONEY, 0
        self.lots: list[Lot] = []
        self.ended: Counter = Counter()
        self.passed: Counter = Counter()
        self.refusals: Counter = Counter()
        self.ends: Counter = Counter()
        self.last_live = 0

    # -- the model's own numbers -----------------------------------------------------------------------------------
    def stage(self, lot: Lot) -> Stage:
        if lot.end is not None:
            return lot.end
        if lot.winner is not None:
            return Stage.AWARD
        at = lot.blind_ends
        for stage, length in ((Stage.BLIND, DISCLOSURE), (Stage.DISCLOSURE, COMMIT), (Stage.COMMIT, SEAL),
                              (Stage.SEALED, REVEAL), (Stage.REVEAL, 0)):
            if self.w.live < at:
                return stage
            at += length
        return Stage.CLEARING

    def pending(self) -> int:
        return sum(lot.bond for lot in self.lots if lot.end is None for one in lot.places if one.forfeited)

    def expect(self, name: str, error: str | None, call: Any) -> bool:
        try:
            call()
            got = None
        except Refusal as refusal:
            got = refusal.name
        assert got == error, f"{name}: {got}, and by the model {error}"
        (self.refusals if error else self.passed)[f"{name}: {error}" if error else name] += 1
        return error is None

    def some_lot(self) -> Lot | None:
        going = [lot for lot in self.lots if lot.end is None]
        pool = going if going and self.rng.random() < 0.9 else self.lots
        return self.rng.choice(pool) if pool else None

    def one_of(self, lot: Lot) -> str:
        """Of its bidders, mostly."""
        theirs = [one.bidder for one in lot.places[1:]]
        return self.rng.choice(theirs if theirs and self.rng.random() < 0.8 else PEOPLE)

    # -- calls -----------------------------------------------------------------------------------------------------
    def open(self) -> None:
        if sum(lot.end is None for lot in self.lots) >= 2:
            return
        standing = self.rng.choice([STANDING, STANDING, 0, -40_000 * USD])
        self.w.fund("set", standing)
        value, margin = self.rng.choice([(VALUE, MARGIN), (0, MARGIN), (2 * VALUE, 0)])
        failed = self.rng.choice([account(0xF1), *PEOPLE[:1]])
        number = self.w.open(value=value, margin=margin, account=failed)
        self.lots.append(Lot(number, failed, self.w.live + 600, self.w.bond(number), max(value, margin) // 100,
                             value * 95 // 100, [Place(AGENT, standing)]))
        self.passed["open"] += 1

    def bid(self) -> None:
        lot, who = self.some_lot(), self.rng.choice([*PEOPLE, *PEOPLE, STRANGER])
        if lot is None:
            return
        own = next((one for one in lot.places[1:] if one.bidder == who), None)
        full = len(lot.places) == 5
        beaten = own or (min(lot.places[1:], key=lambda one: one.price) if full else None)
        least = (beaten.price if beaten else lot.places[0].price) + lot.step
        price = least + self.rng.choice([-1, 0, 0, 1, lot.step, lot.reserve - least if lot.reserve > least else 0])
        error = "AccessManagedUnauthorized" if who == STRANGER else \
            "WrongStage" if self.stage(lot) is not Stage.BLIND else "OwnLot" if who == lot.account else \
            "SeatBondShort" if self.free[who] + self.locked[who] < SEAT_BOND else \
            "BidTooLow" if price < least else "FreeShort" if own is None and self.free[who] < lot.bond else None
        if not self.expect("bid", error, lambda: self.w.bid(lot.number, who, price)):
            return
        if own is None:
            self.move(who, lot.bond)
            if beaten is None:
                lot.places.append(Place(who, price))
            else:
                self.move(beaten.bidder, -lot.bond)
                lot.places[lot.places.index(beaten)] = Place(who, price)
        else:
            own.price = price
        if lot.extensions < 2 and self.w.live + EXTENSION >= lot.blind_ends:
            lot.extensions, lot.blind_ends = lot.extensions + 1, lot.blind_ends + EXTENSION

    def move(self, who: str, bond: int) -> None:
        self.free[who] -= bond
        self.locked[who] += bond

    def deliver(self) -> None:
        lot = self.some_lot()
        if lot is None:
            return
        if self.stage(lot) in (Stage.DISCLOSURE, Stage.COMMIT):
            public = self.rng.random() < 0.1
            places = self.rng.choice([0b11111, 0b11111, 0b10, 0b100])
            lot.escrow = 0xff if public else places
            self.w.escrow("deliver", lot.number, places, public)
        if self.rng.random() < 0.6:
            error = None if self.stage(lot) in (Stage.DISCLOSURE, Stage.COMMIT) else "WrongStage"
            if self.expect("note", error, lambda: self.w.house("noteDelivery", lot.number)):
                lot.delivered |= lot.escrow

    def commit(self) -> None:
        lot = self.some_lot()
        if lot is None:
            return
        who = self.one_of(lot)
        place = next((place for place, one in enumerate(lot.places) if one.bidder == who), None)
        secret = (self.rng.choice([lot.reserve, lot.reserve - 1, lot.reserve + self.rng.randint(0, 9), 0, 3 * MONEY]),
                  self.rng.randint(1, 1 << 30))
        error = "WrongStage" if self.stage(lot) is not Stage.COMMIT else "NotShortlisted" if place is None else \
            "NotDelivered" if not (lot.delivered | lot.escrow) >> place & 1 else None
        if self.expect("commit", error, lambda: self.w.commit(lot.number, who, *secret)):
            assert place is not None
            lot.delivered |= lot.escrow
            lot.places[place].secret = secret
            lot.places[place].commitment = self.w.sealed(lot.number, who, *secret)

    def reveal(self) -> None:
        lot = self.some_lot()
        if lot is None:
            return
        who = self.one_of(lot)
        one = next((one for one in lot.places if one.bidder == who), None)
        price, salt = (one.secret if one and one.secret else (0, 1))
        if self.rng.random() < 0.1:
            salt += 1
        error = "WrongStage" if self.stage(lot) is not Stage.REVEAL else "NotShortlisted" if one is None else \
            "NoCommitment" if one.secret is None else "OtherBid" if one.secret != (price, salt) else None
        if self.expect("reveal", error, lambda: self.w.house("reveal", lot.number, who, price, word(salt),
                                                             sender=self.rng.choice([who, STRANGER]))):
            assert one is not None
            one.revealed, one.price = True, max(one.price, price)

    def show(self) -> None:
        lot = self.some_lot()
        if lot is not None and self.rng.random() < 0.3 and self.expect(
                "show", "WrongStage" if lot.end else None, lambda: self.w.show(lot.number)):
            lot.shortfall = True

    def clear(self) -> None:
        lot = self.some_lot()
        if lot is None:
            return
        error = "WrongStage" if self.stage(lot) is not Stage.CLEARING else None
        if self.expect("clear", error, lambda: self.w.house("clear", lot.number)):
            for place, one in enumerate(lot.places):
                if place and one.secret and not one.revealed:
                    self.forfeit(lot, one)
                elif place and not lot.delivered >> place & 1:
                    one.passed = True
            self.name(lot)

    def forfeit(self, lot: Lot, one: Place) -> None:
        one.forfeited = one.passed = True
        self.locked[one.bidder] -= lot.bond

    def name(self, lot: Lot) -> None:
        candidates = [one for one in lot.places if not one.passed]
        best = max((one.price for one in candidates), default=0)
        if not candidates or (best < lot.reserve and not lot.shortfall):
            self.end(lot, Stage.FAILED)
            return
        told = self.w.winner(lot.number)
        (named,) = (place for place, one in enumerate(lot.places) if one.bidder.lower() == told[0])
        assert not lot.places[named].passed
        assert told[1] == lot.places[named].price == best
        lot.winner, lot.award_ends = named, self.w.live + AWARD

    def end(self, lot: Lot, stage: Stage) -> None:
        lot.end = stage
        self.ended[lot.number] += 1
        self.ends[stage] += 1
        for one in lot.places:
            if one.forfeited and stage is not Stage.VOIDED:
                self.free[self.w.fund.address] += lot.bond
                one.released = True

    def fail(self) -> None:
        lot = self.some_lot()
        if lot is None:
            return
        error = "WrongStage" if self.stage(lot) is not Stage.AWARD else \
            "AwardNotOver" if self.w.live <= lot.award_ends else None
        if self.expect("fail", error, lambda: self.w.house("fail", lot.number)):
            assert lot.winner is not None
            one = lot.places[lot.winner]
            if lot.winner:
                self.forfeit(lot, one)
            one.passed, lot.winner = True, None
            self.name(lot)

    def settle(self) -> None:
        lot = self.some_lot()
        if lot is None:
            return
        one = lot.places[lot.winner] if lot.winner is not None else None
        error = "WrongStage" if self.stage(lot) is not Stage.AWARD or one is None else \
            "AwardOver" if self.w.live > lot.award_ends else \
            "FreeShort" if one.price > self.free[one.bidder] + (lot.bond if lot.winner else 0) else None
        if self.expect("settle", error, lambda: self.w.settle(lot.number)):
            assert one is not None
            assert one.price >= lot.reserve or lot.shortfall
            self.end(lot, Stage.SETTLED)
            if lot.winner:
                self.move(one.bidder, -lot.bond)
                one.released = True
            if one.price > 0:
                self.free[one.bidder] -= one.price
                self.paid_out += one.price

    def void(self) -> None:
        lot = self.some_lot()
        if lot is None or self.rng.random() > 0.1:
            return
        if self.expect("void", "WrongStage" if lot.end else None, lambda: self.w.void(lot.number)):
            for one in lot.places:
                if one.forfeited:
                    self.locked[one.bidder] += lot.bond
                    one.forfeited = False
            self.end(lot, Stage.VOIDED)

    def refund(self) -> None:
        waiting = [lot for lot in self.lots if lot.end and any(not one.released for one in lot.places[1:])]
        lot = self.rng.choice(waiting) if waiting and self.rng.random() < 0.7 else self.some_lot()
        if lot is None:
            return
        who = self.rng.choice([*PEOPLE, AGENT])
        one = next((one for one in lot.places if one.bidder == who), None)
        error = "WrongStage" if not lot.end else "NotShortlisted" if one is None else \
            "NothingToRelease" if one.released or who == AGENT else None
        if self.expect("refund", error, lambda: self.w.house("refund", lot.number, who)):
            assert one is not None
            one.released = True
            self.move(who, -lot.bond)

    def money(self) -> None:
        winners = [lot.places[lot.winner].bidder for lot in self.lots if lot.end is None and lot.winner]
        who = self.rng.choice(winners if winners and self.rng.random() < 0.5 else PEOPLE)
        amount = self.rng.choice([1, USD, 20_000 * USD, 60_000 * USD])
        if self.rng.random() < 0.5:
            self.w.give(who, amount)
            self.w.house("deposit", who, amount, sender=who)
            self.free[who] += amount
            self.paid_in += amount
        elif self.rng.random() < 0.7:
            amount = self.rng.choice([amount, max(1, self.free[who]), self.free[who] + 1])
            error = "FreeShort" if amount > self.free[who] else None
            if self.expect("withdraw", error, lambda: self.w.house("withdraw", amount, who, sender=who)):
                self.free[who] -= amount
                self.paid_out += amount
        else:
            mine = self.free[self.w.fund.address]
            if self.expect("payFund", None if mine else "NoAmount", lambda: self.w.house("payFund")):
                self.free[self.w.fund.address] = 0
                self.paid_out += mine

    def time(self) -> None:
        if self.rng.random() < 0.05:
            live = self.w.live
            self.w.system.pass_time(1_300)                 # epochs are missing: live time stops in between
            assert live <= self.w.live < live + 1_300
            self.w.system.publish([])
        else:
            self.w.go(self.rng.choice([1, 30, 61, 119, 120, 180, 361]))

    # -- what must hold --------------------------------------------------------------------------------------------
    def check(self) -> None:
        house = self.w.house
        total = sum(self.free.values()) + sum(self.locked.values()) + self.pending()
        assert house("held") == total == self.paid_in - self.paid_out == self.w.quote("balanceOf", house.address)
        assert max(self.ended.values(), default=0) <= 1
        who = self.rng.choice([*PEOPLE, self.w.fund.address])
        assert self.w.stake(who) == (self.free[who], self.locked[who])
        assert self.locked[who] == sum(lot.bond for lot in self.lots for one in lot.places[1:]
                                       if one.bidder == who and not one.released and not one.forfeited)
        assert self.w.live >= self.last_live
        self.last_live = self.w.live
        lot = self.some_lot()
        if lot is not None:
            told = house("lotOf", lot.number)
            assert (told[1], told[2], told[10], told[5]) == (
                len(lot.places), lot.extensions, lot.blind_ends, lot.delivered)
            assert self.w.stage(lot.number) is self.stage(lot)
            assert told[18][0][0] == AGENT.lower()
            assert [(place[0], place[1], place[2]) for place in told[18][:told[1]]] == [
                (one.bidder.lower(), one.price, one.commitment) for one in lot.places]

    def run(self, calls: int) -> None:
        fitting = {Stage.BLIND: [self.bid], Stage.DISCLOSURE: [self.deliver, self.time],
                   Stage.COMMIT: [self.deliver, self.commit, self.commit], Stage.SEALED: [self.time],
                   Stage.REVEAL: [self.reveal], Stage.CLEARING: [self.clear],
                   Stage.AWARD: [self.settle, self.fail, self.time, self.money]}
        steps = [self.open, self.bid, self.deliver, self.commit, self.reveal, self.show, self.clear, self.fail,
                 self.settle, self.void, self.refund, self.refund, self.money, self.time, self.time]
        for _ in range(calls):
            lot = self.some_lot()
            likely = fitting.get(self.stage(lot), []) if lot is not None else []
            self.rng.choice(likely if likely and self.rng.random() < 0.5 else steps)()
            self.check()


PATHS = ("open", "bid", "note", "commit", "reveal", "show", "clear", "fail", "settle", "void", "refund", "withdraw",
         "payFund")
REFUSALS = {"bid: AccessManagedUnauthorized", "bid: WrongStage", "bid: OwnLot", "bid: BidTooLow", "bid: FreeShort",
            "commit: WrongStage", "commit: NotShortlisted", "commit: NotDelivered", "note: WrongStage",
            "reveal: WrongStage",
            "reveal: NoCommitment", "reveal: OtherBid", "clear: WrongStage", "fail: AwardNotOver", "settle: AwardOver",
            "settle: FreeShort", "settle: WrongStage", "refund: WrongStage", "refund: NothingToRelease",
            "refund: NotShortlisted", "withdraw: FreeShort"}


@pytest.mark.parametrize(("seed", "calls"), [(1, CALLS), pytest.param(2, 12_000, marks=pytest.mark.slow)])
def test_house_and_model_agree(seed: int, calls: int) -> None:
    model = Model(seed)
    model.run(calls)
    assert all(model.passed[path] for path in PATHS), model.passed
    assert set(model.refusals) >= REFUSALS, REFUSALS - set(model.refusals)
    assert all(model.ends[end] for end in (Stage.SETTLED, Stage.VOIDED, Stage.FAILED)), model.ends
    assert model.paid_out > 0
