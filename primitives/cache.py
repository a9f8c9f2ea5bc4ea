"""Where machine code is kept, and how it is told that it is out of date.

What a compiled function was made of is the text of its own package (the directory `room/package/` for a file inside
one, else the files of the room itself), of the packages that its module imports from, and of `primitives`: emitters
and constants frozen into it lie there. A directory is named by the digest of all that, of the compiler, and of the
processor it compiles for; so machine code is renewed whenever any of it changes, and never asked for anywhere else.

In an installed wheel the rooms lie inside `tailproof` (build_backend), and their imports say so. That changes no
instruction, and is left out of the digest.

Directories of older versions go when they have not been used for UNUSED_DAYS.

The directory is per user, so read-only installations work. Where no private directory can be written there is none:
loading machine code from a directory that others can write would run whatever they put there.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path

PRIMITIVES = Path(__file__).resolve().parent
ROOMS = ("primitives", "risk", "circuits", "prover")
"""Where compiled functions, and what they are made of, may live."""

_INSIDE = re.compile(rb"^(\s*from\s+)tailproof\.", re.MULTILINE)

SETTINGS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_ENABLE_AVX", "NUMBA_OPT", "TAILPROOF_FORCE_PORTABLE")
"""What the user may set that changes machine code."""

UNUSED_DAYS = 30
"""After which the machine code of an older version is removed, once there is a newer one."""

watchers: list[Callable[[str], object]] = []
"""Called with the name of a function that is about to be compiled, which may take seconds."""


def as_in_the_repository(text: bytes) -> bytes:
    """A module's text with rooms imported by their own names, wherever they lie: what digests of code are taken of."""
    return _INSIDE.sub(rb"\1", text)


def _package_of(path: Path) -> Path:
    """`<root>/room/package` of what lies below it or is it; `<root>/room` of a module directly in a room, or a room."""
    root, folder = PRIMITIVES.parent, path if path.is_dir() else path.parent
    return root.joinpath(*folder.relative_to(root).parts[:2]) if path.is_relative_to(root) else folder


@cache
def sources(module: Path) -> tuple[Path, ...]:
    """The packages whose text the machine code of a module's functions depends on; its own comes first."""
    found = [_package_of(module)]
    for dots, name in re.findall(r"^\s*(?:from|import)\s+(\.*)([\w.]*)",
                                 as_in_the_repository(module.read_bytes()).decode(), re.MULTILINE):
        if dots:
            found.append(_package_of(module.parents[len(dots) - 1].joinpath(*name.split("."))))
        elif name.split(".")[0] in ROOMS:
            found.append(_package_of(PRIMITIVES.parent.joinpath(*name.split("."))))
    return tuple(dict.fromkeys((*found, PRIMITIVES)))


@cache
def _text(package: Path) -> bytes:
    """Digest of the modules of a package; of a room, only those directly in it."""
    total, room = hashlib.sha256(), package.parent == PRIMITIVES.parent
    for path in sorted(package.glob("*.py") if room else package.rglob("*.py")):
        text = as_in_the_repository(path.read_bytes())
        total.update(f"{path.relative_to(package).as_posix()} {len(text)}\n".encode() + text)
    return total.digest()


@cache
def _target() -> bytes:
    """The compiler, by the version of LLVM's binding that each of Numba's versions insists on, and the processor."""
    import llvmlite
    from llvmlite import binding
    described = [llvmlite.__version__, binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten(),
                 *(f"{name}={os.environ.get(name)}" for name in SETTINGS)]
    return "\n".join(described).encode()


@cache
def digest(packages: tuple[Path, ...]) -> str:
    """Hex digest of the text of some packages and of what it is compiled with and for."""
    return hashlib.sha256(b"".join(map(_text, packages)) + _target()).hexdigest()[:16]


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


def _remove_unused(own: Path, name: str) -> None:
    """Remove what older versions of a package have left, if none was used for a while; `own` is this version's."""
    for path in own.parent.iterdir():              # the file system's clock may not be ours: its word is not for `own`
        if path != own and re.fullmatch(re.escape(name) + "-[0-9a-f]{16}", path.name) \
                and path.is_dir() and not path.is_symlink() \
                and time.time() - path.stat().st_mtime > UNUSED_DAYS * 86400:
            shutil.rmtree(path, ignore_errors=True)


@cache
def directory(packages: tuple[Path, ...]) -> Path | None:
    """The directory for functions made of these `sources`, made if absent; None if there is no private one."""
    try:
        path = base() / f"{packages[0].name}-{digest(packages)}"
        fresh = not path.exists()
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        if hasattr(os, "getuid") and (path.stat().st_uid != os.getuid() or path.stat().st_mode & 0o022):
            return None
        if not os.access(path, os.W_OK):
            return None
        os.utime(path)
        if fresh:
            with suppress(OSError):                # another process may be doing the same
                _remove_unused(path, packages[0].name)
    except (OSError, RuntimeError):            # RuntimeError: no home directory
        return None
    return path
