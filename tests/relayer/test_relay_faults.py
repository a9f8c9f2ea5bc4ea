"""Whatever chain, nodes and processes do, nothing is lost and nothing carried twice: a fault table, and schedules."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from fake_chain import CHAIN_ID, DESK, GWEI, SIGNER, FakeChain, FakeDesk, Faults, fill, parcel, read
from postgres import postgres
from sqlalchemy import create_engine, text

from relayer.outbox import Outbox, database
from relayer.outbox_steps import Policy
from relayer.peers import Peers
from relayer.relay import Relay, Terms

POLICY = Policy(depth=64, resend_after=30.0, bump_after=60.0, gap_after=60.0)


class Killed(BaseException):
    """As if the process had ended there: nobody catches it."""


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def folder() -> Iterator[Path]:
    """In memory where that is: a process that is killed loses nothing of what it wrote there, and a disk would be
    waited for ten thousand times."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if memory.is_dir() and os.access(memory, os.W_OK) else None) as made:
        yield Path(made)


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, folder: Path) -> str:
    """Where a fresh outbox is, in either database."""
    if request.param == "sqlite":
        return str(folder / "outbox.db")
    url = request.getfixturevalue("server")
    engine = create_engine(database(url))
    with engine.begin() as connection:
        connection.execute(text("drop schema public cascade"))
        connection.execute(text("create schema public"))
    engine.dispose()
    return str(url)


class World:
    """An outbox, a chain and a relayer that may be started again."""

    def __init__(self, place: str, chain: FakeChain, *, peers: int = 3,
                 at: Callable[[str], object] = lambda point: None, **terms: Any) -> None:
        self.place, self.chain, self.at, self.now = place, chain, at, 1_000_000.0
        self.terms = Terms(**{"policy": POLICY, "linger": 0.0, "combined": 4, **terms})
        self.nodes = chain.peers(peers)
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.starts = 0
        self.start()

    def start(self) -> None:
        self.outbox = Outbox.open(self.place, CHAIN_ID, DESK)
        peers = Peers(self.nodes, clock=lambda: self.now, heard=self.heard)
        self.relay = Relay(self.outbox, peers, FakeDesk(), SIGNER, read, terms=self.terms, chain_id=CHAIN_ID,
                           clock=lambda: self.now, heard=self.heard, at=self.at)
        self.starts += 1

    def heard(self, event: str, **facts: Any) -> None:
        self.said.append((event, facts))

    def take(self, *numbers: int) -> None:
        fill(self.outbox.take, numbers, self.now)

    def step(self) -> None:
        """A round; a process that is killed in it begins again."""
        try:
            self.relay.once()
        except Killed:
            self.outbox.close()
            self.start()
            self.step()

    def round(self) -> None:
        """One, after which the chain goes on."""
        self.step()
        self.now += self.chain.rng.choice([1, 5, 20])
        self.chain.pass_time()

    def until_done(self, most: int = 3_000) -> None:
        for _ in range(most):
            counts = self.outbox.counts()
            if not any(counts[state] for state in ("queued", "checked", "signed", "sent", "mined")):
                return
            self.round()
        pytest.fail(f"not done after {most} rounds: {self.outbox.counts()}, {self.relay.trouble}, {self.said[-12:]}")


def require_each_once(world: World, good: range, false: frozenset[str] = frozenset(), *, others: bool = False) -> None:
    """Nothing lost, nothing twice; refused is what is false, by its name."""
    carried, shown = world.chain.carried(), world.chain.blocks[-1].shown
    for number in good:
        name = parcel(number).name
        item = world.outbox.find(name)
        assert item is not None
        if name in false:
            assert (item.state, item.reason) == ("refused", "ProofRejected")
            assert name not in shown
        else:
            assert item.state == "final", item
            assert name in shown, f"lost: {item}"
            assert carried[name] == 1 or (others and carried[name] <= 1), f"{carried[name]} times: {item}"


# -- kill -9 at every transition ---------------------------------------------------------------------------------------
def story(place: str, at: Callable[[str], object]) -> World:
    """Through every transition there is: two margins and a false one, a reorganisation, a low fee, a foreign hand."""
    false = frozenset({parcel(3).name})
    world = World(place, FakeChain(random.Random(7), false, base_fee=10 * GWEI), at=at)
    chain = world.chain

    def step(blocks: int = 0) -> None:
        world.step()
        chain.mine()
        chain.idle(blocks)
        world.step()

    world.take(1, 2, 3)
    step()
    chain.forget(1)
    world.step()
    step(blocks=64)
    world.take(4)
    world.step()
    chain.base_fee = 40 * GWEI                                            # more than was offered: it is not mined
    chain.mine()
    world.now += 61
    step()
    world.now += 61
    step(blocks=64)
    world.take(5)
    world.step()
    chain.foreign()                                                       # somebody sends with the same key
    step(blocks=64)
    step()
    chain.base_fee = None
    world.until_done()
    require_each_once(world, range(1, 6), false)
    return world


