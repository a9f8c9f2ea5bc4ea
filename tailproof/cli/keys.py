"""`tailproof keys`: proving and verification keys."""

from __future__ import annotations

from pathlib import Path

import click

from circuits import statements

from ..keys import INSECURE, KeyDirectory, import_keys, make_keys
from .console import FILE, Outcome, progress, reporting, table


@click.group()
def keys() -> None:
    """Make and show keys."""


@keys.command("setup")
@click.argument("statement")
@click.option("--out", type=FILE, required=True, help="Directory to make.")
@reporting
def setup_keys(statement: str, out: Path) -> Outcome:
    """Make a key for STATEMENT alone, on this machine.  INSECURE: for trials only."""
    return _described(make_keys(statements.get(statement), out, progress=progress))


@keys.command("import")
@click.argument("statement")
@click.argument("zkey", type=FILE)
@click.argument("ptau", type=FILE)
@click.option("--out", type=FILE, required=True, help="Directory to make.")
@reporting
def import_ceremony(statement: str, zkey: Path, ptau: Path, out: Path) -> Outcome:
    """Take ZKEY, which a ceremony on the powers of tau in PTAU ended with, as a key for STATEMENT.

    The whole ceremony is checked first, against the circuit as it is built here.
    """
    from prover.ceremony.checks import BrokenCeremony
    try:
        found = import_keys(statements.get(statement), zkey, ptau, out, progress=progress)
    except BrokenCeremony as error:
        return Outcome({"failed": str(error)}, [f"BROKEN: {error}"], holds=False)
    return _described(found)


@keys.command("info")
@click.argument("directory", type=FILE)
@reporting
def info(directory: Path) -> Outcome:
    """What the key in DIRECTORY proves, its digest, and how it was made; reads and checks both keys."""
    found = KeyDirectory.load(directory)
    found.verification_key()
    found.proving_key()
    return _described(found)


def _described(found: KeyDirectory) -> Outcome:
    data = {"path": str(found.path), "statement": found.statement, "r1cs_digest": found.r1cs_digest,
            "key_digest": found.key_digest, "insecure_setup": found.insecure_setup,
            "warning": INSECURE if found.insecure_setup else None}
    lines = table([("statement", found.statement), ("constraints", found.r1cs_digest), ("key", found.key_digest),
                   ("directory", found.path)])
    return Outcome(data, [*lines, *([INSECURE] if found.insecure_setup else [])])
