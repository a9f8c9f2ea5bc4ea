"""The crash day from dawn to the picture, and what must be true of it in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primitives import jsonio

from ..demo_stage import stage_keys
from ..liquidating import CloseKeys
from ..liquidation_reading import open_site
from ..progress import Progress
from .actors import CLOSED, Actors
from .books import HOLDERS, Answer, Holder
from .day import Day, Entry, Kind
from .evening import SPIKE, evening, keeper_of
from .fall import fall
from .learned import Knowledge, learned
from .morning import dawn
from .picture import draw
from .replay import Replayed, anvil, recorded, replay

if TYPE_CHECKING:
    from verifier_contracts.system_deployment import Proving

SHORT = ("saver 1", "bull 1", "sleeper, sold")
THREE_DEAD = {"6 of the committee": 6, "5 of the committee": 5}


@dataclass
class Report:
    """What happened. ended : by account, in words.  replayed : None where there was no second chain."""

    entries: Sequence[Entry]
    ended: Sequence[tuple[str, str]]
    knowledge: Sequence[Knowledge]
    gas: dict[str, list[int]]
    seconds: dict[str, float]
    minted: int
    looks: int
    blocks: int
    replayed: Replayed | None
    failures: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Everybody was resolved as the design says, and nobody learned more than he must."""
        return not self.failures

    def seconds_rows(self) -> list[tuple[str, str]]:
        return [(name, f"{seconds:.0f}") for name, seconds in self.seconds.items()]

    def ended_rows(self) -> list[tuple[str, str]]:
        return list(self.ended)

    def learned_rows(self) -> list[tuple[str, int, int]]:
        return [(one.who, len(one.books), one.own) for one in self.knowledge]

    def gas_rows(self) -> list[tuple[str, int, str]]:
        return [(step, len(spent), f"{max(spent):,}") for step, spent in sorted(self.gas.items())]

    def to_json(self) -> dict[str, Any]:
        """All of it; amounts as decimal strings."""
        return {"holds": self.holds, "failures": self.failures, "entries": [one.to_json() for one in self.entries],
                "ended": dict(self.ended), "learned": [one.to_json() for one in self.knowledge], "gas": self.gas,
                "seconds": {name: round(value, 1) for name, value in self.seconds.items()},
                "minted": str(self.minted), "movements": self.looks, "blocks": self.blocks}

    def money(self) -> str:
        """For people."""
        return (f"{self.minted / 10**6:,.2f} quote units came in, and each was found again after every one of "
                f"{self.looks} movements in {self.blocks} blocks")

    def replayed_text(self) -> str:
        """For people."""
        if self.replayed is None:
            return "not replayed on a second chain"
        return (f"{self.replayed.transactions} transactions again on anvil in {self.replayed.seconds:.0f} s: same gas, "
                f"same logs; in the spike a keeper with default caps was told: {self.replayed.refused}")


def run(out: Path, keys: Path, *, holders: Sequence[Holder] = HOLDERS, short: bool = False, progress: Progress,
        told: Callable[[Entry], object], proving: Proving | None = None) -> Report:
    """The day.

    keys : where keys are kept between runs.  short : few accounts, and one chain.  proving : as for `dawn`.
    """
    seconds: dict[str, float] = {}

    def timed(stage: str, action: Callable[[], Any]) -> Any:
        begun = time.perf_counter()
        progress(stage, 0, 1)
        result = action()
        seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - begun
        progress(stage, 1, 1)
        return result
    cast = [one for one in holders if one.name in SHORT] if short else list(holders)
    out.mkdir(parents=True, exist_ok=True)
    made = timed("setup (INSECURE)", lambda: stage_keys(keys, progress))
    day, committee = dawn(out, made, holders=cast, timed=timed, told=told, proving=proving)
    timed("the fall", lambda: fall(day))
    site = open_site(day.stage.system, day.stage.at)
    bids = out / "bids"
    bids.mkdir()
    actors = Actors(day, site, committee, CloseKeys(*(day.stage.keys[name] for name in (
        "transition", "cover", "escrow", "flat"))), bids, list(day.cast.heirs))
    timed("the evening", lambda: evening(day, actors, keeper_of(day, actors)))
    knowledge = timed("who learned what", lambda: learned(day, committee, actors.deliveries, THREE_DEAD))
    again = None if short else timed("again, on anvil", lambda: _again(day))
    timed("picture", lambda: draw(day, out / "timeline.png"))
    report = Report(day.entries, _ended(day), knowledge, day.gas, seconds, day.money.minted, len(day.money.history),
                    day.money.blocks, again)
    report.failures = _failures(day, report)
    return report


def save(report: Report, out: Path) -> None:
    """Everything of it, as JSON."""
    jsonio.write(out / "report.json", report.to_json(), over=True)


def _again(day: Day) -> Replayed | None:
    sent = list(recorded(day.stage.chain))
    first, last = (day.begun + int(minute * 60) for minute in SPIKE)
    with anvil(day.stage.chain.chain_id, sent[0].time - 1) as url:
        return None if url is None else replay(url, sent, spike=lambda second: first <= second <= last + 60)


def _ended(day: Day) -> list[tuple[str, str]]:
    """What became of each, by what was written down last."""
    ended = []
    for account in day.accounts.values():
        mine = [entry for entry in day.entries if entry.who == account.name]
        kinds = {entry.kind for entry in mine}
        if Kind.SALE in kinds:
            how = next(entry.what for entry in mine if entry.kind == Kind.SALE)
        elif Kind.CLOSE in kinds:
            how = next(entry.what for entry in mine if entry.kind == Kind.CLOSE)
        elif Kind.CALL in kinds:
            how = "called, and cured by its owner" + (", its lot voided or failed" if Kind.LOT in kinds else "")
        else:
            how = "covered all day"
        ended.append((account.name, how))
    return ended


def _failures(day: Day, report: Report) -> list[str]:
    """What is not as the design says."""
    failed = []
    ledger, ended = day.stage.at.ledger, dict(report.ended)
    failed += [f"{one.name} is still called" for one in day.accounts.values() if ledger.is_called(one.address)]
    failed += [f"{name}: {ended[name]}" for name in CLOSED if name in ended and "sells" not in ended[name]]
    sold = {"deep in debt", "nobody's bid", "sleeper, sold"}
    failed += [f"{name}: {ended[name]}" for name in sold if name in ended and "sold" not in ended[name]]
    failed += [f"{one.name} was sold" for one in day.accounts.values()
               if "sold to" in ended[one.name] and one.holder.answer != Answer.SLEEPS]
    for one in report.knowledge:
        if one.who == "5 of the committee" and one.books:
            failed.append("five of the committee read a book")
    lots = {entry.who for entry in day.entries if entry.kind == Kind.LOT}
    for one in report.knowledge:
        if one.who.startswith(("bidder", "the fund")):
            failed += [f"{one.who} read {book}, which was no lot" for book in one.books if book not in lots]
    if report.replayed is not None and not report.replayed.refused.startswith("FeeAboveCap"):
        failed.append(f"in the spike: {report.replayed.refused}")
    return failed
