"""What the crash day starts from, and what its checks catch. The day itself is `make crash`; no test plays it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from tailproof.crash.books import HOLDERS, Answer
from tailproof.crash.day import Entry, Kind
from tailproof.crash.learned import Knowledge
from tailproof.crash.market import FALL, sources
from tailproof.crash.money import Money, MoneyLost
from tailproof.crash.picture import CALLED, COVERED, LOT, states
from tailproof.crash.replay import Differs, Replayed, Sent, _compared, anvil, recorded, replay
from tailproof.crash.run import PROMISED, fate, missing, too_curious, unequal_losses
from verifier_contracts.abi import encode_deployment
from verifier_contracts.answers import Log
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.system import Named


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


SOMEBODY = "0x" + "ab" * 20


def _money(**wrong: int) -> Money:
    """A vault with 70 for an account, a settlement with 20 of a venue's, 10 in a purse."""
    has = {"vault": 70, "settlement": 20, "house": 0, "fund": 0, "allocator": 0, "coordinator": 0, "somebody": 10}
    says = {"balance": 70, "held": 70, "clearing": 15, "bond": 5, "settled": 20, "house": 0, "fund": 0} | wrong
    has |= {name: amount for name, amount in wrong.items() if name in ("somebody", "coordinator")}
    has[SOMEBODY] = has.pop("somebody")
    coin = SimpleNamespace(address="coin", balance_of=lambda who: has[who], has=has)
    vault = SimpleNamespace(
        address="vault", balance_of=lambda who, token: says["balance"], owed=lambda who, token: 0,
        asset_of=lambda token: SimpleNamespace(held=says["held"]), queued_at=lambda claim: 0)
    settlement = _Contract("settlement", clearingOf=(says["clearing"],), bondOf=(says["bond"],), held=says["settled"])
    chain = SimpleNamespace(block_number=lambda: 7, logs=lambda *asked: (), now=lambda: 70, send=lambda: "sent")
    at = SimpleNamespace(chain=chain, vault=vault, settlement=settlement)
    contracts = {"vault": vault, "settlement": settlement, "house": _Contract("house", held=says["house"]),
                 "fund": _Contract("fund", held=says["fund"]), "coordinator": _Contract("coordinator"),
                 "allocator": _Contract("allocator", poolCount=0)}
    return Money(at, coin, coin, contracts, [SOMEBODY], ["account"], ["venue"], "minter", minted=100)  # type: ignore[arg-type]


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


@pytest.mark.parametrize("named", [True, False])
def test_who_is_named_is_asked_in_that_block_and_everybody_with_each_epoch(named: bool) -> None:
    money = _money()
    money.follow()
    chain, word = money.at.chain, bytes(12) + bytes.fromhex(SOMEBODY[2:])
    log = Log("coin", (bytes(32),), word if named else bytes(32), 8, "", "", 0)
    chain.block_number, chain.logs = (lambda: 8), (lambda *asked: (log,))  # type: ignore[method-assign]
    money.coin.has[SOMEBODY] = 9  # type: ignore[attr-defined]
    if named:
        with pytest.raises(MoneyLost, match="block 8: all tokens"):
            chain.send()  # type: ignore[call-arg]
    else:
        assert chain.send() == "sent"  # type: ignore[call-arg, comparison-overlap]
        with pytest.raises(MoneyLost, match="block 8: all tokens"):
            money.audit_all()


ENTRIES = [Entry(number, kind, who, f"so {what} so") for number, (who, kind, what) in enumerate(PROMISED)]
EVERYBODY = {who for who, _, _ in PROMISED}


def test_all_that_was_promised_is_looked_for() -> None:
    assert {who for who, kind, _ in PROMISED if kind not in (Kind.LIE, Kind.MARKET)} <= {one.name for one in HOLDERS}
    assert missing(ENTRIES, EVERYBODY) == []
    for number in range(len(ENTRIES)):
        (told,) = missing(ENTRIES[:number] + ENTRIES[number + 1:], EVERYBODY)
        assert told == f"never seen: {PROMISED[number][0]}: {PROMISED[number][2]}"
    assert missing([], {"saver 1"}) == ["never seen: saver 1: is paid"]


