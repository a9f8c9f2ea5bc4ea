"""Seats of the auction house, the money that stands behind bids, and the bounds of both."""

from __future__ import annotations

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak
from houseworld import (
    AGENT,
    BIDDERS,
    BOUNDS,
    KAPPA,
    LEAST_BOND,
    LIQUIDATOR,
    MONEY,
    SEAT_BOND,
    STRANGER,
    TIMES,
    USD,
    HouseWorld,
    build,
    deploy_house,
    key_of,
)
from revmchain import account, refused

from verifier_contracts.auction import Stage

A, B, NEW = BIDDERS[0], BIDDERS[1], BIDDERS[5]


@pytest.fixture
def w() -> HouseWorld:
    return build()


def admit(w: HouseWorld, bidder: str, number: int = 5, money: int = MONEY) -> None:
    """All that a seat needs, but the seat."""
    w.system.authority("grantRole", LIQUIDATOR, bidder, 0, sender=w.system.admin)
    w.escrow("setKey", bidder, *key_of(number))
    w.give(bidder, money)
    w.house("deposit", bidder, money, sender=bidder)


# -- seats -------------------------------------------------------------------------------------------------------------
def test_a_seat_is_for_the_role_alone(w: HouseWorld) -> None:
    w.escrow("setKey", NEW, *key_of(5))
    w.give(NEW, MONEY)
    w.house("deposit", NEW, MONEY, sender=NEW)
    with refused("AccessManagedUnauthorized", NEW.lower()):
        w.house("takeSeat", sender=NEW)
    assert not w.house("isSeated", NEW)


def test_a_seat_needs_its_bond_to_the_unit(w: HouseWorld) -> None:
    admit(w, NEW, money=SEAT_BOND - 1)
    with refused("SeatBondShort", NEW.lower(), SEAT_BOND - 1, SEAT_BOND):
        w.house("takeSeat", sender=NEW)
    w.give(NEW, 1)
    w.house("deposit", NEW, 1, sender=NEW)
    w.house("takeSeat", sender=NEW)
    assert w.house("isSeated", NEW)
    w.house("withdraw", 1, NEW, sender=NEW)
    assert not w.house("isSeated", NEW)


@pytest.mark.parametrize("key", [(0, 0), (0, 7), (7, 0)])
def test_a_seat_needs_an_encryption_key(w: HouseWorld, key: tuple[int, int]) -> None:
    admit(w, NEW)
    w.escrow("setKey", NEW, *key)
    if key != (0, 0):                                      # whether it is a point, the escrow has looked at
        w.house("takeSeat", sender=NEW)
        return
    with refused("NoEncryptionKey", NEW.lower()):
        w.house("takeSeat", sender=NEW)


def test_two_seats_have_two_keys(w: HouseWorld) -> None:
    """One reader with two seats would be two of the five."""
    admit(w, NEW, number=0)
    with refused("KeyOfAnotherSeat", NEW.lower(), A.lower()):
        w.house("takeSeat", sender=NEW)
    w.escrow("setKey", A, *key_of(50))                     # nor does it become free by another one
    w.house("takeSeat", sender=A)
    with refused("KeyOfAnotherSeat", NEW.lower(), A.lower()):
        w.house("takeSeat", sender=NEW)


def test_a_shortlist_keeps_the_keys_it_was_drawn_up_with(w: HouseWorld) -> None:
    first = w.open()
    w.bid(first, A, 0)
    w.escrow("setKey", A, *key_of(50))
    w.escrow("setKey", AGENT, *key_of(51))
    second = w.open()
    w.bid(second, A, 0)                                    # the seat has not followed
    w.house("takeSeat", sender=A)
    third = w.open()
    w.bid(third, A, 0)
    for lot in (first, second, third):
        w.after(lot, Stage.DISCLOSURE)
    for lot, fund, own in ((first, 99, 0), (second, 51, 0), (third, 51, 50)):
        bidders, keys, count = w.house("shortlistOf", lot)
        assert (bidders[:2], count) == ((AGENT.lower(), A.lower()), 2)
        assert keys[:3] == (key_of(fund), key_of(own), (0, 0))


