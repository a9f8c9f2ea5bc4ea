"""After the fall: owners' time, venues' time, silence, lots, until every account that fell is resolved.

What anyone may do is done by the keeper that `tailproof keeper run` runs; the rest by `Actors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..keeping import Budget, Keeper
from ..liquidation_reading import FactorBook, Reader
from .actors import AGENT_CARRIES, PLANS, UNIT, Actors
from .books import Answer
from .day import Day, Kind
from .fall import attend, cure

if TYPE_CHECKING:
    from ..keeping import Done

STEP = 2
"""Minutes between looks: every stage of an auction is longer, but for the sealed minute, in which nothing is to do."""
LOOK = 8
"""Minutes between looks of owners and venues at their covers, which are renewed twenty minutes before they end."""
LAST = 420
"""Minute by which all must be resolved."""
SPIKE = (62.0, 74.0)
"""Minutes in which blocks are dear, and neither keepers nor publishers send anything."""
WITHDRAWALS = (34.0, 100.0, 150.0, 190.0)
NAMED = {"pass-to-venue": "its venue's time begins", "note-silence": "noted as silent",
         "order": "the opening is ordered for the shortlist", "order-public": "the opening is ordered for everybody",
         "breach": "its venue is in breach, and loses of its bond", "void": "cured: the lot is void",
         "fail-lot": "the lot has failed", "pass-over": "the winner did not carry it: next",
         "clear": "a winner is named, or nobody", "pay-fund": "gets forfeited bonds"}
"""What the keeper did, in words; of other steps only the gas is told."""
KINDS = {"note-silence": Kind.SILENCE, "breach": Kind.LOSS, "pay-fund": Kind.LOSS}


def evening(day: Day, actors: Actors, keeper: Keeper) -> None:
    """Until nobody is called any more, but who is solvent and asleep."""
    out, looked = list(WITHDRAWALS), day.minute
    saver = next(one for one in day.accounts.values() if one.name == "saver 1")
    while day.minute < LAST:
        if SPIKE[0] <= day.minute < SPIKE[1]:
            _spike(day)
        day.until(day.minute + STEP)
        actors.see_lots()
        actors.close_accounts()
        actors.open_lots()
        actors.see_lots()
        actors.act()
        for done in keeper.round().done:
            _tell(day, actors, done)
        actors.see_lots()
        if day.minute >= looked + LOOK:
            looked = day.minute
            attend(day)
        if out and day.minute >= out[0]:
            actors.withdraw(saver, 50 * UNIT)
            out.pop(0)
        actors.redeem()
        if _resolved(day, actors):
            break
    for account in day.accounts.values():                     # she wakes up: nothing of hers is gone
        if account.holder.answer == Answer.SLEEPS and day.stage.at.ledger.is_called(account.address):
            cure(day, account)
    while actors.claims:
        day.pulse()
        actors.redeem()


def keeper_of(day: Day, actors: Actors) -> Keeper:
    """A keeper as anybody runs it."""
    site = actors.site
    factors = FactorBook()
    factors.add(day.stage.ground().factors)
    budget = Budget(day.stage.chain.chain_id, site.coordinator.address, day.cast.keeper, 10**9)
    return Keeper(Reader(site, factors), budget)


def _spike(day: Day) -> None:
    """Twelve minutes without a transaction. Epochs are missing, so live time stands still: nobody's time runs out."""
    live, now = day.live, day.stage.now
    day.stage.chain.travel_to(day.begun + int(SPIKE[1] * 60))
    passed = day.live - live
    minutes = (day.stage.now - now) // 60
    day.note(Kind.MARKET, "blocks", f"dear for {minutes} minutes; live time went on for {passed // 60}")
    day.dear = minutes


def _tell(day: Day, actors: Actors, done: Done) -> None:
    if done.told != "done" or done.receipt is None:
        return
    day.spent(done.step, done.receipt.gas_used)
    if done.step in NAMED:
        day.note(KINDS.get(done.step, Kind.LOT), _about(day, actors, done.subject), NAMED[done.step])
    if done.step == "call-silent":
        _tell_called(day)
    if done.step in ("clear", "pass-over"):
        actors.tell_forfeits(int(done.subject.split()[1]))


def _tell_called(day: Day) -> None:
    """Whom a call by silence was of: the transaction names a venue alone."""
    told = {entry.who for entry in day.entries if entry.kind == Kind.CALL}
    for account in day.accounts.values():
        if account.name not in told and day.stage.at.ledger.is_called(account.address):
            day.note(Kind.CALL, account.name, "called: its owner and its venue are silent")


def _about(day: Day, actors: Actors, subject: str) -> str:
    """An account's name, out of what a step is about."""
    match subject.split():
        case ["account", address] if address in day.accounts:
            return day.accounts[address].name
        case ["lot", number, *_] if int(number) in actors.lots:
            return actors.lots[int(number)].account.name
        case ["venue", address, *_] if address in day.cast.venues:
            return f"venue {1 + day.cast.venues.index(address)}"
    return "the fund"


def _resolved(day: Day, actors: Actors) -> bool:
    """Whether nobody is called but the solvent sleeper, whose lot has failed."""
    called = [one for one in day.accounts.values() if day.stage.at.ledger.is_called(one.address)]
    tried = {lot.account.name for lot in actors.lots.values() if actors.site.house.stage_of(lot.lot_id).over}
    waiting = [one for one in called if one.name != "solvent sleeper" or one.name not in tried]
    return not waiting and all(actors.counts.get(name, 0) >= number for name, number in (*PLANS, *AGENT_CARRIES)
                               if any(one.name == name for one in day.accounts.values()))
