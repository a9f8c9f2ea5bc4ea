"""A failing account in a system as it is deployed, from its cover to its end: every contract is the one that
`deploy_system` makes. Keys are toys, and the world knows each commitment's margin: what is proven here is true.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from escrow_posts import DIGEST, disclosed_inputs, sealed_inputs, words_for
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from ledger_world import BUFFERS, EMPTY, FACTORS, MINUTE, Tested
from liquidation_world import ACCEPTANCE, FORCED, NO_PROOF, NO_SHORTFALL, State
from system_world import AGENT, EMPTY_FILLS, LIQUIDATORS, MARKS, SystemWorld

from primitives.babyjubjub import Point
from verifier_contracts.auction import LotTerms, SealedPrice, Stage
from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Receipt
from verifier_contracts.eip712 import Domain, sign
from verifier_contracts.system import CONTRACTS

DAY = 86_400
VALUE, MARGIN, FALLEN = 125_000_000, 100_000_000, 160_000_000
"""Collateral, its margin before the fall and after it, 10**-6 quote units."""
BACKED, OWN, BOND, CLEARING = 20_000_000, 2_000_000, 50_000_000, 20_000_000
"""What the fund's shared tranche and the venue's have; the venue's bond and clearing account."""
STEP = 5 * MINUTE


