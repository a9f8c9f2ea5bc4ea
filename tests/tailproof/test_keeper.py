"""The keeper in a system as it is deployed: from silence to a lot, its failure, the next lot, its lock and its end.

Bidder and venue are the test's; everything that anyone may do is the keepers'. One is killed and begins again after
every transaction, another acts on a state that the first has changed already.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from ledger_world import MINUTE
from lot_world import FALLEN, LotWorld, build_lots
from system_world import LIQUIDATORS, build_system
from world import started

from primitives.errors import BadInput
from tailproof.cli.node import Endpoint
from tailproof.keeper_duties import Revealing
from tailproof.keeper_steps import NAMES
from tailproof.keeping import Budget, Done, Keeper, keeping, read_journal
from tailproof.liquidation_reading import FactorBook, Reader, open_site
from tailproof.sealed_bid import save_sealed_bid
from verifier_contracts.auction import Stage
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.errors import NodeBusy
from verifier_contracts.liquidation import LotState
from verifier_contracts.system import System

GAS = 10**9


@dataclass
class Site:
    """A failing account, two keepers' journals and folders, and what they did."""

    lots: LotWorld
    folder: Path
    run: Callable[..., Any]
    done: list[str] = field(default_factory=list)
    late: list[Done] = field(default_factory=list)

    @property
    def system(self) -> System:
        return self.lots.w.system

    def reader(self) -> Reader:
        site = open_site(self.system, self.lots.w.at)
        return Reader(site, FactorBook())

    def keeper(self, sender: str, journal: str = "journal.json", **settings: Any) -> Keeper:
        """A fresh one, as after a kill: it has the chain and its journal."""
        reader = self.reader()
        budget = Budget(self.lots.w.chain.chain_id, reader.site.coordinator.address, sender,
                        settings.pop("gas", GAS), self.folder / journal)
        budget.load()
        bids = self.folder / "bids"
        bids.mkdir(exist_ok=True)
        return Keeper(reader, budget, duties=[Revealing(reader.site, bids)], **settings)

    def keep(self) -> int:
        """Rounds until nothing is due: the first keeper dies after each transaction; then the second does what it would
        have done before all that. Returns the seconds until the next step, as the first says."""
        seen, before = None, len(self.done)
        while True:
            sent: list[Done] = []
            one = self.keeper(self.lots.w.relayer, stopped=lambda sent=sent: bool(sent))  # type: ignore[misc]
            attempt = one._attempt

            def counted(*arguments: Any, attempt: Any = attempt, sent: list[Done] = sent) -> Done:
                found: Done = attempt(*arguments)
                if found.told == "done":
                    sent.append(found)
                return found

            one._attempt = counted  # type: ignore[method-assign]
            found = one.round()
            seen = seen or found.state
            self.done += [done.step for done in sent]
            if not sent:
                break
        if len(self.done) > before:
            other = self.keeper(self.lots.w.stranger, "other.json")
            other.reader.read = lambda *_: seen  # type: ignore[method-assign]
            self.late += other.round().done
        coming = found.next()
        return 5 * MINUTE if coming is None else max(1, found.state.now.left(coming[1]))

    def until(self, name: str) -> None:
        """Until a step was done: from one moment to the next."""
        before, left = self.done.count(name), self.keep()
        for _ in range(40):
            if self.done.count(name) > before:
                return
            self.lots.run(min(left, 30 * MINUTE))
            left = self.keep()
        raise AssertionError(f"{name} never came: {self.done}")


