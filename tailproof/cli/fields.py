"""`--field NAME`: one member of an answer alone, as the next command takes it, for a shell: X=$(tailproof … --field x).

Only commands that look have it. One that sends or writes could not take back what it did because of a name.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import click

from primitives.errors import BadInput, Said, suggestion

_WANTED = "tailproof.field"


def _keep(ctx: click.Context, _param: click.Parameter, value: str | None) -> None:
    ctx.meta[_WANTED] = value


FIELD = click.option("--field", metavar="NAME", expose_value=False, callback=_keep,
                     help="Print this member of the --json answer alone; a.b is b inside of a.")


def wanted(ctx: click.Context) -> str | None:
    """The member that is asked for, of a command that has the option."""
    name = ctx.meta.get(_WANTED)
    return None if name is None else str(name)


def picked(data: Mapping[str, Any], name: str) -> list[str]:
    """A member of an answer as lines: text and numbers as they are in JSON, without quotes; entries of a list of such
    one a line; else JSON.

    Raises
    ------
    BadInput : there is no such member, or nothing in it.
    """
    value: Any = data
    for place, part in enumerate(path := name.split(".")):
        known = value if isinstance(value, Mapping) else {str(k): v for k, v in enumerate(value)} if isinstance(
            value, list | tuple) else {}
        if part not in known:
            inside = ".".join(path[:place])
            names = ", ".join(sorted(map(str, known))) if known else "it has no members"
            raise BadInput("--field", name, f"a member of {inside or 'the answer'}: {names}"
                           f"{suggestion(part, map(str, known))}")
        value = known[part]
    if value is None:
        raise BadInput(f"--field {name}", Said("null"), "of something that is there")
    return [_plain(one) for one in value] if isinstance(value, list | tuple) else [_plain(value)]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
