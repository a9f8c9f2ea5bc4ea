"""`tailproof completion`: what it prints has a shell complete our commands."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tailproof.cli import main

Run = Callable[..., Any]
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """With `tailproof` on the path, of this tree."""
    folder = tmp_path_factory.mktemp("bin")
    program = folder / "tailproof"
    program.write_text(f"#!{sys.executable}\nfrom tailproof.cli import main\nmain()\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return {**os.environ, "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


def completed(environment: dict[str, str], *words: str) -> set[str]:
    """What bash offers for the last of these words, once it has run the script."""
    script = ('eval "$(tailproof completion bash)"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); '
              '_tailproof_completion "$1"; printf "%s\\n" "${COMPREPLY[@]}"')
    return set(subprocess.run(["bash", "-c", script, "bash", *words], env=environment, capture_output=True, text=True,
                              check=True).stdout.split())


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_commands_and_options(environment: dict[str, str]) -> None:
    assert completed(environment, "tailproof", "contr") == {"contract"}
    assert {"roles", "rotate", "resume"} <= completed(environment, "tailproof", "contract", "r")
    assert "--deployment" in completed(environment, "tailproof", "contract", "table", "--de")
    assert completed(environment, "tailproof", "xyzzy") == set()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_printed_as_it_is(run: Run, shell: str) -> None:
    answer = run("completion", shell)
    assert answer.code == 0
    assert f"_TAILPROOF_COMPLETE={shell}_complete" in answer.data["script"]
    text = CliRunner().invoke(main, ["completion", shell]).stdout
    assert text.strip() == answer.data["script"].strip()
    path = shutil.which(shell)
    if path is not None:                           # its syntax, where the shell is here to say
        subprocess.run([path, "-n"], input=text, text=True, check=True)


def test_no_other_shell_is_known(run: Run) -> None:
    assert run("completion", "tcsh").code == 2