def test_taking_the_seat_again_changes_nothing(w: HouseWorld) -> None:
    for _ in range(2):
        w.house("takeSeat", sender=A)
    lot = w.open()
    w.bid(lot, A, 0)
    assert w.house("lotOf", lot)[17] == (0, 0, 0, 0, 0)


def test_a_key_that_comes_back_is_kept_again(w: HouseWorld) -> None:
    for number in (60, 0):
        w.escrow("setKey", A, *key_of(number))
        w.house("takeSeat", sender=A)
    lot = w.open()
    w.bid(lot, A, 0)
    w.after(lot, Stage.DISCLOSURE)
    assert w.house("lotOf", lot)[17][1] == 2
    assert w.house("shortlistOf", lot)[1][1] == key_of(0)


def test_a_seats_keys_end_with_the_bits_of_their_numbers(w: HouseWorld) -> None:
    """Nobody pays for so many: their count is written into what is stored."""
    def take(number: int) -> None:
        w.escrow("setKey", A, *key_of(number))
        w.house("takeSeat", sender=A)

    take(60)
    evm, house = w.system.machine.evm, w.house.address
    places = [int.from_bytes(keccak(encode(["address", "uint256"], [A, slot])), "big") for slot in range(16)]
    (place,) = [place for place in places if evm.storage(house, place) == 2]
    evm.insert_account_storage(house, place, 65_535)
    take(61)                                                        # number 65,535
    take(61)
    assert evm.storage(house, place) == 65_536
    with refused("TooManyKeys", A.lower()):
        take(62)


@pytest.mark.parametrize("place", [0, 1])
def test_a_key_is_both_coordinates(w: HouseWorld, place: int) -> None:
    key = list(key_of(0))
    key[place] += 700
    w.escrow("setKey", A, *key)
    w.house("takeSeat", sender=A)
    lot = w.open()
    w.bid(lot, A, 0)
    w.after(lot, Stage.DISCLOSURE)
    assert w.house("shortlistOf", lot)[1][1] == tuple(key)


# -- money -------------------------------------------------------------------------------------------------------------
def test_money_is_its_bidders_whoever_brings_it(w: HouseWorld) -> None:
    w.give(STRANGER, 10)
    held, (free, _) = w.house("held"), w.stake(A)
    w.house("deposit", A, 10, sender=STRANGER)
    assert w.stake(A) == (free + 10, 0)
    assert w.house("held") == held + 10 == w.quote("balanceOf", w.house.address)
    with refused("FreeShort", STRANGER.lower(), 0, 1):
        w.house("withdraw", 1, STRANGER, sender=STRANGER)
    w.house("withdraw", 4, STRANGER, sender=A)
    assert w.stake(A) == (free + 6, 0)
    assert w.house("held") == held + 6 == w.quote("balanceOf", w.house.address)
    assert w.quote("balanceOf", STRANGER) == 4


def test_only_what_is_free_leaves(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, 0)
    free, locked = w.stake(A)
    assert (free + locked, locked) == (MONEY, w.bond(lot))
    with refused("FreeShort", A.lower(), free, free + 1):
        w.house("withdraw", free + 1, A, sender=A)
    w.house("withdraw", free, A, sender=A)
    assert w.stake(A) == (0, locked)


@pytest.mark.parametrize("function", ["deposit", "withdraw"])
def test_nothing_is_no_amount(w: HouseWorld, function: str) -> None:
    with refused("NoAmount"):
        w.house(function, *((A, 0) if function == "deposit" else (0, A)), sender=A)
    with refused("NoAmount"):
        w.house("payFund")


def test_money_goes_to_somebody(w: HouseWorld) -> None:
    for to in (account(0), w.house.address):
        with refused("NoReceiver", to.lower()):
            w.house("withdraw", 1, to, sender=A)


def test_amounts_fit_their_words(w: HouseWorld) -> None:
    w.give(A, 1 << 97)
    with refused("AmountTooWide", 1 << 96):
        w.house("deposit", A, 1 << 96, sender=A)
    w.house("deposit", A, (1 << 96) - 1 - MONEY, sender=A)
    with refused("AmountTooWide", 1 << 96):
        w.house("deposit", A, 1, sender=A)
    assert w.stake(A) == ((1 << 96) - 1, 0)


