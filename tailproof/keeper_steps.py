"""What anyone may do in a liquidation, and from when: the decisions of a keeper, without a chain.

`agenda` says of a state every step that stands before it, each with the moments that must have come and with what else
stands in its way; `due` are those with nothing in their way. It is what the contracts ask, clock by clock; that they
agree to the second is tested against them. Whoever acts on it tries first, and takes a refusal for an answer: the state
may be a block old.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from verifier_contracts.auction import Stage
from verifier_contracts.liquidation import NO_SHORTFALL, LotState, Shortfall
from verifier_contracts.vault import Factor

from .liquidation_state import Account, Moment, PublicLot, State, Venue

MOST_NOTES = 16
"""Notes that one transaction looks at: what fits in its gas."""


# -- steps -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Step:
    """Something that anyone may do. name : of the step, in commands and journals; contract, function : what is called.
    """

    name: ClassVar[str]
    contract: ClassVar[str]
    function: ClassVar[str]
    pays: ClassVar[bool] = False
    """Whether it moves money to the fund or to others alone, so that a keeper who watches costs may leave it out."""

    def arguments(self) -> tuple[Any, ...]:
        """Of the call."""
        return tuple(vars(self).values())

    @property
    def subject(self) -> str:
        """What it is about, for people."""
        return " ".join(f"{name} {value}" for name, value in vars(self).items() if isinstance(value, int | str))

    @property
    def key(self) -> str:
        """By which it is the same step in another round."""
        return f"{self.name} {self.subject}".strip()


@dataclass(frozen=True)
class NoteSilence(Step):
    """An account's cover has run out."""

    name, contract, function = "note-silence", "silence", "noteSilence"
    account: str


@dataclass(frozen=True)
class CallSilent(Step):
    """Accounts of a venue were silent for long enough."""

    name, contract, function = "call-silent", "silence", "callSilent"
    venue: str
    most: int


@dataclass(frozen=True)
class PassToVenue(Step):
    """The owner's time alone is over."""

    name, contract, function = "pass-to-venue", "closes", "passToVenue"
    account: str


@dataclass(frozen=True)
class OpenLot(Step):
    """The venue's time alone is over. Its margin stays hidden: whoever can prove it opens by `liquidation open-lot`.
    After a disclosure nobody else does."""

    name, contract, function = "open-lot", "coordinator", "openLot"
    account: str
    epoch_id: int
    factors: Sequence[Factor]

    def arguments(self) -> tuple[Any, ...]:
        return (self.account, self.epoch_id, list(map(tuple, self.factors)), 0, list(NO_SHORTFALL.words),
                NO_SHORTFALL.argument())

    @property
    def subject(self) -> str:
        return f"account {self.account}"


@dataclass(frozen=True)
class _OfLot(Step):
    lot_id: int

    @property
    def subject(self) -> str:
        return f"lot {self.lot_id}"


class OrderDisclosure(_OfLot):
    """The shortlist stands: the opening is to be delivered to it."""

    name, contract, function = "order", "coordinator", "orderDisclosure"


class OrderPublicDisclosure(_OfLot):
    """Neither venue nor committee has delivered in time."""

    name, contract, function = "order-public", "coordinator", "orderPublicDisclosure"


class NoteDelivery(_OfLot):
    """The house has to learn in time that the opening was delivered."""

    name, contract, function = "note-delivery", "house", "noteDelivery"


class Clear(_OfLot):
    """All could reveal: the winner is named."""

    name, contract, function = "clear", "house", "clear"


class PassOver(_OfLot):
    """The winner has not carried the lot in time."""

    name, contract, function = "pass-over", "house", "fail"


class FailLot(_OfLot):
    """The auction has failed: the lot ends, or is stuck."""

    name, contract, function = "fail-lot", "coordinator", "failLot"


class VoidLot(_OfLot):
    """The lot has no reason any more: its account was cured, or an epoch was false."""

    name, contract, function = "void", "coordinator", "voidLot"


class ReportBreach(_OfLot):
    """The venue has not delivered in time."""

    name, contract, function, pays = "breach", "coordinator", "reportBreach", True


@dataclass(frozen=True)
class ReviveLot(_OfLot):
    """A lot is stuck, and its account was shown to be short."""

    name, contract, function = "revive", "coordinator", "reviveLot"
    shortfall: Shortfall

    def arguments(self) -> tuple[Any, ...]:
        return self.lot_id, self.shortfall.argument()


