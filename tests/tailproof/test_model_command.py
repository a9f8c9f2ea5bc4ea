"""`tailproof model`: from a history to a model file that stands, and back."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from risk.models.model import parse_model

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
BOOK = ("--book", FIXTURES / "book.json")
Run = Callable[..., Any]
OLD = """\
schema = "tailproof.model/1"
name = "old"
estimator = "filtered-historical-simulation"
assets = ["BTC", "ETH"]
seed = 7
horizon = 1
steps_per_year = 365
volatility_response = 1.0
max_gap_days = 3
garch = "fit"

[epoch]
scenarios = 256
tail = "32/5"
depth = 3
lanes = 5
width = 50
"""


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two assets with an occasional common shock, up to the day before the fixture's valuation; as Excel writes it."""
    rng = np.random.default_rng(1)
    common = rng.standard_t(5, 700)
    returns = 0.02 * (0.8 * common[:, None] + 0.4 * rng.standard_t(5, (700, 2)))
    levels = np.cumsum(returns, axis=0)
    prices = np.array([29000, 737]) * np.exp(levels - levels[-1])                   # they end where the book begins
    rows = [f'"{date(2021, 1, 1) - timedelta(days=700 - i)}",{btc:.6f},n/a,{eth:.6f}'
            for i, (btc, eth) in enumerate(prices)]
    path = tmp_path_factory.mktemp("history") / "prices.csv"
    path.write_bytes(("\ufeffDate,BTC,Note,ETH\r\n" + "\r\n".join(rows) + "\r\n\r\n").encode())
    return path


