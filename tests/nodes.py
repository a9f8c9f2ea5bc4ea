"""A real node to test against."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from verifier_contracts.chain import Chain
from verifier_contracts.compiler import node_modules


@contextmanager
def anvil(*arguments: str) -> Iterator[Chain]:
    """anvil on a free port of this machine, with further `arguments`; gone when the block ends."""
    binary = node_modules() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    if shutil.which(str(binary)) is None:
        pytest.skip("anvil is not installed on this platform")
    # The node chooses its port and says it: one chosen here could be another's by the time it is listened on. What it
    # says goes to a file, since nobody reads on: a pipe would be full some day.
    with tempfile.TemporaryFile("w+b") as said:
        node = subprocess.Popen([str(binary), "--port", "0", *arguments], stdout=said, stderr=subprocess.STDOUT)
        try:
            yield Chain.connect(f"http://{_place(node, said)}", key_variable="TAILPROOF_UNSET")
        finally:
            node.kill()
            node.wait()


def _place(node: subprocess.Popen[bytes], said: BinaryIO) -> str:
    """Where a node listens, once it does."""
    patience = time.monotonic() + 120
    while True:
        text = os.pread(said.fileno(), 1 << 20, 0).decode(errors="replace")
        found = re.search(r"Listening on (127\.0\.0\.1:\d+)\n", text)
        if found:
            return found[1]
        if node.poll() is not None or time.monotonic() > patience:
            pytest.fail(f"anvil does not answer:\n{text}")
        time.sleep(0.01)
