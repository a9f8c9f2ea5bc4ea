"""How every command speaks: one result on stdout (text or `--json`), progress on stderr, exit code 0, 1 or 2.

0: done.  1: checked and false (a proof that does not verify, an epoch that does not rebuild, a contract that refused).
2: bad input, nothing was done.
"""

from __future__ import annotations

import functools
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec

import click

from primitives import cache
from primitives.errors import BadInput, TailproofError

DONE, FALSE, BAD_INPUT = 0, 1, 2
P = ParamSpec("P")


@dataclass(frozen=True)
class Outcome:
    """What a command found: `data` for machines, `lines` for people, and whether what was checked holds."""

    data: Mapping[str, Any]
    lines: Sequence[str]
    holds: bool = True
    bare: Sequence[Any] | None = None
    """What `--json` prints instead of an object, for commands that list."""


def reporting(function: Callable[P, Outcome]) -> Callable[..., None]:
    """Give a command `--json`, typed errors and the exit codes above; `function` returns its `Outcome`."""

    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
    @functools.wraps(function)
    def run(as_json: bool, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            outcome = function(*args, **kwargs)
        except TailproofError as error:
            facts = error.as_dict() if isinstance(error, BadInput) else {
                "error": type(error).__name__, "message": str(error)}
            _end_progress_line()
            _print(facts, [f"error: {error}"], as_json, to_stderr=True)
            # A refusal by the chain is an answer, not a mistake in the question.
            sys.exit(FALSE if getattr(error, "checked_and_false", False) else BAD_INPUT)
        _end_progress_line()
        shown = {**outcome.data, "holds": outcome.holds} if outcome.bare is None else outcome.bare
        _print(shown, outcome.lines, as_json)
        sys.exit(DONE if outcome.holds else FALSE)

    return run


def _print(data: Mapping[str, Any] | Sequence[Any], lines: Sequence[str], as_json: bool,
           to_stderr: bool = False) -> None:
    if as_json:
        click.echo(json.dumps(data, indent=2, default=str))
    else:
        for line in lines:
            click.echo(line, err=to_stderr)


# -- progress ----------------------------------------------------------------------------------------------------
_state: dict[str, Any] = {"stage": "", "shown": 0.0, "open": False}


def progress(stage: str, done: int, total: int) -> None:
    """Show how far a long stage is: a line that redraws itself on a terminal, one line a stage elsewhere."""
    if not sys.stderr.isatty():
        if stage != _state["stage"]:
            _state["stage"] = stage
            click.echo(f"{stage} …", err=True)
        return
    now = time.monotonic()
    if stage == _state["stage"] and done < total and now - _state["shown"] < 0.1:
        return
    if stage != _state["stage"]:
        _end_progress_line()
    _state.update(stage=stage, shown=now, open=True)
    width = min(28, max(8, os.get_terminal_size(sys.stderr.fileno()).columns - len(stage) - 12))
    filled = width * done // max(1, total)
    click.echo(f"\r{stage} [{'#' * filled}{'·' * (width - filled)}] {100 * done // max(1, total):3d} %",
               err=True, nl=False)


cache.watchers.append(lambda name: progress("compiling kernels, once for all", 0, 1))


def _end_progress_line() -> None:
    if _state["open"]:
        click.echo("", err=True)
    _state.update(open=False, stage="")


def table(rows: Sequence[Sequence[object]], header: Sequence[str] | None = None) -> list[str]:
    """Rows as aligned text, under a header if there is one; columns of numbers are set flush right."""
    body = [[str(cell) for cell in row] for row in rows]
    every = ([list(header)] if header else []) + body
    if not every:
        return []
    widths = [max(len(row[column]) for row in every) for column in range(len(every[0]))]
    right = [len(body) > 1 and all(row[column][:1].isdigit() or row[column][:1] == "-" for row in body)
             for column in range(len(widths))]
    lines = ["  ".join(cell.rjust(width) if numeric else cell.ljust(width)
                       for cell, width, numeric in zip(row, widths, right, strict=True)).rstrip() for row in every]
    if header:
        lines.insert(1, "  ".join("-" * width for width in widths))
    return lines
