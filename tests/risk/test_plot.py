from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.exact.shape import EpochShape, TailSize
from risk.margins import plot
from risk.margins.contributions import breakdown
from risk.margins.portfolio import Portfolio


def test_draws_the_fixture(crypto: Epoch, fixtures: Path, tmp_path: Path) -> None:
    from matplotlib.image import imread

    held = Portfolio.read(fixtures / "btc_eth" / "portfolios" / "covered_call.json")
    plot.losses(breakdown(crypto, held.rows(crypto)), tmp_path / "losses.png", title="covered call", quote="USD")
    picture = imread(tmp_path / "losses.png")
    assert picture.shape[0] > 600
    assert picture.shape[1] > 1000
    tail_red = np.abs(picture[..., :3] - np.array([0xd1, 0x49, 0x5b]) / 255).max(axis=-1) < 0.02
    assert tail_red.any(axis=0).sum() > 10


@pytest.mark.parametrize(("scenarios", "tail"), [(1, TailSize(1)), (3, TailSize(1, 2)), (4, TailSize(4))])
def test_draws_degenerate_distributions(scenarios: int, tail: TailSize, tmp_path: Path) -> None:
    epoch = Epoch.of(EpochShape(scenarios, tail, 1), [1], np.full((1, scenarios), 10**6))
    for name, positions in (("empty", []), ("gain", [(1, 5)]), ("loss", [(1, -5)])):
        plot.losses(breakdown(epoch, positions), tmp_path / f"{name}.png", title=name, quote="USD")
        assert (tmp_path / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_names_are_no_formulas(tmp_path: Path) -> None:
    """A file's name that Matplotlib would read as TeX, and fail on."""
    epoch = Epoch.of(EpochShape(2, TailSize(1), 1), [1], np.ones((1, 2), np.int64))
    plot.losses(breakdown(epoch, [(1, -5)]), tmp_path / "names.png", title=r"US$ \frac{ A$", quote="USD")
    assert (tmp_path / "names.png").read_bytes().startswith(b"\x89PNG")


def test_a_path_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    epoch = Epoch.of(EpochShape(2, TailSize(1), 1), [1], np.ones((1, 2), np.int64))
    with pytest.raises(BadInput, match="a path that can be written"):
        plot.losses(breakdown(epoch, []), tmp_path / "none" / "x.png", title="x", quote="USD")


def test_the_room_imports_nothing_heavy() -> None:
    heavy = ["matplotlib", "arch", "scipy.stats", "scipy.optimize", "pandas", "jsonschema", "web3"]
    code = ("import sys, risk.epochs.audit, risk.margins.portfolio, risk.margins.plot, risk.epochs.build\n"
            f"print([m for m in {heavy} if m in sys.modules])")
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "[]"
