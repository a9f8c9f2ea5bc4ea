"""A shell in an empty folder in which `tailproof` is what pip installs from the wheel: no checkout is on its way."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from test_wheel import ROOT, Installed, pip

from verifier_contracts.chain import KEY_VARIABLE


class Shell:
    """Lines are given to it as somebody types them; what a line exports stays.

    folder : where it is, empty at first.
    """

    def __init__(self, home: Path, **variables: str) -> None:
        pip("wheel", str(ROOT), "--no-build-isolation", "--wheel-dir", str(home / "wheel"), cwd=home)
        (wheel,) = (home / "wheel").glob("*.whl")
        made = Installed(home, wheel)
        self.folder, self._seen = home / "work", home / "environment"
        self.folder.mkdir()
        path = f"{made.python.parent}{os.pathsep}{os.environ['PATH']}"
        kernels = os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache"))              # that are compiled already
        self.environment = {**os.environ, **made.environment, "PATH": path, "HOME": str(home),
                            "XDG_CACHE_HOME": kernels, **variables}
        self.environment.pop(KEY_VARIABLE, None)

    def __call__(self, line: str) -> tuple[int, str]:
        """Exit code, and all that was said."""
        script = f'{line}\ncode=$?\nenv -0 > "{self._seen}"\nexit $code\n'
        done = subprocess.run(["bash", "-c", script], cwd=self.folder, env=self.environment, capture_output=True,
                              text=True, check=False, timeout=600)
        self.environment = dict(entry.split("=", 1) for entry in self._seen.read_text().split("\0") if "=" in entry)
        return done.returncode, done.stdout + done.stderr

    def json(self, line: str, code: int = 0) -> Any:
        """The --json answer of a command."""
        found, said = self(f"{line} --json 2>/dev/null")
        assert found == code, said
        return json.loads(said)
