"""`epoch check` holds parameters against a history, the epoch's or the auditor's; with neither it says so (G13)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from risk.epochs import audit
from risk.epochs.plausibility import STATED
from tailproof import epochs

Run = Callable[..., Any]
FIXTURE = Path(__file__).parents[2] / "fixtures" / "btc_eth"
BOOK = ("--book", FIXTURE / "book.json")


def csv(prices: np.ndarray, last: date = date(2020, 12, 31)) -> str:
    first = last - timedelta(days=len(prices) - 1)
    return "\n".join(["date,BTC,ETH", *(f"{first + timedelta(days=i)},{btc:.6f},{eth:.6f}"
                                       for i, (btc, eth) in enumerate(prices))]) + "\n"


@pytest.fixture(scope="module")
def prices() -> np.ndarray:
    """Two years under a GARCH law with a common shock, up to the fixture's spots."""
    rng = np.random.default_rng(4)
    z = (0.8 * rng.standard_t(6, (730, 1)) + 0.6 * rng.standard_t(6, (730, 2))) / np.sqrt(1.5)
    variance, returns = np.full(2, 0.0012), []
    for shock in z:
        returns.append(np.sqrt(variance) * shock)
        variance = 4.5e-5 + 0.1 * returns[-1] ** 2 + 0.86 * variance
    walk = np.cumsum(returns, axis=0)
    return np.array([29001.72, 737.8]) * np.exp(walk - walk[-1])


