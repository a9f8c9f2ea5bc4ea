"""Pages that a process shows of itself: health, metrics, status; read only, without a token, holding nothing secret.

What a stranger could do without the checks here: ask without end (a rate for each address), write into a page (escapes,
and a policy that runs nothing), have a browser that shows another's page ask in its name (no answer for a host that is
not this one, where only this machine is listened to).
"""

from __future__ import annotations

import ipaddress
import json
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector
from waitress.server import BaseWSGIServer, create_server
from waitress.wasyncore import dispatcher

from primitives.errors import BadInput, Said

_LINES = {200: "OK", 201: "Created", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
          405: "Method Not Allowed", 409: "Conflict", 411: "Length Required", 413: "Content Too Large",
          421: "Misdirected Request", 422: "Unprocessable Content",
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


class Views:
    """A WSGI application.

    Parameters
    ----------
    told : the status; it has "healthy" and "troubles".  page : it as HTML.  metrics : it for Prometheus.
    clock : any seconds that only grow.  strangers : requests a minute of an address.
    hosts : names that a request may be for; None: any.
    """

    def __init__(self, told: Callable[[], Mapping[str, Any]], page: Callable[[Mapping[str, Any]], str],
                 metrics: Collector, *, clock: Callable[[], float], strangers: int = 60,
                 hosts: frozenset[str] | None = None) -> None:
        self._told, self._html, self._strangers, self._hosts = told, page, Rate(strangers, clock), hosts
        self._metrics = CollectorRegistry(auto_describe=False)
        self._metrics.register(metrics)

    def __call__(self, environ: Mapping[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        answer = self._answer(environ) if self._is_for_us(environ) else refused(
            421, "MisdirectedRequest", "this machine is asked by its own name only")
        start(f"{answer.status} {_LINES[answer.status]}", [
            ("Content-Type", answer.kind), ("Content-Length", str(len(answer.body))), ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("X-Frame-Options", "DENY"),
            ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
            *answer.headers])
        return [answer.body] if environ["REQUEST_METHOD"] != "HEAD" else []

    def _is_for_us(self, environ: Mapping[str, Any]) -> bool:
        if self._hosts is None:
            return True
        name = str(environ.get("HTTP_HOST", "")).lower()
        bare = name[:name.rindex("]") + 1] if name.startswith("[") and "]" in name else name.partition(":")[0]
        return bare in self._hosts

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        views: dict[str, Callable[[], Answer]] = {"/": self._page, "/status.json": self._status,
                                                  "/health": self._health, "/metrics": self._scraped}
        if path not in views:
            return refused(404, "NotFound", "nothing is here")
        if method not in ("GET", "HEAD"):
            return refused(405, "MethodNotAllowed", "GET only", ("Allow", "GET, HEAD"))
        wait = self._strangers.wait(f"view {environ.get('REMOTE_ADDR', '')}")
        return too_many(wait) if wait else views[path]()

    def _page(self) -> Answer:
        return Answer(200, self._html(self._told()).encode(), "text/html; charset=utf-8")

    def _status(self) -> Answer:
        return as_json(200, self._told())

    def _health(self) -> Answer:
        found = self._told()
        return as_json(200 if found["healthy"] else 503, {"healthy": found["healthy"], "troubles": found["troubles"]})

    def _scraped(self) -> Answer:
        return Answer(200, generate_latest(self._metrics), CONTENT_TYPE_PLAIN_0_0_4)


LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
"""Names under which only this machine is asked."""


def hosts_of(host: str) -> frozenset[str] | None:
    """Names that requests may be for where this address is listened on: on this machine's own its names, so that no
    page from elsewhere asks through its reader's browser; None: any, since nobody knows what this machine is called."""
    try:
        own = host == "localhost" or ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
        return LOCAL | {host.lower()} if own else None
    except ValueError:
        return None


class Serving:
    """An application that is served, from its making to `close`.

    host, port : where; port 0: any.  largest : bytes of a request's body.  url : where it is.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]], host: str, port: int, threads: int = 4,
                 largest: int = 0) -> None:
        self._open: dict[int, Any] = {}
        try:
            self._server = create_server(
                application, self._open, host=host, port=port, threads=threads, ident=None, channel_timeout=30,
                connection_limit=200, max_request_header_size=16 << 10, max_request_body_size=largest + 1,
                expose_tracebacks=False, clear_untrusted_proxy_headers=True)
        except OSError as error:
            raise BadInput("--listen", Said(f"{host}:{port}"), f"an address to listen on ({error.strerror})") from None
        except ValueError:                         # of waitress, for a name that is none
            raise BadInput("--listen", Said(f"{host}:{port}"), "an address of this machine to listen on") from None
        # A name may be of several addresses, each with a socket of its own.
        self._listening = [one for one in self._open.values() if isinstance(one, BaseWSGIServer)]
        name = f"[{host}]" if ":" in host else host
        self.url = f"http://{name}:{self._listening[0].effective_port}"
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Take no more, and end what was begun; once is enough. Sockets are closed by the thread that waits for them:
        it looks at what another closes once a second, if at all, and the system would give their numbers to others."""
        if not self._thread.is_alive():
            return
        first = self._listening[0]
        first.trigger.pull_trigger(self._take_no_more)
        self._server.task_dispatcher.shutdown()
        first.trigger.pull_trigger(self._end)
        self._thread.join(5)

    def _take_no_more(self) -> None:
        for one in self._listening:
            dispatcher.close(one)

    def _end(self) -> None:
        """Each connection closes once its answer is out: its client may keep it open for long."""
        for one in self._listening:
            for channel in one.active_channels.values():
                channel.close_when_flushed = True
            one.trigger.close()


def as_json(status: int, facts: Mapping[str, Any], *headers: tuple[str, str]) -> Answer:
    """An answer that is one JSON object."""
    return Answer(status, json.dumps(facts, sort_keys=True, default=str).encode() + b"\n", headers=headers)


def refused(status: int, name: str, message: str, *headers: tuple[str, str]) -> Answer:
    """An answer that is an error."""
    return as_json(status, {"error": name, "message": message}, *headers)


def too_many(wait: float) -> Answer:
    """To who asks too often.  wait : seconds until it may."""
    return refused(429, "TooManyRequests", "ask less often", ("Retry-After", str(int(wait) + 1)))


# -- pages -------------------------------------------------------------------------------------------------------------
_STYLE = ("body{font:14px/1.4 system-ui,sans-serif;margin:2em;max-width:80em}td,th{padding:.2em .8em .2em 0;"
          "text-align:left;vertical-align:top;word-break:break-word}th{color:#666}.bad{color:#b00}")


def document(title: str, heading: str, found: Mapping[str, Any], parts: Sequence[str], *, style: str = "",
             head: str = "") -> str:
    """A page without a script.  found : of which "healthy" and "troubles" are shown first.  parts : HTML, escaped."""
    troubles = "".join(f"<li>{escape(str(trouble))}</li>" for trouble in found["troubles"])
    return (f"<!doctype html><html lang=en><meta charset=utf-8>{head}<title>{escape(title)}</title>"
            f"<style>{_STYLE}{style}</style><h1>{escape(heading)}: <span{'' if found['healthy'] else ' class=bad'}>"
            f"{'healthy' if found['healthy'] else 'NOT healthy'}</span></h1><ul class=bad>{troubles}</ul>"
            + "".join(parts) + "</html>\n")


def table(title: str, rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows of one form under a heading; every word is escaped."""
    if not rows:
        return f"<h2>{escape(title)}</h2><p>none</p>"
    head = "".join(f"<th>{escape(str(name))}</th>" for name in rows[0])
    body = "".join("<tr>" + "".join(f"<td>{escape(str(value))}</td>" for value in row.values()) + "</tr>"
                   for row in rows)
    return f"<h2>{escape(title)}</h2><table><tr>{head}</tr>{body}</table>"
