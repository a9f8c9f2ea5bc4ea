"""What an adapter, a keeper or an owner can try: it costs at most who joined that adapter, and stops nobody for longer
than ten live minutes."""

from __future__ import annotations

import pyrevm
import pytest
from liquidation_world import ANYBODY, MINUTE, refused
from revmchain import Contract, Refusal
from revmsystem import COIN_ID, ONE, QUOTE_ID
from unwinding_world import KEEPER, RESERVES, TERMS, Mode, UnwindingWorld, reference_protocols

from verifier_contracts.unwinding import Phase
from verifier_contracts.vault import Factor

SAID = {Mode.REVERT: "08c379a0", Mode.REVERT_MUCH: "00000000", Mode.RETURN_MUCH: "00000000",
        Mode.RETURN_LITTLE: "00000000", Mode.BURN_GAS: "00000000"}


def with_hostile(uw: UnwindingWorld, position=(1, 1, 1), pays=(100, 50), most=10**7) -> tuple[str, Contract]:
    """An account that has joined a hostile protocol beside the two, called, its owner's time over."""
    who, other = uw.open_account(), uw.hostile()
    uw.spread(who)
    uw.join(who, other, most)
    other("set", list(position), list(pays))
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    return who, other


def to_parts(uw: UnwindingWorld, who: str) -> None:
    """Until one may be left out."""
    uw.w.live_to(max(uw.w.live, uw.w.closes("venuesTimeOf", who)[0] + 10 * MINUTE))
    uw.newest()


# -- adapters that fail ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("reading", [False, True], ids=["acting", "reading"])
@pytest.mark.parametrize("mode", SAID)
def test_an_adapter_that_fails_for_ever_is_no_veto(uw, mode, reading):
    """It reverts, with much or little, returns too much or too little, or burns all of its gas. Nothing is done while
    ten minutes last; then all is done but this."""
    who, other = with_hostile(uw)
    other("behave", Mode.HONEST if reading else mode, mode if reading else Mode.HONEST)
    with refused("AdapterFailed", other.address, bytes.fromhex(SAID[mode])):
        uw.liquidate(who)
    assert uw.positions(who) == {"pool": (0, 1_000_000, 400_000), "options": (4, 0, 0)}
    assert uw.cash(uw.unwinder.address) == 0
    to_parts(uw, who)
    before = uw.w.value(who)
    uw.liquidate(who, [other.address])
    assert uw.w.value(who) == before + 2_950_000


def test_nobody_else_is_hurt_by_it(uw):
    """Who has not joined it is unwound while it fails."""
    who, other = with_hostile(uw)
    neighbour = uw.open_account(key=uw.w.key("neighbour"))
    uw.w.deposit(neighbour, 5)
    uw.spread(neighbour)
    other("behave", Mode.BURN_GAS, Mode.BURN_GAS)
    uw.fall(neighbour, 20_000_000)
    uw.to_time(neighbour)
    uw.liquidate(neighbour)
    assert uw.w.value(neighbour) == 1_000_005 + 2_950_000
    assert uw.positions(who)["options"] == (4, 0, 0)


def test_what_is_left_out_is_not_called(uw):
    """Eight of them would burn a block."""
    who = uw.open_account()
    uw.spread(who)
    made = [uw.hostile() for _ in range(6)]
    for other in made:
        uw.join(who, other)
        other("behave", Mode.BURN_GAS, Mode.BURN_GAS)
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    to_parts(uw, who)
    uw.liquidate(who, [other.address for other in made])
    assert uw.w.s.machine.evm.result.gas_used < 900_000


def test_an_adapter_that_succeeds_burns_no_more_than_it_has(uw):
    """Five answers and one act."""
    who, other = with_hostile(uw, (1, 0, 0))
    other("behave", Mode.BURN_MOST, Mode.BURN_MOST)
    uw.liquidate(who)
    used = uw.w.s.machine.evm.result.gas_used
    assert used < 2_000_000 + 5 * 300_000 + 300_000, used


