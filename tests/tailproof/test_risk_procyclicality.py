"""`tailproof risk procyclicality` and `risk sets`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tailproof.cli import main

MODEL = """\
schema = "tailproof.model/2"
name = "tools"
estimator = "filtered-historical"
assets = ["BTC", "ETH"]
horizon = 1

[epoch]
scenarios = 200
tail = "5"
depth = 3

[procyclicality]
floor = 0.8
"""


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(1)
    closes = np.exp(np.cumsum(0.03 * rng.standard_normal((400, 2)) * np.linspace(2, 0.3, 400)[:, None], 0)) * [9e3, 3e2]
    days = np.datetime64("2020-01-01") + np.arange(400)
    history, model = tmp_path / "history.csv", tmp_path / "model.toml"
    history.write_text("date,BTC,ETH\n" + "".join(f"{day},{btc:.4f},{eth:.4f}\n" for day, (btc, eth) in
                                                  zip(days, closes, strict=True)))
    model.write_text(MODEL)
    return model, history


def run(*words: object) -> tuple[int, dict]:
    result = CliRunner().invoke(main, ["risk", *map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_says_what_tools_do_and_draws_it(files: tuple[Path, Path], tmp_path: Path) -> None:
    model, history = files
    picture = tmp_path / "margins.png"
    code, found = run("procyclicality", model, history, "--since", "2020-10-01", "--book", "BTC=1,ETH=-0.7",
                      "--book", "ETH=2", "--picture", picture)
    assert code == 0
    assert (found["first"], found["last"], found["steps"], found["red"]) == ("2020-10-01", "2021-02-03", 126, 0)
    assert [book["book"] for book in found["books"]] == ["BTC=1,ETH=-0.7", "ETH=2"]
    for book in found["books"]:
        assert book["after"]["peak_to_trough"] < book["before"]["peak_to_trough"]
        assert book["mean_cost"] > 0.1
        assert book["least"] >= 0
        assert set(book["before"]["largest_rise"]) == {"1", "5", "30"}
    assert picture.stat().st_size > 10_000


def test_speaks_to_people_too(files: tuple[Path, Path]) -> None:
    result = CliRunner().invoke(main, ["risk", "procyclicality", *map(str, files)])
    assert result.exit_code == 0
    assert "the speed limit was lifted on 0" in result.stdout
    assert "long all" in result.stdout


@pytest.mark.parametrize(("words", "field"), [
    (["--book", "BTC"], "--book"), (["--book", "BTC=1,BTC=2"], "--book"), (["--book", "BTC=nan"], "--book"),
    (["--book", "SOL=1"], "book SOL=1"), (["--since", "2020-13-01"], "--since"),
    (["--since", "2029-01-01"], "days to look at")])
def test_bad_input_is_named(files: tuple[Path, Path], words: list[str], field: str) -> None:
    code, found = run("procyclicality", *files, *words)
    assert code == 2
    assert found["field"] == field


def test_a_model_without_tools_is_refused(files: tuple[Path, Path]) -> None:
    model, history = files
    model.write_text(MODEL.replace("[procyclicality]\nfloor = 0.8\n", ""))
    code, found = run("procyclicality", model, history)
    assert (code, found["field"]) == (2, "procyclicality")


def test_presets_are_listed_and_printed() -> None:
    code, found = run("sets")
    assert code == 0
    assert [(one["name"], one["scenarios"]) for one in found["sets"]] == [
        ("2020-03-12", 3), ("2021-05-19", 3), ("2022-11-09", 3),
        ("deribit-btc-2026", 35), ("derive-pm2-2025-02", 31), ("derive-pm2-2026-11", 33), ("okx-btc-2025-01", 9),
        ("paradex-btc-2026-04", 24)]
    assert all(one["source"] for one in found["sets"])
    code, shown = run("sets", "okx-btc-2025-01")
    assert code == 0
    assert shown["text"].count("{spot") == 9
    assert run("sets", "okx")[0] == 2
