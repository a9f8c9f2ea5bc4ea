"""Contributions sum to K ES exactly, on random books of several protocols: by position, asset, expiry, protocol and
Greek.

Books lie on the fixture's epoch, in full revaluation and on a grid, on one of levels, and on small epochs of bare
numbers with and without masses, in which losses tie all the time. A trade is put on each, too: its marginal Expected
Shortfall must split by Greek exactly, and never exceed the incremental.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.measure import ROOT
from benchmarks.risk.figures import Figure, Report
from risk.epochs.build import build
from risk.epochs.epoch import Epoch
from risk.epochs.header import Header
from risk.epochs.provenance import Sources
from risk.exact.shape import EpochShape, TailSize, WeightedTail
from risk.greeks.buckets import Buckets, buckets
from risk.grid.grid_build import build_grid
from risk.grid.grid_shape import GRID_TINY, GridShape
from risk.margins.contributions import AnyEpoch, Part
from risk.margins.levels import from_today
from risk.margins.marginal import effect
from risk.margins.netted import netted
from risk.margins.shocks import Market

BOOKS = 10_000
_FIXTURES = ROOT / "fixtures"
_BARE = 8
_MASSES = WeightedTail(TailSize(7, 3), (1, 1, 2, 3, 1, 5, 2, 1))


@dataclass(frozen=True, eq=False)
class World:
    """An epoch that books are drawn on, with its Greeks where it has sources."""

    name: str
    epoch: AnyEpoch
    buckets: Buckets | None


def worlds() -> list[World]:
    """Five of them."""
    sources = Sources.read(_FIXTURES / "btc_eth" / "model.toml", _FIXTURES / "btc_eth" / "book.json")
    trial = replace(sources, model=sources.model.replace(b"horizon = 2", b'purpose = "trial"\nseed = 1\nhorizon = 2'))
    levels = build(Sources.read(_FIXTURES / "levels" / "model.toml", _FIXTURES / "levels" / "book.json"))
    made = {"full": build(sources), "levels": levels,
            "grid": build_grid(trial, GridShape(GRID_TINY.map, GRID_TINY.tail, depth=3))}
    rng = np.random.default_rng(2)
    header = Header(underlyings=("A", "B"))
    bare = {name: Epoch.of(EpochShape(_BARE, tail, 1), [1, 2, 3, 4], rng.integers(-2, 3, (4, _BARE)), header=header,
                           underlying=np.array([0, 1, 0, 1]), long=np.array([0, 3, 1, 0]), short=np.array([2, 0, 7, 0]))
            for name, tail in (("ties", TailSize(5, 2)), ("ties with masses", _MASSES))}
    return [*(World(name, from_today(epoch), buckets(Market(epoch))) for name, epoch in made.items()),
            *(World(name, epoch, None) for name, epoch in bare.items())]


def failures(count: int, seed: int = 1, report: Report = lambda text: None) -> dict[str, int]:
    """How many of `count` random books break each of the rules, out of as many."""
    rng, every = np.random.default_rng(seed), worlds()
    broken = dict.fromkeys(("positions", "assets", "expiries", "protocols", "cells", "Greeks", "margin", "unfair",
                            "marginal by Greek", "marginal above incremental"), 0)
    for i in range(count):
        if i % 250 == 0:
            report(f"contributions: {i} of {count}")
        world = every[i % len(every)]
        epoch = world.epoch
        book = [(f"protocol {j}", _positions(rng, epoch)) for j in range(int(rng.integers(1, 5)))]
        found = netted(epoch, book)
        whole, addons = found.together.shortfall.numerator, found.together.addons

        def sums(parts: object, whole: int = whole, addons: int = addons) -> bool:
            listed: list[Part] = list(parts)                                              # type: ignore[call-overload]
            return sum(part.numerator for part in listed) == whole and sum(part.addons for part in listed) == addons

        for name, parts in (("positions", found.together.positions), ("assets", found.together.assets),
                            ("expiries", found.together.expiries), ("protocols", found.protocols),
                            ("cells", found.cells.values())):
            broken[name] += not sums(parts)
        total = found.together.expected_shortfall + found.together.rounding + found.together.addons
        broken["margin"] += not (total == found.together.required and found.saved >= 0)
        broken["unfair"] += any(part.numerator > own.shortfall.numerator
                                for part, own in zip(found.protocols, found.separate, strict=True))
        held = [position for _, positions in book for position in positions]
        trade = _positions(rng, epoch)[:1]
        done = effect(epoch, held, trade)
        broken["marginal above incremental"] += done.marginal > done.incremental
        if world.buckets is not None:
            broken["Greeks"] += sum(world.buckets.parts(held, found.together.shortfall.tail_mass).values()) != whole
            broken["marginal by Greek"] += sum(world.buckets.parts(trade, done.mass).values()) != done.marginal
    return broken


def _positions(rng: np.random.Generator, epoch: AnyEpoch) -> list[tuple[int, int]]:
    """Up to four, of rows that may repeat; sizes over three orders, of both signs."""
    rows = rng.integers(1, len(epoch.ids), int(rng.integers(1, 5)))
    return [(int(row), int(rng.integers(-10**int(rng.integers(1, 5)), 10**4))) for row in rows]


def figures(report: Report, count: int = BOOKS) -> Iterator[Figure]:
    """Books that break a rule."""
    found = failures(count, report=report)
    yield Figure(f"Euler contributions, {count:,} random books: sums that are not exact", sum(found.values()), "",
                 most=0, details=dict(found))
