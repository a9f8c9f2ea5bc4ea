"""What a liquidation looks like from outside, at one moment: the public state of accounts, venues, lots and fund.

Nothing here asks a chain (`liquidation_reading` does). Two clocks: *wall*, the chain's time, and *live*, which stands
still while nobody can be asked to act. A **moment** is the first second at which something may be done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from verifier_contracts.auction import Lot, Stage, Times
from verifier_contracts.ledger import MarginCall
from verifier_contracts.liquidation import NO_SHORTFALL, LotState, OwnLot, Queue, Shortfall
from verifier_contracts.vault import Factor

ClockName = Literal["live", "wall"]


class Moment(NamedTuple):
    """The first second, on one of the clocks, at which something may be done."""

    clock: ClockName
    at: int


@dataclass(frozen=True)
class Now:
    """Both clocks, and what stops a sale.

    wall, live : seconds.  latest_epoch : 0 before the first.  tripped : whether the breaker is.
    paused_until : wall time until which liquidation is paused.  runs : whether live time goes on now.
    no_reset : by which name the oracle refuses to reset a breaker that is tripped; None: it would.
    """

    wall: int
    live: int
    latest_epoch: int
    tripped: bool = False
    paused_until: int = 0
    runs: bool = True
    no_reset: str | None = None

    def reached(self, moment: Moment) -> bool:
        """Whether a moment has come."""
        return (self.live if moment.clock == "live" else self.wall) >= moment.at

    def left(self, moment: Moment) -> int:
        """Seconds of its clock until then, 0 afterwards."""
        return max(0, moment.at - (self.live if moment.clock == "live" else self.wall))


@dataclass(frozen=True)
class Rules:
    """Settings and constants of the contracts, seconds.

    patience : live, from a note to a call by silence.  owners_time, venues_time : live, from a call, and from its
    passing to the venue.  venue_delivers, committee_delivers : live, from an order to breach and to the public order.
    max_epoch_age, final_epoch_age : wall.  times : of the house's stages.
    empty : the commitment to nothing under salt 0.  accounts : that have a commitment.
    called_in, called : the epoch in which accounts were last called by silence, and how many.
    """

    patience: int
    owners_time: int
    venues_time: int
    venue_delivers: int
    committee_delivers: int
    max_epoch_age: int
    final_epoch_age: int
    times: Times
    empty: int
    accounts: int
    called_in: int = 0
    called: int = 0
    generation: int = 1

    @property
    def silent_limit(self) -> int:
        """How many accounts may be called by silence in an epoch: a hundredth, one at least (R21)."""
        return max(1, self.accounts // 100)


@dataclass(frozen=True)
class Account:
    """An account that has a commitment.

    clock : of the ledger's word: the last second of the last cover (wall), or live time of the call.
    epoch_id, epoch_live_at : of the last proof, and live time of its publication; zeros if there was none.
    covered : whether a cover, or flatness, is good now.  noted : whether this very silence is noted already.
    call : None if it is not called.  call_final : whether the call's epoch is final.
    passed_at : live time from which the venue may close, 0 before.  lot_id : that holds its collateral, 0: none.
    disclosed : whether its present commitment was disclosed in a lot.
    shown : the last shortfall that was shown of it and may still count, without its proof.
    breached : whether its venue is in breach.
    loss, loss_noted : whether its loss is open, and whether the coordinator knows it as open.
    """

    account: str
    venue: str
    version: int
    commitment: int
    clock: int
    epoch_id: int = 0
    epoch_live_at: int = 0
    covered: bool = False
    flat: bool = False
    noted: bool = False
    call: MarginCall | None = None
    call_final: bool = False
    call_final_at: int = 0
    passed_at: int = 0
    lot_id: int = 0
    disclosed: bool = False
    shown: Shortfall | None = None
    breached: bool = False
    loss: bool = False
    loss_noted: bool = False


@dataclass(frozen=True)
class Venue:
    """A venue's queue of silent accounts. first_over : whether the first note is none any more (covered since, called,
    moved, or of another verifier), so that the queue may go on at once."""

    venue: str
    queue: Queue
    first_over: bool = False


@dataclass(frozen=True)
class PublicLot:
    """A lot as coordinator, house and escrow have it.

    own, lot : of coordinator and house.  call, version : of its account now.
    frozen : whether its epoch, or its call's, is frozen for good.
    seats, published : to whom the opening was delivered, as bits of places, and whether to everybody.
    public_order : whether it was asked for in public.
    """

    lot_id: int
    own: OwnLot
    lot: Lot
    call: MarginCall | None = None
    version: int = 0
    frozen: bool = False
    seats: int = 0
    published: bool = False
    public_order: bool = False

    @property
    def delivered(self) -> bool:
        """Whether anybody has got the opening."""
        return bool(self.seats) or self.published

    @property
    def same_call(self) -> bool:
        """Whether the call that it was opened in stands, at the same version."""
        return (self.call is not None and self.call.stands and self.call.since == self.own.since
                and self.version == self.own.version)

    @property
    def is_void(self) -> bool:
        """Whether there is no reason for it any more, as `LiquidationCoordinator._isOver` has it."""
        since = self.call.since if self.call else 0
        return since != self.own.since or self.version != self.own.version or self.frozen

    def stage(self, times: Times, live: int) -> Stage:
        """As `AuctionHouse.stageOf` at a live time."""
        if self.lot.digest == bytes(32):
            return Stage.NONE
        if self.lot.end is not Stage.NONE:
            return self.lot.end
        if self.lot.winner is not None:
            return Stage.AWARD
        found = Stage.BLIND
        for stage, start in self.lot.starts(times).items():
            if live >= start:
                found = stage
        return found

    @property
    def un_noted(self) -> bool:
        """Whether the house has still to learn that somebody on the shortlist has the opening."""
        return any((self.published or self.seats >> place & 1) and not one.delivered
                   for place, one in enumerate(self.lot.places))

    @property
    def held_bonds(self) -> list[str]:
        """Whose bonds an ended lot still holds."""
        return [one.bidder for place, one in enumerate(self.lot.places) if place and not one.released]


@dataclass(frozen=True)
class Money:
    """What lies where it does not belong, quote units.

    forfeits : of the fund in the house.  unbooked : in the fund and not counted.
    repaid : losses of which fees have repaid something that was not handed on.
    dust : pools of gains that keep what rounding left: number and the wall time from which it can be swept.
    """

    forfeits: int = 0
    unbooked: int = 0
    repaid: Sequence[bytes] = ()
    dust: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class State:
    """All of it. epoch_id, factors : of the newest epoch whose list of factors is known here; 0 if none is."""

    now: Now
    rules: Rules
    accounts: Sequence[Account] = ()
    venues: Sequence[Venue] = ()
    lots: Sequence[PublicLot] = ()
    money: Money = field(default_factory=Money)
    epoch_id: int = 0
    factors: Sequence[Factor] = ()

    def account(self, address: str) -> Account | None:
        """One of them."""
        return next((one for one in self.accounts if one.account == address), None)

    def lot(self, lot_id: int) -> PublicLot | None:
        """One of them."""
        return next((one for one in self.lots if one.lot_id == lot_id), None)

    def shown_of(self, account: Account) -> Shortfall | None:
        """A shortfall that was shown of an account and still counts, as far as its times tell: of an epoch after the
        call, and young enough (R5)."""
        shown = account.shown
        if shown is None or account.call is None or shown == NO_SHORTFALL:
            return None
        young = self.now.wall <= shown.epoch_id + self.rules.final_epoch_age
        return shown if young and shown.epoch_id > account.call.called_at else None


__all__ = ["Account", "ClockName", "LotState", "Moment", "Money", "Now", "PublicLot", "Rules", "State", "Venue"]
