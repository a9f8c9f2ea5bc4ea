"""A failing account from its cover to its end, with every contract as it is deployed: nobody stands in for anybody.

Every unit of money is accounted for at the end of each: by holder, and in all.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from eth_account import Account
from eth_utils.crypto import keccak
from ledger_world import EMPTY, MINUTE
from liquidation_world import NO_PROOF, State
from lot_world import (
    BACKED,
    BOND,
    CLEARING,
    OWN,
    STEP,
    VALUE,
    LotWorld,
    build_lots,
    kept,
    loss_id,
)
from system_world import AGENT, LIQUIDATORS, TERMS, SystemWorld, build_system
from world import refused, started

from verifier_contracts.auction import Stage
from verifier_contracts.withdrawal import Withdrawal

A, B, C = LIQUIDATORS
SHARED = "0x" + "00" * 20
WINNER = Account.from_key(keccak(text="the winner's new account"))
TRADER = Account.from_key(keccak(text="a trader who gained"))
AWARD = 1_000_000
"""Issue 12, item 4."""
GAINED = 4_000_000


@pytest.fixture(scope="module")
def built() -> Iterator[LotWorld]:
    with started() as chain:
        lots = build_lots(build_system(chain, positions=32))
        w: SystemWorld = lots.w
        commitment = lots.commit_to(1_000_000)
        w.register(commitment, owner=TRADER)
        w.deposit(50_000_000, account=TRADER.address)
        yield lots


@pytest.fixture
def lots(built: LotWorld) -> Iterator[LotWorld]:
    yield from kept(built)


def everybody(lots: LotWorld) -> list[str]:
    w = lots.w
    return [lots.owner, TRADER.address, WINNER.address, AGENT.address, w.relayer, w.venue,
            *(one.address for one in LIQUIDATORS)]


def all_coins(lots: LotWorld) -> int:
    """Of everybody, contracts too."""
    return sum(map(lots.coins, {*everybody(lots), lots.w.stranger, *(one.address for one in lots.contracts.values())}))


def auctioned(lots: LotWorld, *, shows_margin: bool = True) -> int:
    """Covered, fallen, called by a shortfall, past its owner's and its venue's time, and put up for auction."""
    lots.fall()
    lots.gain(TRADER.address, GAINED)
    lots.call()
    lots.to_lots()
    return lots.open(shows_margin=shows_margin)


# -- sold --------------------------------------------------------------------------------------------------------------
def test_called_by_a_shortfall_sold_below_zero_and_borne_by_fund_and_gains(lots: LotWorld) -> None:
    w = lots.w
    assert lots.coordinator.read("openLosses") == 0
    lot = auctioned(lots)
    minted = all_coins(lots)
    assert lots.coordinator.read("openLosses") == 1
    with refused("LossesOpen"):
        lots.fund.transact("exit", SHARED, w.relayer, sender=w.relayer)
    standing = lots.house.read("lotOf", lot)[18][0][1]
    assert standing == -16_000_000, "phi of M, which the fund could pay"
    lots.bid(lot, A, -14_000_000)
    lots.bid(lot, B, -12_000_000)
    lots.bid(lot, C, -13_000_000)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    assert tuple(lots.escrow.read("deliveredTo", lot)) == (0b1111, False)
    lots.to_stage(lot, Stage.COMMIT)
    lots.commit(lot, A, -11_000_000)
    lots.commit(lot, C, -1)
    shown = lots.show(lot)
    lots.to_stage(lot, Stage.REVEAL)
    lots.reveal(lot, A, -11_000_000)                      # C looked, and does not reveal: his bond is the fund's
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    bidder, named = lots.house.read("winnerOf", lot)
    assert (bidder.lower(), named) == (A.address.lower(), -11_000_000)
    price = 11_000_000
    own, shared = lots.fund.read("payableFor", w.venue, lots.owner, shown[0], price)
    assert (own, shared) == (OWN, price - OWN)
    award = lots.accepted(lots.carry(lot, WINNER, 80_000_000, shown=shown, comes=own + shared), A)
    lots.by("award", "coordinator", "award", award)
    (shared_loss,) = lots.told("award", "coordinator", "LossShared")
    assert [shared_loss[part] for part in ("price", "fund", "haircut", "deficit")] == [0, price, 0, 0]
    assert shared_loss["lossId"] == loss_id(lots.coordinator, lot)
    assert lots.state(lot) is State.AWARDED
    assert lots.stage(lot) is Stage.SETTLED
    # What it was is another's, under another salt; the old account holds nothing, and can be shown to.
    assert lots.commitment(lots.owner) == EMPTY
    assert w.status(WINNER.address) == "Valid"
    assert lots.ledger.read("isEscrowed", WINNER.address)
    assert lots.value(WINNER.address) == VALUE + price + 80_000_000
    w.flat(account=lots.owner, commitment=EMPTY)
    # Backers are held no longer; C's bond is a fee.
    assert lots.coordinator.read("openLosses") == 0
    lots.by("payFund", "house", "payFund")
    lots.by("bookReceived", "fund", "bookReceived")
    for one in (B, C):
        if one is B:
            lots.by("refund", "house", "refund", lot, one.address)
        else:
            with refused("NothingToRelease"):
                lots.house.transact("refund", lot, one.address, sender=w.relayer)
    before = lots.coins(w.relayer)
    lots.fund.transact("exit", SHARED, w.relayer, sender=w.relayer)
    assert lots.coins(w.relayer) >= before
    assert all_coins(lots) == minted + 80_000_000
    lots.require_identities(everybody(lots))


def test_an_award_costs_less_than_a_million_where_everybody_bears_a_part(lots: LotWorld) -> None:
    """A bidder's price below 0: the fund pays from both tranches for the first time, gains are charged, and the rest
    stands as a deficit; somebody else sends; a commitment of 32 positions. Its proofs were shown before."""
    assert lots.escrow.read("slots") == 32
    lot = auctioned(lots)
    lots.bid(lot, A, -14_000_000)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    shown = lots.show(lot)
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    lots.fund.transact("tightenCaps", (1_000_000, 1_000_000, 1_000_000), sender=lots.w.risk)
    room = GAINED * TERMS.largest_haircut // 10_000
    award = lots.carry(lot, WINNER, 90_000_000, shown=shown, comes=OWN + 1_000_000 + room)
    lots.by("award", "coordinator", "award", lots.accepted(award, A))
    (loss,) = lots.told("award", "coordinator", "LossShared")
    assert (loss["fund"], loss["haircut"]) == (OWN + 1_000_000, room)
    assert loss["deficit"] > 0
    assert lots.receipts["award"].gas_used < AWARD


def test_what_the_fund_cannot_pay_gains_bear_and_the_rest_stands_as_a_deficit(lots: LotWorld) -> None:
    w = lots.w
    # Nearly all of the shared tranche is gone.
    lots.fund.transact("tightenCaps", (1_000_000, 1_000_000, 1_000_000), sender=w.risk)
    lot = auctioned(lots)
    minted = all_coins(lots)
    standing = lots.house.read("lotOf", lot)[18][0][1]
    assert standing == -(OWN + 1_000_000)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    shown = lots.show(lot)
    # A loss at the same venue takes what the fund was ready to pay, before the lot is awarded: its standing bid is more
    # than it has by now.
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    price = OWN + 1_000_000
    lots.fund.transact("tightenCaps", (0, 0, 0), sender=w.risk)
    room = GAINED * TERMS.largest_haircut // 10_000
    haircut = min(1_000_000, room)
    award = lots.accepted(lots.carry(lot, WINNER, 80_000_000, shown=shown, comes=OWN + haircut), AGENT)
    lots.by("award", "coordinator", "award", award)
    (loss,) = lots.told("award", "coordinator", "LossShared")
    assert (loss["fund"], loss["haircut"], loss["deficit"]) == (OWN, haircut, price - OWN - haircut)
    before = lots.vault.read("balanceOf", TRADER.address, w.coin.address)
    lots.require_identities(everybody(lots))
    assert lots.vault.read("balanceOf", TRADER.address, w.coin.address) <= before
    assert all_coins(lots) == minted + 80_000_000


def test_a_price_above_zero_is_the_former_owners_without_a_proof(lots: LotWorld) -> None:
    w = lots.w
    lots.fall(130_000_000)
    lots.call()
    lots.to_lots()
    lot = lots.open()
    minted = all_coins(lots)
    lots.bid(lot, B, 3_000_000)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    shown = lots.show(lot)
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    lots.by("award", "coordinator", "award",
            lots.accepted(lots.carry(lot, WINNER, 40_000_000, shown=shown), B))
    w.sent_by(w.owner, lots.vault, "collect", w.coin.address, w.owner.address)
    assert lots.coins(lots.owner) == 3_000_000
    assert lots.value(WINNER.address) == VALUE + 40_000_000
    assert lots.fund.read("trancheOf", SHARED)[0] == BACKED
    assert lots.coordinator.read("openLosses") == 0
    assert all_coins(lots) == minted + 40_000_000
    lots.require_identities(everybody(lots))


# -- closed ------------------------------------------------------------------------------------------------------------
def test_called_by_silence_and_closed_in_part_by_its_venue(lots: LotWorld) -> None:
    lots.fall()
    lots.call_by_silence()
    assert lots.coordinator.read("openLosses") == 0, "silence is no loss"
    lots.by("noteLoss", "coordinator", "noteLoss", lots.owner)
    assert lots.coordinator.read("openLosses") == 0
    lots.to_venue()
    minted = all_coins(lots)
    lots.closes.transact("showShortfall", lots.owner, lots.short(lots.owner), sender=lots.w.relayer)
    lots.by("noteLoss", "coordinator", "noteLoss", lots.owner)
    assert lots.coordinator.read("openLosses") == 1, "from the proof of the shortfall on"
    new = lots.commit_to(103_000_000)
    lots.by("closePartial", "closes", "closePartial", lots.closing(new, concession=1_000_000), sender=lots.w.relayer)
    assert lots.w.status() == "Valid"
    assert lots.commitment(lots.owner) == new
    assert not lots.ledger.read("isCalled", lots.owner)
    lots.by("noteLoss", "coordinator", "noteLoss", lots.owner)
    assert lots.coordinator.read("openLosses") == 0, "cured"
    assert lots.vault.read("balanceOf", lots.owner, lots.w.coin.address) == VALUE
    assert all_coins(lots) == minted
    lots.require_identities(everybody(lots))


def test_called_by_silence_and_sold_once_its_shortfall_is_shown(lots: LotWorld) -> None:
    lots.fall()
    lots.call_by_silence()
    lots.to_lots()
    lot = lots.open(shows_margin=False)
    minted = all_coins(lots)
    assert lots.coordinator.read("openLosses") == 1, "in a lot"
    lots.bid(lot, A, 2_000_000)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.to_stage(lot, Stage.COMMIT)
    lots.run(2 * MINUTE)
    lots.by("orderPublicDisclosure", "coordinator", "orderPublicDisclosure", lot)
    lots.publish_opening(lot)                             # neither venue nor committee: somebody else had it
    lots.by("noteDelivery", "house", "noteDelivery", lot)
    shown = lots.show(lot)
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    lots.by("award", "coordinator", "award",
            lots.accepted(lots.carry(lot, WINNER, 80_000_000, shown=shown), A))
    assert lots.state(lot) is State.AWARDED
    assert all_coins(lots) == minted + 80_000_000
    lots.require_identities(everybody(lots))


# -- nobody ------------------------------------------------------------------------------------------------------------
def test_nobody_bids_and_the_funds_agent_carries_it(lots: LotWorld) -> None:
    w = lots.w
    lot = auctioned(lots)
    minted = all_coins(lots)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    shown = lots.show(lot)
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    bidder, price = lots.house.read("winnerOf", lot)
    assert (bidder.lower(), price) == (AGENT.address.lower(), -16_000_000)
    award = lots.accepted(lots.carry(lot, WINNER, 70_000_000, shown=shown, comes=16_000_000,
                                     least=16_000_000), AGENT)
    with refused("NotAccepted"):
        lots.coordinator.transact("award", (*award[:2], b"", *award[3:]), sender=w.relayer)
    lots.by("award", "coordinator", "award", award)
    assert lots.fund.read("trancheOf", w.venue)[0] == 0
    assert lots.fund.read("trancheOf", SHARED)[0] == BACKED - 14_000_000
    assert lots.value(WINNER.address) == VALUE + 16_000_000 + 70_000_000
    assert all_coins(lots) == minted + 70_000_000
    lots.require_identities(everybody(lots))


def test_a_winner_who_does_not_carry_loses_his_bond_and_the_agent_is_next(lots: LotWorld) -> None:
    lot = auctioned(lots)
    lots.bid(lot, A, -10_000_000)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.deliver(lot)
    lots.show(lot)
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    lots.run(TERMS.award + 1)
    bond = lots.house.read("lotOf", lot)[12]
    lots.by("fail", "house", "fail", lot)
    assert lots.house.read("winnerOf", lot)[0].lower() == AGENT.address.lower()
    lots.run(TERMS.award + 1)
    lots.by("fail", "house", "fail", lot)
    assert lots.stage(lot) is Stage.FAILED
    lots.by("failLot", "coordinator", "failLot", lot)
    assert lots.state(lot) is State.FAILED, "the opening was delivered: the next lot may follow"
    assert lots.coordinator.read("openLosses") == 1, "still called, and short"
    assert lots.house.read("stakeOf", lots.fund.address)[0] == bond
    lots.by("payFund", "house", "payFund")
    lots.by("bookReceived", "fund", "bookReceived")
    assert lots.fund.read("trancheOf", SHARED)[0] == BACKED + bond
    lots.require_identities(everybody(lots))
    again = lots.open(s=lots.short(lots.owner))
    assert lots.stage(again) is Stage.BLIND


def test_when_all_are_silent_the_basket_stays_the_fund_pays_and_others_withdraw(lots: LotWorld) -> None:
    """R22: nobody's opening, nobody's proof, nobody's loss of collateral."""
    w = lots.w
    lots.call_by_silence()                                # solvent, asleep
    lots.to_lots()
    lot = lots.open(shows_margin=False)
    minted = all_coins(lots)
    lots.to_stage(lot, Stage.DISCLOSURE)
    lots.order(lot)
    lots.run(TERMS.venue_delivers)
    lots.by("reportBreach", "coordinator", "reportBreach", lot)
    slashed = VALUE * TERMS.breach_share // 10_000
    assert lots.settlement.read("bondOf", w.venue)[0] == BOND - slashed
    assert lots.fund.read("trancheOf", SHARED)[0] == BACKED + slashed, "booked in the same transaction"
    lots.to_stage(lot, Stage.CLEARING)
    lots.by("clear", "house", "clear", lot)
    assert lots.stage(lot) is Stage.FAILED, "no shortfall, no price: nothing is sold"
    lots.by("failLot", "coordinator", "failLot", lot)
    assert lots.state(lot) is State.STUCK
    assert lots.coordinator.read("openLosses") == 0, "recorded"
    (loss,) = lots.told("failLot", "coordinator", "LossShared")
    paid = VALUE * TERMS.unknown_loss // 10_000
    assert loss["fund"] + loss["haircut"] + loss["deficit"] == paid
    assert lots.settlement.read("clearingOf", w.venue)[0] == CLEARING + loss["fund"] + loss["haircut"]
    assert lots.vault.read("balanceOf", lots.owner, w.coin.address) == VALUE
    # Others come and go.
    lots.give(w.relayer, 1_000, "vault")
    lots.vault.transact("deposit", w.relayer, w.coin.address, 1_000, sender=w.relayer)
    wish = Withdrawal(chain_id=w.chain.chain_id, vault=lots.vault.address, account=w.relayer, token=w.coin.address,
                      amount=1_000, to=w.stranger, fee=0, version=0, deadline=w.deadline(), nonce=0)
    lots.vault.transact("withdrawFlat", wish.as_tuple(), NO_PROOF, b"", sender=w.relayer)
    assert lots.coins(w.stranger) == 1_000
    lots.require_identities(everybody(lots))
    w.govern("coordinator", "releaseLot", lot)            # a week later
    assert lots.state(lot) is State.RELEASED
    assert lots.vault.read("lotOf", lots.owner) == 0
    assert lots.vault.read("balanceOf", lots.owner, w.coin.address) == VALUE
    assert all_coins(lots) == minted + 1_000
    lots.require_identities(everybody(lots))


# -- backers -----------------------------------------------------------------------------------------------------------
def test_a_false_epoch_of_a_call_ends_the_loss(lots: LotWorld) -> None:
    lots.fall()
    lots.call()
    assert lots.coordinator.read("openLosses") == 1
    lots.w.deposit(100_000_000)
    lots.run(STEP)
    lots.cover(lots.owner)
    assert lots.coordinator.read("openLosses") == 1, "until somebody says so"
    lots.by("noteLoss", "coordinator", "noteLoss", lots.owner)
    assert lots.coordinator.read("openLosses") == 0

