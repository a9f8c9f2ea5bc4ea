"""`tailproof schema`: the JSON Schema of a file format, as its parser reads it."""

from __future__ import annotations

import click

from primitives import jsonio

from .console import Outcome, reporting, table


@click.command()
@click.argument("name", required=False)
@reporting
def schema(name: str | None) -> Outcome:
    """Print the JSON Schema of the format NAME, made from its parser; without NAME, list the formats."""
    from .. import formats
    if name is None:
        known = [(form.name, form.file, form.title) for form in formats.FORMATS.values()]
        return Outcome({"formats": [{"name": one, "file": file, "title": title} for one, file, title in known]},
                       table(known, ("name", "file", "what it is")))
    found = formats.schema(name)
    return Outcome({"name": name, "schema": found}, jsonio.dumps(found).splitlines())
