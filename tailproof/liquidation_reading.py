"""Reading the public state of liquidations from a chain: accounts and lots by events, everything else by asking.

What was ever registered or opened is remembered between readings, and what is over is not asked again; the last blocks
are read anew each time, for a chain may change its end. Nothing is kept beyond the process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from primitives.errors import BadInput
from verifier_contracts.abi import named_call
from verifier_contracts.addresses import checksummed
from verifier_contracts.auction import AuctionHouse
from verifier_contracts.bindings import ZERO_ADDRESS, Contract
from verifier_contracts.bulk import read_many
from verifier_contracts.chain import Chain
from verifier_contracts.errors import ContractRefused
from verifier_contracts.events import Event, read_events
from verifier_contracts.fund import InsuranceFund, LossAllocator
from verifier_contracts.ledger import AccountWord, Source
from verifier_contracts.liquidation import (
    LiquidationCoordinator,
    LotState,
    PartialClose,
    Shortfall,
    SilenceCalls,
)
from verifier_contracts.oracle import RiskOracle
from verifier_contracts.token import Token
from verifier_contracts.vault import Factor

from .liquidation_state import Account, Money, Now, PublicLot, Rules, State, Venue
from .progress import Progress, quiet
from .withdrawing import factors_hash

if TYPE_CHECKING:
    from verifier_contracts.system import Contracts, System

    from .watching import Library

LIQUIDATE = 2
"""Of `ActionClass` in PausableByClass.sol."""
DEPTH = 64
"""Blocks that are read again: no chain is expected to change more of its end."""
LOOKED_BACK = 20_000
"""Blocks in which a list of factors is looked for."""
AT_ONCE = 125
"""Accounts whose states are read together; those after them are read later, and so are younger."""
OLDER_EPOCHS = 8
"""Epochs before the latest in which a known list of factors is looked for."""
_FINALITY = 1_200
QUIET = 60
"""Seconds by which a chain that makes no blocks may be behind its clock before that is reckoned with."""


@dataclass(frozen=True)
class Site:
    """The contracts of liquidation beside a system's.

    first : block to read events from.  coin : the quote asset.
    """

    there: Contracts
    first: int
    coin: Token
    silence: SilenceCalls
    closes: PartialClose
    coordinator: LiquidationCoordinator
    house: AuctionHouse
    fund: InsuranceFund
    allocator: LossAllocator

    @property
    def chain(self) -> Chain:
        """Where they are."""
        return self.there.chain

    @property
    def oracle(self) -> RiskOracle:
        """The system's."""
        return self.there.oracle

    def named(self, name: str) -> Contract:
        """One by its name here: "oracle", "silence", "closes", "coordinator", "house", "fund", "allocator"."""
        found: Contract = getattr(self, name)
        return found


def open_site(system: System, there: Contracts) -> Site:
    """The contracts of liquidation of a deployment, which was compared with the chain."""
    return Site(there, system.block, Token(there.chain, system.quote_token), there.silence, there.closes,
                there.coordinator, there.house, there.fund, there.allocator)


