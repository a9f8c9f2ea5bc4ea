"""A real node to test against."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from primitives.errors import BadInput
from verifier_contracts.chain import Chain
from verifier_contracts.compiler import node_modules


@contextmanager
def anvil(*arguments: str) -> Iterator[Chain]:
    """anvil on a free port of this machine, with further `arguments`; gone when the block ends."""
    binary = node_modules() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil"
    if shutil.which(str(binary)) is None:
        pytest.skip("anvil is not installed on this platform")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = subprocess.Popen([str(binary), "--port", str(port), "--silent", *arguments])
    try:
        for _ in range(200):
            try:
                chain = Chain.connect(f"http://127.0.0.1:{port}", key_variable="TAILPROOF_UNSET")
                break
            except BadInput:
                time.sleep(0.05)
        else:
            pytest.fail("anvil does not answer")
        yield chain
    finally:
        node.kill()
        node.wait()