def test_a_loss_is_borne_to_the_unit() -> None:
    sale = Entry(1, Kind.SALE, "x", "sold to bidder 3", -10)
    borne = [Entry(1, Kind.LOSS, "x", what, amount) for what, amount in (
        ("the fund pays", 5), ("gains are cut", 3), ("stands as a deficit", 2))]
    assert unequal_losses([sale, *borne]) == []
    assert unequal_losses([sale, *borne[:2]]) == ["x: 10 was to be borne, 8 was"]
    assert fate([sale, *borne]).startswith("sold to bidder 3 for -0: the fund pays 0, gains are cut 0")


@pytest.mark.parametrize(("who", "books", "own", "told"), [
    ("5 of the committee", "a", 0, "five of the committee read a book"), ("6 of the committee", "ab", 0, None),
    ("bidder 1", "a", 0, None), ("bidder 1", "b", 0, "bidder 1 read b, which was no lot"),
    ("the fund's agent", "b", 0, "the fund's agent read b, which was no lot"),
    ("a", "a", 1, None), ("a", "ab", 1, "a read 2 books, of which 1 are his"),
    ("venue 1", "ab", 1, "venue 1 read 2 books, of which 1 are his")])
def test_who_reads_too_much_is_told(who: str, books: str, own: int, told: str | None) -> None:
    assert too_curious([Knowledge(who, tuple(books), own)], {"a"}) == ([] if told is None else [told])


def test_an_accounts_day_is_drawn_from_cover_to_its_end() -> None:
    told = [(10, Kind.CALL, "called"), (20, Kind.CURE, "tops up"), (30, Kind.CALL, "called"),
            (50, Kind.LOT, "lot 1 is open"), (60, Kind.LOT, "the lot has failed"), (70, Kind.LOT, "lot 2 is open"),
            (80, Kind.SALE, "sold to bidder 1")]
    mine = [Entry(minute, kind, "x", what) for minute, kind, what in told]
    assert states(mine, 100) == [(COVERED, 0, 10), (CALLED, 10, 20), (COVERED, 20, 30), (CALLED, 30, 50), (LOT, 50, 60),
                                 (CALLED, 60, 70), (LOT, 70, 80)]
    assert states([], 100) == [(COVERED, 0, 100)]


SENT = Sent(5, 1, 7, "0x1", "0x2", "0x", 0, 100, 50, True, (("0x2", ("0xaa",), "0x01"),))


def test_chains_that_agree_agree() -> None:
    _compared(0, SENT, (50, True, SENT.logs))


@pytest.mark.parametrize("found", [(51, True, SENT.logs), (50, False, SENT.logs), (50, True, ()),
                                   (50, True, (("0x2", ("0xaa",), "0x02"),))])
def test_a_difference_between_chains_is_told(found: Any) -> None:
    with pytest.raises(Differs, match="transaction 0 at 5"):
        _compared(0, replace(SENT), found)


def test_a_day_is_the_same_on_anvil_but_for_what_was_changed() -> None:
    chain = Chain.embedded(senders=12)
    made = chain.send(None, encode_deployment(compile_contracts()["TrialToken"], []), sender=chain.senders[11])
    assert made.contract is not None
    coin = Named(chain, made.contract, "TrialToken")
    coin.transact("mint", chain.senders[1], 1_000, sender=chain.senders[10])
    dear = chain.now() + 600
    chain.travel_to(dear)
    coin.transact("transfer", chain.senders[2], 7, sender=chain.senders[1])
    sent = list(recorded(chain))
    assert len(sent) == 3

    def again(sent: list[Sent]) -> Replayed:
        with anvil(chain.chain_id, sent[0].time - sent[0].block) as url:
            if url is None:
                pytest.skip("anvil is not installed on this platform")
            return replay(url, sent, spike=lambda second: second >= dear)
    found = again(sent)
    assert (found.transactions, found.spiked) == (3, 1)
    assert found.refused.startswith("FeeAboveCap")
    with pytest.raises(Differs, match="transaction 1"):
        again([sent[0], replace(sent[1], data=sent[1].data[:-2] + "01"), sent[2]])
