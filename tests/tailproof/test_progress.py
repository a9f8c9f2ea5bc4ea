"""How far work is: told on a terminal with the time that is left, by name elsewhere, not at all with --quiet."""

from __future__ import annotations

import io
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import console, main

Run = Callable[..., Any]


@pytest.mark.parametrize(("elapsed", "done", "left", "told"), [
    (10.0, 1, 3, "  30 s left"), (10.0, 3, 1, "  4 s left"), (10.0, 1, 9, "  1 min 30 s left"),
    (100.0, 1, 37, "  1 h 01 min left"), (1000.0, 1, 10**6, "  days left"),
    (10.0, 0, 5, ""), (10.0, 5, 0, ""), (1.9, 1, 3, ""), (10.0, -1, 3, "")])
def test_the_rest_takes_as_long_as_what_was_done(elapsed: float, done: int, left: int, told: str) -> None:
    assert console.time_left(elapsed, done, left) == told


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[float, str, int, int], str]]:
    """Tell progress at a time; what a terminal of 80 columns is sent for it."""
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((80, 24)))
    console._state.update(stage="", shown=0.0, open=False, quiet=False, total=-1)

    def tell(at: float, stage: str, done: int, total: int) -> str:
        stream = Terminal()
        monkeypatch.setattr("sys.stderr", stream)
        monkeypatch.setattr(time, "monotonic", lambda: at)
        console.progress(stage, done, total)
        return stream.getvalue()

    yield tell
    console._state.update(stage="", open=False, total=-1)


def test_a_terminal_is_told_the_time_that_is_left(terminal: Callable[[float, str, int, int], str]) -> None:
    assert "left" not in terminal(100.0, "fits", 0, 10)
    assert "left" not in terminal(101.0, "fits", 1, 10)                  # too early to say
    line = terminal(110.0, "fits", 5, 10)
    assert line.startswith("\rfits [")
    assert " 50 %  10 s left" in line
    assert len(line.strip("\r")) < 80
    assert "left" not in terminal(120.0, "fits", 10, 10)


def test_steps_of_one_work_count_on_and_other_work_counts_anew(terminal: Callable[[float, str, int, int], str]) -> None:
    terminal(100.0, "quotient", 0, 4)
    assert "  30 s left" in terminal(110.0, "A", 1, 4)
    assert "left" not in terminal(120.0, "other", 0, 4)
    assert "left" not in terminal(120.5, "third", 1, 9)


def test_elsewhere_each_stage_is_named_once_and_none_that_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    console._state.update(stage="", quiet=False)
    for stage, done in (("A", 0), ("A", 1), ("B", 1), ("done", 2)):
        console.progress(stage, done, 2)
    assert capsys.readouterr().err == "A …\nB …\n"


@pytest.mark.parametrize("words", [("-q", "statement", "audit", "cover-toy"),
                                   ("statement", "audit", "cover-toy", "--quiet")])
def test_quiet_says_nothing_of_it_and_all_else(words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    class Found:
        findings = ()
        examinations = ("one",)

        def to_json(self) -> dict[str, str]:
            return {}

    def audit(name: str, *, full: bool, progress: Callable[[str, int, int], None]) -> Found:
        progress("examining", 0, 2)
        console.warn("mend this")
        return Found()

    monkeypatch.setattr("circuits.soundness.registry.audit_statement", audit)
    loud = CliRunner().invoke(main, [word for word in words if word not in ("-q", "--quiet")])
    assert loud.stderr == "examining …\nwarning: mend this\n"
    quiet = CliRunner().invoke(main, list(words))
    assert (quiet.exit_code, quiet.stdout) == (0, loud.stdout)
    assert quiet.stderr == "warning: mend this\n"
    again = CliRunner().invoke(main, ["statement", "audit", "cover-toy"])         # the next command is not quiet
    assert again.stderr == loud.stderr


def test_errors_are_told_when_quiet(tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["-q", "statement", "show", "nothing"])
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
