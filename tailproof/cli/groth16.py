"""`tailproof groth16`: our prover for any circom user, in the argument order of snarkjs and rapidsnark."""

from __future__ import annotations

from pathlib import Path

import click

from .console import Outcome, progress, reporting, table

FILE = click.Path(path_type=Path)


@click.group()
def groth16() -> None:
    """Set up, prove and verify any circuit, in the files of circom and snarkjs."""


@groth16.command("prove")
@click.argument("zkey", type=FILE)
@click.argument("wtns", type=FILE)
@click.argument("proof", type=FILE)
@click.argument("public", type=FILE)
@reporting
def prove_circuit(zkey: Path, wtns: Path, proof: Path, public: Path) -> Outcome:
    """Prove WTNS with the proving key ZKEY; writes PROOF and PUBLIC (JSON)."""
    from primitives import field
    from prover import prove
    from prover.files import snarkjs
    from prover.files.wtns import read_wtns
    from prover.files.zkey import read_zkey
    key, witness = read_zkey(zkey), read_wtns(wtns)
    made = prove(key, witness, progress=progress)
    snarkjs.write_proof(proof, made)
    snarkjs.write_public(public, field.decode(witness[1:key.public + 1]))
    return Outcome({"proof": str(proof), "public": str(public)}, [f"{proof} and {public} written"])


@groth16.command("verify")
@click.argument("verification_key", type=FILE)
@click.argument("public", type=FILE)
@click.argument("proof", type=FILE)
@click.option("--backend", type=click.Choice(["kernels", "reference"]), default="kernels", show_default=True)
@reporting
def verify_proof(verification_key: Path, public: Path, proof: Path, backend: str) -> Outcome:
    """Verify PROOF of the statement PUBLIC; exit code 1 if it does not hold."""
    from prover import verify
    from prover.files import snarkjs
    key = snarkjs.read_verification_key(verification_key)
    holds = verify(key, snarkjs.read_public(public), snarkjs.read_proof(proof), backend=backend)
    return Outcome({}, ["OK" if holds else "INVALID: the proof does not show this statement"], holds)


@click.command()
@reporting
def warm() -> Outcome:
    """Compile every kernel of prover and verifier, so that the first proof does not wait for it."""
    from prover.kernels import warm as compile_all
    seconds = compile_all(progress)
    return Outcome({"seconds": seconds}, table([(name, f"{spent:.1f} s") for name, spent in seconds.items()]))
