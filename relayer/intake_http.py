"""The relayer's HTTP endpoint: bundles in, by token; health, metrics and a status page out.

    POST /bundles                           201 taken, 200 known already, with its state
    GET  /bundles/ACCOUNT/EPOCH/VERSION     how far a margin is; with /STEP behind it, a cover at that step
    GET  /health, /metrics, /status.json, / of the relayer; no token, nothing secret

What a stranger could do without the checks here: fill the disk (token, size), the processor (rates, and a size that is
asked for before the body is read), try tokens (a rate for who has none, comparison in constant time); `views` has what
pages need.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from primitives.errors import BadInput
from primitives.texts import text_of
from relayer import item_names
from relayer.intake import LARGEST_DOCUMENT, Intake, reason
from relayer.outbox import Item, OtherContent, Outbox, OutboxBusy
from relayer.relay_status import Metrics, page
from relayer.submit import NotSubmitted
from relayer.views import Answer, Rate, Views, as_json, refused, too_many

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,128}")
_PATH = re.compile(r"/bundles/(0x[0-9a-fA-F]{40})/([0-9]{1,13})/([0-9]{1,13})(?:/([0-9]))?")


class Endpoint(Views):
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
        super().__init__(told, page, Metrics(told, events), clock=clock, strangers=strangers)
        self._intake, self._outbox, self._tokens = intake, outbox, tuple(tokens)
        self._rate = Rate(rate, clock)

    def _answer(self, environ: Mapping[str, Any]) -> Answer:
        path, method = environ.get("PATH_INFO", "/"), environ["REQUEST_METHOD"]
        if path == "/bundles" or path.startswith("/bundles/"):
            stopped = self._stopped(environ)
            if stopped is not None:
                return stopped
            return self._post(environ) if path == "/bundles" else self._find(path, method)
        return super()._answer(environ)

    # -- bundles -------------------------------------------------------------------------------------------------------
    def _stopped(self, environ: Mapping[str, Any]) -> Answer | None:
        """Who has no token, or asks too often."""
        given = environ.get("HTTP_AUTHORIZATION", "")
        token = given[7:] if given[:7].lower() == "bearer " else ""
        known = [hmac.compare_digest(token.encode("utf-8", "replace"), one.encode()) for one in self._tokens]
        if not any(known):
            wait = self._strangers.wait(str(environ.get("REMOTE_ADDR", "")))
            return too_many(wait) if wait else refused(401, "Unauthorized", "a token is needed",
                                                       ("WWW-Authenticate", "Bearer"))
        wait = self._rate.wait(f"token {known.index(True)}")
        return too_many(wait) if wait else None

    def _post(self, environ: Mapping[str, Any]) -> Answer:
        if environ["REQUEST_METHOD"] != "POST":
            return refused(405, "MethodNotAllowed", "POST only", ("Allow", "POST"))
        length = environ.get("CONTENT_LENGTH") or ""
        if not re.fullmatch(r"\d{1,9}", length):
            return refused(411, "LengthRequired", "Content-Length is needed")
        if int(length) > LARGEST_DOCUMENT:
            return refused(413, "TooLarge", f"at most {LARGEST_DOCUMENT} bytes")
        try:
            item, how = self._intake.take(text_of(environ["wsgi.input"].read(int(length))), "http")
        except BadInput as error:
            return as_json(400, reason(error))
        except NotSubmitted as error:
            return as_json(422, reason(error))
        except OtherContent as error:
            return as_json(409, reason(error))
        except OutboxBusy as error:
            return as_json(503, reason(error), ("Retry-After", "5"))
        return as_json(200 if how == "known" else 201, {"taken": how, **_shown(item)})

    def _find(self, path: str, method: str) -> Answer:
        if method not in ("GET", "HEAD"):
            return refused(405, "MethodNotAllowed", "GET only", ("Allow", "GET, HEAD"))
        parts = _PATH.fullmatch(path)
        item = None
        if parts is not None:
            account, epoch, version, step = parts.groups()
            try:
                item = self._outbox.find(
                    item_names.of_margin(account, int(epoch), int(version)) if step is None
                    else item_names.of_cover(account, int(epoch), int(version), int(step)))
            except OutboxBusy as error:
                return as_json(503, reason(error), ("Retry-After", "5"))
        return refused(404, "NotFound", "nothing was taken by it") if item is None else as_json(200, _shown(item))


def read_tokens(path: Path) -> list[str]:
    """Tokens from a file, one a line; raises BadInput, which shows none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split()
    except (OSError, UnicodeDecodeError):
        raise BadInput("token file", str(path), "a text file that can be read") from None
    if not lines or not all(_TOKEN.fullmatch(line) for line in lines):
        raise BadInput("token file", str(path), "of one token a line, each of 32 to 128 letters, digits, - and _")
    return lines


def _shown(item: Item) -> dict[str, Any]:
    return {"name": item.name, **item_names.parts(item.name), "state": item.state.value, "reason": item.reason}
