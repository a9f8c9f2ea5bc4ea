"""What an award costs as a whole transaction: every proof is verified by a generated verifier, and every contract but
house, fund and allocator is the one that is deployed. The escrow is a stand-in that does what one must: verify a proof
of three public inputs, evaluate the words at a challenge, keep a digest and put the words into an event.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_utils.abi import abi_to_signature
from eth_utils.crypto import keccak
from ledger_world import BUFFERS, COORDINATOR, FACTORS, MINUTE, Tested, send_contract
from liquidation_world import BAND, EMPTY_FILLS, NO_PROOF, settings_of
from system_world import EMPTY, build_system
from toykey import CIRCUIT, ToyKey
from world import started

from verifier_contracts.bindings import proof_words
from verifier_contracts.chain import Chain
from verifier_contracts.creation import deploy_verifier

AWARD = 1_000_000
"""Issue 12, item 4."""
WORDS = [keccak(text=f"word {n}").hex() for n in range(70)]
"""As many as an escrow of 32 slots to three keys has."""
SALTED = 24_680


class GasWorld:
    """An account that is short, and called."""

    def __init__(self, chain: Chain) -> None:
        self.w = w = build_system(chain)
        self.escrow_key = ToyKey(3, seed="escrow")
        verifier = deploy_verifier(chain, self.escrow_key.verification_key, "escrow", CIRCUIT)
        coin = w.coin.address
        self.escrow = send_contract(chain, "WeighingEscrow", [w.ledger.address, verifier])
        self.house = send_contract(chain, "TrialHouse", [coin])
        self.fund = send_contract(chain, "TrialFund", [coin])
        self.allocator = send_contract(chain, "TrialAllocator", [coin])
        self.bonds = send_contract(chain, "TrialBonds", [coin])
        self.closes = send_contract(chain, "PartialClose", [w.ledger.address, w.desk.address, self.escrow.address, BAND,
                                                            200])
        settings = settings_of(self.closes, self.bonds, self.house, self.fund, self.allocator)
        self.coordinator = send_contract(chain, "LiquidationCoordinator", [w.authority.address, settings])
        self.give_roles()
        self.commitment, self.margin = w.commitment, 1_500
        w.deposit(1_000)
        w.shortfall(1_000, epoch=int(w.oracle.read("latestEpochId")))

    def give_roles(self) -> None:
        w = self.w
        wanted = ("callBySilence", "forceTransition", "handOver", "breach")
        selectors = [keccak(text=abi_to_signature(e))[:4] for e in w.desk.artifact.abi
                     if e["type"] == "function" and e["name"] in wanted]
        assert len(selectors) == 4
        for data in [("setTargetFunctionRole", w.desk.address, selectors, COORDINATOR),
                     *(("grantRole", COORDINATOR, who.address, 0) for who in (self.closes, self.coordinator))]:
            w.govern("authority", *data)
        w.next_epoch(10 * MINUTE)

    # -- proofs ------------------------------------------------------------------------------------------------------
    def side(self, side: int, claimed: int, buffer: int, commitment: int, epoch: int, version: int, manager: Tested,
             account: str) -> list[int]:
        w = self.w
        return proof_words(w.keys["cover"].prove([
            w.context("cover", account=account, epoch=epoch, version=version, manager=manager.address), w.root,
            commitment, claimed | buffer << 128 | side << 144]))

    def moved(self, account: str, version: int, new: int, fills: int) -> list[int]:
        w = self.w
        return proof_words(w.keys["transition"].prove([
            w.context("transition", account=account, epoch=0, version=version), self.commitment, new, fills]))

    def posting(self) -> tuple[Any, ...]:
        words = [int(word, 16) >> 3 for word in WORDS]
        digest = 77
        challenge, evaluation = self.escrow.read("inputsOf", digest, words)
        return (digest, words, proof_words(self.escrow_key.prove([digest, challenge, evaluation])))

    def short(self, epoch: int, claimed: int) -> tuple[Any, ...]:
        w = self.w
        return (epoch, claimed, FACTORS, self.side(0, claimed, BUFFERS[0], self.commitment, epoch, 1, self.closes,
                                                   w.owner.address))

    def to_venue(self) -> int:
        """A final epoch after the call, and the venue's time begun."""
        for _ in range(9):
            self.w.next_epoch(5 * MINUTE)
        self.closes.transact("passToVenue", self.w.owner.address, sender=self.w.relayer)
        return int(self.w.oracle.read("latestFinalEpochId"))


@pytest.fixture(scope="module")
def costs() -> Iterator[GasWorld]:
    with started() as chain:
        yield GasWorld(chain)


def test_an_award_costs_less_than_a_million(costs):
    g, w = costs, costs.w
    final = g.to_venue()
    for _ in range(5):
        w.next_epoch(5 * MINUTE)
    final = int(w.oracle.read("latestFinalEpochId"))
    epoch = w.oracle.read("latestEpochId")
    margin = proof_words(w.keys["margin"].prove([
        w.context("margin", epoch=epoch, version=1, manager=g.closes.address), w.root, g.commitment, g.margin]))
    opened = g.coordinator.transact("openLot", w.owner.address, epoch, FACTORS, g.margin, margin, (0, 0, [], NO_PROOF),
                                    sender=w.relayer)
    to = Account.from_key(keccak(text="gas winner"))
    w.deposit(800, account=to.address)
    w.coin.transact("mint", g.house.address, 300)
    g.house.transact("win", 1, w.relayer, 300, sender=w.relayer)
    shown = g.short(final, 1_000)
    showing = g.coordinator.transact("showShortfall", 1, shown, sender=w.relayer)
    consent = w.consent(SALTED, owner=to, version=0, account=to.address)
    moved = g.moved(to.address, 1, SALTED, EMPTY_FILLS)
    resalting = w.desk.transact("showResalting", w.owner.address, to.address, SALTED, EMPTY_FILLS, moved,
                                sender=w.relayer)
    hand = (w.owner.address, to.address, SALTED, w.deadline(), consent, NO_PROOF)
    award = (1, hand, b"", 0, (*shown[:3], NO_PROOF), g.posting(), epoch, 1_800, FACTORS,
             g.side(1, 1_800, BUFFERS[1], SALTED, epoch, 1, w.ledger, to.address))
    receipt = g.coordinator.transact("award", award, sender=w.relayer)
    print({"openLot": opened.gas_used, "showShortfall": showing.gas_used,
           "showResalting": resalting.gas_used, "award": receipt.gas_used})
    assert receipt.gas_used < AWARD
    assert w.ledger.read("commitmentOf", w.owner.address) == EMPTY
    assert w.status(to.address) == "Valid"
