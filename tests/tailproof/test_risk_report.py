"""The report: what stands in it, that it opens, that each figure's command prints it, and that nothing private is in
the public edition."""

from __future__ import annotations

import json
import math
import platform
import random
import re
import shlex
import stat
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from page_files import Browser

from fixtures.us_history import history_csv
from primitives.errors import BadInput
from risk.epochs.epoch import Epoch
from risk.exact.shape import TailSize, WeightedTail
from risk.margins.levels import value_today
from risk.margins.portfolio import Portfolio
from risk.stress import sets
from risk.valuation.weighted import Quality, Reference
from tailproof import reversing
from tailproof.cli import main
from tailproof.reports import run as reports
from tailproof.reports.book_figures import book_figures, quantile
from tailproof.reports.numbers import money
from tailproof.reports.run import PRIVATE, PUBLIC, Report, private_report, public_report
from tailproof.reports.section import Image, Said, Section, Table, Words, commands_of, written
from tailproof.reports.subject import Holder, Subject
from tailproof.reports.what_if import held

ROOM = Path(__file__).parent.parent.parent / "fixtures"
SPREAD = ROOM / "us_markets" / "portfolios" / "index_spread.json"
STRADDLE = ROOM / "btc_eth" / "portfolios" / "short_straddle.json"
FUNDED = ROOM / "levels" / "portfolios" / "funded_straddle.json"
Run = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def short_curves() -> Iterator[None]:
    """Pictures of reverse stress with three points: each is a search of half a second."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reversing, "CURVE", (0.5, 1.0, 1.5))
        yield


@pytest.fixture(scope="module")
def us(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half of the fixtures' years: 2009 to 2018, whose last one is forecast day by day."""
    path = tmp_path_factory.mktemp("us")
    head, *rows = history_csv().splitlines()
    (path / "history.csv").write_text("\n".join([head, *(row for row in rows if row >= "2009")]) + "\n")
    assert run("epoch", "build", "--book", ROOM / "us_markets" / "book.json", "--model",
               ROOM / "us_markets" / "model.toml", "--history", path / "history.csv", "--out", path / "epoch").code == 0
    return path / "epoch"


