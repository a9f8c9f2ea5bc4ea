"""What must hold of the whole system after every call (CHAIN § 6, and what of § 1 a call can break): ghosts in Python,
kept from events alone, and held against what the contracts say.

A check that fails raises `Broken` with its number; `test_whole_stateful.py` shows of each that it can.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from eth_abi.abi import decode
from eth_utils.abi import abi_to_signature, get_abi_input_types
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ledger_world import BUFFERS
from liquidation_world import FACTORS, Stage, State
from revmchain import Contract
from revmsystem import BLOCKS, COIN_ID, MARKS, ONE, QUOTE_ID, START
from system_world import TERMS
from unwinding_world import UnwindingWorld
from whole_world import SHARED, WholeWorld

FINALITY = 1_200
COINS = ONE * 16 // 10
LIST = [(QUOTE_ID, ONE, ONE), (COIN_ID, COINS, ONE * 24 // 10)]
"""Of every epoch here: the quote asset, and coins at 1.6."""
NOWHERE = "0x" + "00" * 20


class Broken(AssertionError):
    """What must hold does not. number : of CHAIN, "6.1" the first that § 6 names."""

    def __init__(self, number: str, said: object) -> None:
        super().__init__(f"CHAIN {number}: {said}")
        self.number = number


def holds(number: str, condition: object, said: object = "") -> None:
    if not condition:
        raise Broken(number, said)


@dataclass
class TimedWorld(WholeWorld):
    """A world whose commitments have another margin under each epoch: what is proven under an epoch is true of it.

    history : of a commitment, from which second on it needs how much.  epochs : of each epoch, live time and block of
    its publication.
    """

    history: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    epochs: dict[int, tuple[int, int]] = field(default_factory=dict)
    marks: list[int] = field(default_factory=lambda: list(MARKS))
    published: int = MARKS[0]
    frozen: set[int] = field(default_factory=set)
    held: dict[int, int] = field(default_factory=dict)

    @property
    def block(self) -> int:
        return (self.now - START) // 12 + 1

    def publish(self, factors: Sequence[tuple[int, int, int]] = LIST) -> int:
        epoch = self.s.publish(LIST if factors is FACTORS else factors, self.marks)
        self.published = self.marks[0]
        self.epochs[epoch] = (self.live, self.block)
        return epoch

    def run(self, seconds: int, every: int = 600) -> None:
        super().run(seconds, every)

    def factors(self, epoch: int) -> list[tuple[int, int, int]]:
        return self.s.factors.get(epoch, LIST)

    def margin_under(self, commitment: int, epoch: int) -> int:
        entries = self.history.get(commitment)
        if entries is None:
            return self.margins[commitment]
        return next((margin for since, margin in reversed(entries) if since <= epoch), entries[0][1])

    def moves(self, commitment: int, margin: int) -> None:
        """Under the epochs that come."""
        entries = self.history.setdefault(commitment, [(0, self.margins[commitment])])
        entries.append((self.now + 1, margin))
        self.margins[commitment] = margin

    def salted(self, old: int) -> int:
        made = super().salted(old)
        if old in self.history:
            self.history[made] = list(self.history[old])
        return made

    def value(self, who: str) -> int:
        """V, by the list of every epoch here, less what losses have charged to its gains."""
        quote = self.s.vault("balanceOf", who, self.s.quote.address) - self.allocator("statusOf", who)[0]
        return int(quote * ONE + self.s.vault("balanceOf", who, self.s.coin.address) * COINS) >> 64

    # -- truths, which no contract is asked for ------------------------------------------------------------------------
    def final(self, epoch: int) -> bool:
        live, block = self.epochs.get(epoch, (1 << 60, 0))
        return (self.live - live >= FINALITY and self.block - block >= BLOCKS and epoch not in self.frozen
                and self.held.get(epoch, 0) < self.now)

    def falls_short(self, commitment: int, epoch: int, value: int) -> bool:
        return 10_000 * value < self.margin_under(commitment, epoch) * (10_000 + BUFFERS[0])

    def covers(self, commitment: int, epoch: int, value: int, step: int = 1) -> bool:
        return 10_000 * value >= self.margin_under(commitment, epoch) * (10_000 + BUFFERS[step])


class Told(NamedTuple):
    """An event. of : the contract's name here."""

    of: str
    event: str
    args: dict[str, Any]


class Rests(NamedTuple):
    """What an irreversible step rests on, as whoever made it said. kind : "short" or "covered"."""

    kind: str
    who: str
    epoch: int
    commitment: int
    value: int
    called_at: int = 0


