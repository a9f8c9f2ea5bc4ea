"""Strict reading, canonical writing, whole files or none."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node


@pytest.mark.parametrize("value", [{}, {"schema": None}, {"schema": "b/1", "a": 1}, {"schema": ["a/1"], "x": 1}])
def test_another_kind_of_file_is_told_by_its_schema(value: object) -> None:
    with pytest.raises(BadInput, match=r"schema is .*: must be one of a/1"):
        Node(value).document("a/1", {"x"})
    assert Node({"schema": "a/1", "x": 1}).document("a/1", {"x"})["x"].value == 1
    with pytest.raises(BadInput, match="x is missing: must be given"):
        Node({"schema": "a/1"}).document("a/1", {"x"})
    with pytest.raises(BadInput, match="must be an object"):
        Node([]).document("a/1", {"x"})


def test_depth_is_counted_outside_of_strings_and_bounded_before_parsing() -> None:
    assert jsonio.loads("[" * jsonio.DEEPEST + "]" * jsonio.DEEPEST)
    assert jsonio.loads('["' + "[{" * 200 + '\\"[", ' + "[]," * 200 + "1]")[0].startswith("[{")
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)               # as py_ecc does: the parser itself would overflow the stack
    try:
        for hostile in ("[" * 1_000_000, '{"a":' * 1_000_000, '"' + '\\"' * 100_000 + "[" * 101):
            with pytest.raises(BadInput):
                jsonio.loads(hostile)
    finally:
        sys.setrecursionlimit(limit)


@pytest.mark.parametrize(("text", "place"), [
    ('{"a": 1, "b": 2, "a": 3}', "key 'a'"), ('{"x": [{"k": 1, "k": 1}]}', "key 'k'"),
    ("NaN", "NaN"), ("[Infinity]", "Infinity"), ("[-Infinity]", "-Infinity"), ("[1e400]", "1e400"),
    ("{", "line 1, column 2"), ("[1,\n 2,]", "line 2, column"), ("", "line 1, column 1"), ("[1] 2", "line 1"),
    (r'["\ud800"]', "half of a surrogate"), (r'{"\uDFFF": 1}', "half of a surrogate"),
    (b'"\xff"', "byte 1"), ("[" * 100_000, "nested too deeply"), ("9" * 5000, "ordinary size"),
])
def test_what_is_not_strict_json_is_refused_with_its_place(text: str | bytes, place: str) -> None:
    with pytest.raises(BadInput) as caught:
        jsonio.loads(text, source="book.json")
    assert str(caught.value).startswith("book.json: ")
    assert place in str(caught.value)


def test_ordinary_json_is_read() -> None:
    assert jsonio.loads('{"a": [1, -2.5, "ü", null, true, 123456789012345678901234567890]}') == {
        "a": [1, -2.5, "ü", None, True, 123456789012345678901234567890]}
    assert jsonio.loads('"é"'.encode()) == "é"
    assert jsonio.loads(r'["\ud83d\ude00", "\\ud800"]') == ["😀", r"\ud800"]


def test_files_absent_or_too_large(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    with pytest.raises(BadInput, match=r"x\.json: file is .*readable"):
        jsonio.read(path)
    with pytest.raises(BadInput, match="readable"):
        jsonio.read(tmp_path)
    path.write_text("[1, 2, 3]")
    assert jsonio.read(path, limit=9) == [1, 2, 3]
    with pytest.raises(BadInput, match="at most 8 bytes"):
        jsonio.read(path, limit=8)


BOOK = {"schema": "book-1", "positions": [{"instrument": "BTC", "lots": 3}, {"instrument": "ETH", "lots": -1.5}]}


def test_nodes_know_their_names() -> None:
    root = Node(BOOK, source="book.json")
    members = root.object(required={"schema", "positions"}, optional={"comment"})
    assert members["schema"].text(r"book-\d") == "book-1"
    entries = members["positions"].array(at_least=1, at_most=2)
    first, second = (entry.object({"instrument", "lots"}) for entry in entries)
    assert first["lots"].integer(3, 3) == 3
    assert first["instrument"].choice({"BTC", "ETH"}) == "BTC"
    with pytest.raises(BadInput, match=r"book\.json: positions\[1\]\.lots is -1\.5: must be an integer in \[-9, 9\]"):
        second["lots"].integer(-9, 9)


@pytest.mark.parametrize(("value", "check", "says"), [
    (4, lambda n: n.integer(0, 3), r"an integer in \[0, 3\]"), (-1, lambda n: n.integer(0, 3), "integer"),
    (True, lambda n: n.integer(0, 3), "integer"), (1.0, lambda n: n.integer(0, 3), "integer"),
    ("1", lambda n: n.integer(0, 3), "integer"),
    ("01", lambda n: n.decimal(0, 9), "decimal string"), ("-0", lambda n: n.decimal(-9, 9), "decimal"),
    ("10", lambda n: n.decimal(0, 9), "decimal"), (5, lambda n: n.decimal(0, 9), "decimal"),
    ("+1", lambda n: n.decimal(0, 9), "decimal"), ("1_0", lambda n: n.decimal(0, 99), "decimal"),
    ("1\n", lambda n: n.decimal(0, 99), "decimal"), ("١", lambda n: n.decimal(0, 99), "decimal"),
    ("1", lambda n: n.number(0, 3), "number"), (True, lambda n: n.number(0, 3), "number"),
    (3.5, lambda n: n.number(0, 3), "number"), (float("nan"), lambda n: n.number(0, 3), "number"),
    (1, lambda n: n.text(), "string"), ("b", lambda n: n.text("a", "the letter a"), "the letter a"),
    ("ab", lambda n: n.text("a", "the letter a"), "the letter a"),
    ("c", lambda n: n.choice({"a", "b"}), "one of a, b"), ([], lambda n: n.choice({"a"}), "one of a"),
    (1, lambda n: n.boolean(), "true or false"), ({}, lambda n: n.array(), "an array"),
    ([], lambda n: n.object(()), "object"), ({}, lambda n: n.object({"a"}), "a is missing: must be given"),
    ([1], lambda n: n.array(at_least=2), "2 or more"), ([1, 2], lambda n: n.array(at_most=1), "between 0 and 1"),
    ({"a": 1, "b": 2}, lambda n: n.object({"a"}), "absent: known are a"),
])
def test_each_check_refuses(value: object, check, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        check(Node(value, field="here"))


def test_each_check_accepts_its_bounds() -> None:
    assert [Node(v).integer(0, 3) for v in (0, 3)] == [0, 3]
    assert [Node(v).decimal(-10, 10) for v in ("-10", "0", "10")] == [-10, 0, 10]
    assert [Node(v).number(0, 3) for v in (0, 2.5)] == [0.0, 2.5]
    assert [Node(v).boolean() for v in (True, False)] == [True, False]


def test_canonical_bytes_are_one_encoding() -> None:
    assert jsonio.canonical({"b": [1, None, True], "a": "é", "é": -3}) == '{"a":"é","b":[1,null,true],"é":-3}'.encode()
    assert jsonio.canonical({"a": 1, "b": 2}) == jsonio.canonical({"b": 2, "a": 1})
    assert jsonio.canonical([1, 2]) == jsonio.canonical((1, 2))
    assert jsonio.canonical(2**53 - 1) == b"9007199254740991"


@pytest.mark.parametrize("value", [1.0, float("nan"), {1: 2}, {"a": {None: 1}}, object(), b"x", [{"k": 0.5}]])
def test_canonical_refuses_what_has_no_one_encoding(value: object) -> None:
    with pytest.raises(TypeError):
        jsonio.canonical(value)


@pytest.mark.parametrize("value", [2**53, -2**53, [2**64], "\ud800"])
def test_canonical_refuses_what_other_readers_would_change(value: object) -> None:
    with pytest.raises(ValueError):
        jsonio.canonical(value)


def test_written_files_read_back(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    jsonio.write(path, BOOK)
    assert jsonio.read(path) == BOOK
    assert path.read_text().endswith("}\n")
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "book.json"
    path.write_text("old")
    with pytest.raises(ValueError, match="Out of range"):
        jsonio.write(path, {"x": float("nan")}, over=True)

    def interrupted() -> None:
        with jsonio.replacing(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(BadInput, match="a path that can be written"):
        jsonio.write(tmp_path / "absent" / "book.json", {})


@pytest.mark.skipif(os.name != "posix", reason="permission bits are POSIX's")
def test_modes(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        jsonio.write(tmp_path / "public", {})
        jsonio.write(tmp_path / "secret", {}, mode=0o600)
        assert os.umask(0o022) == 0o022
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("public", "secret")]
    assert modes == [0o644, 0o600]


@pytest.mark.parametrize("name", ["folder", "missing/file", "/dev/null"])
def test_what_cannot_be_written_is_refused_beforehand_too(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder").mkdir()
    for refuse in (jsonio.require_writable, lambda path: jsonio.write(path, {})):
        with pytest.raises(BadInput, match=r"output is .*: must be a path that can be written"):
            refuse(tmp_path / name)
    assert Path("/dev/null").is_char_device(), "a device is not replaced, even by root"
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_full_disk_is_named_and_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.json"
    jsonio.write(path, 1, over=True)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BadInput, match="No space left on device"):
        jsonio.write(path, 2, over=True)
    assert jsonio.read(path) == 1
    assert [found.name for found in tmp_path.iterdir()] == ["x.json"]


@pytest.mark.parametrize("links", [True, False])
def test_what_exists_is_never_overwritten_not_even_in_a_race(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                             links: bool) -> None:
    if not links:                                          # as on FAT and some network drives
        def none(source: str, target: Path) -> None:
            raise PermissionError(1, "Operation not permitted")
        monkeypatch.setattr(os, "link", none)
    path = tmp_path / "x.json"
    jsonio.write(path, 1)
    with pytest.raises(BadInput, match="never overwritten"):
        jsonio.write(path, 2)
    assert jsonio.read(path) == 1
    jsonio.write(path, 3, over=True)
    assert jsonio.read(path) == 3
    dangling, late = tmp_path / "dangling", tmp_path / "late"
    dangling.symlink_to(tmp_path / "absent")
    with pytest.raises(BadInput, match="never overwritten"):
        jsonio.write(dangling, 2)

    def overtaken() -> None:
        with jsonio.creating(late) as file:
            file.write(b"mine")
            late.write_text("somebody was faster")
    with pytest.raises(BadInput, match="never overwritten"):
        overtaken()
    assert late.read_text() == "somebody was faster"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["dangling", "late", "x.json"]


# -- messages that spare a second try ------------------------------------------------------------------------------
def test_all_missing_keys_are_named_at_once() -> None:
    node = Node({"a": [{"x": 1}, {"y": 2}, 7], "b": {"c": [{}]}})
    needs = {"": ("a", "d"), "a[]": lambda entry: ("x",) if "y" not in entry else ("x", "z"), "b.c[]": ("k",)}
    with pytest.raises(BadInput) as error:
        node.complete(needs)
    assert error.value.field == "d, a[1].x, a[1].z, b.c[0].k"
    Node({"a": [{"x": 1}], "d": 1}).complete(needs)
    Node(["anything"]).complete(needs)


def test_several_missing_keys_of_one_object_too() -> None:
    with pytest.raises(BadInput, match="b, c are missing: must be given"):
        Node({"a": 1}).object({"a", "b", "c"})


def test_a_misspelt_key_or_choice_is_recognised() -> None:
    with pytest.raises(BadInput, match=r"known are quantity, symbol; did you mean quantity\?"):
        Node({"quantty": 1, "symbol": 2}).object({"quantity", "symbol"})
    with pytest.raises(BadInput, match=r"did you mean perpetual\?"):
        Node("Perpetul").choice({"spot", "perpetual"})
    with pytest.raises(BadInput) as error:
        Node("zzz").choice({"spot", "perpetual"})
    assert "did you mean" not in str(error.value)
