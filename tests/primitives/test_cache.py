"""The cache of machine code: where it lives, what renews it, and that it fails safe."""

from __future__ import annotations

import ast
import os
import sys
import time
from pathlib import Path

import pytest

import primitives
from primitives import cache

ROOT = Path(primitives.__file__).resolve().parent.parent
POSIX = pytest.mark.skipif(os.name != "posix", reason="ownership and permission bits are POSIX's")


@pytest.fixture(autouse=True)
def _fresh():
    def clear() -> None:
        for function in (cache.digest, cache.directory, cache._text, cache._target):
            function.cache_clear()

    clear()
    yield
    clear()


def test_numba_cache_dir_is_respected_with_the_digest_beneath_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    path = cache.directory((cache.PRIMITIVES,))
    assert path is not None
    assert path.parent == tmp_path
    assert path.name == f"primitives-{cache.digest((cache.PRIMITIVES,))}"
    if os.name == "posix":
        assert path.stat().st_mode & 0o777 == 0o700


def test_what_older_versions_left_goes_when_unused(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    long_ago = time.time() - 86400 * (cache.UNUSED_DAYS + 1)

    def make(name: str, used: float) -> Path:
        path = tmp_path / name
        path.mkdir()
        (path / "x.o").write_bytes(b"")
        os.utime(path, (used, used))
        return path

    old, recent = make(f"primitives-{1:016x}", long_ago), make(f"primitives-{2:016x}", time.time() - 86400)
    others = [make(name, long_ago) for name in ("kernels-" + "0" * 16, "primitives-notes", "primitives-" + "0" * 17)]
    assert cache.directory((cache.PRIMITIVES,)) is not None
    assert not old.exists()
    assert all((path / "x.o").exists() for path in [recent, *others])


def test_a_clock_far_ahead_of_the_file_systems_leaves_what_was_just_made(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    ahead = time.time() + 86400 * (cache.UNUSED_DAYS + 1)
    monkeypatch.setattr(time, "time", lambda: ahead)
    path = cache.directory((cache.PRIMITIVES,))
    assert path is not None
    assert path.is_dir()


def test_using_a_version_keeps_it(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    path = cache.directory((cache.PRIMITIVES,))
    assert path is not None
    os.utime(path, (0, 0))
    cache.directory.cache_clear()
    assert cache.directory((cache.PRIMITIVES,)) == path
    assert time.time() - path.stat().st_mtime < 3600


def test_without_it_the_cache_is_the_users(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(sys, "platform", "linux")
    assert cache.base() == tmp_path / "tailproof" / "kernels"


def test_the_digest_follows_the_text_of_the_package(tmp_path: Path) -> None:
    package = tmp_path / "kernels"
    package.mkdir()
    seen = set()
    for name, text in [("a.py", "x = 1"), ("a.py", "x = 2"), ("b.py", ""), ("sub/c.py", "y")]:
        path = package / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        cache.digest.cache_clear()
        cache._text.cache_clear()
        seen.add(cache.digest((package,)))
    assert len(seen) == 4


def test_a_kernels_package(tmp_path: Path) -> None:
    assert cache._package_of(ROOT / "primitives" / "field.py") == ROOT / "primitives"
    assert cache._package_of(ROOT / "prover" / "kernels" / "deep" / "x.py") == ROOT / "prover" / "kernels"
    assert cache._package_of(ROOT / "prover" / "kernels") == ROOT / "prover" / "kernels"
    assert cache._package_of(ROOT / "prover") == ROOT / "prover"
    assert cache._package_of(tmp_path / "own" / "x.py") == tmp_path / "own"


@POSIX
def test_a_directory_others_can_write_is_not_used(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    path = cache.directory((cache.PRIMITIVES,))
    assert path is not None
    path.chmod(0o777)
    cache.directory.cache_clear()
    assert cache.directory((cache.PRIMITIVES,)) is None


@pytest.mark.parametrize("name", cache.SETTINGS)
def test_machine_code_for_other_settings_lies_elsewhere(name: str, monkeypatch) -> None:
    def digest() -> str:
        cache.digest.cache_clear()
        cache._target.cache_clear()
        return cache.digest((cache.PRIMITIVES,))

    monkeypatch.delenv(name, raising=False)
    before = digest()
    monkeypatch.setenv(name, "1")
    assert digest() != before
    monkeypatch.delenv(name)
    assert digest() == before


def test_what_a_modules_kernels_are_made_of(tmp_path: Path) -> None:
    module = tmp_path / "outside" / "deep" / "module.py"
    module.parent.mkdir(parents=True)
    module.write_text("from __future__ import annotations\nimport numpy as np\nimport risk.exact.money\n"
                      "from primitives.field import MODULUS\nfrom prover.kernels.buckets import IDENTITY\n"
                      "from .own import x\ndef f():\n    from ..other import y\n")
    assert cache.sources(module) == (tmp_path / "outside" / "deep", ROOT / "risk" / "exact", ROOT / "primitives",
                                     ROOT / "prover" / "kernels", tmp_path / "outside")


@pytest.mark.parametrize("room", cache.ROOMS)
def test_every_constant_a_kernel_freezes_is_in_its_digest(room: str) -> None:
    """Whatever a module with kernels imports from this project lies in a package that is watched."""
    for path in sorted((ROOT / room).rglob("*.py")):
        text = path.read_text()
        if "from primitives.native import compiled" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module and node.level == 0 \
                    and node.module.split(".")[0] in cache.ROOMS:
                file = ROOT.joinpath(*node.module.split("."))
                assert any(file.is_relative_to(package) for package in cache.sources(path)), (path, node.module)
