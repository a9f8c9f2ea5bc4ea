"""The commands of liquidators, on a system of contracts with an auction house beside it."""

from __future__ import annotations

import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from housechain import StandIn
from houseworld import (
    AWARD,
    BEFORE,
    BOUNDS,
    FAILED,
    LIQUIDATOR,
    MARGIN,
    RESERVE,
    ROLES,
    SEAT_BOND,
    STANDING,
    STEP,
    TIMES,
    USD,
    VALUE,
    key_of,
)
from mocks import compiled
from oracle_world import create
from system_world import DAY, LAG, SystemWorld, build_system, config_for
from world import started

from primitives import jsonio
from tailproof.cli.node import Endpoint
from tailproof.sealed_bid import load_sealed_bid
from verifier_contracts.auction import AuctionHouse, LotTerms, Stage
from verifier_contracts.chain import Chain, Terms
from verifier_contracts.compiler import compile_contracts
from verifier_contracts.governance import Role
from verifier_contracts.role_table import selector
from verifier_contracts.system import System
from verifier_contracts.token import Token

KEPT = 100_000 * USD


@dataclass
class Site:
    """A house, its file, and three liquidators, of whom nobody is seated."""

    folder: Path
    world: SystemWorld
    house: AuctionHouse
    escrow: StandIn
    run: Callable[..., Any]
    bidders: tuple[str, ...]
    coordinator: str

    @property
    def chain(self) -> Chain:
        return self.world.chain

    @property
    def coin(self) -> Token:
        return Token(self.chain, self.world.system.quote_token)

    def __call__(self, command: str, *arguments: object, by: str | None = None, code: int = 0,
                 house: str | None = None) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Endpoint, "connect", lambda endpoint: Chain(
                self.chain.transport, terms=Terms(
                    sender=endpoint.sender, withhold=endpoint.dry_run or endpoint.calldata is not None)))
            patch.setattr(System, "open", System.bind)
            answer = self.run("auction", command, *arguments, "--house", house or self.house.address, "--deployment",
                              self.folder / "deployment.json", "--rpc", "http://embedded",
                              *(("--from", by) if by else ()))
        assert answer.code == code, (answer.data, answer.stderr)
        return answer.data

    def asked(self) -> list[Any]:
        """All that the node is asked from now on."""
        found, transport = list[Any](), self.chain._node.transport
        ask = transport.ask
        transport.ask = lambda method, params, seconds: (                                  # type: ignore[method-assign]
            found.append((method, params)), ask(method, params, seconds))[1]
        return found

    def open(self, lot: int = 1, **changes: Any) -> LotTerms:
        terms = LotTerms(lot, FAILED, self.world.at.oracle.latest_epoch_id(), 7, VALUE, MARGIN, LAG)._replace(**changes)
        self.house.open(terms, sender=self.coordinator)
        return terms

    def after(self, stage: Stage, lot: int = 1) -> None:
        starts = self.house.lot_of(lot).starts(self.house.times())[stage]
        self.world.later(starts - self.world.at.oracle.live_time() + 1)

    def seat(self, *bidders: str) -> None:
        for bidder in bidders:
            self.world.coin.transact("mint", bidder, KEPT)
            self("seat", "--deposit", KEPT, by=bidder)