def test_a_token_that_takes_a_fee_is_refused(w: HouseWorld) -> None:
    w.give(A, 10_000)
    w.quote("setFee", 100)
    with refused("TransferMismatch"):
        w.house("deposit", A, 10_000, sender=A)
    w.quote("setFee", 0)
    w.quote("setInverseTax", 100)
    with refused("TransferMismatch"):
        w.house("withdraw", 10_000, A, sender=A)


def test_what_the_token_has_taken_is_missed(w: HouseWorld) -> None:
    """Else the next to come pays for all."""
    w.quote("seize", w.house.address, 1)
    w.give(A, 5)
    with refused("AssetShort"):
        w.house("deposit", A, 5, sender=A)


@pytest.mark.parametrize("entered", ["withdraw", "deposit", "payFund", "settle"])
def test_a_token_that_calls_back_is_refused(w: HouseWorld, entered: str) -> None:
    calls = {"withdraw": (1, A), "deposit": (A, 1), "payFund": (), "settle": (1, A)}
    w.system.authority("grantRole", 5, w.quote.address, 0, sender=w.system.admin)
    w.give(A, 5)
    w.quote("setHook", w.house.address, w.house.data(entered, *calls[entered]))
    for call in (("deposit", A, 5), ("withdraw", 5, A)):
        w.house(*call, sender=A)
        assert not w.quote("hookSucceeded")
        assert w.system.machine.named(bytes(w.quote("hookError"))).name == "ReentrancyGuardReentrantCall"


# -- the fund's agent --------------------------------------------------------------------------------------------------
def test_admin_names_who_acts_for_the_fund(w: HouseWorld) -> None:
    for who in (w.system.risk, A):
        with refused("AccessManagedUnauthorized", who.lower()):
            w.house("setFundAgent", A, sender=who)
    with refused("NoEncryptionKey", STRANGER.lower()):     # openings could not be encrypted to it
        w.house("setFundAgent", STRANGER, sender=w.system.admin)
    first = w.open()
    w.escrow("setKey", STRANGER, *key_of(80))
    w.house("setFundAgent", STRANGER, sender=w.system.admin)
    second = w.open()
    w.after(second, Stage.DISCLOSURE)
    for lot, who, number in ((first, AGENT, 99), (second, STRANGER, 80)):
        bidders, keys, _ = w.house("shortlistOf", lot)
        assert (bidders[0], keys[0]) == (who.lower(), key_of(number))


def test_without_an_agent_no_lot_opens(w: HouseWorld) -> None:
    """Its opening could be delivered to nobody: an order names five keys that are registered."""
    house = deploy_house(w, w.escrow.address, w.fund.address, w.quote.address)
    w.system.authority("setTargetFunctionRole", house.address, [house.selector("open")], 5, sender=w.system.admin)
    with refused("NoEncryptionKey", account(0)):
        house("open", tuple(w.terms_of()), sender=w.system.coordinator)
    house("setFundAgent", AGENT, sender=w.system.admin)
    house("open", tuple(w.terms_of()), sender=w.system.coordinator)


def test_the_first_agent_may_register_its_key_later(w: HouseWorld) -> None:
    """A deployment names it, and cannot speak for it: until it has registered a key no lot opens."""
    house = deploy_house(w, w.escrow.address, w.fund.address, w.quote.address)
    w.system.authority("setTargetFunctionRole", house.address, [house.selector("open")], 5, sender=w.system.admin)
    house("setFundAgent", STRANGER, sender=w.system.admin)
    with refused("NoEncryptionKey", STRANGER.lower()):
        house("open", tuple(w.terms_of()), sender=w.system.coordinator)
    w.escrow("setKey", STRANGER, *key_of(81))
    house("open", tuple(w.terms_of()), sender=w.system.coordinator)
    with refused("NoEncryptionKey", account(0)):
        house("setFundAgent", account(0), sender=w.system.admin)