@dataclass
class LotWorld:
    """margins : of each commitment, now.  roots : of each epoch.  mover : from one commitment to another."""

    w: SystemWorld
    contracts: dict[str, Tested]
    margins: dict[int, int] = field(default_factory=lambda: {EMPTY: 0})
    root: int = 0
    roots: dict[int, int] = field(default_factory=dict)
    marks: tuple[int, ...] = MARKS
    receipts: dict[str, Receipt | Any] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Tested:
        try:
            return self.__dict__["contracts"][name]
        except KeyError:
            raise AttributeError(name) from None

    def state_now(self) -> tuple[Any, ...]:
        return self.w.chain.snapshot(), dict(self.margins), self.root, dict(self.roots), self.marks

    def back_to(self, state: tuple[Any, ...]) -> None:
        """Undo what was done since; receipts stay."""
        snapshot, self.margins, self.root, self.roots, self.marks = state
        self.w.chain.restore(snapshot)

    # -- who, when -------------------------------------------------------------------------------------------------
    @property
    def owner(self) -> str:
        return str(self.w.owner.address)

    @property
    def venue_key(self) -> LocalAccount:
        """The embedded chain's senders have the keys 1, 2, 3 ...; anvil's are everybody's."""
        place = self.w.chain.senders.index(self.w.venue)
        made: LocalAccount = Account.from_key((place + 1).to_bytes(32, "big"))
        if made.address != self.w.venue:
            Account.enable_unaudited_hdwallet_features()
            made = Account.from_mnemonic("test " * 11 + "junk", account_path=f"m/44'/60'/0'/0/{place}")
        assert made.address == self.w.venue
        return made

    @property
    def live(self) -> int:
        return int(self.oracle.read("liveTime"))

    @property
    def epoch(self) -> int:
        return int(self.oracle.read("latestEpochId"))

    def final_epoch(self) -> int:
        return int(self.oracle.read("latestFinalEpochId"))

    def publish(self) -> int:
        w = self.w
        content = w.content(root=self.root, marks=self.marks)
        w.publish_content(content)
        self.roots[content.id] = self.root
        return content.id

    def run(self, seconds: int) -> None:
        """So long, with an epoch every few minutes: no live second is lost."""
        until = self.w.chain.now() + seconds
        while self.w.chain.now() < until:
            step = min(STEP, until - self.w.chain.now())
            self.w.later(step)
            if self.w.chain.now() - self.epoch >= 240:
                self.publish()

    def live_to(self, live: int) -> None:
        while self.live < live:
            self.run(live - self.live)

    def coins(self, who: str) -> int:
        return int(self.w.coin.read("balanceOf", who))

    def give(self, who: str, amount: int, spender: str) -> None:
        """Coins for a sender of the chain that a contract may take."""
        self.w.coin.transact("mint", who, amount)
        self.w.coin.transact("approve", self.contracts[spender].address, 2**256 - 1, sender=who)

    def by(self, name: str, contract: str, function: str, *arguments: Any, sender: str | LocalAccount | None = None
           ) -> Any:
        """A transaction, by the relayer unless said otherwise; its receipt is kept under `name`."""
        target = self.contracts[contract]
        if isinstance(sender, LocalAccount):
            made = self.w.sent_by(sender, target, function, *arguments)
        else:
            made = target.transact(function, *arguments, sender=sender or self.w.relayer)
        self.receipts[name] = made
        return made

    # -- proofs ----------------------------------------------------------------------------------------------------
    def commitment(self, who: str) -> int:
        return int(self.ledger.read("commitmentOf", who))

    def value(self, who: str) -> int:
        return int(self.vault.read("valueOf", who, self.epoch, FACTORS))

    def commit_to(self, margin: int) -> int:
        made = int.from_bytes(keccak(text=f"lot {len(self.margins)}"), "big") >> 8
        self.margins[made] = margin
        return made

    def side(self, side: int, who: str, epoch: int, claimed: int, buffer: int, *, version: int | None = None,
             commitment: int | None = None, manager: str = "ledger") -> list[int]:
        w, commitment = self.w, self.commitment(who) if commitment is None else commitment
        covered = 10_000 * claimed >= self.margins[commitment] * (10_000 + buffer)
        assert covered == bool(side), "what is proven here is true"
        return proof_words(w.keys["cover"].prove([
            w.context("cover", account=who, epoch=epoch, version=version, manager=self.contracts[manager].address),
            self.roots[epoch], commitment, claimed | buffer << 128 | side << 144]))

    def margin_proof(self, who: str) -> list[int]:
        w, commitment, epoch = self.w, self.commitment(who), self.epoch
        return proof_words(w.keys["margin"].prove([
            w.context("margin", account=who, epoch=epoch, manager=self.closes.address), self.roots[epoch], commitment,
            self.margins[commitment]]))

    def moved(self, who: str, version: int, old: int, new: int, fills: int) -> list[int]:
        w = self.w
        return proof_words(w.keys["transition"].prove([
            w.context("transition", account=who, epoch=0, version=version), old, new, fills]))

    def short(self, who: str, claimed: int | None = None) -> tuple[Any, ...]:
        """That it is short, under the newest final epoch, of what it has or of so much."""
        epoch, claimed = self.final_epoch(), self.value(who) if claimed is None else claimed
        return (epoch, claimed, FACTORS, self.side(0, who, epoch, claimed, BUFFERS[0], manager="closes"))

    def posting(self, who: str, version: int, commitment: int) -> tuple[Any, ...]:
        """An escrow of what an account will hold, to venue, committee and its owner."""
        w, at = self.w, self.escrow.read("generation")
        keys = [Point(*key) for key in (self.escrow.read("keyOf", w.venue), self.escrow.read("committees", at)[0],
                                        self.escrow.read("keyOf", who))]
        bound = w.context("escrow", account=who, epoch=0, version=version)
        words = words_for(bound, commitment, keys, self.escrow.read("slots"))
        key = w.keys["escrow"]
        inputs = sealed_inputs(key.verification_key.digest(), bound, commitment, keys, words)
        return (DIGEST, words, proof_words(key.prove(inputs)))

    # -- accounts --------------------------------------------------------------------------------------------------
    def cover(self, who: str, step: int = 1) -> None:
        epoch, claimed = self.epoch, self.value(who)
        self.ledger.transact("attestCover", who, epoch, self.w.version(who), step, claimed, 0, FACTORS,
                             self.side(1, who, epoch, claimed, BUFFERS[step]), sender=self.w.relayer)

    def fall(self, margin: int = FALLEN) -> None:
        """Prices fall by 2 %, which trips no breaker, and with them the account: its margin under the next epochs."""
        self.marks = tuple(mark * 98 // 100 for mark in self.marks)
        self.root += 1
        self.margins[self.commitment(self.owner)] = margin
        self.run(STEP)

    def gain(self, who: str, amount: int) -> None:
        """A settlement that an account of the venue gains by."""
        self.settlement.transact("settle", [who], [amount], sender=self.w.venue)

    # -- calls -----------------------------------------------------------------------------------------------------
    def call(self) -> None:
        """By a shortfall."""
        who, epoch = self.owner, self.epoch
        claimed = self.value(who)
        self.by("proveShortfall", "ledger", "proveShortfall", who, epoch, self.w.version(who), claimed, 0, FACTORS,
                self.side(0, who, epoch, claimed, BUFFERS[0]))
        self.by("noteLoss", "coordinator", "noteLoss", who)

    def call_by_silence(self) -> None:
        """Its cover runs out, and half an hour later it is called."""
        self.run(62 * MINUTE)
        self.by("noteSilence", "silence", "noteSilence", self.owner)
        self.run(30 * MINUTE)
        self.by("callSilent", "silence", "callSilent", self.w.venue, 3)

    def to_venue(self) -> None:
        called, since = self.ledger.read("callOf", self.owner)[:2]
        self.live_to(since + 20 * MINUTE)
        while not self.oracle.read("isFinal", self.ledger.read("callOf", self.owner)[2]):
            self.run(MINUTE)
        self.by("passToVenue", "closes", "passToVenue", self.owner)
        while self.final_epoch() <= called:
            self.run(MINUTE)

    def to_lots(self) -> None:
        self.to_venue()
        self.live_to(self.closes.read("venuesTimeOf", self.owner)[1])

    # -- T1 --------------------------------------------------------------------------------------------------------
    def closing(self, new: int, concession: int = 0) -> tuple[Any, ...]:
        w, who, old, epoch = self.w, self.owner, self.commitment(self.owner), self.epoch
        version, fills, cash, deadline, value = w.version(who) + 1, new ^ 0xF111, 0, w.deadline(), self.value(who)
        fields = [("account", "address", who), ("venue", "address", w.venue), ("version", "uint40", version),
                  ("fillDigest", "uint256", fills), ("cash", "int128", cash), ("concession", "uint128", concession),
                  ("deadline", "uint256", deadline)]
        assert FORCED == "ForcedFills(" + ",".join(f"{kind} {name}" for name, kind, _ in fields) + ")"
        signature = w.sign(self.venue_key, "ForcedFills", fields)
        return ((who, version, new, fills, cash, concession, deadline, signature,
                 self.moved(who, version, old, new, fills)), self.short(who), self.posting(who, version, new), False,
                epoch, value, value, FACTORS,
                self.side(1, who, epoch, value, BUFFERS[1], version=version, commitment=new),
                self.side(0, who, epoch, value, BUFFERS[1] + 500, version=version, commitment=new, manager="closes"))

    # -- T2 --------------------------------------------------------------------------------------------------------
    def open(self, *, shows_margin: bool = True, s: Any = NO_SHORTFALL, name: str = "openLot") -> int:
        who = self.owner
        margin = self.margins[self.commitment(who)] if shows_margin else 0
        self.by(name, "coordinator", "openLot", who, self.epoch, FACTORS, margin,
                self.margin_proof(who) if shows_margin else NO_PROOF, s)
        return int(self.coordinator.read("lots"))

    def terms(self, lot: int) -> LotTerms:
        own = self.coordinator.read("lotOf", lot)
        made = LotTerms(lot, own[0], own[6], own[7], own[8], own[9], self.oracle.read("lagSecondsOf", own[6]))
        assert made.digest() == self.house.read("lotOf", lot)[16]
        return made

    def stage(self, lot: int) -> Stage:
        return Stage(self.house.read("stageOf", lot))

    def to_stage(self, lot: int, stage: Stage) -> None:
        while self.stage(lot) < stage:
            self.run(MINUTE)
        assert self.stage(lot) is stage

    def seat(self, who: LocalAccount, number: int) -> None:
        """With an encryption key of its own, money, and a seat."""
        self.w.register_key(who)
        self.give(self.w.relayer, 60_000_000, "house")
        self.by("deposit in the house", "house", "deposit", who.address, 60_000_000)
        self.by("takeSeat", "house", "takeSeat", sender=who)

    def bid(self, lot: int, who: LocalAccount, price: int) -> None:
        self.by("blindBid", "house", "blindBid", lot, self.terms(lot).digest(), price, sender=who)

    def recipients(self, lot: int) -> list[Point]:
        _, keys, count = self.house.read("shortlistOf", lot)
        return [Point(*key) for key in keys[:count]]

    def order(self, lot: int) -> None:
        self.by("orderDisclosure of a lot", "coordinator", "orderDisclosure", lot)

    def deliver(self, lot: int, who: str | None = None) -> None:
        """Whoever has the opening: venue or committee."""
        w, account, keys = self.w, self.owner, self.recipients(lot)
        commitment, places = self.commitment(account), [*keys, *[keys[0]] * (5 - len(keys))]
        bound = w.context("delivery", account=account, epoch=0, action=lot.to_bytes(32, "big"))
        words = words_for(bound, commitment, places, self.escrow.read("slots"))
        key = w.keys["delivery"]
        proof = key.prove(sealed_inputs(key.verification_key.digest(), bound, commitment, places, words))
        self.by("deliver a lot", "escrow", "deliver", lot, keys, DIGEST, words, proof_words(proof),
                sender=who or w.venue)
        self.by("noteDelivery", "house", "noteDelivery", lot)

    def publish_opening(self, lot: int) -> None:
        """To everybody."""
        w, key, commitment = self.w, self.w.keys["disclose"], self.commitment(self.owner)
        words = list(range(1, 2 * self.escrow.read("slots") + 2))
        bound = w.context("disclose", account=self.owner, epoch=0)
        proof = key.prove(disclosed_inputs(key.verification_key.digest(), bound, commitment, words))
        self.by("publishOpening of a lot", "escrow", "publishOpening", lot, words, proof_words(proof))

    def sealed(self, lot: int, who: LocalAccount, price: int) -> SealedPrice:
        return SealedPrice(self.w.chain.chain_id, self.house.address, lot, self.terms(lot).digest(), who.address,
                           price, b"\x05" * 32)

    def commit(self, lot: int, who: LocalAccount, price: int) -> None:
        self.by("commit", "house", "commit", lot, self.terms(lot).digest(), self.sealed(lot, who, price).commitment(),
                sender=who)

    def reveal(self, lot: int, who: LocalAccount, price: int) -> None:
        self.by("reveal", "house", "reveal", lot, who.address, price, b"\x05" * 32)

    def show(self, lot: int) -> tuple[Any, ...]:
        """The shortfall, to the house; what an award takes then."""
        shown = self.short(self.owner)
        self.by("showShortfall", "coordinator", "showShortfall", lot, shown)
        return shown

    def carry(self, lot: int, to: LocalAccount, adds: int, *, shown: tuple[Any, ...] | None = None,
              least: int = 0, comes: int = 0) -> tuple[Any, ...]:
        """What `award` takes, all proofs shown before: adds : what the new account has already; comes : what
        fund and gains will pay."""
        w, who = self.w, self.owner
        if adds:
            w.deposit(adds, account=to.address)
        if not any(self.escrow.read("keyOf", to.address)):
            w.register_key(to)
        old = self.commitment(who)
        new = self.commit_to(self.margins[old])
        self.by("showResalting", "desk", "showResalting", who, to.address, new, EMPTY_FILLS,
                self.moved(to.address, 1, old, new, EMPTY_FILLS))
        posting = self.posting(to.address, 1, new)
        self.by("showEscrow", "escrow", "showEscrow", to.address, w.venue, 1, new, *posting)
        deadline = w.deadline()
        consent = w.consent(new, owner=to, version=0, account=to.address)   # no registration has version 0
        value, epoch = self.value(who) + adds + comes, self.epoch
        hand = (who, to.address, new, deadline, consent, NO_PROOF)
        context = w.context("cover", account=to.address, epoch=epoch, version=1, manager=self.ledger.address)
        self.by("showCover", "attestor", "showCover", context, self.roots[epoch], new,
                value | BUFFERS[1] << 128 | 1 << 144,
                self.side(1, to.address, epoch, value, BUFFERS[1], version=1, commitment=new))
        return (lot, hand, b"", least, shown or self.short(who), (posting[0], [], NO_PROOF), epoch, value, FACTORS,
                NO_PROOF)

    def accepted(self, award: tuple[Any, ...], bidder: LocalAccount) -> tuple[Any, ...]:
        """The same with its winner's signature, so that anybody carries it."""
        lot, hand, _, least, *rest = award
        domain = Domain("Tailproof LiquidationCoord", "1", self.w.chain.chain_id, self.coordinator.address)
        fields = [("lotId", "uint256"), ("to", "address"), ("newCommitment", "uint256"), ("leastPaid", "uint256")]
        assert ACCEPTANCE == "Acceptance(" + ",".join(f"{kind} {name}" for name, kind in fields) + ")"
        signature = sign(domain.message("Acceptance", fields, [lot, hand[1], hand[2], least]), bidder)
        return (lot, hand, signature, least, *rest)

    def state(self, lot: int) -> State:
        return State(self.coordinator.read("lotOf", lot)[2])

    # -- money -----------------------------------------------------------------------------------------------------
    def told(self, name: str, contract: str, event: str) -> list[dict[str, Any]]:
        """Events of the transaction that was kept under this name."""
        return self.w.events(self.receipts[name], self.contracts[contract], event)

    def require_identities(self, accounts: Sequence[str]) -> None:
        """What each holder owes is what it has, to the unit, and nothing stays on the way (docs/liquidation.md)."""
        coin = self.w.coin.address
        for who in accounts:
            self.vault.transact("settleGains", who, sender=self.w.relayer)
        pools = [self.allocator.read("poolOf", number) for number in range(1, self.allocator.read("poolCount") + 1)]
        balances = sum(self.vault.read("balanceOf", who, coin) for who in accounts)
        owed = sum(self.vault.read("owed", who, coin) for who in (*accounts, self.allocator.address))
        assert self.coins(self.vault.address) == balances + owed - sum(pool[5] for pool in pools)
        venue = self.w.venue
        assert self.coins(self.settlement.address) == self.settlement.read("held") == (
            self.settlement.read("clearingOf", venue)[0] + self.settlement.read("bondOf", venue)[0])
        tranches = sum(self.fund.read("trancheOf", one)[0] for one in ("0x" + "00" * 20, venue))
        forwardable = self.fund.read("repaid")
        assert self.coins(self.fund.address) == self.fund.read("held") == tranches + forwardable
        assert self.coins(self.house.address) == self.house.read("held")
        for name in ("coordinator", "allocator", "closes", "silence", "escrow", "desk", "ledger"):
            assert self.coins(self.contracts[name].address) == 0, name


def loss_id(coordinator: Tested, lot: int) -> bytes:
    return bytes(keccak(encode(["address", "uint256"], [coordinator.address, lot])))


def build_lots(w: SystemWorld) -> LotWorld:
    """The owner's account covered at initial margin, its opening in escrow; three liquidators seated, the fund's agent
    ready, the fund backed by the relayer (who has given notice), another trader of the same venue."""
    tested = {name: Tested(w.chain, w.system.contracts[name], solidity) for name, solidity in CONTRACTS.items()}
    made = LotWorld(w, tested, root=w.root)
    made.roots[w.epoch] = w.root
    made.margins[w.commitment] = MARGIN
    w.register_key(AGENT)
    for contract in ("fund", "settlement"):
        made.give(w.relayer, 10**9, contract)
    made.by("back the fund", "fund", "back", "0x" + "00" * 20, BACKED, 1)
    made.by("back the fund, a venue's tranche", "fund", "back", w.venue, OWN, 1)
    made.by("postBond", "settlement", "postBond", w.venue, BOND)
    made.by("fundClearing", "settlement", "fundClearing", w.venue, CLEARING)
    made.fund.transact("requestExit", "0x" + "00" * 20, 1_000_000, sender=w.relayer)
    w.later(7 * DAY)
    made.publish()
    made.run(STEP)
    for number, one in enumerate(LIQUIDATORS):
        made.seat(one, number)
    w.post()
    w.deposit(VALUE)
    made.run(STEP)
    made.cover(made.owner)
    return made


def kept(lots: LotWorld) -> Iterator[LotWorld]:
    """The world for one test; what it does is undone."""
    before = lots.state_now()
    yield lots
    lots.back_to(before)


__all__ = ["LotWorld", "build_lots", "kept", "loss_id"]
