"""`tailproof risk stress`: by default, with files, with days, and when wrong."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import main

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
STRADDLE, SHORT = (FIXTURES / "portfolios" / f"{name}.json" for name in ("short_straddle", "concentrated_short"))
Run = Callable[..., Any]


def test_it_says_what_people_and_machines_read(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("risk", "stress", epoch_directory, STRADDLE, SHORT, "--picture", tmp_path / "stress.png",
                 "--dependence")
    assert answer.code == 0
    assert [one["name"] for one in answer.data["sets"]] == ["2020-03-12", "2021-05-19", "2022-11-09", "black-swan"]
    assert all("from memory" in one["source"] for one in answer.data["sets"][:3])
    for one in answer.data["sets"]:
        assert [account["name"] for account in one["accounts"]] == ["short_straddle", "concentrated_short"]
        for account in one["accounts"]:
            assert account["loss"] == account["losses"][account["worst_scenario"]]
            assert sum(int(part["loss"]) for part in account["positions"]) == int(account["loss"])
    assert set(answer.data["dependence"]) == {"short_straddle", "concentrated_short"}
    assert (tmp_path / "stress.png").read_bytes().startswith(b"\x89PNG")
    margin = run("risk", "margin", epoch_directory, STRADDLE).data["margin"]
    assert answer.data["sets"][0]["accounts"][0]["margin"] == margin
    shown = CliRunner().invoke(main, ["risk", "stress", str(epoch_directory), str(STRADDLE)]).stdout
    assert "In 'black-swan'" in shown
    assert "times its margin" in shown


def test_a_set_of_ones_own_agrees_with_what_if(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('schema = "tailproof.scenarios/1"\nname = "mine"\nscenarios = [{spot = {BTC = -0.2, ETH = 0.0}}]\n')
    found = run("risk", "stress", epoch_directory, SHORT, "--set", own).data["sets"]
    assert [one["name"] for one in found] == ["mine"]
    # Of perpetuals alone, for which passing time is nothing.
    perpetual = next(part for part in found[0]["accounts"][0]["positions"] if part["name"] == "BTC-PERP")
    alone = tmp_path / "alone.json"
    alone.write_text('{"schema": "tailproof.portfolio/1", "positions": [{"instrument": "BTC-PERP", "lots": -5000}]}')
    gained = run("risk", "what-if", epoch_directory, alone, "--spot", "BTC=-20%").data["shock"]["gain_before"]
    assert abs(int(gained) + int(perpetual["loss"])) <= 5000


@pytest.mark.parametrize(("words", "field"), [
    (("--set", "no-such"), "--set"), (("--set", "absent.toml"), "file"), (("--historical", "2020-03-12"), "--history"),
    (("--history", "x.csv"), "--history"), ((STRADDLE,), "PORTFOLIO")])
def test_what_is_wrong_is_named(run: Run, epoch_directory: Path, words: tuple[object, ...], field: str) -> None:
    answer = run("risk", "stress", epoch_directory, STRADDLE, *words)
    assert (answer.code, answer.data["field"]) == (2, field)


def test_days_of_a_history_that_the_epoch_lacks(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    """A Monte Carlo epoch reads no prices; a stress does."""
    rows, btc, eth = ["date,BTC,ETH"], 10_000.0, 500.0
    for day in range(60):
        fall = 0.6 if day == 40 else 1.001 if day % 2 else 1 / 1.001
        btc, eth = btc * fall, eth * fall
        rows.append(f"2020-{1 + day // 28:02d}-{1 + day % 28:02d},{btc:.2f},{eth:.2f}")
    history = tmp_path / "history.csv"
    history.write_text("\n".join(rows) + "\n")
    answer = run("risk", "stress", epoch_directory, SHORT, "--historical", "2020-02-13", "--history", history)
    assert answer.code == 0, answer.stderr
    (found,) = answer.data["sets"]
    assert len(found["scenarios"]) == 2
    assert found["scenarios"][0]["spots"]["BTC"] == pytest.approx(-0.4, abs=0.003)
    assert found["source"] == "price history, 2020-01-01 to 2020-03-04"
    turned = run("risk", "stress", epoch_directory, SHORT, "--historical", "2020-02-14/2020-02-13", "--history",
                 history)
    assert (turned.code, turned.data["bound"]) == (2, "the earlier day first")
    calm = run("risk", "stress", epoch_directory, SHORT, "--historical", "2020-01-10", "--history", history)
    assert calm.code == 2
    assert "calm" in calm.data["message"]


def test_by_default_only_what_speaks_of_all_assets(run: Run, tmp_path: Path) -> None:
    """A market of its own has a black swan, and no crisis of BTC and ETH."""
    from fixtures.us_history import history_csv
    markets = FIXTURES.parent / "us_markets"
    (tmp_path / "history.csv").write_text(history_csv())
    assert run("epoch", "build", "--book", markets / "book.json", "--model", markets / "model.toml", "--history",
               tmp_path / "history.csv", "--out", tmp_path / "epoch").code == 0
    book = markets / "portfolios" / "index_spread.json"
    found = run("risk", "stress", tmp_path / "epoch", book)
    assert [one["name"] for one in found.data["sets"]] == ["black-swan"]
    asked = run("risk", "stress", tmp_path / "epoch", book, "--set", "2020-03-12")
    assert (asked.code, asked.data["field"]) == (2, "--set")
    own = run("risk", "stress", tmp_path / "epoch", book, "--historical", "2008-10-06/2008-10-10")
    assert [one["name"] for one in own.data["sets"]] == ["2008-10-06/2008-10-10"]
    assert len(own.data["sets"][0]["scenarios"]) >= 5
