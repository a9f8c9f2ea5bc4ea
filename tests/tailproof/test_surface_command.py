"""`tailproof surface`: fit, check and show the surface of a book."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from worlds import book, curve, option

from risk.market.book import parse_book
from tailproof.cli import main

STRIKES = (40000, 48000, 54000, 60000, 66000, 75000, 90000)
TIMES = {"2024-07-19T08:00:00Z": 30.33, "2024-09-27T08:00:00Z": 100.33}


def smile(days: float) -> dict[str, str]:
    """A steep smile that flattens with the expiry."""
    k = np.log(np.array(STRIKES) / 60000) / np.sqrt(days / 365)
    return {str(strike): f"{0.6 - 0.02 * x + 0.015 * x * x:.4f}" for strike, x in zip(STRIKES, k.tolist(), strict=True)}


def listed() -> dict[str, Any]:
    made = book()
    made["expiries"] = [curve(time, smile(days)) for time, days in TIMES.items()]
    made["instruments"] = made["instruments"][:4] + [
        option(f"BTC-{time[5:7]}-{strike}", "call", time, str(strike)) for time in TIMES for strike in STRIKES]
    return made


def quoted() -> dict[str, Any]:
    made = listed()
    for entry in made["expiries"]:
        points = entry.pop("volatilities")
        entry["quotes"] = [{"venue": venue, "quoted_at": "2024-06-18T23:59:50Z", "volatilities": [
            {"strike": point["strike"], "volatility": f"{float(point['volatility']) + shift:.4f}"} for point in points]}
            for venue, shift in (("deribit", 0.0), ("okx", 0.004), ("bybit", -0.003), ("late", 0.1))]
        entry["quotes"][3]["quoted_at"] = "2024-06-18T20:00:00Z"
    return made


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def put(document: dict[str, Any], name: str = "book.json") -> Path:
        (tmp_path / name).write_text(json.dumps(document))
        return tmp_path / name
    return put


def run(*words: object) -> tuple[int, dict[str, Any]]:
    result = CliRunner().invoke(main, ["surface", *map(str, words), "--json"])
    return result.exit_code, json.loads(result.stdout)


@pytest.mark.parametrize("family", ["svi", "ssvi"])
@pytest.mark.parametrize("made", [listed, quoted], ids=["strikes", "quotes"])
def test_a_book_is_fitted_checked_and_shown(family: str, made: Any, write: Any, tmp_path: Path) -> None:
    path, out = write(made()), tmp_path / "sliced.json"
    code, found = run("fit", path, "--out", out, "--family", family)
    assert code == 0
    assert [one["expiry"] for one in found["fits"]] == list(TIMES)
    assert all(one["rms"] < 0.02 for one in found["fits"])
    assert all(one["holds"] for one in found["checks"])
    document = json.loads(out.read_text())
    entry = document["expiries"][0]
    assert "volatilities" not in entry
    assert ("quotes" in entry) == (made is quoted)
    assert ("svi" in entry, "theta" in entry, "ssvi" in document) == (family == "svi", *2 * (family == "ssvi",))
    for curve_ in parse_book(out.read_bytes()).curves.values():
        assert curve_.slice is not None
        assert curve_.volatilities[60_000_000_000] == pytest.approx(0.6, abs=0.01)
    code, checked = run("check", out)
    assert code == 0
    assert checked["checks"] == found["checks"]
    assert len(checked["flags"]) == (2 if made is quoted else 0)     # the late venue, of both expiries
    picture = tmp_path / "surface.png"
    code, shown = run("show", out, "--picture", picture)
    assert code == 0
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert [one["kind"] for one in shown["expiries"]] == [family] * 2
    for one in shown["expiries"]:
        assert one["at the money"] == pytest.approx(0.6, abs=0.01)
        assert one["least g"] >= 0
        assert one["skew"] < 0


def test_a_fitted_book_is_fitted_again_from_its_quotes_only(write: Any, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    assert run("fit", write(quoted()), "--out", first)[0] == 0
    assert run("fit", first, "--out", second, "--family", "ssvi")[0] == 0
    assert "svi" not in json.loads(second.read_text())["expiries"][0]
    assert run("fit", write(listed()), "--out", first)[0] == 2                # what exists is never overwritten
    first.unlink()
    assert run("fit", write(listed()), "--out", first)[0] == 0
    second.unlink()
    code, found = run("fit", first, "--out", second)
    assert code == 2
    assert found["field"] == "expiries"


def test_a_new_surface_moves_no_slice_that_is_not_fitted(write: Any, tmp_path: Path) -> None:
    made = quoted()
    made["ssvi"] = [{"underlying": "BTC", "rho": "-0.3", "eta": "1", "gamma": "0.5"}]
    del made["expiries"][1]["quotes"]
    made["expiries"][1]["theta"] = "0.1"
    code, found = run("fit", write(made), "--out", tmp_path / "a.json", "--family", "ssvi")
    assert (code, found["field"]) == (2, "theta of BTC at 2024-09-27T08:00:00Z")
    code, found = run("fit", write(made), "--out", tmp_path / "b.json", "--family", "svi")
    assert code == 1                                # the slice that stays crosses the new one far out, and that is told
    assert {one["id"] for one in found["checks"] if not one["holds"]} == {"calendar"}
    after = json.loads((tmp_path / "b.json").read_text())
    assert (after["expiries"][1], after["ssvi"]) == (made["expiries"][1], made["ssvi"])


def test_what_fails_is_told_by_its_name_and_exit_code(write: Any) -> None:
    made = listed()
    del made["expiries"][0]["volatilities"]
    made["expiries"][0]["svi"] = {"a": "-0.041", "b": "0.1331", "rho": "0.306", "m": "0.3586", "sigma": "0.4153"}
    code, found = run("check", write(made))
    assert code == 1
    assert "butterfly" in {one["id"] for one in found["checks"] if not one["holds"]}
    text = CliRunner().invoke(main, ["surface", "check", str(write(made))]).stdout
    assert "FAILS: butterfly of BTC at 2024-07-19T08:00:00Z, g at k = " in text
    made["expiries"][0]["svi"] |= {"a": "0.02", "b": "0"}
    made["expiries"][0]["quotes"] = quoted()["expiries"][0]["quotes"]
    code, found = run("check", write(made))
    assert code == 1
    assert "G9" in {one["gate"] for one in found["apart_from_quotes"]}


def test_bad_input(write: Any, tmp_path: Path) -> None:
    few = listed()
    few["expiries"][0]["volatilities"] = few["expiries"][0]["volatilities"][:4]
    few["instruments"] = few["instruments"][:4]
    out = tmp_path / "out.json"
    code, found = run("fit", write(few), "--out", out)
    assert code == 2
    assert "at least 5" in found["message"]
    assert not out.exists()
    bare = listed()
    bare["expiries"], bare["instruments"] = [], bare["instruments"][:4]
    for command in (("fit", write(bare), "--out", out), ("show", write(bare))):
        assert run(*command)[0] == 2
    code, found = run("check", write(bare))
    assert (code, found["checks"]) == (0, [])
    assert run("show", write(listed()))[1]["expiries"][0]["kind"] == "strikes"
