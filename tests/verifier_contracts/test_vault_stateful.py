"""The vault and its settlement desk beside a model in Python, under random sequences of everybody's calls.

The model says of each call whether it passes or which error it gets, and what everybody has afterwards. After each
call: no token of the vault is owed twice; nothing left without a proof for what remained; deposits never lowered a
value; each claim was paid or undone at most once.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from revmchain import Contract, Refusal, account
from vaultworld import FACTORS, LAG, QUANTUM, VaultWorld, build

DAY = 86_400
PEOPLE = [account(0x100 + n) for n in range(4)]
CALLS = 2_500
"""Of the quick suite."""


@dataclass
class Person:
    margin: int
    public: bool
    balance: Counter = field(default_factory=Counter)             # by token's name
    gains: list[tuple[int, int]] = field(default_factory=list)    # (matures at, amount)
    debits: list[tuple[int, int]] = field(default_factory=list)   # (when, amount)
    cap: int = 0
    settled_at: int = 0
    requested: bool = False
    called: bool = False
    lot: int = 0
    version: int = 1


class Model:
    """Runs each call on the contracts and on itself."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.w: VaultWorld = build()
        self.token: dict[str, Contract] = {"quote": self.w.quote, "coin": self.w.coin}
        self.people = {who: Person(margin, n == 2) for n, (who, margin) in
                       enumerate(zip(PEOPLE, (400, 0, 900, 50), strict=True))}
        self.claims: dict[tuple[Any, ...], str] = {}
        self.epochs = {self.w.epoch: "open"}
        self.queued: dict[tuple[Any, ...], int] = {}
        self.owed: Counter = Counter()                              # (who, token)
        self.clearing = self.principal = self.bond = 0
        self.clearing_gains: list[tuple[int, int]] = []
        self.outflow: list[tuple[int, int]] = []
        self.tripped = False
        self.passed: Counter = Counter()
        self.refusals: Counter = Counter()
        self.ended: Counter = Counter()
        self.paid: Counter = Counter()
        for who, person in self.people.items():
            self.w.register(who, person.margin)
            self.w.manager("publishMargin", who, person.public)
            for token in self.token.values():
                token("mint", who, 1 << 60)
                token("approve", self.w.vault.address, 1 << 90, sender=who)
        self.w.quote("mint", self.w.venue, 1 << 60)
        self.w.quote("approve", self.w.desk.address, 1 << 90, sender=self.w.venue)

    # -- the model's own numbers -----------------------------------------------------------------------------------
    @property
    def now(self) -> int:
        return self.w.machine.now

    def immature(self, p: Person) -> int:
        return min(sum(amount for at, amount in p.gains if at > self.now), p.balance["quote"])

    def value(self, p: Person, withheld: int = 0) -> int:
        return ((p.balance["quote"] - withheld) * FACTORS[0][1] + p.balance["coin"] * FACTORS[1][1]) >> 64

    def recent(self, entries: list[tuple[int, int]]) -> int:
        return sum(amount for at, amount in entries if at > self.now - DAY)

    def push(self, gains: list[tuple[int, int]], amount: int, at: int) -> None:
        gains.append((max([at, *(when for when, _ in gains)]), amount))

    # -- calls -----------------------------------------------------------------------------------------------------
    def expect(self, name: str, error: str | None, call: Any) -> bool:
        """Whether it passed, which must be what the model says."""
        try:
            call()
            got = None
        except Refusal as refusal:
            got = refusal.name
        assert got == error, f"{name}: {got}, and by the model {error}"
        (self.refusals if error else self.passed)[f"{name}: {error}" if error else name] += 1
        return error is None

    def amount(self, most: int) -> int:
        return max(0, self.rng.choice([0, 1, most, most + 1, self.rng.randint(0, most + most // 4 + 2)]))

    def deposit(self) -> None:
        who, sender = self.rng.choice(PEOPLE), self.rng.choice(PEOPLE)
        name = self.rng.choice(["quote", "coin"])
        p, amount = self.people[who], self.rng.choice([0, 1, 7, self.rng.randint(1, 2_000)])
        before = self.value(p)
        error = "AssetNotHeld" if sender != who and name == "coin" and not p.balance["coin"] else \
            "NoAmount" if amount == 0 else None
        if self.expect("deposit", error, lambda: self.w.vault("deposit", who, self.token[name].address, amount,
                                                              sender=sender)):
            p.balance[name] += amount
            assert self.value(p) >= before

    def withdraw(self) -> None:
        who = self.rng.choice(PEOPLE)
        p, name = self.people[who], self.rng.choice(["quote", "coin"])
        free = p.balance[name] - (self.immature(p) if name == "quote" else 0)
        spare = max(0, self.value(p, self.immature(p)) - p.margin)
        amount = self.amount(min(free, spare))
        to, fee = self.rng.choice(PEOPLE), self.rng.choice([0, 0, 1])
        wish = self.w.wish(amount, account=who, token=self.token[name].address, to=to, fee=fee)
        finals = [e for e, state in self.epochs.items() if state == "final" and self.now - e <= 2_700]
        second = self.rng.choice(finals) if finals and self.rng.random() < 0.4 else None
        error = self.refusal(p, name, amount, fee)
        if error is None:
            p.balance[name] -= amount
            short = self.value(p, self.immature(p)) < p.margin
            p.balance[name] += amount
            # Each cover in turn: its epoch, then the manager. The second one's epoch is final, hence not frozen.
            here = "BreakerTripped" if self.tripped else "AccountIsCalled" if p.called else \
                "ClaimAboveValue" if short else None
            frozen = "FrozenEpoch" if self.epochs[self.w.epoch] == "frozen" else None
            error = (here or frozen) if second else (frozen or here)
        covers = [self.w.cover(wish, p.margin)] + ([self.w.cover(wish, p.margin, second)] if second else [])
        if not self.expect("withdraw", error, lambda: self.w.withdraw(wish, *covers)):
            return
        p.balance[name] -= amount
        p.version += 1
        # The ghost: what left was proven covered, in the version before, and the version rose.
        assert self.value(p) >= p.margin
        assert self.w.manager("versionOf", who) == p.version
        claim = self.w.claim(wish)
        if second:
            self.pay(claim, name)
        else:
            self.claims[claim] = name
            self.queued[claim] = self.now

    def refusal(self, p: Person, name: str, amount: int, fee: int) -> str | None:
        if amount == 0:
            return "NoAmount"
        if fee > amount:
            return "FeeAboveAmount"
        if p.lot:
            return "LotOpen"
        immature = self.immature(p) if name == "quote" else 0
        if immature and amount > p.balance[name] - immature:
            return "GainNotMature"
        return "InsufficientBalance" if amount > p.balance[name] else None

    def pay(self, claim: tuple[Any, ...], name: str) -> None:
        _, _, amount, _, fee, carrier, _, _ = claim
        self.owed[carrier, name] += fee
        self.paid[name] += amount - fee
        self.ended[claim] += 1

    def redeem(self) -> None:
        if not self.claims:
            return
        claim = self.rng.choice([*self.claims, *self.ended])
        error = "NoSuchClaim" if claim not in self.claims else \
            None if self.epochs[claim[6]] == "final" else "NotMature"
        if self.expect("redeem", error, lambda: self.w.vault("redeem", claim)):
            self.pay(claim, self.claims.pop(claim))

    def cancel(self) -> None:
        if not self.claims:
            return
        claim, sender = self.rng.choice([*self.claims, *self.ended]), self.rng.choice(PEOPLE)
        error = "NoSuchClaim" if claim not in self.claims else None
        if error is None and sender != claim[0] and not (
                self.epochs[claim[6]] == "frozen" and self.now >= self.queued[claim] + 21_600):
            error = "NotRefuted"
        if self.expect("cancel", error, lambda: self.w.vault("cancel", claim, sender=sender)):
            self.people[claim[0]].balance[self.claims.pop(claim)] += claim[2]
            self.ended[claim] += 1

    def flat(self) -> None:
        who = self.rng.choice(PEOPLE)
        p, name = self.people[who], self.rng.choice(["quote", "coin"])
        amount = self.amount(p.balance[name])
        wish = self.w.wish(amount, account=who, token=self.token[name].address)
        error = self.refusal(p, name, amount, 0) or ("ProofDoesNotHold" if p.margin else None)
        if self.expect("flat", error, lambda: self.w.flat(wish)):
            p.balance[name] -= amount
            p.version += 1
            self.pay(self.w.claim(wish, 0), name)

    def collect(self) -> None:
        who, name = self.rng.choice(PEOPLE), self.rng.choice(["quote", "coin"])
        amount = self.owed[who, name]
        if self.expect("collect", None if amount else "NoAmount", lambda: self.w.vault(
                "collect", self.token[name].address, who, sender=who)):
            self.owed[who, name] = 0
            self.paid[name] += amount

    def settle(self) -> None:
        batch = [(who, self.rng.choice([0, 1, -1]) * self.rng.choice([QUANTUM, 3 * QUANTUM, 37]))
                 for who in self.rng.sample(PEOPLE, self.rng.randint(1, 3))]
        error, gained, lost = None, 0, 0
        for who, delta in batch:
            p = self.people[who]
            if delta and not p.requested:
                if self.now < p.settled_at + DAY:
                    error = "SettledTooSoon"
                elif delta % QUANTUM:
                    error = "NotInQuanta"
            if error is None and delta < 0 and self.recent(p.debits) - delta > max(p.cap, p.margin * p.public):
                error = "DebitAboveBound"
            if error:
                break
            gained, lost = gained + max(delta, 0), lost + max(-delta, 0)
        if error is None and gained and self.recent(self.outflow) + gained > self.bond:
            error = "GainsAboveBond"
        if error is None and gained > self.clearing + lost:
            error = "ClearingShort"
        for who, delta in batch if error is None else ():
            p = self.people[who]
            error = "LotOpen" if p.lot else "InsufficientBalance" if -delta > p.balance["quote"] else None
            if error:
                break
        if not self.expect("settle", error, lambda: self.w.settle(*batch)):
            return
        at = self.now + LAG
        for who, delta in batch:
            p = self.people[who]
            p.balance["quote"] += delta
            if delta:
                p.settled_at, p.requested = self.now, False
            if delta > 0:
                self.push(p.gains, delta, at)
            if delta < 0:
                p.debits.append((self.now, -delta))
        if gained:
            self.outflow.append((self.now, gained))
        self.clearing += lost - gained
        self.principal = min(self.principal, self.clearing)
        if lost > gained:
            self.push(self.clearing_gains, lost - gained, at)

    def owner_says(self) -> None:
        who = self.rng.choice(PEOPLE)
        if self.rng.random() < 0.5:
            self.w.desk("requestSettlement", sender=who)
            self.people[who].requested = True
        else:
            self.people[who].cap = self.rng.choice([0, 100, 1_000, 1_000])
            self.w.desk("setDebitCap", self.people[who].cap, sender=who)

    def clear(self) -> None:
        amount = self.rng.randint(1, 1_500)
        if self.rng.random() < 0.5:
            self.w.desk("fundClearing", self.w.venue, amount, sender=self.w.venue)
            self.clearing, self.principal = self.clearing + amount, self.principal + amount
        elif self.rng.random() < 0.3:
            self.w.desk("postBond", self.w.venue, amount, sender=self.w.venue)
            self.bond += amount
        else:
            amount = self.amount(self.clearing)
            gain = max(0, amount - self.principal)
            immature = sum(sum_ for at, sum_ in self.clearing_gains if at > self.now)
            error = "ClearingShort" if amount > self.clearing else \
                "GainNotMature" if gain > max(0, self.clearing - self.principal - immature) else \
                "GainsAboveBond" if gain and self.recent(self.outflow) + gain > self.bond else None
            if self.expect("withdrawClearing", error, lambda: self.w.desk(
                    "withdrawClearing", amount, self.w.venue, sender=self.w.venue)):
                self.clearing, self.principal = self.clearing - amount, self.principal - (amount - gain)
                if gain:
                    self.outflow.append((self.now, gain))

    def coordinate(self) -> None:
        who, other = self.rng.sample(PEOPLE, 2)
        p, q = self.people[who], self.people[other]
        kind = self.rng.choice(["lock", "release", "transferBasket", "pay"])
        by = {"sender": self.w.coordinator}
        if kind == "lock":
            error = "LotOpen" if p.lot else None if p.called else "NoLot"
            if self.expect(kind, error, lambda: self.w.vault("lock", who, 5, **by)):
                p.lot = 5
        elif kind == "release":
            if self.expect(kind, None if p.lot else "NoLot", lambda: self.w.vault("release", who, **by)):
                p.lot = 0
        elif kind == "transferBasket":
            error = "NoLot" if not p.lot else "LotOpen" if q.lot else None
            if self.expect(kind, error, lambda: self.w.vault("transferBasket", who, other, **by)):
                if self.immature(p):
                    self.push(q.gains, self.immature(p), max(at for at, _ in p.gains))
                q.balance.update(p.balance)
                p.balance.clear()
        else:
            amount = self.rng.randint(1, 50)
            error = "NoLot" if not p.lot else "InsufficientBalance" if amount > p.balance["quote"] else None
            if self.expect(kind, error, lambda: self.w.vault("pay", who, self.w.quote.address, amount, other, **by)):
                p.balance["quote"] -= amount
                self.owed[other, "quote"] += amount

    def world_turns(self) -> None:
        kind = self.rng.choice(["time", "time", "epoch", "final", "final", "freeze", "trip", "call", "margin"])
        who = self.rng.choice(PEOPLE)
        p = self.people[who]
        if kind == "time":
            self.w.pass_time(self.rng.choice([1, 600, 3_600, LAG, DAY // 2]))
        elif kind == "epoch" and self.now > self.w.epoch:
            self.epochs[self.w.publish()] = "open"
        elif kind == "final":
            self.w.finalise(self.w.epoch)
            self.epochs[self.w.epoch] = "final"
        elif kind == "freeze" and self.rng.random() < 0.3:
            epoch = self.rng.choice([e for e in self.epochs if self.epochs[e] == "open"] or [self.w.epoch])
            self.w.freeze(epoch)
            self.epochs[epoch] = "frozen"
        elif kind == "trip":
            self.tripped = self.rng.random() < 0.2
            self.w.oracle("trip", self.tripped)
        elif kind == "call":
            p.called = self.rng.random() < 0.2
            self.w.manager("setCalled", who, p.called)
        elif kind == "margin":
            p.margin = self.rng.choice([0, 0, 100, 700])
            p.version += 1
            self.w.register(who, p.margin)

    # -- what must hold --------------------------------------------------------------------------------------------
    def check(self) -> None:
        w = self.w
        for name, token in self.token.items():
            balances = sum(p.balance[name] for p in self.people.values())
            waiting = sum(claim[2] for claim, kind in self.claims.items() if kind == name)
            owed = sum(amount for (_, kind), amount in self.owed.items() if kind == name)
            held = w.vault("assetOf", token.address)[1]
            assert balances + waiting + owed == held == token("balanceOf", w.vault.address)
        assert w.desk("held") == self.clearing + self.bond == w.quote("balanceOf", w.desk.address)
        assert w.desk("clearingOf", w.venue) == (self.clearing, self.principal)
        assert max(self.ended.values(), default=0) <= 1
        who = self.rng.choice(PEOPLE)
        p = self.people[who]
        assert {name: w.balance(who, token) for name, token in self.token.items()} == \
            {name: p.balance[name] for name in self.token}
        assert w.value(who) == self.value(p)
        assert w.vault("immatureOf", who) == self.immature(p)

    def run(self, calls: int) -> None:
        steps = [self.deposit, self.deposit, self.withdraw, self.withdraw, self.redeem, self.redeem, self.cancel,
                 self.flat, self.collect, self.settle, self.settle, self.settle, self.owner_says, self.owner_says,
                 self.clear, self.clear, self.coordinate, self.world_turns, self.world_turns]
        for _ in range(calls):
            self.rng.choice(steps)()
            self.check()


PATHS = ("deposit", "withdraw", "redeem", "cancel", "flat", "collect", "settle", "withdrawClearing", "lock", "release",
         "transferBasket", "pay")
REFUSALS = {"withdraw: ClaimAboveValue", "withdraw: GainNotMature", "withdraw: LotOpen", "withdraw: AccountIsCalled",
            "withdraw: BreakerTripped", "redeem: NotMature", "redeem: NoSuchClaim", "cancel: NotRefuted",
            "cancel: NoSuchClaim", "flat: ProofDoesNotHold", "settle: SettledTooSoon", "settle: NotInQuanta",
            "settle: DebitAboveBound", "settle: GainsAboveBond", "settle: LotOpen", "withdrawClearing: GainNotMature"}


@pytest.mark.parametrize(("seed", "calls"), [(1, CALLS), pytest.param(2, 10_000, marks=pytest.mark.slow)])
def test_vault_and_model_agree(seed: int, calls: int) -> None:
    model = Model(seed)
    model.run(calls)
    assert all(model.passed[path] for path in PATHS), model.passed
    assert set(model.refusals) >= REFUSALS, REFUSALS - set(model.refusals)
    assert model.paid["quote"] > 0
