"""Every contract of a liquidation on revm, the escrow's words real encryptions: nothing stands in for anything but the
keys of statements, whose proofs are hashes (`HashVerifier.sol`). What `lot_world` does on a chain, in milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from escrow_posts import SLOTS, disclosed_inputs, public, sealed_inputs, secret_of
from eth_abi.abi import encode
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from eth_utils.crypto import keccak
from ledger_world import BUFFERS
from liquidation_world import (
    ANYBODY,
    BAND,
    CONCESSION,
    MINUTE,
    NO_PROOF,
    LiquidationWorld,
    Stage,
    give_roles,
    settings_of,
)
from lot_world import BACKED, BOND, CLEARING, FALLEN, MARGIN, OWN, VALUE
from revmchain import account
from revmsystem import CAP, artifacts, build, key_digest, proof_of, root_of
from system_world import AGENT, FUND_CAPS, LEAST_BOND, LIQUIDATORS, SEAT_BOND, TERMS

from primitives.babyjubjub import Point
from primitives.elgamal import Binding, Ephemeral, seal
from verifier_contracts.governance import Role
from verifier_contracts.role_table import FUNCTIONS

SHARED, PAYER = account(0), account(0xFEE)
GAINED = 4_000_000
_DISCARDED = ("COORDINATOR", "SILENCE", "CLOSING")


@dataclass
class WholeWorld(LiquidationWorld):
    """openings : of each commitment, `values` field elements.  committee_key : whom posts are encrypted to.
    posts : the recipients, binding and words of each account's last one."""

    openings: dict[int, list[int]] = field(default_factory=dict)
    committee_key: Point | None = None
    generation: int = 1
    posts: dict[str, tuple[tuple[Point, ...], Binding, list[int]]] = field(default_factory=dict)
    sealings: int = 0
    positions: int = SLOTS

    @property
    def values(self) -> int:
        """Field elements of an opening: as many whatever the book."""
        return 2 * self.positions + 1

    # -- money -------------------------------------------------------------------------------------------------------
    def coins(self, who: str) -> int:
        return int(self.s.quote("balanceOf", who))

    def give(self, who: str, amount: int, spender: Any) -> None:
        self.s.quote("mint", who, amount)
        self.s.quote("approve", spender.address, 1 << 200, sender=who)

    def gain(self, who: str, amount: int) -> None:
        self.s.settlement("settle", [who], [amount], sender=self.venue)

    def require_identities(self, accounts: Sequence[str]) -> None:
        """What each holder owes is what it has, to the unit (docs/liquidation.md)."""
        coin, vault = self.s.quote.address, self.s.vault
        for who in accounts:
            vault("settleGains", who)
        pools = [self.allocator("poolOf", n) for n in range(1, self.allocator("poolCount") + 1)]
        owed = sum(vault("owed", who, coin) for who in (*accounts, self.allocator.address, self.venue))
        queued = getattr(self, "queued", 0)
        assert self.coins(vault.address) == sum(self.value(who) for who in accounts) + owed + queued - sum(
            pool[5] for pool in pools)
        assert self.coins(self.s.settlement.address) == self.s.settlement("held") == sum(
            self.s.settlement("clearingOf", one.address)[0] + self.s.settlement("bondOf", one.address)[0]
            for one in self.s.venues)
        assert self.coins(self.fund.address) == self.fund("held") == self.fund("repaid") + sum(
            self.fund("trancheOf", one)[0] for one in (SHARED, *(one.address for one in self.s.venues)))
        assert self.coins(self.house.address) == self.house("held")
        for one in (self.coordinator, self.allocator, self.closes, self.silence, self.escrow, self.s.desk,
                    self.s.ledger):
            assert self.coins(one.address) == 0

    # -- openings ----------------------------------------------------------------------------------------------------
    def opening(self, commitment: int) -> list[int]:
        return self.openings.setdefault(commitment, list(range(1, self.values + 1)))

    def sealed_for(self, binding: Binding, commitment: int, keys: Sequence[Point]) -> tuple[int, list[int]]:
        """An encryption of its opening to these keys, and the digest of the words."""
        self.sealings += 1
        fresh = int.from_bytes(keccak(encode(["uint256", "uint256"], [commitment, self.sealings])), "big")
        words = seal(self.opening(commitment), list(keys), binding, Ephemeral(fresh >> 8, fresh >> 4)).words()
        return int.from_bytes(keccak(encode(["uint256[]"], [words])), "big") >> 8, words

    def holders(self, who: str) -> list[Point]:
        at = self.s.ledger("venueOf", who).lower()
        venue = next((one.address for one in self.s.venues if one.address.lower() == at), self.venue)
        key = self.committee_key or public(secret_of("committee 1"))
        return [public(secret_of(venue)), key, public(secret_of(who))]

    def posting(self, who: str, version: int, commitment: int, digest: int = 0) -> tuple[Any, ...]:
        if not any(self.s.escrow("keyOf", who)):
            self.s.register_key(who)
        key = key_digest("escrow", 1)
        context, keys = self.s.context("escrow", key, who, 0, version), self.holders(who)
        digest, words = self.sealed_for(Binding(context, commitment), commitment, keys)
        self.posts[who] = tuple(keys), Binding(context, commitment), words
        return digest, words, proof_of(key, sealed_inputs(key, context, commitment, keys, words, digest))

    def post(self, who: str) -> None:
        version = self.version(who)
        self.s.escrow("postEscrow", who, version, *self.posting(who, version, self.commitment(who)))

    # -- a lot -------------------------------------------------------------------------------------------------------
    def fall(self, margin: int = FALLEN) -> None:
        self.margins[self.commitment(self.owner)] = margin
        self.run(5 * MINUTE)

    def call_by_silence(self) -> None:
        self.run(62 * MINUTE)
        self.silence("noteSilence", self.owner)
        self.run(30 * MINUTE)
        self.silence("callSilent", self.venue, 3)

    def stage(self, lot: int) -> Stage:
        return Stage(self.house("stageOf", lot))

    def to_stage(self, lot: int, stage: Stage) -> None:
        while self.stage(lot) < stage:
            self.run(MINUTE)
        assert self.stage(lot) is stage

    def digest(self, lot: int) -> bytes:
        return bytes(self.house("lotOf", lot)[16])

    def bid(self, lot: int, who: LocalAccount, price: int) -> None:
        self.house("blindBid", lot, self.digest(lot), price, sender=who.address)

    def commit(self, lot: int, who: LocalAccount, price: int) -> None:
        sealed = self.house("commitmentOf", lot, self.digest(lot), who.address, price, b"\5" * 32)
        self.house("commit", lot, self.digest(lot), sealed, sender=who.address)

    def reveal(self, lot: int, who: LocalAccount, price: int) -> None:
        self.house("reveal", lot, who.address, price, b"\5" * 32)

    def recipients(self, lot: int) -> list[Point]:
        _, keys, count = self.house("shortlistOf", lot)
        return [Point(*key) for key in keys[:count]]

    def account_of(self, lot: int) -> str:
        """Whose lot it is."""
        return to_checksum_address(self.lot(lot)[0])

    def deliver(self, lot: int, opening: Sequence[int], sender: str = ANYBODY) -> None:
        """Whoever has the opening gives it to the shortlist."""
        who, keys, key = self.account_of(lot), self.recipients(lot), key_digest("delivery", 1)
        commitment = self.commitment(who)
        assert list(opening) == self.opening(commitment), "what is proven here is true"
        context = self.s.context("delivery", key, who, 0, self.version(who), lot.to_bytes(32, "big"))
        places = [*keys, *[keys[0]] * (5 - len(keys))]
        digest, words = self.sealed_for(Binding(context, commitment), commitment, places)
        self.escrow("deliver", lot, keys, digest, words,
                    proof_of(key, sealed_inputs(key, context, commitment, places, words, digest)), sender=sender)
        self.house("noteDelivery", lot)

    def disclose(self, lot: int, opening: Sequence[int]) -> None:
        """To everybody."""
        who, key = self.account_of(lot), key_digest("disclose", 1)
        context = self.s.context("disclose", key, who, 0, self.version(who))
        self.escrow("publishOpening", lot, list(opening), proof_of(
            key, disclosed_inputs(key, context, self.commitment(who), list(opening))))

    def show(self, lot: int) -> tuple[Any, ...]:
        shown = self.short(self.account_of(lot))
        self.coordinator("showShortfall", lot, shown)
        return shown

    def carried(self, lot: int, to: LocalAccount, adds: int, comes: int = 0, sender: str = "", least: int = 0) -> None:
        """The award, by its winner unless said otherwise.  comes : what fund and gains will pay."""
        self.deposit(to.address, adds)
        self.keys[to.address] = to
        bidder = sender or self.house("winnerOf", lot)[0]
        who = self.account_of(lot)
        value = self.value(who) + adds + comes
        self.coordinator("award", self.awarding(lot, who, to, value, least=least), sender=bidder)

    # -- leaving -----------------------------------------------------------------------------------------------------
    def withdraw(self, who: str, amount: int, waiting: int = 0) -> tuple[Any, ...]:
        """By herself, with cover for what is left; the claim.  waiting : gains that support nothing yet."""
        vault, quote, version, epoch = self.s.vault, self.s.quote.address, self.version(who), self.epoch
        factors = self.factors(epoch)
        left = int(vault("valueOf", who, epoch, factors)) - amount - waiting
        action = vault("actionHash", quote, amount, who, 0)
        proof = self.side(1, who, epoch, left, BUFFERS[1], action=action)
        vault("withdraw", (who, quote, amount, who, 0, version, self.now), [(epoch, left, factors, proof)], b"",
              sender=who)
        return (who, quote, amount, who, 0, who, epoch, version)

    def withdraw_flat(self, who: str, amount: int) -> None:
        """At once, by herself: no epoch, no venue."""
        quote, version = self.s.quote.address, self.version(who)
        action = self.s.vault("actionHash", quote, amount, who, 0)
        proof = self.flat_proof(who, version, self.commitment(who), action) if version else NO_PROOF
        self.s.vault("withdrawFlat", (who, quote, amount, who, 0, version, self.now), proof, b"", sender=who)


