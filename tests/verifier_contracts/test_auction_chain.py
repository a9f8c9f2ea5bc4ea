"""The auction house on chains with blocks: typed calls, events, gas, and what a reorganisation undoes."""

from __future__ import annotations

import pytest
from housechain import HouseChain, build_house
from houseworld import AWARD, COMMIT, DISCLOSURE, MONEY, RESERVE, REVEAL, SEAL, STANDING, STEP, STRANGER, USD, key_of
from oracle_world import OracleWorld
from world import refused

from verifier_contracts.auction import Stage, Stake
from verifier_contracts.events import read_events
from verifier_contracts.token import Token

PRICE = 39_000 * USD


@pytest.fixture
def h(oracles: OracleWorld) -> HouseChain:
    return build_house(oracles)


def test_a_lot_from_its_opening_to_its_price(h: HouseChain, capsys: pytest.CaptureFixture[str]) -> None:
    a, b, c = h.bidders
    gas = {"open": h.open().gas_used, "first bid": h.bid(a, STEP).gas_used, "raised bid": h.bid(a, 3 * STEP).gas_used}
    h.bid(b, 2 * STEP)
    h.bid(c, 0)
    lot = h.house.lot_of(1)
    assert [one.bidder for one in lot.places] == [h.agent, a, b, c]
    assert (lot.place_of(b), lot.place_of(STRANGER), lot.winner, lot.reserve) == (2, None, None, RESERVE)
    assert list(lot.starts(h.house.times()).values()) == [
        lot.blind_ends + late for late in (0, DISCLOSURE, DISCLOSURE + COMMIT, DISCLOSURE + COMMIT + SEAL,
                                           DISCLOSURE + COMMIT + SEAL + REVEAL)]
    h.after(Stage.COMMIT)
    assert h.house.shortlist_of(1) == [(who, key_of(number)) for who, number in (
        (h.agent, 99), (a, 0), (b, 1), (c, 2))]
    h.deliver()
    gas["commit"] = h.commit(b, PRICE).gas_used
    h.commit(c, PRICE + 1)
    h.house.show_shortfall(1, sender=h.coordinator)
    h.after(Stage.REVEAL)
    gas["reveal"] = h.house.reveal(h.sealed(b, PRICE), sender=b).gas_used
    h.after(Stage.CLEARING)
    gas["clear, one not revealed"] = h.house.clear(1, sender=b).gas_used
    assert h.house.winner_of(1) == (b, PRICE)
    gas["settle"] = h.house.settle(1, STRANGER, sender=h.coordinator).gas_used
    gas["refund"] = h.house.refund(1, a, sender=a).gas_used
    gas["payFund"] = h.house.pay_fund(sender=a).gas_used
    assert Token(h.house.chain, h.coin.address).balance_of(STRANGER) == PRICE
    bond = h.house.lot_of(1).bond
    assert [h.house.stake_of(who) for who in (a, b, c)] == [Stake(MONEY, 0), Stake(MONEY - PRICE, 0),
                                                           Stake(MONEY - bond, 0)]
    assert h.house.held() == 3 * MONEY - PRICE - bond
    gas["withdraw"] = h.house.withdraw(1, a, sender=a).gas_used
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:<26}{used:>9,}" for name, used in gas.items()))
    assert max(gas.values()) < 400_000                     # `award` as a whole must stay below a million


def test_a_commitment_names_the_chain(h: HouseChain) -> None:
    h.open()
    sealed = h.sealed(h.bidders[0], PRICE)
    said = h.house.read("commitmentOf", 1, sealed.digest, sealed.bidder, sealed.price, sealed.salt)
    assert said == sealed.commitment()
    assert h.house.chain.chain_id != 1


