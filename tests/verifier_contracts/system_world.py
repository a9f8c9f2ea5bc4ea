"""The whole system on one embedded chain, as `deploy_system` deploys it: nothing is a mock but the keys, whose trapdoor
is known, so that a test proves whatever it wants to claim.

`SystemWorld` does what `LedgerWorld` does, with the real oracle and the real vault behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from escrow_posts import SLOTS as POSITIONS
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.crypto import keccak
from ledger_world import (
    BUFFERS,
    EMPTY,
    EXIT_AGE,
    FACTORS,
    FINAL_AGE,
    GRACE,
    LIVES,
    MAX_AGE,
    MINUTE,
    LedgerWorld,
    Tested,
    factors_hash,
)
from toykey import CIRCUIT, ToyKey
from world import GENESIS

from verifier_contracts.chain import Chain
from verifier_contracts.eip712 import sign
from verifier_contracts.epoch_content import FIRST, EpochContent, quorum
from verifier_contracts.liquidation_terms import LiquidationTerms
from verifier_contracts.oracle import LeafLayout, Limits
from verifier_contracts.system import CONTRACTS, Contracts, System
from verifier_contracts.system_config import (
    DAY,
    Delays,
    FundCaps,
    LedgerSettings,
    LiquidationSettings,
    OracleSettings,
    Publishers,
    RoleHolders,
    SettlementSettings,
    SystemConfig,
    VaultSettings,
)
from verifier_contracts.system_deployment import INPUTS, Proving, SlotKey, deploy_system

LAYOUT = LeafLayout(lanes=5, width=50, value_bits=44, values=8, underlyings=2, cash_id=77)
QUOTE_ID, QUOTE_CAP = FACTORS[0][0], 10**15
STAKE = 10**18
FINALITY, BLOCKS = 20 * MINUTE, 3
MARKS = (50_000_000_000, 3_000_000_000)
LAG = 13_200
EMPTY_FILLS = 1_111
"""Stands for the digest of no fills."""
TERMS = LiquidationTerms(
    bid_per_margin=1_000, largest_haircut=4_000, blind=10 * MINUTE, disclosure=8 * MINUTE, commit=6 * MINUTE,
    reveal=5 * MINUTE, award=6 * MINUTE, time_before=180 * MINUTE, band=500, concession=200, unknown_loss=1_000,
    breach_share=500, breach_least=40, venue_delivers=4 * MINUTE, committee_delivers=8 * MINUTE,
    pay_share=100, pay_cap=1_000_000)
FUND_CAPS = (30_000_000, 40_000_000, 50_000_000)
SEAT_BOND, LEAST_BOND = 10_000_000, 1_000_000
AGENT: LocalAccount = Account.from_key(keccak(text="the fund's agent"))
"""Carries what the fund takes over; its encryption key is nobody's but its own to register."""
LIQUIDATORS: tuple[LocalAccount, ...] = tuple(Account.from_key(keccak(text=f"liquidator {i}")) for i in range(3))
"""With the role, and without a seat."""
USED = tuple(slot for slot in INPUTS if slot not in ("batch-4", "leaf-field-asset"))
"""Slots that these worlds have a verifier for: a registry cannot examine all in one transaction."""


def publisher_keys(count: int = 3) -> list[LocalAccount]:
    """Rising by address, as a set of signers is."""
    made = [Account.from_key(keccak(text=f"system publisher {i}")) for i in range(count)]
    return sorted(made, key=lambda account: int(account.address, 16))


def toy_keys() -> dict[str, ToyKey]:
    """One for each slot that is used."""
    return {slot: ToyKey(INPUTS[slot], seed=f"system {slot}") for slot in USED}


def proving_of(keys: Mapping[str, ToyKey], positions: int = POSITIONS) -> Proving:
    return Proving({slot: SlotKey(f"{slot}-toy", key.verification_key, CIRCUIT, key.known_answer())
                    for slot, key in keys.items()}, LAYOUT, EMPTY, positions, EMPTY_FILLS)


def config_for(chain: Chain, slots: Sequence[str] = USED, **changes: Any) -> SystemConfig:
    """Everybody another sender of the chain; the first one deploys and has no role afterwards."""
    _, admin, guardian, risk, venue, other_venue = chain.senders[:6]
    made = SystemConfig(
        chain.chain_id, True, {slot: slot for slot in slots},
        RoleHolders(admin, guardian, risk, (venue, other_venue), tuple(one.address for one in LIQUIDATORS)),
        Delays(7 * DAY, 2 * DAY),
        Publishers(tuple(one.address for one in publisher_keys()), 2, STAKE),
        OracleSettings(Limits(LAG, 240, 600), BLOCKS, LAYOUT.underlyings, LAYOUT.cash_id),
        LedgerSettings(MAX_AGE, EXIT_AGE, FINAL_AGE, GRACE, (BUFFERS[0], BUFFERS[1], BUFFERS[2], BUFFERS[3]),
                       (LIVES[0], LIVES[1], LIVES[2], LIVES[3])),
        VaultSettings(None, QUOTE_ID, QUOTE_CAP, 30 * MINUTE, ()), SettlementSettings(100, 10_000),
        LiquidationSettings(TERMS, AGENT.address, FundCaps(*FUND_CAPS), SEAT_BOND, LEAST_BOND, 5_000))
    return replace(made, **changes)


