"""`tailproof statement`: what can be proven."""

from __future__ import annotations

from pathlib import Path

import click

from circuits import statements
from circuits.statements.pin import pinned

from ..statement_table import TABLE, kind_of
from ..statements import r1cs_digest
from .console import OUTPUT, PICTURE, Outcome, progress, reporting, table


@click.group()
def statement() -> None:
    """List and show what can be proven."""


@statement.command("list")
@reporting
def list_statements() -> Outcome:
    """All statements with their sizes."""
    sizes = pinned()
    found = [{"name": name, **{part: sizes[name][part] for part in ("rows", "wires", "public_inputs", "domain")}}
             for name in statements.names()]
    rows = [(item["name"], item["rows"], item["wires"], f"2^{item['domain']}") for item in found]
    return Outcome({"statements": found}, table(rows, ["statement", "rows", "wires", "domain"]))


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
    commands = TABLE[kind_of(found)].to_json()
    data = {"name": found.name, "title": found.title, "rows": found.rows, "wires": found.wires,
            "domain": found.domain, "public_inputs": dict(found.meanings),
            "non_zeros": non_zeros, "r1cs_digest": r1cs_digest(name),
            "shape": found.shape.to_json() if found.reads_epoch else None,
            "commands": commands, "parts": {part: share._asdict() for part, share in profile.items()}}
    lines = [f"{found.name}: {found.title}", "",
             *table([("rows", found.rows), ("wires", found.wires), ("domain", f"2^{found.domain}"),
                     ("non-zeros", sum(non_zeros)), *shape_told(found)]),
             f"digest  {r1cs_digest(name)}", "", "public inputs",
             *(f"  {key}: {meaning}" for key, meaning in found.meanings.items()), "",
             *table([(step, command) for step, command in commands.items()]), "",
             *table([(part, *share) for part, share in profile.items()],
                    ["part", "rows", "wires", "non-zeros"])]
    return Outcome(data, lines)


def shape_told(found: statements.Statement) -> list[tuple[str, object]]:
    """The shape of its epochs, as a model file has to state it; nothing where it reads none."""
    if not found.reads_epoch:
        return []
    shape = found.shape.to_json()
    return [(f"shape: {name}", value) for name, value in shape.items() if isinstance(value, int | str)]


@statement.command("profile")
@click.argument("name")
@click.option("--picture", type=PICTURE, help="Draw it into this .png or .svg, widths being rows.")
@reporting
def profile_statement(name: str, picture: Path | None) -> Outcome:
    """Where the constraints of statement NAME are spent, label by label."""
    from circuits import profile
    found = profile.profile(statements.get(name).build(), name)
    if picture is not None:
        profile.draw(found, picture, title=name)
    rows = profile.table(found)
    columns = ("label", "rows", "percent", "wires", "non_zeros")
    return Outcome({"name": name, "parts": [dict(zip(columns, row, strict=True)) for row in rows],
                    "picture": None if picture is None else str(picture)},
                   table(rows, ["label", "rows", "%", "wires", "non-zeros"]))


@statement.command("export")
@click.argument("name")
@click.option("--r1cs", type=OUTPUT, required=True, help="File to write, iden3 format.")
@click.option("--sym", type=OUTPUT, help="Names of the wires, as circom writes them.")
@reporting
def export_statement(name: str, r1cs: Path, sym: Path | None) -> Outcome:
    """Write the constraint system of statement NAME for other tools."""
    from circuits.symbols import write_symbols
    from prover.files.r1cs import write_r1cs
    system = statements.get(name).build()
    write_r1cs(r1cs, system.r1cs())
    if sym is not None:
        write_symbols(system, sym)
    return Outcome({"name": name, "r1cs": str(r1cs), "sym": None if sym is None else str(sym),
                    "r1cs_digest": r1cs_digest(name)}, [f"{r1cs}: {name}, digest {r1cs_digest(name)}"])


@statement.command("audit")
@click.argument("name")
@click.option("--full", is_flag=True, help="Uniqueness and mutation at the statement's own size too.")
@reporting
def audit_one(name: str, full: bool) -> Outcome:
    """Look for reasons to disbelieve statement NAME: wires that nothing pins, attacks that pass (docs/soundness.md)."""
    from circuits.soundness.registry import audit_statement
    found = audit_statement(name, full=full, progress=progress)
    lines = [str(finding) for finding in found.findings] or [f"{name}: nothing found in {len(found.examinations)} "
                                                             f"examination{'s' * (len(found.examinations) != 1)}"]
    return Outcome(found.to_json(), lines, not found.findings)
