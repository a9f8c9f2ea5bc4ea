"""`tailproof risk backtest` and `risk attribution`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from tailproof.cli import main

VAR, ES = 1.959964, 2.337803                               # of the standard normal at 97.5 %


def write(path: Path, *, times: float = 1.0, seed: int = 3, days: int = 600, header: str = "date,pnl,var,es") -> Path:
    pnl = np.random.default_rng(seed).standard_normal(days)
    dates = np.datetime64("2019-01-01") + np.arange(days)
    path.write_text(header + "\n" + "".join(f"{day},{gain:.9f},{times * VAR:.9f},{times * ES:.9f}\n"
                                            for day, gain in zip(dates, pnl, strict=True)))
    return path


def run(*words: object) -> tuple[int, dict]:
    result = CliRunner().invoke(main, ["risk", *map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


def test_right_forecasts_hold_and_low_ones_exit_1(tmp_path: Path) -> None:
    right, low = write(tmp_path / "right.csv"), write(tmp_path / "low.csv", times=.6)
    code, found = run("backtest", right)
    assert (code, found["holds"], found["zone"]) == (0, True, "green")
    assert (found["days"], found["first"], found["last"]) == (600, "2019-01-01", "2020-08-22")
    assert len(found["tests"]) == 9
    code, found = run("backtest", low)
    assert (code, found["holds"], found["zone"]) == (1, False, "red")
    assert found["exceptions"] > 40
    assert {test["test"]: test["zone"] for test in found["tests"]}["Kupiec, coverage"] == "red"


def test_the_level_is_a_word_of_the_user(tmp_path: Path) -> None:
    code, found = run("backtest", write(tmp_path / "f.csv"), "--level", "0.9")
    assert code == 0
    assert found["level"] == .9
    assert {test["test"]: test["zone"] for test in found["tests"]}["Kupiec, coverage"] == "yellow"       # far too few
    assert run("backtest", tmp_path / "f.csv", "--level", "0.999")[0] == 1


def test_speaks_to_people_within_80_columns_and_draws_it(tmp_path: Path) -> None:
    right = write(tmp_path / "a-name-that-is-longer-than-forty-characters.csv")
    low, high = write(tmp_path / "low.csv", times=.6), write(tmp_path / "high.csv", times=9)
    picture = tmp_path / "p.png"
    result = CliRunner().invoke(main, ["risk", "backtest", str(right), str(low), "--picture", str(picture)])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stdout.splitlines() if not line.startswith("wrote")]
    assert max(map(len, lines)) <= 80
    assert lines[0] == "600 days, 2019-01-01 to 2020-08-22, 97.5 %: green"
    for word in ("Kupiec", "Z2", "McNeil-Frey", "e-process", "FZ0"):
        assert word in result.stdout
    for file in (low, high):
        result = CliRunner().invoke(main, ["risk", "backtest", str(file)])
        assert max(map(len, result.stdout.splitlines())) <= 80
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert picture.stat().st_size > 20_000


def test_a_forecast_that_every_day_refutes_is_drawn_and_told_in_json(tmp_path: Path) -> None:
    """Its bet wins more than a scale of Matplotlib's holds; its excesses are alike, so that their statistic is none."""
    path, picture = tmp_path / "hopeless.csv", tmp_path / "p.png"
    path.write_text("date,loss,var,es\n" + "".join(f"{day},5,2,3\n" for day in np.datetime64("2019-01-01")
                                                   + np.arange(300)))
    result = CliRunner().invoke(main, ["risk", "backtest", str(path), "--picture", str(picture), "--json"])
    assert result.exit_code == 1
    assert picture.read_bytes()[:4] == b"\x89PNG"
    json.loads(result.stdout, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_several_are_compared_and_the_first_is_judged(tmp_path: Path) -> None:
    right, low = write(tmp_path / "right.csv"), write(tmp_path / "low.csv", times=.6)
    code, found = run("backtest", right, low, "--seed", 5)
    assert code == 0
    first, second = found["comparison"]
    assert (first["kept"], second["kept"]) == (True, False)
    assert first["score"] < second["score"]
    assert first["against_first"] is None
    assert second["against_first"] > .9
    assert run("backtest", low, right)[0] == 1
    assert found == run("backtest", right, low, "--seed", 5)[1]


def test_columns_of_nobodys_interest_are_told(tmp_path: Path) -> None:
    path = write(tmp_path / "f.csv")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0] + ",book", *(line + ",x" for line in lines[1:])]))
    assert run("backtest", path)[1]["ignored"] == ["book"]


@pytest.mark.parametrize(("words", "field"), [
    (["--level", "1"], "--level"), (["--level", "97.5"], "--level"), (["--level", "nan"], "--level"),
    (["--level", "x"], "--level"), (["--tail-index", "1"], "--tail-index"), (["--tail-index", "-0.1"], "--tail-index"),
    (["--simulations", "98"], "--simulations"), (["--seed", "-1"], "--seed")])
