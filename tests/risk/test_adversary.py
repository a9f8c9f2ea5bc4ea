"""The adversary finds what scenarios miss, as a linear programming library does, and says truly how much."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linprog

from risk.exact.uniforms import uniforms
from risk.scenarios import adversary
from risk.scenarios.adversary import Legs, Target

TAIL = (1, 20)
N, S = 4000, 40


def target(seed: int = 5) -> Target:
    u = uniforms(seed, (N, 2))
    x = np.log(u / (1 - u))
    legs = [x[:, 0], x[:, 1], np.maximum(x[:, 0] - 2, 0), np.maximum(-2 - x[:, 1], 0), np.maximum(x.sum(1) - 3, 0)]
    values = np.rint(1000 * np.stack(legs, 1)).astype(np.int32)
    return Target(Legs(values, TAIL), np.arange(0, N, N // S), np.ones(S, np.int64))


def expected_shortfall(losses: np.ndarray, masses: np.ndarray) -> float:
    """By its definition as a minimum over thresholds."""
    share = TAIL[0] / TAIL[1]
    return float(min(t + (masses * np.maximum(losses - t, 0)).sum() / masses.sum() / share for t in losses))


def test_the_ratio_is_that_of_two_expected_shortfalls() -> None:
    given = target()
    found = adversary.attack(given, adversary.starts(3, 5)[0])
    losses = -(given.legs.values.astype(float) @ found.book)
    margin = expected_shortfall(losses[given.chosen], given.masses)
    true = np.sort(losses)[-N // 20:].mean()
    assert found.ratio == pytest.approx(margin / true, rel=1e-9)
    assert found.ratio < 0.9                                                   # forty draws miss a lot


def test_the_book_keeps_to_its_gross() -> None:
    given = target()
    scale = given.legs.own
    for start in adversary.starts(4, 5):
        found = adversary.attack(given, start, gross=3.0)
        margin = expected_shortfall(-(given.legs.values[given.chosen] @ found.book), given.masses)
        assert (np.abs(found.book) * scale).sum() <= 3.0 * max(margin, 1.0) * 1.001


def test_cutting_planes_find_the_optimum_that_highs_finds() -> None:
    """max c b such that ES(b) <= 1 and sum |b| <= G, for random c: Rockafellar and Uryasev's programme as it stands."""
    given, gross = target(), 4.0
    inside = given.legs.values[given.chosen] / given.legs.own
    legs = inside.shape[1]
    for slope in uniforms(9, (5, legs)) * 2 - 1:
        tableau = adversary._Tableau(np.concatenate([slope, -slope]), gross)
        for _ in range(200):
            held = tableau.solution()
            book = held[:legs] - held[legs:]
            shortfall, gradient = adversary.weighted_shortfall(inside, book, given.masses, TAIL)
            if shortfall <= 1 + 1e-6:
                break
            tableau.require(np.concatenate([gradient, -gradient]))
        both, share = np.concatenate([inside, -inside], 1), TAIL[0] / TAIL[1]
        rows = np.zeros((S + 2, 2 * legs + 1 + S))
        rows[:S, :2 * legs], rows[:S, 2 * legs], rows[:S, 2 * legs + 1:] = -both, -1, -np.eye(S)
        rows[S, 2 * legs], rows[S, 2 * legs + 1:] = 1, 1 / S / share
        rows[S + 1, :2 * legs] = 1
        best = linprog(np.concatenate([-slope, slope, np.zeros(1 + S)]), rows, [0.0] * S + [1, gross],
                       bounds=[(0, None)] * (2 * legs) + [(None, None)] + [(0, None)] * S)
        assert slope @ book == pytest.approx(-best.fun, rel=1e-5)


def test_weighted_shortfall_and_its_gradient() -> None:
    values, book = uniforms(3, (30, 4)) * 2 - 1, uniforms(4, (4,))
    masses = np.arange(1, 31)
    found, gradient = adversary.weighted_shortfall(values, book, masses, TAIL)
    assert found == pytest.approx(expected_shortfall(-(values @ book), masses))
    for j in range(4):
        step = np.zeros(4)
        step[j] = 1e-7
        moved, _ = adversary.weighted_shortfall(values, book + step, masses, TAIL)
        assert gradient[j] == pytest.approx((moved - found) / 1e-7, abs=1e-5)


def test_nothing_is_found_where_scenarios_are_the_population() -> None:
    given = target()
    whole = Target(given.legs, np.arange(N), np.ones(N, np.int64))
    assert adversary.attack(whole, adversary.starts(1, 5)[0]).ratio == pytest.approx(1.0)


def test_threads_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.tile(target().legs.values, (20, 1))
    book = adversary.starts(1, 5)[0]
    found = []
    for count in ("1", "3"):
        monkeypatch.setenv("TAILPROOF_THREADS", count)
        found.append(adversary.losses_of(values, book).tobytes())
    assert found[0] == found[1]


def test_starts_are_by_turns_of_all_legs_and_of_four() -> None:
    books = adversary.starts(7, 30)
    assert [int(np.count_nonzero(book)) for book in books] == [30, 4, 30, 4, 30, 4, 30]
    assert len({tuple(np.flatnonzero(book)) for book in books[1::2]}) == 3
    assert all(np.array_equal(a, b) for a, b in zip(books, adversary.starts(7, 30), strict=True))
    assert [int(np.count_nonzero(book)) for book in adversary.starts(2, 3)] == [3, 3]