@pytest.fixture(scope="module")
def site(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("keeper")
    with started() as chain:
        lots = build_lots(build_system(chain))
        lots.w.system.save(folder / "deployment.json")
        yield Site(lots, folder, run)


@pytest.fixture
def kept(site: Site) -> Iterator[Site]:
    from lot_world import kept as undoing
    undone = undoing(site.lots)
    next(undone)
    site.done, site.late = [], []
    for path in (*site.folder.glob("*.json"), *site.folder.glob("bids/*")):
        if path.name != "deployment.json":
            path.unlink()
    yield site
    next(undone, None)


def test_keepers_carry_an_account_from_silence_to_the_end(kept: Site) -> None:
    s, lots = kept, kept.lots
    lots.root += 1                                         # it falls alone: prices that fall so fast trip the breaker
    lots.margins[lots.commitment(lots.owner)] = FALLEN
    lots.run(5 * MINUTE)
    s.until("open-lot")
    assert s.done[:1] == ["note-silence"]
    assert [name for name in s.done if name in ("note-silence", "call-silent", "pass-to-venue", "open-lot")] == [
        "note-silence", "call-silent", "pass-to-venue", "open-lot"]
    assert lots.coordinator.read("lots") == 1

    # The first lot: a bidder commits by a file, the venue delivers; nobody carries it.
    bidder, lot = LIQUIDATORS[0], 1
    least = s.reader().site.house.lot_of(lot).step         # without M the fund stands for nothing
    lots.bid(lot, bidder, least)
    lots.to_stage(lot, Stage.DISCLOSURE)
    s.keep()
    assert s.done[-1] == "order"
    by = lots.by
    lots.by = lambda name, *rest, **given: None if name == "noteDelivery" else by(name, *rest, **given)  # type: ignore[method-assign]
    lots.deliver(lot)
    del lots.by  # type: ignore[attr-defined]
    s.keep()
    assert s.done[-1] == "note-delivery"
    lots.to_stage(lot, Stage.COMMIT)
    lots.commit(lot, bidder, 2 * least)
    save_sealed_bid(lots.sealed(lot, bidder, 2 * least), s.folder / "bids" / "bid.json")
    (s.folder / "bids" / "none.json").write_text("{}")
    lots.show(lot)
    lots.to_stage(lot, Stage.REVEAL)
    s.keep()
    assert "reveal" in s.done
    s.until("clear")
    assert lots.house.read("winnerOf", lot) == (bidder.address.lower(), 2 * least)
    s.until("fail-lot")
    assert s.done.count("pass-over") == 2, "the bidder, and the fund"
    assert lots.state(lot) == LotState.FAILED
    assert {"pay-fund", "book"} <= set(s.done)
    assert lots.house.read("stakeOf", lots.fund.address)[0] == 0

    # The second wants a shortfall and M, which no keeper has; and then everybody is silent.
    lots.run(5 * MINUTE)
    lots.by("show", "closes", "showShortfall", lots.owner, lots.short(lots.owner))
    s.keep()
    assert lots.coordinator.read("lots") == 1
    assert s.done.count("open-lot") == 1
    told = command(s, "liquidation", "open-lot", "--account", lots.owner, "--epoch", "nowhere", by=lots.w.relayer,
                   code=2)
    assert told["field"] == "--margin-key and --key"
    assert lots.open(s=lots.short(lots.owner)) == 2
    s.keep()
    s.until("breach")
    assert lots.desk.read("breachedAt", lots.w.venue) != 0
    s.until("order-public")
    s.until("fail-lot")
    assert lots.state(2) == LotState.STUCK
    lots.by("show again", "closes", "showShortfall", lots.owner, lots.short(lots.owner))
    s.keep()
    assert lots.state(2) == LotState.RELEASED
    assert "revive" in s.done
    assert s.done.count("note-loss") <= 2, "what the coordinator knows is not noted again"

    # Whoever came late did no harm, and was told by name who was first.
    assert {one.told for one in s.late} <= {"refused", "done"}
    refused = {one.refused for one in s.late if one.told == "refused"}
    assert {"AlreadyNoted", "AlreadyOrdered", "WrongState"} & refused
    for name in ("order", "breach", "open-lot"):           # a second order to everybody orders what was ordered
        assert [one for one in s.late if one.step == name and one.told == "done"] == []
    spent = read_journal(s.folder / "journal.json")
    assert 0 < spent["used"] < GAS


def test_a_plan_says_what_comes_and_sends_nothing(kept: Site) -> None:

    found = command(kept, "keeper", "plan", code=0)
    assert found["due"] == []
    (ahead,) = (one for one in found["ahead"] if one["subject"] == f"account {kept.lots.owner}")
    assert (ahead["step"], ahead["due"]) == ("note-silence", False)
    assert {one["clock"] for one in ahead["moments"]} == {"live", "wall"}
    kept.lots.run(62 * MINUTE)
    due = command(kept, "keeper", "plan", code=1)["due"]
    assert {"step": "note-silence", "subject": f"account {kept.lots.owner}"} in due
    assert command(kept, "keeper", "plan", "--without", "note-silence", code=0)["excluded"]
    told = command(kept, "liquidation", "status", "--account", kept.lots.owner, code=0)
    assert (told["stage"], told["may"][-1]) == ("uncovered", "anyone: note-silence")



def test_a_round_by_the_command(kept: Site, tmp_path: Path) -> None:
    lots = kept.lots
    lots.run(62 * MINUTE)
    journal, log = tmp_path / "journal.json", tmp_path / "log.jsonl"
    poor = command(kept, "keeper", "run", "--once", "--only", "note-silence", "--gas-per-day", 21_000, "--journal",
                   journal, by=lots.w.relayer, code=1)
    assert {one["outcome"] for one in poor["done"] if one["step"] == "note-silence"} == {"unaffordable"}
    dry = command(kept, "keeper", "run", "--once", "--only", "note-silence", "--dry-run", by=lots.w.relayer)
    assert dry["sent"] is False
    done = command(kept, "keeper", "run", "--once", "--only", "note-silence", "--journal", journal, "--log", log,
                   by=lots.w.relayer)
    (one,) = (one for one in done["done"] if one["outcome"] == "done" and lots.owner in one["subject"])
    assert done["gas_today"] == read_journal(journal)["used"] >= one["gas_used"]
    assert json.loads(log.read_text().splitlines()[0])["healthy"] is True
    other = command(kept, "keeper", "run", "--once", "--journal", journal, by=lots.w.stranger, code=2)
    assert other["field"] == "sender"
    told = command(kept, "liquidation", "note-silence", "--account", lots.owner, by=lots.w.relayer, code=1)
    assert told["error"] == "AlreadyNoted"
    assert command(kept, "liquidation", "status", "--account", lots.owner)["stage"] == "silent"
    page = tmp_path / "page"
    assert command(kept, "liquidation", "lots", "--page", page)["lots"] == []
    assert json.loads((page / "lots.json").read_text())["schema"] == "tailproof.lots/1"


@pytest.mark.parametrize(("arguments", "field"), [
    (("--dry-run",), "--dry-run and --calldata"), (("--once", "--secret", "x.json"), "--secret"),
    (("--once", "--share", "x.json"), "--committee, --share, --share-to and --shares")])
def test_what_makes_no_sense_is_refused_first(kept: Site, arguments: tuple[str, ...], field: str) -> None:
    assert command(kept, "keeper", "run", *arguments, by=kept.lots.w.relayer, code=2)["field"] == field


def command(s: Site, group: str, name: str, *arguments: object, by: str | None = None, code: int = 0) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Endpoint, "connect", lambda endpoint: Chain(
            s.lots.w.chain.transport, terms=Terms(
                sender=endpoint.sender, withhold=endpoint.dry_run or endpoint.calldata is not None)))
        patch.setattr(System, "open", System.bind)
        answer = s.run(group, name, *arguments, "--deployment", s.folder / "deployment.json", "--rpc",
                       "http://embedded", *(("--from", by) if by else ()))
    assert answer.code == code, (answer.data, answer.stderr)
    return answer.data


