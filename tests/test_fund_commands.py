"""`tailproof fund` on a system as it is deployed."""

from __future__ import annotations

from typing import Any

import pytest
from real_system import RealSystem, key_of_sender

from primitives.errors import BadInput
from verifier_contracts.bindings import ZERO_ADDRESS
from verifier_contracts.fund import EXIT_WINDOW, SHARED, InsuranceFund, fund_of
from verifier_contracts.governance import Role

DAY = 86_400
NOTICE = 7 * DAY


def decide(real: RealSystem, target: Any, function: str, *arguments: Any) -> None:
    """What the admin decides, once its delay is over."""
    for _ in range(2):
        real.at.authority.perform(target, function, *arguments, sender=real.world.admin)
        real.world.later(real.world.config.delays.admin)


@pytest.fixture
def fund(real: RealSystem) -> InsuranceFund:
    """The one that was deployed; the challenger may show it losses, as only the coordinator may."""
    decide(real, real.at.authority, "grantRole", Role.COORDINATOR, real.world.challenger, 0)
    return InsuranceFund(real.chain, real.system.contracts["fund"])


def lose(real: RealSystem, fund: InsuranceFund, loss: int, amount: int) -> None:
    """At a venue that stands for nothing: all of it is a deficit."""
    fund.transact("cover", loss.to_bytes(32, "big"), real.world.other_venue, real.trader.address, 1, amount,
                  sender=real.world.challenger)


def test_a_vault_without_a_fund_says_so() -> None:
    class Vault:
        allocator = staticmethod(lambda: ZERO_ADDRESS)
        address = "0x" + "11" * 20

        def read(self, function: str) -> str:
            return ZERO_ADDRESS
    with pytest.raises(BadInput) as caught:
        fund_of(Vault())  # type: ignore[arg-type]
    assert caught.value.field == "--deployment"


def test_back_show_give_notice_and_leave(real: RealSystem, fund: InsuranceFund) -> None:
    me, coin = real.trader.address, real.mint(1_000)
    assert real("fund", "back", "--amount", 1_001, code=2)["field"] == "--amount"
    backed = real("fund", "back", "--amount", 600)
    assert (backed["tranche"], backed["shares"], backed["worth"]) == (SHARED, str(600 * 10**6), "600")
    assert coin.balance_of(me) == 400
    assert coin.allowance(me, fund.address) == 0
    assert real("fund", "back", "--amount", 100, "--tranche", me, code=1)["error"] == "NotAVenue"
    assert coin.allowance(me, fund.address) == 0
    real("fund", "back", "--amount", 100, "--tranche", real.venue.address)
    shown = real("fund", "show", "--backer", me, sends=False)
    assert [(one["tranche"], one["assets"]) for one in shown["tranches"]] == [
        (SHARED, "600"), (real.venue.address, "100")]
    assert [one["worth"] for one in shown["positions"]] == ["600", "100"]
    assert (shown["deficit"], shown["open_losses"], shown["caps"]) == (
        "0", 0, {"account": "30000000", "epoch": "40000000", "day": "50000000"})

    assert real("fund", "exit", "--shares", 10**12, code=2)["field"] == "--shares"
    noticed = real("fund", "exit", "--shares", 200 * 10**6)
    assert (noticed["shares"], noticed["paid"]) == (str(200 * 10**6), None)
    waits = real("fund", "exit", code=1)
    assert (waits["transaction"], waits["leaves_at"]) == (None, noticed["leaves_at"])
    real.world.later(NOTICE + 1)
    lose(real, fund, 1, 70)
    assert real("fund", "exit", code=1)["refused"] == "DeficitStands"
    real.world.coin.transact("mint", real.world.challenger, 70)
    coin.approve(fund.address, 70, sender=real.world.challenger)
    fund.transact("payFees", 70, sender=real.world.challenger)
    assert (real("fund", "exit")["paid"], coin.balance_of(me)) == ("200", 500)
    assert real("fund", "exit", by=key_of_sender(8), code=2)["field"] == "--tranche"

    again = real("fund", "exit")                       # all that is left
    assert again["shares"] == str(400 * 10**6)
    real.world.later(NOTICE + EXIT_WINDOW + 1)
    late = real("fund", "exit")                        # the notice has lapsed: another one
    assert late["paid"] is None
    assert late["leaves_at"] > again["leaves_at"]


def test_a_deficit_is_shown_by_exit_code(real: RealSystem, fund: InsuranceFund) -> None:
    real.mint(1_000)
    real("fund", "back", "--amount", 900)
    lose(real, fund, 1, 70)
    shown = real("fund", "show", sends=False, code=1)
    assert shown["deficit"] == "70"
    assert fund.deficit_of((1).to_bytes(32, "big")).venue == real.world.other_venue
