"""The profile: nothing is lost in the tree, and the picture is there or it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from circuits import profile, statements
from circuits.builder import ConstraintSystem, Share
from primitives.errors import BadInput


@pytest.mark.parametrize(("label", "place"), [
    ("tail/C13 gap bit", ("tail", "C13", "gap bit")),
    ("commitment/C1", ("commitment", "C1")),
    ("one", ("one",)),
    ("leaf/C2 hash/chunk 1/rounds", ("leaf", "C2", "hash")),
    ("epoch/C3 node 0/chunk 0/square", ("epoch", "C3", "node 0")),
    ("content/B3 product/7", ("content", "B3", "product")),
    ("account 12/slots/C6 buy", ("account 12", "slots", "C6", "buy"))])
def test_labels_are_places(label: str, place: tuple[str, ...]) -> None:
    assert profile.place_of(label) == place


@pytest.mark.parametrize("name", ["margin-tiny", "transition-tiny", "batch-tiny"])
def test_the_tree_holds_everything_once(name: str) -> None:
    cs = statements.get(name).build()
    root = profile.profile(cs, name)
    system = cs.r1cs()
    assert root.share == Share(cs.rows, cs.wires, sum(side.entries for side in (system.a, system.b, system.c)))
    for _, part in root.walk():
        assert sum(child.share.rows for child in part.children) <= part.share.rows
        assert all(child.share.rows for child in part.children)
        names = [child.name for child in part.children]
        assert len(set(names)) == len(names)
    assert sum(child.share.rows for child in root.children) == cs.rows
    assert root.depth == 1 + max(level for level, _ in root.walk())


def test_clauses_stand_together_and_accounts_are_one() -> None:
    lines = profile.table(profile.profile(statements.get("batch-tiny").build(), "batch-tiny"))
    rows = {name: rows for name, rows, *_ in lines}
    J, B, S, bits = 3, 2, 8, 49
    assert rows["batch-tiny"] == 9_183
    assert rows["  account (2 times)"] > rows["    tail"]
    assert rows["      C13"] == B * S * (bits + 1)
    assert rows["        gap bit"] == B * S * bits
    assert rows["      C6"] == B * J * 42
    assert rows["    C5"] == 264 + 1
    assert "    C2 hash" in rows, "a clause with one part keeps its label"
    assert {name: share for name, _, share, *_ in lines}["batch-tiny"] == "100.0 %"


def test_rows_that_no_child_has_are_the_parts_own() -> None:
    cs = ConstraintSystem()
    x, y = cs.public("x"), cs.public("y")
    cs.equal(x * x, y, "C1")
    cs.equal(x * y, 0, "C1 rest")
    root = profile.profile(cs)
    assert [(level, part.name, part.share.rows) for level, part in root.walk()] == [
        (0, "all", 2), (1, "C1", 2), (2, "rest", 1)]


@pytest.mark.parametrize(("suffix", "starts"), [(".png", b"\x89PNG"), (".svg", b"<?xml")])
def test_pictures(suffix: str, starts: bytes, tmp_path: Path) -> None:
    root = profile.profile(statements.get("transition-tiny").build(), "transition-tiny")
    profile.draw(root, tmp_path / f"rows{suffix}", title="1,264 rows of 2^11")
    assert (tmp_path / f"rows{suffix}").read_bytes().startswith(starts)


def test_a_picture_of_nothing_is_drawn(tmp_path: Path) -> None:
    profile.draw(profile.profile(ConstraintSystem()), tmp_path / "rows.svg", title="nothing")
    assert (tmp_path / "rows.svg").read_bytes().rstrip().endswith(b"</svg>")


def test_other_formats_and_places_are_refused(tmp_path: Path) -> None:
    root = profile.profile(statements.get("transition-tiny").build())
    with pytest.raises(BadInput, match=r"picture is '.*rows.gif': must be a file whose name ends in .png or .svg"):
        profile.draw(root, tmp_path / "rows.gif", title="rows")
    with pytest.raises(BadInput):
        profile.draw(root, tmp_path / "nowhere" / "rows.png", title="rows")
    assert list(tmp_path.iterdir()) == []
