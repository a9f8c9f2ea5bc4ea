"""An honest cache for compiled kernels.

Numba invalidates a cached function when the file that holds it changes, but not when an intrinsic it calls, or a
constant frozen into it, changes in another file. `kernel` therefore keeps the machine code of a function under a
directory named by the text of everything the function may be built from: the modules of its own package (the
directory `room/package/` for a file inside one, else the whole room), of the packages that its module imports from, and
of `primitives`.

The directory is per user, so read-only installations work; Numba writes entries by rename, so parallel workers may
share it. Where no private directory can be written, kernels are compiled anew in each process: loading machine code
from a directory that others can write would run whatever they put there.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import numba

PRIMITIVES = Path(__file__).resolve().parent
ROOMS = ("primitives", "risk", "circuits", "prover")
"""Where kernels, and what they are built from, may live."""

Function = TypeVar("Function", bound=Callable[..., Any])


def _package_of(source: Path) -> Path:
    """`<root>/room/package` of a file below it; `<root>/room` of a file directly in a room."""
    root = PRIMITIVES.parent
    if not source.is_relative_to(root):
        return source.parent
    parts = source.relative_to(root).parent.parts[:2]
    return root.joinpath(*parts) if parts else source.parent


@cache
def sources(module: Path) -> tuple[Path, ...]:
    """The packages whose text the machine code of a module's kernels depends on; its own comes first."""
    found = [_package_of(module)]
    for dots, name in re.findall(r"^\s*(?:from|import)\s+(\.*)([\w.]*)", module.read_text(), re.MULTILINE):
        if dots:
            found.append(_package_of(module.parents[len(dots) - 1].joinpath(*name.split("."))))
        elif name.split(".")[0] in ROOMS:
            found.append(_package_of(PRIMITIVES.parent.joinpath(*name.split("."))))
    return tuple(dict.fromkeys((*found, PRIMITIVES)))


@cache
def digest(packages: tuple[Path, ...]) -> str:
    """Hex digest of the text of all modules of some packages, and of Numba's version."""
    total = hashlib.sha256(numba.__version__.encode())
    for package in packages:
        for path in sorted(package.rglob("*.py")):
            text = path.read_bytes()
            total.update(f"{path.relative_to(package).as_posix()} {len(text)}\n".encode() + text)
    return total.hexdigest()[:16]


def base() -> Path:
    """Where caches live: NUMBA_CACHE_DIR if set, else the user's cache directory."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "tailproof" / "kernels"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "tailproof" / "kernels"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tailproof" / "kernels"


@cache
def directory(packages: tuple[Path, ...]) -> Path | None:
    """The cache directory for kernels made of these `sources`, made if absent; None if there is no private one."""
    try:
        path = base() / f"{packages[0].name}-{digest(packages)}"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and (path.stat().st_uid != os.getuid() or path.stat().st_mode & 0o022):
            return None
        tempfile.TemporaryFile(dir=path).close()
    except (OSError, RuntimeError):            # RuntimeError: no home directory
        return None
    return path


def kernel(function: Function) -> Function:
    """Compile with Numba (nopython, GIL released) on first use, cached as the module's first lines promise."""
    where = directory(sources(Path(function.__code__.co_filename).resolve()))
    chosen = "" if where is None else str(where)
    while True:
        # Numba reads the setting when the function is decorated; a user's own kernels keep the user's own setting.
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, chosen
        try:
            compiled: Function = numba.njit(nogil=True, cache=where is not None)(function)
        finally:
            kept = numba.config.CACHE_DIR == chosen
            if kept:
                numba.config.CACHE_DIR = before
        if kept:
            return compiled
        # The environment has changed, and Numba has read its settings anew, ours overwritten: decorate again.
