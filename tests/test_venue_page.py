"""How a venue shows itself: what the page has, who may ask, and what is nowhere on it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from page_files import Browser
from real_system import RealSystem
from system_world import MAX_AGE
from venue_accounts import Member, members
from venue_site import VenueSite, add, inline

from primitives.errors import BadInput
from relayer.views import Views, hosts_of
from tailproof.venue.page import Metrics, host_of, page, serve, status
from tailproof.venue.running import Venue
from tailproof.venue.ticks import Tick

EVIL = "<script>alert(1)</script>"


@pytest.fixture
def shown(real: RealSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Venue, VenueSite, list[Member]]:
    """A venue after two ticks: three accounts are with the relayer, one has no opening, one's file is broken."""
    inline(monkeypatch)
    site = VenueSite(real, tmp_path / "venue").make()
    made = members(real, tmp_path / "in", [400, 700, 250, 300, 500])
    add(site, made[:3])
    for one, text in ((made[3], "{"), (made[4], None)):
        path = site.home / "accounts" / f"{one.account}.json"
        if text is None:
            made[0].opening.save(path)
        else:
            path.write_text(text)
            path.chmod(0o600)
    site.later(MAX_AGE + 60)
    site.feed()
    venue = site.venue()
    site.tick(venue)
    site.later(300)
    site.feed(1_200, "29200")
    site.tick(venue)
    return venue, site, made


def test_what_it_says_is_how_it_is(shown: tuple[Venue, VenueSite, list[Member]]) -> None:
    venue, site, made = shown
    found = status(venue, venue.alive_at + 1)
    assert (found["healthy"], found["troubles"]) == (True, [])
    assert found["accounts"] == {"handed over": 3, "no opening": 1, "refused": 1}
    assert found["queue"]["queued"] == 6
    assert found["epoch_id"] == site.real.at.oracle.latest_epoch_id()
    assert found["root"] == str(site.real.at.oracle.root_of(found["epoch_id"]))
    assert [tick["outcome"] for tick in found["ticks"]] == ["published", "published"]
    assert found["gas"]["publications"] == sum(tick.gas for tick in venue.ticks.last(9)) > 200_000
    assert set(found["latency"]) == {"built", "proposed", "published", "proven"}
    text = json.dumps(found) + page(found)
    for one in made:
        assert one.account.lower() not in text.lower(), "of no account is told how it is"
        assert str(one.opening.salt) not in text.replace('"', " ").split()
    assert "secret" not in text


def test_troubles_are_told(shown: tuple[Venue, VenueSite, list[Member]]) -> None:
    venue, *_ = shown
    late = status(venue, venue.alive_at + 121)
    assert (late["healthy"], late["troubles"]) == (False, ["no sign of life for 121 s"])
    venue.proving = True
    assert status(venue, venue.alive_at + 121)["healthy"], "a proof may take its limit"
    venue.proving = False
    venue.troubles["tick"] = EVIL
    venue.accounts.reasons["0x1"] = EVIL
    venue.accounts.states["0x1"] = "lost"
    venue.ticks.save(Tick(9, venue.alive_at, "failed", why=EVIL))
    found = status(venue, venue.alive_at)
    assert len(found["troubles"]) == 3
    html = page(found)
    assert "NOT healthy" in html
    assert "<script" not in html
    assert html.count("&lt;script&gt;") >= 3