@dataclass(frozen=True)
class Refund(_OfLot):
    """A lot has ended that still holds somebody's bond."""

    name, contract, function, pays = "refund", "house", "refund", True
    bidder: str

    @property
    def subject(self) -> str:
        return f"lot {self.lot_id} bidder {self.bidder}"


@dataclass(frozen=True)
class NoteLoss(Step):
    """A loss is open that nobody has noted, or noted and over: backers of the fund are held by it, or free."""

    name, contract, function, pays = "note-loss", "coordinator", "noteLoss", True
    account: str


@dataclass(frozen=True)
class PayFund(Step):
    """Forfeited bonds lie in the house."""

    name, contract, function, pays = "pay-fund", "house", "payFund", True


@dataclass(frozen=True)
class BookReceived(Step):
    """The fund has money that it has not counted."""

    name, contract, function, pays = "book", "fund", "bookReceived", True


@dataclass(frozen=True)
class ForwardRepaid(Step):
    """Fees have repaid a deficit: the clearing account that lacked it is paid."""

    name, contract, function, pays = "forward", "fund", "forwardRepaid", True
    loss_id: bytes

    @property
    def subject(self) -> str:
        return f"loss 0x{self.loss_id.hex()}"


@dataclass(frozen=True)
class SweepDust(Step):
    """A pool of gains is closed, and keeps what rounding left."""

    name, contract, function, pays = "sweep", "allocator", "sweepDust", True
    pool: int


@dataclass(frozen=True)
class ResetBreaker(Step):
    """The breaker is tripped, prices are calm again and references agree: until it is reset nothing is sold, nothing
    leaves by cover, and live time stands."""

    name, contract, function = "reset-breaker", "oracle", "resetBreaker"


STEPS: tuple[type[Step], ...] = (
    ResetBreaker, NoteDelivery, OrderDisclosure, OrderPublicDisclosure, Clear, PassOver, VoidLot, FailLot, ReviveLot,
    ReportBreach, PassToVenue, OpenLot, CallSilent, NoteSilence, NoteLoss, Refund, PayFund, BookReceived, ForwardRepaid,
    SweepDust)
"""In the order in which they are done in a round: first what has a last moment."""
NAMES = tuple(step.name for step in STEPS)


# -- agenda ------------------------------------------------------------------------------------------------------------
class Entry(NamedTuple):
    """A step that stands before a state. moments : all of which must have come.  until : after which it is too late, as
    far as is known.  waits : what else stands in its way, in words."""

    step: Step
    moments: tuple[Moment, ...] = ()
    until: Moment | None = None
    waits: tuple[str, ...] = ()

    def due(self, state: State) -> bool:
        """Whether it may be done now."""
        return not self.waits and all(map(state.now.reached, self.moments)) and not (
            self.until is not None and state.now.reached(self.until))

    def next(self, state: State) -> Moment | None:
        """The moment that it waits for: that with most time left; None if it waits for none."""
        ahead = [moment for moment in self.moments if not state.now.reached(moment)]
        return max(ahead, key=state.now.left, default=None)


def agenda(state: State) -> list[Entry]:
    """Every step that is due or will be if nothing else happens, in the order of `STEPS`."""
    found = list(_of_breaker(state))
    found += [entry for lot in state.lots for entry in _of_lot(state, lot)]
    found += [entry for account in state.accounts for entry in _of_account(state, account)]
    found += [entry for venue in state.venues for entry in _of_venue(state, venue)]
    found += _of_money(state)
    return sorted(found, key=lambda entry: STEPS.index(type(entry.step)))


def due(state: State) -> list[Step]:
    """The steps that may be done now."""
    return [entry.step for entry in agenda(state) if entry.due(state)]


def _of_breaker(state: State) -> Iterator[Entry]:
    if state.now.tripped:
        refused = state.now.no_reset
        yield Entry(ResetBreaker(), waits=() if refused is None else (f"the oracle says {refused}",))


def _of_account(state: State, one: Account) -> Iterator[Entry]:
    call = one.call
    if one.loss != one.loss_noted:
        yield Entry(NoteLoss(one.account))
    if call is None or not call.stands:
        yield from _silence(one)
        return
    if not one.passed_at:
        young = () if one.call_final else (f"epoch {call.epoch_id} of the call is not final",)
        moments = [Moment("live", call.since + state.rules.owners_time)]
        if not one.call_final and one.call_final_at:
            moments.append(Moment("live", one.call_final_at))
        yield Entry(PassToVenue(one.account), tuple(moments), waits=young)
        return
    if one.lot_id or one.commitment == state.rules.empty:
        return
    waits = _no_sale(state)
    if one.disclosed:
        waits.append("its opening was disclosed before: a lot wants a shortfall and the margin, by whoever has it "
                     "(`liquidation open-lot --margin-key --key`)")
    if not state.epoch_id or state.now.wall > state.epoch_id + state.rules.max_epoch_age:
        waits.append("no young epoch whose list of factors is known here (--epochs)")
    moments = [Moment("live", one.passed_at + state.rules.venues_time)]
    if state.now.wall < state.now.paused_until:
        moments.append(Moment("wall", state.now.paused_until))
    yield Entry(OpenLot(one.account, state.epoch_id, tuple(state.factors)), tuple(moments), waits=tuple(waits))