class Listener:
    """Every event of every call that passed, as long as it is on."""

    def __init__(self, w: WholeWorld, contracts: dict[str, Contract]) -> None:
        self.told: list[Told] = []
        self.on = True
        self.w, self._raw = w, w.s.machine.raw
        self._names = {one.address.lower(): name for name, one in contracts.items()}
        self._events: dict[tuple[str, bytes], Any] = {}
        for name, one in contracts.items():
            for entry in one.artifact.abi:
                if entry["type"] == "event":
                    self._events[name, keccak(text=abi_to_signature(entry))] = entry
        w.s.machine.raw = self.raw  # type: ignore[method-assign]

    def raw(self, to: str, data: bytes, sender: str) -> bytes:
        answer: bytes = self._raw(to, data, sender)
        if self.on:
            for log in self.w.s.machine.evm.result.logs:
                self._hear(log)
        return answer

    def _hear(self, log: Any) -> None:
        name = self._names.get(str(log.address).lower())
        topics = [bytes.fromhex(str(one).removeprefix("0x")) for one in log.topics]
        entry = None if name is None else self._events.get((name, topics[0]))
        if name is None or entry is None:
            return
        plain = [one for one in entry["inputs"] if not one["indexed"]]
        types = get_abi_input_types({"type": "event", "name": "", "inputs": plain})  # type: ignore[typeddict-item]
        rest, indexed = iter(decode(types, bytes(log.data[1]))), iter(topics[1:])
        args = {}
        for one in entry["inputs"]:
            value = decode([one["type"]], next(indexed))[0] if one["indexed"] else next(rest)
            args[one["name"]] = to_checksum_address(value) if one["type"] == "address" else value
        self.told.append(Told(name, entry["name"], args))


