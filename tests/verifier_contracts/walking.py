"""Random sequences of everybody's calls on the whole system: owners, two venues, publishers, bidders, backers, keepers,
guardian, admin, committee and the clock, with true and false claims alike. After each call `ghosts.py` looks."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import fields
from typing import Any

from eth_abi.abi import encode
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from ghosts import LIST, Ghosts, Rests, TimedWorld, holds
from ledger_world import BUFFERS, EMPTY, LIVES, MINUTE
from liquidation_world import COVER, MARGIN, NO_SHORTFALL, NONE, Kept, Stage, State
from lot_world import loss_id
from mocks import compiled
from revmchain import Refusal, account
from revmsystem import DAY, INTERVAL, LAG, QUANTUM
from system_world import AGENT, FUND_CAPS, LIQUIDATORS, TERMS
from unwinding_world import build_unwinding
from whole_world import PAYER, SHARED, build_whole

ANYBODY, KEEPERS = account(0xA11), [account(0x6EE0 + n) for n in range(2)]
BACKERS = [account(0xBAC0 + n) for n in range(2)]
BIDDERS: dict[str, LocalAccount] = {one.address: one for one in (*LIQUIDATORS, AGENT)}
OPEN, EXIT, LIQUIDATE, SETTLE = range(4)
WEEK = 7 * DAY
SALT = b"\7" * 32
WORLDS = ("history", "epochs", "marks", "published", "frozen", "held", "posts", "openings")
GHOSTS = tuple(one.name for one in fields(Ghosts) if one.name not in ("w", "u"))
OWN = ("done", "fresh", "covered_until", "flat_said", "claims", "secrets", "silent_lots", "announced", "generation",
       "people", "focus")


class Walk:
    """One world, and who walks on it. done : of each handler, and of each refusal, how often.  calls : that were made.
    """

    PEOPLE = 7

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.w = build_whole(TimedWorld)
        w = self.w
        w.margins[0] = 1 << 80                              # of a void commitment nothing can be shown
        self.u = build_unwinding(w)
        self.feed = w.s.machine.deploy(compiled("MockReference")["MockReference"], sender=w.s.admin)
        w.s.oracle("setReference", 0, 0, (self.feed.address, 8, DAY, 500), sender=w.s.admin)
        self.done: Counter[str] = Counter()
        self.fresh = 0
        self.covered_until: dict[str, int] = {}
        self.flat_said: set[str] = set()
        self.claims: dict[bytes, tuple[Any, ...]] = {}
        self.secrets: dict[tuple[int, str], int] = {}
        self.silent_lots: set[int] = set()
        self.announced = 0
        self.generation = 1
        self.subjects: list[str] = []
        self.rests: list[Rests] = []
        self.redeemed: bytes | None = None
        self.focus = 0                                      # a lot that the next steps are mostly about
        self.escapes: Counter[str] = Counter()
        venue = w.s.venues[1].address
        w.s.settlement("postBond", venue, 40_000_000, sender=PAYER)
        w.s.settlement("fundClearing", venue, 30_000_000, sender=PAYER)
        for who in (*BACKERS, ANYBODY):
            for contract in (w.fund, w.house, w.s.settlement, w.s.vault):
                w.give(who, 10**11, contract)
        self.g = Ghosts(w, self.u)
        self.g.listener.on = False
        for bidder in BIDDERS:
            self.g.stake(bidder)
        self.g.stakes[w.fund.address] = 0
        self.w.publish_now()
        self.people: list[str] = []
        self.enter(w.owner_key)
        for n in range(self.PEOPLE - 1):
            self.enter(w.key(f"walker {n}"))
        self.g.listener.told.clear()
        self.g.listener.on = True

    # -- who and what --------------------------------------------------------------------------------------------------
    @property
    def rate(self) -> Callable[[], float]:
        return self.rng.random

    def enter(self, key: LocalAccount) -> str:
        """A new account: registered at a venue, with collateral, in escrow, covered."""
        w, who = self.w, str(key.address)
        if not w.version(who):
            margin = self.rng.choice([0, 30_000_000, 60_000_000, 90_000_000])
            w.register(key, margin, self.rng.choice(w.s.venues).address)
            w.deposit(who, margin * 13 // 10 + 5_000_000)
            if self.rate() < 0.5:
                w.s.coin("mint", who, 10**7)
                w.s.coin("approve", w.s.vault.address, 1 << 200, sender=who)
                w.s.vault("deposit", who, w.s.coin.address, self.rng.randint(1, 10**6), sender=who)
            w.post(who)
        for token in (w.s.quote, w.s.coin):
            token("mint", who, 10**9)
            for spender in (w.s.vault, self.u.pool, self.u.options):
                token("approve", spender.address, 1 << 200, sender=who)
        if self.rate() < 0.8:
            for adapter in (self.u.lender, self.u.writer):
                self.u.join(who, adapter, 100_000)
            self.u.pool("supply", 200_000, sender=who)
        self.people.append(who)
        self.g.join(who)
        return who

    def enter_fresh(self) -> None:
        self.fresh += 1
        self.enter(self.w.key(f"newcomer {self.fresh}"))

    def someone(self, *statuses: str) -> str:
        those = [who for who in self.people if self.w.status(who) in statuses] if statuses else []
        return self.rng.choice(those if those and self.rate() < 0.9 else self.people)

    def venue_of(self, who: str) -> str:
        at = self.w.s.ledger("venueOf", who).lower()
        return next((one.address for one in self.w.s.venues if one.address.lower() == at), self.w.venue)

    def lots(self, *states: State) -> list[int]:
        return [n for n, state in self.g.states.items() if state in states]

    def some_lot(self, *stages: Stage, states: Sequence[State] = (State.OPEN,)) -> int:
        """Mostly one in such a stage."""
        those = self.lots(*states)
        if self.focus in those and self.rate() < 0.9:
            return self.focus
        fit = [n for n in those if not stages or self.w.stage(n) in stages]
        return self.rng.choice((fit if fit and self.rate() < 0.95 else those) or [1])

    def margin(self, who: str) -> int:
        commitment = self.w.commitment(who)
        return self.w.margins[commitment] if commitment else 0

    def young(self) -> None:
        """An epoch that proofs may name."""
        if self.w.now > self.w.epoch + 10 * MINUTE or self.w.epoch in self.w.frozen:
            self.w.publish_now()

    def rest_on(self, who: str, kind: str, epoch: int, value: int, commitment: int | None = None) -> None:
        w = self.w
        self.rests.append(Rests(kind, who, epoch, w.commitment(who) if commitment is None else commitment, value,
                                w.s.ledger("callOf", who)[0]))

    def ripen(self, who: str) -> None:
        """Until an epoch after its call is final, mostly."""
        called_at = self.w.s.ledger("callOf", who)[0]
        for _ in range(6 if called_at and self.rate() < 0.9 else 0):
            if self.w.final_epoch() > called_at:
                break
            self.w.run(300)

    def short(self, who: str) -> tuple[Any, ...]:
        """A shortfall under the last final epoch, or, rarely, the newest; true or not."""
        epoch = self.w.final_epoch() if self.rate() < 0.97 else self.w.epoch
        made = self.w.short(who, epoch)
        self.rest_on(who, "short", epoch, made[1])
        return made

    # -- the clock and the market --------------------------------------------------------------------------------------
    def pass_time(self) -> None:
        w = self.w
        w.run(self.rng.choice([60, 300, 900, 1_500]))
        for who in self.people:                             # who is awake covers
            until = self.covered_until.get(who, 0)
            if who not in self.flat_said and until < w.now + 30 * MINUTE and self.rate() < 0.75:
                self.try_cover(who)

    def try_cover(self, who: str) -> None:
        w, step = self.w, 1
        commitment = w.commitment(who)
        if commitment and w.covers(commitment, w.epoch, w.value(who), step):
            try:
                w.cover(who, step)
                self.covered_until[who] = w.epoch + LIVES[step]
            except Refusal as refusal:
                self.done[f"cover of who is awake: {refusal.name}"] += 1

    def hurry(self) -> None:
        """On to the next moment of a lot, or of a call."""
        w = self.w
        open_ = self.lots(State.OPEN)
        called = [who for who in self.people if w.since(who)]
        if open_ and self.rate() < 0.7:
            lot = self.rng.choice(open_)
            stage, end = w.stage(lot), w.live + 12 * MINUTE
            while w.stage(lot) is stage and w.live < end:
                before = w.live
                w.run(60 if stage is Stage.SEALED else 150, every=600)
                if w.live == before:
                    break
            return
        for who in called:
            if not w.closes("venuesTimeOf", who)[0]:
                w.run(max(60, min(25 * MINUTE, w.since(who) + 20 * MINUTE - w.live)))
                return
        w.run(self.rng.choice([10, 20]) * MINUTE)

    def long_time(self) -> None:
        """A week, for what waits so long; what else runs out meanwhile runs out."""
        self.w.wait(self.rng.choice([DAY, WEEK + MINUTE, WEEK + MINUTE, 9 * DAY]) if self.rate() < 0.4 else 6 * 3_600)
        self.w.publish()
        for who in self.people:
            self.try_cover(who)

    def fall(self) -> None:
        """Of one account, which needs more or less than before, or of all."""
        w, some = self.w, [who for who in self.people if self.margin(who)]
        if self.rate() < 0.3:
            w.marks[0] = w.published * self.rng.choice([97, 98, 102, 103]) // 100
            for who in some:
                w.moves(w.commitment(who), max(1, self.margin(who) * self.rng.choice([95, 105, 110]) // 100))
        elif some:
            who = self.rng.choice(some)
            worth = max(1, w.value(who))
            w.moves(w.commitment(who), worth * self.rng.choice([40, 70, 90, 105, 120, 150, 200]) // 100 or 1)

    def jump(self) -> None:
        """Prices that trip the breaker."""
        self.w.marks[0] = self.w.marks[0] * self.rng.choice([80, 125]) // 100
        self.w.publish_now()
        holds("trip", self.w.s.oracle("isTripped"), "a jump trips it")

    def reset_breaker(self) -> None:
        w = self.w
        if self.rate() < 0.2:
            self.feed("set", w.marks[0] * 150, w.now, 0)
            w.s.oracle("checkReference", 0)
        self.feed("set", w.marks[0] * 100, w.now, 0)
        if w.s.oracle("isTripped") and self.rate() < 0.8:
            w.run(25 * MINUTE)
            self.feed("set", w.marks[0] * 100, w.now, 0)
        w.s.oracle("resetBreaker")
        holds("trip", not w.s.oracle("isTripped"))

    def freeze(self) -> None:
        w = self.w
        epoch = self.rng.choice(list(w.epochs)[-4:])
        w.s.freeze(epoch)
        w.frozen.add(epoch)

    def hold(self) -> None:
        w = self.w
        epoch = self.rng.choice(list(w.epochs)[-4:])
        w.s.oracle("holdEpoch", epoch, 1_800, sender=w.s.guardian)
        w.held[epoch] = w.now + 1_800

    def pause(self) -> None:
        cls = self.rng.choice([OPEN, EXIT, LIQUIDATE, SETTLE])
        w = self.w
        where = {OPEN: w.s.desk, SETTLE: w.s.settlement}.get(cls, w.s.vault)
        where("pause", cls, self.rng.choice([600, 3_600]), sender=w.s.guardian)
        if self.rate() < 0.5:
            w.run(120)
            where("unpause", cls, sender=w.s.guardian)

    def rotate(self) -> None:
        """A key is distrusted, once the next was announced for long enough."""
        w, slot = self.w, keccak(text="cover")
        if not self.announced:
            w.s.registry("announce", slot, w.s.candidate("cover", self.generation + 1), sender=w.s.admin)
            self.announced = w.now + WEEK
        else:
            w.wait(max(0, self.announced - w.now))
            if self.rate() < 0.8:
                w.s.registry("distrust", slot, self.generation, sender=w.s.guardian)
                self.done["distrust"] += 1
                self.covered_until.clear()
                w.run(self.rng.choice([60, 2_400]))
            self.announced = 0
            w.s.registry("activate", slot, w.s.candidate("cover", self.generation + 1))
            self.generation += 1
            self.done["next key"] += 1

    def has_cover_key(self) -> bool:
        """Whether one is in force: between a distrusted key and the next there is none."""
        try:
            return bool(self.w.s.registry("active", keccak(text="cover"))[2])
        except Refusal:
            return False

    def committee(self) -> None:
        self.w.s.renew_committee(1)

    # -- owners and venues ---------------------------------------------------------------------------------------------
    def deposit(self) -> None:
        who, amount = self.someone("Called"), self.rng.choice([1, 1_000, 10_000_000, 60_000_000])
        self.w.s.vault("deposit", who, self.w.s.quote.address, amount, sender=self.rng.choice([who, ANYBODY]))

    def register(self) -> bool | None:
        who = self.someone("Flat", "NotAttested", "Unknown")
        if self.w.commitment(who) and self.margin(who) and self.rate() < 0.8:
            return False
        self.subjects = [who]
        self.w.register(self.w.keys[who], self.rng.choice([0, 20_000_000, 50_000_000]), self.venue_of(who))
        self.covered_until.pop(who, None)
        self.flat_said.discard(who)
        self.w.post(who)
        return None

    def transition(self) -> None:
        who = self.someone("Valid", "Called")
        self.subjects, w = [who], self.w
        self.young()
        margin = self.margin(who)
        new = w.commit_to(self.rng.choice([0, margin // 2, margin, margin + 1_000_000]), w.commitment(who))
        w.transition(who, new, self.rng.choice([NONE, COVER, COVER, COVER, MARGIN]))
        self.covered_until.pop(who, None)
        self.flat_said.discard(who)
        w.post(who)

    def void(self) -> None:
        who = self.someone("Valid", "ReduceOnly")
        self.subjects = [who]
        self.w.s.desk("voidCommitment", who, sender=self.rng.choice([self.venue_of(who), self.w.s.guardian, who]))

    def move(self) -> None:
        who, to = self.someone("Valid", "ReduceOnly"), self.rng.choice(self.w.s.venues).address
        self.subjects = [who]
        if self.rate() < 0.5:
            self.w.s.desk("reassignAccount", who, to, sender=self.w.s.admin)
        else:
            self.w.s.desk("moveAccount", who, to, sender=self.venue_of(who))
        self.flat_said.discard(who)

    def post(self) -> None:
        self.w.post(self.someone())

    def cover(self) -> None:
        step, w = self.rng.choice([0, 1, 1, 2]), self.w
        self.young()
        fit = [who for who in self.people if not w.since(who)
               and w.covers(w.commitment(who), w.epoch, w.value(who), step)]
        who = self.rng.choice(fit if fit and self.rate() < 0.8 else self.people)
        w.cover(who, step)
        self.covered_until[who] = self.w.epoch + LIVES[step]

    def cure(self) -> None:
        """Whoever can show cover at initial margin is cured, whatever else is going on (CHAIN § 1.3)."""
        who, w = self.someone("Called"), self.w
        self.young()
        lacks = -(-w.margin_under(w.commitment(who), w.epoch) * 12_000 // 10_000) - w.value(who)
        if 0 < lacks < 10**9 and self.rate() < 0.5:
            w.s.vault("deposit", who, w.s.quote.address, lacks + 1, sender=ANYBODY)
        fits = w.covers(w.commitment(who), w.epoch, w.value(who)) and w.commitment(who) != EMPTY
        usual = w.epoch not in w.frozen and w.held.get(w.epoch, 0) < w.now and self.has_cover_key()
        try:
            w.cover(who, 1)
        except Refusal as refusal:
            holds("1.3", not (fits and usual), f"{who} shows cover and is refused: {refusal}")
            raise
        holds("1.3", not w.since(who), f"{who} is called after her cover")
        # Where the same cover stood already the call returns quietly, and under an epoch held meanwhile it is Frozen.
        after = ("Valid", "Flat") if usual else ("Valid", "Flat", "Frozen")
        holds("1.3", w.status(who) in after, f"{who} is {w.status(who)} after her cover")
        self.covered_until[who] = w.epoch + LIVES[1]

    def attest(self) -> None:
        bare = [who for who in self.people if self.w.status(who) in ("ReduceOnly", "NotAttested", "Distrusted")]
        who = self.rng.choice(bare or self.people)
        self.young()
        self.u.attest(who)
        if self.rate() < 0.7 and self.w.covers(self.w.commitment(who), self.w.epoch, self.w.value(who)):
            self.done["cover by margin"] += 1
            self.w.s.ledger("coverByMargin", who, self.rng.choice([0, 1]), self.w.factors(self.w.epoch))

    def attest_flat(self) -> None:
        flat = [who for who in self.people if not self.margin(who)]
        who = self.rng.choice(flat if flat and self.rate() < 0.9 else self.people)
        version = self.w.version(who)
        self.w.s.ledger("attestFlat", who, version, 0, self.w.flat_proof(who, version, self.w.commitment(who)))
        self.flat_said.add(who)

    def withdraw(self) -> None:
        """With one cover a claim, with two at once."""
        who, w, at_once = self.someone("Valid"), self.w, self.rate() < 0.4
        self.young()
        waiting = w.s.vault("immatureOf", who)
        free = max(0, w.value(who) - waiting - -(-w.margin_under(w.commitment(who), w.epoch) * 12_000 // 10_000))
        amount = (1 if at_once and self.rate() < 0.6 else self.rng.choice([1, free // 2, free, free + 1])) or 1
        if not at_once:
            self.subjects = [who]
            claim = self.asked(who, amount, [w.epoch])
            self.claims[keccak(self.encoded(claim))] = claim
        else:
            final = w.final_epoch()
            self.subjects = [who]
            self.rest_on(who, "covered", final, w.value(who) - amount)
            self.asked(who, amount, [w.epoch, final])
            self.done["withdraw at once"] += 1
        self.covered_until[who] = w.epoch + LIVES[1]

    def asked(self, who: str, amount: int, epochs: Sequence[int]) -> tuple[Any, ...]:
        w, vault, quote = self.w, self.w.s.vault, self.w.s.quote.address
        version, waiting = w.version(who), vault("immatureOf", who)
        action, covers = vault("actionHash", quote, amount, who, 0), []
        left = max(0, w.value(who) - amount - waiting)
        for epoch in epochs:
            covers.append((epoch, left, w.factors(epoch), w.side(1, who, epoch, left, BUFFERS[1], action=action)))
        vault("withdraw", (who, quote, amount, who, 0, version, w.now), covers, b"", sender=who)
        return (who, quote, amount, who, 0, who, epochs[0], version)

    def encoded(self, claim: tuple[Any, ...]) -> bytes:
        return encode(["address", "address", "uint256", "address", "uint256", "address", "uint40", "uint40"], claim)

    def some_claim(self) -> tuple[bytes, tuple[Any, ...]]:
        ripe = [one for one, claim in self.claims.items() if self.w.final(claim[6])]
        at = self.rng.choice(ripe if ripe and self.rate() < 0.8 else [*self.claims])
        return at, self.claims[at]

    def redeem(self) -> bool | None:
        if not self.claims:
            return False
        at, claim = self.some_claim()
        self.subjects, self.redeemed = [claim[0]], self.id_of(claim)
        self.rest_on(claim[0], "covered", claim[6], 0)
        self.w.s.vault("redeem", claim)
        del self.claims[at]
        return None

    def cancel(self) -> bool | None:
        if not self.claims:
            return False
        at, claim = self.some_claim()
        self.w.s.vault("cancel", claim, sender=self.rng.choice([claim[0], claim[0], ANYBODY]))
        del self.claims[at]
        return None

    def id_of(self, claim: tuple[Any, ...]) -> bytes:
        """The contract's, by what it queued."""
        waits = [one for one, (who, _, amount) in self.g.claims.items() if (who, amount) == (claim[0], claim[2])]
        return next((one for one in waits if one == keccak(self.encoded(claim))), waits[0] if waits else b"")

    def withdraw_flat(self) -> None:
        flat = [who for who in self.people if not self.margin(who) and self.w.value(who)]
        who = self.rng.choice(flat if flat and self.rate() < 0.9 else self.people)
        w = self.w
        free = w.s.vault("balanceOf", who, w.s.quote.address) - w.s.vault("immatureOf", who)
        self.subjects = [who]
        w.withdraw_flat(who, max(1, free // self.rng.choice([1, 2, 3])))
        self.flat_said.add(who)

    def collect(self) -> None:
        owed = [who for (who, token), amount in self.g.owed.items() if amount > 0]
        who = self.rng.choice(owed or self.people)
        self.w.s.vault("collect", self.w.s.quote.address, who, sender=who)

    def settle(self) -> None:
        who, w = self.someone("Valid"), self.w
        delta = self.rng.choice([QUANTUM, 100_000, 1_000_000, 4_000_000, -QUANTUM, -2_000])
        if self.rate() < 0.7:
            w.s.settlement("requestSettlement", sender=who)
        if delta < 0 and self.rate() < 0.8:
            w.s.settlement("setDebitCap", 5_000, sender=who)
        self.subjects = [who]
        w.s.settlement("settle", [who], [delta], sender=self.venue_of(who))
        self.done["settle gain" if delta > 0 else "settle debit"] += 1

    def poke(self) -> None:
        self.w.s.vault("settleGains", self.someone())

    def clearing(self) -> None:
        w, venue = self.w, self.rng.choice(self.w.s.venues).address
        which = self.rng.choice(["fundClearing", "postBond", "withdrawClearing", "releaseBond", "takeBond"])
        amount = self.rng.choice([1_000, 2_000_000])
        if which in ("fundClearing", "postBond"):
            w.s.settlement(which, venue, amount, sender=ANYBODY)
        elif which == "takeBond":
            w.s.settlement(which, venue, sender=venue)
        else:
            w.s.settlement(which, *((amount, venue) if which == "withdrawClearing" else (amount,)), sender=venue)
        self.done[which] += 1

    # -- calls ---------------------------------------------------------------------------------------------------------
    def note_silence(self) -> None:
        who = self.someone("ReduceOnly", "NotAttested", "Frozen", "Distrusted")
        self.w.silence("noteSilence", who)

    def call_silent(self) -> None:
        venue = self.rng.choice(self.w.s.venues).address
        length, first, _ = self.w.silence("queueOf", venue)
        if length and self.rate() < 0.8:
            wait = first[1] + 30 * MINUTE - self.w.live
            if 0 < wait:
                self.w.run(min(wait, 35 * MINUTE))
        self.called_from = self.covered()
        self.w.silence("callSilent", venue, 3)

    def shortfall(self) -> None:
        who, w = self.rng.choice(self.people), self.w
        if self.rate() < 0.5 and self.margin(who) and w.commitment(who):
            w.moves(w.commitment(who), max(1, w.value(who) * self.rng.choice([102, 110, 130]) // 100))
            w.publish_now()
        those = [one for one in self.people if not w.since(one) and w.commitment(one)
                 and w.falls_short(w.commitment(one), w.epoch, w.value(one))]
        who = self.rng.choice(those) if those and self.rate() < 0.9 else who
        self.young()
        self.rest_on(who, "short", w.epoch, w.value(who))
        w.shortfall(who)
        self.covered_until.pop(who, None)

    def note_loss(self) -> None:
        self.w.coordinator("noteLoss", self.someone("Called"))

    def pass_to_venue(self) -> None:
        called = [who for who in self.people if self.w.since(who) and not self.w.closes("venuesTimeOf", who)[0]]
        who = self.rng.choice(called or self.people)
        if self.rate() < 0.7 and self.w.since(who):
            self.w.run(max(0, min(20 * MINUTE, self.w.since(who) + 20 * MINUTE - self.w.live)))
        self.w.closes("passToVenue", who)

    def ready(self, *, lots: bool) -> str:
        """Somebody whose venue may close, or who may be sold; or anybody."""
        w = self.w
        times = {who: w.closes("venuesTimeOf", who) for who in self.people}
        those = [who for who, (start, end) in times.items()
                 if start and not w.s.vault("lotOf", who) and (not lots or w.live >= end)]
        return self.rng.choice(those) if those and self.rate() < 0.9 else self.someone("Called")

    def close(self) -> None:
        who, w = self.ready(lots=False), self.w
        self.ripen(who)
        self.young()
        target = w.value(who) * 10_000 // (10_000 + BUFFERS[1])
        margin = self.rng.choice([target, target, target, target - 5, target // 2, 0, 0, target + 3])
        flat = self.rate() < (0.8 if margin == 0 else 0.05)
        new = w.commit_to(max(0, margin), w.commitment(who))
        closing = w.closing(who, new, flat=flat, concession=self.rng.choice([0, 0, 0, 1, 300_000]),
                            short=self.short(who))
        self.subjects = [who]
        w.closes("closePartial", closing)
        if flat:
            self.flat_said.add(who)
        else:
            self.flat_said.discard(who)

    # -- other protocols -----------------------------------------------------------------------------------------------
    def borrow(self) -> None:
        """Something at another protocol; the margin has to be public and young for a debt."""
        u, who = self.u, self.someone("Valid")
        u.join(who, self.rng.choice([u.lender, u.writer]), 100_000)
        which = self.rng.choice(["supply", "supply", "buy", "borrow"])
        if which == "supply":
            u.pool("supply", 200_000, sender=who)
        elif which == "buy":
            u.options("buy", 2, 1_000, sender=who)
        else:
            u.pool("borrow", 1_000, sender=who)

    def unwind(self) -> None:
        w, u = self.w, self.u
        joined = [who for who in self.people if u.members(who) and w.closes("venuesTimeOf", who)[0]]
        who = self.rng.choice(joined) if joined and self.rate() < 0.9 else self.ready(lots=False)
        self.ripen(who)
        self.young()
        grounds = (self.short(who), w.epoch, [tuple(one) for one in LIST])
        steps = [tuple(step) for step in u.steps(who)]
        u.unwinder("liquidate", who, steps, [], grounds, sender=self.rng.choice(KEEPERS))

    def quit(self) -> None:
        u = self.u
        joined = [who for who in self.people if u.members(who) and not self.w.since(who)]
        who = self.rng.choice(joined or self.people)
        u.unwinder("quit", self.rng.choice([u.lender, u.writer]).address, sender=who)

    def collect_pay(self) -> None:
        keeper = next((one for one in KEEPERS if self.g.keepers[one] > 0), KEEPERS[0])
        self.u.unwinder("collect", account(0xC0), sender=keeper)

    # -- lots ----------------------------------------------------------------------------------------------------------
    def open_lot(self) -> None:
        who, w = self.ready(lots=True), self.w
        start, end = w.closes("venuesTimeOf", who)
        if start and 0 < end - w.live <= 20 * MINUTE and self.rate() < 0.9:
            w.run(end - w.live)
        self.young()
        margin = w.margin_under(w.commitment(who), w.epoch)
        before = w.coordinator("disclosed", who, w.commitment(who))
        margin = self.rng.choice([margin, margin, margin, 1] if before else [0, margin, margin])
        s = self.short(who) if before and self.rate() < 0.9 and w.final_epoch() else NO_SHORTFALL
        lot = w.open_lot(who, margin, s)
        if self.rate() < 0.35:
            self.silent_lots.add(lot)

    def lot_turn(self) -> bool | None:
        """What fits a lot's stage, mostly."""
        going = self.lots(State.OPEN)
        if not going:
            return self.as_if("call_turn")
        lot, w = self.focus if self.focus in going else self.rng.choice(going), self.w
        self.focus = lot if self.rate() < 0.9 else 0
        stage, who = w.stage(lot), w.account_of(lot)
        if w.since(who) != w.lot(lot)[1] and self.rate() < 0.5:
            return self.as_if("void_lot")
        if stage in (Stage.REVEAL, Stage.CLEARING) and not w.house("lotOf", lot)[3] and self.rate() < 0.7 and (
                w.falls_short(w.commitment(who), w.final_epoch(), w.value(who))):
            return self.as_if("show_shortfall")
        in_vain = not w.falls_short(w.commitment(who), w.final_epoch(), w.value(who))
        ordered, told = w.lot(lot)[4], any(w.escrow("deliveredTo", lot))
        moves = {Stage.BLIND: ["bid", "bid", "bid", "hurry"],
                 Stage.DISCLOSURE: ["hurry"] if told else
                 ["deliver", "deliver", "order", "hurry"] if ordered else ["order"],
                 Stage.COMMIT: ["commit", "commit", "hurry"] if told else [
                     "order", "deliver", "publish", "publish", "hurry", "breach"],
                 Stage.SEALED: ["hurry"], Stage.REVEAL: ["reveal", "reveal", "show_shortfall", "hurry"],
                 Stage.CLEARING: ["show_shortfall", "clear", "clear", "caps"],
                 Stage.AWARD: ["pass_over", "pass_over", "award", "cure"] if in_vain else [
                     "award", "award", "award", "award", "pass_over", "caps"],
                 Stage.FAILED: ["fail_lot"]}
        name = self.rng.choice(moves.get(stage, ["hurry"]))
        return self.as_if(name)

    def as_if(self, name: str) -> bool | None:
        """Another handler in this one's place: its name counts."""
        self.name = name
        return getattr(self, name)()  # type: ignore[no-any-return]

    def call_turn(self) -> bool | None:
        """What fits a call, mostly."""
        w = self.w
        called = [who for who in self.people if w.since(who) and not w.s.vault("lotOf", who)]
        if not called:
            return self.as_if("shortfall")
        passed = [who for who in called if w.closes("venuesTimeOf", who)[0]]
        if not passed or self.rate() < 0.2:
            return self.as_if(self.rng.choice(["pass_to_venue"] * 4 + ["note_loss", "deposit", "cure"]))
        return self.as_if(self.rng.choice(["close", "close", "unwind", "unwind", "cure", *["open_lot"] * 6]))

    def bid(self) -> None:
        w, lot = self.w, self.some_lot(Stage.BLIND)
        entry = w.house("lotOf", lot)
        bidder = self.rng.choice([*LIQUIDATORS])
        standing, step, bond = entry[18][0][1], entry[13], entry[12]
        if w.house("stakeOf", bidder.address)[0] < bond and self.rate() < 0.9:
            w.house("deposit", bidder.address, bond, sender=ANYBODY)
        price = standing + step * self.rng.choice([0, 1, 1, 1, 2, 2, 8])
        w.bid(lot, bidder, self.rng.choice([price, price, entry[15]]))

    def order(self) -> None:
        w, lot = self.w, self.some_lot(Stage.DISCLOSURE, Stage.COMMIT)
        public = bool(w.lot(lot)[4]) and self.rate() < 0.8
        if public and self.rate() < 0.5 and w.stage(lot) is Stage.DISCLOSURE:
            w.run(max(0, min(480, w.lot(lot)[4] + TERMS.committee_delivers - w.live)))
        w.coordinator("orderPublicDisclosure" if public else "orderDisclosure", lot)
        self.done["order to the public" if public else "order to a shortlist"] += 1

    def deliver(self) -> bool | None:
        w, lot = self.w, self.some_lot(Stage.DISCLOSURE, Stage.COMMIT)
        if lot in self.silent_lots and self.rate() < 0.97:
            return False
        w.deliver(lot, w.opening(w.commitment(w.account_of(lot))),
                  self.rng.choice([ANYBODY, self.venue_of(w.account_of(lot))]))
        return None

    def publish(self) -> bool | None:
        w, lot = self.w, self.some_lot(Stage.DISCLOSURE, Stage.COMMIT)
        if lot in self.silent_lots and self.rate() < 0.7:
            return False
        w.disclose(lot, w.opening(w.commitment(w.account_of(lot))))
        w.house("noteDelivery", lot)
        return None

    def commit(self) -> None:
        w, lot = self.w, self.some_lot(Stage.COMMIT)
        entry = w.house("lotOf", lot)
        bid = [one for one in LIQUIDATORS if any(place[0] == one.address.lower() for place in entry[18][1:])]
        bidder = self.rng.choice(bid or LIQUIDATORS)
        price = self.rng.choice([entry[15], entry[18][0][1] + self.rng.choice([2, 3, 5, 9]) * entry[13]])
        sealed = w.house("commitmentOf", lot, w.digest(lot), bidder.address, price, SALT)
        w.house("commit", lot, w.digest(lot), sealed, sender=bidder.address)
        self.secrets[lot, bidder.address] = price

    def reveal(self) -> None:
        lot = self.some_lot(Stage.REVEAL)
        hidden = [one for one in self.secrets if one[0] == lot] or [(lot, LIQUIDATORS[0].address)]
        _, bidder = self.rng.choice(hidden)
        self.w.house("reveal", lot, bidder, self.secrets.get((lot, bidder), 5), SALT)

    def show_shortfall(self) -> None:
        lot = self.some_lot(Stage.COMMIT, Stage.REVEAL, Stage.CLEARING)
        who = self.w.account_of(lot) if lot in self.g.states else self.people[0]
        self.w.coordinator("showShortfall", lot, self.short(who))

    def clear(self) -> None:
        self.w.house("clear", self.some_lot(Stage.CLEARING))

    def award(self) -> bool | None:
        """To a fresh account of the winner's, who adds what cover wants."""
        w, lot = self.w, self.some_lot(Stage.AWARD)
        if w.stage(lot) is not Stage.AWARD:
            return False
        who, (bidder, price) = w.account_of(lot), w.house("winnerOf", lot)
        self.fresh += 1
        to = w.key(f"winner {self.fresh}")
        key = next(one for at, one in BIDDERS.items() if at.lower() == bidder.lower())
        self.young()
        need = -(-w.margin_under(w.commitment(who), w.epoch) * (10_000 + BUFFERS[1]) // 10_000)
        need = need if self.rate() < 0.95 else need - 1
        room = self.g.room[who] + 64                       # its own gains may be charged by this very loss
        adds = max(0, need - w.value(who) + room)
        self.g.join(to.address)
        if adds:
            w.deposit(to.address, adds)
        self.subjects = [who, to.address]
        new = w.salted(w.commitment(who))
        if price > 0 and w.house("stakeOf", key.address)[0] < price:
            w.give(key.address, price, w.house)
            w.house("deposit", key.address, price, sender=key.address)
        by_hand = self.rate() < 0.6
        signature = b"" if by_hand else w.acceptance(key, lot, to.address, new)
        value = max(need, 0)
        made = w.awarding(lot, who, to, value, new=new, short=self.short(who), acceptance=signature)
        try:
            w.coordinator("award", made, sender=key.address if by_hand or self.rate() < 0.1 else ANYBODY)
        except Refusal:
            self.g.people.remove(to.address)                # what was added stays its
            raise
        self.people.append(to.address)
        for token in (w.s.quote, w.s.coin):
            for spender in (w.s.vault, self.u.pool, self.u.options):
                token("approve", spender.address, 1 << 200, sender=to.address)
            token("mint", to.address, 10**9)
        self.flat_said.discard(to.address)
        self.done["award below 0" if price < 0 else "award above 0"] += 1
        return None

    def after_award(self) -> None:
        """Whoever was sold leaves the stage: she holds nothing, and what she is owed she collects."""
        for who in [who for who in self.people if self.w.commitment(who) == EMPTY]:
            self.people.remove(who)
            self.g.retire(who)
        while len(self.people) > self.PEOPLE:
            who = min(self.people, key=lambda one: (self.w.since(one) > 0, self.w.value(one)))
            if self.w.since(who):
                break
            self.people.remove(who)
            self.g.people.remove(who)

    def pass_over(self) -> None:
        w, lot = self.w, self.some_lot(Stage.AWARD)
        if w.stage(lot) is Stage.AWARD and self.rate() < 0.9:
            end = w.house("lotOf", lot)[11]
            w.run(max(0, min(600, end + 1 - w.live)))
        w.house("fail", lot)

    def fail_lot(self) -> None:
        self.w.coordinator("failLot", self.some_lot(Stage.FAILED))

    def void_lot(self) -> None:
        w = self.w
        those = [lot for lot in self.lots(State.OPEN, State.STUCK) if not w.since(w.account_of(lot))]
        w.coordinator("voidLot", self.rng.choice(those or self.lots(State.OPEN, State.STUCK) or [1]))

    def breach(self) -> None:
        w = self.w
        lot = self.some_lot(Stage.COMMIT, Stage.SEALED, Stage.REVEAL, states=(State.OPEN, State.STUCK))
        w.coordinator("reportBreach", lot)

    def absolve(self) -> None:
        self.w.s.desk("absolve", self.rng.choice(self.w.s.venues).address, sender=self.w.s.admin)

    def revive(self) -> None:
        lot = self.some_lot(states=(State.STUCK,))
        who = self.w.account_of(lot) if lot in self.g.states else self.people[0]
        self.w.coordinator("reviveLot", lot, self.short(who))

    def release(self) -> None:
        stuck = self.lots(State.STUCK)
        if stuck and self.rate() < 0.3:
            self.w.wait(WEEK)
        self.w.coordinator("releaseLot", self.rng.choice(stuck or [1]), sender=self.w.s.admin)

    # -- money of the house and of the fund ----------------------------------------------------------------------------
    def house_money(self) -> None:
        w, bidder = self.w, self.rng.choice(LIQUIDATORS).address
        which = self.rng.choice(["deposit", "withdraw", "takeSeat", "payFund"])
        if which == "deposit":
            w.house("deposit", bidder, 5_000_000, sender=ANYBODY)
        elif which == "withdraw":
            w.house("withdraw", self.rng.choice([1_000, 5_000_000]), bidder, sender=bidder)
        elif which == "takeSeat":
            w.house("takeSeat", sender=bidder)
        else:
            w.house("payFund")
            w.fund("bookReceived")
        self.done[f"house: {which}"] += 1

    def refund(self) -> None:
        over, held = [lot for lot, stage in self.g.stages.items() if stage >= Stage.SETTLED], []
        for lot in over if any(self.g.locked.values()) else []:
            entry = self.w.house("lotOf", lot)
            held += [(lot, place[0]) for n, place in enumerate(entry[18][:entry[1]]) if n and not entry[9] >> n & 1]
        lot, bidder = self.rng.choice(held if held and self.rate() < 0.9 else [(1, LIQUIDATORS[0].address)])
        self.w.house("refund", lot, bidder)

    def back(self) -> None:
        w, who = self.w, self.rng.choice(BACKERS)
        tranche = self.rng.choice([SHARED, SHARED, w.venue])
        if self.rate() < 0.5:
            w.fund("back", tranche, self.rng.choice([1_000, 2_000_000]), 1, sender=who)
        else:
            shares = w.fund("positionOf", tranche, who)[0]
            w.fund("requestExit", tranche, shares // 2, sender=who)
            self.done["notice"] += 1

    def exit(self) -> None:
        w = self.w
        places = [(who, tranche) for who in BACKERS for tranche in (SHARED, w.venue)]
        due = [(who, tranche) for who, tranche in places if w.fund("positionOf", tranche, who)[1]]
        who, tranche = self.rng.choice(due or places)
        if not due and self.rate() < 0.5:
            w.fund("back", tranche, 2_000_000, 1, sender=who)
            w.fund("requestExit", tranche, w.fund("positionOf", tranche, who)[0] // 2, sender=who)
            due = [(who, tranche)]
        at = w.fund("positionOf", tranche, who)[3]
        if due and at > w.now and self.rate() < 0.7:
            w.wait(at - w.now)
        if self.g.deficits > self.g.repaid and self.rate() < 0.7:
            w.fund("payFees", self.g.deficits - self.g.repaid, sender=PAYER)
        w.fund("exit", tranche, who, sender=who)

    def fees(self) -> None:
        w = self.w
        lacking = self.g.deficits - self.g.repaid
        amount = self.rng.choice([500, 100_000, max(1, lacking), max(1, lacking)])
        if self.rate() < 0.5:
            w.fund("payFees", amount, sender=PAYER)
        else:
            w.s.quote("mint", w.fund.address, amount)
            w.fund("bookReceived")
            self.done["book"] += 1

    def forward(self) -> None:
        w, waits = self.w, []
        if self.g.deficits > self.g.repaid and self.rate() < 0.5:
            w.fund("payFees", self.g.deficits - self.g.repaid, sender=PAYER)
        for lot in self.g.states:
            amount, start, done = w.fund("deficitOf", loss_id(w.coordinator, lot))[1:4]
            if min(amount, max(0, self.g.repaid - start)) > done:
                waits.append(lot)
        w.fund("forwardRepaid", loss_id(w.coordinator, self.rng.choice(waits or [1])))

    def caps(self) -> None:
        w = self.w
        if self.rate() < 0.5:
            w.fund("tightenCaps", (self.rng.choice([0, 1_000_000]),) * 3, sender=w.s.risk)
        else:
            w.fund("setCaps", FUND_CAPS, sender=w.s.admin)

    def sweep(self) -> bool | None:
        w = self.w
        pools = range(1, w.allocator("poolCount") + 1)
        if not pools:
            return False
        dust = [n for n in pools if w.allocator("poolOf", n)[5] < 0]
        if dust and self.rate() < 0.5:
            w.wait(LAG)
            w.publish()
        w.allocator("sweepDust", self.rng.choice(dust or [*pools]))
        return None

    # -- ways out, in a fork of the world ------------------------------------------------------------------------------
    @contextmanager
    def forked(self) -> Iterator[None]:
        """What is done is undone, and nobody looks."""
        self.g.listener.on = False
        try:
            with self.forked_with_ghosts():
                yield
        finally:
            self.g.listener.on = True

    @contextmanager
    def forked_with_ghosts(self) -> Iterator[None]:
        """What is done is undone."""
        def kept(owner: Any, names: Sequence[str]) -> dict[str, Any]:
            return {name: deepcopy(getattr(owner, name)) for name in names}

        before = [(self.w, kept(self.w, WORLDS)), (self.g, kept(self.g, GHOSTS)), (self, kept(self, OWN))]
        state, told = self.rng.getstate(), list(self.g.listener.told)
        try:
            with Kept(self.w):
                yield
        finally:
            for owner, values in before:
                for name, value in values.items():
                    setattr(owner, name, value)
            self.rng.setstate(state)
            self.g.listener.told = told

    def flat_exit(self, who: str) -> None:
        """CHAIN § 6.10: who holds no positions leaves at once, or an hour after the last fill, whatever is paused,
        frozen, tripped, called, locked or distrusted; gains once they have matured."""
        w, vault = self.w, self.w.s.vault
        try:
            if w.since(who):
                w.s.ledger("attestFlat", who, w.version(who), 0, w.flat_proof(who, w.version(who), w.commitment(who)))
            if lot := vault("lotOf", who):
                w.coordinator("voidLot", lot)
            until = w.s.ledger("settledByOf", who)
            holds("6.10", until <= w.now + 3_600, f"{who} waits for more than an hour")
            w.wait(max(0, until - w.now))
            for last in (False, True):
                vault("settleGains", who)
                for token in (w.s.quote, w.s.coin):
                    waiting = vault("immatureOf", who) if token is w.s.quote else 0
                    free = vault("balanceOf", who, token.address) - waiting
                    if free:
                        before = token("balanceOf", who)
                        self.leave_flat(who, token.address, free)
                        holds("6.10", token("balanceOf", who) == before + free)
                if not last and not vault("immatureOf", who):
                    break
                w.wait(2 * LAG)
            holds("6.10", not w.value(who), f"{who} could not take all")
        except Refusal as refusal:
            holds("6.10", False, f"{who} is flat, and cannot leave: {refusal}")

    def leave_flat(self, who: str, token: str, amount: int) -> None:
        w, version = self.w, self.w.version(who)
        action = w.s.vault("actionHash", token, amount, who, 0)
        w.s.vault("withdrawFlat", (who, token, amount, who, 0, version, w.now),
                  w.flat_proof(who, version, w.commitment(who), action), b"", sender=who)

    def may_withdraw(self, who: str) -> bool:
        w, s = self.w, self.w.s
        return (w.commitment(who) not in (0, EMPTY) and not w.since(who) and not s.oracle("isTripped")
                and w.now >= s.vault("pausedUntil", EXIT) and s.ledger("isEscrowed", who)
                and s.vault("balanceOf", who, s.quote.address) - s.vault("immatureOf", who) > 1
                and w.covers(w.commitment(who), w.now + INTERVAL, w.value(who) - s.vault("immatureOf", who) - 1))

    def others_withdraw(self, who: str) -> None:
        """CHAIN § 1.5: no lot, no loss and no deficit of another's keeps anybody from what he may take."""
        w = self.w
        w.marks[0] = w.published                            # nothing that comes trips the breaker
        try:
            if lot := w.s.vault("lotOf", who):              # cured while she was a lot
                w.coordinator("voidLot", lot)
            w.run(1)                                        # a margin that moved does so from the next second on
            w.publish_now()
            claim = self.asked(who, 1, [w.epoch])
            for _ in range(8):                              # longer, where a pause has stopped the clock
                w.run(21 * MINUTE)
                if w.s.oracle("isFinal", claim[6]):
                    break
            before = w.coins(who)
            w.s.vault("redeem", claim)
            holds("1.5", w.coins(who) == before + 1)
        except Refusal as refusal:
            holds("1.5", False, f"{who} may withdraw, and cannot: {refusal}")

    def ways_out(self) -> None:
        flat = [who for who in self.people if self.w.commitment(who) and not self.margin(who) and self.w.value(who)]
        if flat:
            who = self.rng.choice(flat)
            self.escapes["flat, called" if self.w.since(who) else "flat"] += 1
            with self.forked():
                self.flat_exit(who)
        free = [who for who in self.people if self.may_withdraw(who)]
        if free and self.has_cover_key():
            deficit, going = self.g.deficits > self.g.repaid, bool(self.lots(State.OPEN, State.STUCK))
            self.escapes["covered" + " under a deficit" * deficit + " beside a lot" * going] += 1
            with self.forked():
                self.others_withdraw(self.rng.choice(free))

    # -- a scene that chance seldom finds ------------------------------------------------------------------------------
    def act(self, name: str, call: Callable[[], Any], subjects: Sequence[str] = (), rests: Sequence[Rests] = ()) -> Any:
        """A step of a scene, looked at like any other."""
        before = self.covered()
        made = call()
        self.done[name] += 1
        self.g.check(name, subjects, rests, None, before)
        return made

    def newcomer(self, margin: int, value: int) -> str:
        """At the first venue, covered."""
        w = self.w
        self.fresh += 1
        key = w.key(f"newcomer {self.fresh}")
        self.g.listener.on = False
        w.register(key, margin)
        w.deposit(key.address, value)
        w.post(key.address)
        w.cover(key.address)
        self.covered_until[key.address] = w.epoch + LIVES[1]
        who = self.enter(key)
        self.g.listener.told.clear()
        self.g.listener.on = True
        return who

    def loss_scene(self) -> None:
        """More is lost than the fund may pay, gains are cut, what remains is a deficit, fees repay it, it is forwarded,
        and what rounding left is swept: whatever state the walk is in."""
        w, s = self.w, self.w.s
        while not self.has_cover_key():
            self.step("rotate")
        w.marks[0] = w.published
        w.run(max(INTERVAL, s.vault("pausedUntil", LIQUIDATE) - w.now, s.settlement("pausedUntil", SETTLE) - w.now,
                  s.desk("pausedUntil", OPEN) - w.now))
        while s.oracle("isTripped"):
            self.step("reset_breaker")
        w.publish_now()
        self.g.live_time_goes_on()
        self.step("committee")                              # no newcomer may post to one that is overdue
        s.desk("absolve", w.venue, sender=s.admin)
        w.fund("setCaps", FUND_CAPS, sender=s.admin)
        self.act("back", lambda: w.fund("back", SHARED, 20_000_000, 1, sender=PAYER))
        self.act("clearing", lambda: s.settlement("fundClearing", w.venue, 10_000_000, sender=ANYBODY))
        self.act("clearing", lambda: s.settlement("postBond", w.venue, 40_000_000, sender=ANYBODY))
        who, *gainers = (self.newcomer(90_000_000, 110_000_000), *(self.newcomer(0, 1_000) for _ in range(2)))
        for n, one in enumerate(gainers):
            s.settlement("requestSettlement", sender=one)
            self.act("settle", lambda one=one, n=n: s.settlement(                # type: ignore[misc]
                "settle", [one], [1_000_003 + n], sender=w.venue), [one])
        w.moves(w.commitment(who), w.value(who) * 11 // 10)
        w.publish_now()
        self.act("shortfall", lambda: w.shortfall(who), rests=[
            Rests("short", who, w.epoch, w.commitment(who), w.value(who))])
        w.to_lots(who)
        w.publish_now()
        lot = self.act("open_lot", lambda: w.open_lot(who, w.margin_under(w.commitment(who), w.epoch)))
        w.to_stage(lot, Stage.DISCLOSURE)
        self.act("order", lambda: w.coordinator("orderDisclosure", lot))
        self.act("deliver", lambda: w.deliver(lot, w.opening(w.commitment(who))))
        self.act("show_shortfall", lambda: w.show(lot))
        w.to_stage(lot, Stage.CLEARING)
        self.act("clear", lambda: w.house("clear", lot))
        self.act("caps", lambda: w.fund("tightenCaps", (0, 0, 0), sender=s.risk))
        self.focus = lot
        while w.stage(lot) is Stage.AWARD:
            self.step("award")
        if w.state(lot) is not State.AWARDED:
            return
        lacking = w.fund("deficitOf", loss_id(w.coordinator, lot))[1]
        for one in gainers:
            self.act("poke", lambda one=one: s.vault("settleGains", one))        # type: ignore[misc]
        holds("6.7", lacking and all(self.g.haircuts[one] for one in gainers), "gains bear a part, and not all")
        self.act("fees", lambda: w.fund("payFees", self.g.deficits - self.g.repaid, sender=PAYER))
        self.act("forward", lambda: w.fund("forwardRepaid", loss_id(w.coordinator, lot)))
        w.wait(LAG)
        w.publish()
        self.g.live_time_goes_on()
        for pool in range(1, w.allocator("poolCount") + 1):
            if w.allocator("poolOf", pool)[5] < 0 and w.allocator("poolOf", pool)[1] <= w.now:
                self.act("sweep", lambda pool=pool: w.allocator("sweepDust", pool))  # type: ignore[misc]

    # -- walking -------------------------------------------------------------------------------------------------------
    MOVES = (("pass_time", 6), ("hurry", 6), ("long_time", 0.4), ("fall", 6), ("jump", 0.3), ("reset_breaker", 0.6),
             ("freeze", 0.7), ("hold", 0.8), ("pause", 0.6), ("rotate", 1), ("committee", 0.5), ("deposit", 2),
             ("register", 1), ("transition", 2), ("void", 0.6), ("move", 0.6), ("post", 1), ("cover", 3), ("cure", 3),
             ("attest", 1.5), ("attest_flat", 1), ("withdraw", 4), ("redeem", 3), ("cancel", 1.5), ("withdraw_flat", 1),
             ("collect", 1), ("settle", 4), ("poke", 1), ("clearing", 1), ("note_silence", 3), ("call_silent", 2),
             ("shortfall", 5), ("note_loss", 1), ("pass_to_venue", 4), ("close", 2), ("borrow", 2), ("unwind", 3),
             ("quit", 1.5), ("collect_pay", 0.5), ("open_lot", 5), ("lot_turn", 30), ("call_turn", 12),
             ("bid", 1), ("order", 1),
             ("deliver", 1), ("publish", 1.5), ("commit", 1), ("reveal", 1), ("show_shortfall", 1), ("clear", 1),
             ("award", 2), ("pass_over", 1), ("fail_lot", 2), ("void_lot", 2), ("breach", 2), ("absolve", 0.6),
             ("revive", 2), ("release", 0.7), ("house_money", 1), ("refund", 2), ("back", 1), ("exit", 1.5),
             ("fees", 1.5), ("forward", 1.5), ("caps", 0.7), ("sweep", 0.7))
    NAMES = tuple(name for name, _ in MOVES)

    def covered(self) -> dict[str, bool]:
        return {who: not self.w.s.ledger("isReduceOnly", who) for who in self.people}

    def step(self, name: str = "") -> None:
        weights = [weight * (1 if self.done[one] else 3) for one, weight in self.MOVES]   # first what was never done
        self.name = name or self.rng.choices(self.NAMES, weights)[0]
        if not name and self.rate() < 0.2 and self.w.s.oracle("isTripped"):
            self.name = "reset_breaker"
        elif not name and self.g.states.get(self.focus) is State.OPEN and self.rate() < 0.75:
            self.name = "lot_turn"
        self.subjects, self.rests, self.redeemed = [], [], None
        self.called_from = self.covered()
        try:
            idle = getattr(self, self.name)() is False
            self.done[f"{self.name}: nothing to do" if idle else self.name] += 1
        except Refusal as refusal:
            if " " in refusal.name or not refusal.name:                              # no error of a contract's
                raise
            self.done[f"{self.name}: {refusal.name}"] += 1
        self.g.check(self.name, self.subjects, self.rests, self.redeemed, self.called_from)
        if self.name == "award":
            self.after_award()
        if len(self.people) < self.PEOPLE:
            self.g.listener.on = False
            self.enter_fresh()
            self.g.listener.told.clear()
            self.g.listener.on = True

    def walk(self, steps: int) -> None:
        for n in range(steps):
            if n == steps // 2 and steps >= 200:
                self.loss_scene()
            self.step()
            if n % 40 == 39:
                self.ways_out()
        for who, commitment in self.g.gone.items():
            holds("6.8", self.w.commitment(who) == commitment == EMPTY, f"{who} was sold, and changed since")