# -- bounds ------------------------------------------------------------------------------------------------------------
def test_admin_sets_bounds_and_risk_only_raises_them(w: HouseWorld) -> None:
    admin, risk = w.system.admin, w.system.risk
    for who in (risk, A):
        with refused("AccessManagedUnauthorized", who.lower()):
            w.house("setBounds", BOUNDS, sender=who)
    with refused("AccessManagedUnauthorized", A.lower()):
        w.house("raiseBounds", BOUNDS, sender=A)
    raised = (SEAT_BOND + 1, LEAST_BOND + 1, KAPPA + 1)
    w.house("raiseBounds", raised, sender=risk)
    assert w.house("bounds") == raised
    for place, name in enumerate(("seatBond", "leastBond", "kappa")):
        lower = tuple(value - (place == at) for at, value in enumerate(raised))
        with refused("BoundsLoosened", name, lower[place], raised[place]):
            w.house("raiseBounds", lower, sender=risk)
        w.house("setBounds", lower, sender=admin)
        w.house("setBounds", raised, sender=admin)


@pytest.mark.parametrize(("bounds", "name"), [
    ((0, 1, 5_000), "seatBond"), ((1, 0, 5_000), "leastBond"), ((1, 1, 4_999), "kappa"), ((1, 1, 50_001), "kappa")])
def test_bounds_have_bounds(w: HouseWorld, bounds: tuple[int, int, int], name: str) -> None:
    """R30: kappa at least a half."""
    with refused("BoundsOutside", name, dict(zip(("seatBond", "leastBond", "kappa"), bounds, strict=True))[name]):
        w.house("setBounds", bounds, sender=w.system.admin)
    with refused("BoundsOutside"):
        deploy_house(w, w.escrow.address, w.fund.address, w.quote.address, bounds=bounds)


def test_the_widest_bounds_are_taken(w: HouseWorld) -> None:
    for kappa in (5_000, 50_000):
        w.house("setBounds", (1, 1, kappa), sender=w.system.admin)
        assert w.house("bounds") == (1, 1, kappa)


@pytest.mark.parametrize("name", ["authority", "oracle", "escrow", "quote", "fund"])
def test_a_house_knows_whom_it_asks(w: HouseWorld, name: str) -> None:
    given = {"escrow": w.escrow.address, "fund": w.fund.address, "quote": w.quote.address} | {name: STRANGER}
    with refused("SettingMissing", name):
        deploy_house(w, given.pop("escrow"), given.pop("fund"), given.pop("quote"), **given)


@pytest.mark.parametrize(("place", "name", "least"), [(0, "blind", 120), (1, "disclosure", 1), (2, "commit", 1),
                                                      (3, "reveal", 1), (4, "award", 1)])
def test_no_stage_is_missing(w: HouseWorld, place: int, name: str, least: int) -> None:
    def times(seconds: int) -> tuple[int, ...]:
        return tuple(seconds if at == place else length for at, length in enumerate(TIMES))
    with refused("SettingMissing", name):
        deploy_house(w, w.escrow.address, w.fund.address, w.quote.address, times=times(least - 1))
    deploy_house(w, w.escrow.address, w.fund.address, w.quote.address, times=times(least))


def test_all_stages_together_are_at_most_forty_minutes(w: HouseWorld) -> None:
    assert w.house("longest") == 2_400 == sum(TIMES) + 60 + 240
    longer = (TIMES[0] + 1, *TIMES[1:])
    with refused("StagesTooLong", 2_401, 2_400):
        deploy_house(w, w.escrow.address, w.fund.address, w.quote.address, times=longer)


def test_a_seat_bond_that_rose_is_asked_of_the_next_bid(w: HouseWorld) -> None:
    lot = w.open()
    w.bid(lot, A, 0)
    w.house("raiseBounds", (MONEY + 1, LEAST_BOND, KAPPA), sender=w.system.risk)
    with refused("SeatBondShort", A.lower(), MONEY, MONEY + 1):
        w.bid(lot, A, 10_000 * USD)
    with refused("SeatBondShort", B.lower(), MONEY, MONEY + 1):
        w.bid(lot, B, 0)