def test_an_adapter_whose_code_is_gone_has_not_paid_nothing(uw):
    who, other = with_hostile(uw)
    machine = uw.w.s.machine
    machine.evm.insert_account_info(other.address, pyrevm.AccountInfo(nonce=1))
    with refused("AdapterFailed", other.address, bytes(4)):
        uw.liquidate(who)


# -- adapters that lie -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", [Mode.SAY_MORE, Mode.DO_LESS])
@pytest.mark.parametrize("phase", list(Phase))
def test_what_moved_is_compared_with_what_was_said(uw, mode, phase):
    who, other = with_hostile(uw, [int(phase == n) * 40_000 for n in range(3)], (100, 50))
    other("behave", mode, Mode.HONEST)
    amount = (100, 50, 40_000)[phase]
    more = mode == Mode.SAY_MORE
    with refused("WrongAmount", other.address, amount + more, amount if more else amount - 1):
        uw.liquidate(who)


@pytest.mark.parametrize("phase", list(Phase))
def test_what_was_to_be_ended_is_ended(uw, phase):
    who, other = with_hostile(uw, [int(phase == n) * 40_000 for n in range(3)], (100, 50))
    other("behave", Mode.STAY_OPEN, Mode.HONEST)
    with refused("NotDone", other.address, phase):
        uw.liquidate(who)


def test_a_repayment_lowers_the_debt_by_as_much(uw):
    """Else the same debt is repaid again and again."""
    who, other = with_hostile(uw, (0, 0, 40))
    other("lie", 1)
    with refused("NotDone", other.address, Phase.REPAY):
        uw.liquidate(who)


def test_a_debt_that_was_made_up_takes_what_the_account_allowed_and_once(uw):
    """All that a lying adapter can take of what others paid."""
    who, other = with_hostile(uw, (0, 0, RESERVES), most=1_000)
    before = uw.w.value(who)
    uw.liquidate(who)
    assert uw.w.value(who) == before + 2_950_000 - 1_000
    assert uw.cash(other.address) == RESERVES + 1_000
    uw.w.run(5 * MINUTE)
    uw.newest()
    other("set", [1, 0, RESERVES], [500, 0])
    uw.liquidate(who)
    assert uw.cash(other.address) == RESERVES + 1_000 - 500
    assert uw.w.value(who) == before + 2_950_000 - 1_000 + 500


def test_closing_comes_before_selling_whatever_an_adapter_says(uw):
    """One that closes only when it is to sell has not closed: at the end nobody would see it. What it holds is no dust,
    or it would never be told to sell."""
    who, other = with_hostile(uw, (1, 40_000, 0), (100, 40_000))
    other("behave", Mode.CLOSE_LATE, Mode.HONEST)
    with refused("NotDone", other.address, Phase.CLOSE):
        uw.liquidate(who)
    other("behave", Mode.HONEST, Mode.HONEST)
    uw.liquidate(who)


def test_a_sale_counts_what_it_took_for_a_debt_and_no_more(uw):
    """Of an asset at 1.6: a debt that rises pays for nothing."""
    who, other = uw.open_account(), uw.hostile(5, COIN_ID)
    uw.spread(who)
    uw.join(who, other)
    other("set", [0, 100_000, 50_000], [0, 160_000])
    other("lie", 90_000)
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    uw.liquidate(who)                                                          # 160,000 for 100,000, the debt stands
    other("set", [0, 100_000, 50_000], [0, 159_999])
    uw.w.run(5 * MINUTE)
    uw.newest()
    with refused("SoldTooLow", other.address, 159_999, 160_000):
        uw.liquidate(who)
    other("lie", 49_999)
    uw.liquidate(who)


def test_a_repayment_lowers_the_debt_by_no_more(uw):
    """Else what is said to stand does not."""
    who, other = with_hostile(uw, (0, 0, 40), most=10)
    other("lie", 0)
    with refused("NotDone", other.address, Phase.REPAY):
        uw.liquidate(who)
    other("lie", 30)
    assert ("DebtStands", who, other.address, 30) in uw.events(who)