# -- lists of factors --------------------------------------------------------------------------------------------------
class FactorBook:
    """Lists of collateral factors by their hash: the oracle keeps the hash alone, and whoever opens a lot has to bring
    the list. They are had from epoch directories, and from what others brought to the contracts before.

    library : of epoch directories.  collateral : their collateral file, in full revaluation.
    """

    def __init__(self, library: Library | None = None, collateral: bytes | None = None) -> None:
        self._library, self._collateral = library, collateral
        self._known: dict[bytes, tuple[Factor, ...]] = {}
        self._seen: set[str] = set()
        self._upto: int | None = None

    def add(self, factors: Sequence[Factor]) -> None:
        """Remember a list."""
        self._known[factors_hash(factors)] = tuple(factors)

    def find(self, there: Contracts, epoch_id: int) -> tuple[Factor, ...] | None:
        """The list of a published epoch; None if nobody has told it."""
        try:
            wanted = there.oracle.factors_hash_of(epoch_id)
        except ContractRefused:                                    # ContentForgotten, UnknownEpoch
            return None
        if wanted not in self._known:
            self._from_directory(there, epoch_id)
        if wanted not in self._known:
            self._from_calls(there, epoch_id)
        return self._known.get(wanted)

    def _from_directory(self, there: Contracts, epoch_id: int) -> None:
        from .epoch_contents import factors_of
        if self._library is None:
            return
        self._library.refresh()
        held = self._library.by_root(there.oracle.stored_root_of(epoch_id)[0])
        if held is not None:
            try:
                self.add([Factor(*factor) for factor in factors_of(held.epoch, self._collateral)])
            except BadInput:                                       # it needs a collateral file
                return

    def _from_calls(self, there: Contracts, epoch_id: int) -> None:
        """Out of the calldata of attestations, under this epoch or one before, whose list is often the same."""
        published = there.oracle.facts_of(epoch_id).block_number
        first = max(there.chain.block_number() - LOOKED_BACK, 0) if self._upto is None else max(0, self._upto - DEPTH)
        first = min(first, published)
        names = {"CoverAttested", "MarginCovered", "AccountCalled"}
        found = read_events(there.chain, {"ledger": there.ledger}, first, names=names)
        missed = [block for event in found.events if (block := self._from_transaction(there, event)) is not None]
        # Only what was looked at is not looked at again: a node that failed, or was behind, is asked anew.
        self._upto = min([found.upto.number, *(block + DEPTH for block in missed)])

    def _from_transaction(self, there: Contracts, event: Event) -> int | None:
        """Lists in the call that an event is of; its block, where the node does not have the transaction yet."""
        if event.transaction in self._seen:
            return None
        sent = there.chain.sent(event.transaction)
        if sent is None:
            return event.block
        for contract in (there.ledger, there.desk, there.attestor, there.vault):
            made = named_call(contract.artifact, sent[1]) if sent[0] == contract.address else None
            for listed in () if made is None else _lists(made[1]):
                self.add(listed)
        self._seen.add(event.transaction)
        return None


