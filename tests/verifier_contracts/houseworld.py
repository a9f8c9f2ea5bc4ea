"""An auction house beside the real oracle, whose clock it runs on; escrow and fund are stand-ins, the coordinator an
account. Six liquidators with money, five of them seated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from eth_abi.abi import encode
from eth_account import Account
from eth_utils.crypto import keccak
from mocks import compiled
from revmchain import Contract, Machine, account
from revmsystem import BLOCKS, HEARTBEAT, INTERVAL, LAG, STAKE, START, RevmSystem, artifacts

from verifier_contracts.auction import LotTerms, Stage
from verifier_contracts.governance import Role
from verifier_contracts.role_table import FUNCTIONS

LIQUIDATOR = int(Role.LIQUIDATOR)
ROLES = FUNCTIONS["house"]
MINUTE = 60
TIMES = (10 * MINUTE, 8 * MINUTE, 6 * MINUTE, 5 * MINUTE, 6 * MINUTE)
BLIND, DISCLOSURE, COMMIT, REVEAL, AWARD = TIMES
SEAL, EXTENSION = MINUTE, 2 * MINUTE
BEFORE = 180 * MINUTE
USD = 10**6
BOUNDS = (1_000 * USD, 500 * USD, 5_000)
SEAT_BOND, LEAST_BOND, KAPPA = BOUNDS
MONEY = 10**6 * USD
VALUE, MARGIN = 40_000 * USD, 50_000 * USD
STEP, RESERVE = 500 * USD, 38_000 * USD
"""Of lots of that value and margin."""
STANDING = -5_000 * USD
FAILED = account(0xF1)
"""The account that is sold."""
AGENT = account(0xFA)
"""Who acts for the fund."""
RECEIVER, STRANGER = account(0xF2), account(0xF9)
BIDDERS = [account(0x201 + n) for n in range(6)]


@lru_cache(maxsize=1)
def house_mocks() -> Any:
    return {**compiled("HouseMocks"), **compiled("MockRegistry"), **compiled("VaultSilent")}


@dataclass
class HouseWorld:
    system: RevmSystem
    house: Contract
    escrow: Contract
    fund: Contract
    lots: int = 0
    terms: dict[int, LotTerms] = field(default_factory=dict)

    @property
    def quote(self) -> Contract:
        return self.system.quote

    @property
    def live(self) -> int:
        return int(self.system.oracle("liveTime"))

    # -- time ------------------------------------------------------------------------------------------------------
    def go(self, seconds: int) -> None:
        """So many live seconds, in which epochs come as they should."""
        begin = self.live
        while seconds:
            step = min(seconds, 300)
            self.system.pass_time(step)
            seconds -= step
            if self.system.now - self.system.latest >= 600:
                self.system.publish([])
            begin += step
        assert self.live == begin

    def to(self, live: int) -> None:
        self.go(live - self.live)

    # -- lots ------------------------------------------------------------------------------------------------------
    def terms_of(self, **changes: Any) -> LotTerms:
        self.lots += 1
        return LotTerms(self.lots, FAILED, self.system.latest, 7, VALUE, MARGIN, LAG)._replace(**changes)

    def open(self, **changes: Any) -> int:
        terms = self.terms_of(**changes)
        self.house("open", tuple(terms), sender=self.system.coordinator)
        self.terms[terms.lot_id] = terms
        return terms.lot_id

    def bid(self, lot: int, bidder: str, price: int) -> None:
        self.house("blindBid", lot, self.terms[lot].digest(), price, sender=bidder)

    def blind_ends(self, lot: int) -> int:
        return int(self.house("lotOf", lot)[10])

    def after(self, lot: int, stage: Stage) -> None:
        """The first second of a stage."""
        ends = self.blind_ends(lot)
        for each, length in ((Stage.DISCLOSURE, DISCLOSURE), (Stage.COMMIT, COMMIT), (Stage.SEALED, SEAL),
                             (Stage.REVEAL, REVEAL), (Stage.CLEARING, 0)):
            if each == stage:
                break
            ends += length
        self.to(ends)
        assert self.stage(lot) is stage

    def deliver(self, lot: int, places: int = 0b11111, public: bool = False) -> None:
        """As the escrow takes it, and noted where that is in time."""
        self.escrow("deliver", lot, places, public)
        if self.stage(lot) in (Stage.DISCLOSURE, Stage.COMMIT):
            self.house("noteDelivery", lot)

    def sealed(self, lot: int, bidder: str, price: int, salt: int = 1) -> bytes:
        return bytes(self.house("commitmentOf", lot, self.terms[lot].digest(), bidder, price, word(salt)))

    def commit(self, lot: int, bidder: str, price: int, salt: int = 1) -> None:
        self.house("commit", lot, self.terms[lot].digest(), self.sealed(lot, bidder, price, salt), sender=bidder)

    def reveal(self, lot: int, bidder: str, price: int, salt: int = 1, sender: str | None = None) -> None:
        self.house("reveal", lot, bidder, price, word(salt), sender=sender or bidder)

    def show(self, lot: int) -> None:
        self.house("showShortfall", lot, sender=self.system.coordinator)

    def settle(self, lot: int) -> Any:
        return self.house("settle", lot, RECEIVER, sender=self.system.coordinator)

    def void(self, lot: int) -> None:
        self.house("voidLot", lot, sender=self.system.coordinator)

    def stage(self, lot: int) -> Stage:
        return Stage(self.house("stageOf", lot))

    def winner(self, lot: int) -> tuple[str, int]:
        bidder, price = self.house("winnerOf", lot)
        return bidder, price

    def bond(self, lot: int) -> int:
        return int(self.house("lotOf", lot)[12])

    def sold(self, *prices: int, sealed: tuple[int | None, ...] = (), shown: bool = True) -> int:
        """A lot up to the end of its reveals: blind prices of the first bidders, and what each revealed later."""
        lot = self.open()
        for bidder, price in zip(BIDDERS, prices, strict=False):
            self.bid(lot, bidder, price)
        self.after(lot, Stage.COMMIT)
        self.deliver(lot)
        for bidder, price in zip(BIDDERS, sealed, strict=False):
            if price is not None:
                self.commit(lot, bidder, price)
        if shown:
            self.show(lot)
        self.after(lot, Stage.REVEAL)
        for bidder, price in zip(BIDDERS, sealed, strict=False):
            if price is not None:
                self.reveal(lot, bidder, price)
        self.after(lot, Stage.CLEARING)
        return lot

    # -- money -----------------------------------------------------------------------------------------------------
    def give(self, who: str, amount: int) -> None:
        self.quote("mint", who, amount)
        self.quote("approve", self.house.address, (1 << 256) - 1, sender=who)

    def stake(self, who: str) -> tuple[int, int]:
        free, locked = self.house("stakeOf", who)
        return free, locked

    def seat(self, bidder: str, number: int, money: int = MONEY) -> None:
        """Role, key and money, and the seat."""
        self.system.authority("grantRole", LIQUIDATOR, bidder, 0, sender=self.system.admin)
        self.escrow("setKey", bidder, *key_of(number))
        self.give(bidder, money)
        self.house("deposit", bidder, money, sender=bidder)
        self.house("takeSeat", sender=bidder)

    def free_price(self, who: str) -> int:
        return self.stake(who)[0]


def key_of(number: int) -> tuple[int, int]:
    return 1_000 + number, 2_000 + number


def word(salt: int) -> bytes:
    return salt.to_bytes(32, "big")


def deploy_house(world: HouseWorld | RevmSystem, escrow: str, fund: str, quote: str, **changes: Any) -> Contract:
    """A house on a system's oracle; `changes`: of its constructor's arguments."""
    system = world.system if isinstance(world, HouseWorld) else world
    given = {"authority": system.authority.address, "oracle": system.oracle.address, "escrow": escrow, "quote": quote,
             "fund": fund, "bounds": BOUNDS, "times": TIMES, "before": BEFORE} | changes
    return system.machine.deploy(artifacts()["AuctionHouse"], *given.values(), sender=system.admin)


def build(token: str = "TestToken", seated: int = 5) -> HouseWorld:
    """Everything deployed, one epoch published, and the first liquidators seated."""
    made, m = {**artifacts(), **house_mocks()}, Machine(START)
    publishers = sorted((Account.from_key(keccak(text=f"publisher {i}")) for i in range(3)),
                        key=lambda one: int(one.address, 16))
    blank = Contract(m, made[token], account(0))
    system = RevmSystem(m, {}, blank, blank, publishers)
    admin = system.admin

    def deploy(name: str, *arguments: Any) -> Contract:
        return m.deploy(made[name], *arguments, sender=admin)

    authority, registry = deploy("Authority", admin), deploy("MockRegistry")
    system.quote = deploy(token)
    oracle = deploy("RiskOracle", authority.address, (LAG, INTERVAL, HEARTBEAT, sum(500 << 16 * i for i in range(4))),
                    BLOCKS)
    court = deploy("EpochCourt", oracle.address, registry.address, (5, 50, 44, 8, 2, 77), STAKE)
    system.contracts = {"authority": authority, "oracle": oracle, "court": court}
    escrow, fund = deploy("MockDisclosures"), deploy("MockFund")
    house = deploy_house(system, escrow.address, fund.address, system.quote.address)
    world = HouseWorld(system, house, escrow, fund)
    for contract, table in ((oracle, FUNCTIONS["oracle"]), (house, ROLES)):
        for function, role in table.items():
            authority("setTargetFunctionRole", contract.address, [contract.selector(function)], int(role), sender=admin)
    for role, who in ((Role.COORDINATOR, system.coordinator), (Role.RISK, system.risk), (Role.VAULT, system.guardian)):
        authority("grantRole", int(role), who, 0, sender=admin)
    oracle("installCourt", court.address, sender=admin)
    m.evm.set_balance(admin, 3 * STAKE)
    for one in publishers:
        m.evm.message_call(admin, court.address, calldata=court.data("stake", one.address), value=STAKE)
    oracle("rotateSigners", [one.address for one in publishers], 2, sender=admin)
    system.publish([])
    fund("set", STANDING)
    escrow("setKey", AGENT, *key_of(99))
    house("setFundAgent", AGENT, sender=admin)
    for number, bidder in enumerate(BIDDERS[:seated]):
        world.seat(bidder, number)
    return world


def bid_digest(lot: int, digest: bytes, house: str, bidder: str, price: int, salt: bytes, chain_id: int = 1) -> bytes:
    """The commitment, as this file says it."""
    kind = keccak(text="SealedBid(uint256 chainId,address house,uint256 lotId,bytes32 lot,address bidder,int256 price,"
                  "bytes32 salt)")
    return bytes(keccak(encode(["bytes32", "uint256", "address", "uint256", "bytes32", "address", "int256", "bytes32"],
                               [kind, chain_id, house, lot, digest, bidder, price, salt])))
