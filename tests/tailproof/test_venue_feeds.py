"""Feeds of a venue, and histories replayed into them: what is whole and young is believed, and nothing else."""

from __future__ import annotations

import contextlib
import hashlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import worlds
from nodes import anvil, url_of

from primitives.errors import BadInput, TailproofError
from risk.epochs.provenance import Sources
from risk.exact.clock import DAY, format_time, parse_time
from risk.market.book import parse_book
from risk.market.history import parse_history
from tailproof import epochs
from tailproof.venue import feeds
from tailproof.venue.feeds import FeedDown, FeedStale, FolderFeed, HttpFeed, Snapshot, feed_of, require_young
from tailproof.venue.replaying import Replay
from verifier_contracts.chain import Chain

Run = Callable[..., Any]
NOW = 1_700_000_000
BOOK = json.dumps(worlds.book()).encode()
HISTORY = worlds.history()
VALUATION = parse_time(worlds.VALUATION, field="valuation")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    feeds.write(tmp_path, 7, NOW, {"book": BOOK, "history": HISTORY}, replayed=False)
    return tmp_path


# -- a folder ----------------------------------------------------------------------------------------------------------
def test_what_is_written_is_read(folder: Path) -> None:
    assert FolderFeed(folder).read() == Snapshot(BOOK, HISTORY, VALUATION, 7, NOW, False)
    feeds.write(folder, 8, NOW + 1, {"book": BOOK}, replayed=True)
    assert FolderFeed(folder).read() == Snapshot(BOOK, None, VALUATION, 8, NOW + 1, True)
    feeds.write(folder, 9, NOW + 2, {"book": BOOK}, replayed=True)
    assert sorted(path.name for path in folder.iterdir()) == ["book-8.json", "book-9.json", "feed.json"]
    assert feeds.last_sequence(folder) == 9


@pytest.mark.parametrize("spoil", [
    lambda folder: (folder / "book-7.json").unlink(), lambda folder: (folder / "history-7.csv").unlink(),
    lambda folder: (folder / "book-7.json").write_bytes(BOOK[:-1]),
    lambda folder: (folder / "history-7.csv").write_bytes(HISTORY + b"2024-06-19,1,1\n"),
    lambda folder: (folder / "feed.json").unlink()])
def test_what_is_half_there_is_not_believed(folder: Path, spoil: Callable[[Path], object]) -> None:
    spoil(folder)
    with pytest.raises(FeedDown) as failed:
        FolderFeed(folder).read()
    assert failed.value.try_again