def _no_sale(state: State) -> list[str]:
    return ["the breaker is tripped"] if state.now.tripped else []


def _silence(one: Account) -> Iterator[Entry]:
    """R1, R20: after the cover's wall time, and after its live time by what stopped the clock since its epoch."""
    if one.flat or not one.commitment or one.noted:
        return
    if one.call is not None:                               # fell: its clock is the call's live time, and it is silent
        if not one.covered:
            yield Entry(NoteSilence(one.account))
        return
    moments = [Moment("wall", one.clock + 1)]
    if one.epoch_id and one.clock > one.epoch_id:
        moments.append(Moment("live", one.epoch_live_at + one.clock - one.epoch_id + 1))
    yield Entry(NoteSilence(one.account), tuple(moments), waits=("it is covered",) if one.covered else ())


def _of_venue(state: State, one: Venue) -> Iterator[Entry]:
    length, first, mass_until = one.queue
    if first is None:
        return
    step, rules = CallSilent(one.venue, min(length, MOST_NOTES)), state.rules
    stop = Moment("live", mass_until)
    if one.first_over:
        yield Entry(step, (stop,))
        return
    full = rules.called_in == state.now.latest_epoch and rules.called >= rules.silent_limit
    waits = (f"{rules.called} of {rules.silent_limit} accounts were called in this epoch",) if full else ()
    yield Entry(step, (stop, Moment("live", first.noted_at + rules.patience)), waits=waits)


def _of_lot(state: State, one: PublicLot) -> Iterator[Entry]:
    own, lot_id, times = one.own, one.lot_id, state.rules.times
    stage, starts = one.stage(times, state.now.live), one.lot.starts(times)
    if stage.over:
        for bidder in one.held_bonds:
            yield Entry(Refund(lot_id, bidder))
    elif stage is Stage.AWARD:
        yield Entry(PassOver(lot_id), (Moment("live", one.lot.award_ends + 1),))
    elif stage is not Stage.NONE:
        yield Entry(Clear(lot_id), (Moment("live", starts[Stage.CLEARING]),))
    begin, end = Moment("live", starts[Stage.DISCLOSURE]), Moment("live", starts[Stage.SEALED])
    bidding = stage in (Stage.BLIND, Stage.DISCLOSURE, Stage.COMMIT)
    if bidding and one.un_noted:
        yield Entry(NoteDelivery(lot_id), (begin,), until=end)
    if own.ordered_at and not own.breached and not one.delivered and own.state not in (LotState.NONE, LotState.VOIDED):
        yield Entry(ReportBreach(lot_id), (Moment("live", own.ordered_at + state.rules.venue_delivers),))
    if own.state not in (LotState.OPEN, LotState.STUCK):
        return
    if one.is_void:
        yield Entry(VoidLot(lot_id))
    elif own.state is LotState.STUCK:
        account = state.account(own.account)
        shown = None if account is None else state.shown_of(account)
        if one.same_call and shown is not None:
            yield Entry(ReviveLot(lot_id, shown))
    elif stage is Stage.FAILED:
        yield Entry(FailLot(lot_id))
    elif bidding and one.same_call:
        if not own.ordered_at:
            yield Entry(OrderDisclosure(lot_id), (begin,), until=end)
        elif not one.delivered and not one.public_order:
            moment = Moment("live", max(begin.at, own.ordered_at + state.rules.committee_delivers))
            yield Entry(OrderPublicDisclosure(lot_id), (moment,), until=end)


def _of_money(state: State) -> Iterator[Entry]:
    money = state.money
    if money.forfeits:
        yield Entry(PayFund())
    if money.unbooked:
        yield Entry(BookReceived())
    for loss_id in money.repaid:
        yield Entry(ForwardRepaid(loss_id))
    for pool, closes_at in money.dust.items():
        yield Entry(SweepDust(pool), (Moment("wall", closes_at),))
