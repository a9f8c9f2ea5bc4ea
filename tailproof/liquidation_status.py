"""Where one account stands, in words: which clock runs until when, and who may do what now."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from verifier_contracts.auction import Stage
from verifier_contracts.liquidation import LotState

from .keeper_steps import Entry, agenda
from .liquidation_state import Account, Moment, PublicLot, State

_OWNER = ("cover it at initial margin (`vault cover`)", "add collateral (`vault deposit`)",
          "trade with its venue, with cover (`trade apply`)")
_BIDDING = {
    Stage.BLIND: "seated liquidators: bid on what is public (`auction bid`)",
    Stage.DISCLOSURE: "venue, committee: deliver the opening (`escrow deliver`)",
    Stage.COMMIT: "shortlist: commit to a price (`auction commit`)",
    Stage.REVEAL: "bidders, and who has their files: reveal (`auction reveal`)",
    Stage.AWARD: "the winner: carry the lot away (`liquidation award`)"}


@dataclass(frozen=True)
class Clock:
    """One that runs. what : it is until, for people."""

    what: str
    moment: Moment
    left: int

    def to_json(self) -> dict[str, Any]:
        return {"what": self.what, "clock": self.moment.clock, "until": self.moment.at, "left": self.left}


@dataclass(frozen=True)
class Status:
    """Of an account. stage : a word for machines.  said : a sentence for people.  may : who may act now, and how.
    healthy : whether no call stands."""

    stage: str
    said: str
    clocks: tuple[Clock, ...]
    may: tuple[str, ...]
    healthy: bool


def status_of(state: State, address: str) -> Status:
    """Where an account stands.

    state : of a reading of this account.
    """
    one = state.account(address)
    if one is None:
        return Status("unregistered", "It has no commitment at any venue.", (), (), True)
    entries = agenda(state)
    clocks = tuple(Clock(entry.step.name, moment, state.now.left(moment)) for entry in entries
                   if (moment := entry.next(state)) is not None)
    anyone = tuple(f"anyone: {entry.step.name}" for entry in entries if entry.due(state))
    if one.call is None or not one.call.stands:
        stage, said = _uncalled(state, one)
        owner = () if one.flat or one.covered or state.now.wall <= one.clock else tuple(
            f"owner: {what}" for what in _OWNER)
        return Status(stage, said, clocks, owner + anyone, True)
    stage, said, may = _called(state, one)
    owner = tuple(f"owner: {what}" for what in _OWNER)
    return Status(stage, said, clocks + _own_clocks(state, one), owner + may + anyone, False)


def _uncalled(state: State, one: Account) -> tuple[str, str]:
    if one.flat:
        return "flat", "It is proven to hold nothing."
    if one.call is not None:
        return "fell", "Its call fell: its epoch is frozen, or its key distrusted. It may be called anew."
    if state.now.wall <= one.clock or one.covered:
        return "covered", "Nobody may do anything about it while its cover lasts."
    if one.noted:
        return "silent", "Its cover has run out, which was noted: it will be called unless it is covered."
    return "uncovered", "Its cover has run out: it is reduce-only, and its silence may be noted."


def _called(state: State, one: Account) -> tuple[str, str, tuple[str, ...]]:
    if one.lot_id:
        lot = state.lot(one.lot_id)
        return _in_lot(state, lot) if lot is not None else ("lot", f"Its collateral is locked in lot {one.lot_id}.", ())
    if not one.passed_at:
        return "owners-time", "It is called. Its owner alone may act, until the venue's time begins.", ()
    venue = ("venue: close a part of it (`liquidation close`)",)
    if state.now.live < one.passed_at + state.rules.venues_time:
        return "venues-time", "It is called. Owner and venue may act.", venue
    return "lots", "It is called, and both have had their time: a lot may be opened.", venue


def _in_lot(state: State, lot: PublicLot) -> tuple[str, str, tuple[str, ...]]:
    if lot.own.state is LotState.STUCK:
        return "stuck", (f"Lot {lot.lot_id} is stuck: nobody has shown the opening. Its collateral stays locked."), (
            "who can prove that it is short: revive the lot (`liquidation revive`)",)
    stage = lot.stage(state.rules.times, state.now.live)
    may = (_BIDDING[stage],) if stage in _BIDDING else ()
    name = stage.name.lower()
    return f"lot-{name}", f"It is sold as lot {lot.lot_id}, which is in its stage {name}.", may


def _own_clocks(state: State, one: Account) -> tuple[Clock, ...]:
    """Those that end something for owner, venue and bidders, beside what keepers wait for."""
    found, rules = list[Clock](), state.rules
    lot = state.lot(one.lot_id) if one.lot_id else None
    if lot is not None and lot.own.state is LotState.OPEN:
        stage, starts = lot.stage(rules.times, state.now.live), lot.lot.starts(rules.times)
        ends = {Stage.AWARD: lot.lot.award_ends + 1} | dict(zip(
            (Stage.BLIND, *starts), starts.values(), strict=False))
        if stage in ends and state.now.live < ends[stage]:
            moment = Moment("live", ends[stage])
            found.append(Clock(f"{stage.name.lower()} ends", moment, state.now.left(moment)))
    return tuple(found)


def entry_json(state: State, entry: Entry) -> dict[str, Any]:
    """A step of an agenda. left : seconds of the clock that it waits for longest."""
    moment = entry.next(state)
    return {"step": entry.step.name, "subject": entry.step.subject, "due": entry.due(state),
            "moments": [{"clock": one.clock, "at": one.at} for one in entry.moments],
            "until": None if entry.until is None else {"clock": entry.until.clock, "at": entry.until.at},
            "left": 0 if moment is None else state.now.left(moment), "waits": list(entry.waits)}
