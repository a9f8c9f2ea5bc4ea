"""Nodes to test against: a real one, one with fixed answers, and one that passes on a real one's and spoils some."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, BinaryIO

import pytest
import requests

from verifier_contracts.chain import Chain
from verifier_contracts.compiler import node_modules
from verifier_contracts.node import HTTP

Response = Mapping[str, Any]
Forward = Callable[[Response], Any]
HANG_UP, WEB_PAGE, NOTHING = "hang up", "web page", "nothing"
"""What a node may say instead of JSON-RPC: break the line after it has read; another server's page; an empty body."""


def _binary() -> str:
    return str(node_modules() / "@foundry-rs" / "anvil-linux-amd64" / "bin" / "anvil")


def has_anvil() -> bool:
    """Whether anvil runs here: its package is for Linux on x86-64."""
    return shutil.which(_binary()) is not None


@contextmanager
def anvil(*arguments: str) -> Iterator[Chain]:
    """anvil on a free port of this machine, with further `arguments`; gone when the block ends."""
    if not has_anvil():
        pytest.skip("anvil is not installed on this platform")
    # The node chooses its port and says it: one chosen here could be another's by the time it is listened on. What it
    # says goes to a file, since nobody reads on: a pipe would be full some day.
    with tempfile.TemporaryFile("w+b") as said:
        node = subprocess.Popen([_binary(), "--port", "0", *arguments], stdout=said, stderr=subprocess.STDOUT)
        try:
            # On a machine that does much else, an answer may take long that is not in doubt.
            yield Chain.connect(f"http://{_place(node, said)}", key_variable="TAILPROOF_UNSET", patience=300)
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


def url_of(chain: Chain) -> str:
    """Where a node started by `anvil` is."""
    transport = chain.transport
    assert isinstance(transport, HTTP)
    return transport.url


class Loopback:
    """A JSON-RPC endpoint on this machine whose answers are made by `hook(request, forward)`.

    hook : returns a response object, bytes, (HTTP status, response), one of the words above, or None for silence.
    calls : (method, params) of every request, in order.
    """

    def __init__(self, upstream: str | None = None) -> None:
        self.hook: Callable[[Any, Forward], Any] = lambda request, forward: forward(request)
        self.calls: list[tuple[str, Any]] = []
        self._upstream, self._session, own = upstream, requests.Session(), self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True       # or the body waits 40 ms for the head to be acknowledged

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                own.calls.append((request["method"], request.get("params")))
                answer, status = own.hook(request, own._forward), 200
                if isinstance(answer, tuple):
                    status, answer = answer
                if answer == HANG_UP:
                    self.close_connection = True
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                body = {WEB_PAGE: b"<html>hello</html>", NOTHING: b""}.get(answer, body) \
                    if isinstance(answer, str) else body
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *arguments: object) -> None:
                pass                                                 # a client that left: what is tested, not a failure

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/secret-path"

    def _forward(self, request: Response) -> Any:
        assert self._upstream is not None
        return self._session.post(self._upstream, json=request, timeout=60).json()

    def count(self, method: str) -> int:
        return sum(name == method for name, _ in self.calls)

    @property
    def signed(self) -> list[str]:
        """The different transactions that were handed over, raw."""
        return list(dict.fromkeys(params[0] for name, params in self.calls if name == "eth_sendRawTransaction"))

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@contextmanager
def loopback(upstream: str | None = None) -> Iterator[Loopback]:
    """A `Loopback`, gone when the block ends."""
    node = Loopback(upstream)
    try:
        yield node
    finally:
        node.close()


@contextmanager
def scripted(answers: Mapping[str, Any]) -> Iterator[Loopback]:
    """A node with a fixed answer for each method: a result, an object with "error", one of the words above, or a
    function of the parameters that gives one of these."""
    def hook(request: Any, forward: Forward) -> Any:
        answer = answers.get(request["method"], {"error": {"code": -32601, "message": "unknown method"}})
        if callable(answer):
            answer = answer(request.get("params"))
        if isinstance(answer, str) and answer in (HANG_UP, WEB_PAGE, NOTHING):
            return answer
        told = answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        return {"jsonrpc": "2.0", "id": request["id"], **told}

    with loopback() as node:
        node.hook = hook
        yield node


def error(request: Any, code: int, message: str, data: Any = None) -> dict[str, Any]:
    """A response that is an error."""
    told = {"code": code, "message": message} | ({} if data is None else {"data": data})
    return {"jsonrpc": "2.0", "id": request["id"], "error": told}


def changing(method: str, change: Callable[[Any], Any]) -> Callable[[Any, Forward], Any]:
    """A hook that changes the results of one method; what `change` returns, if anything, takes their place."""
    def hook(request: Any, forward: Forward) -> Any:
        response = forward(request)
        if request["method"] == method and response.get("result") is not None:
            changed = change(response["result"])
            response["result"] = response["result"] if changed is None else changed
        return response
    return hook
