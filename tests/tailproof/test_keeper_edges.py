"""A keeper's decisions against the contracts, to the second: at each moment a step is due exactly if it is accepted.

The real contracts on revm, where time is what a test says; house, escrow and fund beside the coordinator are stand-ins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from houseworld import BIDDERS, FAILED, RESERVE, STEP, HouseWorld
from houseworld import build as build_house_world
from ledger_world import LIVES
from liquidation_world import ANYBODY, DAY, EMPTY, FACTORS, HOUR, MINUTE, Kept, LiquidationWorld, build_liquidation
from liquidation_world import Stage as TrialStage
from mocks import compiled
from revmchain import Contract as RevmContract
from revmchain import Refusal
from revmsystem import INTERVAL, MARKS

from tailproof.keeper_steps import Entry, OpenLot, Refund, agenda, due
from tailproof.liquidation_reading import FactorBook, Reader, Site
from tailproof.liquidation_state import Moment, Money, Now, PublicLot, Rules, State
from tailproof.liquidation_status import status_of
from verifier_contracts.auction import AuctionHouse, Lot, Place, Stage, Times
from verifier_contracts.errors import ContractRefused
from verifier_contracts.ledger import AccountWord, CommitmentDesk, MarginLedger
from verifier_contracts.liquidation import LiquidationCoordinator, LotState, OwnLot, PartialClose, SilenceCalls
from verifier_contracts.oracle import RiskOracle
from verifier_contracts.vault import CollateralVault, Factor
from verifier_contracts.verifier_registry import VerifierRegistry

LONG = Times(*[10 * HOUR] * 6)
"""Of stages that a test sets by hand."""
ALL_HOUSE = {"note-delivery", "clear", "pass-over", "refund"}


def bound(kind: type[Any], contract: RevmContract) -> Any:
    """A typed binding on revm: it reads, and tries."""
    def read(self: Any, function: str, *arguments: Any) -> Any:
        return contract(function, *arguments)

    def check(self: Any, function: str, *arguments: Any, **_: Any) -> bytes:
        refused = tried(contract, function, arguments)
        if refused is not None:
            raise ContractRefused(refused)
        return b""

    made = type(kind.__name__, (kind,), {"read": read, "check": check, "__init__": lambda self: None})()
    made.address, made.chain = contract.address, None
    return made


def tried(contract: RevmContract, function: str, arguments: Any) -> str | None:
    """The refusal of a call, which leaves nothing behind; None if it is accepted."""
    snapshot = contract.machine.evm.snapshot()
    try:
        contract(function, *arguments, sender=ANYBODY)
    except Refusal as refusal:
        return refusal.name
    finally:
        contract.machine.evm.revert(snapshot)
    return None


class RevmReader(Reader):
    """The real reader, told of accounts and shortfalls; a lot's stage is what the stand-in of the house says."""

    def __init__(self, w: LiquidationWorld) -> None:
        there = SimpleNamespace(
            oracle=bound(RiskOracle, w.s.oracle), ledger=bound(MarginLedger, w.s.ledger),
            desk=bound(CommitmentDesk, w.s.desk), vault=bound(CollateralVault, w.s.vault),
            registry=bound(VerifierRegistry, w.s.registry))
        house = SimpleNamespace(times=lambda: LONG)
        chain = SimpleNamespace(now=lambda: w.now, next_time=lambda: w.now)
        there.chain = chain
        book = FactorBook()
        book.add([Factor(*factor) for factor in FACTORS])
        site: Any = Site(there, 0, None, bound(SilenceCalls, w.silence), bound(PartialClose, w.closes),  # type: ignore[arg-type]
                         bound(LiquidationCoordinator, w.coordinator), house, None, None)  # type: ignore[arg-type]
        super().__init__(site, book)
        self.w, self.shown = w, dict[str, tuple[int, int, int]]()

    def _events(self) -> None:
        self._seen.accounts = dict.fromkeys(self.w.keys)
        self._seen.called = dict.fromkeys(self.w.keys)
        self._seen.shown = self.shown

    def _words(self, accounts: Sequence[str]) -> dict[str, tuple[AccountWord, str]]:
        ledger = self.site.there.ledger            # of an EVM that has no node
        return {one: (ledger.state_of(one), ledger.venue_of(one)) for one in accounts}

    def _money(self) -> Money:
        return Money()

    def _lot(self, lot_id: int) -> PublicLot | None:
        w, own = self.w, self.site.coordinator.lot_of(lot_id)
        stage, live = Stage(w.house("stageOf", lot_id)), w.live
        ends = {Stage.BLIND: live + 9, Stage.DISCLOSURE: live, Stage.COMMIT: live - LONG.disclosure}.get(stage, 0)
        over = stage if stage.over else Stage.NONE
        lot = Lot(over, 0, False, 0 if stage is Stage.AWARD else None, ends, live + 99, own.account, 1, 1, 1, b"1" * 32,
                  (Place(own.account, 0, bytes(32), False, False, False, False, True),))
        seats, published = w.escrow("deliveredTo", lot_id)
        frozen = any(self.site.there.oracle.stored_root_of(epoch)[1] for epoch in (
            own.epoch_id, w.s.ledger("callOf", own.account)[2]) if epoch)
        public = w.escrow("orders", lot_id) > 0 and w.escrow("recipientsOf", lot_id) == 0
        return PublicLot(lot_id, own, lot, self.site.there.ledger.call_of(own.account), w.version(own.account), frozen,
                         seats, published, public)