@pytest.fixture(scope="module")
def levels(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("levels") / "epoch"
    assert run("epoch", "build", "--book", ROOM / "levels" / "book.json", "--model", ROOM / "levels" / "model.toml",
               "--out", path).code == 0
    return path


@pytest.fixture(scope="module")
def grid(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("grid") / "epoch"
    assert run("epoch", "build", "--book", ROOM / "btc_eth" / "book.json", "--model", ROOM / "btc_eth" / "model.toml",
               "--statement", "margin-grid-1000x32", "--regime", 2, "--out", path).code == 0
    return path


@pytest.fixture(scope="module")
def public_us(us: Path) -> Report:
    return public_report(Subject.read(us))


@pytest.fixture(scope="module")
def private_us(us: Path) -> Report:
    return private_of(us, SPREAD)


def private_of(epoch: Path, portfolio: Path) -> Report:
    return private_report(Holder(Subject.read(epoch), portfolio, Portfolio.read(portfolio)))


@pytest.fixture(scope="module")
def every(public_us: Report, private_us: Report, epoch_directory: Path, levels: Path, grid: Path) -> list[Report]:
    return [public_us, private_us, public_report(Subject.read(epoch_directory)),
            private_of(epoch_directory, STRADDLE), public_report(Subject.read(levels)), private_of(levels, FUNDED),
            public_report(Subject.read(grid)), private_of(grid, STRADDLE)]


def section(report: Report, id: str) -> Section:
    return next(one for one in report.sections if one.id == id)


def tables(one: Section) -> list[Table]:
    return [block for block in one.blocks if isinstance(block, Table)]


class Markup(HTMLParser):
    """Tags of a page, with what they load."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]


# -- the page ----------------------------------------------------------------------------------------------------------
def test_pages_are_whole_small_and_ask_for_nothing(every: list[Report]) -> None:
    for report in every:
        assert [one.id for one in report.sections] == list(PRIVATE if report.private else PUBLIC)
        data = report.page()
        assert len(data) <= 3_000_000
        found = Markup(data.decode())
        assert not {"script", "iframe", "object", "link", "form", "base"} & set(found.tags)
        assert not found.handlers
        assert all(load.startswith(("data:image/png;base64,", "#")) for load in found.loads)
        assert b"default-src 'none'; img-src data:;" in data
        assert (b"PRIVATE" in data) == report.private
        assert data.count(b"<section ") == len(report.sections)


def test_one_input_gives_one_page(us: Path, private_us: Report) -> None:
    assert private_of(us, SPREAD).page() == private_us.page()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if (sys.platform, platform.machine()) != ("linux", "x86_64"):
        pytest.skip("NO REPORT WAS OPENED IN A BROWSER: the one that npm brings is for Linux on x86-64")
    with Browser() as started:
        yield started


def test_pages_open_in_a_browser_without_a_request_or_an_error(browser: Browser, every: list[Report], tmp_path: Path
                                                               ) -> None:
    for number, report in enumerate(every):
        path = tmp_path / f"{number}.html"
        path.write_bytes(report.page())
        for width in (1000, 400):
            browser("open", path, {"width": width})
            assert browser("evaluate", "() => document.querySelectorAll('section').length", None) \
                == len(report.sections)
            assert browser("evaluate", "() => document.documentElement.scrollWidth", None) <= width
            assert browser("evaluate", "() => [...document.images].every((one) => one.naturalWidth > 0)", None)
            assert browser("seen") == {"requests": [], "errors": []}


HOSTILE = "<img src=x onerror=alert(1)></style><script>alert(2)</script>\u202e&lt;b&gt; '\"`"


def test_words_from_outside_are_no_markup(run: Run, browser: Browser, tmp_path: Path) -> None:
    """A gate accepted by a reason that is a page of its own; a portfolio and an epoch of such names."""
    book = (ROOM / "btc_eth" / "book.json").read_text().replace('"perpetual": "29024.5"', '"perpetual": "30900"')
    (tmp_path / "book.json").write_text(book)
    epoch, portfolio = tmp_path / "<b onclick=x>epoch", tmp_path / "<script>alert(3)<$\\frac$>.json"
    assert run("epoch", "build", "--book", tmp_path / "book.json", "--model", ROOM / "btc_eth" / "model.toml",
               "--accept", f"G3={HOSTILE.replace(chr(0x202e), '')}", "--out", epoch).code == 0
    portfolio.write_bytes(STRADDLE.read_bytes())
    for number, arguments in enumerate(((), ("--portfolio", portfolio))):
        out = tmp_path / f"{number}.html"
        assert run("risk", "report", epoch, *arguments, "--out", out).code == 0
        found = Markup(out.read_text())
        assert "script" not in found.tags
        assert not found.handlers
        browser("open", out)
        assert browser("evaluate", "() => document.querySelectorAll('script, [onerror], [onclick]').length", None) == 0
        assert browser("seen") == {"requests": [], "errors": []}
    assert "&lt;img src=x onerror=alert(1)&gt;" in (tmp_path / "0.html").read_text()
    shown = public_report(Subject.read(epoch), "gates").page().decode()
    assert "<script" not in shown
    turned = Report("title \u202e", "<i>", False, (Section("a", HOSTILE, (Words(HOSTILE),)),)).page().decode()
    assert "\u202e" not in turned
    assert "<i>" not in turned
    assert not Markup(turned).handlers


def test_a_page_that_is_too_large_is_refused(private_us: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "LARGEST", len(private_us.page()) - 1)
    with pytest.raises(BadInput, match="size of the report"):
        private_us.page()


# -- figures and their commands ----------------------------------------------------------------------------------------
def parsed(command: tuple[str, ...]) -> click.Context:
    """What the real command line makes of a command, without running it."""
    group: click.Command = main
    words = list(command)
    while isinstance(group, click.Group):
        name, found, words = group.resolve_command(click.Context(group), words)
        assert found is not None, name
        group = found
    # Below the real root: a command keeps the help option that its first context gave it.
    return group.make_context(command[-1], words, parent=click.Context(main, **main.context_settings))


def test_every_figure_names_a_command_that_there_is(every: list[Report], tmp_path: Path,
                                                    monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for report in every:
        for one in report.sections:
            for block in one.blocks:
                assert isinstance(block, Words) or block.commands, (one.id, block)
        for command in commands_of(report.sections):
            assert parsed(command)
            assert tuple(shlex.split(written(command))) == ("tailproof", *command)


def test_a_command_that_there_is_not_would_be_seen() -> None:
    for wrong in (("risk", "boks", "x"), ("risk", "books", "x", "--picture", "y"), ("risk", "report")):
        with pytest.raises(click.UsageError):
            parsed(wrong)


def test_words_without_a_command_hold_no_figure(every: list[Report]) -> None:
    """Nor do they differ from epoch to epoch: digits in them are those of regulations and of the zones' levels."""
    known = r"EMIR's Art\. 28 \(of 153/2013\)|below 5 %|below 1 %|250 days|IEEE 754"
    for report in every:
        for one in report.sections:
            for block in one.blocks:
                if isinstance(block, Words):
                    text = " ".join((block.title, block.text, *block.items))
                    assert not re.search("[0-9]", re.sub(known, "", text)), (one.id, text)


def figures(report: Report) -> Iterator[tuple[tuple[tuple[str, ...], ...], str]]:
    """Numbers in the tables of a report, each with the commands that are said to print it."""
    for one in report.sections:
        for table in tables(one):
            yield from ((table.commands, cell) for row in table.rows for cell in row if re.search("[0-9]", cell))


@pytest.mark.slow
def test_every_command_runs_and_prints_its_figures(every: list[Report], tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """Each command as it stands, in the order of the page; every number of a table is in what its commands print."""
    printed: dict[tuple[str, ...], str] = {}
    for number, report in enumerate(every):
        folder = tmp_path / str(number)
        folder.mkdir()
        monkeypatch.chdir(folder)
        for command in commands_of(report.sections):
            if command in printed:
                continue
            for stale in folder.glob("*.png"):
                stale.unlink()                       # two figures may be told to be drawn to one name
            shown = CliRunner().invoke(main, list(command))
            assert shown.exit_code in (0, 1), (command, shown.output)
            printed[command] = shown.stdout
            if command[:2] == ("epoch", "build"):
                assert tables(section(report, "determinism"))[0].rows[0][1] in shown.stdout, "another root"
        for commands, cell in figures(report):
            if any("--json" in command for command in commands):
                continue                             # more places than the page has
            text = " ".join(" ".join(printed[command] for command in commands).split())
            wanted = re.sub(r" %$", "", " ".join(cell.split()))
            if not wanted.startswith(tuple("0123456789+-")):
                continue                             # words; their numbers stand in cells of their own
            assert wanted in text, (commands, cell)


# -- public and private ------------------------------------------------------------------------------------------------
def test_no_position_and_no_margin_is_in_the_public_edition(us: Path, public_us: Report, private_us: Report) -> None:
    public = public_us.page().decode()
    holder = Holder(Subject.read(us), SPREAD, Portfolio.read(SPREAD))
    public_books = " ".join(symbol for one in book_figures(holder.subject.numbers) for symbol in one.lots)
    private = {money(holder.whole.required), money(holder.whole.expected_shortfall), "index_spread", "index spread",
               "--portfolio", *(money(holder.found.amount(part)) for part in holder.found.positions),
               *(symbol for symbol, _ in holder.portfolio.positions if symbol not in public_books)}
    assert "WTI-JUN19-46-C" in private
    page = private_us.page().decode()
    for word in private:
        assert word not in public, word
        assert word in page, word
    assert not {one.id for one in public_us.sections} & {one.id for one in private_us.sections}


def test_files_of_the_private_edition_are_their_owners_and_answers_tell_no_margin_of_the_other(
        run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    holder = Holder(Subject.read(epoch_directory), STRADDLE, Portfolio.read(STRADDLE))
    for name, mode in (("public", 0o644), ("private", 0o600)):
        out = tmp_path / f"{name}.html"
        given = ("--portfolio", STRADDLE) if name == "private" else ()
        answer = run("risk", "report", epoch_directory, *given, "--out", out)
        assert (answer.code, answer.data["edition"]) == (0, name)
        assert answer.data["bytes"] == out.stat().st_size
        assert stat.S_IMODE(out.stat().st_mode) == mode
        text = json.dumps(answer.data)
        assert (money(holder.whole.required) in text) == (name == "private")


def test_sections_of_one_edition_are_none_of_the_other(run: Run, us: Path) -> None:
    answer = run("risk", "report", us, "--section", "drivers")
    assert (answer.code, answer.data["field"]) == (2, "--section")
    answer = run("risk", "report", us, "--portfolio", SPREAD, "--section", "books")
    assert (answer.code, answer.data["field"]) == (2, "--section")


# -- what is said ------------------------------------------------------------------------------------------------------
def test_the_five_scenarios_that_drive_a_margin_are_named_with_their_reasons(run: Run, us: Path, private_us: Report
                                                                             ) -> None:
    found = run("risk", "explain", us, SPREAD).data["scenarios"]
    drivers = section(private_us, "drivers")
    assert [row[0] for row in tables(drivers)[0].rows] == [str(one["scenario"]) for one in found]
    told = [block.text for block in drivers.blocks if isinstance(block, Said)]
    assert re.search(r"NASDAQ moves by [0-9.]+ to [0-9.]+ %, up in", told[0])
    assert "WTI falls in all of them" in told[0]
    assert re.search(r"most of the loss is from NASDAQ's price \([0-9,.]+\) and WTI's price", told[0])
    for one, text in zip(found, told[1:], strict=True):
        assert text.startswith(f"Scenario {one['scenario']} loses ")
        assert f"drawn from {one['days']['labels'][0]}" in text
        assert one["positions"][0]["name"] in text
        assert "By cause: " in text


def test_only_what_matters_to_a_book_is_said_to_drive_it(epoch_directory: Path, tmp_path: Path) -> None:
    (tmp_path / "btc.json").write_text('{"schema": "tailproof.portfolio/1", "positions": '
                                       '[{"instrument": "BTC-PERP", "lots": -100}]}')
    told = [block.text for block in section(private_of(epoch_directory, tmp_path / "btc.json"), "drivers").blocks
            if isinstance(block, Said)]
    assert "BTC rises in all of them" in told[0]
    assert not any("ETH" in text for text in told)


def test_what_stress_does_besides_is_told(run: Run, tmp_path: Path) -> None:
    """A black swan's doubled volatility and its basis, which no variance of the scenario has."""
    text = (ROOM / "btc_eth" / "model.toml").read_text()
    (tmp_path / "model.toml").write_text(text + '\n[stress]\nsets = ["black-swan"]\nweight = 0.125\n')
    assert run("epoch", "build", "--book", ROOM / "btc_eth" / "book.json", "--model", tmp_path / "model.toml",
               "--out", tmp_path / "epoch").code == 0
    told = [block.text for block in section(private_of(tmp_path / "epoch", STRADDLE), "drivers").blocks
            if isinstance(block, Said)]
    swans = [text for text in told if "which is stress (black-swan)" in text]
    assert swans
    assert all("BTC rises" in text or "BTC falls" in text for text in swans)
    assert all("(volatility +100 %)" in text for text in swans)
    assert all(re.search("futures and perpetuals trade 4.5 % (below|above) the spot", text) for text in swans)
    assert not any("perpetuals trade" in text for text in told if text not in swans)


def test_who_is_short_loses_when_prices_rise(us: Path, tmp_path: Path) -> None:
    (tmp_path / "short.json").write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
        {"instrument": "WTI", "lots": -50}]}))
    holder = Holder(Subject.read(us), tmp_path / "short.json", Portfolio.read(tmp_path / "short.json"))
    told = next(block.text for block in private_report(holder, "drivers").sections[0].blocks if isinstance(block, Said))
    assert "WTI rises in all of them" in told