def points_of(place: str) -> list[str]:
    passed: list[str] = []
    story(place, passed.append)
    return passed


def test_the_story_goes_through_every_transition(folder: Path) -> None:
    passed = set(points_of(str(folder / "outbox.db")))
    names = {"checked", "signed", "refused", "handover", "replace", "mined", "unmined", "finish", "lost"}
    assert {f"{when} {name}" for name in names for when in ("before", "after")} | {"handed over"} <= passed, passed


def test_killed_at_every_transition(place: str, folder: Path) -> None:
    """At the n-th point that is passed, for every kind of point the first, the second and the last time."""
    passed = points_of(str(folder / "counting.db"))
    in_a_file = place.endswith(".db")
    for name in sorted(set(passed)):
        count = passed.count(name)
        for when in sorted({1, 2, count} & set(range(1, count + 1))) if in_a_file else [count]:
            left = [when]

            def at(point: str, name: str = name, left: list[int] = left) -> None:
                if point == name:
                    left[0] -= 1
                    if left[0] == 0:
                        raise Killed(point)
            world = story(str(folder / f"{name}-{when}.db") if in_a_file else emptied(place), at)
            assert left[0] <= 0, f"{name} was not passed {when} times"
            assert world.starts == 2
            world.outbox.close()


def emptied(url: str) -> str:
    engine = create_engine(database(url))
    with engine.begin() as connection:
        for table in ("outbox_items", "outbox_attempts", "outbox_deliveries", "outbox_meta"):
            connection.execute(text(f"drop table if exists {table} cascade"))
    engine.dispose()
    return url


# -- schedules ---------------------------------------------------------------------------------------------------------
def schedule(place: str, seed: int, count: int = 24, calm: float = 0.3, **terms: Any) -> World:
    """Everything at once, by a seed: nodes that fail, lag and lie (one of three), reorganisations to depth 63, drops,
    somebody else with the same key, and a process that is killed again and again.

    calm : chance of a round after each that is taken."""
    rng = random.Random(seed)
    false = frozenset(parcel(number).name for number in range(count) if rng.random() < 0.1)
    faults = Faults(busy=rng.choice([0, 0.1]), lost_question=rng.choice([0, 0.05]), lost_answer=rng.choice([0, 0.05]),
                    odd_word=rng.choice([0, 0.2]), dropped=rng.choice([0, 0.2]), reorg=rng.choice([0.02, 0.15]),
                    foreign=rng.choice([0, 0.03]), other_relayer=rng.choice([0, 0, 0.05]),
                    lie=rng.choice([0, 0.3, 1.0]), liars=(rng.randrange(3),), lag=rng.choice([0, 2]))
    kills = rng.choice([0, 0.01, 0.05])

    def at(point: str) -> None:
        if rng.random() < kills:
            raise Killed(point)
    world = World(place, FakeChain(rng, false, faults), at=at, **terms)
    for number in range(count):
        world.take(number)
        if rng.random() < calm:
            world.round()
    for _ in range(120):
        world.round()
    kills, world.chain.faults = 0.0, Faults()
    world.until_done()
    require_each_once(world, range(count), false, others=faults.other_relayer > 0)
    return world


@pytest.mark.parametrize("seed", range(5))
def test_schedules(place: str, seed: int) -> None:
    schedule(place, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_schedules(place: str, seed: int) -> None:
    schedule(place, seed, count=60)


@pytest.mark.slow
def test_ten_thousand(folder: Path) -> None:
    """Lost: none. Twice with effect: none."""
    world = schedule(str(folder / "outbox.db"), 10_000, count=10_000, calm=0.03, combined=64)
    counts = world.outbox.counts()
    print(f"\n{counts['final']} final, {counts['refused']} refused as false, {world.starts - 1} kills, "
          f"{world.chain.reorgs} reorganisations to depth {world.chain.deepest}, {dict(world.chain.happened)}")
    assert counts["final"] + counts["refused"] == 10_000
