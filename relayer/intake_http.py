"""The relayer's HTTP endpoint: bundles in, by token; health, metrics and a status page out.

    POST /bundles                           201 taken, 200 known already, with its state
    GET  /bundles/ACCOUNT/EPOCH/VERSION     how far a margin is
    GET  /health, /metrics, /status.json, / of the relayer; no token, nothing secret

What a stranger could do without the checks here: fill the disk (token, size), the processor (rates, and a size that is
asked for before the body is read), try tokens (a rate for who has none, comparison in constant time), or write into the
page (escapes, and a policy that runs nothing).
"""

from __future__ import annotations

import hmac
import json
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from waitress.server import create_server

from primitives.errors import BadInput, Said
from relayer.intake import LARGEST_DOCUMENT, Intake, reason
from relayer.outbox import Item, OtherContent, Outbox, OutboxBusy
from relayer.relay_status import Metrics, page
from relayer.submit import NotSubmitted

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_PATH = re.compile(r"/bundles/(0x[0-9a-fA-F]{40})/(\d{1,13})/(\d{1,13})")
_LINES = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
          405: "Method Not Allowed", 409: "Conflict", 411: "Length Required", 413: "Content Too Large",
          422: "Unprocessable Content",
          429: "Too Many Requests", 503: "Service Unavailable"}
_KEPT_BUCKETS = 10_000


