"""`tailproof risk reverse`: three forms, a sentence each, and `risk what-if` that says the same."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import main

ROOM = Path(__file__).parent.parent.parent / "fixtures"
STRADDLE = ROOM / "btc_eth" / "portfolios" / "short_straddle.json"
Run = Callable[..., Any]


def test_three_forms_and_what_if_agrees(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("risk", "reverse", epoch_directory, STRADDLE, "--collateral", "100000", "--picture",
                 tmp_path / "reverse.png")
    assert answer.code == 0
    found = answer.data
    assert (tmp_path / "reverse.png").read_bytes().startswith(b"\x89PNG")
    assert int(found["collateral"]) == 10**11
    assert int(found["inside"]["loss"]) >= 10**11
    assert found["point"]["state"] == "found"
    assert found["tilting"]["state"] == "reached"
    assert found["tilting"]["mean_then"] == pytest.approx(1e11)
    assert set(found["sentences"]) == {"inside", "point", "tilting"}
    seen = run("risk", "what-if", epoch_directory, STRADDLE, *(
        word for option in found["point"]["what_if"].split(" --") for word in ("--" + option.removeprefix("--"))
        .split(" ")))
    assert seen.code == 0
    assert int(seen.data["shock"]["gain_before"]) == -int(found["point"]["loss"])
    shown = CliRunner().invoke(main, ["risk", "reverse", str(epoch_directory), str(STRADDLE), "--collateral", "margin",
                                      "--covariance", "published"]).stdout
    assert "published: correlation and variances" in shown
    assert "The least implausible move that takes" in shown
    assert "tailproof risk what-if" in shown


@pytest.mark.parametrize("amount", ["0", "-5", "lots", "value", "1e5", "0.0000001"])
def test_what_is_no_collateral_is_named(run: Run, epoch_directory: Path, amount: str) -> None:
    answer = run("risk", "reverse", epoch_directory, STRADDLE, "--collateral", amount)
    assert (answer.code, answer.data["field"]) == (2, "--collateral")


def test_the_margin_of_what_needs_none(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.json"
    empty.write_text('{"schema": "tailproof.portfolio/1", "positions": []}')
    answer = run("risk", "reverse", epoch_directory, empty, "--collateral", "margin")
    assert (answer.code, answer.data["field"]) == (2, "--collateral")
    answer = run("risk", "reverse", epoch_directory, empty, "--collateral", "1")
    assert (answer.code, answer.data["point"]["state"], answer.data["tilting"]["state"]) == (0, "impossible", "never")
