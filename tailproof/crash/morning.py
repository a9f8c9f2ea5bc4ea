"""Before the fall: contracts, committee, keys, collateral, commitments with their openings in escrow, and cover."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from .. import demo_escrow
from ..attestation import commit
from ..demo_escrow import Holders
from ..demo_stage import MINUTE, Stage, Timed
from ..keys import KeyDirectory
from .books import HOLDERS, Holder
from .cast import Cast
from .day import PULSE, Account, Day, Entry, Kind, statement_of_margins
from .fall import renew
from .market import print_epochs
from .money import Money

if TYPE_CHECKING:
    from verifier_contracts.system_config import SystemConfig
    from verifier_contracts.system_deployment import Proving

HOLDERS_OF_MONEY = ("vault", "settlement", "house", "fund", "allocator", "coordinator")
MEMBERS, THRESHOLD = 9, 6
MOVES = 6_500
"""Largest move of a mark in an hour, 10⁻⁴, before the breaker trips: this day is to be traded through."""
UNIT = 10**6
BOND, CLEARING = 40_000 * UNIT, 20_000 * UNIT
SHARED = "0x" + "00" * 20
SHARED_TRANCHE, OWN_TRANCHE = 14_000 * UNIT, 4_000 * UNIT
SEAT = 60_000 * UNIT
STANDING = 4_000
"""phi: what the fund stands for, basis points of a lot's margin."""


def dawn(out: Path, keys: Mapping[str, KeyDirectory], *, holders: Sequence[Holder] = HOLDERS, timed: Timed,
         told: Callable[[Entry], object], proving: Proving | None = None) -> tuple[Day, Holders]:
    """A day with everybody in place and nothing lost yet.

    keys : of the demo's statements.  proving : with these keys, if some stage was set with them before.
    """
    from verifier_contracts.chain import Chain
    from verifier_contracts.system import Named
    from verifier_contracts.token import Token
    epochs = timed("six epochs", lambda: print_epochs(out / "epochs"))
    chain = Chain.embedded(senders=Cast.size(len(holders)))
    cast = Cast(chain.senders)
    stage = Stage.set(chain, keys, epochs[0].epoch, epochs[0].folder, out / "journals", timed, proving,
                      changed=lambda config: _configured(config, cast))
    at = stage.at
    coin = Token(chain, at.vault.read("quote"))
    money = Money(at, coin, Named(chain, coin.address, "TrialToken"),
                  {name: getattr(at, name) for name in HOLDERS_OF_MONEY},
                  chain.senders, [*cast.owners, *cast.heirs], cast.venues, cast.keeper)
    money.follow()
    day = Day(stage, cast, coin, epochs, money, told=told)
    for venue in cast.venues:
        day.give(venue, BOND + CLEARING)
        coin.approve(at.settlement.address, BOND + CLEARING, sender=venue)
        at.settlement.transact("postBond", venue, BOND, sender=venue)
        at.settlement.transact("fundClearing", venue, CLEARING, sender=venue)
    day.pulse()
    day.begun = stage.now
    keyed = [*cast.venues, *cast.owners, *cast.bidders, cast.agent, *cast.heirs]
    escrows = timed("a committee's key, 6 of 9; everybody's own", lambda: demo_escrow.prepare(
        at, cast.admin, {who: cast.key(who) for who in keyed}, members=MEMBERS, threshold=THRESHOLD))
    timed("fund and seats", lambda: _back(day))
    timed("accounts: deposits, commitments", lambda: _open_accounts(day, holders))
    timed("their openings in escrow, proven", lambda: _escrow(day))
    day.begun = stage.now
    timed("covers", lambda: renew(day, list(day.accounts.values())))
    return day, escrows


def _configured(config: SystemConfig, cast: Cast) -> SystemConfig:
    limits = config.oracle.limits._replace(move_limits=(MOVES,) * 4)
    liquidation = config.liquidation
    return replace(
        config, roles=replace(config.roles, venues=tuple(sorted(cast.venues)), liquidators=tuple(cast.bidders)),
        oracle=replace(config.oracle, limits=limits), liquidation=replace(
            liquidation, fund_agent=cast.agent, terms=replace(liquidation.terms, bid_per_margin=STANDING)))


def _back(day: Day) -> None:
    """The fund's tranches, and the liquidators' seats."""
    at, cast, coin = day.stage.at, day.cast, day.coin
    day.give(cast.backer, SHARED_TRANCHE + OWN_TRANCHE)
    coin.approve(at.fund.address, SHARED_TRANCHE + OWN_TRANCHE, sender=cast.backer)
    for tranche, amount in ((SHARED, SHARED_TRANCHE), (cast.venues[1], OWN_TRANCHE)):
        at.fund.back(tranche, amount, at.fund.shares_for(tranche, amount), sender=cast.backer)
    for bidder in cast.bidders:
        day.give(bidder, SEAT)
        coin.approve(at.house.address, SEAT, sender=bidder)
        at.house.deposit(bidder, SEAT, sender=bidder)
        at.house.take_seat(sender=bidder)
    day.note(Kind.COVER, "the fund", "is backed", SHARED_TRANCHE + OWN_TRANCHE)


def _open_accounts(day: Day, holders: Sequence[Holder]) -> None:
    statement, first = statement_of_margins(), day.epochs[0].epoch
    for holder, address in zip(holders, day.cast.owners, strict=True):
        account = Account(holder, address, commit(statement, first, holder.portfolio()))
        day.top_up(account, _collateral(day, account))
        owner, venue = day.cast.key(address), day.cast.venues[holder.venue]
        desk = day.stage.at.desk
        consent = desk.consent(address, venue, account.opening.commitment, day.stage.now + 3_600)
        day.spent("register", desk.register(consent, consent.sign(owner), sender=venue).gas_used)
        day.accounts[address] = account
    total = sum(day.value(one.address, day.stage.ground()) for one in day.accounts.values())
    day.note(Kind.COVER, f"{len(holders)} accounts", "deposited, committed", total)


def _collateral(day: Day, account: Account) -> int:
    """What covers at initial margin under every epoch up to the holder's, and her spare; quote units."""
    from ..covering import least_value, required_margin
    holder = account.holder
    worst = max(required_margin(one.epoch, account.opening) for one in day.epochs[:holder.covers + 1])
    least = least_value(worst, day.stage.at.ledger.buffer_of(1)) * (10_000 + holder.spare) // 10_000
    factor = day.stage.ground().factors[0].v                      # 2^-64 quote units of V a quote unit
    return max(holder.least * UNIT, -(-(least << 64) // factor))


def _escrow(day: Day) -> None:
    for account in day.accounts.values():
        if day.stage.at.chain.next_time() > day.stage.at.oracle.latest_epoch_id() + 2 * PULSE - MINUTE:
            day.pulse()
        receipt = demo_escrow.post(day.stage.at, day.stage.keys["escrow"], account.opening, account.address,
                                   sender=day.cast.keeper)
        day.spent("postEscrow", receipt.gas_used)
    day.note(Kind.COVER, f"{len(day.accounts)} accounts", "openings in escrow: venue, owner, 6 of 9")
    day.pulse()