# -- the loop, without a chain -----------------------------------------------------------------------------------------
class Loop:
    """A keeper whose rounds are what a test says."""

    def __init__(self, *rounds: Any) -> None:
        self.rounds, self.slept, self.stop = list(rounds), list[float](), threading.Event()

    def stopped(self) -> bool:
        return self.stop.is_set() or not self.rounds

    def round(self) -> Any:
        found = self.rounds.pop(0)
        if isinstance(found, Exception):
            raise found
        return found


class Found:
    def __init__(self, *done: Done) -> None:
        self.done = done


def test_a_node_that_fails_is_asked_later_and_later_and_work_is_followed_at_once() -> None:
    busy, did = NodeBusy("http://node", "later"), Found(Done("clear", "lot 1", "done"))
    loop: Any = Loop(Found(), busy, busy, busy, did, Found())
    found = list(keeping(loop, every=10, patience=30, sleep=loop.slept.append))
    assert [isinstance(one, Exception) for one in found] == [False, True, True, True, False, False]
    assert loop.slept == [10, 10, 20, 30, 10]
    with pytest.raises(BadInput):
        list(keeping(Loop(BadInput("x", 1, "2")), every=1, sleep=lambda _: None))  # type: ignore[arg-type]


def test_a_budget_is_a_days_and_what_is_out_stays_booked(tmp_path: Path) -> None:
    path = tmp_path / "journal.json"
    at = {"chain_id": 1, "about": "0x" + "11" * 20, "sender": "0x" + "12" * 20}
    one = Budget(**at, most=100, path=path)  # type: ignore[arg-type]
    one.book(5, 60)
    again = Budget(**at, most=100, path=path)  # type: ignore[arg-type]
    again.load()
    assert (again.room(5), again.room(6)) == (40, 100)
    again.book(5, -20)
    assert again.room(5) == 60
    again.book(6, 10)
    assert (again.day, again.used) == (6, 10)
    other = Budget(**{**at, "sender": "0x" + "13" * 20}, most=100, path=path)  # type: ignore[arg-type]
    with pytest.raises(BadInput, match="another keeper"):
        other.load()


def test_a_signal_ends_a_keeper_between_two_steps() -> None:
    from tailproof.cli.stopping import stopping
    stop = threading.Event()
    before = signal.getsignal(signal.SIGTERM)
    with stopping(stop):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        assert stop.is_set()
    assert signal.getsignal(signal.SIGTERM) is before


def test_every_step_has_a_name_of_its_own() -> None:
    assert len(set(NAMES)) == len(NAMES)
