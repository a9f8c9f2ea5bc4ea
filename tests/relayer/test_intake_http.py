"""The relayer's endpoint: what strangers may not do, what whoever has a token may, and what anybody sees."""

from __future__ import annotations

import io
import json
import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from fake_chain import CHAIN_ID, DESK, SIGNER, FakeChain, FakeDesk, parcel, read

from primitives.errors import BadInput
from relayer.intake import LARGEST_DOCUMENT, Intake
from relayer.intake_http import Endpoint, read_tokens
from relayer.item_names import parts, utc, words
from relayer.outbox import Outbox, OutboxBusy
from relayer.outbox_steps import State
from relayer.parcel import COVER, Parcel
from relayer.peers import Peers
from relayer.relay import Relay, Terms
from relayer.relay_status import status
from relayer.submit import NotSubmitted
from relayer.views import Rate, Serving

TOKEN = "t" * 40
EVIL = "<script>alert(1)</script>"


def parse(document: str) -> Parcel:
    """A number is a parcel; "other" is one for another chain."""
    if document == "other":
        raise NotSubmitted("OtherChain", 1, 31)
    if not document.isdigit():
        raise BadInput("bundle", document, "a number")
    return read(document)


class Site:
    def __init__(self, folder: Path) -> None:
        import random
        self.now, self.ticks = 1_000.0, 0.0
        self.outbox = Outbox.open(str(folder / "outbox.db"), CHAIN_ID, DESK)
        self.chain = FakeChain(random.Random(1))
        self.relay = Relay(self.outbox, Peers(self.chain.peers(3), clock=lambda: self.now), FakeDesk(), SIGNER, read,
                           terms=Terms(), chain_id=CHAIN_ID, clock=lambda: self.now)
        self.events: dict[str, int] = {"signed": 2}
        intake = Intake(self.outbox, parse, clock=lambda: self.now)
        self.endpoint = Endpoint(intake, self.outbox, [TOKEN, "u" * 40], lambda: status(self.relay, self.now, 60.0),
                                 self.events, clock=lambda: self.ticks, rate=10, strangers=5)

    def ask(self, method: str, path: str, body: str = "", *, token: str | None = TOKEN, length: str | None = None,
            address: str = "1.1.1.1") -> tuple[int, dict[str, str], Any]:
        told: list[Any] = []
        environ = {"REQUEST_METHOD": method, "PATH_INFO": path, "REMOTE_ADDR": address,
                   "CONTENT_LENGTH": str(len(body.encode())) if length is None else length,
                   "wsgi.input": io.BytesIO(body.encode())}
        if token is not None:
            environ["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        text = b"".join(self.endpoint(environ, lambda line, headers: told.extend([line, dict(headers)])))
        try:
            found = json.loads(text)
        except ValueError:
            found = text.decode()
        return int(told[0].split()[0]), told[1], found


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    made.outbox.close()


# -- bundles -----------------------------------------------------------------------------------------------------------
def test_a_bundle_is_taken_once(site: Site) -> None:
    code, _, told = site.ask("POST", "/bundles", "7")
    assert (code, told) == (201, {"taken": "new", "name": parcel(7).name, **parts(parcel(7).name), "state": "queued",
                                  "reason": ""})
    code, _, told = site.ask("POST", "/bundles", "7", token="u" * 40)
    assert (code, told["taken"]) == (200, "known")
    assert site.outbox.counts()["queued"] == 1
    account = parcel(7).rows[0].account
    assert site.ask("GET", f"/bundles/{account.upper().replace('X', 'x')}/1700000000/1")[2]["state"] == "queued"
    assert site.ask("GET", f"/bundles/{account}/1700000000/2")[0] == 404
    cover = replace(parcel(7), slot=COVER, step=2)
    site.outbox.take(cover.name, cover.says, "7", site.now)
    assert site.ask("GET", f"/bundles/{account}/1700000000/1/2")[2] == {
        "name": cover.name, **parts(cover.name), "state": "queued", "reason": ""}
    assert [site.ask("GET", f"/bundles/{account}/1700000000/1/{step}")[0] for step in ("1", "22", "")] == [404] * 3
    assert site.ask("GET", "/bundles/../etc")[0] == 404


def test_another_content_under_its_name_is_a_conflict_until_it_is_refused(site: Site) -> None:
    one = parcel(7)
    item, _ = site.outbox.take(one.name, "something else", "x", 0.0)
    code, _, told = site.ask("POST", "/bundles", "7")
    assert (code, told["error"]) == (409, "OtherContent")
    site.outbox.move([item], State.REFUSED, "ProofRejected", 1.0)
    assert site.ask("POST", "/bundles", "7")[2]["taken"] == "again"
    assert site.outbox.waiting(2.0, 9)[0].document == "7"


@pytest.mark.parametrize(("body", "code", "error"), [("junk", 400, "BadInput"), ("other", 422, "OtherChain")])
def test_what_could_never_be_taken_is_refused_and_not_kept(site: Site, body: str, code: int, error: str) -> None:
    told = site.ask("POST", "/bundles", body)
    assert (told[0], told[2]["error"]) == (code, error)
    assert not sum(site.outbox.counts().values())


def test_nobody_without_a_token(site: Site) -> None:
    for token in (None, "", "x" * 40, TOKEN[:-1], TOKEN + "t"):
        code, headers, _ = site.ask("POST", "/bundles", "7", token=token, address=f"{token}")
        assert (code, headers["WWW-Authenticate"]) == (401, "Bearer")
        assert site.ask("GET", f"/bundles/{parcel(7).rows[0].account}/1/1", token=token, address=f"{token}")[0] == 401
    assert not sum(site.outbox.counts().values())


def test_a_body_of_no_length_or_too_much_is_not_read(site: Site) -> None:
    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it was read")
    for length, expected in (("", 411), ("-1", 411), ("1e3", 411), (str(LARGEST_DOCUMENT + 1), 413)):
        told: list[str] = []
        site.endpoint({"REQUEST_METHOD": "POST", "PATH_INFO": "/bundles", "CONTENT_LENGTH": length,
                       "HTTP_AUTHORIZATION": f"Bearer {TOKEN}", "wsgi.input": Unread()},
                      lambda line, headers, told=told: told.append(line))
        assert told[0].startswith(str(expected))


def test_whoever_asks_too_often_is_told_when_to_come_again(site: Site) -> None:
    codes = [site.ask("POST", "/bundles", "7")[0] for _ in range(12)]
    assert codes == [201, *[200] * 9, 429, 429]
    _, headers, _ = site.ask("POST", "/bundles", "7")
    assert headers["Retry-After"] == "7"
    assert site.ask("POST", "/bundles", "7", token="u" * 40)[0] == 200, "another token has a rate of its own"
    site.ticks += 6.0
    assert [site.ask("POST", "/bundles", "7")[0] for _ in range(2)] == [200, 429]
    assert [site.ask("POST", "/bundles", "7", token="no")[0] for _ in range(7)] == [401] * 5 + [429] * 2
    assert site.ask("POST", "/bundles", "7", token="no", address="2.2.2.2")[0] == 401


def test_a_rate_keeps_no_more_than_it_must() -> None:
    rate = Rate(60, lambda: 0.0)
    for number in range(25_000):
        assert rate.wait(str(number)) == 0.0
    assert len(rate._left) <= 10_000


def test_methods(site: Site) -> None:
    assert site.ask("GET", "/bundles")[0] == site.ask("POST", "/health")[0] == 405
    assert site.ask("DELETE", f"/bundles/{parcel(7).rows[0].account}/1/1")[0] == 405
    assert site.ask("GET", "/nothing")[0] == 404


# -- the relayer itself ------------------------------------------------------------------------------------------------
def test_health_says_what_is_wrong(site: Site) -> None:
    assert site.ask("GET", "/health", token=None)[0] == 503, "no round yet"
    site.relay.once()
    code, _, told = site.ask("GET", "/health", token=None)
    assert (code, told) == (200, {"healthy": True, "troubles": []})
    site.now += 61
    assert "no round for 61 s" in site.ask("GET", "/health", token=None)[2]["troubles"]
    site.relay.once()
    for peer in site.relay.peers.all[:2]:
        peer.breaker.failed(site.now, "lies", at_once=True)
    assert site.ask("GET", "/health", token=None)[2]["troubles"] == ["fewer than 2 nodes can be asked"]


def test_metrics_are_of_prometheus(site: Site) -> None:
    from prometheus_client.parser import text_string_to_metric_families
    site.ask("POST", "/bundles", "7")
    site.relay.once()
    _, headers, text = site.ask("GET", "/metrics", token=None)
    assert headers["Content-Type"].startswith("text/plain")
    found = {(sample.name, *sample.labels.values()): sample.value for family in text_string_to_metric_families(text)
             for sample in family.samples}
    assert found["tailproof_relay_items", "queued"] + found["tailproof_relay_items", "sent"] == 1
    assert found["tailproof_relay_healthy",] == 1
    assert found["tailproof_relay_node_asked", "http://node0"] == 1
    assert found["tailproof_relay_events_total", "signed"] == 2


def test_the_page_escapes_and_runs_nothing(site: Site) -> None:
    site.relay.once()
    site.relay.peers.all[0].breaker.failed(site.now, EVIL, at_once=True)
    site.outbox.take(EVIL, "x", "the document", 0.0)
    _, headers, text = site.ask("GET", "/", token=None)
    assert EVIL not in text
    assert text.count("&lt;script&gt;") == 2
    assert "<script" not in text
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert json.loads(json.dumps(site.ask("GET", "/status.json", token=None)[2]))["latest"][0]["name"] == EVIL
    assert "the document" not in text


def test_the_page_says_items_and_times_as_people_do(site: Site) -> None:
    site.ask("POST", "/bundles", "7")
    site.relay.once()
    name = parcel(7).name
    text = site.ask("GET", "/", token=None)[2]
    assert words(name) in text
    assert name not in text
    (entry,) = site.ask("GET", "/status.json", token=None)[2]["latest"]
    assert (entry["name"], entry["epoch_id"], entry["version"]) == (name, 1_700_000_000, 1)
    assert utc(entry["taken_at"]) in text
    assert str(entry["taken_at"]) not in text


def test_it_is_served(site: Site) -> None:
    served = Serving(site.endpoint, "127.0.0.1", 0, largest=LARGEST_DOCUMENT)
    try:
        answer = requests.post(f"{served.url}/bundles", data="7", headers={"Authorization": f"Bearer {TOKEN}"},
                               timeout=30)
        assert (answer.status_code, answer.json()["taken"]) == (201, "new")
        assert requests.get(f"{served.url}/", timeout=30).headers["Content-Type"] == "text/html; charset=utf-8"
        large = requests.post(f"{served.url}/bundles", data="7" * (LARGEST_DOCUMENT + 100), timeout=30,
                              headers={"Authorization": f"Bearer {TOKEN}"})
        assert large.status_code == 413
        with socket.create_connection(("127.0.0.1", int(served.url.rsplit(":", 1)[1])), timeout=30) as line:
            line.sendall(b"POST /bundles HTTP/1.1\r\nX: " + b"a" * (20 << 10))
            assert line.recv(64).split(b" ")[1] in (b"400", b"431")
        for host in ("127.0.0.1", "a..b"):                     # taken, and no name at all
            with pytest.raises(BadInput, match="--listen"):
                Serving(site.endpoint, host, int(served.url.rsplit(":", 1)[1]))
        with requests.Session() as kept:                       # a connection that its client keeps
            assert kept.get(f"{served.url}/health", timeout=30).status_code in (200, 503)
            served.close()
            assert not served._thread.is_alive()
    finally:
        served.close()


def test_it_ends_without_a_word_while_somebody_is_connected(site: Site, monkeypatch: pytest.MonkeyPatch,
                                                            caplog: pytest.LogCaptureFixture) -> None:
    """Closed under the hands of the thread that waits for it, a socket's number is soon another's."""
    died = list[Any]()
    monkeypatch.setattr(threading, "excepthook", died.append)
    for _ in range(3):
        served = Serving(site.endpoint, "127.0.0.1", 0)
        port = int(served.url.rsplit(":", 1)[1])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            line.sendall(b"GET /status.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert line.recv(64).startswith(b"HTTP/1.1 200")
            served.close()
            while line.recv(4096):
                pass
        assert not served._thread.is_alive()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", port), timeout=30)
        served.close()                             # again: nothing
    busy = "Task queue depth"                      # what waitress says of threads that have not begun yet
    assert (died, [one.message for one in caplog.records if not one.message.startswith(busy)]) == ([], [])


def test_a_name_of_several_addresses_is_served_at_each(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """localhost is two addresses on many machines."""
    honest = socket.getaddrinfo

    def two(host: Any, *more: Any, **options: Any) -> Any:
        names = ("127.0.0.1", "127.0.0.2") if host == "localhost" else (host,)
        return [found for name in names for found in honest(name, *more, **options)]
    monkeypatch.setattr(socket, "getaddrinfo", two)
    served = Serving(site.endpoint, "localhost", 0)
    try:
        places = {one.effective_host: one.effective_port for one in served._listening}
        assert set(places) == {"127.0.0.1", "127.0.0.2"}
        assert served.url == f"http://localhost:{places['127.0.0.1']}"
        for host, port in places.items():
            assert requests.get(f"http://{host}:{port}/status.json", timeout=30).status_code == 200
    finally:
        served.close()
    assert not served._thread.is_alive()


def test_token_files(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(f"{TOKEN}\n{'u' * 40}\n")
    assert read_tokens(path) == [TOKEN, "u" * 40]
    path.write_bytes(b"\xef\xbb\xbf" + TOKEN.encode() + b"\r\n")     # as Windows' Notepad saves it
    assert read_tokens(path) == [TOKEN]
    for text in ("", "short\n", "a" * 31 + "\n", "ä" * 40, TOKEN + "\nx"):
        path.write_text(text)
        with pytest.raises(BadInput, match="token file") as caught:
            read_tokens(path)
        assert TOKEN not in str(caught.value)


# -- folders -----------------------------------------------------------------------------------------------------------
def test_a_folder_is_emptied_into_the_outbox(site: Site, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in (("a.json", "7"), ("b.json", "7"), ("c.json", "junk"), ("d.json", "other"), ("e.txt", "8"),
                       (".f.json", "9")):
        (folder / name).write_text(text)
        os.utime(folder / name, (900.0, 900.0))
    (folder / "g.json").write_text("half of")                  # written this moment
    os.utime(folder / "g.json", (999.0, 999.0))
    intake = Intake(site.outbox, parse, clock=lambda: site.now)
    assert intake.sweep(folder) == 4
    assert sorted(path.name for path in (folder / "taken").iterdir()) == ["a.json", "b.json"]
    assert sorted(path.name for path in (folder / "refused").iterdir()) == [
        "c.json", "c.json.why.json", "d.json", "d.json.why.json"]
    assert json.loads((folder / "refused" / "d.json.why.json").read_text())["error"] == "OtherChain"
    assert sorted(path.name for path in folder.iterdir() if path.is_file()) == [".f.json", "e.txt", "g.json"]
    (folder / "h.json").symlink_to(folder / "taken" / "a.json")
    (folder / "a.json").write_text("11")
    site.now += 10
    assert intake.sweep(folder) == 2
    assert (folder / "taken" / "a.json").read_text() == "7", "nothing is overwritten"
    assert (folder / "taken" / "a-2.json").read_text() == "11"
    assert site.outbox.counts()["queued"] == 2


def old(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, (900.0, 900.0))


def test_one_file_that_cannot_be_taken_keeps_no_other(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                      ) -> None:
    """Whoever may put files there could else end the relayer, and end it again whenever it is started."""
    folder = tmp_path / "in"
    folder.mkdir()
    for name, text in (("a.json", "1"), ("b.json", "2"), ("d.json", "4")):
        old(folder / name, text)
    os.mkfifo(folder / "c.json")
    (folder / "e.json").mkdir()
    opened, said = os.open, list[tuple[str, Any]]()

    def unreadable(path: Any, *flags: Any, **options: Any) -> int:
        if str(path).endswith("a.json"):
            raise PermissionError(13, "Permission denied")
        if str(path).endswith("b.json"):
            raise FileNotFoundError(2, "No such file or directory")
        return opened(path, *flags, **options)
    monkeypatch.setattr(os, "open", unreadable)
    intake = Intake(site.outbox, parse, clock=lambda: site.now,
                    heard=lambda event, **facts: said.append((event, facts)))
    assert (intake.sweep(folder), intake.sweep(folder)) == (1, 0)
    assert [path.name for path in (folder / "taken").iterdir()] == ["d.json"]
    assert [facts for event, facts in said if event == "file left"] == [
        {"file": "a.json", "why": "Permission denied"}, {"file": "b.json", "why": "No such file or directory"}], "once"
    monkeypatch.undo()
    assert intake.sweep(folder) == 2
    # A defect of ours that one meets, which would meet it again whenever a relayer is begun on the folder.
    for name, text in (("f.json", "5"), ("g.json", "6")):
        old(folder / name, text)
    monkeypatch.setattr(intake, "_read", lambda text: {}["defect"] if text == "5" else parse(text))
    assert intake.sweep(folder) == 1
    assert ("file left", {"file": "f.json", "why": "a defect of Tailproof, please report it: KeyError"}) in said
    assert (folder / "f.json").exists()


def test_a_database_that_is_away_leaves_files_where_they_are(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                             ) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a.json", "b.json"):
        old(folder / name, "1")
    intake = Intake(site.outbox, parse, clock=lambda: site.now)
    monkeypatch.setattr(site.outbox, "take", lambda *_: (_ for _ in ()).throw(OutboxBusy("away")))
    assert intake.sweep(folder) == 0
    monkeypatch.undo()
    assert intake.sweep(folder) == 2


@pytest.mark.parametrize(("text", "into"), [("1", "taken"), ("junk", "refused")])
def test_a_link_in_place_of_a_folder_leads_nowhere(site: Site, tmp_path: Path, text: str, into: str) -> None:
    """Whoever may put files there could else put a file of any content wherever the relayer may write."""
    folder, elsewhere = tmp_path / "in", tmp_path / "keys"
    for made in (folder, elsewhere):
        made.mkdir()
    (folder / into).symlink_to(elsewhere)
    old(folder / "a.json", text)
    assert Intake(site.outbox, parse, clock=lambda: site.now).sweep(folder) == 0
    assert (list(elsewhere.iterdir()), (folder / "a.json").read_text()) == ([], text)


def test_why_is_written_over_nothing(site: Site, tmp_path: Path) -> None:
    """Neither over what a link names, nor over a file that was refused under that name."""
    folder, victim = tmp_path / "in", tmp_path / "victim"
    (folder / "refused").mkdir(parents=True)
    victim.write_text("mine")
    (folder / "refused" / "a.json.why.json").symlink_to(victim)
    old(folder / "a.json", "junk")
    old(folder / "b.json.why.json", "rubbish")
    old(folder / "b.json", "junk")
    intake = Intake(site.outbox, parse, clock=lambda: site.now)
    assert intake.sweep(folder) == 3
    assert victim.read_text() == "mine"
    there = {path.name: path.read_text() for path in (folder / "refused").iterdir()}
    assert sorted(text for text in there.values() if not text.startswith("{")) == ["junk", "junk", "mine", "rubbish"]
    assert sum(text.startswith("{") for text in there.values()) == 3, "each says why"


def test_a_round_goes_on_where_what_comes_before_it_fails(site: Site) -> None:
    stop, asked = threading.Event(), list[int]()

    def before() -> None:
        asked.append(1)
        if len(asked) == 2:
            stop.set()
        raise OutboxBusy("away")
    site.relay.run(stop, 0.0, before)
    assert (len(asked), site.relay.rounds) == (2, 2)