def test_before_anything_happened(real: RealSystem, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inline(monkeypatch)
    venue = VenueSite(real, tmp_path / "venue").make().venue()
    found = status(venue, 5.0)
    assert found["troubles"] == ["no round yet"]
    assert "none yet" in page(found)
    assert list(Metrics(lambda: found, {}).collect())


def views(venue: Venue, hosts: frozenset[str] | None = None) -> Views:
    def told() -> dict[str, Any]:
        return status(venue, venue.alive_at)
    return Views(told, page, Metrics(told, {"published": 2}), clock=lambda: 0.0, strangers=5, hosts=hosts)


def ask(application: Views, path: str, method: str = "GET", host: str = "localhost:8090", address: str = "1.1.1.1"
        ) -> tuple[int, dict[str, str], str]:
    told: list[Any] = []
    body = b"".join(application({"REQUEST_METHOD": method, "PATH_INFO": path, "HTTP_HOST": host,
                                 "REMOTE_ADDR": address}, lambda line, headers: told.extend([line, dict(headers)])))
    return int(told[0].split()[0]), told[1], body.decode()


def test_it_is_read_only_and_asked_by_its_own_name(shown: tuple[Venue, VenueSite, list[Member]]) -> None:
    venue, *_ = shown
    local = views(venue, hosts_of("127.0.0.1"))
    code, headers, body = ask(local, "/")
    assert (code, "Venue" in body) == (200, True)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert headers["Cache-Control"] == "no-store"
    assert ask(local, "/status.json", host="127.0.0.1:8090")[0] == 200
    assert ask(local, "/status.json", host="[::1]:8090")[0] == 200
    for host in ("evil.example", "evil.example:8090", "", "127.0.0.1.evil.example", "localhost.evil.example"):
        assert ask(local, "/status.json", host=host)[0] == 421, host
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert ask(local, "/", method, address="2.2.2.2")[0] == 405
    assert ask(local, "/bundles", address="2.2.2.2")[0] == 404
    assert ask(local, "/../state/venue.json", address="2.2.2.2")[0] == 404
    assert ask(views(venue), "/status.json", host="venue.example")[0] == 200, "elsewhere nobody knows its names"
    codes = [ask(local, "/health", address="3.3.3.3")[0] for _ in range(7)]
    assert codes == [200] * 5 + [429] * 2
    assert ask(local, "/metrics", address="4.4.4.4")[2].count("tailproof_venue_accounts{") == 3
    venue.troubles["tick"] = "x"
    assert ask(local, "/health", address="5.5.5.5")[0] == 503


@pytest.mark.parametrize(("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True),
                                             ("0.0.0.0", False), ("192.0.2.1", False), ("venue.example", False)])
def test_only_this_machines_own_addresses_have_names_that_are_known(host: str, local: bool) -> None:
    assert (hosts_of(host) is not None) == local


@pytest.mark.parametrize("listen", ["", "8090", "host:", "host:x", ":1", "host:65536"])
def test_an_address_that_is_none(listen: str) -> None:
    with pytest.raises(BadInput, match=r"page\.listen"):
        host_of(listen)


def test_it_is_served_and_opens_in_a_real_browser_without_asking_for_anything(
        shown: tuple[Venue, VenueSite, list[Member]], tmp_path: Path) -> None:
    venue, site, _ = shown
    outbox = site.outbox()
    for item in outbox.latest(2):
        site.home.joinpath("one.json").write_text(item.document)
        site.real("submit", site.home / "one.json", by=site.real.world.relayer, code=0 if "-" in item.name or str(
            venue.accounts.epoch_id) in item.name else 1)
    venue._swept_at = 0.0
    venue.once()
    served = serve(venue, {"published": 2}, "127.0.0.1:0", lambda: venue.alive_at, lambda: 0.0)
    try:
        answer = requests.get(served.url, timeout=10)
        assert answer.status_code == 200
        assert requests.get(served.url, timeout=10, headers={"Host": "evil.example"}).status_code == 421
    finally:
        served.close()
    path = tmp_path / "page.html"
    path.write_text(answer.text)
    with Browser() as browser:
        browser("open", path)
        seen = browser("seen")
        assert (seen["requests"], seen["errors"]) == ([], [])
        text = browser("evaluate", "() => document.body.innerText", None)
        for word in ("Venue: healthy", "Accounts: 5", "on chain", "no opening", "Why some have no proof", "Latency",
                     "Epochs", "Gas"):
            assert word in text, word
        assert browser("evaluate", "() => document.querySelectorAll('svg rect').length", None) >= 5
        assert not browser("evaluate", "() => document.documentElement.scrollWidth > innerWidth", None)
        browser("screenshot", tmp_path / "page.png")
        assert (tmp_path / "page.png").stat().st_size > 10_000
        browser("open", path, {"width": 600})
        assert browser("seen")["errors"] == []
