"""`tailproof doctor`: whether everything is there that commands need."""

from __future__ import annotations

import click

from primitives.errors import TailproofError

from ..settings import Settings
from .console import Outcome, reporting, table
from .setting import settings_of


@click.command()
@reporting
def doctor() -> Outcome:
    """See whether this machine has what commands need: versions, kernels, folders, extras, settings, the node.

    Exit code 1 if anything is wrong. A note is no fault. Nothing is changed, and only the node that is configured is
    asked anything.
    """
    from ..doctor import examine
    found: Settings | TailproofError
    try:
        found = settings_of(click.get_current_context())
    except TailproofError as error:
        found = error
    findings = list(examine(found))
    wrong = sum(one.verdict == "wrong" for one in findings)
    rows = [(one.name, one.verdict if one.verdict != "wrong" else "WRONG", one.found) for one in findings]
    advice = [f"{one.name}: {one.advice}" for one in findings if one.advice]
    return Outcome({"findings": [one.to_json() for one in findings], "wrong": wrong},
                   [*table(rows, ["what", "verdict", "found"]), "", *advice,
                    f"{wrong} wrong" if wrong else "nothing wrong"], not wrong)
