"""A scene that tests share is as it was made for each of them, whatever the one before did."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_system import RealSystem

from verifier_contracts.token import Token

MADE: list[str] = []
"""Once for each time that the scene below was made."""


def funded(real: RealSystem, folder: Path) -> Token:
    def make(kept: Path) -> None:
        MADE.append("funded")
        real.mint(70)
        (kept / "note.json").write_text("70")
        (kept / "note.json").chmod(0o600)
    real.scene("funded, of test_scenes", folder, make)
    return Token(real.chain, real.system.quote_token)


@pytest.mark.parametrize("turn", [1, 2])
def test_what_one_test_does_the_next_does_not_see(real: RealSystem, tmp_path: Path, turn: int) -> None:
    coin, note = funded(real, tmp_path), tmp_path / "note.json"
    assert (coin.balance_of(real.trader.address), note.read_text(), note.stat().st_mode & 0o777) == (70, "70", 0o600)
    real.mint(turn)
    note.write_text("spoilt")
    assert coin.balance_of(real.trader.address) == 70 + turn
    assert MADE == ["funded"], "made for the first of them only"


def test_who_does_not_ask_for_it_does_not_see_it(real: RealSystem) -> None:
    assert Token(real.chain, real.system.quote_token).balance_of(real.trader.address) == 0
    assert real.chain.block() == real.built


def test_a_scene_in_the_middle_of_a_test_is_refused(real: RealSystem, tmp_path: Path) -> None:
    real.mint(1)
    with pytest.raises(AssertionError, match="where a test begins"):
        funded(real, tmp_path)