@pytest.fixture(scope="module")
def built(run: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with started() as chain:
        yield site_on(chain, tmp_path_factory.mktemp("auction"), run)


def site_on(chain: Chain, folder: Path, run: Any) -> Site:
    oracle = config_for(chain).oracle
    world = build_system(chain, oracle=replace(oracle, limits=oracle.limits._replace(heartbeat=DAY)))
    world.system.save(folder / "deployment.json")
    made = {**compile_contracts(), **compiled("HouseMocks")}
    escrow, fund = (StandIn(chain, create(chain, made[name], ()), name) for name in ("MockDisclosures", "MockFund"))
    at, authority = world.system.contracts, world.at.authority
    house = AuctionHouse(chain, create(chain, made["AuctionHouse"], [
        at["authority"], at["oracle"], escrow.address, world.system.quote_token, fund.address, BOUNDS, TIMES, BEFORE],
        gas=15_000_000))
    fund.transact("set", STANDING)
    escrow.transact("setKey", world.relayer, *key_of(99))
    coordinator, *bidders = chain.senders[6:10]
    decisions = [("setTargetFunctionRole", house.address, [selector(house.artifact, function)], int(role))
                 for function, role in ROLES.items()]
    decisions.append(("grantRole", int(Role.COORDINATOR), coordinator, 0))
    decisions += [("grantRole", role, who, 0) for role, who in ((LIQUIDATOR, bidder) for bidder in bidders)]
    for done in range(2):                                  # scheduled, and done after seven days
        for function, *arguments in decisions:
            authority.perform(authority, function, *arguments, sender=world.admin)
        authority.perform(house, "setFundAgent", world.relayer, sender=world.admin)
        if not done:
            world.later(world.config.delays.admin)
    for number, bidder in enumerate(bidders):
        escrow.transact("setKey", bidder, *key_of(number))
    world.publish(chain.now())
    return Site(folder, world, house, escrow, run, tuple(bidders), coordinator)


@pytest.fixture
def site(built: Site) -> Iterator[Site]:
    snapshot = built.chain.snapshot()
    yield built
    built.chain.restore(snapshot)


def test_a_lot_by_the_commands_alone(site: Site, tmp_path: Path) -> None:
    a, b, c = site.bidders
    assert site("lots")["lots"] == []

    # Seats: nothing is approved but what is kept.
    site.world.coin.transact("mint", a, KEPT)
    assert site("seat", "--deposit", KEPT + 1, by=a, code=2)["field"] == "--deposit"
    assert site("seat", by=a, code=1)["error"] == "SeatBondShort"
    told = site("seat", "--deposit", KEPT, by=a)
    assert (told["free"], told["locked"], told["seated"], told["seat_bond"]) == (str(KEPT), "0", True, str(SEAT_BOND))
    assert site.coin.allowance(a, site.house.address) == 0
    site.seat(b, c)

    # Blind bids, to the lot that one has read.
    terms = site.open()
    (page,) = site("lots", "--lot", 1)["lots"]
    assert page["digest"] == "0x" + terms.digest().hex()
    assert (page["stage"], page["bond"], page["reserve"], page["value"]) == (
        "blind", str(site.house.lot_of(1).bond), str(RESERVE), str(VALUE))
    other = site("bid", "--lot", 1, "--price", 0, "--digest", "0x" + "12" * 32, by=a, code=2)
    assert other["field"] == "--digest"
    assert site("bid", "--lot", 2, "--price", 0, by=a, code=2)["field"] == "--lot"
    assert site("bid", "--lot", 1, "--price", STANDING, by=a, code=1)["error"] == "BidTooLow"
    for bidder, price in ((a, 0), (b, STEP), (c, 2 * STEP)):
        told = site("bid", "--lot", 1, "--price", price, "--digest", page["digest"], by=bidder)
        assert told["locked"] == page["bond"]
    early = site("commit", "--lot", 1, "--price", RESERVE, "--bid", tmp_path / "early.json", by=a, code=1)
    assert early["error"] == "WrongStage"
    assert not (tmp_path / "early.json").exists()

    # Commitments: price and salt are kept before anything leaves.
    site.after(Stage.COMMIT)
    none = site("commit", "--lot", 1, "--price", RESERVE, "--bid", tmp_path / "none.json", by=a, code=1)
    assert (none["error"], (tmp_path / "none.json").exists()) == ("NotDelivered", False)
    site.escrow.transact("deliver", 1, 0b11111, False)
    for bidder, price in ((a, RESERVE), (b, RESERVE + 5), (c, RESERVE + 9)):
        path = tmp_path / f"{bidder}.json"
        told = site("commit", "--lot", 1, "--price", price, "--bid", path, by=bidder)
        kept = load_sealed_bid(path)
        assert (kept.price, stat.S_IMODE(path.stat().st_mode)) == (price, 0o600)
        assert told["commitment"] == "0x" + kept.commitment().hex()
        assert str(price) not in str({key: value for key, value in told.items() if key != "path"})
    again = site("commit", "--lot", 1, "--price", RESERVE, "--bid", tmp_path / f"{a}.json", by=a)
    assert again["commitment"] == "0x" + load_sealed_bid(tmp_path / f"{a}.json").commitment().hex()
    changed = site("commit", "--lot", 1, "--price", RESERVE + 1, "--bid", tmp_path / f"{a}.json", by=a, code=2)
    assert changed["field"] == "--bid"
    (page,) = site("lots", "--open")["lots"]
    assert [(one["price"], one["fund"], bool(one["commitment"])) for one in page["places"]] == [
        (str(STANDING), True, False), ("0", False, True), (str(STEP), False, True), (str(2 * STEP), False, True)]

    # Reveals, by anybody who has the file; c has lost his.
    told_to_the_node = site.asked()
    assert site("reveal", "--bid", tmp_path / f"{a}.json", by=a, code=1)["error"] == "WrongStage"
    kept = load_sealed_bid(tmp_path / f"{a}.json")
    assert kept.salt.hex() not in str(told_to_the_node), "a node that is asked too early knows the price"
    site.after(Stage.REVEAL)
    assert site("reveal", "--bid", tmp_path / f"{a}.json", by=a)["counts"] == str(RESERVE)
    told = site("reveal", "--bid", tmp_path / f"{b}.json", by=site.coordinator)
    assert (told["bidder"], told["price"], told["outcome"]) == (b, str(RESERVE + 5), "revealed")
    told = site("reveal", "--bid", tmp_path / f"{b}.json", by=b)
    assert (told["outcome"], told["transaction"]) == ("already revealed", None)

    # The winner is named, pays, and everybody's bond but c's is free.
    site.after(Stage.CLEARING)
    told = site("clear", "--lot", 1, by=c)
    assert (told["winner"], told["price"]) == (b, str(RESERVE + 5))
    assert site("clear", "--lot", 1, by=c, code=1)["error"] == "AwardNotOver"
    assert site("refund", by=a)["freed"] == []
    site.house.settle(1, FAILED, sender=site.coordinator)
    assert site.coin.balance_of(FAILED) == RESERVE + 5
    told = site("refund", "--all", "--to", site.coordinator, by=a)
    assert (told["freed"], told["withdrawn"], told["free"], told["seated"]) == (["1"], str(KEPT), "0", False)
    assert site.coin.balance_of(site.coordinator) == KEPT
    told = site("refund", "--withdraw", 7, by=b)
    assert (told["freed"], told["withdrawn"], told["free"]) == ([], "7", str(KEPT - RESERVE - 5 - 7))
    told = site("refund", by=c)
    assert (told["freed"], told["free"]) == ([], str(KEPT - site.house.lot_of(1).bond))
    (page,) = site("lots")["lots"]
    assert (page["stage"], page["winner"], page["price"]) == ("settled", b, str(RESERVE + 5))
    assert [one["forfeited"] for one in page["places"]] == [False, False, False, True]
    assert site("lots", "--open")["lots"] == []


def test_a_winner_who_does_not_carry_is_passed_over(site: Site) -> None:
    a, *_ = site.bidders
    site.seat(a)
    site.open()
    site("bid", "--lot", 1, "--price", RESERVE, by=a)
    site.after(Stage.COMMIT)
    assert site("note", "--lot", 1, by=site.coordinator, code=1)["delivered"] == []
    site.escrow.transact("deliver", 1, 0b00011, False)
    assert site("note", "--lot", 1, by=site.coordinator)["delivered"] == [site.world.relayer, a]
    site.after(Stage.CLEARING)
    assert site("clear", "--lot", 1, by=a)["winner"] == a
    site.world.later(AWARD + 2)
    told = site("clear", "--lot", 1, by=a, code=1)
    assert (told["winner"], told["holds"]) == (None, False)
    assert site("lots")["lots"][0]["stage"] == "failed"


def test_a_house_of_another_system_is_refused(site: Site) -> None:
    assert site("lots", house=site.escrow.address, code=2)["bound"] == "an auction house"
    assert "contract on this chain" in site("lots", house="0x" + "12" * 20, code=2)["bound"]
    made = compile_contracts()["AuctionHouse"]
    at = site.world.system.contracts
    coin = create(site.chain, compile_contracts()["TrialToken"], ())
    other = create(site.chain, made, [at["authority"], at["oracle"], site.escrow.address, coin, site.escrow.address,
                                      BOUNDS, TIMES, BEFORE], gas=15_000_000)
    assert "a house whose quote is" in site("lots", house=other, code=2)["bound"]


def test_a_kept_bid_is_private_and_of_its_lot(site: Site, tmp_path: Path) -> None:
    a, *_ = site.bidders
    site.seat(a)
    site.open()
    site("bid", "--lot", 1, "--price", 0, by=a)
    site.after(Stage.COMMIT)
    site.escrow.transact("deliver", 1, 0b11111, False)
    path = tmp_path / "bid.json"
    site("commit", "--lot", 1, "--price", RESERVE, "--bid", path, by=a)
    site.after(Stage.REVEAL)
    path.chmod(0o644)
    assert site("reveal", "--bid", path, by=a, code=2)["field"] == "mode of the bid file"
    path.chmod(0o600)
    document = jsonio.read(path)
    for field, value in (("chain_id", 5), ("house", "0x" + "22" * 20), ("lot", "0x" + "22" * 32)):
        changed = tmp_path / f"{field}.json"
        jsonio.write(changed, {**document, field: value}, mode=0o600)
        assert site("reveal", "--bid", changed, by=a, code=2)["field"] == field
    broken = tmp_path / "broken.json"
    jsonio.write(broken, {**document, "price": "x1"}, mode=0o600)
    told = site("reveal", "--bid", broken, by=a, code=2)
    assert (told["field"], told["value"]) == ("price", "'(hidden)'")
    for field, value in (("price", str(RESERVE + 1)), ("salt", "0x" + "33" * 32)):
        changed = tmp_path / f"{field}.json"
        jsonio.write(changed, {**document, field: value}, mode=0o600)
        assert site("reveal", "--bid", changed, by=a, code=1)["error"] == "OtherBid"
    site("reveal", "--bid", path, by=a)


def test_nothing_is_sent_on_a_dry_run_and_the_bid_is_kept(site: Site, tmp_path: Path) -> None:
    a, *_ = site.bidders
    site.seat(a)
    site.open()
    shown = site("bid", "--lot", 1, "--price", 0, "--dry-run", by=a)
    assert shown["sent"] is False
    assert len(site.house.lot_of(1).places) == 1
    site("bid", "--lot", 1, "--price", 0, by=a)
    site.after(Stage.COMMIT)
    site.escrow.transact("deliver", 1, 0b11111, False)
    shown = site("commit", "--lot", 1, "--price", RESERVE, "--bid", tmp_path / "bid.json", "--dry-run", by=a)
    assert shown["sent"] is False
    kept = load_sealed_bid(tmp_path / "bid.json")
    told = site("commit", "--lot", 1, "--price", RESERVE, "--bid", tmp_path / "bid.json", by=a)
    assert told["commitment"] == "0x" + kept.commitment().hex()


@pytest.mark.parametrize(("command", "arguments", "field"), [
    ("bid", ("--lot", 1, "--price", 1 << 95), "--price"), ("bid", ("--lot", 1, "--price", 0, "--digest", "0x12"),
                                                           "--digest"),
    ("refund", ("--withdraw", 5, "--all"), "--withdraw and --all"), ("refund", ("--to", "0x" + "12" * 20), "--to")])
def test_what_makes_no_sense_is_refused_first(site: Site, command: str, arguments: tuple[object, ...], field: str
                                              ) -> None:
    assert site(command, *arguments, by=site.bidders[0], code=2)["field"] == field
