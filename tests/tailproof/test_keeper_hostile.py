"""What others can do to a keeper: a node that lies, strangers who make work for it, files and keys that fail it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from primitives.errors import BadInput
from tailproof.cli.keeper import health
from tailproof.keeper_duties import Revealing
from tailproof.keeper_steps import BookReceived, Clear, Entry, NoteDelivery, NoteSilence, Step
from tailproof.keeping import Budget, DutyStep, Keeper
from tailproof.liquidation_reading import Reader
from tailproof.liquidation_state import Now, Rules, State
from tailproof.sealed_bid import save_sealed_bid
from verifier_contracts import fees
from verifier_contracts.auction import SealedPrice, Times
from verifier_contracts.chain import Receipt
from verifier_contracts.errors import (
    AnswerRefused,
    GasAboveCap,
    NodeUnreachable,
    NonceTaken,
    Reverted,
    TransactionUndecided,
)

DAY, WHO = 86_400, "0x" + "12" * 20
STATE = State(Now(1, 1, 1), Rules(1, 1, 1, 1, 1, 1, 1, Times(1, 1, 1, 1, 1, 1), 1, 1))


class FakeChain:
    """A node's word for what a step needs and used, and whether it comes back at all."""

    highest_fee = 1

    def __init__(self) -> None:
        self.signed_gas, self.says, self.used, self.asked = 0, 50_000, 50_000, list[str]()
        self.fails: dict[str, Exception] = {}
        self.lost: Exception | None = None

    def clock(self) -> int:
        return 5 * DAY

    def estimate_gas(self, address: str, data: bytes, **_: Any) -> int:
        self.asked.append(address)
        if address in self.fails:
            raise self.fails[address]
        return self.says


class FakeContract:
    """Sends by a chain; `address` says of which step it is."""

    name = "AuctionHouse"

    def __init__(self, chain: FakeChain, address: str) -> None:
        from verifier_contracts.compiler import compile_contracts
        self.chain, self.address = chain, address
        self.artifact = compile_contracts()[{"house": "AuctionHouse", "fund": "InsuranceFund",
                                             "silence": "SilenceCalls"}[address]]

    def transact(self, function: str, *_: Any, most: int | None = None, **__: Any) -> Receipt:
        limit = fees.gas_limit(self.chain.says)
        if most is not None and limit > most:
            raise GasAboveCap("gas", limit, str(most))
        self.chain.signed_gas += limit
        if self.chain.lost is not None:
            raise self.chain.lost
        return Receipt("0x1", 1, self.chain.used, limit, None)


@dataclass
class FakeReader:
    chain: FakeChain
    state: State = STATE

    @property
    def site(self) -> Any:
        return SimpleNamespace(chain=self.chain, named=lambda name: FakeContract(self.chain, name))

    accounts: int = 0

    def read(self, between: Any = None) -> State:
        for _ in range(self.accounts):
            between()
        return self.state

    def read_lots(self) -> State:
        return self.state


@dataclass
class FakeDuty:
    """Does, or raises, what a test says."""

    steps: Sequence[DutyStep] = ()
    fails: Exception | None = None
    name: str = "deliver"

    def due(self, state: State) -> Sequence[DutyStep]:
        if self.fails is not None:
            raise self.fails
        return self.steps

    def troubles(self) -> Sequence[str]:
        return []


@dataclass
class Sent:
    """A step of a duty that notes that it was sent."""

    chain: FakeChain
    gas: int = 120_000
    raises: Exception | None = None
    count: int = 0
    said: list[str] = field(default_factory=list)

    def step(self, name: str = "reveal") -> DutyStep:
        def send(sender: str) -> Receipt:
            if self.raises is not None:
                raise self.raises
            self.count += 1
            self.chain.signed_gas += self.gas
            return Receipt("0x2", 1, 1, self.gas, None)
        return DutyStep(name, "lot 1", send, self.gas)


@pytest.fixture
def chain() -> FakeChain:
    return FakeChain()


def keeper(chain: FakeChain, steps: Sequence[Step], monkeypatch: pytest.MonkeyPatch, *, most: int = 10**6,
           duties: Sequence[Any] = ()) -> Keeper:
    from tailproof import keeping
    monkeypatch.setattr(keeping, "agenda", lambda state: [Entry(step) for step in steps])
    reader: Any = FakeReader(chain)
    return Keeper(reader, Budget(1, "0x" + "11" * 20, WHO, most), duties=duties)