World = TypeVar("World", bound=WholeWorld)


def build_whole(kind: type[World] = WholeWorld, positions: int = SLOTS) -> World:  # type: ignore[assignment]
    """Everything deployed and wired as a deployment does it: the fund backed, the venue bonded, three liquidators
    seated; the owner covered at initial margin and in escrow.  kind : of the world that has it.
    positions : J of the escrow, and of every opening."""
    s = build(positions)
    made, admin = artifacts(), s.admin

    def deploy(name: str, *arguments: Any) -> Any:
        return s.machine.deploy(made[name], *arguments, sender=admin)

    authority, settlement, quote = s.authority.address, s.settlement.address, s.quote.address
    fund = deploy("InsuranceFund", authority, settlement, TERMS.bid_per_margin, FUND_CAPS)
    allocator = deploy("LossAllocator", authority, settlement, fund.address, TERMS.largest_haircut)
    house = deploy("AuctionHouse", authority, s.oracle.address, s.escrow.address, quote, fund.address,
                   (SEAT_BOND, LEAST_BOND, 5_000), TERMS.times(), TERMS.time_before)
    silence = deploy("SilenceCalls", s.desk.address, s.ledger.address)
    closes = deploy("PartialClose", s.ledger.address, s.desk.address, s.escrow.address, BAND, CONCESSION)
    coordinator = deploy("LiquidationCoordinator", authority, settings_of(closes, s.settlement, house, fund, allocator))
    give_roles(s, silence, closes, coordinator)
    there = {"fund": fund, "allocator": allocator, "house": house, "coordinator": coordinator}
    for name, contract in there.items():
        for function, role in FUNCTIONS[name].items():
            s.authority("setTargetFunctionRole", contract.address, [contract.selector(function)], int(role),
                        sender=admin)
    for name in _DISCARDED:                                   # the trial system gives them to an account
        s.authority("revokeRole", int(Role[name]), s.coordinator, sender=admin)
    s.vault("installAllocator", allocator.address, sender=admin)
    fund("install", coordinator.address, allocator.address, sender=admin)
    house("setFundAgent", AGENT.address, sender=admin)
    w = kind(s, silence, closes, coordinator, s.escrow, house, fund, allocator, s.settlement,
             Account.from_key(keccak(text="liquidated owner")))
    w.positions = positions
    w.keys[w.owner] = w.owner_key
    s.register_key(AGENT.address)
    for one in LIQUIDATORS:
        s.authority("grantRole", int(Role.LIQUIDATOR), one.address, 0, sender=admin)
        s.register_key(one.address)
        w.give(one.address, 60_000_000, house)
        house("deposit", one.address, 60_000_000, sender=one.address)
        house("takeSeat", sender=one.address)
    for contract in (fund, s.settlement):
        w.give(PAYER, 10**9, contract)
    fund("back", SHARED, BACKED, 1, sender=PAYER)
    fund("back", w.venue, OWN, 1, sender=PAYER)
    s.settlement("postBond", w.venue, BOND, sender=PAYER)
    s.settlement("fundClearing", w.venue, CLEARING, sender=PAYER)
    w.wait(300)
    w.publish()
    w.register(w.owner_key, MARGIN)
    w.deposit(w.owner, VALUE)
    w.post(w.owner)
    w.cover(w.owner)
    return w


assert CAP > 10 * VALUE
__all__ = ["FALLEN", "GAINED", "SHARED", "WholeWorld", "build_whole", "root_of"]
