"""The crash day from dawn to the picture, and what must be true of it in the end."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primitives import jsonio

from ..demo_stage import stage_keys
from ..liquidating import CloseKeys
from ..liquidation_reading import open_site
from ..progress import Progress
from .actors import BORNE, Actors
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
PROMISED: Sequence[tuple[str, Kind, str]] = (
    ("three publishers", Kind.LIE, "sign an epoch with a false leaf"),
    ("a watcher", Kind.LIE, "refutes it"),
    ("blocks", Kind.MARKET, "dear for"),
    ("bull 1", Kind.CURE, "covered again"),
    ("sleeper, closed by her venue", Kind.CLOSE, "its venue sells"),
    ("another, closed by her venue", Kind.CLOSE, "its venue sells"),
    ("late riser", Kind.LOT, "the lot is void"),
    ("sleeper, sold", Kind.LOT, "its venue delivered"),
    ("sleeper, sold", Kind.SALE, "sold to bidder"),
    ("deep in debt", Kind.CALL, "are silent"),
    ("deep in debt", Kind.LOSS, "its venue is in breach"),
    ("deep in debt", Kind.LOT, "six of the committee delivered"),
    ("deep in debt", Kind.LOT, "the lot has failed"),
    ("deep in debt", Kind.LOSS, "did not reveal: his bond is forfeited"),
    ("deep in debt", Kind.LOSS, "did not carry it: his bond is forfeited"),
    ("deep in debt", Kind.SALE, "sold to bidder"),
    ("deep in debt", Kind.LOSS, BORNE["fund"]),
    ("deep in debt", Kind.LOSS, BORNE["haircut"]),
    ("deep in debt", Kind.LOSS, BORNE["deficit"]),
    ("nobody's bid", Kind.SALE, "sold to the fund's agent"),
    ("solvent sleeper", Kind.LOT, "sees that it is solvent"),
    ("solvent sleeper", Kind.CURE, "covered again"),
    ("saver 1", Kind.OUT, "is paid"),
)
"""What a day must have seen of whoever was there."""


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

    def learned_rows(self) -> list[tuple[str, str, str]]:
        """Who, how many books, and which of them are not his. Owners who read what is theirs alone are one row."""
        accounts = {name for name, _ in self.ended}
        owners = [one for one in self.knowledge if one.who in accounts and len(one.books) == one.own]
        others = [one for one in self.knowledge if one not in owners and (one.books or not one.who.startswith("0x"))]
        rows = [(f"{len(owners)} owners", "each 1", "")] if owners else []
        for one in others:
            strange = [book for book in one.books if book != one.who] if not one.own else []
            names = ", ".join(strange[:3]) + (f" and {len(strange) - 3} more" if len(strange) > 3 else "")
            rows.append((one.who, str(len(one.books)), names))
        return rows

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
    fates = ended(day)
    timed("picture", lambda: draw(day, dict(fates), out / "timeline.png"))
    report = Report(day.entries, fates, knowledge, day.gas, seconds, day.money.minted, len(day.money.history),
                    day.money.blocks, again)
    report.failures = _failures(day, report)
    return report


def save(report: Report, out: Path) -> None:
    """Everything of it, as JSON."""
    jsonio.write(out / "report.json", report.to_json(), over=True)


def _again(day: Day) -> Replayed | None:
    sent = list(recorded(day.stage.chain))
    first, last = (day.begun + int(minute * 60) for minute in SPIKE)
    with anvil(day.stage.chain.chain_id, sent[0].time - sent[0].block) as url:
        return None if url is None else replay(url, sent, spike=lambda second: first <= second <= last + 60)


def ended(day: Day) -> list[tuple[str, str]]:
    """What became of each account, by what was written down of it."""
    return [(account.name, fate([entry for entry in day.entries if entry.who == account.name]))
            for account in day.accounts.values()]


def fate(mine: Sequence[Entry]) -> str:
    """An account's day in a few words."""
    kinds = {entry.kind for entry in mine}
    if Kind.SALE in kinds:
        sale = next(entry for entry in mine if entry.kind == Kind.SALE)
        bearers = [f"{entry.what} {entry.amount / 10**6:,.0f}" for entry in mine if entry.what in BORNE.values()]
        return f"{sale.what} for {sale.amount / 10**6:,.0f}" + (f": {', '.join(bearers)}" if bearers else "")
    if Kind.CLOSE in kinds:
        return next(entry.what for entry in mine if entry.kind == Kind.CLOSE)
    if Kind.LOT in kinds and any("solvent" in entry.what for entry in mine):
        return "disclosed, solvent, never sold; covered again"
    if any(entry.kind == Kind.LOT and "is open" in entry.what for entry in mine):
        return "topped up during the auction: lot void"
    if Kind.CALL in kinds:
        return "called, and cured by its owner"
    return "covered all day"


def _failures(day: Day, report: Report) -> list[str]:
    """What is not as the design says."""
    ledger, fates = day.stage.at.ledger, dict(report.ended)
    failed = [f"{one.name} is still called" for one in day.accounts.values() if ledger.is_called(one.address)]
    failed += missing(report.entries, {*fates, "three publishers", "a watcher", "blocks"})
    failed += [f"{one.name} was sold" for one in day.accounts.values()
               if "sold to" in fates[one.name] and one.holder.answer != Answer.SLEEPS]
    failed += unequal_losses(report.entries)
    failed += too_curious(report.knowledge, {entry.who for entry in report.entries if entry.kind == Kind.LOT})
    if report.replayed is not None and not report.replayed.refused.startswith("FeeAboveCap"):
        failed.append(f"in the spike: {report.replayed.refused}")
    return failed


def missing(entries: Sequence[Entry], present: Collection[str]) -> list[str]:
    """What was promised of those who are there, and did not happen."""
    return [f"never seen: {who}: {what}" for who, kind, what in PROMISED if who in present and not any(
        entry.who == who and entry.kind == kind and what in entry.what for entry in entries)]


def unequal_losses(entries: Sequence[Entry]) -> list[str]:
    """Sales below 0 whose fund, haircut and deficit are not together what the buyer was promised."""
    failed = []
    for sale in entries:
        if sale.kind == Kind.SALE and sale.amount < 0:
            borne = sum(entry.amount for entry in entries if entry.who == sale.who and entry.what in BORNE.values())
            if borne != -sale.amount:
                failed.append(f"{sale.who}: {-sale.amount} was to be borne, {borne} was")
    return failed


def too_curious(knowledge: Sequence[Knowledge], lots: Collection[str]) -> list[str]:
    """Who could read what he must not: five of the committee anything, bidders and fund what was no lot, an owner what
    is another's, a venue more than its accounts."""
    failed = []
    for one in knowledge:
        if one.who == "5 of the committee" and one.books:
            failed.append("five of the committee read a book")
        elif one.who.startswith(("bidder", "the fund")):
            failed += [f"{one.who} read {book}, which was no lot" for book in one.books if book not in lots]
        elif "of the committee" not in one.who and len(one.books) != one.own:
            failed.append(f"{one.who} read {len(one.books)} books, of which {one.own} are his")
    return failed
