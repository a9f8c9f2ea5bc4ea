"""snarkjs's command line, as users run it, but for the process: all commands of a test run share one, for a fresh one
takes longer to start threads for its curve than to do what is asked. `tailproof demo` runs it as a program."""

from __future__ import annotations

import atexit
import json
import subprocess
import threading
from functools import cache
from pathlib import Path
from typing import NamedTuple

from verifier_contracts.compiler import node_modules

SCRIPT = Path(__file__).parent / "page" / "snarkjs.cjs"


class Ended(NamedTuple):
    """A command's exit code, and what it printed."""

    code: int
    said: str


@cache
def _process() -> subprocess.Popen[str]:
    command = ["node", str(SCRIPT), str(node_modules() / "snarkjs" / "build" / "cli.cjs")]
    started = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    atexit.register(started.kill)
    return started


def snarkjs(*words: object, folder: Path) -> Ended:
    """Run `snarkjs WORDS` in a folder."""
    given, told = _process().stdin, _process().stdout
    assert given is not None
    assert told is not None
    given.write(json.dumps({"words": [str(word) for word in words], "folder": str(folder)}) + "\n")
    given.flush()
    late = threading.Timer(300, _process().kill)
    late.start()
    answer = told.readline()
    late.cancel()
    if not answer:                                 # others begin with a new one
        _process.cache_clear()
        raise AssertionError("Node has ended, or took five minutes; its error stream says why")
    return Ended(**json.loads(answer))
