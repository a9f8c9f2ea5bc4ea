"""Compiled kernels are kept, and made anew when anything they were built from changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from prover.kernels import cache, is_warm, warm

COMPILE = """
import numpy as np
from prover.kernels.arithmetic import LAYOUT
from prover.kernels.inversion import invert
one = np.ones((1, *LAYOUT.shape), np.uint64)
invert(one, one.copy(), np.zeros((4, 5), np.uint64))
print(sum(invert.stats.cache_hits.values()), sum(invert.stats.cache_misses.values()))
"""


def compile_once(directory: Path, **settings: str) -> str:
    done = subprocess.run([sys.executable, "-c", COMPILE], capture_output=True, text=True, check=True,
                          env={**os.environ, "NUMBA_CACHE_DIR": str(directory), **settings})
    return done.stdout.strip()


def test_kept_from_process_to_process_but_not_across_arithmetics(tmp_path: Path) -> None:
    assert compile_once(tmp_path) == "0 1"
    assert compile_once(tmp_path) == "1 0"
    assert compile_once(tmp_path, TAILPROOF_FORCE_PORTABLE="1") in ("0 1", "1 0" if cache.PORTABLE else "0 1")


def test_the_digest_covers_everything_a_module_imports(tmp_path: Path, monkeypatch) -> None:
    for name, text in {"low": "X = 1\n", "middle": "from .low import X\n", "apart": "Y = 2\n",
                       "top": "from . import middle\nfrom .middle import (\n    X,\n)\n"}.items():
        (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.setattr(cache, "HERE", tmp_path)

    def digest() -> str:
        cache._digest.cache_clear()
        return cache._digest(tmp_path / "top.py")

    before = digest()
    (tmp_path / "apart.py").write_text("Y = 3\n")
    assert digest() == before
    (tmp_path / "low.py").write_text("X = 2\n")
    assert digest() != before
    cache._digest.cache_clear()


def test_a_directory_that_others_can_write_is_not_used(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    module = cache.HERE / "windows.py"
    cache._directory.cache_clear()
    directory = cache._directory(module)
    assert directory is not None
    directory.chmod(0o777)
    cache._directory.cache_clear()
    assert cache._directory(module) is None
    cache._directory.cache_clear()


def test_warm_says_what_it_is_at() -> None:
    calls = []
    seconds = warm(lambda stage, done, total: calls.append((stage, done, total)))
    assert [done for _, done, _ in calls] == list(range(len(seconds) + 1))
    assert all(total == len(seconds) for _, _, total in calls)
    assert is_warm() or cache._directory(cache.HERE / "ntt.py") is None


def test_warm_only_when_every_directory_holds_kernels(tmp_path: Path, monkeypatch) -> None:
    full, empty = tmp_path / "full", tmp_path / "empty"
    for directory in (full, empty):
        directory.mkdir()
    (full / "kernels").mkdir()
    (full / "kernels" / "kernel.nbi").touch()
    for used, filled in ((set(), False), ({full}, True), ({full, empty}, False)):
        monkeypatch.setattr(cache, "_used", used)
        assert cache.is_filled() is filled
