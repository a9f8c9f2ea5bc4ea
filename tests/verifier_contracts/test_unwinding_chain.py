"""Unwinding as whole transactions of a chain, its shortfall proven, through the binding."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from ledger_world import FACTORS, MINUTE, Tested, send_contract
from mocks import compiled
from revmsystem import ONE, QUOTE_ID
from test_liquidation_gas import GasWorld
from world import started

from verifier_contracts.abi import encode_call, encode_deployment
from verifier_contracts.unwinding import Grounds, Listing, Phase, ProtocolUnwinder, Shortfall, Step, Terms
from verifier_contracts.vault import Factor

TERMS = Terms(200, 30)
MOST = 900_000


class ChainWorld(GasWorld):
    """An account that has joined one protocol, is short, and called."""

    def give_roles(self) -> None:
        super().give_roles()
        w = self.w
        deployed = send_contract(w.chain, "ProtocolUnwinder", [w.authority.address, self.closes.address, TERMS.share,
                                                               TERMS.cap])
        self.unwinder = ProtocolUnwinder(w.chain, deployed.address)
        artifact = compiled("HostileAdapter")["HostileAdapter"]
        self.adapter = str(w.chain.send(None, encode_deployment(artifact, [w.coin.address]), gas=3_000_000).contract)
        w.coin.transact("mint", self.adapter, 40_000)
        for _ in range(2):
            w.at.authority.perform(self.unwinder, "listProtocol", self.adapter, QUOTE_ID, 7, sender=w.admin)
            w.later(w.config.delays.admin)
        w.sent_by(w.owner, Tested(w.chain, self.unwinder.address, "ProtocolUnwinder"), "join", self.adapter, 500)
        self.set([1, 20_000, 300], [1_000, 20_000])
        w.next_epoch(10 * MINUTE)

    def set(self, position: list[int], pays: list[int]) -> None:
        artifact = compiled("HostileAdapter")["HostileAdapter"]
        self.w.chain.send(self.adapter, encode_call(artifact, "set", [position, pays]), gas=500_000)


@pytest.fixture(scope="module")
def chained() -> Iterator[ChainWorld]:
    with started() as chain:
        yield ChainWorld(chain)


def test_an_account_is_unwound_through_the_binding(chained):
    g, w = chained, chained.w
    owner, keeper, unwinder = w.owner.address, w.relayer, g.unwinder
    assert unwinder.protocols_of(owner) == [g.adapter]
    assert unwinder.is_member(owner, g.adapter)
    assert unwinder.most_repaid_of(owner, g.adapter) == 500
    assert unwinder.listing_of(g.adapter) == Listing(True, False, 7, QUOTE_ID)
    assert unwinder.terms() == TERMS
    final = g.to_venue()
    for _ in range(3):
        w.next_epoch(5 * MINUTE)
    final = int(w.oracle.read("latestFinalEpochId"))
    epoch = int(w.oracle.read("latestEpochId"))
    factors = [Factor(*factor) for factor in FACTORS]
    assert factors == [Factor(QUOTE_ID, ONE, ONE)]
    steps = unwinder.steps_for(owner, factors)
    assert steps == [Step(g.adapter, phase) for phase in Phase]
    assert unwinder.steps_for(owner, factors, [g.adapter]) == []
    shown: Any = g.short(final, 1_000)
    grounds = Grounds(Shortfall(*shown), epoch, factors)
    whole = unwinder.liquidate(owner, steps, [], grounds, sender=keeper)
    pay = TERMS.pay(21_000)
    assert unwinder.owed(keeper) == pay == 30
    assert int(w.vault.read("balanceOf", owner, w.coin.address)) == 1_000 + 21_000 - 300 - pay
    collected = unwinder.collect(keeper, sender=keeper)
    assert unwinder.owed(keeper) == 0
    print({"liquidate, one protocol in three phases, its shortfall proven": whole.gas_used,
           "collect": collected.gas_used})
    assert whole.gas_used < MOST