class Coin(Tested):
    """The trial token."""

    def __init__(self, chain: Chain, address: str) -> None:
        super().__init__(chain, address, "TrialToken")


@dataclass(frozen=True)
class SystemWorld(LedgerWorld):
    """One registered account, one published epoch that is not final yet, nothing attested, nothing deposited.

    at : the typed bindings.  publishers : two of three must agree.  coin : the quote asset, which anybody mints.
    """

    system: System = None  # type: ignore[assignment]
    config: SystemConfig = None  # type: ignore[assignment]
    at: Contracts = None  # type: ignore[assignment]
    publishers: tuple[LocalAccount, ...] = ()
    coin: Coin = None  # type: ignore[assignment]
    deployer: str = ""
    risk: str = ""
    challenger: str = ""

    # -- time and epochs -----------------------------------------------------------------------------------------------
    def later(self, seconds: int) -> None:
        self.chain.travel_to(self.chain.now() + seconds)

    def settle(self) -> None:
        """Until an epoch published now is final. Epochs are missing meanwhile, so live time stands still after the
        heartbeat: as many more are published as it takes."""
        due = self.chain.now() + FINALITY + BLOCKS
        while self.chain.now() <= due:
            self.next_epoch(5 * MINUTE)

    def content(self, epoch: int | None = None, root: int | None = None, **changes: Any) -> EpochContent:
        latest = self.at.oracle.latest_epoch_id()
        now = self.chain.now() if epoch is None else epoch
        made = EpochContent(now, now + 600, self.root if root is None else root, b"\x11" * 32, b"\x22" * 32,
                            factors_hash(FACTORS), MARKS, 0, LAG,
                            self.at.oracle.content_digest_of(latest) if latest else FIRST)
        return replace(made, **changes)

    def signed(self, message: dict[str, Any], by: Sequence[int] = ()) -> bytes:
        """By a quorum's first members, unless `by` says who."""
        by = by or range(self.config.publishers.quorum)
        return quorum({self.publishers[i].address: sign(message, self.publishers[i]) for i in by},
                      [one.address for one in self.publishers])

    def publish_content(self, content: EpochContent, by: Sequence[int] = ()) -> Any:
        return self.at.oracle.publish(content, 1, self.signed(self.at.oracle.domain.content(content), by),
                                      sender=self.relayer)

    def publish(self, epoch: int, root: int | None = None) -> None:
        self.publish_content(self.content(epoch, root))

    # -- collateral ----------------------------------------------------------------------------------------------------
    def deposit(self, amount: int, account: str | None = None, asset: int = QUOTE_ID) -> None:
        assert asset == QUOTE_ID
        self.fund(self.relayer, amount)
        self.vault.transact("deposit", account or self.owner.address, self.coin.address, amount, sender=self.relayer)

    def fund(self, who: str, amount: int) -> None:
        """Give a sender of the chain coins, which the vault may take."""
        self.coin.transact("mint", who, amount)
        self.coin.transact("approve", self.vault.address, 2**256 - 1, sender=who)

    # -- governing -----------------------------------------------------------------------------------------------------
    def govern(self, contract: str, function: str, *arguments: Any) -> Any:
        """What the admin decides, once its delay is over."""
        target = self.at.named(contract)
        self.at.authority.perform(target, function, *arguments, sender=self.admin)
        self.later(self.config.delays.admin)
        return self.at.authority.perform(target, function, *arguments, sender=self.admin)


def build_system(chain: Chain | None = None, *, slots: Sequence[str] = USED, publishers: int = 3,
                 quorum: int = 2, positions: int = POSITIONS, **changes: Any) -> SystemWorld:
    """Deploy everything, publish an epoch, register one account and put it in escrow; `changes` are to the
    configuration, `positions` those of a commitment."""
    chain = chain or Chain.embedded(timestamp=GENESIS)
    keys, signers = {slot: key for slot, key in toy_keys().items() if slot in slots}, tuple(publisher_keys(publishers))
    config = config_for(chain, slots, **{
        "publishers": Publishers(tuple(one.address for one in signers), quorum, STAKE)} | changes)
    deployer, admin, guardian, risk, venue, other_venue, relayer, stranger, challenger = chain.senders[:9]
    system = deploy_system(chain, config, proving_of(keys, positions), sender=deployer)
    at = system.open(chain)
    tested = {name: Tested(chain, system.contracts[name], solidity) for name, solidity in CONTRACTS.items()}
    key = keys["margin"]
    world = SystemWorld(
        chain=chain, keys=keys, **{name: tested[name] for name in (
            "authority", "oracle", "registry", "vault", "combiner", "attestor", "desk", "escrow", "ledger", "lens")},
        admin=admin, guardian=guardian, venue=venue, other_venue=other_venue, relayer=relayer, stranger=stranger,
        owner=Account.from_key(key.scalar("owner").to_bytes(32, "big")), epoch=chain.now(), root=key.scalar("root"),
        commitment=key.scalar("commitment"), margin=103_329_317, system=system, config=config, at=at,
        publishers=signers, coin=Coin(chain, system.quote_token), deployer=deployer, risk=risk,
        challenger=challenger)
    world.publish(world.epoch)
    world.register(world.commitment)
    world.prepare_escrow()
    world.post()
    return world


def undone(world: SystemWorld) -> Iterator[SystemWorld]:
    """The world for one test; what it does is undone."""
    snapshot = world.chain.snapshot()
    yield world
    world.chain.restore(snapshot)
