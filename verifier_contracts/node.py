"""One node: a question in JSON-RPC, and an answer of the right kind or an error that names the node.

A node that answers once may fail the next time: it is asked again, later and later, until its `patience` is used up.
Where nobody has answered yet, an address is likelier wrong than busy, and that is said at once.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from typing import Any, Protocol, TypeVar

import requests

from primitives import jsonio
from primitives.errors import BadInput
from verifier_contracts.errors import (
    AnswerRefused,
    NodeBusy,
    NodeError,
    NodeUnreachable,
    OddAnswer,
)
from verifier_contracts.reverts import reverted

T = TypeVar("T")
LARGEST_ANSWER = 32 << 20
REQUEST_SECONDS = 30.0
_BUSY = re.compile(r"too many requests|rate.?limit|request(s)? (limit|per second)|compute units|throttl|-32005",
                   re.IGNORECASE)


class Transport(Protocol):
    """What carries a question to a node: `embedded` or over HTTP."""

    name: str

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        """The JSON-RPC response, an object with `result` or `error`; raises NodeError, or Reverted."""


class HTTP:
    """JSON-RPC over HTTP. Redirections are not followed: a secret in the path is for this host only."""

    def __init__(self, url: str, name: str) -> None:
        self.url, self.name = url, name
        self._session, self._numbers = requests.Session(), itertools.count(1)
        self._prepared: tuple[requests.PreparedRequest, MutableMapping[str, Any]] | None = None

    def ask(self, method: str, params: list[Any], seconds: float) -> Any:
        number = next(self._numbers)
        body = json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        try:
            with self._send(body.encode(), seconds) as response:
                status, after = response.status_code, response.headers.get("Retry-After", "")
                text = self._read(response, method, time.monotonic() + seconds)
        except (requests.RequestException, UnicodeError) as error:        # UnicodeError: a host that no name can be
            raise NodeUnreachable(self.name, f"no answer ({type(error).__name__})", method=method) from None
        answer = None
        with suppress(BadInput):
            answer = jsonio.loads(text)
        # Some nodes put a contract's refusal under HTTP 400 or 500: an error in JSON-RPC says more than the status.
        told = answer.get("error") if isinstance(answer, dict) else None
        if status in (429, 503) or (told is not None and _is_busy(told)):
            busy = NodeBusy(self.name, f"asks to be asked less (HTTP {status})", method=method)
            busy.after = min(float(after), 60.0) if re.fullmatch(r"\d{1,6}", after) else 0.0
            raise busy
        if told is None and status != 200:
            kind = NodeError if status in (401, 402, 403) else OddAnswer
            raise kind(self.name, f"HTTP {status} instead of an answer", method=method)
        if not isinstance(answer, dict) or (told is None and "result" not in answer):
            raise OddAnswer(self.name, "the answer is not of a JSON-RPC endpoint", method=method)
        if answer.get("id") not in (number, None):
            raise OddAnswer(self.name, "the answer is to another question", method=method)
        return answer

    def _send(self, body: bytes, seconds: float) -> requests.Response:
        """All requests are alike but for the body: address, headers and proxies are worked out for the first, which
        takes as long as everything else that is done here for a question."""
        if self._prepared is None:
            first = self._session.prepare_request(requests.Request("POST", self.url,
                                                                   headers={"Content-Type": "application/json"}))
            self._prepared = first, self._session.merge_environment_settings(self.url, {}, True, None, None)
        like, settings = self._prepared
        request = like.copy()
        request.body, request.headers["Content-Length"] = body, str(len(body))
        return self._session.send(request, allow_redirects=False, timeout=seconds, **settings)

    def _read(self, response: requests.Response, method: str, until: float) -> bytes:
        """The body, unless it is endless in length or time."""
        text = bytearray()
        for part in response.iter_content(1 << 16):
            text += part
            if len(text) > LARGEST_ANSWER or time.monotonic() > until:
                raise OddAnswer(self.name, f"the answer is longer than {LARGEST_ANSWER} bytes, or does not end",
                                method=method)
        return bytes(text)


def _is_busy(error: Any) -> bool:
    if not isinstance(error, Mapping):
        return bool(_BUSY.search(str(error)))
    return error.get("code") in (-32005, -32029, 429) or bool(_BUSY.search(str(error.get("message"))))


def pauses(first: float = 0.25, longest: float = 8.0) -> Iterator[float]:
    """Seconds to wait before the next attempt: doubling, then even."""
    pause = first
    while True:
        yield pause
        pause = min(2 * pause, longest)


class Node:
    """Questions to one node.

    Parameters
    ----------
    patience : seconds for which a question is repeated that was not answered, or oddly.
    """

    def __init__(self, transport: Transport, patience: float = 20.0) -> None:
        self.transport, self.name, self.patience = transport, transport.name, patience
        self._answered = False

    def ask(self, method: str, *params: Any, read: Callable[[Any], T]) -> T:
        """An answer, through `read`; asked again while the node is busy, and while it fails after having answered.

        Raises
        ------
        NodeError : no answer, or none of the right kind; `AnswerRefused` if the node's answer is an error.
        """
        until, next_pause = time.monotonic() + self.patience, pauses()
        while True:
            try:
                return self.once(method, *params, read=read)
            except (NodeBusy, NodeUnreachable, OddAnswer) as error:
                pause = max(next(next_pause), getattr(error, "after", 0.0))
                worth_it = self._answered or isinstance(error, NodeBusy)
                if not worth_it or time.monotonic() + pause > until:
                    raise
                time.sleep(pause)

    def once(self, method: str, *params: Any, read: Callable[[Any], T], seconds: float = REQUEST_SECONDS) -> T:
        """The same, asked once; for what has a loop of its own, or must not be asked twice."""
        answer = self.transport.ask(method, list(params), seconds)
        if answer.get("error") is not None:
            self._answered = True
            raise AnswerRefused(self.name, answer["error"], method=method)
        try:
            value = read(answer.get("result"))
        except (ValueError, KeyError, TypeError, BadInput):
            raise OddAnswer(self.name, "malformed answer", method=method) from None
        self._answered = True
        return value

    def run(self, method: str, *params: Any, read: Callable[[Any], T]) -> T:
        """`ask` for what runs code; raises `Reverted` where the code failed, in whatever shape the node says so."""
        try:
            return self.ask(method, *params, read=read)
        except AnswerRefused as refused:
            failure = reverted(refused.error)
            if failure is None:
                raise
            raise failure from None

    def ask_optional(self, method: str, *params: Any, read: Callable[[Any], T], default: T) -> T:
        """`ask` for what not every node answers."""
        try:
            return self.ask(method, *params, read=read)
        except AnswerRefused:
            return default