def test_a_straddle_is_driven_from_both_sides(levels: Path) -> None:
    told = [block.text for block in section(private_of(levels, FUNDED), "drivers").blocks if isinstance(block, Said)]
    assert re.search(r"BTC moves by [0-9.]+ to [0-9.]+ %, up in 3 and down in 2", told[0])


def test_what_is_missing_is_said_aloud(epoch_directory: Path, public_us: Report) -> None:
    """A model without a history, and one with: the twin of each warning."""
    bare = public_report(Subject.read(epoch_directory))
    for report, expected in ((bare, True), (public_us, False)):
        warned = [block.text for one in report.sections for block in one.blocks
                  if isinstance(block, Said) and block.warns]
        assert any("nothing of this model was held against the market" in text for text in warned) == expected
        assert any("reads no prices" in text for text in warned) == expected
        assert any("No stress is mixed in" in text for text in warned)
        assert any("no tool against procyclical margins" in text for text in warned)
    assert dict(row[::2] for row in tables(section(bare, "emir"))[0].rows)[
        "Art. 26: two days to liquidate (five for OTC derivatives)"] == "yes"
    asked = dict(row[::2] for row in tables(section(public_us, "frtb"))[0].rows)
    assert next(here for text, here in asked.items() if "30 at 97.5 %" in text) == "partly", "ten at most here"
    assert dict(row[::2] for row in tables(section(public_us, "emir"))[0].rows)[
        "Art. 26: two days to liquidate (five for OTC derivatives)"] == "no"