def test_a_folder_that_is_replaced_meanwhile_is_read_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The book goes as the manifest is read, and both come anew."""
    honest, times = feeds.read_source, list[int]()

    def read(path: Path, **options: bool) -> bytes:
        if not times:
            times.append(1)
            feeds.write(folder, 10, NOW, {"book": BOOK}, replayed=False)
        return honest(path, **options)
    monkeypatch.setattr(feeds, "read_source", read)
    assert FolderFeed(folder).read().sequence == 10


@pytest.mark.parametrize(("key", "value"), [
    ("schema", "other"), ("sequence", -1), ("written_at", "now"), ("replayed", 1), ("book", {"file": "../x"}),
    ("book", {"file": "../book-7.json", "sha256": "0" * 64}), ("book", {"file": "/etc/passwd", "sha256": "0" * 64}),
    ("book", {"file": "book-7.json", "sha256": "XY"}), ("more", 1), ("book", None)])
def test_a_manifest_that_is_none_is_bad_input(folder: Path, key: str, value: Any) -> None:
    manifest = json.loads((folder / "feed.json").read_text())
    (folder / "feed.json").write_text(json.dumps({**manifest, key: value}))
    with pytest.raises(BadInput):
        FolderFeed(folder).read()


def test_a_book_without_a_time_is_none(folder: Path) -> None:
    feeds.write(folder, 8, NOW, {"book": b"[]"}, replayed=False)
    with pytest.raises(BadInput, match="valuation"):
        FolderFeed(folder).read()


@pytest.mark.parametrize(("now", "replayed", "wanted", "error"), [
    (VALUATION + 100, False, False, None), (VALUATION + 101, False, False, FeedStale),
    (VALUATION - 61, False, False, BadInput), (VALUATION + 50, True, False, BadInput),
    (VALUATION + 50, False, True, None)])
def test_prices_are_young(now: int, replayed: bool, wanted: bool, error: type[TailproofError] | None) -> None:
    snapshot = Snapshot(BOOK, None, VALUATION, 1, VALUATION, replayed)
    if error is None:
        require_young(snapshot, now, 100, replayed=wanted, source="x")
    else:
        with pytest.raises(error):
            require_young(snapshot, now, 100, replayed=wanted, source="x")


def test_prices_of_the_past_are_young_by_when_they_were_fed() -> None:
    snapshot = Snapshot(BOOK, None, VALUATION, 1, NOW, True)
    require_young(snapshot, NOW + 100, 100, replayed=True, source="x")
    for now in (NOW + 101, NOW - 61):
        with pytest.raises((FeedStale, BadInput)):
            require_young(snapshot, now, 100, replayed=True, source="x")


def test_a_feed_has_no_other_file_read_and_told_of(folder: Path) -> None:
    """Whoever fills the folder may not read all that the venue may; and what it says is on a page."""
    (folder / "private").write_text("hunter2 opens it")
    (folder / "feed.json").unlink()
    (folder / "feed.json").symlink_to(folder / "private")
    with pytest.raises(BadInput) as refused:
        FolderFeed(folder).read()
    assert "hunter2" not in str(refused.value)
    (folder / "feed.json").unlink()
    (folder / "feed.json").write_text(" " * (1 << 20))
    with pytest.raises(BadInput, match="too large"):
        FolderFeed(folder).read()


# -- over HTTP ---------------------------------------------------------------------------------------------------------
@pytest.fixture
def server() -> Iterator[Any]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = self.server.told                                                      # type: ignore[attr-defined]
            status, body, length = told if isinstance(told, tuple) else (200, told, len(told))
            self.send_response(status)
            self.send_header("Content-Length", str(length))
            if status == 302:
                self.send_header("Location", "http://127.0.0.1:1/")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        def log_message(self, *arguments: object) -> None:
            pass
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def document(**changes: Any) -> bytes:
    def part(data: bytes) -> dict[str, str]:
        return {"text": data.decode(), "sha256": hashlib.sha256(data).hexdigest()}
    return json.dumps({"schema": feeds.SCHEMA, "sequence": 3, "written_at": NOW, "replayed": False,
                       "book": part(BOOK), "history": part(HISTORY), **changes}).encode()


def test_an_endpoint_answers_with_everything(server: Any) -> None:
    feed = HttpFeed(f"http://127.0.0.1:{server.server_port}/secret-path")
    server.told = document()
    assert feed.read() == Snapshot(BOOK, HISTORY, VALUATION, 3, NOW, False)
    assert "secret" not in feed.name
    whole = document()
    for told, error in (((200, whole[:-9], len(whole)), FeedDown), ((503, b"{}", 2), FeedDown),
                        ((302, b"", 0), FeedDown), (b"[]", BadInput), (b"{", BadInput), (b"\xff", BadInput),
                        (document(book={"text": "{}", "sha256": "0" * 64}), FeedDown),
                        (document(book={"text": "\ud800", "sha256": "0" * 64}), BadInput),
                        (document(book={"file": "book-1.json", "sha256": "0" * 64}), BadInput)):
        server.told = told
        with pytest.raises(error) as failed:
            feed.read()
        assert "secret" not in str(failed.value)


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"HTTP/1.1 200 OK\r\nx: "])
def test_an_endpoint_that_never_ends_is_not_waited_for(begin: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "REQUEST_SECONDS", 0.3)
    ended = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        def drip() -> None:
            there, _ = listening.accept()
            with there, contextlib.suppress(OSError):
                there.sendall(begin)
                while not ended.wait(0.05):
                    there.sendall(b" ")
        dripping = threading.Thread(target=drip, daemon=True)
        dripping.start()
        feed = HttpFeed(f"http://127.0.0.1:{listening.getsockname()[1]}/secret-path")
        with pytest.raises(FeedDown, match="no whole answer within"):
            feed.read()
        with pytest.raises(FeedDown, match="has not ended yet"):
            feed.read()
        ended.set()
        dripping.join(10)
        feed._asking[0].join(10)
        assert not feed._asking[0].is_alive()


def test_nobody_listens(server: Any) -> None:
    with pytest.raises(FeedDown, match="no answer"):
        HttpFeed("http://127.0.0.1:9/x").read()


@pytest.mark.parametrize(("url", "taken"), [
    ("https://feed.example/x", True), ("http://127.0.0.1:8/x", True), ("http://localhost/x", True),
    ("http://feed.example/x", False), ("http://127.0.0.1.example/x", False), ("ftp://x", False),
    ("https://user:hunter2@feed.example", False), ("", False)])
def test_prices_do_not_come_over_a_network_in_the_clear(url: str, taken: bool) -> None:
    if taken:
        HttpFeed(url)
    else:
        with pytest.raises(BadInput) as failed:
            HttpFeed(url)
        assert "hunter2" not in str(failed.value)


def test_a_feed_is_one_of_two(tmp_path: Path) -> None:
    for folder, url in ((None, None), (tmp_path, "https://feed.example")):
        with pytest.raises(BadInput):
            feed_of(folder, url)


# -- replayed ----------------------------------------------------------------------------------------------------------
class Clock:
    """Time passes where one waits for it."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += max(seconds, 1e-6)


