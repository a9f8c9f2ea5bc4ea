"""Standard scenarios with masses, from sources to verified proofs by the commands; the tiny ones, for speed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from margin_site import system_file

import tailproof
from risk.grid.grid_epoch import GridEpoch
from risk.grid.grid_shape import GRID_1000_WEIGHTED, GRID_TINY_WEIGHTED
from risk.margins.grid_margin import grid_margin

FIXTURES = Path(__file__).parent.parent / "fixtures" / "btc_eth"
STATEMENT = "margin-grid-tiny-w"
POSITIONS = {"BTC-PERP": -30, "ETH-PERP": 200}
Run = Callable[..., Any]


@pytest.fixture(scope="module")
def grid(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fixture's perpetuals: a tree of 64 leaves holds no more than a small book."""
    folder = tmp_path_factory.mktemp("grid-w")
    book = json.loads((FIXTURES / "book.json").read_text())
    book["instruments"] = [each for each in book["instruments"] if each["symbol"] in POSITIONS]
    (folder / "book.json").write_text(json.dumps(book))
    model = (FIXTURES / "model.toml").read_text().replace("horizon = 2", 'purpose = "trial"\nseed = 1\nhorizon = 2', 1)
    (folder / "model.toml").write_text(model)
    built = run("epoch", "build", "--book", folder / "book.json", "--model", folder / "model.toml", "--statement",
                STATEMENT, "--regime", 1, "--out", folder / "epoch")
    assert built.code == 0, built.data
    return folder / "epoch"


def test_the_margin_of_a_grid_with_masses_is_proven_and_verified(run: Run, grid: Path, tmp_path: Path) -> None:
    assert run("epoch", "check", grid).code == 0
    key, opening, bundle = tmp_path / "key", tmp_path / "opening.json", tmp_path / "bundle.json"
    portfolio = tmp_path / "portfolio.json"
    portfolio.write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": symbol, "lots": lots} for symbol, lots in POSITIONS.items()]}))
    assert run("keys", "setup", STATEMENT, "--out", key).code == 0
    digest = bytes.fromhex(tailproof.KeyDirectory.load(key).key_digest[2:])
    system_file(tmp_path / "deployment.json", STATEMENT, digest)
    committed = run("commit", "--statement", STATEMENT, "--epoch", grid, "--portfolio", portfolio, "--out", opening)
    assert committed.code == 0, committed.data
    proven = run("prove", "--key", key, "--epoch", grid, "--opening", opening, "--account", "0x" + "44" * 20,
                 "--deployment", tmp_path / "deployment.json", "--epoch-id", 7, "--state-version", 1, "--out", bundle)
    assert proven.code == 0, proven.data
    epoch = tailproof.load_epoch(grid)
    assert isinstance(epoch, GridEpoch)
    assert epoch.shape == GRID_TINY_WEIGHTED
    expected = grid_margin(epoch, tailproof.Portfolio.read(portfolio).rows(epoch))
    assert proven.data["margin"] == str(expected.required)
    assert run("verify", bundle, "--key", key, "--epoch", grid).code == 0


def test_a_manifest_states_what_the_scenarios_are_worth_and_cannot_lie(run: Run, grid: Path) -> None:
    shown = run("epoch", "show", grid)
    assert shown.code == 0
    stated = [quality.to_json() for quality in GRID_TINY_WEIGHTED.quality]
    assert shown.data["quality"] == json.loads((grid / "grid.json").read_text())["quality"] == stated
    manifest = grid / "grid.json"
    said = manifest.read_text()
    lie = json.loads(said)
    lie["quality"][1]["floor"] = 0.999
    try:
        manifest.write_text(json.dumps(lie))
        checked, shown = run("epoch", "check", grid), run("epoch", "show", grid)
        assert checked.code == 1
        assert "manifest.quality" in json.dumps(checked.data)
        assert (shown.code, shown.data["field"]) == (2, "quality")
        del lie["quality"]
        manifest.write_text(json.dumps(lie))
        assert run("epoch", "show", grid).code == 2
    finally:
        manifest.write_text(said)


def test_the_large_one_is_built_and_checked(run: Run, tmp_path: Path) -> None:
    built = run("epoch", "build", "--book", FIXTURES / "book.json", "--model", FIXTURES / "model.toml", "--statement",
                "margin-grid-1000x32-w", "--regime", 2, "--collateral", FIXTURES / "collateral.json", "--out",
                tmp_path / "epoch")
    assert built.code == 0, built.data
    assert [entry["population"] for entry in built.data["quality"]] == [2**17] * 4
    assert run("epoch", "check", tmp_path / "epoch").code == 0
    epoch = tailproof.load_epoch(tmp_path / "epoch")
    assert isinstance(epoch, GridEpoch)
    assert (epoch.shape, epoch.regime) == (GRID_1000_WEIGHTED, 2)
    assert epoch.assets
    for path in (FIXTURES / "portfolios").glob("*.json"):
        assert grid_margin(epoch, tailproof.Portfolio.read(path).rows(epoch)).required > 0