def test_bad_options_are_named(tmp_path: Path, words: list[str], field: str) -> None:
    code, found = run("backtest", write(tmp_path / "f.csv"), *words)
    assert (code, found["field"]) == (2, field)


def test_bad_files_are_named(tmp_path: Path) -> None:
    short, other = write(tmp_path / "short.csv", days=249), write(tmp_path / "other.csv", seed=4)
    code, found = run("backtest", short)
    assert (code, found["field"], found["source"]) == (2, "number of days", str(short))
    assert "from 250" in found["bound"]
    code, found = run("backtest", write(tmp_path / "f.csv"), other)
    assert (code, found["field"], found["source"]) == (2, "loss of 2019-01-01", str(other))
    assert run("backtest", tmp_path / "absent.csv")[0] == 2
    assert run("backtest")[0] == 2
    code, found = run("backtest", other, "--picture", short)
    assert (code, found["field"]) == (2, "--picture")


def gains(path: Path, noise: float) -> Path:
    rng = np.random.default_rng(1)
    full = rng.standard_normal(250)
    model = full + noise * rng.standard_normal(250)
    dates = np.datetime64("2019-01-01") + np.arange(250)
    path.write_text("date,model,full\n" + "".join(f"{day},{a:.9f},{b:.9f}\n" for day, a, b in
                                                  zip(dates, model, full, strict=True)))
    return path


def test_attribution_has_three_zones(tmp_path: Path) -> None:
    code, found = run("attribution", gains(tmp_path / "near.csv", .05))
    assert (code, found["zone"]) == (0, "green")
    code, found = run("attribution", gains(tmp_path / "far.csv", 2.0))
    assert (code, found["zone"], found["holds"]) == (1, "red", False)
    assert found["spearman"] < .7
    result = CliRunner().invoke(main, ["risk", "attribution", str(tmp_path / "near.csv")])
    assert "250 days, 2019-01-01 to 2019-09-07: green" in result.stdout
    assert run("attribution", write(tmp_path / "f.csv"))[1]["field"] == "line 1, model"


MODEL = """\
schema = "tailproof.model/2"
name = "rolling"
estimator = "filtered-historical"
assets = ["BTC"]
horizon = 2

[epoch]
scenarios = 200
tail = "5"
depth = 3

[volatility.BTC]
family = "garch"
mean = 0.0
omega = 5e-05
alpha = 0.08
beta = 0.87
innovations = "t"
degrees = 5.0
"""


@pytest.fixture
def sources(tmp_path: Path) -> tuple[Path, Path]:
    rng, v, logs = np.random.default_rng(2), 1e-3, [9.0]
    for _ in range(760):
        move = np.sqrt(v) * rng.standard_t(5) / np.sqrt(5 / 3)
        logs.append(logs[-1] + move)
        v = 5e-5 + .08 * move * move + .87 * v
    model, history = tmp_path / "model.toml", tmp_path / "history.csv"
    model.write_text(MODEL)
    history.write_text("date,BTC\n" + "".join(f"{day},{np.exp(x):.6f}\n" for day, x in zip(
        np.datetime64("2019-01-01") + np.arange(761), logs, strict=True)))
    return model, history


def test_forecasts_are_made_and_judged(sources: tuple[Path, Path], tmp_path: Path) -> None:
    plain, fitted = tmp_path / "plain.csv", tmp_path / "fitted.csv"
    code, found = run("forecast", *sources, "--book", "BTC=1", "--out", plain)
    assert code == 0
    assert (found["days"], found["last"], found["refits"]) == (260, "2021-01-30", 0)
    code, made = run("forecast", *sources, "--book", "BTC=1", "--out", fitted, "--refit", 200)
    assert (code, made["refits"] + made["kept"]) == (0, 2)
    assert plain.read_text() != fitted.read_text()
    code, judged = run("backtest", fitted, plain)
    assert code == 0
    assert (judged["days"], judged["exceptions"]) == (260, made["exceptions"])
    assert len(judged["comparison"]) == 2
    said = CliRunner().invoke(main, ["risk", "forecast", *map(str, sources), "--book", "BTC=-1", "--out",
                                     str(tmp_path / "short.csv")])
    assert "not out of sample if they were fitted on these" in said.stdout


@pytest.mark.parametrize(("words", "field"), [
    (["--book", "ETH=1"], "book"), (["--book", "BTC"], "--book"), (["--book", "BTC=1", "--first", 249], "--first"),
    (["--book", "BTC=1", "--first", 600], "days left to judge by"), (["--book", "BTC=1", "--refit", 0], "--refit"),
    (["--book", "BTC=1", "--level", "2"], "--level")])
def test_bad_forecasts_are_refused_and_nothing_is_written(sources: tuple[Path, Path], tmp_path: Path,
                                                          words: list[object], field: str) -> None:
    code, found = run("forecast", *sources, *words, "--out", tmp_path / "f.csv")
    assert (code, found["field"]) == (2, field)
    assert not (tmp_path / "f.csv").exists()
