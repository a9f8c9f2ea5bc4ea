"""Compile kernels once per user, and again whenever anything they were built from changes.

Numba notices when the file of a cached function changes, but not when an emitter it uses, or a constant frozen into
it, changes in another file. So each function is cached in a directory named by the text of all modules of this package
that its own module imports, directly or not, and by the arithmetic chosen for this process.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

from primitives.cache import base

from .processor import PORTABLE

HERE = Path(__file__).resolve().parent
IMPORT = re.compile(r"^\s*from \.(\w*) import (\([^)]*\)|.+)", re.MULTILINE)

Function = TypeVar("Function", bound=Callable[..., Any])


def _imports(source: Path) -> set[Path]:
    """The modules of this package that one of them imports."""
    names: set[str] = set()
    for module, imported in IMPORT.findall(source.read_text()):
        names.update([module] if module else re.findall(r"\w+", imported))
    return {path for name in names if (path := HERE / f"{name}.py").exists()}


@cache
def _digest(module: Path) -> str:
    """Digest of a module and everything it imports from this package, and of the chosen arithmetic."""
    found, pending = {module}, [module]
    while pending:
        new = _imports(pending.pop()) - found
        found |= new
        pending += new
    total = hashlib.sha256(f"{numba.__version__} {PORTABLE}".encode())
    for path in sorted(found):
        text = path.read_bytes()
        total.update(f"\n{path.name} {len(text)}\n".encode() + text)
    return total.hexdigest()[:16]


@cache
def _directory(module: Path) -> Path | None:
    """The cache directory for the kernels of a module; None if there is none that only this user can write."""
    try:
        path = base() / f"{module.stem}-{_digest(module)}"
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and (path.stat().st_uid != os.getuid() or path.stat().st_mode & 0o022):
            return None                            # machine code that others could write would run as this user
        tempfile.TemporaryFile(dir=path).close()
    except (OSError, RuntimeError):                # RuntimeError: no home directory
        return None
    return path


_used: set[Path] = set()


def is_filled() -> bool:
    """Whether every directory that compiled functions are kept in holds some, so that nothing will take long."""
    return bool(_used) and all(any(path.rglob("*.nbi")) for path in _used)


def compiled(function: Function) -> Function:
    """Compile with Numba on first use, the GIL released; kept from run to run where a private directory allows."""
    result, directory = numba.njit(nogil=True)(function), _directory(Path(function.__code__.co_filename).resolve())
    if directory is not None:
        _used.add(directory)
        before, numba.config.CACHE_DIR = numba.config.CACHE_DIR, str(directory)
        try:
            result.enable_caching()                # which reads the setting, once
        finally:
            numba.config.CACHE_DIR = before
    return cast(Function, result)