def test_who_answers_changes_nothing(uw):
    who = uw.open_account()
    other = uw.w.s.machine.deploy(reference_protocols()["RestlessAdapter"], sender=uw.admin)
    uw.unwinder("listProtocol", other.address, QUOTE_ID, 5, sender=uw.admin)
    uw.join(who, other)
    with refused("AdapterFailed", other.address, bytes(4)):
        uw.unwinder("quit", other.address, sender=who)
    assert other("asked") == 0


# -- adapters that call back -----------------------------------------------------------------------------------------
def test_nobody_unwinds_joins_or_collects_in_the_middle(uw):
    who, other = with_hostile(uw)
    uw.unwinder("liquidate", *uw.arguments(who), sender=KEEPER)
    uw.w.run(5 * MINUTE)
    uw.newest()
    for data in (uw.unwinder.data("liquidate", *uw.arguments(who)), uw.unwinder.data("collect", other.address),
                 uw.unwinder.data("join", uw.lender.address, 5), uw.unwinder.data("quit", uw.lender.address)):
        other("set", [1, 0, 0], [10, 0])
        other("callBackTo", uw.unwinder.address, data)
        uw.liquidate(who)
        assert not other("calledBack")
        assert bytes(other("answer")) == bytes.fromhex("3ee5aeb5")                     # ReentrancyGuardReentrantCall()


def test_a_lot_opened_in_the_middle_stops_it(uw):
    who, other = with_hostile(uw)
    uw.w.live_to(uw.w.closes("venuesTimeOf", who)[1])
    uw.newest()
    factors = [tuple(factor) for factor in uw.newest_factors()]
    other("callBackTo", uw.w.coordinator.address, uw.w.coordinator.data(
        "openLot", who, uw.w.epoch, factors, 0, [0] * 8, (0, 0, [], [0] * 8)))
    with refused("LotIsOpen", who, 1):
        uw.liquidate(who)


@pytest.mark.parametrize("what", [(1, 0, 0), (0, 1, 0), (0, 0, 1)])
def test_what_was_ended_is_not_opened_again_by_another(uw, what):
    """The last one to act changes what the first one has ended."""
    other = uw.hostile()
    other("set", [1, 0, 0], [100, 50])
    last = uw.hostile(60_000, COIN_ID)
    last("set", [0, 0, 1], [0, 0])
    last("callBackTo", other.address, other.data("set", [20_000 * one for one in what], [0, 0]))
    who = uw.open_account()
    uw.spread(who)
    uw.join(who, other)
    uw.join(who, last, 1)
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    with refused("NotDone", other.address, Phase(what.index(1))):
        uw.liquidate(who)


def test_money_that_a_stranger_sends_in_the_middle_is_nobodys_payment(uw):
    """An adapter cannot pass another's payment off as its own: each is counted while it acts."""
    who, other = with_hostile(uw, (1, 0, 0), (0, 0))
    token = uw.w.s.quote
    token("mint", uw.unwinder.address, 777)
    uw.liquidate(who)
    assert uw.cash(uw.unwinder.address) == 777 + TERMS.cap
    other("set", [1, 0, 0], [0, 0])
    other("callBackTo", token.address, token.data("mint", uw.unwinder.address, 5))
    uw.w.run(5 * MINUTE)
    uw.newest()
    with refused("WrongAmount", other.address, 0, 5):
        uw.liquidate(who)


def test_an_allowance_lasts_for_one_repayment(uw):
    who, other = with_hostile(uw, (0, 0, 40))
    uw.liquidate(who)
    assert uw.w.s.quote("allowance", uw.unwinder.address, other.address) == 0
    other("set", [0, 0, 40], [0, 0])
    other("behave", Mode.DO_LESS, Mode.HONEST)
    with pytest.raises(Refusal):
        uw.liquidate(who)


