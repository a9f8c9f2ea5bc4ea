"""Accounts, protocols and keepers under random sequences, beside a model of what each unit of money does.

What must hold after each step, whatever was tried:

- what came in is what was repaid, paid and deposited, to the unit, and as the model says of each;
- an account's collateral never falls, nor does what it has elsewhere but by a liquidation that was due;
- a liquidation is of an account that is called, was short and has no lot; it leaves nothing where it was not left out;
- the unwinder holds what keepers have not collected, and no unit else;
- a keeper earns, in one call of one account, no more than the cap; a debt takes no more than was allowed.
"""

from __future__ import annotations

import os
import random
from collections import Counter

from ledger_world import BUFFERS
from liquidation_world import MINUTE
from revmchain import Refusal, account
from revmsystem import COIN_ID, ONE, QUOTE_ID
from unwinding_world import STRIKE, TERMS, UnwindingWorld, build_unwinding

from verifier_contracts.unwinding import Listing, haircut_of
from verifier_contracts.vault import Factor

STEPS = 250
KEEPERS = [account(0x6EE0 + n) for n in range(2)]
MARGIN, SHORT = 500_000, 20_000_000


class Play:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.u: UnwindingWorld = build_unwinding()
        self.w = self.u.w
        self.third = self.u.hostile(300, QUOTE_ID)
        self.keys = [self.w.key(f"player {n}") for n in range(3)]
        self.price, self.done = 2_000_000, Counter[str]()
        self.earned: Counter[tuple[str, int]] = Counter()
        self.allowed: Counter[tuple[str, str]] = Counter()
        for key in self.keys:
            who = self.u.open_account(key=key)
            self.u.give(who, 10**12, 10**12)
            for adapter in self.rng.sample(self.adapters, 2):
                self.u.join(who, adapter, 50_000)
                self.allowed[who, adapter.address] = 50_000

    @property
    def adapters(self):
        return (self.u.lender, self.u.writer, self.third)

    def some(self, called: bool = False) -> str:
        """Anybody, or mostly somebody who is called."""
        people = [str(key.address) for key in self.keys]
        those = [who for who in people if self.w.status(who) == "Called"] if called else []
        return self.rng.choice(those if those and self.rng.random() < 0.95 else people)

    def due(self) -> str:
        """Mostly somebody whose venue's time has begun."""
        those = [str(key.address) for key in self.keys if self.w.closes("venuesTimeOf", key.address)[0]]
        return self.rng.choice(those) if those and self.rng.random() < 0.9 else self.some(True)

    def factors(self) -> list[Factor]:
        v = self.price * ONE * 7 // 10 // 1_000_000
        return [Factor(QUOTE_ID, ONE, ONE), Factor(COIN_ID, v, v * 3 // 2)]

    # -- moves -----------------------------------------------------------------------------------------------------
    def join(self) -> None:
        who, adapter, most = self.some(), self.rng.choice(self.adapters), self.rng.choice([0, 10_000, 10**6])
        self.u.join(who, adapter, most)
        self.allowed[who, adapter.address] = most

    def quit(self) -> None:
        who, adapter = self.some(), self.rng.choice(self.adapters)
        self.u.unwinder("quit", adapter.address, sender=who)
        self.allowed[who, adapter.address] = 0

    def supply(self) -> None:
        self.u.pool("supply", self.rng.choice([1, 1_000, 300_000]), sender=self.some())

    def borrow(self) -> None:
        who = self.some()
        self.u.attest(who) if self.w.status(who) == "Valid" and self.rng.random() < 0.5 else None
        self.u.pool("borrow", self.rng.choice([1, 5_000, 200_000]), sender=who)

    def trade(self) -> None:
        who = self.some()
        if self.rng.random() < 0.5:
            self.u.options("buy", self.rng.choice([1, 3]), 1_000, sender=who)
        else:
            self.u.options("write", 1, self.rng.choice([100_000, 400_000]), 1_000, sender=who)

    def third_says(self) -> None:
        owed = self.rng.choice([0, 0, 7_777])
        there = [self.rng.choice([0, 1]), self.rng.choice([0, 900, 90_000]), owed]
        self.third("set", there, [self.rng.choice([0, 50_000]), 99_999])

    def move_price(self) -> None:
        self.price = self.rng.choice([300_000, 1_000_000, 2_000_000, 2_600_000])
        for protocol in (self.u.pool, self.u.options):
            protocol("setPrice", self.price, sender=self.u.admin)
        self.w.wait(max(0, self.w.epoch + 240 - self.w.now))
        self.w.publish([tuple(factor) for factor in self.factors()])

    def pass_time(self) -> None:
        self.w.run(self.rng.choice([300, 600]))

    def fall(self) -> None:
        who = self.some()
        self.w.margins[self.w.commitment(who)] = SHORT
        if self.w.status(who) != "Called":
            self.w.publish_now()
            self.w.shortfall(who)

    def ready(self) -> None:
        who = self.some(True)
        if self.w.status(who) == "Called":
            self.w.to_venue(who)
            if self.rng.random() < 0.6:
                self.w.live_to(max(self.w.live, self.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE))
            self.move_price()

    def cure(self) -> None:
        who = self.some(True)
        self.w.margins[self.w.commitment(who)] = MARGIN
        if self.w.status(who) == "Called":
            self.w.publish_now()
            self.w.cover(who)

    def open_lot(self) -> None:
        if self.rng.random() < 0.1:
            self.w.open_lot(self.some(), 0)

    def collect(self) -> None:
        keeper = self.rng.choice(KEEPERS)
        to, before = account(0xC0), self.u.unwinder("owed", keeper)
        held = self.u.cash(to)
        self.u.unwinder("collect", to, sender=keeper)
        assert self.u.cash(to) == held + before > 0

    # -- the model ---------------------------------------------------------------------------------------------------
    def told(self, who: str, out: list[str]) -> tuple[int, int, int, list[tuple[str, int]]]:
        """Received, repaid, pay, and what each debt takes, as the rules say."""
        listed = {one: self.u.listing(one) for one in self.u.members(who) if one not in out}
        order = sorted(listed, key=lambda one: (haircut_of(listed[one], self.u.newest_factors()), listed[one].rank,
                                                int(one, 16)))
        received, debts = 0, {}
        book = self.u.options("bookOf", who)
        each = max(0, self.price - STRIKE)
        for one in order:
            if one == self.u.writer.address:
                has, owes = book[0] * each + book[2], book[1] * each + book[3]
                if book[0] + book[1]:
                    received += max(0, has - owes)
                    debts[one] = max(0, owes - has)
                else:
                    debts[one] = book[3]
            elif one == self.u.lender.address:
                supplied, debt = self.u.pool("supplied", who), self.u.pool("debtOf", who)
                worth = 0 if self.is_dust(listed[one], supplied) else supplied * self.price // 10**6 * 99 // 100
                received += max(0, worth - debt)
                debts[one] = max(0, debt - worth)
            else:
                open_, held, owed = self.third("positionOf", who)
                pays = [self.third("pays", n) for n in range(2)]
                received += (pays[0] if open_ else 0) + (
                    0 if self.is_dust(listed[one], held) else pays[1])
                debts[one] = owed
        since = self.w.since(who)
        pay = min(received * TERMS.share // 10_000, TERMS.cap - self.earned[who, since])
        free, taken = received - pay, []
        for one in order:
            amount = min(debts[one], self.allowed[who, one], free)
            free -= amount
            taken.append((one, amount))
        return received, sum(amount for _, amount in taken), pay, taken

    def is_dust(self, listing: Listing, held: int) -> bool:
        """Of no more than a cent before the haircut, or none."""
        debt = next((d for asset, _, d in self.u.newest_factors() if asset == listing.asset_id), 0)
        return not held or (debt != 0 and held * debt // ONE <= 10_000)

    def liquidate(self) -> None:
        who = self.due()
        members = self.u.members(who)
        out = [self.rng.choice(members)] if members and self.rng.random() < 0.3 else []
        steps = self.u.steps(who, out=out)
        if self.rng.random() < 0.1 and len(steps) > 1:
            self.rng.shuffle(steps)
        order = steps == self.u.steps(who, out=out)
        received, repaid, pay, taken = self.told(who, out)
        since, value = self.w.since(who), self.w.value(who)
        was_short = 10_000 * value < self.w.margins[self.w.commitment(who)] * (10_000 + BUFFERS[0])
        keeper = self.rng.choice(KEEPERS)
        owed, lot = self.u.unwinder("owed", keeper), self.w.s.vault("lotOf", who)
        from_ = self.w.closes("venuesTimeOf", who)[0]
        said = self.u.events(who, out, sender=keeper, steps=steps)
        assert order, "in disorder"
        assert was_short, "of an account that was not short"
        assert since, "of an account that was not called"
        assert from_, "in its owner's time"
        assert not lot, "under a lot"
        assert not out or self.w.live >= from_ + 10 * MINUTE
        assert said[-1][4:] == (received, repaid, pay, received - repaid - pay), (said, received, repaid, pay)
        assert self.w.value(who) == value + received - repaid - pay
        assert self.u.unwinder("owed", keeper) == owed + pay
        self.earned[who, since] += pay
        assert self.earned[who, since] <= TERMS.cap
        for one, amount in taken:
            self.allowed[who, one] -= amount
            assert self.u.unwinder("mostRepaidOf", who, one) == self.allowed[who, one]
        for adapter in self.adapters:
            if adapter.address in members and adapter.address not in out:
                open_, held, _ = adapter("positionOf", who)
                assert not open_
                assert self.is_dust(self.u.listing(adapter.address), held)
        self.done["repaid"] += bool(repaid)
        self.done["left out"] += bool(out)
        self.done["brought in"] += bool(received)

    MOVES = (("join", 5), ("quit", 4), ("supply", 6), ("borrow", 6), ("trade", 9), ("third_says", 3), ("move_price", 4),
             ("pass_time", 2), ("fall", 4), ("ready", 6), ("cure", 3), ("open_lot", 1), ("collect", 2),
             ("liquidate", 14))

    def elsewhere(self) -> int:
        holders = (self.u.pool, self.u.options, self.third, self.w.s.vault, self.u.unwinder)
        return sum(self.u.cash(one.address) for one in holders)

    def step(self) -> None:
        name = self.rng.choices([move for move, _ in self.MOVES], [weight for _, weight in self.MOVES])[0]
        people = [str(key.address) for key in self.keys]
        values = {who: self.w.value(who) for who in people}
        there = {who: self.u.positions(who) for who in people}
        money = self.elsewhere()
        try:
            getattr(self, name)()
            self.done[name] += 1
        except Refusal as refusal:
            if " " in refusal.name:                                                    # no error of a contract's
                raise
            self.done[f"{name}: {refusal.name}"] += 1
        for who in people:
            assert self.w.value(who) >= values[who], name
            if name not in ("supply", "borrow", "trade", "liquidate"):
                assert self.u.positions(who) == there[who], name
        if name == "liquidate":
            assert self.elsewhere() == money
        assert self.u.cash(self.u.unwinder.address) == sum(self.u.unwinder("owed", keeper) for keeper in KEEPERS)


def test_whatever_happens():
    done = Counter[str]()
    for seed in range(int(os.environ.get("UNWINDING_SEEDS", "3"))):
        play = Play(seed)
        for _ in range(STEPS):
            play.step()
        done += play.done
    if os.environ.get("SAY"):
        print(sorted(done.items()))
    for name in ("liquidate", "repaid", "left out", "brought in", "collect", "borrow", "quit"):
        assert done[name], (name, done)
