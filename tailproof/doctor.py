"""What of this machine and its settings keeps commands from working, or makes them slow: looked at, never mended."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from primitives.errors import BadInput, TailproofError

from . import settings
from .extras import EXTRAS

Verdict = Literal["ok", "note", "wrong"]
LEAST_MEMORY = 1 << 30
"""Bytes that a proof of `margin-full-1000x32` needs, and some more."""
LEAST_DISK = 256 << 20
"""Bytes for compiled kernels."""
LATE = 60
"""Seconds by which a block may be ahead of this machine's clock."""
MEMORY, LIMIT = Path("/proc/meminfo"), Path("/sys/fs/cgroup/memory.max")


@dataclass(frozen=True)
class Finding:
    """`found` is what is there; `advice` what to do about it, where anything should or may be done."""

    name: str
    verdict: Verdict
    found: str
    advice: str = ""

    def to_json(self) -> dict[str, str]:
        return asdict(self)


def examine(found: settings.Settings | TailproofError) -> Iterator[Finding]:
    """Everything that is looked at, in order.

    Parameters
    ----------
    found : what environment and file say, or what was wrong with it.
    """
    yield from _versions()
    yield _processor()
    yield _memory()
    yield _folder("cache of kernels", _cache(), "set XDG_CACHE_HOME or NUMBA_CACHE_DIR to a folder of yours: every "
                  "command compiles kernels anew")
    yield _folder("state", _state(), "set XDG_STATE_HOME to a folder of yours: journals and locks of senders are there")
    yield from _extras()
    yield _external("node", "needed by snarkjs alone, a third verifier of the demo")
    yield from _configuration(found)
    yield _clock()
    if isinstance(found, settings.Settings):
        yield from _node(found)


# -- this installation ---------------------------------------------------------------------------------------------
def _versions() -> Iterator[Finding]:
    yield Finding("python", "ok", f"{platform.python_version()} ({platform.python_implementation()})")
    try:
        own, needs = metadata.version("tailproof"), metadata.requires("tailproof") or []
    except metadata.PackageNotFoundError:
        yield Finding("tailproof", "wrong", "not installed", "pip install it; this is its source")
        return
    yield Finding("tailproof", "ok", own)
    yield from _required(needs, metadata.version)


def _required(needs: list[str], version: Callable[[str], str]) -> Iterator[Finding]:
    """Of every package that the base needs, whether it is there and new enough."""
    for need in needs:
        if "extra ==" in need:
            continue
        parsed = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*(?:>=([0-9.]+))?", need)
        if parsed is None:
            continue
        name, least = parsed[1], parsed[2]
        try:
            there = version(name)
        except metadata.PackageNotFoundError:
            yield Finding(name, "wrong", "absent", f"pip install '{name}'")
            continue
        old = least is not None and _numbers(there) < _numbers(least)
        yield Finding(name, "wrong" if old else "ok", there, f"pip install '{name}>={least}'" if old else "")


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])


def _extras() -> Iterator[Finding]:
    for extra, packages in EXTRAS.items():
        absent = [package for package in packages if find_spec(package) is None]
        yield Finding(f"extra [{extra}]", "note" if absent else "ok", f"without {', '.join(absent)}" if absent
                      else "present", f"pip install 'tailproof[{extra}]'" if absent else "")


def _external(name: str, what_for: str) -> Finding:
    path = shutil.which(name)
    return Finding(name, "ok" if path else "note", path or "absent", "" if path else what_for)


# -- this machine --------------------------------------------------------------------------------------------------
def _processor() -> Finding:
    try:
        from llvmlite.binding import get_host_cpu_features, get_host_cpu_name

        from primitives import threads
        from prover.kernels.processor import NEEDED, PORTABLE
    except ImportError as error:
        return Finding("processor", "wrong", str(error), "nothing can be proven without")
    there = get_host_cpu_features()
    has = all(there.get(feature, False) for feature in NEEDED)
    kernels = "portable kernels" if PORTABLE else "kernels with AVX-512 IFMA"
    found = f"{platform.machine()} ({get_host_cpu_name()}), {threads.count()} threads, {kernels}"
    if PORTABLE and has:
        return Finding("processor", "note", found, "it has AVX-512 IFMA, which TAILPROOF_FORCE_PORTABLE or NUMBA_… "
                       "forbids: proofs take longer")
    return Finding("processor", "ok", found)


