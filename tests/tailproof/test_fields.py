"""`--field`: one member of an answer, as the next command takes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from primitives.errors import BadInput
from tailproof.cli import main
from tailproof.cli.fields import picked

Run = Callable[..., Any]
ANSWER = {"text": "a b", "count": 7, "yes": True, "inside": {"deep": ["x", 2]}, "rows": [{"a": 1}], "none": None,
          "empty": []}


@pytest.mark.parametrize(("name", "lines"), [
    ("text", ["a b"]), ("count", ["7"]), ("yes", ["true"]), ("inside.deep", ["x", "2"]), ("inside.deep.1", ["2"]),
    ("inside", ['{"deep": ["x", 2]}']), ("rows", ['{"a": 1}']), ("rows.0.a", ["1"]), ("empty", [])])
def test_a_member_is_said_as_a_shell_takes_it(name: str, lines: list[str]) -> None:
    assert picked(ANSWER, name) == lines


@pytest.mark.parametrize(("name", "said"), [
    ("txt", "did you mean text"), ("inside.depe", "a member of inside: deep"), ("text.a", "it has no members"),
    ("rows.1", "a member of rows: 0"), ("none", "null"), ("", "a member of the answer"), ("rows.-1", "rows: 0")])
def test_what_is_not_there_is_refused_with_what_is(name: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        picked(ANSWER, name)


def test_it_is_the_member_of_the_json_answer_and_nothing_else(run: Run, epoch_directory: Path) -> None:
    def shown(*options: str) -> Any:
        return CliRunner().invoke(main, ["epoch", "show", str(epoch_directory), *options])
    answer = run("epoch", "show", epoch_directory).data
    assert shown("--field", "root").stdout == answer["root"] + "\n"
    assert shown("--field", "shape.depth").stdout == f"{answer['shape']['depth']}\n"
    assert shown("--field", "underlyings").stdout.split() == answer["underlyings"]
    wrong = shown("--field", "rot")
    assert (wrong.exit_code, wrong.stdout) == (2, "")
    assert "did you mean root" in wrong.stderr
    both = shown("--field", "root", "--json")
    assert (both.exit_code, json.loads(both.stdout)["field"]) == (2, "--field")
    assert shown().stdout.startswith("root "), "one run's choice is forgotten by the next"
