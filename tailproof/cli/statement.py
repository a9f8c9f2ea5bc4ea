"""`tailproof statement`: what can be proven."""

from __future__ import annotations

import click

from circuits import statements

from ..statements import r1cs_digest
from .console import Outcome, reporting, table


@click.group()
def statement() -> None:
    """List and show what can be proven."""


@statement.command("list")
@reporting
def list_statements() -> Outcome:
    """All statements with their sizes."""
    found = [{"name": item.name, "rows": item.rows, "wires": item.wires,
              "public_inputs": list(item.public_inputs), "domain": item.domain}
             for item in map(statements.get, statements.names())]
    rows = [(item["name"], item["rows"], item["wires"], f"2^{item['domain']}") for item in found]
    return Outcome({}, table(rows, ["statement", "rows", "wires", "domain"]), bare=found)


@statement.command("show")
@click.argument("name")
@reporting
def show_statement(name: str) -> Outcome:
    """Sizes, public inputs with their meaning, and the rows of each part of statement NAME."""
    found = statements.get(name)
    system = found.build()
    profile = {part: share for part, share in system.profile(1).items() if share.rows}
    matrices = system.r1cs()
    non_zeros = [matrix.entries for matrix in (matrices.a, matrices.b, matrices.c)]
    data = {"name": found.name, "title": found.title, "rows": found.rows, "wires": found.wires,
            "domain": found.domain, "public_inputs": dict(found.meanings),
            "non_zeros": non_zeros, "r1cs_digest": r1cs_digest(name), "shape": found.shape.to_json(),
            "slots": found.slots, "parts": {part: share._asdict() for part, share in profile.items()}}
    lines = [f"{found.name}: {found.title}", "",
             *table([("rows", found.rows), ("wires", found.wires), ("domain", f"2^{found.domain}"),
                     ("non-zeros", sum(non_zeros)), ("slots", found.slots)]),
             f"digest  {r1cs_digest(name)}", "", "public inputs",
             *(f"  {key}: {meaning}" for key, meaning in found.meanings.items()), "",
             *table([(part, *share) for part, share in profile.items()],
                    ["part", "rows", "wires", "non-zeros"])]
    return Outcome(data, lines)
