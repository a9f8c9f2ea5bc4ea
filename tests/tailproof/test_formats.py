"""Schemas and docs/formats.md say what parsers ask: every key, and nothing else."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from primitives import jsonio
from primitives.errors import BadInput
from primitives.jsonio import Node
from risk.models.model import parse_toml
from tailproof import formats
from tailproof.formats import FORMATS
from tailproof.formats.observed import Format, gaps, observe
from tailproof.formats.schemas import schema, tables

ROOT = Path(__file__).parent.parent.parent
FIXTURES = ROOT / "fixtures"
ALL = pytest.mark.parametrize("name", FORMATS)


@ALL
def test_examples_reach_every_key_and_every_key_is_explained(name: str) -> None:
    assert gaps(FORMATS[name]) == []


@ALL
def test_a_schema_takes_what_its_parser_takes(name: str) -> None:
    found = formats.schema(name)
    jsonschema.Draft202012Validator.check_schema(found)
    for document in FORMATS[name].examples():
        FORMATS[name].parse(document)
        jsonschema.Draft202012Validator(found).validate(document)


def broken(document: Any) -> Iterator[tuple[str, Any]]:
    """The document with a key more, a key less, or a value of a senseless kind, at every place."""
    def places(value: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
        yield path
        for key, member in value.items() if isinstance(value, dict) else enumerate(
                value) if isinstance(value, list) else ():
            yield from places(member, (*path, key))

    for path in places(document, ()):
        changed = copy.deepcopy(document)
        at = changed
        for key in path[:-1]:
            at = at[key]
        if path:
            at[path[-1]] = {"no": "such"}
            yield f"kind of {path}", changed
        changed = copy.deepcopy(document)
        at = changed
        for key in path:
            at = at[key]
        if isinstance(at, dict):
            at["unheard of"] = 1
            yield f"one more in {path}", changed
            for key in [key for key in at if key != "unheard of"]:
                less = copy.deepcopy(document)
                inner = less
                for step in path:
                    inner = inner[step]
                del inner[key]
                yield f"{key} missing in {path}", less


@ALL
def test_a_schema_refuses_what_its_parser_refuses_for_keys_and_kinds(name: str) -> None:
    """All but what depends on other values: an optional key that some kinds of an object must have or must not, and
    names that stand for something elsewhere."""
    form, validator, refused, leaks = FORMATS[name], jsonschema.Draft202012Validator(formats.schema(name)), 0, []
    for document in form.examples()[:2]:
        for what, changed in broken(document):
            valid = validator.is_valid(changed)
            try:
                form.parse(changed)
            except (BadInput, TypeError, AttributeError, IndexError, ValueError):     # the last of writers of TOML
                refused += 1
                if valid:
                    leaks.append(what)
                continue
            assert valid, f"the parser takes what the schema refuses: {what}"
    assert refused > 5
    made_up = [f"kind of {tuple(path.split('.'))}" for path in form.names]
    assert not [what for what in leaks if ("kind of" in what or "one more" in what) and what not in made_up], leaks
    assert len(leaks) <= refused // 4, leaks


@pytest.mark.parametrize(("path", "name"), [
    ("btc_eth/book.json", "book"), ("us_markets/book.json", "book"), ("btc_eth/collateral.json", "collateral"),
    ("btc_eth/model.toml", "model"),
    ("levels/book.json", "book"), ("levels/model.toml", "model"), ("us_markets/model.toml", "model")])
def test_fixtures_follow_the_schemas(path: str, name: str) -> None:
    data = (FIXTURES / path).read_bytes()
    document = parse_toml(data) if path.endswith(".toml") else jsonio.loads(data)
    jsonschema.Draft202012Validator(formats.schema(name)).validate(document)


def test_published_epochs_follow_the_schemas(epoch_directory: Path) -> None:
    jsonschema.Draft202012Validator(formats.schema("epoch")).validate(jsonio.read(epoch_directory / "manifest.json"))


def test_the_page_is_what_the_parsers_ask() -> None:
    assert (ROOT / "docs" / "formats.md").read_text() == formats.document(), "run python -m tailproof.formats"


def test_bounds_are_the_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bound that moves in a parser moves in schema and page, with nobody's help."""
    from risk.market import book
    assert "1 to 64" in next(line for line in tables(FORMATS["book"]) if line.startswith("| `underlyings` "))
    monkeypatch.setattr(book, "MOST_ASSETS", 7)
    assert "1 to 7" in next(line for line in tables(FORMATS["book"]) if line.startswith("| `underlyings` "))
    assert schema(FORMATS["book"])["properties"]["underlyings"]["maxItems"] == 7


# -- a parser of our own, to see that gaps are seen ------------------------------------------------------------------
def _toy(parse: Callable[[Any], object], examples: list[Any], keys: dict[str, str]) -> Format:
    return Format("toy", "A toy", "toy.json", lambda: examples, parse, keys)


def test_a_new_key_is_missed_until_an_example_has_it_and_somebody_explains_it() -> None:
    def parse(document: Any) -> object:
        parts = Node(document).object({"a"}, {"b"})
        return [parts[name].integer(0, 9) for name in parts]

    assert gaps(_toy(parse, [{"a": 1}], {"a": "first"})) == ["b: no example has it"]
    assert gaps(_toy(parse, [{"a": 1, "b": 2}], {"a": "first"})) == ["b: not explained"]
    assert gaps(_toy(parse, [{"a": 1, "b": 2}], {"a": "first", "b": "second", "c": "third"})) == [
        "c: explained, and not there"]
    assert gaps(_toy(parse, [{"a": 1, "b": 2}], {"a": "first", "b": "second"})) == []


def test_kinds_are_told_apart_by_the_choice_that_tells_them() -> None:
    def parse(document: Any) -> object:
        kind = Node(document.get("kind"), field="kind").choice({"x", "y"})
        return Node(document).object({"kind", kind})[kind].boolean()

    form = _toy(parse, [{"kind": "x", "x": True}, {"kind": "y", "y": False}], {})
    validator = jsonschema.Draft202012Validator(schema(form))
    assert validator.is_valid({"kind": "x", "x": False})
    for document in ({"kind": "x", "y": False}, {"kind": "z", "x": False}, {"kind": "y", "y": 1}, {"kind": "y"}):
        assert not validator.is_valid(document)


def test_nothing_is_observed_outside_of_the_block() -> None:
    seen: list[str] = []
    with jsonio.observing(lambda place, kind, bounds: seen.append(kind)):
        Node(3).integer(0, 9)
    Node(True).boolean()
    assert seen == ["integer"]


def test_null_is_told_where_it_was_taken() -> None:
    assert observe(FORMATS["epoch"])["calibration"].nullable
    assert not observe(FORMATS["epoch"])["leaves"].nullable


def test_the_command_prints_and_lists(run: Callable[..., Any]) -> None:
    answer = run("schema", "portfolio")
    assert answer.code == 0
    assert answer.data["schema"] == formats.schema("portfolio")
    assert [form["name"] for form in run("schema").data["formats"]] == list(FORMATS)
    wrong = run("schema", "protfolio")
    assert wrong.code == 2
    assert "did you mean portfolio?" in wrong.data["bound"]


def test_explanations_stand_in_the_schema() -> None:
    text = jsonio.dumps(formats.schema("book"))
    assert re.search(r'"description": "forward price of one unit, in the quote currency"', text)
