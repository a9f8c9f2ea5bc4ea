"""An auction house on a chain with blocks and receipts, by its typed calls; else as `houseworld`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from houseworld import BEFORE, BOUNDS, FAILED, LIQUIDATOR, MARGIN, MONEY, ROLES, STANDING, TIMES, VALUE, key_of
from mocks import compiled
from oracle_world import DAY, Mock, OracleWorld, create
from revmsystem import LAG

from verifier_contracts.auction import AuctionHouse, LotTerms, SealedPrice, Stage
from verifier_contracts.compiler import Artifact, compile_contracts
from verifier_contracts.governance import Role
from verifier_contracts.role_table import selector
from verifier_contracts.token import Token


class StandIn(Mock):
    """One of HouseMocks.sol, or the trial token."""

    @property
    def artifact(self) -> Artifact:
        return {**compile_contracts(), **compiled("HouseMocks")}[self.name]


@dataclass
class HouseChain:
    """A house beside an oracle; three liquidators are seated. coordinator : an account."""

    oracles: OracleWorld
    house: AuctionHouse
    escrow: StandIn
    fund: StandIn
    agent: str
    coin: StandIn
    coordinator: str
    bidders: tuple[str, ...]
    terms: dict[int, LotTerms] = field(default_factory=dict)

    @property
    def live(self) -> int:
        return self.oracles.oracle.live_time()

    def open(self, lot: int = 1, **changes: Any) -> Any:
        terms = LotTerms(lot, FAILED, self.oracles.oracle.latest_epoch_id(), 7, VALUE, MARGIN, LAG)._replace(**changes)
        self.terms[lot] = terms
        return self.house.open(terms, sender=self.coordinator)

    def bid(self, bidder: str, price: int, lot: int = 1) -> Any:
        return self.house.blind_bid(lot, self.terms[lot].digest(), price, sender=bidder)

    def sealed(self, bidder: str, price: int, lot: int = 1) -> SealedPrice:
        return SealedPrice(self.house.chain.chain_id, self.house.address, lot, self.terms[lot].digest(), bidder, price,
                           b"\x05" * 32)

    def commit(self, bidder: str, price: int, lot: int = 1) -> Any:
        return self.house.commit(lot, self.terms[lot].digest(), self.sealed(bidder, price, lot).commitment(),
                                 sender=bidder)

    def after(self, stage: Stage, lot: int = 1) -> None:
        """A moment in a stage."""
        starts = self.house.lot_of(lot).starts(self.house.times())[stage]
        self.oracles.later(starts - self.live + 1)
        assert self.house.stage_of(lot) is stage

    def deliver(self, lot: int = 1, places: int = 0b11111) -> None:
        self.escrow.transact("deliver", lot, places, False)
        if self.house.stage_of(lot) in (Stage.DISCLOSURE, Stage.COMMIT):
            self.house.note_delivery(lot)


def build_house(oracles: OracleWorld) -> HouseChain:
    """Deploy it, with epochs that may be a day apart."""
    chain = oracles.chain
    oracles.set_limits(heartbeat=DAY)
    escrow, fund, coin = (StandIn(chain, create(chain, {**compile_contracts(), **compiled("HouseMocks")}[name], ()),
                                  name) for name in ("MockDisclosures", "MockFund", "TrialToken"))
    artifact = compile_contracts()["AuctionHouse"]
    house = AuctionHouse(chain, create(chain, artifact, [
        oracles.access.address, oracles.oracle.address, escrow.address, coin.address, fund.address, BOUNDS, TIMES,
        BEFORE], gas=15_000_000))
    coordinator, *bidders = chain.senders[6:10]
    made = HouseChain(oracles, house, escrow, fund, oracles.relayer, coin, coordinator, tuple(bidders))
    for function, role in ROLES.items():
        oracles.access.transact("setTargetFunctionRole", house.address, [selector(artifact, function)], int(role))
    oracles.access.transact("grantRole", int(Role.COORDINATOR), coordinator, 0)
    fund.transact("set", STANDING)
    escrow.transact("setKey", oracles.relayer, *key_of(99))
    house.transact("setFundAgent", oracles.relayer, sender=oracles.admin)
    for number, bidder in enumerate(bidders):
        oracles.access.transact("grantRole", LIQUIDATOR, bidder, 0)
        escrow.transact("setKey", bidder, *key_of(number))
        coin.transact("mint", bidder, MONEY)
        Token(chain, coin.address).approve(house.address, MONEY, sender=bidder)
        house.deposit(bidder, MONEY, sender=bidder)
        house.take_seat(sender=bidder)
    oracles.publish()
    return made
