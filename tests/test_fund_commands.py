"""`tailproof fund` on a system as it is deployed, with a fund and an allocator beside it."""

from __future__ import annotations

from typing import Any

import pytest
from ledger_world import send_contract
from mocks import compiled
from real_system import RealSystem, key_of_sender

from verifier_contracts.fund import EXIT_WINDOW, SHARED, InsuranceFund, LossAllocator
from verifier_contracts.governance import Role

DAY = 86_400
NOTICE = 7 * DAY


def decide(real: RealSystem, target: Any, function: str, *arguments: Any) -> None:
    """What the admin decides, once its delay is over."""
    for _ in range(2):
        real.at.authority.perform(target, function, *arguments, sender=real.world.admin)
        real.world.later(real.world.config.delays.admin)


@pytest.fixture
def watch(real: RealSystem) -> Any:
    """A fund of caps 500, 800, 900 and an allocator, installed; and who counts open losses."""
    authority, settlement = real.at.authority, real.at.settlement
    fund = send_contract(real.chain, "InsuranceFund", [authority.address, settlement.address, 5_000, (500, 800, 900)])
    allocator = send_contract(real.chain, "LossAllocator",
                              [authority.address, settlement.address, fund.address, 4_000])
    artifact = compiled("VaultWatch")["MockWatch"]
    created = real.chain.send(None, artifact.creation)

    class Watch(type(fund)):  # type: ignore[misc]
        @property
        def artifact(self) -> Any:
            return artifact

    counting = Watch(real.chain, created.contract, "MockWatch")
    decide(real, InsuranceFund(real.chain, fund.address), "install", counting.address, allocator.address)
    decide(real, real.at.vault, "installAllocator", allocator.address)
    return counting


def fund_at(real: RealSystem) -> InsuranceFund:
    return InsuranceFund(real.chain, LossAllocator(real.chain, real.at.vault.read("allocator")).fund())


def test_a_vault_without_a_fund_says_so(real: RealSystem) -> None:
    assert real("fund", "show", sends=False, code=2)["field"] == "--deployment"


def test_back_show_give_notice_and_leave(real: RealSystem, watch: Any) -> None:
    me, coin = real.trader.address, real.mint(1_000)
    assert real("fund", "back", "--amount", 1_001, code=2)["field"] == "--amount"
    backed = real("fund", "back", "--amount", 600)
    assert (backed["tranche"], backed["shares"], backed["worth"]) == (SHARED, str(600 * 10**6), "600")
    assert coin.balance_of(me) == 400
    assert coin.allowance(me, fund_at(real).address) == 0
    assert real("fund", "back", "--amount", 100, "--tranche", me, code=1)["error"] == "NotAVenue"
    assert coin.allowance(me, fund_at(real).address) == 0
    real("fund", "back", "--amount", 100, "--tranche", real.venue.address)
    shown = real("fund", "show", "--backer", me, sends=False)
    assert [(one["tranche"], one["assets"]) for one in shown["tranches"]] == [
        (SHARED, "600"), (real.venue.address, "100")]
    assert [one["worth"] for one in shown["positions"]] == ["600", "100"]
    assert (shown["deficit"], shown["open_losses"], shown["caps"]) == (
        "0", 0, {"account": "500", "epoch": "800", "day": "900"})

    assert real("fund", "exit", "--shares", 10**12, code=2)["field"] == "--shares"
    noticed = real("fund", "exit", "--shares", 200 * 10**6)
    assert (noticed["shares"], noticed["paid"]) == (str(200 * 10**6), None)
    waits = real("fund", "exit", code=1)
    assert (waits["transaction"], waits["leaves_at"]) == (None, noticed["leaves_at"])
    real.world.later(NOTICE + 1)
    watch.transact("set", 1)
    assert real("fund", "exit", code=1)["refused"] == "LossesOpen"
    watch.transact("set", 0)
    assert (real("fund", "exit")["paid"], coin.balance_of(me)) == ("200", 500)
    assert real("fund", "exit", by=key_of_sender(8), code=2)["field"] == "--tranche"

    again = real("fund", "exit")                       # all that is left
    assert again["shares"] == str(400 * 10**6)
    real.world.later(NOTICE + EXIT_WINDOW + 1)
    late = real("fund", "exit")                        # the notice has lapsed: another one
    assert late["paid"] is None
    assert late["leaves_at"] > again["leaves_at"]


def test_a_deficit_is_shown_by_exit_code(real: RealSystem, watch: Any) -> None:
    fund = fund_at(real)
    authority = real.at.authority
    decide(real, authority, "grantRole", Role.COORDINATOR, real.world.challenger, 0)
    decide(real, authority, "setTargetFunctionRole", fund.address, [bytes.fromhex(_selector(fund, "cover"))],
           int(Role.COORDINATOR))
    real.mint(1_000)
    real("fund", "back", "--amount", 900)
    fund.transact("cover", b"\x01" * 32, real.venue.address, real.trader.address, 1, 70,
                  sender=real.world.challenger)
    shown = real("fund", "show", sends=False, code=1)
    assert shown["deficit"] == "70"
    assert fund.deficit_of(b"\x01" * 32).venue == real.venue.address


def _selector(fund: InsuranceFund, function: str) -> str:
    from verifier_contracts.role_table import selector
    return selector(fund.artifact, function).hex()
