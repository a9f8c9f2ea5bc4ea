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
