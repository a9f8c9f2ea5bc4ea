"""Peak memory: this process's own, in bytes, whatever the system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tailproof
from tailproof.cli import memory
from tailproof.cli.memory import peak_memory

ROOT = Path(tailproof.__file__).resolve().parents[1]
SIZE = 200 << 20
SHOW = "from tailproof.cli.memory import peak_memory; print(peak_memory())"


def test_it_rises_with_what_is_used_and_stays() -> None:
    large = bytearray(SIZE)
    large[::4096] = b"x" * len(large[::4096])
    peak = peak_memory()
    assert peak is not None
    assert SIZE < peak < 100 * SIZE
    del large
    again = peak_memory()
    assert again is not None
    assert again > 0.9 * peak


@pytest.mark.skipif(not memory.STATUS.exists(), reason="elsewhere it is what the system says")
def test_it_is_not_that_of_who_started_the_process() -> None:
    large = bytearray(SIZE)
    large[::4096] = b"x" * len(large[::4096])
    shown = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True, cwd=ROOT).stdout
    assert int(shown) < SIZE


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not say")
@pytest.mark.parametrize(("platform", "unit"), [("linux", 1024), ("darwin", 1)])
def test_without_a_status_file_the_system_call_answers(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str,
                                                       unit: int) -> None:
    import resource
    monkeypatch.setattr(memory, "STATUS", tmp_path / "absent")
    monkeypatch.setattr(sys, "platform", platform)
    assert peak_memory() == unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    monkeypatch.setattr(sys, "platform", "win32")
    assert peak_memory() is None
