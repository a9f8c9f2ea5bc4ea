"""The grid, from sources to a verified bundle, by the same commands as full revaluation."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from margin_site import system_file

import tailproof
from risk.grid.grid_epoch import GridEpoch
from risk.margins.grid_margin import grid_margin

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-grid-1000x32"
SOURCES = ("--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml")
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def grid(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grid") / "epoch"
    built = run("epoch", "build", *SOURCES, "--statement", STATEMENT, "--regime", 2, "--out", path)
    assert built.code == 0
    assert built.data["near_ties"] in range(4)                 # 2**-19 of 4,000 value changes at nodes
    return path


def test_a_grid_epoch_is_checked_and_shown_like_any_other(run: Run, grid: Path) -> None:
    checked, shown = run("epoch", "check", grid), run("epoch", "show", grid)
    assert checked.code == shown.code == 0
    assert checked.data["rebuilt_root"] == shown.data["root"]
    assert shown.data["shape"]["mode"] == "grid"


def test_its_margin_is_proven_and_verified(run: Run, grid: Path, tmp_path: Path) -> None:
    key, salt, bundle = tmp_path / "key", tmp_path / "salt.json", tmp_path / "bundle.json"
    assert run("keys", "setup", STATEMENT, "--out", key).code == 0
    digest = bytes.fromhex(tailproof.KeyDirectory.load(key).key_digest[2:])
    system_file(tmp_path / "deployment.json", STATEMENT, digest)
    portfolio = FIXTURES / "portfolios" / "cross_asset_hedge.json"
    assert run("commit", "--statement", STATEMENT, "--epoch", grid, "--portfolio", portfolio, "--out", salt).code == 0
    proven = run("prove", "--key", key, "--epoch", grid, "--opening", salt, "--account", "0x" + "44" * 20,
                 "--deployment", tmp_path / "deployment.json", "--epoch-id", 7, "--state-version", 1, "--out", bundle)
    assert proven.code == 0, proven.stderr
    epoch = tailproof.load_epoch(grid)
    assert isinstance(epoch, GridEpoch)
    positions = tailproof.Portfolio.read(portfolio).rows(epoch)
    assert proven.data["margin"] == str(grid_margin(epoch, positions).required)
    assert run("verify", bundle, "--key", key, "--epoch", grid).code == 0
    assert run("verify", bundle, "--key", key, "--epoch", grid / "grid.json").code == 0


def test_an_epoch_of_another_kind_is_refused(run: Run, grid: Path, epoch_directory: Path, tmp_path: Path) -> None:
    answer = run("epoch", "build", *SOURCES, "--regime", 2, "--out", tmp_path / "epoch")
    assert answer.code == 2
    answer = run("epoch", "build", *SOURCES, "--statement", STATEMENT, "--regime", 4, "--out", tmp_path / "epoch")
    assert answer.data["field"] == "--regime"
    answer = run("commit", "--statement", "transition-16", "--epoch", grid,
                 "--portfolio", FIXTURES / "portfolios" / "covered_call.json", "--out", tmp_path / "salt.json")
    assert answer.code == 2
    assert answer.data["field"] == "statement"
    assert list(tmp_path.iterdir()) == []
