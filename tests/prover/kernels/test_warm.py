"""Compiling everything ahead: it says what it is at, and leaves a mark that goes when anything changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from primitives import cache
from prover.kernels import is_warm, warm

IS_WARM = "from prover.kernels import is_warm; print(is_warm())"


def test_it_says_what_it_is_at() -> None:
    calls = []
    seconds = warm(lambda stage, done, total: calls.append((stage, done, total)))
    assert [done for _, done, _ in calls] == list(range(len(seconds) + 1))
    assert all(total == len(seconds) for _, _, total in calls)
    assert is_warm() or cache.directory((cache.PRIMITIVES,)) is None


def test_another_cache_is_cold(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", IS_WARM], capture_output=True, text=True, check=True,
                          env={**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)})
    assert done.stdout.strip() == "False"