def replayed(replay: Replay, out: Path, speed: float, **options: Any) -> list[Any]:
    clock = Clock()
    return list(replay.run(out, speed, clock=clock, wall=lambda: NOW, wait=clock.wait, **options))


def test_rows_come_at_their_time_with_the_book_moved_to_them(tmp_path: Path) -> None:
    last = VALUATION
    replay, moved, seen = Replay(HISTORY, BOOK, first=last - 3 * DAY, last=last), list[int](), []
    clock = Clock()
    for step in replay.run(tmp_path, 3 * DAY, clock=clock, wall=lambda: NOW, wait=clock.wait, moved=moved.append):
        seen.append((step.valuation, round(clock.now, 2), FolderFeed(tmp_path).read()))
    assert [(valuation, now) for valuation, now, _ in seen] == [
        (last - 3 * DAY, 0.0), (last - 2 * DAY, 0.33), (last - DAY, 0.67), (last, 1.0)]
    assert moved == [DAY] * 3
    history = parse_history(HISTORY)
    for valuation, _, snapshot in seen:
        assert (snapshot.valuation, snapshot.replayed) == (valuation, True)
        fed, book = parse_history(snapshot.history), parse_book(snapshot.book)
        assert fed.closed + DAY == valuation, "a day's price is known at its end, and no later row is told"
        for one, price in zip(book.underlyings, history.prices[history.times.index(fed.closed)], strict=True):
            assert one.spot == pytest.approx(price * 10**6, rel=1e-6)
            basis = 60_010 / 60_000 if one.symbol == "BTC" else 3_001 / 3_000
            assert one.perpetual == pytest.approx(one.spot * basis, rel=1e-6)


def test_a_replay_faster_than_it_can_be_written_skips_and_tells(tmp_path: Path) -> None:
    replay = Replay(HISTORY, BOOK)
    steps = replayed(replay, tmp_path, 10**9)
    assert len(steps) + sum(step.skipped for step in steps) == len(replay.rows) == 699
    assert steps[-1].valuation == VALUATION
    again = replayed(Replay(HISTORY, BOOK, first=VALUATION), tmp_path, 1.0)
    assert again[0].sequence == steps[-1].sequence + 1, "what is there is gone on with"


