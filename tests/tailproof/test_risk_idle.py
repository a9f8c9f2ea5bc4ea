"""`tailproof risk idle`: a placement of collateral, as a person and as a program reads it."""

from __future__ import annotations

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import main

STRADDLE = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth" / "portfolios" / "short_straddle.json"
VENUES = [
    {"name": "money market", "yearly": 450, "exit": 3600, "haircut": 200, "cap": "150000", "failure": 10000},
    {"name": "T-bills", "yearly": 420, "exit": 172800, "haircut": 50, "cap": "500000", "failure": 500},
    {"name": "staking", "yearly": 700, "exit": 1209600, "haircut": 1500, "cap": "100000", "failure": 3000,
     "asset": "ETH", "cushion": 1000, "share": 3000},
    {"name": "lending", "yearly": 1100, "exit": 604800, "haircut": 1000, "cap": "120000", "failure": 10000,
     "asset": "BTC", "cushion": 1500, "share": 8000}]
Run = Callable[..., Any]


def written(folder: Path, collateral: str = "400000", **changes: Any) -> Path:
    path = folder / "venues.json"
    path.write_text(json.dumps({"schema": "tailproof.idle/1", "collateral": collateral, "buffer": 500,
                                "venues": VENUES, **changes}))
    return path


def test_the_best_placement_is_told_beside_others(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("risk", "idle", epoch_directory, STRADDLE, written(tmp_path), "--picture", tmp_path / "idle.png")
    assert answer.code == 0
    found = answer.data
    placements = found["placements"]
    for one in placements.values():
        assert int(one["free"]) + sum(map(int, one["amounts"])) == int(found["collateral"]) == 4 * 10**11
    for name, one in placements.items():
        assert (one["uncovered"] > 0) == (one["unpaid"] > 0) == (name == "careless")
    earned = {name: Fraction(one["earned"]) for name, one in placements.items()}
    assert earned["greedy"] < earned["best"] <= Fraction(found["bound"]) < earned["careless"]
    assert earned["nothing"] == 0
    assert found["margin"] == run("risk", "margin", epoch_directory, STRADDLE).data["margin"]
    assert (tmp_path / "idle.png").read_bytes().startswith(b"\x89PNG")
    shown = CliRunner().invoke(main, ["risk", "idle", str(epoch_directory), str(STRADDLE),
                                      str(tmp_path / "venues.json")])
    assert "of 256 scenarios not covered" in shown.stdout


def test_collateral_that_does_not_cover_is_an_answer_and_no_placement(run: Run, epoch_directory: Path, tmp_path: Path
                                                                      ) -> None:
    answer = run("risk", "idle", epoch_directory, STRADDLE, written(tmp_path, "200000"))
    assert answer.code == 1
    assert answer.data["broken"] > 0
    assert answer.data["placements"] == {}


@pytest.mark.parametrize(("changes", "field"), [
    ({"buffer": 10001}, "buffer"), ({"collateral": 5}, "collateral"), ({"collateral": "-1"}, "collateral"),
    ({"venues": []}, "length of venues"), ({"venues": [{**VENUES[0], "haircut": 10001}]}, "venues[0].haircut"),
    ({"venues": [{**VENUES[0], "cap": "1.0000001"}]}, "venues[0].cap"),
    ({"venues": [VENUES[0], VENUES[0]]}, "venue"), ({"venues": [{**VENUES[2], "asset": "DOGE"}]}, "asset of staking"),
    ({"venues": [{**VENUES[0], "asset": "BTC", "cushion": 5}]}, "venues[0].share"),
    ({"venues": [{**VENUES[0], "share": 5}]}, "venues[0].share"),
    ({"venues": [{**VENUES[0], "cushion": 5}]}, "venues[0].cushion"),
    ({"venues": [{**VENUES[0], "yeld": 1}]}, "venues[0].yeld"), ({"schema": "tailproof.idle/2"}, "schema")])
def test_venues_that_are_none_are_refused(run: Run, epoch_directory: Path, tmp_path: Path, changes: dict[str, Any],
                                          field: str) -> None:
    answer = run("risk", "idle", epoch_directory, STRADDLE, written(tmp_path, **changes))
    assert (answer.code, answer.data["field"]) == (2, field)
