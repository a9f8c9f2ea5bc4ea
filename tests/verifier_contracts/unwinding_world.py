"""Two protocols written as third parties would, and hostile ones, around the liquidation world: what an account has
there is unwound when it is called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address
from liquidation_world import FACTORS, LiquidationWorld, build_liquidation
from mocks import compiled
from revmchain import Contract, account
from revmsystem import COIN_ID, ONE, QUOTE_ID, root_of

from verifier_contracts.artifacts import Artifact
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.governance import Role
from verifier_contracts.unwinding import Listing, Step, Terms, steps_of
from verifier_contracts.vault import Factor

KEEPER = account(0x6EE9)
PRICE, STRIKE, SECURITY = 2_000_000, 1_500_000, 400_000
"""Smallest cash units: for a million of the coin's, of an option, and left for one that was written."""
TERMS = Terms(200, 30_000)
COIN_FACTOR = Factor(COIN_ID, ONE * 16 // 10, ONE * 24 // 10)
BOTH = [Factor(QUOTE_ID, ONE, ONE), COIN_FACTOR]
RESERVES = 10**12
POOL_RANK, OPTIONS_RANK = 700, 40


class Mode:
    """Of `HostileAdapter.sol`."""

    (HONEST, REVERT, REVERT_MUCH, RETURN_MUCH, RETURN_LITTLE, BURN_GAS, SAY_MORE, DO_LESS, STAY_OPEN,
     CALL_BACK, BURN_MOST, CLOSE_LATE) = range(12)


@lru_cache(maxsize=1)
def reference_protocols() -> dict[str, Artifact]:
    return dict(compiled("LendingPool", "OptionsVault", "HostileAdapter"))


@dataclass
class UnwindingWorld:
    """`pool` and `options` are the protocols, `lender` and `writer` their adapters."""

    w: LiquidationWorld
    unwinder: Contract
    pool: Contract
    lender: Contract
    options: Contract
    writer: Contract

    @property
    def owner(self) -> str:
        return self.w.owner

    @property
    def admin(self) -> str:
        return self.w.s.admin

    def cash(self, who: str) -> int:
        return int(self.w.s.quote("balanceOf", who))

    # -- before the call -------------------------------------------------------------------------------------------
    def hostile(self, rank: int = 100, asset: int = QUOTE_ID) -> Contract:
        """A protocol that has a lot of cash, listed."""
        made = self.w.s.machine.deploy(reference_protocols()["HostileAdapter"], self.w.s.quote.address,
                                       sender=self.admin)
        self.w.s.quote("mint", made.address, RESERVES)
        self.unwinder("listProtocol", made.address, asset, rank, sender=self.admin)
        return made

    def join(self, who: str, adapter: Contract, most: int = 0) -> None:
        self.unwinder("join", adapter.address, most, sender=who)

    def open_account(self, value: int = 1_000_000, margin: int = 500_000, key: LocalAccount | None = None) -> str:
        """Registered, with collateral, its margin public and young."""
        key = key or self.w.owner_key
        who = str(key.address)
        self.w.register(key, margin)
        self.w.deposit(who, value)
        self.attest(who)
        return who

    def attest(self, who: str) -> None:
        s, epoch, commitment = self.w.s, self.w.epoch, self.w.commitment(who)
        margin, version = self.w.margins[commitment], self.w.version(who)
        s.ledger("attest", who, epoch, version, margin, 0, self.w.prove(
            "margin", s.ledger, who, epoch, version, [root_of(epoch), commitment, margin]))

    def give(self, who: str, cash: int = 0, coins: int = 0) -> None:
        """To spend at the protocols."""
        for token, amount in ((self.w.s.quote, cash), (self.w.s.coin, coins)):
            if amount:
                token("mint", who, amount)
            for protocol in (self.pool, self.options):
                token("approve", protocol.address, 1 << 200, sender=who)

    def spread(self, who: str, coins: int = 1_000_000, debt: int = 400_000, long: int = 3, short: int = 1,
               most: int = 10**7) -> None:
        """Something of everything: coins and a debt at the pool, options on both sides."""
        self.join(who, self.lender, most)
        self.join(who, self.writer, most)
        self.give(who, 10**7, coins)
        self.pool("supply", coins, sender=who)
        if debt:
            self.pool("borrow", debt, sender=who)
        if long:
            self.options("buy", long, 1_000, sender=who)
        if short:
            self.options("write", short, short * SECURITY, 1_000, sender=who)

    def fall(self, who: str, margin: int) -> None:
        """Its margin is another from the next epoch on, and it is called for it."""
        self.w.margins[self.w.commitment(who)] = margin
        self.w.publish_now()
        self.w.shortfall(who)

    def to_time(self, who: str, factors: Sequence[Factor] = BOTH) -> None:
        """The venue's time has begun, and the newest epoch has these factors."""
        self.w.to_venue(who)
        self.w.publish_now() if list(factors) == FACTORS else self.newest(factors)

    def newest(self, factors: Sequence[Factor] = BOTH) -> int:
        self.w.wait(max(0, self.w.s.latest + 240 - self.w.now))
        return self.w.publish([tuple(factor) for factor in factors])

    def short_account(self, **spread: Any) -> str:
        """An account with something everywhere, called, its owner's time over."""
        who = self.open_account()
        self.spread(who, **spread)
        self.fall(who, 20_000_000)
        self.to_time(who)
        return who

    # -- unwinding -------------------------------------------------------------------------------------------------
    def listing(self, adapter: str) -> Listing:
        return Listing(*self.unwinder("listingOf", adapter))

    def members(self, who: str) -> list[str]:
        return [to_checksum_address(one) for one in self.unwinder("protocolsOf", who)]

    def steps(self, who: str, factors: Sequence[Factor] | None = None, out: Iterable[str] = ()) -> list[Step]:
        """By the factors of the newest epoch, or these."""
        factors = self.newest_factors() if factors is None else factors
        gone = {to_checksum_address(one) for one in out}
        return steps_of({one: self.listing(one) for one in self.members(who) if one not in gone}, factors)

    def short(self, who: str) -> tuple[Any, ...]:
        """Its shortfall under the last final epoch."""
        epoch, claimed, _, proof = self.w.short(who)
        return epoch, claimed, self.w.s.factors.get(epoch, []), proof

    def newest_factors(self) -> list[Factor]:
        return [Factor(*factor) for factor in self.w.s.factors[self.w.epoch]]

    def grounds(self, who: str, **changes: Any) -> tuple[Any, ...]:
        parts: dict[str, Any] = {"short": self.short(who) if "short" not in changes else 0,
                                 "epoch": self.w.epoch,
                                 "factors": [tuple(factor) for factor in self.newest_factors()]} | changes
        return tuple(parts.values())

    def arguments(self, who: str, out: Iterable[str] = (), **changes: Any) -> tuple[Any, ...]:
        gone = sorted(out, key=lambda one: int(one, 16))
        steps = changes.pop("steps", None)
        steps = self.steps(who, out=gone) if steps is None else steps
        return who, [tuple(step) for step in steps], gone, self.grounds(who, **changes)

    def liquidate(self, who: str, out: Iterable[str] = (), *, sender: str = KEEPER, **changes: Any) -> None:
        self.unwinder("liquidate", *self.arguments(who, out, **changes), sender=sender)

    def events(self, who: str, out: Iterable[str] = (), *, sender: str = KEEPER,
               **changes: Any) -> list[tuple[Any, ...]]:
        """What the unwinder said, without what others did."""
        said = self.w.logs(self.unwinder, "liquidate", *self.arguments(who, out, **changes), sender=sender)
        return [one for one in said if one[0] in ("LeftOut", "Stepped", "DebtStands", "Unwound")]

    def positions(self, who: str) -> dict[str, tuple[int, ...]]:
        return {name: tuple(adapter("positionOf", who)) for name, adapter in (("pool", self.lender),
                                                                              ("options", self.writer))}


def build_unwinding(w: LiquidationWorld | None = None) -> UnwindingWorld:
    """A liquidation world with the unwinder, a lending pool and an options vault, both listed."""
    w = w or build_liquidation()
    s, made = w.s, reference_protocols()

    def deploy(artifact: Artifact, *arguments: Any) -> Contract:
        return s.machine.deploy(artifact, *arguments, sender=s.admin)

    unwinder = deploy(compile_contracts()["ProtocolUnwinder"], s.authority.address, w.closes.address, TERMS.share,
                      TERMS.cap)
    s.authority("setTargetFunctionRole", unwinder.address, [unwinder.selector("suspend")], int(Role.RISK),
                sender=s.admin)
    seen = (s.ledger.address, s.vault.address, unwinder.address, s.quote.address)
    pool = deploy(made["LendingPool"], *seen, s.coin.address, w.venue)
    lender = deploy(made["LendingPoolAdapter"], pool.address)
    options = deploy(made["OptionsVault"], *seen, w.venue, STRIKE, SECURITY)
    writer = deploy(made["OptionsVaultAdapter"], options.address)
    for protocol, adapter in ((pool, lender), (options, writer)):
        s.quote("mint", protocol.address, RESERVES)
        protocol("install", adapter.address, sender=s.admin)
        protocol("setPrice", PRICE, sender=s.admin)
    unwinder("listProtocol", lender.address, COIN_ID, POOL_RANK, sender=s.admin)
    unwinder("listProtocol", writer.address, COIN_ID, OPTIONS_RANK, sender=s.admin)
    return UnwindingWorld(w, unwinder, pool, lender, options, writer)