def _lists(value: Any) -> Iterator[list[Factor]]:
    """Every list called factors in the arguments of a call."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name == "factors" and isinstance(part, list):
                yield [Factor(*one.values()) for one in part if isinstance(one, Mapping)]
            else:
                yield from _lists(part)
    elif isinstance(value, list):
        for part in value:
            yield from _lists(part)


# -- reading -----------------------------------------------------------------------------------------------------------
@dataclass
class _Seen:
    """What events have told so far. upto : the last block that was read."""

    accounts: dict[str, None] = field(default_factory=dict)
    shown: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    losses: dict[bytes, None] = field(default_factory=dict)
    called: dict[str, None] = field(default_factory=dict)
    pools: dict[int, None] = field(default_factory=dict)
    upto: int = -1


class Reader:
    """Reads states, one after the other.

    site : the contracts.  factors : where lists of factors are found.
    only : read this account, its venue and its lots alone; None: everything.
    """

    def __init__(self, site: Site, factors: FactorBook | None = None, *, only: str | None = None,
                 progress: Progress = quiet) -> None:
        self.site, self.factors, self._only, self._progress = site, factors or FactorBook(), only, progress
        self._seen, self._settled = _Seen(), dict[int, int]()
        self._fixed: dict[str, Any] = {}
        self._live_at: dict[int, int] = {}

    def read(self, between: Callable[[], object] = lambda: None) -> State:
        """The state at the latest block.  between : asked before each account, of which there may be thousands."""
        now, rules = self._now(), self._rules()
        self._events()
        self._live_at.clear()                      # a chain may change its end, and publish an epoch at another time
        epoch_id, factors = self._epoch(now)
        accounts, wanted = list[Account](), [one for one in self._seen.accounts if self._only in (None, one)]
        for start in range(0, len(wanted), AT_ONCE):
            for address, (word, venue) in self._words(wanted[start:start + AT_ONCE]).items():
                between()
                if (found := self._account(now, address, word, venue, factors)) is not None:
                    accounts.append(found)
        venues = [self._venue(rules, venue) for venue in dict.fromkeys(one.venue for one in accounts)]
        lots = self._lots(rules, now)
        return State(now, rules, accounts, venues, lots, Money() if self._only else self._money(), epoch_id, factors)

    def read_lots(self) -> State:
        """Clocks, rules and lots alone: soon read, however many accounts there are."""
        now, rules = self._now(), self._rules()
        return State(now, rules, lots=self._lots(rules, now))

    # -- clocks and rules ------------------------------------------------------------------------------------------
    def _now(self) -> Now:
        site, oracle = self.site, self.site.there.oracle
        wall, live, latest = site.chain.now(), oracle.live_time(), oracle.latest_epoch_id()
        tripped, paused = oracle.is_tripped(), site.there.vault.paused_until(LIQUIDATE)
        gap = latest + int(oracle.read("heartbeat")) if latest else wall
        ahead = site.chain.next_time() - wall
        if ahead > QUIET:                                  # no blocks come: a transaction would be in a later second
            live += 0 if tripped or wall < paused else max(0, min(ahead, gap - wall))
            wall += ahead
        return Now(wall, live, latest, tripped, paused, not tripped and wall >= paused and wall < gap,
                   self._no_reset() if tripped else None)

    def _no_reset(self) -> str | None:
        """What the oracle says to who would reset the breaker: whether prices are calm, and references agree, it knows
        alone."""
        try:
            self.site.there.oracle.check("resetBreaker")
        except ContractRefused as refused:
            return refused.name
        return None

    def _rules(self) -> Rules:
        site = self.site
        if not self._fixed:
            ledger, venue_delivers = site.there.ledger, site.coordinator.delivery_times()
            self._fixed = {
                "patience": site.silence.patience(), "owners_time": site.closes.owners_time(),
                "venues_time": site.closes.venues_time(), "venue_delivers": venue_delivers[0],
                "committee_delivers": venue_delivers[1], "max_epoch_age": ledger.max_epoch_age(),
                "final_epoch_age": ledger.final_epoch_age(), "times": site.house.times(),
                "empty": site.coordinator.empty()[1]}
        called_in, called = site.silence.called()
        return Rules(**self._fixed, accounts=site.there.desk.accounts(), called_in=called_in, called=called,
                     generation=site.there.registry.active("cover").generation)

    def _epoch(self, now: Now) -> tuple[int, tuple[Factor, ...]]:
        """The newest epoch whose factors are known."""
        there, epoch_id = self.site.there, now.latest_epoch
        for _ in range(OLDER_EPOCHS):
            if not epoch_id:
                break
            if not there.oracle.stored_root_of(epoch_id)[1]:
                found = self.factors.find(there, epoch_id)
                if found is not None:
                    return epoch_id, found
            epoch_id = there.oracle.facts_of(epoch_id).previous_id
        return 0, ()

    # -- events ----------------------------------------------------------------------------------------------------
    def _events(self) -> None:
        site, seen = self.site, self._seen
        contracts: dict[str, Contract] = {"desk": site.there.desk, "closes": site.closes, "fund": site.fund,
                                          "coordinator": site.coordinator, "allocator": site.allocator,
                                          "ledger": site.there.ledger}
        names = {"CommitmentRegistered", "CommitmentHandedOver", "ShortfallShown", "LossCovered", "AccountCalled",
                 "PoolCharged"}
        found = read_events(site.chain, contracts, max(site.first, seen.upto - DEPTH), names=names,
                            report=self._progress)
        for event in found.events:
            self._take(event)
        seen.upto = found.upto.number

    def _take(self, event: Event) -> None:
        told, seen = event.arguments, self._seen
        if event.name == "CommitmentRegistered":
            seen.accounts[checksummed(told["account"])] = None
        elif event.name == "CommitmentHandedOver":
            seen.accounts[checksummed(told["to"])] = None
        elif event.name == "ShortfallShown":
            seen.shown[checksummed(told["account"])] = (int(told["epochId"]), int(told["version"]),
                                                        int(told["claimed"]))
        elif event.name == "AccountCalled":
            seen.called[checksummed(told["account"])] = None
        elif event.name == "PoolCharged":
            seen.pools[int(told["pool"])] = None
        elif told["deficit"]:
            seen.losses[bytes(told["lossId"])] = None

    # -- accounts --------------------------------------------------------------------------------------------------
    def _words(self, accounts: Sequence[str]) -> dict[str, tuple[AccountWord, str]]:
        """State and venue of accounts as the ledger has them, in two requests for AT_ONCE."""
        ledger, of = self.site.there.ledger, [[account] for account in accounts]
        return {account: (AccountWord(*word), checksummed(f"0x{venue:040x}")) for account, word, (venue,) in
                zip(accounts, read_many(ledger, "stateOf", of, 6), read_many(ledger, "venueOf", of, 1), strict=True)}

    def _account(self, now: Now, address: str, word: AccountWord, venue: str, factors: Sequence[Factor]
                 ) -> Account | None:
        """No question where its cover's time has not run out, more where something may stand before it."""
        there, site = self.site.there, self.site
        if not word.version or venue == ZERO_ADDRESS:
            return None
        facts: dict[str, Any] = {"clock": word.clock, "epoch_id": word.epoch_id}
        if not word.called and word.source is not Source.FLAT and now.wall <= word.clock:
            facts |= {"commitment": 1, "loss_noted": self._is_loss_noted(address)}  # of no consequence before its end
            return Account(address, venue, word.version, **self._dated(facts))
        facts |= {"commitment": there.ledger.commitment_of(address),
                  "covered": not there.ledger.is_reduce_only(address)}
        facts["flat"] = word.source is Source.FLAT and facts["covered"]
        call = there.ledger.call_of(address)
        facts["loss_noted"] = self._is_loss_noted(address)
        if call is not None and call.stands:
            facts |= {"call": call, "call_final": there.oracle.is_final(call.epoch_id),
                      "passed_at": site.closes.venues_time_of(address)[0], "lot_id": there.vault.lot_of(address),
                      "disclosed": site.coordinator.is_disclosed(address, facts["commitment"]),
                      "breached": there.desk.breached_at(venue) != 0,
                      "shown": self._shown(address, word.version, factors)}
            if not facts["call_final"] and call.epoch_id:
                facts["call_final_at"] = there.oracle.facts_of(call.epoch_id).live_at + _FINALITY
            facts["loss"] = self._is_loss(address, facts["lot_id"], facts["commitment"], word.value)
            return Account(address, venue, word.version, **facts)
        facts["call"] = call
        if not facts["flat"] and not facts["covered"] and facts["commitment"]:
            facts["noted"] = self._is_noted(address)
        return Account(address, venue, word.version, **self._dated(facts))

    def _is_loss_noted(self, address: str) -> bool:
        """What the contract keeps. No event tells it, and only who was called once can have one."""
        return address in self._seen.called and self.site.coordinator.is_loss_open(address)

    def _is_loss(self, address: str, lot_id: int, commitment: int, claimed: int) -> bool:
        """As `LiquidationCoordinator._isLoss`, of a call that stands: a claim of 0 is a silence's."""
        site = self.site
        if lot_id:
            return site.coordinator.lot_of(lot_id).state is LotState.OPEN
        return commitment != site.coordinator.empty()[1] and (claimed != 0 or site.closes.is_shown(address))

    def _dated(self, facts: dict[str, Any]) -> dict[str, Any]:
        epoch_id = facts["epoch_id"]
        if epoch_id and epoch_id not in self._live_at:         # of thousands of accounts under one epoch
            self._live_at[epoch_id] = self.site.there.oracle.facts_of(epoch_id).live_at
        return {**facts, "epoch_live_at": self._live_at[epoch_id] if epoch_id else 0}

    def _is_noted(self, address: str) -> bool:
        """Notes are not readable one by one: the contract says AlreadyNoted to who tries."""
        try:
            self.site.silence.check("noteSilence", address)
        except ContractRefused as refused:
            return refused.name == "AlreadyNoted"
        return False

    def _shown(self, address: str, version: int, factors: Sequence[Factor]) -> Shortfall | None:
        """The last shortfall that was shown, if its list of factors is known."""
        epoch_id, shown_version, claimed = self._seen.shown.get(address, (0, 0, 0))
        if not epoch_id or shown_version != version:
            return None
        listed = self.factors.find(self.site.there, epoch_id)
        return None if listed is None else Shortfall(epoch_id, claimed, listed)

    def _venue(self, rules: Rules, venue: str) -> Venue:
        ledger, queue = self.site.there.ledger, self.site.silence.queue_of(venue)
        first = queue.first
        if first is None:
            return Venue(venue, queue)
        word, call = ledger.state_of(first.account), ledger.call_of(first.account)
        silent = (word.clock == first.clock and first.generation == rules.generation
                  and ledger.venue_of(first.account) == venue and ledger.commitment_of(first.account) != 0
                  and ledger.is_reduce_only(first.account) and not (call is not None and call.stands))
        return Venue(venue, queue, not silent)

    # -- lots ------------------------------------------------------------------------------------------------------
    def _lots(self, rules: Rules, now: Now) -> list[PublicLot]:
        lots = [one for lot_id in range(1, self.site.coordinator.lots() + 1)
                if self._settled.get(lot_id, 1 << 60) > now.wall - 3_600
                and (one := self._lot(lot_id)) is not None]
        self._settle(rules, now, lots)
        return lots

    def _lot(self, lot_id: int) -> PublicLot | None:
        site, there = self.site, self.site.there
        own = site.coordinator.lot_of(lot_id)
        if own.state is LotState.NONE or self._only not in (None, own.account):
            return None
        call = there.ledger.call_of(own.account)
        frozen = any(there.oracle.stored_root_of(epoch_id)[1]
                     for epoch_id in {own.epoch_id, call.epoch_id if call else 0} if epoch_id)
        seats, published = there.escrow.delivered_to(lot_id)
        return PublicLot(lot_id, own, site.house.lot_of(lot_id), call, there.ledger.version_of(own.account), frozen,
                         seats, published, there.escrow.is_public_order(lot_id))

    def _settle(self, rules: Rules, now: Now, lots: Sequence[PublicLot]) -> None:
        """Note which lots are over and hold nothing; for an hour they are asked again, in case the chain changes."""
        for one in lots:
            late = one.own.ordered_at and not one.delivered and not one.own.breached
            over = one.own.state.over and one.stage(rules.times, now.live).over
            if over and not one.held_bonds and (not late or one.own.state is LotState.VOIDED):
                self._settled.setdefault(one.lot_id, now.wall)
            else:
                self._settled.pop(one.lot_id, None)

    # -- money -----------------------------------------------------------------------------------------------------
    def _money(self) -> Money:
        site = self.site
        fund, allocator = site.fund, site.allocator
        repaid, waiting = int(fund.read("repaid")), []
        for loss_id in self._seen.losses if repaid else ():
            found = fund.deficit_of(loss_id)
            if min(found.amount, max(0, repaid - found.start)) > found.forwarded:
                waiting.append(loss_id)
        # Of pools that were ever charged: there is another for each venue and epoch, and most never are.
        dust = {number: pool.closes_at for number in self._seen.pools
                if (pool := allocator.pool_of(number)).paid < 0}
        return Money(site.house.stake_of(fund.address).free,
                     max(0, site.coin.balance_of(fund.address) - int(fund.read("held"))), tuple(waiting), dust)


def site_library(folders: Sequence[Path]) -> Library | None:
    """Epoch directories to look for factors in; None if there are none."""
    from .watching import Library
    return Library(folders) if folders else None