def test_tools_stress_and_history_are_told_where_they_are(run: Run, us: Path, tmp_path: Path) -> None:
    model = (us / "sources" / "model.toml").read_text().replace(
        "[correlation]", "[procyclicality]\nfloor = 0.9\n\n[stress]\nsets = [\"black-swan\"]\nweight = 0.125\n\n"
                         "[correlation]")
    (tmp_path / "model.toml").write_text(model)
    head, *rows = (us / "sources" / "history.csv").read_text().splitlines()       # of five years: all take much longer
    (tmp_path / "history.csv").write_text("\n".join([head, *(row for row in rows if row >= "2014")]) + "\n")
    assert run("epoch", "build", "--book", us / "sources" / "book.json", "--model", tmp_path / "model.toml",
               "--history", tmp_path / "history.csv", "--out", tmp_path / "epoch").code == 0
    subject = Subject.read(tmp_path / "epoch")
    told = public_report(subject, "stress").sections[0]
    assert ("black-swan", "32", "12.5") in tables(told)[0].rows
    told = public_report(subject, "procyclicality").sections[0]
    assert ("floor", "0.9") in tables(told)[0].rows
    assert any("--picture" in command for block in told.blocks if isinstance(block, Image)
               for command in block.commands)


def test_what_cannot_be_forecast_takes_no_report_away(run: Run, us: Path, tmp_path: Path) -> None:
    """Jumps of the model's own, which forecasts and tools over the past do not know."""
    model = (us / "sources" / "model.toml").read_text().replace(
        "[correlation]", "[procyclicality]\nfloor = 0.9\n\n[jumps]\nfamily = \"merton\"\nintensity = 4.0\n"
                         "systemic = 0.5\nmean = -0.01\ndeviation = 0.03\n"
                         "source = \"a guess\"\n\n[correlation]")
    (tmp_path / "model.toml").write_text(model)
    assert run("epoch", "build", "--book", us / "sources" / "book.json", "--model", tmp_path / "model.toml",
               "--history", us / "sources" / "history.csv", "--out", tmp_path / "epoch").code == 0
    report = public_report(Subject.read(tmp_path / "epoch"))
    warned = {one.id: [block.text for block in one.blocks if isinstance(block, Said) and block.warns]
              for one in report.sections}
    assert any("which had their jumps" in text for text in warned["backtests"])
    assert any("over the history is not told: jumps" in text for text in warned["procyclicality"])
    assert not any("not told" in text for text in warned["stress"])


