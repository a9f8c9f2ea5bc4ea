"""What a command says of itself: -h, names near to a misspelt one, sentences that are not cut."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import click
import pytest
from click.testing import CliRunner

from tailproof.cli import main

Run = Callable[..., Any]


def groups_and_commands(command: click.Command, path: tuple[str, ...] = ()
                        ) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from groups_and_commands(found, (*path, name))


EVERY = dict(groups_and_commands(main))


def shown(*words: str) -> str:
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("path", EVERY, ids=lambda path: " ".join(path) or "tailproof")
def test_help_is_short_to_type_whole_and_narrow(path: tuple[str, ...]) -> None:
    """As `--help`; within 80 columns; and no sentence ends in dots that click put there."""
    text = shown(*path, "-h")
    assert text == shown(*path, "--help")
    assert "Usage: " in text
    assert not [line for line in text.splitlines() if len(line) > 80]
    assert not re.search(r"(?<![A-Z\],])\.\.\.", text)              # after a name it says: several


@pytest.mark.parametrize(("words", "near"), [
    (("contrakt",), "contract"), (("contract", "tabel"), "table"), (("contract", "rotat"), "rotate"),
    (("statement", "lst"), "list"), (("statement", "list", "--jsno"), "--json"),
    (("contract", "table", "--deploymnt", "x"), "--deployment")])
def test_a_misspelt_name_is_told_what_is_near(run: Run, words: tuple[str, ...], near: str) -> None:
    answer = run(*words)
    assert answer.code == 2
    assert re.search(rf"Did you mean .*'{near}'", answer.data["message"])


@pytest.mark.parametrize("words", [("xyzzy",), ("contract", "xyzzy"), ("statement", "list", "--xyzzy")])
def test_nothing_is_near_to_nonsense(run: Run, words: tuple[str, ...]) -> None:
    answer = run(*words)
    assert answer.code == 2
    assert "mean" not in answer.data["message"]


def test_the_manual_has_every_command_and_option_and_nothing_that_groff_would_obey(run: Run) -> None:
    page = run("manual").data["page"]
    plain = page.replace("\\-", "-").replace("\\&", "")
    for path, command in EVERY.items():
        if command.hidden or any(EVERY[path[:n]].hidden for n in range(len(path))):
            continue
        assert not path or f"\n.SS tailproof {' '.join(path)} " in plain, path
        for param in command.params:
            assert not isinstance(param, click.Option) or param.hidden or param.opts[0] in plain, (path, param.opts)
    requests = {line.split()[0] for line in page.splitlines() if line.startswith((".", "'"))}
    assert requests == {".TH", ".ad", ".SH", ".SS", ".PP", ".TP", ".nf", ".fi"}
    assert not re.search(r"\\(?!-|e|\(ga|\(aq|\(ti|\(ha|fB|fR|&)", page), "an escape that nobody meant"


def test_help_and_version_are_words_too() -> None:
    assert shown("help") == shown("--help")
    assert shown("help", "contract", "show") == shown("contract", "show", "--help")
    assert shown("version") == shown("--version")
    assert CliRunner().invoke(main, ["help", "contrakt"]).exit_code == 2
