"""Random calls of everybody on fund, allocator, vault and settlement beside a model, with every unit of money in sight.

The model is eager where the contracts are lazy: a loss charges every gain at once, account by account. What it says of
balances, tranches, shares, deficits and refusals is what the contracts must say; and after each call

    vault's tokens = balances + claims + owed - what gains were charged and accounts not yet debited
    settlement's tokens = clearing accounts + bonds
    fund's tokens = tranches + what fees repaid of deficits and nobody has forwarded + what was sent and not booked
    all tokens ever minted = those three + everybody's own

Ghosts: losses = fund's payments + haircuts + venues' shares + deficits, to the unit; no tranche is below 0; nobody
loses more by haircuts than `hMax` of a gain, nor anything of what he had before; who gained nothing pays nothing.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from fundworld import CAPS, DAY, HMAX, SHARED, FundWorld, build, loss_id
from revmchain import Refusal, account
from vaultworld import LAG, START

UNIT = 10**24
PEOPLE = [account(0xD0 + i) for i in range(6)]
BACKERS = [account(0xE0 + i) for i in range(3)]
NOTICE, WINDOW, MEAN = 7 * DAY, 2 * DAY, 7 * DAY


class Refused(Exception):
    """What the contracts must refuse, by name."""


def demand(holds: object, name: str) -> None:
    if not holds:
        raise Refused(name)


@dataclass
class Gain:
    amount: int
    pool: Pool
    matures: int
    charged: int = 0
    start: int = 0
    taken: int = 0
    booked: int = 0


@dataclass
class Pool:
    venue: str
    epoch: int
    closes: int
    gained: int = 0
    index: int = 0
    paid: int = 0
    number: int = 0


@dataclass
class Tranche:
    assets: int = 0
    shares: int = 0
    generation: int = 0
    target: int = 0


@dataclass
class Trader:
    venue: str
    balance: int = 0
    waits: list[tuple[int, int]] = field(default_factory=list)      # when, how much: every gain, whatever became of it
    gains: list[Gain] = field(default_factory=list)
    haircuts: int = 0
    room: int = 0                                                   # hMax of all that it gained, each rounded up


class Model:
    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.w: FundWorld = build()
        w = self.w
        self.venues = [w.venue, w.other_venue]
        self.traders = {who: Trader(self.venues[i % 2]) for i, who in enumerate(PEOPLE)}
        self.tranches = {SHARED: Tranche(), **{venue: Tranche() for venue in self.venues}}
        self.positions: dict[tuple[str, str], list[int]] = {}
        self.notices: dict[tuple[str, str], tuple[int, int, int]] = {}
        self.pools: list[Pool] = []
        self.clearing = dict.fromkeys(self.venues, 0)
        self.bonds = dict.fromkeys(self.venues, 0)
        self.all_gains: dict[str, list[tuple[int, int]]] = {venue: [] for venue in self.venues}
        self.clearing_gains: dict[str, list[tuple[int, int]]] = {venue: [] for venue in self.venues}
        self.venue_charges: dict[str, list[tuple[int, int]]] = {venue: [] for venue in self.venues}
        self.outflow: dict[str, list[tuple[int, int]]] = {venue: [] for venue in self.venues}
        self.draws: dict[str, list[tuple[int, int]]] = {}
        self.under: Counter[int] = Counter()
        self.deficits: dict[int, list[int]] = {}                    # amount, start, forwarded
        self.owner_of: dict[int, str] = {}
        self.total, self.repaid, self.unbooked = 0, 0, 0
        self.losses, self.open = 0, 0
        self.passed: Counter[str] = Counter()
        self.refusals: Counter[str] = Counter()
        self.minted = 0
        for who, one in self.traders.items():
            amount = self.rng.choice([0, 500, 5_000])
            self.mint(w.trader, amount, who, amount, one.venue)
            one.balance = amount
        for venue in self.venues:
            self.mint(w.stake, 120_000, venue, 20_000, 100_000)
            self.bonds[venue], self.clearing[venue] = 20_000, 100_000
        self.own = Counter()                                        # tokens in hand, by whom

    @property
    def now(self) -> int:
        return self.w.machine.now

    def mint(self, function: Callable[..., object], amount: int, *arguments: object) -> None:
        function(*arguments)
        self.minted += amount

    def recent(self, log: list[tuple[int, int]]) -> int:
        return sum(amount for when, amount in log if when > self.now - DAY)

    def expect(self, name: str, judge: Callable[[], object], call: Callable[[], object]) -> bool:
        """Whether it passed; the contracts must agree, by name."""
        refused = ""
        try:
            judge()
        except Refused as reason:
            refused = str(reason)
        if refused:
            with pytest.raises(Refusal) as caught:
                call()
            assert caught.value.name == refused, (name, caught.value, refused)
            self.refusals[f"{name}: {refused}"] += 1
            return False
        call()
        self.passed[name] += 1
        return True

    # -- traders -------------------------------------------------------------------------------------------------------
    def immature(self, one: Trader) -> int:
        if all(when <= self.now for when, _ in one.waits):
            return 0
        waiting = sum(amount for when, amount in one.waits if when > self.now)
        waiting -= sum(gain.taken for gain in one.gains if gain.matures > self.now)
        return min(max(waiting, 0), one.balance)

    def settle(self) -> None:
        venue = self.rng.choice(self.venues)
        ours = [who for who, one in self.traders.items() if one.venue == venue]
        pairs = []
        for who in self.rng.sample(ours, self.rng.randint(1, len(ours))):
            most = self.traders[who].balance
            pairs.append((who, self.rng.choice([self.rng.randint(1, 2_000), self.rng.randint(1, 60),
                                                -self.rng.randint(0, most) if most else 3])))
        gained, lost = (sum(max(sign * delta, 0) for _, delta in pairs) for sign in (1, -1))

        def judge() -> None:
            demand(self.recent(self.outflow[venue]) + gained <= self.bonds[venue], "GainsAboveBond")
            demand(gained <= self.clearing[venue] + lost, "ClearingShort")
        if not self.expect("settle", judge if gained else lambda: None, lambda: self.w.book(*pairs, venue=venue)):
            return
        if gained:
            self.outflow[venue].append((self.now, gained))
        epoch, matures = self.w.epoch, self.now + LAG
        self.clearing[venue] += lost - gained
        if lost > gained:
            self.clearing_gains[venue].append((epoch, lost - gained))
            self.all_gains[venue].append((epoch, lost - gained))
        for who, delta in pairs:
            one = self.traders[who]
            if delta > 0:
                pool = next((p for p in self.pools if (p.venue, p.epoch) == (venue, epoch)), None)
                if pool is None:
                    pool = Pool(venue, epoch, matures, number=len(self.pools) + 1)
                    self.pools.append(pool)
                one.gains.append(Gain(delta, pool, matures, start=pool.index, booked=delta))
                one.waits.append((matures, delta))
                one.room += -(-delta * HMAX // 10_000)
                pool.gained += delta
                self.all_gains[venue].append((epoch, delta))
            elif delta < 0:
                self.forget(one, -delta)
            one.balance += delta

    def forget(self, one: Trader, lost: int) -> None:
        for gain in reversed(one.gains):
            if self.now >= gain.pool.closes or not lost:
                continue
            kept = gain.amount - gain.charged
            eaten = min(lost, kept)
            lost -= eaten
            gain.pool.gained -= gain.amount - (kept - eaten)
            gain.amount, gain.charged, gain.start = kept - eaten, 0, gain.pool.index

    def leave(self) -> None:
        who = self.rng.choice(PEOPLE)
        one = self.traders[who]
        free = one.balance - self.immature(one)
        amount = max(0, self.rng.choice([free, free + 1, self.rng.randint(0, free // 4 + 1)]))
        w = self.w

        def judge() -> None:
            demand(amount, "NoAmount")
            if self.immature(one):
                demand(amount <= free, "GainNotMature")
            demand(amount <= one.balance, "InsufficientBalance")
        wish = w.wish(amount, account=who)
        if self.expect("leave", judge, lambda: w.flat(wish, sender=who)):
            one.balance -= amount
            self.own[who] += amount

    def deposit(self) -> None:
        who, amount = self.rng.choice(PEOPLE), self.rng.randint(1, 3_000)
        self.mint(self.w.deposit, amount, who, amount)
        self.traders[who].balance += amount
        self.passed["deposit"] += 1

    def touch(self) -> None:
        self.w.vault("settleGains", self.rng.choice(PEOPLE))
        self.passed["settleGains"] += 1

    def basket(self) -> None:
        """One account's collateral to another, its gains uncharged."""
        who, to = self.rng.sample(PEOPLE, 2)
        one, other = self.traders[who], self.traders[to]
        w = self.w
        w.manager("setCalled", who, True)
        w.vault("lock", who, 7, sender=w.coordinator)
        immature = self.immature(one)
        w.vault("transferBasket", who, to, sender=w.coordinator)
        w.vault("release", who, sender=w.coordinator)
        w.manager("setCalled", who, False)
        for gain in one.gains:
            if self.now < gain.pool.closes:
                gain.pool.gained -= gain.amount
        if immature:
            last = max([when for when, _ in one.waits])
            other.waits.append((max([last, *(when for when, _ in other.waits)]), immature))
        one.gains.clear()
        other.balance += one.balance
        one.balance = 0
        self.passed["basket"] += 1

    # -- backers -------------------------------------------------------------------------------------------------------
    def back(self) -> None:
        who, tranche = self.rng.choice(BACKERS), self.rng.choice([SHARED, SHARED, *self.venues])
        amount, into = self.rng.choice([0, 1, 50, self.rng.randint(1, 9_000)]), self.tranches[tranche]
        shares = amount * (into.shares + 10**6) // (into.assets + 1)
        if amount:
            self.minted += amount
        if not self.expect("back", lambda: demand(shares, "TooFewShares"), lambda: self.w.back(who, amount, tranche)):
            self.own[who] += amount
            return
        into.assets += amount
        into.shares += shares
        own = self.position(tranche, who)
        own[0] += shares

    def position(self, tranche: str, who: str) -> list[int]:
        generation = self.tranches[tranche].generation
        own = self.positions.setdefault((tranche, who), [0, generation])
        if own[1] != generation:
            own[:] = [0, generation]
            self.notices.pop((tranche, who), None)
        return own

    def notice(self) -> None:
        owners = [key for key, (shares, _) in self.positions.items() if shares]
        tranche, who = self.rng.choice(owners) if owners else (SHARED, BACKERS[0])
        own = self.position(tranche, who)
        shares = self.rng.choice([own[0], own[0] // 2, own[0] + 1])
        if self.expect("notice", lambda: demand(shares <= own[0], "SharesShort"),
                       lambda: self.w.fund("requestExit", tranche, shares, sender=who)):
            self.notices[tranche, who] = (shares, self.now + NOTICE, own[1])

    def exit(self) -> None:
        due = [key for key, (_, when, _) in self.notices.items() if when <= self.now < when + WINDOW]
        tranche, who = self.rng.choice(due) if due and self.rng.random() < 0.9 else (SHARED, self.rng.choice(BACKERS))
        self.position(tranche, who)
        shares, when, _ = self.notices.get((tranche, who), (0, 0, 0))
        out = self.tranches[tranche]
        amount = shares * (out.assets + 1) // (out.shares + 10**6)

        def judge() -> None:
            demand(shares, "NoAmount")
            demand(when <= self.now < when + WINDOW, "ExitNotDue")
            demand(not self.open, "LossesOpen")
            demand(self.total == self.repaid, "DeficitStands")
            demand(out.assets - amount >= out.target, "BelowTarget")
        if self.expect("exit", judge, lambda: self.w.fund("exit", tranche, who, sender=who)):
            out.assets -= amount
            out.shares -= shares
            self.positions[tranche, who][0] -= shares
            del self.notices[tranche, who]
            self.own[who] += amount

    def fees(self) -> None:
        amount = self.rng.choice([self.rng.randint(1, 3_000), max(1, self.total - self.repaid)])
        if self.rng.random() < 0.3:
            self.w.quote("mint", self.w.fund.address, amount)
            self.unbooked += amount
            self.w.fund("bookReceived")
            self.unbooked -= amount
        else:
            self.w.fees(BACKERS[0], amount)
        self.minted += amount
        self.take_fees(amount)
        self.passed["fees"] += 1

    def take_fees(self, amount: int) -> None:
        back = min(amount, self.total - self.repaid)
        self.repaid += back
        self.tranches[SHARED].assets += amount - back

    def forward(self) -> None:
        if not self.deficits:
            return
        loss = self.rng.choice(list(self.deficits))
        amount, start, forwarded = self.deficits[loss]
        ready = min(amount, max(0, self.repaid - start)) - forwarded
        if self.expect("forward", lambda: demand(ready, "NoAmount"),
                       lambda: self.w.fund("forwardRepaid", loss_id(loss))):
            self.deficits[loss][2] += ready
            self.clearing[self.owner_of[loss]] += ready

    # -- losses --------------------------------------------------------------------------------------------------------
    def lose(self) -> None:
        """Fund, then gains and venue, then deficit: to the unit."""
        self.losses += 1
        loss, who = self.losses, self.rng.choice(PEOPLE)
        venue, w, rng = self.traders[who].venue, self.w, self.rng
        amount = rng.choice([rng.randint(1, 400), rng.randint(1, 12_000)])
        own, shared = self.payable(venue, who, amount)
        assert w.fund("payableFor", venue, who, w.epoch, amount) == (own, shared)
        paid = w.insure(loss, amount, venue, who)
        assert paid == own + shared
        for tranche, part in ((venue, own), (SHARED, shared)):
            self.draw(tranche, part)
        for key, part in ((f"own {venue}", own), (venue, shared), (who, shared), ("day", shared)):
            self.draws.setdefault(key, []).append((self.now, part))
        self.under[w.epoch] += shared
        rest = amount - paid
        if rest:
            self.deficits[loss], self.owner_of[loss] = [rest, self.total, 0], venue
            self.total += rest
        self.own[w.coordinator] += paid
        self.passed["cover"] += 1
        if not rest or rng.random() < 0.1:
            return
        since = rng.choice([w.epoch, max(START, self.now - rng.randint(0, LAG)), START])
        since = min(since, self.now)
        haircut, share = self.charge(venue, since, rest)
        charged = w.record(loss, rest, since, venue)
        assert charged == haircut + share, (haircut, share)
        self.deficits[loss][0] -= charged
        self.total -= charged
        self.own[w.coordinator] += charged
        assert amount == own + shared + haircut + share + w.fund("standingOf", loss_id(loss))
        self.passed["haircut"] += haircut > 0
        self.passed["venue charged"] += share > 0

    def payable(self, venue: str, who: str, amount: int) -> tuple[int, int]:
        def drawn(key: str) -> int:
            return self.recent(self.draws.get(key, []))
        own = min(amount, self.tranches[venue].assets)
        stake = self.tranches[venue].assets + drawn(f"own {venue}") + self.bonds[venue]
        bounds = [amount - own, self.tranches[SHARED].assets, stake - drawn(venue), CAPS[0] - drawn(who),
                  CAPS[1] - self.under[self.w.epoch], CAPS[2] - drawn("day")]
        return own, max(0, min(bounds))

    def draw(self, tranche: str, amount: int) -> None:
        out = self.tranches[tranche]
        out.assets -= amount
        assert out.assets >= 0
        if amount and out.shares and out.shares >> 64 >= out.assets:
            out.shares = 0
            out.generation += 1

    def charge(self, venue: str, since: int, amount: int) -> tuple[int, int]:
        most = UNIT * HMAX // 10_000
        pools = [pool for pool in reversed(self.pools) if pool.venue == venue and pool.epoch >= since
                 and self.now < pool.closes]
        rooms = [pool.gained * max(0, most - pool.index) // UNIT for pool in pools]

        def between(log: list[tuple[int, int]], first: int, last: int) -> int:
            return sum(part for when, part in log if first <= when <= last)
        mean = between(self.all_gains[venue], since - MEAN, since - 1) * (self.now - since) // MEAN
        skipped = max(0, mean - between(self.all_gains[venue], since, self.now))
        base = between(self.clearing_gains[venue], since, self.now) + skipped
        venue_room = max(0, base * HMAX // 10_000 - between(self.venue_charges[venue], since, self.now))
        room = sum(rooms) + venue_room
        whole = min(amount, room)
        share = whole * venue_room // room if room else 0
        haircut = whole - share
        before = assigned = 0
        for pool, each in zip(pools, rooms, strict=True):
            before += each
            part = haircut * before // sum(rooms) - assigned if sum(rooms) else 0
            if not part:
                continue
            assigned += part
            assert part <= each
            pool.index += -(-part * UNIT // pool.gained)
            pool.paid += part
            for one in self.traders.values():
                for gain in one.gains:
                    if gain.pool is pool:
                        due = -(-gain.amount * (pool.index - gain.start) // UNIT) - gain.charged
                        gain.charged += due
                        gain.taken += due
                        pool.paid -= due
                        one.balance -= due
                        one.haircuts += due
                        assert gain.taken <= gain.booked
        assert assigned == haircut
        assert all(pool.paid <= 0 for pool in pools), "what was paid out is always there"
        taken = min(share, self.clearing[venue])
        self.clearing[venue] -= taken
        slashed = min(share - taken, self.bonds[venue])
        self.bonds[venue] -= slashed
        if share:
            self.venue_charges[venue].append((self.now, taken + slashed))
        return haircut, taken + slashed

    def sweep(self) -> None:
        if not self.pools:
            return
        pool = self.rng.choice(self.pools)
        lazy = self.w.allocator("poolOf", pool.number)[5]

        def judge() -> None:
            demand(self.now >= pool.closes, "PoolOpen")
            demand(lazy < 0, "NoDust")
        if self.expect("sweep", judge, lambda: self.w.allocator("sweepDust", pool.number)):
            pool.paid -= lazy
            self.take_fees(-lazy)

    def slash(self) -> None:
        if self.rng.random() < 0.7:
            return
        venue, w = self.rng.choice(self.venues), self.w
        amount = self.rng.randint(1, 300)
        taken = min(amount, self.bonds[venue])
        w.desk("slashBond", venue, amount, w.fund.address, sender=w.coordinator)
        self.bonds[venue] -= taken
        if taken:
            w.fund("bookReceived")
            self.take_fees(taken)
        self.passed["slash"] += 1

    # -- time ----------------------------------------------------------------------------------------------------------
    def wait(self) -> None:
        self.w.pass_time(self.rng.choice([1, 60, 600, 3_600, 3_600, LAG, DAY]))
        if self.rng.random() < 0.6:
            self.w.publish()
        self.open = self.rng.choice([0, 0, 0, 1])
        self.w.watch("set", self.open)

    def week(self) -> None:
        for _ in range(3):
            self.notice()
        self.w.pass_time(NOTICE)
        self.w.publish()
        for _ in range(3):
            if self.rng.random() < 0.4:
                self.lose()
            self.exit()
            self.w.watch("set", 0)
            self.open = 0
            self.exit()

    def target(self) -> None:
        tranche = self.rng.choice(list(self.tranches))
        self.tranches[tranche].target = self.rng.choice([0, 0, self.tranches[tranche].assets // 2])
        self.w.fund("setTarget", tranche, self.tranches[tranche].target, sender=self.w.admin)

    # -- money ---------------------------------------------------------------------------------------------------------
    def check(self) -> None:
        w = self.w
        vault = nominal = 0
        for who, one in self.traders.items():
            due = w.due(who)
            assert w.balance(who) - due == one.balance, who
            assert w.vault("immatureOf", who) == self.immature(one), who
            assert one.balance >= 0
            assert one.haircuts <= one.room + len(one.waits), "a haircut is at most hMax of a gain, rounded up"
            assert not one.haircuts or one.room, "who gained nothing pays nothing"
            nominal += w.balance(who)
        paid = sum(w.allocator("poolOf", pool.number)[5] for pool in self.pools)
        vault = nominal + w.vault("owed", w.allocator.address, w.quote.address) - paid
        assert w.in_hand(w.vault.address) == vault == w.vault("assetOf", w.quote.address)[1]
        assert paid - sum(w.due(who) for who in PEOPLE) == sum(pool.paid for pool in self.pools)
        forwarded = sum(one[2] for one in self.deficits.values())
        fund = sum(one.assets for one in self.tranches.values()) + self.repaid - forwarded
        assert w.in_hand(w.fund.address) == fund + self.unbooked == w.fund("held") + self.unbooked
        assert (w.fund("deficits"), w.fund("repaid")) == (self.total, self.repaid)
        assert self.total == sum(one[0] for one in self.deficits.values())
        for tranche, one_ in self.tranches.items():
            assert w.fund("trancheOf", tranche) == (one_.assets, one_.target, one_.generation, one_.shares)
            worths = [w.worth(who, tranche) for who in BACKERS]
            assert sum(worths) <= one_.assets, "shares are never worth more than there is"
        desk = sum(self.clearing.values()) + sum(self.bonds.values())
        assert w.in_hand(w.desk.address) == desk == w.desk("held")
        own = sum(self.own.values())
        assert own == sum(w.in_hand(who) for who in {*PEOPLE, *BACKERS, w.coordinator})
        assert self.minted == vault + fund + self.unbooked + desk + own

    def end(self) -> None:
        """Everybody is debited and all dust swept: nothing is missing, and nothing is left over."""
        w = self.w
        for who in PEOPLE:
            w.vault("settleGains", who)
        w.pass_time(2 * LAG)
        for pool in self.pools:
            lazy = w.allocator("poolOf", pool.number)[5]
            assert lazy <= 0
            if lazy:
                w.allocator("sweepDust", pool.number)
                pool.paid -= lazy
                self.take_fees(-lazy)
        assert not any(pool.paid for pool in self.pools)
        self.check()
        assert w.vault("assetOf", w.quote.address)[1] == sum(one.balance for one in self.traders.values())

    def run(self, calls: int) -> None:
        steps = [(self.settle, 26), (self.leave, 10), (self.deposit, 5), (self.touch, 6), (self.basket, 2),
                 (self.back, 9), (self.notice, 6), (self.exit, 8), (self.fees, 6), (self.forward, 4), (self.lose, 14),
                 (self.sweep, 5), (self.slash, 2), (self.wait, 14), (self.week, 3), (self.target, 1)]
        for number in range(calls):
            self.rng.choices([step for step, _ in steps], [weight for _, weight in steps])[0]()
            if number % 4 == 0:
                self.check()
        self.end()


PASSED = {"settle", "leave", "settleGains", "basket", "back", "notice", "exit", "fees", "forward", "cover", "haircut",
          "venue charged", "sweep", "slash"}
REFUSALS = {"exit: DeficitStands", "exit: LossesOpen", "exit: ExitNotDue", "leave: GainNotMature", "sweep: PoolOpen",
            "sweep: NoDust", "notice: SharesShort", "back: TooFewShares", "forward: NoAmount"}


@pytest.mark.parametrize(("seed", "calls"), [(1, 800), *(pytest.param(seed, 4_000, marks=pytest.mark.slow)
                                                        for seed in range(2, 6))])
def test_every_unit_is_accounted_for(seed: int, calls: int, capsys: pytest.CaptureFixture[str]) -> None:
    model = Model(seed)
    model.run(calls)
    with capsys.disabled():
        print(f"\nseed {seed}: {sum(model.passed.values())} passed, {dict(model.refusals)}")
    assert {name for name, count in model.passed.items() if count} >= PASSED
    assert set(model.refusals) >= REFUSALS