# -- dust ------------------------------------------------------------------------------------------------------------
def test_dust_that_was_put_there_stops_nobody(uw):
    """A coin's smallest unit sells for 1, and counts for 1.6: a sale of it brings too little. Nobody need sell it."""
    who = uw.short_account(coins=1, debt=200_000)
    assert [one[2:] for one in uw.events(who)[:2]] == [
        (uw.writer.address, Phase.CLOSE, 1_400_000), (uw.lender.address, Phase.REPAY, 200_000)]
    assert uw.positions(who) == {"pool": (0, 1, 0), "options": (0, 0, 0)}


@pytest.mark.parametrize(("coins", "left"), [(4_167, 4_167), (4_168, 0)])
def test_dust_is_what_is_worth_a_cent(uw, coins, left):
    """Of a coin of 2.4: 10,000.8 smallest units of six decimals, and 10,003.2."""
    who = uw.short_account(coins=coins, debt=0)
    uw.liquidate(who)
    assert uw.positions(who)["pool"] == (0, left, 0)


def test_dust_alone_is_nothing_to_unwind(uw):
    """Or a keeper would be paid for nothing, again and again."""
    who = uw.short_account(coins=100, debt=0, long=0, short=0)
    with refused("NothingToUnwind", who):
        uw.liquidate(who)


def test_what_counts_for_nothing_is_no_dust(uw):
    """An asset whose haircut is all of it is sold all the same."""
    who = uw.short_account(debt=0)
    uw.newest([Factor(QUOTE_ID, ONE, ONE), Factor(COIN_ID, 0, ONE * 24 // 10)])
    uw.liquidate(who)
    assert uw.positions(who)["pool"] == (0, 0, 0)


# -- keepers ---------------------------------------------------------------------------------------------------------
def test_too_little_gas_does_all_or_nothing(uw):
    who = uw.short_account()
    data = uw.unwinder.data("liquidate", *uw.arguments(who))
    evm = uw.w.s.machine.evm
    evm_snapshot = evm.snapshot()
    uw.liquidate(who)
    used = evm.result.gas_used
    evm.revert(evm_snapshot)
    done = 0
    for gas in range(used // 3, used + 200_000, 9_973):
        snapshot = evm.snapshot()
        try:
            evm.message_call(KEEPER, uw.unwinder.address, calldata=data, gas=gas)
        except RuntimeError:
            assert uw.positions(who) == {"pool": (0, 1_000_000, 400_000), "options": (4, 0, 0)}, gas
            assert uw.w.value(who) == 1_000_000
        else:
            assert uw.w.value(who) == 3_950_000, gas
            done += 1
        finally:
            evm.reset_transient_storage()
        evm.revert(snapshot)
    assert 0 < done


def test_gas(uw):
    """Of whole calls, the shortfall shown before: two protocols with a step each that does something, and what another
    one costs that does something in each."""
    who = uw.short_account()
    shown = uw.short(who)
    uw.w.closes("showShortfall", who, shown)
    uw.liquidate(who, short=shown)
    evm = uw.w.s.machine.evm
    two = evm.result.gas_used
    uw.unwinder("collect", ANYBODY, sender=KEEPER)
    collected = evm.result.gas_used
    more = third_account(uw)
    shown = uw.short(more)
    uw.w.closes("showShortfall", more, shown)
    uw.liquidate(more, short=shown)
    three = evm.result.gas_used
    print({"liquidate, two protocols": two, "liquidate, three": three, "collect": collected})
    assert two < 600_000
    assert three - two < 200_000
    assert collected < 70_000


def third_account(uw: UnwindingWorld) -> str:
    """With something to do in all phases of a third protocol."""
    who, other = uw.open_account(key=uw.w.key("third")), uw.hostile(5, QUOTE_ID)
    uw.spread(who)
    uw.join(who, other, 10**7)
    other("set", [1, 20_000, 1], [100, 20_000])
    uw.fall(who, 20_000_000)
    uw.to_time(who)
    return who