@dataclass
class Ghosts:
    """own, owed : by holder and token.  claims : of withdrawals that wait.  room : what losses may take of each one's
    gains in all.  stakes, locked, pending : of bidders, and forfeits of lots that go on.  ends : of each lot."""

    w: TimedWorld
    u: UnwindingWorld
    people: list[str] = field(default_factory=list)
    gone: dict[str, int] = field(default_factory=dict)
    own: Counter[tuple[str, str]] = field(default_factory=Counter)
    owed: Counter[tuple[str, str]] = field(default_factory=Counter)
    claims: dict[bytes, tuple[str, str, int]] = field(default_factory=dict)
    room: Counter[str] = field(default_factory=Counter)
    haircuts: Counter[str] = field(default_factory=Counter)
    outstanding: int = 0
    clearing: Counter[str] = field(default_factory=Counter)
    bonds: Counter[str] = field(default_factory=Counter)
    stakes: Counter[str] = field(default_factory=Counter)
    locked: Counter[str] = field(default_factory=Counter)
    pending: dict[int, list[tuple[str, int]]] = field(default_factory=dict)
    bond_of: dict[int, int] = field(default_factory=dict)
    tranches: Counter[str] = field(default_factory=Counter)
    deficits: int = 0
    repaid: int = 0
    forwarded: int = 0
    keepers: Counter[str] = field(default_factory=Counter)
    commitments: dict[str, int] = field(default_factory=dict)
    states: dict[int, State] = field(default_factory=dict)
    ends: Counter[int] = field(default_factory=Counter)
    stages: dict[int, Stage] = field(default_factory=dict)
    clocks: tuple[int, int] = (0, 0)
    checked: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        w = self.w
        self.tokens = {"quote": w.s.quote, "coin": w.s.coin}
        self.quote = w.s.quote.address
        self.contracts = {"vault": w.s.vault, "settlement": w.s.settlement, "house": w.house, "fund": w.fund,
                          "allocator": w.allocator, "coordinator": w.coordinator, "ledger": w.s.ledger,
                          "desk": w.s.desk, "escrow": w.escrow, "closes": w.closes, "unwinder": self.u.unwinder}
        self.venues = [one.address for one in w.s.venues]
        for venue in self.venues:
            self.clearing[venue] = w.s.settlement("clearingOf", venue)[0]
            self.bonds[venue] = w.s.settlement("bondOf", venue)[0]
            self.tranches[venue] = w.fund("trancheOf", venue)[0]
        self.tranches[SHARED] = w.fund("trancheOf", SHARED)[0]
        self.clocks = (w.now, w.live)
        self.listener = Listener(w, self.contracts)

    def join(self, who: str) -> None:
        """An account, from now on one of those that are looked at."""
        self.people.append(who)
        self.commitments[who] = self.w.commitment(who)
        for token in self.tokens.values():
            self.own[who, token.address] = self.w.s.vault("balanceOf", who, token.address)

    def stake(self, bidder: str) -> None:
        self.stakes[bidder], self.locked[bidder] = sum(self.w.house("stakeOf", bidder)), 0

    def retire(self, who: str) -> None:
        """Sold: it holds nothing, and is looked at once more in the end."""
        self.people.remove(who)
        self.gone[who] = self.commitments[who]

    # -- what events do to them ----------------------------------------------------------------------------------------
    def take(self, told: Told, redeemed: bytes | None) -> None:
        follow = getattr(self, f"_{told.of}_{told.event}", None)
        if follow is not None:
            follow(**({"redeemed": redeemed} if told.event == "Withdrawn" and told.of == "vault" else {}), **{
                f"{name}_" if name in ("from", "since") else name: value for name, value in told.args.items()})

    def _vault_Deposited(self, account: str, token: str, amount: int, **_: Any) -> None:
        self.own[account, token] += amount

    def _vault_WithdrawalQueued(self, claimId: bytes, account: str, claim: Any) -> None:
        token = to_checksum_address(claim[1])
        self.own[account, token] -= claim[2]
        self.claims[claimId] = (account, token, claim[2])

    def _vault_WithdrawalCancelled(self, claimId: bytes, account: str) -> None:
        who, token, amount = self.claims.pop(claimId)
        self.own[who, token] += amount

    def _vault_Withdrawn(self, redeemed: bytes | None, account: str, token: str, amount: int, **_: Any) -> None:
        if redeemed is None:
            self.own[account, token] -= amount
        else:
            holds("6.4", self.claims.pop(redeemed, None) == (account, token, amount), "a claim is paid once")

    def _vault_Booked(self, account: str, delta: int, **_: Any) -> None:
        self.own[account, self.quote] += delta
        self.room[account] += -(-max(delta, 0) * TERMS.largest_haircut // 10_000)

    def _vault_HaircutTaken(self, account: str, amount: int) -> None:
        self.own[account, self.quote] -= amount
        self.haircuts[account] += amount
        self.outstanding -= amount

    def _vault_BasketTransferred(self, lotId: int, from_: str, to: str) -> None:
        for token in self.tokens.values():
            self.own[to, token.address] += self.own.pop((from_, token.address), 0)

    def _vault_Paid(self, lotId: int, token: str, to: str, amount: int) -> None:
        self.own[self.w.account_of(lotId), token] -= amount
        self.owed[to, token] += amount

    def _vault_Collected(self, who: str, token: str, amount: int, **_: Any) -> None:
        if who != self.w.allocator.address:                # what it is owed it collects in the same call
            self.owed[who, token] -= amount

    def _allocator_PoolCharged(self, amount: int, **_: Any) -> None:
        self.outstanding += amount

    def _allocator_DustSwept(self, amount: int, **_: Any) -> None:
        self.outstanding += amount

    def _settlement_Settled(self, venue: str, gained: int, lost: int, **_: Any) -> None:
        self.clearing[venue] += lost - gained

    def _settlement_ClearingFunded(self, venue: str, amount: int) -> None:
        self.clearing[venue] += amount

    def _settlement_ClearingWithdrawn(self, venue: str, amount: int, **_: Any) -> None:
        self.clearing[venue] -= amount

    def _settlement_ClearingCharged(self, venue: str, amount: int, **_: Any) -> None:
        self.clearing[venue] -= amount

    def _settlement_BondPosted(self, venue: str, amount: int) -> None:
        self.bonds[venue] += amount

    def _settlement_BondReturned(self, venue: str, amount: int, **_: Any) -> None:
        self.bonds[venue] -= amount

    def _settlement_BondSlashed(self, venue: str, amount: int, **_: Any) -> None:
        self.bonds[venue] -= amount

    def _house_Deposited(self, bidder: str, amount: int) -> None:
        self.stakes[bidder] += amount

    def _house_Withdrawn(self, bidder: str, amount: int, **_: Any) -> None:
        self.stakes[bidder] -= amount

    def _house_LotOpened(self, lotId: int, bond: int, **_: Any) -> None:
        self.bond_of[lotId], self.pending[lotId] = bond, []

    def _house_BlindBid(self, lotId: int, bidder: str, outbid: str, **_: Any) -> None:
        if outbid != NOWHERE:
            self.locked[outbid] -= self.bond_of[lotId]
        self.locked[bidder] += self.bond_of[lotId]

    def _house_BondForfeited(self, lotId: int, bidder: str, amount: int) -> None:
        self.stakes[bidder] -= amount
        self.locked[bidder] -= amount
        self.pending[lotId].append((bidder, amount))

    def _house_BondReleased(self, bidder: str, amount: int, **_: Any) -> None:
        self.locked[bidder] -= amount

    def _house_LotVoided(self, lotId: int) -> None:
        for bidder, amount in self.pending.pop(lotId):
            self.stakes[bidder] += amount
            self.locked[bidder] += amount

    def _house_LotFailed(self, lotId: int) -> None:
        self.stakes[self.w.fund.address] += sum(amount for _, amount in self.pending.pop(lotId))

    def _house_LotSettled(self, lotId: int, bidder: str, price: int) -> None:
        self._house_LotFailed(lotId)
        self.stakes[bidder] -= max(price, 0)

    def _fund_Backed(self, tranche: str, amount: int, **_: Any) -> None:
        self.tranches[tranche] += amount

    def _fund_Exited(self, tranche: str, amount: int, **_: Any) -> None:
        self.tranches[tranche] -= amount

    def _fund_FeesPaid(self, amount: int, repaid: int, **_: Any) -> None:
        self.repaid += repaid
        self.tranches[SHARED] += amount - repaid

    def _fund_LossCovered(self, venue: str, own: int, shared: int, deficit: int, **_: Any) -> None:
        self.tranches[venue] -= own
        self.tranches[SHARED] -= shared
        self.deficits += deficit

    def _fund_DeficitRelieved(self, amount: int, **_: Any) -> None:
        self.deficits -= amount

    def _fund_DeficitForwarded(self, amount: int, **_: Any) -> None:
        self.forwarded += amount

    def _unwinder_Unwound(self, keeper: str, pay: int, **_: Any) -> None:
        self.keepers[keeper] += pay

    def _unwinder_Collected(self, keeper: str, amount: int, **_: Any) -> None:
        self.keepers[keeper] -= amount

    def _coordinator_LotAwarded(self, lotId: int, **_: Any) -> None:
        self.ends[lotId] += 1

    def _coordinator_LotVoided(self, lotId: int) -> None:
        self.ends[lotId] += 1

    def _coordinator_LotFailed(self, lotId: int) -> None:
        self.ends[lotId] += 1

    def _coordinator_LotReleased(self, lotId: int) -> None:
        self.ends[lotId] += 1

    # -- what must hold ------------------------------------------------------------------------------------------------
    def check(self, name: str, subjects: Sequence[str], rests: Sequence[Rests], redeemed: bytes | None,
              covered: dict[str, bool]) -> None:
        """After a call of a handler: all that it told, and all that there is. subjects : whose consent it had.
        rests : what it rests on.  covered : who was covered or flat before it."""
        told, self.listener.told = self.listener.told, []
        self.listener.on = False
        try:
            before = Counter(self.own)
            for one in told:
                self.take(one, redeemed)
            self.only_shortfalls_lead_to_loss(name, subjects, rests, told, before)
            self.nothing_before_finality(rests, told)
            self.only_the_silent_and_the_short_are_called(rests, told, covered)
            self.haircuts_are_the_loss(told)
            touched = {str(value) for one in told for value in one.args.values()}
            self.the_vault_is_solvent(touched)
            self.bonds_are_conserved()
            self.the_fund_is_never_negative()
            self.lots_end_once()
            self.commitments_change_by_named_paths(name, subjects)
            self.live_time_goes_on()
        finally:
            self.listener.on = True

    def the_vault_is_solvent(self, touched: Collection[str] = ()) -> None:
        """touched : accounts that are looked at one by one; of the others one each time."""
        self.checked["6.1"] += 1
        vault, turn = self.w.s.vault, self.checked["6.1"] % max(1, len(self.people))
        looked_at = [who for n, who in enumerate(self.people) if who in touched or n == turn]
        for name, token in self.tokens.items():
            at = token.address
            owes = (sum(amount for (_, kind), amount in [*self.own.items(), *self.owed.items()] if kind == at)
                    + sum(amount for _, kind, amount in self.claims.values() if kind == at))
            owes -= self.outstanding if name == "quote" else 0
            has = token("balanceOf", vault.address)
            holds("6.1", has == owes == vault("assetOf", at)[1], f"the vault has {has} of {name} and owes {owes}")
            for who in looked_at:
                held = vault("balanceOf", who, at)
                holds("6.1", held == self.own[who, at] >= 0, f"{who} has {held} of {name}, not {self.own[who, at]}")
        for one in ("coordinator", "allocator", "ledger", "desk", "escrow", "closes"):
            holds("6.1", self.w.coins(self.contracts[one].address) == 0, f"something stays with {one}")
        holds("6.1", self.w.coins(self.u.unwinder.address) == sum(self.keepers.values()), "of keepers' pay")

    def only_shortfalls_lead_to_loss(self, name: str, subjects: Sequence[str], rests: Sequence[Rests],
                                     told: Sequence[Told], before: Counter[tuple[str, str]]) -> None:
        short = {one.who for one in rests if one.kind == "short" and one.epoch > one.called_at > 0
                 and self.w.falls_short(one.commitment, one.epoch, one.value)}
        for one in told:
            args = one.args
            if one.event == "BasketTransferred":
                self.checked["6.2"] += 1
                holds("6.2", name == "award" and args["from"] in short, f"{args['from']} was sold, and was not short")
            elif one.event in ("TransitionForced", "Unwound"):
                self.checked["6.2"] += 1
                holds("6.2", args["account"] in short, f"{one.event} of {args['account']}, who was not short")
            elif one.of == "vault" and one.event in ("Withdrawn", "WithdrawalQueued"):
                holds("6.2", args["account"] in subjects, f"{args['account']} was not asked ({name})")
            elif one.event == "Booked" and args["delta"] < 0:
                bound = self.w.s.settlement("debitBoundOf", args["account"])
                holds("6.2", args["account"] in subjects and -args["delta"] <= bound, f"{args} above {bound}")
        lost = {who for (who, token), amount in before.items() if self.own[who, token] < amount}
        lost -= {one.args["account"] for one in told if one.event == "HaircutTaken"}
        holds("6.2", lost <= {*subjects, *short}, f"{lost} lost by {name}")

    def nothing_before_finality(self, rests: Sequence[Rests], told: Sequence[Told]) -> None:
        irreversible = any(one.event in ("LotAwarded", "PartlyClosed", "Unwound") or (
            one.of == "vault" and one.event == "Withdrawn") for one in told)
        for one in rests if irreversible else ():
            self.checked["6.3"] += 1
            holds("6.3", self.w.final(one.epoch), f"epoch {one.epoch} is not final")

    def lots_end_once(self) -> None:
        self.checked["6.4"] += 1
        for lot in range(1, self.w.coordinator("lots") + 1):
            was, stage = self.states.get(lot, State.OPEN), self.stages.get(lot, Stage.NONE)
            over = was not in (State.OPEN, State.STUCK)
            if over and stage >= Stage.SETTLED and self.checked["6.4"] % 20:
                continue
            state, now = self.w.state(lot), self.w.stage(lot)
            holds("6.4", state == was or was == State.OPEN or (
                was == State.STUCK and state in (State.VOIDED, State.RELEASED)), f"lot {lot}: {was!r} became {state!r}")
            holds("6.4", stage < Stage.SETTLED or now == stage, f"the auction of lot {lot}: {stage!r} became {now!r}")
            ended = state not in (State.OPEN, State.STUCK)
            holds("6.4", self.ends[lot] == ended, f"lot {lot} ended {self.ends[lot]} times")
            locked = self.w.s.vault("lotOf", self.w.account_of(lot)) == lot
            holds("6.4", locked != ended, f"lot {lot} is {state!r}, and its account locked: {locked}")
            self.states[lot], self.stages[lot] = state, now

    def bonds_are_conserved(self) -> None:
        self.checked["6.5"] += 1
        house, settlement = self.w.house, self.w.s.settlement
        for bidder, amount in self.stakes.items():
            free, locked = house("stakeOf", bidder)
            holds("6.5", (free + locked, locked) == (amount, self.locked[bidder]),
                  f"{bidder} has {free} free and {locked} locked, not {amount} and {self.locked[bidder]}")
        forfeits = sum(amount for lot in self.pending.values() for _, amount in lot)
        kept = sum(self.stakes.values()) + forfeits
        holds("6.5", house("held") == kept == self.w.coins(house.address), f"the house keeps {kept}")
        for venue in self.venues:
            there = settlement("clearingOf", venue)[0], settlement("bondOf", venue)[0]
            holds("6.5", there == (self.clearing[venue], self.bonds[venue]), f"{venue} has {there}")
        kept = sum(self.clearing.values()) + sum(self.bonds.values())
        holds("6.5", settlement("held") == kept == self.w.coins(settlement.address), f"settlement keeps {kept}")

    def the_fund_is_never_negative(self) -> None:
        self.checked["6.6"] += 1
        fund = self.w.fund
        for tranche, amount in self.tranches.items():
            holds("6.6", fund("trancheOf", tranche)[0] == amount >= 0, f"tranche {tranche}: {amount}")
        holds("6.6", (fund("deficits"), fund("repaid")) == (self.deficits, self.repaid), "deficits, and what is repaid")
        holds("6.6", self.deficits >= self.repaid >= self.forwarded >= 0, "more is repaid than was lacking")
        held = sum(self.tranches.values()) + self.repaid - self.forwarded
        holds("6.6", fund("held") == held <= self.w.coins(fund.address), f"the fund holds {held}")

    def haircuts_are_the_loss(self, told: Sequence[Told]) -> None:
        def of(event: str, loss: bytes) -> Iterator[dict[str, Any]]:
            return (one.args for one in told if one.event == event and one.args["lossId"] == loss)

        for one in told:
            if one.event != "LossShared" or one.args["price"]:
                continue
            self.checked["6.7"] += 1
            args, loss = one.args, one.args["lossId"]
            (covered,) = of("LossCovered", loss)
            allocated = next(of("LossAllocated", loss), None)
            haircut, share = (allocated["haircut"], allocated["venueShare"]) if allocated else (0, 0)
            prices = [-other.args["price"] for other in told if other.event == "LotAwarded"]
            total = args["fund"] + args["haircut"] + args["deficit"]
            holds("6.7", args["fund"] == covered["own"] + covered["shared"], "what the fund paid")
            holds("6.7", args["haircut"] == haircut + share, "what gains and venue bear")
            holds("6.7", sum(pool["amount"] for pool in of("PoolCharged", loss)) == haircut, "of pools, to the unit")
            holds("6.7", not prices or prices == [total], f"the loss is {prices}, and {total} is borne")
            holds("6.7", args["deficit"] == self.w.fund("deficitOf", loss)[1], "what stands as a deficit")
        if any(one.event in ("PoolCharged", "HaircutTaken", "DustSwept") for one in told):
            pools = [self.w.allocator("poolOf", n) for n in range(1, self.w.allocator("poolCount") + 1)]
            paid = sum(pool[5] for pool in pools)
            holds("6.7", paid == self.outstanding, f"{paid} is charged and not taken, not {self.outstanding}")
        for one in told:
            if one.event == "HaircutTaken":
                who = one.args["account"]
                holds("6.7", self.haircuts[who] <= self.room[who], f"{who} lost {self.haircuts[who]} of gains")

    def commitments_change_by_named_paths(self, name: str, subjects: Sequence[str]) -> None:
        self.checked["6.8"] += 1
        for who in self.people:
            now = self.w.commitment(who)
            holds("6.8", now == self.commitments[who] or (name in NAMED and who in subjects),
                  f"the commitment of {who} was changed by {name}")
            self.commitments[who] = now

    def live_time_goes_on(self) -> None:
        self.checked["6.9"] += 1
        wall, live = self.clocks
        self.clocks = self.w.now, self.w.live
        holds("6.9", 0 <= self.clocks[1] - live <= self.clocks[0] - wall, f"{live} became {self.clocks[1]}")

    def only_the_silent_and_the_short_are_called(self, rests: Sequence[Rests], told: Sequence[Told],
                                                 covered: dict[str, bool]) -> None:
        for one in told:
            if one.event == "AccountCalled":
                self.checked["1.3"] += 1
                who = one.args["account"]
                short = any(rest.who == who and self.w.falls_short(rest.commitment, rest.epoch, rest.value)
                            for rest in rests)
                holds("1.3", short or not covered.get(who), f"{who} was covered, and is called")
            if one.event == "DisclosureOrdered":
                self.checked["1.2"] += 1
                holds("1.2", self.w.s.ledger("isCalled", one.args["account"]), "disclosed, and not called")


NAMED = ("register", "transition", "void", "move", "close", "award")
"""Handlers that may change a commitment: registration, transition, voiding, moving, partial close, award."""
