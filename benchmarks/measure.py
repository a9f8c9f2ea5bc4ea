"""Clocks: medians of calls, and of whole commands with their peak memory."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
SPENT = Path(__file__).parent / "spent.py"
SNARKJS = ["node", str(ROOT / "node_modules/snarkjs/build/cli.cjs")]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""For our commands: Python's own cache of bytecode is part of any installation."""


class Spent(NamedTuple):
    """What a command took: wall time, and the largest part of memory it ever held."""

    seconds: float
    bytes: float


def median(repeat: int, action: Callable[[], Any]) -> float:
    """Median wall time of `repeat` calls, after one that does not count."""
    action()
    times = []
    for _ in range(repeat):
        begin = time.perf_counter()
        action()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def command(*words: str | Path) -> Spent:
    """Run a command once, from the repository's root; it must succeed."""
    done = subprocess.run([sys.executable, "-I", "-S", SPENT, *words], capture_output=True, text=True, cwd=ROOT,
                          env=ENVIRONMENT)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, words))} failed with {done.returncode}:\n{done.stderr}")
    return Spent(*json.loads(done.stdout))


def median_command(repeat: int, *words: str | Path, writes: Sequence[Path] = ()) -> Spent:
    """Medians of `repeat` runs, after one that does not count if there is more than one; what a run `writes` is not
    there when it begins, for our commands overwrite nothing.
    """
    runs = []
    for _ in range(repeat + (repeat > 1)):
        for path in writes:
            path.unlink(missing_ok=True)
        runs.append(command(*words))
    return Spent(*map(statistics.median, zip(*runs[-repeat:], strict=True)))


def apart(program: str, *arguments: str | Path, **settings: str) -> list[str]:
    """What a Python program prints that runs in a process of its own."""
    return subprocess.run([sys.executable, "-c", program, *arguments], check=True, capture_output=True, text=True,
                          cwd=ROOT, env={**ENVIRONMENT, **settings}).stdout.split()