def test_a_trial_says_so(run: Run, tmp_path: Path) -> None:
    model = (ROOM / "btc_eth" / "model.toml").read_text().replace(
        "horizon = 2", 'purpose = "trial"\nseed = 7\nhorizon = 2')
    (tmp_path / "model.toml").write_text(model)
    assert run("epoch", "build", "--book", ROOM / "btc_eth" / "book.json", "--model", tmp_path / "model.toml",
               "--out", tmp_path / "epoch").code == 0
    warned = [block.text for block in public_report(Subject.read(tmp_path / "epoch"), "number").sections[0].blocks
              if isinstance(block, Said) and block.warns]
    assert any(text.startswith("TRIAL") for text in warned)


def test_matching_tells_what_scenarios_with_masses_are_worth(us: Path) -> None:
    """And of equally likely ones that there is nothing to tell."""
    subject = Subject.read(us)
    arrays = subject.numbers
    assert isinstance(arrays, Epoch)
    assert arrays.provenance is not None
    quality = Quality(131_072, (Reference("long SP500", 100.0, 99.0), Reference("short WTI", 50.0, 50.25)), 0.93, 7.0)
    made = replace(arrays.provenance, drawn=replace(arrays.provenance.drawn, quality=quality))
    told = public_report(replace(subject, numbers=replace(arrays, provenance=made)), "matching").sections[0]
    assert tables(told)[0].rows == (("long SP500", "-1.00"), ("short WTI", "+0.50"))
    assert "at most -1.00% (long SP500); an adversary's book: 0.93" in next(
        block.text for block in told.blocks if isinstance(block, Said))
    assert not tables(public_report(subject, "matching").sections[0])