def told(made: Keeper) -> list[tuple[str, str]]:
    return [(one.step, one.told) for one in made.round().done]


# -- a node that lies --------------------------------------------------------------------------------------------------
def test_what_a_transaction_used_is_the_nodes_word_and_frees_nothing(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says that nothing was used: the keeper would spend without end. What was signed for is what a day can cost."""
    made = keeper(chain, [Clear(1)], monkeypatch, most=10 * 51_000)
    chain.used = 0
    for _ in range(30):
        made.round()
    assert chain.signed_gas == made.budget.used == 10 * 51_000
    assert health(made, made.round(), 1)["most_wei"] == str(10 * 51_000)


def test_a_node_that_asks_for_more_when_it_comes_to_signing_gets_nothing(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keeper(chain, [Clear(1)], monkeypatch)
    estimate = chain.estimate_gas

    def low(address: str, data: bytes, **given: Any) -> int:
        chain.says = 50_000
        found = estimate(address, data, **given)
        chain.says = 400_000
        return found
    monkeypatch.setattr(chain, "estimate_gas", low)
    assert told(made) == [("clear", "too dear")]
    assert (chain.signed_gas, made.budget.used) == (0, 0)


@pytest.mark.parametrize("lost", [NonceTaken("0x1", WHO, 3, "taken"), TransactionUndecided("0x1", "no receipt")])
def test_what_was_signed_and_is_said_to_be_lost_stays_booked(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch, lost: Exception) -> None:
    """Whoever has the bytes can have them mined."""
    made, chain.lost = keeper(chain, [Clear(1)], monkeypatch), lost
    with pytest.raises(type(lost)):
        made.round()
    assert made.budget.used == 51_000


def test_what_the_node_refuses_to_answer_of_one_step_keeps_no_other_from_being_done(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    made = keeper(chain, [Clear(1), NoteSilence(WHO)], monkeypatch)
    chain.fails["house"] = AnswerRefused("http://node", {"message": "gas required exceeds allowance"})
    found = made.round()
    assert [(one.step, one.told, one.refused) for one in found.done] == [
        ("clear", "failed", "AnswerRefused"), ("note-silence", "done", None)]
    assert not health(made, found, 1)["healthy"]
    chain.fails["house"] = NodeUnreachable("http://node", "no answer")
    with pytest.raises(NodeUnreachable):
        made.round()
    chain.fails["house"] = Reverted(b"", "OutOfGas")
    assert told(made)[0] == ("clear", "refused")


# -- strangers ---------------------------------------------------------------------------------------------------------
def test_dust_for_the_fund_does_not_leave_a_keeper_without_gas_to_reveal(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rival sends the fund one unit after the other: each is to be booked. Half of the day's gas is not for that."""
    reveal = Sent(chain)
    made = keeper(chain, [BookReceived()], monkeypatch, most=10**6)
    for _ in range(40):
        made.round()
    assert told(made) == [("book", "unaffordable")]
    assert made.budget.used <= 500_000
    made.duties = [FakeDuty([reveal.step()])]
    assert told(made) == [("reveal", "done"), ("book", "unaffordable")]
    made.duties = ()
    monkeypatch.setattr("tailproof.keeping.agenda", lambda state: [Entry(NoteDelivery(1))])
    assert told(made) == [("note-delivery", "done")], "what has a last moment has all of it"


def test_thousands_that_fall_silent_leave_gas_to_reveal(chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    reveal = Sent(chain)
    made = keeper(chain, [NoteSilence(WHO)], monkeypatch, most=10**6, duties=[FakeDuty()])
    for _ in range(40):
        made.round()
    assert made.budget.used <= 750_000
    made.duties = [FakeDuty([reveal.step()])]
    assert told(made) == [("reveal", "done"), ("note-silence", "unaffordable")]
    made.duties = ()
    assert told(made) == [("note-silence", "done")], "who has no duties has all of it"


def test_duties_do_not_wait_for_thousands_of_accounts_to_be_read(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reading that takes ten minutes is twice as long as a price can be revealed."""
    clock = [0.0]

    def monotonic() -> float:
        clock[0] += 1.0
        return clock[0]
    reveal = Sent(chain)
    made = keeper(chain, [], monkeypatch, most=10**9, duties=[FakeDuty([reveal.step()])])
    made.reader.accounts = 600  # type: ignore[attr-defined]
    monkeypatch.setattr("tailproof.keeping.time", SimpleNamespace(monotonic=monotonic, sleep=None))
    made.round()
    assert 8 <= reveal.count <= 12


# -- duties ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("error", [BadInput("--key", "secret value", "the key in force"),
                                   AnswerRefused("http://node", {"message": "too many blocks"})])
@pytest.mark.parametrize("when", ["due", "sent"])
def test_a_duty_that_fails_keeps_no_other_from_being_done(
        chain: FakeChain, monkeypatch: pytest.MonkeyPatch, error: Exception, when: str) -> None:
    """A key that was rotated while a bid is to be revealed."""
    reveal, bad = Sent(chain), Sent(chain, raises=error)
    first = FakeDuty(fails=error) if when == "due" else FakeDuty([bad.step("deliver")])
    made = keeper(chain, [Clear(1)], monkeypatch, duties=[first, FakeDuty([reveal.step()], name="reveal")])
    found = made.round()
    assert [(one.step, one.told) for one in found.done] == [("deliver", "failed"), ("reveal", "done"),
                                                            ("clear", "done")]
    assert "secret value" not in str([one.to_json() for one in found.done])
    assert not health(made, found, 1)["healthy"]
    assert made.budget.used == chain.signed_gas == 120_000 + 51_000


def bid(lot: int = 1) -> SealedPrice:
    return SealedPrice(1, "0x" + "11" * 20, lot, b"\1" * 32, WHO, 5_000, b"\2" * 32)


def test_a_bid_that_cannot_be_read_is_told_and_one_of_any_name_is_found(tmp_path: Path) -> None:
    """An unrevealed price costs its bond: no file is passed by in silence."""
    save_sealed_bid(bid(), tmp_path / "bid-of-monday")
    (tmp_path / "bid-of-monday").chmod(0o600)
    save_sealed_bid(bid(2), tmp_path / "open.json")
    (tmp_path / "open.json").chmod(0o644)
    (tmp_path / "torn.json").write_text('{"price": "77"')
    site: Any = SimpleNamespace(chain=SimpleNamespace(chain_id=1), house=SimpleNamespace(address="0x" + "11" * 20))
    made = Revealing(site, tmp_path)
    assert [one.lot_id for one in made._bids()] == [1]
    first, second = made.troubles()
    assert first.startswith("open.json")
    assert "0600" in first
    assert second.startswith("torn.json")
    assert "5000" not in first + second
    assert "77" not in first + second
    (tmp_path / "open.json").chmod(0o600)
    (tmp_path / "torn.json").unlink()
    assert [one.lot_id for one in made._bids()] == [1, 2]
    assert made.troubles() == []
    made = Revealing(site, tmp_path / "gone")
    assert made._bids() == []
    assert made.troubles()


# -- two keepers -------------------------------------------------------------------------------------------------------
def test_two_keepers_do_not_write_one_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each would know only what it had spent itself."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "journal.json"
    one, other = (Budget(1, "0x" + "11" * 20, WHO, 100, path) for _ in range(2))
    with one.held():
        one.book(5, 60)
        with pytest.raises(BadInput, match="no other keeper"), other.held():
            pass
        (tmp_path / "link.json").symlink_to(path)
        other.path = tmp_path / "link.json"
        with pytest.raises(BadInput, match="no other keeper"), other.held():
            pass
    other.path = path
    with other.held():
        assert other.room(5) == 40
    with Budget(1, "0x" + "11" * 20, WHO, 100).held():
        pass


# -- reading -----------------------------------------------------------------------------------------------------------
def test_pools_that_were_never_charged_are_not_asked_about() -> None:
    """There is another for each venue and epoch: after a year a round would take an hour."""
    asked = []

    def pool_of(number: int) -> Any:
        asked.append(number)
        return SimpleNamespace(paid=-1, closes_at=9)
    site: Any = SimpleNamespace(
        fund=SimpleNamespace(read=lambda name: 0, address="fund"), coin=SimpleNamespace(balance_of=lambda who: 0),
        allocator=SimpleNamespace(pool_of=pool_of, pool_count=lambda: 1 << 40),
        house=SimpleNamespace(stake_of=lambda who: SimpleNamespace(free=0)))
    reader = Reader(site)
    for number in (7, 3, 7):
        reader._take(SimpleNamespace(name="PoolCharged", arguments={"pool": number}))          # type: ignore[arg-type]
    assert reader._money().dust == {7: 9, 3: 9}
    assert asked == [7, 3]
