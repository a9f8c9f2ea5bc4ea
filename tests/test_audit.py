"""The audit: each finding holds, and has its twin that does not; the page, the signature, the comparison, the archive.

Embedded chain, tiny statements, real proofs."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from eth_account import Account

from real_system import DEPOSIT, RealSystem

Run = Callable[..., Any]


@pytest.fixture
def proven(real: RealSystem, tmp_path: Path) -> Path:
    """An account with a registered commitment and a margin attested for it; the folder of opening and bundle."""
    def make(folder: Path) -> None:
        real.register([(real.epoch.cash_id, DEPOSIT)]).save(folder / "opening.json")
        real("prove", "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--opening",
             folder / "opening.json", "--account", real.trader.address, "--out", folder / "bundle.json", sends=False)
        real("submit", folder / "bundle.json", by=real.world.relayer)
    return real.scene("proven", tmp_path, make)


def test_smoke(real: RealSystem, proven: Path, tmp_path: Path) -> None:
    import time
    t = time.time()
    a = real.run("audit", proven / "bundle.json", "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--out", tmp_path / "r1")
    for f in a.data["report"]["findings"]:
        print(f["id"], f["verdict"], f["why"])
    print(a.code, time.time() - t); t = time.time()
    b = real("audit", real.trader.address, "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"), "--out", tmp_path / "r2", code=1, sends=False)
    for f in b["report"]["findings"]:
        print(f["id"], f["verdict"], f["why"][:300])
    print(time.time() - t); t = time.time()
    b = real("audit", "archive", real.trader.address, "--key", real.path("keys/margin"), "--epoch", real.path("epoch"), "--collateral", real.path("collateral.json"), "--out", tmp_path / "arch", sends=False)
    print(b, time.time() - t); t = time.time()
    c = real.run("audit", "--archive", tmp_path / "arch", "--out", tmp_path / "r3")
    print(c.data["counts"], time.time() - t); t = time.time()
    shutil.copytree(tmp_path / "r2", "/tmp/audit/r2", dirs_exist_ok=True)
    shutil.copytree(tmp_path / "r1", "/tmp/audit/r1", dirs_exist_ok=True)
    assert 0