def test_what_happens_is_told(h: HouseChain) -> None:
    a, b, c = h.bidders
    first = h.house.chain.web3.eth.block_number + 1
    h.open()
    ends = h.house.lot_of(1).blind_ends
    h.bid(a, 0)
    h.bid(b, STEP)
    h.after(Stage.COMMIT)
    h.deliver()
    for bidder, price in ((a, -USD), (b, PRICE)):
        h.commit(bidder, price)
    h.house.show_shortfall(1, sender=h.coordinator)
    h.after(Stage.REVEAL)
    h.house.reveal(h.sealed(a, -USD), sender=c)
    h.after(Stage.CLEARING)
    h.house.clear(1, sender=c)
    named = h.house.lot_of(1).award_ends
    h.house.settle(1, STRANGER, sender=h.coordinator)
    bond = h.house.lot_of(1).bond
    for lot in (2, 3):
        h.open(lot)
    h.bid(a, 0, lot=3)
    h.house.void_lot(2, sender=h.coordinator)
    h.after(Stage.CLEARING, 3)
    h.house.clear(3, sender=c)
    h.house.refund(3, a, sender=c)
    told = [(event.name, *event.arguments.values()) for event in
            read_events(h.house.chain, {"house": h.house}, first).events]
    opened = [event for event in told if event[0] == "LotOpened"]
    assert (opened[0][1], opened[0][4:]) == (1, (bond, STEP, RESERVE, STANDING, ends))
    assert tuple(opened[0][3].values()) == h.terms[1]
    assert [event for event in told if event[0] != "LotOpened"] == [
        ("BlindBid", 1, a, 1, 0, "0x" + "00" * 20, ends),
        ("BlindBid", 1, b, 2, STEP, "0x" + "00" * 20, ends),
        ("DeliveryNoted", 1, 0b11111),
        ("BidCommitted", 1, a, h.sealed(a, -USD).commitment()),
        ("BidCommitted", 1, b, h.sealed(b, PRICE).commitment()),
        ("ShortfallShown", 1),
        ("BidRevealed", 1, a, -USD, 0),
        ("BondForfeited", 1, b, bond),
        ("WinnerNamed", 1, a, 0, named),
        ("BondReleased", 1, a, bond),
        ("LotSettled", 1, a, 0),
        ("BlindBid", 3, a, 1, 0, "0x" + "00" * 20, h.house.lot_of(3).blind_ends),
        ("LotVoided", 2),
        ("LotFailed", 3),
        ("BondReleased", 3, a, bond),
    ]


def reorganise(h: HouseChain, depth: int) -> None:
    """The last blocks never were; empty ones take their place."""
    answer = h.house.chain.web3.provider.make_request("anvil_reorg", [depth, []])
    assert "error" not in answer, answer


@pytest.fixture
def reorganised(h: HouseChain) -> HouseChain:
    if "anvil" not in h.house.chain.web3.client_version:
        pytest.skip("the embedded chain does not reorganise")
    return h


def test_a_reorganisation_that_undoes_a_reveal_lets_nobody_answer_it(reorganised: HouseChain) -> None:
    """The blocks of commit and reveal are undone, one by one deeper: whoever saw the price commits to no better one."""
    h = reorganised
    a, b, _ = h.bidders
    h.open()
    h.bid(a, 0)
    h.bid(b, STEP)
    h.after(Stage.COMMIT)
    h.deliver()
    h.commit(a, PRICE)
    h.after(Stage.REVEAL)
    h.house.reveal(h.sealed(a, PRICE), sender=a)
    reorganise(h, 1)
    assert not h.house.lot_of(1).places[1].revealed
    with refused("WrongStage"):
        h.commit(b, PRICE + 1)
    h.house.reveal(h.sealed(a, PRICE), sender=b)           # the same calldata, by anybody: A's price stands
    assert h.house.lot_of(1).places[1].price == PRICE
    # As deep as the commitment itself: A has then committed to nothing, and owes nothing but the blind bid.
    reorganise(h, 4)
    assert h.house.lot_of(1).places[1].commitment == bytes(32)
    with refused("NoCommitment") if h.house.stage_of(1) is Stage.REVEAL else refused("WrongStage"):
        h.house.reveal(h.sealed(a, PRICE), sender=a)
    h.house.show_shortfall(1, sender=h.coordinator)
    if h.house.stage_of(1) is not Stage.CLEARING:
        h.after(Stage.CLEARING)
    h.deliver()
    h.house.clear(1, sender=a)
    assert h.house.winner_of(1) == (b, STEP)
    assert h.house.stake_of(a) == Stake(MONEY - h.house.lot_of(1).bond, h.house.lot_of(1).bond)


def test_a_bid_for_a_lot_that_a_reorganisation_replaced_is_refused(reorganised: HouseChain) -> None:
    h = reorganised
    a, b, _ = h.bidders
    h.open()
    seen = h.terms[1]
    h.bid(a, 0)
    reorganise(h, 2)
    assert h.house.stage_of(1) is Stage.NONE
    h.open(account=STRANGER)
    with refused("OtherLot"):
        h.house.blind_bid(1, seen.digest(), 0, sender=a)   # the bid again, as a node's mempool would have it
    h.bid(b, 0)
    assert h.house.stake_of(a) == Stake(MONEY, 0)


def test_an_award_is_in_time_by_the_chains_clock(h: HouseChain) -> None:
    h.open()
    h.bid(h.bidders[0], RESERVE)
    h.after(Stage.COMMIT)
    h.deliver()
    h.after(Stage.CLEARING)
    h.house.clear(1, sender=h.coordinator)
    h.oracles.later(AWARD + 2)
    with refused("AwardOver"):
        h.house.settle(1, STRANGER, sender=h.coordinator)
    h.house.fail(1, sender=h.coordinator)
    assert h.house.stage_of(1) is Stage.FAILED