def _memory() -> Finding:
    """The least of what the machine has and what this process may use."""
    try:
        lines = dict(re.findall(r"^(\w+):\s+(\d+) kB$", MEMORY.read_text(), re.MULTILINE))
        total, free = 1024 * int(lines["MemTotal"]), 1024 * int(lines["MemAvailable"])
    except (OSError, KeyError, ValueError):
        return Finding("memory", "note", "unknown", "this system does not say")
    try:
        most = int(LIMIT.read_text())
    except (OSError, ValueError):                  # no limit is the word "max"
        most = total
    total = min(total, most)
    found = f"{_mib(total)}, {_mib(min(free, total))} free"
    if total < LEAST_MEMORY:
        return Finding("memory", "wrong", found, f"a proof of a thousand scenarios needs {_mib(LEAST_MEMORY)}")
    if free < LEAST_MEMORY:
        return Finding("memory", "note", found, f"a proof of a thousand scenarios needs {_mib(LEAST_MEMORY)}")
    return Finding("memory", "ok", found)


def _mib(size: int) -> str:
    return f"{size / (1 << 20):.0f} MiB"


def _cache() -> Path | None:
    from primitives import cache
    try:
        return cache.base()
    except RuntimeError:                           # no home directory
        return None


def _state() -> Path | None:
    home = os.environ.get("XDG_STATE_HOME")
    try:
        return (Path(home) if home else Path.home() / ".local" / "state") / "tailproof"
    except RuntimeError:
        return None


def _folder(name: str, path: Path | None, advice: str) -> Finding:
    """Whether files can be made there, or in the nearest folder above it that exists; one is, and removed."""
    if path is None:
        return Finding(name, "wrong", "no home directory", advice)
    first = path
    while not os.path.exists(first) and first != first.parent:         # without an error where one may not look
        first = first.parent
    try:
        with tempfile.TemporaryFile(dir=first):
            pass
    except OSError as error:
        return Finding(name, "wrong", f"{path}: {error.strerror or error}", advice)
    free = shutil.disk_usage(first).free
    if free < LEAST_DISK:
        return Finding(name, "note", f"{path}: {_mib(free)} free", "the disk is almost full")
    return Finding(name, "ok", f"{path}: can be written")


def _clock() -> Finding:
    """Deadlines and ages are counted by it; it cannot be before this program was."""
    from risk.exact.clock import format_time
    now, made = int(time.time()), int(Path(__file__).stat().st_mtime)
    if now + 86_400 < made:
        return Finding("clock", "wrong", f"{now} ({format_time(now)})", f"it is before {format_time(made)}, when this "
                       "program was made: set it")
    return Finding("clock", "ok", f"{now} ({format_time(now)})")


# -- settings, and the node they name ------------------------------------------------------------------------------
def _configuration(found: settings.Settings | TailproofError) -> Iterator[Finding]:
    if isinstance(found, TailproofError):
        yield Finding("configuration", "wrong", str(found), "`tailproof config show`; docs/configuration.md")
    else:
        of = f"profile {found.profile}" if found.profile else "no profile"
        yield Finding("configuration", "ok", f"{found.file}, {of}" if found.file else "no file")
    for name, near in settings.unknown_variables():
        yield Finding(f"${name}", "note", "read by nobody", near.removeprefix("; "))


def _node(found: settings.Settings) -> Iterator[Finding]:
    """The node that is configured: whether it answers, of which chain, and whether its clock is near ours."""
    rpc, said = found.given.get("rpc"), found.given.get("chain-id")
    deployment = found.given.get("deployment")
    system = None
    if deployment is not None:
        from verifier_contracts.system import System
        try:
            system = System.load(deployment.value)
        except BadInput as error:
            yield Finding("deployment", "wrong", str(error), f"it is {deployment.source}")
        else:
            yield Finding("deployment", "ok", f"{deployment.value}, chain {system.chain_id}")
    if rpc is None:
        yield Finding("JSON-RPC node", "ok", "none is configured")
        return
    from risk.exact.clock import format_time
    from verifier_contracts.chain import Chain
    try:
        chain = Chain.connect(rpc.value, chain_id=None if said is None else int(said.value), patience=5.0)
        if system is not None:
            system.require_there(chain)
        latest, now = chain.now(), int(time.time())
        trial = ", a development chain" if chain.development else ""
        shown = (f"{settings.shown('rpc', rpc.value)}, chain {chain.chain_id}{trial}, latest block of {latest} "
                 f"({format_time(latest)})")
        late = latest > now + LATE and not chain.development
    except TailproofError as error:
        yield Finding("JSON-RPC node", "wrong", str(error), f"it is {rpc.source}")
        return
    yield Finding("JSON-RPC node", "wrong" if late else "ok", shown,
                  "this machine's clock is behind the chain's: set it" if late else "")