@pytest.fixture(scope="module")
def history(prices: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "prices.csv"
    path.write_text(csv(prices))
    return path


@pytest.fixture(scope="module")
def fitted(run: Run, history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Read with its history."""
    out = tmp_path_factory.mktemp("model") / "model.toml"
    answer = run("model", "fit", history, "--out", out)
    assert answer.code == 0, answer.data
    return out


@pytest.fixture(scope="module")
def stated(run: Run, history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With today's state written in, so that nothing is read."""
    out = tmp_path_factory.mktemp("model") / "stated.toml"
    answer = run("model", "fit", history, "--estimator", "monte-carlo", "--state", "--out", out)
    assert answer.code == 0, answer.data
    return out


def scaled(text: str, factor: float, *names: str) -> str:
    """Some parameters of every asset, times a factor."""
    for name in names:
        text, count = re.subn(rf"(?m)^{name} = (.*)$", lambda found: f"{found[0].split(' = ')[0]} = "
                              f"{float(found[1]) * factor:.10g}", text)
        assert count == 2, name
    return text


def built(run: Run, out: Path, *options: Any) -> Path:
    """What settled in the fixture's last days moved by more than five of too small deviations: not the point here."""
    answer = run("epoch", "build", *BOOK, *options, "--accept", "G1=a test", "--accept", "G8=a test", "--out", out)
    assert answer.code == 0, answer.data
    return out


def test_a_fit_stands_and_says_on_what(run: Run, fitted: Path, history: Path, tmp_path: Path) -> None:
    assert '[fitted]\nsince = "2019-01-02"\nuntil = "2020-12-31"\n' in fitted.read_text()
    answer = run("epoch", "check", built(run, tmp_path / "epoch", "--model", fitted, "--history", history))
    assert answer.code == 0, answer.data
    assert any(re.fullmatch(r"parameters: at most 0\.00\d\d less likely than a new fit, on 729 returns of its history, "
                            "2019-01-02 to 2020-12-31", line) for line in answer.data["remarks"])
    assert STATED not in answer.data["remarks"]


def test_variances_nearly_four_times_too_low_do_not_stand(run: Run, fitted: Path, history: Path, tmp_path: Path
                                                          ) -> None:
    """No gate refuses them and the epoch rebuilds: only a fit shows that margins are half of what they should be."""
    low = tmp_path / "low.toml"
    low.write_text(scaled(fitted.read_text(), 1 / 3.7, "omega", "alpha"))
    epoch = built(run, tmp_path / "epoch", "--model", low, "--history", history)
    assert audit.check(epoch).passed
    answer = run("epoch", "check", epoch)
    assert answer.code == 1
    told = {one["field"]: one for one in answer.data["differences"]}
    assert told.keys() == {"G13: volatility.BTC", "G13: volatility.ETH"}
    assert {one["clause"] for one in told.values()} == {"E10"}
    assert "must be below 0.01; or [gates] accepted = {G13" in str(epochs.check(epoch).differences[0])


def test_a_model_that_is_meant_to_be_another_says_so_in_the_root(run: Run, fitted: Path, history: Path, tmp_path: Path
                                                                 ) -> None:
    dear = tmp_path / "dear.toml"
    dear.write_text(scaled(fitted.read_text(), 1.5, "omega") + '[gates]\naccepted = {G13 = "margins are meant dear"}\n')
    answer = run("epoch", "check", built(run, tmp_path / "epoch", "--model", dear, "--history", history))
    assert answer.code == 0, answer.data
    assert "G13: parameters need not be a fit's, since margins are meant dear" in answer.data["remarks"]
    assert any(line.startswith("ACCEPTED G13, since margins are meant dear: volatility.") for line
               in answer.data["remarks"])


def test_a_fit_is_judged_on_the_rows_that_it_was_made_on(run: Run, fitted: Path, prices: np.ndarray, tmp_path: Path
                                                         ) -> None:
    """A model is not fitted anew with every close: later rows are not held against it, the rows it names are."""
    later, moved = tmp_path / "later.csv", prices.copy()
    moved[-60:] = moved[-61] * np.exp(np.cumsum(np.full((60, 2), 0.05) * (-1.0) ** np.arange(60)[:, None], axis=0))
    later.write_text(csv(moved))
    early = tmp_path / "early.csv"
    early.write_text(csv(moved[:-60], date(2020, 12, 31) - timedelta(days=60)))
    first = tmp_path / "first.toml"
    assert run("model", "fit", early, "--out", first).code == 0
    whole = tmp_path / "whole.toml"
    whole.write_text(re.sub(r"\[fitted\]\n.*\n.*\n", "", first.read_text()))
    for model, code in ((first, 0), (whole, 1)):
        epoch = built(run, tmp_path / model.stem, "--model", model, "--history", later)
        answer = run("epoch", "check", epoch)
        assert answer.code == code, answer.data


def test_without_a_history_the_word_is_the_publisher_s_until_an_auditor_brings_one(
        run: Run, stated: Path, history: Path, tmp_path: Path) -> None:
    true = built(run, tmp_path / "true", "--model", stated)
    assert STATED in run("epoch", "show", true).data["gates"]["flags"]
    assert run("epoch", "check", true, "--history", history).code == 0
    low = tmp_path / "low.toml"
    low.write_text(scaled(stated.read_text(), 0.25, "variance"))
    epoch = built(run, tmp_path / "low", "--model", low)
    alone = run("epoch", "check", epoch)
    assert alone.code == 0
    assert STATED in alone.data["remarks"]
    answer = run("epoch", "check", epoch, "--history", history)
    assert answer.code == 1
    assert {one["field"] for one in answer.data["differences"]} == {
        "G13: volatility.BTC.variance", "G13: volatility.ETH.variance"}


def test_a_history_that_is_not_the_auditor_s_is_told(run: Run, fitted: Path, history: Path, prices: np.ndarray,
                                                     tmp_path: Path) -> None:
    epoch = built(run, tmp_path / "epoch", "--model", fitted, "--history", history)
    other, changed = tmp_path / "other.csv", prices.copy()
    changed[300, 1] *= 1.001
    other.write_text(csv(changed))
    told = run("epoch", "check", epoch, "--history", other).data["remarks"]
    assert any(re.fullmatch(r"HISTORY: 1 of 730 rows are not those of .*other\.csv, by up to 0\.10% on 2019-10-29",
                            line) for line in told), told
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(csv(prices, date(2018, 12, 31)))
    refused = run("epoch", "check", epoch, "--history", elsewhere)
    assert (refused.code, refused.data["field"]) == (2, "fitted.since")
