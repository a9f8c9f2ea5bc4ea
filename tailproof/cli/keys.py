"""`tailproof keys`: proving and verification keys."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

import click

from circuits import statements

from ..ceremony import PHASE_1, believed, told
from ..keys import INSECURE, KeyDirectory, import_keys, make_keys
from .console import FILE, Outcome, progress, reporting, table
from .fields import FIELD

if TYPE_CHECKING:
    from prover.files.ptau import PowersOfTau


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
    from prover.files.ptau import read_ptau
    try:
        found = import_keys(statements.get(statement), zkey, ptau, out, progress=progress)
    except BrokenCeremony as error:
        return Outcome({"failed": str(error)}, [f"BROKEN: {error}"], holds=False)
    return _described(found, read_ptau(ptau))


@keys.command("info")
@click.argument("directory", type=FILE)
@FIELD
@reporting
def info(directory: Path) -> Outcome:
    """What the key in DIRECTORY proves, its digest, who made it, and what must be believed; reads and checks both keys.
    """
    found = KeyDirectory.load(directory)
    found.verification_key()
    return _described(found)


_shown = copy(info)                                # as the other groups call it
_shown.name, _shown.hidden = "show", True
keys.add_command(_shown)


def _described(found: KeyDirectory, powers: PowersOfTau | None = None) -> Outcome:
    """What a key directory holds and how its key was made; of phase 1 only where the powers are at hand."""
    from prover.ceremony.transcript import INSECURE_MARK
    transcript = found.proving_key().transcript
    story, alone = transcript.to_json(), transcript.circuit_hash.startswith(INSECURE_MARK)
    steps = story["contributions"]
    made = "by a single party, on one machine" if alone else f"by a ceremony, {len(steps)} contributions to the key"
    data = {"path": str(found.path), "statement": found.statement, "r1cs_digest": found.r1cs_digest,
            "key_digest": found.key_digest, "insecure_setup": found.insecure_setup,
            "warning": INSECURE if found.insecure_setup else None, "made": "alone" if alone else "ceremony",
            "circuit_hash": story["circuit_hash"], "contributions": steps, "after_beacon": story["after_beacon"],
            "powers": powers and powers.to_json()}
    lines = table([("statement", found.statement), ("constraints", found.r1cs_digest), ("key", found.key_digest),
                   ("directory", found.path), ("made", made)])
    lines += [*told(story), *([INSECURE] if found.insecure_setup else believed(story, "the key"))]
    if powers is not None:
        facts = powers.to_json()
        lines += [f"powers of tau: {len(facts['contributions'])} contributions", *told(facts),
                  *believed(facts, "the powers of tau")]
    elif not alone:
        lines.append(PHASE_1 + "`keys import` has checked that they were two or more.")
    return Outcome(data, lines)
