"""What the crash day starts from, and what its checks catch. The day itself is `make crash`; no test plays it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tailproof.crash.books import HOLDERS, Answer
from tailproof.crash.market import FALL, sources
from tailproof.crash.money import Money, MoneyLost
from tailproof.crash.replay import Differs, Sent, _compared


def test_there_are_thirty_accounts_with_the_fixtures_books_and_some_of_each_kind() -> None:
    assert len(HOLDERS) >= 30
    assert len({one.name for one in HOLDERS}) == len(HOLDERS)
    assert {one.venue for one in HOLDERS} == {0, 1}
    assert {one.answer for one in HOLDERS} == set(Answer)
    assert any(one.book in ("leveraged long", "straddle") for one in HOLDERS)


def test_the_market_falls_by_two_fifths_and_jumps_on_the_way() -> None:
    assert FALL[-1].fall == Decimal("0.40")
    assert [one.jumped for one in FALL] == sorted(one.jumped for one in FALL)
    calm, jumped = (sources(one).model for one in (FALL[0], FALL[-1]))
    assert calm != jumped
    assert b"0.97" in jumped
    assert sources(FALL[0]).book != sources(FALL[1]).book


class _Contract:
    """Says what it is told to say."""

    def __init__(self, address: str, **said: Any) -> None:
        self.address, self.said = address, said

    def read(self, function: str, *arguments: Any) -> Any:
        found = self.said[function]
        return found(*arguments) if callable(found) else found


def _money(**wrong: int) -> Money:
    """A vault with 70 for an account, a settlement with 20 of a venue's, 10 in a purse."""
    has = {"vault": 70, "settlement": 20, "house": 0, "fund": 0, "allocator": 0, "coordinator": 0, "somebody": 10}
    says = {"balance": 70, "held": 70, "clearing": 15, "bond": 5, "settled": 20, "house": 0, "fund": 0} | wrong
    has |= {name: amount for name, amount in wrong.items() if name in ("somebody", "coordinator")}
    coin = SimpleNamespace(address="coin", balance_of=lambda who: has[who])
    vault = SimpleNamespace(
        address="vault", balance_of=lambda who, token: says["balance"], owed=lambda who, token: 0,
        asset_of=lambda token: SimpleNamespace(held=says["held"]), queued_at=lambda claim: 0)
    settlement = _Contract("settlement", clearingOf=(says["clearing"],), bondOf=(says["bond"],), held=says["settled"])
    chain = SimpleNamespace(block_number=lambda: 7, logs=lambda *asked: (), now=lambda: 70)
    at = SimpleNamespace(chain=chain, vault=vault, settlement=settlement)
    contracts = {"vault": vault, "settlement": settlement, "house": _Contract("house", held=says["house"]),
                 "fund": _Contract("fund", held=says["fund"]), "coordinator": _Contract("coordinator"),
                 "allocator": _Contract("allocator", poolCount=0)}
    return Money(at, coin, coin, contracts, ["somebody"], ["account"], ["venue"], "minter", minted=100)  # type: ignore[arg-type]


def test_money_that_is_where_the_books_say_is_found() -> None:
    money = _money()
    money.audit()
    assert money.history[-1].holders["vault"] == 70


@pytest.mark.parametrize(("wrong", "what"), [
    ({"somebody": 11}, "all tokens"), ({"somebody": 9}, "all tokens"), ({"balance": 69}, "the vault's accounts"),
    ({"held": 71}, "the vault's books"), ({"bond": 6}, "clearing accounts and bonds"),
    ({"settled": 19}, "the settlement's books"), ({"house": 1}, "the house's books"), ({"fund": 1}, "the fund's books"),
    ({"coordinator": 1, "somebody": 9}, "the coordinator's tokens")])
def test_a_unit_too_many_or_too_few_is_noticed_in_its_block(wrong: dict[str, int], what: str) -> None:
    with pytest.raises(MoneyLost, match=f"block 7: {what}"):
        _money(**wrong).audit()


SENT = Sent(5, "0x1", "0x2", "0x", 0, 100, 50, True, (("0x2", ("0xaa",), "0x01"),))


def test_chains_that_agree_agree() -> None:
    _compared(0, SENT, (50, True, SENT.logs))


@pytest.mark.parametrize("found", [(51, True, SENT.logs), (50, False, SENT.logs), (50, True, ()),
                                   (50, True, (("0x2", ("0xaa",), "0x02"),))])
def test_a_difference_between_chains_is_told(found: Any) -> None:
    with pytest.raises(Differs, match="transaction 0 at 5"):
        _compared(0, replace(SENT), found)
