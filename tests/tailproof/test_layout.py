"""Tables of text: aligned in every script, within a terminal's width, whole where programs read them."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailproof.cli import layout
from tailproof.cli.layout import broken, table, width_of

DIGEST = "0x" + "cd" * 32


@pytest.mark.parametrize(("text", "width"), [("abc", 3), ("", 0), ("証拠金", 6), ("Ｆ", 2), ("é", 1), ("e\u0301", 1),
                                             ("10⁻⁶ …", 6), ("한글", 4)])
def test_width_is_what_a_terminal_shows(text: str, width: int) -> None:
    assert width_of(text) == width


def test_wide_characters_do_not_push_the_next_column() -> None:
    lines = table([("証拠金", "one"), ("abc", "two"), ("e\u0301", "three")], ["name", "value"])
    words = zip(lines[2:], ("one", "two", "three"), strict=True)
    assert {width_of(line[:line.index(word)]) for line, word in words} == {8}
    assert lines[1] == "------  -----"


def test_control_characters_are_counted_as_they_are_shown() -> None:
    first, second = table([("a\x1b", "z"), ("bcdefg", "y")])
    assert first.index("z") == second.index("y")
    assert "\x1b" not in first


def test_numbers_are_flush_right_and_text_left() -> None:
    assert table([("a", 1), ("b", 100), ("c", "-5")]) == ["a    1", "b  100", "c   -5"]
    assert table([("a", "x"), ("b", "yyy")]) == ["a  x", "b  yyy"]
    assert table([]) == []


def test_a_table_fits_eighty_columns_and_loses_nothing() -> None:
    rows = [("margin-full-256x16", DIGEST, 64_068, "a sentence that goes on for more than what is left of a line"),
            ("cover", DIGEST, 7, "short")]
    header = ["statement", "digest", "rows", "what it says of the account, and of whom"]
    lines = table(rows, header, width=80)
    assert max(map(width_of, lines)) <= 80
    assert "64068" in "".join(lines)
    together = "".join("".join(lines).split())
    for word in rows[0][3].split():
        assert word in together
    pieces = [column for line in lines[3:] for column in line.split() if set(column) <= set("0xcd")]
    assert "".join(pieces) == 2 * DIGEST
    assert any(width_of(line) > 80 for line in table(rows, header))         # where it is no terminal


def test_a_hash_is_no_number() -> None:
    assert table([("a", DIGEST), ("b", "0x1")])[1] == "b  0x1"


def test_numbers_are_never_broken() -> None:
    lines = table([("a" * 60, 10**30), ("b", 1)], width=50)
    assert str(10**30) in lines[0] + lines[1]
    assert len(lines) > 2


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cf", "Cs", "Zl", "Zp")), max_size=60),
       st.integers(2, 30))
def test_a_broken_cell_is_narrow_and_whole(text: str, width: int) -> None:
    lines = broken(text, width)
    assert all(width_of(line) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        raise OSError


def test_only_a_terminal_has_lines_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [("word " * 40, "x")]
    assert len(table(rows)) == 1
    monkeypatch.setattr("sys.stdout", Terminal())
    narrow = table(rows)
    assert len(narrow) > 1
    assert max(map(width_of, narrow)) <= 80
    monkeypatch.setattr(layout, "_terminal", lambda: 40)
    assert max(map(width_of, table(rows))) <= 40
