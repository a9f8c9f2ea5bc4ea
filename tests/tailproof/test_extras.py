"""What an extra brings is asked for before any work is done."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tailproof import extras


@pytest.mark.parametrize("command", [
    ("risk", "margin", "epoch", "portfolio", "--picture"), ("risk", "what-if", "epoch", "portfolio", "--picture"),
    ("risk", "history", "epoch", "portfolio", "--correlations"), ("statement", "profile", "margin-tiny", "--picture")])
def test_a_picture_that_nobody_can_draw_is_refused_first(
        run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, command: tuple[str, ...]) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "matplotlib" else object())
    answer = run(*command, tmp_path / "x.png")
    assert (answer.code, answer.data["error"]) == (2, "MissingExtra")
    assert "tailproof[risk]" in answer.data["message"]


def test_a_farm_that_is_not_installed_is_said_before_anything_is_read(run: Callable[..., Any],
                                                                     monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "distributed" else object())
    answer = run("venue", "prove", "epoch", "--portfolios", "absent", "--key", "absent", "--deployment", "absent",
                 "--out", "out")
    assert (answer.code, answer.data["error"]) == (2, "MissingExtra")
    assert "tailproof[farm]" in answer.data["message"]