def test_what_expires_is_settled_and_stays_so_and_every_row_builds(tmp_path: Path) -> None:
    """A history that goes past the book's own expiries: each row makes an epoch that follows on the one before."""
    book = worlds.book()
    book["valuation"] = "2024-05-01T00:00:00Z"
    book["expiries"][0]["expiry"] = "2024-06-16T08:00:00Z"
    for one in book["instruments"]:
        if one["symbol"].startswith("BTC-JUL"):
            one["expiry"] = "2024-06-16T08:00:00Z"
    replay = Replay(HISTORY, json.dumps(book).encode(), first=VALUATION - 3 * DAY, last=VALUATION)
    settled = []
    for row in replay.rows:
        made = parse_book(replay.book(row))
        settled.append({one.instrument.symbol: one.settled for one in made.listings if one.settled is not None})
    assert [len(each) for each in settled] == [0, 6, 6, 6]
    assert settled[1] == settled[2] == settled[3]
    known = parse_history(HISTORY)
    price = known.prices[known.times.index(parse_time("2024-06-15T00:00:00Z", field="x"))][0]
    assert set(settled[1].values()) == {round(price * 10**6)}
    before = None
    for place, row in enumerate(replay.rows[:2]):
        sources = Sources(('purpose = "trial"\nseed = 1\n' + worlds.STATED.format(horizon=1, variance=0.0016)).encode(),
                          _without_options(replay.book(row)), None, {})
        made_epoch = epochs.build(sources, previous=before)
        before = tmp_path / str(place)
        epochs.save(made_epoch, before)
    assert before is not None
    assert epochs.load(before).header.timestamp == replay.valuation(replay.rows[1])


def _without_options(book: bytes) -> bytes:
    """Their implied volatilities stay those of another day, which a gate may refuse."""
    document = json.loads(book)
    document["instruments"] = [one for one in document["instruments"] if one["kind"] not in ("call", "put")]
    document["expiries"] = []
    return json.dumps(document).encode()


def test_a_window_tells_few_rows(tmp_path: Path) -> None:
    replay = Replay(HISTORY, BOOK, window=30)
    assert len(parse_history(replay.cut(replay.rows[-1])).times) == 30
    assert replay.cut(replay.rows[0]).count(b"\n") == 3


@pytest.mark.parametrize("options", [{"first": VALUATION + DAY}, {"last": 0}, {"window": 1}])
def test_no_row_to_replay_is_bad_input(options: dict[str, int]) -> None:
    with pytest.raises(BadInput):
        Replay(HISTORY, BOOK, **options)


def test_a_history_without_an_underlying_of_the_book_is_bad_input() -> None:
    with pytest.raises(BadInput, match="ETH"):
        Replay(HISTORY.replace(b"ETH", b"XYZ"), BOOK)


def test_a_development_chains_clock_goes_along_and_no_others(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
                                                             ) -> None:
    (tmp_path / "h.csv").write_bytes(HISTORY)
    (tmp_path / "b.json").write_bytes(BOOK)
    there = ("venue", "replay", tmp_path / "h.csv", "--book", tmp_path / "b.json", "--out", tmp_path / "feed",
             "--speed", 10 * DAY, "--since", "2024-06-17")
    with anvil("--timestamp", str(NOW)) as chain:
        before = chain.now()
        assert run(*there, "--rpc", url_of(chain)).code == 0
        assert 2 * DAY <= chain.now() - before < 2 * DAY + 600
        monkeypatch.setenv("TAILPROOF_RPC", url_of(chain))
        between = chain.now()
        assert run(*there).code == 0, "what is configured for others moves nothing"
        assert chain.now() == between
        monkeypatch.setattr(Chain, "development", False)
        told = run(*there, "--rpc", url_of(chain))
        assert (told.code, told.data["field"]) == (2, "--rpc")


def test_by_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "h.csv").write_bytes(HISTORY)
    (tmp_path / "b.json").write_bytes(BOOK)
    there = ("venue", "replay", tmp_path / "h.csv", "--book", tmp_path / "b.json", "--out", tmp_path / "feed")
    told = run(*there, "--speed", 10 * DAY, "--since", "2024-06-17", "--until", "2024-06-19T00:00:00Z")
    assert (told.code, told.data["rows"], told.data["last"]) == (0, 3, "2024-06-19T00:00:00Z")
    assert told.data["fed"] + told.data["skipped"] == 3
    assert format_time(FolderFeed(tmp_path / "feed").read().valuation) == "2024-06-19T00:00:00Z"
    for options, field in ((("--speed", 0), "--speed"), (("--speed", "1e3"), "--speed"),
                           (("--speed", 1, "--since", "yesterday"), "--since"), (("--speed", 1, "--window", 1), None)):
        told = run(*there, *options)
        assert told.code == 2
        assert field in (None, told.data["field"])