@pytest.mark.parametrize("horizon", [0, 2])
def test_a_handwritten_set_is_no_draw(run: Run, tmp_path: Path, horizon: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So no sampling error is told of it; the report stands without volatilities."""
    text = (ROOM / "btc_eth" / "model.toml").read_text()
    text = text[:text.index("[events]")].replace('"monte-carlo"', '"handwritten"\nset = "derive-pm2-2026-11"')
    text = text.replace("horizon = 2", f"horizon = {horizon}")
    text = text.replace("scenarios = 256", "scenarios = 33").replace('tail = "32/5"', 'tail = "1"')
    (tmp_path / "model.toml").write_text(text.replace("volatility_response = 1.0\n", ""))
    assert run("epoch", "build", "--book", ROOM / "btc_eth" / "book.json", "--model", tmp_path / "model.toml",
               "--out", tmp_path / "epoch").code == 0
    report = public_report(Subject.read(tmp_path / "epoch"))
    assert all(row[-1] == "-" for row in tables(section(report, "books"))[0].rows)
    assert not [block for block in section(report, "stress").blocks if isinstance(block, Said)
                and block.commands[0][:2] == ("risk", "reverse")]
    assert "somebody wrote each scenario" in report.page().decode()
    asked = [row for row in tables(section(report, "emir"))[0].rows if row[0].startswith("Art. 51")]
    assert asked[0][1:] == ("in the epoch none; of reference books section Stress", "partly")
    monkeypatch.setattr(sets, "usual", lambda market: ())       # as of assets that no preset speaks of
    unspoken = public_report(Subject.read(tmp_path / "epoch"))
    assert any("No stress set speaks of all assets here" in block.text for block in section(unspoken, "stress").blocks
               if isinstance(block, Said))
    asked = [row for row in tables(section(unspoken, "emir"))[0].rows if row[0].startswith("Art. 51")]
    assert asked[0][1:] == ("in the epoch none; of reference books none", "no")


def test_files_of_forecasts_and_a_cascade_are_told(run: Run, epoch_directory: Path, tmp_path: Path) -> None:
    rng = random.Random(3)
    for name, factor in (("right", 1.0), ("low", 0.3)):
        lines = [f"{day},{rng.gauss(0, 1):.6f},{1.96 * factor},{2.34 * factor}" for day in days(300)]
        (tmp_path / f"{name}.csv").write_text("date,loss,var,es\n" + "\n".join(lines))
    answer = run("risk", "report", epoch_directory, "--forecasts", tmp_path / "right.csv", "--forecasts",
                 tmp_path / "low.csv", "--cascade-preset", "standard", "--seeds", 1, "--out", tmp_path / "r.html")
    assert answer.code == 0
    by = {one["id"]: one for one in answer.data["sections"]}
    titles = [block["title"] for block in by["backtests"]["blocks"] if block["kind"] == "table"]
    assert titles[0].startswith("Forecasts of right.csv: 300 days")
    assert titles[1].endswith(", red")
    rows = next(block["rows"] for block in by["fund"]["blocks"] if block["kind"] == "table")
    found = run("risk", "cascade", "--preset", "standard", "--experiment", "fund", "--seeds", 1).data["fund"]
    assert [row[1].replace(",", "") for row in rows] == [str(int(found[name]) // 10**6)
                                                         for name in ("cover_2", "drawn", "size")]
    assert any("--cascade-preset standard" in command or "--preset standard" in command
               for command in answer.data["commands"])


def days(count: int) -> list[str]:
    return [str(day) for day in np.arange("2019-01-01", count + 17897, dtype="datetime64[D]")[:count]]


def test_a_section_is_printed_as_text(us: Path) -> None:
    shown = CliRunner().invoke(main, ["risk", "report", str(us), "--section", "determinism"])
    assert shown.exit_code == 0
    assert "SHA-256" in shown.stdout
    assert "<" not in shown.stdout


# -- stress of reference books ---------------------------------------------------------------------------------------
def test_stress_that_the_epoch_need_not_hold_is_told_of_reference_books(us: Path, public_us: Report) -> None:
    """The worst of the whole history, by hand: what is linear loses by the largest fall of its price, or rise."""
    stress = section(public_us, "stress")
    beside = next(table for table in tables(stress) if table.header[:2] == ("book", "margin"))
    assert beside.header[2:] == ("black-swan, %", "2009-01-05/2018-12-28, %")
    rows = {row[0]: row for row in beside.rows}
    prices = np.array([[float(cell) for cell in line.split(",")[1:]] for line in
                       (us.parent / "history.csv").read_text().splitlines()[1:]])
    moves = prices[1:] / prices[:-1] - 1.0
    books = {one.name: one for one in book_figures(Subject.read(us).numbers)}
    for name, lost in (("long SP500", -moves[:, 0].min()), ("short SP500", moves[:, 0].max()),
                       ("long WTI", -moves[:, 2].min()), ("short WTI", moves[:, 2].max())):
        assert rows[name][1] == money(books[name].margin)
        # About a million of each, so that the price of a lot leaves a thousandth.
        assert float(rows[name][3]) == pytest.approx(100 * lost * 1e12 / books[name].margin, rel=0.02)
    told = [item for block in stress.blocks if isinstance(block, Said) for item in block.items]
    history = [item for item in told if item.startswith("In '2009-01-05/2018-12-28' (from ")]
    assert len(history) == 3
    assert len({item[:48] for item in history}) == 3, "one scenario is told of once"
    assert any(item.startswith("In 'black-swan'") and "times its margin" in item for item in told)


def test_what_takes_the_margin_of_reference_books_is_told_as_reverse_tells_it(run: Run, epoch_directory: Path,
                                                                              levels: Path) -> None:
    for epoch in (epoch_directory, levels):
        report = public_report(Subject.read(epoch), "stress")
        found = [block for block in report.sections[0].blocks if isinstance(block, Said)
                 and block.commands[0][:2] == ("risk", "reverse")]
        assert [block.text.split(",")[0] for block in found] == ["long all", "short all", "short straddle BTC"]
        margins = {one["name"]: int(one["margin"]) for one in run("risk", "books", epoch).data["books"]}
        for block in found:
            name = block.text.split(",")[0]
            answer = run(*block.commands[0])
            assert answer.code == 0
            assert list(block.items) == list(answer.data["sentences"].values())
            assert int(answer.data["collateral"]) == margins[name]
        stressed = next(block for block in report.sections[0].blocks if isinstance(block, Table)
                        and "--reference-books" in block.commands[0])
        assert [row[1] for row in stressed.rows] == [money(margins[row[0]]) for row in stressed.rows]
        answer = run(*stressed.commands[0])
        assert answer.data["root"] == run("epoch", "show", epoch).data["root"]
        worst = answer.data["sets"][0]["accounts"][0]
        assert stressed.rows[0][2] == f"{100 * int(worst['loss']) / int(worst['margin']):.0f}"


def test_stress_that_cannot_be_told_is_missed_aloud(epoch_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    subject = replace(Subject.read(epoch_directory))
    subject.__dict__["no_search"] = "the package scipy is absent"

    def beyond(*_: object, **__: object) -> object:
        raise BadInput("value change", 1, "below 0")

    monkeypatch.setattr("tailproof.reports.book_stress.book_stress", beyond)
    warned = [block.text for block in public_report(subject, "stress").sections[0].blocks
              if isinstance(block, Said) and block.warns]
    assert any("need not hold is not told here: value change" in text for text in warned)
    assert "Not told here: the package scipy is absent." in warned
    held = Holder(subject, STRADDLE, Portfolio.read(STRADDLE))
    assert any("the package scipy is absent" in block.text for block in private_report(held, "breaking").sections[0]
               .blocks if isinstance(block, Said) and block.warns)


def test_a_history_that_holds_no_stress_takes_no_holder_s_report_away(epoch_directory: Path, tmp_path: Path) -> None:
    """As the public edition: of one day, less than the horizon; and of days that are all alike."""
    for days, why in ((2, "must be in a stretch of 2 steps, the horizon"), (330, "calm ones are no stress")):
        path = tmp_path / f"{days}.csv"
        path.write_text("date,BTC,ETH\n" + "\n".join(
            f"{day},{100 + k % 2},{10 + k % 2 / 10}" for k, day in enumerate(
                np.arange("2020-01-01", days + 18262, dtype="datetime64[D]")[:days])) + "\n")
        subject = Subject.read(epoch_directory, history=path)
        for found in (private_report(Holder(subject, STRADDLE, Portfolio.read(STRADDLE)), "breaking"),
                      public_report(subject, "stress")):
            assert [block.text for block in found.sections[0].blocks
                    if isinstance(block, Said) and why in block.text], found.title


def test_one_holding_is_asked_about_at_a_time(run: Run, epoch_directory: Path) -> None:
    for command, more in (("stress", ()), ("reverse", ("--collateral", "margin"))):
        one = ("--reference-books",) if command == "stress" else ("--reference-book", "long all")
        for given in ((), (STRADDLE, *one)):
            answer = run("risk", command, epoch_directory, *given, *more)
            assert answer.code == 2
            assert "--reference-book" in answer.data["field"]
    answer = run("risk", "reverse", epoch_directory, "--reference-book", "long al", "--collateral", "margin")
    assert (answer.code, answer.data["field"]) == (2, "--reference-book")
    assert "long all" in answer.data["bound"]


# -- surfaces ----------------------------------------------------------------------------------------------------------
def test_of_each_condition_the_place_nearest_to_its_bound_is_told(run: Run, epoch_directory: Path) -> None:
    told = tables(public_report(Subject.read(epoch_directory), "inputs").sections[0])[-1]
    assert told.header[0] == "condition"
    found = run(*told.commands[0]).data["checks"]
    kinds = {(one["underlying"], one["id"]) for one in found}
    assert len(told.rows) == len(kinds) > 1
    for row in told.rows:
        least = min(one["value"] for one in found if (one["underlying"], one["id"]) == (row[1], row[0]))
        assert row[4] == f"worth {least:.4f} of the forward"


# -- reference books ---------------------------------------------------------------------------------------------------
def test_books_have_the_margins_that_would_be_proven(run: Run, us: Path, tmp_path: Path) -> None:
    found = run("risk", "books", us).data["books"]
    assert {one["name"] for one in found} >= {"long SP500", "short WTI", "short straddle NASDAQ", "long all"}
    for one in found[:4]:
        (tmp_path / "p.json").write_text(json.dumps({"schema": "tailproof.portfolio/1", "positions": [
            {"instrument": symbol, "lots": lots} for symbol, lots in one["lots"].items()]}))
        answer = run("risk", "margin", us, tmp_path / "p.json").data
        assert (one["margin"], one["value_at_risk"]) == (answer["margin"], answer["value_at_risk"])


def test_quantiles_are_those_of_their_definition() -> None:
    rng = random.Random(8)
    for _ in range(200):
        losses = [rng.randint(-50, 50) for _ in range(rng.randint(20, 60))]
        half = len(losses) // 2
        tail = TailSize(5, 2) if rng.random() < 0.5 else WeightedTail(
            TailSize(5, 2), (1,) * half + (3,) * (len(losses) - half))
        for level in (Fraction(1, 100), Fraction(1, 4), Fraction(1, 2)):
            weights = tail.weights(len(losses))
            by_definition = min(x for x in losses if sum(
                w for w, y in zip(weights, losses, strict=True) if y > x) <= level * sum(weights))
            assert quantile(losses, tail, level) == by_definition


def test_the_stated_error_is_about_that_of_another_draw(us: Path) -> None:
    """Against a bootstrap of the scenarios of each book; and it is not told of what it is not meant for."""
    subject = Subject.read(us)
    rng = np.random.default_rng(5)
    for one in book_figures(subject.numbers)[:5]:
        losses = np.array(one.found.losses, float)
        count, size = len(losses), 6.4
        drawn = -np.sort(-rng.choice(losses, (2_000, count)), axis=1)
        means = (drawn[:, :6].sum(1) + (size - 6) * drawn[:, 6]) / size
        assert one.error is not None
        assert math.isclose(one.error, means.std() / means.mean(), rel_tol=0.35)


# -- bad input ---------------------------------------------------------------------------------------------------------
def test_what_cannot_be_reported_is_refused_by_name(run: Run, us: Path, tmp_path: Path) -> None:
    def field(*arguments: object) -> str:
        answer = run("risk", "report", us, *arguments)
        assert answer.code == 2
        return str(answer.data["field"])

    assert field() == field("--out", tmp_path / "x.html", "--section", "books") == "--out and --section"
    answer = run("risk", "report", us, "--section", "boks")
    assert answer.code == 2
    assert "books" in answer.data["bound"]
    assert field("--portfolio", SPREAD, "--out", tmp_path / "x.html", "--cascade-preset", "standard") == "--portfolio"
    assert field("--section", "fund", "--cascade", tmp_path / "x", "--cascade-preset", "standard") \
        == "--cascade and --cascade-preset"
    (tmp_path / "none.json").write_text('{"schema": "tailproof.portfolio/1", "positions": []}')
    assert field("--portfolio", tmp_path / "none.json", "--out", tmp_path / "x.html") == "positions"
    assert not (tmp_path / "x.html").exists()
    assert run("risk", "report", us, "--history", tmp_path / "absent.csv", "--section", "books").code == 2


def test_a_root_that_is_not_the_arrays_is_refused(run: Run, us: Path, tmp_path: Path) -> None:
    import shutil
    shutil.copytree(us, tmp_path / "epoch")
    changes = np.load(tmp_path / "epoch" / "changes.npy")
    changes[1, 0] += 1
    np.save(tmp_path / "epoch" / "changes.npy", changes)
    assert run("risk", "report", tmp_path / "epoch", "--out", tmp_path / "x.html").code == 2


def test_pictures_that_cannot_be_drawn_are_missed_aloud(us: Path) -> None:
    subject = replace(Subject.read(us))
    subject.__dict__["no_pictures"] = "the package matplotlib is absent"
    found = public_report(subject, "inputs").sections[0]
    assert not any(isinstance(block, Image) for block in found.blocks)
    assert any("No picture is drawn here" in block.text for block in found.blocks if isinstance(block, Said))


def test_what_breaks_an_account_is_told_as_the_commands_tell_it(run: Run, epoch_directory: Path, levels: Path) -> None:
    for epoch, portfolio, what in ((epoch_directory, STRADDLE, "margin"), (levels, FUNDED, "value")):
        crises, broken = (block for block in section(private_of(epoch, portfolio), "breaking").blocks
                          if isinstance(block, Said))
        stressed = run("risk", "stress", epoch, portfolio).data
        assert list(crises.items) == [one["accounts"][0]["sentence"] for one in stressed["sets"]]
        assert list(broken.items) == list(run("risk", "reverse", epoch, portfolio, "--collateral", what).data[
            "sentences"].values())


def test_what_no_crisis_speaks_of_and_has_nothing_to_lose_is_said(us: Path, levels: Path) -> None:
    """The twin: assets of no crisis but the black swan, with a history; and an account that owes more than it has."""
    crises, past, broken = (block for block in section(private_of(us, SPREAD), "breaking").blocks
                            if isinstance(block, Said))
    assert len(crises.items) == 1
    assert "black" in crises.items[0]
    assert len(past.items) == 1
    assert past.items[0].startswith("In '2009-01-05/2018-12-28' (from 2014-11-26) SP500 falls 0.25 %, NASDAQ rises "
                                    "0.09 % and WTI falls 10.5 %")
    assert len(broken.items) == 3
    funded = Holder(Subject.read(levels), FUNDED, Portfolio.read(FUNDED))
    assert held(funded.subject.numbers, funded.rows) == {
        "holds": value_today(funded.subject.numbers, funded.rows), "named": "value today"}
    assert held(Subject.read(us).numbers, [])["named"] == "margin"
    owing = section(private_of(levels, STRADDLE), "breaking").blocks
    assert [block.text for block in owing if isinstance(block, Words)] == [
        "There is nothing that a loss could take: the account is worth nothing."]
    assert len([block for block in owing if isinstance(block, Said)]) == 1
