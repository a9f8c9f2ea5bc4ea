"""`tailproof groth16 unbundle`: a bundle's proof and public inputs as snarkjs has them."""

from __future__ import annotations

from pathlib import Path

import click

from primitives.errors import BadInput

from ..keys import INSECURE
from .console import FILE, OUTPUT, Outcome, reporting


@click.command("unbundle")
@click.argument("bundle", type=FILE)
@click.argument("proof", type=OUTPUT)
@click.argument("public", type=OUTPUT)
@reporting
def unbundle(bundle: Path, proof: Path, public: Path) -> Outcome:
    """Take the proof and the public inputs out of BUNDLE, as PROOF and PUBLIC of snarkjs (JSON). Nothing is verified:
    `tailproof verify` also says what the inputs stand for."""
    from circuits import statements
    from prover.files import snarkjs

    from ..bundle import Bundle
    given = Bundle.load(bundle)
    names = statements.get(given.statement).public_inputs
    if set(given.public_inputs) != set(names):
        raise BadInput("public_inputs", sorted(given.public_inputs), f"those of {given.statement}: {', '.join(names)}",
                       source=bundle)
    snarkjs.write_proof(proof, given.proof)
    snarkjs.write_public(public, [given.public_inputs[name] for name in names])
    return Outcome({"proof": str(proof), "public": str(public), "statement": given.statement,
                    "public_inputs": list(names), "key_digest": given.key_digest,
                    "insecure_setup": given.insecure_setup},
                   [f"{proof} and {public} written: {', '.join(names)} of {given.statement}, for key "
                    f"{given.key_digest}", *([INSECURE] if given.insecure_setup else [])])
