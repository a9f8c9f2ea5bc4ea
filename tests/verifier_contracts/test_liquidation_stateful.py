"""Calls, partial closes and lots under random sequences of everybody's calls, true and false claims alike.

What must hold after each call, whatever was tried:

- collateral leaves an account by an award alone, and an award, or a close, is of an account that was short (R5);
- commitments change by registration, transition, partial close and award, and by nothing else;
- nobody who is covered or flat is called by silence, and no more in an epoch than a hundredth of all, or one;
- a lot ends once: its state never goes back, its auction ended at most once, its account is locked exactly while it is
  open or stuck;
- all money is where it was, and nothing stays with the coordinator; what a lot lost was borne to the unit;
- live time never runs backwards; whoever can show cover at initial margin is cured, whatever else is going on.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from eth_account.signers.local import LocalAccount
from ledger_world import BUFFERS
from liquidation_world import (
    ANYBODY,
    BAND,
    COVER,
    MINUTE,
    NO_SHORTFALL,
    Stage,
    State,
    build_liquidation,
)
from revmchain import Refusal, account

STEPS = 300
ENDS = {State.AWARDED, State.VOIDED, State.FAILED, State.RELEASED}
BIDDERS = [account(0xB1D0 + n) for n in range(2)]
LIQUIDATE = 2

BORNE = 50
"""What gains bear of a loss at most."""


class Play:
    def __init__(self, seed: int) -> None:
        self.rng, self.w = random.Random(seed), build_liquidation()
        self.keys = [self.w.key(f"player {n}") for n in range(5)]
        self.fresh = 0
        self.done: Counter[str] = Counter()
        self.states: dict[int, State] = {}
        self.live = self.w.live
        self.called: Counter[int] = Counter()
        w = self.w
        for contract, amount in ((w.fund, 3_000), (w.house, 1 << 40), (w.bonds, 10_000), (w.allocator, 1 << 40)):
            w.s.quote("mint", contract.address, amount)
        for venue in w.s.venues:
            w.bonds("post", venue.address, 5_000)
        w.allocator("bear", BORNE)
        for key in self.keys:
            w.register(key, self.rng.choice([0, 300, 700, 800]), self.rng.choice(w.s.venues).address)
            w.deposit(key.address, 1_000)

    # -- what is there -----------------------------------------------------------------------------------------------
    def people(self) -> list[str]:
        return [key.address for key in self.keys]

    def short(self, who: str, buffer: int = BUFFERS[0]) -> bool:
        return 10_000 * self.w.value(who) < self.margin(who) * (10_000 + buffer)

    def margin(self, who: str) -> int:
        return self.w.margins.get(self.w.commitment(who), 0)

    def money(self) -> int:
        w = self.w
        return sum(int(w.s.quote("balanceOf", one.address)) for one in
                   (w.s.vault, w.house, w.fund, w.bonds, w.allocator, w.coordinator)) - self.brought

    brought = 0

    # -- moves -------------------------------------------------------------------------------------------------------
    def someone(self, status: str = "") -> str:
        those = [who for who in self.people() if self.w.status(who) == status]
        return self.rng.choice(those if those and self.rng.random() < 0.9 else self.people())

    def some_lot(self, *states: State) -> int:
        lots = range(1, self.w.coordinator("lots") + 1)
        those = [n for n in lots if self.w.state(n) in states]
        return self.rng.choice(those or [*lots, 1])

    def pass_time(self) -> None:
        if self.rng.random() < 0.05:
            self.w.wait(self.rng.choice([1_500, 5_000]))
        else:
            self.w.run(self.rng.choice([60, 300, 600, 1_200]))

    def fall(self) -> None:
        """Prices move: a commitment's margin is another, under all epochs that come."""
        who = self.rng.choice(self.people())
        commitment = self.w.commitment(who)
        if self.w.margins.get(commitment):
            factor = self.rng.choice([70, 110, 140, 200])
            self.w.margins[commitment] = max(1, self.w.margins[commitment] * factor // 100)

    def deposit(self) -> None:
        amount = self.rng.choice([1, 50, 400])
        self.w.deposit(self.someone("Called"), amount)
        self.brought += amount

    def register(self) -> None:
        key = self.rng.choice(self.keys)
        venue = self.w.s.ledger("venueOf", key.address)
        self.w.register(key, self.rng.choice([0, 300, 700, 1_500]), venue)

    def cover(self) -> None:
        self.w.cover(self.someone(), self.rng.choice([0, 1, 1, 2]))

    def cure(self) -> None:
        """Cover at initial margin is taken whatever else is going on, where it is there and an epoch is."""
        who = self.someone("Called")
        fits = 10_000 * self.w.value(who) >= self.margin(who) * (10_000 + BUFFERS[1])
        young = self.w.now <= self.w.epoch + 30 * MINUTE
        if fits and young and not self.w.s.oracle("storedRootOf", self.w.epoch)[1]:
            self.w.cover(who, 1)
            assert self.w.status(who) in ("Valid", "Flat"), self.w.status(who)

    def flat(self) -> None:
        who = self.someone()
        version = self.w.version(who)
        self.w.s.ledger("attestFlat", who, version, 0, self.w.flat_proof(who, version, self.w.commitment(who)))

    def shortfall(self) -> None:
        self.w.shortfall(self.rng.choice(self.people()))

    def transition(self) -> None:
        who = self.someone("Called")
        margin = self.margin(who)
        self.w.transition(who, self.w.commit_to(self.rng.choice([0, margin // 2, margin]), self.w.commitment(who)),
                          self.rng.choice([0, COVER, COVER]))

    def note(self) -> None:
        self.w.silence("noteSilence", self.someone("ReduceOnly"))

    def call_silent(self) -> None:
        before = {who: self.w.status(who) for who in self.people()}
        self.w.silence("callSilent", self.rng.choice(self.w.s.venues).address, 3)
        for who, status in before.items():
            if self.w.status(who) == "Called" and (status != "Called"):
                assert status in ("ReduceOnly", "NotAttested", "Distrusted", "Frozen", "Valid"), status
                assert status != "Valid" or self.w.s.ledger("stateOf", who)[4] & 7 < 3, "a margin that covers nothing"
                self.called[self.w.epoch] += 1
        assert self.called[self.w.epoch] <= max(1, self.w.s.desk("accounts") // 100)

    def to_venue(self) -> None:
        self.w.closes("passToVenue", self.someone("Called"))

    def drive(self) -> None:
        """On to where somebody may do something."""
        who = self.someone("Called")
        if self.w.since(who):
            (self.w.to_venue if self.rng.random() < 0.5 else self.w.to_lots)(who)

    def ready(self, lots: bool) -> str:
        """Somebody whose venue may close, or who may be sold; or anybody."""
        w = self.w
        times = {who: w.closes("venuesTimeOf", who) for who in self.people()}
        those = [who for who, (start, end) in times.items()
                 if start and not w.s.vault("lotOf", who) and (not lots or w.live >= end)]
        return self.rng.choice(those) if those and self.rng.random() < 0.9 else self.someone("Called")

    def close(self) -> None:
        who = self.ready(False)
        was_short = self.short(who)
        target = self.w.value(who) * 10_000 // (10_000 + BUFFERS[1])
        margin = self.rng.choice([target, target, target, target - 5, target // 2, 0, 0, target + 3])
        flat = self.rng.random() < (0.8 if margin == 0 else 0.05)
        new = self.w.commit_to(max(0, margin), self.w.commitment(who))
        self.w.closes("closePartial", self.w.closing(who, new, flat=flat, concession=self.rng.choice([0, 0, 0, 1, 30])))
        assert was_short, "of an account that was not short"
        value, margin = self.w.value(who), self.margin(who)
        assert margin == 0 or (10_000 * value >= margin * (10_000 + BUFFERS[1])
                               and 10_000 * value < margin * (10_000 + BUFFERS[1] + BAND))

    def open_lot(self) -> None:
        who = self.ready(True)
        margin = self.rng.choice([0, self.margin(who), self.margin(who) + 1])
        s = self.w.short(who) if self.rng.random() < 0.7 and self.w.final_epoch() else NO_SHORTFALL
        self.w.open_lot(who, margin, s)

    def auction(self) -> None:
        lot = self.some_lot(State.OPEN)
        stage = self.w.house("stageOf", lot)
        if stage < Stage.SETTLED and stage:
            self.w.house("set", lot, self.rng.choice([Stage.DISCLOSURE, Stage.COMMIT, Stage.FAILED, Stage.CLEARING]))

    def disclose(self) -> None:
        lot = self.some_lot(State.OPEN)
        if self.rng.random() < 0.5:
            self.w.coordinator(self.rng.choice(["orderDisclosure", "orderPublicDisclosure"]), lot)
        elif self.w.escrow("orders", lot):
            self.w.escrow("deliver", lot, self.rng.choice([0, 3]), self.rng.random() < 0.2)

    def show(self) -> None:
        lot = self.some_lot(State.OPEN, State.STUCK)
        who = next((p for p in self.people() if p.lower() == self.w.lot(lot)[0]), self.people()[0])
        self.w.coordinator(self.rng.choice(["showShortfall", "reviveLot"]), lot, self.w.short(who))

    def win(self) -> None:
        lot = self.some_lot(State.OPEN)
        stage = self.w.house("stageOf", lot)
        if Stage.NONE < stage < Stage.SETTLED:
            self.w.house("win", lot, self.rng.choice(BIDDERS), self.rng.choice([-900, -200, 0, 250]))

    def award(self) -> bool:
        w, lot = self.w, self.some_lot(State.OPEN)
        who = next((p for p in self.people() if p.lower() == w.lot(lot)[0]), self.people()[0])
        if w.house("stageOf", lot) != Stage.AWARD:
            return False
        bidder, price = w.house("winnerOf", lot)
        self.fresh += 1
        to: LocalAccount = w.key(f"fresh {self.fresh}")
        was_short, value, fund = self.short(who), w.value(who), int(w.s.quote("balanceOf", w.fund.address))
        owed, paid = w.s.vault("owed", who, w.s.quote.address), min(fund, max(0, -price))
        own = self.rng.choice([0, 3_000])
        if own:
            w.deposit(to.address, own)
            self.brought += own
        total = value + paid + min(BORNE, max(0, -price) - paid) + own
        shown = w.short(who) if self.rng.random() < 0.9 and w.final_epoch() else NO_SHORTFALL
        w.coordinator("award", w.awarding(lot, who, to, total, short=shown),
                      sender=bidder if self.rng.random() < 0.9 else ANYBODY)
        assert was_short, "sold while it was not short"
        assert (w.value(who), w.value(to.address)) == (0, total)
        assert w.s.vault("owed", who, w.s.quote.address) == owed + max(0, price)
        amount = w.allocator("losses", w.coordinator("lossIdOf", lot))[3]
        assert paid + amount == max(0, -price), "every unit of the loss"
        self.keys = [key for key in self.keys if key.address != who] + [to]
        self.keys.append(w.keys[who])
        return True

    def end_lot(self) -> None:
        end = self.rng.choice(["voidLot", "failLot", "reportBreach"])
        self.w.coordinator(end, self.some_lot(State.OPEN, State.STUCK))

    def release(self) -> None:
        if self.rng.random() < 0.2:
            self.w.wait(7 * 86_400)
        self.w.coordinator("releaseLot", self.some_lot(State.STUCK), sender=self.w.s.admin)

    def freeze(self) -> None:
        if self.rng.random() < 0.15:
            self.w.s.freeze(self.rng.choice(sorted(self.w.s.factors)[-8:]))

    def pause(self) -> None:
        if self.rng.random() < 0.1:
            self.w.s.vault("pause", LIQUIDATE, 3_000, sender=self.w.s.guardian)

    # -- playing -----------------------------------------------------------------------------------------------------
    MOVES = (("pass_time", 10), ("fall", 3), ("deposit", 2), ("register", 1), ("cover", 3), ("cure", 1), ("flat", 1),
             ("shortfall", 7), ("transition", 1), ("note", 5), ("call_silent", 4), ("to_venue", 2), ("drive", 7),
             ("close", 8), ("open_lot", 5), ("auction", 4), ("disclose", 4), ("show", 2), ("win", 4), ("award", 6),
             ("end_lot", 7), ("release", 1), ("freeze", 1), ("pause", 1))
    MAY_CHANGE = ("register", "transition", "close", "award")

    def step(self) -> None:
        name = self.rng.choices([move for move, _ in self.MOVES], [weight for _, weight in self.MOVES])[0]
        w = self.w
        people = self.people()
        before = {who: (w.commitment(who), w.value(who)) for who in people}
        money = self.money()
        move: Callable[[], Any] = getattr(self, name)
        try:
            self.done[name if move() is not False else f"{name}: nothing to do"] += 1
        except Refusal as refusal:
            if " " in refusal.name:                                                  # no error of a contract's
                raise
            self.done[f"{name}: {refusal.name}"] += 1
        for who, (commitment, value) in before.items():
            assert name in self.MAY_CHANGE or w.commitment(who) == commitment, (name, who)
            assert name == "award" or w.value(who) >= value, (name, who)
        assert self.money() == money, name
        assert w.s.quote("balanceOf", w.coordinator.address) == 0
        live, self.live = self.live, w.live
        assert self.live >= live
        for lot in range(1, w.coordinator("lots") + 1):
            state = w.state(lot)
            was = self.states.get(lot, State.OPEN)
            assert state == was or was == State.OPEN or (was == State.STUCK and state in (State.VOIDED, State.RELEASED))
            self.states[lot] = state
            assert w.house("endings", lot) <= 1
            locked = w.s.vault("lotOf", w.lot(lot)[0]) == lot
            assert locked == (state in (State.OPEN, State.STUCK)), (name, lot, state)
            assert state not in (State.AWARDED, State.VOIDED, State.FAILED) or w.house("endings", lot) == 1


def test_whatever_happens():
    done, ends = Counter[str](), set[State]()
    for seed in range(int(os.environ.get("LIQUIDATION_SEEDS", "2"))):
        play = Play(seed)
        for _ in range(STEPS):
            play.step()
        done += play.done
        ends |= {*play.states.values()}
    if os.environ.get("SAY"):
        print(sorted(done.items()), ends)
    for name in ("award", "close", "call_silent", "open_lot", "end_lot"):
        assert done[name], (name, done)
    assert State.AWARDED in ends
    assert len(ends & ENDS) >= 2, ends
