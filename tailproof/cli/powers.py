"""`tailproof groth16 powers`: powers of tau for circuits of one's own, or a part in somebody else's ceremony."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..ceremony import INSECURE_POWERS, UNFINISHED_POWERS, believed, told
from .console import FILE, OUTPUT, Outcome, progress, reporting

if TYPE_CHECKING:
    from prover.ceremony.transcript import Beacon
    from prover.files.ptau import PowersOfTau


@click.group()
def powers() -> None:
    """Make, contribute to, prepare and check powers of tau (phase 1), in the files of snarkjs's powersoftau.

    For a trial: new, contribute, prepare, then `groth16 setup`. Until two parties have contributed, such powers are
    INSECURE.
    """


@powers.command("new")
@click.argument("power", type=int)
@click.argument("ptau", type=OUTPUT)
@reporting
def new(power: int, ptau: Path) -> Outcome:
    """Begin powers of tau for circuits of up to 2^POWER rows; they are worthless until somebody contributes."""
    from prover.ceremony.phase1 import new_powers
    from prover.files.ptau import write_ptau
    made = new_powers(power)
    write_ptau(ptau, made)
    return _described(ptau, made, [])


@powers.command("contribute")
@click.argument("before", type=FILE)
@click.argument("after", type=OUTPUT)
@click.option("--name", help="What to call you in the transcript.")
@reporting
def contribute(before: Path, after: Path, name: str | None) -> Outcome:
    """Add your secrets to the powers BEFORE, and write AFTER.  Publish the digest that is shown."""
    from prover.ceremony.phase1 import contribute_to_powers
    from prover.files.ptau import read_ptau, write_ptau
    made = contribute_to_powers(read_ptau(before), name, progress=progress)
    write_ptau(after, made)
    return _described(after, made, ["Publish your digest, the last one above; your secrets are gone."])


@powers.command("beacon")
@click.argument("before", type=FILE)
@click.argument("after", type=OUTPUT)
@click.argument("value", metavar="HEX")
@click.argument("iterations", type=int)
@click.option("--name", help="What to call the beacon in the transcript.")
@reporting
def apply_beacon(before: Path, after: Path, value: str, iterations: int, name: str | None) -> Outcome:
    """Add a public random beacon as the last contribution; 2^ITERATIONS hashes of HEX."""
    from prover.ceremony.phase1 import apply_beacon_to_powers
    from prover.files.ptau import read_ptau, write_ptau
    made = apply_beacon_to_powers(read_ptau(before), beacon_of(value, iterations), name, progress=progress)
    write_ptau(after, made)
    return _described(after, made, [])


@powers.command("prepare")
@click.argument("before", type=FILE)
@click.argument("after", type=OUTPUT)
@reporting
def prepare(before: Path, after: Path) -> Outcome:
    """Work out the Lagrange forms of the powers BEFORE, which `setup` needs, and write AFTER.  Checks nothing."""
    from prover.ceremony.phase1 import prepare_powers
    from prover.files.ptau import read_ptau, write_ptau
    made = prepare_powers(read_ptau(before), progress=progress)
    write_ptau(after, made)
    return _described(after, made, [])


@powers.command("verify")
@click.argument("ptau", type=FILE)
@reporting
def verify(ptau: Path) -> Outcome:
    """Check every contribution to PTAU, every point, and its Lagrange forms if it has them."""
    from prover.ceremony.checks import BrokenCeremony
    from prover.ceremony.powers import verify_powers
    from prover.files.ptau import read_ptau
    found = read_ptau(ptau)
    try:
        verify_powers(found, progress=progress)
    except BrokenCeremony as error:
        return Outcome({"failed": str(error)}, [f"BROKEN: {error}"], holds=False)
    return _described(ptau, found, ["The powers hold: with one honest contributor, nobody knows their secrets."])


def beacon_of(value: str, iterations: int) -> Beacon:
    """The beacon that a command line names."""
    from primitives.errors import BadInput
    from prover.ceremony.transcript import Beacon
    try:
        return Beacon(bytes.fromhex(value), iterations)
    except ValueError:
        raise BadInput("HEX", value, "an even number of hex digits") from None


def _described(path: Path, made: PowersOfTau, remarks: list[str]) -> Outcome:
    from prover.ceremony.transcript import secret_contributions
    facts = made.to_json()
    lines = [f"{path}: powers of tau for 2^{made.power} rows, {len(made.contributions)} contributions",
             *told(facts), *remarks]
    if not made.prepared and made.contributions:
        lines.append("Without Lagrange forms: `groth16 powers prepare` makes them, once all have contributed.")
    if not secret_contributions(made.contributions):
        lines.append(UNFINISHED_POWERS)
    elif made.insecure:
        lines.append(INSECURE_POWERS)
    return Outcome({"path": str(path), **facts}, [*lines, *believed(facts, "the powers of tau")])