class Rate:
    """So many a minute for each who asks, in bursts of as many (a token bucket).

    clock : any seconds that only grow.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._most, self._clock = per_minute, clock
        self._left: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def wait(self, who: str) -> float:
        """0 if it may, and is counted; else seconds until it may."""
        with self._lock:
            now = self._clock()
            left, at = self._left.get(who, (float(self._most), now))
            left = min(left + (now - at) * self._most / 60, float(self._most))
            if left < 1:
                self._left[who] = left, now
                return (1 - left) * 60 / self._most
            if len(self._left) >= _KEPT_BUCKETS and who not in self._left:
                self._left.clear()
            self._left[who] = left - 1, now
            return 0.0


class Answer(NamedTuple):
    """status, its body, and headers beside the usual ones."""

    status: int
    body: bytes
    kind: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Endpoint:
    """A WSGI application.

    Parameters
    ----------
    tokens : of those who may bring bundles.
    told : the status (`relay_status.status`).  events : counts by event.
    rate, strangers : requests a minute of a token, and of an address without one.
    """

    def __init__(self, intake: Intake, outbox: Outbox, tokens: Sequence[str], told: Callable[[], Mapping[str, Any]],
                 events: Mapping[str, int], *, clock: Callable[[], float], rate: int = 600, strangers: int = 60
                 ) -> None:
        self._intake, self._outbox, self._tokens, self._told = intake, outbox, tuple(tokens), told
        self._rate, self._strangers = Rate(rate, clock), Rate(strangers, clock)
        self._metrics = CollectorRegistry(auto_describe=False)
        self._metrics.register(Metrics(told, events))

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._answer(environ)
        start(f"{answer.status} {_LINES[answer.status]}", [
            ("Content-Type", answer.kind), ("Content-Length", str(len(answer.body))), ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            *answer.headers])
        return [answer.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        if path == "/bundles" or path.startswith("/bundles/"):
            refused = self._stopped(environ)
            if refused is not None:
                return refused
            return self._post(environ) if path == "/bundles" else self._find(path, method)
        views: dict[str, Callable[[], Answer]] = {"/": self._page, "/status.json": self._status,
                                                  "/health": self._health, "/metrics": self._scraped}
        if path not in views:
            return _told(404, "NotFound", "nothing is here")
        if method not in ("GET", "HEAD"):
            return _told(405, "MethodNotAllowed", "GET only", ("Allow", "GET, HEAD"))
        wait = self._strangers.wait(f"view {environ.get('REMOTE_ADDR', '')}")
        return _too_many(wait) if wait else views[path]()

    # -- bundles -------------------------------------------------------------------------------------------------------
    def _stopped(self, environ: Mapping[str, Any]) -> Answer | None:
        """Who has no token, or asks too often."""
        given = environ.get("HTTP_AUTHORIZATION", "")
        token = given[7:] if given[:7].lower() == "bearer " else ""
        known = [hmac.compare_digest(token.encode("utf-8", "replace"), one.encode()) for one in self._tokens]
        if not any(known):
            wait = self._strangers.wait(str(environ.get("REMOTE_ADDR", "")))
            return _too_many(wait) if wait else _told(401, "Unauthorized", "a token is needed",
                                                      ("WWW-Authenticate", "Bearer"))
        wait = self._rate.wait(f"token {known.index(True)}")
        return _too_many(wait) if wait else None

    def _post(self, environ: Mapping[str, Any]) -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            return _told(405, "MethodNotAllowed", "POST only", ("Allow", "POST"))
        length = environ.get("CONTENT_LENGTH") or ""
        if not re.fullmatch(r"\d{1,9}", length):
            return _told(411, "LengthRequired", "Content-Length is needed")
        if int(length) > LARGEST_DOCUMENT:
            return _told(413, "TooLarge", f"at most {LARGEST_DOCUMENT} bytes")
        try:
            item, how = self._intake.take(environ["wsgi.input"].read(int(length)).decode(), "http")
        except (BadInput, UnicodeDecodeError) as error:
            return _json(400, reason(error))
        except NotSubmitted as error:
            return _json(422, reason(error))
        except OtherContent as error:
            return _json(409, reason(error))
        except OutboxBusy as error:
            return _json(503, reason(error), ("Retry-After", "5"))
        return _json(200 if how == "known" else 201, {"taken": how, **_shown(item)})

    def _find(self, path: str, method: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return _told(405, "MethodNotAllowed", "GET only", ("Allow", "GET, HEAD"))
        parts = _PATH.fullmatch(path)
        item = None
        if parts is not None:
            account, epoch, version = parts.groups()
            try:
                item = self._outbox.find(f"margin {account.lower()} {int(epoch)} {int(version)}")
            except OutboxBusy as error:
                return _json(503, reason(error), ("Retry-After", "5"))
        return _told(404, "NotFound", "no such margin was taken") if item is None else _json(200, _shown(item))

    # -- the relayer itself --------------------------------------------------------------------------------------------
    def _page(self) -> Answer:
        return Answer(200, page(self._told()).encode(), "text/html; charset=utf-8")

    def _status(self) -> Answer:
        return _json(200, self._told())

    def _health(self) -> Answer:
        found = self._told()
        return _json(200 if found["healthy"] else 503, {"healthy": found["healthy"], "troubles": found["troubles"]})

    def _scraped(self) -> Answer:
        return Answer(200, generate_latest(self._metrics), CONTENT_TYPE_PLAIN_0_0_4)


class Serving:
    """An endpoint that is served, from its making to `close`.

    host, port : where; port 0: any.  url : where it is.
    """

    def __init__(self, endpoint: Endpoint, host: str, port: int, threads: int = 4) -> None:
        try:
            self._server = create_server(
                endpoint, host=host, port=port, threads=threads, ident=None, channel_timeout=30, connection_limit=200,
                max_request_header_size=16 << 10, max_request_body_size=LARGEST_DOCUMENT + 1, expose_tracebacks=False,
                clear_untrusted_proxy_headers=True)
        except OSError as error:
            raise BadInput("--listen", Said(f"{host}:{port}"), f"an address to listen on ({error.strerror})") from None
        self.url = f"http://{host}:{self._server.effective_port}"
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more, and end what was begun."""
        self._server.close()
        self._server.task_dispatcher.shutdown()
        self._thread.join(5)


def read_tokens(path: Path) -> list[str]:
    """Tokens from a file, one a line; raises BadInput, which shows none."""
    try:
        lines = path.read_text().split()
    except (OSError, UnicodeDecodeError):
        raise BadInput("token file", str(path), "a text file that can be read") from None
    if not lines or not all(_TOKEN.fullmatch(line) for line in lines):
        raise BadInput("token file", str(path), "of one token a line, each of 32 to 128 letters, digits, - and _")
    return lines


def _shown(item: Item) -> dict[str, Any]:
    return {"name": item.name, "state": item.state.value, "reason": item.reason}


def _json(status: int, facts: Mapping[str, Any], *headers: tuple[str, str]) -> Answer:
    return Answer(status, json.dumps(facts, sort_keys=True, default=str).encode() + b"\n", headers=headers)


def _told(status: int, name: str, message: str, *headers: tuple[str, str]) -> Answer:
    return _json(status, {"error": name, "message": message}, *headers)


def _too_many(wait: float) -> Answer:
    return _told(429, "TooManyRequests", "ask less often", ("Retry-After", str(int(wait) + 1)))