@pytest.fixture(scope="module")
def built() -> LiquidationWorld:
    return build_liquidation()


@pytest.fixture
def lw(built: LiquidationWorld) -> Iterator[LiquidationWorld]:
    with Kept(built) as world:
        yield world


@pytest.fixture
def reader(lw: LiquidationWorld) -> RevmReader:
    return RevmReader(lw)


def compared(reader: RevmReader) -> dict[str, Entry]:
    """Each step of the agenda is due exactly if the contract takes it now; the agenda by names."""
    state, found = reader.read(), {}
    for entry in agenda(state):
        if entry.step.name in ALL_HOUSE:
            continue
        contract = reader.w.s.oracle if entry.step.contract == "oracle" else getattr(reader.w, entry.step.contract)
        refused = tried(contract, entry.step.function, entry.step.arguments())
        assert entry.due(state) == (refused is None), (entry, refused, state.now)
        found[entry.step.name] = entry
    return found


def go(w: LiquidationWorld, moment: Moment) -> None:
    """To a second of a clock, with epochs coming."""
    if moment.clock == "live":
        w.live_to(moment.at)
    while w.now < moment.at and moment.clock == "wall":
        w.run(min(300, moment.at - w.now))


def edge(reader: RevmReader, name: str) -> Entry:
    """A step that waits: refused until the second before its moment, accepted at it."""
    state = reader.read()
    (entry,) = (one for one in agenda(state) if one.step.name == name)
    while (moment := entry.next(state)) is not None:
        go(reader.w, moment._replace(at=moment.at - 1))
        assert not compared(reader)[name].due(reader.read()), "a second early"
        reader.w.run(1)
        state = reader.read()
        (entry,) = (one for one in agenda(state) if one.step.name == name)
    assert compared(reader)[name].due(state)
    return entry


def covered(w: LiquidationWorld, value: int = 1_000, margin: int = 500) -> str:
    w.register(w.owner_key, margin)
    w.deposit(w.owner, value)
    w.cover(w.owner)
    return w.owner


def do(w: LiquidationWorld, entry: Entry) -> Any:
    return getattr(w, entry.step.contract)(entry.step.function, *entry.step.arguments(), sender=ANYBODY)


