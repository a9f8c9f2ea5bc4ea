"""`tailproof groth16`: our prover for any circom user, in the argument order of snarkjs and rapidsnark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..ceremony import INSECURE_POWERS, UNFINISHED, believed, told
from ..keys import INSECURE
from .circuit_files import SYM, first_broken, r1cs_files, solidity_calldata, solidity_verifier, wtns_files, zkey_files
from .console import FILE, OUTPUT, Outcome, progress, reporting, table
from .memory import peak_memory
from .powers import beacon_of, powers
from .unbundle import unbundle

if TYPE_CHECKING:
    from prover import ProvingKey
    from prover.files.ptau import PowersOfTau


@click.group()
def groth16() -> None:
    """Set up, prove and verify any circuit, in the files of circom and snarkjs."""


for command in (powers, r1cs_files, wtns_files, zkey_files, solidity_calldata, solidity_verifier, unbundle):
    groth16.add_command(command)


@groth16.command("prove")
@click.argument("zkey", type=FILE)
@click.argument("wtns", type=FILE)
@click.argument("proof", type=OUTPUT)
@click.argument("public", type=OUTPUT)
@click.option("--r1cs", type=FILE, help="The circuit, to find the first broken row if the witness is false.")
@SYM
@reporting
def prove_circuit(zkey: Path, wtns: Path, proof: Path, public: Path, r1cs: Path | None, sym: Path | None) -> Outcome:
    """Prove WTNS with the proving key ZKEY; writes PROOF and PUBLIC (JSON).  --json tells the peak memory, too."""
    from primitives import field
    from primitives.errors import Unsatisfied
    from prover import prove
    from prover.files import snarkjs
    from prover.files.sections import naming
    from prover.files.wtns import read_wtns
    from prover.files.zkey import read_zkey
    from prover.groth16.prove import check_witness
    key, witness = read_zkey(zkey), read_wtns(wtns)
    with naming(wtns):
        check_witness(key, witness)
    try:
        with naming(zkey):                                 # the witness is checked, so it is the key's points
            made = prove(key, witness, progress=progress, keep_bases=False)
    except Unsatisfied as error:
        where = ("which row it breaks, `groth16 wtns check CIRCUIT.r1cs` tells" if r1cs is None else
                 first_broken(r1cs, witness, sym) or f"it satisfies {r1cs}, which is not the circuit of {zkey}")
        raise Unsatisfied(f"{wtns}: {error}; {where}") from None
    snarkjs.write_proof(proof, made)
    snarkjs.write_public(public, field.decode(witness[1:key.public + 1]))
    insecure = key.transcript.insecure
    return Outcome({"proof": str(proof), "public": str(public), "insecure_setup": insecure,
                    "peak_memory_bytes": peak_memory()},
                   [f"{proof} and {public} written", *([INSECURE] if insecure else [])])


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
    from prover.files.sections import naming
    from prover.groth16.verify import check_public_inputs
    key, inputs = snarkjs.read_verification_key(verification_key), snarkjs.read_public(public)
    with naming(public):
        check_public_inputs(key, inputs)
    holds = verify(key, inputs, snarkjs.read_proof(proof), backend=backend)
    return Outcome({"insecure_setup": key.insecure_setup},
                   ["OK" if holds else "INVALID: the proof does not show this statement",
                    *([INSECURE] if key.insecure_setup else [])], holds)


# -- keys made by many ---------------------------------------------------------------------------------------------
@groth16.command("setup")
@click.argument("r1cs", type=FILE)
@click.argument("ptau", type=FILE)
@click.argument("zkey", type=OUTPUT)
@click.option("--trust-powers", is_flag=True, help="Do not check PTAU: you did, or will with verify-key.")
@reporting
def setup_key(r1cs: Path, ptau: Path, zkey: Path, trust_powers: bool) -> Outcome:
    """Make the unfinished ZKEY of a circuit from powers of tau; phase 2 then needs contributions.

    Of PTAU, everybody's contribution is checked, and all points that the circuit needs.
    """
    from prover.ceremony.checks import BrokenCeremony
    from prover.ceremony.phase2 import check_powers_suit, initial_key
    from prover.ceremony.powers import verify_powers
    from prover.files.ptau import read_ptau
    from prover.files.r1cs import read_r1cs
    from prover.files.sections import naming
    from prover.files.zkey import write_zkey
    system, powers = read_r1cs(r1cs), read_ptau(ptau)
    with naming(r1cs):
        log_size = check_powers_suit(system, powers)
    if not trust_powers:
        try:
            verify_powers(powers, log_size=log_size, progress=progress)
        except BrokenCeremony as error:
            return Outcome({"failed": str(error)}, [f"BROKEN: {error}"], holds=False)
    made = initial_key(system, powers, progress=progress)
    write_zkey(zkey, made)
    remarks = [UNFINISHED]
    if trust_powers:
        remarks.append(f"NOT CHECKED: {ptau} may have been made to forge. Check with verify-key before use.")
    return _transcript(zkey, made, remarks, powers, checked=not trust_powers)


@groth16.command("contribute")
@click.argument("before", type=FILE)
@click.argument("after", type=OUTPUT)
@click.option("--name", help="What to call you in the transcript.")
@reporting
def contribute_to_key(before: Path, after: Path, name: str | None) -> Outcome:
    """Add your secret to the key BEFORE, and write AFTER.  Publish the digest that is shown."""
    from prover.ceremony.phase2 import contribute
    from prover.files.sections import naming
    from prover.files.zkey import read_zkey, write_zkey
    with naming(before, but=["name"]):
        made = contribute(read_zkey(before, unfinished=True), name)
    write_zkey(after, made)
    return _transcript(after, made, ["Publish your digest, the last one above; your secret is gone."])


@groth16.command("beacon")
@click.argument("before", type=FILE)
@click.argument("after", type=OUTPUT)
@click.argument("value", metavar="HEX")
@click.argument("iterations", type=int)
@click.option("--name", help="What to call the beacon in the transcript.")
@reporting
def apply_beacon(before: Path, after: Path, value: str, iterations: int, name: str | None) -> Outcome:
    """Add a public random beacon as the last contribution; 2^ITERATIONS hashes of HEX."""
    from prover.ceremony.phase2 import contribute_beacon
    from prover.files.sections import naming
    from prover.files.zkey import read_zkey, write_zkey
    beacon = beacon_of(value, iterations)
    with naming(before, but=["name", "beacon", "beacon iterations"]):
        made = contribute_beacon(read_zkey(before, unfinished=True), beacon, name)
    write_zkey(after, made)
    return _transcript(after, made, [])


@groth16.command("verify-key")
@click.argument("r1cs", type=FILE)
@click.argument("ptau", type=FILE)
@click.argument("zkey", type=FILE)
@reporting
def verify_key(r1cs: Path, ptau: Path, zkey: Path) -> Outcome:
    """Check the whole ceremony of ZKEY: phase 1, every contribution, and that it is the key of this circuit."""
    from prover.ceremony.checks import BrokenCeremony
    from prover.ceremony.phase2 import check_powers_suit
    from prover.ceremony.verify import verify_ceremony
    from prover.files.ptau import read_ptau
    from prover.files.r1cs import read_r1cs
    from prover.files.sections import naming
    from prover.files.zkey import read_zkey
    key, system, powers = read_zkey(zkey, every_point=True), read_r1cs(r1cs), read_ptau(ptau)
    with naming(r1cs):
        check_powers_suit(system, powers)
    try:
        verify_ceremony(key, system, powers, progress=progress)
    except BrokenCeremony as error:
        return Outcome({"failed": str(error)}, [f"BROKEN: {error}"], holds=False)
    return _transcript(zkey, key, ["The ceremony holds: with one honest contributor in each phase, nobody can forge."],
                       powers)


@groth16.command("export-key")
@click.argument("zkey", type=FILE)
@click.argument("verification_key", type=OUTPUT)
@reporting
def export_key(zkey: Path, verification_key: Path) -> Outcome:
    """Write the verification key of ZKEY as snarkjs's JSON; every point of ZKEY is checked first."""
    from prover.files import snarkjs
    from prover.files.zkey import read_zkey
    key = read_zkey(zkey, every_point=True)
    snarkjs.write_verification_key(verification_key, key.verification_key)
    return _transcript(verification_key, key, [])


