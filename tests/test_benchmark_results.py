"""What benchmarks keep of each processor, and the table that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import processors
from benchmarks.bench import GOALS, Run, table
from benchmarks.processors import BEGIN, END, LARGEST, README, RESULTS, SCHEMA

ZEN4 = """processor\t: 0
vendor_id\t: AuthenticAMD
cpu family\t: 25
model\t\t: 17
model name\t: AMD EPYC
stepping\t: 1
flags\t\t: fpu adx bmi2 avx2 avx512f avx512ifma sse2 vaes

processor\t: 1
vendor_id\t: GenuineIntel
model\t\t: 99
"""


@pytest.fixture
def place(tmp_path: Path) -> tuple[Path, Path]:
    """A folder of results, empty, and a page with a place for the table."""
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nearlier\n{END}\nafter\n")
    (tmp_path / "results").mkdir()
    return tmp_path / "results", tmp_path / "README.md"


def rows_of(ours: float = 0.1, theirs: float = 1.0) -> list[dict[str, Any]]:
    run = Run()
    run.put("prove es1000", "tailproof", ours)
    run.put("prove es1000", "rapidsnark (stand-in)", theirs)
    run.put("prove es1000", "snarkrs", 2 * theirs)
    return table(run, ["es1000"])


def test_the_page_has_the_table_that_the_files_give() -> None:
    text = README.read_text()
    assert processors.with_table(text, processors.table(processors.kept())) == text, \
        "run `python -m benchmarks.processors`"


def test_a_file_that_says_something_else_gives_another_table(place: tuple[Path, Path]) -> None:
    folder, _ = place
    for path in RESULTS.glob("*.json"):
        found = json.loads(path.read_text())
        found["table"][0]["ratio"] += 0.01
        (folder / path.name).write_text(json.dumps(found))
    assert processors.table(processors.kept(folder)) != processors.table(processors.kept())


@pytest.mark.parametrize("path", sorted(RESULTS.glob("*.json")), ids=lambda path: path.stem)
def test_what_is_kept_is_small_and_says_where_it_is_of(path: Path) -> None:
    found = json.loads(path.read_text())
    assert path.stat().st_size <= LARGEST
    assert found["schema"] == SCHEMA
    assert path.name == processors.file_name(found["machine"])
    assert set(processors.machine("")) == set(found["machine"])
    assert found["table"]
    goals = {(what, peer): goal for what, peer, goal in GOALS}
    for row in found["table"]:
        assert row["goal"] == goals.get((row["what"], row["peer"].removesuffix(processors.STAND_IN)))
        if row["ours"] is not None:
            assert row["ratio"] == pytest.approx(row["ours"] / row["theirs"], rel=0.03)


def test_a_processor_is_read_as_it_says_itself() -> None:
    found = processors.machine(ZEN4)
    assert (found["vendor"], found["family"], found["model"], found["stepping"]) == ("AuthenticAMD", 25, 17, 1)
    assert (found["core"], found["model_name"], found["ifma"]) == ("Zen 4", "AMD EPYC", True)
    assert found["flags"] == "adx bmi2 avx2 avx512f avx512ifma vaes"
    assert processors.title(found).startswith("AMD, family 25, model 17 (Zen 4, IFMA")
    other = processors.machine(ZEN4.replace("avx512ifma ", ""))
    assert not other["ifma"]
    assert processors.file_name(other) != processors.file_name(found)
    nothing = processors.machine("")
    assert (nothing["vendor"], nothing["family"], nothing["model"], nothing["core"]) == (None, None, None, None)


@pytest.mark.parametrize(("vendor", "family", "model", "core"), [
    ("AuthenticAMD", 25, 1, "Zen 3"), ("AuthenticAMD", 25, 0x61, "Zen 4"), ("AuthenticAMD", 26, 2, "Zen 5"),
    ("AuthenticAMD", 26, None, "Zen 5"), ("AuthenticAMD", 25, None, None), ("GenuineIntel", 6, 143, "Sapphire Rapids"),
    ("GenuineIntel", 6, 1, None), ("Other", 25, 17, None), (None, None, None, None)])
def test_cores_have_their_names(vendor: str | None, family: int | None, model: int | None, core: str | None) -> None:
    assert processors.core(vendor, family, model) == core


def test_a_run_is_kept_and_told(place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, readme = place
    here = processors.machine(ZEN4)
    monkeypatch.setattr(processors, "machine", lambda: here)
    unnoted = {**here, "model": None}
    (folder / processors.file_name(unnoted)).write_text(json.dumps(processors.document(unnoted, rows_of(), [], "x")))
    first = processors.keep(rows_of(0.1), ["one note"], folder=folder, readme=readme)
    second = processors.keep(rows_of(0.2), ["another note"], folder=folder, readme=readme)
    assert first == second
    assert list(folder.iterdir()) == [first]                     # it took the place of both
    text = readme.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "earlier" not in text
    assert "| prove es1000 / rapidsnark | 0.125 | **0.2 †** |" in text          # misses its goal
    assert "| prove es1000 / snarkrs |  | 0.1 |" in text
    assert "another note" in text
    processors.keep(rows_of(0.11), [], folder=folder, readme=readme)
    assert "| prove es1000 / rapidsnark | 0.125 | 0.11 † |" in readme.read_text()


def test_processors_stand_beside_each_other(place: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, readme = place
    both = [processors.machine(ZEN4), processors.machine(ZEN4.replace("model\t\t: 17", "model\t\t: 2"))]
    for here, ours in zip(both, (0.1, 0.2), strict=True):
        monkeypatch.setattr(processors, "machine", lambda here=here: here)
        processors.keep(rows_of(ours), [], folder=folder, readme=readme)
    assert "| 0.1 † | **0.2 †** |" in readme.read_text()
    assert len(list(folder.iterdir())) == 2


def test_too_much_is_not_kept(place: tuple[Path, Path]) -> None:
    with pytest.raises(SystemExit):
        processors.keep(rows_of(), ["x" * LARGEST], folder=place[0], readme=place[1])
    assert list(place[0].iterdir()) == []


def test_a_page_without_a_place_is_not_written(place: tuple[Path, Path]) -> None:
    place[1].write_text("nothing")
    with pytest.raises(ValueError):
        processors.write(*place)
    assert place[1].read_text() == "nothing"