# -- the breaker -------------------------------------------------------------------------------------------------------
def test_a_breaker_is_reset_once_prices_are_calm_and_references_agree(lw: LiquidationWorld, reader: RevmReader) -> None:
    s, step = lw.s, "reset-breaker"
    feed = s.machine.deploy(compiled("MockReference")["MockReference"], sender=s.admin)
    assert step not in compared(reader), "it is not tripped"
    lw.wait(INTERVAL)
    fallen = (MARKS[0] * 8 // 10, MARKS[1])
    s.publish(FACTORS, fallen)
    assert compared(reader)[step].waits == ("the oracle says NotCalm",)
    for _ in range(3):
        lw.wait(INTERVAL)
        s.publish(FACTORS, fallen)
    assert compared(reader)[step].waits == ("the oracle says NoReference",)
    s.oracle("setReference", 0, 0, (feed.address, 8, DAY, 500), sender=s.admin)
    feed("set", MARKS[0] * 100, lw.now, 0)                    # in 1e-8, as before the fall
    assert compared(reader)[step].waits == ("the oracle says ReferenceDisagrees",)
    feed("set", fallen[0] * 100, lw.now, 0)
    entry = compared(reader)[step]
    assert entry.due(reader.read())
    assert due(reader.read())[0].name == step, "first of all: until then nothing is sold"
    s.oracle(entry.step.function, *entry.step.arguments(), sender=ANYBODY)
    assert step not in compared(reader)


# -- from silence to a lot ---------------------------------------------------------------------------------------------
def test_every_step_from_a_cover_to_a_lot_is_due_to_the_second(lw: LiquidationWorld, reader: RevmReader) -> None:
    covered(lw)
    assert status_of(reader.read(), lw.owner).stage == "covered"
    for name, stage in (("note-silence", "silent"), ("call-silent", "owners-time"), ("pass-to-venue", "venues-time"),
                        ("open-lot", "lot-blind")):
        do(lw, edge(reader, name))
        found = status_of(reader.read(), lw.owner)
        assert found.stage == stage
        assert found.healthy == (name == "note-silence")
        compared(reader)
    assert lw.state(1) == LotState.OPEN
    assert lw.lot(1)[9] == 0, "a keeper opens without a margin: it is nobody's business"


def test_an_account_that_was_never_covered_has_a_life_and_what_stops_the_clock_lengthens_it(
        lw: LiquidationWorld, reader: RevmReader) -> None:
    covered(lw)
    start = lw.epoch
    lw.wait(HOUR)                                            # epochs are missing: live time stands still (R20)
    lw.publish()
    lw.run(2)
    state = reader.read()
    (entry,) = agenda(state)
    assert lw.now > start + LIVES[1]
    assert entry.next(state) is not None
    assert entry.next(state).clock == "live"  # type: ignore[union-attr]
    edge(reader, "note-silence")


def test_a_registration_alone_is_silent_after_its_life(lw: LiquidationWorld, reader: RevmReader) -> None:
    lw.register(lw.owner_key, 500)
    edge(reader, "note-silence")


def test_nothing_is_due_of_who_is_flat_covered_again_or_noted(lw: LiquidationWorld, reader: RevmReader) -> None:
    covered(lw)
    do(lw, edge(reader, "note-silence"))
    assert "note-silence" not in compared(reader)
    lw.live_to(lw.live + 30 * MINUTE - 1)
    assert not due(reader.read())
    lw.cover(lw.owner)
    state = reader.read()
    assert [step.name for step in due(state)] == ["call-silent"], "what is over is passed by, so that others come"
    assert [one.first_over for one in state.venues] == [True]
    do(lw, compared(reader)["call-silent"])
    assert not due(reader.read())


def test_silent_accounts_are_called_one_an_epoch(lw: LiquidationWorld, reader: RevmReader) -> None:
    for name in ("a", "b"):
        lw.register(lw.key(name), 500)


    while len([step for step in due(reader.read()) if step.name == "note-silence"]) < 2:
        lw.run(60)
    for step in due(reader.read()):
        lw.silence(step.function, *step.arguments())
    do(lw, edge(reader, "call-silent"))
    entry = compared(reader)["call-silent"]
    assert entry.waits
    assert not entry.due(reader.read())
    lw.publish_now()
    assert compared(reader)["call-silent"].due(reader.read())


def test_a_call_by_a_shortfall_waits_for_its_epoch_to_be_final(lw: LiquidationWorld, reader: RevmReader) -> None:
    lw.trouble()
    entry = compared(reader)["pass-to-venue"]
    assert entry.waits
    while not compared(reader)["pass-to-venue"].due(reader.read()):
        lw.run(60)
    do(lw, compared(reader)["pass-to-venue"])
    edge(reader, "open-lot")


# -- lots --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def on_sale(lw: LiquidationWorld, reader: RevmReader) -> RevmReader:
    lw.to_lots(lw.trouble())
    (step,) = (one for one in due(reader.read()) if isinstance(one, OpenLot))
    lw.coordinator("openLot", *step.arguments())
    lw.house("set", 1, TrialStage.DISCLOSURE)
    return reader


def test_orders_breach_and_the_public_order_to_the_second(on_sale: RevmReader) -> None:
    w = on_sale.w
    do(w, compared(on_sale)["order"])
    assert "order" not in compared(on_sale)
    edge(on_sale, "breach")
    public = edge(on_sale, "order-public")
    do(w, compared(on_sale)["breach"])
    assert "breach" not in compared(on_sale)
    do(w, public)
    assert "order-public" not in compared(on_sale), "once: the contract would take it again"
    w.escrow("deliver", 1, 0, True)
    assert not {"breach", "order-public"} & compared(on_sale).keys()


def test_who_has_delivered_is_in_no_breach(on_sale: RevmReader) -> None:
    do(on_sale.w, compared(on_sale)["order"])
    on_sale.w.escrow("deliver", 1, 3, False)
    on_sale.w.live_to(on_sale.w.live + HOUR)
    assert not {"breach", "order-public", "order"} & compared(on_sale).keys()


@pytest.mark.parametrize("delivered", [False, True])
def test_a_failed_auction_ends_its_lot_and_a_stuck_one_is_revived_by_a_shortfall_that_was_shown(
        on_sale: RevmReader, delivered: bool) -> None:
    w = on_sale.w
    do(w, compared(on_sale)["order"])
    w.escrow("deliver", 1, 3 if delivered else 0, False)
    w.house("set", 1, TrialStage.FAILED)
    do(w, compared(on_sale)["fail-lot"])
    assert w.state(1) == (LotState.FAILED if delivered else LotState.STUCK)
    entry = compared(on_sale).get("open-lot")
    if delivered:
        assert entry is not None
        assert any("disclosed before" in why for why in entry.waits)
    else:
        assert entry is None
    assert status_of(on_sale.read(), w.owner).stage == ("lots" if delivered else "stuck")
    made = w.short(w.owner)
    w.closes("showShortfall", w.owner, made)
    on_sale.shown[w.owner] = (made[0], w.version(w.owner), made[1])
    if delivered:                                          # M is wanted too, which no keeper can prove
        entry = compared(on_sale)["open-lot"]
        assert not entry.due(on_sale.read())
        assert tried(w.coordinator, "openLot", (*entry.step.arguments()[:-1], made)) == "MarginMissing"
        return
    assert compared(on_sale)["revive"].due(on_sale.read())
    do(w, compared(on_sale)["revive"])
    assert w.state(1) == LotState.RELEASED


def test_a_shortfall_that_has_grown_old_revives_nothing(on_sale: RevmReader) -> None:
    w = on_sale.w
    w.house("set", 1, TrialStage.FAILED)
    do(w, compared(on_sale)["fail-lot"])
    made = w.short(w.owner)
    w.closes("showShortfall", w.owner, made)
    on_sale.shown[w.owner] = (made[0], w.version(w.owner), made[1])
    go(w, Moment("wall", made[0] + on_sale.read().rules.final_epoch_age))
    assert compared(on_sale)["revive"].due(on_sale.read())
    w.run(1)
    state = on_sale.read()
    assert "revive" not in {step.name for step in due(state)}
    assert tried(w.coordinator, "reviveLot", (1, made)) == "StaleEpoch"


def test_a_cured_account_voids_its_lot(on_sale: RevmReader) -> None:
    w = on_sale.w
    assert tried(w.coordinator, "voidLot", (1,)) == "NothingToVoid"
    assert "void" not in compared(on_sale)
    w.deposit(w.owner, 5_000)
    w.cover(w.owner)
    assert {step.name for step in due(on_sale.read())} - ALL_HOUSE == {"void", "note-loss"}
    do(w, compared(on_sale)["void"])
    assert w.state(1) == LotState.VOIDED


def test_a_frozen_epoch_voids_a_lot(on_sale: RevmReader) -> None:
    w = on_sale.w
    w.s.freeze(w.lot(1)[6])
    assert "void" in {step.name for step in due(on_sale.read())}
    assert tried(w.coordinator, "voidLot", (1,)) is None


def test_nothing_is_sold_while_liquidation_is_paused_or_the_breaker_tripped(lw: LiquidationWorld, reader: RevmReader
                                                                            ) -> None:
    lw.to_lots(lw.trouble())
    assert "open-lot" in {step.name for step in due(reader.read())}
    lw.s.vault("pause", 2, HOUR, sender=lw.s.guardian)
    entry = compared(reader)["open-lot"]
    assert entry.next(reader.read()) == Moment("wall", lw.now + HOUR)
    tripped = replace(reader.read(), now=replace(reader.read().now, tripped=True))
    assert not [step for step in due(tripped) if isinstance(step, OpenLot)]


def test_a_list_of_factors_that_nobody_knows_opens_nothing(lw: LiquidationWorld, reader: RevmReader) -> None:
    lw.to_lots(lw.trouble())
    state = replace(reader.read(), epoch_id=0, factors=())
    (entry,) = (one for one in agenda(state) if isinstance(one.step, OpenLot))
    assert not entry.due(state)
    assert "--epochs" in entry.waits[0]


# -- the house ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def house() -> HouseWorld:
    return build_house_world()


def house_state(h: HouseWorld, lot_id: int) -> State:
    typed = bound(AuctionHouse, h.house)
    seats, published = h.escrow("deliveredTo", lot_id)
    own = OwnLot(FAILED, 1, LotState.OPEN, False, 1, FAILED, 1, 7, 1, 1)
    lot = PublicLot(lot_id, own, typed.lot_of(lot_id), seats=seats, published=published)
    rules = Rules(1, 1, 1, 1 << 40, 1 << 40, 1, 1, typed.times(), EMPTY, 1)
    return State(Now(h.system.now, h.live, 1), rules, lots=[lot])


def house_compared(h: HouseWorld, lot_id: int) -> dict[str, Entry]:
    state, found = house_state(h, lot_id), {}
    assert state.lots[0].stage(state.rules.times, state.now.live) is h.stage(lot_id)
    for entry in agenda(state):
        if entry.step.contract == "house":
            refused = tried(h.house, entry.step.function, entry.step.arguments())
            assert entry.due(state) == (refused is None), (entry, refused)
            found[entry.step.name] = entry
    return found


def house_edge(h: HouseWorld, lot_id: int, name: str) -> Entry:
    state = house_state(h, lot_id)
    (entry,) = (one for one in agenda(state) if one.step.name == name)
    moment = entry.next(state)
    assert moment is not None
    h.to(moment.at - 1)
    assert not house_compared(h, lot_id)[name].due(house_state(h, lot_id))
    h.go(1)
    assert house_compared(h, lot_id)[name].due(house_state(h, lot_id))
    return entry


def test_an_auctions_steps_are_due_to_the_second(house: HouseWorld) -> None:
    h, (a, b, *_) = house, BIDDERS
    lot = h.open()
    h.bid(lot, a, 0)
    h.bid(lot, b, STEP)
    h.escrow("deliver", lot, 0b11111, False)
    house_edge(h, lot, "note-delivery")
    h.house("noteDelivery", lot)
    assert "note-delivery" not in house_compared(h, lot)
    h.after(lot, Stage.COMMIT)
    h.commit(lot, a, RESERVE)
    h.show(lot)
    for stage in (Stage.SEALED, Stage.REVEAL):
        h.after(lot, stage)
        house_compared(h, lot)
    h.reveal(lot, a, RESERVE)
    house_edge(h, lot, "clear")
    h.house("clear", lot)
    for _ in range(3):                                       # a, b, and the fund do not carry it
        entry = house_edge(h, lot, "pass-over")
        h.house("fail", lot)
    assert h.stage(lot) is Stage.FAILED
    state = house_state(h, lot)
    assert [step for step in due(state) if isinstance(step, Refund)] == [], "both forfeited: nothing is held"
    assert entry.step.subject == f"lot {lot}"


def test_delivery_is_noted_in_time_or_not_at_all(house: HouseWorld) -> None:
    h = house
    lot = h.open()
    h.bid(lot, BIDDERS[2], 0)
    h.escrow("deliver", lot, 0b11, False)
    h.after(lot, Stage.SEALED)

    assert "note-delivery" not in house_compared(h, lot)
    h.void(lot)
    (refund,) = (step for step in due(house_state(h, lot)) if isinstance(step, Refund))
    assert refund.bidder == BIDDERS[2]
    h.house(refund.function, *refund.arguments())
    assert not [step for step in due(house_state(h, lot)) if isinstance(step, Refund)]
