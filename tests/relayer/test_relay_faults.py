"""Whatever chain, nodes and processes do, nothing is lost and nothing carried twice: a fault table, and schedules."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fake_chain import GWEI, FakeChain, Faults, parcel
from relay_world import Killed, World, require_each_once
from sqlalchemy import create_engine, text

from relayer.outbox import database


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
        for when in sorted({1, count}) if in_a_file else [count]:
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
def schedule(place: str, seed: int, count: int = 24, calm: float = 0.3, worst: bool = False, **terms: Any) -> World:
    """Everything at once, by a seed: nodes that fail, lag and lie (one of three), reorganisations to depth 63, drops,
    somebody else with the same key, and a process that is killed again and again.

    calm : chance of a round after each that is taken.  worst : all faults, and none left to the dice.
    """
    rng = random.Random(seed)
    false = frozenset(parcel(number).name for number in range(count) if rng.random() < 0.1)
    faults = Faults(busy=rng.choice([0, 0.1]), lost_question=rng.choice([0, 0.05]), lost_answer=rng.choice([0, 0.05]),
                    odd_word=rng.choice([0, 0.2]), dropped=rng.choice([0, 0.2]), reorg=rng.choice([0.02, 0.15]),
                    foreign=rng.choice([0, 0.03]), other_relayer=rng.choice([0, 0, 0.05]),
                    lie=rng.choice([0, 0.3, 1.0]), liars=(rng.randrange(3),), lag=rng.choice([0, 2]))
    kills = rng.choice([0, 0.01, 0.05])
    if worst:
        faults, kills = Faults(busy=0.05, lost_question=0.03, lost_answer=0.03, odd_word=0.2, dropped=0.2, reorg=0.1,
                               foreign=0.02, lie=0.3, liars=(1,), lag=1), 0.01

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


@pytest.mark.parametrize("seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 5))])
def test_schedules(place: str, seed: int) -> None:
    schedule(place, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(100, 200))
def test_a_hundred_schedules(place: str, seed: int) -> None:
    schedule(place, seed, count=60)


@pytest.mark.slow
def test_ten_thousand(folder: Path) -> None:
    """Lost: none. Twice with effect: none."""
    world = schedule(str(folder / "outbox.db"), 10_000, count=10_000, calm=0.03, worst=True, combined=64)
    counts = world.outbox.counts()
    print(f"\n{counts['final']} final, {counts['refused']} refused as false, {world.starts - 1} kills, "
          f"{world.chain.reorgs} reorganisations to depth {world.chain.deepest}, {dict(world.chain.happened)}")
    assert counts["final"] + counts["refused"] == 10_000