@pytest.fixture(scope="module")
def fitted(run: Run, history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "model.toml"
    answer = run("model", "fit", history, "--assets", "ETH,BTC", "--family", "gjr", "--out", out)
    assert answer.code == 0, answer.stderr
    assert answer.data["converged"] is True
    assert answer.data["ignored_columns"] == ["Note"]
    assert answer.data["doubts"] == []
    assert answer.data["volatility"]["BTC"]["gradient"] < 1e-7
    return out


def test_a_fitted_model_stands_and_is_shown(run: Run, fitted: Path, history: Path) -> None:
    checked = run("model", "check", fitted, history)
    assert checked.code == 0, checked.data["failures"]
    assert all(abs(missing) < 0.01 for missing in checked.data["shortfalls"].values())
    shown = run("model", "show", fitted)
    assert shown.data["volatility"]["ETH"]["family"] == "gjr"
    assert shown.data["reads_history"] is True


def test_an_epoch_is_built_from_it_whatever_the_order_of_assets(run: Run, fitted: Path, history: Path,
                                                                tmp_path: Path) -> None:
    out = tmp_path / "epoch"
    built = run("epoch", "build", *BOOK, "--model", fitted, "--history", history, "--out", out)
    assert built.code == 0, built.data
    assert built.data["underlyings"] == ["ETH", "BTC"]
    assert run("epoch", "check", out).code == 0


def test_a_model_may_name_its_statement(run: Run, fitted: Path, history: Path, tmp_path: Path) -> None:
    text = fitted.read_text()
    at, end = text.index("scenarios ="), text.index("[volatility")
    named = tmp_path / "named.toml"
    named.write_text(text[:at] + 'statement = "margin-full-256x16"\n\n' + text[end:])
    out = tmp_path / "epoch"
    built = run("epoch", "build", *BOOK, "--model", named, "--history", history, "--out", out)
    assert built.data["shape"]["scenarios"] == 256
    assert run("epoch", "check", out).code == 0
    named.write_text(text[:at] + 'statement = "margin-full-1000x32"\n\n' + text[end:])
    (out / "sources" / "model.toml").write_bytes(named.read_bytes())
    fields = {difference["field"] for difference in run("epoch", "check", out).data["differences"]}
    assert "shape" in fields


def test_bent_parameters_exit_1(run: Run, fitted: Path, history: Path, tmp_path: Path) -> None:
    document = tomllib.loads(fitted.read_text())
    degrees = document["volatility"]["BTC"]["degrees"]
    bent = tmp_path / "bent.toml"
    bent.write_text(fitted.read_text().replace(f"degrees = {degrees!r}", f"degrees = {degrees * 3:.6f}"))
    answer = run("model", "check", bent, history)
    assert answer.code == 1
    assert any("less likely than a new fit" in line for line in answer.data["failures"])


def test_a_file_of_the_first_schema_is_refused_with_the_command_that_converts_it(run: Run, history: Path,
                                                                                 tmp_path: Path) -> None:
    old, new = tmp_path / "old.toml", tmp_path / "new.toml"
    old.write_text(OLD)
    refused = run("epoch", "build", *BOOK, "--model", old, "--history", history, "--out", tmp_path / "epoch")
    assert refused.code == 2
    assert "`tailproof model upgrade` converts it" in refused.data["message"]
    assert run("model", "upgrade", old, "--out", new).code == 2          # it says "fit": on what?
    assert run("model", "upgrade", old, "--history", history, "--out", new).code == 0
    model = parse_model(new.read_bytes())
    assert model.seed is None
    assert model.volatilities[0].family == "garch"
    assert run("model", "check", new, history).code == 0


def test_a_matrix_is_repaired_by_name(run: Run, tmp_path: Path) -> None:
    text = (FIXTURES / "model.toml").read_text()
    at, end = text.index("matrix = "), text.index("[copula]")
    broken, out = tmp_path / "broken.toml", tmp_path / "repaired.toml"
    broken.write_text(text[:at] + "matrix = [[1.0, 1.0], [1.0, 1.0]]\n\n" + text[end:])
    refused = run("model", "show", broken)
    assert refused.code == 2
    assert "model fit --repair" in refused.data["message"]
    answer = run("model", "fit", broken, "--repair", "--out", out)
    assert answer.code == 0
    assert 0 < answer.data["distances"]["matrix"] < 1e-5
    assert run("model", "show", out).code == 0


def test_json_on_errors_too(run: Run, history: Path, tmp_path: Path) -> None:
    answer = run("model", "fit", history, "--assets", "XRP", "--out", tmp_path / "x.toml")
    assert answer.code == 2
    assert "there are BTC, Note, ETH" in json.dumps(answer.data, ensure_ascii=False)
    assert not (tmp_path / "x.toml").exists()


def test_a_fit_says_what_gates_will_refuse_and_how_to_say_otherwise(run: Run, history: Path, tmp_path: Path) -> None:
    """A crash is no error of the file, but somebody must say so; found out at the fit, not three commands later."""
    lines = history.read_text("utf-8-sig").splitlines()
    crashed = [line if i < 400 or not line else scaled(line, 0.65) for i, line in enumerate(lines)]
    prices = tmp_path / "crash.csv"
    prices.write_text("\n".join(crashed) + "\n")
    out = tmp_path / "crash.toml"
    answer = run("model", "fit", prices, "--assets", "BTC,ETH", "--out", out)
    assert answer.code == 0
    day = lines[400].split(",")[0].strip('"')
    assert [line for line in answer.data["doubts"] if f"[G4] return of BTC on {day}" in line
            and f'[events] "{day}" = "why" in the model file' in line]
    out.write_text(out.read_text() + f'\n[events]\n"{day}" = "a crash"\n')
    assert run("model", "check", out, prices).code == 0


def scaled(line: str, factor: float) -> str:
    day, btc, note, eth = line.split(",")
    return f"{day},{float(btc) * factor:.6f},{note},{float(eth) * factor:.6f}"


@pytest.mark.slow
def test_jumps_are_fitted_held_and_not_dropped_without_a_word(run: Run, tmp_path: Path) -> None:
    """Common falls every other month on top of a calm walk: fitted, built, checked; shrunk, they do not stand."""
    rng = np.random.default_rng(8)
    falls = np.where(rng.random(700) < 0.03, rng.normal(-0.04, 0.04, 700), 0.0)
    returns = 0.012 * rng.standard_normal((700, 2)) + falls[:, None] * np.array([1.0, 1.3]) + 0.0012
    levels = np.cumsum(returns, axis=0)
    prices = np.array([29001.72, 737.8]) * np.exp(levels - levels[-1])
    history, model, epoch = (tmp_path / name for name in ("prices.csv", "model.toml", "epoch"))
    history.write_text("date,BTC,ETH\n" + "".join(f"{date(2021, 1, 1) - timedelta(days=700 - i)},{btc:.6f},{eth:.6f}\n"
                                                 for i, (btc, eth) in enumerate(prices)))
    answer = run("model", "fit", history, "--estimator", "monte-carlo", "--correlation", "static", "--jumps", "merton",
                 "--out", model)
    assert answer.code == 0, answer.data
    assert answer.data["jumps"]["gain"] > 30
    found = tomllib.loads(model.read_text())["jumps"]
    assert found["fitted"] is True
    assert found["systemic"] > 0.8
    assert found["scale"]["ETH"] == pytest.approx(1.3, rel=0.3)
    real = "".join(f'"{line.split(" on ")[1][:10]}" = "a fall"\n' for line in answer.data["doubts"] if "[G4]" in line)
    model.write_text(model.read_text() + ("\n[events]\n" + "".join(sorted(set(real.splitlines(True)))) if real else ""))
    checked = run("model", "check", model, history)
    assert checked.code == 0, checked.data["failures"]
    assert set(checked.data["shortfalls"]) >= {"jumps and volatilities", "jumps.systemic"}
    built = run("epoch", "build", *BOOK, "--model", model, "--history", history, "--accept", "G1=a test", "--accept",
                "G8=a test", "--out", epoch)
    assert built.code == 0, built.data
    assert any("a fit's, with the volatilities (G13)" in flag for flag in run("epoch", "check", epoch).data["remarks"])
    # New volatilities have new jumps: what was fitted once is not kept beside them, nor left out.
    again = tmp_path / "again.toml"
    assert run("model", "fit", history, "--settings", model, "--correlation", "static", "--out", again).code == 0
    assert tomllib.loads(again.read_text())["jumps"] == found
    shrunk = tmp_path / "shrunk.toml"
    shrunk.write_text(model.read_text().replace(f"intensity = {found['intensity']!r}",
                                                f"intensity = {found['intensity'] / 2:.6g}"))
    answer = run("model", "check", shrunk, history)
    assert answer.code == 1
    assert any(line.startswith("jumps and volatilities: ") for line in answer.data["failures"])


def test_jumps_are_for_monte_carlo_and_of_a_law_that_is_known(run: Run, history: Path, tmp_path: Path) -> None:
    answer = run("model", "fit", history, "--assets", "BTC,ETH", "--jumps", "kou", "--out", tmp_path / "x.toml")
    assert (answer.code, answer.data["field"]) == (2, "--estimator")
    settings = tmp_path / "settings.toml"
    settings.write_text((FIXTURES / "model.toml").read_text() + '\n[jumps]\nfamily = "bates"\nfitted = true\n')
    answer = run("model", "fit", history, "--settings", settings, "--out", tmp_path / "x.toml")
    assert (answer.code, answer.data["field"]) == (2, "jumps.family")
    assert not (tmp_path / "x.toml").exists()
