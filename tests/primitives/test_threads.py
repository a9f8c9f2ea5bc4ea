"""Splitting work over threads."""

from __future__ import annotations

import os

import pytest

from primitives import threads
from primitives.errors import BadInput


@pytest.mark.parametrize("total", [0, 1, 2, 7, 100])
@pytest.mark.parametrize("count", ["1", "3", "50"])
def test_every_element_is_covered_once(total: int, count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", count)
    seen: list[int] = []
    threads.share(total, lambda begin, end: seen.extend(range(begin, end)))
    assert sorted(seen) == list(range(total))


def test_small_work_is_not_split(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "4")
    parts: list[tuple[int, int]] = []
    threads.share(19, lambda begin, end: parts.append((begin, end)), least=10)
    assert parts == [(0, 19)]


def test_errors_come_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "2")

    def part(begin: int, end: int) -> None:
        raise ArithmeticError(begin)

    with pytest.raises(ArithmeticError):
        threads.share(10, part)


@pytest.mark.parametrize("count", ["2", "3"])
def test_a_part_may_share_its_own_work(count: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the pool's threads to wait for each other here, this would never end."""
    monkeypatch.setenv("TAILPROOF_THREADS", count)
    seen: list[int] = []

    def part(begin: int, end: int) -> None:
        for i in range(begin, end):
            threads.share(4, lambda first, last: seen.extend(range(4 * i + first, 4 * i + last)))  # noqa: B023

    threads.share(6, part)
    assert sorted(seen) == list(range(24))


@pytest.mark.parametrize("setting", ["0", "-1", "many", "2.0", " 2", "²", "٣", "1025", "9" * 5000])
def test_a_senseless_setting_is_refused(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", setting)
    with pytest.raises(BadInput, match=r"TAILPROOF_THREADS is .*: must be an integer in \[1, 1024\]"):
        threads.count()


def test_a_setting_is_followed_and_an_empty_one_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in ("1", "7", "1024"):
        monkeypatch.setenv("TAILPROOF_THREADS", setting)
        assert threads.count() == int(setting)
    monkeypatch.delenv("TAILPROOF_THREADS")
    cores = threads.count()
    assert cores >= 1
    monkeypatch.setenv("TAILPROOF_THREADS", "")
    assert threads.count() == cores


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_gets_threads_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILPROOF_THREADS", "2")
    threads.share(4, lambda begin, end: None)
    child = os.fork()
    if child == 0:
        done: list[int] = []
        try:
            threads.share(4, lambda begin, end: done.append(end - begin))
        finally:                                       # whatever happens, no second pytest goes on from here
            os._exit(0 if sum(done) == 4 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