def _transcript(path: Path, key: ProvingKey, remarks: list[str], powers: PowersOfTau | None = None, *,
                checked: bool = True) -> Outcome:
    """What is known of a key's making; of phase 1 only where the powers are at hand."""
    facts = key.transcript.to_json()
    lines = [f"{path}: {len(facts['contributions'])} contributions", *told(facts), *remarks]
    if facts["insecure"] and key.finished:
        lines.append(INSECURE)
    lines += believed(facts, "the key")
    if powers is not None:
        facts["powers"] = {**powers.to_json(), "checked": checked}
        facts["insecure"] = facts["insecure"] or powers.insecure
        lines += [f"{powers.source}: {len(powers.contributions)} contributions", *told(facts["powers"])]
        lines += [INSECURE_POWERS] if powers.insecure else believed(facts["powers"], "the powers of tau")
    return Outcome({"path": str(path), **facts}, lines)


@click.command()
@reporting
def warm() -> Outcome:
    """Compile every kernel of prover, verifier and risk engine, so that the first proof does not wait for it."""
    import time

    from prover.kernels import warm as compile_all
    from risk.valuation.warm import warm as compile_risk
    seconds = compile_all(progress)
    started = time.perf_counter()
    compile_risk()
    seconds["risk engine"] = time.perf_counter() - started
    return Outcome({"seconds": seconds}, table([(name, f"{spent:.1f} s") for name, spent in seconds.items()]))
